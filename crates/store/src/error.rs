//! What can go wrong between a change and the disk.

use base::Id;
use registry::protect::ProtectError;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the same household, or made the same version, in between. Read again,
    /// run the pure part again, commit again.
    #[error("{what} changed in between; read again and repeat")]
    Conflict {
        /// What changed.
        what: String,
    },
    /// A record with this key is there already and says something else. Nothing was written.
    #[error("{table} {key} is recorded already with another {column}; records are never edited")]
    Different {
        /// Table.
        table: &'static str,
        /// Key, readable.
        key: String,
        /// First column that differs.
        column: &'static str,
    },
    /// A record speaks of somebody whom the register does not hold.
    #[error("no person or household {0} in the register")]
    UnknownSubject(Id),
    /// The change itself is not well formed.
    #[error("the change cannot be recorded: {0}")]
    Invalid(String),
    /// The database was written by a newer program.
    #[error(
        "the database is at schema version {found}, this program knows up to {known}; use a newer program"
    )]
    TooNew {
        /// Found.
        found: i64,
        /// Known.
        known: i64,
    },
    /// The database was made with another key.
    #[error(
        "the key is not the one that this database was made with: what is sealed cannot be read, and no \
         record be checked; put the right key file in its place"
    )]
    WrongKey,
    /// The address of the database is not understood.
    #[error("`{0}` is no database; write sqlite:PATH or postgres://USER@HOST/NAME")]
    Url(String),
    /// A stored value cannot be read back.
    #[error("{what} holds {found}, which cannot be read")]
    Corrupt {
        /// Where.
        what: String,
        /// What.
        found: String,
    },
    /// Sealing or opening failed.
    #[error(transparent)]
    Protect(#[from] ProtectError),
    /// The database does not answer: it is stopped, starting, or out of reach. Nothing was written.
    #[error("the database does not answer ({0}); nothing was recorded, try again in a moment")]
    Away(String),
    /// There is no room on the disk, or the limit of the database is reached. Nothing was written.
    #[error(
        "there is no room left for the database ({0}); nothing was recorded: make room, then try again"
    )]
    Full(String),
    /// The database refused.
    #[error("database: {0}")]
    Database(sqlx::Error),
    /// SQLite refused.
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
    /// A fault that was asked for ended the transaction ([`Store::with_fault`](crate::Store::with_fault)).
    #[error("the work was interrupted {0}")]
    Interrupted(&'static str),
    /// A file could not be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<sqlx::Error> for StoreError {
    /// Tells what passes from what stays: SQLite 13 (full); PostgreSQL 53100 (disk full), 57P01 to 57P03
    /// (stopped or starting), 53300 (too many connections).
    fn from(error: sqlx::Error) -> StoreError {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => StoreError::Away(error.to_string()),
            sqlx::Error::Database(cause) => match cause.code().as_deref() {
                Some("13" | "53100") => StoreError::Full(cause.message().into()),
                Some("57P01" | "57P02" | "57P03" | "53300") => {
                    StoreError::Away(cause.message().into())
                }
                _ => StoreError::Database(error),
            },
            _ => StoreError::Database(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => StoreError::Full(error.to_string()),
            _ => StoreError::Sqlite(error),
        }
    }
}

impl StoreError {
    /// A value that should have been there and is not what it should be.
    pub(crate) fn corrupt(what: impl Into<String>, found: impl std::fmt::Debug) -> StoreError {
        StoreError::Corrupt {
            what: what.into(),
            found: format!("{found:?}"),
        }
    }

    /// Is it worth reading again and repeating the pure part?
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Conflict { .. })
    }

    /// Did the work end before it was done, for lack of room or because its process ended, so that the
    /// same request may be sent again?
    pub fn is_interruption(&self) -> bool {
        matches!(self, StoreError::Interrupted(_) | StoreError::Full(_))
    }

    /// Is it a clash of transactions that the store itself repeats? SQLite 5 (busy), 6 (locked),
    /// 517 (busy snapshot); PostgreSQL 40001 (serialisation), 40P01 (deadlock).
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            StoreError::Database(sqlx::Error::Database(error)) => matches!(
                error.code().as_deref(),
                Some("5" | "6" | "517" | "261" | "40001" | "40P01")
            ),
            StoreError::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => matches!(
                error.code,
                rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked
            ),
            _ => false,
        }
    }
}
