//! One answer: random laws over random households by row, in columns, and by an evaluator that
//! shares no code with either; the shipped law by row and in columns.

use crate::naive::{Facts, Fraction, Naive, Rule, Rules, Value as Plain};
use crate::{read_dir, root};
use policy::columnar::{Columns, Decisions, Intermediates, Pass, Plan, Texts, code};
use policy::law::{Edition, Law, Situation, SourceFile};
use policy::outcome::Outcome;
use policy::programme::Subject;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

const DAY: (i32, i32, i32) = (2026, 5, 31);

fn day() -> base::Day {
    base::parse_day("2026-05-31").expect("a day")
}

/// A small generator, so that a law follows from one number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let mixed = (self.0 >> 33) ^ (self.0 >> 13);
        (mixed % sides as u64) as usize
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}

/// Rules so far, by subject and whether they are numbers.
struct Writer {
    dice: Dice,
    numbers: [Vec<String>; 2],
    booleans: [Vec<String>; 2],
    rules: Rules,
    text: String,
}

const NUMBERS: [[&str; 2]; 2] = [["子数", "丑数"], ["甲数", "乙数"]];

impl Writer {
    fn literal(&mut self) -> String {
        let whole = self.dice.roll(60);
        match self.dice.roll(4) {
            0 => format!("{whole}.5"),
            1 => format!("{whole}.25"),
            _ => whole.to_string(),
        }
    }

    fn name(&mut self, who: usize) -> String {
        let known = &self.numbers[who];
        match self.dice.roll(3) {
            0 if !known.is_empty() => known[self.dice.roll(known.len())].clone(),
            1 if who == 0 => "限数".to_string(),
            _ => self.dice.one(&NUMBERS[who]).to_string(),
        }
    }

    fn number(&mut self, who: usize, depth: usize) -> String {
        if depth == 0 {
            return match self.dice.roll(4) {
                0 => self.literal(),
                1 if who == 1 => format!("家庭.{}", self.household_name()),
                _ => self.name(who),
            };
        }
        let d = depth - 1;
        match self.dice.roll(12) {
            0 | 1 => format!("({} + {})", self.number(who, d), self.number(who, d)),
            2 => format!("({} - {})", self.number(who, d), self.number(who, d)),
            3 => format!("({} * {})", self.number(who, d), self.literal()),
            4 => format!("min({}, {})", self.number(who, d), self.number(who, d)),
            5 => format!("max({}, {})", self.number(who, d), self.number(who, d)),
            6 => {
                let by = [3, 7, 8, 12, 40][self.dice.roll(5)];
                let places = self.dice.roll(3);
                let f = self.dice.one(&["floor", "ceiling", "decimal"]);
                format!("{f}({} / {by}, {places})", self.number(who, d))
            }
            7 => {
                let places = self.dice.roll(3);
                let f = self.dice.one(&["floor", "ceiling", "decimal"]);
                format!("{f}({}, {places})", self.number(who, d))
            }
            8 => format!(
                "(if {} then {} else {})",
                self.boolean(who, d),
                self.number(who, d),
                self.number(who, d)
            ),
            9 if who == 1 => "years and months duration(丁日, 基准日).years".to_string(),
            9 | 10 if who == 0 => self.fold(),
            11 => format!("abs({})", self.number(who, d)),
            _ => self.name(who),
        }
    }

    fn household_name(&mut self) -> String {
        self.dice.one(&NUMBERS[0]).to_string()
    }

    fn fold(&mut self) -> String {
        let members = match self.dice.roll(3) {
            0 => "成员".to_string(),
            1 => format!("成员[item.{} > {}]", self.name(1), self.literal()),
            _ => "成员[item.丙是]".to_string(),
        };
        match self.dice.roll(6) {
            0 => format!("count({members})"),
            1 => format!("floor({} / count(成员), 2)", self.name(0)),
            2 => format!("min({members}.{})", self.name(1)),
            3 => format!("max({members}.{})", self.name(1)),
            _ => format!("sum({members}.{})", self.name(1)),
        }
    }

