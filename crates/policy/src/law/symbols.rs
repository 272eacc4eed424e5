//! Every name of the law with its type and its number: what FEEL sees of evidence, rules, parameters.
//!
//! A name means one thing in the whole corpus and has one type, whichever instrument defines it; which
//! definition holds is decided by [`super::edition`]. So a rule is compiled once, not once a place and day.

use super::kinds::{Kinds, parse_type, which};
use super::model::{Body, Definition};
use super::parameters::Parameters;
use super::prelude::{ContextType, FunctionType, Mode, RecordType, Records, Scope, Type};
use super::programmes::ProgrammeVersion;
use super::source::{Findings, Span, say};
use crate::programme::Subject;
use std::collections::HashMap;
use std::sync::Arc;

/// The household's record type, and the member's.
pub(crate) const HOUSEHOLD: u32 = 0;
pub(crate) const MEMBER: u32 = 1;

/// What a slot number means: the class in the upper bits, the index in the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A field of the household's record.
    Household(u32),
    /// A field of the record of the member at hand.
    Member(u32),
    Parameter(u32),
    /// The household as a record.
    TheHousehold,
    Previous,
    ReferenceDay,
    Month,
    Event,
    Function(u32),
}

const CLASS: u32 = 24;

impl Slot {
    pub fn encode(self) -> u32 {
        let (class, index) = match self {
            Slot::Household(n) => (0, n),
            Slot::Member(n) => (1, n),
            Slot::Parameter(n) => (2, n),
            Slot::TheHousehold => (3, 0),
            Slot::Previous => (3, 1),
            Slot::ReferenceDay => (3, 2),
            Slot::Month => (3, 3),
            Slot::Event => (3, 4),
            Slot::Function(n) => (4, n),
        };
        class << CLASS | index
    }

    #[inline]
    pub fn decode(slot: u32) -> Option<Slot> {
        let index = slot & ((1 << CLASS) - 1);
        Some(match (slot >> CLASS, index) {
            (0, n) => Slot::Household(n),
            (1, n) => Slot::Member(n),
            (2, n) => Slot::Parameter(n),
            (3, 0) => Slot::TheHousehold,
            (3, 1) => Slot::Previous,
            (3, 2) => Slot::ReferenceDay,
            (3, 3) => Slot::Month,
            (3, 4) => Slot::Event,
            (4, n) => Slot::Function(n),
            _ => return None,
        })
    }
}

/// What a field of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Evidence, by its slot.
    Kind(usize),
    /// A rule, by its number among the subject's rules.
    Rule(usize),
    /// The household's members.
    Members,
}

/// A rule's name: all definitions of it in the corpus.
#[derive(Clone, Debug)]
pub(crate) struct RuleName {
    pub name: Arc<str>,
    pub ty: Type,
    pub definitions: Vec<usize>,
}

/// A function's name.
#[derive(Clone, Debug)]
pub(crate) struct FunctionName {
    pub name: Arc<str>,
    pub ty: Arc<FunctionType>,
    pub definitions: Vec<usize>,
}

/// A value that programmes hand to their next period.
#[derive(Clone, Debug)]
pub(crate) struct CarryName {
    pub name: Arc<str>,
    /// Nullable: null at the first period.
    pub ty: Type,
}

#[derive(Debug, Default)]
pub(crate) struct Symbols {
    pub rules: [Vec<RuleName>; 2],
    pub rule_index: [HashMap<Arc<str>, usize>; 2],
    pub functions: Vec<FunctionName>,
    pub carry: [Vec<CarryName>; 2],
    /// Type of the event, over all event programmes of a subject.
    pub event: [Option<Type>; 2],
    pub records: Arc<Records>,
    pub kind_count: [usize; 2],
}

impl Symbols {
    /// What a field number of a record means.
    #[inline]
    pub fn field(&self, record: u32, field: u32) -> Field {
        let who = record as usize & 1;
        let (n, kinds) = (field as usize, self.kind_count[who]);
        if n < kinds {
            Field::Kind(n)
        } else if n - kinds < self.rules[who].len() {
            Field::Rule(n - kinds)
        } else {
            Field::Members
        }
    }

