//! `minsheng-cluster`: population runs over partitions, in this process or on a Ballista scheduler.
//! Exit status: 0 fine, 1 found something, 2 bad arguments or input.

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand};
use cluster::bench::{BenchOptions, bench};
use cluster::compare::{Comparison, compare};
use cluster::engine::Engine;
use cluster::function::Holds;
use cluster::grow::counties;
use cluster::run::{Options, Summary, run};
use cluster::{lawbook, nodes};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Determines whole populations from the partitions that `minsheng export-partitions` writes.
#[derive(Debug, Parser)]
#[command(name = "minsheng-cluster", version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Determines a month for everybody.
    Run(RunArgs),
    /// Holds the results of a run against what stood, and lists every difference.
    Compare(CompareArgs),
    /// A run and its comparison: the night, from partitions.
    Night(RunArgs),
    /// Runs a scheduler until it is ended.
    Scheduler(SchedulerArgs),
    /// Runs an executor until it is ended.
    Executor(ExecutorArgs),
    /// Measures one, two and four executors on a register drawn from an export, and what a country costs.
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Folder of the partitions.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the law's texts.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    law: PathBuf,
    /// Folder for the results. A run that was interrupted goes on in it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Programme id or name; may be given several times. All that are determined for everybody when absent.
    #[arg(long)]
    programme: Vec<String>,
    /// The month, such as 2026-09.
    #[arg(long)]
    month: base::Month,
    /// A scheduler, such as df://127.0.0.1:50050; in this process when absent.
    #[arg(long, value_name = "URL")]
    scheduler: Option<String>,
    /// Jobs under way at once: twice the executors' slots keeps them busy.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// A job takes whole files until it has so many households.
    #[arg(long, value_name = "N", default_value_t = 8_192)]
    households: u64,
    /// Seconds for which a job is tried again when its scheduler or executor was lost.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    patience: u64,
    /// MiB that the engine may take in this process.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    memory: usize,
    /// Results as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CompareArgs {
    /// Folder of the partitions.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the results.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// MiB that the engine may take.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    memory: usize,
    /// Results as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SchedulerArgs {
    /// Address to listen on. It asks nobody who they are: keep it on the loopback address, or on a network of
    /// its own.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port; 0 takes a free one, which is printed.
    #[arg(long, default_value_t = 50050)]
    port: u16,
}

