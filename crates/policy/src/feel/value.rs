//! FEEL values: small, cheap to copy, shared where they are large.

mod json;
mod nest;

pub use json::WrongJson;
pub use nest::Items;

use super::ast::Function;
use super::number::Number;
use super::temporal::{Date, DateTime, DaysTime, Duration, Time, months_text};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// One value. At most 32 bytes.
#[derive(Debug, Default)]
pub enum Value {
    /// Nothing; in strict mode *not known*.
    #[default]
    Null,
    /// true or false.
    Boolean(bool),
    /// A decimal.
    Number(Number),
    /// A text.
    Text(Arc<str>),
    /// A day.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// A day and a time of day.
    DateTime(DateTime),
    /// Years and months, in months.
    YearsMonths(i64),
    /// Days and time.
    DaysTime(DaysTime),
    /// A list.
    List(Arc<Items>),
    /// A context.
    Context(Arc<Context>),
    /// A range.
    Range(Arc<Range>),
    /// A function.
    Function(Arc<Function>),
    /// A record that the host keeps and reads field by field.
    Object(Object),
}

impl Clone for Value {
    /// The kinds that rules mostly pass around are copied on the spot.
    #[inline]
    fn clone(&self) -> Value {
        match self {
            Value::Null => Value::Null,
            Value::Boolean(b) => Value::Boolean(*b),
            Value::Number(n) => Value::Number(*n),
            Value::Date(d) => Value::Date(*d),
            Value::Object(o) => Value::Object(*o),
            other => other.shared(),
        }
    }
}

/// A host's record. What `handle` means is the host's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object {
    /// Which record type of [`Records`].
    pub record: u32,
    /// Which one.
    pub handle: u32,
}

/// A context: names and values in order.
#[derive(Clone, Debug, Default)]
pub struct Context {
    entries: Vec<(Arc<str>, Value)>,
}

impl Context {
    /// An empty context.
    pub fn new() -> Context {
        Context::default()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find(|(n, _)| &**n == name)
            .map(|(_, v)| v)
    }

    /// The value of a name that probably stands at `hint`.
    pub fn get_hinted(&self, name: &Arc<str>, hint: usize) -> Option<&Value> {
        match self.entries.get(hint) {
            Some((n, value)) if Arc::ptr_eq(n, name) || n == name => Some(value),
            _ => self.get(name),
        }
    }

    /// Sets a name, in its old place when it has one.
    pub fn set(&mut self, name: Arc<str>, value: Value) {
        match self.entries.iter_mut().find(|(n, _)| *n == name) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((name, value)),
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.entries.iter().map(|(n, v)| (n, v))
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// None at all?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl FromIterator<(Arc<str>, Value)> for Context {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Value)>>(iter: I) -> Context {
        let mut context = Context::new();
        for (name, value) in iter {
            context.set(name, value);
        }
        context
    }
}

/// A range; a null end is open to infinity.
#[derive(Clone, Debug)]
pub struct Range {
    /// Lower end.
    pub low: Value,
    /// Does the range hold its lower end?
    pub low_closed: bool,
    /// Upper end.
    pub high: Value,
    /// Does the range hold its upper end?
    pub high_closed: bool,
    /// Written with a comparison, `(< 5)`, not as an interval: then an absent end is open, while a
    /// null end of an interval makes every question about it null.
    pub compared: bool,
}

impl Range {
    /// Is `value` in the range? `None` when they cannot be compared.
    pub fn contains(&self, value: &Value) -> Option<bool> {
        if !self.compared && (self.low.is_null() || self.high.is_null()) {
            return None;
        }
        let mut known = false;
        let mut inside = true;
        if !matches!(self.low, Value::Null) {
            let order = value.compare(&self.low)?;
            inside &= order == Ordering::Greater || (self.low_closed && order == Ordering::Equal);
            known = true;
        }
        if !matches!(self.high, Value::Null) {
            let order = value.compare(&self.high)?;
            inside &= order == Ordering::Less || (self.high_closed && order == Ordering::Equal);
            known = true;
        }
        known.then_some(inside)
    }
}

impl Value {
    /// A text value.
    pub fn text(text: &str) -> Value {
        Value::Text(Arc::from(text))
    }

    /// A copy of one of the less common kinds.
    fn shared(&self) -> Value {
        match self {
            Value::Text(t) => Value::Text(t.clone()),
            Value::List(items) => Value::List(items.clone()),
            Value::Context(context) => Value::Context(context.clone()),
            Value::Range(range) => Value::Range(range.clone()),
            Value::Function(function) => Value::Function(function.clone()),
            Value::Time(t) => Value::Time(*t),
            Value::DateTime(d) => Value::DateTime(*d),
            Value::YearsMonths(m) => Value::YearsMonths(*m),
            Value::DaysTime(d) => Value::DaysTime(*d),
            Value::Null => Value::Null,
            Value::Boolean(b) => Value::Boolean(*b),
            Value::Number(n) => Value::Number(*n),
            Value::Date(d) => Value::Date(*d),
            Value::Object(o) => Value::Object(*o),
        }
    }

