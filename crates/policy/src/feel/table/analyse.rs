//! Gaps and overlaps of a decision table, exactly, over numbers, dates, enumerations, booleans, texts
//! and null, each with a counter-example.
//!
//! The constants of a column cut its values into atoms: points and the stretches between them. Every
//! cell is true or false on a whole atom, so that questions about all values become questions about
//! finitely many. A cell that is not a test against constants is *opaque*: it may match anything and
//! certainly matches nothing, and the findings say that they are incomplete.

use super::{Hit, Input, Table};
use crate::feel::ast::{Expr, ExprKind, Target, UnaryTest, UnaryTests};
use crate::feel::eval::{Fixed, Machine};
use crate::feel::number::{Number, Rounding};
use crate::feel::scope::Mode;
use crate::feel::temporal::Date;
use crate::feel::types::{Type, Unit};
use crate::feel::value::Value;
use std::cmp::Ordering;
use std::collections::HashSet;

/// A combination of input values that shows a finding; `None` where any value does.
pub type Example = Vec<Option<Value>>;

/// What an analysis found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Inputs that no rule matches (not looked for where the table has a default for every output).
    pub gaps: Vec<Example>,
    /// Pairs of rules (counted from zero) that match the same inputs, where the hit policy forbids
    /// it: U always, A when their results are not written the same.
    pub overlaps: Vec<(u32, u32, Example)>,
    /// Rules that no input can reach: a cell that nothing passes, or with F all inputs taken by
    /// earlier rules.
    pub unreachable: Vec<u32>,
    /// Why findings may be missing: a cell that is not a test against constants, or too many
    /// combinations.
    pub incomplete: Option<String>,
}

/// Most gaps that are listed.
const MAX_GAPS: usize = 10;
/// Most steps of the search.
const MAX_STEPS: usize = 200_000;

/// A set of atoms or rules.
type Bits = Vec<u64>;

fn bit(bits: &Bits, at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}

fn set(bits: &mut Bits, at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

fn empty(count: usize) -> Bits {
    vec![0; count.div_ceil(64).max(1)]
}

struct Column {
    /// One value of each atom.
    samples: Vec<Value>,
    /// Per rule: the atoms that it may match.
    may: Vec<Bits>,
    /// Per rule: the atoms that it certainly matches.
    must: Vec<Bits>,
}

/// Analyses a table by the semantics of a mode.
pub fn analyse(table: &Table, mode: Mode) -> Findings {
    let mut findings = Findings::default();
    let mut machine = Machine::new(mode);
    let mut columns = Vec::with_capacity(table.inputs.len());
    for (at, input) in table.inputs.iter().enumerate() {
        columns.push(column(table, at, input, &mut machine, &mut findings));
    }
    let rules = table.rules.len();
    for rule in 0..rules {
        let impossible = columns.iter().any(|c| c.may[rule].iter().all(|b| *b == 0));
        if impossible || (table.hit == Hit::First && hidden(&columns, rule, &mut findings)) {
            findings.unreachable.push(rule as u32);
        }
    }
    if table.outputs.is_empty() || table.outputs.iter().any(|o| o.default.is_none()) {
        let alive: Vec<usize> = (0..rules).collect();
        let mut search = Search {
            columns: &columns,
            steps: 0,
            seen: HashSet::new(),
            found: Vec::new(),
        };
        search.gaps(0, alive, &mut Vec::new(), MAX_GAPS, None);
        if search.steps > MAX_STEPS {
            too_many(&mut findings);
        }
        findings.gaps = search.found;
    }
    if matches!(table.hit, Hit::Unique | Hit::Any) {
        overlaps(table, &columns, &mut findings);
    }
    findings
}

fn too_many(findings: &mut Findings) {
    findings
        .incomplete
        .get_or_insert_with(|| "too many combinations to look at all of them".into());
}

/// With F: do the rules before `rule` certainly take all that it may match?
fn hidden(columns: &[Column], rule: usize, findings: &mut Findings) -> bool {
    if rule == 0 {
        return false;
    }
    // Earlier rules count with what they certainly match.
    let mut search = Search {
        columns,
        steps: 0,
        seen: HashSet::new(),
        found: Vec::new(),
    };
    search.gaps(0, (0..rule).collect(), &mut Vec::new(), 1, Some(rule));
    if search.steps > MAX_STEPS {
        too_many(findings);
        return false;
    }
    search.found.is_empty()
}

struct Search<'a> {
    columns: &'a [Column],
    steps: usize,
    /// Column and rules left that have been found without a gap.
    seen: HashSet<(usize, Vec<usize>)>,
    found: Vec<Example>,
}

