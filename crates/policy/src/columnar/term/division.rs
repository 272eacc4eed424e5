//! Quotients kept exact, and rounding, which is where they end.

use super::super::graph::{Cannot, FALSE, Graph, Made, Op, Ref};
use super::{Maker, Term, power};
use crate::feel::number::Rounding;

impl Maker {
    /// A quotient. Where the divisor may be zero the row road says what that means.
    pub fn quotient(&mut self, a: &Term, b: &Term) -> Made<Term> {
        if matches!(a, Term::Unknown) || matches!(b, Term::Unknown) {
            return Ok(Term::Unknown);
        }
        let first = Maker::is_exact(a) && Maker::is_exact(b);
        let simple = matches!(a, Term::Number { .. }) && matches!(b, Term::Number { .. });
        let (an, ad, agap) = self.fraction(a)?;
        let (mut bn, bd, bgap) = self.fraction(b)?;
        let mut gap = self.graph.or(agap, bgap);
        let (low, high) = self.graph.bounds(bn);
        let mut n = self.graph.times(an, bd)?;
        if high <= 0 || low < 0 {
            let negative = self.graph.lt(bn, FALSE);
            let minus = self.graph.minus(FALSE, n)?;
            n = self.graph.select(negative, minus, n)?;
            let flipped = self.graph.minus(FALSE, bn)?;
            bn = self.graph.greatest(bn, flipped)?;
        }
        if self.graph.bounds(bn).0 <= 0 {
            let zero = self.graph.eq(bn, FALSE);
            let real = self.graph.and_not(zero, gap);
            self.aside.push(real);
            gap = self.graph.or(gap, zero);
            let one = self.graph.constant(1);
            bn = self.graph.greatest(bn, one)?;
        }
        let d = self.graph.times(ad, bn)?;
        if let Some(by) = self.graph.is_const(d)
            && first
            && let Some((factor, scale)) = ending(by)
        {
            let factor = self.graph.constant(factor);
            let n = self.graph.times(n, factor)?;
            return Ok(Term::Number { n, scale, gap });
        }
        let (n, d) = self.reduced(n, d);
        Ok(Term::Ratio {
            n,
            d,
            exact: simple,
            gap,
        })
    }

    /// Takes a common constant factor out of numerator and denominator where it shows.
    fn reduced(&mut self, n: Ref, d: Ref) -> (Ref, Ref) {
        let parts = |graph: &Graph, at: Ref| match graph.node(at).op {
            Op::Const(value) => Some((value, None)),
            Op::Mul(a, b) => match (graph.is_const(a), graph.is_const(b)) {
                (Some(c), None) => Some((c, Some(b))),
                (None, Some(c)) => Some((c, Some(a))),
                _ => None,
            },
            _ => None,
        };
        let (Some((x, n_rest)), Some((y, d_rest))) = (parts(&self.graph, n), parts(&self.graph, d))
        else {
            return (n, d);
        };
        let common = gcd(x.unsigned_abs(), y.unsigned_abs()) as i64;
        if common <= 1 {
            return (n, d);
        }
        let mut make = |factor: i64, rest: Option<Ref>| {
            let factor = self.graph.constant(factor / common);
            match rest {
                Some(rest) => self.graph.times(factor, rest),
                None => Ok(factor),
            }
        };
        match (make(x, n_rest), make(y, d_rest)) {
            (Ok(n), Ok(d)) => (n, d),
            _ => (n, d),
        }
    }

