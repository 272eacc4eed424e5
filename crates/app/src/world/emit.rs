//! A household in full: the records of the register, made from the compact population.

use super::District;
use super::compose::Role;
use super::evidence::{Kind, View};
use super::names;
use super::people::{Person as Compact, before, stream};
use super::schema::Of;
use base::{Day, Id, Instant, Period};
use chrono::Datelike;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use registry::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Provenance, Residence, Sex,
};
use registry::slice::HouseholdHistory;
use serde_json::Value;

/// A household as it stands in the register on the first day.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedHousehold {
    /// Its number in the district.
    pub number: u64,
    /// One person in a dormitory or home: such households come on top of the census's family households.
    pub collective: bool,
    /// Generations living together.
    pub generations: u8,
    /// The household's record.
    pub household: Household,
    /// Its persons' records, in the order of the memberships.
    pub persons: Vec<Person>,
    /// Everything recorded about them.
    pub history: HouseholdHistory,
    /// Programmes they had applied for when the register was opened.
    pub intents: Vec<Intent>,
}

/// Somebody wants something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Programme id, as the district file names it.
    pub programme: String,
    /// Household or person.
    pub subject: Id,
    /// The household of the subject, or the subject itself.
    pub household: Id,
    /// Day of the application.
    pub on: Day,
}

/// A household between compact and full: what its life goes on from.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub luck: f64,
    pub hardship: bool,
    pub members: Vec<Vec<(usize, Value)>>,
    pub household: Vec<(usize, Value)>,
    pub intents: Vec<Applied>,
}

/// Index of the application rule, the member (none: the household), the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub rule: usize,
    pub member: Option<usize>,
    pub on: Day,
}

/// Numbers of records within a household: itself, its members, then all others.
pub(super) const FIRST_MEMBER: u16 = 1;
pub(super) const FIRST_RECORD: u16 = 64;

/// A UUIDv7 whose time is the moment and whose random part follows from the seed and two numbers:
/// the same district gives the same ids, and they sort in the order in which they are written.
pub(super) fn id(seed: u64, moment: i64, number: u64, part: u16) -> Id {
    let mut bytes = [0u8; 16];
    let time = (moment as u64).wrapping_add(number) & 0xffff_ffff_ffff;
    bytes[..6].copy_from_slice(&time.to_be_bytes()[2..]);
    let mix = mixed(seed ^ mixed(number ^ mixed(u64::from(part) ^ 0x6d69_6e73)));
    bytes[6] = 0x70 | ((part >> 8) as u8 & 0x0f);
    bytes[7] = part as u8;
    bytes[8..].copy_from_slice(&mix.to_be_bytes());
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    Id::from_bytes(bytes)
}

/// SplitMix64's finaliser.
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The moment on which the register was filled.
pub(super) fn opened(d: &District) -> Instant {
    let day = before(d.options.start, d.world.file.records.opened_days_before);
    day.and_hms_opt(1, 0, 0).unwrap_or_default().and_utc()
}

pub(super) fn household_id(d: &District, n: usize) -> Id {
    id(d.options.seed, opened(d).timestamp_millis(), n as u64, 0)
}

pub(super) fn person_id(d: &District, n: usize, member: usize) -> Id {
    id(
        d.options.seed,
        opened(d).timestamp_millis(),
        n as u64,
        FIRST_MEMBER + member as u16,
    )
}

