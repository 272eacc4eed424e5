//! The population in compact form: drawn to the census's margins, placed in households, with
//! schooling, work and dates of birth. Names and evidence come later, household by household.

use super::compose::{self, Cells, Composed, Misfit, OLDEST, Role, Shape, Targets};
use super::fit::{apportion, apportion_capped, curve, rake};
use super::measure::{self, Marginals};
use super::schema::DistrictFile;
use super::study;
use super::{Figures, Options, WorldError};
use base::Day;
use chrono::{Datelike, Days};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// No level, no state, no occupation.
pub(super) const NONE: u8 = 255;

/// A person, 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Person {
    /// Days of the common era.
    pub birth: i32,
    /// Rank among those of the same birthday and sex; makes identity numbers unique.
    pub rank: u16,
    pub age: u8,
    /// 0 male, 1 female.
    pub sex: u8,
    pub marital: u8,
    pub school: u8,
    pub work: u8,
    pub occupation: u8,
    pub role: Role,
}

/// Persons, household by household.
#[derive(Clone, Debug)]
pub(super) struct Population {
    pub persons: Vec<Person>,
    pub households: Vec<Shape>,
    /// First household of each community, and the end.
    pub bounds: Vec<u32>,
}

impl Population {
    pub fn members(&self, n: usize) -> &[Person] {
        let h = &self.households[n];
        &self.persons[h.first as usize..h.first as usize + usize::from(h.size)]
    }

    /// Index of a household's community.
    pub fn community(&self, n: usize) -> usize {
        self.bounds
            .partition_point(|&b| b as usize <= n)
            .saturating_sub(1)
    }
}

/// Sizes and margins at the size asked for.
pub(super) struct Goal {
    pub persons: u64,
    pub collective: u64,
    /// By sex and age.
    pub ages: [Vec<u64>; 2],
    pub groups: [Vec<(u8, u8, u64)>; 2],
    pub targets: Targets,
}

fn goal(file: &DistrictFile, figures: &Figures, options: &Options) -> Result<Goal, WorldError> {
    let c = &file.census;
    let all = figures.get(&c.households)?;
    let households = options.households.unwrap_or(all as u64);
    if !(50..=40_000_000).contains(&households) {
        return Err(WorldError::Infeasible(format!(
            "{households} households; the generator works for 50 to 40,000,000"
        )));
    }
    let scale = households as f64 / all.max(1.0);
    let scaled = |x: f64| (x * scale).round() as u64;
    let persons = scaled(figures.get(&c.persons)?);
    let housed = scaled(figures.get(&c.persons_in_households)?);
    let collective = persons.saturating_sub(housed);
    let mut weights = Vec::new();
    for g in &c.ages {
        weights.push(figures.get(&g.male)?);
        weights.push(figures.get(&g.female)?);
    }
    let counts = apportion(persons, &weights);
    let groups: [Vec<(u8, u8, u64)>; 2] = [0, 1].map(|sex| {
        c.ages
            .iter()
            .enumerate()
            .map(|(i, g)| (g.from, g.to.min(OLDEST as u8), counts[2 * i + sex]))
            .collect()
    });
    let mut ages = [
        compose::single_years(&groups[0]),
        compose::single_years(&groups[1]),
    ];
    pin_school_age(file, figures, &mut ages, scale)?;
    let generations = figures.all(&c.generations)?;
    let g = apportion(households, &generations);
    let one = scaled(figures.get(&c.one_person)?).min(g[0]);
    let elders = match &c.elders {
        Some(e) if e.households.iter().all(|n| figures.is_own(n)) => {
            let raw = figures.all(&e.households)?;
            let n = apportion(scaled(raw.iter().sum()), &raw);
            Some([n[0], n[1], n[2]])
        }
        _ => None,
    };
    let elder_age = c.elders.as_ref().map_or(65, |e| e.age);
    let targets = Targets {
        one,
        generations: [g[0], g[1], g[2], g[3]],
        elder_age,
        elders,
    };
    Ok(Goal {
        persons,
        collective,
        ages,
        groups,
        targets,
    })
}

