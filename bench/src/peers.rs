//! The peers in Python: an environment for them, the population that their generator writes, and
//! their times.

use crate::law::{EXPECTED, Stopped};
use std::path::{Path, PathBuf};
use std::process::Command;

fn input(text: impl std::fmt::Display) -> Stopped {
    Stopped::Input(text.to_string())
}

/// Runs each peer in its own process and prints its line; gives what was wrong with their totals.
pub fn run(python: &Path, folder: &Path, by_size: f64) -> Vec<String> {
    let mut wrong = Vec::new();
    let peers: [(&str, &str, &[&str]); 4] = [
        ("numpy", "numpy_peer.py", &["3"]),
        ("Polars, 1 thread", "polars_peer.py", &["3"]),
        ("DuckDB, 1 thread", "duckdb_peer.py", &["3", "1"]),
        (
            "OpenFisca, whole numbers",
            "openfisca_peer.py",
            &["1", "int"],
        ),
    ];
    for (name, script, arguments) in peers {
        let json = match one(python, script, folder, arguments) {
            Ok(json) => json,
            Err(why) => {
                println!("{name:<58} left out: {why}");
                continue;
            }
        };
        let ns = json["ns_person_month"].as_f64().unwrap_or(0.0);
        println!(
            "{name:<58} {ns:9.2} ns  {:8.2} × by size {:6} MiB",
            ns / by_size,
            json["peak_rss_mb"]
        );
        if let Some(year) = json["year"].as_array() {
            let got = (year[0].as_u64(), year[1].as_i64());
            if got != (Some(EXPECTED[2].0), Some(EXPECTED[2].1)) {
                wrong.push(format!("{name}: {got:?} for the year"));
            }
        }
    }
    println!(
        "{:<58} left out: evaluates one row at a time from Rust only, at about 43,000 ns when it was measured (bench/README.md)",
        "dsntk"
    );
    wrong
}

fn one(
    python: &Path,
    script: &str,
    folder: &Path,
    arguments: &[&str],
) -> Result<serde_json::Value, String> {
    let out = Command::new(python)
        .arg(Path::new("bench/peers").join(script))
        .arg(folder)
        .args(arguments)
        .env("POLARS_MAX_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .output()
        .map_err(|e| e.to_string())?;
    if !out.status.success() {
        let error = String::from_utf8_lossy(&out.stderr).to_string();
        return Err(error
            .lines()
            .last()
            .unwrap_or("no reason given")
            .to_string());
    }
    String::from_utf8_lossy(&out.stdout)
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
        .find(|j| j.get("ns_person_month").is_some())
        .ok_or_else(|| "gave nothing to read".to_string())
}

/// A Python with numpy and pyarrow: named by the environment, or made in a folder of its own.
pub fn python(folder: &Path) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("MINSHENG_BENCH_PYTHON") {
        return Some(named.into());
    }
    let made = folder.join("venv/bin/python");
    let works = |python: &Path| {
        let out = Command::new(python)
            .args(["-c", "import numpy, pyarrow"])
            .output();
        out.is_ok_and(|o| o.status.success())
    };
    if works(&made) {
        return Some(made);
    }
    println!("making a Python environment in {} …", folder.display());
    let venv = Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder.join("venv"))
        .output();
    if !venv.is_ok_and(|o| o.status.success()) {
        return None;
    }
    // One by one, so that a package that does not install takes no other with it.
    for packages in [
        &["numpy", "pyarrow"][..],
        &["polars"],
        &["duckdb"],
        &["openfisca-core"],
    ] {
        let _ = Command::new(&made)
            .args(["-m", "pip", "install", "-q"])
            .args(packages)
            .output();
    }
    works(&made).then_some(made)
}

/// The population's folder, generated when it is not there.
pub fn generated(folder: &Path, python: Option<&Path>) -> Result<PathBuf, Stopped> {
    if let Some(named) = std::env::var_os("MINSHENG_BENCH_POP") {
        return Ok(named.into());
    }
    let out = folder.join("population");
    if out.join("household.start.bin").exists() {
        return Ok(out);
    }
    let python = python.ok_or_else(|| {
        input("no Python with numpy and pyarrow to generate the population; name one in MINSHENG_BENCH_PYTHON, or a generated population in MINSHENG_BENCH_POP")
    })?;
    let run = Command::new(python)
        .arg("bench/peers/gen_population.py")
        .arg(&out)
        .output()
        .map_err(input)?;
    if run.status.success() {
        return Ok(out);
    }
    Err(input(String::from_utf8_lossy(&run.stderr)))
}
