//! Empty forms to be filled in: headings, an explanation beneath, lists of allowed values.

use super::evidence::{Kind, readable};
use super::register::RELATIONS;
use super::value::ValueType;
use super::{About, KindSpec};
use rust_xlsxwriter::{DataValidation, Format, FormatBorder, Workbook, XlsxError};

/// One column of a form.
struct Column {
    heading: String,
    zh: String,
    en: String,
    choices: Vec<String>,
    text: bool,
}

fn column(heading: &str, zh: &str, en: &str) -> Column {
    Column {
        heading: heading.into(),
        zh: zh.into(),
        en: en.into(),
        choices: Vec::new(),
        text: true,
    }
}

const YES_NO: [&str; 2] = ["是", "否"];

fn value_columns(kind: &Kind) -> Vec<Column> {
    let about = |name: &str, value: &ValueType, nullable: bool, note: &str| {
        let (mut zh, mut en) = value.hint();
        if !note.is_empty() {
            zh = format!("{zh}；{note}");
        }
        if nullable {
            zh.push_str("；没有写“无”");
            en.push_str("; write 无 for none");
        }
        Column {
            heading: name.to_owned(),
            zh,
            en,
            choices: match value {
                ValueType::Choice(names) => names.clone(),
                ValueType::Boolean => YES_NO.map(String::from).to_vec(),
                _ => Vec::new(),
            },
            text: !matches!(
                value,
                ValueType::Money | ValueType::Number | ValueType::Count | ValueType::Ratio
            ),
        }
    };
    match &kind.value {
        ValueType::Record(fields) => fields
            .iter()
            .map(|(name, value, nullable)| about(name, value, *nullable, ""))
            .collect(),
        value => {
            let mut column = about(&kind.spec.name, value, kind.nullable, &kind.spec.note);
            if !kind.spec.en.is_empty() {
                column.en = format!("{}: {}", kind.spec.en, column.en);
            }
            vec![column]
        }
    }
}

fn columns_of(kinds: &[KindSpec]) -> Vec<Column> {
    let kinds = readable(kinds);
    let households = kinds.iter().all(|k| k.spec.about == About::Household);
    let mut out = vec![column(
        if households {
            "户主身份证号码"
        } else {
            "身份证号码"
        },
        "18 位；单元格为文本",
        "18 characters, as text",
    )];
    if !households {
        out.push(column(
            "姓名",
            "用于核对，可不填",
            "to check by; may be left empty",
        ));
    }
    out.extend(kinds.iter().flat_map(value_columns));
    out.push(column(
        "起始日期",
        "从哪天起，如 2026-07-01 或 2026-07",
        "first day, or first month",
    ));
    out.push(column(
        "截止日期",
        "到哪天止（含当天）；不填为长期",
        "last day, included; empty: open",
    ));
    out.push(column("来源", "凭据，如工资证明", "the paper behind it"));
    out
}

/// The headings of the form for households and persons.
pub(super) const REGISTER_HEADINGS: [&str; 11] = [
    "户编号",
    "姓名",
    "身份证号码",
    "与户主关系",
    "社区代码",
    "地址",
    "起始日期",
    "开户银行",
    "银行账号",
    "户名",
    "来源",
];

fn register_columns() -> Vec<Column> {
    let notes = [
        ("同一户各行相同", "the same in all rows of a household"),
        ("", "name"),
        ("18 位；单元格为文本", "18 characters, as text"),
        ("每户恰好一个户主", "one head in each household"),
        ("居住的社区或村", "the community's code"),
        ("街道、楼、门牌", "street, building, door"),
        ("从哪天起属于该户", "member since"),
        ("户主行填写", "bank; in the head's row"),
        (
            "户主行填写；单元格为文本",
            "account; in the head's row, as text",
        ),
        ("不填为户主", "the account's holder; the head when empty"),
        ("凭据，如户口簿", "the paper behind it"),
    ];
    let columns = REGISTER_HEADINGS.iter().zip(notes);
    let mut out: Vec<Column> = columns
        .map(|(heading, (zh, en))| column(heading, zh, en))
        .collect();
    out[3].choices = RELATIONS.map(String::from).to_vec();
    out
}

