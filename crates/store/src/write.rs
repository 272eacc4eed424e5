//! Writing rows so that writing them twice writes them once.

use crate::db::{Link, Tx};
use crate::encode::{Encode, Values};
use crate::error::StoreError;
use crate::lite::LiteTx;
use crate::schema::Table;
use crate::seal::{Seal, add_all};
use crate::value::Val;
use registry::protect::Crypto;
use std::sync::mpsc;

/// Rows a statement: few different sizes, so that prepared statements are used again. PostgreSQL counts
/// journeys, SQLite only saves the start of a statement.
const SIZES: [usize; 6] = [512, 128, 32, 8, 2, 1];
const SIZES_LITE: [usize; 4] = [64, 16, 4, 1];

/// What a record that is there already with other content means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
    /// The sender is wrong: records are never edited.
    Different,
    /// Another worker made this version first.
    Conflict,
}

/// Inserts rows; those whose key is there already must be equal, column by column. Gives the number
/// of rows that were new.
pub(crate) async fn insert(
    tx: &mut Tx,
    table: &'static Table,
    mut rows: Vec<Values>,
    clash: Clash,
) -> Result<u64, StoreError> {
    let mut written = 0;
    let mut done = 0;
    while done < rows.len() {
        let left = rows.len() - done;
        let sizes: &[usize] = if tx.is_pg() { &SIZES } else { &SIZES_LITE };
        let size = sizes.iter().copied().find(|s| *s <= left).unwrap_or(1);
        let chunk = &mut rows[done..done + size];
        let sql = table.insert_sql(size, tx.is_pg());
        let new = if let Link::Sqlite(lite) = &mut tx.link {
            lite.execute(&sql, chunk.iter().flatten())?
        } else {
            let values = chunk.iter().flatten().cloned().collect();
            tx.execute_generated(sql, values).await?
        };
        if new == size as u64 {
            add_all(&mut tx.seal, table, chunk);
        } else {
            for row in chunk.iter() {
                let stored = compare(tx, table, row, clash).await?;
                // Which ones are new is not known; once more as it stands does no harm.
                if new > 0 && table.sealed {
                    tx.seal.add(table, &stored);
                }
            }
        }
        written += new;
        done += size;
    }
    Ok(written)
}

/// Records encoded at once.
const BLOCK: usize = 4096;
/// Records for which the database keeps more in memory.
const MANY: usize = 100_000;
/// Blocks that wait for the database.
const AHEAD: usize = 2;

/// As [`insert`], for records that may be a million. They are written in the order of their key, so that
/// neighbours in the table are written one after the other; on SQLite they are encoded, and their seals
/// digested, on a thread beside the one that writes.
pub(crate) async fn insert_many<T: Encode>(
    tx: &mut Tx,
    crypto: &dyn Crypto,
    records: &[T],
    clash: Clash,
) -> Result<u64, StoreError> {
    let table = T::TABLE;
    let mut order: Vec<&T> = records.iter().collect();
    if order.len() > BLOCK {
        // Stable: of one record that comes twice with another content, the later one is still compared.
        order.sort_by_cached_key(|record| record.place());
        if let Link::Sqlite(lite) = &mut tx.link {
            if order.len() > MANY {
                lite.widen()?;
            }
            let (written, clashed) = write_lite(lite, &mut tx.seal, crypto, &order)?;
            for (row, some_new) in clashed {
                let stored = compare(tx, table, &row, clash).await?;
                if some_new && table.sealed {
                    tx.seal.add(table, &stored);
                }
            }
            return Ok(written);
        }
    }
    let mut written = 0;
    for block in order.chunks(BLOCK) {
        let rows: Result<Vec<Values>, _> = block.iter().map(|r| r.encode(crypto)).collect();
        written += insert(tx, table, rows?, clash).await?;
    }
    Ok(written)
}

/// A row that may have been there, and whether some of those written with it were new.
type Clashed = (Values, bool);

/// Writes records as they come from the thread that encodes them. Gives the number of new rows, and the
/// rows of every statement that met one that was there.
fn write_lite<T: Encode>(
    lite: &mut LiteTx,
    seal: &mut Seal,
    crypto: &dyn Crypto,
    records: &[&T],
) -> Result<(u64, Vec<Clashed>), StoreError> {
    let table = T::TABLE;
    std::thread::scope(|scope| {
        let (send, blocks) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || {
            for block in records.chunks(BLOCK) {
                let encoded = encode(crypto, block);
                let failed = encoded.is_err();
                // Nobody takes it when the writing failed.
                if send.send(encoded).is_err() || failed {
                    return;
                }
            }
        });
        let (mut written, mut clashed) = (0, Vec::new());
        for block in blocks {
            let (mut rows, seals): (Vec<Values>, Seal) = block?;
            let mut done = 0;
            while done < rows.len() {
                let left = rows.len() - done;
                let size = SIZES_LITE.iter().copied().find(|s| *s <= left).unwrap_or(1);
                let places = done..done + size;
                let chunk = &mut rows[places.clone()];
                let sql = table.insert_sql(size, false);
                let new = lite.execute(&sql, chunk.iter().flatten())?;
                if new < size as u64 {
                    clashed.extend(chunk.iter_mut().map(|row| (std::mem::take(row), new > 0)));
                } else if table.sealed {
                    seal.take_over(&seals, places);
                }
                written += new;
                done += size;
            }
        }
        Ok((written, clashed))
    })
}

/// The rows of records, and their seals.
fn encode<T: Encode>(
    crypto: &dyn Crypto,
    records: &[&T],
) -> Result<(Vec<Values>, Seal), StoreError> {
    let mut seal = Seal::default();
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        let row = record.encode(crypto)?;
        if T::TABLE.sealed {
            seal.add_digested(crypto, T::TABLE, &row);
        }
        rows.push(row);
    }
    Ok((rows, seal))
}

/// Runs a statement that changes rows of a table which later records change; seals them as they are now.
/// Gives how many there are. The statement is completed by `RETURNING`.
pub(crate) async fn update(
    tx: &mut Tx,
    table: &'static Table,
    sql: &str,
    values: Vec<Val>,
) -> Result<u64, StoreError> {
    let sql = format!("{sql} RETURNING {}", table.names());
    let rows = tx.fetch_generated(sql, values).await?;
    for row in &rows {
        tx.seal.add(table, &row.0);
    }
    Ok(rows.len() as u64)
}

/// The row as it is stored.
async fn compare(
    tx: &mut Tx,
    table: &'static Table,
    row: &Values,
    clash: Clash,
) -> Result<Values, StoreError> {
    let key = row[..table.key].to_vec();
    let show = || {
        let parts: Vec<String> = key.iter().map(|v| v.show()).collect();
        parts.join(" ")
    };
    let found = tx.fetch_generated(table.select_sql(), key.clone()).await?;
    let Some(stored) = found.into_iter().next() else {
        return Err(StoreError::corrupt(
            format!("{} {}", table.name, show()),
            "nothing",
        ));
    };
    for ((column, ours), theirs) in table.columns.iter().zip(row).zip(&stored.0) {
        if !column.opaque && ours != theirs {
            return Err(match clash {
                Clash::Different => StoreError::Different {
                    table: table.name,
                    key: show(),
                    column: column.name,
                },
                Clash::Conflict => StoreError::Conflict {
                    what: format!("{} {}", table.name, show()),
                },
            });
        }
    }
    Ok(stored.0)
}
