//! Who is signed in, and what their role may do.

use super::source::{Source, Trouble};
use super::view::Named;
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
    /// The areas that bound everything they see; at least one.
    pub areas: Vec<Named>,
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
    /// All their areas; at least one.
    pub areas: Vec<Named>,
    /// Code of the one of them that they look at now.
    pub area: String,
    /// Its name.
    pub area_name: Bilingual,
}

impl Viewer {
    /// The viewer that an account becomes, looking at `area` when it is one of theirs, else at their first.
    pub fn of(account: Account, area: Option<&str>) -> Viewer {
        let chosen = account.areas.iter().find(|a| Some(a.id.as_str()) == area);
        let chosen = chosen.or(account.areas.first()).cloned();
        let (area, area_name) = chosen.map(|a| (a.id, a.name)).unwrap_or_default();
        Viewer {
            name: account.name,
            display: account.display,
            role: account.role,
            areas: account.areas,
            area,
            area_name,
        }
    }

    /// Is this one of their areas, or within one?
    pub fn sees(&self, area: &str) -> bool {
        self.areas.iter().any(|own| area.starts_with(&own.id))
    }

    /// Codes of all their areas.
    pub fn codes(&self) -> Vec<String> {
        self.areas.iter().map(|a| a.id.clone()).collect()
    }

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
            Right::Identify => &[Approver],
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
    /// Say that two records are one person, or one is two.
    Identify,
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

/// How long a session lasts: a day's work. Whoever comes in the next morning signs in.
const LASTS: TimeDelta = TimeDelta::hours(12);
/// How long a message waits for its page.
const MESSAGE_WAITS: TimeDelta = TimeDelta::minutes(30);
/// Wrong passwords before a name has to wait.
const TRIES: u32 = 5;
/// How long it waits.
const WAIT: TimeDelta = TimeDelta::seconds(60);

/// Sessions as a request needs them. The sessions themselves are with the records, as digests of their
/// tokens, so that a restart signs nobody out and another process knows them too; here are the messages
/// for the next page and the wrong passwords of the last minute, which may be lost.
#[derive(Default)]
pub struct Sessions {
    flashes: Mutex<HashMap<[u8; 32], (Vec<Flash>, Instant)>>,
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

/// Opens a session and gives its token for the cookie.
///
/// # Errors
/// When it cannot be kept.
pub async fn open(source: &dyn Source, account: &str, now: Instant) -> Result<String, Trouble> {
    let token = random_token();
    source
        .open_session(account, digest(&token), now, now + LASTS)
        .await?;
    Ok(token)
}

/// The session of a token, when it still lasts; `area` is the one of their areas that they chose.
///
/// # Errors
/// When sessions cannot be read.
pub async fn find(
    source: &dyn Source,
    token: &str,
    area: Option<&str>,
    now: Instant,
) -> Result<Option<Current>, Trouble> {
    let account = source.session(digest(token), now).await?;
    Ok(account.map(|account| Current {
        viewer: Viewer::of(account, area),
        // Follows from the token, which only the browser knows, so that a form outlives a restart too.
        csrf: hex(&digest(&format!("form {token}"))),
    }))
}

/// Ends a session.
///
/// # Errors
/// When that cannot be recorded.
pub async fn close(source: &dyn Source, token: &str, now: Instant) -> Result<(), Trouble> {
    source.close_session(digest(token), now).await
}

impl Sessions {
    /// Leaves a message for the next page.
    pub fn leave(&self, token: &str, flash: Flash) {
        let now = chrono::Utc::now();
        let mut flashes = lock(&self.flashes);
        flashes.retain(|_, (_, at)| now - *at < MESSAGE_WAITS);
        let entry = flashes
            .entry(digest(token))
            .or_insert_with(|| (Vec::new(), now));
        entry.0.push(flash);
    }

    /// Takes the messages.
    pub fn take(&self, token: &str) -> Vec<Flash> {
        let taken = lock(&self.flashes).remove(&digest(token));
        taken.map(|(flashes, _)| flashes).unwrap_or_default()
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
    hex(&rand::random::<[u8; 32]>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Are two tokens equal? Compares digests, so that the time tells nothing.
pub fn tokens_equal(a: &str, b: &str) -> bool {
    !a.is_empty() && digest(a) == digest(b)
}
