//! Facts and decisions that are recorded together, and where each belongs among what is known already.

use super::ServiceError;
use super::prefetch::Prefetched;
use base::Id;
use casework::correction::Correction;
use entitlement::change::{At, Change};
use entitlement::determination::Award;
use registry::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Residence,
};
use registry::slice::HouseholdHistory;
use store::{ChangeSet, Expected, JournalEntry};

/// Facts and decisions that belong together: recorded all or none.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Persons whose records are opened.
    pub persons: Vec<Person>,
    /// Households whose records are opened.
    pub households: Vec<Household>,
    /// Who persons are.
    pub identities: Vec<Identity>,
    /// Where households live.
    pub residences: Vec<Residence>,
    /// Who belongs where.
    pub memberships: Vec<Membership>,
    /// What is asserted.
    pub evidence: Vec<Evidence>,
    /// Where money goes.
    pub payees: Vec<PayeeAccount>,
    /// Human decisions that a programme runs, or ends.
    pub awards: Vec<Award>,
}

impl Facts {
    /// Nothing to record?
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
            && self.households.is_empty()
            && self.identities.is_empty()
            && self.residences.is_empty()
            && self.memberships.is_empty()
            && self.evidence.is_empty()
            && self.payees.is_empty()
            && self.awards.is_empty()
    }

    /// Households and persons whom the facts are about, each once.
    pub(crate) fn subjects(&self) -> Vec<Id> {
        let evidence = self.evidence.iter().map(|e| e.subject);
        let memberships = self
            .memberships
            .iter()
            .flat_map(|m| [m.household, m.person]);
        let residences = self.residences.iter().map(|r| r.household);
        let identities = self.identities.iter().map(|i| i.person);
        let awards = self.awards.iter().map(|a| a.subject.id);
        let payees = self.payees.iter().map(|p| p.subject);
        let mut all: Vec<Id> = evidence
            .chain(memberships)
            .chain(residences)
            .chain(identities)
            .chain(awards)
            .chain(payees)
            .chain(self.households.iter().map(|h| h.id))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(super) fn changes(&self) -> Vec<Change<'_>> {
        let evidence = self.evidence.iter().map(Change::Evidence);
        let memberships = self.memberships.iter().map(Change::Membership);
        let residences = self.residences.iter().map(Change::Residence);
        let identities = self.identities.iter().map(Change::Identity);
        let awards = self.awards.iter().map(Change::Award);
        evidence
            .chain(memberships)
            .chain(residences)
            .chain(identities)
            .chain(awards)
            .collect()
    }

    /// Puts the facts into the histories that they belong to. Doing it again adds nothing.
    pub(super) fn add_to(&self, read: &mut Prefetched) -> Result<(), ServiceError> {
        for household in &self.households {
            if !read
                .households
                .iter()
                .any(|h| h.household == Some(household.id))
            {
                read.households.push(HouseholdHistory {
                    household: Some(household.id),
                    shard: household.shard.clone(),
                    opened_at: Some(household.opened_at),
                    ..HouseholdHistory::default()
                });
                read.expect.push(Expected {
                    shard: household.shard.clone(),
                    household: household.id,
                    version: 0,
                });
            }
        }
        for residence in &self.residences {
            let home = find(read, residence.household)?;
            push_new(&mut home.residences, residence, |r| r.id);
        }
        for membership in &self.memberships {
            add_membership(read, membership)?;
        }
        for identity in &self.identities {
            for home in homes_of(read, identity.person) {
                push_new(&mut home.identities, identity, |i| i.id);
            }
        }
        for evidence in &self.evidence {
            must_be_known(read, evidence.subject)?;
            for home in homes_of(read, evidence.subject) {
                push_new(&mut home.evidence, evidence, |e| e.id);
            }
        }
        for payee in &self.payees {
            must_be_known(read, payee.subject)?;
            for home in homes_of(read, payee.subject) {
                push_new(&mut home.payees, payee, |p| p.id);
            }
        }
        for award in &self.awards {
            // A grant may arrive before the household that it is for.
            must_be_known(read, award.subject.id)?;
            if !read.awards.contains(award) {
                read.awards.push(award.clone());
            }
        }
        Ok(())
    }

    /// All that is written: the facts, and what follows from them.
    pub(super) fn into_change(
        self,
        request: Id,
        read: &Prefetched,
        follows: Correction,
        by: &str,
        at: At,
    ) -> ChangeSet {
        let (digest, journal) = (self.digest(), self.journal(read, &follows, by));
        let shard = read
            .expect
            .first()
            .map_or_else(String::new, |e| e.shard.clone());
        let mut evidence = self.evidence;
        evidence.extend(follows.evidence);
        ChangeSet {
            id: Some(request),
            digest,
            shard,
            at: at.now,
            expect: read.expect.clone(),
            persons: self.persons,
            households: self.households,
            identities: self.identities,
            residences: self.residences,
            memberships: self.memberships,
            payees: self.payees,
            awards: self.awards,
            evidence,
            determinations: follows.determinations,
            entitlement_changes: follows.changes,
            accounts: follows.accounts,
            transfers: follows.transfers,
            recovery_plans: follows.plans,
            cases: follows.cases,
            tasks: follows.tasks,
            notices: follows.notices,
            journal,
            ..ChangeSet::default()
        }
    }

    /// A fingerprint of what a request says, so that one id is never used for two things.
    fn digest(&self) -> String {
        use sha2::{Digest, Sha256};
        // What was said of a record that was given up meanwhile is said of another too: the same request.
        let doubles: Vec<Id> = self
            .evidence
            .iter()
            .map(|e| super::identity::said_of_both(e.id))
            .collect();
        let evidence = self.evidence.iter().filter(|e| !doubles.contains(&e.id));
        let ids: Vec<String> = evidence
            .map(|e| format!("{} {} {}", e.id, e.kind, e.value))
            .chain(
                self.memberships
                    .iter()
                    .map(|m| format!("{} {}", m.id, m.member)),
            )
            .chain(self.awards.iter().map(|a| format!("{} {:?}", a.id, a.to)))
            .chain(self.identities.iter().map(|i| i.id.to_string()))
            .chain(
                self.residences
                    .iter()
                    .map(|r| format!("{} {}", r.id, r.area)),
            )
            .chain(self.payees.iter().map(|p| p.id.to_string()))
            .collect();
        registry::protect::hex(&Sha256::digest(ids.join("\n")))
    }

    fn journal(&self, read: &Prefetched, follows: &Correction, by: &str) -> Vec<JournalEntry> {
        let subject = read.households.first().and_then(|h| h.household);
        let mut lines: Vec<JournalEntry> = self
            .evidence
            .iter()
            .map(|e| JournalEntry {
                actor: by.into(),
                action: "evidence".into(),
                subject: Some(e.subject),
                detail: serde_json::json!({
                    "id": e.id, "kind": e.kind, "valid": e.valid, "source": e.provenance.source,
                    "withdraws": e.withdraws,
                }),
            })
            .collect();
        lines.extend(self.memberships.iter().map(|m| JournalEntry {
            actor: by.into(),
            action: "membership".into(),
            subject: Some(m.household),
            detail: serde_json::json!({
                "id": m.id, "person": m.person, "member": m.member, "valid": m.valid,
            }),
        }));
        lines.extend(self.residences.iter().map(|r| JournalEntry {
            actor: by.into(),
            action: "residence".into(),
            subject: Some(r.household),
            detail: serde_json::json!({ "id": r.id, "area": r.area, "valid": r.valid }),
        }));
        lines.extend(self.awards.iter().map(|a| JournalEntry {
            actor: by.into(),
            action: "award".into(),
            subject: Some(a.subject.id),
            detail: serde_json::json!({
                "id": a.id, "programme": a.programme, "from": a.from, "to": a.to,
                "reason": a.reason,
            }),
        }));
        if !follows.determinations.is_empty() {
            lines.push(JournalEntry {
                actor: by.into(),
                action: "redetermined".into(),
                subject,
                detail: serde_json::json!({
                    "determinations": follows.determinations.iter()
                        .map(|d| format!("{} {} v{}", d.programme, d.period, d.version))
                        .collect::<Vec<_>>(),
                    "changes": follows.changes.iter()
                        .map(|c| format!("{} {} {}", c.programme, c.period, c.change))
                        .collect::<Vec<_>>(),
                }),
            });
        }
        lines
    }
}

