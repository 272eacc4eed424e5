//! Two databases behind one road: the same SQL texts, the same values, the same transactions.

use crate::error::StoreError;
use crate::fault::{self, Fault};
use crate::lite::{LiteTx, Writer};
use crate::schema::Ty;
use crate::seal::Seal;
use crate::value::{Row, Val};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, Column, Executor, PgPool, Postgres, Row as _, SqlitePool,
    Transaction, TypeInfo, ValueRef,
};
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How hard a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// On disk before the answer.
    Synced,
    /// In order and never torn, but a power cut may lose the last ones; a later synced commit makes
    /// them durable too. For bulk work that a run record lets resume.
    Bulk,
}

/// The database.
pub(crate) enum Db {
    Sqlite {
        /// SQLite lets one write at a time.
        writer: Writer,
        readers: SqlitePool,
        /// Connections of the other driver, for reading a little: kept between uses.
        lookers: Arc<Mutex<Vec<rusqlite::Connection>>>,
        path: PathBuf,
    },
    Pg(PgPool),
}

/// A future that may move between threads, with its insides hidden: the compiler cannot see through the
/// driver's own futures that they are `Send` for every lifetime.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A transaction that writes, with the seal of what it has written so far.
pub(crate) struct Tx {
    pub(crate) link: Link,
    pub(crate) seal: Seal,
}

