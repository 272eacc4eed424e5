//! Applications and the steps of cases.

use super::change::Facts;
use super::rules::latest_version;
use super::{Office, ServiceError};
use base::Id;
use casework::application;
use casework::authority::{Actor, Nesting};
use casework::case::{Case, CaseKind, Happening, Notice};
use casework::conclusion;
use casework::correction::decision_notice;
use casework::procedure::{Action, Progress, act};
use entitlement::change::At;
use entitlement::determination::{Determination, PeriodKey, SubjectKey};
use entitlement::determine::{Found, version_after};
use entitlement::rules::Rules;
use entitlement::{Programme, Subject};
use registry::timeline;
use store::{CaseHappening, ChangeSet, JournalEntry};

/// What somebody does in a case, as it comes from a form or a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The step under way is done.
    Done {
        /// Its id.
        step: String,
    },
    /// Somebody objects to what was published.
    Object {
        /// Who.
        who: String,
    },
    /// The recipient was heard.
    Hear,
    /// A decision.
    Decide {
        /// Granted, or refused.
        granted: bool,
        /// Against the rules' result, for the written reason.
        exception: bool,
    },
    /// Withdrawn.
    Withdraw,
}

/// A case with what a decision about it looks at.
#[derive(Clone, Debug)]
pub struct CaseView {
    /// The case with its events.
    pub case: Case,
    /// The programme in force where the case is, today.
    pub programme: Programme,
    /// The latest determination about the subject; where none was made yet, what the rules say of this
    /// month by what is known now. That one is recorded with the decision that looks at it.
    pub determination: Option<Determination>,
    /// Is the determination still to be recorded?
    pub fresh: bool,
}

impl Office {
    /// Opens an application. `request` is the client's id, and becomes the case's: the same request twice
    /// opens one case. `person` names whom it is about when the programme is about persons.
    ///
    /// # Errors
    /// When the programme is not in force where the household lives, an application is open already, or
    /// an award runs.
    #[expect(clippy::too_many_arguments, reason = "what an application says")]
    pub async fn apply(
        &self,
        request: Id,
        household: Id,
        person: Option<Id>,
        programme: &str,
        by: &str,
        note: &str,
        at: At,
    ) -> Result<Case, ServiceError> {
        let read = self.prefetch(&[household]).await?;
        let home = read.households.first().ok_or_else(|| {
            ServiceError::NotFound(format!("household {household} is not in the register"))
        })?;
        let area = home
            .residences
            .iter()
            .filter(|r| r.valid.contains(at.today))
            .max_by_key(|r| (r.provenance.recorded_at, r.id))
            .map(|r| r.area.clone())
            .ok_or_else(|| {
                ServiceError::Refused(format!("household {household} lives nowhere today"))
            })?;
        let scheme = self
            .rules
            .programme(programme, &area, at.today)
            .ok_or_else(|| {
                ServiceError::NotFound(format!("programme `{programme}` is not in force in {area}"))
            })?;
        let subject = match (scheme.subject, person) {
            (Subject::Household, _) => SubjectKey {
                shard: home.shard.clone(),
                kind: Subject::Household,
                id: household,
            },
            (Subject::Person, Some(person))
                if home.memberships.iter().any(|m| m.person == person) =>
            {
                SubjectKey {
                    shard: home.shard.clone(),
                    kind: Subject::Person,
                    id: person,
                }
            }
            (Subject::Person, _) => {
                return Err(ServiceError::Refused(format!(
                    "programme `{programme}` is about a person: say which member applies"
                )));
            }
        };
        if let Some(held) = read.cases.iter().find(|c| {
            c.subject == subject && c.programme == programme && c.kind == CaseKind::Application
        }) {
            if held.id == request {
                return Ok(held.clone());
            }
            return Err(ServiceError::Refused(format!(
                "an application for this programme is open already: case {}",
                held.id
            )));
        }
        let running =
            entitlement::owed::award_running(&read.awards, &subject, programme, at.month(), at.now);
        if let Some(award) = running {
            return Err(ServiceError::Refused(format!(
                "an award of this programme runs already, since {}",
                award.from
            )));
        }
        let calendar = self.law().calendar(&area);
        let opened = application::apply(request, &subject, scheme, &area, by, note, at, &calendar);
        let set = ChangeSet {
            shard: subject.shard.clone(),
            at: at.now,
            journal: vec![JournalEntry {
                actor: by.into(),
                action: "apply".into(),
                subject: Some(household),
                detail: serde_json::json!({ "case": request, "programme": programme }),
            }],
            cases: vec![opened.case.clone()],
            tasks: opened.tasks,
            ..ChangeSet::default()
        };
        self.store.commit(&set).await?;
        Ok(opened.case)
    }

