//! The law as the pages show it.

use super::trace::{missing, nodes, open_up, parameters_used, plain, reasons, what_if};
use crate::web::source::{Trouble, TryQuery};
use crate::web::view::change::{Input, StepView};
use crate::web::view::law::{
    ArticleView, BlockView, ExampleView, InstrumentPage, InstrumentRow, KindView, LawIndex,
    ParameterRowView, ParameterView, ProgrammeRow, RuleView, TryField, TryPage, TryResult,
};
use crate::web::view::why::FigureView;
use crate::web::view::{Named, OutcomeView};
use base::Day;
use policy::law::examples::{self, ExampleResult};
use policy::law::explanation::{Limits, explain_json};
use policy::law::{
    Absent, Block, EvidenceKind, Instrument, Law, Parameter, ParameterRow, Register, RuleBody,
    RuleText, Type,
};
use policy::programme::{ApplicationRule, Bilingual, Programme, Rhythm, Step, Subject, Term};
use std::collections::HashMap;
use std::sync::OnceLock;

/// A law with what pages need beside it: its example files and how the examples come out.
pub struct Shelf {
    law: Law,
    findings: (u32, u32),
    examples: OnceLock<HashMap<String, Vec<ExampleView>>>,
}

impl Shelf {
    /// The title of the article that a citation names, without its number; the number when it has none.
    pub fn heading(&self, cited: &base::Citation) -> Bilingual {
        let instruments = self.law.instruments().iter();
        let article = instruments
            .filter(|i| i.number == cited.instrument)
            .flat_map(|i| &i.articles)
            .find(|a| a.number == cited.article);
        match article {
            Some(article) if !article.title.zh.is_empty() => article.title.clone(),
            _ => same(&cited.article),
        }
    }

    /// Checks the law once more for its warnings; examples run when they are first asked for.
    pub fn new(law: Law) -> Shelf {
        let (_, report) = Law::check(law.files().to_vec());
        let (errors, warnings) = report.counts();
        Shelf {
            law,
            findings: (count(errors), count(warnings)),
            examples: OnceLock::new(),
        }
    }

    /// The law.
    pub fn law(&self) -> &Law {
        &self.law
    }

    /// A place by its code.
    pub fn place(&self, code: &str) -> Named {
        match self.law.places().find(code) {
            Some(place) => Named {
                id: place.code.clone(),
                name: Bilingual {
                    zh: place.name.clone(),
                    en: place.name_en.clone(),
                },
            },
            None => Named {
                id: code.into(),
                name: same(code),
            },
        }
    }

    /// A programme by its id, named as its latest version names it.
    pub fn programme(&self, id: &str) -> Named {
        self.law
            .programmes()
            .filter(|(programme, _)| programme.id == id)
            .max_by_key(|(_, instrument)| instrument.from)
            .map_or_else(
                || Named {
                    id: id.into(),
                    name: same(id),
                },
                |(p, _)| named(p),
            )
    }

    /// A kind of evidence or a parameter by its name.
    pub fn kind(&self, name: &str) -> Named {
        let kind = [Subject::Person, Subject::Household]
            .into_iter()
            .find_map(|s| self.law.kind(s, name));
        let en = match kind {
            Some(kind) => kind.en.clone(),
            None => {
                let parameter = self.law.parameters().find(|p| &*p.name == name);
                parameter.map(|p| p.en.clone()).unwrap_or_default()
            }
        };
        Named {
            id: name.into(),
            name: Bilingual {
                zh: name.into(),
                en,
            },
        }
    }

    /// Instruments that reach a place, in force on a day first.
    pub fn index(&self, place: Option<String>, day: Day) -> LawIndex {
        let chain = place.as_ref().map(|code| self.law.places().chain(code));
        let mut rows: Vec<InstrumentRow> = self
            .law
            .instruments()
            .iter()
            .filter(|i| chain.as_ref().is_none_or(|chain| chain.contains(&i.place)))
            .map(|i| self.row(i, day))
            .collect();
        rows.sort_by(|a, b| (b.in_force, b.from, &a.number).cmp(&(a.in_force, a.from, &b.number)));
        LawIndex {
            place: place.map(|code| self.place(&code)),
            places: self
                .law
                .places()
                .all()
                .iter()
                .map(|p| self.place(&p.code))
                .collect(),
            day,
            rows,
            digest: self.law.digest().to_string(),
            findings: self.findings,
        }
    }

