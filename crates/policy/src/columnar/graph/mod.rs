//! Expressions over whole columns: total functions on bounded integers, each written once.
//!
//! A node is a value of every household, or of every member of every household. All values are
//! integers whose bounds are known when the node is made, so that no operation can overflow: what
//! would not fit 64 bits is refused here and goes by the row road. A mask is 0 or -1, so that
//! choosing is bit arithmetic. What may be unknown has a mask of its own beside it.

mod masks;

use std::collections::HashMap;

/// A node's number.
pub(crate) type Ref = u32;

/// Shifts and masks of a day packed as `(year * 12 + month - 1) << 5 | day`, whose order is that of
/// the calendar.
pub(crate) const DAY_BITS: u32 = 5;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Const(i64),
    /// An input column.
    Column(u32),
    /// Where an input column is unknown: a mask.
    Gap(u32),
    /// A parameter's value by place: a table.
    Lookup(u32),
    Add(Ref, Ref),
    Sub(Ref, Ref),
    Mul(Ref, Ref),
    Min(Ref, Ref),
    Max(Ref, Ref),
    /// The quotient rounded down; the divisor is above zero.
    Floor(Ref, Ref),
    Eq(Ref, Ref),
    Lt(Ref, Ref),
    Le(Ref, Ref),
    And(Ref, Ref),
    Or(Ref, Ref),
    /// The first and not the second.
    AndNot(Ref, Ref),
    Select(Ref, Ref, Ref),
    Shift(Ref, u32),
    Bits(Ref, u32),
    /// Over the members of each household.
    FoldSum(Ref),
    FoldMin(Ref),
    FoldMax(Ref),
    FoldOr(Ref),
}

impl Op {
    /// The nodes that it reads.
    pub fn operands(self) -> impl Iterator<Item = Ref> {
        let three = match self {
            Op::Const(_) | Op::Column(_) | Op::Gap(_) | Op::Lookup(_) => [None; 3],
            Op::Add(a, b)
            | Op::Sub(a, b)
            | Op::Mul(a, b)
            | Op::Min(a, b)
            | Op::Max(a, b)
            | Op::Floor(a, b)
            | Op::Eq(a, b)
            | Op::Lt(a, b)
            | Op::Le(a, b)
            | Op::And(a, b)
            | Op::Or(a, b)
            | Op::AndNot(a, b) => [Some(a), Some(b), None],
            Op::Select(m, a, b) => [Some(m), Some(a), Some(b)],
            Op::Shift(a, _)
            | Op::Bits(a, _)
            | Op::FoldSum(a)
            | Op::FoldMin(a)
            | Op::FoldMax(a)
            | Op::FoldOr(a) => [Some(a), None, None],
        };
        three.into_iter().flatten()
    }

    pub fn is_fold(self) -> bool {
        matches!(
            self,
            Op::FoldSum(_) | Op::FoldMin(_) | Op::FoldMax(_) | Op::FoldOr(_)
        )
    }
}

/// A node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub op: Op,
    /// Least and greatest value that can occur.
    pub low: i64,
    pub high: i64,
    /// One value for every member, not for every household.
    pub member: bool,
}

/// Why something cannot run in columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cannot(pub &'static str);

pub(crate) type Made<T = Ref> = Result<T, Cannot>;

/// The nodes, operands before those that read them; none twice.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub nodes: Vec<Node>,
    known: HashMap<Op, Ref>,
    /// Members of each household of the batch.
    pub size: i64,
}

/// Nodes that every graph has.
pub(crate) const FALSE: Ref = 0;
pub(crate) const TRUE: Ref = 1;

impl Graph {
    pub fn new(size: usize) -> Graph {
        let mut graph = Graph {
            size: size as i64,
            ..Graph::default()
        };
        graph.constant(0);
        graph.constant(-1);
        graph
    }

