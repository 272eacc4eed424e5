//! Many changes at once: read together, decided side by side, written in one transaction.
//!
//! Each is decided as it would be alone, on the same prefetched facts and by the same pure function; only
//! the questions to the database and the commits are shared. What cannot be shared (a person who turns up
//! in two of them, a household that somebody else changed meanwhile) goes one by one as ever.

use super::change::{Desk, Facts, Prefetched, Undecided, settled};
use super::everybody::worker_count;
use super::prefetch::linked;
use super::{Office, ServiceError};
use base::Id;
use entitlement::change::{At, Change};
use entitlement::redetermination::Opened;
use entitlement::situation::LawRules;
use std::sync::Arc;
use store::{ChangeSet, Dossiers};

/// Households or persons redetermined in one transaction.
const AT_ONCE: usize = 512;

/// One change to decide.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The client's id of the request.
    pub request: Id,
    /// What becomes known.
    pub facts: Facts,
    /// Whose households must be read.
    pub subjects: Vec<Id>,
    /// What happened besides, that is not theirs alone.
    pub changes: Vec<Change<'static>>,
    /// When.
    pub at: At,
}

impl Job {
    /// Facts and whom they are about.
    pub fn about(request: Id, facts: Facts, at: At) -> Job {
        let subjects = facts.subjects();
        Job {
            request,
            facts,
            subjects,
            changes: Vec::new(),
            at,
        }
    }

    /// One household or person, for a change that is not about it alone.
    fn of(subject: Id, change: &Change<'static>, at: At) -> Job {
        Job {
            // The same again is the same request.
            request: Id::derive(&[
                "redetermine",
                &subject.to_string(),
                &format!("{change:?}"),
                &base::format_instant(at.now),
            ]),
            facts: Facts::default(),
            subjects: vec![subject],
            changes: vec![Change::About {
                subject,
                change: Box::new(change.clone()),
            }],
            at,
        }
    }
}

/// What a batch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchFigures {
    /// New versions of determinations.
    pub determinations: u64,
    /// Changes of what is owed.
    pub changes: u64,
}

impl Office {
    /// Records many changes that came in one after the other, as feeds bring them: decided side by side,
    /// written in one transaction. No two of them may be about the same household or the members of one.
    ///
    /// # Errors
    /// As [`Office::record`]; nothing of this batch is recorded then.
    pub async fn record_many(
        &self,
        batch: Vec<(Id, Facts, At)>,
        by: &str,
    ) -> Result<BatchFigures, ServiceError> {
        let jobs: Vec<Job> = batch
            .into_iter()
            .map(|(request, facts, at)| Job::about(request, facts, at))
            .collect();
        let opened = self.opened().await?;
        let dossiers = self.dossiers_of(&jobs).await?;
        let whole = self
            .decide_all(Arc::new(jobs), dossiers, &opened, by)
            .await?;
        let figures = BatchFigures {
            determinations: whole.determinations.len() as u64,
            changes: whole.entitlement_changes.len() as u64,
        };
        self.store.commit_bulk(&whole).await?;
        Ok(figures)
    }

    /// Redetermines many households or persons for a change that is not about them alone (a month opened, a figure that
    /// became known). While some are decided, those before are written and those after are read.
    ///
    /// # Errors
    /// As [`Office::record`]; those before the failure stay redetermined.
    pub(super) async fn record_each(
        &self,
        subjects: &[Id],
        change: &Change<'static>,
        by: &str,
        at: At,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), ServiceError> {
        let opened = self.opened().await?;
        let mut chunks = subjects.chunks(AT_ONCE).map(|chunk| {
            let jobs = chunk.iter().map(|id| Job::of(*id, change, at));
            Arc::new(jobs.collect::<Vec<Job>>())
        });
        let mut decided: Option<(Arc<Vec<Job>>, ChangeSet)> = None;
        let mut next = match chunks.next() {
            Some(jobs) => Some((self.dossiers_of(&jobs).await?, jobs)),
            None => None,
        };
        while next.is_some() || decided.is_some() {
            let now = next.take();
            let after = chunks.next();
            let write = async {
                match &decided {
                    Some((jobs, whole)) => self.write_each(jobs, whole, by).await,
                    None => Ok(()),
                }
            };
            let decide = async {
                match now {
                    Some((dossiers, jobs)) => {
                        let all = self.decide_all(jobs.clone(), dossiers, &opened, by);
                        Ok::<_, ServiceError>(Some((jobs, all.await?)))
                    }
                    None => Ok(None),
                }
            };
            let read = async {
                match after {
                    Some(jobs) => {
                        Ok::<_, ServiceError>(Some((self.dossiers_of(&jobs).await?, jobs)))
                    }
                    None => Ok(None),
                }
            };
            let (written, made, ahead) = tokio::join!(write, decide, read);
            written?;
            if let Some((jobs, _)) = &decided {
                progress(jobs.len() as u64);
            }
            (decided, next) = (made?, ahead?);
        }
        Ok(())
    }

