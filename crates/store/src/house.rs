//! What the installation itself keeps: settings, staff, sessions, runs, messages, and the journal read
//! back.

use crate::Store;
use crate::change::{Message, Run};
use crate::commit::set_run;
use crate::db::{Durability, transact};
use crate::error::StoreError;
use crate::journal::{self, ABOUT, JournalLine, PAGE, line};
use crate::page::{LARGEST, Page, cursor, number, page, parts};
use crate::schema::{self as t, Table};
use crate::seal::push_content;
use crate::value::{Row, Val, args, json};
use crate::write::update;
use base::{Id, Instant};
use entitlement::Role;
use registry::protect::Crypto;

pub(crate) const LAST_MOMENT: &str = "SELECT at FROM journal WHERE shard <> '' ORDER BY at DESC, shard DESC, lane DESC, seq DESC LIMIT 1";
pub(crate) const SETTING: &str = "SELECT value FROM setting WHERE name = $1";
pub(crate) const SETTING_SET: &str = "INSERT INTO setting (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";
pub(crate) const STAFF: &str =
    "SELECT name, display, role, areas, secret, active, made_at FROM staff ORDER BY name";
pub(crate) const STAFF_ONE: &str =
    "SELECT name, display, role, areas, secret, active, made_at FROM staff WHERE name = $1";
pub(crate) const STAFF_SET: &str = "INSERT INTO staff (name, display, role, areas, secret, active, made_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET display = excluded.display, \
     role = excluded.role, areas = excluded.areas, secret = excluded.secret, active = excluded.active";
pub(crate) const SESSION_NEW: &str = "INSERT INTO session (token_hash, staff, made_at, expires_at, proof) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (token_hash) DO NOTHING";
pub(crate) const SESSION: &str = "SELECT token_hash, staff, made_at, expires_at, proof FROM session WHERE token_hash = $1 AND expires_at > $2";
pub(crate) const SESSIONS: &str =
    "SELECT token_hash, staff, made_at, expires_at, proof FROM session ORDER BY token_hash";
pub(crate) const SESSION_END: &str =
    "DELETE FROM session WHERE token_hash = $1 OR expires_at <= $2";
pub(crate) const RUN: &str = "SELECT id, shard, kind, argument, state, cursor, detail, started_at, changed_at FROM run WHERE shard = $1 AND id = $2";
pub(crate) const RUNS: &str = "SELECT id, shard, kind, argument, state, cursor, detail, started_at, changed_at FROM run ORDER BY started_at DESC, id LIMIT $1";
pub(crate) const OUTBOX: &str = "SELECT id, shard, topic, payload, made_at FROM outbox WHERE sent_at IS NULL ORDER BY made_at, id LIMIT $1";
pub(crate) const OUTBOX_SENT: &str =
    "UPDATE outbox SET sent_at = $3 WHERE shard = $1 AND id = $2 AND sent_at IS NULL";

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// Name to sign in with.
    pub name: String,
    /// Name as shown.
    pub display: String,
    /// What they do.
    pub role: Role,
    /// Areas whose codes begin with one of these are theirs; all when empty.
    pub areas: Vec<String>,
    /// Hash of the pass phrase, in the hash's own text form.
    pub secret: String,
    /// May sign in now.
    pub active: bool,
    /// When they were entered.
    pub made_at: Instant,
}

