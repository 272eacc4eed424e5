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

impl Parser<'_> {
    /// Any expression.
    pub(super) fn expression(&mut self) -> Read<Parsed> {
        self.deeper(|p| {
            let closing = std::mem::replace(&mut p.closing, false);
            let result = p.disjunction();
            p.closing = closing;
            result
        })
    }

    fn disjunction(&mut self) -> Read<Parsed> {
        let mut left = self.conjunction()?;
        let mark = self.known.len();
        while self.take_word("or")? {
            self.boolean(&left);
            self.learn(&left.expr, false);
            let right = self.conjunction()?;
            self.boolean(&right);
            let span = left.expr.span.to(right.expr.span);
            let expr = self.node(
                span,
                ExprKind::Or(Box::new(left.expr), Box::new(right.expr)),
            )?;
            left = Parsed {
                expr,
                ty: Type::Boolean,
            };
        }
        self.known.truncate(mark);
        Ok(left)
    }

    fn conjunction(&mut self) -> Read<Parsed> {
        let mut left = self.comparison()?;
        let mark = self.known.len();
        while self.take_word("and")? {
            self.boolean(&left);
            self.learn(&left.expr, true);
            let right = self.comparison()?;
            self.boolean(&right);
            let span = left.expr.span.to(right.expr.span);
            let expr = self.node(
                span,
                ExprKind::And(Box::new(left.expr), Box::new(right.expr)),
            )?;
            left = Parsed {
                expr,
                ty: Type::Boolean,
            };
        }
        self.known.truncate(mark);
        Ok(left)
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

    fn comparison_sign(&mut self) -> Read<Option<Compare>> {
        self.peek()?;
        let rest = &self.source[self.at..];
        let signs = [
            ("!=", Compare::Ne),
            ("<=", Compare::Le),
            (">=", Compare::Ge),
            ("=", Compare::Eq),
            ("<", Compare::Lt),
            (">", Compare::Gt),
        ];
        for (text, op) in signs {
            if rest.starts_with(text) {
                self.at += text.len();
                return Ok(Some(op));
            }
        }
        Ok(None)
    }

    /// A comparison sign at the start of a test or of a range in parentheses.
    pub(super) fn take_comparison(&mut self) -> Read<Option<Compare>> {
        self.comparison_sign()
    }

    fn comparison(&mut self) -> Read<Parsed> {
        let mut left = self.sum()?;
        loop {
            if let Some(op) = self.comparison_sign()? {
                let right = self.sum()?;
                left = self.compare(op, left, right)?;
                continue;
            }
            match self.word()? {
                "between" => {
                    self.at += "between".len();
                    let low = self.sum()?;
                    self.expect_word("and")?;
                    let high = self.sum()?;
                    for bound in [&low, &high] {
                        self.check_comparable(Compare::Le, &left, bound);
                    }
                    let span = left.expr.span.to(high.expr.span);
                    let kind = ExprKind::Between(
                        Box::new(left.expr),
                        Box::new(low.expr),
                        Box::new(high.expr),
                    );
                    left = Parsed {
                        expr: self.node(span, kind)?,
                        ty: Type::Boolean,
                    };
                }
                "in" => {
                    self.at += 2;
                    left = self.membership(left)?;
                }
                _ => return Ok(left),
            }
        }
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
        self.deeper(|p| p.sum())
    }

    fn sum(&mut self) -> Read<Parsed> {
        let mut left = self.product()?;
        loop {
            let op = match self.peek()? {
                Some('+') => Arith::Add,
                Some('-') => Arith::Sub,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.product()?;
            left = self.arith(op, left, right)?;
        }
    }

    fn product(&mut self) -> Read<Parsed> {
        let mut left = self.power()?;
        loop {
            let op = match self.peek()? {
                Some('*') if !self.source[self.at..].starts_with("**") => Arith::Mul,
                Some('/') => Arith::Div,
                _ => return Ok(left),
            };
            self.at += 1;
            let right = self.power()?;
            left = self.arith(op, left, right)?;
        }
    }

    fn power(&mut self) -> Read<Parsed> {
        let mut left = self.minus()?;
        while self.take("**")? {
            let right = self.minus()?;
            left = self.arith(Arith::Pow, left, right)?;
        }
        Ok(left)
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
