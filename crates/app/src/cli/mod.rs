//! The command line. Exit status: 0 fine, 1 found something, 2 bad arguments or input.

mod custody;
mod data;
mod demo;
mod dmn;
mod import;
mod law;
mod law_diff;
mod law_text;
mod person;
mod progress;
mod readers;
mod recovery;
mod simulate;
mod staff;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

pub use progress::Progress;

/// Minsheng 民生: a government's promises to its residents, kept countable.
#[derive(Debug, Parser)]
#[command(name = "minsheng", version, about, long_about = None)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the data and the law are.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// Folder of the data (SQLite file, key, payment files).
    #[arg(
        long,
        value_name = "DIR",
        env = "MINSHENG_DATA",
        default_value = "minsheng-data"
    )]
    pub data: PathBuf,
    /// PostgreSQL address; the key and the payment files stay in --data.
    #[arg(long, value_name = "URL", env = "MINSHENG_DATABASE")]
    pub database: Option<String>,
    /// Law files in place of the ones that the program carries.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    pub law: Option<PathBuf>,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Apache Parquet.
    Parquet,
}

/// What to do with rows that are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    /// Record nothing when one row is wrong.
    Stop,
    /// Record the good rows; the bad ones go to a report.
    Skip,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a working district with generated residents, runs its months and opens the site.
    Demo(DemoArgs),
    /// Opens the site and the API on existing data.
    Serve(ServeArgs),
    /// Records evidence, persons or households from csv or xlsx files.
    Import(ImportArgs),
    /// Applies a programme's rules for a month.
    Determine(DetermineArgs),
    /// Recomputes everybody, reports differences that no change explains, makes the day's tasks.
    Night(NightArgs),
    /// Makes the bank's instruction files for a month.
    Pay(PayArgs),
    /// Reads the bank's answers (pain.002, camt.053, xlsx).
    Reconcile(ReconcileArgs),
    /// Shows what was determined for a household and month as known then, and why it differs now.
    Replay(ReplayArgs),
    /// Shows which determinations read a piece of evidence, a figure or a rule of the law.
    Readers(ReadersArgs),
    /// Checks every invariant over the whole data.
    Verify(VerifyArgs),
    /// Writes the ends of the journal's chains to a file that an auditor keeps.
    Anchor(AnchorArgs),
    /// Copies the database to a file while it is in use; the key is not in it.
    Backup(BackupArgs),
    /// Puts a backup in place and checks every record in it.
    Restore(RestoreArgs),
    /// Takes the content out of records about somebody, or out of evidence whose time has run out.
    Erase(EraseArgs),
    /// Who may sign in: list, put, close.
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// Writes the register of some months to Parquet files by area, for `minsheng-cluster`.
    ExportPartitions(ExportPartitionsArgs),
    /// Corrects who is who: show, merge two records that are one person, split one that is two.
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// Gives up what was overpaid by a decision, or takes that back.
    #[command(subcommand)]
    Recovery(recovery::RecoveryCommand),
    /// Puts work into the queue, or takes it from there; several may work at once.
    Work(WorkArgs),
    /// Law files: check, test, list, diff, eval, fmt, new, reference.
    #[command(subcommand)]
    Law(law::LawCommand),
    /// DMN models: eval, export, import, tck.
    #[command(subcommand)]
    Dmn(dmn::DmnCommand),
    /// Prints the last day of a term of working days.
    Workdays(WorkdaysArgs),
    /// Measures the program on generated data.
    Bench(BenchArgs),
    /// Runs a generated district through years of everything that goes wrong, and audits each step.
    Simulate(SimulateArgs),
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Households; the whole district by default. More than the district has draws a larger one.
    #[arg(long, value_name = "N")]
    pub households: Option<u32>,
    /// Code of another county of the 2010 census: its population in the district's streets, under its law.
    #[arg(long, value_name = "CODE")]
    pub county: Option<String>,
    /// Same seed, same district.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// First and last month, such as 2026-08..2026-10.
    #[arg(long, default_value = "2026-08..2026-10")]
    pub months: String,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Make the data, do not open the site.
    #[arg(long)]
    pub no_serve: bool,
    /// Replace data that is already there.
    #[arg(long)]
    pub fresh: bool,
    /// Write the district's register as the csv files that `import` reads, into this folder, and nothing else.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["fresh", "no_serve"])]
    pub files: Option<std::path::PathBuf>,
}

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
}

/// `import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Files to read.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write an empty template for an evidence kind (or `households`, `persons`) to --out instead of reading.
    #[arg(long, value_name = "KIND")]
    pub template: Option<String>,
    /// Where the template goes; its ending (.xlsx, .csv) is its format.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What to do with wrong rows.
    #[arg(long, value_enum, default_value_t = OnError::Stop)]
    pub on_error: OnError,
    /// Who records; kept with every row.
    #[arg(long, default_value = "import")]
    pub by: String,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `determine`
