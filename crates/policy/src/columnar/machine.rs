//! Runs a tape over a tile, block by block. The loops are over arrays of a known length, so that the
//! compiler turns them into vector instructions; nothing here can overflow, because bounds were
//! checked when the graph was made.

use super::column::{GRAIN, Lanes, Tile};
use super::tape::{Code, Instr, Src, Tape};

/// Lanes of a block: registers of this length stay in the first-level cache.
pub(crate) const BLOCK: usize = 512;

/// Output columns of one tile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    pub columns: Vec<Lanes>,
}

/// Registers, reused from tile to tile. One for each thread.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    narrow: Vec<Box<[i32]>>,
    wide: Vec<Box<[i64]>>,
}

/// An operand's lanes, or one value for all.
#[derive(Clone, Copy)]
enum Arg<'a, T> {
    Lanes(&'a [T]),
    One(T),
}

/// 32 or 64 bits.
trait Lane: Copy + Default + PartialOrd + 'static {
    fn of(value: i64) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn floor(self, other: Self) -> Self;
    fn bits(self, mask: u32) -> Self;
    fn shift(self, by: u32) -> Self;
    fn choose(mask: i32, a: Self, b: Self) -> Self;
    fn merge(self, other: Self) -> Self;
}

macro_rules! lane {
    ($t:ty) => {
        impl Lane for $t {
            #[inline(always)]
            fn of(value: i64) -> Self {
                value as $t
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn floor(self, other: Self) -> Self {
                if other > 0 { self.div_euclid(other) } else { 0 }
            }
            #[inline(always)]
            fn bits(self, mask: u32) -> Self {
                self & mask as $t
            }
            #[inline(always)]
            fn shift(self, by: u32) -> Self {
                self.wrapping_shr(by)
            }
            #[inline(always)]
            fn choose(mask: i32, a: Self, b: Self) -> Self {
                let mask = mask as $t;
                (a & mask) | (b & !mask)
            }
            #[inline(always)]
            fn merge(self, other: Self) -> Self {
                self | other
            }
        }
    };
}
lane!(i32);
lane!(i64);

#[inline(always)]
fn map<A: Copy, O: Copy>(out: &mut [O], a: Arg<'_, A>, f: impl Fn(A) -> O) {
    let (out, _) = out.as_chunks_mut::<GRAIN>();
    match a {
        Arg::Lanes(a) => {
            let (a, _) = a.as_chunks::<GRAIN>();
            for (out, a) in out.iter_mut().zip(a) {
                for i in 0..GRAIN {
                    out[i] = f(a[i]);
                }
            }
        }
        Arg::One(a) => {
            let value = f(a);
            for out in out {
                *out = [value; GRAIN];
            }
        }
    }
}

#[inline(always)]
fn zip<A: Copy, O: Copy>(out: &mut [O], a: Arg<'_, A>, b: Arg<'_, A>, f: impl Fn(A, A) -> O) {
    match (a, b) {
        (Arg::Lanes(a), Arg::Lanes(b)) => {
            let (out, _) = out.as_chunks_mut::<GRAIN>();
            let ((a, _), (b, _)) = (a.as_chunks::<GRAIN>(), b.as_chunks::<GRAIN>());
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                for i in 0..GRAIN {
                    out[i] = f(a[i], b[i]);
                }
            }
        }
        (Arg::Lanes(_), Arg::One(b)) => map(out, a, |a| f(a, b)),
        (Arg::One(a), b) => map(out, b, |b| f(a, b)),
    }
}

/// `f(out, a)` into `out`.
#[inline(always)]
fn gather<T: Copy>(out: &mut [T], a: Arg<'_, T>, f: impl Fn(T, T) -> T) {
    let (out, _) = out.as_chunks_mut::<GRAIN>();
    match a {
        Arg::Lanes(a) => {
            let (a, _) = a.as_chunks::<GRAIN>();
            for (out, a) in out.iter_mut().zip(a) {
                for i in 0..GRAIN {
                    out[i] = f(out[i], a[i]);
                }
            }
        }
        Arg::One(a) => {
            for out in out {
                for i in 0..GRAIN {
                    out[i] = f(out[i], a);
                }
            }
        }
    }
}

