//! What was so on a day, as known at a moment.
//!
//! Two rules, used for every kind of record: among the pieces that cover the day and were recorded by
//! the moment, the one recorded last holds (ties: the greater id); and nothing recorded later counts.

use crate::record::{Evidence, Identity, Membership, PayeeAccount, Residence};
use crate::slice::{Fact, HouseholdHistory, HouseholdSlice, KindList, MemberSlice};
use base::{Day, Id, Instant, Month, Period};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Relation of the head of a household, who comes first among its members.
pub const HEAD: &str = "户主";

/// The piece of one kind that holds on `day` as known at `known`: among those that cover the day and
/// were recorded by then and not withdrawn by then, the one recorded last (ties: the greater id).
pub fn in_force<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence> + Clone,
    day: Day,
    known: Instant,
) -> Option<&'a Evidence> {
    all_in_force(evidence, day, known).pop()
}

/// Every piece that covers `day`, was recorded by `known` and not withdrawn by then, oldest first.
///
/// Give it pieces about one subject: a piece withdraws others about its own subject only.
pub fn all_in_force<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence> + Clone,
    day: Day,
    known: Instant,
) -> Vec<&'a Evidence> {
    let withdrawn = withdrawn(evidence.clone(), known);
    let mut found: Vec<&Evidence> = evidence
        .into_iter()
        .filter(|e| e.provenance.recorded_at <= known && e.valid.contains(day))
        .filter(|e| !withdrawn.contains(&e.id))
        .collect();
    found.sort_by_key(|e| (e.provenance.recorded_at, e.id));
    found
}

/// The ids that pieces recorded by `known` withdraw. A withdrawal is not undone by withdrawing it;
/// what was withdrawn in error is asserted anew.
pub fn withdrawn<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence>,
    known: Instant,
) -> HashSet<Id> {
    evidence
        .into_iter()
        .filter(|e| e.provenance.recorded_at <= known)
        .flat_map(|e| e.withdraws.iter().copied())
        .collect()
}

/// Where a household lived on `day`. Give it the pieces of one household.
pub fn residence_on<'a>(
    pieces: impl IntoIterator<Item = &'a Residence>,
    day: Day,
    known: Instant,
) -> Option<&'a Residence> {
    pieces
        .into_iter()
        .filter(|r| r.provenance.recorded_at <= known && r.valid.contains(day))
        .max_by_key(|r| (r.provenance.recorded_at, r.id))
}

/// Who a person is. Give it the records of one person.
pub fn identity_at<'a>(
    pieces: impl IntoIterator<Item = &'a Identity>,
    known: Instant,
) -> Option<&'a Identity> {
    pieces
        .into_iter()
        .filter(|i| i.provenance.recorded_at <= known)
        .max_by_key(|i| (i.provenance.recorded_at, i.id))
}

/// Where a subject's money went on `day`. Give it the pieces of one subject.
pub fn payee_on<'a>(
    pieces: impl IntoIterator<Item = &'a PayeeAccount>,
    day: Day,
    known: Instant,
) -> Option<&'a PayeeAccount> {
    pieces
        .into_iter()
        .filter(|p| p.provenance.recorded_at <= known && p.valid.contains(day))
        .max_by_key(|p| (p.provenance.recorded_at, p.id))
}

/// The membership that places a person on `day`: for each household the newest recorded piece that
/// covers the day speaks; among the households that then call the person a member the newest
/// recorded wins, since a person is in one household at a time. Give it the pieces of one person, in
/// whatever households.
pub fn placed_on<'a>(
    pieces: impl IntoIterator<Item = &'a Membership>,
    day: Day,
    known: Instant,
) -> Option<&'a Membership> {
    // Few households in a life: a list is faster than a map.
    let mut newest: Vec<&Membership> = Vec::new();
    for piece in pieces {
        if piece.provenance.recorded_at > known || !piece.valid.contains(day) {
            continue;
        }
        match newest.iter_mut().find(|m| m.household == piece.household) {
            Some(held) if age(held) < age(piece) => *held = piece,
            Some(_) => {}
            None => newest.push(piece),
        }
    }
    newest
        .into_iter()
        .filter(|m| m.member)
        .max_by_key(|m| age(m))
}

fn age(m: &Membership) -> (Instant, Id) {
    (m.provenance.recorded_at, m.id)
}

/// The members of a household on `day`, the head first, then by person id. The pieces must hold
/// everything about everyone who was ever a member, also what places them elsewhere.
pub fn members_on<'a>(
    pieces: impl IntoIterator<Item = &'a Membership>,
    household: Id,
    day: Day,
    known: Instant,
) -> Vec<&'a Membership> {
    let mut by_person: BTreeMap<Id, Vec<&Membership>> = BTreeMap::new();
    for piece in pieces {
        by_person.entry(piece.person).or_default().push(piece);
    }
    let mut members: Vec<&Membership> = by_person
        .into_values()
        .filter_map(|pieces| placed_on(pieces, day, known))
        .filter(|m| m.household == household)
        .collect();
    members.sort_by_key(|m| (m.relation != HEAD, m.person));
    members
}

