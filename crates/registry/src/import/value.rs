//! Cells to values of the types that the law declares.

use super::sheet::{Cell, serial_day};
use super::{Why, why};
use crate::identity::tidy;
use base::{Day, Fen, Month, parse_day};
use serde_json::{Map, Value, json};

/// A type, as the law writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Money in yuan.
    Money,
    /// A number, with decimals.
    Number,
    /// A ratio such as 0.3, also written 30%.
    Ratio,
    /// A whole number of something.
    Count,
    /// Yes or no.
    Boolean,
    /// Any text.
    Text,
    /// A date.
    Date,
    /// A month.
    YearMonth,
    /// One of these texts.
    Choice(Vec<String>),
    /// Several fields.
    Record(Vec<(String, ValueType, bool)>),
}

/// A type that cannot be read from a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("evidence of type `{0}` cannot be imported from a table")]
pub struct TypeError(pub String);

impl ValueType {
    /// Reads a type's text; the boolean says whether the value may be null.
    ///
    /// # Errors
    /// For lists and types that are not of the law's language.
    pub fn parse(text: &str) -> Result<(ValueType, bool), TypeError> {
        let text = text.trim();
        let error = || TypeError(text.to_owned());
        let (body, nullable) = match text.strip_suffix('?') {
            Some(body) => (body.trim(), true),
            None => (text, false),
        };
        if let Some(list) = body.strip_prefix('[') {
            let list = list.strip_suffix(']').ok_or_else(error)?;
            let names = list
                .split(',')
                .map(|name| name.trim().trim_matches('"').to_owned())
                .filter(|name| !name.is_empty());
            return Ok((ValueType::Choice(names.collect()), nullable));
        }
        for prefix in ["情况{", "context{"] {
            let Some(fields) = body.strip_prefix(prefix) else {
                continue;
            };
            let fields = fields.strip_suffix('}').ok_or_else(error)?;
            let mut out = Vec::new();
            for field in split_fields(fields) {
                let (name, kind) = field.split_once([':', '：']).ok_or_else(error)?;
                let (kind, nullable) = ValueType::parse(kind)?;
                out.push((name.trim().to_owned(), kind, nullable));
            }
            return Ok((ValueType::Record(out), nullable));
        }
        let kind = match body {
            "数" | "number" => ValueType::Number,
            "比率" | "ratio" => ValueType::Ratio,
            "是否" | "boolean" => ValueType::Boolean,
            "文本" | "text" => ValueType::Text,
            "日期" | "date" => ValueType::Date,
            "年月" | "year-month" => ValueType::YearMonth,
            "人" | "个" | "月" | "年" | "岁" | "日" | "persons" | "months" | "years" | "days" => {
                ValueType::Count
            }
            unit if unit.starts_with('元') || unit.starts_with("yuan") => ValueType::Money,
            _ => return Err(error()),
        };
        Ok((kind, nullable))
    }

    /// How to fill it in, in both languages.
    pub fn hint(&self) -> (String, String) {
        let (zh, en) = match self {
            ValueType::Money => ("金额（元），如 1234.50", "amount in yuan, such as 1234.50"),
            ValueType::Number => ("数字，如 12.5", "a number, such as 12.5"),
            ValueType::Ratio => ("比率，如 0.3 或 30%", "a ratio, such as 0.3 or 30%"),
            ValueType::Count => ("整数或小数，如 3", "a number, such as 3"),
            ValueType::Boolean => ("是 或 否", "是 (yes) or 否 (no)"),
            ValueType::Text => ("文字", "text"),
            ValueType::Date => ("日期，如 2026-07-01", "a date, such as 2026-07-01"),
            ValueType::YearMonth => ("年月，如 2026-07", "a month, such as 2026-07"),
            ValueType::Choice(names) => {
                let all = names.join("、");
                return (format!("从中选一：{all}"), format!("one of: {all}"));
            }
            ValueType::Record(_) => ("分列填写", "filled in column by column"),
        };
        (zh.into(), en.into())
    }

    /// The fields of a record; none for every other type.
    pub(crate) fn fields(&self) -> &[(String, ValueType, bool)] {
        match self {
            ValueType::Record(fields) => fields,
            _ => &[],
        }
    }