#[derive(Debug, Args)]
struct ExecutorArgs {
    /// Folder of the law's texts: the same on every node.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    law: PathBuf,
    /// The scheduler, such as df://127.0.0.1:50050.
    #[arg(long, value_name = "URL")]
    scheduler: String,
    /// Address to listen on, and under which the others reach it.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port for results; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Tasks at once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    slots: usize,
    /// Folder for results until they are fetched; a temporary one when absent.
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// MiB that the engine may take.
    #[arg(long, value_name = "MIB", default_value_t = 512)]
    memory: u64,
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// Folder of the partitions that households are drawn from.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Folder of the law's texts.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    law: PathBuf,
    /// The month.
    #[arg(long)]
    month: base::Month,
    /// Programme id; may be given several times. All that are determined for everybody when absent.
    #[arg(long)]
    programme: Vec<String>,
    /// A line each county: the first column its code.
    #[arg(long, value_name = "FILE")]
    counties: PathBuf,
    /// The column that counts family households.
    #[arg(long, value_name = "NAME", default_value = "户数")]
    column: String,
    /// Households of the register that is measured: counties in the order of the file until there are so many.
    #[arg(long, value_name = "N", default_value_t = 2_000_000)]
    households: u64,
    /// Executors, one measurement each.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2,4")]
    executors: Vec<usize>,
    /// Folder for the register and the results; the register is used again.
    #[arg(long, value_name = "DIR")]
    work: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error,cluster=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .map_err(|e| anyhow!(e))
        .and_then(|r| r.block_on(dispatch(cli.command)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("minsheng-cluster: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// True when nothing was found.
async fn dispatch(command: Command) -> Result<bool> {
    match command {
        Command::Run(args) => {
            let summary = determine(&args).await?;
            if args.json {
                print_json(&summary)?;
            } else {
                print_summary(&summary);
            }
            Ok(summary.faults.is_empty())
        }
        Command::Compare(args) => {
            let found = compare(&args.data, &args.out, args.memory << 20).await?;
            if args.json {
                print_json(&found)?;
            } else {
                print_comparison(&found);
            }
            Ok(found.differences.is_empty())
        }
        Command::Night(args) => {
            let summary = determine(&args).await?;
            let found = compare(&args.data, &args.out, args.memory << 20).await?;
            if args.json {
                print_json(&serde_json::json!({"run": summary, "comparison": found}))?;
            } else {
                print_summary(&summary);
                print_comparison(&found);
            }
            Ok(summary.faults.is_empty() && found.differences.is_empty())
        }
        Command::Scheduler(args) => {
            let options = nodes::SchedulerOptions {
                host: args.host,
                port: args.port,
            };
            nodes::scheduler(&options, |url| println!("scheduler at {url}")).await?;
            Ok(true)
        }
        Command::Executor(args) => executor(args).await,
        Command::Bench(args) => {
            let rules = Arc::new(lawbook::load(&args.law)?);
            let options = BenchOptions {
                counties: counties(&args.counties, &args.column)?,
                data: args.data,
                law: args.law,
                month: args.month,
                programmes: args.programme,
                households: args.households,
                executors: args.executors,
                work: args.work,
            };
            bench(&options, rules).await?;
            Ok(true)
        }
    }
}

async fn determine(args: &RunArgs) -> Result<Summary> {
    let rules = Arc::new(lawbook::load(&args.law)?);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let options = Options {
        data: args.data.clone(),
        out: args.out.clone(),
        programmes: args.programme.clone(),
        month: args.month,
        engine: match &args.scheduler {
            Some(url) => Engine::Ballista(url.clone()),
            None => Engine::InProcess,
        },
        jobs: args.jobs.unwrap_or(match args.scheduler {
            Some(_) => 8,
            None => threads,
        }),
        households: args.households,
        patience: Duration::from_secs(args.patience),
        memory: args.memory << 20,
    };
    run(&options, rules).await
}

async fn executor(args: ExecutorArgs) -> Result<bool> {
    let address = args.scheduler.trim_start_matches("df://");
    let (host, port) = address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.to_string(), port.parse().ok()?)))
        .with_context(|| {
            format!(
                "{}: no scheduler's address; write df://HOST:PORT",
                args.scheduler
            )
        })?;
    let holds = Holds::Law(Arc::new(lawbook::load(&args.law)?));
    let work = args.work.unwrap_or_else(|| {
        std::env::temp_dir().join(format!("minsheng-executor-{}", std::process::id()))
    });
    let options = nodes::ExecutorOptions {
        host: args.host,
        port: args.port,
        scheduler: (host, port),
        slots: args.slots,
        work,
        memory: args.memory << 20,
    };
    nodes::executor(&options, &holds).await?;
    Ok(true)
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

fn print_summary(summary: &Summary) {
    for fault in &summary.faults {
        println!("{fault}");
    }
    for (programme, tally) in &summary.programmes {
        let outcomes: Vec<String> = tally
            .outcomes
            .iter()
            .map(|(outcome, count)| format!("{outcome} {count}"))
            .collect();
        println!(
            "{programme} {}: {}; granted {} yuan",
            summary.month,
            outcomes.join(", "),
            tally.granted
        );
    }
    println!(
        "{} files ({} found done), {} households, {} determinations, {} jobs tried again, {:.1} s",
        summary.files,
        summary.found_done,
        summary.households,
        summary.rows,
        summary.retried,
        summary.seconds
    );
}

fn print_comparison(found: &Comparison) {
    for d in &found.differences {
        let side = |side: &cluster::compare::Side| {
            let outcome = side.outcome.as_deref().unwrap_or("nothing");
            match side.amount_fen {
                Some(fen) => format!("{outcome} {} yuan", base::Fen(fen)),
                None => outcome.to_string(),
            }
        };
        println!(
            "{} {}: {} stood as {}, and is determined as {}",
            d.programme,
            d.period,
            d.subject,
            side(&d.stood),
            side(&d.determined)
        );
    }
    println!(
        "compared {} determinations that stood with {} of the run, {} programmes: {} differences",
        found.stood,
        found.determined,
        found.programmes.len(),
        found.differences.len()
    );
}
