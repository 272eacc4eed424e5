//! Trying other values at one place: which, in which order, and where between two of them the
//! outcome turns.

use super::super::edition::{Edition, LawError};
use super::super::eval::{Decided, Evaluator, Handle};
use super::super::kinds::which;
use super::super::prelude::{Number, Type, Unit, Value};
use super::super::situation::Situation;
use super::facts::Place;
use super::make::{Found, literal};
use crate::feel::temporal::Date;
use crate::outcome::{Missing, Outcome, TraceNode};
use crate::programme::Subject;
use base::Fen;
use serde_json::Value as Json;
use std::cmp::Ordering;

/// How an evaluation comes out, as far as changes are concerned.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub name: &'static str,
    pub amount: Option<Fen>,
    pub result: Json,
    exact: String,
    pub missing: Vec<Missing>,
}

impl Verdict {
    /// Is it an answer, and another one?
    pub fn turns(&self, from: &Verdict) -> bool {
        self.name != from.name && self.decided()
    }

    /// The same answer with another amount or result?
    pub fn shifts(&self, from: &Verdict) -> bool {
        self.name == from.name && self.decided() && self.figure() != from.figure()
    }

    pub fn decided(&self) -> bool {
        self.name != "undetermined"
    }

    fn figure(&self) -> (Option<Fen>, &str) {
        (self.amount, &self.exact)
    }

    /// More or less money than in another one.
    pub fn order(&self, from: &Verdict) -> Ordering {
        self.amount.cmp(&from.amount)
    }
}

/// Asks the rules, and counts.
pub(super) struct Asker<'e> {
    edition: &'e Edition,
    evaluator: Evaluator<'e>,
    target: Target,
    pub asked: usize,
    pub most: usize,
}

enum Target {
    Programme(Handle),
    Rule(Subject, usize),
}

impl<'e> Asker<'e> {
    pub fn new(
        edition: &'e Edition,
        found: &Found,
        decision: &str,
        situation: &Situation,
        most: usize,
    ) -> Result<Asker<'e>, LawError> {
        let target = match found {
            Found::Programme(_) => Target::Programme(
                edition
                    .handle(decision)
                    .ok_or_else(|| edition.not_in_force(decision, situation.day))?,
            ),
            Found::Rule(subject, rule) => Target::Rule(*subject, *rule),
        };
        Ok(Asker {
            edition,
            evaluator: edition.evaluator(),
            target,
            asked: 0,
            most,
        })
    }

    /// May something more be asked?
    pub fn may(&self) -> bool {
        self.asked < self.most
    }

    /// How a situation comes out; `None` where the rules cannot be computed for it.
    pub fn verdict(&mut self, situation: &Situation) -> Option<Verdict> {
        self.asked += 1;
        match self.target {
            Target::Programme(handle) => {
                let (decided, outcome) = self.evaluator.decided(handle, situation).ok()?;
                let mut verdict = Verdict {
                    name: outcome.name(),
                    amount: None,
                    result: Json::Null,
                    exact: String::new(),
                    missing: Vec::new(),
                };
                match (outcome, decided) {
                    (Outcome::Entitled { amount: Some(fen) }, _) => verdict.amount = Some(fen),
                    (Outcome::Entitled { amount: None }, Decided::Entitled(value)) => {
                        verdict.exact = literal(&value);
                        verdict.result = value.to_json();
                    }
                    (Outcome::Undetermined { missing }, _) => verdict.missing = missing,
                    _ => {}
                }
                Some(verdict)
            }
            Target::Rule(subject, rule) => {
                let who = which(subject);
                let member = match subject {
                    Subject::Person => Some(situation.subject_member?),
                    Subject::Household => None,
                };
                let (value, failed) = self.evaluator.value_of(who, rule, member, situation);
                if failed {
                    return None;
                }
                let ty = &self.edition.corpus.symbols.rules[who][rule].ty;
                let unknown = value.is_null() && !ty.is_nullable();
                Some(Verdict {
                    name: match value.as_bool() {
                        _ if unknown => "undetermined",
                        Some(true) => "true",
                        Some(false) => "false",
                        None => "known",
                    },
                    amount: None,
                    result: value.to_json_as(ty),
                    exact: literal(&value),
                    missing: Vec::new(),
                })
            }
        }
    }

    /// Every value on the way, for finding what is compared with what.
    pub fn trace(&mut self, decision: &str, situation: &Situation) -> Vec<TraceNode> {
        self.asked += 1;
        let found = match self.target {
            Target::Programme(handle) => self.evaluator.determine(handle, situation, true),
            Target::Rule(..) => self.evaluator.evaluate_rule(decision, situation, true),
        };
        found.map(|e| e.trace).unwrap_or_default()
    }
}

/// An ordered type as whole steps from a base.
#[derive(Clone, Debug)]
pub(super) enum Steps {
    /// `base + k * step`
    Number { base: Number, step: Number },
    /// Days from a day.
    Days(Date),
    /// Months from the first of a month.
    Months(Date),
}

/// The longest life, in days, and the furthest that dates are moved.
const CENTURY: i64 = 36_525;

