//! The register as known at a moment, in Parquet files by area and month: what `minsheng-cluster` determines
//! from, and what stood, to hold its results against. Layout: docs/cluster.md.

use super::rules::determined_for_everybody;
use super::{Office, ServiceError};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use base::{Day, Id, Month};
use entitlement::change::At;
use entitlement::determination::{Determination, PeriodKey};
use entitlement::partition::{
    About, Determined, HouseholdFile, Households, LAYOUT, Manifest, PartitionError, StandingFile,
    determined_fields, household_schema,
};
use entitlement::programmes::by_reference_day;
use entitlement::rules::{Carry, Rules};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use registry::slice::{HouseholdSlice, KindList};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::PopulationFilter;

/// Households gathered before they are handed to a file.
const GATHERED: usize = 1024;

/// Households of one row group: what a reader holds at once.
const ROW_GROUP: usize = 8192;

/// Determinations read from the database at once.
const PAGE: usize = 8192;

/// The manifest's name.
pub const MANIFEST: &str = "manifest.json";

/// What an export wrote.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct ExportSummary {
    /// The folder.
    pub folder: PathBuf,
    /// As known at.
    pub known_at: String,
    /// Files of households.
    pub files: u64,
    /// Households in them; one that is there for two days counts twice.
    pub households: u64,
    /// Persons in them.
    pub persons: u64,
    /// Determinations that stood.
    pub standing: u64,
}