/// An empty workbook for kinds of evidence (commonly one), with explanations and lists.
///
/// # Errors
/// When the workbook cannot be written; only for names that a spreadsheet cannot hold.
pub fn evidence_xlsx(kinds: &[KindSpec]) -> Result<Vec<u8>, XlsxError> {
    workbook(&columns_of(kinds))
}

/// The same as csv, which holds no lists.
pub fn evidence_csv(kinds: &[KindSpec]) -> Vec<u8> {
    csv_form(&columns_of(kinds))
}

/// An empty workbook for households and persons.
///
/// # Errors
/// As [`evidence_xlsx`].
pub fn register_xlsx() -> Result<Vec<u8>, XlsxError> {
    workbook(&register_columns())
}

/// The same as csv.
pub fn register_csv() -> Vec<u8> {
    csv_form(&register_columns())
}

fn explanation(column: &Column) -> String {
    match (column.zh.as_str(), column.en.as_str()) {
        ("", en) => en.to_owned(),
        (zh, "") => zh.to_owned(),
        (zh, en) => format!("{zh} · {en}"),
    }
}

fn csv_form(columns: &[Column]) -> Vec<u8> {
    // With the mark, so that Excel opens it as UTF-8.
    let mut out = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    let notes = columns.iter().enumerate().map(|(i, c)| {
        // Rows that begin with # are passed over by the import.
        let mark = if i == 0 { "# " } else { "" };
        format!("{mark}{}", explanation(c))
    });
    // Writing to memory does not fail.
    let _ = out.write_record(columns.iter().map(|c| c.heading.as_str()));
    let _ = out.write_record(notes);
    out.into_inner().unwrap_or_default()
}

/// Rows of a form that are prepared.
const PREPARED: u32 = 5000;

fn workbook(columns: &[Column]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let head = Format::new()
        .set_bold()
        .set_border_bottom(FormatBorder::Thin);
    let note = Format::new()
        .set_italic()
        .set_text_wrap()
        .set_font_color(0x0066_6666);
    let text = Format::new().set_num_format("@");
    let sheet = book.add_worksheet().set_name("数据")?;
    for (i, column) in columns.iter().enumerate() {
        let at = i as u16;
        sheet.write_with_format(0, at, column.heading.as_str(), &head)?;
        let mark = if i == 0 { "# " } else { "" };
        sheet.write_with_format(1, at, format!("{mark}{}", explanation(column)), &note)?;
        sheet.set_column_width(at, 22)?;
        if column.text {
            // Else a spreadsheet makes numbers of identity numbers, and they lose digits.
            sheet.set_column_format(at, &text)?;
        }
        // Excel holds lists of up to 255 characters.
        let length: usize = column.choices.iter().map(|c| c.chars().count() + 1).sum();
        if !column.choices.is_empty() && length <= 255 {
            let list = DataValidation::new().allow_list_strings(&column.choices)?;
            sheet.add_data_validation(2, at, PREPARED, at, &list)?;
        }
    }
    sheet.set_freeze_panes(2, 0)?;
    let sheet = book.add_worksheet().set_name("说明")?;
    sheet.set_column_width(0, 20)?.set_column_width(1, 90)?;
    let lines = [
        (
            "填写 how",
            "从第 3 行起填写，一行一条；不要改动标题。Fill in from row 3 on; leave the headings.",
        ),
        (
            "导入 import",
            "有误的行会说明行、列、原因和改法。Every bad row is explained: row, column, reason, remedy.",
        ),
    ];
    for (row, (what, how)) in lines.iter().enumerate() {
        sheet.write_with_format(row as u32, 0, *what, &head)?;
        sheet.write(row as u32, 1, *how)?;
    }
    let first = lines.len() as u32 + 1;
    for (i, column) in columns.iter().enumerate() {
        let row = first + i as u32;
        sheet.write_with_format(row, 0, column.heading.as_str(), &head)?;
        let mut what = explanation(column);
        if !column.choices.is_empty() {
            what = format!("{what} [{}]", column.choices.join(" | "));
        }
        sheet.write(row, 1, what)?;
    }
    book.save_to_buffer()
}
