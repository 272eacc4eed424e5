//! The law of a node: the files of a folder, as `minsheng --law` reads them.

use anyhow::{Context, Result, bail};
use entitlement::situation::LawRules;
use policy::law::{Language, Law, SourceFile};
use std::path::{Path, PathBuf};

/// Loads the law that lies in `folder`. Paths are relative and sorted, so that the digest does not depend on
/// where it lies.
///
/// # Errors
/// When a file cannot be read, or the law has errors.
pub fn load(folder: &Path) -> Result<LawRules> {
    let mut open = vec![folder.to_path_buf()];
    let mut paths: Vec<PathBuf> = Vec::new();
    while let Some(dir) = open.pop() {
        let entries = std::fs::read_dir(&dir).with_context(|| dir.display().to_string())?;
        for entry in entries {
            let path = entry.with_context(|| dir.display().to_string())?.path();
            if path.is_dir() {
                open.push(path);
            } else if SourceFile::belongs(&entry_name(&path)) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    if paths.is_empty() {
        bail!(
            "{}: no law file (*.md) in it; give the folder that holds the law",
            folder.display()
        );
    }
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let path = path.strip_prefix(folder).unwrap_or(&path);
        files.push(SourceFile {
            path: path.to_string_lossy().replace('\\', "/"),
            text,
        });
    }
    match Law::load(files) {
        Ok(law) => Ok(LawRules::new(law)),
        Err(report) => bail!(
            "the law has errors, so nothing is computed under it:\n{}",
            report.render(Language::Both)
        ),
    }
}

fn entry_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
