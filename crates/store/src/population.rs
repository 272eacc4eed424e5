//! Reading a population: every household as it was on one day or several, as known at a moment, in chunks.

use crate::Store;
use crate::encode::split_ids;
use crate::entitlements::SHARDS;
use crate::error::StoreError;
use crate::source::{Cells, Source};
use crate::value::{Val, args, day_number, day_of};
use base::{Day, Id, Instant};
use registry::record::Sex;
use registry::slice::{HouseholdSlice, KindList, MemberSlice};
use registry::timeline::{HEAD, Piece, Slots, settle};
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Households read at once.
const CHUNK: i64 = 2048;
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

/// A chunk of households: for each day that was asked for, in that order, their slices on that day.
pub type Chunk = Vec<Vec<HouseholdSlice>>;

/// A population being read. An iterator over chunks of households in the order of shard and id; it
/// blocks while a chunk is read, so use it on a blocking thread. Dropping it ends the reading.
pub struct Population {
    chunks: Receiver<Result<Chunk, StoreError>>,
}

impl Iterator for Population {
    type Item = Result<Chunk, StoreError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.chunks.recv().ok()
    }
}

pub(crate) const HOUSEHOLDS: &str = "SELECT id FROM household WHERE shard = $1 AND id > $2 AND opened_at <= $3 ORDER BY id LIMIT $4";
pub(crate) const LIVING: &str = "SELECT household, area, recorded_at, id, valid_from, valid_to FROM residence \
     WHERE shard = $1 AND household > $2 AND household <= $3 AND recorded_at <= $4 \
     AND valid_from <= $6 AND (valid_to IS NULL OR valid_to > $5)";
pub(crate) const BELONGING: &str = "SELECT household, person, id, recorded_at, member, relation, valid_from, valid_to FROM membership \
     WHERE shard = $1 AND household > $2 AND household <= $3 AND recorded_at <= $4 \
     AND valid_from <= $6 AND (valid_to IS NULL OR valid_to > $5)";
/// Pieces about persons who have been in more than one household.
pub(crate) const ELSEWHERE: &str = "SELECT household, person, id, recorded_at, member, relation, valid_from, valid_to FROM membership \
     WHERE person IN (SELECT person FROM membership GROUP BY person HAVING COUNT(DISTINCT household) > 1) \
     AND recorded_at <= $1 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $2)";
pub(crate) const BEING: &str = "SELECT i.person, i.sex, i.birth, i.recorded_at, i.id FROM \
     (SELECT DISTINCT person_shard, person FROM membership WHERE shard = $1 AND household > $2 AND household <= $3) m \
     CROSS JOIN identity i WHERE i.shard = m.person_shard AND i.person = m.person AND i.recorded_at <= $4";
pub(crate) const MEMBERS_SAY: &str = "SELECT e.subject, e.id, e.kind, e.value, e.valid_from, e.valid_to, e.recorded_at, e.withdraws FROM \
     (SELECT DISTINCT person_shard, person FROM membership WHERE shard = $1 AND household > $2 AND household <= $3) m \
     CROSS JOIN evidence e WHERE e.shard = m.person_shard AND e.subject = m.person AND e.recorded_at <= $4 \
     AND ((e.valid_from <= $6 AND (e.valid_to IS NULL OR e.valid_to > $5)) OR e.withdraws IS NOT NULL)";
pub(crate) const HOUSEHOLDS_SAY: &str = "SELECT e.subject, e.id, e.kind, e.value, e.valid_from, e.valid_to, e.recorded_at, e.withdraws FROM \
     (SELECT id FROM household WHERE shard = $1 AND id > $2 AND id <= $3) h \
     CROSS JOIN evidence e WHERE e.shard = $1 AND e.subject = h.id AND e.recorded_at <= $4 \
     AND ((e.valid_from <= $6 AND (e.valid_to IS NULL OR e.valid_to > $5)) OR e.withdraws IS NOT NULL)";

