//! The demo district under the shipped law: about as many are entitled as its report counts.

use super::world::{demo, options};
use app::world::{GeneratedHousehold, World};
use base::{Day, parse_day};
use policy::law::{EvidenceKind, Law, Register, Situation, SourceFile};
use policy::outcome::Outcome;
use policy::programme::Subject;
use registry::record::Sex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn law() -> Law {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../law");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(&root)
                    .expect("inside")
                    .to_string_lossy()
                    .into_owned();
                files.push(SourceFile {
                    path: name,
                    text: fs::read_to_string(&path).expect("text"),
                });
            }
        }
    }
    Law::load(files).expect("the shipped law loads")
}

/// Value of the registered kinds of a person.
fn registered(kinds: &[EvidenceKind], sex: Sex, birth: Day, relation: &str) -> Map<String, Value> {
    let mut out = Map::new();
    for kind in kinds {
        let value = match kind.register {
            Some(Register::Sex) => json!(if sex == Sex::Male { "男" } else { "女" }),
            Some(Register::Birth) => json!(birth.to_string()),
            Some(Register::Relation) => json!(relation),
            _ => continue,
        };
        out.insert(kind.name.to_string(), value);
    }
    out
}

fn situation(law: &Law, h: &GeneratedHousehold, day: Day) -> Situation {
    let (mut persons, mut household) = (BTreeMap::new(), Map::new());
    let kinds = law.kinds(Subject::Person);
    for (i, m) in h.history.identities.iter().zip(&h.history.memberships) {
        persons.insert(i.person, registered(kinds, i.sex, i.birth, &m.relation));
    }
    for e in h.history.evidence.iter().filter(|e| e.valid.contains(day)) {
        let target = persons.get_mut(&e.subject).unwrap_or(&mut household);
        target.insert(e.kind.clone(), e.value.clone());
    }
    let order = h
        .history
        .memberships
        .iter()
        .map(|m| Value::Object(persons[&m.person].clone()));
    household.insert("members".into(), order.collect());
    Situation::from_json(law, &Value::Object(household), Subject::Household, day)
        .unwrap_or_else(|e| panic!("evidence that the law does not know: {e}"))
}

/// Measured on 20,000 households with another seed: see the district's README. Here fewer, and
/// the bounds are wider accordingly.
#[test]
fn about_as_many_are_entitled_as_the_district_reports() {
    let (yaml, census, _) = demo();
    let (world, law) = (World::load(&yaml, &census).expect("a district"), law());
    let day = parse_day("2026-01-01").expect("a day");
    let edition = law.edition(world.code(), day, None).expect("an edition");
    let programme = world.programmes().next().expect("a programme").to_string();
    let handle = edition
        .handle(&programme)
        .expect("the programme is in force");
    let mut evaluator = edition.evaluator();
    let (mut families, mut persons) = (0u32, 0u32);
    let mut found: BTreeMap<(&str, bool), (u32, u32)> = BTreeMap::new();
    for h in world.generate(options(SAMPLE)).expect("a district") {
        families += u32::from(!h.collective);
        persons += h.persons.len() as u32;
        let applied = h.intents.iter().any(|i| i.programme == programme);
        let outcome = evaluator
            .outcome(handle, &situation(&law, &h, day))
            .expect("an outcome");
        let count = found.entry((outcome.name(), applied)).or_default();
        *count = (count.0 + 1, count.1 + h.persons.len() as u32);
        if let (Outcome::Undetermined { missing }, true) = (&outcome, SHOW) {
            println!("{missing:?}");
        }
    }
    let all = |name: &str| {
        let (a, b) = (found.get(&(name, true)), found.get(&(name, false)));
        let add = |x: Option<&(u32, u32)>| x.copied().unwrap_or_default();
        (add(a).0 + add(b).0, add(a).1 + add(b).1)
    };
    let (h, p) = all("entitled");
    let (of_households, of_persons) = (
        f64::from(h) / f64::from(families),
        f64::from(p) / f64::from(persons),
    );
    let each = f64::from(p) / f64::from(h);
    println!("{found:?}");
    println!(
        "entitled: {of_households:.4} of {families} households, {of_persons:.4} of {persons} persons, {each:.3} each"
    );
    let undetermined = f64::from(all("undetermined").0) / f64::from(families);
    println!("undetermined: {undetermined:.4}");
    assert!((0.145..0.17).contains(&of_households), "{of_households}");
    assert!((0.115..0.145).contains(&of_persons), "{of_persons}");
    assert!((2.2..2.65).contains(&each), "{each}");
    assert!((0.001..0.02).contains(&undetermined), "{undetermined}");
    // Not everybody who is entitled asks, and some who are not do.
    let never = f64::from(found[&("entitled", false)].0) / f64::from(h);
    assert!((0.02..0.15).contains(&never), "{never}");
    assert!(found[&("refused", true)].0 > 0);
}

const SAMPLE: u64 = 6_000;
const SHOW: bool = false;
