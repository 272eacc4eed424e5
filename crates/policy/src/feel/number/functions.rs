//! Roots, powers, exponentials and the integer-like operations.

use super::{Number, Rounding};
use dashu_float::{FBig, round::mode};

type Big = FBig<mode::HalfEven, 10>;

/// Digits that the series keep before the result is rounded to 34.
const WORKING: usize = 60;

fn big(number: Number) -> Option<Big> {
    let text = format!("{}e{}", number.coefficient(), number.exponent());
    text.parse::<Big>()
        .ok()
        .map(|b| b.with_precision(WORKING).value())
}

/// Rounds by our own half-to-even, from all the digits that were computed.
fn back(value: Big) -> Option<Number> {
    let (significand, exponent) = value.into_repr().into_parts();
    format!("{significand}e{exponent}")
        .parse()
        .ok()
        .map(Number::stripped)
}

impl Number {
    /// Square root; `None` below zero.
    pub fn sqrt(self) -> Option<Number> {
        if self.is_negative() {
            return None;
        }
        if self.is_zero() {
            return Some(Number::ZERO);
        }
        back(big(self)?.sqrt())
    }

    /// e to the power; `None` when out of range.
    pub fn exp(self) -> Option<Number> {
        if self.is_zero() {
            return Some(Number::ONE);
        }
        if self.abs() > Number::int(14_000) {
            return if self.is_negative() {
                Some(Number::ZERO)
            } else {
                None
            };
        }
        back(big(self)?.exp())
    }

    /// Natural logarithm; `None` at zero and below.
    pub fn ln(self) -> Option<Number> {
        if self.is_zero() || self.is_negative() {
            return None;
        }
        if self == Number::ONE {
            return Some(Number::ZERO);
        }
        back(big(self)?.ln())
    }

    /// Power; `None` for 0 to a negative power, a negative base to a fraction, or out of range.
    pub fn pow(self, power: Number) -> Option<Number> {
        if power.is_zero() {
            return Some(Number::ONE);
        }
        if self.is_zero() {
            return if power.is_negative() {
                None
            } else {
                Some(Number::ZERO)
            };
        }
        if let Some(whole) = power.to_i64() {
            return self.power_of_int(whole);
        }
        if self.is_negative() {
            return None;
        }
        let log = big(self)?.ln() * big(power)?;
        let size = back(log.clone())?;
        if size.abs() > Number::int(14_500) {
            return if size.is_negative() {
                Some(Number::ZERO)
            } else {
                None
            };
        }
        back(log.exp())
    }

    fn power_of_int(self, power: i64) -> Option<Number> {
        let steps = power.unsigned_abs();
        if self == Number::ONE {
            return Some(Number::ONE);
        }
        if self == Number::int(-1) {
            return Some(if steps.is_multiple_of(2) {
                Number::ONE
            } else {
                Number::int(-1)
            });
        }
        // Exact as long as it fits; otherwise with sixty digits.
        let mut exact = Some(Number::ONE);
        if steps <= 128 {
            for _ in 0..steps {
                exact = exact.and_then(|e| {
                    let product = e.coefficient().checked_mul(self.coefficient())?;
                    (product.unsigned_abs() < super::POW10_WIDE[34])
                        .then(|| Number::new(product, e.exponent() + self.exponent()))?
                });
            }
        } else {
            exact = None;
        }
        if let Some(exact) = exact {
            return if power < 0 {
                Number::ONE.div(exact)
            } else {
                Some(exact)
            };
        }
        let lead =
            super::digits(self.coefficient().unsigned_abs()) as f64 + f64::from(self.exponent());
        let magnitude = lead.abs().max(0.01) * steps as f64;
        if steps > 1_000_000 && magnitude > 20_000.0 {
            return if (lead > 0.0) == (power > 0) {
                None
            } else {
                Some(Number::ZERO)
            };
        }
        if steps > 1_000_000_000 {
            return None;
        }
        let raised = big(self)?.powi(steps.into());
        if power < 0 {
            back(big(Number::ONE)? / raised)
        } else {
            back(raised)
        }
    }

    /// Largest whole number not above.
    pub fn floor(self) -> Number {
        self.round(0, Rounding::Floor)
    }

    /// Smallest whole number not below.
    pub fn ceiling(self) -> Number {
        self.round(0, Rounding::Ceiling)
    }

    /// `self - divisor × floor(self / divisor)`; `None` for a zero divisor.
    pub fn modulo(self, divisor: Number) -> Option<Number> {
        if divisor.is_zero() {
            return None;
        }
        if let (Some(a), Some(b)) = (self.to_i64(), divisor.to_i64()) {
            let rest = a.checked_rem(b)?;
            let adjusted = if rest != 0 && (rest < 0) != (b < 0) {
                rest + b
            } else {
                rest
            };
            return Some(Number::int(adjusted));
        }
        let quotient = self.div(divisor)?.floor();
        self.sub(divisor.mul(quotient)?)
    }
}
