//! Situations drawn at random round the constants of the rules: the same ones in every run.

use super::super::kinds::{Absent, which};
use super::super::prelude::{Context, Date, Number, Type, Unit, Value};
use super::super::situation::{Record, Situation};
use super::Search;
use super::stage::Stage;
use crate::programme::Subject;
use std::sync::Arc;

/// A small generator: the same situations in every run.
pub(super) struct Dice(pub(super) u64);

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

impl Search<'_> {
    /// A worked example with a few things otherwise, or a household out of nothing.
    pub(super) fn draw(&mut self, stage: &Stage) -> Situation {
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
            let needed = matches!(kind.absent, Absent::Missing);
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
}
