//! The steps, one after the other.

mod clerks;

use super::acts::{Values, grant};
use super::auditor::Auditor;
use super::bank::{self, Answer, Bank};
use super::{Draw, Options, Outcome, SimulationError};
use crate::cli::Progress;
use crate::demo::{self, Plan};
use crate::service::change::Facts;
use crate::service::night::Road;
use crate::service::rules::{determined_for_everybody, latest_version};
use crate::service::{Location, Office, ServiceError};
use crate::world::{Life, What};
use base::{Day, Id, Instant, Month};
use chrono::TimeDelta;
use entitlement::change::At;
use entitlement::determination::SubjectKey;
use ledger::reconcile::Discrepancy;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Fault;

/// What waits to be done on a day.
enum Waiting {
    /// A message, with the request's id; sent for the second time or more?
    Message(Id, Facts, bool),
    /// A file of the bank.
    Bank(Answer),
    /// A programme's pay run of a month.
    Pay(String, Month),
    /// The day ends with a night run.
    Night,
}

/// A simulation on its way.
pub struct Simulation {
    options: Options,
    location: Location,
    office: Arc<Office>,
    life: Life<'static, 'static>,
    draw: Draw,
    values: Values,
    /// The district: home shard of its records.
    shard: String,
    areas: Vec<String>,
    households: Vec<Id>,
    programmes: Vec<String>,
    bank: Bank,
    auditor: Auditor,
    /// Records given up, and what each goes on as.
    given_up: BTreeMap<Id, Id>,
    waiting: BTreeMap<(Day, u64), Waiting>,
    queued: u64,
    /// The last moment at which something was done.
    clock: Instant,
    step: u64,
    counts: BTreeMap<String, u64>,
    laws: u32,
    bar: Progress,
}

impl Simulation {
    /// Makes the district.
    ///
    /// # Errors
    /// When the folder cannot be written or the district not be made.
    pub async fn new(options: Options, bar: Progress) -> Result<Simulation, SimulationError> {
        let location = Location {
            data: options.data.clone(),
            database: None,
            law: None,
        };
        let office = Arc::new(Office::create(&location).await?);
        let plan = Plan {
            households: Some(options.households),
            seed: options.seed,
            first: options.first,
            last: options.first,
            county: None,
        };
        let (district, _) = demo::register(&office, &plan).await?;
        let mut values = Values::default();
        let mut households = Vec::new();
        for made in district.households() {
            values.learn(&made.history);
            households.push(made.household.id);
        }
        let leaves = |code: &str, all: &[registry::record::Area]| {
            !all.iter().any(|a| a.parent.as_deref() == Some(code))
        };
        let all = office.store.areas().await?;
        let shard = office.store.setting("district").await?.unwrap_or_default();
        let areas = all
            .iter()
            .filter(|a| a.code.starts_with(&shard) && leaves(&a.code, &all))
            .map(|a| a.code.clone())
            .collect();
        let programmes = determined_for_everybody(office.law())
            .into_iter()
            .map(str::to_string)
            .collect();
        Ok(Simulation {
            life: district.life(),
            draw: Draw::new(options.seed ^ 0x6d69_6e73_6865_6e67),
            clock: moment(options.first.first(), 0),
            options,
            location,
            office,
            values,
            shard,
            areas,
            households,
            programmes,
            bank: Bank::default(),
            auditor: Auditor::default(),
            given_up: BTreeMap::new(),
            waiting: BTreeMap::new(),
            queued: 0,
            step: 0,
            counts: BTreeMap::new(),
            laws: 0,
            bar,
        })
    }

    /// Runs all months. The first finding ends it.
    ///
    /// # Errors
    /// When a service fails where none may.
    pub async fn run(mut self) -> Result<Outcome, SimulationError> {
        self.look_at_all().await?;
        for n in 0..self.options.months {
            let month = self.options.first.plus(n as i32);
            self.month(month, n).await?;
            self.bar.add(1);
            let done = format!("{month}: step {}, {}", self.step, self.told());
            tracing::info!("{done}");
            if (n + 1) % 12 == 0 || n + 1 == self.options.months {
                eprintln!("{done}");
            }
            if self.found() {
                break;
            }
        }
        if !self.found() {
            self.look_at_all().await?;
            self.verify().await?;
        }
        let findings = self
            .auditor
            .findings
            .iter()
            .map(|finding| format!("seed {}, step {}: {finding}", self.options.seed, self.step))
            .collect();
        let mut hash = Sha256::new();
        hash.update(self.auditor.digest());
        hash.update(format!("{:?}", self.counts));
        self.office.store.close().await;
        Ok(Outcome {
            steps: self.step,
            counts: self.counts,
            records: self.auditor.remembered(),
            digest: registry::protect::hex(&hash.finalize()),
            findings,
        })
    }

