//! Numbers from text and to text.

use super::wide::{POW10, POW10_WIDE};
use super::{NotANumber, Number};
use std::fmt;
use std::str::FromStr;

impl fmt::Display for Number {
    /// Plain digits without trailing zeros; an exponent only beyond forty places.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.stripped();
        let sign = if plain.is_negative() { "-" } else { "" };
        if let (Some(value), -18..=0) = (plain.small(), plain.exponent()) {
            let places = plain.exponent().unsigned_abs() as usize;
            let unit = POW10[places];
            let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
            return if places == 0 {
                write!(f, "{sign}{whole}")
            } else {
                write!(f, "{sign}{whole}.{part:0places$}")
            };
        }
        let digits = plain.coefficient().unsigned_abs().to_string();
        let exponent = plain.exponent();
        if exponent >= 0 {
            if exponent as usize + digits.len() > 40 {
                return write!(f, "{sign}{digits}e{exponent}");
            }
            return write!(f, "{sign}{digits}{}", "0".repeat(exponent as usize));
        }
        let places = exponent.unsigned_abs() as usize;
        if places < digits.len() {
            let (whole, part) = digits.split_at(digits.len() - places);
            write!(f, "{sign}{whole}.{part}")
        } else if places > 40 {
            write!(f, "{sign}{digits}e{exponent}")
        } else {
            write!(f, "{sign}0.{}{digits}", "0".repeat(places - digits.len()))
        }
    }
}

impl FromStr for Number {
    type Err = NotANumber;

    /// Digits with an optional point, sign and exponent: `-12.50`, `.5`, `1.2e-3`. More than 34
    /// significant digits are rounded.
    fn from_str(text: &str) -> Result<Number, NotANumber> {
        parse(text).ok_or_else(|| NotANumber(text.chars().take(60).collect()))
    }
}

fn parse(text: &str) -> Option<Number> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, power) = match rest.find(['e', 'E']) {
        Some(at) => {
            let power = &rest[at + 1..];
            if !power
                .trim_start_matches(['+', '-'])
                .bytes()
                .all(|b| b.is_ascii_digit())
            {
                return None;
            }
            (&rest[..at], power.parse::<i32>().ok()?)
        }
        None => (rest, 0),
    };
    let (mut value, mut exponent, mut seen, mut point) = (0u128, power, 0usize, false);
    let (mut next, mut sticky) = (None, false);
    for byte in mantissa.bytes() {
        match byte {
            b'0'..=b'9' => {
                let digit = u128::from(byte - b'0');
                seen += 1;
                if value < POW10_WIDE[33] {
                    value = value * 10 + digit;
                    exponent = exponent.checked_sub(i32::from(point))?;
                } else {
                    match next {
                        None => next = Some(digit),
                        Some(_) => sticky |= digit != 0,
                    }
                    exponent = exponent.checked_add(i32::from(!point))?;
                }
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if seen == 0 {
        return None;
    }
    let round_up = match next {
        Some(6..) => true,
        Some(5) => sticky || value % 2 == 1,
        _ => false,
    };
    let signed = (value + u128::from(round_up)) as i128;
    Number::new(if negative { -signed } else { signed }, exponent)
}
