//! What the installation itself keeps: settings, staff, sessions, runs, messages, and the journal read
//! back and checked.

use crate::Store;
use crate::change::{Message, Run};
use crate::commit::set_run;
use crate::db::{Durability, transact};
use crate::error::StoreError;
use crate::journal::{
    ABOUT, CHAIN, CHAINS, CHAINS_WITH_LINES, JournalLine, PAGE, START, line, link,
};
use crate::page::{LARGEST, Page, cursor, number, page, parts};
use crate::value::{Row, args, json};
use base::{Id, Instant};
use entitlement::Role;

pub(crate) const LAST_MOMENT: &str = "SELECT MAX(at) FROM journal";
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
pub(crate) const SESSION_NEW: &str = "INSERT INTO session (token_hash, staff, made_at, expires_at) \
     VALUES ($1, $2, $3, $4) ON CONFLICT (token_hash) DO NOTHING";
pub(crate) const SESSION: &str =
    "SELECT staff, expires_at FROM session WHERE token_hash = $1 AND expires_at > $2";
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

/// A place where the journal does not hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalFault {
    /// Shard.
    pub shard: String,
    /// Chain.
    pub lane: u32,
    /// Place in the chain.
    pub seq: u64,
    /// What is wrong there.
    pub what: &'static str,
}

/// What a check of the journal found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalCheck {
    /// Lines read.
    pub lines: u64,
    /// The last link of each chain: shard, lane, number, hash; to be kept by somebody else.
    pub ends: Vec<(String, u32, u64, [u8; 32])>,
    /// Faults, the first of each chain.
    pub faults: Vec<JournalFault>,
}

impl Store {
    /// The last moment that the journal knows: nothing was recorded by a change later than it.
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
        self.write_one(SETTING_SET, || args![name, value]).await?;
        Ok(())
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
        self.write_one(STAFF_SET, || {
            args![
                &s.name, &s.display, &role, &areas, &s.secret, s.active, s.made_at
            ]
        })
        .await?;
        Ok(())
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
        self.write_one(SESSION_NEW, || {
            args![token_hash, staff, made_at, expires_at]
        })
        .await?;
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
        match self.db.fetch_one(SESSION, args![token_hash, now]).await? {
            Some(row) => Ok(self.staff_named(row.str(0)?).await?.filter(|s| s.active)),
            None => Ok(None),
        }
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
        transact!(self.db, Durability::Synced, |tx| set_run(tx, run).await)
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
        self.write_one(OUTBOX_SENT, || args![shard, id, at]).await?;
        Ok(())
    }

    async fn write_one(
        &self,
        sql: &'static str,
        values: impl Fn() -> Vec<crate::value::Val>,
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

    /// Reads every chain from its first link and finds altered, missing and added lines.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn check_journal(&self) -> Result<JournalCheck, StoreError> {
        let mut check = JournalCheck::default();
        let mut chains = Vec::new();
        for row in self.db.fetch(CHAINS, vec![]).await? {
            let hash = row.bytes(3)?.to_vec();
            chains.push((row.text(0)?, row.small(1)?, row.int(2)? as u64, hash));
        }
        for row in self.db.fetch(CHAINS_WITH_LINES, vec![]).await? {
            let (shard, lane) = (row.text(0)?, row.small(1)?);
            if !chains.iter().any(|c| c.0 == shard && c.1 == lane) {
                let what = "the note of the chain's last link is missing";
                check.faults.push(JournalFault {
                    shard,
                    lane,
                    seq: 0,
                    what,
                });
            }
        }
        for (shard, lane, last, hash) in chains {
            let (seq, found, what) = self.check_chain(&shard, lane, &mut check.lines).await?;
            let what = match what {
                None if seq < last => Some("lines are missing at the end"),
                None if seq > last => Some("lines were added behind the last link"),
                None if found.as_slice() != hash => Some("the note of the last link was altered"),
                other => other,
            };
            if let Some(what) = what {
                let shard = shard.clone();
                check.faults.push(JournalFault {
                    shard,
                    lane,
                    seq,
                    what,
                });
            }
            check.ends.push((shard, lane, seq, found));
        }
        Ok(check)
    }

    /// The last good link of a chain, and what is wrong after it.
    async fn check_chain(
        &self,
        shard: &str,
        lane: u32,
        lines: &mut u64,
    ) -> Result<(u64, [u8; 32], Option<&'static str>), StoreError> {
        let (mut seq, mut previous) = (0u64, START);
        loop {
            let values = args![shard, lane, seq as i64, LARGEST as i64];
            let rows = self.db.fetch(CHAIN, values).await?;
            let full = rows.len() == LARGEST;
            for row in &rows {
                *lines += 1;
                let Ok((found, detail)) = line(row) else {
                    return Ok((seq + 1, previous, Some("the line cannot be read")));
                };
                if found.seq != seq + 1 {
                    return Ok((seq + 1, previous, Some("a line is missing")));
                }
                if found.previous != previous {
                    return Ok((
                        found.seq,
                        previous,
                        Some("the line does not follow the one before"),
                    ));
                }
                let place = (lane, found.seq);
                let crypto = self.crypto.as_ref();
                let hash = link(
                    crypto,
                    &previous,
                    shard,
                    place,
                    found.at,
                    &found.entry,
                    &detail,
                );
                if hash != found.hash {
                    return Ok((found.seq, previous, Some("the line was altered")));
                }
                (seq, previous) = (found.seq, hash);
            }
            if !full {
                return Ok((seq, previous, None));
            }
        }
    }
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