impl Steps {
    /// The steps of a type from a value; for null from zero, or from `today`.
    pub fn of(ty: &Type, value: &Value, today: Date) -> Option<Steps> {
        match (ty.plain(), value) {
            (Type::Number(unit), Value::Number(n)) => Some(Steps::Number {
                base: *n,
                step: step(*unit, *n),
            }),
            (Type::Number(unit), Value::Null) => Some(Steps::Number {
                base: Number::ZERO,
                step: step(*unit, Number::ZERO),
            }),
            (Type::Date, Value::Date(day)) => Some(Steps::Days(*day)),
            (Type::Date, Value::Null) => Some(Steps::Days(today)),
            (Type::YearMonth, Value::Date(day)) => Some(Steps::Months(*day)),
            (Type::YearMonth, Value::Null) => {
                Date::new(today.year(), today.month(), 1).map(Steps::Months)
            }
            _ => None,
        }
    }

    /// The value `k` steps away.
    pub fn at(&self, k: i64) -> Option<Value> {
        match self {
            Steps::Number { base, step } => {
                let way = Number::int(k).mul(*step)?;
                base.add(way).map(|n| Value::Number(n.stripped()))
            }
            Steps::Days(day) => Date::from_days(day.days().checked_add(k)?).map(Value::Date),
            Steps::Months(day) => day.plus_months(k).map(Value::Date),
        }
    }

    /// One step in words, as the law writes units.
    pub fn step(&self, ty: &Type) -> String {
        match self {
            Steps::Number { step, .. } => match ty.unit() {
                Some(unit) if unit != Unit::Plain => format!("{step} {unit}"),
                _ => step.to_string(),
            },
            Steps::Days(_) => "P1D".into(),
            Steps::Months(_) => "P1M".into(),
        }
    }

    /// How many steps are tried down and up. What is not negative stays so.
    pub fn bounds(&self, ty: &Type) -> (i64, i64) {
        match self {
            Steps::Number { base, step } => {
                let steps = |n: Number| n.div(*step).and_then(|k| k.floor().to_i64());
                let most = match ty.unit() {
                    Some(unit) if unit.is_money() => 10_000_000,
                    Some(Unit::Age | Unit::Years) => 150,
                    Some(Unit::Persons | Unit::Items) => 1_000,
                    Some(Unit::Months) => 1_800,
                    Some(Unit::Days) => CENTURY,
                    Some(Unit::Ratio) => 10,
                    Some(_) | None => 1_000_000,
                };
                let most = Number::int(most);
                let up = most.sub(*base).and_then(steps).unwrap_or(0).max(0);
                let down = if base.is_negative() {
                    base.add(most).and_then(steps)
                } else {
                    steps(*base)
                };
                (down.unwrap_or(0).max(0), up)
            }
            Steps::Days(_) => (120 * 366, 120 * 366),
            Steps::Months(_) => (120 * 12, 120 * 12),
        }
    }

    /// Steps that are tried in one direction before any bisection, nearest first.
    pub fn grid(&self) -> Vec<i64> {
        let years = |day: i64, n: i64| (1..=n).map(move |y| y * day);
        let mut out: Vec<i64> = match self {
            Steps::Number { step, .. } if step.is_integer() => (1..=150).collect(),
            Steps::Number { .. } => vec![1, 2, 5],
            Steps::Days(_) => (1..=31)
                .chain((2..=12).map(|m| m * 30))
                .chain(years(365, 120))
                .collect(),
            Steps::Months(_) => (1..=24).chain(years(12, 120)).collect(),
        };
        if let Steps::Number { .. } = self {
            out.extend((1..=40).map(|n| 1i64 << n));
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// A few steps in one direction that tell whether anything happens there at all.
    pub fn far(&self) -> Vec<i64> {
        match self {
            Steps::Number { .. } => (1..=10).map(|n| 1i64 << (3 * n)).collect(),
            Steps::Days(_) => vec![31, 183, 366, 1_826, 3_653, 7_305, 14_610, 25_568],
            Steps::Months(_) => vec![1, 6, 12, 60, 120, 240, 480, 840],
        }
    }

    /// How far `k` steps are, on a scale where 1 is far: see `docs/explanation.md`.
    pub fn distance(&self, k: i64, scale: f64) -> f64 {
        let k = k.unsigned_abs() as f64;
        match self {
            Steps::Number { step, .. } => k * step.to_f64() / scale,
            Steps::Days(_) => k / CENTURY as f64,
            Steps::Months(_) => k / 1_200.0,
        }
    }
}

/// The step of a number: a fen for money, a hundredth for ratios, one for what is counted; finer where
/// the value at hand is.
fn step(unit: Option<Unit>, value: Number) -> Number {
    let places = match unit {
        Some(Unit::Ratio) => -2,
        Some(unit) if unit.is_money() => -2,
        _ => 0,
    };
    let own = value.stripped().exponent().min(0);
    Number::new(1, places.min(own)).unwrap_or(Number::int(1))
}

/// Values of a type that has no order, except the one at hand.
pub(super) fn alternatives(ty: &Type, value: &Value, texts: &[String]) -> Vec<Value> {
    let mut out: Vec<Value> = match ty.plain() {
        Type::Boolean => vec![Value::Boolean(true), Value::Boolean(false)],
        Type::Enum(all) => all.iter().map(|t| Value::Text(t.clone())).collect(),
        Type::Text => texts.iter().map(|t| Value::text(t)).collect(),
        _ => Vec::new(),
    };
    if ty.is_nullable() {
        out.push(Value::Null);
    }
    out.retain(|v| literal(v) != literal(value));
    out
}

/// The situation with another value at a place.
pub(super) fn with(situation: &Situation, place: &Place, value: Value) -> Situation {
    let mut other = situation.clone();
    place.set(&mut other, value);
    other
}
