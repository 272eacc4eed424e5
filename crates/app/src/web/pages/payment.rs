//! Payments: batches, instructions, answers.

use super::household::why_href;
use crate::web::ask::{Ask, Sent, path_id};
use crate::web::export::{Cell, EXPORT_ROWS, Format, attachment, sheet};
use crate::web::page::{Page, Signed};
use crate::web::session::Flash;
use crate::web::source::Trouble;
use crate::web::view::payment::{
    AnswerView, BatchPage, BatchRow, InstructView, LineRow, PaymentsPage,
};
use askama::Template;
use axum::extract::{Multipart, Path};
use axum::response::Response;
use base::Fen;

/// Lines of a page.
const LINES: usize = 100;
/// Positions of [`BatchRow::states`] with their names.
const STATES: [&str; 5] = ["instructed", "unknown", "paid", "rejected", "returned"];

/// States that lines of a batch are in: name, lines, sum.
fn states(b: &BatchRow) -> Vec<(&'static str, u32, Fen)> {
    (0..STATES.len())
        .map(|i| (STATES[i], b.states[i], b.sums[i]))
        .filter(|(_, n, _)| *n > 0)
        .collect()
}

#[derive(Template)]
#[template(path = "payments.html")]
struct PaymentsTemplate {
    page: Page,
    p: PaymentsPage,
}

/// `GET /payments`
pub async fn payments(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let p = page
        .site
        .source
        .payments(&viewer, ask.text("programme"))
        .await?;
    if let Some(format) = Format::parse(ask.get("format")) {
        return batches_sheet(&page, &p.batches, format);
    }
    Ok(page.render(&PaymentsTemplate {
        p,
        page: page.clone(),
    }))
}

#[derive(Template)]
#[template(path = "batch.html")]
struct BatchTemplate {
    page: Page,
    b: BatchRow,
    p: BatchPage,
    after: String,
    /// The line to point at.
    line: u32,
}

impl BatchTemplate {
    /// Why a part of a line is owed.
    fn why(&self, line: &LineRow, period: &str) -> Option<String> {
        let household = line.household?;
        let programme = &self.b.programme.id;
        Some(why_href(household, line.person, programme, period))
    }
}

/// `GET /payments/{id}`
pub async fn batch(
    signed: Signed,
    Path(id): Path<String>,
    Ask(ask): Ask,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let id = path_id(&id, "batch")?;
    let source = &page.site.source;
    let state = ask.get("state");
    if let Some(format) = Format::parse(ask.get("format")) {
        let p = source.batch(&viewer, id, state, None, EXPORT_ROWS).await?;
        return lines_sheet(&page, &p.lines.rows, format);
    }
    let line = ask.number("line").unwrap_or(0);
    // A link to a line opens the page that holds it.
    let before = line.saturating_sub(10).to_string();
    let after = ask.text("after").or((line > 0).then_some(before));
    let p = source
        .batch(&viewer, id, state, after.clone(), LINES)
        .await?;
    let template = BatchTemplate {
        b: p.batch.clone(),
        p,
        after: after.unwrap_or_default(),
        line,
        page: page.clone(),
    };
    Ok(page.render(&template))
}

fn lines_sheet(page: &Page, rows: &[LineRow], format: Format) -> Result<Response, Trouble> {
    let header = [
        "line",
        "holder",
        "account",
        "bank",
        "amount",
        "made-of",
        "state",
        "note",
        "household-id",
    ];
    let header: Vec<String> = header.iter().map(|key| page.t(key)).collect();
    let rows = rows.iter().map(|row| {
        let parts: Vec<String> = row
            .items
            .iter()
            .map(|(period, amount)| format!("{} {amount}", page.period(period)))
            .collect();
        vec![
            Cell::Number(u64::from(row.sequence)),
            Cell::Text(row.holder.clone()),
            Cell::Text(row.account.clone()),
            Cell::Text(row.bank.clone()),
            Cell::Money(row.amount),
            Cell::Text(parts.join("; ")),
            Cell::Text(page.of("pay", &row.state)),
            Cell::Text(row.bank_reason.clone().unwrap_or_default()),
            Cell::Text(row.household.map(|id| id.to_string()).unwrap_or_default()),
        ]
    });
    sheet("lines", &header, rows.collect(), format)
}

