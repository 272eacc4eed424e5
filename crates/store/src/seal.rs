//! Seals: for every row that a transaction writes, its key and a keyed digest of its whole content go
//! into the journal's line, under the line's hash. So an altered, missing or added row of any table is
//! found and named ([`crate::audit`]), and whoever can write to the database but lacks the key can make no
//! row that passes.
//!
//! Rows that later records change (a task that is done, a payment that was answered) are sealed again,
//! with a rank that tells which seal is the newest.

use crate::encode::Values;
use crate::error::StoreError;
use crate::schema::Table;
use crate::value::Val;
use registry::protect::Crypto;
use rusqlite::types::ValueRef;

/// Rows in one line of the journal; more go into further lines.
pub(crate) const MOST: usize = 8192;
/// Rows for which it is worth to start threads.
const MANY: usize = 1024;
/// Bytes of a row's digest: a keyed digest of 128 bits cannot be tried out.
pub(crate) const MAC: usize = 16;
/// First byte of a seal: which form it has.
const FORM: u8 = 1;
/// The rank of a row whose content was erased: above all others.
pub(crate) const ERASED: u64 = u64::MAX;

/// What a transaction wrote so far, not yet in the journal.
#[derive(Default)]
pub(crate) struct Seal {
    rows: Vec<Pending>,
    bytes: Vec<u8>,
}

/// One row: its key, then its content, in `bytes`; no content once its digest was taken.
struct Pending {
    table: &'static Table,
    rank: u64,
    start: usize,
    content: usize,
    end: usize,
    mac: Option<[u8; MAC]>,
}

impl Seal {
    /// Adds a row, its values in the order of the table's columns.
    pub(crate) fn add(&mut self, table: &'static Table, values: &[Val]) {
        self.add_ranked(table, values, rank(table, values));
    }

    /// Adds a row whose content was erased.
    pub(crate) fn add_erased(&mut self, table: &'static Table, values: &[Val]) {
        self.add_ranked(table, values, ERASED);
    }

    fn add_ranked(&mut self, table: &'static Table, values: &[Val], rank: u64) {
        let start = self.bytes.len();
        push_key(&mut self.bytes, table, values);
        let content = self.bytes.len();
        push_content(&mut self.bytes, table, values);
        self.rows.push(Pending {
            table,
            rank,
            start,
            content,
            end: self.bytes.len(),
            mac: None,
        });
    }

    /// As [`Seal::add`], the digest taken at once, so that the content need not be kept.
    pub(crate) fn add_digested(
        &mut self,
        crypto: &dyn Crypto,
        table: &'static Table,
        values: &[Val],
    ) {
        self.add(table, values);
        if let Some(row) = self.rows.last_mut() {
            row.mac = Some(digest(crypto, row, &self.bytes));
            self.bytes.truncate(row.content);
            row.end = row.content;
        }
    }

