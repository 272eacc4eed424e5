//! Late facts with sums worked out by hand: which months are touched, what is owed after.

use crate::invented::*;
use base::Fen;
use entitlement::change::Change;
use entitlement::decision::{Decision, Ruling, withdrawal};
use entitlement::determine::as_known;
use entitlement::night;
use entitlement::redetermination::{Known, Look, RunError, redetermine};
use serde_json::json;

/// Two adults; incomes 300 and 200 declared for the year; the line is 500 a head, so the gap is
/// 1000 − 500 = 500 a month. January to June are determined, an award runs from January.
fn family(law: &Invented) -> World {
    let mut world = World::new(
        &[("h", &["a", "b"]), ("k", &["c"])],
        &[("jia", "2026-01", "2026-06")],
    );
    let now = at("2026-01-02", 0);
    world.evidence("a", INCOME, json!(300), "2026-01..", now);
    world.evidence("b", INCOME, json!(200), "2026-01..", now);
    world.evidence("c", INCOME, json!(100), "2026-01..", now);
    let out = world.run(law, &[Change::Everything], now);
    assert_eq!(months(&out, "jia").len(), 12);
    assert!(out.changes.is_empty(), "nothing is owed without an award");
    assert!(
        out.attention
            .iter()
            .all(|a| a.look == Look::EntitledNotAwarded)
    );
    let out = world.award(law, "h", "2026-01", None, at("2026-01-03", 0));
    assert!(out.determinations.is_empty(), "an award determines nothing");
    assert_eq!(world.owed(&household("h"), "jia"), Fen::yuan(3000));
    world
}

fn expect(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    pairs
        .iter()
        .map(|(m, yuan)| (m.to_string(), *yuan))
        .collect()
}

#[test]
fn a_wage_of_march_recorded_in_june() {
    let law = Invented::new(false);
    let mut world = family(&law);
    // 300 + 400 = 700 in March only: 1000 − 700 = 300 instead of 500.
    let june = at("2026-06-10", 0);
    let out = world.learn(&law, "b", INCOME, json!(400), "2026-03..2026-04", june);
    assert_eq!(months(&out, "jia"), ["2026-03"]);
    assert_eq!(moved(&out, "jia"), expect(&[("2026-03", -200)]));
    assert_eq!(out.changes[0].cause, "late-fact");
    // What stood then still stands as known then.
    let march = entitlement::determination::PeriodKey::Month(month("2026-03"));
    let as_of = |known: &str| {
        as_known(
            &world.determinations,
            id("h"),
            "jia",
            march,
            at(known, 0).now,
        )
        .map(|d| (d.version, d.outcome.amount()))
    };
    assert_eq!(as_of("2026-06-09"), Some((1, Fen::yuan(500))));
    assert_eq!(as_of("2026-06-11"), Some((2, Fen::yuan(300))));
    // The wage was a mistake: withdrawn, March is as before, in a third version.
    let piece = world.households[0].evidence.last().expect("recorded").id;
    let later = at("2026-06-20", 0);
    let back = world.withdraw("b", INCOME, vec![piece], later);
    let out = world.run(&law, &[Change::Evidence(&back)], later);
    assert_eq!(moved(&out, "jia"), expect(&[("2026-03", 200)]));
    assert_eq!(out.determinations[0].version, 3);
    // And nothing is left that a night run would wonder about.
    assert_eq!(night::unexplained(&law, &world.known(), later), Ok(vec![]));
}

#[test]
fn a_fact_that_changes_nothing_makes_no_version() {
    let law = Invented::new(false);
    let mut world = family(&law);
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(200),
        "2026-03..",
        at("2026-06-10", 0),
    );
    assert_eq!(
        (out.determinations, out.changes, out.differences),
        (vec![], vec![], vec![])
    );
}

#[test]
fn a_death_two_months_late() {
    let law = Invented::new(false);
    let mut world = family(&law);
    // b died on 15 April, told on 20 June. On 1 May and 1 June only a is counted: 500 − 300 = 200.
    let out = world.learn(
        &law,
        "b",
        DEATH,
        json!("2026-04-15"),
        "2026-04-15..",
        at("2026-06-20", 0),
    );
    assert_eq!(months(&out, "jia"), ["2026-05", "2026-06"]);
    assert_eq!(
        moved(&out, "jia"),
        expect(&[("2026-05", -300), ("2026-06", -300)])
    );
}

