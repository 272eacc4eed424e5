//! One situation under one edition: rules run when they are needed, each once per household or member.

use super::compile::{Code, Compiled};
use super::corpus::Law;
use super::edition::{Edition, LawError, NONE};
use super::explain::Explainer;
use super::kinds::{Absent, which};
use super::prelude::{Eval, Host, Machine, Mode, Object, Rows, Type, Value};
use super::situation::Situation;
use super::symbols::{HOUSEHOLD, MEMBER, Slot};
use super::trace::{Tracer, What};
use crate::outcome::{Evaluation, Outcome};
use crate::programme::Subject;
use base::Day;
use chrono::Datelike;
use serde_json::Value as Json;
use std::cell::{Cell, RefCell};

/// Evaluates situations one after another under one edition, reusing its buffers: keep one for each
/// thread of a population run.
pub struct Evaluator<'e> {
    pub(crate) edition: &'e Edition,
    pub(crate) machine: Machine,
    pub(crate) scratch: Scratch,
}

/// Memory of one evaluation, reused by the next: entries of an earlier generation are void.
#[derive(Default)]
pub(crate) struct Scratch {
    generation: Cell<u32>,
    household: RefCell<Vec<Memo>>,
    members: RefCell<Vec<Memo>>,
    /// Lists of the first `n` members, by `n`; null where none was needed yet.
    lists: RefCell<Vec<Value>>,
    pub faults: RefCell<Vec<Fault>>,
    pub tracer: RefCell<Tracer>,
    tracing: Cell<bool>,
}

/// Values of members' rules that may wait for the next evaluation; a household so large that it has
/// more gives their memory back.
const KEPT: usize = 50_000;

thread_local! {
    /// What the last evaluation of a single situation worked with. It serves any edition: what is
    /// remembered is void in the next generation.
    static SPARE: Cell<Option<(Machine, Scratch)>> = const { Cell::new(None) };
}

fn fresh() -> (Machine, Scratch) {
    (Machine::new(Mode::Strict), Scratch::default())
}

#[derive(Clone, Default)]
struct Memo {
    generation: u32,
    /// The first row that fired, for a rule that is a table; or [`NONE`].
    row: u32,
    value: Value,
}

/// A rule that could not be computed: a division by zero, a text of a wrong form.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub who: usize,
    pub member: u32,
    pub rule: usize,
    pub message: String,
}

/// The member at hand when there is none.
pub(crate) const NOBODY: u32 = u32::MAX;

/// A programme of an edition, looked up once and used for a whole population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub(crate) usize);

/// A programme's rules by number.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub subject: Subject,
    pub applies: Option<usize>,
    pub conditions: Vec<usize>,
    pub amount: usize,
    pub lines: Vec<usize>,
    pub carry: Vec<usize>,
    /// Is the amount money?
    pub money: bool,
}

/// An evaluation that is under way: what the machine asks for values.
pub(crate) struct Run<'r> {
    pub edition: &'r Edition,
    pub situation: &'r Situation,
    pub scratch: &'r Scratch,
    pub member: Cell<u32>,
    /// Kinds of evidence by subject: fields below are kinds, fields from there on rules.
    kinds: [usize; 2],
}

