//! Checks over the whole law, place by place and day by day: what is named is in force, figures cover
//! the days, nothing goes in a circle, nothing is defined twice or for nobody.

use super::compile::Read;
use super::corpus::{Corpus, Law};
use super::edition::{Edition, NONE};
use super::kinds::which;
use super::model::{Body, Instrument};
use super::prelude::{Type, Unit};
use super::programmes::Use;
use super::source::{Findings, Span, say};
use crate::programme::Subject;
use base::Day;
use std::collections::{BTreeSet, HashSet};

pub(crate) fn check(law: &Law, used_by_examples: &HashSet<String>, findings: &mut Findings<'_>) {
    let corpus = &*law.corpus;
    twice(corpus, findings);
    programmes(law, findings);
    let mut said = HashSet::new();
    for n in 0..corpus.definitions.len() {
        definition(law, n, &mut said, findings);
    }
    cycles(law, findings);
    // What a rule with an error reads is not known, so nothing can be said to be unused.
    if !findings.report.has_errors() {
        unused(corpus, used_by_examples, findings);
        super::idle::check(corpus, findings);
        super::gaps::check(law, findings);
    }
    row_articles(corpus, findings);
}

/// The days within an instrument's time in force on which anything changes, its first among them.
fn days_of(law: &Law, instrument: &Instrument) -> Vec<Day> {
    let mut days = vec![instrument.from];
    days.extend(
        law.editions
            .days()
            .iter()
            .copied()
            .filter(|d| *d > instrument.from && instrument.to.is_none_or(|to| *d <= to)),
    );
    days
}

fn place_of(corpus: &Corpus, instrument: &Instrument) -> Option<usize> {
    corpus
        .places
        .all()
        .iter()
        .position(|p| p.code == instrument.place)
}

/// Two rules, or programmes, of one name that neither place nor day puts in order.
fn twice(corpus: &Corpus, findings: &mut Findings<'_>) {
    let equal = |a: usize, b: usize| {
        let (a, b) = (&corpus.instruments[a], &corpus.instruments[b]);
        a.place == b.place && a.from == b.from && a.reform == b.reform
    };
    let names = corpus
        .symbols
        .rules
        .iter()
        .flatten()
        .map(|r| &r.definitions);
    for definitions in names.chain(corpus.symbols.functions.iter().map(|f| &f.definitions)) {
        for (n, &d) in definitions.iter().enumerate() {
            for &e in &definitions[..n] {
                let (new, old) = (&corpus.definitions[d], &corpus.definitions[e]);
                if equal(new.instrument, old.instrument) {
                    let place = findings.sources.place(&old.name_span);
                    findings.error(
                        "ambiguous-rule",
                        &new.name_span,
                        say(
                            format!("`{}` 在 {place} 已有规则，地方与施行日都相同", new.name),
                            format!(
                                "`{}` has a rule at {place} with the same place and first day",
                                new.name
                            ),
                        ),
                        say(
                            "删去一条，或换一个名称",
                            "remove one of them, or take another name",
                        ),
                    );
                }
            }
        }
    }
    for (n, new) in corpus.programmes.iter().enumerate() {
        for old in &corpus.programmes[..n] {
            if new.programme.id == old.programme.id && equal(new.instrument, old.instrument) {
                let place = findings.sources.place(&old.span);
                findings.error(
                    "ambiguous-rule",
                    &new.span,
                    say(
                        format!("制度 `{}` 已在 {place} 声明，地方与施行日都相同", new.programme.id),
                        format!("the programme `{}` is declared at {place} with the same place and first day", new.programme.id),
                    ),
                    say("删去一处，或换 id", "remove one of them, or change the id"),
                );
            }
        }
    }
}