#[test]
fn a_member_moved_out_and_both_households_change() {
    let law = Invented::new(false);
    let mut world = family(&law);
    world.award(&law, "k", "2026-01", None, at("2026-01-03", 0));
    // c alone: 500 − 100 = 400 a month.
    assert_eq!(world.owed(&household("k"), "jia"), Fen::yuan(2400));
    // b lives with c since 1 April. h: 500 − 300 = 200. k: 1000 − 300 = 700.
    let out = world.moves(&law, "b", "k", "2026-04..", true, at("2026-06-05", 0));
    let mut touched: Vec<_> = out
        .changes
        .iter()
        .map(|c| {
            (
                c.subject == household("h"),
                c.period.to_string(),
                c.change.0 / 100,
            )
        })
        .collect();
    touched.sort();
    let expected: Vec<_> = ["2026-04", "2026-05", "2026-06"]
        .iter()
        .flat_map(|m| [(false, m.to_string(), 300), (true, m.to_string(), -300)])
        .collect();
    let mut expected = expected;
    expected.sort();
    assert_eq!(touched, expected);
    assert_eq!(out.determinations.len(), 6);
}

#[test]
fn a_standard_decided_later_touches_all_from_its_day() {
    let mut law = Invented::new(false);
    let mut world = family(&law);
    // Decided on 20 May, valid from April: 600 a head. 1200 − 500 = 700 instead of 500.
    law.line.push((day("2026-04-01"), day("2026-05-20"), 600));
    let early = at("2026-05-19", 0);
    let touched = Change::Parameter {
        programme: None,
        valid: valid("2026-04.."),
    };
    assert!(
        world
            .clone()
            .run(&law, std::slice::from_ref(&touched), early)
            .changes
            .is_empty()
    );
    let out = world.run(&law, &[touched], at("2026-05-20", 0));
    let gained: Vec<_> = moved(&out, "jia");
    assert_eq!(
        gained,
        expect(&[("2026-04", 200), ("2026-05", 200), ("2026-06", 200)])
    );
    assert!(out.changes.iter().all(|c| c.cause == "law"));
    // k's months are redetermined too, though nothing is owed to it: 6 versions in all.
    assert_eq!(out.determinations.len(), 6);
}

#[test]
fn several_facts_in_any_order_end_the_same() {
    let law = Invented::new(false);
    type Record<'a> = &'a dyn Fn(&mut World, i64);
    let steps: [Record<'_>; 4] = [
        &|w, n| {
            drop(w.learn(
                &law,
                "a",
                INCOME,
                json!(900),
                "2026-02..2026-05",
                at("2026-06-10", n),
            ))
        },
        &|w, n| {
            drop(w.learn(
                &law,
                "b",
                DEATH,
                json!("2026-03-20"),
                "2026-03-20..",
                at("2026-06-10", n),
            ))
        },
        &|w, n| drop(w.moves(&law, "b", "k", "2026-02..", true, at("2026-06-10", n))),
        &|w, n| {
            drop(w.learn(
                &law,
                "h",
                RELIEF,
                json!(150),
                "2026-04..",
                at("2026-06-10", n),
            ))
        },
    ];
    let mut results = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        let mut world = family(&law);
        for (n, step) in order.into_iter().enumerate() {
            steps[step](&mut world, n as i64);
        }
        assert_eq!(
            night::unexplained(&law, &world.known(), at("2026-06-11", 0)),
            Ok(vec![])
        );
        results.push((
            world.owed(&household("h"), "jia"),
            world.owed(&household("k"), "jia"),
        ));
    }
    assert!(results.iter().all(|r| *r == results[0]), "{results:?}");
    // By hand, h with a alone from February: Jan 500; Feb, Mar with 900 ≥ 500: grace, 250 each;
    // Apr 900 − 150 = 750: grace used up, refused; May, June 300 − 150 = 150: 350 each.
    assert_eq!(results[0].0, Fen::yuan(500 + 250 + 250 + 350 + 350));
}

