//! `minsheng law check|test|list|eval` and `workdays`.

use super::{Failure, Outcome, WorkdaysArgs};
use crate::lawbook;
use crate::service::{load_law, load_law_with};
use clap::{Args, Subcommand, ValueEnum};
use policy::law::explanation::{self, Explanation, Limits, explain_json};
use policy::law::outcomes::{self, Side};
use policy::law::{Language, Law, examples, search};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What to do with law files.
#[derive(Debug, Subcommand)]
pub enum LawCommand {
    /// Checks every file: names, types, units, tables, dates, citations, and by search the properties that
    /// the law states. Status 1 when there is an error.
    Check(CheckArgs),
    /// Runs the worked examples. Status 1 when one fails.
    Test(TestArgs),
    /// Lists programmes with their places and dates; --all --json gives rules, figures and evidence too.
    List(ListArgs),
    /// What differs between two days of a law, two folders, or a law and a reform. Status 1 when something does.
    Diff(super::law_diff::DiffArgs),
    /// Evaluates one situation given as JSON; no register needed.
    Eval(EvalArgs),
    /// Lays files out: tables in columns, even blanks; prose and meaning stay. Status 1 with --check when one differs.
    Fmt(super::law_text::FmtArgs),
    /// Writes the beginning of a law for another place: places, evidence, one programme, examples.
    New(super::law_text::NewArgs),
    /// Prints the reference of FEEL's built-in functions, made from the program.
    Reference,
}

/// `law check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Folder or file; the shipped law when absent.
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
    /// Language of messages: zh, en, or both; without it the language of the environment, else both.
    #[arg(long, value_enum)]
    pub lang: Option<Lang>,
    /// A reform laid over the law; may be given several times.
    #[arg(long = "reform", value_name = "FILE")]
    pub reforms: Vec<PathBuf>,
    /// Situations tried for each property that the law states; 0 for none.
    #[arg(long, value_name = "N", default_value_t = search::SITUATIONS)]
    pub situations: usize,
    /// Check again whenever a file changes, until interrupted.
    #[arg(long, requires = "path", conflicts_with = "json")]
    pub watch: bool,
}

/// `law list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Folder or file; the shipped law when absent.
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// As JSON: an array of programmes.
    #[arg(long)]
    pub json: bool,
    /// Everything as one JSON object: programmes, rules, parameters, evidence, instruments, places.
    #[arg(long)]
    pub all: bool,
    /// A reform laid over the law; may be given several times.
    #[arg(long = "reform", value_name = "FILE")]
    pub reforms: Vec<PathBuf>,
}

/// `law test`
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Folder; the shipped law when absent.
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// Only examples whose file or name contains this.
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Write what came out into the files in place of what was expected.
    #[arg(long, conflicts_with = "reforms")]
    pub accept: bool,
    /// A reform laid over the law; may be given several times. Its own examples must come out; those of
    /// the law that come out otherwise are listed.
    #[arg(long = "reform", value_name = "FILE")]
    pub reforms: Vec<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `law eval`
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Place code.
    #[arg(long)]
    pub place: String,
    /// The reference day.
    #[arg(long)]
    pub date: String,
    /// Programme id or name, or a rule's name.
    #[arg(long)]
    pub decision: String,
    /// JSON file, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// The explanation in place of the evaluation.
    #[arg(long, value_enum)]
    pub explain: Option<Explain>,
    /// Also what would have to change: the nearest change of one fact that alters the outcome.
    #[arg(long)]
    pub what_if: bool,
    /// Language of a tree and of a short form: zh, en, or both.
    #[arg(long, value_enum, default_value = "both")]
    pub lang: Lang,
    /// Law files in place of the ones that the program carries.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    pub law: Option<PathBuf>,
    /// A reform laid over the law; may be given several times.
    #[arg(long = "reform", value_name = "FILE")]
    pub reforms: Vec<PathBuf>,
}

/// How an explanation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Explain {
    /// From the outcome to the evidence, for reading on a terminal.
    Tree,
    /// Three or four sentences, as a letter says them.
    Brief,
    /// The form minsheng-explanation/1, which others can check; see docs/explanation.md.
    Json,
}

