//! The public TCK: its folders of models and cases, run and counted.

use super::compile::Program;
use super::model::{self, Model};
use super::run::Inputs;
use super::xml::{self, Element};
use crate::feel::number::Number;
use crate::feel::temporal::{DateTime, Duration, Time};
use crate::feel::value::{Context, Value, parse_at_literal};
use std::fmt;
use std::sync::Arc;

/// How a case went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Success,
    /// Otherwise.
    Error,
    /// Refused by design: it calls an external function.
    Ignored,
}

/// One case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// `compliance-level-3/0001-filter`
    pub folder: String,
    /// The case file without its ending.
    pub file: String,
    /// The case's id.
    pub id: String,
    /// How it went.
    pub verdict: Verdict,
    /// What was expected and what came, when it failed.
    pub note: String,
}

impl fmt::Display for CaseResult {
    /// The line of the vendors' results: five quoted fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Success => "SUCCESS",
            Verdict::Error => "ERROR",
            Verdict::Ignored => "IGNORED",
        };
        let note = self.note.replace('"', "\"\"");
        write!(
            f,
            "\"{}\",\"{}\",\"{}\",\"{verdict}\",\"{note}\"",
            self.folder, self.file, self.id
        )
    }
}

/// Totals of one level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// `compliance-level-2`
    pub level: String,
    /// Cases as expected.
    pub passed: usize,
    /// Cases otherwise.
    pub failed: usize,
    /// Cases refused by design.
    pub ignored: usize,
}

/// A file of the TCK: a case file or a model.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path with `/`, at least `level/folder/name`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Runs every case among the files (`.xml` cases beside `.dmn` models), in order of path. `now` is
/// the present moment for models that ask for it.
pub fn run(files: &[File], now: Option<DateTime>) -> Vec<CaseResult> {
    let mut cases: Vec<&File> = files.iter().filter(|f| f.path.ends_with(".xml")).collect();
    cases.sort_by(|a, b| a.path.cmp(&b.path));
    let mut results = Vec::new();
    for case in cases {
        run_file(case, files, now, &mut results);
    }
    results
}

/// Counts results by level.
pub fn totals(results: &[CaseResult]) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    for result in results {
        let level = result.folder.split('/').next().unwrap_or_default();
        let at = totals
            .iter()
            .position(|t| t.level == level)
            .unwrap_or_else(|| {
                totals.push(Total {
                    level: level.to_string(),
                    ..Total::default()
                });
                totals.len() - 1
            });
        match result.verdict {
            Verdict::Success => totals[at].passed += 1,
            Verdict::Error => totals[at].failed += 1,
            Verdict::Ignored => totals[at].ignored += 1,
        }
    }
    totals
}

/// The folder of a path, and the name within it.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn run_file(case: &File, files: &[File], now: Option<DateTime>, results: &mut Vec<CaseResult>) {
    let Ok(root) = xml::read(&case.text) else {
        return;
    };
    if root.name != "testCases" {
        return;
    }
    let (dir, name) = split(&case.path);
    let (above, last) = split(dir);
    let folder = format!("{}/{last}", split(above).1);
    let file = name.trim_end_matches(".xml").to_string();
    let program = load(files, dir, root.child_text("modelName").unwrap_or_default());
    for case in root.all("testCase") {
        let id = case.attribute("id").unwrap_or_default().to_string();
        let (verdict, note) = match &program {
            Ok(program) => run_case(program, case, now),
            Err(message) => (Verdict::Error, message.clone()),
        };
        results.push(CaseResult {
            folder: folder.clone(),
            file: file.clone(),
            id,
            verdict,
            note,
        });
    }
}

/// The model of a folder with all others beside it, which it may import.
fn load(files: &[File], dir: &str, name: &str) -> Result<Program, String> {
    let mut beside: Vec<&File> = files
        .iter()
        .filter(|f| f.path.ends_with(".dmn") && split(&f.path).0 == dir)
        .collect();
    // The model itself first; sorting is stable.
    beside.sort_by(|a, b| a.path.cmp(&b.path));
    beside.sort_by_key(|f| split(&f.path).1 != name);
    if beside.first().is_none_or(|f| split(&f.path).1 != name) {
        return Err(format!("{dir}: no model `{name}`"));
    }
    let models: Result<Vec<Model>, String> = beside
        .iter()
        .map(|f| model::read(&f.text).map_err(|e| format!("{}: {e}", f.path)))
        .collect();
    Ok(Program::load(&models?))
}

