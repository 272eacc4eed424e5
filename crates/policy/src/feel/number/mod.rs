//! FEEL's number: a decimal of 34 significant digits, as IEEE 754 decimal128 computes, half to even.
//!
//! A number is `coefficient × 10^exponent`. Arithmetic on coefficients of 64 bits with like or near
//! exponents, which is nearly all that a law needs, takes a few instructions and never allocates;
//! wider operands go through exact 128- and 256-bit paths. Equality, order and hash are by value:
//! `1.0 = 1`. Results outside the exponents of decimal128 are `None`, never infinite.

mod functions;
mod text;
mod wide;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use wide::{POW10, POW10_WIDE, U256, digits};

const PRECISION: u32 = 34;
const MAX_EXPONENT: i32 = 6111;
const MIN_EXPONENT: i32 = -6176;

/// A decimal number. Twenty-four bytes, copied freely.
#[derive(Clone, Copy)]
pub struct Number {
    high: i64,
    low: u64,
    exponent: i16,
}

/// Which way a number is rounded to a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Half to even, as arithmetic does.
    HalfEven,
    /// Half away from zero.
    HalfUp,
    /// Half towards zero.
    HalfDown,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
    /// Towards negative infinity.
    Floor,
    /// Towards positive infinity.
    Ceiling,
}

/// A text that is not a number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number")]
pub struct NotANumber(pub String);

// Fallible, and therefore not the operators of the standard library.
#[allow(clippy::should_implement_trait)]
impl Number {
    /// 0
    pub const ZERO: Number = Number::int(0);
    /// 1
    pub const ONE: Number = Number::int(1);

    /// A whole number.
    pub const fn int(value: i64) -> Number {
        Number {
            high: value >> 63,
            low: value as u64,
            exponent: 0,
        }
    }

    /// `coefficient × 10^exponent`, rounded to 34 digits; `None` when out of range.
    pub fn new(coefficient: i128, exponent: i32) -> Option<Number> {
        if coefficient.unsigned_abs() < POW10_WIDE[34]
            && (MIN_EXPONENT..=MAX_EXPONENT).contains(&exponent)
        {
            return Some(Number::raw(coefficient, exponent as i16));
        }
        Number::rounded(
            coefficient < 0,
            U256::of(coefficient.unsigned_abs()),
            exponent,
            false,
        )
    }

    /// Fen as yuan: `from_fen(150)` is 1.50.
    pub const fn from_fen(fen: i64) -> Number {
        Number {
            high: fen >> 63,
            low: fen as u64,
            exponent: -2,
        }
    }

    #[inline]
    const fn raw(coefficient: i128, exponent: i16) -> Number {
        Number {
            high: (coefficient >> 64) as i64,
            low: coefficient as u64,
            exponent,
        }
    }

    /// The whole-number part of `coefficient × 10^exponent`.
    #[inline]
    pub const fn coefficient(self) -> i128 {
        ((self.high as i128) << 64) | self.low as i128
    }

    /// The exponent of ten.
    #[inline]
    pub const fn exponent(self) -> i32 {
        self.exponent as i32
    }

    #[inline]
    const fn small(self) -> Option<i64> {
        let low = self.low as i64;
        if self.high == low >> 63 {
            Some(low)
        } else {
            None
        }
    }

