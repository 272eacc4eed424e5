//! Two records that are one person, and one record that is two.
//!
//! Neither is an edit. What was recorded stays, and counts for every moment before; from the moment of the
//! correction on, pieces of two reserved kinds say which record goes on as which, withdraw what the record given
//! up said, and the other record says it in its place. So every reader of facts follows without knowing of it,
//! and a replay of a moment before sees two records, or one, as was known then.

use crate::record::{Evidence, Membership, PayeeAccount, Provenance};
use crate::slice::HouseholdHistory;
use crate::timeline::{placed_on, withdrawn};
use base::{Day, Id, Period};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Kind of the piece that says, about a record given up, as whose the person goes on. No law can declare
/// it: names in a law file do not start with `@`.
pub const CONTINUES_AS: &str = "@continues-as";
/// Kind of the piece that says, about a record that goes on, which other record was the same person.
pub const INCLUDES: &str = "@includes";

/// The records that a correction of identity makes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Follows {
    /// What is said now, and what is withdrawn.
    pub evidence: Vec<Evidence>,
    /// Who is where now.
    pub memberships: Vec<Membership>,
    /// Accounts that money goes to now.
    pub payees: Vec<PayeeAccount>,
}

/// One of the two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its person.
    pub person: Id,
    /// Home shard.
    pub shard: &'a str,
}

/// The record that a person goes on as: itself unless a piece about it says otherwise.
pub fn goes_on_as<'a>(evidence: impl IntoIterator<Item = &'a Evidence> + Clone, person: Id) -> Id {
    let mut at = person;
    // A record given up for one that is given up later; never more than there are pieces.
    let mut seen = BTreeSet::new();
    while seen.insert(at) {
        let Some(next) = other(evidence.clone(), at, CONTINUES_AS).pop() else {
            break;
        };
        at = next;
    }
    at
}

/// The records that were the same person as `person` and were given up for it.
pub fn includes<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence> + Clone,
    person: Id,
) -> Vec<Id> {
    other(evidence, person, INCLUDES)
}

/// The pieces that say of the record that a person goes on as what a piece about the record given up said: where
/// they stand, and their ids. Empty when the record was not given up, or the piece came later.
pub fn said_of_the_other<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence> + Clone,
    given_up: Id,
    piece: Id,
) -> Vec<&'a Evidence> {
    let links = evidence.clone().into_iter();
    let corrections: Vec<String> = links
        .filter(|e| e.subject == given_up && e.kind == CONTINUES_AS)
        .filter_map(|e| Some(e.value.get("correction")?.as_str()?.to_owned()))
        .collect();
    let mut found = Vec::new();
    for correction in corrections {
        let part = |n: u32| {
            let id = Id::derive(&["continued", &correction, &piece.to_string(), &n.to_string()]);
            evidence.clone().into_iter().find(|e| e.id == id)
        };
        found.extend((0..).map_while(part));
    }
    found
}

fn other<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence> + Clone,
    person: Id,
    kind: &str,
) -> Vec<Id> {
    let about = evidence.into_iter().filter(|e| e.subject == person);
    let about: Vec<&Evidence> = about.collect();
    let gone = withdrawn(
        about.iter().copied(),
        chrono::DateTime::<chrono::Utc>::MAX_UTC,
    );
    let mut found: Vec<&Evidence> = about
        .into_iter()
        .filter(|e| e.kind == kind && !gone.contains(&e.id))
        .collect();
    found.sort_by_key(|e| (e.provenance.recorded_at, e.id));
    let read = |e: &Evidence| -> Option<Id> { e.value.get("person")?.as_str()?.parse().ok() };
    found.into_iter().filter_map(read).collect()
}