fn run_case(program: &Program, case: &Element, now: Option<DateTime>) -> (Verdict, String) {
    let inputs: Inputs = case
        .all("inputNode")
        .map(|node| {
            (
                node.attribute("name").unwrap_or_default().to_string(),
                value(node),
            )
        })
        .collect();
    let mut notes = Vec::new();
    let mut ignored = false;
    for node in case.all("resultNode") {
        let name = node.attribute("name").unwrap_or_default();
        let expected = node.child("expected").map(value).unwrap_or_default();
        let (actual, refused) = match case.attribute("type") {
            Some("decisionService") => {
                let service = case.attribute("invocableName").unwrap_or_default();
                program.call_service_noting(service, &inputs, now)
            }
            _ => program.evaluate_noting(name, &inputs, now),
        };
        let actual = match actual {
            Ok(Value::Context(context)) if case.attribute("type") == Some("decisionService") => {
                // One of several outputs, or a single output that is a context itself.
                context
                    .get(name)
                    .cloned()
                    .unwrap_or(Value::Context(context))
            }
            Ok(actual) => actual,
            Err(_) if node.attribute("errorResult") == Some("true") => Value::Null,
            Err(error) => {
                notes.push(format!("{name}: {error}"));
                continue;
            }
        };
        if !same(&actual, &expected) {
            ignored |= refused;
            let about: Vec<&str> = program
                .problems
                .iter()
                .filter(|p| p.element == name)
                .map(|p| p.message.as_str())
                .collect();
            notes.push(format!(
                "{name}: expected {expected}, got {actual} {}",
                about.join("; ")
            ));
        }
    }
    match (notes.is_empty(), ignored) {
        (true, _) => (Verdict::Success, String::new()),
        (false, true) => (Verdict::Ignored, "calls an external function".into()),
        (false, false) => (Verdict::Error, notes.join("; ")),
    }
}

/// Reads `value`, `component`s or a `list`.
fn value(element: &Element) -> Value {
    if element.attribute("nil") == Some("true") {
        return Value::Null;
    }
    if let Some(list) = element.child("list") {
        if list.attribute("nil") == Some("true") {
            return Value::Null;
        }
        return Value::list(list.all("item").map(value).collect());
    }
    let components: Context = element
        .all("component")
        .map(|c| (Arc::from(c.attribute("name").unwrap_or_default()), value(c)))
        .collect();
    if !components.is_empty() {
        return Value::Context(Arc::new(components));
    }
    let Some(leaf) = element.child("value") else {
        return Value::Null;
    };
    if leaf.attribute("nil") == Some("true") {
        return Value::Null;
    }
    let text = leaf.text.trim();
    let kind = leaf.attribute("type").unwrap_or_default();
    match kind.rsplit(':').next().unwrap_or_default() {
        "decimal" | "double" | "integer" | "float" | "int" | "long" => {
            text.parse().map(Value::Number).unwrap_or_default()
        }
        "boolean" => Value::Boolean(text == "true"),
        "date" => parse_at_literal(text).unwrap_or_default(),
        "time" => Time::parse(text).map(Value::Time).unwrap_or_default(),
        "dateTime" => DateTime::parse(text)
            .map(Value::DateTime)
            .unwrap_or_default(),
        "duration" => match Duration::parse(text) {
            Some(Duration::Months(m)) => Value::YearsMonths(m),
            Some(Duration::Days(d)) => Value::DaysTime(d),
            None => Value::Null,
        },
        "" => untyped(text),
        _ => Value::text(&leaf.text),
    }
}

fn untyped(text: &str) -> Value {
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => text
            .parse()
            .map(Value::Number)
            .unwrap_or_else(|_| Value::text(text)),
    }
}

/// Equal, numbers to eight decimals as the reference runner compares.
fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Null, Value::Null) => true,
        (Value::Number(a), Value::Number(b)) => {
            let bound = Number::new(1, -8).unwrap_or(Number::ZERO);
            a == b || a.sub(*b).is_some_and(|d| d.abs() <= bound)
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Context(a), Value::Context(b)) => {
            a.len() == b.len() && b.iter().all(|(n, v)| a.get(n).is_some_and(|a| same(a, v)))
        }
        (Value::YearsMonths(0), Value::DaysTime(d)) => d.nanos() == 0,
        _ => actual.equals(expected) == Some(true) || actual.to_string() == expected.to_string(),
    }
}
