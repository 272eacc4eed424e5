//! The steps of a case, as the law's procedure gives them: what is to be done next, by whom, by when,
//! and when it may be done.

use crate::authority::{Act, Actor, Denied, Nesting, may};
use crate::case::{Case, CaseEvent, CaseKind, Happening, Task};
use base::{Calendar, CalendarError, Day, Id};
use chrono::{Datelike, Days, Months};
use entitlement::change::At;
use entitlement::determination::{Determination, SubjectKey};
use entitlement::{Bilingual, Outcome, Programme, Role, Step, Term};

/// The last day of a term that starts to run on the day after `start`.
///
/// # Errors
/// Working days that run into a year whose holidays are not known: a deadline is not guessed.
pub fn end_of(term: Term, start: Day, calendar: &Calendar) -> Result<Day, CalendarError> {
    let beyond = CalendarError::YearUnknown(Day::MAX.year());
    match term {
        Term::WorkingDays(n) => calendar.add(start, n),
        Term::Days(n) => start.checked_add_days(Days::new(n.into())).ok_or(beyond),
        Term::Months(n) => start.checked_add_months(Months::new(n)).ok_or(beyond),
    }
}

/// A deadline, or in words why there is none yet.
fn deadline(term: Option<Term>, start: Day, calendar: &Calendar) -> (Option<Day>, String) {
    match term.map(|t| end_of(t, start, calendar)) {
        None => (None, String::new()),
        Some(Ok(day)) => (Some(day), String::new()),
        Some(Err(CalendarError::YearUnknown(year))) => (
            None,
            format!(
                "{year} 年放假安排未公布，期限待定 · no deadline yet: the holidays of {year} are not in the calendar"
            ),
        ),
    }
}

/// The steps of a case of this kind. Applications follow the law's procedure; the others have the
/// steps that every programme shares.
pub fn steps(kind: CaseKind, programme: &Programme) -> Vec<Step> {
    let procedure = &programme.procedure;
    let step = |id: &str, zh: &str, en: &str, role, within| Step {
        id: id.into(),
        zh: zh.into(),
        en: en.into(),
        role,
        within,
        runs: None,
        publishes: Vec::new(),
    };
    let approve = || {
        step(
            "approve",
            "审核决定",
            "Decision",
            Role::Approver,
            procedure.total,
        )
    };
    match kind {
        CaseKind::Application => procedure.steps.clone(),
        CaseKind::Review => vec![
            step("review", "复核", "Review", Role::Caseworker, None),
            approve(),
        ],
        CaseKind::Change if procedure.hearing_before_reduction => vec![
            step(
                "hearing",
                "听取意见",
                "Hearing",
                Role::Caseworker,
                procedure.total,
            ),
            approve(),
        ],
        CaseKind::Change => vec![
            step(
                "check",
                "核实变化",
                "Check of the change",
                Role::Caseworker,
                procedure.total,
            ),
            approve(),
        ],
        CaseKind::Recovery => vec![step(
            "recovery",
            "追回多发款",
            "Recovery of overpaid money",
            Role::Approver,
            procedure.objection,
        )],
        CaseKind::Signal => vec![step(
            "signal",
            "核查线索",
            "Look into a signal",
            Role::Caseworker,
            None,
        )],
    }
}

/// A case just opened, with the first thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The case with its first events.
    pub case: Case,
    /// To do.
    pub tasks: Vec<Task>,
}

/// What a new case is about.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// Identity; the client's, or derived from what causes the case.
    pub id: Id,
    /// What kind.
    pub kind: CaseKind,
    /// About whom.
    pub subject: &'a SubjectKey,
    /// Area code of the household.
    pub area: &'a str,
    /// Who opens it; the system's name when a run does.
    pub by: &'a str,
    /// In their words.
    pub note: &'a str,
    /// The first step's deadline, where it is not the procedure's to give (a review that falls due).
    pub due: Option<Day>,
}

/// Opens a case and begins its first step.
pub fn open(opening: &Opening<'_>, programme: &Programme, at: At, calendar: &Calendar) -> Opened {
    let mut case = Case {
        id: opening.id,
        subject: opening.subject.clone(),
        programme: programme.id.clone(),
        kind: opening.kind,
        area: opening.area.into(),
        opened_at: at.now,
        events: Vec::new(),
    };
    case.events.push(CaseEvent {
        id: event_id(&case, "opened", 0),
        at: at.now,
        by: opening.by.into(),
        what: Happening::Opened,
        note: opening.note.into(),
    });
    let mut tasks = Vec::new();
    if let Some(first) = steps(opening.kind, programme).first() {
        let (mut event, mut task) = begin(&case, first, opening.by, at, calendar);
        if let (Some(day), Happening::StepBegun { due, .. }) = (opening.due, &mut event.what) {
            *due = Some(day);
            task.due = Some(day);
        }
        case.events.push(event);
        tasks.push(task);
    }
    Opened { case, tasks }
}

