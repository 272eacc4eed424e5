//! Static types, with units on numbers, as `docs/law-format.md` lists them.

use super::ast::UnaryTests;
use super::value::Value;
use std::fmt;
use std::sync::Arc;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 数: a plain number; it takes the unit of its neighbour.
    Plain,
    /// 元
    Yuan,
    /// 元/月
    YuanPerMonth,
    /// 元/年
    YuanPerYear,
    /// 元/人
    YuanPerPerson,
    /// 元/月/人
    YuanPerMonthPerPerson,
    /// 元/年/人
    YuanPerYearPerPerson,
    /// Yuan that were divided by persons: whether of each of them or of somebody is not said, so it goes
    /// with 元 and with 元/人. No type of a law file.
    YuanShare,
    /// The same of 元/月.
    YuanPerMonthShare,
    /// The same of 元/年.
    YuanPerYearShare,
    /// 人
    Persons,
    /// 个
    Items,
    /// 月: a number of months.
    Months,
    /// 年: a number of years.
    Years,
    /// 岁: years of age.
    Age,
    /// 日: a number of days.
    Days,
    /// 比率
    Ratio,
}

// Shares have the name of what was divided, which stands before them and so is what a name means.
const UNITS: [(Unit, &str, &str, &[&str]); 17] = [
    (Unit::Plain, "数", "number", &["数字"]),
    (Unit::Yuan, "元", "yuan", &[]),
    (Unit::YuanPerMonth, "元/月", "yuan/month", &[]),
    (Unit::YuanPerYear, "元/年", "yuan/year", &[]),
    (Unit::YuanPerPerson, "元/人", "yuan/person", &[]),
    (
        Unit::YuanPerMonthPerPerson,
        "元/月/人",
        "yuan/month/person",
        &["元/人/月", "yuan/person/month"],
    ),
    (
        Unit::YuanPerYearPerPerson,
        "元/年/人",
        "yuan/year/person",
        &["元/人/年", "yuan/person/year"],
    ),
    (Unit::YuanShare, "元", "yuan", &[]),
    (Unit::YuanPerMonthShare, "元/月", "yuan/month", &[]),
    (Unit::YuanPerYearShare, "元/年", "yuan/year", &[]),
    (Unit::Persons, "人", "persons", &["person"]),
    (Unit::Items, "个", "items", &["item"]),
    (Unit::Months, "月", "months", &["month"]),
    (Unit::Years, "年", "years", &["year"]),
    (Unit::Age, "岁", "age", &["years of age"]),
    (Unit::Days, "日", "days", &["day", "天"]),
    (Unit::Ratio, "比率", "ratio", &[]),
];

