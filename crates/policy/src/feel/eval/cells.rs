//! Unary tests and decision tables.

use super::{Eval, Fault, Host, Machine};
use crate::feel::ast::{Compare, ExprKind, Span, UnaryTest, UnaryTests};
use crate::feel::number::Number;
use crate::feel::table::{Hit, Outcome, Rows, Table};
use crate::feel::value::{Context, Value};
use std::sync::Arc;

/// Most inputs of a table that are evaluated when they are asked for: one bit each.
const MAX_LENT: usize = 12;

impl Machine {
    /// Does `value` pass the tests? It is pushed as the next local, where the parser put `?`.
    pub(super) fn cell(
        &mut self,
        host: &dyn Host,
        tests: &UnaryTests,
        value: Value,
    ) -> Eval<Option<bool>> {
        if tests.tests.is_empty() {
            return Ok(Some(!tests.negated));
        }
        let length = self.stack.len();
        self.stack.push(value);
        let answer = self.any_test(host, &tests.tests, length);
        self.stack.truncate(length);
        let answer = answer?;
        Ok(if tests.negated {
            answer.map(|a| !a)
        } else {
            answer
        })
    }

    /// As [`Machine::cell`] for a value that is only lent: tests against literals, which is what nearly
    /// all cells are, need neither a copy nor a place on the stack.
    fn lent_cell(
        &mut self,
        host: &dyn Host,
        tests: &UnaryTests,
        value: &Value,
    ) -> Eval<Option<bool>> {
        let mut unknown = false;
        for test in &tests.tests {
            let answer = match test {
                UnaryTest::Compare(op, end) => match &end.kind {
                    ExprKind::Literal(end) => self.compare_values(*op, value, end, false),
                    _ => return self.cell(host, tests, value.clone()),
                },
                UnaryTest::Expr {
                    expr,
                    uses_input: false,
                } => match &expr.kind {
                    ExprKind::Literal(literal) => self.passes(value, literal, literal.is_null()),
                    _ => return self.cell(host, tests, value.clone()),
                },
                _ => return self.cell(host, tests, value.clone()),
            };
            match answer {
                Some(true) => return Ok(Some(!tests.negated)),
                Some(false) => {}
                None => unknown = true,
            }
        }
        Ok(if unknown { None } else { Some(tests.negated) })
    }

    /// A strict table of one result with hit policy U or F, which is what laws mostly have. An input is
    /// evaluated when the first cell asks for it, so that what no row needs is not needed.
    fn single(&mut self, host: &dyn Host, table: &Table, span: Span) -> Eval<Outcome> {
        self.with_buffer(|machine, inputs| {
            inputs.resize(table.inputs.len(), Value::Null);
            machine.single_row(host, table, inputs, span)
        })
    }

    fn single_row(
        &mut self,
        host: &dyn Host,
        table: &Table,
        inputs: &mut [Value],
        span: Span,
    ) -> Eval<Outcome> {
        let mut evaluated = 0u32;
        let mut fired = None;
        for (index, rule) in table.rules.iter().enumerate() {
            self.step(rule.span)?;
            let mut matched = Some(true);
            for (at, tests) in rule.tests.iter().enumerate() {
                if tests.is_any() {
                    continue;
                }
                if evaluated & 1 << at == 0 {
                    inputs[at] = self.eval(host, &table.inputs[at].expr)?;
                    evaluated |= 1 << at;
                }
                match self.lent_cell(host, tests, &inputs[at])? {
                    Some(true) => {}
                    Some(false) => {
                        matched = Some(false);
                        break;
                    }
                    None => matched = None,
                }
            }
            match matched {
                Some(true) if fired.is_some() => return self.no_result(span),
                Some(true) => fired = Some(index),
                Some(false) => {}
                // Whether this row holds is not known, so neither is the result.
                None => {
                    return Ok(Outcome {
                        value: Value::Null,
                        fired: Rows::None,
                    });
                }
            }
            if table.hit == Hit::First && fired.is_some() {
                break;
            }
        }
        let Some(row) = fired else {
            return self.default_result(host, table, span);
        };
        let value = self.eval(host, &table.rules[row].outputs[0])?;
        Ok(Outcome {
            value,
            fired: Rows::One(row as u32),
        })
    }

    /// Three-valued `or` over tests of the value at `place` on the stack.
    pub(super) fn any_test(
        &mut self,
        host: &dyn Host,
        tests: &[UnaryTest],
        place: usize,
    ) -> Eval<Option<bool>> {
        let mut unknown = false;
        for test in tests {
            match self.test(host, test, place)? {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => unknown = true,
            }
        }
        Ok(if unknown { None } else { Some(false) })
    }

