//! Figures that a reform scales and does not replace: `times 1.05, round half up to 1`.
//!
//! Steps are taken from left to right, each exact in decimals, so that what comes out is what somebody
//! with pencil and paper gets.

use super::super::model::ParameterRowText;
use super::super::parameters::Parameter;
use super::super::places::Places;
use super::super::prelude::{Number, Rounding, Value};
use super::super::source::say;
use super::super::tables::ParameterRow;
use crate::programme::Bilingual;
use base::Day;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What is done to a figure, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Times(Number),
    Plus(Number),
    Minus(Number),
    /// To the nearest multiple of a figure.
    Round(Rounding, Number),
}

/// How a rounding is called: in English, in Chinese, and by the FEEL function that does it.
const ROUNDINGS: [(Rounding, &str, &str, &str); 4] = [
    (
        Rounding::HalfUp,
        "round half up to",
        "四舍五入到",
        "round half up",
    ),
    (
        Rounding::HalfEven,
        "round half even to",
        "四舍六入五成双到",
        "decimal",
    ),
    (Rounding::Up, "round up to", "向上取整到", "round up"),
    (Rounding::Down, "round down to", "向下取整到", "round down"),
];

/// How scaling may be written, for messages.
pub(crate) fn forms() -> Bilingual {
    say(
        "写成 `乘以 1.05`、`加 20`、`减 20`，后面可以接 `，四舍五入到 1`（或 向上取整到、向下取整到、四舍六入五成双到）",
        "write `times 1.05`, `plus 20` or `minus 20`, perhaps followed by `, round half up to 1` (or round up to, round down to, round half even to)",
    )
}

impl Scale {
    /// Reads what stands where a figure could. `None`: it is a figure or an expression. An error: it
    /// begins as scaling does and is none.
    pub fn read(text: &str) -> Option<Result<Scale, ()>> {
        let begins = ["times", "乘以", "plus", "加", "minus", "减"]
            .iter()
            .any(|word| {
                let rest = text.trim().strip_prefix(word).unwrap_or_default();
                rest.trim_start()
                    .starts_with(|c: char| c.is_ascii_digit() || c == '.')
            });
        begins.then(|| {
            let steps: Option<Vec<Step>> =
                text.split([',', '，']).map(|t| step(t.trim())).collect();
            steps.map(|steps| Scale { steps }).ok_or(())
        })
    }

    /// The figure that comes out; `None` when it has no place among numbers.
    pub fn apply(&self, figure: Number) -> Option<Number> {
        let taken = self
            .steps
            .iter()
            .try_fold(figure, |held, step| match *step {
                Step::Times(by) => held.mul(by),
                Step::Plus(by) => held.add(by),
                Step::Minus(by) => held.sub(by),
                Step::Round(how, to) => held.div(to)?.round(0, how).mul(to),
            });
        taken.map(Number::stripped)
    }

    /// FEEL that does the same to an expression.
    pub fn feel(&self, expression: &str) -> String {
        let mut out = format!("({expression})");
        for step in &self.steps {
            out = match *step {
                Step::Times(by) => format!("({out} * {by})"),
                Step::Plus(by) => format!("({out} + {by})"),
                Step::Minus(by) => format!("({out} - {by})"),
                Step::Round(how, to) => {
                    let name = ROUNDINGS
                        .iter()
                        .find(|r| r.0 == how)
                        .map_or("decimal", |r| r.3);
                    format!("({name}({out} / {to}, 0) * {to})")
                }
            };
        }
        out
    }

    /// As a reader says it.
    pub fn words(&self) -> Bilingual {
        let (mut zh, mut en) = (Vec::new(), Vec::new());
        for step in &self.steps {
            let (z, e, n) = match *step {
                Step::Times(n) => ("乘以", "times", n),
                Step::Plus(n) => ("加", "plus", n),
                Step::Minus(n) => ("减", "minus", n),
                Step::Round(how, n) => ROUNDINGS
                    .iter()
                    .find(|r| r.0 == how)
                    .map_or(("", "", n), |r| (r.2, r.1, n)),
            };
            zh.push(format!("{z} {n}"));
            en.push(format!("{e} {n}"));
        }
        say(zh.join("，"), en.join(", "))
    }

