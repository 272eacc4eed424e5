//! Lists, contexts, filters, loops, quantifiers, ranges and calls.

use super::operators::truth;
use super::{Eval, Fault, Host, MAX_ITEMS, MAX_PARTIAL, Machine, error};
use crate::feel::ast::{Entry, Expr, ExprKind, Function, Iterator_, RangeExpr, Span, UnaryTest};
use crate::feel::number::{Number, Rounding};
use crate::feel::temporal::Date;
use crate::feel::types::Type;
use crate::feel::value::{Context, Items, Range, Value};
use std::sync::Arc;

/// What a loop runs over, without building a list for a range.
enum Source {
    Items(Arc<Items>),
    Numbers {
        next: Number,
        step: Number,
        left: usize,
    },
    Days {
        next: i64,
        step: i64,
        left: usize,
    },
}

impl Iterator for Source {
    type Item = Value;
    fn next(&mut self) -> Option<Value> {
        match self {
            Source::Items(_) => None,
            Source::Numbers { next, step, left } => {
                *left = left.checked_sub(1)?;
                let value = *next;
                *next = next.add(*step)?;
                Some(Value::Number(value))
            }
            Source::Days { next, step, left } => {
                *left = left.checked_sub(1)?;
                let value = Date::from_days(*next)?;
                *next += *step;
                Some(Value::Date(value))
            }
        }
    }
}

