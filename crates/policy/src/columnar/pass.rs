//! Several plans (the months of a year) in one pass over a population.
//!
//! What the months share is computed once: their expressions are laid into one graph in groups of a
//! few, so that a wage that holds for half a year, and all that depends on nothing else, is read and
//! worked out once for six months. A tile of households goes through all groups while it is in the
//! cache; tiles are handed to threads one by one.

use super::assemble;
use super::column::{Lanes, Tile};
use super::decide::Kept;
use super::graph::{Graph, Ref};
use super::machine::{Machine, Results};
use super::plan::Plan;
use super::population::Columns;
use super::results::{Decisions, Intermediates, Totals, code};
use super::tape::Tape;
use crate::law::LawError;
use crate::law::eval::Decided;
use crate::outcome::Outcome;
use base::Fen;
use std::sync::{Arc, Mutex, PoisonError};

/// Plans of one group: more would need more registers than the caches hold.
const GROUP: usize = 6;

/// A tape for several plans and households of one size.
#[derive(Debug)]
pub(super) struct Joint {
    pub tape: Tape,
    /// By plan: the output columns of outcome, reason, amount, where the row road decides; none is
    /// beyond the last.
    pub outputs: Vec<[usize; 4]>,
    /// By plan; places are those of output columns.
    pub kept: Vec<Vec<Kept>>,
}

/// Plans that are computed together, and their tapes by size.
#[derive(Clone, Debug)]
pub(super) struct Group<'p> {
    pub plans: Vec<&'p Plan>,
    pub joints: Arc<Vec<Option<Joint>>>,
}

/// Joins plans into tapes, one for each size that all of them have.
pub(super) fn join(plans: &[&Plan], reasons: bool) -> Vec<Option<Joint>> {
    let sizes = plans.iter().map(|p| p.parts.len()).min().unwrap_or(0);
    (0..sizes).map(|size| joint(plans, size, reasons)).collect()
}

fn joint(plans: &[&Plan], size: usize, reasons: bool) -> Option<Joint> {
    let mut graph = Graph::new(size);
    let mut tables: Vec<Vec<i64>> = Vec::new();
    let mut roots: Vec<Ref> = Vec::new();
    let mut here: Vec<Vec<Ref>> = Vec::new();
    for plan in plans {
        let part = plan.part(size)?;
        let numbers: Vec<u32> = part
            .tables
            .iter()
            .map(|table| {
                let known = tables.iter().position(|t| t == table);
                known.unwrap_or_else(|| {
                    tables.push(table.clone());
                    tables.len() - 1
                }) as u32
            })
            .collect();
        here.push(graph.take_over(&part.graph, &part.roots, &numbers));
    }
    let place = |roots: &mut Vec<Ref>, at: Ref| {
        roots.iter().position(|r| *r == at).unwrap_or_else(|| {
            roots.push(at);
            roots.len() - 1
        })
    };
    let outputs: Vec<[usize; 4]> = here
        .iter()
        .map(|mine| {
            [0, 1, 2, 3].map(|n| match (n, mine.get(n)) {
                (1, _) if !reasons => usize::MAX,
                (_, Some(&at)) => place(&mut roots, at),
                _ => usize::MAX,
            })
        })
        .collect();
    let first_kept = roots.len();
    let mut kept = Vec::new();
    for (plan, mine) in plans.iter().zip(&here) {
        let part = plan.part(size)?;
        let mut of = |n: usize| place(&mut roots, mine[n]);
        let moved = part.kept.iter().map(|k| Kept {
            value: of(k.value),
            divisor: k.divisor.map(&mut of),
            gap: k.gap.map(&mut of),
            ..k.clone()
        });
        kept.push(moved.collect());
    }
    Some(Joint {
        tape: assemble::build(&graph, &roots, first_kept, tables),
        outputs,
        kept,
    })
}

/// Several plans for one population, made ready to run together.
#[derive(Clone, Debug)]
pub struct Pass<'p> {
    groups: Vec<Group<'p>>,
}