    /// A case with the programme and the determination that a decision looks at.
    ///
    /// # Errors
    /// When there is no such case, or its programme is in force nowhere any more.
    pub async fn case_view(&self, shard: &str, case: Id, at: At) -> Result<CaseView, ServiceError> {
        let file = self
            .store
            .case(shard, case)
            .await?
            .ok_or_else(|| ServiceError::NotFound(format!("there is no case {case}")))?;
        let case = file.case;
        let programme = self
            .rules
            .programme(&case.programme, &case.area, at.today)
            .or_else(|| latest_version(self.law(), &case.programme))
            .cloned()
            .ok_or_else(|| {
                ServiceError::NotFound(format!("programme `{}` is no longer law", case.programme))
            })?;
        let mut made = self
            .store
            .determinations_of(&case.subject.shard, case.subject.id)
            .await?;
        made.retain(|d| d.programme == case.programme && d.made_at <= at.now);
        let determination = made
            .into_iter()
            .max_by_key(|d| (order(d.period), d.version));
        let fresh = determination.is_none();
        let determination = match determination {
            Some(made) => Some(made),
            None => self.determined_now(&case, at).await?,
        };
        Ok(CaseView {
            fresh: fresh && determination.is_some(),
            case,
            programme,
            determination,
        })
    }

    /// What the rules say of a case's subject this month, when no run has said it yet. `None` when the
    /// programme or the subject has nothing to do with this month, so that there is nothing to decide on.
    async fn determined_now(
        &self,
        case: &Case,
        at: At,
    ) -> Result<Option<Determination>, ServiceError> {
        let household = match case.subject.kind {
            Subject::Household => Some(case.subject.id),
            Subject::Person => {
                self.store
                    .household_of(case.subject.id, at.today, at.now)
                    .await?
            }
        };
        let Some(household) = household else {
            return Ok(None);
        };
        let found = self
            .explain_household(&case.programme, at.month(), household, at, false)
            .await;
        let found = match found {
            Ok(found) => found,
            Err(ServiceError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let own = found.into_iter().find(|f| f.subject.id == case.subject.id);
        Ok(own.map(|f| {
            let found = Found {
                subject: f.subject,
                period: f.period,
                evaluation: f.evaluation,
            };
            let law = self.rules.digest();
            version_after(None, found, &case.programme, law, at.now, at.now)
        }))
    }

    /// One act in a case: what may be done is checked, and what follows (an award and its letter, the end
    /// of an award, the end of a hold) is recorded with it. `request` is the client's id of the act.
    ///
    /// # Errors
    /// [`ServiceError::Case`] when the act may not be done, with the reason.
    #[expect(
        clippy::too_many_arguments,
        reason = "an act needs its actor, its place and its time"
    )]
    pub async fn act(
        &self,
        shard: &str,
        case: Id,
        request: Id,
        deed: &Deed,
        note: &str,
        actor: &Actor,
        at: At,
    ) -> Result<Progress, ServiceError> {
        let view = self.case_view(shard, case, at).await?;
        let areas = self.store.areas().await?;
        let nesting = Nesting::new(&areas);
        let calendar = self.law().calendar(&view.case.area);
        let action = match deed {
            Deed::Done { step } => Action::Done { step },
            Deed::Object { who } => Action::Object { who },
            Deed::Hear => Action::Hear,
            Deed::Withdraw => Action::Withdraw,
            Deed::Decide { granted, exception } => Action::Decide {
                granted: *granted,
                determination: view.determination.as_ref(),
                exception: *exception,
            },
        };
        let progress = act(
            &view.case,
            &view.programme,
            request,
            &action,
            note,
            actor,
            &nesting,
            at,
            &calendar,
        )?;
        if progress.events.is_empty() {
            return Ok(progress);
        }
        let mut after = view.case.clone();
        after.events.extend(progress.events.iter().cloned());
        let facts = self.consequences(&view, &after, at).await?;
        let letters = self.letters(&view, &after, &facts, at).await?;
        let tasks = self.store.tasks_of(shard, case).await?;
        let done: Vec<casework::case::Task> = tasks
            .into_iter()
            .filter(|t| progress.done.contains(&t.id) && t.done_at.is_none())
            .map(|t| casework::case::Task {
                done_at: Some(at.now),
                ..t
            })
            .collect();
        let decides = matches!(deed, Deed::Decide { .. });
        let finish = |set: &mut ChangeSet| {
            set.shard = shard.into();
            // What follows from the decision may have determined the same period again already.
            if let (true, true, Some(made)) = (decides, view.fresh, &view.determination)
                && !set.determinations.iter().any(|d| d.id == made.id)
            {
                set.determinations.push(made.clone());
            }
            set.at = at.now;
            set.case_events
                .extend(progress.events.iter().map(|event| CaseHappening {
                    shard: shard.into(),
                    case,
                    event: event.clone(),
                }));
            set.tasks.extend(done.iter().cloned());
            set.tasks.extend(progress.tasks.iter().cloned());
            set.notices.extend(letters.iter().cloned());
            set.journal.push(JournalEntry {
                actor: actor.user.clone(),
                action: "case".into(),
                subject: Some(view.case.subject.id),
                detail: serde_json::json!({ "case": case, "events": progress.events }),
            });
        };
        if facts.is_empty() {
            let mut set = ChangeSet::default();
            finish(&mut set);
            self.store.commit(&set).await?;
        } else {
            self.record_with(request, &facts, &actor.user, at, |set| {
                finish(set);
                Ok(())
            })
            .await?;
        }
        Ok(progress)
    }

