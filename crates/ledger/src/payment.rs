//! Payments and what the bank says of them.

use base::{Day, Fen, Id, Instant};
use serde::{Deserialize, Serialize};

/// Where a payment stands. Order: instructed, then one of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentState {
    /// In an instruction file.
    Instructed,
    /// The bank answered without a final word.
    Unknown,
    /// Confirmed.
    Paid,
    /// Came back; the money is owed again.
    Returned,
}

/// One line of an instruction: one payee, one sum, for the entitlement changes it covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Derived from batch, payee and attempt.
    pub id: Id,
    /// Home shard.
    pub shard: String,
    /// The batch (instruction file).
    pub batch: Id,
    /// Position in the batch, from 1.
    pub sequence: u32,
    /// Payee.
    pub payee: Id,
    /// Programme id.
    pub programme: String,
    /// Holder, as the bank knows it.
    pub holder: String,
    /// Account number, in clear only in memory and in the file.
    pub account: String,
    /// Bank's code.
    pub bank: String,
    /// To be paid.
    pub amount: Fen,
    /// What it is made of: period and amount; withheld recoveries are negative.
    pub items: Vec<PaymentItem>,
    /// Where it stands.
    pub state: PaymentState,
    /// The bank's reason, when it returned it.
    pub bank_reason: Option<String>,
    /// When it was recorded.
    pub recorded_at: Instant,
}

/// A part of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentItem {
    /// The period it is for, as text.
    pub period: String,
    /// Positive: owed; negative: withheld.
    pub amount: Fen,
}

/// One instruction file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Derived from shard, programme, month and attempt.
    pub id: Id,
    /// Home shard.
    pub shard: String,
    /// Programme id.
    pub programme: String,
    /// The month whose pay run it is, as text.
    pub month: String,
    /// 1; re-issues of returned payments count on.
    pub attempt: u32,
    /// Lines.
    pub count: u32,
    /// Sum of the lines.
    pub total: Fen,
    /// Requested execution.
    pub pay_on: Day,
    /// When it was made.
    pub recorded_at: Instant,
}
