//! Unary tests: the cells of decision tables, and what stands after `in`.

use super::*;
use crate::feel::ast::{Compare, ExprKind, Target, UnaryTest, UnaryTests};
use crate::feel::typing;

impl Parser<'_> {
    /// A whole cell.
    pub(super) fn unary_tests(&mut self, input: &Type) -> Read<UnaryTests> {
        let local = self.locals.len() as u32 - 1;
        self.peek()?;
        let start = self.at;
        if self.source[self.at..].trim() == "-" {
            self.at = self.source.len();
            return Ok(UnaryTests {
                span: Span::new(start, start + 1),
                negated: false,
                tests: Vec::new(),
                local,
            });
        }
        if self.word()? == "not" {
            let mark = (self.at, self.diagnostics.len());
            self.at += "not".len();
            if self.take("(")? {
                let tests = self.tests(input, ")")?;
                self.expect(")")?;
                if self.peek()?.is_none() {
                    let span = Span::new(start, self.at);
                    return Ok(UnaryTests {
                        span,
                        negated: true,
                        tests,
                        local,
                    });
                }
            }
            self.at = mark.0;
            self.diagnostics.truncate(mark.1);
        }
        let tests = self.tests(input, "")?;
        Ok(UnaryTests {
            span: Span::new(start, self.at),
            negated: false,
            tests,
            local,
        })
    }

    fn tests(&mut self, input: &Type, _end: &str) -> Read<Vec<UnaryTest>> {
        let mut tests = vec![self.test(input)?];
        while self.take(",")? {
            tests.push(self.test(input)?);
        }
        Ok(tests)
    }

    fn test(&mut self, input: &Type) -> Read<UnaryTest> {
        let tested = self.tested(input);
        if let Some(op) = self.take_comparison()? {
            let end = self.expression()?;
            self.check_comparable(op, &tested, &end);
            return Ok(UnaryTest::Compare(op, end.expr));
        }
        let before = self
            .locals
            .last_mut()
            .map(|l| std::mem::replace(&mut l.used, false));
        let parsed = self.expression()?;
        let kind = self.locals.last().map(|l| (l.kind, l.used));
        if let (Some(local), Some(before)) = (self.locals.last_mut(), before) {
            local.used |= before;
        }
        let uses_input = matches!(kind, Some((LocalKind::Input, true)));
        if uses_input {
            self.boolean(&parsed);
        } else {
            self.check_test(&tested, &parsed);
        }
        Ok(UnaryTest::Expr {
            expr: parsed.expr,
            uses_input,
        })
    }

    /// The tested value as something to compare with.
    fn tested(&self, input: &Type) -> Parsed {
        let target = Target::Local(self.locals.len().saturating_sub(1) as u32);
        let span = Span::new(self.at, self.at);
        Parsed {
            expr: Expr::new(
                span,
                ExprKind::Name {
                    name: "?".into(),
                    target,
                },
            ),
            ty: input.clone(),
        }
    }

    /// A value, a list of values, a range: does it fit what is tested?
    fn check_test(&mut self, tested: &Parsed, test: &Parsed) {
        if !self.strict() {
            return;
        }
        let span = test.expr.span;
        match test.ty.plain() {
            Type::Range(item) => {
                let item = Parsed {
                    expr: Expr::null(),
                    ty: (**item).clone(),
                };
                if let Err(found) = typing::comparable(Compare::Lt, &tested.ty, &item.ty) {
                    self.report(operators::of_mismatch(found, span));
                }
            }
            Type::List(item) if !matches!(tested.ty.plain(), Type::List(_)) => {
                if let ExprKind::List(items) = &test.expr.kind {
                    for value in items {
                        self.check_enumeration(&tested.ty, value);
                    }
                }
                if let Err(found) = typing::comparable(Compare::Eq, &tested.ty, item) {
                    self.report(operators::of_mismatch(found, span));
                }
            }
            _ => {
                let right = Parsed {
                    expr: test.expr.clone(),
                    ty: test.ty.clone(),
                };
                let left = Parsed {
                    expr: Expr::literal(span, Default::default()),
                    ty: tested.ty.clone(),
                };
                self.check_comparable(Compare::Eq, &left, &right);
            }
        }
    }

    /// After `in`: one test, or several in parentheses.
    pub(super) fn membership(&mut self, value: Parsed) -> Read<Parsed> {
        let local = self.push_local("", value.ty.clone(), LocalKind::Plain);
        let tests = self.membership_tests(&value.ty);
        self.locals.pop();
        let tests = tests?;
        let span = Span::new(value.expr.span.start as usize, self.at);
        let kind = ExprKind::In {
            value: Box::new(value.expr),
            local,
            tests,
        };
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty: Type::Boolean,
        })
    }

    fn membership_tests(&mut self, input: &Type) -> Read<Vec<UnaryTest>> {
        if self.peek()? == Some('(') {
            let mark = (self.at, self.diagnostics.len());
            self.at += 1;
            let tests = self.deeper(|p| p.tests(input, ")"));
            // Not a list of tests but a range `(1..5]` or an expression that goes on: read again.
            match tests {
                Ok(tests) if self.take(")")? && !self.goes_on()? => return Ok(tests),
                // Reading again what is nested too deep would double the work at each level.
                Err(Stop) if self.hopeless(mark.1) => return Err(Stop),
                _ => {
                    self.at = mark.0;
                    self.diagnostics.truncate(mark.1);
                }
            }
        }
        let tested = self.tested(input);
        if let Some(op) = self.take_comparison()? {
            let end = self.sum_for_range()?;
            self.check_comparable(op, &tested, &end);
            return Ok(vec![UnaryTest::Compare(op, end.expr)]);
        }
        let parsed = self.sum_for_range()?;
        self.check_test(&tested, &parsed);
        Ok(vec![UnaryTest::Expr {
            expr: parsed.expr,
            uses_input: false,
        }])
    }

    /// Was a limit met since there were so many diagnostics?
    fn hopeless(&self, since: usize) -> bool {
        let met = |d: &Diagnostic| matches!(d.code, "too-deep" | "too-complex");
        self.diagnostics.iter().skip(since).any(met)
    }

    /// Does an operator follow that makes the parentheses part of a larger operand?
    fn goes_on(&mut self) -> Read<bool> {
        Ok(
            matches!(self.peek()?, Some('.' | '[' | '(' | '+' | '*' | '/'))
                || (self.peek()? == Some('-')),
        )
    }
}
