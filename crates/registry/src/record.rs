//! The records of the register. All are immutable once recorded; a correction is a new record.

use base::{Day, Id, Instant, Period};
use serde::{Deserialize, Serialize};

/// The district that opened a record; first part of every key. It never changes, also when a
/// household moves away.
pub type Shard = String;

/// An administrative division, nested: province, city, district, street, community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Code, such as GB/T 2260 and its extensions; unique.
    pub code: String,
    /// Chinese name.
    pub name: String,
    /// English name.
    pub name_en: String,
    /// Code of the division it lies in.
    pub parent: Option<String>,
}

/// Sex as registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sex {
    /// 男
    Male,
    /// 女
    Female,
}

/// Where a fact comes from and who wrote it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// When we learned it.
    pub recorded_at: Instant,
    /// Who recorded it: a user's name or a feed's.
    pub recorded_by: String,
    /// The paper, feed or statement behind it.
    pub source: String,
}

/// Who a person is, as known from one moment on. The newest recorded one holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Identity of this record.
    pub id: Id,
    /// Whom it describes.
    pub person: Id,
    /// Name.
    pub name: String,
    /// Sex.
    pub sex: Sex,
    /// Date of birth.
    pub birth: Day,
    /// Identity number in clear; only in memory. The store keeps it encrypted with a keyed hash
    /// beside it for look-ups.
    pub number: Option<String>,
    /// Origin.
    pub provenance: Provenance,
}

/// A person of the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Identity.
    pub id: Id,
    /// Home shard.
    pub shard: Shard,
    /// When the record was opened.
    pub opened_at: Instant,
}

/// A household of the register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Household {
    /// Identity.
    pub id: Id,
    /// Home shard.
    pub shard: Shard,
    /// When the record was opened.
    pub opened_at: Instant,
}

/// Where a household lives, for a period. The newest recorded piece that covers a day holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Residence {
    /// Identity of this record.
    pub id: Id,
    /// The household.
    pub household: Id,
    /// Area code, down to the community.
    pub area: String,
    /// Street, building, door.
    pub address: String,
    /// When it was so.
    pub valid: Period,
    /// Origin.
    pub provenance: Provenance,
}

/// A person's place in a household for a period. The newest recorded piece that covers a day holds;
/// one with `member` false says that the person was not a member then (moved out, recorded wrongly).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Identity of this record.
    pub id: Id,
    /// The household.
    pub household: Id,
    /// The person.
    pub person: Id,
    /// To the head of the household: 户主, 配偶, 子女, 父母, 其他.
    pub relation: String,
    /// Member, or expressly not.
    pub member: bool,
    /// When it was so.
    pub valid: Period,
    /// Origin.
    pub provenance: Provenance,
}

/// One assertion about a person or a household: kind and value as the law declares them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Identity; minted by the client, so that sending twice records once.
    pub id: Id,
    /// Home shard of the subject.
    pub shard: Shard,
    /// Person or household.
    pub subject: Id,
    /// Kind, as the law names it.
    pub kind: String,
    /// Value as JSON; null says expressly that there is none.
    pub value: serde_json::Value,
    /// When it was so.
    pub valid: Period,
    /// Earlier pieces that this one withdraws: they count as never asserted from `recorded_at` on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdraws: Vec<Id>,
    /// Origin.
    pub provenance: Provenance,
}

/// The bank account that a household's or person's money goes to, for a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayeeAccount {
    /// Identity of this record.
    pub id: Id,
    /// Household or person.
    pub subject: Id,
    /// Name of the account's holder.
    pub holder: String,
    /// Account number, in clear only in memory.
    pub number: String,
    /// Bank's code.
    pub bank: String,
    /// When it is so.
    pub valid: Period,
    /// Origin.
    pub provenance: Provenance,
}