    /// Takes over some of another's rows, all of them of [`Seal::add_digested`], by their places.
    pub(crate) fn take_over(&mut self, other: &Seal, places: std::ops::Range<usize>) {
        for row in &other.rows[places] {
            let start = self.bytes.len();
            self.bytes
                .extend_from_slice(&other.bytes[row.start..row.end]);
            self.rows.push(Pending {
                start,
                content: start + (row.content - row.start),
                end: self.bytes.len(),
                ..*row
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes all rows out, as seals of at most [`MOST`] rows each, with their numbers of rows.
    pub(crate) fn close(&mut self, crypto: &dyn Crypto) -> Vec<(usize, Vec<u8>)> {
        let (mut rows, bytes) = (
            std::mem::take(&mut self.rows),
            std::mem::take(&mut self.bytes),
        );
        // Row by row as written within a table: of two seals of one row the later stands.
        rows.sort_by_key(|row| row.table.name);
        let macs = digests(crypto, &rows, &bytes);
        let seal = |(rows, macs): (&[Pending], &[[u8; MAC]])| {
            let mut macs = macs.iter();
            let mut out = vec![FORM];
            for group in rows.chunk_by(|a, b| a.table.name == b.table.name) {
                let name = group[0].table.name;
                out.push(name.len() as u8);
                out.extend_from_slice(name.as_bytes());
                push_number(&mut out, group.len() as u64);
                for (row, mac) in group.iter().zip(&mut macs) {
                    let key = &bytes[row.start..row.content];
                    push_number(&mut out, key.len() as u64);
                    out.extend_from_slice(key);
                    push_number(&mut out, row.rank);
                    out.extend_from_slice(mac);
                }
            }
            (rows.len(), out)
        };
        rows.chunks(MOST).zip(macs.chunks(MOST)).map(seal).collect()
    }
}

/// The digest of a row's content.
fn digest(crypto: &dyn Crypto, row: &Pending, bytes: &[u8]) -> [u8; MAC] {
    let mut short = [0; MAC];
    short.copy_from_slice(&crypto.mac(&bytes[row.content..row.end])[..MAC]);
    short
}

/// The digests of rows; of many on all threads.
fn digests(crypto: &dyn Crypto, rows: &[Pending], bytes: &[u8]) -> Vec<[u8; MAC]> {
    let digest = |row: &Pending| row.mac.unwrap_or_else(|| digest(crypto, row, bytes));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if rows.len() < MANY || threads == 1 {
        return rows.iter().map(digest).collect();
    }
    let mut macs = vec![[0; MAC]; rows.len()];
    let share = rows.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for (rows, macs) in rows.chunks(share).zip(macs.chunks_mut(share)) {
            scope.spawn(move || {
                for (row, mac) in rows.iter().zip(macs) {
                    *mac = digest(row);
                }
            });
        }
    });
    macs
}

/// Of two seals of one row, that of the higher rank is the newer.
fn rank(table: &Table, values: &[Val]) -> u64 {
    let number = |name: &str| match table.column(name).map(|i| &values[i]) {
        Some(Val::Int(Some(n))) => *n as u64,
        _ => 0,
    };
    let is_set = |name: &str| u64::from(table.column(name).is_some_and(|i| !values[i].is_null()));
    match table.name {
        "head" => number("version"),
        "task" => is_set("done_at"),
        "case_file" => is_set("closed_at"),
        "outbox" => is_set("sent_at"),
        _ => 0,
    }
}

/// What names a row among all of its table: its id where it has one, else its key without the shard.
pub(crate) fn push_key(out: &mut Vec<u8>, table: &Table, values: &[Val]) {
    for &i in table.naming() {
        push_value(out, &values[i]);
    }
}

/// The whole content of a row in one form on both databases.
pub(crate) fn push_content(out: &mut Vec<u8>, table: &Table, values: &[Val]) {
    out.push(table.name.len() as u8);
    out.extend_from_slice(table.name.as_bytes());
    for value in values {
        push_value(out, value);
    }
}

/// A value that says its own length, so that no two lists of values look the same.
fn push_value(out: &mut Vec<u8>, value: &Val) {
    match value {
        Val::Int(Some(n)) => push_part(out, 1, &n.to_be_bytes()),
        Val::Text(Some(text)) => push_part(out, 2, text.as_bytes()),
        Val::Id(Some(id)) => push_part(out, 3, id.as_bytes()),
        Val::Bytes(Some(bytes)) => push_part(out, 3, bytes),
        _ => out.push(0),
    }
}

fn push_part(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    if kind != 1 {
        push_number(out, bytes.len() as u64);
    }
    out.extend_from_slice(bytes);
}

/// As [`push_value`], for what was read in place. A number with a point is none of ours.
pub(crate) fn push_ref(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push(0),
        ValueRef::Integer(n) => push_part(out, 1, &n.to_be_bytes()),
        ValueRef::Text(bytes) => push_part(out, 2, bytes),
        ValueRef::Blob(bytes) => push_part(out, 3, bytes),
        ValueRef::Real(n) => push_part(out, 4, &n.to_be_bytes()),
    }
}

/// Seven bits a byte, the lowest first.
fn push_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// One row of a seal.
pub(crate) struct SealedRow<'a> {
    pub(crate) table: &'a str,
    pub(crate) key: &'a [u8],
    pub(crate) rank: u64,
    pub(crate) mac: [u8; MAC],
}

/// Reads a seal and hands each row to `each`.
pub(crate) fn read<'a>(
    seal: &'a [u8],
    mut each: impl FnMut(SealedRow<'a>),
) -> Result<(), StoreError> {
    let mut rest = Rest(seal);
    if rest.take(1)? != [FORM] {
        return Err(bad());
    }
    while !rest.0.is_empty() {
        let length = usize::from(rest.take(1)?[0]);
        let table = std::str::from_utf8(rest.take(length)?).map_err(|_| bad())?;
        for _ in 0..rest.number()? {
            let length = rest.number()? as usize;
            let key = rest.take(length)?;
            let rank = rest.number()?;
            let mac = rest.take(MAC)?.try_into().map_err(|_| bad())?;
            each(SealedRow {
                table,
                key,
                rank,
                mac,
            });
        }
    }
    Ok(())
}

