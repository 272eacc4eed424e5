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
use std::collections::HashSet;

pub(crate) fn check(law: &Law, used_by_examples: &HashSet<String>, findings: &mut Findings<'_>) {
    let corpus = &*law.corpus;
    twice(corpus, findings);
    programmes(law, findings);
    let mut said = HashSet::new();
    for n in 0..corpus.definitions.len() {
        definition(law, n, &mut said, findings);
    }
    super::cycles::check(law, findings);
    // What a rule with an error reads is not known, so nothing can be said to be unused.
    if !findings.report.has_errors() {
        unused(corpus, used_by_examples, findings);
        super::idle::check(corpus, findings);
        super::gaps::programmes(law, findings);
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
            Read::Parameter(at) => {
                super::gaps::parameter(law, at, place, &days, span, said, findings)
            }
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
