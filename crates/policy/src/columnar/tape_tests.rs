//! Random expressions through the tape, in both compilations of the loops, beside a plain reading of
//! the graph.

use super::assemble;
use super::column::{GRAIN, Lanes, Tile};
use super::graph::{FALSE, Graph, Op, Ref, TRUE};
use super::kernel::Kernel;
use super::machine::{Machine, Results};
use proptest::prelude::*;

const SIZE: usize = 3;
const LANES: usize = 5 * GRAIN;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) % sides as u64) as usize
    }
}

/// Columns: two numbers of households, two of members, one of members that needs 64 bits, and where
/// one of members has gaps.
fn tile(dice: &mut Dice) -> Tile {
    let mut numbers = |count: usize, low: i32, high: i32| -> Vec<i32> {
        (0..count)
            .map(|_| low + dice.roll((high - low + 1) as usize) as i32)
            .collect()
    };
    let values = vec![
        Lanes::Narrow(numbers(LANES, -50, 50)),
        Lanes::Narrow(numbers(LANES, 0, 9)),
        Lanes::Narrow(numbers(LANES * SIZE, -1000, 1000)),
        Lanes::Narrow(numbers(LANES * SIZE, 0, 4)),
        Lanes::Wide(
            numbers(LANES * SIZE, -9, 9)
                .into_iter()
                .map(|n| i64::from(n) * 1_000_000_000)
                .collect(),
        ),
    ];
    let gap = numbers(LANES * SIZE, -1, 0);
    Tile {
        size: SIZE,
        count: LANES,
        lanes: LANES,
        rows: (0..LANES as u32).collect(),
        places: numbers(LANES, 0, 3).into_iter().map(|n| n as u16).collect(),
        values,
        gaps: vec![Vec::new(), Vec::new(), gap, Vec::new(), Vec::new()],
    }
}

