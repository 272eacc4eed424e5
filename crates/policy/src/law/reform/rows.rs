//! `@rows`: rows of a decision table that a reform changes, scales, adds or removes.

use super::super::markdown::{Cell, RawRow, RawTable};
use super::super::model::*;
use super::super::places::Places;
use super::super::prelude::Number;
use super::super::reader::Raw;
use super::super::source::{Findings, say};
use super::super::tables;
use super::scale::{self, Scale};
use super::{Wanted, absent, held};
use crate::programme::Bilingual;
use base::Citation;
use std::collections::BTreeMap;
use std::ops::Range;

/// What one row of `@rows` does.
#[derive(Clone)]
enum Edit {
    /// Rows of the table that it changes.
    Replace(Range<usize>),
    /// Every row that no other line changes or removes.
    Others,
    Remove(usize),
    Before(usize),
    Last,
}

impl Edit {
    /// `3`, `2..4`, `*`, `-3`, `+3`, `+`; rows count from 1.
    fn read(text: &str) -> Option<Edit> {
        let number = |t: &str| t.trim().parse::<usize>().ok()?.checked_sub(1);
        Some(match text.trim() {
            "+" => Edit::Last,
            "*" => Edit::Others,
            t if t.starts_with('+') => Edit::Before(number(&t[1..])?),
            t if t.starts_with('-') => Edit::Remove(number(&t[1..])?),
            t => match t.split_once("..") {
                Some((first, last)) => Edit::Replace(number(first)?..number(last)? + 1),
                None => number(t).map(|n| Edit::Replace(n..n + 1))?,
            },
        })
    }

    /// The rows of a table of so many that it speaks of by number.
    fn named(&self) -> Range<usize> {
        match self {
            Edit::Replace(rows) => rows.clone(),
            Edit::Remove(n) => *n..n + 1,
            Edit::Others | Edit::Before(_) | Edit::Last => 0..0,
        }
    }

    /// May a cell say what is done to the cell that was there?
    fn keeps(&self) -> bool {
        matches!(self, Edit::Replace(_) | Edit::Others)
    }
}

/// A cell that stays as it was.
const SAME: &str = "=";

const ROW: [&str; 2] = ["row", "行"];
const WAS: [&str; 2] = ["was", "原"];

/// Changes rows of the table in force: a definition of the reform's own, whose other rows keep their
/// places and articles.
pub(super) fn change(
    raw: &mut Raw,
    places: &Places,
    name: &Cell,
    instrument: usize,
    citation: Citation,
    table: &RawTable,
    findings: &mut Findings<'_>,
) {
    let wanted = Wanted::read(&name.text);
    let limit = raw.definitions.len();
    let Some(at) = held(raw, places, &wanted, instrument, limit) else {
        absent(raw, &wanted, instrument, limit, &name.span, findings);
        return;
    };
    let old = raw.definitions[at].clone();
    let Body::Table(body) = &old.body else {
        findings.error(
            "reform-no-row",
            &name.span,
            say(
                format!("`{}` 不是判定表", old.name),
                format!("`{}` is no decision table", old.name),
            ),
            say(
                "用 ```feel 块整条替换",
                "replace the rule as a whole, with a ```feel block",
            ),
        );
        return;
    };
    let Some(edits) = edits(table, body, findings) else {
        return;
    };
    let own = |row: &TableRow| {
        let article = row.article.as_deref().unwrap_or(&old.citation.article);
        let article = match article.contains(char::is_whitespace) {
            true => article.to_string(),
            false => format!("{} {article}", old.citation.instrument),
        };
        TableRow {
            article: Some(article),
            ..row.clone()
        }
    };
    // For each old row what comes before it and what stands in its place.
    let mut before: BTreeMap<usize, Vec<TableRow>> = BTreeMap::new();
    let mut instead: BTreeMap<usize, Option<(TableRow, Vec<Bilingual>)>> = BTreeMap::new();
    for (edit, row) in &edits {
        match edit {
            Edit::Last => before.entry(body.rows.len()).or_default().push(row.clone()),
            Edit::Before(n) => before.entry(*n).or_default().push(row.clone()),
            Edit::Remove(n) => drop(instead.insert(*n, None)),
            Edit::Replace(rows) => {
                for n in rows.clone() {
                    let over = laid_over(row, &body.rows[n], &body.outputs);
                    instead.insert(n, Some(over));
                }
            }
            Edit::Others => {}
        }
    }
    if let Some((_, row)) = edits.iter().find(|(e, _)| matches!(e, Edit::Others)) {
        for (n, old) in body.rows.iter().enumerate() {
            instead
                .entry(n)
                .or_insert_with(|| Some(laid_over(row, old, &body.outputs)));
        }
    }
    let mut new = Vec::new();
    let mut scaled = BTreeMap::new();
    for (n, row) in body.rows.iter().enumerate() {
        new.extend(before.remove(&n).unwrap_or_default());
        match instead.remove(&n) {
            None => new.push(own(row)),
            Some(None) => {}
            Some(Some((row, words))) => {
                if !words.is_empty() {
                    let zh: Vec<&str> = words.iter().map(|w| w.zh.as_str()).collect();
                    let en: Vec<&str> = words.iter().map(|w| w.en.as_str()).collect();
                    let words = say(zh.join("；"), en.join("; "));
                    scaled.insert(new.len(), words);
                }
                new.push(row);
            }
        }
    }
    new.extend(before.remove(&body.rows.len()).unwrap_or_default());
    let body = TableBody {
        rows: new,
        ..body.clone()
    };
    raw.rules.push(RuleText {
        name: old.name.clone(),
        subject: old.subject,
        unit: old.type_text.text.clone(),
        citation: citation.clone(),
        file: findings.sources.path(&name.span).to_string(),
        line: findings.sources.position(&name.span).line,
        sentences: Default::default(),
        sentences_no: Default::default(),
        body: table_text(&body, scaled),
    });
    raw.definitions.push(Definition {
        name_span: name.span.clone(),
        instrument,
        citation,
        body: Body::Table(body),
        ..old
    });
}

