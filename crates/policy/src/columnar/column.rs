//! Input columns: evidence of a population, coded as integers, households of one size together.

use super::tape::Width;
use crate::feel::number::Number;
use crate::feel::temporal::Date;
use crate::feel::types::Type;
use crate::feel::value::Value;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// How a column's integers are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// A decimal: the integer divided by ten to the scale.
    Number {
        /// Digits after the point.
        scale: u32,
    },
    /// -1 for true, 0 for false.
    Boolean,
    /// A text by its number in [`Texts`].
    Text,
    /// A day: `(year * 12 + month - 1) * 32 + day`.
    Date,
    /// Years and months, in months.
    Months,
}

impl Coding {
    /// The coding of a type's values; the scale of numbers is found when they are seen.
    pub(crate) fn of(ty: &Type) -> Option<Coding> {
        Some(match ty.plain() {
            Type::Boolean => Coding::Boolean,
            Type::Number(_) => Coding::Number { scale: 0 },
            Type::Text | Type::Enum(_) => Coding::Text,
            Type::Date | Type::YearMonth => Coding::Date,
            Type::YearsMonths => Coding::Months,
            _ => return None,
        })
    }
}

/// Every text that occurs in columns or rules, by number. Shared by the batches of a population, so
/// that a text has one number throughout.
#[derive(Debug, Default)]
pub struct Texts {
    known: RwLock<(Vec<Arc<str>>, HashMap<Arc<str>, i32>)>,
}

impl Texts {
    /// The number of a text, a new one at its first sight.
    pub fn number(&self, text: &str) -> i32 {
        let read = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(&n) = read.1.get(text) {
            return n;
        }
        drop(read);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(&n) = known.1.get(text) {
            return n;
        }
        let (n, text) = (known.0.len() as i32, Arc::<str>::from(text));
        known.0.push(text.clone());
        known.1.insert(text, n);
        n
    }

    /// The text of a number.
    pub fn text(&self, n: i64) -> Option<Arc<str>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        usize::try_from(n)
            .ok()
            .and_then(|n| known.0.get(n).cloned())
    }
}

/// A day as an integer in the order of the calendar.
pub(crate) fn pack(date: Date) -> i64 {
    ((i64::from(date.year()) * 12 + i64::from(date.month()) - 1) << 5) | i64::from(date.day())
}

pub(crate) fn unpack(packed: i64) -> Option<Date> {
    let months = packed >> 5;
    Date::new(
        i32::try_from(months.div_euclid(12)).ok()?,
        months.rem_euclid(12) as u32 + 1,
        (packed & 31) as u32,
    )
}

/// A number as an integer at a scale; `None` when it has more digits or does not fit.
pub(crate) fn scaled(number: Number, scale: u32) -> Option<i64> {
    let up = number.exponent() + scale as i32;
    if (0..=36).contains(&up) {
        let wide = number
            .coefficient()
            .checked_mul(10i128.checked_pow(up as u32)?)?;
        return i64::try_from(wide).ok();
    }
    let plain = number.stripped();
    let up = plain.exponent() + scale as i32;
    if plain.is_zero() {
        return Some(0);
    }
    if !(0..=36).contains(&up) {
        return None;
    }
    let wide = plain
        .coefficient()
        .checked_mul(10i128.checked_pow(up as u32)?)?;
    i64::try_from(wide).ok()
}

/// Digits after the point that a number needs.
pub(crate) fn digits_after(number: Number) -> u32 {
    let exponent = number.exponent();
    if exponent >= 0 {
        return 0;
    }
    number.stripped().exponent().min(0).unsigned_abs()
}

/// One column in the order of its households or members.
#[derive(Clone, Debug)]
pub(crate) struct Flat {
    pub coding: Coding,
    /// One value for every member.
    pub member: bool,
    pub values: Vec<i64>,
    /// Where nothing is known; empty when everything is.
    pub gaps: Vec<bool>,
}

impl Flat {
    /// Codes values of one type; `None` when one does not fit 64 bits or is of another kind.
    pub fn of(values: &[Value], coding: Coding, member: bool, texts: &Texts) -> Option<Flat> {
        let mut coding = coding;
        if let Coding::Number { scale } = &mut coding {
            *scale = values
                .iter()
                .filter_map(Value::as_number)
                .map(digits_after)
                .max()
                .unwrap_or(0);
        }
        let mut flat = Flat {
            coding,
            member,
            values: Vec::with_capacity(values.len()),
            gaps: Vec::new(),
        };
        for (n, value) in values.iter().enumerate() {
            let coded = match (value, coding) {
                (Value::Null, _) => {
                    flat.gaps.resize(values.len(), false);
                    flat.gaps[n] = true;
                    0
                }
                (Value::Number(x), Coding::Number { scale }) => scaled(*x, scale)?,
                (Value::Boolean(b), Coding::Boolean) => -i64::from(*b),
                (Value::Text(t), Coding::Text) => texts.number(t).into(),
                (Value::Date(d), Coding::Date) => pack(*d),
                (Value::YearsMonths(m), Coding::Months) => *m,
                _ => return None,
            };
            flat.values.push(coded);
        }
        Some(flat)
    }
}

