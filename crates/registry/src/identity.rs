//! Identity numbers of persons (GB 11643) and codes of organisations (GB 32100): what is one, what it
//! says, and how it is shown.

use crate::record::Sex;
use base::{Day, parse_day};
use chrono::NaiveDate;

/// Why a text is no identity number, with what it should be where that can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Neither 18 nor 15 characters.
    #[error("has {0} characters; an identity number has 18 (15 before 2000)")]
    Length(usize),
    /// Something else than digits, or X anywhere but at the end.
    #[error("has `{0}`, which is no digit (X may stand at the end only)")]
    Character(char),
    /// The check character does not fit.
    #[error("ends with {found}, by GB 11643 it should end with {expected}")]
    Check {
        /// What stands there.
        found: char,
        /// What should stand there when the other 17 are right.
        expected: char,
    },
    /// The date in it is none, or not a date of birth of somebody alive.
    #[error("says a date of birth {0}, which cannot be")]
    Birth(String),
    /// The first two digits are no province's, now or ever.
    #[error("begins with {0}, which is no province's code and never was")]
    Area(String),
}

impl NumberError {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            NumberError::Length(n) => {
                format!("有 {n} 位；身份证号码应为 18 位（2000 年前为 15 位）")
            }
            NumberError::Character(c) => format!("含有“{c}”，不是数字（X 只能在末位）"),
            NumberError::Check { found, expected } => {
                format!("末位是 {found}，按 GB 11643 校验应为 {expected}")
            }
            NumberError::Birth(date) => format!("其中的出生日期 {date} 不成立"),
            NumberError::Area(code) => format!("以 {code} 开头，从来不是省级行政区划代码"),
        }
    }
}

/// A number that passed, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonNumber {
    /// In 18 characters, X capital.
    pub text: String,
    /// Date of birth.
    pub birth: Day,
    /// Sex: the 17th digit is odd for men.
    pub sex: Sex,
    /// The six digits of the area at first registration. Never to be checked against today's areas:
    /// numbers do not change when districts are merged or renamed.
    pub area: String,
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";

/// First two digits by GB/T 2260 that were ever given: provinces, 81 to 83 also of residence permits,
/// 91 of permits of permanent residence for foreigners.
const PROVINCES: [u8; 36] = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91,
];

/// Full-width digits and letters as typed in Chinese input, blanks of all kinds and hyphens, made plain.
pub fn tidy(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{feff}' | '\u{200b}' | '-' | '－' | '\''))
        .map(|c| match c {
            '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
                char::from_u32(c as u32 - 0xfee0).unwrap_or(c)
            }
            c => c,
        })
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// The check character of the first 17 digits; `None` when they are not 17 digits.
pub fn check_character(seventeen: &str) -> Option<char> {
    if seventeen.len() != 17 {
        return None;
    }
    let mut sum = 0;
    for (c, weight) in seventeen.chars().zip(WEIGHTS) {
        sum += c.to_digit(10)? * weight;
    }
    CHECKS.get(sum as usize % 11).map(|b| char::from(*b))
}

/// The one form in which numbers are compared and looked up: tidied, and a number of 15 digits in its
/// 18. Says nothing about whether it is one.
pub fn canonical(typed: &str) -> String {
    let text = tidy(typed);
    if text.len() == 15 && text.bytes().all(|b| b.is_ascii_digit()) {
        lengthen(&text).unwrap_or(text)
    } else {
        text
    }
}

fn lengthen(fifteen: &str) -> Option<String> {
    let body = format!("{}19{}", fifteen.get(..6)?, fifteen.get(6..)?);
    let check = check_character(&body)?;
    Some(format!("{body}{check}"))
}

