//! Holds the books to their rules: every account, transfer, payment and batch is handed in once, in
//! any order, and what is wrong comes out.
//!
//! Checked: ids are derived and unique; each transfer moves a positive amount between accounts that
//! its reason allows; debits equal credits; no balance but the bank's is negative on its side; each period of each
//! payee satisfies the equation of [`crate::position`] (hence it is paid at most once net, and nothing
//! is recovered that was not paid); each payment's items are what was instructed and withheld for it,
//! and its state is what the books say; each batch counts its lines.

use crate::account::{Account, IdMap, IdSet, Purpose, Reason, Transfer};
use crate::payment::{Batch, Payment, PaymentState, parts};
use crate::position::Position;
use base::{Fen, Id};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The record: account, transfer, payment, batch, or (for a position) payee.
    pub subject: Id,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.problem)
    }
}

/// One row of the trial balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialRow {
    /// Home shard.
    pub shard: String,
    /// Programme id.
    pub programme: String,
    /// Purpose.
    pub purpose: Purpose,
    /// Sum of debits.
    pub debit: i128,
    /// Sum of credits.
    pub credit: i128,
}

impl TrialRow {
    /// The balance on the purpose's own side, in fen.
    pub fn balance(&self) -> i128 {
        if self.purpose.debit_normal() {
            self.debit - self.credit
        } else {
            self.credit - self.debit
        }
    }
}

/// What verification comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts seen.
    pub accounts: usize,
    /// Transfers seen.
    pub transfers: usize,
    /// Payments seen.
    pub payments: usize,
    /// Batches seen.
    pub batches: usize,
    /// The trial balance, by shard, programme and purpose.
    pub trial: Vec<TrialRow>,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |purpose| -> i128 {
            let rows = self.trial.iter().filter(|row| row.purpose == purpose);
            rows.map(TrialRow::balance).sum()
        };
        write!(
            f,
            "{} accounts, {} transfers, {} payments, {} batches",
            self.accounts, self.transfers, self.payments, self.batches
        )?;
        for purpose in Purpose::ALL {
            let fen = sum(purpose);
            let (sign, whole) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
            write!(f, ", {purpose} {sign}{}.{:02}", whole / 100, whole % 100)?;
        }
        write!(f, ", {} findings", self.findings.len())
    }
}

/// What the books say of one payment.
#[derive(Clone, Copy, Debug, Default)]
struct Booked {
    instructed: Fen,
    paid: Fen,
    returned: Fen,
    /// Sum of the hashes of what was instructed and withheld.
    items: u64,
    payment: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lines {
    count: u64,
    total: i128,
    sequences: u64,
    last: u32,
    batch: bool,
}

/// An account, with its shard and programme by number, and its sums.
#[derive(Clone, Copy, Debug)]
struct Known {
    owner: Option<Id>,
    books: u32,
    purpose: Purpose,
    debit: i128,
    credit: i128,
}

/// The books as they are handed in.
#[derive(Debug, Default)]
pub struct Verifier {
    /// Shard and programme of each number.
    books: Vec<(String, String)>,
    numbers: HashMap<(String, String), u32>,
    accounts: IdMap<Known>,
    seen: IdSet,
    /// By payee; mostly one or two programmes each.
    positions: IdMap<Vec<(u32, Position)>>,
    booked: IdMap<Booked>,
    lines: IdMap<Lines>,
    report: Report,
}

impl Verifier {
    /// Nothing seen.
    pub fn new() -> Verifier {
        Verifier::default()
    }

