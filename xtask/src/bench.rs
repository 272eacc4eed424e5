//! `cargo xtask bench`: builds for release and runs the project's own measurements.

use crate::{build_release, root, run_cargo, run_command, target_dir};
use anyhow::{Result, bail};
use std::process::Command;

/// `month`: a month's cycle on the full district; `pay`: a pay run of a million; `sizes`: the cost at ten
/// thousand, a hundred thousand and a million households; `law`: the engine beside its peers; `all`: these
/// but for `sizes`; `cluster`: one, two and four executors on a register of millions, and what a country costs.
pub fn run(args: &[String]) -> Result<()> {
    let name = args.first().map_or("month", String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    match name {
        "month" | "pay" | "sizes" => own(name, rest),
        "law" => law(rest),
        "cluster" => cluster(rest),
        "all" => own("month", rest)
            .and_then(|()| own("pay", &[]))
            .and_then(|()| law(&[])),
        other => {
            bail!("there is no bench `{other}`; there are month, pay, sizes, law, cluster and all")
        }
    }
}

fn own(name: &str, args: &[String]) -> Result<()> {
    let binary = build_release()?;
    run_command(
        Command::new(&binary)
            .args(["bench", name])
            .args(args)
            .current_dir(root()),
    )
}

/// A small district is made and exported; a register of any size is drawn from it county by county. The
/// arguments go to `minsheng-cluster bench` (`--households N`, `--executors 1,2,4`, `--programme P`).
fn cluster(args: &[String]) -> Result<()> {
    let minsheng = build_release()?;
    run_cargo(&[
        "build",
        "--release",
        "--package",
        "cluster",
        "--bin",
        "minsheng-cluster",
    ])?;
    let work = target_dir().join("bench-cluster");
    let (data, parts) = (work.join("data"), work.join("partitions"));
    let month = "2026-09";
    if !parts.join("manifest.json").exists() {
        let _ = std::fs::remove_dir_all(&work);
        run_command(
            Command::new(&minsheng)
                .args(["demo", "--no-serve", "--households", "3000"])
                .args(["--months", "2026-08..2026-09", "--data"])
                .arg(&data)
                .current_dir(root()),
        )?;
        run_command(
            Command::new(&minsheng)
                .args(["export-partitions", "--months", month, "--data"])
                .arg(&data)
                .arg("--out")
                .arg(&parts)
                .current_dir(root()),
        )?;
    }
    run_command(
        Command::new(target_dir().join("release").join("minsheng-cluster"))
            .args(["bench", "--month", month, "--law", "law"])
            .args(["--counties", "demo/counties.csv", "--data"])
            .arg(&parts)
            .arg("--work")
            .arg(work.join("measured"))
            .args(args)
            .current_dir(root()),
    )
}

/// Only the measurement's own crate is built: the same as `minsheng bench law` without the program
/// around it. `--native` builds it for this machine's processor, in a target folder of its own.
fn law(args: &[String]) -> Result<()> {
    let (native, rest): (Vec<&String>, Vec<&String>) = args.iter().partition(|a| *a == "--native");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["run", "--release", "--package", "lawbench", "--"])
        .args(rest)
        .env("CARGO_TARGET_DIR", target_dir())
        .current_dir(root());
    if !native.is_empty() {
        command
            .env("CARGO_TARGET_DIR", target_dir().join("native"))
            .env("RUSTFLAGS", "-C target-cpu=native");
    }
    run_command(&mut command)
}
