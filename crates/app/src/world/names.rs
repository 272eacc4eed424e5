//! Names, identity numbers, accounts and addresses: well formed, and nobody's.

use super::people::{Person, before, day, stream};
use super::schema::{Cohort, DistrictFile};
use base::Day;
use chrono::Datelike;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use registry::record::Area;

/// Numbers that one area gives to those of one birthday and sex.
const PER_DAY: u32 = 500;
/// Ranks from here on are for people who are born or come later.
pub(super) const LATER: u32 = 400;

/// The district, its streets and its communities; parents before children.
pub(super) fn areas(file: &DistrictFile) -> Vec<Area> {
    let a = &file.areas;
    let mut out = vec![Area {
        code: a.code.clone(),
        name: a.zh.clone(),
        name_en: a.en.clone(),
        parent: a.parent.clone(),
    }];
    let mut names = a.communities.iter().cycle();
    let mut used = 0;
    for (s, street) in a.streets.iter().enumerate() {
        let code = format!("{}{:03}", a.code, s + 1);
        out.push(Area {
            code: code.clone(),
            name: format!("{}{}", street.zh, a.street_zh),
            name_en: format!("{} {}", street.en, a.street_en),
            parent: Some(a.code.clone()),
        });
        for c in 0..a.communities_each {
            let Some(name) = names.next() else { break };
            // When the list is used up, its names come again with a number.
            let round = used / a.communities.len();
            used += 1;
            let (zh, en) = match round {
                0 => (name.zh.clone(), name.en.clone()),
                n => (
                    format!("{}{}", name.zh, ordinal(n + 1)),
                    format!("{} {}", name.en, n + 1),
                ),
            };
            out.push(Area {
                code: format!("{code}{:03}", c + 1),
                name: format!("{zh}{}", a.community_zh),
                name_en: format!("{en} {}", a.community_en),
                parent: Some(code.clone()),
            });
        }
    }
    out
}

fn ordinal(n: usize) -> String {
    ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"]
        .get(n)
        .map_or(n.to_string(), |s| s.to_string())
}

/// Share of the households in each community, in the order of [`communities`].
pub(super) fn community_weights(file: &DistrictFile) -> Vec<f64> {
    let a = &file.areas;
    let mut names = a.communities.iter().cycle();
    let mut out = Vec::new();
    for street in &a.streets {
        for _ in 0..a.communities_each {
            out.push(street.weight * names.next().map_or(1.0, |n| n.weight));
        }
    }
    if out.is_empty() { vec![1.0] } else { out }
}

/// Code of a community by its index.
pub(super) fn community_code(file: &DistrictFile, index: usize) -> String {
    let each = file.areas.communities_each.max(1);
    format!(
        "{}{:03}{:03}",
        file.areas.code,
        index / each + 1,
        index % each + 1
    )
}

/// The check character of GB 11643 for the first 17 digits.
pub(super) fn check_character(digits: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let sum: u32 = digits
        .chars()
        .zip(WEIGHTS)
        .map(|(c, w)| c.to_digit(10).unwrap_or(0) * w)
        .sum();
    CHECKS[(sum % 11) as usize]
}

/// An identity number. `rank` tells those of one birthday and sex apart; no two ranks share a number.
pub(super) fn identity_number(
    file: &DistrictFile,
    birth: Day,
    sex: u8,
    rank: u32,
    choice: f64,
) -> String {
    let prefixes: Vec<_> = file
        .identity
        .prefixes
        .iter()
        .filter(|p| {
            p.born
                .is_none_or(|[from, to]| (from..=to).contains(&birth.year()))
        })
        .collect();
    let sum: f64 = prefixes.iter().map(|p| p.weight).sum();
    let mut at = choice * sum;
    let mut index = 0;
    for (i, p) in prefixes.iter().enumerate() {
        index = i;
        at -= p.weight;
        if at < 0.0 {
            break;
        }
    }
    // More than an area can number in a day go to the next area of the list.
    let index = (index + (rank / PER_DAY) as usize) % prefixes.len().max(1);
    let prefix = prefixes.get(index).map_or("000000", |p| p.code.as_str());
    // Numbers of a day are not given out in order; 3 and 500 have no common divisor.
    let spot = (rank % PER_DAY * 3 + birth.num_days_from_ce() as u32 * 7) % PER_DAY;
    let sequence = if sex == 0 {
        2 * spot + 1
    } else {
        (2 * spot + 2) % 1000
    };
    let digits = format!(
        "{prefix}{:04}{:02}{:02}{sequence:03}",
        birth.year(),
        birth.month(),
        birth.day()
    );
    let check = check_character(&digits);
    format!("{digits}{check}")
}