    /// An account; all accounts before the first transfer.
    pub fn account(&mut self, account: Account) {
        self.report.accounts += 1;
        if !account.is_sound() {
            self.find(
                account.id,
                "the account's id does not follow from its fields",
            );
        }
        let key = (account.shard, account.programme);
        let books = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.books.len() as u32;
                self.books.push(key.clone());
                self.numbers.insert(key, number);
                number
            }
        };
        let known = Known {
            owner: account.owner,
            books,
            purpose: account.purpose,
            debit: 0,
            credit: 0,
        };
        if self.accounts.insert(account.id, known).is_some() {
            self.find(account.id, "the account is there twice");
        }
    }

    /// A transfer.
    pub fn transfer(&mut self, transfer: &Transfer) {
        self.report.transfers += 1;
        if !self.seen.insert(transfer.id) {
            return self.find(transfer.id, "the transfer is there twice");
        }
        if transfer.amount <= Fen::ZERO {
            return self.find(transfer.id, "the amount is not above zero");
        }
        let of = |id| self.accounts.get(&id).copied();
        let (Some(debit), Some(credit)) = (of(transfer.debit), of(transfer.credit)) else {
            return self.find(
                transfer.id,
                "it moves to or from an account that is not there",
            );
        };
        let sides = (debit.purpose, credit.purpose);
        if !transfer.reason.sides().contains(&sides) {
            let (from, to) = sides;
            let problem = format!("`{}` does not move {from} to {to}", transfer.reason);
            self.find(transfer.id, &problem);
        }
        let same_owner = match (debit.owner, credit.owner) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        let shard = |known: Known| &self.books[known.books as usize].0;
        let same_books = *shard(debit) == transfer.shard
            && *shard(credit) == transfer.shard
            && (debit.books == credit.books || transfer.reason == Reason::Withheld);
        // Only what one record of a payee carries over to the other moves between two owners.
        let same_owner = same_owner || transfer.reason == Reason::Carried;
        if !same_owner || !same_books {
            self.find(
                transfer.id,
                "it moves money between payees, programmes or shards",
            );
        }
        let amount = i128::from(transfer.amount.0);
        if let Some(known) = self.accounts.get_mut(&transfer.debit) {
            known.debit += amount;
        }
        if let Some(known) = self.accounts.get_mut(&transfer.credit) {
            known.credit += amount;
        }
        let mut applied = None;
        for known in [debit, credit] {
            let Some(owner) = known.owner else { continue };
            let key = Some((owner, known.books));
            // Both sides may be one payee's accounts in one programme: it is applied once.
            if key == applied {
                continue;
            }
            applied = key;
            let (shard, programme) = &self.books[known.books as usize];
            let held = self.positions.entry(owner).or_default();
            let at = match held.iter().position(|(books, _)| *books == known.books) {
                Some(at) => at,
                None => {
                    held.push((known.books, Position::new(shard, owner, programme)));
                    held.len() - 1
                }
            };
            held[at].1.apply(transfer);
        }
        match transfer.reason {
            Reason::Instructed | Reason::Withheld => {
                let booked = self.booked.entry(transfer.link).or_default();
                let counter = transfer.counter_period.as_deref();
                booked.items = booked.items.wrapping_add(item_hash(
                    &transfer.period,
                    counter,
                    transfer.amount,
                ));
                if transfer.reason == Reason::Instructed {
                    booked.instructed = booked.instructed + transfer.amount;
                }
            }
            Reason::Paid => {
                let booked = self.booked.entry(transfer.link).or_default();
                booked.paid = booked.paid + transfer.amount;
            }
            Reason::Returned => {
                let booked = self.booked.entry(transfer.link).or_default();
                booked.returned = booked.returned + transfer.amount;
            }
            _ => {}
        }
    }

    /// A payment; after all transfers.
    pub fn payment(&mut self, payment: &Payment) {
        self.report.payments += 1;
        let lines = self.lines.entry(payment.batch).or_default();
        lines.count += 1;
        lines.total += i128::from(payment.amount.0);
        lines.sequences += u64::from(payment.sequence);
        lines.last = lines.last.max(payment.sequence);
        let booked = self.booked.entry(payment.id).or_default();
        if booked.payment {
            return self.find(payment.id, "the payment is there twice");
        }
        booked.payment = true;
        let booked = *booked;
        let sum: i128 = payment.items.iter().map(|i| i128::from(i.amount.0)).sum();
        if payment.amount <= Fen::ZERO {
            self.find(payment.id, "the payment is not above zero");
        }
        if sum != i128::from(payment.amount.0) {
            self.find(payment.id, "its items do not add up to its amount");
        }
        let mut items = 0u64;
        for part in parts(&payment.items) {
            if part.instructed > Fen::ZERO {
                items = items.wrapping_add(item_hash(part.period, None, part.instructed));
            }
            for (item, amount) in part.withheld {
                items = items.wrapping_add(item_hash(part.period, Some(&item.period), amount));
            }
        }
        if items != booked.items || payment.amount != booked.instructed {
            self.find(
                payment.id,
                "its items are not what the books instructed and withheld",
            );
        }
        let whole = payment.amount;
        let twice = Fen(whole.0.saturating_mul(2));
        let agrees = match payment.state {
            PaymentState::Instructed | PaymentState::Unknown => {
                (booked.paid, booked.returned) == (Fen::ZERO, Fen::ZERO)
            }
            PaymentState::Rejected => (booked.paid, booked.returned) == (Fen::ZERO, whole),
            // It may have been refused before it was paid.
            PaymentState::Paid => {
                booked.paid == whole && (booked.returned == Fen::ZERO || booked.returned == whole)
            }
            PaymentState::Returned => {
                (booked.paid == Fen::ZERO && booked.returned == whole)
                    || (booked.paid == whole
                        && (booked.returned == whole || booked.returned == twice))
            }
        };
        if !agrees {
            let problem = format!(
                "it is {}, but the books have {} paid and {} returned of {whole}",
                payment.state.as_str(),
                booked.paid,
                booked.returned
            );
            self.find(payment.id, &problem);
        }
    }

    /// A batch; after all payments.
    pub fn batch(&mut self, batch: &Batch) {
        self.report.batches += 1;
        let lines = self.lines.entry(batch.id).or_default();
        if lines.batch {
            return self.find(batch.id, "the batch is there twice");
        }
        lines.batch = true;
        let lines = *lines;
        if lines.count != u64::from(batch.count) || lines.total != i128::from(batch.total.0) {
            self.find(batch.id, "its count or total is not that of its lines");
        }
        let count = u64::from(batch.count);
        if lines.sequences != count * (count + 1) / 2 || lines.last != batch.count {
            self.find(batch.id, "its lines are not numbered from 1 without gaps");
        }
    }

    /// The findings, and the trial balance.
    pub fn finish(mut self) -> Report {
        let mut rows: BTreeMap<(u32, Purpose), (i128, i128)> = BTreeMap::new();
        let (mut debits, mut credits) = (0i128, 0i128);
        let mut negative = Vec::new();
        for (id, known) in &self.accounts {
            debits += known.debit;
            credits += known.credit;
            let row = rows.entry((known.books, known.purpose)).or_default();
            row.0 += known.debit;
            row.1 += known.credit;
            let balance = if known.purpose.debit_normal() {
                known.debit - known.credit
            } else {
                known.credit - known.debit
            };
            // The bank's may be, while money that came back after a recovery is owed again.
            if balance < 0 && known.purpose != Purpose::Bank {
                negative.push((*id, known.purpose));
            }
        }
        for (id, purpose) in negative {
            self.find(
                id,
                &format!("the balance of this {purpose} account is negative"),
            );
        }
        if debits != credits {
            self.find(Id::derive(&["books"]), "debits are not credits");
        }
        let faults: Vec<Finding> = self
            .positions
            .values()
            .flatten()
            .filter_map(|(_, position)| {
                let (period, fault) = position.fault()?;
                Some(Finding {
                    subject: position.payee,
                    problem: format!("{} {period}: {fault}", position.programme),
                })
            })
            .collect();
        self.report.findings.extend(faults);
        let orphans: Vec<Id> = self
            .booked
            .iter()
            .filter(|(_, booked)| !booked.payment && booked.instructed > Fen::ZERO)
            .map(|(id, _)| *id)
            .collect();
        for id in orphans {
            self.find(id, "it is instructed in the books, and there is no payment");
        }
        let orphans: Vec<Id> = self
            .lines
            .iter()
            .filter(|(_, lines)| !lines.batch)
            .map(|(id, _)| *id)
            .collect();
        for id in orphans {
            self.find(id, "there are payments of this batch, and no batch");
        }
        self.report.trial = rows
            .into_iter()
            .map(|((books, purpose), (debit, credit))| {
                let (shard, programme) = self.books[books as usize].clone();
                TrialRow {
                    shard,
                    programme,
                    purpose,
                    debit,
                    credit,
                }
            })
            .collect();
        self.report.trial.sort_by(|a, b| {
            (&a.shard, &a.programme, a.purpose).cmp(&(&b.shard, &b.programme, b.purpose))
        });
        self.report
            .findings
            .sort_by(|a, b| (a.subject, &a.problem).cmp(&(b.subject, &b.problem)));
        self.report
    }

    fn find(&mut self, subject: Id, problem: &str) {
        self.report.findings.push(Finding {
            subject,
            problem: problem.into(),
        });
    }
}

/// Verifies books that are wholly in memory.
pub fn verify<'a>(
    accounts: impl IntoIterator<Item = Account>,
    transfers: impl IntoIterator<Item = &'a Transfer>,
    payments: impl IntoIterator<Item = &'a Payment>,
    batches: impl IntoIterator<Item = &'a Batch>,
) -> Report {
    let mut verifier = Verifier::new();
    accounts.into_iter().for_each(|a| verifier.account(a));
    transfers.into_iter().for_each(|t| verifier.transfer(t));
    payments.into_iter().for_each(|p| verifier.payment(p));
    batches.into_iter().for_each(|b| verifier.batch(b));
    verifier.finish()
}

/// Sums of these over a payment agree when the sets agree, whatever their order.
fn item_hash(period: &str, counter_period: Option<&str>, amount: Fen) -> u64 {
    let mut hasher = DefaultHasher::new();
    (period, counter_period, amount.0).hash(&mut hasher);
    hasher.finish()
}
