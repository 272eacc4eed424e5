//! A district under fire, from a seed: years of life events, clerks who err and correct, late, doubled and
//! overtaken messages, two clerks on one file, clocks that jump, disks that fill, processes that end before
//! their commit or before their answer, a bank that answers in every way, law files that are corrected; and an
//! auditor of its own who checks after each step.
//!
//! Same seed, same history: [`Outcome::digest`] is a fingerprint of everything that was recorded.

mod acts;
mod auditor;
mod bank;
mod driver;

pub use driver::Simulation;

use crate::service::ServiceError;
use crate::service::change::Facts;
use base::{Id, Instant, Month};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    /// Same seed, same history.
    pub seed: u64,
    /// Family households of the district.
    pub households: u64,
    /// First month.
    pub first: Month,
    /// How many months.
    pub months: u32,
    /// What clerks do in a month, beside what happens in the district.
    pub corrections: u64,
    /// How many corrections are recorded at once, as feeds bring them; 1: each by itself.
    pub batch: u64,
    /// Of a hundred steps, how many meet a fault.
    pub faults: u64,
    /// Of a hundred months, in how many a law file is corrected.
    pub law: u64,
    /// Everybody is looked at by the auditor every so many months; the touched ones after each step.
    pub audit_every: u32,
    /// Folder for the data; must be empty.
    pub data: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Outcome {
    /// Steps taken.
    pub steps: u64,
    /// What was done, by kind.
    pub counts: BTreeMap<String, u64>,
    /// Records that the auditor remembers.
    pub records: u64,
    /// Fingerprint of everything recorded.
    pub digest: String,
    /// What is wrong, with the step at which it was found. The first one ends the simulation.
    pub findings: Vec<String>,
}

/// Why a simulation could not go on (its findings are no errors).
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The district could not be made.
    #[error(transparent)]
    Demo(#[from] crate::demo::DemoError),
    /// A service failed where none may.
    #[error("step {step}, {what}: {cause}")]
    Step {
        /// At which step.
        step: u64,
        /// Doing what.
        what: String,
        /// Why.
        cause: ServiceError,
    },
    /// A service failed outside a step.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<store::StoreError> for SimulationError {
    fn from(error: store::StoreError) -> SimulationError {
        SimulationError::Service(error.into())
    }
}

/// Everything that is drawn comes from here.
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    fn new(seed: u64) -> Draw {
        Draw(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From 0 up to, not including, `n`; 0 when there is nothing to draw from.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.0.random_range(0..n) }
    }

    /// An id as a client mints it: its moment, then chance.
    pub fn id(&mut self, now: Instant) -> Id {
        let mut bytes: [u8; 16] = self.0.random();
        let millis = now.timestamp_millis().unsigned_abs().to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        Id::from_bytes(bytes)
    }
}

/// What facts say, record by record, without the moment at which they were written down: whom it is about,
/// its id, its content.
pub(crate) fn change_facts(facts: &Facts) -> Vec<(Id, Id, Value)> {
    let mut all = Vec::new();
    for r in &facts.identities {
        all.push((r.person, r.id, json!([r.name, r.sex, r.birth])));
    }
    for r in &facts.residences {
        all.push((r.household, r.id, json!([r.area, r.valid])));
    }
    for r in &facts.memberships {
        let what = json!([r.household, r.relation, r.member, r.valid]);
        all.push((r.person, r.id, what));
    }
    for r in &facts.evidence {
        all.push((
            r.subject,
            r.id,
            json!([r.kind, r.value, r.valid, r.withdraws]),
        ));
    }
    for r in &facts.payees {
        all.push((r.subject, r.id, json!([r.holder, r.bank, r.valid])));
    }
    for r in &facts.awards {
        // Records of one award share its id; each is a record.
        let id = Id::derive(&[
            &r.id.to_string(),
            &format!("{} {:?} {}", r.from, r.to, r.reason),
        ]);
        all.push((r.subject.id, id, json!([r.programme, r.from, r.to])));
    }
    all
}
