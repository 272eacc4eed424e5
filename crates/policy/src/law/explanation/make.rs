//! From an evaluation with its trace to an explanation.

use super::super::corpus::Law;
use super::super::edition::{Edition, LawError, NONE};
use super::super::eval::eval_json;
use super::super::kinds::which;
use super::super::model::{Body, RuleBody, RuleText};
use super::super::prelude::Value;
use super::super::situation::Situation;
use super::super::symbols::Symbols;
use super::document::*;
use super::what_if::{Limits, what_if};
use crate::feel::print;
use crate::outcome::{Evaluation, NodeKind, Outcome, TraceNode};
use crate::programme::Subject;
use base::{Citation, Day};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What was asked, found in the law.
pub(super) enum Found {
    /// A programme's version.
    Programme(usize),
    /// Whose rule, and its number.
    Rule(Subject, usize),
}

impl Found {
    pub(super) fn find(edition: &Edition, decision: &str, day: Day) -> Result<Found, LawError> {
        if let Some(version) = edition.version(decision) {
            return Ok(Found::Programme(version));
        }
        let found = edition.corpus.symbols.find(decision);
        let found = found.filter(|(s, n)| edition.rules[which(*s)][*n] != NONE);
        found
            .map(|(subject, n)| Found::Rule(subject, n))
            .ok_or_else(|| edition.not_in_force(decision, day))
    }

    pub(super) fn subject(&self, edition: &Edition) -> Subject {
        match self {
            Found::Programme(n) => edition.corpus.programmes[*n].programme.subject,
            Found::Rule(subject, _) => *subject,
        }
    }

    fn asked(&self, edition: &Edition) -> Asked {
        match self {
            Found::Programme(n) => {
                let p = &edition.corpus.programmes[*n].programme;
                Asked {
                    kind: AskedKind::Programme,
                    id: p.id.clone(),
                    name: p.name.clone(),
                    en: p.en.clone(),
                    subject: p.subject,
                    applies: p.applies.clone(),
                    conditions: p.conditions.clone(),
                    amount: p.amount.clone(),
                }
            }
            Found::Rule(subject, n) => {
                let name = edition.corpus.symbols.rules[which(*subject)][*n]
                    .name
                    .to_string();
                Asked {
                    kind: AskedKind::Rule,
                    id: name.clone(),
                    name: name.clone(),
                    en: String::new(),
                    subject: *subject,
                    applies: None,
                    conditions: Vec::new(),
                    amount: name,
                }
            }
        }
    }
}

/// The explanation of an evaluation that was made with its trace: same law, place, day and situation.
///
/// # Errors
/// A place, programme or rule that there is not; see [`LawError`].
pub fn explain(
    law: &Law,
    place: &str,
    known: Option<Day>,
    decision: &str,
    situation: &Situation,
    evaluation: &Evaluation,
) -> Result<Explanation, LawError> {
    let edition = law.edition(place, situation.day, known)?;
    let found = Found::find(&edition, decision, situation.day)?;
    let asked = found.asked(&edition);
    let nodes: Vec<Node> = (evaluation.trace.iter().enumerate())
        .map(|(id, node)| make_node(&edition, id, node))
        .collect();
    let outcome = ending(&asked, evaluation, &nodes, situation.subject_member);
    let evidence = nodes.iter().filter_map(|n| evidence_use(&edition, n));
    Ok(Explanation {
        format: FORMAT.into(),
        place: place.into(),
        day: situation.day,
        known,
        members: situation.members.len(),
        subject_member: match asked.subject {
            Subject::Person => situation.subject_member,
            Subject::Household => None,
        },
        about: None,
        brief: super::brief(&asked, evaluation),
        reasons: evaluation.reasons.clone(),
        functions: functions(&edition, &nodes),
        evidence: evidence.collect(),
        law: law_version(&edition, &nodes),
        what_if: None,
        outcome,
        decision: asked,
        nodes,
    })
}

