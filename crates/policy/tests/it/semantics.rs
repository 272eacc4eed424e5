//! What the engine promises, on a small invented law.

use base::{Day, Fen, parse_day};
use policy::law::{Language, Law, LawError, Situation, SourceFile, Value, eval_json};
use policy::outcome::{Missing, NodeKind, Outcome};
use policy::programme::Subject;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::sync::OnceLock;

const PLACES: &str =
    "code,name,name_en,parent\nQQ,全境,Whole,\nQQ1,甲省,Province,QQ\nQQ11,甲市,City,QQ1\n";

const GENERAL: &str = r#"---
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

@evidence 成员
| 名称 | type | absent | en | many |
| --- | --- | --- | --- | --- |
| 月入 | 元/月 | missing | income | |
| 支出 | 元/月 | 0 | expenses | |
| 存月 | 元 | 0 | saved | |
| 等级 | 数 | missing | grade | |
| 就诊 | 情况{日: 日期, 费用: 元} | | visits | yes |

@parameter 标准 : 元/月 · standard
| value | place | from | to | known from | source | status |
| --- | --- | --- | --- | --- | --- | --- |
| 500 | QQ | 2020-01-01 | | | 公报 | confirmed |
| 600 | QQ1 | 2020-01-01 | | | 省公报 | confirmed |
| 700 | QQ1 | 2021-07-01 | | 2021-08-10 | 省公报 | confirmed |

@parameter 存款月数 : 月 · months of the standard that may be saved
| value | from |
| --- | --- |
| 12 | 2020-01-01 |

## 第二条 条件 · Conditions

```feel 人数 : 人
count(成员)
```

```feel 成员.净收入 : 元/月
max(月入 - 支出, 0)
```

```feel 户收入 : 元/月
sum(成员.净收入)
```

```feel 收入条件 : 是否
// zh: 户收入 {户收入} 元，标准 {标准 * 人数} 元。
// en: Income {户收入} yuan, standard {标准 * 人数} yuan.
// zh no: 户收入 {户收入} 元，超过标准 {标准 * 人数} 元。
// en no: Income {户收入} yuan is above the standard of {标准 * 人数} yuan.
户收入 < 标准 * 人数
```

```feel 存款条件 : 是否
// zh: 存款 {存款} 元。
// en: Savings {存款} yuan.
存款 <= 标准 * 人数 * 存款月数
```

## 第三条 金额 · Amount

```feel 金额 : 元/月
// zh: 差额 {金额} 元。
// en: Gap of {金额} yuan.
decimal((标准 * 人数 - 户收入) * 保障比例, 2) + 增发合计
```

```feel 保障比例 : 比率
1
```

@table 成员.增发 : 元/月 hit F
| 等级 | → | reason | article |
| --- | --- | --- | --- |
| >= 3 | 50 | 高等级 · high grade | 第三条 |
| >= 1 | 20 | 低等级 · low grade | 第二条 |
| - | 0 | | |

```feel 增发合计 : 元/月
sum(成员.增发)
```

```feel 期数 : 数
if 上期.期数 = null then 1 else 上期.期数 + 1
```

@programme 甲津贴
```yaml
id: a
en: Allowance A
subject: household
rhythm: month
unit: 元
conditions: [收入条件, 存款条件]
amount: 金额
lines: [增发合计]
carry: {期数: 数?}
payment: {day: 10, purpose: 甲津贴}
```

## 第四条 三分 · Thirds

```feel 三分之一 : 元/月
标准 / 3
```

@programme 乙津贴
```yaml
id: b
en: Allowance B
subject: household
rhythm: month
amount: 三分之一
payment: {day: 10, purpose: 乙津贴}
```

```feel 成员.已报 : 元
if 上期.报销累计 = null then 0 else 上期.报销累计
```

```feel 成员.报销 : 元
decimal(min(事件.费用 * 0.5, 1000 - 已报), 2)
```

```feel 成员.报销累计 : 元
已报 + 报销
```

@programme 丙报销
```yaml
id: c
en: Claim C
subject: person
rhythm: event
event: 就诊
amount: 报销
carry: {报销累计: 元?}
carry_over: year
payment: {day: 10, purpose: 丙报销}
```