    fn told(&self) -> String {
        let of = |name: &str| self.counts.get(name).copied().unwrap_or(0);
        format!(
            "{} facts, {} paid lines, {} faults, {} findings",
            of("recorded"),
            of("instructed"),
            of("fault"),
            self.auditor.findings.len()
        )
    }

    fn found(&self) -> bool {
        !self.auditor.findings.is_empty()
    }

    fn count(&mut self, what: &str) {
        self.counted(what, 1);
    }

    fn counted(&mut self, what: &str, n: u64) {
        *self.counts.entry(what.to_string()).or_default() += n;
    }

    fn queue(&mut self, day: Day, what: Waiting) {
        self.queued += 1;
        self.waiting.insert((day, self.queued), what);
    }

    /// The next moment of a day: a little later than the last one, and now and then a clock that was set
    /// back by up to two days, or forward by as much.
    fn tick(&mut self, day: Day) -> At {
        let begin = moment(day, 60);
        let next = (self.clock + TimeDelta::seconds(1 + self.draw.below(20) as i64)).max(begin);
        self.clock = next.min(moment(day, 23 * 60));
        let seen = match self.draw.below(200) {
            0 => self.clock - TimeDelta::minutes(self.draw.below(2 * 24 * 60) as i64),
            1 => self.clock + TimeDelta::minutes(self.draw.below(2 * 24 * 60) as i64),
            _ => return At::new(self.clock),
        };
        self.count("clock-jump");
        // The day at the office is the day, whatever the machine's clock says.
        At {
            now: seen,
            today: day,
        }
    }

    async fn month(&mut self, month: Month, n: u32) -> Result<(), SimulationError> {
        if n > 0 && self.draw.below(100) < self.options.law {
            self.correct_law(month).await?;
        }
        self.determine(month).await?;
        for programme in self.programmes.clone() {
            let pays =
                latest_version(self.office.law(), &programme).is_some_and(|p| p.payment.is_some());
            for day in [6, 22] {
                if let (true, Some(day)) = (pays, day_of(month, day)) {
                    self.queue(day, Waiting::Pay(programme.clone(), month));
                }
            }
        }
        self.queue(month.last(), Waiting::Night);
        let (_, events) = self.life.month();
        for event in events {
            self.receive(event, month);
        }
        let mut left = self.options.corrections;
        let days =
            u64::from(month.last().signed_duration_since(month.first()).num_days() as u32 + 1);
        for (n, day) in month.first().iter_days().take(days as usize).enumerate() {
            let share = left / (days - n as u64);
            left -= share;
            self.clerks(day, share).await?;
            if self.found() {
                return Ok(());
            }
            while let Some(entry) = self.waiting.first_entry().filter(|e| e.key().0 <= day) {
                let what = entry.remove();
                self.due(what, day).await?;
                if self.found() {
                    return Ok(());
                }
            }
        }
        if (n + 1) % self.options.audit_every.max(1) == 0 {
            self.look_at_all().await?;
        }
        Ok(())
    }

    /// What is heard of comes now, late, twice, or late and twice.
    fn receive(&mut self, event: crate::world::Event, month: Month) {
        let day = At::new(event.recorded_at).today.max(month.first());
        let request = self.draw.id(event.recorded_at);
        let facts = match event.what {
            What::Applied(intent) => {
                // Most who apply are granted what they ask for; whether the rules bear it is their business.
                if self.draw.below(3) == 0 {
                    return;
                }
                let Some(version) = latest_version(self.office.law(), &intent.programme) else {
                    return;
                };
                let subject = SubjectKey {
                    shard: self.shard.clone(),
                    kind: version.subject,
                    id: intent.subject,
                };
                grant(
                    subject,
                    intent.programme,
                    month.next(),
                    None,
                    event.recorded_at,
                )
            }
            What::Withdrew(_) => return,
            other => demo::life::facts_of(other),
        };
        let late = match self.draw.below(10) {
            0 => self.draw.below(200),
            1 => self.draw.below(5),
            _ => 0,
        };
        let day = day + chrono::Days::new(late);
        if self.draw.below(15) == 0 {
            let again = day + chrono::Days::new(self.draw.below(40));
            self.queue(again, Waiting::Message(request, facts.clone(), true));
        }
        self.queue(day, Waiting::Message(request, facts, false));
    }

