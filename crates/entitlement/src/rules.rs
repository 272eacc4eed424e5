//! What determining needs of a law: the narrow opening through which this room sees it.

use crate::{Evaluation, Programme};
use base::{Day, Instant, Month};
use registry::slice::{HouseholdSlice, KindList};
use serde_json::{Map, Value};

/// Values that one period hands to the next: rule name → value.
pub type Carry = Map<String, Value>;

/// The rules could not be run for one subject: a limit of the engine was passed, or a value does not
/// fit its declared type. Never a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{programme} could not be determined for household {household}: {message}")]
pub struct Fault {
    /// Programme id.
    pub programme: String,
    /// Household whose facts were read.
    pub household: String,
    /// What the engine says.
    pub message: String,
}

/// One question to the law: what follows for this subject on this day, as known at this moment?
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The programme in force on `day`.
    pub programme: &'a Programme,
    /// The period's month (the event's month, for events).
    pub month: Month,
    /// The reference day.
    pub day: Day,
    /// Parameters decided later than this are not seen.
    pub known: Instant,
    /// The household on `day`.
    pub household: &'a HouseholdSlice,
    /// Index of the member it is about; `None` for the household.
    pub member: Option<usize>,
    /// The event's value as JSON text, for event programmes.
    pub event: Option<&'a str>,
    /// What the period before handed over; `None` at the first.
    pub carry: Option<&'a Carry>,
    /// Is every intermediate value wanted?
    pub trace: bool,
}

/// The law, as this room needs it: policy's law behind it, or a small one of a test's own.
pub trait Rules {
    /// Digest of the whole law, kept with each determination.
    fn digest(&self) -> &str;

    /// The kinds of evidence, in the order of their slots.
    fn kinds(&self) -> &KindList;

    /// The programme with this id that is in force in `area` on `day`.
    fn programme(&self, id: &str, area: &str, day: Day) -> Option<&Programme>;

    /// Slot, among the persons' kinds, of the date of death.
    fn death_kind(&self) -> Option<u16>;

    /// May some version of the programme read evidence of this kind, about whomever? A change of what no
    /// version reads can't change a determination, and is not looked at. True when in doubt.
    fn reads(&self, programme: &str, kind: &str) -> bool {
        let _ = (programme, kind);
        true
    }

    /// Answers one question.
    fn evaluate(&self, ask: &Ask<'_>) -> Result<Evaluation, Fault>;
}

/// The reference day of `month`, and the programme in force on it.
pub fn programme_of_month<'r, R: Rules + ?Sized>(
    rules: &'r R,
    id: &str,
    area: &str,
    month: Month,
) -> Option<(Day, &'r Programme)> {
    let last_day = |p: &Programme| p.reference == policy::programme::Reference::Last;
    let first = rules.programme(id, area, month.first());
    match first {
        Some(p) if !last_day(p) => Some((month.first(), p)),
        // Also a scheme that starts within the month, when it looks at the month's last day.
        _ => rules
            .programme(id, area, month.last())
            .filter(|p| last_day(p))
            .map(|p| (month.last(), p)),
    }
}
