//! The two durations of FEEL: years and months, days and time.

use super::{DAY_SECONDS, NANOS, number};
use std::fmt;

/// A duration of days, hours, minutes, seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaysTime {
    seconds: i64,
    nanos: u32,
}

impl DaysTime {
    /// From nanoseconds; `None` beyond 64 bits of seconds.
    pub fn from_nanos(nanos: i128) -> Option<DaysTime> {
        let seconds = i64::try_from(nanos.div_euclid(NANOS)).ok()?;
        Some(DaysTime {
            seconds,
            nanos: nanos.rem_euclid(NANOS) as u32,
        })
    }

    /// Whole days.
    pub fn days(days: i64) -> Option<DaysTime> {
        Some(DaysTime {
            seconds: days.checked_mul(DAY_SECONDS)?,
            nanos: 0,
        })
    }

    /// The whole in nanoseconds.
    pub fn nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS + i128::from(self.nanos)
    }

    /// Sign, days, hours, minutes, seconds, nanoseconds.
    pub fn parts(self) -> (i64, [i64; 5]) {
        let total = self.nanos();
        let (sign, total) = (if total < 0 { -1 } else { 1 }, total.unsigned_abs());
        let seconds = (total / NANOS as u128) as i64;
        let nanos = (total % NANOS as u128) as i64;
        (
            sign,
            [
                seconds / DAY_SECONDS,
                seconds / 3600 % 24,
                seconds / 60 % 60,
                seconds % 60,
                nanos,
            ],
        )
    }
}

impl fmt::Display for DaysTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, [d, h, m, s, n]) = self.parts();
        if sign < 0 {
            f.write_str("-")?;
        }
        f.write_str("P")?;
        if d != 0 {
            write!(f, "{d}D")?;
        }
        if h != 0 || m != 0 || s != 0 || n != 0 {
            f.write_str("T")?;
            if h != 0 {
                write!(f, "{h}H")?;
            }
            if m != 0 {
                write!(f, "{m}M")?;
            }
            if n != 0 {
                let digits = format!("{n:09}");
                write!(f, "{s}.{}S", digits.trim_end_matches('0'))?;
            } else if s != 0 {
                write!(f, "{s}S")?;
            }
        } else if d == 0 {
            f.write_str("T0S")?;
        }
        Ok(())
    }
}

/// `P1Y2M` for a number of months.
pub fn months_text(months: i64) -> String {
    let sign = if months < 0 { "-" } else { "" };
    let (y, m) = (months.unsigned_abs() / 12, months.unsigned_abs() % 12);
    match (y, m) {
        (0, m) => format!("{sign}P{m}M"),
        (y, 0) => format!("{sign}P{y}Y"),
        (y, m) => format!("{sign}P{y}Y{m}M"),
    }
}

/// Months, or days and time: the two durations that FEEL has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duration {
    /// Years and months, in months.
    Months(i64),
    /// Days and time.
    Days(DaysTime),
}

impl Duration {
    /// Reads ISO 8601: `P1Y2M` or `P3DT4H5M6.7S`, with an optional sign; the two do not mix.
    pub fn parse(text: &str) -> Option<Duration> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let rest = rest.strip_prefix('P')?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return None,
            Some((date, time)) => (date, Some(time)),
            None => (rest, None),
        };
        if date.is_empty() && time.is_none() {
            return None;
        }
        let date = fields(date, &['Y', 'M', 'D'])?;
        let clock = fields(time.unwrap_or(""), &['H', 'M', 'S'])?;
        let months = date[0].is_some() || date[1].is_some();
        let days = date[2].is_some() || time.is_some();
        let whole = |f: Option<(i64, u32)>| match f {
            Some((_, fraction)) if fraction != 0 => None,
            other => Some(other.map_or(0, |f| f.0)),
        };
        if months {
            if days {
                return None;
            }
            let total = whole(date[0])?
                .checked_mul(12)?
                .checked_add(whole(date[1])?)?;
            return Some(Duration::Months(if negative { -total } else { total }));
        }
        let (seconds, nanos) = clock[2].unwrap_or((0, 0));
        let minutes = whole(clock[0])?
            .checked_mul(60)?
            .checked_add(whole(clock[1])?)?;
        let total = whole(date[2])?
            .checked_mul(DAY_SECONDS)?
            .checked_add(minutes.checked_mul(60)?)?
            .checked_add(seconds)?;
        let nanos = i128::from(total) * NANOS + i128::from(nanos);
        DaysTime::from_nanos(if negative { -nanos } else { nanos }).map(Duration::Days)
    }
}

/// Numbers before each unit letter, in order; a fraction only before `S`.
fn fields(text: &str, units: &[char; 3]) -> Option<[Option<(i64, u32)>; 3]> {
    let (mut out, mut rest, mut least) = ([None; 3], text, 0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit = rest[end..].chars().next()?;
        let at = units.iter().position(|u| *u == unit)?;
        if at < least || end == 0 {
            return None;
        }
        least = at + 1;
        let (whole, fraction) = match rest[..end].split_once('.') {
            Some((whole, "")) if unit == 'S' => (whole, 0),
            Some((whole, part)) if unit == 'S' => {
                let kept = &part[..part.len().min(9)];
                (
                    whole,
                    number(kept)? as u32 * 10u32.pow(9 - kept.len() as u32),
                )
            }
            Some(_) => return None,
            None => (&rest[..end], 0),
        };
        out[at] = Some((number(whole)?, fraction));
        rest = &rest[end + unit.len_utf8()..];
    }
    Some(out)
}
