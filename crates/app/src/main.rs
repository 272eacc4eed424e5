//! `minsheng`: one binary for the command line, the site, the API and the jobs.

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    app::cli::main(app::cli::Cli::parse())
}
