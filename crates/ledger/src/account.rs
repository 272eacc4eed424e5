//! Accounts and transfers.

use base::{Day, Fen, Id, Instant};
use serde::{Deserialize, Serialize};

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Spending of a programme (debit balance grows with what is owed).
    Expense,
    /// Owed to a payee and not yet instructed (credit balance).
    Payable,
    /// Instructed to the bank and not yet confirmed (credit balance).
    InTransit,
    /// The bank account that pays (credit balance grows with what was paid).
    Bank,
    /// Overpaid, to come back from a payee (debit balance).
    Receivable,
    /// Overpaid and waived (debit balance).
    Waived,
}

/// An account. Derived id: the same owner, programme and purpose are one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Account {
    /// Derived from the other fields.
    pub id: Id,
    /// Home shard.
    pub shard: String,
    /// Payee, or the programme's fund (`None`).
    pub owner: Option<Id>,
    /// Programme id.
    pub programme: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// An entitlement, or arrears: expense → payable.
    Owed,
    /// An entitlement that fell before it was paid: payable → expense.
    OwedLess,
    /// An entitlement that fell after it was paid: receivable → expense.
    Overpaid,
    /// An instruction: payable → in transit.
    Instructed,
    /// The bank confirms: in transit → bank.
    Paid,
    /// The bank returns: in transit (or bank) → payable.
    Returned,
    /// Withheld from a payment: payable → receivable.
    Withheld,
    /// Repaid by the payee: bank → receivable.
    Repaid,
    /// Given up: waived → receivable.
    Waived,
    /// An overpayment that a later determination takes back: expense → receivable.
    OverpaidLess,
}

/// One movement. Immutable; an error is mended by another transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Derived from what caused it: posting twice records once.
    pub id: Id,
    /// Home shard.
    pub shard: String,
    /// Account debited.
    pub debit: Id,
    /// Account credited.
    pub credit: Id,
    /// Positive.
    pub amount: Fen,
    /// Why.
    pub reason: Reason,
    /// What caused it: an entitlement change, a payment, a recovery.
    pub link: Id,
    /// The programme's period that it is for, as text.
    pub period: String,
    /// Day of the books.
    pub booked: Day,
    /// When it was recorded.
    pub recorded_at: Instant,
}