impl Edition {
    /// An evaluator with buffers of its own.
    pub fn evaluator(&self) -> Evaluator<'_> {
        let (machine, scratch) = fresh();
        Evaluator {
            edition: self,
            machine,
            scratch,
        }
    }

    /// A programme by its id or name, to be evaluated many times.
    pub fn handle(&self, programme: &str) -> Option<Handle> {
        self.version(programme)
            .filter(|n| self.plans.get(*n).is_some_and(Option::is_some))
            .map(Handle)
    }

    /// What a programme gives for a situation. `programme` is its id or name. Missing evidence and
    /// parameters are an outcome; errors are a programme that is not in force, a situation without
    /// the person it is about, and rules that cannot be computed or do not give whole fen.
    pub fn determine(
        &self,
        programme: &str,
        situation: &Situation,
        trace: bool,
    ) -> Result<Evaluation, LawError> {
        let handle = self
            .handle(programme)
            .ok_or_else(|| self.not_in_force(programme, situation.day))?;
        self.with_evaluator(|e| e.determine(handle, situation, trace))
    }

    /// An evaluator for one situation, with the buffers that the thread's last one left.
    fn with_evaluator<T>(&self, work: impl FnOnce(&mut Evaluator<'_>) -> T) -> T {
        let (machine, scratch) = SPARE.take().unwrap_or_else(fresh);
        let mut evaluator = Evaluator {
            edition: self,
            machine,
            scratch,
        };
        let result = work(&mut evaluator);
        if evaluator.scratch.members.borrow().len() <= KEPT {
            SPARE.set(Some((evaluator.machine, evaluator.scratch)));
        }
        result
    }

    /// The value of one rule: `成员.NAME` or, when no household's rule has the name, `NAME` for the
    /// member that the situation is about.
    pub fn evaluate_rule(
        &self,
        name: &str,
        situation: &Situation,
        trace: bool,
    ) -> Result<Evaluation, LawError> {
        self.with_evaluator(|e| e.evaluate_rule(name, situation, trace))
    }

    pub(crate) fn not_in_force(&self, name: &str, day: Day) -> LawError {
        let programmes = self.programmes();
        let names = programmes
            .iter()
            .flat_map(|p| [p.id.as_str(), p.name.as_str()]);
        let names = names.chain(self.names().into_iter().map(|(_, n)| n));
        LawError::NotInForce {
            name: name.into(),
            place: self.corpus.places.all()[self.place].code.clone(),
            day,
            hint: super::report::closest(name, names.collect::<Vec<_>>().into_iter())
                .map(str::to_string),
        }
    }
}

impl<'e> Evaluator<'e> {
    /// What a programme gives for a situation; see [`Edition::determine`].
    pub fn determine(
        &mut self,
        programme: Handle,
        situation: &Situation,
        trace: bool,
    ) -> Result<Evaluation, LawError> {
        let traced = self.traced(programme, situation, trace)?;
        Ok(traced.evaluation())
    }