#[derive(Debug, Args)]
pub struct DetermineArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Programme id or name.
    #[arg(long)]
    pub programme: String,
    /// Month, such as 2026-07.
    #[arg(long)]
    pub month: base::Month,
    /// As known at this day or moment; nothing is written then.
    #[arg(long, value_name = "T")]
    pub known_at: Option<String>,
    /// One household.
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    pub household: Option<base::Id>,
    /// Everybody.
    #[arg(long)]
    pub all: bool,
    /// With every value on the way, what would have to change, and the explanation that others can check
    /// (minsheng-explanation/1, as `law eval` gives it); `--explain tree` for reading.
    #[arg(long, value_enum, value_name = "FORM", num_args = 0..=1, default_missing_value = "json")]
    pub explain: Option<law::Explain>,
    /// A reform laid over the law; may be given several times. Nothing is written then: the month is worked
    /// out under the law in force and under the law with the reform, and the difference is told.
    #[arg(long = "reform", value_name = "FILE", conflicts_with = "explain")]
    pub reforms: Vec<PathBuf>,
    /// Format of --out or of standard output.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
    /// Write the determinations to a file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `night`
#[derive(Debug, Args)]
pub struct NightArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The day that has ended.
    #[arg(long)]
    pub date: String,
    /// The auditor's file: the night ends with a line in it, as `minsheng anchor` appends one.
    #[arg(long, value_name = "FILE", env = "MINSHENG_ANCHOR")]
    pub anchor: Option<PathBuf>,
    /// Recompute everybody by row and compare to the last word, not in columns.
    #[arg(long)]
    pub rows: bool,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `pay`
#[derive(Debug, Args)]
pub struct PayArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Programme id or name.
    #[arg(long)]
    pub programme: String,
    /// Month of the pay run.
    #[arg(long)]
    pub month: base::Month,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `reconcile`
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The bank's files.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Household.
    #[arg(long)]
    pub household: base::Id,
    /// Programme id or name; all when absent.
    #[arg(long)]
    pub programme: Option<String>,
    /// Month.
    #[arg(long)]
    pub month: base::Month,
    /// As known at this day or moment.
    #[arg(long, value_name = "T")]
    pub known_at: String,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `readers`
#[derive(Debug, Args)]
pub struct ReadersArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Only determinations about this household or person, and those it lives with.
    #[arg(long, value_name = "ID")]
    pub about: Option<base::Id>,
    /// A piece of evidence.
    #[arg(long, value_name = "ID")]
    pub evidence: Option<base::Id>,
    /// Evidence of a kind.
    #[arg(long, value_name = "NAME")]
    pub kind: Option<String>,
    /// A figure of the law.
    #[arg(long, value_name = "NAME")]
    pub parameter: Option<String>,
    /// A rule of the law.
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// `verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Subjects determined anew whose every version is replayed; 0 for all of them.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub replays: usize,
    /// Anchors made by `minsheng anchor`: the journal must pass through each of them.
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `anchor`
#[derive(Debug, Args)]
pub struct AnchorArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The auditor's file; a line is appended.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `backup`
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The copy; must not be there yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `restore`
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The backup.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The key file that was kept apart, when --data has none.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Set data that is there aside, under another name.
    #[arg(long)]
    pub replace: bool,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `erase`
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// About whom: a person, or (with --kind) a household.
    #[arg(long, value_name = "ID", required_unless_present = "expired")]
    pub person: Option<base::Id>,
    /// Only evidence of this kind; may be given several times. Everything when absent.
    #[arg(long, value_name = "KIND", conflicts_with = "expired")]
    pub kind: Vec<String>,
    /// Only what ended on or before this day.
    #[arg(long, value_name = "DAY", conflicts_with = "expired")]
    pub ended_before: Option<String>,
    /// Why: the article, and whose request it is. Goes into the journal.
    #[arg(long, value_name = "TEXT", required_unless_present = "expired")]
    pub reason: Option<String>,
    /// All evidence that the law files say is not kept any longer.
    #[arg(long, conflicts_with = "person")]
    pub expired: bool,
    /// Who ordered it.
    #[arg(long, default_value = "erase")]
    pub by: String,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `export-partitions`
#[derive(Debug, Args)]
pub struct ExportPartitionsArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// First and last month, such as 2026-08..2026-10.
    #[arg(long)]
    pub months: String,
    /// As known at this day or moment; now when absent.
    #[arg(long, value_name = "T")]
    pub known_at: Option<String>,
    /// A new folder.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `work`
