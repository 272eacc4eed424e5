//! Both roads over small laws.

use super::{Columns, Intermediates, Plan, Texts, code};
use crate::law::{Law, Situation, SourceFile};
use crate::outcome::Outcome;
use crate::programme::Subject;
use base::{Day, parse_day};
use serde_json::json;
use std::sync::Arc;

const HEAD: &str = "---\nnumber: 甲\ntitle: 甲\ntitle_en: A\nplace: X\nfrom: 2000-01-01\nstatus: confirmed\nsource: test\n---\n# 甲 · A\n## 一 · One\n";

fn law(text: &str) -> Law {
    let files = vec![
        SourceFile {
            path: "places.csv".into(),
            text: "code,name,name_en,parent\nX,某地,X,\nX-1,某区,X1,X\n".into(),
        },
        SourceFile {
            path: "X/a.md".into(),
            text: format!("{HEAD}{text}"),
        },
    ];
    match Law::load(files) {
        Ok(law) => law,
        Err(report) => panic!("{report:?}"),
    }
}

fn day(text: &str) -> Day {
    parse_day(text).expect("a day")
}

/// Compares both roads over situations and gives the codes.
fn compare(law: &Law, situations: &[Situation], on: &str) -> (Vec<u8>, usize, u64) {
    let on = day(on);
    let mut columns = Columns::from_situations(law, Arc::new(Texts::default()), "X", situations);
    let plan = Plan::new(law, "p", &mut columns, on, None, true).expect("a plan");
    let (totals, decisions) = plan.decisions(&columns, 2);
    let edition = law.edition("X", on, None).expect("an edition");
    let handle = edition.handle("p").expect("a programme");
    let mut evaluator = edition.evaluator();
    for (n, situation) in situations.iter().enumerate() {
        let row = evaluator.outcome(handle, situation);
        let got = (decisions.outcome[n], decisions.amount[n]);
        match row {
            Ok(Outcome::NotApplicable) => assert_eq!(got, (code::NOT_APPLICABLE, 0), "{n}"),
            Ok(Outcome::Refused { condition }) => {
                assert_eq!(got.0, code::REFUSED, "{n}");
                let named = &plan.conditions()[decisions.reason[n] as usize];
                assert_eq!(*named, condition, "{n}");
            }
            Ok(Outcome::Undetermined { .. }) => assert_eq!(got.0, code::UNDETERMINED, "{n}"),
            Ok(Outcome::Entitled { amount }) => {
                assert_eq!(got, (code::ENTITLED, amount.map_or(0, |a| a.0)), "{n}");
            }
            Err(_) => assert_eq!(got.0, code::FAILED, "{n}"),
        }
    }
    kept_values_are_those_of_the_row_road(law, &plan, &columns, situations, on);
    let stuck = plan.vectorised().row_by_row;
    (decisions.outcome, stuck.len(), totals.by_row)
}

/// Every value that is known in columns is the row road's.
fn kept_values_are_those_of_the_row_road(
    law: &Law,
    plan: &Plan,
    columns: &Columns,
    situations: &[Situation],
    on: Day,
) {
    let mut into = Intermediates::default();
    plan.totals_kept(columns, 1, &mut into);
    let edition = law.edition("X", on, None).expect("an edition");
    let mut evaluator = edition.evaluator();
    for (subject, name) in plan.kept() {
        let values = into
            .values(plan, columns, subject, name)
            .expect("kept values");
        let mut at = 0;
        for situation in situations {
            let mut situation = situation.clone();
            let count = match subject {
                Subject::Household => 1,
                Subject::Person => situation.members.len(),
            };
            for member in 0..count {
                situation.subject_member = (subject == Subject::Person).then_some(member);
                let prefix = if count == 1 && subject == Subject::Household {
                    ""
                } else {
                    "成员."
                };
                let row = evaluator.evaluate_rule(&format!("{prefix}{name}"), &situation, false);
                let Ok(row) = row else { continue };
                let column = &values[at + member];
                assert_eq!(column.to_json(), row.result, "{name} of {at}");
            }
            at += count;
        }
    }
}

const RULES: &str = r#"
@evidence 成员
| 名称 | type | absent | en |
| --- | --- | --- | --- |
| 工资 | 元/月 | missing | wage |
| 出生 | 日期 | missing | birth |
| 等级 | 数 | 0 | grade |
| 在校 | 是否 | false | student |