```feel 户内份额 : 比率
1 / count(成员)
```

```feel 成员.本人份额 : 元
存月 * 家庭.户内份额
```
"#;

const PROVINCE: &str = "---\nnumber: 省办法\ntitle: 省办法\nplace: QQ1\nfrom: 2021-01-01\nto: 2022-12-31\n---\n## 第九条 比例 · Rate\n```feel 保障比例 : 比率\n0.5\n```\n";
const LATER: &str = "---\nnumber: 新法\ntitle: 新法\nplace: QQ\nfrom: 2022-01-01\n---\n## 第五条 比例 · Rate\n```feel 保障比例 : 比率\n0.9\n```\n";

fn law() -> &'static Law {
    static LAW: OnceLock<Law> = OnceLock::new();
    LAW.get_or_init(|| {
        let files = [
            ("places.csv", PLACES),
            ("a.md", GENERAL),
            ("p.md", PROVINCE),
            ("l.md", LATER),
        ];
        let files = files.map(|(path, text)| SourceFile {
            path: path.into(),
            text: text.into(),
        });
        Law::load(files.to_vec())
            .unwrap_or_else(|report| panic!("{}", report.render(Language::English)))
    })
}

fn day(text: &str) -> Day {
    parse_day(text).expect("a date")
}

fn outcome(place: &str, on: &str, json: Json) -> Outcome {
    eval_json(law(), place, day(on), "a", &json)
        .expect("evaluates")
        .outcome
}

fn amount(place: &str, on: &str, json: Json) -> i64 {
    match outcome(place, on, json) {
        Outcome::Entitled {
            amount: Some(Fen(fen)),
        } => fen,
        other => panic!("{other:?}"),
    }
}

fn poor() -> Json {
    json!({"存款": 0, "成员": [{"月入": 100, "等级": 0}]})
}

#[test]
fn a_definite_no_refuses_although_something_else_is_not_known() {
    let json = json!({"成员": [{"月入": 9000, "等级": 0}]});
    assert_eq!(
        outcome("QQ", "2020-05-01", json),
        Outcome::Refused {
            condition: "收入条件".into()
        }
    );
    let json = json!({"存款": 1_000_000, "成员": [{"月入": 10}, {"等级": 1}]});
    assert_eq!(
        outcome("QQ", "2020-05-01", json),
        Outcome::Refused {
            condition: "存款条件".into()
        }
    );
}

#[test]
fn what_is_missing_is_named_with_whose_it_is() {
    let json = json!({"成员": [{"月入": 10, "等级": 0}, {"等级": 0}]});
    let missing = vec![
        Missing {
            name: "月入".into(),
            member: Some(1),
        },
        Missing {
            name: "存款".into(),
            member: None,
        },
    ];
    assert_eq!(
        outcome("QQ", "2020-05-01", json),
        Outcome::Undetermined { missing }
    );
    // Only what the outcome needs: the grade matters for the amount alone.
    let json = json!({"存款": 0, "成员": [{"月入": 10}]});
    let missing = vec![Missing {
        name: "等级".into(),
        member: Some(0),
    }];
    assert_eq!(
        outcome("QQ", "2020-05-01", json),
        Outcome::Undetermined { missing }
    );
}

#[test]
fn the_nearest_place_wins_then_the_latest_text() {
    // 500 - 100 of the whole gap.
    assert_eq!(amount("QQ", "2020-05-01", poor()), 40_000);
    // The province's standard 600, the general rate.
    assert_eq!(amount("QQ1", "2020-05-01", poor()), 50_000);
    // The province's rate, also in a city of it and in a street that the table does not list.
    assert_eq!(amount("QQ1", "2021-05-01", poor()), 25_000);
    assert_eq!(amount("QQ11", "2021-05-01", poor()), 25_000);
    assert_eq!(amount("QQ11007", "2021-05-01", poor()), 25_000);
    // The later general text does not displace the province's while that is in force.
    assert_eq!(amount("QQ1", "2022-05-01", poor()), 30_000);
    assert_eq!(amount("QQ", "2022-05-01", poor()), 36_000);
    assert_eq!(amount("QQ1", "2023-01-01", poor()), 54_000);
}

