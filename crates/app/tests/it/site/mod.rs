//! The site from outside: who gets in, who sees what, what a form needs.

mod api;
mod corrected;
mod pages;
mod sample;

use app::web::{Site, router};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use sample::Sample;
use std::sync::Arc;
use tower::ServiceExt;

/// A browser: cookies kept, forms sent with their token.
pub struct Browser {
    router: Router,
    pub sample: Arc<Sample>,
    cookies: Vec<(String, String)>,
}

/// An answer.
pub struct Seen {
    pub status: StatusCode,
    pub location: String,
    pub kind: String,
    pub text: String,
}

impl Browser {
    pub fn new() -> Browser {
        let sample = Arc::new(Sample::new());
        let site = Arc::new(Site::new(sample.clone()));
        Browser {
            router: router(site),
            sample,
            cookies: Vec::new(),
        }
    }

    /// A browser in which somebody is signed in.
    pub async fn signed_in(role: &str) -> Browser {
        let mut browser = Browser::new();
        browser.get("/signin").await;
        let seen = browser.post("/signin/demo", &[("name", role)]).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER);
        browser
    }

    pub async fn send(&mut self, request: Request<Body>) -> Seen {
        let (mut parts, body) = request.into_parts();
        if !self.cookies.is_empty() && !parts.headers.contains_key(header::AUTHORIZATION) {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            parts
                .headers
                .insert(header::COOKIE, pairs.join("; ").parse().expect("a header"));
        }
        let response = self
            .router
            .clone()
            .oneshot(Request::from_parts(parts, body))
            .await
            .expect("an answer");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            let (name, value) = cookie
                .split(';')
                .next()
                .and_then(|c| c.split_once('='))
                .expect("a pair");
            self.cookies.retain(|(held, _)| held != name);
            if !value.is_empty() {
                self.cookies.push((name.into(), value.into()));
            }
        }
        let text = |name| {
            let value = response.headers().get(name).and_then(|v| v.to_str().ok());
            value.unwrap_or_default().to_string()
        };
        let (location, kind) = (text(header::LOCATION), text(header::CONTENT_TYPE));
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24)
            .await
            .expect("a body");
        Seen {
            status,
            location,
            kind,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub async fn get(&mut self, path: &str) -> Seen {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    /// The token that this browser's forms carry, as a page shows it.
    pub async fn token(&mut self) -> String {
        let page = self.get("/signin").await.text;
        let page = if page.is_empty() {
            self.get("/help").await.text
        } else {
            page
        };
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").expect("a token");
        rest.chars().take_while(|c| *c != '"').collect()
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let token = self.token().await;
        self.post_with(path, fields, &token).await
    }

    pub async fn post_with(&mut self, path: &str, fields: &[(&str, &str)], token: &str) -> Seen {
        let encode = app::web::page::encode;
        let mut pairs: Vec<String> = fields
            .iter()
            .map(|(k, v)| format!("{}={}", encode(k), encode(v)))
            .collect();
        pairs.push(format!("csrf={token}"));
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(pairs.join("&")));
        self.send(request.expect("a request")).await
    }
}

