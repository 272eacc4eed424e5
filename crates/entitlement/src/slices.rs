//! Slices of histories, each cut once per run.

use base::{Day, Instant};
use registry::slice::{HouseholdHistory, HouseholdSlice, KindList};
use registry::timeline;
use std::collections::HashMap;

/// The households of one run, cut at the days that the run asks for.
pub struct Slices<'a> {
    histories: &'a [HouseholdHistory],
    kinds: &'a KindList,
    known: Instant,
    cut: HashMap<(usize, Day), Option<HouseholdSlice>>,
}

impl<'a> Slices<'a> {
    /// Nothing is cut yet.
    pub fn new(
        histories: &'a [HouseholdHistory],
        kinds: &'a KindList,
        known: Instant,
    ) -> Slices<'a> {
        Slices {
            histories,
            kinds,
            known,
            cut: HashMap::new(),
        }
    }

    /// The `index`-th household on `day`; `None` when it has no residence or no member then.
    pub fn on(&mut self, index: usize, day: Day) -> Option<&HouseholdSlice> {
        let (histories, kinds, known) = (self.histories, self.kinds, self.known);
        self.cut
            .entry((index, day))
            .or_insert_with(|| {
                let history = histories.get(index)?;
                timeline::slice(history, kinds, day, known)
            })
            .as_ref()
    }
}
