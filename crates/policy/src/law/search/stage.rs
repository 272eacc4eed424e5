//! Where and when a property is tried, and what may be drawn there.

use super::super::compile::{Code, Read};
use super::super::edition::{Edition, NONE};
use super::super::examples;
use super::super::kinds::which;
use super::super::model::Instrument;
use super::super::prelude::{Expr, ExprKind, Number, Value};
use super::super::properties::{Claim, Raised, Target};
use super::super::situation::Situation;
use super::Search;
use crate::programme::Subject;
use base::Day;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most places and days at which one property is tried.
const STAGES: usize = 6;

/// A place and a day with what may be drawn there.
pub(super) struct Stage {
    pub(super) place: String,
    pub(super) day: Day,
    pub(super) edition: Arc<Edition>,
    /// The same law with the parameter raised, for properties about one.
    pub(super) raised: Option<Arc<Edition>>,
    /// Kinds that the outcome depends on.
    pub(super) kinds: Vec<(usize, usize)>,
    pub(super) numbers: Vec<Number>,
    pub(super) texts: Vec<Arc<str>>,
    pub(super) dates: Vec<i64>,
    pub(super) seeds: Vec<Situation>,
}

impl<'l> Search<'l> {
    fn instrument(&self) -> &'l Instrument {
        &self.law.corpus.instruments[self.property.instrument]
    }

    /// Places and days at which the property holds good, one for each edition: those of the worked
    /// examples first, then the last days on which anything changes.
    pub(super) fn stages(&mut self) -> Vec<Stage> {
        let places = &self.law.corpus.places;
        let instrument = self.instrument();
        let within = |code: &str| places.chain(code).contains(&instrument.place);
        let examples = examples::of_law(self.law);
        let mut wanted: Vec<(String, Day)> = examples
            .iter()
            .filter(|e| within(&e.place) && instrument.in_force(e.day))
            .map(|e| (e.place.clone(), e.day))
            .collect();
        // Late days first: the law of today matters most.
        wanted.sort_by(|a, b| b.1.cmp(&a.1));
        let all = places.all();
        let days = self.law.editions.days().iter().rev();
        let days: Vec<Day> = days
            .copied()
            .filter(|d| instrument.in_force(*d))
            .take(3)
            .collect();
        for place in self.law.editions.lawgivers() {
            let code = all.get(place).map_or("", |p| p.code.as_str());
            if within(code) {
                wanted.extend(days.iter().map(|d| (code.to_string(), *d)));
            }
        }
        let mut stages: Vec<Stage> = Vec::new();
        for (place, day) in wanted {
            if stages.len() == STAGES {
                break;
            }
            let Ok(edition) = self.law.edition(&place, day, None) else {
                continue;
            };
            let known = stages.iter().any(|s| Arc::ptr_eq(&s.edition, &edition));
            if !known && self.in_force(&edition) {
                stages.push(self.stage(place, day, edition, &examples));
            }
        }
        stages
    }

    fn in_force(&self, edition: &Edition) -> bool {
        match &self.property.target {
            Target::Programme(id) => edition.handle(id).is_some(),
            Target::Rule(who, n) => edition.rules[*who].get(*n).is_some_and(|d| *d != NONE),
        }
    }

    fn stage(
        &self,
        place: String,
        day: Day,
        edition: Arc<Edition>,
        all: &[examples::Example],
    ) -> Stage {
        let mut stage = Stage {
            raised: self.raised_edition(&edition),
            kinds: Vec::new(),
            numbers: vec![Number::ZERO, Number::ONE],
            texts: Vec::new(),
            dates: Vec::new(),
            seeds: Vec::new(),
            place,
            day,
            edition,
        };
        self.gather(&mut stage);
        let places = &self.law.corpus.places;
        for example in all {
            let here = places.chain(&stage.place).contains(&example.place)
                || places.chain(&example.place).contains(&stage.place);
            if !here {
                continue;
            }
            let subject = self.property.subject;
            if let Ok(seed) = Situation::from_json(self.law, &example.given, subject, stage.day) {
                let person = seed.subject_member.is_some_and(|m| m < seed.members.len());
                if subject == Subject::Household || person {
                    stage.seeds.push(seed);
                }
            }
        }
        stage
    }

    fn raised_edition(&self, edition: &Arc<Edition>) -> Option<Arc<Edition>> {
        let Claim::Change {
            raised: Raised::Parameter(n),
            by,
            ..
        } = &self.property.claim
        else {
            return None;
        };
        let value = edition.parameters.get(*n)?.as_number()?.add(*by)?;
        Some(Arc::new(edition.with_parameter(*n, Value::Number(value))))
    }

    /// What the outcome depends on at a place and on a day, and the constants met on the way.
    fn gather(&self, stage: &mut Stage) {
        let edition = stage.edition.clone();
        let corpus = &*self.law.corpus;
        let mut open: Vec<Read> = Vec::new();
        match &self.property.target {
            Target::Rule(who, n) => open.push(Read::Rule(*who, *n)),
            Target::Programme(id) => {
                if let Some(plan) = edition.version(id).and_then(|n| edition.plans[n].as_ref()) {
                    let who = which(plan.subject);
                    let rules = plan
                        .applies
                        .iter()
                        .chain(&plan.conditions)
                        .chain([&plan.amount]);
                    open.extend(rules.map(|n| Read::Rule(who, *n)));
                }
            }
        }
        let mut seen: Vec<Read> = Vec::new();
        let mut kinds: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut values: Vec<Value> = Vec::new();
        while let Some(read) = open.pop() {
            if seen.contains(&read) {
                continue;
            }
            seen.push(read);
            let definition = match read {
                Read::Kind(who, slot) => {
                    kinds.insert((who, slot));
                    continue;
                }
                Read::Parameter(n) => {
                    values.extend(edition.parameters.get(n).cloned());
                    continue;
                }
                Read::Rule(who, n) => edition.rules[who][n],
                Read::Function(n) => edition.functions[n],
                Read::Previous | Read::Event => continue,
            };
            if let Some(compiled) = corpus
                .compiled
                .get(definition as usize)
                .and_then(Option::as_ref)
            {
                open.extend(compiled.reads.iter().map(|(r, _)| *r));
                constants(&compiled.code, &mut values);
            }
        }
        for value in values {
            match value {
                Value::Number(n) => stage.numbers.push(n),
                Value::Text(t) => stage.texts.push(t),
                Value::Date(d) => stage.dates.push(d.days()),
                _ => {}
            }
        }
        stage.numbers.sort();
        stage.numbers.dedup();
        stage.texts.sort();
        stage.texts.dedup();
        stage.kinds = kinds.into_iter().collect();
    }
}

/// Literals of rules and tables.
fn constants(code: &Code, out: &mut Vec<Value>) {
    let mut take = |expr: &Expr| {
        expr.visit(&mut |e| {
            if let ExprKind::Literal(value) = &e.kind {
                out.push(value.clone());
            }
        });
    };
    match code {
        Code::Expr(expr) => take(expr),
        Code::Table { table, .. } => {
            table.inputs.iter().for_each(|i| take(&i.expr));
            for rule in &table.rules {
                rule.outputs.iter().for_each(&mut take);
                for tests in &rule.tests {
                    let kind = ExprKind::In {
                        value: Box::new(Expr::null()),
                        local: tests.local,
                        tests: tests.tests.clone(),
                    };
                    take(&Expr::new(tests.span, kind));
                }
            }
        }
        Code::Function(_) => {}
    }
}
