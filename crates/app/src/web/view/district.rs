//! The district on one page.

use super::Named;
use base::{Day, Fen, Instant, Month};
use serde::Serialize;
use utoipa::ToSchema;

/// What the district's page asks for.
#[derive(Clone, Debug, Default)]
pub struct DistrictQuery {
    /// Month; the latest one with determinations when absent.
    pub month: Option<Month>,
    /// Programme id; all that pay by month when absent.
    pub programme: Option<String>,
    /// Area code; the viewer's own when absent. Outside the viewer's own it is as if unknown.
    pub area: Option<String>,
}

/// The page.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct District {
    /// Month shown.
    #[schema(value_type = String)]
    pub month: Month,
    /// Months that can be chosen, newest first.
    #[schema(value_type = Vec<String>)]
    pub choices: Vec<Month>,
    /// Programme shown; absent: all.
    pub programme: Option<Named>,
    /// Programmes that can be chosen.
    pub programmes: Vec<Named>,
    /// Area shown.
    pub area: Named,
    /// From the viewer's own area down to the one shown.
    pub way: Vec<Named>,
    /// Households and persons of the register in the area.
    pub households: u64,
    /// Persons.
    pub persons: u64,
    /// By month, oldest first, at most thirteen.
    pub months: Vec<MonthRow>,
    /// Outcomes in the month.
    pub outcomes: OutcomeCounts,
    /// The divisions beneath.
    pub children: Vec<AreaRow>,
    /// Open work.
    pub queue: Queue,
    /// Owed by law, and not covered: entitled and no award runs 应保未保.
    pub owed_not_covered: u64,
    /// Covered, and not owed: an award runs and the rules refuse 应退未退.
    pub covered_not_owed: u64,
    /// What undetermined subjects lack, most frequent first.
    pub missing: Vec<MissingRow>,
    /// Last night run.
    pub night: Option<RunView>,
    /// Last check of every invariant.
    pub verify: Option<RunView>,
}

/// One month of the area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MonthRow {
    /// Month.
    #[schema(value_type = String)]
    pub month: Month,
    /// Households covered.
    pub households: u64,
    /// Persons covered.
    pub persons: u64,
    /// Owed, in fen.
    #[schema(value_type = i64)]
    pub owed: Fen,
    /// Paid, in fen.
    #[schema(value_type = i64)]
    pub paid: Fen,
    /// Came back from the bank, in fen.
    #[schema(value_type = i64)]
    pub returned: Fen,
}

/// How many of each outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutcomeCounts {
    /// Entitled.
    pub entitled: u64,
    /// Refused.
    pub refused: u64,
    /// Undetermined.
    pub undetermined: u64,
}

/// A division beneath the area shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AreaRow {
    /// Division.
    pub area: Named,
    /// Its households.
    pub all: u64,
    /// Covered ones.
    pub households: u64,
    /// Covered persons.
    pub persons: u64,
    /// Owed, in fen.
    #[schema(value_type = i64)]
    pub owed: Fen,
    /// Open tasks past their deadline.
    pub overdue: u64,
}

/// Open tasks by deadline, within the viewer's area and role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Queue {
    /// Past it.
    pub overdue: u64,
    /// Today.
    pub today: u64,
    /// In the next seven days.
    pub week: u64,
    /// Later.
    pub later: u64,
    /// Without one.
    pub open: u64,
}

impl Queue {
    /// All open tasks.
    pub fn total(&self) -> u64 {
        self.overdue + self.today + self.week + self.later + self.open
    }
}

/// Something that subjects lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MissingRow {
    /// Kind of evidence or parameter.
    pub name: Named,
    /// Subjects.
    pub count: u64,
}

/// What a run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunView {
    /// Day it was for.
    #[schema(value_type = String)]
    pub day: Day,
    /// When it ended.
    #[schema(value_type = String)]
    pub at: Instant,
    /// Subjects or records looked at.
    pub checked: u64,
    /// Findings: differences nobody explained, broken invariants.
    pub findings: u64,
    /// The line that the command ended with.
    pub summary: String,
}
