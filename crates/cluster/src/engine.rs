//! The engine that runs a query: DataFusion in this process, or a Ballista scheduler's executors.

use crate::codec;
use crate::function::{Holds, name_of};
use anyhow::{Context, Result};
use ballista::prelude::{SessionConfigExt, SessionContextExt};
use base::{Instant, Month};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray};
use datafusion::arrow::compute::{
    SortColumn, concat_batches, lexsort_to_indices, take_record_batch,
};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext, col, lit};
use entitlement::partition::{determined_fields, household_schema};
use entitlement::rules::Rules;
use futures::TryStreamExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where queries run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// On this process's threads.
    InProcess,
    /// By a Ballista scheduler, such as `df://127.0.0.1:50050`.
    Ballista(String),
}

/// Households that the function is handed at once.
const BATCH: usize = 2048;

/// What everybody is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Programme ids that look at one day.
    pub programmes: Vec<String>,
    /// The month.
    pub month: Month,
    /// Figures of the law decided later are not seen.
    pub known_at: Instant,
}

impl Engine {
    /// A session, whose memory for sorting and joining is bounded.
    ///
    /// # Errors
    /// When the scheduler's address is no address.
    pub async fn session(&self, holds: &Holds, memory: usize) -> Result<SessionContext> {
        let mut config = match self {
            Engine::InProcess => SessionConfig::new(),
            Engine::Ballista(_) => SessionConfig::new_with_ballista()
                .with_ballista_logical_extension_codec(codec::logical(holds))
                .with_ballista_physical_extension_codec(codec::physical(holds)),
        };
        config = config
            .with_batch_size(BATCH)
            // A job is one task; many jobs are under way at once.
            .with_target_partitions(1);
        let options = config.options_mut();
        options.execution.collect_statistics = false;
        options.execution.parquet.schema_force_view_types = false;
        options.execution.parquet.pushdown_filters = false;
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .build_arc()?;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .build();
        Ok(match self {
            Engine::InProcess => SessionContext::new_with_state(state),
            Engine::Ballista(url) => SessionContext::remote_with_state(url, state)
                .await
                .with_context(|| format!("{url}: no scheduler answers"))?,
        })
    }
}

/// The columns of what is determined.
pub fn determined_schema() -> SchemaRef {
    Arc::new(Schema::new(determined_fields()))
}

/// Determines the households of some files: one query. Rows come in the order of area, shard, programme and
/// subject, whatever the engine did first.
///
/// # Errors
/// The engine's: a node that refuses, a file that is not there, a scheduler that is lost.
pub async fn determine(
    session: &SessionContext,
    law: &Holds,
    digest: &str,
    question: &Question,
    files: &[PathBuf],
) -> Result<RecordBatch> {
    let schema = household_schema();
    let options = ParquetReadOptions::default()
        .schema(&schema)
        .parquet_pruning(false);
    let paths: Vec<String> = files
        .iter()
        .map(|f| f.to_string_lossy().into_owned())
        .collect();
    let mut arguments = vec![
        lit(question.programmes.join(",")),
        lit(question.month.to_string()),
        lit(question.known_at.timestamp_micros()),
    ];
    arguments.extend(schema.fields().iter().map(|f| col(f.name().as_str())));
    let function = law.function(&name_of(digest));
    let query = session
        .read_parquet(paths, options)
        .await?
        .select(vec![function.call(arguments).alias("determined")])?;
    let batches: Vec<RecordBatch> = query.execute_stream().await?.try_collect().await?;
    let rows: Vec<RecordBatch> = batches
        .iter()
        .map(|batch| records(batch.column(0)))
        .collect::<Result<_>>()?;
    let all = concat_batches(&determined_schema(), &rows)?;
    let by = ["area", "shard", "programme", "subject", "period"];
    let columns: Vec<SortColumn> = by
        .iter()
        .filter_map(|name| all.column_by_name(name))
        .map(|values| SortColumn {
            values: values.clone(),
            options: None,
        })
        .collect();
    let order = lexsort_to_indices(&columns, None)?;
    Ok(take_record_batch(&all, &order)?)
}

/// The records in a column of lists.
fn records(column: &ArrayRef) -> Result<RecordBatch> {
    let list = column
        .as_list_opt::<i32>()
        .context("the engine gave no list of determinations")?;
    let offsets = list.value_offsets();
    let (from, to) = (
        offsets.first().copied().unwrap_or(0) as usize,
        offsets.last().copied().unwrap_or(0) as usize,
    );
    let items = list.values().slice(from, to - from);
    let items: &StructArray = items
        .as_struct_opt()
        .context("the engine gave no determinations")?;
    Ok(RecordBatch::try_new(
        determined_schema(),
        items.columns().to_vec(),
    )?)
}

/// The digest of the law that a node holds.
pub fn digest_of(holds: &Holds) -> &str {
    match holds {
        Holds::Law(law) => law.digest(),
        Holds::Nothing => "",
    }
}
