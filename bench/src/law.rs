//! One rule as a law file, beside hand-written loops and other engines.

use crate::clock::{self, best, best_wall, timed};
use crate::hand::{self, Pop};
use crate::{compare, peers, population};
use policy::columnar::{Columns, Intermediates, Pass, Plan, Totals};
use policy::law::Law;
use std::path::PathBuf;

const MONTHS: usize = 12;
const REPEATS: usize = 7;
/// What every engine must give: January, July and the year, households and fen.
pub const EXPECTED: [(u64, i64); 3] = [
    (81_376, 12_899_433_400),
    (88_316, 15_036_136_200),
    (1_018_152, 167_710_889_500),
];
const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// Households that are in memory at a time, of however many.
const BATCH: usize = 100_000;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only the first households of the population; totals are then not checked.
    pub households: Option<usize>,
    /// Household-months of the comparison of both roads.
    pub compare: usize,
    /// Only one part of the measurement; everything without it.
    pub only: Option<Part>,
}

/// A part of the measurement. The loops by hand are always run: ratios are to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Cost by size of population.
    Sizes,
    /// The law file in columns.
    Columns,
    /// The law file row by row.
    Rows,
    /// The other engines.
    Peers,
    /// Both roads over random households.
    Compare,
}

impl Part {
    /// `sizes`, `columns`, `rows`, `peers` or `compare`.
    pub fn named(name: &str) -> Option<Part> {
        Some(match name {
            "sizes" => Part::Sizes,
            "columns" => Part::Columns,
            "rows" => Part::Rows,
            "peers" => Part::Peers,
            "compare" => Part::Compare,
            _ => return None,
        })
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            households: None,
            compare: 10_000_000,
            only: None,
        }
    }
}

/// Why a measurement did not end well.
#[derive(Clone, Debug)]
pub enum Stopped {
    /// Totals are wrong or roads differ.
    Found(String),
    /// Something that it needs is not there.
    Input(String),
}

fn input(text: impl std::fmt::Display) -> Stopped {
    Stopped::Input(text.to_string())
}

type Done<T = ()> = Result<T, Stopped>;

/// Runs everything and prints it, a line as soon as it is known.
pub fn run(options: &Options) -> Done {
    let folder = PathBuf::from("target/bench-law");
    std::fs::create_dir_all(&folder).map_err(input)?;
    let python = peers::python(&folder);
    let pop_folder = peers::generated(&folder, python.as_deref())?;
    let pop = population::load(&pop_folder).map_err(input)?;
    let pop = match options.households {
        Some(n) => population::first(&pop, n),
        None => pop,
    };
    let whole = pop.persons() == 1_000_000 && pop.households() == 430_000;
    println!("{}", clock::machine());
    println!(
        "{} households, {} persons, {MONTHS} months; ns of processor time per person-month, best of {REPEATS}; peak memory",
        pop.households(),
        pop.persons()
    );
    let law = Law::load(population::law_files(&pop))
        .map_err(|report| input(format!("bench/law/rule.md: {:?}", report.findings.first())))?;
    let wanted = |part: Part| options.only.is_none_or(|only| only == part);
    if wanted(Part::Sizes) {
        Bench::sizes(&law, &pop.std)?;
    }
    let mut bench = Bench {
        persons: pop.persons(),
        whole,
        wrong: Vec::new(),
        by_size: 0.0,
    };
    bench.hand(&pop);
    if wanted(Part::Columns) {
        let batches = population::batches(&pop).map_err(input)?;
        let mut columns = bench.layout(&law, &batches)?;
        bench.ours(&law, &mut columns)?;
    }
    if wanted(Part::Rows) {
        bench.rows(&law, &pop)?;
    }
    if wanted(Part::Peers) {
        if whole && let Some(python) = &python {
            let wrong = peers::run(python, &pop_folder, bench.by_size);
            bench.wrong.extend(wrong);
        } else {
            println!(
                "peers in Python: left out (no Python with numpy, or a part of the population)"
            );
        }
    }
    if wanted(Part::Compare) {
        bench.roads(&law, &pop, options.compare)?;
    }
    if bench.wrong.is_empty() {
        return Ok(());
    }
    Err(Stopped::Found(bench.wrong.join("\n")))
}

