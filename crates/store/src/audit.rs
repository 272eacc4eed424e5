//! Is everything that was recorded still there, as it was recorded? Every chain of the journal is read from
//! its first link, and every row of every table is held against the seal that the journal keeps of it.

use crate::Store;
use crate::change::JournalEntry;
use crate::error::StoreError;
use crate::house::{SESSIONS, session_proof};
use crate::journal::{CHAIN, CHAINS, CHAINS_WITH_LINES, START, link};
use crate::schema::{TABLES, Table};
use crate::seal::{ERASED, MAC, SealedRow, push_ref, read, show_key};
use crate::source::{Cells, Source};
use crate::value::{Val, args, instant_of};
use registry::protect::Crypto;
use rusqlite::types::ValueRef;
use std::collections::HashMap;
use std::sync::Arc;

/// Journal lines read at once; a line may carry a seal of some hundred kilobytes.
const LINES: i64 = 64;
/// Rows of a table read at once.
const ROWS: i64 = 2000;
/// Seals held in memory; more are looked at in several passes.
const HELD: u64 = 4_000_000;
/// Faults that are told one by one.
const TOLD: usize = 10_000;

/// A place where the journal does not hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalFault {
    /// Shard.
    pub shard: String,
    /// Chain.
    pub lane: u32,
    /// Place in the chain.
    pub seq: u64,
    /// What is wrong there.
    pub what: String,
}

/// What a check of the journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalCheck {
    /// Lines read.
    pub lines: u64,
    /// The last link of each chain: shard, lane, number, hash; to be kept by somebody else.
    pub ends: Vec<(String, u32, u64, [u8; 32])>,
    /// Faults, in the order of the chains.
    pub faults: Vec<JournalFault>,
}

/// A row that is not what the journal says was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Its table.
    pub table: &'static str,
    /// Its id, or its key.
    pub key: String,
    /// What is wrong with it.
    pub what: &'static str,
}

/// What a check of all records found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordCheck {
    /// The journal itself.
    pub journal: JournalCheck,
    /// Rows held against their seals.
    pub rows: u64,
    /// Of these, those whose content was lawfully erased.
    pub erased: u64,
    /// Rows that are altered, missing or added; the first ten thousand.
    pub faults: Vec<RowFault>,
}

impl Store {
    /// Reads every chain from its first link and finds altered, missing, added and moved lines.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn check_journal(&self) -> Result<JournalCheck, StoreError> {
        let crypto = self.crypto.clone();
        self.scan(move |source| check_chains(source, crypto.as_ref(), |_, _| {}))
            .await
    }

    /// As [`Store::check_journal`], and holds every row of every table against its seal. All is read from
    /// one moment of the database, while others go on writing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn check_records(&self) -> Result<RecordCheck, StoreError> {
        let crypto = self.crypto.clone();
        self.scan(move |source| check_records(source, &crypto))
            .await
    }
}

pub(crate) const SEALED_BYTES: &str =
    "SELECT CAST(COALESCE(SUM(LENGTH(seal)), 0) AS BIGINT) FROM journal";

fn check_records(source: &mut Source, crypto: &Arc<dyn Crypto>) -> Result<RecordCheck, StoreError> {
    let mut bytes = 0;
    source.rows(SEALED_BYTES, vec![], |row| {
        bytes = row.int(0)? as u64;
        Ok(())
    })?;
    // A row takes 36 bytes of a seal or more.
    let passes = (bytes / 36 / HELD + 1).min(256) as u8;
    let mut check = RecordCheck::default();
    for pass in 0..passes {
        let mut sealed = Sealed::new(pass, passes);
        let journal = check_chains(source, crypto.as_ref(), |chain, seal| {
            // One that cannot be read to its end stands in an altered line, which is said.
            let _ = read(seal, |row| sealed.add(chain, &row));
        })?;
        if pass == 0 {
            check.journal = journal;
            for table in sealed.unknown.drain(..) {
                check.journal.faults.push(JournalFault {
                    shard: String::new(),
                    lane: 0,
                    seq: 0,
                    what: format!(
                        "rows of a table {table} are sealed, which this program does not know"
                    ),
                });
            }
        }
        for (place, table) in TABLES.iter().enumerate() {
            if table.sealed {
                sealed.check_table(source, crypto.as_ref(), place, table, &mut check)?;
            }
        }
    }
    check_sessions(source, crypto.as_ref(), &mut check)?;
    Ok(check)
}