/// Evaluates a situation given as JSON, as `law eval` does, and explains the result; with `limits` also
/// what would have to change.
///
/// # Errors
/// As [`eval_json`].
pub fn explain_json(
    law: &Law,
    place: &str,
    day: Day,
    decision: &str,
    json: &Json,
    limits: Option<&Limits>,
) -> Result<(Evaluation, Explanation), LawError> {
    let evaluation = eval_json(law, place, day, decision, json)?;
    let edition = law.edition(place, day, None)?;
    let subject = Found::find(&edition, decision, day)?.subject(&edition);
    let situation = Situation::from_json(law, json, subject, day)?;
    let mut explanation = explain(law, place, None, decision, &situation, &evaluation)?;
    if let Some(limits) = limits {
        let found = what_if(law, place, None, decision, &situation, limits)?;
        explanation.what_if = Some(found);
    }
    Ok((evaluation, explanation))
}

fn subject_of(node: &TraceNode) -> Subject {
    match node.member {
        Some(_) => Subject::Person,
        None => Subject::Household,
    }
}

fn make_node(edition: &Edition, id: usize, node: &TraceNode) -> Node {
    let corpus = &edition.corpus;
    let mut out = Node {
        id,
        kind: node.kind,
        name: node.name.clone(),
        en: String::new(),
        member: node.member,
        ty: String::new(),
        value: node.value.clone(),
        literal: literal(&node.exact),
        text: node.text.clone(),
        article: node.citation.clone(),
        formula: None,
        table: None,
        parameter: None,
        note: node.note.clone(),
        inputs: node.from.clone(),
    };
    let subject = subject_of(node);
    match node.kind {
        NodeKind::Rule => {
            let Some(rule) = corpus.symbols.rule(subject, &node.name) else {
                return out;
            };
            out.ty = corpus.symbols.rules[which(subject)][rule].ty.to_string();
            if let Some((_, definition)) = edition.definition(which(subject), rule) {
                match &definition.body {
                    Body::Table(body) => {
                        let texts = |cells: &[super::super::markdown::Cell]| -> Vec<String> {
                            cells.iter().map(|c| c.text.clone()).collect()
                        };
                        out.note = None;
                        out.table = Some(TableText {
                            hit: body.hit.clone(),
                            inputs: texts(&body.inputs),
                            outputs: match body.outputs.len() {
                                1 => vec![String::new()],
                                _ => texts(&body.outputs),
                            },
                            tests: body.rows.iter().map(|r| texts(&r.inputs)).collect(),
                            results: body.rows.iter().map(|r| texts(&r.outputs)).collect(),
                            fired: node.fired.clone(),
                        });
                    }
                    _ => out.formula = rule_text(edition, subject, &node.name).map(formula),
                }
            }
        }
        NodeKind::Parameter => {
            out.note = None;
            if let Some(parameter) = corpus.parameters.get(&node.name) {
                out.en.clone_from(&parameter.en);
                out.ty.clone_from(&parameter.unit);
            }
            if let Some((_, row)) = edition.parameter(&node.name) {
                out.parameter = Some(parameter_use(&node.name, row));
            }
        }
        NodeKind::Evidence => match corpus.kinds[which(subject)].get(&node.name) {
            Some(kind) => {
                out.en.clone_from(&kind.en);
                out.ty = kind.rule_type().to_string();
                out.article = Some(kind.citation.clone());
            }
            None => out.ty = type_of_event(&corpus.symbols),
        },
        NodeKind::Previous => {}
    }
    out
}

/// The event's type, whichever subject's programmes go by events.
fn type_of_event(symbols: &Symbols) -> String {
    let known = symbols.event.iter().flatten().next();
    known.map(ToString::to_string).unwrap_or_default()
}