#[inline(always)]
fn choose<T: Lane>(out: &mut [T], mask: Arg<'_, i32>, a: Arg<'_, T>, b: Arg<'_, T>) {
    let mask = match mask {
        Arg::Lanes(mask) => mask,
        Arg::One(mask) => return zip(out, a, b, |a, b| T::choose(mask, a, b)),
    };
    let (out, _) = out.as_chunks_mut::<GRAIN>();
    let (mask, _) = mask.as_chunks::<GRAIN>();
    match (a, b) {
        (Arg::Lanes(a), Arg::Lanes(b)) => {
            let ((a, _), (b, _)) = (a.as_chunks::<GRAIN>(), b.as_chunks::<GRAIN>());
            for (((out, m), a), b) in out.iter_mut().zip(mask).zip(a).zip(b) {
                for i in 0..GRAIN {
                    out[i] = T::choose(m[i], a[i], b[i]);
                }
            }
        }
        (Arg::Lanes(a), Arg::One(b)) => {
            let (a, _) = a.as_chunks::<GRAIN>();
            for ((out, m), a) in out.iter_mut().zip(mask).zip(a) {
                for i in 0..GRAIN {
                    out[i] = T::choose(m[i], a[i], b);
                }
            }
        }
        (Arg::One(a), Arg::Lanes(b)) => {
            let (b, _) = b.as_chunks::<GRAIN>();
            for ((out, m), b) in out.iter_mut().zip(mask).zip(b) {
                for i in 0..GRAIN {
                    out[i] = T::choose(m[i], a, b[i]);
                }
            }
        }
        (Arg::One(a), Arg::One(b)) => {
            for (out, m) in out.iter_mut().zip(mask) {
                for i in 0..GRAIN {
                    out[i] = T::choose(m[i], a, b);
                }
            }
        }
    }
}

/// Chooses by a comparison of 32-bit lanes.
#[inline(always)]
fn choose_by(
    out: &mut [i32],
    [x, y, a, b]: [Arg<'_, i32>; 4],
    test: impl Fn(i32, i32) -> bool + Copy,
) {
    let pick = |x: i32, y: i32, a: i32, b: i32| if test(x, y) { a } else { b };
    let Arg::Lanes(x) = x else {
        // Rare: make the mask first, lane by lane.
        for (i, out) in out.iter_mut().enumerate() {
            let at = |arg: Arg<'_, i32>| match arg {
                Arg::Lanes(l) => l.get(i).copied().unwrap_or(0),
                Arg::One(v) => v,
            };
            *out = pick(at(x), at(y), at(a), at(b));
        }
        return;
    };
    let (out, _) = out.as_chunks_mut::<GRAIN>();
    let (x, _) = x.as_chunks::<GRAIN>();
    match (y, a, b) {
        (Arg::One(y), Arg::Lanes(a), Arg::Lanes(b)) => {
            let ((a, _), (b, _)) = (a.as_chunks::<GRAIN>(), b.as_chunks::<GRAIN>());
            for (((out, x), a), b) in out.iter_mut().zip(x).zip(a).zip(b) {
                for i in 0..GRAIN {
                    out[i] = pick(x[i], y, a[i], b[i]);
                }
            }
        }
        (Arg::One(y), Arg::One(a), Arg::Lanes(b)) => {
            let (b, _) = b.as_chunks::<GRAIN>();
            for ((out, x), b) in out.iter_mut().zip(x).zip(b) {
                for i in 0..GRAIN {
                    out[i] = pick(x[i], y, a, b[i]);
                }
            }
        }
        (Arg::One(y), Arg::Lanes(a), Arg::One(b)) => {
            let (a, _) = a.as_chunks::<GRAIN>();
            for ((out, x), a) in out.iter_mut().zip(x).zip(a) {
                for i in 0..GRAIN {
                    out[i] = pick(x[i], y, a[i], b);
                }
            }
        }
        (Arg::One(y), Arg::One(a), Arg::One(b)) => {
            for (out, x) in out.iter_mut().zip(x) {
                for i in 0..GRAIN {
                    out[i] = pick(x[i], y, a, b);
                }
            }
        }
        (Arg::Lanes(y), a, b) => {
            let (y, _) = y.as_chunks::<GRAIN>();
            for (n, ((out, x), y)) in out.iter_mut().zip(x).zip(y).enumerate() {
                let (mut va, mut vb) = ([0; GRAIN], [0; GRAIN]);
                fill(&mut va, a, n);
                fill(&mut vb, b, n);
                for i in 0..GRAIN {
                    out[i] = pick(x[i], y[i], va[i], vb[i]);
                }
            }
        }
    }
}

