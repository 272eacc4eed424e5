//! Programmes for everybody: a month determined, on all threads, written only where something differs.

use super::everybody::{Keep, Standing, Subjected};
use super::{Office, ServiceError};
use base::{Fen, Id, Month};
use entitlement::change::{At, Change};
use entitlement::determination::{Determination, SubjectKey};
use entitlement::determine::{Found, determination_id, next_version};
use entitlement::month::{Beside, settle};
use entitlement::owed::award_running;
use entitlement::redetermination::Look;
use entitlement::rules::Rules;
use ledger::account::{Stamp, chart};
use ledger::position::Position;
use ledger::post::{self, post};
use std::collections::{BTreeMap, HashSet};
use store::{ChangeSet, JournalEntry, Mark};

/// Determinations written in one transaction.
const BATCH: usize = 8192;

/// What a run did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct RunSummary {
    /// Programme id.
    pub programme: String,
    /// The month.
    pub month: String,
    /// Households read.
    pub households: u64,
    /// Persons read.
    pub persons: u64,
    /// Subjects that the programme is in question for, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Persons in entitled households (for programmes of persons: entitled persons).
    pub entitled_persons: u64,
    /// What the rules grant in all, awarded or not.
    pub granted: Fen,
    /// What is newly owed under awards.
    pub owed: Fen,
    /// Entitlements begun or changed.
    pub entitlements: u64,
    /// Determinations written.
    pub written: u64,
    /// Households whose determination differed from the one that stood, or who are not asked any more, and
    /// that were redetermined with all that follows.
    pub differing: u64,
    /// Subjects without award and without money whose determination differed: a new version, no more.
    pub rewritten: u64,
    /// Subjects whose rules could not be run, with the reason; the first hundred.
    pub faults: Vec<String>,
}

/// A programme's run under way.
struct Running<'s> {
    standing: &'s Standing,
    summary: RunSummary,
    /// Households, or persons who are in none any more.
    differing: Vec<Id>,
    still_asked: HashSet<Id>,
    set: ChangeSet,
}

