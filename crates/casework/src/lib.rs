//! Who must act or be told, by when, with what authority.
//!
//! Decides: the steps of a case as the law's procedure gives them, deadlines, notices, who may do what.
//! Never: computes an amount; names a programme.
//! Entrance: [`case`].
//! Invariants: a case is the fold of its events; a human decision is evidence that no run undoes.

pub mod case;