    fn boolean(&mut self, who: usize, depth: usize) -> String {
        if depth == 0 {
            return match self.dice.roll(6) {
                0 => ["寅是", "丙是"][who].to_string(),
                1 => format!("{} = \"红\"", ["卯文", "戊文"][who]),
                2 => format!("{} in (\"红\", \"蓝\")", ["卯文", "戊文"][who]),
                3 if who == 1 => "己数 = null".to_string(),
                _ => {
                    let sign = self.dice.one(&["<", "<=", ">", ">=", "=", "!="]);
                    format!("{} {sign} {}", self.name(who), self.literal())
                }
            };
        }
        let d = depth - 1;
        match self.dice.roll(8) {
            0 => format!("({} and {})", self.boolean(who, d), self.boolean(who, d)),
            1 => format!("({} or {})", self.boolean(who, d), self.boolean(who, d)),
            2 => format!("not({})", self.boolean(who, d)),
            3 => format!(
                "({} between {} and {})",
                self.name(who),
                self.literal(),
                self.literal()
            ),
            4 => format!(
                "({} in [{}..{}])",
                self.name(who),
                self.dice.roll(20),
                20 + self.dice.roll(30)
            ),
            5 if who == 0 => {
                let quantifier = self.dice.one(&["some", "every"]);
                format!(
                    "({quantifier} m in 成员 satisfies m.{} > {})",
                    self.name(1),
                    self.literal()
                )
            }
            6 => format!("({} / 7 < {})", self.number(who, d), self.number(who, d)),
            7 if !self.booleans[who].is_empty() => {
                let known = &self.booleans[who];
                known[self.dice.roll(known.len())].clone()
            }
            _ => {
                let sign = self.dice.one(&["<", "<=", ">", ">="]);
                format!("{} {sign} {}", self.number(who, d), self.number(who, d))
            }
        }
    }

    fn add(&mut self, who: usize, name: &str, ty: &str, body: String) {
        let prefix = ["", "成员."][who];
        let _ = writeln!(self.text, "```feel {prefix}{name} : {ty}\n{body}\n```\n");
        let rules = [&mut self.rules.household, &mut self.rules.member];
        let [household, member] = rules;
        [household, member][who].insert(name.to_string(), Rule::Text(body));
    }

    fn table(&mut self, name: &str) {
        let hit = self
            .dice
            .one(&["F", "C+", "C<", "C>", "C#", "A", "F"])
            .to_string();
        let inputs = vec!["乙数".to_string(), "丙是".to_string(), "戊文".to_string()];
        let mut rows = Vec::new();
        for n in 0..3 + self.dice.roll(3) {
            let number = match self.dice.roll(4) {
                0 => format!("> {}", self.dice.roll(40)),
                1 => format!("<= {}", self.dice.roll(40)),
                2 => format!("[{}..{}]", self.dice.roll(10), 10 + self.dice.roll(30)),
                _ => "-".to_string(),
            };
            let yes = self.dice.one(&["true", "false", "-", "-"]).to_string();
            let color = self
                .dice
                .one(&["\"红\"", "\"黄\",\"蓝\"", "not(\"红\")", "-", "-"])
                .to_string();
            let result = match self.dice.roll(3) {
                0 if hit != "A" => self.name(1),
                _ if hit == "A" => "4".to_string(),
                _ => (n * 3).to_string(),
            };
            rows.push((vec![number, yes, color], result));
        }
        rows.push((
            vec!["-".into(), "-".into(), "-".into()],
            if hit == "A" { "4".into() } else { "1".into() },
        ));
        let _ = writeln!(self.text, "@table 成员.{name} : 数 hit {hit}");
        let _ = writeln!(
            self.text,
            "| {} | → |\n| --- | --- | --- | --- |",
            inputs.join(" | ")
        );
        for (cells, result) in &rows {
            let _ = writeln!(self.text, "| {} | {result} |", cells.join(" | "));
        }
        self.text.push('\n');
        self.rules
            .member
            .insert(name.to_string(), Rule::Table(hit, inputs, rows));
        self.numbers[1].push(name.to_string());
    }
}

