//! What differs at a place between two days of one law.

use super::super::corpus::Law;
use super::super::edition::LawError;
use super::{Change, Held, What, dates, held, programme_json, rule_json, rule_name};
use base::Day;
use serde_json::json;

/// Everything that holds otherwise.
pub(super) fn changes(
    law: &Law,
    place: &str,
    before: Day,
    after: Day,
) -> Result<Vec<Change>, LawError> {
    let changes = [
        instruments_in_force(law, place, before, after),
        held(
            What::Parameter,
            figures(law, place, before)?,
            figures(law, place, after)?,
        ),
        held(
            What::Rule,
            rules_held(law, place, before)?,
            rules_held(law, place, after)?,
        ),
        held(
            What::Programme,
            programmes_held(law, place, before)?,
            programmes_held(law, place, after)?,
        ),
    ];
    Ok(changes.concat())
}

fn instruments_in_force(law: &Law, place: &str, before: Day, after: Day) -> Vec<Change> {
    let titles = |day: Day| -> Held {
        let held = law.in_force(place, day).into_iter();
        held.map(|i| {
            let at = format!("{} {}", i.place, dates(Some(i.from), i.to));
            (i.number.clone(), (json!(i.title.zh), at))
        })
        .collect()
    };
    held(What::Instrument, titles(before), titles(after))
}

fn figures(law: &Law, place: &str, day: Day) -> Result<Held, LawError> {
    let edition = law.edition(place, day, None)?;
    let figures = law.parameters().filter_map(|p| {
        let (value, row) = edition.parameter(&p.name)?;
        let at = format!("{} {}", row.place, row.citation.instrument);
        Some((p.name.to_string(), (value, at)))
    });
    Ok(figures.collect())
}

fn rules_held(law: &Law, place: &str, day: Day) -> Result<Held, LawError> {
    let edition = law.edition(place, day, None)?;
    let mut held = Held::new();
    for who in 0..2 {
        for n in 0..edition.rules[who].len() {
            let Some((_, definition)) = edition.definition(who, n) else {
                continue;
            };
            let rule = law.rules().iter().find(|r| {
                r.name == definition.name
                    && r.subject == definition.subject
                    && r.citation == definition.citation
            });
            if let Some(rule) = rule {
                let at = rule.citation.to_string();
                held.insert(rule_name(rule), (rule_json(rule), at));
            }
        }
    }
    Ok(held)
}

fn programmes_held(law: &Law, place: &str, day: Day) -> Result<Held, LawError> {
    let edition = law.edition(place, day, None)?;
    let programmes = edition.programmes().into_iter().map(|p| {
        let cited = p
            .citation
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let mut said = programme_json(p);
        // That another article declares the same is no change of the programme.
        if let Some(map) = said.as_object_mut() {
            map.remove("citation");
        }
        (p.name.clone(), (said, cited))
    });
    Ok(programmes.collect())
}
