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

/// Errors are problem documents, whatever went wrong: no session, no such thing, no such method, no JSON.
#[tokio::test]
async fn errors_are_problem_documents() {
    let mut browser = Browser::new();
    let caseworker = token(&mut browser, "caseworker").await;
    let cases = [
        ("GET", "/api/v1/district", "", "", 401, "sign-in"),
        (
            "GET",
            "/api/v1/nowhere",
            caseworker.as_str(),
            "",
            404,
            "not-found",
        ),
        ("GET", "/api/v1/journal", &caseworker, "", 403, "forbidden"),
        ("DELETE", "/api/v1/district", &caseworker, "", 405, "method"),
        (
            "GET",
            "/api/v1/district?month=soon",
            &caseworker,
            "",
            422,
            "input",
        ),
        ("POST", "/api/v1/law/eval", "", "{\"place\": ", 422, "input"),
        ("POST", "/api/v1/law/eval", "", "{}", 422, "input"),
    ];
    for (verb, path, token, body, status, error) in cases {
        let mut request = Request::builder().method(verb).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.header(header::ACCEPT_LANGUAGE, "en");
        let seen = browser
            .send(
                request
                    .body(Body::from(body.to_string()))
                    .expect("a request"),
            )
            .await;
        assert_eq!(seen.kind, "application/problem+json", "{verb} {path}");
        let problem: Value = serde_json::from_str(&seen.text).expect("JSON");
        assert_eq!(seen.status.as_u16(), status, "{verb} {path}");
        assert_eq!(problem["status"], json!(status), "{verb} {path}");
        assert_eq!(
            problem["type"],
            json!(format!("urn:minsheng:problem:{error}"))
        );
        assert_eq!(problem["error"], json!(error));
        for part in ["title", "detail"] {
            let text = problem[part].as_str().expect("a text");
            assert!(text.len() > 5 && text.is_ascii(), "{path}: {part} `{text}`");
        }
        let doc = document(&mut browser).await;
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        assert_eq!(
            faults(&doc, &schema, &problem, "problem"),
            Vec::<String>::new()
        );
    }
}

async fn document(browser: &mut Browser) -> Value {
    let (status, doc) = call(browser, "GET", "/api/openapi.json", "", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    doc
}

/// Where a value is not what a schema of the document says. Knows what the document uses of JSON Schema;
/// anything else is a fault too, so that nothing passes unread.
fn faults(doc: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    const READ: [&str; 14] = [
        "$ref",
        "type",
        "properties",
        "required",
        "items",
        "oneOf",
        "allOf",
        "enum",
        "prefixItems",
        "format",
        "description",
        "minimum",
        "example",
        "propertyNames",
    ];
    let Some(fields) = schema.as_object() else {
        return Vec::new();
    };
    let mut found: Vec<String> = fields
        .keys()
        .filter(|key| !READ.contains(&key.as_str()) && key.as_str() != "additionalProperties")
        .map(|key| format!("{at}: the checker does not know `{key}`"))
        .collect();
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return faults(doc, &doc["components"]["schemas"][name], value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| faults(doc, choice, value, at).is_empty();
        if choices.iter().filter(fits).count() != 1 {
            found.push(format!("{at}: {value} is not one of oneOf"));
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        // What one part does not describe another does.
        let told = faults(doc, part, value, at).into_iter();
        found.extend(told.filter(|fault| !fault.ends_with("is not described")));
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        found.push(format!("{at}: {value} is not in the enumeration"));
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    };
    if !kinds.is_empty() && !kinds.iter().any(is) {
        found.push(format!("{at}: {value} is not {kinds:?}"));
    }
    if let Some(object) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !object.contains_key(name) {
                found.push(format!("{at}: lacks `{name}`"));
            }
        }
        for (name, inner) in object {
            match schema["properties"].get(name) {
                Some(schema) => found.extend(faults(doc, schema, inner, &format!("{at}.{name}"))),
                // Told by another part, or free by the schema.
                None if schema.get("properties").is_none() => {}
                None => found.push(format!("{at}: `{name}` is not described")),
            }
        }
    }
    for (n, inner) in value.as_array().into_iter().flatten().enumerate() {
        let of = match schema["prefixItems"].get(n) {
            Some(schema) => schema,
            None => &schema["items"],
        };
        found.extend(faults(doc, of, inner, &format!("{at}[{n}]")));
    }
    found
}

/// Every operation is described, its example is what its schema says and what the server takes, and what
/// the server answers is what the document says.
#[tokio::test]
async fn the_document_tells_the_truth() {
    let mut browser = Browser::new();
    let doc = document(&mut browser).await;
    let id = |n: u8| sample::id(n).to_string();
    let law = app::web::page::encode("甲〔2020〕1号");
    let replay = format!(
        "household={}&programme=first&period=2026-05&known=2026-06-01",
        id(1)
    );
    let asked = |path: &str| -> Option<String> {
        Some(match path {
            "/api/v1/lists/{list}" => path.replace("{list}", "covered"),
            "/api/v1/households" => format!("{path}?q=x"),
            "/api/v1/replay" => format!("{path}?{replay}"),
            "/api/v1/cases/{id}" | "/api/v1/cases/{id}/acts" => path.replace("{id}", &id(50)),
            "/api/v1/payments/{id}" => path.replace("{id}", &id(70)),
            "/api/v1/law/instruments/{number}" => path.replace("{number}", &law),
            _ => path
                .replace("{id}", &id(1))
                .replace("{programme}", "first")
                .replace("{period}", "2026-05"),
        })
    };
    let auditor = token(&mut browser, "auditor").await;
    let caseworker = token(&mut browser, "caseworker").await;
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, item) in doc["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("operations") {
            let at = format!("{verb} {path}");
            if operation["summary"].as_str().unwrap_or_default().is_empty() {
                wrong.push(format!("{at}: no summary"));
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["description"]
                    .as_str()
                    .unwrap_or_default()
                    .is_empty()
                {
                    wrong.push(format!("{at}: `{}` is not described", parameter["name"]));
                }
            }
            for (status, answer) in operation["responses"].as_object().expect("responses") {
                let problem = &answer["content"]["application/problem+json"];
                if status != "200" && problem.is_null() {
                    wrong.push(format!("{at}: {status} is no problem document"));
                }
            }
            let body = match &operation["requestBody"]["content"]["application/json"]["schema"] {
                Value::Null => Value::Null,
                schema => {
                    let name = schema["$ref"]
                        .as_str()
                        .expect("a schema")
                        .rsplit('/')
                        .next();
                    let described = &doc["components"]["schemas"][name.expect("a name")];
                    let example = described["example"].clone();
                    if example.is_null() {
                        wrong.push(format!("{at}: no example"));
                    }
                    wrong.extend(faults(&doc, schema, &example, &at));
                    example
                }
            };
            let caller = if verb == "post" || path.ends_with("/changes") {
                &caseworker
            } else {
                &auditor
            };
            let address = asked(path).expect("an address");
            let (status, answer) =
                call(&mut browser, &verb.to_uppercase(), &address, caller, body).await;
            if status != StatusCode::OK {
                wrong.push(format!("{at}: {status} {answer}"));
                continue;
            }
            let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            if schema.is_null() {
                wrong.push(format!("{at}: the answer is not described"));
            }
            wrong.extend(faults(&doc, schema, &answer, &at));
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 24, "only {seen} operations were tried");
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
            assert!(seen.kind.ends_with("json"), "{path}: {}", seen.kind);
        }
    }
}
