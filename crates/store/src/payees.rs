//! Reading for pay runs and reconciliation: thousands of payees, or lines of a file, at a time.

use crate::Store;
use crate::decode;
use crate::dossier::{CREDITED, DEBITED, PAID_TO, PLACED};
use crate::error::StoreError;
use crate::money::{OWNERS_IN_CREDIT, PAYMENTS_IN, payment_from, transfer};
use crate::page::nobody;
use crate::source::{Ahead, Source};
use crate::value::{Row, args};
use base::{Day, Fen, Id, Instant};
use ledger::account::{Purpose, Transfer};
use ledger::payment::Payment;
use ledger::position::Position;
use registry::protect::Crypto;
use registry::record::{Membership, PayeeAccount};
use registry::timeline::{payee_on, placed_on};
use std::collections::{BTreeSet, HashMap};

/// Batches of payments; completed by a list.
pub(crate) const BATCHES_OF_PAYMENTS: &str = "SELECT id, batch FROM payment WHERE id";

/// Persons whose records were given up for another; completed by a list.
pub(crate) const GIVEN_UP: &str =
    "SELECT subject, id FROM evidence WHERE kind = '@continues-as' AND shard = $1 AND subject";

/// A payee of a pay run.
#[derive(Clone, Debug)]
pub struct ToPay {
    /// Where the payee stands in the programme; something is payable.
    pub position: Position,
    /// Where the money goes; `None` when no account is known.
    pub account: Option<PayeeAccount>,
}

impl Store {
    /// Of some persons, those whose records were given up for another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn given_up(
        &self,
        shard: &str,
        persons: Vec<Id>,
    ) -> Result<BTreeSet<Id>, StoreError> {
        let shard = shard.to_owned();
        self.look(move |source| {
            let mut out = BTreeSet::new();
            source.listed(GIVEN_UP, &args![&shard], &persons, |row| {
                out.insert(row.id(0)?);
                Ok(())
            })?;
            Ok(out)
        })
        .await
    }

    /// Payees of a programme whose accounts of one purpose hold money, `limit` at a time by id, from after the
    /// one given. Empty at the end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payees_in_credit(
        &self,
        shard: &str,
        programme: &str,
        purpose: Purpose,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Vec<Id>, StoreError> {
        let low = after.unwrap_or(nobody());
        let values = args![shard, programme, purpose.as_str(), low, limit as i64];
        self.look(move |source| {
            let mut out = Vec::new();
            source.rows(OWNERS_IN_CREDIT, values, |row| {
                out.push(row.id(0)?);
                Ok(())
            })?;
            Ok(out)
        })
        .await
    }

    /// Movements of all accounts of each owner, each once, oldest first; owners without any are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transfers_of_payees(
        &self,
        shard: &str,
        owners: Vec<Id>,
    ) -> Result<HashMap<Id, Vec<Transfer>>, StoreError> {
        let shard = shard.to_owned();
        self.look(move |source| moved(source, &shard, &owners))
            .await
    }

    /// Where some payees stand in a programme and where their money goes, in the order asked; who is owed
    /// nothing is left out. Reading begins at once, on a thread of its own, so that a run may ask for the next
    /// ones while it takes up these.
    ///
    /// The account is, on `day` as known at `known`, the payee's own that was recorded last, and for a person
    /// without one that of the household on the day. Accounts are looked for in the one shard.
    pub fn to_pay(
        &self,
        shard: &str,
        programme: &str,
        payees: Vec<Id>,
        day: Day,
        known: Instant,
    ) -> Ahead<Vec<ToPay>> {
        let (shard, programme) = (shard.to_owned(), programme.to_owned());
        let crypto = self.crypto.clone();
        self.look_ahead(move |source| {
            let mut all = moved(source, &shard, &payees)?;
            let open: Vec<Position> = payees
                .into_iter()
                .map(|payee| {
                    let moved = all.remove(&payee).unwrap_or_default();
                    Position::fold(&shard, payee, &programme, &moved)
                })
                .filter(|position| position.sum(|p| p.payable) > Fen::ZERO)
                .collect();
            let owed: Vec<Id> = open.iter().map(|position| position.payee).collect();
            let mut found = destinations(source, crypto.as_ref(), &shard, &owed, day, known)?;
            let with = |position: Position| ToPay {
                account: found.remove(&position.payee),
                position,
            };
            Ok(open.into_iter().map(with).collect())
        })
    }

    /// The lines of an instruction file, with account numbers in clear.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payments_in(&self, shard: &str, batch: Id) -> Result<Vec<Payment>, StoreError> {
        self.payments_ahead(shard, batch).end().await
    }

    /// As [`Store::payments_in`], begun at once and waited for later.
    pub fn payments_ahead(&self, shard: &str, batch: Id) -> Ahead<Vec<Payment>> {
        let (shard, crypto) = (shard.to_owned(), self.crypto.clone());
        self.look_ahead(move |source| {
            let rows = source.all(PAYMENTS_IN.to_owned(), args![&shard, batch])?;
            let read = |row: &Row| payment_from(crypto.as_ref(), row);
            rows.iter().map(read).collect()
        })
    }

    /// The batches that payments are in; payments that are not ours are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batches_of_payments(&self, ids: Vec<Id>) -> Result<BTreeSet<Id>, StoreError> {
        self.look(move |source| {
            let mut out = BTreeSet::new();
            source.listed(BATCHES_OF_PAYMENTS, &[], &ids, |row| {
                out.insert(row.id(1)?);
                Ok(())
            })?;
            Ok(out)
        })
        .await
    }
}

