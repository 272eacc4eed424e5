//! Rules that need each other.

use super::compile::Read;
use super::corpus::Law;
use super::edition::Edition;
use super::source::{Findings, say};
use base::Day;
use std::collections::HashSet;

/// Rules that need each other, with the way round.
pub(crate) fn check(law: &Law, findings: &mut Findings<'_>) {
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
