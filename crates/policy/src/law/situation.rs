//! A situation: what is known about one household on one day, ready for the rules.

use super::corpus::Law;
use super::kinds::{EvidenceKind, Kinds, which};
use super::prelude::{Context, Type, Value};
use super::source::say;
use crate::programme::{Bilingual, Subject};
use base::Day;
use serde_json::Value as Json;
use std::sync::Arc;

/// The values of one household or member, by the slot of [`Law::kinds`]; null where nothing is
/// recorded of a kind whose absence is *not known*. Start from [`Law::blank`].
pub type Record = Vec<Value>;

/// Values handed over from the period before, as [`Law::carry`] reads them.
#[derive(Clone, Debug)]
pub struct Carry(pub(crate) Value);

/// One household with its members, as known for one determination.
#[derive(Clone, Debug)]
pub struct Situation {
    /// The household's values.
    pub household: Record,
    /// Each member's values.
    pub members: Vec<Record>,
    /// The member that a programme about a person is about.
    pub subject_member: Option<usize>,
    /// What the period before handed over; `None` at the first.
    pub previous: Option<Carry>,
    /// For an event programme: the event.
    pub event: Option<Value>,
    /// The reference day 基准日.
    pub day: Day,
}

/// Why JSON is no situation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {} · {}", .message.zh, .message.en)]
pub struct SituationError {
    /// Place in the JSON, such as `成员[2].工资`; items count from 1.
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: Bilingual,
}

fn error(path: &str, message: Bilingual) -> SituationError {
    SituationError {
        path: if path.is_empty() {
            "$".into()
        } else {
            path.into()
        },
        message,
    }
}

const MEMBERS: [&str; 2] = ["成员", "members"];
const HOUSEHOLD: [&str; 2] = ["家庭", "household"];
const PREVIOUS: [&str; 2] = ["上期", "previous"];
const EVENT: [&str; 2] = ["事件", "event"];

impl Law {
    /// A record without any evidence: every kind has the value that its absence means.
    pub fn blank(&self, subject: Subject) -> Record {
        self.corpus.kinds[which(subject)]
            .list
            .iter()
            .map(EvidenceKind::absent_value)
            .collect()
    }

    /// Reads what a period handed over ([`crate::outcome::Evaluation::carry`]) for the next one of a
    /// programme about `subject`. Names that no programme carries any more are left out: a carry may
    /// come from an earlier law.
    pub fn carry(
        &self,
        subject: Subject,
        json: &serde_json::Map<String, Json>,
    ) -> Result<Carry, SituationError> {
        let mut context = Context::new();
        for carried in &self.corpus.symbols.carry[which(subject)] {
            let value = match json.get(&*carried.name) {
                None => Value::Null,
                Some(json) => Value::from_json(json, &carried.ty).map_err(|e| {
                    wrong_type(
                        &format!("{}.{}", PREVIOUS[0], carried.name),
                        &carried.ty,
                        &e.found,
                    )
                })?,
            };
            context.set(carried.name.clone(), value);
        }
        Ok(Carry(Value::Context(Arc::new(context))))
    }
}

impl Situation {
    /// A household without evidence and without members.
    pub fn blank(law: &Law, day: Day) -> Situation {
        Situation {
            household: law.blank(Subject::Household),
            members: Vec::new(),
            subject_member: None,
            previous: None,
            event: None,
            day,
        }
    }

    /// Reads the JSON of `law eval` and of worked examples. About a household: its evidence at the
    /// top, `成员` a list of the members' evidence. About a person: the person's evidence at the top,
    /// `家庭` the household's with the *other* members. `上期` holds what the period before handed
    /// over, `事件` an event. Unknown names and wrong types are errors.
    pub fn from_json(
        law: &Law,
        json: &Json,
        subject: Subject,
        day: Day,
    ) -> Result<Situation, SituationError> {
        let mut reader = Reader {
            law,
            situation: Situation::blank(law, day),
        };
        match subject {
            Subject::Household => reader.household(json, "")?,
            Subject::Person => reader.person(json)?,
        }
        Ok(reader.situation)
    }
}

struct Reader<'l> {
    law: &'l Law,
    situation: Situation,
}

