//! Reading what offices already have: csv and xlsx files into records, with every bad row explained.
//!
//! Three steps, so that this room stays pure. [`Table::read`] turns bytes into rows whatever program
//! saved them. [`evidence::Sheet`] or [`register::Sheet`] understands the columns and says which persons
//! must be looked up. `finish`, given what the store knows of them, yields the records and the problems.
//! What to do with problems is the caller's choice ([`OnError`]): record nothing, or the good rows and a
//! report of the bad ones ([`Table::report`]).
//!
//! Ids of records are derived from the content of the file and of the row, so that importing a file
//! twice, also saved anew in another format, records nothing twice. [`write::Tables`] is the way back.

pub mod evidence;
pub mod register;
mod sheet;
pub mod template;
mod value;
pub mod write;

pub use sheet::{Cell, Row, SheetError, Table};
pub use value::{TypeError, ValueType};

use base::{Id, Instant};
use std::collections::HashMap;
use std::str::FromStr;

/// A kind of evidence, as the law declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindSpec {
    /// Name, the column's heading.
    pub name: String,
    /// English name.
    pub en: String,
    /// Its type as the law writes it: `元/月`, `是否`, `日期?`, `["甲","乙"]`, `情况{名: 元}`.
    pub type_text: String,
    /// Whom it is about.
    pub about: About,
    /// Values that are allowed, when not by the type alone.
    pub allowed: Vec<String>,
    /// Unit, for the explanation.
    pub unit: String,
    /// What the law says of it, for the explanation.
    pub note: String,
}

/// Whom a kind is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A person.
    Person,
    /// A household.
    Household,
}

/// What to do when rows are bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Record nothing.
    #[default]
    Stop,
    /// Record the good rows and write a report of the others.
    Skip,
}

impl FromStr for OnError {
    type Err = String;
    fn from_str(text: &str) -> Result<OnError, String> {
        match text {
            "stop" => Ok(OnError::Stop),
            "skip" => Ok(OnError::Skip),
            other => Err(format!("`{other}` is neither `stop` nor `skip`")),
        }
    }
}

/// What is wrong with one cell, and what to do about it, in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file or row of the sheet, from 1 as programs show it.
    pub line: u32,
    /// Heading of the column; empty when the whole row is meant.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// Why it cannot be taken.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// What to do.
    pub remedy_zh: String,
    /// The same in English.
    pub remedy_en: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "row {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": `{}` {}; {}", self.value, self.en, self.remedy_en)
    }
}

/// A reason in both languages, with its remedy.
#[derive(Clone, Debug)]
pub(crate) struct Why {
    zh: String,
    en: String,
    remedy_zh: String,
    remedy_en: String,
}

pub(crate) fn why(
    zh: impl Into<String>,
    en: impl Into<String>,
    remedy_zh: impl Into<String>,
    remedy_en: impl Into<String>,
) -> Why {
    Why {
        zh: zh.into(),
        en: en.into(),
        remedy_zh: remedy_zh.into(),
        remedy_en: remedy_en.into(),
    }
}

impl Why {
    pub(crate) fn at(self, line: u32, column: &str, value: impl Into<String>) -> Problem {
        Problem {
            line,
            column: column.into(),
            value: value.into(),
            zh: self.zh,
            en: self.en,
            remedy_zh: self.remedy_zh,
            remedy_en: self.remedy_en,
        }
    }
}

/// A person whom the register holds, as found by identity number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// Home shard.
    pub shard: String,
    /// The person.
    pub person: Id,
    /// Name, as last recorded.
    pub name: String,
    /// Household with its shard, as last known.
    pub household: Option<(String, Id)>,
    /// Code of the area where they live, as last known; empty when nobody knows.
    pub area: String,
}

/// What the store knows of those whom a file names.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// By identity number in its one form ([`crate::identity::canonical`]).
    pub persons: HashMap<String, Vec<KnownPerson>>,
    /// Home shards of households, by id.
    pub households: HashMap<Id, String>,
}

