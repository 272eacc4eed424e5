//! The search for counter-examples to what a law file promises: worked examples and situations drawn at
//! random round the constants of the rules in force, each put to the rules; what breaks a promise is
//! made as small as it will go and shown as a situation that `law eval` takes.

use super::compile::{Code, Read};
use super::corpus::Law;
use super::edition::{Edition, NONE};
use super::eval::{Decided, Evaluator, NOBODY, Run};
use super::examples;
use super::kinds::which;
use super::model::Instrument;
use super::prelude::{Context, Expr, ExprKind, Number, Rounding, Type, Unit, Value};
use super::properties::{Claim, Property, Raised, Target};
use super::report::{Finding, Report, Severity};
use super::situation::{Record, Situation};
use super::source::say;
use crate::feel::temporal::Date;
use crate::programme::Subject;
use base::Day;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Situations that `law check` tries for each property unless it is told otherwise.
pub const SITUATIONS: usize = 200;
/// Most places and days at which one property is tried.
const STAGES: usize = 6;
/// Most steps in making a counter-example smaller.
const SHRINKING: usize = 600;

/// A situation that breaks a promise; `law eval --place … --date … --decision … --input` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CounterExample {
    /// Place code.
    pub place: String,
    /// The reference day.
    pub date: Day,
    /// Programme or rule.
    pub decision: String,
    /// The situation.
    pub given: Json,
}

/// What the search did for one property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// The property's name in the law's language.
    pub property: String,
    /// Where it stands.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// Situations in which it could be judged.
    pub judged: usize,
    /// Does it hold in all of them?
    pub holds: bool,
}

impl Law {
    /// Looks for situations that break the properties the law states, `situations` for each, always
    /// the same ones. Findings: `property-fails` (an error, with the smallest counter-example found)
    /// and `property-untested` (a warning: no situation was found in which it could be judged).
    pub fn search(&self, situations: usize) -> (Report, Vec<Tested>) {
        let mut report = Report::default();
        let mut tested = Vec::new();
        for (n, property) in self.corpus.properties.iter().enumerate() {
            let found = Search::new(self, property, n as u64).run(situations);
            let sources = &self.corpus.sources;
            tested.push(Tested {
                property: property.name.zh.clone(),
                file: sources.path(&property.span).to_string(),
                line: sources.position(&property.span).line,
                judged: found.judged,
                holds: found.finding.is_none(),
            });
            report.findings.extend(found.finding);
            if found.judged == 0 && situations > 0 {
                report.findings.push(sources.finding(
                    Severity::Warning,
                    "property-untested",
                    &property.span,
                    say(
                        format!("没有找到能检验 `{}` 的情形", property.name.zh),
                        format!(
                            "no situation was found on which `{}` could be judged",
                            property.name.zh
                        ),
                    ),
                    say(
                        "为它写一个例子，或放宽条件",
                        "write an example for it, or widen its condition",
                    ),
                ));
            }
        }
        report.sort();
        (report, tested)
    }
}

/// How a property came out in one situation.
enum Judged {
    /// It does not speak of it, or the outcome is not determined.
    Not,
    Holds,
    Broken(Broken),
}

/// What broke it.
struct Broken {
    /// The member whose evidence rose.
    member: Option<usize>,
    before: Number,
    /// After something rose; the same for a condition on every outcome.
    after: Number,
    /// Value of what rose, before and after.
    raised: Option<(String, String)>,
}

struct Found {
    judged: usize,
    finding: Option<Finding>,
}

/// A place and a day with what may be drawn there.
struct Stage {
    place: String,
    day: Day,
    edition: Arc<Edition>,
    /// The same law with the parameter raised, for properties about one.
    raised: Option<Arc<Edition>>,
    /// Kinds that the outcome depends on.
    kinds: Vec<(usize, usize)>,
    numbers: Vec<Number>,
    texts: Vec<Arc<str>>,
    dates: Vec<i64>,
    seeds: Vec<Situation>,
}

struct Search<'l> {
    law: &'l Law,
    property: &'l Property,
    dice: Dice,
}