/// An account number with a Luhn check digit; one for each `n`.
pub(super) fn account_number(file: &DistrictFile, n: u64) -> String {
    let body = file
        .bank
        .digits
        .saturating_sub(file.bank.prefix.len() + 1)
        .max(1);
    let modulus = 10u64.saturating_pow(body as u32);
    // Spread over the range: an odd number that 5 does not divide has no common divisor with 10^k.
    let spread = (u128::from(n) * 7_919_317_731 + 104_729) % u128::from(modulus);
    let digits = format!("{}{spread:0body$}", file.bank.prefix);
    let mut sum = 0;
    for (i, c) in digits.chars().rev().enumerate() {
        let d = c.to_digit(10).unwrap_or(0);
        sum += match i % 2 {
            0 if d > 4 => 2 * d - 9,
            0 => 2 * d,
            _ => d,
        };
    }
    format!("{digits}{}", (10 - sum % 10) % 10)
}

/// A surname: the n-th is about as common as 1/(n+2).
pub(super) fn surname(file: &DistrictFile, rng: &mut ChaCha8Rng) -> String {
    let all: Vec<&str> = file.names.surnames.split_whitespace().collect();
    let sum: f64 = (0..all.len()).map(|i| 1.0 / (i as f64 + 2.0)).sum();
    let mut at = rng.random::<f64>() * sum;
    for (i, name) in all.iter().enumerate() {
        at -= 1.0 / (i as f64 + 2.0);
        if at < 0.0 {
            return (*name).to_string();
        }
    }
    all.last().map_or_else(String::new, |s| (*s).to_string())
}

/// A given name as those of the sex and year of birth have it.
pub(super) fn given(file: &DistrictFile, sex: u8, year: i32, rng: &mut ChaCha8Rng) -> String {
    let cohorts: &[Cohort] = if sex == 0 {
        &file.names.male
    } else {
        &file.names.female
    };
    let Some(cohort) = cohorts
        .iter()
        .rev()
        .find(|c| c.from <= year)
        .or(cohorts.first())
    else {
        return String::new();
    };
    let characters: Vec<char> = cohort
        .characters
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    if characters.is_empty() {
        return String::new();
    }
    let mut pick = || characters[rng.random_range(0..characters.len())];
    let first = pick();
    let second = pick();
    let two = rng.random::<f64>() < cohort.two;
    if two && first != second {
        format!("{first}{second}")
    } else {
        first.to_string()
    }
}

/// An address within a community.
pub(super) fn address(
    file: &DistrictFile,
    street: &str,
    collective: bool,
    rng: &mut ChaCha8Rng,
) -> String {
    let roads: Vec<&str> = file.names.roads.split_whitespace().collect();
    let road = roads
        .get(rng.random_range(0..roads.len().max(1)))
        .copied()
        .unwrap_or("");
    let number = rng.random_range(1..=180);
    if collective {
        let room = rng.random_range(1..=6) * 100 + rng.random_range(1..=24);
        return format!(
            "{street}{road}{number}号{}{room}室",
            file.collective.address_zh
        );
    }
    let (building, unit) = (rng.random_range(1..=24), rng.random_range(1..=5));
    let room = rng.random_range(1..=6) * 100 + rng.random_range(1..=3);
    format!("{street}{road}{number}号院{building}号楼{unit}单元{room}")
}

/// Luck of each community: the factor on its households' incomes.
pub(super) fn community_fortune(file: &DistrictFile, index: usize, seed: u64) -> f64 {
    let mut rng = stream(seed, 0x00c0_ffee_0000 + index as u64);
    (file.areas.fortune_sigma * super::couples::normal(&mut rng)).exp()
}

/// The birthday of a person.
pub(super) fn born(person: &Person) -> Day {
    day(person.birth)
}

/// A day some days before another.
pub(super) fn earlier(start: Day, days: f64) -> Day {
    before(start, days as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_characters_are_those_of_the_standard() {
        assert_eq!(check_character("11010519491231002"), 'X');
        assert_eq!(check_character("44052418800101001"), '4');
    }
}
