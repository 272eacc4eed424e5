//! What the program measures of itself: `minsheng bench month`, `pay`, `sizes`, `why` and `law`.

mod clock;
mod month;
mod pay;
mod postgres;
mod server;
mod sizes;
mod why;

use crate::cli::{BenchArgs, Failure, Outcome};
use crate::demo::Plan;
use crate::service::{Location, Office};
use base::Month;
use lawbench::{Options, Stopped};
use std::path::Path;
use std::sync::Arc;

/// An empty office in a folder, and the plan of a district for it: one month, always the same seed.
async fn district(
    folder: &Path,
    database: Option<String>,
    households: Option<u64>,
) -> Result<(Arc<Office>, Plan), Failure> {
    let location = Location {
        data: folder.into(),
        database,
        law: None,
    };
    let office = Arc::new(Office::create(&location).await?);
    let month = Month::new(2026, 9).ok_or_else(|| Failure::Input("no month".into()))?;
    let plan = Plan {
        households,
        county: None,
        seed: 1,
        first: month,
        last: month,
    };
    Ok((office, plan))
}

/// Runs one measurement by its name.
pub async fn run(args: BenchArgs) -> Outcome {
    match args.name.as_str() {
        "month" => month::run(args).await,
        "pay" => pay::run(args).await,
        "sizes" => sizes::run(args).await,
        "why" => why::run(args).await,
        "law" => law(&args),
        "postgres" => postgres::run(args).await,
        other => Err(Failure::Input(format!(
            "there is no bench `{other}`; there are month, pay, postgres, sizes, why and law"
        ))),
    }
}

fn law(args: &BenchArgs) -> Outcome {
    let mut options = Options {
        households: args.households.map(|n| n as usize),
        ..Options::default()
    };
    if let Some(n) = args.compare {
        options.compare = n as usize;
    }
    lawbench::run(&options).map_err(|stopped| match stopped {
        Stopped::Found(text) => Failure::Found(text),
        Stopped::Input(text) => Failure::Input(text),
    })
}
