//! The program's tests from outside.

mod cli;
mod entitled;
mod site;
mod world;
