//! A pay run: from positions to payments, files of at most so many lines, and the transfers that
//! instruct them.
//!
//! Payees are handed in one by one, in an order that the caller keeps (by payee id, say), so that a
//! run of a million needs no more memory than its caller gives it. Ids are derived: building a run
//! again from the same positions gives the same batches, payments and transfers; building it again
//! after it was recorded gives nothing, because nothing is payable any more.

use crate::account::{Chart, Posting, Reason, Stamp, Transfer};
use crate::payment::{
    AccountFault, Batch, ControlTotals, Destination, Payment, PaymentItem, PaymentState, batch_id,
    check_account, parts, payment_id, plain_number,
};
use crate::position::Position;
use crate::recovery::{Debt, withholding};
use base::{Day, Fen, Id, Month};
use std::borrow::Cow;

/// What a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTerms {
    /// Home shard.
    pub shard: String,
    /// Programme id.
    pub programme: String,
    /// The month whose run it is; periods after it are not due.
    pub month: Month,
    /// 1, or [`crate::payment::next_attempt`] for arrears and re-issues within the month.
    pub attempt: u32,
    /// Requested execution.
    pub pay_on: Day,
    /// Lines per file at most; zero means no limit.
    pub lines_per_file: u32,
    /// Books and records.
    pub stamp: Stamp,
}

/// What became of one payee.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and nearly all are payments"
)]
pub enum Line {
    /// Nothing is payable.
    Nothing,
    /// A line in a file, with the transfers that instruct it.
    Pay {
        /// The line.
        payment: Payment,
        /// To be recorded with it.
        transfers: Vec<Transfer>,
    },
    /// Everything payable goes to overpayments: no line, but transfers to be recorded.
    AllWithheld {
        /// The id that the payment would have had; the transfers' link.
        id: Id,
        /// What it is made of; the sum is zero.
        items: Vec<PaymentItem>,
        /// To be recorded.
        transfers: Vec<Transfer>,
    },
    /// Payable, and not paid.
    Apart(Apart),
}

/// A payee to whom money is owed and who is in no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// Payee.
    pub payee: Id,
    /// Owed and due.
    pub payable: Fen,
    /// Why.
    pub reason: ApartReason,
}

/// Why a payee is in no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApartReason {
    /// No account is known.
    #[error("no account is known; record one")]
    NoAccount,
    /// The account cannot be right.
    #[error("{0}; record the right account")]
    BadAccount(#[from] AccountFault),
    /// Kept back.
    #[error("kept back: {0}")]
    Held(String),
    /// This attempt already has a payment of this payee.
    #[error("already paid in this run; what came later is for the next attempt")]
    InThisRun,
    /// The position is of another programme or shard, or its figures do not agree.
    #[error("the books of this payee are at fault: {0}; run verify")]
    Books(String),
}

/// A run being built.
#[derive(Clone, Debug)]
pub struct PayRun {
    terms: RunTerms,
    month: String,
    batches: Vec<(Batch, ControlTotals)>,
}

impl PayRun {
    /// Begins a run.
    pub fn new(terms: RunTerms) -> PayRun {
        PayRun {
            month: terms.month.to_string(),
            terms,
            batches: Vec::new(),
        }
    }

    /// The next payee. `debts` are the plans of this payee that may be withheld, of this programme and
    /// (where the law nets across programmes) of others. Advances the position; positions of other
    /// programmes are advanced by the caller with the transfers.
    pub fn payee(
        &mut self,
        position: &mut Position,
        destination: &Destination,
        debts: &[Debt],
    ) -> Line {
        let due: Vec<PaymentItem> = position
            .periods()
            .filter(|(period, p)| p.payable > Fen::ZERO && self.is_due(period))
            .map(|(period, p)| PaymentItem {
                period: period.to_owned(),
                amount: p.payable,
                recovers: None,
            })
            .collect();
        let gross: Fen = due.iter().map(|item| item.amount).sum();
        if gross <= Fen::ZERO {
            return Line::Nothing;
        }
        let terms = &self.terms;
        let id = payment_id(
            &terms.shard,
            &terms.programme,
            &self.month,
            terms.attempt,
            position.payee,
        );
        let (holder, account, bank) = match self.destination(position, id, destination) {
            Ok(known) => known,
            Err(reason) => {
                return Line::Apart(Apart {
                    payee: position.payee,
                    payable: gross,
                    reason,
                });
            }
        };
        let mut items = due;
        items.extend(withholding(
            gross,
            &terms.programme,
            terms.pay_on,
            &current(debts, position),
        ));
        let transfers = instruct(&terms.shard, id, &items, position, terms.stamp);
        for transfer in &transfers {
            position.apply(transfer);
        }
        let amount: Fen = items.iter().map(|item| item.amount).sum();
        if amount <= Fen::ZERO {
            return Line::AllWithheld {
                id,
                items,
                transfers,
            };
        }
        let (shard, programme) = (terms.shard.clone(), terms.programme.clone());
        let recorded_at = terms.stamp.recorded_at;
        let (batch, sequence) = self.add(&account, amount);
        Line::Pay {
            payment: Payment {
                id,
                shard,
                batch,
                sequence,
                payee: position.payee,
                programme,
                holder,
                account,
                bank,
                amount,
                items,
                state: PaymentState::Instructed,
                bank_reason: None,
                recorded_at,
            },
            transfers,
        }
    }

