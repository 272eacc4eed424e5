//! Explanations from outside: on the terminal, as a letter's sentences, as a document for others.

use crate::cli::{copy, demo, look_ups, root, run_on, run_with, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The checker that shares no code with the program finds nothing.
#[track_caller]
fn checked(document: &Value, folder: &Path) {
    assert_eq!(document["format"], "minsheng-explanation/1");
    let file = folder.join("explanation.json");
    fs::write(&file, document.to_string()).expect("written");
    let ran = Command::new("python3")
        .arg(root().join("tests/explanation/verify.py"))
        .arg(&file)
        .arg("--schema")
        .arg(root().join("docs/explanation.schema.json"))
        .output()
        .expect("python3 is there: the checker needs it");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success() && !said.contains(": 0 checked"),
        "{said}"
    );
}

#[test]
fn a_situation_is_explained_in_every_form() {
    let (dir, asked) = (tempfile::tempdir().expect("a folder"), look_ups());
    let e = &asked["eval"];
    let input = e["input"].to_string();
    let eval = |more: &[&str]| {
        let (place, date) = (text(&e["place"]), text(&e["date"]));
        let decision = text(&e["decision"]);
        let args = [
            "law",
            "eval",
            "--place",
            place,
            "--date",
            date,
            "--decision",
            decision,
            "--input",
            "-",
        ];
        run_with(&input, &[&args[..], more].concat())
    };
    let tree = eval(&["--explain", "tree", "--lang", "en"]).exits(0).out;
    assert!(tree.contains("├─ ") && tree.contains("└─ "), "{tree}");
    assert!(tree.contains(text(&e["article"])), "{tree}");
    let brief = eval(&["--explain", "brief"]).exits(0).out;
    assert_eq!(brief.lines().count(), 2, "{brief}");
    assert!(brief.contains(text(&e["article"])), "{brief}");
    let document = eval(&["--explain", "json", "--what-if"]).exits(0).json();
    checked(&document, dir.path());
    let changes = document["what_if"]["changes"].as_array().expect("changes");
    assert!(!changes.is_empty());
    // The same beside the evaluation, and none of it when nobody asked.
    let beside = eval(&["--what-if"]).exits(0).json();
    assert_eq!(beside["what_if"], document["what_if"]);
    assert!(eval(&[]).exits(0).json()["what_if"].is_null());
    assert!(
        eval(&["--explain", "picture"])
            .exits(2)
            .err
            .contains("tree")
    );
    assert!(eval(&["--lang", "fr"]).exits(2).err.contains("fr"));
}

#[test]
fn a_household_of_the_register_is_explained_with_its_records() {
    let (dir, asked) = (tempfile::tempdir().expect("a folder"), look_ups());
    let data = dir.path().join("d");
    copy(&demo(), &data);
    let month = [
        "--programme",
        text(&asked["programme"]),
        "--month",
        "2026-02",
    ];
    let out = dir.path().join("all.json");
    let path = out.to_str().expect("a plain path");
    let all = [
        &[
            "determine",
            "--all",
            "--known-at",
            "2026-12-31",
            "--out",
            path,
        ],
        &month[..],
    ];
    run_on(&data, &all.concat()).exits(0);
    let rows = fs::read_to_string(&out).expect("rows");
    for wanted in ["entitled", "refused"] {
        let mut rows = rows
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).expect("a row"));
        let row = rows
            .find(|r| r["outcome"] == wanted)
            .expect("such a household");
        let one = [
            &["determine", "--household", text(&row["subject"]["id"])],
            &month[..],
        ]
        .concat();
        let plain = run_on(&data, &one).exits(0).json();
        assert!(plain[0]["explanation"].is_null());
        let found = run_on(
            &data,
            &[&one[..], &["--explain", "--format", "json"]].concat(),
        );
        let found = found.exits(0).json();
        assert!(found[0]["trace"].as_array().is_some_and(|t| !t.is_empty()));
        let explanation = &found[0]["explanation"];
        checked(explanation, dir.path());
        assert_eq!(explanation["outcome"]["name"], wanted);
        assert_eq!(explanation["about"]["household"], row["subject"]["id"]);
        let evidence = explanation["evidence"].as_array().expect("evidence");
        let known = |e: &&Value| e["records"].as_array().is_some_and(|r| !r.is_empty());
        assert!(evidence.iter().any(|e| known(&e)), "{explanation}");
        assert!(
            explanation["what_if"]["tried"]
                .as_u64()
                .is_some_and(|n| n > 0)
        );
        let tree = run_on(&data, &[&one[..], &["--explain", "tree"]].concat()).exits(0);
        assert!(tree.out.contains("└─ "), "{}", tree.out);
    }
}
