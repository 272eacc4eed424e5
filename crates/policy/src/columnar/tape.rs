//! From a graph to a tape: instructions over blocks of lanes, with registers reused.
//!
//! Households of one batch have one size, so a value of every member is computed in a loop over the
//! members' places, each a stretch of lanes like those of the households themselves; a fold adds
//! each place's lanes to the household's. What a fold gives can be read by members again: hence
//! phases, each a stretch of household instructions and a loop.

use super::graph::{Graph, Op, Ref};

/// Where an operand's lanes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Src {
    Reg(u16),
    /// A register for each member: the first one's.
    Slot(u16),
    Const(i64),
    Column(u16),
    /// The stretch of the member at hand.
    MemberColumn(u16),
    Gap(u16),
    MemberGap(u16),
    /// The lanes of an output column, which serves as a register of its own.
    Out(u16),
}

/// What is done to each lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Code {
    Add,
    Sub,
    Mul,
    Min,
    Max,
    /// Any divisor above zero.
    Floor,
    /// By a constant: `((x - bias) * magic >> shift) + add`.
    Magic {
        bias: i32,
        magic: u32,
        shift: u32,
        add: i32,
    },
    Eq,
    Lt,
    Le,
    And,
    Or,
    AndNot,
    Select,
    Shift(u32),
    Bits(u32),
    Lookup(u16),
    Widen,
    Narrow,
    Copy,
    /// To an output column.
    Store(u16),
    FoldSum,
    FoldMin,
    FoldMax,
    FoldOr,
    /// `if a < b then c else d`, and its kin.
    SelectLt,
    SelectLe,
    SelectEq,
}

/// One instruction. `wide`: on 64-bit lanes; comparisons give 32-bit masks all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instr {
    pub code: Code,
    pub wide: bool,
    pub out: Src,
    pub args: [Src; 4],
}

/// Household instructions, then a loop over the members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase {
    pub household: Vec<Instr>,
    pub member: Vec<Instr>,
}

/// A compiled programme for households of one size.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    pub size: usize,
    pub phases: Vec<Phase>,
    /// Registers of 32 and of 64 bits.
    pub registers: [usize; 2],
    pub outputs: Vec<Output>,
    pub tables: Vec<Vec<i64>>,
}

/// An output column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub wide: bool,
    pub member: bool,
}

const NOTHING: Src = Src::Const(0);

/// A value of the tape before registers are given out.
#[derive(Clone, Copy, Debug)]
struct Virtual {
    wide: bool,
    slot: bool,
    first: usize,
    last: usize,
    register: Option<u16>,
    /// The output column that it is.
    home: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
enum Arg {
    None,
    Virtual(u32),
    Ready(Src),
}

struct Item {
    code: Code,
    wide: bool,
    out: Option<u32>,
    args: [Arg; 4],
}

struct Builder<'g> {
    graph: &'g Graph,
    phase: Vec<u32>,
    used: Vec<bool>,
    /// How often a node is read; a select's mask that is read once is fused.
    uses: Vec<u32>,
    virtuals: Vec<Virtual>,
    /// The virtual register of a node, by width.
    of: Vec<[Option<u32>; 2]>,
    items: Vec<Item>,
    outputs: Vec<Output>,
}

fn is_wide(graph: &Graph, at: Ref) -> bool {
    let (low, high) = graph.bounds(at);
    i32::try_from(low).is_err() || i32::try_from(high).is_err()
}

