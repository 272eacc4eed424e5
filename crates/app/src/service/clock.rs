//! Recorded time never runs backwards. A clock that was set back, or two changes in one instant, would make
//! a past moment show what was not known at it; so that what is recorded is stamped later than anything
//! recorded about the same household, and a run later than anything at all.

use super::change::{Facts, Prefetched};
use super::{Office, ServiceError};
use base::Instant;
use chrono::TimeDelta;
use entitlement::change::At;

/// `at`, or just after `last` when that is not earlier. The office's day stays what the clock says.
fn later_than(last: Option<Instant>, at: At) -> At {
    match last {
        Some(last) if last >= at.now => At {
            now: last + TimeDelta::microseconds(1),
            today: at.today,
        },
        _ => at,
    }
}

/// A moment later than everything recorded about the households read.
pub(super) fn after(read: &Prefetched, at: At) -> At {
    let registered = read.households.iter().flat_map(|h| {
        let evidence = h.evidence.iter().map(|r| &r.provenance);
        let memberships = h.memberships.iter().map(|r| &r.provenance);
        let residences = h.residences.iter().map(|r| &r.provenance);
        let identities = h.identities.iter().map(|r| &r.provenance);
        let payees = h.payees.iter().map(|r| &r.provenance);
        evidence
            .chain(memberships)
            .chain(residences)
            .chain(identities)
            .chain(payees)
            .map(|provenance| provenance.recorded_at)
    });
    let last = registered
        .chain(read.determinations.iter().map(|d| d.made_at))
        .chain(read.changes.iter().map(|c| c.recorded_at))
        .chain(read.awards.iter().map(|a| a.recorded_at))
        .max();
    later_than(last, at)
}

/// The facts as they are recorded at `at`: what is written down is known from then on and not before.
pub(super) fn stamped(facts: &Facts, at: At) -> Facts {
    let mut facts = facts.clone();
    let now = at.now;
    let provenances = facts
        .identities
        .iter_mut()
        .map(|r| &mut r.provenance)
        .chain(facts.residences.iter_mut().map(|r| &mut r.provenance))
        .chain(facts.memberships.iter_mut().map(|r| &mut r.provenance))
        .chain(facts.evidence.iter_mut().map(|r| &mut r.provenance))
        .chain(facts.payees.iter_mut().map(|r| &mut r.provenance));
    for provenance in provenances {
        provenance.recorded_at = now;
    }
    for award in &mut facts.awards {
        award.recorded_at = now;
    }
    facts
}

impl Office {
    /// A moment for a run over everybody: `at`, or just after the last thing recorded.
    pub(super) async fn steady(&self, at: At) -> Result<At, ServiceError> {
        Ok(later_than(self.store.last_moment().await?, at))
    }
}
