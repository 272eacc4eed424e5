//! The program's tests from outside.

mod applying;
mod cli;
mod entitled;
mod explained;
mod late;
mod simulate;
mod site;
mod world;
