//! The newcomer's guides do what they say: every file in them is written, every command run, in order, in
//! an empty folder; what stands under a command must be printed by it.

use std::fs;
use std::path::Path;
use std::process::Command;

enum Step {
    File { path: String, text: String },
    Commands(Vec<String>),
    Printed(Vec<String>),
}

/// A fence after a line that is only a name in backticks is that file; `sh` fences are commands; a fence
/// without a language after one is what it prints.
fn steps(guide: &str) -> Vec<Step> {
    let mut out = Vec::new();
    let mut name = None;
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(lang) = line.strip_prefix("```") {
            let lang = lang.trim_start_matches('`');
            let marks = &line[..line.len() - lang.len()];
            let body: Vec<String> = lines
                .by_ref()
                .take_while(|l| *l != marks)
                .map(String::from)
                .collect();
            out.push(match (name.take(), lang) {
                (Some(path), _) => Step::File {
                    path,
                    text: body.join("\n") + "\n",
                },
                (None, "sh") => Step::Commands(body),
                (None, "") => Step::Printed(body),
                (None, other) => panic!("a fence `{other}` that is neither file nor command"),
            });
        } else if !line.is_empty() {
            let alone = line.strip_prefix('`').and_then(|l| l.strip_suffix('`'));
            name = alone.filter(|l| !l.contains('`')).map(String::from);
        }
    }
    out
}

/// Words of a command line, quotes taken off.
fn words(line: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => out.push(String::new()),
            c => out.last_mut().expect("one at least").push(c),
        }
    }
    out
}

fn follow(guide: &str) -> (usize, usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(guide);
    let text = fs::read_to_string(path).expect("the guide");
    let dir = tempfile::tempdir().expect("a folder");
    let (mut files, mut commands, mut printed) = (0, 0, String::new());
    for step in steps(&text) {
        match step {
            Step::File { path, text } => {
                files += 1;
                let path = dir.path().join(path);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, text).expect("written");
            }
            Step::Commands(lines) => {
                printed.clear();
                for line in lines {
                    commands += 1;
                    let words = words(&line);
                    assert_eq!(words[0], "minsheng", "{line}");
                    let output = Command::new(env!("CARGO_BIN_EXE_minsheng"))
                        .args(&words[1..])
                        .current_dir(dir.path())
                        .env_remove("MINSHENG_DATA")
                        .env_remove("MINSHENG_DATABASE")
                        .env_remove("MINSHENG_LAW")
                        .output()
                        .expect("it runs");
                    let out = String::from_utf8_lossy(&output.stdout);
                    let err = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{guide}: {line}\n{out}\n{err}");
                    printed.push_str(&out);
                }
            }
            Step::Printed(lines) => {
                for line in lines {
                    assert!(
                        printed.contains(&line),
                        "{guide}: no line `{line}` in\n{printed}"
                    );
                }
            }
        }
    }
    (files, commands)
}

#[test]
fn the_english_guide_does_what_it_says() {
    assert_eq!(follow("first-programme.md"), (7, 12));
}

#[test]
fn the_chinese_guide_does_what_it_says() {
    assert_eq!(follow("first-programme.zh.md"), (7, 12));
}
