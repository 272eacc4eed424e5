//! The work: tasks, cases, applications, the notice board.

use super::Live;
use super::people::{first_reason, persons_ever, result_of};
use super::shelf::step_view;
use crate::service::cases::Deed;
use crate::web::session::Viewer;
use crate::web::source::{CaseAct, Trouble};
use crate::web::view::case::{
    ActionView, CaseDetermination, CasePage, CaseStep, EventView, PublicRow, TaskQuery, TaskRow,
};
use crate::web::view::change::ApplyPage;
use crate::web::view::{Named, OutcomeView, Paged};
use base::{Day, Id};
use casework::authority::{Act, Actor, Denied, Nesting, may, worked_on};
use casework::case::{Case, CaseKind, Closing, Happening, Task};
use casework::procedure::{end_of, steps, total_deadline};
use chrono::TimeDelta;
use entitlement::{Outcome, Programme, Role, Subject};
use policy::law::Absent;
use registry::slice::HouseholdHistory;
use registry::timeline;
use store::CaseFile;

/// Rows of a page.
const ROWS: usize = 50;
/// Tasks looked at for one page when a filter leaves many out.
const LOOKED_AT: usize = 5000;
const ROLES: [Role; 6] = [
    Role::Community,
    Role::Caseworker,
    Role::Approver,
    Role::Finance,
    Role::Auditor,
    Role::Analyst,
];

/// `overdue`, `today`, `week`, `later`, `open`; `waiting` while a step may not end yet.
pub(super) fn traffic(due: Option<Day>, not_before: Option<Day>, today: Day) -> &'static str {
    let week = today
        .checked_add_signed(TimeDelta::days(7))
        .unwrap_or(today);
    match due {
        Some(due) if due < today => "overdue",
        _ if not_before.is_some_and(|day| day > today) => "waiting",
        Some(due) if due == today => "today",
        Some(due) if due <= week => "week",
        Some(_) => "later",
        None => "open",
    }
}

impl Live {
    /// The household of a subject, and its history.
    async fn household_of(
        &self,
        subject: &entitlement::determination::SubjectKey,
    ) -> Result<Option<HouseholdHistory>, Trouble> {
        let store = &self.office.store;
        let household = match subject.kind {
            Subject::Household => Some(subject.id),
            Subject::Person => {
                let at = self.at();
                match store.household_of(subject.id, at.today, at.now).await? {
                    Some(household) => Some(household),
                    None => store.households_of_person(subject.id).await?.pop(),
                }
            }
        };
        let Some(household) = household else {
            return Ok(None);
        };
        Ok(store.history(household).await?.map(|loaded| loaded.history))
    }

