//! What becomes known: recorded, and all that follows from it, in one transaction.

pub use super::facts::Facts;
pub use super::prefetch::Prefetched;

use super::batch::Job;
use super::{Office, ServiceError, clock, identity};
use base::{Calendar, Id};
use casework::correction::{Books, Correction, CorrectionError, correct};
use entitlement::change::{At, Change};
use entitlement::redetermination::RunError;
use entitlement::situation::LawRules;
use std::collections::HashMap;
use store::ChangeSet;

/// How often the pure part runs again when somebody else was faster.
const TRIES: usize = 8;

/// What a change came to.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// All that followed.
    pub correction: Correction,
    /// The request had been recorded before; nothing was written now.
    pub repeated: bool,
}

impl Office {
    /// What would follow if `facts` were recorded at `at`; nothing is written.
    ///
    /// # Errors
    /// When a subject is unknown, the database fails, or the rules cannot be run.
    pub async fn preview(
        &self,
        facts: &Facts,
        by: &str,
        at: At,
    ) -> Result<Correction, ServiceError> {
        let job = Job::about(Id::mint(), facts.clone(), at);
        let read = self.prefetch(&job.subjects).await?;
        Ok(self.decide_on(read, &job, by).await?.1)
    }

    /// Records `facts` with all that follows from them. `request` is the client's id of the request:
    /// the same request twice records once. When this returns, it is on disk.
    ///
    /// # Errors
    /// As [`Office::preview`]; [`ServiceError::Busy`] when others keep changing the same household.
    pub async fn record(
        &self,
        request: Id,
        facts: &Facts,
        by: &str,
        at: At,
    ) -> Result<Recorded, ServiceError> {
        let job = Job::about(request, facts.clone(), at);
        self.record_job(&job, by, |_| Ok(())).await
    }

    /// As [`Office::record`], with a last word on what is written: `finish` adds the records that belong to
    /// the same act (events of a case, say).
    pub async fn record_with(
        &self,
        request: Id,
        facts: &Facts,
        by: &str,
        at: At,
        finish: impl Fn(&mut ChangeSet) -> Result<(), ServiceError>,
    ) -> Result<Recorded, ServiceError> {
        let job = Job::about(request, facts.clone(), at);
        self.record_job(&job, by, finish).await
    }

    /// Prefetch, decide, commit; again when a household changed in between.
    pub(super) async fn record_job(
        &self,
        job: &Job,
        by: &str,
        finish: impl Fn(&mut ChangeSet) -> Result<(), ServiceError>,
    ) -> Result<Recorded, ServiceError> {
        for _ in 0..TRIES {
            let read = self.prefetch(&job.subjects).await?;
            let job = settled(job, &read);
            let (read, correction) = self.decide_on(read, &job, by).await?;
            let mut set =
                (job.facts).into_change(job.request, &read, correction.clone(), by, job.at);
            finish(&mut set)?;
            match self.store.commit(&set).await {
                Ok(committed) => {
                    return Ok(Recorded {
                        correction,
                        repeated: committed.repeated,
                    });
                }
                Err(error) if error.is_conflict() => continue,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ServiceError::Busy)
    }

    /// What recording `facts` at `at` would write, decided and not committed.
    ///
    /// # Errors
    /// As [`Office::record`].
    pub(crate) async fn prepared(
        &self,
        request: Id,
        facts: &Facts,
        by: &str,
        at: At,
    ) -> Result<ChangeSet, ServiceError> {
        self.set_of(&Job::about(request, facts.clone(), at), by)
            .await
    }

    /// Prefetch and decide.
    pub(super) async fn set_of(&self, job: &Job, by: &str) -> Result<ChangeSet, ServiceError> {
        let read = self.prefetch(&job.subjects).await?;
        let job = settled(job, &read);
        let (read, follows) = self.decide_on(read, &job, by).await?;
        Ok((job.facts).into_change(job.request, &read, follows, by, job.at))
    }

    async fn decide_on(
        &self,
        mut read: Prefetched,
        job: &Job,
        by: &str,
    ) -> Result<(Prefetched, Correction), ServiceError> {
        let mut desk = Desk::new(&self.rules);
        loop {
            match desk.decide(&mut read, job, by) {
                Ok(correction) => return Ok((read, correction)),
                Err(Undecided::Without(household)) => {
                    let more = self.store.dossiers(vec![household]).await?;
                    if read.take(&more, &[household]) == 0 {
                        return Err(ServiceError::NotFound(format!(
                            "household {household} is not in the register"
                        )));
                    }
                }
                Err(Undecided::Failed(error)) => return Err(error),
            }
        }
    }
}

/// A job as it is recorded: later than all that is known of its households, and about the records that those
/// it names go on as.
pub(super) fn settled(job: &Job, read: &Prefetched) -> Job {
    let at = clock::after(read, job.at);
    Job {
        request: job.request,
        facts: identity::redirected(clock::stamped(&job.facts, at), read),
        subjects: job.subjects.clone(),
        changes: job.changes.clone(),
        at,
    }
}

/// Where decisions are taken: the rules, and what one decision looks up for the next.
pub(super) struct Desk<'r> {
    rules: &'r LawRules,
    calendars: HashMap<String, Calendar>,
}

/// Why there is no decision.
pub(super) enum Undecided {
    /// A household must be read too.
    Without(Id),
    /// It can't be taken.
    Failed(ServiceError),
}

impl<'r> Desk<'r> {
    pub(super) fn new(rules: &'r LawRules) -> Desk<'r> {
        Desk {
            rules,
            calendars: HashMap::new(),
        }
    }

    /// What follows from a job's facts and changes. The facts are in `read` afterwards.
    pub(super) fn decide(
        &mut self,
        read: &mut Prefetched,
        job: &Job,
        by: &str,
    ) -> Result<Correction, Undecided> {
        job.facts.add_to(read).map_err(Undecided::Failed)?;
        // Working days are those of where the first household lives or last lived.
        let homes = read.households.iter();
        let place = homes.flat_map(|h| h.residences.last()).next();
        let place = place.map(|r| r.area.as_str()).unwrap_or_default();
        if !self.calendars.contains_key(place) {
            let calendar = self.rules.law().calendar(place);
            self.calendars.insert(place.into(), calendar);
        }
        let books = Books {
            known: read.known(),
            transfers: &read.transfers,
            cases: &read.cases,
            calendar: &self.calendars[place],
            by,
        };
        let mut all: Vec<Change<'_>> = job.facts.changes();
        all.extend(job.changes.iter().cloned());
        correct(self.rules, &books, &all, job.at).map_err(|error| match error {
            CorrectionError::Run(RunError::NotLoaded(household)) => Undecided::Without(household),
            error => Undecided::Failed(error.into()),
        })
    }
}
