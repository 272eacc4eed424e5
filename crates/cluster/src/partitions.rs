//! A folder of partitions that `minsheng export-partitions` wrote.

use anyhow::{Context, Result, bail};
use base::{Day, Month};
use entitlement::partition::{HouseholdFile, LAYOUT, Manifest};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The folder, its manifest read and checked.
#[derive(Clone, Debug)]
pub struct Partitions {
    /// Where it lies, absolute: executors open the files under the same path.
    pub root: PathBuf,
    /// What lies there.
    pub manifest: Manifest,
    /// SHA-256 of the manifest, which holds those of all files: the same digest is the same register.
    pub digest: String,
}

impl Partitions {
    /// Reads the manifest.
    ///
    /// # Errors
    /// When there is none, or it is of another layout.
    pub fn open(folder: &Path) -> Result<Partitions> {
        let root = folder
            .canonicalize()
            .with_context(|| format!("{}: no folder", folder.display()))?;
        let path = root.join("manifest.json");
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "{}: no manifest; the folder is one that `minsheng export-partitions --out` finished",
                path.display()
            )
        })?;
        let manifest: Manifest =
            serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        if manifest.layout != LAYOUT {
            bail!(
                "{}: layout {}, and this program reads layout {LAYOUT}; export again",
                path.display(),
                manifest.layout
            );
        }
        Ok(Partitions {
            root,
            digest: hex(&Sha256::digest(&text)),
            manifest,
        })
    }

    /// The files of a month as of a day, in order of their paths.
    ///
    /// # Errors
    /// When there are none.
    pub fn files(&self, month: Month, day: Day) -> Result<Vec<&HouseholdFile>> {
        let of = |f: &&HouseholdFile| f.month == month && f.day == day;
        let mut files: Vec<_> = self.manifest.households.iter().filter(of).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if files.is_empty() {
            bail!(
                "{}: no partitions of {month} as of {day}; export that month",
                self.root.display()
            );
        }
        Ok(files)
    }
}

/// Bytes as hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