    /// Is it zero?
    #[inline]
    pub const fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }

    /// Is it below zero?
    #[inline]
    pub const fn is_negative(self) -> bool {
        self.high < 0
    }

    /// Has it no fraction?
    pub fn is_integer(self) -> bool {
        self.exponent >= 0 || self.stripped().exponent >= 0
    }

    /// Rounds an exact magnitude of at most 38 digits, none of them lost but by `sticky`.
    #[inline]
    fn rounded_narrow(negative: bool, value: u128, exponent: i32, sticky: bool) -> Option<Number> {
        let (mut value, mut exponent) = (value, exponent);
        let over = value >= POW10_WIDE[PRECISION as usize];
        if !(MIN_EXPONENT..=MAX_EXPONENT - 38).contains(&exponent) {
            return Number::rounded(negative, U256::of(value), exponent, sticky);
        }
        if over {
            let drop = digits(value) - PRECISION;
            let unit = u128::from(POW10[drop as usize]);
            let (quotient, rest) = (value / unit, value % unit);
            let up = match (rest * 2).cmp(&unit) {
                Ordering::Greater => true,
                Ordering::Equal => sticky || quotient & 1 == 1,
                Ordering::Less => false,
            };
            (value, exponent) = (quotient + u128::from(up), exponent + drop as i32);
            if value == POW10_WIDE[PRECISION as usize] {
                (value, exponent) = (POW10_WIDE[PRECISION as usize - 1], exponent + 1);
            }
        }
        let signed = if negative {
            -(value as i128)
        } else {
            value as i128
        };
        Some(Number::raw(signed, exponent as i16))
    }

    /// Rounds an exact magnitude (with `sticky` for a lost tail) to 34 digits.
    fn rounded(negative: bool, mut value: U256, exponent: i32, mut sticky: bool) -> Option<Number> {
        let mut exponent = exponent;
        let mut drop = value.digits().saturating_sub(PRECISION) as i32;
        drop = drop.max(MIN_EXPONENT - exponent);
        if drop > 0 {
            if drop > 80 {
                return Some(Number::ZERO);
            }
            exponent += drop;
            let mut last = (0u64, 1u64);
            while drop > 0 {
                sticky |= last.0 != 0;
                let step = POW10[drop.min(19) as usize];
                let (quotient, rest) = value.div_small(step);
                (value, last) = (quotient, (rest, step));
                drop -= drop.min(19);
            }
            let up = match (u128::from(last.0) * 2).cmp(&u128::from(last.1)) {
                Ordering::Greater => true,
                Ordering::Equal => sticky || value.0[0] & 1 == 1,
                Ordering::Less => false,
            };
            if up {
                value = value.plus(U256::of(1));
                if value.low() == POW10_WIDE[34] {
                    (value, exponent) = (U256::of(POW10_WIDE[33]), exponent + 1);
                }
            }
        }
        let mut magnitude = value.low();
        if magnitude == 0 {
            return Some(Number::ZERO);
        }
        while exponent > MAX_EXPONENT {
            magnitude = magnitude.checked_mul(10).filter(|m| *m < POW10_WIDE[34])?;
            exponent -= 1;
        }
        let signed = if negative {
            -(magnitude as i128)
        } else {
            magnitude as i128
        };
        Some(Number::raw(signed, exponent as i16))
    }

    /// Sum; `None` when out of range.
    #[inline]
    pub fn add(self, other: Number) -> Option<Number> {
        if let (Some(a), Some(b)) = (self.small(), other.small()) {
            if self.exponent == other.exponent {
                if let Some(sum) = a.checked_add(b) {
                    return Some(Number {
                        high: sum >> 63,
                        low: sum as u64,
                        exponent: self.exponent,
                    });
                }
            } else if let Some(sum) = aligned(a, self.exponent, b, other.exponent) {
                return Some(sum);
            }
        }
        self.add_slow(other)
    }

    /// Difference; `None` when out of range.
    #[inline]
    pub fn sub(self, other: Number) -> Option<Number> {
        self.add(other.neg())
    }

    #[cold]
    fn add_slow(self, other: Number) -> Option<Number> {
        let (big, small) = if self.exponent >= other.exponent {
            (self, other)
        } else {
            (other, self)
        };
        if big.is_zero() {
            return Some(small);
        }
        if small.is_zero() {
            return Some(big);
        }
        let shift = (big.exponent() - small.exponent()) as u32;
        let (a, b) = (big.coefficient(), small.coefficient());
        if digits(a.unsigned_abs()) + shift > 72 {
            return Some(big);
        }
        let wide = U256::of(a.unsigned_abs()).times_pow10(shift);
        let other = U256::of(b.unsigned_abs());
        if (a < 0) == (b < 0) {
            Number::rounded(a < 0, wide.plus(other), small.exponent(), false)
        } else if wide.compare(&other) == Ordering::Less {
            Number::rounded(b < 0, other.minus(wide), small.exponent(), false)
        } else {
            Number::rounded(a < 0, wide.minus(other), small.exponent(), false)
        }
    }

    /// Product; `None` when out of range.
    #[inline]
    pub fn mul(self, other: Number) -> Option<Number> {
        let exponent = self.exponent() + other.exponent();
        if let (Some(a), Some(b)) = (self.small(), other.small())
            && let Some(product) = a.checked_mul(b)
            && (MIN_EXPONENT..=MAX_EXPONENT).contains(&exponent)
        {
            return Some(Number {
                high: product >> 63,
                low: product as u64,
                exponent: exponent as i16,
            });
        }
        let (a, b) = (self.coefficient(), other.coefficient());
        if let Some(narrow) = a.unsigned_abs().checked_mul(b.unsigned_abs())
            && narrow < POW10_WIDE[38]
        {
            return Number::rounded_narrow((a < 0) != (b < 0), narrow, exponent, false);
        }
        let wide = U256::product(a.unsigned_abs(), b.unsigned_abs());
        Number::rounded((a < 0) != (b < 0), wide, exponent, false)
    }

    /// Quotient; `None` when the divisor is zero or the result is out of range.
    pub fn div(self, other: Number) -> Option<Number> {
        if other.is_zero() {
            return None;
        }
        if self.is_zero() {
            return Some(Number::ZERO);
        }
        let exponent = self.exponent() - other.exponent();
        if let (Some(a), Some(b)) = (self.small(), other.small())
            && (MIN_EXPONENT + 3..=MAX_EXPONENT).contains(&exponent)
            && let Some(exact) = div_exactly(a, b, exponent)
        {
            return Some(exact);
        }
        let (a, b) = (self.coefficient(), other.coefficient());
        let negative = (a < 0) != (b < 0);
        let (a, b) = (a.unsigned_abs(), b.unsigned_abs());
        if a < 1 << 63 && b < 1 << 63 {
            let scaled = a * POW10_WIDE[19];
            let first = scaled / b;
            let rest = scaled - first * b;
            if rest == 0 && first < POW10_WIDE[38] {
                let exact = Number::rounded_narrow(negative, first, exponent - 19, false)?;
                return Some(exact.stripped_to(exponent));
            }
            if (POW10_WIDE[15]..POW10_WIDE[38]).contains(&first) {
                // As many more digits as 38 have room for: at least 35 in all.
                let more = (38 - digits(first)).min(19);
                let scaled = rest * POW10_WIDE[more as usize];
                let second = scaled / b;
                let lost = scaled != second * b;
                let wide = first * POW10_WIDE[more as usize] + second;
                let exponent = exponent - 19 - more as i32;
                let quotient = Number::rounded_narrow(negative, wide, exponent, lost)?;
                return Some(if lost {
                    quotient
                } else {
                    quotient.stripped_to(exponent)
                });
            }
        }
        let scale = (PRECISION + 1 + digits(b)).saturating_sub(digits(a));
        let (quotient, rest) = U256::of(a).times_pow10(scale).div_wide(b);
        let number = Number::rounded(negative, quotient, exponent - scale as i32, rest != 0)?;
        Some(if rest == 0 {
            number.stripped_to(exponent)
        } else {
            number
        })
    }

    /// The opposite.
    #[inline]
    pub const fn neg(self) -> Number {
        Number::raw(-self.coefficient(), self.exponent)
    }

    /// The magnitude.
    pub const fn abs(self) -> Number {
        if self.is_negative() { self.neg() } else { self }
    }

    /// The same value without trailing zeros after the point or before it.
    pub fn stripped(self) -> Number {
        self.stripped_to(MAX_EXPONENT)
    }

    fn stripped_to(self, limit: i32) -> Number {
        if self.is_zero() {
            return Number::ZERO;
        }
        let mut exponent = self.exponent();
        let mut wide = self.coefficient();
        // In halving steps, so that many zeros go in few divisions.
        for step in [16, 8, 4, 2, 1] {
            let unit = POW10[step as usize];
            while exponent + step <= limit && wide != 0 {
                if let Ok(small) = i64::try_from(wide) {
                    let unit = unit as i64;
                    if small % unit != 0 {
                        break;
                    }
                    wide = i128::from(small / unit);
                } else {
                    let quotient = wide / i128::from(unit);
                    if quotient * i128::from(unit) != wide {
                        break;
                    }
                    wide = quotient;
                }
                exponent += step;
            }
        }
        Number::raw(wide, exponent as i16)
    }

    /// The value as a whole number of 64 bits, when it is one.
    pub fn to_i64(self) -> Option<i64> {
        if self.exponent == 0 {
            return self.small();
        }
        let plain = self.stripped();
        if plain.exponent < 0 || plain.exponent > 19 {
            return if plain.is_zero() { Some(0) } else { None };
        }
        plain
            .small()?
            .checked_mul(i64::try_from(POW10[plain.exponent as usize]).ok()?)
    }

    /// The value in yuan as whole fen, when it is a whole number of fen.
    pub fn to_fen(self) -> Option<base::Fen> {
        if self.exponent == -2 {
            return self.small().map(base::Fen);
        }
        self.mul(Number::int(100))?.to_i64().map(base::Fen)
    }

    /// The nearest binary float.
    pub fn to_f64(self) -> f64 {
        if let (Some(value), -19..=0) = (self.small(), self.exponent())
            && value.unsigned_abs() <= 1 << 53
        {
            // Both are floats without loss (powers of ten up to the 22nd are), so that the quotient is
            // rounded once.
            return value as f64 / POW10[self.exponent().unsigned_abs() as usize] as f64;
        }
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The shortest decimal that stands for a binary float; `None` for NaN and infinities.
    pub fn from_f64(value: f64) -> Option<Number> {
        if value.is_finite() {
            format!("{value:e}").parse().ok()
        } else {
            None
        }
    }

    /// Rounds to `scale` digits after the point (before it when negative).
    pub fn round(self, scale: i32, mode: Rounding) -> Number {
        let target = -scale;
        if self.exponent() >= target {
            return self;
        }
        let drop = (target - self.exponent()) as u32;
        if let (Some(value), 1..=18, ..=MAX_EXPONENT) = (self.small(), drop, target) {
            return round_small(value, drop, mode, target as i16);
        }
        let coefficient = self.coefficient();
        let negative = coefficient < 0;
        let magnitude = coefficient.unsigned_abs();
        let (mut quotient, tail) = if drop >= 38 {
            (
                0,
                if magnitude == 0 {
                    Ordering::Equal
                } else {
                    Ordering::Less
                },
            )
        } else {
            let unit = POW10_WIDE[drop as usize];
            (magnitude / unit, (magnitude % unit * 2).cmp(&unit))
        };
        let exact =
            magnitude == 0 || (drop < 38 && magnitude.is_multiple_of(POW10_WIDE[drop as usize]));
        let up = !exact
            && match mode {
                Rounding::Up => true,
                Rounding::Down => false,
                Rounding::Floor => negative,
                Rounding::Ceiling => !negative,
                Rounding::HalfUp => tail != Ordering::Less,
                Rounding::HalfDown => tail == Ordering::Greater,
                Rounding::HalfEven => {
                    tail == Ordering::Greater || (tail == Ordering::Equal && quotient % 2 == 1)
                }
            };
        quotient += u128::from(up);
        let signed = if negative {
            -(quotient as i128)
        } else {
            quotient as i128
        };
        Number::new(signed, target).unwrap_or(Number::ZERO)
    }

    /// As JSON: every digit, without trailing zeros.
    pub fn to_json(self) -> serde_json::Value {
        match self.to_i64() {
            Some(whole) => whole.into(),
            None => self
                .to_string()
                .parse()
                .map_or(serde_json::Value::Null, serde_json::Value::Number),
        }
    }
}

