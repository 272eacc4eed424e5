//! From a graph to a tape: order, and operations that are computed together.

use super::graph::{Graph, Op, Ref};
use super::kernel::{fuses, fuses_onto};
use super::registers::{self, Arg, Draft, Item, Virtual};
use super::tape::{Bin, Code, Output, Src, Tape, Width};

struct Builder<'g> {
    graph: &'g Graph,
    phase: Vec<u32>,
    used: Vec<bool>,
    /// How often a node is read; what is read once may be computed where it is read.
    uses: Vec<u32>,
    /// The operand that a node computes together with itself.
    absorbs: Vec<Option<Ref>>,
    absorbed: Vec<bool>,
    virtuals: Vec<Virtual>,
    /// The virtual register of a node, by width.
    of: Vec<[Option<u32>; 2]>,
    /// The output columns that a node is.
    outputs_of: Vec<Vec<u16>>,
    items: Vec<Item>,
    outputs: Vec<Output>,
    constants: Vec<i64>,
    /// Comparisons with two constants that are one: what is compared, and both ends.
    spans: Vec<Option<(Ref, i64, i64)>>,
}

fn is_wide(graph: &Graph, at: Ref) -> bool {
    let (low, high) = graph.bounds(at);
    i32::try_from(low).is_err() || i32::try_from(high).is_err()
}

/// The width of a root's column; what is only kept takes no more than it needs.
fn width(graph: &Graph, at: Ref, kept: bool) -> Width {
    let (low, high) = graph.bounds(at);
    if is_wide(graph, at) {
        Width::Wide
    } else if kept && i8::try_from(low).is_ok() && i8::try_from(high).is_ok() {
        Width::Byte
    } else if kept && u16::try_from(low).is_ok() && u16::try_from(high).is_ok() {
        Width::Short
    } else {
        Width::Narrow
    }
}

/// Makes the tape that computes `roots`, each into the output column of its place. Those from
/// `kept` on are read by nobody but who wants to see them, and may be stored in fewer bits.
pub(crate) fn build(graph: &Graph, roots: &[Ref], kept: usize, tables: Vec<Vec<i64>>) -> Tape {
    let count = graph.nodes.len();
    let mut used = vec![false; count];
    let mut uses = vec![0u32; count];
    let mut outputs_of = vec![Vec::new(); count];
    for (n, &root) in roots.iter().enumerate() {
        used[root as usize] = true;
        uses[root as usize] += 2;
        outputs_of[root as usize].push(n as u16);
    }
    for at in (0..count).rev() {
        if used[at] {
            for operand in graph.nodes[at].op.operands() {
                used[operand as usize] = true;
                uses[operand as usize] += 1;
            }
        }
    }
    let mut phase = vec![0u32; count];
    for at in 0..count {
        let node = &graph.nodes[at];
        let deepest = node.op.operands().map(|o| phase[o as usize]).max();
        phase[at] = deepest.unwrap_or(0) + u32::from(node.op.is_fold());
    }
    let used_phases = (0..count).filter(|&n| used[n]).map(|n| phase[n]);
    let phases = used_phases.max().unwrap_or(0);
    let outputs = roots
        .iter()
        .enumerate()
        .map(|(n, &r)| Output {
            width: width(graph, r, n >= kept),
            member: graph.node(r).member,
        })
        .collect();
    let mut builder = Builder {
        graph,
        phase,
        used,
        uses,
        absorbs: vec![None; count],
        absorbed: vec![false; count],
        virtuals: Vec::new(),
        of: vec![[None; 2]; count],
        outputs_of,
        items: Vec::new(),
        outputs,
        constants: Vec::new(),
        spans: vec![None; count],
    };
    builder.absorb();
    builder.give_homes();
    builder.mark_slots();
    let mut stretches = Vec::new();
    for phase in 0..=phases {
        let start = builder.items.len();
        builder.household(phase);
        let middle = builder.items.len();
        builder.members(phase);
        stretches.push((start, middle, builder.items.len()));
    }
    registers::give_out(Draft {
        virtuals: builder.virtuals,
        items: builder.items,
        outputs: builder.outputs,
        stretches,
        size: graph.size as usize,
        tables,
        constants: builder.constants,
    })
}

