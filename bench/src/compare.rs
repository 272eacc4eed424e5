//! Both roads over random households: every difference is counted.

use crate::hand::Pop;
use crate::population;
use policy::columnar::{Plan, code};
use policy::law::{Edition, Law};
use policy::outcome::Outcome;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MONTHS: usize = 12;
const BATCH: usize = 5_000;

/// What a comparison saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Household-months.
    pub compared: u64,
    /// By outcome code of the columnar road.
    pub outcomes: [u64; 5],
    /// Decided row by row within the columnar road; equal by construction, so counted apart.
    pub by_row: u64,
    /// Household-months that the roads decide differently.
    pub differences: u64,
    /// The first differences in words.
    pub first: Vec<String>,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.compared += other.compared;
        for (a, b) in self.outcomes.iter_mut().zip(other.outcomes) {
            *a += b;
        }
        self.by_row += other.by_row;
        self.differences += other.differences;
        self.first.extend(other.first);
        self.first.truncate(5);
    }
}

/// Compares at least so many household-months of random households, on two threads.
pub fn run(law: &Law, standards: &[Vec<i32>; 2], household_months: usize) -> Result<Seen, String> {
    let batches = household_months.div_ceil(BATCH * MONTHS) as u64;
    let next = AtomicU64::new(0);
    let one = || -> Result<Seen, String> {
        let mut seen = Seen::default();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= batches {
                return Ok(seen);
            }
            let pop = population::random(BATCH, standards, 0x6d69_6e73 + n, true);
            seen.add(batch(law, &pop)?);
        }
    };
    let (first, second) = std::thread::scope(|scope| {
        let other = scope.spawn(one);
        let mine = one();
        (mine, other.join())
    });
    let mut seen = first?;
    seen.add(second.map_err(|_| "a thread of the comparison broke".to_string())??);
    Ok(seen)
}

fn batch(law: &Law, pop: &Pop) -> Result<Seen, String> {
    let batches = population::batches(pop)?;
    let mut columns = population::lay_out(law, &batches)?;
    let mut seen = Seen::default();
    let mut situations: Vec<_> = Vec::new();
    for month in 0..MONTHS {
        let day = population::day(month);
        let plan =
            Plan::new(law, "bench", &mut columns, day, None, false).map_err(|e| e.to_string())?;
        let (totals, decisions) = plan.decisions(&columns, 1);
        seen.by_row += totals.by_row;
        for (all, one) in seen.outcomes.iter_mut().zip(totals.outcomes) {
            *all += one;
        }
        if month % 6 == 0 {
            situations = (0..pop.households())
                .map(|h| population::situation(law, pop, h, month).1)
                .collect();
        }
        let editions: Vec<Arc<Edition>> = columns
            .places()
            .iter()
            .map(|place| law.edition(place, day, None))
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        let mut evaluators: Vec<_> = editions
            .iter()
            .map(|e| (e.handle("bench"), e.evaluator()))
            .collect();
        let number = |region: usize| {
            let place = population::place(region);
            columns.places().iter().position(|p| *p == place)
        };
        let numbers: Vec<Option<usize>> = (0..pop.std[0].len()).map(number).collect();
        for (h, situation) in situations.iter_mut().enumerate() {
            situation.day = day;
            let Some((Some(handle), evaluator)) =
                numbers[pop.region[h] as usize].and_then(|n| evaluators.get_mut(n))
            else {
                return Err(format!("household {h}: no law where it lives"));
            };
            let row = evaluator.outcome(*handle, situation);
            let (o, a) = (decisions.outcome[h], decisions.amount[h]);
            let r = decisions.reason[h] as usize;
            let same = match &row {
                Ok(Outcome::NotApplicable) => o == code::NOT_APPLICABLE,
                Ok(Outcome::Refused { condition }) => {
                    o == code::REFUSED && plan.conditions().get(r) == Some(condition)
                }
                Ok(Outcome::Undetermined { .. }) => o == code::UNDETERMINED,
                Ok(Outcome::Entitled { amount }) => {
                    o == code::ENTITLED && a == amount.map_or(0, |f| f.0)
                }
                Err(_) => o == code::FAILED,
            };
            seen.compared += 1;
            if !same {
                seen.differences += 1;
                if seen.first.len() < 5 {
                    seen.first.push(format!(
                        "{day}, household {h}: row {row:?}, columns outcome {o}, {a} fen, reason {r}: {situation:?}"
                    ));
                }
            }
        }
    }
    Ok(seen)
}
