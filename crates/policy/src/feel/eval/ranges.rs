//! The relations of points and ranges, and ranges from texts.

use super::builtins::{Answer, scalar};
use super::{Eval, Host, Machine};
use crate::feel::ast::ExprKind;
use crate::feel::builtin::Builtin as B;
use crate::feel::scope::Scope;
use crate::feel::value::{Range, Value};
use std::cmp::Ordering;
use std::sync::Arc;

impl Machine {
    pub(super) fn range_function(&mut self, host: &dyn Host, f: B, args: &[Value]) -> Eval<Answer> {
        if f == B::RangeOf {
            return self.range_from_text(host, scalar(&args[0]));
        }
        let (a, b) = (scalar(&args[0]), scalar(&args[1]));
        Ok(relation(f, a, b).map(Value::Boolean))
    }

    /// `range("[1..5]")`: both ends are literals, or one is missing.
    fn range_from_text(&mut self, host: &dyn Host, text: &Value) -> Eval<Answer> {
        let Some(text) = text.as_text() else {
            return Ok(None);
        };
        let text = text.trim();
        let Some((low, high)) = text.split_once("..") else {
            return Ok(None);
        };
        let mut low_chars = low.chars();
        let low_closed = match low_chars.next() {
            Some('[') => true,
            Some('(' | ']') => false,
            _ => return Ok(None),
        };
        let mut high_chars = high.chars();
        let high_closed = match high_chars.next_back() {
            Some(']') => true,
            Some(')' | '[') => false,
            _ => return Ok(None),
        };
        let Some(low) = self.literal_end(host, low_chars.as_str())? else {
            return Ok(None);
        };
        let Some(high) = self.literal_end(host, high_chars.as_str())? else {
            return Ok(None);
        };
        if (low.is_null() && (high.is_null() || low_closed)) || (high.is_null() && high_closed) {
            return Ok(None);
        }
        if !low.is_null() && !high.is_null() {
            match low.compare(&high) {
                Some(Ordering::Less | Ordering::Equal)
                    if std::mem::discriminant(&low) == std::mem::discriminant(&high) => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(Value::Range(Arc::new(Range {
            low,
            low_closed,
            high,
            high_closed,
            compared: false,
        }))))
    }

    /// The value of a literal or of a call of a conversion with literals; null for nothing.
    fn literal_end(&mut self, host: &dyn Host, text: &str) -> Eval<Option<Value>> {
        if text.trim().is_empty() {
            return Ok(Some(Value::Null));
        }
        if text.len() > 1000 {
            return Ok(None);
        }
        let Ok(parsed) = crate::feel::parser::parse_expression(text, &Scope::lenient()) else {
            return Ok(None);
        };
        let literal = match &parsed.expr.kind {
            ExprKind::Literal(_) => true,
            ExprKind::Neg(inner) => matches!(inner.kind, ExprKind::Literal(_)),
            ExprKind::Builtin(
                B::Date | B::Time | B::DateAndTime | B::Duration | B::YearsMonthsDuration,
                args,
            ) => args.iter().all(|a| matches!(a.kind, ExprKind::Literal(_))),
            _ => false,
        };
        if !literal {
            return Ok(None);
        }
        let value = self.eval(host, &parsed.expr)?;
        Ok((!value.is_null() && !matches!(value, Value::Boolean(_))).then_some(value))
    }
}

fn relation(f: B, a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Range(x), Value::Range(y)) => ranges(f, x, y),
        (Value::Range(x), point) => range_point(f, x, point),
        (point, Value::Range(y)) => point_range(f, point, y),
        (x, y) => {
            let order = x.compare(y)?;
            match f {
                B::Before => Some(order == Ordering::Less),
                B::After => Some(order == Ordering::Greater),
                B::Coincides => Some(order == Ordering::Equal),
                _ => None,
            }
        }
    }
}

fn point_range(f: B, point: &Value, range: &Range) -> Option<bool> {
    match f {
        B::Before => {
            let order = point.compare(&range.low)?;
            Some(order == Ordering::Less || (order == Ordering::Equal && !range.low_closed))
        }
        B::After => {
            let order = point.compare(&range.high)?;
            Some(order == Ordering::Greater || (order == Ordering::Equal && !range.high_closed))
        }
        B::During => range.contains(point),
        B::Starts => Some(range.low_closed && point.compare(&range.low)? == Ordering::Equal),
        B::Finishes => Some(range.high_closed && point.compare(&range.high)? == Ordering::Equal),
        _ => None,
    }
}

fn range_point(f: B, range: &Range, point: &Value) -> Option<bool> {
    match f {
        B::Before => point_range(B::After, point, range),
        B::After => point_range(B::Before, point, range),
        B::Includes => range.contains(point),
        B::StartedBy => point_range(B::Starts, point, range),
        B::FinishedBy => point_range(B::Finishes, point, range),
        _ => None,
    }
}

fn ranges(f: B, x: &Range, y: &Range) -> Option<bool> {
    use Ordering::{Equal, Greater, Less};
    // Lower ends: an open one begins later. Upper ends: an open one ends earlier.
    let lows =
        |a: &Range, b: &Range| Some(a.low.compare(&b.low)?.then(b.low_closed.cmp(&a.low_closed)));
    let highs = |a: &Range, b: &Range| {
        Some(
            a.high
                .compare(&b.high)?
                .then(a.high_closed.cmp(&b.high_closed)),
        )
    };
    // Does `a` end before `b` begins, sharing no point?
    let before = |a: &Range, b: &Range| {
        let order = a.high.compare(&b.low)?;
        Some(order == Less || (order == Equal && !(a.high_closed && b.low_closed)))
    };
    let meets = |a: &Range, b: &Range| {
        Some(a.high_closed && b.low_closed && a.high.compare(&b.low)? == Equal)
    };
    let overlaps_before = |a: &Range, b: &Range| {
        Some(lows(a, b)? == Less && !before(a, b)? && highs(a, b)? != Greater)
    };
    Some(match f {
        B::Before => before(x, y)?,
        B::After => before(y, x)?,
        B::Meets => meets(x, y)?,
        B::MetBy => meets(y, x)?,
        B::Overlaps => !before(x, y)? && !before(y, x)?,
        B::OverlapsBefore => overlaps_before(x, y)?,
        B::OverlapsAfter => overlaps_before(y, x)?,
        B::Finishes => highs(x, y)? == Equal && lows(x, y)? != Less,
        B::FinishedBy => highs(x, y)? == Equal && lows(x, y)? != Greater,
        B::Includes => lows(x, y)? != Greater && highs(x, y)? != Less,
        B::During => lows(x, y)? != Less && highs(x, y)? != Greater,
        B::Starts => lows(x, y)? == Equal && highs(x, y)? != Greater,
        B::StartedBy => lows(x, y)? == Equal && highs(x, y)? != Less,
        B::Coincides => lows(x, y)? == Equal && highs(x, y)? == Equal,
        _ => return None,
    })
}
