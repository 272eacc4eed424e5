//! Evidence kinds: what may be known about a household or a person, and what silence means.

use super::markdown::Cell;
use super::model::KindText;
use super::prelude::{Date, Type, Value};
use super::source::{Findings, Span, say};
use crate::programme::Subject;
use base::Citation;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;

/// A kind of evidence. Its place in [`super::Law::kinds`] is its slot in a record.
#[derive(Clone, Debug)]
pub struct EvidenceKind {
    /// Place in the list of its subject's kinds.
    pub slot: usize,
    /// About whom.
    pub subject: Subject,
    /// Name in the law's language; unique among the subject's kinds.
    pub name: Arc<str>,
    /// English name.
    pub en: String,
    /// For who records it.
    pub note: String,
    /// Type of one piece of evidence.
    pub ty: Type,
    /// The type as written, such as `元/月`.
    pub unit: String,
    /// Are all pieces valid on the day seen, as a list? Otherwise the piece recorded last.
    pub many: bool,
    /// What no evidence means.
    pub absent: Absent,
    /// The field of the register that answers it.
    pub register: Option<Register>,
    /// Can nobody change it? As the law says; where it is silent, what the register keeps of sex, birth and
    /// death. The search for what would have to change leaves it alone.
    pub fixed: bool,
    /// How many months it is kept after it ended; for good when the law does not say.
    pub keep: Option<u32>,
    /// Where it is declared.
    pub citation: Citation,
    pub(crate) span: Span,
}

/// What it means that nothing is recorded.
#[derive(Clone, Debug)]
pub enum Absent {
    /// Not known.
    Missing,
    /// As if this were recorded.
    Value(Value),
}

/// A field that the register itself keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Register {
    /// `"男"` or `"女"`.
    Sex,
    /// Date of birth.
    Birth,
    /// Date of death.
    Death,
    /// Relation to the head of the household.
    Relation,
    /// The day on which the household was opened.
    Opened,
}

impl EvidenceKind {
    /// The type of the name in rules: a list for a `many` kind.
    pub fn rule_type(&self) -> Type {
        if self.many {
            Type::list(self.ty.clone())
        } else {
            self.ty.clone()
        }
    }

    /// Reads the stored value of one piece of evidence (JSON text). For a `many` kind too, one piece.
    pub fn parse_json(&self, text: &str) -> Result<Value, KindError> {
        if let Some(value) = self.parse_plain(text) {
            return Ok(value);
        }
        let json: serde_json::Value =
            serde_json::from_str(text).map_err(|e| KindError::NotJson {
                kind: self.name.to_string(),
                error: e.to_string(),
            })?;
        self.parse(&json)
    }

    /// Reads JSON text of the plain kinds without building JSON: yes and no, figures of at most fifteen
    /// digits, days, and words without escapes. `None`: [`EvidenceKind::parse_json`] must say.
    pub fn parse_plain(&self, text: &str) -> Option<Value> {
        match (self.ty.plain(), text) {
            (Type::Boolean, "true") => Some(Value::Boolean(true)),
            (Type::Boolean, "false") => Some(Value::Boolean(false)),
            (Type::Number(_), _) if is_plain_number(text) => text.parse().ok().map(Value::Number),
            (Type::Enum(_) | Type::Date, _) => {
                let word = text.strip_prefix('"')?.strip_suffix('"')?;
                let plain = |b: u8| b >= b' ' && b != b'"' && b != b'\\';
                if word.bytes().all(plain) {
                    self.parse_word(word)
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Reads a word of an enumeration, or a day.
    fn parse_word(&self, word: &str) -> Option<Value> {
        match self.ty.plain() {
            Type::Enum(words) => {
                let known = words.iter().find(|w| ***w == *word)?;
                Some(Value::Text(known.clone()))
            }
            Type::Date => Date::parse(word).map(Value::Date),
            _ => None,
        }
    }

    /// Reads one piece of evidence from JSON.
    pub fn parse(&self, json: &serde_json::Value) -> Result<Value, KindError> {
        Value::from_json(json, &self.ty).map_err(|e| KindError::WrongType {
            kind: self.name.to_string(),
            expected: e.expected,
            found: e.found,
            path: e.path,
        })
    }

    /// Writes a value of the kind as evidence stores it.
    pub fn to_json(&self, value: &Value) -> serde_json::Value {
        value.to_json_as(&self.ty)
    }

    /// The value of a record without evidence; null for a kind whose absence is *not known*.
    pub fn absent_value(&self) -> Value {
        match &self.absent {
            Absent::Missing => Value::Null,
            Absent::Value(value) => value.clone(),
        }
    }
}

/// A number as JSON writes it, without exponent, of so few digits that no reader rounds it.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = match digits.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (digits, None),
    };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    digits.len() <= 15
        && all_digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && part.is_none_or(all_digits)
}

/// Why a value is no evidence of a kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// Not JSON at all.
    #[error("`{kind}`: not JSON: {error}")]
    NotJson {
        /// Kind.
        kind: String,
        /// What the reader says.
        error: String,
    },
    /// JSON of another type.
    #[error("`{kind}`{}: expected {expected}, found {found}", if .path.is_empty() { String::new() } else { format!(" ({path})") })]
    WrongType {
        /// Kind.
        kind: String,
        /// Type wanted.
        expected: String,
        /// What stood there.
        found: String,
        /// Place within the value.
        path: String,
    },
}

/// All kinds of one subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    pub list: Vec<EvidenceKind>,
    pub index: HashMap<Arc<str>, usize>,
}

