//! Reductions that wait until the recipient was heard.

use crate::decision::Decision;
use crate::determination::{PeriodKey, SubjectKey};
use crate::rules::Rules;
use crate::{ApplicationRule, Outcome};
use base::{Fen, Id, Month};

/// What the walk remembers from month to month about what is owed.
#[derive(Default)]
pub(crate) struct Settling {
    pub subject: Option<SubjectKey>,
    pub area: String,
    /// Owed in the month before, after this run.
    pub previous: Option<Fen>,
    pub hold: Option<Held>,
    /// Holds that ended within the chain, each with the month that ended it.
    pub ended: Vec<(Held, Month)>,
    pub last: Option<(PeriodKey, Outcome, bool, bool, ApplicationRule)>,
}

impl Settling {
    /// In the month after one for which this much was owed.
    pub fn after(previous: Option<Fen>) -> Settling {
        Settling {
            previous,
            ..Settling::default()
        }
    }

    pub fn note(&mut self, period: PeriodKey, owed: Option<Fen>) {
        if matches!(period, PeriodKey::Month(_)) {
            self.previous = owed;
        }
    }

    /// A month in which nobody is heard ends what runs: nothing reached it, so that what it owes was
    /// settled before and does not fall now; or it falls by an award, a death, a move, for which the
    /// law wants no hearing. What a past month announced is over by then too.
    pub fn unheard(&mut self, period: PeriodKey) {
        if let (Some(held), PeriodKey::Month(month)) = (self.hold.take(), period)
            && !held.announced
        {
            self.ended.push((held, month));
        }
    }

    /// Every hold of the chain, in order, each with the month in which it ends, if one is known.
    pub fn holds(&mut self) -> Vec<(Held, Option<Month>)> {
        let ended = std::mem::take(&mut self.ended).into_iter();
        ended
            .map(|(held, to)| (held, Some(to)))
            .chain(self.hold.take().map(|held| (held, None)))
            .collect()
    }

    /// What stays owed in a month although the rules owe less, because the recipient must be heard
    /// first. Months before the current one were paid under what was known then: they fall at once,
    /// and the recovery waits for the hearing; but the reduction that they announce for the months to
    /// come is held too.
    pub fn keep(&mut self, month: Month, current: Month, last: Option<Fen>, target: Fen) -> Fen {
        if month < current {
            self.hold = last.filter(|before| target < *before).map(|floor| Held {
                from: current,
                floor,
                proposed: target,
                announced: true,
            });
            return target;
        }
        let announced = match self.hold {
            Some(hold) if !hold.announced => return target.max(hold.floor),
            held => held.map(|h| h.floor),
        };
        self.hold = last
            .or(announced)
            .or(self.previous)
            .filter(|was| target < *was)
            .map(|floor| Held {
                from: month,
                floor,
                proposed: target,
                announced: false,
            });
        self.hold.map_or(target, |hold| hold.floor)
    }
}

/// A reduction that waits, while a chain is walked.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub from: Month,
    pub floor: Fen,
    pub proposed: Fen,
    /// Told by a past month; the months from `from` on were not met yet.
    pub announced: bool,
}

/// What the month after is compared with, to see whether its amount falls: what was owed; but where a
/// human decision stood (a hold until somebody was heard, a pause, an exception), what the rules gave,
/// because its end was decided and needs no second hearing.
pub(crate) fn basis(owed: Fen, outcome: &Outcome, decisions: &[(Id, Decision)]) -> Fen {
    if decisions.is_empty() || matches!(outcome, Outcome::Undetermined { .. }) {
        owed
    } else {
        outcome.amount()
    }
}

/// Is anybody left to hear: a member who, as far as is known, has not died?
pub(crate) fn hearable<R: Rules + ?Sized>(
    rules: &R,
    slice: &registry::slice::HouseholdSlice,
    member: Option<usize>,
) -> bool {
    let lives = |m: &registry::slice::MemberSlice| {
        rules.death_kind().is_none_or(|kind| {
            !m.facts
                .iter()
                .any(|f| f.kind == kind && &*f.value != "null")
        })
    };
    match member {
        Some(m) => slice.members.get(m).is_some_and(lives),
        None => slice.members.iter().any(lives),
    }
}
