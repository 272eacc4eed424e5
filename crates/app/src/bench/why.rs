//! How long the *Why?* page takes to find what would have to change, household after household.

use crate::cli::{BenchArgs, Outcome};
use crate::demo;
use crate::service::Office;
use crate::service::rules::determined_for_everybody;
use entitlement::difference::replay;
use entitlement::explaining::Explaining;
use policy::law::explanation::Limits;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Family households, if no number is given.
const HOUSEHOLDS: u64 = 400;
/// Within which a page shall have its answer.
const BAR: Duration = Duration::from_millis(200);

/// Makes a register in a folder of its own, determines a month, and explains every determination as the page
/// does; removes the folder.
pub async fn run(args: BenchArgs) -> Outcome {
    let name = format!("minsheng-bench-why-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let households = args.households.map_or(HOUSEHOLDS, u64::from);
    let result = measure(households, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure(households: u64, folder: &Path) -> Outcome {
    let (office, plan) = super::district(folder, None, Some(households)).await?;
    let month = plan.first;
    demo::register(&office, &plan).await?;
    let programmes = determined_for_everybody(office.law());
    office
        .determine_all(&programmes, month, "bench", Office::now(), &|_| {})
        .await?;
    let shard = office
        .store
        .shards()
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let mut of: BTreeMap<String, Times> = BTreeMap::new();
    for (programme, period, _) in office.store.periods().await? {
        let times = of.entry(programme.clone()).or_default();
        let mut after = None;
        loop {
            let page = office
                .store
                .determinations_page(&shard, &programme, period, after, 200)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some((last.subject.id, last.version));
            for d in &page {
                let read = office.prefetch(&[d.subject.id]).await?;
                let evidence = || read.households.iter().flat_map(|h| &h.evidence);
                let explain = |limits: Option<Limits>| {
                    let rules = Explaining::new(&office.rules, evidence(), limits);
                    let begun = Instant::now();
                    let done = replay(
                        &rules,
                        &read.known(),
                        &d.subject,
                        &d.programme,
                        d.period,
                        d.made_at,
                        true,
                    );
                    let took = begun.elapsed();
                    let found = rules.take(&d.subject, d.period, d.known_at);
                    done.map(|_| (took, found.and_then(|f| f.what_if)))
                };
                let (without, _) = explain(None)?;
                let (with, found) = explain(Some(Limits::PAGE))?;
                times.explained.push(without);
                times.searched.push(with);
                if let Some(found) = found {
                    times.asked = times.asked.max(found.evaluations);
                    times.short += u64::from(found.left_out.iter().any(|l| l.why == "limit"));
                }
            }
        }
    }
    let mut worst = Duration::ZERO;
    for (programme, mut times) in of {
        times.explained.sort_unstable();
        times.searched.sort_unstable();
        let of = |all: &[Duration], share: usize| {
            let at = (all.len() * share / 100).min(all.len().saturating_sub(1));
            all.get(at).map_or(0.0, |d| d.as_secs_f64() * 1e3)
        };
        let (e, s) = (&times.explained, &times.searched);
        println!(
            "{programme}: {} determinations; explained {:.1} ms (half), {:.1} (most); with what would have to change {:.1} (half), {:.1} (99 of 100), {:.1} (most); at most {} evaluations, {} searches ended by a limit",
            e.len(),
            of(e, 50),
            of(e, 100),
            of(s, 50),
            of(s, 99),
            of(s, 100),
            times.asked,
            times.short
        );
        worst = worst.max(s.last().copied().unwrap_or_default());
    }
    let held = if worst <= BAR { "held" } else { "MISSED" };
    println!(
        "most {:.0} ms; bar {} ms: {held}",
        worst.as_secs_f64() * 1e3,
        BAR.as_millis()
    );
    Ok(())
}

/// What the explanations of a programme took.
#[derive(Default)]
struct Times {
    explained: Vec<Duration>,
    searched: Vec<Duration>,
    asked: usize,
    short: u64,
}
