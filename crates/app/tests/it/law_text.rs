//! Law files as text: `law fmt`, `law new`, `law reference`, `law check` in both languages and while one
//! writes; and a reader who goes away.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minsheng"));
    for name in ["MINSHENG_LAW", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

#[track_caller]
fn ran(args: &[&str], code: i32) -> (String, String) {
    of(program().args(args).output().expect("it runs"), code)
}

#[track_caller]
fn of(output: Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn a_new_law_checks_and_is_laid_out() {
    let dir = tempfile::tempdir().expect("a folder");
    let law = dir.path().join("law");
    let law = path(&law);
    ran(
        &["law", "new", law, "--place", "AB", "--name", "Anyland"],
        0,
    );
    let (out, _) = ran(&["law", "check", law], 0);
    assert!(out.contains("1 programmes"), "{out}");
    let (out, _) = ran(&["law", "test", law], 0);
    assert_eq!(out, "2 passed, 0 failed\n");
    assert_eq!(ran(&["law", "fmt", law, "--check"], 0).0, "");
    let (out, _) = ran(&["law", "list", law], 0);
    assert!(out.contains("AB"), "{out}");
    // Nothing that is there is overwritten.
    let (_, err) = ran(&["law", "new", law], 2);
    assert!(err.contains("is there already"), "{err}");
    ran(&["law", "new", &format!("{law}2"), "--name", "a,b"], 2);
}

#[test]
fn layout_is_checked_then_mended() {
    let dir = tempfile::tempdir().expect("a folder");
    let law = path(dir.path());
    ran(&["law", "new", law], 0);
    let file = dir.path().join("grant.md");
    let tidy = fs::read_to_string(&file).expect("the file");
    let untidy = tidy
        .replace("| value |", "|value|")
        .replace("income < ", "income   <  ");
    assert_ne!(tidy, untidy);
    fs::write(&file, &untidy).expect("written");
    let (out, err) = ran(&["law", "fmt", law, "--check"], 1);
    assert!(
        out.ends_with("grant.md\n") && err.contains("1 of 4 files"),
        "{out}{err}"
    );
    assert_eq!(fs::read_to_string(&file).expect("the file"), untidy);
    ran(&["law", "fmt", law], 0);
    assert_eq!(fs::read_to_string(&file).expect("the file"), tidy);
    // One file alone, as an editor would.
    fs::write(&file, &untidy).expect("written");
    ran(&["law", "fmt", path(&file)], 0);
    assert_eq!(fs::read_to_string(&file).expect("the file"), tidy);
    ran(&["law", "fmt", path(&dir.path().join("nowhere"))], 2);
}

#[test]
fn messages_are_in_the_language_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let law = path(dir.path());
    ran(&["law", "new", law], 0);
    let file = dir.path().join("grant.md");
    let text = fs::read_to_string(&file).expect("the file");
    fs::write(
        &file,
        text.replace("members[living].wage", "members[living].wages"),
    )
    .expect("written");
    let (zh, _) = ran(&["law", "check", law, "--lang", "zh"], 1);
    let (en, _) = ran(&["law", "check", law, "--lang", "en"], 1);
    let (both, _) = ran(&["law", "check", law], 1);
    assert!(
        zh.contains("错误[unknown-field]") && zh.contains("1 处错误"),
        "{zh}"
    );
    assert!(!zh.contains("errors"), "{zh}");
    assert!(
        en.contains("error[unknown-field]") && en.contains("1 errors"),
        "{en}"
    );
    assert!(!en.contains("处错误") && !en.contains("错误["), "{en}");
    assert!(
        both.contains("1 处错误") && both.contains("1 errors"),
        "{both}"
    );
    for (locale, expected) in [
        ("zh_CN.UTF-8", &zh),
        ("en_GB.UTF-8", &en),
        ("C.UTF-8", &both),
    ] {
        let output = program()
            .args(["law", "check", law])
            .env("LANG", locale)
            .output();
        assert_eq!(of(output.expect("it runs"), 1).0, *expected, "{locale}");
    }
    ran(&["law", "check", law, "--lang", "fr"], 2);
}

#[test]
fn a_watch_checks_again_when_a_file_changes() {
    let dir = tempfile::tempdir().expect("a folder");
    ran(&["law", "new", path(dir.path())], 0);
    let mut child = program()
        .args(["law", "check", path(dir.path()), "--watch", "--lang", "en"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    assert!(next().ends_with(": fine"));
    let file = dir.path().join("grant.md");
    let text = fs::read_to_string(&file).expect("the file");
    fs::write(&file, text.replace("income limit * persons\n", "limits\n")).expect("written");
    assert_eq!(next(), "—— grant.md");
    let mut report = String::new();
    while !report.contains(" errors, ") {
        report.push_str(&next());
    }
    assert!(report.contains("error[unknown-name]"), "{report}");
    fs::write(&file, text).expect("written");
    assert_eq!(next(), "—— grant.md");
    assert!(next().ends_with(": fine"));
    child.kill().expect("stopped");
    child.wait().expect("gone");
}

#[test]
fn the_reference_is_printed() {
    let (out, _) = ran(&["law", "reference"], 0);
    assert!(out.starts_with("# FEEL reference\n") && out.contains("\n## floor\n"));
}

/// `minsheng … | head -1`: quiet, with the status that the command has anyway.
#[test]
fn a_reader_may_go_away() {
    let law = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../law");
    for args in [
        &["law", "list", "--all"][..],
        &["law", "reference"],
        &["law", "list", path(&law)],
    ] {
        let mut child = program()
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let status = child.wait().expect("it ends");
        let mut err = String::new();
        let mut stderr = child.stderr.take().expect("errors");
        stderr.read_to_string(&mut err).expect("text");
        assert_eq!((status.code(), err.as_str()), (Some(0), ""), "{args:?}");
    }
}
