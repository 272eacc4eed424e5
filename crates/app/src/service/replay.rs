//! Looking back, and looking at one household.

use super::{Office, ServiceError};
use base::{Id, Instant, Month};
use entitlement::change::At;
use entitlement::determination::{Determination, PeriodKey, SubjectKey};
use entitlement::determine::{as_known, carried};
use entitlement::difference;
use entitlement::explaining::Explaining;
use entitlement::rules::programme_of_month;
use entitlement::{Bilingual, Evaluation, Outcome, Subject};
use policy::law::explanation::{Explanation, Limits};
use std::fmt;

/// A past determination beside today's.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Replayed {
    /// Whom it is about.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// The period.
    pub period: PeriodKey,
    /// The version that stood then.
    pub then: Option<Determination>,
    /// What the rules yield from what was known then, with every value on the way.
    pub computed: Option<Evaluation>,
    /// Do the two say the same?
    pub agrees: bool,
    /// Was it made under the law that is loaded now?
    pub same_law: bool,
    /// The version that stands now.
    pub now: Option<Determination>,
    /// What the rules yield from what is known now.
    pub computed_now: Option<Evaluation>,
    /// Why the two differ; empty when they do not.
    pub because: Vec<Bilingual>,
}

impl Office {
    /// What was determined for a household and its members for a month as known at `known`, recomputed
    /// from what was known then, and why it differs now.
    ///
    /// # Errors
    /// When the household is unknown or the rules cannot be run.
    pub async fn replay(
        &self,
        household: Id,
        programme: Option<&str>,
        month: Month,
        known: Instant,
        now: At,
    ) -> Result<Vec<Replayed>, ServiceError> {
        let read = self.prefetch(&[household]).await?;
        let mut matters: Vec<(SubjectKey, String, PeriodKey)> = read
            .determinations
            .iter()
            .filter(|d| programme.is_none_or(|p| p == d.programme))
            .filter(|d| match d.period {
                PeriodKey::Month(m) => m == month,
                PeriodKey::Once => true,
                PeriodKey::Event(_) => false,
            })
            .map(|d| (d.subject.clone(), d.programme.clone(), d.period))
            .collect();
        matters.sort();
        matters.dedup();
        let mut found = Vec::new();
        for (subject, programme, period) in matters {
            let standing =
                |at| as_known(&read.determinations, subject.id, &programme, period, at).cloned();
            let current = standing(now.now);
            let law_then = standing(known).map(|d| d.law);
            let replay = async |at: Instant, law: Option<&str>| {
                // What was determined under an earlier text is replayed under it, while it is kept.
                let rules = match law {
                    Some(law) => self.rules_of(law).await?,
                    None => None,
                };
                let rules = rules.unwrap_or_else(|| self.rules.clone());
                Ok::<_, ServiceError>(difference::replay(
                    &*rules,
                    &read.known(),
                    &subject,
                    &programme,
                    period,
                    at,
                    true,
                )?)
            };
            let mut then = replay(known, law_then.as_deref()).await?;
            then.same_law = law_then.as_deref().is_none_or(|l| l == self.law().digest());
            let today = replay(now.now, current.as_ref().map(|d| d.law.as_str())).await?;
            let because = match (&then.computed, &today.computed) {
                (Some(before), Some(after))
                    if then.stored.as_ref().map(|d| d.version)
                        != current.as_ref().map(|d| d.version) =>
                {
                    let evidence = read.households.iter().flat_map(|h| &h.evidence);
                    let arrived = difference::arrived(evidence, known, now.now);
                    let mut because = difference::why_changed(before, after, &arrived);
                    if let (Some(then), Some(now)) = (&law_then, &current) {
                        because.splice(0..0, self.law_changed(then, &now.law).await?);
                    }
                    because
                }
                _ => Vec::new(),
            };
            found.push(Replayed {
                subject,
                programme,
                period,
                then: then.stored,
                computed: then.computed,
                agrees: then.agrees,
                same_law: then.same_law,
                now: current,
                computed_now: today.computed,
                because,
            });
        }
        Ok(found)
    }

