//! Times the row road: a programme of a law over many situations, one after another.
//!
//! ```text
//! rows POPULATION-FOLDER                   the rule of the law bench, over its generated population
//! rows DIR PLACE DAY PROGRAMME [SEED]      a programme of a folder of law files, over situations drawn
//!                                          from the kinds of evidence that the law declares
//! ```
//!
//! Time is that of the processor for this thread (`/proc/self/schedstat`), since machines are shared.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../../../bench/src/hand.rs"]
mod hand;
#[allow(dead_code)]
#[path = "../../../bench/src/population.rs"]
mod population;

use base::Day;
use chrono::Days;
use policy::law::{
    Absent, Edition, Evaluator, EvidenceKind, Handle, Law, Record, Situation, SourceFile, Type,
};
use policy::programme::Subject;
use serde_json::Value as Json;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Situations drawn, or households taken from the population.
const COUNT: usize = 20_000;
const ROUNDS: usize = 7;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [folder] => bench(Path::new(folder)),
        [dir, place, day, programme] => law(Path::new(dir), place, day, programme, 1),
        [dir, place, day, programme, seed] => {
            law(Path::new(dir), place, day, programme, seed.parse().unwrap());
        }
        _ => eprintln!("usage: rows POPULATION-FOLDER | rows DIR PLACE DAY PROGRAMME [SEED]"),
    }
}

/// One situation with the edition that it comes under.
type Case = (usize, Situation);

fn bench(folder: &Path) {
    let pop = population::load(folder).unwrap();
    let law = Law::load(population::law_files(&pop)).unwrap();
    let part = population::first(&pop, COUNT);
    let editions: Vec<Arc<Edition>> = (0..part.std[0].len())
        .map(|region| {
            let place = format!("B-{region:03}");
            law.edition(&place, population::day(0), None).unwrap()
        })
        .collect();
    let cases: Vec<Case> = (0..part.households())
        .map(|h| {
            let (_, situation) = population::situation(&law, &part, h, 0);
            (part.region[h] as usize, situation)
        })
        .collect();
    time(&editions, "bench", &cases);
}

fn law(dir: &Path, place: &str, day: &str, programme: &str, seed: u64) {
    let mut files = Vec::new();
    read(dir, dir, &mut files).unwrap();
    let law = Law::load(files).unwrap();
    let day = base::parse_day(day).unwrap();
    let edition = law.edition(place, day, None).unwrap();
    let subject = edition.programme(programme).unwrap().subject;
    let mut draw = Draw { state: seed, day };
    let cases: Vec<Case> = (0..COUNT)
        .map(|_| (0, draw.situation(&law, subject)))
        .collect();
    time(&[edition], programme, &cases);
}

fn read(dir: &Path, root: &Path, out: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, root, out)?;
        } else if let Ok(text) = fs::read_to_string(&path) {
            let name = path.strip_prefix(root).unwrap_or(&path);
            let path = name.to_string_lossy().replace('\\', "/");
            out.push(SourceFile { path, text });
        }
    }
    Ok(())
}

/// Draws situations: what must be known is there, of the rest a fifth.
struct Draw {
    state: u64,
    day: Day,
}

impl Draw {
    /// SplitMix64, below a limit.
    fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }

    fn situation(&mut self, law: &Law, subject: Subject) -> Situation {
        let mut situation = Situation::blank(law, self.day);
        situation.household = self.record(law, Subject::Household, false);
        for n in 0..1 + self.below(5) {
            let member = self.record(law, Subject::Person, n == 0);
            situation.members.push(member);
        }
        situation.subject_member = (subject == Subject::Person).then_some(0);
        situation
    }

    fn record(&mut self, law: &Law, subject: Subject, head: bool) -> Record {
        let mut record = law.blank(subject);
        for kind in law.kinds(subject) {
            let needed = matches!(kind.absent, Absent::Missing) && !kind.many;
            if needed || self.below(5) == 0 {
                let json = self.value(kind, &kind.ty, head);
                let json = if kind.many {
                    Json::Array(vec![json])
                } else {
                    json
                };
                if let Ok(value) = policy::law::Value::from_json(&json, &kind.rule_type()) {
                    record[kind.slot] = value;
                }
            }
        }
        record
    }

    fn value(&mut self, kind: &EvidenceKind, ty: &Type, head: bool) -> Json {
        match ty.plain() {
            Type::Boolean => (self.below(2) == 0).into(),
            Type::Number(_) if kind.unit.starts_with('元') => self.below(1_500).into(),
            Type::Number(_) => self.below(5).into(),
            Type::Enum(words) => {
                let at = if head {
                    0
                } else {
                    self.below(words.len() as u64) as usize
                };
                words.get(at).map_or(Json::Null, |w| (**w).into())
            }
            Type::Date => {
                let back = Days::new(1 + self.below(30_000));
                let day = self.day.checked_sub_days(back);
                day.map_or(Json::Null, |d| d.to_string().into())
            }
            Type::List(item) => Json::Array(vec![self.value(kind, item, head)]),
            Type::Context(fields) => fields
                .fields
                .iter()
                .map(|(name, ty)| (name.to_string(), self.value(kind, ty, head)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            _ => Json::Null,
        }
    }
}

/// Nanoseconds that this thread has had of a processor.
fn processor() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn time(editions: &[Arc<Edition>], programme: &str, cases: &[Case]) {
    let mut evaluators: Vec<Evaluator<'_>> = editions.iter().map(|e| e.evaluator()).collect();
    let handles: Vec<Handle> = editions
        .iter()
        .map(|e| e.handle(programme).unwrap())
        .collect();
    let persons: usize = cases.iter().map(|(_, s)| s.members.len()).sum();
    let mut came_out = std::collections::BTreeMap::<&str, usize>::new();
    let mut nodes = 0;
    for (place, situation) in cases {
        match evaluators[*place].determine(handles[*place], situation, true) {
            Ok(evaluation) => {
                *came_out.entry(evaluation.outcome.name()).or_default() += 1;
                nodes += evaluation.trace.len();
            }
            Err(_) => *came_out.entry("fault").or_default() += 1,
        }
    }
    println!(
        "{} situations, {persons} persons; {came_out:?}; {:.0} values in a trace",
        cases.len(),
        nodes as f64 / cases.len() as f64
    );
    let mut measure = |name: &str, work: &mut dyn FnMut(&mut Evaluator<'_>, Handle, &Situation)| {
        let mut best = f64::MAX;
        for _ in 0..ROUNDS {
            let (wall, own) = (Instant::now(), processor());
            for (place, situation) in cases {
                work(&mut evaluators[*place], handles[*place], situation);
            }
            let spent = match (own, processor()) {
                (Some(before), Some(after)) if after > before => (after - before) as f64,
                _ => wall.elapsed().as_nanos() as f64,
            };
            best = best.min(spent);
        }
        println!(
            "{name:<36} {:9.0} ns a situation {:9.0} ns a person",
            best / cases.len() as f64,
            best / persons as f64
        );
    };
    let black_box = std::hint::black_box::<Option<policy::outcome::Evaluation>>;
    measure("outcome", &mut |e, handle, s| {
        std::hint::black_box(e.outcome(handle, s).is_ok());
    });
    measure("reasons, lines, carry", &mut |e, handle, s| {
        drop(black_box(e.determine(handle, s, false).ok()));
    });
    measure("full trace", &mut |e, handle, s| {
        std::hint::black_box(e.trace(handle, s).map(|t| t.values()).ok());
    });
    measure("and the trace written out", &mut |e, handle, s| {
        drop(black_box(e.determine(handle, s, true).ok()));
    });
}
