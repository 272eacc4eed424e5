//! A household as it was on one day, as known at one moment: what determinations are made from.

use crate::record::{Evidence, Identity, Membership, PayeeAccount, Residence, Sex};
use base::{Day, Id, Instant};
use serde::{Deserialize, Serialize};

/// Everything ever recorded about one household and its members, past and present: the input of
/// redeterminations, pages and replays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HouseholdHistory {
    /// The household; `None` only in an empty default.
    pub household: Option<Id>,
    /// Home shard.
    pub shard: String,
    /// When its record was opened.
    pub opened_at: Option<Instant>,
    /// Where it lived.
    pub residences: Vec<Residence>,
    /// Who belonged to it, including pieces that put a member elsewhere.
    pub memberships: Vec<Membership>,
    /// Who its members are.
    pub identities: Vec<Identity>,
    /// About the household and about every person who was ever a member.
    pub evidence: Vec<Evidence>,
    /// Where its money goes.
    pub payees: Vec<PayeeAccount>,
}

/// One piece of evidence in force in a slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Index of the kind in the list that the reader was asked for (the law's slot).
    pub kind: u16,
    /// The piece it comes from.
    pub evidence: Id,
    /// Value as JSON text.
    pub value: Box<str>,
}

/// A member on the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberSlice {
    /// The person.
    pub person: Id,
    /// To the head of the household.
    pub relation: Box<str>,
    /// Sex.
    pub sex: Sex,
    /// Date of birth.
    pub birth: Day,
    /// Evidence in force; for kinds with many pieces, several with one `kind`, oldest first;
    /// otherwise only the piece that holds. Indices into the persons' kinds.
    pub facts: Vec<Fact>,
}

/// A household on the day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HouseholdSlice {
    /// The household.
    pub household: Id,
    /// Home shard.
    pub shard: Box<str>,
    /// Area code where it lives on the day.
    pub area: Box<str>,
    /// Evidence about the household; indices into the households' kinds.
    pub facts: Vec<Fact>,
    /// Members on the day, the head first, then by person id.
    pub members: Vec<MemberSlice>,
}

/// Which kinds a slice carries, by the law's slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindList {
    /// Kinds about persons: name, and whether many pieces count side by side.
    pub person: Vec<(String, bool)>,
    /// Kinds about households.
    pub household: Vec<(String, bool)>,
}
