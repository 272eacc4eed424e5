//! `minsheng`: one binary for the command line, the site, the API and the jobs.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    app::cli::main(app::cli::Cli::parse())
}
