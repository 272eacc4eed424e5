use super::*;
use crate::feel::ast::Span;
use crate::feel::parser::{parse_expression, parse_unary_tests};
use crate::feel::scope::Scope;
use crate::feel::table::{Output, Rule};
use proptest::prelude::*;

/// A table over columns of the given types; each row is its input cells and its result.
fn table(hit: Hit, types: &[&str], rows: &[&[&str]]) -> Table {
    let mut scope = Scope::strict();
    let types: Vec<Type> = types
        .iter()
        .map(|t| Type::parse(t).expect("a type"))
        .collect();
    for (slot, ty) in types.iter().enumerate() {
        scope.define(&format!("c{slot}"), ty.clone(), slot as u32);
    }
    let inputs = types.iter().enumerate().map(|(slot, ty)| Input {
        expr: parse_expression(&format!("c{slot}"), &scope)
            .expect("a name")
            .expr,
        ty: ty.clone(),
        allowed: None,
    });
    let rules = rows.iter().map(|row| {
        let (result, cells) = row.split_last().expect("a result");
        let tests = cells.iter().zip(&types).map(|(cell, ty)| {
            parse_unary_tests(cell, &scope, &[], ty).unwrap_or_else(|d| panic!("{cell}: {}", d[0]))
        });
        let result = parse_expression(result, &scope).expect("a result").expr;
        Rule {
            span: Span::default(),
            tests: tests.collect(),
            outputs: vec![result],
        }
    });
    let output = Output {
        name: None,
        ty: Type::PLAIN,
        allowed: Vec::new(),
        tests: None,
        default: None,
    };
    Table {
        hit,
        inputs: inputs.collect(),
        outputs: vec![output],
        rules: rules.collect(),
        local: 0,
    }
}

fn shown(examples: &[Example]) -> Vec<String> {
    let show = |v: &Option<Value>| v.as_ref().map_or("any".to_string(), |v| v.to_string());
    examples
        .iter()
        .map(|e| e.iter().map(show).collect::<Vec<_>>().join(", "))
        .collect()
}

#[test]
fn complete_tables_have_no_findings() {
    for (types, rows) in [
        (
            vec!["元"],
            vec![vec!["< 10", "1"], vec!["[10..20)", "2"], vec![">= 20", "3"]],
        ),
        (
            vec!["是否", "是否"],
            vec![
                vec!["true", "-", "1"],
                vec!["false", "true", "2"],
                vec!["false", "false", "3"],
            ],
        ),
        (
            vec!["[\"甲\",\"乙\",\"丙\"]"],
            vec![
                vec!["\"甲\", \"乙\"", "1"],
                vec!["not(\"甲\", \"乙\")", "2"],
            ],
        ),
        (
            vec!["日期"],
            vec![
                vec!["< date(\"2026-07-01\")", "1"],
                vec![">= date(\"2026-07-01\")", "2"],
            ],
        ),
        (
            vec!["日期"],
            vec![
                vec!["<= @\"2026-06-30\"", "1"],
                vec![">= @\"2026-07-01\"", "2"],
            ],
        ),
        (
            vec!["日期?"],
            vec![
                vec!["null", "1"],
                vec!["< @\"2026-07-01\"", "2"],
                vec![">= @\"2026-07-01\"", "3"],
            ],
        ),
        (
            vec!["人"],
            vec![vec!["<= 1", "1"], vec!["2", "2"], vec![">= 3", "3"]],
        ),
    ] {
        let rows: Vec<&[&str]> = rows.iter().map(|r| r.as_slice()).collect();
        let found = analyse(&table(Hit::Unique, &types, &rows), Mode::Strict);
        assert!(found.gaps.is_empty(), "{types:?}: {:?}", shown(&found.gaps));
        assert!(
            found.overlaps.is_empty() && found.unreachable.is_empty() && found.incomplete.is_none(),
            "{found:?}"
        );
    }
}