    fn row(&self, i: &Instrument, day: Day) -> InstrumentRow {
        let blocks = i
            .preamble
            .iter()
            .chain(i.articles.iter().flat_map(|a| &a.blocks));
        let rules = blocks.filter(|b| matches!(b, Block::Rule { .. })).count();
        let examples = self.examples_of(&i.file);
        let passed = examples.iter().filter(|e| e.passed).count();
        InstrumentRow {
            number: i.number.clone(),
            title: i.title.clone(),
            place: self.place(&i.place),
            from: i.from,
            to: i.to,
            in_force: i.in_force(day),
            status: i.status.name().into(),
            articles: count(i.articles.len()),
            rules: count(rules),
            examples: (count(passed), count(examples.len() - passed)),
        }
    }

    /// One instrument.
    pub fn instrument(&self, number: &str, day: Day) -> Result<InstrumentPage, Trouble> {
        let i = self
            .law
            .instrument(number)
            .ok_or(Trouble::NotFound("instrument"))?;
        let after = self
            .law
            .instruments()
            .iter()
            .filter(|o| o.supersedes.iter().any(|s| s == number));
        Ok(InstrumentPage {
            row: self.row(i, day),
            supersedes: i.supersedes.clone(),
            superseded_by: after.map(|o| o.number.clone()).collect(),
            source: i.source.clone(),
            file: i.file.clone(),
            preamble: self.blocks(&i.preamble, i, "", day),
            articles: i
                .articles
                .iter()
                .map(|a| ArticleView {
                    number: a.number.clone(),
                    title: a.title.clone(),
                    level: a.level,
                    blocks: self.blocks(&a.blocks, i, &a.number, day),
                })
                .collect(),
            examples: self.examples_of(&i.file).to_vec(),
        })
    }

    fn blocks(&self, blocks: &[Block], i: &Instrument, article: &str, day: Day) -> Vec<BlockView> {
        blocks
            .iter()
            .map(|block| self.block(block, i, article, day))
            .collect()
    }

    fn block(&self, block: &Block, i: &Instrument, article: &str, day: Day) -> BlockView {
        match block {
            Block::Paragraph { text } => BlockView::Paragraph { text: joined(text) },
            Block::Quote { text } => BlockView::English { text: joined(text) },
            Block::Rule { rule } => match self.law.rules().get(*rule) {
                Some(rule) => BlockView::Rule(rule_view(rule)),
                None => BlockView::Paragraph {
                    text: String::new(),
                },
            },
            Block::Parameter {
                name,
                unit,
                en,
                rows,
            } => {
                let declared = self.law.parameters().find(|p| &*p.name == name);
                let pick = |own: &String, of: Option<&String>| {
                    if own.is_empty() {
                        of.cloned().unwrap_or_default()
                    } else {
                        own.clone()
                    }
                };
                BlockView::Parameter(ParameterView {
                    name: name.clone(),
                    en: pick(en, declared.map(|p| &p.en)),
                    unit: pick(unit, declared.map(|p| &p.unit)),
                    instrument: i.number.clone(),
                    article: article.into(),
                    rows: rows
                        .iter()
                        .map(|row| self.parameter_row(row, day))
                        .collect(),
                })
            }
            Block::Evidence { subject, names } => BlockView::Evidence {
                subject: subject_name(*subject).into(),
                kinds: names
                    .iter()
                    .filter_map(|name| self.law.kind(*subject, name))
                    .map(kind_view)
                    .collect(),
            },
            Block::Programme { id, .. } => {
                let found = self
                    .law
                    .programmes()
                    .find(|(p, of)| p.id == *id && of.number == i.number);
                match found {
                    Some((programme, instrument)) => {
                        BlockView::Programme(programme_row(programme, instrument))
                    }
                    None => BlockView::Paragraph { text: id.clone() },
                }
            }
            Block::Table { header, rows } => BlockView::Table {
                header: header.clone(),
                rows: rows.clone(),
            },
            Block::Code { info, text } => BlockView::Code {
                info: info.clone(),
                text: text.clone(),
            },
        }
    }

