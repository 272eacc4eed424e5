//! The bank counter's spreadsheets: the list of lines that goes with a file, and the list of answers
//! that comes back, for banks without ISO 20022.

use crate::iso::{Answer, AnswerLine, Source, compact};
use crate::payment::{Batch, ControlTotals, Payment, PaymentState};
use base::Fen;
use calamine::{Data, Reader};
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use std::io::Cursor;

/// The most lines one sheet takes (rows of the format, less header and trailer).
pub const MAX_LINES: usize = 1_048_000;

/// Why a list is not written.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The spreadsheet writer.
    #[error("the list cannot be written: {0}")]
    Xlsx(#[from] XlsxError),
    /// Too many lines for one sheet.
    #[error("batch {0} has more lines than a sheet takes; make files of fewer lines")]
    TooLong(base::Id),
    /// The lines are not those of the batch.
    #[error("the lines are not those that batch {0} counts; the list must not be sent")]
    Totals(base::Id),
}

/// Writes the list of a batch: batch number, sequence, holder, account, bank, amount in yuan and
/// purpose, then a trailer with the totals. Account numbers are text, so that no digit is lost.
pub fn write_xlsx<'a>(
    batch: &Batch,
    purpose: &str,
    payments: impl IntoIterator<Item = &'a Payment>,
) -> Result<Vec<u8>, ListError> {
    if batch.count as usize > MAX_LINES {
        return Err(ListError::TooLong(batch.id));
    }
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("代发清单")?;
    let bold = Format::new().set_bold();
    let money = Format::new().set_num_format("0.00");
    let text = Format::new().set_num_format("@");
    for (column, (title, width)) in [
        ("批次号", 36.0),
        ("序号", 8.0),
        ("户名", 20.0),
        ("账号", 24.0),
        ("开户行", 16.0),
        ("金额(元)", 12.0),
        ("用途", 20.0),
    ]
    .into_iter()
    .enumerate()
    {
        sheet.set_column_width(column as u16, width)?;
        sheet.write_string_with_format(0, column as u16, title, &bold)?;
    }
    let number = compact(batch.id);
    let mut totals = ControlTotals::default();
    let mut row = 0;
    for payment in payments {
        if payment.batch != batch.id || totals.count >= batch.count {
            return Err(ListError::Totals(batch.id));
        }
        row += 1;
        totals.add(&payment.account, payment.amount);
        sheet.write_string(row, 0, &number)?;
        sheet.write_number(row, 1, f64::from(payment.sequence))?;
        sheet.write_string(row, 2, &payment.holder)?;
        sheet.write_string_with_format(row, 3, &payment.account, &text)?;
        sheet.write_string_with_format(row, 4, &payment.bank, &text)?;
        // A double holds every fen exactly enough to show two decimals up to 90 trillion yuan.
        sheet.write_number_with_format(row, 5, yuan(payment.amount), &money)?;
        sheet.write_string(row, 6, purpose)?;
    }
    if (totals.count, totals.total) != (batch.count, batch.total) {
        return Err(ListError::Totals(batch.id));
    }
    row += 1;
    sheet.write_string_with_format(row, 0, "合计", &bold)?;
    sheet.write_number_with_format(row, 1, f64::from(totals.count), &bold)?;
    sheet.write_string(row, 2, "账号校验和")?;
    sheet.write_string(row, 3, format!("{:015}", totals.hash))?;
    sheet.write_number_with_format(row, 5, yuan(totals.total), &money)?;
    Ok(workbook.save_to_buffer()?)
}

fn yuan(fen: Fen) -> f64 {
    fen.0 as f64 / 100.0
}