const HEAD: &str = r#"---
number: 甲
title: 甲
title_en: A
place: X
from: 2000-01-01
status: confirmed
source: test
---
# 甲 · A
## 一 · One

@evidence 成员
| 名称 | type | absent | en |
| --- | --- | --- | --- |
| 甲数 | 数 | missing | a |
| 乙数 | 数 | 0 | b |
| 丙是 | 是否 | false | c |
| 丁日 | 日期 | missing | d |
| 戊文 | ["红","黄","蓝"] | missing | e |
| 己数 | 数? | null | f |

@evidence 家庭
| 名称 | type | absent | en |
| --- | --- | --- | --- |
| 子数 | 数 | missing | g |
| 丑数 | 数 | 0 | h |
| 寅是 | 是否 | missing | i |
| 卯文 | ["红","黄","蓝"] | "红" | j |

@parameter 限数 : 数 · limit
| value | place | from | to | source | status |
| --- | --- | --- | --- | --- | --- |
| 23.75 | X | | | test | confirmed |

"#;

const PROGRAMME: &str = r#"@programme 甲津贴
```yaml
id: p
en: A
subject: household
rhythm: month
reference: first
unit: 元
applies: 适用
conditions: [条件一, 条件二]
amount: 金额
application: automatic
start: same-month
```
"#;

/// A law from a number, and its rules for the naive evaluator.
fn write_law(seed: u64) -> (String, Rules) {
    let mut w = Writer {
        dice: Dice(seed ^ 0x9e37_79b9_7f4a_7c15),
        numbers: Default::default(),
        booleans: Default::default(),
        rules: Rules::default(),
        text: HEAD.to_string(),
    };
    let limit = Plain::Number(Fraction::new(2375, 100));
    w.rules.figures.insert("限数".into(), limit);
    for n in 0..3 {
        let body = w.number(1, 3);
        w.add(1, &format!("员数{n}"), "数", body);
        w.numbers[1].push(format!("员数{n}"));
        w.table(&format!("员表{n}"));
        let body = w.boolean(1, 2);
        w.add(1, &format!("员是{n}"), "是否", body);
        w.booleans[1].push(format!("员是{n}"));
        let body = w.number(0, 3);
        w.add(0, &format!("户数{n}"), "数", body);
        w.numbers[0].push(format!("户数{n}"));
    }
    let body = format!("{} or 丑数 < 50", w.boolean(0, 1));
    w.add(0, "适用", "是否", body);
    for name in ["条件一", "条件二"] {
        let body = w.boolean(0, 2);
        w.add(0, name, "是否", body);
    }
    let body = format!("max(0, decimal({}, 2))", w.number(0, 3));
    w.add(0, "金额", "元", body);
    w.text.push_str(PROGRAMME);
    (w.text, w.rules)
}

/// Households with gaps, from a number.
fn households(seed: u64) -> Vec<Json> {
    let mut dice = Dice(seed);
    let colors = ["红", "黄", "蓝"];
    let mut out = Vec::new();
    for _ in 0..90 {
        let number =
            |dice: &mut Dice| json!(dice.roll(4000) as f64 / [1.0, 4.0, 100.0][dice.roll(3)]);
        let mut members = Vec::new();
        for _ in 0..1 + dice.roll(4) {
            let mut m = serde_json::Map::new();
            if dice.roll(12) > 0 {
                m.insert("甲数".into(), number(&mut dice));
            }
            if dice.roll(3) > 0 {
                m.insert("乙数".into(), json!(dice.roll(50)));
            }
            if dice.roll(2) > 0 {
                m.insert("丙是".into(), json!(dice.roll(2) > 0));
            }
            if dice.roll(12) > 0 {
                let (y, mo, d) = (1930 + dice.roll(98), 1 + dice.roll(12), 1 + dice.roll(28));
                m.insert("丁日".into(), json!(format!("{y:04}-{mo:02}-{d:02}")));
            }
            if dice.roll(12) > 0 {
                m.insert("戊文".into(), json!(dice.one(&colors)));
            }
            if dice.roll(2) > 0 {
                m.insert("己数".into(), json!(dice.roll(9)));
            }
            members.push(Json::Object(m));
        }
        let mut h = serde_json::Map::new();
        if dice.roll(9) > 0 {
            h.insert("子数".into(), number(&mut dice));
        }
        if dice.roll(3) > 0 {
            h.insert("丑数".into(), json!(dice.roll(70)));
        }
        if dice.roll(9) > 0 {
            h.insert("寅是".into(), json!(dice.roll(2) > 0));
        }
        if dice.roll(2) > 0 {
            h.insert("卯文".into(), json!(dice.one(&colors)));
        }
        h.insert("成员".into(), Json::Array(members));
        out.push(Json::Object(h));
    }
    out
}