#[inline(always)]
fn fill(out: &mut [i32; GRAIN], from: Arg<'_, i32>, chunk: usize) {
    match from {
        Arg::One(value) => *out = [value; GRAIN],
        Arg::Lanes(lanes) => {
            let (lanes, _) = lanes.as_chunks::<GRAIN>();
            if let Some(lanes) = lanes.get(chunk) {
                *out = *lanes;
            }
        }
    }
}

/// A stretch of lanes of a tile.
struct Block<'t> {
    tile: &'t Tile,
    from: usize,
    lanes: usize,
    /// Which outputs have lanes for every member.
    outputs: &'t [super::tape::Output],
}

impl Block<'_> {
    /// Where an output's lanes lie in its column.
    fn stretch(&self, output: u16, slot: usize) -> std::ops::Range<usize> {
        let member = self.outputs.get(output as usize).is_some_and(|o| o.member);
        let from = if member { slot * self.tile.lanes } else { 0 } + self.from;
        from..from + self.lanes
    }
}

fn out32<'a>(out: &'a Results, n: u16, block: &Block<'_>, slot: usize) -> &'a [i32] {
    match out.columns.get(n as usize) {
        Some(Lanes::Narrow(v)) => v.get(block.stretch(n, slot)).unwrap_or_default(),
        _ => &[],
    }
}

fn out64<'a>(out: &'a Results, n: u16, block: &Block<'_>, slot: usize) -> &'a [i64] {
    match out.columns.get(n as usize) {
        Some(Lanes::Wide(v)) => v.get(block.stretch(n, slot)).unwrap_or_default(),
        _ => &[],
    }
}

impl Block<'_> {
    fn narrow(&self, column: u16, slot: usize) -> &[i32] {
        let from = slot * self.tile.lanes + self.from;
        match self.tile.values.get(column as usize) {
            Some(Lanes::Narrow(v)) => v.get(from..from + self.lanes).unwrap_or_default(),
            _ => &[],
        }
    }

    fn wide(&self, column: u16, slot: usize) -> &[i64] {
        let from = slot * self.tile.lanes + self.from;
        match self.tile.values.get(column as usize) {
            Some(Lanes::Wide(v)) => v.get(from..from + self.lanes).unwrap_or_default(),
            _ => &[],
        }
    }

    fn gap(&self, column: u16, slot: usize) -> &[i32] {
        let from = slot * self.tile.lanes + self.from;
        self.tile
            .gaps
            .get(column as usize)
            .and_then(|v| v.get(from..from + self.lanes))
            .unwrap_or_default()
    }
}

impl Machine {
    /// Runs a tape over a tile; `out` gets a column for each output.
    pub fn run(&mut self, tape: &Tape, tile: &Tile, out: &mut Results) {
        while self.narrow.len() < tape.registers[0] {
            self.narrow.push(vec![0; BLOCK].into_boxed_slice());
        }
        while self.wide.len() < tape.registers[1] {
            self.wide.push(vec![0; BLOCK].into_boxed_slice());
        }
        out.columns.resize_with(tape.outputs.len(), || Lanes::None);
        for (column, output) in out.columns.iter_mut().zip(&tape.outputs) {
            let length = if output.member {
                tile.lanes * tape.size
            } else {
                tile.lanes
            };
            match (&mut *column, output.wide) {
                (Lanes::Narrow(v), false) => v.resize(length, 0),
                (Lanes::Wide(v), true) => v.resize(length, 0),
                (other, false) => *other = Lanes::Narrow(vec![0; length]),
                (other, true) => *other = Lanes::Wide(vec![0; length]),
            }
        }
        for from in (0..tile.lanes).step_by(BLOCK) {
            let block = Block {
                tile,
                from,
                lanes: BLOCK.min(tile.lanes - from),
                outputs: &tape.outputs,
            };
            for phase in &tape.phases {
                for instr in &phase.household {
                    self.step(instr, &block, 0, tape, out);
                }
                if phase.member.is_empty() {
                    continue;
                }
                for slot in 0..tape.size {
                    for instr in &phase.member {
                        self.step(instr, &block, slot, tape, out);
                    }
                }
            }
        }
    }

