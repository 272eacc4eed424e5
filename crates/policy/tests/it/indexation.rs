//! Figures that follow an index where none is published.

use policy::law::{Language, Law, SourceFile, diff, eval_json};

const LAW: &str = "---\nnumber: 甲办法\ntitle: 甲办法\nplace: QQ\nfrom: 2020-01-01\n---\n## 一 标准 · Standard\n\
    @parameter 甲标准 : 元/月 · standard\n| value | from | status |\n| --- | --- | --- |\n\
    | 100 | 2020-07-01 | confirmed |\n| 110 | 2022-07-01 | confirmed |\n\n\
    @parameter 涨幅 : 比率 · growth\n| value | from | to | known from | status |\n| --- | --- | --- | --- | --- |\n\
    | 0.05 | 2020-01-01 | 2022-12-31 | | confirmed |\n| 0.1 | 2023-01-01 | 2024-12-31 | 2023-08-15 | unverified |\n\n\
    ```index 甲标准\nfrom: 2021-07-01\nevery: 07-01\nvalue: round half up(before * (1 + 涨幅), 0)\n```\n\n\
    ```feel 甲额 : 元/月\n甲标准 * 2\n```\n";

fn source(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.into(),
        text: text.into(),
    }
}

fn law(reforms: &[&str]) -> Law {
    let files = vec![
        source("places.csv", "code,name,name_en,parent\nQQ,全境,Whole,\n"),
        source("a.md", LAW),
    ];
    let reforms = reforms
        .iter()
        .map(|text| source("reform.md", text))
        .collect();
    Law::load_with(files, reforms).unwrap_or_else(|r| panic!("{}", r.render(Language::English)))
}

fn day(text: &str) -> base::Day {
    base::parse_day(text).expect("a day")
}

/// The figure on a day, whether it was computed, and its status.
fn figure(law: &Law, on: &str, known: Option<&str>) -> Option<(i64, bool, &'static str)> {
    let edition = law
        .edition("QQ", day(on), known.map(day))
        .expect("an edition");
    let (value, row) = edition.parameter("甲标准")?;
    Some((
        value.as_i64().expect("whole"),
        row.computed,
        row.status.name(),
    ))
}

#[test]
fn what_is_published_goes_before_what_is_computed() {
    let law = law(&[]);
    let at = |on| figure(&law, on, None);
    assert_eq!(at("2020-06-30"), None);
    assert_eq!(at("2021-06-30"), Some((100, false, "confirmed")));
    assert_eq!(at("2021-07-01"), Some((105, true, "confirmed")));
    assert_eq!(at("2022-06-30"), Some((105, true, "confirmed")));
    // Published; the next year starts from it.
    assert_eq!(at("2022-07-01"), Some((110, false, "confirmed")));
    assert_eq!(at("2023-07-01"), Some((121, true, "unverified")));
    assert_eq!(at("2025-06-30"), Some((133, true, "unverified")));
    // No index, no figure: not the stale one.
    assert_eq!(at("2025-07-01"), None);
    // Known when the index was.
    assert_eq!(
        figure(&law, "2023-07-01", Some("2023-08-14")),
        Some((110, false, "confirmed"))
    );
    assert_eq!(
        figure(&law, "2023-07-01", Some("2023-08-15")),
        Some((121, true, "unverified"))
    );
}

#[test]
fn a_computed_figure_says_so_where_it_is_used() {
    let law = law(&[]);
    let given = serde_json::json!({});
    let found = eval_json(&law, "QQ", day("2023-07-01"), "甲额", &given).expect("a value");
    assert_eq!(found.result, 242);
    let node = found
        .trace
        .iter()
        .find(|n| n.name == "甲标准")
        .expect("in the trace");
    let note = node.note.as_deref().unwrap_or_default();
    assert!(
        note.contains("[computed]") && note.contains("甲办法 一"),
        "{note}"
    );
    let none = eval_json(&law, "QQ", day("2025-07-01"), "甲额", &given).expect("an outcome");
    assert_eq!(none.outcome.name(), "undetermined");
}

#[test]
fn a_reform_of_the_index_moves_what_follows_from_it() {
    let reform = "---\nreform: 乙方案\nfrom: 2024-01-01\n---\n## 一 涨幅\n\
        @parameter 涨幅\n| value |\n| --- |\n| 0.2 |\n";
    let (before, after) = (law(&[]), law(&[reform]));
    assert_eq!(
        figure(&after, "2024-06-30", None),
        figure(&before, "2024-06-30", None)
    );
    assert_eq!(
        figure(&after, "2024-07-01", None),
        Some((145, true, "unverified"))
    );
    // 145.2 is 145; a year on 174, for the reform's index has no end.
    assert_eq!(
        figure(&after, "2025-07-01", None),
        Some((174, true, "unverified"))
    );
    let diff = diff::laws(&before, &after);
    let computed = |c: &&diff::Change| c.name == "甲标准" && c.at.contains("computed");
    assert!(diff.changes.iter().filter(computed).count() >= 2);
    // A reform's own rule follows on the law's.
    let other = "---\nreform: 丙方案\nfrom: 2023-01-01\n---\n## 一 标准\n\
        ```指数化 甲标准\n自: 2023-07-01\n每年: 07-01\n数值: 原值 + 7\n```\n";
    let after = law(&[other]);
    assert_eq!(
        figure(&after, "2024-07-01", None),
        Some((124, true, "confirmed"))
    );
    assert_eq!(
        figure(&after, "2021-07-01", None),
        Some((105, true, "confirmed"))
    );
}
