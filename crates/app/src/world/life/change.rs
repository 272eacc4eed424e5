//! Changes of what people live on, applications and withdrawals.

use super::{Life, What, age};
use crate::world::compose::Shape;
use crate::world::emit::{Applied, Intent};
use crate::world::evidence::{Change, View};
use crate::world::schema::Of;
use base::{Instant, Month};
use chrono::TimeDelta;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

impl Life<'_, '_> {
    pub(super) fn change(&mut self, change: &Change, month: Month, rng: &mut ChaCha8Rng) {
        let Some((n, m)) = self.any_person(rng) else {
            return;
        };
        let happened = self.day_in(month, rng);
        let p = self.compact(n, m);
        // What needs no evidence is asked first: most draws end here.
        let d = self.district;
        let bare: Vec<_> = change
            .when
            .iter()
            .filter(|c| c.is_plain())
            .cloned()
            .collect();
        let home = Shape {
            first: 0,
            size: 1,
            generations: 1,
            collective: self.collective(n),
        };
        let view = View {
            file: &d.world.file,
            person: &p,
            age: age(&p, happened),
            home: &home,
            hardship: false,
            luck: 1.0,
            values: &[],
            day: happened,
        };
        if !view.holds(&bare) {
            return;
        }
        let times = change.file.delay;
        let Some(at) = self.heard(happened, times, rng) else {
            return;
        };
        let s = self.state(n);
        let home = s.shape();
        let mut values = s.members[m].values.clone();
        let (hardship, luck, who) = (s.hardship, s.luck, s.members[m].id);
        let blank = View {
            home: &home,
            hardship,
            luck,
            values: &[],
            ..view
        };
        if !(View {
            values: &values,
            ..blank
        })
        .holds(&change.when)
        {
            return;
        }
        let mut drawn = Vec::new();
        for (kind, when, case) in &change.set {
            let view = View {
                values: &values,
                ..blank
            };
            if !view.holds(when) || rng.random::<f64>() >= case.share {
                continue;
            }
            if let Some(value) = view.case(case, rng) {
                values.retain(|(k, _)| k != kind);
                values.push((*kind, value.clone()));
                drawn.push((*kind, value));
            }
        }
        let s = self.state(n);
        s.members[m].values = values;
        if let Some(work) = change.work {
            s.members[m].person.work = work;
        }
        let life = &d.world.file.life;
        let wrong = rng.random::<f64>() < life.errors;
        let mut facts = Vec::new();
        let mut right = Vec::new();
        for (k, value) in drawn {
            let kind = d.world.rules.kinds[k].name.clone();
            match value.as_f64().filter(|x| wrong && *x > 0.0) {
                Some(x) => {
                    let off = Value::from((x * life.error_factor).round() as i64);
                    let first = self.fact(who, kind.clone(), off, happened, at);
                    right.push((first.id, kind, value));
                    facts.push(first);
                }
                None => facts.push(self.fact(who, kind, value, happened, at)),
            }
        }
        self.file(at, happened, n, &change.file.id, What::Facts(facts));
        if !right.is_empty() {
            let later = at + TimeDelta::days(rng.random_range(12..50));
            let facts = right
                .into_iter()
                .map(|(first, kind, value)| {
                    let mut fact = self.fact(who, kind, value, happened, later);
                    fact.withdraws = vec![first];
                    fact
                })
                .collect();
            self.file(later, happened, n, "correction", What::Facts(facts));
        }
        if let Some((programme, share)) = &change.file.applies
            && rng.random::<f64>() < *share
            && let Some(rule) = d
                .world
                .file
                .applications
                .iter()
                .position(|a| &a.programme == programme)
        {
            let of = d.world.file.applications[rule].of;
            let later = at + TimeDelta::days(rng.random_range(3..40));
            let member = (of == Of::Member).then_some(m);
            self.apply(n, rule, member, later);
        }
    }

    pub(super) fn apply(&mut self, n: usize, rule: usize, member: Option<usize>, at: Instant) {
        let programme = self.district.world.file.applications[rule]
            .programme
            .clone();
        let on = at.date_naive();
        let s = self.state(n);
        if s.applied
            .iter()
            .any(|a| a.rule == rule && a.member == member)
        {
            return;
        }
        s.applied.push(Applied { rule, member, on });
        let subject = member.map_or(s.id, |m| s.members[m].id);
        let intent = Intent {
            programme,
            subject,
            household: s.id,
            on,
        };
        self.file(at, on, n, "application", What::Applied(intent));
    }

    pub(super) fn application(&mut self, month: Month, needy: bool, rng: &mut ChaCha8Rng) {
        let d = self.district;
        let Some(n) = self.any_home(rng) else { return };
        let happened = self.day_in(month, rng);
        if happened < d.options.start {
            return;
        }
        let Some(rule) = d
            .world
            .rules
            .applications
            .iter()
            .position(|a| a.file.of == Of::Household)
        else {
            return;
        };
        let s = self.state(n);
        let members: Vec<Vec<(usize, Value)>> = s
            .members
            .iter()
            .filter(|m| !m.gone)
            .map(|m| m.values.clone())
            .collect();
        let poor = d.world.rules.applications[rule].ratio(&members, &s.household) < 1.0;
        if poor != needy || members.is_empty() {
            return;
        }
        let Some(at) = self.heard(happened, 0.0, rng) else {
            return;
        };
        self.apply(n, rule, None, at);
    }

    pub(super) fn withdrawal(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let d = self.district;
        let Some(n) = self.any_home(rng) else { return };
        let happened = self.day_in(month, rng);
        let Some(at) = self.heard(happened, 0.0, rng) else {
            return;
        };
        let s = self.state(n);
        let Some(a) = s.applied.pop() else { return };
        let subject = a.member.map_or(s.id, |m| s.members[m].id);
        let household = s.id;
        let programme = d.world.file.applications[a.rule].programme.clone();
        let intent = Intent {
            programme,
            subject,
            household,
            on: happened,
        };
        self.file(at, happened, n, "withdrawal", What::Withdrew(intent));
    }
}
