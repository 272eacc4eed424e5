//! Expressions back to text: the form that `law fmt` and exports write. What is printed reads back to
//! the same tree.

use super::ast::{
    Arith, Closure, Compare, Entry, Expr, ExprKind, Iterator_, RangeExpr, UnaryTest, UnaryTests,
};
use super::types::Type;
use super::value::Value;
use std::fmt::Write;

/// An expression as FEEL. Decision tables, which have no text form, become `null`.
pub fn expression(expr: &Expr) -> String {
    let mut out = String::new();
    write(&mut out, expr, 0);
    out
}

/// A value as FEEL where it has a literal: texts in quotes, lists and contexts with their items; other
/// values as they are shown.
pub fn value(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Text(text) => quoted(out, text),
        Value::List(items) => {
            out.push('[');
            separated(out, items, write_value);
            out.push(']');
        }
        Value::Context(context) => {
            out.push('{');
            let entries: Vec<_> = context.iter().collect();
            separated(out, &entries, |out, (name, value)| {
                out.push_str(name);
                out.push_str(": ");
                write_value(out, value);
            });
            out.push('}');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// The tests of a cell as FEEL.
pub fn unary_tests(tests: &UnaryTests) -> String {
    if tests.is_any() {
        return "-".into();
    }
    let mut out = String::new();
    each_test(&mut out, &tests.tests);
    if tests.negated {
        format!("not({out})")
    } else {
        out
    }
}

/// How tightly a node binds: the level of its operator, as the parser has it.
fn level(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::If(..)
        | ExprKind::For { .. }
        | ExprKind::Quantified { .. }
        | ExprKind::FunctionDef(_) => 0,
        ExprKind::Or(..) => 1,
        ExprKind::And(..) => 2,
        ExprKind::Compare(..) | ExprKind::Between(..) | ExprKind::In { .. } => 3,
        ExprKind::Arith(Arith::Add | Arith::Sub, ..) => 4,
        ExprKind::Arith(Arith::Mul | Arith::Div, ..) => 5,
        ExprKind::Arith(Arith::Pow, ..) => 6,
        ExprKind::Neg(_) => 7,
        ExprKind::Literal(Value::Number(n)) if n.is_negative() => 7,
        // Its type may go on with `<`: it stands in parentheses before a comparison.
        ExprKind::InstanceOf(..) => 2,
        ExprKind::Condition(inner) | ExprKind::Boxed(inner) | ExprKind::Typed(inner, _) => {
            level(&inner.kind)
        }
        _ => 9,
    }
}

/// Writes a node, in parentheses when it binds less tightly than its place needs.
fn write(out: &mut String, expr: &Expr, needed: u8) {
    if level(&expr.kind) < needed {
        out.push('(');
        node(out, expr);
        out.push(')');
    } else {
        node(out, expr);
    }
}

fn infix(out: &mut String, a: &Expr, sign: &str, b: &Expr, level: u8) {
    write(out, a, level);
    let _ = write!(out, " {sign} ");
    write(out, b, level + 1);
}

fn node(out: &mut String, expr: &Expr) {
    match &expr.kind {
        ExprKind::Literal(value) => literal(out, value),
        ExprKind::Name { name, .. } => out.push_str(name),
        // A field of a filter's item is written alone.
        ExprKind::Path { base, name, .. } if base.span == expr.span => out.push_str(name),
        ExprKind::Path { base, name, .. } => {
            write(out, base, 9);
            out.push('.');
            out.push_str(name);
        }
        ExprKind::Neg(a) => {
            out.push('-');
            write(out, a, 7);
        }
        ExprKind::Arith(op, a, b) => infix(out, a, op.sign(), b, level(&expr.kind)),
        ExprKind::Compare(op, a, b) => infix(out, a, op.sign(), b, 3),
        ExprKind::And(a, b) => infix(out, a, "and", b, 2),
        ExprKind::Or(a, b) => infix(out, a, "or", b, 1),
        ExprKind::Between(x, low, high) => {
            write(out, x, 3);
            out.push_str(" between ");
            write(out, low, 4);
            out.push_str(" and ");
            write(out, high, 4);
        }
        ExprKind::In { value, tests, .. } => {
            write(out, value, 3);
            out.push_str(" in (");
            each_test(out, tests);
            out.push(')');
        }
        ExprKind::InstanceOf(x, ty) => {
            write(out, x, 8);
            let _ = write!(out, " instance of {}", type_name(ty));
        }
        ExprKind::If(condition, yes, no) => {
            out.push_str("if ");
            write(out, condition, 0);
            out.push_str(" then ");
            write(out, yes, 0);
            out.push_str(" else ");
            write(out, no, 0);
        }
        ExprKind::For {
            iterators, body, ..
        } => {
            out.push_str("for ");
            each_iterator(out, iterators);
            out.push_str(" return ");
            write(out, body, 0);
        }
        ExprKind::Quantified {
            every,
            iterators,
            condition,
        } => {
            out.push_str(if *every { "every " } else { "some " });
            each_iterator(out, iterators);
            out.push_str(" satisfies ");
            write(out, condition, 0);
        }
        ExprKind::Filter {
            base, condition, ..
        } => {
            write(out, base, 9);
            out.push('[');
            write(out, condition, 0);
            out.push(']');
        }
        ExprKind::Builtin(f, args) => {
            out.push_str(f.name());
            arguments(out, args, &[]);
        }
        ExprKind::Call {
            callee,
            args,
            names,
        } => {
            write(out, callee, 9);
            arguments(out, args, names);
        }
        ExprKind::List(items) => {
            out.push('[');
            separated(out, items, |out, item| write(out, item, 0));
            out.push(']');
        }
        ExprKind::Context {
            entries, result, ..
        } => context(out, entries, result.as_deref()),
        ExprKind::FunctionDef(closure) => function(out, closure),
        ExprKind::Range(range) => self::range(out, range),
        ExprKind::Table(_) => out.push_str("null"),
        ExprKind::Condition(inner) | ExprKind::Boxed(inner) | ExprKind::Typed(inner, _) => {
            node(out, inner);
        }
    }
}

fn separated<T>(out: &mut String, items: &[T], mut each: impl FnMut(&mut String, &T)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        each(out, item);
    }
}

