//! The parts of FEEL that the law uses, under one roof.

pub(crate) use crate::feel::ast::{Closure, Expr, ExprKind, Function, Span, Target};
pub(crate) use crate::feel::diagnostic::Diagnostic;
pub(crate) use crate::feel::eval::{Eval, Host, Machine};
pub(crate) use crate::feel::number::{Number, Rounding};
pub(crate) use crate::feel::parser::{
    check_type, parse_expression, parse_unary_tests, parse_with_locals,
};
pub(crate) use crate::feel::scope::{Mode, Scope};
pub(crate) use crate::feel::table::{Hit, Input, Output, Rows, Rule, Table};
pub(crate) use crate::feel::temporal::Date;
pub(crate) use crate::feel::types::{ContextType, FunctionType, RecordType, Records, Type, Unit};
pub(crate) use crate::feel::value::{Context, Object, Value};