/// An integer as the value that it stands for.
pub(crate) fn decode(coded: i64, coding: Coding, texts: &Texts) -> Value {
    match coding {
        Coding::Number { scale } => {
            Number::new(coded.into(), -(scale as i32)).map_or(Value::Null, Value::Number)
        }
        Coding::Boolean => Value::Boolean(coded != 0),
        Coding::Text => texts.text(coded).map_or(Value::Null, Value::Text),
        Coding::Date => unpack(coded).map_or(Value::Null, Value::Date),
        Coding::Months => Value::YearsMonths(coded),
    }
}

/// What is known of a laid-out column before any rule is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub coding: Coding,
    pub member: bool,
    pub low: i64,
    pub high: i64,
    pub gaps: bool,
}

/// A bound with room to the next power of two, so that code made for one batch of a population serves
/// the next, whose greatest wage is another. What fits 32 bits goes on to fit.
fn roomy(bound: i64, up: bool) -> i64 {
    let limit = if i32::try_from(bound).is_ok() {
        i64::from(i32::MAX)
    } else {
        i64::MAX
    };
    let grown = |n: u64| {
        let most = n.checked_next_power_of_two().map_or(u64::MAX, |p| p - 1);
        i64::try_from(most).unwrap_or(i64::MAX).min(limit)
    };
    match (bound >= 0, up) {
        (true, true) => grown(bound as u64 + 1),
        (true, false) => 0,
        (false, true) => -1,
        (false, false) => -grown(bound.unsigned_abs() + 1),
    }
}

impl Info {
    pub fn of(flat: &Flat) -> Info {
        let known = |n: usize| !flat.gaps.get(n).copied().unwrap_or(false);
        let (mut low, mut high) = (i64::MAX, i64::MIN);
        if flat.gaps.is_empty() {
            for &v in &flat.values {
                low = low.min(v);
                high = high.max(v);
            }
        } else {
            for (n, &v) in flat.values.iter().enumerate() {
                if known(n) {
                    low = low.min(v);
                    high = high.max(v);
                }
            }
        }
        if low > high {
            (low, high) = (0, 0);
        }
        if low < high && matches!(flat.coding, Coding::Number { .. } | Coding::Months) {
            (low, high) = (roomy(low, false), roomy(high, true));
        }
        Info {
            coding: flat.coding,
            member: flat.member,
            low,
            high,
            gaps: !flat.gaps.is_empty(),
        }
    }

    /// Would code made for this one serve the other?
    pub fn covers(&self, other: &Info) -> bool {
        self.coding == other.coding
            && self.member == other.member
            && self.low <= other.low
            && self.high >= other.high
            && (self.gaps || !other.gaps)
            && self.narrow() == other.narrow()
            && (self.low == self.high) == (other.low == other.high)
    }

    pub fn narrow(&self) -> bool {
        i32::try_from(self.low).is_ok() && i32::try_from(self.high).is_ok()
    }
}

/// Values of a column in one tile: 32 bits wherever the whole column fits.
#[derive(Clone, Debug)]
pub(crate) enum Lanes {
    /// Only what is kept of a run.
    Byte(Vec<i8>),
    /// Only what is kept of a run: from zero.
    Short(Vec<u16>),
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
    /// The column is constant or not in use.
    None,
}

impl Lanes {
    pub fn len(&self) -> usize {
        match self {
            Lanes::Byte(v) => v.len(),
            Lanes::Short(v) => v.len(),
            Lanes::Narrow(v) => v.len(),
            Lanes::Wide(v) => v.len(),
            Lanes::None => 0,
        }
    }

    pub fn get(&self, at: usize) -> i64 {
        match self {
            Lanes::Byte(v) => v.get(at).copied().unwrap_or(0).into(),
            Lanes::Short(v) => v.get(at).copied().unwrap_or(0).into(),
            Lanes::Narrow(v) => v.get(at).copied().unwrap_or(0).into(),
            Lanes::Wide(v) => v.get(at).copied().unwrap_or(0),
            Lanes::None => 0,
        }
    }

    /// Bytes that the lanes take.
    pub fn bytes(&self) -> usize {
        let each = match self {
            Lanes::Byte(_) => 1,
            Lanes::Short(_) => 2,
            Lanes::Narrow(_) => 4,
            Lanes::Wide(_) => 8,
            Lanes::None => 0,
        };
        self.len() * each
    }