    fn parameter_row(&self, row: &ParameterRow, day: Day) -> ParameterRowView {
        let current = row.from.is_none_or(|from| from <= day) && row.to.is_none_or(|to| day <= to);
        ParameterRowView {
            value: row.value.clone(),
            place: self.place(&row.place),
            from: row.from,
            to: row.to,
            known_from: row.known_from,
            source: row.source.clone(),
            status: row.status.name().into(),
            current,
        }
    }

    /// Programmes in the version of the day; those of the past in their last one.
    pub fn programmes(&self, day: Day) -> Vec<ProgrammeRow> {
        let mut found: Vec<(&Programme, &Instrument)> = Vec::new();
        for (programme, instrument) in self.law.programmes() {
            let key = |i: &Instrument| (i.in_force(day), i.from);
            match found.iter_mut().find(|(held, _)| held.id == programme.id) {
                Some(held) if key(held.1) < key(instrument) => *held = (programme, instrument),
                Some(_) => {}
                None => found.push((programme, instrument)),
            }
        }
        found.sort_by(|a, b| a.0.id.cmp(&b.0.id));
        found
            .into_iter()
            .map(|(programme, instrument)| programme_row(programme, instrument))
            .collect()
    }

    /// Parameters with their rows; with a place only the rows that can hold there.
    pub fn parameters(&self, place: Option<String>, day: Day) -> Vec<ParameterView> {
        let chain = place.as_ref().map(|code| self.law.places().chain(code));
        self.law
            .parameters()
            .filter_map(|p: &Parameter| {
                let rows: Vec<ParameterRowView> = p
                    .rows
                    .iter()
                    .filter(|row| {
                        chain
                            .as_ref()
                            .is_none_or(|chain| chain.contains(&row.place))
                    })
                    .map(|row| self.parameter_row(row, day))
                    .collect();
                (!rows.is_empty()).then(|| ParameterView {
                    name: p.name.to_string(),
                    en: p.en.clone(),
                    unit: p.unit.clone(),
                    instrument: p.citation.instrument.clone(),
                    article: p.citation.article.clone(),
                    rows,
                })
            })
            .collect()
    }

    /// The fields that a decision asks for at a place on a day.
    pub fn try_form(&self, place: &str, day: Day, decision: &str) -> TryPage {
        let edition = self.law.edition(place, day, None).ok();
        // Household programmes that pay stand first: they are what most people ask about.
        let mut programmes: Vec<&Programme> = edition.iter().flat_map(|e| e.programmes()).collect();
        programmes.sort_by_key(|p| (p.subject == Subject::Person, p.payment.is_none()));
        let decisions = programmes.into_iter().map(named).collect();
        let kinds = edition
            .as_ref()
            .map(|e| e.needs(decision))
            .unwrap_or_default();
        let programme = edition.as_ref().and_then(|e| e.programme(decision));
        let person = programme.is_some_and(|p| p.subject == Subject::Person);
        let event_kind = programme.and_then(|p| p.event.clone());
        let field = |kind: &EvidenceKind, input: Input| TryField {
            kind: Named {
                id: kind.name.to_string(),
                name: Bilingual {
                    zh: kind.name.to_string(),
                    en: kind.en.clone(),
                },
            },
            input,
            unit: unit_of(kind),
            absent: absent(kind),
        };
        let is_event = |kind: &EvidenceKind| event_kind.as_deref() == Some(&*kind.name);
        let event = event_kind
            .as_deref()
            .and_then(|name| {
                let subjects = [Subject::Person, Subject::Household].into_iter();
                subjects
                    .into_iter()
                    .find_map(|subject| self.law.kind(subject, name))
            })
            .map(|kind| field(kind, input_of(&kind.ty)));
        let fields = |subject: Subject| -> Vec<TryField> {
            kinds
                .iter()
                .filter(|kind| kind.subject == subject && !is_event(kind))
                .map(|kind| {
                    field(
                        kind,
                        if kind.many {
                            Input::Json
                        } else {
                            input_of(&kind.ty)
                        },
                    )
                })
                .collect()
        };
        TryPage {
            places: self
                .law
                .places()
                .all()
                .iter()
                .map(|p| self.place(&p.code))
                .collect(),
            decisions,
            person,
            event,
            household: fields(Subject::Household),
            member: fields(Subject::Person),
        }
    }

