//! Where a payee stands in a programme, period by period: a fold over transfers.
//!
//! For each period, with `held` what the payee really has of it,
//!
//! ```text
//! owed + receivable + waived = payable + in transit + held
//! ```
//!
//! and every term but `held` is never negative. `held` falls below zero only when money that was
//! recovered turns out never to have arrived (a return after a recovery); then `payable` covers it.

use crate::account::{Chart, Reason, Transfer};
use base::{Fen, Id};

/// One period of one payee in one programme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeriodPosition {
    /// The entitlement as it stands.
    pub owed: Fen,
    /// Owed and not instructed.
    pub payable: Fen,
    /// Instructed and not answered.
    pub in_transit: Fen,
    /// Overpaid and open.
    pub receivable: Fen,
    /// Overpaid and given up.
    pub waived: Fen,
    /// Ever instructed.
    pub instructed: Fen,
    /// Ever confirmed by the bank.
    pub paid: Fen,
    /// Ever returned, from transit or after it was paid.
    pub returned: Fen,
    /// Of [`PeriodPosition::returned`], what came back after it was paid, also to another record of the
    /// same payee.
    pub returned_after_paid: Fen,
    /// Taken from what this period pays, towards overpayments of others: paid by setting off.
    pub set_off: Fen,
    /// Recovered for this period by withholding from others.
    pub withheld: Fen,
    /// Recovered for this period in cash.
    pub repaid: Fen,
    /// What another record of the same payee had of this period; negative in the record given up.
    pub carried: Fen,
}

impl PeriodPosition {
    /// What the payee has of this period: paid, set off and carried over, less what came back and what
    /// was recovered.
    pub fn held(&self) -> Fen {
        self.paid - self.returned_after_paid + self.set_off + self.carried
            - self.withheld
            - self.repaid
    }

    /// What may be recovered now: overpaid, open, and surely with the payee. What is still in transit
    /// may come back by itself and is not asked for.
    pub fn recoverable(&self) -> Fen {
        Fen((self.receivable - self.in_transit).0.max(0))
    }

    /// Nothing was ever moved, or all of it is undone and settled.
    pub fn is_settled(&self) -> bool {
        self.payable == Fen::ZERO && self.in_transit == Fen::ZERO && self.receivable == Fen::ZERO
    }

    /// What is wrong with it, if anything: a negative balance, or the equation above not holding.
    pub fn fault(&self) -> Option<&'static str> {
        let negative = |fen: Fen| fen < Fen::ZERO;
        if negative(self.owed) {
            Some("what is owed is negative")
        } else if negative(self.payable) {
            Some("more was instructed, withheld or taken back than was payable")
        } else if negative(self.in_transit) {
            Some("more was answered than was in transit")
        } else if negative(self.receivable) {
            Some("more was recovered than was overpaid")
        } else if negative(self.waived) {
            Some("more waiving was undone than was waived")
        } else if self.owed + self.receivable + self.waived
            != self.payable + self.in_transit + self.held()
        {
            Some("paid, payable and owed do not agree")
        } else if self.withheld + self.repaid > self.paid + self.set_off + self.carried {
            Some("more was recovered than was ever paid")
        } else {
            None
        }
    }
}

/// A payee's place in a programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Home shard.
    pub shard: String,
    /// Payee.
    pub payee: Id,
    /// Programme id.
    pub programme: String,
    /// The accounts.
    pub chart: Chart,
    /// By period text, ascending.
    periods: Vec<(String, PeriodPosition)>,
    /// Causes that are posted, ascending.
    links: Vec<Id>,
}

impl Position {
    /// Nothing yet.
    pub fn new(shard: &str, payee: Id, programme: &str) -> Position {
        Position {
            shard: shard.into(),
            payee,
            programme: programme.into(),
            chart: Chart::of(shard, payee, programme),
            periods: Vec::new(),
            links: Vec::new(),
        }
    }

