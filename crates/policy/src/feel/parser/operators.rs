//! Operators, loosest first: or, and, comparison, sum, product, power, minus, `instance of`.

use super::*;
use crate::feel::ast::{Arith, Compare, ExprKind, Target};
use crate::feel::typing::{self, Mismatch};
use crate::feel::value::Value;

/// What a name, or a field of a name, stands for: the name's target and the fields after it.
pub(super) fn place(expr: &Expr) -> Option<(Target, Vec<Arc<str>>)> {
    match &expr.kind {
        ExprKind::Name { target, .. } if !matches!(target, Target::Unknown) => {
            Some((target.clone(), Vec::new()))
        }
        ExprKind::Path { base, name, .. } => {
            let (target, mut fields) = place(base)?;
            fields.push(name.clone());
            Some((target, fields))
        }
        _ => None,
    }
}

/// An operator between two operands.
#[derive(Clone, Copy)]
enum Infix {
    Or,
    And,
    Compare(Compare),
    Between,
    In,
    Arith(Arith),
}

impl Infix {
    /// How tightly it binds.
    fn level(self) -> u8 {
        match self {
            Infix::Or => 1,
            Infix::And => 2,
            Infix::Compare(_) | Infix::Between | Infix::In => 3,
            Infix::Arith(Arith::Add | Arith::Sub) => 4,
            Infix::Arith(Arith::Mul | Arith::Div) => 5,
            Infix::Arith(Arith::Pow) => 6,
        }
    }
}

/// The comparison that a text starts with, and its length.
fn comparison_sign(text: &str) -> Option<(Compare, usize)> {
    let signs = [
        ("!=", Compare::Ne),
        ("<=", Compare::Le),
        (">=", Compare::Ge),
        ("=", Compare::Eq),
        ("<", Compare::Lt),
        (">", Compare::Gt),
    ];
    signs
        .into_iter()
        .find(|(sign, _)| text.starts_with(sign))
        .map(|(sign, op)| (op, sign.len()))
}

