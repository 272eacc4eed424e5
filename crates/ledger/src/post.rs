//! From a change of what is owed to transfers.
//!
//! More owed takes back an open overpayment of the same period first, then one that was waived (the
//! payee still has that money), and only the rest becomes payable. Less owed is first taken from what
//! is not yet instructed; only what has left becomes a receivable. Periods and programmes are never
//! netted here: that is the business of a recovery plan.

use crate::account::{Posting, Reason, Stamp, Transfer};
use crate::position::Position;
use base::{Fen, Id};

/// A change of what is owed to one payee for one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The entitlement change; posting it twice posts it once.
    pub id: Id,
    /// Home shard.
    pub shard: String,
    /// Who is paid.
    pub payee: Id,
    /// Programme id.
    pub programme: String,
    /// For what period, as text.
    pub period: String,
    /// Owed in all after the change; never negative.
    pub owed: Fen,
    /// `owed` less what was owed before.
    pub change: Fen,
}

/// Why a change cannot be posted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The position is of another payee, programme or shard.
    #[error("change {0} is of another payee or programme than the position it is posted to")]
    OtherPosition(Id),
    /// Owed would be negative.
    #[error("change {id} leaves {owed} owed; an entitlement is never negative")]
    Negative {
        /// The change.
        id: Id,
        /// What it would leave.
        owed: Fen,
    },
    /// The change does not start from what is posted: one before it is missing, or came twice.
    #[error(
        "change {id} for {period} goes from {expected} to {owed}, but {found} is posted; post the changes of a period in their sequence"
    )]
    OutOfSequence {
        /// The change.
        id: Id,
        /// Its period.
        period: String,
        /// What the change starts from.
        expected: Fen,
        /// What it goes to.
        owed: Fen,
        /// What the books say.
        found: Fen,
    },
}

/// What a posted change comes to, for notices and tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// To be recorded.
    pub transfers: Vec<Transfer>,
    /// Newly payable: an entitlement, or arrears.
    pub payable: Fen,
    /// Taken from what was payable and not yet instructed.
    pub payable_less: Fen,
    /// Newly overpaid: a recovery has to be decided.
    pub overpaid: Fen,
    /// Overpayments taken back (open or waived).
    pub overpaid_less: Fen,
}

/// Posts one change to the payee's position and advances it. A change that is already posted, or that
/// changes nothing, yields nothing.
pub fn post(change: &Change, position: &mut Position, stamp: Stamp) -> Result<Posted, PostError> {
    if position.payee != change.payee
        || position.programme != change.programme
        || position.shard != change.shard
    {
        return Err(PostError::OtherPosition(change.id));
    }
    // A change of nothing leaves no trace by which a second one could be known, and needs none.
    if change.change == Fen::ZERO || position.has_posted(change.id) {
        return Ok(Posted::default());
    }
    if change.owed < Fen::ZERO {
        return Err(PostError::Negative {
            id: change.id,
            owed: change.owed,
        });
    }
    let before = position.period(&change.period);
    if before.owed.checked_add(change.change) != Some(change.owed) {
        return Err(PostError::OutOfSequence {
            id: change.id,
            period: change.period.clone(),
            expected: change.owed.checked_sub(change.change).unwrap_or(Fen::ZERO),
            owed: change.owed,
            found: before.owed,
        });
    }
    let posting = Posting {
        shard: &change.shard,
        link: change.id,
        step: "",
        stamp,
    };
    let mut posted = Posted::default();
    if change.change > Fen::ZERO {
        let from_open = change.change.min(before.receivable);
        let from_waived = (change.change - from_open).min(before.waived);
        posted.overpaid_less = from_open + from_waived;
        posted.payable = change.change - posted.overpaid_less;
        let c = &position.chart;
        posted.transfers = [
            (Reason::OverpaidLess, (c.expense, c.receivable), from_open),
            (Reason::OverpaidLess, (c.expense, c.waived), from_waived),
            (Reason::Owed, (c.expense, c.payable), posted.payable),
        ]
        .into_iter()
        .filter_map(|(reason, sides, fen)| {
            posting.transfer(reason, sides, fen, &change.period, None)
        })
        .collect();
    } else {
        let fall = -change.change;
        posted.payable_less = fall.min(before.payable);
        posted.overpaid = fall - posted.payable_less;
        let c = &position.chart;
        posted.transfers = [
            (
                Reason::OwedLess,
                (c.payable, c.expense),
                posted.payable_less,
            ),
            (Reason::Overpaid, (c.receivable, c.expense), posted.overpaid),
        ]
        .into_iter()
        .filter_map(|(reason, sides, fen)| {
            posting.transfer(reason, sides, fen, &change.period, None)
        })
        .collect();
    }
    for transfer in &posted.transfers {
        position.apply(transfer);
    }
    Ok(posted)
}

/// After money came back to `payable`: what is at once payable and overpaid (or waived) in one period
/// cancels out, because the overpayment never reached the payee. Advances the position.
pub(crate) fn settle(position: &mut Position, period: &str, posting: Posting<'_>) -> Vec<Transfer> {
    let p = position.period(period);
    let open = p.payable.min(p.receivable);
    let waived = (p.payable - open).min(p.waived);
    let c = &position.chart;
    let transfers: Vec<Transfer> = [
        (Reason::OverpaidLess, (c.expense, c.receivable), open),
        (Reason::OverpaidLess, (c.expense, c.waived), waived),
        (Reason::OwedLess, (c.payable, c.expense), open + waived),
    ]
    .into_iter()
    .filter_map(|(reason, sides, fen)| posting.transfer(reason, sides, fen, period, None))
    .collect();
    for transfer in &transfers {
        position.apply(transfer);
    }
    transfers
}
