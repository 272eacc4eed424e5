//! Payments and what the bank says of them.

use base::{Day, Fen, Id, Instant};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a payment stands. The order is the precedence: whatever the order in which the bank's answers
/// come, the highest state that any of them gives is the one that stands (see `reconcile`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentState {
    /// In an instruction file.
    Instructed,
    /// The bank answered without a final word.
    Unknown,
    /// The bank says that it refused it, and nothing says that the money left; it is owed again.
    Rejected,
    /// Confirmed.
    Paid,
    /// Booked back on the statement; the money is owed again.
    Returned,
}

impl PaymentState {
    /// The text form, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            PaymentState::Instructed => "instructed",
            PaymentState::Unknown => "unknown",
            PaymentState::Rejected => "rejected",
            PaymentState::Paid => "paid",
            PaymentState::Returned => "returned",
        }
    }

    /// Is the money still with the bank?
    pub const fn is_open(self) -> bool {
        matches!(self, PaymentState::Instructed | PaymentState::Unknown)
    }
}

/// One line of an instruction: one payee, one sum, for the entitlement changes it covers. Its debug
/// form shows the end of the account number only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Derived from shard, programme, month, attempt and payee ([`payment_id`]).
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

impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payment")
            .field("id", &self.id)
            .field("shard", &self.shard)
            .field("batch", &self.batch)
            .field("sequence", &self.sequence)
            .field("payee", &self.payee)
            .field("programme", &self.programme)
            .field("account", &masked(&self.account))
            .field("amount", &self.amount)
            .field("items", &self.items)
            .field("state", &self.state)
            .field("bank_reason", &self.bank_reason)
            .field("recorded_at", &self.recorded_at)
            .finish_non_exhaustive()
    }
}

/// An account number as it may be shown: its last four characters.
pub fn masked(account: &str) -> String {
    let count = account.chars().count();
    let shown = if count > 8 { 4 } else { 0 };
    let end: String = account.chars().skip(count - shown).collect();
    format!("****{end}")
}

/// A part of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentItem {
    /// The period it is for, as text.
    pub period: String,
    /// Positive: owed; negative: withheld.
    pub amount: Fen,
    /// Of a negative item: whose overpayment it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovers: Option<Recovers>,
}

/// What a withheld item recovers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovers {
    /// The recovery plan.
    pub plan: Id,
    /// The programme that overpaid (another one only where the law nets across programmes).
    pub programme: String,
}

/// One instruction file. A pay run of many payees is split in several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Derived from shard, programme, month, attempt and file number ([`batch_id`]).
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

/// The derived id of the payment of a payee in a pay run: one line per payee, run and attempt.
pub fn payment_id(shard: &str, programme: &str, month: &str, attempt: u32, payee: Id) -> Id {
    let mut buffer = uuid::Uuid::encode_buffer();
    let payee = payee.uuid().simple().encode_lower(&mut buffer);
    let attempt = attempt.to_string();
    Id::derive(&["payment", shard, programme, month, &attempt, payee])
}

/// The derived id of the `file`-th instruction file (from 1) of a pay run.
pub fn batch_id(shard: &str, programme: &str, month: &str, attempt: u32, file: u32) -> Id {
    let (attempt, file) = (attempt.to_string(), file.to_string());
    Id::derive(&["batch", shard, programme, month, &attempt, &file])
}

/// The attempt that a new pay run of a programme's month gets, from the batches that were made.
pub fn next_attempt<'a>(
    shard: &str,
    programme: &str,
    month: &str,
    batches: impl IntoIterator<Item = &'a Batch>,
) -> u32 {
    batches
        .into_iter()
        .filter(|b| b.shard == shard && b.programme == programme && b.month == month)
        .map(|b| b.attempt)
        .max()
        .map_or(1, |last| last.saturating_add(1))
}

