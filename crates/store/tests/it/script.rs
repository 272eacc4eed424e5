//! The same random history on both databases, and against a naive reading of the rules.

use crate::{SHARD, at, day, id, lite, origin, says};
use base::{Day, Id, Instant, Period};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use registry::record::{Evidence, Household, Identity, Membership, Person, Residence, Sex};
use registry::slice::{HouseholdHistory, HouseholdSlice, KindList};
use registry::timeline::slice;
use serde_json::json;
use store::{ChangeSet, PopulationFilter, Store};

const HOUSEHOLDS: u8 = 4;
const PERSONS: u8 = 6;

/// One thing that a clerk records.
#[derive(Clone, Debug)]
enum Act {
    Says {
        about: u8,
        kind: u8,
        value: i64,
        from: u8,
        length: Option<u8>,
        withdraws: Option<u8>,
    },
    Joins {
        person: u8,
        household: u8,
        member: bool,
        from: u8,
        length: Option<u8>,
    },
    Lives {
        household: u8,
        area: u8,
        from: u8,
        length: Option<u8>,
    },
    Named {
        person: u8,
    },
}

fn acts() -> impl Strategy<Value = Vec<(u8, Act)>> {
    let length = || proptest::option::of(1u8..20);
    let act = prop_oneof![
        6 => (0..HOUSEHOLDS + PERSONS, 0u8..3, 0i64..5, 0u8..20, length(), proptest::option::weighted(0.2, any::<u8>()))
            .prop_map(|(about, kind, value, from, length, withdraws)| Act::Says { about, kind, value, from, length, withdraws }),
        4 => (0..PERSONS, 0..HOUSEHOLDS, proptest::bool::weighted(0.8), 0u8..20, length())
            .prop_map(|(person, household, member, from, length)| Act::Joins { person, household, member, from, length }),
        2 => (0..HOUSEHOLDS, 0u8..3, 0u8..20, length())
            .prop_map(|(household, area, from, length)| Act::Lives { household, area, from, length }),
        2 => (0..PERSONS).prop_map(|person| Act::Named { person }),
    ];
    // The first number is the day on which it is recorded; several may share one.
    proptest::collection::vec((0u8..12, act), 1..60)
}

fn recorded(n: u8) -> Instant {
    at("2026-01-01T08:00:00Z") + chrono::TimeDelta::days(i64::from(n))
}

fn valid(from: u8, length: Option<u8>) -> Period {
    let from = day("2025-06-01") + chrono::TimeDelta::days(i64::from(from));
    Period {
        from,
        to: length.map(|n| from + chrono::TimeDelta::days(i64::from(n))),
    }
}

fn household(n: u8) -> Id {
    id(&format!("household {n}"))
}

fn person(n: u8) -> Id {
    id(&format!("person {n}"))
}

