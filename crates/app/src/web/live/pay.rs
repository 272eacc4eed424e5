//! Payments.

use super::Live;
use crate::service::rules::latest_version;
use crate::web::session::Viewer;
use crate::web::source::Trouble;
use crate::web::view::Paged;
use crate::web::view::payment::{
    AnswerView, ApartRow, BatchPage, BatchRow, Download, InstructView, LineRow, PayableRow,
    PaymentsPage,
};
use base::{Fen, Id, Month};
use ledger::account::Purpose;
use ledger::payment::{Batch, Payment, PaymentState};
use registry::identity::mask_account;
use std::collections::HashSet;
use store::BatchState;

/// Payees told of one by one whom an instruction leaves out.
const LINES: usize = 100;

impl Live {
    /// Batches are of the whole instance: who sees only a part of it sees none.
    pub(super) fn whole(&self, viewer: &Viewer) -> Result<(), Trouble> {
        if viewer.sees(&self.top) {
            Ok(())
        } else {
            Err(Trouble::NotFound("batch"))
        }
    }

    /// Batches, the newest first, and what could be instructed.
    pub(super) async fn payments_page(
        &self,
        viewer: &Viewer,
        programme: Option<String>,
    ) -> Result<PaymentsPage, Trouble> {
        self.whole(viewer)?;
        let states = self.office.store.batch_states().await?;
        let mut batches = self.office.store.batches().await?;
        batches.retain(|b| programme.as_ref().is_none_or(|p| *p == b.programme));
        batches.reverse();
        let month = self.at().month();
        let mut payable = Vec::new();
        for row in self.shelf.programmes(self.at().today) {
            let id = row.programme.id;
            let pays = latest_version(self.office.law(), &id).is_some_and(|p| p.payment.is_some());
            if !pays || programme.as_ref().is_some_and(|p| *p != id) {
                continue;
            }
            let row = self.payable(viewer, &id, month).await?;
            if row.count > 0 {
                payable.push(row);
            }
        }
        let batches = batches.iter().map(|b| self.batch_row(b, &states)).collect();
        Ok(PaymentsPage { batches, payable })
    }

    /// What is owed up to a month and not instructed.
    pub(super) async fn payable(
        &self,
        viewer: &Viewer,
        programme: &str,
        month: Month,
    ) -> Result<PayableRow, Trouble> {
        self.whole(viewer)?;
        let items = self
            .office
            .store
            .open_items(programme, Purpose::Payable)
            .await?;
        // Periods that are no months are due at once.
        let due = |period: &str| period.parse::<Month>().map_or(true, |p| p <= month);
        let due: Vec<_> = items
            .iter()
            .filter(|i| i.balance.0 < 0 && due(&i.period))
            .collect();
        let payees: HashSet<Option<Id>> = due.iter().map(|i| i.owner).collect();
        Ok(PayableRow {
            programme: self.shelf.programme(programme),
            month: month.to_string(),
            count: payees.len() as u64,
            amount: due.iter().map(|i| -i.balance).sum(),
        })
    }

    /// What an instruction would hold.
    pub(super) async fn plan_view(
        &self,
        viewer: &Viewer,
        programme: &str,
        month: Month,
    ) -> Result<InstructView, Trouble> {
        self.whole(viewer)?;
        let at = self.at();
        let plan = self.office.pay_plan(programme, month, at).await?;
        let mut apart = Vec::new();
        for left in plan.apart.iter().take(LINES) {
            let store = &self.office.store;
            let household = match store.household_shard(left.payee).await? {
                Some(_) => Some(left.payee),
                None => store.household_of(left.payee, at.today, at.now).await?,
            };
            let name = match household {
                Some(id) => {
                    let home = store.history(id).await?;
                    home.map(|h| self.head_of(&h.history)).unwrap_or_default()
                }
                None => String::new(),
            };
            apart.push(ApartRow {
                household,
                name,
                owed: left.payable,
                reason: left.code.into(),
                detail: left.reason.clone(),
            });
        }
        Ok(InstructView {
            programme: self.shelf.programme(programme),
            month: month.to_string(),
            count: plan.count,
            amount: plan.total,
            withheld: plan.withheld,
            apart,
            left_out: plan.apart.len() as u64,
            left_owed: plan.apart.iter().map(|a| a.payable).sum(),
        })
    }

    fn batch_row(&self, batch: &Batch, states: &[BatchState]) -> BatchRow {
        let (mut counts, mut sums) = ([0; 5], [Fen::ZERO; 5]);
        for state in states.iter().filter(|s| s.batch == batch.id) {
            let n = position(state.state);
            counts[n] = u32::try_from(state.count).unwrap_or(u32::MAX);
            sums[n] = state.amount;
        }
        BatchRow {
            id: batch.id,
            programme: self.shelf.programme(&batch.programme),
            month: batch.month.clone(),
            attempt: batch.attempt,
            count: batch.count,
            total: batch.total,
            pay_on: batch.pay_on,
            made_at: batch.recorded_at,
            states: counts,
            sums,
        }
    }

    async fn find_batch(&self, id: Id) -> Result<Batch, Trouble> {
        let batches = self.office.store.batches().await?;
        batches
            .into_iter()
            .find(|b| b.id == id)
            .ok_or(Trouble::NotFound("batch"))
    }

