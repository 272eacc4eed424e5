//! Does the database have the tables that this program speaks of? Every statement is prepared, and the
//! columns of every table are compared with their description.

use crate::Store;
use crate::error::StoreError;
use crate::schema::{TABLES, Ty};
use crate::value::Val;

/// Every statement of this crate; a test holds the list complete.
const STATEMENTS: &[(&str, &str)] = &[
    ("audit::SEALED_BYTES", crate::audit::SEALED_BYTES),
    ("audit::LINK", crate::audit::LINK),
    ("cases::TASKS", crate::cases::TASKS),
    ("cases::TASKS_OF", crate::cases::TASKS_OF),
    ("cases::TASK", crate::cases::TASK),
    ("cases::TASK_COUNTS", crate::cases::TASK_COUNTS),
    ("cases::CASE", crate::cases::CASE),
    ("cases::CASES_OF", crate::cases::CASES_OF),
    ("cases::CASES", crate::cases::CASES),
    ("cases::EVENTS", crate::cases::EVENTS),
    ("cases::NOTICES_OF", crate::cases::NOTICES_OF),
    ("cases::NOTICES", crate::cases::NOTICES),
    ("commit::SEEN", crate::commit::SEEN),
    ("commit::HEAD_FIRST", crate::commit::HEAD_FIRST),
    ("commit::HEAD_NEXT", crate::commit::HEAD_NEXT),
    ("commit::PERSON_SHARD", crate::commit::PERSON_SHARD),
    ("commit::HOUSEHOLD_SHARD", crate::commit::HOUSEHOLD_SHARD),
    ("commit::TASK_DONE", crate::commit::TASK_DONE),
    ("commit::TASK_DONE_AT", crate::commit::TASK_DONE_AT),
    ("commit::CASE_STATE", crate::commit::CASE_STATE),
    ("commit::PAYMENT_ANSWERED", crate::commit::PAYMENT_ANSWERED),
    ("commit::RUN_SET", crate::commit::RUN_SET),
    (
        "entitlements::DETERMINATIONS_OF",
        crate::entitlements::DETERMINATIONS_OF,
    ),
    ("entitlements::VERSIONS", crate::entitlements::VERSIONS),
    ("entitlements::MARKS", crate::entitlements::MARKS),
    ("entitlements::CARRIES", crate::entitlements::CARRIES),
    ("entitlements::WHOLE_PAGE", crate::entitlements::WHOLE_PAGE),
    ("entitlements::SHARDS", crate::entitlements::SHARDS),
    ("entitlements::PERIODS", crate::entitlements::PERIODS),
    (
        "entitlements::REDETERMINED",
        crate::entitlements::REDETERMINED,
    ),
    ("entitlements::AWARDS_OF", crate::entitlements::AWARDS_OF),
    ("entitlements::AWARDS", crate::entitlements::AWARDS),
    ("entitlements::CHANGES_OF", crate::entitlements::CHANGES_OF),
    (
        "entitlements::CHANGES_OF_PERIOD",
        crate::entitlements::CHANGES_OF_PERIOD,
    ),
    (
        "entitlements::COVERED_HOUSEHOLDS",
        crate::entitlements::COVERED_HOUSEHOLDS,
    ),
    (
        "entitlements::COVERED_PERSONS",
        crate::entitlements::COVERED_PERSONS,
    ),
    ("entitlements::OUTCOMES", crate::entitlements::OUTCOMES),
    (
        "entitlements::OWED_BY_PERIOD",
        crate::entitlements::OWED_BY_PERIOD,
    ),
    ("erase::EVIDENCE_ALL", crate::erase::EVIDENCE_ALL),
    ("erase::EVIDENCE_KIND", crate::erase::EVIDENCE_KIND),
    ("erase::IDENTITY", crate::erase::IDENTITY),
    ("erase::PAYEE", crate::erase::PAYEE),
    ("erase::REASONS", crate::erase::REASONS),
    ("erase::LETTERS", crate::erase::LETTERS),
    ("erase::NOTES", crate::erase::NOTES),
    ("erase::NAME", crate::erase::NAME),
    ("erase::ERASURES", crate::erase::ERASURES),
    ("erase::EXPIRED", crate::erase::EXPIRED),
    ("jobs::RENEW", crate::jobs::RENEW),
    ("jobs::END", crate::jobs::END),
    ("jobs::AGAIN", crate::jobs::AGAIN),
    ("jobs::JOBS", crate::jobs::JOBS),
    ("jobs::COUNTS", crate::jobs::COUNTS),
    ("history::HOUSEHOLD", crate::history::HOUSEHOLD),
    ("history::VERSION", crate::history::VERSION),
    ("history::MEMBERS_EVER", crate::history::MEMBERS_EVER),
    ("history::IDENTITIES", crate::history::IDENTITIES),
    ("history::EVIDENCE", crate::history::EVIDENCE),
    ("history::PAYEES", crate::history::PAYEES),
    ("house::LAST_MOMENT", crate::house::LAST_MOMENT),
    ("house::SETTING", crate::house::SETTING),
    ("house::SETTING_SET", crate::house::SETTING_SET),
    ("house::STAFF", crate::house::STAFF),
    ("house::STAFF_ONE", crate::house::STAFF_ONE),
    ("house::STAFF_SET", crate::house::STAFF_SET),
    ("house::SESSION_NEW", crate::house::SESSION_NEW),
    ("house::SESSION", crate::house::SESSION),
    ("house::SESSIONS", crate::house::SESSIONS),
    ("house::SESSION_END", crate::house::SESSION_END),
    ("house::RUN", crate::house::RUN),
    ("house::RUNS", crate::house::RUNS),
    ("house::OUTBOX", crate::house::OUTBOX),
    ("house::OUTBOX_SENT", crate::house::OUTBOX_SENT),
    ("journal::HEAD", crate::journal::HEAD),
    ("journal::HEAD_LOCKED", crate::journal::HEAD_LOCKED),
    ("journal::HEAD_NEW", crate::journal::HEAD_NEW),
    ("journal::HEAD_SET", crate::journal::HEAD_SET),
    ("journal::PAGE", crate::journal::PAGE),
    ("journal::ABOUT", crate::journal::ABOUT),
    ("journal::CHAIN", crate::journal::CHAIN),
    ("journal::CHAINS", crate::journal::CHAINS),
    (
        "journal::CHAINS_WITH_LINES",
        crate::journal::CHAINS_WITH_LINES,
    ),
    ("law::HAVE", crate::law::HAVE),
    ("law::FILES", crate::law::FILES),
    ("law::BOOKS", crate::law::BOOKS),
    ("lists::COUNTED", crate::lists::COUNTED),
    ("lists::LISTED", crate::lists::LISTED),
    ("lists::LACKING", crate::lists::LACKING),
    ("lists::BATCH_STATES", crate::lists::BATCH_STATES),
    ("lists::PAID_BY_AREA", crate::lists::PAID_BY_AREA),
    ("lists::TASK_BUCKETS", crate::lists::TASK_BUCKETS),
    ("lib::VERSION", crate::VERSION),
    ("lib::VERSION_SET", crate::VERSION_SET),
    ("money::ACCOUNTS_OF", crate::money::ACCOUNTS_OF),
    ("money::ACCOUNTS_PAGE", crate::money::ACCOUNTS_PAGE),
    ("money::TRANSFERS_PAGE", crate::money::TRANSFERS_PAGE),
    ("money::BALANCE", crate::money::BALANCE),
    ("money::BALANCES", crate::money::BALANCES),
    ("money::TOTALS", crate::money::TOTALS),
    ("money::BATCHES", crate::money::BATCHES),
    ("money::BATCHES_OF", crate::money::BATCHES_OF),
    ("money::PAYMENTS_IN", crate::money::PAYMENTS_IN),
    ("money::PAYMENTS_OF", crate::money::PAYMENTS_OF),
    ("money::PAYMENT", crate::money::PAYMENT),
    ("money::PAYMENTS_PAGE", crate::money::PAYMENTS_PAGE),
    ("money::PAYMENT_STATES", crate::money::PAYMENT_STATES),
    ("money::ANSWERS_OF", crate::money::ANSWERS_OF),
    (
        "money::TRANSFERS_OF_OWNER",
        crate::money::TRANSFERS_OF_OWNER,
    ),
    ("money::OWNERS_IN_CREDIT", crate::money::OWNERS_IN_CREDIT),
    ("money::PLANS_OF", crate::money::PLANS_OF),
    ("money::PLANS", crate::money::PLANS),
    ("people::BY_NAME", crate::people::BY_NAME),
    ("people::BY_AREA", crate::people::BY_AREA),
    ("people::BY_ID", crate::people::BY_ID),
    ("people::BY_NUMBER", crate::people::BY_NUMBER),
    ("people::IN_AREA", crate::people::IN_AREA),
    ("people::CHANGED", crate::people::CHANGED),
    ("people::AREAS", crate::people::AREAS),
    ("people::COUNT_HOUSEHOLDS", crate::people::COUNT_HOUSEHOLDS),
    ("people::COUNT_PERSONS", crate::people::COUNT_PERSONS),
    ("population::HOUSEHOLDS", crate::population::HOUSEHOLDS),
    ("population::LIVING", crate::population::LIVING),
    ("population::BELONGING", crate::population::BELONGING),
    ("population::ELSEWHERE", crate::population::ELSEWHERE),
    ("population::BEING", crate::population::BEING),
    ("population::MEMBERS_SAY", crate::population::MEMBERS_SAY),
    (
        "population::HOUSEHOLDS_SAY",
        crate::population::HOUSEHOLDS_SAY,
    ),
    ("presence::RESIDENCES", crate::presence::RESIDENCES),
    (
        "presence::PERSON_MEMBERSHIPS",
        crate::presence::PERSON_MEMBERSHIPS,
    ),
    ("presence::NAMES", crate::presence::NAMES),
    ("presence::HEAD_AREA", crate::presence::HEAD_AREA),
    ("presence::PRESENCE_SET", crate::presence::PRESENCE_SET),
];

