//! From the blocks of one file to articles, rules, parameters, evidence kinds and programmes.

mod changes;

use super::calendar::CalendarText;
use super::directive::{self, Head};
use super::front::{self, Front, Role};
use super::indexation::IndexText;
use super::markdown::{self, Cell, RawBlock, RawTable};
use super::model::*;
use super::properties::PropertyText;
use super::reform::{Change, Examples, RemovalText};
use super::source::{Findings, SourceFile, Span, say};
use super::tables;
use super::yaml;
use crate::programme::Bilingual;
use base::Citation;

/// Everything that the files say, before names are resolved.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub instruments: Vec<Instrument>,
    /// Where each instrument's number and place are written.
    pub instrument_spans: Vec<(Span, Span)>,
    pub rules: Vec<RuleText>,
    pub definitions: Vec<Definition>,
    pub kinds: Vec<KindText>,
    pub parameters: Vec<ParameterText>,
    pub programmes: Vec<ProgrammeText>,
    pub calendars: Vec<CalendarText>,
    pub properties: Vec<PropertyText>,
    pub indexes: Vec<IndexText>,
    /// What reforms do to the law, in order.
    pub changes: Vec<Change>,
    pub removals: Vec<RemovalText>,
    pub examples: Examples,
}

/// Reads one Markdown file into `raw`.
pub(crate) fn read(
    source: &SourceFile,
    file: usize,
    role: Role<'_>,
    raw: &mut Raw,
    findings: &mut Findings<'_>,
) {
    let document = markdown::read(&source.text, file);
    let Some(front) = front::read(&document, source, file, role, findings) else {
        return;
    };
    let Front {
        instrument,
        number_span,
        place_span,
    } = front;
    let index = raw.instruments.len();
    raw.instruments.push(instrument);
    raw.instrument_spans.push((number_span, place_span));
    let mut reader = Reader {
        text: &source.text,
        path: &source.path,
        index,
        article: None,
        reform: role.reform,
        adds: None,
        raw,
        findings,
    };
    let mut blocks = document.blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        match block {
            RawBlock::Heading { level, span } => reader.heading(*level, span),
            RawBlock::Paragraph(span) => {
                let text = reader.slice(span).trim().to_string();
                reader.push(Block::Paragraph { text });
            }
            RawBlock::Quote { text } => reader.push(Block::Quote { text: text.clone() }),
            RawBlock::Directive(span) => {
                let taken = blocks.peek().copied();
                if reader.directive(span, taken) {
                    blocks.next();
                }
            }
            RawBlock::Table(table) => reader.plain_table(table),
            RawBlock::Fence { info, body } => reader.fence(info, body),
        }
    }
    reader.nothing_added();
}

struct Reader<'r, 'f> {
    text: &'r str,
    path: &'r str,
    index: usize,
    article: Option<usize>,
    /// Which reform is read, from 1; 0 for law.
    reform: u32,
    /// An `@add` whose rule has not come yet.
    adds: Option<Span>,
    raw: &'r mut Raw,
    findings: &'r mut Findings<'f>,
}

impl Reader<'_, '_> {
    fn slice(&self, span: &Span) -> &str {
        self.text.get(span.range.clone()).unwrap_or("")
    }

    fn cell(&self, span: Span) -> Cell {
        Cell {
            text: self.slice(&span).to_string(),
            span,
        }
    }

    fn push(&mut self, block: Block) {
        let instrument = &mut self.raw.instruments[self.index];
        match self.article {
            Some(n) => instrument.articles[n].blocks.push(block),
            None => instrument.preamble.push(block),
        }
    }

