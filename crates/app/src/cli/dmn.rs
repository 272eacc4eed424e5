//! `minsheng dmn eval|export|import|tck`.

use super::law::read_input;
use super::{Failure, Outcome};
use crate::lawbook;
use clap::{Args, Subcommand};
use policy::dmn::{Inputs, Program, exchange, model, tck, write};
use policy::feel::temporal::DateTime;
use policy::law::{Law, Type, Value};
use std::path::{Path, PathBuf};

/// What to do with DMN models.
#[derive(Debug, Subcommand)]
pub enum DmnCommand {
    /// Evaluates a decision of any DMN model (1.3 to 1.5) with input data as JSON.
    Eval(EvalArgs),
    /// Writes the rules of a law file as a DMN 1.3 model.
    Export(ExportArgs),
    /// Writes the beginning of a law file from a DMN model.
    Import(ImportArgs),
    /// Runs the cases of a TCK folder. Status 1 when one fails.
    Tck(TckArgs),
}

/// `dmn eval`
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The model; others in its folder serve its imports.
    #[arg(value_name = "MODEL.dmn")]
    pub model: PathBuf,
    /// Name of the decision, or of a decision service.
    #[arg(long, value_name = "NAME")]
    pub decision: String,
    /// JSON object of input data by name, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
}

/// `dmn export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A law file: a path on disk, or as `law list --all --json` names it.
    #[arg(value_name = "LAWFILE")]
    pub file: PathBuf,
    /// Where the model goes; standard output when absent.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The law that the file belongs to; when absent, the folder above it that holds `places.csv`, or the
    /// law that the program carries.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    pub law: Option<PathBuf>,
}

/// `dmn import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The model.
    #[arg(value_name = "MODEL.dmn")]
    pub model: PathBuf,
    /// Where the law file goes; standard output when absent.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Code of the place that the law is for.
    #[arg(long, default_value = "CN")]
    pub place: String,
    /// First day in force; today when absent.
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
}

/// `dmn tck`
#[derive(Debug, Args)]
pub struct TckArgs {
    /// Folder of cases: `TestCases`, a level of it, or one folder.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Every case, not only those that fail.
    #[arg(long)]
    pub all: bool,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs one.
pub fn run(command: DmnCommand) -> Outcome {
    match command {
        DmnCommand::Eval(args) => eval(&args),
        DmnCommand::Export(args) => export(&args),
        DmnCommand::Import(args) => import(&args),
        DmnCommand::Tck(args) => run_tck(&args),
    }
}

fn eval(args: &EvalArgs) -> Outcome {
    let text = read_input(&args.input)?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| {
        format!(
            "{}: not JSON: {e}; write an object of input data by name",
            args.input.display()
        )
    })?;
    let serde_json::Value::Object(given) = json else {
        return Err(Failure::Input(format!(
            "{}: not an object; write {{\"name of the input\": value, …}}",
            args.input.display()
        )));
    };
    let name = file_name(&args.model);
    let folder = match args.model.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Only a model that imports others has to be read with them.
    let alone =
        model::read(&read(&args.model)?).map_err(|e| format!("{}: {e}", args.model.display()))?;
    let mut models = vec![alone];
    if !models[0].imports.is_empty() {
        for path in files_beneath(folder, &["dmn"], 1)? {
            if file_name(&path) != name {
                let other = model::read(&read(&path)?);
                models.push(other.map_err(|e| format!("{}: {e}", path.display()))?);
            }
        }
    }
    let program = Program::load(&models);
    let Some(_) = program.type_of(&args.decision) else {
        return Err(Failure::Input(format!(
            "{}: there is no decision `{}`; there are {}",
            args.model.display(),
            args.decision,
            program.decisions().join(", "),
        )));
    };
    let mut inputs = Inputs::new();
    for (name, value) in given {
        let ty = program.type_of(&name).cloned().unwrap_or(Type::Any);
        let value = Value::from_json(&value, &ty).map_err(|e| format!("input `{name}`: {e}"))?;
        inputs.push((name, value));
    }
    for problem in &program.problems {
        eprintln!(
            "{}: {} in `{}`",
            problem.element, problem.message, problem.text
        );
    }
    let value = match program.call_service(&args.decision, &inputs, now()) {
        Ok(value) => value,
        Err(_) => program
            .evaluate(&args.decision, &inputs, now())
            .map_err(|e| format!("{}: {e}", args.decision))?,
    };
    println!("{:#}", serde_json::json!({"result": value.to_json()}));
    Ok(())
}

