//! Arithmetic, comparison, logic and paths on values.

use super::{Eval, Fault, Host, MAX_TEXT, Machine, error};
use crate::feel::ast::{Arith, Compare, Expr, ExprKind, Span};
use crate::feel::number::{Number, Rounding};
use crate::feel::temporal::{Date, DateTime, DaysTime, Time, Zone};
use crate::feel::value::{Object, Value};
use std::cmp::Ordering;
use std::sync::Arc;

impl Machine {
    #[inline]
    pub(super) fn arith(&mut self, op: Arith, a: &Value, b: &Value, span: Span) -> Eval {
        if let (Value::Number(x), Value::Number(y)) = (a, b) {
            let result = match op {
                Arith::Add => x.add(*y),
                Arith::Sub => x.sub(*y),
                Arith::Mul => x.mul(*y),
                Arith::Div => x.div(*y),
                Arith::Pow => {
                    // A power is a series of many digits.
                    self.charge(50, span)?;
                    x.pow(*y)
                }
            };
            return match result {
                Some(number) => Ok(Value::Number(number)),
                None if op == Arith::Div && y.is_zero() => {
                    self.misfit(span, || Fault::DivisionByZero)
                }
                None => self.misfit(span, || Fault::Range),
            };
        }
        self.arith_other(op, a, b, span)
    }

    fn arith_other(&mut self, op: Arith, a: &Value, b: &Value, span: Span) -> Eval {
        if a.is_null() || b.is_null() {
            return Ok(Value::Null);
        }
        if let (Arith::Add, Value::Text(x), Value::Text(y)) = (op, a, b) {
            if x.len() + y.len() > MAX_TEXT {
                return Err(error(span, Fault::TooLarge));
            }
            self.charge((x.len() + y.len()) >> 6, span)?;
            return Ok(Value::Text(format!("{x}{y}").into()));
        }
        match temporal(op, a, b) {
            Some(Some(value)) => Ok(value),
            Some(None) => self.misfit(span, || Fault::Range),
            None => self.misfit(span, || Fault::Kind(a.kind(), b.kind())),
        }
    }

    pub(super) fn negate(&mut self, host: &dyn Host, a: &Expr, span: Span) -> Eval {
        let a = self.eval(host, a)?;
        Ok(match &a {
            Value::Number(n) => Value::Number(n.neg()),
            Value::YearsMonths(m) => m.checked_neg().map_or(Value::Null, Value::YearsMonths),
            Value::DaysTime(d) => {
                DaysTime::from_nanos(-d.nanos()).map_or(Value::Null, Value::DaysTime)
            }
            Value::Null => Value::Null,
            other => return self.misfit(span, || Fault::Kind("number", other.kind())),
        })
    }

    pub(super) fn comparison(&mut self, host: &dyn Host, op: Compare, a: &Expr, b: &Expr) -> Eval {
        let null_test = |e: &Expr| matches!(e.kind, ExprKind::Literal(Value::Null));
        let explicit = null_test(a) || null_test(b);
        let x = self.eval(host, a)?;
        let y = self.eval(host, b)?;
        if matches!(op, Compare::Eq | Compare::Ne) && !x.is_null() && !y.is_null() {
            let equal = self.equal(&x, &y, a.span)?;
            return Ok(truth(equal.map(|equal| equal == (op == Compare::Eq))));
        }
        Ok(truth(self.compare_values(op, &x, &y, explicit)))
    }

    /// Equality, its cost counted.
    #[inline]
    pub(super) fn equal(&mut self, x: &Value, y: &Value, span: Span) -> Eval<Option<bool>> {
        match (x, y) {
            (Value::Text(a), Value::Text(b)) if a.len() == b.len() => {
                self.charge(a.len() >> 8, span)?;
                Ok(Some(a == b))
            }
            (Value::List(_), Value::List(_)) | (Value::Context(_), Value::Context(_)) => {
                let budget = self.limit.saturating_sub(self.steps);
                let budget = u32::try_from(budget).unwrap_or(u32::MAX);
                let (answer, left) = x.equals_within(y, budget);
                if answer.is_none() && left == 0 {
                    return Err(error(span, Fault::TooLong));
                }
                self.charge((budget - left) as usize, span)?;
                Ok(answer)
            }
            _ => Ok(x.equals(y)),
        }
    }

    /// `explicit`: one side is written `null`, so that in strict mode the question has an answer.
    #[inline]
    pub(super) fn compare_values(
        &self,
        op: Compare,
        x: &Value,
        y: &Value,
        explicit: bool,
    ) -> Option<bool> {
        if self.strict() && !explicit && (x.is_null() || y.is_null()) {
            return None;
        }
        match op {
            Compare::Eq => x.equals(y),
            Compare::Ne => x.equals(y).map(|equal| !equal),
            _ => {
                let order = x.compare(y)?;
                Some(match op {
                    Compare::Lt => order == Ordering::Less,
                    Compare::Le => order != Ordering::Greater,
                    Compare::Gt => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                })
            }
        }
    }

