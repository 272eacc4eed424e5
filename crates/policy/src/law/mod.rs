//! The law: from Markdown files to an evaluated situation.
//!
//! [`Law::load`] reads and checks the files of `docs/law-format.md`; [`Law::edition`] gives the rules
//! in force at a place on a day, as known then; the edition determines a [`Situation`].
//! No file access here: the caller reads the files.

mod calendar;
mod checks;
pub(crate) mod compile;
mod corpus;
mod coverage;
mod cycles;
pub mod diff;
mod directive;
pub(crate) mod edition;
pub(crate) mod eval;
pub mod examples;
mod explain;
pub mod explanation;
pub mod format;
mod front;
mod gaps;
mod idle;
mod indexation;
mod inputs;
pub(crate) mod kinds;
mod lists;
mod markdown;
mod model;
pub mod outcomes;
mod parameters;
mod places;
mod prelude;
mod programmes;
mod properties;
mod reader;
mod reform;
mod report;
pub mod search;
mod sentence;
mod situation;
mod source;
pub(crate) mod symbols;
mod tables;
mod trace;
mod yaml;

pub use crate::feel::number::Number;
pub use crate::feel::types::Type;
pub use crate::feel::value::Value;
pub use corpus::Law;
pub use edition::{Edition, LawError};
pub use eval::{Evaluator, Handle, Traced, eval_json};
pub use inputs::Inputs;
pub use kinds::{Absent, EvidenceKind, KindError, Register};
pub use model::{Article, Block, Instrument, RuleBody, RuleText, Status};
pub use parameters::Parameter;
pub use places::{Place, Places};
pub use report::{Finding, Language, Report, Severity};
pub use situation::{Carry, Record, Situation, SituationError};
pub use source::{Position, SourceFile};
pub use tables::ParameterRow;