    fn heading(&mut self, level: usize, span: &Span) {
        if level == 1 {
            return;
        }
        let text = self.slice(span);
        let (number, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let article = Article {
            number: number.to_string(),
            title: bilingual(rest),
            level,
            blocks: Vec::new(),
        };
        let articles = &mut self.raw.instruments[self.index].articles;
        self.article = Some(articles.len());
        articles.push(article);
    }

    fn citation(&self) -> Citation {
        let instrument = &self.raw.instruments[self.index];
        Citation {
            instrument: instrument.number.clone(),
            article: self
                .article
                .map_or_else(String::new, |n| instrument.articles[n].number.clone()),
        }
    }

    /// A rule, table or programme needs an article; says so when there is none.
    fn needs_article(&mut self, what: &Span) -> Option<usize> {
        if self.article.is_none() {
            self.findings.error(
                "no-article",
                what,
                say("这条规则不在任何条文之下，无从引用", "this rule stands under no article, so nothing can cite it"),
                say(
                    "移到所依据条文的标题之下；只是条文所含的，放在 `## 补 …` 之下",
                    "move it under the heading of its article, or under a last heading `## 补 …` when the text only implies it",
                ),
            );
        }
        self.article
    }

    fn plain_table(&mut self, table: &RawTable) {
        let texts = |cells: &[Cell]| cells.iter().map(|c| c.text.clone()).collect::<Vec<_>>();
        let block = Block::Table {
            header: texts(&table.header),
            rows: table.rows.iter().map(|r| texts(&r.cells)).collect(),
        };
        self.push(block);
    }

    fn fence(&mut self, info: &Span, body: &Span) {
        let words = self.slice(info).to_string();
        let (kind, rest) = words
            .split_once(char::is_whitespace)
            .unwrap_or((&words, ""));
        if self.reform > 0 && kind == "yaml" && matches!(rest.trim(), "examples" | "算例") {
            self.raw.examples.own.push(body.clone());
        }
        if matches!(kind, "property" | "性质") && !rest.trim().is_empty() {
            self.property(bilingual(rest.trim()), info, body);
        }
        if matches!(kind, "index" | "指数化") && !rest.trim().is_empty() {
            let start = words.len() - rest.trim_start().len();
            let name = directive::cell(&words, start, words.len(), info);
            self.indexation(name, info, body);
        }
        if kind != "feel" || rest.trim().is_empty() {
            let block = Block::Code {
                info: words.clone(),
                text: self.slice(body).to_string(),
            };
            self.push(block);
            return;
        }
        if self.needs_article(info).is_none() {
            return;
        }
        let start = words.len() - rest.trim_start().len();
        let head = directive::rule_head(&words, start, info, self.findings);
        let Some(head) = head else { return };
        let sentences = self.sentences(body);
        let whole = self.cell(body.clone());
        let source = without_sentences(&whole.text);
        let body = match head.parameters.clone() {
            Some(parameters) => Body::Function(parameters, whole),
            None => Body::Expression(whole),
        };
        let text = match &head.parameters {
            Some(parameters) => RuleBody::Function(
                parameters
                    .iter()
                    .map(|(n, t)| format!("{} : {}", n.text, t.text))
                    .collect::<Vec<_>>()
                    .join(", "),
                source,
            ),
            None => RuleBody::Expression(source),
        };
        self.define(head, sentences, body, text);
    }

    fn indexation(&mut self, name: Cell, info: &Span, body: &Span) {
        if self.needs_article(info).is_none() {
            return;
        }
        let source = self.slice(body).to_string();
        let read = yaml::read(&source, body.file, body.range.start, self.findings);
        let Some(node) = read else { return };
        self.raw.indexes.push(IndexText {
            name,
            instrument: self.index,
            citation: self.citation(),
            node,
        });
    }

    fn property(&mut self, name: Bilingual, info: &Span, body: &Span) {
        if self.needs_article(info).is_none() {
            return;
        }
        let source = self.slice(body).to_string();
        let read = yaml::read(&source, body.file, body.range.start, self.findings);
        let Some(node) = read else { return };
        self.raw.properties.push(PropertyText {
            name,
            span: info.clone(),
            instrument: self.index,
            node,
        });
    }

    fn define(&mut self, head: Head, sentences: Sentences, body: Body, text: RuleBody) {
        let citation = self.citation();
        let text_of =
            |cell: &Option<Cell>| cell.as_ref().map_or_else(String::new, |c| c.text.clone());
        let sentence_pair = |zh: &Option<Cell>, en: &Option<Cell>| Bilingual {
            zh: text_of(zh),
            en: text_of(en),
        };
        let rule = self.raw.rules.len();
        self.raw.rules.push(RuleText {
            name: head.name.text.clone(),
            subject: head.subject,
            unit: head.ty.text.clone(),
            citation: citation.clone(),
            file: self.path.to_string(),
            line: self.findings.sources.position(&head.name.span).line,
            sentences: sentence_pair(&sentences.zh, &sentences.en),
            sentences_no: sentence_pair(&sentences.zh_no, &sentences.en_no),
            body: text,
        });
        self.raw.definitions.push(Definition {
            name: head.name.text,
            name_span: head.name.span,
            subject: head.subject,
            type_text: head.ty,
            instrument: self.index,
            citation,
            sentences,
            body,
        });
        self.push(Block::Rule { rule });
        if self.reform > 0 {
            let added = self.adds.take().is_some();
            let definition = self.raw.definitions.len() - 1;
            self.raw.changes.push(Change::Rule { definition, added });
        }
    }

    /// The `// zh:` and `// en:` lines of a body, and those for when the rule is false.
    fn sentences(&self, body: &Span) -> Sentences {
        let mut found = Sentences::default();
        let mut at = 0;
        for piece in self.slice(body).split_inclusive('\n') {
            let marks = [
                ("zh:", &mut found.zh),
                ("en:", &mut found.en),
                ("zh no:", &mut found.zh_no),
                ("en no:", &mut found.en_no),
            ];
            for (mark, slot) in marks {
                let Some(rest) = sentence(piece, mark) else {
                    continue;
                };
                let begin = at + piece.find(rest).unwrap_or(0);
                let end = begin + rest.len();
                *slot = Some(Cell {
                    text: rest.to_string(),
                    span: body.part(begin..end),
                });
            }
            at += piece.len();
        }
        found
    }

    /// Reads a directive with the block after it; true when that block belongs to it.
    fn directive(&mut self, span: &Span, next: Option<&RawBlock>) -> bool {
        let line = self.slice(span).to_string();
        let (word, rest) = line[1..]
            .split_once(char::is_whitespace)
            .unwrap_or((&line[1..], ""));
        let start = line.len() - rest.trim_start().len();
        let table = match next {
            Some(RawBlock::Table(table)) => Some(table),
            _ => None,
        };
        if self.reform > 0 && matches!(word, "add" | "remove" | "remove-example" | "rows") {
            return self.change(word, &line, start, span, table);
        }
        match (word, table, next) {
            ("evidence", Some(table), _) => self.evidence(&line, start, span, table),
            ("parameter", Some(table), _) => self.parameter(&line, start, span, table),
            ("table", Some(table), _) => self.table(&line, start, span, table),
            ("calendar", Some(table), _) => {
                let place = self.raw.instruments[self.index].place.clone();
                let calendar = super::calendar::read(table, place, self.findings);
                self.raw.calendars.push(calendar);
                self.plain_table(table);
            }
            ("programme", _, Some(RawBlock::Fence { info, body }))
                if self.slice(info).starts_with("yaml") =>
            {
                self.programme(line[start..].trim(), span, body);
            }
            ("evidence" | "parameter" | "table" | "calendar", None, _) => {
                self.findings.error(
                    "bad-directive",
                    span,
                    say(
                        format!("`@{word}` 之后没有表"),
                        format!("no table follows `@{word}`"),
                    ),
                    say("在下一行写表", "put the table on the next line"),
                );
                return false;
            }
            ("programme", ..) => {
                self.findings.error(
                    "bad-directive",
                    span,
                    say(
                        "`@programme` 之后没有 yaml 代码块",
                        "no yaml block follows `@programme`",
                    ),
                    say(
                        "在下一行写 ```yaml 代码块",
                        "put a ```yaml block on the next line",
                    ),
                );
                return false;
            }
            _ => {
                let known = ["evidence", "parameter", "table", "programme", "calendar"];
                let hint = super::report::closest(word, known.into_iter()).unwrap_or("parameter");
                self.findings.error(
                    "bad-directive",
                    span,
                    say(
                        format!("没有 `@{word}` 这种指令"),
                        format!("there is no directive `@{word}`"),
                    ),
                    say(
                        format!(
                            "是 `@{hint}` 吗？有 {}",
                            known.map(|k| format!("@{k}")).join("、")
                        ),
                        format!(
                            "did you mean `@{hint}`? There are {}",
                            known.map(|k| format!("@{k}")).join(", ")
                        ),
                    ),
                );
                return false;
            }
        }
        true
    }

    fn evidence(&mut self, line: &str, start: usize, span: &Span, table: &RawTable) {
        let Some(subject) = directive::subject(line[start..].trim()) else {
            self.findings.error(
                "bad-directive",
                span,
                say(
                    "`@evidence` 之后要写 `家庭` 或 `成员`",
                    "`@evidence` wants `household` or `member`",
                ),
                say("写 `@evidence 成员`", "write `@evidence member`"),
            );
            return;
        };
        let citation = self.citation();
        let kinds = tables::evidence(table, subject, &citation, self.findings);
        let names = kinds.iter().map(|k| k.name.text.clone()).collect();
        self.raw.kinds.extend(kinds);
        self.push(Block::Evidence { subject, names });
    }

    fn parameter(&mut self, line: &str, start: usize, span: &Span, table: &RawTable) {
        let citation = self.citation();
        let own = &self.raw.instruments[self.index];
        let read = tables::parameter(line, start, span, table, &citation, own, self.findings);
        let Some(parameter) = read else { return };
        self.push(Block::Parameter {
            name: parameter.name.text.clone(),
            unit: parameter
                .ty
                .as_ref()
                .map_or_else(String::new, |t| t.text.clone()),
            en: parameter.en.clone(),
            rows: parameter.rows.iter().map(|r| r.row.clone()).collect(),
        });
        self.raw.parameters.push(parameter);
    }

    fn table(&mut self, line: &str, start: usize, span: &Span, table: &RawTable) {
        if self.needs_article(span).is_none() {
            return;
        }
        let Some((head, hit)) = directive::table_head(line, start, span, self.findings) else {
            return;
        };
        let Some(body) = tables::decision(table, hit, self.findings) else {
            return;
        };
        let texts = |cells: &[Cell]| cells.iter().map(|c| c.text.clone()).collect::<Vec<_>>();
        let text = RuleBody::Table {
            hit: body.hit.clone(),
            header: texts(&table.header),
            rows: table.rows.iter().map(|r| texts(&r.cells)).collect(),
            scaled: Default::default(),
        };
        self.define(head, Sentences::default(), Body::Table(body), text);
    }

    fn programme(&mut self, name: &str, span: &Span, body: &Span) {
        if self.needs_article(span).is_none() {
            return;
        }
        let source = self.slice(body).to_string();
        let Some(node) = yaml::read(&source, body.file, body.range.start, self.findings) else {
            return;
        };
        let id = node.get("id").map_or_else(String::new, yaml::Node::text);
        self.push(Block::Programme {
            id,
            name: name.to_string(),
            source,
        });
        self.raw.programmes.push(ProgrammeText {
            name: name.to_string(),
            span: span.clone(),
            instrument: self.index,
            citation: self.citation(),
            node,
        });
        if self.reform > 0 {
            let added = self.adds.take().is_some();
            let programme = self.raw.programmes.len() - 1;
            self.raw
                .changes
                .push(Change::Programme { programme, added });
        }
    }
}

/// `中文 · English`.
pub(crate) fn bilingual(text: &str) -> Bilingual {
    let (zh, en) = text.split_once(" · ").unwrap_or((text, ""));
    Bilingual {
        zh: zh.trim().to_string(),
        en: en.trim().to_string(),
    }
}

fn sentence<'t>(line: &'t str, mark: &str) -> Option<&'t str> {
    let rest = line
        .trim()
        .strip_prefix("//")?
        .trim_start()
        .strip_prefix(mark)?;
    Some(rest.trim())
}

/// A rule's FEEL as a reader wants to see it.
fn without_sentences(body: &str) -> String {
    let said = |l: &str| {
        ["zh:", "en:", "zh no:", "en no:"]
            .iter()
            .any(|m| sentence(l, m).is_some())
    };
    let kept: Vec<&str> = body.lines().filter(|l| !said(l)).collect();
    kept.join("\n").trim().to_string()
}