/// A small generator: the same situations in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn roll(&mut self, sides: usize) -> usize {
        (self.next() % sides.max(1) as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.roll(of.len())).cloned()
    }
}

impl<'l> Search<'l> {
    fn new(law: &'l Law, property: &'l Property, seed: u64) -> Search<'l> {
        Search {
            law,
            property,
            dice: Dice(seed.wrapping_mul(0x5851_F42D_4C95_7F2D)),
        }
    }

    fn run(mut self, situations: usize) -> Found {
        let mut judged = 0;
        let stages = if situations == 0 {
            Vec::new()
        } else {
            self.stages()
        };
        let each = situations.div_ceil(stages.len().max(1));
        for stage in &stages {
            let mut evaluator = stage.edition.evaluator();
            let mut other = stage.raised.as_ref().map(|e| e.evaluator());
            let seeds = stage.seeds.len();
            for n in 0..each + seeds {
                let situation = match stage.seeds.get(n) {
                    Some(seed) => seed.clone(),
                    None => self.draw(stage),
                };
                match self.judge(&mut evaluator, &mut other, &situation) {
                    Judged::Not => {}
                    Judged::Holds => judged += 1,
                    Judged::Broken(_) => {
                        let (situation, broken) =
                            self.shrink(&mut evaluator, &mut other, situation);
                        return Found {
                            judged: judged + 1,
                            finding: broken.map(|b| self.finding(stage, &situation, &b)),
                        };
                    }
                }
            }
        }
        Found {
            judged,
            finding: None,
        }
    }

    // Where and when

    fn instrument(&self) -> &'l Instrument {
        &self.law.corpus.instruments[self.property.instrument]
    }

    /// Places and days at which the property holds good, one for each edition: those of the worked
    /// examples first, then the last days on which anything changes.
    fn stages(&mut self) -> Vec<Stage> {
        let places = &self.law.corpus.places;
        let instrument = self.instrument();
        let within = |code: &str| places.chain(code).contains(&instrument.place);
        let examples = examples::of_law(self.law);
        let mut wanted: Vec<(String, Day)> = examples
            .iter()
            .filter(|e| within(&e.place) && instrument.in_force(e.day))
            .map(|e| (e.place.clone(), e.day))
            .collect();
        // Late days first: the law of today matters most.
        wanted.sort_by(|a, b| b.1.cmp(&a.1));
        let all = places.all();
        let days = self.law.editions.days().iter().rev();
        let days: Vec<Day> = days
            .copied()
            .filter(|d| instrument.in_force(*d))
            .take(3)
            .collect();
        for place in self.law.editions.lawgivers() {
            let code = all.get(place).map_or("", |p| p.code.as_str());
            if within(code) {
                wanted.extend(days.iter().map(|d| (code.to_string(), *d)));
            }
        }
        let mut stages: Vec<Stage> = Vec::new();
        for (place, day) in wanted {
            if stages.len() == STAGES {
                break;
            }
            let Ok(edition) = self.law.edition(&place, day, None) else {
                continue;
            };
            let known = stages.iter().any(|s| Arc::ptr_eq(&s.edition, &edition));
            if !known && self.in_force(&edition) {
                stages.push(self.stage(place, day, edition, &examples));
            }
        }
        stages
    }

    fn in_force(&self, edition: &Edition) -> bool {
        match &self.property.target {
            Target::Programme(id) => edition.handle(id).is_some(),
            Target::Rule(who, n) => edition.rules[*who].get(*n).is_some_and(|d| *d != NONE),
        }
    }

    fn stage(
        &self,
        place: String,
        day: Day,
        edition: Arc<Edition>,
        all: &[examples::Example],
    ) -> Stage {
        let mut stage = Stage {
            raised: self.raised_edition(&edition),
            kinds: Vec::new(),
            numbers: vec![Number::ZERO, Number::ONE],
            texts: Vec::new(),
            dates: Vec::new(),
            seeds: Vec::new(),
            place,
            day,
            edition,
        };
        self.gather(&mut stage);
        let places = &self.law.corpus.places;
        for example in all {
            let here = places.chain(&stage.place).contains(&example.place)
                || places.chain(&example.place).contains(&stage.place);
            if !here {
                continue;
            }
            let subject = self.property.subject;
            if let Ok(seed) = Situation::from_json(self.law, &example.given, subject, stage.day) {
                let person = seed.subject_member.is_some_and(|m| m < seed.members.len());
                if subject == Subject::Household || person {
                    stage.seeds.push(seed);
                }
            }
        }
        stage
    }

    fn raised_edition(&self, edition: &Arc<Edition>) -> Option<Arc<Edition>> {
        let Claim::Change {
            raised: Raised::Parameter(n),
            by,
            ..
        } = &self.property.claim
        else {
            return None;
        };
        let value = edition.parameters.get(*n)?.as_number()?.add(*by)?;
        Some(Arc::new(edition.with_parameter(*n, Value::Number(value))))
    }

    /// What the outcome depends on at a place and on a day, and the constants met on the way.
    fn gather(&self, stage: &mut Stage) {
        let edition = stage.edition.clone();
        let corpus = &*self.law.corpus;
        let mut open: Vec<Read> = Vec::new();
        match &self.property.target {
            Target::Rule(who, n) => open.push(Read::Rule(*who, *n)),
            Target::Programme(id) => {
                if let Some(plan) = edition.version(id).and_then(|n| edition.plans[n].as_ref()) {
                    let who = which(plan.subject);
                    let rules = plan
                        .applies
                        .iter()
                        .chain(&plan.conditions)
                        .chain([&plan.amount]);
                    open.extend(rules.map(|n| Read::Rule(who, *n)));
                }
            }
        }
        let mut seen: Vec<Read> = Vec::new();
        let mut kinds: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut values: Vec<Value> = Vec::new();
        while let Some(read) = open.pop() {
            if seen.contains(&read) {
                continue;
            }
            seen.push(read);
            let definition = match read {
                Read::Kind(who, slot) => {
                    kinds.insert((who, slot));
                    continue;
                }
                Read::Parameter(n) => {
                    values.extend(edition.parameters.get(n).cloned());
                    continue;
                }
                Read::Rule(who, n) => edition.rules[who][n],
                Read::Function(n) => edition.functions[n],
                Read::Previous | Read::Event => continue,
            };
            if let Some(compiled) = corpus
                .compiled
                .get(definition as usize)
                .and_then(Option::as_ref)
            {
                open.extend(compiled.reads.iter().map(|(r, _)| *r));
                constants(&compiled.code, &mut values);
            }
        }
        for value in values {
            match value {
                Value::Number(n) => stage.numbers.push(n),
                Value::Text(t) => stage.texts.push(t),
                Value::Date(d) => stage.dates.push(d.days()),
                _ => {}
            }
        }
        stage.numbers.sort();
        stage.numbers.dedup();
        stage.texts.sort();
        stage.texts.dedup();
        stage.kinds = kinds.into_iter().collect();
    }

    // Situations

    /// A worked example with a few things otherwise, or a household out of nothing.
    fn draw(&mut self, stage: &Stage) -> Situation {
        let fresh = stage.seeds.is_empty() || self.dice.roll(4) == 0;
        let mut situation = match self.dice.one(&stage.seeds) {
            Some(seed) if !fresh => seed,
            _ => self.fresh(stage),
        };
        if let (None, Some(ty)) = (
            &situation.event,
            &self.law.corpus.symbols.event[which(self.property.subject)],
        ) {
            situation.event = Some(self.value(stage, ty));
        }
        for _ in 0..1 + self.dice.roll(4) {
            self.mutate(stage, &mut situation);
        }
        situation
    }

    fn fresh(&mut self, stage: &Stage) -> Situation {
        let mut situation = Situation::blank(self.law, stage.day);
        self.fill(stage, 0, &mut situation.household);
        for _ in 0..1 + self.dice.roll(4) {
            let mut record = self.law.blank(Subject::Person);
            self.fill(stage, 1, &mut record);
            situation.members.push(record);
        }
        if self.property.subject == Subject::Person {
            situation.subject_member = Some(0);
        }
        situation
    }

    fn fill(&mut self, stage: &Stage, who: usize, record: &mut Record) {
        for &(of, slot) in &stage.kinds {
            if of != who {
                continue;
            }
            let kind = &self.law.corpus.kinds[who].list[slot];
            let needed = matches!(kind.absent, super::kinds::Absent::Missing);
            if self.dice.roll(8) < if needed { 7 } else { 2 } {
                record[slot] = self.value(stage, &kind.rule_type());
            }
        }
    }

    fn mutate(&mut self, stage: &Stage, situation: &mut Situation) {
        if self.dice.roll(10) == 0 && situation.members.len() > 1 {
            situation.members.pop();
            return;
        }
        let Some((who, slot)) = self.dice.one(&stage.kinds) else {
            return;
        };
        let ty = self.law.corpus.kinds[who].list[slot].rule_type();
        let value = self.value(stage, &ty);
        if who == 0 {
            situation.household[slot] = value;
        } else if !situation.members.is_empty() {
            let member = self.dice.roll(situation.members.len());
            situation.members[member][slot] = value;
        }
    }

    fn value(&mut self, stage: &Stage, ty: &Type) -> Value {
        match ty {
            Type::Nullable(inner) => match self.dice.roll(5) {
                0 => Value::Null,
                _ => self.value(stage, inner),
            },
            Type::Boolean => Value::Boolean(self.dice.roll(2) == 0),
            Type::Enum(texts) => self.dice.one(texts).map_or(Value::Null, Value::Text),
            Type::Text => match self.dice.one(&stage.texts) {
                Some(text) if self.dice.roll(5) > 0 => Value::Text(text),
                _ => Value::text("…"),
            },
            Type::Number(unit) => Value::Number(self.number(stage, *unit)),
            Type::Date | Type::YearMonth => self.date(stage, *ty == Type::YearMonth),
            Type::List(item) => {
                let count = self.dice.roll(3);
                Value::list((0..count).map(|_| self.value(stage, item)).collect())
            }
            Type::Context(fields) => {
                let fields = fields.fields.iter();
                let values: Context = fields
                    .map(|(n, ty)| (n.clone(), self.value(stage, ty)))
                    .collect();
                Value::Context(Arc::new(values))
            }
            Type::Named(named) => self.value(stage, &named.base.clone()),
            _ => Value::Null,
        }
    }

    /// A constant of the rules, a small multiple of one, one step beside it, or anything.
    fn number(&mut self, stage: &Stage, unit: Option<Unit>) -> Number {
        let constant = self.dice.one(&stage.numbers).unwrap_or(Number::ONE);
        let times = Number::int(1 + self.dice.roll(4) as i64);
        let step = Number::int(self.dice.roll(3) as i64 - 1);
        let near = constant.mul(times).and_then(|n| n.add(step));
        let mut number = match self.dice.roll(4) {
            0 => Number::int(self.dice.roll(6) as i64),
            1 => Number::int(self.dice.roll(4000) as i64),
            2 => near
                .and_then(|n| n.add(Number::new(self.dice.roll(100) as i128, -2)?))
                .unwrap_or(constant),
            _ => near.unwrap_or(constant),
        };
        if number.is_negative() {
            number = Number::ZERO;
        }
        match unit {
            Some(
                Unit::Persons | Unit::Items | Unit::Age | Unit::Months | Unit::Years | Unit::Days,
            ) => number.floor(),
            Some(Unit::Ratio) => {
                Number::new(self.dice.roll(101) as i128, -2).unwrap_or(Number::ONE)
            }
            _ => number,
        }
    }

    /// A day as many years before the reference day as some constant says, give or take a day, or a
    /// day of the rules.
    fn date(&mut self, stage: &Stage, month: bool) -> Value {
        let today = Date::from(stage.day);
        let years: Vec<i64> = stage
            .numbers
            .iter()
            .filter_map(|n| n.to_i64())
            .filter(|n| (0..=100).contains(n))
            .collect();
        let back = match self.dice.roll(3) {
            0 => self.dice.roll(95) as i64,
            _ => self.dice.one(&years).unwrap_or(30),
        };
        let base = match self.dice.one(&stage.dates) {
            Some(day) if self.dice.roll(4) == 0 => Some(day),
            _ => today.plus_months(-12 * back).map(Date::days),
        };
        let day = base
            .map(|d| d + self.dice.roll(3) as i64 - 1)
            .and_then(Date::from_days);
        match day {
            Some(day) if month => {
                Date::new(day.year(), day.month(), 1).map_or(Value::Null, Value::Date)
            }
            Some(day) => Value::Date(day),
            None => Value::Null,
        }
    }

    // Judging

    fn judge(
        &self,
        evaluator: &mut Evaluator<'_>,
        other: &mut Option<Evaluator<'_>>,
        situation: &Situation,
    ) -> Judged {
        let Some(before) = self.measure(evaluator, situation) else {
            return Judged::Not;
        };
        let Claim::Change {
            raised, by, then, ..
        } = &self.property.claim
        else {
            let Claim::Always(expr) = &self.property.claim else {
                return Judged::Not;
            };
            return match ask(evaluator, self.property, expr, situation, before) {
                Value::Boolean(true) => Judged::Holds,
                Value::Boolean(false) => Judged::Broken(Broken {
                    member: None,
                    before,
                    after: before,
                    raised: None,
                }),
                _ => Judged::Not,
            };
        };
        let mut judged = Judged::Not;
        let of_members = matches!(raised, Raised::Kind(1, _));
        let members = if of_members {
            situation.members.len()
        } else {
            1
        };
        for member in 0..members {
            let mut risen = situation.clone();
            let raised = match raised {
                Raised::Kind(0, slot) => raise(&mut risen.household[*slot], *by),
                Raised::Kind(_, slot) => raise(&mut risen.members[member][*slot], *by),
                Raised::Event(field) => raise_field(&mut risen.event, field, *by),
                Raised::Parameter(n) => {
                    let show =
                        |e: &Evaluator<'_>| e.edition.parameters.get(*n).map(Value::to_string);
                    other
                        .as_ref()
                        .and_then(|o| Some((show(evaluator)?, show(o)?)))
                }
            };
            let Some(values) = raised else { continue };
            let after = match other {
                Some(other) => self.measure(other, &risen),
                None => self.measure(evaluator, &risen),
            };
            let Some(after) = after else { continue };
            if !then.holds(before, after) {
                return Judged::Broken(Broken {
                    member: of_members.then_some(member),
                    before,
                    after,
                    raised: Some(values),
                });
            }
            judged = Judged::Holds;
        }
        judged
    }

    /// The outcome as a number, where the property speaks of it.
    fn measure(&self, evaluator: &mut Evaluator<'_>, situation: &Situation) -> Option<Number> {
        let number = match &self.property.target {
            Target::Programme(id) => {
                let handle = evaluator.edition.handle(id)?;
                match evaluator.decided(handle, situation).ok()?.0 {
                    Decided::NotApplicable | Decided::Refused(_) => Number::ZERO,
                    Decided::Unknown(_) => return None,
                    Decided::Entitled(value) => value.as_number()?,
                }
            }
            Target::Rule(who, n) => {
                let (value, failed) =
                    evaluator.value_of(*who, *n, situation.subject_member, situation);
                if failed {
                    return None;
                }
                value.as_number()?
            }
        };
        if let Some(when) = &self.property.when
            && !matches!(
                ask(evaluator, self.property, when, situation, number),
                Value::Boolean(true)
            )
        {
            return None;
        }
        Some(number)
    }

    // Counter-examples

    /// Members and evidence left out, numbers made small, as long as the property stays broken.
    fn shrink(
        &self,
        evaluator: &mut Evaluator<'_>,
        other: &mut Option<Evaluator<'_>>,
        mut situation: Situation,
    ) -> (Situation, Option<Broken>) {
        let mut steps = 0;
        let blanks = [
            self.law.blank(Subject::Household),
            self.law.blank(Subject::Person),
        ];
        loop {
            let mut smaller = false;
            for candidate in candidates(&situation, &blanks) {
                steps += 1;
                if steps > SHRINKING {
                    break;
                }
                if matches!(self.judge(evaluator, other, &candidate), Judged::Broken(_)) {
                    situation = candidate;
                    smaller = true;
                    break;
                }
            }
            if !smaller || steps > SHRINKING {
                break;
            }
        }
        match self.judge(evaluator, other, &situation) {
            Judged::Broken(broken) => (situation, Some(broken)),
            _ => (situation, None),
        }
    }

    fn finding(&self, stage: &Stage, situation: &Situation, broken: &Broken) -> Finding {
        let property = self.property;
        let given = situation.to_json(self.law, property.subject);
        let (zh, en) = match (&property.claim, &broken.raised) {
            (Claim::Change { name, .. }, Some((from, to))) => {
                let of = match broken.member {
                    Some(m) if situation.members.len() > 1 => (
                        format!("（成员 {}）", m + 1),
                        format!(" (member {})", m + 1),
                    ),
                    _ => (String::new(), String::new()),
                };
                (
                    format!(
                        "{name}{} {from} → {to}，结果 {} → {}",
                        of.0,
                        short(broken.before),
                        short(broken.after)
                    ),
                    format!(
                        "{name}{} {from} → {to}, the outcome {} → {}",
                        of.1,
                        short(broken.before),
                        short(broken.after)
                    ),
                )
            }
            _ => (
                format!("结果 {} 时不成立", short(broken.before)),
                format!("it fails of the outcome {}", short(broken.before)),
            ),
        };
        let sources = &self.law.corpus.sources;
        let name = match property.name.en.is_empty() {
            true => &property.name.zh,
            false => &property.name.en,
        };
        let mut finding = sources.finding(
            Severity::Error,
            "property-fails",
            &property.span,
            say(
                format!("`{}` 不成立：{zh}", property.name.zh),
                format!("`{name}` does not hold: {en}"),
            ),
            say(
                "改规则，或用 条件 写明它在哪里成立；反例可以交给 law eval --input",
                "mend the rule, or say with `when` where it holds; `law eval --input` takes the counter-example",
            ),
        );
        finding.counter = Some(Box::new(CounterExample {
            place: stage.place.clone(),
            date: stage.day,
            decision: property.decision.clone(),
            given,
        }));
        finding
    }
}