impl Reader<'_> {
    fn household(&mut self, json: &Json, path: &str) -> Result<(), SituationError> {
        for (key, value) in object(json, path)? {
            let here = join(path, key);
            if MEMBERS.contains(&key.as_str()) {
                let Json::Array(items) = value else {
                    return Err(error(&here, say("成员要写成列表", "members are a list")));
                };
                for (n, item) in items.iter().enumerate() {
                    let record = self.member(item, &format!("{here}[{}]", n + 1), false)?;
                    self.situation.members.push(record);
                }
            } else if !path.is_empty() || !self.common(key, value, Subject::Household)? {
                let kind = self.kind(Subject::Household, key, &here)?;
                let slot = kind.slot;
                let value = read_kind(kind, value, &here)?;
                self.situation.household[slot] = value;
            }
        }
        Ok(())
    }

    fn person(&mut self, json: &Json) -> Result<(), SituationError> {
        let own = self.member(json, "", true)?;
        self.situation.members.insert(0, own);
        self.situation.subject_member = Some(0);
        for (key, value) in object(json, "")? {
            if HOUSEHOLD.contains(&key.as_str()) {
                self.household(value, key)?;
            } else {
                self.common(key, value, Subject::Person)?;
            }
        }
        Ok(())
    }

    fn member(&self, json: &Json, path: &str, top: bool) -> Result<Record, SituationError> {
        let mut record = self.law.blank(Subject::Person);
        for (key, value) in object(json, path)? {
            let special = [HOUSEHOLD, PREVIOUS, EVENT]
                .iter()
                .any(|names| names.contains(&key.as_str()));
            if top && special {
                continue;
            }
            let here = join(path, key);
            let kind = self.kind(Subject::Person, key, &here)?;
            let slot = kind.slot;
            record[slot] = read_kind(kind, value, &here)?;
        }
        Ok(record)
    }

    /// `上期` and `事件`; false when the key is neither.
    fn common(
        &mut self,
        key: &str,
        value: &Json,
        subject: Subject,
    ) -> Result<bool, SituationError> {
        if PREVIOUS.contains(&key) {
            if value.is_null() {
                return Ok(true);
            }
            let map = object(value, key)?;
            let carried = &self.law.corpus.symbols.carry[which(subject)];
            if let Some(unknown) = map
                .keys()
                .find(|k| !carried.iter().any(|c| *c.name == ***k))
            {
                let names = carried.iter().map(|c| &*c.name);
                return Err(unknown_name(&join(key, unknown), unknown, names));
            }
            self.situation.previous = Some(self.law.carry(subject, map)?);
            return Ok(true);
        }
        if EVENT.contains(&key) {
            let Some(ty) = &self.law.corpus.symbols.event[which(subject)] else {
                return Err(error(
                    key,
                    say("没有按事件计算的制度", "no programme goes by events"),
                ));
            };
            let value = Value::from_json(value, ty)
                .map_err(|e| wrong_type(&join(key, &e.path), ty, &e.found))?;
            self.situation.event = Some(value);
            return Ok(true);
        }
        Ok(false)
    }

    fn kind(
        &self,
        subject: Subject,
        name: &str,
        path: &str,
    ) -> Result<&EvidenceKind, SituationError> {
        let kinds: &Kinds = &self.law.corpus.kinds[which(subject)];
        if let Some(kind) = kinds.get(name) {
            return Ok(kind);
        }
        let (own, other) = match subject {
            Subject::Household => ("家庭", "成员"),
            Subject::Person => ("成员", "家庭"),
        };
        if self.law.corpus.symbols.rule(subject, name).is_some() {
            return Err(error(
                path,
                say(
                    format!("`{name}` 是算出来的，不能给定"),
                    format!("`{name}` is computed and cannot be given"),
                ),
            ));
        }
        if self.law.corpus.kinds[1 - which(subject)]
            .get(name)
            .is_some()
        {
            return Err(error(
                path,
                say(
                    format!("`{name}` 是{other}的信息，不是{own}的；移到{other}之下"),
                    format!(
                        "`{name}` is evidence of the {}; move it there",
                        if subject == Subject::Household {
                            "members"
                        } else {
                            "household"
                        }
                    ),
                ),
            ));
        }
        Err(unknown_name(
            path,
            name,
            kinds.list.iter().map(|k| &*k.name),
        ))
    }
}

