//! Calls: arguments by place or by name, and whether they fit.

use super::*;
use crate::feel::ast::ExprKind;
use crate::feel::builtin::Builtin;
use crate::feel::typing;
use crate::feel::value::Value;

impl Parser<'_> {
    /// Arguments between parentheses: expressions, with names when they are named.
    pub(super) fn arguments(&mut self) -> Read<(Vec<Parsed>, Vec<Arc<str>>)> {
        self.expect("(")?;
        let (mut args, mut names) = (Vec::new(), Vec::new());
        if self.take(")")? {
            return Ok((args, names));
        }
        loop {
            if let Some(name) = self.argument_name()? {
                names.push(name);
            }
            args.push(self.expression()?);
            if !names.is_empty() && names.len() != args.len() {
                let span = args.last().map_or_else(Span::default, |a| a.expr.span);
                return self.fail(Diagnostic::new(
                    "arguments",
                    span,
                    "参数或者都写名称，或者都不写",
                    "either all arguments are named or none",
                ));
            }
            if self.take(")")? {
                return Ok((args, names));
            }
            self.expect(",")?;
        }
    }

    /// `name:` before an argument.
    fn argument_name(&mut self) -> Read<Option<Arc<str>>> {
        self.peek()?;
        let pieces = lexer::pieces_at(self.source, self.at, 24);
        let Some(last) = pieces.last() else {
            return Ok(None);
        };
        let Ok(colon) = lexer::skip_space(self.source, last.end) else {
            return Ok(None);
        };
        if !self.source[colon..].starts_with(':') {
            return Ok(None);
        }
        let (name, _) = self.new_name(|_| false)?;
        self.expect(":")?;
        Ok(Some(name))
    }

    pub(super) fn builtin_call(&mut self, builtin: Builtin, name: Span) -> Read<Parsed> {
        let (args, names) = self.arguments()?;
        let span = Span {
            start: name.start,
            end: self.at as u32,
        };
        if self.strict() && matches!(builtin, Builtin::Now | Builtin::Today) {
            self.report(
                Diagnostic::new(
                    "clock",
                    span,
                    format!("法律文件不得读取时钟（{}）", builtin.name()),
                    format!("a law file may not read the clock ({})", builtin.name()),
                )
                .mend("用 `基准日`", "use `reference day`"),
            );
        }
        let placed = self.place(builtin, args, &names);
        let Some((exprs, types)) = placed else {
            let forms = builtin.forms().join(" | ");
            self.misfit(|| {
                Diagnostic::new(
                    "arguments",
                    span,
                    format!("`{}` 的参数不对，应为 ({forms})", builtin.name()),
                    format!("`{}` takes ({forms})", builtin.name()),
                )
            });
            return Ok(Parsed {
                expr: Expr::literal(span, Value::Null),
                ty: Type::Any,
            });
        };
        let ty = match typing::builtin(builtin, &types) {
            Ok(ty) => ty,
            Err((at, wanted)) => {
                let at_span = exprs.get(at).map_or(span, |e| e.span);
                let shown = types.get(at).map(|t| self.describe(t)).unwrap_or_default();
                self.misfit(|| {
                    Diagnostic::new(
                        "type-mismatch",
                        at_span,
                        format!(
                            "`{}` 的第 {} 个参数是 {shown}，应为 {wanted}",
                            builtin.name(),
                            at + 1
                        ),
                        format!(
                            "argument {} of `{}` is {shown}; needed is {wanted}",
                            at + 1,
                            builtin.name()
                        ),
                    )
                });
                Type::Any
            }
        };
        Ok(Parsed {
            expr: self.node(span, ExprKind::Builtin(builtin, exprs))?,
            ty,
        })
    }

    /// Puts arguments into the built-in's order; `None` when no form takes them.
    fn place(
        &mut self,
        builtin: Builtin,
        args: Vec<Parsed>,
        names: &[Arc<str>],
    ) -> Option<(Vec<Expr>, Vec<Type>)> {
        if names.is_empty() {
            if !builtin.takes(args.len()) {
                return None;
            }
            return Some(args.into_iter().map(|p| (p.expr, p.ty)).unzip());
        }
        let names: Vec<&str> = names.iter().map(|n| &**n).collect();
        let places = builtin.places(&names)?;
        // A list of keys must not be called `key`.
        if builtin == Builtin::ContextPut
            && let Some(at) = names.iter().position(|n| *n == "key")
            && matches!(args[at].ty.plain(), Type::List(_))
        {
            return None;
        }
        let count = places.iter().max().map_or(0, |m| m + 1);
        let mut exprs: Vec<Expr> = (0..count).map(|_| Expr::null()).collect();
        let mut types = vec![Type::Any; count];
        for (place, arg) in places.into_iter().zip(args) {
            exprs[place] = arg.expr;
            types[place] = arg.ty;
        }
        Some((exprs, types))
    }

    pub(super) fn call(&mut self, callee: Parsed) -> Read<Parsed> {
        let (args, names) = self.arguments()?;
        let span = Span {
            start: callee.expr.span.start,
            end: self.at as u32,
        };
        let ty = match callee.ty.plain() {
            Type::Function(function) => {
                let function = function.clone();
                self.check_arguments(&function, &args, &names, span);
                function.result.clone()
            }
            Type::Any => Type::Any,
            other => {
                let shown = self.describe(other);
                self.misfit(|| {
                    Diagnostic::new(
                        "not-a-function",
                        span,
                        format!("{shown} 不是函数"),
                        format!("{shown} is no function"),
                    )
                });
                Type::Any
            }
        };
        let args = args.into_iter().map(|p| p.expr).collect();
        let kind = ExprKind::Call {
            callee: Box::new(callee.expr),
            args,
            names,
        };
        Ok(Parsed {
            expr: self.node(span, kind)?,
            ty,
        })
    }

    fn check_arguments(
        &mut self,
        function: &crate::feel::types::FunctionType,
        args: &[Parsed],
        names: &[Arc<str>],
        span: Span,
    ) {
        if !self.strict() {
            return;
        }
        let params = &function.params;
        let known = names.iter().all(|n| params.iter().any(|p| p.0 == *n));
        if args.len() != params.len() || !known {
            let list: Vec<String> = params.iter().map(|(n, t)| format!("{n}: {t}")).collect();
            let list = list.join(", ");
            self.report(Diagnostic::new(
                "arguments",
                span,
                format!("函数的参数应为 ({list})"),
                format!("the function takes ({list})"),
            ));
            return;
        }
        for (i, arg) in args.iter().enumerate() {
            let param = match names.get(i) {
                Some(name) => params.iter().find(|p| p.0 == *name),
                None => params.get(i),
            };
            if let Some((_, ty)) = param {
                if !typing::assignable(&arg.ty, ty) {
                    let diagnostic = names::not_assignable(ty, &arg.ty, arg.expr.span);
                    self.report(diagnostic);
                }
                self.check_enumeration(ty, &arg.expr);
            }
        }
    }
}
