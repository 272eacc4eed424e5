//! From what the bank answers to payment states, transfers and a list of what does not agree.
//!
//! Precedence. Each answer that agrees in amount is evidence for one state of one payment; the state
//! that stands is the highest in the order of [`PaymentState`]:
//!
//! 1. *instructed*: nothing is heard;
//! 2. *unknown*: an answer that is not final (accepted, pending, an unknown code);
//! 3. *rejected*: refused, and nothing says that the money left;
//! 4. *paid*: a status report, a list or a statement says that it left. It beats a refusal, because
//!    money that is paid must not be paid again on the word of a report; the two together are listed
//!    as contradictory;
//! 5. *returned*: a statement books the money back. It beats all else, also when the entry of the
//!    payment itself comes later.
//!
//! The highest of a set does not depend on order or repetition: files may come twice and in any order,
//! and a second run over the same files changes nothing. An answer about one line beats what its own
//! file says of the whole instruction. Answers whose amount differs are evidence for nothing.

use crate::account::{IdMap, IdSet, Posting, Purpose, Reason, Stamp, Transfer, account_id};
use crate::iso::{Answer, Source};
use crate::payment::{Payment, PaymentState, parts};
use crate::position::Position;
use crate::post::settle;
use base::{Fen, Id};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::fmt;

/// Something that does not agree and that a person must see.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Discrepancy {
    /// The bank's amount is not ours. The answer is not used.
    Amount {
        /// Payment.
        payment: Id,
        /// Instructed.
        ours: Fen,
        /// Answered.
        theirs: Fen,
    },
    /// No payment has this id or place.
    UnknownPayment {
        /// What the bank gave.
        reference: String,
    },
    /// The answer is to an instruction that was not handed in.
    UnknownBatch {
        /// What the bank gave.
        reference: String,
    },
    /// The bank's count or sum of the whole instruction is not ours. What it says of the whole is not
    /// used; what it says of single lines is.
    BatchTotals {
        /// Batch.
        batch: Id,
    },
    /// One answer says that it was refused, another that it was paid.
    Contradiction {
        /// Payment.
        payment: Id,
    },
    /// It was refused, owed again, and is now said to be paid. What was instructed anew in between is
    /// overpaid.
    PaidAfterRefusal {
        /// Payment.
        payment: Id,
        /// Paid a second time.
        overpaid: Fen,
    },
    /// The batch was answered, this line was not.
    Missing {
        /// Payment.
        payment: Id,
    },
    /// Booked in one sum; it says nothing of single lines.
    BookedAsBatch {
        /// What the bank gave.
        reference: String,
        /// Booked.
        amount: Fen,
    },
    /// The payee's books were not handed in or do not allow the step; nothing was booked for it.
    Books {
        /// Payment.
        payment: Id,
    },
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Discrepancy::Amount {
                payment,
                ours,
                theirs,
            } => write!(
                f,
                "payment {payment}: instructed {ours}, the bank says {theirs}; not used, ask the bank"
            ),
            Discrepancy::UnknownPayment { reference } => write!(
                f,
                "`{reference}` is no payment of the instructions at hand; look for it in other batches"
            ),
            Discrepancy::UnknownBatch { reference } => write!(
                f,
                "`{reference}` is no instruction at hand; is the answer meant for this office?"
            ),
            Discrepancy::BatchTotals { batch } => write!(
                f,
                "batch {batch}: the bank counts other lines or another sum; compare the files that were sent"
            ),
            Discrepancy::Contradiction { payment } => write!(
                f,
                "payment {payment}: refused by one answer and paid by another; taken as paid, ask the bank"
            ),
            Discrepancy::PaidAfterRefusal { payment, overpaid } => write!(
                f,
                "payment {payment}: paid after it was refused; {overpaid} was meanwhile instructed anew and is overpaid"
            ),
            Discrepancy::Missing { payment } => write!(
                f,
                "payment {payment}: its batch is answered, it is not; ask the bank before it is paid again"
            ),
            Discrepancy::BookedAsBatch { reference, amount } => write!(
                f,
                "{amount} is booked in one sum for `{reference}`; ask the bank for single entries"
            ),
            Discrepancy::Books { payment } => write!(
                f,
                "payment {payment}: the payee's books are not at hand; nothing was booked, run it again"
            ),
        }
    }
}

/// A payment whose state changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Place in the payments handed in.
    pub index: usize,
    /// From.
    pub from: PaymentState,
    /// To: always higher.
    pub to: PaymentState,
    /// The bank's reason.
    pub reason: Option<String>,
    /// Place of the answer that says so in the answers handed in: the first of them.
    pub answer: usize,
}