    async fn due(&mut self, what: Waiting, day: Day) -> Result<(), SimulationError> {
        match what {
            Waiting::Message(request, facts, again) => {
                if again {
                    self.count("sent-twice");
                }
                self.record("message", request, facts, day).await
            }
            Waiting::Bank(answer) => self.answer(answer, day).await,
            Waiting::Pay(programme, month) => self.pay(&programme, month, day).await,
            Waiting::Night => self.night(day).await,
        }
    }

    /// Does something that may meet a fault, and does it again with the same request when it did.
    async fn attempt<T>(
        &mut self,
        what: &str,
        work: impl AsyncFn(Arc<Office>) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        self.step += 1;
        if self.draw.below(100) >= self.options.faults {
            return work(self.office.clone()).await;
        }
        let fault = match self.draw.below(3) {
            0 => Fault::Lost,
            1 => Fault::Unanswered,
            _ => Fault::Full,
        };
        let after = self.draw.below(3) as u32;
        let office = self.office.clone();
        let (result, _) = office
            .store
            .with_fault(fault, after, work(office.clone()))
            .await?;
        match result {
            Err(ServiceError::Store(error)) if error.is_interruption() => {
                self.count("fault");
                self.count(&format!("fault-{what}"));
                drop(office);
                self.office = Arc::new(self.office.reopened(&self.location).await?);
                work(self.office.clone()).await
            }
            other => other,
        }
    }

    /// Records facts as a clerk or a feed sends them.
    async fn record(
        &mut self,
        what: &str,
        request: Id,
        facts: Facts,
        day: Day,
    ) -> Result<(), SimulationError> {
        let at = self.tick(day);
        let result = self
            .attempt("record", async |office| {
                office.record(request, &facts, "clerk", at).await
            })
            .await;
        match result {
            Ok(recorded) => {
                self.count(if recorded.repeated {
                    "repeated"
                } else {
                    "recorded"
                });
                self.count(what);
                let follows = &recorded.correction;
                self.counted("redetermined", follows.determinations.len() as u64);
                self.counted("owed-changed", follows.changes.len() as u64);
                self.households
                    .extend(facts.households.iter().map(|h| h.id));
                self.look_at(std::slice::from_ref(&facts)).await?;
                self.auditor.acknowledged(&facts);
                Ok(())
            }
            // About somebody of whom nothing is known yet: the sender is told, and sends nothing again.
            Err(error) if refused(&error) => {
                self.count("sent-back");
                Ok(())
            }
            Err(cause) => Err(self.failed(what, cause)),
        }
    }

    fn failed(&self, what: &str, cause: ServiceError) -> SimulationError {
        SimulationError::Step {
            step: self.step,
            what: what.into(),
            cause,
        }
    }

    /// Looks at the households that facts are about, read at once.
    async fn look_at(&mut self, facts: &[Facts]) -> Result<(), SimulationError> {
        let mut subjects: BTreeSet<Id> = BTreeSet::new();
        for facts in facts {
            subjects.extend(facts.subjects());
        }
        // What is said of a record given up is kept under the one that it goes on as.
        for mut person in subjects.clone() {
            while let Some(next) = self.given_up.get(&person) {
                person = *next;
                subjects.insert(person);
            }
        }
        let subjects = subjects.into_iter().collect();
        self.auditor.look_at_some(&self.office, subjects).await?;
        Ok(())
    }

    async fn look_at_all(&mut self) -> Result<(), SimulationError> {
        self.auditor
            .look_at_all(&self.office, &self.households)
            .await?;
        self.auditor.reconciled(&self.office, &self.bank).await?;
        Ok(())
    }

