//! Rules compiled: names resolved to slots, types and units checked, tables analysed.

use super::kinds::which;
use super::markdown::Cell;
use super::model::{Body, Definition, TableBody};
use super::prelude::{
    self as feel, Closure, Diagnostic, Expr, ExprKind, Function, Hit, Input, Output, Rule, Scope,
    Table, Target, Type, Value,
};
use super::sentence::{self, Piece};
use super::source::{Findings, Span, say};
use super::symbols::{self, Field, Slot, Symbols};
use crate::programme::Bilingual;
use std::sync::Arc;

/// A definition ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub code: Code,
    /// What it reads directly, each once, with the place of its first mention.
    pub reads: Vec<(Read, Span)>,
    /// Chinese and English.
    pub sentences: [Vec<Part>; 2],
    /// Said instead when the rule is false; empty where the others serve.
    pub no: [Vec<Part>; 2],
    /// What only the sentences read.
    pub sentence_reads: Vec<Read>,
}

#[derive(Clone, Debug)]
pub(crate) enum Code {
    Expr(Expr),
    Table {
        table: Arc<Table>,
        rows: Vec<Grounds>,
    },
    Function(Arc<Function>),
}

/// What a table's row gives as its reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grounds {
    pub reason: Option<Bilingual>,
    pub article: Option<String>,
}

/// One thing that a rule reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Read {
    Kind(usize, usize),
    Rule(usize, usize),
    Parameter(usize),
    Function(usize),
    Previous,
    Event,
}

/// One part of a sentence.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    Value(Expr, Type),
}

/// Compiles a definition; `None`, with findings, when it cannot run.
pub(crate) fn compile(
    definition: &Definition,
    symbols: &Symbols,
    scopes: &[Scope; 3],
    findings: &mut Findings<'_>,
) -> Option<Compiled> {
    let who = which(definition.subject);
    let scope = match definition.body {
        Body::Function(..) => &scopes[2],
        _ => &scopes[who],
    };
    let mut reads = Reads {
        symbols,
        out: Vec::new(),
    };
    let code = match &definition.body {
        Body::Expression(cell) => {
            let at = symbols.rule(definition.subject, &definition.name)?;
            let declared = &symbols.rules[who][at].ty;
            let parsed = read(feel::parse_expression(&cell.text, scope), cell, findings)?;
            read(
                feel::check_type(declared, &parsed).map_err(|d| vec![d]),
                cell,
                findings,
            )?;
            reads.expr(&parsed.expr, &cell.span);
            Code::Expr(parsed.expr)
        }
        Body::Function(_, cell) => {
            let known = symbols
                .functions
                .iter()
                .find(|f| *f.name == *definition.name)?;
            let parsed = read(
                feel::parse_with_locals(&cell.text, scope, &known.ty.params),
                cell,
                findings,
            )?;
            read(
                feel::check_type(&known.ty.result, &parsed).map_err(|d| vec![d]),
                cell,
                findings,
            )?;
            reads.expr(&parsed.expr, &cell.span);
            Code::Function(Arc::new(Function::Closure(
                Arc::new(Closure {
                    params: known.ty.params.clone(),
                    body: Some(parsed.expr),
                    result: Some(known.ty.result.clone()),
                    captured: 0,
                }),
                Arc::from([]),
            )))
        }
        Body::Table(body) => {
            let at = symbols.rule(definition.subject, &definition.name)?;
            let table = table(
                body,
                &symbols.rules[who][at].ty,
                scope,
                &mut reads,
                findings,
            )?;
            let rows = body
                .rows
                .iter()
                .map(|r| Grounds {
                    reason: r.reason.clone(),
                    article: r.article.clone(),
                })
                .collect();
            Code::Table {
                table: Arc::new(table),
                rows,
            }
        }
    };
    let sentences = &definition.sentences;
    let mut said = Reads {
        symbols,
        out: Vec::new(),
    };
    let mut sentence = |cell: &Option<Cell>, findings: &mut Findings<'_>| {
        let Some(cell) = cell else { return Vec::new() };
        let parts = template(cell, scope, findings);
        for part in &parts {
            if let Part::Value(expr, _) = part {
                said.expr(expr, &cell.span);
            }
        }
        parts
    };
    let zh = sentence(&sentences.zh, findings);
    let en = sentence(&sentences.en, findings);
    let zh_no = sentence(&sentences.zh_no, findings);
    let en_no = sentence(&sentences.en_no, findings);
    // A rule's own value in its own sentence is no use of the rule.
    let own = symbols
        .rule(definition.subject, &definition.name)
        .map(|n| Read::Rule(who, n));
    let sentence_reads = said
        .out
        .into_iter()
        .map(|(r, _)| r)
        .filter(|r| Some(*r) != own)
        .collect();
    Some(Compiled {
        code,
        reads: reads.out,
        sentences: [zh, en],
        no: [zh_no, en_no],
        sentence_reads,
    })
}

