//! The files against the official schemas, which are not ours to ship: set `ISO20022_XSD` to a folder
//! that holds pain.001.001.09.xsd, pain.002.001.10.xsd and camt.053.001.08.xsd, with xmllint at hand.

use crate::files::{district, instruction};
use ledger::bank::{self, Rates};
use std::path::Path;
use std::process::Command;

fn validate(folder: &Path, schema: &str, name: &str, bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join(name);
    std::fs::write(&file, bytes).expect("written");
    let output = Command::new("xmllint")
        .arg("--nonet")
        .arg("--noout")
        .arg("--schema")
        .arg(folder.join(schema))
        .arg(&file)
        .output()
        .expect("xmllint");
    assert!(
        output.status.success(),
        "{schema}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn files_hold_to_the_official_schemas() {
    let Some(folder) = std::env::var_os("ISO20022_XSD") else {
        eprintln!("ISO20022_XSD is not set: the schemas are not checked");
        return;
    };
    let folder = Path::new(&folder);
    let file = instruction(&district(50));
    validate(folder, "pain.001.001.09.xsd", "i.xml", &file);
    let rates = Rates {
        rejected: 200,
        returned: 200,
        unknown: 200,
        silent: 100,
    };
    let answers = bank::answer(&file[..], 1, rates).expect("answers");
    validate(
        folder,
        "pain.002.001.10.xsd",
        "r.xml",
        answers.status_report.as_bytes(),
    );
    validate(
        folder,
        "camt.053.001.08.xsd",
        "s.xml",
        answers.statement.as_bytes(),
    );
}