impl Parser<'_> {
    /// Any expression.
    pub(super) fn expression(&mut self) -> Read<Parsed> {
        self.deeper(|p| {
            let closing = std::mem::replace(&mut p.closing, false);
            let result = p.operators(1);
            p.closing = closing;
            result
        })
    }

    /// Operators that bind at least as tightly as `least`, by precedence climbing: one frame of the
    /// stack for all levels, since parentheses nest.
    fn operators(&mut self, least: u8) -> Read<Parsed> {
        let mut left = self.minus()?;
        while let Some(operator) = self.infix(least)? {
            left = self.combine(operator, left)?;
        }
        Ok(left)
    }

    /// Takes the next operator if it binds at least as tightly as `least`.
    fn infix(&mut self, least: u8) -> Read<Option<Infix>> {
        let Some(c) = self.peek()? else {
            return Ok(None);
        };
        let rest = &self.source[self.at..];
        let (operator, length) = match c {
            '+' => (Infix::Arith(Arith::Add), 1),
            '-' => (Infix::Arith(Arith::Sub), 1),
            '*' if rest.starts_with("**") => (Infix::Arith(Arith::Pow), 2),
            '*' => (Infix::Arith(Arith::Mul), 1),
            '/' => (Infix::Arith(Arith::Div), 1),
            '!' | '<' | '>' | '=' => match comparison_sign(rest) {
                Some((op, length)) => (Infix::Compare(op), length),
                None => return Ok(None),
            },
            _ => match self.word()? {
                "or" => (Infix::Or, 2),
                "and" => (Infix::And, 3),
                "between" => (Infix::Between, 7),
                "in" => (Infix::In, 2),
                _ => return Ok(None),
            },
        };
        if operator.level() < least {
            return Ok(None);
        }
        self.at += length;
        Ok(Some(operator))
    }

    fn combine(&mut self, operator: Infix, left: Parsed) -> Read<Parsed> {
        match operator {
            Infix::Or => self.logic(left, false),
            Infix::And => self.logic(left, true),
            Infix::Compare(op) => {
                let right = self.operators(4)?;
                self.compare(op, left, right)
            }
            Infix::Between => self.between(left),
            Infix::In => self.membership(left),
            Infix::Arith(op) => {
                let right = self.operators(operator.level() + 1)?;
                self.arith(op, left, right)
            }
        }
    }

    /// `and` (or `or`): the right side is read knowing that the left holds (or does not).
    fn logic(&mut self, left: Parsed, and: bool) -> Read<Parsed> {
        self.boolean(&left);
        let mark = self.known.len();
        self.learn(&left.expr, and);
        let right = self.operators(if and { 3 } else { 2 });
        self.known.truncate(mark);
        let right = right?;
        self.boolean(&right);
        let span = left.expr.span.to(right.expr.span);
        let (a, b) = (Box::new(left.expr), Box::new(right.expr));
        let kind = if and {
            ExprKind::And(a, b)
        } else {
            ExprKind::Or(a, b)
        };
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty: Type::Boolean,
        })
    }

    fn between(&mut self, left: Parsed) -> Read<Parsed> {
        let low = self.operators(4)?;
        self.expect_word("and")?;
        let high = self.operators(4)?;
        for bound in [&low, &high] {
            self.check_comparable(Compare::Le, &left, bound);
        }
        let span = left.expr.span.to(high.expr.span);
        let kind = ExprKind::Between(Box::new(left.expr), Box::new(low.expr), Box::new(high.expr));
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty: Type::Boolean,
        })
    }

    /// In strict mode, complains unless it is a boolean.
    pub(super) fn boolean(&mut self, parsed: &Parsed) {
        if !matches!(parsed.ty.plain(), Type::Boolean | Type::Any | Type::Null) {
            let shown = self.describe(&parsed.ty);
            let span = parsed.expr.span;
            self.misfit(|| {
                Diagnostic::new(
                    "type-mismatch",
                    span,
                    format!("此处须为是否（true 或 false），而类型是 {shown}"),
                    format!("a boolean is needed here, not {shown}"),
                )
            });
        }
    }

    /// Remembers what is not null where `condition` has been found to be `holds`.
    pub(super) fn learn(&mut self, condition: &Expr, holds: bool) {
        match &condition.kind {
            ExprKind::Compare(op, a, b) => {
                let tests_null = |e: &Expr| matches!(e.kind, ExprKind::Literal(Value::Null));
                let about = if tests_null(b) {
                    a
                } else if tests_null(a) {
                    b
                } else {
                    return;
                };
                let not_null = (*op == Compare::Ne && holds) || (*op == Compare::Eq && !holds);
                if let (Some(place), true) = (place(about), not_null) {
                    self.known.push(place);
                }
            }
            ExprKind::And(a, b) if holds => {
                self.learn(a, true);
                self.learn(b, true);
            }
            ExprKind::Or(a, b) if !holds => {
                self.learn(a, false);
                self.learn(b, false);
            }
            _ => {}
        }
    }

    /// A comparison sign at the start of a test or of a range in parentheses.
    pub(super) fn take_comparison(&mut self) -> Read<Option<Compare>> {
        self.peek()?;
        Ok(
            comparison_sign(&self.source[self.at..]).map(|(op, length)| {
                self.at += length;
                op
            }),
        )
    }

    fn compare(&mut self, op: Compare, left: Parsed, right: Parsed) -> Read<Parsed> {
        self.check_comparable(op, &left, &right);
        let span = left.expr.span.to(right.expr.span);
        let kind = ExprKind::Compare(op, Box::new(left.expr), Box::new(right.expr));
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty: Type::Boolean,
        })
    }

    /// Types, units, texts outside an enumeration, and tests for null of what is never null.
    pub(super) fn check_comparable(&mut self, op: Compare, left: &Parsed, right: &Parsed) {
        if !self.strict() {
            return;
        }
        let span = left.expr.span.to(right.expr.span);
        for (tested, null) in [(left, right), (right, left)] {
            if null.ty == Type::Null && !tested.ty.is_nullable() {
                let shown = self.describe(&tested.ty);
                self.report(
                    Diagnostic::new(
                        "never-null",
                        span,
                        format!("类型 {shown} 不可判断 null：缺少的数据一律按未知处理"),
                        format!(
                            "{shown} may not be tested for null: what is missing stays unknown"
                        ),
                    )
                    .mend(
                        format!("把类型声明为 `{shown}?`"),
                        format!("declare the type as `{shown}?`"),
                    ),
                );
                return;
            }
        }
        if let Err(found) = typing::comparable(op, &left.ty, &right.ty) {
            self.report(of_mismatch(found, span));
            return;
        }
        self.check_enumeration(&left.ty, &right.expr);
        self.check_enumeration(&right.ty, &left.expr);
    }

    /// Is a text literal one of the texts that the type has?
    pub(super) fn check_enumeration(&mut self, ty: &Type, literal: &Expr) {
        let (Type::Enum(texts), ExprKind::Literal(Value::Text(text))) = (ty.plain(), &literal.kind)
        else {
            return;
        };
        if texts.contains(text) {
            return;
        }
        let all: Vec<String> = texts.iter().map(|t| format!("\"{t}\"")).collect();
        let all = all.join(", ");
        let span = literal.span;
        let shown = text.clone();
        self.misfit(|| {
            Diagnostic::new(
                "not-in-enumeration",
                span,
                format!("\"{shown}\" 不在可取的值之中"),
                format!("\"{shown}\" is not one of the values that it can have"),
            )
            .mend(format!("可取：{all}"), format!("one of {all}"))
        });
    }

    /// An operand of a comparison; in the upper end of a range, brackets may close it.
    pub(super) fn sum_for_range(&mut self) -> Read<Parsed> {
        self.deeper(|p| p.operators(4))
    }

    fn arith(&mut self, op: Arith, left: Parsed, right: Parsed) -> Read<Parsed> {
        let span = left.expr.span.to(right.expr.span);
        let ty = match typing::arith(op, &left.ty, &right.ty) {
            Ok(ty) => ty,
            Err(found) => {
                self.misfit(|| of_mismatch(found, span));
                Type::Any
            }
        };
        let kind = ExprKind::Arith(op, Box::new(left.expr), Box::new(right.expr));
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty,
        })
    }

    fn minus(&mut self) -> Read<Parsed> {
        if self.peek()? != Some('-') {
            return self.instance();
        }
        let start = self.at;
        self.at += 1;
        let inner = self.deeper(|p| p.minus())?;
        let span = Span::new(start, start).to(inner.expr.span);
        let ty = match inner.ty.plain() {
            ty @ (Type::Number(_) | Type::YearsMonths | Type::DaysTime | Type::Any) => ty.clone(),
            other => {
                let shown = self.describe(other);
                self.misfit(|| {
                    Diagnostic::new(
                        "type-mismatch",
                        span,
                        format!("负号不能用于 {shown}"),
                        format!("`-` cannot take {shown}"),
                    )
                });
                Type::Any
            }
        };
        Ok(Parsed {
            expr: self.node(span, ExprKind::Neg(Box::new(inner.expr)))?,
            ty,
        })
    }

    fn instance(&mut self) -> Read<Parsed> {
        let mut left = self.postfix()?;
        while self.word()? == "instance" {
            let mark = self.at;
            self.at += "instance".len();
            if !self.take_word("of")? {
                self.at = mark;
                break;
            }
            let (ty, end) = self.type_name()?;
            let span = Span {
                start: left.expr.span.start,
                end,
            };
            let kind = ExprKind::InstanceOf(Box::new(left.expr), ty);
            left = Parsed {
                expr: self.node(span, kind)?,
                ty: Type::Boolean,
            };
        }
        Ok(left)
    }
}

pub(super) fn of_mismatch(found: Mismatch, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(found.code, span, found.zh, found.en);
    if found.code == "unit-mismatch" {
        return diagnostic.mend(
            "先换算为同一单位，例如 元/月 乘 月 得 元",
            "convert to one unit first: yuan/month times months gives yuan",
        );
    }
    diagnostic
}