    /// The way from a figure to what comes out: `632 × 1.05 ≈ 664`.
    fn way(&self, from: Number, to: Number) -> String {
        let mut out = from.to_string();
        let mut held = Some(from);
        let mut about = false;
        for (n, step) in self.steps.iter().enumerate() {
            let next = Scale { steps: vec![*step] };
            let then = held.and_then(|h| next.apply(h));
            let _ = match *step {
                Step::Times(by) if n > 0 => {
                    out = format!("({out})");
                    write!(out, " × {by}")
                }
                Step::Times(by) => write!(out, " × {by}"),
                Step::Plus(by) => write!(out, " + {by}"),
                Step::Minus(by) => write!(out, " − {by}"),
                Step::Round(..) => {
                    about |= then != held;
                    Ok(())
                }
            };
            held = then;
        }
        let _ = write!(out, " {} {to}", if about { '≈' } else { '=' });
        out
    }
}

fn step(text: &str) -> Option<Step> {
    let after = |words: [&str; 2]| {
        let rest = words.iter().find_map(|w| text.strip_prefix(w))?;
        rest.trim().parse::<Number>().ok()
    };
    if let Some(by) = after(["times", "乘以"]) {
        return Some(Step::Times(by));
    }
    if let Some(by) = after(["plus", "加"]) {
        return Some(Step::Plus(by));
    }
    if let Some(by) = after(["minus", "减"]) {
        return Some(Step::Minus(by));
    }
    ROUNDINGS.iter().find_map(|(how, en, zh, _)| {
        let to = after([en, zh])?;
        (!to.is_negative() && !to.is_zero()).then_some(Step::Round(*how, to))
    })
}

/// A row that a reform makes of one of the law's.
pub(crate) struct Scaled {
    pub row: ParameterRow,
    pub value: Value,
    pub place: usize,
}

/// The rows of a parameter, scaled as one row of a reform says: at its place, and at each place beneath
/// that has figures of its own, except those in `own` (the reform gives them figures otherwise). One row
/// for each stretch of days on which the law's figure is the same. Empty: there is nothing to scale.
pub(crate) fn rows(
    parameter: &Parameter,
    text: &ParameterRowText,
    place: usize,
    own: &BTreeSet<usize>,
    scale: &Scale,
    places: &Places,
) -> Vec<Scaled> {
    let beneath: BTreeSet<usize> = parameter.places.iter().copied().collect();
    let beneath = beneath
        .into_iter()
        .filter(|p| *p != place && !own.contains(p) && places.chain_of(*p).contains(&place));
    let mut out = stretches(
        parameter,
        text,
        place,
        &places.chain_of(place),
        scale,
        places,
    );
    for at in beneath {
        out.extend(stretches(parameter, text, at, &[at], scale, places));
    }
    out
}

