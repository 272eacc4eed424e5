//! A month's cycle on the full district.

use crate::cli::{BenchArgs, Outcome};

/// Measures a month.
pub async fn run(_: BenchArgs) -> Outcome {
    Ok(())
}
