//! A copy of an office's data while it works, and putting one back.

use super::{Location, Office, ServiceError};
use entitlement::change::At;
use registry::protect::Keyring;
use serde::Serialize;
use std::path::{Path, PathBuf};
use store::{ChangeSet, JournalEntry, RecordCheck, Store};

/// What a backup holds.
#[derive(Clone, Debug, Serialize)]
pub struct BackupSummary {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Lines of its journal.
    pub lines: u64,
    /// Rows in it.
    pub rows: u64,
    /// The key file, which is not in it: without it numbers in the copy cannot be read, nor records checked.
    pub key: PathBuf,
}

/// What was put back.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreSummary {
    /// The database file.
    pub file: PathBuf,
    /// Where the data that stood there before is now.
    pub aside: Option<PathBuf>,
    /// Records held against what the journal says was recorded.
    pub records: u64,
    /// Lines of the journal.
    pub lines: u64,
    /// What is wrong with them.
    pub findings: Vec<String>,
}

fn trouble(path: &Path) -> impl Fn(std::io::Error) -> ServiceError {
    let path = path.to_owned();
    move |cause| ServiceError::Folder {
        path: path.clone(),
        cause,
    }
}

impl Office {
    /// Copies the database as it is at one moment to `out`, and notes it in the journal. Others go on
    /// reading and writing. The key stays where it is: whoever finds the copy must not find the key with it.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] on PostgreSQL and when `out` is there already.
    pub async fn backup(
        &self,
        out: &Path,
        by: &str,
        at: At,
    ) -> Result<BackupSummary, ServiceError> {
        if self.store.is_postgres() {
            return Err(ServiceError::Refused(
                "PostgreSQL makes its own copies: pg_dump --format=custom --file=FILE URL, back with \
                 pg_restore --dbname=URL FILE, then `minsheng verify --anchor FILE`; keep the key file of \
                 --data elsewhere"
                    .into(),
            ));
        }
        if out.exists() {
            return Err(ServiceError::Refused(format!(
                "{} is there already; backups are not overwritten",
                out.display()
            )));
        }
        // Under another name until it is whole, so that a half one is never taken for a backup.
        let part = beside(out, "part");
        let _ = std::fs::remove_file(&part);
        let copied = self.store.copy_to(&part).await;
        if copied.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        copied?;
        let keys = self.store.crypto().clone();
        let copy = Store::open_file(&part, keys).await?;
        let counted = async {
            let lines = copy.journal_ends().await?.iter().map(|end| end.2).sum();
            let rows = copy.row_counts().await?.values().sum();
            Ok::<(u64, u64), ServiceError>((lines, rows))
        };
        let counted = counted.await;
        copy.close().await;
        let (lines, rows) = counted?;
        std::fs::rename(&part, out).map_err(trouble(out))?;
        sync_folder(out);
        let bytes = std::fs::metadata(out).map_err(trouble(out))?.len();
        let shard = self.store.shards().await?.into_iter().next();
        let noted = ChangeSet {
            shard: shard.unwrap_or_default(),
            at: at.now,
            journal: vec![JournalEntry {
                actor: by.into(),
                action: "backup".into(),
                subject: None,
                detail: serde_json::json!({ "file": out, "lines": lines, "rows": rows }),
            }],
            ..ChangeSet::default()
        };
        self.store.commit(&noted).await?;
        Ok(BackupSummary {
            file: out.to_owned(),
            bytes,
            lines,
            rows,
            key: self.data.join("key"),
        })
    }
}

/// Puts a backup in the place of an office's database, and checks every record in it. `key`: the key file,
/// when it is not in the folder already. Data that stands there is set aside, never deleted, and only when
/// `replace` says so.
///
/// # Errors
/// [`ServiceError::Refused`] when data is there, when the file is no whole backup or the key not its key;
/// nothing was put in place then.
pub async fn restore(
    location: &Location,
    from: &Path,
    key: Option<&Path>,
    replace: bool,
    at: At,
) -> Result<RestoreSummary, ServiceError> {
    if location.database.is_some() {
        return Err(ServiceError::Refused(
            "PostgreSQL is restored with its own pg_restore; then run `minsheng verify --anchor FILE`".into(),
        ));
    }
    let target = location.file();
    if target.exists() && !replace {
        return Err(ServiceError::Refused(format!(
            "{} is there already; --replace sets it aside and puts the backup in its place",
            target.display()
        )));
    }
    std::fs::create_dir_all(&location.data).map_err(trouble(&location.data))?;
    store::check_whole(from)?;
    let home = location.data.join("key");
    let keys = match key {
        Some(given) => Keyring::open(given)?,
        None if home.exists() => Keyring::open(&home)?,
        None => {
            return Err(ServiceError::Refused(format!(
                "{} is missing: give the key file that was kept apart with --key FILE",
                home.display()
            )));
        }
    };
    let part = beside(&target, "part");
    for name in [part.clone(), beside(&part, "-wal"), beside(&part, "-shm")] {
        let _ = std::fs::remove_file(name);
    }
    copy_privately(from, &part)?;
    let store = Store::open_file(&part, keys).await?;
    let checked = async {
        store.migrate().await?;
        Ok::<RecordCheck, ServiceError>(store.check_records().await?)
    };
    let checked = checked.await;
    store.close().await;
    let checked = checked.inspect_err(|_| {
        let _ = std::fs::remove_file(&part);
    })?;
    if let Some(given) = key.filter(|given| *given != home) {
        set_key(given, &home)?;
    }
    let aside = target
        .exists()
        .then(|| beside(&target, &format!("before-{}", at.now.timestamp())));
    if let Some(aside) = &aside {
        for end in ["", "-wal", "-shm"] {
            let there = beside_exactly(&target, end);
            if there.exists() {
                std::fs::rename(&there, beside_exactly(aside, end)).map_err(trouble(&there))?;
            }
        }
    }
    std::fs::rename(&part, &target).map_err(trouble(&target))?;
    sync_folder(&target);
    let lines = checked.journal.faults.iter();
    let rows = checked.faults.iter();
    Ok(RestoreSummary {
        file: target,
        aside,
        records: checked.rows,
        lines: checked.journal.lines,
        findings: lines
            .map(super::verify::line_fault)
            .chain(rows.map(super::verify::row_fault))
            .collect(),
    })
}

/// The key file into its folder; another one that stands there is never replaced.
fn set_key(given: &Path, home: &Path) -> Result<(), ServiceError> {
    let text = std::fs::read(given).map_err(trouble(given))?;
    if home.exists() {
        return match std::fs::read(home).map_err(trouble(home))? == text {
            true => Ok(()),
            false => Err(ServiceError::Refused(format!(
                "{} is another key than {}; move it away first",
                home.display(),
                given.display()
            ))),
        };
    }
    copy_privately(given, home)
}

fn copy_privately(from: &Path, to: &Path) -> Result<(), ServiceError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(to).map_err(trouble(to))?;
    let mut source = std::fs::File::open(from).map_err(trouble(from))?;
    std::io::copy(&mut source, &mut out).map_err(trouble(to))?;
    out.sync_all().map_err(trouble(to))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    match end.starts_with('-') {
        true => beside_exactly(path, end),
        false => beside_exactly(path, &format!(".{end}")),
    }
}

fn beside_exactly(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn sync_folder(file: &Path) {
    if let Some(Ok(folder)) = file.parent().map(std::fs::File::open) {
        // Not every file system syncs folders; the file itself is on disk.
        let _ = folder.sync_all();
    }
}
