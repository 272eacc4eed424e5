//! Loads a made-up register, reads it as a population, and prints how long each took.
//! `cargo run --release -p store --example register -- HOUSEHOLDS [DATABASE]`

use base::{Day, Id, Instant, Period, parse_day, parse_instant};
use registry::protect::{Keyring, Suite};
use registry::record::{
    Evidence, Household, Identity, Membership, Person, Provenance, Residence, Sex,
};
use registry::slice::KindList;
use serde_json::json;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};
use store::{PopulationFilter, RegisterChunk, Store};

const SHARD: &str = "990101";
const PERSON_KINDS: [&str; 7] = ["甲", "乙", "丙", "丁", "戊", "己", "庚"];
const HOUSEHOLD_KINDS: [&str; 4] = ["子", "丑", "寅", "卯"];

fn id(class: u8, number: u64) -> Id {
    let mut bytes = [class; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

fn chunk(range: std::ops::Range<u64>, since: Day, at: Instant) -> RegisterChunk {
    let provenance = Provenance {
        recorded_at: at,
        recorded_by: "feed".into(),
        source: "census".into(),
    };
    let valid = Period::since(since);
    let mut out = RegisterChunk {
        shard: SHARD.into(),
        ..RegisterChunk::default()
    };
    let say = |out: &mut RegisterChunk, subject: Id, n: u64, kind: &str, value| {
        out.evidence.push(Evidence {
            id: id(9, n),
            shard: SHARD.into(),
            subject,
            kind: kind.into(),
            value,
            valid,
            withdraws: vec![],
            provenance: provenance.clone(),
        });
    };
    for n in range {
        let household = id(1, n);
        out.households.push(Household {
            id: household,
            shard: SHARD.into(),
            opened_at: at,
        });
        out.residences.push(Residence {
            id: id(2, n),
            household,
            area: format!("{SHARD}{:03}{:03}", n % 24, n % 10),
            address: format!("甲街 {n} 号"),
            valid,
            provenance: provenance.clone(),
        });
        for (k, kind) in HOUSEHOLD_KINDS.iter().enumerate() {
            say(
                &mut out,
                household,
                n * 100 + k as u64,
                kind,
                json!(n % 1000),
            );
        }
        for m in 0..(if n % 20 == 0 { 2 } else { 3 }) {
            let p = n * 4 + m;
            let person = id(3, p);
            out.persons.push(Person {
                id: person,
                shard: SHARD.into(),
                opened_at: at,
            });
            out.identities.push(Identity {
                id: id(4, p),
                person,
                name: format!("张{p}"),
                sex: if m == 0 { Sex::Female } else { Sex::Male },
                birth: since,
                number: Some(format!("{p:018}")),
                provenance: provenance.clone(),
            });
            out.memberships.push(Membership {
                id: id(5, p),
                household,
                person,
                relation: if m == 0 { "户主" } else { "子女" }.into(),
                member: true,
                valid,
                provenance: provenance.clone(),
            });
            for (k, kind) in PERSON_KINDS.iter().enumerate() {
                let number = n * 100 + 10 + m * 10 + k as u64;
                say(&mut out, person, number, kind, json!((p * 7919) % 5000));
            }
        }
    }
    out
}

fn rate(what: &str, count: u64, took: Duration) {
    let seconds = took.as_secs_f64();
    println!(
        "{what:<32} {count:>9} in {seconds:>7.2} s, {:>10.0} a second",
        count as f64 / seconds
    );
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let households: u64 = arguments.next().unwrap_or("20000".into()).parse()?;
    let folder = tempfile::tempdir()?;
    let url = arguments
        .next()
        .unwrap_or_else(|| format!("sqlite:{}", folder.path().join("data.db").display()));
    let keys = Arc::new(Keyring::from_secret(Suite::Aes, &[1; 32]));
    let store = Store::open(&url, keys).await?;
    store.migrate().await?;
    let at = parse_instant("2026-01-01")?;
    let since = parse_day("2020-01-01")?;
    let step = 2000;
    let chunks = (0..households.div_ceil(step))
        .map(move |i| chunk(i * step..((i + 1) * step).min(households), since, at));

    let clock = Clock::now();
    let count = store.load_register(at, chunks, |_| {}).await?;
    rate("rows loaded", count.written, clock.elapsed());

    let many = |names: &[&str]| names.iter().map(|n| (n.to_string(), false)).collect();
    let kinds = KindList {
        person: many(&PERSON_KINDS),
        household: many(&HOUSEHOLD_KINDS),
    };
    let clock = Clock::now();
    let (mut read, mut facts) = (0, 0);
    let day = parse_day("2026-02-01")?;
    for chunk in store.population(
        &kinds,
        &[day],
        parse_instant("2026-02-01")?,
        &PopulationFilter::default(),
    )? {
        for slice in chunk?.into_iter().flatten() {
            read += 1;
            facts += slice.facts.len() + slice.members.iter().map(|m| m.facts.len()).sum::<usize>();
        }
    }
    rate("households read", read, clock.elapsed());
    rate("facts read", facts as u64, clock.elapsed());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find(|l| l.starts_with("VmHWM")) {
        println!("{peak}");
    }
    if let Some(path) = url.strip_prefix("sqlite:") {
        println!("file: {} MB", std::fs::metadata(path)?.len() / 1_000_000);
    }
    store.close().await;
    Ok(())
}
