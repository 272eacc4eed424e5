//! Everybody asked at once: one reading of the population for all programmes that look at the same day,
//! the law asked on as many threads as there are.

use super::rules::latest_version;
use super::{Office, ServiceError};
use base::{Fen, Id, Month};
use entitlement::Outcome;
use entitlement::change::At;
use entitlement::decision::{self, Decision};
use entitlement::determination::{Award, PeriodKey, SubjectKey};
use entitlement::determine::Found;
use entitlement::month::hearable;
use entitlement::programmes;
use entitlement::rules::{Carry, Rules};
use entitlement::situation::{Answer, LawRules, Population};
use registry::slice::{Fact, HouseholdSlice};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::mpsc::sync_channel;
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
    /// Those that are not what stands.
    Differing,
}

/// A chunk of households, asked.
#[derive(Default)]
pub(super) struct Chunk {
    /// Households read.
    pub households: u64,
    /// Their members.
    pub persons: u64,
    /// By programme, in the order of the standings.
    pub programmes: Vec<Asked>,
}

/// What one programme yields for a chunk.
#[derive(Default)]
pub(super) struct Asked {
    /// Subjects in question, by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Persons in entitled households, or entitled persons.
    pub entitled_persons: u64,
    /// What the rules grant.
    pub granted: Fen,
    /// Subjects in question that are so by what stands too.
    pub still_asked: Vec<Id>,
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

    /// Programmes that can be asked in one reading of the population: those that look at the same day.
    pub(super) fn by_reference_day<'p>(
        &self,
        programmes: &[&'p str],
        month: Month,
    ) -> Vec<Vec<&'p str>> {
        programmes::by_reference_day(self.law(), programmes, month)
            .into_values()
            .collect()
    }

    /// Reads what stands for programmes that look at the same day.
    pub(super) async fn standings(
        &self,
        programmes: &[&str],
        month: Month,
        at: At,
    ) -> Result<Arc<Vec<Standing>>, ServiceError> {
        let mut all = Vec::with_capacity(programmes.len());
        for programme in programmes {
            all.push(self.standing(programme, month, at).await?);
        }
        Ok(Arc::new(all))
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

    /// Reads the population on one thread and asks the law on others.
    pub(super) fn ask_everybody(
        &self,
        standings: Arc<Vec<Standing>>,
        keep: Keep,
    ) -> Result<Receiver<Result<Chunk, ServiceError>>, ServiceError> {
        let (send, receive) = tokio::sync::mpsc::channel(8);
        let Some(first) = standings.first() else {
            return Ok(receive);
        };
        let mut kinds = self.rules.kinds().clone();
        let slots = (kinds.household.len() as u16, kinds.person.len() as u16);
        kinds.household.push((decision::KIND.into(), true));
        kinds.person.push((decision::KIND.into(), true));
        let filter = PopulationFilter::default();
        let population = self
            .store
            .population(&kinds, first.day, first.at.now, &filter)?;
        let (to_workers, from_reader) = sync_channel::<Vec<HouseholdSlice>>(2);
        let from_reader = Arc::new(Mutex::new(from_reader));
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
            let worker = Worker {
                rules: self.rules.clone(),
                standings: standings.clone(),
                keep,
                slots,
            };
            let (send, from_reader) = (send.clone(), from_reader.clone());
            std::thread::spawn(move || worker.run(&from_reader, &send));
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
    /// Where decisions about households and persons are in a slice.
    slots: (u16, u16),
}

impl Worker {
    fn run(
        &self,
        from_reader: &Mutex<std::sync::mpsc::Receiver<Vec<HouseholdSlice>>>,
        send: &tokio::sync::mpsc::Sender<Result<Chunk, ServiceError>>,
    ) {
        let Some(first) = self.standings.first() else {
            return;
        };
        let ids: Vec<&str> = self
            .standings
            .iter()
            .map(|s| s.programme.as_str())
            .collect();
        let mut population = Population::new(&self.rules, &ids, first.month, first.at.now);
        loop {
            let Ok(Ok(slices)) = from_reader.lock().map(|r| r.recv()) else {
                return;
            };
            let done = self.ask(&mut population, &slices);
            if send.blocking_send(done).is_err() {
                return;
            }
        }
    }

    fn ask(
        &self,
        population: &mut Population<'_>,
        slices: &[HouseholdSlice],
    ) -> Result<Chunk, ServiceError> {
        let mut chunk = Chunk {
            households: slices.len() as u64,
            persons: slices.iter().map(|s| s.members.len() as u64).sum(),
            programmes: self.standings.iter().map(|_| Asked::default()).collect(),
        };
        let mut failed = Ok(());
        let carry = |n: usize, id: Id| self.standings[n].carries.get(&id);
        population.batch(slices, &carry, false, &mut |answer| {
            let asked = &mut chunk.programmes[answer.programme];
            if let Err(error) = self.take(asked, &slices[answer.slice], answer) {
                failed = Err(error);
            }
        });
        failed.map(|()| chunk)
    }

    fn take(
        &self,
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
        let standing = &self.standings[answer.programme];
        if let Some(mark) = standing.marks.get(&found.subject.id) {
            if mark.in_question {
                asked.still_asked.push(found.subject.id);
            }
            if self.keep == Keep::Differing {
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
