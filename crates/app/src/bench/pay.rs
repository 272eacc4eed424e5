//! A pay run of a million: payables are put straight into the books of as many households with accounts,
//! then paid and reconciled by the services that an office uses.

use super::clock::{Stretch, peak_mib};
use crate::cli::{BenchArgs, Failure, Outcome};
use crate::service::rules::{determined_for_everybody, latest_version};
use crate::service::{Location, Office};
use base::{Fen, Id, Month, Period};
use chrono::NaiveTime;
use entitlement::change::At;
use ledger::account::{Stamp, chart};
use ledger::bank::{self, Rates};
use ledger::position::Position;
use ledger::post::{Change, post};
use registry::record::{Household, PayeeAccount, Provenance};
use store::{ChangeSet, RegisterChunk};

/// Households opened, or entitlements posted, in one transaction.
const CHUNK: u32 = 8192;
/// Home shard of all that is made here.
const SHARD: &str = "bench";

/// Runs it in a folder of its own, which it removes.
pub async fn run(args: BenchArgs) -> Outcome {
    let folder = std::env::temp_dir().join(format!("minsheng-bench-pay-{}", std::process::id()));
    let result = measure(args.entitlements, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure(entitlements: u32, folder: &std::path::Path) -> Outcome {
    let location = Location {
        data: folder.into(),
        database: None,
        law: None,
    };
    let office = Office::create(&location).await?;
    let law = office.law();
    let programme = determined_for_everybody(law)
        .into_iter()
        .find(|p| latest_version(law, p).is_some_and(|v| v.payment.is_some()))
        .ok_or_else(|| Failure::Input("no programme of the law pays money".into()))?
        .to_string();
    let month = Month::new(2026, 9).ok_or_else(|| Failure::Input("no month".into()))?;
    let at = At::new(month.first().and_time(NaiveTime::MIN).and_utc());

    let stretch = Stretch::begin();
    open(&office, entitlements, at).await?;
    owe(&office, &programme, month, entitlements, at).await?;
    stretch.end("payables made", entitlements.into());

    let stretch = Stretch::begin();
    let paid = office.pay(&programme, month, "bench", at).await?;
    stretch.end("pay run with its instruction files", paid.count);
    println!(
        "{} lines in {} files, {} yuan, {} payees in no file",
        paid.count,
        paid.files.len(),
        paid.total,
        paid.apart.len()
    );

    let mut answers = Vec::new();
    for file in &paid.files {
        let text = std::fs::read(&file.pain001)?;
        let rates = Rates {
            rejected: 3,
            returned: 2,
            unknown: 2,
            silent: 0,
        };
        let files = bank::answer(text.as_slice(), 1, rates)?;
        answers.push(("pain002.xml".to_string(), files.status_report.into_bytes()));
        answers.push(("camt053.xml".to_string(), files.statement.into_bytes()));
    }
    let stretch = Stretch::begin();
    let read = office.reconcile(&answers, "bench", at).await?;
    stretch.end("reconciliation of the answer", paid.count);
    println!(
        "{:?}, {} discrepancies",
        read.changed,
        read.discrepancies.len()
    );
    println!("peak memory: {} MiB", peak_mib());
    Ok(())
}

fn household(n: u32) -> Id {
    // Ascending, as a register's are: the first bytes count.
    let mut bytes = [0x5a; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Id::from_bytes(bytes)
}

/// Households with an account each.
async fn open(office: &Office, count: u32, at: At) -> Outcome {
    let chunks = (0..count.div_ceil(CHUNK)).map(move |part| {
        let mut chunk = RegisterChunk {
            shard: SHARD.into(),
            ..RegisterChunk::default()
        };
        for n in part * CHUNK..((part + 1) * CHUNK).min(count) {
            chunk.households.push(Household {
                id: household(n),
                shard: SHARD.into(),
                opened_at: at.now,
            });
            chunk.payees.push(PayeeAccount {
                id: Id::derive(&["bench-account", &n.to_string()]),
                subject: household(n),
                holder: format!("户主{n}"),
                number: format!("62220000{n:011}"),
                bank: "BENCHBANK001".into(),
                valid: Period::since(at.today),
                provenance: Provenance {
                    recorded_at: at.now,
                    recorded_by: "bench".into(),
                    source: "bench".into(),
                },
            });
        }
        chunk
    });
    office.store.load_register(at.now, chunks, |_| {}).await?;
    Ok(())
}

/// One entitlement each, posted as an entitlement is.
async fn owe(office: &Office, programme: &str, month: Month, count: u32, at: At) -> Outcome {
    let stamp = Stamp {
        booked: at.today,
        recorded_at: at.now,
    };
    for part in 0..count.div_ceil(CHUNK) {
        let mut set = ChangeSet {
            shard: SHARD.into(),
            at: at.now,
            ..ChangeSet::default()
        };
        for n in part * CHUNK..((part + 1) * CHUNK).min(count) {
            let payee = household(n);
            let owed = Fen(30_000 + i64::from(n % 700) * 100);
            let change = Change {
                id: Id::derive(&["bench-owed", &n.to_string()]),
                shard: SHARD.into(),
                payee,
                programme: programme.into(),
                period: month.to_string(),
                owed,
                change: owed,
            };
            let mut position = Position::new(SHARD, payee, programme);
            let posted = post(&change, &mut position, stamp)?;
            set.accounts.extend(chart(SHARD, payee, programme));
            set.transfers.extend(posted.transfers);
        }
        office.store.commit_bulk(&set).await?;
    }
    Ok(())
}
