//! Values as they go into and come out of both databases.

use crate::error::StoreError;
use base::{Day, Id, Instant, Month};
use chrono::{DateTime, Days, NaiveDate};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef as SqliteRef};

/// One value with its column's type; `None` is SQL's null.
#[derive(Clone, Debug)]
pub(crate) enum Val {
    /// BIGINT: numbers, fen, days since 1970-01-01, microseconds since 1970-01-01T00:00Z, months since year 0.
    Int(Option<i64>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA.
    Bytes(Option<Vec<u8>>),
    /// BYTEA of 16.
    Id(Option<Id>),
}

impl Val {
    /// The bytes behind the two binary forms.
    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Val::Bytes(bytes) => bytes.as_deref(),
            Val::Id(id) => id.as_ref().map(|id| id.as_bytes().as_slice()),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(
            self,
            Val::Int(None) | Val::Text(None) | Val::Bytes(None) | Val::Id(None)
        )
    }

    /// Order within one column, as both databases sort it.
    pub(crate) fn order(&self, other: &Val) -> std::cmp::Ordering {
        match (self, other) {
            (Val::Int(a), Val::Int(b)) => a.cmp(b),
            (Val::Text(a), Val::Text(b)) => a.cmp(b),
            _ => self.bytes().cmp(&other.bytes()),
        }
    }

    /// Readable form for messages.
    pub(crate) fn show(&self) -> String {
        match self {
            Val::Int(Some(n)) => n.to_string(),
            Val::Text(Some(text)) => text.clone(),
            Val::Id(Some(id)) => id.to_string(),
            Val::Bytes(Some(bytes)) => match Id::from_slice(bytes) {
                Some(id) => id.to_string(),
                None => registry::protect::hex(bytes),
            },
            _ => "null".into(),
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Val) -> bool {
        match (self, other) {
            (Val::Int(a), Val::Int(b)) => a == b,
            (Val::Text(a), Val::Text(b)) => a == b,
            _ if self.is_null() || other.is_null() => self.is_null() && other.is_null(),
            _ => self.bytes().is_some() && self.bytes() == other.bytes(),
        }
    }
}

impl ToSql for Val {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Val::Int(Some(n)) => SqliteRef::Integer(*n),
            Val::Text(Some(text)) => SqliteRef::Text(text.as_bytes()),
            Val::Bytes(Some(bytes)) => SqliteRef::Blob(bytes),
            Val::Id(Some(id)) => SqliteRef::Blob(id.as_bytes()),
            _ => SqliteRef::Null,
        }))
    }
}

macro_rules! val_from {
    ($($from:ty => |$x:ident| $variant:ident($value:expr)),* $(,)?) => {$(
        impl From<$from> for Val {
            fn from($x: $from) -> Val { Val::$variant(Some($value)) }
        }
        impl From<Option<$from>> for Val {
            fn from(x: Option<$from>) -> Val { Val::$variant(x.map(|$x| $value)) }
        }
    )*};
}
val_from! {
    i64 => |x| Int(x),
    u32 => |x| Int(i64::from(x)),
    bool => |x| Int(i64::from(x)),
    Day => |x| Int(day_number(x)),
    Instant => |x| Int(x.timestamp_micros()),
    Month => |x| Int(i64::from(x.index())),
    base::Fen => |x| Int(x.0),
    String => |x| Text(x),
    &str => |x| Text(x.to_owned()),
    &String => |x| Text(x.clone()),
    Vec<u8> => |x| Bytes(x),
    [u8; 32] => |x| Bytes(x.to_vec()),
    Id => |x| Id(x),
}

const EPOCH: NaiveDate = match NaiveDate::from_ymd_opt(1970, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Days since 1970-01-01.
pub(crate) fn day_number(day: Day) -> i64 {
    (day - EPOCH).num_days()
}

/// The inverse of [`day_number`].
pub(crate) fn day_of(number: i64) -> Option<Day> {
    if number >= 0 {
        EPOCH.checked_add_days(Days::new(number as u64))
    } else {
        EPOCH.checked_sub_days(Days::new(number.unsigned_abs()))
    }
}

/// A moment from its microseconds.
pub(crate) fn instant_of(micros: i64) -> Option<Instant> {
    DateTime::from_timestamp_micros(micros)
}

/// The list of values of a statement, in the order of its `$1`, `$2`, ….
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Val::from($value)),*] };
}
pub(crate) use args;

/// One row that came back, read by position.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Vec<Val>);

impl Row {
    fn at(&self, i: usize) -> Result<&Val, StoreError> {
        self.0
            .get(i)
            .ok_or_else(|| StoreError::corrupt(format!("column {i}"), "nothing"))
    }

