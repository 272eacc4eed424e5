//! The files of a pay run on disk: each is whole, or not there.

use super::ServiceError;
use ledger::counter;
use ledger::iso::{self, Originator};
use ledger::payment::{Batch, Payment};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the files of a batch lie.
#[derive(Clone)]
pub(super) struct Places {
    folder: PathBuf,
    /// pain.001.
    pub(super) pain001: PathBuf,
    /// The list for the bank's counter.
    pub(super) xlsx: PathBuf,
}

impl Places {
    /// `payments`: the folder of all payment files.
    pub(super) fn of(payments: &Path, batch: &Batch) -> Places {
        let folder = payments.join(&batch.programme).join(&batch.month);
        let name = format!("{}-{}", batch.attempt, iso::compact(batch.id));
        Places {
            pain001: folder.join(format!("{name}.pain001.xml")),
            xlsx: folder.join(format!("{name}.xlsx")),
            folder,
        }
    }

    /// Writes both files beside their places: two files of the same lines, side by side.
    pub(super) fn write(
        &self,
        batch: &Batch,
        purpose: &str,
        originator: &Originator,
        payments: &[Payment],
    ) -> Result<[Beside; 2], ServiceError> {
        let refused = |e: &dyn std::fmt::Display| ServiceError::Refused(e.to_string());
        std::fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        std::thread::scope(|scope| {
            let sheet = scope.spawn(|| {
                let sheet =
                    counter::write_xlsx(batch, purpose, payments).map_err(|e| refused(&e))?;
                Beside::write(&self.xlsx, &sheet)
            });
            let text = iso::write(Vec::new(), batch, originator, payments);
            let text = Beside::write(&self.pain001, &text.map_err(|e| refused(&e))?);
            match sheet.join() {
                Ok(sheet) => Ok([text?, sheet?]),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> ServiceError {
    let path = path.to_path_buf();
    move |cause| ServiceError::Folder { path, cause }
}

/// A file that lies beside its place, whole and on disk, until it is put there; removed when it is not.
pub(super) struct Beside {
    lies: PathBuf,
    place: PathBuf,
}

impl Beside {
    fn write(place: &Path, bytes: &[u8]) -> Result<Beside, ServiceError> {
        // Named by the process, so that of two that make the same run neither writes into the other's.
        let name = format!("{}.part", std::process::id());
        let beside = Beside {
            lies: place.with_added_extension(name),
            place: place.into(),
        };
        let write = || {
            let mut file = std::fs::File::create(&beside.lies)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(failed(place))?;
        Ok(beside)
    }

    /// Moves it to its place, so that nobody reads half of it.
    pub(super) fn put(self) -> Result<(), ServiceError> {
        std::fs::rename(&self.lies, &self.place).map_err(failed(&self.place))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // Not there any more when it was put in its place.
        let _ = std::fs::remove_file(&self.lies);
    }
}