impl Machine {
    pub(super) fn list(&mut self, host: &dyn Host, items: &[Expr]) -> Eval {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            out.push(self.eval(host, item)?);
        }
        Ok(Value::list(out))
    }

    pub(super) fn context(
        &mut self,
        host: &dyn Host,
        entries: &[Entry],
        result: Option<&Expr>,
    ) -> Eval {
        let length = self.stack.len();
        let value = self.context_entries(host, entries, result, length);
        self.stack.truncate(length);
        value
    }

    fn context_entries(
        &mut self,
        host: &dyn Host,
        entries: &[Entry],
        result: Option<&Expr>,
        length: usize,
    ) -> Eval {
        for entry in entries {
            let value = self.eval(host, &entry.value)?;
            self.stack.push(value);
        }
        if let Some(result) = result {
            return self.eval(host, result);
        }
        let values = self.stack.drain(length..);
        let context: Context = entries.iter().map(|e| e.name.clone()).zip(values).collect();
        Ok(Value::Context(Arc::new(context)))
    }

    pub(super) fn range(&mut self, host: &dyn Host, range: &RangeExpr, span: Span) -> Eval {
        let low = match &range.low {
            Some(low) => self.eval(host, low)?,
            None => Value::Null,
        };
        let high = match &range.high {
            Some(high) => self.eval(host, high)?,
            None => Value::Null,
        };
        if self.strict() {
            let unknown = |end: &Option<Expr>, value: &Value| end.is_some() && value.is_null();
            if unknown(&range.low, &low) || unknown(&range.high, &high) {
                return Ok(Value::Null);
            }
        }
        if !low.is_null() && !high.is_null() {
            match low.compare(&high) {
                Some(std::cmp::Ordering::Greater) if !self.strict() => return Ok(Value::Null),
                Some(_) => {}
                None => return self.misfit(span, || Fault::Kind(low.kind(), high.kind())),
            }
        }
        let (low_closed, high_closed) = (range.low_closed, range.high_closed);
        Ok(Value::Range(Arc::new(Range {
            low,
            low_closed,
            high,
            high_closed,
            compared: range.compared,
        })))
    }

    pub(super) fn filter(
        &mut self,
        host: &dyn Host,
        base: &Expr,
        condition: &Expr,
        uses_item: bool,
    ) -> Eval {
        let base_value = self.eval(host, base)?;
        let items = match base_value {
            Value::List(items) => items,
            Value::Null if self.strict() => return Ok(Value::Null),
            Value::Null => Arc::default(),
            single => Arc::new(Items::new(vec![single])),
        };
        let length = self.stack.len();
        let value = if uses_item {
            let mut kept = Vec::new();
            let single = self.retain(host, &items, &mut kept, condition);
            single.map(|single| single.unwrap_or_else(|| Value::list(kept)))
        } else {
            self.filter_once(host, &items, condition)
        };
        self.stack.truncate(length);
        value
    }

    fn filter_once(&mut self, host: &dyn Host, items: &Arc<Items>, condition: &Expr) -> Eval {
        self.stack.push(Value::Null);
        Ok(match self.eval(host, condition)? {
            Value::Number(position) => nth(items, position).cloned().unwrap_or_default(),
            Value::Boolean(true) => Value::List(items.clone()),
            Value::Null if self.strict() => Value::Null,
            Value::Boolean(false) | Value::Null => Value::list(Vec::new()),
            _ => Value::Null,
        })
    }

    /// The items of a path or a filter into a buffer, as [`Machine::path`] and [`Machine::filter`]
    /// would make a list of them; the value where it is no list.
    pub(super) fn items(
        &mut self,
        host: &dyn Host,
        expr: &Expr,
        out: &mut Vec<Value>,
    ) -> Eval<Option<Value>> {
        match &expr.kind {
            ExprKind::Path { base, name, field } => {
                let single = self.deeper(expr.span, |m| m.items(host, base, out))?;
                if let Some(value) = single {
                    let value = self.path(host, &value, name, *field, expr.span)?;
                    return Ok(spread(value, out));
                }
                for item in out.iter_mut() {
                    self.step(expr.span)?;
                    *item = match &*item {
                        Value::List(_) => return Ok(Some(Value::Null)),
                        other => self.path(host, other, name, *field, expr.span)?,
                    };
                }
                Ok(None)
            }
            ExprKind::Filter {
                base,
                condition,
                uses_item: true,
                ..
            } => {
                match self.deeper(expr.span, |m| m.items(host, base, out))? {
                    None => {}
                    Some(Value::Null) if self.strict() => return Ok(Some(Value::Null)),
                    Some(Value::Null) => {}
                    Some(single) => out.push(single),
                }
                let length = self.stack.len();
                let single = self.with_buffer(|machine, kept| {
                    let single =
                        machine.deeper(expr.span, |m| m.retain(host, out, kept, condition));
                    std::mem::swap(out, kept);
                    single
                });
                self.stack.truncate(length);
                Ok(single?.and_then(|value| spread(value, out)))
            }
            _ => Ok(spread(self.eval(host, expr)?, out)),
        }
    }

    /// The items that meet a condition into `kept`; the value where that makes no list.
    fn retain(
        &mut self,
        host: &dyn Host,
        items: &[Value],
        kept: &mut Vec<Value>,
        condition: &Expr,
    ) -> Eval<Option<Value>> {
        let at = self.stack.len();
        self.stack.push(Value::Null);
        for item in items {
            self.step(condition.span)?;
            self.stack[at] = item.clone();
            match self.eval(host, condition)? {
                Value::Boolean(true) => kept.push(item.clone()),
                Value::Boolean(false) => {}
                Value::Null if self.strict() => return Ok(Some(Value::Null)),
                Value::Number(position) => {
                    return Ok(Some(nth(items, position).cloned().unwrap_or_default()));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// What an iterator runs over; `None` when that is null or nothing to run over.
    fn source(&mut self, host: &dyn Host, iterator: &Iterator_) -> Eval<Option<Source>> {
        let span = iterator.source.span;
        let low = self.eval(host, &iterator.source)?;
        if let Some(high) = &iterator.high {
            let high = self.eval(host, high)?;
            return self.steps_between(&low, &high, true, true, span);
        }
        match low {
            Value::List(items) => Ok(Some(Source::Items(items))),
            Value::Range(r) => {
                if r.low.is_null() || r.high.is_null() {
                    return Ok(None);
                }
                self.steps_between(&r.low, &r.high, r.low_closed, r.high_closed, span)
            }
            Value::Null => Ok(None),
            single if !self.strict() => Ok(Some(Source::Items(Arc::new(Items::new(vec![single]))))),
            other => Err(error(span, Fault::Kind("list", other.kind()))),
        }
    }

    fn steps_between(
        &mut self,
        low: &Value,
        high: &Value,
        low_closed: bool,
        high_closed: bool,
        span: Span,
    ) -> Eval<Option<Source>> {
        let source = match (low, high) {
            (Value::Number(a), Value::Number(b)) => {
                if !a.is_integer() || !b.is_integer() {
                    return self.misfit(span, || Fault::Argument("..")).map(|_| None);
                }
                let down = a > b;
                let step = if down { Number::int(-1) } else { Number::ONE };
                let distance = b
                    .sub(*a)
                    .map(|d| d.abs().round(0, Rounding::Down))
                    .and_then(|d| d.to_i64());
                let Some(distance) = distance else {
                    return Err(error(span, Fault::TooLarge));
                };
                let next = if low_closed { Some(*a) } else { a.add(step) };
                let (Some(next), Some(left)) = (next, count(distance, low_closed, high_closed))
                else {
                    return Err(error(span, Fault::TooLarge));
                };
                Source::Numbers { next, step, left }
            }
            (Value::Date(a), Value::Date(b)) => {
                let (a, b) = (a.days(), b.days());
                let step = if a > b { -1 } else { 1 };
                let next = if low_closed { a } else { a + step };
                let Some(left) = count((b - a).abs(), low_closed, high_closed) else {
                    return Err(error(span, Fault::TooLarge));
                };
                Source::Days { next, step, left }
            }
            (Value::Null, _) | (_, Value::Null) => return Ok(None),
            _ => return self.misfit(span, || Fault::Argument("..")).map(|_| None),
        };
        Ok(Some(source))
    }

    pub(super) fn iterate(
        &mut self,
        host: &dyn Host,
        iterators: &[Iterator_],
        body: &Expr,
        uses_partial: bool,
    ) -> Eval {
        let length = self.stack.len();
        let mut results: Arc<Items> = Arc::default();
        let finished = self.iterate_from(host, iterators, 0, &mut |machine| {
            machine.stack.push(if uses_partial {
                Value::List(results.clone())
            } else {
                Value::Null
            });
            let value = machine.eval(host, body);
            machine.stack.pop();
            let limit = if uses_partial { MAX_PARTIAL } else { MAX_ITEMS };
            if results.len() >= limit {
                return Err(error(body.span, Fault::TooLarge));
            }
            Arc::make_mut(&mut results).push(value?);
            Ok(true)
        });
        self.stack.truncate(length);
        Ok(if finished? {
            Value::List(results)
        } else {
            Value::Null
        })
    }

    /// Runs `each` for every combination, with the variables on the stack, until it gives false.
    /// False when a source is null.
    fn iterate_from(
        &mut self,
        host: &dyn Host,
        iterators: &[Iterator_],
        at: usize,
        each: &mut dyn FnMut(&mut Machine) -> Eval<bool>,
    ) -> Eval<bool> {
        let Some(iterator) = iterators.get(at) else {
            return each(self).map(|_| true);
        };
        let Some(source) = self.source(host, iterator)? else {
            return Ok(false);
        };
        let place = self.stack.len();
        self.stack.push(Value::Null);
        let mut run = |machine: &mut Machine, value: Value| -> Eval<bool> {
            machine.step(iterator.source.span)?;
            machine.stack[place] = value;
            machine.iterate_from(host, iterators, at + 1, each)
        };
        match source {
            Source::Items(items) => {
                for item in items.iter() {
                    if !run(self, item.clone())? {
                        return Ok(false);
                    }
                }
            }
            numbers => {
                for value in numbers {
                    if !run(self, value)? {
                        return Ok(false);
                    }
                }
            }
        }
        self.stack.truncate(place);
        Ok(true)
    }

    pub(super) fn quantify(
        &mut self,
        host: &dyn Host,
        every: bool,
        iterators: &[Iterator_],
        condition: &Expr,
    ) -> Eval {
        let length = self.stack.len();
        let (mut decided, mut unknown) = (false, false);
        let finished = self.iterate_from(host, iterators, 0, &mut |machine| {
            if !decided {
                match machine.eval(host, condition)?.as_bool() {
                    Some(answer) => decided = answer != every,
                    None => unknown = true,
                }
            }
            Ok(true)
        });
        self.stack.truncate(length);
        if !finished? {
            return Ok(Value::Null);
        }
        Ok(truth(match (decided, unknown) {
            (true, _) => Some(!every),
            (false, true) => None,
            (false, false) => Some(every),
        }))
    }

    pub(super) fn invoke(
        &mut self,
        host: &dyn Host,
        callee: &Expr,
        args: &[Expr],
        names: &[Arc<str>],
        span: Span,
    ) -> Eval {
        let function = self.eval(host, callee)?;
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            values.push(self.eval(host, arg)?);
        }
        let Value::Function(function) = function else {
            if function.is_null() {
                return Ok(Value::Null);
            }
            return self.misfit(span, || Fault::Kind("function", function.kind()));
        };
        if !names.is_empty() {
            match arrange(&function, values, names) {
                Some(placed) => values = placed,
                None => return self.misfit(span, || Fault::Argument("function")),
            }
        }
        self.apply(host, &function, values, span)
    }

    pub(super) fn apply(
        &mut self,
        host: &dyn Host,
        function: &Arc<Function>,
        args: Vec<Value>,
        span: Span,
    ) -> Eval {
        self.step(span)?;
        match &**function {
            Function::Builtin(builtin) => {
                if !builtin.takes(args.len()) {
                    return self.misfit(span, || Fault::Argument(builtin.name()));
                }
                self.call_builtin(host, *builtin, &args, span)
            }
            Function::Host { slot, params } => {
                let Some(args) = self.fit_arguments(host, args, params)? else {
                    return self.misfit(span, || Fault::Argument("function"));
                };
                self.deeper(span, |machine| host.call(machine, *slot, args))
            }
            Function::Closure(closure, captured) => {
                let Some(args) = self.fit_arguments(host, args, &closure.params)? else {
                    return self.misfit(span, || Fault::Argument("function"));
                };
                let Some(body) = &closure.body else {
                    self.external = true;
                    return self.misfit(span, || Fault::Argument("external"));
                };
                let (base, length) = (self.base, self.stack.len());
                self.base = length;
                self.stack.extend_from_slice(captured);
                self.stack.extend(args);
                let value = self.eval(host, body);
                self.stack.truncate(length);
                self.base = base;
                match &closure.result {
                    Some(ty) => Ok(self.conform(host, value?, ty)?.unwrap_or_default()),
                    None => value,
                }
            }
        }
    }

    fn deeper<T>(&mut self, span: Span, work: impl FnOnce(&mut Machine) -> Eval<T>) -> Eval<T> {
        if self.depth >= super::MAX_DEPTH {
            return Err(error(span, Fault::TooDeep));
        }
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// Arguments as their parameters want them; `None` when one does not fit.
    fn fit_arguments(
        &mut self,
        host: &dyn Host,
        args: Vec<Value>,
        params: &[(Arc<str>, Type)],
    ) -> Eval<Option<Vec<Value>>> {
        if args.len() != params.len() {
            return Ok(None);
        }
        if self.strict() {
            return Ok(Some(args));
        }
        let mut fitted = Vec::with_capacity(args.len());
        for (arg, (_, ty)) in args.into_iter().zip(params) {
            match self.conform(host, arg, ty)? {
                Some(value) => fitted.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(fitted))
    }

    pub(super) fn membership(
        &mut self,
        host: &dyn Host,
        value: &Expr,
        tests: &[UnaryTest],
    ) -> Eval {
        let value = self.eval(host, value)?;
        let length = self.stack.len();
        self.stack.push(value);
        let answer = self.any_test(host, tests, length);
        self.stack.truncate(length);
        Ok(truth(answer?))
    }
}

/// Puts the items of a list into a buffer, in the place of what is there; gives back what is no list.
fn spread(value: Value, out: &mut Vec<Value>) -> Option<Value> {
    match value {
        Value::List(items) => {
            out.clear();
            out.extend(items.iter().cloned());
            None
        }
        single => Some(single),
    }
}

/// How many steps a distance takes, with its ends in or out.
fn count(distance: i64, low_closed: bool, high_closed: bool) -> Option<usize> {
    let points = distance.checked_add(1)?;
    let left = points - i64::from(!low_closed) - i64::from(!high_closed);
    usize::try_from(left.max(0))
        .ok()
        .filter(|n| *n <= MAX_ITEMS)
}

/// The item at a position counted from 1, or from the end when negative.
pub(super) fn nth(items: &[Value], position: Number) -> Option<&Value> {
    let position = position.to_i64()?;
    let index = match position {
        1.. => usize::try_from(position - 1).ok()?,
        0 => return None,
        _ => items
            .len()
            .checked_sub(usize::try_from(position.unsigned_abs()).ok()?)?,
    };
    items.get(index)
}

/// Named arguments in the order of the parameters.
fn arrange(function: &Function, values: Vec<Value>, names: &[Arc<str>]) -> Option<Vec<Value>> {
    let wanted: Vec<&str> = match function {
        Function::Builtin(builtin) => {
            let plain: Vec<&str> = names.iter().map(|n| &**n).collect();
            let places = builtin.places(&plain)?;
            let mut out = vec![Value::Null; places.iter().max().map_or(0, |m| m + 1)];
            for (place, value) in places.into_iter().zip(values) {
                out[place] = value;
            }
            return Some(out);
        }
        Function::Closure(closure, _) => closure.params.iter().map(|p| &*p.0).collect(),
        Function::Host { params, .. } => params.iter().map(|p| &*p.0).collect(),
    };
    if names.iter().any(|n| !wanted.contains(&&**n)) {
        return None;
    }
    // A parameter that no argument names is null.
    Some(
        wanted
            .iter()
            .map(|w| {
                names
                    .iter()
                    .position(|n| &**n == *w)
                    .map_or(Value::Null, |at| values[at].clone())
            })
            .collect(),
    )
}