/// A row of the reform laid over one of the law: cells that say so stay as they were or are scaled, and so
/// does the reason then, unless the reform gives one. With what was done, in words.
fn laid_over(new: &TableRow, old: &TableRow, heads: &[Cell]) -> (TableRow, Vec<Bilingual>) {
    let mut row = new.clone();
    let mut words = Vec::new();
    let mut kept = false;
    for (cell, was) in row.inputs.iter_mut().zip(&old.inputs) {
        if cell.text == SAME {
            cell.text.clone_from(&was.text);
            kept = true;
        }
    }
    for ((cell, was), head) in row.outputs.iter_mut().zip(&old.outputs).zip(heads) {
        if cell.text == SAME {
            cell.text.clone_from(&was.text);
            kept = true;
        } else if let Some(Ok(scale)) = Scale::read(&cell.text) {
            let figure = was.text.parse::<Number>().ok();
            cell.text = match figure.and_then(|n| scale.apply(n)) {
                Some(then) => then.to_string(),
                None => scale.feel(&was.text),
            };
            kept = true;
            let said = scale.words();
            let named = |text: String| match head.text.is_empty() {
                true => text,
                false => format!("{} {text}", head.text),
            };
            words.push(say(named(said.zh), named(said.en)));
        }
    }
    if kept && row.reason.is_none() {
        row.reason.clone_from(&old.reason);
    }
    (row, words)
}

/// A table as its reader sees it.
fn table_text(body: &TableBody, scaled: BTreeMap<usize, Bilingual>) -> RuleBody {
    let reasons = body.rows.iter().any(|r| r.reason.is_some());
    let mut header: Vec<String> = body.inputs.iter().map(|c| c.text.clone()).collect();
    header.extend(
        body.outputs
            .iter()
            .map(|c| format!("→ {}", c.text).trim().to_string()),
    );
    if reasons {
        header.push("reason".into());
    }
    let rows = body.rows.iter().map(|row| {
        let cells = row.inputs.iter().chain(&row.outputs);
        let mut cells: Vec<String> = cells.map(|c| c.text.clone()).collect();
        if reasons {
            cells.push(
                row.reason
                    .as_ref()
                    .map_or_else(String::new, |r| match r.en.is_empty() {
                        true => r.zh.clone(),
                        false => format!("{} · {}", r.zh, r.en),
                    }),
            );
        }
        cells
    });
    RuleBody::Table {
        hit: body.hit.clone(),
        rows: rows.collect(),
        header,
        scaled,
    }
}

