//! Samples that anybody can draw again: who is visited follows from the seed and the ids alone, not
//! from the order of rows or the number of threads.

use base::Id;

/// Draws `percent` of the ids (rounded up, so never less than the law asks): those whose digest with
/// the seed is smallest. Adding ids later never takes one out that a smaller population had, except
/// where a newcomer ranks before it.
pub fn sample(seed: &str, ids: impl IntoIterator<Item = Id>, percent: u32) -> Vec<Id> {
    let mut ranked: Vec<(Id, Id)> = ids.into_iter().map(|id| (rank(seed, id), id)).collect();
    ranked.sort_unstable();
    ranked.dedup();
    let take = (ranked.len() as u64 * u64::from(percent.min(100))).div_ceil(100);
    ranked.truncate(usize::try_from(take).unwrap_or(usize::MAX));
    ranked.into_iter().map(|(_, id)| id).collect()
}

/// Where an id stands in the order of a seed.
pub fn rank(seed: &str, id: Id) -> Id {
    Id::derive(&["sample", seed, &id.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(n: usize) -> Vec<Id> {
        (0..n).map(|n| Id::derive(&[&n.to_string()])).collect()
    }

    proptest! {
        #[test]
        fn never_less_than_asked_and_the_same_in_any_order(
            n in 0usize..200,
            percent in 0u32..=100,
            seed in "[a-z]{0,4}",
        ) {
            let all = ids(n);
            let drawn = sample(&seed, all.clone(), percent);
            prop_assert!(drawn.len() * 100 >= n * percent as usize);
            prop_assert!(drawn.len() <= (n * percent as usize).div_ceil(100));
            let mut backwards = all;
            backwards.reverse();
            prop_assert_eq!(sample(&seed, backwards, percent), drawn);
        }
    }

    #[test]
    fn every_id_has_about_the_same_chance() {
        let all = ids(50);
        let mut drawn = vec![0u32; 50];
        for seed in 0..400 {
            for id in sample(&seed.to_string(), all.clone(), 30) {
                drawn[all.iter().position(|a| *a == id).expect("one of them")] += 1;
            }
        }
        // 400 draws at 30 %: 120 expected, standard deviation 9.2; five of them on either side.
        assert!(drawn.iter().all(|n| (74..=166).contains(n)), "{drawn:?}");
    }
}