fn arguments(out: &mut String, args: &[Expr], names: &[std::sync::Arc<str>]) {
    out.push('(');
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if let Some(name) = names.get(at) {
            let _ = write!(out, "{name}: ");
        }
        write(out, arg, 0);
    }
    out.push(')');
}

fn each_iterator(out: &mut String, iterators: &[Iterator_]) {
    separated(out, iterators, |out, iterator| {
        let _ = write!(out, "{} in ", iterator.name);
        write(out, &iterator.source, 0);
        if let Some(high) = &iterator.high {
            out.push_str("..");
            write(out, high, 0);
        }
    });
}

fn each_test(out: &mut String, tests: &[UnaryTest]) {
    separated(out, tests, |out, test| match test {
        UnaryTest::Compare(op, end) => {
            let _ = write!(out, "{} ", op.sign());
            write(out, end, 0);
        }
        UnaryTest::Expr { expr, .. } => write(out, expr, 0),
        UnaryTest::Not(tests) => {
            out.push_str("not(");
            each_test(out, tests);
            out.push(')');
        }
    });
}

/// A boxed context with a result is a context whose result is taken out of it.
fn context(out: &mut String, entries: &[Entry], result: Option<&Expr>) {
    out.push('{');
    separated(out, entries, |out, entry| {
        if plain_name(&entry.name) {
            out.push_str(&entry.name);
        } else {
            quoted(out, &entry.name);
        }
        out.push_str(": ");
        write(out, &entry.value, 0);
    });
    if let Some(result) = result {
        if !entries.is_empty() {
            out.push_str(", ");
        }
        out.push_str("result: ");
        write(out, result, 0);
    }
    out.push('}');
    if result.is_some() {
        out.push_str(".result");
    }
}

