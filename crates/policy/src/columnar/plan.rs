//! A programme compiled for a population and a day.

use super::column::{Coding, Flat, Info};
use super::decide::{self, Kept};
use super::graph::{Graph, Ref};
use super::lower::{Bind, Figure, Lower, Source, Stuck};
use super::pass::{self, Joint};
use super::population::Columns;
use super::results::{Decisions, Intermediates, Totals};
use crate::feel::value::Value;
use crate::law::edition::Edition;
use crate::law::eval::Handle;
use crate::law::{Law, LawError};
use crate::programme::Subject;
use base::Day;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The next plan's number.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A programme for a population: compiled for each size of household that occurs.
#[derive(Debug)]
pub struct Plan {
    pub(super) day: Day,
    pub(super) editions: Vec<Arc<Edition>>,
    pub(super) handles: Vec<Option<Handle>>,
    conditions: Vec<String>,
    pub(super) person: bool,
    pub(super) money: bool,
    pub(super) bound: [Vec<Bind>; 2],
    /// Tells plans apart whose values are kept together.
    pub(super) id: u64,
    /// By size; empty when the whole programme goes by row.
    pub(super) parts: Vec<Option<Part>>,
    /// The plan's own tapes by size.
    alone: Arc<Vec<Option<Joint>>>,
    infos: Vec<Info>,
    stuck: Vec<(String, &'static str)>,
    rules: usize,
    /// Households that a rule computed row by row failed for.
    pub(super) forced: Vec<bool>,
}

/// A programme's expressions for households of one size.
#[derive(Debug)]
pub(super) struct Part {
    pub graph: Graph,
    /// Outcome, reason, amount, where the row road decides; then what is kept.
    pub roots: Vec<Ref>,
    pub tables: Vec<Vec<i64>>,
    /// Places are those among the roots.
    pub kept: Vec<Kept>,
}

/// What did not go into columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vectorised {
    /// Rules that run in columns.
    pub rules: usize,
    /// Rules that run row by row, each with the reason.
    pub row_by_row: Vec<(String, &'static str)>,
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
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            parts: Vec::new(),
            alone: Arc::default(),
            infos: Vec::new(),
            stuck: Vec::new(),
            rules: 0,
            forced: Vec::new(),
        };
        plan.compile(&edition, handle, columns, keep);
        plan.alone = Arc::new(pass::join(&[&plan], true));
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
                .all(|t| self.parts.get(t.size).is_some_and(Option::is_some))
    }

    /// Which rules run in columns and which do not.
    pub fn vectorised(&self) -> Vectorised {
        Vectorised {
            rules: self.rules,
            row_by_row: self.stuck.clone(),
        }
    }

    /// Is what it grants money, in fen?
    pub fn is_money(&self) -> bool {
        self.money
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
            self.parts.clear();
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
                match part(&source, size, programme, &like, keep) {
                    Ok(made) => {
                        self.rules = self.rules.max(made.1);
                        if self.parts.len() <= size {
                            self.parts.resize_with(size + 1, || None);
                        }
                        self.parts[size] = Some(made.0);
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
                            self.parts.clear();
                            return;
                        };
                        rows.insert(rule, column);
                        continue 'again;
                    }
                    Err(Stuck { reason, .. }) => {
                        self.stuck.push((String::new(), reason));
                        self.parts.clear();
                        return;
                    }
                }
            }
            return;
        }
        self.parts.clear();
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
        let totals = pass::run(&[self.group()], columns, threads, None, None);
        totals.into_iter().next().unwrap_or_default()
    }

    /// Runs over the population, keeping every rule's values.
    pub fn totals_kept(
        &self,
        columns: &Columns,
        threads: usize,
        into: &mut Intermediates,
    ) -> Totals {
        let totals = pass::run(&[self.group()], columns, threads, Some(into), None);
        totals.into_iter().next().unwrap_or_default()
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
        let found = Some(&mut decisions);
        let totals = pass::run(&[self.group()], columns, threads, None, found);
        decisions.errors.sort_by_key(|(row, _)| *row);
        (totals.into_iter().next().unwrap_or_default(), decisions)
    }

    fn group(&self) -> pass::Group<'_> {
        pass::Group {
            plans: vec![self],
            joints: self.alone.clone(),
        }
    }

    pub(super) fn part(&self, size: usize) -> Option<&Part> {
        self.parts.get(size).and_then(Option::as_ref)
    }

    /// The tape for households of one size, as text: what each lane goes through.
    pub fn listing(&self, size: usize) -> String {
        let joint = self.alone.get(size).and_then(Option::as_ref);
        joint.map(|j| j.tape.listing()).unwrap_or_default()
    }

    /// The names of the rules whose values [`Plan::totals_kept`] keeps, with their subject.
    pub fn kept(&self) -> Vec<(Subject, &str)> {
        let subject = |who| [Subject::Household, Subject::Person][who];
        self.parts
            .iter()
            .flatten()
            .next()
            .map(|p| p.kept.iter().map(|k| (subject(k.who), &*k.name)).collect())
            .unwrap_or_default()
    }
}

fn same_value(a: &Value, b: &Value) -> bool {
    a.equals(b) == Some(true)
}

/// The expressions for one size, and how many rules they compute.
fn part(
    source: &Source<'_>,
    size: usize,
    programme: &crate::law::eval::Plan,
    like: &[bool],
    keep: bool,
) -> Result<(Part, usize), Stuck> {
    let mut lower = Lower::new(source, size);
    let mut roots: Vec<Ref> = decide::programme(&mut lower, programme, like)?;
    let kept = if keep {
        decide::keep(&mut lower, programme, &mut roots)
    } else {
        Vec::new()
    };
    let rules = lower.rules();
    let part = Part {
        roots,
        kept,
        tables: std::mem::take(&mut lower.tables),
        graph: std::mem::take(&mut lower.maker.graph),
    };
    Ok((part, rules))
}