/// Where schooling is counted for this very area from an age inside a group, the count says how
/// many of that group are older; the single years follow it.
fn pin_school_age(
    file: &DistrictFile,
    figures: &Figures,
    ages: &mut [Vec<u64>; 2],
    scale: f64,
) -> Result<(), WorldError> {
    let from = file.census.schooling_from;
    let Some(group) = file
        .census
        .ages
        .iter()
        .find(|g| g.from < from && from <= g.to)
    else {
        return Ok(());
    };
    for sex in 0..2 {
        let mut schooled = 0.0;
        for level in &file.schooling {
            let name = if sex == 0 { &level.male } else { &level.female };
            if !figures.is_own(name) {
                return Ok(());
            }
            schooled += figures.get(name)?;
        }
        let (low, high) = (usize::from(group.from), usize::from(group.to).min(OLDEST));
        let total: u64 = ages[sex][low..=high].iter().sum();
        let above: u64 = ages[sex][high + 1..].iter().sum();
        let old = ((schooled * scale).round() as u64)
            .saturating_sub(above)
            .min(total);
        let split = usize::from(from);
        let (young, elder): (Vec<f64>, Vec<f64>) = (
            ages[sex][low..split].iter().map(|&n| n as f64).collect(),
            ages[sex][split..=high].iter().map(|&n| n as f64).collect(),
        );
        let parts = apportion(total - old, &young)
            .into_iter()
            .chain(apportion(old, &elder));
        for (a, n) in (low..=high).zip(parts) {
            ages[sex][a] = n;
        }
    }
    Ok(())
}

/// Marital states by sex and age; the totals by sex are met exactly. `shift` multiplies the
/// married: only where the totals are shares borrowed from another area.
fn marital(
    file: &DistrictFile,
    figures: &Figures,
    ages: &[Vec<u64>; 2],
    shift: f64,
) -> Result<(Cells, [[u64; 4]; 2]), WorldError> {
    let from = usize::from(file.census.marital_from);
    let mut cells: Cells = [vec![[0; 4]; OLDEST + 1], vec![[0; 4]; OLDEST + 1]];
    let mut totals = [[0; 4]; 2];
    for sex in 0..2usize {
        let curves = if sex == 0 {
            file.marital.male.all()
        } else {
            file.marital.female.all()
        };
        let rows = &ages[sex][from..];
        let seed: Vec<Vec<f64>> = (from..=OLDEST)
            .map(|a| curves.iter().map(|c| curve(c, a as f64)).collect())
            .collect();
        let mut weights = Vec::new();
        for name in file.census.marital.of(sex as u8).names() {
            weights.push(figures.get(name)?);
        }
        weights[1] *= shift;
        let columns = apportion(rows.iter().sum(), &weights);
        for (i, row) in rake(&seed, rows, &columns).into_iter().enumerate() {
            cells[sex][from + i] = [row[0], row[1], row[2], row[3]];
        }
        for a in 0..from {
            cells[sex][a][0] = ages[sex][a];
        }
        totals[sex] = [columns[0], columns[1], columns[2], columns[3]];
    }
    Ok((cells, totals))
}

