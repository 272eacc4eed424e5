//! The journal: who did, saw and decided what, only ever added to, and chained by hash.
//!
//! Each shard has several chains (lanes), so that workers on different households do not wait for one
//! another's last link. A link's hash covers the hash before it, its place and its whole content: an
//! altered, missing or moved line breaks the chain at that place.

use crate::change::JournalEntry;
use crate::db::Tx;
use crate::encode::Values;
use crate::error::StoreError;
use crate::schema::JOURNAL;
use crate::seal::Seal;
use crate::value::{Row, args};
use crate::write::{Clash, insert};
use base::{Id, Instant};
use registry::protect::Crypto;

/// Chains a shard.
pub(crate) const LANES: u32 = 16;

/// The shard whose chain holds what belongs to no shard: areas, staff, settings.
pub(crate) const HOUSE: &str = "";

/// What the first link of a chain follows.
pub(crate) const START: [u8; 32] = [0; 32];

/// A line of the journal, linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    /// Shard.
    pub shard: String,
    /// Chain of the shard.
    pub lane: u32,
    /// Place in the chain, from 1.
    pub seq: u64,
    /// When.
    pub at: Instant,
    /// The entry.
    pub entry: JournalEntry,
    /// Hash of the link before.
    pub previous: [u8; 32],
    /// Hash of this link.
    pub hash: [u8; 32],
}

/// Which chain a change goes to: that of the household it is about.
pub(crate) fn lane_of(subject: Option<Id>) -> u32 {
    subject.map_or(0, |id| u32::from(id.as_bytes()[15]) % LANES)
}

/// The hash of a link: over the hash before and the content, each part preceded by its length; where the
/// line carries a seal, over the seal's digest too.
pub(crate) fn link(
    crypto: &dyn Crypto,
    previous: &[u8; 32],
    shard: &str,
    (lane, seq): (u32, u64),
    at: Instant,
    entry: &JournalEntry,
    detail: &str,
    seal: Option<&[u8]>,
) -> [u8; 32] {
    let subject = entry.subject.map(|id| id.to_string()).unwrap_or_default();
    let place = format!("{shard}/{lane}/{seq}");
    let at = at.timestamp_micros().to_string();
    let parts: [&[u8]; 7] = [
        previous,
        place.as_bytes(),
        at.as_bytes(),
        entry.actor.as_bytes(),
        entry.action.as_bytes(),
        subject.as_bytes(),
        detail.as_bytes(),
    ];
    let mut text = Vec::new();
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    if let Some(seal) = seal {
        text.extend_from_slice(&crypto.digest(seal));
    }
    crypto.digest(&text)
}

/// The last link of a chain; on PostgreSQL the row is held until the transaction ends.
pub(crate) const HEAD: &str = "SELECT seq, hash FROM journal_head WHERE shard = $1 AND lane = $2";
pub(crate) const HEAD_LOCKED: &str =
    "SELECT seq, hash FROM journal_head WHERE shard = $1 AND lane = $2 FOR UPDATE";
pub(crate) const HEAD_NEW: &str = "INSERT INTO journal_head (shard, lane, seq, hash) VALUES ($1, $2, 0, $3) \
     ON CONFLICT (shard, lane) DO NOTHING";
pub(crate) const HEAD_SET: &str =
    "UPDATE journal_head SET seq = $3, hash = $4 WHERE shard = $1 AND lane = $2";
/// A page of the journal, newest first, without the lines that only carry seals.
pub(crate) const PAGE: &str = "SELECT shard, lane, seq, at, actor, action, subject, detail, previous, hash FROM journal \
     WHERE action <> 'seal' AND (at < $1 OR (at = $1 AND (shard < $2 OR (shard = $2 AND (lane < $3 OR (lane = $3 AND seq < $4)))))) \
     ORDER BY at DESC, shard DESC, lane DESC, seq DESC LIMIT $5";
/// What the journal says about one subject, oldest first.
pub(crate) const ABOUT: &str = "SELECT shard, lane, seq, at, actor, action, subject, detail, previous, hash FROM journal \
     WHERE shard = $1 AND subject = $2 ORDER BY at, lane, seq";
/// A stretch of one chain, for the check.
pub(crate) const CHAIN: &str = "SELECT shard, lane, seq, at, actor, action, subject, detail, previous, hash, seal FROM journal \
     WHERE shard = $1 AND lane = $2 AND seq > $3 ORDER BY seq LIMIT $4";
pub(crate) const CHAINS: &str =
    "SELECT shard, lane, seq, hash FROM journal_head ORDER BY shard, lane";
/// Chains that have lines, whether or not their last link is noted.
pub(crate) const CHAINS_WITH_LINES: &str =
    "SELECT shard, lane FROM journal GROUP BY shard, lane ORDER BY shard, lane";