/// A quotient that is exact with at most three digits more, in the fewest.
#[inline]
fn div_exactly(a: i64, b: i64, exponent: i32) -> Option<Number> {
    for digits in 0..=3 {
        let scaled = a.checked_mul(POW10[digits as usize] as i64)?;
        let quotient = scaled.checked_div(b)?;
        if quotient.wrapping_mul(b) == scaled {
            let exponent = (exponent - digits) as i16;
            return Some(Number::raw(i128::from(quotient), exponent));
        }
    }
    None
}

/// Drops one to eighteen digits of a coefficient of 64 bits.
#[inline]
fn round_small(value: i64, drop: u32, mode: Rounding, exponent: i16) -> Number {
    let unit = POW10[drop as usize] as i64;
    let (quotient, rest) = (value / unit, value % unit);
    let tail = (rest.abs() * 2).cmp(&unit);
    let up = rest != 0
        && match mode {
            Rounding::Up => true,
            Rounding::Down => false,
            Rounding::Floor => value < 0,
            Rounding::Ceiling => value > 0,
            Rounding::HalfUp => tail != Ordering::Less,
            Rounding::HalfDown => tail == Ordering::Greater,
            Rounding::HalfEven => {
                tail == Ordering::Greater || (tail == Ordering::Equal && quotient % 2 != 0)
            }
        };
    let away = if up { value.signum() } else { 0 };
    Number {
        high: (quotient + away) >> 63,
        low: (quotient + away) as u64,
        exponent,
    }
}

