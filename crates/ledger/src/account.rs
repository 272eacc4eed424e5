//! Accounts, and the transfers between them: double entry in fen.
//!
//! The chart is small. A programme's fund has [`Purpose::Expense`] and [`Purpose::Bank`]; each payee
//! of a programme has [`Purpose::Payable`], [`Purpose::InTransit`], [`Purpose::Receivable`] and
//! [`Purpose::Waived`]. No balance is negative on its own side, but the bank's for as long as money
//! that was recovered and then came back from the bank is owed again. What pairs of accounts a [`Reason`] may move between is a table ([`Reason::sides`]) that `verify` holds to.

use base::{Day, Fen, Id, Instant};
use serde::{Deserialize, Serialize};
use std::fmt;

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

impl Purpose {
    /// Every purpose, in the order of the chart.
    pub const ALL: [Purpose; 6] = [
        Purpose::Expense,
        Purpose::Payable,
        Purpose::InTransit,
        Purpose::Bank,
        Purpose::Receivable,
        Purpose::Waived,
    ];

    /// The text form, as stored and as part of derived ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Purpose::Expense => "expense",
            Purpose::Payable => "payable",
            Purpose::InTransit => "in-transit",
            Purpose::Bank => "bank",
            Purpose::Receivable => "receivable",
            Purpose::Waived => "waived",
        }
    }

    /// Does the balance stand on the debit side (debits less credits)? Otherwise it is credits less
    /// debits.
    pub const fn debit_normal(self) -> bool {
        matches!(
            self,
            Purpose::Expense | Purpose::Receivable | Purpose::Waived
        )
    }

    /// Is it the programme's fund that owns accounts of this purpose, not a payee?
    pub const fn of_fund(self) -> bool {
        matches!(self, Purpose::Expense | Purpose::Bank)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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

impl Account {
    /// The account of a payee for a programme, or of the programme's fund (`owner` is `None`).
    pub fn of(shard: &str, owner: Option<Id>, programme: &str, purpose: Purpose) -> Account {
        Account {
            id: account_id(shard, owner, programme, purpose),
            shard: shard.into(),
            owner,
            programme: programme.into(),
            purpose,
        }
    }

    /// Is the id the one derived from the other fields, and does the right kind of owner own it?
    pub fn is_sound(&self) -> bool {
        self.owner.is_none() == self.purpose.of_fund()
            && self.id == account_id(&self.shard, self.owner, &self.programme, self.purpose)
    }
}

/// The derived id of an account.
pub fn account_id(shard: &str, owner: Option<Id>, programme: &str, purpose: Purpose) -> Id {
    let mut buffer = uuid::Uuid::encode_buffer();
    let owner: &str = match owner {
        Some(id) => id.uuid().hyphenated().encode_lower(&mut buffer),
        None => "",
    };
    Id::derive(&["account", shard, owner, programme, purpose.as_str()])
}

/// Maps by id. Ids of records are already spread evenly (they are digests, or end in random bits), so
/// that two words of them serve as their hash: a third of the time of a reconciliation otherwise goes
/// into hashing.
pub(crate) type IdMap<T> =
    std::collections::HashMap<Id, T, std::hash::BuildHasherDefault<IdHasher>>;
/// Sets of ids; see [`IdMap`].
pub(crate) type IdSet = std::collections::HashSet<Id, std::hash::BuildHasherDefault<IdHasher>>;

/// Folds what it is given into one word.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl std::hash::Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = (self.0.rotate_left(23) ^ u64::from_le_bytes(word))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.0 = mixed ^ (mixed >> 32);
        }
    }
}

/// The ids of the accounts that one payee's money in one programme moves between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chart {
    /// The fund's spending.
    pub expense: Id,
    /// The fund's bank account.
    pub bank: Id,
    /// Owed to the payee.
    pub payable: Id,
    /// Instructed.
    pub in_transit: Id,
    /// Overpaid.
    pub receivable: Id,
    /// Overpaid and given up.
    pub waived: Id,
}

