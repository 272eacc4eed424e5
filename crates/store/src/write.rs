//! Writing rows so that writing them twice writes them once.

use crate::db::{Link, Tx};
use crate::encode::Values;
use crate::error::StoreError;
use crate::schema::Table;
use crate::seal::add_all;
use crate::value::Val;

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
