//! Worked examples, each with figures that one can check in the head.

use crate::{SHARD, day, destination, month, owe, pay, payee, stamp, terms};
use base::{Fen, Id};
use ledger::account::chart;
use ledger::iso::{Answer, AnswerLine, Source, compact};
use ledger::payment::{
    AccountFault, ControlTotals, Destination, Payment, PaymentState, next_attempt,
};
use ledger::position::{PeriodPosition, Position};
use ledger::post::{Change, PostError, post};
use ledger::reconcile::{Discrepancy, Positions, Reconciled, reconcile};
use ledger::recovery::{
    Debt, Measure, RecoveryError, Terms, measure, repay, schedule, waive, without_plan,
};
use ledger::run::{Apart, ApartReason, Line, PayRun};
use ledger::verify::verify;

fn position() -> Position {
    Position::new(SHARD, payee(1), "alpha")
}

fn says(payment: &Payment, state: PaymentState, amount: Fen) -> Answer {
    Answer {
        source: Source::Statement,
        message: "M".into(),
        original: None,
        original_totals: (None, None),
        group: None,
        lines: vec![AnswerLine {
            end_to_end: Some(compact(payment.id)),
            sequence: None,
            state,
            amount: Some(amount),
            reason: (state != PaymentState::Paid).then(|| "AC04".to_owned()),
            booked: None,
            line: 1,
        }],
        batch_bookings: Vec::new(),
        others: 0,
    }
}

/// Answers one payment and puts the position back.
fn answer(payment: &mut Payment, position: &mut Position, state: PaymentState) -> Reconciled {
    let answers = [says(payment, state, payment.amount)];
    let mut positions: Positions = [position.clone()].into_iter().collect();
    let mut payments = [payment.clone()];
    let result = reconcile(&mut payments, &answers, &mut positions, stamp());
    *position = positions
        .get(SHARD, position.payee, &position.programme)
        .expect("still there")
        .clone();
    let [changed] = payments;
    *payment = changed;
    assert_eq!(position.fault(), None);
    result
}

fn figures(p: PeriodPosition) -> [i64; 5] {
    [
        p.owed.0,
        p.payable.0,
        p.in_transit.0,
        p.receivable.0,
        p.held().0,
    ]
}

#[test]
fn a_fall_before_payment_is_taken_from_what_is_payable() {
    let mut p = position();
    owe(&mut p, "2026-01", 50_000, "1");
    let posted = owe(&mut p, "2026-01", 30_000, "2");
    assert_eq!(
        (posted.payable_less, posted.overpaid),
        (Fen(20_000), Fen::ZERO)
    );
    assert_eq!(figures(p.period("2026-01")), [30_000, 30_000, 0, 0, 0]);
}

