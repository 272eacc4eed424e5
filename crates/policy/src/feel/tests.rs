use super::diagnostic::Diagnostic;
use super::eval::{Eval, Fixed, Machine};
use super::parser::{Parsed, parse_expression};
use super::scope::{Mode, Scope};
use super::types::{ContextType, Type};
use super::value::Value;
use std::sync::Arc;

fn lenient(source: &str) -> Value {
    let parsed = parse_expression(source, &Scope::lenient())
        .unwrap_or_else(|d| panic!("{source}: {}", d[0]));
    Machine::new(Mode::Lenient)
        .run(&Fixed(Vec::new()), &parsed.expr, &[])
        .unwrap_or_else(|e| panic!("{source}: {e}"))
}

fn shows(source: &str, expected: &str) {
    assert_eq!(lenient(source).to_string(), expected, "{source}");
}

#[test]
fn expressions_of_the_standard() {
    for (source, expected) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3 - -1", "10"),
        ("2 ** 3 / 4", "2"),
        ("\"a\" + \"b\"", "ab"),
        ("if 1 < 2 then \"yes\" else \"no\"", "yes"),
        ("for i in 1..3 return i * i", "[1, 4, 9]"),
        (
            "for i in 3..1, j in [10, 20] return i + j",
            "[13, 23, 12, 22, 11, 21]",
        ),
        ("some x in [1, 2] satisfies x > 1", "true"),
        ("every x in [1, 2] satisfies x > 1", "false"),
        ("[1, 2, 3][item > 1]", "[2, 3]"),
        ("[1, 2, 3][-1]", "3"),
        ("[{a: 1, b c: 2}, {a: 3, b c: 4}][a > 1].b c", "[4]"),
        ("{x: 1, y: x + 1}.y", "2"),
        ("5 in [1..5)", "false"),
        ("5 in (<= 5, > 10)", "true"),
        ("5 in ]1..5]", "true"),
        ("4 in ]1..5[ and true", "true"),
        ("x.y = null", "true"),
        ("null and false", "false"),
        ("null or true", "true"),
        ("1 = \"1\"", "null"),
        ("(function(a, b) a - b)(b: 1, a: 3)", "2"),
        (
            "{f: function(n: number) if n < 2 then 1 else 2, r: f(3)}.r",
            "2",
        ),
        ("substring(\"foobar\", -3, 2)", "ba"),
        ("substring(string: \"foobar\", start position: 3)", "obar"),
        ("date(\"2024-01-31\") + duration(\"P1M\")", "2024-02-29"),
        ("@\"2024-03-01\" - @\"2024-02-01\"", "P29D"),
        ("string length(\"😀a\")", "2"),
        ("count([1, null])", "2"),
        ("sort([3, 1, 2], function(x, y) x > y)", "[3, 2, 1]"),
        ("sum([0.1, 0.2])", "0.3"),
        (
            "years and months duration(date(\"2011-12-22\"), date(\"2013-08-24\"))",
            "P1Y8M",
        ),
        ("[1..5] instance of range<number>", "true"),
        ("1 between 0 and 2 and 3 > 2", "true"),
        ("matches(\"foobar\", \"^fo*b\")", "true"),
        ("replace(\"abc\", \"(b)\", \"[$1]\")", "a[b]c"),
        ("1 // comment\n + /* more */ 2", "3"),
    ] {
        shows(source, expected);
    }
}

/// A strict scope as a law of a household has it: slots in this order.
fn law() -> Scope {
    let mut scope = Scope::strict();
    let member = Type::Context(Arc::new(ContextType {
        fields: vec![
            ("工资".into(), ty("元/月")),
            ("年龄".into(), ty("岁")),
            ("死亡日期".into(), ty("日期?")),
            ("类别".into(), ty("[\"甲\",\"乙\"]")),
        ],
    }));
    scope.define("成员", Type::list(member), 0);
    scope.define("标准", ty("元/月"), 1);
    scope.define("人数", ty("人"), 2);
    scope.define("月数", ty("月"), 3);
    scope.define("年收入", ty("元/年"), 4);
    scope.define("城乡", ty("[\"城市\",\"农村\"]"), 5);
    scope.define("人均 收入", ty("元/月"), 6);
    scope
}

