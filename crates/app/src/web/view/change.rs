//! Reporting a change: the form that the law's kinds give, and what it would change.

use super::household::PersonRef;
use super::{Named, OutcomeView};
use base::{Day, Fen, Id};
use policy::programme::Bilingual;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A kind of change that can be reported, made from the law's evidence kinds and the register's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KindForm {
    /// Kind; the register's own are `register:death`, `register:birth`, `register:move-in`,
    /// `register:move-out` and `register:address`.
    pub kind: Named,
    /// `household` or `person`.
    pub subject: String,
    /// How its value is asked for.
    pub input: Input,
    /// Unit to show behind the field.
    pub unit: String,
    /// A remark of the law.
    pub note: String,
    /// The heading to group it under: the article that declares it, or the register.
    #[schema(value_type = super::TextSchema)]
    pub group: Bilingual,
}

/// How a value is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "input", content = "of", rename_all = "kebab-case")]
pub enum Input {
    /// An amount or a number.
    Number,
    /// Yes or no.
    Boolean,
    /// Free text.
    Text,
    /// A date.
    Date,
    /// A month.
    Month,
    /// One of these.
    Choice(Vec<String>),
    /// A list or a context: fields, each with its own input.
    #[schema(value_type = Vec<Object>)]
    Fields(Vec<(String, Input)>),
    /// Anything else: JSON.
    Json,
    /// No value: the valid period says it all.
    None,
}

/// What somebody reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({
    "id": "0199f7a0-0000-7000-8000-000000000003", "kind": "income", "value": "1200.50",
    "person": "0199f7a0-0000-7000-8000-000000000004", "valid_from": "2026-06-01", "source": "payslip"
}))]
pub struct ChangeForm {
    /// Minted by the client, so that sending twice records once.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// Person id; empty: the household.
    #[serde(default)]
    pub person: String,
    /// Value as typed; for kinds with fields a JSON object.
    #[serde(default)]
    pub value: String,
    /// First day it was so.
    pub valid_from: String,
    /// Last day it was so; empty: still.
    #[serde(default)]
    pub valid_to: String,
    /// The paper or statement behind it.
    pub source: String,
    /// A remark for colleagues.
    #[serde(default)]
    pub note: String,
    /// For a birth or a person moving in: name, number, sex, birth, relation.
    #[serde(default)]
    pub name: String,
    /// Identity number of a person moving in.
    #[serde(default)]
    pub number: String,
    /// `male` or `female`.
    #[serde(default)]
    pub sex: String,
    /// Date of birth.
    #[serde(default)]
    pub birth: String,
    /// To the head.
    #[serde(default)]
    pub relation: String,
    /// For a change of address: code of the community moved to.
    #[serde(default)]
    pub area: String,
    /// Street and door there.
    #[serde(default)]
    pub address: String,
}

/// Communities of one sub-district that a household can move to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlaceGroup {
    /// The area around them.
    pub around: Named,
    /// The communities.
    pub places: Vec<Named>,
}

/// The form's page.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangePage {
    /// Household.
    #[schema(value_type = String)]
    pub household: Id,
    /// Head's name.
    pub head: String,
    /// Members who can be chosen.
    pub members: Vec<PersonRef>,
    /// Kinds that can be reported.
    pub kinds: Vec<KindForm>,
    /// Where a household can move to: every community of the district, also outside the viewer's area.
    pub places: Vec<PlaceGroup>,
    /// Where it lives now.
    pub area: Named,
    /// Its address now.
    pub address: String,
}

/// What a change would do, before it is recorded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Preview {
    /// Household.
    #[schema(value_type = String)]
    pub household: Id,
    /// Head's name.
    pub head: String,
    /// What would be recorded, in one sentence.
    #[schema(value_type = super::TextSchema)]
    pub sentence: Bilingual,
    /// Months touched, oldest first.
    pub rows: Vec<PreviewRow>,
    /// Owed more in all, in fen.
    #[schema(value_type = i64)]
    pub arrears: Fen,
    /// Paid too much in all, in fen.
    #[schema(value_type = i64)]
    pub overpaid: Fen,
    /// What follows: a hearing, a recovery, a case.
    #[schema(value_type = Vec<super::TextSchema>)]
    pub follows: Vec<Bilingual>,
}

/// One period that would change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PreviewRow {
    /// Programme.
    pub programme: Named,
    /// Whose, for programmes about persons.
    pub person: Option<PersonRef>,
    /// Period.
    pub period: String,
    /// Now.
    pub before: OutcomeView,
    /// Then.
    pub after: OutcomeView,
    /// Owed more (positive) or less.
    #[schema(value_type = i64)]
    pub difference: Fen,
    /// Paid for it so far.
    #[schema(value_type = i64)]
    pub paid: Fen,
    /// Reason after.
    #[schema(value_type = super::TextSchema)]
    pub reason: Bilingual,
}

/// What recording did.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Recorded {
    /// The evidence.
    #[schema(value_type = String)]
    pub evidence: Id,
    /// Periods with a new version.
    pub periods: u64,
    /// A case that it opened.
    #[schema(value_type = Option<String>)]
    pub case: Option<Id>,
    /// Does the household live outside the caller's areas now?
    pub away: bool,
}

/// A programme's application form.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApplyPage {
    /// Household.
    #[schema(value_type = String)]
    pub household: Id,
    /// Head's name.
    pub head: String,
    /// Programme.
    pub programme: Named,
    /// Members, when the programme is about persons.
    pub members: Vec<PersonRef>,
    /// Who decides what, in order: step, role, term.
    pub steps: Vec<StepView>,
    /// Kinds that a determination would need and that are not known today, with whose.
    pub missing: Vec<(Named, String)>,
    /// First day of the application, today.
    #[schema(value_type = String)]
    pub today: Day,
}

/// A step of a procedure, for reading.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepView {
    /// Step id.
    pub id: String,
    /// Name.
    #[schema(value_type = super::TextSchema)]
    pub name: Bilingual,
    /// Role.
    pub role: String,
    /// `3 wd`, as the law writes it; empty: none.
    pub within: String,
    /// It stands this long; empty: no minimum.
    pub runs: String,
}