/// A number as a message shows it.
fn short(number: Number) -> Number {
    number.round(6, Rounding::HalfEven).stripped()
}

/// Literals of rules and tables.
fn constants(code: &Code, out: &mut Vec<Value>) {
    let mut take = |expr: &Expr| {
        expr.visit(&mut |e| {
            if let ExprKind::Literal(value) = &e.kind {
                out.push(value.clone());
            }
        });
    };
    match code {
        Code::Expr(expr) => take(expr),
        Code::Table { table, .. } => {
            table.inputs.iter().for_each(|i| take(&i.expr));
            for rule in &table.rules {
                rule.outputs.iter().for_each(&mut take);
                for tests in &rule.tests {
                    let kind = ExprKind::In {
                        value: Box::new(Expr::null()),
                        local: tests.local,
                        tests: tests.tests.clone(),
                    };
                    take(&Expr::new(tests.span, kind));
                }
            }
        }
        Code::Function(_) => {}
    }
}

/// A condition of the property in a situation, with the outcome under its names.
fn ask(
    evaluator: &mut Evaluator<'_>,
    property: &Property,
    expr: &Expr,
    situation: &Situation,
    outcome: Number,
) -> Value {
    evaluator.scratch.begin();
    let run = Run::new(evaluator.edition, situation, &evaluator.scratch);
    if property.subject == Subject::Person {
        run.member
            .set(situation.subject_member.map_or(NOBODY, |m| m as u32));
    }
    let locals = [Value::Number(outcome), Value::Number(outcome)];
    evaluator
        .machine
        .run(&run, expr, &locals)
        .unwrap_or_default()
}

