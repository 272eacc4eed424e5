//! A district on one page: a fold over rows, so that the store can stream them.
//!
//! Feed it every row of what is asked for, in any order and from several threads (each with a fold of
//! its own, brought together by [`District::merge`]); memory grows with months, areas and kinds of
//! missing evidence, not with the number of households.

use base::{Day, Fen, Month};
use entitlement::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;

/// The latest determination of one subject for a month, with what stands beside it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Programme id.
    pub programme: &'a str,
    /// The month.
    pub month: Month,
    /// Area code of the household.
    pub area: &'a str,
    /// Persons that it covers: the members of a household, or 1.
    pub persons: u32,
    /// What the rules say.
    pub outcome: &'a Outcome,
    /// Does an award cover the month, or is none needed?
    pub awarded: bool,
    /// Is an application needed at all?
    pub application: bool,
    /// Owed for the month.
    pub owed: Fen,
}

/// Households or persons counted, and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Households (or persons, for programmes about persons).
    pub subjects: u64,
    /// Persons in them.
    pub persons: u64,
}

impl Count {
    fn add(&mut self, persons: u32) {
        self.subjects += 1;
        self.persons += u64::from(persons);
    }

    fn merge(&mut self, other: Count) {
        self.subjects += other.subjects;
        self.persons += other.persons;
    }
}

/// The figures of one programme, month and area.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Determined at all.
    pub determined: Count,
    /// Something is owed to them.
    pub covered: Count,
    /// Entitled by the rules, and no award: 应保未保, until somebody asks them to apply.
    pub owed_not_covered: Count,
    /// An award runs, and the rules refuse: 应退未退, until somebody ends it.
    pub covered_not_owed: Count,
    /// Something is missing to say whether.
    pub undetermined: Count,
    /// Of these, with an award running.
    pub undetermined_awarded: Count,
    /// Owed for the month.
    pub owed: Fen,
    /// Confirmed by the bank for the month.
    pub paid: Fen,
    /// What is missing, and for how many subjects.
    pub missing: BTreeMap<String, u64>,
}

impl Figures {
    fn merge(&mut self, other: &Figures) {
        self.determined.merge(other.determined);
        self.covered.merge(other.covered);
        self.owed_not_covered.merge(other.owed_not_covered);
        self.covered_not_owed.merge(other.covered_not_owed);
        self.undetermined.merge(other.undetermined);
        self.undetermined_awarded.merge(other.undetermined_awarded);
        self.owed = self.owed + other.owed;
        self.paid = self.paid + other.paid;
        for (name, n) in &other.missing {
            *self.missing.entry(name.clone()).or_default() += n;
        }
    }

    /// What is missing most often, most frequent first.
    pub fn missing_most(&self, limit: usize) -> Vec<(&str, u64)> {
        let mut all: Vec<(&str, u64)> =
            self.missing.iter().map(|(k, n)| (k.as_str(), *n)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        all.truncate(limit);
        all
    }
}

/// Where work waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Past its deadline.
    pub overdue: u64,
    /// Due today.
    pub today: u64,
    /// Due within the seven days after today.
    pub week: u64,
    /// Due later.
    pub later: u64,
    /// Without a deadline.
    pub open_ended: u64,
    /// Of all, those that cannot be done yet (a notice that runs its days).
    pub waiting: u64,
}

impl Queue {
    /// Everything that is open.
    pub fn all(&self) -> u64 {
        self.overdue + self.today + self.week + self.later + self.open_ended
    }

    fn add(&mut self, due: Option<Day>, not_before: Option<Day>, today: Day) {
        let place = match due.map(|d| (d - today).num_days()) {
            None => &mut self.open_ended,
            Some(n) if n < 0 => &mut self.overdue,
            Some(0) => &mut self.today,
            Some(1..=7) => &mut self.week,
            Some(_) => &mut self.later,
        };
        *place += 1;
        self.waiting += u64::from(not_before.is_some_and(|d| today < d));
    }

    fn merge(&mut self, other: &Queue) {
        self.overdue += other.overdue;
        self.today += other.today;
        self.week += other.week;
        self.later += other.later;
        self.open_ended += other.open_ended;
        self.waiting += other.waiting;
    }
}

/// How long decided cases took: a histogram over calendar days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Durations {
    days: BTreeMap<i64, u64>,
}

impl Durations {
    /// One case, from opening to decision.
    pub fn add(&mut self, opened: Day, decided: Day) {
        let days = (decided - opened).num_days().max(0);
        *self.days.entry(days).or_default() += 1;
    }

    /// Cases.
    pub fn count(&self) -> u64 {
        self.days.values().sum()
    }

    /// The number of days within which `percent` of the cases were decided; `None` without cases.
    pub fn within(&self, percent: u64) -> Option<i64> {
        let need = (self.count() * percent.min(100)).div_ceil(100).max(1);
        let mut seen = 0;
        self.days.iter().find_map(|(days, n)| {
            seen += n;
            (seen >= need).then_some(*days)
        })
    }

