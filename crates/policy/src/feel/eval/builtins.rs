//! Dispatch of the built-in functions, and those on numbers, booleans and contexts.

use super::{Eval, Fault, Host, Machine};
use crate::feel::ast::{Expr, ExprKind, Span};
use crate::feel::builtin::Builtin as B;
use crate::feel::number::{Number, Rounding};
use crate::feel::value::{Context, Value};
use std::sync::Arc;

/// `None`: the arguments do not fit, which is null in lenient mode and an error in strict mode.
pub(super) type Answer = Option<Value>;

impl Machine {
    pub(super) fn builtin(&mut self, host: &dyn Host, f: B, args: &[Expr], span: Span) -> Eval {
        match args {
            [one] if folds(f) && is_derived(one) => return self.fold_items(host, f, one, span),
            [one] => {
                let value = self.eval(host, one)?;
                return self.call_builtin(host, f, &[value], span);
            }
            [one, two] => {
                let both = [self.eval(host, one)?, self.eval(host, two)?];
                return match (f, &both) {
                    (B::Min, [Value::Number(a), Value::Number(b)]) => {
                        Ok(Value::Number(if b < a { *b } else { *a }))
                    }
                    (B::Max, [Value::Number(a), Value::Number(b)]) => {
                        Ok(Value::Number(if b > a { *b } else { *a }))
                    }
                    _ => self.call_builtin(host, f, &both, span),
                };
            }
            _ => {}
        }
        let mut few: [Value; 4] = Default::default();
        if args.len() <= few.len() {
            for (slot, arg) in few.iter_mut().zip(args) {
                *slot = self.eval(host, arg)?;
            }
            return self.call_builtin(host, f, &few[..args.len()], span);
        }
        let mut many = Vec::with_capacity(args.len());
        for arg in args {
            many.push(self.eval(host, arg)?);
        }
        self.call_builtin(host, f, &many, span)
    }

    /// A fold over the items of a path or a filter, for which no list is made.
    fn fold_items(&mut self, host: &dyn Host, f: B, list: &Expr, span: Span) -> Eval {
        self.with_buffer(|machine, items| {
            let answer = match machine.items(host, list, items)? {
                Some(value) => return machine.call_builtin(host, f, &[value], span),
                None => {
                    if f != B::Count {
                        machine.charge(items.len() >> 2, span)?;
                    }
                    machine.fold_answer(f, items, span)?
                }
            };
            match answer {
                Some(value) => Ok(value),
                None => machine.misfit(span, || Fault::Argument(f.name())),
            }
        })
    }