#[test]
fn a_fall_when_part_is_paid_splits_exactly() {
    let mut p = position();
    owe(&mut p, "2026-01", 50_000, "1");
    let (mut payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    answer(&mut payment, &mut p, PaymentState::Paid);
    owe(&mut p, "2026-01", 60_000, "2");
    // 500 are paid, 100 payable; 120 less takes the 100 and leaves 20 overpaid.
    let posted = owe(&mut p, "2026-01", 48_000, "3");
    assert_eq!(
        (posted.payable_less, posted.overpaid),
        (Fen(10_000), Fen(2_000))
    );
    assert_eq!(figures(p.period("2026-01")), [48_000, 0, 0, 2_000, 50_000]);
    // 30 more takes back the 20 first.
    let posted = owe(&mut p, "2026-01", 51_000, "4");
    assert_eq!(
        (posted.overpaid_less, posted.payable),
        (Fen(2_000), Fen(1_000))
    );
    assert_eq!(figures(p.period("2026-01")), [51_000, 1_000, 0, 0, 50_000]);
}

#[test]
fn a_change_is_posted_once_and_only_in_sequence() {
    let mut p = position();
    let change = |tag: &str, owed, change| Change {
        id: Id::derive(&[tag]),
        shard: SHARD.into(),
        payee: payee(1),
        programme: "alpha".into(),
        period: "2026-01".into(),
        owed: Fen(owed),
        change: Fen(change),
    };
    assert_eq!(
        post(&change("1", 100, 100), &mut p, stamp()).map(|p| p.transfers.len()),
        Ok(1)
    );
    assert_eq!(
        post(&change("2", 0, -100), &mut p, stamp()).map(|p| p.transfers.len()),
        Ok(1)
    );
    // The first once more: what it starts from fits again, and yet it is not posted again.
    assert_eq!(
        post(&change("1", 100, 100), &mut p, stamp()).map(|p| p.transfers.len()),
        Ok(0)
    );
    assert!(matches!(
        post(&change("4", 70, -30), &mut p, stamp()),
        Err(PostError::OutOfSequence {
            found: Fen(0),
            expected: Fen(100),
            ..
        })
    ));
    assert!(matches!(
        post(&change("5", -1, -1), &mut p, stamp()),
        Err(PostError::Negative { .. })
    ));
    // A change of nothing is never out of sequence: the second time it could not be told apart.
    let nothing = change("7", 900, 0);
    assert_eq!(
        post(&nothing, &mut p, stamp()).map(|p| p.transfers.len()),
        Ok(0)
    );
    let other = Change {
        payee: payee(2),
        ..change("6", 5, 5)
    };
    assert!(matches!(
        post(&other, &mut p, stamp()),
        Err(PostError::OtherPosition(_))
    ));
    assert_eq!(figures(p.period("2026-01")), [0; 5]);
}

#[test]
fn what_never_arrived_is_not_recovered() {
    let mut p = position();
    owe(&mut p, "2026-01", 40_000, "1");
    let (mut payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    owe(&mut p, "2026-01", 10_000, "2");
    // 300 too much is under way: overpaid, and not to be asked for yet.
    assert_eq!(figures(p.period("2026-01")), [10_000, 0, 40_000, 30_000, 0]);
    assert_eq!(p.period("2026-01").recoverable(), Fen::ZERO);
    let asked = measure(
        &Terms::default(),
        &mut p,
        "2026-01",
        Id::derive(&["2"]),
        day("2026-04-01"),
        stamp(),
    );
    assert_eq!(asked, Measure::Nothing);
    assert!(waive(&mut p, "2026-01", Fen(1), Id::derive(&["w"]), stamp()).is_err());
    assert_eq!(without_plan(&p, &[]), []);
    // Had it arrived, 300 could be asked for.
    let (mut arrived, mut payment_too) = (p.clone(), payment.clone());
    answer(&mut payment_too, &mut arrived, PaymentState::Paid);
    assert_eq!(
        without_plan(&arrived, &[]),
        [("2026-01".to_owned(), Fen(30_000))]
    );
    // It comes back: the overpayment is gone, and only 100 is owed.
    answer(&mut payment, &mut p, PaymentState::Returned);
    assert_eq!(figures(p.period("2026-01")), [10_000, 10_000, 0, 0, 0]);
}

#[test]
fn withholding_keeps_to_the_cap_and_to_what_is_open() {
    let mut p = position();
    owe(&mut p, "2026-01", 10_000, "1");
    let (mut payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    answer(&mut payment, &mut p, PaymentState::Paid);
    owe(&mut p, "2026-01", 0, "2");
    let terms = Terms {
        cap_percent: Some(30),
        ..Terms::default()
    };
    let Measure::Plan(plan) = measure(
        &terms,
        &mut p,
        "2026-01",
        Id::derive(&["2"]),
        day("2026-03-10"),
        stamp(),
    ) else {
        panic!("a plan");
    };
    assert_eq!(plan.amount, Fen(10_000));
    owe(&mut p, "2026-02", 12_345, "3");
    let debts: Vec<Debt> = Debt::of(&plan, &p).into_iter().collect();
    let (payment, transfers) = pay(&mut p, "2026-02", 1, &debts).expect("a line");
    // 30 % of 123.45 is 37.035: 37.03 is withheld.
    assert_eq!(payment.amount, Fen(12_345 - 3_703));
    assert_eq!(
        payment.items.iter().map(|i| i.amount.0).collect::<Vec<_>>(),
        [12_345, -3_703]
    );
    assert_eq!(transfers.len(), 2);
    assert_eq!(p.period("2026-01").receivable, Fen(10_000 - 3_703));
    assert_eq!(p.period("2026-02").set_off, Fen(3_703));
    // Before its day, nothing is withheld.
    let mut early = plan.clone();
    early.not_before = day("2026-03-11");
    owe(&mut p, "2026-03", 1_000, "4");
    let debts: Vec<Debt> = Debt::of(&early, &p).into_iter().collect();
    let (payment, _) = pay(&mut p, "2026-03", 1, &debts).expect("a line");
    assert_eq!(payment.items.len(), 1);
    // The notice's dates: 30 % of 100.00 a month until 62.97 are back.
    let dates = schedule(&plan, Fen(6_297), Fen(10_000), month("2026-04"));
    assert_eq!(
        dates,
        [
            (month("2026-04"), Fen(3_000)),
            (month("2026-05"), Fen(3_000)),
            (month("2026-06"), Fen(297))
        ]
    );
}

#[test]
fn a_return_after_a_recovery_gives_the_recovered_back() {
    let mut p = position();
    owe(&mut p, "2026-01", 10_000, "1");
    let (mut payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    answer(&mut payment, &mut p, PaymentState::Paid);
    owe(&mut p, "2026-01", 5_000, "2");
    let done = repay(&mut p, Fen(3_000), None, Id::derive(&["receipt"]), stamp()).expect("booked");
    assert_eq!((done.taken, done.excess), (Fen(3_000), Fen::ZERO));
    assert_eq!(figures(p.period("2026-01")), [5_000, 0, 0, 2_000, 7_000]);
    // The bank books the payment back after all: 50 are owed, and the 30 that were given.
    answer(&mut payment, &mut p, PaymentState::Returned);
    assert_eq!(figures(p.period("2026-01")), [5_000, 8_000, 0, 0, -3_000]);
    assert_eq!(p.fault(), None);
}

#[test]
fn cash_beyond_what_is_open_is_not_booked_and_a_receipt_counts_once() {
    let mut p = position();
    for (period, owed) in [("2026-01", 10_000), ("2026-02", 6_000)] {
        owe(&mut p, period, owed, period);
    }
    let (mut payment, _) = pay(&mut p, "2026-02", 1, &[]).expect("a line");
    answer(&mut payment, &mut p, PaymentState::Paid);
    owe(&mut p, "2026-01", 9_000, "a");
    owe(&mut p, "2026-02", 4_000, "b");
    let receipt = Id::derive(&["receipt"]);
    let done = repay(&mut p, Fen(5_000), None, receipt, stamp()).expect("booked");
    assert_eq!(
        (done.taken, done.excess, done.transfers.len()),
        (Fen(3_000), Fen(2_000), 2)
    );
    let again = repay(&mut p, Fen(5_000), None, receipt, stamp()).expect("nothing");
    assert!(again.transfers.is_empty());
    assert_eq!(p.sum(|p| p.receivable), Fen::ZERO);
    assert_eq!(
        repay(&mut p, Fen::ZERO, None, receipt, stamp()),
        Err(RecoveryError::NotPositive(Fen::ZERO))
    );
}

#[test]
fn small_sums_are_waived_and_a_later_rise_does_not_pay_them_again() {
    let mut p = position();
    owe(&mut p, "2026-01", 10_000, "1");
    let (mut payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    answer(&mut payment, &mut p, PaymentState::Paid);
    owe(&mut p, "2026-01", 9_600, "2");
    let terms = Terms {
        waive_up_to: Fen(500),
        cap_percent: Some(30),
        ..Terms::default()
    };
    let cause = Id::derive(&["cause"]);
    let Measure::Waived(transfers) =
        measure(&terms, &mut p, "2026-01", cause, day("2026-04-01"), stamp())
    else {
        panic!("waived");
    };
    assert_eq!(transfers.len(), 1);
    assert_eq!(p.period("2026-01").waived, Fen(400));
    let posted = owe(&mut p, "2026-01", 10_500, "3");
    assert_eq!((posted.overpaid_less, posted.payable), (Fen(400), Fen(500)));
    assert_eq!(figures(p.period("2026-01")), [10_500, 500, 0, 0, 10_000]);
}

#[test]
fn a_refusal_that_turns_out_paid_shows_what_was_paid_twice() {
    let mut p = position();
    owe(&mut p, "2026-01", 10_000, "1");
    let (mut first, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    answer(&mut first, &mut p, PaymentState::Rejected);
    assert_eq!(figures(p.period("2026-01")), [10_000, 10_000, 0, 0, 0]);
    let (mut second, _) = pay(&mut p, "2026-01", 2, &[]).expect("re-issued");
    assert_ne!(first.id, second.id);
    let result = answer(&mut first, &mut p, PaymentState::Paid);
    assert!(
        result
            .discrepancies
            .contains(&Discrepancy::PaidAfterRefusal {
                payment: first.id,
                overpaid: Fen(10_000),
            })
    );
    assert_eq!(
        figures(p.period("2026-01")),
        [10_000, 0, 10_000, 10_000, 10_000]
    );
    assert_eq!(p.period("2026-01").recoverable(), Fen::ZERO);
    answer(&mut second, &mut p, PaymentState::Paid);
    assert_eq!(p.period("2026-01").recoverable(), Fen(10_000));
    // A refusal after it was paid changes nothing and is listed.
    let result = answer(&mut second, &mut p, PaymentState::Rejected);
    assert!(result.transfers.is_empty());
    assert_eq!(
        result.discrepancies,
        [Discrepancy::Contradiction { payment: second.id }]
    );
    // Booked back on the statement.
    answer(&mut second, &mut p, PaymentState::Returned);
    assert_eq!(figures(p.period("2026-01")), [10_000, 0, 0, 0, 10_000]);
}

#[test]
fn an_answer_of_another_amount_is_evidence_for_nothing() {
    let mut p = position();
    owe(&mut p, "2026-01", 10_000, "1");
    let (payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    let mut payments = [payment.clone()];
    let mut stray = says(&payment, PaymentState::Paid, Fen(10_000));
    stray.lines[0].end_to_end = Some("no-such-id".into());
    let answers = [says(&payment, PaymentState::Paid, Fen(9_999)), stray];
    let result = reconcile(&mut payments, &answers, &mut Positions::default(), stamp());
    assert!(result.transfers.is_empty() && result.changed.is_empty());
    assert_eq!(payments[0].state, PaymentState::Instructed);
    assert_eq!(
        result.discrepancies,
        [
            Discrepancy::Amount {
                payment: payment.id,
                ours: Fen(10_000),
                theirs: Fen(9_999)
            },
            Discrepancy::UnknownPayment {
                reference: "no-such-id".into()
            }
        ]
    );
    // A return cannot be booked without the payee's books, and nothing is half done.
    let answers = [says(&payment, PaymentState::Returned, Fen(10_000))];
    let result = reconcile(&mut payments, &answers, &mut Positions::default(), stamp());
    assert_eq!(
        result.discrepancies,
        [Discrepancy::Books {
            payment: payment.id
        }]
    );
    assert_eq!(payments[0].state, PaymentState::Instructed);
}

#[test]
fn programmes_are_netted_only_when_the_plan_says_so() {
    let mut debtor = position();
    owe(&mut debtor, "2026-01", 10_000, "1");
    let (mut payment, _) = pay(&mut debtor, "2026-01", 1, &[]).expect("a line");
    answer(&mut payment, &mut debtor, PaymentState::Paid);
    owe(&mut debtor, "2026-01", 0, "2");
    for across_programmes in [false, true] {
        let mut debtor = debtor.clone();
        let terms = Terms {
            cap_percent: Some(50),
            across_programmes,
            ..Terms::default()
        };
        let cause = Id::derive(&["2"]);
        let Measure::Plan(plan) = measure(
            &terms,
            &mut debtor,
            "2026-01",
            cause,
            day("2026-01-01"),
            stamp(),
        ) else {
            panic!("a plan");
        };
        let mut other = Position::new(SHARD, payee(1), "beta");
        owe(&mut other, "2026-03", 6_000, "b");
        let debts: Vec<Debt> = Debt::of(&plan, &debtor).into_iter().collect();
        let (payment, transfers) = pay(&mut other, "2026-03", 1, &debts).expect("a line");
        transfers.iter().for_each(|t| debtor.apply(t));
        let withheld = if across_programmes { 3_000 } else { 0 };
        assert_eq!(payment.amount, Fen(6_000 - withheld));
        assert_eq!(debtor.period("2026-01").receivable, Fen(10_000 - withheld));
        assert_eq!(debtor.fault().or(other.fault()), None);
    }
}

#[test]
fn a_run_lists_apart_whom_it_cannot_pay_and_splits_files() {
    let mut run = PayRun::new(ledger::run::RunTerms {
        lines_per_file: 2,
        ..terms("alpha", "2026-03", 1)
    });
    let mut positions: Vec<Position> = (0..7)
        .map(|n| {
            let mut p = Position::new(SHARD, payee(n), "alpha");
            if n != 6 {
                owe(&mut p, "2026-03", 1_000 + i64::from(n), "1");
            }
            // Not due before its month.
            owe(&mut p, "2026-04", 99_999, "2");
            p
        })
        .collect();
    let mut payments = Vec::new();
    let mut transfers = Vec::new();
    let mut apart = Vec::new();
    for (n, position) in positions.iter_mut().enumerate() {
        let destination = match n {
            3 => Destination::Missing,
            4 => Destination::Held("复核中".into()),
            5 => Destination::Account {
                holder: "某人".into(),
                account: "12 34".into(),
                bank: String::new(),
            },
            _ => destination(n as u32),
        };
        match run.payee(position, &destination, &[]) {
            Line::Pay {
                payment,
                transfers: t,
            } => {
                payments.push(payment);
                transfers.extend(t);
            }
            Line::Apart(Apart { reason, .. }) => apart.push(reason),
            Line::Nothing => assert_eq!(n, 6),
            other => panic!("{other:?}"),
        }
        // A second time in the same run nothing is payable.
        assert_eq!(
            run.payee(position, &destination, &[]) == Line::Nothing,
            !(3..=5).contains(&n)
        );
    }
    assert_eq!(
        apart,
        [
            ApartReason::NoAccount,
            ApartReason::Held("复核中".into()),
            ApartReason::BadAccount(AccountFault::Number)
        ]
    );
    let files = run.finish();
    assert_eq!(
        files.iter().map(|(b, _)| b.count).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(
        payments.iter().map(|p| p.sequence).collect::<Vec<_>>(),
        [1, 2, 1]
    );
    for (batch, totals) in &files {
        let lines = payments.iter().filter(|p| p.batch == batch.id);
        assert_eq!(ControlTotals::of(lines), *totals);
        assert_eq!((batch.count, batch.total), (totals.count, totals.total));
    }
    let batches: Vec<_> = files.into_iter().map(|(batch, _)| batch).collect();
    assert_eq!(next_attempt(SHARD, "alpha", "2026-03", &batches), 2);
    assert_eq!(next_attempt(SHARD, "alpha", "2026-04", &batches), 1);
    // Arrears within the month are for the next attempt: this one has had its payment.
    owe(&mut positions[0], "2026-03", 5_000, "late");
    let mut again = PayRun::new(terms("alpha", "2026-03", 1));
    assert!(matches!(
        again.payee(&mut positions[0], &destination(0), &[]),
        Line::Apart(Apart {
            reason: ApartReason::InThisRun,
            ..
        })
    ));
    // The books without the postings of what is owed are at fault, and verification says so.
    let accounts = (0..7).flat_map(|n| chart(SHARD, payee(n), "alpha"));
    let mut seen = std::collections::HashSet::new();
    let accounts: Vec<_> = accounts.filter(|a| seen.insert(a.id)).collect();
    let report = verify(accounts, &transfers, &payments, &batches);
    assert!(
        report
            .findings
            .iter()
            .any(|f| f.problem.contains("more was instructed"))
    );
}

#[test]
fn building_a_run_twice_gives_the_same() {
    let build = || {
        let mut p = position();
        owe(&mut p, "2026-01", 10_000, "1");
        owe(&mut p, "event:7", 500, "2");
        pay(&mut p, "2026-02", 1, &[]).expect("a line")
    };
    assert_eq!(build(), build());
    assert_eq!(build().0.amount, Fen(10_500));
}

#[test]
fn all_withheld_makes_no_line() {
    let mut p = position();
    owe(&mut p, "2026-01", 10_000, "1");
    let (mut payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    answer(&mut payment, &mut p, PaymentState::Paid);
    owe(&mut p, "2026-01", 0, "2");
    owe(&mut p, "2026-02", 4_000, "3");
    let terms_ = Terms {
        cap_percent: Some(100),
        ..Terms::default()
    };
    let Measure::Plan(plan) = measure(
        &terms_,
        &mut p,
        "2026-01",
        Id::derive(&["2"]),
        day("2026-01-01"),
        stamp(),
    ) else {
        panic!("a plan");
    };
    let debts: Vec<Debt> = Debt::of(&plan, &p).into_iter().collect();
    let mut run = PayRun::new(terms("alpha", "2026-02", 1));
    let line = run.payee(&mut p, &destination(1), &debts);
    assert!(matches!(line, Line::AllWithheld { ref transfers, .. } if transfers.len() == 1));
    assert!(run.finish().is_empty());
    assert_eq!(p.period("2026-01").receivable, Fen(6_000));
    assert_eq!(p.period("2026-02").payable, Fen::ZERO);
    assert_eq!(p.fault(), None);
}

/// 100.00 paid for January, of which 50.00 turn out too much.
fn overpaid_by_half() -> (Position, Payment) {
    let mut p = position();
    owe(&mut p, "2026-01", 10_000, "1");
    let (mut payment, _) = pay(&mut p, "2026-01", 1, &[]).expect("a line");
    answer(&mut payment, &mut p, PaymentState::Paid);
    owe(&mut p, "2026-01", 5_000, "2");
    (p, payment)
}

#[test]
fn what_was_waived_is_not_paid_when_the_bank_books_it_back() {
    let (mut p, mut payment) = overpaid_by_half();
    let decision = Id::derive(&["decision"]);
    let waived = waive(&mut p, "2026-01", Fen(4_000), decision, stamp()).expect("waived");
    assert_eq!(waived.len(), 1);
    let again = waive(&mut p, "2026-01", Fen(4_000), decision, stamp()).expect("nothing");
    assert!(again.is_empty());
    assert_eq!(
        waive(
            &mut p,
            "2026-01",
            Fen(1_001),
            Id::derive(&["other"]),
            stamp()
        ),
        Err(RecoveryError::TooMuch {
            period: "2026-01".into(),
            asked: Fen(1_001),
            open: Fen(1_000)
        })
    );
    // All 100 come back: 50 are owed and nothing is overpaid or waived any more.
    answer(&mut payment, &mut p, PaymentState::Returned);
    assert_eq!(figures(p.period("2026-01")), [5_000, 5_000, 0, 0, 0]);
    assert_eq!(p.period("2026-01").waived, Fen::ZERO);
}

#[test]
fn a_debt_known_from_before_and_two_plans_take_no_more_than_is_open() {
    let (mut p, _) = overpaid_by_half();
    let terms = Terms {
        cap_percent: Some(90),
        ..Terms::default()
    };
    let start = day("2026-01-01");
    let plans: Vec<Debt> = ["a", "b"]
        .into_iter()
        .map(|cause| {
            let cause = Id::derive(&[cause]);
            match measure(&terms, &mut p, "2026-01", cause, start, stamp()) {
                Measure::Plan(plan) => Debt::of(&plan, &p).expect("open"),
                other => panic!("{other:?}"),
            }
        })
        .collect();
    // After the debts were read, 20 of the 50 are repaid in cash.
    repay(
        &mut p,
        Fen(2_000),
        Some("2026-01"),
        Id::derive(&["r"]),
        stamp(),
    )
    .expect("booked");
    owe(&mut p, "2026-02", 100_000, "3");
    let (payment, _) = pay(&mut p, "2026-02", 1, &plans).expect("a line");
    assert_eq!(payment.amount, Fen(97_000));
    assert_eq!(p.period("2026-01").receivable, Fen::ZERO);
    assert_eq!(p.fault(), None);
}
