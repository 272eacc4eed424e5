//! Lawful erasure and retention: refused while money is open, an award runs or a case is open.

use super::change::Prefetched;
use super::rules::programme_ids;
use super::{Office, ServiceError};
use base::{Day, Id, Month};
use entitlement::change::At;
use entitlement::owed::award_running;
use ledger::position::Position;
use serde::Serialize;
use std::collections::BTreeMap;
use store::Erasure;

/// What an erasure did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EraseSummary {
    /// Subjects about whom something was erased.
    pub subjects: u64,
    /// Rows whose content was taken out, by table.
    pub rows: BTreeMap<String, u64>,
    /// Subjects that were left as they are, and why.
    pub left: Vec<String>,
}

/// What is to be erased about somebody.
#[derive(Clone, Debug, Default)]
pub struct EraseOrder {
    /// Kinds of evidence; everything when empty.
    pub kinds: Vec<String>,
    /// Only what ended on or before this day.
    pub ended_before: Option<Day>,
    /// Why: article and request.
    pub reason: String,
    /// Who ordered it.
    pub by: String,
}

impl Office {
    /// Erases what is held about a person, or evidence of some kinds about a person or household.
    /// Determinations stay with their amounts, and all that was paid; payments are accounting records and
    /// keep holder and sealed number.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with what is still open; [`ServiceError::NotFound`]; when the database
    /// fails. Nothing is erased then.
    pub async fn erase(
        &self,
        subject: Id,
        order: &EraseOrder,
        at: At,
    ) -> Result<EraseSummary, ServiceError> {
        if order.reason.trim().is_empty() {
            return Err(ServiceError::Refused(
                "say why: --reason with the article and whose request it is".into(),
            ));
        }
        let household = self.store.household_shard(subject).await?;
        let shard = match &household {
            Some(shard) => shard.clone(),
            None => self.store.person_shard(subject).await?.ok_or_else(|| {
                ServiceError::NotFound(format!("{subject} is not in the register"))
            })?,
        };
        if household.is_some() && order.kinds.is_empty() {
            return Err(ServiceError::Refused(
                "a household is erased by its persons; for evidence about it name the kinds with --kind".into(),
            ));
        }
        for _ in 0..8 {
            let read = self.prefetch(&[subject]).await?;
            if let Some(open) = self.still_open(&read, at) {
                return Err(ServiceError::Refused(format!(
                    "nothing is erased about {subject}: {open}"
                )));
            }
            let households = read.households.iter();
            let whole = Erasure {
                id: Id::derive(&[
                    "erase",
                    &subject.to_string(),
                    &order.kinds.join(" "),
                    &format!("{:?}", order.ended_before),
                    &base::format_instant(at.now),
                ]),
                shard: shard.clone(),
                subject,
                kinds: order.kinds.clone(),
                ended_before: order.ended_before,
                households: households
                    .filter_map(|h| Some((h.shard.clone(), h.household?)))
                    .collect(),
                reason: order.reason.clone(),
                by: order.by.clone(),
                at: at.now,
                expect: read.expect.clone(),
            };
            match self.store.erase(&whole).await {
                Ok(rows) => {
                    return Ok(EraseSummary {
                        subjects: u64::from(!rows.is_empty()),
                        rows,
                        left: Vec::new(),
                    });
                }
                Err(error) if error.is_conflict() => continue,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ServiceError::Busy)
    }

    /// Erases evidence whose kind the law says is kept for so many months after it ended, where they have
    /// run out. Those with open money, a running award or an open case are left for a later run.
    ///
    /// # Errors
    /// When the database fails; what was erased before stays erased.
    pub async fn erase_expired(
        &self,
        today: Day,
        by: &str,
        at: At,
    ) -> Result<EraseSummary, ServiceError> {
        let mut summary = EraseSummary::default();
        let kinds = [
            entitlement::Subject::Household,
            entitlement::Subject::Person,
        ]
        .into_iter()
        .flat_map(|subject| self.law().kinds(subject));
        let kept: Vec<(String, u32)> = kinds
            .filter_map(|kind| Some((kind.name.to_string(), kind.keep?)))
            .collect();
        for (kind, months) in kept {
            let Some(day) = today.checked_sub_months(chrono::Months::new(months)) else {
                continue;
            };
            let order = EraseOrder {
                kinds: vec![kind.clone()],
                ended_before: Some(day),
                reason: format!("kept for {months} months after it ended"),
                by: by.to_owned(),
            };
            for (_, subject) in self.store.expired(&kind, day).await? {
                match self.erase(subject, &order, at).await {
                    Ok(done) => {
                        summary.subjects += done.subjects;
                        for (table, rows) in done.rows {
                            *summary.rows.entry(table).or_default() += rows;
                        }
                    }
                    Err(ServiceError::Refused(why)) => summary.left.push(why),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(summary)
    }

    /// What stands in the way of an erasure.
    fn still_open(&self, read: &Prefetched, at: At) -> Option<String> {
        if let Some(case) = read.cases.first() {
            return Some(format!("case {} is open", case.id));
        }
        let month = Month::of(at.today);
        for award in &read.awards {
            let (key, programme) = (&award.subject, &award.programme);
            if award_running(&read.awards, key, programme, month, at.now).is_some() {
                return Some(format!("{programme} is granted to {}", key.id));
            }
        }
        let mut payees: Vec<(String, Id)> = Vec::new();
        for change in &read.changes {
            let payee = (change.subject.shard.clone(), change.subject.id);
            if !payees.contains(&payee) {
                payees.push(payee);
            }
        }
        for (shard, payee) in payees {
            for programme in programme_ids(self.law()) {
                let position = Position::fold(&shard, payee, programme, &read.transfers);
                let open = position.periods().find(|(_, p)| !p.is_settled());
                if let Some((period, _)) = open {
                    return Some(format!("money of {programme} {period} is open for {payee}"));
                }
            }
        }
        None
    }
}