impl Search<'_> {
    /// Looks for inputs that none of `alive` matches from column `at` on. With `within`, only among
    /// the inputs of that rule, and rules count with what they certainly match.
    fn gaps(
        &mut self,
        at: usize,
        alive: Vec<usize>,
        chosen: &mut Example,
        limit: usize,
        within: Option<usize>,
    ) {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.found.len() >= limit {
            return;
        }
        if alive.is_empty() {
            let mut example = chosen.clone();
            for column in &self.columns[at..] {
                // The rest may be anything; within a rule it must be that rule's.
                let value = within.and_then(|rule| {
                    (0..column.samples.len())
                        .find(|a| bit(&column.may[rule], *a))
                        .map(|a| column.samples[a].clone())
                });
                example.push(value);
            }
            self.found.push(example);
            return;
        }
        let Some(column) = self.columns.get(at) else {
            return;
        };
        if self.seen.contains(&(at, alive.clone())) {
            return;
        }
        let before = self.found.len();
        let sets = if within.is_some() {
            &column.must
        } else {
            &column.may
        };
        let mut tried: Vec<Vec<usize>> = Vec::new();
        for atom in 0..column.samples.len() {
            if within.is_some_and(|rule| !bit(&column.may[rule], atom)) {
                continue;
            }
            let left: Vec<usize> = alive
                .iter()
                .copied()
                .filter(|r| bit(&sets[*r], atom))
                .collect();
            if tried.contains(&left) {
                continue;
            }
            chosen.push(Some(column.samples[atom].clone()));
            self.gaps(at + 1, left.clone(), chosen, limit, within);
            chosen.pop();
            tried.push(left);
        }
        if self.found.len() == before && self.steps <= MAX_STEPS {
            self.seen.insert((at, alive));
        }
    }
}

fn overlaps(table: &Table, columns: &[Column], findings: &mut Findings) {
    let rules = table.rules.len();
    for first in 0..rules {
        for second in first + 1..rules {
            if table.hit == Hit::Any && same_results(table, first, second) {
                continue;
            }
            let shared: Option<Example> = columns
                .iter()
                .map(|column| {
                    let (a, b) = (&column.must[first], &column.must[second]);
                    let mut common =
                        (0..column.samples.len()).filter(|at| bit(a, *at) && bit(b, *at));
                    common.next().map(|at| Some(column.samples[at].clone()))
                })
                .collect();
            if let Some(example) = shared {
                findings
                    .overlaps
                    .push((first as u32, second as u32, example));
            }
        }
    }
}

fn same_results(table: &Table, first: usize, second: usize) -> bool {
    let (a, b) = (&table.rules[first].outputs, &table.rules[second].outputs);
    a.iter().zip(b).all(|(a, b)| match (&a.kind, &b.kind) {
        (ExprKind::Literal(x), ExprKind::Literal(y)) => x.equals(y) == Some(true),
        (ExprKind::Name { target: x, .. }, ExprKind::Name { target: y, .. }) => x == y,
        _ => false,
    })
}

fn column(
    table: &Table,
    at: usize,
    input: &Input,
    machine: &mut Machine,
    findings: &mut Findings,
) -> Column {
    let cells: Vec<&UnaryTests> = table.rules.iter().filter_map(|r| r.tests.get(at)).collect();
    let mut constants = Vec::new();
    let mut opaque = vec![false; cells.len()];
    for (rule, cell) in cells.iter().enumerate() {
        opaque[rule] = !cell
            .tests
            .iter()
            .all(|test| gather(test, machine, &mut constants));
        if opaque[rule] {
            findings.incomplete.get_or_insert_with(|| {
                format!(
                    "rule {}, column {}: not a test against constants",
                    rule + 1,
                    at + 1
                )
            });
        }
    }
    let tests_null = cells.iter().any(|cell| mentions_null(cell));
    let nullable = input.ty.is_nullable() && input.ty != Type::Any || tests_null;
    let mut samples = samples(&input.ty, constants);
    if let Some(allowed) = &input.allowed {
        samples.retain(|v| {
            machine.test_value(allowed, v.clone()).unwrap_or(Some(true)) != Some(false)
        });
    }
    if nullable {
        samples.push(Value::Null);
    }
    let count = samples.len();
    let (mut may, mut must) = (Vec::new(), Vec::new());
    for (rule, cell) in cells.iter().enumerate() {
        let (mut possible, mut certain) = (empty(count), empty(count));
        for (atom, sample) in samples.iter().enumerate() {
            let answer = if cell.is_any() {
                Some(true)
            } else if opaque[rule] {
                None
            } else if sample.is_null() && tests_null && !mentions_null(cell) {
                Some(false)
            } else {
                machine.test_value(cell, sample.clone()).unwrap_or(None)
            };
            let lenient_miss = machine.mode() == Mode::Lenient && !opaque[rule];
            if answer == Some(true) || (answer.is_none() && !lenient_miss) {
                set(&mut possible, atom);
            }
            if answer == Some(true) {
                set(&mut certain, atom);
            }
        }
        may.push(possible);
        must.push(certain);
    }
    Column { samples, may, must }
}

