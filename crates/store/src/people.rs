//! Finding persons, households and areas.

use crate::Store;
use crate::decode;
use crate::encode::number_hash;
use crate::error::StoreError;
use crate::history::IDENTITIES;
use crate::page::{LARGEST, Page, cursor, end_of, id, nobody, number, page, parts, within};
use crate::source::Source;
use crate::value::{Row, Val, args};
use base::{Day, Id, Instant};
use registry::identity::mask;
use registry::import::{Directory, KnownPerson};
use registry::protect::Crypto;
use registry::record::{Area, Evidence, Identity, Sex};
use std::collections::HashMap;

/// A search for persons.
#[derive(Clone, Debug, Default)]
pub struct PeopleQuery {
    /// The beginning of a name, a whole identity number, or an id. Empty: everybody, by place and name.
    pub text: String,
    /// Only those in areas whose codes begin with one of these; everywhere when empty.
    pub areas: Vec<String>,
    /// Where the page before ended.
    pub after: Option<String>,
    /// At most so many; 1000 at the most.
    pub limit: usize,
}

/// A person found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPerson {
    /// The person.
    pub person: Id,
    /// Home shard.
    pub shard: String,
    /// Name.
    pub name: String,
    /// Sex.
    pub sex: Option<Sex>,
    /// Date of birth.
    pub birth: Option<Day>,
    /// Identity number, masked.
    pub number: Option<String>,
    /// Household, as last known.
    pub household: Option<Id>,
    /// Area, as last known.
    pub area: String,
}

/// A household in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundHousehold {
    /// The household.
    pub household: Id,
    /// Home shard.
    pub shard: String,
    /// Area, as last known.
    pub area: String,
    /// When something about it was last recorded.
    pub changed_at: Instant,
}

pub(crate) const BY_NAME: &str = "SELECT person, shard, name, household, area FROM presence \
     WHERE name >= $1 AND name < $2 AND (name, person) > ($3, $4) ORDER BY name, person LIMIT $5";
pub(crate) const BY_AREA: &str = "SELECT person, shard, name, household, area FROM presence \
     WHERE area >= $1 AND area < $2 AND (area, name, person) > ($3, $4, $5) ORDER BY area, name, person LIMIT $6";
pub(crate) const BY_ID: &str =
    "SELECT person, shard, name, household, area FROM presence WHERE shard = $1 AND person = $2";
pub(crate) const BY_NUMBER: &str =
    "SELECT DISTINCT shard, person FROM identity WHERE number_hash = $1";
pub(crate) const IN_AREA: &str = "SELECT household, shard, area, changed_at FROM head \
     WHERE area >= $1 AND area < $2 AND (area, household) > ($3, $4) ORDER BY area, household LIMIT $5";
pub(crate) const CHANGED: &str = "SELECT household, shard, area, changed_at FROM head \
     WHERE changed_at >= $1 AND (changed_at, household) > ($2, $3) ORDER BY changed_at, household LIMIT $4";
pub(crate) const AREAS: &str = "SELECT code, name, name_en, parent FROM area ORDER BY code";
pub(crate) const COUNT_HOUSEHOLDS: &str =
    "SELECT area, COUNT(*) FROM head GROUP BY area ORDER BY area";
pub(crate) const COUNT_PERSONS: &str =
    "SELECT area, COUNT(*) FROM presence WHERE household IS NOT NULL GROUP BY area ORDER BY area";

/// Numbers looked up by one statement.
const AT_ONCE: usize = 256;

/// Persons by the hashes of their numbers.
pub(crate) fn known_sql() -> String {
    let marks: Vec<String> = (1..=AT_ONCE).map(|i| format!("${i}")).collect();
    format!(
        "SELECT i.number_hash, p.shard, p.person, p.name, p.household_shard, p.household, p.area FROM identity i \
         JOIN presence p ON p.shard = i.shard AND p.person = i.person WHERE i.number_hash IN ({})",
        marks.join(", ")
    )
}

