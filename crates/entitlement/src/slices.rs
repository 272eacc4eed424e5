//! Slices of histories, each cut once per run.

use base::{Day, Id, Instant};
use registry::record::{Identity, Membership, Residence};
use registry::slice::{Fact, HouseholdHistory, HouseholdSlice, KindList, MemberSlice};
use std::collections::HashMap;

/// The households of one run, cut at the days that the run asks for.
pub struct Slices<'a> {
    histories: &'a [HouseholdHistory],
    kinds: &'a KindList,
    known: Instant,
    cut: HashMap<(usize, Day), Option<HouseholdSlice>>,
}

impl<'a> Slices<'a> {
    /// Nothing is cut yet.
    pub fn new(
        histories: &'a [HouseholdHistory],
        kinds: &'a KindList,
        known: Instant,
    ) -> Slices<'a> {
        Slices {
            histories,
            kinds,
            known,
            cut: HashMap::new(),
        }
    }

    /// The `index`-th household on `day`; `None` when it has no residence or no member then.
    pub fn on(&mut self, index: usize, day: Day) -> Option<&HouseholdSlice> {
        let (histories, kinds, known) = (self.histories, self.kinds, self.known);
        self.cut
            .entry((index, day))
            .or_insert_with(|| histories.get(index).and_then(|h| cut(h, day, known, kinds)))
            .as_ref()
    }
}

/// Where a person is on `day` as known: the newest recorded piece that covers the day decides.
pub fn whereabouts<'a>(
    memberships: impl IntoIterator<Item = &'a Membership>,
    person: Id,
    day: Day,
    known: Instant,
) -> Option<&'a Membership> {
    memberships
        .into_iter()
        .filter(|m| m.person == person && m.valid.contains(day))
        .filter(|m| m.provenance.recorded_at <= known)
        .max_by_key(|m| (m.provenance.recorded_at, m.id))
        .filter(|m| m.member)
}

/// A household on `day` as known at `known`.
pub fn cut(
    history: &HouseholdHistory,
    day: Day,
    known: Instant,
    kinds: &KindList,
) -> Option<HouseholdSlice> {
    let household = history.household?;
    let residence: &Residence = history
        .residences
        .iter()
        .filter(|r| r.valid.contains(day) && r.provenance.recorded_at <= known)
        .max_by_key(|r| (r.provenance.recorded_at, r.id))?;
    let mut persons: Vec<Id> = history.memberships.iter().map(|m| m.person).collect();
    persons.sort_unstable();
    persons.dedup();
    let facts = |subject: Id, kinds: &[(String, bool)]| -> Vec<Fact> {
        let mut facts = Vec::new();
        for (slot, (kind, many)) in kinds.iter().enumerate() {
            let pieces: Vec<_> = history
                .evidence
                .iter()
                .filter(|e| e.subject == subject && e.kind == *kind)
                .collect();
            if pieces.is_empty() {
                continue;
            }
            let held = registry::timeline::all_in_force(pieces.iter().copied(), day, known);
            let skip = if *many {
                0
            } else {
                held.len().saturating_sub(1)
            };
            facts.extend(held.into_iter().skip(skip).map(|e| Fact {
                kind: slot as u16,
                evidence: e.id,
                value: e.value.to_string().into(),
            }));
        }
        facts
    };
    let mut members: Vec<MemberSlice> = persons
        .into_iter()
        .filter_map(|person| {
            let place = whereabouts(&history.memberships, person, day, known)
                .filter(|m| m.household == household)?;
            let identity: &Identity = history
                .identities
                .iter()
                .filter(|i| i.person == person && i.provenance.recorded_at <= known)
                .max_by_key(|i| (i.provenance.recorded_at, i.id))?;
            Some(MemberSlice {
                person,
                relation: place.relation.as_str().into(),
                sex: identity.sex,
                birth: identity.birth,
                facts: facts(person, &kinds.person),
            })
        })
        .collect();
    if members.is_empty() {
        return None;
    }
    members.sort_by_key(|m| (&*m.relation != "户主", m.person));
    Some(HouseholdSlice {
        household,
        shard: history.shard.as_str().into(),
        area: residence.area.as_str().into(),
        facts: facts(household, &kinds.household),
        members,
    })
}