/// Reads the table of `@rows`: a first column `row`, the columns of the table that it changes, and
/// perhaps a column `was` with the result that the row is believed to have.
fn edits(
    table: &RawTable,
    body: &TableBody,
    findings: &mut Findings<'_>,
) -> Option<Vec<(Edit, TableRow)>> {
    let first = table
        .header
        .first()
        .filter(|c| ROW.contains(&c.text.as_str()));
    if first.is_none() {
        findings.error(
            "bad-table",
            table.header.first().map_or(&table.span, |c| &c.span),
            say("第一栏不是 `行`", "the first column is not `row`"),
            say(
                "第一栏写 `行`：3 改第 3 行，2..4 改几行，* 改其余各行，-3 删去，+3 插在它之前，+ 加在最后",
                "head it `row`: 3 changes row 3, 2..4 several, * all others, -3 removes it, +3 inserts before it, + adds at the end",
            ),
        );
        return None;
    }
    let was = table
        .header
        .iter()
        .position(|c| WAS.contains(&c.text.as_str()));
    let kept = |cells: &[Cell]| -> Vec<Cell> {
        let cells = cells.iter().enumerate().skip(1);
        cells
            .filter(|(n, _)| Some(*n) != was)
            .map(|(_, c)| c.clone())
            .collect()
    };
    let whole: Vec<&RawRow> = table
        .rows
        .iter()
        .filter(|row| tables::whole(row, table, findings))
        .collect();
    let inner = RawTable {
        span: table.span.clone(),
        header: kept(&table.header),
        rows: whole
            .iter()
            .map(|row| RawRow {
                span: row.span.clone(),
                cells: kept(&row.cells),
            })
            .collect(),
    };
    let hit = Cell {
        text: body.hit.clone(),
        span: body.hit_span.clone(),
    };
    let read = tables::decision(&inner, hit, findings)?;
    let names = |cells: &[Cell]| cells.iter().map(|c| c.text.clone()).collect::<Vec<_>>();
    if names(&read.inputs) != names(&body.inputs) || names(&read.outputs) != names(&body.outputs) {
        let place = findings.sources.place(&body.span);
        let wanted = names(&body.inputs).join(" | ");
        findings.error(
            "reform-no-row",
            &table.span,
            say(
                format!("表头与 {place} 的表不同"),
                format!("the head differs from that of the table at {place}"),
            ),
            say(
                format!("照抄那张表的表头：{wanted} | →"),
                format!("copy that table's head: {wanted} | →"),
            ),
        );
        return None;
    }
    let mut taken: Vec<usize> = Vec::new();
    let mut out = Vec::new();
    let (mut fine, mut others) = (true, false);
    for (raw, row) in whole.iter().zip(read.rows) {
        let number = &raw.cells[0];
        let edit = Edit::read(&number.text).filter(|edit| match edit {
            Edit::Replace(rows) if rows.is_empty() => false,
            Edit::Replace(_) | Edit::Remove(_) => {
                edit.named().end <= body.rows.len() && edit.named().all(|n| !taken.contains(&n))
            }
            Edit::Before(n) => *n < body.rows.len(),
            Edit::Others => !std::mem::replace(&mut others, true),
            Edit::Last => true,
        });
        let Some(edit) = edit else {
            fine = false;
            let (place, count) = (findings.sources.place(&body.span), body.rows.len());
            findings.error(
                "reform-no-row",
                &number.span,
                say(
                    format!("没有第 `{}` 行可改：{place} 的表有 {count} 行，每行只改一次", number.text),
                    format!("there is no row `{}` to change: the table at {place} has {count}, each to be changed once", number.text),
                ),
                say(
                    "写 1 起的行号：3 改，2..4 改几行，* 改其余各行，-3 删，+3 插在前，+ 加在最后",
                    "count from 1: 3 changes, 2..4 several, * all others, -3 removes, +3 inserts before, + adds at the end",
                ),
            );
            continue;
        };
        fine &= cells(&edit, &row, findings);
        let believed = was.map(|w| &raw.cells[w]).filter(|c| !c.text.is_empty());
        for n in edit.named() {
            taken.push(n);
            fine &= believed.is_none_or(|cell| fresh(cell, n, body, findings));
        }
        out.push((edit, row));
    }
    fine.then_some(out)
}

/// Only a row that was there can stay or be scaled.
fn cells(edit: &Edit, row: &TableRow, findings: &mut Findings<'_>) -> bool {
    let mut fine = true;
    for (cell, output) in
        (row.inputs.iter().map(|c| (c, false))).chain(row.outputs.iter().map(|c| (c, true)))
    {
        let scale = Scale::read(&cell.text).filter(|_| output);
        if matches!(scale, Some(Err(()))) {
            fine = false;
            findings.error(
                "bad-row",
                &cell.span,
                say(
                    format!("`{}` 不是这样改数值的写法", cell.text),
                    format!("`{}` is no way to scale a figure", cell.text),
                ),
                scale::forms(),
            );
        } else if !edit.keeps()
            && !matches!(edit, Edit::Remove(_))
            && (cell.text == SAME || scale.is_some())
        {
            fine = false;
            findings.error(
                "reform-no-row",
                &cell.span,
                say(
                    format!("新增的一行没有原来的值，`{}` 无从改起", cell.text),
                    format!("a new row has no value of before for `{}`", cell.text),
                ),
                say("写上这一行自己的值", "write this row's own value"),
            );
        }
    }
    fine
}

/// Does the row still have the result that the reform believes it to have?
fn fresh(believed: &Cell, n: usize, body: &TableBody, findings: &mut Findings<'_>) -> bool {
    let outputs = body.rows[n].outputs.iter();
    let found: Vec<&str> = outputs.map(|c| c.text.as_str()).collect();
    if found.join("，") == believed.text {
        return true;
    }
    let place = findings.sources.place(&body.rows[n].span);
    findings.error(
        "reform-stale",
        &believed.span,
        say(
            format!(
                "第 {} 行（{place}）的结果是 {}，不是 {}",
                n + 1,
                found.join("，"),
                believed.text
            ),
            format!(
                "row {} ({place}) gives {}, not {}",
                n + 1,
                found.join(", "),
                believed.text
            ),
        ),
        say(
            "法规已经变了：核对行号，再改这一栏",
            "the law has changed: check the row, then mend this column",
        ),
    );
    false
}
