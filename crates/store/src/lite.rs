//! Writing SQLite: one connection, used by one transaction at a time, on the thread that asks.
//!
//! The asynchronous driver hands every statement to a thread of its own and waits for it: a change of some
//! thirty statements then costs more in waiting than in the database. Here a whole transaction runs where it
//! was asked for, and the runtime is told that the thread is busy.

use crate::db::Durability;
use crate::error::StoreError;
use crate::value::{Row, Val};
use rusqlite::types::ValueRef;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long the log may become, in pages, before a commit folds it into the file. While a run makes data that
/// nobody waits for it is longer: a page that is written again and again is then folded once.
const CHECKPOINT: &str = "PRAGMA wal_autocheckpoint = 8000";
const CHECKPOINT_RELAXED: &str = "PRAGMA wal_autocheckpoint = 65536";

/// Pages kept in memory, and how many while a transaction writes records by the hundred thousand: their indexes
/// lie in other orders than they do, and a page that is put out of memory half full is written again and again.
const CACHE: &str = "PRAGMA cache_size = -131072";
const CACHE_WIDE: &str = "PRAGMA cache_size = -524288";

/// The one connection that writes.
#[derive(Clone)]
pub(crate) struct Writer {
    connection: Arc<Mutex<Connection>>,
    /// See [`crate::Store::relax`].
    pub(crate) relaxed: Arc<AtomicBool>,
}

struct Connection {
    sqlite: Option<rusqlite::Connection>,
    /// `None` while nothing waits for the disk.
    durability: Option<Durability>,
}

/// A transaction of it; without a commit it is rolled back.
pub(crate) struct LiteTx {
    held: OwnedMutexGuard<Connection>,
    open: bool,
    wide: bool,
}

impl Writer {
    /// Opens the file and makes it when it is not there. `pages`: how large it may become; a number.
    pub(crate) fn open(path: &Path, pages: Option<&str>) -> Result<Writer, StoreError> {
        let sqlite = rusqlite::Connection::open_with_flags(
            path,
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE
                | rusqlite::OpenFlags::SQLITE_OPEN_CREATE
                | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        sqlite.busy_timeout(std::time::Duration::from_secs(30))?;
        sqlite.set_prepared_statement_cache_capacity(256);
        sqlite.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; \
             PRAGMA temp_store = MEMORY; {CACHE}; {CHECKPOINT}"
        ))?;
        if let Some(pages) = pages {
            sqlite.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
        }
        let connection = Connection {
            sqlite: Some(sqlite),
            durability: Some(Durability::Synced),
        };
        Ok(Writer {
            connection: Arc::new(Mutex::new(connection)),
            relaxed: Arc::default(),
        })
    }

    /// Opens a transaction that holds the write lock from its beginning: one that reads first and writes
    /// later fails for good when another process wrote in between.
    pub(crate) async fn begin(&self, durability: Durability) -> Result<LiteTx, StoreError> {
        let durability = match self.relaxed.load(Ordering::Relaxed) {
            true => None,
            false => Some(durability),
        };
        let mut held = self.connection.clone().lock_owned().await;
        blocking(|| {
            held.keep(durability)?;
            held.sqlite()?.execute_batch("BEGIN IMMEDIATE")?;
            Ok::<_, StoreError>(())
        })?;
        Ok(LiteTx {
            held,
            open: true,
            wide: false,
        })
    }

    /// Puts all that was written while nothing waited for the disk on disk.
    pub(crate) async fn settle(&self, path: &Path) -> Result<(), StoreError> {
        self.relaxed.store(false, Ordering::Relaxed);
        let mut held = self.connection.lock().await;
        blocking(|| {
            held.keep(Some(Durability::Synced))?;
            let folded =
                held.sqlite()?
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            folded?;
            // What was folded in before was written without waiting.
            std::fs::File::open(path)?.sync_all()?;
            Ok(())
        })
    }

    /// Runs a statement outside a transaction.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.lock().await.sqlite()?.execute_batch(sql)?;
        Ok(())
    }

    /// Prepares a statement without running it.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<(), StoreError> {
        self.connection
            .lock()
            .await
            .sqlite()?
            .prepare(&numbered(sql))?;
        Ok(())
    }

    /// Closes the connection; the log is folded into the file when it was the last one.
    pub(crate) async fn close(&self) {
        let connection = self.connection.lock().await.sqlite.take();
        drop(connection);
    }
}

