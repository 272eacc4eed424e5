//! Finding households, and everything about one.

use super::Live;
use super::trace::plain;
use crate::service::cases::head_name;
use crate::web::session::Viewer;
use crate::web::source::{HouseholdQuery, Trouble};
use crate::web::view::household::{
    CaseRow, EvidenceRow, FactView, Household, Member, MoneyView, NoticeView, PaymentRow,
    PeriodRow, PersonRef, ProgrammeStrip, VersionRow,
};
use crate::web::view::{HouseholdRow, Named, OutcomeView, Paged};
use base::{Day, Fen, Id};
use casework::case::{Case, CaseKind, Closing, Notice};
use casework::procedure::steps;
use chrono::Datelike;
use entitlement::determination::{Determination, EntitlementChange, PeriodKey};
use entitlement::{ApplicationRule, Outcome, Subject, decision};
use ledger::position::Position;
use policy::law::EvidenceKind;
use policy::programme::Bilingual;
use registry::identity::mask;
use registry::record::{Evidence, Identity, Membership, Sex};
use registry::slice::HouseholdHistory;
use registry::timeline;
use std::collections::BTreeMap;
use store::{FoundPerson, PeopleQuery};

impl Live {
    /// A household that the viewer may see.
    pub(super) async fn home(
        &self,
        viewer: &Viewer,
        household: Id,
    ) -> Result<HouseholdHistory, Trouble> {
        let missing = || Trouble::NotFound("household");
        let loaded = self
            .office
            .store
            .history(household)
            .await?
            .ok_or_else(missing)?;
        let area = self.area_of(&loaded.history);
        if !Self::sees(viewer, &area) {
            return Err(missing());
        }
        Ok(loaded.history)
    }

    /// Where a household lives, or last lived.
    pub(super) fn area_of(&self, home: &HouseholdHistory) -> String {
        let at = self.at();
        timeline::residence_on(&home.residences, at.today, at.now)
            .or_else(|| {
                home.residences
                    .iter()
                    .max_by_key(|r| (r.valid.from, r.provenance.recorded_at))
            })
            .map(|r| r.area.clone())
            .unwrap_or_default()
    }

    pub(super) fn address_of(&self, home: &HouseholdHistory) -> String {
        let at = self.at();
        timeline::residence_on(&home.residences, at.today, at.now)
            .or_else(|| {
                home.residences
                    .iter()
                    .max_by_key(|r| (r.valid.from, r.provenance.recorded_at))
            })
            .map(|r| r.address.clone())
            .unwrap_or_default()
    }

    /// The head's name; of an empty household that of somebody who was in it.
    pub(super) fn head_of(&self, home: &HouseholdHistory) -> String {
        head_name(home, self.at())
            .or_else(|| home.identities.first().map(|i| i.name.clone()))
            .unwrap_or_else(|| "—".into())
    }