    fn arg32<'a>(
        &'a self,
        src: Src,
        block: &'a Block<'_>,
        slot: usize,
        out: &'a Results,
    ) -> Arg<'a, i32> {
        match src {
            Src::Const(value) => Arg::One(value as i32),
            Src::Reg(r) => Arg::Lanes(&self.narrow[r as usize][..block.lanes]),
            Src::Slot(r) => Arg::Lanes(&self.narrow[r as usize + slot][..block.lanes]),
            Src::Column(c) => Arg::Lanes(block.narrow(c, 0)),
            Src::MemberColumn(c) => Arg::Lanes(block.narrow(c, slot)),
            Src::Gap(c) => Arg::Lanes(block.gap(c, 0)),
            Src::MemberGap(c) => Arg::Lanes(block.gap(c, slot)),
            Src::Out(n) => Arg::Lanes(out32(out, n, block, slot)),
        }
    }

    fn arg64<'a>(
        &'a self,
        src: Src,
        block: &'a Block<'_>,
        slot: usize,
        out: &'a Results,
    ) -> Arg<'a, i64> {
        match src {
            Src::Const(value) => Arg::One(value),
            Src::Reg(r) => Arg::Lanes(&self.wide[r as usize][..block.lanes]),
            Src::Slot(r) => Arg::Lanes(&self.wide[r as usize + slot][..block.lanes]),
            Src::Column(c) => Arg::Lanes(block.wide(c, 0)),
            Src::MemberColumn(c) => Arg::Lanes(block.wide(c, slot)),
            Src::Out(n) => Arg::Lanes(out64(out, n, block, slot)),
            Src::Gap(_) | Src::MemberGap(_) => Arg::One(0),
        }
    }

    fn step(
        &mut self,
        instr: &Instr,
        block: &Block<'_>,
        slot: usize,
        tape: &Tape,
        out: &mut Results,
    ) {
        let home = match (instr.code, instr.out) {
            (Code::Store(n), _) | (_, Src::Out(n)) => Some(n),
            _ => None,
        };
        if let Some(n) = home {
            let range = block.stretch(n, slot);
            let mut taken = std::mem::replace(&mut out.columns[n as usize], Lanes::None);
            match &mut taken {
                Lanes::Narrow(v) => {
                    self.narrow_step(instr, block, slot, tape, out, &mut v[range]);
                }
                Lanes::Wide(v) => self.wide_step(instr, block, slot, tape, out, &mut v[range]),
                Lanes::None => {}
            }
            out.columns[n as usize] = taken;
            return;
        }
        let register = match instr.out {
            Src::Reg(r) => r as usize,
            Src::Slot(r) => r as usize + slot,
            _ => return,
        };
        let mask = matches!(instr.code, Code::Eq | Code::Lt | Code::Le);
        if instr.wide && !mask {
            let mut taken = std::mem::take(&mut self.wide[register]);
            self.wide_step(instr, block, slot, tape, out, &mut taken[..block.lanes]);
            self.wide[register] = taken;
        } else {
            let mut taken = std::mem::take(&mut self.narrow[register]);
            self.narrow_step(instr, block, slot, tape, out, &mut taken[..block.lanes]);
            self.narrow[register] = taken;
        }
    }

    fn wide_step(
        &self,
        instr: &Instr,
        block: &Block<'_>,
        slot: usize,
        tape: &Tape,
        results: &Results,
        out: &mut [i64],
    ) {
        let arg = |n: usize| self.arg64(instr.args[n], block, slot, results);
        match instr.code {
            Code::Widen => map(
                out,
                self.arg32(instr.args[0], block, slot, results),
                i64::from,
            ),
            Code::Select => choose(
                out,
                self.arg32(instr.args[0], block, slot, results),
                arg(1),
                arg(2),
            ),
            Code::Lookup(table) => lookup(out, &tape.tables[table as usize], block, |v| v),
            code => common(code, out, arg(0), arg(1)),
        }
    }

    fn narrow_step(
        &self,
        instr: &Instr,
        block: &Block<'_>,
        slot: usize,
        tape: &Tape,
        results: &Results,
        out: &mut [i32],
    ) {
        let arg = |n: usize| self.arg32(instr.args[n], block, slot, results);
        let four = || [arg(0), arg(1), arg(2), arg(3)];
        match instr.code {
            Code::Eq | Code::Lt | Code::Le if instr.wide => {
                let (a, b) = (
                    self.arg64(instr.args[0], block, slot, results),
                    self.arg64(instr.args[1], block, slot, results),
                );
                compare(instr.code, out, a, b);
            }
            Code::Eq | Code::Lt | Code::Le => compare(instr.code, out, arg(0), arg(1)),
            Code::And => zip(out, arg(0), arg(1), |a, b| a & b),
            Code::Or => zip(out, arg(0), arg(1), |a, b| a | b),
            Code::AndNot => zip(out, arg(0), arg(1), |a, b| a & !b),
            Code::Select => choose(out, arg(0), arg(1), arg(2)),
            Code::SelectLt => choose_by(out, four(), |x, y| x < y),
            Code::SelectLe => choose_by(out, four(), |x, y| x <= y),
            Code::SelectEq => choose_by(out, four(), |x, y| x == y),
            Code::Narrow => {
                let a = self.arg64(instr.args[0], block, slot, results);
                map(out, a, |a| a as i32);
            }
            Code::Magic {
                bias,
                magic,
                shift,
                add,
            } => {
                let magic = u64::from(magic);
                map(out, arg(0), |x: i32| {
                    let x = u64::from(x.wrapping_sub(bias) as u32);
                    (((x * magic) >> shift) as i32).wrapping_add(add)
                });
            }
            Code::Lookup(table) => lookup(out, &tape.tables[table as usize], block, |v| v as i32),
            code => common(code, out, arg(0), arg(1)),
        }
    }
}

