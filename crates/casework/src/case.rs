//! Cases, their events, tasks and notices.

use base::{Day, Id, Instant};
use entitlement::{Bilingual, Role, determination::SubjectKey};
use serde::{Deserialize, Serialize};

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseKind {
    /// Somebody applied.
    Application,
    /// The review that falls due.
    Review,
    /// New evidence changed or would change what is owed.
    Change,
    /// Overpaid money.
    Recovery,
    /// Owed and not covered, or covered and not owed: somebody must look.
    Signal,
}

/// A case. Its state is the fold of its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Identity.
    pub id: Id,
    /// About whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// What it is.
    pub kind: CaseKind,
    /// Area code of the household when it was opened; decides who sees it.
    pub area: String,
    /// When it was opened.
    pub opened_at: Instant,
    /// What happened, oldest first.
    pub events: Vec<CaseEvent>,
}

/// Something that happened in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseEvent {
    /// Client-minted: sending twice records once.
    pub id: Id,
    /// When.
    pub at: Instant,
    /// Who.
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
    /// In their words.
    #[serde(default)]
    pub note: String,
}

/// What can happen in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "happening", rename_all = "kebab-case")]
pub enum Happening {
    /// Opened.
    Opened,
    /// A step of the procedure began.
    StepBegun {
        /// Step id.
        step: String,
        /// Its deadline.
        due: Option<Day>,
        /// It cannot end before this day.
        not_before: Option<Day>,
    },
    /// A step was done.
    StepDone {
        /// Step id.
        step: String,
    },
    /// Somebody objected during the public notice; the special time limit holds from here.
    Objected {
        /// Who.
        who: String,
    },
    /// The recipient was heard.
    Heard,
    /// A human decided.
    Decided {
        /// Granted or refused.
        granted: bool,
        /// The determination that the decision looked at.
        determination: Option<Id>,
    },
    /// Closed without a decision.
    Withdrawn,
}

/// Work for somebody, with a deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Derived from the case and the step.
    pub id: Id,
    /// Of this case.
    pub case: Id,
    /// Home shard.
    pub shard: String,
    /// Step id, or `review`, `hearing`, `signal`.
    pub step: String,
    /// What to do.
    pub title: Bilingual,
    /// Who does it.
    pub role: Role,
    /// Where.
    pub area: String,
    /// By when.
    pub due: Option<Day>,
    /// Not before.
    pub not_before: Option<Day>,
    /// Done when.
    pub done_at: Option<Instant>,
}

/// A letter to a resident; made once, never edited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Derived from what it tells.
    pub id: Id,
    /// Home shard.
    pub shard: String,
    /// To whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// granted, refused, changed, ended, recovery, arrears.
    pub kind: String,
    /// The text.
    pub text: Bilingual,
    /// Objections until.
    pub objection_until: Option<Day>,
    /// When it was made.
    pub made_at: Instant,
}
