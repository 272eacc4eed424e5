//! Faults for those who try the house: a process that ends before its commit or before its answer, a
//! disk that is full. They strike only inside [`Store::with_fault`], in the task that called it.

use crate::Store;
use crate::db::{Db, Tx};
use crate::error::StoreError;
use std::cell::Cell;
use std::future::Future;

/// What goes wrong with a transaction that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process ends before the commit: nothing is written.
    Lost,
    /// The process ends after the commit: all is written, and nobody is told.
    Unanswered,
    /// The disk has no room for another page (SQLite; on PostgreSQL as [`Fault::Lost`]).
    Full,
}

/// A fault that waits for its transaction.
#[derive(Clone, Copy, Debug)]
struct Armed {
    fault: Fault,
    /// Transactions that go through before it strikes.
    after: u32,
}

tokio::task_local! {
    static ARMED: Cell<Option<Armed>>;
}

/// Statement that leaves a SQLite database no page to grow by.
const NO_ROOM: &str = "PRAGMA max_page_count = 1";
/// Statement that gives it room again.
const ROOM: &str = "PRAGMA max_page_count = 4294967294";

impl Store {
    /// Runs `work` with a fault that strikes its first transaction after `after` others. Gives what
    /// `work` gives, and whether the fault struck.
    ///
    /// # Errors
    /// When the disk's limit cannot be lifted again.
    pub async fn with_fault<F: Future>(
        &self,
        fault: Fault,
        after: u32,
        work: F,
    ) -> Result<(F::Output, bool), StoreError> {
        let armed = Cell::new(Some(Armed { fault, after }));
        let (out, left) = ARMED
            .scope(armed, async {
                let out = work.await;
                (out, ARMED.with(Cell::get))
            })
            .await;
        if fault == Fault::Full {
            lift(&self.db).await?;
        }
        Ok((out, left.is_none()))
    }
}

async fn lift(db: &Db) -> Result<(), StoreError> {
    match db {
        Db::Sqlite { writer, .. } => writer.run(ROOM).await,
        Db::Pg(_) => Ok(()),
    }
}

/// Called when a transaction begins.
pub(crate) async fn at_begin(tx: &mut Tx) -> Result<(), StoreError> {
    let full = ARMED
        .try_with(|cell| {
            matches!(
                cell.get(),
                Some(Armed {
                    fault: Fault::Full,
                    after: 0
                })
            )
        })
        .unwrap_or(false);
    if full && !tx.is_pg() {
        tx.fetch(NO_ROOM, vec![]).await?;
    }
    Ok(())
}

/// The fault that strikes the transaction that is about to end, if any. `committing`: it is about to be
/// committed, not taken back.
pub(crate) fn at_end(committing: bool, pg: bool) -> Option<Fault> {
    ARMED
        .try_with(|cell| {
            let armed = cell.get()?;
            match armed.after {
                0 if armed.fault == Fault::Full && !pg => {
                    // The database itself refuses what does not fit; what still fits is committed.
                    cell.set(None);
                    None
                }
                0 if committing => {
                    cell.set(None);
                    Some(match armed.fault {
                        Fault::Unanswered => Fault::Unanswered,
                        Fault::Lost | Fault::Full => Fault::Lost,
                    })
                }
                0 => None,
                after => {
                    cell.set(Some(Armed {
                        after: after - 1,
                        ..armed
                    }));
                    None
                }
            }
        })
        .ok()
        .flatten()
}
