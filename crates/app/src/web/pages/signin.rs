//! Signing in and out.

use crate::web::Site;
use crate::web::ask::{Ask, Sent};
use crate::web::guard::{add_cookie, area_cookie, session_cookie};
use crate::web::page::{Page, Signed};
use crate::web::session::{self, Account, password_matches};
use crate::web::source::Trouble;
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "signin.html")]
struct SigninPage {
    page: Page,
    next: String,
    name: String,
    message: String,
    demo: Vec<Account>,
}

/// `GET /signin`
pub async fn form(page: Page, Ask(ask): Ask) -> Result<Response, Trouble> {
    if page.viewer().is_some() {
        return Ok(Redirect::to(&safe_path(ask.get("next"))).into_response());
    }
    let demo = page.site.source.demo_accounts().await?;
    let next = safe_path(ask.get("next"));
    let template = SigninPage {
        next,
        name: String::new(),
        message: String::new(),
        demo,
        page: page.clone(),
    };
    Ok(page.render(&template))
}

/// `POST /signin`
pub async fn enter(
    State(site): State<Arc<Site>>,
    page: Page,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let name = sent.get("name").to_string();
    let outcome = check(&site, &name, sent.get("password")).await?;
    let message = match outcome {
        Ok(account) => return open(&site, &account, sent.get("next")).await,
        Err(key) => page.t(key),
    };
    let demo = site.source.demo_accounts().await?;
    let template = SigninPage {
        next: safe_path(sent.get("next")),
        name,
        message,
        demo,
        page: page.clone(),
    };
    let mut response = page.render(&template);
    *response.status_mut() = axum::http::StatusCode::UNAUTHORIZED;
    Ok(response)
}

/// Checks a name and a password; the error is the key of the word that says why not. Says the same,
/// and takes as long, whether the name or the password is wrong.
pub async fn check(
    site: &Arc<Site>,
    name: &str,
    password: &str,
) -> Result<Result<Account, &'static str>, Trouble> {
    let now = chrono::Utc::now();
    if site.sessions.must_wait(name, now) {
        return Ok(Err("signin-wait"));
    }
    let account = site.source.account(name).await?;
    let kept = account
        .as_ref()
        .map_or(NOBODY, |account| account.password.as_str())
        .to_string();
    let given = password.to_string();
    let right = tokio::task::spawn_blocking(move || password_matches(&given, &kept))
        .await
        .map_err(|error| Trouble::Internal(error.to_string()))?;
    site.sessions.tried(name, right, now);
    Ok(match account {
        Some(account) if right => Ok(account),
        _ => Err("signin-wrong"),
    })
}

/// A hash that no password has, so that an unknown name takes as long as a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// `POST /signin/demo`: one click, only for the accounts that a demo offers.
pub async fn enter_demo(
    State(site): State<Arc<Site>>,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let offered = site.source.demo_accounts().await?;
    let account = offered
        .into_iter()
        .find(|account| account.name == sent.get("name"));
    match account {
        Some(account) => open(&site, &account, sent.get("next")).await,
        None => Err(Trouble::Forbidden),
    }
}

/// `POST /signout`
pub async fn leave(State(site): State<Arc<Site>>, page: Page) -> Result<Response, Trouble> {
    if let Some(token) = &page.visit.token {
        session::close(site.source.as_ref(), token, page.visit.now).await?;
    }
    let mut response = Redirect::to("/signin").into_response();
    add_cookie(response.headers_mut(), &session_cookie(&site, ""));
    Ok(response)
}

/// `POST /area`: looks at another of one's own areas.
pub async fn area(
    State(site): State<Arc<Site>>,
    signed: Signed,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let area = sent.get("area");
    if !signed.viewer.areas.iter().any(|own| own.id == area) {
        return Err(Trouble::NotFound("area"));
    }
    let mut response = Redirect::to(&safe_path(sent.get("next"))).into_response();
    add_cookie(response.headers_mut(), &area_cookie(&site, area));
    Ok(response)
}

async fn open(site: &Arc<Site>, account: &Account, next: &str) -> Result<Response, Trouble> {
    let start = safe_path(next);
    let token = session::open(site.source.as_ref(), &account.name, chrono::Utc::now()).await?;
    let mut response = Redirect::to(&start).into_response();
    add_cookie(response.headers_mut(), &session_cookie(site, &token));
    Ok(response)
}

/// Only a path of this site, never another address.
fn safe_path(next: &str) -> String {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.starts_with("/signin")
        && !next.chars().any(char::is_control);
    if ours {
        next.to_string()
    } else {
        "/".to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_only_to_this_site() {
        assert_eq!(safe_path("/tasks?due=today"), "/tasks?due=today");
        for bad in [
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "",
            "/signin",
            "/a\r\nb",
        ] {
            assert_eq!(safe_path(bad), "/", "{bad}");
        }
    }
}
