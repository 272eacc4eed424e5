//! Values of evidence by the rules of the district file.

use super::WorldError;
use super::compose::{Role, Shape};
use super::couples::normal;
use super::fit::curve;
use super::names;
use super::people::{NONE, Person};
use super::schema::{self, Application, Case, DistrictFile, Draw, Of};
use base::Day;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The compiled rules.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// In the file's order: members' kinds and households' kinds.
    pub kinds: Vec<Kind>,
    pub tilts: Vec<(Conditions, f64)>,
    pub applications: Vec<Intention>,
    pub changes: Vec<Change>,
}

/// A kind with its cases.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub name: String,
    pub of: Of,
    pub cases: Vec<(Conditions, Case)>,
    pub missing: f64,
    pub source: Option<String>,
}

/// Who applies for a programme.
#[derive(Clone, Debug)]
pub(super) struct Intention {
    pub file: Application,
    pub when: Conditions,
    income: Vec<usize>,
    property: Vec<(usize, f64)>,
}

/// A change of a member's evidence.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub file: schema::Change,
    pub when: Conditions,
    /// Kind, and the case that gives its new value.
    pub set: Vec<(usize, Conditions, Case)>,
    pub work: Option<u8>,
}

pub(super) type Conditions = Vec<Condition>;

/// One condition on a person or a household.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Age(f64, f64),
    Size(f64, f64),
    Generations(f64, f64),
    /// Bits by code; the field says which.
    OneOf(Field, u64),
    Collective(bool),
    Hardship(bool),
    /// Evidence already drawn is one of these; an empty list: there is none.
    Equals(usize, Vec<Value>),
    Between(usize, f64, f64),
    /// There is some.
    Any(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Sex,
    Marital,
    Work,
    School,
    Occupation,
    Role,
}

const SEXES: [&str; 2] = ["male", "female"];
const MARITAL: [&str; 4] = ["never", "married", "divorced", "widowed"];
const ROLES: [&str; 5] = ["head", "spouse", "child", "parent", "other"];
/// Those without a state of work, level or occupation.
const NO_ID: &str = "none";

/// What a rule sees.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub file: &'a DistrictFile,
    pub person: &'a Person,
    /// Completed years on the day in question.
    pub age: f64,
    pub home: &'a Shape,
    pub hardship: bool,
    pub luck: f64,
    /// Evidence of the subject so far: kind and value.
    pub values: &'a [(usize, Value)],
    pub day: Day,
}

impl Rules {
    /// Checks and compiles; errors name the key.
    pub fn compile(file: &DistrictFile) -> Result<Rules, WorldError> {
        let names: Vec<&str> = file.evidence.iter().map(|k| k.kind.as_str()).collect();
        let scope = Scope {
            file,
            names: &names,
        };
        let mut kinds = Vec::new();
        for (i, kind) in file.evidence.iter().enumerate() {
            let place = format!("evidence `{}`", kind.kind);
            if names[..i].contains(&kind.kind.as_str()) {
                return Err(inconsistent(
                    &place,
                    "the kind stands twice; put its cases together",
                ));
            }
            let mut cases = Vec::new();
            for case in &kind.cases {
                scope.check(&place, case)?;
                cases.push((scope.conditions(&place, &case.when)?, case.clone()));
            }
            kinds.push(Kind {
                name: kind.kind.clone(),
                of: kind.of,
                cases,
                missing: kind.missing,
                source: kind.source.clone(),
            });
        }
        let mut tilts = Vec::new();
        for tilt in &file.fortune.tilts {
            tilts.push((scope.conditions("fortune, tilts", &tilt.when)?, tilt.odds));
        }
        let mut applications = Vec::new();
        for a in &file.applications {
            let place = format!("application `{}`", a.programme);
            let income = a
                .income
                .iter()
                .map(|k| scope.kind(&place, k))
                .collect::<Result<_, _>>()?;
            let property = a
                .property
                .iter()
                .map(|(k, limit)| Ok((scope.kind(&place, k)?, *limit)))
                .collect::<Result<_, WorldError>>()?;
            let when = scope.conditions(&place, &a.when)?;
            applications.push(Intention {
                file: a.clone(),
                when,
                income,
                property,
            });
        }
        let mut changes = Vec::new();
        for c in &file.life.changes {
            let place = format!("life, change `{}`", c.id);
            let mut set = Vec::new();
            for (kind, case) in &c.set {
                scope.check(&place, case)?;
                let when = scope.conditions(&place, &case.when)?;
                set.push((scope.kind(&place, kind)?, when, case.clone()));
            }
            let work =
                match &c.work {
                    None => None,
                    Some(id) => {
                        Some(file.work.iter().position(|w| &w.id == id).ok_or_else(|| {
                            inconsistent(&place, &format!("no state of work `{id}`"))
                        })? as u8)
                    }
                };
            changes.push(Change {
                when: scope.conditions(&place, &c.when)?,
                file: c.clone(),
                set,
                work,
            });
        }
        Ok(Rules {
            kinds,
            tilts,
            applications,
            changes,
        })
    }
}

