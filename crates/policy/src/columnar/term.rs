//! FEEL values over columns: a node for the value and a mask for where nothing is known.
//!
//! Numbers are integers at a decimal scale. A quotient that does not end is kept as numerator and
//! denominator until it is rounded or compared, so that `floor(a / b)` and `a / b < c` need no
//! decimal. Where the row road's 34 digits could round otherwise than the exact quotient does (after
//! further arithmetic on a rounded quotient), the household is handed to the row road.

use super::graph::{Cannot, FALSE, Graph, Made, Ref, TRUE};
use crate::feel::ast::{Compare, Function};
use crate::feel::number::{Number, Rounding};
use std::rc::Rc;
use std::sync::Arc;

/// A value of every household or member.
#[derive(Clone, Debug)]
pub(crate) enum Term {
    /// The literal null, or what nothing defines.
    Unknown,
    Number {
        n: Ref,
        scale: u32,
        gap: Ref,
    },
    /// `n / d`, with `d` above zero. Not `exact`: the row road rounded before it went on.
    Ratio {
        n: Ref,
        d: Ref,
        exact: bool,
        gap: Ref,
    },
    /// `yes` is false wherever `gap` is true.
    Boolean {
        yes: Ref,
        gap: Ref,
    },
    Text {
        n: Ref,
        gap: Ref,
    },
    Date {
        n: Ref,
        gap: Ref,
    },
    Months {
        n: Ref,
        gap: Ref,
    },
    List(Rc<Vec<Term>>),
    Context(Rc<Vec<(Arc<str>, Term)>>),
    Range(Rc<Ends>),
    /// The member at hand.
    Member,
    Household,
    Previous,
    /// The members for which `keep` holds; all unknown where `gap` does.
    Members {
        keep: Ref,
        gap: Ref,
    },
    /// A value of each of those members.
    Each {
        keep: Ref,
        gap: Ref,
        item: Rc<Term>,
    },
    Function(Arc<Function>),
}

/// A range.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    pub low: Option<Term>,
    pub low_closed: bool,
    pub high: Option<Term>,
    pub high_closed: bool,
    pub compared: bool,
}

/// Terms are made here: a graph and the households that must go by row.
#[derive(Debug)]
pub(crate) struct Maker {
    pub graph: Graph,
    /// Masks of households, or of members, that the row road must decide.
    pub aside: Vec<Ref>,
}

pub(crate) fn power(scale: u32) -> Made<i64> {
    10i64
        .checked_pow(scale)
        .ok_or(Cannot("a number may need more than 64 bits"))
}

/// A boolean whose truth and gap are nodes.
pub(crate) fn boolean(yes: Ref, gap: Ref) -> Term {
    Term::Boolean { yes, gap }
}

impl Maker {
    pub fn number(&mut self, number: Number) -> Made<Term> {
        let plain = number.stripped();
        let scale = plain.exponent().min(0).unsigned_abs();
        let n = super::column::scaled(plain, scale)
            .ok_or(Cannot("a number may need more than 64 bits"))?;
        Ok(Term::Number {
            n: self.graph.constant(n),
            scale,
            gap: FALSE,
        })
    }

    /// Where the value is unknown.
    pub fn gap(&self, term: &Term) -> Made {
        Ok(match term {
            Term::Unknown => TRUE,
            Term::Number { gap, .. }
            | Term::Ratio { gap, .. }
            | Term::Boolean { gap, .. }
            | Term::Text { gap, .. }
            | Term::Date { gap, .. }
            | Term::Months { gap, .. }
            | Term::Members { gap, .. }
            | Term::Each { gap, .. } => *gap,
            Term::List(_) | Term::Context(_) | Term::Member | Term::Household | Term::Previous => {
                FALSE
            }
            Term::Range(_) | Term::Function(_) => return Err(Cannot("a range or a function")),
        })
    }

    pub fn rescaled(&mut self, n: Ref, from: u32, to: u32) -> Made {
        if from >= to {
            return Ok(n);
        }
        let factor = self.graph.constant(power(to - from)?);
        self.graph.times(n, factor)
    }

