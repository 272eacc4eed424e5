//! Functions on dates, times and durations.

use super::builtins::{Answer, number, scalar};
use super::{Host, Machine};
use crate::feel::builtin::Builtin as B;
use crate::feel::number::{Number, Rounding};
use crate::feel::temporal::{Date, DateTime, Duration, Time, Zone};
use crate::feel::value::Value;

impl Machine {
    pub(super) fn date_function(&self, host: &dyn Host, f: B, args: &[Value]) -> Answer {
        match f {
            B::Date => date(args),
            B::Time => time(args),
            B::DateAndTime => date_and_time(args),
            B::Duration => match scalar(args.first()?) {
                Value::Text(t) => match Duration::parse(t)? {
                    Duration::Months(m) => Some(Value::YearsMonths(m)),
                    Duration::Days(d) => Some(Value::DaysTime(d)),
                },
                same @ (Value::YearsMonths(_) | Value::DaysTime(_)) => Some(same.clone()),
                _ => None,
            },
            B::YearsMonthsDuration => {
                let (from, to) = (day(args)?, day(args.get(1..)?)?);
                Some(Value::YearsMonths(months_between(from, to)))
            }
            B::DayOfYear => day(args).map(|d| whole(d.day_of_year())),
            B::WeekOfYear => day(args).map(|d| whole(d.week_of_year())),
            B::DayOfWeek => {
                const NAMES: [&str; 7] = [
                    "Monday",
                    "Tuesday",
                    "Wednesday",
                    "Thursday",
                    "Friday",
                    "Saturday",
                    "Sunday",
                ];
                day(args)
                    .and_then(|d| NAMES.get(d.weekday() as usize - 1))
                    .map(|n| Value::text(n))
            }
            B::MonthOfYear => {
                const NAMES: [&str; 12] = [
                    "January",
                    "February",
                    "March",
                    "April",
                    "May",
                    "June",
                    "July",
                    "August",
                    "September",
                    "October",
                    "November",
                    "December",
                ];
                day(args)
                    .and_then(|d| NAMES.get(d.month() as usize - 1))
                    .map(|n| Value::text(n))
            }
            B::Now => host.now().map(Value::DateTime),
            B::Today => host.now().map(|n| Value::Date(n.date)),
            _ => None,
        }
    }
}

fn whole(n: u32) -> Value {
    Value::Number(Number::int(n.into()))
}

fn day(args: &[Value]) -> Option<Date> {
    match scalar(args.first()?) {
        Value::Date(d) => Some(*d),
        Value::DateTime(d) => Some(d.date),
        _ => None,
    }
}

/// Whole months from one day to another, towards zero; the time of day does not count.
fn months_between(from: Date, to: Date) -> i64 {
    let count = |d: Date| i64::from(d.year()) * 12 + i64::from(d.month());
    let months = count(to) - count(from);
    if months > 0 && to.day() < from.day() {
        months - 1
    } else if months < 0 && to.day() > from.day() {
        months + 1
    } else {
        months
    }
}

fn integer(args: &[Value], at: usize) -> Option<i64> {
    let n = number(args, at)?;
    if n.is_integer() { n.to_i64() } else { None }
}

fn date(args: &[Value]) -> Answer {
    if args.len() == 3 {
        let (y, m, d) = (integer(args, 0)?, integer(args, 1)?, integer(args, 2)?);
        let date = Date::new(
            i32::try_from(y).ok()?,
            u32::try_from(m).ok()?,
            u32::try_from(d).ok()?,
        )?;
        return Some(Value::Date(date));
    }
    match scalar(args.first()?) {
        Value::Text(t) => Date::parse(t).map(Value::Date),
        Value::Date(d) => Some(Value::Date(*d)),
        Value::DateTime(d) => Some(Value::Date(d.date)),
        _ => None,
    }
}

fn time(args: &[Value]) -> Answer {
    if args.len() >= 3 {
        let (h, m) = (
            u32::try_from(integer(args, 0)?).ok()?,
            u32::try_from(integer(args, 1)?).ok()?,
        );
        let seconds = number(args, 2)?;
        let whole = seconds.round(0, Rounding::Floor);
        let nanos = seconds
            .sub(whole)?
            .mul(Number::int(1_000_000_000))?
            .round(0, Rounding::Down);
        let zone = match args.get(3).map(scalar) {
            None | Some(Value::Null) => Zone::Local,
            Some(Value::DaysTime(d)) => {
                let seconds = i32::try_from(d.nanos() / 1_000_000_000).ok()?;
                if seconds.abs() > 18 * 3600 {
                    return None;
                }
                Zone::Offset(seconds)
            }
            _ => return None,
        };
        let second = u32::try_from(whole.to_i64()?).ok()?;
        return Time::new(h, m, second, u32::try_from(nanos.to_i64()?).ok()?, zone)
            .map(Value::Time);
    }
    match scalar(args.first()?) {
        Value::Text(t) => Time::parse(t).map(Value::Time),
        Value::Time(t) => Some(Value::Time(*t)),
        Value::DateTime(d) => Some(Value::Time(d.time)),
        Value::Date(_) => Some(Value::Time(Time::from_nanos(0, Zone::Offset(0)))),
        _ => None,
    }
}

fn date_and_time(args: &[Value]) -> Answer {
    match (args.len(), scalar(args.first()?)) {
        (1, Value::Text(t)) => DateTime::parse(t).map(Value::DateTime),
        (1, Value::DateTime(d)) => Some(Value::DateTime(*d)),
        (1, Value::Date(date)) => {
            let time = Time::from_nanos(0, Zone::Offset(0));
            Some(Value::DateTime(DateTime { date: *date, time }))
        }
        (2, first) => {
            let date = match first {
                Value::Date(d) => *d,
                Value::DateTime(d) => d.date,
                _ => return None,
            };
            match scalar(&args[1]) {
                Value::Time(time) => Some(Value::DateTime(DateTime { date, time: *time })),
                // `from, time zone`
                Value::Text(zone) => {
                    let Value::DateTime(from) = first else {
                        return None;
                    };
                    let zone = Zone::Named(zone.parse().ok()?);
                    let offset = zone.offset_at(from.date, from.time.seconds())?;
                    let shifted = from.universal() + i128::from(offset) * 1_000_000_000;
                    DateTime::from_local_nanos(shifted, zone).map(Value::DateTime)
                }
                _ => None,
            }
        }
        (6 | 7, _) => {
            let Some(Value::Date(date)) = date(&args[..3]) else {
                return None;
            };
            let Some(Value::Time(time)) = time(&args[3..]) else {
                return None;
            };
            Some(Value::DateTime(DateTime { date, time }))
        }
        _ => None,
    }
}
