//! A programme for everybody: a month determined, on two threads, written only where something differs.

use super::replay::Explained;
use super::rules::latest_version;
use super::{Office, ServiceError};
use base::{Fen, Id, Month};
use entitlement::Outcome;
use entitlement::change::{At, Change};
use entitlement::decision::{self, Decision};
use entitlement::determination::{Award, Determination, PeriodKey, SubjectKey};
use entitlement::determine::{Found, determination_id, next_version};
use entitlement::month::{Beside, hearable, settle};
use entitlement::owed::award_running;
use entitlement::redetermination::Look;
use entitlement::rules::{Carry, Rules};
use entitlement::situation::{LawRules, Population};
use ledger::account::{Stamp, chart};
use ledger::position::Position;
use ledger::post::{self, post};
use registry::slice::{Fact, HouseholdSlice};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use store::{ChangeSet, JournalEntry, Mark, PopulationFilter};

/// Determinations written in one transaction.
const BATCH: usize = 8192;

/// What a run did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct RunSummary {
    /// Programme id.
    pub programme: String,
    /// The month.
    pub month: String,
    /// Households read.
    pub households: u64,
    /// Persons read.
    pub persons: u64,
    /// Subjects that the programme is in question for, by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Persons in entitled households (for programmes of persons: entitled persons).
    pub entitled_persons: u64,
    /// What the rules grant in all, awarded or not.
    pub granted: Fen,
    /// What is newly owed under awards.
    pub owed: Fen,
    /// Entitlements begun or changed.
    pub entitlements: u64,
    /// Determinations written.
    pub written: u64,
    /// Households whose determination differed from the one that stood, and that were redetermined
    /// with all that follows.
    pub differing: u64,
    /// Subjects without award and without money whose determination differed: a new version, no more.
    pub rewritten: u64,
    /// Subjects whose rules could not be run, with the reason; the first hundred.
    pub faults: Vec<String>,
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Determinations compared.
    pub checked: u64,
    /// Households (or subjects that are in none) for whom something else stands.
    pub differing: Vec<Id>,
    /// Households whose rules could not be run.
    pub faults: Vec<String>,
}

/// What stands before a run, shared by its threads.
struct Before {
    programme: String,
    month: Month,
    day: base::Day,
    at: At,
    marks: HashMap<Id, Mark>,
    carries: HashMap<Id, Carry>,
    awards: HashMap<Id, Vec<Award>>,
    owed_before: HashMap<Id, store::Owed>,
    owed: HashMap<Id, store::Owed>,
    /// Are later months determined already? What a subject's month hands over then runs on into them.
    later: bool,
}

impl Before {
    /// Subjects that are in question by what is stored, and are not among `seen`; in order.
    fn unasked(&self, seen: &HashSet<Id>) -> Vec<Id> {
        let mut found: Vec<Id> = self
            .marks
            .iter()
            .filter(|(id, mark)| mark.in_question && !seen.contains(id))
            .map(|(id, _)| *id)
            .collect();
        found.sort_unstable();
        found
    }

    /// Is money owed, or does an award run or did one?
    fn at_stake(&self, subject: Id) -> bool {
        self.awards.contains_key(&subject) || self.owed.contains_key(&subject)
    }
}

/// One household's result on its way to the writer.
struct Done {
    household: Id,
    members: usize,
    found: Vec<Subjected>,
    fault: Option<String>,
}

/// One subject's result with what settling it needs of the slice.
struct Subjected {
    found: Found,
    decisions: Vec<(Id, Decision)>,
    persons: usize,
    area: Box<str>,
    hearable: bool,
}

