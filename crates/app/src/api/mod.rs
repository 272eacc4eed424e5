//! The HTTP API: the same questions as the pages, the same answers, as JSON.
//!
//! A program signs in with `POST /api/v1/session` and sends the token as `Authorization: Bearer`.
//! Errors are `{"error": kind, "message": {"zh", "en"}}` with the fitting status.

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
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
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
    DOCUMENT.get_or_init(|| document);
    router
        .route("/api/openapi.json", get(document::json))
        .route("/api", get(document::page))
}

static DOCUMENT: OnceLock<utoipa::openapi::OpenApi> = OnceLock::new();

/// The OpenAPI document.
pub fn document() -> &'static utoipa::openapi::OpenApi {
    DOCUMENT.get_or_init(|| described().1)
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

/// What an error looks like.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    /// `not-found`, `input`, `conflict`, `forbidden`, `sign-in`, `internal`.
    pub error: &'static str,
    /// In both languages.
    #[schema(value_type = TextSchema)]
    pub message: Bilingual,
}

/// Writes a trouble as JSON.
pub fn error(status: StatusCode, trouble: &Trouble, _lang: Lang) -> Response {
    let (error, message) = match trouble {
        Trouble::NotFound(_) => ("not-found", both("error-not-found")),
        Trouble::Input(text) => ("input", text.clone()),
        Trouble::Conflict(text) => ("conflict", text.clone()),
        Trouble::Forbidden => ("forbidden", both("error-forbidden")),
        Trouble::SignIn => ("sign-in", both("error-sign-in")),
        Trouble::Internal(_) => ("internal", both("error-internal")),
    };
    (status, Json(ErrorBody { error, message })).into_response()
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
struct Credentials {
    name: String,
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
    Json(given): Json<Credentials>,
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
