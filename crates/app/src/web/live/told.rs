//! Lines of the journal in words: what happened, without ids, keys or moments of another time zone.

use super::Live;
use crate::web::session::both;
use crate::web::words::Lang;
use base::Fen;
use policy::programme::Bilingual;
use serde_json::Value;

/// Characters of one line; what is longer is cut, since the household's page holds the whole.
const LONGEST: usize = 160;

/// Runs and feeds that sign what they record. Any other name says itself.
pub(super) fn feed(account: &str) -> Bilingual {
    match account {
        "night" => both("who-night"),
        "system" | "" => both("who-system"),
        "import" => both("who-import"),
        "backup" => both("who-backup"),
        name => super::shelf::same(name),
    }
}

impl Live {
    /// The line's detail in one sentence.
    pub(super) fn told(&self, action: &str, detail: &Value) -> Bilingual {
        let text = |name: &str| detail.get(name).and_then(Value::as_str).unwrap_or_default();
        let number = |name: &str| detail.get(name).and_then(Value::as_u64).unwrap_or(0);
        let said = match action {
            "evidence" => {
                let kind = self.shelf.kind(text("kind")).name;
                let (zh, en) = valid(detail);
                let source = text("source");
                Bilingual {
                    zh: format!("{}，{zh}；来源：{source}", kind.zh),
                    en: format!("{}, {en}; source: {source}", english(&kind)),
                }
            }
            "membership" => {
                let member = detail.get("member").and_then(Value::as_bool) == Some(true);
                let (zh, en) = valid(detail);
                let word = both(if member {
                    "register-member"
                } else {
                    "register-not-member"
                });
                Bilingual {
                    zh: format!("{}，{zh}", word.zh),
                    en: format!("{}, {en}", word.en),
                }
            }
            "residence" => {
                let (zh, en) = valid(detail);
                let area = self.area(text("area")).name;
                Bilingual {
                    zh: format!("{}，{zh}", area.zh),
                    en: format!("{}, {en}", english(&area)),
                }
            }
            "award" => {
                let programme = self.shelf.programme(text("programme")).name;
                let (from, to) = (text("from"), text("to"));
                let until = |before: &str| match to {
                    "" => String::new(),
                    to => format!("{before}{to}"),
                };
                Bilingual {
                    zh: format!("{}，{from} 起{}", programme.zh, until("，止于 ")),
                    en: format!("{}, from {from}{}", english(&programme), until(" until ")),
                }
            }
            "apply" => self.shelf.programme(text("programme")).name,
            "case" => {
                let events = detail.get("events").and_then(Value::as_array);
                let mut said = Bilingual::default();
                for event in events.into_iter().flatten() {
                    let what = event
                        .get("happening")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    let granted = event.get("granted").and_then(Value::as_bool);
                    let key = match (what, granted) {
                        ("decided", Some(true)) => "event-granted".into(),
                        ("decided", _) => "event-refused".into(),
                        (other, _) => format!("event-{other}"),
                    };
                    let word = both(&key);
                    if !said.zh.is_empty() {
                        said.zh.push('；');
                        said.en.push_str("; ");
                    }
                    said.zh.push_str(&word.zh);
                    said.en.push_str(&word.en);
                }
                said
            }
            "redetermined" => {
                let list = |name: &str| {
                    let items = detail.get(name).and_then(Value::as_array);
                    let items = items.map(Vec::as_slice).unwrap_or_default();
                    items.iter().filter_map(Value::as_str).collect::<Vec<_>>()
                };
                let periods = list("determinations")
                    .iter()
                    .map(|t| self.period_of(t))
                    .collect::<Vec<_>>();
                let zh: Vec<&str> = periods.iter().map(|p| p.zh.as_str()).collect();
                let en: Vec<&str> = periods.iter().map(|p| p.en.as_str()).collect();
                Bilingual {
                    zh: zh.join("、"),
                    en: en.join(", "),
                }
            }
            "pay" => {
                let programme = self.shelf.programme(text("programme")).name;
                let (month, lines) = (text("month"), number("lines"));
                let total = detail.get("total").and_then(Value::as_i64).unwrap_or(0);
                let total = Lang::Zh.money(Fen(total));
                Bilingual {
                    zh: format!("{} {month}，{lines} 笔，共 {total} 元", programme.zh),
                    en: format!(
                        "{} {month}, {lines} lines, {total} yuan in all",
                        english(&programme)
                    ),
                }
            }
            "reconcile" => {
                let files = listed(detail.get("files"));
                let changed = detail.get("changed").and_then(Value::as_object);
                let (mut zh, mut en) = (Vec::new(), Vec::new());
                for (state, count) in changed.into_iter().flatten() {
                    let word = both(&format!("pay-{state}"));
                    zh.push(format!("{} {count}", word.zh));
                    en.push(format!("{} {count}", word.en));
                }
                Bilingual {
                    zh: format!("{files}：{}", zh.join("，")),
                    en: format!("{files}: {}", en.join(", ")),
                }
            }
            "night" => {
                let (date, checked) = (text("date"), number("checked"));
                let (unexplained, reviews) = (number("unexplained"), number("reviews"));
                Bilingual {
                    zh: format!(
                        "{date}，已查 {checked} 项，无法解释的差异 {unexplained}，到期复核 {reviews}"
                    ),
                    en: format!(
                        "{date}, {checked} checked, {unexplained} unexplained, {reviews} reviews fell due"
                    ),
                }
            }
            "import" => {
                let (file, pieces) = (text("file"), number("evidence"));
                Bilingual {
                    zh: format!("{file}，{pieces} 条证据"),
                    en: format!("{file}, {pieces} pieces of evidence"),
                }
            }
            "erased" => {
                let (kinds, reason) = (listed(detail.get("kinds")), text("reason"));
                Bilingual {
                    zh: format!("{kinds}；理由：{reason}"),
                    en: format!("{kinds}; reason: {reason}"),
                }
            }
            "determine" => {
                let programme = self.shelf.programme(text("programme")).name;
                let month = text("month");
                Bilingual {
                    zh: format!("{} {month}", programme.zh),
                    en: format!("{} {month}", english(&programme)),
                }
            }
            _ => super::shelf::same(&super::trace::plain(detail)),
        };
        Bilingual {
            zh: cut(said.zh),
            en: cut(said.en),
        }
    }

