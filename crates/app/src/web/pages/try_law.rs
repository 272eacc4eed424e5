//! Trying the law on a situation, without any register.

use super::law::TABS;
use super::report::{collect, input};
use crate::web::ask::{Ask, Pairs, Sent};
use crate::web::chart::escape;
use crate::web::page::Page;
use crate::web::source::{Trouble, TryQuery};
use crate::web::tree;
use crate::web::view::law::{TryField, TryPage, TryResult};
use askama::Template;
use axum::response::Response;
use base::Day;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// More members than any form needs.
const MOST_MEMBERS: u32 = 12;

#[derive(Template)]
#[template(path = "try.html")]
struct TryTemplate {
    page: Page,
    f: TryPage,
    place: String,
    day: Day,
    decision: String,
    members: u32,
    fields: String,
    json: String,
    json_open: bool,
    message: String,
    result: Option<TryResult>,
    tree: String,
}

impl TryTemplate {
    fn href(&self, instrument: &str, article: &str) -> String {
        tree::law_href(instrument, article)
    }
}

/// `GET /law/try`
pub async fn form(page: Page, Ask(ask): Ask) -> Result<Response, Trouble> {
    show(page, &ask, Value::Object(Map::new()), false).await
}

/// `POST /law/try`
pub async fn send(page: Page, Sent(sent): Sent) -> Result<Response, Trouble> {
    if sent.get("how") == "json" {
        return match serde_json::from_str(sent.get("json")) {
            Ok(given) => show(page, &sent, given, true).await,
            Err(error) => Err(Trouble::input(
                format!("JSON 有误：{error}"),
                format!("this is not JSON: {error}"),
            )),
        };
    }
    show(page, &sent, Value::Null, true).await
}

/// The page; `given` null: taken from the form's fields.
async fn show(
    page: Page,
    pairs: &Pairs,
    given: Value,
    evaluate: bool,
) -> Result<Response, Trouble> {
    let source = page.site.source.clone();
    let day = pairs.day("day").unwrap_or_else(|| page.today());
    let index = source.law_index(None, None).await?;
    let place = match pairs.get("place") {
        "" => page.viewer().map_or_else(
            || {
                index
                    .places
                    .last()
                    .map(|p| p.id.clone())
                    .unwrap_or_default()
            },
            |viewer| viewer.area.clone(),
        ),
        place => place.to_string(),
    };
    let mut f = source.try_form(&place, day, pairs.get("decision")).await?;
    let mut decision = pairs.get("decision").to_string();
    if decision.is_empty() {
        decision = f
            .decisions
            .first()
            .map(|d| d.id.clone())
            .unwrap_or_default();
        f = source.try_form(&place, day, &decision).await?;
    }
    let members = pairs.number("members").unwrap_or(1).min(MOST_MEMBERS);
    let from_json = !given.is_null();
    let given = if from_json {
        given
    } else {
        situation(pairs, &f, members)
    };
    let members = if from_json && evaluate {
        count_members(&given, &f)
    } else {
        members
    };
    let (mut result, mut message, mut drawn) = (None, String::new(), String::new());
    if evaluate {
        let query = TryQuery {
            place: place.clone(),
            day,
            decision: decision.clone(),
            given: given.clone(),
        };
        match source.try_law(query).await {
            Ok(found) => {
                drawn = tree::render(
                    &page,
                    &found.nodes,
                    &found.roots,
                    &member_names(&page, members),
                );
                result = Some(found);
            }
            Err(Trouble::Input(text)) => message = page.say(&text),
            Err(other) => return Err(other),
        }
    }
    let fields = fields(&page, &f, members, &given);
    let json = serde_json::to_string_pretty(&given).unwrap_or_default();
    let template = TryTemplate {
        f,
        place,
        day,
        decision,
        members,
        fields,
        json,
        json_open: from_json && evaluate,
        message,
        result,
        tree: drawn,
        page: page.clone(),
    };
    Ok(page.render(&template))
}

fn member_names(page: &Page, members: u32) -> Vec<String> {
    (1..=members.max(1))
        .map(|n| page.n("member-n", n))
        .collect()
}

