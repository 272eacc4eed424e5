//! Reforms laid over the shipped law: they apply, their own examples come out, and nothing else moves.

use crate::{read_dir, root};
use policy::law::diff::{self, What};
use policy::law::outcomes::{self, Side};
use policy::law::{Language, Law, SourceFile, examples};

fn law(reforms: Vec<SourceFile>) -> Law {
    let files = read_dir(&root().join("law"));
    Law::load_with(files, reforms).unwrap_or_else(|r| panic!("{}", r.render(Language::Both)))
}

fn reforms() -> Vec<SourceFile> {
    read_dir(&root().join("tests/corpus/reforms"))
}

fn side(law: &Law) -> Side {
    Side {
        law: law.clone(),
        at: None,
    }
}

#[test]
fn every_reform_applies_and_its_own_examples_come_out() {
    let before = law(Vec::new());
    for reform in reforms() {
        let name = reform.path.clone();
        let after = law(vec![reform]);
        let results = examples::run_reforms(&after);
        let failed: Vec<String> = results
            .iter()
            .filter(|r| !r.passed())
            .map(|r| r.to_string())
            .collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        assert_ne!(before.digest(), after.digest(), "{name}");
        // What the text changes and what comes out otherwise go together.
        let diff = diff::laws(&before, &after);
        let touched = diff.changes.iter().any(|c| c.what != What::Instrument);
        assert_eq!(touched, !diff.outcomes.is_empty(), "{name}");
        for change in &diff.changes {
            assert!(!change.words.zh.is_empty() && !change.words.en.is_empty());
            assert_ne!(change.before, change.after, "{}", change.name);
        }
        for change in &diff.outcomes {
            assert!(
                !change.because.is_empty(),
                "{}: {}",
                change.name,
                change.words.zh
            );
        }
    }
}

#[test]
fn a_reform_without_changes_changes_nothing() {
    let before = law(Vec::new());
    let nothing: Vec<SourceFile> = reforms()
        .into_iter()
        .filter(|f| f.path == "nothing.md")
        .collect();
    assert_eq!(nothing.len(), 1);
    let after = law(nothing);
    assert!(outcomes::changes(&side(&before), &side(&after)).is_empty());
    let all = examples::run_all(&after);
    assert!(all.len() > 100 && all.iter().all(|r| r.passed()));
}

#[test]
fn before_its_first_day_a_reform_is_not_there() {
    let before = law(Vec::new());
    for reform in reforms() {
        let after = law(vec![reform]);
        let from = after
            .instruments()
            .iter()
            .find(|i| i.reform > 0)
            .expect("a reform")
            .from;
        let Some(eve) = from
            .pred_opt()
            .filter(|d| *d > base::parse_day("2000-01-01").expect("a day"))
        else {
            continue;
        };
        let own = |code: &str| before.instruments().iter().any(|i| i.place == code);
        for place in before.places().all().iter().filter(|p| own(&p.code)) {
            let at = |law: &Law| Side {
                law: law.clone(),
                at: Some((place.code.clone(), eve)),
            };
            let changed = outcomes::changes(&at(&before), &at(&after));
            assert!(changed.is_empty(), "{}: {:?}", place.code, changed[0].words);
        }
    }
}
