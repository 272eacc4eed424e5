//! Committing a change: one transaction, idempotent by id, refused when what it was decided on has
//! changed in between.

use crate::change::{BankAnswer, ChangeSet, Committed, Run};
use crate::db::{Durability, Tx, transact};
use crate::encode as row;
use crate::error::StoreError;
use crate::journal;
use crate::presence;
use crate::schema as t;
use crate::value::{Row, args, word};
use crate::write::{Clash, insert, insert_many, update};
use crate::{Store, value::Val};
use base::Id;
use casework::case::{CaseEvent, Happening};
use ledger::payment::PaymentState;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub(crate) const SEEN: &str = "SELECT digest FROM change_set WHERE shard = $1 AND id = $2";
pub(crate) const HEAD_FIRST: &str = "INSERT INTO head (shard, household, version, area, changed_at) \
     VALUES ($1, $2, 1, '', $3) ON CONFLICT (shard, household) DO NOTHING";
pub(crate) const HEAD_NEXT: &str = "UPDATE head SET version = version + 1, changed_at = $4 \
     WHERE shard = $1 AND household = $2 AND version = $3";
/// Statements that [`in_list`] completes.
pub(crate) const HEADS_TOUCHED: &str =
    "UPDATE head SET version = version + 1, changed_at = $1 WHERE shard = $2 AND household";
pub(crate) const HOMES: &str = "SELECT DISTINCT household, shard FROM membership WHERE person";
pub(crate) const PAYMENTS_ANSWERED: &str = "SELECT id, shard, batch, state FROM payment WHERE id";
pub(crate) const PERSONS: &str = "SELECT id, shard FROM person WHERE id";
pub(crate) const HOUSEHOLDS: &str = "SELECT id, shard FROM household WHERE id";
pub(crate) const PERSON_SHARD: &str = "SELECT shard FROM person WHERE id = $1";
pub(crate) const HOUSEHOLD_SHARD: &str = "SELECT shard FROM household WHERE id = $1";
pub(crate) const TASK_DONE: &str =
    "UPDATE task SET done_at = $3 WHERE shard = $1 AND id = $2 AND done_at IS NULL";
pub(crate) const TASK_DONE_AT: &str = "SELECT done_at FROM task WHERE shard = $1 AND id = $2";
pub(crate) const CASE_STATE: &str = "UPDATE case_file SET state = $3, closed_at = $4 WHERE shard = $1 AND id = $2 AND closed_at IS NULL";
pub(crate) const PAYMENT_ANSWERED: &str = "UPDATE payment SET state = $4, bank_reason = $5 \
     WHERE shard = $1 AND batch = $2 AND id = $3";
pub(crate) const RUN_SET: &str = "INSERT INTO run (shard, id, kind, argument, state, cursor, detail, started_at, changed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (shard, id) DO UPDATE SET \
     state = excluded.state, cursor = excluded.cursor, detail = excluded.detail, changed_at = excluded.changed_at";

impl Store {
    /// Commits a change; when this returns, it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Conflict`]: a household changed since it was read, another worker made the same
    /// version, or did the same task: read again, decide again, commit again.
    /// [`StoreError::Different`]: a record with this id says something else. In every case of an
    /// error nothing was written.
    pub async fn commit(&self, change: &ChangeSet) -> Result<Committed, StoreError> {
        transact!(self.db, Durability::Synced, |tx| self
            .write(tx, change)
            .await)
    }

    /// As [`Store::commit`], for runs over a population: in order and never torn, but on disk only
    /// with the next synced commit. Mark the run done with [`Store::commit`].
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub async fn commit_bulk(&self, change: &ChangeSet) -> Result<Committed, StoreError> {
        transact!(self.db, Durability::Bulk, |tx| self.write(tx, change).await)
    }