/// Who imports, and when.
#[derive(Clone, Debug)]
pub struct Importer {
    /// When it is recorded.
    pub at: Instant,
    /// Who does it.
    pub by: String,
    /// What is noted as the source of rows that name none: the file's name.
    pub source: String,
}

/// What came of a file.
#[derive(Clone, Debug)]
pub struct Imported<T> {
    /// Records from good rows.
    pub records: T,
    /// Rows with content.
    pub rows: usize,
    /// Rows without a problem.
    pub good: usize,
    /// Everything that is wrong, by row.
    pub problems: Vec<Problem>,
}

impl<T: Default> Imported<T> {
    /// What may be recorded: nothing when something is wrong and that means to stop.
    pub fn to_record(self, on_error: OnError) -> T {
        if on_error == OnError::Stop && !self.problems.is_empty() {
            T::default()
        } else {
            self.records
        }
    }
}

/// A heading in the form in which it is compared: without blanks, brackets' content, marks, case.
pub(crate) fn plain(heading: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    for c in heading.chars() {
        match c {
            '(' | '（' | '[' | '【' => depth += 1,
            ')' | '）' | ']' | '】' => depth -= 1,
            '*' | '＊' | ':' | '：' | '\u{feff}' => {}
            c if c.is_whitespace() => {}
            c if depth <= 0 => out.extend(c.to_lowercase()),
            _ => {}
        }
    }
    out
}

/// Columns that every form knows, by the headings that clerks give them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Known {
    Number,
    HeadNumber,
    Name,
    HouseholdKey,
    Relation,
    Sex,
    Birth,
    Area,
    Address,
    From,
    To,
    Kind,
    Value,
    Source,
    Bank,
    Account,
    Holder,
    Ignored,
}

/// Which known column a heading is.
pub(crate) fn known(heading: &str) -> Option<Known> {
    let heading = plain(heading);
    Some(match heading.as_str() {
        "身份证号码" | "身份证号" | "身份证" | "公民身份号码" | "证件号码" | "身份证件号码"
        | "identitynumber" | "idnumber" => Known::Number,
        "户主身份证号码" | "户主身份证号" | "户主身份证" | "headidentitynumber" => {
            Known::HeadNumber
        }
        "姓名" | "成员姓名" | "name" => Known::Name,
        "户编号" | "家庭编号" | "户号" | "household" | "householdid" => {
            Known::HouseholdKey
        }
        "与户主关系" | "户主关系" | "关系" | "relation" => Known::Relation,
        "性别" | "sex" => Known::Sex,
        "出生日期" | "出生年月日" | "birth" | "dateofbirth" => Known::Birth,
        "社区代码" | "居住地代码" | "地区代码" | "行政区划代码" | "社区" | "area" | "areacode" => {
            Known::Area
        }
        "地址" | "住址" | "家庭住址" | "居住地址" | "address" => Known::Address,
        "起始日期" | "开始日期" | "起" | "有效期起" | "生效日期" | "从" | "from" => {
            Known::From
        }
        "截止日期" | "结束日期" | "止" | "有效期止" | "终止日期" | "至" | "to" => {
            Known::To
        }
        "证据种类" | "种类" | "指标" | "项目" | "kind" => Known::Kind,
        "值" | "数值" | "内容" | "金额" | "value" => Known::Value,
        "来源" | "依据" | "source" => Known::Source,
        "开户银行" | "开户行" | "银行代码" | "银行" | "bank" => Known::Bank,
        "银行账号" | "银行卡号" | "账号" | "account" => Known::Account,
        "户名" | "账户名" | "holder" => Known::Holder,
        "序号" | "编号" | "备注" | "no" | "note" | "remarks" => Known::Ignored,
        // Beside the rows of a report, which is mended and imported again.
        "原行号row" | "问题problem" | "改法remedy" => Known::Ignored,
        _ => return None,
    })
}
