//! The ledger as its users see it: worked examples, an independent model under random histories, and
//! the bank's files.

mod books;
mod files;
mod model;
mod schema;

use base::{Day, Fen, Id, Instant, Month, parse_day, parse_instant};
use ledger::account::{Stamp, Transfer};
use ledger::payment::{Destination, Payment};
use ledger::position::Position;
use ledger::post::{Change, Posted, post};
use ledger::recovery::Debt;
use ledger::run::{Line, PayRun, RunTerms};

pub const SHARD: &str = "s1";

pub fn day(text: &str) -> Day {
    parse_day(text).expect("a date")
}

pub fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

pub fn now() -> Instant {
    parse_instant("2026-03-05T08:00:00Z").expect("a moment")
}

pub fn stamp() -> Stamp {
    Stamp {
        booked: day("2026-03-05"),
        recorded_at: now(),
    }
}

pub fn payee(n: u32) -> Id {
    Id::derive(&["payee", &n.to_string()])
}

/// Posts a change that leaves `owed`, from what the position has now.
pub fn owe(position: &mut Position, period: &str, owed: i64, tag: &str) -> Posted {
    let before = position.period(period).owed;
    let change = Change {
        id: Id::derive(&[
            "change",
            &position.payee.to_string(),
            &position.programme,
            tag,
        ]),
        shard: position.shard.clone(),
        payee: position.payee,
        programme: position.programme.clone(),
        period: period.into(),
        owed: Fen(owed),
        change: Fen(owed) - before,
    };
    post(&change, position, stamp()).expect("posts")
}

pub fn destination(n: u32) -> Destination {
    Destination::Account {
        holder: format!("持有人{n}"),
        account: format!("62220210{n:08}"),
        bank: "102100099996".into(),
    }
}

pub fn terms(programme: &str, run_month: &str, attempt: u32) -> RunTerms {
    RunTerms {
        shard: SHARD.into(),
        programme: programme.into(),
        month: month(run_month),
        attempt,
        pay_on: day("2026-03-10"),
        lines_per_file: 0,
        stamp: stamp(),
    }
}

/// Runs one payee alone.
pub fn pay(
    position: &mut Position,
    run_month: &str,
    attempt: u32,
    debts: &[Debt],
) -> Option<(Payment, Vec<Transfer>)> {
    let mut run = PayRun::new(terms(&position.programme.clone(), run_month, attempt));
    match run.payee(position, &destination(1), debts) {
        Line::Pay { payment, transfers } => Some((payment, transfers)),
        Line::Nothing => None,
        other => panic!("{other:?}"),
    }
}
