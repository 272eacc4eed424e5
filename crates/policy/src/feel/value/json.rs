//! Values as JSON, and JSON as values of a type.

use super::{Context, Value};
use crate::feel::temporal::{Date, DateTime, Duration, Time};
use crate::feel::types::Type;
use std::sync::Arc;

impl Value {
    /// As JSON: texts for dates, times and durations, `null` for functions.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Value::Null | Value::Function(_) | Value::Object(_) => Json::Null,
            Value::Boolean(b) => Json::Bool(*b),
            Value::Number(n) => n.to_json(),
            Value::Text(t) => Json::String(t.to_string()),
            Value::List(items) => Json::Array(items.iter().map(Value::to_json).collect()),
            Value::Context(c) => Json::Object(
                c.iter()
                    .map(|(n, v)| (n.to_string(), v.to_json()))
                    .collect(),
            ),
            other => Json::String(other.to_string()),
        }
    }

    /// As JSON for a place of type `ty`: a year-month as `2025-01`.
    pub fn to_json_as(&self, ty: &Type) -> serde_json::Value {
        use serde_json::Value as Json;
        match (self, ty.plain()) {
            (Value::Date(d), Type::YearMonth) => {
                Json::String(format!("{:04}-{:02}", d.year(), d.month()))
            }
            (Value::List(items), Type::List(item)) => {
                Json::Array(items.iter().map(|v| v.to_json_as(item)).collect())
            }
            (Value::Context(c), Type::Context(fields)) => Json::Object(
                c.iter()
                    .map(|(n, v)| {
                        let ty = fields.field(n).map_or(&Type::Any, |(_, ty)| ty);
                        (n.to_string(), v.to_json_as(ty))
                    })
                    .collect(),
            ),
            _ => self.to_json(),
        }
    }

    /// Reads JSON for a place of type `ty`. Texts become dates, times and durations where the type
    /// says so. Errors say where and what was expected.
    pub fn from_json(json: &serde_json::Value, ty: &Type) -> Result<Value, WrongJson> {
        from_json(json, ty, &mut String::new(), 0)
    }
}

/// JSON that does not fit the type of its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {expected}, found {found}", if .path.is_empty() { "value" } else { .path })]
pub struct WrongJson {
    /// Names and indices down to the place.
    pub path: String,
    /// The type there.
    pub expected: String,
    /// What stood there.
    pub found: String,
}

fn from_json(
    json: &serde_json::Value,
    ty: &Type,
    path: &mut String,
    depth: u32,
) -> Result<Value, WrongJson> {
    use serde_json::Value as Json;
    let wrong = |path: &str| WrongJson {
        path: path.trim_start_matches('.').to_string(),
        expected: ty.to_string(),
        found: json.to_string().chars().take(80).collect(),
    };
    if depth > 64 {
        return Err(WrongJson {
            path: path.clone(),
            expected: "at most 64 levels".into(),
            found: "deeper nesting".into(),
        });
    }
    if json.is_null() {
        return match ty {
            Type::Nullable(_) | Type::Any | Type::Null => Ok(Value::Null),
            _ => Err(wrong(path)),
        };
    }
    let parsed = match (ty.plain(), json) {
        (Type::Boolean, Json::Bool(b)) => Some(Value::Boolean(*b)),
        (Type::Number(_), Json::Number(n)) => json_number(n),
        (Type::Text, Json::String(s)) => Some(Value::text(s)),
        (Type::Enum(texts), Json::String(s)) => texts
            .iter()
            .find(|t| ***t == **s)
            .map(|t| Value::Text(t.clone())),
        (Type::Date, Json::String(s)) => Date::parse(s).map(Value::Date),
        (Type::YearMonth, Json::String(s)) => Date::parse(&format!("{s}-01"))
            .or_else(|| Date::parse(s).filter(|d| d.day() == 1))
            .map(Value::Date),
        (Type::Time, Json::String(s)) => Time::parse(s).map(Value::Time),
        (Type::DateTime, Json::String(s)) => DateTime::parse(s).map(Value::DateTime),
        (Type::YearsMonths, Json::String(s)) => match Duration::parse(s) {
            Some(Duration::Months(m)) => Some(Value::YearsMonths(m)),
            _ => None,
        },
        (Type::DaysTime, Json::String(s)) => match Duration::parse(s) {
            Some(Duration::Days(d)) => Some(Value::DaysTime(d)),
            _ => None,
        },
        (Type::List(item), Json::Array(items)) => {
            let length = path.len();
            let mut out = Vec::with_capacity(items.len());
            for (i, item_json) in items.iter().enumerate() {
                path.push_str(&format!("[{}]", i + 1));
                out.push(from_json(item_json, item, path, depth + 1)?);
                path.truncate(length);
            }
            Some(Value::list(out))
        }
        (Type::Context(fields), Json::Object(map)) => {
            let length = path.len();
            let mut context = Context::new();
            for (name, ty) in &fields.fields {
                path.push('.');
                path.push_str(name);
                let found = map.get(&**name).unwrap_or(&Json::Null);
                context.set(name.clone(), from_json(found, ty, path, depth + 1)?);
                path.truncate(length);
            }
            if let Some(extra) = map.keys().find(|k| fields.field(k).is_none()) {
                path.push('.');
                path.push_str(extra);
                let error = WrongJson {
                    path: path.trim_start_matches('.').to_string(),
                    expected: format!("one of the names of {ty}"),
                    found: extra.clone(),
                };
                return Err(error);
            }
            Some(Value::Context(Arc::new(context)))
        }
        (Type::Any, _) => Some(match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Boolean(*b),
            Json::Number(n) => json_number(n).unwrap_or_default(),
            Json::String(s) => Value::text(s),
            Json::Array(items) => {
                let items: Result<Vec<_>, _> = items
                    .iter()
                    .map(|i| from_json(i, &Type::Any, path, depth + 1))
                    .collect();
                Value::list(items?)
            }
            Json::Object(map) => {
                let mut context = Context::new();
                for (name, item) in map {
                    context.set(
                        name.as_str().into(),
                        from_json(item, &Type::Any, path, depth + 1)?,
                    );
                }
                Value::Context(Arc::new(context))
            }
        }),
        _ => None,
    };
    parsed.ok_or_else(|| wrong(path))
}

fn json_number(number: &serde_json::Number) -> Option<Value> {
    number.to_string().parse().ok().map(Value::Number)
}
