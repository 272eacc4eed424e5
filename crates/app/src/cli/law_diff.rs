//! `minsheng law diff`: what differs between two days of a law, two folders, or a law and its reforms.

use super::law::Lang;
use super::{Failure, Outcome};
use crate::service::{load_law, load_law_with};
use clap::Args;
use policy::law::Language;
use policy::law::diff::{self, Diff};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// `law diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A day, such as 2026-06-30, or a folder of law files. With --reform alone: the law as it stands.
    #[arg(
        value_name = "A",
        required_unless_present = "reforms",
        requires = "after"
    )]
    pub before: Option<String>,
    /// Another day, or another folder.
    #[arg(value_name = "B")]
    pub after: Option<String>,
    /// Place code, for two days.
    #[arg(long)]
    pub place: Option<String>,
    /// A reform laid over the law: over folder B, over the law of two days, or against the law alone.
    #[arg(long = "reform", value_name = "FILE")]
    pub reforms: Vec<PathBuf>,
    /// Law files in place of the ones that the program carries, for two days or a reform alone.
    #[arg(long, value_name = "DIR", env = "MINSHENG_LAW")]
    pub law: Option<PathBuf>,
    /// Language of the words: zh, en, or both.
    #[arg(long, value_enum, default_value = "both")]
    pub lang: Lang,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs it.
pub fn run(args: &DiffArgs) -> Outcome {
    let language = args.lang.into();
    let diff = compare(args)?;
    if args.json {
        println!("{:#}", Json::Array(list(&diff)?));
    } else {
        print(&diff, language);
    }
    match diff.is_empty() {
        true => Ok(()),
        false => Err(Failure::Found(String::new())),
    }
}

fn compare(args: &DiffArgs) -> Result<Diff, Failure> {
    let law = args.law.as_deref();
    let (Some(before), Some(after)) = (&args.before, &args.after) else {
        return Ok(diff::laws(
            &load_law(law)?,
            &load_law_with(law, &args.reforms)?,
        ));
    };
    let paths = [before, after].map(|text| Path::new(text).exists());
    match paths {
        [true, true] => Ok(diff::laws(
            &load_law(Some(Path::new(before)))?,
            &load_law_with(Some(Path::new(after)), &args.reforms)?,
        )),
        [false, false] => {
            let days = (base::parse_day(before)?, base::parse_day(after)?);
            let place = args.place.as_deref().ok_or_else(|| {
                Failure::Input("two days are compared at a place: add --place CODE".into())
            })?;
            let law = load_law_with(law, &args.reforms)?;
            Ok(diff::days(&law, place, days.0, days.1)?)
        }
        _ => Err(Failure::Input(
            "give two days (and --place CODE), two folders of law files, or --reform FILE alone"
                .into(),
        )),
    }
}

/// Changes and outcomes as one list: `what` is `example` for the latter.
fn list(diff: &Diff) -> Result<Vec<Json>, Failure> {
    let mut list = Vec::new();
    for change in &diff.changes {
        list.push(serde_json::to_value(change)?);
    }
    for change in &diff.outcomes {
        let mut one = serde_json::to_value(change)?;
        one["what"] = json!("example");
        list.push(one);
    }
    Ok(list)
}

fn print(diff: &Diff, language: Language) {
    for change in &diff.changes {
        println!("{}", language.of(&change.words));
        // What one line of words cannot show is shown as it stands.
        let long = [&change.before, &change.after].map(diff::text);
        let told = |text: &String| language.of(&change.words).contains(text.as_str());
        let prose = change.before.is_string() || change.after.is_string();
        if prose && !long.iter().all(told) {
            for (mark, text) in ["-", "+"].iter().zip(&long).filter(|(_, t)| !t.is_empty()) {
                for line in text.lines() {
                    println!("  {mark} {line}");
                }
            }
        }
    }
    for change in &diff.outcomes {
        println!("{}:{} {}", change.file, change.line, change.name);
        println!("  {}: {}", change.decision, language.of(&change.words));
        for cause in &change.because {
            if let Some(citation) = &cause.citation {
                println!("    {} — {citation}", cause.name);
            }
        }
    }
    let count = |what: diff::What| diff.changes.iter().filter(|c| c.what == what).count();
    println!(
        "{} parameters, {} rules, {} articles, {} programmes, {} examples differ",
        count(diff::What::Parameter),
        count(diff::What::Rule),
        count(diff::What::Article),
        count(diff::What::Programme),
        diff.outcomes.len(),
    );
}