    /// Both at the greater of their scales.
    fn aligned(&mut self, a: Ref, a_scale: u32, b: Ref, b_scale: u32) -> Made<(Ref, Ref, u32)> {
        let scale = a_scale.max(b_scale);
        Ok((
            self.rescaled(a, a_scale, scale)?,
            self.rescaled(b, b_scale, scale)?,
            scale,
        ))
    }

    pub fn sum(&mut self, a: &Term, b: &Term, minus: bool) -> Made<Term> {
        match (a, b) {
            (Term::Unknown, _) | (_, Term::Unknown) => Ok(Term::Unknown),
            (
                Term::Number { n, scale, gap },
                Term::Number {
                    n: m,
                    scale: other,
                    gap: hole,
                },
            ) => {
                let (x, y, scale) = self.aligned(*n, *scale, *m, *other)?;
                let n = if minus {
                    self.graph.minus(x, y)?
                } else {
                    self.graph.plus(x, y)?
                };
                let gap = self.graph.or(*gap, *hole);
                Ok(Term::Number { n, scale, gap })
            }
            (
                Term::Ratio { .. } | Term::Number { .. },
                Term::Ratio { .. } | Term::Number { .. },
            ) => {
                let (an, ad, agap) = self.fraction(a)?;
                let (bn, bd, bgap) = self.fraction(b)?;
                let (n, d) = if ad == bd {
                    (self.add_or_sub(an, bn, minus)?, ad)
                } else {
                    let left = self.graph.times(an, bd)?;
                    let right = self.graph.times(bn, ad)?;
                    (
                        self.add_or_sub(left, right, minus)?,
                        self.graph.times(ad, bd)?,
                    )
                };
                let gap = self.graph.or(agap, bgap);
                Ok(Term::Ratio {
                    n,
                    d,
                    exact: false,
                    gap,
                })
            }
            _ => Err(Cannot("arithmetic on other than numbers")),
        }
    }

    fn add_or_sub(&mut self, a: Ref, b: Ref, minus: bool) -> Made {
        if minus {
            self.graph.minus(a, b)
        } else {
            self.graph.plus(a, b)
        }
    }

    /// Numerator, denominator and gap.
    pub fn fraction(&mut self, term: &Term) -> Made<(Ref, Ref, Ref)> {
        match term {
            Term::Number { n, scale, gap } => {
                let d = self.graph.constant(power(*scale)?);
                Ok((*n, d, *gap))
            }
            Term::Ratio { n, d, gap, .. } => Ok((*n, *d, *gap)),
            _ => Err(Cannot("arithmetic on other than numbers")),
        }
    }

    fn is_exact(term: &Term) -> bool {
        !matches!(term, Term::Ratio { exact: false, .. })
    }

    pub fn product(&mut self, a: &Term, b: &Term) -> Made<Term> {
        match (a, b) {
            (Term::Unknown, _) | (_, Term::Unknown) => Ok(Term::Unknown),
            (
                Term::Number { n, scale, gap },
                Term::Number {
                    n: m,
                    scale: other,
                    gap: hole,
                },
            ) => {
                let n = self.graph.times(*n, *m)?;
                let gap = self.graph.or(*gap, *hole);
                Ok(Term::Number {
                    n,
                    scale: scale + other,
                    gap,
                })
            }
            _ => {
                let (an, ad, agap) = self.fraction(a)?;
                let (bn, bd, bgap) = self.fraction(b)?;
                let n = self.graph.times(an, bn)?;
                let d = self.graph.times(ad, bd)?;
                let gap = self.graph.or(agap, bgap);
                Ok(Term::Ratio {
                    n,
                    d,
                    exact: false,
                    gap,
                })
            }
        }
    }

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
        use super::graph::Op;
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

