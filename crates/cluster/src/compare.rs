//! The night's other half: what was determined from partitions, held against what stood, to the fen.

use crate::engine::{Engine, determined_schema};
use crate::function::Holds;
use crate::partitions::Partitions;
use crate::table::Table;
use anyhow::{Context, Result, bail};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::TryStreamExt;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What one side says of a subject and programme.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The outcome; nothing when it has none.
    pub outcome: Option<String>,
    /// Fen.
    pub amount_fen: Option<i64>,
    /// Grounds, lines and what is handed on, as JSON texts.
    pub content: String,
}

/// A subject for whom the two sides say different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Programme id.
    pub programme: String,
    /// The period.
    pub period: String,
    /// Household or person.
    pub subject: String,
    /// What stood.
    pub stood: Side,
    /// What was determined.
    pub determined: Side,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// Programmes compared; those that were not determined for the month are not.
    pub programmes: Vec<String>,
    /// Determinations that stood and were compared.
    pub stood: u64,
    /// Determinations of the run that were compared.
    pub determined: u64,
    /// Every difference.
    pub differences: Vec<Difference>,
}

/// Both sides, side by side where they differ. A programme that is not in question stands nowhere on the
/// one side, and on the other only if it once was.
const QUERY: &str = "SELECT COALESCE(d.programme, s.programme) AS programme, \
     COALESCE(d.period, s.period) AS period, COALESCE(d.subject, s.subject) AS subject, \
     s.outcome AS stood_outcome, s.amount_fen AS stood_amount, s.content AS stood_content, \
     d.outcome AS outcome, d.amount_fen AS amount, d.content AS content \
     FROM d FULL OUTER JOIN s \
     ON d.programme = s.programme AND d.period = s.period AND d.subject = s.subject \
     WHERE (d.outcome IS DISTINCT FROM s.outcome) OR (d.amount_fen IS DISTINCT FROM s.amount_fen) \
     OR (d.content IS DISTINCT FROM s.content) ORDER BY 1, 2, 3";

/// One side: outcome, amount and everything else in one text.
const SIDE: &str = "SELECT programme, period, subject, outcome, amount_fen, \
     CONCAT(COALESCE(condition, ''), ' ', COALESCE(missing, ''), ' ', reasons, ' ', lines, ' ', carry) AS content";

/// Compares the results in `out` with what stood in the partitions of `data`.
///
/// # Errors
/// When they are not of one register, or a file cannot be read.
pub async fn compare(data: &Path, out: &Path, memory: usize) -> Result<Comparison> {
    let partitions = Partitions::open(data)?;
    let (identity, table) = Table::read(out)?;
    if identity.partitions != partitions.digest {
        bail!(
            "{}: a run over other partitions than {}",
            out.display(),
            data.display()
        );
    }
    let standing: Vec<_> = partitions
        .manifest
        .standing
        .iter()
        .filter(|f| f.month == identity.month)
        .collect();
    let opened: BTreeSet<&String> = standing.iter().flat_map(|f| &f.programmes).collect();
    let programmes: Vec<String> = identity
        .programmes
        .iter()
        .filter(|p| opened.contains(p))
        .cloned()
        .collect();
    if programmes.is_empty() {
        bail!(
            "{}: none of the run's programmes had been determined for {} when the partitions were exported",
            out.display(),
            identity.month
        );
    }
    let session = Engine::InProcess.session(&Holds::Nothing, memory).await?;
    let files = standing
        .iter()
        .map(|f| partitions.root.join(&f.path))
        .collect();
    let list: Vec<String> = programmes
        .iter()
        .map(|p| format!("'{}'", p.replace('\'', "''")))
        .collect();
    let list = list.join(", ");
    side(
        &session,
        "s",
        files,
        &format!("programme IN ({list}) AND outcome <> 'not-applicable'"),
    )
    .await?;
    side(
        &session,
        "d",
        table.files(),
        &format!("programme IN ({list})"),
    )
    .await?;
    let count =
        async |name: &str| -> Result<u64> { Ok(session.table(name).await?.count().await? as u64) };
    let mut found = Comparison {
        programmes,
        stood: count("s").await?,
        determined: count("d").await?,
        differences: Vec::new(),
    };
    let mut rows = session.sql(QUERY).await?.execute_stream().await?;
    while let Some(batch) = rows.try_next().await? {
        differences(&batch, &mut found.differences)
            .context("the engine gave other columns than were asked for")?;
    }
    Ok(found)
}

/// Registers one side as a view.
async fn side(
    session: &SessionContext,
    name: &str,
    files: Vec<PathBuf>,
    which: &str,
) -> Result<()> {
    let schema = determined_schema();
    let options = ParquetReadOptions::default().schema(&schema);
    let paths: Vec<String> = files
        .iter()
        .map(|f| f.to_string_lossy().into_owned())
        .collect();
    let whole = format!("{name}_files");
    let table = session.read_parquet(paths, options).await?.into_view();
    session.register_table(&whole, table)?;
    let view = session
        .sql(&format!("{SIDE} FROM {whole} WHERE {which}"))
        .await?;
    session.register_table(name, view.into_view())?;
    Ok(())
}

fn differences(batch: &RecordBatch, into: &mut Vec<Difference>) -> Option<()> {
    let text = |n: usize| batch.column(n).as_string_opt::<i32>();
    let number = |n: usize| batch.column(n).as_primitive_opt::<Int64Type>();
    let said = |row: usize, n: usize| -> Option<Side> {
        let (outcome, amount, content) = (text(n)?, number(n + 1)?, text(n + 2)?);
        let of = |array: &datafusion::arrow::array::StringArray| {
            array.is_valid(row).then(|| array.value(row).to_string())
        };
        Some(Side {
            outcome: of(outcome),
            amount_fen: amount.is_valid(row).then(|| amount.value(row)),
            content: of(content).unwrap_or_default(),
        })
    };
    for row in 0..batch.num_rows() {
        into.push(Difference {
            programme: text(0)?.value(row).to_string(),
            period: text(1)?.value(row).to_string(),
            subject: text(2)?.value(row).to_string(),
            stood: said(row, 3)?,
            determined: said(row, 6)?,
        });
    }
    Some(())
}