impl Connection {
    /// Sets for what the next commits wait.
    fn keep(&mut self, durability: Option<Durability>) -> Result<(), StoreError> {
        if self.durability == durability {
            return Ok(());
        }
        let mode = match durability {
            Some(Durability::Synced) => "PRAGMA synchronous = FULL",
            Some(Durability::Bulk) => "PRAGMA synchronous = NORMAL",
            None => "PRAGMA synchronous = OFF",
        };
        let log = match durability {
            Some(_) => CHECKPOINT,
            None => CHECKPOINT_RELAXED,
        };
        self.sqlite()?.execute_batch(&format!("{mode}; {log}"))?;
        self.durability = durability;
        Ok(())
    }

    fn sqlite(&self) -> Result<&rusqlite::Connection, StoreError> {
        self.sqlite
            .as_ref()
            .ok_or_else(|| StoreError::Invalid("the database was closed".into()))
    }
}

impl LiteTx {
    /// Runs a statement; gives the number of rows it wrote.
    pub(crate) fn execute<'v>(
        &mut self,
        sql: &str,
        values: impl IntoIterator<Item = &'v Val>,
    ) -> Result<u64, StoreError> {
        let mut statement = self.held.sqlite()?.prepare_cached(&numbered(sql))?;
        let parameters = rusqlite::params_from_iter(values);
        if statement.column_count() > 0 {
            let mut rows = statement.query(parameters)?;
            while rows.next()?.is_some() {}
            return Ok(0);
        }
        Ok(statement.execute(parameters)? as u64)
    }

    /// Keeps more pages in memory until the transaction ends.
    pub(crate) fn widen(&mut self) -> Result<(), StoreError> {
        if !self.wide {
            self.held.sqlite()?.execute_batch(CACHE_WIDE)?;
            self.wide = true;
        }
        Ok(())
    }

    /// Reads inside the transaction.
    pub(crate) fn fetch(&mut self, sql: &str, values: &[Val]) -> Result<Vec<Row>, StoreError> {
        rows(self.held.sqlite()?, sql, values)
    }

    pub(crate) fn commit(mut self) -> Result<(), StoreError> {
        blocking(|| {
            self.held.sqlite()?.execute_batch("COMMIT")?;
            self.open = false;
            Ok(())
        })
    }
}

impl Drop for LiteTx {
    fn drop(&mut self) {
        if self.open
            && let Ok(sqlite) = self.held.sqlite()
        {
            // When the rollback itself fails the connection is gone, and with it the transaction.
            let _ = sqlite.execute_batch("ROLLBACK");
        }
        if self.wide
            && let Ok(sqlite) = self.held.sqlite()
        {
            // A connection that refuses it keeps more memory, and is otherwise sound.
            let _ = sqlite.execute_batch(CACHE);
        }
    }
}

/// A statement with its values by number: SQLite takes PostgreSQL's `$3` for a name, and numbers names in
/// the order in which it meets them.
pub(crate) fn numbered(sql: &str) -> Cow<'_, str> {
    match sql.contains('$') {
        true => Cow::Owned(sql.replace('$', "?")),
        false => Cow::Borrowed(sql),
    }
}

/// The rows of a statement.
pub(crate) fn rows(
    connection: &rusqlite::Connection,
    sql: &str,
    values: &[Val],
) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(&numbered(sql))?;
    let width = statement.column_count();
    let mut found = statement.query(rusqlite::params_from_iter(values))?;
    let mut out = Vec::new();
    while let Some(row) = found.next()? {
        let mut cells = Vec::with_capacity(width);
        for i in 0..width {
            cells.push(match row.get_ref(i)? {
                ValueRef::Integer(n) => Val::Int(Some(n)),
                ValueRef::Text(text) => {
                    let text = std::str::from_utf8(text)
                        .map_err(|_| StoreError::corrupt(format!("column {i}"), text))?;
                    Val::Text(Some(text.to_owned()))
                }
                ValueRef::Blob(bytes) => Val::Bytes(Some(bytes.to_vec())),
                ValueRef::Null => Val::Int(None),
                ValueRef::Real(number) => {
                    return Err(StoreError::corrupt(format!("column {i}"), number));
                }
            });
        }
        out.push(Row(cells));
    }
    Ok(out)
}

/// Runs what keeps the thread busy for a while; other tasks of the runtime go on elsewhere.
pub(crate) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        // A runtime of one thread has nowhere else to go.
        _ => work(),
    }
}

/// The result of a future that waits for nothing, which is every transaction's body on SQLite.
pub(crate) fn at_once<T>(
    future: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(result) => result,
        Poll::Pending => Err(StoreError::Invalid(
            "a transaction waited for something outside the database".into(),
        )),
    }
}
