//! What a law file promises of its own outcomes: that one thing rising never raises (or lowers)
//! another, or that a condition holds of every outcome. Read and type-checked here; searched for
//! counter-examples by [`super::search`].

use super::compile::{Read, read as compiled};
use super::directive;
use super::kinds::{EvidenceKind, which};
use super::markdown::Cell;
use super::prelude::{self as feel, Expr, Number, Scope, Type};
use super::programmes::ProgrammeVersion;
use super::source::{Findings, Span, say};
use super::symbols::{Field, HOUSEHOLD, MEMBER, Slot, Symbols};
use super::yaml::{Node, Yaml};
use crate::programme::{Bilingual, Subject};
use std::sync::Arc;

/// A property as read.
#[derive(Clone, Debug)]
pub(crate) struct PropertyText {
    pub name: Bilingual,
    pub span: Span,
    pub instrument: usize,
    pub node: Node,
}

/// A property that can be tested.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    pub name: Bilingual,
    pub span: Span,
    pub instrument: usize,
    /// Name as `law eval --decision` takes it.
    pub decision: String,
    pub target: Target,
    pub subject: Subject,
    /// Situations of which it speaks; all when absent.
    pub when: Option<Expr>,
    pub claim: Claim,
}

/// What it speaks of.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A programme, by its id: its amount, zero when nothing is granted.
    Programme(String),
    /// A rule, by its subject and number.
    Rule(usize, usize),
}

/// What it says.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    /// Of every outcome that is determined.
    Always(Expr),
    /// Of the outcome before and after one thing has risen.
    Change {
        raised: Raised,
        name: String,
        by: Number,
        then: Direction,
    },
}

/// What rises.
#[derive(Clone, Debug)]
pub(crate) enum Raised {
    /// Evidence of the household (0) or of one member (1), by its slot.
    Kind(usize, usize),
    /// A field of the event.
    Event(Arc<str>),
    Parameter(usize),
}

/// What the outcome must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    NotRise,
    NotFall,
    Same,
}

impl Direction {
    fn read(text: &str) -> Option<Direction> {
        Some(match text.trim() {
            "不增加" | "not rise" | "does not rise" => Direction::NotRise,
            "不减少" | "not fall" | "does not fall" => Direction::NotFall,
            "不变" | "same" | "stays the same" => Direction::Same,
            _ => return None,
        })
    }

    /// Is it kept?
    pub fn holds(self, before: Number, after: Number) -> bool {
        match self {
            Direction::NotRise => after <= before,
            Direction::NotFall => after >= before,
            Direction::Same => after == before,
        }
    }
}

const KEYS: [[&str; 2]; 6] = [
    ["对象", "of"],
    ["条件", "when"],
    ["增加", "raise"],
    ["幅度", "by"],
    ["结果", "then"],
    ["恒有", "always"],
];

/// The names by which a property calls the outcome.
pub(crate) const OUTCOME: [&str; 2] = ["结果", "result"];

/// Reads and types the properties; what is wrong becomes findings.
pub(crate) fn read(
    texts: &[PropertyText],
    corpus: Names<'_>,
    scopes: &[Scope; 3],
    findings: &mut Findings<'_>,
) -> Vec<Property> {
    texts
        .iter()
        .filter_map(|text| one(text, corpus, scopes, findings))
        .collect()
}

/// The names that a property may use.
#[derive(Clone, Copy)]
pub(crate) struct Names<'c> {
    pub symbols: &'c Symbols,
    pub kinds: &'c [super::kinds::Kinds; 2],
    pub parameters: &'c super::parameters::Parameters,
    pub programmes: &'c [ProgrammeVersion],
}

fn bad(span: &Span, message: Bilingual, remedy: Bilingual, findings: &mut Findings<'_>) {
    findings.error("bad-property", span, message, remedy);
}

