//! The law engine measured: one rule as a law file, beside hand-written loops and other engines.
//!
//! Decides: nothing; it measures and compares.
//! Never: knows a register or a real programme. A crate of its own, so that the hand-written loops are
//! compiled with the same optimisation as the engine, and the measurement needs no other room.
//! Entrance: [`run`].

mod clock;
mod compare;
#[allow(missing_docs)]
mod hand;
mod law;
mod peers;
mod population;

pub use law::{Options, Part, Stopped, run};
