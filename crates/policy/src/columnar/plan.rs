//! A programme compiled for a population and a day, and run over it.

use super::column::{Coding, Flat, Info, Lanes, Tile, decode};
use super::decide::{self, Kept};
use super::graph::Ref;
use super::lower::{Bind, Figure, Lower, Source, Stuck};
use super::machine::{Machine, Results};
use super::population::Columns;
use super::tape::{self, Tape};
use crate::feel::number::Number;
use crate::feel::value::Value;
use crate::law::edition::Edition;
use crate::law::eval::{Decided, Handle};
use crate::law::{Law, LawError};
use crate::outcome::Outcome;
use crate::programme::Subject;
use base::{Day, Fen};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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

/// A programme for a population: compiled for each size of household that occurs.
#[derive(Debug)]
pub struct Plan {
    day: Day,
    editions: Vec<Arc<Edition>>,
    handles: Vec<Option<Handle>>,
    conditions: Vec<String>,
    person: bool,
    money: bool,
    bound: [Vec<Bind>; 2],
    /// By size; empty when the whole programme goes by row.
    tapes: Vec<Option<Ready>>,
    infos: Vec<Info>,
    stuck: Vec<(String, &'static str)>,
    rules: usize,
    /// Households that a rule computed row by row failed for.
    forced: Vec<bool>,
}

#[derive(Debug)]
struct Ready {
    tape: Tape,
    kept: Vec<Kept>,
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
    fn add(&mut self, other: &Totals) {
        for (a, b) in self.outcomes.iter_mut().zip(other.outcomes) {
            *a += b;
        }
        self.amount += other.amount;
        self.by_row += other.by_row;
    }
}

/// What did not go into columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vectorised {
    /// Rules that run in columns.
    pub rules: usize,
    /// Rules that run row by row, each with the reason.
    pub row_by_row: Vec<(String, &'static str)>,
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
    tiles: Vec<Results>,
}

impl Plan {
    /// Compiles a programme (its id or name) for a population as of a day. `keep`: every rule's value
    /// is to be kept in a run. Rules without a columnar form are computed row by row here and added
    /// to the columns.
    pub fn new(
        law: &Law,
        programme: &str,
        columns: &mut Columns,
        day: Day,
        known: Option<Day>,
        keep: bool,
    ) -> Result<Plan, LawError> {
        let editions = columns
            .places
            .iter()
            .map(|place| law.edition(place, day, known))
            .collect::<Result<Vec<_>, _>>()?;
        let handles: Vec<Option<Handle>> = editions.iter().map(|e| e.handle(programme)).collect();
        let Some(first) = handles.iter().position(Option::is_some) else {
            return Err(match editions.first() {
                Some(edition) => edition.not_in_force(programme, day),
                None => LawError::UnknownPlace(String::new()),
            });
        };
        let Some(handle) = handles[first] else {
            return Err(LawError::UnknownName {
                name: programme.into(),
                hint: None,
            });
        };
        let edition = editions[first].clone();
        let declared = &edition.corpus.programmes[handle.0].programme;
        let mut plan = Plan {
            day,
            person: declared.subject == Subject::Person,
            conditions: declared.conditions.clone(),
            money: edition.plans[handle.0].as_ref().is_some_and(|p| p.money),
            bound: columns.bound(day),
            editions,
            handles,
            tapes: Vec::new(),
            infos: Vec::new(),
            stuck: Vec::new(),
            rules: 0,
            forced: Vec::new(),
        };
        plan.compile(&edition, handle, columns, keep);
        plan.infos = columns.infos.clone();
        Ok(plan)
    }

    /// Do the plan's bounds hold for other columns of the same kinds (the next batch of a population)?
    pub fn fits(&self, columns: &Columns) -> bool {
        self.stuck.is_empty()
            && self.infos.len() == columns.infos.len()
            && self
                .infos
                .iter()
                .zip(&columns.infos)
                .all(|(a, b)| a.covers(b))
            && columns
                .tiles
                .iter()
                .all(|t| self.tapes.get(t.size).is_some_and(Option::is_some))
    }

    /// Which rules run in columns and which do not.
    pub fn vectorised(&self) -> Vectorised {
        Vectorised {
            rules: self.rules,
            row_by_row: self.stuck.clone(),
        }
    }

    /// The names of the conditions, as [`Decisions::reason`] counts them.
    pub fn conditions(&self) -> &[String] {
        &self.conditions
    }

