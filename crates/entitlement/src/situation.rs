//! From a slice of the register to a situation of the law: [`LawRules`] for one household at a time,
//! [`Population`] for all of them.
//!
//! A fact's value is a small JSON text. Most texts repeat (yes and no, grades, round sums), so each
//! distinct one is read once for its kind and its value kept.

use crate::determination::PeriodKey;
use crate::determine::{Found, subject_of};
use crate::rules::{Ask, Carry, Fault, Rules, programme_of_month};
use crate::{Evaluation, Outcome, Programme, Rhythm};
use base::{Day, Id, Instant, Month};
use policy::law::{
    Edition, Evaluator, EvidenceKind, Handle, Law, Record, Register, Situation, Value,
};
use policy::programme::Subject;
use registry::record::Sex;
use registry::slice::{Fact, HouseholdSlice, KindList, MemberSlice};
use registry::timeline::civil_day;
use std::collections::HashMap;
use std::sync::Arc;

/// Texts kept for one kind; past it they are read each time, so that memory stays bounded.
const KEPT: usize = 50_000;

/// The loaded law as [`Rules`].
#[derive(Clone, Debug)]
pub struct LawRules {
    law: Law,
    kinds: KindList,
    /// Fields of the register and the slots of persons' kinds that they answer.
    bound: Vec<(Register, usize)>,
    death: Option<u16>,
    blank_person: Record,
    blank_household: Record,
}

impl LawRules {
    /// Around a law.
    pub fn new(law: Law) -> LawRules {
        let list = |subject| -> Vec<(String, bool)> {
            law.kinds(subject)
                .iter()
                .map(|k| (k.name.to_string(), k.many))
                .collect()
        };
        let kinds = KindList {
            person: list(Subject::Person),
            household: list(Subject::Household),
        };
        let bound: Vec<(Register, usize)> = law
            .kinds(Subject::Person)
            .iter()
            .filter_map(|k| Some((k.register?, k.slot)))
            .collect();
        let death = bound.iter().find(|(field, _)| *field == Register::Death);
        LawRules {
            death: death.and_then(|(_, slot)| u16::try_from(*slot).ok()),
            blank_person: law.blank(Subject::Person),
            blank_household: law.blank(Subject::Household),
            kinds,
            bound,
            law,
        }
    }

    /// The law itself.
    pub fn law(&self) -> &Law {
        &self.law
    }

    /// The household on the slice's day as a situation about nobody in particular.
    ///
    /// # Errors
    /// A fact whose value does not fit its kind's type, in words.
    pub fn situation(
        &self,
        slice: &HouseholdSlice,
        day: Day,
        memo: &mut Memo,
    ) -> Result<Situation, String> {
        let mut situation = Situation::blank(&self.law, day);
        situation.household.clone_from(&self.blank_household);
        self.fill(
            &mut situation.household,
            &slice.facts,
            Subject::Household,
            memo,
        )?;
        situation.members.reserve(slice.members.len());
        for member in &slice.members {
            let mut record = self.blank_person.clone();
            self.bind(&mut record, member, memo);
            self.fill(&mut record, &member.facts, Subject::Person, memo)?;
            situation.members.push(record);
        }
        Ok(situation)
    }

    /// What the register itself keeps of a person. A word that the law's enumeration does not have is
    /// not known to it.
    fn bind(&self, record: &mut Record, member: &MemberSlice, memo: &mut Memo) {
        let kinds = self.law.kinds(Subject::Person);
        for (field, slot) in &self.bound {
            let kind = &kinds[*slot];
            let value = match field {
                Register::Sex => memo.word(
                    kind,
                    match member.sex {
                        Sex::Male => "男",
                        Sex::Female => "女",
                    },
                ),
                Register::Relation => memo.word(kind, &member.relation),
                Register::Birth => memo.day(kind, member.birth),
                // Told by evidence of that kind.
                Register::Death | Register::Opened => None,
            };
            if let (Some(value), Some(place)) = (value, record.get_mut(*slot)) {
                *place = value;
            }
        }
    }

    fn fill(
        &self,
        record: &mut Record,
        facts: &[Fact],
        subject: Subject,
        memo: &mut Memo,
    ) -> Result<(), String> {
        let kinds = self.law.kinds(subject);
        let mut at = 0;
        while let Some(fact) = facts.get(at) {
            let slot = usize::from(fact.kind);
            let same = facts[at..]
                .iter()
                .take_while(|f| f.kind == fact.kind)
                .count();
            let pieces = &facts[at..at + same];
            at += same;
            let (Some(kind), Some(place)) = (kinds.get(slot), record.get_mut(slot)) else {
                continue;
            };
            if kind.many {
                let mut values = Vec::with_capacity(same);
                for piece in pieces.iter().filter(|p| &*p.value != "null") {
                    values.push(memo.fact(kind, &piece.value)?);
                }
                *place = Value::list(values);
            } else if let Some(piece) = pieces.last() {
                *place = memo.fact(kind, &piece.value)?;
            }
        }
        Ok(())
    }

