//! Files as offices really have them.

use base::{Day, Id, parse_day, parse_instant};
use registry::identity::make_person_number;
use registry::import::{
    About, Directory, Imported, Importer, KindSpec, KnownPerson, OnError, evidence, register,
    template,
};
use registry::record::{Evidence, Sex};
use rust_xlsxwriter::{Format, Workbook};
use serde_json::json;
use std::collections::HashSet;

fn today() -> Day {
    parse_day("2026-11-01").expect("a date")
}

fn kind(name: &str, en: &str, type_text: &str, about: About) -> KindSpec {
    KindSpec {
        name: name.into(),
        en: en.into(),
        type_text: type_text.into(),
        about,
        allowed: vec![],
        unit: String::new(),
        note: "示例".into(),
    }
}

fn kinds() -> Vec<KindSpec> {
    vec![
        kind("甲收入", "income A", "元/月?", About::Person),
        kind("乙状态", "state B", "[\"在\",\"不在\"]", About::Person),
        kind("丙日期", "date C", "日期?", About::Person),
        kind("丁资产", "asset D", "元", About::Household),
        kind(
            "戊事件",
            "event E",
            "情况{级别: [\"一\",\"二\"], 费用: 元}",
            About::Person,
        ),
    ]
}

fn number(n: u32) -> String {
    let birth = parse_day("1980-05-06").expect("a date");
    make_person_number("110105", birth, Sex::Female, n).expect("made")
}

fn id(name: &str) -> Id {
    Id::derive(&["test", name])
}

/// Persons 0 to 3 are known; 0 and 1 live together, 2 lives alone, 3 is of no household.
fn directory() -> Directory {
    let mut out = Directory::default();
    for n in 0..4u32 {
        let household = [Some("a"), Some("a"), Some("b"), None][n as usize];
        let person = KnownPerson {
            shard: "9901".into(),
            person: id(&format!("person {n}")),
            name: format!("张{}", ["一", "二", "三", "四"][n as usize]),
            household: household.map(|h| ("9901".to_owned(), id(h))),
            area: "d1".into(),
        };
        out.persons.insert(number(n), vec![person]);
    }
    out
}

fn importer() -> Importer {
    Importer {
        at: parse_instant("2026-11-01T02:00:00Z").expect("a moment"),
        by: "clerk".into(),
        source: "file".into(),
    }
}

fn import(file: &str, bytes: &[u8]) -> Imported<Vec<Evidence>> {
    let sheet = evidence::Sheet::read(file, bytes, &kinds(), today()).expect("understood");
    sheet.finish(&directory(), &importer())
}

fn messy_text() -> String {
    let wide: String = number(1)
        .chars()
        .map(|c| match c {
            '0'..='9' => char::from_u32(c as u32 + 0xfee0).expect("wide"),
            'X' => 'ｘ',
            c => c,
        })
        .collect();
    format!(
        "某街道十一月登记表,,,,,\r\n\
         序号,身份证号码（必填）,姓名,甲收入（元）,起始日期,截止日期\r\n\
         1,{},张一,\"1,234.50元\",2026-3-1,2026年3月\r\n\
         2, {wide} ,张 二,８００,20260401,\r\n\
         3,{},,3.5万,2026/5/6,长期\r\n\
         ,,,,,\r\n\
         合计,,,36500,,\r\n,,,,,\r\n",
        number(0),
        number(2).to_lowercase(),
    )
}

#[test]
fn the_same_table_in_any_encoding_and_format_is_the_same() {
    let text = messy_text();
    let first = import("a.csv", text.as_bytes());
    assert_eq!(first.problems, vec![]);
    assert_eq!((first.rows, first.good, first.records.len()), (3, 3, 3));
    let values: Vec<_> = first.records.iter().map(|e| e.value.clone()).collect();
    assert_eq!(values, [json!(1234.5), json!(800), json!(35000)]);
    assert_eq!(
        first.records[0].valid.to,
        Some(parse_day("2026-04-01").expect("a date"))
    );
    assert_eq!(first.records[2].valid.to, None);

    let (gbk, _, bad) = encoding_rs::GBK.encode(&text);
    assert!(!bad);
    assert!(std::str::from_utf8(&gbk).is_err());
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let wide: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(
            text.replace(',', "\t")
                .replace("1\t234", "1234")
                .encode_utf16(),
        )
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, bytes) in [("gbk", gbk.as_ref()), ("marked", &marked)] {
        assert_eq!(import(name, bytes).records, first.records, "{name}");
    }
    let tabs = import("utf16", &wide);
    assert_eq!(tabs.problems, vec![]);
    assert_eq!(
        tabs.records.iter().map(|e| &e.value).collect::<Vec<_>>(),
        values.iter().collect::<Vec<_>>()
    );
    // Another file, even with the same content in a row, is another statement.
    let other = import("b.csv", text.replace("长期", "2026-12-31").as_bytes());
    assert_ne!(other.records[0].id, first.records[0].id);
}

