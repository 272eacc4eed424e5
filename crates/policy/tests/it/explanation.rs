//! Explanations: complete, exact, and what they say would alter the outcome does.

use crate::{read_dir, root};
use base::{Day, parse_day};
use policy::law::explanation::{
    Alters, AskedKind, Change, Explanation, Limits, explain_json, render,
};
use policy::law::{Language, Law, Number, SourceFile, eval_json};
use policy::outcome::{Evaluation, NodeKind, Outcome};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const TEXT: &str = r#"---
number: 总则
title: 甲津贴办法
title_en: Measures on allowance A
place: QQ
from: 2020-01-01
status: confirmed
---
## 第一条 证据 · Evidence

@evidence 家庭
| 名称 | type | absent | en |
| --- | --- | --- | --- |
| 存款 | 元 | missing | savings |
| 城乡 | ["城","乡"] | missing | kind of place |
| 房产 | 列表<元> | missing | houses |

@evidence 成员
| 名称 | type | absent | register | en | many |
| --- | --- | --- | --- | --- | --- |
| 月入 | 元/月 | missing | | income | |
| 出生 | 日期 | missing | register:birth | date of birth | |
| 在学 | 是否 | false | | at school | |
| 迁入 | 年月? | null | | moved in | |
| 就诊 | 情况{费用: 元, 等级: 数} | | | visits | yes |

@parameter 标准 : 元/月 · standard
| value | place | from | source | status |
| --- | --- | --- | --- | --- |
| 500 | QQ | 2020-01-01 | 公报 | confirmed |

@parameter 存款月数 : 月 · months that may be saved for
| value | place | from |
| --- | --- | --- |
| 24 | QQ | 2020-01-01 |

## 第二条 条件 · Conditions

```feel 人数 : 人
count(成员)
```

```feel 函数 满岁(x : 日期) : 岁
floor((基准日 - x) / @"P1D" / 365.25)
```

```feel 成员.年龄 : 岁
满岁(出生)
```

```feel 成员.计入 : 元/月
if 在学 or 年龄 < 16 then 0 else max(月入 - 200, 0)
```

```feel 人均 : 元/月
sum(成员.计入) / 人数
```

```feel 收入条件 : 是否
// zh: 人均 {人均} 元，标准 {标准} 元。
// en: {人均} yuan each, standard {标准} yuan.
人均 < 标准
```

```feel 财产条件 : 是否
// zh: 存款 {存款} 元。
// en: Savings {存款} yuan.
存款 + sum(房产) <= 标准 * 人数 * 存款月数
```

```feel 迁入条件 : 是否
every m in 成员 satisfies m.迁入 = null or m.迁入 <= 月份
```

## 第三条 金额 · Amount

@table 系数 : 比率 hit F
| 城乡 | 人数 | → | reason |
| --- | --- | --- | --- |
| "城" | - | 1 | 城镇 · town |
| "乡" | > 2 | 0.8 | 乡村 · country |
| - | - | 0.9 | |

```feel 就诊补助 : 元/月
sum(for m in 成员 return sum(m.就诊[等级 >= 2].费用)) / 存款月数
```

```feel 金额 : 元/月
// zh: 按标准和人均的差额计 {金额} 元。
// en: The gap to the standard makes {金额} yuan.
ceiling((标准 - 人均) * 人数 * 系数) + floor(就诊补助)
```

@programme 甲津贴
```yaml
id: first
en: First allowance
subject: household
rhythm: month
unit: 元
conditions: [收入条件, 财产条件, 迁入条件]
amount: 金额
lines: [就诊补助]
```
"#;

fn law() -> &'static Law {
    static LAW: OnceLock<Law> = OnceLock::new();
    LAW.get_or_init(|| {
        let file = |path: &str, text: &str| SourceFile {
            path: path.into(),
            text: text.into(),
        };
        let places = "code,name,name_en,parent\nQQ,全境,Whole,\n";
        let files = vec![file("places.csv", places), file("QQ/first.md", TEXT)];
        Law::load(files).unwrap_or_else(|r| panic!("{}", r.render(Language::Both)))
    })
}