fn inconsistent(place: &str, message: &str) -> WorldError {
    WorldError::Inconsistent {
        place: place.into(),
        message: message.into(),
    }
}

struct Scope<'a> {
    file: &'a DistrictFile,
    names: &'a [&'a str],
}

impl Scope<'_> {
    fn kind(&self, place: &str, name: &str) -> Result<usize, WorldError> {
        self.names.iter().position(|n| *n == name).ok_or_else(|| {
            inconsistent(
                place,
                &format!("`{name}` is no kind of the section `evidence`"),
            )
        })
    }

    fn check(&self, place: &str, case: &Case) -> Result<(), WorldError> {
        if !(0.0..=1.0).contains(&case.share) {
            return Err(inconsistent(place, "`share` lies between 0 and 1"));
        }
        if let Some((kind, _)) = &case.plus {
            self.kind(place, kind)?;
        }
        match &case.value {
            Draw::Choice(all) if all.is_empty() || all.iter().all(|(_, w)| *w <= 0.0) => Err(
                inconsistent(place, "`choice` needs a value with a weight above zero"),
            ),
            Draw::Uniform([a, b]) | Draw::Daysbefore([a, b]) if a > b => Err(inconsistent(
                place,
                "the first number of a range is the smaller one",
            )),
            _ => Ok(()),
        }
    }

    fn conditions(
        &self,
        place: &str,
        when: &BTreeMap<String, Value>,
    ) -> Result<Conditions, WorldError> {
        when.iter()
            .map(|(key, value)| self.condition(place, key, value))
            .collect()
    }

    fn condition(&self, place: &str, key: &str, value: &Value) -> Result<Condition, WorldError> {
        let range = || {
            pair(value).ok_or_else(|| {
                inconsistent(place, &format!("`{key}` takes a range such as [18, 59]"))
            })
        };
        let boolean = || {
            value
                .as_bool()
                .ok_or_else(|| inconsistent(place, &format!("`{key}` is true or false")))
        };
        let one_of = |field: Field, ids: Vec<&str>| {
            let mut bits = 0u64;
            for wanted in list(value) {
                let text = wanted.as_str().unwrap_or_default();
                let code = match ids.iter().position(|id| *id == text) {
                    Some(code) => code as u32,
                    None if text == NO_ID => 63,
                    None => {
                        let known = ids.join(", ");
                        return Err(inconsistent(
                            place,
                            &format!("`{key}` knows {known}, not {wanted}"),
                        ));
                    }
                };
                bits |= 1 << code;
            }
            Ok(Condition::OneOf(field, bits))
        };
        let file = self.file;
        match key {
            "age" => range().map(|(a, b)| Condition::Age(a, b)),
            "size" => range().map(|(a, b)| Condition::Size(a, b)),
            "generations" => range().map(|(a, b)| Condition::Generations(a, b)),
            "collective" => boolean().map(Condition::Collective),
            "hardship" => boolean().map(Condition::Hardship),
            "sex" => one_of(Field::Sex, SEXES.to_vec()),
            "marital" => one_of(Field::Marital, MARITAL.to_vec()),
            "role" => one_of(Field::Role, ROLES.to_vec()),
            "work" => one_of(
                Field::Work,
                file.work.iter().map(|w| w.id.as_str()).collect(),
            ),
            "school" => one_of(
                Field::School,
                file.schooling.iter().map(|l| l.id.as_str()).collect(),
            ),
            "occupation" => one_of(
                Field::Occupation,
                file.occupations.iter().map(|o| o.id.as_str()).collect(),
            ),
            kind => {
                let kind = self.kind(place, kind)?;
                Ok(match pair(value) {
                    Some((a, b)) => Condition::Between(kind, a, b),
                    None if value.is_null() => Condition::Equals(kind, vec![]),
                    None if value.as_str() == Some("*") => Condition::Any(kind),
                    None => Condition::Equals(kind, list(value).into_iter().cloned().collect()),
                })
            }
        }
    }
}

