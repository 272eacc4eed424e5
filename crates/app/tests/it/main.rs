//! The program's tests from outside.

mod entitled;
mod world;