/// Takes the people in collective living out of `cells`.
fn collective(file: &DistrictFile, goal: &Goal, cells: &mut Cells) -> Cells {
    let c = &file.collective;
    let elder = usize::from(goal.targets.elder_age);
    let elders: u64 = (0..2)
        .map(|s| goal.ages[s][elder..].iter().sum::<u64>())
        .sum();
    let old = match goal.targets.elders {
        // The census counts the elders of all households: the others live in collective ones.
        Some([one, two, three]) => elders.saturating_sub(one + 2 * two + 3 * three),
        None => (goal.collective as f64 * c.elder_share) as u64,
    }
    .min(goal.collective);
    let mut out: Cells = [vec![[0; 4]; OLDEST + 1], vec![[0; 4]; OLDEST + 1]];
    for (n, range) in [(goal.collective - old, 15..elder), (old, elder..OLDEST + 1)] {
        let (mut index, mut weights, mut caps) = (vec![], vec![], vec![]);
        for (sex, ages) in cells.iter().enumerate() {
            for a in range.clone() {
                let by_age = curve(if sex == 0 { &c.male } else { &c.female }, a as f64);
                for state in 0..4 {
                    index.push((sex, a, state));
                    weights.push(
                        ages[a][state] as f64 * by_age.max(1e-9) * c.by_marital[state].max(1e-6),
                    );
                    caps.push(ages[a][state]);
                }
            }
        }
        for (&(sex, a, state), k) in index.iter().zip(apportion_capped(n, &weights, &caps)) {
            cells[sex][a][state] -= k;
            out[sex][a][state] += k;
        }
    }
    out
}

/// Draws the population.
pub(super) fn draw(
    file: &DistrictFile,
    figures: &Figures,
    options: &Options,
) -> Result<(Population, Marginals), WorldError> {
    let goal = goal(file, figures, options)?;
    let borrowed = !file
        .census
        .marital
        .male
        .names()
        .iter()
        .all(|n| figures.is_own(n));
    let mut shift = 1.0;
    let mut forms = file.households.clone();
    let mut tries = 0;
    let (mut composed, others, marital_totals) = loop {
        let mut rng = stream(options.seed, 1);
        let (mut cells, totals) = marital(file, figures, &goal.ages, shift)?;
        let others = collective(file, &goal, &mut cells);
        match compose::compose(&cells, &goal.targets, &forms, &mut rng) {
            Ok(composed) => break (composed, others, totals),
            Err(Err(error)) => return Err(error),
            Err(Ok(misfit)) => {
                tries += 1;
                let (Misfit::Solos(text) | Misfit::Children(text) | Misfit::Couples(text)) =
                    &misfit;
                if tries > 40 || !borrowed {
                    return Err(WorldError::Infeasible(text.clone()));
                }
                match misfit {
                    Misfit::Children(_) => shift *= 0.97,
                    Misfit::Couples(_) => shift *= 1.03,
                    Misfit::Solos(_) => forms.apart_share += 0.01,
                }
            }
        }
    };
    let mut rng = stream(options.seed, 2);
    let mut order: Vec<usize> = (0..composed.homes.len()).collect();
    order.shuffle(&mut rng);
    let mut dorm = Composed::default();
    for (sex, ages) in others.iter().enumerate() {
        for (age, states) in ages.iter().enumerate() {
            for (state, &n) in states.iter().enumerate() {
                for _ in 0..n {
                    let who = compose::Member {
                        sex: sex as u8,
                        age: age as u8,
                        marital: state as u8,
                        role: Role::Head,
                    };
                    dorm.push(1, true, &[who]);
                }
            }
        }
    }
    // One household a person in collective living, spread over the others.
    let offset = composed.members.len() as u32;
    let families = composed.homes.len();
    composed.members.append(&mut dorm.members);
    composed.homes.extend(dorm.homes.into_iter().map(|s| Shape {
        first: s.first + offset,
        ..s
    }));
    order.extend(families..composed.homes.len());
    order.shuffle(&mut rng);
    let mut population = settle(&composed, &order, options.start, &mut rng);
    population.bounds = bounds(file, population.households.len());
    study::study_and_work(file, figures, &mut population, &mut rng)?;
    number(&mut population.persons);
    let marginals = measure::measure(file, figures, &goal, &marital_totals, &population)?;
    Ok((population, marginals))
}

/// The random numbers of one purpose.
pub(super) fn stream(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}

