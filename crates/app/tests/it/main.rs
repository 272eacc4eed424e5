//! The program's tests from outside.

mod world;
