//! `minsheng bench law`: one rule as a law file, beside hand-written loops and other engines.

use super::population::{self, hand};
use crate::cli::{BenchArgs, Failure, Outcome};
use hand::Pop;
use policy::columnar::{Columns, Intermediates, Plan, Totals, run_all};
use policy::law::Law;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const MONTHS: usize = 12;
const REPEATS: usize = 7;
/// What every engine must give: January, July and the year, households and fen.
const EXPECTED: [(u64, i64); 3] = [
    (81_376, 12_899_433_400),
    (88_316, 15_036_136_200),
    (1_018_152, 167_710_889_500),
];
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

fn input(text: impl std::fmt::Display) -> Failure {
    Failure::Input(text.to_string())
}

/// Runs everything and prints it, a line as soon as it is known.
pub fn run(args: BenchArgs) -> Outcome {
    let folder = PathBuf::from("target/bench-law");
    std::fs::create_dir_all(&folder).map_err(input)?;
    let python = python(&folder);
    let pop_folder = generated(&folder, python.as_deref())?;
    let pop = population::load(&pop_folder).map_err(input)?;
    let pop = match args.households {
        Some(n) => population::first(&pop, n as usize),
        None => pop,
    };
    let whole = pop.persons() == 1_000_000 && pop.households() == 430_000;
    println!(
        "{} households, {} persons, {MONTHS} months; ns per person-month, best of {REPEATS}",
        pop.households(),
        pop.persons()
    );
    let mut bench = Bench {
        persons: pop.persons(),
        whole,
        wrong: Vec::new(),
        by_size: 0.0,
    };
    bench.hand(&pop);
    let law = Law::load(population::law_files(&pop))
        .map_err(|report| input(format!("bench/law/rule.md: {:?}", report.findings.first())))?;
    let batches = population::batches(&pop).map_err(input)?;
    let mut columns = bench.layout(&law, &batches)?;
    bench.ours(&law, &mut columns)?;
    bench.rows(&law, &pop)?;
    bench.sizes(&law, &pop)?;
    if whole && let Some(python) = &python {
        bench.peers(python, &pop_folder);
    } else {
        println!("Python peers: left out (no Python with numpy, or a part of the population)");
    }
    if bench.wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Found(bench.wrong.join("\n")))
}

struct Bench {
    persons: usize,
    whole: bool,
    wrong: Vec<String>,
    by_size: f64,
}

/// Peak memory of this process in MiB, where the system says.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn best<T>(repeats: usize, mut work: impl FnMut() -> T) -> (f64, Option<T>) {
    let (mut least, mut out) = (f64::MAX, None);
    for _ in 0..repeats {
        let start = Instant::now();
        out = Some(work());
        least = least.min(start.elapsed().as_secs_f64());
    }
    (least, out)
}

impl Bench {
    fn line(&mut self, name: &str, seconds: f64, months: &[(u64, i64)]) -> f64 {
        let ns = seconds / MONTHS as f64 / self.persons as f64 * 1e9;
        let year = months.iter().fold((0, 0), |a, m| (a.0 + m.0, a.1 + m.1));
        let ratio = if self.by_size > 0.0 {
            format!("{:6.2} × by size", ns / self.by_size)
        } else {
            String::new()
        };
        println!("{name:<52} {ns:9.2} ns  {ratio:<16} {:5} MiB", peak());
        if self.whole && months.len() == MONTHS {
            let got = [months[0], months[6], year];
            if got != EXPECTED {
                self.wrong
                    .push(format!("{name}: {got:?} instead of {EXPECTED:?}"));
            }
        }
        ns
    }

    fn bar(&self, name: &str, got: f64, most: f64, unit: &str) {
        if got <= most {
            println!("  bar {name}: {got:.2} {unit}, at most {most:.2}: held");
        } else {
            println!(
                "  bar {name}: {got:.2} {unit}, at most {most:.2}: MISSED by {:.0} %",
                (got / most - 1.0) * 100.0
            );
        }
    }

    fn hand(&mut self, pop: &Pop) {
        let (s, sized) = best(1, || hand::by_size(pop));
        let sized = sized.unwrap_or_default();
        println!(
            "hand-written: columns laid out by size in {:.0} ms",
            s * 1e3
        );
        let mut buffers = [vec![0; 2048], vec![0; 2048], vec![0; 2048]];
        let (s, out) = best(REPEATS, || {
            (0..MONTHS)
                .map(|m| hand::month_sized(&sized, pop, m, &mut buffers))
                .collect::<Vec<_>>()
        });
        self.by_size = self.line(
            "hand-written, by household size",
            s,
            &out.unwrap_or_default(),
        );
        let (s, out) = best(REPEATS, || {
            (0..MONTHS).map(|m| hand::month(pop, m)).collect::<Vec<_>>()
        });
        self.line(
            "hand-written, in household order",
            s,
            &out.unwrap_or_default(),
        );
    }

