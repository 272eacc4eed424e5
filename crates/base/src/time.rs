use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A civil date.
pub type Day = NaiveDate;
/// A moment at which something was recorded, in UTC.
pub type Instant = DateTime<Utc>;

/// Why a text is no date, month or moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not `YYYY-MM-DD`.
    #[error("`{0}` is not a date; write it as 2026-07-01")]
    Day(String),
    /// Not `YYYY-MM`.
    #[error("`{0}` is not a month; write it as 2026-07")]
    Month(String),
    /// Not RFC 3339.
    #[error("`{0}` is not a moment; write it as 2026-07-01T09:30:00Z, or as a date for its end")]
    Instant(String),
    /// The end is not after the start.
    #[error("the period ends on {to}, which is not after its start on {from}")]
    Empty {
        /// First day.
        from: Day,
        /// First day after.
        to: Day,
    },
}

/// Reads `2026-07-01`, also `2026/7/1`, `2026.7.1` and `20260701` as clerks type them.
pub fn parse_day(text: &str) -> Result<Day, TimeError> {
    let t = text.trim();
    let error = || TimeError::Day(text.into());
    if t.len() == 8 && t.bytes().all(|b| b.is_ascii_digit()) {
        return NaiveDate::parse_from_str(t, "%Y%m%d").map_err(|_| error());
    }
    let plain = t.replace(['/', '.', '年', '月'], "-").replace('日', "");
    let parts: Vec<&str> = plain.split('-').collect();
    let [y, m, d] = parts[..] else {
        return Err(error());
    };
    let number = |s: &str| s.trim().parse::<u32>().map_err(|_| error());
    if y.len() != 4 {
        return Err(error());
    }
    NaiveDate::from_ymd_opt(number(y)? as i32, number(m)?, number(d)?).ok_or_else(error)
}

/// Reads RFC 3339; a bare date means the last microsecond of that day, so that "as known on D"
/// includes everything recorded on D.
pub fn parse_instant(text: &str) -> Result<Instant, TimeError> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text.trim()) {
        return Ok(moment.with_timezone(&Utc));
    }
    let day = parse_day(text).map_err(|_| TimeError::Instant(text.into()))?;
    day.and_hms_micro_opt(23, 59, 59, 999_999)
        .map(|t| t.and_utc())
        .ok_or_else(|| TimeError::Instant(text.into()))
}

/// A calendar month; ordered, counted from year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// `month` is 1 to 12; `None` otherwise.
    pub fn new(year: i32, month: u32) -> Option<Month> {
        (1..=12)
            .contains(&month)
            .then(|| Month(year * 12 + month as i32 - 1))
    }

    /// The month a day lies in.
    pub fn of(day: Day) -> Month {
        Month(day.year() * 12 + day.month0() as i32)
    }

    /// Calendar year.
    pub fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// 1 to 12.
    pub fn month(self) -> u32 {
        self.0.rem_euclid(12) as u32 + 1
    }

    /// Months since year 0, for arithmetic.
    pub fn index(self) -> i32 {
        self.0
    }

    /// The inverse of [`Month::index`].
    pub fn from_index(index: i32) -> Month {
        Month(index)
    }

    /// This month moved by `n` months.
    pub fn plus(self, n: i32) -> Month {
        Month(self.0 + n)
    }

    /// The month after.
    pub fn next(self) -> Month {
        self.plus(1)
    }

    /// The month before.
    pub fn previous(self) -> Month {
        self.plus(-1)
    }

    /// First day.
    pub fn first(self) -> Day {
        NaiveDate::from_ymd_opt(self.year(), self.month(), 1).unwrap_or(NaiveDate::MIN)
    }

    /// Last day.
    pub fn last(self) -> Day {
        self.next().first().pred_opt().unwrap_or(NaiveDate::MAX)
    }

    /// `[first day, first day of the next month)`.
    pub fn period(self) -> Period {
        Period {
            from: self.first(),
            to: Some(self.next().first()),
        }
    }

    /// Every month from `self` to `last`, both included; empty when `last` is earlier.
    pub fn through(self, last: Month) -> impl Iterator<Item = Month> {
        (self.0..=last.0).map(Month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl FromStr for Month {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Month, TimeError> {
        let error = || TimeError::Month(text.into());
        let (y, m) = text.trim().split_once('-').ok_or_else(error)?;
        if y.len() != 4 {
            return Err(error());
        }
        Month::new(
            y.parse().map_err(|_| error())?,
            m.parse().map_err(|_| error())?,
        )
        .ok_or_else(error)
    }
}

impl Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Month, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A stretch of days, half-open: `from` is in it, `to` is not; no `to` means it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// First day.
    pub from: Day,
    /// First day after it, or open.
    pub to: Option<Day>,
}

impl Period {
    /// A period with an end. Errors when `to` is not after `from`.
    pub fn new(from: Day, to: Option<Day>) -> Result<Period, TimeError> {
        match to {
            Some(to) if to <= from => Err(TimeError::Empty { from, to }),
            _ => Ok(Period { from, to }),
        }
    }

    /// From a day on, without end.
    pub fn since(from: Day) -> Period {
        Period { from, to: None }
    }

    /// Is `day` in it?
    pub fn contains(&self, day: Day) -> bool {
        self.from <= day && self.to.is_none_or(|to| day < to)
    }

    /// Do the two share a day?
    pub fn overlaps(&self, other: &Period) -> bool {
        self.to.is_none_or(|to| other.from < to) && other.to.is_none_or(|to| self.from < to)
    }

    /// The months that share a day with the period, up to and including `last`.
    pub fn months_until(&self, last: Month) -> impl Iterator<Item = Month> + '_ {
        let end = self
            .to
            .map_or(last, |to| Month::of(to.pred_opt().unwrap_or(to)).min(last));
        Month::of(self.from).through(end)
    }
}

/// RFC 3339 with microseconds, the one text form of a moment in files and databases.
pub fn format_instant(moment: Instant) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        parse_day(text).expect("a date")
    }

    #[test]
    fn dates_as_clerks_type_them() {
        for text in [
            "2026-07-01",
            "2026/7/1",
            "2026.7.1",
            "20260701",
            "2026年7月1日",
        ] {
            assert_eq!(parse_day(text), Ok(day("2026-07-01")), "{text}");
        }
        for bad in ["", "26-07-01", "2026-13-01", "2026-02-30", "July"] {
            assert!(parse_day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn months_count_across_years() {
        let m: Month = "2025-12".parse().expect("a month");
        assert_eq!(m.next().to_string(), "2026-01");
        assert_eq!(m.last(), day("2025-12-31"));
        assert_eq!(m.through(m.plus(2)).count(), 3);
    }

    #[test]
    fn periods_are_half_open() {
        let march = "2026-03".parse::<Month>().expect("a month").period();
        assert!(march.contains(day("2026-03-31")) && !march.contains(day("2026-04-01")));
        assert!(!march.overlaps(&Period::since(day("2026-04-01"))));
        assert!(Period::new(day("2026-03-01"), Some(day("2026-03-01"))).is_err());
    }
}
