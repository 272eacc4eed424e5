//! Everybody asked at once: one reading of the population for all programmes, the law asked on as many
//! threads as there are.

use super::review::{Reviewed, Reviews};
use super::rules::latest_version;
use super::run::side_by_side;
use super::{Office, ServiceError};
use base::{Fen, Id, Month};
use entitlement::Outcome;
use entitlement::change::At;
use entitlement::columns::{ByRow, Verdict};
use entitlement::decision::{self, Decision};
use entitlement::determination::{Award, PeriodKey, SubjectKey};
use entitlement::determine::Found;
use entitlement::month::hearable;
use entitlement::programmes;
use entitlement::rules::{Carry, Rules};
use entitlement::situation::{Answer, LawRules, Memo, Population};
use registry::slice::{Fact, HouseholdSlice};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use store::{Mark, PopulationFilter};
use tokio::sync::mpsc::Receiver;

/// What stands for a programme and month before everybody is asked, shared by all threads.
pub(super) struct Standing {
    pub programme: String,
    pub month: Month,
    pub day: base::Day,
    pub at: At,
    pub marks: HashMap<Id, Mark>,
    pub carries: HashMap<Id, Carry>,
    pub awards: HashMap<Id, Vec<Award>>,
    pub owed_before: HashMap<Id, store::Owed>,
    pub owed: HashMap<Id, store::Owed>,
    /// Are later months determined already? What a subject's month hands over then runs on into them.
    pub later: bool,
}

impl Standing {
    /// Is money owed, or does an award run or did one?
    pub fn at_stake(&self, subject: Id) -> bool {
        self.awards.contains_key(&subject) || self.owed.contains_key(&subject)
    }
}

impl Standing {
    /// In question by what stands, and not asked any more: who died or moved away. In order.
    pub fn no_longer_asked(&self, still_asked: &HashSet<Id>) -> Vec<Id> {
        let entitled = self.marks.iter().filter(|(_, mark)| mark.in_question);
        let mut left: Vec<Id> = entitled
            .map(|(id, _)| *id)
            .filter(|id| !still_asked.contains(id))
            .collect();
        left.sort_unstable();
        left
    }
}

/// Which results are handed on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// All.
    All,
    /// Those that are not what stands, to the last word of the reasons.
    Differing,
    /// Those whose outcome or amount is not what stands, found in columns; and of one subject in
    /// [`ROUNDS`], others each day, those that differ to the last word.
    DifferingInColumns(base::Day),
}

/// Days in which everybody's whole determination is compared once.
const ROUNDS: u32 = 28;

/// A chunk of households, asked.
#[derive(Default)]
pub(super) struct Chunk {
    /// Households read, on the day that has the most.
    pub households: u64,
    /// In the order of the standings.
    pub programmes: Vec<Asked>,
    /// Awards that are reviewed.
    pub rhythms: Vec<Reviewed>,
}

/// What one programme yields for a chunk.
#[derive(Default)]
pub(super) struct Asked {
    /// Households on the programme's day.
    pub households: u64,
    /// Their members.
    pub persons: u64,
    /// Subjects in question, by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Persons in entitled households, or entitled persons.
    pub entitled_persons: u64,
    /// What the rules grant.
    pub granted: Fen,
    /// Subjects in question that are so by what stands too.
    pub still_asked: Vec<Id>,
    /// Subjects that were determined by row although the run is in columns, by reason.
    pub by_row: BTreeMap<ByRow, u64>,
    /// Results that are handed on, those of one household together.
    pub results: Vec<Subjected>,
    /// Households whose rules could not be run.
    pub faults: Vec<(Id, String)>,
}

/// One subject's result with what settling it needs of the slice.
pub(super) struct Subjected {
    pub household: Id,
    pub found: Found,
    pub decisions: Vec<(Id, Decision)>,
    pub area: Box<str>,
    pub hearable: bool,
}

impl Office {
    /// The day whose register a month's run reads: the programme's reference day, wherever it is in
    /// force.
    pub fn reference_day(&self, programme: &str, month: Month) -> base::Day {
        programmes::reference_day(self.law(), programme, month)
    }

    /// Reads what stands for programmes and months.
    pub(super) async fn standings(
        &self,
        asked: &[(&str, Month)],
        at: At,
    ) -> Result<Arc<Vec<Standing>>, ServiceError> {
        let read = asked
            .iter()
            .map(|(programme, month)| self.standing(programme, *month, at));
        let all: Result<Vec<Standing>, ServiceError> =
            side_by_side(read).await.into_iter().collect();
        Ok(Arc::new(all?))
    }

