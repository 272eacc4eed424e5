//! Whole numbers that keep their sums: shares of a total, and tables with given margins.

/// `total` divided in proportion to `weights`, by largest remainders; the parts sum to `total`.
/// Weights below zero or not finite count as zero; all zero: equal parts.
pub(super) fn apportion(total: u64, weights: &[f64]) -> Vec<u64> {
    if weights.is_empty() {
        return Vec::new();
    }
    let clean: Vec<f64> = weights
        .iter()
        .map(|w| if w.is_finite() && *w > 0.0 { *w } else { 0.0 })
        .collect();
    let sum: f64 = clean.iter().sum();
    if sum <= 0.0 {
        return apportion(total, &vec![1.0; weights.len()]);
    }
    let exact: Vec<f64> = clean.iter().map(|w| total as f64 * w / sum).collect();
    let mut parts: Vec<u64> = exact.iter().map(|x| x.floor() as u64).collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    // The index breaks ties, so that the result does not depend on the sort.
    order.sort_by(|&a, &b| {
        let (fa, fb) = (exact[a] - exact[a].floor(), exact[b] - exact[b].floor());
        fb.total_cmp(&fa).then(a.cmp(&b))
    });
    let mut left = total.saturating_sub(parts.iter().sum());
    for &i in order.iter().cycle() {
        if left == 0 {
            break;
        }
        if clean[i] > 0.0 {
            parts[i] += 1;
            left -= 1;
        }
    }
    parts
}

/// As [`apportion`], but no part exceeds its cap. What the caps can't hold is left out.
pub(super) fn apportion_capped(total: u64, weights: &[f64], caps: &[u64]) -> Vec<u64> {
    let mut parts = vec![0u64; weights.len()];
    let mut left = total;
    loop {
        let open: Vec<f64> = (0..weights.len())
            .map(|i| if parts[i] < caps[i] { weights[i] } else { 0.0 })
            .collect();
        if left == 0 || open.iter().all(|w| *w <= 0.0) {
            return parts;
        }
        for (i, more) in apportion(left, &open).into_iter().enumerate() {
            let take = more.min(caps[i] - parts[i]);
            parts[i] += take;
            left -= take;
        }
    }
}

/// A table of whole numbers with exactly the margins `rows` and `columns` (which must have one sum),
/// shaped like `seed`: raked to the margins, then rounded. A cell with seed zero stays zero unless
/// the margins leave no other way.
pub(super) fn rake(seed: &[Vec<f64>], rows: &[u64], columns: &[u64]) -> Vec<Vec<u64>> {
    let (n, m) = (rows.len(), columns.len());
    let mut table: Vec<Vec<f64>> = seed.to_vec();
    for _ in 0..200 {
        for (i, row) in table.iter_mut().enumerate() {
            let sum: f64 = row.iter().sum();
            if sum > 0.0 {
                let factor = rows[i] as f64 / sum;
                row.iter_mut().for_each(|x| *x *= factor);
            }
        }
        let mut worst = 0.0f64;
        for j in 0..m {
            let sum: f64 = table.iter().map(|row| row[j]).sum();
            worst = worst.max((sum - columns[j] as f64).abs());
            if sum > 0.0 {
                let factor = columns[j] as f64 / sum;
                table.iter_mut().for_each(|row| row[j] *= factor);
            }
        }
        if worst < 0.01 {
            break;
        }
    }
    round(&table, rows, columns, n, m)
}

