//! Same rules, new knowledge: which months a change touches, what follows for each under its own
//! law, and what is owed after it.

use crate::change::{At, Change, touches};
use crate::decision::{Decision, Ruling};
use crate::determination::{Award, Determination, EntitlementChange, PeriodKey, SubjectKey};
use crate::owed::Cause;
use crate::rules::{Fault, Rules};
use crate::walk::Run;
use base::{Fen, Id, Month};
use registry::record::Evidence;
use registry::slice::HouseholdHistory;

/// The months that were determined for a programme so far: a late fact touches these and no others;
/// later months are determined when they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Programme id.
    pub programme: String,
    /// Ascending. For programmes of other rhythms only the last one counts (what is determined once
    /// is looked at on its reference day); event programmes need none.
    pub months: Vec<Month>,
}

/// All that is known of the touched subjects, what was just recorded included.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Every household that a touched person was ever a member of.
    pub households: &'a [HouseholdHistory],
    /// Every version of every period of the programmes opened.
    pub determinations: &'a [Determination],
    /// Every record of the awards.
    pub awards: &'a [Award],
    /// Every change of what is owed.
    pub changes: &'a [EntitlementChange],
    /// What was determined for everybody.
    pub opened: &'a [Opened],
}

/// Why a redetermination could not be made. Nothing of it may be committed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The rules could not be run.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A person is in a household that was not handed in: load it too and run again.
    #[error("household {0} must be loaded too: a touched person is a member of it")]
    NotLoaded(Id),
}

/// What was and what is, for one subject, programme and period that a change touched.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Whom it is about.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// For what.
    pub period: PeriodKey,
    /// The version that stood until now.
    pub before: Option<Determination>,
    /// The version that stands now.
    pub after: Determination,
    /// Owed until now.
    pub owed_before: Fen,
    /// Owed now.
    pub owed_after: Fen,
    /// What the rules alone would owe; differs from `owed_after` while a hold or an exception stands.
    pub by_rules: Fen,
    /// Why.
    pub cause: Cause,
}

/// Reduction that waits until the recipient was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Who must be heard.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// Area code of the household.
    pub area: String,
    /// First month whose amount would fall.
    pub from: Month,
    /// First month after it whose amount waits for nobody: the change did not reach it, or it falls
    /// by something else than the rules. None while the hold runs on into the months to come.
    pub to: Option<Month>,
    /// What is owed until then, for each month.
    pub floor: Fen,
    /// What the rules would owe.
    pub proposed: Fen,
}

/// Why somebody must look at a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// An award runs, and the rules refuse: 应退未退 until a human ends it.
    AwardedAndRefused,
    /// The rules entitle, and there is no award: 应保未保 until somebody asks them to apply.
    EntitledNotAwarded,
    /// An award runs, and something is missing to say whether it may.
    AwardedAndUndetermined,
}

/// Somebody must look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// At whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// Area code of the household; empty when the register has none any more.
    pub area: String,
    /// The latest period determined.
    pub period: PeriodKey,
    /// Why.
    pub look: Look,
}

/// All that follows for determinations and entitlements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Consequences {
    /// New versions.
    pub determinations: Vec<Determination>,
    /// Changes of what is owed.
    pub changes: Vec<EntitlementChange>,
    /// Reductions that wait for a hearing; to be recorded as decisions ([`Hold::decision`]).
    pub holds: Vec<Hold>,
    /// What was and what is, for each period where either changed.
    pub differences: Vec<Difference>,
    /// Who must be looked at: only subjects whose latest period changed.
    pub attention: Vec<Attention>,
}

impl Hold {
    /// As the decision that keeps the amount until it is withdrawn.
    pub fn decision(&self, case: Option<Id>) -> Decision {
        Decision {
            programme: self.programme.clone(),
            ruling: Ruling::Hold { floor: self.floor },
            case,
            reason: String::new(),
        }
    }

    /// The piece of evidence that records it; its id follows from the determination, so that the
    /// same change recorded twice holds once.
    pub fn evidence(&self, case: Option<Id>, by: &str, at: At) -> Evidence {
        let id = Id::derive(&[
            "hold",
            &self.subject.id.to_string(),
            &self.programme,
            &self.from.to_string(),
            &base::format_instant(at.now),
        ]);
        self.decision(case)
            .evidence(id, &self.subject, self.from, self.to, by, at.now)
    }
}

/// Redetermines what the changes touch, each month under its own law with the figures known now,
/// and forward while what a month hands to the next differs from before.
///
/// # Errors
/// A [`RunError`]; nothing may be committed then.
pub fn redetermine<R: Rules + ?Sized>(
    rules: &R,
    known: &Known<'_>,
    changes: &[Change<'_>],
    at: At,
) -> Result<Consequences, RunError> {
    let mut run = Run::new(rules, known, touches(changes, known.households), at);
    for opened in known.opened {
        run.programme(opened)?;
    }
    Ok(run.out)
}
