//! All that decisions about households look at, for many of them at once and from one moment of the
//! database.
//!
//! A decision about one household asks for some ten lists about each of its members. Asked one by one, a
//! thousand households are forty thousand questions; here they are a dozen for each few hundred.

use crate::Store;
use crate::cases::{case_event, case_file};
use crate::change::Expected;
use crate::commit::HOUSEHOLDS;
use crate::decode;
use crate::entitlements::{award, change, determination};
use crate::error::StoreError;
use crate::history::Loaded;
use crate::money::{plan, transfer};
use crate::source::Source;
use crate::value::{Row, args};
use base::Id;
use casework::case::Case;
use entitlement::determination::{Award, Determination, EntitlementChange};
use ledger::account::Transfer;
use ledger::recovery::Plan;
use registry::slice::HouseholdHistory;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Statements that [`in_list`] completes; the shard is the first value where there is one.
pub(crate) const HOMES_OF: &str = "SELECT DISTINCT person, household FROM membership WHERE person";
pub(crate) const OPENED: &str = "SELECT id, shard, opened_at FROM household WHERE id";
pub(crate) const HEADS: &str = "SELECT household, version FROM head WHERE shard = $1 AND household";
pub(crate) const LIVED: &str = "SELECT household, id, area, address, valid_from, valid_to, recorded_at, recorded_by, source \
     FROM residence WHERE shard = $1 AND household";
pub(crate) const BELONGED: &str = "SELECT DISTINCT household, person, person_shard FROM membership WHERE shard = $1 AND household";
pub(crate) const PLACED: &str = "SELECT household, person, id, relation, member, valid_from, valid_to, recorded_at, recorded_by, source \
     FROM membership WHERE person";
pub(crate) const WERE: &str = "SELECT person, id, name, sex, birth, number_sealed, recorded_at, recorded_by, source \
     FROM identity WHERE shard = $1 AND person";
pub(crate) const SAID: &str = "SELECT shard, subject, id, kind, value, valid_from, valid_to, withdraws, recorded_at, recorded_by, source \
     FROM evidence WHERE shard = $1 AND subject";
pub(crate) const PAID_TO: &str = "SELECT subject, id, holder, number_sealed, bank, valid_from, valid_to, recorded_at, recorded_by, source \
     FROM payee WHERE shard = $1 AND subject";
pub(crate) const DETERMINED: &str = "SELECT shard, programme, period, subject, version, id, subject_kind, known_at, made_at, law, outcome, amount, detail, reasons, lines, carry \
     FROM determination WHERE shard = $1 AND subject";
pub(crate) const AWARDED: &str = "SELECT shard, subject_kind, subject, id, programme, from_month, to_month, case_id, decided_by, reason, recorded_at \
     FROM award WHERE shard = $1 AND subject";
pub(crate) const CHANGED: &str = "SELECT shard, subject_kind, subject, id, programme, period, sequence, determination, owed, change, cause, recorded_at \
     FROM entitlement_change WHERE shard = $1 AND subject";
pub(crate) const DEBITED: &str = "SELECT t.id, t.shard, t.debit, t.credit, t.amount, t.reason, t.link, t.period, t.counter_period, t.booked, t.recorded_at, a.owner \
     FROM account a JOIN transfer t ON t.shard = a.shard AND t.debit = a.id WHERE a.shard = $1 AND a.owner";
pub(crate) const CREDITED: &str = "SELECT t.id, t.shard, t.debit, t.credit, t.amount, t.reason, t.link, t.period, t.counter_period, t.booked, t.recorded_at, a.owner \
     FROM account a JOIN transfer t ON t.shard = a.shard AND t.credit = a.id WHERE a.shard = $1 AND a.owner";
pub(crate) const PLANNED: &str = "SELECT id, shard, payee, programme, period, amount, not_before, cap_percent, per_payment, across_programmes, cause, recorded_at \
     FROM recovery_plan WHERE shard = $1 AND payee";
