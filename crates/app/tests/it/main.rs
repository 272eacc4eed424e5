//! The program's tests from outside.

mod applying;
mod cli;
mod custody;
mod entitled;
mod explained;
mod figures;
mod files;
mod guide;
mod identity;
mod killed;
mod late;
mod law_text;
mod partitions;
mod roads;
mod simulate;
mod site;
mod staff;
mod world;