fn function(out: &mut String, closure: &Closure) {
    out.push_str("function(");
    separated(out, &closure.params, |out, (name, ty)| {
        out.push_str(name);
        if *ty != Type::Any {
            let _ = write!(out, ": {}", type_name(ty));
        }
    });
    out.push_str(") ");
    match &closure.body {
        Some(body) => write(out, body, 0),
        None => out.push_str("external {}"),
    }
}

fn range(out: &mut String, range: &RangeExpr) {
    if range.compared {
        let (op, end) = match (&range.low, &range.high) {
            (Some(end), Some(_)) => (Compare::Eq, end),
            (Some(end), None) if range.low_closed => (Compare::Ge, end),
            (Some(end), None) => (Compare::Gt, end),
            (None, Some(end)) if range.high_closed => (Compare::Le, end),
            (None, Some(end)) => (Compare::Lt, end),
            (None, None) => return out.push_str("null"),
        };
        let _ = write!(out, "({} ", op.sign());
        write(out, end, 0);
        return out.push(')');
    }
    let end = |out: &mut String, end: &Option<Expr>, least: u8| match end {
        Some(end) => write(out, end, least),
        None => out.push_str("null"),
    };
    out.push(if range.low_closed { '[' } else { '(' });
    end(out, &range.low, 4);
    out.push_str("..");
    end(out, &range.high, 4);
    out.push(if range.high_closed { ']' } else { ')' });
}

/// A value as FEEL reads it.
pub(crate) fn literal(out: &mut String, value: &Value) {
    match value {
        Value::Text(text) => quoted(out, text),
        Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_)
        | Value::YearsMonths(_)
        | Value::DaysTime(_) => {
            let _ = write!(out, "@\"{value}\"");
        }
        Value::Function(function) => match &**function {
            super::ast::Function::Builtin(builtin) => out.push_str(builtin.name()),
            _ => out.push_str("null"),
        },
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// A text in quotation marks.
pub(crate) fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn plain_name(name: &str) -> bool {
    let pieces = super::lexer::pieces_of(name);
    let plain = |p: &super::lexer::Piece| {
        p.text.chars().all(super::lexer::continues_name)
            // A full-width mark is a mistake where it stands unquoted, a keyword a keyword.
            && !p.text.contains(|c| super::diagnostic::ascii_mark(c).is_some())
            && !super::parser::KEYWORDS.contains(&&*p.text)
    };
    // Unquoted, any white space between two words is read as one blank.
    let spaced = |c: char| c.is_whitespace() && c != ' ';
    name.starts_with(super::lexer::starts_name)
        && !name.contains(spaced)
        && !name.contains("  ")
        && pieces.iter().all(plain)
        && pieces.last().is_some_and(|p| p.end == name.len())
}

/// A type as `instance of` reads it.
fn type_name(ty: &Type) -> String {
    match ty {
        Type::Any => "Any".into(),
        Type::Null => "Null".into(),
        Type::Boolean => "boolean".into(),
        Type::Number(None) => "number".into(),
        Type::Text => "string".into(),
        Type::Date => "date".into(),
        Type::Time => "time".into(),
        Type::DateTime => "date and time".into(),
        Type::YearsMonths => "years and months duration".into(),
        Type::DaysTime => "days and time duration".into(),
        Type::List(item) => format!("list<{}>", type_name(item)),
        Type::Range(item) => format!("range<{}>", type_name(item)),
        Type::Context(fields) if fields.fields.is_empty() => "context".into(),
        Type::Context(fields) => {
            let fields = fields
                .fields
                .iter()
                .map(|(n, t)| format!("{n}: {}", type_name(t)));
            format!("context<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        Type::Function(function) => {
            if function
                .params
                .first()
                .is_some_and(|p| &*p.0 == super::parser::ANY_PARAMS)
            {
                return "function".into();
            }
            let params = function
                .params
                .iter()
                .map(|(_, t)| type_name(t))
                .collect::<Vec<_>>();
            format!(
                "function<{}> -> {}",
                params.join(", "),
                type_name(&function.result)
            )
        }
        other => other.to_string(),
    }
}
