//! What a decided case sets in motion: an award, its end, the release of a hold. To be recorded and
//! then handed to [`crate::correction::correct`] as what was just recorded.

use crate::application::{award, end_award};
use crate::case::{Case, CaseEvent, CaseKind, Closing, Happening};
use base::{Id, Instant, Month, Period};
use entitlement::change::At;
use entitlement::decision::{self, Decision, Ruling};
use entitlement::determination::{Award, Determination};
use entitlement::{Outcome, Programme};
use registry::record::Evidence;

/// To be recorded with the decision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conclusion {
    /// Releases of holds.
    pub evidence: Vec<Evidence>,
    /// An award made or ended.
    pub award: Option<Award>,
}

/// What was decided, by whom and when; `None` while the case is open or was withdrawn.
fn decided(case: &Case) -> Option<(bool, &CaseEvent)> {
    let (Closing::Decided { granted, .. }, _) = case.state().closed? else {
        return None;
    };
    let event = case
        .events
        .iter()
        .find(|e| matches!(e.what, Happening::Decided { .. }))?;
    Some((granted, event))
}

/// The holds on what is owed to a case's subject in its programme that stand as known at `known`.
pub fn holds<'a>(
    case: &Case,
    evidence: impl IntoIterator<Item = &'a Evidence>,
    known: Instant,
) -> Vec<&'a Evidence> {
    let mut own: Vec<&Evidence> = evidence
        .into_iter()
        .filter(|e| e.subject == case.subject.id && e.kind == decision::KIND)
        .filter(|e| e.provenance.recorded_at <= known)
        .collect();
    own.sort_by_key(|e| e.id);
    own.dedup_by_key(|e| e.id);
    let gone: Vec<Id> = own.iter().flat_map(|e| e.withdraws.clone()).collect();
    own.retain(|e| {
        !gone.contains(&e.id)
            && Decision::read(e).is_some_and(|d| {
                d.programme == case.programme && matches!(d.ruling, Ruling::Hold { .. })
            })
    });
    own
}

/// What follows from the decision of a case, given the determination that it looked at.
///
/// * An application that is granted makes an award.
/// * A review or a change that is granted lets the award go on at what the rules give: `holds` are
///   released from the month `from` on. Granted against the rules (the determination does not
///   entitle), the holds go on: they are the confirmed exception.
/// * One that is not granted releases the holds too, and ends the award from that month.
///
/// `from`: the first month of the new amount; `None`: the month after the decision. Months before it
/// stay as they were paid, because the recipient had not been heard. Nothing follows from a case that
/// is open.
pub fn conclude(
    case: &Case,
    programme: &Programme,
    running: Option<&Award>,
    holds: &[&Evidence],
    determination: Option<&Determination>,
    from: Option<Month>,
) -> Conclusion {
    let Some((granted, event)) = decided(case) else {
        return Conclusion::default();
    };
    let at = At::new(event.at);
    match case.kind {
        CaseKind::Application => Conclusion {
            award: award(case, programme),
            evidence: Vec::new(),
        },
        CaseKind::Review | CaseKind::Change => {
            let from = from.unwrap_or_else(|| at.month().next());
            let entitled =
                determination.is_some_and(|d| matches!(d.outcome, Outcome::Entitled { .. }));
            let released = if granted && !entitled { &[] } else { holds };
            Conclusion {
                evidence: released
                    .iter()
                    .flat_map(|hold| release(case, hold, from, event, at))
                    .collect(),
                award: running
                    .filter(|_| !granted)
                    .map(|a| end_award(a, from, Some(case.id), &event.by, &event.note, at)),
            }
        }
        CaseKind::Recovery | CaseKind::Signal => Conclusion::default(),
    }
}

/// Withdraws a hold, and keeps it for the months before `from`.
fn release(case: &Case, hold: &Evidence, from: Month, event: &CaseEvent, at: At) -> Vec<Evidence> {
    let id = |word: &str| Id::derive(&[word, &hold.id.to_string(), &event.id.to_string()]);
    let mut pieces = vec![decision::withdrawal(
        id("release"),
        &case.subject,
        vec![hold.id],
        hold.valid,
        &event.by,
        &format!("case:{}", case.id),
        at.now,
    )];
    let first = Month::of(hold.valid.from);
    if let Some(decision) = Decision::read(hold).filter(|_| first < from) {
        let kept = Decision {
            case: Some(case.id),
            reason: event.note.clone(),
            ..decision
        };
        let mut piece = kept.evidence(
            id("kept"),
            &case.subject,
            first,
            Some(from),
            &event.by,
            at.now,
        );
        // Not longer than the hold itself was to last.
        if let Some(end) = hold.valid.to {
            let to = piece.valid.to.map_or(end, |to| to.min(end));
            piece.valid = Period {
                to: Some(to),
                ..piece.valid
            };
        }
        pieces.push(piece);
    }
    pieces
}