/// Raises a value; gives it before and after, or nothing where it cannot rise.
fn raise(value: &mut Value, by: Number) -> Option<(String, String)> {
    let new = match value {
        Value::Number(n) => Value::Number(n.add(by)?),
        Value::Boolean(false) => Value::Boolean(true),
        Value::Date(day) => Value::Date(Date::from_days(day.days() + by.to_i64()?)?),
        _ => return None,
    };
    let shown = (value.to_string(), new.to_string());
    *value = new;
    Some(shown)
}

fn raise_field(event: &mut Option<Value>, field: &str, by: Number) -> Option<(String, String)> {
    let mut context = event.as_ref()?.as_context()?.clone();
    let mut value = context.get(field)?.clone();
    let shown = raise(&mut value, by)?;
    context.set(field.into(), value);
    *event = Some(Value::Context(Arc::new(context)));
    Some(shown)
}

/// Are two values the same for a record?
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        _ => a.equals(b) == Some(true),
    }
}

/// Situations that say less than this one.
fn candidates(situation: &Situation, blanks: &[Record; 2]) -> Vec<Situation> {
    let mut out = Vec::new();
    let with = |change: &dyn Fn(&mut Situation)| {
        let mut one = situation.clone();
        change(&mut one);
        one
    };
    for m in (0..situation.members.len()).filter(|m| Some(*m) != situation.subject_member) {
        out.push(with(&|s| {
            s.members.remove(m);
            s.subject_member = s.subject_member.map(|own| own - usize::from(own > m));
        }));
    }
    if situation.previous.is_some() {
        out.push(with(&|s| s.previous = None));
    }
    let records = std::iter::once((None, &situation.household, &blanks[0]));
    let members = situation
        .members
        .iter()
        .enumerate()
        .map(|(m, r)| (Some(m), r, &blanks[1]));
    for (member, record, blank) in records.chain(members) {
        for slot in 0..record.len() {
            let mut simpler = Vec::new();
            if !same(&record[slot], &blank[slot]) {
                simpler.push(blank[slot].clone());
            }
            if let Value::Number(n) = &record[slot] {
                let half = n.div(Number::int(2)).map(Number::floor);
                let fewer = [
                    Some(Number::ZERO),
                    half,
                    Some(n.floor()),
                    n.sub(Number::ONE),
                ];
                let fewer = fewer.into_iter().flatten();
                simpler.extend(
                    fewer
                        .filter(|f| f < n && !f.is_negative())
                        .map(Value::Number),
                );
                if !n.is_integer() {
                    simpler.push(Value::Number(n.ceiling()));
                }
            }
            for value in simpler {
                out.push(with(&|s| match member {
                    None => s.household[slot] = value.clone(),
                    Some(m) => s.members[m][slot] = value.clone(),
                }));
            }
        }
    }
    out
}

