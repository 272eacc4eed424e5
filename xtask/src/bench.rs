//! `cargo xtask bench`: builds for release and runs the project's own measurements.

use crate::{build_release, root, run_command, target_dir};
use anyhow::{Result, bail};
use std::process::Command;

/// `month`: a month's cycle on the full district; `pay`: a pay run of a million; `sizes`: the cost at ten
/// thousand, a hundred thousand and a million households; `law`: the engine beside its peers; `all`: these
/// but for `sizes`.
pub fn run(args: &[String]) -> Result<()> {
    let name = args.first().map_or("month", String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    match name {
        "month" | "pay" | "sizes" => own(name, rest),
        "law" => law(rest),
        "all" => own("month", rest)
            .and_then(|()| own("pay", &[]))
            .and_then(|()| law(&[])),
        other => bail!("there is no bench `{other}`; there are month, pay, sizes, law and all"),
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
