//! The API's document, for machines and for people.

use super::document as openapi;
use crate::web::page::Page;
use askama::Template;
use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// One operation on the page.
struct Operation {
    verb: String,
    path: String,
    summary: String,
    /// Name, where it stands, what it is.
    parameters: Vec<(String, String, String)>,
    answers: String,
}

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    page: Page,
    operations: Vec<Operation>,
}

/// `GET /api/openapi.json`
pub async fn json() -> Response {
    Json(openapi()).into_response()
}

/// `GET /api`
pub async fn page(page: Page) -> Response {
    let operations = operations(openapi());
    page.render(&ApiPage {
        operations,
        page: page.clone(),
    })
}

fn operations(doc: &Value) -> Vec<Operation> {
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string()
    };
    let Some(paths) = doc.get("paths").and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (path, item) in paths {
        for (verb, operation) in item.as_object().into_iter().flatten() {
            let parameters = operation.get("parameters").and_then(Value::as_array);
            let answers = operation.get("responses").and_then(Value::as_object);
            let body = operation.pointer("/requestBody/content/application~1json/schema/$ref");
            let mut parameters: Vec<(String, String, String)> = parameters
                .into_iter()
                .flatten()
                .map(|p| (text(p, "name"), text(p, "in"), text(p, "description")))
                .collect();
            if let Some(name) = body.and_then(Value::as_str) {
                let name = name.rsplit('/').next().unwrap_or_default();
                parameters.push((name.to_string(), "body".into(), "application/json".into()));
            }
            let answers: Vec<String> = answers
                .into_iter()
                .flatten()
                .map(|(status, answer)| {
                    let content = answer.get("content").and_then(Value::as_object);
                    let schema = content
                        .and_then(|content| content.values().next())
                        .and_then(|body| body.pointer("/schema/$ref"));
                    let schema = schema.and_then(Value::as_str).unwrap_or_default();
                    format!("{status} {}", schema.rsplit('/').next().unwrap_or_default())
                })
                .collect();
            found.push(Operation {
                verb: verb.to_uppercase(),
                path: path.clone(),
                summary: text(operation, "summary"),
                parameters,
                answers: answers.join(" · "),
            });
        }
    }
    found
}
