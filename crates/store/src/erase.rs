//! Lawful erasure: content is taken out of records, their place and their money stay. What was erased, on
//! whose word and why is itself a record; the seals of the old content stay in the journal, keyed, so that
//! they tell nobody what it was.

use crate::Store;
use crate::change::{ChangeSet, Expected, JournalEntry};
use crate::commit::heads;
use crate::db::{Durability, Tx, transact};
use crate::encode::{ACCOUNT, join_ids, split_ids};
use crate::error::StoreError;
use crate::journal;
use crate::schema::{self as t, Table};
use crate::value::{Val, args, day_number};
use crate::write::{Clash, insert, update};
use base::{Day, Id, Instant};
use std::collections::{BTreeMap, HashSet};

/// The kind that erased evidence has: none that a law file can declare, so no rule ever reads it.
pub const ERASED_KIND: &str = "@erased";

/// Behind every period in the order of texts.
const EVER: &str = "~";

/// What is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Derived from the order, or minted: the same again erases nothing twice.
    pub id: Id,
    /// Home shard of the subject.
    pub shard: String,
    /// The person, or the household.
    pub subject: Id,
    /// Evidence of these kinds; everything about the subject, its name and numbers too, when empty.
    pub kinds: Vec<String>,
    /// Only evidence that ended before or on this day, and reasons of periods up to its month.
    pub ended_before: Option<Day>,
    /// Households whose determinations may tell of the subject: their reasons are taken out too.
    pub households: Vec<(String, Id)>,
    /// Why: the article, and whose request.
    pub reason: String,
    /// Who ordered it.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Households that were looked at before, with the versions seen.
    pub expect: Vec<Expected>,
}

pub(crate) const EVIDENCE_ALL: &str = "UPDATE evidence SET kind = '@erased', value = 'null', source = '' \
     WHERE shard = $1 AND subject = $2 AND kind <> '@erased' AND ($3 < 0 OR valid_to <= $3)";
pub(crate) const EVIDENCE_KIND: &str = "UPDATE evidence SET kind = '@erased', value = 'null', source = '' \
     WHERE shard = $1 AND subject = $2 AND kind = $4 AND ($3 < 0 OR valid_to <= $3)";
/// The year of birth stays, for counts.
pub(crate) const IDENTITY: &str = "UPDATE identity SET name = '', birth = birth / 365 * 365, number_hash = NULL, number_sealed = NULL, source = '' \
     WHERE shard = $1 AND person = $2 AND name <> ''";
pub(crate) const PAYEE: &str = "UPDATE payee SET holder = '', number_hash = $3, number_sealed = $4, bank = '', source = '' \
     WHERE shard = $1 AND subject = $2 AND holder <> ''";
pub(crate) const REASONS: &str = "UPDATE determination SET reasons = '[]', lines = '[]' \
     WHERE shard = $1 AND subject = $2 AND period <= $3 AND (reasons <> '[]' OR lines <> '[]')";
pub(crate) const LETTERS: &str = "UPDATE notice SET text_zh = '', text_en = '' \
     WHERE shard = $1 AND subject = $2 AND text_zh <> ''";
pub(crate) const NOTES: &str = "UPDATE case_event SET note = '' WHERE shard = $1 AND note <> '' \
     AND case_id IN (SELECT id FROM case_file WHERE shard = $1 AND subject = $2)";
pub(crate) const NAME: &str = "UPDATE presence SET name = '' WHERE shard = $1 AND person = $2";
pub(crate) const ERASURES: &str = "SELECT subject, households FROM erasure";
pub(crate) const EXPIRED: &str = "SELECT DISTINCT shard, subject FROM evidence \
     WHERE kind = $1 AND valid_to IS NOT NULL AND valid_to <= $2 ORDER BY shard, subject";

