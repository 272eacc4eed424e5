//! A queue of jobs for several workers: each job is done by one at a time, and by another when that one
//! is gone. A job is a note about work, not a record: what it does records itself, once.

use crate::Store;
use crate::db::{Durability, transact};
use crate::error::StoreError;
use crate::schema as t;
use crate::value::{Row, args};
use crate::write::{Clash, insert};
use base::{Id, Instant};
use chrono::TimeDelta;

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Derived from the work: asked for twice, it stands in the queue once.
    pub id: Id,
    /// Shard.
    pub shard: String,
    /// What to do.
    pub kind: String,
    /// With what.
    pub argument: serde_json::Value,
    /// Worker that has it, or had it last.
    pub worker: String,
    /// How often it was taken.
    pub attempts: u32,
    /// `open`, `taken`, `done` or `failed`.
    pub state: String,
    /// What came of it.
    pub result: String,
}

/// How many jobs stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCount {
    /// Not begun.
    pub open: u64,
    /// With a worker, or with one that is gone.
    pub taken: u64,
    /// Done.
    pub done: u64,
    /// Given up after too many attempts.
    pub failed: u64,
}

/// The first job that is open, or whose worker is gone; in two parts, since PostgreSQL passes over those that
/// another worker is taking at this moment and SQLite has one writer at a time.
const TAKE_FIRST: &str = "  UPDATE job SET state = 'taken', worker = $1, lease_until = $3, attempts = attempts + 1, changed_at = $2 \
     WHERE (shard, id) = (SELECT shard, id FROM job WHERE state IN ('open', 'taken') AND lease_until <= $2 \
     ORDER BY made_at, id LIMIT 1";
const TAKEN: &str = ") RETURNING id, shard, kind, argument, worker, attempts, state, result";
pub(crate) const RENEW: &str = "UPDATE job SET lease_until = $5, changed_at = $4 \
     WHERE shard = $1 AND id = $2 AND state = 'taken' AND worker = $3";
pub(crate) const END: &str = "UPDATE job SET state = $4, result = $5, changed_at = $6 \
     WHERE shard = $1 AND id = $2 AND state = 'taken' AND worker = $3";
pub(crate) const AGAIN: &str = "UPDATE job SET state = 'open', lease_until = 0, result = $4, changed_at = $5 \
     WHERE shard = $1 AND id = $2 AND state = 'taken' AND worker = $3";
pub(crate) const JOBS: &str = "SELECT id, shard, kind, argument, worker, attempts, state, result FROM job ORDER BY made_at, id";
pub(crate) const COUNTS: &str = "SELECT state, COUNT(*) FROM job GROUP BY state";

impl Store {
    /// Puts jobs into the queue; those that are there already stay as they are. Gives how many are new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_jobs(&self, jobs: &[Job], at: Instant) -> Result<u64, StoreError> {
        transact!(self.db, Durability::Synced, |tx| {
            let rows = jobs.iter().map(|job| {
                args![
                    &job.shard,
                    job.id,
                    &job.kind,
                    job.argument.to_string(),
                    "open",
                    "",
                    0i64,
                    0i64,
                    "",
                    at,
                    at,
                ]
            });
            insert(tx, &t::JOB, rows.collect(), Clash::Different).await
        })
    }

    /// Takes the next job for `worker` until `lease` has passed; `None` when there is nothing to take now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_job(
        &self,
        worker: &str,
        lease: TimeDelta,
        at: Instant,
    ) -> Result<Option<Job>, StoreError> {
        let skip = if self.db.is_pg() {
            " FOR UPDATE SKIP LOCKED"
        } else {
            ""
        };
        let sql = format!("{TAKE_FIRST}{skip}{TAKEN}");
        transact!(self.db, Durability::Synced, |tx| {
            let values = args![worker, at, at + lease];
            let rows = tx.fetch_generated(sql.clone(), values).await?;
            rows.first().map(job).transpose()
        })
    }

    /// Keeps a job for longer. False when it is another's by now: stop working on it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_job(
        &self,
        job: &Job,
        lease: TimeDelta,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let values = || args![&job.shard, job.id, &job.worker, at, at + lease];
        let changed = transact!(self.db, Durability::Bulk, |tx| {
            tx.execute(RENEW, values()).await
        })?;
        Ok(changed == 1)
    }

    /// Notes that a job is done (`result` says what came of it) or given up. False when it is another's by
    /// now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_job(
        &self,
        job: &Job,
        done: bool,
        result: &str,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let state = if done { "done" } else { "failed" };
        let values = || args![&job.shard, job.id, &job.worker, state, result, at];
        let changed = transact!(self.db, Durability::Synced, |tx| {
            tx.execute(END, values()).await
        })?;
        Ok(changed == 1)
    }

    /// Puts a job that could not be done now back into the queue, for whoever comes next.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn return_job(&self, job: &Job, why: &str, at: Instant) -> Result<(), StoreError> {
        let values = || args![&job.shard, job.id, &job.worker, why, at];
        transact!(self.db, Durability::Synced, |tx| {
            tx.execute(AGAIN, values()).await?;
            Ok(())
        })
    }

    /// Every job, in the order in which they are taken.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn jobs(&self) -> Result<Vec<Job>, StoreError> {
        let rows = self.db.fetch(JOBS, vec![]).await?;
        rows.iter().map(job).collect()
    }

    /// How many jobs stand how.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job_counts(&self) -> Result<JobCount, StoreError> {
        let mut counts = JobCount::default();
        for row in self.db.fetch(COUNTS, vec![]).await? {
            let number = row.int(1)? as u64;
            match row.str(0)? {
                "open" => counts.open = number,
                "taken" => counts.taken = number,
                "done" => counts.done = number,
                _ => counts.failed += number,
            }
        }
        Ok(counts)
    }
}

fn job(row: &Row) -> Result<Job, StoreError> {
    Ok(Job {
        id: row.id(0)?,
        shard: row.text(1)?,
        kind: row.text(2)?,
        argument: row.json(3)?,
        worker: row.text(4)?,
        attempts: row.small(5)?,
        state: row.text(6)?,
        result: row.text(7)?,
    })
}
