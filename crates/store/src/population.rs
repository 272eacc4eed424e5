//! Reading a population: every household as it was on a day, as known at a moment, in chunks.
//!
//! The same statements run on both databases; on SQLite through a driver that reads rows in place,
//! since the asynchronous one hands every row from thread to thread and is twelve times slower.

use crate::Store;
use crate::commit::{in_list, list_size};
use crate::db::{Db, Tx, read_pg_transaction};
use crate::encode::split_ids;
use crate::entitlements::SHARDS;
use crate::error::StoreError;
use crate::lite::numbered;
use crate::value::{Row, Val, args, day_number, day_of};
use base::{Day, Id, Instant};
use registry::record::Sex;
use registry::slice::{HouseholdSlice, KindList, MemberSlice};
use registry::timeline::{HEAD, Piece, Slots, settle};
use rusqlite::types::ValueRef;
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Households read at once.
const CHUNK: i64 = 2048;
/// Columns of the widest statement.
const WIDEST: usize = 16;
/// Chunks read ahead.
const AHEAD: usize = 2;

/// Which households.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PopulationFilter {
    /// Of one shard; of all when `None`.
    pub shard: Option<String>,
    /// Living, on the day, in areas whose codes begin with one of these; anywhere when empty.
    pub areas: Vec<String>,
    /// After this household, in the order of shard and id: where an interrupted run goes on.
    pub after: Option<(String, Id)>,
}

/// A population being read. An iterator over chunks of households in the order of shard and id; it
/// blocks while a chunk is read, so use it on a blocking thread. Dropping it ends the reading.
pub struct Population {
    chunks: Receiver<Result<Vec<HouseholdSlice>, StoreError>>,
}

impl Iterator for Population {
    type Item = Result<Vec<HouseholdSlice>, StoreError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.chunks.recv().ok()
    }
}

pub(crate) const HOUSEHOLDS: &str = "SELECT id FROM household WHERE shard = $1 AND id > $2 AND opened_at <= $3 ORDER BY id LIMIT $4";
pub(crate) const LIVING: &str = "SELECT household, area, recorded_at, id FROM residence \
     WHERE shard = $1 AND household > $2 AND household <= $3 AND recorded_at <= $4 \
     AND valid_from <= $5 AND (valid_to IS NULL OR valid_to > $5)";
pub(crate) const BELONGING: &str = "SELECT household, person, id, recorded_at, member, relation, shard FROM membership \
     WHERE shard = $1 AND household > $2 AND household <= $3 AND recorded_at <= $4 \
     AND valid_from <= $5 AND (valid_to IS NULL OR valid_to > $5)";
/// Pieces about persons who have been in more than one household.
pub(crate) const ELSEWHERE: &str = "SELECT household, person, id, recorded_at, member, relation, shard FROM membership \
     WHERE person IN (SELECT person FROM membership GROUP BY person HAVING COUNT(DISTINCT household) > 1) \
     AND recorded_at <= $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)";
pub(crate) const BEING: &str = "SELECT i.person, i.sex, i.birth, i.recorded_at, i.id FROM \
     (SELECT DISTINCT person_shard, person FROM membership WHERE shard = $1 AND household > $2 AND household <= $3) m \
     CROSS JOIN identity i WHERE i.shard = m.person_shard AND i.person = m.person AND i.recorded_at <= $4";
pub(crate) const MEMBERS_SAY: &str = "SELECT e.subject, e.id, e.kind, e.value, e.valid_from, e.valid_to, e.recorded_at, e.withdraws FROM \
     (SELECT DISTINCT person_shard, person FROM membership WHERE shard = $1 AND household > $2 AND household <= $3) m \
     CROSS JOIN evidence e WHERE e.shard = m.person_shard AND e.subject = m.person AND e.recorded_at <= $4 \
     AND ((e.valid_from <= $5 AND (e.valid_to IS NULL OR e.valid_to > $5)) OR e.withdraws IS NOT NULL)";
pub(crate) const HOUSEHOLDS_SAY: &str = "SELECT e.subject, e.id, e.kind, e.value, e.valid_from, e.valid_to, e.recorded_at, e.withdraws FROM \
     (SELECT id FROM household WHERE shard = $1 AND id > $2 AND id <= $3) h \
     CROSS JOIN evidence e WHERE e.shard = $1 AND e.subject = h.id AND e.recorded_at <= $4 \
     AND ((e.valid_from <= $5 AND (e.valid_to IS NULL OR e.valid_to > $5)) OR e.withdraws IS NOT NULL)";