    /// Decides with notes of every value on the way, reasons and sentences still unwritten: what
    /// nobody reads costs nothing. Errors are those of [`Edition::determine`].
    pub fn trace<'s>(
        &'s mut self,
        programme: Handle,
        situation: &'s Situation,
    ) -> Result<Traced<'s>, LawError> {
        self.traced(programme, situation, true)
    }

    fn traced<'s>(
        &'s mut self,
        programme: Handle,
        situation: &'s Situation,
        trace: bool,
    ) -> Result<Traced<'s>, LawError> {
        let (plan, member) = self.plan(programme, situation)?;
        self.scratch.begin();
        if trace {
            self.scratch.start_trace(self.edition);
        }
        let run = Run::new(self.edition, situation, &self.scratch);
        let decided = decide(plan, &run, &mut self.machine, member);
        handed_over(plan, &run, &mut self.machine, member, &decided);
        self.scratch.end_trace();
        let mut explainer = Explainer {
            run: &run,
            machine: &mut self.machine,
            traced: trace,
        };
        let outcome = explainer.outcome(plan, member, &decided)?;
        Ok(Traced {
            run,
            machine: &mut self.machine,
            plan,
            member,
            decided,
            outcome,
            traced: trace,
        })
    }

    /// Only the outcome, without reasons, lines, carry or trace: for counting over a population.
    pub fn outcome(
        &mut self,
        programme: Handle,
        situation: &Situation,
    ) -> Result<Outcome, LawError> {
        let (plan, member) = self.plan(programme, situation)?;
        self.scratch.begin();
        let run = Run::new(self.edition, situation, &self.scratch);
        let decided = decide(plan, &run, &mut self.machine, member);
        Explainer {
            run: &run,
            machine: &mut self.machine,
            traced: false,
        }
        .outcome(plan, member, &decided)
    }

    /// How a programme comes out, by rule numbers and as an outcome.
    pub(crate) fn decided(
        &mut self,
        programme: Handle,
        situation: &Situation,
    ) -> Result<(Decided, Outcome), LawError> {
        let (plan, member) = self.plan(programme, situation)?;
        self.scratch.begin();
        let run = Run::new(self.edition, situation, &self.scratch);
        let decided = decide(plan, &run, &mut self.machine, member);
        let outcome = Explainer {
            run: &run,
            machine: &mut self.machine,
            traced: false,
        }
        .outcome(plan, member, &decided)?;
        Ok((decided, outcome))
    }

    /// The value of a rule by its number, and whether something on the way failed.
    pub(crate) fn value_of(
        &mut self,
        who: usize,
        rule: usize,
        member: Option<usize>,
        situation: &Situation,
    ) -> (Value, bool) {
        self.scratch.begin();
        let run = Run::new(self.edition, situation, &self.scratch);
        let member = member.map_or(NOBODY, |m| m as u32);
        let value = run.rule(&mut self.machine, who, member, rule);
        (value, !self.scratch.faults.borrow().is_empty())
    }

    /// The programme's rules, and the member that it is about.
    fn plan(&self, programme: Handle, situation: &Situation) -> Result<(&'e Plan, u32), LawError> {
        let plan = self.edition.plans.get(programme.0).and_then(Option::as_ref);
        let plan = plan.ok_or_else(|| LawError::UnknownName {
            name: String::new(),
            hint: None,
        })?;
        match (plan.subject, situation.subject_member) {
            (Subject::Household, _) => Ok((plan, NOBODY)),
            (Subject::Person, Some(member)) if member < situation.members.len() => {
                Ok((plan, member as u32))
            }
            (Subject::Person, _) => {
                let name = self.edition.corpus.programmes[programme.0]
                    .programme
                    .name
                    .clone();
                Err(LawError::NoSubject { name })
            }
        }
    }

    /// The value of one rule; see [`Edition::evaluate_rule`].
    pub fn evaluate_rule(
        &mut self,
        name: &str,
        situation: &Situation,
        trace: bool,
    ) -> Result<Evaluation, LawError> {
        let corpus = &self.edition.corpus;
        let Some((subject, rule)) = corpus.symbols.find(name) else {
            let names = corpus.symbols.rules.iter().flatten().map(|r| &*r.name);
            let hint = super::report::closest(name, names).map(str::to_string);
            return Err(LawError::UnknownName {
                name: name.into(),
                hint,
            });
        };
        let who = which(subject);
        if self.edition.rules[who][rule] == NONE {
            return Err(self.edition.not_in_force(name, situation.day));
        }
        let member = match (subject, situation.subject_member) {
            (Subject::Household, _) => NOBODY,
            (Subject::Person, Some(member)) if member < situation.members.len() => member as u32,
            (Subject::Person, _) => return Err(LawError::NoSubject { name: name.into() }),
        };
        self.scratch.begin();
        if trace {
            self.scratch.start_trace(self.edition);
        }
        let run = Run::new(self.edition, situation, &self.scratch);
        let value = run.rule(&mut self.machine, who, member, rule);
        self.scratch.end_trace();
        Explainer {
            run: &run,
            machine: &mut self.machine,
            traced: trace,
        }
        .rule(who, member, rule, value)
    }

    /// The value of a rule for an example: a member's rule over all members when the situation is
    /// about nobody in particular.
    pub(crate) fn value(&mut self, name: &str, situation: &Situation) -> Result<Json, LawError> {
        let Some((subject, rule)) = self.edition.corpus.symbols.find(name) else {
            return Err(LawError::UnknownName {
                name: name.into(),
                hint: None,
            });
        };
        let who = which(subject);
        let ty = &self.edition.corpus.symbols.rules[who][rule].ty;
        self.scratch.begin();
        let run = Run::new(self.edition, situation, &self.scratch);
        let mut one = |member: u32| {
            run.rule(&mut self.machine, who, member, rule)
                .to_json_as(ty)
        };
        Ok(match (subject, situation.subject_member) {
            (Subject::Household, _) => one(NOBODY),
            (Subject::Person, Some(member)) => one(member as u32),
            (Subject::Person, None) => (0..situation.members.len() as u32).map(one).collect(),
        })
    }
}

