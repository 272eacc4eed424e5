//! Whatever is recorded in whatever order: redetermining what each change touches equals computing
//! everything anew, equals a naive evaluation, and the past stays as it was determined.

use crate::invented::*;
use base::{Day, Fen, Month};
use entitlement::change::{At, Change};
use entitlement::determination::{Determination, PeriodKey};
use entitlement::determine::as_known;
use entitlement::{Outcome, night};
use proptest::prelude::*;
use serde_json::json;

#[derive(Clone, Debug)]
enum Step {
    Income(usize, i64, i32, i32),
    Death(usize, i32),
    Mark(usize, bool, i32, i32),
    Relief(usize, i64, i32, i32),
    Bill(usize, i64, i32),
    Move(usize, usize, bool, i32, i32),
    Withdraw(usize),
    Line(i32, i64),
    Award(usize, i32, Option<i32>),
}

const PERSONS: [&str; 4] = ["a", "b", "c", "d"];
const HOMES: [&str; 2] = ["h", "k"];

fn step() -> impl Strategy<Value = Step> {
    let (p, h) = (0..4usize, 0..2usize);
    let span = || (0..6i32, 1..7i32);
    prop_oneof![
        4 => (p.clone(), 0..900i64, span()).prop_map(|(p, v, (f, n))| Step::Income(p, v, f, n)),
        1 => (p.clone(), 0..6i32).prop_map(|(p, m)| Step::Death(p, m)),
        2 => (p.clone(), any::<bool>(), span()).prop_map(|(p, v, (f, n))| Step::Mark(p, v, f, n)),
        1 => (h.clone(), 0..300i64, span()).prop_map(|(h, v, (f, n))| Step::Relief(h, v, f, n)),
        2 => (p.clone(), 1..900i64, 0..6i32).prop_map(|(p, v, m)| Step::Bill(p, v, m)),
        2 => (p, h.clone(), any::<bool>(), span()).prop_map(|(p, h, m, (f, n))| Step::Move(p, h, m, f, n)),
        2 => (0..20usize).prop_map(Step::Withdraw),
        1 => (0..6i32, 300..700i64).prop_map(|(m, v)| Step::Line(m, v)),
        1 => (h, 0..6i32, proptest::option::of(1..6i32)).prop_map(|(h, f, t)| Step::Award(h, f, t)),
    ]
}

fn first() -> Month {
    month("2026-01")
}

fn span(from: i32, length: i32) -> String {
    let from = first().plus(from);
    format!("{from}..{}", from.plus(length))
}

fn apply(world: &mut World, law: &mut Invented, step: &Step, now: At) {
    let law_ref = &*law;
    match *step {
        Step::Income(p, v, f, n) => {
            world.learn(law_ref, PERSONS[p], INCOME, json!(v), &span(f, n), now);
        }
        Step::Death(p, m) => {
            let day = first().plus(m).first() + chrono::TimeDelta::days(14);
            world.learn(
                law_ref,
                PERSONS[p],
                DEATH,
                json!(day),
                &format!("{day}.."),
                now,
            );
        }
        Step::Mark(p, v, f, n) => {
            world.learn(law_ref, PERSONS[p], MARK, json!(v), &span(f, n), now);
        }
        Step::Relief(h, v, f, n) => {
            world.learn(law_ref, HOMES[h], RELIEF, json!(v), &span(f, n), now);
        }
        Step::Bill(p, v, m) => {
            let day: Day = first().plus(m).first() + chrono::TimeDelta::days(9);
            let next = day + chrono::TimeDelta::days(1);
            world.learn(
                law_ref,
                PERSONS[p],
                BILL,
                json!(v),
                &format!("{day}..{next}"),
                now,
            );
        }
        Step::Move(p, h, member, f, n) => {
            world.moves(law_ref, PERSONS[p], HOMES[h], &span(f, n), member, now);
        }
        Step::Withdraw(n) => {
            let pieces: Vec<_> = world
                .households
                .iter()
                .flat_map(|h| h.evidence.iter().map(|e| (e.id, e.subject, e.kind.clone())))
                .collect();
            if let Some((piece, subject, kind)) = pieces.get(n % pieces.len().max(1)).cloned() {
                let name = PERSONS
                    .iter()
                    .chain(&HOMES)
                    .find(|name| id(name) == subject);
                let back = world.withdraw(name.expect("a name"), &kind, vec![piece], now);
                world.run(law_ref, &[Change::Evidence(&back)], now);
            }
        }
        Step::Line(m, v) => {
            let from = first().plus(m).first();
            law.line.push((from, now.today, v));
            world.run(
                law,
                &[Change::Parameter {
                    programme: None,
                    valid: base::Period::since(from),
                }],
                now,
            );
        }
        Step::Award(h, f, t) => {
            let from = first().plus(f);
            let to = t.map(|n| from.plus(n).to_string());
            world.award(law_ref, HOMES[h], &from.to_string(), to.as_deref(), now);
        }
    }
}

fn world() -> World {
    let all = ("2026-01", "2026-06");
    World::new(
        &[("h", &["a", "b"]), ("k", &["c", "d"])],
        &[
            ("jia", all.0, all.1),
            ("yi", all.0, all.1),
            ("bing", all.0, all.1),
        ],
    )
}

type Said = Vec<(String, String, Outcome, String)>;