impl Unit {
    /// Chinese, as the law format writes it.
    pub fn zh(self) -> &'static str {
        UNITS.iter().find(|u| u.0 == self).map_or("", |u| u.1)
    }

    /// English.
    pub fn en(self) -> &'static str {
        UNITS.iter().find(|u| u.0 == self).map_or("", |u| u.2)
    }

    /// Reads either spelling.
    pub fn parse(text: &str) -> Option<Unit> {
        let found = UNITS
            .iter()
            .find(|(_, zh, en, more)| text == *zh || text == *en || more.contains(&text));
        found.map(|u| u.0)
    }

    /// A unit that multiplies and divides without changing its neighbour's.
    fn counts(self) -> bool {
        matches!(
            self,
            Unit::Plain | Unit::Persons | Unit::Items | Unit::Ratio
        )
    }

    /// Money without its persons; `None` for what is neither of each person nor a share.
    fn whole(self) -> Option<Unit> {
        use Unit::*;
        Some(match self {
            YuanPerPerson | YuanShare => Yuan,
            YuanPerMonthPerPerson | YuanPerMonthShare => YuanPerMonth,
            YuanPerYearPerPerson | YuanPerYearShare => YuanPerYear,
            _ => return None,
        })
    }

    /// Is it money, by the month, by the year or of each person?
    pub fn is_money(self) -> bool {
        matches!(self, Unit::Yuan | Unit::YuanPerMonth | Unit::YuanPerYear)
            || self.whole().is_some()
    }

    fn is_share(self) -> bool {
        use Unit::*;
        matches!(self, YuanShare | YuanPerMonthShare | YuanPerYearShare)
    }

    /// Does a share go with another unit of money?
    fn shares(self, other: Unit) -> bool {
        self.is_share() && self.whole() == Some(other.whole().unwrap_or(other))
    }

    /// The unit of a sum, difference or comparison; `None` for a mismatch.
    pub fn sum(self, other: Unit) -> Option<Unit> {
        match (self, other) {
            (a, b) if a == b => Some(a),
            (share, unit) | (unit, share) if share.shares(unit) => Some(unit),
            (Unit::Plain, unit) | (unit, Unit::Plain) => Some(unit),
            _ => None,
        }
    }

    /// The unit of a product; `None` for one that means nothing.
    pub fn product(self, other: Unit) -> Option<Unit> {
        use Unit::*;
        match (self, other) {
            (Plain, unit) | (unit, Plain) => Some(unit),
            (YuanPerMonth, Months) | (Months, YuanPerMonth) => Some(Yuan),
            (YuanPerYear, Years) | (Years, YuanPerYear) => Some(Yuan),
            (YuanPerMonthPerPerson, Months) | (Months, YuanPerMonthPerPerson) => {
                Some(YuanPerPerson)
            }
            (YuanPerMonthShare, Months) | (Months, YuanPerMonthShare) => Some(YuanShare),
            (YuanPerYearPerPerson, Years) | (Years, YuanPerYearPerPerson) => Some(YuanPerPerson),
            (YuanPerYearShare, Years) | (Years, YuanPerYearShare) => Some(YuanShare),
            (money, Persons) | (Persons, money) if money.whole().is_some() => money.whole(),
            (Ratio, unit) | (unit, Ratio) => Some(unit),
            (unit, count) | (count, unit) if count.counts() => Some(unit),
            _ => None,
        }
    }

    /// The unit of a quotient; `None` for one that means nothing.
    pub fn quotient(self, other: Unit) -> Option<Unit> {
        use Unit::*;
        match (self, other) {
            (a, Plain) => Some(a),
            (a, b) if a == b => Some(Ratio),
            (Yuan, Months) => Some(YuanPerMonth),
            (Yuan, Years) => Some(YuanPerYear),
            (Yuan, YuanPerMonth) => Some(Months),
            (Yuan, YuanPerYear) => Some(Years),
            (Yuan, Persons) => Some(YuanShare),
            (YuanPerMonth, Persons) => Some(YuanPerMonthShare),
            (YuanPerYear, Persons) => Some(YuanPerYearShare),
            (YuanPerPerson, Months) => Some(YuanPerMonthPerPerson),
            (YuanShare, Months) => Some(YuanPerMonthShare),
            (YuanPerPerson, Years) => Some(YuanPerYearPerPerson),
            (YuanShare, Years) => Some(YuanPerYearShare),
            (a, b) if a.shares(b) || b.shares(a) => Some(Ratio),
            (whole, each) if each.whole() == Some(whole) => Some(Persons),
            (Yuan | YuanShare, YuanPerMonthShare) => Some(Months),
            (Yuan | YuanShare, YuanPerYearShare) => Some(Years),
            (YuanShare, YuanPerMonth) | (YuanPerPerson, YuanPerMonthPerPerson) => Some(Months),
            (YuanShare, YuanPerYear) | (YuanPerPerson, YuanPerYearPerPerson) => Some(Years),
            (unit, count) if count.counts() => Some(unit),
            _ => None,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.zh())
    }
}

/// A static type.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Anything; only lenient models have it.
    Any,
    /// Only null.
    Null,
    /// 是否
    Boolean,
    /// A number; in strict mode a unit is always known, in lenient models `None`.
    Number(Option<Unit>),
    /// 文本
    Text,
    /// One of some texts.
    Enum(Arc<[Arc<str>]>),
    /// 日期
    Date,
    /// 年月: a day, the first of its month; `2025-01` outside.
    YearMonth,
    /// Time of day.
    Time,
    /// Day and time of day.
    DateTime,
    /// Years and months duration.
    YearsMonths,
    /// Days and time duration.
    DaysTime,
    /// 列表<T>
    List(Arc<Type>),
    /// 情况{…}
    Context(Arc<ContextType>),
    /// A host's record; its fields stand in [`Records`].
    Record(u32),
    /// A function.
    Function(Arc<FunctionType>),
    /// A range of something.
    Range(Arc<Type>),
    /// T?: may be null, and rules may test for it.
    Nullable(Arc<Type>),
    /// A named DMN item definition, with its allowed values.
    Named(Arc<NamedType>),
}

/// The fields of a context, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextType {
    /// Names and types.
    pub fields: Vec<(Arc<str>, Type)>,
}

impl ContextType {
    /// A field's place and type.
    pub fn field(&self, name: &str) -> Option<(usize, &Type)> {
        self.fields
            .iter()
            .position(|(n, _)| &**n == name)
            .map(|i| (i, &self.fields[i].1))
    }
}

