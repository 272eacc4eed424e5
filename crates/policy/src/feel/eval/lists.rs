//! Functions on lists.

use super::builtins::{Answer, number};
use super::operators::truth;
use super::{Eval, Fault, Host, MAX_ITEMS, Machine, error};
use crate::feel::ast::{Arith, Compare, Function, Span};
use crate::feel::builtin::Builtin as B;
use crate::feel::number::{Number, Rounding};
use crate::feel::value::Value;
use std::cmp::Ordering;
use std::sync::Arc;

/// The items of a list argument; a lone value is a list of one.
fn items_of(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(items) => Some(items),
        Value::Null => None,
        single => Some(std::slice::from_ref(single)),
    }
}

/// The items of functions that take a list or its items one by one.
fn items_or_args(args: &[Value]) -> Option<&[Value]> {
    match args {
        [Value::List(items)] => Some(items),
        [Value::Null] => None,
        args => Some(args),
    }
}

impl Machine {
    pub(super) fn list_function(
        &mut self,
        host: &dyn Host,
        f: B,
        args: &[Value],
        span: Span,
    ) -> Eval<Answer> {
        if matches!(
            f,
            B::Min
                | B::Max
                | B::Sum
                | B::Mean
                | B::Product
                | B::Median
                | B::Stddev
                | B::Mode
                | B::All
                | B::Any
        ) {
            let Some(items) = items_or_args(args) else {
                return Ok(if self.strict() {
                    Some(Value::Null)
                } else {
                    None
                });
            };
            return self.fold_answer(f, items, span);
        }
        let Some(items) = items_of(&args[0]) else {
            return self.on_null(f, args);
        };
        Ok(match f {
            B::Count => Some(whole(items.len())),
            B::ListContains => Some(self.contains(items, &args[1], span)?),
            B::Sublist => sublist(items, args),
            B::Append => self.sized(items.iter().chain(&args[1..]).cloned(), span)?,
            B::Concatenate | B::Union => {
                let mut all = Vec::new();
                for arg in args {
                    match items_of(arg) {
                        Some(more) => all.extend_from_slice(more),
                        None => all.push(Value::Null),
                    }
                    if all.len() > MAX_ITEMS {
                        return Err(error(span, Fault::TooLarge));
                    }
                }
                Some(Value::list(if f == B::Union {
                    self.distinct(&all, span)?
                } else {
                    all
                }))
            }
            B::DistinctValues => Some(Value::list(self.distinct(items, span)?)),
            B::InsertBefore => position(items.len(), args, 1).map(|at| {
                let mut out = items.to_vec();
                out.insert(at, args[2].clone());
                Value::list(out)
            }),
            B::Remove => position(items.len(), args, 1).map(|at| {
                let mut out = items.to_vec();
                out.remove(at);
                Value::list(out)
            }),
            B::ListReplace => self.replace_items(host, items, args, span)?,
            B::Reverse => Some(Value::list(items.iter().rev().cloned().collect())),
            B::IndexOf => {
                let mut found = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    if self.is_item(item, &args[1], span)? {
                        found.push(whole(i + 1));
                    }
                }
                Some(Value::list(found))
            }
            B::Flatten => {
                let mut out = Vec::new();
                flatten(items, &mut out, 0).ok_or_else(|| error(span, Fault::TooLarge))?;
                Some(Value::list(out))
            }
            B::Sort => self.sort(host, items, args.get(1), span)?,
            _ => None,
        })
    }

    /// What a fold gives for items; [`B::Count`] too.
    pub(super) fn fold_answer(&mut self, f: B, items: &[Value], span: Span) -> Eval<Answer> {
        if f == B::Count {
            return Ok(Some(whole(items.len())));
        }
        if self.strict() && !matches!(f, B::All | B::Any) && items.iter().any(Value::is_null) {
            return Ok(Some(Value::Null));
        }
        self.fold(f, items, span)
    }

    /// A null in place of a list.
    fn on_null(&self, f: B, args: &[Value]) -> Eval<Answer> {
        Ok(match f {
            B::Concatenate | B::Union if args.iter().all(|a| items_of(a).is_none()) => None,
            B::Append => None,
            _ => None,
        })
    }

    fn sized(&self, items: impl Iterator<Item = Value>, span: Span) -> Eval<Answer> {
        let items: Vec<Value> = items.take(MAX_ITEMS + 1).collect();
        if items.len() > MAX_ITEMS {
            return Err(error(span, Fault::TooLarge));
        }
        Ok(Some(Value::list(items)))
    }

    /// Membership: null is found among nulls.
    fn is_item(&mut self, a: &Value, b: &Value, span: Span) -> Eval<bool> {
        Ok(self.equal(a, b, span)? == Some(true))
    }

    fn contains(&mut self, items: &[Value], wanted: &Value, span: Span) -> Eval {
        for item in items {
            if self.is_item(item, wanted, span)? {
                return Ok(Value::Boolean(true));
            }
        }
        if self.strict() && (wanted.is_null() || items.iter().any(Value::is_null)) {
            return Ok(Value::Null);
        }
        Ok(Value::Boolean(false))
    }

    fn distinct(&mut self, items: &[Value], span: Span) -> Eval<Vec<Value>> {
        let mut out: Vec<Value> = Vec::new();
        for item in items {
            self.steps += out.len() as u64 / 8;
            self.step(span)?;
            let mut known = false;
            for other in &out {
                known = known || self.is_item(other, item, span)?;
            }
            if !known {
                out.push(item.clone());
            }
        }
        Ok(out)
    }

    fn replace_items(
        &mut self,
        host: &dyn Host,
        items: &[Value],
        args: &[Value],
        span: Span,
    ) -> Eval<Answer> {
        match &args[1] {
            Value::Function(matcher) => {
                if !matcher.arity_fits(2) {
                    return Ok(None);
                }
                let mut out = Vec::with_capacity(items.len());
                for item in items {
                    let answer =
                        self.apply(host, matcher, vec![item.clone(), args[2].clone()], span)?;
                    match answer {
                        Value::Boolean(true) => out.push(args[2].clone()),
                        Value::Boolean(false) => out.push(item.clone()),
                        _ => return Ok(None),
                    }
                }
                Ok(Some(Value::list(out)))
            }
            _ => Ok(position(items.len(), args, 1).map(|at| {
                let mut out = items.to_vec();
                out[at] = args[2].clone();
                Value::list(out)
            })),
        }
    }

    fn sort(
        &mut self,
        host: &dyn Host,
        items: &[Value],
        precedes: Option<&Value>,
        span: Span,
    ) -> Eval<Answer> {
        let function: Option<Arc<Function>> = match precedes {
            None | Some(Value::Null) => None,
            Some(Value::Function(f)) if f.arity_fits(2) => Some(f.clone()),
            Some(_) => return Ok(None),
        };
        let mut fits = true;
        let sorted = self.merge_sort(items.to_vec(), &mut |machine, a, b| match &function {
            Some(f) => {
                // Stable: `a` stays first unless `b` comes strictly before it.
                let answer = machine.apply(host, f, vec![b.clone(), a.clone()], span)?;
                match answer.as_bool() {
                    Some(answer) => Ok(answer),
                    None => {
                        fits = false;
                        Ok(false)
                    }
                }
            }
            None => match b.compare(a) {
                Some(order) => Ok(order == Ordering::Less),
                None => {
                    fits = false;
                    Ok(false)
                }
            },
        })?;
        Ok(fits.then(|| Value::list(sorted)))
    }

    /// Sorts with a fallible question: does the second come strictly before the first?
    fn merge_sort(
        &mut self,
        mut items: Vec<Value>,
        swap: &mut dyn FnMut(&mut Machine, &Value, &Value) -> Eval<bool>,
    ) -> Eval<Vec<Value>> {
        if items.len() < 2 {
            return Ok(items);
        }
        let right = items.split_off(items.len() / 2);
        let left = self.merge_sort(items, swap)?;
        let right = self.merge_sort(right, swap)?;
        let mut out = Vec::with_capacity(left.len() + right.len());
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let next = if swap(self, a, b)? {
                right.next()
            } else {
                left.next()
            };
            out.extend(next);
        }
        out.extend(left);
        out.extend(right);
        Ok(out)
    }

    fn fold(&mut self, f: B, items: &[Value], span: Span) -> Eval<Answer> {
        let empty_answer = match (f, items.is_empty()) {
            (B::Sum, true) => Some(if self.strict() {
                Some(Value::Number(Number::ZERO))
            } else {
                None
            }),
            (B::Mode, true) => Some(Some(Value::list(Vec::new()))),
            (B::All, true) => Some(Some(Value::Boolean(true))),
            (B::Any, true) => Some(Some(Value::Boolean(false))),
            (_, true) => Some(if self.strict() {
                Some(Value::Null)
            } else {
                None
            }),
            _ => None,
        };
        if let Some(answer) = empty_answer {
            return Ok(answer);
        }
        Ok(match f {
            B::Min | B::Max => self.extreme(items, f == B::Max),
            B::Sum => match &items[0] {
                Value::Number(_) => sum(items).map(Value::Number),
                first @ (Value::YearsMonths(_) | Value::DaysTime(_)) => {
                    let mut total = first.clone();
                    for item in &items[1..] {
                        total = self.arith(Arith::Add, &total, item, span)?;
                    }
                    Some(total)
                }
                _ => None,
            },
            B::Mean => mean(items).map(Value::Number),
            B::Product => items
                .iter()
                .try_fold(Number::ONE, |acc, v| acc.mul(v.as_number()?))
                .map(Value::Number),
            B::Median => median(items),
            B::Stddev => stddev(items),
            B::Mode => mode(items),
            B::All => self.all(items, true),
            B::Any => self.all(items, false),
            _ => None,
        })
    }

    fn extreme(&self, items: &[Value], greatest: bool) -> Answer {
        let mut best = &items[0];
        if items.len() == 1 && best.compare(best).is_none() {
            return None;
        }
        for item in &items[1..] {
            let op = if greatest { Compare::Gt } else { Compare::Lt };
            if self.compare_values(op, item, best, false)? {
                best = item;
            }
        }
        Some(best.clone())
    }

    /// `all`, or with `all` false `any`: three-valued, and null for what is no boolean.
    fn all(&self, items: &[Value], all: bool) -> Answer {
        let mut unknown = false;
        for item in items {
            match item {
                Value::Boolean(b) if *b != all => return Some(Value::Boolean(!all)),
                Value::Boolean(_) => {}
                _ => unknown = true,
            }
        }
        Some(truth(if unknown { None } else { Some(all) }))
    }
}

