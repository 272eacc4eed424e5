//! Runs TCK folders: `cargo run -p policy --example tck -- DIR [--all]`. Prints the failures (with
//! `--all` every case) as the vendors' CSV lines, and totals.

use policy::dmn::tck;
use policy::feel::temporal::{Date, DateTime};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(dir) = args.first() else {
        eprintln!("usage: tck DIR [--all]");
        std::process::exit(2);
    };
    let all = args.iter().any(|a| a == "--all");
    let now = Date::new(2026, 11, 24).map(DateTime::midnight);
    match tck::run(std::path::Path::new(dir), now) {
        Ok(results) => {
            for result in results
                .iter()
                .filter(|r| all || r.verdict == tck::Verdict::Error)
            {
                println!("{result}");
            }
            for total in tck::totals(&results) {
                println!(
                    "{}: {} passed, {} failed, {} ignored",
                    total.level, total.passed, total.failed, total.ignored
                );
            }
        }
        Err(error) => {
            eprintln!("{dir}: {error}");
            std::process::exit(2);
        }
    }
}
