//! `cargo xtask bench`: builds the release binary and runs its own measurements on the full district.

use crate::{build_release, root, run_command};
use anyhow::{Result, bail};
use std::process::Command;

/// `month`: a month's cycle on the full district; `law`: the engine beside its peers; `all`: both.
pub fn run(args: &[String]) -> Result<()> {
    let name = args.first().map_or("month", String::as_str);
    let rest = args.get(1..).unwrap_or_default();
    let binary = build_release()?;
    let one = |name: &str| {
        run_command(
            Command::new(&binary)
                .arg("bench")
                .arg(name)
                .args(rest)
                .current_dir(root()),
        )
    };
    match name {
        "month" | "law" => one(name),
        "all" => one("month").and_then(|()| one("law")),
        other => bail!("there is no bench `{other}`; there are month, law and all"),
    }
}