fn day() -> Day {
    parse_day("2026-05-01").expect("a day")
}

fn explained(given: &Json) -> (Evaluation, Explanation) {
    let limits = Limits::default();
    explain_json(law(), "QQ", day(), "first", given, Some(&limits)).expect("an explanation")
}

/// Puts a change into the JSON of a situation, by another way than the search does.
fn changed(given: &Json, change: &Change, person: bool, to: &Json) -> Json {
    let mut out = given.clone();
    let fact = &change.fact;
    let object = match (fact.kind.as_str(), fact.member, person) {
        ("事件", ..) | (_, None, false) | (_, Some(0), true) => &mut out,
        (_, None, true) => &mut out["家庭"],
        (_, Some(n), false) => &mut out["成员"][n],
        (_, Some(n), true) => &mut out["家庭"]["成员"][n - 1],
    };
    let whole = &mut object[fact.kind.as_str()];
    let Some(piece) = fact.piece else {
        match &fact.field {
            Some(field) => whole[field.as_str()] = to.clone(),
            None => *whole = to.clone(),
        }
        return out;
    };
    if change.removed {
        whole.as_array_mut().expect("a list").remove(piece - 1);
        return out;
    }
    match &fact.field {
        Some(field) => whole[piece - 1][field.as_str()] = to.clone(),
        None => whole[piece - 1] = to.clone(),
    }
    out
}

/// The value one step nearer to what it is.
fn nearer(change: &Change) -> Option<Json> {
    let step = change.step.as_deref()?;
    match (&change.from, &change.to) {
        (Json::Number(from), Json::Number(to)) => {
            let number = |n: &serde_json::Number| n.to_string().parse::<Number>().ok();
            let step = step.split(' ').next()?.parse::<Number>().ok()?;
            let (from, to) = (number(from)?, number(to)?);
            let back = if from < to {
                to.sub(step)
            } else {
                to.add(step)
            };
            Some(back?.to_json())
        }
        (Json::String(from), Json::String(to)) if step == "P1D" => {
            let to_day = parse_day(to).ok()?;
            let back = if from < to {
                to_day.pred_opt()
            } else {
                to_day.succ_opt()
            };
            Some(back?.to_string().into())
        }
        (Json::String(from), Json::String(to)) if step == "P1M" => {
            let month: base::Month = to.parse().ok()?;
            let back = if from < to {
                month.previous()
            } else {
                month.next()
            };
            Some(back.to_string().into())
        }
        _ => None,
    }
}

/// Does it come out otherwise, in the sense of `alters`?
fn altered(before: &Evaluation, after: &Evaluation, alters: Alters) -> bool {
    let (old, new) = (&before.outcome, &after.outcome);
    match alters {
        Alters::Outcome => old.name() != new.name() && !matches!(new, Outcome::Undetermined { .. }),
        Alters::Amount => old.name() == new.name() && (old != new || before.result != after.result),
    }
}

/// Every change does what it says, and one step nearer it does not.
fn check(
    what: &str,
    given: &Json,
    person: bool,
    evaluation: &Evaluation,
    explanation: &Explanation,
    eval: &dyn Fn(&Json) -> Evaluation,
) -> usize {
    let found = explanation.what_if.as_ref().expect("was asked for");
    for change in &found.changes {
        let then = eval(&changed(given, change, person, &change.to));
        assert!(
            altered(evaluation, &then, change.alters),
            "{what}: {} gives {:?}",
            change.text.zh,
            then.outcome
        );
        assert_eq!(
            then.outcome.name(),
            change.outcome,
            "{what}: {}",
            change.text.zh
        );
        let amount = match then.outcome {
            Outcome::Entitled { amount: Some(fen) } => Some(fen.to_string()),
            _ => None,
        };
        assert_eq!(amount, change.amount, "{what}: {}", change.text.zh);
        if let Some(nearer) = nearer(change)
            && nearer != change.from
        {
            let near = eval(&changed(given, change, person, &nearer));
            assert!(
                !altered(evaluation, &near, change.alters),
                "{what}: {} already at {nearer}",
                change.text.zh
            );
        }
    }
    let order: Vec<Alters> = found.changes.iter().map(|c| c.alters).collect();
    assert!(found.changes.iter().all(|c| !c.fact.fixed), "{what}");
    assert!(order.is_sorted(), "{what}: {order:?}");
    found.changes.len()
}