impl Store {
    /// Persons by name, identity number or id, within areas.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn find_people(&self, query: &PeopleQuery) -> Result<Page<FoundPerson>, StoreError> {
        let limit = query.limit.clamp(1, LARGEST);
        let text = query.text.trim();
        let rows = if let Ok(person) = text.parse::<Id>() {
            let shard = self
                .db
                .fetch_one(crate::commit::PERSON_SHARD, args![person])
                .await?;
            match shard {
                Some(shard) => self.db.fetch(BY_ID, args![shard.str(0)?, person]).await?,
                None => vec![],
            }
        } else if looks_like_a_number(text) {
            let hash = number_hash(self.crypto.as_ref(), text);
            let mut rows = Vec::new();
            for found in self.db.fetch(BY_NUMBER, args![hash]).await? {
                let values = args![found.str(0)?, found.id(1)?];
                rows.extend(self.db.fetch(BY_ID, values).await?);
            }
            rows
        } else if text.is_empty() {
            return self.list_people(query, limit).await;
        } else {
            return self.by_name(query, text, limit).await;
        };
        let mut items = Vec::new();
        for row in rows {
            if within(row.str(4)?, &query.areas) {
                items.push(self.found(&row).await?);
            }
        }
        Ok(Page { items, next: None })
    }

    async fn by_name(
        &self,
        query: &PeopleQuery,
        text: &str,
        limit: usize,
    ) -> Result<Page<FoundPerson>, StoreError> {
        let mut after = match &query.after {
            Some(after) => {
                let [name, person] = parts(after)?;
                (name.to_owned(), id(person)?)
            }
            None => (text.to_owned(), nobody()),
        };
        let mut kept = Vec::new();
        // Few bear one name in one place; so names are read on until a page within the areas is full.
        let step = if query.areas.is_empty() {
            limit + 1
        } else {
            LARGEST
        };
        loop {
            let values = args![text, end_of(text), &after.0, after.1, step as i64];
            let rows = self.db.fetch(BY_NAME, values).await?;
            let full = rows.len() == step;
            if let Some(last) = rows.last() {
                after = (last.text(2)?, last.id(0)?);
            }
            for row in rows {
                if within(row.str(4)?, &query.areas) {
                    kept.push(row);
                }
            }
            if kept.len() > limit || !full {
                break;
            }
        }
        let rows = page(kept, limit, |row| {
            let key = (
                row.str(2).unwrap_or_default(),
                row.id(0).unwrap_or(nobody()),
            );
            cursor(&[key.0, &key.1.to_string()])
        });
        self.all_found(rows).await
    }

    async fn list_people(
        &self,
        query: &PeopleQuery,
        limit: usize,
    ) -> Result<Page<FoundPerson>, StoreError> {
        let mut areas = query.areas.clone();
        areas.sort();
        if areas.is_empty() {
            areas.push(String::new());
        }
        let mut after = match &query.after {
            Some(after) => {
                let [area, name, person] = parts(after)?;
                (area.to_owned(), name.to_owned(), id(person)?)
            }
            None => (String::new(), String::new(), nobody()),
        };
        let mut rows = Vec::new();
        for area in &areas {
            let wanted = limit + 1 - rows.len();
            let values = args![
                area,
                end_of(area),
                &after.0,
                &after.1,
                after.2,
                wanted as i64
            ];
            rows.extend(self.db.fetch(BY_AREA, values).await?);
            if let Some(last) = rows.last() {
                // Prefixes may overlap; nobody is listed twice.
                after = (last.text(4)?, last.text(2)?, last.id(0)?);
            }
            if rows.len() > limit {
                break;
            }
        }
        let rows = page(rows, limit, |row| {
            let place = (
                row.str(4).unwrap_or_default(),
                row.str(2).unwrap_or_default(),
            );
            cursor(&[place.0, place.1, &row.id(0).unwrap_or(nobody()).to_string()])
        });
        self.all_found(rows).await
    }

    async fn all_found(&self, rows: Page<Row>) -> Result<Page<FoundPerson>, StoreError> {
        let mut items = Vec::with_capacity(rows.items.len());
        for row in &rows.items {
            items.push(self.found(row).await?);
        }
        Ok(Page {
            items,
            next: rows.next,
        })
    }

    async fn found(&self, row: &Row) -> Result<FoundPerson, StoreError> {
        let (person, shard) = (row.id(0)?, row.text(1)?);
        let who = self.identity(&shard, person).await?;
        Ok(FoundPerson {
            person,
            name: row.text(2)?,
            sex: who.as_ref().map(|i| i.sex),
            birth: who.as_ref().map(|i| i.birth),
            number: who.and_then(|i| i.number).map(|n| mask(&n)),
            household: row.maybe_id(3)?,
            area: row.text(4)?,
            shard,
        })
    }

    /// Who a person is, as last recorded, with the number in clear.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn identity(&self, shard: &str, person: Id) -> Result<Option<Identity>, StoreError> {
        let rows = self.db.fetch(IDENTITIES, args![shard, person]).await?;
        let mut newest: Option<(&Row, (Instant, Id))> = None;
        for row in &rows {
            let age = (row.instant(6)?, row.id(1)?);
            if newest.is_none_or(|(_, held)| held < age) {
                newest = Some((row, age));
            }
        }
        let crypto = self.crypto.as_ref();
        newest
            .map(|(row, _)| decode::identity(crypto, row))
            .transpose()
    }

    /// Every person whose identity number this is or ever was: more than one means that a record
    /// must be mended. Blanks around it and a small x do not matter.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn persons_by_number(&self, text: &str) -> Result<Vec<(String, Id)>, StoreError> {
        let hash = number_hash(self.crypto.as_ref(), text);
        let rows = self.db.fetch(BY_NUMBER, args![hash]).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.id(1)?)))
            .collect()
    }

    /// What the register knows of those whom a file names: persons by identity number, households by
    /// id. Thousands at once are no trouble.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn directory(
        &self,
        numbers: &[String],
        households: &[Id],
    ) -> Result<Directory, StoreError> {
        let crypto = self.crypto.clone();
        let (numbers, households) = (numbers.to_vec(), households.to_vec());
        self.look(move |source| {
            let mut out = Directory::default();
            source.listed(crate::dossier::OPENED, &[], &households, |row| {
                out.households.insert(row.id(0)?, row.text(1)?);
                Ok(())
            })?;
            for chunk in numbers.chunks(AT_ONCE) {
                find_numbers(source, crypto.as_ref(), chunk, &mut out)?;
            }
            Ok(out)
        })
        .await
    }

    /// Home shard of a person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn person_shard(&self, person: Id) -> Result<Option<String>, StoreError> {
        let row = self
            .db
            .fetch_one(crate::commit::PERSON_SHARD, args![person])
            .await?;
        row.map(|r| r.text(0)).transpose()
    }

    /// Everything ever asserted about each of `subjects` of one shard, in no order; nothing for those of whom
    /// nothing was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn evidence_of_all(
        &self,
        shard: &str,
        subjects: Vec<Id>,
    ) -> Result<HashMap<Id, Vec<Evidence>>, StoreError> {
        let first = args![shard];
        self.look(move |source| {
            let mut out: HashMap<Id, Vec<Evidence>> = HashMap::new();
            source.listed(crate::dossier::SAID, &first, &subjects, |row| {
                let piece = decode::evidence(row)?;
                out.entry(piece.subject).or_default().push(piece);
                Ok(())
            })?;
            Ok(out)
        })
        .await
    }

    /// Households of an area and all within it, by area and id.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn households_in(
        &self,
        area: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<FoundHousehold>, StoreError> {
        let limit = limit.clamp(1, LARGEST);
        let (at, household) = match after {
            Some(after) => {
                let [at, household] = parts(after)?;
                (at.to_owned(), id(household)?)
            }
            None => (String::new(), nobody()),
        };
        let values = args![area, end_of(area), at, household, limit as i64 + 1];
        let rows = self.db.fetch(IN_AREA, values).await?;
        let items = rows.iter().map(found_household).collect::<Result<_, _>>()?;
        Ok(page(items, limit, |h: &FoundHousehold| {
            cursor(&[&h.area, &h.household.to_string()])
        }))
    }

    /// Households about which something was recorded since a moment, oldest change first.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn changed_since(
        &self,
        since: Instant,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<FoundHousehold>, StoreError> {
        let limit = limit.clamp(1, LARGEST);
        let (at, household) = match after {
            Some(after) => {
                let [at, household] = parts(after)?;
                (number(at)?, id(household)?)
            }
            None => (i64::MIN, nobody()),
        };
        let values = args![since, at, household, limit as i64 + 1];
        let rows = self.db.fetch(CHANGED, values).await?;
        let items = rows.iter().map(found_household).collect::<Result<_, _>>()?;
        Ok(page(items, limit, |h: &FoundHousehold| {
            let at = h.changed_at.timestamp_micros().to_string();
            cursor(&[&at, &h.household.to_string()])
        }))
    }

    /// Every area, by code.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn areas(&self) -> Result<Vec<Area>, StoreError> {
        let rows = self.db.fetch(AREAS, vec![]).await?;
        let read = |row: &Row| -> Result<Area, StoreError> {
            Ok(Area {
                code: row.text(0)?,
                name: row.text(1)?,
                name_en: row.text(2)?,
                parent: row.maybe_text(3)?.map(str::to_owned),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Households and persons of each area as last known, by area code: (area, households, persons).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn residents(&self) -> Result<Vec<(String, u64, u64)>, StoreError> {
        let mut out = std::collections::BTreeMap::new();
        for row in self.db.fetch(COUNT_HOUSEHOLDS, vec![]).await? {
            out.insert(row.text(0)?, (row.int(1)? as u64, 0));
        }
        for row in self.db.fetch(COUNT_PERSONS, vec![]).await? {
            out.entry(row.text(0)?).or_default().1 = row.int(1)? as u64;
        }
        Ok(out.into_iter().map(|(area, (h, p))| (area, h, p)).collect())
    }
}

fn found_household(row: &Row) -> Result<FoundHousehold, StoreError> {
    Ok(FoundHousehold {
        household: row.id(0)?,
        shard: row.text(1)?,
        area: row.text(2)?,
        changed_at: row.instant(3)?,
    })
}

fn looks_like_a_number(text: &str) -> bool {
    let plain = registry::identity::tidy(text);
    plain.len() >= 15 && plain.bytes().all(|b| b.is_ascii_digit() || b == b'X')
}

/// Who has the numbers of one chunk.
fn find_numbers(
    source: &mut Source,
    crypto: &dyn Crypto,
    chunk: &[String],
    out: &mut Directory,
) -> Result<(), StoreError> {
    let mut by_hash = HashMap::with_capacity(chunk.len());
    for number in chunk {
        by_hash.insert(number_hash(crypto, number), number);
    }
    // In the order of the index, and one statement for every size: the last number is repeated.
    let mut hashes: Vec<&Vec<u8>> = by_hash.keys().collect();
    hashes.sort_unstable();
    let Some(last) = hashes.last().copied() else {
        return Ok(());
    };
    hashes.resize(AT_ONCE, last);
    let values = hashes.into_iter().map(|h| Val::from(h.clone())).collect();
    for row in source.all(known_sql(), values)? {
        let Some(number) = by_hash.get(row.bytes(0)?) else {
            continue;
        };
        let household = row.maybe_id(5)?;
        let home = household
            .map(|h| Ok::<_, StoreError>((row.text(4)?, h)))
            .transpose()?;
        let known = KnownPerson {
            shard: row.text(1)?,
            person: row.id(2)?,
            name: row.text(3)?,
            household: home,
            area: row.text(6)?,
        };
        let found = out.persons.entry((*number).clone()).or_default();
        if found.iter().all(|p| p.person != known.person) {
            found.push(known);
        }
    }
    Ok(())
}
