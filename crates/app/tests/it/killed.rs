//! Processes ended from outside (`kill -9`) at random points of every command that writes: the command is run again,
//! everything is checked, and the bank's files are what the books say.

use crate::cli::{copy, demo, look_ups, number, path, program, run_on, text, verified};
use base::Fen;
use ledger::bank::{self, Rates};
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How often each command is ended on its way.
const TIMES: u32 = 2;

/// Runs a command whole, and gives how long it took.
fn whole(data: &Path, command: &[&str]) -> Duration {
    let begun = Instant::now();
    run_on(data, command).exits(0);
    begun.elapsed()
}

/// Starts a command and ends it after some part of the time that it takes; true when it was ended on its way.
fn killed(data: &Path, command: &[&str], takes: Duration, draw: &mut impl Rng) -> bool {
    let mut child = program()
        .args(command)
        .arg("--data")
        .arg(data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    std::thread::sleep(takes.mul_f64(draw.random_range(0.2..0.95)));
    let on_its_way = child.try_wait().expect("asked").is_none();
    // On Unix this is SIGKILL: nothing is cleaned up.
    let _ = child.kill();
    child.wait().expect("it ends");
    on_its_way
}

/// Instruction files in a folder, and no half of one.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.retain(|f| f.to_string_lossy().ends_with(".pain001.xml"));
    found.sort();
    found
}

/// A register of three hundred households.
fn register(area: &str) -> String {
    let mut text = String::from("户编号,姓名,身份证号码,与户主关系,社区代码,起始日期\n");
    for n in 0..600 {
        let relation = if n % 2 == 0 { "户主" } else { "其他" };
        let number = number(&format!("19{:02}0101", 40 + n % 50), n);
        text += &format!("H{},人{n},{number},{relation},{area},2020-01-01\n", n / 2);
    }
    text
}

/// What instruction files pay, line by line.
fn instructed(data: &Path) -> BTreeMap<String, Fen> {
    let mut lines = BTreeMap::new();
    for file in files(&data.join("payments")) {
        let text = fs::read(&file).expect("read");
        let read = ledger::iso::read(text.as_slice(), ledger::iso::Limits::default());
        let Ok(ledger::iso::Message::Instruction(instruction)) = read else {
            panic!("{} is no instruction", file.display());
        };
        for line in instruction.lines {
            let before = lines.insert(line.end_to_end.clone(), line.amount);
            assert_eq!(before, None, "line {} stands twice", line.end_to_end);
        }
    }
    lines
}

/// What the books instructed, line by line.
fn booked(data: &Path) -> BTreeMap<String, Fen> {
    let file = rusqlite::Connection::open(data.join("minsheng.sqlite")).expect("opened");
    let sql = "SELECT id, amount FROM payment";
    let mut asked = file.prepare(sql).expect("a statement");
    let rows = asked.query_map([], |row| {
        let id: Vec<u8> = row.get(0)?;
        let fen: i64 = row.get(1)?;
        Ok((id, Fen(fen)))
    });
    rows.expect("rows")
        .map(|row| row.expect("a row"))
        .map(|(id, fen)| (id.iter().map(|b| format!("{b:02x}")).collect(), fen))
        .collect()
}

#[test]
fn what_is_killed_is_finished_by_running_it_again() {
    let (dir, asked) = (tempfile::tempdir().expect("a folder"), look_ups());
    let (reference, data) = (dir.path().join("whole"), dir.path().join("killed"));
    copy(&demo(), &reference);
    copy(&demo(), &data);
    let mut draw = rand_chacha::ChaCha8Rng::seed_from_u64(9);
    let programme = text(&asked["programme"]);
    let march = ["--programme", programme, "--month", "2026-03"];
    let determine = [&["determine", "--all"], &march[..]].concat();
    let pay = [&["pay"], &march[..]].concat();
    let night = ["night", "--date", "2026-03-31"];
    let import = dir.path().join("register.csv");
    fs::write(&import, register(text(&asked["area"]))).expect("written");
    let import = ["import", path(&import)];
    let mut ended = 0;
    let mut both = |command: &[&str]| {
        let takes = whole(&reference, command);
        for _ in 0..TIMES {
            ended += u32::from(killed(&data, command, takes, &mut draw));
        }
        run_on(&data, command).exits(0);
        // Done once is done: again it changes nothing.
        run_on(&data, command).exits(0);
    };
    both(&import);
    both(&determine);
    both(&pay);
    let answers = dir.path().join("answers");
    fs::create_dir_all(&answers).expect("a folder");
    let mut reconcile: Vec<String> = vec!["reconcile".into()];
    for (n, file) in files(&reference.join("payments").join(programme).join("2026-03"))
        .iter()
        .enumerate()
    {
        let text = fs::read(file).expect("read");
        let rates = Rates {
            rejected: 100,
            returned: 100,
            ..Rates::default()
        };
        let answer = bank::answer(text.as_slice(), 5, rates).expect("an answer");
        for (kind, text) in [
            ("pain002", answer.status_report),
            ("camt053", answer.statement),
        ] {
            let file = answers.join(format!("{n}.{kind}.xml"));
            fs::write(&file, text).expect("written");
            reconcile.push(path(&file).into());
        }
    }
    assert!(reconcile.len() > 2, "nothing was instructed");
    let reconcile: Vec<&str> = reconcile.iter().map(String::as_str).collect();
    both(&reconcile);
    both(&night);
    assert!(ended > TIMES, "only {ended} were ended on their way");
    // Everything as in the office that nobody touched, and the bank's files as the books have them.
    assert_eq!(verified(&data)[..3], verified(&reference)[..3]);
    for folder in [&reference, &data] {
        let lines = instructed(folder);
        assert!(!lines.is_empty());
        assert_eq!(lines, booked(folder));
    }
    let total = |folder| instructed(folder).into_values().sum::<Fen>();
    assert_eq!(total(&data), total(&reference));
}