impl Store {
    /// The last moment that the journal knows of any record of a shard: nothing was recorded by a change
    /// later than it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_moment(&self) -> Result<Option<Instant>, StoreError> {
        let row = self.db.fetch_one(LAST_MOMENT, vec![]).await?;
        Ok(row.map_or(Ok(None), |row| row.maybe_instant(0))?)
    }

    /// A setting of the installation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = self.db.fetch_one(SETTING, args![name]).await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// Sets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let now = chrono::Utc::now();
        self.put(&t::SETTING, now, SETTING_SET, || args![name, value])
            .await
    }

    /// Everybody who may sign in, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn staff(&self) -> Result<Vec<Staff>, StoreError> {
        let rows = self.db.fetch(STAFF, vec![]).await?;
        rows.iter().map(staff).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn staff_named(&self, name: &str) -> Result<Option<Staff>, StoreError> {
        let row = self.db.fetch_one(STAFF_ONE, args![name]).await?;
        row.map(|row| staff(&row)).transpose()
    }

    /// Enters or changes somebody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_staff(&self, s: &Staff) -> Result<(), StoreError> {
        let areas = json(&s.areas)?;
        let role = crate::value::word(&s.role);
        self.put(&t::STAFF, chrono::Utc::now(), STAFF_SET, || {
            args![
                &s.name, &s.display, &role, &areas, &s.secret, s.active, s.made_at
            ]
        })
        .await
    }

    /// Notes a session by the hash of its token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_session(
        &self,
        token_hash: [u8; 32],
        staff: &str,
        made_at: Instant,
        expires_at: Instant,
    ) -> Result<(), StoreError> {
        let mut values = args![token_hash, staff, made_at, expires_at];
        values.push(session_proof(self.crypto.as_ref(), &values).into());
        self.write_one(SESSION_NEW, || values.clone()).await?;
        Ok(())
    }

    /// Whose session it is, unless it has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(
        &self,
        token_hash: [u8; 32],
        now: Instant,
    ) -> Result<Option<Staff>, StoreError> {
        let Some(row) = self.db.fetch_one(SESSION, args![token_hash, now]).await? else {
            return Ok(None);
        };
        // Somebody who can write to the database but lacks the key signs nobody in.
        let proof = session_proof(self.crypto.as_ref(), &row.0[..4]);
        if row.0[4] != Val::from(proof) {
            return Ok(None);
        }
        Ok(self.staff_named(row.str(1)?).await?.filter(|s| s.active))
    }

    /// Ends a session, and forgets those that ran out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, token_hash: [u8; 32], now: Instant) -> Result<(), StoreError> {
        self.write_one(SESSION_END, || args![token_hash, now])
            .await?;
        Ok(())
    }

    /// How far a long command has come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run(&self, shard: &str, id: Id) -> Result<Option<Run>, StoreError> {
        let row = self.db.fetch_one(RUN, args![shard, id]).await?;
        row.map(|row| run(&row)).transpose()
    }

    /// The latest long commands, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn runs(&self, limit: usize) -> Result<Vec<Run>, StoreError> {
        let rows = self.db.fetch(RUNS, args![limit as i64]).await?;
        rows.iter().map(run).collect()
    }

    /// Notes how far a long command has come, on disk. Within a change, use [`crate::ChangeSet::runs`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_run(&self, run: &Run) -> Result<(), StoreError> {
        let crypto = self.crypto.as_ref();
        transact!(self.db, Durability::Synced, |tx| {
            set_run(tx, run).await?;
            journal::append(tx, crypto, &run.shard, 0, run.changed_at, &[]).await?;
            Ok(())
        })
    }

    /// Messages that were not sent yet, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unsent(&self, limit: usize) -> Result<Vec<Message>, StoreError> {
        let rows = self.db.fetch(OUTBOX, args![limit as i64]).await?;
        let read = |row: &Row| -> Result<Message, StoreError> {
            Ok(Message {
                id: row.id(0)?,
                shard: row.text(1)?,
                topic: row.text(2)?,
                payload: row.json(3)?,
                made_at: row.instant(4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Notes that a message was sent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_sent(&self, shard: &str, id: Id, at: Instant) -> Result<(), StoreError> {
        let crypto = self.crypto.as_ref();
        transact!(self.db, Durability::Synced, |tx| {
            update(tx, &t::OUTBOX, OUTBOX_SENT, args![shard, id, at]).await?;
            journal::append(tx, crypto, shard, 0, at, &[]).await?;
            Ok(())
        })
    }

    /// Changes a row that belongs to the whole installation; sealed in the installation's own chain.
    async fn put(
        &self,
        table: &'static Table,
        at: Instant,
        sql: &'static str,
        values: impl Fn() -> Vec<Val>,
    ) -> Result<(), StoreError> {
        let crypto = self.crypto.as_ref();
        transact!(self.db, Durability::Synced, |tx| {
            update(tx, table, sql, values()).await?;
            journal::append(tx, crypto, journal::HOUSE, 0, at, &[]).await?;
            Ok(())
        })
    }

    async fn write_one(
        &self,
        sql: &'static str,
        values: impl Fn() -> Vec<Val>,
    ) -> Result<u64, StoreError> {
        transact!(self.db, Durability::Synced, |tx| {
            tx.execute(sql, values()).await
        })
    }

    /// The journal, newest first.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn journal(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<JournalLine>, StoreError> {
        let limit = limit.clamp(1, LARGEST);
        let (at, shard, lane, seq) = match after {
            Some(after) => {
                let [at, shard, lane, seq] = parts(after)?;
                (number(at)?, shard.to_owned(), number(lane)?, number(seq)?)
            }
            None => (i64::MAX, String::new(), 0, 0),
        };
        let values = args![at, shard, lane, seq, limit as i64 + 1];
        let rows = self.db.fetch(PAGE, values).await?;
        let lines = rows.iter().map(|row| line(row).map(|l| l.0));
        let lines = lines.collect::<Result<_, _>>()?;
        Ok(page(lines, limit, |l: &JournalLine| {
            let at = l.at.timestamp_micros().to_string();
            cursor(&[&at, &l.shard, &l.lane.to_string(), &l.seq.to_string()])
        }))
    }

    /// What the journal says about one subject, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn journal_about(
        &self,
        shard: &str,
        subject: Id,
    ) -> Result<Vec<JournalLine>, StoreError> {
        let rows = self.db.fetch(ABOUT, args![shard, subject]).await?;
        rows.iter().map(|row| line(row).map(|l| l.0)).collect()
    }
}

/// What shows that a session was made by this installation: token hash, name, begin and end.
pub(crate) fn session_proof(crypto: &dyn Crypto, values: &[Val]) -> [u8; 32] {
    let mut text = Vec::new();
    push_content(&mut text, &t::SESSION, values);
    crypto.mac(&text)
}

fn staff(row: &Row) -> Result<Staff, StoreError> {
    Ok(Staff {
        name: row.text(0)?,
        display: row.text(1)?,
        role: row.word(2)?,
        areas: row.json(3)?,
        secret: row.text(4)?,
        active: row.int(5)? != 0,
        made_at: row.instant(6)?,
    })
}

fn run(row: &Row) -> Result<Run, StoreError> {
    Ok(Run {
        id: row.id(0)?,
        shard: row.text(1)?,
        kind: row.text(2)?,
        argument: row.text(3)?,
        state: row.text(4)?,
        cursor: row.text(5)?,
        detail: row.json(6)?,
        started_at: row.instant(7)?,
        changed_at: row.instant(8)?,
    })
}
