//! District, lists, households, determinations, changes.

use super::{Caller, ErrorBody, Given, Reply, limit, month};
use crate::web::Site;
use crate::web::ask::{Ask, Pairs, path_id};
use crate::web::pages::needs;
use crate::web::session::Right;
use crate::web::source::{HouseholdQuery, ListQuery, Trouble};
use crate::web::view::change::{ChangeForm, ChangePage, Preview, Recorded};
use crate::web::view::district::{District, DistrictQuery};
use crate::web::view::household::Household;
use crate::web::view::why::{Why, WhyQuery};
use crate::web::view::{HouseholdRow, Paged};
use axum::Json;
use axum::extract::{Path, State};
use base::Id;
use policy::law::explanation::Explanation;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Arc<Site>> {
    OpenApiRouter::new()
        .routes(routes!(district).map(|m| needs(Right::District, m)))
        .routes(routes!(list).map(|m| needs(Right::Households, m)))
        .routes(routes!(households).map(|m| needs(Right::Households, m)))
        .routes(routes!(household).map(|m| needs(Right::Households, m)))
        .routes(routes!(why).map(|m| needs(Right::Households, m)))
        .routes(routes!(explanation).map(|m| needs(Right::Households, m)))
        .routes(routes!(change_kinds).map(|m| needs(Right::Report, m)))
        .routes(routes!(preview).map(|m| needs(Right::Report, m)))
        .routes(routes!(record).map(|m| needs(Right::Report, m)))
        .routes(routes!(apply).map(|m| needs(Right::Apply, m)))
}

/// The area on one page: coverage and money by month, both errors, the queue.
#[utoipa::path(get, path = "/api/v1/district", tag = "district",
    params(("month" = Option<String>, Query, description = "2026-03; the latest when absent"),
           ("programme" = Option<String>, Query, description = "programme id"),
           ("area" = Option<String>, Query, description = "area code within the caller's")),
    responses((status = 200, body = District), (status = 401, body = ErrorBody)))]
async fn district(State(site): State<Arc<Site>>, caller: Caller, Ask(ask): Ask) -> Reply<District> {
    let query = DistrictQuery {
        month: month(&ask, "month")?,
        programme: ask.text("programme"),
        area: ask.text("area"),
    };
    Ok(Json(site.source.district(&caller.0, query).await?))
}

/// The households behind a figure: owed-not-covered, covered-not-owed, undetermined, covered, refused.
#[utoipa::path(get, path = "/api/v1/lists/{list}", tag = "district",
    params(("list" = String, Path), ("month" = Option<String>, Query), ("programme" = Option<String>, Query),
           ("area" = Option<String>, Query), ("missing" = Option<String>, Query, description = "only those that lack this kind"),
           ("after" = Option<String>, Query, description = "`next` of the page before"),
           ("limit" = Option<u32>, Query, description = "1 to 1000, 100 when absent")),
    responses((status = 200, body = Paged<HouseholdRow>), (status = 401, body = ErrorBody)))]
async fn list(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(list): Path<String>,
    Ask(ask): Ask,
) -> Reply<Paged<HouseholdRow>> {
    let query = ListQuery {
        list,
        programme: ask.text("programme"),
        month: month(&ask, "month")?,
        area: ask.text("area"),
        missing: ask.text("missing"),
        after: ask.text("after"),
        limit: limit(ask.number("limit")),
    };
    Ok(Json(site.source.list(&caller.0, query).await?))
}

/// Search by name, identity number or id; names and numbers are masked.
#[utoipa::path(get, path = "/api/v1/households", tag = "households",
    params(("q" = String, Query), ("area" = Option<String>, Query), ("after" = Option<String>, Query),
           ("limit" = Option<u32>, Query)),
    responses((status = 200, body = Paged<HouseholdRow>), (status = 401, body = ErrorBody)))]
async fn households(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Ask(ask): Ask,
) -> Reply<Paged<HouseholdRow>> {
    let query = HouseholdQuery {
        text: ask.get("q").to_string(),
        area: ask.text("area"),
        after: ask.text("after"),
        limit: limit(ask.number("limit")),
    };
    Ok(Json(site.source.households(&caller.0, query).await?))
}

/// A household: members, determinations, money, cases, time line.
#[utoipa::path(get, path = "/api/v1/households/{id}", tag = "households",
    params(("id" = String, Path)),
    responses((status = 200, body = Household), (status = 404, body = ErrorBody)))]