/// Reads an identity number as clerks type it. `today` bounds the date of birth.
///
/// Numbers of 15 digits (before 2000) are given their century, 19, and their check character.
/// The area is checked against all provinces that ever were, not against today's districts.
///
/// # Errors
/// [`NumberError`], with the check character that should stand there.
pub fn person_number(typed: &str, today: Day) -> Result<PersonNumber, NumberError> {
    let text = tidy(typed);
    let length = text.chars().count();
    if length != 18 && length != 15 {
        return Err(NumberError::Length(length));
    }
    for (i, c) in text.chars().enumerate() {
        let last = c == 'X' && i == 17;
        if !c.is_ascii_digit() && !last {
            return Err(NumberError::Character(c));
        }
    }
    let full = if length == 15 {
        lengthen(&text).ok_or(NumberError::Length(length))?
    } else {
        text
    };
    let province = &full[..2];
    if !province.parse().is_ok_and(|p: u8| PROVINCES.contains(&p)) {
        return Err(NumberError::Area(province.into()));
    }
    let written = &full[6..14];
    let birth = NaiveDate::parse_from_str(written, "%Y%m%d")
        .ok()
        .filter(|d| *d <= today && *d >= parse_day("1850-01-01").unwrap_or(*d))
        .ok_or_else(|| NumberError::Birth(written.into()))?;
    let (body, last) = full.split_at(17);
    let found = last.chars().next().unwrap_or(' ');
    let expected = check_character(body).ok_or(NumberError::Length(length))?;
    if found != expected {
        return Err(NumberError::Check { found, expected });
    }
    let odd = full.as_bytes()[16] % 2 == 1;
    Ok(PersonNumber {
        birth,
        sex: if odd { Sex::Male } else { Sex::Female },
        area: full[..6].into(),
        text: full,
    })
}

/// Made-up but well-formed number, for demonstrations: area, birth, sex and a running order 0–499.
pub fn make_person_number(area: &str, birth: Day, sex: Sex, order: u32) -> Option<String> {
    let order = order % 500 * 2 + u32::from(sex == Sex::Male);
    let body = format!("{area}{}{order:03}", birth.format("%Y%m%d"));
    let check = check_character(&body)?;
    Some(format!("{body}{check}"))
}

/// How a number is shown: the first six and the last four, stars between. Still personal data.
pub fn mask(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    let (head, tail) = match chars.len() {
        15.. => (6, 4),
        8..15 => (2, 2),
        _ => (0, 0),
    };
    let middle = chars.len() - head - tail;
    chars[..head]
        .iter()
        .copied()
        .chain(std::iter::repeat_n('*', middle))
        .chain(chars[chars.len() - tail..].iter().copied())
        .collect()
}

/// How a bank account number is shown: stars and the last four.
pub fn mask_account(number: &str) -> String {
    let chars: Vec<char> = number.chars().collect();
    let shown = if chars.len() > 8 { 4 } else { 0 };
    let hidden = chars.len() - shown;
    std::iter::repeat_n('*', hidden)
        .chain(chars[hidden..].iter().copied())
        .collect()
}

const ORGANISATION: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Why a text is no unified social credit code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationError {
    /// Not 18 characters.
    #[error("has {0} characters; an organisation's code has 18")]
    Length(usize),
    /// A character that the code does not use.
    #[error("has `{0}`, which organisations' codes do not use (I, O, S, V and Z are left out)")]
    Character(char),
    /// The check character does not fit.
    #[error("ends with {found}, by GB 32100 it should end with {expected}")]
    Check {
        /// What stands there.
        found: char,
        /// What should.
        expected: char,
    },
    /// The organisation number within it (characters 9 to 17) does not fit GB 11714.
    #[error("holds the organisation number {0}, whose check character does not fit GB 11714")]
    Inner(String),
}

/// Reads a unified social credit code (GB 32100) with the organisation number inside it (GB 11714).
///
/// # Errors
/// [`OrganisationError`], with the check character that should stand there.
pub fn organisation_code(typed: &str) -> Result<String, OrganisationError> {
    let text = tidy(typed);
    let length = text.chars().count();
    if length != 18 {
        return Err(OrganisationError::Length(length));
    }
    let mut values = Vec::with_capacity(18);
    for c in text.chars() {
        let at = ORGANISATION.iter().position(|b| char::from(*b) == c);
        values.push(at.ok_or(OrganisationError::Character(c))? as u32);
    }
    let mut weight = 1;
    let mut sum = 0;
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    let expected = char::from(ORGANISATION[((31 - sum % 31) % 31) as usize]);
    let found = text.chars().last().unwrap_or(' ');
    if found != expected {
        return Err(OrganisationError::Check { found, expected });
    }
    let inner = &text[8..17];
    if inner_check(&inner[..8]) != inner.chars().last() {
        return Err(OrganisationError::Inner(inner.into()));
    }
    Ok(text)
}

