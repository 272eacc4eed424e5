//! Figures in JSON keep their digits: no binary float stands between what is asked and what is answered.

use crate::cli::{path, run_with};
use std::fs;

const LAW: &str = "---
number: 甲办法
title: 甲办法
place: X
from: 2020-01-01
---
## 第一条 条 · One
@evidence 家庭
| name | type | absent |
| --- | --- | --- |
| 甲 | 元 | missing |
| 乙 | 元 | 0 |
```feel 合计 : 元
甲 + 乙
```
";

const MODEL: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" namespace="urn:minsheng:test" name="Sums" id="_m">
  <inputData id="_a" name="a"><variable name="a" typeRef="number"/></inputData>
  <inputData id="_b" name="b"><variable name="b"/></inputData>
  <decision id="_d" name="sum">
    <variable name="sum" typeRef="number"/>
    <informationRequirement><requiredInput href="#_a"/></informationRequirement>
    <informationRequirement><requiredInput href="#_b"/></informationRequirement>
    <literalExpression><text>a + b</text></literalExpression>
  </decision>
</definitions>
"##;

/// Two figures and their sum, as JSON writes them.
const SUMS: [[&str; 3]; 5] = [
    [
        "123456789012345678901234567890.12",
        "0",
        "123456789012345678901234567890.12",
    ],
    ["0.1", "0.2", "0.3"],
    ["9007199254740993.01", "0.01", "9007199254740993.02"],
    ["1e3", "-0.10", "999.9"],
    [
        "12345678901234567890123456789012.34",
        "-12345678901234567890123456789012.33",
        "0.01",
    ],
];

#[test]
fn figures_of_many_digits_go_in_and_out_unchanged() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        fs::write(&file, text).expect("written");
        file
    };
    let law = dir.path().join("law");
    fs::create_dir(&law).expect("made");
    write(
        "law/places.csv",
        "code,name,name_en,parent\nX,某地,Somewhere,\n",
    );
    write("law/a.md", LAW);
    let model = write("sums.dmn", MODEL);
    for [a, b, sum] in SUMS {
        let given = format!("{{\"甲\": {a}, \"乙\": {b}, \"成员\": []}}");
        let asked = ["law", "eval", "--law", path(&law), "--place", "X"];
        let more = ["--date", "2024-05-01", "--decision", "合计", "--input", "-"];
        let ran = run_with(&given, &[&asked[..], &more].concat()).exits(0);
        assert!(
            ran.out.contains(&format!("\"result\": {sum}")),
            "{}",
            ran.out
        );

        let given = format!("{{\"a\": {a}, \"b\": {b}}}");
        let asked = [
            "dmn",
            "eval",
            path(&model),
            "--decision",
            "sum",
            "--input",
            "-",
        ];
        let ran = run_with(&given, &asked).exits(0);
        assert!(
            ran.out.contains(&format!("\"result\": {sum}")),
            "{}",
            ran.out
        );
    }
}
