use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};

/// An amount of money in fen (1/100 yuan). Never a float.
///
/// `Add`, `Sub` and `Sum` panic on overflow of 64 bits, which is above 92 quadrillion yuan and
/// therefore a bug, never an input; amounts that come from outside go through [`Fen::checked_add`]
/// or [`Fen::parse_yuan`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

/// Why a text is not an amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with at most one decimal point.
    #[error("`{0}` is not an amount in yuan, such as 1234.50")]
    NotANumber(String),
    /// More than two digits after the point.
    #[error("`{0}` has parts of a fen; an amount in yuan has at most two decimals")]
    TooFine(String),
    /// Outside 64 bits.
    #[error("`{0}` is too large for an amount of money")]
    TooLarge(String),
}

impl Fen {
    /// No money.
    pub const ZERO: Fen = Fen(0);

    /// Whole yuan.
    pub const fn yuan(yuan: i64) -> Fen {
        Fen(yuan * 100)
    }

    /// Sum, or `None` on overflow.
    pub fn checked_add(self, other: Fen) -> Option<Fen> {
        self.0.checked_add(other.0).map(Fen)
    }

    /// Difference, or `None` on overflow.
    pub fn checked_sub(self, other: Fen) -> Option<Fen> {
        self.0.checked_sub(other.0).map(Fen)
    }

    /// Reads yuan with up to two decimals: `1234`, `1234.5`, `-0.05`, also with thousands commas.
    pub fn parse_yuan(text: &str) -> Result<Fen, MoneyError> {
        let trimmed = text.trim().replace([',', '，'], "");
        let (negative, digits) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, trimmed.as_str()),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(part) {
            return Err(MoneyError::NotANumber(text.into()));
        }
        let part = part.trim_end_matches('0');
        if part.len() > 2 {
            return Err(MoneyError::TooFine(text.into()));
        }
        let fen_part: i64 = format!("{part:0<2}").parse().unwrap_or(0);
        let value = whole
            .parse::<i64>()
            .ok()
            .and_then(|yuan| yuan.checked_mul(100))
            .and_then(|fen| fen.checked_add(fen_part))
            .ok_or_else(|| MoneyError::TooLarge(text.into()))?;
        Ok(Fen(if negative { -value } else { value }))
    }
}

impl fmt::Display for Fen {
    /// Yuan with two decimals: `1234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

impl Add for Fen {
    type Output = Fen;
    fn add(self, other: Fen) -> Fen {
        Fen(self.0.checked_add(other.0).expect("money within 64 bits"))
    }
}

impl Sub for Fen {
    type Output = Fen;
    fn sub(self, other: Fen) -> Fen {
        Fen(self.0.checked_sub(other.0).expect("money within 64 bits"))
    }
}

impl Neg for Fen {
    type Output = Fen;
    fn neg(self) -> Fen {
        Fen(-self.0)
    }
}

impl Sum for Fen {
    fn sum<I: Iterator<Item = Fen>>(iter: I) -> Fen {
        iter.fold(Fen::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_amount() {
        for bad in ["", "abc", "1.2.3", "--1", "1e3", ".5"] {
            assert!(
                matches!(Fen::parse_yuan(bad), Err(MoneyError::NotANumber(_))),
                "{bad}"
            );
        }
        assert!(matches!(
            Fen::parse_yuan("1.005"),
            Err(MoneyError::TooFine(_))
        ));
        assert!(matches!(
            Fen::parse_yuan("999999999999999999"),
            Err(MoneyError::TooLarge(_))
        ));
        assert_eq!(Fen::parse_yuan("1,234.500"), Ok(Fen(123_450)));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(fen in -1_000_000_000_000i64..1_000_000_000_000) {
            prop_assert_eq!(Fen::parse_yuan(&Fen(fen).to_string()), Ok(Fen(fen)));
        }
    }
}
