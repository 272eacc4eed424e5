//! `cargo xtask test`: everything that must hold, in the order in which it fails fastest.

use crate::{root, run_cargo, run_command, setup, target_dir, tidy};
use anyhow::Result;
use std::process::Command;
use std::time::Instant;

/// Runs everything; the first failure ends it.
pub fn run(args: &[String]) -> Result<()> {
    let begun = Instant::now();
    step("tidy", tidy::run)?;
    step("install what the tests need", setup::everything)?;
    step("format", || run_cargo(&["fmt", "--all", "--check"]))?;
    step("build", || {
        run_cargo(&["build", "--workspace", "--all-targets"])
    })?;
    step("tests", || {
        let mut words = vec!["nextest", "run", "--workspace", "--no-fail-fast"];
        words.extend(args.iter().map(String::as_str));
        run_cargo(&words)
    })?;
    step("law", || minsheng(&["law", "check", "law"]))?;
    step("the law's layout", || {
        minsheng(&["law", "fmt", "--check", "law"])
    })?;
    step("worked examples", || minsheng(&["law", "test", "law"]))?;
    step("pages in a browser", browser)?;
    println!(
        "xtask: everything passed in {} s",
        begun.elapsed().as_secs()
    );
    Ok(())
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let begun = Instant::now();
    println!("xtask: {name} …");
    work()?;
    println!(
        "xtask: {name}: fine ({:.1} s)",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn minsheng(args: &[&str]) -> Result<()> {
    run_command(
        Command::new(target_dir().join("debug").join("minsheng"))
            .args(args)
            .current_dir(root()),
    )
}

/// Node's own test runner drives Chromium over a small district served on a free port.
fn browser() -> Result<()> {
    run_command(
        Command::new("node")
            .args(["--test", "--test-concurrency=1"])
            .current_dir(root().join("tests/e2e"))
            .env("MINSHENG", target_dir().join("debug").join("minsheng")),
    )
}