/// Latest contents, without those that are not in question.
fn latest(determinations: &[Determination], known: base::Instant) -> Said {
    let mut keys: Vec<_> = determinations
        .iter()
        .map(|d| (d.subject.id, d.programme.as_str(), d.period))
        .collect();
    keys.sort();
    keys.dedup();
    let mut said: Said = keys
        .into_iter()
        .filter_map(|(subject, programme, period)| {
            as_known(determinations, subject, programme, period, known)
        })
        .filter(|d| d.outcome != Outcome::NotApplicable)
        .map(|d| {
            (
                format!("{}/{}/{}", d.programme, d.subject.id, d.period),
                serde_json::to_string(&d.carry).expect("json"),
                d.outcome.clone(),
                d.reasons.iter().map(|r| r.text.zh.as_str()).collect(),
            )
        })
        .collect();
    said.sort_by(|a, b| a.0.cmp(&b.0));
    said
}

/// `jia` of one household over the months, straight from the records.
fn naive(world: &World, law: &Invented, home: &str, now: At) -> Vec<Outcome> {
    let mut grace = 0;
    let h = world
        .households
        .iter()
        .find(|h| h.household == Some(id(home)))
        .expect("known");
    let newest = |subject, kind: &str, day: Day| {
        let withdrawn: Vec<_> = h
            .evidence
            .iter()
            .flat_map(|e| e.withdraws.clone())
            .collect();
        h.evidence
            .iter()
            .filter(|e| e.subject == subject && e.kind == kind && e.valid.contains(day))
            .filter(|e| !withdrawn.contains(&e.id))
            .max_by_key(|e| e.provenance.recorded_at)
            .map(|e| e.value.clone())
            .filter(|v| !v.is_null())
    };
    let mut persons: Vec<_> = PERSONS.iter().map(|p| id(p)).collect();
    persons.sort();
    (0..6)
        .map(|n| {
            let day = first().plus(n).first();
            let members: Vec<_> = persons
                .iter()
                .filter(|p| {
                    // Of each household's pieces the newest speaks, then the newest that says yes.
                    let newest = HOMES.iter().filter_map(|home| {
                        h.memberships
                            .iter()
                            .filter(|m| m.person == **p && m.valid.contains(day))
                            .filter(|m| m.household == id(home))
                            .max_by_key(|m| (m.provenance.recorded_at, m.id))
                    });
                    newest
                        .filter(|m| m.member)
                        .max_by_key(|m| (m.provenance.recorded_at, m.id))
                        .is_some_and(|m| m.household == id(home))
                })
                .collect();
            if members.is_empty() {
                return Outcome::NotApplicable;
            }
            let incomes: Vec<_> = members
                .iter()
                .filter(|p| newest(***p, DEATH, day).is_none())
                .map(|p| newest(**p, INCOME, day).and_then(|v| v.as_i64()))
                .collect();
            let relief = newest(id(home), RELIEF, day)
                .and_then(|v| v.as_i64())
                .unwrap_or(0);
            let (outcome, used) = jia(&incomes, relief, law.line_on(day, now.now), grace);
            grace = used;
            outcome
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn both_roads_and_every_past_agree(
        steps in proptest::collection::vec(step(), 1..16),
        hearing in any::<bool>(),
    ) {
        let mut law = Invented::new(hearing);
        let mut world = world();
        let mut pasts: Vec<(At, Said)> = Vec::new();
        world.run(&law, &[Change::Everything], at("2026-04-01", 0));
        for (n, step) in steps.iter().enumerate() {
            let now = at("2026-05-01", n as i64 * 24 * 60);
            let before = (world.determinations.clone(), world.changes.clone());
            apply(&mut world, &mut law, step, now);
            // Histories only grow.
            prop_assert_eq!(&world.determinations[..before.0.len()], &before.0[..]);
            prop_assert_eq!(&world.changes[..before.1.len()], &before.1[..]);
            // Both roads.
            let anew = night::recompute(&law, &world.known(), now).expect("runs");
            let said = latest(&world.determinations, now.now);
            prop_assert_eq!(&said, &latest(&anew, now.now));
            prop_assert_eq!(night::unexplained(&law, &world.known(), now), Ok(vec![]));
            prop_assert_eq!(night::owing(&law, &world.known(), now), vec![]);
            pasts.push((now, said));
            // The naive evaluator.
            for home in HOMES {
                for (m, expected) in naive(&world, &law, home, now).into_iter().enumerate() {
                    let period = PeriodKey::Month(first().plus(m as i32));
                    let held = as_known(&world.determinations, id(home), "jia", period, now.now)
                        .map_or(Outcome::NotApplicable, |d| d.outcome.clone());
                    prop_assert_eq!(held, expected, "{} {}", home, period);
                }
            }
            // Entitlements are the sums of their changes, never negative, in sequence.
            for (n, change) in world.changes.iter().enumerate() {
                let same = |c: &&entitlement::determination::EntitlementChange| {
                    c.subject == change.subject && c.programme == change.programme && c.period == change.period
                };
                let earlier: Vec<_> = world.changes[..n].iter().filter(same).collect();
                let sum: Fen = earlier.iter().map(|c| c.change).sum();
                prop_assert_eq!(sum + change.change, change.owed);
                prop_assert!(change.owed >= Fen::ZERO && change.change != Fen::ZERO);
                prop_assert_eq!(change.sequence as usize, earlier.len() + 1);
            }
            // The same again changes nothing.
            let mut again = world.clone();
            let out = again.run(&law, &[Change::Everything], now);
            prop_assert!(out.determinations.is_empty(), "{:?}", out.determinations);
        }
        // Every determination ever made is made again from what was known at its moment.
        for d in &world.determinations {
            let replay = entitlement::difference::replay(
                &law, &world.known(), &d.subject, &d.programme, d.period, d.made_at, false,
            )
            .expect("runs");
            prop_assert_eq!(replay.stored.as_ref(), Some(d));
            prop_assert!(replay.agrees, "{:?} against {:?}", d, replay.computed);
        }
        for (then, said) in pasts {
            prop_assert_eq!(&latest(&world.determinations, then.now), &said);
        }
    }
}
