//! What becomes known: recorded, and all that follows from it, in one transaction.

use super::{Office, ServiceError, clock, identity};
use base::{Id, Month};
use casework::case::Case;
use casework::correction::{Books, Correction, CorrectionError, correct};
use entitlement::change::{At, Change};
use entitlement::determination::{Award, Determination, EntitlementChange};
use entitlement::redetermination::{Known, Opened, RunError};
use ledger::account::Transfer;
use ledger::recovery::Plan;
use registry::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Residence,
};
use registry::same;
use registry::slice::HouseholdHistory;
use std::collections::BTreeMap;
use store::{ChangeSet, Expected, JournalEntry};

/// How often the pure part runs again when somebody else was faster.
const TRIES: usize = 8;
/// The setting that holds which months were determined for everybody.
const OPENED: &str = "opened";

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

    fn subjects(&self) -> Vec<Id> {
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

    fn changes(&self) -> Vec<Change<'_>> {
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
}

/// What was read before a decision, the new facts already in it.
#[derive(Clone, Debug, Default)]
pub struct Prefetched {
    /// Versions to hand to the commit.
    pub expect: Vec<Expected>,
    /// Households with everything known of them.
    pub households: Vec<HouseholdHistory>,
    /// Every version of every determination of theirs.
    pub determinations: Vec<Determination>,
    /// Every record of their awards.
    pub awards: Vec<Award>,
    /// Every change of what they are owed.
    pub changes: Vec<EntitlementChange>,
    /// Every movement of their money.
    pub transfers: Vec<Transfer>,
    /// Their open cases.
    pub cases: Vec<Case>,
    /// How overpaid money of theirs comes back.
    pub plans: Vec<Plan>,
    /// Which months were determined for everybody.
    pub opened: Vec<Opened>,
}

impl Prefetched {
    /// As the pure rooms want it.
    pub fn known(&self) -> Known<'_> {
        Known {
            households: &self.households,
            determinations: &self.determinations,
            awards: &self.awards,
            changes: &self.changes,
            opened: &self.opened,
        }
    }
}

/// What a change came to.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// All that followed.
    pub correction: Correction,
    /// The request had been recorded before; nothing was written now.
    pub repeated: bool,
}

impl Office {
    /// What would follow if `facts` were recorded at `at`; nothing is written.
    ///
    /// # Errors
    /// When a subject is unknown, the database fails, or the rules cannot be run.
    pub async fn preview(
        &self,
        facts: &Facts,
        by: &str,
        at: At,
    ) -> Result<Correction, ServiceError> {
        Ok(self.decide(facts, &[], by, at).await?.1)
    }

    /// Records `facts` with all that follows from them. `request` is the client's id of the request:
    /// the same request twice records once. When this returns, it is on disk.
    ///
    /// # Errors
    /// As [`Office::preview`]; [`ServiceError::Busy`] when others keep changing the same household.
    pub async fn record(
        &self,
        request: Id,
        facts: &Facts,
        by: &str,
        at: At,
    ) -> Result<Recorded, ServiceError> {
        self.record_with(request, facts, &[], by, at, |_, _| Ok(()))
            .await
    }