/// Parameter types and the type of the result.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionType {
    /// Names and types in order.
    pub params: Vec<(Arc<str>, Type)>,
    /// The result.
    pub result: Type,
}

/// A DMN item definition that restricts its base.
#[derive(Debug)]
pub struct NamedType {
    /// Its name.
    pub name: Arc<str>,
    /// What it restricts.
    pub base: Type,
    /// Tests that every value (not null) passes.
    pub allowed: Option<UnaryTests>,
}

impl PartialEq for NamedType {
    fn eq(&self, other: &NamedType) -> bool {
        self.name == other.name && self.base == other.base
    }
}

/// The record types of a host: what `成员` or `家庭` offers. Built once, before expressions are read.
#[derive(Clone, Debug, Default)]
pub struct Records {
    records: Vec<RecordType>,
}

/// One host record: named fields, each with its type; the index is what [`super::eval::Host::field`] gets.
#[derive(Clone, Debug, Default)]
pub struct RecordType {
    /// What messages call it.
    pub name: Arc<str>,
    /// Names and types; the position is the field's number.
    pub fields: Vec<(Arc<str>, Type)>,
    index: std::collections::HashMap<Arc<str>, u32>,
}

impl RecordType {
    /// A record without fields.
    pub fn new(name: &str) -> RecordType {
        RecordType {
            name: name.into(),
            ..RecordType::default()
        }
    }

    /// Adds a field and returns its number; a name that is there already changes its type.
    pub fn add(&mut self, name: &str, ty: Type) -> u32 {
        if let Some(&at) = self.index.get(name) {
            self.fields[at as usize].1 = ty;
            return at;
        }
        let name: Arc<str> = name.into();
        let at = self.fields.len() as u32;
        self.index.insert(name.clone(), at);
        self.fields.push((name, ty));
        at
    }

    /// A field's number and type.
    pub fn field(&self, name: &str) -> Option<(u32, &Type)> {
        let at = *self.index.get(name)?;
        Some((at, &self.fields[at as usize].1))
    }
}

impl Records {
    /// Adds a record type; its number goes into [`Type::Record`] and [`super::value::Object`].
    pub fn add(&mut self, record: RecordType) -> u32 {
        self.records.push(record);
        self.records.len() as u32 - 1
    }

    /// A record type.
    pub fn get(&self, id: u32) -> Option<&RecordType> {
        self.records.get(id as usize)
    }

    /// A record type, to add fields.
    pub fn get_mut(&mut self, id: u32) -> Option<&mut RecordType> {
        self.records.get_mut(id as usize)
    }
}

/// A type text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a type")]
pub struct UnknownType {
    /// The part that was not understood.
    pub text: String,
}

impl Type {
    /// A plain number without a unit of its own.
    pub const PLAIN: Type = Type::Number(Some(Unit::Plain));

    /// A list of something.
    pub fn list(item: Type) -> Type {
        Type::List(Arc::new(item))
    }

    /// The type, or null.
    pub fn nullable(self) -> Type {
        match self {
            Type::Nullable(_) | Type::Null | Type::Any => self,
            other => Type::Nullable(Arc::new(other)),
        }
    }

    /// May a value be null by its type (and not only for want of knowledge)?
    pub fn is_nullable(&self) -> bool {
        matches!(self, Type::Nullable(_) | Type::Null | Type::Any)
    }

    /// Without nullability and without a name.
    pub fn plain(&self) -> &Type {
        match self {
            Type::Nullable(inner) => inner.plain(),
            Type::Named(named) => named.base.plain(),
            other => other,
        }
    }

    /// The unit of a number.
    pub fn unit(&self) -> Option<Unit> {
        match self.plain() {
            Type::Number(unit) => *unit,
            _ => None,
        }
    }

    /// Reads a type of the law format, in Chinese or English: `元/月`, `列表<文本>`,
    /// `情况{名: 元, 数量: 个}`, `["甲","乙"]`, each with an optional `?` at the end.
    pub fn parse(text: &str) -> Result<Type, UnknownType> {
        parse_type(text.trim(), 0)
    }

    /// Is it an ordered type: number, text, date, time, duration?
    pub fn is_ordered(&self) -> bool {
        matches!(
            self.plain(),
            Type::Any
                | Type::Number(_)
                | Type::Text
                | Type::Enum(_)
                | Type::Date
                | Type::YearMonth
                | Type::Time
                | Type::DateTime
                | Type::YearsMonths
                | Type::DaysTime
        )
    }