fn programmes(law: &Law, findings: &mut Findings<'_>) {
    let corpus = &*law.corpus;
    for (n, version) in corpus.programmes.iter().enumerate() {
        let instrument = &corpus.instruments[version.instrument];
        let Some(place) = place_of(corpus, instrument) else {
            continue;
        };
        let who = which(version.programme.subject);
        for (name, span, what) in version.rule_names() {
            let Some(at) = corpus.symbols.rule_index[who].get(name.as_str()).copied() else {
                unknown_rule(corpus, version.programme.subject, &name, &span, findings);
                continue;
            };
            fits(version, corpus, who, at, what, &span, findings);
            let missing = days_of(law, instrument).into_iter().find(|&day| {
                let edition = law.edition_at(place, day, None);
                edition.version(&version.programme.id) == Some(n)
                    && edition.rules[who][at] == NONE
                    && !below(law, place, day, |e| e.rules[who][at] != NONE)
            });
            if let Some(day) = missing {
                not_in_force(&name, day, &instrument.place, &span, findings);
            }
        }
    }
}

/// Does a place within `place` have what is asked for?
fn below(law: &Law, place: usize, day: Day, holds: impl Fn(&Edition) -> bool) -> bool {
    law.editions.lawgivers().into_iter().any(|p| {
        p != place
            && law.corpus.places.chain_of(p).contains(&place)
            && holds(&law.edition_at(p, day, None))
    })
}

fn unknown_rule(
    corpus: &Corpus,
    subject: Subject,
    name: &str,
    span: &Span,
    findings: &mut Findings<'_>,
) {
    let who = which(subject);
    let hint = super::report::closest(name, corpus.symbols.rules[who].iter().map(|r| &*r.name));
    let elsewhere = corpus.symbols.rule_index[1 - who].contains_key(name);
    let remedy = match (hint, elsewhere) {
        (_, true) => say(
            "这条规则是另一个主体的：核对 subject",
            "that rule is about the other subject: check `subject`",
        ),
        (Some(hint), _) => say(
            format!("是 `{hint}` 吗？"),
            format!("did you mean `{hint}`?"),
        ),
        (None, _) => say("先写出这条规则", "write that rule first"),
    };
    findings.error(
        "unknown-name",
        span,
        say(
            format!("没有规则 `{name}`"),
            format!("there is no rule `{name}`"),
        ),
        remedy,
    );
}

fn not_in_force(name: &str, day: Day, place: &str, span: &Span, findings: &mut Findings<'_>) {
    findings.error(
        "not-in-force",
        span,
        say(
            format!("`{name}` 自 {day} 起在 {place} 没有施行中的规则"),
            format!("from {day} on no rule `{name}` is in force at {place}"),
        ),
        say(
            "延长其所在法规的施行期，或在本法规中另立这条规则",
            "let its instrument run longer, or define the rule in this one",
        ),
    );
}

/// Is a rule of the type that its use in a programme needs?
fn fits(
    version: &super::programmes::ProgrammeVersion,
    corpus: &Corpus,
    who: usize,
    rule: usize,
    what: Use,
    span: &Span,
    findings: &mut Findings<'_>,
) {
    let known = &corpus.symbols.rules[who][rule];
    let unit = known.ty.unit();
    let (fine, wanted) = match what {
        Use::Boolean => (known.ty == Type::Boolean, ("是否", "boolean")),
        Use::Amount if version.programme.payment.is_some() => (
            matches!(
                unit,
                Some(Unit::Yuan | Unit::YuanPerMonth | Unit::YuanPerYear)
            ),
            ("元 或 元/月", "yuan or yuan/month"),
        ),
        Use::Months => (
            matches!(unit, Some(Unit::Months | Unit::Plain)),
            ("月", "months"),
        ),
        Use::Amount | Use::Value => (true, ("", "")),
        Use::Carry => {
            let declared = corpus.symbols.carry[who]
                .iter()
                .find(|c| c.name == known.name);
            let same = declared.is_none_or(|c| {
                c.ty == known.ty.clone().nullable()
                    || c.ty
                        .unit()
                        .is_some_and(|u| Some(u) == unit || u == Unit::Plain)
            });
            (same, ("结转声明的类型", "the type that the carry declares"))
        }
    };
    if !fine {
        findings.error(
            "type-mismatch",
            span,
            say(
                format!(
                    "`{}` 的类型是 {}，这里要 {}",
                    known.name, known.ty, wanted.0
                ),
                format!(
                    "`{}` has type {}; {} is needed here",
                    known.name, known.ty, wanted.1
                ),
            ),
            say(
                "换一条规则，或改正其类型",
                "name another rule, or mend its type",
            ),
        );
    }
}