fn whole(n: usize) -> Value {
    Value::Number(Number::int(n as i64))
}

fn sum(items: &[Value]) -> Option<Number> {
    items
        .iter()
        .try_fold(Number::ZERO, |total, v| total.add(v.as_number()?))
}

fn mean(items: &[Value]) -> Option<Number> {
    sum(items)?.div(Number::int(items.len() as i64))
}

fn median(items: &[Value]) -> Answer {
    let mut sorted: Vec<Number> = items.iter().map(Value::as_number).collect::<Option<_>>()?;
    sorted.sort();
    let middle = sorted.len() / 2;
    let value = if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        sorted[middle - 1]
            .add(sorted[middle])?
            .div(Number::int(2))?
    };
    Some(Value::Number(value))
}

fn stddev(items: &[Value]) -> Answer {
    if items.len() < 2 {
        return None;
    }
    let mean = mean(items)?;
    let mut squares = Number::ZERO;
    for item in items {
        let distance = item.as_number()?.sub(mean)?;
        squares = squares.add(distance.mul(distance)?)?;
    }
    squares
        .div(Number::int(items.len() as i64 - 1))?
        .sqrt()
        .map(Value::Number)
}

fn mode(items: &[Value]) -> Answer {
    let mut sorted: Vec<Number> = items.iter().map(Value::as_number).collect::<Option<_>>()?;
    sorted.sort();
    let (mut best, mut winners): (usize, Vec<Value>) = (0, Vec::new());
    for run in sorted.chunk_by(|a, b| a == b) {
        if run.len() > best {
            best = run.len();
            winners.clear();
        }
        if run.len() == best {
            winners.push(Value::Number(run[0]));
        }
    }
    Some(Value::list(winners))
}

/// A position counted from 1 or from the end, as an index.
fn position(length: usize, args: &[Value], at: usize) -> Option<usize> {
    let position = number(args, at)?.round(0, Rounding::Down).to_i64()?;
    let index = match position {
        1.. => usize::try_from(position - 1).ok()?,
        0 => return None,
        _ => length.checked_sub(usize::try_from(position.unsigned_abs()).ok()?)?,
    };
    (index < length).then_some(index)
}

fn sublist(items: &[Value], args: &[Value]) -> Answer {
    let start = position(items.len(), args, 1)?;
    let rest = &items[start..];
    let taken = match args.get(2) {
        None => rest,
        Some(_) => {
            let length =
                usize::try_from(number(args, 2)?.round(0, Rounding::Down).to_i64()?).ok()?;
            rest.get(..length)?
        }
    };
    Some(Value::list(taken.to_vec()))
}

fn flatten(items: &[Value], out: &mut Vec<Value>, depth: u32) -> Option<()> {
    if depth > 200 {
        return None;
    }
    for item in items {
        match item {
            Value::List(inner) => flatten(inner, out, depth + 1)?,
            other => out.push(other.clone()),
        }
        if out.len() > MAX_ITEMS {
            return None;
        }
    }
    Some(())
}