    fn test(&mut self, host: &dyn Host, test: &UnaryTest, place: usize) -> Eval<Option<bool>> {
        match test {
            UnaryTest::Compare(op, end) => {
                let end = self.eval(host, end)?;
                let value = self.stack[place].clone();
                Ok(self.compare_values(*op, &value, &end, false))
            }
            UnaryTest::Not(tests) => Ok(self.any_test(host, tests, place)?.map(|a| !a)),
            UnaryTest::Expr { expr, uses_input } => {
                let answer = self.eval(host, expr)?;
                if *uses_input {
                    return Ok(answer.as_bool());
                }
                let value = self.stack[place].clone();
                let explicit =
                    matches!(expr.kind, crate::feel::ast::ExprKind::Literal(Value::Null));
                Ok(self.passes(&value, &answer, explicit))
            }
        }
    }

    /// Is `value` equal to the test's value, in its list, or in its range?
    fn passes(&self, value: &Value, test: &Value, explicit: bool) -> Option<bool> {
        if self.strict() && !explicit && (value.is_null() || test.is_null()) {
            return None;
        }
        match (value, test) {
            (Value::Range(_), Value::Range(_)) => value.equals(test),
            (_, Value::Range(range)) => range.contains(value),
            (Value::List(_), Value::List(items)) => {
                if value.equals(test) == Some(true) {
                    return Some(true);
                }
                Some(items.iter().any(|item| value.equals(item) == Some(true)))
            }
            (_, Value::List(items)) => {
                let mut unknown = false;
                for item in items.iter() {
                    match self.passes_item(value, item) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => unknown = true,
                    }
                }
                if unknown && self.strict() {
                    None
                } else {
                    Some(false)
                }
            }
            _ => value.equals(test),
        }
    }

    fn passes_item(&self, value: &Value, item: &Value) -> Option<bool> {
        match item {
            Value::Range(range) => range.contains(value),
            Value::Null if self.strict() => None,
            _ => value.equals(item),
        }
    }

    /// Evaluates a table in the current frame.
    pub(super) fn table(&mut self, host: &dyn Host, table: &Table, span: Span) -> Eval<Outcome> {
        let one = matches!(table.hit, Hit::Unique | Hit::First) && table.outputs.len() == 1;
        if self.strict() && one && table.inputs.len() <= MAX_LENT {
            return self.single(host, table, span);
        }
        let mut inputs = Vec::with_capacity(table.inputs.len());
        for input in &table.inputs {
            let mut value = self.eval(host, &input.expr)?;
            if !self.strict() {
                match self.conform(host, value, &input.ty)? {
                    Some(fitted) => value = fitted,
                    None => return self.no_result(span),
                }
                if let Some(allowed) = &input.allowed
                    && !(value.is_null() && allowed.is_any())
                    && self.cell(host, allowed, value.clone())? != Some(true)
                {
                    return self.no_result(span);
                }
            }
            inputs.push(value);
        }
        let mut matching: Vec<u32> = Vec::new();
        for (index, rule) in table.rules.iter().enumerate() {
            self.step(rule.span)?;
            let mut matched = Some(true);
            for (at, (tests, value)) in rule.tests.iter().zip(&inputs).enumerate() {
                let mut answer = self.cell(host, tests, value.clone())?;
                if answer.is_none() && value.is_null() && null_counts(table, at) {
                    answer = Some(false);
                }
                match answer {
                    Some(true) => {}
                    Some(false) => {
                        matched = Some(false);
                        break;
                    }
                    None => matched = None,
                }
            }
            match matched {
                Some(true) => matching.push(index as u32),
                // Strict: whether this row holds is not known, so neither is the result.
                None if self.strict() => {
                    return Ok(Outcome {
                        value: Value::Null,
                        fired: Rows::None,
                    });
                }
                _ => {}
            }
            if table.hit == Hit::First && !matching.is_empty() {
                break;
            }
        }
        self.result(host, table, matching, span)
    }

    fn no_result(&self, span: Span) -> Eval<Outcome> {
        self.misfit(span, || Fault::Argument("decision table"))?;
        Ok(Outcome {
            value: Value::Null,
            fired: Rows::None,
        })
    }

    fn result(
        &mut self,
        host: &dyn Host,
        table: &Table,
        fired: Vec<u32>,
        span: Span,
    ) -> Eval<Outcome> {
        if fired.is_empty() {
            return self.default_result(host, table, span);
        }
        let mut rows = Vec::with_capacity(fired.len());
        let single = matches!(table.hit, Hit::Unique | Hit::First);
        if table.hit == Hit::Unique && fired.len() > 1 {
            return self.no_result(span);
        }
        for &rule in &fired {
            rows.push(self.row(host, table, rule)?);
            if single {
                break;
            }
        }
        let mut fired = fired;
        match table.hit {
            Hit::Unique | Hit::First => {}
            Hit::Any => {
                let first = &rows[0];
                let agree = rows.iter().all(|row| {
                    row.iter()
                        .zip(first)
                        .all(|(a, b)| a.equals(b) == Some(true))
                });
                if !agree {
                    return self.no_result(span);
                }
                rows.truncate(1);
            }
            Hit::Priority | Hit::OutputOrder => {
                let rank = |row: &[Value]| -> Vec<usize> {
                    let ranks = table.outputs.iter().zip(row);
                    ranks
                        .map(|(o, v)| {
                            let at = o.allowed.iter().position(|a| a.equals(v) == Some(true));
                            at.unwrap_or(o.allowed.len())
                        })
                        .collect()
                };
                let mut order: Vec<usize> = (0..rows.len()).collect();
                order.sort_by_key(|i| rank(&rows[*i]));
                if table.hit == Hit::Priority {
                    order.truncate(1);
                }
                fired = order.iter().map(|i| fired[*i]).collect();
                rows = order.iter().map(|i| rows[*i].clone()).collect();
            }
            Hit::RuleOrder | Hit::Collect => {}
            Hit::Sum | Hit::Min | Hit::Max | Hit::Count => {
                let value = self.aggregate(table, &rows, span)?;
                let fired = fired.into();
                return Ok(Outcome { value, fired });
            }
        }
        let mut values: Vec<Value> = rows.into_iter().map(|row| assemble(table, row)).collect();
        let value = if table.hit.is_multiple() {
            Value::list(values)
        } else {
            fired.truncate(1);
            values.swap_remove(0)
        };
        let fired = fired.into();
        Ok(Outcome { value, fired })
    }

    fn row(&mut self, host: &dyn Host, table: &Table, rule: u32) -> Eval<Vec<Value>> {
        let rule = &table.rules[rule as usize];
        let mut row = Vec::with_capacity(table.outputs.len());
        for (cell, output) in rule.outputs.iter().zip(&table.outputs) {
            let value = self.eval(host, cell)?;
            row.push(if self.strict() {
                value
            } else {
                self.conform(host, value, &output.ty)?.unwrap_or_default()
            });
        }
        Ok(row)
    }

    fn default_result(&mut self, host: &dyn Host, table: &Table, span: Span) -> Eval<Outcome> {
        let fired = Rows::None;
        if table.outputs.iter().all(|o| o.default.is_none()) {
            let value = match table.hit {
                Hit::Count if self.strict() => Value::Number(Number::ZERO),
                Hit::Sum if self.strict() => Value::Number(Number::ZERO),
                Hit::Collect | Hit::RuleOrder | Hit::OutputOrder if self.strict() => {
                    Value::list(Vec::new())
                }
                _ => Value::Null,
            };
            return Ok(Outcome { value, fired });
        }
        let mut row = Vec::new();
        for output in &table.outputs {
            row.push(match &output.default {
                Some(default) => self.eval(host, default)?,
                None => Value::Null,
            });
        }
        let _ = span;
        Ok(Outcome {
            value: assemble(table, row),
            fired,
        })
    }

    fn aggregate(&mut self, table: &Table, rows: &[Vec<Value>], span: Span) -> Eval {
        let mut values = rows.iter().filter_map(|row| row.first());
        if table.hit == Hit::Count {
            return Ok(Value::Number(Number::int(rows.len() as i64)));
        }
        let Some(first) = values.next() else {
            return Ok(Value::Null);
        };
        let mut best = first.clone();
        for value in values {
            best = match table.hit {
                Hit::Sum => self.arith(crate::feel::ast::Arith::Add, &best, value, span)?,
                hit => {
                    let op = if hit == Hit::Min {
                        Compare::Lt
                    } else {
                        Compare::Gt
                    };
                    match self.compare_values(op, value, &best, false) {
                        Some(true) => value.clone(),
                        Some(false) => best,
                        None => return Ok(Value::Null),
                    }
                }
            };
        }
        Ok(best)
    }
}

/// Is null a value like others in a column? It is where some row tests for it in so many words.
fn null_counts(table: &Table, column: usize) -> bool {
    let mut cells = table.rules.iter().filter_map(|rule| rule.tests.get(column));
    cells.any(crate::feel::table::analyse::mentions_null)
}

/// One output as it is, several as a context.
fn assemble(table: &Table, mut row: Vec<Value>) -> Value {
    if table.outputs.len() == 1 {
        return row.pop().unwrap_or_default();
    }
    let names = table
        .outputs
        .iter()
        .map(|o| o.name.clone().unwrap_or_else(|| Arc::from("")));
    Value::Context(Arc::new(names.zip(row).collect::<Context>()))
}

impl Machine {
    /// Does a value pass tests that name nothing but `?`?
    pub fn test_value(&mut self, tests: &UnaryTests, value: Value) -> Eval<Option<bool>> {
        let before = vec![Value::Null; tests.local as usize];
        self.framed(&before, |machine| {
            machine.cell(&super::Fixed(Vec::new()), tests, value)
        })
    }
}
