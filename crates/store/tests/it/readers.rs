//! What was written comes back, page by page, for those who may see it; a journal that somebody altered
//! is found out. The same on both databases.

use crate::books;
use crate::{SHARD, at, crypto, day, family, id, lite, origin, says};
use base::{Fen, Month, Period};
use entitlement::determination::{Award, Determination, EntitlementChange, PeriodKey, SubjectKey};
use entitlement::{Bilingual, Missing, Outcome, Reason, Role, Subject};
use registry::record::{Area, PayeeAccount};
use registry::slice::KindList;
use serde_json::json;
use store::{
    ChangeSet, JournalEntry, PeopleQuery, PopulationFilter, RegisterChunk, Store, StoreError,
    fingerprint, fingerprint_of_outcome,
};

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

pub fn key(h: &str) -> SubjectKey {
    SubjectKey {
        shard: SHARD.into(),
        kind: Subject::Household,
        id: id(h),
    }
}

fn determination(h: &str, version: u32, outcome: Outcome) -> Determination {
    let period = PeriodKey::Month(month("2026-03"));
    Determination {
        id: id(&format!("{h} determined {version}")),
        subject: key(h),
        programme: "jia".into(),
        period,
        version,
        known_at: at("2026-03-01T01:00:00Z"),
        made_at: at("2026-03-01T02:00:00Z"),
        law: "digest".into(),
        outcome,
        reasons: vec![Reason {
            article: "第一条".into(),
            instrument: "甲办法".into(),
            rule: "甲条件".into(),
            text: Bilingual {
                zh: "因为\t甲\n".into(),
                en: "because \\ of A".into(),
            },
        }],
        lines: vec![("基本".into(), json!(100.5))],
        carry: json!({"月数": version})
            .as_object()
            .cloned()
            .unwrap_or_default(),
    }
}

fn change(h: &str, sequence: u32, owed: i64, by: i64) -> EntitlementChange {
    EntitlementChange {
        id: id(&format!("{h} owed {sequence}")),
        subject: key(h),
        programme: "jia".into(),
        period: PeriodKey::Month(month("2026-03")),
        sequence,
        determination: id(&format!("{h} determined {sequence}")),
        owed: Fen(owed),
        change: Fen(by),
        cause: "first".into(),
        recorded_at: at("2026-03-01T02:00:00Z"),
    }
}

pub fn chunk() -> RegisterChunk {
    let then = at("2026-01-05T01:00:00Z");
    let mut out = RegisterChunk {
        shard: SHARD.into(),
        ..RegisterChunk::default()
    };
    for (h, area) in [("h", "990101001"), ("g", "990101002"), ("f", "990102001")] {
        let family = family(h, 3, area, then);
        out.persons.extend(family.persons);
        out.households.extend(family.households);
        out.identities.extend(family.identities);
        out.residences.extend(family.residences);
        out.memberships.extend(family.memberships);
        for n in 0..3 {
            let name = format!("{h}-{n}");
            let value = json!(format!("值\t\\{n}\n\"引\""));
            out.evidence.push(says(
                &format!("{name} says"),
                id(&name),
                "甲",
                value,
                "2026-01-01",
                then,
            ));
        }
        out.payees.push(PayeeAccount {
            id: id(&format!("{h} account")),
            subject: id(h),
            holder: format!("张{h}-0"),
            number: "6222000011112222".into(),
            bank: "102".into(),
            valid: Period::since(day("2026-01-01")),
            provenance: origin(then),
        });
    }
    out
}

