//! YAML as a tree that remembers where each value stands in the law file.

use super::source::{Findings, Span, say};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_saphyr::Spanned;
use std::fmt;

/// A YAML value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub span: Span,
    pub value: Yaml,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Yaml {
    Scalar(Json),
    Seq(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    pub fn entry(&self, key: &str) -> Option<(&Node, &Node)> {
        match &self.value {
            Yaml::Map(entries) => entries
                .iter()
                .find(|(k, _)| k.text() == key)
                .map(|(k, v)| (k, v)),
            _ => None,
        }
    }

    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Yaml::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            Yaml::Seq(items) => items,
            _ => &[],
        }
    }

    /// A scalar as text; empty for null, lists and maps.
    pub fn text(&self) -> String {
        match &self.value {
            Yaml::Scalar(Json::String(text)) => text.clone(),
            Yaml::Scalar(Json::Null) => String::new(),
            Yaml::Scalar(other) => other.to_string(),
            _ => String::new(),
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Yaml::Scalar(Json::Null))
    }

    /// Without places.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Yaml::Scalar(json) => json.clone(),
            Yaml::Seq(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Yaml::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(k, v)| (k.text(), v.to_json()))
                    .collect(),
            ),
        }
    }
}

/// Reads `text`, which stands in `file` from byte `start` on. Errors become findings.
pub(crate) fn read(
    text: &str,
    file: usize,
    start: usize,
    findings: &mut Findings<'_>,
) -> Option<Node> {
    match serde_saphyr::from_str::<Spanned<Raw>>(text) {
        Ok(raw) => Some(place(raw, text, file, start)),
        Err(error) => {
            let error = error.without_snippet();
            let at = error
                .location()
                .map_or(0, |l| offset(text, l.line() as usize, l.column() as usize));
            let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
            let plain = error.to_string();
            findings.error(
                "bad-yaml",
                &Span::new(file, start + at..start + end),
                say(
                    format!("这段 YAML 读不懂：{plain}"),
                    format!("this YAML cannot be read: {plain}"),
                ),
                say(
                    "检查缩进、冒号后的空格、引号与括号是否成对",
                    "check indentation, the space after a colon, quotes and brackets",
                ),
            );
            None
        }
    }
}

/// Byte offset of a line and column (from 1, in characters).
fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut at = 0;
    for (n, content) in text.split_inclusive('\n').enumerate() {
        if n + 1 == line {
            let plain = content.trim_end_matches(['\n', '\r']);
            let within = plain
                .char_indices()
                .nth(column.saturating_sub(1))
                .map_or(plain.len(), |(i, _)| i);
            return at + within;
        }
        at += content.len();
    }
    text.len()
}

fn place(raw: Spanned<Raw>, text: &str, file: usize, start: usize) -> Node {
    let location = raw.referenced;
    let from = location
        .span()
        .byte_offset()
        .map_or_else(
            || offset(text, location.line() as usize, location.column() as usize),
            |o| o as usize,
        )
        .min(text.len());
    let len = location.span().byte_len().unwrap_or(0) as usize;
    let span = Span::new(file, start + from..start + (from + len).min(text.len()));
    let value = match raw.value {
        // A figure is what is written, not the binary float that the reader makes of it.
        Raw::Scalar(Json::Number(read)) if read.is_f64() => {
            let written = text
                .get(from..from + len)
                .and_then(|t| t.trim().parse().ok());
            Yaml::Scalar(Json::Number(written.unwrap_or(read)))
        }
        Raw::Scalar(json) => Yaml::Scalar(json),
        Raw::Seq(items) => Yaml::Seq(
            items
                .into_iter()
                .map(|n| place(n, text, file, start))
                .collect(),
        ),
        Raw::Map(entries) => Yaml::Map(
            entries
                .into_iter()
                .map(|(k, v)| (place(k, text, file, start), place(v, text, file, start)))
                .collect(),
        ),
    };
    Node { span, value }
}

enum Raw {
    Scalar(Json),
    Seq(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Raw, D::Error> {
        d.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(v.into()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(v.into()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(v.into()))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Json::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Json::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Raw, D::Error> {
        Raw::deserialize(d)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::{SourceFile, Sources};
    use super::*;

    #[test]
    fn values_remember_their_place() {
        let text = "id: abc\nconditions: [甲条件, 乙条件]\nnested:\n  - {a: 1, b: 2026-05-01}\n";
        let sources = Sources::new(vec![SourceFile {
            path: "x.md".into(),
            text: text.into(),
        }]);
        let mut findings = Findings::new(&sources);
        let node = read(text, 0, 0, &mut findings).expect("reads");
        let second = &node.get("conditions").expect("there").items()[1];
        assert_eq!(sources.text(&second.span), "乙条件");
        let inner = node.get("nested").expect("there").items()[0]
            .get("b")
            .expect("there")
            .clone();
        assert_eq!(sources.text(&inner.span), "2026-05-01");
        assert_eq!(inner.to_json(), Json::from("2026-05-01"));
    }

    #[test]
    fn figures_keep_their_digits() {
        let text = "a: 123456789012345678901234567890.12\nb: [0.10, 1e3, 12345678901234567890123]\nc: -7\n";
        let sources = Sources::new(Vec::new());
        let node = read(text, 0, 0, &mut Findings::new(&sources)).expect("reads");
        assert_eq!(
            node.to_json().to_string(),
            r#"{"a":123456789012345678901234567890.12,"b":[0.10,1e+3,12345678901234567890123],"c":-7}"#
        );
    }

    #[test]
    fn a_fault_is_found_where_it_is() {
        let text = "id: abc\nconditions: [甲条件\nx: 1\n";
        let sources = Sources::new(vec![SourceFile {
            path: "x.md".into(),
            text: text.into(),
        }]);
        let mut findings = Findings::new(&sources);
        assert!(read(text, 0, 0, &mut findings).is_none());
        assert_eq!(findings.report.findings.len(), 1);
        assert!(findings.report.findings[0].line >= 2);
    }
}