/// Everything that a definition reads must be in force wherever and whenever the definition is.
fn definition(law: &Law, n: usize, said: &mut HashSet<(usize, Read)>, findings: &mut Findings<'_>) {
    let corpus = &*law.corpus;
    let definition = &corpus.definitions[n];
    let Some(compiled) = corpus.compiled[n].as_ref() else {
        return;
    };
    let instrument = &corpus.instruments[definition.instrument];
    let Some(place) = place_of(corpus, instrument) else {
        return;
    };
    let days: Vec<Day> = days_of(law, instrument)
        .into_iter()
        .filter(|&day| active(&law.edition_at(place, day, None), definition, n))
        .collect();
    for (read, span) in &compiled.reads {
        match *read {
            Read::Rule(who, at) => {
                let lacks = |e: &Edition| e.rules[who][at] == NONE;
                let day = days.iter().copied().find(|&day| {
                    lacks(&law.edition_at(place, day, None))
                        && !below(law, place, day, |e| !lacks(e))
                });
                if let Some(day) = day {
                    not_in_force(
                        &corpus.symbols.rules[who][at].name,
                        day,
                        &instrument.place,
                        span,
                        findings,
                    );
                }
            }
            Read::Function(at) => {
                let day = days
                    .iter()
                    .copied()
                    .find(|&day| law.edition_at(place, day, None).functions[at] == NONE);
                if let Some(day) = day {
                    not_in_force(
                        &corpus.symbols.functions[at].name,
                        day,
                        &instrument.place,
                        span,
                        findings,
                    );
                }
            }
            Read::Parameter(at) => coverage(law, at, place, &days, span, said, findings),
            Read::Kind(..) | Read::Previous | Read::Event => {}
        }
    }
}

fn active(edition: &Edition, definition: &super::model::Definition, n: usize) -> bool {
    let corpus = &edition.corpus;
    if let Body::Function(..) = definition.body {
        return edition.functions.contains(&(n as u32));
    }
    corpus
        .symbols
        .rule(definition.subject, &definition.name)
        .is_some_and(|at| edition.rules[which(definition.subject)][at] == n as u32)
}

/// A figure must have no hole between its first row and its last: that is a mistake. Days before the
/// first or after the last, at a level that gives the figure at all, are worth a warning: whatever
/// needs it is undetermined then.
fn coverage(
    law: &Law,
    parameter: usize,
    place: usize,
    days: &[Day],
    span: &Span,
    said: &mut HashSet<(usize, Read)>,
    findings: &mut Findings<'_>,
) {
    let corpus = &*law.corpus;
    let of = &corpus.parameters.list[parameter];
    if of.rows.is_empty() {
        if said.insert((usize::MAX, Read::Parameter(parameter))) {
            findings.warn(
                "missing-parameter",
                span,
                say(
                    format!("参数 `{}` 没有一行数值，用到它的结果一律待定", of.name),
                    format!(
                        "the parameter `{}` has no row: whatever needs it stays undetermined",
                        of.name
                    ),
                ),
                say(
                    "补上数值；没有来源的写 unverified",
                    "add a value; one without a source is `unverified`",
                ),
            );
        }
        return;
    }
    let chain = corpus.places.chain_of(place);
    let name = |p: usize| corpus.places.all()[p].code.as_str();
    let own = of.places.iter().any(|p| chain.contains(p));
    let within: BTreeSet<usize> = match own {
        true => BTreeSet::from([place]),
        false => of
            .places
            .iter()
            .copied()
            .filter(|&p| corpus.places.chain_of(p).contains(&place))
            .collect(),
    };
    for p in within {
        let chain = corpus.places.chain_of(p);
        let mine: Vec<usize> = (0..of.rows.len())
            .filter(|&n| chain.contains(&of.places[n]))
            .collect();
        let first = mine.iter().map(|&n| of.rows[n].from).min().flatten();
        let hole = |later: bool| {
            days.iter()
                .copied()
                .filter(|&d| of.row(&chain, d, None).is_none())
                .find(|&d| {
                    let comes = mine.iter().any(|&n| of.rows[n].from.is_some_and(|f| f > d));
                    let began = first.is_none_or(|f| f <= d);
                    (comes && began) == later
                })
        };
        // Where an index ends, its rule has said so.
        let indexed = |day: Day| {
            let mut rows = mine.iter().map(|&n| &of.rows[n]);
            rows.any(|row| row.computed && row.to.is_some_and(|to| to < day))
        };
        let at = mine
            .last()
            .map_or_else(|| span.clone(), |&n| of.spans[n].clone());
        if let Some(day) = hole(true) {
            if said.insert((p, Read::Parameter(parameter))) {
                gap(&of.name, name(p), day, &at, findings);
            }
        } else if let Some(day) = hole(false).filter(|&day| own && !indexed(day))
            && said.insert((p, Read::Parameter(parameter)))
        {
            findings.warn(
                "parameter-gap",
                &at,
                say(
                    format!(
                        "参数 `{}` 在 {} 于 {day} 没有数值，用到它的规则却在施行",
                        of.name,
                        name(p)
                    ),
                    format!(
                        "`{}` has no value at {} on {day}, while rules in force use it",
                        of.name,
                        name(p)
                    ),
                ),
                say(
                    "补一行；最后一行不写 to 表示延续",
                    "add a row; a last row without `to` goes on",
                ),
            );
        }
    }
}