    /// Rounds to `places` digits after the point.
    pub fn round(&mut self, a: &Term, places: i64, mode: Rounding) -> Made<Term> {
        if !(-15..=15).contains(&places) {
            return Err(Cannot("rounding to so many digits"));
        }
        let (n, d, exact, gap) = match a {
            Term::Unknown => return Ok(Term::Unknown),
            Term::Number { n, scale, gap } => {
                if i64::from(*scale) <= places {
                    return Ok(a.clone());
                }
                let d = self
                    .graph
                    .constant(power((i64::from(*scale) - places) as u32)?);
                (*n, d, true, *gap)
            }
            Term::Ratio { n, d, exact, gap } => {
                if places >= 0 {
                    let up = self.graph.constant(power(places as u32)?);
                    (self.graph.times(*n, up)?, *d, *exact, *gap)
                } else {
                    let up = self.graph.constant(power(-places as u32)?);
                    (*n, self.graph.times(*d, up)?, *exact, *gap)
                }
            }
            _ => return Err(Cannot("rounding of other than numbers")),
        };
        let (n, d) = self.reduced(n, d);
        let rounded = self.divided(n, d, mode)?;
        if !exact {
            // On the boundary the digits that the row road lost decide.
            let down = self.graph.floor(n, d)?;
            let whole = self.graph.times(down, d)?;
            let rest = self.graph.minus(n, whole)?;
            let tie = match mode {
                Rounding::Floor | Rounding::Ceiling | Rounding::Up | Rounding::Down => {
                    self.graph.eq(rest, FALSE)
                }
                _ => {
                    let two = self.graph.constant(2);
                    let twice = self.graph.times(rest, two)?;
                    self.graph.eq(twice, d)
                }
            };
            let tie = self.graph.and_not(tie, gap);
            self.aside.push(tie);
        }
        if places >= 0 {
            return Ok(Term::Number {
                n: rounded,
                scale: places as u32,
                gap,
            });
        }
        let up = self.graph.constant(power(-places as u32)?);
        Ok(Term::Number {
            n: self.graph.times(rounded, up)?,
            scale: 0,
            gap,
        })
    }

    fn divided(&mut self, n: Ref, d: Ref, mode: Rounding) -> Made {
        let graph = &mut self.graph;
        let (low, high) = graph.bounds(n);
        match mode {
            Rounding::Floor => graph.floor(n, d),
            Rounding::Ceiling => graph.ceiling(n, d),
            Rounding::Down if low >= 0 => graph.floor(n, d),
            Rounding::Down if high <= 0 => graph.ceiling(n, d),
            Rounding::Up if low >= 0 => graph.ceiling(n, d),
            Rounding::Up if high <= 0 => graph.floor(n, d),
            Rounding::Down | Rounding::Up => {
                let (down, up) = (graph.floor(n, d)?, graph.ceiling(n, d)?);
                let negative = graph.lt(n, FALSE);
                if mode == Rounding::Down {
                    graph.select(negative, up, down)
                } else {
                    graph.select(negative, down, up)
                }
            }
            Rounding::HalfUp | Rounding::HalfDown | Rounding::HalfEven => {
                let two = graph.constant(2);
                let down = graph.floor(n, d)?;
                let whole = graph.times(down, d)?;
                let rest = graph.minus(n, whole)?;
                let twice = graph.times(rest, two)?;
                let more = graph.lt(d, twice);
                let tie = graph.eq(d, twice);
                let up_at_tie = match mode {
                    Rounding::HalfEven => {
                        let odd = graph.bits(down, 1)?;
                        let one = graph.constant(1);
                        graph.eq(odd, one)
                    }
                    // Away from zero, and towards it.
                    Rounding::HalfUp => graph.le(FALSE, n),
                    _ => graph.lt(n, FALSE),
                };
                let tie = graph.and(tie, up_at_tie);
                let up = graph.or(more, tie);
                let one = graph.count_of(up)?;
                graph.plus(down, one)
            }
        }
    }
}

pub(super) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `1 / d` as `factor / 10^scale`, when it ends within a few digits.
pub(super) fn ending(d: i64) -> Option<(i64, u32)> {
    (0..=18u32).find_map(|scale| {
        let unit = 10i64.checked_pow(scale)?;
        (unit % d == 0).then(|| (unit / d, scale))
    })
}