impl Chart {
    /// Of a payee in a programme.
    pub fn of(shard: &str, payee: Id, programme: &str) -> Chart {
        let id = |purpose: Purpose| {
            let owner = (!purpose.of_fund()).then_some(payee);
            account_id(shard, owner, programme, purpose)
        };
        Chart {
            expense: id(Purpose::Expense),
            bank: id(Purpose::Bank),
            payable: id(Purpose::Payable),
            in_transit: id(Purpose::InTransit),
            receivable: id(Purpose::Receivable),
            waived: id(Purpose::Waived),
        }
    }

    /// The account for a purpose.
    pub fn id(&self, purpose: Purpose) -> Id {
        match purpose {
            Purpose::Expense => self.expense,
            Purpose::Payable => self.payable,
            Purpose::InTransit => self.in_transit,
            Purpose::Bank => self.bank,
            Purpose::Receivable => self.receivable,
            Purpose::Waived => self.waived,
        }
    }
}

/// The accounts of a payee in a programme with those of the fund: six records, to be written before
/// the first transfer (writing twice records once).
pub fn chart(shard: &str, payee: Id, programme: &str) -> [Account; 6] {
    Purpose::ALL.map(|purpose| {
        let owner = (!purpose.of_fund()).then_some(payee);
        Account::of(shard, owner, programme, purpose)
    })
}

/// Why money moved. `a → b` reads: `a` is debited, `b` is credited.
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
    /// The bank confirms: in transit → bank. When it had said before that it refused: payable → bank,
    /// and for what was instructed anew in between, receivable → bank.
    Paid,
    /// The bank returns: in transit (or bank) → payable.
    Returned,
    /// Withheld from a payment: payable → receivable. `period` is the one that pays, `counter_period`
    /// the one whose overpayment it reduces.
    Withheld,
    /// Repaid by the payee: bank → receivable.
    Repaid,
    /// Given up: waived → receivable.
    Waived,
    /// A waiver is taken back: receivable → waived.
    Unwaived,
    /// An overpayment that a later determination takes back: expense → receivable (or waived).
    OverpaidLess,
    /// Two records turned out to be one payee: what the one given up was overpaid is the other's:
    /// receivable of the one that continues → receivable of the one given up. Where that money comes back
    /// from the bank afterwards, it is owed to the other: payable of the one given up → payable of the one
    /// that continues.
    Carried,
}

impl Reason {
    /// The text form, as stored and as part of derived ids.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Owed => "owed",
            Reason::OwedLess => "owed-less",
            Reason::Overpaid => "overpaid",
            Reason::Instructed => "instructed",
            Reason::Paid => "paid",
            Reason::Returned => "returned",
            Reason::Withheld => "withheld",
            Reason::Repaid => "repaid",
            Reason::Waived => "waived",
            Reason::Unwaived => "unwaived",
            Reason::OverpaidLess => "overpaid-less",
            Reason::Carried => "carried",
        }
    }

    /// The pairs (debited, credited) that this reason may move between.
    pub const fn sides(self) -> &'static [(Purpose, Purpose)] {
        use Purpose::*;
        match self {
            Reason::Owed => &[(Expense, Payable)],
            Reason::OwedLess => &[(Payable, Expense)],
            Reason::Overpaid => &[(Receivable, Expense)],
            Reason::Instructed => &[(Payable, InTransit)],
            Reason::Paid => &[(InTransit, Bank), (Payable, Bank), (Receivable, Bank)],
            Reason::Returned => &[(InTransit, Payable), (Bank, Payable)],
            Reason::Withheld => &[(Payable, Receivable)],
            Reason::Repaid => &[(Bank, Receivable)],
            Reason::Waived => &[(Waived, Receivable)],
            Reason::Unwaived => &[(Receivable, Waived)],
            Reason::OverpaidLess => &[(Expense, Receivable), (Expense, Waived)],
            Reason::Carried => &[(Receivable, Receivable), (Payable, Payable)],
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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
    /// Of [`Reason::Withheld`] only: the period whose overpayment the money goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter_period: Option<String>,
    /// Day of the books.
    pub booked: Day,
    /// When it was recorded.
    pub recorded_at: Instant,
}