    pub(super) fn call_builtin(
        &mut self,
        host: &dyn Host,
        f: B,
        args: &[Value],
        span: Span,
    ) -> Eval {
        if self.strict() && spreads(f) && args.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        let work: usize = args.iter().map(|arg| work(f, arg)).sum();
        if work > 0 {
            self.charge(work, span)?;
        }
        let answer = match f {
            B::Floor => round(args, Rounding::Floor),
            B::Ceiling => round(args, Rounding::Ceiling),
            B::Decimal => round(args, Rounding::HalfEven),
            B::RoundUp => round(args, Rounding::Up),
            B::RoundDown => round(args, Rounding::Down),
            B::RoundHalfUp => round(args, Rounding::HalfUp),
            B::RoundHalfDown => round(args, Rounding::HalfDown),
            B::Abs => match scalar(&args[0]) {
                Value::Number(n) => Some(Value::Number(n.abs())),
                Value::YearsMonths(m) => m.checked_abs().map(Value::YearsMonths),
                Value::DaysTime(d) => crate::feel::temporal::DaysTime::from_nanos(d.nanos().abs())
                    .map(Value::DaysTime),
                _ => None,
            },
            B::Modulo => numbers(args)
                .and_then(|[a, b]| a.modulo(b))
                .map(Value::Number),
            B::Sqrt => number(args, 0).and_then(Number::sqrt).map(Value::Number),
            B::Log => number(args, 0).and_then(Number::ln).map(Value::Number),
            B::Exp => number(args, 0).and_then(Number::exp).map(Value::Number),
            B::Odd => number(args, 0).and_then(|n| parity(n, 1)),
            B::Even => number(args, 0).and_then(|n| parity(n, 0)),
            B::Not => match scalar(&args[0]) {
                Value::Boolean(b) => Some(Value::Boolean(!b)),
                _ => None,
            },
            B::Is => Some(Value::Boolean(args.len() == 2 && is(&args[0], &args[1]))),
            B::Context => context_of(&args[0]),
            B::GetValue => match (scalar(&args[0]), &args[1]) {
                (Value::Context(c), Value::Text(key)) => c.get(key).cloned(),
                _ => None,
            },
            B::GetEntries => match scalar(&args[0]) {
                Value::Context(c) => Some(entries(c)),
                _ => None,
            },
            B::ContextPut => put(scalar(&args[0]), &args[1], &args[2]),
            B::ContextMerge => merge(&args[0]),
            B::Number
            | B::String
            | B::Substring
            | B::StringLength
            | B::UpperCase
            | B::LowerCase
            | B::SubstringBefore
            | B::SubstringAfter
            | B::Replace
            | B::Contains
            | B::StartsWith
            | B::EndsWith
            | B::Matches
            | B::Split
            | B::StringJoin => self.text_function(f, args, span)?,
            B::Date
            | B::DateAndTime
            | B::Time
            | B::Duration
            | B::YearsMonthsDuration
            | B::DayOfYear
            | B::DayOfWeek
            | B::MonthOfYear
            | B::WeekOfYear
            | B::Now
            | B::Today => self.date_function(host, f, args),
            B::RangeOf
            | B::Before
            | B::After
            | B::Meets
            | B::MetBy
            | B::Overlaps
            | B::OverlapsBefore
            | B::OverlapsAfter
            | B::Finishes
            | B::FinishedBy
            | B::Includes
            | B::During
            | B::Starts
            | B::StartedBy
            | B::Coincides => self.range_function(host, f, args)?,
            _ => self.list_function(host, f, args, span)?,
        };
        match answer {
            Some(value) => Ok(value),
            None => self.misfit(span, || Fault::Argument(f.name())),
        }
    }
}

/// What an argument costs beyond the call, in iterations. Without it a loop over calls on a large list
/// or text would do the square of what the limit allows.
#[inline]
fn work(f: B, arg: &Value) -> usize {
    match arg {
        Value::Number(_) => match f {
            B::Exp | B::Log | B::Sqrt => 50,
            _ => 0,
        },
        Value::Text(text) => text.len() >> 6,
        Value::List(items) => match f {
            B::Count => 0,
            // Comparisons, about twenty for each item of a long list.
            B::Sort | B::Median | B::Mode => items.len(),
            // Each entry is looked for among those before it.
            B::Context | B::ContextMerge => items.len().saturating_mul(items.len()) >> 5,
            _ => items.len() >> 2,
        },
        Value::Context(context) => context.len() >> 2,
        _ => 0,
    }
}

/// Is it a function of one list that gives one value, and keeps none of the items but that?
fn folds(f: B) -> bool {
    matches!(
        f,
        B::Count | B::Sum | B::Min | B::Max | B::Mean | B::Product | B::All | B::Any
    )
}

/// Is it a list that is made from another item by item?
fn is_derived(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Path { .. }
            | ExprKind::Filter {
                uses_item: true,
                ..
            }
    )
}

/// Does an unknown argument make the result unknown?
pub(crate) fn spreads(f: B) -> bool {
    !matches!(
        f,
        B::Number
            | B::Append
            | B::InsertBefore
            | B::ListReplace
            | B::Is
            | B::Min
            | B::Max
            | B::Sum
            | B::Mean
            | B::All
            | B::Any
            | B::Product
            | B::Median
            | B::Stddev
            | B::Mode
            | B::ContextPut
            | B::Time
            | B::StringJoin
    )
}