fn export(args: &ExportArgs) -> Outcome {
    let on_disk = args.file.is_file();
    let folder = match (&args.law, on_disk) {
        (Some(folder), _) => Some(folder.clone()),
        (None, true) => {
            let above = args
                .file
                .ancestors()
                .find(|a| a.join("places.csv").is_file());
            let found = above.map(Path::to_path_buf).ok_or_else(|| {
                format!(
                    "{}: no folder above it holds places.csv; say where the law is with --law DIR",
                    args.file.display()
                )
            })?;
            Some(found)
        }
        (None, false) => None,
    };
    let law = Law::load(lawbook::read(folder.as_deref())?)
        .map_err(|report| Failure::Found(report.render(policy::law::Language::Both)))?;
    let name = match &folder {
        Some(folder) => args.file.strip_prefix(folder).unwrap_or(&args.file),
        None => &args.file,
    };
    let name = name.to_string_lossy().replace('\\', "/");
    let name = name.strip_prefix("law/").unwrap_or(&name);
    let model = exchange::from_law(&law, name).ok_or_else(|| {
        format!("{name}: no such law file, or no rule in it; `minsheng law list --all --json` names the files")
    })?;
    put(args.out.as_deref(), &write::write(&model))
}

fn import(args: &ImportArgs) -> Outcome {
    let model =
        model::read(&read(&args.model)?).map_err(|e| format!("{}: {e}", args.model.display()))?;
    for problem in &model.problems {
        eprintln!("{}: {problem}", args.model.display());
    }
    let from = match &args.from {
        Some(text) => base::parse_day(text)?,
        None => chrono::Utc::now().date_naive(),
    };
    put(
        args.out.as_deref(),
        &exchange::to_law(&model, &args.place, from),
    )
}

fn run_tck(args: &TckArgs) -> Outcome {
    let top =
        std::fs::canonicalize(&args.dir).map_err(|e| format!("{}: {e}", args.dir.display()))?;
    let mut files = Vec::new();
    for path in files_beneath(&top, &["xml", "dmn"], 5)? {
        files.push(tck::File {
            text: read(&path)?,
            path: path.to_string_lossy().replace('\\', "/"),
        });
    }
    let results = tck::run(&files, now());
    if results.is_empty() {
        return Err(Failure::Input(format!(
            "{}: no test cases in it; give TestCases, a level, or one folder of cases",
            args.dir.display()
        )));
    }
    let totals = tck::totals(&results);
    let failed: usize = totals.iter().map(|t| t.failed).sum();
    if args.json {
        let cases: Vec<_> = results
            .iter()
            .filter(|r| args.all || r.verdict != tck::Verdict::Success)
            .map(|r| {
                serde_json::json!({
                    "folder": r.folder, "file": r.file, "id": r.id, "note": r.note,
                    "verdict": format!("{:?}", r.verdict).to_lowercase(),
                })
            })
            .collect();
        let totals: Vec<_> = totals
            .iter()
            .map(|t| {
                serde_json::json!({
                    "level": t.level, "passed": t.passed, "failed": t.failed, "ignored": t.ignored,
                })
            })
            .collect();
        println!(
            "{:#}",
            serde_json::json!({"totals": totals, "cases": cases})
        );
    } else {
        for result in results
            .iter()
            .filter(|r| args.all || r.verdict != tck::Verdict::Success)
        {
            println!("{result}");
        }
        for total in &totals {
            println!(
                "{}: {} passed, {} failed, {} ignored (external functions)",
                total.level, total.passed, total.failed, total.ignored
            );
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Found(String::new())),
    }
}

/// What `now()` and `today()` give: the present moment in Greenwich.
fn now() -> Option<DateTime> {
    DateTime::parse(&chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|e| Failure::Input(format!("{}: {e}", path.display())))
}

/// Files with one of some endings, in order of path, down to a depth of folders.
fn files_beneath(dir: &Path, endings: &[&str], depth: u32) -> Result<Vec<PathBuf>, Failure> {
    let failed = |e: std::io::Error| format!("{}: {e}", dir.display());
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ending = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if depth > 1 {
                out.extend(files_beneath(&path, endings, depth - 1)?);
            }
        } else if endings.contains(&ending.as_str()) {
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

fn put(out: Option<&Path>, text: &str) -> Outcome {
    match out {
        Some(path) => {
            std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        None => print!("{text}"),
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
