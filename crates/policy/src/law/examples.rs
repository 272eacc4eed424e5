//! Worked examples: situations beside the law with what must come out of them.

use super::checks;
use super::corpus::{Corpus, Law};
use super::edition::LawError;
use super::eval::eval_json_known;
use super::front::date;
use super::source::{Findings, SourceFile, Sources, Span, say};
use super::yaml::{self, Node, Yaml};
use crate::outcome::{Evaluation, Missing, Outcome};
use base::Day;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::HashSet;

/// What one example gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExampleResult {
    /// Its name.
    pub name: String,
    /// File.
    pub file: String,
    /// Line of its beginning.
    pub line: usize,
    /// The programme or rule it asks for.
    pub decision: String,
    /// Where what came out differs from what was expected.
    pub differences: Vec<Difference>,
    /// Why it could not be run at all.
    pub error: Option<String>,
}

impl ExampleResult {
    /// Did it pass?
    pub fn passed(&self) -> bool {
        self.error.is_none() && self.differences.is_empty()
    }
}

impl std::fmt::Display for ExampleResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = if self.passed() { "pass" } else { "FAIL" };
        write!(f, "{word} {}:{} {}", self.file, self.line, self.name)?;
        if let Some(error) = &self.error {
            write!(f, "\n     {error}")?;
        }
        for d in &self.differences {
            write!(
                f,
                "\n     line {}: {} expected {}, found {}",
                d.line, d.what, d.expected, d.found
            )?;
        }
        Ok(())
    }
}

/// One expectation that was not met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// `outcome`, `amount`, `result`, `reasons`, `missing`, or a rule's name.
    pub what: String,
    /// Expected.
    pub expected: Json,
    /// What came out.
    pub found: Json,
    /// Line of the expectation.
    pub line: usize,
}

/// One example as read.
pub(crate) struct Example {
    pub name: String,
    pub place: String,
    pub day: Day,
    pub known: Option<Day>,
    pub decision: String,
    pub given: Json,
    pub expect: Node,
    pub cites: Option<Node>,
    pub span: Span,
}

const KEYS: [&str; 9] = [
    "name", "place", "day", "known", "decision", "given", "expect", "cites", "note",
];

/// Runs the examples of one file's text.
pub fn run(law: &Law, text: &str, file: &str) -> Vec<ExampleResult> {
    let sources = Sources::new(vec![SourceFile {
        path: file.into(),
        text: text.into(),
    }]);
    let mut findings = Findings::new(&sources);
    let examples = read(text, 0, 0, &mut findings);
    let mut results: Vec<ExampleResult> = findings
        .report
        .errors()
        .map(|f| ExampleResult {
            name: String::new(),
            file: file.into(),
            line: f.line,
            decision: String::new(),
            differences: Vec::new(),
            error: Some(format!("{} · {}", f.message.zh, f.message.en)),
        })
        .collect();
    results.extend(examples.iter().map(|e| run_one(law, e, &sources).0));
    results
}

/// Runs every example file of the law, but for the examples that its reforms take away; then the
/// reforms' own.
pub fn run_all(law: &Law) -> Vec<ExampleResult> {
    let files = law.corpus.sources.files.iter();
    let mut results: Vec<ExampleResult> = files
        .filter(|f| super::corpus::Kind::of(&f.path) == super::corpus::Kind::Examples)
        .flat_map(|f| run(law, &f.text, &f.path))
        .filter(|r| !is_removed(law, &r.name))
        .collect();
    results.extend(run_reforms(law));
    results
}

/// Runs the examples that stand in the reforms laid over the law.
pub fn run_reforms(law: &Law) -> Vec<ExampleResult> {
    let sources = &law.corpus.sources;
    let mut findings = Findings::new(sources);
    let own = law.corpus.reform_examples.own.iter();
    own.flat_map(|block| {
        read(
            sources.text(block),
            block.file,
            block.range.start,
            &mut findings,
        )
    })
    .map(|e| run_one(law, &e, sources).0)
    .collect()
}