fn plain(json: &Json) -> Plain {
    match json {
        Json::Bool(b) => Plain::Boolean(*b),
        Json::Number(n) => {
            let text = n.to_string();
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            let over: i128 = format!("{whole}{part}").parse().expect("digits");
            Plain::Number(Fraction::new(over, 10i128.pow(part.len() as u32)))
        }
        Json::String(s) if s.len() == 10 && s.as_bytes()[4] == b'-' => {
            let part = |r: std::ops::Range<usize>| s[r].parse().expect("a number");
            Plain::Day(part(0..4), part(5..7), part(8..10))
        }
        Json::String(s) => Plain::Text(s.clone()),
        _ => Plain::Null,
    }
}

fn facts(json: &Json) -> Facts {
    let with = |defaults: &[(&str, Plain)], given: &Json| {
        let mut out: BTreeMap<String, Plain> = defaults
            .iter()
            .map(|(n, v)| (n.to_string(), v.clone()))
            .collect();
        for (name, value) in given.as_object().expect("an object") {
            if name != "成员" {
                out.insert(name.clone(), plain(value));
            }
        }
        out
    };
    let zero = Plain::Number(Fraction::whole(0));
    let red = Plain::Text("红".into());
    Facts {
        household: with(&[("丑数", zero.clone()), ("卯文", red)], json),
        members: json["成员"]
            .as_array()
            .expect("members")
            .iter()
            .map(|m| {
                with(
                    &[("乙数", zero.clone()), ("丙是", Plain::Boolean(false))],
                    m,
                )
            })
            .collect(),
        day: DAY,
    }
}

/// Outcome, amount and refusing condition, as the naive evaluator sees them; none when a rule broke.
fn naive(rules: &Rules, json: &Json) -> Option<(u8, i64, u32)> {
    let facts = facts(json);
    let naive = Naive {
        rules,
        facts: &facts,
        broken: false.into(),
    };
    let ask = |name: &str| {
        naive
            .rule(name, None)
            .expect("the rule")
            .unwrap_or_else(|_| {
                naive.broken.set(true);
                Plain::Null
            })
    };
    let decided = match ask("适用") {
        Plain::Boolean(false) => (code::NOT_APPLICABLE, 0, 0),
        Plain::Boolean(true) => {
            let answers = [ask("条件一"), ask("条件二")];
            let no = answers.iter().position(|a| *a == Plain::Boolean(false));
            let unknown = answers
                .iter()
                .enumerate()
                .filter(|(_, a)| **a == Plain::Null)
                .fold(0u32, |bits, (n, _)| bits | 2 << n);
            match (no, unknown, ask("金额")) {
                (Some(at), ..) => (code::REFUSED, 0, at as u32),
                (None, 0, Plain::Number(n)) => (code::ENTITLED, (n.over * 100 / n.under) as i64, 0),
                (None, 0, _) => (code::UNDETERMINED, 0, 8),
                (None, bits, _) => (code::UNDETERMINED, 0, bits),
            }
        }
        _ => (code::UNDETERMINED, 0, 1),
    };
    (!naive.broken.get()).then_some(decided)
}

