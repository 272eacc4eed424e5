//! Facts sorted by what can be recorded together.

use super::change::Facts;
use base::Id;
use registry::import::Directory;
use std::collections::{BTreeMap, HashMap, HashSet};
use store::RegisterChunk;

/// Households of a new register in one transaction.
const HOUSEHOLDS_AT_ONCE: usize = 16_384;

/// How many records.
pub(super) fn size(facts: &Facts) -> u64 {
    let all = facts.persons.len()
        + facts.households.len()
        + facts.identities.len()
        + facts.residences.len()
        + facts.memberships.len()
        + facts.evidence.len()
        + facts.payees.len();
    all as u64
}

/// Is there nothing but evidence?
pub(super) fn only_evidence(facts: &Facts) -> bool {
    size(facts) == facts.evidence.len() as u64
}

/// The id of the request that records these facts: the same facts, the same id.
pub(super) fn request_of(facts: &Facts) -> Id {
    let mut ids: Vec<String> = facts.evidence.iter().map(|e| e.id.to_string()).collect();
    ids.extend(facts.memberships.iter().map(|m| m.id.to_string()));
    ids.extend(facts.residences.iter().map(|r| r.id.to_string()));
    ids.extend(facts.identities.iter().map(|i| i.id.to_string()));
    ids.extend(facts.payees.iter().map(|p| p.id.to_string()));
    ids.sort_unstable();
    Id::derive(&["import", &ids.join(" ")])
}

/// Whole households that nobody knew, and the rest.
pub(super) fn apart(facts: Facts, directory: &Directory) -> (Facts, Facts) {
    let new: HashSet<Id> = facts.persons.iter().map(|p| p.id).collect();
    let mut old: HashSet<Id> = directory.households.keys().copied().collect();
    // A household that takes in somebody whom the register holds changes another one too.
    old.extend(
        facts
            .memberships
            .iter()
            .filter(|m| !new.contains(&m.person))
            .map(|m| m.household),
    );
    let home: HashMap<Id, Id> = facts
        .memberships
        .iter()
        .map(|m| (m.person, m.household))
        .collect();
    let is_old = |id: Id| old.contains(&id) || home.get(&id).is_some_and(|h| old.contains(h));
    let (mut fresh, mut other) = (Facts::default(), Facts::default());
    macro_rules! part {
        ($list:ident, $key:ident) => {
            (other.$list, fresh.$list) = facts.$list.into_iter().partition(|r| is_old(r.$key))
        };
    }
    part!(persons, id);
    part!(households, id);
    part!(identities, person);
    part!(residences, household);
    part!(memberships, household);
    part!(evidence, subject);
    part!(payees, subject);
    (fresh, other)
}

/// Both together.
pub(super) fn join(mut one: Facts, other: Facts) -> Facts {
    one.persons.extend(other.persons);
    one.households.extend(other.households);
    one.identities.extend(other.identities);
    one.residences.extend(other.residences);
    one.memberships.extend(other.memberships);
    one.evidence.extend(other.evidence);
    one.payees.extend(other.payees);
    one
}

/// A new register in parts of whole households, in order of their ids.
pub(super) fn chunks(facts: Facts, shard: &str) -> Vec<RegisterChunk> {
    let mut order: Vec<Id> = facts.households.iter().map(|h| h.id).collect();
    order.sort_unstable();
    let place: HashMap<Id, usize> = order
        .iter()
        .enumerate()
        .map(|(n, id)| (*id, n / HOUSEHOLDS_AT_ONCE))
        .collect();
    let home: HashMap<Id, Id> = facts
        .memberships
        .iter()
        .map(|m| (m.person, m.household))
        .collect();
    let at = |id: Id| {
        let household = home.get(&id).copied().unwrap_or(id);
        place.get(&household).copied().unwrap_or(0)
    };
    let count = order.len().div_ceil(HOUSEHOLDS_AT_ONCE);
    let mut out: Vec<RegisterChunk> = (0..count)
        .map(|_| RegisterChunk {
            shard: shard.into(),
            ..RegisterChunk::default()
        })
        .collect();
    facts
        .persons
        .into_iter()
        .for_each(|r| out[at(r.id)].persons.push(r));
    facts
        .households
        .into_iter()
        .for_each(|r| out[at(r.id)].households.push(r));
    facts
        .identities
        .into_iter()
        .for_each(|r| out[at(r.person)].identities.push(r));
    facts
        .residences
        .into_iter()
        .for_each(|r| out[at(r.household)].residences.push(r));
    facts
        .memberships
        .into_iter()
        .for_each(|r| out[at(r.household)].memberships.push(r));
    facts
        .evidence
        .into_iter()
        .for_each(|r| out[at(r.subject)].evidence.push(r));
    facts
        .payees
        .into_iter()
        .for_each(|r| out[at(r.subject)].payees.push(r));
    out
}

/// Ids that belong together.
#[derive(Default)]
pub(super) struct Groups {
    parent: HashMap<Id, Id>,
}

impl Groups {
    /// The id that stands for all that belong together with `id`.
    pub(super) fn find(&mut self, id: Id) -> Id {
        let mut at = id;
        while let Some(up) = self.parent.get(&at).copied().filter(|up| *up != at) {
            at = up;
        }
        self.parent.insert(id, at);
        at
    }

    /// The two belong together.
    pub(super) fn join(&mut self, one: Id, other: Id) {
        let (a, b) = (self.find(one), self.find(other));
        self.parent.insert(b, a);
    }

    /// Deals facts out to the groups of their subjects.
    pub(super) fn split(mut self, facts: Facts) -> Vec<Facts> {
        let mut out: BTreeMap<Id, Facts> = BTreeMap::new();
        macro_rules! deal {
            ($list:ident, $key:ident) => {
                for record in facts.$list {
                    let group = self.find(record.$key);
                    out.entry(group).or_default().$list.push(record);
                }
            };
        }
        deal!(households, id);
        deal!(memberships, household);
        deal!(persons, id);
        deal!(identities, person);
        deal!(residences, household);
        deal!(evidence, subject);
        deal!(payees, subject);
        out.into_values().collect()
    }
}