    /// A list value.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(Arc::new(Items::new(items)))
    }

    /// Is it null?
    #[inline]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The boolean, when it is one.
    #[inline]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(b) => Some(*b),
            _ => None,
        }
    }

    /// The number, when it is one.
    #[inline]
    pub fn as_number(&self) -> Option<Number> {
        match self {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The text, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    /// The day, when it is one.
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Value::Date(d) => Some(*d),
            _ => None,
        }
    }

    /// The items, when it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The context, when it is one.
    pub fn as_context(&self) -> Option<&Context> {
        match self {
            Value::Context(context) => Some(context),
            _ => None,
        }
    }

    /// What kind of value, in the words of the standard.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Boolean(_) => "boolean",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::Date(_) => "date",
            Value::Time(_) => "time",
            Value::DateTime(_) => "date and time",
            Value::YearsMonths(_) => "years and months duration",
            Value::DaysTime(_) => "days and time duration",
            Value::List(_) => "list",
            Value::Context(_) | Value::Object(_) => "context",
            Value::Range(_) => "range",
            Value::Function(_) => "function",
        }
    }

    /// Less, equal or greater, for two values of one ordered kind; `None` for all others. A day
    /// compares with a moment as its midnight in Greenwich.
    #[inline]
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => Some(a.cmp(b)),
            (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::DateTime(a), Value::DateTime(b)) => a.compare(*b),
            (Value::Date(a), Value::DateTime(b)) => {
                Some(DateTime::midnight(*a).local_nanos().cmp(&b.universal()))
            }
            (Value::DateTime(a), Value::Date(b)) => {
                Some(a.universal().cmp(&DateTime::midnight(*b).local_nanos()))
            }
            (Value::Time(a), Value::Time(b)) => {
                if a.offset().is_some() == b.offset().is_some() {
                    Some(a.universal().cmp(&b.universal()))
                } else {
                    None
                }
            }
            (Value::YearsMonths(a), Value::YearsMonths(b)) => Some(a.cmp(b)),
            (Value::DaysTime(a), Value::DaysTime(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Equality by the standard: `Some` for values of one kind and for null against anything,
    /// `None` where the question has no answer.
    #[inline]
    pub fn equals(&self, other: &Value) -> Option<bool> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => Some(a == b),
            (Value::Text(a), Value::Text(b)) => Some(Arc::ptr_eq(a, b) || a == b),
            (Value::Boolean(a), Value::Boolean(b)) => Some(a == b),
            _ => self.equals_within(other, EQUAL_BUDGET).0,
        }
    }

    /// [`Value::equals`] in at most `budget` comparisons, and how many of them are left. No answer and none
    /// left: it takes more.
    pub fn equals_within(&self, other: &Value, budget: u32) -> (Option<bool>, u32) {
        let mut left = budget;
        let answer = equal(self, other, &mut left, 0);
        (answer, left)
    }

    /// Is the value small enough to be written out: at most `nodes` values, 400 levels?
    pub fn fits(&self, nodes: usize) -> bool {
        fn walk(value: &Value, left: &mut usize, depth: usize) -> bool {
            if *left == 0 || depth > 400 {
                return false;
            }
            *left -= 1;
            match value {
                Value::List(items) => items.iter().all(|v| walk(v, left, depth + 1)),
                Value::Context(c) => c.iter().all(|(_, v)| walk(v, left, depth + 1)),
                _ => true,
            }
        }
        walk(self, &mut { nodes }, 0)
    }
}

/// Most comparisons of one equality: shared values can be exponentially large written out.
const EQUAL_BUDGET: u32 = 5_000_000;
/// Deepest nesting of values that are compared.
const EQUAL_DEPTH: u32 = 400;