#[test]
fn before_the_law_there_is_no_programme() {
    let error = eval_json(law(), "QQ", day("2019-12-31"), "a", &poor()).expect_err("not in force");
    assert!(matches!(error, LawError::NotInForce { .. }), "{error}");
    let error = eval_json(law(), "ZZ", day("2020-12-31"), "a", &poor()).expect_err("no such place");
    assert_eq!(error, LawError::UnknownPlace("ZZ".into()));
    let error =
        eval_json(law(), "QQ", day("2020-12-31"), "甲津帖", &poor()).expect_err("no such name");
    assert!(error.to_string().contains("甲津贴"), "{error}");
}

#[test]
fn a_figure_decided_later_is_not_seen_earlier() {
    let situation =
        Situation::from_json(law(), &poor(), Subject::Household, day("2021-07-01")).expect("reads");
    let paid = |known: Option<&str>| {
        let edition = law()
            .edition("QQ1", day("2021-07-01"), known.map(day))
            .expect("a place");
        edition
            .determine("a", &situation, false)
            .expect("evaluates")
            .outcome
            .amount()
    };
    assert_eq!(paid(Some("2021-08-09")), Fen::yuan(250));
    assert_eq!(paid(Some("2021-08-10")), Fen::yuan(300));
    assert_eq!(paid(None), Fen::yuan(300));
}

#[test]
fn money_is_whole_fen_or_an_error_that_names_the_rule() {
    let error = eval_json(law(), "QQ", day("2020-05-01"), "b", &poor()).expect_err("500 / 3");
    assert!(
        matches!(&error, LawError::NotMoney { rule, .. } if rule == "三分之一"),
        "{error}"
    );
    assert_eq!(
        eval_json(law(), "QQ1", day("2020-05-01"), "b", &poor())
            .expect("600 / 3")
            .outcome
            .amount(),
        Fen::yuan(200)
    );
}

#[test]
fn reasons_name_article_figures_and_row() {
    let json =
        json!({"存款": 0, "成员": [{"月入": 100, "等级": 3}, {"月入": 0, "支出": 50, "等级": 1}]});
    let evaluation = eval_json(law(), "QQ", day("2020-05-01"), "a", &json).expect("evaluates");
    assert_eq!(evaluation.outcome.amount(), Fen::yuan(970));
    let texts: Vec<(&str, &str)> = evaluation
        .reasons
        .iter()
        .map(|r| (r.article.as_str(), r.text.zh.as_str()))
        .collect();
    assert_eq!(texts[0], ("第二条", "户收入 100 元，标准 1000 元。"));
    assert!(texts.contains(&("第三条", "差额 970 元。")), "{texts:?}");
    assert_eq!(evaluation.lines, [("增发合计".to_string(), json!(70))]);
    // A refusal says the sentence for a refusal.
    let rich = json!({"存款": 0, "成员": [{"月入": 700, "等级": 0}]});
    let refused = eval_json(law(), "QQ", day("2020-05-01"), "a", &rich).expect("evaluates");
    assert_eq!(refused.reasons.len(), 1);
    assert_eq!(
        refused.reasons[0].text.en,
        "Income 700 yuan is above the standard of 500 yuan."
    );
    assert_eq!(refused.reasons[0].instrument, "总则");
    // A table's reason is the row's, with the row's article.
    let member = json!({"等级": 2});
    let row = eval_json(law(), "QQ", day("2020-05-01"), "增发", &member).expect("evaluates");
    assert_eq!(
        (row.result, row.reasons[0].article.as_str()),
        (json!(20), "第二条")
    );
    assert_eq!(row.reasons[0].text.zh, "低等级");
}

