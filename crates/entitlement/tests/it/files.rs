//! The same through a law file and the engine: from the register's slices to outcomes.

use crate::invented::{World, at, day, household, id, month, months, moved, person};
use base::Fen;
use entitlement::change::Change;
use entitlement::determine::{Found, determine_slice};
use entitlement::night;
use entitlement::redetermination::redetermine;
use entitlement::rules::{Rules, programme_of_month};
use entitlement::situation::{LawRules, Population};
use policy::law::{Law, SourceFile};
use registry::slice::HouseholdSlice;
use serde_json::json;

fn law() -> LawRules {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let files = vec![
        file("places.csv", include_str!("law/places.csv")),
        file("X/a.md", include_str!("law/a.md")),
    ];
    LawRules::new(Law::load(files).unwrap_or_else(|report| panic!("{report}")))
}

/// Two households whose months were all determined at the start of the year.
fn world(law: &LawRules) -> World {
    let mut world = World::new(
        &[("h", &["a", "b"]), ("k", &["c"])],
        &[
            ("jia", "2026-01", "2026-06"),
            ("yi", "2026-01", "2026-06"),
            ("bing", "2026-01", "2026-06"),
            ("ding", "2026-01", "2026-06"),
        ],
    );
    let now = at("2026-01-01", 1);
    let out = redetermine(law, &world.known(), &[Change::Everything], now).expect("runs");
    assert!(out.changes.is_empty());
    world.determinations = out.determinations;
    world
}

/// Records evidence and redetermines under the file's law.
fn learn(
    world: &mut World,
    law: &LawRules,
    who: &str,
    kind: &str,
    value: serde_json::Value,
    when: &str,
    now: &str,
) -> entitlement::redetermination::Consequences {
    let now = at(now, 0);
    let piece = world.evidence(who, kind, value, when, now);
    let out = redetermine(law, &world.known(), &[Change::Evidence(&piece)], now).expect("runs");
    world
        .determinations
        .extend(out.determinations.iter().cloned());
    world.changes.extend(out.changes.iter().cloned());
    assert_eq!(night::unexplained(law, &world.known(), now), Ok(vec![]));
    out
}

#[test]
fn late_facts_through_a_law_file() {
    let law = law();
    let mut world = world(&law);
    learn(
        &mut world,
        &law,
        "a",
        "工钱",
        json!(300),
        "2026-01..",
        "2026-01-02",
    );
    let out = learn(
        &mut world,
        &law,
        "b",
        "工钱",
        json!(200),
        "2026-01..",
        "2026-01-03",
    );
    assert_eq!(months(&out, "jia").len(), 6);
    let now = at("2026-01-04", 0);
    let award = entitlement::determination::Award {
        id: id("award"),
        subject: household("h"),
        programme: "jia".into(),
        from: month("2026-01"),
        to: None,
        case: None,
        decided_by: "test".into(),
        reason: String::new(),
        recorded_at: now.now,
    };
    world.awards.push(award.clone());
    let out = redetermine(&law, &world.known(), &[Change::Award(&award)], now).expect("runs");
    world.changes.extend(out.changes.iter().cloned());
    // 1000 − 500 = 500 a month.
    assert_eq!(world.owed(&household("h"), "jia"), Fen::yuan(3000));
    // A death in April, told in May: 500 − 300 = 200 for May and June.
    let out = learn(
        &mut world,
        &law,
        "b",
        "亡日",
        json!("2026-04-15"),
        "2026-04-15..",
        "2026-05-02",
    );
    assert_eq!(
        moved(&out, "jia"),
        [("2026-05".to_string(), -300), ("2026-06".to_string(), -300)]
    );
    assert!(
        out.determinations[0]
            .reasons
            .iter()
            .any(|r| r.article == "第三条")
    );
    // The line of April became known on 20 May: 1200 − 500 = 700 for April, 600 − 300 = 300 after.
    let known = at("2026-05-20", 0);
    let risen = Change::Parameter {
        programme: None,
        valid: crate::invented::valid("2026-04.."),
    };
    let out = redetermine(&law, &world.known(), &[risen], known).expect("runs");
    let mut sums: Vec<_> = out
        .changes
        .iter()
        .map(|c| (c.period.to_string(), c.change.0 / 100))
        .collect();
    sums.sort();
    assert_eq!(
        sums,
        [
            ("2026-04".to_string(), 200),
            ("2026-05".to_string(), 100),
            ("2026-06".to_string(), 100)
        ]
    );
    world
        .determinations
        .extend(out.determinations.iter().cloned());
    // Every version replays to what it said, the figures known then included.
    for d in &world.determinations {
        let replay = entitlement::difference::replay(
            &law,
            &world.known(),
            &d.subject,
            &d.programme,
            d.period,
            d.made_at,
            true,
        )
        .expect("runs");
        assert!(
            replay.agrees && replay.same_law,
            "{d:?} {:?}",
            replay.computed
        );
        assert!(!replay.computed.expect("there").trace.is_empty());
    }
}

