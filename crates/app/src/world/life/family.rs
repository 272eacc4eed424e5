//! Births, deaths, marriages, divorces and moves.

use super::{Life, Live, Newcomer, State, What, age, load};
use crate::world::compose::{MARRIED, Role};
use crate::world::emit::{self, GeneratedHousehold};
use crate::world::fit::curve;
use crate::world::names;
use crate::world::people::{NONE, Person as Compact, day};
use base::{Day, Instant, Month, Period};
use chrono::Datelike;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use registry::record::{Household, Identity, PayeeAccount, Person, Residence};
use registry::slice::HouseholdHistory;
use serde_json::Value;

impl Life<'_, '_> {
    pub(super) fn birth(&mut self, month: Month, rng: &mut ChaCha8Rng) {
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
            if p.sex != 1 || p.marital != MARRIED || self.collective(n) {
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
            let new = self.newcomer(n, child, name, happened, at, vec![], rng);
            self.file(at, happened, n, "birth", What::NewPerson(Box::new(new)));
            return;
        }
    }

    /// A new member of household `n`.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn newcomer(
        &mut self,
        n: usize,
        person: Compact,
        name: String,
        from: Day,
        at: Instant,
        values: Vec<(usize, Value)>,
        rng: &mut ChaCha8Rng,
    ) -> Newcomer {
        let id = self.mint(at);
        let birth = day(person.birth);
        // Ranks of those who come later do not meet those of the opening register.
        let later = self.ranks.entry((person.birth, person.sex)).or_default();
        let rank = names::LATER + *later;
        *later += 1;
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
        Newcomer {
            person: record,
            identity,
            membership,
            evidence,
        }
    }

    pub(super) fn collective(&self, n: usize) -> bool {
        self.district
            .population
            .households
            .get(n)
            .is_some_and(|h| h.collective)
    }

    pub(super) fn death(&mut self, month: Month, rng: &mut ChaCha8Rng) {
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
                && p.marital == MARRIED
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
    pub(super) fn partner(&mut self, n: usize, m: usize) -> Option<usize> {
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
    pub(super) fn new_head(&mut self, n: usize, old: usize, happened: Day, at: Instant) {
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

    pub(super) fn marriage(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let happened = self.day_in(month, rng);
        let single = |p: &Compact| p.marital != MARRIED && p.role != Role::Parent;
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
        bride.person.marital = MARRIED;
        bride.person.role = role;
        let bride_id = bride.id;
        let s = self.state(n);
        s.members[m].person.marital = MARRIED;
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

    pub(super) fn alive(&mut self, n: usize) -> usize {
        self.state(n).members.iter().filter(|l| !l.gone).count()
    }

    pub(super) fn find(
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

    pub(super) fn divorce(&mut self, month: Month, rng: &mut ChaCha8Rng) {
        let happened = self.day_in(month, rng);
        let Some((n, m)) = self.find(rng, |p| {
            p.role == Role::Spouse && p.marital == MARRIED && age(p, happened) < 60.0
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
    pub(super) fn new_home(
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

    pub(super) fn moves(&mut self, month: Month, within: bool, rng: &mut ChaCha8Rng) {
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
    pub(super) fn move_in(&mut self, month: Month, rng: &mut ChaCha8Rng) {
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
            let new = self.newcomer(n, person, name, happened, at, live.values, rng);
            made.persons.push(new.person);
            made.history.identities.push(new.identity);
            made.history.memberships.push(new.membership);
            made.history.evidence.extend(new.evidence);
        }
        self.file(
            at,
            happened,
            n,
            "move-in",
            What::NewHousehold(Box::new(made)),
        );
    }
}
