//! Anchors: the ends of the journal's chains, written to a file that somebody else keeps. Whoever rewrites
//! history, or puts an old backup in its place, cannot make the chains pass through them.

use super::{Office, ServiceError};
use entitlement::change::At;
use registry::protect::hex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// The ends of all chains at one moment; one line of JSON in the auditor's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// When.
    pub at: String,
    /// One digest over all ends, short enough to be printed or read out.
    pub head: String,
    /// Lines of the journal.
    pub lines: u64,
    /// Rows of each table; none ever becomes fewer.
    pub counts: BTreeMap<String, u64>,
    /// Shard, lane, number and hash of each chain's last line.
    pub chains: Vec<(String, u32, u64, String)>,
    /// Digest of the file's line before; empty in the first.
    pub previous: String,
}

/// What the check of a file of anchors found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AnchorCheck {
    /// Anchors in the file.
    pub anchors: u64,
    /// What is wrong; empty when the chains pass through all of them.
    pub findings: Vec<String>,
}

/// Lines of a file of anchors as they stand there; none when there is no file yet.
fn read(file: &Path) -> Result<Vec<String>, ServiceError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(cause) => Err(ServiceError::Folder {
            path: file.to_owned(),
            cause,
        }),
    }
}

impl Office {
    /// Appends the ends of all chains as they are now to a file, on disk when this returns. Nothing is
    /// appended when the chains do not pass through the anchors that are there already.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with the findings; when the file cannot be written or the database fails.
    pub async fn anchor(&self, file: &Path, at: At) -> Result<Anchor, ServiceError> {
        let before = read(file)?;
        let found = self.check_anchors_in(&before).await?;
        if !found.is_empty() {
            return Err(ServiceError::Refused(format!(
                "nothing was anchored, since the journal does not pass through what is anchored already: {}",
                found.join("; ")
            )));
        }
        let digest = |text: &str| hex(&self.store.crypto().digest(text.as_bytes()));
        let mut chains = Vec::new();
        let mut lines = 0;
        for (shard, lane, seq, hash) in self.store.journal_ends().await? {
            if self.store.journal_link(&shard, lane, seq).await?.as_deref() != Some(&hash[..])
                && seq > 0
            {
                return Err(ServiceError::Refused(format!(
                    "nothing was anchored: the journal of {shard} lane {lane} does not end as noted; run `minsheng verify`"
                )));
            }
            lines += seq;
            chains.push((shard, lane, seq, hex(&hash)));
        }
        let anchor = Anchor {
            at: base::format_instant(at.now),
            head: digest(&serde_json::to_string(&chains).unwrap_or_default()),
            lines,
            counts: self.store.row_counts().await?,
            chains,
            previous: before.last().map(|line| digest(line)).unwrap_or_default(),
        };
        let text = serde_json::to_string(&anchor).unwrap_or_default();
        let written = || -> std::io::Result<()> {
            let mut out = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(file)?;
            writeln!(out, "{text}")?;
            out.sync_all()
        };
        written().map_err(|cause| ServiceError::Folder {
            path: file.to_owned(),
            cause,
        })?;
        Ok(anchor)
    }

    /// Do the chains still pass through every anchor of a file?
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such file; when the database fails.
    pub async fn check_anchors(&self, file: &Path) -> Result<AnchorCheck, ServiceError> {
        let lines = read(file)?;
        if lines.is_empty() {
            return Err(ServiceError::NotFound(format!(
                "{}: there are no anchors in it; `minsheng anchor --out FILE` makes one",
                file.display()
            )));
        }
        Ok(AnchorCheck {
            anchors: lines.len() as u64,
            findings: self.check_anchors_in(&lines).await?,
        })
    }

    async fn check_anchors_in(&self, lines: &[String]) -> Result<Vec<String>, ServiceError> {
        let mut findings = Vec::new();
        let digest = |text: &str| hex(&self.store.crypto().digest(text.as_bytes()));
        let mut previous = String::new();
        let mut last = None;
        for (number, text) in lines.iter().enumerate() {
            let number = number + 1;
            let anchor: Anchor = match serde_json::from_str(text) {
                Ok(anchor) => anchor,
                Err(error) => {
                    findings.push(format!("anchor {number}: cannot be read: {error}"));
                    previous = digest(text);
                    continue;
                }
            };
            if anchor.previous != previous {
                findings.push(format!(
                    "anchor {number}: does not follow the line before; the file of anchors was altered"
                ));
            }
            previous = digest(text);
            if anchor.head != digest(&serde_json::to_string(&anchor.chains).unwrap_or_default()) {
                findings.push(format!(
                    "anchor {number}: its head is not that of its chains"
                ));
            }
            for (shard, lane, seq, hash) in &anchor.chains {
                if *seq == 0 {
                    continue;
                }
                let place = format!("journal of {shard} lane {lane} line {seq}");
                match self.store.journal_link(shard, *lane, *seq).await? {
                    None => findings.push(format!(
                        "{place}: was there on {} and is not there now: records were lost, or an old backup stands in their place",
                        anchor.at
                    )),
                    Some(now) if hex(&now) != *hash => findings.push(format!(
                        "{place}: is not the line that was there on {}: history was rewritten",
                        anchor.at
                    )),
                    Some(_) => {}
                }
            }
            last = Some((number, anchor));
        }
        if let Some((number, anchor)) = last {
            let now = self.store.row_counts().await?;
            for (table, count) in &anchor.counts {
                let here = now.get(table).copied().unwrap_or_default();
                if here < *count {
                    findings.push(format!(
                        "{table}: {count} rows at anchor {number} of {}, {here} now",
                        anchor.at
                    ));
                }
            }
        }
        Ok(findings)
    }
}
