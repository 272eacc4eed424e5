//! What everybody may see: the notice board and the guide.

use crate::web::ask::Ask;
use crate::web::page::Page;
use crate::web::source::Trouble;
use crate::web::view::Paged;
use crate::web::view::case::PublicRow;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage {
    page: Page,
    rows: Paged<PublicRow>,
}

/// `GET /public/notice`
pub async fn notice(page: Page, Ask(ask): Ask) -> Result<Response, Trouble> {
    let rows = page
        .site
        .source
        .public_notice(ask.text("area"), ask.text("after"))
        .await?;
    Ok(page.render(&NoticePage {
        rows,
        page: page.clone(),
    }))
}

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage {
    page: Page,
    sections: [&'static str; 7],
}

/// `GET /help`
pub async fn help(page: Page) -> Response {
    let sections = ["find", "why", "change", "import", "decide", "pay", "audit"];
    page.render(&HelpPage {
        sections,
        page: page.clone(),
    })
}
