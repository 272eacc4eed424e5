//! Operands: literals, names, parentheses, ranges, lists; and what follows them: `.`, `[ ]`, `( )`.

use super::names::Found;
use super::*;
use crate::feel::ast::{Compare, ExprKind, Function, RangeExpr, Target};
use crate::feel::lexer::BadText;
use crate::feel::typing;
use crate::feel::value::{Value, parse_at_literal};

impl Parser<'_> {
    pub(super) fn postfix(&mut self) -> Read<Parsed> {
        let mut base = self.operand()?;
        loop {
            match self.peek()? {
                Some('.') if !self.source[self.at..].starts_with("..") => {
                    self.at += 1;
                    base = self.path(base)?;
                }
                Some('[') => {
                    if self.closing && self.bracket_closes() {
                        return Ok(base);
                    }
                    base = self.filter(base)?;
                }
                Some('(') => base = self.call(base)?,
                _ => return Ok(base),
            }
        }
    }

    /// In `]1..5[` the last bracket closes the range; `list[1]` inside a range end does not.
    fn bracket_closes(&self) -> bool {
        let Ok(next) = lexer::skip_space(self.source, self.at + 1) else {
            return true;
        };
        let end = lexer::word_end(self.source, next);
        match self.source[next..].chars().next() {
            None | Some(')' | ']' | ',' | '}' | '=' | '<' | '>' | '!' | '*' | '/' | '+' | '.') => {
                true
            }
            _ => matches!(
                &self.source[next..end],
                "and"
                    | "or"
                    | "then"
                    | "else"
                    | "return"
                    | "satisfies"
                    | "in"
                    | "between"
                    | "instance"
            ),
        }
    }

    fn filter(&mut self, base: Parsed) -> Read<Parsed> {
        self.at += 1;
        let item = typing::item(&base.ty);
        let local = self.push_local("item", item.clone(), LocalKind::Item);
        let condition = self.expression();
        let used = self.locals.pop().is_some_and(|l| l.used);
        let condition = condition?;
        self.expect("]")?;
        let span = Span {
            start: base.expr.span.start,
            end: self.at as u32,
        };
        let by_position = matches!(condition.ty.plain(), Type::Number(_));
        if !by_position {
            self.boolean(&condition);
        }
        let ty = match (by_position, condition.ty.plain()) {
            (true, _) => item,
            (false, Type::Boolean) => match base.ty.plain() {
                list @ Type::List(_) => list.clone(),
                _ => Type::list(item),
            },
            _ => Type::Any,
        };
        let kind = ExprKind::Filter {
            base: Box::new(base.expr),
            local,
            condition: Box::new(condition.expr),
            uses_item: used,
        };
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty,
        })
    }

    /// An expression without anything behind it.
    fn operand(&mut self) -> Read<Parsed> {
        let Some(c) = self.peek()? else {
            return self.unexpected("an expression");
        };
        let start = self.at;
        match c {
            '0'..='9' | '.' => self.number(start),
            '"' => {
                let text = self.text_literal()?;
                let span = Span::new(start, self.at);
                // Strict: a literal is the enumeration of itself, so that it fits one that has it.
                let ty = match self.strict() {
                    true => Type::Enum(Arc::from([Arc::from(text.as_str())])),
                    false => Type::Text,
                };
                Ok(Parsed {
                    expr: Expr::literal(span, Value::text(&text)),
                    ty,
                })
            }
            '@' => self.at_literal(start),
            '(' => self.parenthesis(start),
            '[' => self.bracket(start),
            ']' => {
                self.at += 1;
                self.range_from(start, false)
            }
            '{' => self.deeper(|p| p.context(start)),
            _ if lexer::starts_name(c) => self.word_or_name(start),
            _ => self.unexpected("an expression"),
        }
    }

    fn number(&mut self, start: usize) -> Read<Parsed> {
        let Some(end) = lexer::number_end(self.source, start) else {
            return self.unexpected("an expression");
        };
        self.at = end;
        let span = Span::new(start, end);
        match self.source[start..end].parse() {
            Ok(number) => Ok(Parsed {
                expr: Expr::literal(span, Value::Number(number)),
                ty: typing::number_literal(self.strict()),
            }),
            Err(_) => self.fail(Diagnostic::new(
                "number",
                span,
                "数字超出范围",
                "the number is out of range",
            )),
        }
    }

    pub(super) fn text_literal(&mut self) -> Read<String> {
        let start = self.at;
        match lexer::read_text(self.source, start) {
            Ok((text, end)) => {
                self.at = end;
                Ok(text)
            }
            Err(BadText::Open) => self.fail(Diagnostic::new(
                "open-text",
                Span::new(start, self.source.len()),
                "文本缺少结束的引号",
                "the text has no closing quote",
            )),
            Err(BadText::Escape(at)) => self.fail(Diagnostic::new(
                "escape",
                Span::new(at, at + 1),
                "反斜杠后的写法不对",
                "this escape cannot be read",
            )),
        }
    }

    fn at_literal(&mut self, start: usize) -> Read<Parsed> {
        self.at += 1;
        if self.peek()? != Some('"') {
            return self.unexpected("`\"`");
        }
        let text = self.text_literal()?;
        let span = Span::new(start, self.at);
        let value = parse_at_literal(&text);
        if value.is_none() {
            self.misfit(|| {
                Diagnostic::new(
                    "literal",
                    span,
                    format!("`{text}` 不是日期、时间或时长"),
                    format!("`{text}` is no date, time or duration"),
                )
                .mend("写成 @\"2024-09-01\"", "write it as @\"2024-09-01\"")
            });
        }
        let value = value.unwrap_or_default();
        let ty = type_of_value(&value);
        Ok(Parsed {
            expr: Expr::literal(span, value),
            ty,
        })
    }

    fn word_or_name(&mut self, start: usize) -> Read<Parsed> {
        let word = self.word()?;
        let longer_name = || {
            let pieces = lexer::pieces_at(self.source, start, 24);
            self.scope.longest(&pieces).is_some_and(|(n, _)| n > 1)
        };
        match word {
            "if" | "for" | "some" | "every" | "function" if !longer_name() => {
                return self.deeper(|p| p.compound());
            }
            _ => {}
        }
        if let Some((value, ty)) = Self::literal_word(word)
            && !longer_name()
        {
            self.at += word.len();
            return Ok(Parsed {
                expr: Expr::literal(Span::new(start, self.at), value),
                ty,
            });
        }
        if matches!(
            word,
            "and" | "or" | "then" | "else" | "return" | "satisfies" | "in" | "between"
        ) && !longer_name()
        {
            return self.unexpected("an expression");
        }
        match self.name()? {
            Found::Expr(parsed) => Ok(parsed),
            Found::Builtin(builtin, span) => {
                if self.peek()? == Some('(') {
                    return self.builtin_call(builtin, span);
                }
                let value = Value::Function(Arc::new(Function::Builtin(builtin)));
                let _ = Target::Builtin(builtin);
                Ok(Parsed {
                    expr: Expr::literal(span, value),
                    ty: Type::Any,
                })
            }
        }
    }

    /// `( … )`: an expression, a range, or `(< 5)`.
    fn parenthesis(&mut self, start: usize) -> Read<Parsed> {
        self.at += 1;
        if let Some(op) = self.take_comparison()? {
            if op == Compare::Ne {
                self.misfit(|| {
                    let span = Span::new(start, start + 1);
                    Diagnostic::new("syntax", span, "`!=` 不构成区间", "`!=` makes no range")
                });
            }
            let end = self.expression()?;
            self.expect(")")?;
            let span = Span::new(start, self.at);
            let item = end.ty.plain().clone();
            let range = half_range(op, end.expr);
            let kind = ExprKind::Range(Box::new(range));
            return Ok(Parsed {
                expr: self.node(span, kind)?,
                ty: Type::Range(Arc::new(item)),
            });
        }
        let inner = self.expression()?;
        if self.take("..")? {
            return self.range_end(start, false, inner);
        }
        self.expect(")")?;
        Ok(inner)
    }

    /// After `(` or `]` of an open range.
    fn range_from(&mut self, start: usize, closed: bool) -> Read<Parsed> {
        let low = self.expression()?;
        self.expect("..")?;
        self.range_end(start, closed, low)
    }

    fn range_end(&mut self, start: usize, low_closed: bool, low: Parsed) -> Read<Parsed> {
        let high = self.deeper(|p| {
            let before = std::mem::replace(&mut p.closing, true);
            let high = p.range_high();
            p.closing = before;
            high
        })?;
        let high_closed = match self.peek()? {
            Some(']') => true,
            Some(')' | '[') => false,
            _ => return self.unexpected("`]`"),
        };
        self.at += 1;
        let span = Span::new(start, self.at);
        if low.ty != Type::Null && high.ty != Type::Null {
            self.check_comparable(Compare::Lt, &low, &high);
        }
        let literal = |p: &Parsed| matches!(p.expr.kind, ExprKind::Literal(Value::Null));
        let item = typing::join(low.ty.plain(), high.ty.plain()).unwrap_or(Type::Any);
        let range = RangeExpr {
            low: (!literal(&low)).then_some(low.expr),
            low_closed,
            high: (!literal(&high)).then_some(high.expr),
            high_closed,
            compared: false,
        };
        let expr = self.node(span, ExprKind::Range(Box::new(range)))?;
        Ok(Parsed {
            expr,
            ty: Type::Range(Arc::new(item.plain().clone())),
        })
    }

    /// The upper end: an expression in which `closing` stays set.
    fn range_high(&mut self) -> Read<Parsed> {
        self.sum_for_range()
    }

    /// `[ … ]`: a list or a range.
    fn bracket(&mut self, start: usize) -> Read<Parsed> {
        self.at += 1;
        if self.take("]")? {
            let expr = self.node(Span::new(start, self.at), ExprKind::List(Vec::new()))?;
            return Ok(Parsed {
                expr,
                ty: Type::list(Type::Null),
            });
        }
        let first = self.expression()?;
        if self.take("..")? {
            return self.range_end(start, true, first);
        }
        let mut item = first.ty.clone();
        let mut items = vec![first.expr];
        while self.take(",")? {
            let next = self.expression()?;
            item = match typing::join(&item, &next.ty) {
                Some(ty) => ty,
                None => {
                    let (a, b) = (self.describe(&item), self.describe(&next.ty));
                    let span = next.expr.span;
                    self.misfit(|| {
                        Diagnostic::new(
                            "type-mismatch",
                            span,
                            format!("列表中类型不一：{a} 与 {b}"),
                            format!("the list mixes {a} and {b}"),
                        )
                    });
                    Type::Any
                }
            };
            items.push(next.expr);
        }
        self.expect("]")?;
        let expr = self.node(Span::new(start, self.at), ExprKind::List(items))?;
        Ok(Parsed {
            expr,
            ty: Type::list(item),
        })
    }
}

