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
use policy::columnar::{Plan, Texts};
use policy::law::{
    Edition, Evaluator, EvidenceKind, Handle, Law, Record, Register, Situation, Value,
};
use policy::programme::Subject;
use registry::record::Sex;
use registry::slice::{Fact, HouseholdSlice, KindList, MemberSlice};
use registry::timeline::civil_day;
use std::collections::{HashMap, HashSet};
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
    /// Kinds of evidence that each programme reads; nothing is known of any while the law is asked about
    /// everything.
    reads: Option<HashMap<String, HashSet<String>>>,
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
        let mut reads: HashMap<String, HashSet<String>> = HashMap::new();
        for (programme, _) in law.programmes() {
            reads.entry(programme.id.clone()).or_insert_with(|| {
                let inputs = law.inputs(&programme.id);
                inputs.kinds.into_iter().map(|(_, kind)| kind).collect()
            });
        }
        LawRules {
            reads: Some(reads),
            death: death.and_then(|(_, slot)| u16::try_from(*slot).ok()),
            blank_person: law.blank(Subject::Person),
            blank_household: law.blank(Subject::Household),
            kinds,
            bound,
            law,
        }
    }

    /// Asks every programme after every change, also after one that it can't see: slow, and only good for
    /// showing that what is left out changes nothing.
    pub fn asking_everything(mut self) -> LawRules {
        self.reads = None;
        self
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
    pub(crate) fn complete(
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

    fn reads(&self, programme: &str, kind: &str) -> bool {
        let reads = self.reads.as_ref().and_then(|r| r.get(programme));
        reads.is_none_or(|kinds| kinds.contains(kind))
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

/// Programmes of a month for a whole population: what every household of a place shares is looked up
/// once, and a household's situation is made once for all of them. Keep one for each thread.
pub struct Population<'r> {
    pub(crate) rules: &'r LawRules,
    month: Month,
    pub(crate) known: Instant,
    pub(crate) programmes: Vec<Asked<'r>>,
    pub(crate) memo: Memo,
    pub(crate) texts: Arc<Texts>,
}

/// One programme of a population run.
pub(crate) struct Asked<'r> {
    pub(crate) id: String,
    pub(crate) places: Vec<Place<'r>>,
    pub(crate) by_area: HashMap<Box<str>, Option<usize>>,
}

pub(crate) struct Place<'r> {
    edition: Arc<Edition>,
    pub(crate) programme: &'r Programme,
    handle: Handle,
    pub(crate) day: Day,
    /// Compiled for columns, for the bounds that batches have had.
    pub(crate) plans: Vec<Plan>,
    /// A rule without a columnar form, where there is one, and why it has none.
    pub(crate) by_row: Option<String>,
}

/// One result of a population run.
#[derive(Debug)]
pub struct Answer {
    /// Index of the slice.
    pub slice: usize,
    /// Index of the programme.
    pub programme: usize,
    /// The member that it is about; none when it is the household.
    pub member: Option<usize>,
    /// What the rules yield.
    pub result: Result<Found, Fault>,
}

