//! Everybody recomputed, and what the changes did not explain.

use crate::change::{At, Change};
use crate::decision;
use crate::determination::{Determination, PeriodKey, SubjectKey};
use crate::determine::{Found, gone, says_the_same};
use crate::owed::{Standing, award_running, owed};
use crate::redetermination::{Known, RunError, redetermine};
use crate::rules::Rules;
use crate::{Evaluation, Outcome};
use base::{Fen, Id, Month};
use std::collections::{BTreeMap, HashMap};

/// A stored determination that the rules do not yield, or one that they yield and that is not stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Unexplained {
    /// Whom it is about.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// For what.
    pub period: PeriodKey,
    /// The latest version stored.
    pub stored: Option<Determination>,
    /// What the rules yield.
    pub computed: Outcome,
}

/// What a full recomputation from the histories alone yields: version 1 of everything, as known at
/// `at.now`. Nothing stored is looked at.
///
/// # Errors
/// A [`RunError`].
pub fn recompute<R: Rules + ?Sized>(
    rules: &R,
    known: &Known<'_>,
    at: At,
) -> Result<Vec<Determination>, RunError> {
    let empty = Known {
        determinations: &[],
        changes: &[],
        awards: &[],
        ..*known
    };
    Ok(redetermine(rules, &empty, &[Change::Everything], at)?.determinations)
}

/// Recomputes everything about the households and compares it with the latest versions stored.
///
/// # Errors
/// A [`RunError`].
pub fn unexplained<R: Rules + ?Sized>(
    rules: &R,
    known: &Known<'_>,
    at: At,
) -> Result<Vec<Unexplained>, RunError> {
    let computed = recompute(rules, known, at)?;
    let mut by_programme: HashMap<&str, Vec<Found>> = HashMap::new();
    for d in computed {
        let programme = known.opened.iter().find(|o| o.programme == d.programme);
        let Some(programme) = programme else { continue };
        by_programme
            .entry(&programme.programme)
            .or_default()
            .push(Found {
                subject: d.subject,
                period: d.period,
                evaluation: Evaluation {
                    outcome: d.outcome,
                    result: serde_json::Value::Null,
                    reasons: d.reasons,
                    lines: d.lines,
                    carry: d.carry,
                    trace: Vec::new(),
                },
            });
    }
    let mut found = Vec::new();
    for opened in known.opened {
        let stored: Vec<&Determination> = known
            .determinations
            .iter()
            .filter(|d| d.programme == opened.programme && d.made_at <= at.now)
            .collect();
        let computed = by_programme
            .remove(opened.programme.as_str())
            .unwrap_or_default();
        found.extend(compare(&opened.programme, computed, &stored));
    }
    Ok(found)
}

/// An entitlement that does not follow from its determination, awards and decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owing {
    /// To whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// For what.
    pub period: PeriodKey,
    /// Owed by the changes recorded.
    pub recorded: Fen,
    /// Owed by determination, awards and decisions.
    pub expected: Fen,
}

/// Every entitlement that is not what its latest determination, the awards and the decisions make it,
/// as known at `at.now`.
pub fn owing<R: Rules + ?Sized>(rules: &R, known: &Known<'_>, at: At) -> Vec<Owing> {
    let mut latest: BTreeMap<(&str, Id, PeriodKey), &Determination> = BTreeMap::new();
    let made = |d: &&Determination| d.made_at <= at.now;
    for d in known.determinations.iter().filter(made) {
        let key = (d.programme.as_str(), d.subject.id, d.period);
        let held = latest.entry(key).or_insert(d);
        if held.version < d.version {
            *held = d;
        }
    }
    let evidence = || known.households.iter().flat_map(|h| &h.evidence);
    let mut found = Vec::new();
    for ((programme, subject, period), d) in latest {
        let month = match period {
            PeriodKey::Month(month) => Some(month),
            PeriodKey::Event(id) => evidence()
                .find(|e| e.id == id)
                .map(|e| Month::of(e.valid.from)),
            PeriodKey::Once => known
                .opened
                .iter()
                .filter(|o| o.programme == programme)
                .flat_map(|o| o.months.iter().copied())
                .max(),
        };
        let Some(month) = month else { continue };
        let areas = known.households.iter().flat_map(|h| &h.residences);
        let declared = areas.map(|r| r.area.as_str()).find_map(|area| {
            rules
                .programme(programme, area, month.first())
                .or_else(|| rules.programme(programme, area, month.last()))
        });
        let Some(declared) = declared else { continue };
        let recorded = known
            .changes
            .iter()
            .filter(|c| c.programme == programme && c.subject.id == subject && c.period == period)
            .filter(|c| c.recorded_at <= at.now)
            .max_by_key(|c| c.sequence)
            .map_or(Fen::ZERO, |c| c.owed);
        let standing = Standing {
            outcome: &d.outcome,
            awarded: award_running(known.awards, &d.subject, programme, month, at.now).is_some(),
            owed: recorded,
        };
        let decisions = decision::in_force(evidence(), subject, programme, month, at.now);
        let expected = owed(declared, standing, &decisions);
        if expected != recorded {
            found.push(Owing {
                subject: d.subject.clone(),
                programme: programme.into(),
                period,
                recorded,
                expected,
            });
        }
    }
    found
}

/// Compares what the rules yield with what is stored for the same subjects and periods, whatever
/// their order: the core of a night run, household by household.
pub fn compare(
    programme: &str,
    computed: Vec<Found>,
    stored: &[&Determination],
) -> Vec<Unexplained> {
    let mut latest: HashMap<(Id, PeriodKey), &Determination> = HashMap::new();
    for d in stored.iter().filter(|d| d.programme == programme) {
        let held = latest.entry((d.subject.id, d.period)).or_insert(d);
        if held.version < d.version {
            *held = d;
        }
    }
    let mut unexplained = Vec::new();
    let mut differs = |found: Found, stored: Option<&Determination>| {
        let same = match stored {
            Some(stored) => says_the_same(stored, &found.evaluation),
            None => found.evaluation.outcome == Outcome::NotApplicable,
        };
        if !same {
            unexplained.push(Unexplained {
                subject: found.subject,
                programme: programme.into(),
                period: found.period,
                stored: stored.cloned(),
                computed: found.evaluation.outcome,
            });
        }
    };
    for found in computed {
        let stored = latest.remove(&(found.subject.id, found.period));
        differs(found, stored);
    }
    let mut left: Vec<&Determination> = latest.into_values().collect();
    left.sort_by(|a, b| (&a.subject, a.period).cmp(&(&b.subject, b.period)));
    for stored in left {
        // Stored, and nothing computed: fine only when the programme is not in question.
        if stored.outcome != Outcome::NotApplicable {
            differs(
                Found {
                    subject: stored.subject.clone(),
                    period: stored.period,
                    evaluation: gone(),
                },
                Some(stored),
            );
        }
    }
    unexplained
}
