//! The register in files: the same moment gives the same bytes, and nothing is written over.

use crate::cli::{copy, demo, path, run_on};
use serde_json::Value;

#[test]
fn an_export_of_a_moment_is_the_same_whenever_it_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    copy(&demo(), &data);
    let manifest = |name: &str| {
        let out = folder.path().join(name);
        let words = [
            "export-partitions",
            "--months",
            "2026-02",
            "--known-at",
            "2026-06-01",
            "--json",
        ];
        let ran = run_on(&data, &[&words[..], &["--out", path(&out)]].concat()).exits(0);
        let text = std::fs::read_to_string(out.join("manifest.json")).expect("a manifest");
        (ran.json(), text)
    };
    let (told, first) = manifest("one");
    let (_, second) = manifest("two");
    assert_eq!(first, second);

    let read: Value = serde_json::from_str(&first).expect("JSON");
    let files = read["households"].as_array().expect("files");
    let sum: u64 = files.iter().filter_map(|f| f["households"].as_u64()).sum();
    assert_eq!(told["households"], sum);
    assert_eq!(told["files"], files.len());
    assert!(sum > 200, "{sum}");
    assert!(told["standing"].as_u64() > Some(0));

    let out = folder.path().join("one");
    let again = [
        "export-partitions",
        "--months",
        "2026-02",
        "--out",
        path(&out),
    ];
    let ran = run_on(&data, &again).exits(2);
    assert!(ran.err.contains("name a new one"), "{}", ran.err);
}
