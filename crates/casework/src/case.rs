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

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// A human decided.
    Decided {
        /// Granted (or upheld) or refused.
        granted: bool,
        /// The determination that was looked at.
        determination: Option<Id>,
    },
    /// Withdrawn, or closed without a decision.
    Withdrawn,
}

/// The step that a case is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Step id.
    pub step: String,
    /// When it began.
    pub since: Instant,
    /// Its deadline.
    pub due: Option<Day>,
    /// It cannot end before this day.
    pub not_before: Option<Day>,
}

/// Where a case stands: the fold of its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The step under way.
    pub current: Option<Current>,
    /// Steps done, in order.
    pub done: Vec<String>,
    /// Who objected during the public notice; the special time limit holds then.
    pub objections: Vec<String>,
    /// Was the recipient heard?
    pub heard: bool,
    /// How and when it ended.
    pub closed: Option<(Closing, Instant)>,
}

impl Case {
    /// Where it stands. Events after the end, and an event that came twice, change nothing.
    pub fn state(&self) -> State {
        let mut state = State::default();
        for (n, event) in self.events.iter().enumerate() {
            let again = self.events[..n].iter().any(|e| e.id == event.id);
            if again || state.closed.is_some() {
                continue;
            }
            match &event.what {
                Happening::Opened => {}
                Happening::StepBegun {
                    step,
                    due,
                    not_before,
                } => {
                    state.current = Some(Current {
                        step: step.clone(),
                        since: event.at,
                        due: *due,
                        not_before: *not_before,
                    });
                }
                Happening::StepDone { step } => {
                    state.current = state.current.take().filter(|c| c.step != *step);
                    state.done.push(step.clone());
                }
                Happening::Objected { who } => state.objections.push(who.clone()),
                Happening::Heard => state.heard = true,
                Happening::Decided {
                    granted,
                    determination,
                } => {
                    let closing = Closing::Decided {
                        granted: *granted,
                        determination: *determination,
                    };
                    state.closed = Some((closing, event.at));
                }
                Happening::Withdrawn => state.closed = Some((Closing::Withdrawn, event.at)),
            }
        }
        if state.closed.is_some() {
            state.current = None;
        }
        state
    }
}