impl Office {
    /// Determines programmes for everybody for a month as known now: new versions are written where
    /// nothing stood; where something else stood the household is redetermined with all that follows.
    /// Running it again writes nothing; a run that was killed goes on.
    ///
    /// # Errors
    /// When a programme is unknown or the database fails.
    pub async fn determine_all(
        &self,
        programmes: &[&str],
        month: Month,
        by: &str,
        at: At,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<RunSummary>, ServiceError> {
        let at = self.steady(at).await?;
        let opened = |programme: &str| Change::Opened {
            programme: programme.to_string(),
            month,
        };
        self.run_month(programmes, month, &opened, by, at, progress)
            .await
    }

    /// As [`Office::determine_all`], saying what the differences come from.
    pub(super) async fn run_month(
        &self,
        programmes: &[&str],
        month: Month,
        cause: &(dyn Fn(&str) -> Change<'static> + Sync),
        by: &str,
        at: At,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<RunSummary>, ServiceError> {
        let asked: Vec<(&str, Month)> = programmes.iter().map(|p| (*p, month)).collect();
        let standings = self.standings(&asked, at).await?;
        for programme in programmes {
            self.open_month(programme, month).await?;
        }
        let mut runs: Vec<Running<'_>> = standings
            .iter()
            .map(|standing| Running {
                standing,
                summary: RunSummary {
                    programme: standing.programme.clone(),
                    month: month.to_string(),
                    ..RunSummary::default()
                },
                differing: Vec::new(),
                still_asked: HashSet::new(),
                set: self.empty_set(at),
            })
            .collect();
        let mut receive = self.ask_everybody(standings.clone(), Keep::Differing, None, at)?;
        while let Some(chunk) = receive.recv().await {
            let chunk = chunk?;
            for (run, asked) in runs.iter_mut().zip(chunk.programmes) {
                run.summary.households += asked.households;
                run.summary.persons += asked.persons;
                for (outcome, count) in asked.outcomes {
                    *run.summary.outcomes.entry(outcome.into()).or_default() += count;
                }
                run.summary.entitled_persons += asked.entitled_persons;
                run.summary.granted = run.summary.granted + asked.granted;
                run.still_asked.extend(asked.still_asked);
                let left = 100 - run.summary.faults.len().min(100);
                let faults = asked.faults.into_iter().map(|(_, fault)| fault);
                run.summary.faults.extend(faults.take(left));
                for subject in asked.results {
                    self.take(run, subject)?;
                }
                if run.set.determinations.len() >= BATCH {
                    self.write_batch(&mut run.set, at).await?;
                }
            }
            progress(chunk.households);
        }
        // What rests on erased evidence stays as it was determined.
        let erased = self.store.erased_subjects().await?;
        let mut summaries = Vec::new();
        for mut run in runs {
            self.write_batch(&mut run.set, at).await?;
            // Not told apart from a household whose rules could not be run, so that such a run leaves them to
            // the next one.
            if run.summary.faults.is_empty() {
                let left = run.standing.no_longer_asked(&run.still_asked);
                run.differing.extend(left);
            }
            run.differing.sort_unstable();
            run.differing.dedup();
            run.differing
                .retain(|household| !erased.contains(household));
            let mut summary = run.summary;
            summary.differing = run.differing.len() as u64;
            let cause = cause(&summary.programme);
            self.record_each(&run.differing, &cause, by, at, &|_| {})
                .await?;
            self.finish_run(&summary, by, at).await?;
            summaries.push(summary);
        }
        Ok(summaries)
    }

    /// One result that is not what stands.
    fn take(&self, run: &mut Running<'_>, subject: Subjected) -> Result<(), ServiceError> {
        let id = subject.found.subject.id;
        let household = subject.household;
        let careful = match run.standing.marks.get(&id) {
            // Money or an award is at stake: all that follows must be worked out.
            Some(_) if run.standing.at_stake(id) || run.standing.later => true,
            Some(mark) => {
                run.summary.rewritten += 1;
                let again = self.again(subject.found, run.standing, *mark);
                run.set.determinations.extend(again);
                false
            }
            None if run.standing.later => true,
            None => !self.first(&mut run.set, &mut run.summary, run.standing, subject)?,
        };
        if careful && run.differing.last() != Some(&household) {
            run.differing.push(household);
        }
        Ok(())
    }

    fn empty_set(&self, at: At) -> ChangeSet {
        ChangeSet {
            at: at.now,
            ..ChangeSet::default()
        }
    }

    /// The next version for a subject to whom nothing is owed and nothing was granted.
    fn again(&self, found: Found, standing: &Standing, mark: Mark) -> Option<Determination> {
        let now = standing.at.now;
        let digest = self.rules.digest();
        let mut made = next_version(found, &standing.programme, None, digest, now, now)?;
        made.version = mark.version + 1;
        made.id = determination_id(&made.subject, &made.programme, made.period, made.version);
        Some(made)
    }

    /// A subject's first determination for a period, and what it is owed under its award. False when the
    /// careful road must go: a reduction waits for a hearing, or an award runs that the rules do not bear.
    fn first(
        &self,
        set: &mut ChangeSet,
        summary: &mut RunSummary,
        standing: &Standing,
        subject: Subjected,
    ) -> Result<bool, ServiceError> {
        let at = standing.at;
        let Some(programme) =
            self.rules
                .programme(&standing.programme, &subject.area, standing.day)
        else {
            return Ok(true);
        };
        let id = subject.found.subject.id;
        let awarded = standing.awards.get(&id).is_some_and(|awards| {
            let key = &subject.found.subject;
            award_running(awards, key, &standing.programme, standing.month, at.now).is_some()
        });
        let beside = Beside {
            last: None,
            awarded,
            decisions: &subject.decisions,
            last_change: None,
            owed_before: standing.owed_before.get(&id).map(|o| o.owed),
            area: &subject.area,
            hearable: subject.hearable,
        };
        let settled = settle(
            programme,
            subject.found,
            &beside,
            self.rules.digest(),
            at.now,
            at,
        );
        let awarded_and_not_borne = matches!(
            settled.look,
            Some(Look::AwardedAndRefused | Look::AwardedAndUndetermined)
        );
        if settled.hold.is_some() || awarded_and_not_borne {
            return Ok(false);
        }
        if let Some(change) = settled.change {
            let key = &change.subject;
            let mut position = Position::new(&key.shard, key.id, &change.programme);
            let posted = post(
                &post::Change {
                    id: change.id,
                    shard: key.shard.clone(),
                    payee: key.id,
                    programme: change.programme.clone(),
                    period: change.period.to_string(),
                    owed: change.owed,
                    change: change.change,
                },
                &mut position,
                Stamp {
                    booked: at.today,
                    recorded_at: at.now,
                },
            )
            .map_err(casework::correction::CorrectionError::from)?;
            set.accounts
                .extend(chart(&key.shard, key.id, &change.programme));
            set.transfers.extend(posted.transfers);
            summary.owed = summary.owed + change.change;
            summary.entitlements += 1;
            set.entitlement_changes.push(change);
        }
        if let Some(made) = settled.determination {
            summary.written += 1;
            set.determinations.push(made);
        }
        Ok(true)
    }

    async fn write_batch(&self, set: &mut ChangeSet, at: At) -> Result<(), ServiceError> {
        let full = std::mem::replace(set, self.empty_set(at));
        // One transaction per shard: the journal and the request belong to one.
        let mut shards: Vec<String> = full
            .determinations
            .iter()
            .map(|d| d.subject.shard.clone())
            .collect();
        shards.sort_unstable();
        shards.dedup();
        if let [shard] = shards.as_slice() {
            let shard = shard.clone();
            self.store.commit_bulk(&ChangeSet { shard, ..full }).await?;
            return Ok(());
        }
        for shard in shards {
            let mut part = self.empty_set(at);
            let of = |key: &SubjectKey| key.shard == shard;
            part.determinations = full
                .determinations
                .iter()
                .filter(|d| of(&d.subject))
                .cloned()
                .collect();
            part.entitlement_changes = full
                .entitlement_changes
                .iter()
                .filter(|c| of(&c.subject))
                .cloned()
                .collect();
            part.accounts = full
                .accounts
                .iter()
                .filter(|a| a.shard == shard)
                .cloned()
                .collect();
            part.transfers = full
                .transfers
                .iter()
                .filter(|t| t.shard == shard)
                .cloned()
                .collect();
            part.shard = shard;
            self.store.commit_bulk(&part).await?;
        }
        Ok(())
    }

    async fn finish_run(&self, summary: &RunSummary, by: &str, at: At) -> Result<(), ServiceError> {
        let shard = self
            .store
            .shards()
            .await?
            .into_iter()
            .next()
            .unwrap_or_default();
        let mut set = self.empty_set(at);
        set.shard = shard;
        set.journal.push(JournalEntry {
            actor: by.into(),
            action: "determine".into(),
            subject: None,
            detail: serde_json::to_value(summary).unwrap_or_default(),
        });
        self.store.commit(&set).await?;
        Ok(())
    }
}

/// Waits for all, side by side on this task.
pub(super) async fn side_by_side<F: Future>(jobs: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut jobs: Vec<_> = jobs.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = jobs.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (job, slot) in jobs.iter_mut().zip(&mut done) {
            if slot.is_none() {
                match job.as_mut().poll(context) {
                    std::task::Poll::Ready(output) => *slot = Some(output),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
