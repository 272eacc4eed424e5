//! The program's tests from outside.

mod entitled;
mod site;
mod world;
