//! A small invented law, written in Rust so that these tests do not rest on the engine, and a world
//! of two households to try it on.
//!
//! `jia` (household, monthly, application needed): who has less than the line a head gets the gap,
//! whole household; above it, two months of grace at half the line a head, counted by carry. Without
//! a declared income of every adult it is undetermined.
//! `yi` (person, monthly, automatic): 100 a month for at most three months in which the mark is set.
//! `bing` (person, events, automatic): of a bill what passes 1000 in the calendar year.

use base::{Day, Fen, Id, Instant, Month, Period};
use entitlement::change::{At, Change};
use entitlement::determination::{Award, Determination, EntitlementChange, SubjectKey};
use entitlement::redetermination::{Consequences, Known, Opened, redetermine};
use entitlement::rules::{Ask, Carry, Fault, Rules};
use entitlement::{Bilingual, Evaluation, Missing, Outcome, Programme, Reason, Subject};
use registry::record::{Evidence, Identity, Membership, Provenance, Residence, Sex};
use registry::slice::{HouseholdHistory, KindList, MemberSlice};
use serde_json::{Value, json};

pub const INCOME: &str = "甲收入";
pub const MARK: &str = "乙标记";
pub const DEATH: &str = "死亡";
pub const BILL: &str = "丙账单";
pub const RELIEF: &str = "甲减免";

/// A row of the line: from, known from, yuan a head.
pub type Row = (Day, Day, i64);

pub struct Invented {
    pub line: Vec<Row>,
    kinds: KindList,
    programmes: Vec<Programme>,
}

pub fn day(text: &str) -> Day {
    base::parse_day(text).expect("a date")
}

pub fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

/// Noon UTC of a day, plus minutes.
pub fn at(text: &str, minute: i64) -> At {
    let noon = day(text).and_hms_opt(3, 0, 0).expect("a time").and_utc();
    At::new(noon + chrono::TimeDelta::minutes(minute))
}

fn both(zh: &str, en: &str) -> Value {
    json!({"zh": zh, "en": en})
}

fn programme(value: Value) -> Programme {
    serde_json::from_value(value).expect("a programme")
}

impl Invented {
    pub fn new(hearing: bool) -> Invented {
        let many = |name: &str, many| (name.to_string(), many);
        Invented {
            line: vec![(day("2020-01-01"), day("2020-01-01"), 500)],
            kinds: KindList {
                person: vec![
                    many(INCOME, false),
                    many(MARK, false),
                    many(DEATH, false),
                    many(BILL, true),
                ],
                household: vec![many(RELIEF, false)],
            },
            programmes: vec![
                programme(json!({
                    "id": "jia", "en": "A", "subject": "household", "rhythm": "month",
                    "amount": "甲金额", "carry": {"宽限": "数"}, "application": "required",
                    "payment": {"day": 10, "purpose": "甲"},
                    "procedure": {
                        "total": "30 d", "objection": "60 d", "hearing_before_reduction": hearing,
                    },
                    "recovery": {"cap_percent": 30, "waive_up_to": 5},
                    "notices": {
                        "changed": both("{原金额}→{新金额}", "{before} to {after}"),
                        "ended": both("{户}停发", "{household} ends"),
                        "recovery": both("{申请人}{月份}多发{差额}，{期限}前", "{applicant} {difference}"),
                        "arrears": both("{申请人}{月份}补发{差额}", "{applicant} {difference}"),
                    },
                })),
                programme(json!({
                    "id": "yi", "en": "B", "subject": "person", "rhythm": "month",
                    "amount": "乙金额", "carry": {"已领": "数"}, "application": "automatic",
                    "payment": {"day": 10, "purpose": "乙"},
                })),
                programme(json!({
                    "id": "bing", "en": "C", "subject": "person", "rhythm": "event", "event": BILL,
                    "amount": "丙金额", "carry": {"累计": "数"}, "carry_over": "year",
                    "application": "automatic", "payment": {"day": 10, "purpose": "丙"},
                })),
            ],
        }
    }

    pub fn line_on(&self, day: Day, known: Instant) -> i64 {
        self.line
            .iter()
            .filter(|(from, known_from, _)| *from <= day && *known_from <= At::new(known).today)
            // Of two figures for one day the later decided holds.
            .max_by_key(|(from, known_from, _)| (*from, *known_from))
            .map_or(0, |row| row.2)
    }
}

