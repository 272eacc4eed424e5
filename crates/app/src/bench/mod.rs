//! What the program measures of itself: `minsheng bench month` and `minsheng bench law`.

mod law;
mod month;
mod population;

use crate::cli::{BenchArgs, Failure, Outcome};

/// Runs one measurement by its name.
pub async fn run(args: BenchArgs) -> Outcome {
    match args.name.as_str() {
        "month" => month::run(args).await,
        "law" => law::run(args),
        other => Err(Failure::Input(format!(
            "there is no bench `{other}`; there are month and law"
        ))),
    }
}
