//! Data that is kept and shown to be what it was, from outside: altered rows, anchors, backups.

use crate::cli::{copy, demo, look_ups, path, run_on, text, verified};
use std::fs;
use std::path::Path;

fn sql(data: &Path, statement: &str) {
    let file = rusqlite::Connection::open(data.join("minsheng.sqlite")).expect("opened");
    let changed = file.execute(statement, []).expect("altered");
    assert_eq!(changed, 1, "{statement}");
}

#[test]
fn altered_rows_are_named_by_verify() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("d");
    copy(&demo(), &data);
    verified(&data);
    for (statement, table, what) in [
        (
            "UPDATE evidence SET value = '1' WHERE id = (SELECT id FROM evidence ORDER BY id LIMIT 1)",
            "record evidence ",
            "it is not what was recorded",
        ),
        (
            "UPDATE transfer SET amount = amount + 1 WHERE id = (SELECT id FROM transfer ORDER BY id LIMIT 1)",
            "record transfer ",
            "it is not what was recorded",
        ),
        (
            "DELETE FROM determination WHERE id = (SELECT id FROM determination ORDER BY id DESC LIMIT 1)",
            "record determination ",
            "it was recorded and is missing",
        ),
        (
            "INSERT INTO setting (name, value) VALUES ('x', 'y')",
            "record setting x",
            "nothing in the journal says that it was recorded",
        ),
    ] {
        sql(&data, statement);
        let found = run_on(&data, &["verify"]).exits(1);
        assert!(
            found
                .out
                .lines()
                .any(|l| l.starts_with(table) && l.contains(what)),
            "{statement}: {}",
            found.out
        );
    }
}

#[test]
fn the_journal_passes_through_its_anchors_or_is_caught() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, asked) = (dir.path().join("d"), look_ups());
    copy(&demo(), &data);
    let anchors = dir.path().join("anchors");
    let anchor = ["anchor", "--json", "--out", path(&anchors)];
    let first = run_on(&data, &anchor).exits(0).json();
    assert!(first["lines"].as_u64().is_some_and(|n| n > 0), "{first}");
    let backup = dir.path().join("backup.sqlite");
    run_on(&data, &["backup", "--out", path(&backup)]).exits(0);
    let again = run_on(&data, &["backup", "--out", path(&backup)]).exits(2);
    assert!(again.err.contains("not overwritten"), "{}", again.err);

    // A month more, and an anchor behind it.
    let programme = text(&asked["programme"]);
    let determine = [
        "determine",
        "--all",
        "--programme",
        programme,
        "--month",
        "2026-03",
    ];
    run_on(&data, &determine).exits(0);
    let second = run_on(&data, &anchor).exits(0).json();
    assert!(second["lines"].as_u64() > first["lines"].as_u64());
    let verify = ["verify", "--anchor", path(&anchors)];
    let passed = run_on(&data, &verify).exits(0);
    assert!(
        passed.out.contains("2 anchors: 0 findings"),
        "{}",
        passed.out
    );

    // The old backup put in place: whole in itself, and caught.
    let restored = dir.path().join("r");
    let no_key = run_on(&restored, &["restore", path(&backup)]).exits(2);
    assert!(no_key.err.contains("--key"), "{}", no_key.err);
    let key = data.join("key");
    let restore = ["restore", path(&backup), "--key", path(&key)];
    let made = run_on(&restored, &restore).exits(0);
    assert!(made.out.contains(" 0 findings"), "{}", made.out);
    verified(&restored);
    let caught = run_on(&restored, &verify).exits(1);
    assert!(
        caught.out.contains("an old backup stands in their place"),
        "{}",
        caught.out
    );
    let refused = run_on(&restored, &anchor).exits(2);
    assert!(
        refused.err.contains("nothing was anchored"),
        "{}",
        refused.err
    );
    // Going on from the old backup is caught too.
    run_on(&restored, &determine).exits(0);
    run_on(&restored, &verify).exits(1);

    // Over data that is there only when told to; what was there stays.
    run_on(&data, &["restore", path(&backup)]).exits(2);
    let made = run_on(&data, &["restore", path(&backup), "--replace"]).exits(0);
    assert!(made.out.contains("what was there is now"), "{}", made.out);
    verified(&data);

    // Another key, and half a file.
    let other = dir.path().join("o");
    copy(&demo(), &other);
    fs::remove_file(other.join("minsheng.sqlite")).expect("removed");
    fs::remove_file(other.join("key")).expect("removed");
    run_on(
        &other,
        &[
            "demo",
            "--households",
            "50",
            "--no-serve",
            "--months",
            "2026-01..2026-01",
        ],
    )
    .exits(0);
    let wrong = run_on(&other, &["restore", path(&backup), "--replace"]).exits(2);
    assert!(wrong.err.contains("key"), "{}", wrong.err);
    verified(&other);
    let half = dir.path().join("half");
    let bytes = fs::read(&backup).expect("read");
    fs::write(&half, &bytes[..bytes.len() / 2]).expect("written");
    run_on(&restored, &["restore", path(&half), "--replace"]).exits(2);

    // A file of anchors that somebody shortened or altered.
    let text = fs::read_to_string(&anchors).expect("read");
    let altered = dir.path().join("altered");
    fs::write(&altered, text.replacen("\"lines\":", "\"lines\":1", 1)).expect("written");
    let found = run_on(&data, &["verify", "--anchor", path(&altered)]).exits(1);
    assert!(found.out.contains("does not follow"), "{}", found.out);
}

