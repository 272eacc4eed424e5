//! For which worked examples a law comes out otherwise than another: before, after, and why.

use super::corpus::Law;
use super::edition::LawError;
use super::eval::eval_json_known;
use super::examples::{self, Example};
use super::source::say;
use crate::outcome::{Evaluation, NodeKind, Outcome, TraceNode};
use crate::programme::Bilingual;
use base::{Citation, Day};
use serde::Serialize;
use serde_json::Value as Json;

/// A law, and perhaps the day on which it is looked at in place of each example's own.
#[derive(Clone, Debug)]
pub struct Side {
    /// The law, reforms included.
    pub law: Law,
    /// Place code and day.
    pub at: Option<(String, Day)>,
}

/// A worked example that comes out otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeChange {
    /// Name of the example.
    pub name: String,
    /// Its file.
    pub file: String,
    /// Its line there.
    pub line: usize,
    /// The programme or rule it asks for.
    pub decision: String,
    /// What came out.
    pub before: Found,
    /// What comes out now.
    pub after: Found,
    /// Where the two first part.
    pub because: Vec<Cause>,
    /// The change in one sentence.
    pub words: Bilingual,
}

/// What an example gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// Outcome with amount, condition or what is missing; absent when it cannot be computed.
    #[serde(flatten)]
    pub outcome: Option<Outcome>,
    /// The amount or the rule's value.
    pub result: Json,
    /// Why it cannot be computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A figure or rule whose value differs although nothing that it was made from does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Its name.
    pub name: String,
    /// Rule, parameter or evidence.
    pub kind: NodeKind,
    /// Index of the member it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// Its value before.
    pub before: Json,
    /// Its value now.
    pub after: Json,
    /// Where the value now comes from.
    pub citation: Option<Citation>,
}

/// The examples of `before`'s files that come out otherwise under `after`, in the files' order. With a
/// day on either side, the examples of the place, of those around it and within it, each asked on that
/// day. Examples that a reform takes away, and those that fail on both sides, are left out.
pub fn changes(before: &Side, after: &Side) -> Vec<OutcomeChange> {
    examples::of_law(&before.law)
        .iter()
        .filter(|e| !examples::is_removed(&after.law, &e.name))
        .filter(|e| [before, after].iter().all(|side| side.concerns(e)))
        .filter_map(|e| change(e, before, after))
        .collect()
}

impl Side {
    fn concerns(&self, example: &Example) -> bool {
        let Some((place, _)) = &self.at else {
            return true;
        };
        let places = self.law.places();
        let within = |a: &str, b: &str| {
            let inner = places.find(b).map(|p| p.code.clone());
            inner.is_some_and(|code| places.chain(a).contains(&code))
        };
        within(place, &example.place) || within(&example.place, place)
    }

    fn ask(&self, example: &Example) -> Result<Evaluation, LawError> {
        let day = self.at.as_ref().map_or(example.day, |(_, day)| *day);
        eval_json_known(
            &self.law,
            &example.place,
            day,
            example.known,
            &example.decision,
            &example.given,
            &[],
        )
        .map(|(evaluation, _)| evaluation)
    }
}

impl Found {
    fn of(result: &Result<Evaluation, LawError>) -> Found {
        match result {
            Ok(evaluation) => Found {
                outcome: Some(evaluation.outcome.clone()),
                result: evaluation.result.clone(),
                error: None,
            },
            Err(error) => Found {
                outcome: None,
                result: Json::Null,
                error: Some(error.to_string()),
            },
        }
    }