    /// `and`, or with `or` set `or`: three-valued.
    pub(super) fn logic(&mut self, host: &dyn Host, a: &Expr, b: &Expr, or: bool) -> Eval {
        let a = self.eval(host, a)?.as_bool();
        if a == Some(or) {
            return Ok(Value::Boolean(or));
        }
        let b = self.eval(host, b)?.as_bool();
        if b == Some(or) {
            return Ok(Value::Boolean(or));
        }
        Ok(if a.is_none() || b.is_none() {
            Value::Null
        } else {
            Value::Boolean(!or)
        })
    }

    pub(super) fn between(&mut self, host: &dyn Host, x: &Expr, low: &Expr, high: &Expr) -> Eval {
        let x = self.eval(host, x)?;
        let low = self.eval(host, low)?;
        let high = self.eval(host, high)?;
        let (above, below) = (x.compare(&low), x.compare(&high));
        let above = above.map(|o| o != Ordering::Less);
        let below = below.map(|o| o != Ordering::Greater);
        Ok(truth(match (above, below) {
            (Some(a), Some(b)) => Some(a && b),
            (Some(false), None) | (None, Some(false)) if self.strict() => Some(false),
            _ => None,
        }))
    }

    pub(super) fn path(
        &mut self,
        host: &dyn Host,
        base: &Value,
        name: &Arc<str>,
        field: Option<u32>,
        span: Span,
    ) -> Eval {
        match base {
            Value::Context(context) => {
                let found = match field {
                    Some(hint) => context.get_hinted(name, hint as usize),
                    None => context.get(name),
                };
                Ok(found.cloned().unwrap_or_default())
            }
            Value::Object(object) => self.object_field(host, *object, field, span),
            Value::List(items) => {
                let mut out = Vec::with_capacity(items.len());
                for item in items.iter() {
                    self.step(span)?;
                    out.push(match item {
                        Value::Object(object) => self.object_field(host, *object, field, span)?,
                        Value::List(_) => return Ok(Value::Null),
                        other => self.path(host, other, name, field, span)?,
                    });
                }
                Ok(Value::list(out))
            }
            Value::Null => Ok(Value::Null),
            other => Ok(property(other, name).unwrap_or_default()),
        }
    }

    fn object_field(
        &mut self,
        host: &dyn Host,
        object: Object,
        field: Option<u32>,
        span: Span,
    ) -> Eval {
        match field {
            Some(field) => host.field(self, object, field),
            None => Err(error(span, Fault::Kind("a field", "an unknown one"))),
        }
    }
}

#[inline]
pub(super) fn truth(answer: Option<bool>) -> Value {
    answer.map_or(Value::Null, Value::Boolean)
}

/// `None`: the kinds do not go together. `Some(None)`: out of range.
fn temporal(op: Arith, a: &Value, b: &Value) -> Option<Option<Value>> {
    use Arith::{Add, Div, Mul, Sub};
    use Value::{DaysTime as Days, YearsMonths as Months};
    Some(match (op, a, b) {
        (Add, Value::Date(d), Months(m)) | (Add, Months(m), Value::Date(d)) => {
            d.plus_months(*m).map(Value::Date)
        }
        (Sub, Value::Date(d), Months(m)) => m
            .checked_neg()
            .and_then(|m| d.plus_months(m))
            .map(Value::Date),
        (Add, Value::Date(d), Days(t)) | (Add, Days(t), Value::Date(d)) => plus_days(*d, t.nanos()),
        (Sub, Value::Date(d), Days(t)) => plus_days(*d, -t.nanos()),
        (Add, Value::DateTime(d), Months(m)) | (Add, Months(m), Value::DateTime(d)) => {
            plus_months(*d, *m)
        }
        (Sub, Value::DateTime(d), Months(m)) => m.checked_neg().and_then(|m| plus_months(*d, m)),
        (Add, Value::DateTime(d), Days(t)) | (Add, Days(t), Value::DateTime(d)) => {
            d.plus(*t).map(Value::DateTime)
        }
        (Sub, Value::DateTime(d), Days(t)) => DaysTime::from_nanos(-t.nanos())
            .and_then(|t| d.plus(t))
            .map(Value::DateTime),
        (Sub, Value::Date(_) | Value::DateTime(_), Value::Date(_) | Value::DateTime(_)) => {
            return difference(a, b);
        }
        (Add, Value::Time(t), Days(d)) | (Add, Days(d), Value::Time(t)) => {
            Some(Value::Time(Time::from_nanos(t.nanos() + d.nanos(), t.zone)))
        }
        (Sub, Value::Time(t), Days(d)) => {
            Some(Value::Time(Time::from_nanos(t.nanos() - d.nanos(), t.zone)))
        }
        (Sub, Value::Time(x), Value::Time(y)) => {
            if x.offset().is_some() != y.offset().is_some() {
                return None;
            }
            DaysTime::from_nanos(x.universal() - y.universal()).map(Days)
        }
        (Add, Months(x), Months(y)) => x.checked_add(*y).map(Months),
        (Sub, Months(x), Months(y)) => x.checked_sub(*y).map(Months),
        (Add, Days(x), Days(y)) => DaysTime::from_nanos(x.nanos() + y.nanos()).map(Days),
        (Sub, Days(x), Days(y)) => DaysTime::from_nanos(x.nanos() - y.nanos()).map(Days),
        (Mul, Months(m), Value::Number(n)) | (Mul, Value::Number(n), Months(m)) => {
            Number::int(*m).mul(*n).and_then(whole).map(Months)
        }
        (Div, Months(m), Value::Number(n)) => {
            if n.is_zero() {
                return None;
            }
            Number::int(*m).div(*n).and_then(whole).map(Months)
        }
        (Mul, Days(d), Value::Number(n)) | (Mul, Value::Number(n), Days(d)) => {
            scaled(*d, |x| x.mul(*n))
        }
        (Div, Days(d), Value::Number(n)) => {
            if n.is_zero() {
                return None;
            }
            scaled(*d, |x| x.div(*n))
        }
        (Div, Months(x), Months(y)) => {
            if *y == 0 {
                return None;
            }
            Number::int(*x).div(Number::int(*y)).map(Value::Number)
        }
        (Div, Days(x), Days(y)) => {
            if y.nanos() == 0 {
                return None;
            }
            let ratio = Number::new(x.nanos(), 0)?.div(Number::new(y.nanos(), 0)?);
            ratio.map(Value::Number)
        }
        _ => return None,
    })
}

