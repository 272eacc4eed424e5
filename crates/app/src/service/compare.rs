//! What stands compared with what the rules yield now; nothing is written.

use super::everybody::{Keep, Standing};
use super::replay::Explained;
use super::review::{Reviewed, Reviews};
use super::{Office, ServiceError};
use base::{Id, Month};
use entitlement::change::At;
use entitlement::columns::ByRow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What a comparison found for one programme and month.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Programme id.
    pub programme: String,
    /// The month.
    pub month: Month,
    /// Determinations compared.
    pub checked: u64,
    /// Subjects that went by row although the run is in columns, by reason.
    pub by_row: BTreeMap<ByRow, u64>,
    /// Households (or subjects that are in none) for whom something else stands.
    pub differing: Vec<Id>,
    /// Households whose rules could not be run.
    pub faults: Vec<String>,
}

impl Office {
    /// Compares what stands for a month with what the rules yield from what is known at `at`: outcome,
    /// amount, reasons, lines and what is handed to the next month, for every subject.
    ///
    /// # Errors
    /// When a programme is unknown or the database fails.
    pub async fn compare(
        &self,
        programmes: &[&str],
        month: Month,
        at: At,
    ) -> Result<Vec<Comparison>, ServiceError> {
        let asked: Vec<(&str, Month)> = programmes.iter().map(|p| (*p, month)).collect();
        let standings = self.standings(&asked, at).await?;
        let compared = self.compare_with(standings, Keep::Differing, None, at);
        Ok(compared.await?.0)
    }

    /// As [`Office::compare`] for what stands, looking in the same reading of the population at reviews; gives
    /// the awards that are reviewed too.
    pub(super) async fn compare_with(
        &self,
        standings: Arc<Vec<Standing>>,
        keep: Keep,
        reviews: Option<Arc<Reviews>>,
        at: At,
    ) -> Result<(Vec<Comparison>, Vec<Reviewed>), ServiceError> {
        let mut all: Vec<Comparison> = standings
            .iter()
            .map(|s| Comparison {
                programme: s.programme.clone(),
                month: s.month,
                checked: 0,
                by_row: BTreeMap::new(),
                differing: Vec::new(),
                faults: Vec::new(),
            })
            .collect();
        let mut rhythms = Vec::new();
        let mut still_asked: Vec<HashSet<Id>> = vec![HashSet::new(); standings.len()];
        let mut receive = self.ask_everybody(standings.clone(), keep, reviews, at)?;
        while let Some(chunk) = receive.recv().await {
            let chunk = chunk?;
            rhythms.extend(chunk.rhythms);
            for (n, asked) in chunk.programmes.into_iter().enumerate() {
                let found = &mut all[n];
                found.checked += asked.outcomes.values().sum::<u64>();
                for (why, count) in asked.by_row {
                    *found.by_row.entry(why).or_default() += count;
                }
                found
                    .faults
                    .extend(asked.faults.into_iter().map(|(_, fault)| fault));
                found
                    .differing
                    .extend(asked.results.iter().map(|r| r.household));
                found.differing.dedup();
                still_asked[n].extend(asked.still_asked);
            }
        }
        for (n, standing) in standings.iter().enumerate() {
            // Not told apart from households whose rules could not be run.
            if all[n].faults.is_empty() {
                let left = standing.no_longer_asked(&still_asked[n]);
                all[n].differing.extend(left);
            }
        }
        Ok((all, rhythms))
    }

    /// What a programme's rules yield for everybody for a month as known at `at`, with reasons; nothing is
    /// written.
    ///
    /// # Errors
    /// When the programme is unknown or the database fails.
    pub async fn determined(
        &self,
        programme: &str,
        month: Month,
        at: At,
    ) -> Result<Vec<Explained>, ServiceError> {
        let standings = self.standings(&[(programme, month)], at).await?;
        let mut all = Vec::new();
        let mut receive = self.ask_everybody(standings, Keep::All, None, at)?;
        while let Some(chunk) = receive.recv().await {
            let results = chunk?.programmes.into_iter().flat_map(|a| a.results);
            all.extend(results.map(|subject| Explained {
                subject: subject.found.subject,
                period: subject.found.period,
                evaluation: subject.found.evaluation,
                explanation: None,
            }));
        }
        all.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(all)
    }
}
