//! Late facts through the whole office, on an invented law whose amounts are worked out by hand here.

mod money;
mod office;
mod orders;

use app::service::change::Facts;
use app::service::identity::Parting;
use app::service::night::Road;
use app::service::{Office, ServiceError};
use base::Fen;
use entitlement::Subject;
use entitlement::decision::{Decision, Ruling};
use entitlement::determination::{Award, SubjectKey};
use office::{World, at, day, id, location, month, run, said, since, write_law};
use registry::record::{Evidence, Identity, Sex};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn a_count_that_ended_with_its_regime_does_not_come_back() {
    run(async {
        let world = World::new().await;
        for m in ["2019-10", "2019-11", "2019-12", "2020-01", "2022-01"] {
            world.determine("jia", m, at(&format!("{m}-01"))).await;
        }
        // Three months counted under the first law, none counted under the second (700), and under the third
        // (800) the count begins anew. A population run must not see the count of 2019 over the gap.
        let expected = [
            ("2019-10", Some(500)),
            ("2019-11", Some(500)),
            ("2019-12", Some(500)),
            ("2020-01", Some(700)),
            ("2022-01", Some(800)),
        ];
        let expected: Vec<_> = expected.map(|(m, yuan)| (m.to_string(), yuan)).into();
        assert_eq!(world.outcomes("h", "jia").await, expected);
        world.all_is_well(at("2022-01-02")).await;
    });
}

#[test]
fn what_is_about_somebody_unknown_is_sent_back() {
    run(async {
        let world = World::new().await;
        let now = at("2018-02-01");
        let grant = Award {
            id: id("grant"),
            subject: SubjectKey {
                shard: "X".into(),
                kind: Subject::Household,
                id: id("stranger"),
            },
            programme: "jia".into(),
            from: month("2018-02"),
            to: None,
            case: None,
            decided_by: "test".into(),
            reason: String::new(),
            recorded_at: now.now,
        };
        let always = since("2018-01-01", "");
        let about = [
            Facts {
                awards: vec![grant],
                ..Facts::default()
            },
            Facts {
                payees: vec![World::account("stranger")],
                ..Facts::default()
            },
            Facts {
                evidence: vec![World::piece("stranger", "工钱", always)],
                ..Facts::default()
            },
        ];
        for (n, facts) in about.into_iter().enumerate() {
            let request = id(&format!("stranger {n}"));
            let told = world.office.record(request, &facts, "feed", now).await;
            assert!(
                matches!(told, Err(ServiceError::NotFound(_))),
                "{n}: {told:?}"
            );
            let batch = vec![(request, facts, now)];
            let told = world.office.record_many(batch, "feed").await;
            assert!(
                matches!(told, Err(ServiceError::NotFound(_))),
                "{n}: {told:?}"
            );
        }
        assert!(
            world
                .office
                .store
                .awards("jia")
                .await
                .expect("read")
                .is_empty()
        );
        world.all_is_well(now).await;
    });
}

#[test]
fn a_month_opened_after_later_ones_runs_on_into_them() {
    run(async {
        let world = World::new().await;
        for m in ["2018-03", "2018-04", "2018-01", "2018-02"] {
            world.determine("jia", m, at("2018-05-01")).await;
        }
        // January to March are three months; April is the fourth and falls.
        let amounts: Vec<_> = world
            .outcomes("h", "jia")
            .await
            .into_iter()
            .map(|o| o.1)
            .collect();
        assert_eq!(amounts, [Some(500), Some(500), Some(500), None]);
        world.all_is_well(at("2018-05-02")).await;
    });
}

