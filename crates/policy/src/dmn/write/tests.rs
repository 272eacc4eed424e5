use super::super::model::{TableInput, TableOutput, read};
use super::super::{Inputs, Program};
use super::*;
use crate::feel::value::Value;

fn literal(text: &str) -> Boxed {
    Boxed {
        type_ref: None,
        kind: BoxedKind::Literal(text.into()),
    }
}

fn node(id: &str, name: &str, ty: &str, requires: &[&str], logic: Option<Boxed>) -> Node {
    Node {
        id: id.into(),
        name: name.into(),
        type_ref: Some(ty.into()),
        requires: requires.iter().map(|r| format!("#{r}")).collect(),
        logic,
        description: String::new(),
    }
}

#[test]
fn what_is_written_reads_back_and_computes_the_same() {
    let table = BoxedTable {
        hit: "U".into(),
        inputs: vec![TableInput {
            expression: "甲 额".into(),
            type_ref: Some("number".into()),
            values: None,
        }],
        outputs: vec![TableOutput {
            default: Some("\"无\"".into()),
            ..TableOutput::default()
        }],
        rules: vec![
            (vec!["< 10".into()], vec!["\"<小>\"".into()]),
            (vec!["[10..20]".into()], vec!["\"中\"".into()]),
        ],
    };
    let function = BoxedKind::Function {
        params: vec![Parameter {
            name: "x".into(),
            type_ref: Some("number".into()),
        }],
        body: Some(Box::new(literal("x * 2"))),
        external: false,
    };
    let conditional = BoxedKind::Conditional(
        Box::new(literal("级 = \"中\"")),
        Box::new(literal("加倍(甲 额)")),
        Box::new(literal("0")),
    );
    let model = Model {
        name: "例".into(),
        namespace: "urn:x".into(),
        items: vec![ItemDefinition {
            name: "tLevel".into(),
            type_ref: Some("string".into()),
            allowed: Some("\"<小>\", \"中\", \"无\"".into()),
            ..ItemDefinition::default()
        }],
        inputs: vec![node("i1", "甲 额", "number", &[], None)],
        knowledge: vec![node(
            "k1",
            "加倍",
            "number",
            &[],
            Some(Boxed {
                type_ref: None,
                kind: function,
            }),
        )],
        decisions: vec![
            node(
                "d1",
                "级",
                "tLevel",
                &["i1"],
                Some(Boxed {
                    type_ref: None,
                    kind: BoxedKind::Table(table),
                }),
            ),
            node(
                "d2",
                "额",
                "number",
                &["d1", "i1", "k1"],
                Some(Boxed {
                    type_ref: None,
                    kind: conditional,
                }),
            ),
        ],
        ..Model::default()
    };
    let text = write(&model);
    let back = read(&text).expect("well formed");
    assert_eq!(
        write(&back),
        write(&read(&write(&back)).expect("well formed"))
    );
    let program = Program::load(&[back]);
    assert!(program.problems.is_empty(), "{:?}", program.problems);
    for (amount, level, result) in [(5, "<小>", 0), (15, "中", 30), (50, "无", 0)] {
        let inputs: Inputs = vec![("甲 额".into(), Value::from(amount))];
        assert_eq!(
            program.evaluate("级", &inputs, None),
            Ok(Value::text(level))
        );
        assert_eq!(
            program.evaluate("额", &inputs, None),
            Ok(Value::from(result))
        );
    }
    assert_eq!(text.matches("<dmndi:DMNShape ").count(), 4);
    assert_eq!(text.matches("<dmndi:DMNEdge ").count(), 4);
}
