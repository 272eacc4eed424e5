//! Runs a tape over a tile, block by block. The loops are over arrays of a known length, so that the
//! compiler turns them into vector instructions; nothing here can overflow, because bounds were
//! checked when the graph was made.

use super::column::{GRAIN, Lanes, Tile};
use super::kernel::{Feed, Kernel};
use super::tape::{Code, Instr, Output, Src, Tape};

/// Lanes of a block: what a tape holds at a time stays in the second-level cache, and each instruction
/// has enough to do that choosing it does not show.
pub(crate) const BLOCK: usize = 2048;

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
    constants: Constants,
    kernel: Kernel,
}

/// A tape's constants, each as often as a loop reads it at a time, in both widths.
#[derive(Debug, Default)]
struct Constants {
    narrow: Vec<[i32; GRAIN]>,
    wide: Vec<[i64; GRAIN]>,
}

/// What is read of an operand that there is not.
static NIL32: [i32; GRAIN] = [0; GRAIN];
static NIL64: [i64; GRAIN] = [0; GRAIN];

/// A stretch of lanes of a tile.
struct Block<'t> {
    tile: &'t Tile,
    from: usize,
    lanes: usize,
    /// Which outputs have lanes for every member.
    outputs: &'t [Output],
}

impl Block<'_> {
    /// Where an output's lanes lie in its column.
    #[inline(always)]
    fn stretch(&self, output: u16, slot: usize) -> std::ops::Range<usize> {
        let member = self.outputs.get(output as usize).is_some_and(|o| o.member);
        let from = if member { slot * self.tile.lanes } else { 0 } + self.from;
        from..from + self.lanes
    }

    #[inline(always)]
    fn narrow(&self, column: u16, slot: usize) -> &[i32] {
        let from = slot * self.tile.lanes + self.from;
        match self.tile.values.get(column as usize) {
            Some(Lanes::Narrow(v)) => v.get(from..from + self.lanes).unwrap_or_default(),
            _ => &[],
        }
    }

    #[inline(always)]
    fn wide(&self, column: u16, slot: usize) -> &[i64] {
        let from = slot * self.tile.lanes + self.from;
        match self.tile.values.get(column as usize) {
            Some(Lanes::Wide(v)) => v.get(from..from + self.lanes).unwrap_or_default(),
            _ => &[],
        }
    }

    #[inline(always)]
    fn gap(&self, column: u16, slot: usize) -> &[i32] {
        let from = slot * self.tile.lanes + self.from;
        let gaps = self.tile.gaps.get(column as usize);
        gaps.and_then(|v| v.get(from..from + self.lanes))
            .unwrap_or_default()
    }
}

