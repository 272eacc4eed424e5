//! Finding households: search, and the lists behind the figures.

use crate::web::ask::{Ask, Pairs};
use crate::web::export::{Cell, EXPORT_ROWS, Format, sheet};
use crate::web::page::{Page, Signed};
use crate::web::source::{HouseholdQuery, ListQuery, Trouble};
use crate::web::view::{HouseholdRow, Named, Paged};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;

/// Rows of a page.
const ROWS: usize = 50;
/// The lists that there are.
const LISTS: [&str; 5] = [
    "owed-not-covered",
    "covered-not-owed",
    "undetermined",
    "covered",
    "refused",
];

#[derive(Template)]
#[template(path = "households.html")]
struct HouseholdsPage {
    page: Page,
    title: String,
    list: String,
    means: String,
    q: String,
    area: String,
    month: String,
    programme: String,
    after: String,
    areas: Vec<Named>,
    asked: bool,
    rows: Paged<HouseholdRow>,
}

/// `GET /households`
pub async fn search(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let text = ask.get("q").to_string();
    let area = ask.text("area");
    let asked = !text.is_empty() || area.is_some();
    let source = &page.site.source;
    if let (true, Some(format)) = (asked, Format::parse(ask.get("format"))) {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let query = HouseholdQuery {
                text: text.clone(),
                area: area.clone(),
                after,
                limit: 1000,
            };
            let part = source.households(&viewer, query).await?;
            rows.extend(part.rows);
            match part.next {
                Some(next) if rows.len() < EXPORT_ROWS => after = Some(next),
                _ => break,
            }
        }
        return export(&page, "households", &rows, format);
    }
    let rows = if asked {
        let query = HouseholdQuery {
            text: text.clone(),
            area: area.clone(),
            after: ask.text("after"),
            limit: ROWS,
        };
        source.households(&viewer, query).await?
    } else {
        Paged::empty()
    };
    let template = HouseholdsPage {
        title: page.t("households-title"),
        list: String::new(),
        means: String::new(),
        q: text,
        asked,
        rows,
        ..frame(&page, &ask, source.areas(&viewer).await?)
    };
    Ok(page.render(&template))
}

/// `GET /lists/{list}`
pub async fn list(
    signed: Signed,
    Path(list): Path<String>,
    Ask(ask): Ask,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    if !LISTS.contains(&list.as_str()) {
        return Err(Trouble::NotFound("list"));
    }
    let query = ListQuery {
        list: list.clone(),
        programme: ask.text("programme"),
        month: ask.month("month"),
        area: ask.text("area"),
        missing: ask.text("missing"),
        after: ask.text("after"),
        limit: ROWS,
    };
    let source = &page.site.source;
    if let Some(format) = Format::parse(ask.get("format")) {
        let mut rows = Vec::new();
        let mut query = ListQuery {
            after: None,
            limit: 1000,
            ..query
        };
        loop {
            let part = source.list(&viewer, query.clone()).await?;
            rows.extend(part.rows);
            match part.next {
                Some(next) if rows.len() < EXPORT_ROWS => query.after = Some(next),
                _ => break,
            }
        }
        return export(&page, &list, &rows, format);
    }
    let rows = source.list(&viewer, query).await?;
    let mut title = page.of("list", &list);
    if let Some(month) = ask.month("month") {
        title = format!("{title} · {}", page.month(&month));
    }
    if let Some(kind) = ask.text("missing") {
        title = format!("{title}：{kind}");
    }
    let template = HouseholdsPage {
        title,
        means: page.t(&format!("list-{list}-means")),
        list,
        q: String::new(),
        asked: true,
        rows,
        ..frame(&page, &ask, source.areas(&viewer).await?)
    };
    Ok(page.render(&template))
}

fn frame(page: &Page, ask: &Pairs, areas: Vec<Named>) -> HouseholdsPage {
    HouseholdsPage {
        page: page.clone(),
        title: String::new(),
        list: String::new(),
        means: String::new(),
        q: String::new(),
        area: ask.get("area").to_string(),
        month: ask.get("month").to_string(),
        programme: ask.get("programme").to_string(),
        after: ask.get("after").to_string(),
        areas,
        asked: false,
        rows: Paged::empty(),
    }
}

fn export(
    page: &Page,
    name: &str,
    rows: &[HouseholdRow],
    format: Format,
) -> Result<Response, Trouble> {
    let header = [
        "household-id",
        "head",
        "id-number",
        "members",
        "area",
        "address",
        "outcome",
        "note",
    ];
    let header: Vec<String> = header.iter().map(|key| page.visit.lang.t(key)).collect();
    let rows = rows.iter().map(|row| {
        let outcomes: Vec<String> = row
            .outcomes
            .iter()
            .map(|(programme, outcome)| {
                let amount = outcome
                    .amount
                    .map(|fen| format!(" {fen}"))
                    .unwrap_or_default();
                let programme = page.say(&programme.name);
                format!("{programme} {}{amount}", page.of("outcome", &outcome.name))
            })
            .collect();
        vec![
            Cell::Text(row.id.to_string()),
            Cell::Text(row.head.clone()),
            Cell::Text(row.number.clone()),
            Cell::Number(u64::from(row.members)),
            Cell::Text(page.say(&row.area.name)),
            Cell::Text(row.address.clone()),
            Cell::Text(outcomes.join("; ")),
            Cell::Text(row.note.clone()),
        ]
    });
    sheet(name, &header, rows.collect(), format)
}
