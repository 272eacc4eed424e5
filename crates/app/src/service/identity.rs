//! Corrections of who is who: two records that are one person, one record that is two.

use super::change::{Facts, Prefetched, Recorded};
use super::{Office, ServiceError};
use base::Id;
use casework::correction::Correction;
use entitlement::Subject;
use entitlement::change::At;
use entitlement::determination::{Award, SubjectKey};
use entitlement::owed::awards_known;
use registry::record::{Evidence, Identity, Person, Provenance};
use registry::same::{self, Record};
use registry::timeline;
use serde_json::json;
use std::collections::BTreeSet;
use store::JournalEntry;

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
        let done = Id::derive(&[same::CONTINUES_AS, &request.to_string()]);
        if self.is_said(given_up, done).await? {
            return Ok(repeated());
        }
        let facts = self
            .merging(request, given_up, continues, source, by, at)
            .await?;
        let detail = json!({ "given_up": given_up, "continues": continues, "reason": source });
        self.record_correction(request, &facts, "persons-merged", continues, detail, by, at)
            .await
    }

    /// What [`Office::merge_persons`] would come to; nothing is written.
    ///
    /// # Errors
    /// As [`Office::merge_persons`].
    pub async fn preview_merge(
        &self,
        given_up: Id,
        continues: Id,
        by: &str,
        at: At,
    ) -> Result<Correction, ServiceError> {
        let facts = self
            .merging(Id::mint(), given_up, continues, "", by, at)
            .await?;
        self.preview(&facts, by, at).await
    }

    /// What [`Office::split_person`] would come to; nothing is written.
    ///
    /// # Errors
    /// As [`Office::split_person`].
    pub async fn preview_split(
        &self,
        parting: &Parting,
        by: &str,
        at: At,
    ) -> Result<Correction, ServiceError> {
        let facts = self.parting(Id::mint(), parting, "", by, at).await?;
        self.preview(&facts, by, at).await
    }

    async fn is_said(&self, person: Id, piece: Id) -> Result<bool, ServiceError> {
        let read = self.prefetch(&[person]).await?;
        let mut evidence = read.households.iter().flat_map(|h| &h.evidence);
        Ok(evidence.any(|e| e.id == piece))
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "an act and its line in the journal"
    )]
    async fn record_correction(
        &self,
        request: Id,
        facts: &Facts,
        action: &str,
        person: Id,
        detail: serde_json::Value,
        by: &str,
        at: At,
    ) -> Result<Recorded, ServiceError> {
        self.record_with(request, facts, by, at, |set| {
            set.journal.push(JournalEntry {
                actor: by.into(),
                action: action.into(),
                subject: Some(person),
                detail: detail.clone(),
            });
            Ok(())
        })
        .await
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
    /// As [`Office::record`]; [`ServiceError::Refused`] when a piece or a place is not the record's, no place
    /// is named, or the other is known already.
    pub async fn split_person(
        &self,
        request: Id,
        parting: &Parting,
        source: &str,
        by: &str,
        at: At,
    ) -> Result<Recorded, ServiceError> {
        let done = Id::derive(&[same::INCLUDES, &request.to_string()]);
        if self.is_said(parting.one, done).await? {
            return Ok(repeated());
        }
        let facts = self.parting(request, parting, source, by, at).await?;
        let detail = json!({
            "one": parting.one, "other": parting.other.person, "pieces": parting.pieces,
            "places": parting.places, "reason": source,
        });
        self.record_correction(request, &facts, "person-split", parting.one, detail, by, at)
            .await
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
        may_part(&read, parting)?;
        if self
            .store
            .person_shard(parting.other.person)
            .await?
            .is_some()
        {
            return Err(ServiceError::Refused(format!(
                "{} is in the register already; a split opens a new record",
                parting.other.person
            )));
        }
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

/// Recorded before.
fn repeated() -> Recorded {
    Recorded {
        correction: Correction::default(),
        repeated: true,
    }
}

/// Is all that is to become the other's said of the one, and still standing?
fn may_part(read: &Prefetched, parting: &Parting) -> Result<(), ServiceError> {
    let evidence = || read.households.iter().flat_map(|h| &h.evidence);
    let gone = timeline::withdrawn(evidence(), chrono::DateTime::<chrono::Utc>::MAX_UTC);
    let said = |id: &Id| {
        evidence().any(|e| e.id == *id && e.subject == parting.one && e.withdraws.is_empty())
    };
    if let Some(piece) = parting
        .pieces
        .iter()
        .find(|id| !said(id) || gone.contains(id))
    {
        return Err(ServiceError::Refused(format!(
            "{piece} is no standing piece of evidence about {}; `minsheng person show` lists them",
            parting.one
        )));
    }
    let mut memberships = read.households.iter().flat_map(|h| &h.memberships);
    let mut placed =
        |id: &Id| memberships.any(|m| m.id == *id && m.person == parting.one && m.member);
    if let Some(place) = parting.places.iter().find(|id| !placed(id)) {
        return Err(ServiceError::Refused(format!(
            "{place} is no membership of {}; `minsheng person show` lists them",
            parting.one
        )));
    }
    if parting.places.is_empty() {
        return Err(ServiceError::Refused(
            "name the membership that was the other's: who lives nowhere cannot be determined"
                .into(),
        ));
    }
    Ok(())
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
    let mut of_both = Vec::new();
    for e in &mut facts.evidence {
        if e.kind == same::CONTINUES_AS || e.kind == same::INCLUDES {
            continue;
        }
        // What it withdraws was said of the old record, and is said of the other since.
        if e.withdraws.is_empty() {
            e.subject = now(e.subject);
        } else if now(e.subject) != e.subject {
            of_both.extend(of_the_other(e, evidence.clone()));
        }
    }
    facts.evidence.extend(of_both);
    for m in facts.memberships.iter_mut().filter(|m| m.member) {
        m.person = now(m.person);
    }
    for p in &mut facts.payees {
        p.subject = now(p.subject);
    }
    facts
}

/// A piece that withdraws what was said of a record given up, as said of the records that it goes on as; none
/// where nothing of it was taken over and nothing new is said.
fn of_the_other<'a>(
    piece: &Evidence,
    evidence: impl Iterator<Item = &'a Evidence> + Clone,
) -> Vec<Evidence> {
    let mut all = Vec::new();
    let mut said = piece.clone();
    loop {
        let mut taken_over: Vec<&Evidence> = Vec::new();
        for old in &said.withdraws {
            taken_over.extend(same::said_of_the_other(
                evidence.clone(),
                said.subject,
                *old,
            ));
        }
        let Some(first) = taken_over.first() else {
            return all;
        };
        said = Evidence {
            id: said_of_both(said.id),
            shard: first.shard.clone(),
            subject: first.subject,
            withdraws: taken_over.iter().map(|e| e.id).collect(),
            ..said
        };
        all.push(said.clone());
    }
}

/// The id of a piece as said of the record that its subject goes on as.
pub(super) fn said_of_both(piece: Id) -> Id {
    Id::derive(&["said-of-both", &piece.to_string()])
}