    /// Who is in the household today.
    pub(super) fn members_today<'h>(&self, home: &'h HouseholdHistory) -> Vec<&'h Membership> {
        let at = self.at();
        let household = home.household.unwrap_or_else(|| Id::from_bytes([0; 16]));
        timeline::members_on(&home.memberships, household, at.today, at.now)
    }

    /// A line of a list.
    pub(super) async fn row(&self, household: Id) -> Result<Option<HouseholdRow>, Trouble> {
        let Some(loaded) = self.office.store.history(household).await? else {
            return Ok(None);
        };
        let home = loaded.history;
        let members = self.members_today(&home);
        let head = members.first().and_then(|m| identity(&home, m.person));
        let mut outcomes: BTreeMap<String, (PeriodKey, u32, OutcomeView)> = BTreeMap::new();
        for d in self
            .office
            .store
            .determinations_of(&home.shard, household)
            .await?
        {
            if !matches!(d.period, PeriodKey::Month(month) if month <= self.at().month()) {
                continue;
            }
            let held = outcomes
                .get(&d.programme)
                .map(|(period, version, _)| (*period, *version));
            if held.is_none_or(|held| held < (d.period, d.version)) {
                let view = OutcomeView::of(&d.outcome, &serde_json::Value::Null);
                outcomes.insert(d.programme.clone(), (d.period, d.version, view));
            }
        }
        let outcomes = outcomes
            .into_iter()
            .map(|(id, (_, _, view))| (self.shelf.programme(&id), view))
            .filter(|(_, view)| view.name != "not-applicable")
            .collect();
        Ok(Some(HouseholdRow {
            id: household,
            head: masked_name(head.map_or("—", |i| i.name.as_str())),
            number: head
                .and_then(|i| i.number.as_deref())
                .map(mask)
                .unwrap_or_default(),
            members: u32::try_from(members.len()).unwrap_or(u32::MAX),
            area: self.area(&self.area_of(&home)),
            address: self.address_of(&home),
            outcomes,
            note: String::new(),
        }))
    }

    /// By name, identity number or id; without a text the households of an area.
    pub(super) async fn search(
        &self,
        viewer: &Viewer,
        query: HouseholdQuery,
    ) -> Result<Paged<HouseholdRow>, Trouble> {
        let area = Self::bound(viewer, query.area.as_deref())?;
        let store = &self.office.store;
        let after = query.after.as_deref();
        if query.text.is_empty() {
            let page = store.households_in(&area, after, query.limit).await?;
            let mut rows = Vec::with_capacity(page.items.len());
            for found in page.items {
                rows.extend(self.row(found.household).await?);
            }
            return Ok(Paged {
                rows,
                next: page.next,
                total: None,
            });
        }
        if let Ok(id) = query.text.parse::<Id>()
            && store.household_shard(id).await?.is_some()
        {
            // Whoever names one finds it in any of their areas.
            let row = self.row(id).await?;
            let row = row.filter(|row| viewer.sees(&row.area.id));
            let total = Some(u64::from(row.is_some()));
            return Ok(Paged {
                rows: row.into_iter().collect(),
                next: None,
                total,
            });
        }
        let people = PeopleQuery {
            text: query.text.clone(),
            areas: match query.area {
                Some(_) => vec![area],
                None => viewer.codes(),
            },
            after: query.after.clone(),
            limit: query.limit,
        };
        let page = store.find_people(&people).await?;
        let mut found: Vec<(Id, Vec<FoundPerson>)> = Vec::new();
        for person in page.items {
            let Some(household) = person.household else {
                continue;
            };
            match found.iter_mut().find(|(held, _)| *held == household) {
                Some((_, people)) => people.push(person),
                None => found.push((household, vec![person])),
            }
        }
        let mut rows = Vec::with_capacity(found.len());
        for (household, people) in found {
            if let Some(mut row) = self.row(household).await? {
                let names: Vec<String> = people.iter().map(|p| masked_name(&p.name)).collect();
                row.note = names.join("、");
                rows.push(row);
            }
        }
        Ok(Paged {
            rows,
            next: page.next,
            total: None,
        })
    }

    /// Everything about one household.
    pub(super) async fn household_page(
        &self,
        viewer: &Viewer,
        household: Id,
    ) -> Result<Household, Trouble> {
        let home = self.home(viewer, household).await?;
        let at = self.at();
        let mut subjects: Vec<(Id, Option<PersonRef>)> = vec![(household, None)];
        for person in persons_ever(&home) {
            subjects.push((person, Some(self.person_ref(&home, person))));
        }
        let store = &self.office.store;
        let batches = store.batches().await?;
        let (mut programmes, mut money, mut cases, mut notices) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (subject, person) in &subjects {
            let made = store.determinations_of(&home.shard, *subject).await?;
            let changes = store.entitlement_changes_of(&home.shard, *subject).await?;
            let awards = store.awards_of(&home.shard, *subject).await?;
            let transfers = store.transfers_of_payee(&home.shard, *subject).await?;
            let payments = store.payments_of(&home.shard, *subject).await?;
            let mut ids: Vec<&str> = made.iter().map(|d| d.programme.as_str()).collect();
            ids.extend(changes.iter().map(|c| c.programme.as_str()));
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                let position = Position::fold(&home.shard, *subject, id, &transfers);
                let periods = periods(id, &made, &changes, &position);
                if periods.is_empty() {
                    continue;
                }
                let known = entitlement::owed::awards_known(&awards, at.now);
                let award = known
                    .iter()
                    .filter(|a| a.programme == id)
                    .max_by_key(|a| a.from);
                programmes.push(ProgrammeStrip {
                    programme: self.shelf.programme(id),
                    person: person.clone(),
                    award_from: award.map(|a| a.from),
                    award_to: award.and_then(|a| a.to),
                    periods,
                });
                let own: Vec<_> = payments.iter().filter(|p| p.programme == id).collect();
                if position.periods().next().is_some() || !own.is_empty() {
                    money.push(MoneyView {
                        programme: self.shelf.programme(id),
                        person: person.clone(),
                        owed: position.sum(|p| p.owed),
                        paid: position.sum(|p| p.paid - p.returned_after_paid),
                        in_transit: position.sum(|p| p.in_transit),
                        payable: position.sum(|p| p.payable),
                        receivable: position.sum(|p| p.receivable),
                        recovered: position.sum(|p| p.withheld + p.repaid),
                        waived: position.sum(|p| p.waived),
                        payments: own.iter().rev().map(|p| payment_row(p, &batches)).collect(),
                    });
                }
            }
            for file in store.cases_of(&home.shard, *subject).await? {
                cases.push(self.case_row(&file.case, &file.state));
            }
            for notice in store.notices_of(&home.shard, *subject).await? {
                notices.push(self.notice(&notice));
            }
        }
        cases.sort_by_key(|c| (c.state != "open", std::cmp::Reverse(c.opened)));
        notices.sort_by_key(|n| std::cmp::Reverse(n.made_at));
        let may_apply = self.may_apply(&home, &programmes, &cases);
        Ok(Household {
            id: household,
            head: self.head_of(&home),
            way: self.way(&self.area_of(&home)),
            address: self.address_of(&home),
            opened: home.opened_at.map_or(at.today, timeline::civil_day),
            members: self.members(&home),
            programmes,
            money,
            cases,
            notices,
            timeline: self.timeline(&home),
            may_apply,
        })
    }

    /// Programmes in force where it lives that need an application and have neither a running award
    /// nor an open application.
    fn may_apply(
        &self,
        home: &HouseholdHistory,
        strips: &[ProgrammeStrip],
        cases: &[CaseRow],
    ) -> Vec<Named> {
        let at = self.at();
        let area = self.area_of(home);
        let Ok(edition) = self.office.law().edition(&area, at.today, None) else {
            return Vec::new();
        };
        let programmes = edition.programmes();
        let open = |id: &str| {
            let mut own = cases.iter().filter(|c| c.programme.id == id);
            own.any(|c| c.kind == "application" && c.state == "open")
        };
        let running = |id: &str| {
            let mut own = strips
                .iter()
                .filter(|s| s.programme.id == id && s.person.is_none());
            own.any(|s| s.award_from.is_some() && s.award_to.is_none_or(|to| to > at.month()))
        };
        programmes
            .into_iter()
            .filter(|p| p.application == ApplicationRule::Required)
            .filter(|p| !open(&p.id) && !running(&p.id))
            .map(super::shelf::named)
            .collect()
    }

    pub(super) fn person_ref(&self, home: &HouseholdHistory, person: Id) -> PersonRef {
        let name = identity(home, person).map_or("—", |i| i.name.as_str());
        PersonRef {
            id: person,
            name: name.into(),
        }
    }

    fn members(&self, home: &HouseholdHistory) -> Vec<Member> {
        let at = self.at();
        let today: Vec<Id> = self.members_today(home).iter().map(|m| m.person).collect();
        let mut order = today.clone();
        order.extend(
            persons_ever(home)
                .into_iter()
                .filter(|p| !today.contains(p)),
        );
        order
            .into_iter()
            .filter_map(|person| {
                let identity = identity(home, person)?;
                let own: Vec<&Membership> = home
                    .memberships
                    .iter()
                    .filter(|m| m.person == person && Some(m.household) == home.household)
                    .collect();
                let last = own
                    .iter()
                    .max_by_key(|m| (m.valid.from, m.provenance.recorded_at))?;
                let died = self.died(home, person);
                let left = (!today.contains(&person) && died.is_none())
                    .then(|| {
                        last.valid
                            .to
                            .or_else(|| (!last.member).then_some(last.valid.from))
                    })
                    .flatten();
                Some(Member {
                    id: person,
                    name: identity.name.clone(),
                    number: identity.number.as_deref().map(mask).unwrap_or_default(),
                    relation: last.relation.clone(),
                    sex: if identity.sex == Sex::Male {
                        "male"
                    } else {
                        "female"
                    }
                    .into(),
                    birth: identity.birth,
                    age: age(identity.birth, died.unwrap_or(at.today)),
                    died,
                    left,
                    facts: self.facts(home, person, Subject::Person),
                })
            })
            .collect()
    }

    /// The date of death, when one is recorded.
    fn died(&self, home: &HouseholdHistory, person: Id) -> Option<Day> {
        let kind = self.death_kind()?;
        let at = self.at();
        let own = home
            .evidence
            .iter()
            .filter(|e| e.subject == person && e.kind == *kind.name);
        let gone =
            timeline::withdrawn(home.evidence.iter().filter(|e| e.subject == person), at.now);
        own.filter(|e| !gone.contains(&e.id))
            .max_by_key(|e| (e.provenance.recorded_at, e.id))
            .and_then(|e| e.value.as_str())
            .and_then(|text| base::parse_day(text).ok())
    }

    /// The kind that holds a person's date of death.
    pub(super) fn death_kind(&self) -> Option<&EvidenceKind> {
        let kinds = self.office.law().kinds(Subject::Person).iter();
        kinds
            .into_iter()
            .find(|k| k.register == Some(policy::law::Register::Death))
    }

    /// What is recorded about a subject and holds today.
    pub(super) fn facts(
        &self,
        home: &HouseholdHistory,
        subject: Id,
        about: Subject,
    ) -> Vec<FactView> {
        let at = self.at();
        let own: Vec<&Evidence> = home
            .evidence
            .iter()
            .filter(|e| e.subject == subject)
            .collect();
        let mut found: Vec<FactView> = Vec::new();
        for piece in timeline::all_in_force(own.iter().copied(), at.today, at.now) {
            if piece.value.is_null() || piece.kind == decision::KIND {
                continue;
            }
            let kind = self.office.law().kind(about, &piece.kind);
            let fact = FactView {
                kind: self.shelf.kind(&piece.kind),
                value: plain(&piece.value),
                unit: kind.map(super::shelf::unit_of).unwrap_or_default(),
            };
            let many = kind.is_some_and(|k| k.many);
            match found.iter_mut().find(|f| !many && f.kind.id == piece.kind) {
                Some(held) => *held = fact,
                None => found.push(fact),
            }
        }
        found
    }

    /// Evidence, addresses and memberships, the newest recorded first.
    fn timeline(&self, home: &HouseholdHistory) -> Vec<EvidenceRow> {
        let at = self.at();
        let mut rows = Vec::new();
        let last_day = |to: Option<Day>| to.and_then(|day| day.pred_opt());
        for piece in &home.evidence {
            let about = if Some(piece.subject) == home.household {
                Subject::Household
            } else {
                Subject::Person
            };
            let kind = self.office.law().kind(about, &piece.kind);
            let same = home.evidence.iter().filter(|e| e.subject == piece.subject);
            let gone = timeline::withdrawn(same.clone(), at.now).contains(&piece.id);
            let many = kind.is_some_and(|k| k.many);
            // Another piece of the kind that covers the same days and was recorded later speaks now.
            let replaced = !many
                && same.clone().any(|e| {
                    e.kind == piece.kind
                        && (e.provenance.recorded_at, e.id)
                            > (piece.provenance.recorded_at, piece.id)
                        && e.valid.from <= piece.valid.from
                        && e.valid
                            .to
                            .is_none_or(|to| piece.valid.to.is_some_and(|own| own <= to))
                });
            let (name, value) = match decision::Decision::read(piece) {
                Some(decision) => (self.decision_name(), self.decision_text(&decision)),
                None => (self.shelf.kind(&piece.kind), plain(&piece.value)),
            };
            rows.push(EvidenceRow {
                id: piece.id,
                person: (about == Subject::Person).then(|| self.person_ref(home, piece.subject)),
                kind: name,
                value,
                unit: kind.map(super::shelf::unit_of).unwrap_or_default(),
                valid_from: piece.valid.from,
                valid_to: last_day(piece.valid.to),
                recorded_at: piece.provenance.recorded_at,
                recorded_by: piece.provenance.recorded_by.clone(),
                source: piece.provenance.source.clone(),
                superseded: gone || replaced,
            });
        }
        for m in home
            .memberships
            .iter()
            .filter(|m| Some(m.household) == home.household)
        {
            let word = if m.member {
                "register-member"
            } else {
                "register-not-member"
            };
            rows.push(EvidenceRow {
                id: m.id,
                person: Some(self.person_ref(home, m.person)),
                kind: Named {
                    id: word.into(),
                    name: crate::web::session::both(word),
                },
                value: m.relation.clone(),
                unit: String::new(),
                valid_from: m.valid.from,
                valid_to: last_day(m.valid.to),
                recorded_at: m.provenance.recorded_at,
                recorded_by: m.provenance.recorded_by.clone(),
                source: m.provenance.source.clone(),
                superseded: false,
            });
        }
        for r in &home.residences {
            rows.push(EvidenceRow {
                id: r.id,
                person: None,
                kind: Named {
                    id: "register-address".into(),
                    name: crate::web::session::both("register-address"),
                },
                value: r.address.clone(),
                unit: String::new(),
                valid_from: r.valid.from,
                valid_to: last_day(r.valid.to),
                recorded_at: r.provenance.recorded_at,
                recorded_by: r.provenance.recorded_by.clone(),
                source: r.provenance.source.clone(),
                superseded: false,
            });
        }
        rows.sort_by_key(|row| std::cmp::Reverse((row.recorded_at, row.id)));
        rows
    }

    pub(super) fn decision_name(&self) -> Named {
        Named {
            id: decision::KIND.into(),
            name: crate::web::session::both("register-decision"),
        }
    }

    pub(super) fn decision_text(&self, decision: &decision::Decision) -> String {
        let programme = self.shelf.programme(&decision.programme).name;
        let (zh, en) = match decision.ruling {
            decision::Ruling::Pause => ("暂停".to_string(), "pause".to_string()),
            decision::Ruling::Confirm { amount } => (
                format!("确认 {amount} 元"),
                format!("{amount} yuan confirmed"),
            ),
            decision::Ruling::Hold { floor } => (
                format!("听取意见前不低于 {floor} 元"),
                format!("not below {floor} yuan until heard"),
            ),
        };
        format!("{}：{zh} · {}: {en}", programme.zh, programme.en)
    }

    /// A case in a list.
    pub(super) fn case_row(&self, case: &Case, state: &str) -> CaseRow {
        let at = case.state();
        let step = at
            .current
            .as_ref()
            .map(|current| self.step_name(case, &current.step));
        let state = match &at.closed {
            Some((Closing::Decided { granted: true, .. }, _)) => "granted",
            Some((Closing::Decided { .. }, _)) => "refused",
            Some((Closing::Withdrawn, _)) => "closed",
            None if state == "open" || state.is_empty() => "open",
            None => "closed",
        };
        CaseRow {
            id: case.id,
            kind: case_kind(case.kind).into(),
            programme: self.shelf.programme(&case.programme),
            opened: timeline::civil_day(case.opened_at),
            step,
            due: at.current.and_then(|current| current.due),
            state: state.into(),
        }
    }

    pub(super) fn step_name(&self, case: &Case, step: &str) -> Bilingual {
        let version = crate::service::rules::latest_version(self.office.law(), &case.programme);
        let found = version.and_then(|programme| {
            steps(case.kind, programme)
                .into_iter()
                .find(|s| s.id == step)
        });
        found.map_or_else(
            || super::shelf::same(step),
            |s| Bilingual { zh: s.zh, en: s.en },
        )
    }

    pub(super) fn notice(&self, notice: &Notice) -> NoticeView {
        NoticeView {
            id: notice.id,
            programme: self.shelf.programme(&notice.programme),
            kind: notice.kind.clone(),
            text: notice.text.clone(),
            objection_until: notice.objection_until,
            made_at: notice.made_at,
        }
    }
}

