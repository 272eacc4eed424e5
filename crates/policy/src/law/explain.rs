//! From values to an evaluation: outcome, reasons with their articles, lines, carry, trace.

use super::compile::{Code, Compiled, Grounds, Part, Read};
use super::edition::{LawError, NONE};
use super::eval::{Decided, NOBODY, Plan, Run, is_unknown};
use super::kinds::which;
use super::prelude::{Machine, Number, Type, Unit, Value};
use super::trace::{Tracer, What};
use crate::outcome::{Evaluation, Missing, NodeKind, Outcome, Reason, TraceNode};
use crate::programme::Bilingual;
use base::Citation;
use serde_json::Value as Json;

/// Turns the values of one run into what people and programs read.
pub(crate) struct Explainer<'x, 'r> {
    pub run: &'x Run<'r>,
    pub machine: &'x mut Machine,
    /// Were notes taken while the rules ran?
    pub traced: bool,
}

/// How deep a reason without a sentence of its own looks for one.
const SEARCH: usize = 4;

impl Explainer<'_, '_> {
    /// The outcome of a programme.
    pub fn outcome(
        &mut self,
        plan: &Plan,
        member: u32,
        decided: &Decided,
    ) -> Result<Outcome, LawError> {
        let who = which(plan.subject);
        Ok(match decided {
            Decided::NotApplicable => Outcome::NotApplicable,
            Decided::Refused(condition) => Outcome::Refused {
                condition: self.name(who, *condition),
            },
            Decided::Unknown(rules) => Outcome::Undetermined {
                missing: self.missing(who, member, rules)?,
            },
            Decided::Entitled(value) => {
                let amount = match value {
                    Value::Number(number) if plan.money => {
                        Some(self.fen(who, plan.amount, *number)?)
                    }
                    _ => None,
                };
                Outcome::Entitled { amount }
            }
        })
    }

    /// Everything about a programme. Its lines and its carry have been computed already.
    pub fn programme(
        &mut self,
        plan: &Plan,
        member: u32,
        decided: Decided,
        outcome: Outcome,
    ) -> Evaluation {
        let who = which(plan.subject);
        let corpus = &self.run.edition.corpus;
        let mut lines = Vec::new();
        let mut carry = serde_json::Map::new();
        if matches!(decided, Decided::Entitled(_)) {
            for &line in &plan.lines {
                let value = self.run.rule(self.machine, who, member, line);
                lines.push((
                    self.name(who, line),
                    value.to_json_as(&corpus.symbols.rules[who][line].ty),
                ));
            }
        }
        if !matches!(decided, Decided::NotApplicable) {
            for &rule in &plan.carry {
                let value = self.run.rule(self.machine, who, member, rule);
                let ty = &corpus.symbols.rules[who][rule].ty;
                carry.insert(self.name(who, rule), value.to_json_as(ty));
            }
        }
        let (reasons, result) = match &decided {
            Decided::NotApplicable | Decided::Unknown(_) => (Vec::new(), Json::Null),
            Decided::Refused(condition) => {
                let mut reasons = Vec::new();
                self.reasons(who, member, *condition, 0, &mut reasons);
                (reasons, Json::Null)
            }
            Decided::Entitled(value) => {
                let reasons = self.grounds(plan, member);
                (
                    reasons,
                    value.to_json_as(&corpus.symbols.rules[who][plan.amount].ty),
                )
            }
        };
        Evaluation {
            outcome,
            result,
            reasons,
            lines,
            carry,
            trace: self.trace(),
        }
    }