/// The text of the rule in force.
fn rule_text<'e>(edition: &'e Edition, subject: Subject, name: &str) -> Option<&'e RuleText> {
    let rule = edition.corpus.symbols.rule(subject, name)?;
    let (_, definition) = edition.definition(which(subject), rule)?;
    let texts = edition.corpus.rules.iter();
    let same =
        |r: &&RuleText| r.subject == subject && r.name == name && r.citation == definition.citation;
    texts.into_iter().find(same)
}

fn formula(text: &RuleText) -> String {
    match &text.body {
        RuleBody::Expression(text) | RuleBody::Function(_, text) => text.trim().to_string(),
        RuleBody::Table { .. } => String::new(),
    }
}

fn parameter_use(name: &str, row: &super::super::ParameterRow) -> ParameterUse {
    let day = |day: Option<Day>| day.map_or_else(String::new, |d| d.to_string());
    let mut hash = Sha256::new();
    for part in [
        name,
        &row.value,
        &row.place,
        &day(row.from),
        &day(row.to),
        &day(row.known_from),
        &row.source,
        row.status.name(),
    ] {
        hash.update(part);
        hash.update("\n");
    }
    ParameterUse {
        written: row.value.clone(),
        place: row.place.clone(),
        from: row.from,
        to: row.to,
        known_from: row.known_from,
        source: row.source.clone(),
        status: row.status.name().into(),
        digest: hexadecimal(hash),
    }
}