#[test]
fn carry_runs_forward_only_while_it_differs() {
    let law = Invented::new(false);
    let mut world = family(&law);
    // b earns 900 from March on: 1200 ≥ 1000. Grace in March and April (500 each), then refused.
    world.learn(
        &law,
        "b",
        INCOME,
        json!(900),
        "2026-03..",
        at("2026-03-05", 0),
    );
    assert_eq!(world.owed(&household("h"), "jia"), Fen::yuan(500 * 4));
    // Learnt later: so it was in February too. Grace is February and March; April is refused now.
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(900),
        "2026-02..2026-03",
        at("2026-06-01", 0),
    );
    assert_eq!(moved(&out, "jia"), expect(&[("2026-04", -500)]));
    // February and March change their grounds, April its outcome; May and June stay as they were.
    assert_eq!(months(&out, "jia"), ["2026-02", "2026-03", "2026-04"]);
    assert!(out.attention.is_empty(), "the latest month did not change");
}

#[test]
fn missing_evidence_leaves_what_is_owed() {
    let law = Invented::new(false);
    let mut world = family(&law);
    let pieces: Vec<_> = world.households[0]
        .evidence
        .iter()
        .filter(|e| e.subject == id("b"))
        .map(|e| e.id)
        .collect();
    let now = at("2026-06-10", 0);
    let back = world.withdraw("b", INCOME, pieces, now);
    let out = world.run(&law, &[Change::Evidence(&back)], now);
    assert_eq!(out.determinations.len(), 6);
    assert!(
        out.changes.is_empty(),
        "undetermined neither takes nor gives"
    );
    assert_eq!(out.attention[0].look, Look::AwardedAndUndetermined);
}

#[test]
fn human_decisions_are_not_undone_by_a_run() {
    let law = Invented::new(false);
    let mut world = family(&law);
    let decide = |world: &mut World, ruling, from: &str, to: &str, when: &str| {
        let decision = Decision {
            programme: "jia".into(),
            ruling,
            case: None,
            reason: String::new(),
        };
        let now = at(when, 0);
        let text = format!("{from}{when}");
        let piece = decision.evidence(
            id(&text),
            &household("h"),
            month(from),
            Some(month(to)),
            "chief",
            now.now,
        );
        world.households[0].evidence.push(piece.clone());
        (world.run(&law, &[Change::Evidence(&piece)], now), piece)
    };
    let (out, _) = decide(
        &mut world,
        Ruling::Pause,
        "2026-05",
        "2026-06",
        "2026-05-02",
    );
    assert_eq!(moved(&out, "jia"), expect(&[("2026-05", -500)]));
    let (out, piece) = decide(
        &mut world,
        Ruling::Confirm {
            amount: Fen::yuan(450),
        },
        "2026-03",
        "2026-04",
        "2026-05-03",
    );
    assert_eq!(moved(&out, "jia"), expect(&[("2026-03", -50)]));
    // A wage arrives that would change all of it; paused and confirmed months stay.
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(400),
        "2026-03..",
        at("2026-06-01", 0),
    );
    assert_eq!(
        months(&out, "jia"),
        ["2026-03", "2026-04", "2026-05", "2026-06"]
    );
    assert_eq!(
        moved(&out, "jia"),
        expect(&[("2026-04", -200), ("2026-06", -200)])
    );
    // The exception is reversed on appeal: now March follows the rules.
    let now = at("2026-06-15", 0);
    let back = withdrawal(
        id("w"),
        &household("h"),
        vec![piece.id],
        piece.valid,
        "court",
        "appeal",
        now.now,
    );
    world.households[0].evidence.push(back.clone());
    let out = world.run(&law, &[Change::Evidence(&back)], now);
    assert_eq!(moved(&out, "jia"), expect(&[("2026-03", -150)]));
    assert!(out.determinations.is_empty());
}

#[test]
fn an_award_that_ends_ends_what_is_owed() {
    let law = Invented::new(false);
    let mut world = family(&law);
    let out = world.award(&law, "h", "2026-01", Some("2026-05"), at("2026-05-20", 0));
    assert_eq!(
        moved(&out, "jia"),
        expect(&[("2026-05", -500), ("2026-06", -500)])
    );
    // A run later leaves it ended.
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(0),
        "2026-05..",
        at("2026-06-01", 0),
    );
    assert_eq!(months(&out, "jia"), ["2026-05", "2026-06"]);
    assert!(out.changes.is_empty());
}

