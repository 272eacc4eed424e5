//! What the tables are, as the statements that write them need it: one description a table, from which
//! inserts, bulk loads and checks of repeated records are made. The tables themselves are made by
//! [`crate::migrations`]; a test holds the two together on both databases.

/// Type of a column; three are enough, and every database has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ty {
    /// BIGINT.
    Int,
    /// TEXT.
    Text,
    /// BYTEA.
    Bytes,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) ty: Ty,
    /// Not compared when a record is sent again: sealed afresh each time, or following later records.
    pub(crate) opaque: bool,
}

/// A table; its first `key` columns are its primary key.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) key: usize,
    /// Its rows are sealed in the journal. Not so: the journal itself, which is chained; who is signed in,
    /// where each row carries its own proof; and notes about work in hand, which record nothing.
    pub(crate) sealed: bool,
    /// Its rows are changed by later records, and sealed again each time.
    pub(crate) changes: bool,
    pub(crate) columns: &'static [Column],
}

impl Table {
    /// `INSERT` of `rows` rows that leaves records with the same key as they are. `numbered`: with `$1`,
    /// `$2`, … as PostgreSQL wants it; SQLite's driver looks each such name up among all the others when it
    /// binds, so that there plain `?` are many times faster in long statements.
    pub(crate) fn insert_sql(&self, rows: usize, numbered: bool) -> String {
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.name, self.names());
        let width = self.columns.len();
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                if column > 0 {
                    sql.push_str(", ");
                }
                if numbered {
                    sql.push_str(&format!("${}", row * width + column + 1));
                } else {
                    sql.push('?');
                }
            }
            sql.push(')');
        }
        sql.push_str(&format!(
            " ON CONFLICT ({}) DO NOTHING",
            self.key_names().join(", ")
        ));
        sql
    }

    /// `SELECT` of all columns by key.
    pub(crate) fn select_sql(&self) -> String {
        let keys: Vec<String> = self
            .key_names()
            .iter()
            .enumerate()
            .map(|(i, name)| format!("{name} = ${}", i + 1))
            .collect();
        format!(
            "SELECT {} FROM {} WHERE {}",
            self.names(),
            self.name,
            keys.join(" AND ")
        )
    }

    /// `SELECT` of the first and of a further page of all rows in the order of the key; the number of rows
    /// comes last.
    pub(crate) fn page_sql(&self) -> (String, String) {
        let (names, keys) = (self.names(), self.key_names().join(", "));
        let marks: Vec<String> = (1..=self.key).map(|i| format!("${i}")).collect();
        let marks = marks.join(", ");
        let name = self.name;
        let last = self.key + 1;
        (
            format!("SELECT {names} FROM {name} ORDER BY {keys} LIMIT $1"),
            format!(
                "SELECT {names} FROM {name} WHERE ({keys}) > ({marks}) ORDER BY {keys} LIMIT ${last}"
            ),
        )
    }

    /// `COPY` of PostgreSQL's text form.
    pub(crate) fn copy_sql(&self, into: &str) -> String {
        format!("COPY {into} ({}) FROM STDIN", self.names())
    }

    /// Place of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// The columns that name a row among all of its table: its id (with the moment, where one id has
    /// several records), else its key without the shard. Places, in order.
    pub(crate) fn naming(&self) -> &'static [usize] {
        match self.name {
            "award" => &[2, 3],
            "law_book" => &[0, 1],
            _ => match (self.column("id"), self.key) {
                (Some(1), _) => &[1],
                (Some(2), _) => &[2],
                (Some(3), _) => &[3],
                (Some(5), _) => &[5],
                (_, 1) => &[0],
                _ => &[1],
            },
        }
    }

    /// Column names in order.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|c| c.name).collect();
        names.join(", ")
    }

    /// Names of the key columns.
    pub(crate) fn key_names(&self) -> Vec<&'static str> {
        self.columns[..self.key].iter().map(|c| c.name).collect()
    }
}