impl Builder<'_> {
    /// The node as an operation of two operands of 32 bits.
    fn binary(&self, at: Ref) -> Option<(Bin, Ref, Ref)> {
        if self.spans[at as usize].is_some() {
            return None;
        }
        let (bin, a, b) = match self.graph.node(at).op {
            Op::Add(a, b) => (Bin::Add, a, b),
            Op::Sub(a, b) => (Bin::Sub, a, b),
            Op::Mul(a, b) => (Bin::Mul, a, b),
            Op::Min(a, b) => (Bin::Min, a, b),
            Op::Max(a, b) => (Bin::Max, a, b),
            Op::Eq(a, b) => (Bin::Eq, a, b),
            Op::Lt(a, b) => (Bin::Lt, a, b),
            Op::Le(a, b) => (Bin::Le, a, b),
            Op::And(a, b) => (Bin::And, a, b),
            Op::Or(a, b) => (Bin::Or, a, b),
            Op::AndNot(a, b) => (Bin::AndNot, a, b),
            // Against zero a choice is bit arithmetic on its mask.
            Op::Select(m, a, b) if self.graph.is_const(b) == Some(0) => (Bin::And, m, a),
            Op::Select(m, a, b) if self.graph.is_const(a) == Some(0) => (Bin::AndNot, b, m),
            _ => return None,
        };
        let wide = [at, a, b].into_iter().any(|n| is_wide(self.graph, n));
        (!wide).then_some((bin, a, b))
    }

    /// A choice that is no bit arithmetic, of 32 bits.
    fn choice(&self, at: Ref) -> Option<(Ref, Ref, Ref)> {
        match self.graph.node(at).op {
            Op::Select(m, a, b) if self.binary(at).is_none() && !is_wide(self.graph, at) => {
                Some((m, a, b))
            }
            _ => None,
        }
    }

    /// May `inner` be computed where `outer` is, its one reader?
    fn within(&self, inner: Ref, outer: Ref) -> bool {
        let (i, o) = (inner as usize, outer as usize);
        let here = self.phase[o] - u32::from(self.graph.node(outer).op.is_fold());
        let member = self.graph.node(outer).member || self.graph.node(outer).op.is_fold();
        self.uses[i] == 1
            && !self.absorbed[i]
            && self.is_ready(inner).is_none()
            && self.phase[i] == here
            && self.graph.node(inner).member == member
    }

    /// Two comparisons with constants that ask whether a number lies between them, and nobody else
    /// reads either: the number, both ends, and the comparisons.
    fn span(&self, outer: Ref) -> Option<((Ref, i64, i64), [Ref; 2])> {
        let Op::And(a, b) = self.graph.node(outer).op else {
            return None;
        };
        let end = |inner: Ref| {
            let (strict, x, y) = match self.graph.node(inner).op {
                Op::Le(x, y) => (0, x, y),
                Op::Lt(x, y) => (1, x, y),
                _ => return None,
            };
            if !self.within(inner, outer) || is_wide(self.graph, x) || is_wide(self.graph, y) {
                return None;
            }
            Some(match (self.graph.is_const(x), self.graph.is_const(y)) {
                (Some(low), None) => (y, Some(low + strict), None),
                (None, Some(high)) => (x, None, Some(high - strict)),
                _ => return None,
            })
        };
        let (low, high) = match (end(a)?, end(b)?) {
            ((x, Some(low), None), (y, None, Some(high)))
            | ((x, None, Some(high)), (y, Some(low), None))
                if x == y && low <= high =>
            {
                (low, high)
            }
            _ => return None,
        };
        let narrow = i32::try_from(low).is_ok() && i32::try_from(high).is_ok();
        narrow.then_some(((end(a)?.0, low, high), [a, b]))
    }

    /// Finds the pairs that are computed together, the readers first.
    fn absorb(&mut self) {
        for at in (0..self.graph.nodes.len()).rev() {
            let outer = at as Ref;
            if !self.used[at] || self.absorbed[at] || self.is_ready(outer).is_some() {
                continue;
            }
            if let Some((span, ends)) = self.span(outer) {
                self.spans[at] = Some(span);
                for end in ends {
                    self.absorbed[end as usize] = true;
                }
                continue;
            }
            let of = |b: &Self, inner: Ref| {
                let alone = b.within(inner, outer) && b.span(inner).is_none();
                alone.then(|| b.binary(inner)).flatten()
            };
            let found = match self.graph.node(outer).op {
                Op::FoldSum(x) if !is_wide(self.graph, outer) => {
                    let fold = of(self, x).is_some_and(|(first, ..)| fuses_onto(first));
                    let choice = self.within(x, outer) && self.choice(x).is_some();
                    (fold || choice).then_some(x)
                }
                // A sum's constant goes into the division's own.
                Op::Floor(x, by) if self.magic(x, by).is_some() => of(self, x)
                    .filter(|(first, a, b)| {
                        *first == Bin::Add
                            && [a, b].iter().any(|c| self.graph.is_const(**c).is_some())
                    })
                    .map(|_| x),
                _ => match (self.choice(outer), self.binary(outer)) {
                    (Some((mask, ..)), _) => of(self, mask)
                        .filter(|(first, ..)| matches!(first, Bin::Lt | Bin::Le | Bin::Eq))
                        .map(|_| mask),
                    (None, Some((second, a, b))) => [a, b].into_iter().find(|inner| {
                        a != b && of(self, *inner).is_some_and(|(first, ..)| fuses(first, second))
                    }),
                    _ => None,
                },
            };
            if let Some(inner) = found {
                self.absorbs[at] = Some(inner);
                self.absorbed[inner as usize] = true;
            }
        }
    }

    /// A root is computed where it is to stand, if that has a register's width.
    fn give_homes(&mut self) {
        for at in 0..self.graph.nodes.len() {
            let home = self.outputs_of[at].iter().copied().find(|n| {
                let width = self.outputs[*n as usize].width;
                matches!(width, Width::Narrow | Width::Wide)
            });
            if let (Some(home), None) = (home, self.is_ready(at as Ref)) {
                let v = self.virtual_of(at as Ref, is_wide(self.graph, at as Ref));
                self.virtuals[v as usize].home = Some(home);
                self.outputs_of[at].retain(|n| *n != home);
            }
        }
    }

    /// Members' values that a later phase reads need a register for every member.
    fn mark_slots(&mut self) {
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes[at];
            if !self.used[at] {
                continue;
            }
            let here = self.phase[at];
            for operand in node.op.operands() {
                let o = operand as usize;
                if !self.graph.nodes[o].member || self.is_ready(operand).is_some() {
                    continue;
                }
                let reads_in = if node.op.is_fold() { here - 1 } else { here };
                if self.phase[o] < reads_in {
                    let wide = is_wide(self.graph, operand);
                    let v = self.virtual_of(operand, wide);
                    self.virtuals[v as usize].slot = true;
                }
            }
        }
    }

    fn virtual_of(&mut self, at: Ref, wide: bool) -> u32 {
        if let Some(v) = self.of[at as usize][usize::from(wide)] {
            return v;
        }
        let v = self.fresh(wide);
        self.of[at as usize][usize::from(wide)] = Some(v);
        v
    }

    fn fresh(&mut self, wide: bool) -> u32 {
        self.virtuals.push(Virtual {
            wide,
            slot: false,
            first: usize::MAX,
            last: 0,
            register: None,
            home: None,
        });
        self.virtuals.len() as u32 - 1
    }

    /// Operands that need no register; which constant it is, [`Builder::constant`] says.
    fn is_ready(&self, at: Ref) -> Option<Src> {
        let node = self.graph.node(at);
        Some(match (node.op, node.member) {
            (Op::Const(_), _) => Src::Const(0),
            (Op::Column(n), false) => Src::Column(n as u16),
            (Op::Column(n), true) => Src::MemberColumn(n as u16),
            (Op::Gap(n), false) => Src::Gap(n as u16),
            (Op::Gap(n), true) => Src::MemberGap(n as u16),
            _ => return None,
        })
    }

    /// An operand at a width.
    fn arg(&mut self, at: Ref, wide: bool) -> Arg {
        let own = is_wide(self.graph, at);
        let src = match self.is_ready(at) {
            Some(Src::Const(_)) => return self.constant(self.graph.bounds(at).0),
            Some(src) => Arg::Ready(src),
            None => Arg::Virtual(self.virtual_of(at, own)),
        };
        if own == wide {
            return src;
        }
        // A narrow value widened for this use.
        let out = self.fresh(true);
        self.emit(Code::Widen, true, Some(out), &[src]);
        Arg::Virtual(out)
    }

    fn constant(&mut self, value: i64) -> Arg {
        let known = self.constants.iter().position(|c| *c == value);
        let place = known.unwrap_or_else(|| {
            self.constants.push(value);
            self.constants.len() - 1
        });
        Arg::Ready(Src::Const(place as u16))
    }

    fn emit(&mut self, code: Code, wide: bool, out: Option<u32>, args: &[Arg]) {
        let mut four = [Arg::None; 4];
        four[..args.len()].copy_from_slice(args);
        self.items.push(Item {
            code,
            wide,
            out,
            args: four,
        });
    }

    /// What households need before their members' turn, and where the members' folds begin.
    fn household(&mut self, phase: u32) {
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes[at];
            if !self.used[at] || node.member {
                continue;
            }
            if node.op.is_fold() {
                // Its value is there since the members' last turn.
                if self.phase[at] == phase {
                    self.stores(at as Ref);
                }
            } else if self.phase[at] == phase {
                self.compute(at as Ref);
                self.stores(at as Ref);
            }
        }
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes[at];
            if self.used[at] && node.op.is_fold() && self.phase[at] == phase + 1 {
                let wide = is_wide(self.graph, at as Ref);
                let start = match node.op {
                    Op::FoldMin(_) => node.high,
                    Op::FoldMax(_) => node.low,
                    _ => 0,
                };
                let out = self.virtual_of(at as Ref, wide);
                let start = self.constant(start);
                self.emit(Code::Copy, wide, Some(out), &[start]);
            }
        }
    }

    fn members(&mut self, phase: u32) {
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes[at];
            if !self.used[at] {
                continue;
            }
            if node.member && self.phase[at] == phase {
                self.compute(at as Ref);
                self.stores(at as Ref);
            } else if node.op.is_fold() && self.phase[at] == phase + 1 {
                self.fold(at as Ref);
            }
        }
    }

    fn fold(&mut self, at: Ref) {
        let wide = is_wide(self.graph, at);
        let (mut code, operand) = match self.graph.node(at).op {
            Op::FoldSum(a) => (Code::FoldSum, a),
            Op::FoldMin(a) => (Code::FoldMin, a),
            Op::FoldMax(a) => (Code::FoldMax, a),
            Op::FoldOr(a) => (Code::FoldOr, a),
            _ => return,
        };
        let mut given = Vec::new();
        match self.absorbs[at as usize] {
            Some(inner) => {
                if let Some((mask, a, b)) = self.choice(inner) {
                    code = Code::SelectOnto;
                    given.extend([mask, a, b]);
                } else if let Some((first, a, b)) = self.binary(inner) {
                    code = Code::Onto(first);
                    given.extend([a, b]);
                }
            }
            None => given.push(operand),
        }
        let given: Vec<Arg> = given.into_iter().map(|a| self.arg(a, wide)).collect();
        let out = self.virtual_of(at, wide);
        self.emit(code, wide, Some(out), &given);
    }

    /// Copies a root to the columns that it is not computed in.
    fn stores(&mut self, at: Ref) {
        for n in self.outputs_of[at as usize].clone() {
            let wide = is_wide(self.graph, at);
            let from = self.arg(at, wide);
            self.emit(Code::Store(n), wide, None, &[from]);
        }
    }

    fn compute(&mut self, at: Ref) {
        if self.is_ready(at).is_some() || self.absorbed[at as usize] {
            return;
        }
        if let Some((from, low, high)) = self.spans[at as usize] {
            let from = self.arg(from, false);
            let out = self.virtual_of(at, false);
            let (low, span) = (low as i32, (high - low) as u32);
            self.emit(Code::Within { low, span }, false, Some(out), &[from]);
            return;
        }
        let (code, wide, given) = match (self.binary(at), self.choice(at)) {
            (Some((second, a, b)), _) => {
                let (code, operands) = self.pair(at, second, a, b);
                (
                    code,
                    false,
                    operands.into_iter().map(|n| self.arg(n, false)).collect(),
                )
            }
            (None, Some((mask, a, b))) => {
                let (code, operands) = match self.absorbs[at as usize].and_then(|m| self.binary(m))
                {
                    Some((test, x, y)) => (Code::SelectBy(test), vec![x, y, a, b]),
                    None => (Code::Select, vec![mask, a, b]),
                };
                (
                    code,
                    false,
                    operands.into_iter().map(|n| self.arg(n, false)).collect(),
                )
            }
            _ => self.other(at),
        };
        let given: Vec<Arg> = given;
        let stored = is_wide(self.graph, at);
        let out = self.virtual_of(at, stored);
        if wide && !stored && !code.is_mask() {
            let between = self.fresh(true);
            self.emit(code, true, Some(between), &given);
            self.emit(Code::Narrow, false, Some(out), &[Arg::Virtual(between)]);
        } else {
            self.emit(code, wide, Some(out), &given);
        }
    }

    /// An operation with the one that it absorbed.
    fn pair(&self, at: Ref, second: Bin, a: Ref, b: Ref) -> (Code, Vec<Ref>) {
        let inner = self.absorbs[at as usize];
        match inner.and_then(|inner| Some((inner, self.binary(inner)?))) {
            Some((inner, (first, x, y))) => {
                let left = inner == a;
                let code = Code::Two {
                    first,
                    second,
                    left,
                };
                (code, vec![x, y, if left { b } else { a }])
            }
            None => (Code::Bin(second), vec![a, b]),
        }
    }

    /// What has 64 bits somewhere, or is neither an operation of two operands nor a choice.
    fn other(&mut self, at: Ref) -> (Code, bool, Vec<Arg>) {
        let node = self.graph.node(at);
        let (code, operands): (Code, Vec<Ref>) = match node.op {
            Op::Add(a, b) => (Code::Bin(Bin::Add), vec![a, b]),
            Op::Sub(a, b) => (Code::Bin(Bin::Sub), vec![a, b]),
            Op::Mul(a, b) => (Code::Bin(Bin::Mul), vec![a, b]),
            Op::Min(a, b) => (Code::Bin(Bin::Min), vec![a, b]),
            Op::Max(a, b) => (Code::Bin(Bin::Max), vec![a, b]),
            Op::Eq(a, b) => (Code::Bin(Bin::Eq), vec![a, b]),
            Op::Lt(a, b) => (Code::Bin(Bin::Lt), vec![a, b]),
            Op::Le(a, b) => (Code::Bin(Bin::Le), vec![a, b]),
            Op::Floor(a, by) => {
                if let Some((code, from)) = self.magic(a, by) {
                    let from = self.arg(from, false);
                    return (code, false, vec![from]);
                }
                match self.graph.is_const(by) {
                    Some(by) if by & (by - 1) == 0 => (Code::Shift(by.trailing_zeros()), vec![a]),
                    _ => (Code::Floor, vec![a, by]),
                }
            }
            Op::Shift(a, by) => (Code::Shift(by), vec![a]),
            Op::Bits(a, mask) => (Code::Bits(mask), vec![a]),
            Op::Lookup(table) => (Code::Lookup(table as u16), vec![]),
            Op::Select(_, a, b) => (Code::Select, vec![a, b]),
            // Masks have 32 bits and folds their own place.
            _ => (Code::Copy, vec![]),
        };
        let stored = is_wide(self.graph, at) && !code.is_mask();
        let wide = stored || operands.iter().any(|&a| is_wide(self.graph, a));
        let mut given = Vec::new();
        if let Op::Select(mask, ..) = node.op {
            given.push(self.arg(mask, false));
        }
        for operand in operands {
            given.push(self.arg(operand, wide));
        }
        (code, wide, given)
    }

    /// Division by a constant as a multiplication, for numerators of 31 bits after taking off a
    /// bias; and what it divides, which is `a` or what `a` adds a constant to.
    fn magic(&self, a: Ref, by: Ref) -> Option<(Code, Ref)> {
        let by = self.graph.is_const(by)?;
        if by & (by - 1) == 0 || is_wide(self.graph, a) {
            return None;
        }
        let (low, high) = self.graph.bounds(a);
        let (first, bias) = if low >= 0 {
            (0, 0)
        } else {
            (low.div_euclid(by), low.div_euclid(by) * by)
        };
        if high - bias >= 1 << 31 || by >= 1 << 31 {
            return None;
        }
        let log = 64 - (by as u64 - 1).leading_zeros();
        let magic = (1u128 << (31 + log)).div_ceil(by as u128);
        let mut code = (bias, a);
        if self.absorbed[a as usize]
            && let Op::Add(x, y) = self.graph.node(a).op
        {
            code = match (self.graph.is_const(x), self.graph.is_const(y)) {
                (Some(c), _) => (bias - c, y),
                (_, Some(c)) => (bias - c, x),
                _ => code,
            };
        }
        let (bias, from) = code;
        Some((
            Code::Magic {
                bias,
                magic: u32::try_from(magic).ok()?.into(),
                shift: i64::from(31 + log),
                add: first,
            },
            from,
        ))
    }
}
