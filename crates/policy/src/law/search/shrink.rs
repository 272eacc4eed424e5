//! A situation that breaks a property, made as small as it will go.

use super::super::eval::Evaluator;
use super::super::prelude::{Number, Value};
use super::super::situation::{Record, Situation, same};
use super::{Broken, Judged, Search};
use crate::programme::Subject;

/// Most steps in making a counter-example smaller.
const SHRINKING: usize = 600;

impl Search<'_> {
    /// Members and evidence left out, numbers made small, as long as the property stays broken.
    pub(super) fn shrink(
        &self,
        evaluator: &mut Evaluator<'_>,
        other: &mut Option<Evaluator<'_>>,
        mut situation: Situation,
    ) -> (Situation, Option<Broken>) {
        let mut steps = 0;
        let blanks = [
            self.law.blank(Subject::Household),
            self.law.blank(Subject::Person),
        ];
        loop {
            let mut smaller = false;
            for candidate in candidates(&situation, &blanks) {
                steps += 1;
                if steps > SHRINKING {
                    break;
                }
                if matches!(self.judge(evaluator, other, &candidate), Judged::Broken(_)) {
                    situation = candidate;
                    smaller = true;
                    break;
                }
            }
            if !smaller || steps > SHRINKING {
                break;
            }
        }
        match self.judge(evaluator, other, &situation) {
            Judged::Broken(broken) => (situation, Some(broken)),
            _ => (situation, None),
        }
    }
}

/// Situations that say less than this one.
fn candidates(situation: &Situation, blanks: &[Record; 2]) -> Vec<Situation> {
    let mut out = Vec::new();
    let with = |change: &dyn Fn(&mut Situation)| {
        let mut one = situation.clone();
        change(&mut one);
        one
    };
    for m in (0..situation.members.len()).filter(|m| Some(*m) != situation.subject_member) {
        out.push(with(&|s| {
            s.members.remove(m);
            s.subject_member = s.subject_member.map(|own| own - usize::from(own > m));
        }));
    }
    if situation.previous.is_some() {
        out.push(with(&|s| s.previous = None));
    }
    let records = std::iter::once((None, &situation.household, &blanks[0]));
    let members = situation
        .members
        .iter()
        .enumerate()
        .map(|(m, r)| (Some(m), r, &blanks[1]));
    for (member, record, blank) in records.chain(members) {
        for slot in 0..record.len() {
            let mut simpler = Vec::new();
            if !same(&record[slot], &blank[slot]) {
                simpler.push(blank[slot].clone());
            }
            if let Value::Number(n) = &record[slot] {
                let half = n.div(Number::int(2)).map(Number::floor);
                let fewer = [
                    Some(Number::ZERO),
                    half,
                    Some(n.floor()),
                    n.sub(Number::ONE),
                ];
                let fewer = fewer.into_iter().flatten();
                simpler.extend(
                    fewer
                        .filter(|f| f < n && !f.is_negative())
                        .map(Value::Number),
                );
                if !n.is_integer() {
                    simpler.push(Value::Number(n.ceiling()));
                }
            }
            for value in simpler {
                out.push(with(&|s| match member {
                    None => s.household[slot] = value.clone(),
                    Some(m) => s.members[m][slot] = value.clone(),
                }));
            }
        }
    }
    out
}