fn batches_sheet(page: &Page, rows: &[BatchRow], format: Format) -> Result<Response, Trouble> {
    let mut header: Vec<String> = [
        "pay-run",
        "programme",
        "attempt-number",
        "lines",
        "control-total",
        "pay-on",
        "made-at",
    ]
    .iter()
    .map(|key| page.t(key))
    .collect();
    header.extend(STATES.iter().map(|state| page.of("pay", state)));
    let rows = rows.iter().map(|row| {
        let mut cells = vec![
            Cell::Text(page.period(&row.month)),
            Cell::Text(page.say(&row.programme.name)),
            Cell::Number(u64::from(row.attempt)),
            Cell::Number(u64::from(row.count)),
            Cell::Money(row.total),
            Cell::Text(row.pay_on.to_string()),
            Cell::Text(page.moment(&row.made_at)),
        ];
        cells.extend(row.sums.iter().map(|sum| Cell::Money(*sum)));
        cells
    });
    sheet("batches", &header, rows.collect(), format)
}

#[derive(Template)]
#[template(path = "instruct.html")]
struct InstructPage {
    page: Page,
    r: InstructView,
}

/// `GET /payments/instruct`: what would be paid.
pub async fn confirm(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let month = ask.month("month").ok_or(Trouble::NotFound("month"))?;
    let r = page
        .site
        .source
        .instruct_preview(&viewer, ask.get("programme"), month)
        .await?;
    Ok(page.render(&InstructPage {
        r,
        page: page.clone(),
    }))
}

/// `POST /payments/instruct`
pub async fn instruct(signed: Signed, Sent(sent): Sent) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let month = sent.month("month").ok_or(Trouble::NotFound("month"))?;
    match page
        .site
        .source
        .instruct(&viewer, sent.get("programme"), month)
        .await
    {
        Ok(batch) => Ok(page.go(
            &format!("/payments/{batch}"),
            Some(Flash::good("instructed")),
        )),
        Err(Trouble::Input(text) | Trouble::Conflict(text)) => {
            Ok(page.go("/payments", Some(Flash::said(false, text))))
        }
        Err(other) => Err(other),
    }
}

/// `POST /payments/{id}/reissue`
pub async fn reissue(signed: Signed, Path(id): Path<String>) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let id = path_id(&id, "batch")?;
    match page.site.source.reissue(&viewer, id).await {
        Ok(batch) => Ok(page.go(&format!("/payments/{batch}"), Some(Flash::good("reissued")))),
        Err(Trouble::Input(text) | Trouble::Conflict(text)) => {
            Ok(page.go(&format!("/payments/{id}"), Some(Flash::said(false, text))))
        }
        Err(other) => Err(other),
    }
}

/// `GET /payments/{id}/{format}`
pub async fn file(
    signed: Signed,
    Path((id, format)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let id = path_id(&id, "batch")?;
    if !["pain001", "xlsx"].contains(&format.as_str()) {
        return Err(Trouble::NotFound("file"));
    }
    let file = page.site.source.batch_file(&viewer, id, &format).await?;
    Ok(attachment(&file.name, file.media, file.bytes))
}

#[derive(Template)]
#[template(path = "answer.html")]
struct AnswerPage {
    page: Page,
    name: String,
    a: AnswerView,
}

/// `POST /payments/answers`
pub async fn answers(signed: Signed, mut form: Multipart) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let unreadable = |_| Trouble::input("无法读取上传的文件", "the uploaded file can't be read");
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        if part.name() != Some("file") {
            continue;
        }
        let name = part.file_name().unwrap_or("file").to_string();
        let bytes = part.bytes().await.map_err(unreadable)?.to_vec();
        let a = page.site.source.answers(&viewer, &name, bytes).await?;
        return Ok(page.render(&AnswerPage {
            name,
            a,
            page: page.clone(),
        }));
    }
    Err(Trouble::input("没有选择文件", "no file was chosen"))
}