    async fn determine(&mut self, month: Month) -> Result<(), SimulationError> {
        for programme in self.programmes.clone() {
            let at = self.tick(month.first());
            let again = self.draw.below(6) == 0;
            for _ in 0..1 + u32::from(again) {
                let summaries = self
                    .attempt("determine", async |office| {
                        office
                            .determine_all(&[&*programme], month, "monthly-run", at, &|_| {})
                            .await
                    })
                    .await
                    .map_err(|cause| self.failed("determine", cause))?;
                for summary in summaries {
                    self.counted("determined", summary.written);
                    self.auditor.findings.extend(summary.faults);
                }
            }
        }
        Ok(())
    }

    async fn pay(
        &mut self,
        programme: &str,
        month: Month,
        day: Day,
    ) -> Result<(), SimulationError> {
        let at = self.tick(day);
        let summary = self
            .attempt("pay", async |office| {
                office.pay(programme, month, "finance", at).await
            })
            .await
            .map_err(|cause| self.failed("pay", cause))?;
        self.counted("apart", summary.apart.len() as u64);
        for batch in self
            .office
            .store
            .batches_of(programme, &month.to_string())
            .await?
        {
            let file = summary.files.iter().find(|f| f.batch == batch.id);
            let Some(file) = file else {
                self.auditor
                    .findings
                    .push(format!("batch {} has no file", batch.id));
                continue;
            };
            let text =
                std::fs::read_to_string(&file.pain001).map_err(|cause| ServiceError::Folder {
                    path: file.pain001.clone(),
                    cause,
                })?;
            let lines = match bank::read(&text) {
                Ok((_, lines)) => lines,
                Err(what) => {
                    self.auditor.findings.push(what);
                    continue;
                }
            };
            // A file that the bank has already is not handed in again.
            if lines.iter().any(|(id, _)| self.bank.lines.contains_key(id)) {
                continue;
            }
            self.counted("instructed", lines.len() as u64);
            self.auditor
                .instructed(&self.office, &batch, &lines)
                .await?;
            match self.bank.take(&text, &day.to_string(), &mut self.draw) {
                Ok(answers) => {
                    for answer in answers {
                        let on = day + chrono::Days::new(answer.days.unsigned_abs());
                        self.queue(on, Waiting::Bank(answer));
                    }
                }
                Err(what) => self.auditor.findings.push(what),
            }
        }
        for plan in self.office.store.recovery_plans(programme).await? {
            self.auditor
                .withheld(&self.office, &plan.shard, plan.payee, None)
                .await?;
        }
        Ok(())
    }

    async fn answer(&mut self, answer: Answer, day: Day) -> Result<(), SimulationError> {
        let at = self.tick(day);
        let files = [(answer.name.clone(), answer.text.clone().into_bytes())];
        let faults = self.counts.get("fault").copied();
        let summary = self
            .attempt("reconcile", async |office| {
                office.reconcile(&files, "finance", at).await
            })
            .await
            .map_err(|cause| self.failed("reconcile", cause))?;
        self.count("bank-file");
        for (state, n) in summary.changed {
            self.counted(&format!("bank-{state}"), n);
        }
        // What this bank does wrong, and the office has to ask about. Who reads a file again because the
        // answer to the first reading was lost is not told what the first reading settled.
        let wanted = self.bank.questions(&answer);
        let again = self.counts.get("fault").copied() != faults;
        let mut asked = BTreeSet::new();
        for discrepancy in summary.discrepancies {
            let question = match &discrepancy {
                Discrepancy::Missing { payment } => ("missing", payment),
                Discrepancy::PaidAfterRefusal { payment, .. } => ("paid-after-refusal", payment),
                Discrepancy::Contradiction { payment } => ("contradiction", payment),
                Discrepancy::Amount { payment, .. } => ("amount", payment),
                other => {
                    let finding = format!("{}: {other}", answer.name);
                    self.auditor.findings.push(finding);
                    continue;
                }
            };
            let (word, payment) = question;
            let question = (word, payment.uuid().simple().to_string());
            self.count(&format!("bank-{word}"));
            if !wanted.contains(&question) {
                let finding = format!("{}: nothing gave rise to this: {discrepancy}", answer.name);
                self.auditor.findings.push(finding);
            }
            asked.insert(question);
        }
        for (word, line) in wanted.difference(&asked).filter(|_| !again) {
            let finding = format!("{}: {word} of line {line} was not told", answer.name);
            self.auditor.findings.push(finding);
        }
        self.bank.told(&answer);
        self.auditor.reconciled(&self.office, &self.bank).await?;
        Ok(())
    }