fn whole(number: Number) -> Option<i64> {
    number.round(0, Rounding::Down).to_i64()
}

fn scaled(duration: DaysTime, scale: impl Fn(Number) -> Option<Number>) -> Option<Value> {
    let nanos = scale(Number::new(duration.nanos(), 0)?)?.round(0, Rounding::Down);
    let nanos = nanos
        .coefficient()
        .checked_mul(10i128.checked_pow(u32::try_from(nanos.exponent()).ok()?)?)?;
    DaysTime::from_nanos(nanos).map(Value::DaysTime)
}

fn plus_days(date: Date, nanos: i128) -> Option<Value> {
    let moment = DateTime::midnight(date).local_nanos().checked_add(nanos)?;
    DateTime::from_local_nanos(moment, Zone::Local).map(|d| Value::Date(d.date))
}

fn plus_months(moment: DateTime, months: i64) -> Option<Value> {
    let date = moment.date.plus_months(months)?;
    Some(Value::DateTime(DateTime { date, ..moment }))
}

fn difference(a: &Value, b: &Value) -> Option<Option<Value>> {
    let moment = |value: &Value| match value {
        Value::Date(d) => Some((DateTime::midnight(*d), true)),
        Value::DateTime(d) => Some((*d, d.offset().is_some())),
        _ => None,
    };
    let (Some((x, x_placed)), Some((y, y_placed))) = (moment(a), moment(b)) else {
        return None;
    };
    let both_days = matches!((a, b), (Value::Date(_), Value::Date(_)));
    if !both_days && x_placed != y_placed {
        return None;
    }
    Some(DaysTime::from_nanos(x.universal() - y.universal()).map(Value::DaysTime))
}

/// The properties of dates, times, durations and ranges.
fn property(value: &Value, name: &str) -> Option<Value> {
    let number = |n: i64| Some(Value::Number(Number::int(n)));
    let date = |d: &Date| match name {
        "year" => number(d.year().into()),
        "month" => number(d.month().into()),
        "day" => number(d.day().into()),
        "weekday" => number(d.weekday().into()),
        _ => None,
    };
    let time = |t: &Time, offset: Option<i32>| match name {
        "hour" => number(t.hour().into()),
        "minute" => number(t.minute().into()),
        "second" => number(t.second().into()),
        "time offset" => {
            DaysTime::from_nanos(i128::from(offset?) * 1_000_000_000).map(Value::DaysTime)
        }
        "timezone" => match t.zone {
            Zone::Named(zone) => Some(Value::text(zone.name())),
            _ => None,
        },
        _ => None,
    };
    match value {
        Value::Date(d) => date(d),
        Value::DateTime(d) => date(&d.date).or_else(|| time(&d.time, d.offset())),
        Value::Time(t) => time(t, t.offset()),
        Value::YearsMonths(m) => match name {
            "years" => number(m / 12),
            "months" => number(m % 12),
            _ => None,
        },
        Value::DaysTime(d) => {
            let (sign, [days, hours, minutes, seconds, _]) = d.parts();
            match name {
                "days" => number(sign * days),
                "hours" => number(sign * hours),
                "minutes" => number(sign * minutes),
                "seconds" => number(sign * seconds),
                _ => None,
            }
        }
        Value::Range(r) => match name {
            "start" => Some(r.low.clone()),
            "end" => Some(r.high.clone()),
            "start included" => Some(Value::Boolean(r.low_closed)),
            "end included" => Some(Value::Boolean(r.high_closed)),
            _ => None,
        },
        _ => None,
    }
}