    /// What a programme's rules yield for one household and month as known at `at`, with reasons, and with
    /// every value on the way and an explanation of its own, and what would have to change, when `explain`
    /// is set. Nothing is written.
    ///
    /// # Errors
    /// When the household is unknown, or the programme is not in force there then.
    pub async fn explain_household(
        &self,
        programme: &str,
        month: Month,
        household: Id,
        at: At,
        explain: bool,
    ) -> Result<Vec<Explained>, ServiceError> {
        use entitlement::rules::Rules;
        let read = self.prefetch(&[household]).await?;
        let home = read
            .households
            .iter()
            .find(|h| h.household == Some(household))
            .ok_or_else(|| {
                ServiceError::NotFound(format!("household {household} is not in the register"))
            })?;
        let day = self.reference_day(programme, month);
        let slice =
            registry::timeline::slice(home, self.rules.kinds(), day, at.now).ok_or_else(|| {
                ServiceError::NotFound(format!(
                    "household {household} had no home or no members on {day}, as known then"
                ))
            })?;
        programme_of_month(&*self.rules, programme, &slice.area, month).ok_or_else(|| {
            ServiceError::NotFound(format!(
                "programme `{programme}` is not in force in {} in {month}",
                slice.area
            ))
        })?;
        let carried = |id: Id| carried(&read.determinations, id, programme, month, at.now);
        let evidence = &home.evidence;
        let rules = Explaining::new(&self.rules, evidence, Some(Limits::default()));
        let found = entitlement::determine::determine_slice(
            &rules, programme, month, at.now, &slice, &carried, explain,
        )
        .map_err(|fault| ServiceError::Refused(fault.to_string()))?;
        Ok(found
            .into_iter()
            .map(|f| Explained {
                explanation: rules.take(&f.subject, f.period, at.now),
                subject: f.subject,
                period: f.period,
                evaluation: f.evaluation,
            })
            .collect())
    }
}

/// One subject's result.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Explained {
    /// Whom it is about.
    pub subject: SubjectKey,
    /// For what.
    pub period: PeriodKey,
    /// The result with its reasons.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// The explanation, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.subject.kind {
            Subject::Household => "household",
            Subject::Person => "person",
        };
        writeln!(
            f,
            "{} {} of {kind} {}",
            self.programme, self.period, self.subject.id
        )?;
        line(f, "then", self.then.as_ref())?;
        match (self.agrees, self.same_law) {
            (true, true) => writeln!(f, "  recomputed from what was known then: the same")?,
            (true, false) => writeln!(
                f,
                "  recomputed from what was known then, under the law as it stood then: the same"
            )?,
            (false, true) => writeln!(f, "  recomputed from what was known then: OTHERWISE")?,
            (false, false) => {
                writeln!(
                    f,
                    "  recomputed: OTHERWISE (another law was loaded then; its text may not be kept)"
                )?;
            }
        }
        line(f, "now ", self.now.as_ref())?;
        for reason in &self.because {
            writeln!(f, "    {} · {}", reason.zh, reason.en)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, when: &str, d: Option<&Determination>) -> fmt::Result {
    let Some(d) = d else {
        return writeln!(f, "  {when}: nothing was determined");
    };
    let amount = match d.outcome {
        Outcome::Entitled {
            amount: Some(amount),
        } => format!(" {amount} yuan"),
        _ => String::new(),
    };
    writeln!(
        f,
        "  {when}: {}{amount}, version {}, made {}",
        d.outcome.name(),
        d.version,
        base::format_instant(d.made_at)
    )?;
    for reason in &d.reasons {
        writeln!(
            f,
            "    {} {}: {}",
            reason.instrument, reason.article, reason.text.zh
        )?;
    }
    Ok(())
}
