//! An application before anything was determined for everybody.

use app::demo::{Plan, register};
use app::service::cases::Deed;
use base::{Day, Id, Month};
use casework::authority::Actor;
use entitlement::change::At;
use entitlement::{Outcome, Role, Subject};
use std::sync::Arc;

fn noon(day: Day) -> At {
    let noon = day.and_hms_opt(4, 0, 0).expect("a time of day");
    At::new(noon.and_utc())
}

fn actor(user: &str, area: &str) -> Actor {
    Actor {
        user: user.into(),
        roles: vec![Role::Community, Role::Caseworker, Role::Approver],
        area: area.into(),
    }
}

/// No run was made: what a decision looks at is determined with it, recorded with it, and found right by
/// `verify`; refused and granted alike.
#[tokio::test]
async fn what_nobody_determined_is_determined_when_it_is_decided() {
    let folder = tempfile::tempdir().expect("a folder");
    let office = Arc::new(crate::office(folder.path()).await);
    let month = Month::new(2026, 8).expect("a month");
    let plan = Plan {
        households: Some(400),
        county: None,
        seed: 11,
        first: month,
        last: month,
    };
    let (district, _) = register(&office, &plan).await.expect("a register");
    let day = month.first();
    let area = &district.household(0).household.shard.clone();
    let paying =
        |p: &&entitlement::Programme| p.subject == Subject::Household && p.payment.is_some();
    let mut programmes = office.law().programmes().map(|(p, _)| p);
    let programme = programmes.find(paying).expect("one that pays").id.clone();
    let running = office.store.awards(&programme).await.expect("awards");
    let (mut granted, mut refused) = (0, 0);
    for number in 0..district.len() {
        let home = district.household(number).household;
        if running.iter().any(|a| a.subject.id == home.id) {
            continue;
        }
        let told = office
            .explain_household(&programme, month, home.id, noon(day), false)
            .await
            .expect("told");
        let bears = told
            .iter()
            .any(|t| matches!(t.evaluation.outcome, Outcome::Entitled { .. }));
        if (if bears { granted } else { refused }) >= 2 {
            continue;
        }
        let request = Id::derive(&["application", &number.to_string()]);
        let opened = office
            .apply(request, home.id, None, &programme, "clerk", "", noon(day))
            .await;
        let case = opened.expect("an application");
        let mut today = day;
        let mut deeds = 0;
        let granting = loop {
            deeds += 1;
            assert!(deeds < 200, "the case does not come to its end");
            let view = office
                .case_view(&case.subject.shard, case.id, noon(today))
                .await
                .expect("a case");
            let made = view.determination.expect("determined when nobody had");
            assert!(view.fresh, "nothing was recorded yet");
            let current = view.case.state().current.map(|c| c.step);
            let steps = casework::procedure::steps(view.case.kind, &view.programme);
            let last = steps.last().map(|s| s.id.clone());
            let granting = matches!(made.outcome, Outcome::Entitled { .. });
            let (who, deed) = match current {
                Some(step) if Some(&step) != last.as_ref() => ("clerk", Deed::Done { step }),
                _ => (
                    "approver",
                    Deed::Decide {
                        granted: granting,
                        exception: false,
                    },
                ),
            };
            let id = Id::derive(&["deed", &case.id.to_string(), &deeds.to_string()]);
            let person = actor(who, area);
            let act = office.act(
                &case.subject.shard,
                case.id,
                id,
                &deed,
                "seen",
                &person,
                noon(today),
            );
            match act.await {
                Ok(_) if who == "approver" => break granting,
                Ok(_) => {}
                // The public notice runs its days.
                Err(_) if today < day + chrono::Days::new(60) => {
                    today = today + chrono::Days::new(1);
                }
                Err(error) => panic!("{error}"),
            }
        };
        if granting {
            granted += 1;
        } else {
            refused += 1;
        }
        let recorded = office
            .store
            .determinations_of(&case.subject.shard, home.id)
            .await
            .expect("read");
        assert_eq!(
            recorded.iter().filter(|d| d.programme == programme).count(),
            1
        );
    }
    assert!(granted > 0, "nobody was granted anything");
    assert!(refused > 0, "nobody was refused");
    let report = office
        .verify(0, noon(day + chrono::Days::new(90)))
        .await
        .expect("verified");
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}
