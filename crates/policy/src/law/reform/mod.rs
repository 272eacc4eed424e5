//! Reforms: a small file laid over the law. It says which rules, rows and figures are otherwise from a
//! day on; everything else of the law stays as it is.
//!
//! A reform is read as an instrument of its own that goes before the law at its place. So what was
//! replaced is still there for days before the reform, and for places with law of their own.

mod rows;
pub(crate) mod scale;

use super::compile::Read;
use super::kinds::which;
use super::markdown::{Cell, RawTable};
use super::model::*;
use super::places::Places;
use super::reader::Raw;
use super::source::{Findings, Span, say};
use super::symbols::Symbols;
use crate::programme::Subject;
use base::Citation;

/// One thing that a reform does.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A rule in the place of another, or a new one.
    Rule { definition: usize, added: bool },
    /// A programme in the place of another, or a new one.
    Programme { programme: usize, added: bool },
    /// A rule that ceases.
    Remove { name: Cell, instrument: usize },
    /// Rows of a table changed, added, removed.
    Rows {
        name: Cell,
        instrument: usize,
        citation: Citation,
        table: RawTable,
    },
}

/// A removal as read: the rule of `subject` (or the function) of that name.
#[derive(Clone, Debug)]
pub(crate) struct RemovalText {
    pub name: String,
    pub subject: Subject,
    pub function: bool,
    pub instrument: usize,
}

/// A rule or function that an instrument takes away while it is in force.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removal {
    pub what: Read,
    pub instrument: usize,
}

/// Worked examples as reforms touch them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examples {
    /// Blocks of the reforms' own.
    pub own: Vec<Span>,
    /// Names of the law's that no longer count.
    pub removed: Vec<Cell>,
}

/// Which rule a name means: `成员.NAME`, or a household's or a function of that name, or a member's.
struct Wanted {
    name: String,
    subject: Option<Subject>,
    function: Option<bool>,
}

impl Wanted {
    fn read(text: &str) -> Wanted {
        for prefix in ["成员.", "member."] {
            if let Some(own) = text.strip_prefix(prefix) {
                return Wanted {
                    name: own.trim().into(),
                    subject: Some(Subject::Person),
                    function: Some(false),
                };
            }
        }
        Wanted {
            name: text.into(),
            subject: None,
            function: None,
        }
    }

    fn of(definition: &Definition) -> Wanted {
        Wanted {
            name: definition.name.clone(),
            subject: Some(definition.subject),
            function: Some(is_function(definition)),
        }
    }

    fn means(&self, definition: &Definition) -> bool {
        definition.name == self.name
            && self.subject.is_none_or(|s| s == definition.subject)
            && self.function.is_none_or(|f| f == is_function(definition))
    }
}

fn is_function(definition: &Definition) -> bool {
    matches!(definition.body, Body::Function(..))
}

/// Does what the reforms say to what was read. What does not apply becomes a finding.
pub(crate) fn apply(raw: &mut Raw, places: &Places, findings: &mut Findings<'_>) {
    for change in std::mem::take(&mut raw.changes) {
        match change {
            Change::Rule { definition, added } => rule(raw, places, definition, added, findings),
            Change::Programme { programme, added } => {
                self::programme(raw, places, programme, added, findings);
            }
            Change::Remove { name, instrument } => remove(raw, places, &name, instrument, findings),
            Change::Rows {
                name,
                instrument,
                citation,
                table,
            } => rows::change(raw, places, &name, instrument, citation, &table, findings),
        }
    }
}

/// The removals by number.
pub(crate) fn removals(texts: &[RemovalText], symbols: &Symbols) -> Vec<Removal> {
    let what = |text: &RemovalText| {
        if text.function {
            let at = symbols.functions.iter().position(|f| *f.name == *text.name);
            return at.map(Read::Function);
        }
        let at = symbols.rule(text.subject, &text.name)?;
        Some(Read::Rule(which(text.subject), at))
    };
    texts
        .iter()
        .filter_map(|text| {
            Some(Removal {
                what: what(text)?,
                instrument: text.instrument,
            })
        })
        .collect()
}

/// How strongly `other` speaks where and while the reform does; `None`: not at all. An instrument
/// that is in force on the reform's first day goes before one that comes later.
fn strength(
    raw: &Raw,
    places: &Places,
    reform: usize,
    other: usize,
) -> Option<(bool, usize, u32, base::Day)> {
    let (own, other) = (&raw.instruments[reform], &raw.instruments[other]);
    let chain = places.chain(&own.place);
    let depth = chain.iter().position(|code| *code == other.place)?;
    let meets =
        other.to.is_none_or(|to| own.from <= to) && own.to.is_none_or(|to| other.from <= to);
    meets.then_some((
        other.in_force(own.from),
        chain.len() - depth,
        other.reform,
        other.from,
    ))
}

/// The definition that the reform finds in force, among those before `limit`.
fn held(raw: &Raw, places: &Places, wanted: &Wanted, reform: usize, limit: usize) -> Option<usize> {
    raw.definitions[..limit]
        .iter()
        .enumerate()
        .filter(|(_, d)| d.instrument != reform && wanted.means(d))
        .filter_map(|(n, d)| Some((strength(raw, places, reform, d.instrument)?, n)))
        .max_by_key(|(strength, n)| (*strength, raw.definitions[*n].subject == Subject::Household))
        .map(|(_, n)| n)
}

