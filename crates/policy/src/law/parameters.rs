//! Parameters: dated, cited figures by place, and which one holds.

use super::kinds::parse_type;
use super::model::{ParameterRowText, ParameterText};
use super::places::Places;
use super::prelude::{Number, Type, Value};
use super::reform::scale::{self, Scale};
use super::source::{Findings, Span, say};
use super::tables::ParameterRow;
use base::{Citation, Day};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A parameter with all its rows, wherever they stand.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name.
    pub name: Arc<str>,
    /// English name.
    pub en: String,
    /// Type.
    pub ty: Type,
    /// Type as written.
    pub unit: String,
    /// Rows by place, then first day.
    pub rows: Vec<ParameterRow>,
    /// Where it is declared.
    pub citation: Citation,
    pub(crate) values: Vec<Value>,
    /// Index of each row's place.
    pub(crate) places: Vec<usize>,
    pub(crate) spans: Vec<Span>,
    pub(crate) span: Span,
}

impl Parameter {
    /// The row that holds at a place (its chain of place indices, most specific first) on a day: a
    /// reform's before the law's, then the latest. As known on `known` (`None`: as known today).
    pub(crate) fn row(&self, chain: &[usize], day: Day, known: Option<Day>) -> Option<usize> {
        let holds = |n: &usize| {
            let row = &self.rows[*n];
            row.from.is_none_or(|f| f <= day)
                && row.to.is_none_or(|t| day <= t)
                && known.is_none_or(|k| row.known_from.is_none_or(|f| f <= k))
        };
        chain.iter().find_map(|place| {
            (0..self.rows.len())
                .filter(|&n| self.places[n] == *place)
                .filter(holds)
                .max_by_key(|&n| {
                    let row = &self.rows[n];
                    (row.reform, row.from, row.known_from)
                })
        })
    }
}

/// All parameters with an index by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    pub list: Vec<Parameter>,
    pub index: HashMap<Arc<str>, usize>,
}

impl Parameters {
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.index.get(name).map(|&n| &self.list[n])
    }
}

/// Brings declarations and rows of all instruments together.
pub(crate) fn read(
    texts: &[ParameterText],
    places: &Places,
    findings: &mut Findings<'_>,
) -> Parameters {
    let mut all = Parameters::default();
    for text in texts.iter().filter(|t| t.ty.is_some()) {
        let Some(cell) = &text.ty else { continue };
        if let Some(other) = all.get(&text.name.text) {
            let place = findings.sources.place(&other.span);
            findings.error(
                "duplicate-parameter",
                &text.name.span,
                say(
                    format!("参数 `{}` 已在 {place} 声明", text.name.text),
                    format!("the parameter `{}` is declared at {place}", text.name.text),
                ),
                say(
                    format!("只加行时写 `@parameter {}`，不写类型", text.name.text),
                    format!(
                        "to add rows write `@parameter {}` without a type",
                        text.name.text
                    ),
                ),
            );
            continue;
        }
        let Some(ty) = parse_type(cell, findings) else {
            continue;
        };
        let name: Arc<str> = text.name.text.as_str().into();
        all.index.insert(name.clone(), all.list.len());
        all.list.push(Parameter {
            name,
            en: text.en.clone(),
            unit: cell.text.clone(),
            ty,
            rows: Vec::new(),
            citation: text.citation.clone(),
            values: Vec::new(),
            places: Vec::new(),
            spans: Vec::new(),
            span: text.name.span.clone(),
        });
    }
    for text in texts {
        let Some(&at) = all.index.get(text.name.text.as_str()) else {
            if text.ty.is_none() {
                let hint =
                    super::report::closest(&text.name.text, all.list.iter().map(|p| &*p.name));
                let remedy = match hint {
                    Some(hint) => say(
                        format!("是 `{hint}` 吗？"),
                        format!("did you mean `{hint}`?"),
                    ),
                    None => say(
                        format!("第一次声明要写类型：`@parameter {} : 元`", text.name.text),
                        format!(
                            "its declaration gives the type: `@parameter {} : yuan`",
                            text.name.text
                        ),
                    ),
                };
                findings.error(
                    "unknown-parameter",
                    &text.name.span,
                    say(
                        format!("没有声明过参数 `{}`", text.name.text),
                        format!("the parameter `{}` is declared nowhere", text.name.text),
                    ),
                    remedy,
                );
            }
            continue;
        };
        let named: BTreeSet<usize> = text
            .rows
            .iter()
            .filter_map(|row| places.listed(&row.row.place))
            .collect();
        for row in &text.rows {
            add_row(&mut all.list[at], row, &named, places, findings);
        }
    }
    for parameter in &all.list {
        check_rows(parameter, findings);
    }
    all
}