/// Statements that are completed by a list of ids, with the values before it.
const LISTED: &[(&str, &str, usize)] = &[
    ("commit::HEADS_TOUCHED", crate::commit::HEADS_TOUCHED, 2),
    ("commit::HOMES", crate::commit::HOMES, 0),
    (
        "commit::PAYMENTS_ANSWERED",
        crate::commit::PAYMENTS_ANSWERED,
        0,
    ),
    ("commit::PERSONS", crate::commit::PERSONS, 0),
    ("commit::HOUSEHOLDS", crate::commit::HOUSEHOLDS, 0),
    (
        "payees::BATCHES_OF_PAYMENTS",
        crate::payees::BATCHES_OF_PAYMENTS,
        0,
    ),
    ("payees::GIVEN_UP", crate::payees::GIVEN_UP, 1),
    ("dossier::HOMES_OF", crate::dossier::HOMES_OF, 0),
    ("dossier::OPENED", crate::dossier::OPENED, 0),
    ("dossier::HEADS", crate::dossier::HEADS, 1),
    ("dossier::LIVED", crate::dossier::LIVED, 1),
    ("dossier::BELONGED", crate::dossier::BELONGED, 1),
    ("dossier::PLACED", crate::dossier::PLACED, 0),
    ("dossier::WERE", crate::dossier::WERE, 1),
    ("dossier::SAID", crate::dossier::SAID, 1),
    ("dossier::PAID_TO", crate::dossier::PAID_TO, 1),
    ("dossier::DETERMINED", crate::dossier::DETERMINED, 1),
    ("dossier::AWARDED", crate::dossier::AWARDED, 1),
    ("dossier::CHANGED", crate::dossier::CHANGED, 1),
    ("dossier::DEBITED", crate::dossier::DEBITED, 1),
    ("dossier::CREDITED", crate::dossier::CREDITED, 1),
    ("dossier::PLANNED", crate::dossier::PLANNED, 1),
    ("dossier::OPEN_CASES", crate::dossier::OPEN_CASES, 1),
    ("dossier::HAPPENED", crate::dossier::HAPPENED, 1),
];

