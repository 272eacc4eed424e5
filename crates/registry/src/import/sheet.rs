//! Bytes to rows, whatever program saved them: csv in UTF-8 (with or without mark), UTF-16 or GBK, with
//! commas, tabs or semicolons; xlsx, xls and ods.

use super::{Problem, plain};
use base::Day;
use calamine::{Data, Reader};
use chrono::{Days, NaiveDate};
use encoding_rs::{Encoding, GB18030, UTF_8};
use sha2::{Digest, Sha256};
use std::io::Cursor;

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Neither UTF-8 nor GBK.
    #[error("{0}: the text is neither UTF-8 nor GBK; save it as CSV UTF-8")]
    Encoding(String),
    /// The workbook is damaged, protected or no workbook.
    #[error("{0}: cannot be opened as a workbook ({1}); save it anew as .xlsx without a password")]
    Workbook(String, String),
    /// Something else altogether: a picture, a scan, a page of a browser.
    #[error("{file} is {en}, not a table; save the table itself as .xlsx or csv")]
    NoTable {
        /// The file.
        file: String,
        /// What it is.
        zh: &'static str,
        /// The same in English.
        en: &'static str,
    },
    /// The csv is malformed.
    #[error("{0}, line {1}: {2}; check the quotation marks there")]
    Csv(String, u64, String),
    /// Nothing in it.
    #[error("{0}: there is no row with content; was the right sheet saved?")]
    Empty(String),
    /// No row looks like a heading.
    #[error("{file}: none of the first rows is a heading with {wanted}; start from a template")]
    Header {
        /// The file.
        file: String,
        /// Columns that were looked for.
        wanted: String,
    },
    /// A heading is there twice.
    #[error("{file}: the heading `{heading}` is there twice")]
    Twice {
        /// The file.
        file: String,
        /// The heading.
        heading: String,
    },
    /// A heading means nothing here.
    #[error(
        "{file}: nobody knows what the column `{heading}` is; rename it as in the template, or delete it"
    )]
    Unknown {
        /// The file.
        file: String,
        /// The heading.
        heading: String,
    },
}

impl SheetError {
    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            SheetError::Encoding(file) => {
                format!("{file}：文字既不是 UTF-8 也不是 GBK；请另存为“CSV UTF-8”")
            }
            SheetError::Workbook(file, cause) => {
                format!("{file}：打不开这个工作簿（{cause}）；请另存为不带密码的 .xlsx")
            }
            SheetError::NoTable { file, zh, .. } => {
                format!("{file} 是{zh}，不是表格；请把表格本身存成 .xlsx 或 csv")
            }
            SheetError::Csv(file, line, cause) => {
                format!("{file} 第 {line} 行：{cause}；请检查那里的引号")
            }
            SheetError::Empty(file) => format!("{file}：没有一行有内容；是否存错了工作表？"),
            SheetError::Header { file, wanted } => {
                format!("{file}：前几行里没有含“{wanted}”的表头；请从模板开始填")
            }
            SheetError::Twice { file, heading } => format!("{file}：表头“{heading}”出现了两次"),
            SheetError::Unknown { file, heading } => {
                format!("{file}：不认识“{heading}”这一列；请按模板改名，或删除这一列")
            }
        }
    }
}

/// What a file is that is no table, by its first bytes.
fn foreign(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let head = &bytes[..bytes.len().min(512)];
    let text = String::from_utf8_lossy(head).trim_start().to_lowercase();
    let begins = |mark: &[u8]| head.starts_with(mark);
    if begins(b"\x89PNG")
        || begins(&[0xff, 0xd8, 0xff])
        || begins(b"GIF8")
        || begins(b"BM") && head.get(6..10) == Some(&[0; 4])
    {
        Some(("图片", "a picture"))
    } else if begins(b"%PDF") {
        Some(("PDF 文件", "a PDF"))
    } else if text.starts_with("<!doctype html") || text.starts_with("<html") {
        Some(("网页", "a web page"))
    } else if begins(b"Rar!") || begins(b"7z\xbc\xaf") || begins(&[0x1f, 0x8b]) {
        Some(("压缩包", "an archive"))
    } else {
        None
    }
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing, or blanks.
    Empty,
    /// Text, without blanks around it.
    Text(String),
    /// A number that a spreadsheet keeps as one.
    Number(f64),
    /// A date that a spreadsheet keeps as one.
    Date(Day),
    /// True or false.
    Boolean(bool),
}