pub(crate) const OPEN_CASES: &str = "SELECT id, shard, subject_kind, subject, programme, kind, area, opened_at, state, closed_at \
     FROM case_file WHERE closed_at IS NULL AND shard = $1 AND subject";
pub(crate) const HAPPENED: &str =
    "SELECT id, at, actor, happening, note, case_id FROM case_event WHERE shard = $1 AND case_id";

/// What is on record about one subject besides facts.
#[derive(Clone, Debug, Default)]
pub struct Matters {
    /// Every version of every determination.
    pub determinations: Vec<Determination>,
    /// Every record of awards, oldest first.
    pub awards: Vec<Award>,
    /// Every change of what is owed.
    pub changes: Vec<EntitlementChange>,
    /// Every movement of money, oldest first.
    pub transfers: Vec<Transfer>,
    /// How overpaid money comes back.
    pub plans: Vec<Plan>,
    /// Cases that are open, with their events.
    pub cases: Vec<Case>,
}

/// Households, everyone who was ever a member of them, and what is on record about them.
#[derive(Clone, Debug, Default)]
pub struct Dossiers {
    /// By id.
    pub households: BTreeMap<Id, Loaded>,
    /// For each person asked for: every household that the person was ever recorded in.
    pub homes: HashMap<Id, Vec<Id>>,
    /// By household or person; nothing for those with nothing on record.
    pub matters: HashMap<Id, Matters>,
}

impl Store {
    /// Reads the households among `subjects`, and every household that the persons among them were ever
    /// recorded in: all that was ever recorded about each and its members. Who is neither is left out.
    ///
    /// All is read from one moment of the database, the version to hand to [`crate::ChangeSet::expect`]
    /// too: what is recorded later makes the commit a conflict, never a determination on half of it.
    ///
    /// # Errors
    /// When the database fails or a record cannot be read back.
    pub async fn dossiers(&self, subjects: Vec<Id>) -> Result<Dossiers, StoreError> {
        let crypto = self.crypto.clone();
        self.look(move |source| {
            let mut reader = Reader {
                source,
                crypto: crypto.as_ref(),
                out: Dossiers::default(),
            };
            reader.read(&subjects)?;
            Ok(reader.out)
        })
        .await
    }
}

struct Reader<'a> {
    source: &'a mut Source,
    crypto: &'a dyn registry::protect::Crypto,
    out: Dossiers,
}