/// Turns diagnostics of one text into findings at its place in the file.
pub(crate) fn read<T>(
    result: Result<T, Vec<Diagnostic>>,
    cell: &Cell,
    findings: &mut Findings<'_>,
) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(diagnostics) => {
            for d in diagnostics {
                let (start, end) = (d.span.start as usize, d.span.end as usize);
                let length = cell.span.range.len();
                let mut span = cell.span.part(start.min(length)..end.min(length));
                if span.range.is_empty() || start >= length {
                    span = last_line(cell, start);
                }
                let remedy = d.remedy.clone().unwrap_or_else(|| usual_remedy(d.code));
                findings.error(d.code, &span, d.message, remedy);
            }
            None
        }
    }
}

/// Advice for findings of FEEL that come without their own.
fn usual_remedy(code: &str) -> Bilingual {
    match code {
        "type-mismatch" | "unit-mismatch" => say(
            "换成类型相合的值，或更正声明的类型",
            "use a value of the right type, or mend the declared type",
        ),
        "syntax" | "unexpected-end" => say(
            "把表达式写完整；写法见 docs/law-format.md 的 Rules",
            "complete the expression; see Rules in docs/law-format.md",
        ),
        "arguments" => say(
            "按括号里列出的参数写",
            "give the arguments that stand in the brackets",
        ),
        _ => say("写法见 docs/law-format.md", "see docs/law-format.md"),
    }
}

/// Where a text ends too early: the last line with something on it.
fn last_line(cell: &Cell, start: usize) -> Span {
    let text = cell
        .text
        .get(..start.min(cell.text.len()))
        .unwrap_or(&cell.text)
        .trim_end();
    let from = text.rfind('\n').map_or(0, |n| n + 1);
    let lead = text[from..].len() - text[from..].trim_start().len();
    cell.span.part(from + lead..text.len().max(from + lead))
}

fn table(
    body: &TableBody,
    declared: &Type,
    scope: &Scope,
    reads: &mut Reads<'_>,
    findings: &mut Findings<'_>,
) -> Option<Table> {
    let hit = Hit::parse(&body.hit)?;
    let mut fine = true;
    let mut inputs = Vec::new();
    for cell in &body.inputs {
        match read(feel::parse_expression(&cell.text, scope), cell, findings) {
            Some(parsed) => {
                reads.expr(&parsed.expr, &cell.span);
                inputs.push(Input {
                    expr: parsed.expr,
                    ty: parsed.ty,
                    allowed: None,
                });
            }
            None => fine = false,
        }
    }
    let outputs = outputs(body, hit, declared, findings)?;
    if !fine {
        return None;
    }
    let mut rules = Vec::new();
    for row in &body.rows {
        let mut tests = Vec::new();
        for (cell, input) in row.inputs.iter().zip(&inputs) {
            match read(
                feel::parse_unary_tests(&cell.text, scope, &[], &input.ty),
                cell,
                findings,
            ) {
                Some(parsed) => {
                    let value = Box::new(Expr::null());
                    let local = parsed.local;
                    let kind = ExprKind::In {
                        value,
                        local,
                        tests: parsed.tests.clone(),
                    };
                    reads.expr(&Expr::new(parsed.span, kind), &cell.span);
                    tests.push(parsed);
                }
                None => fine = false,
            }
        }
        let mut results = Vec::new();
        for (cell, output) in row.outputs.iter().zip(&outputs) {
            let parsed = read(feel::parse_expression(&cell.text, scope), cell, findings);
            let parsed = parsed.and_then(|p| {
                read(
                    feel::check_type(&output.ty, &p).map_err(|d| vec![d]),
                    cell,
                    findings,
                )?;
                Some(p)
            });
            match parsed {
                Some(parsed) => {
                    reads.expr(&parsed.expr, &cell.span);
                    results.push(parsed.expr);
                }
                None => fine = false,
            }
        }
        let span = feel::Span::new(row.span.range.start, row.span.range.end);
        rules.push(Rule {
            span,
            tests,
            outputs: results,
        });
    }
    if !fine {
        return None;
    }
    let table = Table {
        hit,
        inputs,
        outputs,
        rules,
        local: 0,
    };
    super::coverage::check(&table, body, declared, findings);
    Some(table)
}