fn load(text: &str) -> Result<Law, String> {
    let places = "code,name,name_en,parent\nX,某地,X,\n".to_string();
    let files = vec![
        SourceFile {
            path: "places.csv".into(),
            text: places,
        },
        SourceFile {
            path: "X/a.md".into(),
            text: text.into(),
        },
    ];
    Law::load(files).map_err(|r| r.render(policy::law::Language::Both))
}

/// Both roads agree for every household.
fn compare(
    edition: &Edition,
    programme: &str,
    situations: &[Situation],
    plan: &Plan,
    decisions: &Decisions,
) -> Result<(), String> {
    let handle = edition.handle(programme).expect("in force");
    let mut evaluator = edition.evaluator();
    for (n, situation) in situations.iter().enumerate() {
        let (o, a, r) = (
            decisions.outcome[n],
            decisions.amount[n],
            decisions.reason[n],
        );
        let row = evaluator.outcome(handle, situation);
        let same = match &row {
            Ok(Outcome::NotApplicable) => o == code::NOT_APPLICABLE,
            Ok(Outcome::Refused { condition }) => {
                o == code::REFUSED && plan.conditions().get(r as usize) == Some(condition)
            }
            Ok(Outcome::Undetermined { .. }) => o == code::UNDETERMINED,
            Ok(Outcome::Entitled { amount }) => {
                o == code::ENTITLED && a == amount.map_or(0, |f| f.0)
            }
            Err(_) => o == code::FAILED,
        };
        if !same {
            return Err(format!("household {n}: row {row:?}, columns {o} {a} {r}"));
        }
    }
    Ok(())
}

/// What one law showed.
#[derive(Default)]
struct Seen {
    compared: usize,
    by_row: u64,
    stuck: usize,
}

fn one_law(seed: u64) -> Result<Seen, String> {
    let (text, rules) = write_law(seed);
    // A number may give a law that its own checks refuse (a table that never fires): no law at all.
    let Ok(law) = load(&text) else {
        return Ok(Seen::default());
    };
    let jsons = households(seed.rotate_left(17));
    let situations: Vec<Situation> = jsons
        .iter()
        .map(|j| Situation::from_json(&law, j, Subject::Household, day()))
        .collect::<Result<_, _>>()
        .map_err(|e| e.to_string())?;
    let mut columns = Columns::from_situations(&law, Arc::new(Texts::default()), "X", &situations);
    let plan = Plan::new(&law, "p", &mut columns, day(), None, seed % 2 == 0)
        .map_err(|e| e.to_string())?;
    let (totals, decisions) = plan.decisions(&columns, 1);
    let edition = law.edition("X", day(), None).map_err(|e| e.to_string())?;
    compare(&edition, "p", &situations, &plan, &decisions).map_err(|e| format!("{e}\n{text}"))?;
    let mut seen = Seen {
        by_row: totals.by_row,
        stuck: plan.vectorised().row_by_row.len(),
        compared: 0,
    };
    for (n, json) in jsons.iter().enumerate() {
        if decisions.outcome[n] == code::FAILED {
            continue;
        }
        let Some(third) = naive(&rules, json) else {
            continue;
        };
        let columns = (
            decisions.outcome[n],
            decisions.amount[n],
            decisions.reason[n],
        );
        if third != columns {
            return Err(format!(
                "household {n} {json}: naive {third:?}, columns {columns:?}\n{text}"
            ));
        }
        seen.compared += 1;
    }
    Ok(seen)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn three_evaluators_agree_on_random_laws(seed in any::<u64>()) {
        if let Err(difference) = one_law(seed) {
            prop_assert!(false, "seed {}: {}", seed, difference);
        }
    }
}