    /// From the payee's transfers, in any order. Transfers of others are passed over.
    pub fn fold<'a>(
        shard: &str,
        payee: Id,
        programme: &str,
        transfers: impl IntoIterator<Item = &'a Transfer>,
    ) -> Position {
        let mut position = Position::new(shard, payee, programme);
        for transfer in transfers {
            position.apply(transfer);
        }
        position
    }

    /// The period's figures (all zero when nothing ever moved).
    pub fn period(&self, period: &str) -> PeriodPosition {
        match self.find(period) {
            Ok(at) => self.periods[at].1,
            Err(_) => PeriodPosition::default(),
        }
    }

    /// Every period that was ever touched, ascending by its text.
    pub fn periods(&self) -> impl Iterator<Item = (&str, &PeriodPosition)> {
        self.periods.iter().map(|(text, p)| (text.as_str(), p))
    }

    /// Was this cause (an entitlement change, a payment, a receipt, a decision) posted here?
    pub fn has_posted(&self, link: Id) -> bool {
        self.links.binary_search(&link).is_ok()
    }

    /// Sum over the periods of one figure: `position.sum(|p| p.payable)`.
    pub fn sum(&self, figure: impl Fn(&PeriodPosition) -> Fen) -> Fen {
        self.periods.iter().map(|(_, p)| figure(p)).sum()
    }

    /// Takes one transfer into account. The order of transfers does not matter for the result; one
    /// that touches none of this payee's accounts changes nothing. Must be given each transfer once.
    pub fn apply(&mut self, transfer: &Transfer) {
        let Transfer {
            debit,
            credit,
            amount,
            ..
        } = *transfer;
        let chart = self.chart;
        // Money withheld across programmes touches this payee here on one side only.
        let mine = |id: Id| {
            id == chart.payable
                || id == chart.in_transit
                || id == chart.receivable
                || id == chart.waived
        };
        if !mine(debit) && !mine(credit) {
            return;
        }
        if let Err(at) = self.links.binary_search(&transfer.link) {
            self.links.insert(at, transfer.link);
        }
        if transfer.reason == Reason::Withheld {
            if debit == chart.payable {
                let p = self.entry(&transfer.period);
                p.payable = p.payable - amount;
                p.set_off = p.set_off + amount;
            }
            if credit == chart.receivable {
                let to = transfer.counter_period.as_deref();
                let p = self.entry(to.unwrap_or(&transfer.period));
                p.receivable = p.receivable - amount;
                p.withheld = p.withheld + amount;
            }
            return;
        }
        let p = self.entry(&transfer.period);
        // The four balances move with the accounts; debit raises receivable and waived, credit the others.
        for (id, sign) in [(debit, 1), (credit, -1)] {
            let signed = Fen(sign * amount.0);
            if id == chart.payable {
                p.payable = p.payable - signed;
            } else if id == chart.in_transit {
                p.in_transit = p.in_transit - signed;
            } else if id == chart.receivable {
                p.receivable = p.receivable + signed;
            } else if id == chart.waived {
                p.waived = p.waived + signed;
            } else if id == chart.expense {
                p.owed = p.owed + signed;
            }
        }
        match transfer.reason {
            Reason::Instructed => p.instructed = p.instructed + amount,
            Reason::Paid => p.paid = p.paid + amount,
            Reason::Returned => {
                p.returned = p.returned + amount;
                if debit == chart.bank {
                    p.returned_after_paid = p.returned_after_paid + amount;
                }
            }
            Reason::Repaid => p.repaid = p.repaid + amount,
            Reason::Carried if debit == chart.receivable || debit == chart.payable => {
                p.carried = p.carried + amount;
            }
            // What the payee had through the other record came back from the bank.
            Reason::Carried if credit == chart.payable => {
                p.returned = p.returned + amount;
                p.returned_after_paid = p.returned_after_paid + amount;
            }
            Reason::Carried => p.carried = p.carried - amount,
            Reason::Owed
            | Reason::OwedLess
            | Reason::Overpaid
            | Reason::OverpaidLess
            | Reason::Waived
            | Reason::Unwaived
            | Reason::Withheld => {}
        }
    }

    /// The first period that is at fault, with what is wrong.
    pub fn fault(&self) -> Option<(&str, &'static str)> {
        self.periods()
            .find_map(|(period, p)| p.fault().map(|fault| (period, fault)))
    }

    fn find(&self, period: &str) -> Result<usize, usize> {
        self.periods
            .binary_search_by(|(text, _)| text.as_str().cmp(period))
    }

    fn entry(&mut self, period: &str) -> &mut PeriodPosition {
        let at = match self.find(period) {
            Ok(at) => at,
            Err(at) => {
                // Most payees of a run of a million have one period at hand.
                if self.periods.is_empty() {
                    self.periods.reserve_exact(1);
                }
                self.periods
                    .insert(at, (period.into(), PeriodPosition::default()));
                at
            }
        };
        &mut self.periods[at].1
    }
}
