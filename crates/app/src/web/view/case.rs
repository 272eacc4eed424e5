//! Work: tasks, cases, the public notice board.

use super::change::StepView;
use super::household::{CaseRow, NoticeView, PersonRef};
use super::{Named, OutcomeView};
use base::{Day, Fen, Id, Instant};
use policy::programme::Bilingual;
use serde::Serialize;
use utoipa::ToSchema;

/// Which tasks.
#[derive(Clone, Debug, Default)]
pub struct TaskQuery {
    /// `mine` (the viewer's role, the default) or `all`.
    pub whose: String,
    /// `overdue`, `today`, `week`, or everything open.
    pub due: String,
    /// Programme id.
    pub programme: Option<String>,
    /// Area code within the viewer's.
    pub area: Option<String>,
    /// Where the page begins.
    pub after: Option<String>,
}

/// A task in the list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TaskRow {
    /// Task.
    #[schema(value_type = String)]
    pub id: Id,
    /// Case.
    #[schema(value_type = String)]
    pub case: Id,
    /// What to do.
    #[schema(value_type = super::TextSchema)]
    pub title: Bilingual,
    /// Kind of the case.
    pub kind: String,
    /// Programme.
    pub programme: Named,
    /// Household.
    #[schema(value_type = String)]
    pub household: Id,
    /// Head's name.
    pub head: String,
    /// Area.
    pub area: Named,
    /// Who does it.
    pub role: String,
    /// By when.
    #[schema(value_type = Option<String>)]
    pub due: Option<Day>,
    /// Not before.
    #[schema(value_type = Option<String>)]
    pub not_before: Option<Day>,
    /// `overdue`, `today`, `week`, `later`, `open`, `waiting`.
    pub traffic: String,
}

/// The page of a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CasePage {
    /// Its row.
    pub case: CaseRow,
    /// Household.
    #[schema(value_type = String)]
    pub household: Id,
    /// Head's name.
    pub head: String,
    /// For programmes about persons: whose.
    pub person: Option<PersonRef>,
    /// Area.
    pub area: Named,
    /// Steps of the procedure with where each stands.
    pub steps: Vec<CaseStep>,
    /// Deadline of the whole.
    #[schema(value_type = Option<String>)]
    pub total_due: Option<Day>,
    /// The determination that a decision would look at.
    pub determination: Option<CaseDetermination>,
    /// What happened, oldest first.
    pub events: Vec<EventView>,
    /// What the viewer may do now.
    pub actions: Vec<ActionView>,
    /// Letters.
    pub notices: Vec<NoticeView>,
}

/// A step of a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaseStep {
    /// The procedure's step.
    pub step: StepView,
    /// `done`, `now`, `next`.
    pub state: String,
    /// Deadline.
    #[schema(value_type = Option<String>)]
    pub due: Option<Day>,
    /// Not before.
    #[schema(value_type = Option<String>)]
    pub not_before: Option<Day>,
    /// Done on.
    #[schema(value_type = Option<String>)]
    pub done: Option<Day>,
    /// By whom.
    pub by: String,
}

/// A determination beside a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaseDetermination {
    /// Period.
    pub period: String,
    /// Version.
    pub version: u32,
    /// Outcome.
    pub outcome: OutcomeView,
    /// First reason.
    #[schema(value_type = super::TextSchema)]
    pub reason: Bilingual,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventView {
    /// When.
    #[schema(value_type = String)]
    pub at: Instant,
    /// Who.
    pub by: String,
    /// `opened`, `step-begun`, `step-done`, `objected`, `heard`, `granted`, `refused`, `withdrawn`.
    pub what: String,
    /// The step's name, when it is about one.
    #[schema(value_type = super::TextSchema)]
    pub step: Bilingual,
    /// Their words.
    pub note: String,
}

/// Something that the viewer may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ActionView {
    /// `done`, `grant`, `refuse`, `object`, `hear`, `withdraw`.
    pub act: String,
    /// May they do it now?
    pub allowed: bool,
    /// Why not: `four-eyes`, `not-before`, `role`, `hearing-first`, `undetermined`; empty when allowed.
    pub why_not: String,
    /// The day that `not-before` means.
    #[schema(value_type = Option<String>)]
    pub day: Option<Day>,
}

/// A line of the public notice board: name, number of members, amount, and no more.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicRow {
    /// Applicant's name.
    pub name: String,
    /// Members.
    pub members: u32,
    /// Monthly amount in fen.
    #[schema(value_type = i64)]
    pub amount: Fen,
    /// Programme.
    pub programme: Named,
    /// Community that announces.
    pub area: Named,
    /// First day.
    #[schema(value_type = String)]
    pub from: Day,
    /// Last day to object.
    #[schema(value_type = String)]
    pub to: Day,
}