    fn bad(&self, i: usize) -> StoreError {
        StoreError::corrupt(format!("column {i}"), self.0.get(i))
    }

    pub(crate) fn maybe_int(&self, i: usize) -> Result<Option<i64>, StoreError> {
        match self.at(i)? {
            Val::Int(n) => Ok(*n),
            other if other.is_null() => Ok(None),
            _ => Err(self.bad(i)),
        }
    }

    pub(crate) fn int(&self, i: usize) -> Result<i64, StoreError> {
        self.maybe_int(i)?.ok_or_else(|| self.bad(i))
    }

    pub(crate) fn maybe_text(&self, i: usize) -> Result<Option<&str>, StoreError> {
        match self.at(i)? {
            Val::Text(text) => Ok(text.as_deref()),
            other if other.is_null() => Ok(None),
            _ => Err(self.bad(i)),
        }
    }

    pub(crate) fn str(&self, i: usize) -> Result<&str, StoreError> {
        self.maybe_text(i)?.ok_or_else(|| self.bad(i))
    }

    pub(crate) fn text(&self, i: usize) -> Result<String, StoreError> {
        self.str(i).map(str::to_owned)
    }

    pub(crate) fn maybe_bytes(&self, i: usize) -> Result<Option<&[u8]>, StoreError> {
        let value = self.at(i)?;
        match value.bytes() {
            Some(bytes) => Ok(Some(bytes)),
            None if value.is_null() => Ok(None),
            None => Err(self.bad(i)),
        }
    }

    pub(crate) fn bytes(&self, i: usize) -> Result<&[u8], StoreError> {
        self.maybe_bytes(i)?.ok_or_else(|| self.bad(i))
    }

    pub(crate) fn maybe_id(&self, i: usize) -> Result<Option<Id>, StoreError> {
        match self.maybe_bytes(i)? {
            None => Ok(None),
            Some(bytes) => Id::from_slice(bytes).map(Some).ok_or_else(|| self.bad(i)),
        }
    }

    pub(crate) fn id(&self, i: usize) -> Result<Id, StoreError> {
        self.maybe_id(i)?.ok_or_else(|| self.bad(i))
    }

    pub(crate) fn maybe_day(&self, i: usize) -> Result<Option<Day>, StoreError> {
        match self.maybe_int(i)? {
            None => Ok(None),
            Some(n) => day_of(n).map(Some).ok_or_else(|| self.bad(i)),
        }
    }

    pub(crate) fn day(&self, i: usize) -> Result<Day, StoreError> {
        self.maybe_day(i)?.ok_or_else(|| self.bad(i))
    }

    pub(crate) fn maybe_instant(&self, i: usize) -> Result<Option<Instant>, StoreError> {
        match self.maybe_int(i)? {
            None => Ok(None),
            Some(n) => instant_of(n).map(Some).ok_or_else(|| self.bad(i)),
        }
    }

    pub(crate) fn instant(&self, i: usize) -> Result<Instant, StoreError> {
        self.maybe_instant(i)?.ok_or_else(|| self.bad(i))
    }

    pub(crate) fn maybe_month(&self, i: usize) -> Result<Option<Month>, StoreError> {
        let number = self.maybe_int(i)?;
        number
            .map(|n| i32::try_from(n).map(Month::from_index))
            .transpose()
            .map_err(|_| self.bad(i))
    }

    pub(crate) fn month(&self, i: usize) -> Result<Month, StoreError> {
        self.maybe_month(i)?.ok_or_else(|| self.bad(i))
    }

    pub(crate) fn fen(&self, i: usize) -> Result<base::Fen, StoreError> {
        self.int(i).map(base::Fen)
    }

    pub(crate) fn small(&self, i: usize) -> Result<u32, StoreError> {
        u32::try_from(self.int(i)?).map_err(|_| self.bad(i))
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, i: usize) -> Result<T, StoreError> {
        serde_json::from_str(self.str(i)?).map_err(|_| self.bad(i))
    }

    /// A unit-like enum from the text that serde gives it.
    pub(crate) fn word<T: serde::de::DeserializeOwned>(&self, i: usize) -> Result<T, StoreError> {
        serde_json::from_value(serde_json::Value::String(self.text(i)?)).map_err(|_| self.bad(i))
    }
}

/// The text that serde gives a unit-like enum, such as `in-transit`.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        other => format!("{other:?}"),
    }
}

/// JSON text of a value that serialises without fail (no maps with keys other than text).
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Invalid(error.to_string()))
}