    fn merge(&mut self, other: &Durations) {
        for (days, n) in &other.days {
            *self.days.entry(*days).or_default() += n;
        }
    }
}

/// The fold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct District {
    today: Day,
    #[serde(serialize_with = "as_list")]
    figures: BTreeMap<(String, Month, String), Figures>,
    /// Open tasks, by role as law files write it.
    pub queue: BTreeMap<String, Queue>,
    /// Decided cases.
    pub durations: Durations,
    /// Awards whose review is past its day.
    pub reviews_overdue: u64,
}

/// JSON has no compound keys: a list of objects instead.
fn as_list<S: serde::Serializer>(
    figures: &BTreeMap<(String, Month, String), Figures>,
    s: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        programme: &'a str,
        month: Month,
        area: &'a str,
        #[serde(flatten)]
        figures: &'a Figures,
    }
    s.collect_seq(
        figures
            .iter()
            .map(|((programme, month, area), figures)| Line {
                programme,
                month: *month,
                area,
                figures,
            }),
    )
}

impl District {
    /// Nothing yet, looked at on `today`.
    pub fn new(today: Day) -> District {
        District {
            today,
            figures: BTreeMap::new(),
            queue: BTreeMap::new(),
            durations: Durations::default(),
            reviews_overdue: 0,
        }
    }

    fn at(&mut self, programme: &str, month: Month, area: &str) -> &mut Figures {
        self.figures
            .entry((programme.into(), month, area.into()))
            .or_default()
    }