/// Adds 64-bit coefficients whose exponents differ, when that stays within 64 bits.
#[inline]
fn aligned(a: i64, a_exponent: i16, b: i64, b_exponent: i16) -> Option<Number> {
    let (high, shift, low, exponent) = if a_exponent > b_exponent {
        (
            a,
            i32::from(a_exponent) - i32::from(b_exponent),
            b,
            b_exponent,
        )
    } else {
        (
            b,
            i32::from(b_exponent) - i32::from(a_exponent),
            a,
            a_exponent,
        )
    };
    if shift > 18 {
        return None;
    }
    let sum = high
        .checked_mul(POW10[shift as usize] as i64)?
        .checked_add(low)?;
    Some(Number {
        high: sum >> 63,
        low: sum as u64,
        exponent,
    })
}

impl Ord for Number {
    #[inline]
    fn cmp(&self, other: &Number) -> Ordering {
        if self.exponent == other.exponent {
            return self.coefficient().cmp(&other.coefficient());
        }
        if let (Some(a), Some(b)) = (self.small(), other.small()) {
            let shift = i32::from(self.exponent) - i32::from(other.exponent);
            let (a, b) = (i128::from(a), i128::from(b));
            match shift {
                1..=18 => return (a * i128::from(POW10[shift as usize])).cmp(&b),
                -18..=-1 => return a.cmp(&(b * i128::from(POW10[-shift as usize]))),
                _ => {}
            }
        }
        self.cmp_slow(other)
    }
}

impl Number {
    #[cold]
    fn cmp_slow(&self, other: &Number) -> Ordering {
        let signs = self
            .coefficient()
            .signum()
            .cmp(&other.coefficient().signum());
        if signs != Ordering::Equal {
            return signs;
        }
        if self.is_zero() {
            return Ordering::Equal;
        }
        let (a, b) = (
            self.coefficient().unsigned_abs(),
            other.coefficient().unsigned_abs(),
        );
        let lead = |m: u128, n: &Number| digits(m) as i32 + n.exponent();
        let magnitudes = lead(a, self).cmp(&lead(b, other)).then_with(|| {
            let shift = self.exponent() - other.exponent();
            if shift > 0 {
                U256::of(a).times_pow10(shift as u32).compare(&U256::of(b))
            } else {
                U256::of(a).compare(&U256::of(b).times_pow10(-shift as u32))
            }
        });
        if self.is_negative() {
            magnitudes.reverse()
        } else {
            magnitudes
        }
    }
}

impl PartialOrd for Number {
    #[inline]
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    #[inline]
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let plain = self.stripped();
        (plain.high, plain.low, plain.exponent).hash(state);
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number::int(value)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