    fn layout(
        &mut self,
        law: &Law,
        batches: &[arrow_array::RecordBatch; 2],
    ) -> Result<Columns, Failure> {
        let start = Instant::now();
        let columns = population::lay_out(law, batches).map_err(input)?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "law file: columns laid out from Arrow in {:.0} ms ({:.1} ns a person), {} MiB, padding {:.1} %",
            seconds * 1e3,
            seconds / self.persons as f64 * 1e9,
            columns.bytes() >> 20,
            (columns.padding() - 1.0) * 100.0
        );
        Ok(columns)
    }

    fn plans(law: &Law, columns: &mut Columns, keep: bool) -> Result<Vec<Plan>, Failure> {
        (0..MONTHS)
            .map(|m| {
                Plan::new(law, "bench", columns, population::day(m), None, keep).map_err(input)
            })
            .collect()
    }

    fn ours(&mut self, law: &Law, columns: &mut Columns) -> Outcome {
        let start = Instant::now();
        let plans = Bench::plans(law, columns, false)?;
        println!(
            "law file: compiled for {MONTHS} months and every household size in {:.1} ms",
            start.elapsed().as_secs_f64() * 1e3
        );
        let all: Vec<&Plan> = plans.iter().collect();
        let mut times = [0.0; 2];
        for threads in [1, 2] {
            let (s, out) = best(REPEATS, || run_all(&all, columns, threads));
            let name = format!("law file, columns, {threads} thread(s)");
            times[threads - 1] = self.line(&name, s, &months(&out.unwrap_or_default()));
        }
        let kept = Bench::plans(law, columns, true)?;
        let mut into = Intermediates::default();
        let (s, out) = best(REPEATS, || {
            let one = |p: &Plan| p.totals_kept(columns, 1, &mut into);
            kept.iter().map(one).collect::<Vec<_>>()
        });
        let out = out.unwrap_or_default();
        let name = "law file, columns, every intermediate kept";
        let with = self.line(name, s, &months(&out));
        let rules = plans[0].vectorised();
        println!(
            "  rules in columns {}, row by row {:?}; households by row {}",
            rules.rules,
            rules.row_by_row,
            out.iter().map(|t| t.by_row).sum::<u64>()
        );
        self.bar("columns", times[0], 2.0 * self.by_size, "ns");
        self.bar("with intermediates", with, 3.0 * self.by_size, "ns");
        let gain = times[0] / times[1];
        println!(
            "  two threads: {gain:.2} times one (bar 1.80: {})",
            if gain >= 1.8 { "held" } else { "MISSED" }
        );
        Ok(())
    }

    /// The row road on the first households: without trace, with every value noted, and with the notes
    /// written out; and that both roads agree.
    fn rows(&mut self, law: &Law, pop: &Pop) -> Outcome {
        let count = 20_000.min(pop.households());
        let part = population::first(pop, count);
        let batches = population::batches(&part).map_err(input)?;
        let mut columns = population::lay_out(law, &batches).map_err(input)?;
        let plan = Plan::new(law, "bench", &mut columns, population::day(0), None, false)
            .map_err(input)?;
        let (_, decisions) = plan.decisions(&columns, 1);
        let situations: Vec<_> = (0..count)
            .map(|h| population::situation(law, &part, h, 0))
            .collect();
        let mut editions = Vec::new();
        for region in 0..pop.std[0].len() {
            let place = format!("B-{region:03}");
            editions.push(
                law.edition(&place, population::day(0), None)
                    .map_err(input)?,
            );
        }
        let mut evaluators: Vec<_> = editions.iter().map(|e| e.evaluator()).collect();
        let handles: Vec<_> = editions.iter().map(|e| e.handle("bench")).collect();
        let roads = ["no trace", "full trace", "full trace, written out"];
        for (road, with) in roads.into_iter().enumerate() {
            let mut different = 0;
            let (s, _) = best(3, || {
                different = 0;
                for (h, (_, situation)) in situations.iter().enumerate() {
                    let region = part.region[h] as usize;
                    let Some(handle) = handles[region] else {
                        continue;
                    };
                    let one = &mut evaluators[region];
                    let outcome = match road {
                        0 => one.outcome(handle, situation),
                        1 => one.trace(handle, situation).map(|t| t.outcome().clone()),
                        _ => one.determine(handle, situation, true).map(|e| e.outcome),
                    };
                    let amount = outcome.map(|o| o.amount().0);
                    different += u64::from(amount != Ok(decisions.amount[h]));
                }
            });
            let ns = s / part.persons() as f64 * 1e9;
            println!(
                "{:<52} {ns:9.0} ns  {:6.0} × by size",
                format!("law file, row by row, {with}"),
                ns / self.by_size
            );
            if different > 0 {
                self.wrong.push(format!(
                    "row and columns differ for {different} of {count} households"
                ));
            }
            if road == 1 {
                self.bar("row by row with trace", ns / 1e3, 3.0, "µs");
            }
        }
        Ok(())
    }

    /// Cost per household from small to large populations; large ones in batches, one after another.
    fn sizes(&mut self, law: &Law, pop: &Pop) -> Outcome {
        println!("cost by size of population (twelve months, one thread):");
        for size in SIZES {
            let part = population::first(pop, size);
            let batches = population::batches(&part).map_err(input)?;
            let rounds = size.div_ceil(part.households().max(1));
            let (mut laying, mut running, mut done) = (0.0, 0.0, 0usize);
            let mut plans: Vec<Plan> = Vec::new();
            for _ in 0..rounds {
                let start = Instant::now();
                let mut columns = population::lay_out(law, &batches).map_err(input)?;
                laying += start.elapsed().as_secs_f64();
                if !plans.first().is_some_and(|p| p.fits(&columns)) {
                    plans = Bench::plans(law, &mut columns, false)?;
                }
                let all: Vec<&Plan> = plans.iter().collect();
                // A small population is run often enough to be timed.
                let repeats = if rounds == 1 { REPEATS } else { 1 };
                running += best(repeats, || run_all(&all, &columns, 1)).0;
                done += part.households();
            }
            let per = |s: f64| s / done as f64 * 1e9;
            println!(
                "  {done:>10} households: {:7.1} ns a household and month, laying out {:7.1} ns a household, peak {} MiB",
                per(running) / MONTHS as f64,
                per(laying),
                peak()
            );
        }
        Ok(())
    }

    /// The Python peers, each in its own process.
    fn peers(&mut self, python: &Path, folder: &Path) {
        let peers: [(&str, &str, &[&str], usize); 4] = [
            ("numpy", "numpy_peer.py", &["3"], 0),
            ("Polars, 1 thread", "polars_peer.py", &["3"], 0),
            ("DuckDB, 1 thread", "duckdb_peer.py", &["3", "1"], 0),
            ("OpenFisca, int", "openfisca_peer.py", &["1", "int"], 0),
        ];
        for (name, script, arguments, _) in peers {
            let out = Command::new(python)
                .arg(Path::new("bench/peers").join(script))
                .arg(folder)
                .args(arguments)
                .env("POLARS_MAX_THREADS", "1")
                .output();
            let text = match out {
                Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout).to_string(),
                Ok(out) => {
                    let error = String::from_utf8_lossy(&out.stderr).to_string();
                    let last = error.lines().last().unwrap_or_default().to_string();
                    println!("{name:<52}       did not run: {last}");
                    continue;
                }
                Err(error) => {
                    println!("{name:<52}       did not run: {error}");
                    continue;
                }
            };
            let json = text
                .lines()
                .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
                .find(|j| j.get("ns_person_month").is_some());
            let Some(json) = json else {
                println!("{name:<52}       gave nothing to read");
                continue;
            };
            let ns = json["ns_person_month"].as_f64().unwrap_or(0.0);
            println!(
                "{name:<52} {ns:9.2} ns  {:6.2} × by size {:5} MiB",
                ns / self.by_size,
                json["peak_rss_mb"]
            );
            if let Some(year) = json["year"].as_array() {
                let got = (year[0].as_u64(), year[1].as_i64());
                if got != (Some(EXPECTED[2].0), Some(EXPECTED[2].1)) {
                    self.wrong.push(format!("{name}: {got:?} for the year"));
                }
            }
        }
    }
}

