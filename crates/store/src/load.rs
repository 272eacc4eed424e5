//! Loading a whole register: hundreds of thousands of households in seconds.

use crate::Store;
use crate::audit::owned;
use crate::change::JournalEntry;
use crate::db::{Db, Durability, Link, Tx, transact};
use crate::encode::{self as row, Values};
use crate::error::StoreError;
use crate::journal;
use crate::schema::{self as t, Table};
use crate::seal::{Seal, add_all};
use crate::value::{Val, args};
use crate::write::{Clash, insert};
use base::{Id, Instant};
use registry::protect::Crypto;
use registry::record::{
    Area, Evidence, Household, Identity, Membership, PayeeAccount, Person, Residence,
};
use registry::timeline::{civil_day, identity_at, placed_on, residence_on};
use std::collections::HashMap;
use std::path::Path;

/// A part of a register: whole households, with everything about them and their members.
#[derive(Clone, Debug, Default)]
pub struct RegisterChunk {
    /// Home shard of records that carry none of their own.
    pub shard: String,
    /// Persons.
    pub persons: Vec<Person>,
    /// Households.
    pub households: Vec<Household>,
    /// Who the persons are.
    pub identities: Vec<Identity>,
    /// Where the households live.
    pub residences: Vec<Residence>,
    /// Who belongs where.
    pub memberships: Vec<Membership>,
    /// What is asserted about them.
    pub evidence: Vec<Evidence>,
    /// Where their money goes.
    pub payees: Vec<PayeeAccount>,
}

/// What was loaded so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadCount {
    /// Households given.
    pub households: u64,
    /// Persons given.
    pub persons: u64,
    /// Pieces of evidence given.
    pub evidence: u64,
    /// Rows that were new, of all tables.
    pub written: u64,
}

impl Store {
    /// Records areas; those that are there already must be equal.
    ///
    /// # Errors
    /// [`StoreError::Different`] when a code stands for another area.
    pub async fn put_areas(&self, areas: &[Area]) -> Result<u64, StoreError> {
        let crypto = self.crypto.as_ref();
        transact!(self.db, Durability::Synced, |tx| {
            let rows = areas.iter().map(row::area).collect();
            let written = insert(tx, &t::AREA, rows, Clash::Different).await?;
            let now = chrono::Utc::now();
            journal::append(tx, crypto, journal::HOUSE, 0, now, &[]).await?;
            Ok(written)
        })
    }

    /// Loads a register in chunks of whole households (a few thousand each are best), each chunk in a
    /// transaction of its own. Loading the same again writes nothing twice, so a load that was killed
    /// is simply started again. `at` is when the register was opened; `progress` is told after each
    /// chunk. Fastest when the ids of persons and of households ascend from chunk to chunk.
    ///
    /// This is for new households: it opens their version counters, and does not count on them.
    ///
    /// # Errors
    /// [`StoreError::Different`] when a record is there already with other content; chunks before it
    /// stay recorded.
    pub async fn load_register<C, P>(
        &self,
        at: Instant,
        chunks: C,
        mut progress: P,
    ) -> Result<LoadCount, StoreError>
    where
        C: Iterator<Item = RegisterChunk> + Send + 'static,
        P: FnMut(LoadCount) + Send + 'static,
    {
        // Chunks are made and turned into rows on one thread while those before are written on another.
        let (send, mut receive) = tokio::sync::mpsc::channel::<ChunkRows>(1);
        let crypto = self.crypto.clone();
        let maker = tokio::task::spawn_blocking(move || {
            for chunk in chunks {
                if send
                    .blocking_send(rows_of(crypto.as_ref(), chunk, at))
                    .is_err()
                {
                    break;
                }
            }
        });
        let count = match &self.db {
            Db::Sqlite { path, writer, .. } => {
                let (path, crypto) = (path.clone(), self.crypto.clone());
                let relaxed = writer.relaxed.load(std::sync::atomic::Ordering::Relaxed);
                let writer = tokio::task::spawn_blocking(move || {
                    let mut connection = sqlite_writer(&path, relaxed)?;
                    let mut count = LoadCount::default();
                    while let Some(chunk) = receive.blocking_recv() {
                        count.add(&chunk);
                        count.written += write_sqlite(&mut connection, crypto.as_ref(), chunk)?;
                        progress(count);
                    }
                    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
                    Ok::<_, StoreError>(count)
                });
                join(writer).await??
            }
            Db::Pg(_) => {
                let mut count = LoadCount::default();
                while let Some(chunk) = receive.recv().await {
                    count.add(&chunk);
                    count.written += self.write_pg(chunk).await?;
                    progress(count);
                }
                count
            }
        };
        join(maker).await?;
        Ok(count)
    }