#[test]
fn the_trace_leads_from_the_evidence_to_the_outcome() {
    let evaluation = eval_json(law(), "QQ1", day("2020-05-01"), "a", &poor()).expect("evaluates");
    for (n, node) in evaluation.trace.iter().enumerate() {
        assert!(
            node.from.iter().all(|&f| f < n),
            "{} reads what comes later",
            node.name
        );
        assert_eq!(
            node.citation.is_some(),
            node.kind != NodeKind::Evidence && node.kind != NodeKind::Previous
        );
    }
    let standard = evaluation
        .trace
        .iter()
        .find(|n| n.name == "标准")
        .expect("the parameter");
    assert_eq!(
        (standard.value.clone(), standard.unit.as_str()),
        (json!(600), "元/月")
    );
    assert!(
        standard
            .note
            .as_deref()
            .is_some_and(|n| n.contains("QQ1 2020-01-01 [confirmed]，省公报"))
    );
    let income = evaluation
        .trace
        .iter()
        .find(|n| n.name == "月入")
        .expect("the evidence");
    assert_eq!((income.member, income.kind), (Some(0), NodeKind::Evidence));
    let amount = evaluation
        .trace
        .iter()
        .find(|n| n.name == "金额")
        .expect("the rule");
    assert_eq!(amount.value, evaluation.result);
}

#[test]
fn a_period_hands_over_to_the_next() {
    let edition = law()
        .edition("QQ", day("2020-05-01"), None)
        .expect("a place");
    let mut situation =
        Situation::from_json(law(), &poor(), Subject::Household, day("2020-05-01")).expect("reads");
    for period in 1..4 {
        let evaluation = edition
            .determine("a", &situation, false)
            .expect("evaluates");
        assert_eq!(evaluation.carry["期数"], json!(period));
        situation.previous = Some(
            law()
                .carry(Subject::Household, &evaluation.carry)
                .expect("a carry"),
        );
    }
}

#[test]
fn events_see_what_earlier_events_used_up() {
    let claim = |cost: i64, before: i64| {
        let json =
            json!({"事件": {"日": "2020-03-01", "费用": cost}, "上期": {"报销累计": before}});
        eval_json(law(), "QQ", day("2020-05-01"), "c", &json).expect("evaluates")
    };
    assert_eq!(claim(500, 0).outcome.amount(), Fen::yuan(250));
    let last = claim(500, 900);
    assert_eq!(last.outcome.amount(), Fen::yuan(100));
    assert_eq!(last.carry["报销累计"], json!(1000));
    let none = eval_json(law(), "QQ", day("2020-05-01"), "c", &json!({})).expect("evaluates");
    assert_eq!(none.outcome.name(), "undetermined");
}

#[test]
fn a_member_rule_sees_the_household() {
    let json = json!({"存月": 90, "家庭": {"存款": 0, "成员": [{}, {}]}});
    let share = eval_json(law(), "QQ", day("2020-05-01"), "本人份额", &json).expect("evaluates");
    assert_eq!(share.outcome, Outcome::Entitled { amount: None });
    assert!((share.result.as_f64().expect("a number") - 30.0).abs() < 1e-9);
}

#[test]
fn json_that_is_no_situation_is_refused_with_its_place() {
    let refused = |json: Json| {
        let error = Situation::from_json(law(), &json, Subject::Household, day("2020-05-01"));
        error.expect_err("refused").to_string()
    };
    assert!(refused(json!({"存欵": 1})).contains("存款"));
    let wrong = refused(json!({"成员": [{}, {"月入": "多"}]}));
    assert!(wrong.starts_with("成员[2].月入:"), "{wrong}");
    assert!(refused(json!({"金额": 1})).contains("computed"));
    assert!(refused(json!({"月入": 1})).contains("members"));
    assert!(refused(json!({"成员": {}})).contains("list"));
    assert!(refused(json!([])).contains("object"));
    assert!(refused(json!({"上期": {"期": 1}})).starts_with("上期.期"));
}