/// GB 11714: digits and letters count 0 to 35, weights 3 7 9 10 5 8 4 2; 10 is X, 11 is 0.
fn inner_check(eight: &str) -> Option<char> {
    let mut sum = 0;
    for (c, weight) in eight.chars().zip([3, 7, 9, 10, 5, 8, 4, 2]) {
        sum += c.to_digit(36)? * weight;
    }
    match 11 - sum % 11 {
        10 => Some('X'),
        11 => Some('0'),
        n => char::from_digit(n, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn today() -> Day {
        parse_day("2026-11-01").expect("a date")
    }

    #[test]
    fn the_standards_own_examples() {
        // GB 11643-1999, annex A.
        let woman = person_number("11010519491231002X", today()).expect("valid");
        assert_eq!(
            (woman.birth, woman.sex),
            (parse_day("1949-12-31").expect("d"), Sex::Female)
        );
        let man = person_number("440524188001010014", today()).expect("valid");
        assert_eq!(man.sex, Sex::Male);
        assert_eq!(
            person_number("110105194912310021", today()),
            Err(NumberError::Check {
                found: '1',
                expected: 'X'
            })
        );
        assert!(organisation_code("91350100M000100Y43").is_ok());
        assert!(organisation_code("91110000600037341L").is_ok());
        assert_eq!(
            organisation_code("91350100M000100Y44"),
            Err(OrganisationError::Check {
                found: '4',
                expected: '3'
            })
        );
        assert_eq!(
            organisation_code("91350100M000100O43"),
            Err(OrganisationError::Character('O'))
        );
    }

    #[test]
    fn numbers_as_clerks_type_them() {
        for typed in [
            "１１０１０５１９４９１２３１００２ｘ",
            " 110105 19491231 002x ",
            "110105-19491231-002X",
            "'11010519491231002X",
        ] {
            assert_eq!(
                person_number(typed, today()).map(|n| n.text).as_deref(),
                Ok("11010519491231002X"),
                "{typed}"
            );
        }
        assert_eq!(
            person_number("110105491231002", today())
                .map(|n| n.text)
                .as_deref(),
            Ok("11010519491231002X")
        );
        assert_eq!(person_number("123", today()), Err(NumberError::Length(3)));
        assert_eq!(
            person_number("1101051949123100O2", today()),
            Err(NumberError::Character('O'))
        );
        assert_eq!(
            person_number("010105194912310020", today()),
            Err(NumberError::Area("01".into()))
        );
        assert!(matches!(
            person_number("110105194902300023", today()),
            Err(NumberError::Birth(_))
        ));
        assert!(matches!(
            person_number("110105202712310022", today()),
            Err(NumberError::Birth(_))
        ));
    }

    #[test]
    fn masks_hide_the_middle() {
        assert_eq!(mask("11010519491231002X"), "110105********002X");
        assert_eq!(mask("12345"), "*****");
        assert_eq!(mask_account("6222000011112222"), "************2222");
    }

    proptest! {
        #[test]
        fn made_numbers_pass_and_one_wrong_digit_does_not(
            days in 0i64..40_000, order in 0u32..500, male: bool, at in 0usize..17, by in 1u32..10
        ) {
            let birth = parse_day("1905-01-01").expect("d") + chrono::TimeDelta::days(days);
            let sex = if male { Sex::Male } else { Sex::Female };
            let made = make_person_number("110105", birth, sex, order).expect("made");
            let read = person_number(&made, today()).expect("valid");
            prop_assert_eq!((read.birth, read.sex), (birth, sex));
            let mut wrong: Vec<char> = made.chars().collect();
            let digit = wrong[at].to_digit(10).expect("digit");
            wrong[at] = char::from_digit((digit + by) % 10, 10).expect("digit");
            let wrong: String = wrong.into_iter().collect();
            prop_assert!(person_number(&wrong, today()).is_err());
        }
    }
}
