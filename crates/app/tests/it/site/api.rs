//! The HTTP API.

use super::{Browser, sample};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

async fn call(
    browser: &mut Browser,
    verb: &str,
    path: &str,
    token: &str,
    body: Value,
) -> (StatusCode, Value) {
    let mut request = Request::builder()
        .method(verb)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json");
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let seen = browser.send(request.body(body).expect("a request")).await;
    (
        seen.status,
        serde_json::from_str(&seen.text).unwrap_or(Value::Null),
    )
}

async fn token(browser: &mut Browser, name: &str) -> String {
    let given = json!({"name": name, "password": sample::PASSWORD});
    let (status, body) = call(browser, "POST", "/api/v1/session", "", given).await;
    assert_eq!(status, StatusCode::OK);
    body["token"].as_str().expect("a token").to_string()
}

#[tokio::test]
async fn a_program_signs_in_and_is_bounded_like_a_person() {
    let mut browser = Browser::new();
    let (status, body) = call(&mut browser, "GET", "/api/v1/district", "", Value::Null).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::UNAUTHORIZED, &json!("sign-in"))
    );
    let caseworker = token(&mut browser, "caseworker").await;
    let (status, body) = call(
        &mut browser,
        "GET",
        "/api/v1/district",
        &caseworker,
        Value::Null,
    )
    .await;
    assert_eq!(
        (status, &body["area"]["id"]),
        (StatusCode::OK, &json!("Q1"))
    );
    let why = |n: u8, more: &str| {
        let id = sample::id(n);
        format!("/api/v1/households/{id}/why/first/2026-05{more}")
    };
    let path = why(1, "");
    let (_, body) = call(&mut browser, "GET", &path, &caseworker, Value::Null).await;
    let change = &body["what_if"]["changes"][0];
    assert_eq!(
        (&change["from"], &change["to"]),
        (&json!("400"), &json!("600"))
    );
    assert_eq!(change["outcome"]["name"], "refused");
    assert!(
        body["explanation"].is_null(),
        "it has an address of its own"
    );
    let path = why(1, "/explanation");
    let (status, body) = call(&mut browser, "GET", &path, &caseworker, Value::Null).await;
    assert_eq!(
        (status, &body["format"]),
        (StatusCode::OK, &json!("minsheng-explanation/1"))
    );
    let path = why(2, "/explanation");
    let (status, _) = call(&mut browser, "GET", &path, &caseworker, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let outside = format!("/api/v1/households/{}", sample::id(2));
    let (status, body) = call(&mut browser, "GET", &outside, &caseworker, Value::Null).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::NOT_FOUND, &json!("not-found"))
    );
    let (status, _) = call(
        &mut browser,
        "GET",
        "/api/v1/journal",
        &caseworker,
        Value::Null,
    )
    .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let mut browser = Browser::signed_in("caseworker").await;
    let path = format!("/api/v1/households/{}/changes", sample::id(1));
    let form = json!({"id": "x", "kind": "总收入", "value": "500", "valid_from": "2026-03-01", "source": "s"});
    let (status, _) = call(&mut browser, "POST", &path, "", form.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let caseworker = token(&mut browser, "caseworker").await;
    let (status, body) = call(&mut browser, "POST", &path, &caseworker, form).await;
    assert_eq!((status, &body["periods"]), (StatusCode::OK, &json!(4)));
}

#[tokio::test]
async fn the_law_answers_without_a_session() {
    let mut browser = Browser::new();
    let asked =
        json!({"place": "QQ", "day": "2026-05-01", "decision": "甲津贴", "given": {"总收入": 400}});
    let (status, body) = call(&mut browser, "POST", "/api/v1/law/eval", "", asked).await;
    assert_eq!(
        (status, &body["outcome"]["amount"]),
        (StatusCode::OK, &json!(20_000))
    );
}

#[tokio::test]
async fn a_figure_of_many_digits_passes_through_the_interface_unchanged() {
    let mut browser = Browser::new();
    let long = "123456789012345678901234567890.12";
    let sent =
        r#"{"place": "QQ", "day": "2026-05-01", "decision": "甲津贴", "given": {"总收入": LONG}}"#;
    let asked = serde_json::from_str(&sent.replace("LONG", long)).expect("JSON");
    let (status, body) = call(&mut browser, "POST", "/api/v1/law/eval", "", asked).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let mut nodes = body["nodes"].as_array().expect("nodes").iter();
    let income = nodes.find(|n| n["name"] == "总收入").expect("the income");
    assert_eq!(income["value"], *long);
}

/// Every route that the document names answers, and the document names what the routes need.
#[tokio::test]
async fn the_document_is_complete() {
    let mut browser = Browser::new();
    let (status, doc) = call(&mut browser, "GET", "/api/openapi.json", "", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        doc["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    let paths = doc["paths"].as_object().expect("paths");
    assert!(paths.len() >= 20, "only {} paths", paths.len());
    let text = doc.to_string();
    for (at, _) in text.match_indices("#/components/schemas/") {
        let name: String = text[at + 21..].chars().take_while(|c| *c != '"').collect();
        assert!(
            !doc["components"]["schemas"][&name].is_null(),
            "the schema `{name}` is not described"
        );
    }
    for (path, item) in paths {
        if item.get("get").is_some() && !path.contains('{') {
            let seen = browser.get(path).await;
            assert_ne!(seen.status, StatusCode::NOT_FOUND, "{path}");
            assert!(seen.kind.starts_with("application/json"), "{path}");
        }
    }
}
