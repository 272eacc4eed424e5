//! Reviews that fall due: how often a household is reviewed is asked in the same reading of the population
//! as everything else.

use super::rules::{determined_for_everybody, latest_version};
use super::{Office, ServiceError};
use base::{Day, Id, Month};
use casework::application;
use entitlement::change::At;
use entitlement::determination::Award;
use entitlement::rules::Rules;
use entitlement::situation::{LawRules, Memo};
use entitlement::{Review, Subject};
use registry::slice::HouseholdSlice;
use std::collections::{BTreeMap, HashMap};
use store::ChangeSet;

/// Cases opened in one transaction.
const BATCH: usize = 256;

/// Running awards of households whose programme says that they are reviewed.
pub(super) struct Reviews {
    /// The day on which the households are looked at.
    pub day: Day,
    awards: HashMap<Id, Vec<Award>>,
}

/// An award that is reviewed.
pub(super) struct Reviewed {
    pub award: Award,
    /// Where the household lives.
    pub area: Box<str>,
    /// Months between reviews.
    pub months: u32,
}

impl Reviews {
    /// Months between reviews for the awards of some households, by the rule in force where each lives.
    pub fn rhythms(
        &self,
        rules: &LawRules,
        slices: &[HouseholdSlice],
        memo: &mut Memo,
    ) -> Vec<Reviewed> {
        let mut found = Vec::new();
        for slice in slices {
            for award in self.awards.get(&slice.household).into_iter().flatten() {
                let months = rhythm(rules, &award.programme, slice, self.day, memo);
                found.extend(months.map(|months| Reviewed {
                    award: award.clone(),
                    area: slice.area.clone(),
                    months,
                }));
            }
        }
        found
    }
}

impl Office {
    /// The awards that run in the month of `date` and are reviewed; none when there are none.
    pub(super) async fn awards_under_review(
        &self,
        date: Day,
    ) -> Result<Option<Reviews>, ServiceError> {
        let mut awards: HashMap<Id, Vec<Award>> = HashMap::new();
        for programme in determined_for_everybody(self.law()) {
            let reviewed = latest_version(self.law(), programme).is_some_and(|version| {
                version.procedure.review.is_some() && version.subject == Subject::Household
            });
            if !reviewed {
                continue;
            }
            let running = self
                .store
                .awards_in_force(programme, Month::of(date))
                .await?;
            for award in running {
                let held = awards.entry(award.subject.id).or_default();
                held.retain(|one| one.programme != award.programme);
                held.push(award);
            }
        }
        Ok((!awards.is_empty()).then_some(Reviews { day: date, awards }))
    }

    /// Opens a case for each award whose review fell due after `last` and up to `date`.
    pub(super) async fn open_reviews(
        &self,
        reviewed: Vec<Reviewed>,
        last: Day,
        date: Day,
        by: &str,
        at: At,
    ) -> Result<u64, ServiceError> {
        let mut opened = 0;
        let mut sets: BTreeMap<String, ChangeSet> = BTreeMap::new();
        for Reviewed {
            award,
            area,
            months,
        } in reviewed
        {
            let due = next_review(&award, months);
            if due <= last || due > date {
                continue;
            }
            let Some(scheme) = self.rules.programme(&award.programme, &area, date) else {
                continue;
            };
            let calendar = self.law().calendar(&area);
            let review = application::review(&award, due, scheme, &area, by, at, &calendar);
            let shard = award.subject.shard;
            if self.store.case(&shard, review.case.id).await?.is_some() {
                continue;
            }
            let set = sets.entry(shard.clone()).or_insert_with(|| ChangeSet {
                shard,
                at: at.now,
                ..ChangeSet::default()
            });
            set.cases.push(review.case);
            set.tasks.extend(review.tasks);
            opened += 1;
            if set.cases.len() >= BATCH {
                self.store.commit_bulk(set).await?;
                set.cases.clear();
                set.tasks.clear();
            }
        }
        for set in sets.values().filter(|set| !set.cases.is_empty()) {
            self.store.commit_bulk(set).await?;
        }
        Ok(opened)
    }
}

/// Months between reviews of a household, by the rule in force where it lives.
fn rhythm(
    rules: &LawRules,
    programme: &str,
    slice: &HouseholdSlice,
    date: Day,
    memo: &mut Memo,
) -> Option<u32> {
    let scheme = rules.programme(programme, &slice.area, date)?;
    let rule = match scheme.procedure.review.as_ref()? {
        Review::Fixed { months } => return Some(*months),
        Review::Rule(rule) => rule,
    };
    let situation = rules.situation(slice, date, memo).ok()?;
    let edition = rules.law().edition(&slice.area, date, None).ok()?;
    let value = edition.evaluate_rule(rule, &situation, false).ok()?.result;
    value
        .as_f64()
        .map(|months| months as u32)
        .filter(|months| *months > 0)
}

/// Reviews fall due every so many months from the award's first month on; those before the award was
/// recorded here were another system's.
fn next_review(award: &Award, months: u32) -> Day {
    let recorded = At::new(award.recorded_at).today;
    let mut n = 1;
    loop {
        let due = application::review_due(award, None, months.saturating_mul(n));
        if due >= recorded || n > 600 {
            return due;
        }
        n += 1;
    }
}
