//! Who is who, and what was overpaid, from the command line.

use crate::cli::{copy, demo, look_ups, run_on, text, verified};
use serde_json::Value;
use std::path::Path;

/// An id that a statement finds first.
fn found(data: &Path, sql: &str) -> Option<String> {
    let file = rusqlite::Connection::open(data.join("minsheng.sqlite")).expect("opened");
    let id: Option<Vec<u8>> = file.query_row(sql, [], |row| row.get(0)).ok();
    Some(base::Id::from_slice(&id?).expect("an id").to_string())
}

fn person(data: &Path, more: &[&str]) -> crate::cli::Ran {
    run_on(data, &[&["person"], more].concat())
}

#[test]
fn two_records_are_merged_and_parted_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("d");
    copy(&demo(), &data);
    let in_order = |order: &str| {
        let sql =
            format!("SELECT person FROM membership ORDER BY household {order}, person LIMIT 1");
        found(&data, &sql).expect("somebody")
    };
    let (old, new) = (in_order("ASC"), in_order("DESC"));
    let pair = ["--given-up", &old, "--continues", &new, "--by", "ann"];
    let merge = |more: &[&str]| person(&data, &[&["merge"], &pair[..], more].concat());
    merge(&["--reason", " "]).exits(2);
    merge(&["--reason", "register of births", "--preview"]).exits(0);
    let shown = |id: &str| {
        person(&data, &["show", "--json", "--person", id])
            .exits(0)
            .json()
    };
    assert_eq!(
        shown(&old)["goes_on_as"],
        Value::Null,
        "a preview records nothing"
    );
    let request = "0199f7a0-0000-7000-8000-000000000001";
    let once = [
        "--reason",
        "register of births",
        "--request",
        request,
        "--json",
    ];
    let first = merge(&once).exits(0).json();
    assert_eq!(
        (&first["recorded"], &first["repeated"]),
        (&true.into(), &false.into())
    );
    assert_eq!(merge(&once).exits(0).json()["repeated"], true);
    assert_eq!(shown(&old)["goes_on_as"], new.as_str());
    assert_eq!(shown(&new)["includes"][0], old.as_str());
    let again = merge(&["--reason", "once more"]).exits(2);
    assert!(again.err.contains("was given up"), "{}", again.err);
    verified(&data);

    // It was an error: what the one has from the other becomes that of a record of its own.
    let continued = shown(&new);
    let taken: Vec<&str> = continued["evidence"]
        .as_array()
        .expect("pieces")
        .iter()
        .filter(|e| e["source"] == "register of births")
        .map(|e| text(&e["id"]))
        .collect();
    let place = text(&continued["memberships"][0]["id"]);
    let mut split = vec![
        "split",
        "--person",
        &new,
        "--name",
        "钱二",
        "--sex",
        "male",
        "--birth",
        "1980-01-01",
        "--by",
        "ann",
        "--reason",
        "they are two",
        "--membership",
    ];
    split.push(place);
    for piece in &taken {
        split.extend(["--evidence", piece]);
    }
    let strange = [&split[..], &["--evidence", request]].concat();
    let refused = person(&data, &strange).exits(2);
    assert!(refused.err.contains("person show"), "{}", refused.err);
    let done = person(&data, &split).exits(0);
    assert!(done.out.contains("the other is "), "{}", done.out);
    // Their line in the journal names who and why.
    let file = rusqlite::Connection::open(data.join("minsheng.sqlite")).expect("opened");
    let lines: i64 = file
        .query_row(
            "SELECT count(*) FROM journal WHERE actor = 'ann' AND action IN ('persons-merged', 'person-split') AND detail LIKE '%reason%'",
            [],
            |row| row.get(0),
        )
        .expect("counted");
    assert_eq!(lines, 2);
    verified(&data);
    person(&data, &["show", "--person", request]).exits(2);
}

#[test]
fn a_waiver_says_what_stands_and_refuses_what_does_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, asked) = (dir.path().join("d"), look_ups());
    copy(&demo(), &data);
    let payee = found(&data, "SELECT subject FROM award LIMIT 1").expect("somebody");
    let waive = |more: &[&str]| {
        let about = [
            "--payee",
            &payee,
            "--programme",
            text(&asked["programme"]),
            "--period",
            "2026-01",
        ];
        run_on(
            &data,
            &[
                &["recovery"],
                &more[..1],
                &about[..],
                &["--by", "ann"],
                &more[1..],
            ]
            .concat(),
        )
    };
    let none = waive(&["waive", "--reason", "hardship", "--amount", "10"]).exits(2);
    assert!(none.err.contains("overpaid"), "{}", none.err);
    waive(&["take-back", "--reason", "appeal", "--amount", "10"]).exits(2);
    waive(&["waive", "--reason", "", "--amount", "10"]).exits(2);
    waive(&["waive", "--reason", "x", "--amount", "viel"]).exits(2);
}
