//! The district on one page.

use crate::web::ask::Ask;
use crate::web::chart::{Series, bars};
use crate::web::export::{Cell, Format, sheet};
use crate::web::page::{Page, Signed, encode};
use crate::web::source::Trouble;
use crate::web::view::Named;
use crate::web::view::district::{District, DistrictQuery, MonthRow};
use askama::Template;
use axum::response::Response;
use base::Fen;

#[derive(Template)]
#[template(path = "district.html")]
struct DistrictPage {
    page: Page,
    d: District,
    covered_chart: String,
    money_chart: String,
    blank: MonthRow,
}

impl DistrictPage {
    fn is_programme(&self, programme: &Named) -> bool {
        self.d.programme.as_ref() == Some(programme)
    }

    /// The month shown; zeros when nothing was determined for it.
    fn latest(&self) -> &MonthRow {
        self.d
            .months
            .iter()
            .find(|row| row.month == self.d.month)
            .unwrap_or(&self.blank)
    }

    fn list(&self, list: &str) -> String {
        let programme = self.d.programme.as_ref().map_or("", |p| p.id.as_str());
        format!(
            "/lists/{list}?month={}&programme={}&area={}",
            self.d.month,
            encode(programme),
            encode(&self.d.area.id)
        )
    }

    fn list_missing(&self, kind: &str) -> String {
        format!("{}&missing={}", self.list("undetermined"), encode(kind))
    }

    fn share(&self, part: &u64, whole: &u64) -> String {
        percent(*part, *whole)
    }

    fn share_households(&self) -> String {
        percent(self.latest().households, self.d.households)
    }

    fn share_persons(&self) -> String {
        percent(self.latest().persons, self.d.persons)
    }
}

/// `12.3%`, in integers.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_string();
    }
    let thousandths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

/// `GET /`
pub async fn district(signed: Signed, Ask(ask): Ask) -> Result<Response, Trouble> {
    let Signed { viewer, page } = signed;
    let query = DistrictQuery {
        month: ask.month("month"),
        programme: ask.text("programme"),
        area: ask.text("area"),
    };
    let d = page.site.source.district(&viewer, query).await?;
    if let Some(format) = Format::parse(ask.get("format")) {
        return areas_sheet(&page, &d, format);
    }
    let labels: Vec<String> = d.months.iter().map(|row| short_month(&page, row)).collect();
    let covered = [Series {
        name: page.t("covered-households"),
        values: numbers(&d, |r| r.households),
    }];
    let money = [
        Series {
            name: page.t("owed"),
            values: numbers(&d, |r| yuan(r.owed)),
        },
        Series {
            name: page.t("paid"),
            values: numbers(&d, |r| yuan(r.paid)),
        },
    ];
    let covered_chart = bars(&page.t("chart-covered"), &labels, &covered, |n| {
        page.count(n)
    });
    let money_chart = bars(&page.t("chart-money"), &labels, &money, |n| page.count(n));
    let blank = MonthRow {
        month: d.month,
        households: 0,
        persons: 0,
        owed: Fen::ZERO,
        paid: Fen::ZERO,
        returned: Fen::ZERO,
    };
    let template = DistrictPage {
        d,
        covered_chart,
        money_chart,
        blank,
        page: page.clone(),
    };
    Ok(page.render(&template))
}

fn numbers(d: &District, of: impl Fn(&MonthRow) -> u64) -> Vec<u64> {
    d.months.iter().map(of).collect()
}

fn yuan(fen: Fen) -> u64 {
    u64::try_from(fen.0 / 100).unwrap_or(0)
}

fn short_month(page: &Page, row: &MonthRow) -> String {
    match page.visit.lang {
        crate::web::words::Lang::Zh => format!("{}月", row.month.month()),
        crate::web::words::Lang::En => row.month.first().format("%b").to_string(),
    }
}

fn areas_sheet(page: &Page, d: &District, format: Format) -> Result<Response, Trouble> {
    let header = [
        "area-code",
        "area",
        "all-households",
        "covered-households",
        "covered-persons",
        "owed",
        "overdue-tasks",
    ];
    let header: Vec<String> = header.iter().map(|key| page.visit.lang.t(key)).collect();
    let rows = d.children.iter().map(|row| {
        vec![
            Cell::Text(row.area.id.clone()),
            Cell::Text(page.say(&row.area.name)),
            Cell::Number(row.all),
            Cell::Number(row.households),
            Cell::Number(row.persons),
            Cell::Money(row.owed),
            Cell::Number(row.overdue),
        ]
    });
    sheet(
        &format!("areas-{}-{}", d.area.id, d.month),
        &header,
        rows.collect(),
        format,
    )
}
