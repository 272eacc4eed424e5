//! Programmes by name, whatever place and time.

use entitlement::{Programme, Rhythm};
use policy::law::Law;

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
