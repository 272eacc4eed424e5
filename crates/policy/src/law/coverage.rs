//! What the analysis of a decision table finds, as findings: inputs without a row, rows that
//! contradict each other, rows that never fire.

use super::model::TableBody;
use super::prelude::{Hit, Mode, Table, Type, Value};
use super::source::{Findings, Span, say};
use crate::feel::table::analyse::{Example, analyse};

/// How many gaps or overlaps of one table are worth saying.
const MOST: usize = 3;

/// Analyses a table of a rule of type `declared`.
pub(crate) fn check(table: &Table, body: &TableBody, declared: &Type, findings: &mut Findings<'_>) {
    let found = analyse(table, Mode::Strict);
    let partial = matches!(
        table.hit,
        Hit::Unique | Hit::Any | Hit::Priority | Hit::First
    );
    if partial && !declared.is_nullable() {
        for example in found.gaps.iter().take(MOST) {
            let case = describe(body, example);
            findings.error(
                "table-gap",
                &head(body),
                say(format!("没有一行管 {case}"), format!("no row covers {}", case.replace('，', ", "))),
                say(
                    "补一行；没有结果也是一种结果的，类型写成可空（如 `数?`）",
                    "add a row; where no result is a result, make the type nullable (such as `number?`)",
                ),
            );
        }
    }
    if table.hit == Hit::Unique {
        for (a, b, example) in found.overlaps.iter().take(MOST) {
            let (first, second) = (a + 1, b + 1);
            let case = describe(body, example);
            findings.error(
                "table-overlap",
                &row(body, *b),
                say(
                    format!("第 {first} 行与第 {second} 行都管 {case}"),
                    format!(
                        "rows {first} and {second} both cover {}",
                        case.replace('，', ", ")
                    ),
                ),
                say(
                    "把条件分开；以先写的为准时用 hit F",
                    "part the conditions, or let the earlier row win with hit F",
                ),
            );
        }
    }
    for unreachable in &found.unreachable {
        let number = unreachable + 1;
        findings.warn(
            "table-unreachable",
            &row(body, *unreachable),
            say(
                format!("第 {number} 行永远用不到"),
                format!("row {number} never fires"),
            ),
            say(
                "删去，或移到盖住它的那一行之前",
                "remove it, or move it before the row that hides it",
            ),
        );
    }
}

fn head(body: &TableBody) -> Span {
    match (body.inputs.first(), body.inputs.last()) {
        (Some(first), Some(last)) => {
            Span::new(first.span.file, first.span.range.start..last.span.range.end)
        }
        _ => body.span.clone(),
    }
}

fn row(body: &TableBody, n: u32) -> Span {
    body.rows
        .get(n as usize)
        .map_or_else(|| body.span.clone(), |r| r.span.clone())
}

/// `年龄 = 17，性别 = "女"`; inputs of which any value serves are left out.
fn describe(body: &TableBody, example: &Example) -> String {
    let parts: Vec<String> = body
        .inputs
        .iter()
        .zip(example)
        .filter_map(|(cell, value)| Some(format!("{} = {}", cell.text, literal(value.as_ref()?))))
        .collect();
    if parts.is_empty() {
        "任何情形 (anything)".into()
    } else {
        parts.join("，")
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}
