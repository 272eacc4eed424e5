//! Boxed expressions to expressions.

use super::compile::Compiler;
use super::model::{Boxed, BoxedKind, BoxedTable, Parameter};
use crate::feel::ast::{Closure, Entry, Expr, ExprKind, Iterator_, Span, UnaryTest, UnaryTests};
use crate::feel::parser::{self, Parsed};
use crate::feel::scope::Scope;
use crate::feel::table::{Hit, Input, Output, Rule, Table};
use crate::feel::types::{ContextType, FunctionType, Type};
use crate::feel::value::Value;
use std::sync::Arc;

type Locals = Vec<(Arc<str>, Type)>;

fn nothing() -> Parsed {
    Parsed {
        expr: Expr::null(),
        ty: Type::Any,
    }
}

fn made(kind: ExprKind, ty: Type) -> Parsed {
    Parsed {
        expr: Expr::new(Span::default(), kind),
        ty,
    }
}

fn condition_of(parsed: Parsed) -> Expr {
    Expr::new(Span::default(), ExprKind::Condition(Box::new(parsed.expr)))
}

/// A boxed expression whose conditions must be booleans.
fn whole(kind: ExprKind, ty: Type) -> Parsed {
    made(
        ExprKind::Boxed(Box::new(Expr::new(Span::default(), kind))),
        ty,
    )
}

/// What an expression runs over, item by item.
fn item_of(ty: &Type) -> Type {
    match ty.plain() {
        Type::List(item) | Type::Range(item) => (**item).clone(),
        _ => Type::Any,
    }
}

/// With the type that was declared for it.
fn typed(parsed: Parsed, ty: Type) -> Parsed {
    if ty == Type::Any {
        return parsed;
    }
    made(ExprKind::Typed(Box::new(parsed.expr), ty.clone()), ty)
}

