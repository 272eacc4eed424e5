//! A month determined for everybody from partitions: jobs of some files each, many at once, each tried again
//! when what ran it is lost.

use crate::engine::{Engine, Question, determine, determined_schema, digest_of};
use crate::function::{Holds, REFUSAL};
use crate::partitions::Partitions;
use crate::table::{Identity, Table, Tally};
use anyhow::{Context, Result, anyhow, bail};
use base::Month;
use datafusion::arrow::array::{AsArray, RecordBatch};
use entitlement::partition::HouseholdFile;
use entitlement::programmes::{by_reference_day, determined_for_everybody, programme_id};
use entitlement::rules::Rules;
use entitlement::situation::LawRules;
use futures::StreamExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the partitions.
    pub data: PathBuf,
    /// Folder for the results.
    pub out: PathBuf,
    /// Programmes by id or name; all that are determined for everybody when empty.
    pub programmes: Vec<String>,
    /// The month.
    pub month: Month,
    /// Where it runs.
    pub engine: Engine,
    /// Jobs under way at once.
    pub jobs: usize,
    /// A job takes files until it has so many households.
    pub households: u64,
    /// How long a job is tried again after its scheduler or executor was lost.
    pub patience: Duration,
    /// Bytes that the engine may take for sorting in this process.
    pub memory: usize,
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Digest of the law.
    pub law: String,
    /// The month.
    pub month: String,
    /// Files of households.
    pub files: u64,
    /// Of them done by an earlier run that was interrupted.
    pub found_done: u64,
    /// Households that were asked; those of two days count twice.
    pub households: u64,
    /// Determinations.
    pub rows: u64,
    /// By programme.
    pub programmes: BTreeMap<String, Tally>,
    /// Jobs that were tried again.
    pub retried: u64,
    /// Why rules could not be run; the first hundred.
    pub faults: Vec<String>,
    /// Wall time.
    pub seconds: f64,
}

/// Files that one query determines.
struct Job {
    question: Question,
    files: Vec<HouseholdFile>,
}

/// Determines a month.
///
/// # Errors
/// When the partitions do not fit the law, a node refuses, or what was lost does not come back in time.
pub async fn run(options: &Options, rules: Arc<LawRules>) -> Result<Summary> {
    let begun = Instant::now();
    let partitions = Partitions::open(&options.data)?;
    partitions
        .manifest
        .fits(rules.kinds())
        .map_err(|e| anyhow!(e))?;
    let law = rules.law();
    let mut programmes: Vec<&str> = Vec::new();
    for given in &options.programmes {
        let found = programme_id(law, given).with_context(|| {
            format!("there is no programme `{given}`; `minsheng law list` shows them")
        })?;
        programmes.push(found);
    }
    if programmes.is_empty() {
        programmes = determined_for_everybody(law);
    }
    programmes.sort_unstable();
    programmes.dedup();
    let identity = Identity {
        partitions: partitions.digest.clone(),
        law: rules.digest().to_string(),
        programmes: programmes.iter().map(|p| p.to_string()).collect(),
        month: options.month,
        known_at: partitions.manifest.known_at,
    };
    let mut table = Table::open(&options.out, &identity)?;
    let mut jobs = Vec::new();
    let mut files = 0;
    let mut wanted = Vec::new();
    for (day, group) in by_reference_day(law, &programmes, options.month) {
        let question = Question {
            programmes: group.iter().map(|p| p.to_string()).collect(),
            month: options.month,
            known_at: identity.known_at,
        };
        let all = partitions.files(options.month, day)?;
        files += all.len() as u64;
        wanted.extend(all.iter().map(|f| result_path(&f.path)));
        let left = all
            .into_iter()
            .filter(|f| !table.done.contains_key(&result_path(&f.path)));
        jobs.extend(cut(left, &question, options.households));
    }
    let found_done = files - jobs.iter().map(|j| j.files.len() as u64).sum::<u64>();
    let holds = Holds::Law(rules.clone());
    let mut retried = 0;
    let mut under_way = futures::stream::iter(jobs.into_iter().map(|job| {
        let (holds, root) = (holds.clone(), partitions.root.clone());
        let (engine, patience, memory) = (options.engine.clone(), options.patience, options.memory);
        tokio::spawn(async move {
            let tried = attempt(&engine, &holds, &job, &root, patience, memory).await;
            tried.map(|(rows, again)| (job, rows, again))
        })
    }))
    .buffer_unordered(options.jobs.max(1));
    while let Some(ended) = under_way.next().await {
        let (job, rows, again) = ended??;
        retried += again;
        for (file, rows) in by_file(&job.files, &rows)? {
            table.write(&result_path(&file.path), file.households, &rows)?;
        }
    }
    let mut summary = Summary {
        law: identity.law,
        month: options.month.to_string(),
        files,
        found_done,
        retried,
        seconds: begun.elapsed().as_secs_f64(),
        ..Summary::default()
    };
    for path in wanted {
        let done = table
            .done
            .get(&path)
            .with_context(|| format!("{path} was not written"))?;
        summary.households += done.households;
        summary.rows += done.rows;
        for (programme, tally) in &done.programmes {
            let sum = summary.programmes.entry(programme.clone()).or_default();
            sum.granted = sum.granted + tally.granted;
            for (outcome, count) in &tally.outcomes {
                *sum.outcomes.entry(outcome.clone()).or_default() += count;
            }
        }
        let room = 100 - summary.faults.len().min(100);
        summary
            .faults
            .extend(done.faults.iter().take(room).cloned());
    }
    Ok(summary)
}

