//! Programmes by name, whatever place and time.

use crate::{Programme, Rhythm};
use base::{Day, Month};
use policy::law::Law;
use policy::programme::Reference;
use std::collections::BTreeMap;

/// Ids of all programmes, each once, in order.
pub fn programme_ids(law: &Law) -> Vec<&str> {
    let mut ids: Vec<&str> = law.programmes().map(|(p, _)| p.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The id of a programme given by id or by name.
pub fn programme_id<'l>(law: &'l Law, id_or_name: &str) -> Option<&'l str> {
    let wanted = |p: &&Programme| p.id == id_or_name || p.name == id_or_name;
    law.programmes()
        .map(|(p, _)| p)
        .find(wanted)
        .map(|p| p.id.as_str())
}

/// The version of a programme that came into force last, wherever that is: for its name, its rhythm, and
/// whether it moves money.
pub fn latest_version<'l>(law: &'l Law, id: &str) -> Option<&'l Programme> {
    law.programmes()
        .filter(|(p, _)| p.id == id)
        .max_by_key(|(_, i)| i.from)
        .map(|(p, _)| p)
}

/// Programmes that are determined for everybody month by month, or once.
pub fn determined_for_everybody(law: &Law) -> Vec<&str> {
    programme_ids(law)
        .into_iter()
        .filter(|id| latest_version(law, id).is_some_and(|p| p.rhythm != Rhythm::Event))
        .collect()
}

/// The day whose register a month's run reads: the programme's reference day, wherever it is in force.
pub fn reference_day(law: &Law, programme: &str, month: Month) -> Day {
    match latest_version(law, programme).map(|p| p.reference) {
        Some(Reference::Last) => month.last(),
        _ => month.first(),
    }
}

/// Programmes that can be asked in one reading of the population: those that look at the same day.
pub fn by_reference_day<'p>(
    law: &Law,
    programmes: &[&'p str],
    month: Month,
) -> BTreeMap<Day, Vec<&'p str>> {
    let mut days: BTreeMap<Day, Vec<&'p str>> = BTreeMap::new();
    for programme in programmes {
        let day = reference_day(law, programme, month);
        days.entry(day).or_default().push(programme);
    }
    days
}
