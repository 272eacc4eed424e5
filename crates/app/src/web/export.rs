//! Lists as files: CSV and Excel.

use super::source::Trouble;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base::Fen;
use rust_xlsxwriter::{Format as Style, Workbook, XlsxError};

/// Rows that one export holds at most.
pub const EXPORT_ROWS: usize = 200_000;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with the mark that makes Excel read it as UTF-8.
    Csv,
    /// Excel.
    Xlsx,
}

impl Format {
    /// From `?format=`.
    pub fn parse(text: &str) -> Option<Format> {
        match text {
            "csv" => Some(Format::Csv),
            "xlsx" => Some(Format::Xlsx),
            _ => None,
        }
    }
}

/// A cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A count.
    Number(u64),
    /// Money; in files in yuan.
    Money(Fen),
}

/// A file with one head and its rows. `name` without extension.
pub fn sheet(
    name: &str,
    header: &[String],
    rows: Vec<Vec<Cell>>,
    format: Format,
) -> Result<Response, Trouble> {
    let (bytes, media, extension) = match format {
        Format::Csv => (csv(header, &rows)?, "text/csv; charset=utf-8", "csv"),
        Format::Xlsx => (
            xlsx(header, &rows).map_err(|error| Trouble::Internal(error.to_string()))?,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
        ),
    };
    Ok(attachment(&format!("{name}.{extension}"), media, bytes))
}

/// An answer that browsers save as a file.
pub fn attachment(name: &str, media: &'static str, bytes: Vec<u8>) -> Response {
    // Only characters that need no quoting in the header.
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    (
        [
            (header::CONTENT_TYPE, media.to_string()),
            (header::CONTENT_DISPOSITION, disposition),
        ],
        bytes,
    )
        .into_response()
}

fn csv(header: &[String], rows: &[Vec<Cell>]) -> Result<Vec<u8>, Trouble> {
    let failed = |error: csv::Error| Trouble::Internal(error.to_string());
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(header).map_err(failed)?;
    for row in rows {
        let cells = row.iter().map(|cell| match cell {
            Cell::Text(text) => harmless(text),
            Cell::Number(n) => n.to_string(),
            Cell::Money(fen) => fen.to_string(),
        });
        writer.write_record(cells).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| Trouble::Internal(error.to_string()))
}

/// A text that a spreadsheet would take for a formula is marked as text.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_string()
    }
}

fn xlsx(header: &[String], rows: &[Vec<Cell>]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let bold = Style::new().set_bold();
    let money = Style::new().set_num_format("#,##0.00");
    for (column, title) in (0u16..).zip(header) {
        sheet.write_string_with_format(0, column, title, &bold)?;
        sheet.set_column_width(column, 16)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (line, row) in (1u32..).zip(rows) {
        for (column, cell) in (0u16..).zip(row) {
            match cell {
                Cell::Text(text) => sheet.write_string(line, column, text)?,
                // A spreadsheet knows only floats; counts and fen are exact in them up to 2^53.
                Cell::Number(n) => sheet.write_number(line, column, *n as f64)?,
                Cell::Money(fen) => {
                    sheet.write_number_with_format(line, column, fen.0 as f64 / 100.0, &money)?
                }
            };
        }
    }
    book.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_excel_reads_utf8() {
        let rows = vec![vec![
            Cell::Text("=1+1".into()),
            Cell::Money(Fen(105)),
            Cell::Number(3),
        ]];
        let bytes = csv(&["甲".into(), "b".into(), "c".into()], &rows).expect("a file");
        let text = String::from_utf8(bytes).expect("text");
        assert_eq!(text, "\u{feff}甲,b,c\n'=1+1,1.05,3\n");
    }
}
