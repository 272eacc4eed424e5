//! Does the cost grow with the number of households, and no faster?

use super::clock::{Stretch, peak_mib};
use crate::cli::{BenchArgs, Outcome};
use crate::demo;
use crate::service::Office;
use crate::service::night::Road;
use crate::service::rules::determined_for_everybody;

/// Family households, if no number is given.
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];

/// Runs each size in a folder of its own, which it removes.
pub async fn run(args: BenchArgs) -> Outcome {
    let most = args.households.map_or(u64::MAX, u64::from);
    for size in SIZES.into_iter().filter(|size| *size <= most) {
        let name = format!("minsheng-bench-{size}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let result = measure(size, &folder).await;
        let _ = std::fs::remove_dir_all(&folder);
        result?;
    }
    Ok(())
}

async fn measure(households: u64, folder: &std::path::Path) -> Outcome {
    let (office, plan) = super::district(folder, None, Some(households)).await?;
    let month = plan.first;
    println!("{households} family households");
    let stretch = Stretch::begin();
    let (_, made) = demo::register(&office, &plan).await?;
    let count = made.households;
    let all = stretch.end("  register, awards taken over", count);
    let programmes = determined_for_everybody(office.law());
    let stretch = Stretch::begin();
    office
        .determine_all(&programmes, month, "bench", Office::now(), &|_| {})
        .await?;
    let determined = stretch.end("  all programmes determined", count);
    let stretch = Stretch::begin();
    let night = office
        .night(month.last(), Road::Columns, "bench", Office::now())
        .await?;
    let compared = stretch.end("  night", count);
    println!(
        "  {} compared, {} unexplained; a household: {:.1} µs made, {:.1} µs determined, {:.1} µs compared; peak memory {} MiB",
        night.checked,
        night.unexplained.len(),
        all.as_secs_f64() * 1e6 / count as f64,
        determined.as_secs_f64() * 1e6 / count as f64,
        compared.as_secs_f64() * 1e6 / count as f64,
        peak_mib()
    );
    Ok(())
}
