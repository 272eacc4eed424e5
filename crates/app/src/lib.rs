//! The program's parts, as a library for its tests and its commands.

pub mod world;