async fn household(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Reply<Household> {
    Ok(Json(
        site.source
            .household(&caller.0, path_id(&id, "household")?)
            .await?,
    ))
}

fn why_query(
    (household, programme, period): (String, String, String),
    ask: &Pairs,
) -> Result<WhyQuery, Trouble> {
    Ok(WhyQuery {
        household: path_id(&household, "household")?,
        person: ask.id("person"),
        programme,
        period,
        version: ask.number("version"),
    })
}

/// Why a determination came out so: grounds with articles, every value on the way.
#[utoipa::path(get, path = "/api/v1/households/{id}/why/{programme}/{period}", tag = "households",
    params(("id" = String, Path), ("programme" = String, Path),
           ("period" = String, Path, description = "2026-03, event:ID or once"),
           ("person" = Option<String>, Query, description = "for programmes about persons"),
           ("version" = Option<u32>, Query, description = "the latest when absent")),
    responses((status = 200, body = Why), (status = 404, body = ErrorBody)))]
async fn why(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(path): Path<(String, String, String)>,
    Ask(ask): Ask,
) -> Reply<Why> {
    let query = why_query(path, &ask)?;
    Ok(Json(site.source.why(&caller.0, query).await?))
}

/// The same in the form `minsheng-explanation/1`, which others can check without this program: every
/// value with its formula, figure, evidence and inputs; its JSON Schema is `docs/explanation.schema.json`.
#[utoipa::path(get, path = "/api/v1/households/{id}/why/{programme}/{period}/explanation", tag = "households",
    params(("id" = String, Path), ("programme" = String, Path),
           ("period" = String, Path, description = "2026-03, event:ID or once"),
           ("person" = Option<String>, Query, description = "for programmes about persons"),
           ("version" = Option<u32>, Query, description = "the latest when absent")),
    responses((status = 200, body = serde_json::Value), (status = 404, body = ErrorBody)))]
async fn explanation(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(path): Path<(String, String, String)>,
    Ask(ask): Ask,
) -> Reply<Explanation> {
    let query = why_query(path, &ask)?;
    let why = site.source.why(&caller.0, query).await?;
    let explanation = why.explanation.ok_or(Trouble::NotFound("explanation"))?;
    Ok(Json(*explanation))
}

/// The kinds of change that can be reported, with how each value is asked for.
#[utoipa::path(get, path = "/api/v1/households/{id}/changes", tag = "changes",
    params(("id" = String, Path)),
    responses((status = 200, body = ChangePage), (status = 404, body = ErrorBody)))]
async fn change_kinds(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Reply<ChangePage> {
    Ok(Json(
        site.source
            .change_form(&caller.0, path_id(&id, "household")?)
            .await?,
    ))
}

/// What a change would do; nothing is recorded.
#[utoipa::path(post, path = "/api/v1/households/{id}/changes/preview", tag = "changes",
    params(("id" = String, Path)), request_body = ChangeForm,
    responses((status = 200, body = Preview), (status = 422, body = ErrorBody)))]
async fn preview(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    Given(form): Given<ChangeForm>,
) -> Reply<Preview> {
    Ok(Json(
        site.source
            .preview(&caller.0, path_id(&id, "household")?, &form)
            .await?,
    ))
}

/// Record a change. The client mints `id`: sending twice records once.
#[utoipa::path(post, path = "/api/v1/households/{id}/changes", tag = "changes",
    params(("id" = String, Path)), request_body = ChangeForm,
    responses((status = 200, body = Recorded), (status = 422, body = ErrorBody), (status = 409, body = ErrorBody)))]
async fn record(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    Given(form): Given<ChangeForm>,
) -> Reply<Recorded> {
    Ok(Json(
        site.source
            .record(&caller.0, path_id(&id, "household")?, &form)
            .await?,
    ))
}

/// An application.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"id": "0199f7a0-0000-7000-8000-000000000002", "programme": "first", "note": "at the counter"}))]
struct Application {
    /// Minted by the client.
    id: String,
    /// Programme id.
    programme: String,
    /// For programmes about persons: whose.
    person: Option<String>,
    /// A remark.
    #[serde(default)]
    note: String,
}

/// A case that was opened.
#[derive(Serialize, ToSchema)]
struct Opened {
    #[schema(value_type = String)]
    case: Id,
}

/// Apply for a programme; gives the case.
#[utoipa::path(post, path = "/api/v1/households/{id}/applications", tag = "changes",
    params(("id" = String, Path)), request_body = Application,
    responses((status = 200, body = Opened), (status = 422, body = ErrorBody)))]
async fn apply(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    Given(application): Given<Application>,
) -> Reply<Opened> {
    let household = path_id(&id, "household")?;
    let minted = path_id(&application.id, "id").map_err(|_| bad_id())?;
    let person = match application.person.as_deref() {
        None | Some("") => None,
        Some(text) => Some(path_id(text, "person").map_err(|_| bad_id())?),
    };
    let (programme, note) = (&application.programme, &application.note);
    let case = site
        .source
        .apply(&caller.0, household, person, programme, minted, note)
        .await?;
    Ok(Json(Opened { case }))
}

fn bad_id() -> Trouble {
    Trouble::input("标识须为 UUID", "an id is a UUID")
}
