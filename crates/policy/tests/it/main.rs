//! Tests of the law engine over files: the shipped law, laws that are broken on purpose.

mod broken_laws;
mod columnar;
mod editor;
mod explanation;
mod hostile;
mod indexation;
mod layout;
mod naive;
mod reforms;
mod semantics;
mod shipped_law;
mod tck;

use policy::law::SourceFile;
use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All text files under a folder, by their path within it.
fn read_dir(dir: &Path) -> Vec<SourceFile> {
    fn walk(dir: &Path, top: &Path, out: &mut Vec<SourceFile>) {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, top, out);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let name = path
                    .strip_prefix(top)
                    .expect("within")
                    .to_string_lossy()
                    .replace('\\', "/");
                out.push(SourceFile { path: name, text });
            }
        }
    }
    let mut out = Vec::new();
    walk(dir, dir, &mut out);
    out
}