    /// The situation that a question is about.
    pub(crate) fn asked(&self, ask: &Ask<'_>) -> Result<Situation, Fault> {
        let mut situation = self
            .situation(ask.household, ask.day, &mut Memo::default())
            .map_err(|e| self.fault(ask, e))?;
        self.complete(
            &mut situation,
            ask.programme,
            ask.member,
            ask.event,
            ask.carry,
        )
        .map_err(|e| self.fault(ask, e))?;
        Ok(situation)
    }

    pub(crate) fn fault(&self, ask: &Ask<'_>, message: impl ToString) -> Fault {
        Fault {
            programme: ask.programme.id.clone(),
            household: ask.household.household.to_string(),
            message: message.to_string(),
        }
    }

    /// Sets whom and what a situation is about.
    fn complete(
        &self,
        situation: &mut Situation,
        programme: &Programme,
        member: Option<usize>,
        event: Option<&str>,
        carry: Option<&Carry>,
    ) -> Result<(), String> {
        situation.subject_member = member;
        situation.previous = match carry {
            None => None,
            Some(carry) => Some(
                self.law
                    .carry(programme.subject, carry)
                    .map_err(|e| e.to_string())?,
            ),
        };
        situation.event = match event {
            None => None,
            Some(text) => {
                let name = programme.event.as_deref().unwrap_or_default();
                let kind = self.law.kind(programme.subject, name);
                let kind = kind.ok_or_else(|| format!("the law has no evidence kind `{name}`"))?;
                Some(kind.parse_json(text).map_err(|e| e.to_string())?)
            }
        };
        Ok(())
    }
}

impl Rules for LawRules {
    fn digest(&self) -> &str {
        self.law.digest()
    }

    fn kinds(&self) -> &KindList {
        &self.kinds
    }

    fn programme(&self, id: &str, area: &str, day: Day) -> Option<&Programme> {
        let edition = self.law.edition(area, day, None).ok()?;
        let found = edition.programme(id)?;
        // The same programme, as the law holds it: it outlives the edition.
        self.law
            .programmes()
            .map(|(programme, _)| programme)
            .find(|p| std::ptr::eq(*p, found))
    }

    fn death_kind(&self) -> Option<u16> {
        self.death
    }

    fn evaluate(&self, ask: &Ask<'_>) -> Result<Evaluation, Fault> {
        let known = civil_day(ask.known);
        let edition = self
            .law
            .edition(&ask.household.area, ask.day, Some(known))
            .map_err(|e| self.fault(ask, e))?;
        let situation = self.asked(ask)?;
        edition
            .determine(&ask.programme.id, &situation, ask.trace)
            .map_err(|e| self.fault(ask, e))
    }
}

/// Values read before, by kind and text. Keep one for each thread.
#[derive(Debug, Default)]
pub struct Memo {
    /// By slot, persons' kinds at odd places, households' at even ones.
    texts: Vec<HashMap<Box<str>, Value>>,
    days: HashMap<Day, Value>,
}

impl Memo {
    fn of(&mut self, kind: &EvidenceKind) -> &mut HashMap<Box<str>, Value> {
        let index = kind.slot * 2 + usize::from(kind.subject == Subject::Person);
        if self.texts.len() <= index {
            self.texts.resize_with(index + 1, HashMap::new);
        }
        &mut self.texts[index]
    }

    /// A fact's value. An express null is *none* where the type knows it, and silence elsewhere.
    fn fact(&mut self, kind: &EvidenceKind, text: &str) -> Result<Value, String> {
        if let Some(value) = self.of(kind).get(text) {
            return Ok(value.clone());
        }
        let value = match kind.parse_json(text) {
            Ok(value) => value,
            Err(_) if text == "null" => kind.absent_value(),
            Err(error) => return Err(error.to_string()),
        };
        let kept = self.of(kind);
        if kept.len() < KEPT {
            kept.insert(text.into(), value.clone());
        }
        Ok(value)
    }

    /// A word of the register; `None` when the kind's type does not have it.
    fn word(&mut self, kind: &EvidenceKind, word: &str) -> Option<Value> {
        // A word without quotes is no JSON text, so it meets no fact's.
        if let Some(value) = self.of(kind).get(word) {
            return Some(value.clone());
        }
        let value = kind.parse(&serde_json::Value::from(word)).ok()?;
        self.of(kind).insert(word.into(), value.clone());
        Some(value)
    }