    /// Compares; the answer is unknown where either side is.
    pub fn compare(&mut self, op: Compare, a: &Term, b: &Term) -> Made<Term> {
        if matches!(a, Term::Unknown) || matches!(b, Term::Unknown) {
            return Ok(boolean(FALSE, TRUE));
        }
        let equality = matches!(op, Compare::Eq | Compare::Ne);
        let (x, y, gap) = match (a, b) {
            (
                Term::Number { n, scale, gap },
                Term::Number {
                    n: m,
                    scale: other,
                    gap: hole,
                },
            ) => {
                let (x, y, _) = self.aligned(*n, *scale, *m, *other)?;
                (x, y, self.graph.or(*gap, *hole))
            }
            (
                Term::Number { .. } | Term::Ratio { .. },
                Term::Number { .. } | Term::Ratio { .. },
            ) => {
                let exact = Maker::is_exact(a) && Maker::is_exact(b);
                let (an, ad, agap) = self.fraction(a)?;
                let (bn, bd, bgap) = self.fraction(b)?;
                let gap = self.graph.or(agap, bgap);
                let (x, y) = if ad == bd {
                    (an, bn)
                } else {
                    (self.graph.times(an, bd)?, self.graph.times(bn, ad)?)
                };
                if !exact {
                    let tie = self.graph.eq(x, y);
                    let tie = self.graph.and_not(tie, gap);
                    self.aside.push(tie);
                }
                (x, y, gap)
            }
            (Term::Date { n, gap }, Term::Date { n: m, gap: hole })
            | (Term::Months { n, gap }, Term::Months { n: m, gap: hole }) => {
                (*n, *m, self.graph.or(*gap, *hole))
            }
            (Term::Text { n, gap }, Term::Text { n: m, gap: hole }) if equality => {
                (*n, *m, self.graph.or(*gap, *hole))
            }
            (
                Term::Boolean { yes, gap },
                Term::Boolean {
                    yes: other,
                    gap: hole,
                },
            ) if equality => (*yes, *other, self.graph.or(*gap, *hole)),
            _ => return Err(Cannot("a comparison of this kind")),
        };
        let yes = match op {
            Compare::Eq => self.graph.eq(x, y),
            Compare::Ne => {
                let same = self.graph.eq(x, y);
                self.graph.not(same)
            }
            Compare::Lt => self.graph.lt(x, y),
            Compare::Le => self.graph.le(x, y),
            Compare::Gt => self.graph.lt(y, x),
            Compare::Ge => self.graph.le(y, x),
        };
        Ok(boolean(self.graph.and_not(yes, gap), gap))
    }

    pub fn and(&mut self, a: &Term, b: &Term) -> Made<Term> {
        let ((x, xgap), (y, ygap)) = (self.truth(a)?, self.truth(b)?);
        let yes = self.graph.and(x, y);
        // Unknown unless one of them is definitely false.
        let left = self.graph.or(x, xgap);
        let right = self.graph.or(y, ygap);
        let any = self.graph.or(xgap, ygap);
        let gap = self.graph.and(left, right);
        let gap = self.graph.and(gap, any);
        Ok(boolean(yes, gap))
    }

    pub fn or(&mut self, a: &Term, b: &Term) -> Made<Term> {
        let ((x, xgap), (y, ygap)) = (self.truth(a)?, self.truth(b)?);
        let yes = self.graph.or(x, y);
        let any = self.graph.or(xgap, ygap);
        let gap = self.graph.and_not(any, yes);
        Ok(boolean(yes, gap))
    }

    pub fn negated(&mut self, a: &Term) -> Made<Term> {
        let (yes, gap) = self.truth(a)?;
        let known = self.graph.or(yes, gap);
        Ok(boolean(self.graph.not(known), gap))
    }

    pub fn truth(&self, a: &Term) -> Made<(Ref, Ref)> {
        match a {
            Term::Boolean { yes, gap } => Ok((*yes, *gap)),
            Term::Unknown => Ok((FALSE, TRUE)),
            _ => Err(Cannot("a condition that is no boolean")),
        }
    }

