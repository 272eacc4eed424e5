//! Reading at one moment of the database on a thread that may block: whole tables, or a little through a
//! connection that is kept. The same statements run on both databases; on SQLite through a driver that
//! reads rows in place, since the asynchronous one hands every row from thread to thread and is twelve times
//! slower.

use crate::Store;
use crate::commit::{in_list, list_size};
use crate::db::{Db, Tx, read_pg_transaction};
use crate::error::StoreError;
use crate::lite::numbered;
use crate::value::{Row, Val};
use base::Id;
use rusqlite::types::ValueRef;

/// Columns of the widest statement.
const WIDEST: usize = 16;

impl Store {
    /// A reader of whole tables, at one moment of the database.
    pub(crate) fn source(&self) -> Result<Source, StoreError> {
        match &self.db {
            Db::Sqlite { path, .. } => {
                let connection = read_only(path)?;
                connection.execute_batch("PRAGMA cache_size = -65536; BEGIN")?;
                Ok(Source::Sqlite(connection))
            }
            Db::Pg(pool) => {
                let runtime = tokio::runtime::Handle::current();
                Ok(Source::Pg(pool.clone(), runtime, None))
            }
        }
    }

    /// Reads a little at one moment of the database, on a thread that may block. On SQLite through a
    /// connection that is kept for the next time, with its prepared statements.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Source) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.look_ahead(work).end().await
    }

    /// As [`Store::look`], begun at once and waited for later.
    pub(crate) fn look_ahead<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Source) -> Result<T, StoreError> + Send + 'static,
    ) -> Ahead<T> {
        let (path, lookers) = match &self.db {
            Db::Sqlite { path, lookers, .. } => (path.clone(), lookers.clone()),
            Db::Pg(pool) => {
                let runtime = tokio::runtime::Handle::current();
                let mut source = Source::Pg(pool.clone(), runtime, None);
                return Ahead(tokio::task::spawn_blocking(move || work(&mut source)));
            }
        };
        Ahead(tokio::task::spawn_blocking(move || {
            let kept = lookers.lock().ok().and_then(|mut kept| kept.pop());
            let connection = match kept {
                Some(connection) => connection,
                None => {
                    let connection = read_only(&path)?;
                    connection.set_prepared_statement_cache_capacity(128);
                    connection.execute_batch("PRAGMA cache_size = -16384")?;
                    connection
                }
            };
            connection.execute_batch("BEGIN")?;
            let mut source = Source::Sqlite(connection);
            let result = work(&mut source);
            if let Source::Sqlite(connection) = source
                && connection.execute_batch("COMMIT").is_ok()
                && let Ok(mut kept) = lookers.lock()
                && kept.len() < LOOKERS
            {
                kept.push(connection);
            }
            result
        }))
    }

    /// Reads whole tables on a thread that may block.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Source) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut source = self.source()?;
        tokio::task::spawn_blocking(move || work(&mut source))
            .await
            .map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }
}

/// What is being read on another thread.
pub struct Ahead<T>(tokio::task::JoinHandle<Result<T, StoreError>>);

impl<T> Ahead<T> {
    /// Waits for it.
    ///
    /// # Errors
    /// When the database fails, or a row is not what was recorded.
    pub async fn end(self) -> Result<T, StoreError> {
        let read = self.0.await;
        read.map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }
}

/// Connections for reading a little that are kept at most.
const LOOKERS: usize = 8;

fn read_only(path: &std::path::Path) -> Result<rusqlite::Connection, StoreError> {
    let flags =
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    Ok(connection)
}

/// Where rows come from.
pub(crate) enum Source {
    Sqlite(rusqlite::Connection),
    Pg(sqlx::PgPool, tokio::runtime::Handle, Option<Tx>),
}

