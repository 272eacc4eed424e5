//! Places: which codes there are, and which law reaches whom.

use super::source::{Findings, Span, say};
use serde::Serialize;
use std::collections::HashMap;

/// A place of `places.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Code, such as `CN` or an administrative division's digits.
    pub code: String,
    /// Name in the law's language.
    pub name: String,
    /// English name.
    pub name_en: String,
    /// Code of the place around it; `None` at the top.
    pub parent: Option<String>,
}

/// All places, with the way from each to the top.
#[derive(Clone, Debug, Default)]
pub struct Places {
    all: Vec<Place>,
    by_code: HashMap<String, usize>,
    parents: Vec<Option<usize>>,
}

impl Places {
    /// Reads the text of `places.csv`: a head `code,name,name_en,parent`, then one line a place.
    pub(crate) fn read(text: &str, file: usize, findings: &mut Findings<'_>) -> Places {
        let mut places = Places::default();
        let mut spans = Vec::new();
        let mut at = 0;
        for (n, piece) in text.split_inclusive('\n').enumerate() {
            let line = piece.trim_end_matches(['\n', '\r']);
            let span = Span::new(file, at..at + line.len());
            at += piece.len();
            if n == 0 || line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fields: Vec<String> = split_csv(line);
            let field = |i: usize| fields.get(i).map_or("", |f| f.trim()).to_string();
            let (code, parent) = (field(0), field(3));
            if fields.len() < 4 || code.is_empty() || field(1).is_empty() {
                findings.error(
                    "bad-place",
                    &span,
                    say(
                        "地方表这一行不是四栏",
                        "this line of the place table has not four fields",
                    ),
                    say(
                        "写成 code,name,name_en,parent",
                        "write code,name,name_en,parent",
                    ),
                );
                continue;
            }
            if places.by_code.contains_key(&code) {
                findings.error(
                    "bad-place",
                    &span,
                    say(
                        format!("地方代码 `{code}` 重复"),
                        format!("place code `{code}` stands twice"),
                    ),
                    say("删去其中一行", "remove one of the lines"),
                );
                continue;
            }
            places.by_code.insert(code.clone(), places.all.len());
            places.all.push(Place {
                code,
                name: field(1),
                name_en: field(2),
                parent: (!parent.is_empty()).then_some(parent),
            });
            spans.push(span);
        }
        for (place, span) in places.all.iter().zip(&spans) {
            let parent = place
                .parent
                .as_ref()
                .and_then(|p| places.by_code.get(p).copied());
            if let (Some(code), None) = (&place.parent, parent) {
                findings.error(
                    "bad-place",
                    span,
                    say(
                        format!("上级地方 `{code}` 不在表中"),
                        format!("the parent place `{code}` is not in the table"),
                    ),
                    say("先为上级写一行", "add a line for the parent"),
                );
            }
            places.parents.push(parent);
        }
        for (n, span) in spans.iter().enumerate() {
            if places.way(n).is_none() {
                findings.error(
                    "bad-place",
                    span,
                    say("这个地方是自己的上级", "this place lies within itself"),
                    say("改正 parent 一栏", "mend the parent column"),
                );
                places.parents[n] = None;
            }
        }
        places
    }

    /// The way to the top from a place, itself first; `None` when it goes in a circle.
    fn way(&self, start: usize) -> Option<Vec<usize>> {
        let mut way = vec![start];
        let mut at = start;
        while let Some(next) = self.parents.get(at).copied().flatten() {
            if way.len() > self.all.len() {
                return None;
            }
            way.push(next);
            at = next;
        }
        Some(way)
    }

    /// The place that a code means: itself when listed, else the listed code that is its longest
    /// beginning (a street of a listed county belongs to the county).
    pub fn find(&self, code: &str) -> Option<&Place> {
        self.index(code).map(|n| &self.all[n])
    }

    /// The place of exactly this code.
    pub(crate) fn listed(&self, code: &str) -> Option<usize> {
        self.by_code.get(code).copied()
    }

    pub(crate) fn index(&self, code: &str) -> Option<usize> {
        if let Some(&n) = self.by_code.get(code) {
            return Some(n);
        }
        code.char_indices()
            .rev()
            .find_map(|(i, _)| self.by_code.get(&code[..i]).copied())
    }

    /// Codes from the most specific place to the top; empty for an unknown place.
    pub fn chain(&self, code: &str) -> Vec<String> {
        self.chain_indices(code)
            .into_iter()
            .map(|n| self.all[n].code.clone())
            .collect()
    }

    pub(crate) fn chain_indices(&self, code: &str) -> Vec<usize> {
        self.index(code).map_or_else(Vec::new, |n| self.chain_of(n))
    }

    /// The way from a listed place to the top, itself first.
    pub(crate) fn chain_of(&self, place: usize) -> Vec<usize> {
        self.way(place).unwrap_or_default()
    }

    /// All places in the file's order.
    pub fn all(&self) -> &[Place] {
        &self.all
    }
}

/// Splits a line at commas; a field in double quotes may hold commas, and `""` for a quote.
fn split_csv(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let last = fields.len() - 1;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                fields[last].push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            _ => fields[last].push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::source::{SourceFile, Sources};
    use super::*;

    #[test]
    fn a_street_belongs_to_its_county() {
        let text = "code,name,name_en,parent\nQQ,全境,Whole,\n12,\"甲,省\",Province,QQ\n1234,乙县,County,12\n";
        let sources = Sources::new(vec![SourceFile {
            path: "places.csv".into(),
            text: text.into(),
        }]);
        let mut findings = Findings::new(&sources);
        let places = Places::read(text, 0, &mut findings);
        assert!(findings.report.findings.is_empty());
        assert_eq!(places.chain("1234001002"), ["1234", "12", "QQ"]);
        assert_eq!(places.chain("1299"), ["12", "QQ"]);
        assert!(places.chain("99").is_empty());
        assert_eq!(places.find("12").map(|p| p.name.as_str()), Some("甲,省"));
    }

    #[test]
    fn a_circle_is_refused() {
        let text = "code,name,name_en,parent\nA,甲,A,B\nB,乙,B,A\n";
        let sources = Sources::new(vec![SourceFile {
            path: "places.csv".into(),
            text: text.into(),
        }]);
        let mut findings = Findings::new(&sources);
        Places::read(text, 0, &mut findings);
        assert!(findings.report.has_errors());
    }
}