/// The database's own transaction.
pub(crate) enum Link {
    Sqlite(LiteTx),
    Pg(Transaction<'static, Postgres>),
}

/// How long a request waits for a connection before it is told that the database does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a transaction is repeated when it clashes with another.
pub(crate) const ATTEMPTS: u32 = 10;

/// Runs a body in a transaction and repeats it when it clashes with another. The body is an expression
/// of type `Result<T, StoreError>`, may use `?`, and sees the transaction as `&mut Tx`.
///
/// A macro and not a function that takes a closure: futures of asynchronous closures that borrow the
/// transaction are not `Send`, and a server's handlers must be.
macro_rules! transact {
    ($db:expr, $durability:expr, |$tx:ident| $body:expr) => {{
        let mut attempt = 0;
        loop {
            attempt += 1;
            let result = match $db.begin($durability).await {
                Err(error) => Err(error),
                Ok(mut opened) => {
                    let pg = opened.is_pg();
                    let outcome: Result<_, $crate::error::StoreError> = {
                        let $tx = &mut opened;
                        let body = async { $body };
                        if pg {
                            body.await
                        } else {
                            $crate::lite::blocking(|| $crate::lite::at_once(body))
                        }
                    };
                    match outcome {
                        Ok(value) => opened.commit().await.map(|()| value),
                        Err(error) => {
                            let _ = opened.rollback().await;
                            Err(error)
                        }
                    }
                }
            };
            match result {
                Err(error) if error.is_transient() && attempt < $crate::db::ATTEMPTS => {
                    $crate::db::pause(attempt, &error).await;
                }
                other => break other,
            }
        }
    }};
}
pub(crate) use transact;

/// Waits a little before a transaction is repeated, longer each time.
pub(crate) async fn pause(attempt: u32, error: &StoreError) {
    tracing::debug!(attempt, %error, "transaction repeated");
    tokio::time::sleep(Duration::from_millis(2 << attempt.min(8))).await;
}

impl Db {
    /// `sqlite:PATH`, with `?max_pages=N` behind it to bound the file, or a PostgreSQL address.
    pub(crate) async fn open(url: &str) -> Result<Db, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let (path, pages) = match path.split_once("?max_pages=") {
                Some((path, pages)) => (path, Some(pages)),
                None => (path, None),
            };
            if pages.is_some_and(|n| n.parse::<u32>().is_err()) {
                return Err(StoreError::Url(url.into()));
            }
            return Db::open_sqlite(PathBuf::from(path), pages).await;
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?;
            let pool = PgPoolOptions::new()
                .max_connections(12)
                .acquire_timeout(PATIENCE)
                .connect_with(options)
                .await?;
            return Ok(Db::Pg(pool));
        }
        Err(StoreError::Url(url.into()))
    }

    /// `pages`: how large the file may become, in pages; as large as the disk when `None`.
    async fn open_sqlite(path: PathBuf, pages: Option<&str>) -> Result<Db, StoreError> {
        let writer = Writer::open(&path, pages)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(6)
            .connect_lazy_with(
                SqliteConnectOptions::new()
                    .filename(&path)
                    .create_if_missing(false)
                    .busy_timeout(Duration::from_secs(30))
                    .foreign_keys(false)
                    .pragma("temp_store", "MEMORY")
                    .statement_cache_capacity(200)
                    .pragma("query_only", "ON")
                    .pragma("cache_size", "-16384")
                    .pragma("mmap_size", "67108864"),
            );
        Ok(Db::Sqlite {
            writer,
            readers,
            lookers: Arc::default(),
            path,
        })
    }

    /// Closes every connection; SQLite's write-ahead log is folded into the file.
    pub(crate) async fn close(&self) {
        match self {
            Db::Sqlite {
                writer,
                readers,
                lookers,
                ..
            } => {
                if let Ok(mut kept) = lookers.lock() {
                    kept.clear();
                }
                readers.close().await;
                writer.close().await;
            }
            Db::Pg(pool) => pool.close().await,
        }
    }

    /// Opens a transaction that writes.
    pub(crate) fn begin(&self, durability: Durability) -> Boxed<'_, Tx> {
        Box::pin(async move {
            match self {
                Db::Sqlite { writer, .. } => {
                    let mut tx = Tx::of(Link::Sqlite(writer.begin(durability).await?));
                    fault::at_begin(&mut tx).await?;
                    Ok(tx)
                }
                Db::Pg(pool) => {
                    let mut tx = pool.begin().await?;
                    if durability == Durability::Bulk {
                        tx.execute("SET LOCAL synchronous_commit = off").await?;
                    }
                    Ok(Tx::of(Link::Pg(tx)))
                }
            }
        })
    }

    /// Reads outside a transaction, from the pool of readers.
    pub(crate) async fn fetch(
        &self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Vec<Row>, StoreError> {
        self.read(sqlx::SqlSafeStr::into_sql_str(sql), args).await
    }

    /// As [`Db::fetch`], for texts that this crate generates.
    pub(crate) async fn fetch_generated(
        &self,
        sql: String,
        args: Vec<Val>,
    ) -> Result<Vec<Row>, StoreError> {
        self.read(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql)), args)
            .await
    }

    fn read(&self, sql: sqlx::SqlStr, args: Vec<Val>) -> Boxed<'_, Vec<Row>> {
        Box::pin(async move {
            match self {
                Db::Sqlite { readers, .. } => {
                    let query = sqlx::query_with(sql, sqlite_arguments(args)?);
                    read_sqlite(query.fetch_all(readers).await?)
                }
                Db::Pg(pool) => {
                    let query = sqlx::query_with(sql, pg_arguments(args)?);
                    read_pg(query.fetch_all(pool).await?)
                }
            }
        })
    }

    /// The first row, if any.
    pub(crate) async fn fetch_one(
        &self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch(sql, args).await?.into_iter().next())
    }

    /// Is this PostgreSQL?
    pub(crate) fn is_pg(&self) -> bool {
        matches!(self, Db::Pg(_))
    }

    /// Names and types of a table's columns, in order.
    pub(crate) async fn columns(&self, table: &str) -> Result<Vec<(String, Ty)>, StoreError> {
        let sql = match self {
            Db::Sqlite { .. } => "SELECT name, type FROM pragma_table_info($1) ORDER BY cid",
            Db::Pg(_) => {
                "SELECT CAST(column_name AS TEXT), UPPER(CAST(data_type AS TEXT)) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
            }
        };
        let mut out = Vec::new();
        for row in self.fetch(sql, vec![Val::from(table)]).await? {
            let ty = match row.str(1)? {
                "BIGINT" => Ty::Int,
                "TEXT" => Ty::Text,
                "BYTEA" => Ty::Bytes,
                other => {
                    return Err(StoreError::corrupt(
                        format!("{table} {}", row.str(0)?),
                        other,
                    ));
                }
            };
            out.push((row.text(0)?, ty));
        }
        Ok(out)
    }

    /// Prepares a statement without running it.
    pub(crate) fn prepare<'a>(&'a self, sql: &str) -> Boxed<'a, ()> {
        let sql = sql.to_owned();
        Box::pin(async move {
            match self {
                Db::Sqlite { writer, .. } => writer.prepare(&sql).await?,
                Db::Pg(pool) => {
                    let sql = AssertSqlSafe(sql);
                    pool.acquire()
                        .await?
                        .prepare(sqlx::SqlSafeStr::into_sql_str(sql))
                        .await?;
                }
            }
            Ok(())
        })
    }
}

impl Tx {
    fn of(link: Link) -> Tx {
        Tx {
            link,
            seal: Seal::default(),
        }
    }

