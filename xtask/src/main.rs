//! The commands that the README names: `cargo xtask demo`, `simulate`, `test`, `bench`, `tidy`.
//!
//! Everything they need beyond Rust and a C compiler they install themselves, and only `test` does.

mod bench;
mod setup;
mod test;
mod tidy;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [ARGS]    build, make the district, open the site (ARGS go to `minsheng demo`)
  simulate [ARGS] build, run a district through years of everything that goes wrong, audit each step
  test           install what the tests need, then run every check and test
  bench [NAME]   measure: month (default), pay, sizes, law, cluster, or all; prints figures and ratios
                 (law takes --native, --households N, --compare N)
  tidy           the rules of the house alone: edges, names, file sizes, glossary
";

fn main() {
    if let Err(error) = run() {
        eprintln!("xtask: {error:#}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    match command.as_str() {
        "demo" => minsheng("demo", &rest),
        "simulate" => minsheng("simulate", &rest),
        "test" => test::run(&rest),
        "bench" => bench::run(&rest),
        "tidy" => tidy::run(),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no command `{other}`\n\n{USAGE}"),
    }
}

/// Builds the release binary and hands over to one of its commands.
fn minsheng(command: &str, args: &[String]) -> Result<()> {
    let binary = build_release()?;
    let status = Command::new(&binary)
        .arg(command)
        .args(args)
        .current_dir(root())
        .status()
        .with_context(|| format!("{} does not start", binary.display()))?;
    std::process::exit(status.code().unwrap_or(1));
}

/// The release binary `minsheng`, built if need be.
pub fn build_release() -> Result<PathBuf> {
    run_cargo(&[
        "build",
        "--release",
        "--package",
        "app",
        "--bin",
        "minsheng",
    ])?;
    Ok(target_dir().join("release").join("minsheng"))
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    // Asked at run time: clones share one target folder, and what was compiled in one may run in another.
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    Path::new(
        here.as_deref()
            .unwrap_or(env!("CARGO_MANIFEST_DIR").as_ref()),
    )
    .parent()
    .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Where builds go: `CARGO_TARGET_DIR`, or one folder in the user's cache that all clones share, so
/// that a fresh clone does not compile the libraries again.
pub fn target_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("CARGO_TARGET_DIR") {
        return root().join(dir);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.map_or_else(
        || root().join("target"),
        |dir| dir.join("minsheng").join("target"),
    )
}

/// Runs cargo with the shared target folder.
pub fn run_cargo(args: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run_command(
        Command::new(cargo)
            .args(args)
            .env("CARGO_TARGET_DIR", target_dir())
            .current_dir(root()),
    )
}

/// Runs a command and turns a failure into an error that names it.
pub fn run_command(command: &mut Command) -> Result<()> {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let line = words.join(" ");
    let status = command
        .status()
        .with_context(|| format!("`{line}` does not start"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}
