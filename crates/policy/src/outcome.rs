//! What comes out of the rules: an outcome that is closed and ordered, its reasons, its trace.

use crate::programme::Bilingual;
use base::{Citation, Fen};
use serde::{Deserialize, Serialize};

/// The result of a programme's rules for one subject and period. A refusal is a value with a
/// citation, not an error. Order of precedence: `NotApplicable`, `Refused`, `Undetermined`, `Entitled`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The programme is not in question for this subject (its `applies` rule is false).
    NotApplicable,
    /// A condition is false; the first one in the programme's order gives the reason.
    Refused {
        /// The condition's rule name.
        condition: String,
    },
    /// Evidence or a parameter is missing on which the outcome depends.
    Undetermined {
        /// What is missing, without repeats, in the order first met.
        missing: Vec<Missing>,
    },
    /// All conditions hold.
    Entitled {
        /// Money owed for the period; `None` for programmes whose result is not money.
        amount: Option<Fen>,
    },
}

impl Outcome {
    /// `entitled`, `refused`, `undetermined` or `not-applicable`, as files and commands write it.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::NotApplicable => "not-applicable",
            Outcome::Refused { .. } => "refused",
            Outcome::Undetermined { .. } => "undetermined",
            Outcome::Entitled { .. } => "entitled",
        }
    }

    /// The money owed; zero unless entitled to money.
    pub fn amount(&self) -> Fen {
        match self {
            Outcome::Entitled {
                amount: Some(amount),
            } => *amount,
            _ => Fen::ZERO,
        }
    }
}

/// One thing that was needed and not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Missing {
    /// Evidence kind or parameter.
    pub name: String,
    /// Index of the member it is missing for; `None` for the household or a parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
}

/// One sentence of a decision's grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The article it rests on.
    pub article: String,
    /// The instrument of the article.
    pub instrument: String,
    /// The rule that speaks.
    pub rule: String,
    /// The sentence, with figures.
    pub text: Bilingual,
}

/// One value on the way from evidence to outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceNode {
    /// Rule, evidence kind or parameter.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Index of the member; `None` for the household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// The value, as JSON writes it.
    pub value: serde_json::Value,
    /// The value itself. Not written with the trace; an [explanation](crate::law::explanation) carries it
    /// as FEEL writes it.
    #[serde(skip)]
    pub exact: crate::feel::value::Value,
    /// Unit, empty when there is none.
    pub unit: String,
    /// Where it comes from: a rule's article; a parameter's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citation: Option<Citation>,
    /// A parameter row's place, first day, source and status, or a table row that fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Rows of the decision table that fired, from 1; empty for anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fired: Vec<usize>,
    /// The rule's sentence with its figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Bilingual>,
    /// Indices, in the trace, of the nodes it was made from.
    pub from: Vec<usize>,
}

/// What a trace node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// A rule or table of the law.
    Rule,
    /// A dated parameter.
    Parameter,
    /// A piece of evidence.
    Evidence,
    /// A value carried from the period before.
    Previous,
}

/// Everything that one evaluation yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// For a programme its outcome; for a plain rule `Entitled` without amount, or `Undetermined`.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The amount or the rule's value, as JSON.
    pub result: serde_json::Value,
    /// Grounds, in the programme's order.
    pub reasons: Vec<Reason>,
    /// The parts of the amount: rule name and value.
    pub lines: Vec<(String, serde_json::Value)>,
    /// Values for the next period.
    pub carry: serde_json::Map<String, serde_json::Value>,
    /// Every value computed, in order of computation; empty when no trace was asked for.
    pub trace: Vec<TraceNode>,
}
