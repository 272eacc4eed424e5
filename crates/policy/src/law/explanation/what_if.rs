//! What would have to change: the nearest change of one fact that alters the outcome, found by asking
//! the rules themselves.
//!
//! A fact that the rules did not read cannot alter the outcome, so the facts of the trace are all there
//! are. Each is tried by its type (see [`super::probe`]); where an ordered one turns the outcome between
//! two values, the turning point is found by bisection, so that one step nearer does not turn it.

use super::super::corpus::Law;
use super::super::edition::{Edition, LawError};
use super::super::kinds::{Absent, which};
use super::super::prelude::{Type, Value};
use super::super::situation::Situation;
use super::document::*;
use super::facts::{Place, places};
use super::make::Found;
use super::probe::{Asker, Steps, Verdict, alternatives, with};
use super::reading::{crossings, scales, texts};
use super::words::{change_words, deciding_words};
use crate::feel::temporal::Date;
use crate::outcome::{Missing, NodeKind, TraceNode};
use crate::programme::{Bilingual, Subject};
use base::Day;
use std::collections::{BTreeSet, HashMap};

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Facts, in the order in which the rules read them.
    pub facts: usize,
    /// Evaluations in all.
    pub evaluations: usize,
    /// Changes that are told: of those that alter the outcome, and of those that alter the amount.
    pub told: usize,
}

impl Limits {
    /// What a page tries, which shall open at once.
    pub const PAGE: Limits = Limits {
        facts: 200,
        evaluations: 3_000,
        told: 8,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            facts: 400,
            evaluations: 20_000,
            told: 12,
        }
    }
}

/// The nearest changes of one fact that alter the outcome of `decision` (a programme's id or name, or a
/// rule's name) for a situation. Same input, same output; what the limits leave out is told.
///
/// # Errors
/// A place, programme or rule that there is not; rules that cannot be computed for the situation.
pub fn what_if(
    law: &Law,
    place: &str,
    known: Option<Day>,
    decision: &str,
    situation: &Situation,
    limits: &Limits,
) -> Result<WhatIf, LawError> {
    let edition = law.edition(place, situation.day, known)?;
    let found = Found::find(&edition, decision, situation.day)?;
    let mut asker = Asker::new(&edition, &found, decision, situation, limits.evaluations)?;
    let evaluation = match &found {
        Found::Programme(_) => edition.determine(decision, situation, true)?,
        Found::Rule(..) => edition.evaluate_rule(decision, situation, true)?,
    };
    let Some(base) = asker.verdict(situation) else {
        return Ok(WhatIf::default());
    };
    let today = Date::from(situation.day);
    let mut search = Search {
        edition: &edition,
        decision,
        situation,
        scales: scales(&evaluation.trace),
        trace: &evaluation.trace,
        base,
        today,
        asker,
        out: WhatIf::default(),
    };
    search.facts(limits);
    if let crate::outcome::Outcome::Undetermined { missing } = &evaluation.outcome {
        for one in missing {
            search.missing(one);
        }
    }
    let mut out = search.out;
    out.evaluations = search.asker.asked;
    // Stable: facts as near as each other stay in the order in which the rules read them.
    out.changes.sort_by(|a, b| {
        a.alters
            .cmp(&b.alters)
            .then(a.distance.total_cmp(&b.distance))
    });
    let mut told = [0; 2];
    out.changes.retain(|c| {
        let group = usize::from(c.alters == Alters::Amount);
        told[group] += 1;
        told[group] <= limits.told
    });
    Ok(out)
}

struct Search<'s, 'e> {
    edition: &'e Edition,
    decision: &'s str,
    situation: &'s Situation,
    trace: &'s [TraceNode],
    /// The largest figure of each unit: the measure of nearness.
    scales: HashMap<String, f64>,
    base: Verdict,
    today: Date,
    asker: Asker<'e>,
    out: WhatIf,
}

/// What a walk in one direction found.
struct Hit {
    k: i64,
    verdict: Verdict,
    alters: Alters,
}

impl Search<'_, '_> {
    fn facts(&mut self, limits: &Limits) {
        let trace = self.trace;
        for (at, node) in trace.iter().enumerate() {
            if node.kind == NodeKind::Previous {
                self.leave(node, "carried");
                continue;
            }
            if node.kind != NodeKind::Evidence {
                continue;
            }
            for place in places(self.edition, node, self.situation) {
                if place.fact.fixed {
                    self.leave(node, "fixed");
                    break;
                }
                if self.out.tried >= limits.facts || !self.asker.may() {
                    self.leave(node, "limit");
                    break;
                }
                self.fact(at, &place);
            }
        }
    }

