//! The law as pages.

use super::why::{FigureView, MissingView, NodeView, ReasonView};
use super::{Named, OutcomeView};
use crate::web::view::change::{Input, StepView};
use base::Day;
use policy::law::explanation::Explanation;
use policy::programme::Bilingual;
use serde::Serialize;
use utoipa::ToSchema;

/// An instrument in the list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InstrumentRow {
    /// Official number; unique.
    pub number: String,
    /// Title.
    #[schema(value_type = super::TextSchema)]
    pub title: Bilingual,
    /// Place that it is made for.
    pub place: Named,
    /// First day in force.
    #[schema(value_type = String)]
    pub from: Day,
    /// Last day in force.
    #[schema(value_type = Option<String>)]
    pub to: Option<Day>,
    /// In force on the day asked for.
    pub in_force: bool,
    /// `confirmed` or `unverified`.
    pub status: String,
    /// Articles.
    pub articles: u32,
    /// Rules.
    pub rules: u32,
    /// Worked examples: passing, failing.
    pub examples: (u32, u32),
}

/// The list of instruments.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LawIndex {
    /// Place asked for; absent: all.
    pub place: Option<Named>,
    /// Places that can be chosen.
    pub places: Vec<Named>,
    /// Day asked for.
    #[schema(value_type = String)]
    pub day: Day,
    /// Instruments, newest first.
    pub rows: Vec<InstrumentRow>,
    /// Digest of the law.
    pub digest: String,
    /// Errors and warnings of the check.
    pub findings: (u32, u32),
}

/// One instrument as a readable page.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InstrumentPage {
    /// Its row.
    pub row: InstrumentRow,
    /// Numbers of those that it replaces.
    pub supersedes: Vec<String>,
    /// Numbers of those that replace it.
    pub superseded_by: Vec<String>,
    /// Where the text was read.
    pub source: String,
    /// Path of the file.
    pub file: String,
    /// Before the first article.
    pub preamble: Vec<BlockView>,
    /// Articles.
    pub articles: Vec<ArticleView>,
    /// Worked examples.
    pub examples: Vec<ExampleView>,
}

/// An article.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ArticleView {
    /// Official number.
    pub number: String,
    /// Title.
    #[schema(value_type = super::TextSchema)]
    pub title: Bilingual,
    /// Level of its heading.
    pub level: usize,
    /// In order.
    pub blocks: Vec<BlockView>,
}

/// A part of an article.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "block", rename_all = "kebab-case")]
pub enum BlockView {
    /// Restatement in the law's language.
    Paragraph {
        /// Text.
        text: String,
    },
    /// Restatement in English.
    English {
        /// Text.
        text: String,
    },
    /// A rule.
    Rule(RuleView),
    /// A parameter's rows.
    Parameter(ParameterView),
    /// Evidence kinds.
    Evidence {
        /// `household` or `person`.
        subject: String,
        /// Kinds.
        kinds: Vec<KindView>,
    },
    /// A programme.
    Programme(ProgrammeRow),
    /// Any other table.
    Table {
        /// Head.
        header: Vec<String>,
        /// Rows.
        rows: Vec<Vec<String>>,
    },
    /// Any other fenced text.
    Code {
        /// What it is.
        info: String,
        /// Text.
        text: String,
    },
}

/// A rule for reading.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RuleView {
    /// Name.
    pub name: String,
    /// Type.
    pub unit: String,
    /// `household` or `person`.
    pub subject: String,
    /// Sentence with placeholders.
    #[schema(value_type = super::TextSchema)]
    pub sentence: Bilingual,
    /// FEEL; empty for a table.
    pub feel: String,
    /// A function's parameters as written; empty: it is none.
    pub arguments: String,
    /// Hit policy of a table; empty: it is none.
    pub hit: String,
    /// Head of the table.
    pub header: Vec<String>,
    /// Rows of the table.
    pub rows: Vec<Vec<String>>,
    /// File and line.
    pub place: String,
}