/// Makes of two records one: `given_up` is the same person as `continues`. Where both say something of one
/// kind about one day, what was recorded later holds, as always; what both say alike counts once.
///
/// `histories` must hold everything about both; `many` tells whether pieces of a kind count side by side. `id`
/// names the correction: the same again makes the same records.
pub fn merge(
    histories: &[HouseholdHistory],
    given_up: Record<'_>,
    continues: Record<'_>,
    many: &dyn Fn(&str) -> bool,
    id: Id,
    provenance: &Provenance,
) -> Follows {
    let mut follows = Follows::default();
    let pieces = pieces_about(histories, &[given_up.person, continues.person], provenance);
    let moved: Vec<&Evidence> = pieces
        .iter()
        .copied()
        .filter(|e| e.subject == given_up.person && e.kind != CONTINUES_AS && e.kind != INCLUDES)
        .collect();
    follows.evidence.push(link(
        CONTINUES_AS,
        (given_up, continues.person),
        moved.iter().map(|e| e.id).collect(),
        id,
        provenance,
    ));
    follows.evidence.push(link(
        INCLUDES,
        (continues, given_up.person),
        Vec::new(),
        id,
        provenance,
    ));
    follows
        .evidence
        .extend(said_anew(&pieces, &moved, continues, many, id, provenance));
    follows.memberships = places(histories, given_up.person, continues.person, id, provenance);
    let accounts = |person: Id| {
        let all = histories.iter().flat_map(|h| &h.payees);
        all.filter(move |p| p.subject == person)
    };
    if accounts(continues.person).next().is_none()
        && let Some(account) =
            accounts(given_up.person).max_by_key(|p| (p.provenance.recorded_at, p.id))
    {
        follows.payees.push(PayeeAccount {
            id: Id::derive(&["continued", &id.to_string(), &account.id.to_string()]),
            subject: continues.person,
            provenance: provenance.clone(),
            ..account.clone()
        });
    }
    follows
}

/// Makes of one record two: the pieces of evidence and the places named were those of `other`, who was taken
/// for `one`. The person of `other` and its identity are recorded with it.
#[expect(clippy::too_many_arguments, reason = "what a parting names")]
pub fn split(
    histories: &[HouseholdHistory],
    one: Record<'_>,
    other: Record<'_>,
    pieces: &BTreeSet<Id>,
    places: &BTreeSet<Id>,
    many: &dyn Fn(&str) -> bool,
    id: Id,
    provenance: &Provenance,
) -> Follows {
    let all = pieces_about(histories, &[one.person], provenance);
    let moved: Vec<&Evidence> = all
        .iter()
        .copied()
        .filter(|e| pieces.contains(&e.id))
        .collect();
    let mut follows = Follows::default();
    // It withdraws what was another's, and says nothing else.
    let mut back = link(
        INCLUDES,
        (one, other.person),
        moved.iter().map(|e| e.id).collect(),
        id,
        provenance,
    );
    back.value = Value::Null;
    follows.evidence.push(back);
    follows
        .evidence
        .extend(said_anew(&moved, &moved, other, many, id, provenance));
    let mut seen = BTreeSet::new();
    for m in histories.iter().flat_map(|h| &h.memberships) {
        if m.person != one.person || !m.member || !places.contains(&m.id) || !seen.insert(m.id) {
            continue;
        }
        for (person, member) in [(one.person, false), (other.person, true)] {
            follows.memberships.push(Membership {
                id: Id::derive(&[
                    "split",
                    &id.to_string(),
                    &m.id.to_string(),
                    &person.to_string(),
                ]),
                person,
                member,
                provenance: provenance.clone(),
                ..m.clone()
            });
        }
    }
    follows
}

/// What stands about some persons, in the order in which it was recorded.
fn pieces_about<'a>(
    histories: &'a [HouseholdHistory],
    persons: &[Id],
    provenance: &Provenance,
) -> Vec<&'a Evidence> {
    let mut seen = BTreeSet::new();
    let about: Vec<&Evidence> = histories
        .iter()
        .flat_map(|h| &h.evidence)
        .filter(|e| persons.contains(&e.subject) && seen.insert(e.id))
        .collect();
    let gone = withdrawn(about.iter().copied(), provenance.recorded_at);
    let mut standing: Vec<&Evidence> = about
        .into_iter()
        .filter(|e| !gone.contains(&e.id) && e.withdraws.is_empty())
        .collect();
    standing.sort_by_key(|e| (e.provenance.recorded_at, e.id));
    standing
}