#[tokio::test]
async fn a_password_opens_a_session_and_sign_out_ends_it() {
    let mut browser = Browser::new();
    let wrong = browser
        .post("/signin", &[("name", "auditor"), ("password", "no")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let unknown = browser
        .post("/signin", &[("name", "nobody"), ("password", "no")])
        .await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
    let right = [
        ("name", "auditor"),
        ("password", sample::PASSWORD),
        ("next", "/audit"),
    ];
    let seen = browser.post("/signin", &right).await;
    assert_eq!(
        (seen.status, seen.location.as_str()),
        (StatusCode::SEE_OTHER, "/audit")
    );
    assert_eq!(browser.get("/audit").await.status, StatusCode::OK);
    let session = browser.cookies.clone();
    browser.post("/signout", &[]).await;
    // The old cookie is worth nothing either.
    browser.cookies = session;
    assert_eq!(
        browser.get("/audit").await.location,
        "/signin?next=%2Faudit"
    );
}

#[tokio::test]
async fn wrong_passwords_have_to_wait() {
    let mut browser = Browser::new();
    for _ in 0..5 {
        browser
            .post("/signin", &[("name", "finance"), ("password", "no")])
            .await;
    }
    let seen = browser
        .post(
            "/signin",
            &[("name", "finance"), ("password", sample::PASSWORD)],
        )
        .await;
    assert_eq!(seen.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let mut browser = Browser::signed_in("caseworker").await;
    let household = sample::id(1);
    let path = format!("/households/{household}/report");
    let fields = [
        ("id", "x"),
        ("kind", "总收入"),
        ("value", "500"),
        ("confirm", "yes"),
    ];
    for token in ["", "0000", &"a".repeat(64)] {
        let seen = browser.post_with(&path, &fields, token).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "token `{token}`");
    }
    assert!(browser.sample.recorded.lock().expect("lock").is_empty());
    let seen = browser.post(&path, &fields).await;
    assert_eq!(seen.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.sample.recorded.lock().expect("lock").len(), 1);
}

#[tokio::test]
async fn an_upload_needs_the_token_as_its_first_part() {
    let mut browser = Browser::signed_in("finance").await;
    let token = browser.token().await;
    for (given, expected) in [
        (token.as_str(), StatusCode::OK),
        ("wrong", StatusCode::FORBIDDEN),
    ] {
        let body = format!(
            "--B\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{given}\r\n\
             --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.xml\"\r\n\r\n<x/>\r\n--B--\r\n"
        );
        let request = Request::post("/payments/answers")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=B")
            .body(Body::from(body));
        assert_eq!(
            browser.send(request.expect("a request")).await.status,
            expected
        );
    }
}

/// Which role may open which page; everything else is refused, and nobody gets in unasked.
#[tokio::test]
async fn roles_open_only_their_pages() {
    let household = sample::id(1);
    let (why, report) = (
        format!("/households/{household}/why/first/2026-05"),
        format!("/households/{household}/report"),
    );
    let case = format!("/cases/{}", sample::id(50));
    let identity = format!("/households/{household}/identity/{}", sample::id(11));
    let pages = [
        ("/", "community caseworker approver finance auditor analyst"),
        (
            "/households",
            "community caseworker approver finance auditor",
        ),
        (
            "/lists/undetermined",
            "community caseworker approver finance auditor",
        ),
        (
            why.as_str(),
            "community caseworker approver finance auditor",
        ),
        (report.as_str(), "community caseworker"),
        ("/tasks", "community caseworker approver finance auditor"),
        (
            case.as_str(),
            "community caseworker approver finance auditor",
        ),
        ("/payments", "approver finance auditor"),
        (
            "/payments/instruct?programme=first&month=2026-06",
            "finance",
        ),
        (identity.as_str(), "approver"),
        ("/audit", "approver auditor"),
        ("/audit/journal", "auditor"),
        ("/audit/verify", "auditor"),
    ];
    for role in [
        "community",
        "caseworker",
        "approver",
        "finance",
        "auditor",
        "analyst",
    ] {
        let mut browser = Browser::signed_in(role).await;
        for (path, may) in pages {
            let expected = if may.split(' ').any(|r| r == role) {
                StatusCode::OK
            } else {
                StatusCode::FORBIDDEN
            };
            assert_eq!(browser.get(path).await.status, expected, "{role} at {path}");
        }
    }
    let mut stranger = Browser::new();
    for (path, _) in pages {
        let seen = stranger.get(path).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{path}");
        assert!(seen.location.starts_with("/signin?next="), "{path}");
    }
}

#[tokio::test]
async fn a_household_outside_the_area_is_not_there() {
    let mut browser = Browser::signed_in("caseworker").await;
    let outside = sample::id(2);
    for path in [
        format!("/households/{outside}"),
        format!("/households/{outside}/why/first/2026-05"),
        format!("/households/{outside}/report"),
    ] {
        assert_eq!(
            browser.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let list = browser.get("/lists/covered").await.text;
    assert!(!list.contains(&outside.to_string()));
    assert!(list.contains(&sample::id(1).to_string()));
    // The district's auditor sees both.
    let list = Browser::signed_in("auditor")
        .await
        .get("/lists/covered")
        .await
        .text;
    assert!(list.contains(&outside.to_string()));
}

#[tokio::test]
async fn a_restart_signs_nobody_out() {
    let mut browser = Browser::signed_in("caseworker").await;
    let token = browser.token().await;
    // Another process over the same records.
    browser.router = router(Arc::new(Site::new(browser.sample.clone())));
    assert_eq!(browser.get("/tasks").await.status, StatusCode::OK);
    assert_eq!(
        browser.token().await,
        token,
        "a form that was open is worth something"
    );
    browser.post("/signout", &[]).await;
    assert!(browser.sample.sessions.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn a_session_ends_after_its_day_and_is_kept_as_a_digest() {
    let mut browser = Browser::signed_in("auditor").await;
    let cookie = browser.cookies.iter().find(|c| c.0 == "minsheng");
    let cookie = cookie.expect("a session").1.clone();
    {
        let mut sessions = browser.sample.sessions.lock().expect("lock");
        let kept: String = sessions[0].0.iter().map(|b| format!("{b:02x}")).collect();
        assert_ne!(kept, cookie, "the token itself is kept nowhere");
        let lasts = sessions[0].2 - chrono::Utc::now();
        assert!(lasts > chrono::TimeDelta::hours(11) && lasts <= chrono::TimeDelta::hours(12));
        sessions[0].2 = chrono::Utc::now();
    }
    assert_eq!(browser.get("/audit").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_has_several_areas_switches_between_them() {
    let mut browser = Browser::signed_in("caseworker").await;
    let first = browser.get("/").await.text;
    assert!(
        first.contains("东街道") && first.contains("value=\"Q3\""),
        "{first}"
    );
    let gone = browser
        .post("/area", &[("area", "Q3"), ("next", "/")])
        .await;
    assert_eq!(
        (gone.status, gone.location.as_str()),
        (StatusCode::SEE_OTHER, "/")
    );
    let page = browser.get("/").await.text;
    assert!(page.contains("<h1>西街道"), "{page}");
    // An area that is not theirs is not there, and a cookie that names one is passed over.
    let other = browser.post("/area", &[("area", "Q2")]).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    browser.cookies.retain(|c| c.0 != "minsheng-area");
    browser.cookies.push(("minsheng-area".into(), "Q2".into()));
    assert!(browser.get("/").await.text.contains("<h1>东街道"));
}