    async fn standing(
        &self,
        programme: &str,
        month: Month,
        at: At,
    ) -> Result<Standing, ServiceError> {
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
        let mut awards: HashMap<Id, Vec<Award>> = HashMap::new();
        for award in self.store.awards(programme).await? {
            awards.entry(award.subject.id).or_default().push(award);
        }
        Ok(Standing {
            programme: programme.to_string(),
            month,
            at,
            marks: self.store.marks(programme, period).await?,
            carries,
            awards,
            owed_before: self
                .store
                .owed(programme, PeriodKey::Month(month.previous()))
                .await?,
            owed: self.store.owed(programme, period).await?,
            day: self.reference_day(programme, month),
            later,
        })
    }

    /// The period key that a month's determination of a programme has.
    pub(super) fn period_of(
        &self,
        programme: &str,
        month: Month,
    ) -> Result<PeriodKey, ServiceError> {
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

    /// Reads the population once and asks the law on as many threads as there are: about what stands, each
    /// programme on its own day, and about reviews.
    pub(super) fn ask_everybody(
        &self,
        standings: Arc<Vec<Standing>>,
        keep: Keep,
        reviews: Option<Arc<Reviews>>,
        at: At,
    ) -> Result<Receiver<Result<Chunk, ServiceError>>, ServiceError> {
        let (send, receive) = tokio::sync::mpsc::channel(8);
        let mut days: Vec<base::Day> = (standings.iter().map(|s| s.day))
            .chain(reviews.iter().map(|r| r.day))
            .collect();
        days.sort_unstable();
        days.dedup();
        if days.is_empty() {
            return Ok(receive);
        }
        let mut kinds = self.rules.kinds().clone();
        let slots = (kinds.household.len() as u16, kinds.person.len() as u16);
        kinds.household.push((decision::KIND.into(), true));
        kinds.person.push((decision::KIND.into(), true));
        let filter = PopulationFilter::default();
        let population = self.store.population(&kinds, &days, at.now, &filter)?;
        let population = Arc::new(Mutex::new(population));
        for n in 0..worker_count() {
            let worker = Worker {
                rules: self.rules.clone(),
                standings: standings.clone(),
                keep,
                reviews: reviews.clone(),
                days: days.clone(),
                at,
                slots,
            };
            let (send, population) = (send.clone(), population.clone());
            std::thread::Builder::new()
                .name(format!("asking-{n}"))
                .spawn(move || worker.run(&population, &send))
                .map_err(|error| ServiceError::Worker(error.to_string()))?;
        }
        Ok(receive)
    }
}

/// Threads that ask the law.
pub(super) fn worker_count() -> usize {
    std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(1, 16)
}

struct Worker {
    rules: Arc<LawRules>,
    standings: Arc<Vec<Standing>>,
    keep: Keep,
    reviews: Option<Arc<Reviews>>,
    /// The days on which the population is cut, ascending.
    days: Vec<base::Day>,
    at: At,
    /// Where decisions about households and persons are in a slice.
    slots: (u16, u16),
}

/// Programmes that are asked together: about one month, on one day.
struct Group<'r> {
    day: usize,
    standings: Vec<usize>,
    population: Population<'r>,
}

impl Worker {
    fn run(
        &self,
        population: &Mutex<store::Population>,
        send: &tokio::sync::mpsc::Sender<Result<Chunk, ServiceError>>,
    ) {
        let mut groups = self.groups();
        let mut memo = Memo::default();
        loop {
            let slices = match population.lock().map(|mut read| read.next()) {
                Ok(Some(Ok(slices))) => slices,
                Ok(Some(Err(error))) => {
                    // Nobody listens any more when this fails.
                    let _ = send.blocking_send(Err(error.into()));
                    return;
                }
                Ok(None) | Err(_) => return,
            };
            let done = self.ask(&mut groups, &slices).map(|mut chunk| {
                if let Some(reviews) = &self.reviews
                    && let Ok(n) = self.days.binary_search(&reviews.day)
                {
                    chunk.rhythms = reviews.rhythms(&self.rules, &slices[n], &mut memo);
                }
                chunk
            });
            if send.blocking_send(done).is_err() {
                return;
            }
        }
    }

