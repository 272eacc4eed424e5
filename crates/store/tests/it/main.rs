//! The store on both databases. PostgreSQL is started from Debian's package when it is installed.

mod books;
mod commit;
mod distributed;
mod evidence;
mod pg;
mod queue;
mod readers;
mod script;

use base::{Day, Id, Instant, Period, parse_day, parse_instant};
use registry::protect::{Keyring, Suite};
use registry::record::{
    Evidence, Household, Identity, Membership, Person, Provenance, Residence, Sex,
};
use std::sync::Arc;
use store::{ChangeSet, Store};

/// A store on a SQLite file of its own.
pub struct Lite {
    pub store: Store,
    pub folder: tempfile::TempDir,
}

pub fn crypto() -> Arc<Keyring> {
    Arc::new(Keyring::from_secret(Suite::Aes, &[3; 32]))
}

pub async fn lite() -> Lite {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data.db");
    let store = Store::open_file(&path, crypto()).await.expect("opened");
    store.migrate().await.expect("migrated");
    Lite { store, folder }
}

pub fn day(text: &str) -> Day {
    parse_day(text).expect("a date")
}

pub fn at(text: &str) -> Instant {
    parse_instant(text).expect("a moment")
}

pub fn id(name: &str) -> Id {
    Id::derive(&["test", name])
}

pub fn origin(when: Instant) -> Provenance {
    Provenance {
        recorded_at: when,
        recorded_by: "clerk".into(),
        source: "paper".into(),
    }
}

pub const SHARD: &str = "9901";

/// One household `h` with members `h-0`, `h-1`, …, known from `when` on and valid since 2020.
pub fn family(h: &str, members: usize, area: &str, when: Instant) -> ChangeSet {
    let since = Period::since(day("2020-01-01"));
    let mut change = ChangeSet {
        shard: SHARD.into(),
        at: when,
        households: vec![Household {
            id: id(h),
            shard: SHARD.into(),
            opened_at: when,
        }],
        residences: vec![Residence {
            id: id(&format!("{h} lives")),
            household: id(h),
            area: area.into(),
            address: "甲街 1 号".into(),
            valid: since,
            provenance: origin(when),
        }],
        ..ChangeSet::default()
    };
    for i in 0..members {
        let name = format!("{h}-{i}");
        change.persons.push(Person {
            id: id(&name),
            shard: SHARD.into(),
            opened_at: when,
        });
        change.identities.push(Identity {
            id: id(&format!("{name} is")),
            person: id(&name),
            name: format!("张{name}"),
            sex: if i % 2 == 0 { Sex::Female } else { Sex::Male },
            birth: day("1980-05-06"),
            number: Some(format!(
                "9{}X",
                &format!("{:039}", id(&name).uuid().as_u128())[23..]
            )),
            provenance: origin(when),
        });
        change.memberships.push(Membership {
            id: id(&format!("{name} belongs to {h}")),
            household: id(h),
            person: id(&name),
            relation: if i == 0 { "户主" } else { "子女" }.into(),
            member: true,
            valid: since,
            provenance: origin(when),
        });
    }
    change
}

/// One piece of evidence.
pub fn says(
    name: &str,
    subject: Id,
    kind: &str,
    value: serde_json::Value,
    from: &str,
    when: Instant,
) -> Evidence {
    Evidence {
        id: id(name),
        shard: SHARD.into(),
        subject,
        kind: kind.into(),
        value,
        valid: Period::since(day(from)),
        withdraws: vec![],
        provenance: origin(when),
    }
}
