//! The night: figures that became known, reviews that fall due, and everybody recomputed: no difference
//! may be left that a change did not explain.

use super::anchor::Anchor;
use super::rules::{determined_for_everybody, latest_version, programme_ids};
use super::{Office, ServiceError};
use base::{Day, Id, Month, Period};
use casework::application;
use entitlement::change::{At, Change};
use entitlement::determination::Award;
use entitlement::rules::Rules;
use entitlement::situation::{LawRules, Memo};
use entitlement::{Review, Rhythm, Subject};
use registry::slice::HouseholdSlice;
use std::collections::{BTreeMap, HashMap};
use store::{ChangeSet, JournalEntry, PopulationFilter, Run};

/// The setting that holds the last day that a night run ended.
const LAST_NIGHT: &str = "last-night";

/// A household whose stored determination is not what the rules yield now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Unexplained {
    /// Programme id.
    pub programme: String,
    /// The month.
    pub month: String,
    /// The household.
    pub household: Id,
}

/// What a night did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct NightSummary {
    /// The day that has ended.
    pub date: String,
    /// Law files that were corrected since the last night, with their articles.
    pub law: Vec<String>,
    /// Figures of the law that became known since the last night.
    pub figures: Vec<String>,
    /// Households redetermined because of them.
    pub redetermined: u64,
    /// Reviews that fell due.
    pub reviews: u64,
    /// Determinations compared with what the rules yield.
    pub checked: u64,
    /// Differences that nothing explains.
    pub unexplained: Vec<Unexplained>,
    /// Households whose rules could not be run, and why nothing was anchored.
    pub faults: Vec<String>,
    /// The line in the auditor's file, where one is named.
    pub anchor: Option<Anchor>,
}