fn gap(parameter: &str, place: &str, day: Day, span: &Span, findings: &mut Findings<'_>) {
    findings.error(
        "parameter-gap",
        span,
        say(
            format!("参数 `{parameter}` 在 {place} 于 {day} 没有数值"),
            format!("the parameter `{parameter}` has no value at {place} on {day}"),
        ),
        say(
            "补一行覆盖这一天；没有来源的写 unverified",
            "add a row that covers the day; one without a source is `unverified`",
        ),
    );
}

/// Rules that need each other, with the way round.
fn cycles(law: &Law, findings: &mut Findings<'_>) {
    let mut said: HashSet<Vec<usize>> = HashSet::new();
    let days: Vec<Day> = law.editions.days().to_vec();
    for place in law.editions.lawgivers() {
        for &day in &days {
            let edition = law.edition_at(place, day, None);
            let count = edition.corpus.definitions.len();
            let mut state = vec![0u8; count];
            for start in edition.rules.iter().flatten().chain(&edition.functions) {
                let mut path = Vec::new();
                walk(&edition, *start, &mut state, &mut path, &mut |cycle| {
                    let mut key = cycle.to_vec();
                    key.sort_unstable();
                    if said.insert(key) {
                        report_cycle(&edition, cycle, findings);
                    }
                });
            }
        }
    }
}

fn walk(
    edition: &Edition,
    definition: u32,
    state: &mut [u8],
    path: &mut Vec<usize>,
    found: &mut dyn FnMut(&[usize]),
) {
    let at = definition as usize;
    match state.get(at) {
        None | Some(2) => return,
        Some(1) => {
            let from = path.iter().position(|&p| p == at).unwrap_or(0);
            found(&path[from..]);
            return;
        }
        _ => {}
    }
    state[at] = 1;
    path.push(at);
    if let Some(compiled) = edition.compiled(at) {
        for (read, _) in &compiled.reads {
            match *read {
                Read::Rule(who, n) => walk(edition, edition.rules[who][n], state, path, found),
                Read::Function(n) => walk(edition, edition.functions[n], state, path, found),
                _ => {}
            }
        }
    }
    path.pop();
    state[at] = 2;
}