    fn day(&mut self, kind: &EvidenceKind, day: Day) -> Option<Value> {
        if let Some(value) = self.days.get(&day) {
            return Some(value.clone());
        }
        let value = kind.parse(&serde_json::Value::from(day.to_string())).ok()?;
        self.days.insert(day, value.clone());
        Some(value)
    }
}

/// One programme and month for a whole population: what every household of a place shares is looked
/// up once. Keep one for each thread.
pub struct Population<'r> {
    rules: &'r LawRules,
    programme: String,
    month: Month,
    known: Instant,
    places: Vec<Place<'r>>,
    by_area: HashMap<Box<str>, Option<usize>>,
    memo: Memo,
}

struct Place<'r> {
    edition: Arc<Edition>,
    programme: &'r Programme,
    handle: Handle,
    day: Day,
}

impl<'r> Population<'r> {
    /// For a programme (by id) and month, with the figures known at `known`.
    pub fn new(
        rules: &'r LawRules,
        programme: &str,
        month: Month,
        known: Instant,
    ) -> Population<'r> {
        Population {
            rules,
            programme: programme.into(),
            month,
            known,
            places: Vec::new(),
            by_area: HashMap::new(),
            memo: Memo::default(),
        }
    }

    /// The reference day where a household lives: the day at which its slice must be cut. `None`: the
    /// programme is not in force there then.
    pub fn day(&mut self, area: &str) -> Option<Day> {
        self.place(area).map(|n| self.places[n].day)
    }

    /// The programme as declared where a household lives.
    pub fn programme(&mut self, area: &str) -> Option<&'r Programme> {
        self.place(area).map(|n| self.places[n].programme)
    }

    fn place(&mut self, area: &str) -> Option<usize> {
        if let Some(known) = self.by_area.get(area) {
            return *known;
        }
        let found = self.find(area);
        self.by_area.insert(area.into(), found);
        found
    }

    fn find(&mut self, area: &str) -> Option<usize> {
        let rules: &'r LawRules = self.rules;
        let (day, programme) = programme_of_month(rules, &self.programme, area, self.month)?;
        let edition = rules
            .law
            .edition(area, day, Some(civil_day(self.known)))
            .ok()?;
        let handle = edition.handle(&programme.id)?;
        let same = |p: &Place<'r>| Arc::ptr_eq(&p.edition, &edition) && p.day == day;
        if let Some(n) = self.places.iter().position(same) {
            return Some(n);
        }
        self.places.push(Place {
            edition,
            programme,
            handle,
            day,
        });
        Some(self.places.len() - 1)
    }

    /// Determines a batch of slices, each cut on [`Population::day`] of its area. `carry` gives what a
    /// subject's nearest earlier period handed over. `sink` gets the index of the slice and the result;
    /// subjects that are not in question are left out, and a fault of one household stops no other.
    pub fn batch<'c>(
        &mut self,
        slices: &[HouseholdSlice],
        carry: &dyn Fn(Id) -> Option<&'c Carry>,
        trace: bool,
        sink: &mut dyn FnMut(usize, Result<Found, Fault>),
    ) {
        let places: Vec<Option<usize>> = slices.iter().map(|s| self.place(&s.area)).collect();
        let Population {
            rules,
            month,
            places: known,
            memo,
            ..
        } = self;
        let mut evaluators: Vec<Evaluator<'_>> =
            known.iter().map(|p| p.edition.evaluator()).collect();
        for (index, (slice, place)) in slices.iter().zip(places).enumerate() {
            let Some(place) = place else { continue };
            let Place {
                programme,
                handle,
                day,
                ..
            } = known[place];
            let period = match programme.rhythm {
                Rhythm::Event => continue,
                Rhythm::Once => PeriodKey::Once,
                Rhythm::Month | Rhythm::Term => PeriodKey::Month(*month),
            };
            let fault = |message: String| Fault {
                programme: programme.id.clone(),
                household: slice.household.to_string(),
                message,
            };
            let mut situation = match rules.situation(slice, day, memo) {
                Ok(situation) => situation,
                Err(message) => {
                    sink(index, Err(fault(message)));
                    continue;
                }
            };
            let persons = programme.subject == Subject::Person;
            for n in 0..if persons { slice.members.len() } else { 1 } {
                let member = persons.then_some(n);
                let id = member.map_or(slice.household, |m| slice.members[m].person);
                let result = rules
                    .complete(&mut situation, programme, member, None, carry(id))
                    .and_then(|()| {
                        evaluators[place]
                            .determine(handle, &situation, trace)
                            .map_err(|e| e.to_string())
                    });
                match result {
                    Ok(evaluation) if evaluation.outcome == Outcome::NotApplicable => {}
                    Ok(evaluation) => sink(
                        index,
                        Ok(Found {
                            subject: subject_of(slice, member),
                            period,
                            evaluation,
                        }),
                    ),
                    Err(message) => sink(index, Err(fault(message))),
                }
            }
        }
    }
}