fn event_id(case: &Case, what: &str, n: usize) -> Id {
    Id::derive(&["case-event", &case.id.to_string(), what, &n.to_string()])
}

/// The task of a step.
pub fn task_id(case: Id, step: &str) -> Id {
    Id::derive(&["task", &case.to_string(), step])
}

fn begin(case: &Case, step: &Step, by: &str, at: At, calendar: &Calendar) -> (CaseEvent, Task) {
    let (due, missing) = deadline(step.within, at.today, calendar);
    // A notice that runs seven days may come down on the eighth.
    let (stands, missing_too) = deadline(step.runs, at.today, calendar);
    let not_before = stands.and_then(|day| day.succ_opt());
    let event = CaseEvent {
        id: event_id(case, &format!("begun {}", step.id), 0),
        at: at.now,
        by: by.into(),
        what: Happening::StepBegun {
            step: step.id.clone(),
            due: due.or(not_before),
            not_before,
        },
        note: if missing.is_empty() {
            missing_too
        } else {
            missing
        },
    };
    let task = Task {
        id: task_id(case.id, &step.id),
        case: case.id,
        shard: case.subject.shard.clone(),
        step: step.id.clone(),
        title: Bilingual {
            zh: step.zh.clone(),
            en: step.en.clone(),
        },
        role: step.role,
        area: case.area.clone(),
        due: due.or(not_before),
        not_before,
        done_at: None,
    };
    (event, task)
}

/// What somebody does in a case.
#[derive(Clone, Debug)]
pub enum Action<'a> {
    /// The step under way is done.
    Done {
        /// Its id.
        step: &'a str,
    },
    /// Somebody objects to what was published.
    Object {
        /// Who.
        who: &'a str,
    },
    /// The recipient was heard, or did not come though invited (the note says which).
    Hear,
    /// A human decides, having looked at the determination.
    Decide {
        /// Granted (in a review or change: the award goes on).
        granted: bool,
        /// The determination as it stands.
        determination: Option<&'a Determination>,
        /// Against the rules' result, for the reason given in the note.
        exception: bool,
    },
    /// Withdrawn by the applicant, or closed without a decision.
    Withdraw,
}

/// What an act comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// To be added to the case.
    pub events: Vec<CaseEvent>,
    /// Tasks that are done with it.
    pub done: Vec<Id>,
    /// New ones.
    pub tasks: Vec<Task>,
}

/// Why an act in a case is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// Role, area or four eyes.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It is over.
    #[error("the case is closed; open a new one")]
    Closed,
    /// Another step is under way.
    #[error("the step `{asked}` is not under way; it is `{current}`")]
    OtherStep {
        /// Asked for.
        asked: String,
        /// Under way.
        current: String,
    },
    /// The step must stand longer.
    #[error("the step `{step}` must run its days; it can end on {day}")]
    TooEarly {
        /// The step.
        step: String,
        /// First day on which it can end.
        day: Day,
    },
    /// The last step ends by a decision.
    #[error("the step `{0}` ends by a decision, not by being marked as done")]
    NeedsDecision(String),
    /// Steps are left.
    #[error("the step `{0}` must be done before the decision")]
    StepsLeft(String),
    /// The recipient was not heard.
    #[error("the recipient must be heard before the decision")]
    NotHeard,
    /// The rules do not entitle.
    #[error(
        "the determination is {outcome}, not entitled; grant by exception with a written reason, or refuse"
    )]
    NotEntitled {
        /// What it is.
        outcome: String,
    },
    /// No determination to look at.
    #[error("there is no determination to decide on; determine the month first")]
    NoDetermination,
    /// In writing.
    #[error("a refusal or an exception needs a written reason")]
    NoReason,
}

