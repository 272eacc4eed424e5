//! Columns from Arrow.

use super::column::{Coding, Flat, Texts, pack};
use super::lower::Bind;
use super::population::{Columns, Draft};
use crate::feel::temporal::Date;
use crate::law::{EvidenceKind, Law};
use crate::programme::Subject;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use base::Day;
use std::sync::Arc;

/// Why a record batch is no population.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// No evidence kind of that name.
    #[error("the column `{0}` is no evidence of {1}; rename or leave it out")]
    Unknown(String, &'static str),
    /// A type that cannot hold the kind's values.
    #[error("the column `{column}` is {found}, and `{column}` is {wanted}")]
    Type {
        /// Column.
        column: String,
        /// Arrow's type.
        found: String,
        /// The kind's.
        wanted: String,
    },
    /// A value that does not fit.
    #[error("the column `{0}` has a number that needs more than 64 bits")]
    TooWide(String),
    /// Member batches do not belong to the household batches.
    #[error("the member column `household` counts beyond the households, or is not in their order")]
    Order,
    /// A column that must be there.
    #[error("the column `{0}` is missing")]
    Missing(&'static str),
}

impl Columns {
    /// Lays out evidence that stands in Arrow. Columns are named as the kinds are; `NAME@2026-07`
    /// holds from that month on. `place` (texts) says where each household lives; without it all
    /// live in `place`. Members have a column `household`: the row of theirs, counted over all
    /// household batches, ascending.
    pub fn from_record_batches(
        law: &Law,
        texts: Arc<Texts>,
        place: &str,
        households: &[RecordBatch],
        members: &[RecordBatch],
    ) -> Result<Columns, ColumnError> {
        let mut draft = Draft::new(law, texts);
        let count: usize = households.iter().map(RecordBatch::num_rows).sum();
        draft.place_of = vec![0; count];
        draft.places = vec![place.to_string()];
        places(&mut draft, households)?;
        starts(&mut draft, members, count)?;
        for (who, batches) in [households, members].into_iter().enumerate() {
            let Some(first) = batches.first() else {
                continue;
            };
            for (n, field) in first.schema().fields().iter().enumerate() {
                if matches!(
                    (who, field.name().as_str()),
                    (0, "place") | (1, "household")
                ) {
                    continue;
                }
                let arrays: Vec<&ArrayRef> = batches.iter().map(|b| b.column(n)).collect();
                column(&mut draft, law, who, field.name(), &arrays)?;
            }
        }
        for kinds in &mut draft.kinds {
            for versions in kinds {
                versions.sort_by_key(|(from, _)| *from);
            }
        }
        Ok(draft.lay_out())
    }
}

fn places(draft: &mut Draft, households: &[RecordBatch]) -> Result<(), ColumnError> {
    let mut at = 0;
    let mut known: std::collections::HashMap<String, u16> = std::collections::HashMap::new();
    for batch in households {
        let Some(array) = batch.column_by_name("place") else {
            at += batch.num_rows();
            continue;
        };
        let Some(texts) = array.as_string_opt::<i32>() else {
            return Err(ColumnError::Type {
                column: "place".into(),
                found: array.data_type().to_string(),
                wanted: "text".into(),
            });
        };
        if known.is_empty() {
            draft.places.clear();
        }
        for text in texts.iter() {
            let text = text.unwrap_or_default();
            let place = match known.get(text) {
                Some(&n) => n,
                None => {
                    let n = draft.places.len().min(usize::from(u16::MAX)) as u16;
                    draft.places.push(text.to_string());
                    known.insert(text.to_string(), n);
                    n
                }
            };
            draft.place_of[at] = place;
            at += 1;
        }
    }
    Ok(())
}

fn starts(draft: &mut Draft, members: &[RecordBatch], count: usize) -> Result<(), ColumnError> {
    let mut sizes = vec![0u32; count];
    let mut last = 0;
    for batch in members {
        let array = batch
            .column_by_name("household")
            .ok_or(ColumnError::Missing("household"))?;
        let mut of = Vec::with_capacity(array.len());
        if array.null_count() > 0 || !integers(array, &mut of, Some) {
            return Err(ColumnError::Order);
        }
        for household in of {
            let household = usize::try_from(household).map_err(|_| ColumnError::Order)?;
            if household < last || household >= count {
                return Err(ColumnError::Order);
            }
            last = household;
            sizes[household] += 1;
        }
    }
    let mut start = 0;
    draft.starts = std::iter::once(0)
        .chain(sizes.iter().map(|s| {
            start += s;
            start
        }))
        .collect();
    Ok(())
}

/// An integer of any width.
fn integer(array: &ArrayRef, at: usize) -> Option<i64> {
    if array.is_null(at) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().value(at).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(at).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(at).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(at).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(at).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(at).into(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(at).into(),
        DataType::Boolean => -i64::from(array.as_boolean().value(at)),
        DataType::Decimal128(_, _) => {
            i64::try_from(array.as_primitive::<Decimal128Type>().value(at)).ok()?
        }
        _ => return None,
    })
}