/// Does a reform take the law's example of that name away?
pub fn is_removed(law: &Law, name: &str) -> bool {
    let removed = &law.corpus.reform_examples.removed;
    removed.iter().any(|cell| cell.text == name)
}

/// The examples of the law's files, without the reforms' own.
pub(crate) fn of_law(law: &Law) -> Vec<Example> {
    let sources = &law.corpus.sources;
    let mut findings = Findings::new(sources);
    let mut all = Vec::new();
    for (n, file) in sources.files.iter().enumerate() {
        if super::corpus::Kind::of(&file.path) == super::corpus::Kind::Examples {
            all.extend(read(&file.text, n, 0, &mut findings));
        }
    }
    all
}

/// The text with every expectation that was not met replaced by what came out. Examples that cannot
/// be run are left alone.
pub fn accept(law: &Law, text: &str, file: &str) -> String {
    let sources = Sources::new(vec![SourceFile {
        path: file.into(),
        text: text.into(),
    }]);
    let mut findings = Findings::new(&sources);
    let examples = read(text, 0, 0, &mut findings);
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    for example in &examples {
        let (result, spans) = run_one(law, example, &sources);
        for (difference, span) in result.differences.iter().zip(spans) {
            edits.push((value_range(text, &span), difference.found.to_string()));
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.to_string();
    for (range, new) in edits {
        out.replace_range(range, &new);
    }
    out
}

/// From the first character of a YAML value to its last: a flow list or map to its closing bracket.
fn value_range(text: &str, span: &Span) -> std::ops::Range<usize> {
    let start = span.range.start;
    let rest = &text[start..];
    if !rest.starts_with(['[', '{']) {
        return span.range.clone();
    }
    let (mut depth, mut quoted) = (0usize, false);
    for (i, c) in rest.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return start..start + i + 1;
                }
            }
            _ => {}
        }
    }
    span.range.clone()
}

/// Reads examples that stand in a file from byte `start` on. What is wrong becomes findings.
pub(crate) fn read(
    text: &str,
    file: usize,
    start: usize,
    findings: &mut Findings<'_>,
) -> Vec<Example> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let Some(node) = yaml::read(text, file, start, findings) else {
        return Vec::new();
    };
    let Yaml::Seq(items) = &node.value else {
        if !node.is_null() {
            findings.error(
                "bad-example",
                &node.span,
                say("例子文件要是一个列表", "a file of examples is a list"),
                say(
                    "每个例子以 `- name: …` 开头",
                    "begin each example with `- name: …`",
                ),
            );
        }
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| one(item, findings))
        .collect()
}

fn one(item: &Node, findings: &mut Findings<'_>) -> Option<Example> {
    let mut fine = true;
    for (key, _) in item.entries() {
        let name = key.text();
        if !KEYS.contains(&name.as_str()) {
            fine = false;
            let hint = super::report::closest(&name, KEYS.into_iter()).unwrap_or("expect");
            findings.error(
                "bad-example",
                &key.span,
                say(
                    format!("例子没有 `{name}` 这一项"),
                    format!("an example has no entry `{name}`"),
                ),
                say(
                    format!("是 `{hint}` 吗？"),
                    format!("did you mean `{hint}`?"),
                ),
            );
        }
    }
    for key in ["name", "place", "day", "decision", "given", "expect"] {
        if item.get(key).is_none() {
            fine = false;
            findings.error(
                "bad-example",
                item.entries().first().map_or(&item.span, |(k, _)| &k.span),
                say(
                    format!("例子缺少 `{key}`"),
                    format!("the example lacks `{key}`"),
                ),
                say(
                    format!("加一行 `{key}: …`"),
                    format!("add a line `{key}: …`"),
                ),
            );
        }
    }
    if !fine {
        return None;
    }
    let mut day = |key: &str| {
        let node = item.get(key)?;
        date(&node.text(), &node.span, "bad-example", findings)
    };
    let (at, known) = (day("day")?, day("known"));
    Some(Example {
        name: item.get("name")?.text(),
        place: item.get("place")?.text(),
        day: at,
        known,
        decision: item.get("decision")?.text(),
        given: item.get("given")?.to_json(),
        expect: item.get("expect")?.clone(),
        cites: item.get("cites").cloned(),
        span: item
            .entries()
            .first()
            .map_or_else(|| item.span.clone(), |(k, _)| k.span.clone()),
    })
}

