//! Comparisons, masks and choices: what is known before anything runs is never computed.

use super::{FALSE, Graph, Made, Op, Ref, TRUE};

impl Graph {
    pub fn eq(&mut self, a: Ref, b: Ref) -> Ref {
        if a == b {
            return TRUE;
        }
        let ((al, ah), (bl, bh)) = (self.bounds(a), self.bounds(b));
        if ah < bl || bh < al {
            return FALSE;
        }
        if al == ah && bl == bh {
            return TRUE;
        }
        // A mask compared with true or false is the mask, or its complement.
        for (x, y) in [(a, b), (b, a)] {
            if self.bounds(x) == (-1, 0) && (y == TRUE || y == FALSE) {
                return if y == TRUE { x } else { self.not(x) };
            }
        }
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let member = self.either(a, b);
        self.mask(Op::Eq(a, b), member)
    }

    pub fn lt(&mut self, a: Ref, b: Ref) -> Ref {
        let ((al, ah), (bl, bh)) = (self.bounds(a), self.bounds(b));
        if ah < bl {
            return TRUE;
        }
        if a == b || al >= bh {
            return FALSE;
        }
        if let Some(simpler) = self.traced(a, b, true) {
            return simpler;
        }
        let member = self.either(a, b);
        self.mask(Op::Lt(a, b), member)
    }

    pub fn le(&mut self, a: Ref, b: Ref) -> Ref {
        let ((al, ah), (bl, bh)) = (self.bounds(a), self.bounds(b));
        if a == b || ah <= bl {
            return TRUE;
        }
        if al > bh {
            return FALSE;
        }
        if let Some(simpler) = self.traced(a, b, false) {
            return simpler;
        }
        let member = self.either(a, b);
        self.mask(Op::Le(a, b), member)
    }

    /// A comparison with a constant, asked of what the other side was made from: an age of at least
    /// sixty is a day of birth up to some day, and no age need be computed.
    fn traced(&mut self, a: Ref, b: Ref, strict: bool) -> Option<Ref> {
        // `x < k` and `x <= k` alike as `x <= k`, and `k < x`, `k <= x` as `k <= x`.
        let (x, most, least) = match (self.is_const(a), self.is_const(b)) {
            (None, Some(k)) => (a, Some(i128::from(k) - i128::from(strict)), None),
            (Some(k), None) => (b, None, Some(i128::from(k) + i128::from(strict))),
            _ => return None,
        };
        let times = |by: i64| {
            let by = i128::from(by);
            // floor(y / by) <= k is y <= (k + 1) * by - 1; k <= floor(y / by) is k * by <= y.
            (most.map(|k| (k + 1) * by - 1), least.map(|k| k * by))
        };
        let node = self.node(x).op;
        let (y, most, least) = match node {
            Op::Floor(y, by) => {
                let (most, least) = times(self.is_const(by)?);
                (y, most, least)
            }
            Op::Shift(y, by) => {
                let (most, least) = times(1i64.checked_shl(by)?);
                (y, most, least)
            }
            Op::Add(p, q) | Op::Sub(p, q) if self.is_const(q).is_some() => {
                let c = i128::from(self.is_const(q)?);
                let c = if matches!(node, Op::Sub(..)) { -c } else { c };
                (p, most.map(|k| k - c), least.map(|k| k - c))
            }
            Op::Add(p, q) => {
                let c = i128::from(self.is_const(p)?);
                (q, most.map(|k| k - c), least.map(|k| k - c))
            }
            // c - y <= k is c - k <= y.
            Op::Sub(p, q) => {
                let c = i128::from(self.is_const(p)?);
                (q, least.map(|k| c - k), most.map(|k| c - k))
            }
            Op::Mul(p, q) => {
                let (by, y) = match (self.is_const(p), self.is_const(q)) {
                    (Some(by), _) => (by, q),
                    (_, Some(by)) => (by, p),
                    _ => return None,
                };
                if by <= 0 {
                    return None;
                }
                let by = i128::from(by);
                let up = |k: i128| -(-k).div_euclid(by);
                (y, most.map(|k| k.div_euclid(by)), least.map(up))
            }
            _ => return None,
        };
        let narrow =
            |(low, high): (i64, i64)| i32::try_from(low).is_ok() && i32::try_from(high).is_ok();
        if narrow(self.bounds(x)) && !narrow(self.bounds(y)) {
            return None;
        }
        let end = i64::try_from(most.or(least)?).ok()?;
        let end = self.constant(end);
        Some(if most.is_some() {
            self.le(y, end)
        } else {
            self.le(end, y)
        })
    }

    pub fn and(&mut self, a: Ref, b: Ref) -> Ref {
        match (a, b) {
            (FALSE, _) | (_, FALSE) => return FALSE,
            (TRUE, other) | (other, TRUE) => return other,
            _ if a == b => return a,
            _ => {}
        }
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let member = self.either(a, b);
        self.mask(Op::And(a, b), member)
    }

    pub fn or(&mut self, a: Ref, b: Ref) -> Ref {
        match (a, b) {
            (TRUE, _) | (_, TRUE) => return TRUE,
            (FALSE, other) | (other, FALSE) => return other,
            _ if a == b => return a,
            _ => {}
        }
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let member = self.either(a, b);
        self.mask(Op::Or(a, b), member)
    }

    pub fn and_not(&mut self, a: Ref, b: Ref) -> Ref {
        if a == b || a == FALSE || b == TRUE {
            return FALSE;
        }
        if b == FALSE {
            return a;
        }
        let negated = self.opposite(b);
        if let Some(negated) = negated {
            return self.and(a, negated);
        }
        let member = self.either(a, b);
        self.mask(Op::AndNot(a, b), member)
    }

    /// The complement of a mask when it is as simple as the mask.
    fn opposite(&mut self, a: Ref) -> Option<Ref> {
        match self.node(a).op {
            Op::Lt(x, y) => Some(self.le(y, x)),
            Op::Le(x, y) => Some(self.lt(y, x)),
            Op::AndNot(TRUE, x) => Some(x),
            _ => None,
        }
    }

    pub fn not(&mut self, a: Ref) -> Ref {
        self.and_not(TRUE, a)
    }

    pub fn select(&mut self, mask: Ref, a: Ref, b: Ref) -> Made {
        if mask == TRUE || a == b {
            return Ok(a);
        }
        if mask == FALSE {
            return Ok(b);
        }
        if let Op::AndNot(TRUE, inner) = self.node(mask).op {
            return self.select(inner, b, a);
        }
        let ((al, ah), (bl, bh)) = (self.wide(a), self.wide(b));
        let member = self.either(a, b) || self.node(mask).member;
        self.add(Op::Select(mask, a, b), al.min(bl), ah.max(bh), member)
    }

    /// A choice between masks, which is a mask.
    pub fn choose(&mut self, mask: Ref, a: Ref, b: Ref) -> Ref {
        match (a, b) {
            (TRUE, other) => return self.or(mask, other),
            (FALSE, other) => return self.and_not(other, mask),
            (other, FALSE) => return self.and(mask, other),
            (other, TRUE) => {
                let not = self.not(mask);
                return self.or(not, other);
            }
            _ => {}
        }
        self.select(mask, a, b).unwrap_or(FALSE)
    }
}