    fn leave(&mut self, node: &TraceNode, why: &str) {
        let one = LeftOut {
            name: node.name.clone(),
            member: node.member,
            why: why.into(),
        };
        if !self.out.left_out.contains(&one) {
            self.out.left_out.push(one);
        }
    }

    fn fact(&mut self, at: usize, place: &Place) {
        if place.is_piece() {
            let mut other = self.situation.clone();
            place.remove(&mut other);
            self.out.tried += 1;
            if let Some(verdict) = self.asker.verdict(&other)
                && let Some(alters) = self.alters(&verdict)
            {
                self.tell(place, Value::Null, true, None, 1.0, &verdict, alters);
            }
            if matches!(place.ty.plain(), Type::Context(_)) {
                return;
            }
        }
        let value = place.get(self.situation);
        if value.is_null() && !place.ty.is_nullable() {
            // Not known: what it would decide is told with what is missing.
            return;
        }
        let texts = match place.ty.plain() {
            Type::Text => texts(self.edition, self.trace, at),
            _ => Vec::new(),
        };
        let others = alternatives(&place.ty, &value, &texts);
        let steps = Steps::of(&place.ty, &value, self.today);
        if steps.is_none() && others.is_empty() {
            self.leave(&self.trace[at], "text");
            return;
        }
        self.out.tried += 1;
        for other in others {
            let then = with(self.situation, place, other.clone());
            if let Some(verdict) = self.asker.verdict(&then)
                && let Some(alters) = self.alters(&verdict)
            {
                self.tell(place, other, false, None, 1.0, &verdict, alters);
            }
        }
        if let Some(steps) = steps {
            if value.is_null() {
                self.nothing_yet(place, &steps);
            } else {
                self.ordered(at, place, &steps);
            }
        }
    }

    fn alters(&self, verdict: &Verdict) -> Option<Alters> {
        match (verdict.turns(&self.base), verdict.shifts(&self.base)) {
            (true, _) => Some(Alters::Outcome),
            (false, true) => Some(Alters::Amount),
            (false, false) => None,
        }
    }

    /// An ordered fact that is null by its type: some value in its place.
    fn nothing_yet(&mut self, place: &Place, steps: &Steps) {
        let ks: Vec<i64> = match steps {
            Steps::Number { .. } => std::iter::once(0).chain(steps.grid()).collect(),
            _ => {
                let back = steps.grid().into_iter().map(|k| -k);
                std::iter::once(0).chain(back).collect()
            }
        };
        let (_, up) = steps.bounds(&place.ty);
        let far = steps.far().into_iter().filter(|k| *k <= up);
        let far: Vec<i64> = match steps {
            Steps::Number { .. } => std::iter::once(0).chain(far).collect(),
            _ => std::iter::once(0)
                .chain(steps.far().into_iter().map(|k| -k))
                .collect(),
        };
        if !self.stirs(place, steps, &far) {
            return;
        }
        let mut told = BTreeSet::new();
        for k in ks.into_iter().filter(|k| *k <= up) {
            let Some(value) = steps.at(k).filter(|_| self.asker.may()) else {
                return;
            };
            let then = with(self.situation, place, value.clone());
            if let Some(verdict) = self.asker.verdict(&then)
                && let Some(alters) = self.alters(&verdict)
                && told.insert((alters, verdict.name))
            {
                self.tell(place, value, false, None, 1.0, &verdict, alters);
            }
        }
    }

    fn ordered(&mut self, at: usize, place: &Place, steps: &Steps) {
        let (down, mut up) = steps.bounds(&place.ty);
        if let (Steps::Days(day), true) = (steps, place.past) {
            up = up.min((self.today.days() - day.days()).max(0));
        }
        let crossings = self.crossings(at, place, steps, down, up);
        let mut first: Vec<i64> = vec![-down, up, -1, 1];
        first.extend(steps.far().into_iter().flat_map(|k| [-k, k]));
        first.extend(&crossings);
        first.retain(|k| *k != 0 && (-down..=up).contains(k));
        first.sort_unstable_by_key(|k| std::cmp::Reverse(k.unsigned_abs()));
        first.dedup();
        if !self.stirs(place, steps, &first) {
            return;
        }
        let mut told: BTreeSet<(Alters, &str, std::cmp::Ordering)> = BTreeSet::new();
        let mut hits: Vec<Hit> = Vec::new();
        for (direction, bound) in [(-1, down), (1, up)] {
            let mut ks = steps.grid();
            let own = crossings.iter().map(|k| k * direction);
            ks.extend(own.filter(|k| *k > 0));
            ks.push(bound);
            ks.retain(|k| *k > 0 && *k <= bound);
            ks.sort_unstable();
            ks.dedup();
            hits.extend(self.walk(place, steps, direction, &ks));
        }
        // The nearer of two turns that come to the same is told.
        hits.sort_by_key(|hit| (hit.k.unsigned_abs(), hit.k));
        let scale = self.scale(&place.ty);
        for hit in hits {
            let order = hit.verdict.order(&self.base);
            if !told.insert((hit.alters, hit.verdict.name, order)) {
                continue;
            }
            let Some(value) = steps.at(hit.k) else {
                continue;
            };
            let step = Some(steps.step(&place.ty));
            let distance = steps.distance(hit.k, scale);
            self.tell(
                place,
                value,
                false,
                step,
                distance,
                &hit.verdict,
                hit.alters,
            );
        }
    }