    /// What the law says of a situation.
    pub fn try_law(&self, query: &TryQuery) -> Result<TryResult, Trouble> {
        let (found, explanation) = explain_json(
            &self.law,
            &query.place,
            query.day,
            &query.decision,
            &query.given,
            Some(&Limits::default()),
        )
        .map_err(|error| Trouble::input(error.to_string(), error.to_string()))?;
        let edition = self.law.edition(&query.place, query.day, None).ok();
        let programme = edition.as_ref().and_then(|e| e.programme(&query.decision));
        let amount = programme.map(|p| p.amount.as_str());
        let (mut list, mut roots) = nodes(&found.trace, amount, &found.reasons);
        open_up(&mut list, &mut roots, &explanation);
        let changes = explanation.what_if.as_ref();
        Ok(TryResult {
            brief: explanation.brief.clone(),
            what_if: changes.map_or_else(Default::default, |c| what_if(self, c, &[])),
            outcome: OutcomeView::of(&found.outcome, &found.result),
            reasons: reasons(&found.reasons),
            missing: missing(self, &found.outcome, &[]),
            lines: figures(&found.lines),
            parameters: parameters_used(&found.trace),
            nodes: list,
            roots,
            explanation: Some(Box::new(explanation)),
        })
    }

    /// Examples of the instrument in a file. The first call runs all of them.
    fn examples_of(&self, file: &str) -> &[ExampleView] {
        let all = self.examples.get_or_init(|| {
            let mut by_file: HashMap<String, Vec<ExampleView>> = HashMap::new();
            for result in examples::run_all(&self.law) {
                let view = self.example(&result);
                by_file.entry(result.file.clone()).or_default().push(view);
            }
            by_file
        });
        let beside = format!("{}.examples.yaml", file.trim_end_matches(".md"));
        all.get(&beside).map_or(&[], Vec::as_slice)
    }

    fn example(&self, result: &ExampleResult) -> ExampleView {
        let text = self
            .law
            .files()
            .iter()
            .find(|f| f.path == result.file)
            .map_or("", |f| f.text.as_str());
        let mut lines = text.lines().skip(result.line.saturating_sub(1));
        let mut own: Vec<&str> = lines.next().into_iter().collect();
        own.extend(lines.take_while(|line| !line.starts_with("- ") && !line.starts_with('#')));
        let differences: Vec<String> = result
            .differences
            .iter()
            .map(|d| format!("{}: {} ≠ {}", d.what, plain(&d.expected), plain(&d.found)))
            .collect();
        ExampleView {
            name: result.name.clone(),
            decision: result.decision.clone(),
            text: own.join("\n").trim_end().to_string(),
            place: format!("{}:{}", result.file, result.line),
            passed: result.passed(),
            failure: result
                .error
                .clone()
                .unwrap_or_else(|| differences.join("; ")),
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A text that says both, `甲 · A`; one that says one thing says it in both languages.
pub fn halves(text: &str) -> Bilingual {
    let (zh, en) = text.split_once(" · ").unwrap_or((text, text));
    Bilingual {
        zh: zh.into(),
        en: en.into(),
    }
}

/// The same text in both languages, for names that have only one.
pub fn same(text: &str) -> Bilingual {
    Bilingual {
        zh: text.into(),
        en: text.into(),
    }
}

/// A programme's id and name.
pub fn named(programme: &Programme) -> Named {
    Named {
        id: programme.id.clone(),
        name: Bilingual {
            zh: programme.name.clone(),
            en: programme.en.clone(),
        },
    }
}

/// Named figures of an evaluation.
pub fn figures(lines: &[(String, serde_json::Value)]) -> Vec<FigureView> {
    lines
        .iter()
        .map(|(name, value)| FigureView {
            name: name.clone(),
            value: plain(value),
            unit: String::new(),
        })
        .collect()
}

/// `household` or `person`.
pub fn subject_name(subject: Subject) -> &'static str {
    match subject {
        Subject::Household => "household",
        Subject::Person => "person",
    }
}

/// Lines of a file are not lines of a page; between Chinese characters no space is left.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let wide = |c: Option<char>| c.is_some_and(|c| !c.is_ascii());
        let close = wide(out.chars().last()) || wide(line.chars().next());
        if !out.is_empty() && !close {
            out.push(' ');
        }
        out.push_str(line.trim());
    }
    out
}

