//! The law: from Markdown files to an evaluated situation.
//!
//! [`Law::load`] reads and checks the files of `docs/law-format.md`; [`Law::edition`] gives the rules
//! in force at a place on a day, as known then; the edition determines a [`Situation`].
//! No file access here: the caller reads the files.

#![allow(dead_code)] // fields that the evaluator will read
mod calendar;
mod corpus;
mod directive;
mod front;
mod markdown;
mod model;
mod places;
mod programmes;
mod reader;
mod report;
mod sentence;
mod source;
mod tables;
mod yaml;

pub use corpus::Law;
pub use model::{Article, Block, Instrument, RuleBody, RuleText, Status};
pub use places::{Place, Places};
pub use report::{Finding, Language, Report, Severity};
pub use source::{Position, SourceFile};
pub use tables::ParameterRow;