fn member() -> impl Strategy<Value = Json> {
    let visits = proptest::collection::vec((0u32..5_000, 1u32..4), 0..3);
    let moved = proptest::option::of((2025i32..2028, 1u32..13));
    (0i64..300_000, 1940i32..2026, any::<bool>(), moved, visits).prop_map(
        |(fen, year, school, moved, visits)| {
            let visits: Vec<Json> = visits
                .into_iter()
                .map(|(cost, grade)| json!({"费用": cost, "等级": grade}))
                .collect();
            json!({
                "月入": fen as f64 / 100.0,
                "出生": format!("{year}-03-17"),
                "在学": school,
                "迁入": moved.map(|(y, m)| format!("{y}-{m:02}")),
                "就诊": visits,
            })
        },
    )
}

fn situation() -> impl Strategy<Value = Json> {
    let members = proptest::collection::vec(member(), 1..4);
    let houses = proptest::collection::vec(0i64..30_000, 0..3);
    (members, 0i64..3_000_000, any::<bool>(), houses).prop_map(|(members, fen, town, houses)| {
        json!({
            "成员": members,
            "存款": fen as f64 / 100.0,
            "城乡": if town { "城" } else { "乡" },
            "房产": houses,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn each_change_alters_the_outcome_and_one_step_nearer_does_not(given in situation()) {
        let (evaluation, explanation) = explained(&given);
        let eval = |json: &Json| eval_json(law(), "QQ", day(), "first", json).expect("evaluates");
        check("random", &given, false, &evaluation, &explanation, &eval);
    }
}

#[test]
fn the_threshold_is_found_to_the_fen() {
    let person = |income: f64| json!({"月入": income, "出生": "1980-03-17"});
    let given =
        json!({"成员": [person(900.0), person(800.0)], "存款": 0, "城乡": "城", "房产": []});
    let (evaluation, explanation) = explained(&given);
    assert_eq!(evaluation.outcome.name(), "refused");
    let found = explanation.what_if.expect("was asked for");
    // (900 - 200) + (800 - 200) = 1300 against 2 × 500: the first must come below 600, not to it.
    let first = &found.changes[0];
    assert_eq!((first.fact.member, &first.to), (Some(0), &json!(599.99)));
    assert_eq!(
        (first.outcome.as_str(), first.amount.as_deref()),
        ("entitled", Some("1.00"))
    );
    assert_eq!(
        first.text.en,
        "income of member 1 were 599.99 yuan/month instead of 900: entitled, 1.00 yuan."
    );
    // A date of birth would alter it too, and nobody can change it.
    assert!(found.changes.iter().all(|c| c.fact.kind != "出生"));
    let left = found
        .left_out
        .iter()
        .find(|l| l.name == "出生")
        .expect("told");
    assert_eq!(left.why, "fixed");
    assert!(found.changes.iter().any(|c| c.fact.kind == "在学"));
}

#[test]
fn the_law_says_what_nobody_can_change() {
    let file = |path: &str, text: &str| policy::law::SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let text = "---
number: 甲
title: 甲
place: QQ
from: 2020-01-01
---
## 第一条 条 · One
@evidence 家庭
| name | type | absent | register | change |
| --- | --- | --- | --- | --- |
| 等级 | 数 | missing | | no |
| 存款 | 元 | missing | | |
| 立户 | 日期 | missing | register:opened | 否 |
@evidence 成员
| name | type | absent | register | change |
| --- | --- | --- | --- | --- |
| 出生 | 日期 | missing | register:birth | yes |
```feel 符合 : 是否
等级 < 3 and 存款 < 100 and 立户 < date(\"2024-01-01\") and (some m in 成员 satisfies m.出生 < date(\"1950-01-01\"))
```
";
    let files = vec![
        file(
            "places.csv",
            "code,name,name_en,parent\nQQ,全境,The whole,\n",
        ),
        file("a.md", text),
    ];
    let law = Law::load(files).unwrap_or_else(|r| panic!("{}", r.render(Language::Both)));
    let given =
        json!({"等级": 2, "存款": 5, "立户": "2020-05-01", "成员": [{"出生": "1940-01-01"}]});
    let (_, found) = explain_json(&law, "QQ", day(), "符合", &given, Some(&Limits::default()))
        .expect("explains");
    let found = found.what_if.expect("was asked for");
    let proposed: Vec<&str> = found.changes.iter().map(|c| c.fact.kind.as_str()).collect();
    assert_eq!(proposed.len(), 2, "{proposed:?}");
    assert!(proposed.contains(&"存款") && proposed.contains(&"出生"));
    let left: Vec<&str> = (found.left_out.iter().filter(|l| l.why == "fixed"))
        .map(|l| l.name.as_str())
        .collect();
    assert_eq!(left, ["等级", "立户"]);
}

#[test]
fn what_is_missing_decides_over_which_stretch() {
    let person = json!({"月入": 900, "出生": "1980-03-17"});
    let given = json!({"成员": [person], "城乡": "城", "房产": [1000]});
    let (evaluation, explanation) = explained(&json!({
        "成员": given["成员"], "城乡": "城", "房产": [1000]
    }));
    // The income refuses, whatever the savings are.
    assert_eq!(evaluation.outcome.name(), "refused");
    assert!(explanation.what_if.expect("asked").missing.is_empty());
    let mut given = given;
    given["成员"][0]["月入"] = json!(300);
    let (evaluation, explanation) = explained(&given);
    assert_eq!(evaluation.outcome.name(), "undetermined");
    let found = explanation.what_if.expect("was asked for");
    let [savings] = found.missing.as_slice() else {
        panic!("one thing is missing: {:?}", found.missing)
    };
    assert!(savings.alone);
    let cases: Vec<_> = (savings.cases.iter())
        .map(|c| (c.from.clone(), c.to.clone(), c.outcome.as_str()))
        .collect();
    // 500 × 1 × 24 - 1000
    assert_eq!(cases[0], (json!(0), Some(json!(11_000)), "entitled"));
    assert_eq!((&cases[1].0, cases[1].2), (&json!(11_000.01), "refused"));
}

#[test]
fn the_same_question_has_the_same_answer_and_limits_are_told() {
    let person = json!({"月入": 900, "出生": "1980-03-17"});
    let given = json!({"成员": [person], "存款": 5, "城乡": "乡", "房产": []});
    assert_eq!(explained(&given).1, explained(&given).1);
    let limits = Limits {
        facts: 1,
        ..Limits::default()
    };
    let (_, few) =
        explain_json(law(), "QQ", day(), "first", &given, Some(&limits)).expect("explains");
    let found = few.what_if.expect("was asked for");
    assert_eq!(found.tried, 1);
    assert!(
        found.left_out.iter().any(|l| l.why == "limit"),
        "{:?}",
        found.left_out
    );
}

#[test]
fn a_node_carries_its_formula_its_figure_and_what_it_was_made_from() {
    let person = json!({"月入": 600, "出生": "1980-03-17", "就诊": [{"费用": 100, "等级": 2}]});
    let given = json!({"成员": [person, person, person], "存款": 5, "城乡": "乡", "房产": []});
    let (evaluation, explanation) = explained(&given);
    assert_eq!(evaluation.outcome.name(), "entitled");
    let node = |name: &str| {
        let mut all = explanation.nodes.iter().filter(|n| n.name == name);
        all.next().unwrap_or_else(|| panic!("no node {name}"))
    };
    let each = node("人均");
    assert_eq!(each.formula.as_deref(), Some("sum(成员.计入) / 人数"));
    assert_eq!((each.ty.as_str(), each.literal.as_str()), ("元/月", "400"));
    let inputs: Vec<(&str, Option<usize>)> = (each.inputs.iter())
        .map(|id| {
            (
                explanation.nodes[*id].name.as_str(),
                explanation.nodes[*id].member,
            )
        })
        .collect();
    assert!(inputs.contains(&("计入", Some(2))) && inputs.contains(&("人数", None)));
    let table = node("系数").table.as_ref().expect("a table");
    assert_eq!(
        (table.hit.as_str(), table.fired.as_slice()),
        ("F", &[2][..])
    );
    assert_eq!(table.tests[1], ["\"乡\"", "> 2"]);
    let figure = node("标准").parameter.as_ref().expect("a parameter");
    assert_eq!(
        (figure.written.as_str(), figure.source.as_str()),
        ("500", "公报")
    );
    assert_eq!(explanation.functions.len(), 1);
    assert_eq!(explanation.law.digest, law().digest());
    assert_eq!(node("出生").literal, "@\"1980-03-17\"");
    // What a node was made from stands before it, and everything hangs together.
    for node in &explanation.nodes {
        assert!(node.inputs.iter().all(|i| *i < node.id), "{}", node.name);
    }
    let text = render(&explanation, Language::Both);
    assert!(
        text.contains("标准 · standard = 500 元/月 [QQ 2020-01-01.. confirmed] 公报 ‹总则 第一条›"),
        "{text}"
    );
    assert!(
        explanation.brief.zh.contains("总则 第三条"),
        "{}",
        explanation.brief.zh
    );
    // It reads back as it was written.
    let json = serde_json::to_string(&explanation).expect("JSON");
    let back: Explanation = serde_json::from_str(&json).expect("reads back");
    assert_eq!(back, explanation);
}

/// Runs the checker that shares no code with the engine: its exit status and what it says.
fn verify(files: &[PathBuf], law: Option<&Path>) -> (i32, String) {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/explanation/verify.py"));
    command.args(files);
    command
        .arg("--schema")
        .arg(root().join("docs/explanation.schema.json"));
    if let Some(law) = law {
        command.arg("--law").arg(law);
    }
    let ran = command
        .output()
        .expect("python3 is there: the checker needs it");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    (
        ran.status.code().unwrap_or(-1),
        said + &String::from_utf8_lossy(&ran.stderr),
    )
}

fn write(folder: &Path, name: &str, document: &Json) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, document.to_string()).expect("written");
    path
}

#[test]
fn somebody_else_finds_what_was_tampered_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let person = json!({"月入": 600, "出生": "1980-03-17", "就诊": [{"费用": 100, "等级": 2}]});
    let child = json!({"月入": 0, "出生": "2015-03-17", "迁入": "2025-01"});
    let given = json!({"成员": [person, person, child], "存款": 5, "城乡": "乡", "房产": []});
    let document = serde_json::to_value(explained(&given).1).expect("JSON");
    let path = write(folder.path(), "as-it-is.json", &document);
    let (code, said) = verify(&[path], None);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(" 0 not checked, 0 wrong"), "{said}");

    let nodes = document["nodes"].as_array().expect("nodes");
    let mut tampered = 0;
    for (n, node) in nodes.iter().enumerate() {
        // Another value: for a figure and for evidence what is made from it no longer fits.
        let literal = node["literal"].as_str().expect("a literal");
        let other = match literal {
            "true" => "false".to_string(),
            "false" => "true".to_string(),
            number if number.parse::<Number>().is_ok() => format!("{number}1"),
            _ => continue,
        };
        let mut wrong = document.clone();
        wrong["nodes"][n]["literal"] = other.clone().into();
        let path = write(folder.path(), "tampered.json", &wrong);
        let (code, said) = verify(&[path], None);
        let read = nodes
            .iter()
            .any(|m| m["inputs"].as_array().expect("ids").contains(&n.into()));
        let computed = node["kind"] == "rule" || node["kind"] == "parameter";
        // A fact may be read and not matter: an income of a child.
        if computed {
            assert_eq!(code, 1, "{} = {other} was not found: {said}", node["name"]);
            tampered += 1;
        }
        assert!(read || computed || code == 0, "{said}");
    }
    assert!(tampered > 10, "{tampered}");

    let spoil = |name: &str, change: &dyn Fn(&mut Json)| {
        let mut wrong = document.clone();
        change(&mut wrong);
        let path = write(folder.path(), name, &wrong);
        let (code, said) = verify(&[path], None);
        assert_eq!(code, 1, "{name}: {said}");
    };
    spoil("amount.json", &|d| {
        d["outcome"]["amount"] = "9999.00".into()
    });
    spoil("income.json", &|d| {
        let nodes = d["nodes"].as_array_mut().expect("nodes");
        let income = nodes
            .iter_mut()
            .find(|n| n["name"] == "月入")
            .expect("an income");
        income["literal"] = "1".into();
    });
    spoil("row.json", &|d| {
        let nodes = d["nodes"].as_array_mut().expect("nodes");
        let row = nodes
            .iter_mut()
            .find(|n| !n["parameter"].is_null())
            .expect("a figure");
        row["parameter"]["source"] = "elsewhere".into();
    });
    spoil("schema.json", &|d| d["outcome"]["name"] = "perhaps".into());
}

