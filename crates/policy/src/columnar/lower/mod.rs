//! From the rules of an edition to terms over columns.
//!
//! Mirrors the evaluator construct by construct, so that both roads give one answer; what it does
//! not know it refuses ([`Stuck`]), and the rule in question runs row by row.

mod calendar;
mod cells;
mod walk;

use super::column::{Coding, Info, Texts, pack, scaled};
use super::graph::{Cannot, FALSE, Ref, TRUE};
use super::term::{Ends, Maker, Term, boolean};
use crate::feel::ast::{Expr, ExprKind, Function, Target};
use crate::feel::eval::{Fixed, Machine};
use crate::feel::scope::Mode;
use crate::feel::temporal::Date;
use crate::feel::value::Value;
use crate::law::compile::Code;
use crate::law::edition::{Edition, NONE};
use crate::law::symbols::{Field, HOUSEHOLD, MEMBER, Slot};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Where a kind of evidence is found.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Column(u32),
    /// The same for all: nothing is recorded of it.
    Fixed(Value),
    /// Values that have no column, such as lists: by their place in the population.
    Other(u32),
}

/// A parameter of the places of a population.
#[derive(Clone, Debug)]
pub(crate) enum Figure {
    /// The same everywhere.
    One(Value),
    /// By place.
    Many(Vec<Value>),
}

/// What rules are compiled against.
pub(crate) struct Source<'s> {
    pub edition: &'s Edition,
    pub figures: &'s [Figure],
    pub day: Date,
    pub texts: &'s Texts,
    pub infos: &'s [Info],
    pub bound: [&'s [Bind]; 2],
    /// What the period before handed over, by name; empty at the first.
    pub carry: &'s [(Arc<str>, Bind)],
    /// Rules that were computed row by row: their columns.
    pub rows: &'s HashMap<(usize, usize), u32>,
    /// 0: the programme is about households, 1: about persons.
    pub subject: usize,
}

/// A rule that does not go into columns, and why.
#[derive(Clone, Debug)]
pub(crate) struct Stuck {
    pub rule: Option<(usize, usize)>,
    pub reason: &'static str,
}

impl From<Cannot> for Stuck {
    fn from(cannot: Cannot) -> Stuck {
        Stuck {
            rule: None,
            reason: cannot.0,
        }
    }
}

type Lowered<T = Term> = Result<T, Stuck>;

fn stuck<T>(reason: &'static str) -> Lowered<T> {
    Err(Stuck { rule: None, reason })
}

struct Local {
    term: Term,
    /// In which walk over the members it has its value.
    axis: u32,
}

pub(crate) struct Lower<'s> {
    pub source: &'s Source<'s>,
    pub maker: Maker,
    /// Tables of parameters by place.
    pub tables: Vec<Vec<i64>>,
    figures: HashMap<u32, Term>,
    memo: HashMap<(usize, usize), Term>,
    open: Vec<(usize, usize)>,
    locals: Vec<Local>,
    base: usize,
    axis: u32,
    axes: u32,
    /// The walk in which the member at hand is the rule's own; none in a household's rule.
    own: Option<u32>,
    depth: u32,
}