    async fn write_pg(&self, chunk: ChunkRows) -> Result<u64, StoreError> {
        let crypto = self.crypto.as_ref();
        let copied = transact!(self.db, Durability::Bulk, |tx| {
            let mut written = 0;
            for (table, rows) in &chunk.tables {
                written += copy(tx, table, rows).await?;
            }
            chunk.append(tx, crypto).await?;
            Ok(written)
        });
        match copied {
            // Some of it is there already: the slow road compares.
            Err(StoreError::Database(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some("23505") =>
            {
                transact!(self.db, Durability::Bulk, |tx| {
                    let mut written = 0;
                    for (table, rows) in &chunk.tables {
                        written += insert(tx, table, rows.clone(), Clash::Different).await?;
                    }
                    journal::append(tx, crypto, &chunk.shard, 0, chunk.at, &[]).await?;
                    Ok(written)
                })
            }
            other => other,
        }
    }
}

/// A chunk as rows, table by table.
struct ChunkRows {
    shard: String,
    at: Instant,
    tables: Vec<(&'static Table, Vec<Values>)>,
    /// Lines of the journal that seal all of them.
    lines: Vec<(JournalEntry, Option<Vec<u8>>)>,
    households: u64,
    persons: u64,
    evidence: u64,
}

impl ChunkRows {
    /// Links the seals of all rows into the journal.
    async fn append(&self, tx: &mut Tx, crypto: &dyn Crypto) -> Result<(), StoreError> {
        let head = journal::lock(tx, &self.shard, 0).await?;
        let place = (self.shard.as_str(), 0);
        let (rows, (seq, hash)) = journal::chain(crypto, head, place, self.at, &self.lines);
        insert(tx, &t::JOURNAL, rows, Clash::Different).await?;
        let values = args![&self.shard, 0i64, seq as i64, hash];
        tx.execute(journal::HEAD_SET, values).await?;
        Ok(())
    }
}

impl LoadCount {
    fn add(&mut self, chunk: &ChunkRows) {
        self.households += chunk.households;
        self.persons += chunk.persons;
        self.evidence += chunk.evidence;
    }
}

fn rows_of(crypto: &dyn Crypto, c: RegisterChunk, at: Instant) -> ChunkRows {
    let mut rows = ChunkRows {
        shard: c.shard.clone(),
        at,
        tables: Vec::new(),
        lines: Vec::new(),
        households: c.households.len() as u64,
        persons: c.persons.len() as u64,
        evidence: c.evidence.len() as u64,
    };
    let shards = Shards::of(&c);
    let (heads, presences) = index_of(&c, at, &shards);
    let mut add = |table, mut values: Vec<Values>| {
        // In the order of the key, so that a table kept in that order is written from front to back.
        sort_by_key(table, &mut values);
        rows.tables.push((table, values));
    };
    add(&t::PERSON, c.persons.iter().map(row::person).collect());
    add(
        &t::HOUSEHOLD,
        c.households.iter().map(row::household).collect(),
    );
    add(
        &t::IDENTITY,
        c.identities
            .into_iter()
            .map(|i| row::identity(crypto, shards.of_id(&i.person), i))
            .collect(),
    );
    add(
        &t::RESIDENCE,
        c.residences
            .into_iter()
            .map(|r| row::residence(shards.of_id(&r.household), r))
            .collect(),
    );
    add(
        &t::MEMBERSHIP,
        c.memberships
            .into_iter()
            .map(|m| row::membership(shards.of_id(&m.household), shards.of_id(&m.person), m))
            .collect(),
    );
    add(
        &t::EVIDENCE,
        c.evidence.into_iter().map(row::evidence).collect(),
    );
    add(
        &t::PAYEE,
        c.payees
            .into_iter()
            .map(|p| row::payee(crypto, shards.of_id(&p.subject), p))
            .collect(),
    );
    add(&t::HEAD, heads);
    add(&t::PRESENCE, presences);
    let mut seal = Seal::default();
    for (table, values) in &rows.tables {
        add_all(&mut seal, table, values);
    }
    rows.lines = journal::with_seals(crypto, &[], &mut seal);
    rows
}

/// Home shards within a chunk.
struct Shards {
    usual: String,
    others: HashMap<Id, String>,
}

impl Shards {
    fn of(c: &RegisterChunk) -> Shards {
        let persons = c.persons.iter().map(|p| (p.id, &p.shard));
        let households = c.households.iter().map(|h| (h.id, &h.shard));
        Shards {
            usual: c.shard.clone(),
            others: persons
                .chain(households)
                .filter(|(_, shard)| **shard != c.shard)
                .map(|(id, shard)| (id, shard.clone()))
                .collect(),
        }
    }

    fn of_id(&self, id: &Id) -> &str {
        self.others.get(id).unwrap_or(&self.usual)
    }
}

/// Version counters and the index of whereabouts for a chunk.
fn index_of(c: &RegisterChunk, at: Instant, shards: &Shards) -> (Vec<Values>, Vec<Values>) {
    let day = civil_day(at);
    let mut residences: HashMap<Id, Vec<&Residence>> = HashMap::new();
    for r in &c.residences {
        residences.entry(r.household).or_default().push(r);
    }
    let mut memberships: HashMap<Id, Vec<&Membership>> = HashMap::new();
    for m in &c.memberships {
        memberships.entry(m.person).or_default().push(m);
    }
    let mut identities: HashMap<Id, Vec<&Identity>> = HashMap::new();
    for i in &c.identities {
        identities.entry(i.person).or_default().push(i);
    }
    let area_of = |household: &Id| -> &str {
        let pieces = residences
            .get(household)
            .map(Vec::as_slice)
            .unwrap_or_default();
        residence_on(pieces.iter().copied(), day, at)
            .or_else(|| pieces.iter().copied().max_by_key(|r| r.valid.from))
            .map_or("", |r| r.area.as_str())
    };
    let heads = c
        .households
        .iter()
        .map(|h| args![&h.shard, h.id, 1i64, area_of(&h.id), at])
        .collect();
    let presences = c
        .persons
        .iter()
        .map(|p| {
            let pieces = memberships
                .get(&p.id)
                .map(Vec::as_slice)
                .unwrap_or_default();
            let home = placed_on(pieces.iter().copied(), day, at).map(|m| m.household);
            let who = identities.get(&p.id).map(Vec::as_slice).unwrap_or_default();
            let name = identity_at(who.iter().copied(), at).map_or("", |i| i.name.as_str());
            args![
                &p.shard,
                p.id,
                name,
                home.as_ref().map_or("", |h| shards.of_id(h)),
                home,
                home.as_ref().map_or("", area_of),
            ]
        })
        .collect();
    (heads, presences)
}

/// Sorts rows by their key. Nearly always all are of one shard, and then it need not be looked at.
fn sort_by_key(table: &Table, rows: &mut [Values]) {
    let shard = rows.first().map(|row| row[0].clone());
    let same = shard.is_some_and(|shard| rows.iter().all(|row| row[0] == shard));
    let first = usize::from(same && table.key > 1);
    rows.sort_by(|a, b| {
        for i in first..table.key {
            let order = a[i].order(&b[i]);
            if order.is_ne() {
                return order;
            }
        }
        std::cmp::Ordering::Equal
    });
}

async fn join<T>(task: tokio::task::JoinHandle<T>) -> Result<T, StoreError> {
    task.await
        .map_err(|error| StoreError::Io(std::io::Error::other(error)))
}

/// Rows a statement.
const AT_ONCE: usize = 16;

fn sqlite_writer(path: &Path, relaxed: bool) -> Result<rusqlite::Connection, StoreError> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    connection.set_prepared_statement_cache_capacity(64);
    let synchronous = if relaxed { "OFF" } else { "NORMAL" };
    // Ids that follow from identity numbers fall anywhere in a table: what a transaction touches should stay
    // in memory until it is written once.
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -262144; \
         PRAGMA wal_autocheckpoint = 65536; PRAGMA temp_store = MEMORY"
    ))?;
    Ok(connection)
}

