//! What is owed for which period, and why it changed.
//!
//! Decides: determinations from situations, entitlements from determinations and human decisions,
//! which months a late fact touches, and the difference between what was owed and what is owed.
//! Never: moves money, reads a database or a clock, names a programme.
//! Entrance: `redetermination`.
//! Invariants: a determination is never edited; a month's determination is made under that month's law.

pub mod determination;

pub use policy::outcome::{Evaluation, Missing, Outcome, Reason};
pub use policy::programme::{
    ApplicationRule, Bilingual, Procedure, Programme, Review, Rhythm, Role, Start, Step, Subject,
    Term,
};