/// Movements of all accounts of each owner, each once, oldest first.
fn moved(
    source: &mut Source,
    shard: &str,
    owners: &[Id],
) -> Result<HashMap<Id, Vec<Transfer>>, StoreError> {
    let mut out: HashMap<Id, Vec<Transfer>> = HashMap::new();
    for sql in [DEBITED, CREDITED] {
        source.listed(sql, &args![shard], owners, |row| {
            let (moved, owner) = (transfer(row)?, row.id(11)?);
            let theirs = out.entry(owner).or_default();
            // A movement between two accounts of one owner comes on both ways.
            if sql == DEBITED || theirs.iter().all(|known| known.id != moved.id) {
                theirs.push(moved);
            }
            Ok(())
        })?;
    }
    for transfers in out.values_mut() {
        transfers.sort_by_key(|t| (t.recorded_at, t.id));
    }
    Ok(out)
}

/// The account that each subject's money goes to.
fn destinations(
    source: &mut Source,
    crypto: &dyn Crypto,
    shard: &str,
    subjects: &[Id],
    day: Day,
    known: Instant,
) -> Result<HashMap<Id, PayeeAccount>, StoreError> {
    let accounts = |source: &mut Source, of: &[Id]| {
        let mut all: HashMap<Id, Vec<PayeeAccount>> = HashMap::new();
        source.listed(PAID_TO, &args![shard], of, |row| {
            let one = decode::payee(crypto, row)?;
            all.entry(one.subject).or_default().push(one);
            Ok(())
        })?;
        let holds = |(id, pieces): (Id, Vec<PayeeAccount>)| {
            payee_on(&pieces, day, known).cloned().map(|one| (id, one))
        };
        let held: HashMap<Id, PayeeAccount> = all.into_iter().filter_map(holds).collect();
        Ok::<_, StoreError>(held)
    };
    let mut found = accounts(source, subjects)?;
    let without: Vec<Id> = subjects
        .iter()
        .filter(|id| !found.contains_key(id))
        .copied()
        .collect();
    if without.is_empty() {
        return Ok(found);
    }
    let mut pieces: HashMap<Id, Vec<Membership>> = HashMap::new();
    source.listed(PLACED, &[], &without, |row| {
        let piece = decode::membership(row)?;
        pieces.entry(piece.person).or_default().push(piece);
        Ok(())
    })?;
    let homes: Vec<(Id, Id)> = pieces
        .iter()
        .filter_map(|(person, all)| Some((*person, placed_on(all, day, known)?.household)))
        .collect();
    let wanted: BTreeSet<Id> = homes.iter().map(|(_, home)| *home).collect();
    let wanted: Vec<Id> = wanted.into_iter().collect();
    let theirs = accounts(source, &wanted)?;
    for (person, home) in homes {
        found.extend(theirs.get(&home).map(|one| (person, one.clone())));
    }
    Ok(found)
}