    fn groups(&self) -> Vec<Group<'_>> {
        let mut together: BTreeMap<(base::Day, Month), Vec<usize>> = BTreeMap::new();
        for (n, standing) in self.standings.iter().enumerate() {
            let same = together.entry((standing.day, standing.month)).or_default();
            same.push(n);
        }
        together
            .into_iter()
            .filter_map(|((day, month), standings)| {
                let ids: Vec<&str> = standings
                    .iter()
                    .map(|n| self.standings[*n].programme.as_str())
                    .collect();
                let population = Population::new(&self.rules, &ids, month, self.at.now);
                Some(Group {
                    day: self.days.binary_search(&day).ok()?,
                    standings,
                    population,
                })
            })
            .collect()
    }

    fn ask(
        &self,
        groups: &mut [Group<'_>],
        slices: &[Vec<HouseholdSlice>],
    ) -> Result<Chunk, ServiceError> {
        let mut chunk = Chunk {
            households: slices.iter().map(|s| s.len() as u64).max().unwrap_or(0),
            programmes: self.standings.iter().map(|_| Asked::default()).collect(),
            rhythms: Vec::new(),
        };
        for group in groups {
            let slices = &slices[group.day];
            let of_group = &group.standings;
            let persons: u64 = slices.iter().map(|s| s.members.len() as u64).sum();
            for n in of_group {
                chunk.programmes[*n].households = slices.len() as u64;
                chunk.programmes[*n].persons = persons;
            }
            let carry = |n: usize, id: Id| self.standings[of_group[n]].carries.get(&id);
            let mut failed = Ok(());
            let programmes = RefCell::new(&mut chunk.programmes);
            let mut take = |answer: Answer| {
                let n = of_group[answer.programme];
                let slice = &slices[answer.slice];
                let asked = &mut programmes.borrow_mut()[n];
                if let Err(error) = self.take(&self.standings[n], asked, slice, answer) {
                    failed = Err(error);
                }
            };
            match self.keep {
                Keep::All | Keep::Differing => {
                    group.population.batch(slices, &carry, false, &mut take);
                }
                Keep::DifferingInColumns(day) => {
                    let mut settled = |verdict: &Verdict<'_>| {
                        let n = of_group[verdict.programme];
                        let slice = &slices[verdict.slice];
                        let asked = &mut programmes.borrow_mut()[n];
                        settles(&self.standings[n], asked, slice, verdict, day)
                    };
                    let population = &mut group.population;
                    let by_row = population.in_columns(slices, &carry, &mut settled, &mut take);
                    for ((n, why), count) in by_row {
                        let asked = &mut programmes.borrow_mut()[of_group[n]];
                        *asked.by_row.entry(why).or_default() += count;
                    }
                }
            }
            failed?;
        }
        Ok(chunk)
    }

    fn take(
        &self,
        standing: &Standing,
        asked: &mut Asked,
        slice: &HouseholdSlice,
        answer: Answer,
    ) -> Result<(), ServiceError> {
        let found = match answer.result {
            Ok(found) => found,
            Err(fault) => {
                asked.faults.push((slice.household, fault.to_string()));
                return Ok(());
            }
        };
        let e = &found.evaluation;
        *asked.outcomes.entry(e.outcome.name()).or_default() += 1;
        if matches!(e.outcome, Outcome::Entitled { .. }) {
            let persons = answer.member.map_or(slice.members.len(), |_| 1);
            asked.entitled_persons += persons as u64;
        }
        asked.granted = asked.granted + e.outcome.amount();
        if let Some(mark) = standing.marks.get(&found.subject.id) {
            if mark.in_question {
                asked.still_asked.push(found.subject.id);
            }
            if self.keep != Keep::All {
                let says =
                    store::fingerprint_of_content(&e.outcome, &e.reasons, &e.lines, &e.carry)?;
                if says == mark.fingerprint {
                    return Ok(());
                }
            }
        }
        asked.results.push(Subjected {
            household: slice.household,
            decisions: decisions_about(&found.subject, &standing.programme, slice, self.slots),
            area: slice.area.clone(),
            hearable: hearable(&*self.rules, slice, answer.member),
            found,
        });
        Ok(())
    }
}

/// Is a verdict of the columns what stands, so that the row road need not be asked? It is counted then.
fn settles(
    standing: &Standing,
    asked: &mut Asked,
    slice: &HouseholdSlice,
    verdict: &Verdict<'_>,
    day: base::Day,
) -> bool {
    use chrono::Datelike;
    if *verdict.outcome == Outcome::NotApplicable {
        return true;
    }
    let subject = verdict
        .member
        .map_or(slice.household, |m| slice.members[m].person);
    let Some(mark) = standing.marks.get(&subject) else {
        return false;
    };
    let turn = u32::from(subject.as_bytes()[15]) % ROUNDS;
    let same = store::fingerprint_of_outcome(verdict.outcome).is_ok_and(|o| o == mark.outcome);
    if !same || turn == day.num_days_from_ce().unsigned_abs() % ROUNDS {
        return false;
    }
    *asked.outcomes.entry(verdict.outcome.name()).or_default() += 1;
    if mark.in_question {
        asked.still_asked.push(subject);
    }
    true
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
