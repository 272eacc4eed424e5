//! Outcomes, reasons and traces as the pages show them.

use super::shelf::Shelf;
use crate::web::view::OutcomeView;
use crate::web::view::why::{
    ChangeView, MissingView, NodeView, ParameterUse, ReasonView, WhatIfView,
};
use base::Fen;
use policy::law::explanation::{Alters, Change, Explanation, WhatIf};
use policy::outcome::{NodeKind, Outcome, Reason, TraceNode};
use serde_json::Value;

impl OutcomeView {
    /// Of an outcome and, when it is not about money, its value.
    pub fn of(outcome: &Outcome, result: &Value) -> OutcomeView {
        let money = matches!(outcome, Outcome::Entitled { amount: Some(_) });
        let entitled = matches!(outcome, Outcome::Entitled { .. });
        OutcomeView {
            name: outcome.name().into(),
            amount: money.then(|| outcome.amount()),
            result: (entitled && !money && !result.is_null()).then(|| plain(result)),
        }
    }

    /// Nothing was determined.
    pub fn none() -> OutcomeView {
        OutcomeView {
            name: "none".into(),
            amount: None,
            result: None,
        }
    }
}

/// A value as text: texts bare, contexts as `name: value`, lists with commas.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".into(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let parts: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", plain(value)))
                .collect();
            parts.join("; ")
        }
    }
}

/// Grounds.
pub fn reasons(reasons: &[Reason]) -> Vec<ReasonView> {
    reasons
        .iter()
        .map(|r| ReasonView {
            text: r.text.clone(),
            rule: r.rule.clone(),
            instrument: r.instrument.clone(),
            article: r.article.clone(),
        })
        .collect()
}

/// What an undetermined outcome lacks; `members` are the names by index.
pub fn missing(shelf: &Shelf, outcome: &Outcome, members: &[String]) -> Vec<MissingView> {
    let Outcome::Undetermined { missing } = outcome else {
        return Vec::new();
    };
    missing
        .iter()
        .map(|m| MissingView {
            name: shelf.kind(&m.name),
            member: m.member.map(|n| member_name(members, n)),
        })
        .collect()
}

/// The nodes, and those that nothing else was made from: the amount first, then what speaks in the
/// grounds, then the rest.
pub fn nodes(
    trace: &[TraceNode],
    amount: Option<&str>,
    grounds: &[Reason],
) -> (Vec<NodeView>, Vec<usize>) {
    let mut used = vec![false; trace.len()];
    for node in trace {
        for &from in &node.from {
            if let Some(mark) = used.get_mut(from) {
                *mark = true;
            }
        }
    }
    let mut roots: Vec<usize> = (0..trace.len()).rev().filter(|&n| !used[n]).collect();
    roots.sort_by_key(|&n| {
        let name = trace[n].name.as_str();
        let ground = grounds.iter().position(|r| r.rule == name);
        match (Some(name) == amount, ground) {
            (true, _) => 0,
            (false, Some(place)) => place + 1,
            (false, None) => usize::MAX,
        }
    });
    (trace.iter().map(node).collect(), roots)
}

fn node(node: &TraceNode) -> NodeView {
    NodeView {
        name: node.name.clone(),
        kind: match node.kind {
            NodeKind::Rule => "rule",
            NodeKind::Parameter => "parameter",
            NodeKind::Evidence => "evidence",
            NodeKind::Previous => "previous",
        }
        .into(),
        member: node.member,
        value: plain(&node.value),
        unit: unit(&node.unit),
        text: node.text.clone(),
        instrument: node
            .citation
            .as_ref()
            .map(|c| c.instrument.clone())
            .unwrap_or_default(),
        article: node
            .citation
            .as_ref()
            .map(|c| c.article.clone())
            .unwrap_or_default(),
        note: node.note.clone().unwrap_or_default(),
        formula: String::new(),
        from: node.from.clone(),
    }
}

/// Writes into the nodes what an explanation knows beyond the trace, and lets the tree begin where the
/// outcome is decided.
pub fn open_up(nodes: &mut [NodeView], roots: &mut Vec<usize>, explanation: &Explanation) {
    for (view, node) in nodes.iter_mut().zip(&explanation.nodes) {
        view.formula = node.formula.clone().unwrap_or_default();
        if view.instrument.is_empty()
            && let Some(article) = &node.article
        {
            view.instrument.clone_from(&article.instrument);
            view.article.clone_from(&article.article);
        }
    }
    let outcome = &explanation.outcome;
    *roots = outcome
        .inputs
        .iter()
        .chain(&outcome.beside)
        .copied()
        .collect();
}

/// What would have to change; `members` are the names by index.
pub fn what_if(shelf: &Shelf, found: &WhatIf, members: &[String]) -> WhatIfView {
    let change = |change: &Change| {
        let fact = &change.fact;
        let piece = fact.piece.map(|n| format!("#{n}"));
        let part: Vec<String> = piece.into_iter().chain(fact.field.clone()).collect();
        let amount = change
            .amount
            .as_deref()
            .and_then(|a| Fen::parse_yuan(a).ok());
        let result = !change.result.is_null();
        ChangeView {
            fact: shelf.kind(&fact.kind),
            member: fact.member.map(|n| member_name(members, n)),
            part: part.join(" "),
            alters: match change.alters {
                Alters::Outcome => "outcome",
                Alters::Amount => "amount",
            }
            .into(),
            from: plain(&change.from),
            to: plain(&change.to),
            unit: unit(&fact.ty),
            removed: change.removed,
            outcome: OutcomeView {
                name: change.outcome.clone(),
                amount,
                result: result.then(|| plain(&change.result)),
            },
        }
    };
    WhatIfView {
        changes: found.changes.iter().map(change).collect(),
        missing: found.missing.iter().map(|d| d.text.clone()).collect(),
        tried: found.tried,
        left_out: (found.left_out.iter().filter(|l| l.why != "fixed"))
            .map(|l| l.name.clone())
            .collect(),
    }
}

fn member_name(members: &[String], n: usize) -> String {
    let name = members.get(n).cloned();
    name.unwrap_or_else(|| format!("#{}", n + 1))
}

/// Types that are no units say nothing behind a value.
fn unit(unit: &str) -> String {
    let bare = unit.trim_end_matches('?');
    let known = [
        "元", "人", "个", "月", "年", "岁", "日", "yuan", "persons", "months", "years", "days",
    ];
    let money = bare.starts_with("元/") || bare.starts_with("yuan/");
    if money || known.contains(&bare) {
        bare.to_string()
    } else {
        String::new()
    }
}

/// Parameters among the nodes, each once.
pub fn parameters_used(trace: &[TraceNode]) -> Vec<ParameterUse> {
    let mut found: Vec<ParameterUse> = Vec::new();
    for node in trace.iter().filter(|node| node.kind == NodeKind::Parameter) {
        if found.iter().any(|p| p.name == node.name) {
            continue;
        }
        let note = node.note.clone().unwrap_or_default();
        let status = ["unverified", "confirmed"]
            .into_iter()
            .find(|s| note.contains(s));
        found.push(ParameterUse {
            name: node.name.clone(),
            value: plain(&node.value),
            unit: unit(&node.unit),
            status: status.unwrap_or_default().into(),
            note,
            instrument: node
                .citation
                .as_ref()
                .map(|c| c.instrument.clone())
                .unwrap_or_default(),
            article: node
                .citation
                .as_ref()
                .map(|c| c.article.clone())
                .unwrap_or_default(),
        });
    }
    found
}
