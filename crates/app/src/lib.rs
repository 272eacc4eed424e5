//! The one binary's insides: commands, pages, the HTTP API, jobs.
//!
//! Decides: how people and programs reach the rooms below: what a page shows, what a command prints,
//! and when a job runs.
//! Never: computes what anybody is owed, writes SQL, names a programme.
//! Entrance: [`cli`], [`service`], [`web::router`].
//! Invariants: role and area are checked before anything is read; every form carries a token.

// First, for its macros.
#[macro_use]
pub mod output;

pub mod api;
pub mod bench;
pub mod cli;
pub mod demo;
pub mod lawbook;
pub mod service;
pub mod simulate;
pub mod web;
pub mod world;