    async fn write_each(
        &self,
        jobs: &[Job],
        whole: &ChangeSet,
        by: &str,
    ) -> Result<(), ServiceError> {
        match self.store.commit_bulk(whole).await {
            Ok(_) => Ok(()),
            // Two of them share a person, or somebody was faster: one after the other, then.
            Err(error) if error.is_conflict() => {
                for job in jobs {
                    self.record_job(job, by, |_| Ok(())).await?;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn dossiers_of(&self, jobs: &[Job]) -> Result<Arc<Dossiers>, ServiceError> {
        let mut subjects: Vec<Id> = jobs.iter().flat_map(|j| j.subjects.clone()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        Ok(Arc::new(self.store.dossiers(subjects).await?))
    }

    /// Decides all on as many threads as there are, in the order of the jobs.
    async fn decide_all(
        &self,
        jobs: Arc<Vec<Job>>,
        dossiers: Arc<Dossiers>,
        opened: &[Opened],
        by: &str,
    ) -> Result<ChangeSet, ServiceError> {
        let share = jobs.len().div_ceil(worker_count()).max(1);
        let mut parts = Vec::new();
        for from in (0..jobs.len()).step_by(share) {
            let part = Part {
                rules: self.rules.clone(),
                jobs: jobs.clone(),
                dossiers: dossiers.clone(),
                opened: opened.to_vec(),
                by: by.to_string(),
            };
            let range = from..(from + share).min(jobs.len());
            parts.push(tokio::task::spawn_blocking(move || part.decide(range)));
        }
        let mut whole = ChangeSet::default();
        for part in parts {
            let decided = part
                .await
                .map_err(|e| ServiceError::Worker(e.to_string()))?;
            for one in decided {
                let set = match one {
                    Ok(set) => *set,
                    // A household that nobody foresaw: read what is missing and decide by itself.
                    Err((n, Undecided::Without(_))) => self.set_of(&jobs[n], by).await?,
                    Err((_, Undecided::Failed(error))) => return Err(error),
                };
                whole.absorb(set);
            }
        }
        Ok(whole)
    }
}

/// What one thread decides.
struct Part {
    rules: Arc<LawRules>,
    jobs: Arc<Vec<Job>>,
    dossiers: Arc<Dossiers>,
    opened: Vec<Opened>,
    by: String,
}

impl Part {
    fn decide(
        &self,
        range: std::ops::Range<usize>,
    ) -> Vec<Result<Box<ChangeSet>, (usize, Undecided)>> {
        let mut desk = Desk::new(&self.rules);
        let mut all = Vec::with_capacity(range.len());
        for n in range {
            let job = &self.jobs[n];
            let mut read = Prefetched::new(self.opened.clone());
            read.take(&self.dossiers, &job.subjects);
            if let Some(other) = linked(&read, &job.subjects).first() {
                all.push(Err((n, Undecided::Without(*other))));
                continue;
            }
            let job = settled(job, &read);
            let decided = desk.decide(&mut read, &job, &self.by);
            all.push(match decided {
                Ok(follows) => {
                    let facts = job.facts;
                    let set = facts.into_change(job.request, &read, follows, &self.by, job.at);
                    Ok(Box::new(set))
                }
                Err(undecided) => Err((n, undecided)),
            });
        }
        all
    }
}