fn one(
    text: &PropertyText,
    names: Names<'_>,
    scopes: &[Scope; 3],
    findings: &mut Findings<'_>,
) -> Option<Property> {
    let node = &text.node;
    if !matches!(node.value, Yaml::Map(_)) {
        bad(
            &node.span,
            say(
                "性质不是 `键: 值` 的形式",
                "a property is made of `key: value` lines",
            ),
            say(
                "写 对象、增加、结果，或者 对象、恒有",
                "write `of`, `raise` and `then`, or `of` and `always`",
            ),
            findings,
        );
        return None;
    }
    for (key, _) in node.entries() {
        let name = key.text();
        if !KEYS.iter().flatten().any(|k| *k == name) {
            let hint = super::report::closest(&name, KEYS.iter().flatten().copied());
            let hint = hint.unwrap_or("of");
            bad(
                &key.span,
                say(
                    format!("性质没有 `{name}` 这一项"),
                    format!("a property has no entry `{name}`"),
                ),
                say(
                    format!("是 `{hint}` 吗？"),
                    format!("did you mean `{hint}`?"),
                ),
                findings,
            );
            return None;
        }
    }
    let get = |n: usize| KEYS[n].iter().find_map(|key| node.get(key));
    let Some(of) = get(0) else {
        bad(
            &text.span,
            say("性质没有说对象", "the property does not say of what"),
            say(
                "加一行 `对象: 制度或规则`",
                "add a line `of: programme or rule`",
            ),
            findings,
        );
        return None;
    };
    let decision = of.text();
    let (target, subject, ty) = target(&decision, &of.span, names, findings)?;
    let who = which(subject);
    let locals: Vec<(Arc<str>, Type)> = OUTCOME
        .iter()
        .map(|name| (Arc::from(*name), ty.clone()))
        .collect();
    let condition = |node: &Node, findings: &mut Findings<'_>| -> Option<Expr> {
        let cell = source(node, findings);
        let parsed = compiled(
            feel::parse_with_locals(&cell.text, &scopes[who], &locals),
            &cell,
            findings,
        )?;
        compiled(
            feel::check_type(&Type::Boolean, &parsed).map_err(|d| vec![d]),
            &cell,
            findings,
        )?;
        Some(parsed.expr)
    };
    let when = match get(1) {
        Some(node) => Some(condition(node, findings)?),
        None => None,
    };
    let claim = match (get(5), get(2), get(4)) {
        (Some(always), None, None) => Claim::Always(condition(always, findings)?),
        (None, Some(raise), Some(then)) => {
            let Some(direction) = Direction::read(&then.text()) else {
                bad(
                    &then.span,
                    say(
                        format!("`{}` 不是一种结果", then.text()),
                        format!("`{}` is no such outcome", then.text()),
                    ),
                    say(
                        "写 不增加、不减少 或 不变",
                        "write `not rise`, `not fall` or `same`",
                    ),
                    findings,
                );
                return None;
            };
            let by = match get(3) {
                None => Number::ONE,
                Some(node) => {
                    let read = node.text().parse::<Number>().ok();
                    let Some(by) = read.filter(|n| !n.is_zero() && !n.is_negative()) else {
                        bad(
                            &node.span,
                            say("幅度要是大于零的数", "`by` is a number above zero"),
                            say("写 1 或者别的数", "write 1 or another number"),
                            findings,
                        );
                        return None;
                    };
                    by
                }
            };
            Claim::Change {
                raised: raised(&raise.text(), &raise.span, subject, names, findings)?,
                name: raise.text(),
                by,
                then: direction,
            }
        }
        _ => {
            bad(
                &text.span,
                say(
                    "性质要么写 增加 和 结果，要么写 恒有",
                    "a property has either `raise` and `then`, or `always`",
                ),
                say("写全其中一种", "write one of the two"),
                findings,
            );
            return None;
        }
    };
    Some(Property {
        name: text.name.clone(),
        span: text.span.clone(),
        instrument: text.instrument,
        decision,
        target,
        subject,
        when,
        claim,
    })
}

/// The text of a YAML scalar with its place; quotes around it are YAML's.
fn source(node: &Node, findings: &Findings<'_>) -> Cell {
    let text = node.text();
    let written = findings.sources.text(&node.span);
    let at = written.find(&text).unwrap_or(0);
    let end = (at + text.len()).min(written.len());
    Cell {
        span: node.span.part(at..end),
        text,
    }
}

fn target(
    name: &str,
    span: &Span,
    names: Names<'_>,
    findings: &mut Findings<'_>,
) -> Option<(Target, Subject, Type)> {
    let versions = names.programmes.iter();
    if let Some(version) = versions
        .clone()
        .find(|v| v.programme.id == name || v.programme.name == name)
    {
        let programme = &version.programme;
        let rule = names.symbols.rule(programme.subject, &programme.amount)?;
        let ty = names.symbols.rules[which(programme.subject)][rule]
            .ty
            .clone();
        if ty.unit().is_some() {
            return Some((
                Target::Programme(programme.id.clone()),
                programme.subject,
                plain(&ty),
            ));
        }
    } else if let Some((subject, rule)) = names.symbols.find(name) {
        let ty = &names.symbols.rules[which(subject)][rule].ty;
        if ty.unit().is_some() {
            return Some((Target::Rule(which(subject), rule), subject, plain(ty)));
        }
    } else {
        let rules = names.symbols.rules.iter().flatten().map(|r| &*r.name);
        let known = versions.map(|v| v.programme.name.as_str()).chain(rules);
        unknown(name, span, known, findings);
        return None;
    }
    bad(
        span,
        say(
            format!("`{name}` 不给出数"),
            format!("`{name}` gives no number"),
        ),
        say(
            "对象写给出数的制度或规则",
            "name a programme or rule that gives a number",
        ),
        findings,
    );
    None
}

