//! Corrections of who is who: two records that are one person, one record that is two.

use super::change::{Facts, Prefetched, Recorded};
use super::{Office, ServiceError};
use base::Id;
use entitlement::Subject;
use entitlement::change::At;
use entitlement::determination::{Award, SubjectKey};
use entitlement::owed::awards_known;
use registry::record::{Identity, Person, Provenance};
use registry::same::{self, Record};
use std::collections::BTreeSet;

/// A record that turned out to be two persons': what of it is the other's.
#[derive(Clone, Debug)]
pub struct Parting {
    /// The record that goes on as the one.
    pub one: Id,
    /// Who the other is; names a person that the register does not hold yet.
    pub other: Identity,
    /// Pieces of evidence that are the other's.
    pub pieces: BTreeSet<Id>,
    /// Pieces of membership that are the other's.
    pub places: BTreeSet<Id>,
}

impl Office {
    /// Records that `given_up` and `continues` are one person, with all that follows: households, determinations
    /// and awards go on under `continues`, and what both were paid for one period is recovered once. Nothing
    /// recorded is edited; a moment before still shows two.
    ///
    /// # Errors
    /// As [`Office::record`]; [`ServiceError::Refused`] when the two are one record, or one was given up before.
    pub async fn merge_persons(
        &self,
        request: Id,
        given_up: Id,
        continues: Id,
        source: &str,
        by: &str,
        at: At,
    ) -> Result<Recorded, ServiceError> {
        let facts = self
            .merging(request, given_up, continues, source, by, at)
            .await?;
        self.record(request, &facts, by, at).await
    }

    /// The facts of [`Office::merge_persons`].
    pub(crate) async fn merging(
        &self,
        request: Id,
        given_up: Id,
        continues: Id,
        source: &str,
        by: &str,
        at: At,
    ) -> Result<Facts, ServiceError> {
        let read = self.prefetch(&[given_up, continues]).await?;
        let at = super::clock::after(&read, at);
        let (old, new) = (
            self.shard_of(given_up).await?,
            self.shard_of(continues).await?,
        );
        let evidence = read.households.iter().flat_map(|h| &h.evidence);
        for person in [given_up, continues] {
            if same::goes_on_as(evidence.clone(), person) != person {
                return Err(ServiceError::Refused(format!(
                    "{person} was given up for another record before; name that one"
                )));
            }
        }
        if given_up == continues {
            return Err(ServiceError::Refused(format!(
                "{given_up} is one record; name the two that are one person"
            )));
        }
        let provenance = provenance(source, by, at);
        let follows = same::merge(
            &read.households,
            Record {
                person: given_up,
                shard: &old,
            },
            Record {
                person: continues,
                shard: &new,
            },
            &|kind| self.side_by_side(kind),
            request,
            &provenance,
        );
        Ok(Facts {
            evidence: follows.evidence,
            memberships: follows.memberships,
            payees: follows.payees,
            awards: awards(&read, given_up, (continues, &new), by, at),
            ..Facts::default()
        })
    }

    /// Records that one record was two persons', with all that follows for both.
    ///
    /// # Errors
    /// As [`Office::record`].
    pub async fn split_person(
        &self,
        request: Id,
        parting: &Parting,
        source: &str,
        by: &str,
        at: At,
    ) -> Result<Recorded, ServiceError> {
        let facts = self.parting(request, parting, source, by, at).await?;
        self.record(request, &facts, by, at).await
    }

    /// The facts of [`Office::split_person`].
    pub(crate) async fn parting(
        &self,
        request: Id,
        parting: &Parting,
        source: &str,
        by: &str,
        at: At,
    ) -> Result<Facts, ServiceError> {
        let read = self.prefetch(&[parting.one]).await?;
        let at = super::clock::after(&read, at);
        let shard = self.shard_of(parting.one).await?;
        let provenance = provenance(source, by, at);
        let other = parting.other.person;
        let record = |person| Record {
            person,
            shard: &shard,
        };
        let follows = same::split(
            &read.households,
            record(parting.one),
            record(other),
            &parting.pieces,
            &parting.places,
            &|kind| self.side_by_side(kind),
            request,
            &provenance,
        );
        Ok(Facts {
            persons: vec![Person {
                id: other,
                shard: shard.clone(),
                opened_at: at.now,
            }],
            identities: vec![Identity {
                provenance,
                ..parting.other.clone()
            }],
            evidence: follows.evidence,
            memberships: follows.memberships,
            ..Facts::default()
        })
    }

    async fn shard_of(&self, person: Id) -> Result<String, ServiceError> {
        let shard = self.store.person_shard(person).await?;
        shard.ok_or_else(|| {
            ServiceError::NotFound(format!("person {person} is not in the register"))
        })
    }

    /// Do pieces of a kind count side by side? Those of the house's own kinds, such as decisions, do.
    fn side_by_side(&self, kind: &str) -> bool {
        kind.starts_with('@')
            || self
                .law()
                .kind(Subject::Person, kind)
                .is_some_and(|k| k.many)
    }
}

fn provenance(source: &str, by: &str, at: At) -> Provenance {
    Provenance {
        recorded_at: at.now,
        recorded_by: by.into(),
        source: source.into(),
    }
}

/// Awards of the record given up end where they began, and begin for the one that goes on unless it has one of
/// the programme.
fn awards(
    read: &Prefetched,
    given_up: Id,
    (continues, shard): (Id, &str),
    by: &str,
    at: At,
) -> Vec<Award> {
    let known = awards_known(&read.awards, at.now);
    let mut made = Vec::new();
    for award in known.iter().filter(|a| a.subject.id == given_up) {
        made.push(Award {
            to: Some(award.from),
            decided_by: by.into(),
            reason: "the record goes on as another".into(),
            recorded_at: at.now,
            ..(*award).clone()
        });
        let has = |a: &&&Award| a.subject.id == continues && a.programme == award.programme;
        if known.iter().find(has).is_none() {
            made.push(Award {
                id: Id::derive(&["goes-on", &award.id.to_string(), &continues.to_string()]),
                subject: SubjectKey {
                    shard: shard.into(),
                    kind: award.subject.kind,
                    id: continues,
                },
                recorded_at: at.now,
                ..(*award).clone()
            });
        }
    }
    made
}

/// Facts about a record that was given up are about the one that it goes on as: feeds know only the old one.
pub(super) fn redirected(facts: Facts, read: &Prefetched) -> Facts {
    let evidence = read.households.iter().flat_map(|h| &h.evidence);
    if !evidence.clone().any(|e| e.kind == same::CONTINUES_AS) {
        return facts;
    }
    let correcting: BTreeSet<Id> = facts
        .evidence
        .iter()
        .filter(|e| e.kind == same::CONTINUES_AS)
        .map(|e| e.subject)
        .collect();
    let now = |id: Id| {
        if correcting.contains(&id) {
            id
        } else {
            same::goes_on_as(evidence.clone(), id)
        }
    };
    let mut facts = facts;
    for e in &mut facts.evidence {
        // Pieces that it withdraws are about the old record, and so is it.
        if e.withdraws.is_empty() && !e.kind.starts_with('@') {
            e.subject = now(e.subject);
        }
    }
    for m in facts.memberships.iter_mut().filter(|m| m.member) {
        m.person = now(m.person);
    }
    for p in &mut facts.payees {
        p.subject = now(p.subject);
    }
    facts
}
