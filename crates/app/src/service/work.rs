//! Work that several processes share: jobs in the database's queue, each done by one worker at a time. A worker
//! that is gone keeps its job until the lease runs out; what it had written stays, and the next one goes on.

use super::rules::determined_for_everybody;
use super::{Office, ServiceError};
use base::{Id, Month};
use chrono::TimeDelta;
use entitlement::change::At;
use serde::Serialize;
use std::time::Duration;
use store::Job;

/// The kind of job that determines a programme for everybody, month after month.
const DETERMINE: &str = "determine";
/// How often a job is tried before it is given up.
const ATTEMPTS: u32 = 3;

/// One worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its name, unique among all.
    pub name: String,
    /// How long a job is its own without a sign of life.
    pub lease: TimeDelta,
    /// Wait for further jobs when there are none.
    pub stay: bool,
}

/// What a worker did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WorkSummary {
    /// Jobs done.
    pub done: u64,
    /// Jobs that became another's, since this worker was too slow to say that it lives.
    pub lost: u64,
    /// Jobs given up, and why.
    pub failed: Vec<String>,
}

impl Office {
    /// Puts the determination of months into the queue, one job a programme: its months rest on one another
    /// and are determined in order. Gives how many jobs are new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_months(
        &self,
        programme: Option<&str>,
        first: Month,
        last: Month,
        at: At,
    ) -> Result<u64, ServiceError> {
        let shard = self
            .store
            .shards()
            .await?
            .into_iter()
            .next()
            .unwrap_or_default();
        let mut months = Vec::new();
        let mut month = first;
        while month <= last {
            months.push(month);
            month = month.next();
        }
        let programmes: Vec<&str> = match programme {
            Some(one) => vec![one],
            None => determined_for_everybody(self.law()),
        };
        let jobs: Vec<Job> = programmes
            .into_iter()
            .map(|programme| Job {
                id: Id::derive(&[
                    "job",
                    DETERMINE,
                    programme,
                    &first.to_string(),
                    &last.to_string(),
                    &base::format_instant(at.now),
                ]),
                shard: shard.clone(),
                kind: DETERMINE.into(),
                argument: serde_json::json!({ "programme": programme, "months": months }),
                worker: String::new(),
                attempts: 0,
                state: "open".into(),
                result: String::new(),
            })
            .collect();
        Ok(self.store.put_jobs(&jobs, at.now).await?)
    }

    /// Takes jobs and does them until none is left, or for good when the worker stays.
    ///
    /// # Errors
    /// When the database fails; a job that fails is tried again, by whoever comes, and then given up.
    pub async fn work(&self, worker: &Worker) -> Result<WorkSummary, ServiceError> {
        let mut summary = WorkSummary::default();
        loop {
            let now = chrono::Utc::now();
            let Some(job) = self.store.take_job(&worker.name, worker.lease, now).await? else {
                let held = self.store.job_counts().await?.taken > 0;
                if !worker.stay && !held {
                    return Ok(summary);
                }
                // Another has the rest; should it be gone, its lease runs out.
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let outcome = tokio::select! {
                outcome = self.do_job(&job) => Some(outcome),
                () = self.keep(&job, worker.lease) => None,
            };
            let now = chrono::Utc::now();
            match outcome {
                None => summary.lost += 1,
                Some(Ok(result)) => match self.store.end_job(&job, true, &result, now).await? {
                    true => summary.done += 1,
                    false => summary.lost += 1,
                },
                Some(Err(error)) if job.attempts >= ATTEMPTS => {
                    self.store
                        .end_job(&job, false, &error.to_string(), now)
                        .await?;
                    summary
                        .failed
                        .push(format!("{} {}: {error}", job.kind, job.argument));
                }
                Some(Err(error)) => self.store.return_job(&job, &error.to_string(), now).await?,
            }
        }
    }

    /// Says again and again that the worker lives; ends when the job is another's.
    async fn keep(&self, job: &Job, lease: TimeDelta) {
        let pause = (lease / 3).to_std().unwrap_or(Duration::from_secs(1));
        loop {
            tokio::time::sleep(pause).await;
            // A database that does not answer now may answer before the lease runs out.
            if let Ok(false) = self.store.renew_job(job, lease, chrono::Utc::now()).await {
                return;
            }
        }
    }

    async fn do_job(&self, job: &Job) -> Result<String, ServiceError> {
        if job.kind != DETERMINE {
            return Err(ServiceError::Refused(format!(
                "this program does not know jobs of the kind `{}`",
                job.kind
            )));
        }
        let bad = || ServiceError::Refused(format!("the job says {}", job.argument));
        let programme = job.argument["programme"].as_str().ok_or_else(bad)?;
        let months: Vec<Month> =
            serde_json::from_value(job.argument["months"].clone()).map_err(|_| bad())?;
        let mut written = 0;
        for month in months {
            let by = job.worker.as_str();
            let runs = self
                .determine_all(&[programme], month, by, Office::now(), &|_| {})
                .await?;
            for run in runs {
                written += run.written + run.rewritten + run.differing;
            }
        }
        Ok(format!("{written} written"))
    }
}