fn months(totals: &[Totals]) -> Vec<(u64, i64)> {
    let entitled = usize::from(policy::columnar::code::ENTITLED);
    totals
        .iter()
        .map(|t| (t.outcomes[entitled], t.amount))
        .collect()
}

/// A Python with numpy and pyarrow: named by the environment, or made in a folder of its own.
fn python(folder: &Path) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("MINSHENG_BENCH_PYTHON") {
        return Some(named.into());
    }
    let made = folder.join("venv/bin/python");
    let works = |python: &Path| {
        let out = Command::new(python)
            .args(["-c", "import numpy, pyarrow"])
            .output();
        out.is_ok_and(|o| o.status.success())
    };
    if works(&made) {
        return Some(made);
    }
    println!("making a Python environment in {} …", folder.display());
    let venv = Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder.join("venv"))
        .output();
    if !venv.is_ok_and(|o| o.status.success()) {
        return None;
    }
    // One by one, so that a package that does not install takes no other with it.
    for packages in [
        &["numpy", "pyarrow"][..],
        &["polars"],
        &["duckdb"],
        &["openfisca-core"],
    ] {
        let _ = Command::new(&made)
            .args(["-m", "pip", "install", "-q"])
            .args(packages)
            .output();
    }
    works(&made).then_some(made)
}

/// The population's folder, generated when it is not there.
fn generated(folder: &Path, python: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(named) = std::env::var_os("MINSHENG_BENCH_POP") {
        return Ok(named.into());
    }
    let out = folder.join("population");
    if out.join("household.start.bin").exists() {
        return Ok(out);
    }
    let python = python.ok_or_else(|| {
        input("no Python with numpy and pyarrow to generate the population; name one in MINSHENG_BENCH_PYTHON, or a generated population in MINSHENG_BENCH_POP")
    })?;
    let run = Command::new(python)
        .arg("bench/peers/gen_population.py")
        .arg(&out)
        .output()
        .map_err(input)?;
    if run.status.success() {
        return Ok(out);
    }
    Err(input(String::from_utf8_lossy(&run.stderr)))
}
