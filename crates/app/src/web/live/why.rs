//! Why a determination came out as it did: the same rules run again on what was known then, with
//! every value on the way.

use super::Live;
use super::people::{persons_ever, result_of};
use super::shelf::figures;
use super::trace::{missing, nodes, open_up, parameters_used, reasons, what_if};
use crate::service::change::Prefetched;
use crate::service::rules::latest_version;
use crate::web::session::Viewer;
use crate::web::source::Trouble;
use crate::web::view::OutcomeView;
use crate::web::view::why::{WhatIfView, Why, WhyQuery};
use base::{Id, Instant};
use entitlement::determination::{Determination, PeriodKey, SubjectKey};
use entitlement::difference::{Replay, replay};
use entitlement::explaining::Explaining;
use entitlement::{Subject, told};
use policy::law::explanation::Limits;
use registry::slice::HouseholdHistory;
use registry::timeline;

impl Live {
    /// A version with its explanation.
    pub(super) async fn explain(&self, viewer: &Viewer, query: WhyQuery) -> Result<Why, Trouble> {
        let home = self.home(viewer, query.household).await?;
        let period = parse_period(&query.period)?;
        let subject = subject_of(&home, query.household, query.person)?;
        let read = self.office.prefetch(&[query.household]).await?;
        let mut versions: Vec<&Determination> = read
            .determinations
            .iter()
            .filter(|d| d.subject.id == subject.id && d.programme == query.programme)
            .filter(|d| d.period == period)
            .collect();
        versions.sort_by_key(|d| d.version);
        let chosen = match query.version {
            Some(version) => versions.iter().find(|d| d.version == version),
            None => versions.last(),
        };
        let determination = *chosen.ok_or(Trouble::NotFound("determination"))?;
        let count = u32::try_from(versions.len()).unwrap_or(u32::MAX);
        let d = determination;
        let evidence = read.households.iter().flat_map(|h| &h.evidence);
        let rules = Explaining::new(&self.office.rules, evidence, Some(Limits::PAGE));
        let known = d.made_at.max(d.known_at);
        let again = replay(
            &rules,
            &read.known(),
            &d.subject,
            &d.programme,
            d.period,
            known,
            true,
        )
        .map_err(|error| Trouble::Internal(error.to_string()))?;
        let agrees = again.agrees;
        let mut why = self.why_of(&home, d, count, again);
        if let Some(mut explanation) = rules.take(&d.subject, d.period, d.known_at) {
            if let Some(about) = &mut explanation.about {
                about.version = Some(d.version);
                about.agrees = Some(agrees);
            }
            open_up(&mut why.nodes, &mut why.roots, &explanation);
            if let Some(found) = &explanation.what_if {
                why.what_if = what_if(&self.shelf, found, &why.members);
            }
            why.explanation = Some(Box::new(explanation));
        }
        Ok(why)
    }

    /// The rules run again as known at a moment.
    pub(super) fn again(
        &self,
        read: &Prefetched,
        d: &Determination,
        known: Instant,
    ) -> Result<Replay, Trouble> {
        let known = known.max(d.known_at);
        replay(
            &*self.office.rules,
            &read.known(),
            &d.subject,
            &d.programme,
            d.period,
            known,
            true,
        )
        .map_err(|error| Trouble::Internal(error.to_string()))
    }

    /// The view of a determination; what the trace says is left out when it could not be computed again.
    pub(super) fn why_of(
        &self,
        home: &HouseholdHistory,
        d: &Determination,
        versions: u32,
        again: Replay,
    ) -> Why {
        let version = latest_version(self.office.law(), &d.programme);
        let amount = version.map(|p| p.amount.as_str());
        let trace = again.computed.map(|e| e.trace).unwrap_or_default();
        let (list, roots) = nodes(&trace, amount, &d.reasons);
        let members = self.member_names(home, d);
        let mut lines = figures(&d.lines);
        for line in &mut lines {
            let node = list
                .iter()
                .find(|n| n.name == line.name && n.member.is_none());
            line.unit = node.map(|n| n.unit.clone()).unwrap_or_default();
        }
        Why {
            household: home.household.unwrap_or(d.subject.id),
            head: self.head_of(home),
            person: (d.subject.kind == Subject::Person)
                .then(|| self.person_ref(home, d.subject.id)),
            programme: self.shelf.programme(&d.programme),
            period: d.period.to_string(),
            version: d.version,
            versions,
            outcome: OutcomeView::of(&d.outcome, &result_of(d)),
            known_at: d.known_at,
            made_at: d.made_at,
            law: d.law.clone(),
            reasons: reasons(&d.reasons),
            missing: missing(&self.shelf, &d.outcome, &members),
            lines,
            parameters: parameters_used(&trace),
            brief: version.map_or_else(Default::default, |p| {
                told(p, &d.outcome, &d.reasons, &d.lines)
            }),
            what_if: WhatIfView::default(),
            explanation: None,
            members,
            nodes: list,
            roots,
        }
    }

    /// Names of the members in the order in which the rules saw them: the head first, then by id, on
    /// the period's day as known then.
    fn member_names(&self, home: &HouseholdHistory, d: &Determination) -> Vec<String> {
        let household = home.household.unwrap_or(d.subject.id);
        let day = match d.period {
            PeriodKey::Month(month) => month.first(),
            PeriodKey::Event(_) | PeriodKey::Once => timeline::civil_day(d.known_at),
        };
        timeline::members_on(&home.memberships, household, day, d.known_at)
            .iter()
            .map(|m| self.person_ref(home, m.person).name)
            .collect()
    }
}

/// `2026-03`, `event:<id>` or `once`.
pub(super) fn parse_period(text: &str) -> Result<PeriodKey, Trouble> {
    text.parse()
        .map_err(|error: String| Trouble::input(format!("所属期有误：{text}"), error))
}

/// The household, or one of those who ever were in it.
pub(super) fn subject_of(
    home: &HouseholdHistory,
    household: Id,
    person: Option<Id>,
) -> Result<SubjectKey, Trouble> {
    let (kind, id) = match person {
        None => (Subject::Household, household),
        Some(person) if persons_ever(home).contains(&person) => (Subject::Person, person),
        Some(_) => return Err(Trouble::NotFound("person")),
    };
    Ok(SubjectKey {
        shard: home.shard.clone(),
        kind,
        id,
    })
}