/// Writes an explanation to standard output.
pub fn print_explanation(found: &Explanation, how: Explain, language: Language) -> Outcome {
    match how {
        Explain::Tree => print!("{}", explanation::render(found, language)),
        Explain::Brief => {
            let (zh, en) = (&found.brief.zh, &found.brief.en);
            let texts = match language {
                Language::Chinese => vec![zh],
                Language::English => vec![en],
                Language::Both => vec![zh, en],
            };
            texts.into_iter().for_each(|text| println!("{text}"));
        }
        Explain::Json => println!("{:#}", serde_json::to_value(found)?),
    }
    Ok(())
}

/// Runs one.
pub fn run(command: LawCommand) -> Outcome {
    match command {
        LawCommand::Check(args) if args.watch => watch(&args),
        LawCommand::Check(args) => check(&args),
        LawCommand::Diff(args) => super::law_diff::run(&args),
        LawCommand::Test(args) => test(&args),
        LawCommand::List(args) => list(&args),
        LawCommand::Eval(args) => eval(&args),
        LawCommand::Fmt(args) => super::law_text::fmt(&args),
        LawCommand::New(args) => super::law_text::new(&args),
        LawCommand::Reference => {
            print!("{}", policy::feel::reference::page());
            Ok(())
        }
    }
}

/// A language to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
    /// Chinese, then English.
    Both,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Language {
        match lang {
            Lang::Zh => Language::Chinese,
            Lang::En => Language::English,
            Lang::Both => Language::Both,
        }
    }
}

impl Lang {
    /// What the environment says, by the names that programs look at in this order.
    pub fn of_environment() -> Lang {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let set = names.iter().filter_map(|name| std::env::var(name).ok());
        let first = set.into_iter().find(|value| !value.is_empty());
        Lang::of_locale(&first.unwrap_or_default())
    }

    /// `zh_CN.UTF-8` is Chinese, `en_GB` English, `C` says nothing.
    fn of_locale(locale: &str) -> Lang {
        match locale.split(['_', '.', '-', '@']).next() {
            Some("zh") => Lang::Zh,
            Some("en") => Lang::En,
            _ => Lang::Both,
        }
    }
}

fn check(args: &CheckArgs) -> Outcome {
    let language: Language = args.lang.unwrap_or_else(Lang::of_environment).into();
    let files = lawbook::read(args.path.as_deref())?;
    let (law, mut report) = Law::check_with(files, lawbook::reforms(&args.reforms)?);
    let mut tested = Vec::new();
    if let Some(law) = &law {
        let (found, properties) = law.search(args.situations);
        report.merge(found);
        tested = properties;
    }
    if args.json {
        let mut json = report.to_json();
        json["properties"] = serde_json::to_value(&tested)?;
        println!("{json:#}");
    } else {
        print!("{}", report.render(language));
        if let Some(law) = law.as_ref().filter(|_| !report.has_errors()) {
            let judged: usize = tested.iter().map(|t| t.judged).sum();
            let properties = tested.len();
            let counts = [
                law.instruments().len(),
                law.rules().len(),
                law.parameters().count(),
                programme_ids(law).len(),
            ];
            let [instruments, rules, figures, programmes] = counts;
            let searched = match (properties, args.situations) {
                (0, _) | (_, 0) => [String::new(), String::new()],
                _ => [
                    format!("，{properties} 条性质（判断了 {judged} 个情形）"),
                    format!(", {properties} properties (judged in {judged} situations)"),
                ],
            };
            let zh = format!(
                "{instruments} 部法规，{rules} 条规则，{figures} 个参数，{programmes} 个项目{}：没有错误",
                searched[0]
            );
            let en = format!(
                "{instruments} instruments, {rules} rules, {figures} parameters, {programmes} programmes{}: fine",
                searched[1]
            );
            match language {
                Language::Chinese => println!("{zh}"),
                Language::English => println!("{en}"),
                Language::Both => println!("{zh} · {en}"),
            }
        }
    }
    match report.has_errors() {
        true => Err(Failure::Found(String::new())),
        false => Ok(()),
    }
}

