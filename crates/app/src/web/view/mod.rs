//! What pages show and the API answers: plain records, no logic. One set for both, so that a page
//! and the API never tell different stories.

pub mod audit;
pub mod case;
pub mod change;
pub mod district;
pub mod household;
pub mod identity;
pub mod law;
pub mod payment;
pub mod why;

use base::{Fen, Id};
use policy::programme::Bilingual;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Chinese and English of one text, as the API documents it.
#[derive(ToSchema)]
#[schema(as = Text)]
#[allow(dead_code)]
pub struct TextSchema {
    /// Chinese.
    zh: String,
    /// English.
    en: String,
}

/// A thing with a code and a name: a programme, an area, a kind of evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named {
    /// Stable code.
    pub id: String,
    /// Its name in the law or the register.
    #[schema(value_type = TextSchema)]
    pub name: Bilingual,
}

/// A link between rows: one page of a list, and where the next one begins.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Paged<T> {
    /// Rows of this page.
    pub rows: Vec<T>,
    /// Pass as `after` to get the next page; absent at the end.
    pub next: Option<String>,
    /// Rows in all, when that is cheap to know; counted within the caller's area only.
    pub total: Option<u64>,
}

impl<T> Paged<T> {
    /// No rows.
    pub fn empty() -> Paged<T> {
        Paged {
            rows: Vec::new(),
            next: None,
            total: Some(0),
        }
    }
}

/// How a determination came out, for rows and badges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutcomeView {
    /// `entitled`, `refused`, `undetermined`, `not-applicable`, or `none` when nothing was determined.
    pub name: String,
    /// Money for the period in fen; absent when the result is not money.
    #[schema(value_type = Option<i64>)]
    pub amount: Option<Fen>,
    /// The value when the result is not money, as text.
    pub result: Option<String>,
}

/// A household in a list. Names and numbers are masked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HouseholdRow {
    /// Household.
    #[schema(value_type = String)]
    pub id: Id,
    /// Head's name, masked.
    pub head: String,
    /// Head's identity number, masked; empty when none is recorded.
    pub number: String,
    /// Members today.
    pub members: u32,
    /// Where it lives.
    pub area: Named,
    /// Street and door, for those who visit.
    pub address: String,
    /// Latest outcomes by programme, for the month asked for.
    pub outcomes: Vec<(Named, OutcomeView)>,
    /// Whatever the list is about: what is missing, a difference, a date.
    pub note: String,
}