/// A list of one item stands for its item.
#[inline]
pub(super) fn scalar(value: &Value) -> &Value {
    match value {
        Value::List(items) => match items.as_slice() {
            [single] => single,
            _ => value,
        },
        _ => value,
    }
}

#[inline]
pub(super) fn number(args: &[Value], at: usize) -> Option<Number> {
    scalar(args.get(at)?).as_number()
}

fn numbers(args: &[Value]) -> Option<[Number; 2]> {
    Some([number(args, 0)?, number(args, 1)?])
}

fn parity(n: Number, wanted: i64) -> Answer {
    if !n.is_integer() {
        return Some(Value::Boolean(false));
    }
    let rest = n.modulo(Number::int(2))?;
    Some(Value::Boolean(rest == Number::int(wanted)))
}

fn round(args: &[Value], mode: Rounding) -> Answer {
    let n = number(args, 0)?;
    let scale = match args.get(1) {
        None => 0,
        Some(_) => number(args, 1)?.round(0, Rounding::Down).to_i64()?,
    };
    if !(-6111..=6176).contains(&scale) {
        return None;
    }
    Some(Value::Number(n.round(scale as i32, mode)))
}

/// Same kind and same value, written the same: `is(@"…Z", @"…+00:00")` by zone as well.
fn is(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Time(x), Value::Time(y)) => x == y,
        (Value::DateTime(x), Value::DateTime(y)) => x == y,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b) && a.equals(b) == Some(true),
    }
}

fn entries(context: &Context) -> Value {
    let items = context.iter().map(|(name, value)| {
        let entry = [
            (Arc::from("key"), Value::Text(name.clone())),
            (Arc::from("value"), value.clone()),
        ];
        Value::Context(Arc::new(entry.into_iter().collect()))
    });
    Value::list(items.collect())
}

fn context_of(value: &Value) -> Answer {
    let single;
    let items = match value {
        Value::List(items) => items.as_slice(),
        Value::Context(_) => {
            single = [value.clone()];
            &single
        }
        _ => return None,
    };
    let mut out = Context::new();
    for item in items {
        let entry = item.as_context()?;
        let key = entry.get("key")?.as_text()?;
        let value = entry.get("value")?;
        if out.get(key).is_some() {
            return None;
        }
        out.set(key.into(), value.clone());
    }
    Some(Value::Context(Arc::new(out)))
}

fn put(context: &Value, key: &Value, value: &Value) -> Answer {
    let Value::Context(context) = context else {
        return None;
    };
    match key {
        Value::Text(key) => {
            let mut out = (**context).clone();
            out.set(key.clone(), value.clone());
            Some(Value::Context(Arc::new(out)))
        }
        Value::List(keys) => {
            let (first, rest) = keys.split_first()?;
            let Value::Text(first) = first else {
                return None;
            };
            if rest.is_empty() {
                return put(
                    &Value::Context(context.clone()),
                    &Value::Text(first.clone()),
                    value,
                );
            }
            if keys.len() > 64 {
                return None;
            }
            let inner = match context.get(first) {
                Some(inner) => inner.clone(),
                None => return None,
            };
            let inner = put(&inner, &Value::list(rest.to_vec()), value)?;
            let mut out = (**context).clone();
            out.set(first.clone(), inner);
            Some(Value::Context(Arc::new(out)))
        }
        _ => None,
    }
}

fn merge(contexts: &Value) -> Answer {
    let mut out = Context::new();
    match contexts {
        Value::List(items) => {
            for item in items.iter() {
                for (name, value) in item.as_context()?.iter() {
                    out.set(name.clone(), value.clone());
                }
            }
        }
        Value::Context(c) => return Some(Value::Context(c.clone())),
        _ => return None,
    }
    Some(Value::Context(Arc::new(out)))
}
