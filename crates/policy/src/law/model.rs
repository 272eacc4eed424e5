//! What law files say, as the site and the engine read it: instruments, articles, blocks, rules.

use super::markdown::Cell;
use super::source::Span;
use super::yaml::Node;
use crate::programme::{Bilingual, Subject};
use base::{Citation, Day};
use serde::Serialize;
use std::collections::BTreeMap;

/// One law file: an act, a regulation, a notice.
#[derive(Clone, Debug, Serialize)]
pub struct Instrument {
    /// How its articles are cited; unique.
    pub number: String,
    /// Title.
    pub title: Bilingual,
    /// Code of the place that it is made for.
    pub place: String,
    /// First day in force.
    pub from: Day,
    /// Last day in force; `None`: still in force.
    pub to: Option<Day>,
    /// Numbers of the instruments that it replaces.
    pub supersedes: Vec<String>,
    /// Were the figures and articles checked against the text?
    pub status: Status,
    /// Where the text was read.
    pub source: String,
    /// Which of the reforms laid over the law it is, from 1; 0 for the law itself.
    pub reform: u32,
    /// Path of the file.
    pub file: String,
    /// What stands before the first article.
    pub preamble: Vec<Block>,
    /// Articles in order.
    pub articles: Vec<Article>,
}

impl Instrument {
    /// Is it in force on `day`?
    pub fn in_force(&self, day: Day) -> bool {
        self.from <= day && self.to.is_none_or(|to| day <= to)
    }
}

/// How sure a text or a figure is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Checked against its source.
    Confirmed,
    /// Not checked, or no source found.
    #[default]
    Unverified,
}

impl Status {
    pub(crate) fn parse(text: &str) -> Option<Status> {
        match text {
            "confirmed" => Some(Status::Confirmed),
            "unverified" | "" => Some(Status::Unverified),
            _ => None,
        }
    }

    /// As files write it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Confirmed => "confirmed",
            Status::Unverified => "unverified",
        }
    }
}

/// An article: a heading and what stands beneath it.
#[derive(Clone, Debug, Serialize)]
pub struct Article {
    /// Official number, the heading's first word.
    pub number: String,
    /// The rest of the heading.
    pub title: Bilingual,
    /// Level of the heading, 2 and deeper.
    pub level: usize,
    /// In the file's order.
    pub blocks: Vec<Block>,
}

/// One block of an article, so that a page can be made of it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "block", rename_all = "kebab-case")]
pub enum Block {
    /// Our restatement in the law's language.
    Paragraph {
        /// Markdown text.
        text: String,
    },
    /// The restatement in English.
    Quote {
        /// Markdown text.
        text: String,
    },
    /// A rule as FEEL or as a table.
    Rule {
        /// Index into [`super::Law::rules`].
        rule: usize,
    },
    /// Rows of a parameter.
    Parameter {
        /// Its name.
        name: String,
        /// Unit as written, empty when the rows are added elsewhere.
        unit: String,
        /// English name.
        en: String,
        /// Rows in the file's order.
        rows: Vec<super::ParameterRow>,
    },
    /// Declarations of evidence kinds.
    Evidence {
        /// Of whom.
        subject: Subject,
        /// Names in order.
        names: Vec<String>,
    },
    /// A programme.
    Programme {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// YAML text.
        source: String,
    },
    /// Any other table, a calendar among them.
    Table {
        /// Head.
        header: Vec<String>,
        /// Rows.
        rows: Vec<Vec<String>>,
    },
    /// Any other fenced block.
    Code {
        /// Info string.
        info: String,
        /// Body.
        text: String,
    },
}

/// A rule as the law file writes it.
#[derive(Clone, Debug, Serialize)]
pub struct RuleText {
    /// Its name.
    pub name: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Type as written, such as `元/月`.
    pub unit: String,
    /// Where it stands.
    pub citation: Citation,
    /// Path and line, for messages and links.
    pub file: String,
    /// Line of its head.
    pub line: usize,
    /// Sentences with placeholders in braces.
    pub sentences: Bilingual,
    /// Sentences for when the rule is false; empty where the others serve.
    pub sentences_no: Bilingual,
    /// FEEL or table.
    pub body: RuleBody,
}

/// What a rule consists of.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleBody {
    /// FEEL, without the sentence comments.
    Expression(String),
    /// A function: its parameters as written, and its FEEL.
    Function(String, String),
    /// A decision table.
    Table {
        /// Hit policy.
        hit: String,
        /// Head.
        header: Vec<String>,
        /// Rows.
        rows: Vec<Vec<String>>,
        /// What a reform did to rows (counted from 0) whose figures it scaled, in words.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        scaled: BTreeMap<usize, Bilingual>,
    },
}

/// A rule as read, with its places: what the checker compiles.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub name: String,
    pub name_span: Span,
    pub subject: Subject,
    pub type_text: Cell,
    pub instrument: usize,
    pub citation: Citation,
    pub sentences: Sentences,
    pub body: Body,
}

/// Sentence templates with their places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sentences {
    pub zh: Option<Cell>,
    pub en: Option<Cell>,
    /// Said instead when the rule is false.
    pub zh_no: Option<Cell>,
    pub en_no: Option<Cell>,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// The whole body of the fence; FEEL comments in it are the lexer's to skip.
    Expression(Cell),
    /// Parameters (name, type) and body.
    Function(Vec<(Cell, Cell)>, Cell),
    Table(TableBody),
}

/// A decision table with its places.
#[derive(Clone, Debug)]
pub(crate) struct TableBody {
    pub span: Span,
    pub hit: String,
    pub hit_span: Span,
    pub inputs: Vec<Cell>,
    /// Output names; one without a name when there is a single output.
    pub outputs: Vec<Cell>,
    pub rows: Vec<TableRow>,
}

#[derive(Clone, Debug)]
pub(crate) struct TableRow {
    pub span: Span,
    pub inputs: Vec<Cell>,
    pub outputs: Vec<Cell>,
    pub reason: Option<Bilingual>,
    pub article: Option<String>,
}

/// A programme as read.
#[derive(Clone, Debug)]
pub(crate) struct ProgrammeText {
    pub name: String,
    pub span: Span,
    pub instrument: usize,
    pub citation: Citation,
    pub node: Node,
}

/// A declared evidence kind as read.
#[derive(Clone, Debug)]
pub(crate) struct KindText {
    pub subject: Subject,
    pub name: Cell,
    pub ty: Cell,
    pub absent: Cell,
    pub register: Cell,
    pub many: bool,
    pub en: String,
    pub note: String,
    pub keep: Cell,
    pub change: Cell,
    pub citation: Citation,
}

/// A `@parameter` block as read.
#[derive(Clone, Debug)]
pub(crate) struct ParameterText {
    pub name: Cell,
    /// Present where the parameter is declared.
    pub ty: Option<Cell>,
    pub en: String,
    pub rows: Vec<ParameterRowText>,
    pub citation: Citation,
}

#[derive(Clone, Debug)]
pub(crate) struct ParameterRowText {
    pub span: Span,
    pub value: Cell,
    pub row: super::ParameterRow,
}