@evidence 家庭
| 名称 | type | absent | en |
| --- | --- | --- | --- |
| 城乡 | ["城","乡"] | "城" | kind |
| 资产 | 元/月 | missing | assets |

@parameter 标准 : 元/月 · standard
| value | place | from | to | source | status |
| --- | --- | --- | --- | --- | --- |
| 800.5 | X | | | test | confirmed |

```feel 成员.年龄 : 数
years and months duration(出生, 基准日).years
```

@table 成员.加成 : 比率 hit F
| 等级 | 年龄 | → |
| --- | --- | --- |
| [1..2] | - | 0.3 |
| - | >= 70 | 0.2 |
| - | < 18 | 0.2 |
| > 2 | - | 0.15 |
| - | - | 0 |

```feel 成员.净收入 : 元/月
if 在校 then 0 else 工资 - min(工资 * 0.2, 标准 * 0.3)
```

```feel 人均 : 元/月
sum(成员.净收入) / count(成员)
```

```feel 低收入 : 是否
人均 < 标准
```

```feel 低资产 : 是否
资产 <= 标准 * 24 * count(成员) or 城乡 = "乡"
```

```feel 有成人 : 是否
some m in 成员 satisfies m.年龄 >= 18
```

```feel 金额 : 元/月
ceiling((标准 * count(成员) - sum(成员.净收入)) * 0.9) + decimal(标准 * sum(成员.加成), 2)
```

@programme 甲津贴
```yaml
id: p
en: A
subject: household
rhythm: month
reference: first
unit: 元
conditions: [有成人, 低资产, 低收入]
amount: 金额
application: automatic
start: same-month
```
"#;

#[test]
fn both_roads_agree_on_gaps_tables_and_folds() {
    let law = law(RULES);
    let on = day("2026-05-31");
    let mut situations = Vec::new();
    for n in 0..400u32 {
        let members: Vec<_> = (0..=n % 4)
            .map(|m| {
                let k = n * 7 + m * 13;
                let mut member = json!({
                    "出生": format!("{:04}-{:02}-{:02}", 1930 + k % 90, 1 + k % 12, 1 + k % 28),
                    "等级": k % 5,
                    "在校": k % 6 == 0,
                });
                if k % 11 != 0 {
                    member["工资"] = json!(f64::from(k % 1700) + 0.25);
                }
                member
            })
            .collect();
        let mut json = json!({"成员": members, "城乡": if n % 3 == 0 { "乡" } else { "城" }});
        if n % 5 != 0 {
            json["资产"] = json!(n * 300);
        }
        situations
            .push(Situation::from_json(&law, &json, Subject::Household, on).expect("a situation"));
    }
    let (codes, stuck, by_row) = compare(&law, &situations, "2026-05-31");
    assert_eq!((stuck, by_row), (0, 0));
    for wanted in [code::REFUSED, code::UNDETERMINED, code::ENTITLED] {
        assert!(codes.contains(&wanted), "{wanted}");
    }
}

#[test]
fn what_has_no_columnar_form_runs_by_row_and_is_counted() {
    let text = RULES.replace(
        "some m in 成员 satisfies m.年龄 >= 18",
        "string length(城乡) > 0 and sqrt(资产) >= 0",
    );
    let law = law(&text);
    let on = day("2026-05-31");
    let situations: Vec<Situation> = (0..70)
        .map(|n| {
            let json = json!({
                "资产": n * 1000,
                "成员": [{"出生": "1980-02-29", "工资": n * 20}],
            });
            Situation::from_json(&law, &json, Subject::Household, on).expect("a situation")
        })
        .collect();
    let (codes, stuck, _) = compare(&law, &situations, "2026-05-31");
    assert_eq!(stuck, 1);
    assert!(codes.contains(&code::ENTITLED));
}

#[test]
fn a_division_by_zero_goes_to_the_row_road() {
    let text = RULES.replace("/ count(成员)", "/ sum(成员.等级)");
    let law = law(&text);
    let on = day("2026-05-31");
    let situations: Vec<Situation> = (0..70)
        .map(|n| {
            let json = json!({
                "资产": 1000,
                "成员": [{"出生": "1980-02-29", "工资": 300 + n * 20, "等级": n % 3}],
            });
            Situation::from_json(&law, &json, Subject::Household, on).expect("a situation")
        })
        .collect();
    let (codes, stuck, by_row) = compare(&law, &situations, "2026-05-31");
    assert_eq!(stuck, 0);
    assert!(by_row >= 23);
    assert!(codes.contains(&code::ENTITLED));
}