impl Kinds {
    pub fn get(&self, name: &str) -> Option<&EvidenceKind> {
        self.index.get(name).map(|&n| &self.list[n])
    }
}

/// Household kinds and member kinds, from the declarations of all instruments.
pub(crate) fn read(texts: &[KindText], findings: &mut Findings<'_>) -> [Kinds; 2] {
    let mut kinds = [Kinds::default(), Kinds::default()];
    for text in texts {
        let of = &mut kinds[which(text.subject)];
        if text.name.text.is_empty() {
            findings.error(
                "bad-row",
                &text.name.span,
                say("证据种类没有名称", "the evidence kind has no name"),
                say("写上名称", "give it a name"),
            );
            continue;
        }
        if let Some(other) = of.get(&text.name.text) {
            let place = findings.sources.place(&other.span);
            findings.error(
                "duplicate-kind",
                &text.name.span,
                say(
                    format!("证据种类 `{}` 已在 {place} 声明", text.name.text),
                    format!(
                        "the evidence kind `{}` is declared at {place}",
                        text.name.text
                    ),
                ),
                say(
                    "一种证据只声明一次，其他法规直接使用",
                    "declare a kind once; all other instruments use it",
                ),
            );
            continue;
        }
        let Some(ty) = parse_type(&text.ty, findings) else {
            continue;
        };
        let Some(absent) = absent(text, &ty, findings) else {
            continue;
        };
        let register = register(text, &ty, findings);
        let keep = keep(&text.keep, findings);
        let fixed = fixed(&text.change, register, findings);
        let name: Arc<str> = text.name.text.as_str().into();
        of.index.insert(name.clone(), of.list.len());
        of.list.push(EvidenceKind {
            slot: of.list.len(),
            subject: text.subject,
            name,
            en: text.en.clone(),
            note: text.note.clone(),
            unit: text.ty.text.clone(),
            ty,
            many: text.many,
            absent,
            register,
            fixed,
            keep,
            citation: text.citation.clone(),
            span: text.name.span.clone(),
        });
    }
    kinds
}

/// Months that evidence is kept after it ended; empty: for good.
fn keep(cell: &Cell, findings: &mut Findings<'_>) -> Option<u32> {
    if cell.text.is_empty() {
        return None;
    }
    let months = cell
        .text
        .parse::<u32>()
        .ok()
        .filter(|n| (1..=1200).contains(n));
    if months.is_none() {
        findings.error(
            "bad-row",
            &cell.span,
            say(
                format!("保存期限 `{}` 不是月数", cell.text),
                format!(
                    "`{}` is no number of months to keep evidence for",
                    cell.text
                ),
            ),
            say(
                "写 1 到 1200 的整数，或空着",
                "write a whole number from 1 to 1200, or nothing",
            ),
        );
    }
    months
}

/// What the column `change` says: whether anybody can.
fn fixed(cell: &Cell, register: Option<Register>, findings: &mut Findings<'_>) -> bool {
    match cell.text.as_str() {
        "no" | "否" => true,
        "yes" | "是" => false,
        "" => {
            register.is_some_and(|r| matches!(r, Register::Sex | Register::Birth | Register::Death))
        }
        other => {
            findings.error(
                "bad-row",
                &cell.span,
                say(
                    format!("可变一栏写着 `{other}`"),
                    format!("the column `change` says `{other}`"),
                ),
                say(
                    "没有人能改变的写 否，能改变的写 是，或空着",
                    "write `no` for what nobody can change, `yes` for what somebody can, or nothing",
                ),
            );
            false
        }
    }
}

