//! Determinations as files.

use super::ServiceError;
use super::replay::Explained;
use std::io::Write;
use std::path::Path;

/// One JSON object a line, to a file or to standard output; or Parquet, to a file.
///
/// # Errors
/// When the file cannot be written, or Parquet is asked for without a file.
pub fn write(rows: &[Explained], parquet: bool, out: Option<&Path>) -> Result<(), ServiceError> {
    if parquet {
        return Err(ServiceError::Refused(
            "Parquet output is not available yet".into(),
        ));
    }
    let failed = |cause| ServiceError::Folder {
        path: out.map_or_else(|| "standard output".into(), Path::to_path_buf),
        cause,
    };
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
