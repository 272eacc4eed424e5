//! Tasks, cases, payments, replay.

use super::{Caller, ErrorBody, Given, Reply, limit};
use crate::web::Site;
use crate::web::ask::{Ask, path_id};
use crate::web::pages::needs;
use crate::web::session::Right;
use crate::web::source::{CaseAct, ReplayQuery, Trouble};
use crate::web::view::Paged;
use crate::web::view::audit::{JournalRow, Replay, VerifyPage};
use crate::web::view::case::{CasePage, PublicRow, TaskQuery, TaskRow};
use crate::web::view::payment::{BatchPage, PaymentsPage};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Arc<Site>> {
    OpenApiRouter::new()
        .routes(routes!(tasks).map(|m| needs(Right::Tasks, m)))
        .routes(routes!(case).map(|m| needs(Right::Tasks, m)))
        .routes(routes!(act).map(|m| needs(Right::Act, m)))
        .routes(routes!(payments).map(|m| needs(Right::Payments, m)))
        .routes(routes!(batch).map(|m| needs(Right::Payments, m)))
        .routes(routes!(replay).map(|m| needs(Right::Audit, m)))
        .routes(routes!(journal).map(|m| needs(Right::Journal, m)))
        .routes(routes!(verify).map(|m| needs(Right::Journal, m)))
        .routes(routes!(notice))
}

/// Open tasks by deadline.
#[utoipa::path(get, path = "/api/v1/tasks", tag = "work",
    params(("whose" = Option<String>, Query, description = "mine (the default) or all"),
           ("due" = Option<String>, Query, description = "overdue, today, week"),
           ("programme" = Option<String>, Query), ("area" = Option<String>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Paged<TaskRow>), (status = 401, body = ErrorBody)))]
async fn tasks(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Ask(ask): Ask,
) -> Reply<Paged<TaskRow>> {
    let query = TaskQuery {
        whose: ask.get("whose").to_string(),
        due: ask.get("due").to_string(),
        programme: ask.text("programme"),
        area: ask.text("area"),
        after: ask.text("after"),
    };
    Ok(Json(site.source.tasks(&caller.0, query).await?))
}

/// A case with its steps, deadlines and what the caller may do.
#[utoipa::path(get, path = "/api/v1/cases/{id}", tag = "work", params(("id" = String, Path)),
    responses((status = 200, body = CasePage), (status = 404, body = ErrorBody)))]
async fn case(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Reply<CasePage> {
    Ok(Json(
        site.source.case(&caller.0, path_id(&id, "case")?).await?,
    ))
}

/// An act in a case.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"event": "0199f7a0-0000-7000-8000-000000000001", "act": "done", "note": "papers complete"}))]
struct Act {
    /// Minted by the client: sending twice records once.
    event: String,
    /// done, grant, refuse, object, hear, withdraw.
    act: String,
    /// In their words.
    #[serde(default)]
    note: String,
    /// Who objected.
    #[serde(default)]
    who: String,
}

/// Act in a case; gives the case as it stands then.
#[utoipa::path(post, path = "/api/v1/cases/{id}/acts", tag = "work", params(("id" = String, Path)),
    request_body = Act,
    responses((status = 200, body = CasePage), (status = 409, body = ErrorBody)))]
async fn act(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    Given(sent): Given<Act>,
) -> Reply<CasePage> {
    let case = path_id(&id, "case")?;
    let event = path_id(&sent.event, "id")
        .map_err(|_| Trouble::input("标识须为 UUID", "an id is a UUID"))?;
    let act = CaseAct {
        case,
        event,
        act: sent.act,
        note: sent.note,
        who: sent.who,
    };
    site.source.act(&caller.0, act).await?;
    Ok(Json(site.source.case(&caller.0, case).await?))
}

/// Batches, and what could be instructed.
#[utoipa::path(get, path = "/api/v1/payments", tag = "payments",
    params(("programme" = Option<String>, Query)),
    responses((status = 200, body = PaymentsPage), (status = 401, body = ErrorBody)))]
async fn payments(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Ask(ask): Ask,
) -> Reply<PaymentsPage> {
    Ok(Json(
        site.source
            .payments(&caller.0, ask.text("programme"))
            .await?,
    ))
}

/// A batch with its lines.
#[utoipa::path(get, path = "/api/v1/payments/{id}", tag = "payments",
    params(("id" = String, Path), ("state" = Option<String>, Query, description = "instructed, unknown, paid, rejected, returned"),
           ("after" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = BatchPage), (status = 404, body = ErrorBody)))]
async fn batch(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Path(id): Path<String>,
    Ask(ask): Ask,
) -> Reply<BatchPage> {
    let id = path_id(&id, "batch")?;
    Ok(Json(
        site.source
            .batch(
                &caller.0,
                id,
                ask.get("state"),
                ask.text("after"),
                limit(ask.number("limit")),
            )
            .await?,
    ))
}

/// A past determination beside today's, and why they differ.
#[utoipa::path(get, path = "/api/v1/replay", tag = "audit",
    params(("household" = String, Query), ("programme" = String, Query), ("period" = String, Query),
           ("known" = String, Query, description = "a date (its end) or a moment")),
    responses((status = 200, body = Replay), (status = 404, body = ErrorBody)))]
async fn replay(State(site): State<Arc<Site>>, caller: Caller, Ask(ask): Ask) -> Reply<Replay> {
    let known = base::parse_instant(ask.get("known"))
        .map_err(|error| Trouble::input(format!("时间有误：{error}"), error.to_string()))?;
    let query = ReplayQuery {
        household: path_id(ask.get("household"), "household")?,
        programme: ask.get("programme").to_string(),
        period: ask.get("period").to_string(),
        known,
    };
    Ok(Json(site.source.replay(&caller.0, query).await?))
}

/// The journal, newest first.
#[utoipa::path(get, path = "/api/v1/journal", tag = "audit", params(("after" = Option<String>, Query)),
    responses((status = 200, body = Paged<JournalRow>), (status = 401, body = ErrorBody)))]
async fn journal(
    State(site): State<Arc<Site>>,
    caller: Caller,
    Ask(ask): Ask,
) -> Reply<Paged<JournalRow>> {
    Ok(Json(
        site.source.journal(&caller.0, ask.text("after")).await?,
    ))
}

/// What the checks found.
#[utoipa::path(get, path = "/api/v1/verify", tag = "audit",
    responses((status = 200, body = VerifyPage), (status = 401, body = ErrorBody)))]
async fn verify(State(site): State<Arc<Site>>, caller: Caller) -> Reply<VerifyPage> {
    Ok(Json(site.source.verify(&caller.0).await?))
}

/// The public notice board; no session needed.
#[utoipa::path(get, path = "/api/v1/notice", tag = "public", security(()),
    params(("area" = Option<String>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = Paged<PublicRow>)))]
async fn notice(State(site): State<Arc<Site>>, Ask(ask): Ask) -> Reply<Paged<PublicRow>> {
    Ok(Json(
        site.source
            .public_notice(ask.text("area"), ask.text("after"))
            .await?,
    ))
}
