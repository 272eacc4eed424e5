//! Files of offices: csv in any encoding, and workbooks.

use registry::import::{KindSpec, evidence, register};

/// Reads a file both as a register and as evidence, and makes its report.
pub fn sheet(data: &[u8]) {
    let Some(today) = chrono::NaiveDate::from_ymd_opt(2026, 6, 1) else {
        return;
    };
    let kinds: Vec<KindSpec> = Vec::new();
    if let Ok(sheet) = register::Sheet::read("fuzzed", data, &kinds, today) {
        let _ = (sheet.numbers(), sheet.areas(), sheet.table().report(&[]));
    }
    if let Ok(sheet) = evidence::Sheet::read("fuzzed", data, &kinds, today) {
        let _ = (sheet.numbers(), sheet.households());
    }
}