    /// A cell's value as JSON. Empty cells are the caller's concern.
    pub(crate) fn read(&self, cell: &Cell, nullable: bool) -> Result<Value, Why> {
        let shown = cell.show();
        let (hint_zh, hint_en) = self.hint();
        let wrong = |zh: &str, en: &str| {
            why(
                zh,
                en,
                format!("应填：{hint_zh}"),
                format!("write {hint_en}"),
            )
        };
        let allowed = matches!(self, ValueType::Choice(names) if names.contains(&shown));
        if nullable && !allowed && matches!(shown.as_str(), "无" | "空" | "null" | "-" | "—") {
            return Ok(Value::Null);
        }
        match self {
            ValueType::Money => {
                money(&shown).ok_or_else(|| wrong("不是金额", "is not an amount of money"))
            }
            ValueType::Number | ValueType::Count => {
                number(&shown).ok_or_else(|| wrong("不是数字", "is not a number"))
            }
            ValueType::Ratio => ratio(&shown).ok_or_else(|| wrong("不是比率", "is not a ratio")),
            ValueType::Boolean => {
                boolean(&shown).ok_or_else(|| wrong("不是“是”或“否”", "is neither yes nor no"))
            }
            ValueType::Text => Ok(Value::String(shown)),
            ValueType::Date => day(cell).map(|d| json!(d.to_string())),
            ValueType::YearMonth => month(cell).map(|m| json!(m.to_string())),
            ValueType::Choice(names) => {
                let plain = tidy(&shown);
                names
                    .iter()
                    .find(|name| **name == shown || tidy(name) == plain)
                    .map(|name| json!(name))
                    .ok_or_else(|| wrong("不在可选值之列", "is not one of the allowed values"))
            }
            ValueType::Record(_) => Err(wrong("应分列填写", "should stand in several columns")),
        }
    }

    /// A record from its fields' cells, found by `cell`; `None` when all are empty.
    pub(crate) fn read_record<'a>(
        fields: &[(String, ValueType, bool)],
        cell: impl Fn(&str) -> Option<&'a Cell>,
    ) -> Result<Option<Value>, Box<(String, String, Why)>> {
        let mut out = Map::new();
        let mut any = false;
        for (name, kind, nullable) in fields {
            let value = match cell(name) {
                Some(cell) if !cell.is_empty() => {
                    any = true;
                    let read = kind.read(cell, *nullable);
                    read.map_err(|why| Box::new((name.clone(), cell.show(), why)))?
                }
                _ => Value::Null,
            };
            out.insert(name.clone(), value);
        }
        if !any {
            return Ok(None);
        }
        for (name, kind, nullable) in fields {
            if !nullable && out.get(name).is_none_or(Value::is_null) {
                let (zh, en) = kind.hint();
                let why = why(
                    "未填",
                    "is missing",
                    format!("应填：{zh}"),
                    format!("write {en}"),
                );
                return Err(Box::new((name.clone(), String::new(), why)));
            }
        }
        Ok(Some(Value::Object(out)))
    }
}

