//! The tree: every node with its byte span, every name resolved to where its value will stand.

use super::builtin::Builtin;
use super::table::Table;
use super::types::Type;
use super::value::Value;
use std::sync::Arc;

/// Bytes of the source, `[start, end)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// First byte after it.
    pub end: u32,
}

impl Span {
    /// From a byte to a byte.
    pub fn new(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The smallest span over both.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// Levels beneath it, itself included; bounded by the parser.
    pub depth: u16,
    /// What it is.
    pub kind: ExprKind,
}

/// Where a name's value is found.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The host's slot.
    Slot(u32),
    /// A local of the current frame: loop variable, parameter, context entry, filter item, `?`.
    Local(u32),
    /// A built-in function, as a value.
    Builtin(Builtin),
    /// Lenient filters only: a field of the item at this local if it has one, else what follows.
    ItemField(u32, Box<Target>),
    /// Lenient only: nothing known; null.
    Unknown,
}

/// Arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arith {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `**`
    Pow,
}

/// Comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl Compare {
    /// As written.
    pub fn sign(self) -> &'static str {
        match self {
            Compare::Eq => "=",
            Compare::Ne => "!=",
            Compare::Lt => "<",
            Compare::Le => "<=",
            Compare::Gt => ">",
            Compare::Ge => ">=",
        }
    }
}