impl Office {
    /// Writes the register as known at `at` for some months, and the determinations that stood then, to a
    /// new folder. All households of a month's reference days are in it, with what their last determined
    /// period hands over.
    ///
    /// # Errors
    /// When the folder is there already, cannot be written, or the database fails.
    pub async fn export_partitions(
        &self,
        folder: &Path,
        (first, last): (Month, Month),
        at: At,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<ExportSummary, ServiceError> {
        let mut writer =
            PartitionWriter::create(folder, self.rules.kinds(), self.law().digest(), at)?;
        let programmes = determined_for_everybody(self.law());
        for month in first.through(last) {
            for (day, group) in by_reference_day(self.law(), &programmes, month) {
                let asked: Vec<(&str, Month)> = group.iter().map(|p| (*p, month)).collect();
                let standings = self.standings(&asked, at).await?;
                for shard in self.store.shards().await? {
                    let filter = PopulationFilter {
                        shard: Some(shard.clone()),
                        ..PopulationFilter::default()
                    };
                    let population =
                        self.store
                            .population(self.rules.kinds(), &[day], at.now, &filter)?;
                    let standings = standings.clone();
                    let mut inner = writer;
                    let (sent, received) = std::sync::mpsc::channel::<u64>();
                    let writing = tokio::task::spawn_blocking(move || {
                        inner.begin(month, day, &shard);
                        for chunk in population {
                            let chunk: Vec<_> = chunk?.into_iter().flatten().collect();
                            for slice in &chunk {
                                let ids = std::iter::once(slice.household)
                                    .chain(slice.members.iter().map(|m| m.person));
                                let handed = ids.flat_map(|id| {
                                    standings.iter().filter_map(move |s| {
                                        Some((s.programme.as_str(), id, s.carries.get(&id)?))
                                    })
                                });
                                inner.household(slice, handed)?;
                            }
                            // Nobody listens any more when this fails.
                            let _ = sent.send(chunk.len() as u64);
                        }
                        inner.end()?;
                        Ok::<_, ServiceError>(inner)
                    });
                    writer = writing
                        .await
                        .map_err(|e| ServiceError::Worker(e.to_string()))??;
                    received.try_iter().for_each(progress);
                }
            }
            writer = self.export_standing(writer, month, &programmes, at).await?;
        }
        writer.finish()
    }

    /// What stood for a month, shard by shard. A programme that was not determined for it has no rows.
    async fn export_standing(
        &self,
        mut writer: PartitionWriter,
        month: Month,
        programmes: &[&str],
        at: At,
    ) -> Result<PartitionWriter, ServiceError> {
        for shard in self.store.shards().await? {
            let mut file = None;
            let mut rows = Determined::default();
            let mut opened: Vec<String> = Vec::new();
            for programme in programmes {
                if !self.months_to_compare(programme).await?.contains(&month) {
                    continue;
                }
                opened.push(programme.to_string());
                let period = self.period_of(programme, month)?;
                let mut after: Option<(Id, u32)> = None;
                let mut last: Option<Determination> = None;
                loop {
                    let page = self
                        .store
                        .determinations_page(&shard, programme, period, after, PAGE)
                        .await?;
                    let Some(end) = page.last() else { break };
                    after = Some((end.subject.id, end.version));
                    for determination in page.into_iter().filter(|d| d.made_at <= at.now) {
                        let of = |d: &Determination| d.subject.id;
                        if let Some(held) = last.replace(determination)
                            && last.as_ref().map(of) != Some(held.subject.id)
                        {
                            stood(&mut rows, &held, period);
                        }
                    }
                    writer.standing(&mut file, &mut rows, month, &shard)?;
                }
                if let Some(held) = last {
                    stood(&mut rows, &held, period);
                }
            }
            writer.standing(&mut file, &mut rows, month, &shard)?;
            writer.end_standing(file, month, opened)?;
        }
        Ok(writer)
    }
}

fn stood(rows: &mut Determined, d: &Determination, period: PeriodKey) {
    let about = About {
        area: "",
        subject: &d.subject,
        programme: &d.programme,
        period,
    };
    let json = |value: Result<String, serde_json::Error>| value.unwrap_or_default();
    rows.content(
        about,
        &d.outcome,
        [
            &json(serde_json::to_string(&d.reasons)),
            &json(serde_json::to_string(&d.lines)),
            &json(serde_json::to_string(&d.carry)),
        ],
    );
}

/// Writes a folder of partitions, file by file; the manifest comes last, so that what was left half done has
/// none.
pub struct PartitionWriter {
    root: PathBuf,
    manifest: Manifest,
    month: Month,
    day: Day,
    shard: String,
    open: BTreeMap<Box<str>, Open>,
}

/// A file of one area under way.
struct Open {
    file: Written,
    rows: Households,
    households: u64,
    persons: u64,
}

impl PartitionWriter {
    /// In a new folder.
    ///
    /// # Errors
    /// When something is there already, or it cannot be made.
    pub fn create(
        folder: &Path,
        kinds: &KindList,
        law: &str,
        at: At,
    ) -> Result<PartitionWriter, ServiceError> {
        let empty = std::fs::read_dir(folder).map_or(true, |mut d| d.next().is_none());
        if !empty {
            return Err(ServiceError::Refused(format!(
                "{}: there is something in this folder already; name a new one",
                folder.display()
            )));
        }
        std::fs::create_dir_all(folder).map_err(|cause| failed(folder, cause))?;
        Ok(PartitionWriter {
            root: folder.to_path_buf(),
            manifest: Manifest {
                layout: LAYOUT,
                known_at: at.now,
                law: law.to_string(),
                household_kinds: kinds.household.clone(),
                person_kinds: kinds.person.clone(),
                households: Vec::new(),
                standing: Vec::new(),
            },
            month: Month::of(at.today),
            day: at.today,
            shard: String::new(),
            open: BTreeMap::new(),
        })
    }

    /// What follows are households of a shard on a day, for a month.
    pub fn begin(&mut self, month: Month, day: Day, shard: &str) {
        (self.month, self.day, self.shard) = (month, day, shard.to_string());
    }

    /// Adds a household to the file of its area.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn household<'c>(
        &mut self,
        slice: &HouseholdSlice,
        handed: impl Iterator<Item = (&'c str, Id, &'c Carry)>,
    ) -> Result<(), ServiceError> {
        if !self.open.contains_key(&slice.area) {
            // A code is a word of the register; what is none as a file's name is taken out.
            let name: String = slice.area.chars().filter(|c| c.is_alphanumeric()).collect();
            let shard: String = self.shard.chars().filter(|c| c.is_alphanumeric()).collect();
            let path = format!(
                "households/month={}/day={}/area={name}/{shard}.parquet",
                self.month, self.day
            );
            let open = Open {
                file: Written::create(&self.root, path, household_schema())?,
                rows: Households::default(),
                households: 0,
                persons: 0,
            };
            self.open.insert(slice.area.clone(), open);
        }
        let Some(open) = self.open.get_mut(&slice.area) else {
            return Ok(());
        };
        open.rows
            .push(slice, handed)
            .map_err(|e| open.file.wrong(e))?;
        open.households += 1;
        open.persons += slice.members.len() as u64;
        if open.rows.len() >= GATHERED {
            open.flush()?;
        }
        Ok(())
    }

