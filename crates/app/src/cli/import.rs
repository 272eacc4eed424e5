//! `minsheng import`: files of offices into the register, and empty forms for them.

use super::{Failure, ImportArgs, OnError, Outcome, Progress};
use crate::service::intake::{HowToTake, Intake, Wrong, kind_specs};
use crate::service::{Office, load_law};
use registry::import::{self, KindSpec, template};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Kinds begin so that the system keeps for itself: no file brings them.
const RESERVED: char = '@';
/// Names under which the form for households and persons is asked for.
const REGISTER: [&str; 3] = ["households", "persons", "register"];
/// Wrong rows that are printed of one file; the report holds them all.
const SHOWN: usize = 50;

/// Reads files, or writes a form.
pub async fn run(args: ImportArgs) -> Outcome {
    match &args.template {
        Some(kind) => write_template(&args, kind),
        None => read_files(&args).await,
    }
}

fn write_template(args: &ImportArgs, name: &str) -> Outcome {
    if name.starts_with(RESERVED) {
        return Err(Failure::Input(format!(
            "`{name}` is kept by the system itself and comes in by no file"
        )));
    }
    let law = load_law(args.place.law.as_deref())?;
    let kinds = kind_specs(&law);
    let chosen: Vec<KindSpec> = kinds
        .iter()
        .filter(|k| k.name == name || k.en == name)
        .cloned()
        .collect();
    let register = REGISTER.contains(&name);
    if chosen.is_empty() && !register {
        let names: Vec<&str> = kinds.iter().map(|k| k.name.as_str()).collect();
        return Err(Failure::Input(format!(
            "the law has no kind of evidence `{name}`; there are households, persons, {}",
            names.join(", ")
        )));
    }
    let workbook = args.out.as_deref().is_some_and(|path| {
        path.extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("xlsx"))
    });
    let bytes = match (register, workbook) {
        (true, true) => template::register_xlsx()?,
        (true, false) => template::register_csv(),
        (false, true) => template::evidence_xlsx(&chosen)?,
        (false, false) => template::evidence_csv(&chosen),
    };
    match &args.out {
        Some(path) => {
            std::fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
            println!("{}", path.display());
        }
        None => print!("{}", String::from_utf8_lossy(&bytes)),
    }
    Ok(())
}

async fn read_files(args: &ImportArgs) -> Outcome {
    if args.files.is_empty() {
        return Err(Failure::Input(
            "say which files to read, or --template KIND --out FILE for an empty form".into(),
        ));
    }
    // One that cannot be opened is told before anything is recorded.
    for path in &args.files {
        std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let office = Arc::new(Office::create(&args.place.location()).await?);
    let how = HowToTake {
        on_error: match args.on_error {
            OnError::Stop => import::OnError::Stop,
            OnError::Skip => import::OnError::Skip,
        },
        by: &args.by,
        at: Office::now(),
        within: &[],
        record: true,
    };
    let (mut done, mut wrong) = (Vec::new(), false);
    for path in &args.files {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let bar = Progress::new(&name, 0);
        let told = bar.clone();
        let intake = office
            .take_in(&name, &bytes, &how, &move |n| told.add(n))
            .await?;
        bar.done(&format!("{} rows", intake.rows));
        wrong |= !intake.problems.is_empty() || !intake.faults.is_empty();
        let report = put_report(path, &intake)?;
        if !args.json {
            print(path, &intake, report.as_deref());
        }
        done.push(intake);
    }
    if args.json {
        println!("{:#}", serde_json::to_value(&done)?);
    }
    match wrong {
        true => Err(Failure::Found(String::new())),
        false => Ok(()),
    }
}

/// The wrong rows beside the file, to be mended and imported by themselves.
fn put_report(path: &Path, intake: &Intake) -> Result<Option<PathBuf>, Failure> {
    if intake.report.is_empty() {
        return Ok(None);
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let out = path.with_file_name(format!("{stem}.rejected.csv"));
    std::fs::write(&out, &intake.report).map_err(|e| format!("{}: {e}", out.display()))?;
    Ok(Some(out))
}

fn print(path: &Path, intake: &Intake, report: Option<&Path>) {
    for wrong in intake.problems.iter().take(SHOWN) {
        eprintln!("{}", line(path, wrong));
    }
    if intake.problems.len() > SHOWN {
        eprintln!("… and {} more", intake.problems.len() - SHOWN);
    }
    for fault in &intake.faults {
        eprintln!("{}: {fault}", path.display());
    }
    if let Some(report) = report {
        eprintln!(
            "wrong rows, to be mended and imported by themselves: {}",
            report.display()
        );
    }
    let nothing = match intake.accepted {
        true => "",
        false => "; nothing was recorded (--on-error skip records the good rows)",
    };
    println!(
        "{}: {} rows, {} good, {} wrong; {} records new, {} known; {} households and {} persons opened; {} determinations, {} changes of what is owed{nothing}",
        path.display(),
        intake.rows,
        intake.good,
        intake.rows - intake.good,
        intake.new,
        intake.known,
        intake.households,
        intake.persons,
        intake.determinations,
        intake.changes,
    );
}

/// `wages.csv, row 7, column 工资: …` in both languages.
fn line(path: &Path, wrong: &Wrong) -> String {
    let at = match wrong.column.as_str() {
        "" => format!("{}, row {}", path.display(), wrong.row),
        column => format!("{}, row {}, column {column}", path.display(), wrong.row),
    };
    format!(
        "{at}: `{}` {}；{} · `{}` {}; {}",
        wrong.value, wrong.zh, wrong.remedy_zh, wrong.value, wrong.en, wrong.remedy_en
    )
}
