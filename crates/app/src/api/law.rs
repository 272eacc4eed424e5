//! The law; no session needed.

use super::{ErrorBody, Given, Reply, day};
use crate::web::Site;
use crate::web::ask::Ask;
use crate::web::source::{Trouble, TryQuery};
use crate::web::view::law::{InstrumentPage, LawIndex, ParameterView, ProgrammeRow, TryResult};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Arc<Site>> {
    OpenApiRouter::new()
        .routes(routes!(index))
        .routes(routes!(instrument))
        .routes(routes!(programmes))
        .routes(routes!(parameters))
        .routes(routes!(evaluate))
}

/// Instruments.
#[utoipa::path(get, path = "/api/v1/law/instruments", tag = "law", security(()),
    params(("place" = Option<String>, Query), ("day" = Option<String>, Query)),
    responses((status = 200, body = LawIndex)))]
async fn index(State(site): State<Arc<Site>>, Ask(ask): Ask) -> Reply<LawIndex> {
    Ok(Json(
        site.source
            .law_index(ask.text("place"), day(&ask, "day")?)
            .await?,
    ))
}

/// One instrument: articles, rules, parameters, worked examples.
#[utoipa::path(get, path = "/api/v1/law/instruments/{number}", tag = "law", security(()),
    params(("number" = String, Path), ("day" = Option<String>, Query)),
    responses((status = 200, body = InstrumentPage), (status = 404, body = ErrorBody)))]
async fn instrument(
    State(site): State<Arc<Site>>,
    Path(number): Path<String>,
    Ask(ask): Ask,
) -> Reply<InstrumentPage> {
    Ok(Json(
        site.source.instrument(&number, day(&ask, "day")?).await?,
    ))
}

/// Programmes.
#[utoipa::path(get, path = "/api/v1/law/programmes", tag = "law", security(()),
    params(("day" = Option<String>, Query)),
    responses((status = 200, body = Vec<ProgrammeRow>)))]
async fn programmes(State(site): State<Arc<Site>>, Ask(ask): Ask) -> Reply<Vec<ProgrammeRow>> {
    Ok(Json(site.source.programmes(day(&ask, "day")?).await?))
}

/// Parameters with their dated rows, sources and status.
#[utoipa::path(get, path = "/api/v1/law/parameters", tag = "law", security(()),
    params(("place" = Option<String>, Query), ("day" = Option<String>, Query)),
    responses((status = 200, body = Vec<ParameterView>)))]
async fn parameters(State(site): State<Arc<Site>>, Ask(ask): Ask) -> Reply<Vec<ParameterView>> {
    Ok(Json(
        site.source
            .parameters(ask.text("place"), day(&ask, "day")?)
            .await?,
    ))
}

/// A situation to evaluate.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"place": "QQ", "day": "2026-05-01", "decision": "first", "given": {}}))]
struct Situation {
    /// Place code.
    place: String,
    /// Day, `2026-11-01`.
    day: String,
    /// Programme or rule.
    decision: String,
    /// Facts, in the shape of `law eval`.
    given: serde_json::Value,
}

/// What the law says of a situation, with reasons and every value on the way.
#[utoipa::path(post, path = "/api/v1/law/eval", tag = "law", security(()), request_body = Situation,
    responses((status = 200, body = TryResult), (status = 422, body = ErrorBody)))]
async fn evaluate(
    State(site): State<Arc<Site>>,
    Given(asked): Given<Situation>,
) -> Reply<TryResult> {
    let day = base::parse_day(&asked.day)
        .map_err(|error| Trouble::input(format!("日期有误：{error}"), error.to_string()))?;
    let query = TryQuery {
        place: asked.place,
        day,
        decision: asked.decision,
        given: asked.given,
    };
    Ok(Json(site.source.try_law(query).await?))
}
