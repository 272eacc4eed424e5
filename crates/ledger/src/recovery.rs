//! Getting overpaid money back: the measure taken, what a payment may have withheld, repayment in
//! cash, waiver.
//!
//! A recovery is limited at every step by [`PeriodPosition::recoverable`]: what is overpaid, still
//! open, and surely with the payee. A plan only says how and from when; it is no claim of its own, so
//! that a later determination which takes the overpayment back also empties the plan.
//!
//! [`PeriodPosition::recoverable`]: crate::position::PeriodPosition::recoverable

use crate::account::{Posting, Reason, Stamp, Transfer};
use crate::payment::{PaymentItem, Recovers};
use crate::position::Position;
use crate::post::settle;
use base::{Day, Fen, Id, Instant, Month};
use serde::{Deserialize, Serialize};

/// How the law lets overpaid money be recovered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The largest share, in percent, of a later payment that may be withheld; `None`: no withholding.
    pub cap_percent: Option<u32>,
    /// Totals up to this are waived; zero: none.
    pub waive_up_to: Fen,
    /// In so many equal parts; `None`: as the cap allows.
    pub instalments: Option<u32>,
    /// May it be withheld from payments of other programmes?
    pub across_programmes: bool,
}

/// How one overpayment comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Derived from payee, programme, period and cause.
    pub id: Id,
    /// Home shard.
    pub shard: String,
    /// Payee.
    pub payee: Id,
    /// The programme that overpaid.
    pub programme: String,
    /// The overpaid period, as text.
    pub period: String,
    /// What was open when the plan was made. What is open now is in the position.
    pub amount: Fen,
    /// Nothing is withheld from payments before this day: the term to be heard or to object has run.
    pub not_before: Day,
    /// The largest share, in percent, of a payment; `None`: repayment in cash only.
    pub cap_percent: Option<u32>,
    /// The largest amount withheld from one payment.
    pub per_payment: Option<Fen>,
    /// May payments of other programmes be used?
    pub across_programmes: bool,
    /// The entitlement change that overpaid, or the decision that ordered the plan.
    pub cause: Id,
    /// When it was recorded.
    pub recorded_at: Instant,
}

/// What is to be done about an overpayment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Nothing is recoverable (now): never paid, or taken back.
    Nothing,
    /// The small sum is given up; post the transfers (the position has advanced).
    Waived(Vec<Transfer>),
    /// To be recovered so.
    Plan(Plan),
}

/// Why a recovery step is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// Not a positive amount.
    #[error("{0} is no amount to recover or waive; it must be above zero")]
    NotPositive(Fen),
    /// More than is open and was really paid.
    #[error(
        "{asked} is more than the {open} that is overpaid, paid out and still open for {period}"
    )]
    TooMuch {
        /// For which period.
        period: String,
        /// Asked.
        asked: Fen,
        /// Open.
        open: Fen,
    },
    /// More than was waived.
    #[error("{asked} is more than the {waived} that is waived for {period}")]
    NotWaived {
        /// For which period.
        period: String,
        /// Asked.
        asked: Fen,
        /// Waived.
        waived: Fen,
    },
}

/// The measure for what is overpaid in a period: nothing, a waiver (when all that is recoverable from
/// the payee in this programme is within the limit), or a plan that starts no earlier than
/// `not_before`. The same cause yields the same plan or waiver.
pub fn measure(
    terms: &Terms,
    position: &mut Position,
    period: &str,
    cause: Id,
    not_before: Day,
    stamp: Stamp,
) -> Measure {
    let open = position.period(period).recoverable();
    if open <= Fen::ZERO {
        return Measure::Nothing;
    }
    if position.sum(|p| p.recoverable()) <= terms.waive_up_to {
        return Measure::Waived(post_waiver(position, period, open, cause, stamp));
    }
    let mut buffer = uuid::Uuid::encode_buffer();
    let payee = position.payee.uuid().simple().encode_lower(&mut buffer);
    let id = Id::derive(&[
        "recovery",
        &position.shard,
        payee,
        &position.programme,
        period,
        &cause.to_string(),
    ]);
    Measure::Plan(Plan {
        id,
        shard: position.shard.clone(),
        payee: position.payee,
        programme: position.programme.clone(),
        period: period.into(),
        amount: open,
        not_before,
        cap_percent: terms.cap_percent.map(|percent| percent.min(100)),
        per_payment: terms
            .instalments
            .filter(|n| *n > 0)
            .map(|n| Fen(open.0 / i64::from(n) + i64::from(open.0 % i64::from(n) != 0))),
        across_programmes: terms.across_programmes,
        cause,
        recorded_at: stamp.recorded_at,
    })
}

