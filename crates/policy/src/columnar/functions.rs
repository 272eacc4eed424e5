//! FEEL's built-in functions over columns.

use super::graph::{FALSE, Ref, TRUE};
use super::lower::{Lower, Stuck};
use super::term::{Term, boolean};
use crate::feel::ast::{Compare, Expr};
use crate::feel::builtin::Builtin as B;
use crate::feel::number::{Number, Rounding};

type Lowered<T = Term> = Result<T, Stuck>;

fn stuck<T>(reason: &'static str) -> Lowered<T> {
    Err(Stuck { rule: None, reason })
}

impl Lower<'_> {
    pub(super) fn builtin(&mut self, f: B, args: &[Expr], whole: &Expr) -> Lowered {
        if let Some(constant) = self.closed(whole) {
            return constant;
        }
        let mut terms = Vec::new();
        for arg in args {
            terms.push(self.expr(arg)?);
        }
        match f {
            B::Floor => self.rounded(&terms, Rounding::Floor),
            B::Ceiling => self.rounded(&terms, Rounding::Ceiling),
            B::Decimal => self.rounded(&terms, Rounding::HalfEven),
            B::RoundUp => self.rounded(&terms, Rounding::Up),
            B::RoundDown => self.rounded(&terms, Rounding::Down),
            B::RoundHalfUp => self.rounded(&terms, Rounding::HalfUp),
            B::RoundHalfDown => self.rounded(&terms, Rounding::HalfDown),
            B::Not => match terms.first() {
                Some(a) => Ok(self.maker.negated(a)?),
                None => stuck("a function without arguments"),
            },
            B::Abs => match &terms[..] {
                [a @ (Term::Number { .. } | Term::Ratio { .. })] => {
                    let zero = self.maker.number(Number::ZERO)?;
                    let minus = self.maker.sum(&zero, a, true)?;
                    Ok(self.maker.extreme(a, &minus, true)?)
                }
                [Term::Unknown] => Ok(Term::Unknown),
                _ => stuck("the magnitude of this"),
            },
            B::Modulo => self.modulo(&terms),
            B::Min => self.extremes(&terms, false),
            B::Max => self.extremes(&terms, true),
            B::Sum => self.sum(&terms),
            B::Mean => self.mean(&terms),
            B::Count => self.count(&terms),
            B::All | B::Any => match &terms[..] {
                [list @ (Term::Each { .. } | Term::List(_) | Term::Unknown)] => {
                    self.all_of(list, f == B::All)
                }
                several => {
                    let list = Term::List(std::rc::Rc::new(several.to_vec()));
                    self.all_of(&list, f == B::All)
                }
            },
            B::ListContains => self.contains(&terms),
            B::YearsMonthsDuration => self.months_between(&terms),
            _ => stuck("a function that has no columnar form"),
        }
    }

    fn rounded(&mut self, terms: &[Term], mode: Rounding) -> Lowered {
        let places = match terms.get(1) {
            None => 0,
            Some(Term::Number {
                n,
                scale: 0,
                gap: FALSE,
            }) => match self.maker.graph.is_const(*n) {
                Some(places) => places,
                None => return stuck("rounding to a varying number of digits"),
            },
            Some(_) => return stuck("rounding to a varying number of digits"),
        };
        match terms.first() {
            Some(a) => Ok(self.maker.round(a, places, mode)?),
            None => stuck("a function without arguments"),
        }
    }

    fn modulo(&mut self, terms: &[Term]) -> Lowered {
        let [a @ Term::Number { .. }, b @ Term::Number { n, .. }] = terms else {
            return stuck("a remainder of this");
        };
        if self.maker.graph.bounds(*n).0 <= 0 {
            return stuck("a remainder by what may be zero or less");
        }
        let quotient = self.maker.quotient(a, b)?;
        let down = self.maker.round(&quotient, 0, Rounding::Floor)?;
        let whole = self.maker.product(&down, b)?;
        Ok(self.maker.sum(a, &whole, true)?)
    }

    fn extremes(&mut self, terms: &[Term], greatest: bool) -> Lowered {
        if let [Term::Each { keep, gap, item }] = terms {
            return self.fold_end(*keep, *gap, item, greatest);
        }
        let items = match terms {
            [Term::List(items)] => items.to_vec(),
            several => several.to_vec(),
        };
        let mut rest = items.into_iter();
        let Some(mut best) = rest.next() else {
            return Ok(Term::Unknown);
        };
        if !matches!(
            best,
            Term::Number { .. } | Term::Ratio { .. } | Term::Date { .. } | Term::Unknown
        ) {
            return stuck("the extreme of this");
        }
        for item in rest {
            best = self.maker.extreme(&best, &item, greatest)?;
        }
        Ok(best)
    }

    fn fold_end(&mut self, keep: Ref, gap: Ref, item: &Term, greatest: bool) -> Lowered {
        let (n, hole) = match item {
            Term::Number { n, gap, .. } | Term::Date { n, gap } => (*n, *gap),
            Term::Unknown => return Ok(Term::Unknown),
            _ => return stuck("the extreme of this"),
        };
        let graph = &mut self.maker.graph;
        let (low, high) = graph.bounds(n);
        let out = graph.constant(if greatest { low } else { high });
        let kept = graph.select(keep, n, out)?;
        let end = graph.fold_end(kept, greatest)?;
        let open = graph.and(keep, hole);
        let open = graph.fold_or(open);
        let some = graph.fold_or(keep);
        let none = graph.not(some);
        let gap = graph.or(gap, open);
        let gap = graph.or(gap, none);
        Ok(match item {
            Term::Number { scale, .. } => Term::Number {
                n: end,
                scale: *scale,
                gap,
            },
            _ => Term::Date { n: end, gap },
        })
    }

    fn sum(&mut self, terms: &[Term]) -> Lowered {
        if let [Term::Each { keep, gap, item }] = terms {
            let (n, scale, hole) = match &**item {
                Term::Number { n, scale, gap } => (*n, *scale, *gap),
                Term::Unknown => (FALSE, 0, TRUE),
                _ => return stuck("a sum of this"),
            };
            let graph = &mut self.maker.graph;
            let kept = graph.select(*keep, n, FALSE)?;
            let sum = graph.fold_sum(kept)?;
            let open = graph.and(*keep, hole);
            let open = graph.fold_or(open);
            return Ok(Term::Number {
                n: sum,
                scale,
                gap: graph.or(*gap, open),
            });
        }
        let items = match terms {
            [Term::List(items)] => items.to_vec(),
            [Term::Members { .. }] => return stuck("a sum of this"),
            several => several.to_vec(),
        };
        let mut total = self.maker.number(Number::ZERO)?;
        for item in &items {
            total = self.maker.sum(&total, item, false)?;
        }
        Ok(total)
    }

    fn count(&mut self, terms: &[Term]) -> Lowered {
        let (keep, gap) = match terms {
            [Term::Members { keep, gap } | Term::Each { keep, gap, .. }] => (*keep, *gap),
            [Term::List(items)] => {
                return Ok(self.maker.number(Number::int(items.len() as i64))?);
            }
            [Term::Unknown] => return Ok(Term::Unknown),
            _ => return stuck("a count of this"),
        };
        let graph = &mut self.maker.graph;
        let one = graph.count_of(keep)?;
        Ok(Term::Number {
            n: graph.fold_sum(one)?,
            scale: 0,
            gap,
        })
    }

    fn mean(&mut self, terms: &[Term]) -> Lowered {
        let [list @ Term::Each { keep, .. }] = terms else {
            return stuck("a mean of this");
        };
        let keep = *keep;
        let sum = self.sum(terms)?;
        let count = self.count(std::slice::from_ref(list))?;
        let (Term::Number { n, gap, .. }, some) = (&count, self.maker.graph.fold_or(keep)) else {
            return stuck("a mean of this");
        };
        let graph = &mut self.maker.graph;
        let one = graph.constant(1);
        let none = graph.not(some);
        let count = Term::Number {
            n: graph.greatest(*n, one)?,
            scale: 0,
            gap: graph.or(*gap, none),
        };
        Ok(self.maker.quotient(&sum, &count)?)
    }

    fn contains(&mut self, terms: &[Term]) -> Lowered {
        let [list, wanted] = terms else {
            return stuck("a search in this");
        };
        let hole = self.maker.gap(wanted)?;
        let answer = match list {
            Term::Unknown => return Ok(Term::Unknown),
            Term::Each { keep, gap, item } => {
                let equal = self.maker.compare(Compare::Eq, item, wanted)?;
                let list = Term::Each {
                    keep: *keep,
                    gap: *gap,
                    item: std::rc::Rc::new(equal),
                };
                self.all_of(&list, false)?
            }
            Term::List(items) => {
                let mut any = boolean(FALSE, FALSE);
                for item in items.iter() {
                    let one = self.maker.compare(Compare::Eq, item, wanted)?;
                    any = self.maker.or(&any, &one)?;
                }
                any
            }
            _ => return stuck("a search in this"),
        };
        let (yes, gap) = self.maker.truth(&answer)?;
        let graph = &mut self.maker.graph;
        let gap = graph.or(gap, hole);
        Ok(boolean(graph.and_not(yes, gap), gap))
    }

    /// Whole months from one day to another, towards zero.
    fn months_between(&mut self, terms: &[Term]) -> Lowered {
        let [Term::Date { n: from, gap }, Term::Date { n: to, gap: hole }] = terms else {
            if terms.iter().any(|t| matches!(t, Term::Unknown)) {
                return Ok(Term::Unknown);
            }
            return stuck("a duration between these");
        };
        let graph = &mut self.maker.graph;
        // A day borrows from the month, as a digit does.
        let ahead = graph.minus(*to, *from)?;
        let forward = graph.shift(ahead, super::graph::DAY_BITS)?;
        let past = graph.lt(*to, *from);
        let n = if past == FALSE {
            forward
        } else {
            let behind = graph.minus(*from, *to)?;
            let back = graph.shift(behind, super::graph::DAY_BITS)?;
            let back = graph.minus(FALSE, back)?;
            graph.select(past, back, forward)?
        };
        Ok(Term::Months {
            n,
            gap: graph.or(*gap, *hole),
        })
    }
}