/// Where the results of a file lie.
fn result_path(path: &str) -> String {
    let inside = path.strip_prefix("households/").unwrap_or(path);
    format!("determined/{inside}")
}

/// Whole files, until a job has enough households.
fn cut<'f>(
    files: impl Iterator<Item = &'f HouseholdFile>,
    question: &Question,
    enough: u64,
) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    let mut room = 0;
    for file in files {
        match jobs.last_mut() {
            Some(job) if room > 0 => job.files.push(file.clone()),
            _ => {
                room = enough;
                jobs.push(Job {
                    question: question.clone(),
                    files: vec![file.clone()],
                });
            }
        }
        room = room.saturating_sub(file.households.max(1));
    }
    jobs
}

/// One job, tried again after a wait as long as patience lasts. A refusal is final.
async fn attempt(
    engine: &Engine,
    holds: &Holds,
    job: &Job,
    root: &std::path::Path,
    patience: Duration,
    memory: usize,
) -> Result<(RecordBatch, u64)> {
    let begun = Instant::now();
    let paths: Vec<PathBuf> = job.files.iter().map(|f| root.join(&f.path)).collect();
    let mut wait = Duration::from_millis(500);
    let mut again = 0;
    loop {
        // A new session each time: a scheduler that began again knows none of before.
        let tried = async {
            let session = engine.session(holds, memory).await?;
            determine(&session, holds, digest_of(holds), &job.question, &paths).await
        };
        let error = match tried.await {
            Ok(rows) => return Ok((rows, again)),
            Err(error) => error,
        };
        let text = format!("{error:#}");
        if text.contains(REFUSAL) {
            bail!("a node refuses: {text}");
        }
        if *engine == Engine::InProcess || begun.elapsed() + wait > patience {
            return Err(error);
        }
        tracing::warn!("a job is tried again in {wait:?}: {text}");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(10));
        again += 1;
    }
}

/// The rows of each file: they stand together, in the order of area and shard.
fn by_file<'f>(
    files: &'f [HouseholdFile],
    rows: &RecordBatch,
) -> Result<Vec<(&'f HouseholdFile, RecordBatch)>> {
    let text = |name: &str| {
        rows.column_by_name(name)
            .and_then(|c| c.as_string_opt::<i32>())
            .with_context(|| format!("no column `{name}` in what was determined"))
    };
    let (areas, shards) = (text("area")?, text("shard")?);
    let mut found: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let key = (areas.value(row), shards.value(row));
        found.entry(key).or_insert((row, 0)).1 += 1;
    }
    let mut out = Vec::with_capacity(files.len());
    for file in files {
        let key = (file.area.as_str(), file.shard.as_str());
        let piece = match found.remove(&key) {
            Some((from, count)) => rows.slice(from, count),
            None => RecordBatch::new_empty(determined_schema()),
        };
        out.push((file, piece));
    }
    if let Some((area, shard)) = found.into_keys().next() {
        bail!(
            "households of area {area} and shard {shard} stand in another area's file; export again"
        );
    }
    Ok(out)
}
