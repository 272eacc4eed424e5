//! Holes in time: days on which a programme is not in force although it was before and will be again, and
//! days on which a rule in force lacks a figure.

use super::compile::Read;
use super::corpus::Law;
use super::source::{Findings, Span, say};
use base::Day;
use std::collections::{BTreeSet, HashSet};

/// Warns of each hole in a programme's time once, at the version that ends it.
pub(crate) fn programmes(law: &Law, findings: &mut Findings<'_>) {
    let corpus = &*law.corpus;
    let mut said: BTreeSet<(usize, Day)> = BTreeSet::new();
    let ids: BTreeSet<&str> = corpus
        .programmes
        .iter()
        .map(|v| v.programme.id.as_str())
        .collect();
    for place in law.editions.lawgivers() {
        for id in &ids {
            let mut was = false;
            let mut since: Option<Day> = None;
            for &day in law.editions.days() {
                match law.edition_at(place, day, None).version(id) {
                    Some(version) => {
                        if let Some(first) = since.take()
                            && said.insert((version, first))
                        {
                            gap(law, version, place, first, day, findings);
                        }
                        was = true;
                    }
                    None if was => {
                        since.get_or_insert(day);
                    }
                    None => {}
                }
            }
        }
    }
}

fn gap(
    law: &Law,
    version: usize,
    place: usize,
    first: Day,
    next: Day,
    findings: &mut Findings<'_>,
) {
    let version = &law.corpus.programmes[version];
    let place = &law.corpus.places.all()[place].code;
    let id = &version.programme.id;
    let last = next.pred_opt().unwrap_or(next);
    findings.warn(
        "programme-gap",
        &version.span,
        say(
            format!("制度 `{id}` 在 {place} 于 {first} 至 {last} 没有施行"),
            format!("the programme `{id}` is not in force at {place} from {first} to {last}"),
        ),
        say(
            "延长前一部法规，或提早这一部；确有空档的不用改",
            "let the instrument before run longer, or this one begin earlier; leave it if there was a gap",
        ),
    );
}

/// A figure must have no hole between its first row and its last: that is a mistake. Days before the
/// first or after the last, at a level that gives the figure at all, are worth a warning: whatever
/// needs it is undetermined then.
pub(crate) fn parameter(
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
                hole_in(&of.name, name(p), day, &at, findings);
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

fn hole_in(parameter: &str, place: &str, day: Day, span: &Span, findings: &mut Findings<'_>) {
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
