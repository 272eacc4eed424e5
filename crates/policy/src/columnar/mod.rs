//! The columnar road: a programme over a whole population.
//!
//! The typed rules of an edition become expressions over columns of bounded integers; those become
//! a tape of instructions for each size of household, which runs block by block. Money is scaled
//! integers, never floats; null is a mask of its own; what has no columnar form, or might round
//! otherwise than the row road does, is decided by [`crate::law::Evaluator`] and counted.
//!
//! Entrance: [`Columns::from_situations`] or [`Columns::from_record_batches`], then [`Plan::new`].
//! Several months run together as a [`Pass`]: what they share is computed once.
//! Invariant: outcome, amount and reason are those of the row road, for every household.
//!
//! # What a record batch looks like
//!
//! Any engine's Arrow buffers can be handed over as they are:
//!
//! | evidence | Arrow type |
//! | --- | --- |
//! | a number, money | `Int8` to `Int64`, `UInt8` to `UInt32`, or `Decimal128(p, s)`: the value is the integer divided by ten to the `s` |
//! | yes or no | `Boolean` |
//! | a text, one of several | `Utf8` |
//! | a day | `Date32` |
//!
//! Households stand in one batch each row; members in another, with a column `household` of integers
//! that says whose they are, ascending: the run lengths of that column are the offsets of Arrow's
//! `List` (a list array's `offsets` and `values` are these two batches). A null in Arrow's validity
//! bitmap is *no evidence*: unknown, or what the law says that silence means. Values are copied once,
//! in 32 bits where a column's least and greatest allow it, households of one size together; nothing
//! of the batches is held afterwards.

mod arrow;
mod assemble;
mod column;
mod decide;
mod functions;
mod graph;
mod kernel;
mod lower;
mod machine;
mod pass;
mod plan;
mod population;
mod registers;
mod results;
mod tape;
#[cfg(test)]
mod tape_tests;
mod term;
#[cfg(test)]
mod tests;

pub use arrow::ColumnError;
pub use column::Texts;
pub use pass::{Pass, run_all};
pub use plan::{Plan, Vectorised};
pub use population::Columns;
pub use results::{Decisions, Intermediates, Totals, code};
