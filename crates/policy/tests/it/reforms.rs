//! Reforms laid over the shipped law: they apply, their own examples come out, and nothing else moves.

use crate::{read_dir, root};
use policy::law::diff::{self, What};
use policy::law::outcomes::{self, Side};
use policy::law::{Language, Law, SourceFile, examples};

fn law(reforms: Vec<SourceFile>) -> Law {
    let files = read_dir(&root().join("law"));
    Law::load_with(files, reforms).unwrap_or_else(|r| panic!("{}", r.render(Language::Both)))
}

fn reforms() -> Vec<SourceFile> {
    read_dir(&root().join("tests/corpus/reforms"))
}

fn side(law: &Law) -> Side {
    Side {
        law: law.clone(),
        at: None,
    }
}

#[test]
fn every_reform_applies_and_its_own_examples_come_out() {
    let before = law(Vec::new());
    for reform in reforms() {
        let name = reform.path.clone();
        let after = law(vec![reform]);
        let results = examples::run_reforms(&after);
        let failed: Vec<String> = results
            .iter()
            .filter(|r| !r.passed())
            .map(|r| r.to_string())
            .collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        assert_ne!(before.digest(), after.digest(), "{name}");
        // What the text changes and what comes out otherwise go together.
        let diff = diff::laws(&before, &after);
        let touched = diff.changes.iter().any(|c| c.what != What::Instrument);
        assert_eq!(touched, !diff.outcomes.is_empty(), "{name}");
        for change in &diff.changes {
            assert!(!change.words.zh.is_empty() && !change.words.en.is_empty());
            assert_ne!(change.before, change.after, "{}", change.name);
        }
        for change in &diff.outcomes {
            assert!(
                !change.because.is_empty(),
                "{}: {}",
                change.name,
                change.words.zh
            );
        }
    }
}

#[test]
fn a_reform_without_changes_changes_nothing() {
    let before = law(Vec::new());
    let nothing: Vec<SourceFile> = reforms()
        .into_iter()
        .filter(|f| f.path == "nothing.md")
        .collect();
    assert_eq!(nothing.len(), 1);
    let after = law(nothing);
    assert!(outcomes::changes(&side(&before), &side(&after)).is_empty());
    let all = examples::run_all(&after);
    assert!(all.len() > 100 && all.iter().all(|r| r.passed()));
}

#[test]
fn before_its_first_day_a_reform_is_not_there() {
    let before = law(Vec::new());
    for reform in reforms() {
        let after = law(vec![reform]);
        let from = after
            .instruments()
            .iter()
            .find(|i| i.reform > 0)
            .expect("a reform")
            .from;
        let Some(eve) = from
            .pred_opt()
            .filter(|d| *d > base::parse_day("2000-01-01").expect("a day"))
        else {
            continue;
        };
        let own = |code: &str| before.instruments().iter().any(|i| i.place == code);
        for place in before.places().all().iter().filter(|p| own(&p.code)) {
            let at = |law: &Law| Side {
                law: law.clone(),
                at: Some((place.code.clone(), eve)),
            };
            let changed = outcomes::changes(&at(&before), &at(&after));
            assert!(changed.is_empty(), "{}: {:?}", place.code, changed[0].words);
        }
    }
}