impl Arith {
    /// As written.
    pub fn sign(self) -> &'static str {
        match self {
            Arith::Add => "+",
            Arith::Sub => "-",
            Arith::Mul => "*",
            Arith::Div => "/",
            Arith::Pow => "**",
        }
    }
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A number, text, boolean, null or `@"…"`.
    Literal(Value),
    /// A name.
    Name {
        /// As it is called.
        name: Arc<str>,
        /// Where its value is.
        target: Target,
    },
    /// `base.name`
    Path {
        /// Before the point.
        base: Box<Expr>,
        /// After it.
        name: Arc<str>,
        /// The field's number when the type is known (a host record's field, or a hint).
        field: Option<u32>,
    },
    /// `-x`
    Neg(Box<Expr>),
    /// `a + b` and its kin.
    Arith(Arith, Box<Expr>, Box<Expr>),
    /// `a < b` and its kin.
    Compare(Compare, Box<Expr>, Box<Expr>),
    /// `a and b`
    And(Box<Expr>, Box<Expr>),
    /// `a or b`
    Or(Box<Expr>, Box<Expr>),
    /// `x between low and high`
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `x in tests`; the value stands at `local` while the tests run.
    In {
        /// What is tested.
        value: Box<Expr>,
        /// Its place while it is tested.
        local: u32,
        /// Any of these.
        tests: Vec<UnaryTest>,
    },
    /// `x instance of T`
    InstanceOf(Box<Expr>, Type),
    /// `if c then a else b`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `for … return …`; the local after the iterators is `partial`.
    For {
        /// Left to right, the last one fastest.
        iterators: Vec<Iterator_>,
        /// The body.
        body: Box<Expr>,
        /// Does the body read `partial`, the results so far?
        uses_partial: bool,
    },
    /// `some … satisfies …`, `every … satisfies …`
    Quantified {
        /// `every`, not `some`.
        every: bool,
        /// Left to right.
        iterators: Vec<Iterator_>,
        /// The condition.
        condition: Box<Expr>,
    },
    /// `list[condition]`; the item stands at `local`.
    Filter {
        /// The list.
        base: Box<Expr>,
        /// The item's place.
        local: u32,
        /// A condition or a position.
        condition: Box<Expr>,
        /// Does the condition name the item or a field of it? If not it is a position or a constant.
        uses_item: bool,
    },
    /// A built-in called with arguments in its own order; `Null` literals stand for absent ones.
    Builtin(Builtin, Vec<Expr>),
    /// A function value called.
    Call {
        /// What is called.
        callee: Box<Expr>,
        /// Arguments; with names when they were named.
        args: Vec<Expr>,
        /// Names in the order of `args`; empty when positional.
        names: Vec<Arc<str>>,
    },
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{a: 1}`; each entry becomes a local for those after it. With `result`, a boxed context whose
    /// value is that.
    Context {
        /// Names, values and declared types.
        entries: Vec<Entry>,
        /// The local of the first entry.
        local: u32,
        /// The result entry of a boxed context.
        result: Option<Box<Expr>>,
    },
    /// `function(a, b) body`
    FunctionDef(Arc<Closure>),
    /// `[a..b]`, `(< 5)`; an absent end is open.
    Range(Box<RangeExpr>),
    /// A decision table.
    Table(Arc<Table>),
    /// A condition of a boxed expression: what is no boolean makes the nearest [`ExprKind::Boxed`] null.
    Condition(Box<Expr>),
    /// A boxed conditional, filter or quantifier.
    Boxed(Box<Expr>),
    /// A boxed expression whose value must fit a declared type.
    Typed(Box<Expr>, Type),
}

/// One entry of a context.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: Arc<str>,
    /// Where the name stands.
    pub span: Span,
    /// Its value.
    pub value: Expr,
}

/// One iterator of a `for` or a quantifier.
#[derive(Clone, Debug)]
pub struct Iterator_ {
    /// The variable.
    pub name: Arc<str>,
    /// Its local.
    pub local: u32,
    /// A list or a range; or the low end when `high` is there.
    pub source: Expr,
    /// `low..high`
    pub high: Option<Expr>,
}

/// Ends of a range literal.
#[derive(Clone, Debug)]
pub struct RangeExpr {
    /// Lower end; absent: open.
    pub low: Option<Expr>,
    /// Is the lower end in it?
    pub low_closed: bool,
    /// Upper end; absent: open.
    pub high: Option<Expr>,
    /// Is the upper end in it?
    pub high_closed: bool,
    /// Written as `(< 5)`, not as an interval.
    pub compared: bool,
}

/// A function written in FEEL, before its surroundings are captured.
#[derive(Clone, Debug)]
pub struct Closure {
    /// Names and types.
    pub params: Vec<(Arc<str>, Type)>,
    /// The body; absent for an external function.
    pub body: Option<Expr>,
    /// Type of the result, when declared.
    pub result: Option<Type>,
    /// Locals of the surroundings that stand before the parameters.
    pub captured: u32,
}

/// A function value.
#[derive(Clone, Debug)]
pub enum Function {
    /// Of FEEL itself.
    Builtin(Builtin),
    /// Of the model, with the locals it was born among.
    Closure(Arc<Closure>, Arc<[Value]>),
    /// The host's: a decision service, or a law's function.
    Host {
        /// What the host calls it.
        slot: u32,
        /// Parameter names and types.
        params: Arc<[(Arc<str>, Type)]>,
    },
}

impl Function {
    /// Can it be called with so many arguments?
    pub fn arity_fits(&self, count: usize) -> bool {
        match self {
            Function::Builtin(builtin) => builtin.takes(count),
            Function::Closure(closure, _) => closure.params.len() == count,
            Function::Host { params, .. } => params.len() == count,
        }
    }
}

/// Tests of one value: what stands in a cell of a decision table.
#[derive(Clone, Debug)]
pub struct UnaryTests {
    /// Where they stand.
    pub span: Span,
    /// `not(…)` around all.
    pub negated: bool,
    /// Any of these; empty: `-`, everything.
    pub tests: Vec<UnaryTest>,
    /// Where the tested value stands in the frame.
    pub local: u32,
}

impl UnaryTests {
    /// `-`: any value passes.
    pub fn any() -> UnaryTests {
        UnaryTests {
            span: Span::default(),
            negated: false,
            tests: Vec::new(),
            local: 0,
        }
    }

    /// Is it `-`?
    pub fn is_any(&self) -> bool {
        self.tests.is_empty() && !self.negated
    }
}

/// One test.
#[derive(Clone, Debug)]
pub enum UnaryTest {
    /// `< 5`
    Compare(Compare, Expr),
    /// `[1..5]`, `5`, a list, or a condition with `?`.
    Expr {
        /// The expression.
        expr: Expr,
        /// It names `?`, so a boolean is its answer.
        uses_input: bool,
    },
    /// `not(…)` inside a list of tests.
    Not(Vec<UnaryTest>),
}

impl Expr {
    /// A node; its depth follows from its children.
    pub fn new(span: Span, kind: ExprKind) -> Expr {
        let mut deepest = 0;
        for_each_child(&kind, &mut |child| deepest = deepest.max(child.depth));
        Expr {
            span,
            depth: deepest.saturating_add(1),
            kind,
        }
    }

    /// A literal.
    pub fn literal(span: Span, value: Value) -> Expr {
        Expr {
            span,
            depth: 1,
            kind: ExprKind::Literal(value),
        }
    }

    /// A null literal without a place.
    pub fn null() -> Expr {
        Expr::literal(Span::default(), Value::Null)
    }

    /// Visits the node and all beneath it, parents first.
    pub fn visit(&self, visitor: &mut dyn FnMut(&Expr)) {
        visitor(self);
        for_each_child(&self.kind, &mut |child| child.visit(visitor));
    }

    /// The host's slots that it reads, without repeats, in order of appearance.
    pub fn slots(&self) -> Vec<u32> {
        let mut out = Vec::new();
        self.visit(&mut |expr| {
            if let ExprKind::Name { target, .. } = &expr.kind {
                let mut target = target;
                while let Target::ItemField(_, next) = target {
                    target = next;
                }
                if let Target::Slot(slot) = target
                    && !out.contains(slot)
                {
                    out.push(*slot);
                }
            }
        });
        out
    }
}

fn each_test(test: &UnaryTest, f: &mut dyn FnMut(&Expr)) {
    match test {
        UnaryTest::Compare(_, expr) | UnaryTest::Expr { expr, .. } => f(expr),
        UnaryTest::Not(tests) => tests.iter().for_each(|t| each_test(t, f)),
    }
}

/// Calls `f` for every direct child.
pub fn for_each_child(kind: &ExprKind, f: &mut dyn FnMut(&Expr)) {
    match kind {
        ExprKind::Literal(_) | ExprKind::Name { .. } => {}
        ExprKind::Path { base, .. } => f(base),
        ExprKind::Neg(a)
        | ExprKind::InstanceOf(a, _)
        | ExprKind::Typed(a, _)
        | ExprKind::Condition(a)
        | ExprKind::Boxed(a) => f(a),
        ExprKind::Arith(_, a, b)
        | ExprKind::Compare(_, a, b)
        | ExprKind::And(a, b)
        | ExprKind::Or(a, b) => {
            f(a);
            f(b);
        }
        ExprKind::Between(a, b, c) | ExprKind::If(a, b, c) => {
            f(a);
            f(b);
            f(c);
        }
        ExprKind::In { value, tests, .. } => {
            f(value);
            tests.iter().for_each(|t| each_test(t, f));
        }
        ExprKind::For {
            iterators, body, ..
        }
        | ExprKind::Quantified {
            iterators,
            condition: body,
            ..
        } => {
            for it in iterators {
                f(&it.source);
                if let Some(high) = &it.high {
                    f(high);
                }
            }
            f(body);
        }
        ExprKind::Filter {
            base, condition, ..
        } => {
            f(base);
            f(condition);
        }
        ExprKind::Builtin(_, args) | ExprKind::List(args) => args.iter().for_each(f),
        ExprKind::Call { callee, args, .. } => {
            f(callee);
            args.iter().for_each(f);
        }
        ExprKind::Context {
            entries, result, ..
        } => {
            entries.iter().for_each(|e| f(&e.value));
            if let Some(result) = result {
                f(result);
            }
        }
        ExprKind::FunctionDef(closure) => {
            if let Some(body) = &closure.body {
                f(body);
            }
        }
        ExprKind::Range(range) => {
            range.low.iter().for_each(&mut *f);
            range.high.iter().for_each(&mut *f);
        }
        ExprKind::Table(table) => {
            for input in &table.inputs {
                f(&input.expr);
            }
            for rule in &table.rules {
                for tests in &rule.tests {
                    tests.tests.iter().for_each(|t| each_test(t, f));
                }
                rule.outputs.iter().for_each(&mut *f);
            }
            for output in &table.outputs {
                output.default.iter().for_each(&mut *f);
            }
        }
    }
}