#[test]
fn a_workbook_with_titles_merged_headings_and_its_own_dates() {
    let mut book = Workbook::new();
    let cover = book.add_worksheet();
    cover.write(0, 0, "填表须知").expect("written");
    let sheet = book.add_worksheet();
    let date = Format::new().set_num_format("yyyy/m/d");
    sheet
        .merge_range(0, 0, 0, 5, "登记表", &Format::new())
        .expect("merged");
    for (c, name) in ["身份证号码", "姓名", "甲收入", "乙状态"]
        .iter()
        .enumerate()
    {
        sheet
            .merge_range(1, c as u16, 2, c as u16, name, &Format::new())
            .expect("merged");
    }
    sheet
        .merge_range(1, 4, 1, 5, "有效期", &Format::new())
        .expect("merged");
    sheet.write(2, 4, "起").expect("written");
    sheet.write(2, 5, "止").expect("written");
    sheet.write(3, 0, number(0)).expect("written");
    sheet.write(3, 2, 0.1 + 0.2).expect("written");
    sheet.write(3, 3, "在").expect("written");
    sheet
        .write_with_format(3, 4, 46204, &date)
        .expect("written");
    sheet
        .write_with_format(3, 5, 46234, &date)
        .expect("written");
    sheet.write(4, 0, number(1)).expect("written");
    sheet.write(4, 2, "无").expect("written");
    sheet.write(4, 4, 46204).expect("written");
    let bytes = book.save_to_buffer().expect("saved");
    let read = import("a.xlsx", &bytes);
    assert_eq!(read.problems, vec![]);
    let said: Vec<_> = read
        .records
        .iter()
        .map(|e| (e.kind.as_str(), e.value.clone(), e.valid.from.to_string()))
        .collect();
    assert_eq!(
        said,
        [
            ("甲收入", json!(0.3), "2026-07-01".to_owned()),
            ("乙状态", json!("在"), "2026-07-01".to_owned()),
            ("甲收入", json!(null), "2026-07-01".to_owned()),
        ]
    );
    assert_eq!(
        read.records[0].valid.to,
        Some(parse_day("2026-08-01").expect("d"))
    );
}

#[test]
fn every_bad_row_says_where_what_why_and_how_to_mend_it() {
    let mut wrong = number(0);
    let last = wrong.pop().expect("a character");
    wrong.push(if last == '1' { '2' } else { '1' });
    let text = format!(
        "身份证号码,姓名,甲收入,乙状态,丙日期,丁资产,起始日期,截止日期\n\
         {},张一,100,,,,2026-01-01,\n\
         {wrong},,100,,,,2026-01-01,\n\
         {},,100,,,,2026-01-01,\n\
         {},李四,100,,,,2026-01-01,\n\
         {},,一百,在家,2026-02-30,,2026-01-01,\n\
         {},,100,,,,2026-03-01,2026-02-01\n\
         {},,100,,,,2026-01-01,\n\
         {},,200,,,,2026-01-01,\n\
         {},,,,,5000,2026-01-01,\n\
         {},,,,,,2026-01-01,\n\
         {},,5,,,,,\n",
        number(0),
        number(9),
        number(1),
        number(1),
        number(1),
        number(0),
        number(0),
        number(3),
        number(2),
        number(2),
    );
    let read = import("bad.csv", text.as_bytes());
    let seen: Vec<(u32, &str, &str)> = read
        .problems
        .iter()
        .map(|p| (p.line, p.column.as_str(), p.en.as_str()))
        .collect();
    let check = format!(
        "ends with {}, by GB 11643 it should end with {last}",
        wrong.pop().expect("a character")
    );
    assert_eq!(
        seen,
        [
            (3, "身份证号码", check.as_str()),
            (4, "身份证号码", "is of nobody in the register"),
            (
                5,
                "姓名",
                "is not the name that the register has for this number"
            ),
            (6, "甲收入", "is not an amount of money"),
            (6, "乙状态", "is not one of the allowed values"),
            (6, "丙日期", "is no day of the calendar"),
            (7, "截止日期", "is before the first day 2026-03-01"),
            (8, "甲收入", "repeats row 2"),
            (
                9,
                "甲收入",
                "is said of the same subject and period in row 2, otherwise"
            ),
            (
                10,
                "丁资产",
                "is about a household, and this person belongs to none"
            ),
            (11, "", "says nothing"),
            (12, "起始日期", "has no first day"),
        ]
    );
    assert!(
        read.problems
            .iter()
            .all(|p| !p.zh.is_empty() && !p.remedy_zh.is_empty() && !p.remedy_en.is_empty())
    );
    assert_eq!((read.rows, read.good, read.records.len()), (11, 1, 1));
    assert_eq!(read.clone().to_record(OnError::Stop), vec![]);
    assert_eq!(read.clone().to_record(OnError::Skip).len(), 1);

    // The report holds the bad rows as they were, and is itself a file that can be mended and imported.
    let sheet = evidence::Sheet::read("bad.csv", text.as_bytes(), &kinds(), today()).expect("read");
    let report = String::from_utf8(sheet.table().report(&read.problems)).expect("text");
    assert_eq!(report.lines().count(), 1 + 10);
    assert!(report.contains("不是金额 / is not an amount of money") && report.contains("一百"));
}