#[test]
fn why_it_changed_is_told_in_words() {
    use entitlement::determination::PeriodKey;
    use entitlement::difference::{arrived, replay, why_changed};

    let law = law();
    let mut world = world(&law);
    learn(
        &mut world,
        &law,
        "a",
        "工钱",
        json!(300),
        "2026-01..",
        "2026-01-02",
    );
    learn(
        &mut world,
        &law,
        "b",
        "工钱",
        json!(200),
        "2026-01..",
        "2026-01-03",
    );
    learn(
        &mut world,
        &law,
        "b",
        "亡日",
        json!("2026-04-15"),
        "2026-04-15..",
        "2026-05-02",
    );
    let may = PeriodKey::Month(month("2026-05"));
    let (early, late) = (at("2026-01-10", 0).now, at("2026-05-10", 0).now);
    let at_moment = |known| {
        replay(
            &law,
            &world.known(),
            &household("h"),
            "jia",
            may,
            known,
            true,
        )
        .expect("runs")
        .computed
        .expect("there")
    };
    let (before, after) = (at_moment(early), at_moment(late));
    let news = arrived(&world.households[0].evidence, early, late);
    assert_eq!(news.len(), 1);
    let told: Vec<String> = why_changed(&before, &after, &news)
        .into_iter()
        .map(|b| b.zh)
        .collect();
    let has = |text: &str| told.iter().any(|t| t.contains(text));
    assert!(told[0].starts_with("2026-05-02 得知：亡日"), "{told:?}");
    assert!(has("在世人数 由 2 变为 1"), "{told:?}");
    assert!(has("收入 由 500 变为 300"), "{told:?}");
    assert!(!has("甲线"), "what did not change is not told: {told:?}");
    assert!(why_changed(&after, &after, &[]).is_empty());
}

#[test]
fn carry_and_events_through_a_law_file() {
    let law = law();
    let mut world = world(&law);
    learn(
        &mut world,
        &law,
        "a",
        "乙标记",
        json!(true),
        "2026-01..2026-03",
        "2026-02-01",
    );
    learn(
        &mut world,
        &law,
        "a",
        "乙标记",
        json!(true),
        "2026-04..",
        "2026-04-01",
    );
    // January, February, April; May and June pass the third month.
    assert_eq!(world.owed(&person("a"), "yi"), Fen::yuan(300));
    for (yuan, when) in [
        (800, "2026-02-10..2026-02-11"),
        (700, "2026-04-10..2026-04-11"),
    ] {
        learn(
            &mut world,
            &law,
            "c",
            "丙账单",
            json!({"费用": yuan}),
            when,
            "2026-05-01",
        );
    }
    assert_eq!(world.owed(&person("c"), "bing"), Fen::yuan(500));
    let out = learn(
        &mut world,
        &law,
        "c",
        "丙账单",
        json!({"费用": 600}),
        "2026-03-05..2026-03-06",
        "2026-05-02",
    );
    let mut sums: Vec<_> = out.changes.iter().map(|c| c.change.0 / 100).collect();
    sums.sort();
    assert_eq!(sums, [200, 400]);
}

#[test]
fn a_population_is_determined_as_each_household_is() {
    let law = law();
    let mut world = world(&law);
    let now = at("2026-06-01", 0);
    for (who, kind, value, when) in [
        ("a", "工钱", json!(300.5), "2026-01.."),
        ("b", "工钱", json!(200), "2026-01.."),
        ("b", "亡日", json!("2026-03-01"), "2026-03-01.."),
        ("a", "乙标记", json!(true), "2026-01.."),
        ("b", "乙标记", json!(true), "2026-02.."),
        ("h", "免额", json!(12.34), "2026-02.."),
        // An express null of a kind that knows none: silence.
        ("k", "免额", json!(null), "2026-02.."),
    ] {
        world.evidence(who, kind, value, when, now);
    }
    for programme in ["jia", "yi"] {
        for m in month("2026-01").through(month("2026-06")) {
            let mut population = Population::new(&law, &[programme], m, now.now);
            let (day, _) = programme_of_month(&law, programme, "X-1", m).expect("in force");
            let slices: Vec<HouseholdSlice> = world
                .households
                .iter()
                .filter_map(|h| registry::timeline::slice(h, law.kinds(), day, now.now))
                .collect();
            assert_eq!(slices.len(), 2);
            let mut together: Vec<Found> = Vec::new();
            population.batch(&slices, &|_, _| None, false, &mut |answer| {
                together.push(answer.result.expect("runs"))
            });
            let each: Vec<Found> = slices
                .iter()
                .flat_map(|s| {
                    determine_slice(&law, programme, m, now.now, s, &|_| None, false).expect("runs")
                })
                .collect();
            assert_eq!(together, each);
            assert!(!each.is_empty());
        }
    }
    // By hand: February, h: 1000 − (300.50 + 200 − 12.34) = 511.84; k has no wage: undetermined.
    let outcomes: Vec<_> = world
        .households
        .iter()
        .filter_map(|h| registry::timeline::slice(h, law.kinds(), day("2026-02-01"), now.now))
        .flat_map(|s| {
            determine_slice(&law, "jia", month("2026-02"), now.now, &s, &|_| None, false)
                .expect("runs")
        })
        .map(|f| (f.evaluation.outcome.name(), f.evaluation.outcome.amount()))
        .collect();
    assert_eq!(
        outcomes,
        [("entitled", Fen(51_184)), ("undetermined", Fen::ZERO)]
    );
}