struct Bench {
    persons: usize,
    whole: bool,
    wrong: Vec<String>,
    by_size: f64,
}

impl Bench {
    fn line(&mut self, name: &str, seconds: f64, months: &[(u64, i64)]) -> f64 {
        let ns = seconds / MONTHS as f64 / self.persons as f64 * 1e9;
        let year = months.iter().fold((0, 0), |a, m| (a.0 + m.0, a.1 + m.1));
        let ratio = if self.by_size > 0.0 {
            format!("{:8.2} × by size", ns / self.by_size)
        } else {
            String::new()
        };
        println!(
            "{name:<58} {ns:9.2} ns  {ratio:<18} {:5} MiB",
            clock::peak()
        );
        clock::forget_peak();
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
        clock::forget_peak();
        let (s, sized) = timed(|| hand::by_size(pop));
        println!(
            "hand-written: columns laid out by size in {:.0} ms ({:.0} ns a person)",
            s * 1e3,
            s / self.persons as f64 * 1e9
        );
        let mut buffers = [vec![0; 2048], vec![0; 2048], vec![0; 2048]];
        let (s, out) = best(REPEATS, || {
            (0..MONTHS)
                .map(|m| hand::month_sized(&sized, pop, m, &mut buffers))
                .collect::<Vec<_>>()
        });
        let out = out.unwrap_or_default();
        self.by_size = self.line("hand-written, by household size", s, &out);
        let (s, out) = best(REPEATS, || {
            (0..MONTHS).map(|m| hand::month(pop, m)).collect::<Vec<_>>()
        });
        let out = out.unwrap_or_default();
        self.line("hand-written, in household order", s, &out);
    }

    fn layout(&self, law: &Law, batches: &[arrow_array::RecordBatch; 2]) -> Done<Columns> {
        let (seconds, columns) = timed(|| population::lay_out(law, batches));
        let columns = columns.map_err(input)?;
        println!(
            "law file: columns laid out from Arrow in {:.0} ms ({:.0} ns a person), {} MiB, padding {:.1} %",
            seconds * 1e3,
            seconds / self.persons as f64 * 1e9,
            columns.bytes() >> 20,
            (columns.padding() - 1.0) * 100.0
        );
        Ok(columns)
    }

    fn plans(law: &Law, columns: &mut Columns, keep: bool) -> Done<Vec<Plan>> {
        (0..MONTHS)
            .map(|m| {
                Plan::new(law, "bench", columns, population::day(m), None, keep).map_err(input)
            })
            .collect()
    }

