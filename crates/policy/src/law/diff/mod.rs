//! What changed between two laws, or between two days of one, in words: figures, rules, rows of tables,
//! articles, programmes; and for which worked examples the outcome changes.

mod days;
mod laws;
mod words;

pub use words::text;

use super::corpus::Law;
use super::edition::LawError;
use super::model::{RuleBody, RuleText};
use super::outcomes::{self, OutcomeChange, Side};
use super::source::say;
use crate::programme::{Bilingual, Programme, Subject};
use base::Day;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use words::sentence;

/// Everything that differs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Diff {
    /// What the texts say otherwise.
    pub changes: Vec<Change>,
    /// What comes out otherwise.
    pub outcomes: Vec<OutcomeChange>,
}

impl Diff {
    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.outcomes.is_empty()
    }
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it is.
    pub what: What,
    /// Its name: a rule's, a parameter's, an instrument's number, an article's citation.
    pub name: String,
    /// Where and since when, as far as it is not in the name.
    pub at: String,
    /// As it was; null for what is new.
    pub before: Json,
    /// As it is; null for what is gone.
    pub after: Json,
    /// The change in words, one line or several.
    pub words: Bilingual,
}

/// What kind of thing differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A law file.
    Instrument,
    /// The restatement of an article.
    Article,
    /// A figure.
    Parameter,
    /// A rule, table or function.
    Rule,
    /// A programme.
    Programme,
    /// A kind of evidence.
    Evidence,
}

impl What {
    /// Chinese and English.
    pub fn words(self) -> Bilingual {
        match self {
            What::Instrument => say("文件", "instrument"),
            What::Article => say("条文", "article"),
            What::Parameter => say("参数", "parameter"),
            What::Rule => say("规则", "rule"),
            What::Programme => say("制度", "programme"),
            What::Evidence => say("证据", "evidence"),
        }
    }
}

/// What differs between two laws: two folders, or a law and the same with reforms.
pub fn laws(before: &Law, after: &Law) -> Diff {
    let side = |law: &Law| Side {
        law: law.clone(),
        at: None,
    };
    Diff {
        changes: laws::changes(before, after),
        outcomes: outcomes::changes(&side(before), &side(after)),
    }
}

/// What differs at a place between two days of one law.
///
/// # Errors
/// When there is no such place.
pub fn days(law: &Law, place: &str, before: Day, after: Day) -> Result<Diff, LawError> {
    let side = |day: Day| Side {
        law: law.clone(),
        at: Some((place.to_string(), day)),
    };
    Ok(Diff {
        changes: days::changes(law, place, before, after)?,
        outcomes: outcomes::changes(&side(before), &side(after)),
    })
}

/// What holds under each name: the thing itself and where it stands.
type Held = BTreeMap<String, (Json, String)>;

fn change(what: What, name: String, at: String, before: Json, after: Json) -> Option<Change> {
    let words = sentence(what, &name, &at, &before, &after)?;
    Some(Change {
        what,
        name,
        at,
        before,
        after,
        words,
    })
}

fn held(what: What, before: Held, after: Held) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let nothing = (Json::Null, String::new());
    names
        .into_iter()
        .filter_map(|name| {
            let (was, from) = before.get(name).unwrap_or(&nothing);
            let (is, to) = after.get(name).unwrap_or(&nothing);
            let at = match from == to || from.is_empty() || to.is_empty() {
                true => if to.is_empty() { from } else { to }.clone(),
                false => format!("{from} → {to}"),
            };
            change(what, name.clone(), at, was.clone(), is.clone())
        })
        .collect()
}

fn rule_name(rule: &RuleText) -> String {
    match rule.subject {
        Subject::Household => rule.name.clone(),
        Subject::Person => format!("成员.{}", rule.name),
    }
}

/// A rule as JSON: the text of an expression, or a table with its head and rows.
fn rule_json(rule: &RuleText) -> Json {
    match &rule.body {
        RuleBody::Expression(text) => json!(format!("{} : {text}", rule.unit)),
        RuleBody::Function(params, text) => json!(format!("({params}) : {} : {text}", rule.unit)),
        RuleBody::Table {
            hit,
            header,
            rows,
            scaled,
        } => {
            let mut table = json!({"type": rule.unit, "hit": hit, "header": header, "rows": rows});
            if !scaled.is_empty() {
                table["scaled"] = json!(scaled);
            }
            table
        }
    }
}

fn dates(from: Option<Day>, to: Option<Day>) -> String {
    let day = |d: Option<Day>| d.map_or_else(String::new, |d| d.to_string());
    format!("{}..{}", day(from), day(to))
}

fn programme_json(programme: &Programme) -> Json {
    serde_json::to_value(programme).unwrap_or_default()
}