fn ty(text: &str) -> Type {
    Type::parse(text).expect("a type")
}

fn strict(source: &str) -> Result<Parsed, Vec<Diagnostic>> {
    parse_expression(source, &law())
}

fn member(wage: Value) -> Value {
    let entries = [
        ("工资", wage),
        ("年龄", 30.into()),
        ("死亡日期", Value::Null),
        ("类别", Value::text("甲")),
    ];
    Value::Context(Arc::new(
        entries
            .into_iter()
            .map(|(n, v)| (Arc::from(n), v))
            .collect(),
    ))
}

fn run(source: &str, members: Vec<Value>) -> Eval {
    let parsed = strict(source).unwrap_or_else(|d| panic!("{source}: {}", d[0]));
    let values = vec![
        Value::list(members),
        500.into(),
        2.into(),
        6.into(),
        1200.into(),
        Value::text("城市"),
        10.into(),
    ];
    Machine::new(Mode::Strict).run(&Fixed(values), &parsed.expr, &[])
}

#[test]
fn types_and_units_are_inferred() {
    for (source, expected) in [
        ("sum(成员.工资)", "元/月"),
        ("sum(成员.工资) / 人数", "元/月"),
        ("标准 * 月数", "元"),
        ("标准 * 月数 / 月数", "元/月"),
        ("标准 * 0.3", "元/月"),
        ("sum(成员.工资) / 标准", "比率"),
        ("count(成员)", "数"),
        (
            "成员[年龄 >= 60]",
            "列表<情况{工资: 元/月, 年龄: 岁, 死亡日期: 日期?, 类别: [\"甲\", \"乙\"]}>",
        ),
        ("成员[1].死亡日期", "日期?"),
        ("if 城乡 = \"农村\" then 标准 else 0", "元/月"),
        ("max(0, 标准 - 人均 收入)", "元/月"),
        ("some m in 成员 satisfies m.死亡日期 = null", "是否"),
        ("for m in 成员 return m.工资 * 0.5", "列表<元/月>"),
        (
            "成员[死亡日期 != null and 死亡日期 > date(\"2024-01-01\")].年龄",
            "列表<岁>",
        ),
        ("function(x: number) x + 1", "函数(x: 数) : 数"),
    ] {
        match strict(source) {
            Ok(parsed) => assert_eq!(parsed.ty.to_string(), expected, "{source}"),
            Err(d) => panic!("{source}: {}", d[0]),
        }
    }
}

#[test]
fn strict_mode_names_what_is_wrong() {
    for (source, code, remedy) in [
        ("人均收入 < 标准", "unknown-name", Some("人均 收入")),
        ("标佳 + 1", "unknown-name", Some("标准")),
        ("标准，人数", "full-width-mark", Some(",")),
        ("max（标准, 1)", "full-width-mark", Some("(")),
        ("标准 + 年收入", "unit-mismatch", None),
        ("标准 < 人数", "unit-mismatch", None),
        ("标准 * 标准", "unit-mismatch", None),
        ("标准 + \"1\"", "type-mismatch", None),
        ("城乡 = \"城镇\"", "not-in-enumeration", Some("\"农村\"")),
        ("标准 = null", "never-null", Some("元/月?")),
        ("if 标准 then 1 else 2", "type-mismatch", None),
        ("if true then 标准 else 人数", "unit-mismatch", None),
        ("sum(成员.类别)", "type-mismatch", None),
        ("成员.工资和", "unknown-field", Some("工资")),
        ("substring(\"a\")", "arguments", None),
        ("now()", "clock", None),
        ("1 +", "unexpected-end", None),
        ("(1", "unexpected-end", None),
        ("1 2", "syntax", None),
        ("\"abc", "open-text", None),
        ("/* abc", "open-comment", None),
        ("城乡 in (\"城市\", \"镇\")", "not-in-enumeration", None),
    ] {
        let found = match strict(source) {
            Ok(parsed) => panic!("{source} passed as {}", parsed.ty),
            Err(found) => found,
        };
        assert_eq!(found[0].code, code, "{source}: {}", found[0]);
        assert!((found[0].span.end as usize) <= source.len());
        if let Some(remedy) = remedy {
            let text = found[0]
                .remedy
                .as_ref()
                .map(|r| r.zh.clone())
                .unwrap_or_default();
            assert!(text.contains(remedy), "{source}: {text}");
        }
    }
}