    /// The files, in order, with their control totals.
    pub fn finish(self) -> Vec<(Batch, ControlTotals)> {
        self.batches
    }

    fn is_due(&self, period: &str) -> bool {
        // Events and once-only periods are due as soon as they are owed.
        period
            .parse::<Month>()
            .map_or(true, |month| month <= self.terms.month)
    }

    fn destination(
        &self,
        position: &Position,
        id: Id,
        destination: &Destination,
    ) -> Result<(String, String, String), ApartReason> {
        if position.shard != self.terms.shard || position.programme != self.terms.programme {
            return Err(ApartReason::Books("of another programme".into()));
        }
        if let Some((period, fault)) = position.fault() {
            return Err(ApartReason::Books(format!("{period}: {fault}")));
        }
        if position.has_posted(id) {
            return Err(ApartReason::InThisRun);
        }
        match destination {
            Destination::Missing => Err(ApartReason::NoAccount),
            Destination::Held(reason) => Err(ApartReason::Held(reason.clone())),
            Destination::Account {
                holder,
                account,
                bank,
            } => {
                check_account(holder, account, bank)?;
                Ok((holder.trim().into(), plain_number(account), bank.clone()))
            }
        }
    }

    /// Gives the next line its file and place.
    fn add(&mut self, account: &str, amount: Fen) -> (Id, u32) {
        let limit = self.terms.lines_per_file;
        let full = self
            .batches
            .last()
            .is_none_or(|(batch, _)| limit > 0 && batch.count >= limit);
        if full {
            let file = self.batches.len() as u32 + 1;
            let terms = &self.terms;
            let id = batch_id(
                &terms.shard,
                &terms.programme,
                &self.month,
                terms.attempt,
                file,
            );
            let batch = Batch {
                id,
                shard: terms.shard.clone(),
                programme: terms.programme.clone(),
                month: self.month.clone(),
                attempt: terms.attempt,
                count: 0,
                total: Fen::ZERO,
                pay_on: terms.pay_on,
                recorded_at: terms.stamp.recorded_at,
            };
            self.batches.push((batch, ControlTotals::default()));
        }
        let last = self.batches.len() - 1;
        let (batch, totals) = &mut self.batches[last];
        totals.add(account, amount);
        batch.count = totals.count;
        batch.total = totals.total;
        (batch.id, batch.count)
    }
}

/// The debts with what is open now: those of this programme follow the position at hand.
fn current<'a>(debts: &'a [Debt], position: &Position) -> Cow<'a, [Debt]> {
    if debts.is_empty() {
        return Cow::Borrowed(debts);
    }
    let current = debts
        .iter()
        .filter(|debt| debt.plan.payee == position.payee);
    Cow::Owned(
        current
            .map(|debt| {
                let open = if debt.plan.programme == position.programme {
                    let now = position.period(&debt.plan.period).recoverable();
                    debt.open.min(now)
                } else {
                    debt.open
                };
                Debt {
                    plan: debt.plan.clone(),
                    open,
                }
            })
            .collect(),
    )
}

/// The transfers that instruct a payment of these items.
fn instruct(
    shard: &str,
    id: Id,
    items: &[PaymentItem],
    position: &Position,
    stamp: Stamp,
) -> Vec<Transfer> {
    let posting = Posting {
        shard,
        link: id,
        step: "instruct",
        stamp,
    };
    let chart = &position.chart;
    let mut transfers = Vec::with_capacity(items.len());
    for part in parts(items) {
        for (item, amount) in part.withheld {
            let receivable = match &item.recovers {
                Some(to) if to.programme != position.programme => {
                    Chart::of(shard, position.payee, &to.programme).receivable
                }
                _ => chart.receivable,
            };
            transfers.extend(posting.transfer(
                Reason::Withheld,
                (chart.payable, receivable),
                amount,
                part.period,
                Some(&item.period),
            ));
        }
        transfers.extend(posting.transfer(
            Reason::Instructed,
            (chart.payable, chart.in_transit),
            part.instructed,
            part.period,
            None,
        ));
    }
    transfers
}