fn write_sqlite(
    connection: &mut rusqlite::Connection,
    crypto: &dyn Crypto,
    mut chunk: ChunkRows,
) -> Result<u64, StoreError> {
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut written = 0;
    // For the seal, when not all were new: the groups that were, and the rows of those that were in part.
    let mut fresh: Vec<(&'static Table, &[Values])> = Vec::new();
    let mut stored: Vec<(&'static Table, Values)> = Vec::new();
    let mut all_new = true;
    for (table, rows) in &chunk.tables {
        let (many, one) = (table.insert_sql(AT_ONCE, false), table.insert_sql(1, false));
        let whole = rows.len() / AT_ONCE * AT_ONCE;
        let groups = rows[..whole].chunks(AT_ONCE).map(|group| (&many, group));
        let rest = rows[whole..].chunks(1).map(|group| (&one, group));
        for (sql, group) in groups.chain(rest) {
            let values = group.iter().flatten();
            let new = tx
                .prepare_cached(sql)?
                .execute(rusqlite::params_from_iter(values))?;
            written += new as u64;
            if new == group.len() {
                fresh.push((table, group));
                continue;
            }
            all_new = false;
            let mut statement = tx.prepare_cached(&table.select_sql())?;
            for values in group {
                let there = compare(&mut statement, table, values)?;
                if new > 0 {
                    stored.push((table, there));
                }
            }
        }
    }
    if !all_new {
        let mut seal = Seal::default();
        for (table, group) in fresh {
            add_all(&mut seal, table, group);
        }
        for (table, row) in &stored {
            seal.add(table, row);
        }
        chunk.lines = journal::with_seals(crypto, &[], &mut seal);
    }
    if !chunk.lines.is_empty() {
        append_sqlite(&tx, crypto, &chunk)?;
    }
    tx.commit()?;
    Ok(written)
}

/// As [`ChunkRows::append`].
fn append_sqlite(
    tx: &rusqlite::Transaction<'_>,
    crypto: &dyn Crypto,
    chunk: &ChunkRows,
) -> Result<(), StoreError> {
    let place = (chunk.shard.as_str(), 0);
    let start = args![&chunk.shard, 0i64, journal::START];
    tx.prepare_cached(journal::HEAD_NEW)?
        .execute(rusqlite::params_from_iter(&start))?;
    let head = tx
        .prepare_cached(journal::HEAD)?
        .query_row(rusqlite::params_from_iter(&start[..2]), |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, [u8; 32]>(1)?))
        })?;
    let (rows, (seq, hash)) = journal::chain(crypto, head, place, chunk.at, &chunk.lines);
    let mut statement = tx.prepare_cached(&t::JOURNAL.insert_sql(1, false))?;
    for row in &rows {
        statement.execute(rusqlite::params_from_iter(row))?;
    }
    // This driver numbers values as they appear in the statement.
    let values = args![seq as i64, hash, &chunk.shard, 0i64];
    tx.prepare_cached(journal::HEAD_SET)?
        .execute(rusqlite::params_from_iter(&values))?;
    Ok(())
}

