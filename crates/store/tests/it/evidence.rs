//! Any altered, missing, added or moved record is found and named, in every table and every column.

use crate::{SHARD, at, crypto, family, id, lite, readers, says};
use registry::protect::{Keyring, Suite};
use rusqlite::types::Value;
use serde_json::json;
use std::sync::Arc;
use store::{ChangeSet, Erasure, RecordCheck, Store, StoreError};

/// What a check found, as `table key: what`.
async fn findings(store: &Store) -> Vec<String> {
    let check = store.check_records().await.expect("checked");
    told_all(&check)
}

fn told_all(check: &RecordCheck) -> Vec<String> {
    let lines = check.journal.faults.iter();
    lines
        .map(|f| format!("journal {} {} {}: {}", f.shard, f.lane, f.seq, f.what))
        .chain(
            check
                .faults
                .iter()
                .map(|f| format!("{} {}: {}", f.table, f.key, f.what)),
        )
        .collect()
}

/// One row of a table: column names, which of them are the key, values.
struct Line {
    columns: Vec<String>,
    keys: Vec<usize>,
    values: Vec<Value>,
}

fn tables(file: &rusqlite::Connection) -> Vec<String> {
    let mut found = file
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        .expect("prepared");
    let names = found.query_map([], |row| row.get(0)).expect("read");
    names.map(|n| n.expect("a name")).collect()
}

/// A row from the middle of a table.
fn line(file: &rusqlite::Connection, table: &str) -> Line {
    let mut info = file
        .prepare(&format!(
            "SELECT name, pk FROM pragma_table_info('{table}') ORDER BY cid"
        ))
        .expect("prepared");
    let columns: Vec<(String, i64)> = info
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("read")
        .map(|c| c.expect("a column"))
        .collect();
    let sql = format!("SELECT * FROM {table} LIMIT 1 OFFSET (SELECT COUNT(*) / 2 FROM {table})");
    let values = file
        .query_row(&sql, [], |row| {
            (0..columns.len()).map(|i| row.get(i)).collect()
        })
        .unwrap_or_else(|_| panic!("{table} has no row: the story must write one"));
    Line {
        keys: (0..columns.len()).filter(|i| columns[*i].1 > 0).collect(),
        columns: columns.into_iter().map(|c| c.0).collect(),
        values,
    }
}

/// Another value that differs by one byte, or by one.
fn altered(value: &Value) -> Value {
    match value {
        Value::Null => Value::Integer(0),
        Value::Integer(n) => Value::Integer(n ^ (1 << 20)),
        Value::Real(x) => Value::Real(x + 1.0),
        Value::Text(text) => Value::Text(format!("{text} ")),
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            match bytes.last_mut() {
                Some(last) => *last ^= 1,
                None => bytes.push(0),
            }
            Value::Blob(bytes)
        }
    }
}

impl Line {
    fn at(&self, values: &[Value]) -> (String, Vec<Value>) {
        let parts: Vec<String> = self
            .keys
            .iter()
            .enumerate()
            .map(|(n, i)| format!("{} = ?{}", self.columns[*i], n + 1))
            .collect();
        let values = self.keys.iter().map(|i| values[*i].clone()).collect();
        (parts.join(" AND "), values)
    }

    /// Sets one column of the row that has the key of `from`.
    fn set(
        &self,
        file: &rusqlite::Connection,
        table: &str,
        column: usize,
        from: &[Value],
        to: &Value,
    ) {
        let (at, mut values) = self.at(from);
        values.push(to.clone());
        let sql = format!(
            "UPDATE {table} SET {} = ?{} WHERE {at}",
            self.columns[column],
            values.len()
        );
        let changed = file
            .execute(&sql, rusqlite::params_from_iter(values))
            .expect("altered");
        assert_eq!(changed, 1, "{sql}");
    }

    fn delete(&self, file: &rusqlite::Connection, table: &str) {
        let (at, values) = self.at(&self.values);
        let sql = format!("DELETE FROM {table} WHERE {at}");
        let gone = file
            .execute(&sql, rusqlite::params_from_iter(values))
            .expect("deleted");
        assert_eq!(gone, 1, "{sql}");
    }

    fn insert(&self, file: &rusqlite::Connection, table: &str, values: &[Value]) {
        let marks = vec!["?"; values.len()].join(", ");
        file.execute(
            &format!("INSERT INTO {table} VALUES ({marks})"),
            rusqlite::params_from_iter(values),
        )
        .expect("inserted");
    }