impl Office {
    /// Ends a day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn night(&self, date: Day, by: &str, at: At) -> Result<NightSummary, ServiceError> {
        let at = self.steady(at).await?;
        let mut summary = NightSummary {
            date: date.to_string(),
            ..NightSummary::default()
        };
        let last = match self
            .store
            .setting(LAST_NIGHT)
            .await?
            .map(|t| base::parse_day(&t))
        {
            Some(Ok(day)) => day,
            // The first night looks back to the first month that was determined.
            _ => self.first_opened().await?.map_or(date, Month::first) - chrono::Days::new(1),
        };
        (summary.law, summary.redetermined) = self.apply_law(by, at).await?;
        // By their first day, so that figures that hold from one day on are worked out together.
        let mut known: BTreeMap<Day, Vec<&str>> = BTreeMap::new();
        for (row, name, from) in self.figures_known(last, date) {
            known.entry(from).or_default().push(name);
            summary.figures.push(row);
        }
        for (from, names) in known {
            summary.redetermined += self.redetermine_from(from, &names, by, at).await?;
        }
        summary.reviews = self.reviews(last, date, by, at).await?;
        let erased = self.store.erased_subjects().await?;
        // Months before the latest are `verify`'s to recompute.
        let mut latest: BTreeMap<Month, Vec<&str>> = BTreeMap::new();
        for programme in determined_for_everybody(self.law()) {
            if let Some(month) = self.months_to_compare(programme).await?.last() {
                latest.entry(*month).or_default().push(programme);
            }
        }
        for (month, programmes) in latest {
            for mut found in self.compare(&programmes, month, at).await? {
                found.differing.retain(|h| !erased.contains(h));
                summary.checked += found.checked;
                summary.faults.extend(found.faults);
                let differing = found.differing.into_iter().map(|household| Unexplained {
                    programme: found.programme.clone(),
                    month: month.to_string(),
                    household,
                });
                summary.unexplained.extend(differing);
            }
        }
        let shard = self
            .store
            .shards()
            .await?
            .into_iter()
            .next()
            .unwrap_or_default();
        let run = Run {
            id: Id::derive(&["night", &date.to_string()]),
            shard: shard.clone(),
            kind: "night".into(),
            argument: date.to_string(),
            state: "done".into(),
            cursor: String::new(),
            detail: serde_json::json!({
                "checked": summary.checked, "findings": summary.unexplained.len(),
                "reviews": summary.reviews, "redetermined": summary.redetermined,
            }),
            started_at: at.now,
            changed_at: at.now,
        };
        let set = ChangeSet {
            shard,
            at: at.now,
            runs: vec![run],
            journal: vec![JournalEntry {
                actor: by.into(),
                action: "night".into(),
                subject: None,
                detail: serde_json::json!({
                    "date": date, "checked": summary.checked,
                    "unexplained": summary.unexplained.len(), "reviews": summary.reviews,
                    "law": summary.law, "figures": summary.figures, "redetermined": summary.redetermined,
                }),
            }],
            ..ChangeSet::default()
        };
        self.store.commit(&set).await?;
        self.store
            .set_setting(LAST_NIGHT, &date.to_string())
            .await?;
        Ok(summary)
    }

    /// The months of a programme that were determined for everybody, ascending.
    pub(super) async fn opened_months(&self, programme: &str) -> Result<Vec<Month>, ServiceError> {
        let opened = self.opened().await?;
        Ok(opened
            .into_iter()
            .filter(|o| o.programme == programme)
            .flat_map(|o| o.months)
            .collect())
    }

    /// The months whose determinations must be what the rules yield now, ascending. What is determined
    /// once is looked at on the reference day of the last month only, as a change looks at it: somebody who
    /// moved away since is not owed it any more.
    pub(super) async fn months_to_compare(
        &self,
        programme: &str,
    ) -> Result<Vec<Month>, ServiceError> {
        let mut months = self.opened_months(programme).await?;
        let once = latest_version(self.law(), programme).is_some_and(|p| p.rhythm == Rhythm::Once);
        if once {
            months.sort_unstable();
            months = months.pop().into_iter().collect();
        }
        Ok(months)
    }

    async fn first_opened(&self) -> Result<Option<Month>, ServiceError> {
        Ok(self
            .opened()
            .await?
            .into_iter()
            .flat_map(|o| o.months)
            .min())
    }

    /// Figures of the law that became known after `last` and up to `date`: the row, the figure's name, and
    /// the first day.
    fn figures_known(&self, last: Day, date: Day) -> Vec<(String, &str, Day)> {
        let mut found = Vec::new();
        for parameter in self.law().parameters() {
            for row in &parameter.rows {
                if let (Some(known), Some(from)) = (row.known_from, row.from)
                    && last < known
                    && known <= date
                    && from <= date
                {
                    let text = format!("{} ({}, {from})", parameter.name, row.place);
                    found.push((text, &*parameter.name, from));
                }
            }
        }
        found
    }

    /// Redetermines everybody whose months from `from` on come out otherwise now that the figures are
    /// known. Programmes that read none of them are left alone: they cannot come out otherwise.
    async fn redetermine_from(
        &self,
        from: Day,
        figures: &[&str],
        by: &str,
        at: At,
    ) -> Result<u64, ServiceError> {
        let cause = |programme: Option<&str>| Change::Parameter {
            programme: programme.map(str::to_string),
            valid: Period::since(from),
        };
        let reading: Vec<&str> = programme_ids(self.law())
            .into_iter()
            .filter(|programme| {
                let inputs = self.law().inputs(programme);
                figures.iter().any(|name| inputs.parameters.contains(*name))
            })
            .collect();
        self.redetermine_all(from, &reading, &cause, by, at).await
    }

    /// Opens a case for each award whose review fell due after `last` and up to `date`.
    async fn reviews(&self, last: Day, date: Day, by: &str, at: At) -> Result<u64, ServiceError> {
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
        if awards.is_empty() {
            return Ok(0);
        }
        let mut opened = 0;
        for (award, area, months) in self.rhythms(awards, date, at).await? {
            let due = next_review(&award, months);
            if due <= last || due > date {
                continue;
            }
            let Some(scheme) = self.rules.programme(&award.programme, &area, date) else {
                continue;
            };
            let calendar = self.law().calendar(&area);
            let review = application::review(&award, due, scheme, &area, by, at, &calendar);
            let shard = award.subject.shard.clone();
            if self.store.case(&shard, review.case.id).await?.is_some() {
                continue;
            }
            let set = ChangeSet {
                shard,
                at: at.now,
                cases: vec![review.case],
                tasks: review.tasks,
                ..ChangeSet::default()
            };
            self.store.commit_bulk(&set).await?;
            opened += 1;
        }
        Ok(opened)
    }

    /// Months between reviews for each award, by the rule in force where the household lives. The population
    /// is read once for all programmes.
    async fn rhythms(
        &self,
        mut awards: HashMap<Id, Vec<Award>>,
        date: Day,
        at: At,
    ) -> Result<Vec<(Award, String, u32)>, ServiceError> {
        let filter = PopulationFilter::default();
        let population = self
            .store
            .population(self.rules.kinds(), date, at.now, &filter)?;
        let rules = self.rules.clone();
        let found = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            let mut memo = Memo::default();
            for chunk in population {
                for slice in chunk? {
                    for award in awards.remove(&slice.household).unwrap_or_default() {
                        let months = rhythm(&rules, &award.programme, &slice, date, &mut memo);
                        found.extend(months.map(|months| (award, slice.area.to_string(), months)));
                    }
                }
            }
            Ok::<_, store::StoreError>(found)
        });
        let found = found
            .await
            .map_err(|e| ServiceError::Worker(e.to_string()))?;
        Ok(found?)
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
