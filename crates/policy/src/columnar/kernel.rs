//! The loops: one operation, or two fused, over lanes side by side.
//!
//! Every loop has one shape (stretches of [`GRAIN`] lanes; a constant is one stretch that stands for
//! all), so that the number of loops is that of the operations and not of the kinds of operand. On
//! x86-64 they are compiled twice from this one source: as the build asks, and for processors with
//! 256-bit integer vectors, which are taken when the program finds itself on one.

use super::column::GRAIN;
use super::tape::{Bin, Code};

/// An operand: its lanes in stretches, or one stretch for all.
#[derive(Clone, Copy)]
pub(crate) struct Feed<'a, T> {
    stretches: &'a [[T; GRAIN]],
    /// All ones, or zero for a constant.
    mask: usize,
}

impl<'a, T> Feed<'a, T> {
    /// Lanes, a multiple of [`GRAIN`].
    #[inline(always)]
    pub fn lanes(lanes: &'a [T]) -> Feed<'a, T> {
        Feed {
            stretches: lanes.as_chunks().0,
            mask: usize::MAX,
        }
    }

    /// One value for every lane.
    #[inline(always)]
    pub fn constant(same: &'a [T; GRAIN]) -> Feed<'a, T> {
        Feed {
            stretches: std::slice::from_ref(same),
            mask: 0,
        }
    }

    /// The `n`th stretch. Its length is known when the loops are compiled: no loop has a beginning or
    /// an end of its own.
    #[inline(always)]
    fn at(&self, n: usize) -> &'a [T; GRAIN] {
        &self.stretches[n & self.mask]
    }
}

/// 32 or 64 bits.
pub(crate) trait Lane: Copy + Default + PartialOrd + 'static {
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
                if mask != 0 { a } else { b }
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

/// Is there a loop for the pair `second(first(a, b), c)`?
pub(crate) fn fuses(first: Bin, second: Bin) -> bool {
    match first {
        Bin::Add | Bin::Sub | Bin::Mul | Bin::Min | Bin::Max => {
            !matches!(second, Bin::Or | Bin::Eq)
        }
        _ => matches!(
            second,
            Bin::And | Bin::Or | Bin::AndNot | Bin::Add | Bin::Sub
        ),
    }
}

/// Is there a loop that adds the operation's result to what is there?
pub(crate) fn fuses_onto(first: Bin) -> bool {
    !matches!(first, Bin::Or | Bin::Lt | Bin::Le | Bin::Eq)
}

/// The loops, compiled as the attribute says.
macro_rules! loops {
    ($(#[$how:meta])*) => {
        use super::*;

        $(#[$how])*
        #[inline(never)]
        fn one<A: Copy, O>(out: &mut [O], a: Feed<'_, A>, f: impl Fn(A) -> O) {
            for (n, out) in out.as_chunks_mut::<GRAIN>().0.iter_mut().enumerate() {
                let a = a.at(n);
                for i in 0..GRAIN {
                    out[i] = f(a[i]);
                }
            }
        }

        $(#[$how])*
        #[inline(never)]
        fn two<A: Copy, O: Copy>(
            out: &mut [O],
            a: Feed<'_, A>,
            b: Feed<'_, A>,
            f: impl Fn(O, A, A) -> O,
        ) {
            for (n, out) in out.as_chunks_mut::<GRAIN>().0.iter_mut().enumerate() {
                let (a, b) = (a.at(n), b.at(n));
                for i in 0..GRAIN {
                    out[i] = f(out[i], a[i], b[i]);
                }
            }
        }

        $(#[$how])*
        #[inline(never)]
        fn three<M: Copy, A: Copy>(
            out: &mut [A],
            m: Feed<'_, M>,
            a: Feed<'_, A>,
            b: Feed<'_, A>,
            f: impl Fn(A, M, A, A) -> A,
        ) {
            for (n, out) in out.as_chunks_mut::<GRAIN>().0.iter_mut().enumerate() {
                let (m, a, b) = (m.at(n), a.at(n), b.at(n));
                for i in 0..GRAIN {
                    out[i] = f(out[i], m[i], a[i], b[i]);
                }
            }
        }

        $(#[$how])*
        #[inline(never)]
        fn four(out: &mut [i32], args: [Feed<'_, i32>; 4], f: impl Fn(i32, i32, i32, i32) -> i32) {
            for (n, out) in out.as_chunks_mut::<GRAIN>().0.iter_mut().enumerate() {
                let (x, y) = (args[0].at(n), args[1].at(n));
                let (a, b) = (args[2].at(n), args[3].at(n));
                for i in 0..GRAIN {
                    out[i] = f(x[i], y[i], a[i], b[i]);
                }
            }
        }

        /// An instruction on 32-bit lanes.
        $(#[$how])*
        pub(super) fn narrow(code: Code, out: &mut [i32], args: [Feed<'_, i32>; 4]) {
            let [a, b, c, _] = args;
            match code {
                Code::Bin(test @ (Bin::Eq | Bin::Lt | Bin::Le)) => compare(test, out, a, b),
                Code::Bin(op @ (Bin::And | Bin::Or | Bin::AndNot)) => bits(op, out, a, b),
                Code::Two {
                    first,
                    second,
                    left,
                } => fused(first, second, left, out, [a, b, c]),
                Code::Onto(first) => fused_onto(first, out, a, b),
                Code::Select => choose(out, a, b, c),
                Code::SelectOnto => choose_onto(out, a, b, c),
                Code::SelectBy(test) => choose_by(test, out, args),
                Code::Within { low, span } => {
                    one(out, a, |x: i32| -i32::from(x.wrapping_sub(low) as u32 <= span));
                }
                Code::Magic {
                    bias,
                    magic: by,
                    shift,
                    add,
                } => magic(out, a, [bias, by, shift, add]),
                code => common(code, out, a, b),
            }
        }

        /// An instruction on 64-bit lanes.
        $(#[$how])*
        pub(super) fn wide(code: Code, out: &mut [i64], [a, b]: [Feed<'_, i64>; 2]) {
            common(code, out, a, b);
        }

        /// A choice between 64-bit lanes.
        $(#[$how])*
        pub(super) fn choose_wide(out: &mut [i64], m: Feed<'_, i32>, [a, b]: [Feed<'_, i64>; 2]) {
            choose(out, m, a, b);
        }

        /// A comparison of 64-bit lanes.
        $(#[$how])*
        pub(super) fn compare_wide(test: Bin, out: &mut [i32], [a, b]: [Feed<'_, i64>; 2]) {
            compare(test, out, a, b);
        }

        /// From one width to another that holds the value.
        $(#[$how])*
        pub(super) fn cast<A: Copy, O>(out: &mut [O], a: Feed<'_, A>, f: impl Fn(A) -> O) {
            one(out, a, f);
        }

        /// Comparisons, into masks.
        $(#[$how])*
        fn compare<T: Lane>(test: Bin, out: &mut [i32], a: Feed<'_, T>, b: Feed<'_, T>) {
            match test {
                Bin::Eq => two(out, a, b, |_, a, b| -i32::from(a == b)),
                Bin::Lt => two(out, a, b, |_, a, b| -i32::from(a < b)),
                _ => two(out, a, b, |_, a, b| -i32::from(a <= b)),
            }
        }

        /// What is done alike in both widths.
        $(#[$how])*
        fn common<T: Lane>(code: Code, out: &mut [T], a: Feed<'_, T>, b: Feed<'_, T>) {
            match code {
                Code::Bin(Bin::Add) => two(out, a, b, |_, a: T, b| a.plus(b)),
                Code::Bin(Bin::Sub) => two(out, a, b, |_, a: T, b| a.minus(b)),
                Code::Bin(Bin::Mul) => two(out, a, b, |_, a: T, b| a.times(b)),
                Code::Bin(Bin::Min) => two(out, a, b, |_, a, b| if b < a { b } else { a }),
                Code::Bin(Bin::Max) => two(out, a, b, |_, a, b| if b > a { b } else { a }),
                Code::Floor => two(out, a, b, |_, a: T, b| a.floor(b)),
                Code::Shift(by) => one(out, a, |a| a.shift(by)),
                Code::Bits(mask) => one(out, a, |a| a.bits(mask)),
                Code::Copy => one(out, a, |a| a),
                Code::FoldSum => two(out, a, a, |o: T, a, _| o.plus(a)),
                Code::FoldOr => two(out, a, a, |o: T, a, _| o.merge(a)),
                Code::FoldMin => two(out, a, a, |o, a, _| if a < o { a } else { o }),
                Code::FoldMax => two(out, a, a, |o, a, _| if a > o { a } else { o }),
                _ => out.fill(T::of(0)),
            }
        }

        /// Bit arithmetic of 32-bit lanes.
        $(#[$how])*
        fn bits(code: Bin, out: &mut [i32], a: Feed<'_, i32>, b: Feed<'_, i32>) {
            match code {
                Bin::And => two(out, a, b, |_, a, b| a & b),
                Bin::Or => two(out, a, b, |_, a, b| a | b),
                _ => two(out, a, b, |_, a, b| a & !b),
            }
        }

        /// A choice by a mask.
        $(#[$how])*
        fn choose<T: Lane>(out: &mut [T], m: Feed<'_, i32>, a: Feed<'_, T>, b: Feed<'_, T>) {
            three(out, m, a, b, |_, m, a, b| T::choose(m, a, b));
        }

        /// A choice by a mask, added to what is there.
        $(#[$how])*
        fn choose_onto(out: &mut [i32], m: Feed<'_, i32>, a: Feed<'_, i32>, b: Feed<'_, i32>) {
            three(out, m, a, b, |o: i32, m, a, b| o.wrapping_add(i32::choose(m, a, b)));
        }

        /// By a comparison of the first two, between the last two.
        $(#[$how])*
        fn choose_by(test: Bin, out: &mut [i32], args: [Feed<'_, i32>; 4]) {
            match test {
                Bin::Lt => four(out, args, |x, y, a, b| if x < y { a } else { b }),
                Bin::Le => four(out, args, |x, y, a, b| if x <= y { a } else { b }),
                _ => four(out, args, |x, y, a, b| if x == y { a } else { b }),
            }
        }

        /// `first`, then `second` with a third operand. Which pairs there are says [`fuses`].
        $(#[$how])*
        fn fused(
            first: Bin,
            second: Bin,
            left: bool,
            out: &mut [i32],
            args: [Feed<'_, i32>; 3],
        ) {
            match first {
                Bin::Add => number(second, left, out, args, |a, b| a.wrapping_add(b)),
                Bin::Sub => number(second, left, out, args, |a, b| a.wrapping_sub(b)),
                Bin::Mul => number(second, left, out, args, |a, b| a.wrapping_mul(b)),
                Bin::Min => number(second, left, out, args, |a, b| a.min(b)),
                Bin::Max => number(second, left, out, args, |a, b| a.max(b)),
                Bin::And => mask(second, left, out, args, |a, b| a & b),
                Bin::Or => mask(second, left, out, args, |a, b| a | b),
                Bin::AndNot => mask(second, left, out, args, |a, b| a & !b),
                Bin::Lt => mask(second, left, out, args, |a, b| -i32::from(a < b)),
                Bin::Le => mask(second, left, out, args, |a, b| -i32::from(a <= b)),
                Bin::Eq => mask(second, left, out, args, |a, b| -i32::from(a == b)),
            }
        }

        /// Second operations on numbers.
        $(#[$how])*
        fn number(
            second: Bin,
            left: bool,
            out: &mut [i32],
            [a, b, c]: [Feed<'_, i32>; 3],
            first: impl Fn(i32, i32) -> i32 + Copy,
        ) {
            match (second, left) {
                (Bin::Add, _) => three(out, a, b, c, |_, a, b, c| first(a, b).wrapping_add(c)),
                (Bin::Sub, true) => three(out, a, b, c, |_, a, b, c| first(a, b).wrapping_sub(c)),
                (Bin::Sub, false) => three(out, a, b, c, |_, a, b, c: i32| c.wrapping_sub(first(a, b))),
                (Bin::Mul, _) => three(out, a, b, c, |_, a, b, c| first(a, b).wrapping_mul(c)),
                (Bin::Min, _) => three(out, a, b, c, |_, a, b, c| first(a, b).min(c)),
                (Bin::Max, _) => three(out, a, b, c, |_, a, b, c| first(a, b).max(c)),
                (Bin::And, _) => three(out, a, b, c, |_, a, b, c| first(a, b) & c),
                (Bin::AndNot, true) => three(out, a, b, c, |_, a, b, c: i32| first(a, b) & !c),
                (Bin::AndNot, false) => three(out, a, b, c, |_, a, b, c| c & !first(a, b)),
                (Bin::Lt, true) => three(out, a, b, c, |_, a, b, c| -i32::from(first(a, b) < c)),
                (Bin::Lt, false) => three(out, a, b, c, |_, a, b, c| -i32::from(c < first(a, b))),
                (Bin::Le, true) => three(out, a, b, c, |_, a, b, c| -i32::from(first(a, b) <= c)),
                (Bin::Le, false) => three(out, a, b, c, |_, a, b, c| -i32::from(c <= first(a, b))),
                _ => out.fill(0),
            }
        }

        /// Second operations on masks, and counting them.
        $(#[$how])*
        fn mask(
            second: Bin,
            left: bool,
            out: &mut [i32],
            [a, b, c]: [Feed<'_, i32>; 3],
            first: impl Fn(i32, i32) -> i32 + Copy,
        ) {
            match (second, left) {
                (Bin::And, _) => three(out, a, b, c, |_, a, b, c| first(a, b) & c),
                (Bin::Or, _) => three(out, a, b, c, |_, a, b, c| first(a, b) | c),
                (Bin::AndNot, true) => three(out, a, b, c, |_, a, b, c: i32| first(a, b) & !c),
                (Bin::AndNot, false) => three(out, a, b, c, |_, a, b, c| c & !first(a, b)),
                (Bin::Add, _) => three(out, a, b, c, |_, a, b, c| first(a, b).wrapping_add(c)),
                (Bin::Sub, true) => three(out, a, b, c, |_, a, b, c| first(a, b).wrapping_sub(c)),
                (Bin::Sub, false) => three(out, a, b, c, |_, a, b, c: i32| c.wrapping_sub(first(a, b))),
                _ => out.fill(0),
            }
        }

        /// An operation whose result is added to what is there. Which there are says [`fuses_onto`].
        $(#[$how])*
        fn fused_onto(first: Bin, out: &mut [i32], a: Feed<'_, i32>, b: Feed<'_, i32>) {
            match first {
                Bin::Add => two(out, a, b, |o: i32, a: i32, b| o.wrapping_add(a.wrapping_add(b))),
                Bin::Sub => two(out, a, b, |o: i32, a: i32, b| o.wrapping_add(a.wrapping_sub(b))),
                Bin::Mul => two(out, a, b, |o: i32, a: i32, b| o.wrapping_add(a.wrapping_mul(b))),
                Bin::Max => two(out, a, b, |o: i32, a: i32, b| o.wrapping_add(a.max(b))),
                Bin::Min => two(out, a, b, |o: i32, a: i32, b| o.wrapping_add(a.min(b))),
                Bin::And => two(out, a, b, |o: i32, a: i32, b| o.wrapping_add(a & b)),
                Bin::AndNot => two(out, a, b, |o: i32, a: i32, b: i32| o.wrapping_add(a & !b)),
                _ => {}
            }
        }

        /// Division by a constant as a multiplication: `((x - bias) * magic >> shift) + add`.
        $(#[$how])*
        fn magic(out: &mut [i32], a: Feed<'_, i32>, [bias, magic, shift, add]: [i64; 4]) {
            let (bias, magic) = (bias as i32, u64::from(magic as u32));
            let (shift, add) = (shift as u32 & 63, add as i32);
            one(out, a, |x: i32| {
                let x = u64::from(x.wrapping_sub(bias) as u32);
                ((x.wrapping_mul(magic) >> shift) as i32).wrapping_add(add)
            });
        }

        /// Outcome codes one to three, counted, and amounts added up.
        $(#[$how])*
        pub(super) fn tally(codes: &[i32], amounts: &[i32]) -> ([u64; 3], i64) {
            let (mut counts, mut sum) = ([0u64; 3], 0i64);
            for codes in codes.chunks(1 << 16) {
                let mut some = [0u32; 3];
                for code in codes {
                    for (count, of) in some.iter_mut().zip(1..) {
                        *count = count.wrapping_add(u32::from(*code == of));
                    }
                }
                for (count, some) in counts.iter_mut().zip(some) {
                    *count += u64::from(some);
                }
            }
            for amount in amounts {
                sum = sum.wrapping_add((*amount).into());
            }
            (counts, sum)
        }
    };
}

/// As the build asks.
mod plain {
    loops!();
}

/// For processors with 256-bit integer vectors.
#[cfg(all(target_arch = "x86_64", not(target_feature = "avx2")))]
mod avx2 {
    loops!(#[target_feature(enable = "avx2")]);
}

/// Which of the loops this processor runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    #[cfg(all(target_arch = "x86_64", not(target_feature = "avx2")))]
    avx2: bool,
}

impl Default for Kernel {
    fn default() -> Kernel {
        Kernel {
            #[cfg(all(target_arch = "x86_64", not(target_feature = "avx2")))]
            avx2: std::arch::is_x86_feature_detected!("avx2"),
        }
    }
}

/// Calls a loop in the compilation that the processor runs.
macro_rules! run {
    ($self:ident, $name:ident($($arg:expr),*)) => {{
        #[cfg(all(target_arch = "x86_64", not(target_feature = "avx2")))]
        if $self.avx2 {
            // SAFETY: `avx2` is true only where the processor has said that it has these vectors.
            #[allow(unsafe_code)]
            return unsafe { avx2::$name($($arg),*) };
        }
        plain::$name($($arg),*)
    }};
}

impl Kernel {
    /// The loops as the build asks, whatever the processor could.
    #[cfg(test)]
    pub fn plain() -> Kernel {
        Kernel {
            #[cfg(all(target_arch = "x86_64", not(target_feature = "avx2")))]
            avx2: false,
        }
    }

    /// An instruction on 32-bit lanes.
    pub fn narrow(self, code: Code, out: &mut [i32], args: [Feed<'_, i32>; 4]) {
        run!(self, narrow(code, out, args))
    }

    /// An instruction on 64-bit lanes.
    pub fn wide(self, code: Code, out: &mut [i64], args: [Feed<'_, i64>; 2]) {
        run!(self, wide(code, out, args))
    }

    /// A choice between 64-bit lanes.
    pub fn choose_wide(self, out: &mut [i64], mask: Feed<'_, i32>, args: [Feed<'_, i64>; 2]) {
        run!(self, choose_wide(out, mask, args))
    }

    /// A comparison of 64-bit lanes, into a mask.
    pub fn compare_wide(self, test: Bin, out: &mut [i32], args: [Feed<'_, i64>; 2]) {
        run!(self, compare_wide(test, out, args))
    }

    /// From one width to another that holds the value.
    pub fn cast<A: Copy, O>(self, out: &mut [O], from: Feed<'_, A>, f: impl Fn(A) -> O) {
        run!(self, cast(out, from, f))
    }

    /// Outcome codes one to three, counted, and amounts added up.
    pub fn tally(self, codes: &[i32], amounts: &[i32]) -> ([u64; 3], i64) {
        run!(self, tally(codes, amounts))
    }
}