    /// A rule by its name, `成员.NAME` for one of a member; a household's first.
    pub fn find(&self, name: &str) -> Option<(Subject, usize)> {
        for prefix in ["成员.", "member."] {
            if let Some(own) = name.strip_prefix(prefix) {
                return self
                    .rule(Subject::Person, own)
                    .map(|n| (Subject::Person, n));
            }
        }
        let household = self
            .rule(Subject::Household, name)
            .map(|n| (Subject::Household, n));
        household.or_else(|| {
            self.rule(Subject::Person, name)
                .map(|n| (Subject::Person, n))
        })
    }

    pub fn rule(&self, subject: Subject, name: &str) -> Option<usize> {
        self.rule_index[which(subject)].get(name).copied()
    }
}

const RESERVED: [&str; 12] = [
    "成员",
    "members",
    "家庭",
    "household",
    "上期",
    "previous",
    "基准日",
    "reference day",
    "月份",
    "month",
    "事件",
    "event",
];

/// Builds the table of names. Clashes and contradicting types become findings.
pub(crate) fn build(
    definitions: &[Definition],
    kinds: &[Kinds; 2],
    parameters: &Parameters,
    programmes: &[ProgrammeVersion],
    findings: &mut Findings<'_>,
) -> Symbols {
    let mut symbols = Symbols {
        kind_count: [kinds[0].list.len(), kinds[1].list.len()],
        ..Symbols::default()
    };
    let mut first: [HashMap<Arc<str>, Span>; 3] = Default::default();
    for (n, definition) in definitions.iter().enumerate() {
        let Some(ty) = parse_type(&definition.type_text, findings) else {
            continue;
        };
        if let Body::Function(params, _) = &definition.body {
            let read: Option<Vec<(Arc<str>, Type)>> = params
                .iter()
                .map(|(name, ty)| Some((Arc::from(name.text.as_str()), parse_type(ty, findings)?)))
                .collect();
            let Some(params) = read else { continue };
            add_function(
                &mut symbols,
                n,
                definition,
                FunctionType { params, result: ty },
                findings,
            );
            continue;
        }
        add_rule(&mut symbols, n, definition, ty, definitions, findings);
    }
    for (who, kinds) in kinds.iter().enumerate() {
        for kind in &kinds.list {
            first[who].insert(kind.name.clone(), kind.span.clone());
            reserved(&kind.name, &kind.span, findings);
        }
    }
    for parameter in &parameters.list {
        reserved(&parameter.name, &parameter.span, findings);
        for seen in &first[..2] {
            if let Some(span) = seen.get(&parameter.name) {
                clash(&parameter.name, &parameter.span, span, findings);
            }
        }
        first[2].insert(parameter.name.clone(), parameter.span.clone());
    }
    for definition in definitions {
        let who = which(definition.subject);
        reserved(&definition.name, &definition.name_span, findings);
        let taken = first[who]
            .get(definition.name.as_str())
            .or_else(|| first[2].get(definition.name.as_str()));
        if let Some(span) = taken {
            clash(
                &definition.name,
                &definition.name_span,
                &span.clone(),
                findings,
            );
        }
    }
    carry_and_events(&mut symbols, programmes, kinds, findings);
    symbols.records = Arc::new(records(&symbols, kinds));
    symbols
}

fn reserved(name: &str, span: &Span, findings: &mut Findings<'_>) {
    if RESERVED.contains(&name) {
        findings.error(
            "reserved-name",
            span,
            say(
                format!("`{name}` 是固定名称"),
                format!("`{name}` is a reserved name"),
            ),
            say("换一个名称", "take another name"),
        );
    }
}

fn clash(name: &str, span: &Span, other: &Span, findings: &mut Findings<'_>) {
    let place = findings.sources.place(other);
    findings.error(
        "duplicate-name",
        span,
        say(
            format!("名称 `{name}` 已用于 {place}"),
            format!("the name `{name}` is taken at {place}"),
        ),
        say(
            "一个名称只指一样东西，换一个名称",
            "a name means one thing: take another",
        ),
    );
}