/// The months that a new piece touches: those that share a day with its period, up to `last`.
/// Reference days lie within their month, so no other month can see it.
pub fn touched(valid: &Period, last: Month) -> Vec<Month> {
    valid.months_until(last).collect()
}

/// The months touched by a new piece of evidence in this history: its own period and the periods of
/// the pieces that it withdraws.
pub fn touched_by(piece: &Evidence, history: &HouseholdHistory, last: Month) -> Vec<Month> {
    let mut months: Vec<Month> = touched(&piece.valid, last);
    for old in &history.evidence {
        if piece.withdraws.contains(&old.id) {
            months.extend(touched(&old.valid, last));
        }
    }
    months.sort();
    months.dedup();
    months
}

/// The civil date of a moment in China (UTC+8 all year).
pub fn civil_day(moment: Instant) -> Day {
    (moment + chrono::TimeDelta::hours(8)).date_naive()
}

/// The household as it was on `day`, as known at `known`, with the kinds asked for.
///
/// `None` when it was nowhere (no residence covers the day), had no members, or when a member's
/// identity was not known by then: such a household cannot be determined, and must not be guessed.
pub fn slice(
    history: &HouseholdHistory,
    kinds: &KindList,
    day: Day,
    known: Instant,
) -> Option<HouseholdSlice> {
    let household = history.household?;
    let residences = history
        .residences
        .iter()
        .filter(|r| r.household == household);
    let area = &residence_on(residences, day, known)?.area;
    let slots = Slots::new(kinds);
    let mut members = Vec::new();
    for place in members_on(&history.memberships, household, day, known) {
        let identities = history.identities.iter();
        let who = identity_at(identities.filter(|i| i.person == place.person), known)?;
        members.push(MemberSlice {
            person: place.person,
            relation: place.relation.as_str().into(),
            sex: who.sex,
            birth: who.birth,
            facts: facts(
                history,
                place.person,
                &slots.person,
                &kinds.person,
                day,
                known,
            ),
        });
    }
    if members.is_empty() {
        return None;
    }
    Some(HouseholdSlice {
        household,
        shard: history.shard.as_str().into(),
        area: area.as_str().into(),
        facts: facts(
            history,
            household,
            &slots.household,
            &kinds.household,
            day,
            known,
        ),
        members,
    })
}

/// Kind names to their slots.
pub struct Slots<'a> {
    /// Kinds about persons.
    pub person: HashMap<&'a str, u16>,
    /// Kinds about households.
    pub household: HashMap<&'a str, u16>,
}

impl<'a> Slots<'a> {
    /// From the list that the law gives.
    pub fn new(kinds: &'a KindList) -> Slots<'a> {
        let index = |list: &'a [(String, bool)]| {
            list.iter()
                .enumerate()
                .map(|(slot, (name, _))| (name.as_str(), slot as u16))
                .collect()
        };
        Slots {
            person: index(&kinds.person),
            household: index(&kinds.household),
        }
    }
}

fn facts(
    history: &HouseholdHistory,
    subject: Id,
    slots: &HashMap<&str, u16>,
    kinds: &[(String, bool)],
    day: Day,
    known: Instant,
) -> Vec<Fact> {
    let about = history.evidence.iter().filter(|e| e.subject == subject);
    let mut pieces: Vec<Piece> = all_in_force(about, day, known)
        .into_iter()
        .filter_map(|e| {
            Some(Piece {
                slot: *slots.get(e.kind.as_str())?,
                recorded: e.provenance.recorded_at.timestamp_micros(),
                evidence: e.id,
                value: e.value.to_string().into(),
            })
        })
        .collect();
    settle(&mut pieces, kinds)
}

/// A piece of evidence that is in force, before it is settled which of one kind holds.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Slot of its kind.
    pub slot: u16,
    /// When it was recorded, in microseconds since 1970.
    pub recorded: i64,
    /// Its id.
    pub evidence: Id,
    /// Value as JSON text.
    pub value: Box<str>,
}

/// From the pieces in force about one subject to its facts: by slot; for kinds with many pieces all
/// of them, oldest first, otherwise the one recorded last. Empties `pieces`, keeping its room.
pub fn settle(pieces: &mut Vec<Piece>, kinds: &[(String, bool)]) -> Vec<Fact> {
    pieces.sort_unstable_by_key(|p| (p.slot, p.recorded, p.evidence));
    let mut facts: Vec<Fact> = Vec::with_capacity(pieces.len());
    for piece in pieces.drain(..) {
        let many = kinds
            .get(piece.slot as usize)
            .is_some_and(|(_, many)| *many);
        let fact = Fact {
            kind: piece.slot,
            evidence: piece.evidence,
            value: piece.value,
        };
        match facts.last_mut() {
            Some(last) if last.kind == fact.kind && !many => *last = fact,
            _ => facts.push(fact),
        }
    }
    facts
}
