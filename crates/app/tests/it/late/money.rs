//! Money that was overpaid: given up and taken back, and followed to the other record of the same person. Every
//! figure is worked out by hand.

use super::office::{World, at, id, run, since};
use app::service::ServiceError;
use app::service::recovery::{Recoverable, WaiverOrder};
use base::Fen;
use entitlement::change::At;
use ledger::bank::Rates;
use registry::record::Evidence;
use serde_json::json;

fn yuan(yuan: i64) -> Fen {
    Fen::yuan(yuan)
}

async fn decide(
    world: &World,
    request: &str,
    (give_up, period, amount): (bool, &str, Option<i64>),
    at: At,
) -> Result<Recoverable, ServiceError> {
    let order = WaiverOrder {
        payee: id("h"),
        programme: "jia".into(),
        period: period.into(),
        amount: amount.map(Fen::yuan),
        give_up,
        reason: "hardship".into(),
        by: "test".into(),
    };
    world.office.decide_waiver(id(request), &order, at).await
}

#[test]
fn a_waiver_stands_until_it_is_taken_back() {
    run(async {
        let mut world = World::new().await;
        // The second regime: 700 for each of the two households, without a count.
        for m in ["2020-01", "2020-02"] {
            world.determine("jia", m, at(&format!("{m}-01"))).await;
            assert_eq!(
                world.pay("jia", m, at(&format!("{m}-10"))).await,
                yuan(1400)
            );
        }
        // `h` had 200 of wages all the time: 500 were owed, 200 are overpaid for each month.
        let wage = world
            .learn(
                "a",
                "工钱",
                json!(200),
                since("2020-01-01", ""),
                at("2020-02-20"),
            )
            .await;
        assert_eq!(overpaid(&world).await, (yuan(400), Fen::ZERO));
        let too_much = decide(&world, "w0", (true, "2020-01", Some(201)), at("2020-02-21")).await;
        assert!(
            matches!(too_much, Err(ServiceError::Refused(_))),
            "{too_much:?}"
        );
        let never_paid = decide(&world, "w0", (true, "2020-03", None), at("2020-02-21")).await;
        assert!(
            matches!(never_paid, Err(ServiceError::Refused(_))),
            "{never_paid:?}"
        );
        let waived = decide(&world, "w1", (true, "2020-01", None), at("2020-02-21")).await;
        let waived = waived.expect("waived");
        assert_eq!((waived.open, waived.waived), (Fen::ZERO, yuan(200)));
        let again = decide(&world, "w1", (true, "2020-01", Some(200)), at("2020-02-21")).await;
        assert!(again.expect("known").repeated);
        // March: 500 for `h`, of which 30 % go towards February; 700 for `k`.
        world.determine("jia", "2020-03", at("2020-03-01")).await;
        assert_eq!(
            world.pay("jia", "2020-03", at("2020-03-10")).await,
            yuan(1050)
        );
        assert_eq!(overpaid(&world).await, (yuan(50), yuan(200)));
        // On appeal the waiver falls: January is open again, and no more than was waived.
        let more = decide(
            &world,
            "t0",
            (false, "2020-01", Some(201)),
            at("2020-03-20"),
        )
        .await;
        assert!(matches!(more, Err(ServiceError::Refused(_))), "{more:?}");
        let back = decide(&world, "t1", (false, "2020-01", None), at("2020-03-20")).await;
        let back = back.expect("taken back");
        assert_eq!((back.open, back.waived), (yuan(200), Fen::ZERO));
        world.determine("jia", "2020-04", at("2020-04-01")).await;
        assert_eq!(
            world.pay("jia", "2020-04", at("2020-04-10")).await,
            yuan(1050)
        );
        assert_eq!(overpaid(&world).await, (yuan(100), Fen::ZERO));
        // The wage was somebody else's: 700 were owed for each of the four months, 2,100 were paid out, so
        // that 700 are still to come, and nothing is to come back.
        let piece = Evidence {
            id: id("not hers"),
            withdraws: vec![wage],
            ..World::piece("a", "工钱", since("1900-01-01", "1900-01-02"))
        };
        world.say(piece, at("2020-04-20")).await;
        assert_eq!(overpaid(&world).await, (Fen::ZERO, Fen::ZERO));
        world.determine("jia", "2020-05", at("2020-05-01")).await;
        assert_eq!(
            world.pay("jia", "2020-05", at("2020-05-10")).await,
            yuan(2100)
        );
        world.all_is_well(at("2020-05-11")).await;
    });
}

/// Overpaid and open, and waived, of household `h`.
async fn overpaid(world: &World) -> (Fen, Fen) {
    let position = world.position("h", "jia").await;
    (
        position.sum(|p| p.recoverable()),
        position.sum(|p| p.waived),
    )
}