/// A value as a cell holds it: what [`ValueType::read`] reads back.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "无".into(),
        Value::Bool(true) => "是".into(),
        Value::Bool(false) => "否".into(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Splits at commas outside brackets.
fn split_fields(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (i, c) in text.char_indices() {
        match c {
            '{' | '[' | '<' => depth += 1,
            '}' | ']' | '>' => depth -= 1,
            ',' | '，' if depth == 0 => {
                out.push(&text[start..i]);
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        out.push(&text[start..]);
    }
    out
}

/// Full-width marks made plain, blanks and thousands marks dropped.
fn plain_number(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, ',' | '，' | '\'' | '￥' | '¥'))
        .map(|c| match c {
            '０'..='９' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '．' => '.',
            '－' | '−' | '—' => '-',
            '％' => '%',
            c => c,
        })
        .collect()
}

/// A decimal in JSON, exact: as a whole number when it is one.
fn decimal(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !all(whole) || !all(part) || whole.len() > 15 || part.len() > 10 {
        return None;
    }
    if part.bytes().all(|b| b == b'0') {
        let n: i64 = text.split('.').next()?.parse().ok()?;
        return Some(json!(n));
    }
    // At most 15 significant digits read and print the same.
    text.parse::<f64>().ok().map(|n| json!(n))
}

fn money(text: &str) -> Option<Value> {
    let plain = plain_number(text);
    let (plain, shift) = strip_money(&plain);
    let fen = Fen::parse_yuan(plain).ok()?;
    let fen = Fen(fen.0.checked_mul(shift)?);
    decimal(&fen.to_string())
}

fn strip_money(text: &str) -> (&str, i64) {
    let unit = ["元/月", "元/年", "元整", "元", "块", "yuan"];
    let bare = unit
        .iter()
        .find_map(|u| text.strip_suffix(u))
        .unwrap_or(text);
    match bare.strip_suffix('万') {
        Some(bare) => (bare, 10_000),
        None => (bare, 1),
    }
}

fn number(text: &str) -> Option<Value> {
    let plain = plain_number(text);
    let units = [
        "个月", "周岁", "人", "个", "月", "年", "岁", "日", "天", "元",
    ];
    let bare = units
        .iter()
        .find_map(|u| plain.strip_suffix(u))
        .unwrap_or(&plain);
    decimal(bare)
}

fn ratio(text: &str) -> Option<Value> {
    let plain = plain_number(text);
    let Some(percent) = plain.strip_suffix('%') else {
        return decimal(&plain);
    };
    let n: f64 = decimal(percent)?.as_f64()?;
    // Percent with up to eight decimals, divided without a trace of binary fractions.
    decimal(
        &format!("{:.10}", n / 100.0)
            .trim_end_matches('0')
            .trim_end_matches('.'),
    )
}

fn boolean(text: &str) -> Option<Value> {
    match tidy(text).as_str() {
        "是" | "有" | "对" | "√" | "✓" | "Y" | "YES" | "TRUE" | "1" => Some(json!(true)),
        "否" | "无" | "没有" | "错" | "×" | "✗" | "N" | "NO" | "FALSE" | "0" => {
            Some(json!(false))
        }
        _ => None,
    }
}

fn not_a_date(zh: &str, en: &str) -> Why {
    why(
        zh,
        en,
        "应填日期，如 2026-07-01",
        "write a date, such as 2026-07-01",
    )
}

/// A date as clerks type it: `2026-07-01`, `2026/7/1`, `2026.7.1`, `20260701`, `2026年7月1日`, with
/// full-width digits, with a time behind it, or as a spreadsheet's serial number.
pub(crate) fn day(cell: &Cell) -> Result<Day, Why> {
    let text = match cell {
        Cell::Date(day) => return Ok(*day),
        Cell::Number(n) if (20_000.0..80_000.0).contains(n) => {
            return serial_day(*n).ok_or_else(|| not_a_date("不是日期", "is not a date"));
        }
        other => plain_date(&other.show()),
    };
    let date = text.split(['T', ' ']).next().unwrap_or("");
    if let Ok(day) = parse_day(date) {
        return Ok(day);
    }
    // A serial number that was saved to csv.
    if date.len() == 5
        && let Some(day) = date
            .parse()
            .ok()
            .filter(|n| (20_000.0..80_000.0).contains(n))
            .and_then(serial_day)
    {
        return Ok(day);
    }
    let parts: Vec<&str> = date.split(['-', '/', '.', '年', '月']).collect();
    if parts.len() >= 3 && parts[0].len() == 2 {
        return Err(not_a_date("年份只有两位", "has a year of two digits"));
    }
    if parts.len() >= 3 && parts.iter().take(3).all(|p| !p.is_empty()) {
        return Err(not_a_date("没有这一天", "is no day of the calendar"));
    }
    Err(not_a_date("不是日期", "is not a date"))
}

fn plain_date(text: &str) -> String {
    let plain: String = text
        .trim()
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '／' => '/',
            '．' | '。' => '.',
            '－' | '—' | '–' => '-',
            c => c,
        })
        .collect();
    // `2026 年 7 月 1 日`, but not `2026-07-01 00:00:00`.
    if plain.contains('年') {
        plain.chars().filter(|c| !c.is_whitespace()).collect()
    } else {
        plain
    }
}

/// A month: `2026-07`, `2026年7月`, `202607`, `2026/7`, or any day in it.
pub(crate) fn month(cell: &Cell) -> Result<Month, Why> {
    if let Ok(day) = day(cell) {
        return Ok(Month::of(day));
    }
    bare_month(&cell.show()).ok_or_else(|| {
        why(
            "不是年月",
            "is not a month",
            "应填年月，如 2026-07",
            "write a month, such as 2026-07",
        )
    })
}

fn bare_month(text: &str) -> Option<Month> {
    let plain = plain_date(text);
    let plain = plain.trim_end_matches('月').replace(['年', '/', '.'], "-");
    let (year, number) = match plain.split_once('-') {
        Some(parts) => parts,
        None if plain.len() == 6 => plain.split_at_checked(4)?,
        None => return None,
    };
    (year.len() == 4).then_some(())?;
    Month::new(year.parse().ok()?, number.parse().ok()?)
}

/// The first day of a period: a date, or a month for its first day.
pub(crate) fn first_day(cell: &Cell) -> Result<Day, Why> {
    match bare_month(&cell.show()) {
        Some(month) if !matches!(cell, Cell::Date(_)) => Ok(month.first()),
        _ => day(cell),
    }
}