impl Store {
    /// Every household as it was on `day`, as known at `known`, with the kinds asked for; what
    /// [`registry::timeline::slice`] gives for each. Households that were nowhere, had no members, or
    /// have a member who is not identified are left out, as there. All is read from one moment of the
    /// database. Call it inside the runtime; read it on a blocking thread.
    ///
    /// # Errors
    /// When the database cannot be opened; later errors come as the last item.
    pub fn population(
        &self,
        kinds: &KindList,
        day: Day,
        known: Instant,
        filter: &PopulationFilter,
    ) -> Result<Population, StoreError> {
        let (send, chunks) = sync_channel(AHEAD);
        let job = Job {
            kinds: kinds.clone(),
            day,
            known,
            filter: filter.clone(),
        };
        let source = self.source()?;
        let runtime = tokio::runtime::Handle::try_current().ok();
        std::thread::Builder::new()
            .name("population".into())
            .spawn(move || {
                // A connection that is given back, also when nobody reads to the end, needs its runtime.
                let _inside = runtime.as_ref().map(|r| r.enter());
                if let Err(error) = job.run(source, &send) {
                    // Nobody listens any more when this fails.
                    let _ = send.send(Err(error));
                }
            })?;
        Ok(Population { chunks })
    }
}

impl Store {
    /// A reader of whole tables, at one moment of the database.
    fn source(&self) -> Result<Source, StoreError> {
        match &self.db {
            Db::Sqlite { path, .. } => {
                let connection = read_only(path)?;
                connection.execute_batch("PRAGMA cache_size = -65536; BEGIN")?;
                Ok(Source::Sqlite(connection))
            }
            Db::Pg(pool) => {
                let runtime = tokio::runtime::Handle::current();
                Ok(Source::Pg(pool.clone(), runtime, None))
            }
        }
    }

    /// Reads a little at one moment of the database, on a thread that may block. On SQLite through a
    /// connection that is kept for the next time, with its prepared statements.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Source) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Db::Sqlite { path, lookers, .. } = &self.db else {
            return self.scan(work).await;
        };
        let (path, lookers) = (path.clone(), lookers.clone());
        tokio::task::spawn_blocking(move || {
            let kept = lookers.lock().ok().and_then(|mut kept| kept.pop());
            let connection = match kept {
                Some(connection) => connection,
                None => {
                    let connection = read_only(&path)?;
                    connection.set_prepared_statement_cache_capacity(128);
                    connection.execute_batch("PRAGMA cache_size = -16384")?;
                    connection
                }
            };
            connection.execute_batch("BEGIN")?;
            let mut source = Source::Sqlite(connection);
            let result = work(&mut source);
            if let Source::Sqlite(connection) = source
                && connection.execute_batch("COMMIT").is_ok()
                && let Ok(mut kept) = lookers.lock()
                && kept.len() < LOOKERS
            {
                kept.push(connection);
            }
            result
        })
        .await
        .map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }

    /// Reads whole tables on a thread that may block.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Source) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut source = self.source()?;
        tokio::task::spawn_blocking(move || work(&mut source))
            .await
            .map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }
}

/// Connections for reading a little that are kept at most.
const LOOKERS: usize = 8;

fn read_only(path: &std::path::Path) -> Result<rusqlite::Connection, StoreError> {
    let flags =
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    Ok(connection)
}

/// Where rows come from.
pub(crate) enum Source {
    Sqlite(rusqlite::Connection),
    Pg(sqlx::PgPool, tokio::runtime::Handle, Option<Tx>),
}