impl Store {
    /// Every household as it was on each of `days`, as known at `known`, with the kinds asked for; what
    /// [`registry::timeline::slice`] gives for each. Households that were nowhere, had no members, or
    /// have a member who is not identified are left out, as there. Several days cost little more than one:
    /// everything is read once, from one moment of the database. Call it inside the runtime; read it on a
    /// blocking thread.
    ///
    /// # Errors
    /// When the database cannot be opened; later errors come as the last item.
    pub fn population(
        &self,
        kinds: &KindList,
        days: &[Day],
        known: Instant,
        filter: &PopulationFilter,
    ) -> Result<Population, StoreError> {
        let (send, chunks) = sync_channel(AHEAD);
        let job = Job {
            kinds: kinds.clone(),
            days: days.iter().copied().map(day_number).collect(),
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

struct Job {
    kinds: KindList,
    /// As [`day_number`].
    days: Vec<i64>,
    known: Instant,
    filter: PopulationFilter,
}

/// From when to when (not included) something is so, in [`day_number`]s.
#[derive(Clone, Copy)]
struct Valid {
    from: i64,
    to: Option<i64>,
}

impl Valid {
    fn read(row: &Cells<'_>, from: usize, to: usize) -> Result<Valid, StoreError> {
        Ok(Valid {
            from: row.int(from)?,
            to: row.maybe_int(to)?,
        })
    }

    fn covers(self, day: i64) -> bool {
        self.from <= day && self.to.is_none_or(|to| to > day)
    }
}

/// A piece of residence that was known.
struct Home {
    age: (i64, Id),
    valid: Valid,
    area: Box<str>,
}

/// A piece of membership that was known.
#[derive(Clone)]
struct Place {
    household: Id,
    age: (i64, Id),
    valid: Valid,
    member: bool,
    relation: Box<str>,
}

/// What is said about one subject.
#[derive(Default)]
struct Said {
    pieces: Vec<(Valid, Piece)>,
    withdrawn: Vec<Id>,
}

/// All that is known of a chunk's households on any of the days.
struct Read {
    homes: HashMap<Id, Vec<Home>>,
    places: BTreeMap<Id, Vec<Place>>,
    people: HashMap<Id, ((i64, Id), Sex, Day)>,
    by_person: HashMap<Id, Said>,
    by_household: HashMap<Id, Said>,
}

impl Job {
    fn run(
        &self,
        mut source: Source,
        out: &SyncSender<Result<Chunk, StoreError>>,
    ) -> Result<(), StoreError> {
        let known = self.known.timestamp_micros();
        let (Some(first), Some(last)) = (self.days.iter().min(), self.days.iter().max()) else {
            return Ok(());
        };
        let mut shards = Vec::new();
        source.rows(SHARDS, vec![], |row| {
            shards.push(row.str(0)?.to_owned());
            Ok(())
        })?;
        let mut elsewhere: HashMap<Id, Vec<Place>> = HashMap::new();
        source.rows(ELSEWHERE, args![known, *first, *last], |row| {
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
                let Some(end) = ids.last() else { break };
                let high = end.as_bytes().to_vec();
                let range = Range {
                    shard: &shard,
                    low: &low,
                    high: &high,
                    known,
                    days: (*first, *last),
                };
                let mut read = self.read(&mut source, &range, ids.len(), &elsewhere)?;
                let mut chunk = Chunk::with_capacity(self.days.len());
                for day in &self.days {
                    chunk.push(self.cut(&mut read, &shard, &ids, *day));
                }
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

    fn read(
        &self,
        source: &mut Source,
        range: &Range<'_>,
        households: usize,
        elsewhere: &HashMap<Id, Vec<Place>>,
    ) -> Result<Read, StoreError> {
        let mut homes: HashMap<Id, Vec<Home>> = HashMap::with_capacity(households);
        source.rows(LIVING, range.with_days(), |row| {
            let home = Home {
                age: (row.int(2)?, row.id(3)?),
                valid: Valid::read(row, 4, 5)?,
                area: row.str(1)?.into(),
            };
            homes.entry(row.id(0)?).or_default().push(home);
            Ok(())
        })?;
        // Persons with the pieces of these households; those who were elsewhere too bring all theirs.
        let mut places: BTreeMap<Id, Vec<Place>> = BTreeMap::new();
        source.rows(BELONGING, range.with_days(), |row| {
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
        source.rows(BEING, range.without_days(), |row| {
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
        Ok(Read {
            by_person: self.said(source, MEMBERS_SAY, range, &slots.person)?,
            by_household: self.said(source, HOUSEHOLDS_SAY, range, &slots.household)?,
            homes,
            places,
            people,
        })
    }

    /// The households as they were on one of the days.
    fn cut(&self, read: &mut Read, shard: &str, ids: &[Id], day: i64) -> Vec<HouseholdSlice> {
        // Days are cut in order: what the last one sees need not be kept.
        let keep = self.days.last() != Some(&day);
        let mut members: HashMap<Id, Vec<MemberSlice>> = HashMap::with_capacity(ids.len());
        let mut unknown: Vec<Id> = Vec::new();
        for (person, pieces) in &read.places {
            let Some(place) = winner(pieces, day) else {
                continue;
            };
            let Some((_, sex, birth)) = read.people.get(person) else {
                unknown.push(place.household);
                continue;
            };
            let said = read.by_person.get_mut(person);
            members
                .entry(place.household)
                .or_default()
                .push(MemberSlice {
                    person: *person,
                    relation: place.relation.clone(),
                    sex: *sex,
                    birth: *birth,
                    facts: said
                        .map(|s| s.facts(&self.kinds.person, day, keep))
                        .unwrap_or_default(),
                });
        }
        let mut out = Vec::with_capacity(ids.len());
        for id in ids {
            let homes = read.homes.get(id).into_iter().flatten();
            let home = homes
                .filter(|home| home.valid.covers(day))
                .max_by_key(|home| home.age);
            let (Some(home), Some(mut members)) = (home, members.remove(id)) else {
                continue;
            };
            if unknown.contains(id) || !self.wanted(&home.area) {
                continue;
            }
            // By person already; the head comes first.
            members.sort_by_key(|m| &*m.relation != HEAD);
            let said = read.by_household.get_mut(id);
            out.push(HouseholdSlice {
                household: *id,
                shard: shard.into(),
                area: home.area.clone(),
                facts: said
                    .map(|s| s.facts(&self.kinds.household, day, keep))
                    .unwrap_or_default(),
                members,
            });
        }
        out
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
        let (first, last) = range.days;
        source.rows(sql, range.with_days(), |row| {
            let subject = row.id(0)?;
            if current.as_ref().is_none_or(|(id, _)| *id != subject) {
                keep(&mut index, current.take());
            }
            let (_, said) = current.get_or_insert_with(|| (subject, Said::default()));
            if let Some(withdraws) = row.maybe_bytes(7) {
                said.withdrawn.extend(split_ids(withdraws));
            }
            let valid = Valid::read(row, 4, 5)?;
            let touches = valid.from <= last && valid.to.is_none_or(|to| to > first);
            if let (true, Some(slot)) = (touches, slots.get(row.str(2)?)) {
                let piece = Piece {
                    slot: *slot,
                    recorded: row.int(6)?,
                    evidence: row.id(1)?,
                    value: row.str(3)?.into(),
                };
                said.pieces.push((valid, piece));
            }
            Ok(())
        })?;
        keep(&mut index, current);
        Ok(index)
    }
}

impl Said {
    fn facts(
        &mut self,
        kinds: &[(String, bool)],
        day: i64,
        keep: bool,
    ) -> Vec<registry::slice::Fact> {
        let stands = |valid: Valid, piece: &Piece| {
            valid.covers(day) && !self.withdrawn.contains(&piece.evidence)
        };
        let mut pieces: Vec<Piece> = if keep {
            let all = self.pieces.iter().filter(|(v, p)| stands(*v, p));
            all.map(|(_, piece)| piece.clone()).collect()
        } else {
            let all = std::mem::take(&mut self.pieces).into_iter();
            all.filter(|(v, p)| stands(*v, p)).map(|(_, p)| p).collect()
        };
        settle(&mut pieces, kinds)
    }
}

/// As [`registry::timeline::placed_on`], over pieces that were known.
fn winner(pieces: &[Place], day: i64) -> Option<&Place> {
    let covering = || pieces.iter().filter(|p| p.valid.covers(day));
    let newest_of_its_household =
        |p: &&Place| !covering().any(|other| other.household == p.household && other.age > p.age);
    covering()
        .filter(newest_of_its_household)
        .filter(|p| p.member)
        .max_by_key(|p| p.age)
}

fn place(row: &Cells<'_>) -> Result<Place, StoreError> {
    Ok(Place {
        household: row.id(0)?,
        age: (row.int(3)?, row.id(2)?),
        valid: Valid::read(row, 6, 7)?,
        member: row.int(4)? != 0,
        relation: row.str(5)?.into(),
    })
}

struct Range<'a> {
    shard: &'a str,
    low: &'a [u8],
    high: &'a [u8],
    known: i64,
    /// The first and the last day that is asked for.
    days: (i64, i64),
}

impl Range<'_> {
    fn without_days(&self) -> Vec<Val> {
        args![
            self.shard,
            self.low.to_vec(),
            self.high.to_vec(),
            self.known
        ]
    }

    fn with_days(&self) -> Vec<Val> {
        let mut values = self.without_days();
        values.extend([self.days.0.into(), self.days.1.into()]);
        values
    }
}
