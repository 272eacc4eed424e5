//! What is owed for which period, and why it changed.
//!
//! Decides: determinations from situations, entitlements from determinations and human decisions,
//! which months a late fact touches, and the difference between what was owed and what is owed.
//! Never: moves money, reads a database or a clock, names a programme.
//! Entrance: [`redetermination::redetermine`]; for populations [`determine::determine_slice`].
//! Invariants: a determination is never edited; a month's determination is made under that month's
//! law; an incremental redetermination equals a full recomputation; a human decision is not undone by
//! a run.

pub mod change;
pub mod columns;
pub mod decision;
pub mod determination;
pub mod determine;
pub mod difference;
pub mod explaining;
mod hearing;
pub mod month;
pub mod night;
pub mod owed;
pub mod partition;
pub mod programmes;
pub mod redetermination;
pub mod rules;
pub mod situation;
mod slices;
mod walk;

pub use policy::law::explanation::told;
pub use policy::outcome::{Evaluation, Missing, Outcome, Reason};
pub use policy::programme::{
    ApplicationRule, Bilingual, Procedure, Programme, Review, Rhythm, Role, Start, Step, Subject,
    Term,
};