impl Source {
    /// Runs a statement and hands each row to `each`.
    pub(crate) fn rows(
        &mut self,
        sql: &str,
        values: Vec<Val>,
        mut each: impl FnMut(&Cells<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Source::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(&numbered(sql))?;
                let width = statement.column_count();
                let mut found = statement.query(rusqlite::params_from_iter(&values))?;
                while let Some(row) = found.next()? {
                    let mut cells = [ValueRef::Null; WIDEST];
                    for (i, cell) in cells.iter_mut().enumerate().take(width) {
                        *cell = row.get_ref(i)?;
                    }
                    each(&Cells(cells))?;
                }
                Ok(())
            }
            Source::Pg(pool, runtime, tx) => {
                if tx.is_none() {
                    *tx = Some(runtime.block_on(read_pg_transaction(pool))?);
                }
                let Some(tx) = tx else { return Ok(()) };
                for row in runtime.block_on(tx.fetch_generated(sql.to_owned(), values))? {
                    let mut cells = [ValueRef::Null; WIDEST];
                    for (cell, value) in cells.iter_mut().zip(&row.0) {
                        *cell = match value {
                            Val::Int(Some(n)) => ValueRef::Integer(*n),
                            Val::Text(Some(text)) => ValueRef::Text(text.as_bytes()),
                            Val::Bytes(Some(bytes)) => ValueRef::Blob(bytes),
                            _ => ValueRef::Null,
                        };
                    }
                    each(&Cells(cells))?;
                }
                Ok(())
            }
        }
    }

    /// Rows for many ids, a few hundred at a time, of a statement that [`in_list`] completes. Lists are
    /// filled up with their last id, which adds no row.
    pub(crate) fn listed(
        &mut self,
        sql: &str,
        first: &[Val],
        ids: &[Id],
        mut each: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut left = ids;
        while !left.is_empty() {
            let (size, taken) = list_size(left.len());
            let (now, later) = left.split_at(taken);
            left = later;
            let mut values = first.to_vec();
            values.extend((0..size).map(|i| Val::Id(now.get(i).or(now.last()).copied())));
            for row in self.all(in_list(sql, first.len(), size), values)? {
                each(&row)?;
            }
        }
        Ok(())
    }

    /// Runs a statement that this crate generates, and gives its rows.
    pub(crate) fn all(&mut self, sql: String, values: Vec<Val>) -> Result<Vec<Row>, StoreError> {
        match self {
            Source::Sqlite(connection) => crate::lite::rows(connection, &sql, &values),
            Source::Pg(pool, runtime, tx) => {
                if tx.is_none() {
                    *tx = Some(runtime.block_on(read_pg_transaction(pool))?);
                }
                let Some(tx) = tx else { return Ok(Vec::new()) };
                runtime.block_on(tx.fetch_generated(sql, values))
            }
        }
    }
}

/// One row's values, borrowed.
pub(crate) struct Cells<'a>([ValueRef<'a>; WIDEST]);

impl<'a> Cells<'a> {
    fn bad(&self, i: usize) -> StoreError {
        StoreError::corrupt(format!("column {i}"), self.0[i])
    }

    /// All of them; those behind the statement's width are null.
    pub(crate) fn values(&self) -> &[ValueRef<'a>] {
        &self.0
    }

    pub(crate) fn int(&self, i: usize) -> Result<i64, StoreError> {
        match self.0[i] {
            ValueRef::Integer(n) => Ok(n),
            _ => Err(self.bad(i)),
        }
    }

    pub(crate) fn maybe_int(&self, i: usize) -> Result<Option<i64>, StoreError> {
        match self.0[i] {
            ValueRef::Null => Ok(None),
            _ => self.int(i).map(Some),
        }
    }

