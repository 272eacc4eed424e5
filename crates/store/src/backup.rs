//! A copy of the database while others go on writing, and what anchors are made of.

use crate::Store;
use crate::db::Db;
use crate::error::StoreError;
use crate::schema::TABLES;
use std::collections::BTreeMap;
use std::path::Path;

impl Store {
    /// Writes a copy of a SQLite database as it is at one moment to a new file, and sees that the copy is
    /// whole and on disk. Others may read and write meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] on PostgreSQL, whose own tools make copies; [`StoreError::Io`] when `out` is
    /// there already or cannot be written.
    pub async fn copy_to(&self, out: &Path) -> Result<(), StoreError> {
        let Db::Sqlite { path, .. } = &self.db else {
            return Err(StoreError::Invalid(
                "PostgreSQL makes its own copies, with pg_dump".into(),
            ));
        };
        let (path, out) = (path.clone(), out.to_owned());
        let copied = tokio::task::spawn_blocking(move || copy(&path, &out)).await;
        copied.map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }

    /// Rows of each table from which nothing is ever taken away.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn row_counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for table in TABLES.iter().filter(|t| t.sealed) {
            let sql = format!("SELECT COUNT(*) FROM {}", table.name);
            let rows = self.db.fetch_generated(sql, vec![]).await?;
            let count = rows.first().map_or(Ok(0), |row| row.int(0))?;
            counts.insert(table.name.to_owned(), count as u64);
        }
        Ok(counts)
    }
}

fn copy(path: &Path, out: &Path) -> Result<(), StoreError> {
    // Made by us first, readable by its owner only: what is copied into it is as private as the database.
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(out)?;
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let source = rusqlite::Connection::open_with_flags(path, flags)?;
    source.busy_timeout(std::time::Duration::from_secs(60))?;
    let name = out.to_string_lossy();
    source.execute("VACUUM INTO ?1", [&name])?;
    file.sync_all()?;
    check_whole(out)
}

/// Is a file a whole SQLite database?
///
/// # Errors
/// [`StoreError::Corrupt`] with what SQLite says, or its own error when it is none at all.
pub fn check_whole(file: &Path) -> Result<(), StoreError> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let copy = rusqlite::Connection::open_with_flags(file, flags)?;
    let said: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match said.as_str() {
        "ok" => Ok(()),
        _ => Err(StoreError::corrupt(file.display().to_string(), said)),
    }
}
