//! Files between checking and recording. They wait in this process for a while, for whoever sent them;
//! one that is gone by then is sent again.

use crate::service::intake::Intake;
use base::{Id, Instant};
use chrono::TimeDelta;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a file waits.
const WAITS: TimeDelta = TimeDelta::hours(1);
/// Bytes of all that wait; the oldest go first.
const ROOM: usize = 256 << 20;

/// A file that was checked.
#[derive(Debug)]
pub struct Upload {
    /// Minted when it came.
    pub id: Id,
    /// Account that sent it.
    pub owner: String,
    /// When.
    pub at: Instant,
    /// Its name.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// What checking it found.
    pub checked: Intake,
    /// What recording it did, once it was recorded.
    pub recorded: Option<Intake>,
}

/// All that wait.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<VecDeque<Arc<Upload>>>);

impl Uploads {
    /// Keeps a file; in place of its earlier state when it has one.
    pub fn keep(&self, upload: Upload) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = upload.at;
        all.retain(|held| held.id != upload.id && now - held.at < WAITS);
        all.push_back(Arc::new(upload));
        while all.len() > 1 && all.iter().map(|u| u.bytes.len()).sum::<usize>() > ROOM {
            all.pop_front();
        }
    }

    /// A file that this account sent.
    pub fn find(&self, owner: &str, id: Id, now: Instant) -> Option<Arc<Upload>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .find(|u| u.id == id && u.owner == owner && now - u.at < WAITS)
            .cloned()
    }
}