fn rule(
    raw: &mut Raw,
    places: &Places,
    definition: usize,
    added: bool,
    findings: &mut Findings<'_>,
) {
    let new = &raw.definitions[definition];
    let (reform, span) = (new.instrument, new.name_span.clone());
    let wanted = Wanted::of(new);
    let Some(old) = held(raw, places, &wanted, reform, definition) else {
        if !added {
            absent(raw, &wanted, reform, definition, &span, findings);
        }
        return;
    };
    if added {
        exists(
            &wanted.name,
            &raw.definitions[old].name_span.clone(),
            &span,
            findings,
        );
        return;
    }
    // A reform that says nothing of the sentences leaves them as they are.
    let said = &raw.definitions[definition].sentences;
    if said.zh.is_none() && said.en.is_none() && said.zh_no.is_none() && said.en_no.is_none() {
        raw.definitions[definition].sentences = raw.definitions[old].sentences.clone();
        let (old, new) = (text_of(raw, old), text_of(raw, definition));
        if let (Some(old), Some(new)) = (old, new) {
            raw.rules[new].sentences = raw.rules[old].sentences.clone();
            raw.rules[new].sentences_no = raw.rules[old].sentences_no.clone();
        }
    }
}

/// The rule's text that belongs to a definition: both are pushed together.
fn text_of(raw: &Raw, definition: usize) -> Option<usize> {
    let of = &raw.definitions[definition];
    raw.rules
        .iter()
        .position(|r| r.name == of.name && r.subject == of.subject && r.citation == of.citation)
}

fn programme(
    raw: &Raw,
    places: &Places,
    programme: usize,
    added: bool,
    findings: &mut Findings<'_>,
) {
    let id = |n: usize| {
        let node = raw.programmes[n].node.get("id");
        node.map_or_else(String::new, super::yaml::Node::text)
    };
    let (own, new) = (id(programme), &raw.programmes[programme]);
    let there = (0..programme).find(|&n| {
        id(n) == own
            && strength(raw, places, new.instrument, raw.programmes[n].instrument).is_some()
    });
    match (there, added) {
        (Some(n), true) => exists(&own, &raw.programmes[n].span.clone(), &new.span, findings),
        (None, false) => {
            let ids: Vec<String> = (0..programme).map(id).collect();
            no_rule(
                &own,
                &new.span,
                ids.iter().map(String::as_str),
                None,
                findings,
            );
        }
        _ => {}
    }
}

fn remove(
    raw: &mut Raw,
    places: &Places,
    name: &Cell,
    instrument: usize,
    findings: &mut Findings<'_>,
) {
    let wanted = Wanted::read(&name.text);
    let limit = raw.definitions.len();
    let Some(old) = held(raw, places, &wanted, instrument, limit) else {
        absent(raw, &wanted, instrument, limit, &name.span, findings);
        return;
    };
    let old = &raw.definitions[old];
    raw.removals.push(RemovalText {
        name: old.name.clone(),
        subject: old.subject,
        function: is_function(old),
        instrument,
    });
}

/// There is no such rule where and while the reform holds.
fn absent(
    raw: &Raw,
    wanted: &Wanted,
    reform: usize,
    limit: usize,
    span: &Span,
    findings: &mut Findings<'_>,
) {
    let elsewhere = raw.definitions[..limit]
        .iter()
        .find(|d| d.instrument != reform && wanted.means(d));
    let elsewhere = elsewhere.map(|d| {
        let instrument = &raw.instruments[d.instrument];
        (findings.sources.place(&d.name_span), instrument.clone())
    });
    let names = raw.definitions[..limit].iter().map(|d| d.name.as_str());
    no_rule(&wanted.name, span, names, elsewhere, findings);
}

fn no_rule<'n>(
    name: &str,
    span: &Span,
    names: impl Iterator<Item = &'n str>,
    elsewhere: Option<(String, Instrument)>,
    findings: &mut Findings<'_>,
) {
    let hint = super::report::closest(name, names);
    let remedy = match (elsewhere, hint) {
        (Some((at, i)), _) => {
            let to = i.to.map_or_else(String::new, |d| d.to_string());
            say(
                format!(
                    "{at} 的 `{name}` 属于 {}，{}..{to}：改 place 或 from",
                    i.place, i.from
                ),
                format!(
                    "`{name}` at {at} is for {}, {}..{to}: mend `place` or `from`",
                    i.place, i.from
                ),
            )
        }
        (None, Some(hint)) => say(
            format!("是 `{hint}` 吗？新增的在前一行写 `@add`"),
            format!("did you mean `{hint}`? Put `@add` before what is new"),
        ),
        (None, None) => say(
            "核对名称；新增的在前一行写 `@add`",
            "check the name; put `@add` before what is new",
        ),
    };
    findings.error(
        "reform-no-rule",
        span,
        say(
            format!("这项改革的地方和期间没有 `{name}` 可改"),
            format!("there is no `{name}` to change where and while the reform holds"),
        ),
        remedy,
    );
}

fn exists(name: &str, old: &Span, span: &Span, findings: &mut Findings<'_>) {
    let place = findings.sources.place(old);
    findings.error(
        "reform-rule-exists",
        span,
        say(
            format!("`{name}` 已在 {place}，不是新增"),
            format!("`{name}` is there at {place} and not new"),
        ),
        say(
            "要替换它就删去 `@add`，否则换一个名称",
            "to replace it remove `@add`; otherwise take another name",
        ),
    );
}