/// What the answers come to, before anything is booked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Payments whose state changes, in the order in which they were handed in.
    pub moves: Vec<Move>,
    /// What does not agree, each thing once, ordered.
    pub discrepancies: Vec<Discrepancy>,
    /// Answers that said nothing new.
    pub repeated: usize,
    /// Entries of statements that are not ours.
    pub others: usize,
}

impl Decision {
    /// The payments whose payees' positions [`book`] needs: of all moves but from an open state to
    /// paid or unknown.
    pub fn needs<'a>(&'a self, payments: &'a [Payment]) -> impl Iterator<Item = &'a Payment> {
        self.moves
            .iter()
            .filter(|m| needs_position(m.from, m.to))
            .filter_map(|m| payments.get(m.index))
    }
}

fn needs_position(from: PaymentState, to: PaymentState) -> bool {
    !(to == PaymentState::Unknown || (to == PaymentState::Paid && from.is_open()))
}

/// What is known of one payment from the answers.
#[derive(Clone, Debug, Default)]
struct Evidence {
    rejected: bool,
    paid: bool,
    answered: bool,
    best: Option<PaymentState>,
    reason: Option<String>,
    /// Place of the answer that gave both.
    answer: usize,
}

impl Evidence {
    /// Takes one answer; false when it says nothing new.
    fn add(&mut self, state: PaymentState, reason: Option<&String>, answer: usize) -> bool {
        self.answered = true;
        self.rejected |= state == PaymentState::Rejected;
        self.paid |= state == PaymentState::Paid;
        let new = match self.best {
            Some(best) => state > best,
            None => true,
        };
        if new {
            self.best = Some(state);
            self.reason = reason.cloned();
            self.answer = answer;
        } else if self.best == Some(state) && reason.is_some() {
            // Of several reasons for one state the least text stands, whatever the order.
            let least = match &self.reason {
                None => true,
                Some(known) => reason.is_some_and(|reason| reason < known),
            };
            if least {
                self.reason = reason.cloned();
                self.answer = answer;
            }
        }
        new
    }
}