fn report_cycle(edition: &Edition, cycle: &[usize], findings: &mut Findings<'_>) {
    let corpus = &edition.corpus;
    let step = |d: &usize| {
        let definition = &corpus.definitions[*d];
        format!(
            "{} ({})",
            definition.name,
            findings.sources.place(&definition.name_span)
        )
    };
    let mut way: Vec<String> = cycle.iter().map(step).collect();
    way.push(corpus.definitions[cycle[0]].name.clone());
    let way = way.join(" → ");
    findings.error(
        "cycle",
        &corpus.definitions[cycle[0]].name_span,
        say(
            format!("规则互为前提：{way}"),
            format!("these rules need each other: {way}"),
        ),
        say(
            "断开其中一环；要用上一期的值就用 上期",
            "break one of the links; to use the period before, read `previous`",
        ),
    );
}

fn unused(corpus: &Corpus, used_by_examples: &HashSet<String>, findings: &mut Findings<'_>) {
    let mut used: HashSet<Read> = HashSet::new();
    for compiled in corpus.compiled.iter().flatten() {
        used.extend(compiled.reads.iter().map(|(r, _)| *r));
        used.extend(compiled.sentence_reads.iter().copied());
    }
    used.extend(corpus.read_beside.iter().copied());
    for version in &corpus.programmes {
        let who = which(version.programme.subject);
        for (name, _, _) in version.rule_names() {
            used.extend(
                corpus.symbols.rule_index[who]
                    .get(name.as_str())
                    .map(|&n| Read::Rule(who, n)),
            );
        }
    }
    for (who, rules) in corpus.symbols.rules.iter().enumerate() {
        for (n, rule) in rules.iter().enumerate() {
            if !used.contains(&Read::Rule(who, n)) && !used_by_examples.contains(&*rule.name) {
                let span = &corpus.definitions[rule.definitions[0]].name_span;
                findings.warn(
                    "unused-rule",
                    span,
                    say(
                        format!("规则 `{}` 没有人用", rule.name),
                        format!("nothing uses the rule `{}`", rule.name),
                    ),
                    say(
                        "删去，或写进制度、别的规则或例子",
                        "remove it, or use it in a programme, another rule or an example",
                    ),
                );
            }
        }
    }
    for (n, function) in corpus.symbols.functions.iter().enumerate() {
        if !used.contains(&Read::Function(n)) {
            findings.warn(
                "unused-rule",
                &corpus.definitions[function.definitions[0]].name_span,
                say(
                    format!("函数 `{}` 没有人用", function.name),
                    format!("nothing uses the function `{}`", function.name),
                ),
                say("删去", "remove it"),
            );
        }
    }
    for (n, parameter) in corpus.parameters.list.iter().enumerate() {
        if !used.contains(&Read::Parameter(n)) {
            findings.warn(
                "unused-parameter",
                &parameter.span,
                say(
                    format!("参数 `{}` 没有人用", parameter.name),
                    format!("nothing uses the parameter `{}`", parameter.name),
                ),
                say("删去，或在规则中使用", "remove it, or use it in a rule"),
            );
        }
    }
}

/// The article that a table's row names must exist.
fn row_articles(corpus: &Corpus, findings: &mut Findings<'_>) {
    for definition in &corpus.definitions {
        let Body::Table(table) = &definition.body else {
            continue;
        };
        for row in &table.rows {
            let Some(article) = &row.article else {
                continue;
            };
            let own = &corpus.instruments[definition.instrument];
            if !cites(corpus, article, Some(own)) {
                findings.error(
                    "unknown-article",
                    &row.span,
                    say(
                        format!("没有条文 `{article}`"),
                        format!("there is no article `{article}`"),
                    ),
                    say(
                        "写本法规里一个标题的第一个词",
                        "write the first word of one of this instrument's headings",
                    ),
                );
            }
        }
    }
}

/// Does a citation (`文号 第几条`, or `第几条` within `own`) point to an article that is there?
pub(crate) fn cites(corpus: &Corpus, text: &str, own: Option<&Instrument>) -> bool {
    let text = text.trim();
    let has = |i: &Instrument, article: &str| i.articles.iter().any(|a| a.number == article);
    if own.is_some_and(|i| has(i, text)) {
        return true;
    }
    text.rsplit_once(char::is_whitespace)
        .is_some_and(|(number, article)| {
            corpus
                .instruments
                .iter()
                .any(|i| i.number == number.trim() && has(i, article))
        })
}
