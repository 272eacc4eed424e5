//! What was so on a day, as known at a moment.

use crate::record::Evidence;
use base::{Day, Id, Instant};

/// The piece of one kind that holds on `day` as known at `known`: among those that cover the day and
/// were recorded by then and not withdrawn by then, the one recorded last (ties: the greater id).
pub fn in_force<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence> + Clone,
    day: Day,
    known: Instant,
) -> Option<&'a Evidence> {
    all_in_force(evidence, day, known)
        .into_iter()
        .max_by_key(|e| (e.provenance.recorded_at, e.id))
}

/// Every piece that covers `day`, was recorded by `known` and not withdrawn by then, oldest first.
pub fn all_in_force<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence> + Clone,
    day: Day,
    known: Instant,
) -> Vec<&'a Evidence> {
    let withdrawn: Vec<Id> = evidence
        .clone()
        .into_iter()
        .filter(|e| e.provenance.recorded_at <= known)
        .flat_map(|e| e.withdraws.iter().copied())
        .collect();
    let mut found: Vec<&Evidence> = evidence
        .into_iter()
        .filter(|e| e.provenance.recorded_at <= known && e.valid.contains(day))
        .filter(|e| !withdrawn.contains(&e.id))
        .collect();
    found.sort_by_key(|e| (e.provenance.recorded_at, e.id));
    found
}
