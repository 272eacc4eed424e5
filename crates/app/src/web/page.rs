//! What every page has: its language, its visitor, its frame.

use super::Site;
use super::session::{Current, Flash, Right, Viewer, role_name};
use super::source::Trouble;
use super::words::Lang;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use base::{Day, Fen, Instant, Month};
use policy::programme::{Bilingual, Role};
use std::convert::Infallible;
use std::sync::Arc;

/// What the guard found out about a request.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Language to answer in.
    pub lang: Lang,
    /// Session, when there is one.
    pub current: Option<Current>,
    /// Token of the session's cookie.
    pub token: Option<String>,
    /// Token that forms carry.
    pub csrf: String,
    /// Path.
    pub path: String,
    /// Query without `lang`.
    pub query: String,
    /// When the request came.
    pub now: Instant,
}

/// Everything that the frame of a page needs. Handlers take it as an argument; templates get it as `page`.
#[derive(Clone)]
pub struct Page {
    /// The instance.
    pub site: Arc<Site>,
    /// The request.
    pub visit: Visit,
}

impl FromRequestParts<Arc<Site>> for Page {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Page, Infallible> {
        let visit = parts
            .extensions
            .get::<Visit>()
            .cloned()
            .unwrap_or_else(|| Visit {
                lang: Lang::default(),
                current: None,
                token: None,
                csrf: String::new(),
                path: parts.uri.path().to_string(),
                query: String::new(),
                now: chrono::Utc::now(),
            });
        Ok(Page {
            site: site.clone(),
            visit,
        })
    }
}

/// An entry of the main menu.
pub struct NavItem {
    /// Where it leads.
    pub href: &'static str,
    /// Its word.
    pub label: String,
    /// Is it the section shown?
    pub here: bool,
}

impl Page {
    /// A word.
    pub fn t(&self, key: &str) -> String {
        self.visit.lang.t(key)
    }

    /// A word with a number.
    pub fn n(&self, key: &str, n: impl Count) -> String {
        self.visit.lang.n(key, n.count())
    }

    /// A word with a value.
    pub fn f(&self, key: &str, v: impl ToString) -> String {
        self.visit.lang.f(key, v)
    }

    /// A word of a family: `of("role", "auditor")` is `role-auditor`.
    pub fn of(&self, family: &str, member: &str) -> String {
        self.visit.lang.t(&format!("{family}-{member}"))
    }

    /// A word of a family, or the member itself when it has none.
    pub fn of_known(&self, family: &str, member: &str) -> String {
        let key = format!("{family}-{member}");
        let word = self.visit.lang.t(&key);
        if word == key {
            member.to_string()
        } else {
            word
        }
    }

    /// A role's name, or with another family what it does.
    pub fn role(&self, family: &str, role: &Role) -> String {
        self.of(family, role_name(*role))
    }

    /// A text of the law or the register in the visitor's language.
    pub fn say(&self, text: &Bilingual) -> String {
        self.visit.lang.say(text)
    }

    /// One of two texts by the language.
    pub fn either(&self, zh: &str, en: &str) -> String {
        if self.visit.lang == Lang::Zh { zh } else { en }.to_string()
    }

    /// A value of the law or the register as this language writes it: truth in words, and of a text
    /// that says both (`甲 · A`) its half.
    pub fn value(&self, text: &str) -> String {
        match text {
            "true" => self.t("yes"),
            "false" => self.t("no"),
            "missing" => self.t("absent-missing"),
            _ => self.half(text),
        }
    }

    /// Of a text that says both (`甲 · A`) the half in this language; any other text whole.
    pub fn half(&self, text: &str) -> String {
        match text.split_once(" · ") {
            Some((zh, en)) if self.visit.lang == Lang::Zh || en.is_empty() => zh.to_string(),
            Some((_, en)) => en.to_string(),
            None => text.to_string(),
        }
    }

    /// A value with its unit in mind: money with thousands separators, all else as [`Page::value`].
    pub fn amount(&self, text: &str, unit: &str) -> String {
        if unit.starts_with('元') || unit.starts_with("yuan") {
            grouped_money(text)
        } else {
            self.value(text)
        }
    }

