//! The months of a demo: what happens is recorded as it is heard of, cases run their steps, everybody is
//! determined, paid and reconciled, and the night runs.

use super::{DEMO_DAY, DemoError, District, Plan, moment};
use crate::cli::Progress;
use crate::service::cases::Deed;
use crate::service::change::Facts;
use crate::service::night::Road;
use crate::service::rules::{determined_for_everybody, latest_version};
use crate::service::{Office, ServiceError};
use crate::world::{Event, Intent, Life, What};
use base::{Day, Fen, Id, Month};
use casework::authority::Actor;
use casework::case::Happening;
use casework::procedure::CaseError;
use entitlement::change::At;
use entitlement::{Outcome, Role, Subject};
use ledger::bank::{self, Rates};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Changes recorded in one transaction.
const BATCH: usize = 256;

/// What a month came to.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct MonthFigures {
    /// The month.
    pub month: String,
    /// Things heard of.
    pub events: u64,
    /// Things that were about nobody the register knows yet.
    pub sent_back: u64,
    /// New versions of determinations that followed from them.
    pub redetermined: u64,
    /// Changes of what is owed that followed from them.
    pub owed_changed: u64,
    /// Applications taken.
    pub applications: u64,
    /// Applications decided.
    pub decided: u64,
    /// Payment lines instructed.
    pub payments: u64,
    /// Their sum.
    pub paid: Fen,
    /// Lines that came back.
    pub returned: u64,
    /// Differences that nothing explained.
    pub unexplained: u64,
}

/// What will happen in a month, being drawn while the months before it are lived.
type Drawing = JoinHandle<(Life<'static, 'static>, Vec<Event>)>;

/// A demo's life, month after month.
pub struct Simulation {
    office: Arc<Office>,
    drawing: Option<Drawing>,
    seed: u64,
    /// Cases in hand: the day on which somebody next looks at them, shard and case.
    desk: BTreeMap<(Day, Id), String>,
    /// What is determined for everybody.
    programmes: Vec<String>,
    last: Month,
}

impl Simulation {
    /// From the first month on. Call it inside the runtime.
    pub fn new(
        office: &Arc<Office>,
        district: &'static District<'static>,
        plan: &Plan,
    ) -> Simulation {
        let programmes = determined_for_everybody(office.law())
            .into_iter()
            .map(str::to_string)
            .collect();
        Simulation {
            office: office.clone(),
            drawing: Some(tokio::task::spawn_blocking(|| draw(district.life()))),
            seed: plan.seed,
            desk: BTreeMap::new(),
            programmes,
            last: plan.last,
        }
    }

    /// Runs the next month.
    ///
    /// # Errors
    /// When a service fails.
    pub async fn month(&mut self, month: Month) -> Result<MonthFigures, DemoError> {
        let mut figures = MonthFigures {
            month: month.to_string(),
            ..MonthFigures::default()
        };
        self.determine(month).await?;
        let events = self.happenings(month).await?;
        let bar = Progress::new(&format!("{month}: life"), events.len() as u64);
        figures.events = events.len() as u64;
        let end = self.end_of(month);
        let mut events = events.into_iter().peekable();
        for day in days(month, end) {
            let until = At::new(moment(month, 0, 0).now).now
                + chrono::TimeDelta::days((day - month.first()).num_days() + 1);
            let mut today = Vec::new();
            while let Some(event) = events.next_if(|e| e.recorded_at < until) {
                today.push(event);
            }
            bar.add(today.len() as u64);
            // Desks are cleared first thing in the morning; then the day's news comes in.
            self.work(day, &mut figures).await?;
            self.hear(today, &mut figures).await?;
            if self.pays_on(day) {
                self.pay(month, day, &mut figures).await?;
            }
        }
        bar.done(&format!(
            "{} events, {} redetermined, {} applications, {} decided",
            figures.events, figures.redetermined, figures.applications, figures.decided
        ));
        let night = self
            .office
            .night(end, Road::Columns, "night", evening(end))
            .await?;
        figures.unexplained = night.unexplained.len() as u64;
        self.office
            .store
            .set_setting(DEMO_DAY, &end.to_string())
            .await?;
        Ok(figures)
    }

