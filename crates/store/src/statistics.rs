//! Sizes that SQLite's planner is told of. It knows nothing of a fresh file, believes that one shard holds
//! ten rows of a table, and then reads a whole shard where an index would give the row. So every database
//! gets the statistics of a grown one from its first day: all in few shards, few rows of one person.

use crate::migrations::STEPS;
use crate::schema::TABLES;

/// Rows of a table.
const ROWS: u64 = 1_000_000;

/// Rows that share one value of a column.
fn rows_of(column: &str) -> u64 {
    match column {
        "shard" => 500_000,
        "programme" | "purpose" | "month" | "kind" | "sent_at" => 100_000,
        "role" | "state" => 50_000,
        "period" | "lane" => 20_000,
        "area" | "due" | "changed_at" | "name" => 1_000,
        _ => 10,
    }
}

/// A line of `sqlite_stat1`: `rows, rows of one first column, rows of one first and second, …`.
fn line<'a>(columns: impl Iterator<Item = &'a str>, unique: bool) -> String {
    let mut counts = vec![ROWS];
    for column in columns {
        let before = counts.last().copied().unwrap_or(ROWS);
        counts.push(before.min(rows_of(column)));
    }
    if unique && let Some(last) = counts.last_mut() {
        *last = 1;
    }
    let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
    counts.join(" ")
}

/// Table, index and line, for every key and every index.
pub(crate) fn lines() -> Vec<(String, String, String)> {
    let mut out = Vec::new();
    for table in TABLES {
        let key = line(table.key_names().into_iter(), true);
        out.push((table.name.into(), table.name.into(), key));
    }
    for step in STEPS {
        let Some(rest) = step.sql.strip_prefix("CREATE INDEX ") else {
            continue;
        };
        let Some((head, columns)) = rest.split_once(" (") else {
            continue;
        };
        let Some((index, table)) = head.split_once(" ON ") else {
            continue;
        };
        let columns = columns.trim_end_matches(')').split(',').map(str::trim);
        out.push((table.into(), index.into(), line(columns, false)));
    }
    out
}

pub(crate) const HAVE: &str =
    "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'sqlite_stat1'";
/// Makes SQLite create its table of statistics.
pub(crate) const CREATE: &str = "ANALYZE area";
pub(crate) const CLEAR: &str = "DELETE FROM sqlite_stat1";
pub(crate) const SET: &str = "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)";
/// Makes SQLite read them again.
pub(crate) const RELOAD: &str = "ANALYZE sqlite_schema";