impl Source {
    /// Runs a statement and hands each row to `each`.
    pub(crate) fn rows(
        &mut self,
        sql: &str,
        values: Vec<Val>,
        mut each: impl FnMut(&Cells<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Source::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(&numbered(sql))?;
                let width = statement.column_count();
                let mut found = statement.query(rusqlite::params_from_iter(&values))?;
                while let Some(row) = found.next()? {
                    let mut cells = [ValueRef::Null; WIDEST];
                    for (i, cell) in cells.iter_mut().enumerate().take(width) {
                        *cell = row.get_ref(i)?;
                    }
                    each(&Cells(cells))?;
                }
                Ok(())
            }
            Source::Pg(pool, runtime, tx) => {
                if tx.is_none() {
                    *tx = Some(runtime.block_on(read_pg_transaction(pool))?);
                }
                let Some(tx) = tx else { return Ok(()) };
                for row in runtime.block_on(tx.fetch_generated(sql.to_owned(), values))? {
                    let mut cells = [ValueRef::Null; WIDEST];
                    for (cell, value) in cells.iter_mut().zip(&row.0) {
                        *cell = match value {
                            Val::Int(Some(n)) => ValueRef::Integer(*n),
                            Val::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
                            Val::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
                            _ => ValueRef::Null,
                        };
                    }
                    each(&Cells(cells))?;
                }
                Ok(())
            }
        }
    }

    /// Rows for many ids, a few hundred at a time, of a statement that [`in_list`] completes. Lists are
    /// filled up with their last id, which adds no row.
    pub(crate) fn listed(
        &mut self,
        sql: &str,
        first: &[Val],
        ids: &[Id],
        mut each: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut left = ids;
        while !left.is_empty() {
            let (size, taken) = list_size(left.len());
            let (now, later) = left.split_at(taken);
            left = later;
            let mut values = first.to_vec();
            values.extend((0..size).map(|i| Val::Id(now.get(i).or(now.last()).copied())));
            for row in self.all(in_list(sql, first.len(), size), values)? {
                each(&row)?;
            }
        }
        Ok(())
    }

    /// Runs a statement that this crate generates, and gives its rows.
    pub(crate) fn all(&mut self, sql: String, values: Vec<Val>) -> Result<Vec<Row>, StoreError> {
        match self {
            Source::Sqlite(connection) => crate::lite::rows(connection, &sql, &values),
            Source::Pg(pool, runtime, tx) => {
                if tx.is_none() {
                    *tx = Some(runtime.block_on(read_pg_transaction(pool))?);
                }
                let Some(tx) = tx else { return Ok(Vec::new()) };
                runtime.block_on(tx.fetch_generated(sql, values))
            }
        }
    }
}

/// One row's values, borrowed.
pub(crate) struct Cells<'a>([ValueRef<'a>; WIDEST]);

impl<'a> Cells<'a> {
    fn bad(&self, i: usize) -> StoreError {
        StoreError::corrupt(format!("column {i}"), self.0[i])
    }

    /// All of them; those behind the statement's width are null.
    pub(crate) fn values(&self) -> &[ValueRef<'a>] {
        &self.0
    }

    pub(crate) fn int(&self, i: usize) -> Result<i64, StoreError> {
        match self.0[i] {
            ValueRef::Integer(n) => Ok(n),
            _ => Err(self.bad(i)),
        }
    }

    pub(crate) fn maybe_int(&self, i: usize) -> Result<Option<i64>, StoreError> {
        match self.0[i] {
            ValueRef::Null => Ok(None),
            _ => self.int(i).map(Some),
        }
    }

    pub(crate) fn str(&self, i: usize) -> Result<&'a str, StoreError> {
        match self.0[i] {
            ValueRef::Text(text) => std::str::from_utf8(text).map_err(|_| self.bad(i)),
            _ => Err(self.bad(i)),
        }
    }

    pub(crate) fn id(&self, i: usize) -> Result<Id, StoreError> {
        match self.0[i] {
            ValueRef::Blob(bytes) => Id::from_slice(bytes).ok_or_else(|| self.bad(i)),
            _ => Err(self.bad(i)),
        }
    }

    pub(crate) fn maybe_bytes(&self, i: usize) -> Option<&'a [u8]> {
        match self.0[i] {
            ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}
