//! Records to rows. The order of values is the order of columns in [`crate::schema`].

use crate::change::{BankAnswer, Message};
use crate::error::StoreError;
use crate::schema::{self, Table};
use crate::value::{Val, args, json, word};
use base::{Id, Period};
use casework::case::{Case, CaseEvent, Notice, Task};
use entitlement::Outcome;
use entitlement::determination::{Award, Determination, EntitlementChange};
use ledger::account::{Account, Transfer};
use ledger::payment::{Batch, Payment};
use ledger::recovery::Plan;
use registry::protect::Crypto;
use registry::record::{
    Area, Evidence, Household, Identity, Membership, PayeeAccount, Person, Provenance, Residence,
};

pub(crate) type Values = Vec<Val>;

/// Records that a run over a population writes by the hundred thousand.
pub(crate) trait Encode: Sync {
    /// Where they go.
    const TABLE: &'static Table;
    /// Sorts like the table's key within one shard.
    fn place(&self) -> (Id, Id);
    /// The row.
    fn encode(&self, crypto: &dyn Crypto) -> Result<Values, StoreError>;
}

impl Encode for Transfer {
    const TABLE: &'static Table = &schema::TRANSFER;
    fn place(&self) -> (Id, Id) {
        (self.id, self.id)
    }
    fn encode(&self, _: &dyn Crypto) -> Result<Values, StoreError> {
        Ok(transfer(self))
    }
}

impl Encode for Payment {
    const TABLE: &'static Table = &schema::PAYMENT;
    fn place(&self) -> (Id, Id) {
        (self.batch, self.id)
    }
    fn encode(&self, crypto: &dyn Crypto) -> Result<Values, StoreError> {
        payment(crypto, self)
    }
}

impl Encode for BankAnswer {
    const TABLE: &'static Table = &schema::BANK_ANSWER;
    fn place(&self) -> (Id, Id) {
        (self.payment, self.id)
    }
    fn encode(&self, _: &dyn Crypto) -> Result<Values, StoreError> {
        Ok(bank_answer(self))
    }
}

/// Purposes that keep sealed columns apart.
pub(crate) const NUMBER: &str = "identity-number";
pub(crate) const ACCOUNT: &str = "bank-account";

/// The half of a keyed hash that is kept: 128 bits tell a country's numbers apart, and the index is
/// half as large.
fn short(hash: [u8; 32]) -> Vec<u8> {
    hash[..16].to_vec()
}

/// Stands for "no deadline", so that tasks sort and page by deadline.
pub(crate) const NEVER: i64 = i64::MAX;

fn valid(values: &mut Values, period: &Period) {
    values.push(period.from.into());
    values.push(period.to.into());
}

fn origin(values: &mut Values, provenance: Provenance) {
    values.push(provenance.recorded_at.into());
    values.push(provenance.recorded_by.into());
    values.push(provenance.source.into());
}

pub(crate) fn area(a: &Area) -> Values {
    args![&a.code, &a.name, &a.name_en, a.parent.clone()]
}

pub(crate) fn person(p: &Person) -> Values {
    args![&p.shard, p.id, p.opened_at]
}

pub(crate) fn household(h: &Household) -> Values {
    args![&h.shard, h.id, h.opened_at]
}

/// Numbers are compared and looked up in one form, however they were typed.
pub(crate) fn number_hash(crypto: &dyn Crypto, number: &str) -> Vec<u8> {
    short(crypto.lookup(NUMBER, &registry::identity::canonical(number)))
}

pub(crate) fn identity(crypto: &dyn Crypto, shard: &str, i: Identity) -> Values {
    let number = i.number.as_deref().filter(|n| !n.trim().is_empty());
    let mut values = args![
        shard,
        i.person,
        i.id,
        i.name,
        word(&i.sex),
        i.birth,
        number.map(|n| number_hash(crypto, n)),
        number.map(|n| crypto.seal(NUMBER, n.trim())),
    ];
    origin(&mut values, i.provenance);
    values
}

pub(crate) fn residence(shard: &str, r: Residence) -> Values {
    let mut values = args![shard, r.household, r.id, r.area, r.address];
    valid(&mut values, &r.valid);
    origin(&mut values, r.provenance);
    values
}

pub(crate) fn membership(shard: &str, person_shard: &str, m: Membership) -> Values {
    let mut values = args![
        shard,
        m.household,
        m.person,
        m.id,
        person_shard,
        m.relation,
        m.member
    ];
    valid(&mut values, &m.valid);
    origin(&mut values, m.provenance);
    values
}

pub(crate) fn evidence(e: Evidence) -> Values {
    let withdraws = (!e.withdraws.is_empty()).then(|| join_ids(&e.withdraws));
    let mut values = args![e.shard, e.subject, e.id, e.kind, e.value.to_string()];
    valid(&mut values, &e.valid);
    values.push(withdraws.into());
    origin(&mut values, e.provenance);
    values
}

pub(crate) fn join_ids(ids: &[Id]) -> Vec<u8> {
    ids.iter().flat_map(|id| *id.as_bytes()).collect()
}

pub(crate) fn split_ids(bytes: &[u8]) -> Vec<Id> {
    bytes.chunks(16).filter_map(Id::from_slice).collect()
}

pub(crate) fn payee(crypto: &dyn Crypto, shard: &str, p: PayeeAccount) -> Values {
    let mut values = args![
        shard,
        p.subject,
        p.id,
        p.holder,
        short(crypto.lookup(ACCOUNT, p.number.trim())),
        crypto.seal(ACCOUNT, p.number.trim()),
        p.bank,
    ];
    valid(&mut values, &p.valid);
    origin(&mut values, p.provenance);
    values
}

