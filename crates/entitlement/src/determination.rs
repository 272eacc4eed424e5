//! The records: determinations with versions, awards, entitlements with their changes.

use base::{Fen, Id, Instant, Month};
use policy::outcome::{Outcome, Reason};
use policy::programme::Subject;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Whom something is owed: a household or a person, with the shard first in every key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SubjectKey {
    /// Home shard.
    pub shard: String,
    /// Household or person.
    pub kind: Subject,
    /// Its id.
    pub id: Id,
}

/// What a determination is for: a month, an event, or once. Text form `2026-03`, `event:<id>`, `once`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeriodKey {
    /// A calendar month (terms are counted by their first month).
    Month(Month),
    /// One event, by the id of its evidence.
    Event(Id),
    /// Once in a lifetime.
    Once,
}

impl fmt::Display for PeriodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeriodKey::Month(month) => month.fmt(f),
            PeriodKey::Event(id) => write!(f, "event:{id}"),
            PeriodKey::Once => f.write_str("once"),
        }
    }
}

impl FromStr for PeriodKey {
    type Err = String;
    fn from_str(text: &str) -> Result<PeriodKey, String> {
        let error = || format!("`{text}` is not a period; write 2026-03, event:ID or once");
        match text {
            "once" => Ok(PeriodKey::Once),
            _ => match text.strip_prefix("event:") {
                Some(id) => id.parse().map(PeriodKey::Event).map_err(|_| error()),
                None => text.parse().map(PeriodKey::Month).map_err(|_| error()),
            },
        }
    }
}

impl Serialize for PeriodKey {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeriodKey {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<PeriodKey, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The result of the rules for one subject, programme and period, as known at one moment. Never
/// edited: new knowledge makes a new version. A version is kept only when it differs from the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Determination {
    /// Derived from subject, programme, period and version.
    pub id: Id,
    /// Whom it is about.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// For what.
    pub period: PeriodKey,
    /// 1, 2, …
    pub version: u32,
    /// Evidence recorded up to here was seen.
    pub known_at: Instant,
    /// When it was made.
    pub made_at: Instant,
    /// Digest of the law it was made under.
    pub law: String,
    /// The outcome.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Its grounds.
    pub reasons: Vec<Reason>,
    /// Parts of the amount.
    pub lines: Vec<(String, serde_json::Value)>,
    /// Values handed to the next period.
    pub carry: serde_json::Map<String, serde_json::Value>,
}

/// A human decision that a programme is granted from a month on, or ended. Only while an award
/// runs does a determination of a programme with `application: required` yield an entitlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Award {
    /// Identity.
    pub id: Id,
    /// To whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// First month owed.
    pub from: Month,
    /// First month no longer owed; open while it runs. A later record with the same `id` and a
    /// later `recorded_at` replaces this one.
    pub to: Option<Month>,
    /// Decided in this case.
    pub case: Option<Id>,
    /// Who decided.
    pub decided_by: String,
    /// Why (for an end, a pause or an exception).
    pub reason: String,
    /// When it was recorded.
    pub recorded_at: Instant,
}

/// One change of what is owed to a subject for a programme and period. The entitlement is the sum of
/// its changes; the first one creates it, later ones are arrears (positive) or overpayment (negative).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitlementChange {
    /// Derived from subject, programme, period and sequence: writing twice records once.
    pub id: Id,
    /// To whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// For what.
    pub period: PeriodKey,
    /// 1, 2, …
    pub sequence: u32,
    /// The determination that it rests on.
    pub determination: Id,
    /// Owed in all after this change; never negative.
    pub owed: Fen,
    /// `owed` less what was owed before.
    pub change: Fen,
    /// Why: `first`, `late-fact`, `law`, `award`, `correction`.
    pub cause: String,
    /// When it was recorded.
    pub recorded_at: Instant,
}