/// A decision whose notes are kept and not yet written out.
pub struct Traced<'s> {
    run: Run<'s>,
    machine: &'s mut Machine,
    plan: &'s Plan,
    member: u32,
    decided: Decided,
    outcome: Outcome,
    traced: bool,
}

impl Traced<'_> {
    /// How it came out.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// How many values were computed or read on the way.
    pub fn values(&self) -> usize {
        self.run.scratch.tracer.borrow().nodes.len()
    }

    /// Writes it out: reasons with their sentences, lines, carry, and the trace.
    pub fn evaluation(self) -> Evaluation {
        Explainer {
            run: &self.run,
            machine: self.machine,
            traced: self.traced,
        }
        .programme(self.plan, self.member, self.decided, self.outcome)
    }
}

/// How a programme came out, by rule numbers.
#[derive(Clone, Debug)]
pub(crate) enum Decided {
    NotApplicable,
    Refused(usize),
    /// The rules whose value is not known.
    Unknown(Vec<usize>),
    Entitled(Value),
}

/// Is a value not known, whole or in a part that its type does not allow to be null?
pub(crate) fn is_unknown(value: &Value, ty: &Type) -> bool {
    match (value, ty) {
        (Value::Null, _) => true,
        (Value::Context(context), ty) => match ty.plain() {
            Type::Context(fields) => {
                fields
                    .fields
                    .iter()
                    .any(|(name, ty)| match context.get(name) {
                        None | Some(Value::Null) => !ty.is_nullable(),
                        Some(value) => is_unknown(value, ty),
                    })
            }
            _ => false,
        },
        (Value::List(items), ty) => match ty.plain() {
            Type::List(item) => items
                .iter()
                .any(|v| is_unknown(v, item) && !(v.is_null() && item.is_nullable())),
            _ => false,
        },
        _ => false,
    }
}

/// The order of precedence: not applicable, refused, unknown, entitled. A condition that is
/// definitely false refuses even when one before it is not known.
pub(crate) fn decide(plan: &Plan, run: &Run<'_>, machine: &mut Machine, member: u32) -> Decided {
    let who = which(plan.subject);
    let mut unknown = Vec::new();
    if let Some(applies) = plan.applies {
        match run.rule(machine, who, member, applies) {
            Value::Boolean(true) => {}
            Value::Boolean(false) => return Decided::NotApplicable,
            _ => return Decided::Unknown(vec![applies]),
        }
    }
    for &condition in &plan.conditions {
        match run.rule(machine, who, member, condition) {
            Value::Boolean(true) => {}
            Value::Boolean(false) => return Decided::Refused(condition),
            _ => unknown.push(condition),
        }
    }
    if !unknown.is_empty() {
        return Decided::Unknown(unknown);
    }
    let value = run.rule(machine, who, member, plan.amount);
    let ty = &run.edition.corpus.symbols.rules[who][plan.amount].ty;
    if is_unknown(&value, ty) {
        Decided::Unknown(vec![plan.amount])
    } else {
        Decided::Entitled(value)
    }
}