fn fact(member: &MemberSlice, slot: u16) -> Option<&str> {
    member
        .facts
        .iter()
        .find(|f| f.kind == slot)
        .map(|f| &*f.value)
        .filter(|v| *v != "null")
}

fn number(text: &str) -> i64 {
    text.parse().expect("a number")
}

fn evaluation(outcome: Outcome, text: String, carry: Carry) -> Evaluation {
    Evaluation {
        result: json!(outcome.amount().0),
        outcome,
        reasons: vec![Reason {
            article: "第一条".into(),
            instrument: "甲法".into(),
            rule: "甲".into(),
            text: Bilingual {
                zh: text.clone(),
                en: text,
            },
        }],
        lines: Vec::new(),
        carry,
        trace: Vec::new(),
    }
}

fn carried(carry: Option<&Carry>, name: &str) -> i64 {
    carry
        .and_then(|c| c.get(name))
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

fn carrying(name: &str, value: i64) -> Carry {
    Carry::from_iter([(name.to_string(), json!(value))])
}

/// The rule of `jia`: incomes of the living, relief, line, grace used → outcome, grace used then.
pub fn jia(incomes: &[Option<i64>], relief: i64, line: i64, grace: i64) -> (Outcome, i64) {
    if incomes.is_empty() {
        let condition = "在世".to_string();
        return (Outcome::Refused { condition }, 0);
    }
    let unknown: Vec<Missing> = incomes
        .iter()
        .enumerate()
        .filter(|(_, i)| i.is_none())
        .map(|(n, _)| Missing {
            name: INCOME.into(),
            member: Some(n),
        })
        .collect();
    if !unknown.is_empty() {
        return (Outcome::Undetermined { missing: unknown }, grace);
    }
    let n = incomes.len() as i64;
    let income = (incomes.iter().flatten().sum::<i64>() - relief).max(0);
    if income < line * n {
        let amount = Some(Fen::yuan(line * n - income));
        return (Outcome::Entitled { amount }, 0);
    }
    if grace < 2 {
        let amount = Some(Fen(line * n * 50));
        return (Outcome::Entitled { amount }, grace + 1);
    }
    let condition = "收入".to_string();
    (Outcome::Refused { condition }, grace)
}

impl Rules for Invented {
    fn digest(&self) -> &str {
        "invented"
    }

    fn kinds(&self) -> &KindList {
        &self.kinds
    }

    fn programme(&self, id: &str, _area: &str, _day: Day) -> Option<&Programme> {
        self.programmes.iter().find(|p| p.id == id)
    }

    fn death_kind(&self) -> Option<u16> {
        Some(2)
    }

    fn evaluate(&self, ask: &Ask<'_>) -> Result<Evaluation, Fault> {
        let line = self.line_on(ask.day, ask.known);
        Ok(match (ask.programme.id.as_str(), ask.member) {
            ("jia", None) => {
                let incomes: Vec<Option<i64>> = ask
                    .household
                    .members
                    .iter()
                    .filter(|m| fact(m, 2).is_none())
                    .map(|m| fact(m, 0).map(number))
                    .collect();
                let relief = ask.household.facts.iter().find(|f| f.kind == 0);
                let relief = relief.map_or(0, |f| number(&f.value));
                let (outcome, grace) = jia(&incomes, relief, line, carried(ask.carry, "宽限"));
                let said = format!("{incomes:?} {relief} {line}");
                evaluation(outcome, said, carrying("宽限", grace))
            }
            ("yi", Some(m)) => {
                let marked = fact(&ask.household.members[m], 1) == Some("true");
                let used = carried(ask.carry, "已领");
                if !marked {
                    evaluation(Outcome::NotApplicable, String::new(), Carry::new())
                } else if used < 3 {
                    let amount = Some(Fen::yuan(100));
                    let outcome = Outcome::Entitled { amount };
                    evaluation(outcome, format!("{used}"), carrying("已领", used + 1))
                } else {
                    let condition = "期限".to_string();
                    let outcome = Outcome::Refused { condition };
                    evaluation(outcome, format!("{used}"), carrying("已领", used))
                }
            }
            ("bing", Some(_)) => {
                let bill = number(ask.event.expect("an event"));
                let before = carried(ask.carry, "累计");
                let owed = (before + bill - 1000).clamp(0, bill);
                let amount = Some(Fen::yuan(owed));
                let outcome = Outcome::Entitled { amount };
                evaluation(
                    outcome,
                    format!("{before}"),
                    carrying("累计", before + bill),
                )
            }
            _ => unreachable!("no such programme or subject"),
        })
    }
}

/// Everything stored, and how to record one thing more.
#[derive(Clone, Default)]
pub struct World {
    pub households: Vec<HouseholdHistory>,
    pub determinations: Vec<Determination>,
    pub awards: Vec<Award>,
    pub changes: Vec<EntitlementChange>,
    pub opened: Vec<Opened>,
    count: u32,
}

pub fn id(text: &str) -> Id {
    Id::derive(&["test", text])
}

pub fn household(name: &str) -> SubjectKey {
    SubjectKey {
        shard: "S".into(),
        kind: Subject::Household,
        id: id(name),
    }
}

pub fn person(name: &str) -> SubjectKey {
    SubjectKey {
        shard: "S".into(),
        kind: Subject::Person,
        id: id(name),
    }
}

fn provenance(now: Instant) -> Provenance {
    Provenance {
        recorded_at: now,
        recorded_by: "test".into(),
        source: String::new(),
    }
}

/// `2026-03..2026-06` (to exclusive) or `2026-03..`, by months or days.
pub fn valid(text: &str) -> Period {
    let (from, to) = text.split_once("..").expect("a period");
    let read = |t: &str| {
        if t.len() == 7 {
            month(t).first()
        } else {
            day(t)
        }
    };
    Period::new(read(from), (!to.is_empty()).then(|| read(to))).expect("a period")
}

impl World {
    /// Households of the named members, recorded at the start of 2026, and months opened.
    pub fn new(members: &[(&str, &[&str])], opened: &[(&str, &str, &str)]) -> World {
        let mut world = World::default();
        let start = at("2026-01-01", 0).now;
        for (home, _) in members {
            world.households.push(HouseholdHistory {
                household: Some(id(home)),
                shard: "S".into(),
                opened_at: Some(start),
                residences: vec![Residence {
                    id: id(&format!("r{home}")),
                    household: id(home),
                    area: "X-1".into(),
                    address: String::new(),
                    valid: Period::since(day("2000-01-01")),
                    provenance: provenance(start),
                }],
                ..HouseholdHistory::default()
            });
        }
        for (home, names) in members {
            for name in *names {
                world.place(name, home, "2000-01..", true, start);
            }
        }
        for (programme, from, to) in opened {
            world.opened.push(Opened {
                programme: (*programme).into(),
                months: month(from).through(month(to)).collect(),
            });
        }
        world
    }

    fn place(
        &mut self,
        name: &str,
        home: &str,
        when: &str,
        member: bool,
        now: Instant,
    ) -> Membership {
        self.count += 1;
        let piece = Membership {
            id: id(&format!("m{}", self.count)),
            household: id(home),
            person: id(name),
            relation: "其他".into(),
            member,
            valid: valid(when),
            provenance: provenance(now),
        };
        // A piece about a person stands in the history of every household that the person was in, and
        // each of them holds all that is known of the person.
        for n in 0..self.households.len() {
            let own = self.households[n].household == Some(id(home));
            let knows = self.households[n]
                .memberships
                .iter()
                .any(|m| m.person == id(name));
            if own && !knows {
                let others: Vec<HouseholdHistory> = self.households.clone();
                for other in others {
                    let about = |p: Id| p == id(name);
                    let h = &mut self.households[n];
                    for m in other.memberships.iter().filter(|m| about(m.person)) {
                        if !h.memberships.iter().any(|held| held.id == m.id) {
                            h.memberships.push(m.clone());
                        }
                    }
                    for e in other.evidence.iter().filter(|e| about(e.subject)) {
                        if !h.evidence.iter().any(|held| held.id == e.id) {
                            h.evidence.push(e.clone());
                        }
                    }
                }
                self.households[n].identities.push(Identity {
                    id: id(&format!("i{name}")),
                    person: id(name),
                    name: name.into(),
                    sex: Sex::Female,
                    birth: day("1980-01-01"),
                    number: None,
                    provenance: provenance(at("2026-01-01", 0).now),
                });
            }
            if own || knows {
                self.households[n].memberships.push(piece.clone());
            }
        }
        piece
    }

    pub fn known(&self) -> Known<'_> {
        Known {
            households: &self.households,
            determinations: &self.determinations,
            awards: &self.awards,
            changes: &self.changes,
            opened: &self.opened,
        }
    }

    pub fn run(&mut self, law: &Invented, changes: &[Change<'_>], at: At) -> Consequences {
        let out = redetermine(law, &self.known(), changes, at).expect("runs");
        self.determinations
            .extend(out.determinations.iter().cloned());
        self.changes.extend(out.changes.iter().cloned());
        for hold in &out.holds {
            let piece = hold.evidence(None, "test", at);
            self.add(piece);
        }
        out
    }

    fn add(&mut self, piece: Evidence) {
        for h in &mut self.households {
            let person = h.memberships.iter().any(|m| m.person == piece.subject);
            if h.household == Some(piece.subject) || person {
                h.evidence.push(piece.clone());
            }
        }
    }

    pub fn evidence(
        &mut self,
        about: &str,
        kind: &str,
        value: Value,
        when: &str,
        at: At,
    ) -> Evidence {
        self.count += 1;
        let piece = Evidence {
            id: id(&format!("e{}", self.count)),
            shard: "S".into(),
            subject: id(about),
            kind: kind.into(),
            value,
            valid: valid(when),
            withdraws: Vec::new(),
            provenance: provenance(at.now),
        };
        self.add(piece.clone());
        piece
    }

    pub fn withdraw(&mut self, about: &str, kind: &str, pieces: Vec<Id>, at: At) -> Evidence {
        let mut piece = self.evidence(about, kind, Value::Null, "1999-01..1999-02", at);
        for h in &mut self.households {
            for e in h.evidence.iter_mut().filter(|e| e.id == piece.id) {
                e.withdraws.clone_from(&pieces);
            }
        }
        piece.withdraws = pieces;
        piece
    }

    /// Records evidence and redetermines.
    pub fn learn(
        &mut self,
        law: &Invented,
        about: &str,
        kind: &str,
        value: Value,
        when: &str,
        at: At,
    ) -> Consequences {
        let piece = self.evidence(about, kind, value, when, at);
        self.run(law, &[Change::Evidence(&piece)], at)
    }

    pub fn moves(
        &mut self,
        law: &Invented,
        name: &str,
        home: &str,
        when: &str,
        member: bool,
        at: At,
    ) -> Consequences {
        let piece = self.place(name, home, when, member, at.now);
        self.run(law, &[Change::Membership(&piece)], at)
    }

    pub fn award(
        &mut self,
        law: &Invented,
        home: &str,
        from: &str,
        to: Option<&str>,
        at: At,
    ) -> Consequences {
        let award = Award {
            id: id(&format!("award {home}")),
            subject: household(home),
            programme: "jia".into(),
            from: month(from),
            to: to.map(month),
            case: None,
            decided_by: "test".into(),
            reason: String::new(),
            recorded_at: at.now,
        };
        self.awards.push(award.clone());
        self.run(law, &[Change::Award(&award)], at)
    }

    /// Owed in all, by what is recorded.
    pub fn owed(&self, subject: &SubjectKey, programme: &str) -> Fen {
        self.changes
            .iter()
            .filter(|c| c.subject.id == subject.id && c.programme == programme)
            .map(|c| c.change)
            .sum()
    }
}

/// The months of new versions, as text, ascending.
pub fn months(out: &Consequences, programme: &str) -> Vec<String> {
    let mut found: Vec<String> = out
        .determinations
        .iter()
        .filter(|d| d.programme == programme)
        .map(|d| d.period.to_string())
        .collect();
    found.sort();
    found
}

/// Period and change in yuan of each entitlement change, ascending.
pub fn moved(out: &Consequences, programme: &str) -> Vec<(String, i64)> {
    let mut found: Vec<(String, i64)> = out
        .changes
        .iter()
        .filter(|c| c.programme == programme)
        .map(|c| (c.period.to_string(), c.change.0 / 100))
        .collect();
    found.sort();
    found
}