    async fn write(&self, tx: &mut Tx, c: &ChangeSet) -> Result<Committed, StoreError> {
        if let Some(id) = c.id {
            let seen = tx.fetch(SEEN, args![&c.shard, id]).await?;
            if let Some(seen) = seen.first() {
                if seen.str(0)? != c.digest {
                    return Err(StoreError::Different {
                        table: "change_set",
                        key: id.to_string(),
                        column: "digest",
                    });
                }
                return Ok(Committed {
                    repeated: true,
                    ..Committed::default()
                });
            }
        }
        heads(tx, c).await?;
        let mut shards = Shards::of(c);
        shards.look_up_all(tx, c).await?;
        touch(tx, c, &mut shards).await?;
        let mut written = 0;
        written += self.write_register(tx, c, &mut shards).await?;
        written += self.write_entitlement(tx, c).await?;
        written += self.write_ledger(tx, c).await?;
        written += write_cases(tx, c).await?;
        presence::refresh(tx, c, &mut shards).await?;
        for run in &c.runs {
            set_run(tx, run).await?;
        }
        let messages = c.outbox.iter().map(row::message).collect();
        written += insert(tx, &t::OUTBOX, messages, Clash::Different).await?;
        if let Some(id) = c.id {
            let seen = args![&c.shard, id, &c.digest, c.at];
            insert(tx, &t::CHANGE_SET, vec![seen], Clash::Conflict).await?;
        }
        let lane = lane(c);
        let crypto = self.crypto.as_ref();
        let seq = journal::append(tx, crypto, &c.shard, lane, c.at, &c.journal).await?;
        written += c.journal.len() as u64;
        Ok(Committed {
            repeated: false,
            written,
            journal: seq.map(|seq| (lane, seq)),
        })
    }

    async fn write_register(
        &self,
        tx: &mut Tx,
        c: &ChangeSet,
        shards: &mut Shards,
    ) -> Result<u64, StoreError> {
        let crypto = self.crypto.as_ref();
        let mut written = 0;
        let persons = c.persons.iter().map(row::person).collect();
        written += insert(tx, &t::PERSON, persons, Clash::Different).await?;
        let households = c.households.iter().map(row::household).collect();
        written += insert(tx, &t::HOUSEHOLD, households, Clash::Different).await?;

        let mut rows = Vec::new();
        for i in &c.identities {
            let shard = shards.person(tx, i.person).await?;
            rows.push(row::identity(crypto, &shard, i.clone()));
        }
        written += insert(tx, &t::IDENTITY, rows, Clash::Different).await?;

        let mut rows = Vec::new();
        for r in &c.residences {
            let shard = shards.household(tx, r.household).await?;
            rows.push(row::residence(&shard, r.clone()));
        }
        written += insert(tx, &t::RESIDENCE, rows, Clash::Different).await?;

        let mut rows = Vec::new();
        for m in &c.memberships {
            let shard = shards.household(tx, m.household).await?;
            let person_shard = shards.person(tx, m.person).await?;
            rows.push(row::membership(&shard, &person_shard, m.clone()));
        }
        written += insert(tx, &t::MEMBERSHIP, rows, Clash::Different).await?;

        let mut rows = Vec::new();
        for e in &c.evidence {
            let shard = shards.any(tx, e.subject).await?;
            if shard != e.shard {
                return Err(StoreError::Invalid(format!(
                    "evidence {} names shard {}, its subject is of shard {shard}",
                    e.id, e.shard
                )));
            }
            rows.push(row::evidence(e.clone()));
        }
        written += insert(tx, &t::EVIDENCE, rows, Clash::Different).await?;

        let mut rows = Vec::new();
        for p in &c.payees {
            let shard = shards.any(tx, p.subject).await?;
            rows.push(row::payee(crypto, &shard, p.clone()));
        }
        written += insert(tx, &t::PAYEE, rows, Clash::Different).await?;
        Ok(written)
    }

    async fn write_entitlement(&self, tx: &mut Tx, c: &ChangeSet) -> Result<u64, StoreError> {
        let mut written = 0;
        let awards = c.awards.iter().map(row::award).collect();
        written += insert(tx, &t::AWARD, awards, Clash::Different).await?;
        let rows: Result<Vec<Vec<Val>>, _> =
            c.determinations.iter().map(row::determination).collect();
        written += insert(tx, &t::DETERMINATION, rows?, Clash::Conflict).await?;
        let rows = c.entitlement_changes.iter().map(row::entitlement_change);
        written += insert(tx, &t::ENTITLEMENT_CHANGE, rows.collect(), Clash::Conflict).await?;
        Ok(written)
    }

