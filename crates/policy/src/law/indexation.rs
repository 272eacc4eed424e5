//! Indexation: a figure that follows another by a rule of the law, year after year, where no figure has
//! been published. What is computed stands among the parameter's rows, marked as computed.

use super::compile::{Read, read as compiled};
use super::front::date;
use super::markdown::Cell;
use super::model::{Instrument, Status};
use super::parameters::{Parameter, Parameters};
use super::places::Places;
use super::prelude::{self as feel, Eval, Expr, Host, Machine, Mode, Object, Scope, Type, Value};
use super::source::{Findings, Span, say};
use super::symbols::Slot;
use super::tables::ParameterRow;
use super::yaml::{Node, Yaml};
use crate::programme::Bilingual;
use base::{Citation, Day};
use chrono::Datelike;
use std::cell::RefCell;
use std::sync::Arc;

/// An indexation rule as read.
#[derive(Clone, Debug)]
pub(crate) struct IndexText {
    pub name: Cell,
    pub instrument: usize,
    pub citation: Citation,
    pub node: Node,
}

/// Years that are computed at most; what would need more must be published.
const YEARS: usize = 20;

/// The names by which the expression calls the figure of the day before.
const BEFORE: [&str; 2] = ["原值", "before"];

const KEYS: [[&str; 2]; 5] = [
    ["地方", "place"],
    ["自", "from"],
    ["至", "to"],
    ["每年", "every"],
    ["数值", "value"],
];

/// An indexation rule that can be computed.
struct Index {
    parameter: usize,
    place: usize,
    from: Day,
    to: Option<Day>,
    /// Month and day.
    every: (u32, u32),
    value: Expr,
    /// Parameters that the expression reads.
    reads: Vec<usize>,
    citation: Citation,
    reform: u32,
    span: Span,
}

/// Computes what the indexation rules give, each after those that it reads, and puts it among the rows.
/// Gives the parameters that the rules read.
pub(crate) fn apply(
    texts: &[IndexText],
    instruments: &[Instrument],
    parameters: &mut Parameters,
    places: &Places,
    scopes: &[Scope; 3],
    findings: &mut Findings<'_>,
) -> Vec<Read> {
    let mut rules: Vec<Index> = Vec::new();
    for text in texts {
        let own = &instruments[text.instrument];
        let read = index(text, own, parameters, places, &scopes[2], findings);
        let Some(new) = read else { continue };
        let same = |i: &Index| (i.parameter, i.place) == (new.parameter, new.place);
        match rules.iter().rposition(same) {
            // A reform's rule follows on the law's.
            Some(old) if rules[old].reform < new.reform => {
                let eve = new.from.pred_opt();
                let to = rules[old].to;
                rules[old].to = to.map_or(eve, |to| eve.map(|eve| eve.min(to)));
                rules.push(new);
            }
            Some(old) => {
                let place = findings.sources.place(&rules[old].span);
                bad(
                    &text.name.span,
                    say(
                        format!("`{}` 在这个地方已有指数化规则（{place}）", text.name.text),
                        format!(
                            "`{}` has an indexation rule for this place at {place}",
                            text.name.text
                        ),
                    ),
                    say("删去一条", "remove one of them"),
                    findings,
                );
            }
            None => rules.push(new),
        }
    }
    let reads = rules.iter().flat_map(|r| &r.reads);
    let reads: Vec<Read> = reads.map(|n| Read::Parameter(*n)).collect();
    while !rules.is_empty() {
        let waits = |n: usize| {
            let mut others = rules.iter().enumerate().filter(|(m, _)| *m != n);
            others.any(|(_, o)| {
                rules[n].parameter != o.parameter && rules[n].reads.contains(&o.parameter)
            })
        };
        let Some(next) = (0..rules.len()).find(|&n| !waits(n)) else {
            for rule in &rules {
                bad(
                    &rule.span,
                    say(
                        "指数化规则互为前提",
                        "these indexation rules need each other",
                    ),
                    say("断开其中一环", "break one of the links"),
                    findings,
                );
            }
            break;
        };
        let rule = rules.remove(next);
        compute(&rule, parameters, places, findings);
    }
    reads
}

fn bad(span: &Span, message: Bilingual, remedy: Bilingual, findings: &mut Findings<'_>) {
    findings.error("bad-index", span, message, remedy);
}

