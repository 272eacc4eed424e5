//! The tables of law files: evidence kinds, parameter rows, decision tables.

use super::directive;
use super::front::date;
use super::markdown::{Cell, RawRow, RawTable};
use super::model::*;
use super::reader::bilingual;
use super::source::{Findings, Span, say};
use crate::programme::{Bilingual, Subject};
use base::{Citation, Day};
use serde::Serialize;

/// One row of a parameter table. Days are inclusive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParameterRow {
    /// The figure as written.
    pub value: String,
    /// Code of the place that it holds for.
    pub place: String,
    /// First day; `None`: from the beginning.
    pub from: Option<Day>,
    /// Last day; `None`: until a later row.
    pub to: Option<Day>,
    /// The day on which the figure was decided; `None`: always known.
    pub known_from: Option<Day>,
    /// Where the figure was read.
    pub source: String,
    /// Checked or not.
    pub status: Status,
    /// Where the row stands.
    pub citation: Citation,
    /// Which reform's row it is, from 1; 0 for the law's own.
    pub reform: u32,
    /// Was it computed by an indexation rule, no figure having been published?
    pub computed: bool,
    /// What a reform did to the figure that was there, in words, where it scaled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled: Option<Bilingual>,
    /// Path of the file it stands in.
    pub file: String,
    /// Its line there.
    pub line: usize,
}

/// Which column of a table is which, by its heading in either language.
struct Columns {
    found: Vec<Option<usize>>,
}

impl Columns {
    fn read(
        table: &RawTable,
        known: &[&[&str]],
        required: &[usize],
        findings: &mut Findings<'_>,
    ) -> Option<Columns> {
        let mut found = vec![None; known.len()];
        for (n, head) in table.header.iter().enumerate() {
            let text = head.text.as_str();
            match known.iter().position(|names| names.contains(&text)) {
                Some(which) => found[which] = Some(n),
                None => {
                    let names = known.iter().flat_map(|n| n.iter().copied());
                    let hint = super::report::closest(text, names).unwrap_or(known[0][0]);
                    findings.error(
                        "bad-table",
                        &head.span,
                        say(
                            format!("表没有 `{text}` 这一栏"),
                            format!("this table has no column `{text}`"),
                        ),
                        say(
                            format!("是 `{hint}` 吗？"),
                            format!("did you mean `{hint}`?"),
                        ),
                    );
                    return None;
                }
            }
        }
        for &which in required {
            if found[which].is_none() {
                let name = known[which].join(" / ");
                findings.error(
                    "bad-table",
                    &table.span,
                    say(
                        format!("表缺少 `{name}` 一栏"),
                        format!("the table lacks its column `{name}`"),
                    ),
                    say("在表头加上这一栏", "add the column to the head"),
                );
                return None;
            }
        }
        Some(Columns { found })
    }

    fn cell(&self, row: &RawRow, which: usize) -> Cell {
        self.found[which]
            .and_then(|n| row.cells.get(n).cloned())
            .unwrap_or_else(|| Cell {
                text: String::new(),
                span: row.span.clone(),
            })
    }
}

/// A row must have as many cells as the head.
pub(crate) fn whole(row: &RawRow, table: &RawTable, findings: &mut Findings<'_>) -> bool {
    let fits = row.cells.len() == table.header.len();
    if !fits {
        let (has, wants) = (row.cells.len(), table.header.len());
        findings.error(
            "bad-row",
            &row.span,
            say(
                format!("这一行有 {has} 格，表头有 {wants} 格"),
                format!("this row has {has} cells, the head has {wants}"),
            ),
            say(
                "补足或删去格子；格子里的竖线写成 `\\|`",
                "add or remove cells; write a bar within a cell as `\\|`",
            ),
        );
    }
    fits
}

