//! Public holidays and worked weekend days, as `@calendar` tables give them.

use super::markdown::{Cell, RawTable};
use super::places::Places;
use super::source::{Findings, say};
use base::{Calendar, Day};
use chrono::Datelike;

/// One `@calendar` table.
#[derive(Clone, Debug, Default)]
pub(crate) struct CalendarText {
    pub place: String,
    pub holidays: Vec<Day>,
    pub worked: Vec<Day>,
    pub years: Vec<i32>,
}

/// Reads the table `| year | holidays | worked |`.
pub(crate) fn read(table: &RawTable, place: String, findings: &mut Findings<'_>) -> CalendarText {
    let mut calendar = CalendarText {
        place,
        ..CalendarText::default()
    };
    for row in &table.rows {
        let year = row.cells.first().and_then(|c| c.text.parse::<i32>().ok());
        let (Some(year), true) = (year, row.cells.len() >= 3) else {
            findings.error(
                "bad-row",
                &row.span,
                say(
                    "日历的一行要有年份、放假日、上班日三格",
                    "a calendar row has a year, holidays and worked days",
                ),
                say(
                    "写成 `| 2026 | 01-01..01-03 | 01-04 |`",
                    "write `| 2026 | 01-01..01-03 | 01-04 |`",
                ),
            );
            continue;
        };
        if calendar.years.contains(&year) {
            findings.error(
                "bad-row",
                &row.span,
                say(
                    format!("{year} 年重复"),
                    format!("the year {year} stands twice"),
                ),
                say("合成一行", "make one row of them"),
            );
        }
        calendar.years.push(year);
        let holidays = days(year, &row.cells[1], findings);
        calendar.holidays.extend(holidays);
        let worked = days(year, &row.cells[2], findings);
        calendar.worked.extend(worked);
    }
    calendar
}

/// `01-01..01-03, 02-10`.
fn days(year: i32, cell: &Cell, findings: &mut Findings<'_>) -> Vec<Day> {
    let mut out = Vec::new();
    let day = |text: &str| -> Option<Day> {
        let (m, d) = text.trim().split_once('-')?;
        Day::from_ymd_opt(year, m.parse().ok()?, d.parse().ok()?)
    };
    for part in cell
        .text
        .split([',', '，', '、'])
        .map(str::trim)
        .filter(|p| !p.is_empty())
    {
        let (first, last) = part.split_once("..").unwrap_or((part, part));
        match (day(first), day(last)) {
            (Some(first), Some(last)) if first <= last => {
                out.extend(
                    first
                        .iter_days()
                        .take_while(|d| *d <= last && d.year() == year),
                );
            }
            _ => findings.error(
                "bad-row",
                &cell.span,
                say(
                    format!("`{part}` 不是 {year} 年的日子"),
                    format!("`{part}` is not a day of {year}"),
                ),
                say(
                    "写成 `01-01` 或 `01-01..01-03`",
                    "write `01-01` or `01-01..01-03`",
                ),
            ),
        }
    }
    out
}

/// The calendar of a place: each year from the most specific place that gives it.
pub(crate) fn of(place: &str, places: &Places, tables: &[CalendarText]) -> Calendar {
    let chain = places.chain(place);
    let mut years: Vec<i32> = Vec::new();
    let (mut holidays, mut worked) = (Vec::new(), Vec::new());
    for code in &chain {
        for table in tables.iter().filter(|t| &t.place == code) {
            let new: Vec<i32> = table
                .years
                .iter()
                .copied()
                .filter(|y| !years.contains(y))
                .collect();
            holidays.extend(
                table
                    .holidays
                    .iter()
                    .copied()
                    .filter(|d| new.contains(&d.year())),
            );
            worked.extend(
                table
                    .worked
                    .iter()
                    .copied()
                    .filter(|d| new.contains(&d.year())),
            );
            years.extend(new);
        }
    }
    Calendar::new(holidays, worked, years)
}
