//! Evaluation: a tree, a host that supplies the values of slots, and a stack of locals.
//!
//! Names are slots and indices by now, so nothing here looks up a text. Recursion is counted, loops
//! and sizes are bounded: what goes beyond is an [`EvalError`], never a stack overflow or a hang.

mod builtins;
mod cells;
mod compound;
mod conform;
mod dates;
mod lists;
mod operators;
mod ranges;
mod strings;

pub(crate) use builtins::spreads;

use super::ast::{Expr, ExprKind, Function, Span, Target};
use super::scope::Mode;
use super::types::Type;
use super::value::{Object, Value};
use std::fmt;
use std::sync::Arc;

/// Deepest recursion of evaluation, counted in expressions within expressions, across functions and
/// whatever the host evaluates on the way.
/// Unoptimised frames are more than twice as large, so that builds for tests stop earlier.
pub const MAX_DEPTH: u32 = if cfg!(debug_assertions) { 400 } else { 1000 };
/// Most iterations and calls of one outermost [`Machine::run`].
pub const MAX_STEPS: u64 = 5_000_000;
/// Longest list.
pub const MAX_ITEMS: usize = 1_000_000;
/// Longest text, in bytes.
pub const MAX_TEXT: usize = 1 << 22;
/// Longest list of a `for` that looks back at its own results.
const MAX_PARTIAL: usize = 2_000;

/// What stopped an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Deeper than [`MAX_DEPTH`].
    TooDeep,
    /// More than [`MAX_STEPS`] iterations.
    TooLong,
    /// A list, text or range beyond its limit.
    TooLarge,
    /// Strict mode: division by zero.
    DivisionByZero,
    /// Strict mode: a value of the wrong kind; what was needed, what was there.
    Kind(&'static str, &'static str),
    /// Strict mode: a function got what it cannot take.
    Argument(&'static str),
    /// Strict mode: a result out of the range of numbers or dates.
    Range,
    /// A condition of a boxed expression that is no boolean.
    NoCondition,
    /// The host's.
    Host(String),
}