/// Computes what else is handed over than the outcome: the parts of the amount, and the carry.
fn handed_over(plan: &Plan, run: &Run<'_>, machine: &mut Machine, member: u32, decided: &Decided) {
    let who = which(plan.subject);
    let lines = match decided {
        Decided::Entitled(_) => plan.lines.as_slice(),
        _ => &[],
    };
    let carry = match decided {
        Decided::NotApplicable => &[],
        _ => plan.carry.as_slice(),
    };
    for &rule in lines.iter().chain(carry) {
        run.rule(machine, who, member, rule);
    }
}

impl Scratch {
    /// Makes everything remembered void.
    pub fn begin(&self) {
        let next = self.generation.get().wrapping_add(2);
        if next < 2 {
            // The counter went round: entries of old generations would look new.
            self.household.borrow_mut().clear();
            self.members.borrow_mut().clear();
        }
        self.generation.set(next.max(2));
        self.faults.borrow_mut().clear();
    }

    pub fn start_trace(&self, edition: &Edition) {
        self.tracer.borrow_mut().begin(edition);
        self.tracing.set(true);
    }

    /// No more notes; those taken stay until the next trace.
    pub fn end_trace(&self) {
        self.tracing.set(false);
    }

    /// Was the rule run in this evaluation, and what did it give?
    pub fn known(&self, edition: &Edition, who: usize, member: u32, rule: usize) -> Option<Value> {
        self.memo(edition, who, member, rule, |m| m.value.clone())
    }

    /// The first row that fired of a rule that is a table, when the rule was run in this evaluation.
    pub fn row(&self, edition: &Edition, who: usize, member: u32, rule: usize) -> Option<usize> {
        let row = self.memo(edition, who, member, rule, |m| m.row)?;
        (row != NONE).then_some(row as usize)
    }

    fn memo<T>(
        &self,
        edition: &Edition,
        who: usize,
        member: u32,
        rule: usize,
        take: impl FnOnce(&Memo) -> T,
    ) -> Option<T> {
        let memo = if who == 0 {
            self.household.borrow()
        } else {
            self.members.borrow()
        };
        let at = index(edition, who, member, rule)?;
        memo.get(at)
            .filter(|m| m.generation == self.generation.get())
            .map(take)
    }
}

fn index(edition: &Edition, who: usize, member: u32, rule: usize) -> Option<usize> {
    match (who, member) {
        (0, _) => Some(rule),
        (_, NOBODY) => None,
        (_, m) => Some(m as usize * edition.rules[1].len() + rule),
    }
}