    /// What is heard of in the month. That of the next begins to be drawn.
    async fn happenings(&mut self, month: Month) -> Result<Vec<Event>, DemoError> {
        let Some(drawing) = self.drawing.take() else {
            return Ok(Vec::new());
        };
        let drawn = drawing.await;
        let (life, events) = drawn.map_err(|e| ServiceError::Worker(e.to_string()))?;
        if month < self.last {
            self.drawing = Some(tokio::task::spawn_blocking(|| draw(life)));
        }
        Ok(events)
    }

    /// The month's last day, or today in the month that runs.
    fn end_of(&self, month: Month) -> Day {
        let today = Office::now().today;
        if Month::of(today) == month && month == self.last {
            today
        } else {
            month.last()
        }
    }

    async fn determine(&self, month: Month) -> Result<(), DemoError> {
        let at = moment(month, 0, 60);
        let programmes: Vec<&str> = self.programmes.iter().map(String::as_str).collect();
        let bar = Progress::new(&format!("{month}: determining"), 0);
        let told = bar.clone();
        let runs = self
            .office
            .determine_all(&programmes, month, "monthly-run", at, &move |n| told.add(n))
            .await?;
        let said: Vec<String> = runs
            .iter()
            .map(|run| {
                let entitled = run.outcomes.get("entitled").copied().unwrap_or(0);
                format!("{} {entitled} entitled, {} owed", run.programme, run.owed)
            })
            .collect();
        bar.done(&said.join("; "));
        Ok(())
    }

    /// Records what was heard of on one day.
    async fn hear(
        &mut self,
        events: Vec<Event>,
        figures: &mut MonthFigures,
    ) -> Result<(), DemoError> {
        let mut batch: Vec<(Id, Facts, At)> = Vec::new();
        let mut touched: HashSet<Id> = HashSet::new();
        for event in events {
            let at = At::new(event.recorded_at);
            if let What::Applied(intent) | What::Withdrew(intent) = &event.what {
                let applied = matches!(event.what, What::Applied(_));
                let intent = intent.clone();
                // What was heard about others may be recorded after it as well as before.
                if touched.contains(&intent.household) || touched.contains(&intent.subject) {
                    self.flush(&mut batch, &mut touched, figures).await?;
                }
                if applied {
                    self.apply(&intent, at, figures).await?;
                } else {
                    self.withdraw(&intent, at).await?;
                }
                continue;
            }
            let key = Id::derive(&[
                "demo-event",
                &event.household.to_string(),
                &base::format_instant(event.recorded_at),
                &event.label,
            ]);
            let facts = facts_of(event.what);
            let about = touched_by(&facts, event.household);
            if batch.len() >= BATCH || about.iter().any(|id| touched.contains(id)) {
                self.flush(&mut batch, &mut touched, figures).await?;
            }
            touched.extend(about);
            batch.push((key, facts, at));
        }
        self.flush(&mut batch, &mut touched, figures).await
    }