fn add_row(
    parameter: &mut Parameter,
    text: &ParameterRowText,
    named: &BTreeSet<usize>,
    places: &Places,
    findings: &mut Findings<'_>,
) {
    if text.row.reform > 0
        && let Some(scale) = Scale::read(&text.value.text)
    {
        scale_rows(parameter, text, named, scale, places, findings);
        return;
    }
    let Some(value) = parse_value(&text.value.text, &parameter.ty) else {
        findings.error(
            "bad-row",
            &text.value.span,
            say(
                format!("`{}` 不是 {} 类型的值", text.value.text, parameter.unit),
                format!(
                    "`{}` is no value of type {}",
                    text.value.text, parameter.unit
                ),
            ),
            say(
                "数字不带单位和千分号；文本加引号",
                "numbers without unit or thousands mark; texts in quotes",
            ),
        );
        return;
    };
    let Some(place) = place_of(text, places, findings) else {
        return;
    };
    parameter.rows.push(text.row.clone());
    parameter.values.push(value);
    parameter.places.push(place);
    parameter.spans.push(text.span.clone());
}

/// The rows that a reform's `times 1.05` makes of those that are there.
fn scale_rows(
    parameter: &mut Parameter,
    text: &ParameterRowText,
    named: &BTreeSet<usize>,
    scale: Result<Scale, ()>,
    places: &Places,
    findings: &mut Findings<'_>,
) {
    let Ok(scale) = scale else {
        findings.error(
            "bad-row",
            &text.value.span,
            say(
                format!("`{}` 不是这样改数值的写法", text.value.text),
                format!("`{}` is no way to scale a figure", text.value.text),
            ),
            scale::forms(),
        );
        return;
    };
    let Some(place) = place_of(text, places, findings) else {
        return;
    };
    let rows = scale::rows(parameter, text, place, named, &scale, places);
    if rows.is_empty() {
        findings.error(
            "reform-no-row",
            &text.span,
            say(
                format!("参数 `{}` 在这个地方和期间没有数值可改", parameter.name),
                format!("`{}` has no figure there and then to scale", parameter.name),
            ),
            say(
                "核对地方和日期；没有数值的写上数值",
                "check place and days; where there is no figure write one",
            ),
        );
    }
    for one in rows {
        parameter.rows.push(one.row);
        parameter.values.push(one.value);
        parameter.places.push(one.place);
        parameter.spans.push(text.span.clone());
    }
}

fn place_of(
    text: &ParameterRowText,
    places: &Places,
    findings: &mut Findings<'_>,
) -> Option<usize> {
    let place = places.listed(&text.row.place);
    if place.is_none() {
        let hint = super::report::closest(
            &text.row.place,
            places.all().iter().map(|p| p.code.as_str()),
        );
        findings.error(
            "unknown-place",
            &text.span,
            say(
                format!("地方 `{}` 不在 places.csv 中", text.row.place),
                format!("the place `{}` is not in places.csv", text.row.place),
            ),
            match hint {
                Some(hint) => say(
                    format!("是 `{hint}` 吗？"),
                    format!("did you mean `{hint}`?"),
                ),
                None => say("在 places.csv 加一行", "add a line to places.csv"),
            },
        );
    }
    place
}

/// A figure as parameter tables write it.
fn parse_value(text: &str, ty: &Type) -> Option<Value> {
    let json = |t: &str| {
        let json = serde_json::from_str::<serde_json::Value>(t).ok()?;
        Value::from_json(&json, ty).ok()
    };
    match ty.plain() {
        Type::Number(_) => text.parse::<Number>().ok().map(Value::Number),
        Type::Boolean => match text {
            "true" | "是" => Some(Value::Boolean(true)),
            "false" | "否" => Some(Value::Boolean(false)),
            _ => None,
        },
        Type::List(_) | Type::Context(_) => json(text),
        _ if text.starts_with('"') => json(text),
        _ => Value::from_json(&serde_json::Value::String(text.into()), ty).ok(),
    }
}

/// Two rows of one place must not contradict each other: the later first day wins, but a last day
/// that reaches into a later row, or two rows from the same day, are somebody's mistake.
fn check_rows(parameter: &Parameter, findings: &mut Findings<'_>) {
    for n in 0..parameter.rows.len() {
        for m in 0..n {
            let (a, b) = (&parameter.rows[m], &parameter.rows[n]);
            let apart = parameter.places[m] != parameter.places[n]
                || a.known_from != b.known_from
                || a.reform != b.reform;
            if apart {
                continue;
            }
            let (early, late) = if a.from <= b.from { (a, b) } else { (b, a) };
            let meets = early.from == late.from
                || early.to.is_some_and(|to| late.from.is_none_or(|f| f <= to));
            if meets {
                let other = findings.sources.place(&parameter.spans[m]);
                findings.error(
                    "overlapping-rows",
                    &parameter.spans[n],
                    say(
                        format!("参数 `{}` 的这一行与 {other} 的时间重叠", parameter.name),
                        format!(
                            "this row of `{}` overlaps the one at {other}",
                            parameter.name
                        ),
                    ),
                    say(
                        "改正 from 或 to；后来的更正写上 known from",
                        "mend `from` or `to`; give a later correction its `known from`",
                    ),
                );
            }
        }
    }
}