impl Store {
    /// Prepares every statement that this program uses and compares the tables with their descriptions.
    /// Gives the number of statements.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] names the statement or table that does not fit.
    pub async fn check_schema(&self) -> Result<usize, StoreError> {
        let mut checked = 1;
        self.try_prepare("people::known_sql", &crate::people::known_sql())
            .await?;
        for &(name, sql) in STATEMENTS.iter() {
            // SQLite does not lock rows; only PostgreSQL is asked to.
            if sql.ends_with("FOR UPDATE") && !self.db.is_pg() {
                continue;
            }
            self.try_prepare(name, sql).await?;
            self.try_plan(name, sql).await?;
            checked += 1;
        }
        for (name, sql, first) in LISTED {
            let sql = crate::commit::in_list(sql, *first, 4);
            self.try_prepare(name, &sql).await?;
            checked += 1;
        }
        for table in TABLES {
            self.try_prepare(table.name, &table.insert_sql(2, true))
                .await?;
            self.try_prepare(table.name, &table.select_sql()).await?;
            let declared = self.db.columns(table.name).await?;
            let described: Vec<(String, Ty)> = (table.columns.iter())
                .map(|c| (c.name.to_owned(), c.ty))
                .collect();
            if declared != described {
                return Err(StoreError::Invalid(format!(
                    "table {} has columns {declared:?}, this program expects {described:?}",
                    table.name
                )));
            }
            checked += 2;
        }
        Ok(checked)
    }

    async fn try_prepare(&self, name: &str, sql: &str) -> Result<(), StoreError> {
        let prepared = self.db.prepare(sql).await;
        prepared.map_err(|error| StoreError::Invalid(format!("{name}: {error}")))
    }

    /// No statement may read a whole shard to find a few rows. Only SQLite's plans are looked at, since
    /// they do not depend on what is in the tables.
    async fn try_plan(&self, name: &str, sql: &str) -> Result<(), StoreError> {
        if self.db.is_pg() {
            return Ok(());
        }
        let values = (1..=20).filter(|n| sql.contains(&format!("${n}"))).count();
        let explain = format!("EXPLAIN QUERY PLAN {sql}");
        let nothing = vec![Val::Int(None); values];
        for row in self.db.fetch_generated(explain, nothing).await? {
            let step = row.str(3)?;
            if step.ends_with("PRIMARY KEY (shard=?)") {
                return Err(StoreError::Invalid(format!("{name}: {step}")));
            }
        }
        Ok(())
    }
}