#[test]
fn a_law_file_corrected_leaves_the_past_as_it_was_determined() {
    run(async {
        let mut world = World::new().await;
        world
            .learn(
                "a",
                "工钱",
                json!(200),
                since("2018-01-01", ""),
                at("2018-01-01"),
            )
            .await;
        for m in ["2018-01", "2018-02"] {
            world.determine("jia", m, at(&format!("{m}-01"))).await;
            // 500 − 200 for h, 500 for k.
            assert_eq!(
                world.pay("jia", m, at(&format!("{m}-10"))).await,
                Fen::yuan(800)
            );
        }
        world
            .office
            .night(day("2018-02-28"), Road::Rows, "night", at("2018-02-28"))
            .await
            .expect("a night");
        // The line was 600 all the time: the file was wrong.
        write_law(&world.folder.path().join("law2"), 600);
        world.office = Office::open(&location(world.folder.path(), "law2"))
            .await
            .expect("opened");
        let night = world
            .office
            .night(day("2018-03-01"), Road::Rows, "night", at("2018-03-01"))
            .await
            .expect("a night");
        assert_eq!(night.law, ["X/a.md 第二条"]);
        // Two households: the first month of each brings the second with it.
        assert_eq!((night.redetermined, night.unexplained.len()), (2, 0));
        for (household, yuan) in [("h", 400), ("k", 600)] {
            let months = ["2018-01", "2018-02"].map(|m| (m.to_string(), Some(yuan)));
            assert_eq!(world.outcomes(household, "jia").await, months);
        }
        let position = world.position("h", "jia").await;
        assert_eq!(position.sum(|p| p.owed), Fen::yuan(800));
        assert_eq!(position.sum(|p| p.payable), Fen::yuan(200));
        // As known before, it replays under the old text; now, under the new one; and the law is the reason.
        let replay = world
            .office
            .replay(
                id("h"),
                Some("jia"),
                month("2018-02"),
                at("2018-02-15").now,
                at("2018-03-02"),
            )
            .await
            .expect("replayed");
        let [replay] = replay.as_slice() else {
            panic!("{replay:?}")
        };
        assert!(replay.agrees && !replay.same_law);
        let amount = |d: &Option<entitlement::determination::Determination>| {
            d.as_ref().map(|d| d.outcome.amount())
        };
        assert_eq!(amount(&replay.then), Some(Fen::yuan(300)));
        assert_eq!(amount(&replay.now), Some(Fen::yuan(400)));
        assert!(
            replay.because[0].zh.contains("第二条"),
            "{:?}",
            replay.because
        );
        assert_eq!(
            world.pay("jia", "2018-03", at("2018-03-10")).await,
            Fen::yuan(400)
        );
        world.all_is_well(at("2018-03-11")).await;
    });
}

#[test]
fn a_clock_that_was_set_back_does_not_turn_the_record_round() {
    run(async {
        let mut world = World::new().await;
        world.determine("jia", "2018-01", at("2018-01-01")).await;
        world
            .learn(
                "a",
                "工钱",
                json!(100),
                since("2018-01-01", ""),
                at("2018-01-20"),
            )
            .await;
        // The machine's clock falls back by ten days.
        world
            .learn(
                "a",
                "工钱",
                json!(300),
                since("2018-01-01", ""),
                at("2018-01-10"),
            )
            .await;
        assert_eq!(
            world.outcomes("h", "jia").await,
            [("2018-01".to_string(), Some(200))]
        );
        let made = world
            .office
            .store
            .determinations_of("X", id("h"))
            .await
            .expect("read");
        let moments: Vec<_> = made.iter().map(|d| d.made_at).collect();
        assert!(moments.is_sorted() && moments.len() == 3, "{moments:?}");
        // What was determined on the twentieth still shows as it was then.
        let replay = world
            .office
            .replay(
                id("h"),
                Some("jia"),
                month("2018-01"),
                at("2018-01-20").now,
                at("2018-01-21"),
            )
            .await
            .expect("replayed");
        assert_eq!(
            replay[0].then.as_ref().map(|d| d.outcome.amount()),
            Some(Fen::yuan(400))
        );
        world.all_is_well(at("2018-01-21")).await;
    });
}

