//! Input that is made to hurt: it gets an error, or an answer, within the set limits. The findings of
//! fuzzing under `tests/corpus/fuzz` are run through the same entries.

#[path = "../../../../fuzz/src/law.rs"]
mod entries;

use crate::root;
use policy::dmn::{Inputs, Program, model};
use policy::feel::eval::{Fault, Fixed, MAX_STEPS, Machine};
use policy::feel::parser::{MAX_SOURCE, parse_expression};
use policy::feel::scope::{Mode, Scope};
use policy::feel::value::Value;
use policy::law::{Law, SourceFile};

/// Runs on a stack of the size that worker threads have.
fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread
        .spawn(work)
        .expect("a thread")
        .join()
        .expect("no panic");
}

/// The code of the first diagnostic.
fn refused(source: &str) -> &'static str {
    let mut codes =
        [Scope::strict(), Scope::lenient()].map(|scope| match parse_expression(source, &scope) {
            Ok(_) => "",
            Err(found) => found[0].code,
        });
    codes.sort();
    codes[1]
}

fn evaluate(source: &str) -> Result<Value, Fault> {
    evaluate_within(source, MAX_STEPS)
}

fn evaluate_within(source: &str, steps: u64) -> Result<Value, Fault> {
    let parsed = parse_expression(source, &Scope::lenient())
        .unwrap_or_else(|d| panic!("{}: {}", &source[..source.len().min(60)], d[0]));
    Machine::limited(Mode::Lenient, steps)
        .run(&Fixed(Vec::new()), &parsed.expr, &[])
        .map_err(|e| e.fault)
}

#[test]
fn depth_bombs_are_refused_when_read() {
    on_small_stack(|| {
        for (open, inner, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{a: ", "1", "}"),
            ("not(", "true", ")"),
            ("-", "1", ""),
            ("if true then ", "1", " else 2"),
            ("for i in [1] return ", "1", ""),
            ("some i in [1] satisfies ", "true", ""),
            ("function(x) ", "1", ""),
            ("1 in (", "1", ")"),
            ("[1][", "1", "]"),
            ("sum(", "1", ")"),
            ("1 + ", "1", ""),
            ("1 ** ", "1", ""),
            ("1 instance of list<", "number", ">"),
            ("1 instance of function<", "number", "> -> number"),
        ] {
            for count in [400, 30_000] {
                let bomb = format!("{}{inner}{}", open.repeat(count), close.repeat(count));
                let begun = std::time::Instant::now();
                let code = refused(&bomb);
                println!("{:?} {open} {count} times", begun.elapsed());
                // Types have a limit of their own, beyond which they are none.
                let limits = ["too-deep", "too-complex", "too-long", "syntax"];
                assert!(limits.contains(&code), "{open} {count} times: `{code}`");
            }
        }
        // A path or a call upon a call is a deep tree without nested brackets.
        for tail in [".a", "[1]", "(1)", " instance of number", " = 1"] {
            let bomb = format!("x{}", tail.repeat(20_000));
            assert!(!refused(&bomb).is_empty(), "{tail}");
        }
    });
}

#[test]
fn long_texts_are_refused_or_read() {
    assert_eq!(refused(&"1".repeat(MAX_SOURCE + 1)), "too-long");
    // A megabyte: a number of a million digits, a name, a text, a comment, a flat list.
    let million = 1 << 20;
    let _ = refused(&"9".repeat(million));
    let _ = refused(&format!("1e{}", "9".repeat(million - 2)));
    let _ = refused(&format!("0.{}", "3".repeat(million - 2)));
    assert_eq!(refused(&"名".repeat(million / 3)), "unknown-name");
    assert_eq!(
        refused(&format!("\"{}\"", "字".repeat(million / 3 - 2))),
        ""
    );
    assert_eq!(
        refused(&format!("/*{}", " ".repeat(million - 2))),
        "open-comment"
    );
    let list = format!("[{}1]", "1,".repeat(500_000));
    assert!(matches!(evaluate(&format!("count({list})")[..]), Ok(v) if v.to_string() == "500001"));
}

