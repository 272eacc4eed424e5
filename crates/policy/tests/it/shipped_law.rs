//! The law that is shipped: it loads without an error, and every worked example comes out.

use crate::{read_dir, root};
use policy::law::{Language, Law, SourceFile, examples};

fn files() -> Vec<SourceFile> {
    read_dir(&root().join("law"))
}

fn law() -> Law {
    Law::load(files()).unwrap_or_else(|report| panic!("{}", report.render(Language::Both)))
}

#[test]
fn every_worked_example_comes_out() {
    let results = examples::run_all(&law());
    let failed: Vec<String> = results
        .iter()
        .filter(|r| !r.passed())
        .map(ToString::to_string)
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(results.len() > 100, "only {} examples", results.len());
}

#[test]
fn every_entitlement_and_refusal_has_grounds_in_an_article_that_exists() {
    let law = law();
    for result in examples::run_all(&law) {
        assert!(result.error.is_none(), "{result}");
    }
    for (programme, instrument) in law.programmes() {
        let citation = programme
            .citation
            .as_ref()
            .expect("a programme stands under an article");
        assert!(
            instrument
                .articles
                .iter()
                .any(|a| a.number == citation.article),
            "{citation}"
        );
    }
    for rule in law.rules() {
        let instrument = law
            .instrument(&rule.citation.instrument)
            .expect("the instrument is there");
        assert!(
            instrument
                .articles
                .iter()
                .any(|a| a.number == rule.citation.article),
            "{}",
            rule.citation
        );
    }
}

#[test]
fn what_examples_accept_passes() {
    // An expectation that is wrong is replaced by what comes out, and nothing else changes.
    let law = law();
    let files = files();
    let file = files
        .iter()
        .find(|f| f.path.ends_with(".examples.yaml"))
        .expect("a file of examples");
    assert_eq!(examples::accept(&law, &file.text, &file.path), file.text);
    let wrong = file.text.replacen(
        "expect: {result:",
        "expect: {outcome: \"refused\", result:",
        1,
    );
    assert_ne!(wrong, file.text, "the file has an expectation to spoil");
    assert!(
        examples::run(&law, &wrong, &file.path)
            .iter()
            .any(|r| !r.passed())
    );
    let mended = examples::accept(&law, &wrong, &file.path);
    assert!(
        examples::run(&law, &mended, &file.path)
            .iter()
            .all(|r| r.passed())
    );
}