#[test]
fn two_records_that_are_one_person_are_paid_once() {
    run(async {
        let mut world = World::new().await;
        // `a` is known to have the mark from February, `b` from January: paid 200 and 300 until March.
        let open = since("2018-02-01", "");
        world
            .learn("a", "乙标记", json!(true), open, at("2018-01-01"))
            .await;
        world
            .learn(
                "b",
                "乙标记",
                json!(true),
                since("2018-01-01", ""),
                at("2018-01-01"),
            )
            .await;
        let mut paid = Fen::ZERO;
        for m in ["2018-01", "2018-02", "2018-03"] {
            world.determine("yi", m, at(&format!("{m}-01"))).await;
            paid = paid + world.pay("yi", m, at(&format!("{m}-10"))).await;
        }
        assert_eq!(paid, Fen::yuan(500));
        let merged = at("2018-03-20");
        let request = id("merge");
        let out = world
            .office
            .merge_persons(
                request,
                id("b"),
                id("a"),
                "register of births",
                "test",
                merged,
            )
            .await
            .expect("merged");
        // `a` is owed January too: 300. `b` is owed nothing. What was paid for January under `b` is what `a` is
        // owed; February and March were paid twice, and come back once.
        let (a, b) = (
            world.position("a", "yi").await,
            world.position("b", "yi").await,
        );
        assert_eq!(
            (a.sum(|p| p.owed), b.sum(|p| p.owed)),
            (Fen::yuan(300), Fen::ZERO)
        );
        assert_eq!(
            (a.sum(|p| p.payable), b.sum(|p| p.receivable)),
            (Fen::ZERO, Fen::ZERO)
        );
        assert_eq!(a.sum(|p| p.recoverable()), Fen::yuan(200));
        let plans = &out.correction.plans;
        assert!(
            plans
                .iter()
                .all(|p| p.payee == id("a") && p.amount == Fen::yuan(100))
        );
        assert_eq!(
            plans.iter().map(|p| p.period.as_str()).collect::<Vec<_>>(),
            ["2018-02", "2018-03"]
        );
        // The same request again is the same.
        let again = world
            .office
            .merge_persons(
                request,
                id("b"),
                id("a"),
                "register of births",
                "test",
                merged,
            )
            .await;
        assert!(again.expect("known").repeated);
        // April: 100 owed to one person, of which 30 are withheld.
        world.determine("yi", "2018-04", at("2018-04-01")).await;
        assert_eq!(
            world.pay("yi", "2018-04", at("2018-04-10")).await,
            Fen::yuan(70)
        );
        // A feed that knows only the old record still reaches the person.
        world
            .learn(
                "b",
                "乙标记",
                json!(false),
                since("2018-04-01", ""),
                at("2018-04-20"),
            )
            .await;
        assert_eq!(
            world.outcomes("a", "yi").await.last().map(|o| o.1),
            Some(None)
        );
        // As known before the merge there were two.
        let replay = world
            .office
            .replay(
                id("k"),
                Some("yi"),
                month("2018-02"),
                at("2018-03-15").now,
                at("2018-04-21"),
            )
            .await
            .expect("replayed");
        let then = replay
            .iter()
            .find(|r| r.subject.id == id("b"))
            .expect("there");
        assert!(then.agrees);
        assert_eq!(
            then.then.as_ref().map(|d| d.outcome.amount()),
            Some(Fen::yuan(100))
        );
        world.all_is_well(at("2018-04-21")).await;
    });
}

