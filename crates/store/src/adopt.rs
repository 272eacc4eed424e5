//! Once for each database: which key its records are made with, and the seals of records that were written
//! before there were any.

use crate::Store;
use crate::db::{Durability, transact};
use crate::error::StoreError;
use crate::journal;
use crate::schema::{SCHEMA_VERSION, TABLES, Table};
use crate::value::Val;
use registry::protect::hex;

/// The setting that tells by which key records are sealed.
const KEY: &str = "key";
/// The setting that tells that every row is sealed.
const SEALED: &str = "sealed";
/// Rows sealed in one transaction.
const AT_ONCE: i64 = 8192;

impl Store {
    /// Checks that this is the key of this database, and seals what no seal was made for. `steps`: how many
    /// steps of the schema were taken just now.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`].
    pub(crate) async fn adopt(&self, steps: u64) -> Result<(), StoreError> {
        let ours = hex(&self.crypto.mac(b"the key of this database"));
        match self.setting(KEY).await? {
            Some(theirs) if theirs == ours => {}
            Some(_) => return Err(StoreError::WrongKey),
            None => self.set_setting(KEY, &ours).await?,
        }
        if self.setting(SEALED).await?.is_none() {
            for table in TABLES.iter().filter(|t| t.sealed) {
                self.seal_table(table).await?;
            }
            self.set_setting(SEALED, "all").await?;
        } else if steps > 0 {
            self.seal_table(&SCHEMA_VERSION).await?;
        }
        Ok(())
    }

    async fn seal_table(&self, table: &'static Table) -> Result<(), StoreError> {
        let (first, next) = table.page_sql();
        let crypto = self.crypto.as_ref();
        let now = chrono::Utc::now();
        let mut after: Vec<Val> = Vec::new();
        loop {
            let (sql, values) = match after.is_empty() {
                true => (&first, vec![Val::Int(Some(AT_ONCE))]),
                false => (
                    &next,
                    [after.as_slice(), &[Val::Int(Some(AT_ONCE))]].concat(),
                ),
            };
            let last = transact!(self.db, Durability::Bulk, |tx| {
                // Whoever changes one of these rows meanwhile seals it in this chain, behind this line.
                journal::lock(tx, journal::HOUSE, 0).await?;
                let rows = tx.fetch_generated(sql.clone(), values.clone()).await?;
                for row in &rows {
                    tx.seal.add(table, &row.0);
                }
                journal::append(tx, crypto, journal::HOUSE, 0, now, &[]).await?;
                let full = rows.len() == AT_ONCE as usize;
                let last = rows.last().filter(|_| full);
                Ok(last.map(|row| row.0[..table.key].to_vec()))
            })?;
            match last {
                Some(key) => after = key,
                None => return Ok(()),
            }
        }
    }
}
