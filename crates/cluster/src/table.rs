//! The run table: which partitions of a run are done, in a file of lines that only grows.
//!
//! A result file is written under another name and renamed when it is whole, and its line is added after
//! that. Whatever is lost between (this process, a scheduler, a machine) a run that is begun again finds what
//! is done and does the rest; doing a partition twice writes the same bytes.

use crate::partitions::hex;
use anyhow::{Context, Result, bail};
use base::{Fen, Instant, Month};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The table's name in the folder of a run.
const TABLE: &str = "run.jsonl";

/// What a run is: the same run gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Digest of the partitions' manifest.
    pub partitions: String,
    /// Digest of the law.
    pub law: String,
    /// Programme ids, in order.
    pub programmes: Vec<String>,
    /// The month.
    pub month: Month,
    /// As known at.
    pub known_at: Instant,
}

/// What a programme comes to in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Subjects in question, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// What the rules grant.
    pub granted: Fen,
}

/// A result file that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Relative to the folder of the run, with `/`.
    pub path: String,
    /// Households that were asked.
    pub households: u64,
    /// Determinations in it.
    pub rows: u64,
    /// By programme.
    pub programmes: BTreeMap<String, Tally>,
    /// Why rules could not be run; the first ten.
    pub faults: Vec<String>,
    /// SHA-256 of the file.
    pub digest: String,
}

/// The table of one run.
#[derive(Debug)]
pub struct Table {
    root: PathBuf,
    file: File,
    /// By path.
    pub done: BTreeMap<String, Done>,
}

impl Table {
    /// Opens the table of a run, or begins it.
    ///
    /// # Errors
    /// When the folder holds another run, or cannot be written.
    pub fn open(root: &Path, identity: &Identity) -> Result<Table> {
        std::fs::create_dir_all(root).with_context(|| root.display().to_string())?;
        let path = root.join(TABLE);
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .with_context(|| path.display().to_string())?;
        let mut text = String::new();
        file.read_to_string(&mut text)
            .with_context(|| path.display().to_string())?;
        // The end of a process may have cut the last line.
        let whole = text.rfind('\n').map_or(0, |n| n + 1);
        if whole < text.len() {
            file.set_len(whole as u64)
                .with_context(|| path.display().to_string())?;
        }
        let mut lines = text[..whole].lines();
        let mut table = Table {
            root: root.to_path_buf(),
            file,
            done: BTreeMap::new(),
        };
        match lines.next() {
            None => table.line(identity)?,
            Some(line) => {
                let held: Identity = serde_json::from_str(line)
                    .with_context(|| format!("{}, line 1", path.display()))?;
                if held != *identity {
                    bail!(
                        "{}: this folder holds another run ({} under the law {}, as known at {}); name a new one",
                        root.display(),
                        held.month,
                        held.law,
                        held.known_at
                    );
                }
            }
        }
        for (n, line) in lines.enumerate() {
            let done: Done = serde_json::from_str(line)
                .with_context(|| format!("{}, line {}", path.display(), n + 2))?;
            if root.join(&done.path).is_file() {
                table.done.insert(done.path.clone(), done);
            }
        }
        Ok(table)
    }

    /// What a folder of results holds.
    ///
    /// # Errors
    /// When there is no run in it.
    pub fn read(root: &Path) -> Result<(Identity, Table)> {
        let path = root.join(TABLE);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "{}: no run here; `minsheng-cluster run --out` makes one",
                path.display()
            )
        })?;
        let first = text.lines().next().unwrap_or_default();
        let identity: Identity =
            serde_json::from_str(first).with_context(|| format!("{}, line 1", path.display()))?;
        let table = Table::open(root, &identity)?;
        Ok((identity, table))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(value)?;
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()?;
        Ok(())
    }

    /// Writes a result file whole or not at all, then says that it is done.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write(&mut self, path: &str, households: u64, rows: &RecordBatch) -> Result<()> {
        let target = self.root.join(path);
        let digest = write_parquet(&target, std::slice::from_ref(rows))
            .with_context(|| target.display().to_string())?;
        let mut done = Done {
            path: path.to_string(),
            households,
            rows: rows.num_rows() as u64,
            programmes: BTreeMap::new(),
            faults: Vec::new(),
            digest,
        };
        tally(rows, &mut done).context("a column of the determinations is missing")?;
        self.line(&done)?;
        self.done.insert(path.to_string(), done);
        Ok(())
    }

    /// The result files, absolute.
    pub fn files(&self) -> Vec<PathBuf> {
        self.done.keys().map(|path| self.root.join(path)).collect()
    }
}

fn tally(rows: &RecordBatch, done: &mut Done) -> Option<()> {
    let text = |name| rows.column_by_name(name)?.as_string_opt::<i32>();
    let (programmes, outcomes, faults) = (text("programme")?, text("outcome")?, text("fault")?);
    let amounts = rows
        .column_by_name("amount_fen")?
        .as_primitive_opt::<Int64Type>()?;
    for row in 0..rows.num_rows() {
        let name = programmes.value(row);
        if !done.programmes.contains_key(name) {
            done.programmes.insert(name.to_string(), Tally::default());
        }
        let tally = done.programmes.get_mut(name)?;
        *tally
            .outcomes
            .entry(outcomes.value(row).to_string())
            .or_default() += 1;
        if amounts.is_valid(row) {
            tally.granted = tally.granted + Fen(amounts.value(row));
        }
        if faults.is_valid(row) && done.faults.len() < 10 {
            done.faults.push(faults.value(row).to_string());
        }
    }
    Some(())
}

/// Households or determinations of one row group: what a reader holds at once.
const ROW_GROUP: usize = 8192;

/// Writes Parquet beside the target and renames it; gives the digest of the bytes.
///
/// # Errors
/// When the disk fails, or there is no batch.
pub fn write_parquet(target: &Path, batches: &[RecordBatch]) -> Result<String> {
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    let schema = batches.first().context("nothing to write")?.schema();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    let bytes = writer.into_inner()?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let draft = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file = File::create(&draft)?;
    file.write_all(&bytes)?;
    file.sync_data()?;
    std::fs::rename(&draft, target)?;
    Ok(hex(&Sha256::digest(&bytes)))
}
