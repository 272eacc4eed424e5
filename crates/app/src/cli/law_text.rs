//! `minsheng law fmt` and `law new`: law files as text.

use super::{Failure, Outcome};
use crate::lawbook;
use clap::Args;
use policy::law::{Law, SourceFile, format};
use std::path::{Path, PathBuf};

/// `law fmt`
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Folder or file; the folder one is in when absent.
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,
    /// Write nothing; name the files whose layout differs.
    #[arg(long)]
    pub check: bool,
}

/// Lays files out. A file whose meaning would change is an error and stays as it is.
pub fn fmt(args: &FmtArgs) -> Outcome {
    let files = lawbook::read(Some(&args.path))?;
    let laid: Vec<SourceFile> = files
        .iter()
        .map(|file| SourceFile {
            path: file.path.clone(),
            text: format::file(&file.path, &file.text),
        })
        .collect();
    let other: Vec<(&SourceFile, &SourceFile)> =
        files.iter().zip(&laid).filter(|(a, b)| a != b).collect();
    if !other.is_empty() {
        let (before, _) = Law::load_lenient(files.clone());
        let (after, _) = Law::load_lenient(laid.clone());
        if let Some(at) = format::difference(&before, &after) {
            return Err(Failure::Input(format!(
                "the layout would change what the law says, so nothing is written; please report it: {at}"
            )));
        }
    }
    for (_, file) in &other {
        let path = match args.path.is_file() {
            true => args.path.clone(),
            false => args.path.join(&file.path),
        };
        if !args.check {
            std::fs::write(&path, &file.text).map_err(|e| format!("{}: {e}", path.display()))?;
        }
        println!("{}", path.display());
    }
    match (other.len(), args.check) {
        (0, _) | (_, false) => Ok(()),
        (n, true) => Err(Failure::Found(format!(
            "{n} of {} files are laid out otherwise; `minsheng law fmt {}` mends them",
            files.len(),
            args.path.display()
        ))),
    }
}

/// `law new`
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Folder to be made; it must not hold law files yet.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Code of the place that the law is for.
    #[arg(long, value_name = "CODE", default_value = "XX")]
    pub place: String,
    /// Name of the place.
    #[arg(long, value_name = "NAME", default_value = "Newland")]
    pub name: String,
}

/// The files of a new law; `{code}` and `{name}` are the place's.
const BEGINNING: [(&str, &str); 4] = [
    (
        "places.csv",
        "code,name,name_en,parent\n{code},{name},{name},\n",
    ),
    ("evidence.md", include_str!("beginning/evidence.md")),
    ("grant.md", include_str!("beginning/grant.md")),
    (
        "grant.examples.yaml",
        include_str!("beginning/grant.examples.yaml"),
    ),
];

/// Writes a small law that checks and whose examples pass.
pub fn new(args: &NewArgs) -> Outcome {
    let plain = |text: &str| !text.is_empty() && !text.contains([',', '"', '\n', '\r', ':', '#']);
    if !plain(&args.place) || !plain(&args.name) {
        return Err(Failure::Input(
            "--place and --name take plain words, without commas, colons and quotes".into(),
        ));
    }
    let taken = |path: &Path| {
        BEGINNING
            .iter()
            .map(|(name, _)| path.join(name))
            .find(|p| p.exists())
    };
    if let Some(file) = taken(&args.path) {
        return Err(Failure::Input(format!(
            "{}: is there already; choose an empty folder",
            file.display()
        )));
    }
    std::fs::create_dir_all(&args.path).map_err(|e| format!("{}: {e}", args.path.display()))?;
    for (name, text) in BEGINNING {
        let path = args.path.join(name);
        let text = text
            .replace("{code}", &args.place)
            .replace("{name}", &args.name);
        // Columns are as wide as the place's code makes them.
        let text = format::file(name, &text);
        std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
        println!("{}", path.display());
    }
    println!(
        "next: minsheng law check {0}; minsheng law test {0}",
        args.path.display()
    );
    Ok(())
}