/// The day of the books and the moment of recording that a set of transfers gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Day of the books.
    pub booked: Day,
    /// When it is recorded.
    pub recorded_at: Instant,
}

/// What one posting has in common for all its transfers: shard, cause and stamp.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting<'a> {
    pub shard: &'a str,
    /// What caused it.
    pub link: Id,
    /// Which step of the cause, when one cause posts at several times (a payment is instructed, then
    /// paid, then perhaps returned).
    pub step: &'a str,
    pub stamp: Stamp,
}

impl Posting<'_> {
    /// One transfer, or `None` for an amount that is not positive. The id follows from the cause, its
    /// step, the accounts and the periods.
    pub fn transfer(
        &self,
        reason: Reason,
        (debit, credit): (Id, Id),
        amount: Fen,
        period: &str,
        counter_period: Option<&str>,
    ) -> Option<Transfer> {
        if amount <= Fen::ZERO {
            return None;
        }
        let mut buffers = [uuid::Uuid::encode_buffer(); 3];
        let [link_text, debit_text, credit_text] = &mut buffers;
        let id = Id::derive(&[
            "transfer",
            self.link.uuid().simple().encode_lower(link_text),
            self.step,
            reason.as_str(),
            debit.uuid().simple().encode_lower(debit_text),
            credit.uuid().simple().encode_lower(credit_text),
            period,
            counter_period.unwrap_or(""),
        ]);
        Some(Transfer {
            id,
            shard: self.shard.into(),
            debit,
            credit,
            amount,
            reason,
            link: self.link,
            period: period.into(),
            counter_period: counter_period.map(Into::into),
            booked: self.stamp.booked,
            recorded_at: self.stamp.recorded_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_programme_and_purpose_is_one_account() {
        let payee = Id::derive(&["payee", "1"]);
        let accounts = chart("s1", payee, "alpha");
        let ids = Chart::of("s1", payee, "alpha");
        for account in &accounts {
            assert!(account.is_sound(), "{account:?}");
            assert_eq!(account.id, ids.id(account.purpose));
        }
        // The fund's accounts are the same for another payee; the payee's are not.
        let other = Chart::of("s1", Id::derive(&["payee", "2"]), "alpha");
        assert_eq!((ids.expense, ids.bank), (other.expense, other.bank));
        assert_ne!(ids.payable, other.payable);
        assert_ne!(ids.payable, Chart::of("s1", payee, "beta").payable);
        assert_ne!(ids.payable, Chart::of("s2", payee, "alpha").payable);
    }

    #[test]
    fn a_posting_makes_no_empty_transfer_and_keeps_steps_apart() {
        let chart = Chart::of("s1", Id::derive(&["payee"]), "alpha");
        let stamp = Stamp {
            booked: Day::default(),
            recorded_at: Instant::default(),
        };
        let posting = |step| Posting {
            shard: "s1",
            link: Id::derive(&["cause"]),
            step,
            stamp,
        };
        let sides = (chart.expense, chart.payable);
        let make =
            |step, fen| posting(step).transfer(Reason::Owed, sides, Fen(fen), "2026-03", None);
        assert_eq!(make("a", 0), None);
        assert_eq!(make("a", -1), None);
        assert_eq!(make("a", 5), make("a", 5));
        assert_ne!(make("a", 5).map(|t| t.id), make("b", 5).map(|t| t.id));
        // The amount is no part of the identity: a second try with another split is seen as the same.
        assert_eq!(make("a", 5).map(|t| t.id), make("a", 6).map(|t| t.id));
    }
}
