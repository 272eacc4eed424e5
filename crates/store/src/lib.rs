//! What is durable, and how it is read back: the only room that speaks SQL.
//!
//! Decides: tables, transactions, how a change is committed whole or not at all, how populations are
//! read fast.
//! Never: computes what anybody is owed, what a step of a procedure is, or which accounts move.
//! Entrance: [`Store`], [`ChangeSet`].
//! Invariants: only additions; a record written twice is one record; a change is on disk before its
//! answer; identity and account numbers are sealed; SQLite and PostgreSQL give the same answers.

mod adopt;
mod audit;
mod backup;
mod cases;
mod change;
mod check;
mod commit;
mod db;
mod decode;
mod dossier;
mod encode;
mod entitlements;
mod erase;
mod error;
mod fault;
mod history;
mod house;
mod jobs;
mod journal;
mod law;
mod lists;
mod lite;
mod load;
mod migrations;
mod money;
mod page;
mod payees;
mod people;
mod population;
mod presence;
mod schema;
mod seal;
mod source;
mod statistics;
mod value;
mod write;

pub use audit::{JournalCheck, JournalFault, RecordCheck, RowFault};
pub use backup::check_whole;
pub use cases::{CaseFile, TaskCount};
pub use change::{
    BankAnswer, CaseHappening, ChangeSet, Committed, Expected, JournalEntry, Message, Run,
};
pub use dossier::{Dossiers, Matters};
pub use entitlements::{
    Carry, Coverage, Mark, OutcomeCount, Owed, fingerprint, fingerprint_of_content,
    fingerprint_of_outcome,
};
pub use erase::{ERASED_KIND, Erasure};
pub use error::StoreError;
pub use fault::Fault;
pub use history::Loaded;
pub use house::Staff;
pub use jobs::{Job, JobCount};
pub use journal::JournalLine;
pub use law::LawBook;
pub use lists::{BatchState, Counted, Listed, ListedQuery, PaidInArea, TaskBucket};
pub use load::{LoadCount, RegisterChunk};

pub use money::{OpenItem, PaymentCount};
pub use page::Page;
pub use payees::ToPay;
pub use people::{FoundHousehold, FoundPerson, PeopleQuery};
pub use population::{Chunk, Population, PopulationFilter};
pub use source::Ahead;

use db::{Db, transact};
use registry::protect::Crypto;
use std::path::Path;
use std::sync::Arc;
use value::args;

/// The store: one database, SQLite or PostgreSQL.
pub struct Store {
    pub(crate) db: Db,
    pub(crate) crypto: Arc<dyn Crypto>,
}

const VERSION: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_version";
const VERSION_SET: &str = "INSERT INTO schema_version (version, name, applied_at) VALUES ($1, $2, $3) \
     ON CONFLICT (version) DO NOTHING";

impl Store {
    /// Opens a database. `url` is `sqlite:PATH` (made when it is not there) or a PostgreSQL address
    /// such as `postgres://USER@HOST:PORT/NAME`. Call [`Store::migrate`] before using a new one.
    ///
    /// # Errors
    /// When the address is not understood or the database cannot be reached.
    pub async fn open(url: &str, crypto: Arc<dyn Crypto>) -> Result<Store, StoreError> {
        Ok(Store {
            db: Db::open(url).await?,
            crypto,
        })
    }

    /// Opens a SQLite file by its path.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_file(path: &Path, crypto: Arc<dyn Crypto>) -> Result<Store, StoreError> {
        Store::open(&format!("sqlite:{}", path.display()), crypto).await
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// While a run makes data that can be made again, nothing waits for the disk: on SQLite commits are in
    /// order and outlive the process, but a machine that loses its power before [`Store::settle`] may leave
    /// a file that cannot be read.
    pub fn relax(&self) {
        if let Db::Sqlite { writer, .. } = &self.db {
            let order = std::sync::atomic::Ordering::Relaxed;
            writer.relaxed.store(true, order);
        }
    }

    /// Ends what [`Store::relax`] began: when this returns, all is on disk, and commits wait for it again.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn settle(&self) -> Result<(), StoreError> {
        if let Db::Sqlite { writer, path, .. } = &self.db {
            writer.settle(path).await?;
        }
        Ok(())
    }

    /// Is this PostgreSQL?
    pub fn is_postgres(&self) -> bool {
        self.db.is_pg()
    }

    /// The keys that numbers are sealed with.
    pub fn crypto(&self) -> &Arc<dyn Crypto> {
        &self.crypto
    }

    /// Takes the steps of the schema that this database lacks; each is a transaction of one statement.
    /// Several processes may do this at once. Gives the number of steps taken.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] when a newer program has been here, [`StoreError::WrongKey`] when the
    /// database was made with another key.
    pub async fn migrate(&self) -> Result<u64, StoreError> {
        let known = migrations::STEPS.len() as i64;
        let mut made = Ok(0);
        for _ in 0..3 {
            // PostgreSQL's IF NOT EXISTS can lose a race against itself; the second look then sees it.
            made = transact!(self.db, db::Durability::Synced, |tx| {
                tx.execute(migrations::VERSION_TABLE, vec![]).await
            });
            if made.is_ok() {
                break;
            }
        }
        made?;
        let mut taken = 0;
        loop {
            let step = transact!(self.db, db::Durability::Synced, |tx| {
                let found = tx.fetch(VERSION, vec![]).await?;
                let found = found.first().map_or(Ok(0), |row| row.int(0))?;
                if found > known {
                    return Err(StoreError::TooNew { found, known });
                }
                let Some(step) = migrations::STEPS.get(found as usize) else {
                    return Ok(false);
                };
                let clustered = if tx.is_pg() { "" } else { "WITHOUT ROWID" };
                // The number first: on PostgreSQL a second process waits here for the first.
                let now = chrono::Utc::now();
                let mine = tx.execute(VERSION_SET, args![found + 1, step.name, now]);
                if mine.await? == 1 {
                    let sql = step.sql.replace(migrations::CLUSTERED, clustered);
                    tx.execute_generated(sql, vec![]).await?;
                }
                Ok(true)
            })?;
            if !step {
                self.tell_planner().await?;
                self.adopt(taken).await?;
                return Ok(taken);
            }
            taken += 1;
        }
    }

    /// See [`statistics`]. PostgreSQL counts for itself.
    async fn tell_planner(&self) -> Result<(), StoreError> {
        if self.db.is_pg() {
            return Ok(());
        }
        transact!(self.db, db::Durability::Synced, |tx| {
            let have = tx.fetch(statistics::HAVE, vec![]).await?;
            if have.first().map_or(Ok(0), |row| row.int(0))? > 0 {
                return Ok(());
            }
            tx.execute(statistics::CREATE, vec![]).await?;
            tx.execute(statistics::CLEAR, vec![]).await?;
            for (table, index, line) in statistics::lines() {
                tx.execute(statistics::SET, args![table, index, line])
                    .await?;
            }
            tx.execute(statistics::RELOAD, vec![]).await?;
            Ok(())
        })
    }
}