    async fn flush(
        &self,
        batch: &mut Vec<(Id, Facts, At)>,
        touched: &mut HashSet<Id>,
        figures: &mut MonthFigures,
    ) -> Result<(), DemoError> {
        touched.clear();
        if batch.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(batch);
        match self
            .office
            .record_many(events.clone(), "community-feed")
            .await
        {
            Ok(came_of_it) => {
                figures.redetermined += came_of_it.determinations;
                figures.owed_changed += came_of_it.changes;
            }
            Err(error) if is_about_a_stranger(&error) => {
                for (request, facts, at) in events {
                    self.hear_one(request, &facts, at, figures).await?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// One piece of news by itself. What is about somebody whose birth or arrival was not reported yet is
    /// sent back to whoever reported it.
    async fn hear_one(
        &self,
        request: Id,
        facts: &Facts,
        at: At,
        figures: &mut MonthFigures,
    ) -> Result<(), DemoError> {
        match self
            .office
            .record(request, facts, "community-feed", at)
            .await
        {
            Ok(recorded) => {
                figures.redetermined += recorded.correction.determinations.len() as u64;
                figures.owed_changed += recorded.correction.changes.len() as u64;
            }
            Err(error) if is_about_a_stranger(&error) => figures.sent_back += 1,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn apply(
        &mut self,
        intent: &Intent,
        at: At,
        figures: &mut MonthFigures,
    ) -> Result<(), DemoError> {
        let person = latest_version(self.office.law(), &intent.programme)
            .filter(|p| p.subject == Subject::Person)
            .map(|_| intent.subject);
        let request = Id::derive(&[
            "demo-application",
            &intent.subject.to_string(),
            &intent.programme,
            &intent.on.to_string(),
        ]);
        let taken = self
            .office
            .apply(
                request,
                intent.household,
                person,
                &intent.programme,
                "caseworker",
                "",
                at,
            )
            .await;
        match taken {
            Ok(case) => {
                figures.applications += 1;
                let tomorrow = at.today.succ_opt().unwrap_or(at.today);
                self.desk.insert((tomorrow, case.id), case.subject.shard);
                Ok(())
            }
            // Open already, running already, or moved away meanwhile: nothing to take.
            Err(ServiceError::Refused(_) | ServiceError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn withdraw(&mut self, intent: &Intent, at: At) -> Result<(), DemoError> {
        let Some(shard) = self.office.store.household_shard(intent.household).await? else {
            return Ok(());
        };
        let open = self.office.store.cases_of(&shard, intent.subject).await?;
        let open = open.into_iter().find(|f| {
            f.closed_at.is_none()
                && f.case.programme == intent.programme
                && f.case.kind == casework::case::CaseKind::Application
        });
        if let Some(file) = open {
            self.deed(&shard, file.case.id, &Deed::Withdraw, "caseworker", at)
                .await?;
        }
        Ok(())
    }

    /// Looks at every case that is due on the desk.
    async fn work(&mut self, day: Day, figures: &mut MonthFigures) -> Result<(), DemoError> {
        let later = self
            .desk
            .split_off(&(day.succ_opt().unwrap_or(day), Id::from_bytes([0; 16])));
        let due = std::mem::replace(&mut self.desk, later);
        for ((_, case), shard) in due {
            if let Some(next) = self.step(&shard, case, day, figures).await? {
                self.desk.insert((next, case), shard);
            }
        }
        Ok(())
    }

    /// One step of one case; gives the day of the next look.
    async fn step(
        &self,
        shard: &str,
        case: Id,
        day: Day,
        figures: &mut MonthFigures,
    ) -> Result<Option<Day>, DemoError> {
        let at = morning(day);
        let view = self.office.case_view(shard, case, at).await?;
        let state = view.case.state();
        if state.closed.is_some() {
            return Ok(None);
        }
        let Some(current) = state.current else {
            return Ok(None);
        };
        if let Some(first) = current.not_before.filter(|first| day < *first) {
            return Ok(Some(first));
        }
        // Now and then a file stays on a desk.
        let slow = case.as_bytes()[14] % 9 == 3;
        let step = view
            .programme
            .procedure
            .steps
            .iter()
            .find(|s| s.id == current.step);
        let role = step.map_or(Role::Caseworker, |s| s.role);
        if role == Role::Approver {
            let granted = match view.determination.as_ref().map(|d| &d.outcome) {
                Some(Outcome::Entitled { .. }) => true,
                Some(Outcome::Refused { .. }) => false,
                // What is missing must come first.
                _ => return Ok(day.checked_add_days(chrono::Days::new(5))),
            };
            let deed = Deed::Decide {
                granted,
                exception: false,
            };
            if self.deed(shard, case, &deed, "approver", at).await? {
                figures.decided += 1;
            }
            return Ok(None);
        }
        let who = match role {
            Role::Community => "community",
            _ => "caseworker",
        };
        self.deed(
            shard,
            case,
            &Deed::Done {
                step: current.step.clone(),
            },
            who,
            at,
        )
        .await?;
        let wait = if slow {
            9
        } else {
            1 + u64::from(case.as_bytes()[13] % 3)
        };
        Ok(day.checked_add_days(chrono::Days::new(wait)))
    }

    /// An act by the district's own staff; false when the procedure does not allow it now.
    async fn deed(
        &self,
        shard: &str,
        case: Id,
        deed: &Deed,
        who: &str,
        at: At,
    ) -> Result<bool, DemoError> {
        let role = match who {
            "community" => Role::Community,
            "approver" => Role::Approver,
            _ => Role::Caseworker,
        };
        let actor = Actor {
            user: who.into(),
            roles: vec![role],
            area: shard.into(),
        };
        let request = Id::derive(&[
            "demo-deed",
            &case.to_string(),
            &format!("{deed:?}"),
            &base::format_instant(at.now),
        ]);
        match self
            .office
            .act(shard, case, request, deed, "", &actor, at)
            .await
        {
            Ok(progress) => Ok(progress.events.iter().any(|e| {
                matches!(
                    e.what,
                    Happening::Decided { .. } | Happening::StepDone { .. }
                )
            })),
            Err(ServiceError::Case(CaseError::Denied(denied))) => {
                Err(ServiceError::Refused(denied.to_string()).into())
            }
            Err(ServiceError::Case(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn pays_on(&self, day: Day) -> bool {
        use chrono::Datelike;
        matches!(day.day(), 6 | 22)
    }

    /// The pay run of the day, and the bank's answer to it two days on.
    async fn pay(
        &self,
        month: Month,
        day: Day,
        figures: &mut MonthFigures,
    ) -> Result<(), DemoError> {
        for programme in &self.programmes {
            let moves =
                latest_version(self.office.law(), programme).is_some_and(|p| p.payment.is_some());
            if !moves {
                continue;
            }
            let at = evening(day);
            let paid = self.office.pay(programme, month, "finance", at).await?;
            figures.payments += paid.count;
            figures.paid = figures.paid + paid.total;
            for file in paid.files.iter().filter(|f| f.new) {
                let answered = At::new(at.now + chrono::TimeDelta::days(2));
                let text = std::fs::read(&file.pain001).map_err(|cause| ServiceError::Folder {
                    path: file.pain001.clone(),
                    cause,
                })?;
                let rates = Rates {
                    rejected: 3,
                    returned: 2,
                    unknown: 2,
                    silent: 0,
                };
                let answer = bank::answer(text.as_slice(), self.seed, rates)
                    .map_err(|e| ServiceError::Refused(e.to_string()))?;
                figures.returned += (answer.rejected + answer.returned) as u64;
                let name = file.batch.to_string();
                let files = [
                    (
                        format!("{name}.pain002.xml"),
                        answer.status_report.into_bytes(),
                    ),
                    (format!("{name}.camt053.xml"), answer.statement.into_bytes()),
                ];
                self.office.reconcile(&files, "finance", answered).await?;
            }
        }
        Ok(())
    }
}

fn draw(mut life: Life<'static, 'static>) -> (Life<'static, 'static>, Vec<Event>) {
    let (_, events) = life.month();
    (life, events)
}

fn is_about_a_stranger(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::NotFound(_) | ServiceError::Store(store::StoreError::UnknownSubject(_))
    )
}

fn days(month: Month, end: Day) -> impl Iterator<Item = Day> {
    month.first().iter_days().take_while(move |day| *day <= end)
}

/// The end of a working day where the office is.
fn evening(day: Day) -> At {
    let hour = chrono::NaiveTime::from_hms_opt(10, 0, 0).unwrap_or_default();
    At::new(day.and_time(hour).and_utc())
}

/// Before the first news of a day.
fn morning(day: Day) -> At {
    At::new(evening(day).now - chrono::TimeDelta::minutes(9 * 60 + 55))
}

/// What happened, as facts to record; nothing for applications, which are cases.
pub fn facts_of(what: What) -> Facts {
    match what {
        What::NewHousehold(made) => Facts {
            persons: made.persons,
            households: vec![made.household],
            identities: made.history.identities,
            residences: made.history.residences,
            memberships: made.history.memberships,
            evidence: made.history.evidence,
            payees: made.history.payees,
            awards: Vec::new(),
        },
        What::NewPerson(new) => Facts {
            persons: vec![new.person],
            identities: vec![new.identity],
            memberships: vec![new.membership],
            evidence: new.evidence,
            ..Facts::default()
        },
        What::Memberships(memberships) => Facts {
            memberships,
            ..Facts::default()
        },
        What::Moved(residence) => Facts {
            residences: vec![residence],
            ..Facts::default()
        },
        What::Facts(evidence) => Facts {
            evidence,
            ..Facts::default()
        },
        What::Applied(_) | What::Withdrew(_) => Facts::default(),
    }
}

/// Everybody whose household the facts may touch.
pub fn touched_by(facts: &Facts, household: Id) -> Vec<Id> {
    let mut all = vec![household];
    all.extend(facts.households.iter().map(|h| h.id));
    all.extend(
        facts
            .memberships
            .iter()
            .flat_map(|m| [m.household, m.person]),
    );
    all.extend(facts.evidence.iter().map(|e| e.subject));
    all
}
