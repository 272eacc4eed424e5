//! Why a determination came out as it did.

use crate::web::ask::{Ask, path_id};
use crate::web::export::attachment;
use crate::web::page::{Page, Signed};
use crate::web::source::Trouble;
use crate::web::tree;
use crate::web::view::why::{Why, WhyQuery};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;

#[derive(Template)]
#[template(path = "why.html")]
struct WhyPage {
    page: Page,
    w: Why,
    tree: String,
}

impl WhyPage {
    fn law(&self, instrument: &str, article: &str) -> String {
        tree::law_href(instrument, article)
    }

    fn other_versions(&self) -> Vec<u32> {
        (1..=self.w.versions)
            .rev()
            .filter(|v| *v != self.w.version)
            .collect()
    }

    fn short_law(&self) -> String {
        self.w.law.chars().take(16).collect()
    }
}

/// `GET /households/{id}/why/{programme}/{period}`
pub async fn why(
    signed: Signed,
    Path((household, programme, period)): Path<(String, String, String)>,
    Ask(ask): Ask,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let query = WhyQuery {
        household: path_id(&household, "household")?,
        person: ask.id("person"),
        programme,
        period,
        version: ask.number("version"),
    };
    let w = page.site.source.why(&viewer, query).await?;
    if ask.get("format") == "json" {
        let explanation = w.explanation.as_ref();
        let explanation = explanation.ok_or(Trouble::NotFound("explanation"))?;
        let bytes = serde_json::to_vec_pretty(explanation)
            .map_err(|error| Trouble::Internal(error.to_string()))?;
        let name = format!("{}-{}-v{}.json", w.programme.id, w.period, w.version);
        return Ok(attachment(&name, "application/json", bytes));
    }
    let tree = tree::render(&page, &w.nodes, &w.roots, &w.members);
    Ok(page.render(&WhyPage {
        tree,
        w,
        page: page.clone(),
    }))
}