    /// As [`Office::record`], with further changes to redetermine for and with a last word on what is
    /// written: `finish` adds the records that belong to the same act (events of a case, say).
    pub async fn record_with(
        &self,
        request: Id,
        facts: &Facts,
        extra: &[Change<'_>],
        by: &str,
        at: At,
        finish: impl Fn(&Prefetched, &mut ChangeSet) -> Result<(), ServiceError>,
    ) -> Result<Recorded, ServiceError> {
        for _ in 0..TRIES {
            let read = self.prefetch(&facts.subjects()).await?;
            let at = clock::after(&read, at);
            let facts = identity::redirected(clock::stamped(facts, at), &read);
            let (read, correction) = self.decide_on(read, &facts, extra, by, at).await?;
            let mut set = change_set(request, &facts, &read, &correction, by, at);
            finish(&read, &mut set)?;
            match self.store.commit(&set).await {
                Ok(committed) => {
                    return Ok(Recorded {
                        correction,
                        repeated: committed.repeated,
                    });
                }
                Err(error) if error.is_conflict() => continue,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ServiceError::Busy)
    }

    /// Records many changes that came in one after the other, as feeds bring them: decided side by side,
    /// written in one transaction. No two of them may be about the same household or the members of one.
    /// Gives how many determinations and how many changes of what is owed followed.
    ///
    /// # Errors
    /// As [`Office::record`]; nothing of this batch is recorded then.
    pub async fn record_many(
        self: &std::sync::Arc<Self>,
        batch: Vec<(Id, Facts, At)>,
        by: &str,
    ) -> Result<(u64, u64), ServiceError> {
        let mut jobs = tokio::task::JoinSet::new();
        for (request, facts, at) in batch {
            let (office, by) = (self.clone(), by.to_string());
            jobs.spawn(async move { office.prepared(request, &facts, &by, at).await });
        }
        let mut whole = ChangeSet::default();
        while let Some(done) = jobs.join_next().await {
            let set = done.map_err(|e| ServiceError::Worker(e.to_string()))??;
            merge(&mut whole, set);
        }
        let figures = (
            whole.determinations.len() as u64,
            whole.entitlement_changes.len() as u64,
        );
        self.store.commit_bulk(&whole).await?;
        Ok(figures)
    }

    /// What recording `facts` at `at` would write, decided and not committed.
    ///
    /// # Errors
    /// As [`Office::record`].
    pub(crate) async fn prepared(
        &self,
        request: Id,
        facts: &Facts,
        by: &str,
        at: At,
    ) -> Result<ChangeSet, ServiceError> {
        let read = self.prefetch(&facts.subjects()).await?;
        let at = clock::after(&read, at);
        let facts = identity::redirected(clock::stamped(facts, at), &read);
        let (read, correction) = self.decide_on(read, &facts, &[], by, at).await?;
        Ok(change_set(request, &facts, &read, &correction, by, at))
    }

    /// Redetermines many households for a change that is not about them alone, several at a time.
    ///
    /// # Errors
    /// As [`Office::record`]; households before the failure stay redetermined.
    pub async fn record_households(
        &self,
        households: &[Id],
        change: &Change<'static>,
        by: &str,
        at: At,
    ) -> Result<(), ServiceError> {
        let changes = std::slice::from_ref(change);
        for chunk in households.chunks(64) {
            let decided = side_by_side(chunk.iter().map(|household| async move {
                let read = self.prefetch(&[*household]).await?;
                let at = clock::after(&read, at);
                let facts = Facts::default();
                let (read, correction) = self.decide_on(read, &facts, changes, by, at).await?;
                let request = redetermination_id(*household, change, at);
                Ok::<_, ServiceError>(change_set(request, &facts, &read, &correction, by, at))
            }))
            .await;
            let mut whole = ChangeSet::default();
            for set in decided {
                merge(&mut whole, set?);
            }
            match self.store.commit_bulk(&whole).await {
                Ok(_) => {}
                // Two of them share a person, or somebody was faster: one after the other, then.
                Err(error) if error.is_conflict() => {
                    for household in chunk {
                        let request = redetermination_id(*household, change, at);
                        self.record_household(request, *household, changes, by, at)
                            .await?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Redetermines one household for changes that are not about it alone (a month opened, a figure that
    /// became known), with all that follows.
    ///
    /// # Errors
    /// As [`Office::record`].
    pub async fn record_household(
        &self,
        request: Id,
        household: Id,
        changes: &[Change<'_>],
        by: &str,
        at: At,
    ) -> Result<Recorded, ServiceError> {
        for _ in 0..TRIES {
            let read = self.prefetch(&[household]).await?;
            let at = clock::after(&read, at);
            let (read, correction) = self
                .decide_on(read, &Facts::default(), changes, by, at)
                .await?;
            let set = change_set(request, &Facts::default(), &read, &correction, by, at);
            match self.store.commit(&set).await {
                Ok(committed) => {
                    return Ok(Recorded {
                        correction,
                        repeated: committed.repeated,
                    });
                }
                Err(error) if error.is_conflict() => continue,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ServiceError::Busy)
    }

    /// Reads all that a decision about `subjects` looks at.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prefetch(&self, subjects: &[Id]) -> Result<Prefetched, ServiceError> {
        let mut read = Prefetched {
            opened: self.opened().await?,
            ..Prefetched::default()
        };
        let mut households = Vec::new();
        for subject in subjects {
            if self.store.household_shard(*subject).await?.is_some() {
                households.push(*subject);
            } else {
                households.extend(self.store.households_of_person(*subject).await?);
            }
        }
        self.load(&mut read, households).await?;
        // A person's other records belong to the person, wherever they were.
        let mut followed: Vec<Id> = subjects.to_vec();
        loop {
            let evidence = read.households.iter().flat_map(|h| &h.evidence);
            let others: Vec<Id> = evidence
                .clone()
                .filter(|e| e.kind == same::CONTINUES_AS || e.kind == same::INCLUDES)
                .flat_map(|e| {
                    let mut linked = same::includes(evidence.clone(), e.subject);
                    linked.push(same::goes_on_as(evidence.clone(), e.subject));
                    linked
                })
                .filter(|id| !followed.contains(id))
                .collect();
            if others.is_empty() {
                return Ok(read);
            }
            for person in others {
                followed.push(person);
                let homes = self.store.households_of_person(person).await?;
                self.load(&mut read, homes).await?;
            }
        }
    }

    /// The months that were determined for everybody, by programme.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opened(&self) -> Result<Vec<Opened>, ServiceError> {
        let text = self.store.setting(OPENED).await?.unwrap_or_default();
        let months: BTreeMap<String, Vec<Month>> = serde_json::from_str(&text).unwrap_or_default();
        Ok(months
            .into_iter()
            .map(|(programme, months)| Opened { programme, months })
            .collect())
    }

    /// Notes that a month was determined for everybody.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn open_month(
        &self,
        programme: &str,
        month: Month,
    ) -> Result<(), ServiceError> {
        let mut months: BTreeMap<String, Vec<Month>> = self
            .opened()
            .await?
            .into_iter()
            .map(|opened| (opened.programme, opened.months))
            .collect();
        let list = months.entry(programme.to_string()).or_default();
        if !list.contains(&month) {
            list.push(month);
            list.sort_unstable();
            let text = serde_json::to_string(&months).unwrap_or_default();
            self.store.set_setting(OPENED, &text).await?;
        }
        Ok(())
    }

    /// Adds households and everything about their members, unless they are there already.
    async fn load(
        &self,
        read: &mut Prefetched,
        mut households: Vec<Id>,
    ) -> Result<(), ServiceError> {
        households.sort_unstable();
        households.dedup();
        for household in households {
            if read
                .households
                .iter()
                .any(|h| h.household == Some(household))
            {
                continue;
            }
            let Some(loaded) = self.store.history(household).await? else {
                continue;
            };
            let shard = loaded.history.shard.clone();
            let mut subjects = vec![household];
            subjects.extend(loaded.history.memberships.iter().map(|m| m.person));
            subjects.sort_unstable();
            subjects.dedup();
            for subject in subjects {
                if read
                    .households
                    .iter()
                    .any(|h| h.memberships.iter().any(|m| m.person == subject))
                {
                    continue;
                }
                read.determinations
                    .extend(self.store.determinations_of(&shard, subject).await?);
                read.awards
                    .extend(self.store.awards_of(&shard, subject).await?);
                read.changes
                    .extend(self.store.entitlement_changes_of(&shard, subject).await?);
                read.transfers
                    .extend(self.store.transfers_of_payee(&shard, subject).await?);
                read.plans
                    .extend(self.store.recovery_plans_of(&shard, subject).await?);
                let files = self.store.cases_of(&shard, subject).await?;
                read.cases.extend(
                    files
                        .into_iter()
                        .filter(|f| f.closed_at.is_none())
                        .map(|f| f.case),
                );
            }
            read.expect.push(loaded.expected);
            read.households.push(loaded.history);
        }
        Ok(())
    }

    /// Prefetch and decide.
    pub(super) async fn decide(
        &self,
        facts: &Facts,
        extra: &[Change<'_>],
        by: &str,
        at: At,
    ) -> Result<(Prefetched, Correction), ServiceError> {
        let read = self.prefetch(&facts.subjects()).await?;
        self.decide_on(read, facts, extra, by, at).await
    }

    async fn decide_on(
        &self,
        mut read: Prefetched,
        facts: &Facts,
        extra: &[Change<'_>],
        by: &str,
        at: At,
    ) -> Result<(Prefetched, Correction), ServiceError> {
        loop {
            let mut told = read.clone();
            add(&mut told, facts)?;
            let calendar = self.law().calendar(self.place_of(&told).as_str());
            let books = Books {
                known: told.known(),
                transfers: &told.transfers,
                cases: &told.cases,
                calendar: &calendar,
                by,
            };
            let mut changes = facts.changes();
            changes.extend(extra.iter().cloned());
            match correct(&*self.rules, &books, &changes, at) {
                Ok(correction) => return Ok((read, correction)),
                Err(CorrectionError::Run(RunError::NotLoaded(household))) => {
                    let before = read.households.len();
                    self.load(&mut read, vec![household]).await?;
                    if read.households.len() == before {
                        return Err(ServiceError::NotFound(format!(
                            "household {household} is not in the register"
                        )));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The area whose calendar counts: where the first household lives or last lived.
    fn place_of(&self, read: &Prefetched) -> String {
        read.households
            .iter()
            .flat_map(|h| h.residences.last())
            .map(|r| r.area.clone())
            .next()
            .unwrap_or_default()
    }
}

/// Puts new facts into the histories they belong to.
fn add(read: &mut Prefetched, facts: &Facts) -> Result<(), ServiceError> {
    for household in &facts.households {
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
    for residence in &facts.residences {
        let home = find(read, residence.household)?;
        push_new(&mut home.residences, residence, |r| r.id);
    }
    // A piece of membership belongs to the household it names and to every other one of the person.
    for membership in &facts.memberships {
        find(read, membership.household)?;
        let elsewhere: Vec<Identity> = read
            .households
            .iter()
            .flat_map(|h| &h.identities)
            .filter(|i| i.person == membership.person)
            .cloned()
            .collect();
        let said: Vec<Evidence> = read
            .households
            .iter()
            .flat_map(|h| &h.evidence)
            .filter(|e| e.subject == membership.person)
            .cloned()
            .collect();
        let others: Vec<Membership> = read
            .households
            .iter()
            .flat_map(|h| &h.memberships)
            .filter(|m| m.person == membership.person)
            .cloned()
            .collect();
        for home in &mut read.households {
            let here = home.household == Some(membership.household)
                || home
                    .memberships
                    .iter()
                    .any(|m| m.person == membership.person);
            if !here {
                continue;
            }
            // A newcomer brings along what is known of him.
            others
                .iter()
                .for_each(|m| push_new(&mut home.memberships, m, |m| m.id));
            elsewhere
                .iter()
                .for_each(|i| push_new(&mut home.identities, i, |i| i.id));
            said.iter()
                .for_each(|e| push_new(&mut home.evidence, e, |e| e.id));
            push_new(&mut home.memberships, membership, |m| m.id);
        }
    }
    for identity in &facts.identities {
        for home in homes_of(read, identity.person) {
            push_new(&mut home.identities, identity, |i| i.id);
        }
    }
    for evidence in &facts.evidence {
        let mut known = false;
        for home in homes_of(read, evidence.subject) {
            push_new(&mut home.evidence, evidence, |e| e.id);
            known = true;
        }
        if !known {
            return Err(ServiceError::NotFound(format!(
                "{} is neither a household nor a person with a household in the register",
                evidence.subject
            )));
        }
    }
    for payee in &facts.payees {
        for home in homes_of(read, payee.subject) {
            push_new(&mut home.payees, payee, |p| p.id);
        }
    }
    for award in &facts.awards {
        if !read.awards.contains(award) {
            read.awards.push(award.clone());
        }
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

fn homes_of(read: &mut Prefetched, subject: Id) -> impl Iterator<Item = &mut HouseholdHistory> {
    read.households.iter_mut().filter(move |h| {
        h.household == Some(subject) || h.memberships.iter().any(|m| m.person == subject)
    })
}

/// Everything that a correction writes, with the facts that caused it.
pub(super) fn change_set(
    request: Id,
    facts: &Facts,
    read: &Prefetched,
    correction: &Correction,
    by: &str,
    at: At,
) -> ChangeSet {
    let mut evidence = facts.evidence.clone();
    evidence.extend(correction.evidence.iter().cloned());
    let mut expect = read.expect.clone();
    for household in &facts.households {
        if !expect.iter().any(|e| e.household == household.id) {
            expect.push(Expected {
                shard: household.shard.clone(),
                household: household.id,
                version: 0,
            });
        }
    }
    let shard = expect.first().map_or_else(String::new, |e| e.shard.clone());
    ChangeSet {
        id: Some(request),
        digest: digest(facts),
        shard,
        at: at.now,
        persons: facts.persons.clone(),
        households: facts.households.clone(),
        identities: facts.identities.clone(),
        residences: facts.residences.clone(),
        memberships: facts.memberships.clone(),
        payees: facts.payees.clone(),
        awards: facts.awards.clone(),
        evidence,
        determinations: correction.determinations.clone(),
        entitlement_changes: correction.changes.clone(),
        accounts: correction.accounts.clone(),
        transfers: correction.transfers.clone(),
        recovery_plans: correction.plans.clone(),
        cases: correction.cases.clone(),
        tasks: correction.tasks.clone(),
        notices: correction.notices.clone(),
        journal: journal(facts, read, correction, by),
        expect,
        ..ChangeSet::default()
    }
}

/// The request by which a household is redetermined for a change: the same again is the same request.
fn redetermination_id(household: Id, change: &Change<'_>, at: At) -> Id {
    Id::derive(&[
        "redetermine",
        &household.to_string(),
        &format!("{change:?}"),
        &base::format_instant(at.now),
    ])
}

/// Waits for all, side by side on this task.
pub(super) async fn side_by_side<F: Future>(jobs: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut jobs: Vec<_> = jobs.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = jobs.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (job, slot) in jobs.iter_mut().zip(&mut done) {
            if slot.is_none() {
                match job.as_mut().poll(context) {
                    std::task::Poll::Ready(output) => *slot = Some(output),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(())
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Adds a change to others that are written with it.
fn merge(whole: &mut ChangeSet, set: ChangeSet) {
    whole.shard = set.shard;
    whole.at = whole.at.max(set.at);
    for expected in set.expect {
        if !whole.expect.contains(&expected) {
            whole.expect.push(expected);
        }
    }
    whole.persons.extend(set.persons);
    whole.households.extend(set.households);
    whole.identities.extend(set.identities);
    whole.residences.extend(set.residences);
    whole.memberships.extend(set.memberships);
    whole.evidence.extend(set.evidence);
    whole.payees.extend(set.payees);
    whole.awards.extend(set.awards);
    whole.determinations.extend(set.determinations);
    whole.entitlement_changes.extend(set.entitlement_changes);
    whole.accounts.extend(set.accounts);
    whole.transfers.extend(set.transfers);
    whole.recovery_plans.extend(set.recovery_plans);
    whole.cases.extend(set.cases);
    whole.tasks.extend(set.tasks);
    whole.notices.extend(set.notices);
    whole.journal.extend(set.journal);
}

/// A fingerprint of what a request says, so that one id is never used for two things.
fn digest(facts: &Facts) -> String {
    use sha2::{Digest, Sha256};
    let ids: Vec<String> = facts
        .evidence
        .iter()
        .map(|e| format!("{} {} {}", e.id, e.kind, e.value))
        .chain(
            facts
                .memberships
                .iter()
                .map(|m| format!("{} {}", m.id, m.member)),
        )
        .chain(facts.awards.iter().map(|a| format!("{} {:?}", a.id, a.to)))
        .chain(facts.identities.iter().map(|i| i.id.to_string()))
        .chain(
            facts
                .residences
                .iter()
                .map(|r| format!("{} {}", r.id, r.area)),
        )
        .chain(facts.payees.iter().map(|p| p.id.to_string()))
        .collect();
    registry::protect::hex(&Sha256::digest(ids.join("\n")))
}

fn journal(
    facts: &Facts,
    read: &Prefetched,
    correction: &Correction,
    by: &str,
) -> Vec<JournalEntry> {
    let subject = read.households.first().and_then(|h| h.household);
    let mut lines: Vec<JournalEntry> = facts
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
    lines.extend(facts.memberships.iter().map(|m| JournalEntry {
        actor: by.into(),
        action: "membership".into(),
        subject: Some(m.household),
        detail: serde_json::json!({
            "id": m.id, "person": m.person, "member": m.member, "valid": m.valid,
        }),
    }));
    lines.extend(facts.awards.iter().map(|a| JournalEntry {
        actor: by.into(),
        action: "award".into(),
        subject: Some(a.subject.id),
        detail: serde_json::json!({
            "id": a.id, "programme": a.programme, "from": a.from, "to": a.to, "reason": a.reason,
        }),
    }));
    if !correction.determinations.is_empty() {
        lines.push(JournalEntry {
            actor: by.into(),
            action: "redetermined".into(),
            subject,
            detail: serde_json::json!({
                "determinations": correction.determinations.iter()
                    .map(|d| format!("{} {} v{}", d.programme, d.period, d.version))
                    .collect::<Vec<_>>(),
                "changes": correction.changes.iter()
                    .map(|c| format!("{} {} {}", c.programme, c.period, c.change))
                    .collect::<Vec<_>>(),
            }),
        });
    }
    lines
}
