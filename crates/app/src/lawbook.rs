//! The law files: those the program carries, or a folder in their place.

use policy::law::SourceFile;
use rust_embed::RustEmbed;
use std::path::{Path, PathBuf};

/// `law/` as it was when the program was built.
#[derive(RustEmbed)]
#[folder = "../../law"]
struct Shipped;

/// Why the law files can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LawbookError {
    /// A folder or file can't be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Not UTF-8.
    #[error("{0}: not UTF-8; save the file as UTF-8")]
    NotText(String),
    /// Nothing to read.
    #[error("{0}: no law file (*.md) in it; give the folder that holds the law")]
    Empty(String),
}

/// The files of `folder`, or the shipped ones. Paths are relative and sorted, so that the digest of the
/// law does not depend on where it lies.
pub fn read(folder: Option<&Path>) -> Result<Vec<SourceFile>, LawbookError> {
    match folder {
        Some(folder) => from_folder(folder),
        None => shipped(),
    }
}

/// Reforms to lay over a law, in the order given; each is named in messages as it was given.
pub fn reforms(paths: &[PathBuf]) -> Result<Vec<SourceFile>, LawbookError> {
    paths
        .iter()
        .map(|path| {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|cause| LawbookError::Unreadable {
                path: name.clone(),
                cause,
            })?;
            let text = String::from_utf8(bytes).map_err(|_| LawbookError::NotText(name.clone()))?;
            Ok(SourceFile { path: name, text })
        })
        .collect()
}

fn shipped() -> Result<Vec<SourceFile>, LawbookError> {
    let mut names: Vec<_> = Shipped::iter().collect();
    names.sort();
    names
        .into_iter()
        .filter_map(|name| Shipped::get(&name).map(|file| (name, file)))
        .filter(|(name, _)| is_law(Path::new(name.as_ref())))
        .map(|(name, file)| {
            let text = String::from_utf8(file.data.into_owned())
                .map_err(|_| LawbookError::NotText(name.to_string()))?;
            Ok(SourceFile {
                path: name.to_string(),
                text,
            })
        })
        .collect()
}

fn from_folder(folder: &Path) -> Result<Vec<SourceFile>, LawbookError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |cause| LawbookError::Unreadable { path, cause }
    };
    let mut files = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    let single = folder.is_file();
    if single {
        open.clear();
        files.push(folder.to_path_buf());
    }
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).map_err(unreadable(&dir))? {
            let path = entry.map_err(unreadable(&dir))?.path();
            if path.is_dir() {
                open.push(path);
            } else if is_law(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    let base: PathBuf = if single {
        folder.parent().unwrap_or(Path::new("")).into()
    } else {
        folder.into()
    };
    let sources: Vec<SourceFile> = files
        .iter()
        .map(|path| {
            let bytes = std::fs::read(path).map_err(unreadable(path))?;
            let name = path
                .strip_prefix(&base)
                .unwrap_or(path)
                .to_string_lossy()
                .replace('\\', "/");
            let text = String::from_utf8(bytes).map_err(|_| LawbookError::NotText(name.clone()))?;
            Ok(SourceFile { path: name, text })
        })
        .collect::<Result<_, _>>()?;
    if !sources.iter().any(|file| file.path.ends_with(".md")) {
        return Err(LawbookError::Empty(folder.display().to_string()));
    }
    Ok(sources)
}

fn is_law(path: &Path) -> bool {
    SourceFile::belongs(&path.file_name().unwrap_or_default().to_string_lossy())
}