    /// One subject's month.
    pub fn row(&mut self, row: Row<'_>) {
        let figures = self.at(row.programme, row.month, row.area);
        figures.determined.add(row.persons);
        figures.owed = figures.owed + row.owed;
        if row.owed > Fen::ZERO {
            figures.covered.add(row.persons);
        }
        match row.outcome {
            Outcome::Entitled { .. } if row.application && !row.awarded => {
                figures.owed_not_covered.add(row.persons);
            }
            Outcome::Refused { .. } | Outcome::NotApplicable if row.application && row.awarded => {
                figures.covered_not_owed.add(row.persons);
            }
            Outcome::Undetermined { missing } => {
                figures.undetermined.add(row.persons);
                if row.awarded {
                    figures.undetermined_awarded.add(row.persons);
                }
                let mut names: Vec<&str> = missing.iter().map(|m| m.name.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                for name in names {
                    *figures.missing.entry(name.into()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Money that the bank confirmed for a month (what came back is negative).
    pub fn paid(&mut self, programme: &str, month: Month, area: &str, amount: Fen) {
        let figures = self.at(programme, month, area);
        figures.paid = figures.paid + amount;
    }

    /// An open task.
    pub fn task(&mut self, role: &str, due: Option<Day>, not_before: Option<Day>) {
        let today = self.today;
        let queue = self.queue.entry(role.into()).or_default();
        queue.add(due, not_before, today);
    }

    /// A decided case.
    pub fn decided(&mut self, opened: Day, decided: Day) {
        self.durations.add(opened, decided);
    }

    /// A running award's next review.
    pub fn review(&mut self, due: Day) {
        self.reviews_overdue += u64::from(due < self.today);
    }

    /// Brings two folds over different rows together.
    pub fn merge(&mut self, other: &District) {
        for (key, figures) in &other.figures {
            self.figures.entry(key.clone()).or_default().merge(figures);
        }
        for (role, queue) in &other.queue {
            self.queue.entry(role.clone()).or_default().merge(queue);
        }
        self.durations.merge(&other.durations);
        self.reviews_overdue += other.reviews_overdue;
    }

    /// The figures of a programme and month over all areas that `within` accepts.
    pub fn figures(&self, programme: &str, month: Month, within: impl Fn(&str) -> bool) -> Figures {
        let mut sum = Figures::default();
        for ((p, m, area), figures) in &self.figures {
            if p == programme && *m == month && within(area) {
                sum.merge(figures);
            }
        }
        sum
    }

    /// A programme month by month, over all areas.
    pub fn by_month(&self, programme: &str) -> BTreeMap<Month, Figures> {
        let mut months: BTreeMap<Month, Figures> = BTreeMap::new();
        for ((p, month, _), figures) in &self.figures {
            if p == programme {
                months.entry(*month).or_default().merge(figures);
            }
        }
        months
    }

    /// A programme's month, area by area.
    pub fn by_area(&self, programme: &str, month: Month) -> BTreeMap<&str, &Figures> {
        self.figures
            .iter()
            .filter(|((p, m, _), _)| p == programme && *m == month)
            .map(|((_, _, area), figures)| (area.as_str(), figures))
            .collect()
    }

    /// Programmes that have rows.
    pub fn programmes(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.figures.keys().map(|k| k.0.as_str()).collect();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entitlement::Missing;
    use proptest::prelude::*;

    fn month() -> Month {
        "2026-03".parse().expect("a month")
    }

    fn day(text: &str) -> Day {
        base::parse_day(text).expect("a date")
    }

    fn outcome(n: u8) -> Outcome {
        match n {
            0 => Outcome::Entitled {
                amount: Some(Fen::yuan(100)),
            },
            1 => Outcome::Refused {
                condition: "甲".into(),
            },
            2 => Outcome::Undetermined {
                missing: ["乙", "甲", "乙"]
                    .map(|name| Missing {
                        name: name.into(),
                        member: None,
                    })
                    .into(),
            },
            _ => Outcome::NotApplicable,
        }
    }

    fn row<'a>(outcome: &'a Outcome, area: &'a str, awarded: bool) -> Row<'a> {
        Row {
            programme: "p",
            month: month(),
            area,
            persons: 3,
            outcome,
            awarded,
            application: true,
            owed: if awarded { outcome.amount() } else { Fen::ZERO },
        }
    }

    #[test]
    fn both_errors_are_counted_and_no_other() {
        let mut d = District::new(day("2026-03-15"));
        let outcomes: Vec<Outcome> = (0..4).map(outcome).collect();
        for o in &outcomes {
            for awarded in [false, true] {
                d.row(row(o, "a", awarded));
            }
        }
        let f = d.figures("p", month(), |_| true);
        assert_eq!((f.determined.subjects, f.determined.persons), (8, 24));
        assert_eq!((f.covered.subjects, f.owed), (1, Fen::yuan(100)));
        assert_eq!(f.owed_not_covered.subjects, 1);
        assert_eq!(f.covered_not_owed.subjects, 2);
        assert_eq!(
            (f.undetermined.subjects, f.undetermined_awarded.subjects),
            (2, 1)
        );
        // A subject that lacks the same thing twice counts once.
        assert_eq!(f.missing_most(9), [("乙", 2), ("甲", 2)]);
        assert_eq!(f.missing_most(1).len(), 1);
        // Where no application is needed, nobody is wrongly without an award.
        let mut d = District::new(day("2026-03-15"));
        d.row(Row {
            application: false,
            ..row(&outcomes[0], "a", false)
        });
        assert_eq!(
            d.figures("p", month(), |_| true).owed_not_covered.subjects,
            0
        );
    }

    #[test]
    fn the_queue_is_cut_at_its_days() {
        let mut d = District::new(day("2026-03-15"));
        for due in [
            "2026-03-14",
            "2026-03-15",
            "2026-03-16",
            "2026-03-22",
            "2026-03-23",
        ] {
            d.task("caseworker", Some(day(due)), Some(day("2026-03-16")));
        }
        d.task("caseworker", None, None);
        let q = d.queue["caseworker"];
        assert_eq!(
            (
                q.overdue,
                q.today,
                q.week,
                q.later,
                q.open_ended,
                q.waiting,
                q.all()
            ),
            (1, 1, 2, 1, 1, 5, 6)
        );
        d.review(day("2026-03-14"));
        d.review(day("2026-03-15"));
        assert_eq!(d.reviews_overdue, 1);
    }

    #[test]
    fn durations_tell_the_median_and_the_slow() {
        let mut t = Durations::default();
        assert_eq!(t.within(50), None);
        for n in [3, 1, 2, 30] {
            t.add(
                day("2026-03-01"),
                day("2026-03-01") + chrono::TimeDelta::days(n),
            );
        }
        assert_eq!(
            (t.within(50), t.within(75), t.within(100)),
            (Some(2), Some(3), Some(30))
        );
    }

    proptest! {
        #[test]
        fn order_and_partition_do_not_matter(
            rows in proptest::collection::vec((0u8..4, 0usize..3, any::<bool>(), 0usize..3), 0..40),
        ) {
            let areas = ["a", "b", "c"];
            let today = day("2026-03-15");
            let outcomes: Vec<Outcome> = (0..4).map(outcome).collect();
            let mut whole = District::new(today);
            let mut parts = vec![District::new(today); 3];
            for (o, area, awarded, part) in &rows {
                let r = row(&outcomes[usize::from(*o)], areas[*area], *awarded);
                whole.row(r);
                parts[*part].row(r);
            }
            let mut merged = District::new(today);
            for part in parts.iter().rev() {
                merged.merge(part);
            }
            prop_assert_eq!(&merged, &whole);
            // The areas add up to the district.
            let sum: u64 = whole.by_area("p", month()).values().map(|f| f.determined.persons).sum();
            prop_assert_eq!(sum, whole.figures("p", month(), |_| true).determined.persons);
        }
    }
}
