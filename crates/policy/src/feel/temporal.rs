//! Dates, times and durations as FEEL has them: any year to nine digits, offsets or named zones.

mod duration;

use chrono::{Datelike, NaiveDate, Offset, TimeZone};
use std::cmp::Ordering;
use std::fmt;

pub use duration::{DaysTime, Duration, months_text};

/// Largest year either side of zero that FEEL knows.
pub const MAX_YEAR: i32 = 999_999_999;

const NANOS: i128 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;

/// A calendar day in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// A day that exists; `None` otherwise.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Date> {
        if year.abs() > MAX_YEAR || day == 0 || day > days_in_month(year, month)? {
            return None;
        }
        Some(Date {
            year,
            month: month as u8,
            day: day as u8,
        })
    }

    /// The year, negative before the common era.
    pub fn year(self) -> i32 {
        self.year
    }

    /// 1 to 12.
    pub fn month(self) -> u32 {
        self.month.into()
    }

    /// 1 to 31.
    pub fn day(self) -> u32 {
        self.day.into()
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i64 {
        let (y, m, d) = (
            i64::from(self.year),
            i64::from(self.month),
            i64::from(self.day),
        );
        let y = if m <= 2 { y - 1 } else { y };
        let era = y.div_euclid(400);
        let of_era = y.rem_euclid(400);
        let of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day that is so many days after 1970-01-01; `None` outside the years of FEEL.
    pub fn from_days(days: i64) -> Option<Date> {
        let z = days.checked_add(719_468)?;
        let era = z.div_euclid(146_097);
        let of_era = z.rem_euclid(146_097);
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year + era * 400 + i64::from(month <= 2);
        Date::new(i32::try_from(year).ok()?, month as u32, day as u32)
    }

    /// The same day `months` later, or the last of the month when it has no such day.
    pub fn plus_months(self, months: i64) -> Option<Date> {
        let total = (i64::from(self.year) * 12 + i64::from(self.month) - 1).checked_add(months)?;
        let year = i32::try_from(total.div_euclid(12)).ok()?;
        let month = total.rem_euclid(12) as u32 + 1;
        Date::new(year, month, self.day().min(days_in_month(year, month)?))
    }

    /// 1 Monday to 7 Sunday.
    pub fn weekday(self) -> u32 {
        (self.days() + 3).rem_euclid(7) as u32 + 1
    }

    /// 1 to 366.
    pub fn day_of_year(self) -> u32 {
        let first = Date {
            month: 1,
            day: 1,
            ..self
        };
        (self.days() - first.days()) as u32 + 1
    }

    /// ISO 8601 week number.
    pub fn week_of_year(self) -> u32 {
        let thursday = self.days() - i64::from(self.weekday()) + 4;
        Date::from_days(thursday).map_or(1, |t| (t.day_of_year() - 1) / 7 + 1)
    }

    /// Reads `YYYY-MM-DD`, with up to nine digits of year and a sign.
    pub fn parse(text: &str) -> Option<Date> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut parts = rest.split('-');
        let (y, m, d) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || y.len() < 4 || y.len() > 9 || m.len() != 2 || d.len() != 2 {
            return None;
        }
        if y.len() > 4 && y.starts_with('0') {
            return None;
        }
        let year = number(y)? as i32;
        Date::new(
            if negative { -year } else { year },
            number(m)? as u32,
            number(d)? as u32,
        )
    }
}

impl From<NaiveDate> for Date {
    fn from(day: NaiveDate) -> Date {
        Date {
            year: day.year(),
            month: day.month() as u8,
            day: day.day() as u8,
        }
    }
}

impl Date {
    /// As the register counts days; `None` beyond its years.
    pub fn to_day(self) -> Option<base::Day> {
        NaiveDate::from_ymd_opt(self.year, self.month(), self.day())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.year < 0 { "-" } else { "" };
        write!(
            f,
            "{sign}{:04}-{:02}-{:02}",
            self.year.unsigned_abs(),
            self.month,
            self.day
        )
    }
}

/// Days of a month; `None` for a month that does not exist.
pub fn days_in_month(year: i32, month: u32) -> Option<u32> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return None,
    })
}

/// Where a time of day is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Zone {
    /// Nothing said.
    Local,
    /// Seconds east of Greenwich.
    Offset(i32),
    /// A zone of the IANA database.
    Named(chrono_tz::Tz),
}

impl Zone {
    fn parse(text: &str) -> Option<Zone> {
        match text.as_bytes().first() {
            None => Some(Zone::Local),
            Some(b'Z' | b'z') if text.len() == 1 => Some(Zone::Offset(0)),
            Some(b'@') => text[1..].parse().ok().map(Zone::Named),
            Some(sign @ (b'+' | b'-')) => {
                let mut parts = text[1..].split(':');
                let (h, m) = (parts.next()?, parts.next()?);
                let s = parts.next().unwrap_or("00");
                if parts.next().is_some() || [h, m, s].iter().any(|p| p.len() != 2) {
                    return None;
                }
                let (h, m, s) = (number(h)?, number(m)?, number(s)?);
                if h > 18 || m > 59 || s > 59 {
                    return None;
                }
                let total = (h * 3600 + m * 60 + s) as i32;
                Some(Zone::Offset(if *sign == b'-' { -total } else { total }))
            }
            _ => None,
        }
    }