/// The range that `(< 5)` and its kin stand for.
pub(super) fn half_range(op: Compare, end: Expr) -> RangeExpr {
    let mut range = RangeExpr {
        low: None,
        low_closed: false,
        high: None,
        high_closed: false,
        compared: true,
    };
    match op {
        Compare::Lt => range.high = Some(end),
        Compare::Le => (range.high, range.high_closed) = (Some(end), true),
        Compare::Gt => range.low = Some(end),
        Compare::Ge => (range.low, range.low_closed) = (Some(end), true),
        Compare::Eq | Compare::Ne => {
            range.low = Some(end.clone());
            range.high = Some(end);
            (range.low_closed, range.high_closed) = (true, true);
        }
    }
    range
}

/// The type of a literal.
pub(super) fn type_of_value(value: &Value) -> Type {
    match value {
        Value::Boolean(_) => Type::Boolean,
        Value::Number(_) => Type::PLAIN,
        Value::Text(_) => Type::Text,
        Value::Date(_) => Type::Date,
        Value::Time(_) => Type::Time,
        Value::DateTime(_) => Type::DateTime,
        Value::YearsMonths(_) => Type::YearsMonths,
        Value::DaysTime(_) => Type::DaysTime,
        Value::Null => Type::Null,
        _ => Type::Any,
    }
}