/// Everything as change sets, one an act; the first opens the register.
fn changes(acts: &[(u8, Act)]) -> Vec<ChangeSet> {
    let opened = at("2025-12-31T08:00:00Z");
    let mut out = vec![ChangeSet {
        shard: SHARD.into(),
        at: opened,
        households: (0..HOUSEHOLDS)
            .map(|n| Household {
                id: household(n),
                shard: SHARD.into(),
                opened_at: opened,
            })
            .collect(),
        persons: (0..PERSONS)
            .map(|n| Person {
                id: person(n),
                shard: SHARD.into(),
                opened_at: opened,
            })
            .collect(),
        ..ChangeSet::default()
    }];
    let mut said: Vec<(u8, Id)> = Vec::new();
    for (n, (when, act)) in acts.iter().enumerate() {
        let when = recorded(*when);
        let mut change = ChangeSet {
            shard: SHARD.into(),
            at: when,
            ..ChangeSet::default()
        };
        let record = id(&format!("record {n}"));
        match act {
            Act::Says {
                about,
                kind,
                value,
                from,
                length,
                withdraws,
            } => {
                let subject = if *about < HOUSEHOLDS {
                    household(*about)
                } else {
                    person(about - HOUSEHOLDS)
                };
                let mut piece = says(
                    "",
                    subject,
                    &format!("种{kind}"),
                    json!(value),
                    "2025-01-01",
                    when,
                );
                piece.id = record;
                piece.valid = valid(*from, *length);
                let earlier: Vec<Id> = said
                    .iter()
                    .filter(|(a, _)| a == about)
                    .map(|(_, id)| *id)
                    .collect();
                if let (Some(w), false) = (withdraws, earlier.is_empty()) {
                    piece.withdraws = vec![earlier[*w as usize % earlier.len()]];
                }
                said.push((*about, record));
                change.evidence.push(piece);
            }
            Act::Joins {
                person: p,
                household: h,
                member,
                from,
                length,
            } => {
                change.memberships.push(Membership {
                    id: record,
                    household: household(*h),
                    person: person(*p),
                    relation: if p % 3 == 0 { "户主" } else { "子女" }.into(),
                    member: *member,
                    valid: valid(*from, *length),
                    provenance: origin(when),
                });
            }
            Act::Lives {
                household: h,
                area,
                from,
                length,
            } => change.residences.push(Residence {
                id: record,
                household: household(*h),
                area: format!("99010{area}"),
                address: String::new(),
                valid: valid(*from, *length),
                provenance: origin(when),
            }),
            Act::Named { person: p } => change.identities.push(Identity {
                id: record,
                person: person(*p),
                name: format!("名{n}"),
                sex: if n % 2 == 0 { Sex::Male } else { Sex::Female },
                birth: day("1990-01-01") + chrono::TimeDelta::days(n as i64),
                number: None,
                provenance: origin(when),
            }),
        }
        out.push(change);
    }
    out
}

fn kinds() -> KindList {
    // The third kind is not asked for; the second counts side by side.
    let list = || vec![("种0".to_owned(), false), ("种1".to_owned(), true)];
    KindList {
        person: list(),
        household: list(),
    }
}

/// The rules in the plainest words: for every person and day the household that the newest piece
/// names, leaving out pieces that a newer one of the same household replaced; for every kind the
/// newest piece that covers the day and that nothing known by then withdrew.
fn naive(
    changes: &[ChangeSet],
    h: Id,
    on: Day,
    known: Instant,
) -> Option<(String, Vec<(Id, Sex, Vec<Id>)>, Vec<Id>)> {
    let mut memberships: Vec<&Membership> = changes
        .iter()
        .flat_map(|c| &c.memberships)
        .filter(|m| m.provenance.recorded_at <= known && m.valid.contains(on))
        .collect();
    memberships.sort_by_key(|m| (m.provenance.recorded_at, m.id));
    let mut residences: Vec<&Residence> = changes
        .iter()
        .flat_map(|c| &c.residences)
        .filter(|r| r.household == h && r.provenance.recorded_at <= known && r.valid.contains(on))
        .collect();
    residences.sort_by_key(|r| (r.provenance.recorded_at, r.id));
    let area = residences.last()?.area.clone();
    let mut members = Vec::new();
    for p in (0..PERSONS).map(person) {
        let mut home = None;
        for (i, m) in memberships
            .iter()
            .enumerate()
            .filter(|(_, m)| m.person == p)
        {
            let replaced = memberships[i + 1..]
                .iter()
                .any(|n| n.person == p && n.household == m.household);
            if !replaced && m.member {
                home = Some(m);
            }
        }
        let Some(home) = home.filter(|m| m.household == h) else {
            continue;
        };
        let mut names: Vec<&Identity> = changes
            .iter()
            .flat_map(|c| &c.identities)
            .filter(|i| i.person == p && i.provenance.recorded_at <= known)
            .collect();
        names.sort_by_key(|i| (i.provenance.recorded_at, i.id));
        let who = names.last()?;
        members.push((
            home.relation != "户主",
            p,
            who.sex,
            facts(changes, p, on, known),
        ));
    }
    members.sort_by_key(|m| (m.0, m.1));
    if members.is_empty() {
        return None;
    }
    let members = members
        .into_iter()
        .map(|(_, p, sex, facts)| (p, sex, facts))
        .collect();
    Some((area, members, facts(changes, h, on, known)))
}