    /// Seconds east of Greenwich at a local moment; `None` when nothing was said.
    pub fn offset_at(self, date: Date, seconds: i64) -> Option<i32> {
        match self {
            Zone::Local => None,
            Zone::Offset(offset) => Some(offset),
            Zone::Named(zone) => {
                let moment = date
                    .to_day()?
                    .and_hms_opt(0, 0, 0)?
                    .checked_add_signed(chrono::TimeDelta::seconds(seconds))?;
                let found = zone.offset_from_local_datetime(&moment).earliest();
                let offset = found.unwrap_or_else(|| zone.offset_from_utc_datetime(&moment));
                Some(offset.fix().local_minus_utc())
            }
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Local => Ok(()),
            Zone::Offset(0) => f.write_str("Z"),
            Zone::Offset(offset) => {
                let sign = if *offset < 0 { '-' } else { '+' };
                let seconds = offset.unsigned_abs();
                write!(f, "{sign}{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
                if seconds % 60 != 0 {
                    write!(f, ":{:02}", seconds % 60)
                } else {
                    Ok(())
                }
            }
            Zone::Named(zone) => write!(f, "@{zone}"),
        }
    }
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    nanos: u64,
    /// Where.
    pub zone: Zone,
}

impl Time {
    /// Hours, minutes, seconds and nanoseconds; `None` when there is no such time.
    pub fn new(hour: u32, minute: u32, second: u32, nano: u32, zone: Zone) -> Option<Time> {
        if hour > 23 || minute > 59 || second > 59 || nano > 999_999_999 {
            return None;
        }
        let seconds = u64::from(hour * 3600 + minute * 60 + second);
        Some(Time {
            nanos: seconds * 1_000_000_000 + u64::from(nano),
            zone,
        })
    }

    /// From nanoseconds since midnight, counted round the clock.
    pub fn from_nanos(nanos: i128, zone: Zone) -> Time {
        Time {
            nanos: nanos.rem_euclid(i128::from(DAY_SECONDS) * NANOS) as u64,
            zone,
        }
    }

    /// Nanoseconds since midnight.
    pub fn nanos(self) -> i128 {
        self.nanos.into()
    }

    /// Seconds since midnight.
    pub fn seconds(self) -> i64 {
        (self.nanos / 1_000_000_000) as i64
    }

    /// 0 to 23.
    pub fn hour(self) -> u32 {
        (self.seconds() / 3600) as u32
    }

    /// 0 to 59.
    pub fn minute(self) -> u32 {
        (self.seconds() / 60 % 60) as u32
    }

    /// 0 to 59.
    pub fn second(self) -> u32 {
        (self.seconds() % 60) as u32
    }

    /// The part below the second.
    pub fn subsecond(self) -> u32 {
        (self.nanos % 1_000_000_000) as u32
    }

    /// Reads `hh:mm:ss`, a fraction, and an offset, `Z` or `@zone`.
    pub fn parse(text: &str) -> Option<Time> {
        let clock = text.get(..8)?;
        let mut parts = clock.split(':');
        let (h, m, s) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || [h, m, s].iter().any(|p| p.len() != 2) {
            return None;
        }
        let mut rest = &text[8..];
        let mut nano = 0;
        if let Some(fraction) = rest.strip_prefix('.') {
            let end = fraction
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(fraction.len());
            if end == 0 {
                return None;
            }
            let kept = &fraction[..end.min(9)];
            nano = number(kept)? as u32 * 10u32.pow(9 - kept.len() as u32);
            rest = &fraction[end..];
        }
        let zone = Zone::parse(rest)?;
        Time::new(
            number(h)? as u32,
            number(m)? as u32,
            number(s)? as u32,
            nano,
            zone,
        )
    }

    /// Seconds east of Greenwich; a named zone is asked for the first day of 2000.
    pub fn offset(self) -> Option<i32> {
        self.zone.offset_at(
            Date {
                year: 2000,
                month: 1,
                day: 1,
            },
            self.seconds(),
        )
    }

    /// Nanoseconds since midnight in Greenwich, or local where no zone is given.
    pub fn universal(self) -> i128 {
        self.nanos() - i128::from(self.offset().unwrap_or(0)) * NANOS
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02}:{:02}:{:02}",
            self.hour(),
            self.minute(),
            self.second()
        )?;
        if self.subsecond() != 0 {
            let digits = format!("{:09}", self.subsecond());
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        write!(f, "{}", self.zone)
    }
}