    fn add(&mut self, op: Op, low: i128, high: i128, member: bool) -> Made {
        if let Some(&known) = self.known.get(&op) {
            return Ok(known);
        }
        let (Ok(low), Ok(high)) = (i64::try_from(low), i64::try_from(high)) else {
            return Err(Cannot("a number may need more than 64 bits"));
        };
        let at = self.nodes.len() as Ref;
        self.nodes.push(Node {
            op,
            low,
            high,
            member,
        });
        self.known.insert(op, at);
        Ok(at)
    }

    fn mask(&mut self, op: Op, member: bool) -> Ref {
        self.add(op, -1, 0, member).unwrap_or(FALSE)
    }

    pub fn node(&self, at: Ref) -> Node {
        self.nodes[at as usize]
    }

    pub fn bounds(&self, at: Ref) -> (i64, i64) {
        let node = self.node(at);
        (node.low, node.high)
    }

    pub fn is_const(&self, at: Ref) -> Option<i64> {
        match self.node(at).op {
            Op::Const(value) => Some(value),
            _ => None,
        }
    }

    fn wide(&self, at: Ref) -> (i128, i128) {
        let (low, high) = self.bounds(at);
        (low.into(), high.into())
    }

    fn either(&self, a: Ref, b: Ref) -> bool {
        self.node(a).member || self.node(b).member
    }

    pub fn constant(&mut self, value: i64) -> Ref {
        self.add(Op::Const(value), value.into(), value.into(), false)
            .unwrap_or(FALSE)
    }

    /// An input: constant when its bounds are.
    pub fn column(&mut self, column: u32, low: i64, high: i64, member: bool) -> Made {
        if low == high {
            return Ok(self.constant(low));
        }
        self.add(Op::Column(column), low.into(), high.into(), member)
    }

    pub fn gap(&mut self, column: u32, member: bool) -> Ref {
        self.mask(Op::Gap(column), member)
    }

    pub fn lookup(&mut self, table: u32, low: i64, high: i64) -> Made {
        self.add(Op::Lookup(table), low.into(), high.into(), false)
    }

    pub fn plus(&mut self, a: Ref, b: Ref) -> Made {
        let ((al, ah), (bl, bh)) = (self.wide(a), self.wide(b));
        match (self.is_const(a), self.is_const(b)) {
            (Some(0), _) => return Ok(b),
            (_, Some(0)) => return Ok(a),
            (Some(_), Some(_)) => return self.fixed(al + bl),
            _ => {}
        }
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let member = self.either(a, b);
        self.add(Op::Add(a, b), al + bl, ah + bh, member)
    }

    fn fixed(&mut self, value: i128) -> Made {
        i64::try_from(value)
            .map(|v| self.constant(v))
            .map_err(|_| Cannot("a number may need more than 64 bits"))
    }

    pub fn minus(&mut self, a: Ref, b: Ref) -> Made {
        let ((al, ah), (bl, bh)) = (self.wide(a), self.wide(b));
        if a == b {
            return Ok(FALSE);
        }
        match (self.is_const(a), self.is_const(b)) {
            (_, Some(0)) => return Ok(a),
            (Some(_), Some(_)) => return self.fixed(al - bl),
            _ => {}
        }
        let member = self.either(a, b);
        self.add(Op::Sub(a, b), al - bh, ah - bl, member)
    }

    pub fn times(&mut self, a: Ref, b: Ref) -> Made {
        let ((al, ah), (bl, bh)) = (self.wide(a), self.wide(b));
        match (self.is_const(a), self.is_const(b)) {
            (Some(0), _) | (_, Some(0)) => return Ok(FALSE),
            (Some(1), _) => return Ok(b),
            (_, Some(1)) => return Ok(a),
            (Some(_), Some(_)) => return self.fixed(al * bl),
            _ => {}
        }
        // A constant goes into a choice between constants.
        for (x, by) in [(a, b), (b, a)] {
            if let (Some(by), true) = (self.is_const(by), self.is_choice_of_constants(x, 8))
                && let Some(made) = self.times_leaves(x, by)
            {
                return Ok(made);
            }
        }
        let ends = [al * bl, al * bh, ah * bl, ah * bh];
        let low = ends.into_iter().min().unwrap_or(0);
        let high = ends.into_iter().max().unwrap_or(0);
        let (a, b) = if a <= b { (a, b) } else { (b, a) };
        let member = self.either(a, b);
        self.add(Op::Mul(a, b), low, high, member)
    }