/// Luck, evidence and wishes of household `n`; the same each time it is called.
pub(super) fn draft(d: &District, n: usize) -> Draft {
    let mut rng = stream(d.options.seed, 1_000 + n as u64);
    let (file, rules) = (&d.world.file, &d.world.rules);
    let home = &d.population.households[n];
    let persons = d.population.members(n);
    let luck = (file.fortune.sigma * super::couples::normal(&mut rng)).exp()
        * d.fortunes[d.population.community(n)];
    let day = d.options.start;
    let mut blank = View {
        file,
        person: &persons[0],
        age: f64::from(persons[0].age),
        home,
        hardship: false,
        luck,
        values: &[],
        day,
    };
    let share = file.fortune.hardship_share.clamp(0.0, 0.999);
    let mut odds = share / (1.0 - share);
    for (conditions, factor) in &rules.tilts {
        if blank.holds(conditions) {
            odds *= factor;
        }
    }
    // A poor community and bad luck go together.
    odds /= luck.max(0.05);
    let hardship = rng.random::<f64>() < odds / (1.0 + odds);
    blank.hardship = hardship;
    let mut members: Vec<Vec<(usize, Value)>> = Vec::with_capacity(persons.len());
    for person in persons {
        let mut values = Vec::new();
        for (k, kind) in rules
            .kinds
            .iter()
            .enumerate()
            .filter(|(_, k)| k.of == Of::Member)
        {
            let view = View {
                person,
                age: f64::from(person.age),
                values: &values,
                ..blank
            };
            if let Some(value) = view.kind(kind, &mut rng) {
                values.push((k, value));
            }
        }
        members.push(values);
    }
    let mut household = Vec::new();
    for (k, kind) in rules
        .kinds
        .iter()
        .enumerate()
        .filter(|(_, k)| k.of == Of::Household)
    {
        let view = View {
            values: &household,
            ..blank
        };
        if let Some(value) = view.kind(kind, &mut rng) {
            household.push((k, value));
        }
    }
    let mut intents = Vec::new();
    for (rule, intention) in rules.applications.iter().enumerate() {
        let days = i64::from(intention.file.within_months.max(1)) * 30;
        match intention.file.of {
            Of::Household => {
                let head = View {
                    values: &household,
                    ..blank
                };
                if intention.household_applies(&head, &members, &household, &mut rng) {
                    let on = before(day, rng.random_range(30..30 + days));
                    intents.push(Applied {
                        rule,
                        member: None,
                        on,
                    });
                }
            }
            Of::Member => {
                for (m, person) in persons.iter().enumerate() {
                    let view = View {
                        person,
                        age: f64::from(person.age),
                        values: &members[m],
                        ..blank
                    };
                    if intention.person_applies(&view, &mut rng) {
                        let on = before(day, rng.random_range(30..30 + days));
                        intents.push(Applied {
                            rule,
                            member: Some(m),
                            on,
                        });
                    }
                }
            }
        }
    }
    Draft {
        luck,
        hardship,
        members,
        household,
        intents,
    }
}

pub(super) fn sex(code: u8) -> Sex {
    if code == 0 { Sex::Male } else { Sex::Female }
}

/// Names of the members: children have the father's surname, a husband's parents his.
fn full_names(d: &District, persons: &[Compact], rng: &mut ChaCha8Rng) -> Vec<String> {
    let file = &d.world.file;
    let family = names::surname(file, rng);
    let wife_side = rng.random::<f64>() < file.households.wife_parents;
    let wife = names::surname(file, rng);
    let four = persons.iter().any(|p| p.role == Role::Other && p.age < 30);
    let mut father = true;
    persons
        .iter()
        .map(|p| {
            let man = p.sex == 0;
            let surname = match p.role {
                Role::Head | Role::Spouse if man || persons.len() == 1 => family.clone(),
                Role::Head if !persons.iter().any(|q| q.role == Role::Spouse) => family.clone(),
                Role::Head | Role::Spouse => wife.clone(),
                Role::Child => family.clone(),
                Role::Parent if wife_side && man => wife.clone(),
                Role::Parent if man => family.clone(),
                Role::Parent => names::surname(file, rng),
                // In four generations the child's wife, and the grandchildren.
                Role::Other if four && p.age >= 22 && !man && std::mem::take(&mut father) => {
                    names::surname(file, rng)
                }
                Role::Other if four => family.clone(),
                Role::Other => family.clone(),
            };
            let given = names::given(file, p.sex, names::born(p).year(), rng);
            format!("{surname}{given}")
        })
        .collect()
}