    /// Makes it a column of that width and length; what was there is overwritten later.
    pub fn shape(&mut self, width: Width, length: usize) {
        match (&mut *self, width) {
            (Lanes::Byte(v), Width::Byte) => v.resize(length, 0),
            (Lanes::Short(v), Width::Short) => v.resize(length, 0),
            (Lanes::Narrow(v), Width::Narrow) => v.resize(length, 0),
            (Lanes::Wide(v), Width::Wide) => v.resize(length, 0),
            (other, Width::Byte) => *other = Lanes::Byte(vec![0; length]),
            (other, Width::Short) => *other = Lanes::Short(vec![0; length]),
            (other, Width::Narrow) => *other = Lanes::Narrow(vec![0; length]),
            (other, Width::Wide) => *other = Lanes::Wide(vec![0; length]),
        }
    }
}

/// Lanes of a tile are a multiple of this.
pub(crate) const GRAIN: usize = 64;

/// Households of one size, columns side by side: member columns hold the first member of every
/// household, then the second of every one, and so on, each stretch as long as `lanes`.
#[derive(Clone, Debug)]
pub(crate) struct Tile {
    pub size: usize,
    /// Households.
    pub count: usize,
    /// The same rounded up; what lies beyond is a copy of the last household.
    pub lanes: usize,
    /// Where each household stands in the population.
    pub rows: Vec<u32>,
    pub places: Vec<u16>,
    pub values: Vec<Lanes>,
    pub gaps: Vec<Vec<i32>>,
}

/// Lays columns out in tiles of at most `most` households of one size.
pub(crate) fn tiles(
    columns: &[Flat],
    infos: &[Info],
    starts: &[u32],
    places: &[u16],
    most: usize,
) -> Vec<Tile> {
    let households = starts.len().saturating_sub(1);
    let mut by_size: Vec<Vec<u32>> = Vec::new();
    for h in 0..households {
        let size = (starts[h + 1] - starts[h]) as usize;
        if by_size.len() <= size {
            by_size.resize_with(size + 1, Vec::new);
        }
        by_size[size].push(h as u32);
    }
    let mut out = Vec::new();
    for (size, all) in by_size.iter().enumerate() {
        for rows in all.chunks(most.max(GRAIN)) {
            out.push(tile(columns, infos, starts, places, size, rows));
        }
    }
    out
}

fn tile(
    columns: &[Flat],
    infos: &[Info],
    starts: &[u32],
    places: &[u16],
    size: usize,
    rows: &[u32],
) -> Tile {
    let spots = Spots::of(starts, rows);
    let lanes = spots.households.len();
    let (mut values, mut gaps) = (Vec::new(), Vec::new());
    for (flat, info) in columns.iter().zip(infos) {
        let (lanes, holes) = lay(flat, info, &spots, size);
        values.push(lanes);
        gaps.push(holes);
    }
    Tile {
        size,
        count: rows.len(),
        lanes,
        rows: rows.to_vec(),
        places: spots
            .households
            .iter()
            .map(|&h| places.get(h as usize).copied().unwrap_or(0))
            .collect(),
        values,
        gaps,
    }
}

/// Where the values of a tile's households stand in a column, the last repeated to a whole number of
/// lanes.
pub(crate) struct Spots {
    households: Vec<u32>,
    /// Of the first member.
    members: Vec<u32>,
}

impl Spots {
    pub fn of(starts: &[u32], rows: &[u32]) -> Spots {
        let lanes = rows.len().div_ceil(GRAIN) * GRAIN;
        let mut households = rows.to_vec();
        households.resize(lanes, rows.last().copied().unwrap_or(0));
        let first = |h: &u32| starts.get(*h as usize).copied().unwrap_or(0);
        let members = households.iter().map(first).collect();
        Spots {
            households,
            members,
        }
    }
}

/// One column's lanes and gaps in a tile.
pub(crate) fn lay(flat: &Flat, info: &Info, spots: &Spots, size: usize) -> (Lanes, Vec<i32>) {
    let (slots, spots) = if flat.member {
        (size, &spots.members)
    } else {
        (1, &spots.households)
    };
    let known = |at: usize| !flat.gaps.get(at).copied().unwrap_or(false);
    // A gap holds the least value, so that the bounds hold for it as well.
    let filled = |at: usize| if known(at) { flat.values[at] } else { info.low };
    let values = if info.low == info.high {
        Lanes::None
    } else if info.narrow() {
        let mut out = Vec::with_capacity(slots * spots.len());
        for slot in 0..slots {
            if flat.gaps.is_empty() {
                out.extend(
                    spots
                        .iter()
                        .map(|&at| flat.values[at as usize + slot] as i32),
                );
            } else {
                out.extend(spots.iter().map(|&at| filled(at as usize + slot) as i32));
            }
        }
        Lanes::Narrow(out)
    } else {
        let mut out = Vec::with_capacity(slots * spots.len());
        for slot in 0..slots {
            out.extend(spots.iter().map(|&at| filled(at as usize + slot)));
        }
        Lanes::Wide(out)
    };
    let mut gaps = Vec::new();
    if !flat.gaps.is_empty() {
        gaps.reserve(slots * spots.len());
        for slot in 0..slots {
            gaps.extend(
                spots
                    .iter()
                    .map(|&at| -i32::from(!known(at as usize + slot))),
            );
        }
    }
    (values, gaps)
}