fn unknown_name<'a>(
    path: &str,
    name: &str,
    names: impl Iterator<Item = &'a str>,
) -> SituationError {
    let message = match super::report::closest(name, names) {
        Some(hint) => say(
            format!("没有 `{name}`；是 `{hint}` 吗？"),
            format!("there is no `{name}`; did you mean `{hint}`?"),
        ),
        None => say(
            format!("没有 `{name}`；可用的名称见 `law list`"),
            format!("there is no `{name}`; `law list` shows the names there are"),
        ),
    };
    error(path, message)
}

fn read_kind(kind: &EvidenceKind, json: &Json, path: &str) -> Result<Value, SituationError> {
    if json.is_null() && !kind.many {
        // An explicit null is the answer *null* where the type allows it, and silence elsewhere.
        return Ok(if kind.ty.is_nullable() {
            Value::Null
        } else {
            kind.absent_value()
        });
    }
    let ty = kind.rule_type();
    Value::from_json(json, &ty).map_err(|e| wrong_type(&join(path, &e.path), &ty, &e.found))
}

fn wrong_type(path: &str, ty: &Type, found: &str) -> SituationError {
    error(
        path,
        say(
            format!("{found} 不合类型 {ty}"),
            format!("{found} does not fit the type {ty}"),
        ),
    )
}

fn object<'j>(
    json: &'j Json,
    path: &str,
) -> Result<&'j serde_json::Map<String, Json>, SituationError> {
    json.as_object().ok_or_else(|| {
        error(
            path,
            say(
                "这里要写成 {名称: 值}",
                "an object of names and values is needed here",
            ),
        )
    })
}

fn join(path: &str, name: &str) -> String {
    match (path.is_empty(), name.is_empty(), name.starts_with('[')) {
        (true, ..) => name.to_string(),
        (_, true, _) => path.to_string(),
        (_, _, true) => format!("{path}{name}"),
        _ => format!("{path}.{name}"),
    }
}

/// Are two values the same for a record?
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        _ => a.equals(b) == Some(true),
    }
}

impl Situation {
    /// The situation as `law eval` takes it: what differs from no evidence, and no more.
    pub fn to_json(&self, law: &Law, subject: Subject) -> Json {
        let record = |who: usize, record: &Record| -> serde_json::Map<String, Json> {
            let list = &law.corpus.kinds[who].list;
            let told = list
                .iter()
                .filter(|k| !same(&record[k.slot], &k.absent_value()));
            told.map(|k| {
                (
                    k.name.to_string(),
                    record[k.slot].to_json_as(&k.rule_type()),
                )
            })
            .collect()
        };
        let own = self.subject_member.filter(|_| subject == Subject::Person);
        let others = self
            .members
            .iter()
            .enumerate()
            .filter(|(m, _)| Some(*m) != own);
        let others: Vec<Json> = others.map(|(_, r)| Json::Object(record(1, r))).collect();
        let mut household = record(0, &self.household);
        if !others.is_empty() {
            household.insert("成员".into(), Json::Array(others));
        }
        let mut top = match own {
            None => household,
            Some(member) => {
                let mut top = record(1, &self.members[member]);
                if !household.is_empty() {
                    top.insert("家庭".into(), Json::Object(household));
                }
                top
            }
        };
        let who = which(subject);
        if let Some(previous) = &self.previous {
            let carried = law.corpus.symbols.carry[who].iter();
            let context = previous.0.as_context();
            let values = carried.filter_map(|c| {
                let value = context?.get(&c.name)?;
                (!value.is_null()).then(|| (c.name.to_string(), value.to_json_as(&c.ty)))
            });
            top.insert("上期".into(), Json::Object(values.collect()));
        }
        if let (Some(event), Some(ty)) = (&self.event, &law.corpus.symbols.event[who]) {
            top.insert("事件".into(), event.to_json_as(ty));
        }
        Json::Object(top)
    }
}
