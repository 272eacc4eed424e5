//! Determinations as files.

use super::ServiceError;
use super::replay::Explained;
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use entitlement::{Outcome, Subject};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Rows handed to the Parquet writer at a time.
const BATCH: usize = 8192;

/// One JSON object a line, to a file or to standard output; or Parquet, to a file.
///
/// Parquet columns: `shard`, `subject`, `kind` (`household` or `person`), `programme`, `period`,
/// `outcome`, `amount_fen` (null unless entitled to money), `reasons` and `carry` (JSON text).
///
/// # Errors
/// When the file cannot be written, or Parquet is asked for without a file.
pub fn write(
    rows: &[Explained],
    programme: &str,
    parquet: bool,
    out: Option<&Path>,
) -> Result<(), ServiceError> {
    let failed = |cause| ServiceError::Folder {
        path: out.map_or_else(|| "standard output".into(), Path::to_path_buf),
        cause,
    };
    if parquet {
        let Some(path) = out else {
            return Err(ServiceError::Refused(
                "Parquet goes to a file: add --out FILE".into(),
            ));
        };
        let file = std::fs::File::create(path).map_err(failed)?;
        return write_parquet(rows, programme, file).map_err(|error| failed(error.into()));
    }
    let mut sink: Box<dyn Write> = match out {
        Some(path) => Box::new(std::io::BufWriter::new(
            std::fs::File::create(path).map_err(failed)?,
        )),
        None => Box::new(std::io::BufWriter::new(std::io::stdout().lock())),
    };
    for row in rows {
        let line = serde_json::to_string(row).unwrap_or_default();
        writeln!(sink, "{line}").map_err(failed)?;
    }
    sink.flush().map_err(failed)
}

fn write_parquet(
    rows: &[Explained],
    programme: &str,
    file: impl Write + Send,
) -> Result<(), ParquetError> {
    write_columns(
        rows,
        &[
            ("shard", Column::Text(&|r| r.subject.shard.clone())),
            ("subject", Column::Text(&|r| r.subject.id.to_string())),
            (
                "kind",
                Column::Text(&|r| match r.subject.kind {
                    Subject::Household => "household".into(),
                    Subject::Person => "person".into(),
                }),
            ),
            ("programme", Column::Text(&|_| programme.to_string())),
            ("period", Column::Text(&|r| r.period.to_string())),
            (
                "outcome",
                Column::Text(&|r| r.evaluation.outcome.name().to_string()),
            ),
            (
                "amount_fen",
                Column::Fen(&|r| match &r.evaluation.outcome {
                    Outcome::Entitled { amount } => amount.map(|fen| fen.0),
                    _ => None,
                }),
            ),
            (
                "reasons",
                Column::Text(&|r| serde_json::to_string(&r.evaluation.reasons).unwrap_or_default()),
            ),
            (
                "carry",
                Column::Text(&|r| serde_json::to_string(&r.evaluation.carry).unwrap_or_default()),
            ),
        ],
        file,
    )
}

/// A column of a Parquet file and what a row says in it.
pub(super) enum Column<'c, R> {
    /// Never null.
    Text(&'c dyn Fn(&R) -> String),
    /// Null where there is no money.
    Fen(&'c dyn Fn(&R) -> Option<i64>),
}

/// Writes rows as Parquet, a few thousand at a time.
pub(super) fn write_columns<R>(
    rows: &[R],
    columns: &[(&str, Column<'_, R>)],
    file: impl Write + Send,
) -> Result<(), ParquetError> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| match column {
            Column::Text(_) => Field::new(*name, DataType::Utf8, false),
            Column::Fen(_) => Field::new(*name, DataType::Int64, true),
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let mut writer = ArrowWriter::try_new(file, schema.clone(), None)?;
    for chunk in rows.chunks(BATCH) {
        let arrays: Vec<ArrayRef> = columns
            .iter()
            .map(|(_, column)| -> ArrayRef {
                match column {
                    Column::Text(of) => {
                        let mut array = StringBuilder::new();
                        chunk.iter().for_each(|row| array.append_value(of(row)));
                        Arc::new(array.finish())
                    }
                    Column::Fen(of) => {
                        let mut array = Int64Builder::new();
                        chunk.iter().for_each(|row| array.append_option(of(row)));
                        Arc::new(array.finish())
                    }
                }
            })
            .collect();
        writer.write(&RecordBatch::try_new(schema.clone(), arrays)?)?;
    }
    writer.close()?;
    Ok(())
}