#[test]
fn what_concerns_everybody_is_redetermined_for_one_without_the_homes_of_strangers() {
    let law = Invented::new(false);
    let mut world = World::new(
        &[("h", &["a", "b"]), ("k", &["c", "d"]), ("x", &["e"])],
        &[("yi", "2026-01", "2026-06")],
    );
    let now = at("2026-06-01", 0);
    // a lived with c and d for two months; d lives with e now.
    world.moves(&law, "a", "k", "2026-01..2026-03", true, now);
    world.moves(&law, "d", "x", "2026-04..", true, now);
    world.learn(&law, "a", MARK, json!(true), "2026-01..", now);
    let whole = world.known();
    let read: Vec<_> = (world.households.iter())
        .filter(|h| h.household != Some(id("x")))
        .cloned()
        .collect();
    let known = Known {
        households: &read,
        ..whole
    };
    let later = at("2026-06-02", 0);
    let of_all = Change::Law {
        from: day("2026-01-01"),
    };
    assert_eq!(
        redetermine(&law, &known, std::slice::from_ref(&of_all), later),
        Err(RunError::NotLoaded(id("x")))
    );
    // What was recorded of a's months is forgotten, so that there is something to find.
    let known = Known {
        determinations: &[],
        changes: &[],
        ..known
    };
    let of_one = Change::About {
        subject: id("h"),
        change: Box::new(of_all),
    };
    let out = redetermine(&law, &known, &[of_one], later).expect("runs");
    let about: Vec<_> = out.changes.iter().map(|c| c.subject.clone()).collect();
    assert_eq!(about, vec![person("a"); 3]);
}

#[test]
fn a_hold_ends_before_months_that_were_settled_and_not_touched() {
    let law = Invented::new(true);
    let all = ("2026-01", "2026-06");
    let mut world = World::new(&[("h", &["a", "b"])], &[("jia", all.0, all.1)]);
    let now = at("2026-05-01", 0);
    world.run(&law, &[Change::Everything], now);
    let now = at("2026-05-02", 0);
    world.award(&law, "h", "2026-01", None, now);
    // Both incomes are known for April only, so that April alone owes.
    let now = at("2026-05-03", 0);
    world.learn(&law, "a", INCOME, json!(0), "2026-03..2026-05", now);
    let now = at("2026-05-04", 0);
    let out = world.learn(&law, "b", INCOME, json!(0), "2026-04..2026-06", now);
    // May falls against April and is held; June was settled before, at nothing, and stays so.
    assert_eq!(
        moved(&out, "jia"),
        expect(&[("2026-04", 1000), ("2026-05", 1000)])
    );
    let spans: Vec<_> = out.holds.iter().map(|h| (h.from, h.to)).collect();
    assert_eq!(spans, [(month("2026-05"), Some(month("2026-06")))]);
    assert_eq!(night::owing(&law, &world.known(), now), vec![]);
}

#[test]
fn where_the_law_wants_a_hearing_nothing_falls_before_it() {
    let law = Invented::new(true);
    let mut world = family(&law);
    // b earns 400 since April, learnt on 10 June. April and May were paid by what was known: they
    // fall (recovery waits elsewhere); June goes on at 500 until a hearing.
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(400),
        "2026-04..",
        at("2026-06-10", 0),
    );
    assert_eq!(
        moved(&out, "jia"),
        expect(&[("2026-04", -200), ("2026-05", -200)])
    );
    assert_eq!(out.holds.len(), 1);
    let hold = &out.holds[0];
    assert_eq!(
        (hold.from, hold.floor, hold.proposed),
        (month("2026-06"), Fen::yuan(500), Fen::yuan(300))
    );
    // July opens: still 500.
    world.opened[0].months.push(month("2026-07"));
    let opened = Change::Opened {
        programme: "jia".into(),
        month: month("2026-07"),
    };
    let out = world.run(&law, &[opened], at("2026-07-01", 0));
    assert_eq!(moved(&out, "jia"), expect(&[("2026-07", 500)]));
    assert!(out.holds.is_empty(), "one hold is enough");
    // Heard; the approver withdraws the hold: June and July fall to 300.
    let held = world.households[0]
        .evidence
        .iter()
        .find(|e| e.kind == "@decision")
        .expect("the hold")
        .clone();
    let now = at("2026-07-10", 0);
    let back = withdrawal(
        id("w"),
        &household("h"),
        vec![held.id],
        held.valid,
        "chief",
        "heard",
        now.now,
    );
    world.households[0].evidence.push(back.clone());
    let out = world.run(&law, &[Change::Evidence(&back)], now);
    assert_eq!(
        moved(&out, "jia"),
        expect(&[("2026-06", -200), ("2026-07", -200)])
    );
    // Higher amounts need no hearing.
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(100),
        "2026-07..",
        at("2026-07-11", 0),
    );
    assert_eq!(moved(&out, "jia"), expect(&[("2026-07", 300)]));
    assert!(out.holds.is_empty());
}

