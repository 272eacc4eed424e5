//! A month's cycle on a district of real size: load, determine everybody, pay, reconcile, single late facts,
//! the night; with the peak of memory.

use crate::cli::{BenchArgs, Failure, Outcome};
use crate::demo::{self, Plan};
use crate::service::change::Facts;
use crate::service::rules::{determined_for_everybody, latest_version};
use crate::service::{Location, Office};
use base::{Id, Month, Period};
use entitlement::change::At;
use ledger::bank::{self, Rates};
use registry::record::{Evidence, Provenance};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Single late facts that are timed.
const FACTS: usize = 300;

/// Runs it in a folder of its own, which it removes.
pub async fn run(args: BenchArgs) -> Outcome {
    let folder = std::env::temp_dir().join(format!("minsheng-bench-{}", std::process::id()));
    let result = measure(&args, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure(args: &BenchArgs, folder: &std::path::Path) -> Outcome {
    let location = Location {
        data: folder.into(),
        database: None,
        law: None,
    };
    let office = Arc::new(Office::create(&location).await?);
    let month = Month::new(2026, 9).ok_or_else(|| Failure::Input("no month".into()))?;
    let plan = Plan {
        households: args.households.map(u64::from),
        county: None,
        seed: 1,
        first: month,
        last: month,
    };
    let begun = Instant::now();
    let (_, made) = demo::register(&office, &plan).await?;
    line(
        "register made, loaded, awards taken over",
        begun.elapsed(),
        made.households,
    );
    let at = Office::now();
    let mut all = Duration::ZERO;
    for programme in determined_for_everybody(office.law()) {
        let begun = Instant::now();
        let run = office
            .determine_all(programme, month, "bench", at, &|_| {})
            .await?;
        all += begun.elapsed();
        line(
            &format!("determine {programme}, first"),
            begun.elapsed(),
            run.households,
        );
        let begun = Instant::now();
        office
            .determine_all(programme, month, "bench", at, &|_| {})
            .await?;
        line(
            &format!("determine {programme}, again"),
            begun.elapsed(),
            run.households,
        );
    }
    let begun = Instant::now();
    let mut lines = 0;
    let mut answers = Vec::new();
    for programme in determined_for_everybody(office.law()) {
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
    all += begun.elapsed();
    line("instruct, files written", begun.elapsed(), lines);
    let begun = Instant::now();
    office.reconcile(&answers, "bench", Office::now()).await?;
    line("reconcile", begun.elapsed(), lines);
    println!(
        "month's cycle (determine, post, instruct): {:.1} s",
        all.as_secs_f64()
    );
    late_facts(&office, month).await?;
    let begun = Instant::now();
    let night = office.night(month.last(), "bench", Office::now()).await?;
    line("night, all programmes", begun.elapsed(), made.households);
    println!(
        "night: {} compared, {} unexplained",
        night.checked,
        night.unexplained.len()
    );
    println!("peak memory: {} MiB", peak_mib());
    Ok(())
}

/// One late fact after the other about awarded households: from the request to durable redetermination.
async fn late_facts(office: &Arc<Office>, month: Month) -> Outcome {
    let mut times = Vec::new();
    let Some(kind) = fact_kind(office) else {
        return Ok(());
    };
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
    times.sort_unstable();
    let at = |share: f64| {
        times
            .get(((times.len() as f64 - 1.0) * share) as usize)
            .copied()
    };
    if let (Some(median), Some(slow)) = (at(0.5), at(0.99)) {
        println!(
            "late fact, recorded and redetermined, synced to disk: median {:.2} ms, 99 % within {:.2} ms ({} facts)",
            median.as_secs_f64() * 1e3,
            slow.as_secs_f64() * 1e3,
            times.len()
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

/// One measured step.
pub fn line(what: &str, time: Duration, count: u64) {
    let seconds = time.as_secs_f64();
    println!(
        "{what}: {seconds:.2} s, {:.0} a second",
        count as f64 / seconds.max(1e-9)
    );
}

/// The most memory that the process has had, in MiB; 0 where the system does not say.
pub fn peak_mib() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024)
}
