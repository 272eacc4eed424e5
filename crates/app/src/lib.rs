//! The one binary's insides: commands, pages, the HTTP API, jobs.
//!
//! Decides: how people and programs reach the rooms below: what a page shows, what a command prints.
//! Never: computes what anybody is owed, writes SQL, names a programme.
//! Entrance: [`web::router`].
//! Invariants: role and area are checked before anything is read; every form carries a token.

pub mod api;
pub mod web;
pub mod world;
