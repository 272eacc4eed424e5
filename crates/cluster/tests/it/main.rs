//! Partitions of a small district, determined in process and by processes, held against what the store says.

mod district;
mod processes;

use district::{District, digests, run};
use std::path::Path;

/// Everything that the law holds, from partitions and from the store: the same to the fen.
#[test]
fn in_process_equals_the_store() {
    let district = District::get();
    let compared = district.cluster(&["compare", "--json"], &district.reference());
    let found = compared.json();
    assert_eq!(compared.code, 0, "{}", compared.told);
    assert_eq!(found["differences"], serde_json::json!([]));
    assert_eq!(found["stood"], found["determined"]);
    assert!(found["stood"].as_u64().unwrap() > 300, "{found}");
    assert!(found["programmes"].as_array().unwrap().len() > 3, "{found}");
}

/// What is done is found done; what is lost is made again, to the byte.
#[test]
fn a_run_goes_on_where_it_was_interrupted() {
    let district = District::get();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let first = run(&district, &out, &[]);
    assert_eq!(first["found_done"], 0);
    let made = digests(&out);
    assert_eq!(made, digests(&district.reference()));

    let again = run(&district, &out, &[]);
    assert_eq!(again["found_done"], again["files"]);
    assert_eq!(again["programmes"], first["programmes"]);

    // A result is gone, and the table's last line was cut.
    let lost = out.join(made.keys().next().unwrap());
    let bytes = std::fs::read(&lost).unwrap();
    std::fs::remove_file(&lost).unwrap();
    let table = out.join("run.jsonl");
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, &text[..text.len() - 20]).unwrap();
    let mended = run(&district, &out, &[]);
    let files = mended["files"].as_u64().unwrap();
    assert_eq!(mended["found_done"].as_u64().unwrap(), files - 2);
    assert_eq!(std::fs::read(&lost).unwrap(), bytes);
    assert_eq!(digests(&out), made);
}

/// A run's folder is not another run's.
#[test]
fn another_run_needs_another_folder() {
    let district = District::get();
    let folder = tempfile::tempdir().unwrap();
    run(
        &district,
        folder.path(),
        &["--programme", &district.programme()],
    );
    let said = district.cluster(&["run", "--month", district::MONTH], folder.path());
    assert_eq!(said.code, 2);
    assert!(said.told.contains("another run"), "{}", said.told);
}

/// Under a law whose figures were changed the comparison lists who differs, and how.
#[test]
fn a_comparison_finds_what_another_law_changes() {
    let district = District::get();
    let folder = tempfile::tempdir().unwrap();
    let law = folder.path().join("law");
    district::altered_law(&law);
    let out = folder.path().join("out");
    let law = law.display().to_string();
    run(&district, &out, &["--law", &law]);
    let compared = district.cluster(&["compare", "--json"], &out);
    assert_eq!(compared.code, 1, "{}", compared.told);
    let found = compared.json();
    let first = &found["differences"][0];
    assert!(first["subject"].is_string(), "{found}");
    assert_ne!(first["stood"], first["determined"]);
}

/// A register drawn from an export comes to as many times its figures as it has copies of it.
#[test]
fn a_grown_register_comes_to_a_multiple() {
    let district = District::get();
    let folder = tempfile::tempdir().unwrap();
    let once = run(&district, &district.reference(), &[]);
    let county = |code: &str| cluster::grow::County {
        code: code.to_string(),
        households: 1,
    };
    let parts = folder.path().join("parts");
    let month = district::MONTH.parse().unwrap();
    let counties = [county("1"), county("2"), county("3")];
    let made = cluster::grow::grow(&district.partitions(), month, &counties, 400, &parts).unwrap();
    let out = folder.path().join("out");
    let words = ["run", "--json", "--month", district::MONTH];
    let said = district::cluster_in(&words, &parts, &out);
    assert_eq!(said.code, 0, "{}", said.told);
    let twice = said.json();
    // The second county reached 400; a household stands in the files of two days.
    assert_eq!(twice["households"].as_u64().unwrap(), 2 * made);
    assert_eq!(made, once["households"].as_u64().unwrap());
    for (programme, tally) in once["programmes"].as_object().unwrap() {
        for (outcome, count) in tally["outcomes"].as_object().unwrap() {
            let grown = &twice["programmes"][programme]["outcomes"][outcome];
            assert_eq!(grown.as_u64(), count.as_u64().map(|n| 2 * n), "{programme}");
        }
    }
}

/// A folder without a manifest is no export that was finished.
#[test]
fn unfinished_partitions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let said = district::cluster_in(
        &["run", "--month", district::MONTH],
        folder.path(),
        &folder.path().join("out"),
    );
    assert_eq!(said.code, 2);
    assert!(said.told.contains("export-partitions"), "{}", said.told);
    assert!(!Path::new(&folder.path().join("out")).exists());
}
