//! One subject and period: from a slice to a determination.

use crate::determination::{Determination, PeriodKey, SubjectKey};
use crate::owed::subject_text;
use crate::rules::{Ask, Carry, Fault, Rules, programme_of_month};
use crate::{Evaluation, Outcome, Rhythm};
use base::{Id, Instant, Month};
use policy::programme::Subject;
use registry::slice::HouseholdSlice;

/// What the rules yield for one subject and period.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Whom it is about.
    pub subject: SubjectKey,
    /// For what.
    pub period: PeriodKey,
    /// The result.
    pub evaluation: Evaluation,
}

/// The subject of a household, or of one of its members (who is keyed by the household's shard).
pub fn subject_of(slice: &HouseholdSlice, member: Option<usize>) -> SubjectKey {
    let person = member.and_then(|m| slice.members.get(m));
    SubjectKey {
        shard: slice.shard.to_string(),
        kind: person.map_or(Subject::Household, |_| Subject::Person),
        id: person.map_or(slice.household, |m| m.person),
    }
}

/// Determines a programme for one household and month: the household itself, or each of its members.
///
/// `slice` is the household on the reference day ([`programme_of_month`]); `carry` gives what the
/// nearest earlier period of a subject handed over. Subjects for whom the programme is not in question
/// yield nothing, and so does a programme that is not in force there then. Event programmes yield
/// nothing here: an event is determined when it is recorded.
///
/// # Errors
/// The first [`Fault`] of a subject.
pub fn determine_slice<'c, R: Rules + ?Sized>(
    rules: &R,
    programme: &str,
    month: Month,
    known: Instant,
    slice: &HouseholdSlice,
    carry: &dyn Fn(Id) -> Option<&'c Carry>,
    trace: bool,
) -> Result<Vec<Found>, Fault> {
    let Some((day, programme)) = programme_of_month(rules, programme, &slice.area, month) else {
        return Ok(Vec::new());
    };
    let period = match programme.rhythm {
        Rhythm::Event => return Ok(Vec::new()),
        Rhythm::Once => PeriodKey::Once,
        Rhythm::Month | Rhythm::Term => PeriodKey::Month(month),
    };
    let members: Box<dyn Iterator<Item = Option<usize>>> = match programme.subject {
        Subject::Household => Box::new(std::iter::once(None)),
        Subject::Person => Box::new((0..slice.members.len()).map(Some)),
    };
    let mut found = Vec::new();
    for member in members {
        let id = member.map_or(slice.household, |m| slice.members[m].person);
        let evaluation = rules.evaluate(&Ask {
            programme,
            month,
            day,
            known,
            household: slice,
            member,
            event: None,
            carry: carry(id),
            trace,
        })?;
        if evaluation.outcome != Outcome::NotApplicable {
            found.push(Found {
                subject: subject_of(slice, member),
                period,
                evaluation,
            });
        }
    }
    Ok(found)
}

/// Do the rules say now what the determination says? The trace, the moments and the law's digest do
/// not count: the same grounds and the same result are no new version.
pub fn says_the_same(determination: &Determination, evaluation: &Evaluation) -> bool {
    determination.outcome == evaluation.outcome
        && determination.reasons == evaluation.reasons
        && determination.lines == evaluation.lines
        && determination.carry == evaluation.carry
}

/// The next version of a determination; `None` when nothing differs from the last one, or when
/// there is none and the programme is not in question.
pub fn next_version(
    found: Found,
    programme: &str,
    last: Option<&Determination>,
    law: &str,
    known: Instant,
    now: Instant,
) -> Option<Determination> {
    let Found {
        subject,
        period,
        evaluation,
    } = found;
    let unchanged = match last {
        Some(last) => says_the_same(last, &evaluation),
        None => evaluation.outcome == Outcome::NotApplicable,
    };
    let found = Found {
        subject,
        period,
        evaluation,
    };
    (!unchanged).then(|| version_after(last, found, programme, law, known, now))
}

/// The version that follows the last one, whatever it says.
pub fn version_after(
    last: Option<&Determination>,
    found: Found,
    programme: &str,
    law: &str,
    known: Instant,
    now: Instant,
) -> Determination {
    let Found {
        subject,
        period,
        evaluation,
    } = found;
    let version = last.map_or(0, |d| d.version) + 1;
    // A person keeps the key under which the first determination was made, also after a move.
    let subject = last.map_or(subject, |d| d.subject.clone());
    Determination {
        id: determination_id(&subject, programme, period, version),
        subject,
        programme: programme.into(),
        period,
        version,
        known_at: known,
        made_at: now,
        law: law.into(),
        outcome: evaluation.outcome,
        reasons: evaluation.reasons,
        lines: evaluation.lines,
        carry: evaluation.carry,
    }
}

/// The id of a version.
pub fn determination_id(
    subject: &SubjectKey,
    programme: &str,
    period: PeriodKey,
    version: u32,
) -> Id {
    Id::derive(&[
        "determination",
        &subject_text(subject),
        programme,
        &period.to_string(),
        &version.to_string(),
    ])
}

/// The determination that stood at `known`: the latest version made by then.
pub fn as_known<'a>(
    determinations: impl IntoIterator<Item = &'a Determination>,
    subject: Id,
    programme: &str,
    period: PeriodKey,
    known: Instant,
) -> Option<&'a Determination> {
    determinations
        .into_iter()
        .filter(|d| d.subject.id == subject && d.programme == programme && d.period == period)
        .filter(|d| d.made_at <= known)
        .max_by_key(|d| d.version)
}

/// What the nearest earlier month that was in question handed over, as it stood at `known`; `None` when
/// it handed over nothing, or there is none.
pub fn carried<'a>(
    determinations: impl IntoIterator<Item = &'a Determination>,
    subject: Id,
    programme: &str,
    month: Month,
    known: Instant,
) -> Option<&'a Carry> {
    let mut latest: std::collections::BTreeMap<Month, &Determination> = Default::default();
    for d in determinations {
        let PeriodKey::Month(earlier) = d.period else {
            continue;
        };
        let own = d.subject.id == subject && d.programme == programme;
        if own && earlier < month && d.made_at <= known {
            let held = latest.entry(earlier).or_insert(d);
            if held.version < d.version {
                *held = d;
            }
        }
    }
    let nearest = latest
        .into_values()
        .rev()
        .find(|d| d.outcome != Outcome::NotApplicable)?;
    Some(&nearest.carry).filter(|carry| !carry.is_empty())
}

/// What a subject gets when the register no longer knows it on the reference day: the programme is
/// not in question.
pub(crate) fn gone() -> Evaluation {
    Evaluation {
        outcome: Outcome::NotApplicable,
        result: serde_json::Value::Null,
        reasons: Vec::new(),
        lines: Vec::new(),
        carry: Carry::new(),
        trace: Vec::new(),
    }
}
