//! The law as pages.

pub use super::household::term;
use crate::web::ask::Ask;
use crate::web::export::{Cell, Format, sheet};
use crate::web::page::Page;
use crate::web::source::Trouble;
use crate::web::tree::law_href;
use crate::web::view::Named;
use crate::web::view::law::{InstrumentPage, InstrumentRow, LawIndex, ParameterView, ProgrammeRow};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;

/// Pages of the section with the last part of their word's key.
pub const TABS: [(&str, &str); 4] = [
    ("/law", "instruments"),
    ("/law/programmes", "programmes"),
    ("/law/parameters", "parameters"),
    ("/law/try", "try"),
];

#[derive(Template)]
#[template(path = "law.html")]
struct LawPage {
    page: Page,
    l: LawIndex,
}

impl LawPage {
    fn is_place(&self, place: &Named) -> bool {
        self.l.place.as_ref().is_some_and(|p| p.id == place.id)
    }

    fn href(&self, row: &InstrumentRow) -> String {
        law_href(&row.number, "")
    }

    fn digest(&self) -> String {
        self.l.digest.chars().take(16).collect()
    }
}

/// `GET /law`
pub async fn index(page: Page, Ask(ask): Ask) -> Result<Response, Trouble> {
    let l = page
        .site
        .source
        .law_index(ask.text("place"), ask.day("day"))
        .await?;
    Ok(page.render(&LawPage {
        l,
        page: page.clone(),
    }))
}

#[derive(Template)]
#[template(path = "instrument.html")]
struct InstrumentTemplate {
    page: Page,
    i: InstrumentPage,
}

impl InstrumentTemplate {
    fn href(&self, number: &str) -> String {
        law_href(number, "")
    }
}

/// `GET /law/{number}`
pub async fn instrument(
    page: Page,
    Path(number): Path<String>,
    Ask(ask): Ask,
) -> Result<Response, Trouble> {
    let i = page.site.source.instrument(&number, ask.day("day")).await?;
    Ok(page.render(&InstrumentTemplate {
        i,
        page: page.clone(),
    }))
}

#[derive(Template)]
#[template(path = "programmes.html")]
struct ProgrammesPage {
    page: Page,
    rows: Vec<ProgrammeRow>,
}

impl ProgrammesPage {
    fn href(&self, instrument: &str, article: &str) -> String {
        law_href(instrument, article)
    }
}

/// `GET /law/programmes`
pub async fn programmes(page: Page, Ask(ask): Ask) -> Result<Response, Trouble> {
    let rows = page.site.source.programmes(ask.day("day")).await?;
    Ok(page.render(&ProgrammesPage {
        rows,
        page: page.clone(),
    }))
}

#[derive(Template)]
#[template(path = "parameters.html")]
struct ParametersPage {
    page: Page,
    rows: Vec<ParameterView>,
    places: Vec<Named>,
    place: String,
    day: String,
}

impl ParametersPage {
    fn href(&self, instrument: &str, article: &str) -> String {
        law_href(instrument, article)
    }
}

/// `GET /law/parameters`
pub async fn parameters(page: Page, Ask(ask): Ask) -> Result<Response, Trouble> {
    let source = &page.site.source;
    let rows = source.parameters(ask.text("place"), ask.day("day")).await?;
    if let Some(format) = Format::parse(ask.get("format")) {
        return figures_sheet(&page, &rows, format);
    }
    let places = source.law_index(None, None).await?.places;
    let day = ask.day("day").unwrap_or_else(|| page.today()).to_string();
    let place = ask.get("place").to_string();
    Ok(page.render(&ParametersPage {
        rows,
        places,
        place,
        day,
        page: page.clone(),
    }))
}

fn figures_sheet(page: &Page, rows: &[ParameterView], format: Format) -> Result<Response, Trouble> {
    let header = [
        "parameter",
        "value",
        "unit",
        "place",
        "valid-from",
        "valid-to",
        "decided",
        "source",
        "status",
        "instrument",
        "article",
    ];
    let header: Vec<String> = header.iter().map(|key| page.t(key)).collect();
    let day = |day: Option<base::Day>| day.map(|day| day.to_string()).unwrap_or_default();
    let mut lines = Vec::new();
    for p in rows {
        for row in &p.rows {
            let cells = [
                p.name.clone(),
                row.value.clone(),
                page.unit(&p.unit),
                page.say(&row.place.name),
                day(row.from),
                day(row.to),
                day(row.known_from),
                row.source.clone(),
                page.of("law", &row.status),
                p.instrument.clone(),
                p.article.clone(),
            ];
            lines.push(cells.map(Cell::Text).to_vec());
        }
    }
    sheet("figures", &header, lines, format)
}