/// What is wrong with a list of answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListProblem {
    /// Neither xlsx nor csv, or broken.
    #[error("the list cannot be read: {0}; save it as xlsx, or as csv in UTF-8")]
    Unreadable(String),
    /// A column is not there.
    #[error(
        "no header row with {0} is found in the first 20 rows; needed are a sequence (序号) and a status (状态) column"
    )]
    NoColumn(&'static str),
    /// A cell that is not of its type.
    #[error("row {row}, column {column}: `{text}`; expected {expected}")]
    Cell {
        /// Row, from 1.
        row: u64,
        /// Title of the column.
        column: &'static str,
        /// What it holds.
        text: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// More rows than allowed.
    #[error("more than {0} rows; split the list")]
    TooLarge(usize),
}

/// Reads a list of answers, xlsx or csv (told apart by their first bytes). The header may stand in any
/// of the first rows; columns are known by their titles: 序号, 状态, 原因, 金额, 批次号 and words like
/// them. `original` is the batch that the list answers (compact), unless a column says it.
pub fn read_list(
    bytes: &[u8],
    original: Option<&str>,
    max_rows: usize,
) -> Result<Answer, ListProblem> {
    let rows = if bytes.starts_with(b"PK\x03\x04") {
        xlsx_rows(bytes, max_rows)?
    } else {
        csv_rows(bytes, max_rows)?
    };
    let mut answer = Answer::new(Source::List);
    answer.original = original.map(str::to_owned);
    let (at, columns) = rows
        .iter()
        .take(20)
        .enumerate()
        .find_map(|(at, row)| Columns::find(row).map(|columns| (at, columns)))
        .ok_or(ListProblem::NoColumn("序号 and 状态"))?;
    for (index, row) in rows.iter().enumerate().skip(at + 1) {
        let cell = |column: Option<usize>| {
            column
                .and_then(|column| row.get(column))
                .map_or("", |text| text.trim())
        };
        let number = index as u64 + 1;
        let sequence = cell(Some(columns.sequence));
        let status = cell(Some(columns.status));
        // The trailer and empty rows have no status.
        if status.is_empty() && (sequence.is_empty() || cell(Some(0)) == "合计") {
            continue;
        }
        let bad = |column, text: &str, expected| ListProblem::Cell {
            row: number,
            column,
            text: text.chars().take(40).collect(),
            expected,
        };
        let sequence_number = sequence
            .trim_end_matches(".0")
            .parse::<u32>()
            .map_err(|_| {
                bad(
                    "序号",
                    sequence,
                    "the line's number in the file that was sent",
                )
            })?;
        let state = match status {
            "成功" | "交易成功" | "已入账" | "success" | "SUCCESS" => PaymentState::Paid,
            "失败" | "交易失败" | "退回" | "拒绝" | "failed" | "FAILED" => {
                PaymentState::Rejected
            }
            "处理中" | "待处理" | "未知" | "pending" | "PENDING" => PaymentState::Unknown,
            _ => return Err(bad("状态", status, "成功, 失败 or 处理中")),
        };
        let amount = match cell(columns.amount) {
            "" => None,
            text => Some(
                Fen::parse_yuan(text)
                    .map_err(|_| bad("金额", text, "an amount in yuan, such as 123.45"))?,
            ),
        };
        let reason = cell(columns.reason);
        let batch = cell(columns.batch);
        if !batch.is_empty() {
            match &answer.original {
                None => answer.original = Some(batch.into()),
                Some(known) if known != batch => {
                    return Err(bad("批次号", batch, "the batch that this list answers"));
                }
                Some(_) => {}
            }
        }
        answer.lines.push(AnswerLine {
            end_to_end: None,
            sequence: Some(sequence_number),
            state,
            amount,
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            booked: None,
            line: number,
        });
    }
    Ok(answer)
}

struct Columns {
    sequence: usize,
    status: usize,
    reason: Option<usize>,
    amount: Option<usize>,
    batch: Option<usize>,
}

impl Columns {
    fn find(row: &[String]) -> Option<Columns> {
        let of = |words: &[&str]| {
            row.iter().position(|title| {
                let title = title.trim().to_lowercase();
                words.iter().any(|word| title == *word)
            })
        };
        Some(Columns {
            sequence: of(&["序号", "sequence", "no", "编号"])?,
            status: of(&["状态", "处理状态", "处理结果", "交易状态", "结果", "status"])?,
            reason: of(&["原因", "失败原因", "备注", "说明", "reason"]),
            amount: of(&["金额", "金额(元)", "金额（元）", "amount"]),
            batch: of(&["批次号", "批次", "batch"]),
        })
    }
}

fn xlsx_rows(bytes: &[u8], max_rows: usize) -> Result<Vec<Vec<String>>, ListProblem> {
    let unreadable = |error: calamine::XlsxError| ListProblem::Unreadable(error.to_string());
    let mut book: calamine::Xlsx<_> =
        calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(unreadable)?;
    let Some(range) = book.worksheet_range_at(0) else {
        return Err(ListProblem::Unreadable("it has no sheet".into()));
    };
    let range = range.map_err(unreadable)?;
    if range.height() > max_rows {
        return Err(ListProblem::TooLarge(max_rows));
    }
    // Rows are counted from the sheet's first, also when that one is empty.
    let skipped = range.start().map_or(0, |(row, _)| row as usize);
    let mut rows = vec![Vec::new(); skipped.min(max_rows)];
    rows.extend(
        range
            .rows()
            .map(|row| row.iter().map(text_of).collect::<Vec<String>>()),
    );
    Ok(rows)
}

fn text_of(cell: &Data) -> String {
    match cell {
        // Whole numbers as they are typed; others rounded to the fen.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            format!("{number:.0}")
        }
        Data::Float(number) => format!("{number:.2}"),
        other => other.to_string(),
    }
}

fn csv_rows(bytes: &[u8], max_rows: usize) -> Result<Vec<Vec<String>>, ListProblem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ListProblem::Unreadable("it is not UTF-8".into()))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| ListProblem::Unreadable(error.to_string()))?;
        if rows.len() >= max_rows {
            return Err(ListProblem::TooLarge(max_rows));
        }
        rows.push(record.iter().map(str::to_owned).collect());
    }
    Ok(rows)
}