/// Makes the tape that computes `roots`, each into the output column of its place.
pub(crate) fn build(graph: &Graph, roots: &[Ref], tables: Vec<Vec<i64>>) -> Tape {
    let count = graph.nodes.len();
    let mut used = vec![false; count];
    let mut uses = vec![0u32; count];
    for &root in roots {
        used[root as usize] = true;
        uses[root as usize] += 2;
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
    let phases = (0..count)
        .filter(|&n| used[n])
        .map(|n| phase[n])
        .max()
        .unwrap_or(0);
    let mut builder = Builder {
        graph,
        phase,
        used,
        uses,
        virtuals: Vec::new(),
        of: vec![[None; 2]; count],
        items: Vec::new(),
        outputs: roots
            .iter()
            .map(|&r| Output {
                wide: is_wide(graph, r),
                member: graph.node(r).member,
            })
            .collect(),
    };
    for (n, &root) in roots.iter().enumerate() {
        // A root is computed where it is to stand.
        if builder.is_ready(root).is_none() {
            let v = builder.virtual_of(root, is_wide(graph, root)) as usize;
            builder.virtuals[v].home.get_or_insert(n as u16);
        }
    }
    builder.mark_slots();
    let mut stretches = Vec::new();
    for phase in 0..=phases {
        let start = builder.items.len();
        builder.household(phase);
        builder.stores(phase, false, roots);
        builder.prepare_folds(phase);
        let middle = builder.items.len();
        builder.members(phase);
        builder.stores(phase, true, roots);
        stretches.push((start, middle, builder.items.len()));
    }
    builder.finish(&stretches, tables)
}

impl Builder<'_> {
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

    /// Operands that need no register.
    fn is_ready(&self, at: Ref) -> Option<Src> {
        let node = self.graph.node(at);
        Some(match (node.op, node.member) {
            (Op::Const(value), _) => Src::Const(value),
            (Op::Column(n), false) => Src::Column(n as u16),
            (Op::Column(n), true) => Src::MemberColumn(n as u16),
            (Op::Gap(n), false) => Src::Gap(n as u16),
            (Op::Gap(n), true) => Src::MemberGap(n as u16),
            _ => return None,
        })
    }

    /// An operand at a width.
    fn arg(&mut self, at: Ref, wide: bool) -> Arg {
        if let Some(src) = self.is_ready(at) {
            if matches!(src, Src::Const(_)) || is_wide(self.graph, at) == wide {
                return Arg::Ready(src);
            }
            // A narrow column widened for this use.
            let out = self.fresh(true);
            self.emit(Code::Widen, true, Some(out), &[Arg::Ready(src)]);
            return Arg::Virtual(out);
        }
        let own = is_wide(self.graph, at);
        let v = self.virtual_of(at, own);
        if own == wide {
            return Arg::Virtual(v);
        }
        let out = self.fresh(true);
        self.emit(Code::Widen, true, Some(out), &[Arg::Virtual(v)]);
        Arg::Virtual(out)
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

    fn household(&mut self, phase: u32) {
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes[at];
            if self.used[at] && self.phase[at] == phase && !node.member && !node.op.is_fold() {
                self.compute(at as Ref);
            }
        }
    }

    fn members(&mut self, phase: u32) {
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes[at];
            if self.used[at] && self.phase[at] == phase && node.member {
                self.compute(at as Ref);
            }
        }
        for at in 0..self.graph.nodes.len() {
            let node = self.graph.nodes[at];
            if self.used[at] && node.op.is_fold() && self.phase[at] == phase + 1 {
                let wide = is_wide(self.graph, at as Ref);
                let (code, operand) = match node.op {
                    Op::FoldSum(a) => (Code::FoldSum, a),
                    Op::FoldMin(a) => (Code::FoldMin, a),
                    Op::FoldMax(a) => (Code::FoldMax, a),
                    Op::FoldOr(a) => (Code::FoldOr, a),
                    _ => continue,
                };
                let a = self.arg(operand, wide);
                let out = self.virtual_of(at as Ref, wide);
                self.emit(code, wide, Some(out), &[a]);
            }
        }
    }

    fn prepare_folds(&mut self, phase: u32) {
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
                self.emit(
                    Code::Copy,
                    wide,
                    Some(out),
                    &[Arg::Ready(Src::Const(start))],
                );
            }
        }
    }

    fn stores(&mut self, phase: u32, member: bool, roots: &[Ref]) {
        for (n, &root) in roots.iter().enumerate() {
            let node = self.graph.node(root);
            if self.phase[root as usize] == phase && node.member == member {
                let wide = is_wide(self.graph, root);
                let a = self.arg(root, wide);
                if let Arg::Virtual(v) = a
                    && self.virtuals[v as usize].home == Some(n as u16)
                {
                    continue;
                }
                self.emit(Code::Store(n as u16), wide, None, &[a]);
            }
        }
    }

    /// A comparison that only a choice reads is made in the choice itself.
    fn fused(&self, mask: Ref, wide: bool) -> Option<(Code, Ref, Ref)> {
        if self.uses[mask as usize] != 1 {
            return None;
        }
        let (code, a, b) = match self.graph.node(mask).op {
            Op::Lt(a, b) => (Code::SelectLt, a, b),
            Op::Le(a, b) => (Code::SelectLe, a, b),
            Op::Eq(a, b) => (Code::SelectEq, a, b),
            _ => return None,
        };
        (!wide && !is_wide(self.graph, a) && !is_wide(self.graph, b)).then_some((code, a, b))
    }

    fn is_fused(&self, at: Ref) -> bool {
        // Its one reader is the choice that it was made for.
        matches!(self.graph.node(at).op, Op::Lt(..) | Op::Le(..) | Op::Eq(..))
            && self.uses[at as usize] == 1
            && self.graph.nodes.iter().enumerate().any(|(n, node)| {
                self.used[n]
                    && matches!(node.op, Op::Select(m, _, _) if m == at)
                    && self.phase[n] == self.phase[at as usize]
                    && node.member == self.graph.node(at).member
                    && self.fused(at, is_wide(self.graph, n as Ref)).is_some()
            })
    }

    fn compute(&mut self, at: Ref) {
        let node = self.graph.node(at);
        if self.is_ready(at).is_some() || self.is_fused(at) {
            return;
        }
        let stored = is_wide(self.graph, at);
        let compares = matches!(node.op, Op::Eq(..) | Op::Lt(..) | Op::Le(..));
        let (code, args): (Code, Vec<Ref>) = match node.op {
            Op::Add(a, b) => (Code::Add, vec![a, b]),
            Op::Sub(a, b) => (Code::Sub, vec![a, b]),
            Op::Mul(a, b) => (Code::Mul, vec![a, b]),
            Op::Min(a, b) => (Code::Min, vec![a, b]),
            Op::Max(a, b) => (Code::Max, vec![a, b]),
            Op::Floor(a, b) => (Code::Floor, vec![a, b]),
            Op::Eq(a, b) => (Code::Eq, vec![a, b]),
            Op::Lt(a, b) => (Code::Lt, vec![a, b]),
            Op::Le(a, b) => (Code::Le, vec![a, b]),
            Op::And(a, b) => (Code::And, vec![a, b]),
            Op::Or(a, b) => (Code::Or, vec![a, b]),
            Op::AndNot(a, b) => (Code::AndNot, vec![a, b]),
            Op::Shift(a, by) => (Code::Shift(by), vec![a]),
            Op::Bits(a, mask) => (Code::Bits(mask), vec![a]),
            Op::Select(_, a, b) => (Code::Select, vec![a, b]),
            Op::Lookup(table) => (Code::Lookup(table as u16), vec![]),
            _ => return,
        };
        let wide = (stored && !compares) || args.iter().any(|&a| is_wide(self.graph, a));
        let mut code = code;
        let mut given: Vec<Arg> = Vec::new();
        if let Op::Select(mask, a, b) = node.op {
            match self.fused(mask, wide) {
                Some((fused, x, y)) if self.is_fused(mask) => {
                    code = fused;
                    given.extend([self.arg(x, false), self.arg(y, false)]);
                    // A constant on the left would leave nothing to run along: ask the opposite.
                    if self.graph.is_const(x).is_some() {
                        given.swap(0, 1);
                        code = match fused {
                            Code::SelectLt => Code::SelectLe,
                            Code::SelectLe => Code::SelectLt,
                            other => other,
                        };
                        if code != Code::SelectEq {
                            given.extend([self.arg(b, wide), self.arg(a, wide)]);
                        }
                    }
                }
                // Against zero a choice is bit arithmetic on its mask.
                _ if !wide && self.graph.is_const(b) == Some(0) => {
                    code = Code::And;
                    given.extend([self.arg(mask, false), self.arg(a, false)]);
                }
                _ if !wide && self.graph.is_const(a) == Some(0) => {
                    code = Code::AndNot;
                    given.extend([self.arg(b, false), self.arg(mask, false)]);
                }
                // Masks are 32 bits wide in either kind of choice.
                _ => given.push(self.arg(mask, false)),
            }
            if given.len() < 3 && !matches!(code, Code::And | Code::AndNot) {
                given.extend([self.arg(a, wide), self.arg(b, wide)]);
            }
        } else {
            if let Op::Floor(a, b) = node.op
                && let Some(by) = self.graph.is_const(b)
            {
                if by & (by - 1) == 0 {
                    code = Code::Shift(by.trailing_zeros());
                } else if !wide && let Some(magic) = magic(self.graph.bounds(a), by) {
                    code = magic;
                }
            }
            for &a in &args {
                given.push(self.arg(a, wide));
            }
            if matches!(code, Code::Magic { .. } | Code::Shift(_)) {
                given.truncate(1);
            }
        }
        let out = self.virtual_of(at, stored);
        if wide && !stored && !compares {
            let between = self.fresh(true);
            self.emit(code, true, Some(between), &given);
            self.emit(Code::Narrow, false, Some(out), &[Arg::Virtual(between)]);
        } else {
            self.emit(code, wide, Some(out), &given);
        }
    }

    /// Gives out registers and cuts the items into phases.
    fn finish(mut self, stretches: &[(usize, usize, usize)], tables: Vec<Vec<i64>>) -> Tape {
        for n in 0..self.items.len() {
            let (_, middle, end) = stretches
                .iter()
                .copied()
                .find(|(_, _, end)| n < *end)
                .unwrap_or((0, 0, 0));
            let item = &self.items[n];
            let reads = item.args.iter().filter_map(|a| match a {
                Arg::Virtual(v) => Some(*v),
                _ => None,
            });
            for v in reads.chain(item.out) {
                let v = &mut self.virtuals[v as usize];
                v.first = v.first.min(n);
                // What a loop reads from outside must last until the loop ends.
                let outside = n >= middle && v.first < middle;
                v.last = v.last.max(if outside { end } else { n });
            }
        }
        let size = self.graph.size.max(1) as usize;
        let mut free: [Vec<u16>; 2] = Default::default();
        let mut count = [0usize; 2];
        let mut live: Vec<u32> = Vec::new();
        for n in 0..self.items.len() {
            live.retain(|&v| {
                let known = &self.virtuals[v as usize];
                let over = known.last < n && !known.slot;
                if over && let Some(register) = known.register {
                    free[usize::from(known.wide)].push(register);
                }
                !over
            });
            let Some(out) = self.items[n].out else {
                continue;
            };
            let known = &mut self.virtuals[out as usize];
            if known.register.is_some() || known.home.is_some() {
                continue;
            }
            let class = usize::from(known.wide);
            let register = if known.slot {
                let register = count[class] as u16;
                count[class] += size;
                register
            } else {
                free[class].pop().unwrap_or_else(|| {
                    count[class] += 1;
                    count[class] as u16 - 1
                })
            };
            known.register = Some(register);
            live.push(out);
        }
        let src = |arg: &Arg| match arg {
            Arg::None => NOTHING,
            Arg::Ready(src) => *src,
            Arg::Virtual(v) => {
                let known = &self.virtuals[*v as usize];
                let register = known.register.unwrap_or(0);
                if let Some(home) = known.home {
                    Src::Out(home)
                } else if known.slot {
                    Src::Slot(register)
                } else {
                    Src::Reg(register)
                }
            }
        };
        let made: Vec<Instr> = self
            .items
            .iter()
            .map(|item| Instr {
                code: item.code,
                wide: item.wide,
                out: item.out.map_or(NOTHING, |v| src(&Arg::Virtual(v))),
                args: [
                    src(&item.args[0]),
                    src(&item.args[1]),
                    src(&item.args[2]),
                    src(&item.args[3]),
                ],
            })
            .collect();
        let phases = stretches
            .iter()
            .map(|&(start, middle, end)| Phase {
                household: made[start..middle].to_vec(),
                member: made[middle..end].to_vec(),
            })
            .collect();
        Tape {
            size: self.graph.size as usize,
            phases,
            registers: count,
            outputs: self.outputs,
            tables,
        }
    }
}

/// Division by a constant as a multiplication, for numerators of 31 bits after taking off a bias.
fn magic((low, high): (i64, i64), by: i64) -> Option<Code> {
    let first = low.div_euclid(by);
    let (first, bias) = if low >= 0 {
        (0, 0)
    } else {
        (first, first * by)
    };
    if high - bias >= 1 << 31 || by >= 1 << 31 {
        return None;
    }
    let log = 64 - (by as u64 - 1).leading_zeros();
    let magic = (1u128 << (31 + log)).div_ceil(by as u128);
    Some(Code::Magic {
        bias: i32::try_from(bias).ok()?,
        magic: u32::try_from(magic).ok()?,
        shift: 31 + log,
        add: i32::try_from(first).ok()?,
    })
}
