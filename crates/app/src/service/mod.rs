//! What the program can do, each thing once: prefetch from the store, decide in the pure rooms, commit.
//! The command line, the site and the API call these and nothing beneath them.

pub mod anchor;
pub mod backup;
mod batch;
mod bundles;
pub mod cases;
pub mod change;
mod clock;
pub mod compare;
pub mod erase;
mod error;
mod everybody;
mod facts;
pub mod identity;
pub mod intake;
mod law;
pub mod night;
pub mod output;
pub mod partitions;
pub mod pay;
mod payfiles;
mod prefetch;
pub mod readers;
pub mod recovery;
pub mod reform;
pub mod replay;
mod review;
pub mod rules;
pub mod run;
pub mod verify;
pub mod work;

pub use error::ServiceError;

use crate::lawbook;
use entitlement::change::At;
use entitlement::situation::LawRules;
use policy::law::Law;
use registry::protect::{Keyring, Suite};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Store;

/// An office at work: its data, its law.
pub struct Office {
    /// The database.
    pub store: Store,
    /// The law, as the entitlement room asks it.
    pub rules: Arc<LawRules>,
    /// Folder of the key and of the payment files.
    pub data: PathBuf,
    /// Laws of earlier texts, loaded for replays, by digest; `None` for one whose texts are not kept.
    earlier: tokio::sync::Mutex<HashMap<String, Option<Arc<LawRules>>>>,
}

/// Where an office's data and law are.
#[derive(Clone, Debug)]
pub struct Location {
    /// Folder of the data.
    pub data: PathBuf,
    /// PostgreSQL address in place of the SQLite file in `data`.
    pub database: Option<String>,
    /// Law files in place of the shipped ones.
    pub law: Option<PathBuf>,
}

impl Location {
    /// The SQLite file.
    pub fn file(&self) -> PathBuf {
        self.data.join("minsheng.sqlite")
    }

    fn url(&self) -> String {
        match &self.database {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", self.file().display()),
        }
    }
}

/// Loads the law, shipped or from a folder.
///
/// # Errors
/// [`ServiceError::Law`] with the findings when the law has errors: it fails closed.
pub fn load_law(folder: Option<&Path>) -> Result<Law, ServiceError> {
    load_law_with(folder, &[])
}

/// As [`load_law`], with reforms laid over it.
///
/// # Errors
/// As [`load_law`], and when a reform cannot be read or does not apply.
pub fn load_law_with(folder: Option<&Path>, reforms: &[PathBuf]) -> Result<Law, ServiceError> {
    let (files, reforms) = (lawbook::read(folder)?, lawbook::reforms(reforms)?);
    Law::load_with(files, reforms).map_err(|report| ServiceError::Law(Box::new(report)))
}

impl Office {
    /// Opens existing data.
    ///
    /// # Errors
    /// [`ServiceError::NoData`] when there is none, with what to do.
    pub async fn open(location: &Location) -> Result<Office, ServiceError> {
        if location.database.is_none() && !location.file().exists() {
            return Err(ServiceError::NoData(location.data.clone()));
        }
        Office::create(location).await
    }

    /// Opens data, and makes the folder, the key and the tables where they lack.
    ///
    /// # Errors
    /// When the folder cannot be written, the database not be reached, or the law has errors.
    pub async fn create(location: &Location) -> Result<Office, ServiceError> {
        let law = load_law(location.law.as_deref())?;
        std::fs::create_dir_all(&location.data).map_err(|cause| ServiceError::Folder {
            path: location.data.clone(),
            cause,
        })?;
        let keys = Keyring::open_or_create(&location.data.join("key"), Suite::default())?;
        let store = Store::open(&location.url(), keys).await?;
        store.migrate().await?;
        let office = Office {
            store,
            rules: Arc::new(LawRules::new(law)),
            data: location.data.clone(),
            earlier: tokio::sync::Mutex::new(HashMap::new()),
        };
        office.keep_law(Office::now()).await?;
        Ok(office)
    }

    /// The same office after its process ended and began again: the law that is loaded, the data opened
    /// anew.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) async fn reopened(&self, location: &Location) -> Result<Office, ServiceError> {
        self.store.close().await;
        let store = Store::open(&location.url(), self.store.crypto().clone()).await?;
        Ok(Office {
            store,
            rules: self.rules.clone(),
            data: self.data.clone(),
            earlier: tokio::sync::Mutex::new(HashMap::new()),
        })
    }

    /// The law.
    pub fn law(&self) -> &Law {
        self.rules.law()
    }

    /// This moment, for everything that is recorded now.
    pub fn now() -> At {
        At::new(chrono::Utc::now())
    }
}
