//! Why a determination came out as it did.

use super::household::PersonRef;
use super::{Named, OutcomeView};
use base::{Id, Instant};
use policy::law::explanation::Explanation;
use policy::programme::Bilingual;
use serde::Serialize;
use utoipa::ToSchema;

/// What is asked.
#[derive(Clone, Debug)]
pub struct WhyQuery {
    /// Household.
    pub household: Id,
    /// For programmes about persons: whose.
    pub person: Option<Id>,
    /// Programme id.
    pub programme: String,
    /// `2026-03`, `event:<id>` or `once`.
    pub period: String,
    /// The latest when absent.
    pub version: Option<u32>,
}

/// The explanation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Why {
    /// Household.
    #[schema(value_type = String)]
    pub household: Id,
    /// Head's name.
    pub head: String,
    /// For programmes about persons: whose.
    pub person: Option<PersonRef>,
    /// Programme.
    pub programme: Named,
    /// Period.
    pub period: String,
    /// This version.
    pub version: u32,
    /// How many versions there are.
    pub versions: u32,
    /// Outcome.
    pub outcome: OutcomeView,
    /// Evidence recorded up to here was seen.
    #[schema(value_type = String)]
    pub known_at: Instant,
    /// When it was made.
    #[schema(value_type = String)]
    pub made_at: Instant,
    /// Digest of the law.
    pub law: String,
    /// Grounds, in the programme's order.
    pub reasons: Vec<ReasonView>,
    /// What is missing, when undetermined.
    pub missing: Vec<MissingView>,
    /// Parts of the amount.
    pub lines: Vec<FigureView>,
    /// Members' names by their index in the trace.
    pub members: Vec<String>,
    /// Every value on the way, in order of computation.
    pub nodes: Vec<NodeView>,
    /// Nodes that nothing else was made from: where the tree begins.
    pub roots: Vec<usize>,
    /// Parameters used.
    pub parameters: Vec<ParameterUse>,
    /// The short form: three or four sentences.
    #[schema(value_type = super::TextSchema)]
    pub brief: Bilingual,
    /// What would have to change.
    pub what_if: WhatIfView,
    /// The explanation in the form that others can check; an address of its own gives it.
    #[serde(skip)]
    pub explanation: Option<Box<Explanation>>,
}

/// What would have to change for another outcome.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct WhatIfView {
    /// Changes of one fact: those that a person can bring about first, the nearest first.
    pub changes: Vec<ChangeView>,
    /// What missing facts would decide.
    #[schema(value_type = Vec<super::TextSchema>)]
    pub missing: Vec<Bilingual>,
    /// Facts that were tried.
    pub tried: usize,
    /// Facts that were not searched.
    pub left_out: Vec<String>,
}

/// A change of one fact that alters the outcome.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// Kind of evidence.
    pub fact: Named,
    /// Of whom; absent: the household.
    pub member: Option<String>,
    /// Piece and field, for kinds that have them.
    pub part: String,
    /// `outcome` or `amount`.
    pub alters: String,
    /// What it is.
    pub from: String,
    /// Where the outcome changes.
    pub to: String,
    /// Unit.
    pub unit: String,
    /// The whole piece goes.
    pub removed: bool,
    /// The outcome then.
    pub outcome: OutcomeView,
}

/// One sentence of the grounds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReasonView {
    /// The sentence, with figures.
    #[schema(value_type = super::TextSchema)]
    pub text: Bilingual,
    /// Rule that speaks.
    pub rule: String,
    /// Instrument.
    pub instrument: String,
    /// Article.
    pub article: String,
}

/// Something missing.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MissingView {
    /// Kind or parameter.
    pub name: Named,
    /// For whom; absent: the household or a parameter.
    pub member: Option<String>,
}

/// A named figure.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FigureView {
    /// Rule.
    pub name: String,
    /// As text.
    pub value: String,
    /// Unit.
    pub unit: String,
}

/// One value on the way.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NodeView {
    /// Name.
    pub name: String,
    /// `rule`, `parameter`, `evidence`, `previous`.
    pub kind: String,
    /// Member's index.
    pub member: Option<usize>,
    /// As text.
    pub value: String,
    /// Unit.
    pub unit: String,
    /// Rule's sentence.
    #[schema(value_type = Option<super::TextSchema>)]
    pub text: Option<Bilingual>,
    /// Instrument, when cited.
    pub instrument: String,
    /// Article, when cited.
    pub article: String,
    /// A parameter's row, or the row of a table that fired.
    pub note: String,
    /// A rule's FEEL, where it is no table.
    pub formula: String,
    /// What it was made from.
    pub from: Vec<usize>,
}

/// A parameter that was used.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParameterUse {
    /// Name.
    pub name: String,
    /// As text.
    pub value: String,
    /// Unit.
    pub unit: String,
    /// Row: place, first day, source.
    pub note: String,
    /// `confirmed` or `unverified`.
    pub status: String,
    /// Instrument.
    pub instrument: String,
    /// Article.
    pub article: String,
}