fn stretches(
    parameter: &Parameter,
    text: &ParameterRowText,
    place: usize,
    chain: &[usize],
    scale: &Scale,
    places: &Places,
) -> Vec<Scaled> {
    let (first, last) = (text.row.from, text.row.to);
    // Figures as they stand before this reform, the first that holds first.
    let mut held: Vec<usize> = (0..parameter.rows.len())
        .filter(|&n| {
            parameter.rows[n].reform < text.row.reform && chain.contains(&parameter.places[n])
        })
        .collect();
    held.sort_by_key(|&n| {
        let row = &parameter.rows[n];
        let depth = chain.iter().position(|p| *p == parameter.places[n]);
        (depth, Reverse((row.reform, row.from, row.known_from)))
    });
    let mut begins: BTreeSet<Option<Day>> = BTreeSet::from([first]);
    for &n in &held {
        let row = &parameter.rows[n];
        begins.insert(row.from);
        begins.extend(row.to.and_then(|to| to.succ_opt()).map(Some));
    }
    let begins: Vec<Option<Day>> = begins
        .into_iter()
        .filter(|day| *day >= first && last.is_none_or(|to| day.is_none_or(|d| d <= to)))
        .collect();
    let mut out: Vec<Scaled> = Vec::new();
    for (at, from) in begins.iter().enumerate() {
        let next = begins
            .get(at + 1)
            .copied()
            .flatten()
            .and_then(|d| d.pred_opt());
        let to = next.or(last);
        // What was known later goes before what was known earlier, which those who look back see.
        let mut known: Option<Option<Day>> = None;
        let mut told: Vec<Option<Day>> = Vec::new();
        for &n in &held {
            let row = &parameter.rows[n];
            let holds = (row.from.is_none() || row.from <= *from)
                && row.to.is_none_or(|to| from.is_some_and(|f| f <= to));
            let hidden = known.is_some_and(|k| k.is_none() || row.known_from >= k);
            if !holds || hidden {
                continue;
            }
            known = Some(row.known_from);
            let figure = parameter.values[n].as_number();
            let Some((figure, then)) = figure.and_then(|f| Some((f, scale.apply(f)?))) else {
                continue;
            };
            let known_from = row.known_from.max(text.row.known_from);
            if told.contains(&known_from) {
                continue;
            }
            told.push(known_from);
            let way = scale.way(figure, then);
            // A figure that goes on is one row.
            let before = out.last_mut().filter(|s| {
                s.row.known_from == known_from
                    && s.value == Value::Number(then)
                    && s.row.to.and_then(|d| d.succ_opt()) == *from
            });
            if let Some(before) = before {
                before.row.to = to;
                continue;
            }
            out.push(Scaled {
                row: ParameterRow {
                    value: then.to_string(),
                    place: places.all()[place].code.clone(),
                    from: *from,
                    to,
                    known_from,
                    source: match text.row.source.is_empty() {
                        true => way,
                        false => format!("{}；{way}", text.row.source),
                    },
                    scaled: Some(scale.words()),
                    ..text.row.clone()
                },
                value: Value::Number(then),
                place,
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().expect("a number")
    }

    #[test]
    fn steps_are_taken_as_with_pencil_and_paper() {
        for (text, from, to) in [
            ("times 1.05", "632", "663.6"),
            ("乘以 1.05，四舍五入到 1", "632", "664"),
            ("times 1.05, round down to 10", "632", "660"),
            ("times 1.05, plus 20, round up to 5", "632", "685"),
            ("plus 20, times 2", "632", "1304"),
            ("减 32", "632", "600"),
            ("minus 700", "632", "-68"),
            ("times 0.5, round half even to 1", "5", "2"),
            ("times 1.1, round half up to 0.01", "0.155", "0.17"),
        ] {
            let scale = Scale::read(text).expect("scaling").expect("well formed");
            assert_eq!(scale.apply(number(from)), Some(number(to)), "{text}");
            let again = Scale::read(&scale.words().zh)
                .expect("scaling")
                .expect("reads again");
            assert_eq!(again, scale);
            let again = Scale::read(&scale.words().en)
                .expect("scaling")
                .expect("reads again");
            assert_eq!(again, scale);
        }
        let scale = Scale::read("plus 20, times 1.05, round half up to 1")
            .expect("it")
            .expect("well");
        assert_eq!(
            scale.way(number("632"), number("685")),
            "(632 + 20) × 1.05 ≈ 685"
        );
        assert_eq!(
            scale.feel("标准 * 2"),
            "(round half up((((标准 * 2) + 20) * 1.05) / 1, 0) * 1)"
        );
    }

    #[test]
    fn figures_and_expressions_are_no_scaling() {
        for text in ["632", "加班费 + 1", "times", "标准 * 1.05", "-", ""] {
            assert!(Scale::read(text).is_none(), "{text}");
        }
        for text in [
            "times 1.05.2",
            "times 1.05, round",
            "plus 3, round up to 0",
            "加 20 元",
        ] {
            assert_eq!(Scale::read(text), Some(Err(())), "{text}");
        }
    }
}