/// Puts households in their order and gives everybody a birthday.
fn settle(composed: &Composed, order: &[usize], start: Day, rng: &mut ChaCha8Rng) -> Population {
    let mut persons = Vec::with_capacity(composed.members.len());
    let mut households = Vec::with_capacity(composed.homes.len());
    for &n in order {
        let shape = composed.homes[n];
        let first = persons.len();
        for m in
            &composed.members[shape.first as usize..shape.first as usize + usize::from(shape.size)]
        {
            persons.push(Person {
                birth: birthday(start, m.age, rng),
                rank: 0,
                age: m.age,
                sex: m.sex,
                marital: m.marital,
                school: NONE,
                work: NONE,
                occupation: NONE,
                role: m.role,
            });
        }
        space_children(&mut persons[first..], start, rng);
        households.push(Shape {
            first: first as u32,
            ..shape
        });
    }
    Population {
        persons,
        households,
        bounds: vec![],
    }
}

/// First and last day on which somebody was born who is `age` years old on `start`.
fn birthdays(start: Day, age: u8) -> (i32, i32) {
    let back = |years: i32| {
        let year = start.year() - years;
        // 29 February falls to the 28th in a year without it.
        Day::from_ymd_opt(year, start.month(), start.day())
            .or_else(|| Day::from_ymd_opt(year, start.month(), 28))
            .unwrap_or(start)
            .num_days_from_ce()
    };
    (back(i32::from(age) + 1) + 1, back(i32::from(age)))
}

fn birthday(start: Day, age: u8, rng: &mut ChaCha8Rng) -> i32 {
    let (first, last) = birthdays(start, age);
    rng.random_range(first..=last)
}

/// Brothers and sisters are born ten months apart, or on one day; within their years of age.
fn space_children(members: &mut [Person], start: Day, rng: &mut ChaCha8Rng) {
    let children: Vec<usize> = (0..members.len())
        .filter(|&i| members[i].role == Role::Child)
        .collect();
    for _ in 0..12 {
        let mut moved = false;
        for (x, &i) in children.iter().enumerate() {
            for &j in &children[..x] {
                if (members[i].birth - members[j].birth).abs() < 300
                    && members[i].birth != members[j].birth
                {
                    members[i].birth = birthday(start, members[i].age, rng);
                    moved = true;
                }
            }
        }
        if !moved {
            return;
        }
    }
    // No luck: the middle of each one's year; those of one age are twins.
    for &i in &children {
        let (first, last) = birthdays(start, members[i].age);
        members[i].birth = (first + last) / 2;
    }
}

fn bounds(file: &DistrictFile, households: usize) -> Vec<u32> {
    let weights: Vec<f64> = super::names::community_weights(file);
    let mut start = 0u32;
    apportion(households as u64, &weights)
        .into_iter()
        .map(|n| {
            let here = start;
            start += n as u32;
            here
        })
        .collect()
}

fn number(persons: &mut [Person]) {
    let mut order: Vec<u32> = (0..persons.len() as u32).collect();
    let key = |i: u32| (persons[i as usize].birth, persons[i as usize].sex, i);
    order.sort_unstable_by_key(|&i| key(i));
    let mut ranks = vec![0u16; persons.len()];
    for pair in order.windows(2) {
        let (a, b) = (pair[0] as usize, pair[1] as usize);
        if (persons[a].birth, persons[a].sex) == (persons[b].birth, persons[b].sex) {
            ranks[b] = ranks[a].saturating_add(1);
        }
    }
    for (person, rank) in persons.iter_mut().zip(ranks) {
        person.rank = rank;
    }
}

/// The day of a number of days of the common era.
pub(super) fn day(number: i32) -> Day {
    Day::from_num_days_from_ce_opt(number).unwrap_or(Day::MIN)
}

/// `days` before `start`.
pub(super) fn before(start: Day, days: i64) -> Day {
    if days >= 0 {
        start
            .checked_sub_days(Days::new(days as u64))
            .unwrap_or(Day::MIN)
    } else {
        start
            .checked_add_days(Days::new(days.unsigned_abs()))
            .unwrap_or(Day::MAX)
    }
}