/// Two records turned out to be one payee. What the record given up was overpaid, and has, is carried to
/// the one that continues; where that one is still to be paid for the same period, the two cancel out, so
/// that nobody is paid a second time what they have. What is still with the bank is carried when it is
/// confirmed, and what was carried and came back from the bank is owed to the one that continues: ask again
/// then. Advances both positions; nothing happens across programmes.
pub fn carry_over(
    given_up: &mut Position,
    continues: &mut Position,
    cause: Id,
    stamp: Stamp,
) -> Vec<Transfer> {
    if given_up.programme != continues.programme
        || given_up.shard != continues.shard
        || given_up.payee == continues.payee
    {
        return Vec::new();
    }
    let (old, new) = (given_up.chart, continues.chart);
    let mut open: Vec<(String, &str, (Id, Id), Fen)> = Vec::new();
    for (period, p) in given_up.periods() {
        let came_back = p.payable.min(Fen::ZERO - p.carried);
        let sides = [
            ("carry", (new.receivable, old.receivable), p.recoverable()),
            ("back", (old.payable, new.payable), came_back),
        ];
        for (way, accounts, amount) in sides {
            if amount > Fen::ZERO {
                open.push((period.to_owned(), way, accounts, amount));
            }
        }
    }
    let mut transfers = Vec::new();
    for (period, way, accounts, amount) in open {
        // Each further sum of a period is a step of its own: money comes back at most once between two.
        let before = given_up.period(&period);
        let step = format!("{way} {} {}", Fen::ZERO - before.carried, before.returned);
        let posting = Posting {
            shard: &continues.shard.clone(),
            link: Id::derive(&["carried", &cause.to_string(), &period]),
            step: &step,
            stamp,
        };
        let Some(carried) = posting.transfer(Reason::Carried, accounts, amount, &period, None)
        else {
            continue;
        };
        given_up.apply(&carried);
        continues.apply(&carried);
        transfers.push(carried);
        transfers.extend(settle(continues, &period, posting));
    }
    transfers
}

/// The periods of a position in which something is recoverable and no plan says how: what was overpaid
/// while it was still with the bank becomes recoverable only when the bank confirms, so that every
/// reconciliation (and the night run) asks this.
pub fn without_plan(position: &Position, plans: &[Plan]) -> Vec<(String, Fen)> {
    position
        .periods()
        .filter(|(period, p)| {
            p.recoverable() > Fen::ZERO
                && !plans.iter().any(|plan| {
                    plan.payee == position.payee
                        && plan.programme == position.programme
                        && plan.period == *period
                })
        })
        .map(|(period, p)| (period.to_owned(), p.recoverable()))
        .collect()
}

/// A plan with what is open of it, as a pay run needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debt {
    /// The plan.
    pub plan: Plan,
    /// What is recoverable now.
    pub open: Fen,
}

impl Debt {
    /// The plan's debt in the payee's position of the programme that overpaid; `None` when nothing is
    /// open or the position is another's.
    pub fn of(plan: &Plan, position: &Position) -> Option<Debt> {
        let same = position.payee == plan.payee && position.programme == plan.programme;
        let open = position.period(&plan.period).recoverable();
        (same && open > Fen::ZERO).then(|| Debt {
            plan: plan.clone(),
            open,
        })
    }
}

/// What is withheld from a payment of `gross` of `programme` on `day`, as negative items: plans in the
/// order of their start, all together within the share that each allows (floored to fen), each within
/// its instalment and what is open. Two plans for one period share what is open of it.
pub fn withholding(gross: Fen, programme: &str, day: Day, debts: &[Debt]) -> Vec<PaymentItem> {
    let mut due: Vec<&Debt> = debts
        .iter()
        .filter(|debt| {
            debt.plan.not_before <= day
                && (debt.plan.across_programmes || debt.plan.programme == programme)
        })
        .collect();
    due.sort_by(|a, b| {
        let key = |d: &Debt| (d.plan.not_before, d.plan.id);
        (key(a), &a.plan.period).cmp(&(key(b), &b.plan.period))
    });
    let mut items: Vec<PaymentItem> = Vec::new();
    let mut taken_all = Fen::ZERO;
    for debt in due {
        let Some(percent) = debt.plan.cap_percent else {
            continue;
        };
        let share = i128::from(gross.0.max(0)) * i128::from(percent.min(100)) / 100;
        let cap = Fen(i64::try_from(share).unwrap_or(0)) - taken_all;
        let same_period: Fen = items
            .iter()
            .filter(|item| {
                item.period == debt.plan.period
                    && item
                        .recovers
                        .as_ref()
                        .is_some_and(|r| r.programme == debt.plan.programme)
            })
            .map(|item| -item.amount)
            .sum();
        let amount = cap
            .min(debt.open - same_period)
            .min(debt.plan.per_payment.unwrap_or(debt.open));
        if amount > Fen::ZERO {
            taken_all = taken_all + amount;
            items.push(PaymentItem {
                period: debt.plan.period.clone(),
                amount: -amount,
                recovers: Some(Recovers {
                    plan: debt.plan.id,
                    programme: debt.plan.programme.clone(),
                }),
            });
        }
    }
    items
}

/// What a repayment in cash came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repayment {
    /// To be recorded.
    pub transfers: Vec<Transfer>,
    /// Booked.
    pub taken: Fen,
    /// More than is open: not booked, to be given back.
    pub excess: Fen,
}