    /// Everything about one rule.
    pub fn rule(
        &mut self,
        who: usize,
        member: u32,
        rule: usize,
        value: Value,
    ) -> Result<Evaluation, LawError> {
        let ty = &self.run.edition.corpus.symbols.rules[who][rule].ty;
        let mut outcome = Outcome::Entitled { amount: None };
        if is_unknown(&value, ty) {
            let missing = self.missing(who, member, &[rule])?;
            let own = missing.len() == 1 && *missing[0].name == *self.name(who, rule);
            // Null is an answer where the type allows it and nothing is missing.
            if !(value.is_null() && ty.is_nullable() && own) {
                outcome = Outcome::Undetermined { missing };
            }
        }
        let mut reasons = Vec::new();
        if !value.is_null() {
            self.reasons(who, member, rule, 0, &mut reasons);
        }
        Ok(Evaluation {
            outcome,
            result: value.to_json_as(ty),
            reasons,
            lines: Vec::new(),
            carry: Default::default(),
            trace: self.trace(),
        })
    }

    fn name(&self, who: usize, rule: usize) -> String {
        self.run.edition.corpus.symbols.rules[who][rule]
            .name
            .to_string()
    }

    fn citation(&self, who: usize, rule: usize) -> Citation {
        self.run.edition.definition(who, rule).map_or_else(
            || Citation {
                instrument: String::new(),
                article: String::new(),
            },
            |(_, d)| d.citation.clone(),
        )
    }

    fn fen(&self, who: usize, rule: usize, number: Number) -> Result<base::Fen, LawError> {
        number
            .to_fen()
            .filter(|f| f.0 >= 0)
            .ok_or_else(|| LawError::NotMoney {
                rule: self.name(who, rule),
                citation: self.citation(who, rule),
                value: number.to_string(),
            })
    }

    // What is missing

    /// What the null of `rules` comes from: the notes are followed from null to null down to evidence
    /// and figures that are not there. Where no notes were taken the rules run once more for them.
    fn missing(
        &mut self,
        who: usize,
        member: u32,
        rules: &[usize],
    ) -> Result<Vec<Missing>, LawError> {
        let scratch = self.run.scratch;
        if !self.traced {
            scratch.begin();
            scratch.start_trace(self.run.edition);
            for &rule in rules {
                self.run.rule(self.machine, who, member, rule);
            }
            scratch.end_trace();
        }
        let tracer = scratch.tracer.borrow();
        let mut missing = Vec::new();
        let mut seen = vec![false; tracer.nodes.len()];
        for &rule in rules {
            let Some(root) = tracer.find(What::Rule(who, rule), member) else {
                continue;
            };
            let before = missing.len();
            self.follow(&tracer, root, &mut seen, &mut missing)?;
            if missing.len() == before && missing.is_empty() {
                missing.push(Missing {
                    name: self.name(who, rule),
                    member: index(member),
                });
            }
        }
        Ok(missing)
    }

    fn follow(
        &self,
        tracer: &Tracer,
        at: usize,
        seen: &mut [bool],
        missing: &mut Vec<Missing>,
    ) -> Result<(), LawError> {
        if std::mem::replace(&mut seen[at], true) {
            return Ok(());
        }
        let node = &tracer.nodes[at];
        let corpus = &self.run.edition.corpus;
        let mut add = |name: &str, member: Option<usize>| {
            let one = Missing {
                name: name.to_string(),
                member,
            };
            if !missing.contains(&one) {
                missing.push(one);
            }
        };
        let known = match node.what {
            What::Rule(who, rule) => !is_unknown(&node.value, &corpus.symbols.rules[who][rule].ty),
            _ => !node.value.is_null(),
        };
        if known {
            return Ok(());
        }
        match node.what {
            What::Kind(who, slot) => {
                if self.run.is_missing(who, slot) {
                    add(&corpus.kinds[who].list[slot].name, index(node.member));
                }
            }
            What::Parameter(n) => add(&corpus.parameters.list[n].name, None),
            What::Event => add("事件", None),
            What::Previous => {}
            What::Rule(who, rule) if node.undefined => {
                add(&self.name(who, rule), index(node.member))
            }
            What::Rule(who, rule) => {
                let faults = self.run.scratch.faults.borrow();
                let own = faults
                    .iter()
                    .find(|f| (f.who, f.member, f.rule) == (who, node.member, rule));
                if let Some(fault) = own {
                    return Err(LawError::Fault {
                        rule: self.name(who, rule),
                        citation: self.citation(who, rule),
                        member: index(node.member),
                        message: fault.message.clone(),
                    });
                }
                drop(faults);
                for from in tracer.from(node) {
                    self.follow(tracer, from, seen, missing)?;
                }
            }
        }
        Ok(())
    }