    /// The id of the row, as messages name it.
    fn id(&self) -> Option<String> {
        let place = self.columns.iter().position(|c| c == "id")?;
        match &self.values[place] {
            Value::Blob(bytes) => base::Id::from_slice(bytes).map(|id| id.to_string()),
            _ => None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_of_any_column_of_any_table_is_found_and_named() {
    let lite = lite().await;
    let store = &lite.store;
    readers::story(store).await;
    let later = at("2026-03-01T10:00:00Z");
    store
        .put_session([9; 32], "li", at("2026-03-01T02:00:00Z"), later)
        .await
        .expect("signed in");
    store
        .commit(&ChangeSet {
            id: Some(id("request")),
            digest: "d".into(),
            shard: SHARD.into(),
            at: later,
            recovery_plans: vec![ledger::recovery::Plan {
                id: id("plan"),
                shard: SHARD.into(),
                payee: id("h"),
                programme: "jia".into(),
                period: "2026-03".into(),
                amount: base::Fen(100),
                not_before: crate::day("2026-04-01"),
                cap_percent: Some(10),
                per_payment: None,
                across_programmes: false,
                cause: id("cause"),
                recorded_at: later,
            }],
            ..ChangeSet::default()
        })
        .await
        .expect("recorded");
    store
        .erase(&erasure("f-1", &[], None))
        .await
        .expect("erased");
    for digest in ["one", "two"] {
        let files = [("a.md", "甲"), ("b.md", digest)];
        assert!(store.keep_law(digest, &files, later).await.expect("kept"));
    }
    assert_eq!(findings(store).await, [""; 0]);

    let file = rusqlite::Connection::open(lite.folder.path().join("data.db")).expect("opened");
    let tables = tables(&file);
    assert!(tables.len() > 30, "{tables:?}");
    let mut tried = 0;
    // Notes about work in hand record nothing.
    for table in tables.iter().filter(|table| *table != "job") {
        let line = line(&file, table);
        for (column, name) in line.columns.iter().enumerate() {
            let mut values = line.values.clone();
            values[column] = altered(&values[column]);
            line.set(&file, table, column, &line.values, &values[column]);
            let found = findings(store).await;
            line.set(&file, table, column, &values, &line.values[column]);
            let named = match table.as_str() {
                "journal" | "journal_head" => "journal ".to_owned(),
                _ => match line.id().filter(|_| name != "id") {
                    Some(id) => format!("{table} {id}"),
                    None => format!("{table} "),
                },
            };
            assert!(
                found.iter().any(|f| f.starts_with(&named)),
                "{table} {name}: {found:?}"
            );
            // Its own table is named, and no other: the journal may be named at two places.
            assert!(
                found
                    .iter()
                    .all(|f| f.starts_with(&format!("{table} ")) || f.starts_with("journal ")),
                "{table} {name}: {found:?}"
            );
            tried += 1;
        }
        // Who signs out is forgotten; all else that goes missing is missed.
        if table != "session" {
            line.delete(&file, table);
            let found = findings(store).await;
            assert!(
                found.iter().any(|f| f.contains("missing")),
                "{table}: {found:?}"
            );
            line.insert(&file, table, &line.values);
        }
        let mut values = line.values.clone();
        let last = *line.keys.last().expect("a key");
        values[last] = match &values[last] {
            Value::Integer(n) => Value::Integer(n + 1_000_000),
            other => altered(other),
        };
        line.insert(&file, table, &values);
        assert!(
            !findings(store).await.is_empty(),
            "{table}: a row was added"
        );
        Line { values, ..line }.delete(&file, table);
        assert_eq!(findings(store).await, [""; 0], "{table}: all is as it was");
    }
    assert!(tried > 200, "{tried}");

    // Two lines of one chain change places.
    let swap = |a: i64, b: i64| {
        file.execute(
            "UPDATE journal SET seq = ?2 WHERE seq = ?1 AND lane = (SELECT lane FROM journal_head WHERE shard = ?3 ORDER BY seq DESC LIMIT 1) AND shard = ?3",
            rusqlite::params![a, b, SHARD],
        )
        .expect("moved");
    };
    (swap(2, 1_000), swap(3, 2), swap(1_000, 3));
    let found = findings(store).await;
    for seq in [2, 3] {
        assert!(
            found
                .iter()
                .any(|f| f.contains(&format!(" {seq}: the line was altered"))),
            "{found:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn altered_rows_are_found_on_postgresql() {
    let Some(server) = crate::pg::Server::start() else {
        eprintln!("PostgreSQL is not installed: not tested");
        return;
    };
    let store = server.store().await;
    readers::story(&store).await;
    assert_eq!(findings(&store).await, [""; 0]);
    let check = store.check_records().await.expect("checked");
    assert!(check.rows > 100 && check.erased == 0, "{check:?}");
    let pool = sqlx::PgPool::connect(&server.url())
        .await
        .expect("connected");
    for (sql, table, what) in [
        (
            "UPDATE evidence SET valid_from = valid_from + 1 WHERE id = (SELECT id FROM evidence ORDER BY id LIMIT 1)",
            "evidence",
            "not what was recorded",
        ),
        (
            "UPDATE determination SET amount = 1 WHERE id = (SELECT id FROM determination ORDER BY id LIMIT 1)",
            "determination",
            "not what was recorded",
        ),
        (
            "DELETE FROM transfer WHERE id = (SELECT id FROM transfer ORDER BY id LIMIT 1)",
            "transfer",
            "missing",
        ),
        (
            "UPDATE staff SET role = 'auditor' WHERE name = 'li'",
            "staff",
            "not what was recorded",
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&pool)
            .await
            .expect("altered");
        let found = findings(&store).await;
        assert!(
            found
                .iter()
                .any(|f| f.starts_with(table) && f.contains(what)),
            "{sql}: {found:?}"
        );
    }
    assert_eq!(findings(&store).await.len(), 4);
    pool.close().await;
}

/// A database from before there were seals; and one that somebody opens with another key.
#[tokio::test(flavor = "multi_thread")]
async fn old_databases_are_sealed_when_they_are_opened() {
    let lite = lite().await;
    let path = lite.folder.path().join("data.db");
    let then = at("2026-01-05T01:00:00Z");
    lite.store
        .commit(&family("h", 3, "990101001", then))
        .await
        .expect("opened");
    lite.store.close().await;
    let file = rusqlite::Connection::open(&path).expect("opened");
    file.execute_batch("DELETE FROM journal; DELETE FROM journal_head; DELETE FROM setting")
        .expect("made old");
    let store = Store::open_file(&path, crypto()).await.expect("opened");
    let missing = findings(&store).await;
    assert!(missing.len() > 10, "{missing:?}");
    store.migrate().await.expect("sealed");
    assert_eq!(findings(&store).await, [""; 0]);
    let change = ChangeSet {
        shard: SHARD.into(),
        at: then,
        evidence: vec![says("e", id("h-1"), "甲", json!(1), "2026-01-01", then)],
        ..ChangeSet::default()
    };
    store.commit(&change).await.expect("recorded");
    assert_eq!(findings(&store).await, [""; 0]);
    store.close().await;

    let other = Arc::new(Keyring::from_secret(Suite::Aes, &[4; 32]));
    let store = Store::open_file(&path, other).await.expect("opened");
    assert!(matches!(store.migrate().await, Err(StoreError::WrongKey)));
}

fn erasure(person: &str, kinds: &[&str], ended_before: Option<&str>) -> Erasure {
    Erasure {
        id: id(&format!("erase {person} {kinds:?}")),
        shard: SHARD.into(),
        subject: id(person),
        kinds: kinds.iter().map(|k| k.to_string()).collect(),
        ended_before: ended_before.map(crate::day),
        households: vec![(SHARD.into(), id("h"))],
        reason: "第四十七条".into(),
        by: "clerk".into(),
        at: at("2026-04-01T02:00:00Z"),
        expect: vec![],
    }
}

/// What was erased is gone from every table and from the file; that it was, and why, is on record; and all
/// still verifies.
#[tokio::test(flavor = "multi_thread")]
async fn erased_content_is_gone_and_the_record_of_it_stays() {
    let lite = lite().await;
    let server = crate::pg::Server::start();
    let mut stores = vec![lite.store];
    if let Some(server) = &server {
        stores.push(server.store().await);
    }
    for store in &stores {
        readers::story(store).await;
        let then = at("2026-01-05T01:00:00Z");
        let mut ended = says("ended", id("h-1"), "乙", json!("旧话"), "2026-01-01", then);
        ended.valid.to = Some(crate::day("2026-02-01"));
        let mut runs_on = ended.clone();
        (runs_on.id, runs_on.valid.to) = (id("runs on"), None);
        let change = ChangeSet {
            shard: SHARD.into(),
            at: then,
            evidence: vec![ended, runs_on],
            ..ChangeSet::default()
        };
        store.commit(&change).await.expect("recorded");

        // By kind and time: only what ended.
        let order = erasure("h-1", &["乙"], Some("2026-03-01"));
        let rows = store.erase(&order).await.expect("erased");
        assert_eq!(rows.get("evidence"), Some(&1), "{rows:?}");
        assert_eq!(
            store.erase(&order).await.expect("again"),
            Default::default()
        );
        assert_eq!(findings(store).await, [""; 0]);

        // Everything about one person.
        let rows = store
            .erase(&erasure("h-1", &[], None))
            .await
            .expect("erased");
        assert_eq!(
            (rows.get("identity"), rows.get("evidence")),
            (Some(&1), Some(&2)),
            "{rows:?}"
        );
        let loaded = store.history(id("h")).await.expect("read").expect("there");
        for piece in loaded
            .history
            .evidence
            .iter()
            .filter(|e| e.subject == id("h-1"))
        {
            assert_eq!(
                (piece.kind.as_str(), &piece.value),
                (store::ERASED_KIND, &json!(null))
            );
        }
        let who = loaded
            .history
            .identities
            .iter()
            .find(|i| i.person == id("h-1"));
        assert!(
            who.is_some_and(|i| i.name.is_empty() && i.number.is_none()),
            "{who:?}"
        );
        let told = store.determinations_of(SHARD, id("h")).await.expect("read");
        assert!(
            !told.is_empty()
                && told
                    .iter()
                    .all(|d| d.reasons.is_empty() && d.lines.is_empty())
        );
        assert!(
            told.iter().any(|d| d.outcome.amount() > base::Fen::ZERO),
            "amounts stay"
        );
        let check = store.check_records().await.expect("checked");
        assert_eq!(
            (told_all(&check), check.erased > 4),
            (vec![], true),
            "{check:?}"
        );
        assert!(
            store
                .erased_subjects()
                .await
                .expect("read")
                .contains(&id("h-1"))
        );
        let lines = store.journal_about(SHARD, id("h-1")).await.expect("read");
        let erased: Vec<_> = lines
            .iter()
            .filter(|l| l.entry.action == "erased")
            .collect();
        assert_eq!(erased.len(), 2);
        assert!(
            erased
                .iter()
                .all(|l| l.entry.detail["reason"] == "第四十七条")
        );
        assert!(
            !erased
                .iter()
                .any(|l| l.entry.detail.to_string().contains("旧话"))
        );
    }
    stores[0].close().await;
    // Content put back behind the program's back is found.
    let file = rusqlite::Connection::open(lite.folder.path().join("data.db")).expect("opened");
    let back =
        "UPDATE evidence SET kind = '乙', value = '\"旧话\"', source = 'paper' WHERE id = ?1";
    file.execute(back, [id("ended").as_bytes()])
        .expect("put back");
    let path = lite.folder.path().join("data.db");
    let store = Store::open_file(&path, crypto()).await.expect("opened");
    let found = findings(&store).await;
    assert_eq!(
        found,
        [format!(
            "evidence {}: it is not what was recorded",
            id("ended")
        )]
    );
}

/// A load that meets some of its rows there already leaves nothing unsealed.
#[tokio::test(flavor = "multi_thread")]
async fn registers_that_are_loaded_in_part_are_sealed_whole() {
    let lite = lite().await;
    let server = crate::pg::Server::start();
    let mut stores = vec![lite.store];
    if let Some(server) = &server {
        stores.push(server.store().await);
    }
    for store in stores {
        let then = at("2026-01-05T01:00:00Z");
        let whole = readers::chunk();
        let mut part = whole.clone();
        part.evidence.truncate(5);
        part.payees.truncate(1);
        for chunk in [part, whole.clone(), whole] {
            store
                .load_register(then, [chunk].into_iter(), |_| {})
                .await
                .expect("loaded");
            assert_eq!(findings(&store).await, [""; 0]);
        }
        // A head that was counted on since is not set back by loading again.
        store
            .commit(&ChangeSet {
                evidence: vec![says("e", id("h"), "甲", json!(1), "2026-01-01", then)],
                shard: SHARD.into(),
                at: then,
                ..ChangeSet::default()
            })
            .await
            .expect("recorded");
        let mut more = readers::chunk();
        more.evidence
            .push(says("late", id("h"), "甲", json!(2), "2026-01-01", then));
        store
            .load_register(then, [more].into_iter(), |_| {})
            .await
            .expect("loaded");
        assert_eq!(findings(&store).await, [""; 0]);
    }
}
