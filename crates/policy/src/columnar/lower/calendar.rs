//! Arithmetic over columns: numbers, days and months, and what is asked of null.

use super::{Lower, Lowered, stuck};
use crate::columnar::graph::{Cannot, DAY_BITS, FALSE, Made, Ref};
use crate::columnar::term::{Term, boolean};
use crate::feel::ast::{Arith, Compare};

impl Lower<'_> {
    pub(super) fn null_test(&mut self, op: Compare, a: &Term, b: &Term) -> Lowered {
        let (a, b) = (self.maker.gap(a)?, self.maker.gap(b)?);
        // Against a written null everything is either null or not.
        let graph = &mut self.maker.graph;
        let same = graph.and(a, b);
        match op {
            Compare::Eq => Ok(boolean(same, FALSE)),
            Compare::Ne => Ok(boolean(graph.not(same), FALSE)),
            _ => Ok(Term::Unknown),
        }
    }

    pub(super) fn arith(&mut self, op: Arith, a: &Term, b: &Term) -> Lowered {
        if let Some(term) = self.calendar(op, a, b)? {
            return Ok(term);
        }
        Ok(match op {
            Arith::Add => self.maker.sum(a, b, false)?,
            Arith::Sub => self.maker.sum(a, b, true)?,
            Arith::Mul => self.maker.product(a, b)?,
            Arith::Div => self.maker.quotient(a, b)?,
            Arith::Pow => return stuck("a power"),
        })
    }

    /// Days and months.
    fn calendar(&mut self, op: Arith, a: &Term, b: &Term) -> Lowered<Option<Term>> {
        let graph = &mut self.maker.graph;
        Ok(match (op, a, b) {
            (Arith::Add, Term::Months { n, gap }, Term::Months { n: m, gap: hole }) => {
                Some(Term::Months {
                    n: graph.plus(*n, *m)?,
                    gap: graph.or(*gap, *hole),
                })
            }
            (Arith::Sub, Term::Months { n, gap }, Term::Months { n: m, gap: hole }) => {
                Some(Term::Months {
                    n: graph.minus(*n, *m)?,
                    gap: graph.or(*gap, *hole),
                })
            }
            (Arith::Add, Term::Date { n, gap }, Term::Months { n: m, gap: hole })
            | (Arith::Add, Term::Months { n: m, gap: hole }, Term::Date { n, gap }) => {
                let gap = graph.or(*gap, *hole);
                Some(self.later(*n, *m, gap)?)
            }
            (Arith::Sub, Term::Date { n, gap }, Term::Months { n: m, gap: hole }) => {
                let gap = graph.or(*gap, *hole);
                let back = graph.minus(FALSE, *m)?;
                Some(self.later(*n, back, gap)?)
            }
            _ => None,
        })
    }

    /// A day some months later, at the last of the month when it has no such day.
    fn later(&mut self, date: Ref, months: Ref, gap: Ref) -> Made<Term> {
        let graph = &mut self.maker.graph;
        let month = graph.shift(date, DAY_BITS)?;
        let month = graph.plus(month, months)?;
        let (low, high) = graph.bounds(month);
        if low < 12 || high > 9998 * 12 {
            return Err(Cannot("a day out of range"));
        }
        let day = graph.bits(date, 31)?;
        let [twelve, four, hundred, four_hundred] = [12, 4, 100, 400].map(|n| graph.constant(n));
        let year = graph.floor(month, twelve)?;
        let whole = graph.times(year, twelve)?;
        let of_year = graph.minus(month, whole)?;
        let mut divides = |by: Ref| {
            let q = graph.floor(year, by)?;
            let product = graph.times(q, by)?;
            Ok::<Ref, Cannot>(graph.eq(product, year))
        };
        let (by_4, by_100, by_400) = (divides(four)?, divides(hundred)?, divides(four_hundred)?);
        let common = graph.and_not(by_4, by_100);
        let leap = graph.or(common, by_400);
        let [feb, longest, short, february, leap_february] =
            [1, 31, 30, 28, 29].map(|n| graph.constant(n));
        let is_february = graph.eq(of_year, feb);
        let mut is_short = FALSE;
        for m in [3, 5, 8, 10] {
            let m = graph.constant(m);
            let this = graph.eq(of_year, m);
            is_short = graph.or(is_short, this);
        }
        let ordinary = graph.select(is_short, short, longest)?;
        let two = graph.select(leap, leap_february, february)?;
        let last = graph.select(is_february, two, ordinary)?;
        let day = graph.least(day, last)?;
        let unit = graph.constant(32);
        let shifted = graph.times(month, unit)?;
        Ok(Term::Date {
            n: graph.plus(shifted, day)?,
            gap,
        })
    }
}
