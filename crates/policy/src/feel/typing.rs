//! The types of operators and built-ins, units included. Shared by the parser of both modes; only
//! strict mode reports what it finds.

use super::ast::{Arith, Compare};
use super::builtin::Builtin;
use super::types::{Records, Type, Unit};
use std::sync::Arc;

/// Two types that do not go together, in words.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub code: &'static str,
    pub zh: String,
    pub en: String,
}

fn mismatch(code: &'static str, zh: String, en: String) -> Mismatch {
    Mismatch { code, zh, en }
}

/// The smallest type over both; `None` when they have nothing in common.
pub(super) fn join(a: &Type, b: &Type) -> Option<Type> {
    if a == b {
        return Some(a.clone());
    }
    Some(match (a, b) {
        (Type::Any, _) | (_, Type::Any) => Type::Any,
        (Type::Null, other) | (other, Type::Null) => other.clone().nullable(),
        (Type::Nullable(a), b) | (b, Type::Nullable(a)) => {
            let b = match b {
                Type::Nullable(b) => b,
                other => other,
            };
            join(a, b)?.nullable()
        }
        (Type::Named(a), b) | (b, Type::Named(a)) => join(&a.base, b)?,
        (Type::Number(Some(x)), Type::Number(Some(y))) => Type::Number(Some(x.sum(*y)?)),
        (Type::Number(_), Type::Number(_)) => Type::Number(None),
        (Type::Text, Type::Enum(_)) | (Type::Enum(_), Type::Text) => Type::Text,
        (Type::Enum(x), Type::Enum(y)) => {
            let mut all: Vec<Arc<str>> = x.to_vec();
            all.extend(y.iter().filter(|t| !x.contains(t)).cloned());
            Type::Enum(all.into())
        }
        (Type::Date, Type::YearMonth) | (Type::YearMonth, Type::Date) => Type::Date,
        (Type::List(x), Type::List(y)) => Type::list(join(x, y)?),
        (Type::Range(x), Type::Range(y)) => Type::Range(Arc::new(join(x, y)?)),
        (Type::Context(x), Type::Context(y)) if x.fields.len() == y.fields.len() => {
            let mut fields = Vec::with_capacity(x.fields.len());
            for (name, ty) in &x.fields {
                fields.push((name.clone(), join(ty, y.field(name)?.1)?));
            }
            Type::Context(Arc::new(super::types::ContextType { fields }))
        }
        _ => return None,
    })
}

/// May a value of type `from` stand where `to` is declared?
pub(super) fn assignable(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (a, b) if a == b => true,
        (Type::Any, _) | (_, Type::Any) => true,
        (Type::Null, Type::Nullable(_)) => true,
        (Type::Nullable(a), Type::Nullable(b)) => assignable(a, b),
        (Type::Nullable(_) | Type::Null, _) => false,
        (a, Type::Nullable(b)) => assignable(a, b),
        (Type::Named(a), b) => assignable(&a.base, b),
        (a, Type::Named(b)) => assignable(a, &b.base),
        (Type::Number(Some(a)), Type::Number(Some(b))) => *b == Unit::Plain || a.sum(*b).is_some(),
        (Type::Number(_), Type::Number(_)) => true,
        (Type::Enum(_), Type::Text) => true,
        (Type::Enum(a), Type::Enum(b)) => a.iter().all(|t| b.contains(t)),
        (Type::YearMonth, Type::Date) | (Type::Date, Type::YearMonth) => true,
        (Type::List(a), Type::List(b)) => assignable(a, b) || **a == Type::Null,
        (Type::Range(a), Type::Range(b)) => assignable(a, b),
        (Type::Context(a), Type::Context(b)) => {
            b.fields.iter().all(|(name, ty)| match a.field(name) {
                Some((_, from)) => assignable(from, ty),
                None => ty.is_nullable(),
            })
        }
        (Type::Function(a), Type::Function(b)) => {
            a.params.len() == b.params.len() && assignable(&a.result, &b.result)
        }
        _ => false,
    }
}

/// Can values of the two types be compared for equality or order?
pub(super) fn comparable(op: Compare, a: &Type, b: &Type) -> Result<(), Mismatch> {
    let fits = match (a.plain(), b.plain()) {
        (Type::Any | Type::Null, _) | (_, Type::Any | Type::Null) => true,
        (Type::Number(Some(x)), Type::Number(Some(y))) if x.sum(*y).is_none() => {
            return Err(mismatch(
                "unit-mismatch",
                format!("`{}` 两边单位不同：{x} 与 {y}", op.sign()),
                format!(
                    "`{}` compares different units: {} and {}",
                    op.sign(),
                    x.en(),
                    y.en()
                ),
            ));
        }
        (x, y) => {
            join(x, y).is_some() || matches!((x, y), (Type::Record(a), Type::Record(b)) if a == b)
        }
    };
    let ordered = matches!(op, Compare::Eq | Compare::Ne) || (a.is_ordered() && b.is_ordered());
    if fits && ordered {
        return Ok(());
    }
    Err(mismatch(
        "type-mismatch",
        format!("`{}` 不能比较 {a} 与 {b}", op.sign()),
        format!("`{}` cannot compare {a} with {b}", op.sign()),
    ))
}

