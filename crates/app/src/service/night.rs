//! The night: figures that became known, reviews that fall due, and everybody recomputed: no difference
//! may be left that a change did not explain.

use super::anchor::Anchor;
use super::everybody::Keep;
use super::rules::{determined_for_everybody, latest_version, programme_ids};
use super::{Office, ServiceError};
use base::{Day, Id, Month, Period};
use entitlement::Rhythm;
use entitlement::change::{At, Change};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{ChangeSet, JournalEntry, Run};

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

/// Subjects of a programme that a night in columns determined by row.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ByRowCount {
    /// Programme id.
    pub programme: String,
    /// Why.
    pub why: String,
    /// How many.
    pub subjects: u64,
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
    /// Who of them went by row, and why; empty when all did by wish (`Road::Rows`).
    pub by_row: Vec<ByRowCount>,
    /// Differences that nothing explains.
    pub unexplained: Vec<Unexplained>,
    /// Households whose rules could not be run, and why nothing was anchored.
    pub faults: Vec<String>,
    /// The line in the auditor's file, where one is named.
    pub anchor: Option<Anchor>,
}

/// How a night recomputes everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// In columns: outcome, condition and amount of everybody; what differs, what columns cannot judge, and
    /// one subject in 28, others each night, are recomputed by row and compared to the last word.
    Columns,
    /// By row: everybody's whole determination, reasons, lines and what is handed to the next month too.
    Rows,
}

impl Office {
    /// Ends a day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn night(
        &self,
        date: Day,
        road: Road,
        by: &str,
        at: At,
    ) -> Result<NightSummary, ServiceError> {
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
        let erased = self.store.erased_subjects().await?;
        // Months before the latest are `verify`'s to recompute.
        let mut latest: Vec<(&str, Month)> = Vec::new();
        for programme in determined_for_everybody(self.law()) {
            if let Some(month) = self.months_to_compare(programme).await?.last() {
                latest.push((programme, *month));
            }
        }
        let standings = self.standings(&latest, at).await?;
        let keep = match road {
            Road::Columns => Keep::DifferingInColumns(date),
            Road::Rows => Keep::Differing,
        };
        let reviews = self.awards_under_review(date).await?.map(Arc::new);
        let (compared, rhythms) = self.compare_with(standings, keep, reviews, at).await?;
        for mut found in compared {
            found.differing.retain(|h| !erased.contains(h));
            summary.checked += found.checked;
            summary.faults.extend(found.faults);
            summary
                .by_row
                .extend(found.by_row.into_iter().map(|(why, subjects)| ByRowCount {
                    programme: found.programme.clone(),
                    why: why.to_string(),
                    subjects,
                }));
            let differing = found.differing.into_iter().map(|household| Unexplained {
                programme: found.programme.clone(),
                month: found.month.to_string(),
                household,
            });
            summary.unexplained.extend(differing);
        }
        summary.reviews = self.open_reviews(rhythms, last, date, by, at).await?;
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
}
