//! The canonical layout of a law file: tables in columns, rules with even blanks, front matter in its
//! order, one blank line between blocks. Prose and comments stay byte for byte, and so does the meaning:
//! what can't be laid out without doubt is left as it is.

use super::compile::Code;
use super::corpus::{Kind, Law};
use super::markdown::{self, RawBlock};
use super::report::width;
use super::source::{Findings, SourceFile, Sources};
use super::yaml;
use crate::feel::ast::Function;
use crate::feel::{layout, print};
use serde_json::Value as Json;
use std::ops::Range;

/// Widest column that others of its table are filled up to; a longer cell stands out.
const WIDEST: usize = 48;

/// Keys of the front matter in the order in which a reader asks for them.
const FRONT: &[&str] = &[
    "number",
    "title",
    "title_en",
    "place",
    "from",
    "to",
    "supersedes",
    "status",
    "source",
];

/// A law file laid out; any other file (places, worked examples) as it is.
pub fn file(path: &str, text: &str) -> String {
    if Kind::of(path) != Kind::Law {
        return text.to_string();
    }
    // A carriage return within a line is neither a line end nor a blank.
    let plain = text.replace("\r\n", "\n");
    if plain.contains('\r') {
        return text.to_string();
    }
    let out = lay(path, &plain);
    if text.contains("\r\n") {
        out.replace('\n', "\r\n")
    } else {
        out
    }
}

/// What stands in some lines of the file.
struct Piece {
    lines: Range<usize>,
    text: String,
    kind: PieceKind,
}

#[derive(Clone, Copy, PartialEq)]
enum PieceKind {
    Front,
    Heading,
    Prose,
    Directive,
    Table,
    Fence,
}

fn lay(path: &str, text: &str) -> String {
    let document = markdown::read(text, 0);
    let lines: Vec<&str> = text.lines().collect();
    let line_of = |byte: usize| text[..byte.min(text.len())].matches('\n').count();
    let mut pieces = Vec::new();
    if let Some(front) = &document.front {
        let close = line_of(front.range.end);
        pieces.push(Piece {
            lines: 0..close + 1,
            text: format!("---\n{}---", front_matter(path, &text[front.range.clone()])),
            kind: PieceKind::Front,
        });
    }
    for block in &document.blocks {
        let piece = match block {
            RawBlock::Heading { span, .. } => {
                let n = line_of(span.range.start);
                let text = lines[n].trim_end().to_string();
                Some((n..n + 1, text, PieceKind::Heading))
            }
            RawBlock::Directive(span) => {
                let n = line_of(span.range.start);
                let text = text[span.range.clone()].to_string();
                Some((n..n + 1, text, PieceKind::Directive))
            }
            RawBlock::Table(table) => {
                let first = line_of(table.span.range.start);
                let last = line_of(table.span.range.end.max(table.span.range.start));
                let text = self::table(&lines[first..=last]);
                Some((first..last + 1, text, PieceKind::Table))
            }
            RawBlock::Fence { info, body } => {
                let first = line_of(info.range.start);
                let body = body.range.clone();
                // A body that the file's end cuts off has no closing line.
                let last = if text[..body.end].ends_with('\n') || body.is_empty() {
                    line_of(body.end)
                } else {
                    lines.len()
                };
                let end = (last + 1).min(lines.len());
                let text = fence(&lines[first..end], &text[info.range.clone()], &text[body]);
                Some((first..end, text, PieceKind::Fence))
            }
            RawBlock::Paragraph(_) | RawBlock::Quote { .. } => None,
        };
        if let Some((lines, text, kind)) = piece {
            pieces.push(Piece { lines, text, kind });
        }
    }
    join(&lines, pieces)
}

