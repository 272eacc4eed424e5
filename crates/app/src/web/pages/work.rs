//! The work of the day, and cases.

use super::household::why_href;
use crate::web::ask::{Ask, Sent, path_id};
use crate::web::export::{Cell, EXPORT_ROWS, Format, sheet};
use crate::web::page::{Page, Signed};
use crate::web::session::Flash;
use crate::web::source::{CaseAct, Trouble};
use crate::web::view::case::{CasePage, CaseStep, TaskQuery, TaskRow};
use crate::web::view::{Named, Paged};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use base::Id;

/// Values of `?due=` with the last part of their word's key.
const DUES: [(&str, &str); 4] = [
    ("", "all"),
    ("overdue", "overdue"),
    ("today", "today"),
    ("week", "week"),
];
/// Acts that are asked about once more before they are done.
const CONFIRMED: [&str; 3] = ["grant", "refuse", "withdraw"];
/// All acts.
const ACTS: [&str; 6] = ["done", "grant", "refuse", "object", "hear", "withdraw"];

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    page: Page,
    q: TaskQuery,
    dues: [(&'static str, &'static str); 4],
    areas: Vec<Named>,
    programmes: Vec<Named>,
    rows: Paged<TaskRow>,
}

impl TasksPage {
    fn is_area(&self, area: &Named) -> bool {
        self.q.area.as_deref() == Some(area.id.as_str())
    }

    fn is_programme(&self, programme: &Named) -> bool {
        self.q.programme.as_deref() == Some(programme.id.as_str())
    }
}

/// `GET /tasks`
pub async fn tasks(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let q = TaskQuery {
        whose: ask.get("whose").to_string(),
        due: ask.get("due").to_string(),
        programme: ask.text("programme"),
        area: ask.text("area"),
        after: ask.text("after"),
    };
    let source = &page.site.source;
    if let Some(format) = Format::parse(ask.get("format")) {
        let mut rows = Vec::new();
        let mut q = TaskQuery { after: None, ..q };
        loop {
            let part = source.tasks(&viewer, q.clone()).await?;
            rows.extend(part.rows);
            match part.next {
                Some(next) if rows.len() < EXPORT_ROWS => q.after = Some(next),
                _ => break,
            }
        }
        return export(&page, &rows, format);
    }
    let rows = source.tasks(&viewer, q.clone()).await?;
    let areas = source.areas(&viewer).await?;
    let programmes = source
        .programmes(None)
        .await?
        .into_iter()
        .map(|row| row.programme)
        .collect();
    let template = TasksPage {
        q,
        dues: DUES,
        areas,
        programmes,
        rows,
        page: page.clone(),
    };
    Ok(page.render(&template))
}

fn export(page: &Page, rows: &[TaskRow], format: Format) -> Result<Response, Trouble> {
    let header = [
        "due",
        "traffic",
        "what-to-do",
        "head",
        "programme",
        "area",
        "who",
        "case-id",
    ];
    let header: Vec<String> = header.iter().map(|key| page.visit.lang.t(key)).collect();
    let rows = rows.iter().map(|row| {
        vec![
            Cell::Text(row.due.map(|day| day.to_string()).unwrap_or_default()),
            Cell::Text(page.of("traffic", &row.traffic)),
            Cell::Text(page.say(&row.title)),
            Cell::Text(row.head.clone()),
            Cell::Text(page.say(&row.programme.name)),
            Cell::Text(page.say(&row.area.name)),
            Cell::Text(page.of("role", &row.role)),
            Cell::Text(row.case.to_string()),
        ]
    });
    sheet("tasks", &header, rows.collect(), format)
}

#[derive(Template)]
#[template(path = "case.html")]
struct CaseTemplate {
    page: Page,
    c: CasePage,
    event: Id,
}

impl CaseTemplate {
    fn why(&self) -> String {
        let period = self
            .c
            .determination
            .as_ref()
            .map_or("", |d| d.period.as_str());
        let person = self.c.person.as_ref().map(|p| p.id);
        why_href(self.c.household, person, &self.c.case.programme.id, period)
    }

    /// The step that somebody else has to do, while the case is open.
    fn waiting(&self) -> Option<&CaseStep> {
        let own = ["done", "grant", "refuse"];
        let mine = self.c.actions.iter().any(|a| own.contains(&a.act.as_str()));
        let waits = self.c.case.state == "open" && !mine;
        self.c.steps.iter().find(|s| waits && s.state == "now")
    }

    fn can_object(&self) -> bool {
        self.c
            .actions
            .iter()
            .any(|a| a.act == "object" && a.allowed)
    }
}

/// `GET /cases/{id}`
pub async fn case(signed: Signed, Path(id): Path<String>) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let id = path_id(&id, "case")?;
    let c = page.site.source.case(&viewer, id).await?;
    Ok(page.render(&CaseTemplate {
        c,
        event: Id::mint(),
        page: page.clone(),
    }))
}

#[derive(Template)]
#[template(path = "case_confirm.html")]
struct ConfirmPage {
    page: Page,
    c: CasePage,
    event: Id,
    act: String,
    note: String,
}

/// `POST /cases/{id}/act`: decisions are shown once more before they are made.
pub async fn act(
    signed: Signed,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let case = path_id(&id, "case")?;
    let act = sent.get("act").to_string();
    let event = sent.id("event").ok_or(Trouble::NotFound("form"))?;
    if !ACTS.contains(&act.as_str()) {
        return Err(Trouble::NotFound("act"));
    }
    let note = sent.get("note").to_string();
    let source = &page.site.source;
    if CONFIRMED.contains(&act.as_str()) && sent.get("confirm") != "yes" {
        let c = source.case(&viewer, case).await?;
        return Ok(page.render(&ConfirmPage {
            c,
            event,
            act,
            note,
            page: page.clone(),
        }));
    }
    let who = sent.get("who").to_string();
    let done = source
        .act(
            &viewer,
            CaseAct {
                case,
                event,
                act: act.clone(),
                note,
                who,
            },
        )
        .await;
    let flash = match done {
        Ok(()) => Flash::good("act-recorded"),
        Err(Trouble::Input(text) | Trouble::Conflict(text)) => Flash::said(false, text),
        Err(other) => return Err(other),
    };
    Ok(page.go(&format!("/cases/{case}"), Some(flash)))
}
