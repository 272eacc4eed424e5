//! What happens in the district month by month, and when the office hears of it.
//!
//! Happenings are drawn month by month; each becomes records whose recorded moment lies some days
//! or months later. A month's events are those *recorded* in it, in that order, so that they can be
//! handed to the services as they come in. The district before the first month also had a life:
//! what of it was not yet reported on the first day comes as late facts.

mod change;
mod family;

use super::District;
use super::compose::{Role, Shape};
use super::emit::{self, Applied, GeneratedHousehold, Intent};
use super::names;
use super::people::{Person as Compact, stream};
use base::{Day, Id, Instant, Month, Period};
use chrono::{Datelike, Days, TimeDelta};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use registry::record::{Evidence, Identity, Membership, Person, Provenance, Residence};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// One thing that the office hears of.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it is recorded.
    pub recorded_at: Instant,
    /// When it was so.
    pub happened: Day,
    /// Household that it is about.
    pub household: Id,
    /// Community of that household.
    pub area: String,
    /// What kind of happening, as the district file calls it, or `birth`, `death`, `move-in`, ….
    pub label: String,
    /// The records.
    pub what: What,
}

/// The records of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A household comes to be: it moves here, or somebody moves out of another one. It may bring
    /// persons with it, or take members of households that exist (then `persons` is empty).
    NewHousehold(Box<GeneratedHousehold>),
    /// A person is born into a household.
    NewPerson(Box<Newcomer>),
    /// Somebody joins or leaves a household, or becomes its head.
    Memberships(Vec<Membership>),
    /// A household lives elsewhere from now on.
    Moved(Residence),
    /// Facts about persons or the household.
    Facts(Vec<Evidence>),
    /// Somebody applies.
    Applied(Intent),
    /// Somebody withdraws an application, or renounces what is paid.
    Withdrew(Intent),
}

/// A person who was not in the register before.
#[derive(Clone, Debug, PartialEq)]
pub struct Newcomer {
    /// The record.
    pub person: Person,
    /// Who it is.
    pub identity: Identity,
    /// In which household.
    pub membership: Membership,
    /// What is known.
    pub evidence: Vec<Evidence>,
}

/// The district's life; a value to be asked for one month after the other.
#[derive(Debug)]
pub struct Life<'a, 'w> {
    district: &'a District<'w>,
    touched: HashMap<usize, State>,
    /// Households that came later.
    added: Vec<usize>,
    waiting: BTreeMap<(Instant, u64), Event>,
    month: Month,
    counter: u64,
    /// How many came later by birthday and sex: their identity numbers go on from there.
    ranks: HashMap<(i32, u8), u32>,
    /// What is being drawn is recorded only from this moment on.
    from: Instant,
}

#[derive(Clone, Debug)]
struct State {
    id: Id,
    community: usize,
    luck: f64,
    hardship: bool,
    members: Vec<Live>,
    household: Vec<(usize, Value)>,
    applied: Vec<Applied>,
    gone: bool,
}

#[derive(Clone, Debug)]
struct Live {
    id: Id,
    person: Compact,
    name: String,
    values: Vec<(usize, Value)>,
    gone: bool,
}

impl State {
    fn shape(&self) -> Shape {
        let size = self.members.iter().filter(|m| !m.gone).count().min(255) as u8;
        Shape {
            first: 0,
            size,
            generations: 0,
            collective: false,
        }
    }
}

/// Months before the first one whose late reports are still to come.
const BACKLOG: i32 = 6;

impl<'a, 'w> Life<'a, 'w> {
    pub(super) fn new(district: &'a District<'w>) -> Life<'a, 'w> {
        let start = Month::of(district.options.start);
        let from = district
            .options
            .start
            .and_hms_opt(0, 0, 0)
            .unwrap_or_default()
            .and_utc();
        let mut life = Life {
            district,
            touched: HashMap::new(),
            added: Vec::new(),
            waiting: BTreeMap::new(),
            month: start.plus(-BACKLOG),
            counter: 0,
            ranks: HashMap::new(),
            from,
        };
        while life.month < start {
            let month = life.month;
            life.happen(month);
            life.month = month.next();
        }
        life
    }

