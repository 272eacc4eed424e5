//! The tables, as versioned steps of one statement each. A step that was released is never changed;
//! a new one is added at the end.
//!
//! The rules of the schema, so that distributed descendants of PostgreSQL can hold it: the home shard
//! first in every key (but for small reference tables), no sequences, triggers, stored procedures,
//! foreign keys or unique indexes beside the key, only BIGINT, TEXT and BYTEA. Moments are
//! microseconds, days are days since 1970-01-01, months are counted from year 0, money is fen.

/// One step: its name and its statement. The version is its place in the list, from 1.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// Stands at the end of a table's statement; on SQLite the rows are then kept in the order of the key.
pub(crate) const CLUSTERED: &str = "/* clustered */";

/// Keeps which steps were taken; made before all others.
pub(crate) const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL, name TEXT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (version))";

const fn step(name: &'static str, sql: &'static str) -> Step {
    Step { name, sql }
}

/// In order.
pub(crate) const STEPS: &[Step] = &[
    step(
        "area",
        "CREATE TABLE area (\
         code TEXT NOT NULL, \
         name TEXT NOT NULL, \
         name_en TEXT NOT NULL, \
         parent TEXT, \
         PRIMARY KEY (code)) /* clustered */",
    ),
    step(
        "person",
        "CREATE TABLE person (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         opened_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step("person_by_id", "CREATE INDEX person_by_id ON person (id)"),
    step(
        "household",
        "CREATE TABLE household (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         opened_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "household_by_id",
        "CREATE INDEX household_by_id ON household (id)",
    ),
    step(
        "identity",
        "CREATE TABLE identity (\
         shard TEXT NOT NULL, \
         person BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         name TEXT NOT NULL, \
         sex TEXT NOT NULL, \
         birth BIGINT NOT NULL, \
         number_hash BYTEA, \
         number_sealed BYTEA, \
         recorded_at BIGINT NOT NULL, \
         recorded_by TEXT NOT NULL, \
         source TEXT NOT NULL, \
         PRIMARY KEY (shard, person, id)) /* clustered */",
    ),
    step(
        "identity_by_number",
        "CREATE INDEX identity_by_number ON identity (number_hash)",
    ),
    step(
        "residence",
        "CREATE TABLE residence (\
         shard TEXT NOT NULL, \
         household BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         area TEXT NOT NULL, \
         address TEXT NOT NULL, \
         valid_from BIGINT NOT NULL, \
         valid_to BIGINT, \
         recorded_at BIGINT NOT NULL, \
         recorded_by TEXT NOT NULL, \
         source TEXT NOT NULL, \
         PRIMARY KEY (shard, household, id)) /* clustered */",
    ),
    step(
        "membership",
        "CREATE TABLE membership (\
         shard TEXT NOT NULL, \
         household BYTEA NOT NULL, \
         person BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         person_shard TEXT NOT NULL, \
         relation TEXT NOT NULL, \
         member BIGINT NOT NULL, \
         valid_from BIGINT NOT NULL, \
         valid_to BIGINT, \
         recorded_at BIGINT NOT NULL, \
         recorded_by TEXT NOT NULL, \
         source TEXT NOT NULL, \
         PRIMARY KEY (shard, household, person, id)) /* clustered */",
    ),
    step(
        "membership_by_person",
        "CREATE INDEX membership_by_person ON membership (person, household)",
    ),
    step(
        "evidence",
        "CREATE TABLE evidence (\
         shard TEXT NOT NULL, \
         subject BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         kind TEXT NOT NULL, \
         value TEXT NOT NULL, \
         valid_from BIGINT NOT NULL, \
         valid_to BIGINT, \
         withdraws BYTEA, \
         recorded_at BIGINT NOT NULL, \
         recorded_by TEXT NOT NULL, \
         source TEXT NOT NULL, \
         PRIMARY KEY (shard, subject, id)) /* clustered */",
    ),
    step(
        "payee",
        "CREATE TABLE payee (\
         shard TEXT NOT NULL, \
         subject BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         holder TEXT NOT NULL, \
         number_hash BYTEA NOT NULL, \
         number_sealed BYTEA NOT NULL, \
         bank TEXT NOT NULL, \
         valid_from BIGINT NOT NULL, \
         valid_to BIGINT, \
         recorded_at BIGINT NOT NULL, \
         recorded_by TEXT NOT NULL, \
         source TEXT NOT NULL, \
         PRIMARY KEY (shard, subject, id)) /* clustered */",
    ),
    step(
        "award",
        "CREATE TABLE award (\
         shard TEXT NOT NULL, \
         subject BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         recorded_at BIGINT NOT NULL, \
         subject_kind TEXT NOT NULL, \
         programme TEXT NOT NULL, \
         from_month BIGINT NOT NULL, \
         to_month BIGINT, \
         case_id BYTEA, \
         decided_by TEXT NOT NULL, \
         reason TEXT NOT NULL, \
         PRIMARY KEY (shard, subject, id, recorded_at)) /* clustered */",
    ),
    step(
        "award_by_programme",
        "CREATE INDEX award_by_programme ON award (shard, programme, subject)",
    ),
    step(
        "determination",
        "CREATE TABLE determination (\
         shard TEXT NOT NULL, \
         programme TEXT NOT NULL, \
         period TEXT NOT NULL, \
         subject BYTEA NOT NULL, \
         version BIGINT NOT NULL, \
         id BYTEA NOT NULL, \
         subject_kind TEXT NOT NULL, \
         known_at BIGINT NOT NULL, \
         made_at BIGINT NOT NULL, \
         law TEXT NOT NULL, \
         outcome TEXT NOT NULL, \
         amount BIGINT, \
         detail TEXT NOT NULL, \
         reasons TEXT NOT NULL, \
         lines TEXT NOT NULL, \
         carry TEXT NOT NULL, \
         PRIMARY KEY (shard, programme, period, subject, version)) /* clustered */",
    ),
    step(
        "determination_by_subject",
        "CREATE INDEX determination_by_subject ON determination (shard, subject)",
    ),
    step(
        "entitlement_change",
        "CREATE TABLE entitlement_change (\
         shard TEXT NOT NULL, \
         programme TEXT NOT NULL, \
         period TEXT NOT NULL, \
         subject BYTEA NOT NULL, \
         sequence BIGINT NOT NULL, \
         id BYTEA NOT NULL, \
         subject_kind TEXT NOT NULL, \
         determination BYTEA NOT NULL, \
         owed BIGINT NOT NULL, \
         change BIGINT NOT NULL, \
         cause TEXT NOT NULL, \
         recorded_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, programme, period, subject, sequence)) /* clustered */",
    ),
    step(
        "entitlement_change_by_subject",
        "CREATE INDEX entitlement_change_by_subject ON entitlement_change (shard, subject)",
    ),
    step(
        "account",
        "CREATE TABLE account (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         owner BYTEA, \
         programme TEXT NOT NULL, \
         purpose TEXT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "account_by_owner",
        "CREATE INDEX account_by_owner ON account (shard, owner)",
    ),
    step(
        "account_by_purpose",
        "CREATE INDEX account_by_purpose ON account (programme, purpose)",
    ),
    step(
        "transfer",
        "CREATE TABLE transfer (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         debit BYTEA NOT NULL, \
         credit BYTEA NOT NULL, \
         amount BIGINT NOT NULL, \
         reason TEXT NOT NULL, \
         link BYTEA NOT NULL, \
         period TEXT NOT NULL, \
         counter_period TEXT, \
         booked BIGINT NOT NULL, \
         recorded_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "transfer_by_debit",
        "CREATE INDEX transfer_by_debit ON transfer (shard, debit)",
    ),
    step(
        "transfer_by_credit",
        "CREATE INDEX transfer_by_credit ON transfer (shard, credit)",
    ),
    step(
        "recovery_plan",
        "CREATE TABLE recovery_plan (\
         shard TEXT NOT NULL, \
         payee BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         programme TEXT NOT NULL, \
         period TEXT NOT NULL, \
         amount BIGINT NOT NULL, \
         not_before BIGINT NOT NULL, \
         cap_percent BIGINT, \
         per_payment BIGINT, \
         across_programmes BIGINT NOT NULL, \
         cause BYTEA NOT NULL, \
         recorded_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, payee, id)) /* clustered */",
    ),
    step(
        "recovery_plan_by_programme",
        "CREATE INDEX recovery_plan_by_programme ON recovery_plan (programme, shard, payee)",
    ),
    step(
        "batch",
        "CREATE TABLE batch (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         programme TEXT NOT NULL, \
         month TEXT NOT NULL, \
         attempt BIGINT NOT NULL, \
         count BIGINT NOT NULL, \
         total BIGINT NOT NULL, \
         pay_on BIGINT NOT NULL, \
         recorded_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "batch_by_month",
        "CREATE INDEX batch_by_month ON batch (programme, month)",
    ),
    step(
        "payment",
        "CREATE TABLE payment (\
         shard TEXT NOT NULL, \
         batch BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         sequence BIGINT NOT NULL, \
         payee BYTEA NOT NULL, \
         programme TEXT NOT NULL, \
         holder TEXT NOT NULL, \
         account_hash BYTEA NOT NULL, \
         account_sealed BYTEA NOT NULL, \
         bank TEXT NOT NULL, \
         amount BIGINT NOT NULL, \
         items TEXT NOT NULL, \
         state TEXT NOT NULL, \
         bank_reason TEXT, \
         recorded_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, batch, id)) /* clustered */",
    ),
    step(
        "payment_by_payee",
        "CREATE INDEX payment_by_payee ON payment (shard, payee)",
    ),
    step(
        "payment_by_id",
        "CREATE INDEX payment_by_id ON payment (id)",
    ),
    step(
        "bank_answer",
        "CREATE TABLE bank_answer (\
         shard TEXT NOT NULL, \
         payment BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         at BIGINT NOT NULL, \
         state TEXT NOT NULL, \
         reason TEXT, \
         source TEXT NOT NULL, \
         PRIMARY KEY (shard, payment, id)) /* clustered */",
    ),
    step(
        "case_file",
        "CREATE TABLE case_file (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         subject BYTEA NOT NULL, \
         subject_kind TEXT NOT NULL, \
         programme TEXT NOT NULL, \
         kind TEXT NOT NULL, \
         area TEXT NOT NULL, \
         opened_at BIGINT NOT NULL, \
         state TEXT NOT NULL, \
         closed_at BIGINT, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "case_by_subject",
        "CREATE INDEX case_by_subject ON case_file (shard, subject)",
    ),
    step(
        "case_by_state",
        "CREATE INDEX case_by_state ON case_file (state, area, opened_at, id)",
    ),
    step(
        "case_event",
        "CREATE TABLE case_event (\
         shard TEXT NOT NULL, \
         case_id BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         at BIGINT NOT NULL, \
         actor TEXT NOT NULL, \
         happening TEXT NOT NULL, \
         note TEXT NOT NULL, \
         PRIMARY KEY (shard, case_id, id)) /* clustered */",
    ),
    step(
        "task",
        "CREATE TABLE task (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         case_id BYTEA NOT NULL, \
         step TEXT NOT NULL, \
         title_zh TEXT NOT NULL, \
         title_en TEXT NOT NULL, \
         role TEXT NOT NULL, \
         area TEXT NOT NULL, \
         due BIGINT NOT NULL, \
         not_before BIGINT, \
         done_at BIGINT, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "task_by_role",
        "CREATE INDEX task_by_role ON task (role, due, id)",
    ),
    step(
        "task_by_area",
        "CREATE INDEX task_by_area ON task (area, due, id)",
    ),
    step(
        "task_by_case",
        "CREATE INDEX task_by_case ON task (shard, case_id)",
    ),
    step(
        "notice",
        "CREATE TABLE notice (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         subject BYTEA NOT NULL, \
         subject_kind TEXT NOT NULL, \
         programme TEXT NOT NULL, \
         kind TEXT NOT NULL, \
         text_zh TEXT NOT NULL, \
         text_en TEXT NOT NULL, \
         objection_until BIGINT, \
         made_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "notice_by_subject",
        "CREATE INDEX notice_by_subject ON notice (shard, subject)",
    ),
    step(
        "notice_by_time",
        "CREATE INDEX notice_by_time ON notice (made_at, id)",
    ),
    step(
        "staff",
        "CREATE TABLE staff (\
         name TEXT NOT NULL, \
         display TEXT NOT NULL, \
         role TEXT NOT NULL, \
         areas TEXT NOT NULL, \
         secret TEXT NOT NULL, \
         active BIGINT NOT NULL, \
         made_at BIGINT NOT NULL, \
         PRIMARY KEY (name)) /* clustered */",
    ),
    step(
        "session",
        "CREATE TABLE session (\
         token_hash BYTEA NOT NULL, \
         staff TEXT NOT NULL, \
         made_at BIGINT NOT NULL, \
         expires_at BIGINT NOT NULL, \
         PRIMARY KEY (token_hash)) /* clustered */",
    ),
    step(
        "session_by_expiry",
        "CREATE INDEX session_by_expiry ON session (expires_at)",
    ),
    step(
        "journal",
        "CREATE TABLE journal (\
         shard TEXT NOT NULL, \
         lane BIGINT NOT NULL, \
         seq BIGINT NOT NULL, \
         at BIGINT NOT NULL, \
         actor TEXT NOT NULL, \
         action TEXT NOT NULL, \
         subject BYTEA, \
         detail TEXT NOT NULL, \
         previous BYTEA NOT NULL, \
         hash BYTEA NOT NULL, \
         PRIMARY KEY (shard, lane, seq)) /* clustered */",
    ),
    step(
        "journal_by_subject",
        "CREATE INDEX journal_by_subject ON journal (shard, subject)",
    ),
    step(
        "journal_by_time",
        "CREATE INDEX journal_by_time ON journal (at, shard, lane, seq)",
    ),
    step(
        "journal_head",
        "CREATE TABLE journal_head (\
         shard TEXT NOT NULL, \
         lane BIGINT NOT NULL, \
         seq BIGINT NOT NULL, \
         hash BYTEA NOT NULL, \
         PRIMARY KEY (shard, lane)) /* clustered */",
    ),
    step(
        "outbox",
        "CREATE TABLE outbox (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         topic TEXT NOT NULL, \
         payload TEXT NOT NULL, \
         made_at BIGINT NOT NULL, \
         sent_at BIGINT, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "outbox_by_state",
        "CREATE INDEX outbox_by_state ON outbox (sent_at, made_at, id)",
    ),
    step(
        "run",
        "CREATE TABLE run (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         kind TEXT NOT NULL, \
         argument TEXT NOT NULL, \
         state TEXT NOT NULL, \
         cursor TEXT NOT NULL, \
         detail TEXT NOT NULL, \
         started_at BIGINT NOT NULL, \
         changed_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step(
        "run_by_kind",
        "CREATE INDEX run_by_kind ON run (kind, started_at, id)",
    ),
    step(
        "setting",
        "CREATE TABLE setting (\
         name TEXT NOT NULL, \
         value TEXT NOT NULL, \
         PRIMARY KEY (name)) /* clustered */",
    ),
    step(
        "head",
        "CREATE TABLE head (\
         shard TEXT NOT NULL, \
         household BYTEA NOT NULL, \
         version BIGINT NOT NULL, \
         area TEXT NOT NULL, \
         changed_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, household)) /* clustered */",
    ),
    step(
        "head_by_area",
        "CREATE INDEX head_by_area ON head (area, household)",
    ),
    step(
        "head_by_change",
        "CREATE INDEX head_by_change ON head (changed_at, household)",
    ),
    step(
        "presence",
        "CREATE TABLE presence (\
         shard TEXT NOT NULL, \
         person BYTEA NOT NULL, \
         name TEXT NOT NULL, \
         household_shard TEXT NOT NULL, \
         household BYTEA, \
         area TEXT NOT NULL, \
         PRIMARY KEY (shard, person)) /* clustered */",
    ),
    step(
        "presence_by_name",
        "CREATE INDEX presence_by_name ON presence (name, person)",
    ),
    step(
        "presence_by_area",
        "CREATE INDEX presence_by_area ON presence (area, name, person)",
    ),
    step(
        "change_set",
        "CREATE TABLE change_set (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         digest TEXT NOT NULL, \
         committed_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step("journal_seal", "ALTER TABLE journal ADD COLUMN seal BYTEA"),
    step(
        "session_proof",
        "ALTER TABLE session ADD COLUMN proof BYTEA",
    ),
    step(
        "law_file",
        "CREATE TABLE law_file (\
         digest TEXT NOT NULL, \
         text TEXT NOT NULL, \
         PRIMARY KEY (digest)) /* clustered */",
    ),
    step(
        "law_book",
        "CREATE TABLE law_book (\
         digest TEXT NOT NULL, \
         path TEXT NOT NULL, \
         file TEXT NOT NULL, \
         kept_at BIGINT NOT NULL, \
         PRIMARY KEY (digest, path)) /* clustered */",
    ),
    step(
        "erasure",
        "CREATE TABLE erasure (\
         shard TEXT NOT NULL, \
         subject BYTEA NOT NULL, \
         id BYTEA NOT NULL, \
         kinds TEXT NOT NULL, \
         ended_before BIGINT, \
         reason TEXT NOT NULL, \
         ordered_by TEXT NOT NULL, \
         erased_at BIGINT NOT NULL, \
         households BYTEA NOT NULL, \
         PRIMARY KEY (shard, subject, id)) /* clustered */",
    ),
    step(
        "job",
        "CREATE TABLE job (\
         shard TEXT NOT NULL, \
         id BYTEA NOT NULL, \
         kind TEXT NOT NULL, \
         argument TEXT NOT NULL, \
         state TEXT NOT NULL, \
         worker TEXT NOT NULL, \
         lease_until BIGINT NOT NULL, \
         attempts BIGINT NOT NULL, \
         result TEXT NOT NULL, \
         made_at BIGINT NOT NULL, \
         changed_at BIGINT NOT NULL, \
         PRIMARY KEY (shard, id)) /* clustered */",
    ),
    step("transfer_by_debit_dropped", "DROP INDEX transfer_by_debit"),
    step(
        "transfer_by_credit_dropped",
        "DROP INDEX transfer_by_credit",
    ),
    // With the amounts, so that a balance is told by the index alone.
    step(
        "transfer_debited",
        "CREATE INDEX transfer_debited ON transfer (shard, debit, amount)",
    ),
    step(
        "transfer_credited",
        "CREATE INDEX transfer_credited ON transfer (shard, credit, amount)",
    ),
];