impl Machine {
    /// With the loops of one compilation.
    #[cfg(test)]
    pub fn with(kernel: Kernel) -> Machine {
        Machine {
            kernel,
            ..Machine::default()
        }
    }

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
            let places = if output.member { tape.size } else { 1 };
            column.shape(output.width, tile.lanes * places);
        }
        let Constants { narrow, wide } = &mut self.constants;
        narrow.clear();
        narrow.extend(tape.constants.iter().map(|c| [*c as i32; GRAIN]));
        wide.clear();
        if tape.stretches.iter().flat_map(|s| &s.code).any(|i| i.wide) {
            wide.extend(tape.constants.iter().map(|c| [*c; GRAIN]));
        }
        for from in (0..tile.lanes).step_by(BLOCK) {
            let block = Block {
                tile,
                from,
                lanes: BLOCK.min(tile.lanes - from),
                outputs: &tape.outputs,
            };
            for stretch in &tape.stretches {
                // Members' instructions run once for each place in the household.
                let slots = if stretch.member { tape.size } else { 1 };
                for slot in 0..slots {
                    for instr in &stretch.code {
                        self.step(instr, &block, slot, tape, out);
                    }
                }
            }
        }
    }

    /// Outcome codes one to three, counted, and amounts added up.
    pub fn tally(&self, codes: &[i32], amounts: &[i32]) -> ([u64; 3], i64) {
        self.kernel.tally(codes, amounts)
    }

    fn feed32<'a>(
        &'a self,
        src: Src,
        block: &'a Block<'_>,
        slot: usize,
        out: &'a Results,
    ) -> Feed<'a, i32> {
        Feed::lanes(match src {
            Src::Reg(r) => &self.narrow[r as usize][..block.lanes],
            Src::Slot(r) => &self.narrow[r as usize + slot][..block.lanes],
            Src::Column(c) => block.narrow(c, 0),
            Src::MemberColumn(c) => block.narrow(c, slot),
            Src::Gap(c) => block.gap(c, 0),
            Src::MemberGap(c) => block.gap(c, slot),
            Src::Out(n) => match out.columns.get(n as usize) {
                Some(Lanes::Narrow(v)) => v.get(block.stretch(n, slot)).unwrap_or_default(),
                _ => &[],
            },
            Src::Nothing => return Feed::constant(&NIL32),
            Src::Const(n) => return Feed::constant(&self.constants.narrow[n as usize]),
        })
    }

    fn feed64<'a>(
        &'a self,
        src: Src,
        block: &'a Block<'_>,
        slot: usize,
        out: &'a Results,
    ) -> Feed<'a, i64> {
        Feed::lanes(match src {
            Src::Reg(r) => &self.wide[r as usize][..block.lanes],
            Src::Slot(r) => &self.wide[r as usize + slot][..block.lanes],
            Src::Column(c) => block.wide(c, 0),
            Src::MemberColumn(c) => block.wide(c, slot),
            Src::Out(n) => match out.columns.get(n as usize) {
                Some(Lanes::Wide(v)) => v.get(block.stretch(n, slot)).unwrap_or_default(),
                _ => &[],
            },
            Src::Gap(_) | Src::MemberGap(_) | Src::Nothing => return Feed::constant(&NIL64),
            Src::Const(n) => return Feed::constant(&self.constants.wide[n as usize]),
        })
    }

    fn step(
        &mut self,
        instr: &Instr,
        block: &Block<'_>,
        slot: usize,
        tape: &Tape,
        out: &mut Results,
    ) {
        // What is written is taken out of its place while the operands are read.
        if let Code::Store(n) = instr.code {
            let mut column = std::mem::replace(&mut out.columns[n as usize], Lanes::None);
            self.store(
                instr.args[0],
                (block, slot),
                out,
                &mut column,
                block.stretch(n, slot),
            );
            out.columns[n as usize] = column;
            return;
        }
        let wide = instr.wide && !instr.code.is_mask();
        match instr.out {
            Src::Out(n) => {
                let mut column = std::mem::replace(&mut out.columns[n as usize], Lanes::None);
                let at = block.stretch(n, slot);
                match &mut column {
                    Lanes::Narrow(v) if !wide => {
                        self.narrow_step(instr, (block, slot), tape, out, &mut v[at]);
                    }
                    Lanes::Wide(v) if wide => {
                        self.wide_step(instr, (block, slot), tape, out, &mut v[at]);
                    }
                    _ => {}
                }
                out.columns[n as usize] = column;
            }
            Src::Reg(r) | Src::Slot(r) => {
                let offset = if matches!(instr.out, Src::Slot(_)) {
                    slot
                } else {
                    0
                };
                let r = r as usize + offset;
                if wide {
                    let mut taken = std::mem::take(&mut self.wide[r]);
                    let lanes = &mut taken[..block.lanes];
                    self.wide_step(instr, (block, slot), tape, out, lanes);
                    self.wide[r] = taken;
                } else {
                    let mut taken = std::mem::take(&mut self.narrow[r]);
                    let lanes = &mut taken[..block.lanes];
                    self.narrow_step(instr, (block, slot), tape, out, lanes);
                    self.narrow[r] = taken;
                }
            }
            _ => {}
        }
    }

    /// To an output column, in the column's width.
    fn store(
        &self,
        from: Src,
        (block, slot): (&Block<'_>, usize),
        results: &Results,
        column: &mut Lanes,
        at: std::ops::Range<usize>,
    ) {
        if let Lanes::Wide(v) = column {
            let wide = self.feed64(from, block, slot, results);
            return self.kernel.cast(&mut v[at], wide, |a| a);
        }
        let narrow = self.feed32(from, block, slot, results);
        match column {
            Lanes::Byte(v) => self.kernel.cast(&mut v[at], narrow, |a| a as i8),
            Lanes::Short(v) => self.kernel.cast(&mut v[at], narrow, |a| a as u16),
            Lanes::Narrow(v) => self.kernel.cast(&mut v[at], narrow, |a| a),
            Lanes::Wide(_) | Lanes::None => {}
        }
    }

    fn wide_step(
        &self,
        instr: &Instr,
        (block, slot): (&Block<'_>, usize),
        tape: &Tape,
        results: &Results,
        out: &mut [i64],
    ) {
        let kernel = self.kernel;
        let [a, b, c, _] = instr.args;
        match instr.code {
            Code::Widen => {
                let narrow = self.feed32(a, block, slot, results);
                kernel.cast(out, narrow, i64::from);
            }
            Code::Select => {
                let mask = self.feed32(a, block, slot, results);
                let b = self.feed64(b, block, slot, results);
                let c = self.feed64(c, block, slot, results);
                kernel.choose_wide(out, mask, [b, c]);
            }
            Code::Lookup(table) => lookup(out, &tape.tables[table as usize], block, |v| v),
            code => {
                let a = self.feed64(a, block, slot, results);
                let b = self.feed64(b, block, slot, results);
                kernel.wide(code, out, [a, b]);
            }
        }
    }

    fn narrow_step(
        &self,
        instr: &Instr,
        (block, slot): (&Block<'_>, usize),
        tape: &Tape,
        results: &Results,
        out: &mut [i32],
    ) {
        let kernel = self.kernel;
        let args = instr.args;
        match instr.code {
            Code::Bin(test) if instr.wide => {
                let a = self.feed64(args[0], block, slot, results);
                let b = self.feed64(args[1], block, slot, results);
                kernel.compare_wide(test, out, [a, b]);
            }
            Code::Narrow => {
                let a = self.feed64(args[0], block, slot, results);
                kernel.cast(out, a, |a| a as i32);
            }
            Code::Lookup(table) => lookup(out, &tape.tables[table as usize], block, |v| v as i32),
            code => {
                let a = self.feed32(args[0], block, slot, results);
                let b = self.feed32(args[1], block, slot, results);
                let c = self.feed32(args[2], block, slot, results);
                let d = self.feed32(args[3], block, slot, results);
                kernel.narrow(code, out, [a, b, c, d]);
            }
        }
    }
}

fn lookup<T>(out: &mut [T], table: &[i64], block: &Block<'_>, f: impl Fn(i64) -> T) {
    let places = &block.tile.places[block.from..block.from + block.lanes];
    let last = table.len().saturating_sub(1);
    for (out, place) in out.iter_mut().zip(places) {
        *out = f(table[(*place as usize).min(last)]);
    }
}
