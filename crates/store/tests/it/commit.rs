//! Commits: whole, once, and refused when what they rest on changed.

use crate::{SHARD, at, family, id, lite, says};
use serde_json::json;
use store::{ChangeSet, Store, StoreError};

async fn story(store: &Store) {
    assert!(store.check_schema().await.expect("every statement fits") > 100);
    let then = at("2026-01-05T01:00:00Z");
    let opened = family("h", 2, "990101001", then);
    assert!(store.commit(&opened).await.expect("opened").written > 5);
    let again = store.commit(&opened).await.expect("the same again");
    assert_eq!(again.written, 0);

    let loaded = store.history(id("h")).await.expect("read").expect("there");
    assert_eq!(loaded.expected.version, 1);
    assert_eq!(loaded.history.identities.len(), 2);
    let mut memberships = opened.memberships.clone();
    memberships.sort_by_key(|m| m.id);
    assert_eq!(loaded.history.memberships, memberships);
    assert_eq!(loaded.history.residences, opened.residences);

    let wage = says(
        "wage",
        id("h-0"),
        "甲收入",
        json!(1200.5),
        "2026-01-01",
        then,
    );
    let change = ChangeSet {
        id: Some(id("request")),
        digest: "d1".into(),
        shard: SHARD.into(),
        at: then,
        expect: vec![loaded.expected.clone()],
        evidence: vec![wage.clone()],
        ..ChangeSet::default()
    };
    assert!(!store.commit(&change).await.expect("recorded").repeated);
    assert!(store.commit(&change).await.expect("answered").repeated);
    let other = ChangeSet {
        digest: "d2".into(),
        ..change.clone()
    };
    assert!(matches!(
        store.commit(&other).await,
        Err(StoreError::Different { .. })
    ));

    // Decided on version 1, which is gone.
    let late = ChangeSet {
        id: None,
        ..change.clone()
    };
    let error = store.commit(&late).await.expect_err("a conflict");
    assert!(error.is_conflict(), "{error}");

    // The same id with other content.
    let mut edited = wage.clone();
    edited.value = json!(1);
    let edit = ChangeSet {
        shard: SHARD.into(),
        evidence: vec![edited],
        ..ChangeSet::default()
    };
    assert!(matches!(
        store.commit(&edit).await,
        Err(StoreError::Different {
            table: "evidence",
            column: "value",
            ..
        })
    ));
    let loaded = store.history(id("h")).await.expect("read").expect("there");
    assert_eq!(loaded.history.evidence, vec![wage]);
    assert_eq!(loaded.expected.version, 2);
}

#[tokio::test]
async fn commits_are_whole_and_once_on_sqlite() {
    story(&lite().await.store).await;
}

#[tokio::test]
async fn commits_are_whole_and_once_on_postgresql() {
    let Some(server) = crate::pg::Server::start() else {
        eprintln!("PostgreSQL is not installed: not tested");
        return;
    };
    let store = server.store().await;
    assert_eq!(store.migrate().await.expect("again"), 0);
    story(&store).await;
}

/// Every statement is in the list that `check_schema` prepares.
#[test]
fn no_statement_goes_unchecked() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let list = std::fs::read_to_string(folder.join("check.rs")).expect("read");
    let mut seen = 0;
    for file in std::fs::read_dir(&folder).expect("read").flatten() {
        let path = file.path();
        let module = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if ["migrations", "schema", "statistics"].contains(&module.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("read");
        for part in text.split("const ").skip(1) {
            let Some((name, rest)) = part.split_once(": &str =") else {
                continue;
            };
            let sql = rest.trim_start().trim_start_matches('"');
            if ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"]
                .iter()
                .any(|verb| sql.starts_with(verb))
            {
                seen += 1;
                let entry = format!("\"{module}::{name}\"");
                assert!(list.contains(&entry), "{entry} is not in check.rs");
            }
        }
    }
    assert!(seen > 50, "{seen}");
}

/// A disk that fills: a clear error, nothing half-written, and it goes on when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_leaves_nothing_half_written() {
    let lite = lite().await;
    let path = lite.folder.path().join("data.db");
    let then = at("2026-01-05T01:00:00Z");
    let opened = family("h", 2, "990101001", then);
    lite.store.commit(&opened).await.expect("opened");
    lite.store.close().await;
    let file = rusqlite::Connection::open(&path).expect("opened");
    let pages: i64 = file
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .expect("read");
    drop(file);
    let bounded = format!("sqlite:{}?max_pages={}", path.display(), pages + 6);
    let store = Store::open(&bounded, crate::crypto())
        .await
        .expect("opened");
    let change = |n: usize| ChangeSet {
        id: Some(id(&format!("r{n}"))),
        shard: SHARD.into(),
        at: then,
        evidence: (0..4)
            .map(|i| {
                let text = json!("长".repeat(500));
                says(
                    &format!("e{n}-{i}"),
                    id("h-0"),
                    "甲",
                    text,
                    "2026-01-01",
                    then,
                )
            })
            .collect(),
        ..ChangeSet::default()
    };
    let mut recorded = 0;
    let error = loop {
        match store.commit(&change(recorded)).await {
            Ok(_) => recorded += 1,
            Err(error) => break error,
        }
        assert!(recorded < 100, "the bound holds nothing back");
    };
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    assert!(error.to_string().contains("make room"), "{error}");
    let loaded = store.history(id("h")).await.expect("read").expect("there");
    assert_eq!(loaded.history.evidence.len(), 4 * recorded);
    let check = store.check_records().await.expect("checked");
    assert_eq!((check.journal.faults, check.faults), (vec![], vec![]));
    store.close().await;

    let roomy = Store::open_file(&path, crate::crypto())
        .await
        .expect("opened");
    assert!(
        !roomy
            .commit(&change(recorded))
            .await
            .expect("recorded")
            .repeated
    );
    let check = roomy.check_records().await.expect("checked");
    assert_eq!((check.journal.faults, check.faults), (vec![], vec![]));
    assert!(
        Store::open("sqlite:x?max_pages=many", crate::crypto())
            .await
            .is_err()
    );
}