#[test]
fn gaps_overlaps_and_unreachable_rules_are_shown() {
    let found = analyse(
        &table(Hit::Unique, &["元"], &[&["<= 10", "1"], &["> 11", "2"]]),
        Mode::Strict,
    );
    assert_eq!(shown(&found.gaps), ["11"]);
    let found = analyse(
        &table(Hit::Unique, &["数"], &[&["<= 10", "1"], &[">= 10", "2"]]),
        Mode::Strict,
    );
    assert_eq!((found.overlaps[0].0, found.overlaps[0].1), (0, 1));
    assert_eq!(found.overlaps[0].2, [Some(Value::from(10))]);
    let found = analyse(
        &table(
            Hit::Unique,
            &["是否", "数"],
            &[&["true", "-", "1"], &["false", "> 0", "2"]],
        ),
        Mode::Strict,
    );
    assert_eq!(shown(&found.gaps), ["false, 0"]);
    let found = analyse(
        &table(
            Hit::First,
            &["数"],
            &[&["> 0", "1"], &["> 5", "2"], &["-", "3"]],
        ),
        Mode::Strict,
    );
    assert_eq!(found.unreachable, [1]);
    assert!(found.gaps.is_empty() && found.overlaps.is_empty());
    let found = analyse(
        &table(
            Hit::Any,
            &["数"],
            &[&["> 0", "1"], &["> 5", "1"], &["<= 0", "2"]],
        ),
        Mode::Strict,
    );
    assert!(found.overlaps.is_empty());
    let found = analyse(
        &table(
            Hit::Unique,
            &["日期?"],
            &[&["null", "1"], &["< @\"2026-07-01\"", "2"]],
        ),
        Mode::Strict,
    );
    assert_eq!(shown(&found.gaps), ["2026-07-01"]);
    let found = analyse(
        &table(
            Hit::Unique,
            &["数", "数"],
            &[&["> c1", "-", "1"], &["-", "> 5", "2"]],
        ),
        Mode::Strict,
    );
    assert!(found.incomplete.is_some());
}

proptest! {
    /// Against brute force over a fine grid: a point without a rule exactly when a gap is reported.
    #[test]
    fn gaps_and_overlaps_agree_with_a_grid(
        cells in prop::collection::vec((0usize..6, 0i64..4, 0usize..6, 0i64..4), 1..5)
    ) {
        let cell = |kind: usize, n: i64| match kind {
            0 => "-".to_string(),
            1 => format!("< {n}"),
            2 => format!(">= {n}"),
            3 => format!("({n}..{}]", n + 1),
            4 => format!("not({n})"),
            _ => format!("{n}, {}", n + 2),
        };
        let rows: Vec<[String; 3]> = cells.iter().map(|(a, x, b, y)| [cell(*a, *x), cell(*b, *y), "1".into()]).collect();
        let rows: Vec<Vec<&str>> = rows.iter().map(|r| r.iter().map(String::as_str).collect()).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let table = table(Hit::Unique, &["数", "数"], &rows);
        let found = analyse(&table, Mode::Strict);
        let mut machine = Machine::new(Mode::Strict);
        let (mut gap, mut overlap) = (false, false);
        for i in -4..=14i64 {
            for j in -4..=14i64 {
                let half = |n: i64| Value::Number(Number::new(i128::from(n) * 5, -1).expect("small"));
                let hits = table.rules.iter().filter(|rule| {
                    [half(i), half(j)].into_iter().zip(&rule.tests).all(|(v, t)| {
                        machine.test_value(t, v).expect("constant") == Some(true)
                    })
                }).count();
                gap |= hits == 0;
                overlap |= hits > 1;
            }
        }
        prop_assert_eq!(gap, !found.gaps.is_empty());
        prop_assert_eq!(overlap, !found.overlaps.is_empty());
        for example in &found.gaps {
            let values: Vec<Value> = example.iter().map(|v| v.clone().unwrap_or(Value::from(1))).collect();
            let outcome = Machine::new(Mode::Strict).run_table(&Fixed(values), &table, &[]).expect("evaluates");
            prop_assert!(outcome.fired.is_empty());
        }
    }
}
