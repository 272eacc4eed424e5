//! What one change writes: everything, in one transaction, or nothing.

use base::{Id, Instant};
use casework::case::{Case, CaseEvent, Notice, Task};
use entitlement::determination::{Award, Determination, EntitlementChange};
use ledger::account::{Account, Transfer};
use ledger::payment::{Batch, Payment, PaymentState};
use ledger::recovery::Plan;
use registry::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Residence, Shard,
};

/// A change, as the pure rooms decided it. Records carry ids that were minted by the client or are
/// derived, so committing a change twice records it once; a record that is there already with other
/// content is an error ([`crate::StoreError::Different`], or `Conflict` for versions).
#[derive(Clone, Debug, Default)]
pub struct ChangeSet {
    /// The request's id, minted by the client. A request that was committed before is answered with
    /// [`Committed::repeated`] and written no second time.
    pub id: Option<Id>,
    /// Fingerprint of the request's content; a known `id` with another fingerprint is an error.
    pub digest: String,
    /// The shard that the change belongs to: its journal's chain, and its request id.
    pub shard: Shard,
    /// Now, as the pure part was told.
    pub at: Instant,
    /// The households whose histories the pure part read, with the versions it saw. Households that the
    /// change touches without being named here (imports) are counted on without a check.
    pub expect: Vec<Expected>,

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

    /// Human decisions.
    pub awards: Vec<Award>,
    /// Determinations.
    pub determinations: Vec<Determination>,
    /// What is owed, and how it changed.
    pub entitlement_changes: Vec<EntitlementChange>,

    /// Accounts that transfers use; those that exist are left alone.
    pub accounts: Vec<Account>,
    /// Movements of money.
    pub transfers: Vec<Transfer>,
    /// How overpaid money is to come back.
    pub recovery_plans: Vec<Plan>,
    /// Instruction files.
    pub batches: Vec<Batch>,
    /// Their lines.
    pub payments: Vec<Payment>,
    /// What banks answered.
    pub bank_answers: Vec<BankAnswer>,

    /// Cases that are opened, with their first events.
    pub cases: Vec<Case>,
    /// Further events of cases.
    pub case_events: Vec<CaseHappening>,
    /// Tasks made, and tasks done (`done_at` set; the rest as it was made).
    pub tasks: Vec<Task>,
    /// Letters.
    pub notices: Vec<Notice>,

    /// How far long commands have come.
    pub runs: Vec<Run>,
    /// Messages for others.
    pub outbox: Vec<Message>,
    /// Who did what; linked into the chain in this order.
    pub journal: Vec<JournalEntry>,
}

impl ChangeSet {
    /// Adds another change to this one, to be written with it in one transaction. The two must be about
    /// different households; the request ids are the caller's to settle, and are kept of this one.
    pub fn absorb(&mut self, other: ChangeSet) {
        // Named one by one, so that a list that is added some day cannot be forgotten here.
        let ChangeSet {
            id: _,
            digest: _,
            shard,
            at,
            expect,
            persons,
            households,
            identities,
            residences,
            memberships,
            evidence,
            payees,
            awards,
            determinations,
            entitlement_changes,
            accounts,
            transfers,
            recovery_plans,
            batches,
            payments,
            bank_answers,
            cases,
            case_events,
            tasks,
            notices,
            runs,
            outbox,
            journal,
        } = other;
        if self.shard.is_empty() {
            self.shard = shard;
        }
        self.at = self.at.max(at);
        for expected in expect {
            if !self.expect.contains(&expected) {
                self.expect.push(expected);
            }
        }
        self.persons.extend(persons);
        self.households.extend(households);
        self.identities.extend(identities);
        self.residences.extend(residences);
        self.memberships.extend(memberships);
        self.evidence.extend(evidence);
        self.payees.extend(payees);
        self.awards.extend(awards);
        self.determinations.extend(determinations);
        self.entitlement_changes.extend(entitlement_changes);
        self.accounts.extend(accounts);
        self.transfers.extend(transfers);
        self.recovery_plans.extend(recovery_plans);
        self.batches.extend(batches);
        self.payments.extend(payments);
        self.bank_answers.extend(bank_answers);
        self.cases.extend(cases);
        self.case_events.extend(case_events);
        self.tasks.extend(tasks);
        self.notices.extend(notices);
        self.runs.extend(runs);
        self.outbox.extend(outbox);
        self.journal.extend(journal);
    }
}

/// A household's version as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its home shard.
    pub shard: Shard,
    /// The household.
    pub household: Id,
    /// Its version then; 0 when it has none yet.
    pub version: u64,
}

/// What a bank said of one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAnswer {
    /// Derived from the payment and what was said: reading a file twice records it once.
    pub id: Id,
    /// Home shard of the payment.
    pub shard: Shard,
    /// The payment.
    pub payment: Id,
    /// When we read it.
    pub at: Instant,
    /// What it says.
    pub state: PaymentState,
    /// The bank's reason.
    pub reason: Option<String>,
    /// The file.
    pub source: String,
}

/// An event of a case that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseHappening {
    /// Home shard of the case.
    pub shard: Shard,
    /// The case.
    pub case: Id,
    /// What happened.
    pub event: CaseEvent,
}

/// A long command, kept so that a killed one goes on where it was. Written again, it replaces its
/// `state`, `cursor` and `detail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Derived from what is run, or minted.
    pub id: Id,
    /// Shard.
    pub shard: Shard,
    /// Which command.
    pub kind: String,
    /// With what.
    pub argument: String,
    /// `running`, `done` or `failed`.
    pub state: String,
    /// How far it has come; the command's own words.
    pub cursor: String,
    /// Counts and messages as JSON.
    pub detail: serde_json::Value,
    /// When it began.
    pub started_at: Instant,
    /// When this was written.
    pub changed_at: Instant,
}

/// A message for others, sent after the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Identity; receivers drop what they have seen.
    pub id: Id,
    /// Shard.
    pub shard: Shard,
    /// What it is about.
    pub topic: String,
    /// Content.
    pub payload: serde_json::Value,
    /// When it was made.
    pub made_at: Instant,
}

/// One line of the journal before it is linked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalEntry {
    /// Who.
    pub actor: String,
    /// Did what.
    pub action: String,
    /// About whom or what.
    pub subject: Option<Id>,
    /// With which particulars. Never identity or account numbers in clear.
    pub detail: serde_json::Value,
}

/// What came of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The request had been committed before; nothing was written now.
    pub repeated: bool,
    /// Records written; those that were there already with the same content are not counted.
    pub written: u64,
    /// The journal's last link of this change: lane and number.
    pub journal: Option<(u32, u64)>,
}