/// A parameter with its rows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParameterView {
    /// Name.
    pub name: String,
    /// English name.
    pub en: String,
    /// Unit.
    pub unit: String,
    /// Instrument and article of its declaration.
    pub instrument: String,
    /// Article.
    pub article: String,
    /// Rows.
    pub rows: Vec<ParameterRowView>,
}

/// One dated figure.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParameterRowView {
    /// As written.
    pub value: String,
    /// Place.
    pub place: Named,
    /// First day; absent: from the beginning.
    #[schema(value_type = Option<String>)]
    pub from: Option<Day>,
    /// Last day.
    #[schema(value_type = Option<String>)]
    pub to: Option<Day>,
    /// Decided on.
    #[schema(value_type = Option<String>)]
    pub known_from: Option<Day>,
    /// Source.
    pub source: String,
    /// `confirmed` or `unverified`.
    pub status: String,
    /// Holds on the day asked for.
    pub current: bool,
}

/// An evidence kind.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KindView {
    /// Name.
    pub name: Named,
    /// Type.
    pub unit: String,
    /// What its absence means.
    pub absent: String,
    /// Register's field, when bound.
    pub register: String,
    /// Many pieces count side by side.
    pub many: bool,
    /// Remark.
    pub note: String,
}

/// A programme.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProgrammeRow {
    /// Id and name.
    pub programme: Named,
    /// `household` or `person`.
    pub subject: String,
    /// `month`, `event`, `once`, `term`.
    pub rhythm: String,
    /// Conditions in order.
    pub conditions: Vec<String>,
    /// Rule of the amount.
    pub amount: String,
    /// `required` or `automatic`.
    pub application: String,
    /// Steps.
    pub steps: Vec<StepView>,
    /// Term of the whole.
    pub total: String,
    /// Term to object.
    pub objection: String,
    /// Instrument.
    pub instrument: String,
    /// Article.
    pub article: String,
}

/// A worked example.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ExampleView {
    /// Name.
    pub name: String,
    /// Programme or rule.
    pub decision: String,
    /// The example as the file writes it: situation and expectation.
    pub text: String,
    /// File and line.
    pub place: String,
    /// Did it hold?
    pub passed: bool,
    /// What differed.
    pub failure: String,
}

/// The page for trying the law.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TryPage {
    /// Places.
    pub places: Vec<Named>,
    /// Programmes and their ids.
    pub decisions: Vec<Named>,
    /// Is the decision about one person? Then the first member is that person.
    pub person: bool,
    /// The event, for a programme that determines events.
    pub event: Option<TryField>,
    /// Fields about the household that the decision reads.
    pub household: Vec<TryField>,
    /// Fields about each member.
    pub member: Vec<TryField>,
}

/// A field of the try form.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TryField {
    /// Kind.
    pub kind: Named,
    /// How it is asked for.
    pub input: Input,
    /// Unit.
    pub unit: String,
    /// What its absence means; `missing` when it must be known.
    pub absent: String,
}

/// What the law says of a situation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TryResult {
    /// Outcome.
    pub outcome: OutcomeView,
    /// Grounds.
    pub reasons: Vec<ReasonView>,
    /// What is missing.
    pub missing: Vec<MissingView>,
    /// Parts of the amount.
    pub lines: Vec<FigureView>,
    /// Every value on the way.
    pub nodes: Vec<NodeView>,
    /// Where the tree begins.
    pub roots: Vec<usize>,
    /// Parameters used.
    pub parameters: Vec<super::why::ParameterUse>,
    /// The short form: three or four sentences.
    #[schema(value_type = super::TextSchema)]
    pub brief: Bilingual,
    /// What would have to change.
    pub what_if: super::why::WhatIfView,
    /// The explanation in the form that others can check.
    #[serde(skip)]
    pub explanation: Option<Box<Explanation>>,
}
