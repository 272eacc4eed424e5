//! Who must act or be told, by when, with what authority.
//!
//! Decides: the steps of a case as the law's procedure gives them, deadlines, notices, who may do what,
//! and everything that follows from a late fact.
//! Never: computes an amount; names a programme.
//! Entrance: [`correction::correct`] for what became known; [`procedure::act`] for what somebody does.
//! Invariants: a case is the fold of its events; a human decision is evidence that no run undoes; who
//! worked on a case does not decide it.

pub mod application;
pub mod authority;
pub mod case;
pub mod conclusion;
pub mod correction;
pub mod notice;
pub mod procedure;
pub mod publication;
