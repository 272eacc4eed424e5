//! Who is signed in, and what their role may do.

use super::words::Lang;
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use base::Instant;
use chrono::TimeDelta;
use policy::programme::{Bilingual, Role};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name that they sign in with.
    pub name: String,
    /// What the pages call them.
    pub display: Bilingual,
    /// Role.
    pub role: Role,
    /// Area code that bounds everything they see.
    pub area: String,
    /// The area's name.
    pub area_name: Bilingual,
    /// Argon2 in PHC form; empty: no sign-in by password.
    pub password: String,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Viewer {
    /// Account name, as records write it.
    pub name: String,
    /// What the pages call them.
    pub display: Bilingual,
    /// Role.
    pub role: Role,
    /// Area code.
    pub area: String,
    /// Its name.
    pub area_name: Bilingual,
}

impl Viewer {
    /// The role as files write it.
    pub fn role_name(&self) -> &'static str {
        role_name(self.role)
    }

    /// May this role do that? The only place that says so; areas are bound by the store's filters.
    pub fn may(&self, right: Right) -> bool {
        use Role::{Analyst, Approver, Auditor, Caseworker, Community, Finance};
        let roles: &[Role] = match right {
            Right::District => &[Community, Caseworker, Approver, Finance, Auditor, Analyst],
            // An analyst works with counts; no person's file is needed for that.
            Right::Households => &[Community, Caseworker, Approver, Finance, Auditor],
            Right::Report | Right::Apply => &[Community, Caseworker],
            Right::Tasks => &[Community, Caseworker, Approver, Finance, Auditor],
            Right::Act => &[Community, Caseworker, Approver, Finance],
            Right::Payments => &[Finance, Approver, Auditor],
            Right::Instruct => &[Finance],
            Right::Audit => &[Auditor, Approver],
            Right::Journal => &[Auditor],
        };
        roles.contains(&self.role)
    }
}

/// What a page or an act needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Counts of the area.
    District,
    /// Files of households.
    Households,
    /// Report a change.
    Report,
    /// Take an application.
    Apply,
    /// See the work.
    Tasks,
    /// Act in a case; which step is whose says the law.
    Act,
    /// See batches.
    Payments,
    /// Make instructions, read answers.
    Instruct,
    /// Replay.
    Audit,
    /// The journal and the checks.
    Journal,
}

/// A role as files write it.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Community => "community",
        Role::Caseworker => "caseworker",
        Role::Approver => "approver",
        Role::Finance => "finance",
        Role::Auditor => "auditor",
        Role::Analyst => "analyst",
    }
}

/// A password as it is kept. Errors only when the system gives no randomness.
pub fn hash_password(password: &str) -> Result<String, String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| format!("the password can't be hashed: {error}"))
}

/// Is it the password? A malformed hash is no match. Takes tens of milliseconds on purpose: call it
/// off the async threads.
pub fn password_matches(password: &str, kept: &str) -> bool {
    PasswordHash::new(kept).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// A message that the next page shows once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    /// Good news, or not.
    pub good: bool,
    /// In both languages, so that a switch in between does not matter.
    pub text: Bilingual,
}

impl Flash {
    /// Good news by the key of a word.
    pub fn good(key: &str) -> Flash {
        Flash {
            good: true,
            text: both(key),
        }
    }

    /// Bad news by the key of a word.
    pub fn bad(key: &str) -> Flash {
        Flash {
            good: false,
            text: both(key),
        }
    }

    /// Good or bad news in given words.
    pub fn said(good: bool, text: Bilingual) -> Flash {
        Flash { good, text }
    }
}

/// A word in both languages.
pub fn both(key: &str) -> Bilingual {
    Bilingual {
        zh: Lang::Zh.t(key),
        en: Lang::En.t(key),
    }
}

/// How long a session lasts without a request.
const IDLE: TimeDelta = TimeDelta::hours(8);
/// Wrong passwords before a name has to wait.
const TRIES: u32 = 5;
/// How long it waits.
const WAIT: TimeDelta = TimeDelta::seconds(60);

struct Open {
    viewer: Viewer,
    csrf: String,
    flashes: Vec<Flash>,
    last: Instant,
}

/// Open sessions. Only digests of the tokens are kept, so that a dump of the memory or a later
/// store gives nobody a session.
#[derive(Default)]
pub struct Sessions {
    open: Mutex<HashMap<[u8; 32], Open>>,
    failures: Mutex<HashMap<String, (u32, Instant)>>,
}

/// What a request's session holds.
#[derive(Clone, Debug)]
pub struct Current {
    /// Who.
    pub viewer: Viewer,
    /// Token that every form carries.
    pub csrf: String,
}

impl Sessions {
    /// Opens a session and gives its token for the cookie.
    pub fn open(&self, viewer: Viewer, now: Instant) -> String {
        let token = random_token();
        let mut open = lock(&self.open);
        open.retain(|_, session| now - session.last < IDLE);
        open.insert(
            digest(&token),
            Open {
                viewer,
                csrf: random_token(),
                flashes: Vec::new(),
                last: now,
            },
        );
        token
    }

    /// The session of a token, when it still lasts.
    pub fn find(&self, token: &str, now: Instant) -> Option<Current> {
        let mut open = lock(&self.open);
        let session = open
            .get_mut(&digest(token))
            .filter(|s| now - s.last < IDLE)?;
        session.last = now;
        Some(Current {
            viewer: session.viewer.clone(),
            csrf: session.csrf.clone(),
        })
    }

    /// Ends a session.
    pub fn close(&self, token: &str) {
        lock(&self.open).remove(&digest(token));
    }

    /// Leaves a message for the next page.
    pub fn leave(&self, token: &str, flash: Flash) {
        if let Some(session) = lock(&self.open).get_mut(&digest(token)) {
            session.flashes.push(flash);
        }
    }

    /// Takes the messages.
    pub fn take(&self, token: &str) -> Vec<Flash> {
        lock(&self.open)
            .get_mut(&digest(token))
            .map(|session| std::mem::take(&mut session.flashes))
            .unwrap_or_default()
    }

    /// Must this name wait before it tries again?
    pub fn must_wait(&self, name: &str, now: Instant) -> bool {
        lock(&self.failures)
            .get(name)
            .is_some_and(|(count, last)| *count >= TRIES && now - *last < WAIT)
    }

    /// Counts a wrong password, or forgets the count after a right one.
    pub fn tried(&self, name: &str, right: bool, now: Instant) {
        let mut failures = lock(&self.failures);
        failures.retain(|_, (_, last)| now - *last < WAIT);
        if right {
            failures.remove(name);
        } else {
            let entry = failures.entry(name.to_string()).or_insert((0, now));
            *entry = (entry.0 + 1, now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves the maps consistent: each holder does one insertion or removal.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// 256 random bits as hexadecimal digits.
pub fn random_token() -> String {
    let bytes: [u8; 32] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Are two tokens equal? Compares digests, so that the time tells nothing.
pub fn tokens_equal(a: &str, b: &str) -> bool {
    !a.is_empty() && digest(a) == digest(b)
}