/// `b` has the mark from January, `a` from February; both are paid until March, `answered` says whether the bank
/// has answered for March. On the twentieth they are one person. Gives the files of each month.
async fn merged(world: &mut World, answered: bool) -> Vec<Vec<u8>> {
    for (who, from) in [("a", "2018-02-01"), ("b", "2018-01-01")] {
        world
            .learn(
                who,
                "乙标记",
                json!(true),
                since(from, ""),
                at("2018-01-01"),
            )
            .await;
    }
    let mut sent = Vec::new();
    for m in ["2018-01", "2018-02", "2018-03"] {
        world.determine("yi", m, at(&format!("{m}-01"))).await;
        let (_, files) = world.instruct("yi", m, at(&format!("{m}-10"))).await;
        for file in &files {
            if answered || m != "2018-03" {
                world
                    .answer(file, Rates::default(), at(&format!("{m}-12")))
                    .await;
            }
        }
        sent.extend(files);
    }
    let done = world.office.merge_persons(
        id("merge"),
        id("b"),
        id("a"),
        "register of births",
        "test",
        at("2018-03-20"),
    );
    done.await.expect("merged");
    sent
}

async fn plans(world: &World, who: &str) -> Vec<(String, Fen)> {
    let all = world
        .office
        .store
        .recovery_plans_of("X", id(who))
        .await
        .expect("read");
    let mut plans: Vec<_> = all.into_iter().map(|p| (p.period, p.amount)).collect();
    plans.sort();
    plans
}

#[test]
fn what_the_bank_confirms_after_a_merge_is_followed_to_the_other_record() {
    run(async {
        let mut world = World::new().await;
        let files = merged(&mut world, false).await;
        // January is what the person was owed anyway; February was paid twice, March is with the bank twice.
        let february = ("2018-02".to_string(), yuan(100));
        assert_eq!(plans(&world, "a").await, [february.clone()]);
        let (a, b) = (
            world.position("a", "yi").await,
            world.position("b", "yi").await,
        );
        assert_eq!(
            (a.sum(|p| p.recoverable()), b.sum(|p| p.recoverable())),
            (yuan(100), Fen::ZERO)
        );
        // It confirms both: the second hundred of March is to come back too, from the one record that there is.
        world
            .answer(&files[2], Rates::default(), at("2018-03-25"))
            .await;
        let march = ("2018-03".to_string(), yuan(100));
        assert_eq!(plans(&world, "a").await, [february, march]);
        assert_eq!(plans(&world, "b").await, []);
        let (a, b) = (
            world.position("a", "yi").await,
            world.position("b", "yi").await,
        );
        assert_eq!(
            (a.sum(|p| p.recoverable()), b.sum(|p| p.receivable)),
            (yuan(200), Fen::ZERO)
        );
        // The same answer again is nothing new.
        world
            .answer(&files[2], Rates::default(), at("2018-03-26"))
            .await;
        assert_eq!(world.position("a", "yi").await, a);
        world.determine("yi", "2018-04", at("2018-04-01")).await;
        assert_eq!(world.pay("yi", "2018-04", at("2018-04-10")).await, yuan(70));
        world.all_is_well(at("2018-04-11")).await;
    });
}

#[test]
fn what_the_bank_sends_back_after_a_merge_is_owed_to_the_other_record() {
    run(async {
        let mut world = World::new().await;
        let files = merged(&mut world, true).await;
        assert_eq!(
            world.position("a", "yi").await.sum(|p| p.recoverable()),
            yuan(200)
        );
        // January's payment under the old record comes back, and both of March.
        let returned = Rates {
            returned: 1000,
            ..Rates::default()
        };
        for file in [&files[0], &files[2]] {
            world.answer(file, returned, at("2018-03-25")).await;
        }
        // The person has February twice and nothing else: 100 to come back, 200 to be paid.
        let (a, b) = (
            world.position("a", "yi").await,
            world.position("b", "yi").await,
        );
        let sums =
            |p: &ledger::position::Position| (p.sum(|p| p.payable), p.sum(|p| p.recoverable()));
        assert_eq!(
            (sums(&a), sums(&b)),
            ((yuan(200), yuan(100)), (Fen::ZERO, Fen::ZERO))
        );
        assert_eq!(b.sum(|p| p.held()), Fen::ZERO);
        // April: 100 and the 200, of which 30 % are withheld for February.
        world.determine("yi", "2018-04", at("2018-04-01")).await;
        assert_eq!(
            world.pay("yi", "2018-04", at("2018-04-10")).await,
            yuan(210)
        );
        world.all_is_well(at("2018-04-11")).await;
    });
}