/// Every value of an array without gaps, as an integer of its own kind; false when one does not fit.
fn integers(array: &ArrayRef, out: &mut Vec<i64>, each: impl Fn(i64) -> Option<i64>) -> bool {
    fn all<T: Copy>(values: &[T], out: &mut Vec<i64>, each: impl Fn(T) -> Option<i64>) -> bool {
        let mut fits = true;
        out.extend(values.iter().map(|v| {
            let one = each(*v);
            fits &= one.is_some();
            one.unwrap_or(0)
        }));
        fits
    }
    macro_rules! whole {
        ($t:ty) => {
            all(array.as_primitive::<$t>().values(), out, |v| each(v.into()))
        };
    }
    match array.data_type() {
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => whole!(Int64Type),
        DataType::UInt8 => whole!(UInt8Type),
        DataType::UInt16 => whole!(UInt16Type),
        DataType::UInt32 => whole!(UInt32Type),
        DataType::Date32 => whole!(Date32Type),
        DataType::Decimal128(_, _) => {
            let values = array.as_primitive::<Decimal128Type>().values();
            all(values, out, |v| i64::try_from(v).ok().and_then(&each))
        }
        DataType::Boolean => {
            let values = array.as_boolean().values();
            out.extend(values.iter().map(|b| -i64::from(b)));
            true
        }
        _ => false,
    }
}

fn column(
    draft: &mut Draft,
    law: &Law,
    who: usize,
    name: &str,
    arrays: &[&ArrayRef],
) -> Result<(), ColumnError> {
    let (plain, from) = match name.split_once('@') {
        Some((plain, month)) => {
            let day = base::parse_day(&format!("{month}-01")).ok();
            (plain, day)
        }
        None => (name, None),
    };
    let subject = [Subject::Household, Subject::Person][who];
    let kind = law.kind(subject, plain).ok_or_else(|| {
        let of = ["households", "members"][who];
        ColumnError::Unknown(name.to_string(), of)
    })?;
    let flat = flat(draft, kind, who == 1, name, arrays)?;
    let slot = kind.slot;
    let bind: Bind = draft.flat(flat);
    let versions = &mut draft.kinds[who][slot];
    versions.retain(|(known, _): &(Option<Day>, Bind)| *known != from);
    versions.push((from, bind));
    Ok(())
}

fn flat(
    draft: &Draft,
    kind: &EvidenceKind,
    member: bool,
    name: &str,
    arrays: &[&ArrayRef],
) -> Result<Flat, ColumnError> {
    let wrong = |array: &ArrayRef| ColumnError::Type {
        column: name.to_string(),
        found: array.data_type().to_string(),
        wanted: kind.unit.clone(),
    };
    let coding = match (Coding::of(&kind.ty), kind.many, arrays.first()) {
        (Some(coding), false, _) => coding,
        (_, _, Some(array)) => return Err(wrong(array)),
        _ => return Err(ColumnError::Missing("values")),
    };
    // An empty cell means what no evidence means.
    let absent = kind.absent_value();
    let absent = Flat::of(&[absent], coding, member, &draft.texts)
        .ok_or_else(|| ColumnError::TooWide(name.to_string()))?;
    let mut scale = match (coding, arrays.first().map(|a| a.data_type())) {
        (Coding::Number { .. }, Some(DataType::Decimal128(_, s))) => (*s).max(0) as u32,
        _ => 0,
    };
    let absent_scale = match absent.coding {
        Coding::Number { scale } => scale,
        _ => 0,
    };
    let lift = absent_scale.saturating_sub(scale);
    scale += lift;
    let factor = 10i64.checked_pow(lift).unwrap_or(1);
    let gap = absent.gaps.first().copied().unwrap_or(false);
    let fallback = absent.values[0] * 10i64.checked_pow(scale - absent_scale).unwrap_or(1);
    let total: usize = arrays.iter().map(|a| a.len()).sum();
    let mut flat = Flat {
        coding: match coding {
            Coding::Number { .. } => Coding::Number { scale },
            other => other,
        },
        member,
        values: Vec::with_capacity(total),
        gaps: Vec::new(),
    };
    for array in arrays {
        let texts = match (coding, array.data_type()) {
            (Coding::Text, DataType::Utf8) => Some(array.as_string::<i32>()),
            (Coding::Date, DataType::Date32)
            | (Coding::Boolean, DataType::Boolean)
            | (
                Coding::Number { .. },
                DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::Decimal128(_, _),
            ) => None,
            _ => return Err(wrong(array)),
        };
        if array.null_count() == 0 && texts.is_none() {
            let each = |n: i64| match coding {
                Coding::Date => Date::from_days(n).map(pack),
                _ => n.checked_mul(factor),
            };
            if !integers(array, &mut flat.values, each) {
                return Err(ColumnError::TooWide(name.to_string()));
            }
            continue;
        }
        for at in 0..array.len() {
            if array.is_null(at) {
                if gap {
                    flat.gaps.resize(total, false);
                    flat.gaps[flat.values.len()] = true;
                }
                flat.values.push(fallback);
                continue;
            }
            let too_wide = || ColumnError::TooWide(name.to_string());
            flat.values.push(match texts {
                Some(texts) => draft.texts.number(texts.value(at)).into(),
                None => {
                    let n = integer(array, at).ok_or_else(too_wide)?;
                    match coding {
                        // Days since 1970 here, a packed day there.
                        Coding::Date => Date::from_days(n).map(pack).ok_or_else(too_wide)?,
                        _ => n.checked_mul(factor).ok_or_else(too_wide)?,
                    }
                }
            });
        }
    }
    Ok(flat)
}