#[test]
fn null_spreads_in_strict_mode() {
    let known = || member(100.into());
    let unknown = || member(Value::Null);
    for (source, members, expected) in [
        ("sum(成员.工资)", vec![known(), known()], "200"),
        ("sum(成员.工资)", vec![known(), unknown()], "null"),
        ("sum(成员.工资)", vec![], "0"),
        ("max(成员.工资)", vec![known(), unknown()], "null"),
        ("count(成员[工资 > 50])", vec![known(), unknown()], "null"),
        (
            "if 成员[1].工资 > 50 then 1 else 2",
            vec![unknown()],
            "null",
        ),
        ("成员[1].工资 > 50 or true", vec![unknown()], "true"),
        ("成员[1].工资 > 50 and false", vec![unknown()], "false"),
        ("成员[1].工资 > 50 and true", vec![unknown()], "null"),
        (
            "some m in 成员 satisfies m.工资 > 50",
            vec![unknown(), known()],
            "true",
        ),
        (
            "every m in 成员 satisfies m.工资 > 50",
            vec![unknown(), known()],
            "null",
        ),
        (
            "every m in 成员 satisfies m.工资 > 500",
            vec![unknown(), known()],
            "false",
        ),
        ("成员[1].工资 in [1..5]", vec![unknown()], "null"),
        ("成员[1].工资 between 1 and 5", vec![unknown()], "null"),
        ("成员[1].工资 = 5", vec![unknown()], "null"),
        ("成员[1].死亡日期 = null", vec![known()], "true"),
        ("floor(成员[1].工资)", vec![unknown()], "null"),
    ] {
        let value = run(source, members).unwrap_or_else(|e| panic!("{source}: {e}"));
        assert_eq!(value.to_string(), expected, "{source}");
    }
    assert!(
        run("标准 / (人数 - 2)", vec![]).is_err(),
        "division by zero is an error"
    );
}

/// Half of what a thread of a test or of the server has: the limits must hold well within.
fn with_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(SMALL_STACK)
        .spawn(work);
    thread.expect("a thread").join().expect("no panic");
}

const SMALL_STACK: usize = 1 << 20;

#[test]
fn what_is_within_the_limits_works() {
    with_small_stack(|| {
        let deep = format!("{}1{}", "(".repeat(90), ")".repeat(90));
        let chain = vec!["1"; 250].join(" + ");
        let lists = format!("count({}1{})", "[".repeat(80), "]".repeat(80));
        for (source, value) in [(deep, "1"), (chain, "250"), (lists, "1")] {
            shows(&source, value);
        }
        shows(
            "{f: function(g, n) if n = 0 then 0 else 1 + g(g, n - 1), r: f(f, 50)}.r",
            "50",
        );
    });
}

#[test]
fn limits_are_errors() {
    with_small_stack(limits);
}

fn limits() {
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    let chain = vec!["1"; 5000].join(" + ");
    let tests = format!("{}1{}", "1 in (".repeat(150), ")".repeat(150));
    for source in [deep, chain, tests, "1".repeat(2 << 20)] {
        assert!(
            parse_expression(&source, &Scope::lenient()).is_err(),
            "{} bytes",
            source.len()
        );
    }
    for source in [
        "for i in 1..1000000000000 return i",
        "count(for a in 1..1000000, b in 1..1000000 return 1)",
        "{f: function(g, n) g(g, n + 1), r: f(f, 0)}.r",
        "count(for i in 1..60 return if i = 1 then \"abcdefgh\" else partial[-1] + partial[-1])",
    ] {
        let parsed = parse_expression(source, &Scope::lenient())
            .unwrap_or_else(|d| panic!("{source}: {}", d[0]));
        let result = Machine::new(Mode::Lenient).run(&Fixed(Vec::new()), &parsed.expr, &[]);
        assert!(result.is_err(), "{source}: {result:?}");
    }
}

