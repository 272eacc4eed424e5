//! One subject's first determination of a month in a population run: the same as
//! [`crate::redetermination::redetermine`] with [`crate::change::Change::Opened`], without histories.

use crate::change::At;
use crate::decision::Decision;
use crate::determination::{Determination, EntitlementChange, PeriodKey};
use crate::determine::{Found, gone, next_version};
use crate::hearing::Settling;
use crate::owed::{Cause, Standing, change_to, owed};
use crate::redetermination::{Hold, Look};
use crate::rules::Rules;
use crate::{ApplicationRule, Outcome, Programme};
use base::{Fen, Id, Instant};
use registry::slice::HouseholdSlice;

/// What stands beside the rules' result for one subject and period.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The latest version stored for the period.
    pub last: Option<&'a Determination>,
    /// Does an award cover the period?
    pub awarded: bool,
    /// Decisions about it that hold ([`crate::decision::in_force`]).
    pub decisions: &'a [(Id, Decision)],
    /// The latest change of what is owed for the period.
    pub last_change: Option<&'a EntitlementChange>,
    /// What the amount is compared with to see whether it falls: [`basis`] of the month before; `None`
    /// at the first.
    pub owed_before: Option<Fen>,
    /// Area code of the household.
    pub area: &'a str,
    /// Is anybody left to hear ([`hearable`])?
    pub hearable: bool,
}

/// What is to be recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// A new version.
    pub determination: Option<Determination>,
    /// A change of what is owed.
    pub change: Option<EntitlementChange>,
    /// A reduction that waits for a hearing.
    pub hold: Option<Hold>,
    /// Somebody must look.
    pub look: Option<Look>,
}

/// Is anybody left to hear: a member (or the person) who, as far as is known, has not died?
pub fn hearable<R: Rules + ?Sized>(
    rules: &R,
    slice: &HouseholdSlice,
    member: Option<usize>,
) -> bool {
    crate::hearing::hearable(rules, slice, member)
}

/// What the month after is compared with: `owed` for the month, or what the rules gave where decisions
/// stood in it.
pub fn basis(owed: Fen, determination: &Determination, decisions: &[(Id, Decision)]) -> Fen {
    crate::hearing::basis(owed, &determination.outcome, decisions)
}

/// What somebody must look at, given the rules' result and whether an award covers it.
pub fn look(application: ApplicationRule, outcome: &Outcome, awarded: bool) -> Option<Look> {
    if application == ApplicationRule::Automatic {
        return None;
    }
    match (outcome, awarded) {
        (Outcome::Refused { .. } | Outcome::NotApplicable, true) => Some(Look::AwardedAndRefused),
        (Outcome::Undetermined { .. }, true) => Some(Look::AwardedAndUndetermined),
        (Outcome::Entitled { .. }, false) => Some(Look::EntitledNotAwarded),
        _ => None,
    }
}

/// Settles one period: the next version, what is owed after it, and what waits.
///
/// `found` is what the rules yield; for a subject that has a stored determination and for whom the
/// programme is not in question any more, see [`not_in_question`].
pub fn settle(
    programme: &Programme,
    found: Found,
    beside: &Beside<'_>,
    law: &str,
    known: Instant,
    at: At,
) -> Settled {
    let period = found.period;
    let determination = next_version(found, &programme.id, beside.last, law, known, at.now);
    let Some(standing) = determination.as_ref().or(beside.last) else {
        return Settled::default();
    };
    let before = beside.last_change.map(|c| c.owed);
    let status = Standing {
        outcome: &standing.outcome,
        awarded: beside.awarded,
        owed: before.unwrap_or(Fen::ZERO),
    };
    let mut target = owed(programme, status, beside.decisions);
    let mut hold = None;
    let running = beside.awarded || programme.application == ApplicationRule::Automatic;
    if let PeriodKey::Month(month) = period
        && programme.procedure.hearing_before_reduction
        && beside.hearable
        && running
    {
        let mut settling = Settling::after(beside.owed_before);
        target = settling.keep(month, at.month(), before, target);
        hold = settling.hold.map(|held| Hold {
            subject: standing.subject.clone(),
            programme: programme.id.clone(),
            area: beside.area.into(),
            from: held.from,
            to: None,
            floor: held.floor,
            proposed: held.proposed,
        });
    }
    let change = change_to(
        target,
        standing,
        beside.last_change,
        Cause::LateFact,
        at.now,
    );
    let look = look(programme.application, &standing.outcome, beside.awarded)
        .filter(|_| determination.is_some());
    Settled {
        change,
        hold,
        look,
        determination,
    }
}

/// The result for a subject with a stored determination for whom the rules yield nothing any more.
pub fn not_in_question(stored: &Determination) -> Found {
    Found {
        subject: stored.subject.clone(),
        period: stored.period,
        evaluation: gone(),
    }
}