fn bad() -> StoreError {
    StoreError::corrupt("journal seal", "bytes in another form")
}

/// What of a seal was not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], StoreError> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or_else(bad)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(bad())
    }
}

/// A key of [`push_key`] for people: ids and numbers in their usual forms.
pub(crate) fn show_key(mut key: &[u8]) -> String {
    let mut parts = Vec::new();
    while let Some((kind, after)) = key.split_first() {
        let mut rest = Rest(after);
        let part = match kind {
            1 => rest
                .take(8)
                .ok()
                .and_then(|b| b.try_into().ok())
                .map(|b| Val::Int(Some(i64::from_be_bytes(b)))),
            2 | 3 => {
                rest.number()
                    .and_then(|n| rest.take(n as usize))
                    .ok()
                    .map(|bytes| match kind {
                        2 => Val::Text(Some(String::from_utf8_lossy(bytes).into_owned())),
                        _ => Val::Bytes(Some(bytes.to_vec())),
                    })
            }
            _ => Some(Val::Int(None)),
        };
        let Some(part) = part else { break };
        parts.push(part.show());
        key = rest.0;
    }
    parts.join(" ")
}

/// As [`Seal::add`], for many rows.
pub(crate) fn add_all(seal: &mut Seal, table: &'static Table, rows: &[Values]) {
    if table.sealed {
        rows.iter().for_each(|row| seal.add(table, row));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{AWARD, DETERMINATION, TASK};
    use crate::value::args;
    use base::Id;
    use registry::protect::{Keyring, Suite};

    fn award(n: i64) -> Values {
        args![
            "s",
            Id::derive(&["subject"]),
            Id::derive(&["award"]),
            n,
            "household",
            "p",
            1i64,
            None::<i64>,
            None::<Id>,
            "by",
            "why"
        ]
    }

    #[test]
    fn seals_are_read_back_row_by_row() {
        let keys = Keyring::from_secret(Suite::Sm, &[1; 32]);
        let mut seal = Seal::default();
        for n in 0..MOST as i64 + 5 {
            seal.add(&AWARD, &award(n));
        }
        seal.add_erased(&AWARD, &award(3));
        let closed = seal.close(&keys);
        assert!(seal.is_empty());
        assert_eq!(
            closed.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
            [MOST, 6]
        );
        let mut seen = Vec::new();
        for (_, bytes) in &closed {
            read(bytes, |row| {
                assert_eq!(row.table, "award");
                seen.push((row.rank, show_key(row.key)));
            })
            .expect("read");
            for cut in [0, 1, bytes.len() - 1] {
                assert!(cut == 1 || read(&bytes[..cut], |_| {}).is_err());
            }
        }
        let award = Id::derive(&["award"]);
        assert_eq!(seen.len(), MOST + 6);
        assert_eq!(seen[3], (0, format!("{award} 3")));
        assert_eq!(seen[MOST + 5], (ERASED, format!("{award} 3")));
    }

    #[test]
    fn no_two_contents_look_the_same() {
        let mut forms = std::collections::HashSet::new();
        for values in [
            args!["a", "bc"],
            args!["ab", "c"],
            args!["", "abc"],
            args![None::<i64>, "abc"],
            args![1i64, 2i64],
            args!["1", "2"],
            args![b"1".to_vec(), "2"],
        ] {
            let mut bytes = Vec::new();
            push_content(&mut bytes, &TASK, &values);
            assert!(forms.insert(bytes), "{values:?}");
        }
    }

    #[test]
    fn rows_are_named_by_their_id_or_key() {
        let names = |table: &'static Table| -> Vec<&str> {
            table
                .naming()
                .iter()
                .map(|&i| table.columns[i].name)
                .collect()
        };
        assert_eq!(names(&AWARD), ["id", "recorded_at"]);
        assert_eq!(names(&DETERMINATION), ["id"]);
        assert_eq!(names(&crate::schema::HEAD), ["household"]);
        assert_eq!(names(&crate::schema::AREA), ["code"]);
        // A name never misses what tells two rows of a table apart.
        for table in crate::schema::TABLES.iter().filter(|t| t.sealed) {
            assert!(!table.naming().is_empty(), "{}", table.name);
        }
    }
}
