//! Markdown cut into the blocks that law files are made of, each with its place.
//!
//! A deliberate subset: headings, paragraphs, blockquotes, lists, pipe tables, fenced blocks and
//! one-line directives. Everything else is a paragraph, that is, prose.

use super::source::Span;
use std::ops::Range;

/// One block of a law file.
#[derive(Clone, Debug)]
pub(crate) enum RawBlock {
    /// `## text`; the span is the text.
    Heading { level: usize, span: Span },
    /// Prose, a list among it.
    Paragraph(Span),
    /// `> text`, lines joined.
    Quote { text: String },
    /// `@word …`; the span is the line.
    Directive(Span),
    /// A pipe table.
    Table(RawTable),
    /// A fenced block: info string and body.
    Fence { info: Span, body: Span },
}

/// A pipe table: trimmed cells with their places.
#[derive(Clone, Debug)]
pub(crate) struct RawTable {
    pub span: Span,
    pub header: Vec<Cell>,
    pub rows: Vec<RawRow>,
}

#[derive(Clone, Debug)]
pub(crate) struct RawRow {
    pub span: Span,
    pub cells: Vec<Cell>,
}

/// One cell; an escaped bar `\|` is a bar, with a blank before it so that places stay true.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub span: Span,
    pub text: String,
}

/// A law file cut up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    /// The lines between the `---` marks at the very start.
    pub front: Option<Span>,
    pub blocks: Vec<RawBlock>,
}

struct Line<'a> {
    range: Range<usize>,
    text: &'a str,
}

/// Cuts one file up.
pub(crate) fn read(text: &str, file: usize) -> Document {
    let mut lines = Vec::new();
    let mut at = 0;
    for piece in text.split_inclusive('\n') {
        let plain = piece.trim_end_matches(['\n', '\r']);
        lines.push(Line {
            range: at..at + plain.len(),
            text: plain,
        });
        at += piece.len();
    }
    let mut document = Document::default();
    let mut n = 0;
    if lines.first().is_some_and(|l| l.text.trim_end() == "---")
        && let Some(end) = lines
            .iter()
            .skip(1)
            .position(|l| l.text.trim_end() == "---")
    {
        let close = end + 1;
        let start = lines.get(1).map_or(0, |l| l.range.start);
        document.front = Some(Span::new(file, start..lines[close].range.start.max(start)));
        n = close + 1;
    }
    while n < lines.len() {
        n = block(&lines, n, text.len(), file, &mut document.blocks);
    }
    document
}

/// Reads the block that begins at line `n`; returns the line after it.
fn block(lines: &[Line<'_>], n: usize, end: usize, file: usize, out: &mut Vec<RawBlock>) -> usize {
    let line = &lines[n];
    let trimmed = line.text.trim();
    if trimmed.is_empty() {
        return n + 1;
    }
    if let Some(level) = heading_level(line.text) {
        out.push(RawBlock::Heading {
            level,
            span: trim(file, line, level..line.text.len()),
        });
        return n + 1;
    }
    if let Some(marks) = fence(line.text) {
        let close = (n + 1..lines.len()).find(|&k| {
            let t = lines[k].text.trim();
            t.starts_with(marks)
                && t.trim_start_matches(marks.chars().next().unwrap_or('`'))
                    .is_empty()
        });
        let last = close.unwrap_or(lines.len());
        let start = lines.get(n + 1).map_or(end, |l| l.range.start);
        let stop = lines.get(last).map_or(end, |l| l.range.start).max(start);
        let from = line.text.find(marks).map_or(0, |i| i + marks.len());
        let info_start = from
            + line.text[from..]
                .find(|c| c != '`' && c != '~')
                .unwrap_or(0);
        out.push(RawBlock::Fence {
            info: trim(file, line, info_start..line.text.len()),
            body: Span::new(file, start..stop),
        });
        return last + 1;
    }
    if trimmed.starts_with('|') {
        let last = (n..lines.len())
            .find(|&k| !lines[k].text.trim().starts_with('|'))
            .unwrap_or(lines.len());
        out.push(RawBlock::Table(table(&lines[n..last], file)));
        return last;
    }
    if trimmed.starts_with('@') {
        out.push(RawBlock::Directive(trim(file, line, 0..line.text.len())));
        return n + 1;
    }
    if trimmed.starts_with('>') {
        let last = (n..lines.len())
            .find(|&k| !lines[k].text.trim().starts_with('>'))
            .unwrap_or(lines.len());
        let text: Vec<&str> = lines[n..last]
            .iter()
            .map(|l| l.text.trim().trim_start_matches('>').trim())
            .collect();
        out.push(RawBlock::Quote {
            text: text.join("\n").trim().to_string(),
        });
        return last;
    }
    let last = (n + 1..lines.len())
        .find(|&k| starts_block(lines[k].text))
        .unwrap_or(lines.len());
    let range = line.range.start..lines[last - 1].range.end;
    out.push(RawBlock::Paragraph(Span::new(file, range)));
    last
}

fn starts_block(line: &str) -> bool {
    let t = line.trim();
    t.is_empty()
        || t.starts_with(['|', '@', '>'])
        || heading_level(line).is_some()
        || fence(line).is_some()
}

fn heading_level(line: &str) -> Option<usize> {
    let level = line.bytes().take_while(|&b| b == b'#').count();
    ((1..=6).contains(&level) && line[level..].starts_with([' ', '\t'])).then_some(level)
}

fn fence(line: &str) -> Option<&'static str> {
    let t = line.trim_start();
    if t.starts_with("````") {
        Some("````")
    } else if t.starts_with("```") {
        Some("```")
    } else if t.starts_with("~~~") {
        Some("~~~")
    } else {
        None
    }
}