    fn is_choice_of_constants(&self, at: Ref, depth: u32) -> bool {
        let leaf = |at| self.is_const(at).is_some();
        match self.node(at).op {
            Op::Select(_, a, b) if depth > 0 => {
                leaf(a) && (leaf(b) || self.is_choice_of_constants(b, depth - 1))
            }
            _ => false,
        }
    }

    fn times_leaves(&mut self, at: Ref, by: i64) -> Option<Ref> {
        match self.node(at).op {
            Op::Const(value) => value.checked_mul(by).map(|v| self.constant(v)),
            Op::Select(mask, a, b) => {
                let (a, b) = (self.times_leaves(a, by)?, self.times_leaves(b, by)?);
                self.select(mask, a, b).ok()
            }
            _ => None,
        }
    }

    pub fn least(&mut self, a: Ref, b: Ref) -> Made {
        let ((al, ah), (bl, bh)) = (self.wide(a), self.wide(b));
        if a == b || ah <= bl {
            return Ok(a);
        }
        if bh <= al {
            return Ok(b);
        }
        let member = self.either(a, b);
        self.add(Op::Min(a, b), al.min(bl), ah.min(bh), member)
    }

    pub fn greatest(&mut self, a: Ref, b: Ref) -> Made {
        let ((al, ah), (bl, bh)) = (self.wide(a), self.wide(b));
        if a == b || al >= bh {
            return Ok(a);
        }
        if bl >= ah {
            return Ok(b);
        }
        let member = self.either(a, b);
        self.add(Op::Max(a, b), al.max(bl), ah.max(bh), member)
    }

    /// The quotient rounded down. The divisor's bounds must lie above zero.
    pub fn floor(&mut self, a: Ref, b: Ref) -> Made {
        let ((al, ah), (bl, bh)) = (self.wide(a), self.wide(b));
        if bl <= 0 {
            return Err(Cannot("a divisor that may be zero or less"));
        }
        if bl == 1 && bh == 1 {
            return Ok(a);
        }
        let ends = [
            al.div_euclid(bl),
            al.div_euclid(bh),
            ah.div_euclid(bl),
            ah.div_euclid(bh),
        ];
        let low = ends.into_iter().min().unwrap_or(0);
        let high = ends.into_iter().max().unwrap_or(0);
        if low == high {
            return self.fixed(low);
        }
        let member = self.either(a, b);
        self.add(Op::Floor(a, b), low, high, member)
    }

    /// The quotient rounded up, by a constant-bounds divisor above zero.
    pub fn ceiling(&mut self, a: Ref, b: Ref) -> Made {
        let one = self.constant(1);
        let less = self.minus(b, one)?;
        let sum = self.plus(a, less)?;
        self.floor(sum, b)
    }

    pub fn shift(&mut self, a: Ref, by: u32) -> Made {
        if let Some(value) = self.is_const(a) {
            return Ok(self.constant(value >> by));
        }
        let (low, high) = self.wide(a);
        let member = self.node(a).member;
        self.add(Op::Shift(a, by), low >> by, high >> by, member)
    }

    pub fn bits(&mut self, a: Ref, mask: u32) -> Made {
        if let Some(value) = self.is_const(a) {
            return Ok(self.constant(value & i64::from(mask)));
        }
        let member = self.node(a).member;
        self.add(Op::Bits(a, mask), 0, mask.into(), member)
    }

    /// One for true, zero for false.
    pub fn count_of(&mut self, mask: Ref) -> Made {
        self.minus(FALSE, mask)
    }

