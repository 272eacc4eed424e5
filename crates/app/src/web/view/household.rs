//! A household: members, determinations, money, cases, time line.

use super::{Named, OutcomeView};
use base::{Day, Fen, Id, Instant, Month};
use policy::programme::Bilingual;
use serde::Serialize;
use utoipa::ToSchema;

/// The page of a household.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Household {
    /// Household.
    #[schema(value_type = String)]
    pub id: Id,
    /// Head's name.
    pub head: String,
    /// Where it lives, from the district down.
    pub way: Vec<Named>,
    /// Street and door.
    pub address: String,
    /// Since when it is on the register.
    #[schema(value_type = String)]
    pub opened: Day,
    /// Members on the day shown, and those who left.
    pub members: Vec<Member>,
    /// Programmes that say something of it, each with its months.
    pub programmes: Vec<ProgrammeStrip>,
    /// Money.
    pub money: Vec<MoneyView>,
    /// Cases, open ones first.
    pub cases: Vec<CaseRow>,
    /// Letters, newest first.
    pub notices: Vec<NoticeView>,
    /// Evidence, newest recorded first.
    pub timeline: Vec<EvidenceRow>,
    /// Programmes that it could still apply for.
    pub may_apply: Vec<Named>,
}

/// A person in the household.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Member {
    /// Person.
    #[schema(value_type = String)]
    pub id: Id,
    /// Name.
    pub name: String,
    /// Identity number, masked.
    pub number: String,
    /// To the head, as the register writes it.
    pub relation: String,
    /// `male` or `female`.
    pub sex: String,
    /// Date of birth.
    #[schema(value_type = String)]
    pub birth: Day,
    /// Completed years on the day shown.
    pub age: i32,
    /// Died on.
    #[schema(value_type = Option<String>)]
    pub died: Option<Day>,
    /// Left the household on.
    #[schema(value_type = Option<String>)]
    pub left: Option<Day>,
    /// Facts in force today: kind, value, unit.
    pub facts: Vec<FactView>,
}

/// A fact in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FactView {
    /// Kind.
    pub kind: Named,
    /// As text.
    pub value: String,
    /// Unit.
    pub unit: String,
}

/// One programme's periods for one subject of the household.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProgrammeStrip {
    /// Programme.
    pub programme: Named,
    /// For a programme about persons: whose.
    pub person: Option<PersonRef>,
    /// First month granted, when an award runs.
    #[schema(value_type = Option<String>)]
    pub award_from: Option<Month>,
    /// First month no longer granted.
    #[schema(value_type = Option<String>)]
    pub award_to: Option<Month>,
    /// Newest first.
    pub periods: Vec<PeriodRow>,
}

/// A person by id and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PersonRef {
    /// Person.
    #[schema(value_type = String)]
    pub id: Id,
    /// Name.
    pub name: String,
}

/// One period of a programme.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PeriodRow {
    /// `2026-03`, `event:<id>` or `once`.
    pub period: String,
    /// Latest version's number.
    pub version: u32,
    /// Latest outcome.
    pub outcome: OutcomeView,
    /// Its first reason in one sentence.
    #[schema(value_type = super::TextSchema)]
    pub reason: Bilingual,
    /// When it was made.
    #[schema(value_type = String)]
    pub made_at: Instant,
    /// Owed, in fen.
    #[schema(value_type = i64)]
    pub owed: Fen,
    /// Paid, in fen.
    #[schema(value_type = i64)]
    pub paid: Fen,
    /// Earlier versions, newest first.
    pub earlier: Vec<VersionRow>,
}

/// An earlier version.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionRow {
    /// Number.
    pub version: u32,
    /// Outcome.
    pub outcome: OutcomeView,
    /// When it was made.
    #[schema(value_type = String)]
    pub made_at: Instant,
}

/// Money of one programme.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MoneyView {
    /// Programme.
    pub programme: Named,
    /// For a programme about persons: whose.
    pub person: Option<PersonRef>,
    /// Owed in all.
    #[schema(value_type = i64)]
    pub owed: Fen,
    /// Confirmed by the bank.
    #[schema(value_type = i64)]
    pub paid: Fen,
    /// With the bank, unanswered.
    #[schema(value_type = i64)]
    pub in_transit: Fen,
    /// Owed and not yet instructed.
    #[schema(value_type = i64)]
    pub payable: Fen,
    /// Overpaid and to come back.
    #[schema(value_type = i64)]
    pub receivable: Fen,
    /// Withheld or repaid so far.
    #[schema(value_type = i64)]
    pub recovered: Fen,
    /// Waived.
    #[schema(value_type = i64)]
    pub waived: Fen,
    /// Payments, newest first.
    pub payments: Vec<PaymentRow>,
}

/// A payment to the household.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentRow {
    /// Batch.
    #[schema(value_type = String)]
    pub batch: Id,
    /// Pay run.
    pub month: String,
    /// Line of the batch.
    pub sequence: u32,
    /// Day that the bank was told.
    #[schema(value_type = Option<String>)]
    pub pay_on: Option<Day>,
    /// Sum.
    #[schema(value_type = i64)]
    pub amount: Fen,
    /// `instructed`, `unknown`, `paid`, `returned`.
    pub state: String,
    /// Bank's reason.
    pub bank_reason: Option<String>,
    /// What it is made of: period and amount; negative is withheld.
    #[schema(value_type = Vec<(String, i64)>)]
    pub items: Vec<(String, Fen)>,
}

/// A case in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaseRow {
    /// Case.
    #[schema(value_type = String)]
    pub id: Id,
    /// `application`, `review`, `change`, `recovery`, `signal`.
    pub kind: String,
    /// Programme.
    pub programme: Named,
    /// Opened on.
    #[schema(value_type = String)]
    pub opened: Day,
    /// The step it stands at; absent when closed.
    #[schema(value_type = Option<super::TextSchema>)]
    pub step: Option<Bilingual>,
    /// Deadline of the step.
    #[schema(value_type = Option<String>)]
    pub due: Option<Day>,
    /// `open`, `granted`, `refused`, `closed`.
    pub state: String,
}

/// A letter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeView {
    /// Letter.
    #[schema(value_type = String)]
    pub id: Id,
    /// Programme.
    pub programme: Named,
    /// `granted`, `refused`, `changed`, `ended`, `recovery`, `arrears`.
    pub kind: String,
    /// The text.
    #[schema(value_type = super::TextSchema)]
    pub text: Bilingual,
    /// Objections until.
    #[schema(value_type = Option<String>)]
    pub objection_until: Option<Day>,
    /// When it was made.
    #[schema(value_type = String)]
    pub made_at: Instant,
}

/// A piece of evidence on the time line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EvidenceRow {
    /// Piece.
    #[schema(value_type = String)]
    pub id: Id,
    /// Whose: a member, or the household when absent.
    pub person: Option<PersonRef>,
    /// Kind; also `register` things such as a membership or an address.
    pub kind: Named,
    /// As text.
    pub value: String,
    /// Unit.
    pub unit: String,
    /// First day it was so.
    #[schema(value_type = String)]
    pub valid_from: Day,
    /// Last day it was so; absent: still.
    #[schema(value_type = Option<String>)]
    pub valid_to: Option<Day>,
    /// When we learned it.
    #[schema(value_type = String)]
    pub recorded_at: Instant,
    /// Who wrote it down.
    pub recorded_by: String,
    /// The paper or feed behind it.
    pub source: String,
    /// Withdrawn or replaced since.
    pub superseded: bool,
}