#[test]
fn the_night_ends_with_a_line_in_the_auditors_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("d");
    copy(&demo(), &data);
    let anchors = dir.path().join("anchors");
    let night = |day: &str| run_on(&data, &["night", "--date", day, "--anchor", path(&anchors)]);
    let first = night("2026-03-01").exits(0);
    assert!(first.out.contains("anchored at"), "{}", first.out);
    night("2026-03-02").exits(0);
    run_on(&data, &["verify", "--anchor", path(&anchors)]).exits(0);
    // A file that somebody altered is no place to write on: the night says so, and writes nothing.
    let text = fs::read_to_string(&anchors).expect("read");
    assert_eq!(text.lines().count(), 2);
    let altered = text.replacen("\"lines\":", "\"lines\":1", 1);
    fs::write(&anchors, &altered).expect("written");
    let found = night("2026-03-03").exits(1);
    assert!(found.out.contains("nothing was anchored"), "{}", found.out);
    assert_eq!(fs::read_to_string(&anchors).expect("read"), altered);
    verified(&data);
}

#[test]
fn a_backup_is_made_while_others_write() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, asked) = (dir.path().join("d"), look_ups());
    copy(&demo(), &data);
    let programme = text(&asked["programme"]);
    let args = [
        "determine",
        "--all",
        "--programme",
        programme,
        "--month",
        "2026-03",
    ];
    let mut writer = crate::cli::program()
        .args(args)
        .arg("--data")
        .arg(&data)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let mut made = 0;
    while writer.try_wait().expect("asked").is_none() && made < 5 {
        let out = dir.path().join(format!("{made}.sqlite"));
        run_on(&data, &["backup", "--out", path(&out)]).exits(0);
        made += 1;
    }
    assert!(writer.wait().expect("it ends").success());
    verified(&data);
    assert!(made > 0);
    let restored = dir.path().join("r");
    let (key, last) = (data.join("key"), dir.path().join("0.sqlite"));
    run_on(&restored, &["restore", path(&last), "--key", path(&key)]).exits(0);
    // From the copy everything goes on to the same end.
    run_on(&restored, &args).exits(0);
    assert_eq!(verified(&restored)[2], verified(&data)[2]);
}