#[inline(always)]
fn compare<T: Lane>(code: Code, out: &mut [i32], a: Arg<'_, T>, b: Arg<'_, T>) {
    match code {
        Code::Eq => zip(out, a, b, |a, b| -i32::from(a == b)),
        Code::Lt => zip(out, a, b, |a, b| -i32::from(a < b)),
        _ => zip(out, a, b, |a, b| -i32::from(a <= b)),
    }
}

fn common<T: Lane>(code: Code, out: &mut [T], a: Arg<'_, T>, b: Arg<'_, T>) {
    match code {
        Code::Add => zip(out, a, b, T::plus),
        Code::Sub => zip(out, a, b, T::minus),
        Code::Mul => zip(out, a, b, T::times),
        Code::Min => zip(out, a, b, |a, b| if b < a { b } else { a }),
        Code::Max => zip(out, a, b, |a, b| if b > a { b } else { a }),
        Code::Floor => zip(out, a, b, T::floor),
        Code::Shift(by) => map(out, a, |a| a.shift(by)),
        Code::Bits(mask) => map(out, a, |a| a.bits(mask)),
        Code::Copy | Code::Store(_) => map(out, a, |a| a),
        Code::FoldSum => gather(out, a, T::plus),
        Code::FoldOr => gather(out, a, T::merge),
        Code::FoldMin => gather(out, a, |o, a| if a < o { a } else { o }),
        Code::FoldMax => gather(out, a, |o, a| if a > o { a } else { o }),
        _ => out.fill(T::of(0)),
    }
}

fn lookup<T: Copy>(out: &mut [T], table: &[i64], block: &Block<'_>, f: impl Fn(i64) -> T) {
    let places = &block.tile.places[block.from..block.from + block.lanes];
    let last = table.len().saturating_sub(1);
    for (out, place) in out.iter_mut().zip(places) {
        *out = f(table[(*place as usize).min(last)]);
    }
}
