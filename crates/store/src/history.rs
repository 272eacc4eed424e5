//! Everything about one household, past and present.

use crate::Store;
use crate::change::Expected;
use crate::commit::HOUSEHOLD_SHARD;
use crate::decode;
use crate::error::StoreError;
use crate::presence::{PERSON_MEMBERSHIPS, RESIDENCES};
use crate::value::args;
use base::{Day, Id, Instant};
use registry::slice::HouseholdHistory;
use registry::timeline::placed_on;

/// A household as it was read, with the version to hand to [`crate::ChangeSet::expect`].
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// Everything ever recorded about it.
    pub history: HouseholdHistory,
    /// Its version when it was read.
    pub expected: Expected,
}

pub(crate) const HOUSEHOLD: &str = "SELECT shard, opened_at FROM household WHERE id = $1";
pub(crate) const VERSION: &str = "SELECT version FROM head WHERE shard = $1 AND household = $2";
pub(crate) const MEMBERS_EVER: &str = "SELECT DISTINCT person, person_shard FROM membership WHERE shard = $1 AND household = $2 ORDER BY person";
pub(crate) const IDENTITIES: &str = "SELECT person, id, name, sex, birth, number_sealed, recorded_at, recorded_by, source \
     FROM identity WHERE shard = $1 AND person = $2";
pub(crate) const EVIDENCE: &str = "SELECT shard, subject, id, kind, value, valid_from, valid_to, withdraws, recorded_at, recorded_by, source \
     FROM evidence WHERE shard = $1 AND subject = $2";
pub(crate) const PAYEES: &str = "SELECT subject, id, holder, number_sealed, bank, valid_from, valid_to, recorded_at, recorded_by, source \
     FROM payee WHERE shard = $1 AND subject = $2";

impl Store {
    /// Everything ever recorded about a household and everyone who was ever a member of it. `None`
    /// when there is no such household.
    ///
    /// The version is read first: what is recorded while the rest is read makes the later commit a
    /// conflict, never a determination on half of it.
    ///
    /// # Errors
    /// When the database fails or a record cannot be read back.
    pub async fn history(&self, household: Id) -> Result<Option<Loaded>, StoreError> {
        let Some(row) = self.db.fetch_one(HOUSEHOLD, args![household]).await? else {
            return Ok(None);
        };
        let shard = row.text(0)?;
        let version = self.db.fetch_one(VERSION, args![&shard, household]).await?;
        let version = version.map_or(Ok(0), |r| r.int(0))? as u64;
        let mut history = HouseholdHistory {
            household: Some(household),
            shard: shard.clone(),
            opened_at: Some(row.instant(1)?),
            ..HouseholdHistory::default()
        };
        let here = || args![&shard, household];
        for row in self.db.fetch(RESIDENCES, here()).await? {
            history.residences.push(decode::residence(&row)?);
        }
        let crypto = self.crypto.as_ref();
        let mut subjects = vec![(household, shard.clone())];
        for row in self.db.fetch(MEMBERS_EVER, here()).await? {
            let (person, home) = (row.id(0)?, row.text(1)?);
            for row in self.db.fetch(PERSON_MEMBERSHIPS, args![person]).await? {
                history.memberships.push(decode::membership(&row)?);
            }
            for row in self.db.fetch(IDENTITIES, args![&home, person]).await? {
                history.identities.push(decode::identity(crypto, &row)?);
            }
            subjects.push((person, home));
        }
        for (subject, home) in subjects {
            for row in self.db.fetch(EVIDENCE, args![&home, subject]).await? {
                history.evidence.push(decode::evidence(&row)?);
            }
            for row in self.db.fetch(PAYEES, args![&home, subject]).await? {
                history.payees.push(decode::payee(crypto, &row)?);
            }
        }
        history
            .residences
            .sort_by_key(|r| (r.provenance.recorded_at, r.id));
        history
            .memberships
            .sort_by_key(|m| (m.provenance.recorded_at, m.id));
        history
            .identities
            .sort_by_key(|i| (i.provenance.recorded_at, i.id));
        history
            .evidence
            .sort_by_key(|e| (e.provenance.recorded_at, e.id));
        history
            .payees
            .sort_by_key(|p| (p.provenance.recorded_at, p.id));
        Ok(Some(Loaded {
            history,
            expected: Expected {
                shard,
                household,
                version,
            },
        }))
    }

    /// The household that a person belonged to on `day`, as known at `known`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn household_of(
        &self,
        person: Id,
        day: Day,
        known: Instant,
    ) -> Result<Option<Id>, StoreError> {
        let rows = self.db.fetch(PERSON_MEMBERSHIPS, args![person]).await?;
        let pieces = rows
            .iter()
            .map(decode::membership)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(placed_on(&pieces, day, known).map(|m| m.household))
    }

    /// Every household that a person was ever recorded in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn households_of_person(&self, person: Id) -> Result<Vec<Id>, StoreError> {
        let rows = self.db.fetch(PERSON_MEMBERSHIPS, args![person]).await?;
        let mut homes = Vec::new();
        for row in &rows {
            let home = decode::membership(row)?.household;
            if !homes.contains(&home) {
                homes.push(home);
            }
        }
        Ok(homes)
    }

    /// Home shard of a household.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn household_shard(&self, household: Id) -> Result<Option<String>, StoreError> {
        let row = self.db.fetch_one(HOUSEHOLD_SHARD, args![household]).await?;
        row.map(|r| r.text(0)).transpose()
    }
}