    /// Does a value belong to the type? Null belongs to all in the standard's sense. Allowed values
    /// of named types are not looked at here (see [`super::eval::Machine::conform`]).
    pub fn holds(&self, value: &Value) -> bool {
        match (self, value) {
            (Type::Any, _) | (_, Value::Null) => true,
            (Type::Nullable(inner), v) => inner.holds(v),
            (Type::Named(named), v) => named.base.holds(v),
            (Type::Boolean, Value::Boolean(_))
            | (Type::Number(_), Value::Number(_))
            | (Type::Text, Value::Text(_))
            | (Type::Date | Type::YearMonth, Value::Date(_))
            | (Type::Time, Value::Time(_))
            | (Type::DateTime, Value::DateTime(_))
            | (Type::YearsMonths, Value::YearsMonths(_))
            | (Type::DaysTime, Value::DaysTime(_)) => true,
            (Type::Enum(texts), Value::Text(t)) => texts.contains(t),
            (Type::List(item), Value::List(items)) => items.iter().all(|v| item.holds(v)),
            (Type::Context(fields), Value::Context(c)) => fields
                .fields
                .iter()
                .all(|(name, ty)| c.get(name).is_some_and(|v| ty.holds(v))),
            (Type::Record(id), Value::Object(o)) => *id == o.record,
            (Type::Function(ty), Value::Function(f)) => f.arity_fits(ty.params.len()),
            (Type::Range(item), Value::Range(r)) => item.holds(&r.low) && item.holds(&r.high),
            _ => false,
        }
    }
}

fn parse_type(text: &str, depth: u32) -> Result<Type, UnknownType> {
    let unknown = || UnknownType {
        text: text.chars().take(60).collect(),
    };
    if depth > 16 || text.is_empty() {
        return Err(unknown());
    }
    if let Some(inner) = text.strip_suffix(['?', '？']) {
        return Ok(parse_type(inner.trim_end(), depth + 1)?.nullable());
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let mut texts = Vec::new();
        for part in split_top(inner) {
            let part = part.trim();
            let quoted = part.strip_prefix('"').and_then(|p| p.strip_suffix('"'));
            texts.push(Arc::from(quoted.ok_or_else(unknown)?));
        }
        return Ok(Type::Enum(texts.into()));
    }
    for prefix in ["列表", "list"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            let inner = rest
                .trim()
                .strip_prefix('<')
                .and_then(|t| t.strip_suffix('>'));
            return Ok(Type::list(parse_type(
                inner.ok_or_else(unknown)?.trim(),
                depth + 1,
            )?));
        }
    }
    for prefix in ["情况", "context"] {
        if let Some(rest) = text.strip_prefix(prefix) {
            let inner = rest
                .trim()
                .strip_prefix('{')
                .and_then(|t| t.strip_suffix('}'));
            let mut fields = Vec::new();
            for part in split_top(inner.ok_or_else(unknown)?) {
                let (name, ty) = part.split_once(':').ok_or_else(unknown)?;
                fields.push((Arc::from(name.trim()), parse_type(ty.trim(), depth + 1)?));
            }
            return Ok(Type::Context(Arc::new(ContextType { fields })));
        }
    }
    Ok(match text {
        "是否" | "boolean" => Type::Boolean,
        "文本" | "text" | "string" => Type::Text,
        "日期" | "date" => Type::Date,
        "年月" | "year-month" => Type::YearMonth,
        "时间" | "time" => Type::Time,
        "日期时间" | "date and time" => Type::DateTime,
        "年月时长" | "years and months duration" => Type::YearsMonths,
        "日时时长" | "days and time duration" => Type::DaysTime,
        other => Type::Number(Some(Unit::parse(other).ok_or_else(unknown)?)),
    })
}

