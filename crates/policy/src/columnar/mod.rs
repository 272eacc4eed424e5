//! The columnar road: a programme over a whole population.
//!
//! The typed rules of an edition become expressions over columns of bounded integers; those become
//! a tape of instructions for each size of household, which runs block by block. Money is scaled
//! integers, never floats; null is a mask of its own; what has no columnar form, or might round
//! otherwise than the row road does, is decided by [`crate::law::Evaluator`] and counted.
//!
//! Entrance: [`Columns::from_situations`] or [`Columns::from_record_batches`], then [`Plan::new`].
//! Invariant: outcome, amount and reason are those of the row road, for every household.

mod arrow;
mod column;
mod decide;
mod functions;
mod graph;
mod lower;
mod machine;
mod plan;
mod population;
mod tape;
mod term;
#[cfg(test)]
mod tests;

pub use arrow::ColumnError;
pub use column::Texts;
pub use plan::{Decisions, Intermediates, Plan, Totals, Vectorised, code, run_all};
pub use population::Columns;
