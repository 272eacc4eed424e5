//! What has just been recorded, and which days of which households it touches.

use crate::determination::Award;
use crate::owed::Cause;
use base::{Day, Id, Instant, Month, Period};
use registry::record::{Evidence, Identity, Membership, Residence};
use registry::slice::HouseholdHistory;

/// One thing that was just recorded. The histories given to a redetermination hold it already.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// Evidence, a withdrawal of evidence, or a human decision.
    Evidence(&'a Evidence),
    /// Somebody joined, left, or was recorded in the wrong household.
    Membership(&'a Membership),
    /// A household lived elsewhere.
    Residence(&'a Residence),
    /// A person is somebody else than recorded (sex, birth).
    Identity(&'a Identity),
    /// An award was made, ended or changed. Touches only what is owed.
    Award(&'a Award),
    /// A figure of the law became known: it holds from a day on (to another, exclusive).
    Parameter {
        /// Only for this programme, or for all that there are.
        programme: Option<String>,
        /// When the figure holds.
        valid: Period,
    },
    /// A text of the law changed, for days from `from` on.
    Law {
        /// First day touched.
        from: Day,
    },
    /// A month is determined for the first time.
    Opened {
        /// Programme id.
        programme: String,
        /// The month.
        month: Month,
    },
    /// Everything is computed anew.
    Everything,
    /// Of something that concerns everybody, what it means for one household or person. Whoever else must
    /// be read to decide it (former homes of its members, say) is not redetermined with it.
    About {
        /// Whom.
        subject: Id,
        /// What concerns everybody.
        change: Box<Change<'a>>,
    },
}

/// Days of households that a change touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Only this household, or all.
    pub household: Option<Id>,
    /// Only this programme, or all.
    pub programme: Option<String>,
    /// Only programmes that read this kind of evidence, or all.
    pub kind: Option<String>,
    /// The days.
    pub days: Period,
    /// Why what is owed changes through it.
    pub cause: Cause,
}

impl Touch {
    pub fn concerns(&self, household: Option<Id>, programme: &str) -> bool {
        let household = match (self.household, household) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        };
        household && self.programme.as_deref().is_none_or(|p| p == programme)
    }
}

fn always() -> Period {
    Period::since(Day::MIN)
}

/// Households whose facts a person's facts are among: every one in which the person ever was.
fn households_of(histories: &[HouseholdHistory], subject: Id) -> impl Iterator<Item = Id> + '_ {
    histories
        .iter()
        .filter(move |h| {
            h.household == Some(subject)
                || h.memberships
                    .iter()
                    .any(|m| m.person == subject && Some(m.household) == h.household)
        })
        .filter_map(|h| h.household)
}

/// The days of households that the changes touch.
pub(crate) fn touches(changes: &[Change<'_>], histories: &[HouseholdHistory]) -> Vec<Touch> {
    let mut touches = Vec::new();
    for change in changes {
        let mut touch = |household, days, cause| {
            touches.push(Touch {
                household,
                programme: None,
                kind: None,
                days,
                cause,
            });
        };
        match change {
            Change::Evidence(evidence) => {
                let decided = evidence.kind == crate::decision::KIND;
                let cause = if decided {
                    Cause::Award
                } else {
                    Cause::LateFact
                };
                let withdrawn = histories
                    .iter()
                    .flat_map(|h| &h.evidence)
                    .filter(|e| evidence.withdraws.contains(&e.id));
                for piece in withdrawn.chain([*evidence]) {
                    // A decision says what is owed whatever the rules read.
                    let kind = (piece.kind != crate::decision::KIND).then(|| piece.kind.clone());
                    for household in households_of(histories, piece.subject) {
                        touches.push(Touch {
                            household: Some(household),
                            programme: None,
                            kind: kind.clone(),
                            days: piece.valid,
                            cause,
                        });
                    }
                }
            }
            Change::Membership(m) => {
                touch(Some(m.household), m.valid, Cause::LateFact);
                for household in households_of(histories, m.person) {
                    touch(Some(household), m.valid, Cause::LateFact);
                }
            }
            Change::Residence(r) => touch(Some(r.household), r.valid, Cause::LateFact),
            Change::Identity(identity) => {
                for household in households_of(histories, identity.person) {
                    touch(Some(household), always(), Cause::Correction);
                }
            }
            Change::Award(award) => {
                let subject = award.subject.id;
                for household in households_of(histories, subject) {
                    touches.push(Touch {
                        household: Some(household),
                        programme: Some(award.programme.clone()),
                        kind: None,
                        days: always(),
                        cause: Cause::Award,
                    });
                }
            }
            Change::Parameter { programme, valid } => touches.push(Touch {
                household: None,
                programme: programme.clone(),
                kind: None,
                days: *valid,
                cause: Cause::Law,
            }),
            Change::Law { from } => touch(None, Period::since(*from), Cause::Law),
            Change::Opened { programme, month } => touches.push(Touch {
                household: None,
                programme: Some(programme.clone()),
                kind: None,
                days: month.period(),
                cause: Cause::LateFact,
            }),
            Change::Everything => touch(None, always(), Cause::Correction),
            Change::About { subject, change } => {
                let of_all = self::touches(std::slice::from_ref(&**change), histories);
                for household in households_of(histories, *subject) {
                    touches.extend(of_all.iter().map(|t| Touch {
                        household: Some(household),
                        ..t.clone()
                    }));
                }
            }
        }
    }
    touches
}

/// The moment of a decision: the instant that is recorded, and the civil day it falls on where the
/// office is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Recorded.
    pub now: Instant,
    /// The office's day.
    pub today: Day,
}

impl At {
    /// In China, which keeps one time, eight hours ahead of UTC, all year.
    pub fn new(now: Instant) -> At {
        At {
            now,
            today: registry::timeline::civil_day(now),
        }
    }

    /// The month of the day.
    pub fn month(self) -> Month {
        Month::of(self.today)
    }
}