    pub fn fold_sum(&mut self, a: Ref) -> Made {
        let size = self.size;
        if size == 0 {
            return Ok(FALSE);
        }
        if !self.node(a).member {
            let size = self.constant(size);
            return self.times(a, size);
        }
        let (low, high) = self.wide(a);
        self.add(
            Op::FoldSum(a),
            low * i128::from(size),
            high * i128::from(size),
            false,
        )
    }

    pub fn fold_or(&mut self, a: Ref) -> Ref {
        if self.size == 0 {
            return FALSE;
        }
        if !self.node(a).member {
            return a;
        }
        self.mask(Op::FoldOr(a), false)
    }

    /// The least or the greatest; of a household without members any value.
    pub fn fold_end(&mut self, a: Ref, greatest: bool) -> Made {
        if self.size == 0 {
            return Ok(FALSE);
        }
        if !self.node(a).member {
            return Ok(a);
        }
        let (low, high) = self.wide(a);
        let op = if greatest {
            Op::FoldMax(a)
        } else {
            Op::FoldMin(a)
        };
        self.add(op, low, high, false)
    }

    /// Takes over the nodes of another graph for households of the same size that `wanted` are made
    /// of, and says which nodes they are here. What is the same in both is there once. `tables` says
    /// which number each of the other's tables has here.
    pub fn take_over(&mut self, other: &Graph, wanted: &[Ref], tables: &[u32]) -> Vec<Ref> {
        let mut used = vec![false; other.nodes.len()];
        for &root in wanted {
            used[root as usize] = true;
        }
        for at in (0..other.nodes.len()).rev() {
            if used[at] {
                for operand in other.nodes[at].op.operands() {
                    used[operand as usize] = true;
                }
            }
        }
        let mut here = vec![FALSE; other.nodes.len()];
        for (at, node) in other.nodes.iter().enumerate() {
            if !used[at] {
                continue;
            }
            let m = |r: Ref| here[r as usize];
            let op = match node.op {
                Op::Const(_) | Op::Column(_) | Op::Gap(_) => node.op,
                Op::Lookup(table) => {
                    Op::Lookup(tables.get(table as usize).copied().unwrap_or(table))
                }
                Op::Add(a, b) => Op::Add(m(a).min(m(b)), m(a).max(m(b))),
                Op::Mul(a, b) => Op::Mul(m(a).min(m(b)), m(a).max(m(b))),
                Op::Eq(a, b) => Op::Eq(m(a).min(m(b)), m(a).max(m(b))),
                Op::And(a, b) => Op::And(m(a).min(m(b)), m(a).max(m(b))),
                Op::Or(a, b) => Op::Or(m(a).min(m(b)), m(a).max(m(b))),
                Op::Sub(a, b) => Op::Sub(m(a), m(b)),
                Op::Min(a, b) => Op::Min(m(a), m(b)),
                Op::Max(a, b) => Op::Max(m(a), m(b)),
                Op::Floor(a, b) => Op::Floor(m(a), m(b)),
                Op::Lt(a, b) => Op::Lt(m(a), m(b)),
                Op::Le(a, b) => Op::Le(m(a), m(b)),
                Op::AndNot(a, b) => Op::AndNot(m(a), m(b)),
                Op::Select(c, a, b) => Op::Select(m(c), m(a), m(b)),
                Op::Shift(a, by) => Op::Shift(m(a), by),
                Op::Bits(a, mask) => Op::Bits(m(a), mask),
                Op::FoldSum(a) => Op::FoldSum(m(a)),
                Op::FoldMin(a) => Op::FoldMin(m(a)),
                Op::FoldMax(a) => Op::FoldMax(m(a)),
                Op::FoldOr(a) => Op::FoldOr(m(a)),
            };
            let made = self.add(op, node.low.into(), node.high.into(), node.member);
            here[at] = made.unwrap_or(FALSE);
        }
        wanted.iter().map(|r| here[*r as usize]).collect()
    }
}
