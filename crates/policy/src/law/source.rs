//! The texts of a law with their lines, and findings that point into them.

use super::report::{Finding, Report, Severity};
use crate::programme::Bilingual;
use std::ops::Range;

/// One file of the law: the path as the caller wants it named in messages, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path, with forward slashes, relative to the law's root.
    pub path: String,
    /// UTF-8 text.
    pub text: String,
}

impl SourceFile {
    /// Does a file of this name belong to a law? Its texts, their examples and the list of places do; a README
    /// is for people only.
    pub fn belongs(name: &str) -> bool {
        let readme = name.eq_ignore_ascii_case("README.md");
        !readme
            && [".md", ".examples.yaml", ".csv"]
                .iter()
                .any(|ending| name.ends_with(ending))
    }
}

/// A stretch of bytes of one file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Index of the file among the law's files.
    pub file: usize,
    /// Bytes of its text.
    pub range: Range<usize>,
}

impl Span {
    pub(crate) fn new(file: usize, range: Range<usize>) -> Span {
        Span { file, range }
    }

    /// A part of this stretch, given by bytes counted from its start.
    pub(crate) fn part(&self, range: Range<usize>) -> Span {
        let start = self.range.start;
        Span {
            file: self.file,
            range: start + range.start..start + range.end,
        }
    }
}

/// Line and column, both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// All files, ordered by path, and the findings made over them so far.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub files: Vec<SourceFile>,
}

impl Sources {
    pub fn new(mut files: Vec<SourceFile>) -> Sources {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Sources { files }
    }

    /// Files ordered by path, then reforms as they are given: a later one is laid over an earlier one.
    pub fn with_reforms(files: Vec<SourceFile>, reforms: Vec<SourceFile>) -> Sources {
        let mut sources = Sources::new(files);
        sources.files.extend(reforms);
        sources
    }

    pub fn text(&self, span: &Span) -> &str {
        self.files
            .get(span.file)
            .and_then(|f| f.text.get(span.range.clone()))
            .unwrap_or("")
    }

    pub fn path(&self, span: &Span) -> &str {
        self.files.get(span.file).map_or("", |f| &f.path)
    }

    pub fn position(&self, span: &Span) -> Position {
        let text = self.files.get(span.file).map_or("", |f| f.text.as_str());
        let before = text.get(..span.range.start.min(text.len())).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Position { line, column }
    }

    /// `path:line`, as messages name another place.
    pub fn place(&self, span: &Span) -> String {
        format!("{}:{}", self.path(span), self.position(span).line)
    }

    pub fn finding(
        &self,
        severity: Severity,
        code: &'static str,
        span: &Span,
        message: Bilingual,
        remedy: Bilingual,
    ) -> Finding {
        let text = self.files.get(span.file).map_or("", |f| f.text.as_str());
        let Position { line, column } = self.position(span);
        let excerpt = text.lines().nth(line - 1).unwrap_or("").to_string();
        let marked = self.text(span).lines().next().unwrap_or("").chars().count();
        Finding {
            code,
            severity,
            file: self.path(span).to_string(),
            line,
            column,
            end: column + marked.max(1),
            message,
            remedy,
            excerpt,
            counter: None,
        }
    }
}

/// Collects findings while the files are read and checked.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    pub sources: &'a Sources,
    pub report: Report,
}

impl<'a> Findings<'a> {
    pub fn new(sources: &'a Sources) -> Findings<'a> {
        Findings {
            sources,
            report: Report::default(),
        }
    }

    pub fn error(
        &mut self,
        code: &'static str,
        span: &Span,
        message: Bilingual,
        remedy: Bilingual,
    ) {
        let finding = self
            .sources
            .finding(Severity::Error, code, span, message, remedy);
        self.report.findings.push(finding);
    }

    pub fn warn(&mut self, code: &'static str, span: &Span, message: Bilingual, remedy: Bilingual) {
        let finding = self
            .sources
            .finding(Severity::Warning, code, span, message, remedy);
        self.report.findings.push(finding);
    }
}

/// Chinese and English of one message.
pub(crate) fn say(zh: impl Into<String>, en: impl Into<String>) -> Bilingual {
    Bilingual {
        zh: zh.into(),
        en: en.into(),
    }
}