/// The short way of reading a fact gives what the JSON reader gives, or leaves it to that.
#[test]
fn plain_facts_read_as_json_does() {
    let texts = [
        "0",
        "-0",
        "7",
        "1250.5",
        "-12.50",
        "0.05",
        "007",
        "+5",
        ".5",
        "5.",
        "1e3",
        "--1",
        "-",
        "1.2.3",
        "123456789012345678901234567890",
        "12345678901234567.5",
        "true",
        "false",
        "null",
        "\"\"",
        "\"2026-02-28\"",
        "\"2026-02-30\"",
        "\"2026-2-1\"",
        "\"甲\"",
        "\"\\u7532\"",
        "\"甲",
        "\"甲\"\"",
        "甲",
        " 1",
        "1 ",
    ];
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    let kinds = "---\nnumber: 一\ntitle: 证据\ntitle_en: Evidence\nplace: QQ\nfrom: 2020-01-01\nstatus: confirmed\n---\n\
        ## 第一条 证据 · Evidence\n\n@evidence 家庭\n| 名称 | type | absent | en |\n| --- | --- | --- | --- |\n\
        | 数额 | 元 | missing | sum |\n| 有无 | 是否 | missing | yes or no |\n| 日子 | 日期 | missing | day |\n\
        | 类别 | [\"甲\", \"乙\"] | missing | class |\n";
    let files = vec![file("places.csv", PLACES), file("QQ/a.md", kinds)];
    let law = Law::load(files).unwrap_or_else(|r| panic!("{}", r.render(Language::English)));
    let mut plain = 0;
    for kind in law.kinds(Subject::Household) {
        for text in texts {
            let json = serde_json::from_str::<Json>(text).ok();
            let slow = json.and_then(|j| kind.parse(&j).ok());
            assert_eq!(kind.parse_json(text).ok(), slow, "{} {text}", kind.name);
            plain += usize::from(kind.parse_plain(text).is_some());
        }
    }
    assert_eq!(plain, 6 + 2 + 1 + 1);
}

#[test]
fn the_dependency_order_has_what_is_read_first() {
    let edition = law()
        .edition("QQ", day("2020-05-01"), None)
        .expect("a place");
    let order: Vec<&str> = edition.order().into_iter().map(|(_, n)| n).collect();
    let at = |name: &str| order.iter().position(|n| *n == name).expect("in force");
    for (reads, read) in [
        ("金额", "户收入"),
        ("户收入", "净收入"),
        ("金额", "保障比例"),
        ("报销累计", "报销"),
    ] {
        assert!(at(read) < at(reads), "{reads} before {read}");
    }
    let kinds: Vec<&str> = edition.needs("a").iter().map(|k| &*k.name).collect();
    assert_eq!(kinds, ["存款", "月入", "支出", "等级"]);
}

/// A household of up to four; `None` is silence.
fn household() -> impl Strategy<Value = (Option<i64>, Vec<[Option<i64>; 3]>)> {
    let figure = |most: i64| proptest::option::weighted(0.8, 0..most);
    let member = (figure(1500), figure(500), figure(5)).prop_map(|(a, b, c)| [a, b, c]);
    (figure(30_000), proptest::collection::vec(member, 1..4))
}

fn situation(savings: Option<i64>, members: &[[Option<i64>; 3]]) -> Situation {
    let law = law();
    let mut situation = Situation::blank(law, day("2021-07-01"));
    let slot = |subject, name| law.kind(subject, name).expect("a kind").slot;
    if let Some(savings) = savings {
        situation.household[slot(Subject::Household, "存款")] = Value::from(savings);
    }
    for member in members {
        let mut record = law.blank(Subject::Person);
        for (value, name) in member.iter().zip(["月入", "支出", "等级"]) {
            if let Some(value) = value {
                record[slot(Subject::Person, name)] = Value::from(*value);
            }
        }
        situation.members.push(record);
    }
    situation
}

