//! What was wanted and what was drawn, figure by figure.

use super::compose::OLDEST;
use super::fit::apportion;
use super::people::{Goal, NONE, Population};
use super::schema::DistrictFile;
use super::{Figures, WorldError};

/// A figure: what the census says at this size, and what was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What is counted, as the census names it.
    pub what: String,
    /// Census, scaled.
    pub wanted: u64,
    /// In the register.
    pub drawn: u64,
}

/// All figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marginals {
    /// Line by line.
    pub tables: Vec<Table>,
}

impl Marginals {
    fn add(&mut self, what: &str, wanted: u64, drawn: u64) {
        self.tables.push(Table {
            what: what.into(),
            wanted,
            drawn,
        });
    }

    /// Lines that differ.
    pub fn differences(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|t| t.wanted != t.drawn)
    }
}

/// Everything counted in one walk over the register.
struct Count {
    homes: u64,
    housed: u64,
    one: u64,
    generations: [u64; 4],
    elders: [u64; 3],
    ages: [Vec<u64>; 2],
    marital: [[u64; 4]; 2],
    schooling: [Vec<u64>; 2],
    work: Vec<u64>,
    occupations: Vec<u64>,
}

fn count(file: &DistrictFile, elder_age: u8, population: &Population) -> Count {
    let mut c = Count {
        homes: 0,
        housed: 0,
        one: 0,
        generations: [0; 4],
        elders: [0; 3],
        ages: [vec![0; OLDEST + 1], vec![0; OLDEST + 1]],
        marital: [[0; 4]; 2],
        schooling: [vec![0; file.schooling.len()], vec![0; file.schooling.len()]],
        work: vec![0; file.work.len()],
        occupations: vec![0; file.occupations.len()],
    };
    for (n, home) in population.households.iter().enumerate() {
        let mut elders = 0;
        for p in population.members(n) {
            let sex = usize::from(p.sex);
            elders += usize::from(p.age >= elder_age);
            c.ages[sex][usize::from(p.age).min(OLDEST)] += 1;
            if p.age >= file.census.marital_from {
                c.marital[sex][usize::from(p.marital)] += 1;
            }
            for (code, counts) in [
                (p.school, &mut c.schooling[sex]),
                (p.work, &mut c.work),
                (p.occupation, &mut c.occupations),
            ] {
                if code != NONE
                    && let Some(n) = counts.get_mut(usize::from(code))
                {
                    *n += 1;
                }
            }
        }
        if home.collective {
            continue;
        }
        c.homes += 1;
        c.housed += u64::from(home.size);
        c.one += u64::from(home.size == 1);
        c.generations[usize::from(home.generations).clamp(1, 4) - 1] += 1;
        if elders > 0 {
            c.elders[elders.min(3) - 1] += 1;
        }
    }
    c
}

/// Compares the register with the census.
pub(super) fn measure(
    file: &DistrictFile,
    figures: &Figures,
    goal: &Goal,
    marital: &[[u64; 4]; 2],
    population: &Population,
) -> Result<Marginals, WorldError> {
    let mut m = Marginals::default();
    let census = &file.census;
    let c = count(file, goal.targets.elder_age, population);
    let t = &goal.targets;
    m.add(&census.households, t.generations.iter().sum(), c.homes);
    m.add(
        &census.persons,
        goal.persons,
        population.persons.len() as u64,
    );
    m.add(
        &census.persons_in_households,
        goal.persons - goal.collective,
        c.housed,
    );
    m.add(&census.one_person, t.one, c.one);
    for (i, name) in census.generations.iter().enumerate() {
        m.add(name, t.generations[i], c.generations[i]);
    }
    if let (Some(wanted), Some(e)) = (t.elders, &census.elders) {
        for i in 0..3 {
            m.add(&e.households[i], wanted[i], c.elders[i]);
        }
    }
    for sex in 0..2usize {
        for (g, &(from, to, wanted)) in census.ages.iter().zip(&goal.groups[sex]) {
            let drawn = c.ages[sex][usize::from(from)..=usize::from(to).min(OLDEST)]
                .iter()
                .sum();
            m.add(if sex == 0 { &g.male } else { &g.female }, wanted, drawn);
        }
        for (state, name) in census.marital.of(sex as u8).names().iter().enumerate() {
            m.add(name, marital[sex][state], c.marital[sex][state]);
        }
        let names: Vec<String> = file
            .schooling
            .iter()
            .map(|l| {
                if sex == 0 {
                    l.male.clone()
                } else {
                    l.female.clone()
                }
            })
            .collect();
        let base = c.ages[sex][usize::from(census.schooling_from)..]
            .iter()
            .sum();
        let wanted = apportion(base, &figures.all(&names)?);
        for (i, name) in names.iter().enumerate() {
            m.add(name, wanted[i], c.schooling[sex][i]);
        }
    }
    let names: Vec<String> = file.work.iter().map(|w| w.figure.clone()).collect();
    let base = c
        .ages
        .iter()
        .flat_map(|a| &a[usize::from(census.work_from)..])
        .sum();
    for (i, wanted) in apportion(base, &figures.all(&names)?)
        .into_iter()
        .enumerate()
    {
        m.add(&names[i], wanted, c.work[i]);
    }
    let by_rank = file.occupations_by_rank();
    let names: Vec<String> = by_rank
        .iter()
        .map(|&o| file.occupations[o].figure.clone())
        .collect();
    let base = c.occupations.iter().sum();
    for (i, wanted) in apportion(base, &figures.all(&names)?)
        .into_iter()
        .enumerate()
    {
        m.add(&names[i], wanted, c.occupations[by_rank[i]]);
    }
    Ok(m)
}