pub(crate) fn award(a: &Award) -> Values {
    args![
        &a.subject.shard,
        a.subject.id,
        a.id,
        a.recorded_at,
        word(&a.subject.kind),
        &a.programme,
        a.from,
        a.to,
        a.case,
        &a.decided_by,
        &a.reason,
    ]
}

/// What a determination says, as it is stored.
pub(crate) struct Content {
    pub(crate) amount: Option<base::Fen>,
    /// Detail of the outcome, reasons, lines, carry.
    pub(crate) texts: [String; 4],
}

pub(crate) fn content(
    outcome: &Outcome,
    reasons: &[entitlement::Reason],
    lines: &[(String, serde_json::Value)],
    carry: &serde_json::Map<String, serde_json::Value>,
) -> Result<Content, StoreError> {
    let detail = match outcome {
        // The commonest outcome says nothing beside its name and amount.
        Outcome::Entitled { .. } | Outcome::NotApplicable => String::new(),
        _ => json(outcome)?,
    };
    Ok(Content {
        amount: match outcome {
            Outcome::Entitled { amount } => *amount,
            _ => None,
        },
        texts: [detail, json(&reasons)?, json(&lines)?, json(carry)?],
    })
}

pub(crate) fn determination(d: &Determination) -> Result<Values, StoreError> {
    let content = content(&d.outcome, &d.reasons, &d.lines, &d.carry)?;
    let [detail, reasons, lines, carry] = content.texts;
    Ok(args![
        &d.subject.shard,
        &d.programme,
        d.period.to_string(),
        d.subject.id,
        d.version,
        d.id,
        word(&d.subject.kind),
        d.known_at,
        d.made_at,
        &d.law,
        d.outcome.name(),
        content.amount,
        detail,
        reasons,
        lines,
        carry,
    ])
}

pub(crate) fn entitlement_change(c: &EntitlementChange) -> Values {
    args![
        &c.subject.shard,
        &c.programme,
        c.period.to_string(),
        c.subject.id,
        c.sequence,
        c.id,
        word(&c.subject.kind),
        c.determination,
        c.owed,
        c.change,
        &c.cause,
        c.recorded_at,
    ]
}

pub(crate) fn account(a: &Account) -> Values {
    args![&a.shard, a.id, a.owner, &a.programme, word(&a.purpose)]
}

fn transfer(t: &Transfer) -> Values {
    args![
        &t.shard,
        t.id,
        t.debit,
        t.credit,
        t.amount,
        word(&t.reason),
        t.link,
        &t.period,
        t.counter_period.clone(),
        t.booked,
        t.recorded_at,
    ]
}

pub(crate) fn recovery_plan(p: &Plan) -> Values {
    args![
        &p.shard,
        p.payee,
        p.id,
        &p.programme,
        &p.period,
        p.amount,
        p.not_before,
        p.cap_percent,
        p.per_payment,
        p.across_programmes,
        p.cause,
        p.recorded_at,
    ]
}

pub(crate) fn batch(b: &Batch) -> Values {
    args![
        &b.shard,
        b.id,
        &b.programme,
        &b.month,
        b.attempt,
        b.count,
        b.total,
        b.pay_on,
        b.recorded_at,
    ]
}

fn payment(crypto: &dyn Crypto, p: &Payment) -> Result<Values, StoreError> {
    Ok(args![
        &p.shard,
        p.batch,
        p.id,
        p.sequence,
        p.payee,
        &p.programme,
        &p.holder,
        short(crypto.lookup(ACCOUNT, p.account.trim())),
        crypto.seal(ACCOUNT, p.account.trim()),
        &p.bank,
        p.amount,
        json(&p.items)?,
        word(&p.state),
        p.bank_reason.clone(),
        p.recorded_at,
    ])
}

fn bank_answer(a: &BankAnswer) -> Values {
    args![
        &a.shard,
        a.payment,
        a.id,
        a.at,
        word(&a.state),
        a.reason.clone(),
        &a.source,
    ]
}

pub(crate) fn case(c: &Case) -> Values {
    args![
        &c.subject.shard,
        c.id,
        c.subject.id,
        word(&c.subject.kind),
        &c.programme,
        word(&c.kind),
        &c.area,
        c.opened_at,
        "open",
        None::<i64>,
    ]
}

pub(crate) fn case_event(shard: &str, case: Id, e: &CaseEvent) -> Result<Values, StoreError> {
    Ok(args![
        shard,
        case,
        e.id,
        e.at,
        &e.by,
        json(&e.what)?,
        &e.note
    ])
}

pub(crate) fn task(t: &Task) -> Values {
    args![
        &t.shard,
        t.id,
        t.case,
        &t.step,
        &t.title.zh,
        &t.title.en,
        word(&t.role),
        &t.area,
        t.due.map_or(NEVER, crate::value::day_number),
        t.not_before,
        t.done_at,
    ]
}

pub(crate) fn notice(n: &Notice) -> Values {
    args![
        &n.shard,
        n.id,
        n.subject.id,
        word(&n.subject.kind),
        &n.programme,
        &n.kind,
        &n.text.zh,
        &n.text.en,
        n.objection_until,
        n.made_at,
    ]
}

pub(crate) fn message(m: &Message) -> Values {
    args![
        &m.shard,
        m.id,
        &m.topic,
        m.payload.to_string(),
        m.made_at,
        None::<i64>,
    ]
}