impl<'r> Run<'r> {
    pub fn new(edition: &'r Edition, situation: &'r Situation, scratch: &'r Scratch) -> Run<'r> {
        Run {
            edition,
            situation,
            scratch,
            member: Cell::new(NOBODY),
            kinds: edition.corpus.symbols.kind_count,
        }
    }

    /// A rule's value, computed at its first use. A rule that fails gives null and a fault.
    pub fn rule(&self, machine: &mut Machine, who: usize, member: u32, rule: usize) -> Value {
        let Some(at) = index(self.edition, who, member, rule) else {
            return Value::Null;
        };
        let scratch = self.scratch;
        let generation = scratch.generation.get();
        let memo = if who == 0 {
            &scratch.household
        } else {
            &scratch.members
        };
        {
            let mut memo = memo.borrow_mut();
            match memo.get_mut(at) {
                Some(entry) if entry.generation == generation => {
                    let value = entry.value.clone();
                    drop(memo);
                    self.note(What::Rule(who, rule), member, &value);
                    return value;
                }
                // In progress: the law is checked for circles, so this is one that was loaded with errors.
                Some(entry) if entry.generation == generation - 1 => return Value::Null,
                Some(entry) => entry.generation = generation - 1,
                None => {
                    let size = at + 1;
                    memo.resize_with(size.max(self.edition.rules[who].len()), Memo::default);
                    memo[at].generation = generation - 1;
                }
            }
        }
        let tracing = scratch.tracing.get();
        if tracing {
            scratch.tracer.borrow_mut().enter();
        }
        let definition = self.edition.rules[who][rule];
        let saved = self.member.replace(member);
        let (value, fired) = match self.edition.compiled(definition as usize) {
            Some(compiled) => self.code(machine, compiled, who, member, rule),
            None => (Value::Null, Rows::None),
        };
        self.member.set(saved);
        {
            let mut borrowed = memo.borrow_mut();
            let entry = &mut borrowed[at];
            entry.generation = generation;
            entry.row = fired.first().copied().unwrap_or(NONE);
            entry.value = value.clone();
        }
        if tracing {
            let undefined = definition == NONE;
            let what = What::Rule(who, rule);
            let mut tracer = scratch.tracer.borrow_mut();
            tracer.leave(what, member, &value, fired, undefined);
        }
        value
    }

    fn code(
        &self,
        machine: &mut Machine,
        compiled: &Compiled,
        who: usize,
        member: u32,
        rule: usize,
    ) -> (Value, Rows) {
        let result = match &compiled.code {
            Code::Expr(expr) => machine.run(self, expr, &[]).map(|v| (v, Rows::None)),
            Code::Table { table, .. } => machine
                .run_table(self, table, &[])
                .map(|o| (o.value, o.fired)),
            Code::Function(_) => Ok((Value::Null, Rows::None)),
        };
        result.unwrap_or_else(|error| {
            let message = error.to_string();
            self.scratch.faults.borrow_mut().push(Fault {
                who,
                member,
                rule,
                message,
            });
            (Value::Null, Rows::None)
        })
    }

    #[inline]
    fn note(&self, what: What, member: u32, value: &Value) {
        if self.scratch.tracing.get() {
            self.scratch.tracer.borrow_mut().read(what, member, value);
        }
    }

    #[inline]
    fn record_field(&self, machine: &mut Machine, record: u32, member: u32, field: u32) -> Value {
        let who = record as usize & 1;
        let (kinds, rules) = (self.kinds[who], self.edition.rules[who].len());
        match field as usize {
            slot if slot < kinds => {
                let values = match who {
                    0 => Some(&self.situation.household),
                    _ => self.situation.members.get(member as usize),
                };
                let value = values
                    .and_then(|v| v.get(slot))
                    .cloned()
                    .unwrap_or_default();
                self.note(
                    What::Kind(who, slot),
                    if who == 0 { NOBODY } else { member },
                    &value,
                );
                value
            }
            field if field - kinds < rules => {
                let member = if who == 0 { NOBODY } else { member };
                self.rule(machine, who, member, field - kinds)
            }
            _ => self.members(),
        }
    }

    fn members(&self) -> Value {
        let count = self.situation.members.len();
        let mut lists = self.scratch.lists.borrow_mut();
        if lists.len() <= count {
            lists.resize(count + 1, Value::Null);
        }
        if lists[count].is_null() {
            let member = |handle| {
                Value::Object(Object {
                    record: MEMBER,
                    handle,
                })
            };
            lists[count] = Value::list((0..count as u32).map(member).collect());
        }
        lists[count].clone()
    }

    /// Is evidence missing whose absence means *not known*?
    pub fn is_missing(&self, who: usize, slot: usize) -> bool {
        self.edition.corpus.kinds[who]
            .list
            .get(slot)
            .is_some_and(|k| matches!(k.absent, Absent::Missing))
    }
}

impl Host for Run<'_> {
    fn value(&self, machine: &mut Machine, slot: u32) -> Eval {
        Ok(match Slot::decode(slot) {
            Some(Slot::Household(field)) => self.record_field(machine, HOUSEHOLD, NOBODY, field),
            Some(Slot::Member(field)) => {
                self.record_field(machine, MEMBER, self.member.get(), field)
            }
            Some(Slot::Parameter(n)) => {
                let value = self
                    .edition
                    .parameters
                    .get(n as usize)
                    .cloned()
                    .unwrap_or_default();
                self.note(What::Parameter(n as usize), NOBODY, &value);
                value
            }
            Some(Slot::TheHousehold) => Value::Object(Object {
                record: HOUSEHOLD,
                handle: 0,
            }),
            Some(Slot::Previous) => {
                // What a member's rule sees as the period before is that of the person in question.
                let mine =
                    self.situation.subject_member.map_or(NOBODY, |m| m as u32) == self.member.get();
                let who = usize::from(self.member.get() != NOBODY);
                let value = match &self.situation.previous {
                    Some(carry) if mine => carry.0.clone(),
                    _ => self.edition.no_carry[who].clone(),
                };
                self.note(What::Previous, NOBODY, &value);
                value
            }
            Some(Slot::ReferenceDay) => Value::Date(self.situation.day.into()),
            Some(Slot::Month) => {
                let first = self.situation.day.with_day(1).unwrap_or(self.situation.day);
                Value::Date(first.into())
            }
            Some(Slot::Event) => {
                let value = self.situation.event.clone().unwrap_or_default();
                self.note(What::Event, NOBODY, &value);
                value
            }
            Some(Slot::Function(n)) => {
                let definition = self
                    .edition
                    .functions
                    .get(n as usize)
                    .copied()
                    .unwrap_or(NONE);
                match self.edition.compiled(definition as usize).map(|c| &c.code) {
                    Some(Code::Function(function)) => Value::Function(function.clone()),
                    _ => Value::Null,
                }
            }
            None => Value::Null,
        })
    }

