//! The short form: three or four sentences with the figures and the articles that decide.

use super::document::{Asked, AskedKind};
use crate::outcome::{Evaluation, Missing, Outcome, Reason};
use crate::programme::{Bilingual, Programme};
use serde_json::Value as Json;

/// Conditions of an entitlement and grounds of a refusal that are told, at most.
const GROUNDS: usize = 2;

/// Sentences of a short form.
const MOST: usize = 4;

/// The short form of an evaluation.
pub fn brief(asked: &Asked, found: &Evaluation) -> Bilingual {
    if asked.kind == AskedKind::Rule {
        let mut sentences = grounds(&found.reasons, &[], None);
        if let Outcome::Undetermined { missing } = &found.outcome {
            sentences.push(lacking(missing));
        }
        return join(&sentences);
    }
    let facts = Facts {
        name: &asked.name,
        en: &asked.en,
        conditions: &asked.conditions,
        amount: &asked.amount,
    };
    facts.tell(&found.outcome, &found.result, &found.reasons, &found.lines)
}

/// The short form of a determination that is recorded: its outcome, grounds and lines, under
/// the programme as declared then. Letters whose template asks for it carry it.
pub fn told(
    programme: &Programme,
    outcome: &Outcome,
    reasons: &[Reason],
    lines: &[(String, Json)],
) -> Bilingual {
    let facts = Facts {
        name: &programme.name,
        en: &programme.en,
        conditions: &programme.conditions,
        amount: &programme.amount,
    };
    facts.tell(outcome, &Json::Null, reasons, lines)
}

struct Facts<'a> {
    name: &'a str,
    en: &'a str,
    conditions: &'a [String],
    amount: &'a str,
}

impl Facts<'_> {
    fn tell(
        &self,
        outcome: &Outcome,
        result: &Json,
        reasons: &[Reason],
        lines: &[(String, Json)],
    ) -> Bilingual {
        let (name, en) = (self.name, self.en);
        let mut sentences = Vec::new();
        match outcome {
            Outcome::NotApplicable => sentences.push(say(
                format!("{name}：不涉及。"),
                format!("{en}: not in question."),
            )),
            Outcome::Refused { condition } => {
                sentences.push(say(
                    format!("{name}：不符合“{condition}”。"),
                    format!("{en}: refused, “{condition}” is not met."),
                ));
                sentences.extend(grounds(reasons, &[], None));
            }
            Outcome::Undetermined { missing } => {
                sentences.push(say(
                    format!("{name}：资料不足，不能认定。"),
                    format!("{en}: undetermined, something is not known."),
                ));
                sentences.push(lacking(missing));
            }
            Outcome::Entitled { amount } => {
                let (zh, en_value) = match (amount, result) {
                    (Some(fen), _) => (format!("，金额 {fen} 元"), format!(", {fen} yuan")),
                    (None, Json::Null | Json::Bool(true)) => (String::new(), String::new()),
                    (None, value) => (format!("，{}", plain(value)), format!(", {}", plain(value))),
                };
                sentences.push(say(
                    format!("{name}：符合条件{zh}。"),
                    format!("{en}: entitled{en_value}."),
                ));
                sentences.extend(grounds(reasons, self.conditions, Some(self.amount)));
                if sentences.len() < MOST {
                    sentences.extend(parts(lines));
                }
            }
        }
        join(&sentences)
    }
}

/// Sentences of the grounds that decide, each with its article. Of an entitlement: the last conditions
/// that weigh figures against each other (the earlier ones lead up to them), and what gives the amount.
fn grounds(reasons: &[Reason], conditions: &[String], amount: Option<&str>) -> Vec<Bilingual> {
    let of_condition = |r: &&Reason| conditions.contains(&r.rule);
    let mut chosen: Vec<&Reason> = Vec::new();
    if let Some(amount) = amount {
        let met: Vec<&Reason> = reasons.iter().filter(of_condition).collect();
        let weighed = met.iter().rev().filter(|r| figures(&r.text.zh) > 1);
        chosen.extend(weighed.take(GROUNDS));
        chosen.reverse();
        if chosen.is_empty() {
            chosen.extend(met.first());
        }
        let gives = reasons.iter().find(|r| r.rule == amount);
        let mut rest = reasons.iter().filter(|r| !of_condition(r));
        chosen.extend(gives.or_else(|| rest.find(|r| figures(&r.text.zh) > 0)));
    } else {
        chosen.extend(reasons.iter().take(GROUNDS));
    }
    chosen
        .into_iter()
        .map(|r| {
            let cite = format!("{} {}", r.instrument, r.article);
            let zh = r.text.zh.trim().trim_end_matches('。');
            let en = r.text.en.trim().trim_end_matches('.');
            say(format!("{zh}（{cite}）。"), format!("{en} ({cite})."))
        })
        .collect()
}

/// How many numbers a sentence has.
fn figures(text: &str) -> usize {
    let other = |c: char| !(c.is_ascii_digit() || c == '.');
    let words = text
        .split(other)
        .filter(|w| w.contains(|c: char| c.is_ascii_digit()));
    words.count()
}

/// The parts of an amount, when there is more than one.
fn parts(lines: &[(String, Json)]) -> Option<Bilingual> {
    let present: Vec<&(String, Json)> = lines
        .iter()
        .filter(|(_, value)| !value.is_null() && value.as_f64() != Some(0.0))
        .collect();
    if present.len() < 2 {
        return None;
    }
    let list = |mark: &str| {
        let texts: Vec<String> = present
            .iter()
            .map(|(name, value)| format!("{name} {}", plain(value)))
            .collect();
        texts.join(mark)
    };
    Some(say(
        format!("其中：{}。", list("，")),
        format!("Of this: {}.", list(", ")),
    ))
}

fn lacking(missing: &[Missing]) -> Bilingual {
    let list = |zh: bool| {
        let texts: Vec<String> = missing
            .iter()
            .map(|m| match (m.member, zh) {
                (None, _) => m.name.clone(),
                (Some(n), true) => format!("第 {} 位成员的{}", n + 1, m.name),
                (Some(n), false) => format!("{} of member {}", m.name, n + 1),
            })
            .collect();
        texts.join(if zh { "、" } else { ", " })
    };
    say(
        format!("缺少：{}。", list(true)),
        format!("Missing: {}.", list(false)),
    )
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn say(zh: String, en: String) -> Bilingual {
    Bilingual { zh, en }
}

fn join(sentences: &[Bilingual]) -> Bilingual {
    let zh: Vec<&str> = sentences.iter().map(|s| s.zh.as_str()).collect();
    let en: Vec<&str> = sentences.iter().map(|s| s.en.as_str()).collect();
    Bilingual {
        zh: zh.concat(),
        en: en.join(" "),
    }
}