/// A place above two with figures of their own, a town beneath one of them, a table with an expression.
const SCALED: &str = "---
number: 甲办法
title: 甲办法
place: QQ
from: 2020-01-01
---
## 第一条 条 · One
@evidence 家庭
| name | type | absent |
| --- | --- | --- |
| 类别 | [\"甲\",\"乙\"] | missing |

@parameter 甲标准 : 元/月
| value | place | from | to | known from |
| --- | --- | --- | --- | --- |
| 700 | QQ1 | 2020-01-01 | 2024-06-30 | |
| 735 | QQ1 | 2024-07-01 | | 2024-09-15 |
| 720 | QQ1 | 2024-07-01 | | |
| 801 | QQ11 | 2023-01-01 | 2024-03-31 | |
| 500 | QQ2 | 2020-01-01 | | |

@table 乙额 : 元/月 hit F
| 类别 | → | reason |
| --- | --- | --- |
| \"甲\" | 10 | 甲类 · class A |
| \"乙\" | 甲标准 / 10 | 其余 · others |
";
const PLACES: &str = "code,name,name_en,parent
QQ,全境,The whole,
QQ1,甲省,Province A,QQ
QQ11,甲市,City A,QQ1
QQ2,乙省,Province B,QQ
";

fn scaled(reform: &str) -> (Law, Law) {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let files = vec![file("places.csv", PLACES), file("a.md", SCALED)];
    let head = "---\nreform: 乙方案\nplace: QQ\nfrom: 2024-01-01\nto: 2025-12-31\n---\n";
    let text = format!("{head}## 一 改 · Change\n{reform}");
    let load = |reforms| {
        let law = Law::load_with(files.clone(), reforms);
        law.unwrap_or_else(|r| panic!("{}", r.render(Language::Both)))
    };
    (load(Vec::new()), load(vec![file("r.md", &text)]))
}

/// The figure at a place on a day as known on another (or today), with its source.
fn figure(law: &Law, place: &str, day: &str, known: Option<&str>) -> Option<(String, String)> {
    let read = |d: &str| base::parse_day(d).expect("a day");
    let edition = law
        .edition(place, read(day), known.map(read))
        .expect("an edition");
    let (value, row) = edition.parameter("甲标准")?;
    Some((value.to_string(), row.source.clone()))
}

#[test]
fn a_scaled_parameter_follows_the_law_at_every_place_beneath() {
    let (before, after) = scaled(
        "@parameter 甲标准\n| value | source |\n| --- | --- |\n| times 1.05, round half up to 1 | 乙 |\n",
    );
    // 700 × 1.05 = 735; 735 × 1.05 = 771.75; 720 × 1.05 = 756; 801 × 1.05 = 841.05; 500 × 1.05 = 525.
    for (place, day, known, wanted) in [
        ("QQ1", "2023-12-31", None, "700"),
        ("QQ1", "2024-01-01", None, "735"),
        ("QQ1", "2024-06-30", None, "735"),
        ("QQ1", "2024-07-01", None, "772"),
        ("QQ1", "2024-08-01", Some("2024-08-01"), "756"),
        ("QQ1", "2024-08-01", Some("2024-09-15"), "772"),
        ("QQ1", "2025-12-31", None, "772"),
        ("QQ1", "2026-01-01", None, "735"),
        ("QQ11", "2023-12-31", None, "801"),
        ("QQ11", "2024-03-31", None, "841"),
        ("QQ11", "2024-04-01", None, "735"),
        ("QQ11", "2024-07-01", None, "772"),
        ("QQ2", "2025-06-01", None, "525"),
        ("QQ2", "2026-06-01", None, "500"),
    ] {
        let found = figure(&after, place, day, known).map(|(value, _)| value);
        assert_eq!(found.as_deref(), Some(wanted), "{place} {day} {known:?}");
    }
    assert_eq!(figure(&after, "QQ", "2024-02-01", None), None);
    let (_, source) = figure(&after, "QQ1", "2024-07-01", None).expect("a figure");
    assert_eq!(source, "乙；735 × 1.05 ≈ 772");
    let words: Vec<String> = (diff::laws(&before, &after).changes.iter())
        .filter(|c| c.what == What::Parameter)
        .map(|c| c.words.en.clone())
        .collect();
    let told = "parameter 甲标准 (QQ11 2024-01-01..2024-03-31): 801 → 841 (times 1.05, round half up to 1)";
    assert!(words.iter().any(|w| w == told), "{words:#?}");
}

#[test]
fn a_figure_of_its_own_goes_before_the_scaled_one() {
    let (_, after) =
        scaled("@parameter 甲标准\n| value | place |\n| --- | --- |\n| 加 30 | |\n| 900 | QQ2 |\n");
    let at = |place: &str| {
        figure(&after, place, "2024-02-01", None)
            .expect("a figure")
            .0
    };
    assert_eq!([at("QQ1"), at("QQ11"), at("QQ2")], ["730", "831", "900"]);
}

#[test]
fn a_row_and_a_column_of_a_table_are_scaled() {
    let (before, after) = scaled(
        "@rows 乙额\n| row | 类别 | → |\n| --- | --- | --- |\n| 1 | = | plus 2.5 |\n| * | = | 乘以 1.5，向上取整到 10 |\n",
    );
    let amount = |law: &Law, class: &str| {
        let given = serde_json::json!({"类别": class, "成员": []});
        let day = base::parse_day("2024-08-01").expect("a day");
        let found = policy::law::eval_json(law, "QQ1", day, "乙额", &given).expect("evaluates");
        (found.result.to_string(), found.reasons[0].text.en.clone())
    };
    let said = |value: &str, reason: &str| (value.to_string(), reason.to_string());
    assert_eq!(amount(&before, "甲"), said("10", "class A"));
    assert_eq!(amount(&after, "甲"), said("12.5", "class A"));
    // 735 / 10 = 73.5; × 1.5 = 110.25; up to 120.
    assert_eq!(amount(&before, "乙"), said("73.5", "others"));
    assert_eq!(amount(&after, "乙"), said("120", "others"));
    let changes = diff::laws(&before, &after).changes;
    let table = changes
        .iter()
        .find(|c| c.what == What::Rule)
        .expect("the table");
    let (zh, en) = (&table.words.zh, &table.words.en);
    let first = "row 1 \"甲\" | 10 | 甲类 · class A → \"甲\" | 12.5 | 甲类 · class A (plus 2.5)";
    assert!(en.contains(first), "{en}");
    assert!(zh.contains("（乘以 1.5，向上取整到 10）"), "{zh}");
}
