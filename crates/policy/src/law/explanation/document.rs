//! The form `minsheng-explanation/1`. Its JSON Schema is `docs/explanation.schema.json`; whatever
//! changes the meaning of a field here gets a new number.

use crate::outcome::{Missing, NodeKind, Reason};
use crate::programme::{Bilingual, Subject};
use base::{Citation, Day};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What [`Explanation::format`] says.
pub const FORMAT: &str = "minsheng-explanation/1";

/// One outcome with everything that it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// [`FORMAT`].
    pub format: String,
    /// What was asked of the law.
    pub decision: Asked,
    /// Place code whose law was asked.
    pub place: String,
    /// Reference day 基准日.
    pub day: Day,
    /// Figures decided after this day were not seen; absent: all were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Day>,
    /// Members of the household.
    pub members: usize,
    /// Index of the member that it is about; absent: the household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_member: Option<usize>,
    /// Whose determination it is; filled in by whoever holds the register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// How it came out.
    pub outcome: Ending,
    /// Three or four sentences, as a letter says them.
    pub brief: Bilingual,
    /// Grounds, in the programme's order.
    pub reasons: Vec<Reason>,
    /// Every value on the way; what a node was made from stands before it.
    pub nodes: Vec<Node>,
    /// Functions of the law that the formulas call.
    pub functions: Vec<FunctionText>,
    /// The evidence among the nodes, with what the register knows of it.
    pub evidence: Vec<EvidenceUse>,
    /// Which law it was.
    pub law: LawVersion,
    /// What would have to change, when that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
}

/// A programme, or a single rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// `programme` or `rule`.
    pub kind: AskedKind,
    /// The programme's id, or the rule's name.
    pub id: String,
    /// Name in the law's language.
    pub name: String,
    /// English name; empty for a rule.
    pub en: String,
    /// Whom it is about.
    pub subject: Subject,
    /// The rule that says whether the programme is in question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applies: Option<String>,
    /// Conditions in order; the first false one refuses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// The rule that gives the amount, or the rule itself.
    pub amount: String,
}

/// What [`Asked`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskedKind {
    /// A programme.
    Programme,
    /// A rule.
    Rule,
}

/// Whose determination an explanation is about, as the register has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Household id.
    pub household: String,
    /// Person id, for programmes about persons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// `2026-03`, `event:<id>` or `once`.
    pub period: String,
    /// Version of the determination; absent: none was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Evidence recorded up to this moment was seen.
    pub known_at: String,
    /// Does the recorded version say the same? It may not where the law was corrected since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agrees: Option<bool>,
}

/// How it came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// `entitled`, `refused`, `undetermined`, `not-applicable`; for a rule `known` or `undetermined`.
    pub name: String,
    /// Yuan, as text with two decimals; absent where the result is not money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The result when it is not money, or a rule's value.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub result: Json,
    /// Refused: the condition that is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Undetermined: what is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Nodes that decide it: whether it is in question, the conditions, the amount, its parts.
    pub inputs: Vec<usize>,
    /// Nodes that nothing else was made from and that decide nothing: values for the next period.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<usize>,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its place in [`Explanation::nodes`], from 0.
    pub id: usize,
    /// Rule, parameter, evidence, or carried from the period before.
    pub kind: NodeKind,
    /// Name in the law's language.
    pub name: String,
    /// English name, where the law gives one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub en: String,
    /// Index of the member, from 0; absent for the household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// Type as the law writes it, such as `元/月`.
    #[serde(rename = "type")]
    pub ty: String,
    /// The value as JSON; a number may be rounded to what a double holds.
    pub value: Json,
    /// The value as FEEL, exact.
    pub literal: String,
    /// The rule's sentence with its figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Bilingual>,
    /// Where it stands in the law: a rule's article, a kind's declaration, a figure's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<Citation>,
    /// A rule's FEEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// A rule that is a decision table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableText>,
    /// A parameter's row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<ParameterUse>,
    /// What could not be computed, or that nothing is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Ids of the nodes that it was made from.
    pub inputs: Vec<usize>,
}

/// A decision table as the law writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableText {
    /// DMN hit policy.
    pub hit: String,
    /// Input columns: FEEL.
    pub inputs: Vec<String>,
    /// Output columns; empty text for a single one.
    pub outputs: Vec<String>,
    /// Rows: unary tests.
    pub tests: Vec<Vec<String>>,
    /// Rows: results as FEEL.
    pub results: Vec<Vec<String>>,
    /// Rows that fired, from 1.
    pub fired: Vec<usize>,
}