/// The type of an arithmetic expression.
pub(super) fn arith(op: Arith, a: &Type, b: &Type) -> Result<Type, Mismatch> {
    use Type::*;
    let whole = || {
        mismatch(
            "type-mismatch",
            format!("`{}` 不能用于 {a} 与 {b}", op.sign()),
            format!("`{}` cannot take {a} and {b}", op.sign()),
        )
    };
    Ok(match (op, a.plain(), b.plain()) {
        (_, Any, _) | (_, _, Any) => Any,
        (_, Null, _) | (_, _, Null) => return Err(whole()),
        (_, Number(None), Number(_)) | (_, Number(_), Number(None)) => Number(None),
        (op, Number(Some(x)), Number(Some(y))) => {
            let unit = match op {
                Arith::Add | Arith::Sub => x.sum(*y),
                Arith::Mul => x.product(*y),
                Arith::Div => x.quotient(*y),
                Arith::Pow => matches!(y, Unit::Plain | Unit::Months | Unit::Years | Unit::Items)
                    .then_some(*x)
                    .filter(|x| matches!(x, Unit::Plain | Unit::Ratio)),
            };
            Number(Some(unit.ok_or_else(|| {
                mismatch(
                    "unit-mismatch",
                    format!("单位不合：{x} {} {y}", op.sign()),
                    format!(
                        "units do not go together: {} {} {}",
                        x.en(),
                        op.sign(),
                        y.en()
                    ),
                )
            })?))
        }
        (Arith::Add, Text | Enum(_), Text | Enum(_)) => Text,
        (Arith::Add | Arith::Sub, Date | YearMonth, YearsMonths | DaysTime) => Date,
        (Arith::Add, YearsMonths | DaysTime, Date | YearMonth) => Date,
        (Arith::Sub, Date | YearMonth | DateTime, Date | YearMonth | DateTime) => DaysTime,
        (Arith::Add | Arith::Sub, DateTime, YearsMonths | DaysTime) => DateTime,
        (Arith::Add, YearsMonths | DaysTime, DateTime) => DateTime,
        (Arith::Add | Arith::Sub, Time, DaysTime) => Time,
        (Arith::Add, DaysTime, Time) => Time,
        (Arith::Sub, Time, Time) => DaysTime,
        (Arith::Add | Arith::Sub, YearsMonths, YearsMonths) => YearsMonths,
        (Arith::Add | Arith::Sub, DaysTime, DaysTime) => DaysTime,
        (Arith::Mul | Arith::Div, YearsMonths, Number(_))
        | (Arith::Mul, Number(_), YearsMonths) => YearsMonths,
        (Arith::Mul | Arith::Div, DaysTime, Number(_)) | (Arith::Mul, Number(_), DaysTime) => {
            DaysTime
        }
        (Arith::Div, YearsMonths, YearsMonths) | (Arith::Div, DaysTime, DaysTime) => Type::PLAIN,
        _ => return Err(whole()),
    })
}

/// The type of `base.name`; `None` when there is no such field. With it the field's number.
pub(super) fn field(base: &Type, name: &str, records: &Records) -> Option<(Type, Option<u32>)> {
    let plain = |ty: Type| Some((ty, None));
    match base.plain() {
        Type::Any => plain(Type::Any),
        Type::Context(c) => c.field(name).map(|(at, ty)| (ty.clone(), Some(at as u32))),
        Type::Record(id) => records
            .get(*id)?
            .field(name)
            .map(|(at, ty)| (ty.clone(), Some(at))),
        Type::List(item) => {
            let (ty, at) = field(item, name, records)?;
            Some((Type::list(ty), at))
        }
        Type::Date | Type::YearMonth => match name {
            "year" | "month" | "day" | "weekday" => plain(Type::PLAIN),
            _ => None,
        },
        Type::DateTime => match name {
            "year" | "month" | "day" | "weekday" | "hour" | "minute" | "second" => {
                plain(Type::PLAIN)
            }
            "time offset" => plain(Type::DaysTime.nullable()),
            "timezone" => plain(Type::Text.nullable()),
            _ => None,
        },
        Type::Time => match name {
            "hour" | "minute" | "second" => plain(Type::PLAIN),
            "time offset" => plain(Type::DaysTime.nullable()),
            "timezone" => plain(Type::Text.nullable()),
            _ => None,
        },
        Type::YearsMonths => match name {
            "years" | "months" => plain(Type::PLAIN),
            _ => None,
        },
        Type::DaysTime => match name {
            "days" | "hours" | "minutes" | "seconds" => plain(Type::PLAIN),
            _ => None,
        },
        Type::Range(item) => match name {
            "start" | "end" => plain((**item).clone()),
            "start included" | "end included" => plain(Type::Boolean),
            _ => None,
        },
        _ => None,
    }
}