    /// Does the outcome or the amount alter at any of these steps? Most facts that were read decide nothing,
    /// and are let go after a few questions.
    fn stirs(&mut self, place: &Place, steps: &Steps, ks: &[i64]) -> bool {
        for &k in ks {
            if !self.asker.may() {
                self.leave_place(place);
                return false;
            }
            let found = self.at(place, steps, k);
            if found.is_some_and(|v| self.alters(&v).is_some()) {
                return true;
            }
        }
        false
    }

    /// From the value at hand outwards, until the outcome turns; on the way also where the amount does.
    fn walk(&mut self, place: &Place, steps: &Steps, direction: i64, ks: &[i64]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut shifted = false;
        let mut before = 0;
        for &k in ks {
            if !self.asker.may() {
                self.leave_place(place);
                break;
            }
            let Some(verdict) = self.at(place, steps, direction * k) else {
                continue;
            };
            if !shifted && verdict.shifts(&self.base) {
                shifted = true;
                hits.push(self.turn(
                    place,
                    steps,
                    direction,
                    (before, k),
                    verdict.clone(),
                    Alters::Amount,
                ));
            }
            if verdict.turns(&self.base) {
                hits.push(self.turn(
                    place,
                    steps,
                    direction,
                    (before, k),
                    verdict,
                    Alters::Outcome,
                ));
                break;
            }
            before = k;
        }
        hits
    }

    fn leave_place(&mut self, place: &Place) {
        let one = LeftOut {
            name: place.fact.kind.clone(),
            member: place.fact.member,
            why: "limit".into(),
        };
        if !self.out.left_out.contains(&one) {
            self.out.left_out.push(one);
        }
    }

    fn at(&mut self, place: &Place, steps: &Steps, k: i64) -> Option<Verdict> {
        let then = with(self.situation, place, steps.at(k)?);
        self.asker.verdict(&then)
    }

