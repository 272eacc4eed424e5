//! Patterns over many: indicators, two-sided error, signals.
//!
//! Decides: what a district's figures are and where somebody must look.
//! Never: decides a case or moves money; reads only.
//! Entrance: `district`.
