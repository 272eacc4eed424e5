//! Every invariant over the whole data.

use super::rules::determined_for_everybody;
use super::run::side_by_side;
use super::{Office, ServiceError};
use base::{Fen, Id, Month};
use entitlement::change::At;
use ledger::account::Purpose;
use ledger::verify::Verifier;
use std::collections::{BTreeMap, HashSet};
use store::{JournalFault, RowFault, Run, StoreError};

const PAGE: usize = 20_000;

/// What a check found.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct VerifySummary {
    /// Transfers read.
    pub transfers: u64,
    /// Payments read.
    pub payments: u64,
    /// Determinations recomputed.
    pub determinations: u64,
    /// Subjects that were determined anew.
    pub redetermined: u64,
    /// Of these, those whose every version was replayed as known when it was made.
    pub replayed: u64,
    /// Journal lines read.
    pub journal: u64,
    /// Records of all kinds held against what the journal says was recorded.
    pub records: u64,
    /// Of these, those whose content was lawfully erased.
    pub erased: u64,
    /// Anchors that the journal was held against.
    pub anchors: u64,
    /// What is wrong; empty when all is well.
    pub findings: Vec<String>,
}

impl VerifySummary {
    /// The one line of totals that the command ends with.
    pub fn line(&self) -> String {
        format!(
            "verify: {} transfers, {} payments, {} determinations recomputed, {} of {} redetermined subjects replayed, {} journal lines, {} records ({} erased), {} anchors: {} findings",
            self.transfers,
            self.payments,
            self.determinations,
            self.replayed,
            self.redetermined,
            self.journal,
            self.records,
            self.erased,
            self.anchors,
            self.findings.len()
        )
    }
}

