//! What was so, when, and by whose word: persons, households, areas and the evidence about them.
//!
//! Decides: what is known of whom for a day as known at a moment; whether an identity number is one.
//! Never: what anybody is owed; knows no programme and no law.
//! Entrance: [`timeline`] for reading, [`record`] for what is written down.
//! Invariants: only additions; every fact has a valid period, a recorded moment, a source and a recorder.
//! Answers to: GB 11643 (identity numbers), GB/T 2260 (areas), the personal-information law.

pub mod identity;
pub mod import;
pub mod protect;
pub mod record;
pub mod same;
pub mod slice;
pub mod timeline;