/// The row of a parameter that held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterUse {
    /// The figure as written in the row.
    pub written: String,
    /// Place code of the row.
    pub place: String,
    /// First day.
    pub from: Option<Day>,
    /// Last day; null: until a later row.
    pub to: Option<Day>,
    /// The day it was decided; null: always known.
    pub known_from: Option<Day>,
    /// Where the figure was read.
    pub source: String,
    /// `confirmed` or `unverified`.
    pub status: String,
    /// SHA-256 in hexadecimal over name, figure, place, from, to, known from, source and status in UTF-8,
    /// each followed by a line feed, empty where there is none.
    pub digest: String,
}

/// A function of the law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionText {
    /// Its name.
    pub name: String,
    /// Parameters as the law writes them, such as `x : 元`.
    pub parameters: String,
    /// Its FEEL.
    pub formula: String,
    /// Where it stands.
    pub article: Citation,
}

/// A piece of evidence, or its absence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceUse {
    /// The node that has its value.
    pub node: usize,
    /// Kind.
    pub kind: String,
    /// English name of the kind.
    pub en: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Index of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// What the register has it from; empty where no register was asked, where nothing is recorded
    /// and where the register itself keeps the field.
    pub records: Vec<RecordUse>,
}

/// One recorded piece of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordUse {
    /// Id in the register.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// First day on which it was so.
    pub from: Day,
    /// The day after the last; null: it holds.
    pub to: Option<Day>,
    /// When it was recorded.
    pub recorded_at: String,
}

/// Which law it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LawVersion {
    /// SHA-256 over all files of the law; kept with each determination.
    pub digest: String,
    /// The instruments that the nodes cite.
    pub instruments: Vec<InstrumentUse>,
}

/// An instrument that is cited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstrumentUse {
    /// Number, as citations write it.
    pub number: String,
    /// Title.
    pub title: Bilingual,
    /// Place code.
    pub place: String,
    /// First day in force.
    pub from: Day,
    /// Last day in force.
    pub to: Option<Day>,
    /// Path of its file in the law.
    pub file: String,
    /// SHA-256 of the file's text in hexadecimal.
    pub digest: String,
}

/// What would have to change: see [`super::what_if`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// Changes of one fact that alter the outcome: those that a person can bring about first, another
    /// outcome before another amount, the nearest first.
    pub changes: Vec<Change>,
    /// For an undetermined outcome: what is missing, and what it would decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Deciding>,
    /// Facts that were tried.
    pub tried: usize,
    /// Evaluations that it took.
    pub evaluations: usize,
    /// Facts that the rules read and that were not searched, with why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// One fact of a situation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Kind of evidence; `事件` for the event.
    pub kind: String,
    /// English name of the kind.
    pub en: String,
    /// Index of the member, from 0; absent for the household.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// For a list of pieces: which one, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<usize>,
    /// For a piece with fields: which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Type as the law writes it.
    #[serde(rename = "type")]
    pub ty: String,
    /// Nobody can change it, as the law says; sex, birth and death where it is silent.
    pub fixed: bool,
}

/// A change of one fact that alters the outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The fact.
    pub fact: Fact,
    /// `outcome`: it comes out otherwise; `amount`: another amount.
    pub alters: Alters,
    /// What it is.
    pub from: Json,
    /// The value at which the outcome changes; one step nearer it does not. Null: none.
    pub to: Json,
    /// The whole piece goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// The smallest step of the fact's type that was used; absent where there is no order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The outcome then: `entitled` and so on.
    pub outcome: String,
    /// Then, in yuan; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The result then, when it is not money.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub result: Json,
    /// How far it is: see `docs/explanation.md`.
    pub distance: f64,
    /// In words.
    pub text: Bilingual,
}

/// What a change alters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alters {
    /// The outcome.
    Outcome,
    /// Only the amount or the result.
    Amount,
}

/// A fact that is missing, and what it would decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deciding {
    /// The fact; a parameter is no fact of the situation and has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<Fact>,
    /// Evidence kind or parameter.
    pub name: String,
    /// Index of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// Does this fact alone decide, whatever its value, among those that were tried?
    pub alone: bool,
    /// Values and what follows; neighbouring values with the same outcome once.
    pub cases: Vec<Case>,
    /// In words.
    pub text: Bilingual,
}

/// A value, or a stretch of values, and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The value, or the first of the stretch that was tried.
    pub from: Json,
    /// The last of the stretch that was tried; absent for a single value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Json>,
    /// The outcome then.
    pub outcome: String,
    /// What would still be missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
}

/// A fact that was not searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Kind of evidence.
    pub name: String,
    /// Index of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<usize>,
    /// `fixed` (nobody can change it), `limit`, `text` or `carried`.
    pub why: String,
}