/// An evaluation that could not be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// Where in the expression then running.
    pub span: Span,
    /// What.
    pub fault: Fault,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::TooDeep => write!(f, "evaluation is nested deeper than {MAX_DEPTH} levels"),
            Fault::TooLong => write!(f, "evaluation takes more than {MAX_STEPS} steps"),
            Fault::TooLarge => write!(
                f,
                "a list of more than {MAX_ITEMS} items or a text of more than {MAX_TEXT} bytes"
            ),
            Fault::DivisionByZero => f.write_str("division by zero"),
            Fault::Kind(needed, found) => write!(f, "needed {needed}, found {found}"),
            Fault::Argument(function) => write!(f, "`{function}` cannot take these arguments"),
            Fault::Range => f.write_str("the result is out of range"),
            Fault::NoCondition => f.write_str("the condition is no boolean"),
            Fault::Host(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for EvalError {}

/// A value, or why there is none.
pub type Eval<T = Value> = Result<T, Box<EvalError>>;

/// Supplies what expressions name. It may run other expressions on the same machine to do so, and
/// note who read what.
pub trait Host {
    /// The value of a slot.
    fn value(&self, machine: &mut Machine, slot: u32) -> Eval;

    /// The field of a record of the host's.
    fn field(&self, machine: &mut Machine, object: Object, field: u32) -> Eval {
        let _ = (machine, object, field);
        Ok(Value::Null)
    }

    /// Calls a function of the host's with as many arguments as it has parameters.
    fn call(&self, machine: &mut Machine, slot: u32, args: Vec<Value>) -> Eval {
        let _ = (machine, slot, args);
        Ok(Value::Null)
    }

    /// The present moment, for `now()` and `today()` of lenient models; absent, they are null.
    fn now(&self) -> Option<super::temporal::DateTime> {
        None
    }
}

/// A host with fixed values: slot `n` is the `n`th.
pub struct Fixed(pub Vec<Value>);

impl Host for Fixed {
    fn value(&self, _: &mut Machine, slot: u32) -> Eval {
        Ok(self.0.get(slot as usize).cloned().unwrap_or_default())
    }
}

/// The stack and the counters of evaluation. Keep one per thread and reuse it.
pub struct Machine {
    mode: Mode,
    stack: Vec<Value>,
    base: usize,
    depth: u32,
    steps: u64,
    /// Most steps.
    limit: u64,
    external: bool,
    /// Buffers for items that no list is made for, used again and again.
    spare: Vec<Vec<Value>>,
}

impl Machine {
    /// A machine for strict or lenient evaluation.
    pub fn new(mode: Mode) -> Machine {
        Machine::limited(mode, MAX_STEPS)
    }

    /// A machine that stops after fewer steps than [`MAX_STEPS`].
    pub fn limited(mode: Mode, steps: u64) -> Machine {
        Machine {
            mode,
            stack: Vec::with_capacity(64),
            base: 0,
            depth: 0,
            steps: 0,
            limit: steps.min(MAX_STEPS),
            external: false,
            spare: Vec::new(),
        }
    }

    /// Evaluates `expr` in a new frame that starts with `locals`. A host may call it from within
    /// [`Host::value`] and the like; depth and steps go on counting.
    pub fn run(&mut self, host: &dyn Host, expr: &Expr, locals: &[Value]) -> Eval {
        self.framed(locals, |machine| machine.eval(host, expr))
    }

    /// Evaluates a decision table in a new frame, with the rows that fired.
    pub fn run_table(
        &mut self,
        host: &dyn Host,
        table: &super::table::Table,
        locals: &[Value],
    ) -> Eval<super::table::Outcome> {
        self.framed(locals, |machine| {
            machine.table(host, table, Span::default())
        })
    }

    /// Calls a function value.
    pub fn call(&mut self, host: &dyn Host, function: &Value, args: Vec<Value>) -> Eval {
        match function {
            Value::Function(f) => self.framed(&[], |m| m.apply(host, f, args, Span::default())),
            _ => Ok(Value::Null),
        }
    }

    /// Was an external function (Java) called, and refused?
    pub fn refused_external(&self) -> bool {
        self.external
    }

    /// Strict or lenient.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    fn framed<T>(
        &mut self,
        locals: &[Value],
        work: impl FnOnce(&mut Machine) -> Eval<T>,
    ) -> Eval<T> {
        if self.depth == 0 {
            self.steps = 0;
        }
        let (base, length) = (self.base, self.stack.len());
        self.base = length;
        self.stack.extend_from_slice(locals);
        let result = work(self);
        self.stack.truncate(length);
        self.base = base;
        result
    }

    #[inline]
    fn strict(&self) -> bool {
        self.mode == Mode::Strict
    }

    /// Lends a buffer to `work`.
    #[inline]
    fn with_buffer<T>(&mut self, work: impl FnOnce(&mut Machine, &mut Vec<Value>) -> T) -> T {
        let mut buffer = self.spare.pop().unwrap_or_default();
        let result = work(self, &mut buffer);
        buffer.clear();
        // A list of unusual length is not kept for good.
        if buffer.capacity() <= 4096 {
            self.spare.push(buffer);
        }
        result
    }

    #[inline]
    fn local(&self, index: u32) -> Value {
        self.stack
            .get(self.base + index as usize)
            .cloned()
            .unwrap_or_default()
    }

    /// One iteration or call more.
    #[inline]
    fn step(&mut self, span: Span) -> Eval<()> {
        self.steps += 1;
        if self.steps > self.limit {
            Err(error(span, Fault::TooLong))
        } else {
            Ok(())
        }
    }

    /// Work in proportion to what a function is given, counted as so many iterations.
    #[inline]
    fn charge(&mut self, work: usize, span: Span) -> Eval<()> {
        self.steps += work as u64;
        if self.steps > self.limit {
            Err(error(span, Fault::TooLong))
        } else {
            Ok(())
        }
    }

    /// Null in lenient mode, an error in strict mode.
    #[cold]
    fn misfit(&self, span: Span, fault: impl FnOnce() -> Fault) -> Eval {
        if self.strict() {
            Err(error(span, fault()))
        } else {
            Ok(Value::Null)
        }
    }

    /// The value of an expression in the current frame.
    #[inline]
    pub(super) fn eval(&mut self, host: &dyn Host, expr: &Expr) -> Eval {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(value.clone()),
            ExprKind::Name {
                target: Target::Local(index),
                ..
            } => Ok(self.local(*index)),
            ExprKind::Name {
                target: Target::Slot(slot),
                ..
            } if self.depth < MAX_DEPTH => {
                self.depth += 1;
                let result = host.value(self, *slot);
                self.depth -= 1;
                result
            }
            _ => {
                if self.depth >= MAX_DEPTH {
                    return Err(error(expr.span, Fault::TooDeep));
                }
                self.depth += 1;
                let result = self.eval_node(host, expr);
                self.depth -= 1;
                result
            }
        }
    }

    /// Every arm is one call, so that the frame of this function, of which deep expressions stack
    /// many, stays small.
    fn eval_node(&mut self, host: &dyn Host, expr: &Expr) -> Eval {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Literal(value) => Ok(value.clone()),
            ExprKind::Name { name, target } => self.name(host, name, target),
            ExprKind::Path { base, name, field } => self.path_of(host, base, name, *field, span),
            ExprKind::Arith(op, a, b) => self.arith_of(host, *op, a, b, span),
            ExprKind::Compare(op, a, b) => self.comparison(host, *op, a, b),
            ExprKind::And(a, b) => self.logic(host, a, b, false),
            ExprKind::Or(a, b) => self.logic(host, a, b, true),
            ExprKind::If(condition, yes, no) => self.conditional(host, condition, yes, no),
            ExprKind::Neg(a) => self.negate(host, a, span),
            ExprKind::Between(x, low, high) => self.between(host, x, low, high),
            ExprKind::In { value, tests, .. } => self.membership(host, value, tests),
            ExprKind::Builtin(builtin, args) => self.builtin(host, *builtin, args, span),
            ExprKind::Filter {
                base,
                condition,
                uses_item,
                ..
            } => self.filter(host, base, condition, *uses_item),
            ExprKind::For {
                iterators,
                body,
                uses_partial,
            } => self.iterate(host, iterators, body, *uses_partial),
            ExprKind::Quantified {
                every,
                iterators,
                condition,
            } => self.quantify(host, *every, iterators, condition),
            ExprKind::Call {
                callee,
                args,
                names,
            } => self.invoke(host, callee, args, names, span),
            ExprKind::List(items) => self.list(host, items),
            ExprKind::Context {
                entries, result, ..
            } => self.context(host, entries, result.as_deref()),
            ExprKind::FunctionDef(closure) => self.function(closure),
            ExprKind::Range(range) => self.range(host, range, span),
            ExprKind::InstanceOf(x, ty) => self.instance(host, x, ty),
            ExprKind::Table(table) => self.table_value(host, table, span),
            ExprKind::Condition(inner) => self.condition(host, inner),
            ExprKind::Boxed(inner) => self.boxed(host, inner),
            ExprKind::Typed(inner, ty) => self.typed(host, inner, ty),
        }
    }

    fn path_of(
        &mut self,
        host: &dyn Host,
        base: &Expr,
        name: &Arc<str>,
        field: Option<u32>,
        span: Span,
    ) -> Eval {
        let base = self.eval(host, base)?;
        self.path(host, &base, name, field, span)
    }

    #[inline]
    fn arith_of(
        &mut self,
        host: &dyn Host,
        op: super::ast::Arith,
        a: &Expr,
        b: &Expr,
        span: Span,
    ) -> Eval {
        let a = self.eval(host, a)?;
        let b = self.eval(host, b)?;
        self.arith(op, &a, &b, span)
    }

    #[inline]
    fn conditional(&mut self, host: &dyn Host, condition: &Expr, yes: &Expr, no: &Expr) -> Eval {
        match self.eval(host, condition)? {
            Value::Boolean(true) => self.eval(host, yes),
            Value::Null if self.strict() => Ok(Value::Null),
            _ => self.eval(host, no),
        }
    }

    fn function(&mut self, closure: &Arc<super::ast::Closure>) -> Eval {
        let end = self.base + closure.captured as usize;
        let captured = self.stack.get(self.base..end).unwrap_or_default();
        Ok(Value::Function(Arc::new(Function::Closure(
            closure.clone(),
            captured.into(),
        ))))
    }

    fn instance(&mut self, host: &dyn Host, x: &Expr, ty: &Type) -> Eval {
        let x = self.eval(host, x)?;
        Ok(Value::Boolean(self.instance_of(&x, ty)?))
    }

    fn table_value(&mut self, host: &dyn Host, table: &super::table::Table, span: Span) -> Eval {
        Ok(self.table(host, table, span)?.value)
    }

    fn condition(&mut self, host: &dyn Host, inner: &Expr) -> Eval {
        match self.eval(host, inner)? {
            Value::Boolean(b) => Ok(Value::Boolean(b)),
            _ => Err(error(inner.span, Fault::NoCondition)),
        }
    }

    fn boxed(&mut self, host: &dyn Host, inner: &Expr) -> Eval {
        let length = self.stack.len();
        match self.eval(host, inner) {
            Err(stopped) if stopped.fault == Fault::NoCondition => {
                self.stack.truncate(length);
                Ok(Value::Null)
            }
            other => other,
        }
    }

    fn typed(&mut self, host: &dyn Host, inner: &Expr, ty: &Type) -> Eval {
        let value = self.eval(host, inner)?;
        Ok(self.conform(host, value, ty)?.unwrap_or_default())
    }

    fn name(&mut self, host: &dyn Host, name: &Arc<str>, target: &Target) -> Eval {
        match target {
            Target::Slot(slot) => host.value(self, *slot),
            Target::Local(index) => Ok(self.local(*index)),
            Target::Builtin(builtin) => Ok(Value::Function(Arc::new(Function::Builtin(*builtin)))),
            Target::ItemField(local, next) => {
                if let Value::Context(context) = self.local(*local)
                    && let Some(value) = context.get(name)
                {
                    return Ok(value.clone());
                }
                self.name(host, name, next)
            }
            Target::Unknown => Ok(Value::Null),
        }
    }

    /// Fits a value to a type, with the conversions that the standard allows: a lone item to a list
    /// and back, a day to its midnight in Greenwich. `None` when it does not fit.
    pub fn conform(&mut self, host: &dyn Host, value: Value, ty: &Type) -> Eval<Option<Value>> {
        self.fit(host, value, ty, 0)
    }
}

#[cold]
fn error(span: Span, fault: Fault) -> Box<EvalError> {
    Box::new(EvalError { span, fault })
}
