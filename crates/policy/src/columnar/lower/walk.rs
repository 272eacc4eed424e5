//! Walks over the members of households: paths, filters, loops, questions about all or some, and
//! calls of functions.

use super::{Lower, Lowered, stuck};
use crate::columnar::graph::{DAY_BITS, FALSE, TRUE};
use crate::columnar::term::{Term, boolean};
use crate::feel::ast::{Expr, Function, Iterator_};
use crate::law::symbols::{HOUSEHOLD, MEMBER};
use std::rc::Rc;
use std::sync::Arc;

impl Lower<'_> {
    pub(super) fn path(&mut self, base: &Term, name: &Arc<str>, field: Option<u32>) -> Lowered {
        match base {
            Term::Unknown => Ok(Term::Unknown),
            Term::Member => match field {
                Some(field) => self.field(MEMBER, field),
                None => stuck("an unknown field"),
            },
            Term::Household => match field {
                Some(field) => self.field(HOUSEHOLD, field),
                None => stuck("an unknown field"),
            },
            Term::Previous => self.previous(name),
            Term::Context(entries) => Ok(entries
                .iter()
                .find(|(n, _)| n == name)
                .map_or(Term::Unknown, |(_, t)| t.clone())),
            Term::Members { keep, gap } => match field {
                Some(field) => {
                    let item = self.in_walk(|lower| lower.field(MEMBER, field))?;
                    Ok(Term::Each {
                        keep: *keep,
                        gap: *gap,
                        item: Rc::new(item),
                    })
                }
                None => stuck("an unknown field"),
            },
            Term::Each { keep, gap, item } => {
                let item = self.path(item, name, field)?;
                Ok(Term::Each {
                    keep: *keep,
                    gap: *gap,
                    item: Rc::new(item),
                })
            }
            Term::Date { n, gap } => {
                let maker = &mut self.maker;
                let number = |n| Term::Number {
                    n,
                    scale: 0,
                    gap: *gap,
                };
                let month = maker.graph.shift(*n, DAY_BITS)?;
                let twelve = maker.graph.constant(12);
                let year = maker.graph.floor(month, twelve)?;
                Ok(match &**name {
                    "year" => number(year),
                    "month" => {
                        let whole = maker.graph.times(year, twelve)?;
                        let rest = maker.graph.minus(month, whole)?;
                        let one = maker.graph.constant(1);
                        number(maker.graph.plus(rest, one)?)
                    }
                    "day" => number(maker.graph.bits(*n, 31)?),
                    _ => return stuck("a property of days"),
                })
            }
            Term::Months { n, gap } => {
                let term = Term::Number {
                    n: *n,
                    scale: 0,
                    gap: *gap,
                };
                let twelve = self.maker.number(crate::feel::number::Number::int(12))?;
                let quotient = self.maker.quotient(&term, &twelve)?;
                let years = self
                    .maker
                    .round(&quotient, 0, crate::feel::number::Rounding::Down)?;
                match &**name {
                    "years" => Ok(years),
                    "months" => {
                        let whole = self.maker.product(&years, &twelve)?;
                        Ok(self.maker.sum(&term, &whole, true)?)
                    }
                    _ => stuck("a property of durations"),
                }
            }
            _ => stuck("a property of this kind"),
        }
    }

    pub(super) fn previous(&mut self, name: &Arc<str>) -> Lowered {
        // Only the subject's own rules see the period before.
        let mine = match self.source.subject {
            0 => self.own.is_none(),
            _ => {
                if self.open.iter().any(|(who, _)| *who == 0) || self.own.is_none() {
                    return stuck("another person's period before");
                }
                self.own == Some(self.axis)
            }
        };
        let found = self.source.carry.iter().find(|(n, _)| n == name);
        match found {
            Some((_, bind)) if mine => {
                let bind = bind.clone();
                self.bound(&bind)
            }
            _ => Ok(Term::Unknown),
        }
    }

    pub(super) fn in_walk<T>(&mut self, work: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        let saved = self.axis;
        self.axes += 1;
        self.axis = self.axes;
        let made = work(self);
        self.axis = saved;
        made
    }

    pub(super) fn each(&mut self, iterators: &[Iterator_], body: &Expr) -> Lowered {
        self.each_of(iterators, body, true)
    }

    /// `body` for every item; `partial` leaves a place for the results so far.
    pub(super) fn each_of(
        &mut self,
        iterators: &[Iterator_],
        body: &Expr,
        partial: bool,
    ) -> Lowered {
        let [iterator] = iterators else {
            return stuck("a loop over several lists");
        };
        if iterator.high.is_some() {
            return stuck("a loop over numbers");
        }
        let source = self.expr(&iterator.source)?;
        let length = self.locals.len();
        let run = |lower: &mut Self, item: Term| {
            lower.push(item);
            if partial {
                lower.push(Term::Unknown);
            }
            let made = lower.expr(body);
            lower.locals.truncate(length);
            made
        };
        match source {
            Term::Unknown => Ok(Term::Unknown),
            Term::Members { keep, gap } => {
                let item = self.in_walk(|lower| run(lower, Term::Member))?;
                Ok(Term::Each {
                    keep,
                    gap,
                    item: Rc::new(item),
                })
            }
            Term::Each { keep, gap, item } => {
                let item = self.in_walk(|lower| run(lower, (*item).clone()))?;
                Ok(Term::Each {
                    keep,
                    gap,
                    item: Rc::new(item),
                })
            }
            Term::List(items) => {
                let mut out = Vec::new();
                for item in items.iter() {
                    out.push(run(self, item.clone())?);
                }
                Ok(Term::List(Rc::new(out)))
            }
            _ => stuck("a loop over this"),
        }
    }

    pub(super) fn filter(&mut self, base: &Expr, condition: &Expr) -> Lowered {
        let (keep, gap, item) = match self.expr(base)? {
            Term::Unknown => return Ok(Term::Unknown),
            Term::Members { keep, gap } => (keep, gap, None),
            Term::Each { keep, gap, item } => (keep, gap, Some(item)),
            _ => return stuck("a filter over this"),
        };
        let length = self.locals.len();
        let at_hand = item.as_deref().cloned().unwrap_or(Term::Member);
        let condition = self.in_walk(|lower| {
            lower.push(at_hand);
            let made = lower.expr(condition);
            lower.locals.truncate(length);
            made
        })?;
        let (yes, hole) = self.maker.truth(&condition)?;
        let graph = &mut self.maker.graph;
        let open = graph.and(keep, hole);
        let open = graph.fold_or(open);
        let gap = graph.or(gap, open);
        let keep = graph.and(keep, yes);
        Ok(match item {
            None => Term::Members { keep, gap },
            Some(item) => Term::Each { keep, gap, item },
        })
    }

    /// `every`, or `some`, of a list of booleans.
    pub(in crate::columnar) fn all_of(&mut self, answers: &Term, every: bool) -> Lowered {
        match answers {
            Term::Unknown => Ok(Term::Unknown),
            Term::Each { keep, gap, item } => {
                let (yes, hole) = self.maker.truth(item)?;
                let graph = &mut self.maker.graph;
                let open = graph.and(*keep, hole);
                let open = graph.fold_or(open);
                let known = graph.or(yes, hole);
                let decisive = if every {
                    graph.and_not(*keep, known)
                } else {
                    graph.and(*keep, yes)
                };
                let decisive = graph.fold_or(decisive);
                let open = graph.and_not(open, decisive);
                let hole = graph.or(*gap, open);
                let yes = if every {
                    let no = graph.or(decisive, hole);
                    graph.not(no)
                } else {
                    graph.and_not(decisive, hole)
                };
                Ok(boolean(yes, hole))
            }
            Term::List(items) => {
                let mut all = boolean(if every { TRUE } else { FALSE }, FALSE);
                for item in items.iter() {
                    all = if every {
                        self.maker.and(&all, item)?
                    } else {
                        self.maker.or(&all, item)?
                    };
                }
                Ok(all)
            }
            _ => stuck("a question about this list"),
        }
    }

    pub(super) fn call(&mut self, callee: &Expr, args: &[Expr], names: &[Arc<str>]) -> Lowered {
        let function = match self.expr(callee)? {
            Term::Function(function) => function,
            Term::Unknown => return Ok(Term::Unknown),
            _ => return stuck("a call of this"),
        };
        let Function::Closure(closure, captured) = &*function else {
            return stuck("a function as a value");
        };
        let Some(body) = &closure.body else {
            return stuck("an external function");
        };
        if !captured.is_empty() || closure.params.len() < args.len() {
            return stuck("a function with surroundings");
        }
        let mut given = Vec::new();
        for arg in args {
            given.push(self.expr(arg)?);
        }
        let placed: Vec<Term> = if names.is_empty() {
            if given.len() != closure.params.len() {
                return stuck("a call with too few arguments");
            }
            given
        } else {
            let find = |wanted: &Arc<str>| {
                let at = names.iter().position(|n| n == wanted);
                at.map_or(Term::Unknown, |at| given[at].clone())
            };
            closure.params.iter().map(|(n, _)| find(n)).collect()
        };
        let (base, length) = (self.base, self.locals.len());
        self.base = length;
        for term in placed {
            self.push(term);
        }
        let made = self.expr(body);
        self.locals.truncate(length);
        self.base = base;
        made
    }
}