impl<'p> Pass<'p> {
    /// Joins plans that were made for the same columns: months of one programme, or programmes.
    pub fn new(plans: &[&'p Plan]) -> Pass<'p> {
        let mut groups: Vec<Vec<&'p Plan>> = Vec::new();
        for plan in plans {
            let fits = |group: &Vec<&Plan>| {
                let Some(first) = group.first() else {
                    return true;
                };
                let sizes = |p: &Plan| p.parts.iter().map(Option::is_some).collect::<Vec<_>>();
                group.len() < GROUP && sizes(first) == sizes(plan)
            };
            match groups.last_mut() {
                Some(group) if fits(group) => group.push(plan),
                _ => groups.push(vec![plan]),
            }
        }
        Pass {
            groups: groups
                .into_iter()
                .map(|plans| Group {
                    joints: Arc::new(join(&plans, false)),
                    plans,
                })
                .collect(),
        }
    }

    /// Runs over the population and counts, for each plan.
    pub fn totals(&self, columns: &Columns, threads: usize) -> Vec<Totals> {
        run(&self.groups, columns, threads, None, None)
    }

    /// Runs over the population, keeping every rule's values of every plan that keeps them.
    pub fn totals_kept(
        &self,
        columns: &Columns,
        threads: usize,
        into: &mut Intermediates,
    ) -> Vec<Totals> {
        run(&self.groups, columns, threads, Some(into), None)
    }
}

/// Runs several plans (the months of a year) in one pass over the population. Gives the totals of
/// each. To run the same plans again over the next batch, make a [`Pass`].
pub fn run_all(plans: &[&Plan], columns: &Columns, threads: usize) -> Vec<Totals> {
    Pass::new(plans).totals(columns, threads)
}

/// What one thread finds out about a tile.
struct Found {
    tile: usize,
    outcome: Vec<u8>,
    amount: Vec<i64>,
    reason: Vec<u32>,
    errors: Vec<(usize, LawError)>,
}

/// Runs groups over the population; `decisions` are those of the first plan.
pub(super) fn run(
    groups: &[Group<'_>],
    columns: &Columns,
    threads: usize,
    into: Option<&mut Intermediates>,
    decisions: Option<&mut Decisions>,
) -> Vec<Totals> {
    let plans: Vec<&Plan> = groups.iter().flat_map(|g| g.plans.clone()).collect();
    let mut spare = Intermediates::default();
    let keeping = into.is_some();
    let into = into.unwrap_or(&mut spare);
    if keeping {
        into.tiles.resize_with(columns.tiles.len(), Vec::new);
        into.groups = groups
            .iter()
            .map(|g| (g.plans.iter().map(|p| p.id).collect(), g.joints.clone()))
            .collect();
    }
    let wanted = decisions.is_some();
    let work = Mutex::new((columns.tiles.iter().enumerate(), into.tiles.iter_mut()));
    let found = Mutex::new(Vec::new());
    let sums = Mutex::new(vec![Totals::default(); plans.len()]);
    let one = || {
        let mut worker = Worker {
            columns,
            machine: Machine::default(),
            evaluators: plans.iter().map(|_| Vec::new()).collect(),
        };
        let mut scratch: Vec<Results> = Vec::new();
        let mut mine = vec![Totals::default(); plans.len()];
        loop {
            let mut queue = work.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((number, tile)) = queue.0.next() else {
                break;
            };
            let keep = queue.1.next();
            drop(queue);
            let results = match keep {
                Some(results) if keeping => results,
                _ => &mut scratch,
            };
            results.resize_with(groups.len(), Results::default);
            let mut at = 0;
            for (group, results) in groups.iter().zip(results) {
                let joint = group.joints.get(tile.size).and_then(Option::as_ref);
                if let Some(joint) = joint {
                    worker.machine.run(&joint.tape, tile, results);
                }
                for (n, plan) in group.plans.iter().enumerate() {
                    let joint = joint.and_then(|j| Some((j, j.outputs.get(n)?)));
                    let (totals, one) =
                        worker.tile((at, plan), joint, (number, tile), results, wanted);
                    mine[at].add(&totals);
                    at += 1;
                    if let Some(one) = one {
                        found
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(one);
                    }
                }
            }
        }
        let mut sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
        for (sum, mine) in sums.iter_mut().zip(&mine) {
            sum.add(mine);
        }
    };
    if threads <= 1 {
        one();
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(one);
            }
        });
    }
    if let (Some(decisions), Some(plan)) = (decisions, plans.first()) {
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        scatter(found, plan, columns, decisions);
    }
    sums.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn scatter(found: Vec<Found>, plan: &Plan, columns: &Columns, decisions: &mut Decisions) {
    for one in found {
        let tile = &columns.tiles[one.tile];
        let slots = if plan.person { tile.size } else { 1 };
        let place = |slot: usize, lane: usize| {
            let row = tile.rows[lane] as usize;
            if plan.person {
                columns.starts[row] as usize + slot
            } else {
                row
            }
        };
        for slot in 0..slots {
            for lane in 0..tile.count {
                let (from, to) = (slot * tile.count + lane, place(slot, lane));
                decisions.outcome[to] = one.outcome[from];
                decisions.amount[to] = one.amount[from];
                decisions.reason[to] = one.reason[from];
            }
        }
        for (at, error) in one.errors {
            let (slot, lane) = (at / tile.count, at % tile.count);
            decisions.errors.push((place(slot, lane), error));
        }
    }
}

struct Worker<'p> {
    columns: &'p Columns,
    machine: Machine,
    /// By plan and place.
    evaluators: Vec<Vec<crate::law::Evaluator<'p>>>,
}