fn plain(ty: &Type) -> Type {
    Type::Number(ty.unit())
}

fn raised(
    name: &str,
    span: &Span,
    subject: Subject,
    names: Names<'_>,
    findings: &mut Findings<'_>,
) -> Option<Raised> {
    let fits = |ty: &Type| {
        matches!(
            ty.plain(),
            Type::Number(_) | Type::Boolean | Type::Date | Type::YearMonth
        )
    };
    let (who, own) = match name.split_once('.') {
        Some(("事件" | "event", field)) => {
            let event = names.symbols.event[which(subject)].as_ref();
            let known = event.and_then(|ty| match ty.plain() {
                Type::Context(fields) => fields.field(field).map(|(_, ty)| ty.clone()),
                _ => None,
            });
            if known.is_some_and(|ty| fits(&ty)) {
                return Some(Raised::Event(field.into()));
            }
            unknown(name, span, std::iter::empty(), findings);
            return None;
        }
        Some((prefix, own)) if directive::subject(prefix).is_some() => {
            (directive::subject(prefix).map_or(0, which), own)
        }
        _ => (which(subject), name),
    };
    let found: Option<&EvidenceKind> = names.kinds[who].get(own);
    if let Some(kind) = found.filter(|k| !k.many && fits(&k.ty)) {
        return Some(Raised::Kind(who, kind.slot));
    }
    let parameter = names.parameters.index.get(name);
    if let Some(&at) =
        parameter.filter(|&&n| matches!(names.parameters.list[n].ty.plain(), Type::Number(_)))
    {
        return Some(Raised::Parameter(at));
    }
    if found.is_some() || parameter.is_some() {
        bad(
            span,
            say(
                format!("`{name}` 不能增加"),
                format!("`{name}` cannot be raised"),
            ),
            say(
                "写数、是否或者日期的证据，或者数的参数",
                "name evidence that is a number, boolean or date, or a parameter that is a number",
            ),
            findings,
        );
        return None;
    }
    let kinds = names
        .kinds
        .iter()
        .flat_map(|k| k.list.iter().map(|k| &*k.name));
    let known = kinds.chain(names.parameters.list.iter().map(|p| &*p.name));
    unknown(own, span, known, findings);
    None
}

fn unknown<'n>(
    name: &str,
    span: &Span,
    known: impl Iterator<Item = &'n str>,
    findings: &mut Findings<'_>,
) {
    let hint = super::report::closest(name, known);
    findings.error(
        "unknown-name",
        span,
        say(format!("没有 `{name}`"), format!("there is no `{name}`")),
        match hint {
            Some(hint) => say(format!("是 `{hint}` 吗？"), format!("did you mean `{hint}`?")),
            None => say(
                "增加 写证据（成员.工资、存款）、事件.费用 或参数；对象 写制度或规则",
                "`raise` takes evidence (member.wage, savings), event.cost or a parameter; `of` a programme or rule",
            ),
        },
    );
}

impl Property {
    /// The rules and parameters that it names.
    pub fn reads(&self, symbols: &Symbols) -> Vec<Read> {
        let mut reads = Vec::new();
        if let Target::Rule(who, n) = self.target {
            reads.push(Read::Rule(who, n));
        }
        let always = match &self.claim {
            Claim::Always(expr) => Some(expr),
            Claim::Change { .. } => None,
        };
        for slot in always.into_iter().chain(&self.when).flat_map(Expr::slots) {
            let field = |who: u32, n: u32| match symbols.field(who, n) {
                Field::Rule(rule) => Some(Read::Rule(who as usize, rule)),
                _ => None,
            };
            reads.extend(match Slot::decode(slot) {
                Some(Slot::Household(n)) => field(HOUSEHOLD, n),
                Some(Slot::Member(n)) => field(MEMBER, n),
                Some(Slot::Parameter(n)) => Some(Read::Parameter(n as usize)),
                Some(Slot::Function(n)) => Some(Read::Function(n as usize)),
                _ => None,
            });
        }
        reads
    }
}