fn rule_view(rule: &RuleText) -> RuleView {
    let mut view = RuleView {
        name: rule.name.clone(),
        unit: rule.unit.clone(),
        subject: subject_name(rule.subject).into(),
        sentence: rule.sentences.clone(),
        feel: String::new(),
        arguments: String::new(),
        hit: String::new(),
        header: Vec::new(),
        rows: Vec::new(),
        place: format!("{}:{}", rule.file, rule.line),
    };
    match &rule.body {
        RuleBody::Expression(text) => view.feel = text.trim().to_string(),
        RuleBody::Function(arguments, text) => {
            view.arguments = arguments.clone();
            view.feel = text.trim().to_string();
        }
        RuleBody::Table {
            hit, header, rows, ..
        } => {
            view.hit = hit.clone();
            view.header = header.clone();
            view.rows = rows.clone();
        }
    }
    view
}

fn kind_view(kind: &EvidenceKind) -> KindView {
    KindView {
        name: Named {
            id: kind.name.to_string(),
            name: Bilingual {
                zh: kind.name.to_string(),
                en: kind.en.clone(),
            },
        },
        unit: kind.unit.clone(),
        absent: absent(kind),
        register: kind.register.map(register_name).unwrap_or_default().into(),
        many: kind.many,
        note: kind.note.clone(),
    }
}

fn absent(kind: &EvidenceKind) -> String {
    match &kind.absent {
        Absent::Missing => "missing".into(),
        Absent::Value(value) => plain(&value.to_json_as(&kind.rule_type())),
    }
}

fn register_name(register: Register) -> &'static str {
    match register {
        Register::Sex => "sex",
        Register::Birth => "birth",
        Register::Death => "death",
        Register::Relation => "relation",
        Register::Opened => "opened",
    }
}

/// The unit to show behind a field: only for numbers, whose type is nothing else.
pub fn unit_of(kind: &EvidenceKind) -> String {
    match input_of(&kind.ty) {
        Input::Number => match kind.unit.trim_end_matches('?') {
            "数" | "number" | "比率" | "ratio" => String::new(),
            unit => unit.to_string(),
        },
        _ => String::new(),
    }
}

/// How a value of a type is asked for.
pub fn input_of(ty: &Type) -> Input {
    match ty {
        Type::Boolean => Input::Boolean,
        Type::Number(_) => Input::Number,
        Type::Text => Input::Text,
        Type::Enum(values) => Input::Choice(values.iter().map(|v| v.to_string()).collect()),
        Type::Date => Input::Date,
        Type::YearMonth => Input::Month,
        Type::Nullable(inner) => input_of(inner),
        Type::Context(context) => Input::Fields(
            context
                .fields
                .iter()
                .map(|(name, ty)| (name.to_string(), input_of(ty)))
                .collect(),
        ),
        _ => Input::Json,
    }
}

fn programme_row(programme: &Programme, instrument: &Instrument) -> ProgrammeRow {
    let term = |term: &Option<Term>| term.map(String::from).unwrap_or_default();
    ProgrammeRow {
        programme: named(programme),
        subject: subject_name(programme.subject).into(),
        rhythm: match programme.rhythm {
            Rhythm::Month => "month",
            Rhythm::Event => "event",
            Rhythm::Once => "once",
            Rhythm::Term => "term",
        }
        .into(),
        conditions: programme.conditions.clone(),
        amount: programme.amount.clone(),
        application: match programme.application {
            ApplicationRule::Required => "required",
            ApplicationRule::Automatic => "automatic",
        }
        .into(),
        steps: programme.procedure.steps.iter().map(step_view).collect(),
        total: term(&programme.procedure.total),
        objection: term(&programme.procedure.objection),
        instrument: instrument.number.clone(),
        article: programme
            .citation
            .as_ref()
            .map(|c| c.article.clone())
            .unwrap_or_default(),
    }
}

/// A step for reading.
pub fn step_view(step: &Step) -> StepView {
    let term = |term: &Option<Term>| term.map(String::from).unwrap_or_default();
    StepView {
        id: step.id.clone(),
        name: Bilingual {
            zh: step.zh.clone(),
            en: step.en.clone(),
        },
        role: crate::web::session::role_name(step.role).into(),
        within: term(&step.within),
        runs: term(&step.runs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_join_without_gaps_between_wide_characters() {
        assert_eq!(joined("甲乙。\n丙丁"), "甲乙。丙丁");
        assert_eq!(joined("two\nlines"), "two lines");
    }
}