/// Collects the constants of a test; false when it is not a test against constants.
fn gather(test: &UnaryTest, machine: &mut Machine, out: &mut Vec<Value>) -> bool {
    match test {
        UnaryTest::Compare(_, end) => constant(end, machine, out),
        UnaryTest::Not(tests) => tests.iter().all(|t| gather(t, machine, out)),
        UnaryTest::Expr {
            expr,
            uses_input: false,
        } => constant(expr, machine, out),
        UnaryTest::Expr {
            expr,
            uses_input: true,
        } => condition(expr, machine, out),
    }
}

/// A condition made only of comparisons of `?` itself with constants.
fn condition(expr: &Expr, machine: &mut Machine, out: &mut Vec<Value>) -> bool {
    let input = |e: &Expr| matches!(&e.kind, ExprKind::Name { name, .. } if &**name == "?");
    match &expr.kind {
        ExprKind::And(a, b) | ExprKind::Or(a, b) => {
            condition(a, machine, out) && condition(b, machine, out)
        }
        ExprKind::Builtin(crate::feel::builtin::Builtin::Not, args) => {
            args.iter().all(|a| condition(a, machine, out))
        }
        ExprKind::Compare(_, a, b) if input(a) => constant(b, machine, out),
        ExprKind::Compare(_, a, b) if input(b) => constant(a, machine, out),
        ExprKind::Between(x, a, b) if input(x) => {
            constant(a, machine, out) && constant(b, machine, out)
        }
        ExprKind::In { value, tests, .. } if input(value) => {
            tests.iter().all(|t| gather(t, machine, out))
        }
        _ => false,
    }
}

/// Evaluates an expression without names and collects its values; false when it has names.
fn constant(expr: &Expr, machine: &mut Machine, out: &mut Vec<Value>) -> bool {
    let mut named = false;
    expr.visit(&mut |e| {
        named |= match &e.kind {
            ExprKind::Name { target, .. } => !matches!(target, Target::Builtin(_)),
            ExprKind::Call { .. } | ExprKind::FunctionDef(_) | ExprKind::Table(_) => true,
            ExprKind::Builtin(f, _) => {
                matches!(
                    f,
                    crate::feel::builtin::Builtin::Now | crate::feel::builtin::Builtin::Today
                )
            }
            _ => false,
        };
    });
    if named {
        return false;
    }
    match machine.run(&Fixed(Vec::new()), expr, &[]) {
        Ok(value) => {
            collect(&value, out);
            true
        }
        Err(_) => false,
    }
}

fn collect(value: &Value, out: &mut Vec<Value>) {
    match value {
        Value::List(items) => items.iter().for_each(|v| collect(v, out)),
        Value::Range(range) => {
            collect(&range.low, out);
            collect(&range.high, out);
        }
        Value::Null => {}
        other => out.push(other.clone()),
    }
}

/// Does a cell test for null in so many words?
pub(crate) fn mentions_null(tests: &UnaryTests) -> bool {
    fn null(expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Literal(Value::Null))
    }
    fn one(test: &UnaryTest) -> bool {
        match test {
            UnaryTest::Compare(_, end) => null(end),
            UnaryTest::Not(tests) => tests.iter().any(one),
            UnaryTest::Expr { expr, .. } => match &expr.kind {
                ExprKind::Compare(_, a, b) => null(a) || null(b),
                ExprKind::List(items) => items.iter().any(null),
                _ => null(expr),
            },
        }
    }
    tests.tests.iter().any(one)
}