    /// Closes the files of the shard and day.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn end(&mut self) -> Result<(), ServiceError> {
        for (area, mut open) in std::mem::take(&mut self.open) {
            open.flush()?;
            let (path, digest) = open.file.close()?;
            self.manifest.households.push(HouseholdFile {
                path,
                month: self.month,
                day: self.day,
                area: area.into(),
                shard: self.shard.clone(),
                households: open.households,
                persons: open.persons,
                digest,
            });
        }
        Ok(())
    }

    fn standing(
        &self,
        file: &mut Option<Written>,
        rows: &mut Determined,
        month: Month,
        shard: &str,
    ) -> Result<(), ServiceError> {
        if rows.is_empty() {
            return Ok(());
        }
        let schema = Arc::new(Schema::new(determined_fields()));
        let file = match file {
            Some(file) => file,
            None => {
                let shard: String = shard.chars().filter(|c| c.is_alphanumeric()).collect();
                let path = format!("standing/month={month}/{shard}.parquet");
                file.insert(Written::create(&self.root, path, schema)?)
            }
        };
        let batch = rows.finish().map_err(|e| file.wrong(e))?;
        file.write(&RecordBatch::from(batch))
    }

    fn end_standing(
        &mut self,
        file: Option<Written>,
        month: Month,
        programmes: Vec<String>,
    ) -> Result<(), ServiceError> {
        if let Some(file) = file {
            let rows = file.rows;
            let (path, digest) = file.close()?;
            self.manifest.standing.push(StandingFile {
                path,
                month,
                programmes,
                rows,
                digest,
            });
        }
        Ok(())
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<ExportSummary, ServiceError> {
        let path = self.root.join(MANIFEST);
        let text = serde_json::to_string_pretty(&self.manifest).unwrap_or_default();
        let draft = self.root.join(".manifest");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, &path))
            .map_err(|cause| failed(&path, cause))?;
        let files = &self.manifest.households;
        Ok(ExportSummary {
            folder: self.root,
            known_at: self.manifest.known_at.to_rfc3339(),
            files: files.len() as u64,
            households: files.iter().map(|f| f.households).sum(),
            persons: files.iter().map(|f| f.persons).sum(),
            standing: self.manifest.standing.iter().map(|f| f.rows).sum(),
        })
    }
}

impl Open {
    fn flush(&mut self) -> Result<(), ServiceError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let batch = self.rows.finish().map_err(|e| self.file.wrong(e))?;
        self.file.write(&batch)
    }
}

/// A Parquet file being written, and the digest of its bytes.
struct Written {
    path: PathBuf,
    name: String,
    writer: ArrowWriter<Hashing>,
    rows: u64,
}

impl Written {
    fn create(root: &Path, name: String, schema: SchemaRef) -> Result<Written, ServiceError> {
        let path = root.join(&name);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        let made = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| File::create(&path))
            .map_err(|cause| failed(&path, cause))?;
        let sink = Hashing(BufWriter::new(made), Sha256::new());
        let writer = ArrowWriter::try_new(sink, schema, Some(properties))
            .map_err(|e| failed(&path, e.into()))?;
        Ok(Written {
            path,
            name,
            writer,
            rows: 0,
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ServiceError> {
        self.rows += batch.num_rows() as u64;
        self.writer
            .write(batch)
            .map_err(|e| failed(&self.path, e.into()))
    }

    fn wrong(&self, error: PartitionError) -> ServiceError {
        failed(&self.path, std::io::Error::other(error))
    }

    /// The file's name and the digest of its bytes.
    fn close(self) -> Result<(String, String), ServiceError> {
        let path = self.path;
        let Hashing(mut file, hash) = self
            .writer
            .into_inner()
            .map_err(|e| failed(&path, e.into()))?;
        file.flush().map_err(|cause| failed(&path, cause))?;
        let digest = hash.finalize();
        Ok((
            self.name,
            digest.iter().map(|b| format!("{b:02x}")).collect(),
        ))
    }
}

struct Hashing(BufWriter<File>, Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.0.write(bytes)?;
        self.1.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn failed(path: &Path, cause: std::io::Error) -> ServiceError {
    ServiceError::Folder {
        path: path.to_path_buf(),
        cause,
    }
}
