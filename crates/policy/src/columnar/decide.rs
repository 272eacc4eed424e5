//! The order of precedence of outcomes, as expressions over columns.

use super::column::Coding;
use super::graph::{FALSE, Ref, TRUE};
use super::lower::{Lower, Stuck};
use super::results::code;
use super::term::{Term, power};
use crate::law::eval::Plan;
use crate::law::kinds::which;
use std::sync::Arc;

/// A rule whose values are kept: the places of its output columns.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub who: usize,
    pub name: Arc<str>,
    pub coding: Coding,
    pub value: usize,
    /// For a quotient; its value is the numerator.
    pub divisor: Option<usize>,
    pub gap: Option<usize>,
}

/// The roots: outcome code, reason, amount in fen, and where the row road must decide.
pub(crate) fn programme(
    lower: &mut Lower<'_>,
    plan: &Plan,
    like: &[bool],
) -> Result<Vec<Ref>, Stuck> {
    let who = which(plan.subject);
    if plan.conditions.len() > 29 {
        return Err(Stuck {
            rule: None,
            reason: "more than 29 conditions",
        });
    }
    let (mut out_of_question, mut open) = (FALSE, FALSE);
    let mut bits: Vec<(Ref, i64)> = Vec::new();
    if let Some(applies) = plan.applies {
        let term = lower.rule(who, applies)?;
        let (yes, gap) = lower.maker.truth(&term)?;
        let known = lower.maker.graph.or(yes, gap);
        out_of_question = lower.maker.graph.not(known);
        open = gap;
        bits.push((gap, 1));
    }
    let (mut refused, mut unknown) = (FALSE, FALSE);
    let mut falses = Vec::new();
    for (n, &condition) in plan.conditions.iter().enumerate() {
        let term = lower.rule(who, condition)?;
        let (yes, gap) = lower.maker.truth(&term)?;
        let graph = &mut lower.maker.graph;
        let known = graph.or(yes, gap);
        let no = graph.not(known);
        falses.push(no);
        refused = graph.or(refused, no);
        unknown = graph.or(unknown, gap);
        bits.push((gap, 2 << n));
    }
    let amount = lower.rule(who, plan.amount)?;
    let amount_gap = lower.maker.gap(&amount)?;
    let graph = &mut lower.maker.graph;
    let only_amount = graph.and_not(amount_gap, unknown);
    bits.push((only_amount, 2 << plan.conditions.len()));
    let open_later = graph.or(unknown, amount_gap);
    let stop = graph.or(out_of_question, open);
    let stop = graph.or(stop, refused);
    let stop = graph.or(stop, open_later);
    let entitled = graph.not(stop);
    let [n, r, u, e] = [
        code::NOT_APPLICABLE,
        code::REFUSED,
        code::UNDETERMINED,
        code::ENTITLED,
    ]
    .map(|c| graph.constant(c.into()));
    let mut outcome = graph.select(open_later, u, e)?;
    outcome = graph.select(refused, r, outcome)?;
    outcome = graph.select(open, u, outcome)?;
    outcome = graph.select(out_of_question, n, outcome)?;
    let mut first = FALSE;
    for (n, no) in falses.iter().enumerate().rev() {
        let place = graph.constant(n as i64);
        first = graph.select(*no, place, first)?;
    }
    let mut set = FALSE;
    for (gap, bit) in bits.iter().skip(usize::from(plan.applies.is_some())) {
        let bit = graph.constant(*bit);
        let bit = graph.select(*gap, bit, FALSE)?;
        set = graph.plus(set, bit)?;
    }
    let one = graph.constant(1);
    let mut reason = graph.select(open_later, set, FALSE)?;
    reason = graph.select(refused, first, reason)?;
    reason = graph.select(open, one, reason)?;
    reason = graph.select(out_of_question, FALSE, reason)?;
    let fen = if plan.money {
        fen(lower, &amount, entitled)?
    } else {
        FALSE
    };
    let graph = &mut lower.maker.graph;
    let paid = graph.select(entitled, fen, FALSE)?;
    let mut aside = FALSE;
    for at in std::mem::take(&mut lower.maker.aside) {
        let one = graph.fold_or(at);
        aside = graph.or(aside, one);
    }
    if like.contains(&false) {
        lower
            .tables
            .push(like.iter().map(|l| -i64::from(!l)).collect());
        let other = graph.lookup(lower.tables.len() as u32 - 1, -1, 0)?;
        aside = graph.or(aside, other);
    }
    Ok(vec![outcome, reason, paid, aside])
}

/// The amount in fen; what is no whole fen or below zero the row road refuses.
fn fen(lower: &mut Lower<'_>, amount: &Term, entitled: Ref) -> Result<Ref, Stuck> {
    let (n, d) = match amount {
        Term::Unknown => return Ok(FALSE),
        Term::Number { n, scale, .. } if *scale <= 2 => {
            (lower.maker.rescaled(*n, *scale, 2)?, None)
        }
        Term::Number { n, scale, .. } => (*n, Some(lower.maker.graph.constant(power(scale - 2)?))),
        Term::Ratio { n, d, .. } => {
            let hundred = lower.maker.graph.constant(100);
            (lower.maker.graph.times(*n, hundred)?, Some(*d))
        }
        _ => {
            return Err(Stuck {
                rule: None,
                reason: "an amount that is no number",
            });
        }
    };
    let graph = &mut lower.maker.graph;
    let negative = graph.lt(n, FALSE);
    let mut wrong = negative;
    let fen = match d {
        None => n,
        Some(d) => {
            let whole = graph.floor(n, d)?;
            let back = graph.times(whole, d)?;
            let exact = graph.eq(back, n);
            let broken = graph.not(exact);
            wrong = graph.or(wrong, broken);
            whole
        }
    };
    if matches!(amount, Term::Ratio { exact: false, .. }) {
        wrong = TRUE;
    }
    let wrong = graph.and(wrong, entitled);
    lower.maker.aside.push(wrong);
    Ok(fen)
}

/// Adds the values of every rule that the programme reads as further roots.
pub(crate) fn keep(lower: &mut Lower<'_>, plan: &Plan, roots: &mut Vec<Ref>) -> Vec<Kept> {
    let who = which(plan.subject);
    for &rule in plan.lines.iter().chain(&plan.carry) {
        // A line without a columnar form is not kept; the outcome does not need it.
        let _ = lower.rule(who, rule);
    }
    let mut kept = Vec::new();
    for (who, rule, term) in lower.made() {
        let name = lower.source.edition.corpus.symbols.rules[who][rule]
            .name
            .clone();
        let (value, divisor, gap, coding) = match term {
            Term::Number { n, scale, gap } => (n, None, gap, Coding::Number { scale }),
            Term::Ratio { n, d, gap, .. } => (n, Some(d), gap, Coding::Number { scale: 0 }),
            Term::Boolean { yes, gap } => (yes, None, gap, Coding::Boolean),
            Term::Text { n, gap } => (n, None, gap, Coding::Text),
            Term::Date { n, gap } => (n, None, gap, Coding::Date),
            Term::Months { n, gap } => (n, None, gap, Coding::Months),
            _ => continue,
        };
        let mut root = |at: Ref| {
            if let Some(known) = roots.iter().position(|r| *r == at) {
                return known;
            }
            roots.push(at);
            roots.len() - 1
        };
        kept.push(Kept {
            who,
            name,
            coding,
            value: root(value),
            divisor: divisor.map(&mut root),
            gap: (gap != FALSE).then(|| root(gap)),
        });
    }
    kept
}
