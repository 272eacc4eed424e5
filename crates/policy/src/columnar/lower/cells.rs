//! Unary tests and decision tables over columns.

use super::{Lower, Lowered, stuck};
use crate::columnar::graph::{FALSE, Ref, TRUE};
use crate::columnar::term::*;
use crate::feel::ast::{ExprKind, UnaryTest, UnaryTests};
use crate::feel::table::{Hit, Table};
use crate::feel::value::Value;
use std::rc::Rc;
use std::sync::Arc;

impl Lower<'_> {
    /// Three-valued `or` over tests of the value at `place`.
    pub(super) fn any_test(&mut self, tests: &[UnaryTest], place: usize) -> Lowered {
        let mut any = boolean(FALSE, FALSE);
        for test in tests {
            let one = self.test(test, place)?;
            any = self.maker.or(&any, &one)?;
        }
        Ok(any)
    }

    pub(super) fn test(&mut self, test: &UnaryTest, place: usize) -> Lowered {
        let tested = self.locals[place].term.clone();
        match test {
            UnaryTest::Compare(op, end) => {
                let end = self.expr(end)?;
                Ok(self.maker.compare(*op, &tested, &end)?)
            }
            UnaryTest::Not(tests) => {
                let any = self.any_test(tests, place)?;
                Ok(self.maker.negated(&any)?)
            }
            UnaryTest::Expr { expr, uses_input } => {
                let answer = self.expr(expr)?;
                if *uses_input {
                    let (yes, gap) = self.maker.truth(&answer)?;
                    return Ok(boolean(yes, gap));
                }
                if matches!(expr.kind, ExprKind::Literal(Value::Null)) {
                    let gap = self.maker.gap(&tested)?;
                    return Ok(boolean(gap, FALSE));
                }
                self.passes(&tested, &answer)
            }
        }
    }

    pub(super) fn passes(&mut self, value: &Term, test: &Term) -> Lowered {
        use crate::feel::ast::Compare;
        match test {
            Term::Unknown => Ok(boolean(FALSE, TRUE)),
            Term::Range(ends) => {
                if !ends.compared && (ends.low.is_none() || ends.high.is_none()) {
                    return stuck("a range without an end");
                }
                let mut inside = boolean(TRUE, FALSE);
                for (end, closed, ops) in [
                    (&ends.low, ends.low_closed, (Compare::Ge, Compare::Gt)),
                    (&ends.high, ends.high_closed, (Compare::Le, Compare::Lt)),
                ] {
                    let Some(end) = end else { continue };
                    let op = if closed { ops.0 } else { ops.1 };
                    let answer = self.maker.compare(op, value, end)?;
                    // An unknown end makes the range unknown, whatever the other end says.
                    let (yes, gap) = self.maker.truth(&inside)?;
                    let (also, hole) = self.maker.truth(&answer)?;
                    let both = self.maker.graph.and(yes, also);
                    let gap = self.maker.graph.or(gap, hole);
                    inside = boolean(self.maker.graph.and_not(both, gap), gap);
                }
                Ok(inside)
            }
            Term::List(items) => {
                let mut any = boolean(FALSE, FALSE);
                for item in items.iter() {
                    let one = self.passes(value, item)?;
                    any = self.maker.or(&any, &one)?;
                }
                let gap = self.maker.gap(value)?;
                let (yes, hole) = self.maker.truth(&any)?;
                let graph = &mut self.maker.graph;
                let hole = graph.or(gap, hole);
                Ok(boolean(graph.and_not(yes, hole), hole))
            }
            _ => Ok(self.maker.compare(Compare::Eq, value, test)?),
        }
    }

    pub(super) fn cell(&mut self, tests: &UnaryTests, value: &Term) -> Lowered {
        if tests.tests.is_empty() {
            return Ok(boolean(if tests.negated { FALSE } else { TRUE }, FALSE));
        }
        let length = self.locals.len();
        self.push(value.clone());
        let answer = self.any_test(&tests.tests, length);
        self.locals.truncate(length);
        let answer = answer?;
        if tests.negated {
            Ok(self.maker.negated(&answer)?)
        } else {
            Ok(answer)
        }
    }

    /// Does each row match, in order?
    pub(super) fn matches(&mut self, table: &Table) -> Lowered<Vec<(Ref, Ref)>> {
        let mut inputs = Vec::new();
        for input in &table.inputs {
            inputs.push(self.expr(&input.expr)?);
        }
        let mut out = Vec::new();
        for rule in &table.rules {
            let mut matched = boolean(TRUE, FALSE);
            for (tests, value) in rule.tests.iter().zip(&inputs) {
                let one = self.cell(tests, value)?;
                matched = self.maker.and(&matched, &one)?;
            }
            out.push(self.maker.truth(&matched)?);
        }
        Ok(out)
    }

    pub(in crate::columnar) fn table(&mut self, table: &Table) -> Lowered {
        if table.outputs.iter().any(|o| o.default.is_some()) {
            return stuck("a table with a default");
        }
        let matched = self.matches(table)?;
        if table.outputs.len() == 1 {
            return self.output(table, &matched, 0);
        }
        let mut entries = Vec::new();
        for (n, output) in table.outputs.iter().enumerate() {
            let name = output.name.clone().unwrap_or_else(|| Arc::from(""));
            entries.push((name, self.output(table, &matched, n)?));
        }
        Ok(Term::Context(Rc::new(entries)))
    }

    pub(super) fn output(
        &mut self,
        table: &Table,
        matched: &[(Ref, Ref)],
        column: usize,
    ) -> Lowered {
        let mut results = Vec::new();
        for rule in &table.rules {
            results.push(self.expr(&rule.outputs[column])?);
        }
        let mut unknown = FALSE;
        for (_, gap) in matched {
            unknown = self.maker.graph.or(unknown, *gap);
        }
        match table.hit {
            Hit::First => {
                let mut out = Term::Unknown;
                for ((yes, gap), result) in matched.iter().zip(&results).rev() {
                    out = self.maker.choose(*yes, *gap, result, &out)?;
                }
                Ok(out)
            }
            Hit::Unique | Hit::Any => {
                let (mut out, mut any) = (Term::Unknown, FALSE);
                for ((yes, _), result) in matched.iter().zip(&results).rev() {
                    let twice = self.maker.graph.and(any, *yes);
                    let mut wrong = self.maker.graph.and_not(twice, unknown);
                    if table.hit == Hit::Any && wrong != FALSE {
                        let same = self.same(result, &out)?;
                        wrong = self.maker.graph.and_not(wrong, same);
                    }
                    self.maker.aside.push(wrong);
                    any = self.maker.graph.or(any, *yes);
                    out = self.maker.choose(*yes, FALSE, result, &out)?;
                }
                Ok(self.maker.choose(unknown, FALSE, &Term::Unknown, &out)?)
            }
            Hit::Count => {
                let mut n = FALSE;
                for (yes, _) in matched {
                    let one = self.maker.graph.count_of(*yes)?;
                    n = self.maker.graph.plus(n, one)?;
                }
                Ok(Term::Number {
                    n,
                    scale: 0,
                    gap: unknown,
                })
            }
            Hit::Sum | Hit::Min | Hit::Max => {
                let zero = self.maker.number(crate::feel::number::Number::ZERO)?;
                let (mut out, mut any) = (Term::Unknown, FALSE);
                for ((yes, _), result) in matched.iter().zip(&results) {
                    let after = match table.hit {
                        Hit::Sum => self.maker.sum(&out, result, false)?,
                        hit => self.maker.extreme(&out, result, hit == Hit::Max)?,
                    };
                    let after = self.maker.choose(any, FALSE, &after, result)?;
                    out = self.maker.choose(*yes, FALSE, &after, &out)?;
                    any = self.maker.graph.or(any, *yes);
                }
                if table.hit == Hit::Sum {
                    out = self.maker.choose(any, FALSE, &out, &zero)?;
                }
                Ok(self.maker.choose(unknown, FALSE, &Term::Unknown, &out)?)
            }
            _ => stuck("a table that gives a list or a priority"),
        }
    }

    /// Where two results are the same, null being the same as null.
    pub(super) fn same(&mut self, a: &Term, b: &Term) -> Lowered<Ref> {
        let equal = self.maker.compare(crate::feel::ast::Compare::Eq, a, b)?;
        let (yes, _) = self.maker.truth(&equal)?;
        let (a, b) = (self.maker.gap(a)?, self.maker.gap(b)?);
        let graph = &mut self.maker.graph;
        let both = graph.and(a, b);
        Ok(graph.or(yes, both))
    }
}