#[test]
fn one_record_that_is_two_persons_is_parted() {
    run(async {
        let mut world = World::new().await;
        // Two persons under one record in `h`: the mark is the other's.
        let piece = world
            .learn(
                "a",
                "乙标记",
                json!(true),
                since("2018-01-01", ""),
                at("2018-01-01"),
            )
            .await;
        for m in ["2018-01", "2018-02"] {
            world.determine("yi", m, at(&format!("{m}-01"))).await;
            world.pay("yi", m, at(&format!("{m}-10"))).await;
        }
        let parting = Parting {
            one: id("a"),
            other: Identity {
                id: id("i other"),
                person: id("other"),
                name: "other".into(),
                sex: Sex::Female,
                birth: day("1990-01-01"),
                number: None,
                provenance: said(at("2018-03-01")),
            },
            pieces: BTreeSet::from([piece]),
            places: BTreeSet::from([id("ma")]),
        };
        world
            .office
            .split_person(
                id("split"),
                &parting,
                "register of births",
                "test",
                at("2018-03-01"),
            )
            .await
            .expect("parted");
        // The other was owed 200 and had nothing; the one had 200 and was owed nothing. They are two persons:
        // nothing is set off between them.
        let (one, other) = (
            world.position("a", "yi").await,
            world.position("other", "yi").await,
        );
        assert_eq!(
            (one.sum(|p| p.owed), one.sum(|p| p.recoverable())),
            (Fen::ZERO, Fen::yuan(200))
        );
        assert_eq!(
            (other.sum(|p| p.owed), other.sum(|p| p.payable)),
            (Fen::yuan(200), Fen::yuan(200))
        );
        world.all_is_well(at("2018-03-02")).await;
    });
}

#[test]
fn who_moves_within_a_month_is_looked_for_where_they_are_on_its_last_day() {
    run(async {
        let mut world = World::new().await;
        let mark = since("2018-01-01", "");
        world
            .learn("a", "乙标记", json!(true), mark, at("2018-01-01"))
            .await;
        world.determine("yi", "2018-01", at("2018-01-01")).await;
        let (_, _, mut there) = World::person("a", "k");
        there.id = id("moved");
        there.valid = since("2018-01-10", "");
        let moved = Facts {
            memberships: vec![there],
            ..Facts::default()
        };
        world.record(&moved, at("2018-01-11")).await;
        // Something about the old household, in which `a` was on the first of the month: only that one is read
        // at first, and `a` is not gone for that.
        let subject = SubjectKey {
            shard: "X".into(),
            kind: Subject::Household,
            id: id("h"),
        };
        let decision = Decision {
            programme: "jia".into(),
            ruling: Ruling::Pause,
            case: None,
            reason: "decided".into(),
        };
        let (from, now) = (month("2018-01"), at("2018-01-12"));
        let decision = decision.evidence(id("pause"), &subject, from, None, "test", now.now);
        let facts = Facts {
            evidence: vec![decision],
            ..Facts::default()
        };
        world.record(&facts, now).await;
        let expected = [("2018-01".to_string(), Some(100))];
        assert_eq!(world.outcomes("a", "yi").await, expected);
        world.all_is_well(at("2018-01-13")).await;
    });
}

#[test]
fn what_is_withdrawn_of_a_record_given_up_is_withdrawn_of_the_other() {
    run(async {
        let mut world = World::new().await;
        let mark = since("2018-01-01", "");
        let piece = world
            .learn("b", "乙标记", json!(true), mark, at("2018-01-01"))
            .await;
        world.determine("yi", "2018-01", at("2018-01-01")).await;
        let merged = world.office.merge_persons(
            id("merge"),
            id("b"),
            id("a"),
            "register of births",
            "test",
            at("2018-01-20"),
        );
        merged.await.expect("merged");
        let entitled = [("2018-01".to_string(), Some(100))];
        assert_eq!(world.outcomes("a", "yi").await, entitled);
        // The register that reported it knows the old record only.
        let back = Evidence {
            id: id("back"),
            shard: "X".into(),
            subject: id("b"),
            kind: "乙标记".into(),
            value: serde_json::Value::Null,
            valid: since("1900-01-01", "1900-01-02"),
            withdraws: vec![piece],
            provenance: said(at("2018-01-21")),
        };
        let facts = Facts {
            evidence: vec![back],
            ..Facts::default()
        };
        world.record(&facts, at("2018-01-21")).await;
        assert_eq!(
            world.outcomes("a", "yi").await,
            [("2018-01".to_string(), None)]
        );
        // Sent twice, it is the same request.
        let again = world
            .office
            .record(id("request 5"), &facts, "test", at("2018-01-22"));
        assert!(again.await.expect("known").repeated);
        world.all_is_well(at("2018-01-23")).await;
    });
}