/// Puts the pieces and the prose between them together.
fn join(lines: &[&str], pieces: Vec<Piece>) -> String {
    let mut all: Vec<Piece> = Vec::new();
    let mut at = 0;
    let prose = |from: usize, to: usize, all: &mut Vec<Piece>| {
        let mut n = from;
        while n < to {
            if lines[n].trim().is_empty() {
                n += 1;
                continue;
            }
            let end = (n..to).find(|&k| lines[k].trim().is_empty()).unwrap_or(to);
            all.push(Piece {
                lines: n..end,
                text: lines[n..end].join("\n"),
                kind: PieceKind::Prose,
            });
            n = end;
        }
    };
    for piece in pieces {
        prose(at, piece.lines.start, &mut all);
        at = piece.lines.end;
        all.push(piece);
    }
    prose(at, lines.len(), &mut all);
    let mut out = String::new();
    for (n, piece) in all.iter().enumerate() {
        if let Some(before) = n.checked_sub(1).map(|n| &all[n]) {
            let apart = piece.lines.start > before.lines.end;
            out.push('\n');
            if separated(before.kind, piece.kind, apart) {
                out.push('\n');
            }
        }
        out.push_str(&piece.text);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Is there a blank line between two pieces? `apart`: there was one.
fn separated(before: PieceKind, after: PieceKind, apart: bool) -> bool {
    use PieceKind::*;
    match (before, after) {
        (Directive, Table | Fence) => false,
        (_, Heading | Directive) | (Table | Fence, _) => before != Front || apart,
        _ => apart,
    }
}

/// Reorders the entries, each with the comments above it and the lines that go on with it.
fn front_matter(path: &str, text: &str) -> String {
    let mut entries: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    for line in text.lines() {
        let line = line.trim_end();
        let key = line.split(':').next().unwrap_or("");
        if line.is_empty() || line.starts_with('#') {
            above.push(line);
        } else if let Some(order) = FRONT.iter().position(|k| *k == key) {
            let mut lines = std::mem::take(&mut above);
            lines.push(line);
            entries.push((order, lines));
        } else if let (true, Some((_, lines))) = (line.starts_with([' ', '\t']), entries.last_mut())
        {
            lines.append(&mut above);
            lines.push(line);
        } else {
            return text.to_string();
        }
    }
    entries.sort_by_key(|(order, _)| *order);
    let mut out = String::new();
    for line in entries.iter().flat_map(|(_, lines)| lines).chain(&above) {
        out.push_str(line);
        out.push('\n');
    }
    let same = match (sorted(path, text), sorted(path, &out)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    };
    if same { out } else { text.to_string() }
}

/// The entries of a map by key; `None` when it cannot be read or is no map.
fn sorted(path: &str, text: &str) -> Option<Vec<(String, String)>> {
    let sources = Sources::new(vec![SourceFile {
        path: path.into(),
        text: text.into(),
    }]);
    let mut findings = Findings::new(&sources);
    let node = yaml::read(text, 0, 0, &mut findings)?;
    let entries = node.entries().iter();
    // The text itself counts: a place's code is read as it is written, `0632` with its zero.
    let mut out: Vec<(String, String)> = entries
        .map(|(k, v)| {
            let written = text.get(v.span.range.clone()).unwrap_or("").trim();
            (k.text(), format!("{}\u{0}{written}", v.to_json()))
        })
        .collect();
    out.sort();
    (!out.is_empty()).then_some(out)
}

/// A fenced block: of a rule its expression laid out, of anything else only the head.
fn fence(lines: &[&str], info: &str, body: &str) -> String {
    let head = lines[0].trim_end();
    let rule =
        info.split_whitespace().next() == Some("feel") && info.split_whitespace().count() > 1;
    if !rule {
        let mut out = vec![head];
        out.extend(&lines[1..]);
        return out.join("\n");
    }
    let count = body.lines().count();
    let laid = layout::expression(body);
    let mut out = vec![head, &laid];
    if laid.is_empty() {
        out.pop();
    }
    out.extend(
        lines
            .get(1 + count..)
            .unwrap_or_default()
            .iter()
            .map(|l| l.trim_end()),
    );
    out.join("\n")
}

/// A table in columns.
fn table(lines: &[&str]) -> String {
    let ruled = lines.get(1).is_some_and(|l| markdown::is_rule(l));
    let rows: Vec<Vec<&str>> = lines
        .iter()
        .enumerate()
        .filter(|(n, _)| !(ruled && *n == 1))
        .map(|(_, line)| markdown::raw_cells(line))
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |text: &str| text.chars().map(width).sum::<usize>();
    let widths: Vec<usize> = (0..columns)
        .map(|c| {
            let cells = rows.iter().filter_map(|r| r.get(c)).map(|cell| wide(cell));
            let mut cells: Vec<usize> = cells.collect();
            cells.sort_unstable();
            // One long cell stands out; where most are long the column is a wide one.
            let usual = cells.get(cells.len() / 2).copied().unwrap_or(0);
            let most = if usual > WIDEST { 2 * WIDEST } else { WIDEST };
            let fits = cells.into_iter().filter(|w| *w <= most);
            fits.max().unwrap_or(0).max(3)
        })
        .collect();
    // Which way a column is aligned, as `:--` and the like say.
    let marks: Vec<&str> = match lines.get(1) {
        Some(line) if ruled => markdown::raw_cells(line),
        _ => Vec::new(),
    };
    let mut out = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let mut line = String::from("|");
        for (cell, width) in row.iter().zip(&widths) {
            let fill = width.saturating_sub(wide(cell));
            line.push_str(&format!(" {cell}{} |", " ".repeat(fill)));
        }
        out.push(line);
        // Bars without cells are no head: nothing is drawn beneath them.
        if n == 0 && !row.is_empty() {
            let mut line = String::from("|");
            for (c, width) in widths.iter().enumerate().take(row.len()) {
                let mark = marks.get(c).copied().unwrap_or("");
                let left = if mark.starts_with(':') { ":" } else { "-" };
                let right = if mark.len() > 1 && mark.ends_with(':') {
                    ":"
                } else {
                    "-"
                };
                line.push_str(&format!(" {left}{}{right} |", "-".repeat(width - 2)));
            }
            out.push(line);
        }
    }
    out.join("\n")
}

/// What the first law says and the second says otherwise, where that begins; `None` when they say the same.
/// Line numbers and blanks within an expression do not count; the trees do.
pub fn difference(a: &Law, b: &Law) -> Option<String> {
    let (a, b) = (meaning(a), meaning(b));
    let at = a.iter().zip(&b).position(|(a, b)| a != b);
    let at = at.or_else(|| (a.len() != b.len()).then(|| a.len().min(b.len())))?;
    let (a, b) = (a.get(at)?, b.get(at).map_or("", |b| b.as_str()));
    let apart = a
        .chars()
        .zip(b.chars())
        .position(|(a, b)| a != b)
        .unwrap_or(0);
    Some(a.chars().skip(apart.saturating_sub(40)).take(120).collect())
}

/// What a law says, without where it says it.
fn meaning(law: &Law) -> Vec<String> {
    let corpus = &*law.corpus;
    let mut out = Vec::new();
    let instruments = corpus.instruments.iter();
    let texts = instruments.map(|i| serde_json::to_value(i).unwrap_or_default());
    for mut json in std::iter::once(law.list()).chain(texts) {
        without_places(&mut json);
        out.push(json.to_string());
    }
    let sentences = law.rules().iter().map(|r| (&r.sentences, &r.sentences_no));
    out.extend(sentences.map(|pair| format!("{pair:?}")));
    for (definition, compiled) in corpus.definitions.iter().zip(&corpus.compiled) {
        let code = match compiled.as_ref().map(|c| &c.code) {
            Some(Code::Expr(expr)) => print::expression(expr),
            Some(Code::Table { table, .. }) => table
                .rules
                .iter()
                .map(|row| {
                    let tests = row.tests.iter().map(print::unary_tests);
                    let outputs = row.outputs.iter().map(print::expression);
                    tests.chain(outputs).collect::<Vec<_>>().join(" | ")
                })
                .collect::<Vec<_>>()
                .join("\n"),
            Some(Code::Function(function)) => match &**function {
                Function::Closure(closure, _) => closure
                    .body
                    .as_ref()
                    .map_or_else(String::new, print::expression),
                _ => String::new(),
            },
            None => String::from("no code"),
        };
        out.push(format!(
            "{} {:?}: {code}",
            definition.name, definition.subject
        ));
    }
    out
}

/// Takes out line numbers, and the digest of the texts.
fn without_places(json: &mut Json) {
    match json {
        Json::Object(map) => {
            map.retain(|key, _| key != "line" && key != "digest");
            map.values_mut().for_each(without_places);
        }
        Json::Array(items) => items.iter_mut().for_each(without_places),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAGGED: &str = "---
place: QQ
# 注
title: 题
number: 甲
from: 2020-01-01
status: confirmed
---
# 题
说明  两个空格
> quoted



## 第一条 名 · Name
@parameter 标准 : 元/月
|value|place|from|
|---|:-:|---|
|1|QQ|2020-01-01|
```feel 乙 : 元/月
// zh: 标准  {标准} 元。
标准* 2+  1   // why
```
";

    const LAID: &str = "---
number: 甲
title: 题
place: QQ
from: 2020-01-01
status: confirmed
---
# 题
说明  两个空格
> quoted

## 第一条 名 · Name

@parameter 标准 : 元/月
| value | place | from       |
| ----- | :---: | ---------- |
| 1     | QQ    | 2020-01-01 |

```feel 乙 : 元/月
// zh: 标准  {标准} 元。
标准 * 2 + 1 // why
```
";

    #[test]
    fn a_ragged_file_is_laid_out() {
        let expected = LAID.replace("title: 题\nplace", "# 注\ntitle: 题\nplace");
        let laid = file("a.md", RAGGED);
        assert_eq!(laid, expected);
        assert_eq!(file("a.md", &laid), laid);
        assert_eq!(file("README.md", RAGGED), RAGGED);
        let windows = file("a.md", &RAGGED.replace('\n', "\r\n"));
        assert_eq!(windows, expected.replace('\n', "\r\n"));
    }

    #[test]
    fn a_table_is_as_wide_as_its_characters() {
        let text = "| 名称 | x |\n| a | \"a\\|b\" |\n";
        let laid = file("a.md", text);
        assert_eq!(
            laid,
            "| 名称 | x      |\n| ---- | ------ |\n| a    | \"a\\|b\" |\n"
        );
    }

    #[test]
    fn what_cannot_be_read_stays() {
        for text in [
            "---\nnumber: [a\nplace: b\n---\n",
            "---\nplace: b\nplace: c\n---\n",
            "---\nplace: b\nother: c\nnumber: d\n---\n",
        ] {
            assert_eq!(file("a.md", text), text);
        }
        assert_eq!(file("a.md", ""), "");
        assert_eq!(file("a.md", "|\n|\n"), "|\n|\n");
        let open = "```feel 乙 : 元\n\"open\n";
        assert_eq!(file("a.md", open), open);
    }
}
