//! 256-bit magnitudes: just enough to multiply, scale, divide and round 34-digit coefficients exactly.

/// Powers of ten that fit 64 bits.
pub(super) const POW10: [u64; 20] = {
    let mut table = [1u64; 20];
    let mut i = 1;
    while i < 20 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

/// Powers of ten that fit 128 bits.
pub(super) const POW10_WIDE: [u128; 39] = {
    let mut table = [1u128; 39];
    let mut i = 1;
    while i < 39 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

/// Decimal digits of a magnitude; zero has none.
pub(super) fn digits(value: u128) -> u32 {
    if value == 0 {
        return 0;
    }
    let bits = 128 - value.leading_zeros();
    let guess = (bits * 1233) >> 12;
    guess + u32::from(value >= POW10_WIDE[guess as usize])
}

/// A magnitude below 2^256, least limb first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct U256(pub [u64; 4]);

impl U256 {
    pub fn of(value: u128) -> U256 {
        U256([value as u64, (value >> 64) as u64, 0, 0])
    }

    pub fn product(a: u128, b: u128) -> U256 {
        let (a0, a1) = (a as u64 as u128, a >> 64);
        let (b0, b1) = (b as u64 as u128, b >> 64);
        let (p00, p01, p10, p11) = (a0 * b0, a0 * b1, a1 * b0, a1 * b1);
        let mid = (p00 >> 64) + (p01 as u64 as u128) + (p10 as u64 as u128);
        let high = (mid >> 64) + (p01 >> 64) + (p10 >> 64) + (p11 as u64 as u128);
        U256([
            p00 as u64,
            mid as u64,
            high as u64,
            ((high >> 64) + (p11 >> 64)) as u64,
        ])
    }

    pub fn is_small(&self) -> bool {
        self.0[2] == 0 && self.0[3] == 0
    }

    pub fn low(&self) -> u128 {
        u128::from(self.0[0]) | (u128::from(self.0[1]) << 64)
    }

    /// Times a 64-bit factor; the caller keeps the result below 2^256.
    pub fn times(self, factor: u64) -> U256 {
        let mut out = [0u64; 4];
        let mut carry = 0u128;
        for (slot, limb) in out.iter_mut().zip(self.0) {
            let product = u128::from(limb) * u128::from(factor) + carry;
            *slot = product as u64;
            carry = product >> 64;
        }
        U256(out)
    }

    pub fn times_pow10(mut self, mut power: u32) -> U256 {
        while power > 0 {
            let step = power.min(19);
            self = self.times(POW10[step as usize]);
            power -= step;
        }
        self
    }

    pub fn plus(self, other: U256) -> U256 {
        let mut out = [0u64; 4];
        let mut carry = false;
        for (slot, (a, b)) in out.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let (sum, c1) = a.overflowing_add(b);
            let (sum, c2) = sum.overflowing_add(u64::from(carry));
            *slot = sum;
            carry = c1 | c2;
        }
        U256(out)
    }

    /// `self - other`; the caller makes sure that `self` is not less.
    pub fn minus(self, other: U256) -> U256 {
        let mut out = [0u64; 4];
        let mut borrow = false;
        for (slot, (a, b)) in out.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            let (rest, b1) = a.overflowing_sub(b);
            let (rest, b2) = rest.overflowing_sub(u64::from(borrow));
            *slot = rest;
            borrow = b1 | b2;
        }
        U256(out)
    }

    pub fn div_small(self, divisor: u64) -> (U256, u64) {
        let mut out = [0u64; 4];
        let mut rest = 0u128;
        for i in (0..4).rev() {
            let part = (rest << 64) | u128::from(self.0[i]);
            out[i] = (part / u128::from(divisor)) as u64;
            rest = part % u128::from(divisor);
        }
        (U256(out), rest as u64)
    }

    /// Quotient and remainder by a divisor below 2^127, bit by bit; for the rare wide division.
    pub fn div_wide(self, divisor: u128) -> (U256, u128) {
        let mut quotient = [0u64; 4];
        let mut rest = 0u128;
        for bit in (0..256).rev() {
            let next = (self.0[bit / 64] >> (bit % 64)) & 1;
            rest = (rest << 1) | u128::from(next);
            if rest >= divisor {
                rest -= divisor;
                quotient[bit / 64] |= 1 << (bit % 64);
            }
        }
        (U256(quotient), rest)
    }

    pub fn compare(&self, other: &U256) -> std::cmp::Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }

    pub fn digits(&self) -> u32 {
        if self.is_small() {
            return digits(self.low());
        }
        let (mut value, mut count) = (*self, 0);
        while !value.is_small() {
            value = value.div_small(POW10[19]).0;
            count += 19;
        }
        count + digits(value.low())
    }
}
