//! What the program measures of itself: `minsheng bench month`, `pay`, `sizes`, `why` and `law`.

mod clock;
mod month;
mod pay;
mod postgres;
mod server;
mod sizes;
mod why;

use crate::cli::{BenchArgs, Failure, Outcome};
use lawbench::{Options, Stopped};

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
