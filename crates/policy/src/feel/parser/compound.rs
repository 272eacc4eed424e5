//! `if`, `for`, `some`, `every`, `function`, contexts, and the names of types.

use super::*;
use crate::feel::ast::{Closure, Entry, ExprKind, Iterator_};
use crate::feel::types::{ContextType, FunctionType};
use crate::feel::typing;

impl Parser<'_> {
    pub(super) fn compound(&mut self) -> Read<Parsed> {
        let start = self.at;
        let word = self.word()?;
        self.at += word.len();
        match word {
            "if" => self.conditional(start),
            "for" => self.iteration(start),
            "function" => self.function(start),
            _ => self.quantified(start, word == "every"),
        }
    }

    fn conditional(&mut self, start: usize) -> Read<Parsed> {
        let condition = self.expression()?;
        self.boolean(&condition);
        self.expect_word("then")?;
        let mark = self.known.len();
        self.learn(&condition.expr, true);
        let yes = self.expression()?;
        self.known.truncate(mark);
        self.expect_word("else")?;
        self.learn(&condition.expr, false);
        let no = self.expression()?;
        self.known.truncate(mark);
        let span = Span::new(start, no.expr.span.end as usize);
        let ty = match typing::join(&yes.ty, &no.ty) {
            Some(ty) => ty,
            None => {
                let (a, b) = (self.describe(&yes.ty), self.describe(&no.ty));
                let unit = yes.ty.unit().is_some() && no.ty.unit().is_some();
                self.misfit(|| {
                    Diagnostic::new(
                        if unit {
                            "unit-mismatch"
                        } else {
                            "type-mismatch"
                        },
                        span,
                        format!("两个分支类型不同：{a} 与 {b}"),
                        format!("the branches are of different types: {a} and {b}"),
                    )
                });
                Type::Any
            }
        };
        let kind = ExprKind::If(
            Box::new(condition.expr),
            Box::new(yes.expr),
            Box::new(no.expr),
        );
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty,
        })
    }

    /// `a in list, b in 1..3`; leaves the variables as locals.
    fn iterators(&mut self) -> Read<Vec<Iterator_>> {
        let mut iterators = Vec::new();
        loop {
            let (name, _) = self.new_name(|piece| piece == "in")?;
            if self.take(":")? {
                self.type_name()?;
            }
            self.expect_word("in")?;
            let source = self.expression()?;
            let (mut item, mut high) = (typing::item(&source.ty), None);
            if self.take("..")? {
                let upper = self.expression()?;
                item = typing::join(&source.ty, &upper.ty).unwrap_or(Type::Any);
                high = Some(upper.expr);
            } else if !matches!(
                source.ty.plain(),
                Type::List(_) | Type::Range(_) | Type::Any
            ) {
                let shown = self.describe(&source.ty);
                let span = source.expr.span;
                self.misfit(|| {
                    Diagnostic::new(
                        "type-mismatch",
                        span,
                        format!("此处须为列表或区间，而类型是 {shown}"),
                        format!("a list or a range is needed here, not {shown}"),
                    )
                });
            }
            let local = self.push_local(&name, item, LocalKind::Plain);
            iterators.push(Iterator_ {
                name,
                local,
                source: source.expr,
                high,
            });
            if !self.take(",")? {
                return Ok(iterators);
            }
        }
    }

    fn iteration(&mut self, start: usize) -> Read<Parsed> {
        let outside = self.locals.len();
        let result = self.iteration_inside(start);
        self.locals.truncate(outside);
        result
    }

    fn iteration_inside(&mut self, start: usize) -> Read<Parsed> {
        let iterators = self.iterators()?;
        self.expect_word("return")?;
        // What the body gives is not known yet; strict mode therefore offers `partial` no type.
        let partial = self.push_local("partial", Type::list(Type::Any), LocalKind::Plain);
        let body = self.expression()?;
        let uses_partial = self.locals.get(partial as usize).is_some_and(|l| l.used);
        let span = Span::new(start, body.expr.span.end as usize);
        let ty = Type::list(body.ty);
        let kind = ExprKind::For {
            iterators,
            body: Box::new(body.expr),
            uses_partial,
        };
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty,
        })
    }

    fn quantified(&mut self, start: usize, every: bool) -> Read<Parsed> {
        let outside = self.locals.len();
        let result = (|| {
            let iterators = self.iterators()?;
            self.expect_word("satisfies")?;
            let condition = self.expression()?;
            self.boolean(&condition);
            let span = Span::new(start, condition.expr.span.end as usize);
            let condition = Box::new(condition.expr);
            let kind = ExprKind::Quantified {
                every,
                iterators,
                condition,
            };
            Ok(Parsed {
                expr: self.node(span, kind)?,
                ty: Type::Boolean,
            })
        })();
        self.locals.truncate(outside);
        result
    }

    fn function(&mut self, start: usize) -> Read<Parsed> {
        self.expect("(")?;
        let captured = self.locals.len();
        let mut params: Vec<(Arc<str>, Type)> = Vec::new();
        if !self.take(")")? {
            loop {
                let (name, _) = self.new_name(|piece| piece == ":")?;
                let ty = if self.take(":")? {
                    self.type_name()?.0
                } else {
                    Type::Any
                };
                params.push((name, ty));
                if self.take(")")? {
                    break;
                }
                self.expect(",")?;
            }
        }
        let result = if self.take(":")? {
            Some(self.type_name()?.0)
        } else {
            None
        };
        for (name, ty) in &params {
            self.push_local(name, ty.clone(), LocalKind::Plain);
        }
        let known = std::mem::take(&mut self.known);
        let external = self.word()? == "external";
        if external {
            self.at += "external".len();
        }
        let body = self.expression();
        self.known = known;
        self.locals.truncate(captured);
        let body = body?;
        let span = Span::new(start, body.expr.span.end as usize);
        if external {
            self.misfit(|| {
                Diagnostic::new(
                    "external",
                    span,
                    "法律文件不能调用外部函数",
                    "a law file calls no external functions",
                )
            });
        }
        let result_type = if external {
            Type::Any
        } else {
            result.clone().unwrap_or(body.ty)
        };
        let ty = Type::Function(Arc::new(FunctionType {
            params: params.clone(),
            result: result_type,
        }));
        let closure = Closure {
            params,
            body: (!external).then_some(body.expr),
            result,
            captured: captured as u32,
        };
        Ok(Parsed {
            expr: self.node(span, ExprKind::FunctionDef(Arc::new(closure)))?,
            ty,
        })
    }

    pub(super) fn context(&mut self, start: usize) -> Read<Parsed> {
        self.expect("{")?;
        let outside = self.locals.len();
        let result = self.context_inside(start, outside as u32);
        self.locals.truncate(outside);
        result
    }

    fn context_inside(&mut self, start: usize, local: u32) -> Read<Parsed> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut fields: Vec<(Arc<str>, Type)> = Vec::new();
        if !self.take("}")? {
            loop {
                let (name, span) = if self.peek()? == Some('"') {
                    let at = self.at;
                    (
                        Arc::from(self.text_literal()?.as_str()),
                        Span::new(at, self.at),
                    )
                } else {
                    self.new_name(|piece| piece == ":")?
                };
                if entries.iter().any(|e| e.name == name) {
                    return self.fail(Diagnostic::new(
                        "repeated-name",
                        span,
                        format!("情况里 `{name}` 出现两次"),
                        format!("`{name}` stands twice in the context"),
                    ));
                }
                self.expect(":")?;
                let value = self.expression()?;
                self.push_local(&name, value.ty.clone(), LocalKind::Plain);
                fields.push((name.clone(), value.ty));
                entries.push(Entry {
                    name,
                    span,
                    value: value.expr,
                });
                if self.take("}")? {
                    break;
                }
                self.expect(",")?;
            }
        }
        let span = Span::new(start, self.at);
        let kind = ExprKind::Context {
            entries,
            local,
            result: None,
        };
        let ty = Type::Context(Arc::new(ContextType { fields }));
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty,
        })
    }

    /// A type as FEEL writes it, with where it ends.
    pub(super) fn type_name(&mut self) -> Read<(Type, u32)> {
        self.deeper(|p| p.type_name_inside())
    }

    fn type_name_inside(&mut self) -> Read<(Type, u32)> {
        self.peek()?;
        let start = self.at;
        let pieces = lexer::pieces_at(self.source, start, 16);
        // The longest run of pieces that names a type of the model, else of FEEL.
        for count in (1..=pieces.len()).rev() {
            let end = pieces[count - 1].end;
            let text = self.source[start..end]
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let ty = match self.scope.named_type(&text) {
                Some(ty) => ty.clone(),
                None => match simple_type(&text) {
                    Some(ty) => ty,
                    None => match Type::parse(&text) {
                        Ok(ty) if self.strict() => ty,
                        _ => continue,
                    },
                },
            };
            self.at = end;
            let ty = self.type_arguments(&text, ty)?;
            return Ok((ty, self.at as u32));
        }
        self.unexpected("a type")
    }

    fn type_arguments(&mut self, name: &str, plain: Type) -> Read<Type> {
        if !matches!(name, "list" | "range" | "context" | "function") || !self.take("<")? {
            return Ok(plain);
        }
        match name {
            "list" | "range" => {
                let (item, _) = self.type_name()?;
                self.expect(">")?;
                Ok(if name == "list" {
                    Type::list(item)
                } else {
                    Type::Range(Arc::new(item))
                })
            }
            "context" => {
                let mut fields = Vec::new();
                while !self.take(">")? {
                    let (name, _) = self.new_name(|piece| piece == ":")?;
                    self.expect(":")?;
                    fields.push((name, self.type_name()?.0));
                    self.take(",")?;
                }
                Ok(Type::Context(Arc::new(ContextType { fields })))
            }
            _ => {
                let mut params = Vec::new();
                while !self.take(">")? {
                    params.push((Arc::from(""), self.type_name()?.0));
                    self.take(",")?;
                }
                let result = if self.take("->")? {
                    self.type_name()?.0
                } else {
                    Type::Any
                };
                Ok(Type::Function(Arc::new(FunctionType { params, result })))
            }
        }
    }
}

/// The name that stands for any number of parameters in the type `function`.
pub(crate) const ANY_PARAMS: &str = "...";

/// A type of FEEL by its name, without arguments.
pub(crate) fn simple_type(name: &str) -> Option<Type> {
    Some(match name {
        "Any" | "any" => Type::Any,
        "Null" | "null" => Type::Null,
        "number" => Type::Number(None),
        "string" => Type::Text,
        "boolean" => Type::Boolean,
        "date" => Type::Date,
        "time" => Type::Time,
        "date and time" | "dateTime" => Type::DateTime,
        "days and time duration" | "dayTimeDuration" => Type::DaysTime,
        "years and months duration" | "yearMonthDuration" => Type::YearsMonths,
        "list" => Type::list(Type::Any),
        "range" => Type::Range(Arc::new(Type::Any)),
        "context" => Type::Context(Arc::new(ContextType { fields: Vec::new() })),
        "function" => Type::Function(Arc::new(FunctionType {
            params: vec![(Arc::from(ANY_PARAMS), Type::Any)],
            result: Type::Any,
        })),
        _ => return None,
    })
}