/// One value of each atom into which the constants cut a type; points before the stretches beside them.
fn samples(ty: &Type, mut constants: Vec<Value>) -> Vec<Value> {
    match ty.plain() {
        Type::Boolean => return vec![Value::Boolean(true), Value::Boolean(false)],
        Type::Enum(texts) => return texts.iter().map(|t| Value::Text(t.clone())).collect(),
        _ => {}
    }
    constants.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
    constants.dedup_by(|a, b| a.equals(b) == Some(true));
    let mut out = constants.clone();
    match (ty.plain(), constants.first()) {
        (Type::Number(_), _) | (Type::Any, Some(Value::Number(_))) => {
            let points: Vec<Number> = constants.iter().filter_map(Value::as_number).collect();
            out.extend(
                between_numbers(&points, ty.unit())
                    .into_iter()
                    .map(Value::Number),
            );
            if matches!(ty.unit(), Some(Unit::Persons | Unit::Items | Unit::Age)) {
                out.retain(|v| v.as_number().is_some_and(|n| !n.is_negative()));
            }
            if matches!(ty.unit(), Some(Unit::Persons | Unit::Items)) {
                out.retain(|v| v.as_number().is_some_and(Number::is_integer));
            }
        }
        (Type::Date | Type::YearMonth, _) | (Type::Any, Some(Value::Date(_))) => {
            let points: Vec<i64> = constants
                .iter()
                .filter_map(|v| v.as_date().map(Date::days))
                .collect();
            out.extend(
                between_days(&points)
                    .into_iter()
                    .filter_map(Date::from_days)
                    .map(Value::Date),
            );
        }
        (Type::Text, _) | (Type::Any, Some(Value::Text(_))) => {
            // A text that no cell names. Comparisons of texts by order are rare; this one is last.
            out.push(Value::text("…"));
        }
        (Type::Any, Some(Value::Boolean(_))) => {
            out = vec![Value::Boolean(true), Value::Boolean(false)]
        }
        (Type::Any, None) => out.push(Value::text("…")),
        _ => out.extend(beyond(&constants)),
    }
    out
}

fn between_numbers(points: &[Number], unit: Option<Unit>) -> Vec<Number> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return vec![Number::ONE];
    };
    let whole = matches!(unit, Some(Unit::Persons | Unit::Items));
    let mut out = Vec::with_capacity(points.len() + 1);
    let (below, above) = if whole {
        (first.floor(), last.ceiling())
    } else {
        (*first, *last)
    };
    // Whole numbers step to their neighbours; others go one beyond.
    let step_down = if whole && below < *first {
        Some(below)
    } else {
        below.sub(Number::ONE)
    };
    let step_up = if whole && above > *last {
        Some(above)
    } else {
        above.add(Number::ONE)
    };
    out.extend(step_down);
    for pair in points.windows(2) {
        let middle = pair[0].add(pair[1]).and_then(|s| s.div(Number::int(2)));
        if whole {
            // A whole number strictly between the two, if there is one.
            let next = pair[0].floor().add(Number::ONE);
            out.extend(next.filter(|n| *n < pair[1]));
        } else {
            let rounded = middle.map(|m| m.round(0, Rounding::Floor));
            out.extend(rounded.filter(|m| *m > pair[0] && *m < pair[1]).or(middle));
        }
    }
    out.extend(step_up);
    out
}

fn between_days(points: &[i64]) -> Vec<i64> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return vec![0];
    };
    let mut out = vec![first - 1];
    for pair in points.windows(2) {
        if pair[1] - pair[0] > 1 {
            out.push(pair[0] + 1);
        }
    }
    out.push(last + 1);
    out
}

/// Values beyond and between constants of the other ordered kinds.
fn beyond(points: &[Value]) -> Vec<Value> {
    use crate::feel::temporal::DaysTime;
    let mut out = Vec::new();
    for point in points {
        match point {
            Value::YearsMonths(m) => {
                out.push(Value::YearsMonths(m - 1));
                out.push(Value::YearsMonths(m + 1));
            }
            Value::DaysTime(d) => {
                for nanos in [d.nanos() - 1_000_000_000, d.nanos() + 1_000_000_000] {
                    out.extend(DaysTime::from_nanos(nanos).map(Value::DaysTime));
                }
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests;