    /// A batch with a page of its lines.
    pub(super) async fn batch_page(
        &self,
        viewer: &Viewer,
        id: Id,
        state: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<BatchPage, Trouble> {
        self.whole(viewer)?;
        let batch = self.find_batch(id).await?;
        let states = self.office.store.batch_states().await?;
        let payments = self.office.store.payments_in(&batch.shard, id).await?;
        let after: u32 = after.and_then(|a| a.parse().ok()).unwrap_or(0);
        let wanted =
            |p: &&Payment| p.sequence > after && (state.is_empty() || p.state.as_str() == state);
        let mut found: Vec<&Payment> = payments
            .iter()
            .filter(wanted)
            .take(limit.saturating_add(1))
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found
            .last()
            .filter(|_| more)
            .map(|p| p.sequence.to_string());
        let mut rows = Vec::with_capacity(found.len());
        for payment in found {
            rows.push(self.line(payment).await?);
        }
        let row = self.batch_row(&batch, &states);
        let open = self
            .payable(viewer, &batch.programme, self.at().month())
            .await?;
        // What came back is owed again until it is instructed anew.
        let returned = u64::from(row.states[position(PaymentState::Returned)])
            + u64::from(row.states[position(PaymentState::Rejected)]);
        Ok(BatchPage {
            reissue: returned.min(open.count),
            batch: row,
            state: state.into(),
            lines: Paged {
                rows,
                next,
                total: None,
            },
        })
    }

    async fn line(&self, payment: &Payment) -> Result<LineRow, Trouble> {
        let store = &self.office.store;
        let (household, person) = match store.household_shard(payment.payee).await? {
            Some(_) => (Some(payment.payee), None),
            None => {
                let home = store.households_of_person(payment.payee).await?.pop();
                (home, Some(payment.payee))
            }
        };
        Ok(LineRow {
            sequence: payment.sequence,
            household,
            person,
            holder: payment.holder.clone(),
            account: mask_account(&payment.account),
            bank: payment.bank.clone(),
            amount: payment.amount,
            items: payment
                .items
                .iter()
                .map(|i| (i.period.clone(), i.amount))
                .collect(),
            state: payment.state.as_str().into(),
            bank_reason: payment.bank_reason.clone(),
        })
    }

    /// Makes the instruction of a month; once made, the same again makes nothing new.
    pub(super) async fn instruct_now(
        &self,
        viewer: &Viewer,
        programme: &str,
        month: Month,
    ) -> Result<Id, Trouble> {
        self.whole(viewer)?;
        let made = self
            .office
            .pay(programme, month, &viewer.name, self.at())
            .await?;
        self.counts.forget();
        let file = made.files.iter().find(|f| f.new).or(made.files.last());
        file.map(|f| f.batch)
            .ok_or_else(|| Trouble::input("没有待发的款项", "there is nothing to pay"))
    }

    /// Instructs anew what a batch's bank returned.
    pub(super) async fn reissue_now(&self, viewer: &Viewer, batch: Id) -> Result<Id, Trouble> {
        self.whole(viewer)?;
        let batch = self.find_batch(batch).await?;
        let month = batch
            .month
            .parse()
            .map_err(|_| Trouble::NotFound("month"))?;
        self.instruct_now(viewer, &batch.programme, month).await
    }

    /// A batch's instruction as the bank wants it.
    pub(super) async fn file_of(
        &self,
        viewer: &Viewer,
        batch: Id,
        format: &str,
    ) -> Result<Download, Trouble> {
        self.whole(viewer)?;
        let batch = self.find_batch(batch).await?;
        let version = latest_version(self.office.law(), &batch.programme);
        let purpose = version
            .and_then(|p| p.payment.as_ref())
            .map(|t| t.purpose.clone())
            .unwrap_or_default();
        let made = self.office.write_files(&batch, &purpose).await?;
        let (path, media) = match format {
            "pain001" => (made.pain001, "application/xml"),
            _ => (
                made.xlsx,
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            ),
        };
        let bytes = tokio::fs::read(&path)
            .await
            .map_err(|error| Trouble::Internal(format!("{}: {error}", path.display())))?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        let name = format!(
            "{}-{}-{}",
            batch.programme,
            batch.month,
            name.unwrap_or_default()
        );
        Ok(Download { name, media, bytes })
    }

    /// Reads a bank's answer and books it.
    pub(super) async fn read_answer(
        &self,
        viewer: &Viewer,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<AnswerView, Trouble> {
        self.whole(viewer)?;
        let files = [(name.to_string(), bytes)];
        let summary = self
            .office
            .reconcile(&files, &viewer.name, self.at())
            .await?;
        self.counts.forget();
        let changed =
            |state: PaymentState| summary.changed.get(state.as_str()).copied().unwrap_or(0);
        let mut unmatched: Vec<String> = summary
            .discrepancies
            .iter()
            .map(|d| d.to_string())
            .collect();
        unmatched.truncate(200);
        Ok(AnswerView {
            paid: changed(PaymentState::Paid),
            returned: changed(PaymentState::Returned) + changed(PaymentState::Rejected),
            unknown: changed(PaymentState::Unknown),
            repeated: summary.repeated,
            unmatched,
        })
    }
}

/// The place of a state in [`BatchRow::states`].
fn position(state: PaymentState) -> usize {
    match state {
        PaymentState::Instructed => 0,
        PaymentState::Unknown => 1,
        PaymentState::Paid => 2,
        PaymentState::Rejected => 3,
        PaymentState::Returned => 4,
    }
}
