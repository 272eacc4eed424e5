//! Pages by key: where the last one ended is where the next begins, however much was added in between.

use crate::error::StoreError;
use base::Id;

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Hand this back to get the next page; `None` at the end. Opaque, and safe in a link.
    pub next: Option<String>,
}

/// The largest page that is served.
pub(crate) const LARGEST: usize = 1000;

/// From one row more than asked for to a page.
pub(crate) fn page<T>(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(key) } else { None };
    Page { items, next }
}

/// Joins the parts of a key.
pub(crate) fn cursor(parts: &[&str]) -> String {
    parts.join("\u{1f}")
}

/// The parts of a key that [`cursor`] joined.
pub(crate) fn parts<const N: usize>(text: &str) -> Result<[&str; N], StoreError> {
    let parts: Vec<&str> = text.split('\u{1f}').collect();
    parts
        .try_into()
        .map_err(|_| StoreError::Invalid(format!("`{text}` is not where a page ended")))
}

/// A part that is a number.
pub(crate) fn number(text: &str) -> Result<i64, StoreError> {
    text.parse()
        .map_err(|_| StoreError::Invalid(format!("`{text}` is not where a page ended")))
}

/// A part that is an id.
pub(crate) fn id(text: &str) -> Result<Id, StoreError> {
    text.parse()
        .map_err(|_| StoreError::Invalid(format!("`{text}` is not where a page ended")))
}

/// Is an area within one of these prefixes? No prefixes: everywhere.
pub(crate) fn within(area: &str, prefixes: &[String]) -> bool {
    prefixes.is_empty() || prefixes.iter().any(|p| area.starts_with(p.as_str()))
}

/// The first text after all that begin with `prefix`. No area code or name holds the last character.
pub(crate) fn end_of(prefix: &str) -> String {
    format!("{prefix}\u{10ffff}")
}

/// The id that sorts before all.
pub(crate) fn nobody() -> Id {
    Id::from_bytes([0; 16])
}
