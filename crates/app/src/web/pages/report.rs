//! Reporting a change: pick a kind, fill its form, see what it would do, record it.

use crate::web::ask::{Ask, Pairs, Sent, path_id};
use crate::web::chart::escape;
use crate::web::page::{Page, Signed};
use crate::web::session::Flash;
use crate::web::source::Trouble;
use crate::web::view::change::{ChangeForm, ChangePage, Input, KindForm, Preview};
use crate::web::view::household::PersonRef;
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use base::Id;
use std::fmt::Write as _;

/// Relations as the register writes them.
const RELATIONS: [&str; 5] = ["户主", "配偶", "子女", "父母", "其他"];

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    page: Page,
    c: ChangePage,
    kind: Option<KindForm>,
    form: ChangeForm,
    input: String,
    message: String,
    relations: [&'static str; 5],
}

impl ReportPage {
    fn chosen(&self, member: &PersonRef) -> bool {
        self.form.person == member.id.to_string()
    }

    /// Kinds under the heading that their instrument or the register gives them, in order.
    fn groups(&self) -> Vec<(String, Vec<&KindForm>)> {
        let mut groups: Vec<(String, Vec<&KindForm>)> = Vec::new();
        for kind in &self.c.kinds {
            let name = self.page.say(&kind.group);
            match groups.iter_mut().find(|(group, _)| *group == name) {
                Some((_, kinds)) => kinds.push(kind),
                None => groups.push((name, vec![kind])),
            }
        }
        groups
    }
}

#[derive(Template)]
#[template(path = "preview.html")]
pub(super) struct PreviewPage {
    pub(super) page: Page,
    pub(super) p: Preview,
    pub(super) fields: Vec<(&'static str, String)>,
    /// Where it is sent to be recorded.
    pub(super) action: String,
}

/// `GET /households/{id}/report`
pub async fn form(
    signed: Signed,
    Path(household): Path<String>,
    Ask(ask): Ask,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let household = path_id(&household, "household")?;
    let c = page.site.source.change_form(&viewer, household).await?;
    let form = ChangeForm {
        id: Id::mint().to_string(),
        kind: ask.get("kind").to_string(),
        person: ask.get("person").to_string(),
        valid_from: page.today().to_string(),
        ..ChangeForm::default()
    };
    show(&page, c, form, String::new())
}

/// `POST /households/{id}/report`: without `confirm` the preview, with `yes` it is recorded, with
/// `back` the form again.
pub async fn send(
    signed: Signed,
    Path(household): Path<String>,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let household = path_id(&household, "household")?;
    let source = &page.site.source;
    let c = source.change_form(&viewer, household).await?;
    let form = read(&sent, &c);
    match sent.get("confirm") {
        "yes" => match source.record(&viewer, household, &form).await {
            Ok(recorded) => {
                let flash = Flash::said(
                    true,
                    policy::programme::Bilingual {
                        zh: crate::web::words::Lang::Zh.n("recorded-note", recorded.periods),
                        en: crate::web::words::Lang::En.n("recorded-note", recorded.periods),
                    },
                );
                let to = match recorded.case {
                    _ if recorded.away => "/households".to_string(),
                    Some(case) => format!("/cases/{case}"),
                    None => format!("/households/{household}"),
                };
                Ok(page.go(&to, Some(flash)))
            }
            Err(trouble) => again(&page, c, form, trouble),
        },
        "back" => show(&page, c, form, String::new()),
        _ => match source.preview(&viewer, household, &form).await {
            Ok(p) => {
                let fields = fields(&form);
                Ok(page.render(&PreviewPage {
                    p,
                    fields,
                    action: format!("/households/{household}/report"),
                    page: page.clone(),
                }))
            }
            Err(trouble) => again(&page, c, form, trouble),
        },
    }
}

/// What can be mended is shown above the form; the rest is a page of its own.
fn again(
    page: &Page,
    c: ChangePage,
    form: ChangeForm,
    trouble: Trouble,
) -> Result<Response, Trouble> {
    match trouble {
        Trouble::Input(text) | Trouble::Conflict(text) => {
            let mut response = show(page, c, form, page.say(&text))?;
            *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        other => Err(other),
    }
}

fn show(
    page: &Page,
    c: ChangePage,
    form: ChangeForm,
    message: String,
) -> Result<Response, Trouble> {
    let kind = c
        .kinds
        .iter()
        .find(|kind| kind.kind.id == form.kind)
        .cloned();
    let input = match &kind {
        Some(kind) => {
            let value = serde_json::from_str(&form.value)
                .unwrap_or_else(|_| serde_json::Value::String(form.value.clone()));
            input(
                page,
                &page.say(&kind.kind.name),
                "value",
                &kind.input,
                &value,
            )
        }
        None => String::new(),
    };
    let template = ReportPage {
        c,
        kind,
        form,
        input,
        message,
        relations: RELATIONS,
        page: page.clone(),
    };
    Ok(page.render(&template))
}

fn fields(form: &ChangeForm) -> Vec<(&'static str, String)> {
    vec![
        ("id", form.id.clone()),
        ("kind", form.kind.clone()),
        ("person", form.person.clone()),
        ("value", form.value.clone()),
        ("valid_from", form.valid_from.clone()),
        ("valid_to", form.valid_to.clone()),
        ("source", form.source.clone()),
        ("note", form.note.clone()),
        ("name", form.name.clone()),
        ("number", form.number.clone()),
        ("sex", form.sex.clone()),
        ("birth", form.birth.clone()),
        ("relation", form.relation.clone()),
        ("area", form.area.clone()),
        ("address", form.address.clone()),
    ]
}

/// The form as sent. A value in several fields (`value.甲`, `value.乙`) becomes one JSON object.
fn read(sent: &Pairs, c: &ChangePage) -> ChangeForm {
    let kind = sent.get("kind").to_string();
    let shape = c.kinds.iter().find(|k| k.kind.id == kind).map(|k| &k.input);
    let value = match shape {
        Some(shape @ Input::Fields(_)) if sent.get("value").is_empty() => {
            collect(sent, "value", shape).to_string()
        }
        _ => sent.get("value").to_string(),
    };
    ChangeForm {
        id: sent.get("id").to_string(),
        kind,
        person: sent.get("person").to_string(),
        value,
        valid_from: sent.get("valid_from").to_string(),
        valid_to: sent.get("valid_to").to_string(),
        source: sent.get("source").to_string(),
        note: sent.get("note").to_string(),
        name: sent.get("name").to_string(),
        number: sent.get("number").to_string(),
        sex: sent.get("sex").to_string(),
        birth: sent.get("birth").to_string(),
        relation: sent.get("relation").to_string(),
        area: sent.get("area").to_string(),
        address: sent.get("address").to_string(),
    }
}

/// The JSON value of a typed input under a name; null when nothing was typed.
pub fn collect(sent: &Pairs, name: &str, shape: &Input) -> serde_json::Value {
    use serde_json::Value;
    let text = sent.get(name);
    match shape {
        Input::Fields(parts) => {
            let object: serde_json::Map<String, Value> = parts
                .iter()
                .map(|(part, shape)| {
                    (
                        part.clone(),
                        collect(sent, &format!("{name}.{part}"), shape),
                    )
                })
                .filter(|(_, value)| !value.is_null())
                .collect();
            if object.is_empty() {
                Value::Null
            } else {
                Value::Object(object)
            }
        }
        _ if text.is_empty() => Value::Null,
        Input::Number => serde_json::from_str::<serde_json::Number>(&text.replace([',', '，'], ""))
            .map_or_else(|_| Value::String(text.to_string()), Value::Number),
        Input::Boolean => Value::Bool(text == "true"),
        Input::Json => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_string()))
        }
        _ => Value::String(text.to_string()),
    }
}