    /// `mla 2026-08 v2` as the journal keeps it, with the programme's name and the month in words.
    fn period_of(&self, text: &str) -> Bilingual {
        let mut parts = text.split(' ');
        let (programme, period) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let programme = self.shelf.programme(programme).name;
        let month = |lang: Lang| match period.parse::<base::Month>() {
            Ok(month) => lang.month(month),
            Err(_) if period.starts_with("event:") => lang.t("period-event"),
            Err(_) if period == "once" => lang.t("period-once"),
            Err(_) => period.to_string(),
        };
        Bilingual {
            zh: format!("{} {}", programme.zh, month(Lang::Zh)),
            en: format!("{} {}", english(&programme), month(Lang::En)),
        }
    }
}

/// `2026-10-15 起` and `from 2026-10-15`, with the end when there is one.
fn valid(detail: &Value) -> (String, String) {
    let at = |name: &str| {
        let value = detail.get("valid").and_then(|v| v.get(name));
        value.and_then(Value::as_str).unwrap_or_default()
    };
    match (at("from"), at("to")) {
        (from, "") => (format!("{from} 起"), format!("from {from}")),
        (from, to) => {
            // Periods end before their last day is told.
            let last = base::parse_day(to).ok().and_then(|day| day.pred_opt());
            let last = last.map_or_else(|| to.to_string(), |day| day.to_string());
            (format!("{from} 至 {last}"), format!("{from} to {last}"))
        }
    }
}

fn english(text: &Bilingual) -> &str {
    if text.en.is_empty() {
        &text.zh
    } else {
        &text.en
    }
}

fn listed(value: Option<&Value>) -> String {
    let items = value.and_then(Value::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    texts.join("、")
}

fn cut(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    let mut short: String = text.chars().take(LONGEST).collect();
    short.push('…');
    short
}