/// The part of a line given by bytes of it, without blanks at either end.
fn trim(file: usize, line: &Line<'_>, part: Range<usize>) -> Span {
    let text = &line.text[part.clone()];
    let lead = text.len() - text.trim_start().len();
    let start = line.range.start + part.start + lead;
    Span::new(file, start..start + text.trim().len())
}

fn table(lines: &[Line<'_>], file: usize) -> RawTable {
    let span = Span::new(file, lines[0].range.start..lines[lines.len() - 1].range.end);
    let mut rows = lines
        .iter()
        .enumerate()
        .filter(|(n, l)| !(*n == 1 && is_rule(l.text)))
        .map(|(_, line)| RawRow {
            span: trim(file, line, 0..line.text.len()),
            cells: cells(line, file),
        });
    let header = rows.next().map_or_else(Vec::new, |r| r.cells);
    let rows = rows.collect();
    RawTable { span, header, rows }
}

/// The line of dashes under a table's head.
pub(crate) fn is_rule(line: &str) -> bool {
    line.contains('-')
        && line
            .chars()
            .all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
        && line
            .trim()
            .trim_matches('|')
            .split('|')
            .all(|c| c.contains("--") || c.trim() == ":-:" || c.trim() == "-:" || c.trim() == ":-")
}

fn cells(line: &Line<'_>, file: usize) -> Vec<Cell> {
    let text = line.text;
    bars(text)
        .windows(2)
        .map(|w| {
            let span = trim(file, line, w[0] + 1..w[1]);
            let own = &text[span.range.start - line.range.start..span.range.end - line.range.start];
            Cell {
                text: own.replace("\\|", " |"),
                span,
            }
        })
        .collect()
}

/// The cells of a table's line as they are written, trimmed.
pub(crate) fn raw_cells(text: &str) -> Vec<&str> {
    bars(text)
        .windows(2)
        .map(|w| text[w[0] + 1..w[1]].trim())
        .collect()
}

/// Where the bars of a table's line stand; the last cell may lack its closing one.
fn bars(text: &str) -> Vec<usize> {
    let mut bars = Vec::new();
    let mut previous = 0u8;
    for (i, b) in text.bytes().enumerate() {
        if b == b'|' && previous != b'\\' {
            bars.push(i);
        }
        previous = b;
    }
    if text.trim_end().as_bytes().last() != Some(&b'|') || text.trim_end().ends_with("\\|") {
        bars.push(text.len());
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<RawBlock> {
        read(text, 0).blocks
    }

    #[test]
    fn a_file_falls_into_its_blocks() {
        let text = "---\nnumber: 甲\n---\n# 题\n\n## 第一条 名 · Name\n说明\n第二行\n> in English\n\n@parameter 甲 : 元\n| value | from |\n| --- | --- |\n| 1 | 2026-01-01 |\n\n```feel 乙 : 元\n甲 + 1\n```\n";
        let document = read(text, 0);
        let front = document.front.expect("front matter");
        assert_eq!(&text[front.range], "number: 甲\n");
        let kinds: Vec<&str> = document
            .blocks
            .iter()
            .map(|b| match b {
                RawBlock::Heading { .. } => "h",
                RawBlock::Paragraph(_) => "p",
                RawBlock::Quote { .. } => "q",
                RawBlock::Directive(_) => "@",
                RawBlock::Table(_) => "t",
                RawBlock::Fence { .. } => "f",
            })
            .collect();
        assert_eq!(kinds.join(""), "hhpq@tf");
        let RawBlock::Fence { info, body } = &document.blocks[6] else {
            panic!("a fence")
        };
        assert_eq!(&text[info.range.clone()], "feel 乙 : 元");
        assert_eq!(&text[body.range.clone()], "甲 + 1\n");
    }

    #[test]
    fn cells_keep_their_places() {
        let text = "| 甲 | - | \"a\\|b\" |\n| --- | --- | --- |\n| - | 1 |\n";
        let found = blocks(text);
        let RawBlock::Table(table) = &found[0] else {
            panic!("a table")
        };
        assert_eq!(table.header.len(), 3);
        assert_eq!(table.header[2].text, "\"a |b\"");
        assert_eq!(table.rows.len(), 1);
        assert_eq!(&text[table.rows[0].cells[1].span.range.clone()], "1");
    }

    #[test]
    fn an_open_fence_ends_with_the_file() {
        let text = "```feel 甲 : 元\n1";
        let RawBlock::Fence { body, .. } = &blocks(text)[0] else {
            panic!("a fence")
        };
        assert_eq!(&text[body.range.clone()], "1");
    }
}
