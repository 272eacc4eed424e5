//! Does a value belong to a type, and can it be made to?

use super::{Eval, Host, Machine};
use crate::feel::ast::Function;
use crate::feel::temporal::{DateTime, Time, Zone};
use crate::feel::types::Type;
use crate::feel::value::{Context, Value};
use std::sync::Arc;

impl Machine {
    pub(super) fn fit(
        &mut self,
        host: &dyn Host,
        value: Value,
        ty: &Type,
        depth: u32,
    ) -> Eval<Option<Value>> {
        if value.is_null() || *ty == Type::Any || depth > 64 {
            return Ok(Some(value));
        }
        match ty {
            Type::Nullable(inner) => return self.fit(host, value, inner, depth + 1),
            Type::Named(named) => {
                let Some(value) = self.fit(host, value, &named.base, depth + 1)? else {
                    return Ok(None);
                };
                let Some(allowed) = &named.allowed else {
                    return Ok(Some(value));
                };
                // Allowed values of a list are about its items.
                if let (Value::List(items), Type::List(_)) = (&value, named.base.plain()) {
                    for item in items.iter() {
                        let ok = self.framed(&[], |m| m.cell(host, allowed, item.clone()))?;
                        if ok != Some(true) {
                            return Ok(None);
                        }
                    }
                    return Ok(Some(value));
                }
                let ok = self.framed(&[], |m| m.cell(host, allowed, value.clone()))?;
                return Ok((ok == Some(true)).then_some(value));
            }
            _ => {}
        }
        match (ty, value) {
            (Type::List(item), Value::List(items)) => {
                let mut out = Vec::with_capacity(items.len());
                for value in items.iter() {
                    match self.fit(host, value.clone(), item, depth + 1)? {
                        Some(value) => out.push(value),
                        None => return Ok(None),
                    }
                }
                Ok(Some(Value::list(out)))
            }
            (Type::List(item), single) => {
                let fitted = self.fit(host, single, item, depth + 1)?;
                Ok(fitted.map(|v| Value::list(vec![v])))
            }
            (other, Value::List(items)) => match items.as_slice() {
                [Value::List(_)] => Ok(None),
                [single] => self.fit(host, single.clone(), other, depth + 1),
                _ => Ok(None),
            },
            (Type::Context(fields), Value::Context(context)) => {
                let mut out = Context::new();
                for (name, ty) in &fields.fields {
                    let Some(value) = context.get(name) else {
                        return Ok(None);
                    };
                    match self.fit(host, value.clone(), ty, depth + 1)? {
                        Some(value) => out.set(name.clone(), value),
                        None => return Ok(None),
                    }
                }
                for (name, value) in context.iter() {
                    if fields.field(name).is_none() {
                        out.set(name.clone(), value.clone());
                    }
                }
                Ok(Some(Value::Context(Arc::new(out))))
            }
            (Type::DateTime, Value::Date(date)) => {
                let time = Time::from_nanos(0, Zone::Offset(0));
                Ok(Some(Value::DateTime(DateTime { date, time })))
            }
            (ty, value) => Ok(ty.holds(&value).then_some(value)),
        }
    }

    /// `x instance of T`: null belongs only to `Null`.
    pub(super) fn instance_of(&self, value: &Value, ty: &Type) -> Eval<bool> {
        if value.is_null() {
            return Ok(matches!(ty, Type::Null | Type::Nullable(_)));
        }
        Ok(match (ty, value) {
            (Type::Any, _) => true,
            (Type::Nullable(inner), v) => self.instance_of(v, inner)?,
            // Allowed values do not count: they restrict, they do not make another type.
            (Type::Named(named), v) => self.instance_of(v, &named.base)?,
            (Type::List(item), Value::List(items)) => {
                for v in items.iter() {
                    if !(v.is_null() && **item != Type::Null || self.instance_of(v, item)?) {
                        return Ok(false);
                    }
                }
                true
            }
            (Type::Context(fields), Value::Context(context)) => {
                for (name, ty) in &fields.fields {
                    match context.get(name) {
                        Some(v) if v.is_null() || self.instance_of(v, ty)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Type::Function(wanted), Value::Function(function)) => {
                if wanted
                    .params
                    .first()
                    .is_some_and(|p| &*p.0 == crate::feel::parser::ANY_PARAMS)
                {
                    return Ok(true);
                }
                match &**function {
                    Function::Closure(closure, _) => {
                        closure.params.len() == wanted.params.len()
                            && closure
                                .params
                                .iter()
                                .zip(&wanted.params)
                                .all(|(have, want)| {
                                    have.1 == Type::Any || want.1 == Type::Any || have.1 == want.1
                                })
                            && closure
                                .result
                                .as_ref()
                                .is_none_or(|r| wanted.result == Type::Any || *r == wanted.result)
                    }
                    other => other.arity_fits(wanted.params.len()),
                }
            }
            (Type::Range(item), Value::Range(range)) => {
                let mut fits = true;
                for end in [&range.low, &range.high] {
                    fits &= end.is_null() || self.instance_of(end, item)?;
                }
                fits
            }
            (ty, v) => ty.holds(v),
        })
    }
}
