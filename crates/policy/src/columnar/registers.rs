//! Registers: each value gets one for as long as it is read, and a tape is cut into its stretches.

use super::tape::{Code, Instr, NOTHING, Output, Src, Stretch, Tape};

/// A value of the tape before registers are given out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Virtual {
    pub wide: bool,
    pub slot: bool,
    pub first: usize,
    pub last: usize,
    pub register: Option<u16>,
    /// The output column that it is.
    pub home: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Arg {
    None,
    Virtual(u32),
    Ready(Src),
}

pub(super) struct Item {
    pub code: Code,
    pub wide: bool,
    pub out: Option<u32>,
    pub args: [Arg; 4],
}

/// A tape whose values have no registers yet.
pub(super) struct Draft {
    pub virtuals: Vec<Virtual>,
    pub items: Vec<Item>,
    pub outputs: Vec<Output>,
    /// Household instructions from the first to the second, members' to the third.
    pub stretches: Vec<(usize, usize, usize)>,
    /// Members of each household.
    pub size: usize,
    pub tables: Vec<Vec<i64>>,
    pub constants: Vec<i64>,
}

/// Gives out registers and cuts the items into stretches.
pub(super) fn give_out(mut draft: Draft) -> Tape {
    for n in 0..draft.items.len() {
        let (_, middle, end) = draft
            .stretches
            .iter()
            .copied()
            .find(|(_, _, end)| n < *end)
            .unwrap_or((0, 0, 0));
        let item = &draft.items[n];
        let reads = item.args.iter().filter_map(|a| match a {
            Arg::Virtual(v) => Some(*v),
            _ => None,
        });
        for v in reads.chain(item.out) {
            let v = &mut draft.virtuals[v as usize];
            v.first = v.first.min(n);
            // What a loop reads from outside must last until the loop ends.
            let outside = n >= middle && v.first < middle;
            v.last = v.last.max(if outside { end } else { n });
        }
    }
    let size = draft.size.max(1);
    let mut free: [Vec<u16>; 2] = Default::default();
    let mut count = [0usize; 2];
    let mut live: Vec<u32> = Vec::new();
    for n in 0..draft.items.len() {
        live.retain(|&v| {
            let known = &draft.virtuals[v as usize];
            let over = known.last < n && !known.slot;
            if over && let Some(register) = known.register {
                free[usize::from(known.wide)].push(register);
            }
            !over
        });
        let Some(out) = draft.items[n].out else {
            continue;
        };
        let known = &mut draft.virtuals[out as usize];
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
            let known = &draft.virtuals[*v as usize];
            let register = known.register.unwrap_or(0);
            match (known.home, known.slot) {
                (Some(home), _) => Src::Out(home),
                (None, true) => Src::Slot(register),
                (None, false) => Src::Reg(register),
            }
        }
    };
    let made: Vec<Instr> = draft
        .items
        .iter()
        .map(|item| Instr {
            code: item.code,
            wide: item.wide,
            out: item.out.map_or(NOTHING, |v| src(&Arg::Virtual(v))),
            args: [0, 1, 2, 3].map(|n| src(&item.args[n])),
        })
        .collect();
    let cut = |member: bool, code: &[Instr]| Stretch {
        member,
        code: code.to_vec(),
    };
    let stretches = draft
        .stretches
        .iter()
        .flat_map(|&(start, middle, end)| {
            [
                cut(false, &made[start..middle]),
                cut(true, &made[middle..end]),
            ]
        })
        .filter(|s| !s.code.is_empty())
        .collect();
    Tape {
        size: draft.size,
        stretches,
        registers: count,
        outputs: draft.outputs,
        tables: draft.tables,
        constants: draft.constants,
    }
}