    /// `应得 83 元`, `不予（收入条件）`, `待定（工资）`, or the value of a rule.
    pub fn words(&self) -> Bilingual {
        match (&self.outcome, &self.error) {
            (_, Some(error)) => say(error.clone(), error.clone()),
            (Some(Outcome::Entitled { amount: Some(fen) }), _) => {
                say(format!("应得 {fen} 元"), format!("entitled to {fen} yuan"))
            }
            (Some(Outcome::Entitled { amount: None }), _) | (None, None) => {
                let text = plain(&self.result);
                say(text.clone(), text)
            }
            (Some(Outcome::Refused { condition }), _) => say(
                format!("不予（{condition}）"),
                format!("refused ({condition})"),
            ),
            (Some(Outcome::NotApplicable), _) => say("不适用", "not applicable"),
            (Some(Outcome::Undetermined { missing }), _) => {
                let names: Vec<&str> = missing.iter().map(|m| m.name.as_str()).collect();
                say(
                    format!("待定（缺 {}）", names.join("、")),
                    format!("undetermined (missing {})", names.join(", ")),
                )
            }
        }
    }
}

fn change(example: &Example, before: &Side, after: &Side) -> Option<OutcomeChange> {
    let (a, b) = (before.ask(example), after.ask(example));
    let (was, is) = (Found::of(&a), Found::of(&b));
    if was == is || (was.error.is_some() && is.error.is_some()) {
        return None;
    }
    let because = match (&a, &b) {
        (Ok(a), Ok(b)) => causes(a, b),
        _ => Vec::new(),
    };
    let sources = &before.law.corpus.sources;
    Some(OutcomeChange {
        name: example.name.clone(),
        file: sources.path(&example.span).to_string(),
        line: sources.position(&example.span).line,
        decision: example.decision.clone(),
        words: words(&was, &is, &because),
        before: was,
        after: is,
        because,
    })
}

/// How many causes a sentence names.
const NAMED: usize = 3;

fn words(was: &Found, is: &Found, because: &[Cause]) -> Bilingual {
    let (was, is) = (was.words(), is.words());
    let list = |zh: bool| -> String {
        let one = |c: &Cause| {
            let who = c.member.map_or_else(String::new, |m| match zh {
                true => format!("（成员 {}）", m + 1),
                false => format!(" (member {})", m + 1),
            });
            format!("{}{who} {} → {}", c.name, plain(&c.before), plain(&c.after))
        };
        let named: Vec<String> = because.iter().take(NAMED).map(one).collect();
        named.join(if zh { "，" } else { ", " })
    };
    match because.is_empty() {
        true => say(
            format!("{} → {}", was.zh, is.zh),
            format!("{} → {}", was.en, is.en),
        ),
        false => say(
            format!("{} → {}，因为 {}", was.zh, is.zh, list(true)),
            format!("{} → {}, because {}", was.en, is.en, list(false)),
        ),
    }
}

/// A value without quotes.
pub(crate) fn plain(value: &Json) -> String {
    match value {
        Json::Null => "—".into(),
        Json::String(text) => text.clone(),
        Json::Bool(true) => "是".into(),
        Json::Bool(false) => "否".into(),
        other => other.to_string(),
    }
}

/// The nodes of the second trace whose value differs from the first's while all that they were made
/// from, as far as both know it, is the same.
fn causes(before: &Evaluation, after: &Evaluation) -> Vec<Cause> {
    let was = |node: &TraceNode| {
        before
            .trace
            .iter()
            .find(|o| (o.kind, &o.name, o.member) == (node.kind, &node.name, node.member))
    };
    let differs: Vec<bool> = after
        .trace
        .iter()
        .map(|node| was(node).is_some_and(|o| o.value != node.value))
        .collect();
    let first = |node: &TraceNode| !node.from.iter().any(|f| differs.get(*f) == Some(&true));
    after
        .trace
        .iter()
        .zip(&differs)
        .filter(|(node, differs)| **differs && first(node))
        .filter_map(|(node, _)| {
            Some(Cause {
                name: node.name.clone(),
                kind: node.kind,
                member: node.member,
                before: was(node)?.value.clone(),
                after: node.value.clone(),
                citation: node.citation.clone(),
            })
        })
        .collect()
}
