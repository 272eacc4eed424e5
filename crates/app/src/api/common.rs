//! What all operations of the document have in common: errors as problem documents, words for the
//! parameters that many take. One place, so that no route is documented by half.

use serde_json::{Map, Value, json};

/// Media type of errors.
pub const PROBLEM: &str = "application/problem+json";

/// Parameters that mean the same wherever they stand.
const PARAMETERS: [(&str, &str); 13] = [
    ("after", "`next` of the page before"),
    ("area", "area code within the caller's"),
    (
        "programme",
        "programme id, as `/api/v1/law/programmes` lists them",
    ),
    ("id", "an id as answers give it"),
    ("limit", "rows, 1 to 1000; 100 when absent"),
    (
        "number",
        "an instrument's number, as `/api/v1/law/instruments` lists them",
    ),
    (
        "place",
        "place code, as `/api/v1/law/instruments` lists them",
    ),
    ("day", "`2026-07-01`; today when absent"),
    ("month", "`2026-07`; the latest when absent"),
    (
        "list",
        "`covered`, `refused`, `undetermined`, `owed-not-covered` or `covered-not-owed`",
    ),
    ("q", "a name, an identity number or an id"),
    ("household", "household id"),
    ("period", "`2026-03`, `event:ID` or `once`"),
];

/// The document as it is served.
pub fn complete(described: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(described).unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (verb, operation) in item.as_object_mut().into_iter().flatten() {
            parameters(operation);
            responses(path, verb, operation);
        }
    }
    document
}

fn parameters(operation: &mut Value) {
    let all = operation
        .get_mut("parameters")
        .and_then(Value::as_array_mut);
    for parameter in all.into_iter().flatten() {
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or("");
        let known = PARAMETERS.iter().find(|(held, _)| *held == name);
        if let Some((_, words)) = known
            && parameter.get("description").is_none()
        {
            parameter["description"] = json!(words);
        }
    }
}

/// Every error that an operation can give, each as a problem document.
fn responses(path: &str, verb: &str, operation: &mut Value) {
    let open = operation
        .get("security")
        .and_then(Value::as_array)
        .is_some_and(|needs| {
            needs
                .iter()
                .all(|n| n.as_object().is_some_and(Map::is_empty))
        });
    let asks = operation.get("parameters").is_some();
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let errors = [
        (
            "401",
            !open || path.ends_with("/session"),
            "nobody is signed in",
        ),
        ("403", !open, "not for the caller's role"),
        (
            "404",
            path.contains('{'),
            "there is no such thing in the caller's areas",
        ),
        (
            "409",
            verb == "post" && !open,
            "somebody else was faster, or it may not be done now",
        ),
        (
            "422",
            asks || verb == "post",
            "what was sent makes no sense; the detail says what to mend",
        ),
        ("500", true, "something broke; nothing was half recorded"),
    ];
    for (status, can, words) in errors {
        if !can {
            responses.remove(status);
            continue;
        }
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        let answer = json!({"description": words, "content": {PROBLEM: {"schema": schema}}});
        responses.insert(status.into(), answer);
    }
    for (status, answer) in responses {
        let empty = answer.get("description").and_then(Value::as_str) == Some("");
        if status == "200" && empty {
            answer["description"] = json!("what was asked for");
        }
    }
}