    /// Awards begun or ended, and holds lifted, by a decision.
    async fn consequences(
        &self,
        view: &CaseView,
        after: &Case,
        at: At,
    ) -> Result<Facts, ServiceError> {
        if decided(after).is_none() {
            return Ok(Facts::default());
        }
        let subject = &view.case.subject;
        let read = self.prefetch(&[subject.id]).await?;
        let running = entitlement::owed::awards_known(&read.awards, at.now)
            .into_iter()
            .filter(|a| a.subject.id == subject.id && a.programme == view.case.programme)
            .find(|a| a.to.is_none_or(|to| to > at.month()));
        let evidence = read.households.iter().flat_map(|h| &h.evidence);
        let holds = conclusion::holds(&view.case, evidence, at.now);
        let follows = conclusion::conclude(
            after,
            &view.programme,
            running,
            &holds,
            view.determination.as_ref(),
            None,
        );
        Ok(Facts {
            awards: follows.award.into_iter().collect(),
            evidence: follows.evidence,
            ..Facts::default()
        })
    }

    /// The letter that a decision about an application calls for.
    async fn letters(
        &self,
        view: &CaseView,
        after: &Case,
        facts: &Facts,
        at: At,
    ) -> Result<Vec<Notice>, ServiceError> {
        let (Some(granted), CaseKind::Application) = (decided(after), view.case.kind) else {
            return Ok(Vec::new());
        };
        let Some(determination) = &view.determination else {
            return Ok(Vec::new());
        };
        let read = self.prefetch(&[view.case.subject.id]).await?;
        let written = after.events.last().map_or("", |e| e.note.as_str());
        // A programme without a template for this letter sends none; the case says what was decided.
        let letter = decision_notice(
            &view.programme,
            after,
            granted,
            facts.awards.first().map(|award| award.from),
            determination,
            written,
            &read.households,
            at,
            &self.law().calendar(&view.case.area),
        );
        Ok(letter.ok().into_iter().collect())
    }
}

/// Granted or refused, once a decision was taken.
fn decided(case: &Case) -> Option<bool> {
    case.events.iter().rev().find_map(|event| match event.what {
        Happening::Decided { granted, .. } => Some(granted),
        _ => None,
    })
}

/// Periods in the order of time; events and things determined once come by their versions alone.
fn order(period: PeriodKey) -> i32 {
    match period {
        PeriodKey::Month(month) => month.index(),
        PeriodKey::Event(_) | PeriodKey::Once => 0,
    }
}

/// The name of a household's head today.
pub fn head_name(home: &registry::slice::HouseholdHistory, at: At) -> Option<String> {
    let head = home
        .memberships
        .iter()
        .filter(|m| m.member && Some(m.household) == home.household)
        .filter(|m| m.valid.contains(at.today) && m.provenance.recorded_at <= at.now)
        .max_by_key(|m| (m.relation == timeline::HEAD, m.provenance.recorded_at))?;
    home.identities
        .iter()
        .filter(|i| i.person == head.person)
        .max_by_key(|i| (i.provenance.recorded_at, i.id))
        .map(|i| i.name.clone())
}
