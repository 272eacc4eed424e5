//! `minsheng law diff`: what differs between two days of one law, or between two folders.

use super::{Failure, Outcome};
use crate::lawbook;
use crate::service::load_law;
use base::Day;
use clap::Args;
use policy::law::examples::{self, ExampleResult};
use policy::law::{Law, RuleText, SourceFile};
use policy::programme::Subject;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// `law diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A day, such as 2026-06-30, or a folder of law files.
    #[arg(value_name = "A")]
    pub before: String,
    /// Another day, or another folder.
    #[arg(value_name = "B")]
    pub after: String,
    /// Place code, for two days.
    #[arg(long)]
    pub place: Option<String>,
    /// Law files in place of the ones that the program carries, for two days.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    pub law: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// One thing that differs.
struct Change {
    /// `parameter`, `rule` or `example`.
    what: &'static str,
    name: String,
    before: Json,
    after: Json,
}

/// What a law says of each name, in a form that can be compared.
type Said = BTreeMap<(&'static str, String), Json>;

/// Runs it.
pub fn run(args: &DiffArgs) -> Outcome {
    let folders = [&args.before, &args.after].map(|text| Path::new(text).is_dir());
    let changes = match folders {
        [true, true] => folders_differ(Path::new(&args.before), Path::new(&args.after))?,
        [false, false] => {
            let days = (
                base::parse_day(&args.before)?,
                base::parse_day(&args.after)?,
            );
            let place = args.place.as_deref().ok_or_else(|| {
                Failure::Input("two days are compared at a place: add --place CODE".into())
            })?;
            days_differ(args.law.as_deref(), place, days)?
        }
        _ => {
            return Err(Failure::Input(
                "give two days (and --place CODE), or two folders of law files".into(),
            ));
        }
    };
    if args.json {
        let list: Vec<Json> = changes
            .iter()
            .map(|c| json!({"what": c.what, "name": c.name, "before": c.before, "after": c.after}))
            .collect();
        println!("{:#}", Json::Array(list));
    } else {
        for change in &changes {
            println!("{} {}", change.what, change.name);
            println!("  - {}", show(&change.before));
            println!("  + {}", show(&change.after));
        }
        let count = |what: &str| changes.iter().filter(|c| c.what == what).count();
        println!(
            "{} parameters, {} rules, {} examples differ",
            count("parameter"),
            count("rule"),
            count("example")
        );
    }
    match changes.is_empty() {
        true => Ok(()),
        false => Err(Failure::Found(String::new())),
    }
}

fn show(value: &Json) -> String {
    match value {
        Json::Null => "(nothing)".into(),
        Json::String(text) => text.trim().replace('\n', "\n    "),
        other => other.to_string(),
    }
}

fn compare(before: Said, after: Said) -> Vec<Change> {
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    let get =
        |said: &Said, key: &(&'static str, String)| said.get(key).cloned().unwrap_or_default();
    keys.into_iter()
        .map(|key| Change {
            before: get(&before, &key),
            after: get(&after, &key),
            what: key.0,
            name: key.1,
        })
        .filter(|c| c.before != c.after)
        .collect()
}

fn folders_differ(before: &Path, after: &Path) -> Result<Vec<Change>, Failure> {
    let (a, b) = (load_law(Some(before))?, load_law(Some(after))?);
    let mut changes = compare(whole(&a)?, whole(&b)?);
    for file in example_files(lawbook::read(Some(before))?) {
        let run = |law: &Law| examples::run(law, &file.text, &file.path);
        changes.extend(outcomes(run(&a), run(&b)));
    }
    Ok(changes)
}

/// Every rule by instrument and every figure by place and day.
fn whole(law: &Law) -> Result<Said, Failure> {
    let mut said = Said::new();
    for rule in law.rules() {
        let name = format!(
            "{} ({} {})",
            rule_name(rule),
            rule.citation.instrument,
            rule.citation.article
        );
        said.insert(("rule", name), rule_text(rule)?);
    }
    for parameter in law.parameters() {
        for row in &parameter.rows {
            let day = |d: Option<Day>| d.map(|d| d.to_string()).unwrap_or_default();
            let name = format!(
                "{} at {} {}..{} {}",
                parameter.name,
                row.place,
                day(row.from),
                day(row.to),
                day(row.known_from)
            );
            said.insert(("parameter", name.trim_end().to_string()), json!(row.value));
        }
    }
    Ok(said)
}

fn days_differ(
    folder: Option<&Path>,
    place: &str,
    (before, after): (Day, Day),
) -> Result<Vec<Change>, Failure> {
    let law = load_law(folder)?;
    let mut changes = compare(holding(&law, place, before)?, holding(&law, place, after)?);
    for file in example_files(lawbook::read(folder)?) {
        let run = |day| examples::run(&law, &on_day(&file.text, day), &file.path);
        changes.extend(outcomes(run(before), run(after)));
    }
    Ok(changes)
}

/// The rules and the figures that hold at a place on a day.
fn holding(law: &Law, place: &str, day: Day) -> Result<Said, Failure> {
    let edition = law.edition(place, day, None)?;
    let mut said = Said::new();
    for parameter in law.parameters() {
        if let Some((value, row)) = edition.parameter(&parameter.name) {
            let text = format!("{value} ({} {})", row.citation.instrument, row.place);
            said.insert(("parameter", parameter.name.to_string()), json!(text));
        }
    }
    // The most specific place and the latest text come first, and the first that defines a name holds.
    for instrument in law.in_force(place, day) {
        let own = law
            .rules()
            .iter()
            .filter(|r| r.citation.instrument == instrument.number);
        for rule in own {
            let key = ("rule", rule_name(rule));
            if !said.contains_key(&key) {
                let text = rule_text(rule)?;
                let cited = format!("{} {}", rule.citation.instrument, rule.citation.article);
                said.insert(key, json!(format!("{cited}: {}", show(&text))));
            }
        }
    }
    Ok(said)
}

fn rule_name(rule: &RuleText) -> String {
    match rule.subject {
        Subject::Household => rule.name.clone(),
        Subject::Person => format!("成员.{}", rule.name),
    }
}

fn rule_text(rule: &RuleText) -> Result<Json, Failure> {
    use policy::law::RuleBody;
    Ok(match &rule.body {
        RuleBody::Expression(text) => json!(format!("{} : {text}", rule.unit)),
        RuleBody::Function(params, text) => json!(format!("({params}) : {} : {text}", rule.unit)),
        table => json!({"unit": rule.unit, "table": serde_json::to_value(table)?}),
    })
}

fn example_files(files: Vec<SourceFile>) -> impl Iterator<Item = SourceFile> {
    files
        .into_iter()
        .filter(|f| f.path.ends_with(".examples.yaml"))
}

/// The examples with another day in each.
fn on_day(text: &str, day: Day) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let bare = line.trim_start_matches([' ', '-']);
        if bare.starts_with("day:") {
            out.push_str(&line[..line.len() - bare.len()]);
            out.push_str(&format!("day: {day}"));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// Examples that come out otherwise.
fn outcomes(before: Vec<ExampleResult>, after: Vec<ExampleResult>) -> Vec<Change> {
    let found = |r: &ExampleResult| match &r.error {
        Some(error) => json!(error),
        None => r
            .differences
            .iter()
            .map(|d| (d.what.clone(), d.found.clone()))
            .collect(),
    };
    let expected = |r: &ExampleResult, other: &ExampleResult| match &r.error {
        Some(error) => json!(error),
        // What is not in the list came out as the example expects.
        None => other
            .differences
            .iter()
            .filter(|d| !r.differences.iter().any(|o| o.what == d.what))
            .map(|d| (d.what.clone(), d.expected.clone()))
            .chain(
                r.differences
                    .iter()
                    .map(|d| (d.what.clone(), d.found.clone())),
            )
            .collect::<serde_json::Map<String, Json>>()
            .into(),
    };
    before
        .iter()
        .zip(&after)
        .filter(|(a, b)| {
            let pair: (Json, Json) = (found(a), found(b));
            pair.0 != pair.1
        })
        .map(|(a, b)| Change {
            what: "example",
            name: format!("{}:{} {}", a.file, a.line, a.name),
            before: expected(a, b),
            after: expected(b, a),
        })
        .collect()
}