impl<'p> Worker<'p> {
    fn tile(
        &mut self,
        at: (usize, &'p Plan),
        joint: Option<(&Joint, &[usize; 4])>,
        (number, tile): (usize, &Tile),
        results: &Results,
        wanted: bool,
    ) -> (Totals, Option<Found>) {
        let (at, plan) = at;
        let slots = if plan.person { tile.size } else { 1 };
        let length = slots * tile.count;
        let mut totals = Totals::default();
        let mut found = wanted.then(|| Found {
            tile: number,
            outcome: vec![0; length],
            amount: vec![0; length],
            reason: vec![0; length],
            errors: Vec::new(),
        });
        for slot in 0..slots {
            let column = |n: usize| -> View<'_> {
                let Some((joint, outputs)) = joint else {
                    return View::One(0);
                };
                match joint.tape.outputs.get(outputs[n]) {
                    None => View::One(0),
                    Some(output) => {
                        let from = if output.member { slot * tile.lanes } else { 0 };
                        View::of(&results.columns[outputs[n]], from, tile.count)
                    }
                }
            };
            let (outcome, reason, amount, aside) = (column(0), column(1), column(2), column(3));
            let any_aside = joint.is_none() || aside.any() || !plan.forced.is_empty();
            if found.is_none() && !any_aside {
                self.count(&mut totals, outcome, amount, tile.count);
                continue;
            }
            for lane in 0..tile.count {
                let row = tile.rows[lane] as usize;
                let forced = plan.forced.get(row).copied().unwrap_or(false);
                let (mut o, mut a, mut r) = (
                    outcome.get(lane) as u8,
                    amount.get(lane),
                    reason.get(lane) as u32,
                );
                if joint.is_none() || forced || aside.get(lane) != 0 {
                    totals.by_row += 1;
                    let member = plan.person.then_some(slot);
                    match self.row((at, plan), tile, lane, member) {
                        Ok(decided) => (o, a, r) = decided,
                        Err(error) => {
                            (o, a, r) = (code::FAILED, 0, 0);
                            if let Some(found) = &mut found {
                                found.errors.push((slot * tile.count + lane, error));
                            }
                        }
                    }
                }
                totals.outcomes[usize::from(o.min(4))] += 1;
                totals.amount += a;
                if let Some(found) = &mut found {
                    let at = slot * tile.count + lane;
                    found.outcome[at] = o;
                    found.amount[at] = a;
                    found.reason[at] = r;
                }
            }
        }
        (totals, found)
    }