/// What is sealed of one row.
struct Slot {
    rank: u64,
    chain: u32,
    mac: [u8; MAC],
    seen: bool,
}

/// The newest seals of all rows whose names fall to this pass.
struct Sealed {
    pass: u8,
    passes: u8,
    tables: Vec<HashMap<[u8; 16], Slot>>,
    /// Further seals of the same rank.
    others: HashMap<(usize, [u8; 16]), Vec<(u32, [u8; MAC])>>,
    /// Keys that are not just an id.
    names: HashMap<(usize, [u8; 16]), Box<[u8]>>,
    unknown: Vec<String>,
}

/// A key as 16 bytes: the id itself, or what stands for a longer key. These only sort the rows of a table
/// apart; two keys of one short form would show as an altered row, never hide one.
fn short(key: &[u8]) -> ([u8; 16], bool) {
    if key.len() == 18
        && key[..2] == [3, 16]
        && let Ok(id) = key[2..].try_into()
    {
        return (id, true);
    }
    use sha2::Digest;
    let hash: [u8; 32] = sha2::Sha256::digest(key).into();
    let mut out = [0; 16];
    out.copy_from_slice(&hash[..16]);
    (out, false)
}

impl Sealed {
    fn new(pass: u8, passes: u8) -> Sealed {
        Sealed {
            pass,
            passes,
            tables: TABLES.iter().map(|_| HashMap::new()).collect(),
            others: HashMap::new(),
            names: HashMap::new(),
            unknown: Vec::new(),
        }
    }

    fn is_mine(&self, key: &[u8; 16]) -> bool {
        key[15] % self.passes == self.pass
    }

    fn add(&mut self, chain: u32, row: &SealedRow<'_>) {
        let Some(place) = TABLES.iter().position(|t| t.name == row.table) else {
            if !self.unknown.iter().any(|t| t == row.table) {
                self.unknown.push(row.table.to_owned());
            }
            return;
        };
        let (key, is_id) = short(row.key);
        if !self.is_mine(&key) {
            return;
        }
        let Some(slot) = self.tables[place].get_mut(&key) else {
            if !is_id {
                self.names.insert((place, key), row.key.into());
            }
            let slot = Slot {
                rank: row.rank,
                chain,
                mac: row.mac,
                seen: false,
            };
            self.tables[place].insert(key, slot);
            return;
        };
        if row.rank > slot.rank {
            (slot.rank, slot.chain, slot.mac) = (row.rank, chain, row.mac);
            self.others.remove(&(place, key));
        } else if row.rank == slot.rank && row.mac != slot.mac {
            // Within a chain the later of two seals stands, for rows that are changed; between chains
            // their order is not known.
            let changes = TABLES[place].changes;
            if changes && slot.chain == chain {
                slot.mac = row.mac;
                return;
            }
            let others = self.others.entry((place, key)).or_default();
            match others.iter_mut().find(|o| changes && o.0 == chain) {
                Some(other) => other.1 = row.mac,
                None => others.push((chain, row.mac)),
            }
        }
    }

    fn check_table(
        &mut self,
        source: &mut Source,
        crypto: &dyn Crypto,
        place: usize,
        table: &'static Table,
        check: &mut RecordCheck,
    ) -> Result<(), StoreError> {
        let (mut name, mut content) = (Vec::new(), Vec::new());
        each_row(source, table, |values| {
            name.clear();
            for &i in table.naming() {
                push_ref(&mut name, values[i]);
            }
            let (key, _) = short(&name);
            if !self.is_mine(&key) {
                return;
            }
            check.rows += 1;
            let mut fault = |what| {
                if check.faults.len() < TOLD {
                    let key = show_key(&name);
                    let table = table.name;
                    check.faults.push(RowFault { table, key, what });
                }
            };
            let Some(slot) = self.tables[place].get_mut(&key) else {
                return fault("nothing in the journal says that it was recorded");
            };
            if slot.seen {
                return fault("it is there twice");
            }
            slot.seen = true;
            content.clear();
            content.push(table.name.len() as u8);
            content.extend_from_slice(table.name.as_bytes());
            for value in values {
                push_ref(&mut content, *value);
            }
            let mac = &crypto.mac(&content)[..MAC];
            let others = self.others.get(&(place, key));
            let fits = mac == slot.mac || others.is_some_and(|o| o.iter().any(|(_, m)| mac == m));
            if !fits {
                fault("it is not what was recorded");
            }
            check.erased += u64::from(fits && slot.rank == ERASED);
        })?;
        for (key, slot) in &self.tables[place] {
            if !slot.seen && check.faults.len() < TOLD {
                let key = match self.names.get(&(place, *key)) {
                    Some(name) => show_key(name),
                    None => Val::Bytes(Some(key.to_vec())).show(),
                };
                let (table, what) = (table.name, "it was recorded and is missing");
                check.faults.push(RowFault { table, key, what });
            }
        }
        Ok(())
    }
}