/// The item type of what a `for`, a filter or a list function runs over.
pub(super) fn item(ty: &Type) -> Type {
    match ty.plain() {
        Type::List(item) => (**item).clone(),
        Type::Range(item) => (**item).clone(),
        Type::Any | Type::Null => Type::Any,
        other => other.clone(),
    }
}

/// The type of a call of a built-in; `Err` names the argument that does not fit.
pub(super) fn builtin(f: Builtin, args: &[Type]) -> Result<Type, (usize, String)> {
    use Builtin as B;
    let need = |at: usize, fits: &dyn Fn(&Type) -> bool, wanted: &str| match args.get(at) {
        None => Ok(()),
        Some(ty) if matches!(ty.plain(), Type::Any) || fits(ty.plain()) => Ok(()),
        Some(_) => Err((at, wanted.to_string())),
    };
    let number = |at| need(at, &|t| matches!(t, Type::Number(_)), "数 (number)");
    let text = |at| {
        need(
            at,
            &|t| matches!(t, Type::Text | Type::Enum(_)),
            "文本 (text)",
        )
    };
    let list = |at| need(at, &|t| matches!(t, Type::List(_)), "列表 (list)");
    let date = |at| {
        need(
            at,
            &|t| matches!(t, Type::Date | Type::YearMonth | Type::DateTime),
            "日期 (date)",
        )
    };
    let context = |at| need(at, &|t| matches!(t, Type::Context(_)), "情况 (context)");
    let arg = |at: usize| args.get(at).cloned().unwrap_or(Type::Any);
    let counts = |at| {
        need(
            at,
            &|t| {
                matches!(t, Type::Number(Some(u)) if *u == Unit::Plain)
                    || matches!(t, Type::Number(None))
            },
            "数 (plain number)",
        )
    };
    // Lists of numbers, or numbers one by one.
    let numbers = || -> Result<Type, (usize, String)> {
        let mut unit = Type::Number(Some(Unit::Plain));
        for (at, ty) in args.iter().enumerate() {
            let item = item(ty);
            match item.plain() {
                Type::Number(_) => {
                    unit = join(&unit, item.plain()).ok_or((at, format!("{unit}")))?;
                }
                Type::Any | Type::Null => {}
                _ => return Err((at, "数的列表 (list of numbers)".into())),
            }
        }
        Ok(unit)
    };
    Ok(match f {
        B::Number => {
            text(0)?;
            text(1)?;
            text(2)?;
            Type::PLAIN
        }
        B::String => Type::Text,
        B::Context | B::ContextMerge => Type::Any,
        B::ContextPut => {
            context(0)?;
            Type::Any
        }
        B::Date => {
            if args.len() == 3 {
                number(0)?;
                number(1)?;
                number(2)?;
            }
            Type::Date
        }
        B::DateAndTime => Type::DateTime,
        B::Time => Type::Time,
        B::Duration => {
            text(0)?;
            Type::Any
        }
        B::YearsMonthsDuration => {
            date(0)?;
            date(1)?;
            Type::YearsMonths
        }
        B::RangeOf => {
            text(0)?;
            Type::Range(Arc::new(Type::Any))
        }
        B::Not => {
            need(0, &|t| matches!(t, Type::Boolean), "是否 (boolean)")?;
            Type::Boolean
        }
        B::Substring => {
            text(0)?;
            counts(1)?;
            counts(2)?;
            Type::Text
        }
        B::StringLength => {
            text(0)?;
            Type::PLAIN
        }
        B::UpperCase | B::LowerCase => {
            text(0)?;
            Type::Text
        }
        B::SubstringBefore | B::SubstringAfter => {
            text(0)?;
            text(1)?;
            Type::Text
        }
        B::Replace => {
            text(0)?;
            text(1)?;
            text(2)?;
            text(3)?;
            Type::Text
        }
        B::Contains | B::StartsWith | B::EndsWith => {
            text(0)?;
            text(1)?;
            Type::Boolean
        }
        B::Matches => {
            text(0)?;
            text(1)?;
            text(2)?;
            Type::Boolean
        }
        B::Split => {
            text(0)?;
            text(1)?;
            Type::list(Type::Text)
        }
        B::StringJoin => {
            list(0)?;
            text(1)?;
            Type::Text
        }
        B::ListContains => {
            list(0)?;
            if comparable(Compare::Eq, &item(&arg(0)), &arg(1)).is_err() {
                return Err((1, item(&arg(0)).to_string()));
            }
            Type::Boolean
        }
        B::Count => {
            list(0)?;
            Type::PLAIN
        }
        B::Min | B::Max => {
            let mut result = item(&arg(0)).plain().clone();
            for (at, ty) in args.iter().enumerate() {
                let item = item(ty);
                if !item.is_ordered() {
                    return Err((at, "可比较的值 (ordered values)".into()));
                }
                result = join(&result, item.plain()).ok_or((at, result.to_string()))?;
            }
            result
        }
        B::Sum => match item(&arg(0)).plain() {
            duration @ (Type::YearsMonths | Type::DaysTime) => duration.clone(),
            _ => numbers()?,
        },
        B::Mean | B::Median | B::Stddev => numbers()?,
        B::Product => {
            numbers()?;
            Type::PLAIN
        }
        B::Mode => Type::list(numbers()?),
        B::All | B::Any => {
            for at in 0..args.len() {
                need(
                    at,
                    &|t| matches!(item(t).plain(), Type::Boolean | Type::Any),
                    "是否的列表 (list of booleans)",
                )?;
            }
            Type::Boolean
        }
        B::Sublist => {
            list(0)?;
            counts(1)?;
            counts(2)?;
            arg(0).plain().clone()
        }
        B::Reverse | B::DistinctValues => {
            list(0)?;
            arg(0).plain().clone()
        }
        B::Sort => {
            list(0)?;
            arg(0).plain().clone()
        }
        B::Remove => {
            list(0)?;
            counts(1)?;
            arg(0).plain().clone()
        }
        B::Append => {
            list(0)?;
            let mut result = item(&arg(0));
            for (at, ty) in args.iter().enumerate().skip(1) {
                result = join(&result, ty).ok_or((at, result.to_string()))?;
            }
            Type::list(result)
        }
        B::InsertBefore | B::ListReplace => {
            list(0)?;
            let result = item(&arg(0));
            Type::list(join(&result, &arg(2)).ok_or((2, result.to_string()))?)
        }
        B::Concatenate | B::Union => {
            let mut result = item(&arg(0));
            for at in 0..args.len() {
                list(at)?;
                result = join(&result, &item(&arg(at))).ok_or((at, result.to_string()))?;
            }
            Type::list(result)
        }
        B::IndexOf => {
            list(0)?;
            Type::list(Type::PLAIN)
        }
        B::Flatten => {
            list(0)?;
            let mut inner = item(&arg(0));
            while let Type::List(deeper) = inner.plain() {
                inner = (**deeper).clone();
            }
            Type::list(inner)
        }
        B::Decimal
        | B::Floor
        | B::Ceiling
        | B::RoundUp
        | B::RoundDown
        | B::RoundHalfUp
        | B::RoundHalfDown => {
            number(0)?;
            counts(1)?;
            arg(0).plain().clone()
        }
        B::Abs => {
            need(
                0,
                &|t| matches!(t, Type::Number(_) | Type::YearsMonths | Type::DaysTime),
                "数 (number)",
            )?;
            arg(0).plain().clone()
        }
        B::Modulo => {
            number(0)?;
            number(1)?;
            match (arg(0).unit(), arg(1).unit()) {
                (Some(a), Some(b)) => Type::Number(Some(a.sum(b).ok_or((1, a.to_string()))?)),
                _ => Type::Number(None),
            }
        }
        B::Sqrt | B::Log | B::Exp => {
            number(0)?;
            Type::PLAIN
        }
        B::Odd | B::Even => {
            number(0)?;
            Type::Boolean
        }
        B::Is
        | B::Before
        | B::After
        | B::Meets
        | B::MetBy
        | B::Overlaps
        | B::OverlapsBefore
        | B::OverlapsAfter
        | B::Finishes
        | B::FinishedBy
        | B::Includes
        | B::During
        | B::Starts
        | B::StartedBy
        | B::Coincides => Type::Boolean,
        B::DayOfYear | B::WeekOfYear => {
            date(0)?;
            Type::PLAIN
        }
        B::DayOfWeek | B::MonthOfYear => {
            date(0)?;
            Type::Text
        }
        B::GetValue | B::GetEntries => Type::Any,
        B::Now => Type::DateTime,
        B::Today => Type::Date,
    })
}

/// Makes every plain number of a lenient model unit-free.
pub(super) fn number_literal(strict: bool) -> Type {
    Type::Number(strict.then_some(Unit::Plain))
}