macro_rules! table {
    ($(#[$doc:meta])* $konst:ident = $name:literal key $key:literal: $($column:ident $ty:ident $($opaque:ident)?),* $(,)?) => {
        $(#[$doc])*
        pub(crate) const $konst: Table = Table {
            name: $name,
            key: $key,
            sealed: !matches!($name.as_bytes(), b"journal" | b"journal_head" | b"session" | b"job"),
            changes: matches!(
                $name.as_bytes(),
                b"payment" | b"case_file" | b"task" | b"staff" | b"outbox" | b"run" | b"setting" | b"head" | b"presence"
            ),
            columns: &[$(Column {
                name: stringify!($column),
                ty: Ty::$ty,
                opaque: table!(@ $($opaque)?),
            }),*],
        };
    };
    (@) => { false };
    (@ opaque) => { true };
}

table! {
    /// Administrative divisions; a reference table, copied to every node.
    AREA = "area" key 1:
    code Text,
    name Text,
    name_en Text,
    parent Text,
}

table! {
    /// Persons.
    PERSON = "person" key 2:
    shard Text,
    id Bytes,
    opened_at Int,
}

table! {
    /// Households.
    HOUSEHOLD = "household" key 2:
    shard Text,
    id Bytes,
    opened_at Int,
}

table! {
    /// Who a person is; the number sealed, with its keyed hash.
    IDENTITY = "identity" key 3:
    shard Text,
    person Bytes,
    id Bytes,
    name Text,
    sex Text,
    birth Int,
    number_hash Bytes,
    number_sealed Bytes opaque,
    recorded_at Int,
    recorded_by Text,
    source Text,
}

table! {
    /// Where households live.
    RESIDENCE = "residence" key 3:
    shard Text,
    household Bytes,
    id Bytes,
    area Text,
    address Text,
    valid_from Int,
    valid_to Int,
    recorded_at Int,
    recorded_by Text,
    source Text,
}

table! {
    /// Who belongs to which household; filed under the household's shard, with the person's beside it.
    MEMBERSHIP = "membership" key 4:
    shard Text,
    household Bytes,
    person Bytes,
    id Bytes,
    person_shard Text,
    relation Text,
    member Int,
    valid_from Int,
    valid_to Int,
    recorded_at Int,
    recorded_by Text,
    source Text,
}

table! {
    /// Assertions about persons and households, filed under the subject.
    EVIDENCE = "evidence" key 3:
    shard Text,
    subject Bytes,
    id Bytes,
    kind Text,
    value Text,
    valid_from Int,
    valid_to Int,
    withdraws Bytes,
    recorded_at Int,
    recorded_by Text,
    source Text,
}

table! {
    /// Bank accounts that money goes to; the number sealed, with its keyed hash.
    PAYEE = "payee" key 3:
    shard Text,
    subject Bytes,
    id Bytes,
    holder Text,
    number_hash Bytes,
    number_sealed Bytes opaque,
    bank Text,
    valid_from Int,
    valid_to Int,
    recorded_at Int,
    recorded_by Text,
    source Text,
}

table! {
    /// Human decisions that a programme is granted or ended; the newest of one id holds.
    AWARD = "award" key 4:
    shard Text,
    subject Bytes,
    id Bytes,
    recorded_at Int,
    subject_kind Text,
    programme Text,
    from_month Int,
    to_month Int,
    case_id Bytes,
    decided_by Text,
    reason Text,
}

table! {
    /// Results of the rules, in versions.
    DETERMINATION = "determination" key 5:
    shard Text,
    programme Text,
    period Text,
    subject Bytes,
    version Int,
    id Bytes,
    subject_kind Text,
    known_at Int,
    made_at Int,
    law Text,
    outcome Text,
    amount Int,
    detail Text,
    reasons Text,
    lines Text,
    carry Text,
}

table! {
    /// What is owed, change by change.
    ENTITLEMENT_CHANGE = "entitlement_change" key 5:
    shard Text,
    programme Text,
    period Text,
    subject Bytes,
    sequence Int,
    id Bytes,
    subject_kind Text,
    determination Bytes,
    owed Int,
    change Int,
    cause Text,
    recorded_at Int,
}

table! {
    /// Accounts of the ledger.
    ACCOUNT = "account" key 2:
    shard Text,
    id Bytes,
    owner Bytes,
    programme Text,
    purpose Text,
}

table! {
    /// Movements of money.
    TRANSFER = "transfer" key 2:
    shard Text,
    id Bytes,
    debit Bytes,
    credit Bytes,
    amount Int,
    reason Text,
    link Bytes,
    period Text,
    counter_period Text,
    booked Int,
    recorded_at Int,
}

table! {
    /// How overpaid money comes back.
    RECOVERY_PLAN = "recovery_plan" key 3:
    shard Text,
    payee Bytes,
    id Bytes,
    programme Text,
    period Text,
    amount Int,
    not_before Int,
    cap_percent Int,
    per_payment Int,
    across_programmes Int,
    cause Bytes,
    recorded_at Int,
}

table! {
    /// Instruction files.
    BATCH = "batch" key 2:
    shard Text,
    id Bytes,
    programme Text,
    month Text,
    attempt Int,
    count Int,
    total Int,
    pay_on Int,
    recorded_at Int,
}

table! {
    /// Lines of instruction files; `state` and `bank_reason` follow the newest answer.
    PAYMENT = "payment" key 3:
    shard Text,
    batch Bytes,
    id Bytes,
    sequence Int,
    payee Bytes,
    programme Text,
    holder Text,
    account_hash Bytes,
    account_sealed Bytes opaque,
    bank Text,
    amount Int,
    items Text,
    state Text opaque,
    bank_reason Text opaque,
    recorded_at Int,
}

table! {
    /// What banks said of payments.
    BANK_ANSWER = "bank_answer" key 3:
    shard Text,
    payment Bytes,
    id Bytes,
    at Int,
    state Text,
    reason Text,
    source Text,
}

table! {
    /// Cases; `state` and `closed_at` follow the events.
    CASE_FILE = "case_file" key 2:
    shard Text,
    id Bytes,
    subject Bytes,
    subject_kind Text,
    programme Text,
    kind Text,
    area Text,
    opened_at Int,
    state Text opaque,
    closed_at Int opaque,
}

table! {
    /// What happened in cases.
    CASE_EVENT = "case_event" key 3:
    shard Text,
    case_id Bytes,
    id Bytes,
    at Int,
    actor Text,
    happening Text,
    note Text,
}

table! {
    /// Work with deadlines; `done_at` is set once. `due` is the greatest number when there is no deadline.
    TASK = "task" key 2:
    shard Text,
    id Bytes,
    case_id Bytes,
    step Text,
    title_zh Text,
    title_en Text,
    role Text,
    area Text,
    due Int,
    not_before Int,
    done_at Int opaque,
}

table! {
    /// Letters.
    NOTICE = "notice" key 2:
    shard Text,
    id Bytes,
    subject Bytes,
    subject_kind Text,
    programme Text,
    kind Text,
    text_zh Text,
    text_en Text,
    objection_until Int,
    made_at Int,
}

table! {
    /// Who may sign in; a reference table.
    STAFF = "staff" key 1:
    name Text,
    display Text opaque,
    role Text opaque,
    areas Text opaque,
    secret Text opaque,
    active Int opaque,
    made_at Int,
}

table! {
    /// Who is signed in, by the hash of the token.
    SESSION = "session" key 1:
    token_hash Bytes,
    staff Text,
    made_at Int,
    expires_at Int,
    proof Bytes,
}

table! {
    /// Who did, saw and decided what; chained by hash within a lane of a shard.
    JOURNAL = "journal" key 3:
    shard Text,
    lane Int,
    seq Int,
    at Int,
    actor Text,
    action Text,
    subject Bytes,
    detail Text,
    previous Bytes,
    hash Bytes,
    seal Bytes,
}

table! {
    /// The last link of each chain.
    JOURNAL_HEAD = "journal_head" key 2:
    shard Text,
    lane Int,
    seq Int,
    hash Bytes,
}

table! {
    /// Messages for others, sent after the commit.
    OUTBOX = "outbox" key 2:
    shard Text,
    id Bytes,
    topic Text,
    payload Text,
    made_at Int,
    sent_at Int opaque,
}

table! {
    /// Long commands, so that a killed one goes on where it was.
    RUN = "run" key 2:
    shard Text,
    id Bytes,
    kind Text,
    argument Text,
    state Text opaque,
    cursor Text opaque,
    detail Text opaque,
    started_at Int,
    changed_at Int opaque,
}

table! {
    /// Settings of the whole installation.
    SETTING = "setting" key 1:
    name Text,
    value Text opaque,
}

table! {
    /// Version counter of each household, and where it is looked for.
    HEAD = "head" key 2:
    shard Text,
    household Bytes,
    version Int opaque,
    area Text opaque,
    changed_at Int opaque,
}

table! {
    /// Where persons are looked for: name, household and area as last known.
    PRESENCE = "presence" key 2:
    shard Text,
    person Bytes,
    name Text opaque,
    household_shard Text opaque,
    household Bytes opaque,
    area Text opaque,
}

table! {
    /// Changes that were committed, so that a repeated request is answered and not repeated.
    CHANGE_SET = "change_set" key 2:
    shard Text,
    id Bytes,
    digest Text,
    committed_at Int,
}

table! {
    /// What was erased, on whose word and why; `households` are those whose reasons went with it.
    ERASURE = "erasure" key 3:
    shard Text,
    subject Bytes,
    id Bytes,
    kinds Text,
    ended_before Int,
    reason Text,
    ordered_by Text,
    erased_at Int,
    households Bytes,
}

table! {
    /// Work for several workers; a note, not a record.
    JOB = "job" key 2:
    shard Text,
    id Bytes,
    kind Text,
    argument Text,
    state Text opaque,
    worker Text opaque,
    lease_until Int opaque,
    attempts Int opaque,
    result Text opaque,
    made_at Int opaque,
    changed_at Int opaque,
}

table! {
    /// Which steps of the schema were taken.
    SCHEMA_VERSION = "schema_version" key 1:
    version Int,
    name Text,
    applied_at Int,
}

table! {
    /// Texts of law files by their digests; a reference table.
    LAW_FILE = "law_file" key 1:
    digest Text,
    text Text,
}

table! {
    /// Which files a law consisted of; a reference table.
    LAW_BOOK = "law_book" key 2:
    digest Text,
    path Text,
    file Text,
    kept_at Int opaque,
}

/// Every table.
pub(crate) const TABLES: &[&Table] = &[
    &AREA,
    &PERSON,
    &HOUSEHOLD,
    &IDENTITY,
    &RESIDENCE,
    &MEMBERSHIP,
    &EVIDENCE,
    &PAYEE,
    &AWARD,
    &DETERMINATION,
    &ENTITLEMENT_CHANGE,
    &ACCOUNT,
    &TRANSFER,
    &RECOVERY_PLAN,
    &BATCH,
    &PAYMENT,
    &BANK_ANSWER,
    &CASE_FILE,
    &CASE_EVENT,
    &TASK,
    &NOTICE,
    &STAFF,
    &SESSION,
    &JOURNAL,
    &JOURNAL_HEAD,
    &OUTBOX,
    &RUN,
    &SETTING,
    &HEAD,
    &PRESENCE,
    &CHANGE_SET,
    &ERASURE,
    &JOB,
    &SCHEMA_VERSION,
    &LAW_FILE,
    &LAW_BOOK,
];