/// The random laws do reach columns, gaps and every outcome: else the agreement means little.
#[test]
fn random_laws_run_in_columns() {
    let (mut compared, mut by_row, mut stuck) = (0, 0, 0);
    for seed in 1..20 {
        let seen = one_law(seed).unwrap_or_else(|e| panic!("{e}"));
        compared += seen.compared;
        by_row += seen.by_row as usize;
        stuck += seen.stuck;
    }
    assert!(compared > 1500, "{compared}");
    assert!(by_row < 200, "{by_row}");
    assert!(stuck < 10, "{stuck}");
}

/// A year's months in one pass give what each month gives alone, every rule's values included.
#[test]
fn months_in_one_pass_are_the_months() {
    let days: Vec<base::Day> = [
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "12-31",
    ]
    .iter()
    .map(|d| base::parse_day(&format!("2026-{d}")).expect("a day"))
    .collect();
    let mut kept = 0;
    for seed in 1..6u64 {
        let (text, _) = write_law(seed);
        let Ok(law) = load(&text) else { continue };
        let situations: Vec<Situation> = households(seed)
            .iter()
            .map(|j| Situation::from_json(&law, j, Subject::Household, day()).expect("a situation"))
            .collect();
        let mut columns =
            Columns::from_situations(&law, Arc::new(Texts::default()), "X", &situations);
        let plans: Vec<Plan> = days
            .iter()
            .map(|d| Plan::new(&law, "p", &mut columns, *d, None, true).expect("a plan"))
            .collect();
        let all: Vec<&Plan> = plans.iter().collect();
        let pass = Pass::new(&all);
        let alone: Vec<_> = plans.iter().map(|p| p.totals(&columns, 1)).collect();
        assert_eq!(pass.totals(&columns, 2), alone, "law {seed}");
        let mut together = Intermediates::default();
        assert_eq!(
            pass.totals_kept(&columns, 1, &mut together),
            alone,
            "law {seed}"
        );
        for plan in &plans {
            let mut own = Intermediates::default();
            plan.totals_kept(&columns, 1, &mut own);
            for (subject, rule) in plan.kept() {
                let of = |kept: &Intermediates| kept.values(plan, &columns, subject, rule);
                assert_eq!(of(&together), of(&own), "law {seed}, {rule}");
                kept += usize::from(of(&own).is_some());
            }
        }
    }
    assert!(kept > 50, "only {kept} rules kept");
}

