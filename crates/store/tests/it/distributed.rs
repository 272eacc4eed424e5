//! PostgreSQL: the schema's rules for its distributed descendants, several processes at once, a server that
//! goes away and returns, migrations while others read, and copies by its own tools.

use crate::{SHARD, at, family, id, pg::Server, readers, says};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{ChangeSet, JournalEntry, Store, StoreError};

/// Small tables that every node would hold whole.
const REFERENCE: [&str; 7] = [
    "area",
    "law_book",
    "law_file",
    "schema_version",
    "session",
    "setting",
    "staff",
];

fn installed() -> Option<Server> {
    let server = Server::start();
    if server.is_none() {
        eprintln!("PostgreSQL is not installed: not tested");
    }
    server
}

async fn texts(pool: &sqlx::PgPool, sql: &'static str) -> Vec<Vec<String>> {
    use sqlx::Row;
    let rows = sqlx::query(sql).fetch_all(pool).await.expect(sql);
    rows.iter()
        .map(|row| (0..row.len()).map(|i| row.get::<String, _>(i)).collect())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_shard_is_first_in_every_key_and_nothing_stands_in_the_way() {
    let Some(server) = installed() else { return };
    server.store().await;
    let pool = sqlx::PgPool::connect(&server.url())
        .await
        .expect("connected");
    let unique = "SELECT CAST(t.relname AS TEXT), CAST(a.attname AS TEXT), CASE WHEN x.indisprimary THEN 'primary' ELSE 'other' END \
         FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0] \
         WHERE n.nspname = current_schema() AND x.indisunique ORDER BY 1";
    let keys = texts(&pool, unique).await;
    assert!(keys.len() > 30, "{keys:?}");
    for key in &keys {
        assert_eq!(key[2], "primary", "{key:?}: no unique index beside the key");
        let reference = REFERENCE.contains(&key[0].as_str());
        assert_eq!(key[1] == "shard", !reference, "{key:?}");
    }
    let tables = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()";
    assert_eq!(
        texts(&pool, tables).await.len(),
        keys.len(),
        "every table has a key"
    );
    for nothing in [
        "SELECT CAST(sequence_name AS TEXT) FROM information_schema.sequences",
        "SELECT CAST(trigger_name AS TEXT) FROM information_schema.triggers",
        "SELECT CAST(constraint_name AS TEXT) FROM information_schema.table_constraints \
         WHERE table_schema = current_schema() AND (constraint_type = 'FOREIGN KEY' OR is_deferrable = 'YES')",
        "SELECT CAST(routine_name AS TEXT) FROM information_schema.routines WHERE routine_schema = current_schema()",
        "SELECT CAST(table_name AS TEXT) FROM information_schema.views WHERE table_schema = current_schema()",
        "SELECT CAST(table_name || '.' || column_name AS TEXT) FROM information_schema.columns \
         WHERE table_schema = current_schema() AND (data_type NOT IN ('bigint', 'text', 'bytea') OR column_default IS NOT NULL)",
    ] {
        assert_eq!(
            texts(&pool, nothing).await,
            Vec::<Vec<String>>::new(),
            "{nothing}"
        );
    }
    pool.close().await;
}

/// Several processes on few households: each change is made once, on what it saw, and all are sealed.
#[tokio::test(flavor = "multi_thread")]
async fn many_writers_meet_conflicts_repeat_and_lose_nothing() {
    let Some(server) = installed() else { return };
    let first = server.store().await;
    let then = at("2026-01-05T01:00:00Z");
    for h in ["a", "b", "c"] {
        let opened = family(h, 2, "990101001", then);
        first.commit(&opened).await.expect("opened");
    }
    let stores = [Arc::new(first), Arc::new(server.store().await)];
    let conflicts = Arc::new(AtomicU64::new(0));
    let mut workers = Vec::new();
    for n in 0..12usize {
        let (store, conflicts) = (stores[n % 2].clone(), conflicts.clone());
        workers.push(tokio::spawn(async move {
            for turn in 0..6 {
                let home = ["a", "b", "c"][(n + turn) % 3];
                let other = ["a", "b", "c"][(n + turn + 1) % 3];
                loop {
                    let read = |h: &'static str| store.history(id(h));
                    let (here, there) = (
                        read(home).await.expect("read"),
                        read(other).await.expect("read"),
                    );
                    let (here, there) = (here.expect("there"), there.expect("there"));
                    let name = format!("e{n}-{turn}");
                    let seen = here.history.evidence.len();
                    let piece = says(&name, id(home), "甲", json!(seen), "2026-01-01", then);
                    let change = ChangeSet {
                        id: Some(id(&name)),
                        shard: SHARD.into(),
                        at: then,
                        // Two households, in whichever order: no deadlock may lose a change.
                        expect: vec![here.expected, there.expected],
                        evidence: vec![piece],
                        journal: vec![JournalEntry::default()],
                        ..ChangeSet::default()
                    };
                    match store.commit(&change).await {
                        Ok(done) => break assert!(!done.repeated),
                        Err(error) if error.is_conflict() => {
                            conflicts.fetch_add(1, Ordering::Relaxed)
                        }
                        Err(error) => panic!("{error}"),
                    };
                }
            }
        }));
    }
    for worker in workers {
        worker.await.expect("no panic");
    }
    assert!(conflicts.load(Ordering::Relaxed) > 0);
    let mut versions = 0;
    for h in ["a", "b", "c"] {
        let loaded = stores[0]
            .history(id(h))
            .await
            .expect("read")
            .expect("there");
        versions += loaded.expected.version;
        let values = loaded
            .history
            .evidence
            .iter()
            .filter_map(|e| e.value.as_i64());
        let mut seen: Vec<i64> = values.collect();
        seen.sort_unstable();
        assert_eq!(
            seen,
            (0..24).collect::<Vec<_>>(),
            "each saw all that were before it"
        );
    }
    assert_eq!(versions, 3 + 2 * 72);
    let check = stores[1].check_records().await.expect("checked");
    assert_eq!((check.journal.faults, check.faults), (vec![], vec![]));
}

/// The server stops and starts again under clients: clear errors meanwhile, then all goes on, and what was
/// acknowledged is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_and_returns() {
    let Some(mut server) = installed() else {
        return;
    };
    let store = Arc::new(server.store().await);
    let then = at("2026-01-05T01:00:00Z");
    let opened = family("h", 2, "990101001", then);
    store.commit(&opened).await.expect("opened");
    let (stop, away) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut clients = Vec::new();
    for n in 0..3 {
        let (store, stop, away) = (store.clone(), stop.clone(), away.clone());
        clients.push(tokio::spawn(async move {
            let mut kept = Vec::new();
            for turn in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("e{n}-{turn}");
                let change = ChangeSet {
                    id: Some(id(&name)),
                    shard: SHARD.into(),
                    at: then,
                    evidence: vec![says(
                        &name,
                        id("h-1"),
                        "甲",
                        json!(turn),
                        "2026-01-01",
                        then,
                    )],
                    ..ChangeSet::default()
                };
                let begun = Instant::now();
                match store.commit(&change).await {
                    Ok(_) => kept.push(id(&name)),
                    Err(StoreError::Away(_)) => {
                        away.fetch_add(1, Ordering::Relaxed);
                        assert!(
                            begun.elapsed() < Duration::from_secs(30),
                            "an answer in time"
                        );
                    }
                    Err(error) => panic!("not a clear error: {error}"),
                }
            }
            kept
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    server.stop();
    for _ in 0..200 {
        if away.load(Ordering::Relaxed) > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(away.load(Ordering::Relaxed) > 0, "nobody noticed");
    server.start_again();
    drop(server.store().await);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stop.store(true, Ordering::Relaxed);
    let mut kept = Vec::new();
    for client in clients {
        kept.extend(client.await.expect("no panic"));
    }
    let loaded = store.history(id("h")).await.expect("read").expect("there");
    let there: std::collections::HashSet<_> =
        loaded.history.evidence.iter().map(|e| e.id).collect();
    assert!(
        kept.iter().all(|id| there.contains(id)),
        "what was acknowledged is there"
    );
    let later = ChangeSet {
        shard: SHARD.into(),
        at: then,
        evidence: vec![says("after", id("h-1"), "甲", json!(1), "2026-01-01", then)],
        ..ChangeSet::default()
    };
    store.commit(&later).await.expect("it goes on");
    let check = store.check_records().await.expect("checked");
    assert_eq!((check.journal.faults, check.faults), (vec![], vec![]));
}

/// A new program takes its steps while the one before goes on reading.
#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_while_others_read() {
    let Some(server) = installed() else { return };
    let old = Arc::new(server.store().await);
    let then = at("2026-01-05T01:00:00Z");
    old.load_register(then, [readers::chunk()].into_iter(), |_| {})
        .await
        .expect("loaded");
    // Back to the schema before seals, with rows from then.
    let pool = sqlx::PgPool::connect(&server.url())
        .await
        .expect("connected");
    for sql in [
        "DELETE FROM journal",
        "DELETE FROM journal_head",
        "DELETE FROM setting",
        "DELETE FROM schema_version WHERE version >= (SELECT version FROM schema_version WHERE name = 'journal_seal')",
        "ALTER TABLE journal DROP COLUMN seal",
        "ALTER TABLE session DROP COLUMN proof",
        "DROP TABLE IF EXISTS erasure, job, law_file, law_book",
        "DROP INDEX transfer_debited, transfer_credited",
        "CREATE INDEX transfer_by_debit ON transfer (shard, debit)",
        "CREATE INDEX transfer_by_credit ON transfer (shard, credit)",
    ] {
        sqlx::query(sql).execute(&pool).await.expect(sql);
    }
    pool.close().await;
    let (stop, reads) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let reader = {
        let (old, stop, reads) = (old.clone(), stop.clone(), reads.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let loaded = old.history(id("h")).await.expect("reading goes on");
                assert_eq!(loaded.expect("there").history.evidence.len(), 3);
                reads.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let url = server.url();
    let open = || Store::open(&url, crate::crypto());
    let (one, two) = (open().await.expect("opened"), open().await.expect("opened"));
    // Two new processes at once: each step is taken once.
    let (a, b) = tokio::join!(one.migrate(), two.migrate());
    assert!(a.expect("migrated") + b.expect("migrated") >= 2);
    let before = reads.load(Ordering::Relaxed);
    assert!(before > 0, "read meanwhile");
    stop.store(true, Ordering::Relaxed);
    reader.await.expect("no read failed");
    one.check_schema().await.expect("the schema fits");
    let check = two.check_records().await.expect("checked");
    assert_eq!((check.journal.faults, check.faults), (vec![], vec![]));
}

/// The documented way of copying: pg_dump while in use, pg_restore elsewhere, then every record checked.
#[tokio::test(flavor = "multi_thread")]
async fn copies_by_postgresqls_own_tools_hold_every_record() {
    let Some(server) = installed() else { return };
    let store = server.store().await;
    let then = at("2026-01-05T01:00:00Z");
    store
        .load_register(then, [readers::chunk()].into_iter(), |_| {})
        .await
        .expect("loaded");
    let Some(copy) = server.copied("copy").await else {
        eprintln!("pg_dump is not installed: not tested");
        return;
    };
    let (here, there) = (
        store.check_records().await.expect("checked"),
        copy.check_records().await.expect("checked"),
    );
    assert_eq!(there.faults, []);
    assert_eq!(here.rows, there.rows);
    assert_eq!(here.journal.ends, there.journal.ends);
}
