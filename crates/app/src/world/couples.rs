//! Who is married to whom: partners matched by age, and elders where the census counts them.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Ages of husband and wife.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Couple {
    pub husband: u8,
    pub wife: u8,
}

impl Couple {
    pub fn elders(&self, age: u8) -> u8 {
        u8::from(self.husband >= age) + u8::from(self.wife >= age)
    }
}

/// A standard normal number.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (a, b): (f64, f64) = (rng.random::<f64>().max(1e-12), rng.random());
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// Matches equally many husbands and wives: both sorted by age with noise, rank by rank, so that
/// ages are near and the distance follows from the pyramid itself.
pub(super) fn pair(husbands: &[u8], wives: &[u8], noise: f64, rng: &mut ChaCha8Rng) -> Vec<Couple> {
    let mut ranked = |ages: &[u8]| -> Vec<u8> {
        let mut keyed: Vec<(f64, u8)> = ages
            .iter()
            .map(|&a| (f64::from(a) + noise * normal(rng), a))
            .collect();
        keyed.sort_by(|x, y| x.0.total_cmp(&y.0));
        keyed.into_iter().map(|(_, a)| a).collect()
    };
    let (h, w) = (ranked(husbands), ranked(wives));
    h.into_iter()
        .zip(w)
        .map(|(husband, wife)| Couple { husband, wife })
        .collect()
}

/// Exchanges wives until exactly `want` couples are both elders, as far as the ages allow; the
/// youngest elders and the oldest others are exchanged first. Returns how many there are then.
pub(super) fn settle_elders(couples: &mut [Couple], age: u8, want: u64) -> u64 {
    let count = couples.iter().filter(|c| c.elders(age) == 2).count() as u64;
    let distance = |c: &Couple| {
        let off = |a: u8| (i32::from(a) - i32::from(age)).abs();
        off(c.husband).max(off(c.wife))
    };
    let pick = |couples: &[Couple], test: &dyn Fn(&Couple) -> bool, n: usize| -> Vec<usize> {
        let mut found: Vec<usize> = (0..couples.len()).filter(|&i| test(&couples[i])).collect();
        found.sort_by_key(|&i| (distance(&couples[i]), i));
        found.truncate(n);
        found
    };
    let difference = count.abs_diff(want) as usize;
    let (first, second) = if count > want {
        (
            pick(couples, &|c| c.elders(age) == 2, difference),
            pick(couples, &|c| c.elders(age) == 0, difference),
        )
    } else {
        (
            pick(couples, &|c| c.husband >= age && c.wife < age, difference),
            pick(couples, &|c| c.husband < age && c.wife >= age, difference),
        )
    };
    for (&a, &b) in first.iter().zip(&second) {
        let wife = couples[a].wife;
        couples[a].wife = couples[b].wife;
        couples[b].wife = wife;
    }
    couples.iter().filter(|c| c.elders(age) == 2).count() as u64
}

/// Things by age, taken at random from the age nearest to a wanted one.
#[derive(Clone, Debug)]
pub(super) struct Shelf<T> {
    by_age: Vec<Vec<T>>,
}

impl<T> Shelf<T> {
    pub fn new(items: impl Iterator<Item = (u8, T)>, rng: &mut ChaCha8Rng) -> Shelf<T> {
        let mut by_age: Vec<Vec<T>> = (0..=120).map(|_| Vec::new()).collect();
        for (age, item) in items {
            by_age[usize::from(age).min(120)].push(item);
        }
        for items in &mut by_age {
            items.shuffle(rng);
        }
        Shelf { by_age }
    }

    /// The item whose age is nearest; the younger one of two equally near.
    pub fn take_nearest(&mut self, age: i32) -> Option<T> {
        let age = age.clamp(0, 120) as usize;
        for off in 0..=120usize {
            if let Some(item) = age.checked_sub(off).and_then(|a| self.by_age[a].pop()) {
                return Some(item);
            }
            if let Some(item) = self.by_age.get_mut(age + off).and_then(Vec::pop) {
                return Some(item);
            }
        }
        None
    }

    /// Everything that was not taken.
    pub fn rest(self) -> impl Iterator<Item = T> {
        self.by_age.into_iter().flatten()
    }
}
