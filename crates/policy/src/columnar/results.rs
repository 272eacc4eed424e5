//! What a run gives: counts, everybody's outcome, and every rule's values.

use super::column::decode;
use super::machine::Results;
use super::pass::Joint;
use super::plan::Plan;
use super::population::Columns;
use crate::feel::number::Number;
use crate::feel::value::Value;
use crate::law::LawError;
use crate::programme::Subject;
use std::sync::Arc;

/// Outcome codes of columns.
pub mod code {
    /// The programme is not in question.
    pub const NOT_APPLICABLE: u8 = 0;
    /// A condition is false.
    pub const REFUSED: u8 = 1;
    /// Something needed is not known.
    pub const UNDETERMINED: u8 = 2;
    /// All conditions hold.
    pub const ENTITLED: u8 = 3;
    /// The rules cannot be computed; see [`super::Decisions::errors`].
    pub const FAILED: u8 = 4;
}

/// What a run did and what it cost the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Subjects by outcome code.
    pub outcomes: [u64; 5],
    /// Sum of the amounts.
    pub amount: i64,
    /// Subjects decided row by row.
    pub by_row: u64,
}

impl Totals {
    pub(super) fn add(&mut self, other: &Totals) {
        for (a, b) in self.outcomes.iter_mut().zip(other.outcomes) {
            *a += b;
        }
        self.amount += other.amount;
        self.by_row += other.by_row;
    }
}

/// Every subject's outcome, in the order of the population (households, or members).
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// See [`code`].
    pub outcome: Vec<u8>,
    /// Fen; zero unless entitled to money.
    pub amount: Vec<i64>,
    /// Refused: the place of the condition in the programme, from 0. Undetermined: a bit for each
    /// rule that is not known: 0 `applies`, then the conditions, then the amount.
    pub reason: Vec<u32>,
    /// Subjects whose rules cannot be computed.
    pub errors: Vec<(usize, LawError)>,
}

/// Every rule's values of a run, tile by tile; reused by the next.
#[derive(Debug, Default)]
pub struct Intermediates {
    /// By tile and group of plans.
    pub(super) tiles: Vec<Vec<Results>>,
    /// The plans of each group, and what its output columns are, by size.
    pub(super) groups: Vec<(Vec<u64>, Arc<Vec<Option<Joint>>>)>,
}

impl Intermediates {
    /// The values of one rule in the order of the population, after [`Plan::totals_kept`] or
    /// [`super::Pass::totals_kept`]; `None` when it was not kept.
    pub fn values(
        &self,
        plan: &Plan,
        columns: &Columns,
        subject: Subject,
        rule: &str,
    ) -> Option<Vec<Value>> {
        let who = usize::from(subject == Subject::Person);
        let length = match subject {
            Subject::Household => columns.households(),
            Subject::Person => columns.members(),
        };
        let (group, member) = self.groups.iter().enumerate().find_map(|(n, (ids, _))| {
            let member = ids.iter().position(|id| *id == plan.id)?;
            Some((n, member))
        })?;
        let joints = &self.groups[group].1;
        let mut out = vec![Value::Null; length];
        for (tile, results) in columns.tiles.iter().zip(&self.tiles) {
            let joint = joints.get(tile.size)?.as_ref()?;
            let results = results.get(group)?;
            let mine = joint.kept.get(member)?;
            let found = mine.iter().find(|k| k.who == who && *k.name == *rule);
            let Some(kept) = found else {
                if tile.size == 0 {
                    continue;
                }
                return None;
            };
            let at = |n: usize, slot: usize, lane: usize| {
                let from = match joint.tape.outputs[n].member {
                    true => slot * tile.lanes,
                    false => 0,
                };
                results.columns[n].get(from + lane)
            };
            for slot in 0..if who == 0 { 1 } else { tile.size } {
                for lane in 0..tile.count {
                    if kept.gap.is_some_and(|g| at(g, slot, lane) != 0) {
                        continue;
                    }
                    let coded = at(kept.value, slot, lane);
                    let row = tile.rows[lane] as usize;
                    let place = match who {
                        0 => row,
                        _ => columns.starts[row] as usize + slot,
                    };
                    out[place] = match kept.divisor {
                        None => decode(coded, kept.coding, &columns.texts),
                        Some(d) => Number::int(coded)
                            .div(Number::int(at(d, slot, lane)))
                            .map_or(Value::Null, Value::Number),
                    };
                }
            }
        }
        Some(out)
    }

    /// Bytes that the values take.
    pub fn bytes(&self) -> usize {
        let columns = self.tiles.iter().flatten().flat_map(|r| &r.columns);
        columns.map(super::column::Lanes::bytes).sum()
    }
}