impl Reader<'_> {
    fn rows(
        &mut self,
        sql: &str,
        shard: Option<&str>,
        ids: &[Id],
        each: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let first = shard.map(|s| args![s]).unwrap_or_default();
        self.source.listed(sql, &first, ids, each)
    }

    fn read(&mut self, subjects: &[Id]) -> Result<(), StoreError> {
        let mut households: BTreeSet<Id> = BTreeSet::new();
        self.rows(HOUSEHOLDS, None, subjects, |row| {
            households.insert(row.id(0)?);
            Ok(())
        })?;
        let persons: Vec<Id> = subjects
            .iter()
            .filter(|id| !households.contains(id))
            .copied()
            .collect();
        let mut homes: HashMap<Id, Vec<Id>> = HashMap::new();
        self.rows(HOMES_OF, None, &persons, |row| {
            let (person, home) = (row.id(0)?, row.id(1)?);
            let known = homes.entry(person).or_default();
            if !known.contains(&home) {
                known.push(home);
            }
            Ok(())
        })?;
        households.extend(homes.values().flatten());
        self.out.homes = homes;
        let households: Vec<Id> = households.into_iter().collect();
        self.households(&households)
    }

    fn households(&mut self, ids: &[Id]) -> Result<(), StoreError> {
        let mut loaded: BTreeMap<Id, Loaded> = BTreeMap::new();
        self.rows(OPENED, None, ids, |row| {
            let (household, shard) = (row.id(0)?, row.text(1)?);
            let history = HouseholdHistory {
                household: Some(household),
                shard: shard.clone(),
                opened_at: Some(row.instant(2)?),
                ..HouseholdHistory::default()
            };
            let expected = Expected {
                shard,
                household,
                version: 0,
            };
            loaded.insert(household, Loaded { history, expected });
            Ok(())
        })?;
        // Members of each household, and the persons' own shards.
        let mut members: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
        let mut persons: BTreeMap<String, BTreeSet<Id>> = BTreeMap::new();
        let mut shards: BTreeMap<String, Vec<Id>> = BTreeMap::new();
        for (id, one) in &loaded {
            shards
                .entry(one.history.shard.clone())
                .or_default()
                .push(*id);
        }
        let mut subjects: BTreeMap<String, BTreeSet<Id>> = BTreeMap::new();
        for (shard, ids) in &shards {
            self.rows(HEADS, Some(shard), ids, |row| {
                if let Some(one) = loaded.get_mut(&row.id(0)?) {
                    one.expected.version = row.int(1)? as u64;
                }
                Ok(())
            })?;
            self.rows(LIVED, Some(shard), ids, |row| {
                let piece = decode::residence(row)?;
                if let Some(one) = loaded.get_mut(&piece.household) {
                    one.history.residences.push(piece);
                }
                Ok(())
            })?;
            let about = subjects.entry(shard.clone()).or_default();
            about.extend(ids.iter().copied());
            self.rows(BELONGED, Some(shard), ids, |row| {
                let (household, person) = (row.id(0)?, row.id(1)?);
                let here = members.entry(household).or_default();
                if !here.contains(&person) {
                    here.push(person);
                }
                about.insert(person);
                persons.entry(row.text(2)?).or_default().insert(person);
                Ok(())
            })?;
        }
        self.facts(&mut loaded, &members, &shards, &persons)?;
        self.out.households = loaded;
        for (shard, about) in subjects {
            let about: Vec<Id> = about.into_iter().collect();
            self.matters(&shard, &about)?;
        }
        Ok(())
    }

    /// What is said of the members wherever they were, and of the households.
    fn facts(
        &mut self,
        loaded: &mut BTreeMap<Id, Loaded>,
        members: &BTreeMap<Id, Vec<Id>>,
        shards: &BTreeMap<String, Vec<Id>>,
        persons: &BTreeMap<String, BTreeSet<Id>>,
    ) -> Result<(), StoreError> {
        // The households whose histories a subject's records belong to.
        let mut homes: HashMap<Id, Vec<Id>> = HashMap::new();
        for (household, members) in members {
            for person in members {
                homes.entry(*person).or_default().push(*household);
            }
        }
        for household in loaded.keys() {
            homes.entry(*household).or_default().push(*household);
        }
        macro_rules! deal {
            ($record:expr, $subject:expr, $list:ident) => {{
                let record = $record;
                for home in homes.get(&$subject(&record)).into_iter().flatten() {
                    if let Some(one) = loaded.get_mut(home) {
                        one.history.$list.push(record.clone());
                    }
                }
                Ok(())
            }};
        }
        let crypto = self.crypto;
        let everyone: BTreeSet<Id> = persons.values().flatten().copied().collect();
        let everyone: Vec<Id> = everyone.into_iter().collect();
        self.rows(PLACED, None, &everyone, |row| {
            deal!(
                decode::membership(row)?,
                |m: &registry::record::Membership| m.person,
                memberships
            )
        })?;
        let mut subjects: BTreeMap<&String, Vec<Id>> = BTreeMap::new();
        for (shard, ids) in persons {
            let ids: Vec<Id> = ids.iter().copied().collect();
            self.rows(WERE, Some(shard), &ids, |row| {
                deal!(
                    decode::identity(crypto, row)?,
                    |i: &registry::record::Identity| i.person,
                    identities
                )
            })?;
            subjects.entry(shard).or_default().extend(ids);
        }
        for (shard, ids) in shards {
            subjects.entry(shard).or_default().extend(ids);
        }
        for (shard, ids) in subjects {
            self.rows(SAID, Some(shard), &ids, |row| {
                deal!(
                    decode::evidence(row)?,
                    |e: &registry::record::Evidence| e.subject,
                    evidence
                )
            })?;
            self.rows(PAID_TO, Some(shard), &ids, |row| {
                deal!(
                    decode::payee(crypto, row)?,
                    |p: &registry::record::PayeeAccount| p.subject,
                    payees
                )
            })?;
        }
        for one in loaded.values_mut() {
            let h = &mut one.history;
            h.residences
                .sort_by_key(|r| (r.provenance.recorded_at, r.id));
            h.memberships
                .sort_by_key(|m| (m.provenance.recorded_at, m.id));
            h.identities
                .sort_by_key(|i| (i.provenance.recorded_at, i.id));
            h.evidence.sort_by_key(|e| (e.provenance.recorded_at, e.id));
            h.payees.sort_by_key(|p| (p.provenance.recorded_at, p.id));
        }
        Ok(())
    }

    fn matters(&mut self, shard: &str, about: &[Id]) -> Result<(), StoreError> {
        let mut all: HashMap<Id, Matters> = HashMap::new();
        self.rows(DETERMINED, Some(shard), about, |row| {
            let made = determination(row)?;
            let subject = made.subject.id;
            all.entry(subject).or_default().determinations.push(made);
            Ok(())
        })?;
        self.rows(AWARDED, Some(shard), about, |row| {
            let made = award(row)?;
            all.entry(made.subject.id).or_default().awards.push(made);
            Ok(())
        })?;
        self.rows(CHANGED, Some(shard), about, |row| {
            let made = change(row)?;
            all.entry(made.subject.id).or_default().changes.push(made);
            Ok(())
        })?;
        // A movement between two accounts of one owner comes on both ways.
        let mut seen: HashSet<(Id, Id)> = HashSet::new();
        for sql in [DEBITED, CREDITED] {
            self.rows(sql, Some(shard), about, |row| {
                let (moved, owner) = (transfer(row)?, row.id(11)?);
                if seen.insert((owner, moved.id)) {
                    all.entry(owner).or_default().transfers.push(moved);
                }
                Ok(())
            })?;
        }
        self.rows(PLANNED, Some(shard), about, |row| {
            let made = plan(row)?;
            all.entry(made.payee).or_default().plans.push(made);
            Ok(())
        })?;
        let mut cases: HashMap<Id, Case> = HashMap::new();
        self.rows(OPEN_CASES, Some(shard), about, |row| {
            let case = case_file(row)?.case;
            cases.insert(case.id, case);
            Ok(())
        })?;
        let open: Vec<Id> = cases.keys().copied().collect();
        self.rows(HAPPENED, Some(shard), &open, |row| {
            if let Some(case) = cases.get_mut(&row.id(5)?) {
                case.events.push(case_event(row)?);
            }
            Ok(())
        })?;
        for (_, mut case) in cases {
            case.events.sort_by_key(|e| (e.at, e.id));
            all.entry(case.subject.id).or_default().cases.push(case);
        }
        for one in all.values_mut() {
            one.determinations.sort_by(|a, b| key(a).cmp(&key(b)));
            one.awards.sort_by_key(|a| (a.recorded_at, a.id));
            one.changes.sort_by(|a, b| {
                (&a.programme, a.period, a.sequence).cmp(&(&b.programme, b.period, b.sequence))
            });
            one.transfers.sort_by_key(|t| (t.recorded_at, t.id));
            one.plans.sort_by_key(|p| (p.recorded_at, p.id));
            one.cases.sort_by_key(|c| (c.opened_at, c.id));
        }
        for (subject, matters) in all {
            // A person is a subject of each shard that a household of theirs is of.
            let held = self.out.matters.entry(subject).or_default();
            held.determinations.extend(matters.determinations);
            held.awards.extend(matters.awards);
            held.changes.extend(matters.changes);
            held.transfers.extend(matters.transfers);
            held.plans.extend(matters.plans);
            held.cases.extend(matters.cases);
        }
        Ok(())
    }
}

fn key(d: &Determination) -> (&str, entitlement::determination::PeriodKey, u32) {
    (&d.programme, d.period, d.version)
}
