//! A population run beyond one process: the compiled law as a function over batches of an existing engine.
//!
//! Decides: how a month of partitions is cut into jobs, which of them are done, where their results lie.
//! Never: reads the store, computes an amount of its own.
//! Entrance: [`run::run`], [`compare::compare`]; [`nodes`] for the processes.
//! Invariants: the result of a partition is the same bytes wherever and however often it is computed; a node
//! computes under the law that the run asks for, or refuses.

pub mod bench;
pub mod codec;
pub mod compare;
pub mod engine;
pub mod function;
pub mod grow;
pub mod lawbook;
pub mod nodes;
pub mod partitions;
pub mod run;
pub mod table;