/// Reads the table of `@evidence`.
pub(crate) fn evidence(
    table: &RawTable,
    subject: Subject,
    citation: &Citation,
    findings: &mut Findings<'_>,
) -> Vec<KindText> {
    let known: [&[&str]; 9] = [
        &["名称", "name"],
        &["type", "类型"],
        &["absent", "缺省"],
        &["register", "登记"],
        &["many", "多条"],
        &["en", "英文"],
        &["note", "说明"],
        &["keep", "保存"],
        &["change", "可变"],
    ];
    let Some(columns) = Columns::read(table, &known, &[0, 1, 2], findings) else {
        return Vec::new();
    };
    let mut kinds = Vec::new();
    for row in &table.rows {
        if !whole(row, table, findings) {
            continue;
        }
        let many = columns.cell(row, 4);
        if !matches!(many.text.as_str(), "" | "yes" | "no" | "是" | "否") {
            findings.error(
                "bad-row",
                &many.span,
                say(
                    "many 一栏写 yes 或空着",
                    "the column `many` is `yes` or empty",
                ),
                say("写 yes", "write yes"),
            );
        }
        kinds.push(KindText {
            subject,
            name: columns.cell(row, 0),
            ty: columns.cell(row, 1),
            absent: columns.cell(row, 2),
            register: columns.cell(row, 3),
            many: matches!(many.text.as_str(), "yes" | "是"),
            en: columns.cell(row, 5).text,
            note: columns.cell(row, 6).text,
            keep: columns.cell(row, 7),
            change: columns.cell(row, 8),
            citation: citation.clone(),
        });
    }
    kinds
}

/// Reads `@parameter NAME : TYPE · english` or `@parameter NAME` with its rows.
pub(crate) fn parameter(
    line: &str,
    start: usize,
    span: &Span,
    table: &RawTable,
    citation: &Citation,
    own: &Instrument,
    findings: &mut Findings<'_>,
) -> Option<ParameterText> {
    let rest = &line[start..];
    let (head_end, en) = match rest.find(" · ") {
        Some(at) => (start + at, rest[at + " · ".len()..].trim().to_string()),
        None => (line.len(), String::new()),
    };
    let head = &line[start..head_end];
    let (name, ty) = match head.find([':', '：']) {
        Some(colon) => {
            let width = head[colon..].chars().next().map_or(1, char::len_utf8);
            let ty = directive::cell(line, start + colon + width, head_end, span);
            (directive::cell(line, start, start + colon, span), Some(ty))
        }
        None => (directive::cell(line, start, head_end, span), None),
    };
    if name.text.is_empty() {
        findings.error(
            "bad-directive",
            span,
            say("`@parameter` 之后没有名称", "`@parameter` lacks a name"),
            say(
                "写成 `@parameter 名称 : 类型 · English`",
                "write `@parameter NAME : TYPE · English`",
            ),
        );
        return None;
    }
    let known: [&[&str]; 8] = [
        &["value", "值"],
        &["place", "地方"],
        &["from", "自"],
        &["to", "至"],
        &["known from", "知悉"],
        &["source", "来源"],
        &["status", "状态"],
        &["note", "说明"],
    ];
    let columns = Columns::read(table, &known, &[0], findings)?;
    let mut rows = Vec::new();
    for row in &table.rows {
        if !whole(row, table, findings) {
            continue;
        }
        let mut day = |which: usize| {
            let cell = columns.cell(row, which);
            if cell.text.is_empty() {
                None
            } else {
                date(&cell.text, &cell.span, "bad-row", findings)
            }
        };
        let (mut from, mut to, known_from) = (day(2), day(3), day(4));
        if own.reform > 0 {
            // A reform's figures hold as long as the reform does, unless they say otherwise.
            from = from.or(Some(own.from));
            to = to.or(own.to);
        }
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            findings.error(
                "bad-row",
                &columns.cell(row, 3).span,
                say("末日早于首日", "the last day lies before the first"),
                say(
                    "改正 from 或 to；末日算在内",
                    "mend `from` or `to`; the last day is included",
                ),
            );
            continue;
        }
        let status_cell = columns.cell(row, 6);
        let Some(status) = Status::parse(&status_cell.text) else {
            findings.error(
                "bad-row",
                &status_cell.span,
                say(
                    format!("`{}` 不是状态", status_cell.text),
                    format!("`{}` is no status", status_cell.text),
                ),
                say(
                    "写 confirmed 或 unverified",
                    "write confirmed or unverified",
                ),
            );
            continue;
        };
        let value = columns.cell(row, 0);
        if value.text.is_empty() {
            findings.error(
                "bad-row",
                &row.span,
                say("这一行没有值", "this row has no value"),
                say(
                    "写上数值，或删去这一行",
                    "write the value or remove the row",
                ),
            );
            continue;
        }
        let place = columns.cell(row, 1).text;
        rows.push(ParameterRowText {
            span: row.span.clone(),
            row: ParameterRow {
                value: value.text.clone(),
                place: if place.is_empty() {
                    own.place.clone()
                } else {
                    place
                },
                from,
                to,
                known_from,
                source: columns.cell(row, 5).text,
                status,
                citation: citation.clone(),
                reform: own.reform,
                computed: false,
                scaled: None,
                file: findings.sources.path(&row.span).to_string(),
                line: findings.sources.position(&row.span).line,
            },
            value,
        });
    }
    Some(ParameterText {
        name,
        ty,
        en,
        rows,
        citation: citation.clone(),
    })
}

