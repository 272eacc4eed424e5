//! Single late facts a second, sustained, on PostgreSQL with many clients at once: each fact is recorded,
//! what follows is determined and posted, and all is on disk before the answer.

use super::server::Server;
use crate::cli::{BenchArgs, Failure, Outcome};
use crate::demo;
use crate::service::Office;
use crate::service::change::Facts;
use crate::service::rules::determined_for_everybody;
use base::{Id, Month, Period};
use entitlement::determination::SubjectKey;
use registry::record::{Evidence, Provenance};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Clients when none are asked for.
const CLIENTS: usize = 16;
/// Seconds that are measured.
const SECONDS: u64 = 20;
/// Households of the register when none are asked for.
const HOUSEHOLDS: u32 = 5_000;

/// Runs it on the database given, which must be empty, or on a server that it starts and removes.
pub async fn run(args: BenchArgs) -> Outcome {
    let folder = std::env::temp_dir().join(format!("minsheng-bench-pg-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = measure(&args, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure(args: &BenchArgs, folder: &std::path::Path) -> Outcome {
    let server = match &args.database {
        Some(_) => None,
        None => Some(Server::start().await?),
    };
    let url = match (&args.database, &server) {
        (Some(url), _) => url.clone(),
        (None, Some(server)) => server.url(),
        (None, None) => return Err(Failure::Input("there is no database".into())),
    };
    let households = u64::from(args.households.unwrap_or(HOUSEHOLDS));
    let (office, plan) = super::district(folder, Some(url), Some(households)).await?;
    let month = plan.first;
    if !office.store.shards().await?.is_empty() {
        return Err(Failure::Input(
            "the database is not empty; the bench fills one of its own".into(),
        ));
    }
    let begun = Instant::now();
    let (_, made) = demo::register(&office, &plan).await?;
    super::clock::line(
        "register made, loaded by COPY, awards taken over",
        begun.elapsed(),
        made.households,
    );
    let mut awarded: Vec<SubjectKey> = Vec::new();
    for programme in determined_for_everybody(office.law()) {
        let begun = Instant::now();
        let runs = office
            .determine_all(&[programme], month, "bench", Office::now(), &|_| {})
            .await?;
        super::clock::line(
            &format!("determine {programme}"),
            begun.elapsed(),
            runs.iter().map(|run| run.households).sum(),
        );
        let awards = office.store.awards_in_force(programme, month).await?;
        awarded.extend(awards.into_iter().map(|award| award.subject));
    }
    awarded.retain(|s| s.kind == entitlement::Subject::Household);
    awarded.sort_unstable_by_key(|s| s.id);
    awarded.dedup();
    let Some(kind) = super::month::fact_kind(&office) else {
        return Err(Failure::Input("the law has no kind to record".into()));
    };
    if awarded.is_empty() {
        return Err(Failure::Input("no household has an award".into()));
    }
    let clients = args.clients.unwrap_or(CLIENTS).max(1);
    let until = Instant::now() + Duration::from_secs(SECONDS);
    let (next, awarded) = (Arc::new(AtomicUsize::new(0)), Arc::new(awarded));
    let begun = Instant::now();
    let mut running = Vec::new();
    for _ in 0..clients {
        let (office, next, awarded, kind) =
            (office.clone(), next.clone(), awarded.clone(), kind.clone());
        running.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let subject = &awarded[n % awarded.len()];
                let at = Office::now();
                let facts = late(subject, &kind, 100 + n, month, at.now);
                let begun = Instant::now();
                office.record(Id::mint(), &facts, "bench", at).await?;
                times.push(begun.elapsed());
            }
            Ok::<_, crate::service::ServiceError>(times)
        }));
    }
    let mut times = Vec::new();
    for client in running {
        times.extend(client.await??);
    }
    let took = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() as f64 - 1.0) * share) as usize;
        times.get(place).map_or(0.0, |t| t.as_secs_f64() * 1e3)
    };
    println!(
        "late facts on PostgreSQL, {clients} clients for {took:.0} s: {:.0} changes a second; median {:.2} ms, 99 % within {:.2} ms ({} changes)",
        times.len() as f64 / took,
        at(0.5),
        at(0.99),
        times.len()
    );
    let begun = Instant::now();
    let check = office.store.check_records().await?;
    super::clock::line(
        "every record held against its seal",
        begun.elapsed(),
        check.rows,
    );
    if let Some(fault) = check.faults.first() {
        return Err(Failure::Found(format!(
            "{} records are not what was recorded, first {} {}",
            check.faults.len(),
            fault.table,
            fault.key
        )));
    }
    println!(
        "peak memory of this process: {} MiB",
        super::clock::peak_mib()
    );
    office.store.close().await;
    Ok(())
}

fn late(subject: &SubjectKey, kind: &str, value: usize, month: Month, now: base::Instant) -> Facts {
    Facts {
        evidence: vec![Evidence {
            id: Id::mint(),
            shard: subject.shard.clone(),
            subject: subject.id,
            kind: kind.into(),
            value: serde_json::json!(value),
            valid: Period::since(month.first()),
            withdraws: Vec::new(),
            provenance: Provenance {
                recorded_at: now,
                recorded_by: "bench".into(),
                source: "bench".into(),
            },
        }],
        ..Facts::default()
    }
}