/// Equality within the budget; `None` beyond it.
fn equal(a: &Value, b: &Value, budget: &mut u32, depth: u32) -> Option<bool> {
    *budget = budget.checked_sub(1)?;
    if depth > EQUAL_DEPTH {
        return None;
    }
    let depth = depth + 1;
    match (a, b) {
        (Value::Null, Value::Null) => Some(true),
        (Value::Null, _) | (_, Value::Null) => Some(false),
        (Value::Boolean(a), Value::Boolean(b)) => Some(a == b),
        (Value::List(a), Value::List(b)) => {
            if Arc::ptr_eq(a, b) {
                return Some(true);
            }
            if a.len() != b.len() {
                return Some(false);
            }
            all(a
                .iter()
                .zip(b.iter())
                .map(|(a, b)| equal(a, b, budget, depth)))
        }
        (Value::Context(a), Value::Context(b)) => {
            if Arc::ptr_eq(a, b) {
                return Some(true);
            }
            if a.len() != b.len() {
                return Some(false);
            }
            all(a.iter().map(|(name, value)| match b.get(name) {
                Some(other) => equal(value, other, budget, depth),
                None => Some(false),
            }))
        }
        (Value::Range(a), Value::Range(b)) => {
            let same_ends = a.low_closed == b.low_closed && a.high_closed == b.high_closed;
            let ends = Some(a.compared == b.compared && same_ends);
            let low = equal(&a.low, &b.low, budget, depth);
            all([ends, low, equal(&a.high, &b.high, budget, depth)].into_iter())
        }
        (Value::Object(a), Value::Object(b)) => Some(a == b),
        (Value::Function(a), Value::Function(b)) => Some(Arc::ptr_eq(a, b)),
        // The standard compares the properties of times, and `second` has no fraction.
        (Value::DateTime(a), Value::DateTime(b)) => {
            let placed = a.offset().is_some() == b.offset().is_some();
            Some(placed && seconds(a.universal()) == seconds(b.universal()))
        }
        (Value::Time(a), Value::Time(b)) => {
            let placed = a.offset().is_some() == b.offset().is_some();
            Some(placed && seconds(a.universal()) == seconds(b.universal()))
        }
        _ => a.compare(b).map(|o| o == Ordering::Equal),
    }
}

fn seconds(nanos: i128) -> i128 {
    nanos.div_euclid(1_000_000_000)
}

fn all(mut answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for answer in answers.by_ref() {
        match answer {
            Some(false) => return Some(false),
            Some(true) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(true) }
}

impl PartialEq for Value {
    /// Equality for tests and lists of allowed values: [`Value::equals`] answers true.
    fn eq(&self, other: &Value) -> bool {
        self.equals(other) == Some(true)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Number(Number::int(value))
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Value {
        Value::Date(date)
    }
}

impl fmt::Display for Value {
    /// As FEEL's `string()` prints it: texts bare at the top and quoted inside lists and contexts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(t) => f.write_str(t),
            other => write_value(other, f),
        }
    }
}

fn write_value(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Boolean(b) => write!(f, "{b}"),
        Value::Number(n) => write!(f, "{n}"),
        Value::Text(t) => {
            f.write_str("\"")?;
            for c in t.chars() {
                match c {
                    '"' => f.write_str("\\\"")?,
                    '\\' => f.write_str("\\\\")?,
                    c => write!(f, "{c}")?,
                }
            }
            f.write_str("\"")
        }
        Value::Date(d) => write!(f, "{d}"),
        Value::Time(t) => write!(f, "{t}"),
        Value::DateTime(d) => write!(f, "{d}"),
        Value::YearsMonths(m) => f.write_str(&months_text(*m)),
        Value::DaysTime(d) => write!(f, "{d}"),
        Value::List(items) => {
            f.write_str("[")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                write_value(item, f)?;
            }
            f.write_str("]")
        }
        Value::Context(c) => {
            f.write_str("{")?;
            for (i, (name, item)) in c.iter().enumerate() {
                if i > 0 {
                    f.write_str(", ")?;
                }
                let plain = name
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '_' || c == ' ');
                if plain {
                    write!(f, "{name}: ")?
                } else {
                    write!(f, "{name:?}: ")?
                }
                write_value(item, f)?;
            }
            f.write_str("}")
        }
        Value::Range(r) => {
            f.write_str(if r.low_closed { "[" } else { "(" })?;
            write_value(&r.low, f)?;
            f.write_str("..")?;
            write_value(&r.high, f)?;
            f.write_str(if r.high_closed { "]" } else { ")" })
        }
        Value::Function(_) => f.write_str("function"),
        Value::Object(o) => write!(f, "record {}/{}", o.record, o.handle),
    }
}

/// Reads a literal of the kind that stands between quotes after `@`.
pub fn parse_at_literal(text: &str) -> Option<Value> {
    if let Some(date) = Date::parse(text) {
        return Some(Value::Date(date));
    }
    if text.contains('T') && !text.trim_start_matches('-').starts_with('P') {
        return DateTime::parse(text).map(Value::DateTime);
    }
    if let Some(time) = Time::parse(text) {
        return Some(Value::Time(time));
    }
    match Duration::parse(text)? {
        Duration::Months(m) => Some(Value::YearsMonths(m)),
        Duration::Days(d) => Some(Value::DaysTime(d)),
    }
}

const _: () = assert!(std::mem::size_of::<Value>() <= 32);