    async fn write_ledger(&self, tx: &mut Tx, c: &ChangeSet) -> Result<u64, StoreError> {
        let mut written = 0;
        if let Some(bad) = c
            .transfers
            .iter()
            .find(|x| x.amount.0 <= 0 || x.debit == x.credit)
        {
            return Err(StoreError::Invalid(format!(
                "transfer {} moves {} from {} to {}; amounts are positive and accounts two",
                bad.id, bad.amount, bad.credit, bad.debit
            )));
        }
        let accounts = c.accounts.iter().map(row::account).collect();
        written += insert(tx, &t::ACCOUNT, accounts, Clash::Different).await?;
        let crypto = self.crypto.as_ref();
        written += insert_many(tx, crypto, &c.transfers, Clash::Conflict).await?;
        let plans = c.recovery_plans.iter().map(row::recovery_plan).collect();
        written += insert(tx, &t::RECOVERY_PLAN, plans, Clash::Different).await?;
        let batches = c.batches.iter().map(row::batch).collect();
        written += insert(tx, &t::BATCH, batches, Clash::Conflict).await?;
        written += insert_many(tx, crypto, &c.payments, Clash::Conflict).await?;
        written += insert_many(tx, crypto, &c.bank_answers, Clash::Different).await?;
        follow(tx, &c.bank_answers).await?;
        Ok(written)
    }
}

/// Brings payments to where the bank's answers leave them.
async fn follow(tx: &mut Tx, answers: &[BankAnswer]) -> Result<(), StoreError> {
    // In the order in which the index of payments holds them.
    let mut answers: Vec<&BankAnswer> = answers.iter().collect();
    answers.sort_by_key(|answer| answer.payment);
    for some in answers.chunks(LISTS[LISTS.len() - 1]) {
        let mut ids: Vec<Id> = some.iter().map(|answer| answer.payment).collect();
        ids.dedup();
        let mut found: HashMap<Id, (Val, Val, PaymentState)> = HashMap::new();
        for row in by_ids(tx, PAYMENTS_ANSWERED, &[], &ids, "").await? {
            let (id, state) = (row.id(0)?, row.word(3)?);
            let mut values = row.0.into_iter().skip(1);
            if let (Some(shard), Some(batch)) = (values.next(), values.next()) {
                found.insert(id, (shard, batch, state));
            }
        }
        for answer in some {
            let Some((shard, batch, state)) = found.get_mut(&answer.payment) else {
                return Err(StoreError::Invalid(format!(
                    "the bank's answer {} is about payment {}, which is not on record",
                    answer.id, answer.payment
                )));
            };
            // Whatever the order in which answers come, the highest state stands.
            if answer.state <= *state {
                continue;
            }
            *state = answer.state;
            let values = vec![
                shard.clone(),
                batch.clone(),
                answer.payment.into(),
                word(&answer.state).into(),
                answer.reason.clone().into(),
            ];
            update(tx, &t::PAYMENT, PAYMENT_ANSWERED, values).await?;
        }
    }
    Ok(())
}

/// The chain that a change is linked to: that of the household that it is about. Runs have no version by
/// which their newest seal is known, and go to one chain, in which order tells.
fn lane(c: &ChangeSet) -> u32 {
    if !c.runs.is_empty() {
        return 0;
    }
    journal::lane_of(
        c.expect
            .first()
            .map(|e| e.household)
            .or_else(|| c.households.first().map(|h| h.id))
            .or_else(|| c.journal.first().and_then(|j| j.subject)),
    )
}

/// Checks and counts on the versions of the households that the change was decided on, and opens the
/// counters of new ones.
pub(crate) async fn heads(tx: &mut Tx, c: &ChangeSet) -> Result<(), StoreError> {
    // In one order everywhere, so that two changes of the same households wait and do not deadlock.
    let mut expect: Vec<_> = c.expect.iter().collect();
    expect.sort_by(|a, b| (&a.shard, a.household).cmp(&(&b.shard, b.household)));
    expect.dedup();
    for e in &expect {
        let counted = if e.version == 0 {
            update(tx, &t::HEAD, HEAD_FIRST, args![&e.shard, e.household, c.at]).await?
        } else {
            let values = args![&e.shard, e.household, e.version as i64, c.at];
            update(tx, &t::HEAD, HEAD_NEXT, values).await?
        };
        if counted != 1 {
            return Err(StoreError::Conflict {
                what: format!("household {}", e.household),
            });
        }
    }
    let expected: HashSet<Id> = expect.iter().map(|e| e.household).collect();
    for h in c.households.iter().filter(|h| !expected.contains(&h.id)) {
        update(tx, &t::HEAD, HEAD_FIRST, args![&h.shard, h.id, c.at]).await?;
    }
    Ok(())
}