/// Decides the states of `payments` from `answers`, and lists what does not agree. Payments of the
/// batches that the answers are about should all be handed in, whatever their state.
pub fn decide(payments: &[Payment], answers: &[Answer]) -> Decision {
    let mut decision = Decision::default();
    let mut discrepancies: BTreeSet<Discrepancy> = BTreeSet::new();
    let mut by_id: IdMap<usize> = IdMap::default();
    by_id.reserve(payments.len());
    let mut batches: IdMap<Vec<usize>> = IdMap::default();
    for (index, payment) in payments.iter().enumerate() {
        by_id.insert(payment.id, index);
        batches.entry(payment.batch).or_default().push(index);
    }
    for lines in batches.values_mut() {
        lines.sort_unstable_by_key(|index| payments[*index].sequence);
    }
    let mut evidence: Vec<Evidence> = vec![Evidence::default(); payments.len()];
    let mut answered_batches = IdSet::default();
    for (place, answer) in answers.iter().enumerate() {
        decision.others += answer.others;
        for booking in &answer.batch_bookings {
            discrepancies.insert(Discrepancy::BookedAsBatch {
                reference: booking.original.clone().unwrap_or_default(),
                amount: booking.amount,
            });
        }
        let batch = match &answer.original {
            None => None,
            Some(reference) => match reference.parse::<Id>() {
                Ok(id) if batches.contains_key(&id) => Some(id),
                _ => {
                    discrepancies.insert(Discrepancy::UnknownBatch {
                        reference: reference.clone(),
                    });
                    // Single lines may still be found by their own ids.
                    if answer.source == Source::List {
                        continue;
                    }
                    None
                }
            },
        };
        answered_batches.extend(batch);
        let in_batch = batch.and_then(|id| batches.get(&id));
        let mut single: HashSet<usize> = HashSet::new();
        for line in &answer.lines {
            let found = match (&line.end_to_end, line.sequence) {
                (Some(reference), _) => reference
                    .parse::<Id>()
                    .ok()
                    .and_then(|id| by_id.get(&id))
                    .copied(),
                (None, Some(sequence)) => in_batch.and_then(|lines| {
                    lines
                        .binary_search_by_key(&sequence, |index| payments[*index].sequence)
                        .ok()
                        .map(|at| lines[at])
                }),
                (None, None) => None,
            };
            let Some(index) = found else {
                let reference = match (&line.end_to_end, line.sequence) {
                    (Some(reference), _) => reference.clone(),
                    (None, sequence) => format!("sequence {}", sequence.unwrap_or(0)),
                };
                discrepancies.insert(Discrepancy::UnknownPayment { reference });
                continue;
            };
            let payment = &payments[index];
            if answer.group.is_some() {
                single.insert(index);
            }
            if answer.source == Source::Statement {
                answered_batches.insert(payment.batch);
            }
            if let Some(theirs) = line.amount
                && theirs != payment.amount
            {
                evidence[index].answered = true;
                discrepancies.insert(Discrepancy::Amount {
                    payment: payment.id,
                    ours: payment.amount,
                    theirs,
                });
                continue;
            }
            if !evidence[index].add(line.state, line.reason.as_ref(), place) {
                decision.repeated += 1;
            }
        }
        let totals_agree = in_batch.is_none_or(|lines| {
            let (count, total) = answer.original_totals;
            let ours = || lines.iter().map(|index| payments[*index].amount).sum();
            count.is_none_or(|count| count == lines.len()) && total.is_none_or(|sum| sum == ours())
        });
        if !totals_agree {
            discrepancies.extend(batch.map(|batch| Discrepancy::BatchTotals { batch }));
            continue;
        }
        if let (Some((state, reason)), Some(lines)) = (&answer.group, in_batch) {
            for index in lines.iter().filter(|index| !single.contains(index)) {
                evidence[*index].add(*state, reason.as_ref(), place);
            }
        }
    }
    for (index, (payment, evidence)) in payments.iter().zip(evidence).enumerate() {
        let was = |state| payment.state == state;
        let contradiction = (evidence.rejected && (evidence.paid || was(PaymentState::Paid)))
            || (evidence.paid && was(PaymentState::Rejected));
        if contradiction {
            discrepancies.insert(Discrepancy::Contradiction {
                payment: payment.id,
            });
        }
        if !evidence.answered
            && payment.state == PaymentState::Instructed
            && answered_batches.contains(&payment.batch)
        {
            discrepancies.insert(Discrepancy::Missing {
                payment: payment.id,
            });
        }
        match evidence.best {
            Some(to) if to > payment.state => decision.moves.push(Move {
                index,
                from: payment.state,
                to,
                reason: evidence.reason,
                answer: evidence.answer,
            }),
            Some(_) => decision.repeated += 1,
            None => {}
        }
    }
    decision.discrepancies = discrepancies.into_iter().collect();
    decision
}

/// What a reconciliation records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// To be recorded.
    pub transfers: Vec<Transfer>,
    /// Payments with a new state: their places in what was handed in, each with that of the answer that
    /// says so.
    pub changed: Vec<(usize, usize)>,
    /// What does not agree, ordered.
    pub discrepancies: Vec<Discrepancy>,
    /// Answers that said nothing new.
    pub repeated: usize,
    /// Entries of statements that are not ours.
    pub others: usize,
}

/// Positions of many payees and programmes.
#[derive(Clone, Debug, Default)]
pub struct Positions(IdMap<Position>);

impl Positions {
    /// Adds one, or replaces the one of the same payee and programme.
    pub fn insert(&mut self, position: Position) {
        self.0.insert(position.chart.payable, position);
    }

    /// The position of a payee in a programme.
    pub fn get(&self, shard: &str, payee: Id, programme: &str) -> Option<&Position> {
        let key = account_id(shard, Some(payee), programme, Purpose::Payable);
        self.0.get(&key)
    }

    /// The position of a payee in a programme, to be advanced.
    pub fn get_mut(&mut self, shard: &str, payee: Id, programme: &str) -> Option<&mut Position> {
        let key = account_id(shard, Some(payee), programme, Purpose::Payable);
        self.0.get_mut(&key)
    }

    /// All, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Position> {
        self.0.values()
    }
}

impl FromIterator<Position> for Positions {
    fn from_iter<I: IntoIterator<Item = Position>>(positions: I) -> Positions {
        let mut all = Positions::default();
        positions.into_iter().for_each(|p| all.insert(p));
        all
    }
}