impl Compiler<'_> {
    /// Compiles a boxed expression among `locals`; `expected` is the type of what it is for.
    pub(super) fn boxed(
        &mut self,
        model: usize,
        boxed: &Boxed,
        scope: &Scope,
        locals: &mut Locals,
        expected: &Type,
    ) -> Parsed {
        let declared = self.type_ref(model, boxed.type_ref.as_deref());
        let expected = if declared == Type::Any {
            expected
        } else {
            &declared
        };
        let outside = locals.len();
        let parsed = match &boxed.kind {
            BoxedKind::Literal(text) => self.literal(text, scope, locals),
            BoxedKind::Table(table) => self.table(model, table, scope, locals, expected),
            BoxedKind::Context(entries) => self.context(model, entries, scope, locals, expected),
            BoxedKind::Invocation(callee, bindings) => {
                let callee = self.boxed(model, callee, scope, locals, &Type::Any);
                let (mut args, mut names) = (Vec::new(), Vec::new());
                for (parameter, value) in bindings {
                    let ty = self.type_ref(model, parameter.type_ref.as_deref());
                    let value = self.boxed(model, value, scope, locals, &ty);
                    args.push(typed(value, ty).expr);
                    names.push(Arc::from(parameter.name.as_str()));
                }
                let ty = match callee.ty.plain() {
                    Type::Function(function) => function.result.clone(),
                    _ => Type::Any,
                };
                made(
                    ExprKind::Call {
                        callee: Box::new(callee.expr),
                        args,
                        names,
                    },
                    ty,
                )
            }
            BoxedKind::List(items) => {
                let item = item_of(expected);
                let items: Vec<Parsed> = items
                    .iter()
                    .map(|b| self.boxed(model, b, scope, locals, &item))
                    .collect();
                let ty = match items.first() {
                    Some(first) if items.iter().all(|i| i.ty == first.ty) => first.ty.clone(),
                    _ => Type::Any,
                };
                made(
                    ExprKind::List(items.into_iter().map(|i| i.expr).collect()),
                    Type::list(ty),
                )
            }
            BoxedKind::Relation(columns, rows) => {
                self.relation(model, columns, rows, scope, locals)
            }
            BoxedKind::Function {
                params,
                body,
                external,
            } => {
                let captured = locals.len() as u32;
                let params = self.params(model, params);
                locals.extend(params.iter().cloned());
                let body = match body {
                    Some(body) if !external => {
                        Some(self.boxed(model, body, scope, locals, &Type::Any))
                    }
                    _ => None,
                };
                let result = body.as_ref().map_or(Type::Any, |b| b.ty.clone());
                let ty = Type::Function(Arc::new(FunctionType {
                    params: params.clone(),
                    result,
                }));
                let body = body.map(|b| b.expr);
                made(
                    ExprKind::FunctionDef(Arc::new(Closure {
                        params,
                        body,
                        result: None,
                        captured,
                    })),
                    ty,
                )
            }
            BoxedKind::Conditional(condition, yes, no) => {
                let condition = self.boxed(model, condition, scope, locals, &Type::Boolean);
                let yes = self.boxed(model, yes, scope, locals, expected);
                let no = self.boxed(model, no, scope, locals, expected);
                let ty = if yes.ty == no.ty { yes.ty } else { Type::Any };
                let condition = Box::new(condition_of(condition));
                whole(
                    ExprKind::If(condition, Box::new(yes.expr), Box::new(no.expr)),
                    ty,
                )
            }
            BoxedKind::Filter(list, condition) => {
                let list = self.boxed(model, list, scope, locals, &Type::Any);
                let local = locals.len() as u32;
                let item = item_of(&list.ty);
                let condition = match &condition.kind {
                    BoxedKind::Literal(text) => {
                        let read = parser::parse_filter_condition(text, scope, locals, &item);
                        read.unwrap_or_else(|found| self.unreadable(text, &found))
                    }
                    _ => {
                        locals.push(("item".into(), item));
                        self.boxed(model, condition, scope, locals, &Type::Boolean)
                    }
                };
                let (base, condition) = (Box::new(list.expr), Box::new(condition_of(condition)));
                whole(
                    ExprKind::Filter {
                        base,
                        local,
                        condition,
                        uses_item: true,
                    },
                    list.ty,
                )
            }
            BoxedKind::For(variable, source, body) => {
                let source = self.boxed(model, source, scope, locals, &Type::Any);
                let iterators = self.iterator(variable, source, locals);
                locals.push(("partial".into(), Type::list(Type::Any)));
                let body = self.boxed(model, body, scope, locals, &Type::Any);
                let ty = Type::list(body.ty);
                made(
                    ExprKind::For {
                        iterators,
                        body: Box::new(body.expr),
                        uses_partial: true,
                    },
                    ty,
                )
            }
            BoxedKind::Quantified(every, variable, source, condition) => {
                let source = self.boxed(model, source, scope, locals, &Type::Any);
                let iterators = self.iterator(variable, source, locals);
                let condition = self.boxed(model, condition, scope, locals, &Type::Boolean);
                let condition = Box::new(condition_of(condition));
                whole(
                    ExprKind::Quantified {
                        every: *every,
                        iterators,
                        condition,
                    },
                    Type::Boolean,
                )
            }
        };
        locals.truncate(outside);
        if parsed.expr.depth > 150 {
            self.problem("", "boxed expressions are nested too deeply");
            return nothing();
        }
        if declared == Type::Any {
            parsed
        } else {
            typed(parsed, declared)
        }
    }

    fn iterator(&mut self, variable: &str, source: Parsed, locals: &mut Locals) -> Vec<Iterator_> {
        let name: Arc<str> = variable.into();
        let local = locals.len() as u32;
        locals.push((name.clone(), item_of(&source.ty)));
        vec![Iterator_ {
            name,
            local,
            source: source.expr,
            high: None,
        }]
    }

    fn unreadable(&mut self, text: &str, found: &[crate::feel::diagnostic::Diagnostic]) -> Parsed {
        let message = found.first().map(ToString::to_string).unwrap_or_default();
        self.problem(text, message);
        nothing()
    }

    fn literal(&mut self, text: &str, scope: &Scope, locals: &Locals) -> Parsed {
        if text.trim().is_empty() {
            return nothing();
        }
        match parser::parse_with_locals(text, scope, locals) {
            Ok(parsed) => parsed,
            Err(found) => self.unreadable(text, &found),
        }
    }

    fn params(&mut self, model: usize, params: &[Parameter]) -> Locals {
        let typed = params.iter().map(|p| {
            (
                Arc::from(p.name.as_str()),
                self.type_ref(model, p.type_ref.as_deref()),
            )
        });
        typed.collect()
    }

    /// The function that a knowledge model is.
    pub(super) fn knowledge(
        &mut self,
        model: usize,
        logic: Option<&Boxed>,
        scope: &Scope,
        result: Type,
    ) -> Closure {
        let result = (result != Type::Any).then_some(result);
        let Some(Boxed {
            kind:
                BoxedKind::Function {
                    params,
                    body,
                    external,
                },
            ..
        }) = logic
        else {
            return Closure {
                params: Vec::new(),
                body: Some(Expr::null()),
                result,
                captured: 0,
            };
        };
        let params = self.params(model, params);
        let mut locals = params.clone();
        let expected = result.clone().unwrap_or(Type::Any);
        let body = match body {
            Some(body) if !external => {
                Some(self.boxed(model, body, scope, &mut locals, &expected).expr)
            }
            _ => None,
        };
        Closure {
            params,
            body,
            result,
            captured: 0,
        }
    }

    fn context(
        &mut self,
        model: usize,
        entries: &[(Option<Parameter>, Boxed)],
        scope: &Scope,
        locals: &mut Locals,
        expected: &Type,
    ) -> Parsed {
        let local = locals.len() as u32;
        let (mut out, mut fields, mut result) = (Vec::new(), Vec::new(), None);
        for (parameter, boxed) in entries {
            let Some(parameter) = parameter.as_ref().filter(|p| !p.name.is_empty()) else {
                result = Some(self.boxed(model, boxed, scope, locals, expected));
                continue;
            };
            let name: Arc<str> = parameter.name.as_str().into();
            let mut ty = self.type_ref(model, parameter.type_ref.as_deref());
            if ty == Type::Any
                && let Type::Context(fields) = expected.plain()
                && let Some((_, field)) = fields.field(&name)
            {
                ty = field.clone();
            }
            let value = self.boxed(model, boxed, scope, locals, &ty);
            let declared = self.type_ref(model, parameter.type_ref.as_deref());
            let value = typed(value, declared);
            locals.push((name.clone(), value.ty.clone()));
            fields.push((name.clone(), value.ty));
            out.push(Entry {
                name,
                span: Span::default(),
                value: value.expr,
            });
        }
        let ty = match &result {
            Some(result) => result.ty.clone(),
            None => Type::Context(Arc::new(ContextType { fields })),
        };
        let result = result.map(|r| Box::new(r.expr));
        made(
            ExprKind::Context {
                entries: out,
                local,
                result,
            },
            ty,
        )
    }

    fn relation(
        &mut self,
        model: usize,
        columns: &[Parameter],
        rows: &[Vec<Boxed>],
        scope: &Scope,
        locals: &mut Locals,
    ) -> Parsed {
        let columns = self.params(model, columns);
        let mut out = Vec::with_capacity(rows.len());
        for row in rows {
            let local = locals.len() as u32;
            let mut entries = Vec::with_capacity(row.len());
            for ((name, ty), cell) in columns.iter().zip(row) {
                // Cells do not see each other, but each entry takes a place in the frame.
                let value = self.boxed(model, cell, scope, locals, ty);
                locals.push((Arc::from(" "), Type::Any));
                let value = typed(value, ty.clone()).expr;
                entries.push(Entry {
                    name: name.clone(),
                    span: Span::default(),
                    value,
                });
            }
            locals.truncate(local as usize);
            out.push(Expr::new(
                Span::default(),
                ExprKind::Context {
                    entries,
                    local,
                    result: None,
                },
            ));
        }
        let row = Type::Context(Arc::new(ContextType { fields: columns }));
        made(ExprKind::List(out), Type::list(row))
    }

    fn table(
        &mut self,
        model: usize,
        table: &BoxedTable,
        scope: &Scope,
        locals: &mut Locals,
        expected: &Type,
    ) -> Parsed {
        let Some(hit) = Hit::parse(&table.hit) else {
            self.problem(&table.hit, "unknown hit policy");
            return nothing();
        };
        let mut inputs = Vec::with_capacity(table.inputs.len());
        for input in &table.inputs {
            let expr = self.literal(&input.expression, scope, locals);
            let declared = self.type_ref(model, input.type_ref.as_deref());
            let ty = if declared == Type::Any {
                expr.ty.clone()
            } else {
                declared.clone()
            };
            let allowed = input
                .values
                .as_ref()
                .map(|text| self.tests(text, scope, locals, &ty));
            inputs.push((
                Input {
                    expr: expr.expr,
                    ty: declared,
                    allowed,
                },
                ty,
            ));
        }
        let single = table.outputs.len() == 1;
        let row_type = if hit.is_multiple() && matches!(expected.plain(), Type::List(_)) {
            item_of(expected)
        } else {
            expected.clone()
        };
        let mut outputs = Vec::with_capacity(table.outputs.len());
        for output in &table.outputs {
            let mut ty = self.type_ref(model, output.type_ref.as_deref());
            let field = match (&output.name, row_type.plain()) {
                (Some(name), Type::Context(fields)) => fields.field(name).map(|(_, ty)| ty.clone()),
                _ => None,
            };
            if ty == Type::Any && !matches!(hit, Hit::Sum | Hit::Min | Hit::Max | Hit::Count) {
                ty = match field {
                    Some(ty) => ty,
                    None if single => row_type.clone(),
                    None => Type::Any,
                };
            }
            let tests = output
                .values
                .as_ref()
                .map(|text| self.tests(text, scope, locals, &ty));
            let mut allowed = tests.as_ref().map(literals).unwrap_or_default();
            if allowed.is_empty()
                && let Type::Named(named) = &ty
                && let Some(tests) = &named.allowed
            {
                allowed = literals(tests);
            }
            let default = output
                .default
                .as_ref()
                .map(|text| self.literal(text, scope, locals).expr);
            let name = output.name.as_deref().map(Arc::from);
            outputs.push(Output {
                name,
                ty,
                allowed,
                tests,
                default,
            });
        }
        let mut rules = Vec::with_capacity(table.rules.len());
        for (cells, results) in &table.rules {
            let mut tests = Vec::with_capacity(cells.len());
            for (cell, (_, ty)) in cells.iter().zip(&inputs) {
                tests.push(self.tests(cell, scope, locals, ty));
            }
            let outputs = results
                .iter()
                .map(|text| self.literal(text, scope, locals).expr)
                .collect();
            rules.push(Rule {
                span: Span::default(),
                tests,
                outputs,
            });
        }
        let local = locals.len() as u32;
        let inputs = inputs.into_iter().map(|(input, _)| input).collect();
        let table = Table {
            hit,
            inputs,
            outputs,
            rules,
            local,
        };
        let row = match table.outputs.as_slice() {
            [output] => output.ty.clone(),
            outputs => {
                let fields = outputs
                    .iter()
                    .map(|o| (o.name.clone().unwrap_or_default(), o.ty.clone()));
                Type::Context(Arc::new(ContextType {
                    fields: fields.collect(),
                }))
            }
        };
        let ty = match hit {
            Hit::RuleOrder | Hit::OutputOrder | Hit::Collect => Type::list(row),
            Hit::Sum | Hit::Count => Type::Number(None),
            _ => row,
        };
        made(ExprKind::Table(Arc::new(table)), ty)
    }

    fn tests(&mut self, text: &str, scope: &Scope, locals: &Locals, ty: &Type) -> UnaryTests {
        if text.trim().is_empty() {
            return UnaryTests::any();
        }
        match parser::parse_unary_tests(text, scope, locals, ty) {
            Ok(tests) => tests,
            Err(found) => {
                self.unreadable(text, &found);
                // A cell that cannot be understood matches nothing.
                UnaryTests {
                    negated: true,
                    ..UnaryTests::any()
                }
            }
        }
    }
}

/// The plain values that tests list, in order.
fn literals(tests: &UnaryTests) -> Vec<Value> {
    let mut out = Vec::new();
    for test in &tests.tests {
        if let UnaryTest::Expr { expr, .. } = test
            && let ExprKind::Literal(value) = &expr.kind
        {
            out.push(value.clone());
        }
    }
    out
}
