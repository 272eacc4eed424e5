//! Law as text, and the engine that computes it.
//!
//! Decides: what a law file means, what it yields for a situation and for a population, and why.
//! Never: knows a programme by name, a register, a database, a clock or a file system.
//! Entrance: [`programme`], [`outcome`], and the law itself.
//! Invariants: an unknown name, a missing parameter or a unit mismatch is an error when the law is
//! loaded; missing evidence is `Undetermined`, never entitled; the row road and the columnar road agree.
//! Answers to: OMG DMN 1.3 to 1.5 (FEEL), `docs/law-format.md`.

pub mod columnar;
pub mod dmn;
pub mod feel;
pub mod law;
pub mod outcome;
pub mod programme;