#[test]
fn a_place_without_law_determines_nothing() {
    let law = law();
    assert!(law.programme("jia", "Y", day("2026-01-01")).is_none());
    assert!(law.programme("jia", "X-1", day("2019-12-31")).is_none());
    assert_eq!(
        law.programme("jia", "X-1-9", day("2026-01-01"))
            .map(|p| p.id.as_str()),
        Some("jia")
    );
    assert!(law.death_kind().is_some());
}

fn store(
    world: &mut World,
    law: &LawRules,
    change: Change<'_>,
    now: entitlement::change::At,
) -> entitlement::redetermination::Consequences {
    let out = redetermine(law, &world.known(), &[change], now).expect("runs");
    world
        .determinations
        .extend(out.determinations.iter().cloned());
    world.changes.extend(out.changes.iter().cloned());
    assert_eq!(night::unexplained(law, &world.known(), now), Ok(vec![]));
    assert_eq!(night::owing(law, &world.known(), now), vec![]);
    out
}

#[test]
fn a_move_told_late_brings_the_law_of_the_other_place() {
    let law = law();
    let mut world = world(&law);
    learn(
        &mut world,
        &law,
        "a",
        "工钱",
        json!(300),
        "2026-01..",
        "2026-01-02",
    );
    learn(
        &mut world,
        &law,
        "b",
        "工钱",
        json!(200),
        "2026-01..",
        "2026-01-03",
    );
    let mut moves = |area: &str, when: &str, now: &str| {
        let now = at(now, 0);
        let piece = registry::record::Residence {
            id: id(&format!("r{area}{when}")),
            area: area.into(),
            valid: crate::invented::valid(when),
            provenance: registry::record::Provenance {
                recorded_at: now.now,
                recorded_by: "test".into(),
                source: String::new(),
            },
            ..world.households[0].residences[0].clone()
        };
        world.households[0].residences.push(piece.clone());
        store(&mut world, &law, Change::Residence(&piece), now)
    };
    // Known before 20 May: 500 in one place, 700 in the other.
    let out = moves("X-2", "2026-04-15..", "2026-05-10");
    assert_eq!(months(&out, "jia"), ["2026-05", "2026-06"]);
    let amounts: Vec<_> = out
        .determinations
        .iter()
        .map(|d| d.outcome.amount())
        .collect();
    assert_eq!(amounts, [Fen::yuan(900), Fen::yuan(900)]);
    // Then out of the law's reach: the programme is not in question any more, and comes back.
    let out = moves("Y-1", "2026-06..", "2026-05-11");
    assert_eq!(months(&out, "jia"), ["2026-06"]);
    assert_eq!(out.determinations[0].outcome.name(), "not-applicable");
    let out = moves("X-2", "2026-06..", "2026-05-12");
    assert_eq!(months(&out, "jia"), ["2026-06"]);
    let back = out
        .determinations
        .iter()
        .find(|d| d.programme == "jia")
        .expect("made");
    assert_eq!(back.outcome.amount(), Fen::yuan(900));
}

#[test]
fn a_birth_recorded_wrongly_is_corrected() {
    let law = law();
    let mut world = world(&law);
    let once = |world: &World| {
        let d = entitlement::determine::as_known(
            &world.determinations,
            id("a"),
            "ding",
            entitlement::determination::PeriodKey::Once,
            at("2027-01-01", 0).now,
        );
        d.map(|d| (d.version, d.outcome.name()))
    };
    assert_eq!(once(&world), Some((1, "refused")));
    let now = at("2026-05-10", 0);
    let old = world.households[0]
        .identities
        .iter()
        .find(|i| i.person == id("a"))
        .expect("known");
    let mut new = old.clone();
    new.id = id("corrected");
    new.birth = day("1966-06-02");
    new.provenance.recorded_at = now.now;
    // Not sixty on 1 June, the reference day of the last month determined.
    world.households[0].identities.push(new.clone());
    let out = store(&mut world, &law, Change::Identity(&new), now);
    assert!(out.changes.is_empty());
    assert_eq!(
        once(&world),
        Some((2, "refused")),
        "the sentence names another birthday"
    );
    new.id = id("corrected again");
    new.birth = day("1966-06-01");
    new.provenance.recorded_at = at("2026-05-11", 0).now;
    world.households[0].identities.push(new.clone());
    let out = store(
        &mut world,
        &law,
        Change::Identity(&new),
        at("2026-05-11", 0),
    );
    assert_eq!(once(&world), Some((3, "entitled")));
    assert_eq!(moved(&out, "ding"), [("once".to_string(), 50)]);
}
