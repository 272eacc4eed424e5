use crate::Day;
use chrono::{Datelike, Weekday};
use std::collections::BTreeSet;

/// Which days are working days 工作日: Monday to Friday, less public holidays, plus the weekend
/// days that an official notice makes working days.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    holidays: BTreeSet<Day>,
    makeup: BTreeSet<Day>,
    years: BTreeSet<i32>,
}

/// Why working days can't be counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Counting past the years whose holidays are known would be a guess.
    #[error(
        "the holidays of {0} are not in the calendar; add that year's official notice to the law's calendar"
    )]
    YearUnknown(i32),
}

impl Calendar {
    /// `holidays` and `makeup` (weekend days worked) of the covered `years`.
    pub fn new(
        holidays: impl IntoIterator<Item = Day>,
        makeup: impl IntoIterator<Item = Day>,
        years: impl IntoIterator<Item = i32>,
    ) -> Calendar {
        Calendar {
            holidays: holidays.into_iter().collect(),
            makeup: makeup.into_iter().collect(),
            years: years.into_iter().collect(),
        }
    }

    /// Is `day` worked? Errors outside the covered years.
    pub fn is_workday(&self, day: Day) -> Result<bool, CalendarError> {
        if !self.years.contains(&day.year()) {
            return Err(CalendarError::YearUnknown(day.year()));
        }
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        Ok(self.makeup.contains(&day) || (!weekend && !self.holidays.contains(&day)))
    }

    /// The last day of a term of `n` working days that starts to run on the day after `start`
    /// (the day of the event itself is not counted: Civil Code art. 201). With `n` 0, `start`.
    pub fn add(&self, start: Day, n: u32) -> Result<Day, CalendarError> {
        let (mut day, mut left) = (start, n);
        while left > 0 {
            day = day
                .succ_opt()
                .ok_or(CalendarError::YearUnknown(day.year()))?;
            if self.is_workday(day)? {
                left -= 1;
            }
        }
        Ok(day)
    }

    /// Working days after `from` up to and including `to`; 0 when `to` is not later.
    pub fn between(&self, from: Day, to: Day) -> Result<u32, CalendarError> {
        let (mut day, mut count) = (from, 0);
        while day < to {
            day = day
                .succ_opt()
                .ok_or(CalendarError::YearUnknown(day.year()))?;
            count += u32::from(self.is_workday(day)?);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_day;

    fn d(text: &str) -> Day {
        parse_day(text).expect("a date")
    }

    #[test]
    fn holidays_and_makeup_days_count() {
        // National Day 2024: off 1 to 7 October, worked on Sunday 29 September and Saturday 12 October.
        let off = (1..=7).map(|n| d(&format!("2024-10-{n:02}")));
        let calendar = Calendar::new(off, [d("2024-09-29"), d("2024-10-12")], [2024]);
        assert_eq!(calendar.add(d("2024-09-27"), 1), Ok(d("2024-09-29")));
        assert_eq!(calendar.add(d("2024-09-30"), 1), Ok(d("2024-10-08")));
        assert_eq!(calendar.between(d("2024-09-30"), d("2024-10-12")), Ok(5));
        assert_eq!(
            calendar.add(d("2024-12-31"), 1),
            Err(CalendarError::YearUnknown(2025))
        );
    }
}