/// The first day after a period that is given by its last day, or by its last month. Words for "until
/// further notice" mean that it is open.
pub(crate) fn day_after(cell: &Cell) -> Result<Option<Day>, Why> {
    if matches!(
        cell.show().as_str(),
        "" | "长期" | "至今" | "无" | "-" | "—"
    ) {
        return Ok(None);
    }
    match bare_month(&cell.show()) {
        Some(month) if !matches!(cell, Cell::Date(_)) => Ok(Some(month.next().first())),
        _ => Ok(day(cell)?.succ_opt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(t: &str) -> Cell {
        Cell::Text(t.into())
    }

    #[test]
    fn money_as_clerks_type_it() {
        for (typed, value) in [
            ("1234.5", json!(1234.5)),
            ("1,234.50元", json!(1234.5)),
            ("￥１２３４", json!(1234)),
            ("1 234", json!(1234)),
            ("3.5万元", json!(35000)),
            ("-0.05", json!(-0.05)),
        ] {
            let read = ValueType::Money.read(&text(typed), false);
            assert_eq!(read.ok(), Some(value), "{typed}");
        }
        for bad in ["一千", "12.345", "1.2.3", "12a"] {
            assert!(ValueType::Money.read(&text(bad), false).is_err(), "{bad}");
        }
        assert_eq!(
            ValueType::Money.read(&Cell::Number(0.1 + 0.2), false).ok(),
            Some(json!(0.3))
        );
        assert_eq!(
            ValueType::Money.read(&Cell::Number(1200.3), false).ok(),
            Some(json!(1200.3))
        );
    }

    #[test]
    fn dates_as_clerks_type_them() {
        let wanted = parse_day("2026-07-01").expect("a date");
        for typed in [
            "2026-07-01",
            "2026/7/1",
            "2026.7.1",
            "20260701",
            "2026年7月1日",
            "２０２６－７－１",
            "2026-07-01 00:00:00",
            "2026 年 7 月 1 日",
            "46204",
        ] {
            assert_eq!(day(&text(typed)).ok(), Some(wanted), "{typed}");
        }
        assert_eq!(day(&Cell::Number(46204.0)).ok(), Some(wanted));
        assert_eq!(
            day(&text("26-07-01")).expect_err("bad").en,
            "has a year of two digits"
        );
        assert_eq!(
            day(&text("2026-02-30")).expect_err("bad").en,
            "is no day of the calendar"
        );
        assert_eq!(first_day(&text("2026年7月")).ok(), Some(wanted));
        assert_eq!(day_after(&text("2026-06")).ok(), Some(Some(wanted)));
        assert_eq!(day_after(&text("2026-06-30")).ok(), Some(Some(wanted)));
        assert_eq!(day_after(&text("长期")).ok(), Some(None));
        assert_eq!(
            month(&text("202607"))
                .ok()
                .map(|m| m.to_string())
                .as_deref(),
            Some("2026-07")
        );
    }

    #[test]
    fn types_as_the_law_writes_them() {
        let (kind, nullable) = ValueType::parse("[\"甲\", \"乙\"]?").expect("a type");
        assert!(nullable);
        assert_eq!(kind.read(&text("乙"), true).ok(), Some(json!("乙")));
        assert_eq!(kind.read(&text("无"), true).ok(), Some(Value::Null));
        assert!(kind.read(&text("丙"), true).is_err());
        let (kind, _) =
            ValueType::parse("情况{级别: [\"一\",\"二\"], 费用: 元, 备注: 文本?}").expect("a type");
        let ValueType::Record(fields) = kind else {
            panic!("a record")
        };
        assert_eq!(fields.len(), 3);
        assert_eq!(
            ValueType::parse("比率")
                .expect("a type")
                .0
                .read(&text("30%"), false)
                .ok(),
            Some(json!(0.3))
        );
        assert_eq!(
            ValueType::parse("是否")
                .expect("a type")
                .0
                .read(&text("√"), false)
                .ok(),
            Some(json!(true))
        );
        assert!(ValueType::parse("列表<元>").is_err());
    }

    #[test]
    fn what_is_shown_is_read_back() {
        let choice = || ValueType::Choice(vec!["在校".into(), "无".into()]);
        for (kind, value) in [
            (ValueType::Money, json!(1234.5)),
            (ValueType::Money, json!(-3)),
            (ValueType::Number, json!(12.25)),
            (ValueType::Count, json!(3)),
            (ValueType::Ratio, json!(0.3)),
            (ValueType::Boolean, json!(true)),
            (ValueType::Boolean, json!(false)),
            (ValueType::Text, json!("甲, \"乙\"")),
            (ValueType::Date, json!("2026-07-01")),
            (ValueType::YearMonth, json!("2026-07")),
            (choice(), json!("在校")),
            (choice(), json!("无")),
        ] {
            let cell = shown(&value);
            let read = kind.read(&text(&cell), true);
            assert_eq!(read.ok(), Some(value), "{kind:?} {cell}");
        }
        let read = ValueType::Money.read(&text(&shown(&Value::Null)), true);
        assert_eq!(read.ok(), Some(Value::Null));
    }
}
