//! An auditor who trusts nobody: it reads what the office kept, remembers all of it by its fingerprints, keeps
//! its own account of every period's money, and compares with what clerks were told and what the bank did.
//! It shares no rule with the rooms that compute: of their records it knows the names of the fields.

use super::bank::{Bank, Done};
use super::change_facts;
use crate::service::change::Facts;
use crate::service::{Office, ServiceError};
use base::Id;
use entitlement::determination::Award;
use registry::slice::HouseholdHistory;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A payee's period in a programme.
type Period = (Id, String, String);

/// Where a period's money is, in fen.
#[derive(Clone, Copy, Debug, Default)]
struct Money {
    /// Instructed, and no final word from the bank.
    underway: i64,
    /// With the payee: sent, and withheld from it for other debts.
    with_payee: i64,
    /// Taken back from the payee for this period.
    recovered: i64,
}

/// Households that are read at once.
const AT_ONCE: usize = 256;

/// One instructed line.
#[derive(Clone, Debug)]
struct Instructed {
    payee: Id,
    programme: String,
    /// Period and fen, of what it pays.
    items: Vec<(String, i64)>,
    /// Sum of the line, as the file must say.
    amount: i64,
    state: Done,
}

/// What the auditor remembers.
#[derive(Debug, Default)]
pub struct Auditor {
    /// Every record ever read, by whom it is about.
    seen: HashMap<Id, HashMap<Id, u64>>,
    /// Every record of the register ever read, by what it says.
    register: HashMap<Id, u64>,
    /// Every letter.
    letters: HashSet<Id>,
    money: BTreeMap<Period, Money>,
    lines: BTreeMap<String, Instructed>,
    /// Sums withheld that were counted already, by the payment.
    set_off: BTreeSet<Id>,
    /// What is wrong.
    pub findings: Vec<String>,
}