proptest! {
    /// Silence neither entitles nor refuses: what was decided with holes is decided the same,
    /// whatever fills them; and what is called missing is silent indeed.
    #[test]
    fn knowing_more_never_overturns(
        (savings, members) in household(),
        fill in proptest::collection::vec(0i64..1500, 13),
    ) {
        let edition = law().edition("QQ1", day("2021-07-01"), None).expect("a place");
        let holes = situation(savings, &members);
        let before = edition.determine("a", &holes, false).expect("evaluates").outcome;
        let mut fill = fill.into_iter();
        let mut filled = |v: Option<i64>| v.or_else(|| fill.next());
        let all: Vec<[Option<i64>; 3]> = members.iter()
            .map(|[income, spent, grade]| [filled(*income), *spent, filled(*grade)]).collect();
        let whole = situation(filled(savings), &all);
        let after = edition.determine("a", &whole, false).expect("evaluates").outcome;
        prop_assert_ne!(after.name(), "undetermined");
        match before {
            Outcome::Undetermined { missing } => {
                prop_assert!(!missing.is_empty());
                for one in missing {
                    let silent = match one.member {
                        None => savings.is_none(),
                        Some(n) => members[n][if one.name == "月入" { 0 } else { 2 }].is_none(),
                    };
                    prop_assert!(silent, "{one:?}");
                }
            }
            Outcome::Refused { .. } => prop_assert_eq!(after.name(), "refused"),
            decided => prop_assert_eq!(decided, after),
        }
    }

    /// One evaluator for many households gives what a fresh one gives to each, with and without trace.
    #[test]
    fn buffers_do_not_leak(all in proptest::collection::vec(household(), 1..6)) {
        let edition = law().edition("QQ1", day("2021-07-01"), None).expect("a place");
        let handle = edition.handle("a").expect("in force");
        let mut evaluator = edition.evaluator();
        for (savings, members) in &all {
            let situation = situation(*savings, members);
            let reused = evaluator.outcome(handle, &situation).expect("evaluates");
            let fresh = edition.determine("a", &situation, true).expect("evaluates");
            prop_assert_eq!(&reused, &fresh.outcome);
            let plain = evaluator.determine(handle, &situation, false).expect("evaluates");
            prop_assert!(plain.trace.is_empty());
            prop_assert_eq!((plain.outcome, plain.reasons, plain.carry), (fresh.outcome, fresh.reasons, fresh.carry));
        }
    }

    /// The amount against the rule worked out by hand.
    #[test]
    fn the_amount_is_the_rule(incomes in proptest::collection::vec((0i64..900, 0i64..300, 0i64..5), 1..5)) {
        let members: Vec<[Option<i64>; 3]> = incomes.iter().map(|(a, b, c)| [Some(*a), Some(*b), Some(*c)]).collect();
        let edition = law().edition("QQ", day("2020-05-01"), None).expect("a place");
        let outcome = edition.determine("a", &situation(Some(0), &members), false).expect("evaluates").outcome;
        let income: i64 = incomes.iter().map(|(a, b, _)| (a - b).max(0)).sum();
        let standard = 500 * incomes.len() as i64;
        if income >= standard {
            prop_assert_eq!(outcome, Outcome::Refused { condition: "收入条件".into() });
        } else {
            let grades: i64 = incomes.iter().map(|(_, _, g)| if *g >= 3 { 50 } else if *g >= 1 { 20 } else { 0 }).sum();
            prop_assert_eq!(outcome.amount(), Fen::yuan(standard - income + grades));
        }
    }

    /// Whatever becomes of a file, reading it ends with a report, and what loads can be asked.
    #[test]
    fn no_damage_to_a_file_makes_it_panic(
        cuts in proptest::collection::vec((0usize..4000, 0usize..40, "[|`{}:：，@#\\-\\[\\]<>=?0-9甲 \n]{0,3}"), 1..4),
    ) {
        let mut text = GENERAL.to_string();
        for (at, length, new) in cuts {
            let chars: Vec<char> = text.chars().collect();
            let from = at.min(chars.len());
            let to = (from + length).min(chars.len());
            text = chars[..from].iter().collect::<String>() + &new + &chars[to..].iter().collect::<String>();
        }
        let files = [("places.csv", PLACES), ("a.md", text.as_str()), ("l.md", LATER)];
        let files = files.map(|(path, text)| SourceFile { path: path.into(), text: text.into() });
        let (law, report) = Law::load_lenient(files.to_vec());
        let _ = (report.render(Language::Both), report.to_json(), law.list());
        let _ = eval_json(&law, "QQ", day("2020-05-01"), "a", &poor());
    }
}
