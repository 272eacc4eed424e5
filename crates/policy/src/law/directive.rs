//! The heads of rules, tables and parameters: `NAME : TYPE`.

use super::markdown::Cell;
use super::source::{Findings, Span, say};
use crate::programme::Subject;

/// A rule's head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub name: Cell,
    pub subject: Subject,
    pub ty: Cell,
    /// For a function: its parameters' names and types.
    pub parameters: Option<Vec<(Cell, Cell)>>,
}

/// `家庭`, `household`, `成员`, `member`, `person`.
pub(crate) fn subject(word: &str) -> Option<Subject> {
    match word {
        "家庭" | "household" => Some(Subject::Household),
        "成员" | "member" | "person" => Some(Subject::Person),
        _ => None,
    }
}

/// A part of a line as a cell, trimmed. `line` begins at `span`.
pub(crate) fn cell(line: &str, from: usize, to: usize, span: &Span) -> Cell {
    let part = line.get(from..to).unwrap_or("");
    let lead = part.len() - part.trim_start().len();
    let text = part.trim();
    Cell {
        text: text.to_string(),
        span: span.part(from + lead..from + lead + text.len()),
    }
}

/// Reads `NAME : TYPE` from byte `start` of `line` on, `成员.NAME : TYPE`, or
/// `函数 NAME(x : T, …) : TYPE`.
pub(crate) fn rule_head(
    line: &str,
    start: usize,
    span: &Span,
    findings: &mut Findings<'_>,
) -> Option<Head> {
    head(line, start, line.len(), span, findings)
}

/// Reads `NAME : TYPE hit F`.
pub(crate) fn table_head(
    line: &str,
    start: usize,
    span: &Span,
    findings: &mut Findings<'_>,
) -> Option<(Head, Cell)> {
    let (end, hit) = match line.rfind(" hit ") {
        Some(at) if at >= start => (at, cell(line, at + 5, line.len(), span)),
        _ => (
            line.len(),
            Cell {
                text: "U".into(),
                span: span.clone(),
            },
        ),
    };
    Some((head(line, start, end, span, findings)?, hit))
}

fn head(
    line: &str,
    start: usize,
    end: usize,
    span: &Span,
    findings: &mut Findings<'_>,
) -> Option<Head> {
    let rest = &line[start..end];
    for word in ["函数 ", "function "] {
        if let Some(after) = rest.strip_prefix(word) {
            let begin = start + word.len();
            return function(line, begin, begin + after.len(), span, findings);
        }
    }
    let Some(colon) = rest.find([':', '：']) else {
        findings.error(
            "bad-head",
            &cell(line, start, end, span).span,
            say("规则缺少类型", "the rule has no type"),
            say(
                "写成 `名称 : 类型`，如 `人均收入 : 元/月`",
                "write `NAME : TYPE`, such as `income per head : yuan/month`",
            ),
        );
        return None;
    };
    let width = rest[colon..].chars().next().map_or(1, char::len_utf8);
    let mut name = cell(line, start, start + colon, span);
    let ty = cell(line, start + colon + width, end, span);
    let mut who = Subject::Household;
    if let Some((prefix, _)) = name.text.split_once('.')
        && let Some(subject) = subject(prefix.trim())
    {
        who = subject;
        let skip = prefix.len() + 1;
        name = cell(&name.text, skip, name.text.len(), &name.span);
    }
    if name.text.is_empty() || ty.text.is_empty() {
        findings.error(
            "bad-head",
            &cell(line, start, end, span).span,
            say("规则缺少名称或类型", "the rule lacks a name or a type"),
            say("写成 `名称 : 类型`", "write `NAME : TYPE`"),
        );
        return None;
    }
    Some(Head {
        name,
        subject: who,
        ty,
        parameters: None,
    })
}

fn function(
    line: &str,
    start: usize,
    end: usize,
    span: &Span,
    findings: &mut Findings<'_>,
) -> Option<Head> {
    let rest = &line[start..end];
    let parts = rest.find('(').and_then(|open| {
        let close = rest.rfind(')')?;
        let colon = close + rest[close..].find([':', '：'])?;
        (open < close).then_some((open, close, colon))
    });
    let Some((open, close, colon)) = parts else {
        findings.error(
            "bad-head",
            &cell(line, start, end, span).span,
            say("函数的写法不对", "this is not how a function is declared"),
            say(
                "写成 `函数 名称(x : 元) : 元`",
                "write `function NAME(x : yuan) : yuan`",
            ),
        );
        return None;
    };
    let mut parameters = Vec::new();
    let mut at = open + 1;
    for piece in split_top(&rest[open + 1..close]) {
        let Some(mid) = piece.find([':', '：']) else {
            let whole = cell(line, start + at, start + at + piece.len(), span);
            if !whole.text.is_empty() {
                findings.error(
                    "bad-head",
                    &whole.span,
                    say(
                        "函数的参数缺少类型",
                        "a function's parameter lacks its type",
                    ),
                    say("写成 `x : 元`", "write `x : yuan`"),
                );
                return None;
            }
            continue;
        };
        let width = piece[mid..].chars().next().map_or(1, char::len_utf8);
        let base = start + at;
        parameters.push((
            cell(line, base, base + mid, span),
            cell(line, base + mid + width, base + piece.len(), span),
        ));
        at += piece.len() + 1;
    }
    let width = rest[colon..].chars().next().map_or(1, char::len_utf8);
    Some(Head {
        name: cell(line, start, start + open, span),
        subject: Subject::Household,
        ty: cell(line, start + colon + width, end, span),
        parameters: Some(parameters),
    })
}

/// Splits at commas outside brackets and quotes.
fn split_top(text: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut from) = (0i32, false, 0);
    let mut parts = Vec::new();
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' | '<' if !quoted => depth += 1,
            ')' | ']' | '}' | '>' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(&text[from..i]);
                from = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}