    // Reasons

    /// Grounds of an entitlement: all conditions, the amount, and the parts of it.
    fn grounds(&mut self, plan: &Plan, member: u32) -> Vec<Reason> {
        let who = which(plan.subject);
        let mut reasons = Vec::new();
        for &condition in &plan.conditions {
            let text = self.sentence(who, member, condition);
            let text = text.unwrap_or_else(|| {
                let name = self.name(who, condition);
                Bilingual {
                    zh: format!("符合{name}。"),
                    en: format!("{name}: met."),
                }
            });
            reasons.push(self.reason(who, member, condition, text));
        }
        let before = reasons.len();
        if let Some(text) = self.sentence(who, member, plan.amount) {
            reasons.push(self.reason(who, member, plan.amount, text));
        }
        for &line in plan.lines.iter().filter(|l| **l != plan.amount) {
            let value = self.run.rule(self.machine, who, member, line);
            if value.as_number().is_some_and(Number::is_zero) || value.is_null() {
                continue;
            }
            if let Some(text) = self.sentence(who, member, line) {
                reasons.push(self.reason(who, member, line, text));
            }
        }
        if reasons.len() == before {
            self.reasons(who, member, plan.amount, 0, &mut reasons);
        }
        reasons
    }

    /// The sentence of a rule; without one, those of the rules that it was computed from and that
    /// came out the same way; without any, its name and value.
    fn reasons(
        &mut self,
        who: usize,
        member: u32,
        rule: usize,
        depth: usize,
        out: &mut Vec<Reason>,
    ) {
        if let Some(text) = self.sentence(who, member, rule) {
            out.push(self.reason(who, member, rule, text));
            return;
        }
        let value = self.run.rule(self.machine, who, member, rule);
        let before = out.len();
        if depth < SEARCH {
            let edition = self.run.edition;
            let definition = edition.rules[who][rule] as usize;
            let reads = edition
                .compiled(definition)
                .map(|c| c.reads.as_slice())
                .unwrap_or_default();
            for (read, _) in reads {
                let Read::Rule(other, n) = *read else {
                    continue;
                };
                let own = if other == 0 { NOBODY } else { member };
                let Some(found) = self.run.scratch.known(edition, other, own, n) else {
                    continue;
                };
                if same_way(&value, &found) {
                    let length = out.len();
                    self.reasons(other, own, n, depth + 1, out);
                    // Below the top only a sentence is worth saying.
                    out.truncate(out.len().max(length));
                }
            }
        }
        if depth == 0 && out.len() == before {
            let ty = &self.run.edition.corpus.symbols.rules[who][rule].ty;
            let name = self.name(who, rule);
            let text = Bilingual {
                zh: format!("{name}：{}。", show(&value, ty, true)),
                en: format!("{name}: {}.", show(&value, ty, false)),
            };
            out.push(self.reason(who, member, rule, text));
        }
        let mut at = 1;
        while at < out.len() {
            if out[..at].iter().any(|earlier| earlier.rule == out[at].rule) {
                out.remove(at);
            } else {
                at += 1;
            }
        }
    }