/// Checks the examples of the whole law against its articles and names; gives the rules they use.
pub(crate) fn check(corpus: &Corpus, findings: &mut Findings<'_>) -> HashSet<String> {
    let mut used = HashSet::new();
    let mut names = HashSet::new();
    let sources = findings.sources;
    let files = sources.files.iter().enumerate();
    let blocks: Vec<Span> = files
        .filter(|(_, f)| super::corpus::Kind::of(&f.path) == super::corpus::Kind::Examples)
        .map(|(n, f)| Span::new(n, 0..f.text.len()))
        .chain(corpus.reform_examples.own.iter().cloned())
        .collect();
    for block in blocks {
        for example in read(
            sources.text(&block),
            block.file,
            block.range.start,
            findings,
        ) {
            names.insert(example.name.clone());
            used.insert(example.decision.trim_start_matches("成员.").to_string());
            used.extend(example.expect.entries().iter().map(|(k, _)| k.text()));
            let cited = example.cites.iter();
            let cited = cited.flat_map(|c| {
                if c.items().is_empty() {
                    std::slice::from_ref(c)
                } else {
                    c.items()
                }
            });
            for cite in cited {
                if !checks::cites(corpus, &cite.text(), None) {
                    findings.error(
                        "unknown-article",
                        &cite.span,
                        say(
                            format!("没有条文 `{}`", cite.text()),
                            format!("there is no article `{}`", cite.text()),
                        ),
                        say(
                            "写成 `文号 第几条`，条号是标题的第一个词",
                            "write `NUMBER ARTICLE`, the article being a heading's first word",
                        ),
                    );
                }
            }
            let known = corpus.programmes.iter().any(|p| {
                p.programme.id == example.decision || p.programme.name == example.decision
            }) || corpus.symbols.find(&example.decision).is_some();
            if !known {
                findings.error(
                    "unknown-name",
                    &example.span,
                    say(
                        format!("没有制度或规则 `{}`", example.decision),
                        format!("there is no programme or rule `{}`", example.decision),
                    ),
                    say("改正 decision", "mend `decision`"),
                );
            }
            if corpus.places.index(&example.place).is_none() {
                findings.error(
                    "unknown-place",
                    &example.span,
                    say(
                        format!("地方 `{}` 不在 places.csv 中", example.place),
                        format!("the place `{}` is not in places.csv", example.place),
                    ),
                    say("改正 place", "mend `place`"),
                );
            }
        }
    }
    for removed in &corpus.reform_examples.removed {
        if !names.contains(&removed.text) {
            let hint = super::report::closest(&removed.text, names.iter().map(String::as_str));
            findings.error(
                "reform-no-example",
                &removed.span,
                say(
                    format!("没有例子 `{}`", removed.text),
                    format!("there is no example `{}`", removed.text),
                ),
                match hint {
                    Some(hint) => say(
                        format!("是 `{hint}` 吗？"),
                        format!("did you mean `{hint}`?"),
                    ),
                    None => say("写例子的 name", "write the example's `name`"),
                },
            );
        }
    }
    used
}

