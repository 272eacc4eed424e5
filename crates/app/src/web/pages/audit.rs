//! Looking back.

use crate::web::ask::Ask;
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
    let rows = page.site.source.journal(&viewer, ask.text("after")).await?;
    Ok(page.render(&JournalPage {
        rows,
        after: ask.get("after").into(),
        page: page.clone(),
    }))
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