    /// `yes` where the mask is, `no` elsewhere; unknown where `gap` is.
    pub fn choose(&mut self, mask: Ref, gap: Ref, yes: &Term, no: &Term) -> Made<Term> {
        if mask == TRUE && gap == FALSE {
            return Ok(yes.clone());
        }
        if mask == FALSE && gap == FALSE {
            return Ok(no.clone());
        }
        let hole = |maker: &mut Maker, a: Ref, b: Ref| {
            let chosen = maker.graph.choose(mask, a, b);
            maker.graph.or(gap, chosen)
        };
        Ok(match (yes, no) {
            (Term::Unknown, Term::Unknown) => Term::Unknown,
            (Term::Unknown, other) => {
                let blank = self.blanked(other)?;
                return self.choose(mask, gap, &blank, other);
            }
            (other, Term::Unknown) => {
                let blank = self.blanked(other)?;
                return self.choose(mask, gap, other, &blank);
            }
            (
                Term::Number { n, scale, gap: a },
                Term::Number {
                    n: m,
                    scale: other,
                    gap: b,
                },
            ) => {
                let (x, y, scale) = self.aligned(*n, *scale, *m, *other)?;
                Term::Number {
                    n: self.graph.select(mask, x, y)?,
                    scale,
                    gap: hole(self, *a, *b),
                }
            }
            (
                Term::Number { .. } | Term::Ratio { .. },
                Term::Number { .. } | Term::Ratio { .. },
            ) => {
                let exact = Maker::is_exact(yes) && Maker::is_exact(no);
                let (an, ad, a) = self.fraction(yes)?;
                let (bn, bd, b) = self.fraction(no)?;
                Term::Ratio {
                    n: self.graph.select(mask, an, bn)?,
                    d: self.graph.select(mask, ad, bd)?,
                    exact,
                    gap: hole(self, a, b),
                }
            }
            (Term::Boolean { yes: x, gap: a }, Term::Boolean { yes: y, gap: b }) => {
                let chosen = self.graph.choose(mask, *x, *y);
                let hole = hole(self, *a, *b);
                boolean(self.graph.and_not(chosen, gap), hole)
            }
            (Term::Text { n, gap: a }, Term::Text { n: m, gap: b }) => Term::Text {
                n: self.graph.select(mask, *n, *m)?,
                gap: hole(self, *a, *b),
            },
            (Term::Date { n, gap: a }, Term::Date { n: m, gap: b }) => Term::Date {
                n: self.graph.select(mask, *n, *m)?,
                gap: hole(self, *a, *b),
            },
            (Term::Months { n, gap: a }, Term::Months { n: m, gap: b }) => Term::Months {
                n: self.graph.select(mask, *n, *m)?,
                gap: hole(self, *a, *b),
            },
            _ => return Err(Cannot("a choice between lists or contexts")),
        })
    }

    /// An unknown value of the same kind.
    fn blanked(&mut self, like: &Term) -> Made<Term> {
        Ok(match like {
            Term::Number { scale, n, .. } => Term::Number {
                n: *n,
                scale: *scale,
                gap: TRUE,
            },
            Term::Ratio { n, d, exact, .. } => Term::Ratio {
                n: *n,
                d: *d,
                exact: *exact,
                gap: TRUE,
            },
            Term::Boolean { .. } => boolean(FALSE, TRUE),
            Term::Text { n, .. } => Term::Text { n: *n, gap: TRUE },
            Term::Date { n, .. } => Term::Date { n: *n, gap: TRUE },
            Term::Months { n, .. } => Term::Months { n: *n, gap: TRUE },
            _ => return Err(Cannot("a choice between lists or contexts")),
        })
    }

    /// The lesser or the greater; unknown where either is.
    pub fn extreme(&mut self, a: &Term, b: &Term, greatest: bool) -> Made<Term> {
        if let (
            Term::Number { n, scale, gap },
            Term::Number {
                n: m,
                scale: other,
                gap: hole,
            },
        ) = (a, b)
        {
            let (x, y, scale) = self.aligned(*n, *scale, *m, *other)?;
            let n = if greatest {
                self.graph.greatest(x, y)?
            } else {
                self.graph.least(x, y)?
            };
            let gap = self.graph.or(*gap, *hole);
            return Ok(Term::Number { n, scale, gap });
        }
        // The row road keeps the first unless the other is beyond it.
        let op = if greatest { Compare::Gt } else { Compare::Lt };
        match self.compare(op, b, a)? {
            Term::Boolean { yes, gap } => {
                if gap == TRUE {
                    return Ok(Term::Unknown);
                }
                self.choose(yes, gap, b, a)
            }
            _ => Ok(Term::Unknown),
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

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `1 / d` as `factor / 10^scale`, when it ends within a few digits.
fn ending(d: i64) -> Option<(i64, u32)> {
    (0..=18u32).find_map(|scale| {
        let unit = 10i64.checked_pow(scale)?;
        (unit % d == 0).then(|| (unit / d, scale))
    })
}