    fn ours(&mut self, law: &Law, columns: &mut Columns) -> Done {
        clock::forget_peak();
        let (s, plans) = timed(|| Bench::plans(law, columns, false));
        let plans = plans?;
        let all: Vec<&Plan> = plans.iter().collect();
        let (joining, (year, single)) = timed(|| {
            let single: Vec<Pass<'_>> = all.iter().map(|p| Pass::new(&[*p])).collect();
            (Pass::new(&all), single)
        });
        println!(
            "law file: compiled for {MONTHS} months and every household size in {:.1} ms, the months joined in {:.1} ms",
            s * 1e3,
            joining * 1e3
        );
        let (s, out) = best(REPEATS, || {
            let month = |p: &Pass<'_>| p.totals(columns, 1);
            single.iter().flat_map(month).collect::<Vec<_>>()
        });
        let name = "law file, month by month";
        let one = self.line(name, s, &months(&out.unwrap_or_default()));
        self.bar("without intermediates", one, 2.0 * self.by_size, "ns");
        let (s, out) = best(REPEATS, || year.totals(columns, 1));
        let name = "law file, the year in one pass";
        let one = self.line(name, s, &months(&out.unwrap_or_default()));
        self.bar("without intermediates", one, 2.0 * self.by_size, "ns");
        self.threads(&year, columns);

        let kept = Bench::plans(law, columns, true)?;
        let single: Vec<Pass<'_>> = kept.iter().map(|p| Pass::new(&[p])).collect();
        let mut into = Intermediates::default();
        let (s, out) = best(REPEATS, || {
            let month = |p: &Pass<'_>| p.totals_kept(columns, 1, &mut into);
            single.iter().flat_map(month).collect::<Vec<_>>()
        });
        let name = "law file, month by month, every intermediate kept";
        let with = self.line(name, s, &months(&out.unwrap_or_default()));
        self.bar("with intermediates", with, 3.0 * self.by_size, "ns");
        let all: Vec<&Plan> = kept.iter().collect();
        let year = Pass::new(&all);
        let mut into = Intermediates::default();
        let (s, out) = best(REPEATS, || year.totals_kept(columns, 1, &mut into));
        let out = out.unwrap_or_default();
        let name = "law file, the year in one pass, every intermediate kept";
        let with = self.line(name, s, &months(&out));
        self.bar("with intermediates", with, 3.0 * self.by_size, "ns");
        let rules = plans[0].vectorised();
        println!(
            "  kept: {} rules of {MONTHS} months, {} MiB; rules in columns {}, row by row {:?}; household-months by row {}",
            kept[0].kept().len(),
            into.bytes() >> 20,
            rules.rules,
            rules.row_by_row,
            out.iter().map(|t| t.by_row).sum::<u64>()
        );
        Ok(())
    }

    /// One thread and two, by the clock on the wall; and by processor time, which says what two
    /// free cores would give on a machine that is busy with other work.
    fn threads(&self, year: &Pass<'_>, columns: &Columns) {
        let mut wall = [0.0; 2];
        let mut work = [0.0; 2];
        for threads in [1, 2] {
            let before = clock::process_seconds();
            wall[threads - 1] = best_wall(20, || year.totals(columns, threads)).0;
            work[threads - 1] = clock::process_seconds() - before;
        }
        let gain = wall[0] / wall[1];
        let free = 2.0 * work[0] / work[1];
        println!(
            "  two threads: {gain:.2} times one by the wall ({:.1} and {:.1} ms a year), {free:.2} by processor time; bar 1.80: {}",
            wall[0] * 1e3,
            wall[1] * 1e3,
            if gain >= 1.8 {
                "held"
            } else if free >= 1.8 {
                "held by processor time only; the cores are shared with other work"
            } else {
                "MISSED"
            }
        );
    }