    /// Everything recorded in the next month, in the order of its recording. The first call gives
    /// the month of the district's first day.
    pub fn month(&mut self) -> (Month, Vec<Event>) {
        let month = self.month;
        self.happen(month);
        self.month = month.next();
        let end = month
            .next()
            .first()
            .and_hms_opt(0, 0, 0)
            .unwrap_or_default()
            .and_utc();
        let later = self.waiting.split_off(&(end, 0));
        let now = std::mem::replace(&mut self.waiting, later);
        (month, now.into_values().collect())
    }

    /// Does a payment come back from the bank, and why (an ISO 20022 reason code)? Always the same
    /// answer for the same subject and month; a payment issued again (`attempt` above 0) arrives.
    pub fn bank_return(&self, subject: Id, month: Month, attempt: u32) -> Option<&'a str> {
        let bank = &self.district.world.file.bank;
        let salt = u64::from_be_bytes(subject.as_bytes()[8..].try_into().unwrap_or_default());
        let mut rng = stream(
            self.district.options.seed ^ salt,
            (7 << 40) + month.index() as u64,
        );
        if attempt > 0 || rng.random::<f64>() >= bank.returned {
            return None;
        }
        let mut at = rng.random::<f64>() * bank.return_reasons.values().sum::<f64>();
        for (reason, weight) in &bank.return_reasons {
            at -= weight;
            if at < 0.0 {
                return Some(reason);
            }
        }
        bank.return_reasons.keys().next().map(String::as_str)
    }

    fn happen(&mut self, month: Month) {
        let d = self.district;
        let rates = &d.world.file.life;
        let mut rng = stream(d.options.seed, (5 << 40) + month.index() as u64);
        let (persons, homes) = (d.persons() as f64 / 12_000.0, d.len() as f64 / 12_000.0);
        for _ in 0..draws(rates.births * persons, &mut rng) {
            self.birth(month, &mut rng);
        }
        for _ in 0..draws(rates.deaths * persons, &mut rng) {
            self.death(month, &mut rng);
        }
        for _ in 0..draws(rates.marriages * persons, &mut rng) {
            self.marriage(month, &mut rng);
        }
        for _ in 0..draws(rates.divorces * persons, &mut rng) {
            self.divorce(month, &mut rng);
        }
        for _ in 0..draws(rates.moves_within * homes, &mut rng) {
            self.moves(month, true, &mut rng);
        }
        for _ in 0..draws(rates.moves_out * homes, &mut rng) {
            self.moves(month, false, &mut rng);
        }
        for _ in 0..draws(rates.moves_in * homes, &mut rng) {
            self.move_in(month, &mut rng);
        }
        for c in 0..d.world.rules.changes.len() {
            let change = &d.world.rules.changes[c];
            let months = &change.file.months;
            let rate = match months.len() {
                0 => change.file.rate,
                _ if months.contains(&month.month()) => {
                    change.file.rate * 12.0 / months.len() as f64
                }
                _ => continue,
            };
            for _ in 0..draws(rate * persons, &mut rng) {
                self.change(change, month, &mut rng);
            }
        }
        for (needy, rate) in [
            (true, rates.applications_needy),
            (false, rates.applications_other),
        ] {
            for _ in 0..draws(rate * homes, &mut rng) {
                self.application(month, needy, &mut rng);
            }
        }
        for _ in 0..draws(rates.withdrawals * homes, &mut rng) {
            self.withdrawal(month, &mut rng);
        }
    }

    // ---- what the events are made with

    fn state(&mut self, n: usize) -> &mut State {
        let d = self.district;
        self.touched.entry(n).or_insert_with(|| load(d, n))
    }

    /// A household that still is here.
    fn any_home(&mut self, rng: &mut ChaCha8Rng) -> Option<usize> {
        let base = self.district.population.households.len();
        let pick = rng.random_range(0..base + self.added.len());
        let n = if pick < base {
            pick
        } else {
            self.added[pick - base]
        };
        (!self.touched.get(&n).is_some_and(|s| s.gone)).then_some(n)
    }

    /// A member of the opening register, or of one who came later, each person equally likely.
    fn any_person(&mut self, rng: &mut ChaCha8Rng) -> Option<(usize, usize)> {
        let households = &self.district.population.households;
        let pick = rng.random_range(0..self.district.population.persons.len());
        let n = households_of(households, pick);
        let m = pick - households[n].first as usize;
        if self
            .touched
            .get(&n)
            .is_some_and(|s| s.gone || s.members.get(m).is_none_or(|l| l.gone))
        {
            return None;
        }
        Some((n, m))
    }

    fn compact(&self, n: usize, m: usize) -> Compact {
        match self.touched.get(&n) {
            Some(s) => s.members[m].person,
            None => self.district.population.members(n)[m],
        }
    }

    fn day_in(&self, month: Month, rng: &mut ChaCha8Rng) -> Day {
        let days = (month.last() - month.first()).num_days() as u64;
        month.first() + Days::new(rng.random_range(0..=days))
    }

    /// When it is recorded: in office hours, after the delay. `None`: before the first day, so that
    /// the opening register knows it already.
    fn heard(&self, happened: Day, times: f64, rng: &mut ChaCha8Rng) -> Option<Instant> {
        let delays = &self.district.world.file.life.delays;
        let mut at = rng.random::<f64>() * delays.iter().map(|d| d.weight).sum::<f64>();
        let mut days = 0.0;
        for d in delays {
            at -= d.weight;
            if at < 0.0 {
                days = rng.random_range(f64::from(d.days[0])..=f64::from(d.days[1]));
                break;
            }
        }
        let recorded = (happened + Days::new((days * times) as u64))
            .and_hms_opt(1, 0, 0)?
            .and_utc()
            + TimeDelta::seconds(rng.random_range(0..8 * 3600));
        (recorded >= self.from).then_some(recorded)
    }

    fn provenance(&self, recorded_at: Instant) -> Provenance {
        let life = &self.district.world.file.life;
        Provenance {
            recorded_at,
            recorded_by: life.by.clone(),
            source: life.source.clone(),
        }
    }

    fn mint(&mut self, moment: Instant) -> Id {
        self.counter += 1;
        let seed = self.district.options.seed ^ 0x6c69_6665;
        emit::id(
            seed,
            moment.timestamp_millis() - self.counter as i64,
            self.counter,
            1,
        )
    }

    fn shard(&self) -> String {
        self.district.world.file.areas.code.clone()
    }

    fn file(&mut self, recorded_at: Instant, happened: Day, n: usize, label: &str, what: What) {
        let s = self.state(n);
        let (household, community) = (s.id, s.community);
        let area = names::community_code(&self.district.world.file, community);
        self.counter += 1;
        let event = Event {
            recorded_at,
            happened,
            household,
            area,
            label: label.into(),
            what,
        };
        self.waiting.insert((recorded_at, self.counter), event);
    }

    fn fact(
        &mut self,
        subject: Id,
        kind: String,
        value: Value,
        from: Day,
        at: Instant,
    ) -> Evidence {
        Evidence {
            id: self.mint(at),
            shard: self.shard(),
            subject,
            kind,
            value,
            valid: Period::since(from),
            withdraws: vec![],
            provenance: self.provenance(at),
        }
    }

    fn membership(
        &mut self,
        n: usize,
        m: usize,
        role: Role,
        member: bool,
        from: Day,
        at: Instant,
    ) -> Membership {
        let relation = emit::relation(self.district, role).to_string();
        let s = self.state(n);
        let (household, person) = (s.id, s.members[m].id);
        Membership {
            id: self.mint(at),
            household,
            person,
            relation,
            member,
            valid: Period::since(from),
            provenance: self.provenance(at),
        }
    }
}

fn load(d: &District, n: usize) -> State {
    let draft = emit::draft(d, n);
    let full = emit::household(d, n);
    let members = d
        .population
        .members(n)
        .iter()
        .zip(draft.members)
        .zip(full.history.identities)
        .map(|((&person, values), identity)| Live {
            id: identity.person,
            person,
            name: identity.name,
            values,
            gone: false,
        })
        .collect();
    State {
        id: emit::household_id(d, n),
        community: d.population.community(n),
        luck: draft.luck,
        hardship: draft.hardship,
        members,
        household: draft.household,
        applied: draft.intents,
        gone: false,
    }
}

fn households_of(households: &[Shape], person: usize) -> usize {
    households
        .partition_point(|h| h.first as usize <= person)
        .saturating_sub(1)
}

/// Completed years on a day.
fn age(p: &Compact, on: Day) -> f64 {
    ((f64::from(on.num_days_from_ce() - p.birth)) / 365.2425).floor()
}

/// A whole number with the given mean: the floor, and one more with the fraction's chance.
fn draws(mean: f64, rng: &mut ChaCha8Rng) -> u64 {
    let mean = mean.max(0.0);
    mean.floor() as u64 + u64::from(rng.random::<f64>() < mean.fract())
}