#[test]
fn somebody_is_erased_when_nothing_is_open_and_not_before() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, asked) = (dir.path().join("d"), look_ups());
    copy(&demo(), &data);
    let person_in = |outcome: &str| -> String {
        let file = rusqlite::Connection::open(data.join("minsheng.sqlite")).expect("opened");
        let sql = "SELECT m.person FROM determination d JOIN membership m ON m.household = d.subject \
             WHERE d.programme = ?1 AND d.outcome = ?2 AND NOT EXISTS (SELECT 1 FROM award a WHERE a.subject IN (m.person, m.household)) = ?3 \
             AND NOT EXISTS (SELECT 1 FROM case_file c WHERE c.subject IN (m.person, m.household) AND c.closed_at IS NULL) = ?3 \
             ORDER BY m.person LIMIT 1";
        let programme = text(&asked["programme"]);
        let free = outcome == "refused";
        let found: Vec<u8> = file
            .query_row(sql, rusqlite::params![programme, outcome, free], |row| {
                row.get(0)
            })
            .expect("somebody");
        base::Id::from_slice(&found).expect("an id").to_string()
    };
    let erase = |person: &str, more: &[&str]| {
        let args = ["erase", "--person", person, "--reason", "PIPL 47"];
        run_on(&data, &[&args[..], more].concat())
    };
    let free = person_in("refused");
    let done = erase(&free, &["--json"]).exits(0).json();
    assert_eq!(done["rows"]["identity"], 1, "{done}");
    let ran = run_on(&data, &["verify"]).exits(0);
    assert!(!ran.out.contains("(0 erased)"), "{}", ran.out);
    // A month more for everybody leaves them alone, and nothing is unexplained.
    let programme = text(&asked["programme"]);
    run_on(
        &data,
        &[
            "determine",
            "--all",
            "--programme",
            programme,
            "--month",
            "2026-02",
        ],
    )
    .exits(0);
    verified(&data);
    erase("00000000-0000-7000-8000-000000000000", &[]).exits(2);
    run_on(&data, &["erase", "--person", &free, "--reason", " "]).exits(2);
    run_on(&data, &["erase", "--expired"]).exits(0);
    let open = {
        let file = rusqlite::Connection::open(data.join("minsheng.sqlite")).expect("opened");
        let sql = "SELECT m.person FROM award a JOIN membership m ON m.household = a.subject WHERE a.to_month IS NULL LIMIT 1";
        let found: Vec<u8> = file.query_row(sql, [], |row| row.get(0)).expect("somebody");
        base::Id::from_slice(&found).expect("an id").to_string()
    };
    let refused = erase(&open, &[]).exits(2);
    assert!(refused.err.contains("nothing is erased"), "{}", refused.err);
}

#[test]
fn workers_share_the_queue_and_take_over_from_one_that_is_killed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (whole, data, asked) = (dir.path().join("w"), dir.path().join("d"), look_ups());
    copy(&demo(), &whole);
    copy(&demo(), &data);
    let programme = text(&asked["programme"]);
    for month in ["2026-03", "2026-04"] {
        run_on(
            &whole,
            &[
                "determine",
                "--all",
                "--programme",
                programme,
                "--month",
                month,
            ],
        )
        .exits(0);
    }
    let wanted = verified(&whole);
    let queue = [
        "work",
        "--determine",
        "2026-03..2026-04",
        "--programme",
        programme,
    ];
    run_on(&data, &queue).exits(0);
    let worker = |name: &str| {
        crate::cli::program()
            .args(["work", "--lease", "2", "--name", name, "--data"])
            .arg(&data)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts")
    };
    let mut killed = worker("one");
    std::thread::sleep(std::time::Duration::from_millis(400));
    let _ = killed.kill();
    killed.wait().expect("it ends");
    let mut others = [worker("two"), worker("three")];
    for other in &mut others {
        assert!(other.wait().expect("it ends").success());
    }
    let ran = run_on(&data, &["work", "--json"]).exits(0).json();
    assert_eq!(ran["done"], 0, "nothing is left: {ran}");
    assert_eq!(verified(&data)[..3], wanted[..3]);
}