/// Names of the parts of a situation, in either language of law files; the first is written.
const MEMBERS: [&str; 2] = ["成员", "members"];
const HOUSEHOLD: [&str; 2] = ["家庭", "household"];
const EVENT: [&str; 2] = ["事件", "event"];

fn part<'v>(given: &'v Value, names: [&str; 2]) -> &'v Value {
    names
        .iter()
        .find_map(|name| given.get(name))
        .unwrap_or(&Value::Null)
}

fn members_of<'v>(given: &'v Value, f: &TryPage) -> Vec<&'v Value> {
    let home = if f.person {
        part(given, HOUSEHOLD)
    } else {
        given
    };
    let others = part(home, MEMBERS).as_array().into_iter().flatten();
    if f.person {
        std::iter::once(given).chain(others).collect()
    } else {
        others.collect()
    }
}

fn count_members(given: &Value, f: &TryPage) -> u32 {
    u32::try_from(members_of(given, f).len())
        .unwrap_or(MOST_MEMBERS)
        .min(MOST_MEMBERS)
}

/// The situation that the form's fields describe: about a household, its facts with a list of members;
/// about a person, the person's facts with the household and its other members beside.
fn situation(pairs: &Pairs, f: &TryPage, members: u32) -> Value {
    let object = |prefix: &str, fields: &[TryField]| -> Map<String, Value> {
        fields
            .iter()
            .map(|field| {
                let name = format!("{prefix}{}", field.kind.id);
                (field.kind.id.clone(), collect(pairs, &name, &field.input))
            })
            .filter(|(_, value)| !value.is_null())
            .collect()
    };
    let mut home = object("h.", &f.household);
    let first = u32::from(f.person);
    let list: Vec<Value> = (first..members)
        .map(|n| Value::Object(object(&format!("m{n}."), &f.member)))
        .collect();
    if !list.is_empty() {
        home.insert(MEMBERS[0].to_string(), Value::Array(list));
    }
    let mut given = if f.person {
        let mut own = object("m0.", &f.member);
        if !home.is_empty() {
            own.insert(HOUSEHOLD[0].to_string(), Value::Object(home));
        }
        own
    } else {
        home
    };
    if let Some(event) = &f.event {
        let value = collect(pairs, "event", &event.input);
        if !value.is_null() {
            given.insert(EVENT[0].to_string(), value);
        }
    }
    Value::Object(given)
}

fn fields(page: &Page, f: &TryPage, members: u32, given: &Value) -> String {
    let mut out = String::new();
    if let Some(event) = &f.event {
        let label = page.say(&event.kind.name);
        out.push_str(&input(
            page,
            &label,
            "event",
            &event.input,
            part(given, EVENT),
        ));
    }
    let home = if f.person {
        part(given, HOUSEHOLD)
    } else {
        given
    };
    group(
        page,
        &mut out,
        page.t("the-household"),
        "h.",
        &f.household,
        home,
    );
    let list = members_of(given, f);
    for n in 0..members.max(u32::from(f.person)) {
        let one = list.get(n as usize).copied().unwrap_or(&Value::Null);
        group(
            page,
            &mut out,
            page.n("member-n", n + 1),
            &format!("m{n}."),
            &f.member,
            one,
        );
    }
    out
}

fn group(
    page: &Page,
    out: &mut String,
    legend: String,
    prefix: &str,
    fields: &[TryField],
    given: &Value,
) {
    if fields.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<fieldset class=\"grid\"><legend>{}</legend>",
        escape(&legend)
    );
    for field in fields {
        let mut label = page.say(&field.kind.name);
        if !field.unit.is_empty() {
            label = format!("{label} ({})", field.unit);
        }
        if field.absent == "missing" {
            label.push_str(" *");
        }
        let value = given.get(&field.kind.id).unwrap_or(&Value::Null);
        let name = format!("{prefix}{}", field.kind.id);
        let _ = write!(
            out,
            "<div>{}</div>",
            input(page, &label, &name, &field.input, value)
        );
    }
    out.push_str("</fieldset>");
}
