//! The program's tests from outside.

mod applying;
mod cli;
mod custody;
mod entitled;
mod guide;
mod law_text;
mod site;
mod world;
