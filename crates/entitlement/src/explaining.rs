//! The law asked with its reasons opened up: each traced answer leaves an explanation behind.

use crate::determination::{PeriodKey, SubjectKey};
use crate::rules::{Ask, Fault, Rules};
use crate::situation::LawRules;
use crate::{Evaluation, Programme, Subject};
use base::{Day, Id, Instant};
use policy::law::explanation::{About, Explanation, Limits, RecordUse, explain, what_if};
use registry::record::Evidence;
use registry::slice::{Fact, HouseholdSlice, KindList};
use registry::timeline::civil_day;
use std::cell::RefCell;
use std::collections::HashMap;

/// The loaded law, keeping the explanation of every evaluation that is asked for with its trace:
/// the values with the pieces of evidence behind them, and with `limits` what would have to change.
pub struct Explaining<'r> {
    rules: &'r LawRules,
    limits: Option<Limits>,
    evidence: HashMap<Id, &'r Evidence>,
    made: RefCell<Vec<(Id, Explanation)>>,
}

impl<'r> Explaining<'r> {
    /// Around the law; `evidence` is what the household's facts come from.
    pub fn new(
        rules: &'r LawRules,
        evidence: impl IntoIterator<Item = &'r Evidence>,
        limits: Option<Limits>,
    ) -> Explaining<'r> {
        Explaining {
            rules,
            limits,
            evidence: evidence.into_iter().map(|e| (e.id, e)).collect(),
            made: RefCell::default(),
        }
    }

    /// The last explanation about a subject, with whose it is and for what written into it.
    pub fn take(
        &self,
        subject: &SubjectKey,
        period: PeriodKey,
        known_at: Instant,
    ) -> Option<Explanation> {
        let mut made = self.made.borrow_mut();
        let at = made.iter().rposition(|(id, _)| *id == subject.id)?;
        let (_, mut explanation) = made.swap_remove(at);
        if let Some(about) = &mut explanation.about {
            about.period = period.to_string();
            about.known_at = base::format_instant(known_at);
        }
        Some(explanation)
    }

    fn explain(&self, ask: &Ask<'_>, evaluation: &Evaluation) -> Result<Explanation, Fault> {
        let law = self.rules.law();
        let situation = self.rules.asked(ask)?;
        let (area, known) = (&*ask.household.area, civil_day(ask.known));
        let id = &ask.programme.id;
        let fault = |e: policy::law::LawError| self.rules.fault(ask, e);
        let mut explanation =
            explain(law, area, Some(known), id, &situation, evaluation).map_err(fault)?;
        if let Some(limits) = &self.limits {
            let found = what_if(law, area, Some(known), id, &situation, limits);
            explanation.what_if = Some(found.map_err(fault)?);
        }
        self.records(&mut explanation, ask.household);
        explanation.about = Some(About {
            household: ask.household.household.to_string(),
            person: ask
                .member
                .and_then(|n| ask.household.members.get(n))
                .map(|m| m.person.to_string()),
            ..About::default()
        });
        Ok(explanation)
    }

    /// Puts the pieces of evidence beside the values that come from them.
    fn records(&self, explanation: &mut Explanation, household: &HouseholdSlice) {
        for used in &mut explanation.evidence {
            let facts: &[Fact] = match used.member {
                Some(n) => household.members.get(n).map_or(&[], |m| &m.facts),
                None => &household.facts,
            };
            let subject = match used.member {
                Some(_) => Subject::Person,
                None => Subject::Household,
            };
            let Some(kind) = self.rules.law().kind(subject, &used.kind) else {
                continue;
            };
            let mut own: Vec<&Fact> = facts
                .iter()
                .filter(|f| usize::from(f.kind) == kind.slot)
                .collect();
            if !kind.many {
                // The piece recorded last holds.
                own = own.pop().into_iter().collect();
            }
            used.records = own
                .into_iter()
                .filter_map(|fact| self.evidence.get(&fact.evidence))
                .map(|piece| RecordUse {
                    id: piece.id.to_string(),
                    source: piece.provenance.source.clone(),
                    from: piece.valid.from,
                    to: piece.valid.to,
                    recorded_at: base::format_instant(piece.provenance.recorded_at),
                })
                .collect();
        }
    }
}

impl Rules for Explaining<'_> {
    fn digest(&self) -> &str {
        self.rules.digest()
    }

    fn kinds(&self) -> &KindList {
        self.rules.kinds()
    }

    fn programme(&self, id: &str, area: &str, day: Day) -> Option<&Programme> {
        self.rules.programme(id, area, day)
    }

    fn death_kind(&self) -> Option<u16> {
        self.rules.death_kind()
    }

    fn evaluate(&self, ask: &Ask<'_>) -> Result<Evaluation, Fault> {
        let evaluation = self.rules.evaluate(ask)?;
        if ask.trace {
            let explanation = self.explain(ask, &evaluation)?;
            let member = ask.member.and_then(|n| ask.household.members.get(n));
            let subject = member.map_or(ask.household.household, |m| m.person);
            self.made.borrow_mut().push((subject, explanation));
        }
        Ok(evaluation)
    }
}
