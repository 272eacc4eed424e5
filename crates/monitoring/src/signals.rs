//! Departures that somebody must look at. A signal is a reason to look, never a decision.

use base::{Day, Fen, Id, Month};
use entitlement::Outcome;
use entitlement::determination::SubjectKey;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is odd.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "signal", rename_all = "kebab-case")]
pub enum Kind {
    /// Entitled by the rules, and there is no award.
    OwedNotCovered,
    /// An award runs, and the rules refuse.
    CoveredNotOwed,
    /// An award runs, and something is missing to say whether it may.
    CoveredUndetermined,
    /// The review is past its day.
    ReviewOverdue {
        /// The day.
        due: Day,
    },
    /// Several subjects are paid to one account.
    SharedAccount {
        /// How many.
        subjects: u32,
    },
    /// Payments came back again and again.
    Returned {
        /// How often.
        times: u32,
    },
}

/// A subject to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Signal {
    /// Derived from the other fields: seen twice, it is one signal.
    pub id: Id,
    /// At whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// Area code.
    pub area: String,
    /// Why.
    #[serde(flatten)]
    pub kind: Kind,
}

impl Signal {
    /// A signal for a month; its id does not depend on figures that change from day to day.
    pub fn new(
        subject: SubjectKey,
        programme: &str,
        area: &str,
        month: Month,
        kind: Kind,
    ) -> Signal {
        let word = match kind {
            Kind::OwedNotCovered => "owed-not-covered",
            Kind::CoveredNotOwed => "covered-not-owed",
            Kind::CoveredUndetermined => "covered-undetermined",
            Kind::ReviewOverdue { .. } => "review-overdue",
            Kind::SharedAccount { .. } => "shared-account",
            Kind::Returned { .. } => "returned",
        };
        Signal {
            id: Id::derive(&[
                "signal",
                word,
                &subject.id.to_string(),
                programme,
                &month.to_string(),
            ]),
            subject,
            programme: programme.into(),
            area: area.into(),
            kind,
        }
    }
}

/// The two-sided error of one subject's month, where an application is needed.
pub fn two_sided(outcome: &Outcome, awarded: bool) -> Option<Kind> {
    match (outcome, awarded) {
        (Outcome::Entitled { .. }, false) => Some(Kind::OwedNotCovered),
        (Outcome::Refused { .. } | Outcome::NotApplicable, true) => Some(Kind::CoveredNotOwed),
        (Outcome::Undetermined { .. }, true) => Some(Kind::CoveredUndetermined),
        _ => None,
    }
}

/// Accounts to which several subjects are paid: a fold over payments. It keeps a digest of each
/// account number, never the number.
#[derive(Clone, Debug, Default)]
pub struct SharedAccounts {
    by_account: BTreeMap<Id, Vec<SubjectKey>>,
}

impl SharedAccounts {
    /// One payee's account.
    pub fn add(&mut self, account: &str, subject: &SubjectKey) {
        let digest = Id::derive(&["account-number", account]);
        let held = self.by_account.entry(digest).or_default();
        if !held.contains(subject) {
            held.push(subject.clone());
        }
    }

    /// The subjects on accounts that at least `least` (two or more) share.
    pub fn shared(&self, least: usize) -> impl Iterator<Item = (&SubjectKey, Kind)> {
        self.by_account
            .values()
            .filter(move |subjects| subjects.len() >= least.max(2))
            .flat_map(|subjects| {
                let n = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
                subjects
                    .iter()
                    .map(move |s| (s, Kind::SharedAccount { subjects: n }))
            })
    }
}

/// Payees whose payments came back, and how much: a fold over payments.
#[derive(Clone, Debug, Default)]
pub struct Returns {
    by_subject: BTreeMap<Id, (u32, Fen)>,
}

impl Returns {
    /// One returned payment.
    pub fn add(&mut self, payee: Id, amount: Fen) {
        let (times, sum) = self.by_subject.entry(payee).or_default();
        *times += 1;
        *sum = *sum + amount;
    }

    /// Payees with at least `least` returns, and the sum that came back.
    pub fn frequent(&self, least: u32) -> impl Iterator<Item = (Id, Kind, Fen)> {
        self.by_subject
            .iter()
            .filter(move |(_, (times, _))| *times >= least.max(1))
            .map(|(id, (times, sum))| (*id, Kind::Returned { times: *times }, *sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entitlement::Subject;

    fn subject(name: &str) -> SubjectKey {
        SubjectKey {
            shard: "S".into(),
            kind: Subject::Household,
            id: Id::derive(&[name]),
        }
    }

    #[test]
    fn an_account_is_shared_by_different_subjects_only() {
        let mut shared = SharedAccounts::default();
        for (account, name) in [("1", "a"), ("1", "a"), ("2", "b"), ("2", "c"), ("3", "d")] {
            shared.add(account, &subject(name));
        }
        let mut found: Vec<_> = shared.shared(0).map(|(s, _)| s.clone()).collect();
        found.sort();
        let mut expected = vec![subject("b"), subject("c")];
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(shared.shared(3).count(), 0);
    }

    #[test]
    fn the_same_signal_twice_is_one() {
        let month: Month = "2026-03".parse().expect("a month");
        let signal = |subjects| {
            Signal::new(
                subject("a"),
                "p",
                "x",
                month,
                Kind::SharedAccount { subjects },
            )
        };
        assert_eq!(signal(2).id, signal(3).id);
        assert_ne!(
            signal(2).id,
            Signal::new(subject("a"), "p", "x", month, Kind::OwedNotCovered).id
        );
    }

    #[test]
    fn returns_add_up() {
        let mut returns = Returns::default();
        let payee = Id::derive(&["a"]);
        returns.add(payee, Fen(5));
        assert_eq!(returns.frequent(2).count(), 0);
        returns.add(payee, Fen(7));
        let found: Vec<_> = returns.frequent(2).collect();
        assert_eq!(found, [(payee, Kind::Returned { times: 2 }, Fen(12))]);
    }
}