#[derive(Debug, Args)]
pub struct WorkArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Put the determination of these months into the queue, such as 2026-01..2026-03, and end.
    #[arg(long, value_name = "MONTHS")]
    pub determine: Option<String>,
    /// Programme id or name; every one that is determined for everybody when absent.
    #[arg(long, requires = "determine")]
    pub programme: Option<String>,
    /// Name of this worker; unique among all.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Seconds after which the job of a worker that does not answer is another's.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub lease: u32,
    /// Wait for further jobs when there are none.
    #[arg(long)]
    pub stay: bool,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `workdays`
#[derive(Debug, Args)]
pub struct WorkdaysArgs {
    /// The day of the event; the term runs from the day after.
    pub start: String,
    /// Working days.
    pub days: u32,
    /// Whose calendar.
    #[arg(long, default_value = "CN")]
    pub place: String,
    /// Law files in place of the ones that the program carries.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    pub law: Option<PathBuf>,
}

/// `bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// month, pay, postgres, sizes, why or law.
    #[arg(default_value = "month")]
    pub name: String,
    /// Households; for `sizes` the most that are tried.
    #[arg(long, value_name = "N")]
    pub households: Option<u32>,
    /// For `pay`: entitlements in the run.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub entitlements: u32,
    /// law: household-months to compare by row and in columns (ten million unless told).
    #[arg(long, value_name = "N")]
    pub compare: Option<u64>,
    /// An empty PostgreSQL database for the bench of that name; it starts a server of its own without.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Clients at once, for the bench of PostgreSQL.
    #[arg(long, value_name = "N")]
    pub clients: Option<usize>,
}

/// `simulate`
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Same seed, same history.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Years.
    #[arg(long, value_name = "Y", default_value_t = 1)]
    pub years: u32,
    /// Months in place of years.
    #[arg(long, value_name = "M")]
    pub months: Option<u32>,
    /// Last month; the first one follows from it.
    #[arg(long, value_name = "MONTH", default_value = "2026-11")]
    pub last: base::Month,
    /// Family households.
    #[arg(long, value_name = "H", default_value_t = 200)]
    pub households: u64,
    /// Late facts and corrections by clerks, each month.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub corrections: u64,
    /// Corrections recorded at once, as feeds bring them; 1: each by itself. For long runs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: u64,
    /// Of a hundred steps, how many meet a full disk or the end of their process.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub faults: u64,
    /// Of a hundred months, in how many a law file is corrected.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub law: u64,
    /// The auditor looks at everybody every so many months (at those touched, after each step).
    #[arg(long, value_name = "M", default_value_t = 3)]
    pub audit_every: u32,
    /// Folder for the data, kept; a temporary one otherwise, removed when nothing was found.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// What came of it as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// It ran and found something: exit status 1. The findings are printed already, or are this text.
    Found(String),
    /// Arguments or input are wrong, or the program could not do it: exit status 2.
    Input(String),
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure::Input(format!("{error:#}"))
    }
}

/// What a command yields.
pub type Outcome = Result<(), Failure>;

/// Runs a command and gives its exit status.
pub fn main(cli: Cli) -> ExitCode {
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Found(text)) => {
            if !text.is_empty() {
                eprintln!("{text}");
            }
            ExitCode::from(1)
        }
        Err(Failure::Input(text)) => {
            eprintln!("minsheng: {text}");
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Law(command) => law::run(command),
        Command::Dmn(command) => dmn::run(command),
        Command::Workdays(args) => law::workdays(&args),
        other => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(dispatch_async(other))
        }
    }
}

async fn dispatch_async(command: Command) -> Outcome {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => demo::serve(args).await,
        Command::Import(args) => data::import(args).await,
        Command::Determine(args) => data::determine(args).await,
        Command::Night(args) => data::night(args).await,
        Command::Pay(args) => data::pay(args).await,
        Command::Reconcile(args) => data::reconcile(args).await,
        Command::Replay(args) => data::replay(args).await,
        Command::Readers(args) => readers::run(args).await,
        Command::Verify(args) => data::verify(args).await,
        Command::Anchor(args) => custody::anchor(args).await,
        Command::Backup(args) => custody::backup(args).await,
        Command::Restore(args) => custody::restore(args).await,
        Command::Erase(args) => custody::erase(args).await,
        Command::Staff(command) => staff::run(command).await,
        Command::ExportPartitions(args) => custody::export_partitions(args).await,
        Command::Person(command) => person::run(command).await,
        Command::Recovery(command) => recovery::run(command).await,
        Command::Work(args) => custody::work(args).await,
        Command::Bench(args) => crate::bench::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Law(_) | Command::Dmn(_) | Command::Workdays(_) => Ok(()),
    }
}