/// A graph of a few dozen random nodes, and some of them as roots.
fn graph(dice: &mut Dice) -> (Graph, Vec<Ref>) {
    let mut g = Graph::new(SIZE);
    let mut numbers: Vec<Ref> = [
        g.column(0, -50, 50, false),
        g.column(1, 0, 9, false),
        g.column(2, -1000, 1000, true),
        g.column(3, 0, 4, true),
        g.column(4, -9_000_000_000, 9_000_000_000, true),
        g.lookup(0, -7, 20),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut masks = vec![g.gap(2, true), TRUE];
    for n in [0, 1, 3, 7, -20, 900] {
        numbers.push(g.constant(n));
    }
    for _ in 0..40 {
        let a = numbers[dice.roll(numbers.len())];
        let b = numbers[dice.roll(numbers.len())];
        let m = masks[dice.roll(masks.len())];
        let o = masks[dice.roll(masks.len())];
        let by = [2, 5, 12, 100][dice.roll(4)];
        let number = match dice.roll(20) {
            0 | 1 => g.plus(a, b),
            2 | 3 => g.minus(a, b),
            4 => g.times(a, b),
            5 => g.least(a, b),
            6 => g.greatest(a, b),
            7 => {
                let by = g.constant(by);
                g.floor(a, by)
            }
            8 => g.shift(a, 2),
            9 | 10 => g.select(m, a, b),
            11 => g.select(m, a, FALSE),
            12 => g.fold_sum(a),
            13 => g.fold_end(a, b % 2 == 0),
            14 => g.count_of(m),
            _ => {
                let mask = match dice.roll(8) {
                    7 => {
                        let [low, high] =
                            [dice.roll(30), dice.roll(30)].map(|n| g.constant(n as i64 - 9));
                        let (above, below) = (g.le(low, a), g.lt(a, high));
                        g.and(above, below)
                    }
                    0 | 1 => g.lt(a, b),
                    2 => g.le(a, b),
                    3 => g.eq(a, b),
                    4 => g.and(m, o),
                    5 => g.or(m, o),
                    _ => g.and_not(m, o),
                };
                masks.push(mask);
                if dice.roll(5) == 0 {
                    let any = g.fold_or(mask);
                    masks.push(any);
                }
                continue;
            }
        };
        // What may not fit is refused, as everywhere.
        if let Ok(number) = number {
            numbers.push(number);
        }
    }
    let mut roots: Vec<Ref> = Vec::new();
    for _ in 0..12 {
        roots.push(match dice.roll(3) {
            0 => masks[dice.roll(masks.len())],
            _ => numbers[numbers.len() - 1 - dice.roll(numbers.len().min(20))],
        });
    }
    (g, roots)
}

/// A node's value, read off the graph.
fn plain(g: &Graph, tile: &Tile, tables: &[Vec<i64>], at: Ref, lane: usize, slot: usize) -> i64 {
    let of = |r: Ref| plain(g, tile, tables, r, lane, slot);
    let place = |member: bool| if member { slot * LANES + lane } else { lane };
    let member = g.node(at).member;
    let each = |r: Ref| (0..SIZE).map(move |s| plain(g, tile, tables, r, lane, s));
    let mask = |yes: bool| -i64::from(yes);
    match g.node(at).op {
        Op::Const(value) => value,
        Op::Column(c) => tile.values[c as usize].get(place(member)),
        Op::Gap(c) => tile.gaps[c as usize][place(member)].into(),
        Op::Lookup(t) => tables[t as usize][tile.places[lane] as usize],
        Op::Add(a, b) => of(a) + of(b),
        Op::Sub(a, b) => of(a) - of(b),
        Op::Mul(a, b) => of(a) * of(b),
        Op::Min(a, b) => of(a).min(of(b)),
        Op::Max(a, b) => of(a).max(of(b)),
        Op::Floor(a, b) => of(a).div_euclid(of(b)),
        Op::Eq(a, b) => mask(of(a) == of(b)),
        Op::Lt(a, b) => mask(of(a) < of(b)),
        Op::Le(a, b) => mask(of(a) <= of(b)),
        Op::And(a, b) => of(a) & of(b),
        Op::Or(a, b) => of(a) | of(b),
        Op::AndNot(a, b) => of(a) & !of(b),
        Op::Select(m, a, b) => of(if of(m) != 0 { a } else { b }),
        Op::Shift(a, by) => of(a) >> by,
        Op::Bits(a, bits) => of(a) & i64::from(bits),
        Op::FoldSum(a) => each(a).sum(),
        Op::FoldMin(a) => each(a).min().unwrap_or(0),
        Op::FoldMax(a) => each(a).max().unwrap_or(0),
        Op::FoldOr(a) => each(a).fold(0, |x, y| x | y),
    }
}

/// Which value of a root was wrong.
fn check(seed: u64) -> Result<usize, String> {
    let mut dice = Dice(seed);
    let tile = tile(&mut dice);
    let (g, roots) = graph(&mut dice);
    let tables = vec![vec![20, -7, 3, 4]];
    let kept = roots.len() / 2;
    // A graph taken over into another says the same.
    let mut joint = Graph::new(SIZE);
    let moved = joint.take_over(&g, &roots, &[0]);
    for (graph, roots) in [(&g, &roots), (&joint, &moved)] {
        let tape = assemble::build(graph, roots, kept, tables.clone());
        for kernel in [Kernel::default(), Kernel::plain()] {
            let mut out = Results::default();
            Machine::with(kernel).run(&tape, &tile, &mut out);
            for (n, &root) in roots.iter().enumerate() {
                let slots = if graph.node(root).member { SIZE } else { 1 };
                for slot in 0..slots {
                    for lane in (0..LANES).step_by(7) {
                        let got = out.columns[n].get(slot * LANES + lane);
                        let want = plain(graph, &tile, &tables, root, lane, slot);
                        if got != want {
                            return Err(format!(
                                "root {n} {:?}, lane {lane}, member {slot}: {got} instead of {want}\n{}",
                                graph.node(root),
                                tape.listing()
                            ));
                        }
                    }
                }
            }
        }
    }
    Ok(g.nodes.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn tapes_compute_what_graphs_say(seed in any::<u64>()) {
        if let Err(difference) = check(seed) {
            prop_assert!(false, "seed {}: {}", seed, difference);
        }
    }
}