/// Splits at commas outside brackets and quotes.
fn split_top(text: &str) -> Vec<&str> {
    let (mut parts, mut level, mut quoted, mut start) = (Vec::new(), 0i32, false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '[' | '{' | '<' | '(' if !quoted => level += 1,
            ']' | '}' | '>' | ')' if !quoted => level -= 1,
            ',' if !quoted && level == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

impl fmt::Display for Type {
    /// As the law format writes it (Chinese).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Any => f.write_str("Any"),
            Type::Null => f.write_str("null"),
            Type::Boolean => f.write_str("是否"),
            Type::Number(Some(unit)) => write!(f, "{unit}"),
            Type::Number(None) => f.write_str("数"),
            Type::Text => f.write_str("文本"),
            Type::Enum(texts) => {
                let quoted: Vec<String> = texts.iter().map(|t| format!("\"{t}\"")).collect();
                write!(f, "[{}]", quoted.join(", "))
            }
            Type::Date => f.write_str("日期"),
            Type::YearMonth => f.write_str("年月"),
            Type::Time => f.write_str("时间"),
            Type::DateTime => f.write_str("日期时间"),
            Type::YearsMonths => f.write_str("年月时长"),
            Type::DaysTime => f.write_str("日时时长"),
            Type::List(item) => write!(f, "列表<{item}>"),
            Type::Context(c) => {
                f.write_str("情况{")?;
                for (i, (name, ty)) in c.fields.iter().enumerate() {
                    write!(f, "{}{name}: {ty}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Type::Record(id) => write!(f, "记录{id}"),
            Type::Function(ty) => {
                f.write_str("函数(")?;
                for (i, (name, ty)) in ty.params.iter().enumerate() {
                    write!(f, "{}{name}: {ty}", if i > 0 { ", " } else { "" })?;
                }
                write!(f, ") : {}", ty.result)
            }
            Type::Range(item) => write!(f, "区间<{item}>"),
            Type::Nullable(inner) => write!(f, "{inner}?"),
            Type::Named(named) => f.write_str(&named.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_law_formats_types() {
        for text in [
            "元",
            "元/月",
            "元/年",
            "元/月/人",
            "人",
            "个",
            "月",
            "年",
            "岁",
            "日",
            "比率",
            "数",
            "是否",
            "文本",
            "日期",
            "年月",
            "日期?",
            "列表<元/月>",
            "情况{名: 文本, 金额: 列表<元>}",
            "[\"甲\", \"乙\"]",
            "列表<情况{额: 元?}>",
        ] {
            let ty = Type::parse(text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(ty.to_string(), text);
            assert_eq!(Type::parse(&ty.to_string()), Ok(ty));
        }
        for (english, chinese) in [
            ("yuan/month", "元/月"),
            ("number", "数"),
            ("list<persons>", "列表<人>"),
            ("boolean", "是否"),
            ("year-month", "年月"),
            ("ratio", "比率"),
            ("days", "日"),
        ] {
            assert_eq!(Type::parse(english), Type::parse(chinese));
        }
        for bad in ["", "元/周", "列表<", "列表", "情况{元}", "[甲]", "?"] {
            assert!(Type::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn units_multiply_and_divide() {
        use Unit::*;
        assert_eq!(YuanPerMonth.product(Months), Some(Yuan));
        assert_eq!(YuanPerMonth.product(Persons), Some(YuanPerMonth));
        assert_eq!(Ratio.product(Yuan), Some(Yuan));
        assert_eq!(Yuan.product(Yuan), None);
        assert_eq!(YuanPerMonth.quotient(YuanPerMonth), Some(Ratio));
        assert_eq!(YuanPerMonth.quotient(Persons), Some(YuanPerMonthShare));
        assert_eq!(Yuan.quotient(Months), Some(YuanPerMonth));
        assert_eq!(YuanPerMonth.quotient(Yuan), None);
        assert_eq!(YuanPerMonth.sum(YuanPerYear), None);
        assert_eq!(Yuan.sum(Plain), Some(Yuan));
    }

    #[test]
    fn money_of_each_person_is_not_money_of_all() {
        use Unit::*;
        assert_eq!(YuanPerMonthPerPerson.sum(YuanPerMonth), None);
        assert_eq!(
            YuanPerMonthPerPerson.sum(Plain),
            Some(YuanPerMonthPerPerson)
        );
        assert_eq!(YuanPerMonthPerPerson.product(Persons), Some(YuanPerMonth));
        assert_eq!(Months.product(YuanPerMonthPerPerson), Some(YuanPerPerson));
        assert_eq!(Ratio.product(YuanPerPerson), Some(YuanPerPerson));
        assert_eq!(YuanPerMonth.quotient(YuanPerMonthPerPerson), Some(Persons));
        // What was divided by persons goes with either, and does not make the two one.
        let share = YuanPerMonth.quotient(Persons).expect("a share");
        assert_eq!(share.sum(YuanPerMonth), Some(YuanPerMonth));
        assert_eq!(
            share.sum(YuanPerMonthPerPerson),
            Some(YuanPerMonthPerPerson)
        );
        assert_eq!(share.sum(YuanPerYear), None);
        assert_eq!(share.product(Persons), Some(YuanPerMonth));
        assert_eq!(share.quotient(YuanPerMonth), Some(Ratio));
        assert_eq!(Unit::parse(share.zh()), Some(YuanPerMonth));
    }
}
