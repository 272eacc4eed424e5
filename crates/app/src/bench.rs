use crate::cli::{BenchArgs, Outcome};
pub async fn run(_: BenchArgs) -> Outcome {
    Ok(())
}
