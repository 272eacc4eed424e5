//! What a decision is handed: everything known of the households that it is about.

use super::{Office, ServiceError};
use base::{Id, Month};
use casework::case::Case;
use entitlement::determination::{Award, Determination, EntitlementChange};
use entitlement::redetermination::{Known, Opened};
use ledger::account::Transfer;
use ledger::recovery::Plan;
use registry::same;
use registry::slice::HouseholdHistory;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use store::{Dossiers, Expected};

/// The setting that holds which months were determined for everybody.
const OPENED: &str = "opened";

/// What was read before a decision; the new facts are put in before it is taken.
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
    /// Whose matters are in here.
    about: HashSet<Id>,
    /// Movements that are in here: one between two records of a person is both's.
    moved: HashSet<Id>,
}

impl Prefetched {
    /// Nothing yet.
    pub(super) fn new(opened: Vec<Opened>) -> Prefetched {
        Prefetched {
            opened,
            ..Prefetched::default()
        }
    }

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

    /// Adds the households among `subjects`, and those of the persons among them, as the store gave them;
    /// what is here already stays as it is. Gives how many households were new.
    pub(super) fn take(&mut self, dossiers: &Dossiers, subjects: &[Id]) -> usize {
        let mut wanted: BTreeSet<Id> = BTreeSet::new();
        for subject in subjects {
            if dossiers.households.contains_key(subject) {
                wanted.insert(*subject);
            } else {
                wanted.extend(dossiers.homes.get(subject).into_iter().flatten());
            }
        }
        let before = self.households.len();
        for household in wanted {
            let here = |h: &HouseholdHistory| h.household == Some(household);
            if self.households.iter().any(here) {
                continue;
            }
            let Some(loaded) = dossiers.households.get(&household) else {
                continue;
            };
            let members = loaded.history.memberships.iter().map(|m| m.person);
            for subject in std::iter::once(household).chain(members) {
                if !self.about.insert(subject) {
                    continue;
                }
                let Some(matters) = dossiers.matters.get(&subject) else {
                    continue;
                };
                self.determinations
                    .extend_from_slice(&matters.determinations);
                self.awards.extend_from_slice(&matters.awards);
                self.changes.extend_from_slice(&matters.changes);
                for transfer in &matters.transfers {
                    if self.moved.insert(transfer.id) {
                        self.transfers.push(transfer.clone());
                    }
                }
                self.plans.extend_from_slice(&matters.plans);
                self.cases.extend_from_slice(&matters.cases);
            }
            self.expect.push(loaded.expected.clone());
            self.households.push(loaded.history.clone());
        }
        self.households.len() - before
    }
}

/// Other records of the persons read, but for those in `followed`.
pub(super) fn linked(read: &Prefetched, followed: &[Id]) -> Vec<Id> {
    let evidence = read.households.iter().flat_map(|h| &h.evidence);
    let mut others: Vec<Id> = evidence
        .clone()
        .filter(|e| e.kind == same::CONTINUES_AS || e.kind == same::INCLUDES)
        .flat_map(|e| {
            let mut linked = same::includes(evidence.clone(), e.subject);
            linked.push(same::goes_on_as(evidence.clone(), e.subject));
            linked
        })
        .filter(|id| !followed.contains(id))
        .collect();
    others.sort_unstable();
    others.dedup();
    others
}

impl Office {
    /// Reads all that a decision about `subjects` looks at.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prefetch(&self, subjects: &[Id]) -> Result<Prefetched, ServiceError> {
        let mut read = Prefetched::new(self.opened().await?);
        let dossiers = self.store.dossiers(subjects.to_vec()).await?;
        read.take(&dossiers, subjects);
        // A person's other records belong to the person, wherever they were.
        let mut followed: Vec<Id> = subjects.to_vec();
        loop {
            let others = linked(&read, &followed);
            if others.is_empty() {
                return Ok(read);
            }
            let dossiers = self.store.dossiers(others.clone()).await?;
            read.take(&dossiers, &others);
            followed.extend(others);
        }
    }

    /// As [`Office::prefetch`] for each of `subjects` by itself, with the database read once for all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prefetch_each(&self, subjects: &[Id]) -> Result<Vec<Prefetched>, ServiceError> {
        let opened = self.opened().await?;
        let dossiers = self.store.dossiers(subjects.to_vec()).await?;
        let mut all = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let own = std::slice::from_ref(subject);
            let mut read = Prefetched::new(opened.clone());
            read.take(&dossiers, own);
            all.push(match linked(&read, own).is_empty() {
                true => read,
                // Other records of its persons are wanted too.
                false => self.prefetch(own).await?,
            });
        }
        Ok(all)
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
}
