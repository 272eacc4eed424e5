//! Who is who: a person's record, merged with another or split in two; asked about once more before it is
//! recorded.

use super::report::PreviewPage;
use crate::web::ask::{Pairs, Sent, path_id};
use crate::web::page::{Page, Signed};
use crate::web::session::Flash;
use crate::web::source::Trouble;
use crate::web::view::identity::{IdentityForm, IdentityPage};
use crate::web::words::Lang;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use base::Id;
use policy::programme::Bilingual;

#[derive(Template)]
#[template(path = "identity.html")]
struct IdentityTemplate {
    page: Page,
    p: IdentityPage,
    form: IdentityForm,
    message: String,
}

impl IdentityTemplate {
    fn piece(&self, id: &Id) -> bool {
        self.form.pieces.contains(&id.to_string())
    }

    fn place(&self, id: &Id) -> bool {
        self.form.places.contains(&id.to_string())
    }
}

/// `GET /households/{id}/identity/{person}`
pub async fn form(
    signed: Signed,
    Path((household, person)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let (household, person) = (
        path_id(&household, "household")?,
        path_id(&person, "person")?,
    );
    let source = &page.site.source;
    let p = source.identity(&viewer, household, person).await?;
    let form = IdentityForm {
        id: Id::mint().to_string(),
        ..IdentityForm::default()
    };
    Ok(show(&page, p, form, String::new()))
}

/// `POST /households/{id}/identity/{person}`: without `confirm` what would follow, with `yes` it is recorded,
/// with `back` the form again.
pub async fn send(
    signed: Signed,
    Path((household, person)): Path<(String, String)>,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let (household, person) = (
        path_id(&household, "household")?,
        path_id(&person, "person")?,
    );
    let source = &page.site.source;
    let p = source.identity(&viewer, household, person).await?;
    let form = read(&sent);
    let done = match sent.get("confirm") {
        "back" => return Ok(show(&page, p, form, String::new())),
        "yes" => source
            .record_identity(&viewer, household, person, &form)
            .await
            .map(|recorded| {
                let flash = Flash::said(
                    true,
                    Bilingual {
                        zh: Lang::Zh.n("recorded-note", recorded.periods),
                        en: Lang::En.n("recorded-note", recorded.periods),
                    },
                );
                page.go(&format!("/households/{household}"), Some(flash))
            }),
        _ => source
            .preview_identity(&viewer, household, person, &form)
            .await
            .map(|preview| {
                page.render(&PreviewPage {
                    p: preview,
                    fields: fields(&form),
                    action: format!("/households/{household}/identity/{person}"),
                    page: page.clone(),
                })
            }),
    };
    match done {
        Err(Trouble::Input(text) | Trouble::Conflict(text)) => {
            let mut response = show(&page, p, form, page.say(&text));
            *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        other => other,
    }
}

fn show(page: &Page, p: IdentityPage, form: IdentityForm, message: String) -> Response {
    page.render(&IdentityTemplate {
        p,
        form,
        message,
        page: page.clone(),
    })
}

fn read(sent: &Pairs) -> IdentityForm {
    let all = |name: &str| {
        let of = sent.0.iter().filter(|(key, _)| key == name);
        of.map(|(_, value)| value.clone()).collect()
    };
    IdentityForm {
        id: sent.get("id").to_string(),
        act: sent.get("act").to_string(),
        other: sent.get("other").to_string(),
        name: sent.get("name").to_string(),
        sex: sent.get("sex").to_string(),
        birth: sent.get("birth").to_string(),
        number: sent.get("number").to_string(),
        pieces: all("piece"),
        places: all("place"),
        reason: sent.get("reason").to_string(),
    }
}

fn fields(form: &IdentityForm) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("id", form.id.clone()),
        ("act", form.act.clone()),
        ("other", form.other.clone()),
        ("name", form.name.clone()),
        ("sex", form.sex.clone()),
        ("birth", form.birth.clone()),
        ("number", form.number.clone()),
        ("reason", form.reason.clone()),
    ];
    fields.extend(form.pieces.iter().map(|id| ("piece", id.clone())));
    fields.extend(form.places.iter().map(|id| ("place", id.clone())));
    fields
}