fn link(
    kind: &str,
    (about, person): (Record<'_>, Id),
    withdraws: Vec<Id>,
    id: Id,
    provenance: &Provenance,
) -> Evidence {
    Evidence {
        id: Id::derive(&[kind, &id.to_string()]),
        shard: about.shard.into(),
        subject: about.person,
        kind: kind.into(),
        value: json!({"person": person.to_string(), "correction": id.to_string()}),
        valid: Period::since(Day::from_ymd_opt(1900, 1, 1).unwrap_or(Day::MIN)),
        withdraws,
        provenance: provenance.clone(),
    }
}

/// The moved pieces as said about `now`, for the days on which they hold among all the pieces: a new piece
/// is recorded last and would else hold over one that was recorded after the old one.
fn said_anew(
    all: &[&Evidence],
    moved: &[&Evidence],
    now: Record<'_>,
    many: &dyn Fn(&str) -> bool,
    id: Id,
    provenance: &Provenance,
) -> Vec<Evidence> {
    let mut said = Vec::new();
    for (n, piece) in all.iter().enumerate() {
        if !moved.iter().any(|m| m.id == piece.id) {
            continue;
        }
        let same = |e: &&&Evidence| e.kind == piece.kind;
        let days = if many(&piece.kind) {
            // Reported under both records, it is one thing; of two that were moved the first is said.
            let alike = |e: &&Evidence| e.value == piece.value && e.valid == piece.valid;
            let double = all
                .iter()
                .enumerate()
                .filter(|(_, e)| same(e))
                .any(|(m, e)| {
                    alike(e) && m != n && (m < n || !moved.iter().any(|held| held.id == e.id))
                });
            if double {
                Vec::new()
            } else {
                vec![piece.valid]
            }
        } else {
            let later: Vec<Period> = all[n + 1..].iter().filter(same).map(|e| e.valid).collect();
            less(piece.valid, &later)
        };
        for (part, valid) in days.into_iter().enumerate() {
            said.push(Evidence {
                id: Id::derive(&[
                    "continued",
                    &id.to_string(),
                    &piece.id.to_string(),
                    &part.to_string(),
                ]),
                shard: now.shard.into(),
                subject: now.person,
                valid,
                withdraws: Vec::new(),
                provenance: provenance.clone(),
                ..(*piece).clone()
            });
        }
    }
    said
}

/// A period without the days of others, in pieces, ascending.
fn less(period: Period, others: &[Period]) -> Vec<Period> {
    let mut left = vec![period];
    for other in others {
        left = left
            .into_iter()
            .flat_map(|p| {
                if !p.overlaps(other) {
                    return vec![p];
                }
                let before = (p.from < other.from).then_some(Period {
                    from: p.from,
                    to: Some(other.from),
                });
                let after = other
                    .to
                    .filter(|to| p.to.is_none_or(|end| *to < end))
                    .map(|to| Period { from: to, to: p.to });
                before.into_iter().chain(after).collect()
            })
            .collect();
    }
    left
}

/// The record given up is nowhere any more; the one that continues is where that one was and it was not.
fn places(
    histories: &[HouseholdHistory],
    given_up: Id,
    continues: Id,
    id: Id,
    provenance: &Provenance,
) -> Vec<Membership> {
    let mut seen = BTreeSet::new();
    let of = |person: Id| -> Vec<&Membership> {
        let mut seen = BTreeSet::new();
        histories
            .iter()
            .flat_map(|h| &h.memberships)
            .filter(|m| m.person == person && seen.insert(m.id))
            .collect()
    };
    let (old, kept) = (of(given_up), of(continues));
    let mut made = Vec::new();
    let first = old.iter().map(|m| m.valid.from).min();
    for m in &old {
        let Some(from) = first.filter(|_| seen.insert(m.household)) else {
            continue;
        };
        made.push(Membership {
            id: Id::derive(&["given-up", &id.to_string(), &m.household.to_string()]),
            member: false,
            valid: Period::since(from),
            provenance: provenance.clone(),
            ..(*m).clone()
        });
    }
    // Between two of these days nothing changes.
    let days: BTreeSet<Day> = old
        .iter()
        .chain(&kept)
        .flat_map(|m| [Some(m.valid.from), m.valid.to])
        .flatten()
        .collect();
    let days: Vec<Day> = days.into_iter().collect();
    let at = provenance.recorded_at;
    let mut spans: Vec<(Membership, Period)> = Vec::new();
    for (n, from) in days.iter().enumerate() {
        let place = placed_on(old.iter().copied(), *from, at);
        if placed_on(kept.iter().copied(), *from, at).is_some() {
            continue;
        }
        let Some(place) = place else { continue };
        let to = days.get(n + 1).copied();
        match spans.last_mut() {
            Some((held, period))
                if held.household == place.household
                    && held.relation == place.relation
                    && period.to == Some(*from) =>
            {
                period.to = to;
            }
            _ => spans.push((place.clone(), Period { from: *from, to })),
        }
    }
    for (place, valid) in spans {
        made.push(Membership {
            id: Id::derive(&[
                "goes-on",
                &id.to_string(),
                &place.household.to_string(),
                &valid.from.to_string(),
            ]),
            person: continues,
            valid,
            provenance: provenance.clone(),
            ..place
        });
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::in_force;

    fn day(text: &str) -> Day {
        base::parse_day(text).expect("a day")
    }

    fn period(from: &str, to: &str) -> Period {
        Period {
            from: day(from),
            to: (!to.is_empty()).then(|| day(to)),
        }
    }

    fn provenance(on: &str) -> Provenance {
        Provenance {
            recorded_at: base::parse_instant(&format!("{on}T00:00:00Z")).expect("a moment"),
            recorded_by: "test".into(),
            source: "test".into(),
        }
    }

    fn id(name: &str) -> Id {
        Id::derive(&["test", name])
    }

    fn said(name: &str, about: &str, value: i64, valid: Period, on: &str) -> Evidence {
        Evidence {
            id: id(name),
            shard: "S".into(),
            subject: id(about),
            kind: "甲".into(),
            value: json!(value),
            valid,
            withdraws: Vec::new(),
            provenance: provenance(on),
        }
    }

    #[test]
    fn days_are_cut_out() {
        let year = period("2020-01-01", "");
        assert_eq!(
            less(
                year,
                &[
                    period("2020-03-01", "2020-05-01"),
                    period("2020-04-01", "2020-06-01")
                ]
            ),
            [period("2020-01-01", "2020-03-01"), period("2020-06-01", "")]
        );
        assert_eq!(less(year, &[period("2019-01-01", "")]), []);
    }

    #[test]
    fn of_two_records_that_speak_of_one_day_the_later_one_holds_after_the_merge_too() {
        // b: 100 from January (told 1 Feb), 300 from April (told 1 May). a: 200 in March and April (told 1 June).
        let history = HouseholdHistory {
            evidence: vec![
                said("b1", "b", 100, period("2020-01-01", ""), "2020-02-01"),
                said("b2", "b", 300, period("2020-04-01", ""), "2020-05-01"),
                said(
                    "a1",
                    "a",
                    200,
                    period("2020-03-01", "2020-05-01"),
                    "2020-06-01",
                ),
            ],
            ..HouseholdHistory::default()
        };
        let record = |name| Record {
            person: id(name),
            shard: "S",
        };
        let follows = merge(
            std::slice::from_ref(&history),
            record("b"),
            record("a"),
            &|_| false,
            id("merge"),
            &provenance("2020-07-01"),
        );
        let mut all = history.evidence.clone();
        all.extend(follows.evidence);
        let holds = |about: &str, on: &str, known: &str| {
            let about = all
                .iter()
                .filter(|e| e.subject == id(about) && e.kind == "甲");
            in_force(about, day(on), provenance(known).recorded_at).and_then(|e| e.value.as_i64())
        };
        let after = "2020-07-02";
        assert_eq!(
            ["2020-02-01", "2020-03-01", "2020-04-15", "2020-05-01"].map(|d| holds("a", d, after)),
            [Some(100), Some(200), Some(200), Some(300)]
        );
        // The record given up says nothing any more; as known before it still did.
        let gone: Vec<&Evidence> = all.iter().filter(|e| e.subject == id("b")).collect();
        let known = |on: &str| {
            crate::timeline::all_in_force(
                gone.iter().copied(),
                day("2020-02-01"),
                provenance(on).recorded_at,
            )
            .into_iter()
            .filter(|e| e.kind == "甲")
            .count()
        };
        assert_eq!((known("2020-06-30"), known(after)), (1, 0));
        assert_eq!(goes_on_as(&all, id("b")), id("a"));
        assert_eq!(goes_on_as(&all, id("a")), id("a"));
        assert_eq!(includes(&all, id("a")), [id("b")]);
    }
}