fn run_one(law: &Law, example: &Example, sources: &Sources) -> (ExampleResult, Vec<Span>) {
    let mut result = ExampleResult {
        name: example.name.clone(),
        file: sources.path(&example.span).to_string(),
        line: sources.position(&example.span).line,
        decision: example.decision.clone(),
        differences: Vec::new(),
        error: None,
    };
    let mut spans = Vec::new();
    let mut asked: Vec<&str> = Vec::new();
    let names: Vec<String> = example
        .expect
        .entries()
        .iter()
        .map(|(k, _)| k.text())
        .collect();
    for name in &names {
        if !matches!(
            name.as_str(),
            "outcome" | "amount" | "result" | "reasons" | "missing" | "lines" | "carry"
        ) {
            asked.push(name);
        }
    }
    let run = eval_json_known(
        law,
        &example.place,
        example.day,
        example.known,
        &example.decision,
        &example.given,
        &asked,
    );
    let (evaluation, values) = match run {
        Ok(done) => done,
        Err(error) => {
            result.error = Some(describe(&error));
            return (result, spans);
        }
    };
    for (key, expected) in example.expect.entries() {
        let what = key.text();
        let found = match asked.iter().position(|a| *a == what) {
            Some(n) => values[n].clone(),
            None => actual(&evaluation, &what, expected),
        };
        let wanted = expected.to_json();
        if !same(&wanted, &found, &what) {
            result.differences.push(Difference {
                what,
                expected: wanted,
                found,
                line: sources.position(&expected.span).line,
            });
            spans.push(expected.span.clone());
        }
    }
    (result, spans)
}

fn describe(error: &LawError) -> String {
    error.to_string()
}

/// What came out under one of the fixed names of `expect`.
fn actual(evaluation: &Evaluation, what: &str, expected: &Node) -> Json {
    match what {
        "outcome" => evaluation.outcome.name().into(),
        "amount" => match &evaluation.outcome {
            Outcome::Entitled {
                amount: Some(amount),
            } => yuan(amount.0),
            _ => Json::Null,
        },
        "result" => evaluation.result.clone(),
        "missing" => match &evaluation.outcome {
            Outcome::Undetermined { missing } => {
                missing.iter().map(|m| missing_name(m, expected)).collect()
            }
            _ => Json::Array(Vec::new()),
        },
        "reasons" => {
            let wanted: Vec<String> = expected.items().iter().map(Node::text).collect();
            // An example names the articles that must be among the grounds, not all of them.
            let all: Vec<String> = evaluation
                .reasons
                .iter()
                .map(|r| r.article.clone())
                .collect();
            let named = |w: &String| {
                evaluation
                    .reasons
                    .iter()
                    .any(|r| r.article == *w || format!("{} {}", r.instrument, r.article) == *w)
            };
            if wanted.iter().all(named) {
                wanted.into_iter().map(Json::from).collect()
            } else {
                all.into()
            }
        }
        "lines" => Json::Object(evaluation.lines.iter().cloned().collect()),
        "carry" => Json::Object(evaluation.carry.clone()),
        _ => Json::Null,
    }
}

/// `工资`, or `成员[2].工资` when the example says for whom.
fn missing_name(missing: &Missing, expected: &Node) -> Json {
    let long = missing
        .member
        .map(|m| format!("成员[{}].{}", m + 1, missing.name));
    match long {
        Some(long) if expected.items().iter().any(|n| n.text() == long) => long.into(),
        _ => missing.name.clone().into(),
    }
}

fn yuan(fen: i64) -> Json {
    if fen % 100 == 0 {
        return (fen / 100).into();
    }
    base::Fen(fen)
        .to_string()
        .parse::<f64>()
        .map_or(Json::Null, Json::from)
}

/// Equal as the reader of an example sees it: numbers by value, lists of missing evidence in any
/// order, a map by the names that the example gives.
fn same(expected: &Json, found: &Json, what: &str) -> bool {
    match (expected, found) {
        (Json::Number(a), Json::Number(b)) => {
            let number =
                |n: &serde_json::Number| n.to_string().parse::<super::prelude::Number>().ok();
            number(a) == number(b)
        }
        (Json::Array(a), Json::Array(b)) if what == "missing" => {
            let set = |v: &[Json]| {
                v.iter()
                    .map(Json::to_string)
                    .collect::<std::collections::BTreeSet<_>>()
            };
            set(a) == set(b)
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y, ""))
        }
        (Json::Object(a), Json::Object(b)) => a
            .iter()
            .all(|(k, v)| b.get(k).is_some_and(|w| same(v, w, ""))),
        _ => expected == found,
    }
}