    async fn night(&mut self, day: Day) -> Result<(), SimulationError> {
        let at = self.tick(day);
        let summary = self
            .attempt("night", async |office| {
                office.night(day, Road::Rows, "night", at).await
            })
            .await
            .map_err(|cause| self.failed("night", cause))?;
        self.count("night");
        self.counted("compared", summary.checked);
        self.counted("reviews", summary.reviews);
        self.counted("law-redetermined", summary.redetermined);
        for found in summary.unexplained {
            self.auditor.findings.push(format!(
                "night: {} {} of {} is not what the rules yield",
                found.programme, found.month, found.household
            ));
        }
        self.auditor.findings.extend(summary.faults);
        Ok(())
    }

    /// Every invariant over everything, every version ever made replayed.
    async fn verify(&mut self) -> Result<(), SimulationError> {
        let at = At::new(self.clock + TimeDelta::hours(1));
        let summary = self.office.verify(0, at).await?;
        self.counted("replayed", summary.replayed);
        self.counted("verified", summary.determinations);
        self.auditor
            .findings
            .extend(summary.findings.into_iter().take(20));
        Ok(())
    }

    /// A law file is corrected: a figure that holds in the register's time is another one. The office starts
    /// with the new text; the night brings everybody under it.
    async fn correct_law(&mut self, month: Month) -> Result<(), SimulationError> {
        let mut rows = Vec::new();
        for parameter in self.office.law().parameters() {
            for row in &parameter.rows {
                let begins = row.from.is_some_and(|f| f <= month.last());
                let lasts = row.to.is_none_or(|t| t >= self.options.first.first());
                if begins && lasts && row.known_from.is_none() {
                    rows.push((row.place.clone(), row.from));
                }
            }
        }
        let Some((place, Some(from))) = rows
            .get(self.draw.below(rows.len() as u64) as usize)
            .cloned()
        else {
            return Ok(());
        };
        let from = from.to_string();
        let folder = self.options.data.join(format!("law-{}", self.laws + 1));
        let mut changed = false;
        for file in self.office.law().files() {
            let mut text = String::new();
            for line in file.text.lines() {
                // Columns are laid out with blanks.
                let cells: Vec<&str> = line.split('|').map(str::trim).collect();
                let row = cells.windows(2).any(|two| two == [&*place, &*from]);
                let figure = cells
                    .get(1)
                    .filter(|_| !changed && row)
                    .and_then(|figure| figure.parse::<u32>().ok());
                match figure {
                    Some(figure) => {
                        changed = true;
                        let other = figure + 1 + self.draw.below(u64::from(figure / 20 + 1)) as u32;
                        text.push_str(&line.replacen(&figure.to_string(), &other.to_string(), 1));
                    }
                    None => text.push_str(line),
                }
                text.push('\n');
            }
            // Worked examples are of the text that stood before.
            if file.path.ends_with(".examples.yaml") {
                continue;
            }
            let path = folder.join(&file.path);
            let made = path
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&path, text));
            made.map_err(|cause| ServiceError::Folder { path, cause })?;
        }
        if !changed {
            return Ok(());
        }
        self.laws += 1;
        self.location.law = Some(folder);
        self.office.store.close().await;
        self.office = Arc::new(Office::open(&self.location).await?);
        self.count("law-corrected");
        self.step += 1;
        // The correction is applied by the night before the month opens.
        let day = month.first().pred_opt().unwrap_or(month.first());
        self.night(day).await
    }
}

/// Minutes after midnight at the office.
fn moment(day: Day, minutes: i64) -> Instant {
    day.and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::hours(8)
        + TimeDelta::minutes(minutes)
}

fn day_of(month: Month, day: u32) -> Option<Day> {
    Day::from_ymd_opt(month.year(), month.month(), day)
}

/// Did two of a batch turn out to be about one household?
fn overtaken(error: &ServiceError) -> bool {
    matches!(error, ServiceError::Store(error) if error.is_conflict())
}

/// Is it the sender's business: about nobody that is known, or not allowed?
fn refused(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::NotFound(_)
            | ServiceError::Refused(_)
            | ServiceError::Store(store::StoreError::UnknownSubject(_))
    )
}
