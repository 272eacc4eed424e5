//! Who is who: what is recorded about a person, and the form that corrects it.

use super::Named;
use super::household::PersonRef;
use base::{Day, Id};
use serde::Serialize;

/// The page about a person's record.
#[derive(Clone, Debug, Serialize)]
pub struct IdentityPage {
    /// Household from which it was opened.
    pub household: Id,
    /// Its head's name.
    pub head: String,
    /// The record.
    pub person: PersonRef,
    /// Date of birth.
    pub birth: Day,
    /// Identity number, masked.
    pub number: String,
    /// The record that it was given up for.
    pub goes_on_as: Option<Id>,
    /// Records that were given up for it.
    pub includes: Vec<Id>,
    /// Standing pieces of evidence about it, in the order of recording.
    pub pieces: Vec<PieceRow>,
    /// Where it belongs or belonged.
    pub places: Vec<PlaceRow>,
}

/// A piece of evidence that may be the other's.
#[derive(Clone, Debug, Serialize)]
pub struct PieceRow {
    /// Piece.
    pub id: Id,
    /// Kind.
    pub kind: Named,
    /// As text.
    pub value: String,
    /// First day it was so.
    pub valid_from: Day,
    /// Last day it was so; absent: still.
    pub valid_to: Option<Day>,
    /// The paper or feed behind it.
    pub source: String,
}

/// A membership that may be the other's.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceRow {
    /// Piece.
    pub id: Id,
    /// Household.
    pub household: Id,
    /// To its head.
    pub relation: String,
    /// First day.
    pub valid_from: Day,
    /// Last day; absent: still.
    pub valid_to: Option<Day>,
}

/// A correction of who is who, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityForm {
    /// Minted by the client, so that sending twice records once.
    pub id: String,
    /// `merge` or `split`.
    pub act: String,
    /// For a merge: the record that the person goes on as, by id or identity number.
    pub other: String,
    /// For a split: the other's name.
    pub name: String,
    /// `male` or `female`.
    pub sex: String,
    /// Date of birth.
    pub birth: String,
    /// Identity number, when known.
    pub number: String,
    /// Pieces of evidence that are the other's.
    pub pieces: Vec<String>,
    /// Memberships that are the other's.
    pub places: Vec<String>,
    /// Where it is known from, and why.
    pub reason: String,
}
