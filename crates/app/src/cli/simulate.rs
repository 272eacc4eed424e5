//! `minsheng simulate`

use super::{Failure, Outcome, Progress, SimulateArgs};
use crate::simulate::{Options, Simulation};
use std::time::Instant;

/// Runs it, prints what was done, and at a finding how to see it again.
pub async fn run(args: SimulateArgs) -> Outcome {
    let months = args.months.unwrap_or(args.years.saturating_mul(12));
    if months == 0 || args.households == 0 {
        return Err(Failure::Input(
            "nothing to simulate: give at least one month and one household".into(),
        ));
    }
    let kept = args.data.is_some();
    let data = args.data.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("minsheng-simulate-{}", std::process::id()))
    });
    if std::fs::read_dir(&data).is_ok_and(|mut files| files.next().is_some()) {
        return Err(Failure::Input(format!(
            "{}: the folder is not empty; give one that is",
            data.display()
        )));
    }
    let first = args
        .last
        .plus(1 - i32::try_from(months).unwrap_or(i32::MAX));
    let options = Options {
        seed: args.seed,
        households: args.households,
        first,
        months,
        corrections: args.corrections,
        batch: args.batch,
        faults: args.faults,
        law: args.law,
        audit_every: args.audit_every,
        data: data.clone(),
    };
    let begun = Instant::now();
    let bar = Progress::new(&format!("{first}..{}", args.last), u64::from(months));
    let result = async { Simulation::new(options, bar.clone()).await?.run().await }.await;
    let again = format!(
        "cargo xtask simulate --seed {} --months {months} --last {} --households {} --corrections {} --batch {} --faults {} --law {} --audit-every {}",
        args.seed,
        args.last,
        args.households,
        args.corrections,
        args.batch,
        args.faults,
        args.law,
        args.audit_every,
    );
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("again: {again}\nits data: {}", data.display());
            return Err(error.into());
        }
    };
    bar.done(&format!("{} steps", outcome.steps));
    if args.json {
        println!("{:#}", serde_json::to_value(&outcome)?);
    } else {
        for (what, count) in &outcome.counts {
            println!("{what:24} {count}");
        }
        let (recorded, seconds) = (
            outcome.counts.get("recorded").copied().unwrap_or(0),
            begun.elapsed().as_secs_f64(),
        );
        println!(
            "{} steps, {} records, {} findings, {seconds:.0} s ({:.1} facts a second, checks and all), digest {}",
            outcome.steps,
            outcome.records,
            outcome.findings.len(),
            recorded as f64 / seconds,
            outcome.digest
        );
    }
    if outcome.findings.is_empty() {
        if !kept {
            let _ = std::fs::remove_dir_all(&data);
        }
        return Ok(());
    }
    for finding in &outcome.findings {
        eprintln!("{finding}");
    }
    Err(Failure::Found(format!(
        "again: {again}\nits data: {}",
        data.display()
    )))
}