    /// The row road on the first households: without trace, with every value noted, and with the notes
    /// written out.
    fn rows(&mut self, law: &Law, pop: &Pop) -> Done {
        let count = 20_000.min(pop.households());
        let part = population::first(pop, count);
        let day = population::day(0);
        let situations: Vec<_> = (0..count)
            .map(|h| population::situation(law, &part, h, 0))
            .collect();
        let editions = (0..pop.std[0].len())
            .map(|region| law.edition(&population::place(region), day, None))
            .collect::<Result<Vec<_>, _>>()
            .map_err(input)?;
        let mut evaluators: Vec<_> = editions.iter().map(|e| e.evaluator()).collect();
        let handles: Vec<_> = editions.iter().map(|e| e.handle("bench")).collect();
        println!(
            "full trace: after the call there is a note of every value computed or read, of what it was made and which rows fired; any line of it can be written without running a rule again. Written out: every line in words, with its unit, article and sentences in both languages, whether or not somebody reads it"
        );
        let roads = ["no trace", "full trace", "full trace, written out"];
        for (road, with) in roads.into_iter().enumerate() {
            let (s, _) = best(3, || {
                let mut paid = 0;
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
                    paid += outcome.map_or(0, |o| o.amount().0);
                }
                paid
            });
            let ns = s / part.persons() as f64 * 1e9;
            println!(
                "{:<58} {ns:9.0} ns  {:8.0} × by size",
                format!("law file, row by row, {with} (first {count} households)"),
                ns / self.by_size
            );
            if road == 1 {
                self.bar("row by row with full trace", ns / 1e3, 3.0, "µs");
            }
        }
        Ok(())
    }

    /// Cost per household from small to large populations. Households are generated, laid out,
    /// computed once and dropped, batch after batch; of small populations there are several.
    fn sizes(law: &Law, std: &[Vec<i32>; 2]) -> Done {
        println!(
            "cost by size of population: random households in batches of at most {BATCH}, twelve months in one pass, one thread"
        );
        for size in SIZES {
            clock::forget_peak();
            let (mut laying, mut running, mut compiling) = (0.0, 0.0, 0.0);
            let (mut done, mut by_row, mut compiled) = (0usize, 0, 0);
            let whole = size.max(SIZES[2]);
            let mut batch = |done: usize| -> Done<Columns> {
                let households = BATCH.min(size).min(whole - done);
                let part = population::random(households, std, done as u64, false);
                let batches = population::batches(&part).map_err(input)?;
                let (s, columns) = timed(|| population::lay_out(law, &batches));
                laying += s;
                columns.map_err(input)
            };
            let mut next = Some(batch(0)?);
            while let Some(mut columns) = next.take() {
                let (s, plans) = timed(|| Bench::plans(law, &mut columns, false));
                let plans = plans?;
                let all: Vec<&Plan> = plans.iter().collect();
                let (joining, year) = timed(|| Pass::new(&all));
                compiling += s + joining;
                compiled += 1;
                loop {
                    let (s, out) = timed(|| year.totals(&columns, 1));
                    running += s;
                    by_row += out.iter().map(|t| t.by_row).sum::<u64>();
                    done += columns.households();
                    if done >= whole {
                        break;
                    }
                    columns = batch(done)?;
                    // What was compiled serves batches whose values lie within its bounds.
                    if !plans.iter().all(|p| p.fits(&columns)) {
                        next = Some(columns);
                        break;
                    }
                }
            }
            let per = |s: f64| s / done as f64 * 1e9;
            println!(
                "  {size:>10} households: {:5.2} ns a household and month, compiling {:5.2}; laying out {:6.1} ns a household; household-months by row {by_row}; compiled {compiled} time(s) for {done}; peak {} MiB",
                per(running) / MONTHS as f64,
                per(compiling) / MONTHS as f64,
                per(laying),
                clock::peak()
            );
        }
        Ok(())
    }

    /// Both roads over random households.
    fn roads(&mut self, law: &Law, pop: &Pop, household_months: usize) -> Done {
        if household_months == 0 {
            return Ok(());
        }
        let start = std::time::Instant::now();
        let seen = compare::run(law, &pop.std, household_months).map_err(input)?;
        let [away, refused, open, entitled, failed] = seen.outcomes;
        println!(
            "one answer: {} household-months by row and in columns, {} differences ({entitled} entitled, {refused} refused, {open} undetermined, {away} not in question, {failed} failed; {} by row within columns) in {:.0} s",
            seen.compared,
            seen.differences,
            seen.by_row,
            start.elapsed().as_secs_f64()
        );
        if seen.differences > 0 {
            self.wrong.push(format!(
                "row and columns differ for {} of {} household-months",
                seen.differences, seen.compared
            ));
            self.wrong.extend(seen.first);
        }
        Ok(())
    }
}

fn months(totals: &[Totals]) -> Vec<(u64, i64)> {
    let entitled = usize::from(policy::columnar::code::ENTITLED);
    totals
        .iter()
        .map(|t| (t.outcomes[entitled], t.amount))
        .collect()
}