impl Office {
    /// Determines a programme for everybody for a month as known now: new versions are written where
    /// nothing stood; where something else stood the household is redetermined with all that follows.
    /// Running it again writes nothing; a run that was killed goes on.
    ///
    /// # Errors
    /// When the programme is unknown or the database fails.
    pub async fn determine_all(
        &self,
        programme: &str,
        month: Month,
        by: &str,
        at: At,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<RunSummary, ServiceError> {
        let at = self.steady(at).await?;
        let cause = Change::Opened {
            programme: programme.to_string(),
            month,
        };
        self.run_month(programme, month, &cause, by, at, progress)
            .await
    }

    /// As [`Office::determine_all`], saying what the differences come from.
    pub(super) async fn run_month(
        &self,
        programme: &str,
        month: Month,
        cause: &Change<'static>,
        by: &str,
        at: At,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<RunSummary, ServiceError> {
        let standing = Arc::new(self.before(programme, month, at).await?);
        self.open_month(programme, month).await?;
        let mut summary = RunSummary {
            programme: programme.to_string(),
            month: month.to_string(),
            ..RunSummary::default()
        };
        let mut differing: Vec<Id> = Vec::new();
        let mut seen: HashSet<Id> = HashSet::new();
        let mut set = self.empty_set(at);
        let mut receive = self.evaluate_everybody(standing.clone())?;
        while let Some(done) = receive.recv().await {
            for done in done? {
                summary.households += 1;
                summary.persons += done.members as u64;
                progress(1);
                if let Some(fault) = done.fault {
                    if summary.faults.len() < 100 {
                        summary.faults.push(fault);
                    }
                    continue;
                }
                let mut differs = false;
                for subject in done.found {
                    count(&mut summary, &subject.found, subject.persons);
                    let id = subject.found.subject.id;
                    seen.insert(id);
                    differs |= !match standing.marks.get(&id) {
                        Some(mark) if self.same(&subject.found, &standing, mark)? => true,
                        // Money or an award is at stake: all that follows must be worked out.
                        Some(_) if standing.at_stake(id) || standing.later => false,
                        Some(mark) => {
                            summary.rewritten += 1;
                            set.determinations
                                .extend(self.again(subject.found, &standing, *mark));
                            true
                        }
                        None if standing.later => false,
                        None => self.first(&mut set, &mut summary, &standing, subject)?,
                    };
                }
                if differs {
                    differing.push(done.household);
                }
                if set.determinations.len() >= BATCH {
                    self.write_batch(&mut set, at).await?;
                }
            }
        }
        self.write_batch(&mut set, at).await?;
        // Who was in question and is asked nothing any more. Not told apart from a household whose rules
        // could not be run, so that such a run leaves them to the next one.
        if summary.faults.is_empty() {
            differing.extend(standing.unasked(&seen));
        }
        differing.sort_unstable();
        differing.dedup();
        // What rests on erased evidence stays as it was determined.
        let erased = self.store.erased_subjects().await?;
        differing.retain(|household| !erased.contains(household));
        summary.differing = differing.len() as u64;
        self.record_households(&differing, cause, by, at).await?;
        self.finish_run(&summary, by, at).await?;
        Ok(summary)
    }

    /// What the rules yield for everybody for a month as known at `at`, with reasons; nothing is written.
    pub(super) async fn evaluations(
        &self,
        programme: &str,
        month: Month,
        at: At,
    ) -> Result<Vec<Explained>, ServiceError> {
        let before = Arc::new(self.before(programme, month, at).await?);
        let mut all = Vec::new();
        let mut receive = self.evaluate_everybody(before)?;
        while let Some(done) = receive.recv().await {
            all.extend(
                done?
                    .into_iter()
                    .flat_map(|d| d.found)
                    .map(|subject| Explained {
                        subject: subject.found.subject,
                        period: subject.found.period,
                        evaluation: subject.found.evaluation,
                        explanation: None,
                    }),
            );
        }
        all.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(all)
    }

    /// Compares what stands for a month with what the rules yield from what is known at `at`; nothing is
    /// written.
    ///
    /// # Errors
    /// When the programme is unknown or the database fails.
    pub async fn compare(
        &self,
        programme: &str,
        month: Month,
        at: At,
    ) -> Result<Comparison, ServiceError> {
        let before = Arc::new(self.before(programme, month, at).await?);
        let mut found = Comparison::default();
        let mut seen: HashSet<Id> = HashSet::new();
        let mut receive = self.evaluate_everybody(before.clone())?;
        while let Some(done) = receive.recv().await {
            for done in done? {
                found.faults.extend(done.fault);
                let mut differs = false;
                for subject in &done.found {
                    let id = subject.found.subject.id;
                    seen.insert(id);
                    found.checked += 1;
                    differs |= match before.marks.get(&id) {
                        Some(mark) => !self.same(&subject.found, &before, mark)?,
                        None => true,
                    };
                }
                if differs {
                    found.differing.push(done.household);
                }
            }
        }
        // In question by what is stored, and the rules do not even ask any more.
        if found.faults.is_empty() {
            found.differing.extend(before.unasked(&seen));
        }
        Ok(found)
    }

    /// Reads what stands before a run.
    async fn before(&self, programme: &str, month: Month, at: At) -> Result<Before, ServiceError> {
        let period = self.period_of(programme, month)?;
        let (months, later) = self.opened_around(programme, month).await?;
        let mut carries: HashMap<Id, Carry> = HashMap::new();
        // What the nearest earlier period handed over, however far back it lies; one that was in question and
        // handed over nothing ends what those before it handed over.
        for earlier in &months {
            let period = PeriodKey::Month(*earlier);
            for (subject, carry) in self.store.carries(programme, period).await? {
                if carry.is_empty() {
                    carries.remove(&subject);
                } else {
                    carries.insert(subject, carry);
                }
            }
        }
        let owed_before = self
            .store
            .owed(programme, PeriodKey::Month(month.previous()))
            .await?;
        Ok(Before {
            programme: programme.to_string(),
            month,
            at,
            marks: self.store.marks(programme, period).await?,
            carries,
            awards: self.awards_by_subject(programme).await?,
            owed_before,
            owed: self.store.owed(programme, period).await?,
            day: self.reference_day(programme, month),
            later,
        })
    }

    /// The period key that a month's determination of a programme has.
    fn period_of(&self, programme: &str, month: Month) -> Result<PeriodKey, ServiceError> {
        use entitlement::Rhythm;
        let version = latest_version(self.law(), programme).ok_or_else(|| {
            ServiceError::NotFound(format!(
                "there is no programme `{programme}`; `minsheng law list` shows them"
            ))
        })?;
        Ok(match version.rhythm {
            Rhythm::Once => PeriodKey::Once,
            Rhythm::Month | Rhythm::Term | Rhythm::Event => PeriodKey::Month(month),
        })
    }

    async fn awards_by_subject(
        &self,
        programme: &str,
    ) -> Result<HashMap<Id, Vec<Award>>, ServiceError> {
        let mut all: HashMap<Id, Vec<Award>> = HashMap::new();
        for award in self.store.awards(programme).await? {
            all.entry(award.subject.id).or_default().push(award);
        }
        Ok(all)
    }

    fn empty_set(&self, at: At) -> ChangeSet {
        ChangeSet {
            at: at.now,
            ..ChangeSet::default()
        }
    }

    /// Reads the population on one thread and asks the law on two more.
    fn evaluate_everybody(
        &self,
        before: Arc<Before>,
    ) -> Result<tokio::sync::mpsc::Receiver<Result<Vec<Done>, ServiceError>>, ServiceError> {
        let mut kinds = self.rules.kinds().clone();
        let decision_slots = (kinds.household.len() as u16, kinds.person.len() as u16);
        kinds.household.push((decision::KIND.into(), true));
        kinds.person.push((decision::KIND.into(), true));
        let population = self.store.population(
            &kinds,
            before.day,
            before.at.now,
            &PopulationFilter::default(),
        )?;
        let (send, receive) = tokio::sync::mpsc::channel(4);
        let (to_workers, from_reader) = sync_channel::<Vec<HouseholdSlice>>(2);
        let from_reader = Arc::new(std::sync::Mutex::new(from_reader));
        let failed = send.clone();
        std::thread::spawn(move || {
            for chunk in population {
                match chunk {
                    Ok(chunk) => {
                        if to_workers.send(chunk).is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        let _ = failed.blocking_send(Err(error.into()));
                        return;
                    }
                }
            }
        });
        for _ in 0..worker_count() {
            let (rules, before) = (self.rules.clone(), before.clone());
            let (send, from_reader) = (send.clone(), from_reader.clone());
            std::thread::spawn(move || {
                let now = before.at.now;
                let mut population = Population::new(&rules, &before.programme, before.month, now);
                loop {
                    let Ok(chunk) = from_reader.lock().map(|r| r.recv()) else {
                        return;
                    };
                    let Ok(chunk) = chunk else { return };
                    let done = evaluate(&rules, &mut population, &before, &chunk, decision_slots);
                    if send.blocking_send(Ok(done)).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(receive)
    }

    /// The day whose register a month's run reads: the programme's reference day, wherever it is in
    /// force.
    pub fn reference_day(&self, programme: &str, month: Month) -> base::Day {
        use policy::programme::Reference;
        match latest_version(self.law(), programme).map(|p| p.reference) {
            Some(Reference::Last) => month.last(),
            _ => month.first(),
        }
    }

    /// The next version for a subject to whom nothing is owed and nothing was granted.
    fn again(&self, found: Found, standing: &Before, mark: Mark) -> Option<Determination> {
        let now = standing.at.now;
        let digest = self.rules.digest();
        let mut made = next_version(found, &standing.programme, None, digest, now, now)?;
        made.version = mark.version + 1;
        made.id = determination_id(&made.subject, &made.programme, made.period, made.version);
        Some(made)
    }

    fn same(&self, found: &Found, standing: &Before, mark: &Mark) -> Result<bool, ServiceError> {
        let digest = self.rules.digest();
        let now = standing.at.now;
        let made = next_version(found.clone(), &standing.programme, None, digest, now, now);
        Ok(match made {
            Some(made) => store::fingerprint(&made)? == mark.fingerprint,
            None => false,
        })
    }

    /// A subject's first determination for a period, and what it is owed under its award. False when the
    /// careful road must go: a reduction waits for a hearing, or an award runs that the rules do not bear.
    fn first(
        &self,
        set: &mut ChangeSet,
        summary: &mut RunSummary,
        standing: &Before,
        subject: Subjected,
    ) -> Result<bool, ServiceError> {
        let at = standing.at;
        let Some(programme) =
            self.rules
                .programme(&standing.programme, &subject.area, standing.day)
        else {
            return Ok(true);
        };
        let id = subject.found.subject.id;
        let awarded = standing.awards.get(&id).is_some_and(|awards| {
            let key = &subject.found.subject;
            award_running(awards, key, &standing.programme, standing.month, at.now).is_some()
        });
        let beside = Beside {
            last: None,
            awarded,
            decisions: &subject.decisions,
            last_change: None,
            owed_before: standing.owed_before.get(&id).map(|o| o.owed),
            area: &subject.area,
            hearable: subject.hearable,
        };
        let settled = settle(
            programme,
            subject.found,
            &beside,
            self.rules.digest(),
            at.now,
            at,
        );
        let awarded_and_not_borne = matches!(
            settled.look,
            Some(Look::AwardedAndRefused | Look::AwardedAndUndetermined)
        );
        if settled.hold.is_some() || awarded_and_not_borne {
            return Ok(false);
        }
        if let Some(change) = settled.change {
            let key = &change.subject;
            let mut position = Position::new(&key.shard, key.id, &change.programme);
            let posted = post(
                &post::Change {
                    id: change.id,
                    shard: key.shard.clone(),
                    payee: key.id,
                    programme: change.programme.clone(),
                    period: change.period.to_string(),
                    owed: change.owed,
                    change: change.change,
                },
                &mut position,
                Stamp {
                    booked: at.today,
                    recorded_at: at.now,
                },
            )
            .map_err(casework::correction::CorrectionError::from)?;
            set.accounts
                .extend(chart(&key.shard, key.id, &change.programme));
            set.transfers.extend(posted.transfers);
            summary.owed = summary.owed + change.change;
            summary.entitlements += 1;
            set.entitlement_changes.push(change);
        }
        if let Some(made) = settled.determination {
            summary.written += 1;
            set.determinations.push(made);
        }
        Ok(true)
    }

    async fn write_batch(&self, set: &mut ChangeSet, at: At) -> Result<(), ServiceError> {
        let full = std::mem::replace(set, self.empty_set(at));
        // One transaction per shard: the journal and the request belong to one.
        let mut shards: Vec<String> = full
            .determinations
            .iter()
            .map(|d| d.subject.shard.clone())
            .collect();
        shards.sort_unstable();
        shards.dedup();
        if let [shard] = shards.as_slice() {
            let shard = shard.clone();
            self.store.commit_bulk(&ChangeSet { shard, ..full }).await?;
            return Ok(());
        }
        for shard in shards {
            let mut part = self.empty_set(at);
            let of = |key: &SubjectKey| key.shard == shard;
            part.determinations = full
                .determinations
                .iter()
                .filter(|d| of(&d.subject))
                .cloned()
                .collect();
            part.entitlement_changes = full
                .entitlement_changes
                .iter()
                .filter(|c| of(&c.subject))
                .cloned()
                .collect();
            part.accounts = full
                .accounts
                .iter()
                .filter(|a| a.shard == shard)
                .cloned()
                .collect();
            part.transfers = full
                .transfers
                .iter()
                .filter(|t| t.shard == shard)
                .cloned()
                .collect();
            part.shard = shard;
            self.store.commit_bulk(&part).await?;
        }
        Ok(())
    }

    async fn finish_run(&self, summary: &RunSummary, by: &str, at: At) -> Result<(), ServiceError> {
        let shard = self
            .store
            .shards()
            .await?
            .into_iter()
            .next()
            .unwrap_or_default();
        let mut set = self.empty_set(at);
        set.shard = shard;
        set.journal.push(JournalEntry {
            actor: by.into(),
            action: "determine".into(),
            subject: None,
            detail: serde_json::to_value(summary).unwrap_or_default(),
        });
        self.store.commit(&set).await?;
        Ok(())
    }
}

/// Threads that ask the law.
pub(super) fn worker_count() -> usize {
    std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(1, 16)
}

fn evaluate(
    rules: &LawRules,
    population: &mut Population<'_>,
    before: &Before,
    slices: &[HouseholdSlice],
    slots: (u16, u16),
) -> Vec<Done> {
    let mut done: Vec<Done> = slices
        .iter()
        .map(|slice| Done {
            household: slice.household,
            members: slice.members.len(),
            found: Vec::new(),
            fault: None,
        })
        .collect();
    let carry = |id: Id| before.carries.get(&id);
    population.batch(slices, &carry, false, &mut |index, result| match result {
        Err(fault) => done[index].fault = Some(fault.to_string()),
        Ok(found) => {
            let slice = &slices[index];
            let member = match found.subject.kind {
                entitlement::Subject::Household => None,
                entitlement::Subject::Person => slice
                    .members
                    .iter()
                    .position(|m| m.person == found.subject.id),
            };
            done[index].found.push(Subjected {
                decisions: decisions_about(&found.subject, &before.programme, slice, slots),
                persons: member.map_or(slice.members.len(), |_| 1),
                area: slice.area.clone(),
                hearable: hearable(rules, slice, member),
                found,
            });
        }
    });
    done
}

/// The human decisions in force about a subject, which travel in a slot of their own.
fn decisions_about(
    subject: &SubjectKey,
    programme: &str,
    slice: &HouseholdSlice,
    (household, person): (u16, u16),
) -> Vec<(Id, Decision)> {
    let (facts, slot): (&[Fact], u16) = match subject.kind {
        entitlement::Subject::Household => (&slice.facts, household),
        entitlement::Subject::Person => {
            let member = slice.members.iter().find(|m| m.person == subject.id);
            (member.map_or(&[][..], |m| &m.facts), person)
        }
    };
    facts
        .iter()
        .filter(|fact| fact.kind == slot)
        .filter_map(|fact| {
            Some((
                fact.evidence,
                serde_json::from_str::<Decision>(&fact.value).ok()?,
            ))
        })
        .filter(|(_, decision)| decision.programme == programme)
        .collect()
}

fn count(summary: &mut RunSummary, found: &Found, persons: usize) {
    let outcome = &found.evaluation.outcome;
    *summary
        .outcomes
        .entry(outcome.name().to_string())
        .or_default() += 1;
    if matches!(outcome, Outcome::Entitled { .. }) {
        summary.entitled_persons += persons as u64;
    }
    summary.granted = summary.granted + outcome.amount();
}
