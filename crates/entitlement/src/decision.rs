//! Human decisions that stand beside the rules: a pause, a confirmed exception, a hold until the
//! recipient was heard. They are evidence of a reserved kind about the subject, with a valid period,
//! a recorded moment and an author; a decision is taken back by withdrawing it. So they travel with
//! the household's history, and no run undoes them.

use crate::determination::SubjectKey;
use base::{Fen, Id, Instant, Month, Period};
use registry::record::{Evidence, Provenance};
use serde::{Deserialize, Serialize};

/// The reserved kind. No law can declare it: names in a law file do not start with `@`.
pub const KIND: &str = "@decision";

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Ruling {
    /// Nothing is owed while it holds.
    Pause,
    /// This much is owed for each period while it holds, whatever the rules say: an exception that
    /// somebody with authority confirmed.
    Confirm {
        /// In fen.
        amount: Fen,
    },
    /// What is owed does not fall below this while it holds: the recipient has not been heard yet.
    Hold {
        /// In fen.
        floor: Fen,
    },
}

/// A decision about one programme of one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Programme id.
    pub programme: String,
    /// What.
    #[serde(flatten)]
    pub ruling: Ruling,
    /// The case in which it was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Id>,
    /// Why, in the decider's words.
    #[serde(default)]
    pub reason: String,
}

impl Decision {
    /// As a piece of evidence for the months `from` up to, not including, `to`.
    pub fn evidence(
        &self,
        id: Id,
        subject: &SubjectKey,
        from: Month,
        to: Option<Month>,
        by: &str,
        now: Instant,
    ) -> Evidence {
        Evidence {
            id,
            shard: subject.shard.clone(),
            subject: subject.id,
            kind: KIND.into(),
            value: serde_json::to_value(self).unwrap_or_default(),
            valid: Period {
                from: from.first(),
                to: to.filter(|to| *to > from).map(Month::first),
            },
            withdraws: Vec::new(),
            provenance: Provenance {
                recorded_at: now,
                recorded_by: by.into(),
                source: self
                    .case
                    .map_or_else(String::new, |case| format!("case:{case}")),
            },
        }
    }

    /// Reads a piece back; `None` when it is no decision.
    pub fn read(evidence: &Evidence) -> Option<Decision> {
        (evidence.kind == KIND)
            .then(|| serde_json::from_value(evidence.value.clone()).ok())
            .flatten()
    }
}

/// A withdrawal of earlier decisions (after a hearing, on appeal) as a piece of evidence. Its own
/// value is null and asserts nothing.
pub fn withdrawal(
    id: Id,
    subject: &SubjectKey,
    withdraws: Vec<Id>,
    valid: Period,
    by: &str,
    reason: &str,
    now: Instant,
) -> Evidence {
    Evidence {
        id,
        shard: subject.shard.clone(),
        subject: subject.id,
        kind: KIND.into(),
        value: serde_json::Value::Null,
        valid,
        withdraws,
        provenance: Provenance {
            recorded_at: now,
            recorded_by: by.into(),
            source: reason.into(),
        },
    }
}

/// The decisions about a subject and programme that hold in a month as known at a moment, in the
/// order in which they were recorded, with the ids of their evidence.
pub fn in_force<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence>,
    subject: Id,
    programme: &str,
    month: Month,
    known: Instant,
) -> Vec<(Id, Decision)> {
    let pieces: Vec<&Evidence> = evidence
        .into_iter()
        .filter(|e| e.kind == KIND && e.subject == subject)
        .collect();
    registry::timeline::all_in_force(pieces.iter().copied(), month.first(), known)
        .into_iter()
        .filter_map(|e| Some((e.id, Decision::read(e)?)))
        .filter(|(_, decision)| decision.programme == programme)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::programme::Subject;

    #[test]
    fn a_decision_reads_back_and_can_be_taken_back() {
        let subject = SubjectKey {
            shard: "X".into(),
            kind: Subject::Household,
            id: Id::derive(&["h"]),
        };
        let at = |text: &str| base::parse_instant(text).expect("a moment");
        let month = |text: &str| text.parse::<Month>().expect("a month");
        let decision = Decision {
            programme: "p".into(),
            ruling: Ruling::Confirm { amount: Fen(700) },
            case: None,
            reason: "…".into(),
        };
        let id = Id::derive(&["d"]);
        let made = decision.evidence(
            id,
            &subject,
            month("2026-03"),
            None,
            "ann",
            at("2026-03-05"),
        );
        let back = withdrawal(
            Id::derive(&["w"]),
            &subject,
            vec![id],
            made.valid,
            "bob",
            "appeal",
            at("2026-05-01"),
        );
        let all = [made, back];
        let holds =
            |m: &str, known: &str| in_force(&all, subject.id, "p", month(m), at(known)).len();
        assert_eq!(holds("2026-02", "2026-04-01"), 0);
        assert_eq!(holds("2026-03", "2026-04-01"), 1);
        assert_eq!(holds("2026-03", "2026-05-02"), 0);
        assert_eq!(
            in_force(&all, subject.id, "p", month("2026-04"), at("2026-04-01")),
            vec![(id, decision)]
        );
    }
}