fn hexadecimal(hash: Sha256) -> String {
    let mut out = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn ending(asked: &Asked, found: &Evaluation, nodes: &[Node], subject: Option<usize>) -> Ending {
    let own = match asked.subject {
        Subject::Person => subject,
        Subject::Household => None,
    };
    let is =
        |name: &String, n: &Node| n.kind == NodeKind::Rule && n.name == *name && n.member == own;
    let mut inputs: Vec<usize> = Vec::new();
    let lines = found.lines.iter().map(|(name, _)| name);
    let deciding = asked.applies.iter().chain(&asked.conditions);
    for name in deciding.chain([&asked.amount]).chain(lines) {
        if let Some(node) = nodes.iter().find(|n| is(name, n))
            && !inputs.contains(&node.id)
        {
            inputs.push(node.id);
        }
    }
    let used: BTreeSet<usize> = nodes
        .iter()
        .flat_map(|n| n.inputs.iter().copied())
        .collect();
    let beside = (0..nodes.len())
        .filter(|n| !used.contains(n) && !inputs.contains(n))
        .collect();
    let money = matches!(found.outcome, Outcome::Entitled { amount: Some(_) });
    let mut out = Ending {
        name: found.outcome.name().into(),
        amount: money.then(|| found.outcome.amount().to_string()),
        result: Json::Null,
        condition: None,
        missing: Vec::new(),
        inputs,
        beside,
    };
    match &found.outcome {
        Outcome::Refused { condition } => out.condition = Some(condition.clone()),
        Outcome::Undetermined { missing } => out.missing.clone_from(missing),
        Outcome::Entitled { .. } if !money => out.result = found.result.clone(),
        Outcome::Entitled { .. } | Outcome::NotApplicable => {}
    }
    if asked.kind == AskedKind::Rule && matches!(found.outcome, Outcome::Entitled { .. }) {
        out.name = "known".into();
    }
    out
}

/// The law's functions that the nodes' rules call, and those that these call.
fn functions(edition: &Edition, nodes: &[Node]) -> Vec<FunctionText> {
    use super::super::compile::Read;
    let corpus = &edition.corpus;
    let mut wanted: Vec<usize> = Vec::new();
    let mut open: Vec<usize> = nodes
        .iter()
        .filter(|n| n.kind == NodeKind::Rule)
        .filter_map(|n| {
            let subject = match n.member {
                Some(_) => Subject::Person,
                None => Subject::Household,
            };
            let rule = corpus.symbols.rule(subject, &n.name)?;
            Some(edition.definition(which(subject), rule)?.0)
        })
        .collect();
    let mut seen: BTreeSet<usize> = open.iter().copied().collect();
    while let Some(definition) = open.pop() {
        let reads = edition.compiled(definition).map(|c| c.reads.as_slice());
        for (read, _) in reads.unwrap_or_default() {
            let Read::Function(n) = *read else { continue };
            let called = edition.functions.get(n).copied().unwrap_or(NONE) as usize;
            if called < corpus.definitions.len() && seen.insert(called) {
                wanted.push(called);
                open.push(called);
            }
        }
    }
    wanted.sort_unstable();
    let text = |n: usize| {
        let definition = &corpus.definitions[n];
        let text = corpus.rules.iter().find(|r| {
            r.name == definition.name
                && r.citation == definition.citation
                && matches!(r.body, RuleBody::Function(..))
        })?;
        let RuleBody::Function(parameters, _) = &text.body else {
            return None;
        };
        Some(FunctionText {
            name: text.name.clone(),
            parameters: parameters.clone(),
            formula: formula(text),
            article: text.citation.clone(),
        })
    };
    wanted.into_iter().filter_map(text).collect()
}

fn evidence_use(edition: &Edition, node: &Node) -> Option<EvidenceUse> {
    if node.kind != NodeKind::Evidence {
        return None;
    }
    Some(EvidenceUse {
        node: node.id,
        kind: node.name.clone(),
        en: node.en.clone(),
        subject: match (node.member, edition.corpus.kinds[0].get(&node.name)) {
            (Some(_), _) | (None, None) => Subject::Person,
            (None, Some(_)) => Subject::Household,
        },
        member: node.member,
        records: Vec::new(),
    })
}

fn law_version(edition: &Edition, nodes: &[Node]) -> LawVersion {
    let corpus = &edition.corpus;
    let cited = |c: &Citation| c.instrument.clone();
    let rows = nodes.iter().filter(|n| n.parameter.is_some());
    let rows = rows.filter_map(|n| Some(cited(&edition.parameter(&n.name)?.1.citation)));
    let numbers: BTreeSet<String> = nodes
        .iter()
        .filter_map(|n| n.article.as_ref().map(cited))
        .chain(rows)
        .collect();
    let instruments = corpus.instruments.iter();
    let instruments = instruments
        .filter(|i| numbers.contains(&i.number))
        .map(|i| {
            let file = corpus.sources.files.iter().find(|f| f.path == i.file);
            let mut hash = Sha256::new();
            hash.update(file.map_or("", |f| f.text.as_str()));
            InstrumentUse {
                number: i.number.clone(),
                title: i.title.clone(),
                place: i.place.clone(),
                from: i.from,
                to: i.to,
                file: i.file.clone(),
                digest: hexadecimal(hash),
            }
        });
    LawVersion {
        digest: corpus.digest.clone(),
        instruments: instruments.collect(),
    }
}

/// A value as a FEEL literal, whatever it holds.
pub(crate) fn literal(value: &Value) -> String {
    let mut out = String::new();
    write_literal(&mut out, value);
    out
}

fn write_literal(out: &mut String, value: &Value) {
    match value {
        Value::List(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                out.push_str(if n > 0 { ", " } else { "" });
                write_literal(out, item);
            }
            out.push(']');
        }
        Value::Context(context) => {
            out.push('{');
            for (n, (name, item)) in context.iter().enumerate() {
                out.push_str(if n > 0 { ", " } else { "" });
                print::quoted(out, name);
                out.push_str(": ");
                write_literal(out, item);
            }
            out.push('}');
        }
        Value::Range(range) => {
            out.push(if range.low_closed { '[' } else { '(' });
            write_literal(out, &range.low);
            out.push_str("..");
            write_literal(out, &range.high);
            out.push(if range.high_closed { ']' } else { ')' });
        }
        Value::Function(_) | Value::Object(_) => out.push_str("null"),
        scalar => print::literal(out, scalar),
    }
}
