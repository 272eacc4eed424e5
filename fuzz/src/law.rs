//! FEEL, law files and DMN models. The tests of `policy` include this file and run the findings of
//! earlier days and hand-made bombs through it.

use policy::dmn::{Inputs, Program, model, write};
use policy::feel::eval::{Fixed, Machine};
use policy::feel::parser::{Parsed, parse_expression, parse_unary_tests};
use policy::feel::print;
use policy::feel::scope::{Mode, Scope};
use policy::law::{Language, Law, SourceFile, Type, Value};

/// A few names of several types, as a rule has them in sight.
fn scope(mode: Mode) -> Scope {
    let mut scope = match mode {
        Mode::Strict => Scope::strict(),
        Mode::Lenient => Scope::lenient(),
    };
    let list = Type::List(std::sync::Arc::new(Type::Number(None)));
    let names = [
        ("甲", Type::Number(None)),
        ("乙 丙", Type::Text),
        ("day", Type::Date),
        ("yes", Type::Boolean),
        ("列", list),
    ];
    for (slot, (name, ty)) in names.into_iter().enumerate() {
        scope.define(name, ty, slot as u32);
    }
    scope
}

fn values() -> Fixed {
    let number = |n: i64| Value::Number(n.into());
    Fixed(vec![
        number(7),
        Value::text("文本"),
        policy::feel::temporal::Date::new(2026, 2, 28).map_or(Value::Null, Value::Date),
        Value::Boolean(true),
        Value::list(vec![number(3), number(1), number(2)]),
    ])
}

/// The first byte chooses strict or lenient.
fn split(data: &[u8]) -> Option<(Mode, &str)> {
    let (first, rest) = data.split_first()?;
    let mode = if first % 2 == 0 {
        Mode::Strict
    } else {
        Mode::Lenient
    };
    Some((mode, std::str::from_utf8(rest).ok()?))
}

fn parse(source: &str, mode: Mode) -> Option<Parsed> {
    parse_expression(source, &scope(mode)).ok()
}

/// Reads an expression and a cell. What reads is printed, and what is printed reads to the same again.
pub fn expression(data: &[u8]) {
    let Some((mode, source)) = split(data) else {
        return;
    };
    let _ = parse_unary_tests(source, &scope(mode), &[], &Type::Number(None));
    let Some(parsed) = parse(source, mode) else {
        return;
    };
    let printed = print::expression(&parsed.expr);
    // A tree near the limits may print beyond them: parentheses count too.
    if printed.len() > source.len() * 2 + 100 || parsed.expr.depth > 60 {
        return;
    }
    let Ok(again) = parse_expression(&printed, &scope(mode)) else {
        panic!("`{source}` prints as `{printed}`, which does not read");
    };
    let twice = print::expression(&again.expr);
    assert_eq!(printed, twice, "`{source}` does not print to a fixed point");
}

/// Evaluates an expression within its limits.
pub fn evaluate(data: &[u8]) {
    let Some((mode, source)) = split(data) else {
        return;
    };
    let Some(parsed) = parse(source, mode) else {
        return;
    };
    if let Ok(value) = Machine::new(mode).run(&values(), &parsed.expr, &[])
        && value.fits(1_000)
    {
        let _ = (value.to_json(), value.to_string());
    }
}

/// Reads a law file beside a small sound one: every finding has words in both languages; what loads can
/// be listed, and its rules evaluated on an empty situation.
pub fn law(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    // After a line of equals signs stand the worked examples.
    let (text, examples) = text.split_once("\n====\n").unwrap_or((text, ""));
    let (law, report) = Law::load_lenient(vec![
        file(
            "places.csv",
            "code,name,name_en,parent\nQQ,全境,The whole,\nQQ1,甲省,Province A,QQ\n",
        ),
        file("base.md", BASE),
        file("fuzzed.md", text),
        file("fuzzed.examples.yaml", examples),
    ]);
    let _ = report.render(Language::Both);
    for finding in &report.findings {
        assert!(
            !finding.message.zh.is_empty() && !finding.message.en.is_empty(),
            "{finding:?} lacks a language"
        );
    }
    let formatted = policy::law::format::file("fuzzed.md", text);
    assert_eq!(
        policy::law::format::file("fuzzed.md", &formatted),
        formatted,
        "the layout of this file has no fixed point:\n{text}"
    );
    if report.has_errors() {
        return;
    }
    let _ = law.list();
    let Some(day) = chrono::NaiveDate::from_ymd_opt(2026, 6, 1) else {
        return;
    };
    let empty = serde_json::json!({"成员": [{}]});
    for rule in law.rules().iter().take(20) {
        let _ = policy::law::eval_json(&law, "QQ1", day, &rule.name, &empty);
    }
    for result in policy::law::examples::run(&law, examples, "fuzzed.examples.yaml") {
        let _ = result.to_string();
    }
}

const BASE: &str = "---
number: 底本
title: 底本
place: QQ
from: 2000-01-01
status: confirmed
---
@evidence 家庭
| 名称 | type | absent |
| --- | --- | --- |
| 存款 | 元 | missing |
| 类别 | [\"甲\",\"乙\"] | missing |

@evidence 成员
| 名称 | type | absent |
| --- | --- | --- |
| 月入 | 元/月 | 0 |
| 生日 | 日期 | missing |
";

/// Reads a DMN model; what reads can be compiled, evaluated without inputs, written and read again.
pub fn dmn(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(model) = model::read(text) else {
        return;
    };
    let written = write::write(&model);
    assert!(
        model::read(&written).is_ok(),
        "the model is written as what does not read:\n{written}"
    );
    let program = Program::load(&[model]);
    let inputs = Inputs::new();
    for name in program.decisions().iter().take(10) {
        if let Ok(value) = program.evaluate(name, &inputs, None) {
            let _ = value.to_json();
        }
    }
}
