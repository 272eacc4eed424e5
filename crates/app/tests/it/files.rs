//! A district that comes in by files is the district that was generated.

use app::demo::{self, Plan};
use app::service::Office;
use app::service::intake::{HowToTake, Intake};
use app::service::rules::determined_for_everybody;
use base::{Id, Month};
use entitlement::change::At;
use registry::import::OnError;
use registry::slice::HouseholdHistory;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

async fn take(office: &Arc<Office>, file: &Path) -> Intake {
    let bytes = std::fs::read(file).expect("the file");
    let how = HowToTake {
        on_error: OnError::Stop,
        by: "test",
        at: Office::now(),
        within: &[],
        record: true,
    };
    let name = file.file_name().expect("a name").to_string_lossy();
    let taken = office.take_in(&name, &bytes, &how, &|_| {}).await;
    taken.expect("taken in")
}

/// Everything said of everybody, by identity number; ids, moments and sources aside.
async fn said(office: &Office, homes: &[Id]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for home in homes {
        let loaded = office.store.history(*home).await.expect("read");
        all.extend(of_one(&loaded.expect("there").history));
    }
    all
}

fn of_one(h: &HouseholdHistory) -> Vec<String> {
    let number = |subject: Id| {
        let own = h.identities.iter().find(|i| i.person == subject);
        own.and_then(|i| i.number.clone())
            .unwrap_or_else(|| "household".into())
    };
    let mut all: Vec<String> = h
        .identities
        .iter()
        .map(|i| format!("{:?} {} {:?} {}", i.number, i.name, i.sex, i.birth))
        .collect();
    let head = h.memberships.iter().find(|m| m.relation == "户主");
    let key = head.map_or_else(String::new, |m| number(m.person));
    all.extend(
        h.memberships
            .iter()
            .map(|m| format!("{key} {} {} {:?}", number(m.person), m.relation, m.valid)),
    );
    all.extend(
        h.residences
            .iter()
            .map(|r| format!("{key} {} {} {:?}", r.area, r.address, r.valid)),
    );
    all.extend(
        h.payees
            .iter()
            .map(|p| format!("{key} {} {} {} {:?}", p.holder, p.number, p.bank, p.valid)),
    );
    all.extend(h.evidence.iter().map(|e| {
        let about = number(e.subject);
        format!("{key} {about} {} {} {:?}", e.kind, e.value, e.valid)
    }));
    all
}

async fn entitled(office: &Office, month: Month) -> Vec<String> {
    let noon = month.last().and_hms_opt(4, 0, 0).expect("a time");
    let at = At::new(noon.and_utc());
    let programmes = determined_for_everybody(office.law());
    let runs = office
        .determine_all(&programmes, month, "test", at, &|_| {})
        .await
        .expect("determined");
    runs.iter()
        .map(|r| {
            assert_eq!(r.faults, Vec::<String>::new());
            format!("{} {:?} {}", r.programme, r.outcomes, r.granted)
        })
        .collect()
}

#[tokio::test]
async fn a_district_comes_in_by_files_as_it_was_generated() {
    let folder = tempfile::tempdir().expect("a folder");
    let month = Month::new(2026, 8).expect("a month");
    let plan = Plan {
        households: Some(300),
        county: None,
        seed: 5,
        first: month,
        last: month,
    };
    let made = Arc::new(crate::office(&folder.path().join("made")).await);
    let (district, figures) = demo::register(&made, &plan).await.expect("a register");
    let (files, written) =
        demo::files::write(made.law(), &plan, &folder.path().join("files")).expect("files");
    assert_eq!(written.left_out, 0);
    assert_eq!(
        (written.persons, written.facts),
        (figures.persons, figures.evidence)
    );
    let brought = Arc::new(crate::office(&folder.path().join("brought")).await);
    let first = take(&brought, &files[0]).await;
    assert_eq!(first.problems.len(), 0, "{:?}", first.problems.first());
    assert_eq!(
        (first.households, first.persons),
        (figures.households, figures.persons)
    );
    let facts = take(&brought, &files[1]).await;
    assert_eq!(facts.problems.len(), 0, "{:?}", facts.problems.first());
    assert_eq!(facts.new, figures.evidence);
    // The list names each household by its id, which it keeps.
    let homes: Vec<Id> = district.households().map(|h| h.household.id).collect();
    let (one, other) = (said(&made, &homes).await, said(&brought, &homes).await);
    let only: Vec<&String> = one.symmetric_difference(&other).take(8).collect();
    assert_eq!(only, Vec::<&String>::new());
    assert_eq!(
        entitled(&made, month).await,
        entitled(&brought, month).await
    );
    // Taken in again, nothing is new.
    for file in &files {
        let again = take(&brought, file).await;
        assert_eq!((again.problems.len(), again.new), (0, 0));
    }
}
