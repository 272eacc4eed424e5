//! A tape: instructions over blocks of lanes, with registers reused. [`super::assemble`] makes one.
//!
//! Households of one batch have one size, so a value of every member is computed in a loop over the
//! members' places, each a stretch of lanes like those of the households themselves; a fold adds
//! each place's lanes to the household's. What a fold gives can be read by members again: hence
//! phases, each a stretch of household instructions and a loop.

/// Where an operand's lanes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Src {
    Nothing,
    Reg(u16),
    /// A register for each member: the first one's.
    Slot(u16),
    /// One of the tape's constants.
    Const(u16),
    Column(u16),
    /// The stretch of the member at hand.
    MemberColumn(u16),
    Gap(u16),
    MemberGap(u16),
    /// The lanes of an output column, which serves as a register of its own.
    Out(u16),
}

/// An operation of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bin {
    Add,
    Sub,
    Mul,
    Min,
    Max,
    Eq,
    Lt,
    Le,
    And,
    Or,
    /// The first and not the second.
    AndNot,
}

/// What is done to each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Bin(Bin),
    /// Two in one: `second(first(a, b), c)`, or `second(c, first(a, b))` when not `left`.
    Two {
        first: Bin,
        second: Bin,
        left: bool,
    },
    /// The operation's result is added to what is there.
    Onto(Bin),
    /// Any divisor above zero.
    Floor,
    /// By a constant: `((x - bias) * magic >> shift) + add`.
    Magic {
        bias: i64,
        magic: i64,
        shift: i64,
        add: i64,
    },
    /// `if a then b else c`.
    Select,
    /// The same, added to what is there.
    SelectOnto,
    /// By a comparison of the first two, between the last two.
    SelectBy(Bin),
    /// Does a number lie from `low` to `span` above it?
    Within {
        low: i32,
        span: u32,
    },
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
}

impl Code {
    /// A comparison: its result has 32 bits whatever it compares.
    pub fn is_mask(self) -> bool {
        matches!(
            self,
            Code::Bin(Bin::Eq | Bin::Lt | Bin::Le) | Code::Within { .. }
        )
    }
}

/// One instruction. `wide`: on 64-bit lanes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instr {
    pub code: Code,
    pub wide: bool,
    pub out: Src,
    pub args: [Src; 4],
}

/// Instructions that run once, or once for each member's place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretch {
    pub member: bool,
    pub code: Vec<Instr>,
}

/// A compiled programme for households of one size.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    pub size: usize,
    pub stretches: Vec<Stretch>,
    /// Registers of 32 and of 64 bits.
    pub registers: [usize; 2],
    pub outputs: Vec<Output>,
    pub tables: Vec<Vec<i64>>,
    pub constants: Vec<i64>,
}

/// Bits of a lane in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// 8, signed.
    Byte,
    /// 16, from zero.
    Short,
    /// 32.
    Narrow,
    /// 64.
    Wide,
}

/// An output column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub width: Width,
    pub member: bool,
}

impl Tape {
    /// The instructions as text, one a line.
    pub fn listing(&self) -> String {
        let mut out = String::new();
        for (n, stretch) in self.stretches.iter().enumerate() {
            let who = if stretch.member {
                "member"
            } else {
                "household"
            };
            for i in &stretch.code {
                let width = if i.wide { 64 } else { 32 };
                let shown = |a: &Src| match a {
                    Src::Const(n) => format!("{}", self.constants[*n as usize]),
                    other => format!("{other:?}"),
                };
                let args: Vec<String> = i
                    .args
                    .iter()
                    .filter(|a| **a != NOTHING)
                    .map(shown)
                    .collect();
                let args = args.join(", ");
                out.push_str(&format!(
                    "{n} {who} {width} {:?} <- {:?} {args}\n",
                    i.out, i.code
                ));
            }
        }
        out.push_str(&format!("registers {:?}\n", self.registers));
        out
    }
}

pub(crate) const NOTHING: Src = Src::Nothing;