/// Counts on the versions of households that the change touches without having read them, so that
/// whoever has read them meets a conflict: those it records something about, and those of persons it
/// records something about.
async fn touch(tx: &mut Tx, c: &ChangeSet, shards: &mut Shards) -> Result<(), StoreError> {
    let settled: HashSet<Id> = (c.expect.iter().map(|e| e.household))
        .chain(c.households.iter().map(|h| h.id))
        .collect();
    let new: HashSet<Id> = c.persons.iter().map(|p| p.id).collect();
    let mut households: BTreeSet<Id> = (c.residences.iter().map(|r| r.household))
        .chain(c.memberships.iter().map(|m| m.household))
        .collect();
    let mut persons: BTreeSet<Id> = (c.identities.iter().map(|i| i.person))
        .chain(c.memberships.iter().map(|m| m.person))
        .collect();
    let subjects = c.evidence.iter().map(|e| e.subject);
    for subject in subjects.chain(c.payees.iter().map(|p| p.subject)) {
        if shards.households.contains_key(&subject) {
            households.insert(subject);
        } else {
            persons.insert(subject);
        }
    }
    persons.retain(|person| !new.contains(person));
    let persons: Vec<Id> = persons.into_iter().collect();
    for row in by_ids(tx, HOMES, &[], &persons, "").await? {
        households.insert(row.id(0)?);
        shards.households.insert(row.id(0)?, row.text(1)?);
    }
    let mut by_shard: BTreeMap<String, Vec<Id>> = BTreeMap::new();
    for household in households {
        if !settled.contains(&household) {
            let shard = shards.household(tx, household).await?;
            by_shard.entry(shard).or_default().push(household);
        }
    }
    for (shard, households) in by_shard {
        let first = args![c.at, shard];
        let returning = format!(" RETURNING {}", t::HEAD.names());
        for row in by_ids(tx, HEADS_TOUCHED, &first, &households, &returning).await? {
            tx.seal.add(&t::HEAD, &row.0);
        }
    }
    Ok(())
}

/// Sizes of lists of ids in a statement: few, so that prepared statements are used again.
const LISTS: [usize; 5] = [1, 4, 16, 64, 256];

/// A statement that ends with a column, completed by `IN` with `size` placeholders after the first ones.
pub(crate) fn in_list(sql: &str, first: usize, size: usize) -> String {
    let marks: Vec<String> = (first + 1..=first + size)
        .map(|i| format!("${i}"))
        .collect();
    format!("{sql} IN ({})", marks.join(", "))
}

/// How many ids of those left go into one list, and how long the list is.
pub(crate) fn list_size(left: usize) -> (usize, usize) {
    let taken = left.min(LISTS[LISTS.len() - 1]);
    let size = LISTS.into_iter().find(|s| *s >= taken).unwrap_or(taken);
    (size, taken)
}

/// Runs a statement for many ids, completed by the list and by `end`. Lists are filled up with their last
/// id.
async fn by_ids(
    tx: &mut Tx,
    sql: &'static str,
    first: &[Val],
    ids: &[Id],
    end: &str,
) -> Result<Vec<Row>, StoreError> {
    let mut out = Vec::new();
    for chunk in ids.chunks(LISTS[LISTS.len() - 1]) {
        let (size, _) = list_size(chunk.len());
        let mut values = first.to_vec();
        for i in 0..size {
            let id = chunk.get(i).or(chunk.last());
            values.push(Val::Id(id.copied()));
        }
        out.extend(
            tx.fetch_generated(in_list(sql, first.len(), size) + end, values)
                .await?,
        );
    }
    Ok(out)
}

async fn write_cases(tx: &mut Tx, c: &ChangeSet) -> Result<u64, StoreError> {
    let mut written = 0;
    let cases = c.cases.iter().map(row::case).collect();
    written += insert(tx, &t::CASE_FILE, cases, Clash::Different).await?;
    let first = c.cases.iter().flat_map(|case| {
        let events = case.events.iter();
        events.map(|e| (&case.subject.shard, case.id, e))
    });
    let more = c.case_events.iter().map(|h| (&h.shard, h.case, &h.event));
    // Gathered first: an iterator of closures that lives across a wait would keep the future from moving
    // between threads.
    let events: Vec<(&String, Id, &CaseEvent)> = first.chain(more).collect();
    for (shard, case, event) in events {
        let values = row::case_event(shard, case, event)?;
        if insert(tx, &t::CASE_EVENT, vec![values], Clash::Different).await? == 0 {
            continue;
        }
        written += 1;
        if let Some(state) = closes(event) {
            let values = args![shard, case, state, event.at];
            // What comes after the end changes nothing.
            update(tx, &t::CASE_FILE, CASE_STATE, values).await?;
        }
    }
    for task in &c.tasks {
        let new = insert(tx, &t::TASK, vec![row::task(task)], Clash::Different).await?;
        written += new;
        let (Some(done), 0) = (task.done_at, new) else {
            continue;
        };
        let values = args![&task.shard, task.id, done];
        if update(tx, &t::TASK, TASK_DONE, values).await? == 1 {
            written += 1;
            continue;
        }
        let stands = tx.fetch(TASK_DONE_AT, args![&task.shard, task.id]).await?;
        if stands
            .first()
            .map(|r| r.maybe_instant(0))
            .transpose()?
            .flatten()
            != Some(done)
        {
            return Err(StoreError::Conflict {
                what: format!("task {}", task.id),
            });
        }
    }
    let notices = c.notices.iter().map(row::notice).collect();
    written += insert(tx, &t::NOTICE, notices, Clash::Different).await?;
    Ok(written)
}

