//! The public TCK of DMN, when the environment says where it lies: `MINSHENG_TCK=…/TestCases`.
//! It is not part of the project; without it the test says so and passes.

use policy::dmn::tck::{self, File, Verdict};
use policy::feel::temporal::{Date, DateTime};
use std::path::Path;

fn read(dir: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(&path, files);
        } else if path.extension().is_some_and(|e| e == "xml" || e == "dmn") {
            let text = std::fs::read_to_string(&path).expect("a text");
            files.push(File {
                path: path.to_string_lossy().into_owned(),
                text,
            });
        }
    }
}

#[test]
fn the_public_tck_holds() {
    let Ok(dir) = std::env::var("MINSHENG_TCK") else {
        println!("skipped: MINSHENG_TCK does not name the TCK's TestCases folder");
        return;
    };
    let now = Date::new(2026, 1, 1).map(DateTime::midnight);
    let mut files = Vec::new();
    read(Path::new(&dir), &mut files);
    let results = tck::run(&files, now);
    let failed: Vec<String> = results
        .iter()
        .filter(|r| r.verdict == Verdict::Error && r.folder.starts_with("compliance"))
        .map(ToString::to_string)
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let totals = tck::totals(&results);
    println!("{totals:?}");
    for total in totals.iter().filter(|t| t.level.starts_with("compliance")) {
        // A new version of the TCK may add cases, never take the ones away that were passed.
        let least = if total.level.ends_with('2') {
            116
        } else {
            3261
        };
        assert!(total.passed >= least, "{total:?}");
    }
}