/// The types of the output columns, from the declared type of the rule.
fn outputs(
    body: &TableBody,
    hit: Hit,
    declared: &Type,
    findings: &mut Findings<'_>,
) -> Option<Vec<Output>> {
    let list = hit.is_multiple() && matches!(hit, Hit::RuleOrder | Hit::OutputOrder | Hit::Collect);
    let item = match (list, declared.plain()) {
        (true, Type::List(item)) => (**item).clone(),
        (true, _) => {
            findings.error(
                "type-mismatch",
                &body.hit_span,
                say(
                    format!("命中方式 {} 给出列表，规则的类型却是 {declared}", body.hit),
                    format!(
                        "hit policy {} gives a list, and the rule has type {declared}",
                        body.hit
                    ),
                ),
                say(
                    format!("类型写成 `列表<{declared}>`"),
                    format!("make the type `list<{declared}>`"),
                ),
            );
            return None;
        }
        (false, _) if hit == Hit::Count => Type::Any,
        _ => declared.clone(),
    };
    let allowed = |ty: &Type| match ty.plain() {
        Type::Enum(texts) => texts.iter().map(|t| Value::Text(t.clone())).collect(),
        _ => Vec::new(),
    };
    let output = |name: Option<&str>, ty: Type| Output {
        name: name.map(Arc::from),
        allowed: allowed(&ty),
        ty,
        tests: None,
        default: None,
    };
    if body.outputs.len() == 1 {
        return Some(vec![output(None, item)]);
    }
    let Type::Context(fields) = item.plain() else {
        findings.error(
            "type-mismatch",
            &body.span,
            say(
                "几个结果合成一个情况，规则的类型却不是情况",
                "several results make a context, and the rule's type is none",
            ),
            say(
                "类型写成 `情况{名一: …, 名二: …}`",
                "make the type `context{one: …, two: …}`",
            ),
        );
        return None;
    };
    let mut outputs = Vec::new();
    for cell in &body.outputs {
        let Some((_, ty)) = fields.field(&cell.text) else {
            findings.error(
                "type-mismatch",
                &cell.span,
                say(
                    format!("规则的类型里没有 `{}`", cell.text),
                    format!("the rule's type has no `{}`", cell.text),
                ),
                say(
                    "结果栏的名称要与类型一致",
                    "name the result columns as the type does",
                ),
            );
            return None;
        };
        outputs.push(output(Some(&cell.text), ty.clone()));
    }
    Some(outputs)
}

fn template(cell: &Cell, scope: &Scope, findings: &mut Findings<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for piece in sentence::pieces(&cell.text) {
        match piece {
            Piece::Text(text) => parts.push(Part::Text(text.to_string())),
            Piece::Name { name, at } => {
                let own = Cell {
                    text: name.to_string(),
                    span: cell.span.part(at..at + name.len()),
                };
                if let Some(parsed) = read(feel::parse_expression(name, scope), &own, findings) {
                    parts.push(Part::Value(parsed.expr, parsed.ty));
                }
            }
        }
    }
    parts
}

struct Reads<'s> {
    symbols: &'s Symbols,
    out: Vec<(Read, Span)>,
}

impl Reads<'_> {
    fn add(&mut self, read: Read, span: Span) {
        if !self.out.iter().any(|(r, _)| *r == read) {
            self.out.push((read, span));
        }
    }

    fn field(&mut self, record: u32, field: u32, span: Span) {
        let who = record as usize;
        match self.symbols.field(record, field) {
            Field::Kind(n) => self.add(Read::Kind(who, n), span),
            Field::Rule(n) => self.add(Read::Rule(who, n), span),
            Field::Members => {}
        }
    }

    fn expr(&mut self, expr: &Expr, base: &Span) {
        let mut found = Vec::new();
        expr.visit(&mut |node| match &node.kind {
            ExprKind::Name { target, .. } => found.push((node.span, None, slot_of(target))),
            ExprKind::Path {
                name,
                field: Some(field),
                ..
            } => {
                found.push((node.span, Some((name.clone(), *field)), None));
            }
            _ => {}
        });
        for (span, path, slot) in found {
            let length = base.range.len();
            let part =
                base.part((span.start as usize).min(length)..(span.end as usize).min(length));
            if let Some(slot) = slot.and_then(Slot::decode) {
                match slot {
                    Slot::Household(n) => self.field(symbols::HOUSEHOLD, n, part),
                    Slot::Member(n) => self.field(symbols::MEMBER, n, part),
                    Slot::Parameter(n) => self.add(Read::Parameter(n as usize), part),
                    Slot::Function(n) => self.add(Read::Function(n as usize), part),
                    Slot::Previous => self.add(Read::Previous, part),
                    Slot::Event => self.add(Read::Event, part),
                    Slot::TheHousehold | Slot::ReferenceDay | Slot::Month => {}
                }
            } else if let Some((name, field)) = path {
                // A field number alone does not say whose field it is; name and number together do.
                for record in [symbols::HOUSEHOLD, symbols::MEMBER] {
                    let known = self
                        .symbols
                        .records
                        .get(record)
                        .and_then(|r| r.field(&name));
                    if known.is_some_and(|(n, _)| n == field) {
                        self.field(record, field, part.clone());
                    }
                }
            }
        }
    }
}

fn slot_of(target: &Target) -> Option<u32> {
    match target {
        Target::Slot(slot) => Some(*slot),
        Target::ItemField(_, next) => slot_of(next),
        _ => None,
    }
}