    fn reason(&mut self, who: usize, member: u32, rule: usize, text: Bilingual) -> Reason {
        let mut citation = self.citation(who, rule);
        if let Some(Grounds {
            article: Some(article),
            ..
        }) = self.row(who, member, rule)
        {
            match article.rsplit_once(char::is_whitespace) {
                Some((instrument, article)) => {
                    citation = Citation {
                        instrument: instrument.trim().into(),
                        article: article.into(),
                    };
                }
                None => citation.article = article.clone(),
            }
        }
        Reason {
            article: citation.article,
            instrument: citation.instrument,
            rule: self.name(who, rule),
            text,
        }
    }

    /// The grounds of the row that fired, for a rule that is a table.
    fn row(&mut self, who: usize, member: u32, rule: usize) -> Option<&Grounds> {
        let edition = self.run.edition;
        let compiled = edition.compiled(edition.rules[who][rule] as usize)?;
        let Code::Table { rows, .. } = &compiled.code else {
            return None;
        };
        self.run.rule(self.machine, who, member, rule);
        rows.get(self.run.scratch.row(edition, who, member, rule)?)
    }

    /// The sentence of a rule with its figures, or the reason of the row that fired.
    fn sentence(&mut self, who: usize, member: u32, rule: usize) -> Option<Bilingual> {
        let edition = self.run.edition;
        let compiled: &Compiled = edition.compiled(edition.rules[who][rule] as usize)?;
        if let Code::Table { .. } = compiled.code {
            return self.row(who, member, rule)?.reason.clone();
        }
        let value = self.run.rule(self.machine, who, member, rule);
        let no = value.as_bool() == Some(false) && compiled.no.iter().any(|p| !p.is_empty());
        let parts = if no {
            &compiled.no
        } else {
            &compiled.sentences
        };
        if parts.iter().all(Vec::is_empty) {
            return None;
        }
        let saved = self.run.member.replace(member);
        let zh = self.say(&parts[0], true);
        let en = self.say(&parts[1], false);
        self.run.member.set(saved);
        Some(Bilingual { zh, en })
    }

    fn say(&mut self, parts: &[Part], zh: bool) -> String {
        let mut out = String::with_capacity(96);
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(expr, ty) => {
                    let value = self.machine.run(self.run, expr, &[]).unwrap_or_default();
                    out.push_str(&show(&value, ty, zh));
                }
            }
        }
        out
    }

    // Trace

    fn trace(&mut self) -> Vec<TraceNode> {
        if !self.traced {
            return Vec::new();
        }
        let run = self.run;
        let tracer = run.scratch.tracer.borrow();
        tracer
            .nodes
            .iter()
            .map(|node| {
                let corpus = &self.run.edition.corpus;
                let member = index(node.member);
                let mut out = TraceNode {
                    name: String::new(),
                    kind: NodeKind::Rule,
                    member,
                    value: Json::Null,
                    exact: node.value.clone(),
                    unit: String::new(),
                    citation: None,
                    note: None,
                    fired: node.fired.iter().map(|row| *row as usize + 1).collect(),
                    text: None,
                    from: tracer.from(node).collect(),
                };
                let typed = |out: &mut TraceNode, ty: &Type| {
                    out.value = node.value.to_json_as(ty);
                    out.unit = unit(ty);
                };
                match node.what {
                    What::Kind(who, slot) => {
                        let kind = &corpus.kinds[who].list[slot];
                        match kind.many {
                            true => typed(&mut out, &kind.rule_type()),
                            false => typed(&mut out, &kind.ty),
                        }
                        out.name = kind.name.to_string();
                        out.kind = NodeKind::Evidence;
                        if node.value.is_null() && self.run.is_missing(who, slot) {
                            out.note = Some("没有记录 · not recorded".into());
                        }
                    }
                    What::Parameter(n) => {
                        let parameter = &corpus.parameters.list[n];
                        typed(&mut out, &parameter.ty);
                        out.name = parameter.name.to_string();
                        out.kind = NodeKind::Parameter;
                        let row = self.run.edition.rows[n] as usize;
                        if let Some(row) = parameter.rows.get(row) {
                            out.citation = Some(row.citation.clone());
                            out.note = Some(row_note(row));
                        }
                    }
                    What::Previous | What::Event => {
                        out.value = node.value.to_json();
                        out.kind = if node.what == What::Event {
                            NodeKind::Evidence
                        } else {
                            NodeKind::Previous
                        };
                        out.name = if node.what == What::Event {
                            "事件"
                        } else {
                            "上期"
                        }
                        .into();
                    }
                    What::Rule(who, rule) => {
                        typed(&mut out, &corpus.symbols.rules[who][rule].ty);
                        out.name = self.name(who, rule);
                        let definition = self.run.edition.rules[who][rule];
                        if definition != NONE {
                            out.citation = Some(self.citation(who, rule));
                        }
                        let fault = {
                            let faults = self.run.scratch.faults.borrow();
                            faults
                                .iter()
                                .find(|f| (f.who, f.member, f.rule) == (who, node.member, rule))
                                .map(|f| f.message.clone())
                        };
                        out.note = fault.or_else(|| fired_note(&node.fired));
                        if !node.value.is_null() {
                            out.text = self.sentence(who, node.member, rule);
                        }
                    }
                }
                out
            })
            .collect()
    }
}