fn round(table: &[Vec<f64>], rows: &[u64], columns: &[u64], n: usize, m: usize) -> Vec<Vec<u64>> {
    let mut out = vec![vec![0u64; m]; n];
    let mut row_left = rows.to_vec();
    let mut column_left = columns.to_vec();
    for i in 0..n {
        for j in 0..m {
            let whole = (table[i][j].floor() as u64)
                .min(row_left[i])
                .min(column_left[j]);
            out[i][j] = whole;
            row_left[i] -= whole;
            column_left[j] -= whole;
        }
    }
    // The largest fractions first get the units that are left.
    let mut cells: Vec<(usize, usize)> = (0..n)
        .flat_map(|i| (0..m).map(move |j| (i, j)))
        .filter(|&(i, j)| table[i][j] > 0.0)
        .collect();
    let fraction = |(i, j): (usize, usize)| table[i][j] - table[i][j].floor();
    cells.sort_by(|&a, &b| fraction(b).total_cmp(&fraction(a)).then(a.cmp(&b)));
    for &(i, j) in &cells {
        if row_left[i] > 0 && column_left[j] > 0 {
            out[i][j] += 1;
            row_left[i] -= 1;
            column_left[j] -= 1;
        }
    }
    // Then whatever is open on both sides; first where the seed allows it, then through an exchange
    // with a third cell, at last anywhere.
    for pass in 0..3 {
        for i in 0..n {
            for j in 0..m {
                while row_left[i] > 0 && column_left[j] > 0 {
                    let placed = match pass {
                        0 => table[i][j] > 0.0,
                        1 => exchange(&mut out, table, i, j),
                        _ => true,
                    };
                    if !placed {
                        break;
                    }
                    if pass != 1 {
                        let take = row_left[i].min(column_left[j]);
                        out[i][j] += take;
                        row_left[i] -= take;
                        column_left[j] -= take;
                    } else {
                        row_left[i] -= 1;
                        column_left[j] -= 1;
                    }
                }
            }
        }
    }
    out
}

/// Adds one to row `i` and one to column `j` by way of another row's cell; false if there is none.
fn exchange(out: &mut [Vec<u64>], table: &[Vec<f64>], i: usize, j: usize) -> bool {
    for other in 0..out.len() {
        if other == i || table[other][j] <= 0.0 {
            continue;
        }
        for column in 0..out[other].len() {
            if column != j && out[other][column] > 0 && table[i][column] > 0.0 {
                out[i][column] += 1;
                out[other][column] -= 1;
                out[other][j] += 1;
                return true;
            }
        }
    }
    false
}

/// The value at `x` of a line through `points` (ascending), level beyond its ends.
pub(super) fn curve(points: &[[f64; 2]], x: f64) -> f64 {
    let Some(first) = points.first() else {
        return 0.0;
    };
    if x <= first[0] {
        return first[1];
    }
    for pair in points.windows(2) {
        let [[x0, y0], [x1, y1]] = [pair[0], pair[1]];
        if x <= x1 {
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0).max(1e-9);
        }
    }
    points.last().map_or(0.0, |p| p[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn remainders_go_to_the_largest_fractions() {
        assert_eq!(apportion(10, &[1.0, 1.0, 1.0]), [4, 3, 3]);
        assert_eq!(apportion(0, &[0.2, 0.8]), [0, 0]);
        assert_eq!(apportion_capped(10, &[9.0, 1.0], &[4, 100]), [4, 6]);
        assert_eq!(apportion_capped(10, &[9.0, 1.0], &[4, 3]), [4, 3]);
    }

    #[test]
    fn lines_are_level_beyond_their_ends() {
        let points = [[10.0, 0.0], [20.0, 1.0]];
        assert_eq!(
            [
                curve(&points, 5.0),
                curve(&points, 15.0),
                curve(&points, 99.0)
            ],
            [0.0, 0.5, 1.0]
        );
    }

    proptest! {
        #[test]
        fn raked_tables_have_their_margins(
            cells in prop::collection::vec(prop::collection::vec(0u64..50, 4), 1..12),
            seed in prop::collection::vec(prop::collection::vec(0.0f64..3.0, 4), 12),
        ) {
            let rows: Vec<u64> = cells.iter().map(|r| r.iter().sum()).collect();
            let columns: Vec<u64> = (0..4).map(|j| cells.iter().map(|r| r[j]).sum()).collect();
            let out = rake(&seed[..rows.len()], &rows, &columns);
            for (i, row) in out.iter().enumerate() {
                prop_assert_eq!(row.iter().sum::<u64>(), rows[i]);
            }
            for j in 0..4 {
                prop_assert_eq!(out.iter().map(|r| r[j]).sum::<u64>(), columns[j]);
            }
        }
    }
}