/// The action of lines that carry a seal and say nothing else.
pub(crate) const SEAL: &str = "seal";

/// Links entries to their chain, and with the last of them what the transaction wrote; a line is made for
/// it when there are none. Call it last. Gives the number of the last link, if any was made.
pub(crate) async fn append(
    tx: &mut Tx,
    crypto: &dyn Crypto,
    shard: &str,
    lane: u32,
    at: Instant,
    entries: &[JournalEntry],
) -> Result<Option<u64>, StoreError> {
    let lines = with_seals(crypto, entries, &mut tx.seal);
    if lines.is_empty() {
        return Ok(None);
    }
    let head = lock(tx, shard, lane).await?;
    let (rows, (seq, hash)) = chain(crypto, head, (shard, lane), at, &lines);
    insert(tx, &JOURNAL, rows, Clash::Different).await?;
    tx.execute(HEAD_SET, args![shard, lane, seq as i64, hash])
        .await?;
    Ok(Some(seq))
}

/// The last link of a chain; on PostgreSQL nobody else can add to the chain until the transaction ends.
pub(crate) async fn lock(
    tx: &mut Tx,
    shard: &str,
    lane: u32,
) -> Result<(u64, [u8; 32]), StoreError> {
    let sql = if tx.is_pg() { HEAD_LOCKED } else { HEAD };
    let mut head = tx.fetch(sql, args![shard, lane]).await?;
    if head.is_empty() {
        tx.execute(HEAD_NEW, args![shard, lane, START]).await?;
        head = tx.fetch(sql, args![shard, lane]).await?;
    }
    let head = head
        .first()
        .ok_or_else(|| StoreError::corrupt("journal_head", shard))?;
    Ok((head.int(0)? as u64, hash_of(head, 1)?))
}

/// Entries with the seals that they carry: all but the last seal have a line of their own, before.
pub(crate) fn with_seals(
    crypto: &dyn Crypto,
    entries: &[JournalEntry],
    seal: &mut Seal,
) -> Vec<(JournalEntry, Option<Vec<u8>>)> {
    let mut seals = seal.close(crypto);
    let last = if entries.is_empty() {
        None
    } else {
        seals.pop()
    };
    let alone = |(rows, seal): (usize, Vec<u8>)| {
        let entry = JournalEntry {
            actor: String::new(),
            action: SEAL.into(),
            subject: None,
            detail: serde_json::json!({ "rows": rows }),
        };
        (entry, Some(seal))
    };
    let mut lines: Vec<_> = seals.into_iter().map(alone).collect();
    lines.extend(entries.iter().map(|entry| (entry.clone(), None)));
    if let (Some((_, seal)), Some(line)) = (last, lines.last_mut()) {
        line.1 = Some(seal);
    }
    lines
}

/// Rows of the journal that follow a chain's last link, and the new last link.
pub(crate) fn chain(
    crypto: &dyn Crypto,
    (mut seq, mut previous): (u64, [u8; 32]),
    (shard, lane): (&str, u32),
    at: Instant,
    lines: &[(JournalEntry, Option<Vec<u8>>)],
) -> (Vec<Values>, (u64, [u8; 32])) {
    let mut rows = Vec::with_capacity(lines.len());
    for (entry, seal) in lines {
        seq += 1;
        let detail = entry.detail.to_string();
        let place = (lane, seq);
        let seal = seal.as_deref();
        let hash = link(crypto, &previous, shard, place, at, entry, &detail, seal);
        rows.push(args![
            shard,
            lane,
            seq as i64,
            at,
            &entry.actor,
            &entry.action,
            entry.subject,
            detail,
            previous,
            hash,
            seal.map(<[u8]>::to_vec),
        ]);
        previous = hash;
    }
    (rows, (seq, previous))
}

fn hash_of(row: &Row, column: usize) -> Result<[u8; 32], StoreError> {
    let bytes = row.bytes(column)?;
    bytes
        .try_into()
        .map_err(|_| StoreError::corrupt("journal hash", bytes.len()))
}

/// A row of the journal as a line, with its detail as stored.
pub(crate) fn line(row: &Row) -> Result<(JournalLine, String), StoreError> {
    let detail = row.text(7)?;
    let line = JournalLine {
        shard: row.text(0)?,
        lane: row.small(1)?,
        seq: row.int(2)? as u64,
        at: row.instant(3)?,
        entry: JournalEntry {
            actor: row.text(4)?,
            action: row.text(5)?,
            subject: row.maybe_id(6)?,
            detail: row.json(7)?,
        },
        previous: hash_of(row, 8)?,
        hash: hash_of(row, 9)?,
    };
    Ok((line, detail))
}
