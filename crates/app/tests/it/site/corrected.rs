//! The sample's page for correcting who is who.

use super::sample::{id, named};
use app::web::view::change::ChangeForm;
use app::web::view::household::PersonRef;
use app::web::view::identity::{IdentityPage, PieceRow, PlaceRow};
use base::{Day, Id};
use std::sync::LazyLock;

/// Any change: the sample's preview looks no further.
pub static CHANGE: LazyLock<ChangeForm> = LazyLock::new(|| ChangeForm {
    value: "500".into(),
    ..ChangeForm::default()
});

/// One piece of evidence, one place.
pub fn page(household: Id, person: Id, today: Day) -> IdentityPage {
    IdentityPage {
        household,
        head: "赵一".into(),
        person: PersonRef {
            id: person,
            name: "赵一".into(),
        },
        birth: today,
        number: String::new(),
        goes_on_as: None,
        includes: vec![id(12)],
        pieces: vec![PieceRow {
            id: id(91),
            kind: named("总收入", "总收入", "income"),
            value: "500".into(),
            valid_from: today,
            valid_to: None,
            source: "<b>slip</b>".into(),
        }],
        places: vec![PlaceRow {
            id: id(92),
            household,
            relation: "户主".into(),
            valid_from: today,
            valid_to: None,
        }],
    }
}
