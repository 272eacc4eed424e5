//! `lawbench [--households N] [--compare N] [--only PART]`: the law engine beside its peers.

use lawbench::{Options, Part, Stopped};
use std::process::ExitCode;

const USAGE: &str = "lawbench [--households N] [--compare HOUSEHOLD-MONTHS] [--only sizes|columns|rows|peers|compare]";

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or(format!("{word} needs a value"));
        let number = |text: String| {
            text.parse::<usize>()
                .map_err(|_| format!("{word} {text}: not a number"))
        };
        match word.as_str() {
            "--households" => options.households = Some(number(next()?)?),
            "--compare" => options.compare = number(next()?)?,
            "--only" => {
                let name = next()?;
                options.only = Some(Part::named(&name).ok_or(format!("--only {name}: {USAGE}"))?);
            }
            _ => return Err(format!("`{word}` is not known; {USAGE}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let result = options()
        .map_err(Stopped::Input)
        .and_then(|options| lawbench::run(&options));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped::Found(text)) => {
            eprintln!("{text}");
            ExitCode::from(1)
        }
        Err(Stopped::Input(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}