impl Office {
    /// Checks the books, what is owed against the books, every determination against the rules, earlier
    /// versions against what was known then, the journal's chains, and every record against its seal. Of the subjects that were determined
    /// anew at most `replays` are replayed (0: all), the same ones each time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify(&self, replays: usize, at: At) -> Result<VerifySummary, ServiceError> {
        let mut summary = VerifySummary::default();
        // The records first: one that was altered may be the reason why a later check cannot be made, which
        // is then a finding and no end.
        self.verify_records(&mut summary).await?;
        let found = self.verify_books(&mut summary).await;
        tell(&mut summary, "the books", found)?;
        let found = self.verify_owed(&mut summary).await;
        tell(&mut summary, "what is owed", found)?;
        // What rests on erased evidence cannot be computed again; that it stands unaltered is checked still.
        let erased = self.store.erased_subjects().await?;
        let found = self.verify_determinations(&mut summary, &erased, at).await;
        tell(&mut summary, "determinations", found)?;
        let found = self.verify_history(&mut summary, &erased, replays).await;
        tell(&mut summary, "earlier versions", found)?;
        self.note_check(&summary, at).await?;
        Ok(summary)
    }

    /// Keeps what the check found, for the pages.
    async fn note_check(&self, summary: &VerifySummary, at: At) -> Result<(), ServiceError> {
        let shards = self.store.shards().await?;
        let told = summary.findings.len().min(200);
        let run = Run {
            id: Id::derive(&["verify", &base::format_instant(at.now)]),
            shard: shards.into_iter().next().unwrap_or_default(),
            kind: "verify".into(),
            argument: at.today.to_string(),
            state: "done".into(),
            cursor: String::new(),
            detail: serde_json::json!({
                "checked": summary.determinations + summary.transfers + summary.payments,
                "findings": &summary.findings[..told],
                "summary": summary.line(),
            }),
            started_at: at.now,
            changed_at: at.now,
        };
        self.store.put_run(&run).await?;
        Ok(())
    }

    /// The journal's chains, and every record against what the journal says was recorded.
    async fn verify_records(&self, summary: &mut VerifySummary) -> Result<(), ServiceError> {
        let check = self.store.check_records().await?;
        summary.journal = check.journal.lines;
        summary.records = check.rows;
        summary.erased = check.erased;
        summary
            .findings
            .extend(check.journal.faults.iter().map(line_fault));
        summary.findings.extend(check.faults.iter().map(row_fault));
        Ok(())
    }

    async fn verify_books(&self, summary: &mut VerifySummary) -> Result<(), ServiceError> {
        let mut verifier = Verifier::new();
        let mut after: Option<(String, Id)> = None;
        loop {
            let key = after.as_ref().map(|(shard, id)| (shard.as_str(), *id));
            let page = self.store.accounts_page(key, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.shard.clone(), last.id));
            page.into_iter()
                .for_each(|account| verifier.account(account));
        }
        let mut after: Option<(String, Id)> = None;
        loop {
            let key = after.as_ref().map(|(shard, id)| (shard.as_str(), *id));
            let page = self.store.transfers_page(key, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.shard.clone(), last.id));
            summary.transfers += page.len() as u64;
            page.iter().for_each(|transfer| verifier.transfer(transfer));
        }
        let mut after: Option<(String, Id, Id)> = None;
        loop {
            let key = after
                .as_ref()
                .map(|(shard, batch, id)| (shard.as_str(), *batch, *id));
            let page = self.store.payments_page(key, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.shard.clone(), last.batch, last.id));
            summary.payments += page.len() as u64;
            page.iter().for_each(|payment| verifier.payment(payment));
        }
        for batch in self.store.batches().await? {
            verifier.batch(&batch);
        }
        let report = verifier.finish();
        summary
            .findings
            .extend(report.findings.iter().map(|f| format!("books: {f}")));
        Ok(())
    }

    /// What is owed in all must be what the books spent.
    async fn verify_owed(&self, summary: &mut VerifySummary) -> Result<(), ServiceError> {
        let totals = self.store.ledger_totals().await?;
        for programme in super::rules::programme_ids(self.law()) {
            let owed: Fen = self
                .store
                .owed_by_period(programme)
                .await?
                .into_values()
                .map(|(_, fen)| fen)
                .sum();
            let spent = totals
                .get(&(programme.to_string(), Purpose::Expense))
                .copied()
                .unwrap_or(Fen::ZERO);
            if owed != spent {
                summary.findings.push(format!(
                    "{programme}: {owed} is owed in all, but the books spent {spent}"
                ));
            }
        }
        Ok(())
    }

    async fn verify_determinations(
        &self,
        summary: &mut VerifySummary,
        erased: &HashSet<Id>,
        at: At,
    ) -> Result<(), ServiceError> {
        let mut months: BTreeMap<Month, Vec<&str>> = BTreeMap::new();
        for programme in determined_for_everybody(self.law()) {
            for month in self.months_to_compare(programme).await? {
                months.entry(month).or_default().push(programme);
            }
        }
        for (month, programmes) in months {
            for found in self.compare(&programmes, month, at).await? {
                summary.determinations += found.checked;
                summary.findings.extend(found.faults);
                summary.findings.extend(found.differing.into_iter().filter(|h| !erased.contains(h)).map(|household| {
                    format!(
                        "{} {month}: household {household} is determined otherwise than the rules yield now",
                        found.programme
                    )
                }));
            }
        }
        Ok(())
    }

    /// Replays every version of subjects that have more than one.
    async fn verify_history(
        &self,
        summary: &mut VerifySummary,
        erased: &HashSet<Id>,
        replays: usize,
    ) -> Result<(), ServiceError> {
        let mut subjects = self.store.redetermined_subjects().await?;
        subjects.retain(|(_, subject)| !erased.contains(subject));
        summary.redetermined = subjects.len() as u64;
        if replays > 0 && subjects.len() > replays {
            // Ids end in random bits: their order from the end is a fair draw.
            subjects.sort_by_key(|(_, id)| id.as_bytes().iter().rev().copied().collect::<Vec<_>>());
            subjects.truncate(replays);
        }
        for chunk in subjects.chunks(32) {
            let found =
                side_by_side(chunk.iter().map(|(_, subject)| self.replay_all(*subject))).await;
            for findings in found {
                summary.replayed += 1;
                match findings {
                    Ok(findings) => summary.findings.extend(findings),
                    Err(error) => tell(summary, "a replay", Err(error))?,
                }
            }
        }
        Ok(())
    }

    /// Replays every determination about one subject, each under the law that it was made under.
    async fn replay_all(&self, subject: Id) -> Result<Vec<String>, ServiceError> {
        let read = self.prefetch(&[subject]).await?;
        let mut findings = Vec::new();
        for determination in read
            .determinations
            .iter()
            .filter(|d| d.subject.id == subject)
        {
            let Some(rules) = self.rules_of(&determination.law).await? else {
                findings.push(format!(
                    "{} {} of {subject} version {}: made under a law ({}) whose texts are not kept",
                    determination.programme,
                    determination.period,
                    determination.version,
                    determination.law,
                ));
                continue;
            };
            let replay = entitlement::difference::replay(
                &*rules,
                &read.known(),
                &determination.subject,
                &determination.programme,
                determination.period,
                determination.made_at,
                false,
            )?;
            if !replay.agrees {
                findings.push(format!(
                    "{} {} of {subject} version {}: replayed as known at {} it comes out otherwise",
                    determination.programme,
                    determination.period,
                    determination.version,
                    base::format_instant(determination.known_at),
                ));
            }
        }
        Ok(findings)
    }
}

/// A check that could not be made is a finding, unless the database is away.
fn tell(
    summary: &mut VerifySummary,
    what: &str,
    found: Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    match found {
        Err(ServiceError::Store(error @ StoreError::Away(_))) => Err(error.into()),
        Err(error) => {
            summary
                .findings
                .push(format!("{what} cannot be checked: {error}"));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// A fault of the journal in words.
pub(super) fn line_fault(f: &JournalFault) -> String {
    let (shard, lane, seq) = (&f.shard, f.lane, f.seq);
    format!("journal of {shard} lane {lane} line {seq}: {}", f.what)
}

/// A record that is not what was recorded, in words.
pub(super) fn row_fault(f: &RowFault) -> String {
    format!("record {} {}: {}", f.table, f.key, f.what)
}
