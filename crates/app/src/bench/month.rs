//! A month's cycle on a district of real size: load, determine everybody, pay, reconcile, single late facts,
//! the night; with the peak of memory.

use super::clock::{Spread, Stretch, disk_sync, peak_mib};
use crate::cli::{BenchArgs, Outcome};
use crate::demo;
use crate::service::Office;
use crate::service::change::Facts;
use crate::service::night::Road;
use crate::service::rules::{determined_for_everybody, latest_version};
use base::{Id, Month, Period};
use entitlement::change::At;
use ledger::bank::{self, Rates};
use registry::record::{Evidence, Provenance};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Single late facts that are timed.
const FACTS: usize = 1000;
/// Others who read meanwhile, and how long each waits between two households.
const READERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);

/// Runs it in a folder of its own, which it removes.
pub async fn run(args: BenchArgs) -> Outcome {
    let folder = std::env::temp_dir().join(format!("minsheng-bench-{}", std::process::id()));
    let result = measure(&args, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure(args: &BenchArgs, folder: &std::path::Path) -> Outcome {
    let (office, plan) = super::district(folder, None, args.households.map(u64::from)).await?;
    let month = plan.first;
    let stretch = Stretch::begin();
    let (_, made) = demo::register(&office, &plan).await?;
    let count = made.households;
    stretch.end("register made, loaded, awards taken over", count);
    let at = Office::now();
    let mut all = Duration::ZERO;
    let programmes = determined_for_everybody(office.law());
    for programme in &programmes {
        let stretch = Stretch::begin();
        office
            .determine_all(&[programme], month, "bench", at, &|_| {})
            .await?;
        all += stretch.end(&format!("determine {programme}, first"), count);
        let stretch = Stretch::begin();
        office
            .determine_all(&[programme], month, "bench", at, &|_| {})
            .await?;
        stretch.end(&format!("determine {programme}, again"), count);
    }
    let stretch = Stretch::begin();
    let mut lines = 0;
    let mut answers = Vec::new();
    for programme in &programmes {
        if latest_version(office.law(), programme).is_none_or(|p| p.payment.is_none()) {
            continue;
        }
        let paid = office.pay(programme, month, "bench", Office::now()).await?;
        lines += paid.count;
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
    }
    all += stretch.end("instruct, files written", lines);
    let stretch = Stretch::begin();
    office.reconcile(&answers, "bench", Office::now()).await?;
    stretch.end("reconcile", lines);
    println!(
        "month's cycle (determine, post, instruct): {:.1} s",
        all.as_secs_f64()
    );
    late_facts(&office, month, folder).await?;
    let stretch = Stretch::begin();
    let night = office
        .night(month.last(), Road::Columns, "bench", Office::now())
        .await?;
    stretch.end("night, all programmes", count);
    println!(
        "night: {} compared, {} unexplained",
        night.checked,
        night.unexplained.len()
    );
    println!("peak memory: {} MiB", peak_mib());
    Ok(())
}

/// Readers that look at one household after the other until they are told to stop.
fn readers(office: &Arc<Office>, households: Vec<Id>) -> (Arc<AtomicBool>, Vec<JoinHandle<u64>>) {
    let stop = Arc::new(AtomicBool::new(false));
    let reading = (0..READERS)
        .map(|n| {
            let (office, stop, households) = (office.clone(), stop.clone(), households.clone());
            tokio::spawn(async move {
                let mut looked = 0;
                for household in households.iter().cycle().skip(n * 97) {
                    if stop.load(Ordering::Relaxed) || office.prefetch(&[*household]).await.is_err()
                    {
                        break;
                    }
                    looked += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                looked
            })
        })
        .collect();
    (stop, reading)
}

/// One late fact after the other about awarded households: from the request to durable redetermination.
async fn late_facts(office: &Arc<Office>, month: Month, folder: &std::path::Path) -> Outcome {
    let mut times = Vec::new();
    let mut syncs = disk_sync(folder, FACTS / 2)?;
    let Some(kind) = fact_kind(office) else {
        return Ok(());
    };
    let mut households = Vec::new();
    for programme in determined_for_everybody(office.law()) {
        for award in office.store.awards_in_force(programme, month).await? {
            if award.subject.kind == entitlement::Subject::Household {
                households.push(award.subject.id);
            }
        }
    }
    let (stop, reading) = readers(office, households);
    let mut done = 0;
    for programme in determined_for_everybody(office.law()) {
        for award in office.store.awards_in_force(programme, month).await? {
            if done >= FACTS || award.subject.kind != entitlement::Subject::Household {
                continue;
            }
            done += 1;
            let now = Office::now();
            let facts = Facts {
                evidence: vec![Evidence {
                    id: Id::mint(),
                    shard: award.subject.shard.clone(),
                    subject: award.subject.id,
                    kind: kind.clone(),
                    value: serde_json::json!(100 + done),
                    valid: Period::since(month.first()),
                    withdraws: Vec::new(),
                    provenance: Provenance {
                        recorded_at: now.now,
                        recorded_by: "bench".into(),
                        source: "bench".into(),
                    },
                }],
                ..Facts::default()
            };
            let begun = Instant::now();
            office
                .record(Id::mint(), &facts, "bench", At::new(now.now))
                .await?;
            times.push(begun.elapsed());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut looked = 0;
    for reader in reading {
        looked += reader.await?;
    }
    syncs.extend(disk_sync(folder, FACTS / 2)?);
    let count = times.len();
    if let (Some(facts), Some(sync)) = (Spread::of(times), Spread::of(syncs)) {
        println!(
            "late fact, recorded and redetermined, on disk: {} ({count} facts, while {looked} households were read)",
            facts.show()
        );
        println!("the disk alone, one sync: {}", sync.show());
        println!(
            "late fact above the disk's own time: 99 % within {:.2} ms",
            facts.p99.saturating_sub(sync.median).as_secs_f64() * 1e3
        );
    }
    Ok(())
}

/// A kind of sums about households that a late fact may be of.
pub fn fact_kind(office: &Office) -> Option<String> {
    let kinds = office.law().kinds(entitlement::Subject::Household);
    let plain = kinds
        .iter()
        .find(|k| !k.many && k.register.is_none() && k.unit == "元");
    plain.map(|k| k.name.to_string())
}