/// A fingerprint of a record.
fn mark(value: &impl Serialize) -> u64 {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let hash = Sha256::digest(&text);
    hash.iter().take(8).fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Fingerprints of what was read just now.
#[derive(Default)]
struct Read {
    register: HashMap<Id, u64>,
    records: BTreeMap<Id, HashMap<Id, u64>>,
}

impl Read {
    fn of(&mut self, subject: Id) -> &mut HashMap<Id, u64> {
        self.records.entry(subject).or_default()
    }

    /// What the register says of a household, and the awards of its members.
    fn register(&mut self, h: &HouseholdHistory, awards: Vec<Award>) {
        let said = Facts {
            identities: h.identities.clone(),
            residences: h.residences.clone(),
            memberships: h.memberships.clone(),
            evidence: h.evidence.clone(),
            payees: h.payees.clone(),
            awards,
            ..Facts::default()
        };
        for (subject, id, value) in change_facts(&said) {
            let said = mark(&value);
            self.register.insert(id, said);
            self.of(subject).insert(id, said);
        }
    }
}

/// The household and everybody who was ever a member.
fn members(h: &HouseholdHistory) -> BTreeSet<Id> {
    let persons = h.memberships.iter().map(|m| m.person);
    persons.chain(h.household).collect()
}

impl Auditor {
    fn find(&mut self, what: String) {
        if self.findings.len() < 50 {
            self.findings.push(what);
        }
    }

    /// What a clerk was told is recorded must be among what was read just now; that it stays there is a matter
    /// of [`Auditor::look`].
    pub fn acknowledged(&mut self, facts: &Facts) {
        for (subject, id, said) in change_facts(facts) {
            if self.register.get(&id) != Some(&mark(&said)) {
                self.find(format!(
                    "{id} about {subject} was acknowledged, and is not there as it was said"
                ));
            }
        }
    }

    /// Reads everything about everybody, many households in one reading; and every letter that was sent.
    pub async fn look_at_all(
        &mut self,
        office: &Office,
        households: &[Id],
    ) -> Result<(), ServiceError> {
        for some in households.chunks(AT_ONCE) {
            let there = self.look_at_some(office, some.to_vec()).await?;
            let gone: Vec<String> = some
                .iter()
                .filter(|home| !there.contains(home))
                .map(|home| format!("household {home} is gone"))
                .collect();
            gone.into_iter().for_each(|what| self.find(what));
        }
        let mut letters = HashSet::new();
        let mut after: Option<String> = None;
        loop {
            let page = office.store.notices(after.as_deref(), 4096).await?;
            letters.extend(page.items.iter().map(|n| n.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let gone: Vec<String> = (self.letters.difference(&letters))
            .map(|id| format!("letter {id} is gone"))
            .collect();
        gone.into_iter().for_each(|what| self.find(what));
        self.letters = letters;
        Ok(())
    }

    /// Reads everything about the households among `subjects` and those of the persons among them, and their
    /// members. Whatever was read of them before must still be there and say the same. Gives the
    /// households.
    pub async fn look_at_some(
        &mut self,
        office: &Office,
        subjects: Vec<Id>,
    ) -> Result<BTreeSet<Id>, ServiceError> {
        let found = office.store.dossiers(subjects).await?;
        for loaded in found.households.values() {
            let h = &loaded.history;
            let mut read = Read::default();
            let mut awards = Vec::new();
            for subject in members(h) {
                let all = read.of(subject);
                let Some(matters) = found.matters.get(&subject) else {
                    continue;
                };
                all.extend(matters.determinations.iter().map(|d| (d.id, mark(d))));
                all.extend(matters.changes.iter().map(|c| (c.id, mark(c))));
                all.extend(matters.transfers.iter().map(|t| (t.id, mark(t))));
                all.extend(matters.plans.iter().map(|p| (p.id, mark(p))));
                awards.extend(matters.awards.iter().cloned());
            }
            read.register(h, awards);
            self.compare(read);
        }
        Ok(found.households.into_keys().collect())
    }

    /// What was read of somebody before must be among what was read now, and say the same.
    fn compare(&mut self, read: Read) {
        self.register.extend(read.register);
        for (subject, now) in read.records {
            let before = self.seen.insert(subject, now);
            let now = &self.seen[&subject];
            let changed: Vec<String> = before
                .iter()
                .flatten()
                .filter(|(id, was)| now.get(*id) != Some(was))
                .map(|(id, _)| {
                    format!(
                        "record {id} about {subject} was there, and is gone or says something else"
                    )
                })
                .collect();
            changed.into_iter().for_each(|what| self.find(what));
        }
    }

    /// Looks at new instruction lines before the bank has them: nothing is paid beyond what is owed for its
    /// period, nothing recovered beyond what the payee has.
    pub async fn instructed(
        &mut self,
        office: &Office,
        batch: &ledger::payment::Batch,
        file: &[(String, i64)],
    ) -> Result<(), ServiceError> {
        let payments = office.store.payments_in(&batch.shard, batch.id).await?;
        let in_file: BTreeMap<&str, i64> = file.iter().map(|(id, f)| (id.as_str(), *f)).collect();
        if payments.len() != file.len() {
            self.find(format!(
                "batch {}: {} lines in the books, {} in the file",
                batch.id,
                payments.len(),
                file.len()
            ));
        }
        for p in payments {
            let id = p.id.uuid().simple().to_string();
            let sum: i64 = p.items.iter().map(|i| i.amount.0).sum();
            if in_file.get(id.as_str()) != Some(&sum) || sum != p.amount.0 || sum <= 0 {
                self.find(format!(
                    "payment {}: items of {sum}, line of {}, file {:?}",
                    p.id,
                    p.amount.0,
                    in_file.get(id.as_str())
                ));
            }
            let mut owed: BTreeMap<(String, String), i64> = BTreeMap::new();
            for c in office
                .store
                .entitlement_changes_of(&p.shard, p.payee)
                .await?
            {
                *owed
                    .entry((c.programme.clone(), c.period.to_string()))
                    .or_default() += c.change.0;
            }
            let set_off = self.withheld(office, &p.shard, p.payee, Some(p.id)).await?;
            let mut items = Vec::new();
            for item in p.items.iter().filter(|item| item.amount.0 > 0) {
                let part = item.amount.0 - set_off.get(&item.period).copied().unwrap_or(0);
                let key = (p.payee, p.programme.clone(), item.period.clone());
                let money = self.money.entry(key).or_default();
                money.underway += part;
                let out = money.underway + money.with_payee - money.recovered;
                let due = owed
                    .get(&(p.programme.clone(), item.period.clone()))
                    .copied()
                    .unwrap_or(0);
                if out > due {
                    self.find(format!(
                        "{} {} of {}: {due} fen are owed, {out} are paid or under way",
                        p.programme, item.period, p.payee
                    ));
                }
                items.push((item.period.clone(), part));
            }
            self.lines.insert(
                id,
                Instructed {
                    payee: p.payee,
                    programme: p.programme.clone(),
                    items,
                    amount: sum,
                    state: Done::Waiting,
                },
            );
        }
        Ok(())
    }

    /// Reads a payee's movements for what was set off: from one period's payment to another's debt. Gives
    /// what was set off from each period of the payment `of`.
    pub async fn withheld(
        &mut self,
        office: &Office,
        shard: &str,
        payee: Id,
        of: Option<Id>,
    ) -> Result<BTreeMap<String, i64>, ServiceError> {
        let transfers = office.store.transfers_of_payee(shard, payee).await?;
        let accounts = office.store.accounts_of(shard, payee).await?;
        let programme = |id: Id| {
            accounts
                .iter()
                .find(|a| a.id == id)
                .map(|a| a.programme.clone())
        };
        let mut from_periods = BTreeMap::new();
        for t in transfers {
            let word = serde_json::to_value(t.reason).unwrap_or_default();
            if word != "withheld" {
                continue;
            }
            if of == Some(t.link) {
                *from_periods.entry(t.period.clone()).or_default() += t.amount.0;
            }
            if !self.set_off.insert(t.id) {
                continue;
            }
            let to = t.counter_period.clone().unwrap_or(t.period.clone());
            if let Some(from) = programme(t.debit) {
                let key = (payee, from, t.period.clone());
                self.money.entry(key).or_default().with_payee += t.amount.0;
            }
            if let Some(debt) = programme(t.credit) {
                let key = (payee, debt.clone(), to.clone());
                let money = self.money.entry(key).or_default();
                money.recovered += t.amount.0;
                let (has, took) = (money.with_payee, money.recovered);
                if took > has {
                    self.find(format!(
                        "{debt} {to} of {payee}: {took} fen were recovered, the payee had {has}"
                    ));
                }
            }
        }
        Ok(from_periods)
    }

    /// Takes over what the office was told by the bank, and compares the office's books with the bank's.
    pub async fn reconciled(&mut self, office: &Office, bank: &Bank) -> Result<(), ServiceError> {
        let mut findings = Vec::new();
        for (id, line) in &bank.lines {
            let Some(mine) = self.lines.get_mut(id) else {
                findings.push(format!("the bank has line {id}, which nobody instructed"));
                continue;
            };
            if mine.amount != line.amount {
                findings.push(format!(
                    "line {id}: {} instructed, {} at the bank",
                    mine.amount, line.amount
                ));
            }
            if mine.state == line.told {
                continue;
            }
            let (from, to) = (mine.state, line.told);
            mine.state = to;
            for (period, fen) in &mine.items {
                let key = (mine.payee, mine.programme.clone(), period.clone());
                let money = self.money.entry(key).or_default();
                match from {
                    Done::Waiting => money.underway -= fen,
                    Done::Sent => money.with_payee -= fen,
                    Done::Refused | Done::Back => {}
                }
                if to == Done::Sent {
                    money.with_payee += fen;
                }
            }
        }
        // The fund's bank account in the books against the bank's own.
        let mut by_bank: BTreeMap<String, i64> = BTreeMap::new();
        for (id, line) in &bank.lines {
            if let (Done::Sent, Some(mine)) = (line.told, self.lines.get(id)) {
                *by_bank.entry(mine.programme.clone()).or_default() += line.amount;
            }
        }
        for ((programme, purpose), fen) in office.store.ledger_totals().await? {
            if purpose.to_string() != "bank" {
                continue;
            }
            let sent = by_bank.remove(&programme).unwrap_or(0);
            if fen.0.abs() != sent {
                findings.push(format!(
                    "{programme}: the bank sent {sent} fen for good, the books say {}",
                    fen.0
                ));
            }
        }
        for (programme, sent) in by_bank {
            if sent != 0 {
                findings.push(format!(
                    "{programme}: the bank sent {sent} fen, the books know of none"
                ));
            }
        }
        findings.into_iter().for_each(|what| self.find(what));
        Ok(())
    }

    /// A fingerprint over everything read, whatever the order in which it was.
    pub fn digest(&self) -> String {
        let mut all: Vec<(Id, Id, u64)> = self
            .seen
            .iter()
            .flat_map(|(subject, records)| records.iter().map(|(id, m)| (*subject, *id, *m)))
            .collect();
        all.sort_unstable();
        let mut hash = Sha256::new();
        for (subject, id, m) in all {
            hash.update(subject.as_bytes());
            hash.update(id.as_bytes());
            hash.update(m.to_be_bytes());
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// How many records it remembers.
    pub fn remembered(&self) -> u64 {
        self.seen.values().map(|records| records.len() as u64).sum()
    }
}