#[test]
fn the_worked_examples_of_the_shipped_law_can_be_checked_and_their_changes_alter_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut written = Vec::new();
    let files = read_dir(&root().join("law"));
    let law = Law::load(files.clone()).unwrap_or_else(|r| panic!("{}", r.render(Language::Both)));
    let (mut told, mut seen) = (0, 0);
    for file in files.iter().filter(|f| f.path.ends_with(".examples.yaml")) {
        let examples: Vec<Json> = serde_saphyr::from_str(&file.text).expect("YAML");
        for example in examples.iter().filter(|e| e["known"].is_null()) {
            let text = |key: &str| example[key].as_str().unwrap_or_default();
            let (place, decision) = (text("place"), text("decision"));
            let day = parse_day(text("day")).expect("a day");
            let given = match &example["given"] {
                Json::Null => json!({}),
                given => given.clone(),
            };
            let limits = Limits {
                evaluations: 800,
                ..Limits::default()
            };
            let (evaluation, explanation) =
                explain_json(&law, place, day, decision, &given, Some(&limits))
                    .unwrap_or_else(|e| panic!("{}: {e}", text("name")));
            let document = serde_json::to_value(&explanation).expect("JSON");
            let name = format!("{}.json", written.len());
            written.push(write(folder.path(), &name, &document));
            if explanation.decision.kind == AskedKind::Rule {
                continue;
            }
            seen += 1;
            assert!(
                explanation
                    .nodes
                    .iter()
                    .all(|n| n.kind != NodeKind::Rule || n.formula.is_some() || n.table.is_some()),
                "{}",
                text("name")
            );
            let person = explanation.subject_member.is_some();
            let eval = |json: &Json| {
                eval_json(&law, place, day, decision, json)
                    .unwrap_or_else(|e| panic!("{}: {e}", text("name")))
            };
            told += check(
                text("name"),
                &given,
                person,
                &evaluation,
                &explanation,
                &eval,
            );
        }
    }
    assert!(
        seen > 50 && told > seen,
        "{told} changes over {seen} examples"
    );
}