/// A day and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// The day.
    pub date: Date,
    /// The time and where.
    pub time: Time,
}

impl DateTime {
    /// Reads `YYYY-MM-DDThh:mm:ss…`, or a day alone, which means its midnight. A day that ends at
    /// `24:00:00` is the next day's midnight.
    pub fn parse(text: &str) -> Option<DateTime> {
        let Some((date, time)) = text.split_once('T') else {
            return Some(DateTime::midnight(Date::parse(text)?));
        };
        let date = Date::parse(date)?;
        if let Some(rest) = time.strip_prefix("24:00:00") {
            let time = Time::parse(&format!("00:00:00{rest}")).filter(|t| t.nanos == 0)?;
            return Some(DateTime {
                date: Date::from_days(date.days() + 1)?,
                time,
            });
        }
        Some(DateTime {
            date,
            time: Time::parse(time)?,
        })
    }

    /// The start of a day, without a zone.
    pub fn midnight(date: Date) -> DateTime {
        DateTime {
            date,
            time: Time {
                nanos: 0,
                zone: Zone::Local,
            },
        }
    }

    /// Seconds east of Greenwich.
    pub fn offset(self) -> Option<i32> {
        self.time.zone.offset_at(self.date, self.time.seconds())
    }

    /// Nanoseconds since 1970 on the local clock.
    pub fn local_nanos(self) -> i128 {
        i128::from(self.date.days()) * i128::from(DAY_SECONDS) * NANOS + self.time.nanos()
    }

    /// Nanoseconds since 1970 in Greenwich; the local clock's where no zone is given.
    pub fn universal(self) -> i128 {
        self.local_nanos() - i128::from(self.offset().unwrap_or(0)) * NANOS
    }

    /// The moment on the local clock of `zone`.
    pub fn from_local_nanos(nanos: i128, zone: Zone) -> Option<DateTime> {
        let day = i128::from(DAY_SECONDS) * NANOS;
        let date = Date::from_days(i64::try_from(nanos.div_euclid(day)).ok()?)?;
        Some(DateTime {
            date,
            time: Time::from_nanos(nanos, zone),
        })
    }

    /// So much later on the local clock.
    pub fn plus(self, duration: DaysTime) -> Option<DateTime> {
        DateTime::from_local_nanos(
            self.local_nanos().checked_add(duration.nanos())?,
            self.time.zone,
        )
    }

    /// Earlier, same or later; `None` when only one of the two says where it is.
    pub fn compare(self, other: DateTime) -> Option<Ordering> {
        if self.time.zone == other.time.zone {
            return Some(self.local_nanos().cmp(&other.local_nanos()));
        }
        if self.offset().is_some() != other.offset().is_some() {
            return None;
        }
        Some(self.universal().cmp(&other.universal()))
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.time)
    }
}

fn number(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_read_and_print() {
        for text in ["2024-02-29", "-0001-01-01", "999999999-12-31"] {
            assert_eq!(
                Date::parse(text).map(|d| d.to_string()).as_deref(),
                Some(text)
            );
        }
        for bad in [
            "2023-02-29",
            "24-01-01",
            "02024-01-01",
            "2024-1-1",
            "2024-01-01Z",
        ] {
            assert_eq!(Date::parse(bad), None, "{bad}");
        }
        for text in [
            "10:30:00",
            "10:30:00.5Z",
            "23:59:59+02:00",
            "00:00:00@Europe/Paris",
        ] {
            assert_eq!(
                Time::parse(text).map(|t| t.to_string()).as_deref(),
                Some(text)
            );
        }
        assert_eq!(Duration::parse("P1Y13M"), Some(Duration::Months(25)));
        assert_eq!(Duration::parse("P1Y1D"), None);
        for text in ["P1D", "-PT1H30M", "PT0.5S", "PT0S", "P10DT2H"] {
            let Some(Duration::Days(d)) = Duration::parse(text) else {
                panic!("{text}")
            };
            assert_eq!(d.to_string(), text);
        }
    }

    #[test]
    fn iso_weeks() {
        for (text, week) in [
            ("2005-01-01", 53),
            ("2012-12-31", 1),
            ("2024-12-30", 1),
            ("2019-09-17", 38),
        ] {
            assert_eq!(
                Date::parse(text).map(Date::week_of_year),
                Some(week),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn days_count_as_chrono_counts(days in -80_000_000i64..80_000_000) {
            let date = Date::from_days(days).expect("in range");
            prop_assert_eq!(date.days(), days);
            let chrono = NaiveDate::from_ymd_opt(1970, 1, 1)
                .and_then(|d| d.checked_add_signed(chrono::TimeDelta::days(days)));
            prop_assert_eq!(date.to_day(), chrono);
            if let Some(chrono) = chrono {
                prop_assert_eq!(date.week_of_year(), chrono.iso_week().week());
                prop_assert_eq!(date.weekday(), chrono.weekday().number_from_monday());
            }
        }
    }
}
