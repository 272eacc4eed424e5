//! Decision tables: cells already parsed, every hit policy, and which rows fired.

// The analysis of gaps and overlaps stands beside evaluation, which does not need it.
pub mod analyse;

use super::ast::{Expr, Span, UnaryTests};
use super::types::Type;
use super::value::Value;
use std::ops::Deref;
use std::sync::Arc;

/// What happens when several rules match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// U: at most one matches.
    Unique,
    /// A: all that match agree.
    Any,
    /// P: the first by the order of the allowed output values.
    Priority,
    /// F: the first by the order of the rules.
    First,
    /// R: all, in the order of the rules.
    RuleOrder,
    /// O: all, by the order of the allowed output values.
    OutputOrder,
    /// C: all, as a list.
    Collect,
    /// C+
    Sum,
    /// C<
    Min,
    /// C>
    Max,
    /// C#
    Count,
}

impl Hit {
    /// From the letter of the standard: `U`, `F`, `C+`.
    pub fn parse(text: &str) -> Option<Hit> {
        Some(match text {
            "U" => Hit::Unique,
            "A" => Hit::Any,
            "P" => Hit::Priority,
            "F" => Hit::First,
            "R" => Hit::RuleOrder,
            "O" => Hit::OutputOrder,
            "C" => Hit::Collect,
            "C+" => Hit::Sum,
            "C<" => Hit::Min,
            "C>" => Hit::Max,
            "C#" => Hit::Count,
            _ => return None,
        })
    }

    /// The letter of the standard.
    pub fn letter(self) -> &'static str {
        match self {
            Hit::Unique => "U",
            Hit::Any => "A",
            Hit::Priority => "P",
            Hit::First => "F",
            Hit::RuleOrder => "R",
            Hit::OutputOrder => "O",
            Hit::Collect => "C",
            Hit::Sum => "C+",
            Hit::Min => "C<",
            Hit::Max => "C>",
            Hit::Count => "C#",
        }
    }

    /// Does the result hold all matching rules?
    pub fn is_multiple(self) -> bool {
        matches!(
            self,
            Hit::RuleOrder
                | Hit::OutputOrder
                | Hit::Collect
                | Hit::Sum
                | Hit::Min
                | Hit::Max
                | Hit::Count
        )
    }
}

/// A decision table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Hit policy with its aggregator.
    pub hit: Hit,
    /// Columns that are tested.
    pub inputs: Vec<Input>,
    /// Columns that give results; more than one makes a context.
    pub outputs: Vec<Output>,
    /// Rows.
    pub rules: Vec<Rule>,
    /// The frame's local where the tested value stands while a cell runs.
    pub local: u32,
}

/// A column that is tested.
#[derive(Clone, Debug)]
pub struct Input {
    /// What is tested.
    pub expr: Expr,
    /// Its type.
    pub ty: Type,
    /// Values that may occur; others are an error, which in lenient mode is null.
    pub allowed: Option<UnaryTests>,
}

/// A column that gives a result.
#[derive(Clone, Debug)]
pub struct Output {
    /// Name, in a table of several.
    pub name: Option<Arc<str>>,
    /// Its type.
    pub ty: Type,
    /// The values it may give, most important first: the order of P and O.
    pub allowed: Vec<Value>,
    /// The tests behind `allowed`.
    pub tests: Option<UnaryTests>,
    /// The result when no rule matches.
    pub default: Option<Expr>,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where it stands.
    pub span: Span,
    /// One cell per input.
    pub tests: Vec<UnaryTests>,
    /// One cell per output.
    pub outputs: Vec<Expr>,
}

/// What a table gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The result.
    pub value: Value,
    /// The rows it comes from, counted from zero, in the order of the result.
    pub fired: Rows,
}

/// Numbers of rows; one row, which is what nearly all tables give, needs no memory of its own.
#[derive(Clone, Debug, Default)]
pub enum Rows {
    /// No row.
    #[default]
    None,
    /// One row.
    One(u32),
    /// Several rows.
    Many(Vec<u32>),
}

impl Deref for Rows {
    type Target = [u32];

    #[inline]
    fn deref(&self) -> &[u32] {
        match self {
            Rows::None => &[],
            Rows::One(row) => std::slice::from_ref(row),
            Rows::Many(rows) => rows,
        }
    }
}

impl From<Vec<u32>> for Rows {
    fn from(rows: Vec<u32>) -> Rows {
        match rows[..] {
            [] => Rows::None,
            [row] => Rows::One(row),
            _ => Rows::Many(rows),
        }
    }
}
