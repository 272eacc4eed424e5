//! What can be read from a trace about where comparisons turn: figures side by side, literals.

use super::super::compile::{Code, Compiled};
use super::super::edition::Edition;
use super::super::kinds::which;
use super::super::prelude::{Expr, ExprKind, Number, Span, Value};
use crate::outcome::{NodeKind, TraceNode};
use crate::programme::Subject;
use std::collections::HashMap;

/// The largest figure of each unit, at least one.
pub(super) fn scales(trace: &[TraceNode]) -> HashMap<String, f64> {
    let mut out: HashMap<String, f64> = HashMap::new();
    for node in trace {
        if let Some(value) = node.exact.as_number().map(Number::to_f64) {
            let held = out.entry(node.unit.clone()).or_insert(1.0);
            *held = held.max(value.abs());
        }
    }
    out
}

/// Crossings that are tried for one fact.
const CROSSINGS: usize = 32;

/// Steps at which two figures that one rule reads side by side would meet, given the trace here and
/// `delta` steps away; `at` is the node of the fact. Nearest first, with their neighbours.
pub(super) fn crossings(
    edition: &Edition,
    here: &[TraceNode],
    there: &[TraceNode],
    at: usize,
    delta: i64,
) -> Vec<i64> {
    let key = |n: &TraceNode| (n.kind as u8, n.name.clone(), n.member);
    let later: HashMap<_, f64> = there
        .iter()
        .filter_map(|n| Some((key(n), n.exact.as_number()?.to_f64())))
        .collect();
    let figures: Vec<Option<(f64, f64)>> = here
        .iter()
        .map(|n| {
            let now = n.exact.as_number()?.to_f64();
            let then = later.get(&key(n)).copied().unwrap_or(now);
            Some((now, (then - now) / delta as f64))
        })
        .collect();
    let mut depends = vec![false; here.len()];
    let mut found: Vec<i64> = Vec::new();
    for (n, node) in here.iter().enumerate() {
        depends[n] = n == at || node.from.iter().any(|f| depends.get(*f) == Some(&true));
        if !depends[n] || node.kind != NodeKind::Rule {
            continue;
        }
        let mut sides: Vec<(f64, f64)> = vec![(0.0, 0.0)];
        sides.extend(node.from.iter().filter_map(|f| *figures.get(*f)?));
        if let Some(compiled) = compiled(edition, node) {
            literals(compiled, &mut |value| {
                if let Value::Number(n) = value {
                    sides.push((n.to_f64(), 0.0));
                }
            });
        }
        for (i, a) in sides.iter().enumerate() {
            for b in &sides[..i] {
                let slope = a.1 - b.1;
                let k = (b.0 - a.0) / slope;
                if slope != 0.0 && k.is_finite() && k.abs() < 1e12 {
                    let k = k.floor() as i64;
                    found.extend([k - 1, k, k + 1, k + 2]);
                }
            }
        }
    }
    found.sort_by_key(|k| (k.unsigned_abs(), *k));
    found.dedup();
    found.truncate(CROSSINGS * 4);
    found
}

fn compiled<'e>(edition: &'e Edition, node: &TraceNode) -> Option<&'e Compiled> {
    if node.kind != NodeKind::Rule {
        return None;
    }
    let subject = match node.member {
        Some(_) => Subject::Person,
        None => Subject::Household,
    };
    let rule = edition.corpus.symbols.rule(subject, &node.name)?;
    edition.compiled(edition.definition(which(subject), rule)?.0)
}

/// Texts that the rules which read a node compare with.
pub(super) fn texts(edition: &Edition, trace: &[TraceNode], at: usize) -> Vec<String> {
    let mut out = Vec::new();
    let readers = trace.iter().filter(|n| n.from.contains(&at));
    for compiled in readers.filter_map(|n| compiled(edition, n)) {
        literals(compiled, &mut |value| {
            if let Value::Text(text) = value
                && !out.contains(&text.to_string())
            {
                out.push(text.to_string());
            }
        });
    }
    out
}

/// Every literal of a rule.
fn literals(compiled: &Compiled, found: &mut dyn FnMut(&Value)) {
    let mut look = |expr: &Expr| {
        expr.visit(&mut |e| {
            if let ExprKind::Literal(value) = &e.kind {
                found(value);
            }
        });
    };
    match &compiled.code {
        Code::Expr(expr) => look(expr),
        Code::Table { table, .. } => {
            look(&Expr::new(Span::default(), ExprKind::Table(table.clone())))
        }
        Code::Function(_) => {}
    }
}
