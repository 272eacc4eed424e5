//! Runs TCK folders: `cargo run -p policy --example tck -- DIR [--all]`. Prints the failures (with
//! `--all` every case) as the vendors' CSV lines, and totals.

use policy::dmn::tck::{self, File};
use policy::feel::temporal::{Date, DateTime};
use std::path::Path;

fn read(dir: &Path, files: &mut Vec<File>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "xml" || e == "dmn") {
            let text = std::fs::read_to_string(&path)?;
            files.push(File {
                path: path.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(dir) = args.first() else {
        eprintln!("usage: tck DIR [--all]");
        std::process::exit(2);
    };
    let all = args.iter().any(|a| a == "--all");
    let mut files = Vec::new();
    if let Err(error) = read(Path::new(dir), &mut files) {
        eprintln!("{dir}: {error}");
        std::process::exit(2);
    }
    let now = Date::new(2026, 1, 1).map(DateTime::midnight);
    let results = tck::run(&files, now);
    for result in results
        .iter()
        .filter(|r| all || r.verdict == tck::Verdict::Error)
    {
        println!("{result}");
    }
    for t in tck::totals(&results) {
        println!(
            "{}: {} passed, {} failed, {} ignored",
            t.level, t.passed, t.failed, t.ignored
        );
    }
}
