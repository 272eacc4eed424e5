//! From a determination and the human decisions around it to what is owed.

use crate::decision::{Decision, Ruling};
use crate::determination::{Award, Determination, EntitlementChange, PeriodKey, SubjectKey};
use crate::{ApplicationRule, Outcome, Programme};
use base::{Fen, Id, Instant, Month};
use policy::programme::{Start, Subject};

/// Why what is owed changed. Written into [`EntitlementChange::cause`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The first determination of the period.
    First,
    /// Evidence that arrived late, or was withdrawn.
    LateFact,
    /// A figure or a text of the law that became known later.
    Law,
    /// An award, its end, or another human decision.
    Award,
    /// A correction of a record that was wrong.
    Correction,
}

impl Cause {
    /// As records write it.
    pub fn name(self) -> &'static str {
        match self {
            Cause::First => "first",
            Cause::LateFact => "late-fact",
            Cause::Law => "law",
            Cause::Award => "award",
            Cause::Correction => "correction",
        }
    }
}

/// The awards as they stand at `known`: of each id the record made last.
pub fn awards_known<'a>(
    awards: impl IntoIterator<Item = &'a Award>,
    known: Instant,
) -> Vec<&'a Award> {
    let mut latest: Vec<&Award> = Vec::new();
    for award in awards.into_iter().filter(|a| a.recorded_at <= known) {
        match latest.iter_mut().find(|a| a.id == award.id) {
            Some(held) if held.recorded_at <= award.recorded_at => *held = award,
            Some(_) => {}
            None => latest.push(award),
        }
    }
    latest
}

/// The award of this subject and programme that covers `month`, as known at `known`.
pub fn award_running<'a>(
    awards: impl IntoIterator<Item = &'a Award>,
    subject: &SubjectKey,
    programme: &str,
    month: Month,
    known: Instant,
) -> Option<&'a Award> {
    let own = awards
        .into_iter()
        .filter(|a| a.subject.id == subject.id && a.subject.kind == subject.kind)
        .filter(|a| a.programme == programme);
    awards_known(own, known)
        .into_iter()
        .find(|a| a.from <= month && a.to.is_none_or(|to| month < to))
}

/// The first month owed, by the programme's start rule.
pub fn first_month(start: Start, applied: Month, decided: Month) -> Month {
    match start {
        Start::MonthAfterDecision => decided.next(),
        Start::MonthOfApplication => applied,
        Start::SameMonth => decided,
    }
}

/// The month by which a period meets awards and decisions: its own, the event's, or the last one
/// opened for what is determined once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing<'a> {
    /// What the rules say now.
    pub outcome: &'a Outcome,
    /// Does an award cover the period?
    pub awarded: bool,
    /// Owed until now for this period.
    pub owed: Fen,
}

/// What is owed for one period.
///
/// A confirmed exception or a pause goes before the rules; without an award nothing is owed where an
/// application is needed; what cannot be determined leaves what is owed as it is, because missing
/// evidence neither entitles nor refuses; a hold keeps it from falling.
pub fn owed(programme: &Programme, standing: Standing<'_>, decisions: &[(Id, Decision)]) -> Fen {
    if programme.payment.is_none() {
        return Fen::ZERO;
    }
    if programme.application == ApplicationRule::Required && !standing.awarded {
        return Fen::ZERO;
    }
    let ruling = decisions.iter().rev().map(|(_, d)| d.ruling);
    let last = ruling
        .clone()
        .find(|r| matches!(r, Ruling::Pause | Ruling::Confirm { .. }));
    let by_rules = match (last, standing.outcome) {
        (Some(Ruling::Pause), _) => return Fen::ZERO,
        (Some(Ruling::Confirm { amount }), _) => return amount.max(Fen::ZERO),
        (_, Outcome::Undetermined { .. }) => standing.owed,
        (_, outcome) => outcome.amount(),
    };
    let floor = ruling
        .filter_map(|r| match r {
            Ruling::Hold { floor } => Some(floor),
            _ => None,
        })
        .max();
    by_rules.max(floor.unwrap_or(Fen::ZERO)).max(Fen::ZERO)
}

/// The change that brings a period's entitlement from what was owed to `owed`; `None` when they are
/// equal. `last` is the period's latest change. Overpaid sums are the negative ones.
pub fn change_to(
    owed: Fen,
    determination: &Determination,
    last: Option<&EntitlementChange>,
    cause: Cause,
    now: Instant,
) -> Option<EntitlementChange> {
    let before = last.map_or(Fen::ZERO, |c| c.owed);
    if owed == before {
        return None;
    }
    let sequence = last.map_or(0, |c| c.sequence) + 1;
    let cause = if last.is_none() { Cause::First } else { cause };
    let (subject, programme) = (&determination.subject, &determination.programme);
    Some(EntitlementChange {
        id: change_id(subject, programme, determination.period, sequence),
        subject: subject.clone(),
        programme: programme.clone(),
        period: determination.period,
        sequence,
        determination: determination.id,
        owed,
        change: owed - before,
        cause: cause.name().into(),
        recorded_at: now,
    })
}

/// Ids of subjects in derived ids: kind before id, so that a person and a household never meet.
pub(crate) fn subject_text(subject: &SubjectKey) -> String {
    let kind = match subject.kind {
        Subject::Household => "household",
        Subject::Person => "person",
    };
    format!("{kind}:{}", subject.id)
}

/// The id of the `sequence`-th change of an entitlement.
pub fn change_id(subject: &SubjectKey, programme: &str, period: PeriodKey, sequence: u32) -> Id {
    Id::derive(&[
        "entitlement-change",
        &subject_text(subject),
        programme,
        &period.to_string(),
        &sequence.to_string(),
    ])
}
