//! The program's tests from outside.

mod applying;
mod cli;
mod entitled;
mod site;
mod world;