fn facts(changes: &[ChangeSet], subject: Id, on: Day, known: Instant) -> Vec<Id> {
    let mut pieces: Vec<&Evidence> = changes
        .iter()
        .flat_map(|c| &c.evidence)
        .filter(|e| e.subject == subject && e.provenance.recorded_at <= known)
        .collect();
    pieces.sort_by_key(|e| (e.provenance.recorded_at, e.id));
    let holds = |e: &&&Evidence| {
        e.valid.contains(on) && !pieces.iter().any(|w| w.withdraws.contains(&e.id))
    };
    let mut out: Vec<Id> = pieces
        .iter()
        .filter(|e| e.kind == "种0")
        .filter(holds)
        .last()
        .map(|e| e.id)
        .into_iter()
        .collect();
    out.extend(
        pieces
            .iter()
            .filter(|e| e.kind == "种1")
            .filter(holds)
            .map(|e| e.id),
    );
    out
}

fn outline(s: &HouseholdSlice) -> (String, Vec<(Id, Sex, Vec<Id>)>, Vec<Id>) {
    let ids = |facts: &[registry::slice::Fact]| facts.iter().map(|f| f.evidence).collect();
    let members = s
        .members
        .iter()
        .map(|m| (m.person, m.sex, ids(&m.facts)))
        .collect();
    (s.area.to_string(), members, ids(&s.facts))
}

/// Read together with days before and after, which must change nothing.
fn all(store: &Store, on: Day, known: Instant) -> Vec<HouseholdSlice> {
    let days = [on - chrono::Days::new(70), on, on + chrono::Days::new(40)];
    store
        .population(&kinds(), &days, known, &PopulationFilter::default())
        .expect("opened")
        .flat_map(|chunk| chunk.expect("read").swap_remove(1))
        .collect()
}

async fn histories(store: &Store) -> Vec<HouseholdHistory> {
    let mut out = Vec::new();
    for n in 0..HOUSEHOLDS {
        out.push(
            store
                .history(household(n))
                .await
                .expect("read")
                .expect("there")
                .history,
        );
    }
    out.sort_by_key(|h| h.household);
    out
}

/// Runs random histories. `other` is a second database that must agree with the first, wiped before each.
fn run(cases: u32, runtime: &tokio::runtime::Runtime, postgres: Option<&crate::pg::Server>) {
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&acts(), |acts| {
        number.set(number.get() + 1);
        let changes = changes(&acts);
        runtime.block_on(async {
            let first = lite().await;
            let second = match postgres {
                Some(server) => Some(server.fresh(&format!("case{}", number.get())).await),
                None => None,
            };
            for change in &changes {
                let a = first.store.commit(change).await.expect("committed");
                if let Some(second) = &second {
                    let b = second.commit(change).await.expect("committed");
                    prop_assert_eq!(a.written, b.written);
                }
            }
            let held = histories(&first.store).await;
            for on in [day("2025-06-05"), day("2025-06-18"), day("2025-07-01")] {
                for known in [recorded(2), recorded(6), recorded(12)] {
                    let read = tokio::task::block_in_place(|| all(&first.store, on, known));
                    let cut: Vec<HouseholdSlice> = held
                        .iter()
                        .filter_map(|h| slice(h, &kinds(), on, known))
                        .collect();
                    prop_assert_eq!(&read, &cut);
                    let mut plain: Vec<_> = (0..HOUSEHOLDS).map(household).collect();
                    plain.sort();
                    let plain: Vec<_> = plain
                        .into_iter()
                        .filter_map(|h| naive(&changes, h, on, known))
                        .collect();
                    prop_assert_eq!(&read.iter().map(outline).collect::<Vec<_>>(), &plain);
                    if let Some(second) = &second {
                        let other = tokio::task::block_in_place(|| all(second, on, known));
                        prop_assert_eq!(&read, &other);
                    }
                }
            }
            if let Some(second) = &second {
                prop_assert_eq!(held, histories(second).await);
                second.close().await;
            }
            first.store.close().await;
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[test]
fn populations_follow_the_rules() {
    run(40, &runtime(), None);
}

#[test]
fn both_databases_tell_the_same_story() {
    let Some(server) = crate::pg::Server::start() else {
        eprintln!("PostgreSQL is not installed: not tested");
        return;
    };
    run(8, &runtime(), Some(&server));
}