#[test]
fn endless_work_stops_at_the_limits() {
    on_small_stack(|| {
        let mut wrong = Vec::new();
        let text =
            "string join(for i in 1..100000 return \"0123456789012345678901234567890123456789\")";
        let whole = [
            // Ranges and loops.
            "for i in 1..1000000000000 return i".to_string(),
            "for i in 1..100000, j in 1..100000, k in 1..100000 return 1".into(),
            "count(for i in -9e33..9e33 return i)".into(),
            "every i in 1..1000000000000 satisfies i > 0".into(),
            "some i in 1..1000000000000 satisfies i < 0".into(),
            "for d in date(\"-999999-01-01\")..date(\"999999-12-31\") return d".into(),
            "for i in 1..3000 return sum(partial)".into(),
            // Recursion without end, straight and across.
            "{f: function(g, n) g(g, n + 1), r: f(f, 1)}.r".into(),
            "{f: function(g, n) 1 + g(g, n + 1) + g(g, n), r: f(f, 1)}.r".into(),
            // Texts and lists that grow by doubling.
            format!(
                "{{{}, r: x40}}.r",
                doubling("\"ab\"", 40, |x| format!("{x} + {x}"))
            ),
            format!(
                "{{{}, r: count(x40)}}.r",
                doubling("[1]", 40, |x| format!("concatenate({x}, {x})"))
            ),
            format!(
                "{{{}, r: string(x40)}}.r",
                doubling("[1]", 40, |x| format!("[{x}, {x}]"))
            ),
            format!(
                "{{{}, r: x40 = y40}}.r",
                doubling("[1]", 40, |x| format!("[{x}, {x}]"))
                    + ", "
                    + &doubling("[1]", 40, |x| format!("[{x}, {x}]")).replace('x', "y")
            ),
            // Work in each round that is large itself.
            format!("{{t: {text}, r: for i in 1..1000000 return contains(t, \"x\")}}.r"),
            format!("{{t: {text}, r: for i in 1..1000000 return upper case(t)}}.r"),
            format!("{{t: {text}, r: for i in 1..1000000 return t + \"x\"}}.r"),
        ];
        // What is slow for each step it is charged: a hundredth of the steps, upon a hundredth of the values.
        let text =
            "string join(for i in 1..1000 return \"0123456789012345678901234567890123456789\")";
        let big = "for i in 1..10000 return i";
        let part = [
            format!("{{l: {big}, r: for i in 1..1000000 return sum(l)}}.r"),
            format!("{{l: {big}, r: for i in 1..1000000 return append(l, i)}}.r"),
            format!("{{l: {big}, r: for i in 1..1000000 return list contains(l, -1)}}.r"),
            format!(
                "{{l: {big}, m: for i in 1..10000 return i, r: for i in 1..1000 return l = m}}.r"
            ),
            "{l: for i in 1..1000 return i, r: for i in 1..1000000 return sort(l)}.r".into(),
            format!("distinct values({big})"),
            "context(for i in 1..10000 return {key: string(i), value: i})".into(),
            format!("string join(for i in 1..1000000 return {text})"),
            "{l: for i in 1..10000 return 1e-6000, r: string(for i in 1..100 return l)}.r".into(),
            "for i in 1..1000000 return matches(\"a\", \"(\\p{L}{1,50}){1,50}\" + string(i))"
                .into(),
        ];
        let few = [
            "for i in 1..1000000 return exp(1.000001 + i / 1e9)".into(),
            "for i in 1..1000000 return 1.000001 ** (i + 0.5)".into(),
        ];
        let whole = whole.map(|source: String| (source, MAX_STEPS));
        let part = part.map(|source: String| (source, MAX_STEPS / 100));
        let few = few.map(|source: String| (source, MAX_STEPS / 1000));
        for (source, steps) in whole.into_iter().chain(part).chain(few) {
            let begun = std::time::Instant::now();
            let stopped = evaluate_within(&source, steps);
            let head: String = source.chars().take(120).collect();
            println!("{:?} {head}", begun.elapsed());
            if !matches!(
                stopped,
                Err(Fault::TooLong | Fault::TooLarge | Fault::TooDeep)
            ) {
                wrong.push(format!("{head}: {:?}", stopped.map(|v| v.kind())));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// `x0: first, x1: step(x0), …`.
fn doubling(first: &str, times: usize, step: impl Fn(&str) -> String) -> String {
    let mut out = format!("x0: {first}");
    for n in 1..=times {
        out.push_str(&format!(", x{n}: {}", step(&format!("x{}", n - 1))));
    }
    out
}

#[test]
fn odd_values_have_an_answer() {
    on_small_stack(|| {
        for source in [
            // Expressions that backtrack for ever elsewhere.
            "matches(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\", \"^(a+)+$\")",
            "replace(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"(a*)*\\1b\", \"x\")",
            "matches(\"a\", \"((((a{1000}){1000}){1000}){1000})\")",
            "split(\"a\", \"(((((((((((((((((((((a))))))))))))))))))))\")",
            "replace(\"abc\", \"\", \"-\")",
            // Numbers at and beyond the ends.
            "9.999999999999999999999999999999999e6144 * 10",
            "1e-6176 / 10",
            "10 ** 1000000000000",
            "1.0000000001 ** 1e30",
            "2 ** -99999999",
            "exp(1e30)",
            "decimal(1, 1e30)",
            "modulo(1e6144, 1e-6176)",
            "floor(1e6144, 6176)",
            "-(duration(\"P768614336404564650Y\"))",
            "duration(\"P9999999999999999999Y\")",
            "duration(\"P1Y\") * 1e30",
            "date(\"2026-01-01\") + duration(\"P999999999Y\")",
            "date(999999999, 12, 31) + duration(\"P1D\")",
            "date(1e30, 1, 1)",
            "time(1e30, 0, 0)",
            "substring(\"abc\", 1e30, 1e30)",
            "substring(\"abc\", -9223372036854775808)",
            "sublist([1], -9223372036854775808, 9223372036854775807)",
            "[1, 2, 3][-9223372036854775808]",
            "remove([1], 1e30)",
            "string(1e6144)",
            // A million lists within each other are compared and let go.
            "(for i in 1..1500 return [{p: partial, r: for j in 1..1500 return [partial[-1], p[-1]]}.r[-1]]) = 1",
        ] {
            let _ = evaluate(source);
        }
    });
}

#[test]
fn hostile_models_are_refused() {
    on_small_stack(|| {
        let wrap = |body: &str| {
            format!(
                "<definitions xmlns=\"https://www.omg.org/spec/DMN/20191111/MODEL/\" name=\"m\" namespace=\"m\">{body}</definitions>"
            )
        };
        let laughs = "<!DOCTYPE d [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]>".to_string()
            + &wrap("&b;");
        let attributes = wrap(&format!(
            "<decision {}/>",
            (0..100_000)
                .map(|n| format!("a{n}=\"\" "))
                .collect::<String>()
        ));
        let deep = wrap(&("<list>".repeat(100_000) + &"</list>".repeat(100_000)));
        let lists = wrap(&format!(
            "<decision name=\"d\">{}{}</decision>",
            "<list>".repeat(90),
            "</list>".repeat(90)
        ));
        for (name, text) in [
            ("laughs", &laughs),
            ("deep", &deep),
            ("attributes", &attributes),
        ] {
            assert!(model::read(text).is_err(), "{name}");
        }
        let program = Program::load(&[model::read(&lists).expect("within the limits")]);
        let _ = program.evaluate("d", &Inputs::new(), None);
        // Decisions that need each other, types that hold themselves, a name of a megabyte.
        let text = |name: &str, body: &str| {
            format!(
                "<decision id=\"{name}\" name=\"{name}\"><informationRequirement><requiredDecision href=\"#{body}\"/></informationRequirement><literalExpression><text>{body} + 1</text></literalExpression></decision>"
            )
        };
        let cycle = wrap(&(text("a", "b") + &text("b", "a")));
        let selves = wrap(
            "<itemDefinition name=\"t\"><itemComponent name=\"x\"><typeRef>t</typeRef></itemComponent></itemDefinition><inputData name=\"i\"><variable name=\"i\" typeRef=\"t\"/></inputData>",
        );
        let long = wrap(&format!("<inputData name=\"{}\"/>", "n".repeat(1 << 20)));
        for model in [&cycle, &selves, &long] {
            let program = Program::load(&[model::read(model).expect("well formed")]);
            for name in program.decisions() {
                let _ = program.evaluate(name, &Inputs::new(), None);
            }
        }
        // Chains of decisions deeper than the stack.
        let chain: String = (0..20_000)
            .map(|n| text(&format!("d{n}"), &format!("d{}", n + 1)))
            .collect();
        let program = Program::load(&[model::read(&wrap(&chain)).expect("well formed")]);
        let _ = program.evaluate("d0", &Inputs::new(), None);
    });
}

#[test]
fn hostile_law_files_are_read() {
    on_small_stack(|| {
        let front =
            "---\nnumber: 甲\ntitle: 甲\nplace: QQ\nfrom: 2020-01-01\nstatus: confirmed\n---\n";
        let table = |rows: usize| {
            let mut text =
                String::from("## 一 题\n@table 乙 : 数 hit C\n| 1 | → |\n| --- | --- |\n");
            text.extend((0..rows).map(|n| format!("| {n} | {n} |\n")));
            text
        };
        let chain: String = (0..3_000)
            .map(|n| format!("```feel 规则{n} : 数\n规则{} + 1\n```\n", n + 1))
            .collect();
        for text in [
            format!("{front}{}", table(100_000)),
            format!("{front}## 一 题\n{chain}"),
            format!("{front}{}", "#".repeat(1 << 20)),
            format!("{front}{}", "> ".repeat(1 << 19)),
            format!(
                "{front}## 一 题\n@parameter {} : 元\n| value |\n| 1 |\n",
                "名".repeat(300_000)
            ),
            format!("{front}## 一 题\n|{}\n", " a |".repeat(200_000)),
            format!("---\nnumber: {}\n---\n", "[".repeat(100_000)),
            format!(
                "---\na: &a [x]\nb: &b [{0}]\nc: &c [{1}]\nd: [{2}]\n---\n",
                "*a,".repeat(1000),
                "*b,".repeat(1000),
                "*c,".repeat(1000)
            ),
            format!(
                "{front}## 一 题\n@programme 丙\n```yaml\n{}\n```\n",
                "{a: ".repeat(50_000)
            ),
        ] {
            let file = |path: &str, text: &str| SourceFile {
                path: path.into(),
                text: text.into(),
            };
            let _ = Law::check(vec![
                file(
                    "places.csv",
                    "code,name,name_en,parent\nQQ,全境,The whole,\n",
                ),
                file("a.md", &text),
            ]);
        }
    });
}

#[test]
fn what_fuzzing_found_stays_mended() {
    let targets: [(&str, fn(&[u8])); 4] = [
        ("expression", entries::expression),
        ("evaluate", entries::evaluate),
        ("law", entries::law),
        ("dmn", entries::dmn),
    ];
    let mut count = 0;
    for (name, entry) in targets {
        let dir = root().join("tests/corpus/fuzz").join(name);
        for found in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let bytes = std::fs::read(found.path()).expect("a file");
            on_small_stack(move || entry(&bytes));
            count += 1;
        }
    }
    assert!(count >= 2, "the findings are not where they were");
}
