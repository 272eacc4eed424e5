//! A register of any size for measuring: the households of an export again and again under other identities,
//! county by county, as many as each county's row says. Written as it goes; memory holds the export only.

use crate::partitions::Partitions;
use crate::table::write_parquet;
use anyhow::{Context, Result, anyhow, bail};
use base::Month;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeBinaryArray, ListArray, RecordBatch, StringArray,
    StructArray,
};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::concat_batches;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use entitlement::partition::{HouseholdFile, Manifest, household_schema};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A county and its family households.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct County {
    /// Its code; the first two digits are the province's.
    pub code: String,
    /// Family households that the census counted.
    pub households: u64,
}

/// Reads a table of counties: a line each, the first column the code, one column named `column`.
///
/// # Errors
/// When the file cannot be read or has no such column.
pub fn counties(file: &Path, column: &str) -> Result<Vec<County>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    let place = head
        .trim_start_matches('\u{feff}')
        .split(',')
        .position(|name| name == column)
        .ok_or_else(|| anyhow!("{}: there is no column `{column}`", file.display()))?;
    let mut found = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        // Counties that the census table leaves empty have no figure.
        if let (Some(code), Some(Ok(households))) =
            (cells.first(), cells.get(place).map(|c| c.parse()))
        {
            found.push(County {
                code: code.to_string(),
                households,
            });
        }
    }
    if found.is_empty() {
        bail!("{}: no county with a figure", file.display());
    }
    Ok(found)
}

/// Writes partitions of a month with at least `wanted` households (each day's counted once), and gives how
/// many there are.
///
/// # Errors
/// When the export has no such month, or a file cannot be written.
pub fn grow(
    data: &Path,
    month: Month,
    counties: &[County],
    wanted: u64,
    out: &Path,
) -> Result<u64> {
    let partitions = Partitions::open(data)?;
    if out.join("manifest.json").exists() {
        bail!("{}: there are partitions here already", out.display());
    }
    // Seeds of each day, in the order of their files: the same household has the same place in each.
    let mut seeds: BTreeMap<base::Day, Vec<(HouseholdFile, RecordBatch)>> = BTreeMap::new();
    for file in &partitions.manifest.households {
        if file.month == month {
            let batch = read(&partitions.root.join(&file.path))?;
            seeds
                .entry(file.day)
                .or_default()
                .push((file.clone(), batch));
        }
    }
    let count = |files: &Vec<(HouseholdFile, RecordBatch)>| -> u64 {
        files.iter().map(|(f, _)| f.households).sum()
    };
    let least = seeds.values().map(count).min().unwrap_or(0);
    if least == 0 {
        bail!("{}: no households of {month}", data.display());
    }
    let mut manifest = Manifest {
        households: Vec::new(),
        standing: Vec::new(),
        ..partitions.manifest.clone()
    };
    let mut made = 0;
    for county in counties {
        if made >= wanted {
            break;
        }
        let here = county.households.min(wanted - made);
        let copies = here.div_ceil(least);
        for (day, files) in &seeds {
            for (file, batch) in files {
                let pieces: Vec<RecordBatch> = (0..copies)
                    .map(|copy| renamed(batch, &county.code, copy))
                    .collect::<Result<_>>()?;
                let path = format!(
                    "households/month={month}/day={day}/area={}/{}.parquet",
                    file.area, county.code
                );
                let digest =
                    write_parquet(&out.join(&path), &pieces).with_context(|| path.clone())?;
                manifest.households.push(HouseholdFile {
                    path,
                    shard: county.code.clone(),
                    households: file.households * copies,
                    persons: file.persons * copies,
                    digest,
                    ..file.clone()
                });
            }
        }
        made += copies * least;
    }
    let text = serde_json::to_vec_pretty(&manifest)?;
    std::fs::write(out.join("manifest.json"), text)?;
    Ok(made)
}

fn read(path: &Path) -> Result<RecordBatch> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let batches: Vec<RecordBatch> = ParquetRecordBatchReaderBuilder::try_new(file)?
        .build()?
        .collect::<Result<_, _>>()?;
    Ok(concat_batches(&household_schema(), &batches)?)
}

/// The same households under other identities, in another shard.
fn renamed(batch: &RecordBatch, shard: &str, copy: u64) -> Result<RecordBatch> {
    let hash = Sha256::digest(format!("{shard} {copy}"));
    let mask: &[u8] = hash.get(..16).unwrap_or_default();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        columns.push(match field.name().as_str() {
            "shard" => Arc::new(StringArray::from(vec![shard; batch.num_rows()])),
            "household" => masked(column, mask)?,
            "members" => within(column, "person", mask)?,
            "handed" => within(column, "subject", mask)?,
            _ => column.clone(),
        });
    }
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// A column of ids, each bent by the same bits.
fn masked(column: &ArrayRef, mask: &[u8]) -> Result<ArrayRef> {
    let ids = column
        .as_fixed_size_binary_opt()
        .context("ids are sixteen bytes")?;
    let mut bytes = Vec::with_capacity(ids.len() * 16);
    for row in 0..ids.len() {
        bytes.extend(ids.value(row).iter().zip(mask).map(|(a, b)| a ^ b));
    }
    Ok(Arc::new(FixedSizeBinaryArray::try_new(
        16,
        Buffer::from_vec(bytes),
        None,
    )?))
}

/// As [`masked`], of a field of the records in a list.
fn within(column: &ArrayRef, name: &str, mask: &[u8]) -> Result<ArrayRef> {
    let list = column.as_list_opt::<i32>().context("a list")?;
    let items = list.values().as_struct_opt().context("a list of records")?;
    let (fields, mut columns, nulls) = items.clone().into_parts();
    for (field, column) in fields.iter().zip(&mut columns) {
        if field.name() == name {
            *column = masked(column, mask)?;
        }
    }
    let (field, offsets, _, gaps) = list.clone().into_parts();
    let items = StructArray::try_new(fields, columns, nulls)?;
    Ok(Arc::new(ListArray::try_new(
        field,
        offsets,
        Arc::new(items),
        gaps,
    )?))
}
