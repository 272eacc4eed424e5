//! The command line from outside: the built program on folders of its own.

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Names and figures of the shipped law that the tests ask for: data, not code.
pub(crate) fn look_ups() -> Value {
    let text = fs::read_to_string(root().join("tests/corpus/cli/look-ups.json")).expect("look-ups");
    serde_json::from_str(&text).expect("JSON")
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minsheng"));
    for name in ["MINSHENG_DATA", "MINSHENG_DATABASE", "MINSHENG_LAW"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

pub(crate) fn run(args: &[&str]) -> Ran {
    Ran::of(program().args(args).output().expect("it runs"))
}

pub(crate) fn run_on(data: &Path, args: &[&str]) -> Ran {
    let output = program().args(args).arg("--data").arg(data).output();
    Ran::of(output.expect("it runs"))
}

pub(crate) fn run_with(input: &str, args: &[&str]) -> Ran {
    let mut child = program()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut sink = child.stdin.take().expect("standard input");
    sink.write_all(input.as_bytes()).expect("it reads");
    drop(sink);
    Ran::of(child.wait_with_output().expect("it ends"))
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A small district, made once for a build of the program, to be copied.
pub(crate) fn demo() -> PathBuf {
    let program = fs::metadata(env!("CARGO_BIN_EXE_minsheng")).expect("the program");
    let built = program
        .modified()
        .expect("a time")
        .duration_since(std::time::UNIX_EPOCH);
    let stamp = built.expect("after 1970").as_nanos();
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Test processes run side by side: one of them makes it.
    let lock = fs::File::create(tmp.join("demo.lock")).expect("a lock");
    lock.lock().expect("the lock");
    let made = tmp.join(format!("demo-{stamp}"));
    if !made.exists() {
        for old in fs::read_dir(tmp).expect("the folder").flatten() {
            if old.file_name().to_string_lossy().starts_with("demo-") {
                fs::remove_dir_all(old.path()).expect("removed");
            }
        }
        let part = tmp.join("demo-part");
        let args = [
            "demo",
            "--households",
            "200",
            "--months",
            "2026-01..2026-02",
            "--no-serve",
            "--seed",
            "3",
        ];
        run_on(&part, &args).exits(0);
        fs::rename(&part, &made).expect("renamed");
    }
    made
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

/// The figures of `verify`'s one line: transfers, payments, determinations, …; it must find nothing.
#[track_caller]
pub(crate) fn verified(data: &Path) -> Vec<u64> {
    let ran = run_on(data, &["verify"]).exits(0);
    let line = ran.out.lines().last().unwrap_or_default();
    assert!(
        line.starts_with("verify: ") && line.ends_with(": 0 findings"),
        "{}",
        ran.out
    );
    line.split(|c: char| !c.is_ascii_digit())
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[test]
fn bad_arguments_say_what_to_do() {
    let dir = tempfile::tempdir().expect("a folder");
    let nowhere = dir.path().join("nowhere");
    run(&["no-such-command"]).exits(2);
    run(&["determine", "--programme", "x"]).exits(2);
    let ran = run_on(&nowhere, &["verify"]).exits(2);
    assert!(ran.err.contains("minsheng demo"), "{}", ran.err);
    assert!(!nowhere.exists(), "a question makes no folder");
    let ran = run_on(&nowhere, &["import", path(&dir.path().join("none.csv"))]).exits(2);
    assert!(ran.err.contains("none.csv"), "{}", ran.err);
    let ran = run(&["workdays", "2024-13-01", "3"]).exits(2);
    assert!(ran.err.contains("2024-13-01"), "{}", ran.err);
    let ran = run(&["law", "check", path(&nowhere)]).exits(2);
    assert!(ran.err.contains("nowhere"), "{}", ran.err);
    let ran = run(&["import", "--template", "@decision"]).exits(2);
    assert!(ran.err.contains("@decision"), "{}", ran.err);

    let data = dir.path().join("d");
    copy(&demo(), &data);
    let ran = run_on(
        &data,
        &["pay", "--programme", "no-such", "--month", "2026-01"],
    )
    .exits(2);
    assert!(ran.err.contains("law list"), "{}", ran.err);
    let asked = look_ups();
    let programme = text(&asked["programme"]);
    let all = ["determine", "--programme", programme, "--month", "2026-01"];
    let ran = run_on(&data, &all).exits(2);
    assert!(ran.err.contains("--all"), "{}", ran.err);
    let parquet = [&all[..], &["--all", "--format", "parquet"]].concat();
    let ran = run_on(&data, &parquet).exits(2);
    assert!(ran.err.contains("--out"), "{}", ran.err);
}

#[test]
fn law_is_checked_tested_listed_and_asked() {
    run(&["law", "check"]).exits(0);
    let ran = run(&["law", "test", "--json"]).exits(0);
    assert!(ran.json().as_array().expect("a list").len() > 50);

    let dir = tempfile::tempdir().expect("a folder");
    fs::write(
        dir.path().join("places.csv"),
        "code,name,name_en,parent\nX,某地,Somewhere,\n",
    )
    .expect("written");
    let law = "---\nnumber: 甲\ntitle: 甲\ntitle_en: A\nplace: X\nfrom: 2026-01-01\nstatus: confirmed\nsource: s\n---\n# 甲\n\n\
               ## 第一条 一 · One\n\n```feel 乙 : 数\n1 + 丙\n```\n";
    fs::write(dir.path().join("a.md"), law).expect("written");
    let ran = run(&["law", "check", path(dir.path())]).exits(1);
    assert!(ran.out.contains("a.md:15:5"), "{}", ran.out);
    let ran = run(&["law", "check", "--json", path(dir.path())]).exits(1);
    let finding = &ran.json()["findings"][0];
    assert_eq!(
        (&finding["line"], &finding["column"]),
        (&15.into(), &5.into())
    );

    let listed = run(&["law", "list", "--json"]).exits(0).json();
    let programmes = listed.as_array().expect("an array of programmes");
    let asked = look_ups();
    assert!(programmes.iter().any(|p| p["id"] == asked["programme"]));
    assert!(
        programmes
            .iter()
            .all(|p| p["id"].is_string() && p["name"].is_string())
    );
    let whole = run(&["law", "list", "--all"]).exits(0).json();
    assert!(
        whole["rules"]
            .as_array()
            .is_some_and(|rules| rules.len() > 20)
    );

    let e = &asked["eval"];
    let args = [
        "law",
        "eval",
        "--place",
        text(&e["place"]),
        "--date",
        text(&e["date"]),
        "--decision",
        text(&e["decision"]),
        "--input",
        "-",
    ];
    let found = run_with(&e["input"].to_string(), &args).exits(0).json();
    for (name, value) in e["result"].as_object().expect("results") {
        assert_eq!(&found["result"][name], value, "{name}");
    }
    assert_eq!(found["reasons"][0]["article"], e["article"]);
    assert!(found["trace"].as_array().is_some_and(|t| !t.is_empty()));
    let ran = run_with("{\"某\": ", &args).exits(2);
    assert!(ran.err.contains("not JSON"), "{}", ran.err);

    let w = &asked["workdays"];
    let ran = run(&["workdays", text(&w["start"]), text(&w["days"])]).exits(0);
    assert_eq!(ran.out.trim(), text(&w["last"]));

    let d = &asked["diff"];
    let place = ["--place", text(&d["place"]), "--json"];
    let days = [
        &["law", "diff", text(&d["before"]), text(&d["after"])][..],
        &place,
    ]
    .concat();
    let changes = run(&days).exits(1).json();
    let changed = |what: &str| {
        let all = changes.as_array().expect("a list").iter();
        all.filter(|c| c["what"] == what)
            .map(|c| text(&c["name"]).to_string())
            .collect::<Vec<_>>()
    };
    assert!(changed("parameter").contains(&text(&d["parameter"]).to_string()));
    assert!(!changed("example").is_empty());
    let same = [
        &["law", "diff", text(&d["after"]), text(&d["after"])][..],
        &place,
    ]
    .concat();
    run(&same).exits(0);
}

#[test]
fn a_reform_is_checked_tested_compared_and_asked() {
    let asked = look_ups();
    let r = &asked["reform"];
    let reform = root().join(text(&r["file"]));
    let over = ["--reform", path(&reform)];
    let with = |args: &[&str]| run(&[&["law"], args, &over].concat());
    let ran = with(&["check", "--situations", "20", "--json"])
        .exits(0)
        .json();
    assert_eq!(ran["errors"], 0);
    assert!(
        ran["properties"]
            .as_array()
            .is_some_and(|p| !p.is_empty() && p.iter().all(|p| p["holds"] == true))
    );
    let tested = with(&["test", "--json"]).exits(0).json();
    assert!(!tested["changed"].as_array().expect("a list").is_empty());
    let ran = with(&["test"]).exits(0);
    assert!(ran.out.contains("→"), "{}", ran.out);
    let listed = with(&["list", "--all"]).exits(0).json();
    let instruments = listed["instruments"].as_array().expect("a list");
    assert!(instruments.iter().any(|i| i["number"] == r["name"]));

    // The law alone says one thing, the law with the reform another.
    let situation = r["given"].to_string();
    let mut args = vec!["law", "eval", "--input", "-", "--place", text(&r["place"])];
    args.extend([
        "--date",
        text(&r["date"]),
        "--decision",
        text(&r["decision"]),
    ]);
    let before = run_with(&situation, &args).exits(0).json();
    args.extend(over);
    let after = run_with(&situation, &args).exits(0).json();
    assert_eq!(
        (&before["result"], &after["result"]),
        (&r["before"], &r["after"])
    );

    let diff = with(&["diff", "--json"]).exits(1).json();
    let of = |what: &str| {
        let all = diff.as_array().expect("a list").iter();
        all.filter(|c| c["what"] == what).collect::<Vec<_>>()
    };
    assert!(of("parameter").iter().any(|c| c["name"] == r["parameter"]));
    assert!(
        of("rule")
            .iter()
            .all(|c| !c["before"].is_null() && !c["after"].is_null())
    );
    let outcomes = of("example");
    assert!(!outcomes.is_empty());
    for change in outcomes {
        assert!(
            !change["because"].as_array().expect("causes").is_empty(),
            "{change}"
        );
    }
    let ran = with(&["diff", "--lang", "en"]).exits(1);
    assert!(
        ran.out.contains("because") && ran.out.contains("row 1"),
        "{}",
        ran.out
    );

    // One that does not apply says where.
    let dir = tempfile::tempdir().expect("a folder");
    let wrong = dir.path().join("wrong.md");
    let head = "---\nreform: 甲\nfrom: 2026-01-01\n---\n## 一 改\n";
    fs::write(&wrong, format!("{head}```feel 无此规则 : 元\n1\n```\n")).expect("written");
    let ran = run(&["law", "check", "--reform", path(&wrong)]).exits(1);
    assert!(
        ran.out.contains("wrong.md:6:9: error[reform-no-rule]"),
        "{}",
        ran.out
    );
    let ran = run(&["law", "test", "--reform", path(&wrong)]).exits(2);
    assert!(ran.err.contains("wrong.md:6:9"), "{}", ran.err);
    let ran = run(&["law", "diff", "--reform", path(&dir.path().join("none.md"))]).exits(2);
    assert!(ran.err.contains("none.md"), "{}", ran.err);
}

#[test]
fn what_a_reform_costs_is_told_and_nothing_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    copy(&demo(), &data);
    let before = verified(&data);
    let asked = look_ups();
    let programme = text(&asked["programme"]);
    let out = dir.path().join("rows.json");
    let effect = |file: &str, more: &[&str]| {
        let reform = root().join(file);
        let mut args = vec!["determine", "--all", "--programme", programme];
        args.extend(["--month", text(&asked["reform"]["month"])]);
        args.extend(["--reform", path(&reform)]);
        args.extend(more);
        run_on(&data, &args).exits(0).json()
    };
    let nothing = effect(text(&asked["reform"]["nothing"]), &[]);
    assert!(nothing["subjects"].as_u64() > Some(100), "{nothing}");
    assert_eq!(nothing["before"], nothing["after"]);
    assert_eq!(
        (&nothing["winners"], &nothing["losers"]),
        (&0.into(), &0.into())
    );
    let found = effect(text(&asked["reform"]["file"]), &["--out", path(&out)]);
    assert!(found["winners"].as_u64() > Some(0), "{found}");
    assert_eq!(found["before"], nothing["before"]);
    let rows = fs::read_to_string(&out).expect("rows");
    let gains: i64 = rows
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["gain"]
                .as_i64()
                .expect("fen")
        })
        .sum();
    let money = |of: &str| found[of].as_i64().expect("fen");
    assert_eq!(gains, money("won") - money("lost"));
    let parquet = dir.path().join("rows.parquet");
    effect(
        text(&asked["reform"]["file"]),
        &["--format", "parquet", "--out", path(&parquet)],
    );
    assert!(fs::read(&parquet).expect("a file").starts_with(b"PAR1"));
    // `verify` itself notes in the journal that it looked: one line, one record.
    let mut wanted = before;
    wanted[5] += 1;
    wanted[6] += 1;
    assert_eq!(verified(&data), wanted, "something was written");
}

#[test]
fn a_property_that_fails_shows_a_situation_that_eval_takes() {
    let dir = tempfile::tempdir().expect("a folder");
    let law = "---\nnumber: 甲\ntitle: 甲\ntitle_en: A\nplace: X\nfrom: 2026-01-01\n---\n\
        ## 一 条\n@evidence 家庭\n| name | type | absent |\n| --- | --- | --- |\n| 存款 | 元 | missing |\n\n\
        ```feel 甲额 : 元\nif 存款 > 70 then 1 else 存款\n```\n\
        ```property more never lowers it\nof: 甲额\nraise: 存款\nthen: not fall\n```\n";
    fs::write(dir.path().join("a.md"), law).expect("written");
    fs::write(
        dir.path().join("places.csv"),
        "code,name,name_en,parent\nX,甲地,A,\n",
    )
    .expect("written");
    run(&["law", "check", path(dir.path()), "--situations", "0"]).exits(0);
    let ran = run(&["law", "check", path(dir.path()), "--json"])
        .exits(1)
        .json();
    let counter = &ran["findings"][0]["counter"];
    let value = |raise: i64| {
        let mut given = counter["given"].clone();
        given["存款"] = (given["存款"].as_i64().expect("whole") + raise).into();
        let args = [
            "law",
            "eval",
            "--law",
            path(dir.path()),
            "--input",
            "-",
            "--place",
            text(&counter["place"]),
            "--date",
            text(&counter["date"]),
            "--decision",
            text(&counter["decision"]),
        ];
        run_with(&given.to_string(), &args).exits(0).json()["result"].as_i64()
    };
    assert!(value(1) < value(0), "{counter}");
}

#[test]
fn models_are_evaluated_and_pass_through_both_forms() {
    let model = root().join("tests/corpus/cli/traffic.dmn");
    let eval = |model: &Path, input: &str| {
        run_with(
            input,
            &[
                "dmn",
                "eval",
                path(model),
                "--decision",
                "Fine",
                "--input",
                "-",
            ],
        )
    };
    let fine = |input: &str| eval(&model, input).exits(0).json()["result"].clone();
    assert_eq!(fine("{\"Speed\": 90, \"Limit\": 100}"), 0);
    assert_eq!(fine("{\"Speed\": 120, \"Limit\": 100}"), 50);
    assert_eq!(fine("{\"Speed\": 130, \"Limit\": 100}"), 300);
    let ran = eval(&model, "{\"Speed\": \"fast\"}").exits(2);
    assert!(ran.err.contains("Speed"), "{}", ran.err);
    let ran = run_with(
        "{}",
        &[
            "dmn",
            "eval",
            path(&model),
            "--decision",
            "Nix",
            "--input",
            "-",
        ],
    )
    .exits(2);
    assert!(ran.err.contains("Fine"), "{}", ran.err);

    // To a law file that checks, and back to a model that says the same.
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(
        dir.path().join("places.csv"),
        "code,name,name_en,parent\nX,某地,Somewhere,\n",
    )
    .expect("written");
    let law = dir.path().join("speeding.md");
    let import = [
        "dmn",
        "import",
        path(&model),
        "--out",
        path(&law),
        "--place",
        "X",
        "--from",
        "2026-01-01",
    ];
    run(&import).exits(0);
    let ran = run(&["law", "check", path(dir.path())]).exits(0);
    assert!(ran.out.contains("1 rules"), "{}", ran.out);
    let back = dir.path().join("back.dmn");
    run(&["dmn", "export", path(&law), "--out", path(&back)]).exits(0);
    let ran = eval(&back, "{\"Speed\": 130, \"Limit\": 100}").exits(0);
    assert_eq!(ran.json()["result"], 300);
    run(&["dmn", "tck", path(dir.path())]).exits(2);
}

/// An identity number with its check character.
pub(crate) fn number(birth: &str, n: u32) -> String {
    let body = format!("110101{birth}{n:03}");
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body
        .bytes()
        .zip(weights)
        .map(|(b, w)| u32::from(b - b'0') * w)
        .sum();
    format!("{body}{}", char::from(b"10X98765432"[(sum % 11) as usize]))
}

#[test]
fn files_are_imported_once_and_wrong_rows_explained() {
    let (dir, asked) = (tempfile::tempdir().expect("a folder"), look_ups());
    let (data, wage) = (dir.path().join("d"), text(&asked["wage"]));
    let put = |name: &str, text: &str| {
        let file = dir.path().join(name);
        fs::write(&file, text).expect("written");
        file
    };
    let mut register = String::from("户编号,姓名,身份证号码,与户主关系,社区代码,起始日期\n");
    for n in 0..30 {
        let relation = if n % 3 == 0 { "户主" } else { "其他" };
        register += &format!(
            "H{},人{n},{},{relation},{},2020-01-01\n",
            n / 3,
            number("19800101", n),
            text(&asked["area"])
        );
    }
    let register = put("register.csv", &register);
    let import = |file: &Path, more: &[&str]| {
        run_on(&data, &[&["import", path(file), "--json"], more].concat())
    };
    let first = import(&register, &[]).exits(0).json();
    assert_eq!(
        (&first[0]["households"], &first[0]["persons"]),
        (&10.into(), &30.into())
    );
    assert_eq!(import(&register, &[]).exits(0).json()[0]["new"], 0);

    let line =
        |n: u32, value: &str| format!("{},人{n},{value},2026-01-01\n", number("19800101", n));
    let head = format!("身份证号码,姓名,{wage},起始日期\n");
    let wrong = number("19800101", 6).replace("19800101", "19800231");
    let messy = head.clone()
        + &line(0, "1000")
        + &line(1, "很多")
        + &line(3, "￥1,200.50").replace("￥1,200.50", "\"1,200.50\"")
        + &format!("{wrong},人6,900,2026-01-01\n")
        + &line(4, "800").replace("人4", "别人")
        + "合计,,3000,\n";
    let messy = put("messy.csv", &messy);
    let ran = run_on(&data, &["import", path(&messy)]).exits(1);
    for said in [
        "row 3, column ",
        "很多",
        "row 5, column 身份证号码",
        "row 6, column 姓名",
        "别人",
    ] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    let stopped = import(&messy, &[]).exits(1).json();
    assert_eq!(
        (&stopped[0]["new"], &stopped[0]["accepted"]),
        (&0.into(), &false.into())
    );
    let skipped = import(&messy, &["--on-error", "skip"]).exits(1).json();
    assert_eq!(
        (&skipped[0]["new"], &skipped[0]["good"], &skipped[0]["rows"]),
        (&2.into(), &2.into(), &5.into())
    );
    assert_eq!(
        import(&messy, &["--on-error", "skip"]).exits(1).json()[0]["new"],
        0
    );

    // The report is mended and imported; so is a mended copy of the whole: nothing is recorded twice.
    let report = fs::read_to_string(dir.path().join("messy.rejected.csv")).expect("the report");
    let good = number("19800101", 6);
    let mend = |text: &str| {
        text.replace("很多", "700")
            .replace(&wrong, &good)
            .replace("别人", "人4")
    };
    let mended = put("mended.csv", &mend(&report));
    assert_eq!(import(&mended, &[]).exits(0).json()[0]["new"], 3);
    let whole = put(
        "whole.csv",
        &mend(&fs::read_to_string(&messy).expect("the file")),
    );
    let again = import(&whole, &[]).exits(0).json();
    assert_eq!(
        (&again[0]["new"], &again[0]["known"]),
        (&0.into(), &5.into())
    );
    verified(&data);

    // What the system keeps for itself comes in by no file.
    let reserved = format!(
        "身份证号码,证据种类,值,起始日期\n{},@decision,1,2026-01-01\n",
        number("19800101", 0)
    );
    import(&put("reserved.csv", &reserved), &["--on-error", "skip"]).exits(1);
    let ran = import(&put("strange.csv", "甲,乙\n1,2\n"), &[]).exits(2);
    assert!(ran.err.contains("strange.csv"), "{}", ran.err);
    for (kind, name) in [
        (wage, "t.xlsx"),
        (wage, "t.csv"),
        ("persons", "p.xlsx"),
        ("households", "h.csv"),
    ] {
        let out = dir.path().join(name);
        run(&["import", "--template", kind, "--out", path(&out)]).exits(0);
        assert!(fs::metadata(out).expect("the form").len() > 50);
    }
}

#[test]
fn commands_run_twice_do_nothing_twice() {
    let (dir, asked) = (tempfile::tempdir().expect("a folder"), look_ups());
    let data = dir.path().join("d");
    copy(&demo(), &data);
    let programme = ["--programme", text(&asked["programme"])];
    let march = [&programme[..], &["--month", "2026-03"]].concat();
    let before = verified(&data);
    let determine = [&["determine", "--all"], &march[..]].concat();
    let first = run_on(&data, &determine).exits(0).json();
    assert!(first["written"].as_u64().is_some_and(|n| n > 0), "{first}");
    let once = verified(&data);
    assert!(once[2] > before[2]);
    let second = run_on(&data, &determine).exits(0).json();
    assert_eq!(second["written"], 0, "{second}");
    assert_eq!(verified(&data)[..3], once[..3]);

    let pay = [&["pay", "--json"], &march[..]].concat();
    let paid = run_on(&data, &pay).exits(0).json();
    assert!(paid["count"].as_u64().is_some_and(|n| n > 0), "{paid}");
    let again = run_on(&data, &pay).exits(0).json();
    assert_eq!(again["count"], 0, "{again}");
    let after = verified(&data);
    assert_eq!(after[1] - once[1], paid["count"].as_u64().expect("a count"));

    // The bank answers; the answer is read twice.
    let mut answers = Vec::new();
    for file in paid["files"]
        .as_array()
        .expect("files")
        .iter()
        .filter(|f| f["new"] == true)
    {
        let instruction = fs::read(text(&file["pain001"])).expect("the file");
        let rates = ledger::bank::Rates {
            rejected: 50,
            returned: 50,
            unknown: 50,
            ..Default::default()
        };
        let answer = ledger::bank::answer(instruction.as_slice(), 7, rates).expect("an answer");
        for (ending, text) in [
            ("pain002.xml", answer.status_report),
            ("camt053.xml", answer.statement),
        ] {
            let file = dir.path().join(format!("{}.{ending}", answers.len()));
            fs::write(&file, text).expect("written");
            answers.push(file);
        }
    }
    let mut reconcile = vec!["reconcile", "--json"];
    reconcile.extend(answers.iter().map(|file| path(file)));
    let first = run_on(&data, &reconcile).json();
    let changed = |v: &Value| {
        let counts = v["changed"].as_object().expect("counts").values();
        counts.filter_map(Value::as_u64).sum::<u64>()
    };
    assert!(changed(&first) > 0, "{first}");
    let booked = verified(&data);
    let second = run_on(&data, &reconcile).json();
    assert_eq!(changed(&second), 0, "{second}");
    assert_eq!(verified(&data)[..3], booked[..3]);

    // One household, then and now; and a fact about it that changes what it is owed.
    let out = dir.path().join("all.json");
    let list = [&determine[..], &["--out", path(&out)]].concat();
    run_on(&data, &list).exits(0);
    let rows = fs::read_to_string(&out).expect("the list");
    let mut entitled = rows
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
    let entitled = entitled
        .find(|r| r["outcome"] == "entitled")
        .expect("somebody");
    let household = text(&entitled["subject"]["id"]).to_string();
    let parquet = dir.path().join("all.parquet");
    let list = [
        &determine[..],
        &["--format", "parquet", "--out", path(&parquet)],
    ]
    .concat();
    run_on(&data, &list).exits(0);
    assert!(fs::read(&parquet).expect("the file").starts_with(b"PAR1"));
    let known_at = base::format_instant(chrono::Utc::now());
    let riches = dir.path().join("riches.csv");
    fs::write(
        &riches,
        format!(
            "户编号,{},起始日期\n{household},99999999,2026-01-01\n",
            text(&asked["kind"])
        ),
    )
    .expect("written");
    let taken = run_on(&data, &["import", "--json", path(&riches)])
        .exits(0)
        .json();
    assert!(
        taken[0]["determinations"].as_u64().is_some_and(|n| n > 0),
        "{taken}"
    );
    assert!(
        taken[0]["changes"].as_u64().is_some_and(|n| n > 0),
        "{taken}"
    );
    let replay = [
        &[
            "replay",
            "--json",
            "--household",
            &household,
            "--known-at",
            &known_at,
        ],
        &march[..],
    ]
    .concat();
    let replayed = run_on(&data, &replay).exits(0).json();
    assert_eq!(replayed[0]["agrees"], true, "{replayed}");
    assert_eq!(replayed[0]["then"]["outcome"], "entitled", "{replayed}");
    assert_eq!(replayed[0]["now"]["outcome"], "refused", "{replayed}");
    assert!(
        replayed[0]["because"]
            .as_array()
            .is_some_and(|b| !b.is_empty()),
        "{replayed}"
    );
    verified(&data);
}
