//! From an application to an award, and from an award to its reviews and its end.

use crate::case::{Case, CaseKind, Closing};
use crate::procedure::{Opened, Opening, open};
use base::{Calendar, Day, Id, Month};
use chrono::{Datelike, Months};
use entitlement::change::At;
use entitlement::determination::{Award, SubjectKey};
use entitlement::owed::first_month;
use entitlement::{Programme, Review};

/// Takes an application: a case with its first step. `id` is the client's, so that the same
/// application sent twice opens one case.
#[expect(clippy::too_many_arguments, reason = "what an application says")]
pub fn apply(
    id: Id,
    subject: &SubjectKey,
    programme: &Programme,
    area: &str,
    by: &str,
    note: &str,
    at: At,
    calendar: &Calendar,
) -> Opened {
    let opening = Opening {
        id,
        kind: CaseKind::Application,
        subject,
        area,
        by,
        note,
        due: None,
    };
    open(&opening, programme, at, calendar)
}

/// The award that a granted application comes to; `None` for a case that was not granted. It starts
/// by the programme's start rule; the same case gives the same award.
pub fn award(case: &Case, programme: &Programme) -> Option<Award> {
    let state = case.state();
    let (Closing::Decided { granted: true, .. }, decided_at) = state.closed? else {
        return None;
    };
    if case.kind != CaseKind::Application {
        return None;
    }
    let decided = case
        .events
        .iter()
        .rev()
        .find(|e| matches!(e.what, crate::case::Happening::Decided { .. }))?;
    let month = |instant| At::new(instant).month();
    Some(Award {
        id: Id::derive(&["award", &case.id.to_string()]),
        subject: case.subject.clone(),
        programme: case.programme.clone(),
        from: first_month(programme.start, month(case.opened_at), month(decided_at)),
        to: None,
        case: Some(case.id),
        decided_by: decided.by.clone(),
        reason: decided.note.clone(),
        recorded_at: decided.at,
    })
}

/// The award's next record, ended so that `to` is the first month no longer owed.
pub fn end_award(
    award: &Award,
    to: Month,
    case: Option<Id>,
    by: &str,
    reason: &str,
    at: At,
) -> Award {
    Award {
        to: Some(to.max(award.from)),
        case: case.or(award.case),
        decided_by: by.into(),
        reason: reason.into(),
        recorded_at: at.now,
        ..award.clone()
    }
}

/// Months between reviews: fixed by the law, or what its rule gave for this subject. `None`: the law
/// sets no rhythm, or its rule could not be determined.
pub fn review_months(
    programme: &Programme,
    by_rule: impl FnOnce(&str) -> Option<u32>,
) -> Option<u32> {
    match programme.procedure.review.as_ref()? {
        Review::Fixed { months } => Some(*months),
        Review::Rule(rule) => by_rule(rule),
    }
    .filter(|months| *months > 0)
}

/// The day by which an award must be looked at again: so many months after it started, or after the
/// last review was decided.
pub fn review_due(award: &Award, last_review: Option<Day>, months: u32) -> Day {
    let from = last_review.unwrap_or_else(|| award.from.first());
    from.checked_add_months(Months::new(months))
        .unwrap_or(Day::MAX)
}

/// The review case that falls due on `due`. Its id follows from award and day: a run that looks twice
/// opens one case.
pub fn review(
    award: &Award,
    due: Day,
    programme: &Programme,
    area: &str,
    by: &str,
    at: At,
    calendar: &Calendar,
) -> Opened {
    let id = Id::derive(&[
        "review",
        &award.id.to_string(),
        &format!("{}-{}-{}", due.year(), due.month(), due.day()),
    ]);
    let opening = Opening {
        id,
        kind: CaseKind::Review,
        subject: &award.subject,
        area,
        by,
        note: "",
        due: Some(due),
    };
    open(&opening, programme, at, calendar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{CaseEvent, Happening};
    use entitlement::Subject;

    fn at(text: &str) -> At {
        At::new(base::parse_instant(text).expect("a moment"))
    }

    fn programme(start: &str) -> Programme {
        serde_json::from_value(serde_json::json!({
            "id": "jia", "en": "A", "subject": "household", "rhythm": "month", "amount": "甲",
            "start": start, "procedure": {"review": {"months": 12}}
        }))
        .expect("a programme")
    }

    #[test]
    fn an_award_starts_by_the_start_rule() {
        let subject = SubjectKey {
            shard: "S".into(),
            kind: Subject::Household,
            id: Id::derive(&["h"]),
        };
        for (start, first) in [
            ("month-after-decision", "2026-06"),
            ("month-of-application", "2026-03"),
            ("same-month", "2026-05"),
        ] {
            let programme = programme(start);
            let calendar = Calendar::default();
            let id = Id::derive(&["case"]);
            let opened_at = at("2026-03-20T01:00:00Z");
            let mut case = apply(
                id, &subject, &programme, "c", "carl", "", opened_at, &calendar,
            )
            .case;
            assert_eq!(award(&case, &programme), None);
            case.events.push(CaseEvent {
                id: Id::derive(&["e"]),
                // Still 30 April in UTC, and 1 May in the office.
                at: at("2026-04-30T17:00:00Z").now,
                by: "ann".into(),
                what: Happening::Decided {
                    granted: true,
                    determination: None,
                },
                note: String::new(),
            });
            let award = award(&case, &programme).expect("granted");
            assert_eq!(
                (award.from.to_string().as_str(), award.decided_by.as_str()),
                (first, "ann")
            );
            let due = review_due(
                &award,
                None,
                review_months(&programme, |_| None).expect("yearly"),
            );
            assert_eq!(due, award.from.plus(12).first());
            let ended = end_award(
                &award,
                award.from.plus(2),
                None,
                "ann",
                "moved",
                at("2026-08-01"),
            );
            assert_eq!((ended.id, ended.to), (award.id, Some(award.from.plus(2))));
        }
    }
}