/// Books a decision: advances the payments and the positions (those of [`Decision::needs`]; others
/// may be missing), and gives the transfers. A move whose position is missing is not made and listed.
pub fn book(
    payments: &mut [Payment],
    decision: Decision,
    positions: &mut Positions,
    stamp: Stamp,
) -> Reconciled {
    let mut result = Reconciled {
        repeated: decision.repeated,
        others: decision.others,
        ..Reconciled::default()
    };
    let mut discrepancies: BTreeSet<Discrepancy> = decision.discrepancies.into_iter().collect();
    // The fund's account of the last payment: most are of one programme.
    let mut fund: Option<(String, String, Id)> = None;
    for step in decision.moves {
        let Some(payment) = payments.get_mut(step.index) else {
            continue;
        };
        // A confirmation needs no books; those that are at hand follow all the same.
        let position = match positions.0.is_empty() {
            true => None,
            false => positions.get_mut(&payment.shard, payment.payee, &payment.programme),
        };
        let bank = match &fund {
            Some((shard, programme, bank))
                if *shard == payment.shard && *programme == payment.programme =>
            {
                *bank
            }
            _ => {
                let (shard, programme) = (payment.shard.clone(), payment.programme.clone());
                let bank = account_id(&shard, None, &programme, Purpose::Bank);
                fund = Some((shard, programme, bank));
                bank
            }
        };
        match advance(payment, &step, position, bank, stamp) {
            Some((transfers, overpaid)) => {
                if step.from == PaymentState::Rejected && step.to == PaymentState::Paid {
                    discrepancies.insert(Discrepancy::PaidAfterRefusal {
                        payment: payment.id,
                        overpaid,
                    });
                }
                result.transfers.extend(transfers);
                payment.state = step.to;
                payment.bank_reason = match step.to {
                    PaymentState::Paid => None,
                    _ => step.reason,
                };
                result.changed.push((step.index, step.answer));
            }
            None => {
                discrepancies.insert(Discrepancy::Books {
                    payment: payment.id,
                });
            }
        }
    }
    result.discrepancies = discrepancies.into_iter().collect();
    result
}

/// [`decide`] and [`book`] in one.
pub fn reconcile(
    payments: &mut [Payment],
    answers: &[Answer],
    positions: &mut Positions,
    stamp: Stamp,
) -> Reconciled {
    let decision = decide(payments, answers);
    book(payments, decision, positions, stamp)
}

/// The transfers of one move, and what it pays a second time. `None` when the position is needed and
/// missing.
fn advance(
    payment: &Payment,
    step: &Move,
    position: Option<&mut Position>,
    bank: Id,
    stamp: Stamp,
) -> Option<(Vec<Transfer>, Fen)> {
    use PaymentState::{Paid, Rejected, Returned};
    let posting = Posting {
        shard: &payment.shard,
        link: payment.id,
        step: step.to.as_str(),
        stamp,
    };
    let mut transfers = Vec::with_capacity(payment.items.len());
    let parts = parts(&payment.items);
    let shares = parts.iter().map(|part| (part.period, part.instructed));
    if !needs_position(step.from, step.to) {
        if step.to == Paid {
            let in_transit = match &position {
                Some(position) => position.chart.in_transit,
                None => account_id(
                    &payment.shard,
                    Some(payment.payee),
                    &payment.programme,
                    Purpose::InTransit,
                ),
            };
            let sides = (in_transit, bank);
            transfers.extend(shares.filter_map(|(period, fen)| {
                posting.transfer(Reason::Paid, sides, fen, period, None)
            }));
            if let Some(position) = position {
                transfers.iter().for_each(|t| position.apply(t));
            }
        }
        return Some((transfers, Fen::ZERO));
    }
    let position = position?;
    let chart = position.chart;
    let mut overpaid = Fen::ZERO;
    for (period, fen) in shares {
        match (step.from, step.to) {
            // The bank had already given it back to what is owed.
            (Rejected, Returned) => {}
            (Rejected, Paid) => {
                let again = position.period(period).payable.min(fen);
                overpaid = overpaid + (fen - again);
                for (sides, fen) in [
                    ((chart.payable, chart.bank), again),
                    ((chart.receivable, chart.bank), fen - again),
                ] {
                    let transfer = posting.transfer(Reason::Paid, sides, fen, period, None);
                    transfer.iter().for_each(|t| position.apply(t));
                    transfers.extend(transfer);
                }
            }
            (from, _) => {
                let debit = if from == Paid {
                    chart.bank
                } else {
                    chart.in_transit
                };
                let transfer =
                    posting.transfer(Reason::Returned, (debit, chart.payable), fen, period, None);
                transfer.iter().for_each(|t| position.apply(t));
                transfers.extend(transfer);
                transfers.extend(settle(position, period, posting));
            }
        }
    }
    Some((transfers, overpaid))
}