/// A payment with the run that it was in.
fn payment_row(
    payment: &ledger::payment::Payment,
    batches: &[ledger::payment::Batch],
) -> PaymentRow {
    let batch = batches.iter().find(|b| b.id == payment.batch);
    PaymentRow {
        batch: payment.batch,
        month: batch.map(|b| b.month.clone()).unwrap_or_default(),
        sequence: payment.sequence,
        pay_on: batch.map(|b| b.pay_on),
        amount: payment.amount,
        state: payment.state.as_str().into(),
        bank_reason: payment.bank_reason.clone(),
        items: payment
            .items
            .iter()
            .map(|i| (i.period.clone(), i.amount))
            .collect(),
    }
}

/// A kind of case as files write it.
pub(super) fn case_kind(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::Application => "application",
        CaseKind::Review => "review",
        CaseKind::Change => "change",
        CaseKind::Recovery => "recovery",
        CaseKind::Signal => "signal",
    }
}

/// Everybody who was ever a member.
pub(super) fn persons_ever(home: &HouseholdHistory) -> Vec<Id> {
    let mut persons: Vec<Id> = home
        .memberships
        .iter()
        .filter(|m| Some(m.household) == home.household)
        .map(|m| m.person)
        .collect();
    persons.sort_unstable();
    persons.dedup();
    persons
}

