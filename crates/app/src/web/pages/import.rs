//! Files of evidence: an empty form, the check, the recording.

use crate::service::intake::Intake;
use crate::web::ask::{Ask, Sent, path_id};
use crate::web::export::attachment;
use crate::web::page::{Page, Signed};
use crate::web::source::Trouble;
use crate::web::uploads::Upload;
use crate::web::view::Named;
use askama::Template;
use axum::extract::{Multipart, Path};
use axum::http::StatusCode;
use axum::response::Response;
use base::Id;
use policy::programme::Bilingual;
use registry::import::OnError;
use std::sync::Arc;

/// Wrong cells shown on the page; the file of wrong rows holds them all.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    page: Page,
    kinds: Vec<(Bilingual, Vec<Named>)>,
    message: String,
}

/// `GET /import`
pub async fn form(signed: Signed) -> Response {
    show(&signed.page, String::new())
}

fn show(page: &Page, message: String) -> Response {
    page.render(&ImportPage {
        kinds: page.site.source.import_kinds(),
        message,
        page: page.clone(),
    })
}

/// `GET /import/form?kind=&format=`: an empty form.
pub async fn empty(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let source = &signed.page.site.source;
    let format = if ask.get("format") == "csv" {
        "csv"
    } else {
        "xlsx"
    };
    let form = source.import_form(ask.get("kind"), format)?;
    Ok(attachment(&form.name, form.media, form.bytes))
}

/// `POST /import`: checks a file; nothing is recorded.
pub async fn check(signed: Signed, mut form: Multipart) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let unreadable = |_| Trouble::input("无法读取上传的文件", "the uploaded file can't be read");
    let mut file = None;
    while let Some(part) = form.next_field().await.map_err(unreadable)? {
        if part.name() == Some("file") {
            let name = part.file_name().unwrap_or_default().to_string();
            file = Some((name, part.bytes().await.map_err(unreadable)?.to_vec()));
        }
    }
    let (name, bytes) = file.unwrap_or_default();
    let refused = |text: String| {
        let mut response = show(&page, text);
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    };
    if name.is_empty() {
        return refused(page.t("import-no-file"));
    }
    let source = &page.site.source;
    let checked = match source.import(&viewer, &name, &bytes, None).await {
        Ok(checked) => checked,
        Err(Trouble::Input(text) | Trouble::Conflict(text)) => return refused(page.say(&text)),
        Err(other) => return Err(other),
    };
    let id = Id::mint();
    page.site.uploads.keep(Upload {
        id,
        owner: viewer.name,
        at: page.visit.now,
        name,
        bytes,
        checked,
        recorded: None,
    });
    Ok(page.go(&format!("/import/{id}"), None))
}

#[derive(Template)]
#[template(path = "import_check.html")]
struct CheckPage {
    page: Page,
    id: Id,
    name: String,
    i: Intake,
    recorded: bool,
}

impl CheckPage {
    fn more(&self) -> usize {
        self.i.problems.len().saturating_sub(SHOWN)
    }

    fn wrong(&self) -> usize {
        self.i.rows - self.i.good
    }
}

fn upload(signed: &Signed, id: &str) -> Result<Arc<Upload>, Trouble> {
    let id = path_id(id, "file")?;
    let uploads = &signed.page.site.uploads;
    let found = uploads.find(&signed.viewer.name, id, signed.page.visit.now);
    found.ok_or_else(|| {
        Trouble::input(
            "这个文件已不在等候之列，请重新上传",
            "this file waits no longer; upload it again",
        )
    })
}

/// `GET /import/{id}`: what checking found, or what recording did.
pub async fn result(signed: Signed, Path(id): Path<String>) -> Result<Response, Trouble> {
    let upload = upload(&signed, &id)?;
    let page = signed.page;
    Ok(page.render(&CheckPage {
        id: upload.id,
        name: upload.name.clone(),
        recorded: upload.recorded.is_some(),
        i: upload.recorded.as_ref().unwrap_or(&upload.checked).clone(),
        page: page.clone(),
    }))
}

/// `POST /import/{id}`: records it: all of it, or with `rows=good` its good rows.
pub async fn record(
    signed: Signed,
    Path(id): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let upload = upload(&signed, &id)?;
    let Signed { viewer, page } = signed;
    let how = match sent.get("rows") {
        "good" => OnError::Skip,
        _ => OnError::Stop,
    };
    let source = &page.site.source;
    let done = source
        .import(&viewer, &upload.name, &upload.bytes, Some(how))
        .await?;
    page.site.uploads.keep(Upload {
        id: upload.id,
        owner: upload.owner.clone(),
        at: upload.at,
        name: upload.name.clone(),
        bytes: upload.bytes.clone(),
        checked: upload.checked.clone(),
        recorded: Some(done),
    });
    Ok(page.go(&format!("/import/{}", upload.id), None))
}

/// `GET /import/{id}/wrong`: the wrong rows with their reasons, to be mended and sent by themselves.
pub async fn wrong(signed: Signed, Path(id): Path<String>) -> Result<Response, Trouble> {
    let upload = upload(&signed, &id)?;
    let report = upload.checked.report.clone();
    Ok(attachment(
        "wrong-rows.csv",
        "text/csv; charset=utf-8",
        report,
    ))
}
