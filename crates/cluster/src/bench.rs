//! One, two and four executors as processes on one register, and what that comes to for a country.

use crate::engine::Engine;
use crate::grow::{County, grow};
use crate::partitions::Partitions;
use crate::run::{Options, Summary, run};
use anyhow::{Context, Result, bail};
use base::Month;
use entitlement::situation::LawRules;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// What is measured.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// An export to draw households from.
    pub data: PathBuf,
    /// The law's folder.
    pub law: PathBuf,
    /// The month.
    pub month: Month,
    /// Programmes; all when empty.
    pub programmes: Vec<String>,
    /// Counties, with their households.
    pub counties: Vec<County>,
    /// Households of the register that is measured.
    pub households: u64,
    /// Executors, one measurement each.
    pub executors: Vec<usize>,
    /// A new folder, or one in which the register of an earlier measurement lies.
    pub work: PathBuf,
}

/// A process of the measurement; ends with it.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process took.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// Most memory at once, MiB.
    peak: u64,
    /// Processor time, seconds.
    seconds: f64,
}

/// Measures, and prints as it goes.
///
/// # Errors
/// When a process does not start, or the results of two engines differ.
pub async fn bench(options: &BenchOptions, rules: Arc<LawRules>) -> Result<()> {
    let register = options.work.join("register");
    if !register.join("manifest.json").exists() {
        let begun = std::time::Instant::now();
        let made = grow(
            &options.data,
            options.month,
            &options.counties,
            options.households,
            &register,
        )?;
        println!(
            "register: {made} households, {} MiB of Parquet, written in {:.0} s",
            size(&register) >> 20,
            begun.elapsed().as_secs_f64()
        );
    }
    let households = households(&register, options.month)?;
    println!(
        "executors | wall s | households/s | processor s | µs a household | peak MiB: run, scheduler, each executor"
    );
    let mut totals: Option<Summary> = None;
    let mut micros = f64::INFINITY;
    for &executors in &options.executors {
        let out = options.work.join(format!("results-{executors}"));
        let _ = std::fs::remove_dir_all(&out);
        let before = own();
        let (scheduler, url) = scheduler()?;
        let mut nodes = Vec::new();
        for n in 0..executors {
            let work = options.work.join(format!("executor-{n}"));
            nodes.push(executor(&url, &options.law, &work)?);
        }
        let summary = run(
            &Options {
                data: register.clone(),
                out: out.clone(),
                programmes: options.programmes.clone(),
                month: options.month,
                engine: Engine::Ballista(url),
                jobs: 2 * executors + 1,
                households: 8_192,
                patience: Duration::from_secs(120),
                memory: 512 << 20,
            },
            rules.clone(),
        )
        .await?;
        let costs: Vec<Cost> = nodes.iter().map(|n| cost(n.0.id())).collect();
        let planner = cost(scheduler.0.id());
        let here = own();
        let spent = costs.iter().map(|c| c.seconds).sum::<f64>()
            + planner.seconds
            + (here.seconds - before.seconds);
        let each = spent / households.max(1) as f64 * 1e6;
        micros = micros.min(each);
        let peaks: Vec<String> = costs.iter().map(|c| c.peak.to_string()).collect();
        println!(
            "{executors} | {:.1} | {:.0} | {spent:.1} | {each:.1} | {}, {}, {}",
            summary.seconds,
            households as f64 / summary.seconds,
            here.peak,
            planner.peak,
            peaks.join(" ")
        );
        match &totals {
            Some(first) if first.programmes != summary.programmes => {
                bail!("{executors} executors came to other totals");
            }
            Some(_) => {}
            None => totals = Some(summary),
        }
        drop(nodes);
        std::fs::remove_dir_all(&out).ok();
    }
    if let Some(summary) = totals {
        for (programme, tally) in &summary.programmes {
            println!(
                "{programme}: {:?}, granted {} yuan",
                tally.outcomes, tally.granted
            );
        }
    }
    country(&options.counties, micros);
    Ok(())
}

/// From the measured cost of a household: each province and the whole, for one month of what was measured.
fn country(counties: &[County], micros: f64) {
    let mut provinces: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for county in counties {
        let province = county.code.get(..2).unwrap_or(&county.code);
        let sum = provinces.entry(province).or_default();
        sum.0 += 1;
        sum.1 += county.households;
    }
    println!("province | counties | family households | core-seconds | minutes on 16 cores");
    let line = |name: &str, (counties, households): (u64, u64)| {
        let seconds = households as f64 * micros / 1e6;
        println!(
            "{name} | {counties} | {households} | {seconds:.0} | {:.1}",
            seconds / 16.0 / 60.0
        );
    };
    let mut all = (0, 0);
    for (province, sum) in provinces {
        all = (all.0 + sum.0, all.1 + sum.1);
        line(province, sum);
    }
    line("all", all);
}

fn command() -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.stdin(Stdio::null());
    Ok(command)
}

fn scheduler() -> Result<(Node, String)> {
    let mut node = Node(
        command()?
            .args(["scheduler", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()?,
    );
    let out = node.0.stdout.take().context("the scheduler says nothing")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    let url = line
        .trim()
        .strip_prefix("scheduler at ")
        .context("the scheduler did not start")?;
    Ok((node, url.to_string()))
}

fn executor(url: &str, law: &Path, work: &Path) -> Result<Node> {
    Ok(Node(
        command()?
            .args(["executor", "--scheduler", url, "--slots", "1", "--law"])
            .arg(law)
            .arg("--work")
            .arg(work)
            .spawn()?,
    ))
}

fn own() -> Cost {
    cost(std::process::id())
}

/// What a running process took so far; zero where the system does not say.
fn cost(pid: u32) -> Cost {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name in brackets: the state is the first, user and system time the 12th and 13th.
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse::<u64>().ok())
        .sum();
    Cost {
        peak,
        // A hundred a second on every Linux that this runs on.
        seconds: ticks as f64 / 100.0,
    }
}

/// Households of a register: those of the day that most files show, since each stands in every day's.
fn households(register: &Path, month: Month) -> Result<u64> {
    let mut days: BTreeMap<base::Day, u64> = BTreeMap::new();
    for file in Partitions::open(register)?.manifest.households {
        if file.month == month {
            *days.entry(file.day).or_default() += file.households;
        }
    }
    Ok(days.into_values().max().unwrap_or(0))
}

/// Bytes of the files in a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(t) if t.is_dir() => size(&entry.path()),
            _ => entry.metadata().map_or(0, |m| m.len()),
        })
        .sum()
}