/// The row as it is stored.
fn compare(
    statement: &mut rusqlite::CachedStatement<'_>,
    table: &'static Table,
    values: &Values,
) -> Result<Values, StoreError> {
    let key = &values[..table.key];
    let mut found = statement.query(rusqlite::params_from_iter(key))?;
    let stored = found
        .next()?
        .ok_or_else(|| StoreError::corrupt(table.name, "nothing"))?;
    let mut there = Vec::with_capacity(values.len());
    for (i, (column, ours)) in table.columns.iter().zip(values).enumerate() {
        let theirs = owned(stored.get_ref(i)?);
        if !column.opaque && *ours != theirs {
            return Err(StoreError::Different {
                table: table.name,
                key: key.iter().map(Val::show).collect::<Vec<_>>().join(" "),
                column: column.name,
            });
        }
        there.push(theirs);
    }
    Ok(there)
}

/// PostgreSQL's `COPY`, in its text form.
async fn copy(tx: &mut Tx, table: &'static Table, rows: &[Values]) -> Result<u64, StoreError> {
    let Link::Pg(tx) = &mut tx.link else {
        return Err(StoreError::Invalid("COPY is PostgreSQL's".into()));
    };
    let mut text = String::with_capacity(rows.len() * 128);
    for values in rows {
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                text.push('\t');
            }
            copy_text(&mut text, value);
        }
        text.push('\n');
    }
    let mut sink = tx.copy_in_raw(&table.copy_sql(table.name)).await?;
    sink.send(text.into_bytes()).await?;
    Ok(sink.finish().await?)
}

fn copy_text(out: &mut String, value: &Val) {
    match value {
        Val::Int(Some(n)) => out.push_str(&n.to_string()),
        Val::Text(Some(text)) => {
            for c in text.chars() {
                match c {
                    '\\' => out.push_str("\\\\"),
                    '\t' => out.push_str("\\t"),
                    '\n' => out.push_str("\\n"),
                    '\r' => out.push_str("\\r"),
                    c => out.push(c),
                }
            }
        }
        Val::Bytes(Some(bytes)) => push_hex(out, bytes),
        Val::Id(Some(id)) => push_hex(out, id.as_bytes()),
        _ => out.push_str("\\N"),
    }
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push_str("\\\\x");
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)] as char);
        out.push(DIGITS[usize::from(byte & 15)] as char);
    }
}
