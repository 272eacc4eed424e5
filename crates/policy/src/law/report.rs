//! Findings: what is wrong in a law file, where, and how to mend it, in Chinese and English.

use crate::programme::Bilingual;
use serde::Serialize;
use std::fmt::Write as _;

/// Does the law load?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The law does not load.
    Error,
    /// The law loads; somebody should look.
    Warning,
}

/// One finding. Lines and columns count from 1, columns in characters; `end` is the column after
/// the last character marked (on the same line).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name of the kind of finding, such as `unknown-name`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// Path as given by the caller.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Column after the last character marked.
    pub end: usize,
    /// What is wrong.
    pub message: Bilingual,
    /// What to do about it.
    pub remedy: Bilingual,
    /// The line of the file.
    pub excerpt: String,
    /// For a property that does not hold: a situation that breaks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counter: Option<Box<super::search::CounterExample>>,
}

/// All findings over a set of law files, ordered by file and place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Errors and warnings.
    pub findings: Vec<Finding>,
}

/// Which language a rendered report speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Chinese.
    Chinese,
    /// English.
    English,
    /// Chinese, then English.
    #[default]
    Both,
}

impl Language {
    /// The text in this language; in both, Chinese before English.
    pub fn of(self, text: &Bilingual) -> String {
        match self {
            Language::Chinese => text.zh.clone(),
            Language::English => text.en.clone(),
            Language::Both if text.zh == text.en => text.zh.clone(),
            Language::Both => format!("{} · {}", text.zh, text.en),
        }
    }
}

impl Report {
    /// Errors only.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|f| f.severity == Severity::Error)
    }

    /// Is there an error?
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Number of errors and of warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.errors().count();
        (errors, self.findings.len() - errors)
    }

    /// Puts the findings of another report among these.
    pub fn merge(&mut self, other: Report) {
        self.findings.extend(other.findings);
        self.sort();
    }

    pub(crate) fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            (&a.file, a.line, a.column, a.code).cmp(&(&b.file, b.line, b.column, b.code))
        });
        self.findings.dedup();
    }

    /// As a compiler prints: place, excerpt, caret, remedy.
    pub fn render(&self, language: Language) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            finding.render_to(language, &mut out);
        }
        let (errors, warnings) = self.counts();
        if !self.findings.is_empty() {
            let counts = Bilingual {
                zh: format!("{errors} 处错误，{warnings} 处提醒"),
                en: format!("{errors} errors, {warnings} warnings"),
            };
            let _ = writeln!(out, "{}", language.of(&counts));
        }
        out
    }

    /// For machines: `{"findings":[…],"errors":n,"warnings":n}`.
    pub fn to_json(&self) -> serde_json::Value {
        let (errors, warnings) = self.counts();
        serde_json::json!({ "findings": self.findings, "errors": errors, "warnings": warnings })
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(Language::Both))
    }
}

impl std::error::Error for Report {}

impl Finding {
    fn render_to(&self, language: Language, out: &mut String) {
        let word = match (self.severity, language) {
            (Severity::Error, Language::Chinese) => "错误",
            (Severity::Warning, Language::Chinese) => "提醒",
            (Severity::Error, _) => "error",
            (Severity::Warning, _) => "warning",
        };
        let _ = writeln!(
            out,
            "{}:{}:{}: {word}[{}]: {}",
            self.file,
            self.line,
            self.column,
            self.code,
            language.of(&self.message)
        );
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let _ = writeln!(out, "{margin} |\n{number} | {}", self.excerpt);
        let before: usize = self.excerpt.chars().take(self.column - 1).map(width).sum();
        let marked: usize = self
            .excerpt
            .chars()
            .skip(self.column - 1)
            .take(self.end.saturating_sub(self.column))
            .map(width)
            .sum();
        let _ = writeln!(
            out,
            "{margin} | {}{}",
            " ".repeat(before),
            "^".repeat(marked.max(1))
        );
        let remedy = language.of(&self.remedy);
        if !remedy.is_empty() {
            let _ = writeln!(out, "{margin} = {remedy}");
        }
        if let Some(counter) = &self.counter {
            let word = language.of(&Bilingual {
                zh: "反例".into(),
                en: "counter-example".into(),
            });
            let (place, date) = (&counter.place, counter.date);
            let _ = writeln!(
                out,
                "{margin} = {word}: --place {place} --date {date} --decision {} {}",
                counter.decision, counter.given
            );
        }
        out.push('\n');
    }
}

/// Columns that a character takes on a terminal: Chinese characters and full-width marks take two.
pub(crate) fn width(c: char) -> usize {
    match c as u32 {
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// The closest of `names` to a name that is unknown, when one is close enough to be meant.
pub(crate) fn closest<'a>(unknown: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = unknown.chars().collect();
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let other: Vec<char> = name.chars().collect();
        let d = distance(&wanted, &other);
        // A name of few characters must differ in few, or anything would be close to it.
        let limit = (wanted.len().max(other.len()) / 2).clamp(1, 3);
        if d <= limit
            && d < wanted.len().max(other.len())
            && best.is_none_or(|(b, n)| (d, name) < (b, n))
        {
            best = Some((d, name));
        }
    }
    best.map(|(_, name)| name)
}

/// Edit distance: insertions, deletions, replacements.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant() {
        let names = ["甲津贴标准", "家庭人数", "工资"];
        assert_eq!(closest("甲津帖标准", names.into_iter()), Some("甲津贴标准"));
        assert_eq!(closest("工质", names.into_iter()), Some("工资"));
        assert_eq!(closest("户籍", names.into_iter()), None);
    }

    #[test]
    fn carets_stand_under_wide_characters() {
        let finding = Finding {
            code: "unknown-name",
            severity: Severity::Error,
            file: "a.md".into(),
            line: 12,
            column: 3,
            end: 5,
            message: Bilingual {
                zh: "甲".into(),
                en: "a".into(),
            },
            remedy: Bilingual::default(),
            excerpt: "甲 乙丙 + 1".into(),
            counter: None,
        };
        let text = Report {
            findings: vec![finding],
        }
        .render(Language::English);
        assert!(text.contains("12 | 甲 乙丙 + 1\n   |    ^^^^\n"), "{text}");
    }
}