/// A piece of membership belongs to the household it names and to every other one of the person.
fn add_membership(read: &mut Prefetched, membership: &Membership) -> Result<(), ServiceError> {
    find(read, membership.household)?;
    let person = membership.person;
    fn about<'a, T: Clone + 'a>(
        lists: impl Iterator<Item = &'a Vec<T>>,
        is: impl Fn(&T) -> bool,
    ) -> Vec<T> {
        lists.flatten().filter(|one| is(one)).cloned().collect()
    }
    let homes = || read.households.iter();
    let who: Vec<Identity> = about(homes().map(|h| &h.identities), |i| i.person == person);
    let said: Vec<Evidence> = about(homes().map(|h| &h.evidence), |e| e.subject == person);
    let others: Vec<Membership> = about(homes().map(|h| &h.memberships), |m| m.person == person);
    for home in &mut read.households {
        let here = home.household == Some(membership.household)
            || home.memberships.iter().any(|m| m.person == person);
        if !here {
            continue;
        }
        // A newcomer brings along what is known of him.
        for m in &others {
            push_new(&mut home.memberships, m, |m| m.id);
        }
        for i in &who {
            push_new(&mut home.identities, i, |i| i.id);
        }
        for e in &said {
            push_new(&mut home.evidence, e, |e| e.id);
        }
        push_new(&mut home.memberships, membership, |m| m.id);
    }
    Ok(())
}

fn push_new<T: Clone>(list: &mut Vec<T>, item: &T, id: impl Fn(&T) -> Id) {
    if !list.iter().any(|held| id(held) == id(item)) {
        list.push(item.clone());
    }
}

fn find(read: &mut Prefetched, household: Id) -> Result<&mut HouseholdHistory, ServiceError> {
    read.households
        .iter_mut()
        .find(|h| h.household == Some(household))
        .ok_or_else(|| {
            ServiceError::NotFound(format!("household {household} is not in the register"))
        })
}

fn must_be_known(read: &mut Prefetched, subject: Id) -> Result<(), ServiceError> {
    match homes_of(read, subject).next() {
        Some(_) => Ok(()),
        None => Err(ServiceError::NotFound(format!(
            "{subject} is neither a household nor a person with a household in the register"
        ))),
    }
}

fn homes_of(read: &mut Prefetched, subject: Id) -> impl Iterator<Item = &mut HouseholdHistory> {
    read.households.iter_mut().filter(move |h| {
        h.household == Some(subject) || h.memberships.iter().any(|m| m.person == subject)
    })
}