    /// Places that share the rules of the first that has the programme; others go by row.
    fn like(&self, edition: &Edition, handle: Handle) -> Vec<bool> {
        self.editions
            .iter()
            .zip(&self.handles)
            .map(|(e, h)| {
                *h == Some(handle) && e.rules == edition.rules && e.functions == edition.functions
            })
            .collect()
    }

    fn compile(
        &mut self,
        edition: &Arc<Edition>,
        handle: Handle,
        columns: &mut Columns,
        keep: bool,
    ) {
        let Some(programme) = edition.plans[handle.0].as_ref() else {
            return;
        };
        let like = self.like(edition, handle);
        let figures: Vec<Figure> = (0..edition.parameters.len())
            .map(|n| {
                let of = |e: &Arc<Edition>| e.parameters[n].clone();
                let mine = of(edition);
                let same = self.editions.iter().zip(&like).all(|(e, like)| {
                    !like || e.rows[n] == edition.rows[n] || same_value(&of(e), &mine)
                });
                if same {
                    Figure::One(mine)
                } else {
                    Figure::Many(
                        self.editions
                            .iter()
                            .zip(&like)
                            .map(|(e, like)| if *like { of(e) } else { mine.clone() })
                            .collect(),
                    )
                }
            })
            .collect();
        let mut sizes: Vec<usize> = columns.tiles.iter().map(|t| t.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let mut rows: HashMap<(usize, usize), u32> = HashMap::new();
        let bound = self.bound.clone();
        'again: for _ in 0..64 {
            self.tapes.clear();
            for &size in &sizes {
                let source = Source {
                    edition,
                    figures: &figures,
                    day: self.day.into(),
                    texts: &columns.texts,
                    infos: &columns.infos,
                    bound: [&bound[0], &bound[1]],
                    carry: &columns.carry,
                    rows: &rows,
                    subject: usize::from(self.person),
                };
                match ready(&source, size, programme, &like, keep) {
                    Ok(made) => {
                        self.rules = self.rules.max(made.1);
                        if self.tapes.len() <= size {
                            self.tapes.resize_with(size + 1, || None);
                        }
                        self.tapes[size] = Some(made.0);
                    }
                    Err(Stuck {
                        rule: Some(rule),
                        reason,
                    }) if !rows.contains_key(&rule) => {
                        let name = edition.corpus.symbols.rules[rule.0][rule.1]
                            .name
                            .to_string();
                        self.stuck.push((name, reason));
                        let Some(column) = self.by_row(rule, columns) else {
                            self.tapes.clear();
                            return;
                        };
                        rows.insert(rule, column);
                        continue 'again;
                    }
                    Err(Stuck { reason, .. }) => {
                        self.stuck.push((String::new(), reason));
                        self.tapes.clear();
                        return;
                    }
                }
            }
            return;
        }
        self.tapes.clear();
    }

    /// Computes a rule for everybody, one after another, into a new column.
    fn by_row(&mut self, (who, rule): (usize, usize), columns: &mut Columns) -> Option<u32> {
        let count = if who == 0 {
            columns.households()
        } else {
            columns.members()
        };
        let mut values = vec![Value::Null; count];
        self.forced.resize(columns.households(), false);
        let mut evaluators: Vec<_> = self.editions.iter().map(|e| e.evaluator()).collect();
        for tile in &columns.tiles {
            for lane in 0..tile.count {
                let row = tile.rows[lane] as usize;
                let Some(evaluator) = evaluators.get_mut(tile.places[lane] as usize) else {
                    continue;
                };
                let mut situation = columns.situation(&self.bound, tile, lane, self.day, None);
                let slots = if who == 0 { 1 } else { tile.size };
                for slot in 0..slots {
                    let member = (who == 1).then_some(slot);
                    if self.person {
                        situation = columns.situation(&self.bound, tile, lane, self.day, member);
                    }
                    let (value, failed) = evaluator.value_of(who, rule, member, &situation);
                    if failed {
                        self.forced[row] = true;
                    }
                    let at = match who {
                        0 => row,
                        _ => columns.starts[row] as usize + slot,
                    };
                    values[at] = value;
                }
            }
        }
        let ty = &self.editions.first()?.corpus.symbols.rules[who][rule].ty;
        let flat = Flat::of(&values, Coding::of(ty)?, who == 1, &columns.texts)?;
        Some(columns.add(&flat))
    }