    pub(crate) fn str(&self, i: usize) -> Result<&'a str, StoreError> {
        match self.0[i] {
            ValueRef::Text(text) => std::str::from_utf8(text).map_err(|_| self.bad(i)),
            _ => Err(self.bad(i)),
        }
    }

    pub(crate) fn id(&self, i: usize) -> Result<Id, StoreError> {
        match self.0[i] {
            ValueRef::Blob(bytes) => Id::from_slice(bytes).ok_or_else(|| self.bad(i)),
            _ => Err(self.bad(i)),
        }
    }

    fn maybe_bytes(&self, i: usize) -> Option<&'a [u8]> {
        match self.0[i] {
            ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

struct Job {
    kinds: KindList,
    day: Day,
    known: Instant,
    filter: PopulationFilter,
}

/// A piece of membership that covers the day and was known.
#[derive(Clone)]
struct Place {
    household: Id,
    age: (i64, Id),
    member: bool,
    relation: Box<str>,
}

/// What is said about one subject.
#[derive(Default)]
struct Said {
    pieces: Vec<Piece>,
    withdrawn: Vec<Id>,
}

impl Job {
    fn run(
        &self,
        mut source: Source,
        out: &SyncSender<Result<Vec<HouseholdSlice>, StoreError>>,
    ) -> Result<(), StoreError> {
        let (day, known) = (day_number(self.day), self.known.timestamp_micros());
        let mut shards = Vec::new();
        source.rows(SHARDS, vec![], |row| {
            shards.push(row.str(0)?.to_owned());
            Ok(())
        })?;
        let mut elsewhere: HashMap<Id, Vec<Place>> = HashMap::new();
        source.rows(ELSEWHERE, args![known, day], |row| {
            elsewhere.entry(row.id(1)?).or_default().push(place(row)?);
            Ok(())
        })?;
        for shard in shards {
            if self
                .filter
                .shard
                .as_ref()
                .is_some_and(|only| *only != shard)
            {
                continue;
            }
            let mut low: Vec<u8> = Vec::new();
            if let Some((after, id)) = &self.filter.after {
                match after.cmp(&shard) {
                    std::cmp::Ordering::Greater => continue,
                    std::cmp::Ordering::Equal => low = id.as_bytes().to_vec(),
                    std::cmp::Ordering::Less => {}
                }
            }
            loop {
                let mut ids = Vec::new();
                source.rows(
                    HOUSEHOLDS,
                    args![&shard, low.clone(), known, CHUNK],
                    |row| {
                        ids.push(row.id(0)?);
                        Ok(())
                    },
                )?;
                let Some(last) = ids.last() else { break };
                let high = last.as_bytes().to_vec();
                let range = Range {
                    shard: &shard,
                    low: &low,
                    high: &high,
                    known,
                    day,
                };
                let chunk = self.chunk(&mut source, &range, &ids, &elsewhere)?;
                let full = ids.len() as i64 == CHUNK;
                if out.send(Ok(chunk)).is_err() {
                    return Ok(());
                }
                if !full {
                    break;
                }
                low = high;
            }
        }
        Ok(())
    }

    fn chunk(
        &self,
        source: &mut Source,
        range: &Range<'_>,
        ids: &[Id],
        elsewhere: &HashMap<Id, Vec<Place>>,
    ) -> Result<Vec<HouseholdSlice>, StoreError> {
        let mut areas: HashMap<Id, ((i64, Id), Box<str>)> = HashMap::with_capacity(ids.len());
        source.rows(LIVING, range.with_day(), |row| {
            let (household, age) = (row.id(0)?, (row.int(2)?, row.id(3)?));
            let area: Box<str> = row.str(1)?.into();
            match areas.get_mut(&household) {
                Some(held) if held.0 < age => *held = (age, area),
                Some(_) => {}
                None => {
                    areas.insert(household, (age, area));
                }
            }
            Ok(())
        })?;
        // Persons with the pieces of these households; those who were elsewhere too bring all theirs.
        let mut places: BTreeMap<Id, Vec<Place>> = BTreeMap::new();
        source.rows(BELONGING, range.with_day(), |row| {
            let person = row.id(1)?;
            let here = places.entry(person).or_default();
            match elsewhere.get(&person) {
                Some(all) if here.is_empty() => *here = all.clone(),
                Some(_) => {}
                None => here.push(place(row)?),
            }
            Ok(())
        })?;
        let mut people: HashMap<Id, ((i64, Id), Sex, Day)> = HashMap::with_capacity(places.len());
        source.rows(BEING, range.without_day(), |row| {
            let (person, age) = (row.id(0)?, (row.int(3)?, row.id(4)?));
            if people.get(&person).is_none_or(|held| held.0 < age) {
                let sex = match row.str(1)? {
                    "male" => Sex::Male,
                    "female" => Sex::Female,
                    other => return Err(StoreError::corrupt("sex", other)),
                };
                let birth = row.int(2)?;
                let birth = day_of(birth).ok_or_else(|| StoreError::corrupt("birth", birth))?;
                people.insert(person, (age, sex, birth));
            }
            Ok(())
        })?;
        let slots = Slots::new(&self.kinds);
        let mut by_person = self.said(source, MEMBERS_SAY, range, &slots.person)?;
        let mut by_household = self.said(source, HOUSEHOLDS_SAY, range, &slots.household)?;

        let mut members: HashMap<Id, Vec<MemberSlice>> = HashMap::with_capacity(ids.len());
        let mut unknown: Vec<Id> = Vec::new();
        for (person, pieces) in places {
            let Some(place) = winner(&pieces) else {
                continue;
            };
            let Some((_, sex, birth)) = people.get(&person) else {
                unknown.push(place.household);
                continue;
            };
            let said = by_person.get_mut(&person);
            members
                .entry(place.household)
                .or_default()
                .push(MemberSlice {
                    person,
                    relation: place.relation.clone(),
                    sex: *sex,
                    birth: *birth,
                    facts: said
                        .map(|s| s.facts(&self.kinds.person))
                        .unwrap_or_default(),
                });
        }
        let mut out = Vec::with_capacity(ids.len());
        for id in ids {
            let (Some((_, area)), Some(mut members)) = (areas.remove(id), members.remove(id))
            else {
                continue;
            };
            if unknown.contains(id) || !self.wanted(&area) {
                continue;
            }
            // By person already; the head comes first.
            members.sort_by_key(|m| &*m.relation != HEAD);
            let said = by_household.get_mut(id);
            out.push(HouseholdSlice {
                household: *id,
                shard: range.shard.into(),
                area,
                facts: said
                    .map(|s| s.facts(&self.kinds.household))
                    .unwrap_or_default(),
                members,
            });
        }
        Ok(out)
    }

    fn wanted(&self, area: &str) -> bool {
        self.filter.areas.is_empty()
            || self
                .filter
                .areas
                .iter()
                .any(|a| area.starts_with(a.as_str()))
    }

    fn said(
        &self,
        source: &mut Source,
        sql: &'static str,
        range: &Range<'_>,
        slots: &HashMap<&str, u16>,
    ) -> Result<HashMap<Id, Said>, StoreError> {
        let mut index: HashMap<Id, Said> = HashMap::new();
        // Rows about one subject mostly come together.
        let mut current: Option<(Id, Said)> = None;
        let keep = |index: &mut HashMap<Id, Said>, done: Option<(Id, Said)>| {
            if let Some((id, said)) = done {
                let all = index.entry(id).or_default();
                if all.pieces.is_empty() && all.withdrawn.is_empty() {
                    *all = said;
                } else {
                    all.pieces.extend(said.pieces);
                    all.withdrawn.extend(said.withdrawn);
                }
            }
        };
        source.rows(sql, range.with_day(), |row| {
            let subject = row.id(0)?;
            if current.as_ref().is_none_or(|(id, _)| *id != subject) {
                keep(&mut index, current.take());
            }
            let (_, said) = current.get_or_insert_with(|| (subject, Said::default()));
            if let Some(withdraws) = row.maybe_bytes(7) {
                said.withdrawn.extend(split_ids(withdraws));
            }
            let covers =
                row.int(4)? <= range.day && row.maybe_int(5)?.is_none_or(|to| to > range.day);
            if let (true, Some(slot)) = (covers, slots.get(row.str(2)?)) {
                said.pieces.push(Piece {
                    slot: *slot,
                    recorded: row.int(6)?,
                    evidence: row.id(1)?,
                    value: row.str(3)?.into(),
                });
            }
            Ok(())
        })?;
        keep(&mut index, current);
        Ok(index)
    }
}

impl Said {
    fn facts(&mut self, kinds: &[(String, bool)]) -> Vec<registry::slice::Fact> {
        if !self.withdrawn.is_empty() {
            self.pieces
                .retain(|p| !self.withdrawn.contains(&p.evidence));
        }
        settle(&mut self.pieces, kinds)
    }
}

/// As [`registry::timeline::placed_on`], over pieces that cover the day and were known.
fn winner(pieces: &[Place]) -> Option<&Place> {
    let newest_of_its_household = |p: &&Place| {
        !pieces
            .iter()
            .any(|other| other.household == p.household && other.age > p.age)
    };
    pieces
        .iter()
        .filter(newest_of_its_household)
        .filter(|p| p.member)
        .max_by_key(|p| p.age)
}

fn place(row: &Cells<'_>) -> Result<Place, StoreError> {
    Ok(Place {
        household: row.id(0)?,
        age: (row.int(3)?, row.id(2)?),
        member: row.int(4)? != 0,
        relation: row.str(5)?.into(),
    })
}

struct Range<'a> {
    shard: &'a str,
    low: &'a [u8],
    high: &'a [u8],
    known: i64,
    day: i64,
}

impl Range<'_> {
    fn without_day(&self) -> Vec<Val> {
        args![
            self.shard,
            self.low.to_vec(),
            self.high.to_vec(),
            self.known
        ]
    }

    fn with_day(&self) -> Vec<Val> {
        let mut values = self.without_day();
        values.push(self.day.into());
        values
    }
}