/// Household `n` in full.
pub(super) fn household(d: &District, n: usize) -> GeneratedHousehold {
    let draft = draft(d, n);
    let file = &d.world.file;
    let seed = d.options.seed;
    let mut rng = stream(seed, (1 << 40) + n as u64);
    let home = d.population.households[n];
    let persons = d.population.members(n);
    let community = d.population.community(n);
    let shard = file.areas.code.clone();
    let opened = opened(d);
    let moment = opened.timestamp_millis();
    let since = before(d.options.start, file.records.valid_days_before);
    let household_id = household_id(d, n);
    let mut part = FIRST_RECORD;
    let mut next = || {
        part += 1;
        id(seed, moment, n as u64, part - 1)
    };
    let provenance = |source: Option<&String>| Provenance {
        recorded_at: opened,
        recorded_by: file.records.by.clone(),
        source: source.unwrap_or(&file.records.source).clone(),
    };
    let names_ = full_names(d, persons, &mut rng);
    let street = file
        .areas
        .streets
        .get(community / file.areas.communities_each.max(1))
        .map_or(String::new(), |s| {
            format!("{}{}", s.zh, file.areas.street_zh)
        });
    let mut history = HouseholdHistory {
        household: Some(household_id),
        shard: shard.clone(),
        opened_at: Some(opened),
        ..HouseholdHistory::default()
    };
    history.residences.push(Residence {
        id: next(),
        household: household_id,
        area: names::community_code(file, community),
        address: names::address(file, &street, home.collective, &mut rng),
        valid: Period::since(since),
        provenance: provenance(None),
    });
    let mut records = Vec::with_capacity(persons.len());
    for (m, person) in persons.iter().enumerate() {
        let who = person_id(d, n, m);
        let birth = names::born(person);
        records.push(Person {
            id: who,
            shard: shard.clone(),
            opened_at: opened,
        });
        history.identities.push(Identity {
            id: next(),
            person: who,
            name: names_[m].clone(),
            sex: sex(person.sex),
            birth,
            number: Some(names::identity_number(
                file,
                birth,
                person.sex,
                u32::from(person.rank),
                rng.random(),
            )),
            provenance: provenance(None),
        });
        history.memberships.push(Membership {
            id: next(),
            household: household_id,
            person: who,
            relation: relation(d, person.role).to_string(),
            member: true,
            valid: Period::since(since.max(birth)),
            provenance: provenance(None),
        });
    }
    let evidence = |subject: Id, from: Day, (k, value): &(usize, Value), id: Id| {
        let kind: &Kind = &d.world.rules.kinds[*k];
        Evidence {
            id,
            shard: shard.clone(),
            subject,
            kind: kind.name.clone(),
            value: value.clone(),
            valid: Period::since(from),
            withdraws: vec![],
            provenance: provenance(kind.source.as_ref()),
        }
    };
    for (m, values) in draft.members.iter().enumerate() {
        let from = since.max(names::born(&persons[m]));
        history.evidence.extend(
            values
                .iter()
                .map(|v| evidence(person_id(d, n, m), from, v, next())),
        );
    }
    history.evidence.extend(
        draft
            .household
            .iter()
            .map(|v| evidence(household_id, since, v, next())),
    );
    history.payees.push(PayeeAccount {
        id: next(),
        subject: household_id,
        holder: names_[0].clone(),
        number: names::account_number(file, n as u64),
        bank: file.bank.code.clone(),
        valid: Period::since(since),
        provenance: provenance(None),
    });
    let intents = draft
        .intents
        .iter()
        .map(|a| Intent {
            programme: file.applications[a.rule].programme.clone(),
            subject: a.member.map_or(household_id, |m| person_id(d, n, m)),
            household: household_id,
            on: a.on,
        })
        .collect();
    GeneratedHousehold {
        number: n as u64,
        collective: home.collective,
        generations: home.generations,
        household: Household {
            id: household_id,
            shard,
            opened_at: opened,
        },
        persons: records,
        history,
        intents,
    }
}

/// The word for a role.
pub(super) fn relation<'a>(d: &'a District, role: Role) -> &'a str {
    let r = &d.world.file.relations;
    match role {
        Role::Head => &r.head,
        Role::Spouse => &r.spouse,
        Role::Child => &r.child,
        Role::Parent => &r.parent,
        Role::Other => &r.other,
    }
}