#[test]
fn files_that_are_none_are_refused_with_a_reason() {
    let read = |bytes: &[u8]| {
        evidence::Sheet::read("f", bytes, &kinds(), today())
            .expect_err("refused")
            .to_string()
    };
    assert!(read(b"").contains("no row with content"));
    assert!(read(b"PK\x03\x04broken").contains("workbook"));
    assert!(read("甲,乙\n1,2\n".as_bytes()).contains("heading"));
    assert!(read("身份证号码,甲收入\n1,2\n".as_bytes()).contains("起始日期"));
    assert!(read("身份证号码,甲收入,起始日期,庚\n1,2,3,4\n".as_bytes()).contains("`庚`"));
    assert!(read("身份证号码,甲收入,甲收入,起始日期\n1,2,3,4\n".as_bytes()).contains("twice"));
    assert!(read(b"\xff\xff\xff\x00\x01,\xff").contains("UTF-8 nor GBK"));
}

#[test]
fn templates_are_forms_that_the_import_understands() {
    for kind in kinds() {
        let form = template::evidence_csv(std::slice::from_ref(&kind));
        let sheet =
            evidence::Sheet::read("form.csv", &form, &kinds(), today()).expect("understood");
        assert!(sheet.table().rows.is_empty(), "{}", kind.name);
        let form = template::evidence_xlsx(&[kind]).expect("made");
        let sheet =
            evidence::Sheet::read("form.xlsx", &form, &kinds(), today()).expect("understood");
        assert!(sheet.table().rows.is_empty());
    }
    let form = template::register_xlsx().expect("made");
    assert!(
        register::Sheet::read("form.xlsx", &form, &[], today())
            .expect("understood")
            .table()
            .rows
            .is_empty()
    );

    let mut text = String::from_utf8(template::evidence_csv(&kinds()[4..5])).expect("text");
    text.push_str(&format!(
        "{},张一,二,120.5,2026-07-01,2026-07-09,票据\n",
        number(0)
    ));
    let read = import("filled.csv", text.as_bytes());
    assert_eq!(read.problems, vec![]);
    assert_eq!(read.records[0].value, json!({"级别": "二", "费用": 120.5}));
    assert_eq!(read.records[0].provenance.source, "票据");
}

#[test]
fn a_register_comes_in_by_households() {
    let text = format!(
        "户编号,姓名,身份证号码,与户主关系,社区代码,地址,起始日期,开户银行,银行账号,甲收入\n\
         H1,王甲,{},户主,990101001,甲街 1 号,2020-01-01,102,6222000011112222,1000\n\
         H1,王乙,{},子女,990101001,,2021-05-01,,,\n\
         H2,李丙,{},户主,990101999,,2020-01-01,,,\n\
         H3,赵丁,{},配偶,990101001,,2020-01-01,,,\n\
         H4,张一,{},户主,990101001,,2026-01-01,,,\n",
        number(10),
        number(11),
        number(12),
        number(13),
        number(0),
    );
    let areas = HashSet::from(["990101001".to_owned()]);
    let sheet =
        register::Sheet::read("r.csv", text.as_bytes(), &kinds(), today()).expect("understood");
    let read = sheet.finish(&directory(), &areas, "9901", &importer());
    let seen: Vec<(u32, &str, &str)> = read
        .problems
        .iter()
        .map(|p| (p.line, p.column.as_str(), p.en.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (4, "社区代码", "is no area that is known"),
            (5, "与户主关系", "is of a household with 0 heads"),
        ]
    );
    let r = &read.records;
    assert_eq!(
        (
            r.households.len(),
            r.persons.len(),
            r.memberships.len(),
            r.evidence.len(),
            r.payees.len()
        ),
        (2, 2, 3, 1, 1)
    );
    // Known already: no second record of the person.
    assert!(r.memberships.iter().any(|m| m.person == id("person 0")));
    let again = sheet.finish(&directory(), &areas, "9901", &importer());
    assert_eq!(again.records, read.records);
}

/// A clerk sends what is no table: each is told what it is, in both languages.
#[test]
fn what_is_no_table_is_called_by_its_name() {
    let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 16];
    let cases: [(&[u8], &str, &str); 5] = [
        (b"\x89PNG\r\n\x1a\n....", "a picture", "图片"),
        (&jpeg, "a picture", "图片"),
        (b"%PDF-1.7 ...", "a PDF", "PDF"),
        (
            b"  <HTML><table><tr><td>x</td></tr></table></HTML>",
            "a web page",
            "网页",
        ),
        (b"Rar!\x1a\x07", "an archive", "压缩包"),
    ];
    for (bytes, en, zh) in cases {
        let today = base::parse_day("2026-07-01").expect("a day");
        let error = evidence::Sheet::read("表.xlsx", bytes, &kinds(), today).expect_err(en);
        assert!(error.to_string().contains(en), "{error}");
        assert!(error.zh().contains(zh), "{}", error.zh());
    }
}