    /// A unit of the law in this language: `元/月` is `yuan/month`.
    pub fn unit(&self, unit: &str) -> String {
        if self.visit.lang == Lang::Zh {
            return unit.to_string();
        }
        if unit == "人" {
            return "persons".to_string();
        }
        let parts = unit.split('/').map(|part| match part {
            "元" => "yuan",
            "月" => "month",
            "年" => "year",
            "人" => "person",
            "日" => "day",
            "岁" => "years of age",
            "次" => "times",
            other => other,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// A sentence of the law's, its sums with thousands separators.
    pub fn told(&self, text: &Bilingual) -> String {
        group_sums(&self.say(text))
    }

    /// What the pages call somebody who recorded or did something.
    pub fn who(&self, account: &str) -> String {
        self.say(&self.site.source.name_of(account))
    }

    /// A heading of a decision table: the format's own words translated.
    pub fn heading(&self, text: &str) -> String {
        match text {
            "reason" => self.t("because"),
            "article" => self.t("article"),
            _ => text.to_string(),
        }
    }

    /// Yuan.
    pub fn money(&self, fen: impl Into<OwnFen>) -> String {
        self.visit.lang.money(fen.into().0)
    }

    /// A number.
    pub fn count(&self, n: impl Count) -> String {
        self.visit.lang.count(n.count())
    }

    /// A date.
    pub fn day(&self, day: &Day) -> String {
        self.visit.lang.day(*day)
    }

    /// A date, or a word for none.
    pub fn day_or(&self, day: &Option<Day>, key: &str) -> String {
        day.map_or_else(|| self.t(key), |day| self.visit.lang.day(day))
    }

    /// A month.
    pub fn month(&self, month: &Month) -> String {
        self.visit.lang.month(*month)
    }

    /// A period as texts write it: months in words, `once` and events by a word.
    pub fn period(&self, period: &str) -> String {
        match period.parse::<Month>() {
            Ok(month) => self.visit.lang.month(month),
            Err(_) if period == "once" => self.t("period-once"),
            Err(_) if period.starts_with("event:") => self.t("period-event"),
            Err(_) => period.to_string(),
        }
    }

    /// A moment, to the minute, in Beijing time.
    pub fn moment(&self, at: &Instant) -> String {
        self.visit.lang.moment(*at)
    }

    /// The day of a moment, in Beijing time.
    pub fn civil_day(&self, at: &Instant) -> String {
        self.visit.lang.day(super::words::beijing(*at).date_naive())
    }

    /// The visitor.
    pub fn viewer(&self) -> Option<&Viewer> {
        self.visit.current.as_ref().map(|current| &current.viewer)
    }

    /// May the visitor do that?
    pub fn may(&self, right: Right) -> bool {
        self.viewer().is_some_and(|viewer| viewer.may(right))
    }

    /// The instance's name.
    pub fn place(&self) -> String {
        self.say(&self.site.source.name())
    }

    /// Today in the instance's reckoning.
    pub fn today(&self) -> Day {
        self.site.source.today()
    }

    /// Today, written.
    pub fn today_text(&self) -> String {
        self.visit.lang.day(self.today())
    }

    /// Messages left for this page; shown once.
    pub fn flashes(&self) -> Vec<Flash> {
        self.visit
            .token
            .as_ref()
            .map(|token| self.site.sessions.take(token))
            .unwrap_or_default()
    }

    /// This page in the other language.
    pub fn other_language(&self) -> String {
        let visit = &self.visit;
        let query = if visit.query.is_empty() {
            String::new()
        } else {
            format!("{}&", visit.query)
        };
        format!("{}?{query}lang={}", visit.path, visit.lang.other().tag())
    }

    /// This page with one parameter of its query changed (empty: left out); paging starts anew.
    pub fn with(&self, name: &str, value: impl AsRef<str>) -> String {
        let value = value.as_ref();
        let mut pairs: Vec<(String, String)> = parse_query(&self.visit.query)
            .into_iter()
            .filter(|(key, _)| key != name && key != "after")
            .collect();
        if !value.is_empty() {
            pairs.push((name.to_string(), value.to_string()));
        }
        let query: Vec<String> = pairs
            .iter()
            .map(|(k, v)| format!("{}={}", encode(k), encode(v)))
            .collect();
        if query.is_empty() {
            self.visit.path.clone()
        } else {
            format!("{}?{}", self.visit.path, query.join("&"))
        }
    }

    /// Where a switch of areas leads back to: this page without what it filters by, since a filter may
    /// name an area of before.
    pub fn here(&self) -> &str {
        match self.visit.path.as_str() {
            path if path.ends_with("/act") || path.starts_with("/payments/") => "/",
            path => path,
        }
    }

    /// The main menu for this visitor.
    pub fn nav(&self) -> Vec<NavItem> {
        let all: [(&'static str, &str, Option<Right>); 8] = [
            ("/", "nav-district", Some(Right::District)),
            ("/tasks", "nav-tasks", Some(Right::Tasks)),
            ("/households", "nav-households", Some(Right::Households)),
            ("/import", "nav-import", Some(Right::Report)),
            ("/payments", "nav-payments", Some(Right::Payments)),
            ("/law", "nav-law", None),
            ("/audit", "nav-audit", Some(Right::Audit)),
            ("/public/notice", "nav-notice", None),
        ];
        let path = self.visit.path.as_str();
        all.into_iter()
            .filter(|(_, _, right)| right.is_none_or(|right| self.may(right)))
            .map(|(href, key, _)| NavItem {
                href,
                label: self.t(key),
                here: match href {
                    "/" => path == "/" || path.starts_with("/lists"),
                    "/tasks" => path.starts_with("/tasks") || path.starts_with("/cases"),
                    _ => path.starts_with(href),
                },
            })
            .collect()
    }

    /// Renders a template.
    pub fn render(&self, template: &impl Template) -> Response {
        match template.render() {
            Ok(html) => Html(html).into_response(),
            Err(error) => {
                Trouble::Internal(format!("a page can't be written: {error}")).into_response()
            }
        }
    }

    /// Leaves a message and goes on to another page.
    pub fn go(&self, to: &str, flash: Option<Flash>) -> Response {
        if let (Some(token), Some(flash)) = (&self.visit.token, flash) {
            self.site.sessions.leave(token, flash);
        }
        Redirect::to(to).into_response()
    }
}

/// A visitor who is signed in; others are sent to the sign-in page.
pub struct Signed {
    /// Who.
    pub viewer: Viewer,
    /// Their page.
    pub page: Page,
}

impl FromRequestParts<Arc<Site>> for Signed {
    type Rejection = Trouble;
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Signed, Trouble> {
        let Ok(page) = Page::from_request_parts(parts, site).await;
        match page.viewer().cloned() {
            Some(viewer) => Ok(Signed { viewer, page }),
            None => Err(Trouble::SignIn),
        }
    }
}

/// A decimal as the law's values write it (`-12345.6`) with thousands separators; any other text whole.
fn grouped_money(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("−", rest),
        None => ("", text),
    };
    let (whole, part) = digits
        .split_once('.')
        .map_or((digits, None), |(w, p)| (w, Some(p)));
    let all = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !all(whole) || part.is_some_and(|part| !all(part)) {
        return text.to_string();
    }
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(part) = part {
        out.push('.');
        out.push_str(part);
        // A sum has two decimals or none.
        if part.len() == 1 {
            out.push('0');
        }
    }
    out
}

/// Numbers that stand before a word for money, with thousands separators.
fn group_sums(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = from
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let unit = after.trim_start();
        let glued = before.ends_with(|c: char| c == '-' || c == ',' || c.is_ascii_alphabetic());
        if !glued && (unit.starts_with('元') || unit.starts_with("yuan")) {
            out.push_str(&grouped_money(number));
        } else {
            out.push_str(number);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Numbers that pages count with.
pub trait Count {
    /// As 64 bits.
    fn count(self) -> u64;
}

macro_rules! counts {
    ($($t:ty),*) => {$(
        impl Count for $t {
            fn count(self) -> u64 {
                u64::try_from(self).unwrap_or(0)
            }
        }
        impl Count for &$t {
            fn count(self) -> u64 {
                u64::try_from(*self).unwrap_or(0)
            }
        }
        impl Count for &&$t {
            fn count(self) -> u64 {
                u64::try_from(**self).unwrap_or(0)
            }
        }
    )*};
}
counts!(u32, u64, usize, i32, i64);

/// Fen by value or by reference, as templates hold them.
pub struct OwnFen(Fen);

impl From<Fen> for OwnFen {
    fn from(fen: Fen) -> OwnFen {
        OwnFen(fen)
    }
}

impl From<&Fen> for OwnFen {
    fn from(fen: &Fen) -> OwnFen {
        OwnFen(*fen)
    }
}

impl From<&&Fen> for OwnFen {
    fn from(fen: &&Fen) -> OwnFen {
        OwnFen(**fen)
    }
}

impl IntoResponse for Trouble {
    /// The status only; the guard writes the page, since it knows the language.
    fn into_response(self) -> Response {
        let status = match &self {
            Trouble::NotFound(_) => StatusCode::NOT_FOUND,
            Trouble::Input(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Trouble::Conflict(_) => StatusCode::CONFLICT,
            Trouble::SignIn => StatusCode::UNAUTHORIZED,
            Trouble::Forbidden => StatusCode::FORBIDDEN,
            Trouble::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if let Trouble::Internal(text) = &self {
            tracing::error!(%text, "a request failed");
        }
        let mut response = status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: &'a Page,
    status: u16,
    kind: &'static str,
    text: String,
}

/// The page that tells of a trouble.
pub fn error_page(page: &Page, status: StatusCode, trouble: &Trouble) -> Response {
    let (kind, text) = match trouble {
        Trouble::NotFound(_) => ("not-found", String::new()),
        Trouble::Input(text) => ("input", page.say(text)),
        Trouble::Conflict(text) => ("conflict", page.say(text)),
        Trouble::SignIn => ("sign-in", String::new()),
        Trouble::Forbidden => ("forbidden", String::new()),
        Trouble::Internal(_) => ("internal", String::new()),
    };
    let template = ErrorPage {
        page,
        status: status.as_u16(),
        kind,
        text,
    };
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/plain; charset=utf-8"),
            )],
            format!("this page can't be written: {error}"),
        )
            .into_response(),
    }
}

/// Percent-encodes everything but unreserved characters, for paths and queries.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char);
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Undoes percent-encoding and `+`.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = || {
            text.get(i + 1..i + 3)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        };
        match bytes[i] {
            b'+' => out.push(b' '),
            b'%' => match hex() {
                Some(byte) => {
                    out.push(byte);
                    i += 2;
                }
                None => out.push(b'%'),
            },
            byte => out.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The pairs of a query or of a form's body.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_reads_back() {
        for text in ["民发〔2021〕57号", "a b&c=d/e?f", "%", "100%+"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(
            parse_query("a=1&b=%E7%94%B2&c"),
            [
                ("a".into(), "1".into()),
                ("b".into(), "甲".into()),
                ("c".into(), String::new()),
            ]
        );
    }

    #[test]
    fn sums_in_sentences_are_grouped_and_nothing_else_is() {
        assert_eq!(
            group_sums("标准 823 元乘 2 人为 1646 元，〔2021〕57号，2026-10-01，1234567.5 元。"),
            "标准 823 元乘 2 人为 1,646 元，〔2021〕57号，2026-10-01，1,234,567.50 元。"
        );
        assert_eq!(
            group_sums("of 19752 yuan in 2026"),
            "of 19,752 yuan in 2026"
        );
        assert_eq!(grouped_money("-12345.6"), "−12,345.60");
        assert_eq!(grouped_money("在业"), "在业");
        assert_eq!(grouped_money("1000"), "1,000");
    }
}