impl Situation {
    /// The situation as `law eval` takes it: what differs from no evidence, and no more.
    pub fn to_json(&self, law: &Law, subject: Subject) -> Json {
        let record = |who: usize, record: &Record| -> serde_json::Map<String, Json> {
            let list = &law.corpus.kinds[who].list;
            let told = list
                .iter()
                .filter(|k| !same(&record[k.slot], &k.absent_value()));
            told.map(|k| {
                (
                    k.name.to_string(),
                    record[k.slot].to_json_as(&k.rule_type()),
                )
            })
            .collect()
        };
        let own = self.subject_member.filter(|_| subject == Subject::Person);
        let others = self
            .members
            .iter()
            .enumerate()
            .filter(|(m, _)| Some(*m) != own);
        let others: Vec<Json> = others.map(|(_, r)| Json::Object(record(1, r))).collect();
        let mut household = record(0, &self.household);
        if !others.is_empty() {
            household.insert("成员".into(), Json::Array(others));
        }
        let mut top = match own {
            None => household,
            Some(member) => {
                let mut top = record(1, &self.members[member]);
                if !household.is_empty() {
                    top.insert("家庭".into(), Json::Object(household));
                }
                top
            }
        };
        let who = which(subject);
        if let Some(previous) = &self.previous {
            let carried = law.corpus.symbols.carry[who].iter();
            let context = previous.0.as_context();
            let values = carried.filter_map(|c| {
                let value = context?.get(&c.name)?;
                (!value.is_null()).then(|| (c.name.to_string(), value.to_json_as(&c.ty)))
            });
            top.insert("上期".into(), Json::Object(values.collect()));
        }
        if let (Some(event), Some(ty)) = (&self.event, &law.corpus.symbols.event[who]) {
            top.insert("事件".into(), event.to_json_as(ty));
        }
        json!(top)
    }
}