#[test]
fn a_first_month_that_would_be_lower_is_held_too() {
    let law = Invented::new(true);
    let mut world = family(&law);
    // Told in June of a wage from July on: no month is touched yet.
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(400),
        "2026-07..",
        at("2026-06-10", 0),
    );
    assert!(out.determinations.is_empty() && out.holds.is_empty());
    world.opened[0].months.push(month("2026-07"));
    let opened = Change::Opened {
        programme: "jia".into(),
        month: month("2026-07"),
    };
    let out = world.run(&law, &[opened], at("2026-07-01", 0));
    assert_eq!(moved(&out, "jia"), expect(&[("2026-07", 500)]));
    assert_eq!(out.holds[0].proposed, Fen::yuan(300));
}

#[test]
fn nobody_is_left_to_hear() {
    let law = Invented::new(true);
    let mut world = family(&law);
    world.award(&law, "k", "2026-01", None, at("2026-01-03", 0));
    let out = world.learn(
        &law,
        "c",
        DEATH,
        json!("2026-04-15"),
        "2026-04-15..",
        at("2026-06-20", 0),
    );
    assert_eq!(
        moved(&out, "jia"),
        expect(&[("2026-05", -400), ("2026-06", -400)])
    );
    assert!(out.holds.is_empty());
    assert_eq!(out.attention[0].look, Look::AwardedAndRefused);
}

#[test]
fn a_past_month_alone_announces_no_reduction() {
    let law = Invented::new(true);
    let mut world = family(&law);
    let out = world.learn(
        &law,
        "b",
        INCOME,
        json!(400),
        "2026-03..2026-04",
        at("2026-06-10", 0),
    );
    assert_eq!(moved(&out, "jia"), expect(&[("2026-03", -200)]));
    assert!(out.holds.is_empty());
}

#[test]
fn months_of_a_person_follow_the_person_and_their_count() {
    let law = Invented::new(false);
    let mut world = World::new(
        &[("h", &["a", "b"]), ("k", &["c"])],
        &[("yi", "2026-01", "2026-06")],
    );
    world.learn(
        &law,
        "a",
        MARK,
        json!(true),
        "2026-01..2026-03",
        at("2026-02-01", 0),
    );
    world.learn(
        &law,
        "a",
        MARK,
        json!(true),
        "2026-04..",
        at("2026-04-01", 0),
    );
    // January, February, (pause in March), April; May and June are past the third month.
    assert_eq!(world.owed(&person("a"), "yi"), Fen::yuan(300));
    // A move does not start the count anew.
    let out = world.moves(&law, "a", "k", "2026-02..", true, at("2026-06-01", 0));
    assert!(out.changes.is_empty(), "{:?}", out.changes);
    // February was wrong: April is the second, May the third.
    let wrong = world.evidence(
        "a",
        MARK,
        json!(false),
        "2026-02..2026-03",
        at("2026-06-02", 0),
    );
    let out = world.run(&law, &[Change::Evidence(&wrong)], at("2026-06-02", 0));
    assert_eq!(
        moved(&out, "yi"),
        expect(&[("2026-02", -100), ("2026-05", 100)])
    );
}