fn programme_ids(law: &Law) -> std::collections::BTreeSet<&str> {
    law.programmes()
        .map(|(programme, _)| programme.id.as_str())
        .collect()
}

fn test(args: &TestArgs) -> Outcome {
    if !args.reforms.is_empty() {
        return test_reforms(args);
    }
    let files = lawbook::read(args.path.as_deref())?;
    let law = load_law(args.path.as_deref())?;
    let only = args.only.as_deref().unwrap_or("");
    let mut results = Vec::new();
    for file in files.iter().filter(|f| f.path.ends_with(".examples.yaml")) {
        results.extend(
            examples::run(&law, &file.text, &file.path)
                .into_iter()
                .filter(|r| r.file.contains(only) || r.name.contains(only)),
        );
        if args.accept && file.path.contains(only) {
            accept(&law, args.path.as_deref(), &file.path, &file.text)?;
        }
    }
    let failed = results.iter().filter(|r| !r.passed()).count();
    if args.json {
        println!("{:#}", serde_json::to_value(&results)?);
    } else {
        for result in results.iter().filter(|r| !r.passed()) {
            println!("{result}");
        }
        println!("{} passed, {failed} failed", results.len() - failed);
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Found(String::new())),
    }
}

/// The reforms' own examples must come out. Of the law's, those that come out otherwise than without
/// the reforms are what the reforms are for, and are listed; those that fail either way are failures.
fn test_reforms(args: &TestArgs) -> Outcome {
    let only = args.only.as_deref().unwrap_or("");
    let side = |law: Law| Side { law, at: None };
    let before = side(load_law(args.path.as_deref())?);
    let after = side(load_law_with(args.path.as_deref(), &args.reforms)?);
    let wanted = |file: &str, name: &str| file.contains(only) || name.contains(only);
    let mut results = examples::run_all(&before.law);
    results.retain(|r| !examples::is_removed(&after.law, &r.name));
    results.extend(examples::run_reforms(&after.law));
    results.retain(|r| wanted(&r.file, &r.name));
    let mut changed = outcomes::changes(&before, &after);
    changed.retain(|c| wanted(&c.file, &c.name));
    let failed = results.iter().filter(|r| !r.passed()).count();
    if args.json {
        println!(
            "{:#}",
            serde_json::json!({"examples": results, "changed": changed})
        );
    } else {
        for result in results.iter().filter(|r| !r.passed()) {
            println!("{result}");
        }
        for change in &changed {
            println!("changed {}:{} {}", change.file, change.line, change.name);
            println!("     {}", Language::Both.of(&change.words));
        }
        println!(
            "{} passed, {failed} failed, {} of the law's come out otherwise under the reform",
            results.len() - failed,
            changed.len()
        );
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Found(String::new())),
    }
}

