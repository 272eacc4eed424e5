//! Looking back.

use crate::web::ask::Ask;
use crate::web::export::{Cell, Format, sheet};
use crate::web::page::{Page, Signed};
use crate::web::source::{ReplayQuery, Trouble};
pub use crate::web::tree::law_href;
use crate::web::view::audit::{JournalRow, Replay, VerifyPage};
use crate::web::view::{Named, Paged};
use askama::Template;
use axum::response::Response;
use base::parse_instant;

/// Pages of the section with the last part of their word's key.
const TABS: [(&str, &str); 3] = [
    ("/audit", "replay"),
    ("/audit/journal", "journal"),
    ("/audit/verify", "verify"),
];

/// Lines of the journal that one file holds, from the page shown on.
const JOURNAL_ROWS: usize = 5000;

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    page: Page,
    household: String,
    programme: String,
    period: String,
    known: String,
    programmes: Vec<Named>,
    message: String,
    replay: Option<Replay>,
}

/// `GET /audit`
pub async fn replay(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let source = &page.site.source;
    let programmes: Vec<Named> = source
        .programmes(None)
        .await?
        .into_iter()
        .map(|row| row.programme)
        .collect();
    let known = ask
        .text("known")
        .unwrap_or_else(|| page.today().to_string());
    let mut template = AuditPage {
        household: ask.get("household").to_string(),
        programme: ask.get("programme").to_string(),
        period: ask.get("period").to_string(),
        known: known.clone(),
        programmes,
        message: String::new(),
        replay: None,
        page: page.clone(),
    };
    if !template.household.is_empty() {
        match (ask.id("household"), parse_instant(&known)) {
            (Some(household), Ok(known)) => {
                let (programme, period) = (template.programme.clone(), template.period.clone());
                let query = ReplayQuery {
                    household,
                    programme,
                    period,
                    known,
                };
                match source.replay(&viewer, query).await {
                    Ok(found) => template.replay = Some(found),
                    Err(Trouble::Input(text)) => template.message = page.say(&text),
                    Err(Trouble::NotFound(_)) => template.message = page.t("replay-not-found"),
                    Err(other) => return Err(other),
                }
            }
            _ => template.message = page.t("replay-bad-input"),
        }
    }
    Ok(page.render(&template))
}

#[derive(Template)]
#[template(path = "journal.html")]
struct JournalPage {
    page: Page,
    rows: Paged<JournalRow>,
    after: String,
}

/// `GET /audit/journal`
pub async fn journal(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let source = &page.site.source;
    if let Some(format) = Format::parse(ask.get("format")) {
        let (mut rows, mut after) = (Vec::new(), ask.text("after"));
        loop {
            let part = source.journal(&viewer, after).await?;
            rows.extend(part.rows);
            match part.next {
                Some(next) if rows.len() < JOURNAL_ROWS => after = Some(next),
                _ => break,
            }
        }
        return journal_sheet(&page, &rows, format);
    }
    let rows = source.journal(&viewer, ask.text("after")).await?;
    Ok(page.render(&JournalPage {
        rows,
        after: ask.get("after").into(),
        page: page.clone(),
    }))
}

fn journal_sheet(page: &Page, rows: &[JournalRow], format: Format) -> Result<Response, Trouble> {
    let header = [
        "sequence",
        "recorded",
        "who",
        "what",
        "household-id",
        "about",
        "digest",
    ];
    let header: Vec<String> = header.iter().map(|key| page.t(key)).collect();
    let rows = rows.iter().map(|row| {
        vec![
            Cell::Number(row.sequence),
            Cell::Text(page.moment(&row.at)),
            Cell::Text(page.who(&row.by)),
            Cell::Text(page.of_known("journal", &row.what)),
            Cell::Text(row.household.map(|id| id.to_string()).unwrap_or_default()),
            Cell::Text(page.say(&row.text)),
            Cell::Text(row.digest.clone()),
        ]
    });
    sheet("journal", &header, rows.collect(), format)
}

#[derive(Template)]
#[template(path = "verify.html")]
struct VerifyTemplate {
    page: Page,
    v: VerifyPage,
}

/// `GET /audit/verify`
pub async fn verify(signed: Signed) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let v = page.site.source.verify(&viewer).await?;
    Ok(page.render(&VerifyTemplate {
        v,
        page: page.clone(),
    }))
}