    /// Between a value that does not alter and one that does: the first that does beside one that does not.
    fn turn(
        &mut self,
        place: &Place,
        steps: &Steps,
        direction: i64,
        (mut low, mut high): (i64, i64),
        mut verdict: Verdict,
        alters: Alters,
    ) -> Hit {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let found = self.at(place, steps, direction * middle);
            match found.filter(|v| self.alters(v) == Some(alters)) {
                Some(other) => (high, verdict) = (middle, other),
                None => low = middle,
            }
        }
        Hit {
            k: direction * high,
            verdict,
            alters,
        }
    }

    fn scale(&self, ty: &Type) -> f64 {
        let unit = super::super::explain::unit(ty);
        self.scales.get(&unit).copied().unwrap_or(1.0)
    }

    /// Steps at which two figures that one rule reads side by side would meet, if they go on as they do
    /// near the value at hand: where comparisons turn. Nearest first, with their neighbours.
    fn crossings(
        &mut self,
        at: usize,
        place: &Place,
        steps: &Steps,
        down: i64,
        up: i64,
    ) -> Vec<i64> {
        let Steps::Number { step, .. } = steps else {
            return Vec::new();
        };
        let wanted = if step.is_integer() { 1 } else { 10_000 };
        let delta = match (wanted.min(up), wanted.min(down)) {
            (0, 0) => return Vec::new(),
            (0, down) => -down,
            (up, _) => up,
        };
        let Some(value) = steps.at(delta) else {
            return Vec::new();
        };
        let then = with(self.situation, place, value);
        let other = self.asker.trace(self.decision, &then);
        crossings(self.edition, self.trace, &other, at, delta)
    }

    #[allow(clippy::too_many_arguments)]
    fn tell(
        &mut self,
        place: &Place,
        to: Value,
        removed: bool,
        step: Option<String>,
        distance: f64,
        verdict: &Verdict,
        alters: Alters,
    ) {
        let from = place.get(self.situation).to_json_as(&place.ty);
        let to = to.to_json_as(&place.ty);
        let mut change = Change {
            fact: place.fact.clone(),
            alters,
            from,
            to,
            removed,
            step,
            outcome: verdict.name.into(),
            amount: verdict.amount.map(|fen| fen.to_string()),
            result: verdict.result.clone(),
            distance,
            text: Bilingual::default(),
        };
        change.text = change_words(&change, self.base.amount, &place.ty);
        self.out.changes.push(change);
    }

    // What is missing

    fn missing(&mut self, missing: &Missing) {
        let subject = match missing.member {
            Some(_) => Subject::Person,
            None => Subject::Household,
        };
        let kinds = &self.edition.corpus.kinds[which(subject)];
        let kind = kinds.get(&missing.name);
        let mut deciding = Deciding {
            fact: None,
            name: missing.name.clone(),
            member: missing.member,
            alone: false,
            cases: Vec::new(),
            text: Bilingual::default(),
        };
        let node = self.trace.iter().position(|n| {
            n.kind == NodeKind::Evidence && n.name == missing.name && n.member == missing.member
        });
        if let (Some(kind), Some(at)) = (kind, node)
            && matches!(kind.absent, Absent::Missing)
            && let Some(place) = places(self.edition, &self.trace[at], self.situation)
                .into_iter()
                .next()
        {
            deciding.cases = self.cases(at, &place);
            deciding.fact = Some(place.fact);
        }
        deciding.alone = !deciding.cases.is_empty()
            && deciding.cases.iter().all(|c| c.outcome != "undetermined");
        deciding.text = deciding_words(&deciding);
        self.out.missing.push(deciding);
    }

    fn cases(&mut self, at: usize, place: &Place) -> Vec<Case> {
        let mut cases: Vec<Case> = Vec::new();
        let case = |value: &Value, verdict: &Verdict| Case {
            from: value.to_json_as(&place.ty),
            to: None,
            outcome: verdict.name.into(),
            missing: verdict.missing.clone(),
        };
        let mut single = alternatives(
            &place.ty,
            &Value::Null,
            &texts(self.edition, self.trace, at),
        );
        if let Type::List(_) = place.ty.plain() {
            single.push(Value::list(Vec::new()));
        }
        for value in single {
            let then = with(self.situation, place, value.clone());
            if let Some(verdict) = self.asker.verdict(&then).filter(|_| self.asker.may()) {
                cases.push(case(&value, &verdict));
            }
        }
        let Some(steps) = Steps::of(&place.ty, &Value::Null, self.today) else {
            return cases;
        };
        let (down, mut up) = steps.bounds(&place.ty);
        if place.past {
            up = 0;
        }
        let mut ks = vec![0];
        let grid = steps.grid();
        ks.extend(grid.iter().map(|k| -k).filter(|k| *k >= -down));
        ks.extend(grid.iter().filter(|k| **k <= up));
        ks.sort_unstable();
        let mut last: Option<(i64, Verdict)> = None;
        for k in ks {
            let Some(verdict) = self.at(place, &steps, k).filter(|_| self.asker.may()) else {
                continue;
            };
            match &last {
                Some((_, held)) if same(held, &verdict) => {}
                Some((before, held)) => {
                    let (end, begin, verdict) =
                        self.between(place, &steps, (*before, k), held, verdict.clone());
                    close(&mut cases, &steps, place, end);
                    cases.extend(steps.at(begin).map(|v| case(&v, &verdict)));
                }
                None => cases.extend(steps.at(k).map(|v| case(&v, &verdict))),
            }
            last = Some((k, verdict));
        }
        if let Some((k, _)) = last {
            close(&mut cases, &steps, place, k);
        }
        cases
    }

    /// The last step that comes out as `held`, and the next, which does not.
    fn between(
        &mut self,
        place: &Place,
        steps: &Steps,
        (mut low, mut high): (i64, i64),
        held: &Verdict,
        mut then: Verdict,
    ) -> (i64, i64, Verdict) {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.at(place, steps, middle) {
                Some(found) if !same(held, &found) => (high, then) = (middle, found),
                _ => low = middle,
            }
        }
        (low, high, then)
    }
}

fn same(a: &Verdict, b: &Verdict) -> bool {
    a.name == b.name && a.missing == b.missing
}

/// Ends the last stretch.
fn close(cases: &mut [Case], steps: &Steps, place: &Place, k: i64) {
    if let (Some(last), Some(value)) = (cases.last_mut(), steps.at(k)) {
        let value = value.to_json_as(&place.ty);
        last.to = (value != last.from).then_some(value);
    }
}
