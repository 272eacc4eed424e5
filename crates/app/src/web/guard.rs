//! The one gate in front of every page: language, session, form tokens, headers, error pages.

use super::Site;
use super::page::{Page, Visit, decode, encode, error_page, parse_query};
use super::session::{self, random_token, tokens_equal};
use super::source::Trouble;
use super::words::Lang;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

/// The session's cookie.
pub const SESSION: &str = "minsheng";
/// The cookie whose value forms repeat while nobody is signed in.
const FORM: &str = "minsheng-form";
/// The language's cookie.
const LANG: &str = "minsheng-lang";
/// The cookie that holds which of several areas somebody looks at.
const AREA: &str = "minsheng-area";
/// The largest form, and the largest answer file of a bank.
const LARGEST_BODY: usize = 32 << 20;

/// Finds out who asks and in which language, refuses forms without their token, writes error pages
/// and sets the headers that every answer carries.
pub async fn enter(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let query = request.uri().query().unwrap_or("").to_string();
    let asked = parse_query(&query)
        .into_iter()
        .find(|(key, _)| key == "lang");
    let asked = asked.and_then(|(_, tag)| Lang::parse(&tag));
    let lang = asked
        .or_else(|| cookie(headers, LANG).and_then(|tag| Lang::parse(&tag)))
        .or_else(|| {
            headers
                .get(header::ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .and_then(Lang::accept)
        })
        .unwrap_or_default();
    let now = chrono::Utc::now();
    let api = request.uri().path().starts_with("/api/");
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::to_string);
    let token = if api && bearer.is_some() {
        bearer
    } else {
        cookie(headers, SESSION)
    };
    let asset = request.uri().path().starts_with("/assets/");
    let area = cookie(headers, AREA).map(|code| decode(&code));
    let found = match &token {
        Some(token) if !asset => {
            session::find(site.source.as_ref(), token, area.as_deref(), now).await
        }
        _ => Ok(None),
    };
    let (current, away) = match found {
        Ok(current) => (current, None),
        // Nobody is signed out by a database that is away for a moment.
        Err(trouble) => (None, Some(trouble)),
    };
    let form = cookie(headers, FORM).filter(|value| value.len() == 64);
    let fresh = form.is_none().then(random_token);
    let csrf = match &current {
        Some(current) => current.csrf.clone(),
        None => form.or_else(|| fresh.clone()).unwrap_or_default(),
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
        .collect();
    let visit = Visit {
        lang,
        token: current.is_some().then_some(token).flatten(),
        current,
        csrf,
        path: request.uri().path().to_string(),
        query: kept.join("&"),
        now,
    };
    let page = Page {
        site: site.clone(),
        visit: visit.clone(),
    };
    let mut response = match (away, check_form(request, &visit).await) {
        (Some(trouble), _) => trouble.into_response(),
        (None, Ok(mut request)) => {
            request.extensions_mut().insert(visit.clone());
            next.run(request).await
        }
        (None, Err(response)) => response,
    };
    if let Some(trouble) = response.extensions().get::<Arc<Trouble>>().cloned() {
        let status = response.status();
        response = if api {
            crate::api::error(status, &trouble, lang)
        } else if matches!(*trouble, Trouble::SignIn) {
            let back = match visit.query.as_str() {
                "" => visit.path.clone(),
                query => format!("{}?{query}", visit.path),
            };
            Redirect::to(&format!("/signin?next={}", encode(&back))).into_response()
        } else {
            error_page(&page, status, &trouble)
        };
    }
    if api && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = crate::api::unasked(response.status(), lang);
    }
    let out = response.headers_mut();
    for (name, value) in HEADERS {
        out.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if !asset {
        out.entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        out.append(
            header::VARY,
            HeaderValue::from_static("Cookie, Accept-Language"),
        );
    }
    if let Some(asked) = asked {
        add_cookie(
            out,
            &format!(
                "{LANG}={}; Path=/; Max-Age=31536000; SameSite=Lax",
                asked.tag()
            ),
        );
    }
    if let (Some(fresh), None, false) = (fresh, &visit.current, asset || api) {
        let secure = secure(&site);
        add_cookie(
            out,
            &format!("{FORM}={fresh}; Path=/; HttpOnly; SameSite=Lax{secure}"),
        );
    }
    response
}

/// Everything comes from this server, nothing is framed, no address leaks to other sites.
const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// A request that changes something must carry the token of the session's forms: as field `csrf`
/// of the form (for uploads the first part), or as header `x-csrf-token`. A request with a bearer
/// token carries nothing that a browser sends by itself, and needs none.
async fn check_form(request: Request, visit: &Visit) -> Result<Request, Response> {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let bearer = request.headers().contains_key(header::AUTHORIZATION);
    if safe || (bearer && visit.path.starts_with("/api/")) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| {
        Trouble::input(
            "文件太大（上限 32 MB）",
            "the file is too large (at most 32 MB)",
        )
        .into_response()
    })?;
    // Signing in by the API opens a session, and trying the law changes nothing: neither needs one.
    let opening = ["/api/v1/session", "/api/v1/law/eval"].contains(&visit.path.as_str());
    let sent = parts
        .headers
        .get("x-csrf-token")
        .and_then(|value| value.to_str().ok())
        .map(str::to_string)
        .or_else(|| form_token(&parts.headers, &bytes));
    if opening || sent.is_some_and(|sent| tokens_equal(&sent, &visit.csrf)) {
        return Ok(Request::from_parts(parts, Body::from(bytes)));
    }
    let mut response = StatusCode::FORBIDDEN.into_response();
    response
        .extensions_mut()
        .insert(Arc::new(Trouble::Conflict(super::session::both(
            "error-token",
        ))));
    Err(response)
}

fn form_token(headers: &HeaderMap, body: &Bytes) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if kind.starts_with("application/x-www-form-urlencoded") {
        let text = std::str::from_utf8(body).ok()?;
        let pair = text
            .split('&')
            .find_map(|pair| pair.strip_prefix("csrf="))?;
        return Some(decode(pair));
    }
    if kind.starts_with("multipart/form-data") {
        // The token is the first part, so only the beginning is looked at.
        let start = String::from_utf8_lossy(&body[..body.len().min(1024)]);
        let (_, rest) = start.split_once("name=\"csrf\"\r\n\r\n")?;
        return rest.split("\r\n").next().map(str::to_string);
    }
    None
}

/// The value of a cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_string())
}

/// Adds a cookie to an answer; one that is no header value is left out.
pub fn add_cookie(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// The cookie that opens or (with an empty token) ends a session.
pub fn session_cookie(site: &Site, token: &str) -> String {
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    let secure = secure(site);
    format!("{SESSION}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")
}

/// The cookie that keeps which of their areas somebody looks at.
pub fn area_cookie(site: &Site, area: &str) -> String {
    let secure = secure(site);
    let area = super::page::encode(area);
    format!("{AREA}={area}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000{secure}")
}

fn secure(site: &Site) -> &'static str {
    if site.https { "; Secure" } else { "" }
}