/// The state that an event leaves its case in, when it ends it.
fn closes(event: &CaseEvent) -> Option<&'static str> {
    match event.what {
        Happening::Decided { granted: true, .. } => Some("granted"),
        Happening::Decided { granted: false, .. } => Some("refused"),
        Happening::Withdrawn => Some("withdrawn"),
        _ => None,
    }
}

pub(crate) async fn set_run(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    let values = args![
        &run.shard,
        run.id,
        &run.kind,
        &run.argument,
        &run.state,
        &run.cursor,
        run.detail.to_string(),
        run.started_at,
        run.changed_at,
    ];
    update(tx, &t::RUN, RUN_SET, values).await?;
    Ok(())
}

/// Home shards of the subjects that a change speaks of.
pub(crate) struct Shards {
    persons: HashMap<Id, String>,
    households: HashMap<Id, String>,
}

impl Shards {
    fn of(c: &ChangeSet) -> Shards {
        Shards {
            persons: c.persons.iter().map(|p| (p.id, p.shard.clone())).collect(),
            households: c
                .households
                .iter()
                .map(|h| (h.id, h.shard.clone()))
                .collect(),
        }
    }

    pub(crate) async fn person(&mut self, tx: &mut Tx, id: Id) -> Result<String, StoreError> {
        match look_up(tx, &mut self.persons, PERSON_SHARD, id).await? {
            Some(shard) => Ok(shard),
            None => Err(StoreError::UnknownSubject(id)),
        }
    }

    pub(crate) async fn household(&mut self, tx: &mut Tx, id: Id) -> Result<String, StoreError> {
        match look_up(tx, &mut self.households, HOUSEHOLD_SHARD, id).await? {
            Some(shard) => Ok(shard),
            None => Err(StoreError::UnknownSubject(id)),
        }
    }

    /// Looks up, all at once, those that the change speaks of and does not open.
    async fn look_up_all(&mut self, tx: &mut Tx, c: &ChangeSet) -> Result<(), StoreError> {
        let mut ids: BTreeSet<Id> = c.identities.iter().map(|i| i.person).collect();
        ids.extend(c.memberships.iter().flat_map(|m| [m.person, m.household]));
        ids.extend(c.residences.iter().map(|r| r.household));
        ids.extend(c.evidence.iter().map(|e| e.subject));
        ids.extend(c.payees.iter().map(|p| p.subject));
        ids.retain(|id| !self.persons.contains_key(id) && !self.households.contains_key(id));
        let mut ids: Vec<Id> = ids.into_iter().collect();
        for row in by_ids(tx, PERSONS, &[], &ids, "").await? {
            self.persons.insert(row.id(0)?, row.text(1)?);
        }
        ids.retain(|id| !self.persons.contains_key(id));
        for row in by_ids(tx, HOUSEHOLDS, &[], &ids, "").await? {
            self.households.insert(row.id(0)?, row.text(1)?);
        }
        Ok(())
    }

    pub(crate) async fn any(&mut self, tx: &mut Tx, id: Id) -> Result<String, StoreError> {
        if let Some(shard) = self.persons.get(&id) {
            return Ok(shard.clone());
        }
        if let Some(shard) = look_up(tx, &mut self.households, HOUSEHOLD_SHARD, id).await? {
            return Ok(shard);
        }
        self.person(tx, id).await
    }
}

async fn look_up(
    tx: &mut Tx,
    known: &mut HashMap<Id, String>,
    sql: &'static str,
    id: Id,
) -> Result<Option<String>, StoreError> {
    if let Some(shard) = known.get(&id) {
        return Ok(Some(shard.clone()));
    }
    let found = tx.fetch(sql, args![id]).await?;
    let shard = found.first().map(|r| r.text(0)).transpose()?;
    if let Some(shard) = &shard {
        known.insert(id, shard.clone());
    }
    Ok(shard)
}