/// 0 for households, 1 for persons: the index of arrays over the two.
pub(crate) fn which(subject: Subject) -> usize {
    match subject {
        Subject::Household => 0,
        Subject::Person => 1,
    }
}

/// Reads a type; an unknown one becomes a finding.
pub(crate) fn parse_type(cell: &Cell, findings: &mut Findings<'_>) -> Option<Type> {
    match Type::parse(&cell.text) {
        Ok(ty) => Some(ty),
        Err(error) => {
            const SIMPLE: [&str; 14] = [
                "元", "元/月", "元/年", "数", "人", "个", "月", "年", "岁", "日", "比率", "是否",
                "文本", "日期",
            ];
            let hint = super::report::closest(&error.text, SIMPLE.into_iter());
            let remedy = match hint {
                Some(hint) => say(
                    format!("是 `{hint}` 吗？"),
                    format!("did you mean `{hint}`?"),
                ),
                None => say(
                    format!(
                        "可用：{}、年月、列表<…>、情况{{…}}、[\"甲\",\"乙\"]，可加 ?",
                        SIMPLE.join("、")
                    ),
                    format!(
                        "there are {}, 年月, 列表<…>, 情况{{…}}, [\"a\",\"b\"], each with an optional ?",
                        SIMPLE.join(", ")
                    ),
                ),
            };
            findings.error(
                "unknown-type",
                &cell.span,
                say(
                    format!("`{}` 不是类型", error.text),
                    format!("`{}` is not a type", error.text),
                ),
                remedy,
            );
            None
        }
    }
}

fn absent(text: &KindText, ty: &Type, findings: &mut Findings<'_>) -> Option<Absent> {
    let written = text.absent.text.as_str();
    if written == "missing" || (text.many && written.is_empty()) {
        // A list without pieces is an empty list unless the law says that it is not known.
        return Some(if written.is_empty() {
            Absent::Value(Value::list(Vec::new()))
        } else {
            Absent::Missing
        });
    }
    let ty = if text.many {
        Type::list(ty.clone())
    } else {
        ty.clone()
    };
    let value = serde_json::from_str::<serde_json::Value>(written)
        .ok()
        .and_then(|json| Value::from_json(&json, &ty).ok());
    if value.is_none() {
        findings.error(
            "bad-absent",
            &text.absent.span,
            say(
                format!("`{written}` 不是 {} 类型的值", text.ty.text),
                format!("`{written}` is no value of type {}", text.ty.text),
            ),
            say(
                "写 missing，或该类型的字面值，如 0、false、null（类型带 ? 时）、\"无\"",
                "write `missing`, or a literal of the type: 0, false, null (for a type with ?), \"none\"",
            ),
        );
    }
    value.map(Absent::Value)
}

fn register(text: &KindText, ty: &Type, findings: &mut Findings<'_>) -> Option<Register> {
    let written = text.register.text.as_str();
    if written.is_empty() {
        return None;
    }
    let (bound, wants_date, household) = match written.strip_prefix("register:") {
        Some("sex") => (Register::Sex, false, false),
        Some("birth") => (Register::Birth, true, false),
        Some("death") => (Register::Death, true, false),
        Some("relation") => (Register::Relation, false, false),
        Some("opened") => (Register::Opened, true, true),
        _ => {
            findings.error(
                "bad-register",
                &text.register.span,
                say(format!("登记簿没有 `{written}`"), format!("the register keeps no `{written}`")),
                say(
                    "可用 register:sex、birth、death、relation（成员）和 register:opened（家庭）",
                    "there are register:sex, birth, death, relation (members) and register:opened (households)",
                ),
            );
            return None;
        }
    };
    let fits = match ty.plain() {
        Type::Date => wants_date,
        Type::Text | Type::Enum(_) => !wants_date,
        _ => false,
    };
    if !fits || household != (text.subject == Subject::Household) || text.many {
        findings.error(
            "bad-register",
            &text.register.span,
            say(
                format!("`{written}` 与这种证据的类型或主体不合"),
                format!("`{written}` does not fit the type or the subject of this kind"),
            ),
            say(
                "日期绑定 birth、death、opened；文本绑定 sex、relation",
                "dates bind to birth, death, opened; texts to sex, relation",
            ),
        );
        return None;
    }
    Some(bound)
}