#[test]
fn what_the_law_keeps_for_a_time_is_erased_after_it_and_not_while_money_is_open() {
    run(async {
        let mut world = World::new().await;
        let january = since("2018-01-01", "2018-02-01");
        // Wages are kept for two years after they ended. `a` was above the line and got nothing; `b` below it.
        for (who, wage) in [("a", 900), ("b", 100)] {
            world
                .learn(who, "工钱", json!(wage), january, at("2018-01-01"))
                .await;
        }
        world.determine("jia", "2018-01", at("2018-01-01")).await;
        let today = at("2020-01-31");
        let none = world.office.erase_expired(today.today, "test", today);
        let none = none.await.expect("looked");
        assert_eq!((none.subjects, none.left.len()), (0, 0));
        let today = at("2020-02-01");
        let done = world.office.erase_expired(today.today, "test", today);
        let done = done.await.expect("erased");
        assert_eq!((done.subjects, done.rows["evidence"]), (1, 1));
        assert!(done.left[0].contains("is open for"), "{:?}", done.left);
        let wages = async |home: &str| {
            let loaded = world.office.store.history(id(home)).await;
            let said = loaded.expect("read").expect("there").history.evidence;
            said.iter().filter(|e| e.kind == "工钱").count()
        };
        assert_eq!((wages("h").await, wages("k").await), (0, 1));
        // When the money is settled it goes too; what was determined and paid stays, and passes every check.
        world.pay("jia", "2018-01", at("2020-02-02")).await;
        let today = at("2020-02-03");
        let done = world.office.erase_expired(today.today, "test", today);
        let done = done.await.expect("erased");
        assert_eq!((done.subjects, done.left.len()), (1, 0));
        assert_eq!(wages("k").await, 0);
        assert_eq!(
            world.position("k", "jia").await.sum(|p| p.paid),
            Fen::yuan(400)
        );
        world.all_is_well(at("2020-02-04")).await;
    });
}

#[test]
fn who_read_a_piece_of_evidence_is_told_exactly() {
    use app::service::readers::Read;
    run(async {
        let mut world = World::new().await;
        let wage = world
            .learn(
                "a",
                "工钱",
                json!(200),
                since("2018-02-01", ""),
                at("2018-01-01"),
            )
            .await;
        for m in ["2018-01", "2018-02", "2018-03"] {
            world.determine("jia", m, at(&format!("{m}-01"))).await;
        }
        let later = world
            .learn(
                "a",
                "工钱",
                json!(250),
                since("2018-03-01", ""),
                at("2018-03-15"),
            )
            .await;
        let read = async |what: Read| -> Vec<String> {
            let found = world.office.readers(id("a"), &what).await.expect("told");
            let mut found: Vec<String> = found
                .iter()
                .map(|r| format!("{} v{}", r.period, r.version))
                .collect();
            found.sort();
            found
        };
        assert_eq!(
            read(Read::Evidence(wage)).await,
            ["2018-02 v1", "2018-03 v1"]
        );
        assert_eq!(read(Read::Evidence(later)).await, ["2018-03 v2"]);
        let all = ["2018-01 v1", "2018-02 v1", "2018-03 v1", "2018-03 v2"];
        assert_eq!(read(Read::Parameter("甲线".into())).await, all);
        assert_eq!(read(Read::Rule("工钱合计".into())).await, all);
        assert!(read(Read::Parameter("乙线".into())).await.is_empty());
    });
}
