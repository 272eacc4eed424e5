//! The HTTP API: the same questions as the pages, the same answers, as JSON.
//!
//! A program signs in with `POST /api/v1/session` and sends the token as `Authorization: Bearer`.
//! Errors are problem documents (RFC 9457, `application/problem+json`) with the fitting status; beside the
//! standard's fields they carry `error`, a word for programs, and `message` in both languages.

mod common;
mod document;
mod law;
mod register;
mod work;

use crate::web::Site;
use crate::web::ask::Pairs;
use crate::web::page::Visit;
use crate::web::pages::signin;
use crate::web::session::{self, Viewer, both};
use crate::web::source::Trouble;
use crate::web::view::TextSchema;
use crate::web::words::Lang;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use policy::programme::Bilingual;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Minsheng API",
        description = "Households, determinations with their reasons, cases, payments and the law, \
                       bounded by the caller's role and area. Money is in fen, dates are ISO 8601.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The API's routes, with its document at `/api/openapi.json` and as a page at `/api`.
pub fn routes() -> Router<Arc<Site>> {
    let (router, document) = described();
    DOCUMENT.get_or_init(|| common::complete(&document));
    router
        .route("/api/openapi.json", get(document::json))
        .route("/api", get(document::page))
}

static DOCUMENT: OnceLock<serde_json::Value> = OnceLock::new();

/// The OpenAPI document.
pub fn document() -> &'static serde_json::Value {
    DOCUMENT.get_or_init(|| common::complete(&described().1))
}

fn described() -> (Router<Arc<Site>>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(open_session))
        .merge(register::routes())
        .merge(work::routes())
        .merge(law::routes())
        .split_for_parts()
}

/// Who calls; the route has been let through by the right that it needs.
pub struct Caller(pub Viewer);

impl FromRequestParts<Arc<Site>> for Caller {
    type Rejection = Trouble;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<Site>) -> Result<Caller, Trouble> {
        let visit = parts.extensions.get::<Visit>();
        let current = visit.and_then(|visit| visit.current.clone());
        current
            .map(|current| Caller(current.viewer))
            .ok_or(Trouble::SignIn)
    }
}

/// An answer of the API.
pub type Reply<T> = Result<Json<T>, Trouble>;

/// What an error looks like: a problem document (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ErrorBody {
    /// `urn:minsheng:problem:` and the word of `error`.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in a few words, in the language asked for.
    title: String,
    /// The status.
    status: u16,
    /// What is wrong here and what to do, in the language asked for.
    detail: String,
    /// `not-found`, `input`, `conflict`, `forbidden`, `sign-in`, `method`, `internal`.
    error: &'static str,
    /// What is wrong, in both languages.
    #[schema(value_type = TextSchema)]
    message: Bilingual,
}

/// Writes a trouble as a problem document.
pub fn error(status: StatusCode, trouble: &Trouble, lang: Lang) -> Response {
    let (error, message) = match trouble {
        Trouble::NotFound(_) => ("not-found", both("error-not-found")),
        Trouble::Input(text) => ("input", text.clone()),
        Trouble::Conflict(text) => ("conflict", text.clone()),
        Trouble::Forbidden => ("forbidden", both("error-forbidden")),
        Trouble::SignIn => ("sign-in", both("error-sign-in")),
        Trouble::Internal(_) => ("internal", both("error-internal")),
    };
    let title = lang.t(&format!("error-{error}"));
    let detail = match trouble {
        Trouble::Input(text) | Trouble::Conflict(text) => lang.say(text),
        _ => lang.t(&format!("error-help-{error}")),
    };
    problem(status, error, title, detail, message)
}

/// A problem that the server found before any handler was asked: a method that an address does not have.
pub fn unasked(status: StatusCode, lang: Lang) -> Response {
    let (title, detail) = (lang.t("error-method"), lang.t("error-help-method"));
    problem(status, "method", title, detail, both("error-method"))
}

fn problem(
    status: StatusCode,
    error: &'static str,
    title: String,
    detail: String,
    message: Bilingual,
) -> Response {
    let body = ErrorBody {
        kind: format!("urn:minsheng:problem:{error}"),
        title,
        status: status.as_u16(),
        detail,
        error,
        message,
    };
    let media = [(header::CONTENT_TYPE, common::PROBLEM)];
    (status, media, Json(body)).into_response()
}

/// A JSON body; one that is none, or lacks a field, is an input error that says where.
pub struct Given<T>(pub T);

impl<T: serde::de::DeserializeOwned> FromRequest<Arc<Site>> for Given<T> {
    type Rejection = Trouble;
    async fn from_request(request: Request, _: &Arc<Site>) -> Result<Given<T>, Trouble> {
        let unreadable = |text: String| {
            Trouble::Input(Bilingual {
                zh: format!("请求体不是所要的 JSON：{text}"),
                en: format!("the body is not the JSON that is asked for: {text}"),
            })
        };
        let bytes = to_bytes(request.into_body(), 4 << 20)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_slice(&bytes)
            .map(Given)
            .map_err(|error| unreadable(error.to_string()))
    }
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"name": "caseworker", "password": "a right password"}))]
struct Credentials {
    /// Account name.
    name: String,
    /// Pass phrase.
    password: String,
}

/// An open session.
#[derive(Serialize, ToSchema)]
struct SessionBody {
    /// Send it as `Authorization: Bearer`.
    token: String,
    /// Account name.
    name: String,
    /// Role.
    role: &'static str,
    /// Codes of the areas that bound all answers; where none is asked for, lists are of the first.
    areas: Vec<String>,
}

/// Sign in.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", security(()),
    request_body = Credentials,
    responses((status = 200, body = SessionBody), (status = 401, body = ErrorBody)))]
async fn open_session(
    axum::extract::State(site): axum::extract::State<Arc<Site>>,
    Given(given): Given<Credentials>,
) -> Result<Json<SessionBody>, Trouble> {
    let account = signin::check(&site, &given.name, &given.password)
        .await?
        .map_err(|_| Trouble::SignIn)?;
    let token = session::open(site.source.as_ref(), &account.name, chrono::Utc::now()).await?;
    let viewer = Viewer::of(account, None);
    Ok(Json(SessionBody {
        role: viewer.role_name(),
        areas: viewer.codes(),
        name: viewer.name,
        token,
    }))
}

/// Rows of a page: 1 to 1000, 100 when none are asked for.
fn limit(asked: Option<u32>) -> usize {
    asked.unwrap_or(100).clamp(1, 1000) as usize
}

/// A month of a query; a text that is none is an error, not a default.
fn month(pairs: &Pairs, name: &str) -> Result<Option<base::Month>, Trouble> {
    match pairs.get(name) {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|error: base::TimeError| bad(&error)),
    }
}

/// A day of a query.
fn day(pairs: &Pairs, name: &str) -> Result<Option<base::Day>, Trouble> {
    match pairs.get(name) {
        "" => Ok(None),
        text => base::parse_day(text).map(Some).map_err(|error| bad(&error)),
    }
}

fn bad(error: &base::TimeError) -> Trouble {
    Trouble::input(format!("日期或月份有误：{error}"), error.to_string())
}