    /// One subject by the row road.
    fn row(
        &mut self,
        (at, plan): (usize, &'p Plan),
        tile: &Tile,
        lane: usize,
        member: Option<usize>,
    ) -> Result<(u8, i64, u32), LawError> {
        let place = tile.places[lane] as usize;
        let situation = self
            .columns
            .situation(&plan.bound, tile, lane, plan.day, member);
        if self.evaluators[at].is_empty() {
            self.evaluators[at] = plan.editions.iter().map(|e| e.evaluator()).collect();
        }
        let handle = plan.handles.get(place).copied().flatten();
        let (Some(handle), Some(evaluator)) = (handle, self.evaluators[at].get_mut(place)) else {
            return Err(match plan.editions.get(place) {
                Some(edition) => edition.not_in_force("", plan.day),
                None => LawError::UnknownPlace(String::new()),
            });
        };
        let (decided, outcome) = evaluator.decided(handle, &situation)?;
        let edition = &plan.editions[place];
        let rules = edition.plans[handle.0].as_ref();
        let place_of = |rule: usize| {
            rules
                .and_then(|p| p.conditions.iter().position(|c| *c == rule))
                .unwrap_or(0) as u32
        };
        let amount = match (&outcome, plan.money) {
            (Outcome::Entitled { amount: Some(fen) }, true) => *fen,
            _ => Fen(0),
        };
        Ok(match decided {
            Decided::NotApplicable => (code::NOT_APPLICABLE, 0, 0),
            Decided::Refused(rule) => (code::REFUSED, 0, place_of(rule)),
            Decided::Unknown(unknown) => {
                let bits = unknown.iter().fold(0u32, |bits, rule| {
                    let Some(p) = rules else { return bits };
                    let bit = if let Some(at) = p.conditions.iter().position(|c| c == rule) {
                        at as u32 + 1
                    } else if p.applies == Some(*rule) {
                        0
                    } else {
                        p.conditions.len() as u32 + 1
                    };
                    bits | 1 << bit.min(31)
                });
                (code::UNDETERMINED, 0, bits)
            }
            Decided::Entitled(_) => (code::ENTITLED, amount.0, 0),
        })
    }

    /// Counts outcomes and adds up amounts.
    fn count(&self, totals: &mut Totals, outcome: View<'_>, amount: View<'_>, length: usize) {
        if let (View::Narrow(codes), View::Narrow(amounts)) = (outcome, amount) {
            let (counts, sum) = self.machine.tally(codes, amounts);
            totals.outcomes[0] += length as u64 - counts.iter().sum::<u64>();
            for (sum, count) in totals.outcomes[1..].iter_mut().zip(counts) {
                *sum += count;
            }
            totals.amount += sum;
            return;
        }
        for lane in 0..length {
            totals.outcomes[outcome.get(lane).clamp(0, 4) as usize] += 1;
            totals.amount += amount.get(lane);
        }
    }
}

/// A stretch of an output column.
#[derive(Clone, Copy)]
enum View<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
    One(i64),
}

impl<'a> View<'a> {
    fn of(lanes: &'a Lanes, from: usize, count: usize) -> View<'a> {
        match lanes {
            Lanes::Narrow(v) => View::Narrow(v.get(from..from + count).unwrap_or_default()),
            Lanes::Wide(v) => View::Wide(v.get(from..from + count).unwrap_or_default()),
            Lanes::Byte(_) | Lanes::Short(_) | Lanes::None => View::One(0),
        }
    }

    fn get(&self, at: usize) -> i64 {
        match self {
            View::Narrow(v) => v[at].into(),
            View::Wide(v) => v[at],
            View::One(v) => *v,
        }
    }

    fn any(&self) -> bool {
        match self {
            View::Narrow(v) => v.iter().fold(0, |a, b| a | b) != 0,
            View::Wide(v) => v.iter().fold(0, |a, b| a | b) != 0,
            View::One(v) => *v != 0,
        }
    }
}