    /// Runs over the population and counts.
    pub fn totals(&self, columns: &Columns, threads: usize) -> Totals {
        run(&[self], columns, threads, None, None)
            .pop()
            .unwrap_or_default()
    }

    /// Runs over the population, keeping every rule's values.
    pub fn totals_kept(
        &self,
        columns: &Columns,
        threads: usize,
        into: &mut Intermediates,
    ) -> Totals {
        run(&[self], columns, threads, Some(into), None)
            .pop()
            .unwrap_or_default()
    }

    /// Runs over the population and gives every subject's outcome.
    pub fn decisions(&self, columns: &Columns, threads: usize) -> (Totals, Decisions) {
        let length = if self.person {
            columns.members()
        } else {
            columns.households()
        };
        let mut decisions = Decisions {
            outcome: vec![0; length],
            amount: vec![0; length],
            reason: vec![0; length],
            errors: Vec::new(),
        };
        let totals = run(&[self], columns, threads, None, Some(&mut decisions)).pop();
        decisions.errors.sort_by_key(|(row, _)| *row);
        (totals.unwrap_or_default(), decisions)
    }

    fn tape(&self, size: usize) -> Option<&Ready> {
        self.tapes.get(size).and_then(Option::as_ref)
    }

    /// The tape for households of one size, as text: what each lane goes through.
    pub fn listing(&self, size: usize) -> String {
        let mut out = String::new();
        if let Some(ready) = self.tape(size) {
            for (n, phase) in ready.tape.phases.iter().enumerate() {
                for (who, code) in [("household", &phase.household), ("member", &phase.member)] {
                    for i in code {
                        let width = if i.wide { 64 } else { 32 };
                        out.push_str(&format!(
                            "{n} {who} {width} {:?} <- {:?} {:?}\n",
                            i.out, i.code, i.args
                        ));
                    }
                }
            }
            out.push_str(&format!("registers {:?}\n", ready.tape.registers));
        }
        out
    }

