//! Times the columnar road on the law bench's population: `columnar POPULATION-FOLDER`.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../../app/src/bench/population.rs"]
mod population;
use policy::columnar::{Intermediates, Plan, run_all};
use policy::law::Law;
use population::*;
use std::time::Instant;

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_default();
    let p = load(std::path::Path::new(&folder)).unwrap();
    let law = match Law::load(law_files(&p)) {
        Ok(l) => l,
        Err(r) => {
            for f in r.findings.iter().take(5) {
                println!("{f:?}");
            }
            return;
        }
    };
    let t = Instant::now();
    let b = batches(&p).unwrap();
    println!("arrow {:?}", t.elapsed());
    let t = Instant::now();
    let mut columns = lay_out(&law, &b).unwrap();
    println!(
        "lay out {:?} bytes {} padding {:.3}",
        t.elapsed(),
        columns.bytes(),
        columns.padding()
    );
    let persons = p.persons() as f64;
    let per = |s: f64| s / 12.0 / persons * 1e9;
    for keep in [false, true] {
        let t = Instant::now();
        let plans: Vec<Plan> = (0..12)
            .map(|m| Plan::new(&law, "bench", &mut columns, day(m), None, keep).unwrap())
            .collect();
        println!("compile {:?} {:?}", t.elapsed(), plans[0].vectorised());
        if !keep {
            println!("{}", plans[0].listing(3));
        }
        let refs: Vec<&Plan> = plans.iter().collect();
        for threads in [1, 2] {
            let mut best = f64::MAX;
            let mut sum = (0, 0);
            let mut into = Intermediates::default();
            for _ in 0..9 {
                let t = Instant::now();
                let totals = if keep {
                    plans
                        .iter()
                        .map(|q| q.totals_kept(&columns, threads, &mut into))
                        .collect::<Vec<_>>()
                } else {
                    run_all(&refs, &columns, threads)
                };
                best = best.min(t.elapsed().as_secs_f64());
                sum = totals
                    .iter()
                    .fold((0, 0), |a, t| (a.0 + t.outcomes[3], a.1 + t.amount));
                assert_eq!(totals[0].by_row, 0);
            }
            println!(
                "ours keep={keep} threads={threads}: {:.2} ns {sum:?}",
                per(best)
            );
        }
    }
    let z = hand::by_size(&p);
    let mut bufs = [vec![0; 2048], vec![0; 2048], vec![0; 2048]];
    for _ in 0..3 {
        let t = Instant::now();
        let s = (0..12)
            .map(|m| hand::month_sized(&z, &p, m, &mut bufs))
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        println!("hand by size {:.2} {s:?}", per(t.elapsed().as_secs_f64()));
    }
    let t = Instant::now();
    let s = (0..12)
        .map(|m| hand::month(&p, m))
        .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("hand {:.2} {s:?}", per(t.elapsed().as_secs_f64()));
}