fn add_rule(
    symbols: &mut Symbols,
    n: usize,
    definition: &Definition,
    ty: Type,
    definitions: &[Definition],
    findings: &mut Findings<'_>,
) {
    let who = which(definition.subject);
    let name: Arc<str> = definition.name.as_str().into();
    if let Some(&at) = symbols.rule_index[who].get(&name) {
        let known = &mut symbols.rules[who][at];
        match merge(&known.ty, &ty) {
            Some(merged) => known.ty = merged,
            None => {
                let other = &definitions[known.definitions[0]];
                let place = findings.sources.place(&other.name_span);
                findings.error(
                    "type-mismatch",
                    &definition.type_text.span,
                    say(
                        format!("规则 `{name}` 在 {place} 的类型是 {}，这里是 {ty}", known.ty),
                        format!("the rule `{name}` has type {} at {place}, and {ty} here", known.ty),
                    ),
                    say("同名规则的类型要一致；不是一回事就换一个名称", "rules of one name have one type; if it is another thing, name it otherwise"),
                );
            }
        }
        known.definitions.push(n);
        return;
    }
    symbols.rule_index[who].insert(name.clone(), symbols.rules[who].len());
    symbols.rules[who].push(RuleName {
        name,
        ty,
        definitions: vec![n],
    });
}

/// One type for a name that several instruments define: the same, or enumerations put together.
fn merge(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        _ if a == b => Some(a.clone()),
        (Type::Enum(x), Type::Enum(y)) => {
            let mut all: Vec<Arc<str>> = x.to_vec();
            all.extend(y.iter().filter(|t| !x.contains(t)).cloned());
            Some(Type::Enum(all.into()))
        }
        _ => None,
    }
}

fn add_function(
    symbols: &mut Symbols,
    n: usize,
    definition: &Definition,
    ty: FunctionType,
    findings: &mut Findings<'_>,
) {
    if let Some(known) = symbols
        .functions
        .iter_mut()
        .find(|f| *f.name == *definition.name)
    {
        if *known.ty != ty {
            findings.error(
                "type-mismatch",
                &definition.name_span,
                say(
                    format!("函数 `{}` 已有另一种参数或结果类型", definition.name),
                    format!(
                        "the function `{}` has other parameters or another result elsewhere",
                        definition.name
                    ),
                ),
                say(
                    "同名函数的类型要一致",
                    "functions of one name have one type",
                ),
            );
        }
        known.definitions.push(n);
        return;
    }
    symbols.functions.push(FunctionName {
        name: definition.name.as_str().into(),
        ty: Arc::new(ty),
        definitions: vec![n],
    });
}

fn carry_and_events(
    symbols: &mut Symbols,
    programmes: &[ProgrammeVersion],
    kinds: &[Kinds; 2],
    findings: &mut Findings<'_>,
) {
    for version in programmes {
        let who = which(version.programme.subject);
        for (key, value) in version
            .node
            .get("carry")
            .map(super::yaml::Node::entries)
            .unwrap_or_default()
        {
            let cell = super::markdown::Cell {
                text: value.text(),
                span: value.span.clone(),
            };
            let Some(ty) = parse_type(&cell, findings) else {
                continue;
            };
            let ty = ty.nullable();
            let name = key.text();
            match symbols.carry[who].iter().find(|c| *c.name == *name) {
                Some(known) if known.ty != ty => findings.error(
                    "type-mismatch",
                    &value.span,
                    say(
                        format!("`{name}` 在别处以 {} 转入下期", known.ty),
                        format!("`{name}` is carried as {} elsewhere", known.ty),
                    ),
                    say(
                        "同名的结转类型要一致",
                        "what is carried under one name has one type",
                    ),
                ),
                Some(_) => {}
                None => symbols.carry[who].push(CarryName {
                    name: name.as_str().into(),
                    ty,
                }),
            }
        }
        let Some(event) = &version.programme.event else {
            continue;
        };
        let span = version
            .node
            .get("event")
            .map_or_else(|| version.span.clone(), |n| n.span.clone());
        let Some(kind) = kinds[who].get(event) else {
            let hint = super::report::closest(event, kinds[who].list.iter().map(|k| &*k.name));
            findings.error(
                "unknown-name",
                &span,
                say(
                    format!("没有证据种类 `{event}`"),
                    format!("there is no evidence kind `{event}`"),
                ),
                match hint {
                    Some(hint) => say(
                        format!("是 `{hint}` 吗？"),
                        format!("did you mean `{hint}`?"),
                    ),
                    None => say("先用 @evidence 声明它", "declare it with @evidence"),
                },
            );
            continue;
        };
        if !kind.many {
            findings.error(
                "bad-programme",
                &span,
                say(
                    format!("`{event}` 不是 many 证据"),
                    format!("`{event}` is no `many` kind"),
                ),
                say(
                    "在它的 @evidence 行写 many: yes",
                    "set its column `many` to yes",
                ),
            );
        }
        symbols.event[who] = match symbols.event[who].take() {
            None => Some(kind.ty.clone()),
            Some(known) => Some(join_events(known, &kind.ty)),
        };
    }
}