/// Every row of a table, in the order of its key, page by page.
pub(crate) fn each_row(
    source: &mut Source,
    table: &Table,
    mut each: impl FnMut(&[ValueRef<'_>]),
) -> Result<(), StoreError> {
    let (first, next) = table.page_sql();
    let mut after: Vec<Val> = Vec::new();
    loop {
        let (sql, mut values) = match after.is_empty() {
            true => (&first, vec![]),
            false => (&next, std::mem::take(&mut after)),
        };
        values.push(Val::Int(Some(ROWS)));
        let mut found = 0;
        source.rows(sql, values, |row| {
            let values = &row.values()[..table.columns.len()];
            each(values);
            found += 1;
            if found == ROWS {
                after = values[..table.key].iter().map(|v| owned(*v)).collect();
            }
            Ok(())
        })?;
        if after.is_empty() {
            return Ok(());
        }
    }
}

pub(crate) fn owned(value: ValueRef<'_>) -> Val {
    match value {
        ValueRef::Integer(n) => Val::Int(Some(n)),
        ValueRef::Text(text) => Val::Text(Some(String::from_utf8_lossy(text).into_owned())),
        ValueRef::Blob(bytes) => Val::Bytes(Some(bytes.to_vec())),
        _ => Val::Int(None),
    }
}

/// Who is signed in is no record, but nobody may be made to look signed in.
fn check_sessions(
    source: &mut Source,
    crypto: &dyn Crypto,
    check: &mut RecordCheck,
) -> Result<(), StoreError> {
    source.rows(SESSIONS, vec![], |row| {
        let values: Vec<Val> = row.values()[..4].iter().map(|v| owned(*v)).collect();
        let proof = session_proof(crypto, &values);
        if !matches!(row.values()[4], ValueRef::Blob(bytes) if bytes == proof) {
            check.faults.push(RowFault {
                table: "session",
                key: format!("of {}", values[1].show()),
                what: "it was not made by signing in here",
            });
        }
        Ok(())
    })
}

/// Reads every chain; `each` is told each seal with the number of its chain.
fn check_chains(
    source: &mut Source,
    crypto: &dyn Crypto,
    mut each: impl FnMut(u32, &[u8]),
) -> Result<JournalCheck, StoreError> {
    let mut check = JournalCheck::default();
    let mut chains: Vec<(String, u32, Option<(u64, Vec<u8>)>)> = Vec::new();
    source.rows(CHAINS, vec![], |row| {
        let hash = match row.values()[3] {
            ValueRef::Blob(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        };
        let end = Some((row.int(2)? as u64, hash));
        chains.push((row.str(0)?.to_owned(), row.int(1)? as u32, end));
        Ok(())
    })?;
    source.rows(CHAINS_WITH_LINES, vec![], |row| {
        let (shard, lane) = (row.str(0)?, row.int(1)? as u32);
        if !chains.iter().any(|c| c.0 == shard && c.1 == lane) {
            chains.push((shard.to_owned(), lane, None));
        }
        Ok(())
    })?;
    for (number, (shard, lane, noted)) in chains.into_iter().enumerate() {
        let mut chain = Chain {
            shard: &shard,
            lane,
            seq: 0,
            follows: START,
            check: &mut check,
        };
        chain.read(source, crypto, |seal| each(number as u32, seal))?;
        let (seq, hash) = (chain.seq, chain.follows);
        match noted {
            None => chain.fault(0, "the note of the chain's last link is missing"),
            Some((last, _)) if seq < last => chain.fault(
                seq + 1,
                &format!("lines {} to {last} are missing at the end", seq + 1),
            ),
            Some((last, _)) if seq > last => {
                chain.fault(last + 1, "lines were added behind the last link");
            }
            Some((_, noted)) if noted != hash => {
                chain.fault(seq, "the note of the last link was altered");
            }
            Some(_) => {}
        }
        check.ends.push((shard, lane, seq, hash));
    }
    Ok(check)
}

/// A chain being read.
struct Chain<'a> {
    shard: &'a str,
    lane: u32,
    /// The line read last, and the hash that the next one must follow.
    seq: u64,
    follows: [u8; 32],
    check: &'a mut JournalCheck,
}

impl Chain<'_> {
    fn fault(&mut self, seq: u64, what: &str) {
        if self.check.faults.len() < TOLD {
            self.check.faults.push(JournalFault {
                shard: self.shard.to_owned(),
                lane: self.lane,
                seq,
                what: what.to_owned(),
            });
        }
    }

    fn read(
        &mut self,
        source: &mut Source,
        crypto: &dyn Crypto,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), StoreError> {
        loop {
            let (mut found, after) = (0, self.seq as i64);
            let values = args![self.shard, self.lane, after, LINES];
            source.rows(CHAIN, values, |row| {
                found += 1;
                self.line(row, crypto, &mut each)
            })?;
            if found < LINES {
                return Ok(());
            }
        }
    }

    fn line(
        &mut self,
        row: &Cells<'_>,
        crypto: &dyn Crypto,
        each: &mut impl FnMut(&[u8]),
    ) -> Result<(), StoreError> {
        self.check.lines += 1;
        // Part of the key, by which it was found.
        let seq = row.int(2)? as u64;
        let blob = |i: usize| match row.values()[i] {
            ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        };
        let seal = blob(10);
        if let Some(seal) = seal {
            each(seal);
        }
        if seq != self.seq + 1 {
            let what = match seq - self.seq {
                2 => "this line is missing".to_owned(),
                _ => format!("lines {} to {} are missing", self.seq + 1, seq - 1),
            };
            self.fault(self.seq + 1, &what);
        }
        let gap = seq != self.seq + 1;
        self.seq = seq;
        let hash_at = |i| blob(i).and_then(|b| <[u8; 32]>::try_from(b).ok());
        let (Some(previous), Some(hash), Ok(at)) = (hash_at(8), hash_at(9), row.int(3)) else {
            self.fault(seq, "the line cannot be read");
            return Ok(());
        };
        let entry = || -> Result<_, StoreError> {
            Ok(JournalEntry {
                actor: row.str(4)?.to_owned(),
                action: row.str(5)?.to_owned(),
                subject: match row.values()[6] {
                    ValueRef::Null => None,
                    _ => Some(row.id(6)?),
                },
                detail: serde_json::Value::Null,
            })
        };
        let follows = if gap { previous } else { self.follows };
        let computed = match (entry(), row.str(7), instant_of(at)) {
            (Ok(entry), Ok(detail), Some(at)) => {
                let place = (self.lane, seq);
                Some(link(
                    crypto, &follows, self.shard, place, at, &entry, detail, seal,
                ))
            }
            _ => None,
        };
        let odd_kind = !matches!(row.values()[10], ValueRef::Null | ValueRef::Blob(_));
        if computed != Some(hash) || odd_kind {
            self.fault(seq, "the line was altered");
        } else if previous != follows {
            self.fault(seq, "the line does not say which one it follows");
        }
        // After an altered line the next may follow what is written there or what should be.
        self.follows = hash;
        Ok(())
    }
}

/// The hash of one link, for who kept it: `None` when the chain has no such line.
pub(crate) const LINK: &str =
    "SELECT hash FROM journal WHERE shard = $1 AND lane = $2 AND seq = $3";

impl Store {
    /// The last link of each chain as noted now, at one moment: shard, lane, number, hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn journal_ends(&self) -> Result<Vec<(String, u32, u64, [u8; 32])>, StoreError> {
        let rows = self.db.fetch(CHAINS, vec![]).await?;
        let read = |row: &crate::value::Row| {
            let hash = row.bytes(3)?;
            let hash = <[u8; 32]>::try_from(hash)
                .map_err(|_| StoreError::corrupt("journal_head hash", hash.len()))?;
            Ok((row.text(0)?, row.small(1)?, row.int(2)? as u64, hash))
        };
        rows.iter().map(read).collect()
    }

    /// The hash of one link of a chain; `None` when there is no such line.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn journal_link(
        &self,
        shard: &str,
        lane: u32,
        seq: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self
            .db
            .fetch_one(LINK, args![shard, lane, seq as i64])
            .await?;
        row.map(|row| Ok(row.bytes(0)?.to_vec())).transpose()
    }
}