/// The field that asks for a value.
pub fn input(
    page: &Page,
    label: &str,
    name: &str,
    shape: &Input,
    value: &serde_json::Value,
) -> String {
    use serde_json::Value;
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (n, v, l) = (escape(name), escape(&text), escape(label));
    let mut out = String::new();
    let field = match shape {
        Input::None => return out,
        Input::Number => {
            format!("<input id=\"{n}\" name=\"{n}\" inputmode=\"decimal\" value=\"{v}\">")
        }
        Input::Date => format!("<input id=\"{n}\" name=\"{n}\" type=\"date\" value=\"{v}\">"),
        Input::Month => {
            format!("<input id=\"{n}\" name=\"{n}\" placeholder=\"2026-01\" value=\"{v}\">")
        }
        Input::Text => format!("<input id=\"{n}\" name=\"{n}\" value=\"{v}\">"),
        Input::Json => {
            format!("<textarea id=\"{n}\" name=\"{n}\" rows=\"3\" class=\"mono\">{v}</textarea>")
        }
        Input::Boolean => select(
            &n,
            &[
                (String::new(), String::new()),
                ("true".into(), page.t("yes")),
                ("false".into(), page.t("no")),
            ],
            &text,
        ),
        Input::Choice(choices) => {
            let mut options = vec![(String::new(), String::new())];
            options.extend(choices.iter().map(|c| (c.clone(), c.clone())));
            select(&n, &options, &text)
        }
        Input::Fields(parts) => {
            let _ = write!(out, "<fieldset><legend>{l}</legend>");
            for (part, shape) in parts {
                let inner = value.get(part).unwrap_or(&Value::Null);
                out.push_str(&input(page, part, &format!("{name}.{part}"), shape, inner));
            }
            out.push_str("</fieldset>");
            return out;
        }
    };
    let _ = write!(out, "<label for=\"{n}\">{l}</label>{field}");
    out
}

fn select(name: &str, options: &[(String, String)], chosen: &str) -> String {
    let mut out = format!("<select id=\"{name}\" name=\"{name}\">");
    for (value, label) in options {
        let mark = if value == chosen { " selected" } else { "" };
        let _ = write!(
            out,
            "<option value=\"{}\"{mark}>{}</option>",
            escape(value),
            escape(label)
        );
    }
    out.push_str("</select>");
    out
}
