//! The routes of the pages, each with the right that it needs.

mod audit;
mod household;
mod identity;
mod import;
mod law;
mod payment;
mod public;
mod report;
mod search;
pub mod signin;
mod start;
mod try_law;
mod why;
mod work;

use super::Site;
use super::assets::asset;
use super::page::Visit;
use super::session::Right;
use super::source::Trouble;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

type Pages = MethodRouter<Arc<Site>>;

/// Everything but the API.
pub fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", needs(Right::District, get(start::district)))
        .route("/lists/{list}", needs(Right::Households, get(search::list)))
        .route("/households", needs(Right::Households, get(search::search)))
        .route(
            "/households/{id}",
            needs(Right::Households, get(household::household)),
        )
        .route(
            "/households/{id}/why/{programme}/{period}",
            needs(Right::Households, get(why::why)),
        )
        .route(
            "/households/{id}/letters/{letter}",
            needs(Right::Households, get(household::letter)),
        )
        .route(
            "/households/{id}/report",
            needs(Right::Report, get(report::form).post(report::send)),
        )
        .route(
            "/households/{id}/apply/{programme}",
            needs(
                Right::Apply,
                get(household::apply_form).post(household::apply),
            ),
        )
        .route(
            "/households/{id}/identity/{person}",
            needs(Right::Identify, get(identity::form).post(identity::send)),
        )
        .route(
            "/import",
            needs(Right::Report, get(import::form).post(import::check)),
        )
        .route("/import/form", needs(Right::Report, get(import::empty)))
        .route(
            "/import/{id}",
            needs(Right::Report, get(import::result).post(import::record)),
        )
        .route(
            "/import/{id}/wrong",
            needs(Right::Report, get(import::wrong)),
        )
        .route("/tasks", needs(Right::Tasks, get(work::tasks)))
        .route("/cases/{id}", needs(Right::Tasks, get(work::case)))
        .route("/cases/{id}/act", needs(Right::Act, post(work::act)))
        .route("/payments", needs(Right::Payments, get(payment::payments)))
        .route(
            "/payments/instruct",
            needs(
                Right::Instruct,
                get(payment::confirm).post(payment::instruct),
            ),
        )
        .route(
            "/payments/answers",
            needs(Right::Instruct, post(payment::answers)),
        )
        .route(
            "/payments/{id}",
            needs(Right::Payments, get(payment::batch)),
        )
        .route(
            "/payments/{id}/reissue",
            needs(Right::Instruct, post(payment::reissue)),
        )
        .route(
            "/payments/{id}/{format}",
            needs(Right::Payments, get(payment::file)),
        )
        .route("/audit", needs(Right::Audit, get(audit::replay)))
        .route("/audit/journal", needs(Right::Journal, get(audit::journal)))
        .route("/audit/verify", needs(Right::Journal, get(audit::verify)))
        // The law and the notice board are everybody's.
        .route("/law", get(law::index))
        .route("/law/programmes", get(law::programmes))
        .route("/law/parameters", get(law::parameters))
        .route("/law/try", get(try_law::form).post(try_law::send))
        .route("/law/{number}", get(law::instrument))
        .route("/public/notice", get(public::notice))
        .route("/help", get(public::help))
        .route("/signin", get(signin::form).post(signin::enter))
        .route("/signin/demo", post(signin::enter_demo))
        .route("/signout", post(signin::leave))
        .route("/area", post(signin::area))
        .route("/assets/{file}", get(asset))
}

/// Lets through only who is signed in with that right.
pub fn needs(right: Right, pages: Pages) -> Pages {
    pages.route_layer(from_fn(move |request: Request, next: Next| async move {
        let visit = request.extensions().get::<Visit>();
        let viewer = visit
            .and_then(|visit| visit.current.as_ref())
            .map(|c| &c.viewer);
        match viewer {
            Some(viewer) if viewer.may(right) => next.run(request).await,
            Some(_) => Trouble::Forbidden.into_response(),
            None => Trouble::SignIn.into_response(),
        }
    }))
}
