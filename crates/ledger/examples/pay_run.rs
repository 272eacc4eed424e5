//! Measures a pay run: entitlements posted, payments built, instruction files written, the bank's
//! answers read and reconciled, the books verified.
//!
//! `cargo run --release -p ledger --example pay_run -- 1000000`

use base::{Day, Fen, Id, Instant, Month};
use ledger::account::{Stamp, chart};
use ledger::bank::{self, Rates};
use ledger::iso::{self, Limits, Originator};
use ledger::payment::{Destination, Payment, PaymentState};
use ledger::position::Position;
use ledger::post::{Change, post};
use ledger::reconcile::{Positions, book, decide};
use ledger::run::{Line, PayRun, RunTerms};
use ledger::verify::Verifier;
use std::time::Instant as Clock;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u32 = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 100_000,
    };
    let stamp = Stamp {
        booked: Day::default(),
        recorded_at: Instant::default(),
    };
    let ids: Vec<Id> = (0..count)
        .map(|n| Id::derive(&["payee", &n.to_string()]))
        .collect();

    let clock = Clock::now();
    let mut transfers = Vec::new();
    let mut positions = Vec::with_capacity(ids.len());
    for (n, payee) in ids.iter().enumerate() {
        let mut position = Position::new("s1", *payee, "alpha");
        let owed = Fen(30_000 + (n as i64 * 37) % 50_000);
        let change = Change {
            id: Id::derive(&["change", &n.to_string()]),
            shard: "s1".into(),
            payee: *payee,
            programme: "alpha".into(),
            period: "2026-03".into(),
            owed,
            change: owed,
        };
        transfers.extend(post(&change, &mut position, stamp)?.transfers);
        positions.push(position);
    }
    println!("posted {count} entitlements in {:?}", clock.elapsed());

    let clock = Clock::now();
    let mut run = PayRun::new(RunTerms {
        shard: "s1".into(),
        programme: "alpha".into(),
        month: Month::new(2026, 3).ok_or("a month")?,
        attempt: 1,
        pay_on: Day::default(),
        lines_per_file: 50_000,
        stamp,
    });
    let mut payments: Vec<Payment> = Vec::with_capacity(ids.len());
    for (n, position) in positions.iter_mut().enumerate() {
        let destination = Destination::Account {
            holder: format!("持有人{n}"),
            account: format!("6222021{n:012}"),
            bank: "102100099996".into(),
        };
        if let Line::Pay {
            payment,
            transfers: more,
        } = run.payee(position, &destination, &[])
        {
            payments.push(payment);
            transfers.extend(more);
        }
    }
    let batches: Vec<_> = run.finish().into_iter().map(|(batch, _)| batch).collect();
    println!(
        "built {} payments in {} files in {:?}",
        payments.len(),
        batches.len(),
        clock.elapsed()
    );

    let clock = Clock::now();
    let originator = Originator {
        name: "某区财政局".into(),
        account: "9900010000001".into(),
        bank: "ABCDCNBJ".into(),
        purpose: "三月款".into(),
        category: None,
    };
    let folder = std::env::temp_dir().join(format!("pay-run-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut lines = &payments[..];
    let (mut files, mut bytes) = (Vec::new(), 0);
    for batch in &batches {
        let (these, rest) = lines.split_at(batch.count as usize);
        lines = rest;
        let path = folder.join(format!("{}.xml", iso::compact(batch.id)));
        let out = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(&path)?);
        iso::write(out, batch, &originator, these)?;
        bytes += std::fs::metadata(&path)?.len();
        files.push(path);
    }
    println!(
        "wrote {} MB of pain.001 in {:?}",
        bytes / 1_000_000,
        clock.elapsed()
    );

    let clock = Clock::now();
    let rates = Rates {
        rejected: 5,
        returned: 3,
        unknown: 2,
        silent: 1,
    };
    let mut answers = Vec::new();
    for path in &files {
        let file = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
        answers.push(bank::answer(file, 1, rates)?);
    }
    std::fs::remove_dir_all(&folder)?;
    println!("the bank read and answered in {:?}", clock.elapsed());

    let clock = Clock::now();
    let mut read = Vec::new();
    for answer in &answers {
        for text in [&answer.status_report, &answer.statement] {
            read.push(iso::read_answer(text.as_bytes(), Limits::default())?);
        }
    }
    println!("read the answers in {:?}", clock.elapsed());
    let clock = Clock::now();
    let decision = decide(&payments, &read);
    let needed: std::collections::HashSet<Id> =
        decision.needs(&payments).map(|p| p.payee).collect();
    let mut needed: Positions = positions
        .iter()
        .filter(|p| needed.contains(&p.payee))
        .cloned()
        .collect();
    let result = book(&mut payments, decision, &mut needed, stamp);
    let paid = payments
        .iter()
        .filter(|p| p.state == PaymentState::Paid)
        .count();
    println!(
        "reconciled {paid} paid of {} with {} discrepancies in {:?}",
        payments.len(),
        result.discrepancies.len(),
        clock.elapsed()
    );

    let clock = Clock::now();
    let mut verifier = Verifier::new();
    let mut fund = true;
    for payee in &ids {
        for account in chart("s1", *payee, "alpha") {
            if fund || account.owner.is_some() {
                verifier.account(account);
            }
        }
        fund = false;
    }
    transfers.iter().for_each(|t| verifier.transfer(t));
    result.transfers.iter().for_each(|t| verifier.transfer(t));
    payments.iter().for_each(|p| verifier.payment(p));
    batches.iter().for_each(|b| verifier.batch(b));
    println!("verified in {:?}: {}", clock.elapsed(), verifier.finish());
    Ok(())
}