/// Who a person is, as known now.
pub(super) fn identity(home: &HouseholdHistory, person: Id) -> Option<&Identity> {
    home.identities
        .iter()
        .filter(|i| i.person == person)
        .max_by_key(|i| (i.provenance.recorded_at, i.id))
}

/// The first character, and stars for the rest.
pub(super) fn masked_name(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(String::from).unwrap_or_default();
    let rest = chars.count();
    if rest == 0 {
        first
    } else {
        format!("{first}{}", "*".repeat(rest.min(3)))
    }
}

/// Completed years.
pub(super) fn age(birth: Day, today: Day) -> i32 {
    let before = (today.month(), today.day()) < (birth.month(), birth.day());
    today.year() - birth.year() - i32::from(before)
}

/// The first ground of a determination in one sentence: of a refusal the condition that refused.
pub(super) fn first_reason(d: &Determination) -> Bilingual {
    let speaking = match &d.outcome {
        Outcome::Refused { condition } => d.reasons.iter().find(|r| r.rule == *condition),
        // Of a sum the sentence of its largest part says most.
        _ => {
            let size = |rule: &str| {
                let line = d.lines.iter().find(|(name, _)| name == rule);
                line.and_then(|(_, value)| value.as_f64()).unwrap_or(0.0)
            };
            let parts = d.reasons.iter().filter(|r| size(&r.rule) > 0.0);
            parts
                .max_by(|a, b| size(&a.rule).total_cmp(&size(&b.rule)))
                .or(d.reasons.last())
        }
    };
    match (&d.outcome, speaking.or_else(|| d.reasons.first())) {
        (Outcome::Undetermined { missing }, _) => {
            let names: Vec<&str> = missing.iter().map(|m| m.name.as_str()).collect();
            let mut once = names.clone();
            once.dedup();
            Bilingual {
                zh: format!("缺少：{}", once.join("、")),
                en: format!("missing: {}", once.join(", ")),
            }
        }
        (_, Some(reason)) => reason.text.clone(),
        _ => Bilingual::default(),
    }
}