    /// Runs a statement; gives the number of rows it wrote.
    pub(crate) async fn execute(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<u64, StoreError> {
        self.run(sqlx::SqlSafeStr::into_sql_str(sql), args).await
    }

    /// As [`Tx::execute`], for texts that this crate generates from its own table descriptions.
    pub(crate) async fn execute_generated(
        &mut self,
        sql: String,
        args: Vec<Val>,
    ) -> Result<u64, StoreError> {
        self.run(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql)), args)
            .await
    }

    fn run(&mut self, sql: sqlx::SqlStr, args: Vec<Val>) -> Boxed<'_, u64> {
        Box::pin(async move {
            match &mut self.link {
                Link::Sqlite(tx) => tx.execute(sql.as_str(), &args),
                Link::Pg(tx) => {
                    let query = sqlx::query_with(sql, pg_arguments(args)?);
                    Ok(query.execute(&mut **tx).await?.rows_affected())
                }
            }
        })
    }

    /// Reads inside the transaction.
    pub(crate) async fn fetch(
        &mut self,
        sql: &'static str,
        args: Vec<Val>,
    ) -> Result<Vec<Row>, StoreError> {
        self.read(sqlx::SqlSafeStr::into_sql_str(sql), args).await
    }

    /// As [`Tx::fetch`], for texts that this crate generates.
    pub(crate) async fn fetch_generated(
        &mut self,
        sql: String,
        args: Vec<Val>,
    ) -> Result<Vec<Row>, StoreError> {
        self.read(sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(sql)), args)
            .await
    }

    fn read(&mut self, sql: sqlx::SqlStr, args: Vec<Val>) -> Boxed<'_, Vec<Row>> {
        Box::pin(async move {
            match &mut self.link {
                Link::Sqlite(tx) => tx.fetch(sql.as_str(), &args),
                Link::Pg(tx) => {
                    let query = sqlx::query_with(sql, pg_arguments(args)?);
                    read_pg(query.fetch_all(&mut **tx).await?)
                }
            }
        })
    }

    pub(crate) fn commit(self) -> Boxed<'static, ()> {
        Box::pin(async move {
            if !self.seal.is_empty() {
                return Err(StoreError::Invalid(
                    "records were written that no line of the journal seals".into(),
                ));
            }
            let fault = fault::at_end(true, self.is_pg());
            if fault == Some(Fault::Lost) {
                let _ = self.rollback().await;
                return Err(StoreError::Interrupted("before its commit"));
            }
            match self.link {
                Link::Sqlite(tx) => tx.commit()?,
                Link::Pg(tx) => tx.commit().await?,
            }
            match fault {
                Some(_) => Err(StoreError::Interrupted("after its commit")),
                None => Ok(()),
            }
        })
    }

    pub(crate) fn rollback(self) -> Boxed<'static, ()> {
        Box::pin(async move {
            fault::at_end(false, self.is_pg());
            match self.link {
                Link::Sqlite(tx) => drop(tx),
                // When the rollback itself fails the connection is gone, and with it the transaction.
                Link::Pg(tx) => drop(tx.rollback().await),
            }
            Ok(())
        })
    }

    /// Is this PostgreSQL?
    pub(crate) fn is_pg(&self) -> bool {
        matches!(self.link, Link::Pg(_))
    }
}

/// A transaction that only reads, and sees one moment of the database throughout.
pub(crate) async fn read_pg_transaction(pool: &PgPool) -> Result<Tx, StoreError> {
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    Ok(Tx::of(Link::Pg(pool.begin_with(begin).await?)))
}

fn sqlite_arguments(values: Vec<Val>) -> Result<SqliteArguments, StoreError> {
    let mut out = SqliteArguments::default();
    add_all(&mut out, values)?;
    Ok(out)
}

fn pg_arguments(values: Vec<Val>) -> Result<PgArguments, StoreError> {
    let mut out = PgArguments::default();
    add_all(&mut out, values)?;
    Ok(out)
}

fn add_all<A: Arguments>(out: &mut A, values: Vec<Val>) -> Result<(), StoreError>
where
    Option<i64>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<String>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<Vec<u8>>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
{
    out.reserve(values.len(), values.len() * 16);
    for value in values {
        match value {
            Val::Int(n) => out.add(n),
            Val::Text(text) => out.add(text),
            Val::Bytes(bytes) => out.add(bytes),
            Val::Id(id) => out.add(id.map(|id| id.as_bytes().to_vec())),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(())
}

fn read_sqlite(rows: Vec<SqliteRow>) -> Result<Vec<Row>, StoreError> {
    let read = |row: &SqliteRow| -> Result<Row, StoreError> {
        let width = row.columns().len();
        let mut values = Vec::with_capacity(width);
        for i in 0..width {
            let raw = row.try_get_raw(i)?;
            let kind = raw.type_info();
            values.push(match kind.name() {
                _ if raw.is_null() => Val::Int(None),
                "TEXT" => Val::Text(Some(row.try_get_unchecked(i)?)),
                "BLOB" => Val::Bytes(Some(row.try_get_unchecked(i)?)),
                _ => Val::Int(Some(row.try_get_unchecked(i)?)),
            });
        }
        Ok(Row(values))
    };
    rows.iter().map(read).collect()
}

fn read_pg(rows: Vec<PgRow>) -> Result<Vec<Row>, StoreError> {
    let read = |row: &PgRow| -> Result<Row, StoreError> {
        let mut values = Vec::with_capacity(row.columns().len());
        for (i, column) in row.columns().iter().enumerate() {
            values.push(match column.type_info().name() {
                "TEXT" | "VARCHAR" | "NAME" => Val::Text(row.try_get(i)?),
                "BYTEA" => Val::Bytes(row.try_get(i)?),
                "INT4" => Val::Int(row.try_get::<Option<i32>, _>(i)?.map(i64::from)),
                _ => Val::Int(row.try_get(i)?),
            });
        }
        Ok(Row(values))
    };
    rows.iter().map(read).collect()
}
