//! Queries and forms as pairs of texts. Total: a value that makes no sense is as if it were absent,
//! unless the page says otherwise; no request is refused for a stray field.

use super::Site;
use super::page::parse_query;
use super::source::Trouble;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use base::{Day, Id, Month, parse_day};
use std::convert::Infallible;
use std::sync::Arc;

/// The pairs of a query.
pub struct Ask(pub Pairs);

/// The pairs of a form's body. The guard has bounded its size and checked its token.
pub struct Sent(pub Pairs);

/// Names and values in order.
#[derive(Clone, Debug, Default)]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// The value of a name; empty when absent.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.trim())
    }

    /// The value when it is there and not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name);
        (!value.is_empty()).then(|| value.to_string())
    }

    /// A month.
    pub fn month(&self, name: &str) -> Option<Month> {
        self.get(name).parse().ok()
    }

    /// A date.
    pub fn day(&self, name: &str) -> Option<Day> {
        parse_day(self.get(name)).ok()
    }

    /// An identity.
    pub fn id(&self, name: &str) -> Option<Id> {
        self.get(name).parse().ok()
    }

    /// A number.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.get(name).parse().ok()
    }
}

impl FromRequestParts<Arc<Site>> for Ask {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &Arc<Site>) -> Result<Ask, Infallible> {
        Ok(Ask(Pairs(parse_query(parts.uri.query().unwrap_or("")))))
    }
}

impl FromRequest<Arc<Site>> for Sent {
    type Rejection = Trouble;
    async fn from_request(request: Request, _: &Arc<Site>) -> Result<Sent, Trouble> {
        let unreadable = || Trouble::input("无法读取表单", "the form can't be read");
        let bytes = to_bytes(request.into_body(), 4 << 20)
            .await
            .map_err(|_| unreadable())?;
        let text = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
        Ok(Sent(Pairs(parse_query(text))))
    }
}

/// An identity from a path: anything else is not found.
pub fn path_id(text: &str, what: &'static str) -> Result<Id, Trouble> {
    text.parse().map_err(|_| Trouble::NotFound(what))
}