/// Differences once found, kept as a law and its households.
#[test]
fn differences_once_found_stay_mended() {
    let folder = root().join("tests/corpus/differences");
    let mut found = 0;
    for file in read_dir(&folder) {
        let Some(name) = file.path.strip_suffix(".md") else {
            continue;
        };
        if name == "README" {
            continue;
        }
        let law = load(&file.text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let json =
            std::fs::read_to_string(folder.join(format!("{name}.json"))).expect("households");
        let jsons: Vec<Json> = serde_json::from_str(&json).expect("JSON");
        let situations: Vec<Situation> = jsons
            .iter()
            .map(|j| Situation::from_json(&law, j, Subject::Household, day()).expect("a situation"))
            .collect();
        let mut columns =
            Columns::from_situations(&law, Arc::new(Texts::default()), "X", &situations);
        let plan = Plan::new(&law, "p", &mut columns, day(), None, false).expect("a plan");
        let (_, decisions) = plan.decisions(&columns, 1);
        let edition = law.edition("X", day(), None).expect("an edition");
        if let Err(e) = compare(&edition, "p", &situations, &plan, &decisions) {
            panic!("{name}: {e}");
        }
        found += 1;
    }
    assert!(found > 0, "no differences in {}", folder.display());
}

/// A value of a kind's type, or nothing.
fn any_value(dice: &mut Dice, ty: &policy::law::Type) -> Option<Json> {
    use policy::law::Type;
    if dice.roll(10) == 0 {
        return None;
    }
    Some(match ty {
        Type::Nullable(inner) if dice.roll(2) == 0 => return any_value(dice, inner),
        Type::Nullable(_) => return None,
        Type::Boolean => json!(dice.roll(2) > 0),
        Type::Enum(texts) => json!(*texts[dice.roll(texts.len())]),
        Type::Number(_) => match dice.roll(4) {
            0 => json!(dice.roll(5)),
            1 => json!(dice.roll(300_000) as f64 / 100.0),
            _ => json!(dice.roll(1500)),
        },
        Type::Date => {
            let (y, m, d) = (1930 + dice.roll(97), 1 + dice.roll(12), 1 + dice.roll(28));
            json!(format!("{y:04}-{m:02}-{d:02}"))
        }
        _ => return None,
    })
}

fn any_record(dice: &mut Dice, law: &Law, subject: Subject) -> serde_json::Map<String, Json> {
    let mut out = serde_json::Map::new();
    for kind in law.kinds(subject) {
        // What must be known mostly is; few other things are unusual about one household.
        let needed = matches!(kind.absent, policy::law::Absent::Missing);
        if dice.roll(if needed { 20 } else { 8 }) < if needed { 19 } else { 1 }
            && !kind.many
            && let Some(value) = any_value(dice, &kind.ty)
        {
            out.insert(kind.name.to_string(), value);
        }
    }
    out
}

#[test]
fn the_shipped_law_gives_one_answer() {
    let law = Law::load(read_dir(&root().join("law"))).unwrap_or_else(|r| panic!("{r:?}"));
    one_answer(&law, day());
}

/// What reforms change comes out alike on both roads.
#[test]
fn the_law_with_reforms_gives_one_answer() {
    let reforms = read_dir(&root().join("tests/corpus/reforms"));
    let law = Law::load_with(read_dir(&root().join("law")), reforms);
    let law = law.unwrap_or_else(|r| panic!("{r:?}"));
    one_answer(&law, base::parse_day("2026-08-31").expect("a day"));
}

/// Every programme of a law that goes by months, on random households.
fn one_answer(law: &Law, day: base::Day) {
    let mut dice = Dice(7);
    let situations: Vec<Situation> = (0..400)
        .map(|_| {
            let mut json = any_record(&mut dice, law, Subject::Household);
            let count = 1 + dice.roll(4);
            let members: Vec<Json> = (0..count)
                .map(|_| Json::Object(any_record(&mut dice, law, Subject::Person)))
                .collect();
            json.insert("成员".into(), Json::Array(members));
            Situation::from_json(law, &Json::Object(json), Subject::Household, day)
                .expect("a situation")
        })
        .collect();
    let places: Vec<String> = law.places().all().iter().map(|p| p.code.clone()).collect();
    let (mut compared, mut programmes, mut entitled) = (0, 0, 0);
    let mut seen: Vec<Arc<Edition>> = Vec::new();
    for place in &places {
        let edition = law.edition(place, day, None).expect("an edition");
        // Places without law of their own share an edition.
        if seen.iter().any(|e| Arc::ptr_eq(e, &edition)) {
            continue;
        }
        seen.push(edition.clone());
        for programme in edition.programmes() {
            if programme.event.is_some() {
                continue;
            }
            let mut columns =
                Columns::from_situations(law, Arc::new(Texts::default()), place, &situations);
            let plan =
                Plan::new(law, &programme.id, &mut columns, day, None, false).expect("a plan");
            let (totals, decisions) = plan.decisions(&columns, 2);
            let subjects: Vec<Situation> = match programme.subject {
                Subject::Household => situations.clone(),
                Subject::Person => situations
                    .iter()
                    .flat_map(|s| {
                        (0..s.members.len()).map(|m| {
                            let mut one = s.clone();
                            one.subject_member = Some(m);
                            one
                        })
                    })
                    .collect(),
            };
            if let Err(e) = compare(&edition, &programme.id, &subjects, &plan, &decisions) {
                panic!("{place} {}: {e}", programme.id);
            }
            entitled += totals.outcomes[usize::from(code::ENTITLED)];
            compared += subjects.len();
            programmes += 1;
        }
    }
    assert!(programmes > 5 && compared > 2000, "{programmes} {compared}");
    assert!(entitled > 50, "only {entitled} entitled");
}
