//! The search for counter-examples to what a law file promises: worked examples and situations drawn at
//! random round the constants of the rules in force, each put to the rules; what breaks a promise is
//! made as small as it will go and shown as a situation that `law eval` takes.

mod draw;
mod shrink;
mod stage;

use super::corpus::Law;
use super::eval::{Decided, Evaluator, NOBODY, Run};
use super::prelude::{Date, Expr, Number, Rounding, Value};
use super::properties::{Claim, Property, Raised, Target};
use super::report::{Finding, Report, Severity};
use super::situation::Situation;
use super::source::say;
use crate::programme::Subject;
use base::Day;
use draw::Dice;
use serde::Serialize;
use serde_json::Value as Json;
use stage::Stage;
use std::sync::Arc;

/// Situations that `law check` tries for each property unless it is told otherwise.
pub const SITUATIONS: usize = 200;

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

struct Search<'l> {
    law: &'l Law,
    property: &'l Property,
    dice: Dice,
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