fn list(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |all| all.iter().collect())
}

fn pair(value: &Value) -> Option<(f64, f64)> {
    match value.as_array()?.as_slice() {
        [a, b] => Some((a.as_f64()?, b.as_f64()?)),
        _ => None,
    }
}

impl Condition {
    /// Does it need no evidence and nothing of the household's fortune?
    pub fn is_plain(&self) -> bool {
        matches!(
            self,
            Condition::Age(..) | Condition::OneOf(..) | Condition::Collective(_)
        )
    }
}

impl View<'_> {
    /// Do all conditions hold?
    pub fn holds(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|c| self.one(c))
    }

    fn one(&self, condition: &Condition) -> bool {
        let within = |x: f64, a: f64, b: f64| a <= x && x <= b;
        match condition {
            Condition::Age(a, b) => within(self.age, *a, *b),
            Condition::Size(a, b) => within(f64::from(self.home.size), *a, *b),
            Condition::Generations(a, b) => within(f64::from(self.home.generations), *a, *b),
            Condition::Collective(wanted) => self.home.collective == *wanted,
            Condition::Hardship(wanted) => self.hardship == *wanted,
            Condition::OneOf(field, bits) => {
                let p = self.person;
                let code = match field {
                    Field::Sex => p.sex,
                    Field::Marital => p.marital,
                    Field::Work => p.work,
                    Field::School => p.school,
                    Field::Occupation => p.occupation,
                    Field::Role => role_code(p.role),
                };
                bits & (1 << if code == NONE { 63 } else { code.min(62) }) != 0
            }
            Condition::Equals(kind, wanted) => match self.value(*kind) {
                None => wanted.is_empty(),
                Some(value) => wanted.iter().any(|w| same(w, value)),
            },
            Condition::Any(kind) => self.value(*kind).is_some(),
            Condition::Between(kind, a, b) => self
                .value(*kind)
                .and_then(Value::as_f64)
                .is_some_and(|x| within(x, *a, *b)),
        }
    }

    fn value(&self, kind: usize) -> Option<&Value> {
        self.values
            .iter()
            .rev()
            .find(|(k, _)| *k == kind)
            .map(|(_, v)| v)
    }

    /// The value of a kind; `None`: no evidence.
    pub fn kind(&self, kind: &Kind, rng: &mut ChaCha8Rng) -> Option<Value> {
        for (conditions, case) in &kind.cases {
            if self.holds(conditions) && (case.share >= 1.0 || rng.random::<f64>() < case.share) {
                let value = self.case(case, rng)?;
                let lost = kind.missing > 0.0 && rng.random::<f64>() < kind.missing;
                return (!lost).then_some(value);
            }
        }
        None
    }

    /// The value of one case.
    pub fn case(&self, case: &Case, rng: &mut ChaCha8Rng) -> Option<Value> {
        let value = self.draw(&case.value, rng)?;
        let plain = case.luck == 0.0
            && case.by_age.is_empty()
            && case.by_size.is_empty()
            && case.plus.is_none()
            && case.round.is_none();
        let Some(mut x) = value.as_f64().filter(|_| !plain) else {
            return Some(value);
        };
        if case.luck != 0.0 {
            x *= self.luck.powf(case.luck);
        }
        if !case.by_age.is_empty() {
            x *= curve(&case.by_age, self.age);
        }
        if !case.by_size.is_empty() {
            x *= curve(&case.by_size, f64::from(self.home.size));
        }
        if let Some((name, factor)) = &case.plus {
            let kind = self.file.evidence.iter().position(|k| &k.kind == name);
            x += kind
                .and_then(|k| self.value(k))
                .and_then(Value::as_f64)
                .unwrap_or(0.0)
                * factor;
        }
        x = x.clamp(case.min.unwrap_or(f64::MIN), case.max.unwrap_or(f64::MAX));
        Some(number(x, case.round))
    }

    fn draw(&self, draw: &Draw, rng: &mut ChaCha8Rng) -> Option<Value> {
        match draw {
            Draw::Const(value) => Some(value.clone()),
            Draw::None => None,
            Draw::Lognormal([median, sigma]) => {
                Some(Value::from(median * (sigma * normal(rng)).exp()))
            }
            Draw::Uniform([a, b]) => Some(Value::from(a + (b - a) * rng.random::<f64>())),
            Draw::Choice(all) => {
                let mut at = rng.random::<f64>() * all.iter().map(|(_, w)| w).sum::<f64>();
                for (value, weight) in all {
                    at -= weight;
                    if at < 0.0 {
                        return Some(value.clone());
                    }
                }
                all.last().map(|(v, _)| v.clone())
            }
            Draw::Daysbefore([a, b]) => {
                let days = a + (b - a) * rng.random::<f64>();
                Some(Value::from(names::earlier(self.day, days).to_string()))
            }
            Draw::Field(name) => {
                let p = self.person;
                Some(match name.as_str() {
                    "birth" => Value::from(names::born(p).to_string()),
                    "birth-month" => Value::from(names::born(p).format("%Y-%m").to_string()),
                    "size" => Value::from(self.home.size),
                    "age" => Value::from(self.age as i64),
                    _ => return None,
                })
            }
            // Outside a record there is nothing to be a part of.
            Draw::Part(..) => None,
            Draw::Record(fields) => {
                let mut map = Map::new();
                for (name, field) in fields.iter().filter(|(_, f)| !matches!(f, Draw::Part(..))) {
                    let value = self.draw(field, rng)?;
                    // Money and counts inside a record are whole.
                    let value = value.as_f64().map_or(value, |x| number(x, Some(1.0)));
                    map.insert(name.clone(), value);
                }
                for (name, field) in fields {
                    if let Draw::Part(of, a, b) = field {
                        let whole = map.get(of).and_then(Value::as_f64)?;
                        let part = whole * (a + (b - a) * rng.random::<f64>());
                        map.insert(name.clone(), number(part, Some(1.0)));
                    }
                }
                Some(Value::Object(map))
            }
        }
    }
}

