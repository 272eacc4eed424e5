//! The front matter of a law file.

use super::markdown::Document;
use super::model::{Instrument, Status};
use super::source::{Findings, SourceFile, Span, say};
use super::yaml::{self, Node, Yaml};
use crate::programme::Bilingual;
use base::{Day, parse_day};

pub(crate) struct Front {
    pub instrument: Instrument,
    pub number_span: Span,
    pub place_span: Span,
}

const KEYS: [&str; 10] = [
    "number",
    "reform",
    "title",
    "title_en",
    "place",
    "from",
    "to",
    "supersedes",
    "status",
    "source",
];

/// Which reform a file is read as, and for which place it is when it names none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Role<'p> {
    /// From 1; 0 for the law itself.
    pub reform: u32,
    /// The widest place.
    pub everywhere: &'p str,
}

/// Reads it; `None` (with findings) when the file can't be placed in time and space.
pub(crate) fn read(
    document: &Document,
    source: &SourceFile,
    file: usize,
    role: Role<'_>,
    findings: &mut Findings<'_>,
) -> Option<Front> {
    let top = Span::new(file, 0..source.text.find('\n').unwrap_or(source.text.len()));
    let Some(span) = &document.front else {
        findings.error(
            "bad-front-matter",
            &top,
            say(
                "文件开头没有 `---` 括起的题头",
                "the file does not begin with front matter between `---` lines",
            ),
            say(
                "写上 number、title、place、from；不是法规的说明文件改名为 README.md",
                "give number, title, place and from; rename a file that is no law to README.md",
            ),
        );
        return None;
    };
    let text = source.text.get(span.range.clone()).unwrap_or("");
    let node = yaml::read(text, file, span.range.start, findings)?;
    if !matches!(node.value, Yaml::Map(_)) {
        findings.error(
            "bad-front-matter",
            span,
            say(
                "题头不是 `键: 值` 的形式",
                "the front matter is not made of `key: value` lines",
            ),
            say(
                "每行写一项，如 `place: CN`",
                "write one entry a line, such as `place: CN`",
            ),
        );
        return None;
    }
    for (key, _) in node.entries() {
        let name = key.text();
        if !KEYS.contains(&name.as_str()) {
            let hint = super::report::closest(&name, KEYS.into_iter());
            findings.error(
                "bad-front-matter",
                &key.span,
                say(
                    format!("题头没有 `{name}` 这一项"),
                    format!("front matter has no entry `{name}`"),
                ),
                match hint {
                    Some(h) => say(format!("是 `{h}` 吗？"), format!("did you mean `{h}`?")),
                    None => say(
                        format!("可用：{}", KEYS.join("、")),
                        format!("there are {}", KEYS.join(", ")),
                    ),
                },
            );
        }
    }
    if !right_kind(&node, role, &top, findings) {
        return None;
    }
    let mut whole = true;
    let mut need = |key: &str, findings: &mut Findings<'_>| -> Option<(String, Span)> {
        let found = node.get(key).filter(|n| !n.text().is_empty());
        if found.is_none() {
            findings.error(
                "bad-front-matter",
                &node
                    .get(key)
                    .map_or_else(|| top.clone(), |n| n.span.clone()),
                say(
                    format!("题头缺少 `{key}`"),
                    format!("the front matter lacks `{key}`"),
                ),
                say(
                    format!("加一行 `{key}: …`"),
                    format!("add a line `{key}: …`"),
                ),
            );
            whole = false;
        }
        found.map(|n| (raw_text(n, findings), n.span.clone()))
    };
    let reform = role.reform > 0;
    let number = need(if reform { "reform" } else { "number" }, findings);
    let optional = |key: &str| node.get(key).is_none_or(|n| n.text().is_empty());
    let title = match reform && optional("title") {
        true => number.clone(),
        false => need("title", findings),
    };
    let place = match reform && optional("place") {
        true => Some((role.everywhere.to_string(), top.clone())),
        false => need("place", findings),
    };
    let from = need("from", findings);
    let day = |found: Option<(String, Span)>, findings: &mut Findings<'_>| -> Option<Day> {
        let (text, span) = found?;
        date(&text, &span, "bad-front-matter", findings)
    };
    let from = day(from, findings);
    let to_node = node
        .get("to")
        .filter(|n| !n.is_null() && !n.text().is_empty());
    let to = day(to_node.map(|n| (n.text(), n.span.clone())), findings);
    if let (Some(from), Some(to), Some(n)) = (from, to, to_node)
        && to < from
    {
        findings.error(
            "bad-front-matter",
            &n.span,
            say("末日早于首日", "the last day lies before the first"),
            say("改正 from 或 to", "mend `from` or `to`"),
        );
    }
    let status_text = node.get("status").map_or_else(String::new, Node::text);
    let status = Status::parse(&status_text);
    if let (None, Some(n)) = (status, node.get("status")) {
        findings.error(
            "bad-front-matter",
            &n.span,
            say(
                format!("`{status_text}` 不是状态"),
                format!("`{status_text}` is no status"),
            ),
            say(
                "写 confirmed 或 unverified",
                "write confirmed or unverified",
            ),
        );
    }
    let (number, number_span) = number?;
    let (place, place_span) = place?;
    let instrument = Instrument {
        number,
        title: Bilingual {
            zh: title?.0,
            en: node.get("title_en").map_or_else(String::new, Node::text),
        },
        place,
        from: from?,
        to,
        supersedes: node
            .get("supersedes")
            .map(|n| {
                if n.items().is_empty() {
                    vec![n.text()]
                } else {
                    n.items().iter().map(Node::text).collect()
                }
            })
            .unwrap_or_default()
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect(),
        status: status.unwrap_or_default(),
        source: node.get("source").map_or_else(String::new, Node::text),
        reform: role.reform,
        file: source.path.clone(),
        preamble: Vec::new(),
        articles: Vec::new(),
    };
    whole.then_some(Front {
        instrument,
        number_span,
        place_span,
    })
}