#[test]
fn a_bill_that_comes_late_shifts_those_after_it_in_its_year() {
    let law = Invented::new(false);
    let mut world = World::new(&[("h", &["a"])], &[("bing", "2026-01", "2026-06")]);
    let bill = |w: &mut World, yuan: i64, when: &str, now: &str| {
        let next = day(when).succ_opt().expect("a day");
        w.learn(
            &law,
            "a",
            BILL,
            json!(yuan),
            &format!("{when}..{next}"),
            at(now, 0),
        )
    };
    bill(&mut world, 800, "2026-02-10", "2026-02-20");
    bill(&mut world, 700, "2026-04-10", "2026-04-20");
    bill(&mut world, 900, "2027-01-10", "2027-01-20");
    // 800: nothing; 700: 500 above 1000; a new year: 900: nothing.
    assert_eq!(world.owed(&person("a"), "bing"), Fen::yuan(500));
    // 600 of March, told in May: 400 above; then all of April's 700.
    let out = bill(&mut world, 600, "2026-03-05", "2027-02-01");
    let mut sums: Vec<_> = out.changes.iter().map(|c| c.change.0 / 100).collect();
    sums.sort();
    assert_eq!(sums, [200, 400]);
    // February's bill was another's: withdrawn. March 0, April 300.
    let first = world.households[0].evidence[0].id;
    let now = at("2027-03-01", 0);
    let back = world.withdraw("a", BILL, vec![first], now);
    let out = world.run(&law, &[Change::Evidence(&back)], now);
    let mut sums: Vec<_> = out.changes.iter().map(|c| c.change.0 / 100).collect();
    sums.sort();
    assert_eq!(sums, [-400, -400]);
    assert_eq!(night::unexplained(&law, &world.known(), now), Ok(vec![]));
}

#[test]
fn a_household_not_handed_in_is_asked_for() {
    let law = Invented::new(false);
    let mut world = World::new(
        &[("h", &["a", "b"]), ("k", &["c"])],
        &[("yi", "2026-01", "2026-06")],
    );
    world.learn(
        &law,
        "a",
        MARK,
        json!(true),
        "2026-01..",
        at("2026-02-01", 0),
    );
    world.moves(&law, "a", "k", "2026-03..", true, at("2026-03-01", 0));
    let only_h = [world.households[0].clone()];
    let known = entitlement::redetermination::Known {
        households: &only_h,
        ..world.known()
    };
    let run = entitlement::redetermination::redetermine(
        &law,
        &known,
        &[Change::Everything],
        at("2026-06-01", 0),
    );
    assert_eq!(
        run,
        Err(entitlement::redetermination::RunError::NotLoaded(id("k")))
    );
}

#[test]
fn a_population_run_settles_a_month_as_a_redetermination_does() {
    use entitlement::determination::PeriodKey;
    use entitlement::month::{Beside, settle};
    use entitlement::rules::Rules;

    for (hearing, income) in [(true, 400), (true, 100), (false, 400), (false, 2000)] {
        let law = Invented::new(hearing);
        let mut world = family(&law);
        let early = at("2026-06-10", 0);
        world.learn(&law, "b", INCOME, json!(income), "2026-07..", early);
        let july = month("2026-07");
        let now = at("2026-07-01", 0);
        // By the population's road.
        let slice =
            registry::timeline::slice(&world.households[0], law.kinds(), july.first(), now.now)
                .expect("there");
        let june = as_known(
            &world.determinations,
            id("h"),
            "jia",
            PeriodKey::Month(month("2026-06")),
            now.now,
        )
        .expect("determined");
        let carry = |_| Some(&june.carry);
        let mut found = entitlement::determine::determine_slice(
            &law, "jia", july, now.now, &slice, &carry, false,
        )
        .expect("runs");
        let beside = Beside {
            last: None,
            awarded: true,
            decisions: &[],
            last_change: None,
            owed_before: Some(Fen::yuan(500)),
            area: "X-1",
            hearable: true,
        };
        let programme = law.programme("jia", "X-1", july.first()).expect("in force");
        let settled = settle(
            programme,
            found.remove(0),
            &beside,
            law.digest(),
            now.now,
            now,
        );
        // By the other.
        world.opened[0].months.push(july);
        let opened = Change::Opened {
            programme: "jia".into(),
            month: july,
        };
        let out = world.run(&law, &[opened], now);
        let of_h = |d: &&entitlement::determination::Determination| d.subject == household("h");
        assert_eq!(
            settled.determination.as_ref(),
            out.determinations.iter().find(of_h)
        );
        assert_eq!(settled.change.as_ref(), out.changes.first());
        assert_eq!(settled.hold.as_ref(), out.holds.first());
        assert_eq!(hearing && income > 200, settled.hold.is_some());
    }
}
