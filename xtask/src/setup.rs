//! Installs what the tests need beyond Rust: PostgreSQL, Chromium, a Chinese font, Node.js packages.

use crate::{root, run_command};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian packages by the program that shows they are there.
const DEBIAN: &[(&str, &[&str])] = &[
    ("/usr/bin/chromium", &["chromium"]),
    (
        "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
        &["fonts-wqy-microhei"],
    ),
    ("/usr/lib/postgresql/*/bin/initdb", &["postgresql"]),
    ("/usr/bin/xmllint", &["libxml2-utils"]),
    ("node", &["nodejs", "npm"]),
    // Checks explanations without our code.
    ("python3", &["python3"]),
];

/// Everything: Debian packages, cargo-nextest, Node.js packages. Says what it does.
pub fn everything() -> Result<()> {
    debian()?;
    nextest()?;
    node_packages()
}

fn debian() -> Result<()> {
    let missing: Vec<&str> = DEBIAN
        .iter()
        .filter(|(sign, _)| !present(sign))
        .flat_map(|(_, packages)| packages.iter().copied())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("xtask: installing {} from Debian", missing.join(", "));
    let sudo: &[&str] = if is_root()? { &[] } else { &["sudo"] };
    let apt = |args: &[&str]| {
        let words: Vec<&str> = sudo
            .iter()
            .chain(["apt-get"].iter())
            .chain(args)
            .copied()
            .collect();
        run_command(
            Command::new(words[0])
                .args(&words[1..])
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&missing);
    apt(&install)
}

fn is_root() -> Result<bool> {
    let output = Command::new("id")
        .arg("-u")
        .output()
        .context("`id -u` does not start")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// A path (one `*` stands for one folder), or a program on the PATH.
fn present(sign: &str) -> bool {
    if let Some((before, after)) = sign.split_once('*') {
        let Ok(entries) = std::fs::read_dir(before) else {
            return false;
        };
        return entries
            .flatten()
            .any(|entry| entry.path().join(after.trim_start_matches('/')).exists());
    }
    if sign.starts_with('/') {
        return Path::new(sign).exists();
    }
    on_path(sign).is_some()
}

/// Where a program is, if it is on the PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

fn nextest() -> Result<()> {
    if on_path("cargo-nextest").is_some() {
        return Ok(());
    }
    println!("xtask: installing cargo-nextest");
    crate::run_cargo(&["install", "cargo-nextest", "--locked"])
}

fn node_packages() -> Result<()> {
    let folder = root().join("tests/e2e");
    let modules = folder.join("node_modules/playwright-core");
    if modules.exists() {
        return Ok(());
    }
    if on_path("npm").is_none() {
        bail!(
            "npm is not on the PATH after the installation of Debian's packages; install Node.js"
        );
    }
    println!("xtask: installing the Node.js packages of tests/e2e");
    run_command(
        Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--no-package-lock",
                "--silent",
            ])
            .current_dir(folder),
    )
}