/// One act in a case: checks that it may be done, and says what follows.
///
/// `id` is the client's id of the act; the same act sent twice yields nothing the second time.
///
/// # Errors
/// A [`CaseError`].
#[expect(
    clippy::too_many_arguments,
    reason = "an act needs its actor, its place and its time"
)]
pub fn act(
    case: &Case,
    programme: &Programme,
    id: Id,
    action: &Action<'_>,
    note: &str,
    actor: &Actor,
    nesting: &Nesting,
    at: At,
    calendar: &Calendar,
) -> Result<Progress, CaseError> {
    if case.events.iter().any(|e| e.id == id) {
        return Ok(Progress::default());
    }
    let state = case.state();
    if state.closed.is_some() {
        return Err(CaseError::Closed);
    }
    let all = steps(case.kind, programme);
    let allow = |act| may(actor, act, &case.area, nesting);
    let event = |what| CaseEvent {
        id,
        at: at.now,
        by: actor.user.clone(),
        what,
        note: note.into(),
    };
    let current = state.current.as_ref();
    let task_of = |step: &str| task_id(case.id, step);
    match action {
        Action::Done { step } => {
            let Some(now) = current.filter(|c| c.step == *step) else {
                return Err(CaseError::OtherStep {
                    asked: (*step).into(),
                    current: current.map_or_else(String::new, |c| c.step.clone()),
                });
            };
            let position = all.iter().position(|s| s.id == *step);
            let role = position.map_or(Role::Caseworker, |n| all[n].role);
            allow(Act::DoStep(role))?;
            let next = position.and_then(|n| all.get(n + 1));
            if role == Role::Approver && next.is_none() {
                return Err(CaseError::NeedsDecision((*step).into()));
            }
            if *step == "hearing" && !state.heard {
                return Err(CaseError::NotHeard);
            }
            if let Some(day) = now.not_before.filter(|day| at.today < *day) {
                return Err(CaseError::TooEarly {
                    step: (*step).into(),
                    day,
                });
            }
            let mut progress = Progress {
                events: vec![event(Happening::StepDone {
                    step: (*step).into(),
                })],
                done: vec![task_of(step)],
                tasks: Vec::new(),
            };
            if let Some(next) = next {
                let (begun, task) = begin(case, next, &actor.user, at, calendar);
                progress.events.push(begun);
                progress.tasks.push(task);
            }
            Ok(progress)
        }
        Action::Object { who } => {
            allow(Act::TakeObjection)?;
            Ok(Progress {
                events: vec![event(Happening::Objected { who: (*who).into() })],
                ..Progress::default()
            })
        }
        Action::Hear => {
            allow(Act::Hear)?;
            Ok(Progress {
                events: vec![event(Happening::Heard)],
                ..Progress::default()
            })
        }
        Action::Withdraw => {
            allow(Act::TakeObjection)?;
            Ok(Progress {
                events: vec![event(Happening::Withdrawn)],
                done: current.map(|c| task_of(&c.step)).into_iter().collect(),
                tasks: Vec::new(),
            })
        }
        Action::Decide {
            granted,
            determination,
            exception,
        } => {
            allow(Act::Decide(case))?;
            let last = all.last().map(|s| s.id.as_str());
            if let Some(c) = current.filter(|c| Some(c.step.as_str()) != last) {
                return Err(CaseError::StepsLeft(c.step.clone()));
            }
            if all.iter().any(|s| s.id == "hearing") && !state.heard {
                return Err(CaseError::NotHeard);
            }
            check_decision(case, *granted, *determination, *exception, note)?;
            Ok(Progress {
                events: vec![event(Happening::Decided {
                    granted: *granted,
                    determination: determination.map(|d| d.id),
                })],
                done: current.map(|c| task_of(&c.step)).into_iter().collect(),
                tasks: Vec::new(),
            })
        }
    }
}

/// Does the decision fit the determination that it looks at?
fn check_decision(
    case: &Case,
    granted: bool,
    determination: Option<&Determination>,
    exception: bool,
    note: &str,
) -> Result<(), CaseError> {
    let written = !note.trim().is_empty();
    if matches!(case.kind, CaseKind::Recovery | CaseKind::Signal) {
        return Ok(());
    }
    let Some(determination) = determination else {
        return Err(CaseError::NoDetermination);
    };
    match (&determination.outcome, granted) {
        (Outcome::Entitled { .. }, true) | (Outcome::Refused { .. }, false) => Ok(()),
        (outcome, true) if !exception => Err(CaseError::NotEntitled {
            outcome: outcome.name().into(),
        }),
        // An exception, or a refusal of what the rules do not refuse.
        _ if written => Ok(()),
        _ => Err(CaseError::NoReason),
    }
}