fn index(
    text: &IndexText,
    own: &Instrument,
    parameters: &Parameters,
    places: &Places,
    scope: &Scope,
    findings: &mut Findings<'_>,
) -> Option<Index> {
    let Some(&parameter) = parameters.index.get(text.name.text.as_str()) else {
        let names = parameters.list.iter().map(|p| &*p.name);
        let hint = super::report::closest(&text.name.text, names);
        findings.error(
            "unknown-parameter",
            &text.name.span,
            say(
                format!("没有声明过参数 `{}`", text.name.text),
                format!("the parameter `{}` is declared nowhere", text.name.text),
            ),
            match hint {
                Some(hint) => say(
                    format!("是 `{hint}` 吗？"),
                    format!("did you mean `{hint}`?"),
                ),
                None => say("先用 @parameter 声明它", "declare it with @parameter"),
            },
        );
        return None;
    };
    let ty = parameters.list[parameter].ty.clone();
    if !matches!(ty, Type::Number(_)) || !matches!(text.node.value, Yaml::Map(_)) {
        bad(
            &text.name.span,
            say(
                "指数化的参数要是数，规则要写成 `键: 值`",
                "an indexed parameter is a number, its rule `key: value` lines",
            ),
            say(
                "写 每年 与 数值，如 `每年: 07-01`",
                "write `every` and `value`, such as `every: 07-01`",
            ),
            findings,
        );
        return None;
    }
    for (key, _) in text.node.entries() {
        let name = key.text();
        if !KEYS.iter().flatten().any(|k| *k == name) {
            let hint = super::report::closest(&name, KEYS.iter().flatten().copied());
            let hint = hint.unwrap_or("every");
            bad(
                &key.span,
                say(
                    format!("指数化规则没有 `{name}` 这一项"),
                    format!("an indexation rule has no entry `{name}`"),
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
    let get = |n: usize| KEYS[n].iter().find_map(|key| text.node.get(key));
    let code = get(0).map_or_else(|| own.place.clone(), Node::text);
    let Some(place) = places.listed(&code) else {
        findings.error(
            "unknown-place",
            &get(0).map_or_else(|| text.name.span.clone(), |n| n.span.clone()),
            say(
                format!("地方 `{code}` 不在 places.csv 中"),
                format!("the place `{code}` is not in places.csv"),
            ),
            say("改正 place", "mend `place`"),
        );
        return None;
    };
    let day = |n: usize, findings: &mut Findings<'_>| match get(n) {
        None => Some(None),
        Some(node) => date(&node.text(), &node.span, "bad-index", findings).map(Some),
    };
    let from = day(1, findings)?.unwrap_or(own.from);
    let to = day(2, findings)?.or(own.to);
    let every = get(3).and_then(|node| {
        let text = node.text();
        let (month, day) = text.split_once('-')?;
        let (month, day) = (month.parse().ok()?, day.parse().ok()?);
        // A day that every year has.
        Day::from_ymd_opt(2001, month, day).map(|_| (month, day))
    });
    let (Some(every), Some(value)) = (every, get(4)) else {
        bad(
            &get(3).map_or_else(|| text.name.span.clone(), |n| n.span.clone()),
            say(
                "指数化规则要写每年的哪一天和数值",
                "an indexation rule says on which day of the year, and the value",
            ),
            say(
                "写 `每年: 07-01` 和 `数值: round half up(原值 * 指数, 0)`",
                "write `every: 07-01` and `value: round half up(before * index, 0)`",
            ),
            findings,
        );
        return None;
    };
    let written = findings.sources.text(&value.span);
    let source = value.text();
    let at = written.find(&source).unwrap_or(0);
    let end = (at + source.len()).min(written.len());
    let cell = Cell {
        span: value.span.part(at..end),
        text: source,
    };
    let locals: Vec<(Arc<str>, Type)> =
        BEFORE.iter().map(|n| (Arc::from(*n), ty.clone())).collect();
    let parsed = compiled(
        feel::parse_with_locals(&cell.text, scope, &locals),
        &cell,
        findings,
    )?;
    compiled(
        feel::check_type(&ty, &parsed).map_err(|d| vec![d]),
        &cell,
        findings,
    )?;
    let mut reads = Vec::new();
    for slot in parsed.expr.slots() {
        match Slot::decode(slot) {
            Some(Slot::Parameter(n)) => reads.push(n as usize),
            Some(Slot::ReferenceDay | Slot::Month) => {}
            _ => {
                bad(
                    &cell.span,
                    say(
                        "指数化只能用参数和原值",
                        "an indexation rule reads parameters and the figure before, nothing else",
                    ),
                    say("把函数的内容直接写进来", "write out what the function does"),
                    findings,
                );
                return None;
            }
        }
    }
    Some(Index {
        parameter,
        place,
        from,
        to,
        every,
        value: parsed.expr,
        reads,
        citation: text.citation.clone(),
        reform: own.reform,
        span: text.name.span.clone(),
    })
}

fn compute(
    rule: &Index,
    parameters: &mut Parameters,
    places: &Places,
    findings: &mut Findings<'_>,
) {
    let chain = places.chain_of(rule.place);
    let on = |year: i32| Day::from_ymd_opt(year, rule.every.0, rule.every.1);
    let mut year = rule.from.year();
    let mut last = None;
    let mut machine = Machine::new(Mode::Strict);
    for _ in 0..=YEARS {
        let (Some(day), Some(next)) = (on(year), on(year + 1)) else {
            break;
        };
        year += 1;
        if day < rule.from {
            continue;
        }
        if rule.to.is_some_and(|to| day > to) {
            // The rule has ended: the last figure goes on.
            return;
        }
        let parameter = &parameters.list[rule.parameter];
        if published(parameter, rule, day, next) {
            last = None;
            continue;
        }
        let Some(eve) = day.pred_opt() else { break };
        let Some(held) = parameter.row(&chain, eve, None) else {
            continue;
        };
        let figures = Figures {
            parameters,
            chain: &chain,
            day,
            rows: RefCell::default(),
        };
        let before = parameter.values[held].clone();
        let value = machine.run(&figures, &rule.value, &[before.clone(), before]);
        let used = figures.rows.into_inner();
        let number = value.ok().and_then(|v| v.as_number());
        let Some(number) = number else {
            missing(rule, eve, parameters, findings);
            return;
        };
        let inputs = used.iter().map(|&(p, n)| &parameters.list[p].rows[n]);
        let inputs: Vec<&ParameterRow> = inputs.chain([&parameter.rows[held]]).collect();
        let confirmed = inputs.iter().all(|r| r.status == Status::Confirmed);
        let row = ParameterRow {
            value: number.stripped().to_string(),
            place: places.all()[rule.place].code.clone(),
            from: Some(day),
            to: None,
            known_from: inputs.iter().filter_map(|r| r.known_from).max(),
            source: format!("按 {} 计算 · computed by {}", rule.citation, rule.citation),
            status: if confirmed {
                Status::Confirmed
            } else {
                Status::Unverified
            },
            citation: rule.citation.clone(),
            reform: rule.reform,
            computed: true,
            scaled: None,
            file: findings.sources.path(&rule.span).to_string(),
            line: findings.sources.position(&rule.span).line,
        };
        let parameter = &mut parameters.list[rule.parameter];
        last = Some(next);
        parameter.rows.push(row);
        parameter.values.push(Value::Number(number));
        parameter.places.push(rule.place);
        parameter.spans.push(rule.span.clone());
    }
    // Further on nothing is known rather than the last figure for ever.
    if let Some(eve) = last.and_then(|next: Day| next.pred_opt()) {
        end(&mut parameters.list[rule.parameter], rule.place, eve);
    }
}

/// No figure that has begun at a place goes on after a day: neither the last one nor, behind it, one before.
fn end(parameter: &mut Parameter, place: usize, eve: Day) {
    for (row, at) in parameter.rows.iter_mut().zip(&parameter.places) {
        if *at == place && row.to.is_none() && row.from.is_none_or(|from| from <= eve) {
            row.to = Some(eve);
        }
    }
}

/// Does a published figure stand on a day of indexation, or begin before the next?
fn published(parameter: &Parameter, rule: &Index, day: Day, next: Day) -> bool {
    parameter.rows.iter().enumerate().any(|(n, row)| {
        let begins = row.from.is_some_and(|from| day <= from && from < next);
        let reaches = row.from.is_none_or(|from| from <= day) && row.to.is_some_and(|to| day <= to);
        parameter.places[n] == rule.place && !row.computed && (begins || reaches)
    })
}

/// The index is not known: from the day on the figure is not known either.
fn missing(rule: &Index, eve: Day, parameters: &mut Parameters, findings: &mut Findings<'_>) {
    let names: Vec<String> = rule
        .reads
        .iter()
        .map(|n| parameters.list[*n].name.to_string())
        .collect();
    let parameter = &mut parameters.list[rule.parameter];
    end(parameter, rule.place, eve);
    findings.warn(
        "index-missing",
        &rule.span,
        say(
            format!("{eve} 之后算不出 `{}`：缺 {}", parameter.name, names.join("、")),
            format!("after {eve} `{}` cannot be computed: {} is not known", parameter.name, names.join(", ")),
        ),
        say(
            "补上指数的数值，或公布的数额；此前用到它的结果待定",
            "add the index's figure, or the published one; until then what needs it stays undetermined",
        ),
    );
}

/// Figures at a place on a day, with the rows that were read.
struct Figures<'p> {
    parameters: &'p Parameters,
    chain: &'p [usize],
    day: Day,
    rows: RefCell<Vec<(usize, usize)>>,
}

impl Host for Figures<'_> {
    fn value(&self, _: &mut Machine, slot: u32) -> Eval {
        Ok(match Slot::decode(slot) {
            Some(Slot::Parameter(n)) => {
                let n = n as usize;
                let parameter = &self.parameters.list[n];
                match parameter.row(self.chain, self.day, None) {
                    Some(row) => {
                        self.rows.borrow_mut().push((n, row));
                        parameter.values[row].clone()
                    }
                    None => Value::Null,
                }
            }
            Some(Slot::ReferenceDay) => Value::Date(self.day.into()),
            Some(Slot::Month) => Value::Date(self.day.with_day(1).unwrap_or(self.day).into()),
            _ => Value::Null,
        })
    }

    fn field(&self, _: &mut Machine, _: Object, _: u32) -> Eval {
        Ok(Value::Null)
    }
}