impl<'s> Lower<'s> {
    pub fn new(source: &'s Source<'s>, size: usize) -> Lower<'s> {
        Lower {
            source,
            maker: Maker {
                graph: super::graph::Graph::new(size),
                aside: Vec::new(),
            },
            tables: Vec::new(),
            figures: HashMap::new(),
            memo: HashMap::new(),
            open: Vec::new(),
            locals: Vec::new(),
            base: 0,
            axis: 0,
            axes: 0,
            own: None,
            depth: 0,
        }
    }

    /// A rule's term, made once. The innermost rule that is stuck is named in the error.
    pub fn rule(&mut self, who: usize, rule: usize) -> Lowered {
        let key = (who, rule);
        if let Some(known) = self.memo.get(&key) {
            return Ok(known.clone());
        }
        if self.open.contains(&key) {
            return stuck("a circle of rules");
        }
        let ty = &self.source.edition.corpus.symbols.rules[who][rule].ty;
        if let Some(&column) = self.source.rows.get(&key) {
            let term = self.column(column)?;
            self.memo.insert(key, term.clone());
            return Ok(term);
        }
        let definition = self.source.edition.rules[who][rule];
        if definition == NONE {
            return Ok(Term::Unknown);
        }
        let Some(compiled) = self.source.edition.compiled(definition as usize) else {
            return Ok(Term::Unknown);
        };
        self.open.push(key);
        let saved = (
            std::mem::take(&mut self.locals),
            self.base,
            self.axis,
            self.own,
            self.depth,
        );
        self.base = 0;
        self.axes += 1;
        self.axis = self.axes;
        self.own = (who == 1).then_some(self.axis);
        let made = match &compiled.code {
            Code::Expr(expr) => self.expr(expr),
            Code::Table { table, .. } => self.table(table),
            Code::Function(_) => Ok(Term::Unknown),
        };
        (self.locals, self.base, self.axis, self.own, self.depth) = saved;
        self.open.pop();
        match made {
            Ok(term) => {
                self.memo.insert(key, term.clone());
                Ok(term)
            }
            Err(mut error) => {
                if error.rule.is_none() && Coding::of(ty).is_some() {
                    error.rule = Some(key);
                }
                Err(error)
            }
        }
    }

    /// How many rules were made.
    pub fn rules(&self) -> usize {
        self.memo.len() - self.source.rows.len().min(self.memo.len())
    }

    /// The rules that were made, in a fixed order.
    pub fn made(&self) -> Vec<(usize, usize, Term)> {
        let mut all: Vec<(usize, usize, Term)> = self
            .memo
            .iter()
            .map(|((who, rule), term)| (*who, *rule, term.clone()))
            .collect();
        all.sort_by_key(|(who, rule, _)| (*who, *rule));
        all
    }

    fn column(&mut self, column: u32) -> Lowered {
        let info = self.source.infos[column as usize];
        let graph = &mut self.maker.graph;
        let n = graph.column(column, info.low, info.high, info.member)?;
        let gap = if info.gaps {
            graph.gap(column, info.member)
        } else {
            FALSE
        };
        Ok(self.coded(n, gap, info.coding))
    }

    fn coded(&mut self, n: Ref, gap: Ref, coding: Coding) -> Term {
        match coding {
            Coding::Number { scale } => Term::Number { n, scale, gap },
            Coding::Boolean => boolean(self.maker.graph.and_not(n, gap), gap),
            Coding::Text => Term::Text { n, gap },
            Coding::Date => Term::Date { n, gap },
            Coding::Months => Term::Months { n, gap },
        }
    }

    fn bound(&mut self, bind: &Bind) -> Lowered {
        match bind {
            Bind::Column(column) => self.column(*column),
            Bind::Fixed(value) => self.value(value),
            Bind::Other(_) => stuck("evidence that is a list or a context"),
        }
    }

    /// A constant.
    fn value(&mut self, value: &Value) -> Lowered {
        let graph = &mut self.maker.graph;
        Ok(match value {
            Value::Null => Term::Unknown,
            Value::Boolean(b) => boolean(if *b { TRUE } else { FALSE }, FALSE),
            Value::Number(n) => self.maker.number(*n)?,
            Value::Text(t) => Term::Text {
                n: graph.constant(self.source.texts.number(t).into()),
                gap: FALSE,
            },
            Value::Date(d) => Term::Date {
                n: graph.constant(pack(*d)),
                gap: FALSE,
            },
            Value::YearsMonths(m) => Term::Months {
                n: graph.constant(*m),
                gap: FALSE,
            },
            Value::List(items) => {
                let items: Lowered<Vec<Term>> = items.iter().map(|v| self.value(v)).collect();
                Term::List(Rc::new(items?))
            }
            Value::Range(r) => {
                let mut end = |v: &Value| match v {
                    Value::Null => Ok(None),
                    v => self.value(v).map(Some),
                };
                Term::Range(Rc::new(Ends {
                    low: end(&r.low)?,
                    low_closed: r.low_closed,
                    high: end(&r.high)?,
                    high_closed: r.high_closed,
                    compared: r.compared,
                }))
            }
            Value::Context(c) => {
                let mut entries = Vec::new();
                for (name, v) in c.iter() {
                    entries.push((name.clone(), self.value(v)?));
                }
                Term::Context(Rc::new(entries))
            }
            Value::Function(f) => Term::Function(f.clone()),
            _ => return stuck("a value of this kind"),
        })
    }

    fn parameter(&mut self, index: u32) -> Lowered {
        if let Some(known) = self.figures.get(&index) {
            return Ok(known.clone());
        }
        let term = match self.source.figures.get(index as usize) {
            None => Term::Unknown,
            Some(Figure::One(value)) => self.value(value)?,
            Some(Figure::Many(values)) => self.by_place(values)?,
        };
        self.figures.insert(index, term.clone());
        Ok(term)
    }

    fn by_place(&mut self, values: &[Value]) -> Lowered {
        let Some(first) = values.iter().find(|v| !v.is_null()) else {
            return Ok(Term::Unknown);
        };
        let coding = match first {
            Value::Number(_) => Coding::Number {
                scale: values
                    .iter()
                    .filter_map(Value::as_number)
                    .map(super::column::digits_after)
                    .max()
                    .unwrap_or(0),
            },
            Value::Boolean(_) => Coding::Boolean,
            Value::Text(_) => Coding::Text,
            Value::Date(_) => Coding::Date,
            _ => return stuck("a parameter of this kind"),
        };
        let (mut codes, mut gaps) = (Vec::new(), Vec::new());
        for value in values {
            gaps.push(-i64::from(value.is_null()));
            codes.push(match (value, coding) {
                (Value::Null, _) => None,
                (Value::Number(n), Coding::Number { scale }) => {
                    Some(scaled(*n, scale).ok_or(Cannot("a number may need more than 64 bits"))?)
                }
                (Value::Boolean(b), Coding::Boolean) => Some(-i64::from(*b)),
                (Value::Text(t), Coding::Text) => Some(self.source.texts.number(t).into()),
                (Value::Date(d), Coding::Date) => Some(pack(*d)),
                _ => return stuck("a parameter of several kinds"),
            });
        }
        let low = codes.iter().flatten().copied().min().unwrap_or(0);
        let high = codes.iter().flatten().copied().max().unwrap_or(0);
        let codes: Vec<i64> = codes.into_iter().map(|c| c.unwrap_or(low)).collect();
        let graph = &mut self.maker.graph;
        let n = if low == high {
            graph.constant(low)
        } else {
            self.tables.push(codes);
            graph.lookup(self.tables.len() as u32 - 1, low, high)?
        };
        let gap = if gaps.iter().any(|g| *g != 0) {
            self.tables.push(gaps);
            graph.lookup(self.tables.len() as u32 - 1, -1, 0)?
        } else {
            FALSE
        };
        Ok(self.coded(n, gap, coding))
    }

    fn depends_on_member(&self, term: &Term) -> bool {
        let node = |at: Ref| self.maker.graph.node(at).member;
        match term {
            Term::Member => true,
            Term::Number { n, gap, .. }
            | Term::Text { n, gap }
            | Term::Date { n, gap }
            | Term::Months { n, gap } => node(*n) || node(*gap),
            Term::Ratio { n, d, gap, .. } => node(*n) || node(*d) || node(*gap),
            Term::Boolean { yes, gap } => node(*yes) || node(*gap),
            Term::List(items) => items.iter().any(|t| self.depends_on_member(t)),
            Term::Context(c) => c.iter().any(|(_, t)| self.depends_on_member(t)),
            Term::Range(r) => [&r.low, &r.high]
                .into_iter()
                .flatten()
                .any(|t| self.depends_on_member(t)),
            _ => false,
        }
    }

    fn local(&self, index: u32) -> Lowered {
        let Some(local) = self.locals.get(self.base + index as usize) else {
            return stuck("a name without a place");
        };
        if local.axis != self.axis && self.depends_on_member(&local.term) {
            return stuck("members compared with members");
        }
        Ok(local.term.clone())
    }

    fn push(&mut self, term: Term) {
        let axis = self.axis;
        self.locals.push(Local { term, axis });
    }

    fn field(&mut self, record: u32, field: u32) -> Lowered {
        match self.source.edition.corpus.symbols.field(record, field) {
            Field::Kind(slot) => {
                let bind = self.source.bound[record as usize & 1].get(slot);
                match bind.cloned() {
                    Some(bind) => self.bound(&bind),
                    None => stuck("evidence that is no column"),
                }
            }
            Field::Rule(rule) => self.rule(record as usize & 1, rule),
            Field::Members => Ok(Term::Members {
                keep: TRUE,
                gap: FALSE,
            }),
        }
    }

    fn slot(&mut self, slot: u32) -> Lowered {
        match Slot::decode(slot) {
            Some(Slot::Household(field)) => self.field(HOUSEHOLD, field),
            Some(Slot::Member(field)) => {
                if self.own == Some(self.axis) {
                    self.field(MEMBER, field)
                } else {
                    stuck("members compared with members")
                }
            }
            Some(Slot::Parameter(n)) => self.parameter(n),
            Some(Slot::TheHousehold) => Ok(Term::Household),
            Some(Slot::Previous) => Ok(Term::Previous),
            Some(Slot::ReferenceDay) => self.value(&Value::Date(self.source.day)),
            Some(Slot::Month) => {
                let day = self.source.day;
                match Date::new(day.year(), day.month(), 1) {
                    Some(first) => self.value(&Value::Date(first)),
                    None => stuck("a day out of range"),
                }
            }
            Some(Slot::Function(n)) => {
                let definition = self.source.edition.functions.get(n as usize);
                let definition = definition.copied().unwrap_or(NONE);
                let code = self.source.edition.compiled(definition as usize);
                match code.map(|c| &c.code) {
                    Some(Code::Function(function)) => Ok(Term::Function(function.clone())),
                    _ => Ok(Term::Unknown),
                }
            }
            Some(Slot::Event) => stuck("an event"),
            None => Ok(Term::Unknown),
        }
    }

    pub(super) fn expr(&mut self, expr: &Expr) -> Lowered {
        if self.depth > 200 {
            return stuck("nested too deep");
        }
        self.depth += 1;
        let made = self.node(expr);
        self.depth -= 1;
        made
    }

    fn node(&mut self, expr: &Expr) -> Lowered {
        match &expr.kind {
            ExprKind::Literal(value) => self.value(value),
            ExprKind::Name { target, .. } => match target {
                Target::Slot(slot) => self.slot(*slot),
                Target::Local(index) => self.local(*index),
                Target::Builtin(b) => Ok(Term::Function(Arc::new(Function::Builtin(*b)))),
                _ => stuck("a name of lenient mode"),
            },
            ExprKind::Path { base, name, field } => {
                let base = self.expr(base)?;
                self.path(&base, name, *field)
            }
            ExprKind::Neg(a) => {
                let a = self.expr(a)?;
                let zero = self.maker.number(crate::feel::number::Number::ZERO)?;
                match a {
                    Term::Months { n, gap } => Ok(Term::Months {
                        n: self.maker.graph.minus(FALSE, n)?,
                        gap,
                    }),
                    a => Ok(self.maker.sum(&zero, &a, true)?),
                }
            }
            ExprKind::Arith(op, a, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                self.arith(*op, &a, &b)
            }
            ExprKind::Compare(op, a, b) => {
                let null = |e: &Expr| matches!(e.kind, ExprKind::Literal(Value::Null));
                let explicit = null(a) || null(b);
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                if explicit {
                    return self.null_test(*op, &a, &b);
                }
                Ok(self.maker.compare(*op, &a, &b)?)
            }
            ExprKind::And(a, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                Ok(self.maker.and(&a, &b)?)
            }
            ExprKind::Or(a, b) => {
                let (a, b) = (self.expr(a)?, self.expr(b)?);
                Ok(self.maker.or(&a, &b)?)
            }
            ExprKind::Between(x, low, high) => {
                use crate::feel::ast::Compare;
                let (x, low, high) = (self.expr(x)?, self.expr(low)?, self.expr(high)?);
                let above = self.maker.compare(Compare::Ge, &x, &low)?;
                let below = self.maker.compare(Compare::Le, &x, &high)?;
                Ok(self.maker.and(&above, &below)?)
            }
            ExprKind::In { value, tests, .. } => {
                let value = self.expr(value)?;
                let length = self.locals.len();
                self.push(value);
                let answer = self.any_test(tests, length);
                self.locals.truncate(length);
                answer
            }
            ExprKind::If(condition, yes, no) => {
                let condition = self.expr(condition)?;
                let (mask, gap) = self.maker.truth(&condition)?;
                let (yes, no) = (self.expr(yes)?, self.expr(no)?);
                Ok(self.maker.choose(mask, gap, &yes, &no)?)
            }
            ExprKind::For {
                iterators,
                body,
                uses_partial: false,
            } => self.each(iterators, body),
            ExprKind::Quantified {
                every,
                iterators,
                condition,
            } => {
                let answers = self.each_of(iterators, condition, false)?;
                self.all_of(&answers, *every)
            }
            ExprKind::Filter {
                base,
                condition,
                uses_item: true,
                ..
            } => self.filter(base, condition),
            ExprKind::Builtin(f, args) => self.builtin(*f, args, expr),
            ExprKind::Call {
                callee,
                args,
                names,
            } => self.call(callee, args, names),
            ExprKind::List(items) => {
                let items: Lowered<Vec<Term>> = items.iter().map(|e| self.expr(e)).collect();
                Ok(Term::List(Rc::new(items?)))
            }
            ExprKind::Context {
                entries,
                result: None,
                ..
            } => {
                let length = self.locals.len();
                let mut made = Vec::new();
                for entry in entries {
                    let term = self.expr(&entry.value)?;
                    made.push((entry.name.clone(), term.clone()));
                    self.push(term);
                }
                self.locals.truncate(length);
                Ok(Term::Context(Rc::new(made)))
            }
            ExprKind::Range(range) => {
                let mut end = |e: &Option<Expr>| match e {
                    Some(e) => self.expr(e).map(Some),
                    None => Ok(None),
                };
                Ok(Term::Range(Rc::new(Ends {
                    low: end(&range.low)?,
                    low_closed: range.low_closed,
                    high: end(&range.high)?,
                    high_closed: range.high_closed,
                    compared: range.compared,
                })))
            }
            ExprKind::Table(table) => self.table(table),
            _ => stuck("an expression of this kind"),
        }
    }

    /// The value of an expression that names nothing.
    pub(super) fn closed(&mut self, expr: &Expr) -> Option<Lowered> {
        let mut open = false;
        expr.visit(&mut |e| open |= matches!(e.kind, ExprKind::Name { .. }));
        if open {
            return None;
        }
        let value = Machine::new(Mode::Strict).run(&Fixed(Vec::new()), expr, &[]);
        Some(match value {
            Ok(value) => self.value(&value),
            Err(_) => stuck("a constant that cannot be computed"),
        })
    }
}