    /// The open work by deadline.
    pub(super) async fn task_list(
        &self,
        viewer: &Viewer,
        query: TaskQuery,
    ) -> Result<Paged<TaskRow>, Trouble> {
        let area = Self::bound(viewer, query.area.as_deref())?;
        let today = self.at().today;
        let roles: Vec<Role> = if query.whose == "all" {
            ROLES.to_vec()
        } else {
            vec![viewer.role]
        };
        // A cursor is `role␟rest`: one role after the other, each by deadline.
        let (mut role_at, mut after) = match query.after.as_deref().and_then(|a| a.split_once('~'))
        {
            Some((role, rest)) => {
                let n: usize = role.parse().unwrap_or(0);
                (
                    n.min(roles.len()),
                    (!rest.is_empty()).then(|| rest.to_string()),
                )
            }
            None => (0, None),
        };
        let wanted = |task: &Task| {
            let traffic = traffic(task.due, task.not_before, today);
            match query.due.as_str() {
                "overdue" => traffic == "overdue",
                "today" => traffic == "today" || traffic == "overdue",
                "week" => ["overdue", "today", "week", "waiting"].contains(&traffic),
                _ => true,
            }
        };
        let (mut rows, mut looked) = (Vec::new(), 0);
        let mut next = None;
        'roles: while role_at < roles.len() {
            let areas = [area.clone()];
            let page = self
                .office
                .store
                .tasks(roles[role_at], &areas, after.as_deref(), ROWS)
                .await?;
            for task in page.items {
                looked += 1;
                if wanted(&task)
                    && let Some(row) = self.task_row(&task, query.programme.as_deref()).await?
                {
                    rows.push(row);
                }
            }
            match page.next {
                Some(rest) => after = Some(rest),
                None => {
                    role_at += 1;
                    after = None;
                }
            }
            if rows.len() >= ROWS || looked >= LOOKED_AT {
                if role_at < roles.len() {
                    next = Some(format!("{role_at}~{}", after.unwrap_or_default()));
                }
                break 'roles;
            }
        }
        Ok(Paged {
            rows,
            next,
            total: None,
        })
    }

    async fn task_row(
        &self,
        task: &Task,
        programme: Option<&str>,
    ) -> Result<Option<TaskRow>, Trouble> {
        let Some(file) = self.office.store.case(&task.shard, task.case).await? else {
            return Ok(None);
        };
        if programme.is_some_and(|p| p != file.case.programme) {
            return Ok(None);
        }
        let Some(home) = self.household_of(&file.case.subject).await? else {
            return Ok(None);
        };
        Ok(Some(TaskRow {
            id: task.id,
            case: task.case,
            title: task.title.clone(),
            kind: super::people::case_kind(file.case.kind).into(),
            programme: self.shelf.programme(&file.case.programme),
            household: home.household.unwrap_or(file.case.subject.id),
            head: self.head_of(&home),
            area: self.area(&task.area),
            role: crate::web::session::role_name(task.role).into(),
            due: task.due,
            not_before: task.not_before,
            traffic: traffic(task.due, task.not_before, self.at().today).into(),
        }))
    }

    /// A case within the viewer's area, whichever shard holds it.
    async fn case_file(&self, viewer: &Viewer, id: Id) -> Result<CaseFile, Trouble> {
        for shard in self.office.store.shards().await? {
            if let Some(file) = self.office.store.case(&shard, id).await? {
                if Self::sees(viewer, &file.case.area) {
                    return Ok(file);
                }
                break;
            }
        }
        Err(Trouble::NotFound("case"))
    }

    /// A case with its steps and what the viewer may do.
    pub(super) async fn case_page(&self, viewer: &Viewer, id: Id) -> Result<CasePage, Trouble> {
        let file = self.case_file(viewer, id).await?;
        let at = self.at();
        let shard = file.case.subject.shard.clone();
        let view = self.office.case_view(&shard, id, at).await?;
        let case = &view.case;
        let home = self
            .household_of(&case.subject)
            .await?
            .ok_or(Trouble::NotFound("household"))?;
        let calendar = self.office.law().calendar(&case.area);
        let state = case.state();
        let case_steps = steps(case.kind, &view.programme)
            .iter()
            .map(|step| {
                let now = state.current.as_ref().filter(|c| c.step == step.id);
                let done = case.events.iter().find(
                    |e| matches!(&e.what, Happening::StepDone { step: done } if *done == step.id),
                );
                CaseStep {
                    step: step_view(step),
                    state: match (done, now) {
                        (Some(_), _) => "done",
                        (None, Some(_)) => "now",
                        (None, None) => "next",
                    }
                    .into(),
                    due: now.and_then(|c| c.due),
                    not_before: now.and_then(|c| c.not_before),
                    done: done.map(|e| timeline::civil_day(e.at)),
                    by: done.map(|e| e.by.clone()).unwrap_or_default(),
                }
            })
            .collect();
        let mut events = case
            .events
            .iter()
            .map(|event| {
                let (what, step) = match &event.what {
                    Happening::Opened => ("opened", None),
                    Happening::StepBegun { step, .. } => ("step-begun", Some(step)),
                    Happening::StepDone { step } => ("step-done", Some(step)),
                    Happening::Objected { .. } => ("objected", None),
                    Happening::Heard => ("heard", None),
                    Happening::Decided { granted: true, .. } => ("granted", None),
                    Happening::Decided { .. } => ("refused", None),
                    Happening::Withdrawn => ("withdrawn", None),
                };
                EventView {
                    at: event.at,
                    by: event.by.clone(),
                    what: what.into(),
                    step: step
                        .map(|step| self.step_name(case, step))
                        .unwrap_or_default(),
                    note: match &event.what {
                        Happening::Objected { who } if event.note.is_empty() => who.clone(),
                        Happening::Objected { who } => format!("{who}：{}", event.note),
                        _ => event.note.clone(),
                    },
                }
            })
            .collect::<Vec<EventView>>();
        // Of one moment: first the opening, then what ended, then what began with it.
        let rank = |what: &str| match what {
            "opened" => 0,
            "step-begun" => 2,
            _ => 1,
        };
        events.sort_by_key(|e| (e.at, rank(&e.what)));
        let notices = self
            .office
            .store
            .notices_of(&shard, case.subject.id)
            .await?;
        let since = case.opened_at;
        let closed = matches!(state.closed, Some((Closing::Decided { .. }, _)));
        Ok(CasePage {
            case: self.case_row(case, &file.state),
            household: home.household.unwrap_or(case.subject.id),
            head: self.head_of(&home),
            person: (case.subject.kind == Subject::Person)
                .then(|| self.person_ref(&home, case.subject.id)),
            area: self.area(&case.area),
            steps: case_steps,
            total_due: (!closed)
                .then(|| total_deadline(case, &view.programme, &calendar))
                .flatten(),
            determination: view.determination.as_ref().map(|d| CaseDetermination {
                period: d.period.to_string(),
                version: d.version,
                outcome: OutcomeView::of(&d.outcome, &result_of(d)),
                reason: first_reason(d),
            }),
            events,
            actions: self.actions(viewer, &view),
            notices: notices
                .iter()
                .filter(|n| n.programme == case.programme && n.made_at >= since)
                .map(|n| self.notice(n))
                .collect(),
        })
    }

    /// What the viewer may do now, and why not the rest. The casework room decides again when it is done.
    fn actions(&self, viewer: &Viewer, view: &crate::service::cases::CaseView) -> Vec<ActionView> {
        let case = &view.case;
        let state = case.state();
        let Some(current) = state.current.as_ref().filter(|_| state.closed.is_none()) else {
            return Vec::new();
        };
        let all = steps(case.kind, &view.programme);
        let Some(step) = all.iter().find(|s| s.id == current.step) else {
            return Vec::new();
        };
        let last = all.last().is_some_and(|s| s.id == step.id);
        let (actor, nesting) = (actor(viewer, &case.area), Nesting::new(&self.areas));
        let allowed = |act| match may(&actor, act, &case.area, &nesting) {
            Ok(()) => "",
            Err(Denied::FourEyes { .. }) => "four-eyes",
            Err(_) => "role",
        };
        let early = current.not_before.filter(|day| *day > self.at().today);
        let mut out = Vec::new();
        let mut offer = |act: &str, why_not: &str, day: Option<Day>| {
            // A button that is somebody else's is no help; one that waits or needs another pair of eyes is.
            if why_not != "role" {
                out.push(ActionView {
                    act: act.into(),
                    allowed: why_not.is_empty(),
                    why_not: why_not.into(),
                    day,
                });
            }
        };
        let publishes = !step.publishes.is_empty();
        if !last {
            let denied = allowed(Act::DoStep(step.role));
            match early {
                Some(day) if denied.is_empty() => offer("done", "not-before", Some(day)),
                _ => offer("done", denied, None),
            }
        }
        if publishes {
            offer("object", allowed(Act::TakeObjection), None);
        }
        let hearing = matches!(case.kind, CaseKind::Change | CaseKind::Recovery)
            && view.programme.procedure.hearing_before_reduction;
        if hearing && !state.heard {
            offer("hear", allowed(Act::Hear), None);
        }
        if last {
            let denied = allowed(Act::Decide(case));
            let own = denied.is_empty() && worked_on(case, &viewer.name);
            let outcome = view.determination.as_ref().map(|d| &d.outcome);
            let grant = match (denied, outcome) {
                ("", _) if own => "four-eyes",
                ("", None | Some(Outcome::Undetermined { .. })) => "undetermined",
                ("", Some(Outcome::Refused { .. } | Outcome::NotApplicable))
                    if case.kind == CaseKind::Application =>
                {
                    "refused"
                }
                (other, _) => other,
            };
            offer("grant", grant, None);
            let refuse = match (denied, outcome) {
                ("", _) if own => "four-eyes",
                // Nothing was determined yet, so there is no ground that the letter could name.
                ("", None) => "undetermined",
                (other, _) => other,
            };
            offer("refuse", refuse, None);
        }
        offer("withdraw", allowed(Act::TakeObjection), None);
        out
    }

    /// Does something in a case.
    pub(super) async fn case_act(&self, viewer: &Viewer, act: CaseAct) -> Result<(), Trouble> {
        let file = self.case_file(viewer, act.case).await?;
        let current = file.case.state().current;
        let deed = match act.act.as_str() {
            "done" => Deed::Done {
                step: current.map(|c| c.step).unwrap_or_default(),
            },
            "grant" => Deed::Decide {
                granted: true,
                exception: false,
            },
            "refuse" => Deed::Decide {
                granted: false,
                exception: false,
            },
            "object" if act.who.is_empty() => {
                return Err(Trouble::input("请写明谁提出异议", "say who objects"));
            }
            "object" => Deed::Object {
                who: act.who.clone(),
            },
            "hear" => Deed::Hear,
            "withdraw" => Deed::Withdraw,
            _ => return Err(Trouble::NotFound("act")),
        };
        let shard = &file.case.subject.shard;
        let actor = actor(viewer, &file.case.area);
        self.office
            .act(
                shard,
                act.case,
                act.event,
                &deed,
                &act.note,
                &actor,
                self.at(),
            )
            .await?;
        self.counts.forget();
        Ok(())
    }

    /// The application form of a programme.
    pub(super) async fn apply_page(
        &self,
        viewer: &Viewer,
        household: Id,
        programme: &str,
    ) -> Result<ApplyPage, Trouble> {
        let home = self.home(viewer, household).await?;
        let at = self.at();
        let area = self.area_of(&home);
        let edition = self
            .office
            .law()
            .edition(&area, at.today, None)
            .map_err(|error| Trouble::Internal(error.to_string()))?;
        let scheme = edition
            .programme(programme)
            .ok_or(Trouble::NotFound("programme"))?;
        let today = self.members_today(&home);
        let mut missing: Vec<(Named, String)> = Vec::new();
        for kind in edition.needs(programme) {
            if !matches!(kind.absent, Absent::Missing) || kind.register.is_some() {
                continue;
            }
            let mut look = |subject: Id, about: Subject, whose: String| {
                let known = self.facts(&home, subject, about);
                if !known.iter().any(|f| f.kind.id == *kind.name) {
                    missing.push((self.shelf.kind(&kind.name), whose));
                }
            };
            match kind.subject {
                Subject::Household => look(household, Subject::Household, String::new()),
                Subject::Person => {
                    for m in &today {
                        look(
                            m.person,
                            Subject::Person,
                            self.person_ref(&home, m.person).name,
                        );
                    }
                }
            }
        }
        let members = match scheme.subject {
            Subject::Household => Vec::new(),
            Subject::Person => today
                .iter()
                .map(|m| self.person_ref(&home, m.person))
                .collect(),
        };
        Ok(ApplyPage {
            household,
            head: self.head_of(&home),
            programme: super::shelf::named(scheme),
            members,
            steps: scheme.procedure.steps.iter().map(step_view).collect(),
            missing,
            today: at.today,
        })
    }

    /// What is on public notice today: only what each step publishes.
    pub(super) async fn notice_board(
        &self,
        area: Option<String>,
        after: Option<String>,
    ) -> Result<Paged<PublicRow>, Trouble> {
        let at = self.at();
        let areas: Vec<String> = area.into_iter().collect();
        let (mut rows, mut after, mut looked) = (Vec::new(), after, 0);
        let next = loop {
            let page = self
                .office
                .store
                .cases("open", &areas, after.as_deref(), ROWS)
                .await?;
            for file in page.items {
                // Most cases (reviews, changes, signals) have no step that publishes: they are not opened.
                if !self.publishes(&file.case) {
                    continue;
                }
                looked += 1;
                let shard = file.case.subject.shard.clone();
                let view = self.office.case_view(&shard, file.case.id, at).await?;
                rows.extend(self.public_row(&view).await?);
            }
            match page.next {
                Some(rest) if rows.len() < ROWS && looked < LOOKED_AT => after = Some(rest),
                rest => break rest,
            }
        };
        Ok(Paged {
            rows,
            next,
            total: None,
        })
    }

    /// Has a case of this kind a step that publishes, by any text of its programme?
    fn publishes(&self, case: &Case) -> bool {
        let own = |p: &&Programme| p.id == case.programme;
        let mut texts = self.office.law().programmes().map(|(p, _)| p).filter(own);
        texts.any(|p| steps(case.kind, p).iter().any(|s| !s.publishes.is_empty()))
    }

    async fn public_row(
        &self,
        view: &crate::service::cases::CaseView,
    ) -> Result<Option<PublicRow>, Trouble> {
        let case: &Case = &view.case;
        let Some(current) = case.state().current else {
            return Ok(None);
        };
        let all = steps(case.kind, &view.programme);
        let Some(step) = all
            .iter()
            .find(|s| s.id == current.step && !s.publishes.is_empty())
        else {
            return Ok(None);
        };
        let Some(home) = self.household_of(&case.subject).await? else {
            return Ok(None);
        };
        let from = timeline::civil_day(current.since);
        let calendar = self.office.law().calendar(&case.area);
        let to = step
            .runs
            .and_then(|term| end_of(term, from, &calendar).ok());
        let to = to.or(current.not_before).unwrap_or(from);
        if to < self.at().today {
            return Ok(None);
        }
        let shows = |field: &str| step.publishes.iter().any(|p| p == field);
        let head = self.members_today(&home).first().map(|m| m.person);
        let adult = head
            .and_then(|p| super::people::identity(&home, p))
            .is_some_and(|i| super::people::age(i.birth, self.at().today) >= 18);
        let members = persons_ever(&home)
            .len()
            .min(self.members_today(&home).len());
        let amount = view
            .determination
            .as_ref()
            .map(|d| d.outcome.amount())
            .unwrap_or_default();
        Ok(Some(PublicRow {
            // A minor is never named.
            name: if shows("name") && adult {
                self.head_of(&home)
            } else {
                "＊".into()
            },
            members: if shows("members") {
                u32::try_from(members).unwrap_or(0)
            } else {
                0
            },
            amount: if shows("amount") {
                amount
            } else {
                base::Fen::ZERO
            },
            programme: self.shelf.programme(&case.programme),
            area: self.area(&case.area),
            from,
            to,
        }))
    }
}

/// The viewer as the casework room knows actors: in the one of their areas that a case lies in.
fn actor(viewer: &Viewer, area: &str) -> Actor {
    let own = viewer.areas.iter().find(|own| area.starts_with(&own.id));
    Actor {
        user: viewer.name.clone(),
        roles: vec![viewer.role],
        area: own.map_or_else(|| viewer.area.clone(), |own| own.id.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_become_traffic() {
        let day = |text| base::parse_day(text).expect("a day");
        let today = day("2026-06-15");
        for (due, not_before, expected) in [
            (Some("2026-06-14"), None, "overdue"),
            (Some("2026-06-15"), None, "today"),
            (Some("2026-06-22"), None, "week"),
            (Some("2026-06-23"), None, "later"),
            (None, None, "open"),
            (Some("2026-06-20"), Some("2026-06-18"), "waiting"),
            // What is late is late, also while something must still run its days.
            (Some("2026-06-14"), Some("2026-06-18"), "overdue"),
        ] {
            assert_eq!(
                traffic(due.map(day), not_before.map(day), today),
                expected,
                "{due:?}"
            );
        }
    }
}
