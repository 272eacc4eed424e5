//! What can never happen: branches whose condition the ones before it, or its own parts, exclude, and
//! tests for a text that a rule never gives.
//!
//! Branches are decided like the rows of a decision table, by the analysis of [`analyse`]: a condition
//! made of comparisons of one thing with constants is a cell, anything else may be true or false.

use super::compile::Code;
use super::corpus::Corpus;
use super::model::Body;
use super::prelude::{
    Expr, ExprKind, Hit, Input, Machine, Mode, Output, Rule, Table, Target, Type, Value,
};
use super::source::{Findings, Span, say};
use super::symbols::{Field, HOUSEHOLD, MEMBER, Slot};
use crate::feel::ast::{Compare, UnaryTest, UnaryTests};
use crate::feel::builtin::Builtin;
use crate::feel::print;
use crate::feel::table::analyse::{analyse, mentions_null};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest chain of branches that is looked at.
const BRANCHES: usize = 40;

/// Warns of everything that never happens.
pub(crate) fn check(corpus: &Corpus, findings: &mut Findings<'_>) {
    for (definition, compiled) in corpus.definitions.iter().zip(&corpus.compiled) {
        let Some(compiled) = compiled else { continue };
        match (&compiled.code, &definition.body) {
            (Code::Expr(expr), Body::Expression(cell)) => {
                branches(corpus, expr, false, &cell.span, findings);
                texts_of(corpus, expr, &cell.span, findings);
            }
            (Code::Table { table, .. }, Body::Table(body)) => {
                for (at, input) in table.inputs.iter().enumerate() {
                    let Some(texts) = given(corpus, &input.expr) else {
                        continue;
                    };
                    for (rule, row) in table.rules.iter().zip(&body.rows) {
                        if let Some(tests) = rule.tests.get(at)
                            && !any_passes(tests, &texts)
                        {
                            never(&row.span, &body.inputs[at].text, &texts, findings);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

// Branches

/// Looks at every chain of branches and every conjunction within an expression. `skip`: this node was
/// looked at with the one around it.
fn branches(corpus: &Corpus, expr: &Expr, skip: bool, base: &Span, findings: &mut Findings<'_>) {
    match &expr.kind {
        ExprKind::If(condition, then, other) => {
            if !skip {
                let mut chain = vec![&**condition];
                let mut at = &**other;
                while let ExprKind::If(condition, _, other) = &at.kind {
                    chain.push(condition);
                    at = other;
                }
                judge(corpus, &chain, base, findings);
            }
            let conjunction = matches!(condition.kind, ExprKind::And(..));
            branches(corpus, condition, conjunction, base, findings);
            branches(corpus, then, false, base, findings);
            let tail = matches!(other.kind, ExprKind::If(..));
            branches(corpus, other, tail, base, findings);
        }
        ExprKind::And(a, b) => {
            if !skip {
                judge(corpus, &[expr], base, findings);
            }
            for part in [a, b] {
                let conjunction = matches!(part.kind, ExprKind::And(..));
                branches(corpus, part, conjunction, base, findings);
            }
        }
        other => crate::feel::ast::for_each_child(other, &mut |child| {
            branches(corpus, child, false, base, findings);
        }),
    }
}

fn judge(corpus: &Corpus, chain: &[&Expr], base: &Span, findings: &mut Findings<'_>) {
    if chain.len() > BRANCHES {
        return;
    }
    for row in analyse(&table(corpus, chain), Mode::Strict).unreachable {
        let Some(condition) = chain.get(row as usize) else {
            continue;
        };
        let length = base.range.len();
        let (start, end) = (condition.span.start as usize, condition.span.end as usize);
        let span = base.part(start.min(length)..end.min(length));
        let text = print::expression(condition);
        findings.warn(
            "never-true",
            &span,
            say(
                format!("条件 `{text}` 在这里永远不成立"),
                format!("the condition `{text}` is never true here"),
            ),
            say(
                "前面的条件已经包括了它，或者它自相矛盾：删去这一支，或改正界限",
                "earlier conditions take all of it, or its parts exclude each other: remove the branch, or mend the limits",
            ),
        );
    }
}

/// The conditions as rows of a table with hit policy F: a column for each thing that is compared with
/// constants, and one for whatever else is asked.
fn table(corpus: &Corpus, chain: &[&Expr]) -> Table {
    let mut subjects: Vec<(String, Type)> = Vec::new();
    let mut rows: Vec<Vec<(usize, Expr)>> = Vec::new();
    let mut opaque = vec![false; chain.len()];
    for (n, condition) in chain.iter().enumerate() {
        let mut cells: Vec<(usize, Expr)> = Vec::new();
        for part in conjuncts(condition) {
            let mut subject = None;
            let Some(test) = test(corpus, part, &mut subject) else {
                opaque[n] = true;
                continue;
            };
            let Some(subject) = subject else {
                opaque[n] = true;
                continue;
            };
            let column = subjects
                .iter()
                .position(|s| s.0 == subject.0)
                .unwrap_or_else(|| {
                    subjects.push(subject);
                    subjects.len() - 1
                });
            match cells.iter_mut().find(|c| c.0 == column) {
                Some((_, old)) => {
                    let both = ExprKind::And(Box::new(old.clone()), Box::new(test));
                    *old = Expr::new(part.span, both);
                }
                None => cells.push((column, test)),
            }
        }
        rows.push(cells);
    }
    let input = |ty: &Type| Input {
        expr: Expr::null(),
        ty: ty.clone(),
        allowed: None,
    };
    let cell = |expr: Option<Expr>| UnaryTests {
        tests: expr
            .into_iter()
            .map(|expr| UnaryTest::Expr {
                expr,
                uses_input: true,
            })
            .collect(),
        ..UnaryTests::any()
    };
    // A name of the host is no constant: the analysis takes the cell for one that may match.
    let unknown = || {
        let target = Target::Slot(u32::MAX);
        let name = Arc::from("…");
        Expr::new(Default::default(), ExprKind::Name { name, target })
    };
    let mut inputs: Vec<Input> = subjects.iter().map(|s| input(&s.1)).collect();
    inputs.push(input(&Type::Boolean));
    let rules = rows.into_iter().zip(opaque).map(|(cells, opaque)| {
        let mut tests: Vec<UnaryTests> = (0..subjects.len())
            .map(|column| cell(cells.iter().find(|c| c.0 == column).map(|c| c.1.clone())))
            .collect();
        tests.push(cell(opaque.then(unknown)));
        Rule {
            span: Default::default(),
            tests,
            outputs: vec![Expr::null()],
        }
    });
    Table {
        hit: Hit::First,
        rules: rules.collect(),
        inputs,
        // With a default no gaps are looked for.
        outputs: vec![Output {
            name: None,
            ty: Type::Any,
            allowed: Vec::new(),
            tests: None,
            default: Some(Expr::null()),
        }],
        local: 0,
    }
}

fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::And(a, b) => [conjuncts(a), conjuncts(b)].concat(),
        _ => vec![expr],
    }
}

/// A condition about one thing as a test of `?`; `None` when it is about anything else.
fn test(corpus: &Corpus, expr: &Expr, subject: &mut Option<(String, Type)>) -> Option<Expr> {
    let new = |kind: ExprKind| Some(Expr::new(expr.span, kind));
    match &expr.kind {
        ExprKind::Compare(sign, a, b) => {
            let (a, b) = match (constant(a), constant(b)) {
                (false, true) => (asked(corpus, a, Some(b), subject)?, (**b).clone()),
                (true, false) => ((**a).clone(), asked(corpus, b, Some(a), subject)?),
                _ => return None,
            };
            new(ExprKind::Compare(*sign, Box::new(a), Box::new(b)))
        }
        ExprKind::Between(x, a, b) if constant(a) && constant(b) => {
            let x = asked(corpus, x, Some(a), subject)?;
            new(ExprKind::Between(Box::new(x), a.clone(), b.clone()))
        }
        ExprKind::Or(a, b) => {
            let (a, b) = (test(corpus, a, subject)?, test(corpus, b, subject)?);
            new(ExprKind::Or(Box::new(a), Box::new(b)))
        }
        ExprKind::Builtin(Builtin::Not, args) => {
            let [inner] = args.as_slice() else {
                return None;
            };
            let inner = test(corpus, inner, subject)?;
            new(ExprKind::Builtin(Builtin::Not, vec![inner]))
        }
        ExprKind::Name { .. } => {
            let x = asked(corpus, expr, None, subject)?;
            let yes = Expr::new(expr.span, ExprKind::Literal(Value::Boolean(true)));
            new(ExprKind::Compare(Compare::Eq, Box::new(x), Box::new(yes)))
        }
        _ => None,
    }
}

fn constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(value) => !value.is_null(),
        ExprKind::Neg(inner) => constant(inner),
        _ => false,
    }
}

/// `?` in the place of what is compared, which must be the same thing in the whole condition.
fn asked(
    corpus: &Corpus,
    expr: &Expr,
    with: Option<&Expr>,
    subject: &mut Option<(String, Type)>,
) -> Option<Expr> {
    let mut local = false;
    expr.visit(&mut |e| {
        local |=
            matches!(&e.kind, ExprKind::Name { target, .. } if !matches!(target, Target::Slot(_)));
    });
    if local || matches!(expr.kind, ExprKind::Literal(_)) {
        return None;
    }
    let text = print::expression(expr);
    match subject {
        Some((known, _)) if *known != text => return None,
        Some(_) => {}
        None => {
            let own = type_of(corpus, expr).or_else(|| {
                let ExprKind::Literal(value) = &with?.kind else {
                    return None;
                };
                Some(match value {
                    Value::Boolean(_) => Type::Boolean,
                    Value::Text(_) => Type::Text,
                    Value::Date(_) => Type::Date,
                    Value::Number(_) => Type::PLAIN,
                    _ => return None,
                })
            });
            let own = own.or_else(|| with.map(|_| Type::PLAIN))?;
            // Null is another matter: a comparison with null is never true.
            let own = own.plain().clone();
            let known = matches!(
                own,
                Type::Boolean
                    | Type::Number(_)
                    | Type::Text
                    | Type::Enum(_)
                    | Type::Date
                    | Type::YearMonth
            );
            if !known || (with.is_none() && own != Type::Boolean) {
                return None;
            }
            *subject = Some((text, own));
        }
    }
    let (name, target) = (Arc::from("?"), Target::Local(0));
    Some(Expr::new(expr.span, ExprKind::Name { name, target }))
}

/// The type of a name of the law.
fn type_of(corpus: &Corpus, expr: &Expr) -> Option<Type> {
    let ExprKind::Name {
        target: Target::Slot(slot),
        ..
    } = &expr.kind
    else {
        return None;
    };
    let field = |record: u32, n: u32| {
        let record = corpus.symbols.records.get(record)?;
        record.fields.get(n as usize).map(|f| f.1.clone())
    };
    match Slot::decode(*slot)? {
        Slot::Household(n) => field(HOUSEHOLD, n),
        Slot::Member(n) => field(MEMBER, n),
        Slot::Parameter(n) => Some(corpus.parameters.list.get(n as usize)?.ty.clone()),
        Slot::ReferenceDay => Some(Type::Date),
        _ => None,
    }
}

// Texts that a rule never gives

/// The texts that a rule of texts can give, when all its definitions name them.
fn given(corpus: &Corpus, expr: &Expr) -> Option<BTreeSet<Arc<str>>> {
    let ExprKind::Name {
        target: Target::Slot(slot),
        ..
    } = &expr.kind
    else {
        return None;
    };
    let (record, n) = match Slot::decode(*slot)? {
        Slot::Household(n) => (HOUSEHOLD, n),
        Slot::Member(n) => (MEMBER, n),
        _ => return None,
    };
    let Field::Rule(rule) = corpus.symbols.field(record, n) else {
        return None;
    };
    let rule = &corpus.symbols.rules[record as usize][rule];
    if *rule.ty.plain() != Type::Text {
        return None;
    }
    let mut texts = BTreeSet::new();
    for &n in &rule.definitions {
        match &corpus.compiled.get(n)?.as_ref()?.code {
            Code::Expr(expr) => leaves(expr, &mut texts)?,
            Code::Table { table, .. } => {
                for rule in &table.rules {
                    leaves(rule.outputs.first()?, &mut texts)?;
                }
            }
            Code::Function(_) => return None,
        }
    }
    Some(texts)
}

fn leaves(expr: &Expr, out: &mut BTreeSet<Arc<str>>) -> Option<()> {
    match &expr.kind {
        ExprKind::Literal(Value::Text(text)) => {
            out.insert(text.clone());
        }
        ExprKind::Literal(Value::Null) => {}
        ExprKind::If(_, a, b) => {
            leaves(a, out)?;
            leaves(b, out)?;
        }
        _ => return None,
    }
    Some(())
}

fn any_passes(tests: &UnaryTests, texts: &BTreeSet<Arc<str>>) -> bool {
    let mut machine = Machine::new(Mode::Strict);
    let mut passes = |value: Value| machine.test_value(tests, value).unwrap_or(None) != Some(false);
    texts.iter().any(|t| passes(Value::Text(t.clone()))) || mentions_null(tests)
}

fn never(span: &Span, name: &str, texts: &BTreeSet<Arc<str>>, findings: &mut Findings<'_>) {
    let list: Vec<String> = texts.iter().map(|t| format!("\"{t}\"")).collect();
    findings.warn(
        "never-true",
        span,
        say(
            format!("永远不成立：`{name}` 只会是 {}", list.join("、")),
            format!("never true: `{name}` is only ever {}", list.join(", ")),
        ),
        say(
            "改正文字，或删去这一处",
            "mend the text, or remove what tests for it",
        ),
    );
}

/// `名称 = "文字"` where the rule of that name never gives the text.
fn texts_of(corpus: &Corpus, expr: &Expr, base: &Span, findings: &mut Findings<'_>) {
    let mut found: Vec<(Expr, Arc<str>)> = Vec::new();
    expr.visit(&mut |e| {
        if let ExprKind::Compare(Compare::Eq, a, b) = &e.kind {
            for (name, text) in [(a, b), (b, a)] {
                if let ExprKind::Literal(Value::Text(text)) = &text.kind {
                    found.push(((**name).clone(), text.clone()));
                }
            }
        }
    });
    for (name, text) in found {
        if let Some(texts) = given(corpus, &name)
            && !texts.contains(&text)
        {
            let length = base.range.len();
            let (start, end) = (name.span.start as usize, name.span.end as usize);
            let span = base.part(start.min(length)..end.min(length));
            never(&span, &print::expression(&name), &texts, findings);
        }
    }
}