/// Events of several kinds: the fields of all, each of which an event of another kind lacks.
fn join_events(a: Type, b: &Type) -> Type {
    match (&a, b) {
        _ if a == *b => a,
        (Type::Context(x), Type::Context(y)) => {
            let mut fields: Vec<(Arc<str>, Type)> = x.fields.clone();
            for (name, ty) in &y.fields {
                if x.field(name).is_none() {
                    fields.push((name.clone(), ty.clone()));
                }
            }
            Type::Context(Arc::new(ContextType { fields }))
        }
        _ => Type::Any,
    }
}

/// Kinds first, so that a kind's slot is its field number; then rules; then the members.
fn records(symbols: &Symbols, kinds: &[Kinds; 2]) -> Records {
    let mut records = Records::default();
    for (who, name) in ["家庭", "成员"].into_iter().enumerate() {
        let mut record = RecordType::new(name);
        for kind in &kinds[who].list {
            record.add(&kind.name, kind.rule_type());
        }
        for rule in &symbols.rules[who] {
            record.add(&rule.name, rule.ty.clone());
        }
        if who == 0 {
            for name in ["成员", "members"] {
                record.add(name, Type::list(Type::Record(MEMBER)));
            }
        }
        records.add(record);
    }
    records
}

/// The names in sight of a household's rules (0), a member's (1), and of functions (2).
pub(crate) fn scopes(symbols: &Symbols, kinds: &[Kinds; 2], parameters: &Parameters) -> [Scope; 3] {
    let mut base = Scope::new(Mode::Strict, symbols.records.clone());
    for (n, parameter) in parameters.list.iter().enumerate() {
        base.define(
            &parameter.name,
            parameter.ty.clone(),
            Slot::Parameter(n as u32).encode(),
        );
    }
    for (n, function) in symbols.functions.iter().enumerate() {
        base.define(
            &function.name,
            Type::Function(function.ty.clone()),
            Slot::Function(n as u32).encode(),
        );
    }
    for name in ["基准日", "reference day"] {
        base.define(name, Type::Date, Slot::ReferenceDay.encode());
    }
    for name in ["月份", "month"] {
        base.define(name, Type::YearMonth, Slot::Month.encode());
    }
    let own = |who: usize| {
        let mut scope = base.clone();
        let slot = |n: usize| match who {
            0 => Slot::Household(n as u32).encode(),
            _ => Slot::Member(n as u32).encode(),
        };
        for (n, kind) in kinds[who].list.iter().enumerate() {
            scope.define(&kind.name, kind.rule_type(), slot(n));
        }
        for (n, rule) in symbols.rules[who].iter().enumerate() {
            scope.define(
                &rule.name,
                rule.ty.clone(),
                slot(symbols.kind_count[who] + n),
            );
        }
        if !symbols.carry[who].is_empty() {
            let fields = symbols.carry[who]
                .iter()
                .map(|c| (c.name.clone(), c.ty.clone()))
                .collect();
            let ty = Type::Context(Arc::new(ContextType { fields }));
            for name in ["上期", "previous"] {
                scope.define(name, ty.clone(), Slot::Previous.encode());
            }
        }
        if let Some(ty) = &symbols.event[who] {
            for name in ["事件", "event"] {
                scope.define(name, ty.clone(), Slot::Event.encode());
            }
        }
        scope
    };
    let mut household = own(0);
    let members = (symbols.kind_count[0] + symbols.rules[0].len()) as u32;
    for name in ["成员", "members"] {
        household.define(
            name,
            Type::list(Type::Record(MEMBER)),
            Slot::Household(members).encode(),
        );
    }
    let mut member = own(1);
    for name in ["家庭", "household"] {
        member.define(name, Type::Record(HOUSEHOLD), Slot::TheHousehold.encode());
    }
    [household, member, base]
}
