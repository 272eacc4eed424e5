//! A small command over a folder of law files: `law check DIR`.
//! The real command is `minsheng law`; this one needs only this crate.

use policy::law::{Language, Law, SourceFile};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["check", dir] => check(dir),
        _ => {
            eprintln!("usage: law check DIR");
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
            out.push(SourceFile { path: name.to_string_lossy().replace('\\', "/"), text });
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

fn check(dir: &str) -> ExitCode {
    let (law, report) = Law::check(files(dir));
    print!("{}", report.render(Language::Both));
    match law {
        Some(law) => {
            println!("{} instruments, {} rules", law.instruments().len(), law.rules().len());
            ExitCode::SUCCESS
        }
        None => ExitCode::from(1),
    }
}
