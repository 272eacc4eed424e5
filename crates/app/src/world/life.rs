//! What happens in the district month by month, and when the office hears of it.
//!
//! Happenings are drawn month by month; each becomes records whose recorded moment lies some days
//! or months later. A month's events are those *recorded* in it, in that order, so that they can be
//! handed to the services as they come in. The district before the first month also had a life:
//! what of it was not yet reported on the first day comes as late facts.

use super::District;
use super::compose::{Role, Shape};
use super::emit::{self, Applied, GeneratedHousehold, Intent};
use super::evidence::{Change, View};
use super::fit::curve;
use super::names;
use super::people::{NONE, Person as Compact, day, stream};
use super::schema::Of;
use base::{Day, Id, Instant, Month, Period};
use chrono::{Datelike, Days, TimeDelta};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use registry::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Provenance, Residence,
};
use registry::slice::HouseholdHistory;
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
    /// A person is born or joins from elsewhere.
    NewPerson {
        /// The record.
        person: Person,
        /// Who it is.
        identity: Identity,
        /// In which household.
        membership: Membership,
        /// What is known.
        evidence: Vec<Evidence>,
    },
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

    // ---- what happens

    fn birth(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let rates = &self.district.world.file.life;
        let top = rates
            .mother
            .iter()
            .fold(0.0f64, |t, p| t.max(p[1]))
            .max(1e-9);
        let happened = self.day_in(month, rng);
        for _ in 0..200 {
            let Some((n, m)) = self.any_person(rng) else {
                continue;
            };
            let p = self.compact(n, m);
            if p.sex != 1 || p.marital != super::compose::MARRIED || self.collective(n) {
                continue;
            }
            if rng.random::<f64>() * top > curve(&rates.mother, age(&p, happened)) {
                continue;
            }
            let Some(at) = self.heard(happened, 1.0, rng) else {
                return;
            };
            let sex = u8::from(rng.random::<f64>() < 0.475);
            let role = match p.role {
                Role::Head | Role::Spouse => Role::Child,
                _ => Role::Other,
            };
            let child = Compact {
                birth: happened.num_days_from_ce(),
                rank: 0,
                age: 0,
                sex,
                marital: 0,
                school: NONE,
                work: NONE,
                occupation: NONE,
                role,
            };
            let mother = self.state(n).members[m].name.clone();
            let surname: String = self
                .state(n)
                .members
                .iter()
                .find(|l| l.person.sex == 0)
                .map_or(mother, |l| l.name.clone());
            let given = names::given(&self.district.world.file, sex, happened.year(), rng);
            let name = format!("{}{given}", surname.chars().next().unwrap_or('无'));
            let what = self.newcomer(n, child, name, happened, at, vec![], rng);
            self.file(at, happened, n, "birth", what);
            return;
        }
    }

    /// A new member of household `n`.
    #[allow(clippy::too_many_arguments)]
    fn newcomer(
        &mut self,
        n: usize,
        person: Compact,
        name: String,
        from: Day,
        at: Instant,
        values: Vec<(usize, Value)>,
        rng: &mut ChaCha8Rng,
    ) -> What {
        let id = self.mint(at);
        let birth = day(person.birth);
        // Ranks of those who come later do not meet those of the opening register.
        self.counter += 1;
        let rank = names::LATER + (self.counter % 100) as u32;
        let number = names::identity_number(
            &self.district.world.file,
            birth,
            person.sex,
            rank,
            rng.random(),
        );
        let record = Person {
            id,
            shard: self.shard(),
            opened_at: at,
        };
        let identity = Identity {
            id: self.mint(at),
            person: id,
            name: name.clone(),
            sex: emit::sex(person.sex),
            birth,
            number: Some(number),
            provenance: self.provenance(at),
        };
        let s = self.state(n);
        s.members.push(Live {
            id,
            person,
            name,
            values: values.clone(),
            gone: false,
        });
        let m = s.members.len() - 1;
        let membership = self.membership(n, m, person.role, true, from, at);
        let evidence = values
            .into_iter()
            .map(|(k, v)| {
                self.fact(
                    id,
                    self.district.world.rules.kinds[k].name.clone(),
                    v,
                    from,
                    at,
                )
            })
            .collect();
        What::NewPerson {
            person: record,
            identity,
            membership,
            evidence,
        }
    }

    fn collective(&self, n: usize) -> bool {
        self.district
            .population
            .households
            .get(n)
            .is_some_and(|h| h.collective)
    }

    fn death(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let rates = &self.district.world.file.life;
        let Some(kind) = rates.death_kind.clone() else {
            return;
        };
        let top = rates
            .mortality
            .iter()
            .fold(0.0f64, |t, p| t.max(p[1]))
            .max(1e-9);
        let happened = self.day_in(month, rng);
        for _ in 0..20_000 {
            let Some((n, m)) = self.any_person(rng) else {
                continue;
            };
            let p = self.compact(n, m);
            if rng.random::<f64>() * top > curve(&rates.mortality, age(&p, happened)) {
                continue;
            }
            let Some(at) = self.heard(happened, 1.0, rng) else {
                return;
            };
            let s = self.state(n);
            s.members[m].gone = true;
            let dead = s.members[m].id;
            let mut facts =
                vec![self.fact(dead, kind, Value::from(happened.to_string()), happened, at)];
            if let Some(words) = rates.marital_kind.clone()
                && p.marital == super::compose::MARRIED
                && let Some(w) = self.partner(n, m)
            {
                let s = self.state(n);
                s.members[w].person.marital = 3;
                let who = s.members[w].id;
                facts.push(self.fact(who, words.kind, Value::from(words.widowed), happened, at));
            }
            self.file(at, happened, n, "death", What::Facts(facts));
            self.new_head(n, m, happened, at);
            return;
        }
    }

    /// The husband or wife of a head, or the head of a husband or wife.
    fn partner(&mut self, n: usize, m: usize) -> Option<usize> {
        let s = self.state(n);
        let wanted = match s.members[m].person.role {
            Role::Head => Role::Spouse,
            Role::Spouse => Role::Head,
            _ => return None,
        };
        s.members
            .iter()
            .position(|l| !l.gone && l.person.role == wanted)
    }

    /// After its head is gone, the husband or wife or else the oldest adult heads a household.
    fn new_head(&mut self, n: usize, old: usize, happened: Day, at: Instant) {
        let s = self.state(n);
        if s.members[old].person.role != Role::Head {
            return;
        }
        let best = (0..s.members.len())
            .filter(|&i| !s.members[i].gone)
            .min_by_key(|&i| {
                let p = &s.members[i].person;
                (p.role != Role::Spouse, p.birth, i)
            });
        let Some(best) = best else {
            s.gone = true;
            return;
        };
        s.members[best].person.role = Role::Head;
        let piece = self.membership(n, best, Role::Head, true, happened, at);
        self.file(at, happened, n, "new-head", What::Memberships(vec![piece]));
    }

    fn marriage(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let happened = self.day_in(month, rng);
        let single = |p: &Compact| p.marital != super::compose::MARRIED && p.role != Role::Parent;
        let Some((n, m)) = self.find(rng, |p| {
            p.sex == 0 && single(p) && (22.0..48.0).contains(&age(p, happened))
        }) else {
            return;
        };
        let years = age(&self.compact(n, m), happened);
        let Some((n2, m2)) = self.find(rng, |p| {
            p.sex == 1
                && single(p)
                && (-7.0..3.0).contains(&(age(p, happened) - years))
                && age(p, happened) >= 20.0
        }) else {
            return;
        };
        if n == n2 || self.alive(n2) < 2 || self.collective(n) {
            return;
        }
        let Some(at) = self.heard(happened, 1.0, rng) else {
            return;
        };
        let role = if self.compact(n, m).role == Role::Head {
            Role::Spouse
        } else {
            Role::Other
        };
        let leaves = self.membership(n2, m2, self.compact(n2, m2).role, false, happened, at);
        self.file(
            at,
            happened,
            n2,
            "marriage",
            What::Memberships(vec![leaves]),
        );
        let mut bride = self.state(n2).members[m2].clone();
        self.state(n2).members[m2].gone = true;
        self.new_head(n2, m2, happened, at);
        bride.person.marital = super::compose::MARRIED;
        bride.person.role = role;
        let bride_id = bride.id;
        let s = self.state(n);
        s.members[m].person.marital = super::compose::MARRIED;
        let groom = s.members[m].id;
        s.members.push(bride);
        let last = s.members.len() - 1;
        let joins = self.membership(n, last, role, true, happened, at);
        self.file(at, happened, n, "marriage", What::Memberships(vec![joins]));
        if let Some(words) = self.district.world.file.life.marital_kind.clone() {
            let facts = [groom, bride_id].map(|who| {
                self.fact(
                    who,
                    words.kind.clone(),
                    Value::from(words.married.clone()),
                    happened,
                    at,
                )
            });
            self.file(at, happened, n, "marriage", What::Facts(facts.into()));
        }
    }

    fn alive(&mut self, n: usize) -> usize {
        self.state(n).members.iter().filter(|l| !l.gone).count()
    }

    fn find(
        &mut self,
        rng: &mut ChaCha8Rng,
        test: impl Fn(&Compact) -> bool,
    ) -> Option<(usize, usize)> {
        for _ in 0..2_000 {
            if let Some((n, m)) = self.any_person(rng)
                && test(&self.compact(n, m))
            {
                return Some((n, m));
            }
        }
        None
    }

    fn divorce(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let happened = self.day_in(month, rng);
        let Some((n, m)) = self.find(rng, |p| {
            p.role == Role::Spouse
                && p.marital == super::compose::MARRIED
                && age(p, happened) < 60.0
        }) else {
            return;
        };
        let Some(at) = self.heard(happened, 1.5, rng) else {
            return;
        };
        let leaves = self.membership(n, m, Role::Spouse, false, happened, at);
        self.file(at, happened, n, "divorce", What::Memberships(vec![leaves]));
        let head = self.partner(n, m);
        let s = self.state(n);
        s.members[m].gone = true;
        let mut gone = s.members[m].clone();
        gone.gone = false;
        gone.person.marital = 2;
        gone.person.role = Role::Head;
        let (luck, hardship, mut who) = (s.luck, s.hardship, vec![gone.id]);
        if let Some(h) = head {
            s.members[h].person.marital = 2;
            who.push(s.members[h].id);
        }
        // Who leaves has next to no savings of a household's own yet; a check will have to say.
        let made = self.new_home(vec![gone], vec![], luck, hardship, rng, happened, at);
        self.file(
            at,
            happened,
            made.0,
            "divorce",
            What::NewHousehold(Box::new(made.1)),
        );
        if let Some(words) = self.district.world.file.life.marital_kind.clone() {
            let facts = who
                .into_iter()
                .map(|w| {
                    self.fact(
                        w,
                        words.kind.clone(),
                        Value::from(words.divorced.clone()),
                        happened,
                        at,
                    )
                })
                .collect();
            self.file(at, happened, n, "divorce", What::Facts(facts));
        }
    }

    /// A household of members who have records already.
    #[allow(clippy::too_many_arguments)]
    fn new_home(
        &mut self,
        members: Vec<Live>,
        household: Vec<(usize, Value)>,
        luck: f64,
        hardship: bool,
        rng: &mut ChaCha8Rng,
        from: Day,
        at: Instant,
    ) -> (usize, GeneratedHousehold) {
        let d = self.district;
        let file = &d.world.file;
        let id = self.mint(at);
        let community = rng.random_range(0..d.population.bounds.len());
        let n = d.population.households.len() + self.added.len() + 1;
        self.added.push(n);
        let holder = members.first().map_or(String::new(), |m| m.name.clone());
        let count = members.len();
        self.touched.insert(
            n,
            State {
                id,
                community,
                luck,
                hardship,
                members,
                household: household.clone(),
                applied: vec![],
                gone: false,
            },
        );
        let memberships = (0..count)
            .map(|m| {
                let role = self.state(n).members[m].person.role;
                self.membership(n, m, role, true, from, at)
            })
            .collect();
        let street = file
            .areas
            .streets
            .get(community / file.areas.communities_each.max(1))
            .map_or(String::new(), |s| {
                format!("{}{}", s.zh, file.areas.street_zh)
            });
        let residence = Residence {
            id: self.mint(at),
            household: id,
            area: names::community_code(file, community),
            address: names::address(file, &street, false, rng),
            valid: Period::since(from),
            provenance: self.provenance(at),
        };
        let payee = PayeeAccount {
            id: self.mint(at),
            subject: id,
            holder,
            number: names::account_number(file, n as u64),
            bank: file.bank.code.clone(),
            valid: Period::since(from),
            provenance: self.provenance(at),
        };
        let evidence = household
            .into_iter()
            .map(|(k, v)| self.fact(id, d.world.rules.kinds[k].name.clone(), v, from, at))
            .collect();
        let history = HouseholdHistory {
            household: Some(id),
            shard: self.shard(),
            opened_at: Some(at),
            residences: vec![residence],
            memberships,
            evidence,
            payees: vec![payee],
            ..HouseholdHistory::default()
        };
        let record = Household {
            id,
            shard: self.shard(),
            opened_at: at,
        };
        let made = GeneratedHousehold {
            number: n as u64,
            collective: false,
            generations: 1,
            household: record,
            persons: vec![],
            history,
            intents: vec![],
        };
        (n, made)
    }

    fn moves(&mut self, month: Month, within: bool, rng: &mut ChaCha8Rng) {
        let happened = self.day_in(month, rng);
        let Some(n) = self.any_home(rng) else { return };
        if self.collective(n) {
            return;
        }
        let Some(at) = self.heard(happened, 1.0, rng) else {
            return;
        };
        if within {
            let d = self.district;
            let community = rng.random_range(0..d.population.bounds.len());
            let file = &d.world.file;
            let street = file
                .areas
                .streets
                .get(community / file.areas.communities_each.max(1))
                .map_or(String::new(), |s| {
                    format!("{}{}", s.zh, file.areas.street_zh)
                });
            let s = self.state(n);
            s.community = community;
            let household = s.id;
            let residence = Residence {
                id: self.mint(at),
                household,
                area: names::community_code(file, community),
                address: names::address(file, &street, false, rng),
                valid: Period::since(happened),
                provenance: self.provenance(at),
            };
            self.file(at, happened, n, "move-within", What::Moved(residence));
            return;
        }
        // Leaving the district: all members leave the household.
        let pieces = (0..self.state(n).members.len())
            .filter(|&m| !self.touched[&n].members[m].gone)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|m| {
                let role = self.compact(n, m).role;
                self.membership(n, m, role, false, happened, at)
            })
            .collect();
        self.file(at, happened, n, "move-out", What::Memberships(pieces));
        let s = self.state(n);
        s.gone = true;
        s.members.iter_mut().for_each(|m| m.gone = true);
    }

    /// A household like one of the register comes from elsewhere.
    fn move_in(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let happened = self.day_in(month, rng);
        let base = self.district.population.households.len();
        let like = rng.random_range(0..base);
        if self.collective(like) {
            return;
        }
        let Some(at) = self.heard(happened, 1.0, rng) else {
            return;
        };
        let model = load(self.district, like);
        let household = model.household.clone();
        let (n, mut made) = self.new_home(
            vec![],
            household,
            model.luck,
            model.hardship,
            rng,
            happened,
            at,
        );
        let surname = names::surname(&self.district.world.file, rng);
        for live in model.members {
            let mut person = live.person;
            person.birth -= rng.random_range(0..200);
            let given = names::given(
                &self.district.world.file,
                person.sex,
                day(person.birth).year(),
                rng,
            );
            let name = format!("{surname}{given}");
            if made.history.payees[0].holder.is_empty() {
                made.history.payees[0].holder = name.clone();
            }
            let what = self.newcomer(n, person, name, happened, at, live.values, rng);
            if let What::NewPerson {
                person,
                identity,
                membership,
                evidence,
            } = what
            {
                made.persons.push(person);
                made.history.identities.push(identity);
                made.history.memberships.push(membership);
                made.history.evidence.extend(evidence);
            }
        }
        self.file(
            at,
            happened,
            n,
            "move-in",
            What::NewHousehold(Box::new(made)),
        );
    }

    fn change(&mut self, change: &Change, month: Month, rng: &mut ChaCha8Rng) {
        let Some((n, m)) = self.any_person(rng) else {
            return;
        };
        let happened = self.day_in(month, rng);
        let p = self.compact(n, m);
        // What needs no evidence is asked first: most draws end here.
        let d = self.district;
        let bare: Vec<_> = change
            .when
            .iter()
            .filter(|c| c.is_plain())
            .cloned()
            .collect();
        let home = Shape {
            first: 0,
            size: 1,
            generations: 1,
            collective: self.collective(n),
        };
        let view = View {
            file: &d.world.file,
            person: &p,
            age: age(&p, happened),
            home: &home,
            hardship: false,
            luck: 1.0,
            values: &[],
            day: happened,
        };
        if !view.holds(&bare) {
            return;
        }
        let times = change.file.delay;
        let Some(at) = self.heard(happened, times, rng) else {
            return;
        };
        let s = self.state(n);
        let home = s.shape();
        let mut values = s.members[m].values.clone();
        let (hardship, luck, who) = (s.hardship, s.luck, s.members[m].id);
        let blank = View {
            home: &home,
            hardship,
            luck,
            values: &[],
            ..view
        };
        if !(View {
            values: &values,
            ..blank
        })
        .holds(&change.when)
        {
            return;
        }
        let mut drawn = Vec::new();
        for (kind, when, case) in &change.set {
            let view = View {
                values: &values,
                ..blank
            };
            if !view.holds(when) || rng.random::<f64>() >= case.share {
                continue;
            }
            if let Some(value) = view.case(case, rng) {
                values.retain(|(k, _)| k != kind);
                values.push((*kind, value.clone()));
                drawn.push((*kind, value));
            }
        }
        let s = self.state(n);
        s.members[m].values = values;
        if let Some(work) = change.work {
            s.members[m].person.work = work;
        }
        let life = &d.world.file.life;
        let wrong = rng.random::<f64>() < life.errors;
        let mut facts = Vec::new();
        let mut right = Vec::new();
        for (k, value) in drawn {
            let kind = d.world.rules.kinds[k].name.clone();
            match value.as_f64().filter(|x| wrong && *x > 0.0) {
                Some(x) => {
                    let off = Value::from((x * life.error_factor).round() as i64);
                    let first = self.fact(who, kind.clone(), off, happened, at);
                    right.push((first.id, kind, value));
                    facts.push(first);
                }
                None => facts.push(self.fact(who, kind, value, happened, at)),
            }
        }
        self.file(at, happened, n, &change.file.id, What::Facts(facts));
        if !right.is_empty() {
            let later = at + TimeDelta::days(rng.random_range(12..50));
            let facts = right
                .into_iter()
                .map(|(first, kind, value)| {
                    let mut fact = self.fact(who, kind, value, happened, later);
                    fact.withdraws = vec![first];
                    fact
                })
                .collect();
            self.file(later, happened, n, "correction", What::Facts(facts));
        }
        if let Some((programme, share)) = &change.file.applies
            && rng.random::<f64>() < *share
            && let Some(rule) = d
                .world
                .file
                .applications
                .iter()
                .position(|a| &a.programme == programme)
        {
            let of = d.world.file.applications[rule].of;
            let later = at + TimeDelta::days(rng.random_range(3..40));
            let member = (of == Of::Member).then_some(m);
            self.apply(n, rule, member, later);
        }
    }

    fn apply(&mut self, n: usize, rule: usize, member: Option<usize>, at: Instant) {
        let programme = self.district.world.file.applications[rule]
            .programme
            .clone();
        let on = at.date_naive();
        let s = self.state(n);
        if s.applied
            .iter()
            .any(|a| a.rule == rule && a.member == member)
        {
            return;
        }
        s.applied.push(Applied { rule, member, on });
        let subject = member.map_or(s.id, |m| s.members[m].id);
        let intent = Intent {
            programme,
            subject,
            household: s.id,
            on,
        };
        self.file(at, on, n, "application", What::Applied(intent));
    }

    fn application(&mut self, month: Month, needy: bool, rng: &mut ChaCha8Rng) {
        let d = self.district;
        let Some(n) = self.any_home(rng) else { return };
        let happened = self.day_in(month, rng);
        if happened < d.options.start {
            return;
        }
        let Some(rule) = d
            .world
            .rules
            .applications
            .iter()
            .position(|a| a.file.of == Of::Household)
        else {
            return;
        };
        let s = self.state(n);
        let members: Vec<Vec<(usize, Value)>> = s
            .members
            .iter()
            .filter(|m| !m.gone)
            .map(|m| m.values.clone())
            .collect();
        let poor = d.world.rules.applications[rule].ratio(&members, &s.household) < 1.0;
        if poor != needy || members.is_empty() {
            return;
        }
        let Some(at) = self.heard(happened, 0.0, rng) else {
            return;
        };
        self.apply(n, rule, None, at);
    }

    fn withdrawal(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let d = self.district;
        let Some(n) = self.any_home(rng) else { return };
        let happened = self.day_in(month, rng);
        let Some(at) = self.heard(happened, 0.0, rng) else {
            return;
        };
        let s = self.state(n);
        let Some(a) = s.applied.pop() else { return };
        let subject = a.member.map_or(s.id, |m| s.members[m].id);
        let household = s.id;
        let programme = d.world.file.applications[a.rule].programme.clone();
        let intent = Intent {
            programme,
            subject,
            household,
            on: happened,
        };
        self.file(at, happened, n, "withdrawal", What::Withdrew(intent));
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