mod random {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that a parser could stumble over.
    fn scraps() -> impl Strategy<Value = String> {
        let scrap = prop::sample::select(vec![
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "..",
            ".",
            ",",
            ":",
            "\"",
            "if ",
            "then ",
            "else ",
            "for ",
            "in ",
            "return ",
            "some ",
            "satisfies ",
            "function",
            "1",
            "a",
            "+",
            "-",
            "**",
            "<",
            ">=",
            "not(",
            "and ",
            "between ",
            "instance of ",
            "number",
            "list<",
            "/*",
            "//",
            "\\u",
            "@\"",
            "成员",
            "，",
            "?",
            "date and time",
        ]);
        prop::collection::vec(scrap, 0..40).prop_map(|v| v.concat())
    }

    /// Expressions that can be read: numbers `n`, texts `s`, lists `l` of numbers, a few forms each.
    fn readable() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(vec![
            "n",
            "s",
            "l",
            "1",
            "-2.5",
            "0.1e3",
            "\"a\\\"b\"",
            "true",
            "null",
            "@\"2024-02-29\"",
            "[1..5)",
            "(< 3)",
            "count",
            "{a: 1, \"b c\": n}",
            "l[1]",
            "l[-1]",
            "@\"P1Y\"",
            "[]",
        ]);
        leaf.prop_map(str::to_string)
            .prop_recursive(4, 40, 4, |inner| {
                let signs = prop::sample::select(vec![
                    "+", "-", "*", "/", "**", "=", "!=", "<", ">=", "and", "or",
                ]);
                prop_oneof![
                    (inner.clone(), signs, inner.clone())
                        .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
                    (inner.clone(), inner.clone(), inner.clone())
                        .prop_map(|(a, b, c)| format!("if {a} then {b} else {c}")),
                    (inner.clone(), inner.clone())
                        .prop_map(|(a, b)| format!("for i in {a} return [i, {b}]")),
                    (inner.clone(), inner.clone())
                        .prop_map(|(a, b)| format!("some i in {a} satisfies i = {b}")),
                    (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[item = {b}]")),
                    (inner.clone(), inner.clone())
                        .prop_map(|(a, b)| format!("({a}) between ({b}) and 5")),
                    (inner.clone(), inner.clone())
                        .prop_map(|(a, b)| format!("({a}) in (< ({b}), 3, [1..2])")),
                    inner.clone().prop_map(|a| format!("-({a})")),
                    inner.clone().prop_map(|a| format!("({a}).a")),
                    inner
                        .clone()
                        .prop_map(|a| format!("({a}) instance of list<number>")),
                    inner
                        .clone()
                        .prop_map(|a| format!("(function(x: number, y) {a})(1, y)")),
                    (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("sum([{a}, {b}])")),
                    (inner.clone(), inner)
                        .prop_map(|(a, b)| format!("{{p: {a}, q: p, r s: {b}}}.r s")),
                ]
            })
    }

    fn printable_scope() -> Scope {
        let mut scope = Scope::lenient();
        scope.define("n", Type::Number(None), 0);
        scope.define("s", Type::Text, 1);
        scope.define("l", Type::list(Type::Number(None)), 2);
        scope
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in prop_oneof![scraps(), "\\PC{0,60}"]) {
            for scope in [Scope::lenient(), law()] {
                if let Ok(parsed) = parse_expression(&text, &scope) {
                    let _ = Machine::new(scope.mode).run(&Fixed(Vec::new()), &parsed.expr, &[]);
                }
            }
        }

        /// Printed, an expression reads back to one that prints the same and computes the same.
        #[test]
        fn what_is_printed_reads_back(text in readable()) {
            let scope = printable_scope();
            let Ok(first) = parse_expression(&text, &scope) else { return Ok(()) };
            let printed = super::super::print::expression(&first.expr);
            let second = match parse_expression(&printed, &scope) {
                Ok(second) => second,
                Err(found) => return Err(TestCaseError::fail(format!("{text} -> {printed}: {}", found[0]))),
            };
            prop_assert_eq!(super::super::print::expression(&second.expr), printed.clone());
            let host = Fixed(vec![Value::from(7), Value::text("abc"), Value::list(vec![1.into(), 2.into()])]);
            let mut machine = Machine::new(Mode::Lenient);
            let values = [&first, &second].map(|p| machine.run(&host, &p.expr, &[]).map(|v| v.to_string()).map_err(|e| e.fault));
            prop_assert_eq!(&values[0], &values[1], "{} -> {}", text, printed);
        }
    }
}