/// Where a payee's money goes. Its debug form shows the end of the account number only.
#[derive(Clone, PartialEq, Eq)]
pub enum Destination {
    /// An account.
    Account {
        /// Holder, as the bank knows it.
        holder: String,
        /// Account number.
        account: String,
        /// Bank's code: a BIC, or a clearing member number; may be empty for the paying bank's own.
        bank: String,
    },
    /// None is known.
    Missing,
    /// A human decision keeps the payment back, for this reason.
    Held(String),
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Account { account, .. } => write!(f, "Account({})", masked(account)),
            Destination::Missing => f.write_str("Missing"),
            Destination::Held(reason) => write!(f, "Held({reason:?})"),
        }
    }
}

/// What is wrong with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum AccountFault {
    /// Nobody's name.
    #[error("the holder's name is empty, longer than 140 characters or holds control characters")]
    Holder,
    /// No account number.
    #[error("the account number is not 6 to 34 digits or letters")]
    Number,
    /// No bank code.
    #[error("the bank code is longer than 35 characters or holds other than digits and letters")]
    Bank,
}

/// Checks an account before it is told to a bank. Blanks and hyphens in the number are no fault; they
/// are dropped by [`plain_number`].
pub fn check_account(holder: &str, account: &str, bank: &str) -> Result<(), AccountFault> {
    let holder = holder.trim();
    if holder.is_empty() || holder.chars().count() > 140 || holder.chars().any(char::is_control) {
        return Err(AccountFault::Holder);
    }
    let number = plain_number(account);
    if !(6..=34).contains(&number.len()) || !number.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(AccountFault::Number);
    }
    if bank.len() > 35 || !bank.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(AccountFault::Bank);
    }
    Ok(())
}

/// An account number without the blanks and hyphens that people write in it.
pub fn plain_number(account: &str) -> String {
    account
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect()
}

/// A period's share in a payment: what of it is instructed, and what of it is withheld for which of
/// the payment's negative items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The period that pays.
    pub period: &'a str,
    /// Goes to the bank; may be zero.
    pub instructed: Fen,
    /// The withheld items it pays for, with the amount (positive).
    pub withheld: Vec<(&'a PaymentItem, Fen)>,
}

/// Splits a payment by the periods that pay: withheld items are taken from the owed ones in order. The
/// one rule by which a run instructs, an answer is booked and `verify` compares.
pub fn parts(items: &[PaymentItem]) -> Vec<Part<'_>> {
    let mut withheld = items
        .iter()
        .filter(|item| item.amount < Fen::ZERO)
        .map(|item| (item, -item.amount));
    let mut next = withheld.next();
    let mut parts = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| item.amount > Fen::ZERO) {
        let mut part = Part {
            period: &item.period,
            instructed: item.amount,
            withheld: Vec::new(),
        };
        while let Some((debt, left)) = next
            && part.instructed > Fen::ZERO
        {
            let taken = left.min(part.instructed);
            part.instructed = part.instructed - taken;
            part.withheld.push((debt, taken));
            next = if left > taken {
                Some((debt, left - taken))
            } else {
                withheld.next()
            };
        }
        parts.push(part);
    }
    parts
}

/// Control totals of a file, to be compared at the bank's counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlTotals {
    /// Lines.
    pub count: u32,
    /// Sum of the lines.
    pub total: Fen,
    /// Sum of the last fifteen digits of the account numbers, modulo 10^15: changes when a number is
    /// mistyped or a line exchanged for another.
    pub hash: u64,
}

impl ControlTotals {
    const MODULUS: u64 = 1_000_000_000_000_000;

    /// Adds a line.
    pub fn add(&mut self, account: &str, amount: Fen) {
        let digits = account.bytes().rev().filter(u8::is_ascii_digit).take(15);
        let (number, _) = digits.fold((0u64, 1u64), |(sum, scale), digit| {
            (
                sum + u64::from(digit - b'0') * scale,
                scale.saturating_mul(10),
            )
        });
        self.count = self.count.saturating_add(1);
        self.total = self.total + amount;
        self.hash = (self.hash + number) % Self::MODULUS;
    }

    /// Of payments.
    pub fn of<'a>(payments: impl IntoIterator<Item = &'a Payment>) -> ControlTotals {
        let mut totals = ControlTotals::default();
        for payment in payments {
            totals.add(&payment.account, payment.amount);
        }
        totals
    }
}
