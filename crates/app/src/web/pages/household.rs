//! A household, and applying for it.

use crate::web::ask::{Ask, Sent, path_id};
use crate::web::export::{Cell, Format, sheet};
use crate::web::page::{Page, Signed, encode};
use crate::web::session::Flash;
use crate::web::source::Trouble;
use crate::web::view::change::ApplyPage;
use crate::web::view::household::{
    Household, Member, MoneyView, NoticeView, PeriodRow, ProgrammeStrip, VersionRow,
};
use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use base::{Fen, Id};

#[derive(Template)]
#[template(path = "household.html")]
struct HouseholdPage {
    page: Page,
    h: Household,
}

impl HouseholdPage {
    fn gone(&self, member: &Member) -> bool {
        member.died.is_some() || member.left.is_some()
    }

    fn present(&self) -> usize {
        self.h.members.iter().filter(|m| !self.gone(m)).count()
    }

    fn zero(&self, fen: &Fen) -> String {
        if fen.0 == 0 {
            "–".into()
        } else {
            self.page.money(*fen)
        }
    }

    fn why(&self, strip: &ProgrammeStrip, row: &PeriodRow) -> String {
        let person = strip.person.as_ref().map(|p| p.id);
        why_href(self.h.id, person, &strip.programme.id, &row.period)
    }

    fn why_paid(&self, money: &MoneyView, period: &str) -> String {
        let person = money.person.as_ref().map(|p| p.id);
        why_href(self.h.id, person, &money.programme.id, period)
    }

    fn why_version(&self, strip: &ProgrammeStrip, row: &PeriodRow, version: &VersionRow) -> String {
        let href = self.why(strip, row);
        let joint = if href.contains('?') { '&' } else { '?' };
        format!("{href}{joint}version={}", version.version)
    }
}

/// The address of an explanation.
pub fn why_href(household: Id, person: Option<Id>, programme: &str, period: &str) -> String {
    let person = person.map(|id| format!("?person={id}")).unwrap_or_default();
    format!(
        "/households/{household}/why/{}/{}{person}",
        encode(programme),
        encode(period)
    )
}

/// `GET /households/{id}`, with `?format=` its evidence as a file.
pub async fn household(
    signed: Signed,
    Path(id): Path<String>,
    Ask(ask): Ask,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let id = path_id(&id, "household")?;
    let h = page.site.source.household(&viewer, id).await?;
    if let Some(format) = Format::parse(ask.get("format")) {
        return evidence_sheet(&page, &h, format);
    }
    Ok(page.render(&HouseholdPage {
        h,
        page: page.clone(),
    }))
}

fn evidence_sheet(page: &Page, h: &Household, format: Format) -> Result<Response, Trouble> {
    let header = [
        "recorded",
        "who",
        "whose",
        "fact",
        "value",
        "unit",
        "valid-from",
        "valid-to",
        "source",
        "note",
    ];
    let header: Vec<String> = header.iter().map(|key| page.t(key)).collect();
    let rows = h.timeline.iter().map(|row| {
        let whose = row
            .person
            .as_ref()
            .map_or_else(|| page.t("the-household"), |p| p.name.clone());
        let to = row.valid_to.map(|day| day.to_string()).unwrap_or_default();
        let note = if row.superseded {
            page.t("superseded")
        } else {
            String::new()
        };
        [
            page.moment(&row.recorded_at),
            page.who(&row.recorded_by),
            whose,
            page.say(&row.kind.name),
            page.value(&row.value),
            page.unit(&row.unit),
            row.valid_from.to_string(),
            to,
            row.source.clone(),
            note,
        ]
        .map(Cell::Text)
        .to_vec()
    });
    sheet(
        &format!("evidence-{}", h.id),
        &header,
        rows.collect(),
        format,
    )
}

#[derive(Template)]
#[template(path = "letter.html")]
struct LetterPage {
    page: Page,
    h: Household,
    n: NoticeView,
}

/// `GET /households/{id}/letters/{letter}`: a letter by itself, as it is printed and handed over.
pub async fn letter(
    signed: Signed,
    Path((household, letter)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let household = path_id(&household, "household")?;
    let letter = path_id(&letter, "letter")?;
    let h = page.site.source.household(&viewer, household).await?;
    let found = h.notices.iter().find(|n| n.id == letter).cloned();
    let n = found.ok_or(Trouble::NotFound("letter"))?;
    Ok(page.render(&LetterPage {
        h,
        n,
        page: page.clone(),
    }))
}

#[derive(Template)]
#[template(path = "apply.html")]
struct ApplyForm {
    page: Page,
    a: ApplyPage,
    id: Id,
}

/// `3 个工作日`, `7 天`, `6 个月`: a term as the law writes it, in words.
pub fn term(page: &Page, term: &str) -> String {
    match term.split_once(' ') {
        Some((n, unit @ ("wd" | "d" | "m"))) => {
            page.n(&format!("term-{unit}"), n.parse::<u32>().unwrap_or(0))
        }
        _ => term.to_string(),
    }
}

/// `GET /households/{id}/apply/{programme}`
pub async fn apply_form(
    signed: Signed,
    Path((id, programme)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let id = path_id(&id, "household")?;
    let a = page.site.source.apply_form(&viewer, id, &programme).await?;
    Ok(page.render(&ApplyForm {
        a,
        id: Id::mint(),
        page: page.clone(),
    }))
}

/// `POST /households/{id}/apply/{programme}`
pub async fn apply(
    signed: Signed,
    Path((household, programme)): Path<(String, String)>,
    Sent(sent): Sent,
) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let household = path_id(&household, "household")?;
    let id = sent.id("id").ok_or(Trouble::NotFound("form"))?;
    let source = &page.site.source;
    let case = source
        .apply(
            &viewer,
            household,
            sent.id("person"),
            &programme,
            id,
            sent.get("note"),
        )
        .await?;
    Ok(page.go(&format!("/cases/{case}"), Some(Flash::good("applied"))))
}