/// A reform says so, and law does not; a reform among the law would be applied silently.
fn right_kind(node: &Node, role: Role<'_>, top: &Span, findings: &mut Findings<'_>) -> bool {
    let named = node.get("reform");
    match (named, role.reform > 0) {
        (Some(named), false) => findings.error(
            "bad-front-matter",
            &named.span,
            say(
                "改革方案不能放在法规文件夹里",
                "a reform does not stand among the law",
            ),
            say(
                "移到法规文件夹之外，用 --reform 文件 叠加",
                "move it out of the folder and lay it over the law with --reform FILE",
            ),
        ),
        (None, true) => findings.error(
            "bad-front-matter",
            top,
            say(
                "改革方案的题头缺少 `reform`",
                "the front matter of a reform lacks `reform`",
            ),
            say(
                "加一行 `reform: 名称`；法规文件不用 --reform",
                "add a line `reform: NAME`; a law file is not given with --reform",
            ),
        ),
        _ => return true,
    }
    false
}

/// A scalar as it is written, so that a code keeps its leading zeros.
fn raw_text(node: &Node, findings: &Findings<'_>) -> String {
    match &node.value {
        Yaml::Scalar(json) if json.is_number() => {
            findings.sources.text(&node.span).trim().to_string()
        }
        _ => node.text(),
    }
}

/// A date of a law file: `2026-07-01` only, so that nobody has to guess.
pub(crate) fn date(
    text: &str,
    span: &Span,
    code: &'static str,
    findings: &mut Findings<'_>,
) -> Option<Day> {
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day = if plain { parse_day(text).ok() } else { None };
    if day.is_none() {
        findings.error(
            code,
            span,
            say(
                format!("`{text}` 不是日期"),
                format!("`{text}` is not a date"),
            ),
            say("写成 2026-07-01", "write it as 2026-07-01"),
        );
    }
    day
}
