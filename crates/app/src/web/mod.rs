//! The pages: server-rendered, complete without scripts, in Chinese and English.

pub mod ask;
pub mod assets;
pub mod chart;
pub mod export;
pub mod guard;
pub mod live;
pub mod page;
pub mod pages;
pub mod session;
pub mod source;
pub mod tree;
pub mod uploads;
pub mod view;
pub mod words;

use crate::service::{Office, ServiceError};
use axum::Router;
use axum::middleware::from_fn_with_state;
use live::Live;
use session::Sessions;
use source::{Source, Trouble};
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use uploads::Uploads;

/// What the pages stand on.
pub struct Site {
    /// The rooms below.
    pub source: Arc<dyn Source>,
    /// Who is signed in.
    pub sessions: Sessions,
    /// Files between checking and recording.
    pub uploads: Uploads,
    /// Is it reached by HTTPS only? Then cookies say so.
    pub https: bool,
}

impl Site {
    /// A site over a source.
    pub fn new(source: Arc<dyn Source>) -> Site {
        Site {
            source,
            sessions: Sessions::default(),
            uploads: Uploads::default(),
            https: false,
        }
    }
}

/// All pages and the HTTP API.
pub fn router(site: Arc<Site>) -> Router {
    pages::routes()
        .merge(crate::api::routes())
        .fallback(|| async { Trouble::NotFound("page") })
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| {
                axum::response::IntoResponse::into_response(Trouble::Internal(
                    "a handler panicked".into(),
                ))
            },
        ))
        .layer(from_fn_with_state(site.clone(), guard::enter))
        .layer(CompressionLayer::new())
        .with_state(site)
}

/// The site over an office: pages and API.
///
/// # Errors
/// When the database fails.
pub async fn site(office: Arc<Office>) -> Result<Router, ServiceError> {
    let live = Arc::new(Live::new(office).await?);
    let counting = live.clone();
    // Nobody waits for the first count of the district.
    tokio::spawn(async move { counting.warm().await });
    Ok(router(Arc::new(Site::new(live))))
}