/// Books cash from the payee: for the period named, or for the oldest open ones first. A receipt that
/// is already posted yields nothing. Advances the position.
pub fn repay(
    position: &mut Position,
    amount: Fen,
    period: Option<&str>,
    receipt: Id,
    stamp: Stamp,
) -> Result<Repayment, RecoveryError> {
    if amount <= Fen::ZERO {
        return Err(RecoveryError::NotPositive(amount));
    }
    if position.has_posted(receipt) {
        return Ok(Repayment::default());
    }
    let open: Vec<(String, Fen)> = position
        .periods()
        .filter(|(text, p)| period.is_none_or(|only| only == *text) && p.recoverable() > Fen::ZERO)
        .map(|(text, p)| (text.to_owned(), p.recoverable()))
        .collect();
    let mut result = Repayment {
        excess: amount,
        ..Repayment::default()
    };
    let shard = position.shard.clone();
    let posting = Posting {
        shard: &shard,
        link: receipt,
        step: "",
        stamp,
    };
    let sides = (position.chart.bank, position.chart.receivable);
    for (period, open) in open {
        let part = open.min(result.excess);
        let Some(transfer) = posting.transfer(Reason::Repaid, sides, part, &period, None) else {
            break;
        };
        position.apply(&transfer);
        result.transfers.push(transfer);
        result.taken = result.taken + part;
        result.excess = result.excess - part;
    }
    Ok(result)
}

/// Gives up (part of) an overpayment by a decision. A decision that is already posted yields nothing.
/// Advances the position.
pub fn waive(
    position: &mut Position,
    period: &str,
    amount: Fen,
    decision: Id,
    stamp: Stamp,
) -> Result<Vec<Transfer>, RecoveryError> {
    if amount <= Fen::ZERO {
        return Err(RecoveryError::NotPositive(amount));
    }
    let open = position.period(period).recoverable();
    if !waiver_is_posted(position, decision, period) && amount > open {
        return Err(RecoveryError::TooMuch {
            period: period.into(),
            asked: amount,
            open,
        });
    }
    Ok(post_waiver(position, period, amount, decision, stamp))
}

/// The link of the transfers of a waiver. The causes of a waiver are kept apart from those of postings: a change that overpaid may itself be
/// the cause of the waiver.
pub fn waiver_link(cause: Id, period: &str) -> Id {
    Id::derive(&["waiver", &cause.to_string(), period])
}

/// Takes (part of) a waiver back: the sum is open again. A decision that is already posted yields nothing.
/// Advances the position.
pub fn take_back_waiver(
    position: &mut Position,
    period: &str,
    amount: Fen,
    decision: Id,
    stamp: Stamp,
) -> Result<Vec<Transfer>, RecoveryError> {
    if amount <= Fen::ZERO {
        return Err(RecoveryError::NotPositive(amount));
    }
    let link = Id::derive(&["waiver-taken-back", &decision.to_string(), period]);
    if position.has_posted(link) {
        return Ok(Vec::new());
    }
    let waived = position.period(period).waived;
    if amount > waived {
        return Err(RecoveryError::NotWaived {
            period: period.into(),
            asked: amount,
            waived,
        });
    }
    let sides = (position.chart.receivable, position.chart.waived);
    let transfer = Posting {
        shard: &position.shard,
        link,
        step: "",
        stamp,
    }
    .transfer(Reason::Unwaived, sides, amount, period, None);
    if let Some(transfer) = &transfer {
        position.apply(transfer);
    }
    Ok(transfer.into_iter().collect())
}

fn waiver_is_posted(position: &Position, cause: Id, period: &str) -> bool {
    position.has_posted(waiver_link(cause, period))
}

fn post_waiver(
    position: &mut Position,
    period: &str,
    amount: Fen,
    cause: Id,
    stamp: Stamp,
) -> Vec<Transfer> {
    if waiver_is_posted(position, cause, period) {
        return Vec::new();
    }
    let sides = (position.chart.waived, position.chart.receivable);
    let transfer = Posting {
        shard: &position.shard,
        link: waiver_link(cause, period),
        step: "",
        stamp,
    }
    .transfer(Reason::Waived, sides, amount, period, None);
    if let Some(transfer) = &transfer {
        position.apply(transfer);
    }
    transfer.into_iter().collect()
}

/// The payments by which a plan would end, for its notice: each later payment is taken to be
/// `payment`, month by month from `first`. Ends after 1,200 months; what is then left is not listed.
pub fn schedule(plan: &Plan, open: Fen, payment: Fen, first: Month) -> Vec<(Month, Fen)> {
    let share = match plan.cap_percent {
        Some(percent) => i128::from(payment.0.max(0)) * i128::from(percent.min(100)) / 100,
        None => 0,
    };
    let share = Fen(i64::try_from(share).unwrap_or(0)).min(plan.per_payment.unwrap_or(open));
    let (mut left, mut month) = (open, first);
    let mut dates = Vec::new();
    while left > Fen::ZERO && share > Fen::ZERO && dates.len() < 1_200 {
        let part = share.min(left);
        dates.push((month, part));
        left = left - part;
        month = month.next();
    }
    dates
}
