//! Where persons and households are looked for: an index over what is last known, kept in the same
//! transaction as the records. Truth is in the records; this only makes searches by name and place
//! as fast for somebody who may see one community as for somebody who may see everything.

use crate::change::ChangeSet;
use crate::commit::Shards;
use crate::db::Tx;
use crate::decode;
use crate::error::StoreError;
use crate::history::MEMBERS_EVER;
use crate::schema::{HEAD, PRESENCE};
use crate::value::args;
use crate::write::update;
use base::{Day, Id, Instant};
use registry::timeline::{civil_day, placed_on, residence_on};
use std::collections::BTreeSet;

pub(crate) const RESIDENCES: &str = "SELECT household, id, area, address, valid_from, valid_to, recorded_at, recorded_by, source \
     FROM residence WHERE shard = $1 AND household = $2";
pub(crate) const PERSON_MEMBERSHIPS: &str = "SELECT household, person, id, relation, member, valid_from, valid_to, recorded_at, recorded_by, source, shard \
     FROM membership WHERE person = $1";
pub(crate) const NAMES: &str = "SELECT person, id, name, sex, birth, NULL, recorded_at, recorded_by, source \
     FROM identity WHERE shard = $1 AND person = $2";
pub(crate) const HEAD_AREA: &str = "UPDATE head SET area = $3 WHERE shard = $1 AND household = $2";
pub(crate) const PRESENCE_SET: &str = "INSERT INTO presence (shard, person, name, household_shard, household, area) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (shard, person) DO UPDATE SET \
     name = excluded.name, household_shard = excluded.household_shard, \
     household = excluded.household, area = excluded.area";

/// Brings the index up to date with what the change recorded about identities, memberships and
/// residences, as of the day of the change.
pub(crate) async fn refresh(
    tx: &mut Tx,
    c: &ChangeSet,
    shards: &mut Shards,
) -> Result<(), StoreError> {
    let day = civil_day(c.at);
    let mut persons: BTreeSet<Id> = c.memberships.iter().map(|m| m.person).collect();
    let moved: BTreeSet<Id> = c.residences.iter().map(|r| r.household).collect();
    for household in moved {
        let shard = shards.household(tx, household).await?;
        let area = area_of(tx, &shard, household, day, c.at).await?;
        let values = args![&shard, household, &area];
        update(tx, &HEAD, HEAD_AREA, values).await?;
        for row in tx.fetch(MEMBERS_EVER, args![&shard, household]).await? {
            persons.insert(row.id(0)?);
        }
    }
    persons.extend(c.identities.iter().map(|i| i.person));
    persons.extend(c.persons.iter().map(|p| p.id));
    for person in persons {
        let shard = shards.person(tx, person).await?;
        refresh_person(tx, &shard, person, day, c.at).await?;
    }
    Ok(())
}

async fn refresh_person(
    tx: &mut Tx,
    shard: &str,
    person: Id,
    day: Day,
    known: Instant,
) -> Result<(), StoreError> {
    // The number is not needed here, so nothing is opened.
    let names = tx.fetch(NAMES, args![shard, person]).await?;
    let mut identities = Vec::new();
    for row in &names {
        identities.push((row.instant(6)?, row.id(1)?, row.text(2)?));
    }
    let name = identities.into_iter().filter(|i| i.0 <= known).max();
    let name = name.map(|(_, _, name)| name).unwrap_or_default();
    let rows = tx.fetch(PERSON_MEMBERSHIPS, args![person]).await?;
    let mut pieces = Vec::new();
    for row in &rows {
        pieces.push((decode::membership(row)?, row.text(10)?));
    }
    let placed = placed_on(pieces.iter().map(|p| &p.0), day, known).map(|m| m.household);
    let home = placed.and_then(|id| {
        let mut homes = pieces.iter();
        homes
            .find(|(m, _)| m.household == id)
            .map(|(_, shard)| shard.clone())
    });
    let home = home.unwrap_or_default();
    let area = match placed {
        Some(household) => area_of(tx, &home, household, day, known).await?,
        None => String::new(),
    };
    let values = args![shard, person, name, home, placed, area];
    tx.seal.add(&PRESENCE, &values);
    tx.execute(PRESENCE_SET, values).await?;
    Ok(())
}

async fn area_of(
    tx: &mut Tx,
    shard: &str,
    household: Id,
    day: Day,
    known: Instant,
) -> Result<String, StoreError> {
    let rows = tx.fetch(RESIDENCES, args![shard, household]).await?;
    let pieces = rows
        .iter()
        .map(decode::residence)
        .collect::<Result<Vec<_>, _>>()?;
    // A household that is nowhere today is looked for where it was last known to live.
    let here = residence_on(&pieces, day, known).or_else(|| {
        pieces
            .iter()
            .max_by_key(|r| (r.valid.from, r.provenance.recorded_at))
    });
    Ok(here.map(|r| r.area.clone()).unwrap_or_default())
}