/// The last day for the whole: from acceptance to decision, or the special limit after an objection.
pub fn total_deadline(case: &Case, programme: &Programme, calendar: &Calendar) -> Option<Day> {
    let special = !case.state().objections.is_empty();
    let procedure = &programme.procedure;
    let term = procedure
        .total_special
        .filter(|_| special)
        .or(procedure.total)?;
    end_of(term, At::new(case.opened_at).today, calendar).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Closing;
    use entitlement::Subject;
    use registry::record::Area;

    fn day(text: &str) -> Day {
        base::parse_day(text).expect("a date")
    }

    fn at(text: &str) -> At {
        At::new(day(text).and_hms_opt(2, 0, 0).expect("time").and_utc())
    }

    fn calendar() -> Calendar {
        Calendar::new([day("2026-05-01")], [], [2026])
    }

    fn programme(hearing: bool) -> Programme {
        serde_json::from_value(serde_json::json!({
            "id": "jia", "en": "A", "subject": "household", "rhythm": "month", "amount": "甲",
            "procedure": {
                "steps": [
                    {"id": "accept", "zh": "受理", "en": "Acceptance", "role": "caseworker", "within": "0 wd"},
                    {"id": "notice", "zh": "公示", "en": "Notice", "role": "community", "runs": "7 d"},
                    {"id": "approve", "zh": "确认", "en": "Approval", "role": "approver", "within": "10 wd"}
                ],
                "total": "30 wd", "total_special": "45 wd", "hearing_before_reduction": hearing
            }
        }))
        .expect("a programme")
    }

    struct Office {
        case: Case,
        programme: Programme,
        count: u32,
    }

    impl Office {
        fn new(kind: CaseKind, hearing: bool) -> (Office, Vec<Task>) {
            let programme = programme(hearing);
            let subject = SubjectKey {
                shard: "S".into(),
                kind: Subject::Household,
                id: Id::derive(&["h"]),
            };
            let opening = Opening {
                id: Id::derive(&["case"]),
                kind,
                subject: &subject,
                area: "c1",
                by: "carl",
                note: "",
                due: None,
            };
            let opened = open(&opening, &programme, at("2026-04-27"), &calendar());
            let office = Office {
                case: opened.case,
                programme,
                count: 0,
            };
            (office, opened.tasks)
        }

        fn act(
            &mut self,
            who: &str,
            role: Role,
            action: Action<'_>,
            note: &str,
            when: &str,
        ) -> Result<Progress, CaseError> {
            self.count += 1;
            let area = |code: &str, parent: Option<&str>| Area {
                code: code.into(),
                name: String::new(),
                name_en: String::new(),
                parent: parent.map(Into::into),
            };
            let nesting = Nesting::new(&[area("d", None), area("c1", Some("d"))]);
            let actor = Actor {
                user: who.into(),
                roles: vec![role],
                area: "d".into(),
            };
            let id = Id::derive(&["act", &self.count.to_string()]);
            let progress = act(
                &self.case,
                &self.programme,
                id,
                &action,
                note,
                &actor,
                &nesting,
                at(when),
                &calendar(),
            )?;
            self.case.events.extend(progress.events.iter().cloned());
            Ok(progress)
        }
    }

    fn determination(outcome: Outcome) -> Determination {
        Determination {
            id: Id::derive(&["d"]),
            subject: SubjectKey {
                shard: "S".into(),
                kind: Subject::Household,
                id: Id::derive(&["h"]),
            },
            programme: "jia".into(),
            period: entitlement::determination::PeriodKey::Once,
            version: 1,
            known_at: at("2026-05-01").now,
            made_at: at("2026-05-01").now,
            law: String::new(),
            outcome,
            reasons: Vec::new(),
            lines: Vec::new(),
            carry: serde_json::Map::new(),
        }
    }

    #[test]
    fn an_application_runs_its_steps_and_days() {
        let (mut office, tasks) = Office::new(CaseKind::Application, false);
        assert_eq!(
            (tasks[0].step.as_str(), tasks[0].due),
            ("accept", Some(day("2026-04-27")))
        );
        let done = Action::Done { step: "accept" };
        let p = office
            .act("carl", Role::Caseworker, done.clone(), "", "2026-04-28")
            .expect("done");
        // Shown seven days after the 28th: until 5 May; it can end on the 6th.
        assert_eq!(p.tasks[0].not_before, Some(day("2026-05-06")));
        let done = Action::Done { step: "notice" };
        let early = office.act("mei", Role::Community, done.clone(), "", "2026-05-05");
        assert!(matches!(early, Err(CaseError::TooEarly { .. })));
        assert_eq!(
            total_deadline(&office.case, &office.programme, &calendar()),
            // 30 working days after 27 April, 1 May off.
            Some(day("2026-06-09"))
        );
        office
            .act(
                "mei",
                Role::Community,
                Action::Object { who: "…" },
                "",
                "2026-05-05",
            )
            .expect("recorded");
        assert_eq!(
            total_deadline(&office.case, &office.programme, &calendar()),
            Some(day("2026-06-30"))
        );
        let entitled = determination(Outcome::Entitled { amount: None });
        let decide = |granted, exception| Action::Decide {
            granted,
            determination: Some(&entitled),
            exception,
        };
        let left = office.act("ann", Role::Approver, decide(true, false), "", "2026-05-06");
        assert_eq!(left, Err(CaseError::StepsLeft("notice".into())));
        let p = office
            .act("mei", Role::Community, done, "", "2026-05-06")
            .expect("done");
        assert_eq!(p.tasks[0].due, Some(day("2026-05-20")));
        // Four eyes: who accepted it does not approve it.
        assert!(matches!(
            office.act(
                "carl",
                Role::Approver,
                decide(true, false),
                "",
                "2026-05-07"
            ),
            Err(CaseError::Denied(Denied::FourEyes { .. }))
        ));
        office
            .act("ann", Role::Approver, decide(true, false), "", "2026-05-07")
            .expect("decided");
        let closed = office.case.state().closed.expect("closed").0;
        assert!(matches!(closed, Closing::Decided { granted: true, .. }));
        assert_eq!(
            office.act("mei", Role::Community, Action::Withdraw, "", "2026-05-08"),
            Err(CaseError::Closed)
        );
    }

    #[test]
    fn a_decision_fits_the_determination_or_says_why_not() {
        let refused = determination(Outcome::Refused {
            condition: "甲".into(),
        });
        let undetermined = determination(Outcome::Undetermined { missing: vec![] });
        let ready = || {
            let (mut office, _) = Office::new(CaseKind::Application, false);
            for (who, role, step, when) in [
                ("carl", Role::Caseworker, "accept", "2026-04-28"),
                ("mei", Role::Community, "notice", "2026-05-06"),
            ] {
                office
                    .act(who, role, Action::Done { step }, "", when)
                    .expect("done");
            }
            office
        };
        let decide = |d, granted, exception, note: &str| {
            let action = Action::Decide {
                granted,
                determination: d,
                exception,
            };
            ready()
                .act("ann", Role::Approver, action, note, "2026-05-07")
                .map(drop)
        };
        assert!(matches!(
            decide(Some(&refused), true, false, "x"),
            Err(CaseError::NotEntitled { .. })
        ));
        assert_eq!(
            decide(Some(&refused), true, true, " "),
            Err(CaseError::NoReason)
        );
        assert_eq!(decide(Some(&refused), true, true, "hardship"), Ok(()));
        assert_eq!(decide(Some(&refused), false, false, ""), Ok(()));
        assert_eq!(
            decide(Some(&undetermined), false, false, ""),
            Err(CaseError::NoReason)
        );
        assert_eq!(
            decide(None, true, false, ""),
            Err(CaseError::NoDetermination)
        );
    }

    #[test]
    fn no_reduction_is_decided_unheard() {
        let (mut office, tasks) = Office::new(CaseKind::Change, true);
        assert_eq!(tasks[0].step, "hearing");
        let done = Action::Done { step: "hearing" };
        assert_eq!(
            office.act("carl", Role::Caseworker, done.clone(), "", "2026-05-05"),
            Err(CaseError::NotHeard)
        );
        office
            .act("carl", Role::Caseworker, Action::Hear, "came", "2026-05-06")
            .expect("heard");
        office
            .act("carl", Role::Caseworker, done, "", "2026-05-06")
            .expect("done");
        let refused = determination(Outcome::Refused {
            condition: "甲".into(),
        });
        let decide = Action::Decide {
            granted: false,
            determination: Some(&refused),
            exception: false,
        };
        office
            .act("ann", Role::Approver, decide, "", "2026-05-07")
            .expect("decided");
    }

    #[test]
    fn a_deadline_is_not_guessed() {
        let far = end_of(Term::WorkingDays(30), day("2026-12-10"), &calendar());
        assert_eq!(far, Err(CalendarError::YearUnknown(2027)));
        assert_eq!(
            end_of(Term::Months(1), day("2026-01-31"), &calendar()),
            Ok(day("2026-02-28"))
        );
        assert_eq!(
            end_of(Term::Days(60), day("2026-12-10"), &calendar()),
            Ok(day("2027-02-08"))
        );
    }
}