fn accept(law: &Law, folder: Option<&Path>, name: &str, text: &str) -> Outcome {
    let Some(folder) = folder else {
        return Err(Failure::Input(
            "the shipped examples can't be rewritten; give the folder: `law test law --accept`"
                .into(),
        ));
    };
    let new = examples::accept(law, text, name);
    if new != text {
        let path = if folder.is_file() {
            folder.to_path_buf()
        } else {
            folder.join(name)
        };
        std::fs::write(&path, new).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("rewritten: {name}");
    }
    Ok(())
}

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Checks, and again after each change, until the program is interrupted or nobody reads on.
fn watch(args: &CheckArgs) -> Outcome {
    let path = args.path.as_deref().unwrap_or(Path::new("."));
    let mut seen: Option<BTreeMap<PathBuf, (SystemTime, u64)>> = None;
    while !crate::output::closed() {
        let now = stamps(path)?;
        if seen.as_ref() != Some(&now) {
            if let Some(seen) = &seen {
                println!("—— {}", changed(seen, &now));
            }
            match check(args) {
                Err(Failure::Input(text)) => eprintln!("minsheng: {text}"),
                Ok(()) | Err(Failure::Found(_)) => {}
            }
            seen = Some(now);
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// The names of the files that differ between two looks.
fn changed<T: PartialEq>(old: &BTreeMap<PathBuf, T>, new: &BTreeMap<PathBuf, T>) -> String {
    let other = new
        .iter()
        .filter(|(path, stamp)| old.get(*path) != Some(*stamp));
    let gone = old.keys().filter(|path| !new.contains_key(*path));
    let names = other
        .map(|(path, _)| path)
        .chain(gone)
        .filter_map(|p| p.file_name());
    let names: Vec<_> = names.map(|n| n.to_string_lossy()).collect();
    names.join(", ")
}

/// Every file beneath a path with its time and size.
fn stamps(path: &Path) -> Result<BTreeMap<PathBuf, (SystemTime, u64)>, Failure> {
    let failed = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    let mut out = BTreeMap::new();
    let mut open = vec![path.to_path_buf()];
    while let Some(path) = open.pop() {
        // A file may go while it is looked at: editors save by renaming.
        let about = match std::fs::metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && !out.is_empty() => continue,
            other => other.map_err(|e| failed(&path, e))?,
        };
        if about.is_dir() {
            for entry in std::fs::read_dir(&path).map_err(|e| failed(&path, e))? {
                open.push(entry.map_err(|e| failed(&path, e))?.path());
            }
        } else {
            let time = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            out.insert(path, (time, about.len()));
        }
    }
    Ok(out)
}

fn list(args: &ListArgs) -> Outcome {
    let law = load_law_with(args.path.as_deref(), &args.reforms)?;
    let list = law.list();
    if args.all {
        println!("{list:#}");
        return Ok(());
    }
    if args.json {
        println!("{:#}", list["programmes"]);
        return Ok(());
    }
    for programme in list["programmes"].as_array().into_iter().flatten() {
        let text = |key: &str| programme[key].as_str().unwrap_or_default().to_string();
        println!(
            "{:24} {} · {} ({})",
            text("id"),
            text("name"),
            text("en"),
            text("rhythm")
        );
        for version in programme["versions"].as_array().into_iter().flatten() {
            let text = |key: &str| version[key].as_str().unwrap_or_default().to_string();
            println!(
                "    {:10} {}..{:10} {}",
                text("place"),
                text("from"),
                text("to"),
                text("instrument")
            );
        }
    }
    println!("rules for `law eval --decision NAME` and everything else: `law list --all`");
    Ok(())
}

fn eval(args: &EvalArgs) -> Outcome {
    let text = read_input(&args.input)?;
    let law = load_law_with(args.law.as_deref(), &args.reforms)?;
    let day = base::parse_day(&args.date)?;
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| {
        format!(
            "{}: not JSON: {e}; write an object of names and values, such as {{\"成员\": [{{…}}]}}",
            args.input.display()
        )
    })?;
    let language = args.lang.into();
    let limits = args.what_if.then(Limits::default);
    let (evaluation, found) = explain_json(
        &law,
        &args.place,
        day,
        &args.decision,
        &json,
        limits.as_ref(),
    )?;
    if let Some(how) = args.explain {
        return print_explanation(&found, how, language);
    }
    let mut out = serde_json::to_value(&evaluation)?;
    if let Some(what_if) = &found.what_if {
        out["what_if"] = serde_json::to_value(what_if)?;
    }
    println!("{out:#}");
    Ok(())
}

/// A file's text, or standard input for `-`.
pub fn read_input(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|e| format!("standard input: {e}"))?;
    } else {
        text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(text)
}

/// `minsheng workdays START DAYS`
pub fn workdays(args: &WorkdaysArgs) -> Outcome {
    let start = base::parse_day(&args.start)?;
    let law = load_law(args.law.as_deref())?;
    println!("{}", law.calendar(&args.place).add(start, args.days)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[test]
    fn locales_choose_a_language() {
        assert_eq!(Lang::of_locale("zh_CN.UTF-8"), Lang::Zh);
        assert_eq!(Lang::of_locale("en"), Lang::En);
        for other in ["", "C", "C.UTF-8", "POSIX", "de_DE"] {
            assert_eq!(Lang::of_locale(other), Lang::Both);
        }
    }
}