fn index(member: u32) -> Option<usize> {
    (member != NOBODY).then_some(member as usize)
}

/// Do two values point the same way: both true, both false, both figures that are not zero?
fn same_way(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Boolean(a), Value::Boolean(b)) => a == b,
        (Value::Number(_), Value::Number(b)) => !b.is_zero(),
        _ => false,
    }
}

fn fired_note(fired: &[u32]) -> Option<String> {
    let rows: Vec<String> = fired.iter().map(|n| (n + 1).to_string()).collect();
    (!rows.is_empty()).then(|| format!("第 {} 行 · row {}", rows.join("、"), rows.join(", ")))
}

fn row_note(row: &super::ParameterRow) -> String {
    let from = row.from.map_or_else(String::new, |d| format!(" {d}"));
    let source = if row.source.is_empty() {
        String::new()
    } else {
        format!("，{}", row.source)
    };
    let status = match row.computed {
        true => "computed",
        false => row.status.name(),
    };
    format!("{}{from} [{status}]{source}", row.place)
}

/// The unit of a number as the law writes it.
pub(super) fn unit(ty: &Type) -> String {
    match ty.unit() {
        None | Some(Unit::Plain) => String::new(),
        Some(unit) => unit.zh().to_string(),
    }
}

/// A value as a sentence shows it.
pub(crate) fn show(value: &Value, ty: &Type, zh: bool) -> String {
    match value {
        Value::Null => "—".into(),
        Value::Boolean(b) => match (zh, b) {
            (true, true) => "是",
            (true, false) => "否",
            (false, true) => "yes",
            (false, false) => "no",
        }
        .into(),
        Value::Number(n) => plain(*n),
        Value::List(items) => {
            let item = match ty.plain() {
                Type::List(item) => item,
                _ => &Type::Any,
            };
            let items: Vec<String> = items.iter().map(|v| show(v, item, zh)).collect();
            items.join(if zh { "、" } else { ", " })
        }
        Value::Context(_) => {
            let json = value.to_json_as(ty);
            let pairs: Vec<String> = json
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, v)| {
                    format!(
                        "{k} {}",
                        v.as_str().map_or_else(|| v.to_string(), str::to_string)
                    )
                })
                .collect();
            pairs.join(if zh { "，" } else { ", " })
        }
        _ => match value.to_json_as(ty) {
            Json::String(text) => text,
            other => other.to_string(),
        },
    }
}

/// A number without exponent and without zeros at its end; one that does not end, to two places.
fn plain(number: Number) -> String {
    let short = number.stripped();
    if short.exponent() < -6 {
        return number
            .round(2, super::prelude::Rounding::HalfUp)
            .stripped()
            .to_string();
    }
    short.to_string()
}