    fn field(&self, machine: &mut Machine, object: Object, field: u32) -> Eval {
        Ok(self.record_field(machine, object.record, object.handle, field))
    }
}

/// Evaluates one situation given as JSON, as `law eval` and worked examples do: no register needed.
/// `decision` is a programme's id or name, or a rule's name.
pub fn eval_json(
    law: &Law,
    place: &str,
    day: Day,
    decision: &str,
    json: &Json,
) -> Result<Evaluation, LawError> {
    eval_json_known(law, place, day, None, decision, json, &[]).map(|(evaluation, _)| evaluation)
}

/// As [`eval_json`], with the figures known on a day and with further rules' values.
pub(crate) fn eval_json_known(
    law: &Law,
    place: &str,
    day: Day,
    known: Option<Day>,
    decision: &str,
    json: &Json,
    asked: &[&str],
) -> Result<(Evaluation, Vec<Json>), LawError> {
    let edition = law.edition(place, day, known)?;
    let programme = edition.handle(decision);
    let subject = match programme {
        Some(handle) => law.corpus.programmes[handle.0].programme.subject,
        None => match law.corpus.symbols.find(decision) {
            Some((subject, _)) => subject,
            None => return Err(unknown_name(law, &edition, decision, day)),
        },
    };
    let situation = Situation::from_json(law, json, subject, day)?;
    let mut evaluator = edition.evaluator();
    let evaluation = match programme {
        Some(handle) => evaluator.determine(handle, &situation, true)?,
        None => evaluator.evaluate_rule(decision, &situation, true)?,
    };
    let values = asked
        .iter()
        .map(|name| evaluator.value(name, &situation))
        .collect::<Result<_, _>>()?;
    Ok((evaluation, values))
}

/// Known elsewhere or at another time, or nowhere at all?
fn unknown_name(law: &Law, edition: &Edition, decision: &str, day: Day) -> LawError {
    let programmes = law.corpus.programmes.iter();
    if programmes
        .clone()
        .any(|p| p.programme.id == decision || p.programme.name == decision)
    {
        return edition.not_in_force(decision, day);
    }
    let rules = law.corpus.symbols.rules.iter().flatten().map(|r| &*r.name);
    let names = programmes
        .flat_map(|p| [p.programme.id.as_str(), p.programme.name.as_str()])
        .chain(rules);
    LawError::UnknownName {
        name: decision.into(),
        hint: super::report::closest(decision, names).map(str::to_string),
    }
}