/// Everything, in one story.
pub async fn story(store: &Store) {
    let then = at("2026-01-05T01:00:00Z");
    let area = |code: &str, parent: Option<&str>| Area {
        code: code.into(),
        name: format!("区{code}"),
        name_en: format!("Area {code}"),
        parent: parent.map(Into::into),
    };
    let areas = [area("990101", None), area("990101001", Some("990101"))];
    assert_eq!(store.put_areas(&areas).await.expect("put"), 2);
    assert_eq!(store.areas().await.expect("read"), areas);

    // A load, twice, and once with an altered record.
    let first = store
        .load_register(then, [chunk()].into_iter(), |_| {})
        .await
        .expect("loaded");
    assert_eq!((first.households, first.persons, first.evidence), (3, 9, 9));
    let again = store
        .load_register(then, [chunk()].into_iter(), |_| {})
        .await
        .expect("loaded");
    assert_eq!(again.written, 0);
    let mut altered = chunk();
    altered.evidence[4].value = json!("other");
    let refused = store
        .load_register(then, [altered].into_iter(), |_| {})
        .await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Different {
                table: "evidence",
                ..
            })
        ),
        "{refused:?}"
    );

    // Loaded and committed registers are the same.
    let loaded = store.history(id("h")).await.expect("read").expect("there");
    assert_eq!(
        (loaded.expected.version, loaded.history.evidence.len()),
        (1, 3)
    );
    assert_eq!(loaded.history.payees[0].number, "6222000011112222");
    assert_eq!(
        loaded.history.identities[0]
            .number
            .as_ref()
            .map(String::len),
        Some(18)
    );
    let kinds = KindList {
        person: vec![("甲".into(), false)],
        household: vec![],
    };
    let slices = |filter: PopulationFilter| {
        let read = store
            .population(&kinds, &[day("2026-02-01")], then, &filter)
            .expect("opened");
        tokio::task::block_in_place(|| {
            read.map(|c| c.expect("read"))
                .flatten()
                .flatten()
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(slices(PopulationFilter::default()).len(), 3);
    let within = slices(PopulationFilter {
        areas: vec!["990101".into()],
        ..Default::default()
    });
    assert_eq!(within.len(), 2);
    let after = PopulationFilter {
        after: Some((SHARD.into(), within[0].household)),
        ..Default::default()
    };
    assert!(
        slices(after)
            .iter()
            .all(|s| s.household > within[0].household)
    );

    people(store).await;
    benefits(store, loaded.expected.clone()).await;
    books::money(store).await;
    books::cases(store).await;
    books::house(store).await;
}

async fn people(store: &Store) {
    let find = async |text: &str, areas: &[&str], after: Option<String>| {
        let areas = areas.iter().map(|a| a.to_string()).collect();
        let query = PeopleQuery {
            text: text.into(),
            areas,
            after,
            limit: 2,
        };
        store.find_people(&query).await.expect("found")
    };
    let page = find("张h", &[], None).await;
    assert_eq!(
        page.items
            .iter()
            .map(|p| p.name.as_str())
            .collect::<Vec<_>>(),
        ["张h-0", "张h-1"]
    );
    let rest = find("张h", &[], page.next.clone()).await;
    assert_eq!((rest.items.len(), rest.next.clone()), (1, None));
    let number = page.items[0].number.clone().expect("shown");
    assert!(number.contains("********"), "{number}");
    // Nobody sees those of another area, in whatever way they search.
    assert!(find("张h", &["990102"], None).await.items.is_empty());
    assert!(
        find(&id("h-0").to_string(), &["990102"], None)
            .await
            .items
            .is_empty()
    );
    let whole = store
        .identity(SHARD, id("h-0"))
        .await
        .expect("read")
        .and_then(|i| i.number)
        .expect("a number");
    assert!(find(&whole, &["990102"], None).await.items.is_empty());
    assert!(
        find(&whole, &["990101"], None)
            .await
            .items
            .iter()
            .any(|p| p.person == id("h-0"))
    );
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = find("", &["990101", "990101001"], after).await;
        seen.extend(page.items.into_iter().map(|p| p.person));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (6, 6));
    let known = store
        .directory(&[whole.clone(), "nobody".into()], &[id("h"), id("none")])
        .await
        .expect("read");
    assert_eq!(known.households.len(), 1);
    assert!(
        known.persons[&whole]
            .iter()
            .any(|p| p.person == id("h-0") && p.household == Some((SHARD.into(), id("h"))))
    );
    assert_eq!(known.persons.len(), 1);
    assert_eq!(
        store
            .residents()
            .await
            .expect("read")
            .iter()
            .map(|r| (r.1, r.2))
            .collect::<Vec<_>>(),
        [(1, 3); 3]
    );
    assert_eq!(
        store
            .households_in("990101", None, 10)
            .await
            .expect("read")
            .items
            .len(),
        2
    );
}

async fn benefits(store: &Store, expected: store::Expected) {
    let granted = determination(
        "h",
        1,
        Outcome::Entitled {
            amount: Some(Fen(30_050)),
        },
    );
    let missing = Missing {
        name: "甲收入".into(),
        member: Some(1),
    };
    let unknown = determination(
        "g",
        1,
        Outcome::Undetermined {
            missing: vec![missing],
        },
    );
    let change_set = ChangeSet {
        shard: SHARD.into(),
        at: at("2026-03-01T02:00:00Z"),
        expect: vec![expected],
        determinations: vec![granted.clone(), unknown.clone()],
        entitlement_changes: vec![change("h", 1, 30_050, 30_050)],
        awards: vec![Award {
            id: id("award"),
            subject: key("h"),
            programme: "jia".into(),
            from: month("2026-02"),
            to: None,
            case: None,
            decided_by: "approver".into(),
            reason: String::new(),
            recorded_at: at("2026-02-01T02:00:00Z"),
        }],
        ..ChangeSet::default()
    };
    store.commit(&change_set).await.expect("recorded");
    let period = PeriodKey::Month(month("2026-03"));
    assert_eq!(
        store
            .versions(SHARD, "jia", period, id("g"))
            .await
            .expect("read"),
        [unknown]
    );
    let marks = store.marks("jia", period).await.expect("read");
    assert_eq!(
        marks[&id("h")].fingerprint,
        fingerprint(&granted).expect("a number")
    );
    assert_eq!(
        marks[&id("h")].outcome,
        fingerprint_of_outcome(&granted.outcome).expect("a number")
    );
    let other = determination(
        "h",
        1,
        Outcome::Entitled {
            amount: Some(Fen(30_051)),
        },
    );
    assert_ne!(
        marks[&id("h")].fingerprint,
        fingerprint(&other).expect("a number")
    );
    // Another worker was first with this version.
    let late = ChangeSet {
        shard: SHARD.into(),
        determinations: vec![other],
        ..ChangeSet::default()
    };
    assert!(
        store
            .commit_bulk(&late)
            .await
            .expect_err("refused")
            .is_conflict()
    );

    let second = determination(
        "h",
        2,
        Outcome::Refused {
            condition: "甲条件".into(),
        },
    );
    let mut ended = change_set.awards[0].clone();
    (ended.to, ended.recorded_at) = (Some(month("2026-04")), at("2026-03-20T02:00:00Z"));
    let more = ChangeSet {
        shard: SHARD.into(),
        determinations: vec![second.clone()],
        entitlement_changes: vec![change("h", 2, 20_000, -10_050)],
        awards: vec![ended.clone()],
        ..ChangeSet::default()
    };
    store.commit_bulk(&more).await.expect("recorded");
    assert_eq!(
        store.determinations_of(SHARD, id("h")).await.expect("read"),
        [granted, second]
    );
    assert_eq!(
        store.marks("jia", period).await.expect("read")[&id("h")].version,
        2
    );
    assert_eq!(
        store.carries("jia", period).await.expect("read")[&id("h")]["月数"],
        json!(2)
    );
    assert_eq!(
        store
            .determinations_page(SHARD, "jia", period, None, 2)
            .await
            .expect("read")
            .len(),
        2
    );
    let outcomes = store.outcomes("jia", period).await.expect("read");
    assert_eq!(
        outcomes
            .iter()
            .map(|o| (o.outcome.as_str(), o.count))
            .collect::<Vec<_>>(),
        [("refused", 1), ("undetermined", 1)]
    );
    assert_eq!(
        store
            .awards_in_force("jia", month("2026-03"))
            .await
            .expect("read"),
        [ended]
    );
    assert!(
        store
            .awards_in_force("jia", month("2026-04"))
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(
        store.owed("jia", period).await.expect("read")[&id("h")].owed,
        Fen(20_000)
    );
    let coverage = store
        .coverage("jia", month("2026-03"), &[])
        .await
        .expect("read");
    assert_eq!(
        (
            coverage[0].area.as_str(),
            coverage[0].households,
            coverage[0].persons,
            coverage[0].owed
        ),
        ("990101001", 1, 3, Fen(20_000))
    );
    assert!(
        store
            .coverage("jia", month("2026-03"), &["990102".into()])
            .await
            .expect("read")
            .is_empty()
    );
    assert_eq!(
        store.owed_by_period("jia").await.expect("read")["2026-03"],
        (1, Fen(20_000))
    );
    assert_eq!(
        store.periods().await.expect("read"),
        [("jia".to_owned(), period, 3)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_on_sqlite() {
    let lite = lite().await;
    story(&lite.store).await;
    lite.store.close().await;

    // Somebody with the file in hand.
    let path = lite.folder.path().join("data.db");
    let longest = "(SELECT lane FROM journal_head WHERE shard = '9901' ORDER BY seq DESC LIMIT 1) AND shard = '9901'";
    for (what, sql, undo) in [
        (
            "the line was altered",
            "UPDATE journal SET detail = detail || ' ' WHERE seq = 2 AND lane = :lane",
            "UPDATE journal SET detail = RTRIM(detail) WHERE seq = 2 AND lane = :lane",
        ),
        (
            "missing at the end",
            "UPDATE journal_head SET seq = seq + 1 WHERE lane = :lane",
            "UPDATE journal_head SET seq = seq - 1 WHERE lane = :lane",
        ),
        (
            "the note of the last link was altered",
            "UPDATE journal_head SET hash = x'00' WHERE lane = :lane",
            "",
        ),
        (
            "this line is missing",
            "DELETE FROM journal WHERE seq = 3 AND lane = :lane",
            "",
        ),
    ] {
        let run = |sql: &str| {
            let connection = rusqlite::Connection::open(&path).expect("opened");
            assert!(
                sql.is_empty()
                    || connection
                        .execute(&sql.replace(":lane", longest), [])
                        .expect("altered")
                        > 0
            );
        };
        run(sql);
        let store = Store::open_file(&path, crypto()).await.expect("opened");
        let check = store.check_journal().await.expect("read");
        let told: Vec<&str> = check.faults.iter().map(|f| f.what.as_str()).collect();
        assert!(told.iter().any(|t| t.contains(what)), "{what}: {told:?}");
        store.close().await;
        run(undo);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_on_postgresql() {
    let Some(server) = crate::pg::Server::start() else {
        eprintln!("PostgreSQL is not installed: not tested");
        return;
    };
    story(&server.store().await).await;
}

/// Many at once on one household: each change is made once, on what it saw.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_meet_conflicts_and_none_is_lost() {
    let lite = lite().await;
    let mut stores = vec![std::sync::Arc::new(lite.store)];
    let server = crate::pg::Server::start();
    if let Some(server) = &server {
        stores.push(std::sync::Arc::new(server.store().await));
    }
    for store in stores {
        let then = at("2026-01-05T01:00:00Z");
        store
            .commit(&family("h", 1, "990101001", then))
            .await
            .expect("opened");
        let mut workers = Vec::new();
        for n in 0..8 {
            let store = store.clone();
            workers.push(tokio::spawn(async move {
                let mut conflicts = 0;
                loop {
                    let loaded = store.history(id("h")).await.expect("read").expect("there");
                    let seen = loaded.history.evidence.len();
                    let change = ChangeSet {
                        shard: SHARD.into(),
                        at: then,
                        expect: vec![loaded.expected],
                        evidence: vec![says(
                            &format!("e{n}"),
                            id("h"),
                            "甲",
                            json!(seen),
                            "2026-01-01",
                            then,
                        )],
                        journal: vec![JournalEntry {
                            action: "recorded".into(),
                            ..JournalEntry::default()
                        }],
                        ..ChangeSet::default()
                    };
                    match store.commit(&change).await {
                        Ok(_) => return conflicts,
                        Err(error) if error.is_conflict() => conflicts += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
            }));
        }
        for worker in workers {
            worker.await.expect("no panic");
        }
        let loaded = store.history(id("h")).await.expect("read").expect("there");
        assert_eq!(loaded.expected.version, 9);
        // Each saw all that were before it.
        let mut seen: Vec<i64> = loaded
            .history
            .evidence
            .iter()
            .filter_map(|e| e.value.as_i64())
            .collect();
        seen.sort();
        assert_eq!(seen, (0..8).collect::<Vec<_>>());
        let check = store.check_records().await.expect("read");
        assert_eq!((check.journal.faults, check.faults), (vec![], vec![]));
    }
}

/// A server's handlers may call everything: every future can move between threads.
#[tokio::test]
async fn futures_may_move_between_threads() {
    fn sendable(_: impl Send) {}
    async fn all(store: &Store) -> Result<(), StoreError> {
        store.migrate().await?;
        store.check_schema().await?;
        store.commit(&ChangeSet::default()).await?;
        store.commit_bulk(&ChangeSet::default()).await?;
        store.history(id("h")).await?;
        store.find_people(&PeopleQuery::default()).await?;
        store.marks("jia", PeriodKey::Once).await?;
        store.coverage("jia", month("2026-03"), &[]).await?;
        store.tasks(Role::Auditor, &[], None, 1).await?;
        store.journal(None, 1).await?;
        store.check_journal().await?;
        store.set_setting("a", "b").await?;
        store.end_session([0; 32], at("2026-01-01")).await?;
        store.directory(&[], &[]).await?;
        store.put_areas(&[]).await?;
        store
            .load_register(at("2026-01-01"), std::iter::empty(), |_| {})
            .await?;
        Ok(())
    }
    let lite = lite().await;
    sendable(all(&lite.store));
}