impl Store {
    /// Erases, in one transaction with its record and its line in the journal. Gives the number of rows
    /// whose content was taken out, by table; none when this order was carried out before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a household changed since it was looked at; nothing was erased then.
    pub async fn erase(&self, order: &Erasure) -> Result<BTreeMap<String, u64>, StoreError> {
        let crypto = self.crypto.as_ref();
        let households: Vec<Id> = order.households.iter().map(|h| h.1).collect();
        transact!(self.db, Durability::Synced, |tx| {
            let seen = ChangeSet {
                at: order.at,
                expect: order.expect.clone(),
                ..ChangeSet::default()
            };
            let record = args![
                &order.shard,
                order.subject,
                order.id,
                order.kinds.join(" "),
                order.ended_before,
                &order.reason,
                &order.by,
                order.at,
                join_ids(&households),
            ];
            if insert(tx, &t::ERASURE, vec![record], Clash::Different).await? == 0 {
                return Ok(BTreeMap::new());
            }
            heads(tx, &seen).await?;
            let mut rows = BTreeMap::new();
            self.take_out(tx, order, &mut rows).await?;
            let line = JournalEntry {
                actor: order.by.clone(),
                action: "erased".into(),
                subject: Some(order.subject),
                detail: serde_json::json!({
                    "kinds": order.kinds, "ended_before": order.ended_before,
                    "reason": order.reason, "rows": rows,
                }),
            };
            let lane = journal::lane_of(Some(order.subject));
            journal::append(tx, crypto, &order.shard, lane, order.at, &[line]).await?;
            Ok(rows)
        })
    }

    async fn take_out(
        &self,
        tx: &mut Tx,
        order: &Erasure,
        rows: &mut BTreeMap<String, u64>,
    ) -> Result<(), StoreError> {
        let here = || args![&order.shard, order.subject];
        let until = order.ended_before.map_or(-1, day_number);
        let mut evidence = here();
        evidence.push(until.into());
        if order.kinds.is_empty() {
            erased(tx, &t::EVIDENCE, EVIDENCE_ALL, evidence, rows).await?;
        } else {
            for kind in &order.kinds {
                let mut values = evidence.clone();
                values.push(kind.into());
                erased(tx, &t::EVIDENCE, EVIDENCE_KIND, values, rows).await?;
            }
        }
        // Reasons quote the evidence; for all that ended by a day, those of periods up to its month.
        let period = order
            .ended_before
            .map_or(EVER.to_owned(), |day| base::Month::of(day).to_string());
        let own = (order.shard.clone(), order.subject);
        for (shard, subject) in order.households.iter().chain([&own]) {
            let values = args![shard, *subject, &period];
            erased(tx, &t::DETERMINATION, REASONS, values, rows).await?;
        }
        if !order.kinds.is_empty() || order.ended_before.is_some() {
            return Ok(());
        }
        erased(tx, &t::IDENTITY, IDENTITY, here(), rows).await?;
        let mut account = here();
        account.push(Vec::<u8>::new().into());
        account.push(self.crypto.seal(ACCOUNT, "").into());
        erased(tx, &t::PAYEE, PAYEE, account, rows).await?;
        erased(tx, &t::NOTICE, LETTERS, here(), rows).await?;
        erased(tx, &t::CASE_EVENT, NOTES, here(), rows).await?;
        update(tx, &t::PRESENCE, NAME, here()).await?;
        Ok(())
    }

    /// Persons and households whose determinations can no longer be computed again, since something that
    /// they rest on was erased.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn erased_subjects(&self) -> Result<HashSet<Id>, StoreError> {
        let mut all = HashSet::new();
        for row in self.db.fetch(ERASURES, vec![]).await? {
            all.insert(row.id(0)?);
            all.extend(split_ids(row.bytes(1)?));
        }
        Ok(all)
    }

    /// Subjects with evidence of a kind that ended on or before a day: shard and id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expired(&self, kind: &str, day: Day) -> Result<Vec<(String, Id)>, StoreError> {
        let rows = self.db.fetch(EXPIRED, args![kind, day]).await?;
        rows.iter().map(|r| Ok((r.text(0)?, r.id(1)?))).collect()
    }
}

/// Takes content out of rows and seals what is left of them.
async fn erased(
    tx: &mut Tx,
    table: &'static Table,
    sql: &str,
    values: Vec<Val>,
    rows: &mut BTreeMap<String, u64>,
) -> Result<(), StoreError> {
    let sql = format!("{sql} RETURNING {}", table.names());
    let found = tx.fetch_generated(sql, values).await?;
    for row in &found {
        tx.seal.add_erased(table, &row.0);
    }
    if !found.is_empty() {
        *rows.entry(table.name.to_owned()).or_default() += found.len() as u64;
    }
    Ok(())
}
