use std::path::PathBuf;

/// Why something could not be done. Nothing is half-written then.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No data yet.
    #[error("{path}: there is no data here yet; make some with `minsheng demo --data {path}`", path = .0.display())]
    NoData(PathBuf),
    /// The folder of the data can't be made or written.
    #[error("{path}: {cause}", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The law has errors; nothing is computed under it.
    #[error("the law has errors, so nothing is computed under it:\n{report}", report = .0.render(policy::law::Language::Both))]
    Law(Box<policy::law::Report>),
    /// The law files can't be read.
    #[error(transparent)]
    Lawbook(#[from] crate::lawbook::LawbookError),
    /// The key can't be read.
    #[error(transparent)]
    Protect(#[from] registry::protect::ProtectError),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The rules could not be run.
    #[error(transparent)]
    Rules(#[from] entitlement::redetermination::RunError),
    /// What follows from a change could not be worked out.
    #[error(transparent)]
    Correction(#[from] casework::correction::CorrectionError),
    /// A step of a case may not be taken, and why.
    #[error(transparent)]
    Case(#[from] casework::procedure::CaseError),
    /// Others keep changing the same household.
    #[error("others are changing the same household; nothing was recorded, try again in a moment")]
    Busy,
    /// A background thread ended early.
    #[error("a worker ended early: {0}")]
    Worker(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// A file can't be understood as a whole.
    #[error("{en}")]
    File {
        /// Why, and what to do.
        zh: String,
        /// The same in English.
        en: String,
    },
    /// What was asked for makes no sense or may not be done; says why and what to do.
    #[error("{0}")]
    Refused(String),
}