/// Reads a decision table: inputs before the `→` columns, reason and article after them.
pub(crate) fn decision(
    table: &RawTable,
    hit: Cell,
    findings: &mut Findings<'_>,
) -> Option<TableBody> {
    const HITS: [&str; 11] = ["U", "A", "P", "F", "R", "O", "C", "C+", "C<", "C>", "C#"];
    if !HITS.contains(&hit.text.as_str()) {
        findings.error(
            "bad-table",
            &hit.span,
            say(
                format!("没有 `{}` 这种命中方式", hit.text),
                format!("there is no hit policy `{}`", hit.text),
            ),
            say(
                format!("可用：{}", HITS.join(" ")),
                format!("there are {}", HITS.join(" ")),
            ),
        );
        return None;
    }
    let arrow = |c: &Cell| c.text.starts_with('→');
    let first = table.header.iter().position(arrow);
    let Some(first) = first else {
        findings.error(
            "bad-table",
            &table.span,
            say(
                "判定表没有 `→` 一栏",
                "the decision table has no `→` column",
            ),
            say(
                "在结果一栏的表头写 `→`",
                "head the result's column with `→`",
            ),
        );
        return None;
    };
    let outputs: Vec<Cell> = table.header[first..]
        .iter()
        .take_while(|c| arrow(c))
        .map(|c| directive::cell(&c.text, '→'.len_utf8(), c.text.len(), &c.span))
        .collect();
    let (mut reason, mut article) = (None, None);
    for (n, head) in table.header.iter().enumerate().skip(first + outputs.len()) {
        match head.text.as_str() {
            "reason" | "理由" => reason = Some(n),
            "article" | "条款" => article = Some(n),
            other => {
                findings.error(
                    "bad-table",
                    &head.span,
                    say(
                        format!("结果之后没有 `{other}` 这一栏"),
                        format!("no column `{other}` may follow the result"),
                    ),
                    say(
                        "输入放在 `→` 之前；其后只有 reason 与 article",
                        "inputs stand before `→`; after it only `reason` and `article`",
                    ),
                );
                return None;
            }
        }
    }
    let mut rows = Vec::new();
    for row in &table.rows {
        if !whole(row, table, findings) {
            continue;
        }
        rows.push(TableRow {
            span: row.span.clone(),
            inputs: row.cells[..first].to_vec(),
            outputs: row.cells[first..first + outputs.len()].to_vec(),
            reason: reason
                .map(|n| bilingual(&row.cells[n].text))
                .filter(|r| !r.zh.is_empty()),
            article: article
                .map(|n| row.cells[n].text.clone())
                .filter(|a| !a.is_empty()),
        });
    }
    if rows.is_empty() {
        findings.error(
            "bad-table",
            &table.span,
            say("判定表没有一行", "the decision table has no row"),
            say("至少写一行", "write at least one row"),
        );
        return None;
    }
    Some(TableBody {
        span: table.span.clone(),
        hit: hit.text,
        hit_span: hit.span,
        inputs: table.header[..first].to_vec(),
        outputs,
        rows,
    })
}