fn periods(
    programme: &str,
    made: &[Determination],
    changes: &[EntitlementChange],
    position: &Position,
) -> Vec<PeriodRow> {
    let mut by_period: BTreeMap<PeriodKey, Vec<&Determination>> = BTreeMap::new();
    for d in made.iter().filter(|d| d.programme == programme) {
        by_period.entry(d.period).or_default().push(d);
    }
    let mut rows: Vec<PeriodRow> = Vec::new();
    for (period, mut versions) in by_period {
        versions.sort_by_key(|d| std::cmp::Reverse(d.version));
        let Some(latest) = versions.first() else {
            continue;
        };
        if versions.iter().all(|d| d.outcome == Outcome::NotApplicable) {
            continue;
        }
        let text = period.to_string();
        let owed = changes
            .iter()
            .filter(|c| c.programme == programme && c.period == period)
            .map(|c| c.change)
            .sum::<Fen>();
        let money = position.period(&text);
        let view = |d: &Determination| OutcomeView::of(&d.outcome, &result_of(d));
        rows.push(PeriodRow {
            period: text,
            version: latest.version,
            outcome: view(latest),
            reason: first_reason(latest),
            made_at: latest.made_at,
            owed,
            paid: money.paid - money.returned_after_paid,
            earlier: versions[1..]
                .iter()
                .map(|d| VersionRow {
                    version: d.version,
                    outcome: view(d),
                    made_at: d.made_at,
                })
                .collect(),
        });
    }
    rows.reverse();
    rows
}

/// The value of a determination that is not about money: its lines as a context.
pub(super) fn result_of(d: &Determination) -> serde_json::Value {
    if d.lines.is_empty() {
        return serde_json::Value::Null;
    }
    serde_json::Value::Object(d.lines.iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_their_first_character() {
        assert_eq!(masked_name("赵"), "赵");
        assert_eq!(masked_name("赵一甲"), "赵**");
    }

    #[test]
    fn years_are_completed_ones() {
        let day = |text| base::parse_day(text).expect("a day");
        assert_eq!(age(day("1971-06-16"), day("2026-06-15")), 54);
        assert_eq!(age(day("1971-06-15"), day("2026-06-15")), 55);
    }
}
