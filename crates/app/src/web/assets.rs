//! Style sheet, script and icon, embedded in the program.

use super::source::Trouble;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "assets"]
struct Files;

/// `GET /assets/{file}`.
pub async fn asset(Path(name): Path<String>) -> Response {
    let Some(file) = Files::get(&name) else {
        return Trouble::NotFound("file").into_response();
    };
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        // A page asks for the version it was built with, so a version can be kept.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=86400"),
        ),
    ];
    (headers, file.data.into_owned()).into_response()
}

/// Changes with the style sheet and the script, so that browsers fetch new ones.
pub fn version() -> &'static str {
    use std::sync::OnceLock;
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let hashes = ["site.css", "site.js"].map(|name| {
            Files::get(name).map_or(0, |file| {
                u32::from_be_bytes([
                    file.metadata.sha256_hash()[0],
                    file.metadata.sha256_hash()[1],
                    file.metadata.sha256_hash()[2],
                    file.metadata.sha256_hash()[3],
                ])
            })
        });
        format!("{:08x}", hashes[0] ^ hashes[1])
    })
}
