//! Patterns over many: indicators, two-sided error, signals.
//!
//! Decides: what a district's figures are and where somebody must look.
//! Never: decides a case or moves money; reads only.
//! Entrance: [`district::District`].
//! Invariants: folds do not depend on the order of rows; samples follow from seed and ids alone.

pub mod district;
pub mod sampling;
pub mod signals;
