//! The texts under which determinations were made, kept by their digests: a law file that is corrected
//! later leaves what was determined before it to be replayed under the old text.

use crate::Store;
use crate::db::{Durability, transact};
use crate::error::StoreError;
use crate::journal;
use crate::schema as t;
use crate::value::args;
use crate::write::{Clash, insert};
use base::Instant;
use registry::protect::hex;
use sha2::{Digest, Sha256};

pub(crate) const HAVE: &str = "SELECT COUNT(*) FROM law_book WHERE digest = $1";
pub(crate) const FILES: &str = "SELECT b.path, f.text FROM law_book b JOIN law_file f ON f.digest = b.file \
     WHERE b.digest = $1 ORDER BY b.path";
pub(crate) const BOOKS: &str =
    "SELECT digest, MIN(kept_at), COUNT(*) FROM law_book GROUP BY digest ORDER BY 2, 1";

/// A whole law that was in use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LawBook {
    /// Digest of all its files, as determinations name it.
    pub digest: String,
    /// When it was first loaded here.
    pub kept_at: Instant,
    /// Files.
    pub files: u64,
}

impl Store {
    /// Keeps the files of a law under its digest, each text once however many laws share it. False when
    /// they are kept already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_law(
        &self,
        digest: &str,
        files: &[(&str, &str)],
        at: Instant,
    ) -> Result<bool, StoreError> {
        let have = self.db.fetch_one(HAVE, args![digest]).await?;
        if have.map_or(Ok(0), |row| row.int(0))? > 0 {
            return Ok(false);
        }
        let crypto = self.crypto.as_ref();
        transact!(self.db, Durability::Synced, |tx| {
            let (mut texts, mut book) = (Vec::new(), Vec::new());
            for (path, text) in files {
                let name = hex(&Sha256::digest(text.as_bytes()));
                texts.push(args![name.clone(), *text]);
                book.push(args![digest, *path, name, at]);
            }
            insert(tx, &t::LAW_FILE, texts, Clash::Different).await?;
            insert(tx, &t::LAW_BOOK, book, Clash::Different).await?;
            journal::append(tx, crypto, journal::HOUSE, 0, at, &[]).await
        })?;
        Ok(true)
    }

    /// The files of a law, path and text, by path; empty when it was never in use here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn law_files(&self, digest: &str) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.db.fetch(FILES, args![digest]).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.text(1)?)))
            .collect()
    }

    /// Every law that was in use here, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn law_books(&self) -> Result<Vec<LawBook>, StoreError> {
        let rows = self.db.fetch(BOOKS, vec![]).await?;
        rows.iter()
            .map(|row| {
                Ok(LawBook {
                    digest: row.text(0)?,
                    kept_at: row.instant(1)?,
                    files: row.int(2)? as u64,
                })
            })
            .collect()
    }
}