fn number(x: f64, step: Option<f64>) -> Value {
    let step = step.unwrap_or(1.0);
    let rounded = (x / step).round() * step;
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
        Value::from(rounded as i64)
    } else {
        Value::from((rounded * 100.0).round() / 100.0)
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(x), Some(y)) => x == y,
        _ => a == b,
    }
}

pub(super) fn role_code(role: Role) -> u8 {
    role as u8
}

impl Intention {
    /// Does the household apply? `members`: evidence of each; `household`: of the household.
    pub fn household_applies(
        &self,
        view: &View,
        members: &[Vec<(usize, Value)>],
        household: &[(usize, Value)],
        rng: &mut ChaCha8Rng,
    ) -> bool {
        let chance = if self.holds(view) {
            curve(&self.file.share, self.ratio(members, household))
        } else {
            0.0
        };
        rng.random::<f64>() < chance
    }

    fn holds(&self, view: &View) -> bool {
        view.holds(&self.when)
    }

    /// Income a head as a multiple of the line; far above it when there is too much property.
    pub fn ratio(&self, members: &[Vec<(usize, Value)>], household: &[(usize, Value)]) -> f64 {
        let Some(line) = self.file.line else {
            return 0.0;
        };
        let heads = members.len().max(1) as f64;
        let income: f64 = members
            .iter()
            .flatten()
            .filter(|(k, _)| self.income.contains(k))
            .filter_map(|(_, v)| v.as_f64())
            .sum();
        let rich = self.property.iter().any(|(kind, limit)| {
            household
                .iter()
                .any(|(k, v)| k == kind && v.as_f64().is_some_and(|x| x / heads > *limit))
        });
        if rich {
            99.0
        } else {
            income / heads / line.max(1.0)
        }
    }

    /// Does the person apply?
    pub fn person_applies(&self, view: &View, rng: &mut ChaCha8Rng) -> bool {
        self.holds(view) && rng.random::<f64>() < curve(&self.file.share, 0.0)
    }
}