impl Cell {
    /// As a person would read it.
    pub fn show(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) => text.clone(),
            // Up to 2^53 whole numbers are exact; identity numbers beyond that lost digits in the
            // spreadsheet, and their check character will tell.
            Cell::Number(n) if n.fract() == 0.0 && n.abs() < 1e18 => format!("{n:.0}"),
            // Spreadsheets show 15 digits; behind them stands the noise of binary fractions.
            Cell::Number(n) => match format!("{n:.14e}").parse::<f64>() {
                Ok(rounded) => rounded.to_string(),
                Err(_) => n.to_string(),
            },
            Cell::Date(day) => day.to_string(),
            Cell::Boolean(true) => "是".into(),
            Cell::Boolean(false) => "否".into(),
        }
    }

    /// Nothing?
    pub fn is_empty(&self) -> bool {
        matches!(self, Cell::Empty)
    }

    fn text(text: &str) -> Cell {
        let trimmed = text.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{a0}' | '\u{3000}')
        });
        if trimmed.is_empty() {
            Cell::Empty
        } else {
            Cell::Text(trimmed.into())
        }
    }
}

/// A row with content.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Line or row number as programs show it.
    pub line: u32,
    /// One cell for each heading.
    pub cells: Vec<Cell>,
}

/// A table: headings and rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The file's name.
    pub file: String,
    /// Headings, empty where a column has none.
    pub header: Vec<String>,
    /// Rows with content under the heading.
    pub rows: Vec<Row>,
}

/// Rows among the first so many may be the heading; above it stand titles.
const HEADING_WITHIN: usize = 12;

impl Table {
    /// Reads a file. `is_heading` says whether a text is a heading that the form knows; the row with the
    /// most of them is the heading, of the sheet with the most of them.
    ///
    /// Titles above the heading, blank rows, rows that begin with `#` and rows of totals are passed over.
    /// A heading of two rows, where one above spans several below, is read as one.
    ///
    /// # Errors
    /// [`SheetError`] says what the file is or lacks.
    pub fn read(
        file: &str,
        bytes: &[u8],
        is_heading: &dyn Fn(&str) -> bool,
    ) -> Result<Table, SheetError> {
        if let Some((zh, en)) = foreign(bytes) {
            let file = file.into();
            return Err(SheetError::NoTable { file, zh, en });
        }
        let mut sheets = if bytes.starts_with(b"PK") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0])
        {
            workbook(file, bytes)?
        } else {
            vec![csv_rows(file, bytes)?]
        };
        if sheets.iter().all(|rows| rows.is_empty()) {
            return Err(SheetError::Empty(file.into()));
        }
        let known = |cells: &[Cell]| cells.iter().filter(|c| is_heading(&c.show())).count();
        let mut best: Option<(usize, usize, usize)> = None;
        for (s, rows) in sheets.iter().enumerate() {
            for (r, (_, cells)) in rows.iter().enumerate().take(HEADING_WITHIN) {
                let count = known(cells);
                if count >= 2 && best.is_none_or(|(held, _, _)| count > held) {
                    best = Some((count, s, r));
                }
            }
        }
        let Some((_, s, r)) = best else {
            return Err(SheetError::Header {
                file: file.into(),
                wanted: "身份证号码、起始日期 …".into(),
            });
        };
        let rows = &sheets[s];
        let width = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let cell = |r: usize, c: usize| rows.get(r).and_then(|(_, cells)| cells.get(c));
        let shown = |r: usize, c: usize| cell(r, c).map(Cell::show).unwrap_or_default();
        // A heading of two rows: the other row is above or below, and names what this one does not.
        let beside = [r.checked_sub(1), Some(r + 1)]
            .into_iter()
            .flatten()
            .find(|o| {
                let names = (0..width).filter(|c| is_heading(&shown(*o, *c)));
                let mut fresh = names.filter(|c| !is_heading(&shown(r, *c)));
                fresh.next().is_some()
            });
        let mut header = Vec::with_capacity(width);
        for c in 0..width {
            let here = shown(r, c);
            let other = beside.map(|o| shown(o, c)).unwrap_or_default();
            let use_other = here.is_empty() || (!is_heading(&here) && is_heading(&other));
            header.push(if use_other { other } else { here });
        }
        for (i, heading) in header.iter().enumerate() {
            let same = |other: &String| !heading.is_empty() && plain(other) == plain(heading);
            if is_heading(heading) && header[..i].iter().any(same) {
                return Err(SheetError::Twice {
                    file: file.into(),
                    heading: heading.clone(),
                });
            }
        }
        let first = beside.filter(|o| *o > r).unwrap_or(r) + 1;
        let rows = std::mem::take(&mut sheets[s])
            .into_iter()
            .skip(first)
            .filter(|(_, cells)| !is_aside(cells))
            .map(|(line, mut cells)| {
                cells.resize(width, Cell::Empty);
                cells.shrink_to_fit();
                Row { line, cells }
            })
            .collect();
        Ok(Table {
            file: file.into(),
            header,
            rows,
        })
    }

    /// Digest of headings and rows: the same whatever format and encoding the file was saved in.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut put = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        };
        self.header.iter().for_each(|h| put(h));
        for row in &self.rows {
            put("\n");
            row.cells.iter().for_each(|c| put(&c.show()));
        }
        crate::protect::hex(&hash.finalize())
    }

    /// The rows that have problems, as they were, with the reasons beside them: a csv file that Excel
    /// opens, to be mended and imported again.
    pub fn report(&self, problems: &[Problem]) -> Vec<u8> {
        let mut out = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
        let mut head: Vec<String> = self.header.clone();
        head.extend(["原行号 row", "问题 problem", "改法 remedy"].map(String::from));
        // Writing to memory does not fail.
        let _ = out.write_record(&head);
        for row in &self.rows {
            let mine = || problems.iter().filter(|p| p.line == row.line);
            if mine().next().is_none() {
                continue;
            }
            let mut cells: Vec<String> = row.cells.iter().map(Cell::show).collect();
            cells.push(row.line.to_string());
            let join = |texts: Vec<String>| texts.join("；");
            cells.push(join(
                mine()
                    .map(|p| format!("{} {} / {}", p.column, p.zh, p.en))
                    .collect(),
            ));
            cells.push(join(
                mine()
                    .map(|p| format!("{} / {}", p.remedy_zh, p.remedy_en))
                    .collect(),
            ));
            let _ = out.write_record(&cells);
        }
        out.into_inner().unwrap_or_default()
    }
}

