//! Work, schooling and occupations, to the census's totals.

use super::compose::{NEVER, OLDEST};
use super::fit::{apportion, curve, rake};
use super::people::{Person, Population};
use super::schema::{DistrictFile, Prefers};
use super::{Figures, WorldError};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Work first (students and those who have a reason not to work), then schooling (students of an age have
/// the higher levels of that age), then occupations by schooling.
pub(super) fn study_and_work(
    file: &DistrictFile,
    figures: &Figures,
    population: &mut Population,
    rng: &mut ChaCha8Rng,
) -> Result<(), WorldError> {
    let mut cells: [Vec<Vec<u32>>; 2] = [vec![vec![]; OLDEST + 1], vec![vec![]; OLDEST + 1]];
    for (i, p) in population.persons.iter().enumerate() {
        cells[usize::from(p.sex)][usize::from(p.age)].push(i as u32);
    }
    for cell in cells.iter_mut().flatten() {
        cell.shuffle(rng);
    }
    let persons = &mut population.persons;
    let from = usize::from(file.census.work_from);
    let mut weights = Vec::new();
    for state in &file.work {
        weights.push(figures.get(&state.figure)?);
    }
    let (mut rows, mut seed) = (Vec::new(), Vec::new());
    for sex in 0..2usize {
        for age in from..=OLDEST {
            rows.push(cells[sex][age].len() as u64);
            seed.push(
                file.work
                    .iter()
                    .map(|w| curve(if sex == 0 { &w.male } else { &w.female }, age as f64))
                    .collect::<Vec<f64>>(),
            );
        }
    }
    let columns = apportion(rows.iter().sum(), &weights);
    let table = rake(&seed, &rows, &columns);
    for (row, (sex, age)) in (0..2usize)
        .flat_map(|s| (from..=OLDEST).map(move |a| (s, a)))
        .enumerate()
    {
        let cell = &mut cells[sex][age];
        // Never-married first: states that prefer them take from the front, others from the back.
        cell.sort_by_key(|&i| persons[i as usize].marital != NEVER);
        let (mut front, mut back) = (0, cell.len());
        for wanted in [Prefers::Single, Prefers::Married, Prefers::Any] {
            for (w, state) in file
                .work
                .iter()
                .enumerate()
                .filter(|(_, s)| s.prefers == wanted)
            {
                let n = table[row][w] as usize;
                let slice = if wanted == Prefers::Married {
                    back -= n;
                    back..back + n
                } else {
                    front += n;
                    front - n..front
                };
                for &i in &cell[slice] {
                    persons[i as usize].work = w as u8;
                }
                let _ = state;
            }
            // The middle is mixed again for those without a preference.
            if wanted == Prefers::Married {
                cell[front..back].shuffle(rng);
            }
        }
    }
    schooling(file, figures, persons, &mut cells, rng)?;
    occupations(file, figures, persons, rng)
}

fn schooling(
    file: &DistrictFile,
    figures: &Figures,
    persons: &mut [Person],
    cells: &mut [Vec<Vec<u32>>; 2],
    rng: &mut ChaCha8Rng,
) -> Result<(), WorldError> {
    let from = usize::from(file.census.schooling_from);
    for (sex, cells) in cells.iter_mut().enumerate() {
        let mut weights = Vec::new();
        for level in &file.schooling {
            weights.push(figures.get(if sex == 0 { &level.male } else { &level.female })?);
        }
        let rows: Vec<u64> = cells[from..].iter().map(|c| c.len() as u64).collect();
        let seed: Vec<Vec<f64>> = (from..=OLDEST)
            .map(|a| {
                file.schooling
                    .iter()
                    .map(|l| curve(&l.by_age, a as f64))
                    .collect()
            })
            .collect();
        let columns = apportion(rows.iter().sum(), &weights);
        for (cell, row) in cells[from..].iter_mut().zip(rake(&seed, &rows, &columns)) {
            // Students and the working first; they have the higher levels, with much exception.
            let mut keyed: Vec<(f64, u32)> = cell
                .iter()
                .map(|&i| {
                    let p = &persons[i as usize];
                    let state = file.work.get(usize::from(p.work));
                    let head = match state {
                        Some(s) if s.studying => 2.0,
                        Some(s) if s.working => 0.25,
                        _ => 0.0,
                    };
                    (head + rng.random::<f64>(), i)
                })
                .collect();
            keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
            let mut next = keyed.into_iter();
            for (level, &n) in row.iter().enumerate().rev() {
                for (_, i) in next.by_ref().take(n as usize) {
                    persons[i as usize].school = level as u8;
                }
            }
        }
    }
    Ok(())
}

fn occupations(
    file: &DistrictFile,
    figures: &Figures,
    persons: &mut [Person],
    rng: &mut ChaCha8Rng,
) -> Result<(), WorldError> {
    let mut working: Vec<(f64, u32)> = Vec::new();
    for (i, p) in persons.iter().enumerate() {
        if file
            .work
            .get(usize::from(p.work))
            .is_some_and(|w| w.working)
        {
            working.push((
                f64::from(p.school.min(20)) + 3.0 * rng.random::<f64>(),
                i as u32,
            ));
        }
    }
    working.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let by_rank = file.occupations_by_rank();
    let mut weights = Vec::new();
    for &o in &by_rank {
        weights.push(figures.get(&file.occupations[o].figure)?);
    }
    let mut next = working.iter();
    for (&o, n) in by_rank
        .iter()
        .zip(apportion(working.len() as u64, &weights))
    {
        for (_, i) in next.by_ref().take(n as usize) {
            persons[*i as usize].occupation = o as u8;
        }
    }
    Ok(())
}