impl<'r> Population<'r> {
    /// For programmes (by id) of a month, with the figures known at `known`.
    pub fn new(
        rules: &'r LawRules,
        programmes: &[&str],
        month: Month,
        known: Instant,
    ) -> Population<'r> {
        let asked = |id: &&str| Asked {
            id: id.to_string(),
            places: Vec::new(),
            by_area: HashMap::new(),
        };
        Population {
            rules,
            month,
            known,
            programmes: programmes.iter().map(asked).collect(),
            memo: Memo::default(),
            texts: Arc::default(),
        }
    }

    /// Determines a batch of slices, each cut on the reference day of its area and programmes. `carry` gives
    /// what a subject's nearest earlier period of a programme handed over. Subjects that are not in question
    /// are left out, and a fault of one household stops no other.
    pub fn batch<'c>(
        &mut self,
        slices: &[HouseholdSlice],
        carry: &dyn Fn(usize, Id) -> Option<&'c Carry>,
        trace: bool,
        sink: &mut dyn FnMut(Answer),
    ) {
        self.by_row(slices, &|_, _, _| true, carry, trace, sink);
    }

    /// As [`Population::batch`], for the subjects that are wanted: by programme, slice and member.
    pub(crate) fn by_row<'c>(
        &mut self,
        slices: &[HouseholdSlice],
        wanted: &dyn Fn(usize, usize, Option<usize>) -> bool,
        carry: &dyn Fn(usize, Id) -> Option<&'c Carry>,
        trace: bool,
        sink: &mut dyn FnMut(Answer),
    ) {
        self.look_up(slices);
        let (rules, month, memo) = (self.rules, self.month, &mut self.memo);
        let mut evaluators: Vec<Vec<Evaluator<'_>>> = self
            .programmes
            .iter()
            .map(|asked| asked.places.iter().map(|p| p.edition.evaluator()).collect())
            .collect();
        for (index, slice) in slices.iter().enumerate() {
            // What all programmes see of the household, on the day that they see it.
            let mut seen: Option<(Day, Situation)> = None;
            for (n, asked) in self.programmes.iter().enumerate() {
                let Some(place) = asked.by_area.get(&slice.area).copied().flatten() else {
                    continue;
                };
                let Place {
                    programme,
                    handle,
                    day,
                    ..
                } = asked.places[place];
                let period = match programme.rhythm {
                    Rhythm::Event => continue,
                    Rhythm::Once => PeriodKey::Once,
                    Rhythm::Month | Rhythm::Term => PeriodKey::Month(month),
                };
                let subjects = subjects(programme, slice).filter(|m| wanted(n, index, *m));
                let mut subjects = subjects.peekable();
                if subjects.peek().is_none() {
                    continue;
                }
                let fault = |message: String| Fault {
                    programme: programme.id.clone(),
                    household: slice.household.to_string(),
                    message,
                };
                let mut answer = |member, result| {
                    sink(Answer {
                        slice: index,
                        programme: n,
                        member,
                        result,
                    });
                };
                let mut situation = match seen.take() {
                    Some((of, situation)) if of == day => situation,
                    _ => match rules.situation(slice, day, memo) {
                        Ok(situation) => situation,
                        Err(message) => {
                            answer(None, Err(fault(message)));
                            continue;
                        }
                    },
                };
                for member in subjects {
                    let id = member.map_or(slice.household, |m| slice.members[m].person);
                    let result = rules
                        .complete(&mut situation, programme, member, None, carry(n, id))
                        .and_then(|()| {
                            evaluators[n][place]
                                .determine(handle, &situation, trace)
                                .map_err(|e| e.to_string())
                        });
                    match result {
                        Ok(evaluation) if evaluation.outcome == Outcome::NotApplicable => {}
                        Ok(evaluation) => answer(
                            member,
                            Ok(Found {
                                subject: subject_of(slice, member),
                                period,
                                evaluation,
                            }),
                        ),
                        Err(message) => answer(member, Err(fault(message))),
                    }
                }
                seen = Some((day, situation));
            }
        }
    }

    /// Finds the rules of every place that occurs.
    pub(crate) fn look_up(&mut self, slices: &[HouseholdSlice]) {
        for asked in &mut self.programmes {
            for slice in slices {
                asked.look_up(self.rules, &slice.area, self.month, self.known);
            }
        }
    }
}

/// Whom a programme is about in a household: it, or each member.
pub(crate) fn subjects(
    programme: &Programme,
    slice: &HouseholdSlice,
) -> impl Iterator<Item = Option<usize>> + use<> {
    let persons = programme.subject == Subject::Person;
    let count = if persons { slice.members.len() } else { 1 };
    (0..count).map(move |m| persons.then_some(m))
}

impl<'r> Asked<'r> {
    fn look_up(&mut self, rules: &'r LawRules, area: &str, month: Month, known: Instant) {
        if !self.by_area.contains_key(area) {
            let found = self.find(rules, area, month, known);
            self.by_area.insert(area.into(), found);
        }
    }

    fn find(
        &mut self,
        rules: &'r LawRules,
        area: &str,
        month: Month,
        known: Instant,
    ) -> Option<usize> {
        let (day, programme) = programme_of_month(rules, &self.id, area, month)?;
        let edition = rules.law.edition(area, day, Some(civil_day(known))).ok()?;
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
            plans: Vec::new(),
            by_row: None,
        });
        Some(self.places.len() - 1)
    }
}