/// Blank, a remark, or a row of totals.
fn is_aside(cells: &[Cell]) -> bool {
    let Some(first) = cells.iter().find(|c| !c.is_empty()) else {
        return true;
    };
    let first = first.show();
    first.starts_with('#') || matches!(plain(&first).as_str(), "合计" | "总计" | "小计" | "total")
}

type Rows = Vec<(u32, Vec<Cell>)>;

fn csv_rows(file: &str, bytes: &[u8]) -> Result<Rows, SheetError> {
    let text = decode(bytes).ok_or_else(|| SheetError::Encoding(file.into()))?;
    let head: String = text.lines().take(HEADING_WITHIN).collect();
    let count = |c: char| head.matches(c).count();
    let delimiter = [b',', b'\t', b';']
        .into_iter()
        .max_by_key(|d| (count(char::from(*d)), *d == b','))
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, |p| p.line());
            SheetError::Csv(file.into(), line, error.to_string())
        })?;
        let line = record.position().map_or(0, |p| p.line()) as u32;
        rows.push((line, record.iter().map(Cell::text).collect()));
    }
    Ok(rows)
}

/// UTF-8 or UTF-16 by their marks, else UTF-8 when it is valid, else GBK as Excel saves it in China.
fn decode(bytes: &[u8]) -> Option<String> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, bad) = encoding.decode_without_bom_handling(&bytes[mark..]);
        return (!bad).then(|| text.into_owned());
    }
    if let Some(text) = UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        return Some(text.into_owned());
    }
    GB18030
        .decode_without_bom_handling_and_without_replacement(bytes)
        .map(|text| text.into_owned())
}

fn workbook(file: &str, bytes: &[u8]) -> Result<Vec<Rows>, SheetError> {
    let bad = |error: calamine::Error| SheetError::Workbook(file.into(), error.to_string());
    let mut book = calamine::open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(bad)?;
    let mut sheets = Vec::new();
    for name in book.sheet_names() {
        let Ok(range) = book.worksheet_range(&name) else {
            // A sheet of charts or macros.
            continue;
        };
        let (top, left) = range.start().unwrap_or((0, 0));
        let mut rows: Rows = Vec::new();
        for (i, row) in range.rows().enumerate() {
            let mut cells = vec![Cell::Empty; left as usize];
            cells.extend(row.iter().map(cell));
            rows.push((top + i as u32 + 1, cells));
        }
        sheets.push(rows);
    }
    Ok(sheets)
}

fn cell(data: &Data) -> Cell {
    match data {
        Data::Int(n) => Cell::Number(*n as f64),
        Data::Float(n) => Cell::Number(*n),
        Data::String(text) => Cell::text(text),
        Data::Bool(b) => Cell::Boolean(*b),
        Data::DateTime(moment) => match serial_day(moment.as_f64()) {
            Some(day) => Cell::Date(day),
            None => Cell::Number(moment.as_f64()),
        },
        Data::DateTimeIso(text) => {
            match NaiveDate::parse_from_str(text.get(..10).unwrap_or(""), "%Y-%m-%d") {
                Ok(day) => Cell::Date(day),
                Err(_) => Cell::text(text),
            }
        }
        Data::DurationIso(text) => Cell::text(text),
        Data::Error(error) => Cell::Text(format!("{error:?}")),
        _ => Cell::Empty,
    }
}

/// The day that a spreadsheet's serial number means (1 is 1900-01-01, and 1900 counted as a leap year);
/// only days from 1900-03-01 on, where every program agrees.
pub(crate) fn serial_day(serial: f64) -> Option<Day> {
    if !(61.0..=2_958_465.0).contains(&serial) {
        return None;
    }
    NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(serial as u64))
}