    /// The names of the rules whose values [`Plan::totals_kept`] keeps, with their subject.
    pub fn kept(&self) -> Vec<(Subject, &str)> {
        let subject = |who| [Subject::Household, Subject::Person][who];
        self.tapes
            .iter()
            .flatten()
            .next()
            .map(|r| r.kept.iter().map(|k| (subject(k.who), &*k.name)).collect())
            .unwrap_or_default()
    }
}

impl Intermediates {
    /// The values of one rule in the order of the population, after [`Plan::totals_kept`]; `None`
    /// when it was not kept.
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
        let mut out = vec![Value::Null; length];
        for (tile, results) in columns.tiles.iter().zip(&self.tiles) {
            let ready = plan.tape(tile.size)?;
            let found = ready.kept.iter().find(|k| k.who == who && *k.name == *rule);
            let Some(kept) = found else {
                if tile.size == 0 {
                    continue;
                }
                return None;
            };
            let at = |n: usize, slot: usize, lane: usize| {
                let from = match ready.tape.outputs[n].member {
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
}

fn same_value(a: &Value, b: &Value) -> bool {
    a.equals(b) == Some(true)
}

/// The tape for one size, and how many rules it computes.
fn ready(
    source: &Source<'_>,
    size: usize,
    programme: &crate::law::eval::Plan,
    like: &[bool],
    keep: bool,
) -> Result<(Ready, usize), Stuck> {
    let mut lower = Lower::new(source, size);
    let mut roots: Vec<Ref> = decide::programme(&mut lower, programme, like)?;
    let kept = if keep {
        decide::keep(&mut lower, programme, &mut roots)
    } else {
        Vec::new()
    };
    let rules = lower.rules();
    let tables = std::mem::take(&mut lower.tables);
    let tape = tape::build(&lower.maker.graph, &roots, tables);
    Ok((Ready { tape, kept }, rules))
}

/// What one thread finds out about a tile.
struct Found {
    tile: usize,
    outcome: Vec<u8>,
    amount: Vec<i64>,
    reason: Vec<u32>,
    errors: Vec<(usize, LawError)>,
}

/// Runs several plans (the months of a year) in one pass over the population. Gives the totals of
/// each.
pub fn run_all(plans: &[&Plan], columns: &Columns, threads: usize) -> Vec<Totals> {
    run(plans, columns, threads, None, None)
}

fn run(
    plans: &[&Plan],
    columns: &Columns,
    threads: usize,
    into: Option<&mut Intermediates>,
    decisions: Option<&mut Decisions>,
) -> Vec<Totals> {
    let mut spare = Intermediates::default();
    let keeping = into.is_some();
    let into = into.unwrap_or(&mut spare);
    if keeping {
        into.tiles
            .resize_with(columns.tiles.len(), Results::default);
    }
    let wanted = decisions.is_some();
    let work = Mutex::new(columns.tiles.iter().enumerate());
    let kept = Mutex::new(into.tiles.iter_mut());
    let found = Mutex::new(Vec::new());
    let sums = Mutex::new(vec![Totals::default(); plans.len()]);
    let one = || {
        let mut worker = Worker::new(plans, columns);
        let mut mine = vec![Totals::default(); plans.len()];
        loop {
            // Both queues are taken from under the first's lock, so that they stay in step.
            let mut queue = work.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((n, tile)) = queue.next() else { break };
            let keep = kept.lock().unwrap_or_else(PoisonError::into_inner).next();
            drop(queue);
            let mut scratch = std::mem::take(&mut worker.scratch);
            let results = match keep {
                Some(results) if keeping => results,
                _ => &mut scratch,
            };
            for (at, plan) in plans.iter().enumerate() {
                let (totals, one) = worker.tile(at, plan, tile, n, results, wanted);
                mine[at].add(&totals);
                if let Some(one) = one {
                    found
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(one);
                }
            }
            worker.scratch = scratch;
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
    scratch: Results,
    /// By plan and place.
    evaluators: Vec<Vec<crate::law::Evaluator<'p>>>,
    plans: Vec<&'p Plan>,
}

impl<'p> Worker<'p> {
    fn new(plans: &[&'p Plan], columns: &'p Columns) -> Worker<'p> {
        Worker {
            columns,
            machine: Machine::default(),
            scratch: Results::default(),
            evaluators: plans.iter().map(|_| Vec::new()).collect(),
            plans: plans.to_vec(),
        }
    }

    fn tile(
        &mut self,
        at: usize,
        plan: &Plan,
        tile: &Tile,
        number: usize,
        results: &mut Results,
        wanted: bool,
    ) -> (Totals, Option<Found>) {
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
        let ready = plan.tape(tile.size);
        if let Some(ready) = ready {
            self.machine.run(&ready.tape, tile, results);
        }
        for slot in 0..slots {
            let column = |n: usize| -> View<'_> {
                match ready {
                    None => View::One(0),
                    Some(ready) => {
                        let from = match ready.tape.outputs[n].member {
                            true => slot * tile.lanes,
                            false => 0,
                        };
                        View::of(&results.columns[n], from, tile.count)
                    }
                }
            };
            let (outcome, reason, amount, aside) = (column(0), column(1), column(2), column(3));
            let any_aside = ready.is_none() || aside.any() || !plan.forced.is_empty();
            if found.is_none() && !any_aside {
                count(&mut totals, outcome, amount, tile.count);
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
                if ready.is_none() || forced || aside.get(lane) != 0 {
                    totals.by_row += 1;
                    let member = plan.person.then_some(slot);
                    match self.row(at, tile, lane, member) {
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
        at: usize,
        tile: &Tile,
        lane: usize,
        member: Option<usize>,
    ) -> Result<(u8, i64, u32), LawError> {
        let plan = self.plans[at];
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
            Lanes::None => View::One(0),
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

/// Counts outcomes and adds up amounts.
fn count(totals: &mut Totals, outcome: View<'_>, amount: View<'_>, length: usize) {
    match outcome {
        View::Narrow(codes) => {
            // One pass over the codes of those in question.
            let mut counts = [0u32; 3];
            for code in codes {
                for (count, of) in counts.iter_mut().zip(1..) {
                    *count = count.wrapping_add(u32::from(*code == of));
                }
            }
            let rest = length as u64 - counts.iter().map(|c| u64::from(*c)).sum::<u64>();
            totals.outcomes[0] += rest;
            for (sum, count) in totals.outcomes[1..].iter_mut().zip(counts) {
                *sum += u64::from(count);
            }
        }
        other => {
            for lane in 0..length {
                totals.outcomes[other.get(lane).clamp(0, 4) as usize] += 1;
            }
        }
    }
    totals.amount += match amount {
        View::Narrow(v) => v.iter().fold(0i64, |a, b| a.wrapping_add((*b).into())),
        View::Wide(v) => v.iter().fold(0i64, |a, b| a.wrapping_add(*b)),
        View::One(v) => v * length as i64,
    };
}
