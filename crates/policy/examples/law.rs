//! A small command over a folder of law files; the real one is `minsheng law`, this one needs only
//! this crate:
//!
//! ```text
//! law check DIR
//! law test DIR [--accept] [NAME]          NAME: only examples whose file or name contains it
//! law eval DIR PLACE DAY DECISION JSON
//! law list DIR
//! law time DIR PLACE DAY PROGRAMME JSON    how long one determination takes
//! ```

use policy::law::{Language, Law, Situation, SourceFile, eval_json, examples};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["check", dir] => check(dir),
        ["test", dir, ref rest @ ..] => test(dir, rest),
        ["eval", dir, place, day, decision, json] => eval(dir, place, day, decision, json),
        ["time", dir, place, day, programme, json] => time(dir, place, day, programme, json),
        ["list", dir] => match load(dir) {
            Some(law) => {
                println!("{:#}", law.list());
                ExitCode::SUCCESS
            }
            None => ExitCode::from(1),
        },
        _ => {
            eprintln!("usage: law check|test|eval|list|time DIR …");
            ExitCode::from(2)
        }
    }
}

fn read(dir: &Path, root: &Path, out: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, root, out)?;
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let name = path.strip_prefix(root).unwrap_or(&path);
            out.push(SourceFile {
                path: name.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
    Ok(())
}

fn files(dir: &str) -> Vec<SourceFile> {
    let mut out = Vec::new();
    if let Err(error) = read(Path::new(dir), Path::new(dir), &mut out) {
        eprintln!("{dir}: {error}");
    }
    out
}

fn load(dir: &str) -> Option<Law> {
    let (law, report) = Law::check(files(dir));
    if law.is_none() {
        print!("{}", report.render(Language::Both));
    }
    law
}

fn check(dir: &str) -> ExitCode {
    let (law, report) = Law::check(files(dir));
    print!("{}", report.render(Language::Both));
    match law {
        Some(law) => {
            println!(
                "{} instruments, {} rules",
                law.instruments().len(),
                law.rules().len()
            );
            ExitCode::SUCCESS
        }
        None => ExitCode::from(1),
    }
}

fn test(dir: &str, rest: &[&str]) -> ExitCode {
    let Some(law) = load(dir) else {
        return ExitCode::from(1);
    };
    let accept = rest.contains(&"--accept");
    let wanted = rest
        .iter()
        .find(|r| !r.starts_with("--"))
        .copied()
        .unwrap_or("");
    let (mut passed, mut failed) = (0, 0);
    for file in files(dir)
        .iter()
        .filter(|f| f.path.ends_with(".examples.yaml"))
    {
        for result in examples::run(&law, &file.text, &file.path) {
            if !file.path.contains(wanted) && !result.name.contains(wanted) {
                continue;
            }
            if result.passed() {
                passed += 1;
            } else {
                failed += 1;
                println!("{result}");
            }
        }
        if accept && file.path.contains(wanted) {
            let text = examples::accept(&law, &file.text, &file.path);
            if text != file.text
                && let Err(error) = std::fs::write(Path::new(dir).join(&file.path), text)
            {
                eprintln!("{}: {error}", file.path);
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

fn eval(dir: &str, place: &str, day: &str, decision: &str, json: &str) -> ExitCode {
    let Some(law) = load(dir) else {
        return ExitCode::from(1);
    };
    let (Ok(day), Ok(json)) = (base::parse_day(day), serde_json::from_str(json)) else {
        eprintln!("DAY is written 2026-07-01, JSON is an object of names and values");
        return ExitCode::from(2);
    };
    match eval_json(&law, place, day, decision, &json) {
        Ok(evaluation) => {
            println!(
                "{:#}",
                serde_json::to_value(&evaluation).unwrap_or_default()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Times the three ways of determining one situation, each many times over.
fn time(dir: &str, place: &str, day: &str, programme: &str, json: &str) -> ExitCode {
    let Some(law) = load(dir) else {
        return ExitCode::from(1);
    };
    let (Ok(day), Ok(json)) = (base::parse_day(day), serde_json::from_str(json)) else {
        return ExitCode::from(2);
    };
    let Ok(edition) = law.edition(place, day, None) else {
        return ExitCode::from(2);
    };
    let (Some(handle), Some(found)) = (edition.handle(programme), edition.programme(programme))
    else {
        return ExitCode::from(2);
    };
    let situation = match Situation::from_json(&law, &json, found.subject, day) {
        Ok(situation) => situation,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut evaluator = edition.evaluator();
    let mut measure =
        |name: &str, times: u32, run: &mut dyn FnMut(&mut policy::law::Evaluator<'_>)| {
            let start = Instant::now();
            for _ in 0..times {
                run(&mut evaluator);
            }
            println!(
                "{name}: {:.2} µs",
                start.elapsed().as_secs_f64() * 1e6 / f64::from(times)
            );
        };
    measure("outcome", 100_000, &mut |e| {
        drop(std::hint::black_box(e.outcome(handle, &situation)))
    });
    measure("with reasons", 20_000, &mut |e| {
        drop(std::hint::black_box(e.determine(handle, &situation, false)));
    });
    measure("with trace", 5_000, &mut |e| {
        drop(std::hint::black_box(e.determine(handle, &situation, true)));
    });
    let start = Instant::now();
    for _ in 0..100_000 {
        drop(std::hint::black_box(law.edition(place, day, None)));
    }
    println!(
        "edition: {:.0} ns",
        start.elapsed().as_secs_f64() * 1e9 / 1e5
    );
    ExitCode::SUCCESS
}
