//! Everybody recomputed, and what the changes did not explain.

use crate::change::{At, Change};
use crate::determination::{Determination, PeriodKey, SubjectKey};
use crate::determine::{Found, gone, says_the_same};
use crate::redetermination::{Known, RunError, redetermine};
use crate::rules::Rules;
use crate::{Evaluation, Outcome};
use base::Id;
use std::collections::HashMap;

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
