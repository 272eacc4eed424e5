//! Days on which a programme is not in force although it was before and will be again.

use super::corpus::Law;
use super::source::{Findings, say};
use base::Day;
use std::collections::BTreeSet;

/// Warns of each such gap once, at the version that ends it.
pub(crate) fn check(law: &Law, findings: &mut Findings<'_>) {
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
