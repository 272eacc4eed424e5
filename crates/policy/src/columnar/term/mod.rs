//! FEEL values over columns: a node for the value and a mask for where nothing is known.
//!
//! Numbers are integers at a decimal scale. A quotient that does not end is kept as numerator and
//! denominator until it is rounded or compared, so that `floor(a / b)` and `a / b < c` need no
//! decimal. Where the row road's 34 digits could round otherwise than the exact quotient does (after
//! further arithmetic on a rounded quotient), the household is handed to the row road.

mod division;

use super::graph::{Cannot, FALSE, Graph, Made, Ref, TRUE};
use crate::feel::ast::{Compare, Function};
use crate::feel::number::Number;
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
}
