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
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![
        text("shard"),
        text("subject"),
        text("kind"),
        text("programme"),
        text("period"),
        text("outcome"),
        Field::new("amount_fen", DataType::Int64, true),
        text("reasons"),
        text("carry"),
    ]));
    let mut writer = ArrowWriter::try_new(file, schema.clone(), None)?;
    for chunk in rows.chunks(BATCH) {
        let strings = |of: &dyn Fn(&Explained) -> String| -> ArrayRef {
            let mut column = StringBuilder::new();
            chunk.iter().for_each(|row| column.append_value(of(row)));
            Arc::new(column.finish())
        };
        let mut amounts = Int64Builder::new();
        for row in chunk {
            amounts.append_option(match &row.evaluation.outcome {
                Outcome::Entitled { amount } => amount.map(|fen| fen.0),
                _ => None,
            });
        }
        let columns: Vec<ArrayRef> = vec![
            strings(&|r| r.subject.shard.clone()),
            strings(&|r| r.subject.id.to_string()),
            strings(&|r| match r.subject.kind {
                Subject::Household => "household".into(),
                Subject::Person => "person".into(),
            }),
            strings(&|_| programme.to_string()),
            strings(&|r| r.period.to_string()),
            strings(&|r| r.evaluation.outcome.name().to_string()),
            Arc::new(amounts.finish()),
            strings(&|r| serde_json::to_string(&r.evaluation.reasons).unwrap_or_default()),
            strings(&|r| serde_json::to_string(&r.evaluation.carry).unwrap_or_default()),
        ];
        writer.write(&RecordBatch::try_new(schema.clone(), columns)?)?;
    }
    writer.close()?;
    Ok(())
}
