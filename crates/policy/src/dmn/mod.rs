//! DMN files: reading 1.3 to 1.5, evaluating any decision, writing 1.3.
//!
//! Decides: what a model in XML means, by the standard's lenient semantics.
//! Never: touches a network or another file than those it is given; calls external functions.
//! Entrance: [`Program::load`], [`Program::evaluate`]; [`model::read`], [`write::write`]; [`tck::run`]; [`exchange`].
//! Invariants: hostile XML (depth, size, entities) is an error within set limits.
//! Answers to: OMG DMN 1.5; the public TCK.

mod boxed;
mod compile;
pub mod exchange;
pub mod model;
mod run;
pub mod tck;
pub mod write;
pub mod xml;

pub use compile::{Problem, Program};
pub use run::Inputs;
