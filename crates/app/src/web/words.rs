//! The words of the pages, in Chinese and English. Names of programmes, kinds and places are not
//! here: they come from the law and the register.

use base::{Day, Fen, Instant, Month};
use chrono::{FixedOffset, Timelike};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use policy::programme::Bilingual;
use std::sync::OnceLock;
use unic_langid::langid;

/// Source of the Chinese words.
pub const ZH: &str = include_str!("../../locales/zh-CN.ftl");
/// Source of the English words.
pub const EN: &str = include_str!("../../locales/en.ftl");

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// Chinese, the default.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// From `?lang=`, a cookie or a browser's tag: `zh`, `zh-CN`, `en-GB`, …
    pub fn parse(tag: &str) -> Option<Lang> {
        let tag = tag.trim().to_ascii_lowercase();
        match tag.split(['-', '_', ';']).next() {
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` header that the pages speak, by its weight.
    pub fn accept(header: &str) -> Option<Lang> {
        let mut wishes: Vec<(u32, Lang)> = header
            .split(',')
            .filter_map(|wish| {
                let weight = wish
                    .split_once("q=")
                    .and_then(|(_, q)| q.trim().parse::<f32>().ok())
                    .unwrap_or(1.0);
                // Thousandths, so that weights can be ordered.
                Lang::parse(wish).map(|lang| ((weight * 1000.0) as u32, lang))
            })
            .collect();
        wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        wishes.first().map(|(_, lang)| *lang)
    }

    /// As HTML's `lang` attribute and cookies write it.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// The other language, for the switch.
    pub fn other(self) -> Lang {
        match self {
            Lang::Zh => Lang::En,
            Lang::En => Lang::Zh,
        }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static BUNDLES: OnceLock<[FluentBundle<FluentResource>; 2]> = OnceLock::new();
        let both = BUNDLES.get_or_init(|| [read(ZH, Lang::Zh), read(EN, Lang::En)]);
        match self {
            Lang::Zh => &both[0],
            Lang::En => &both[1],
        }
    }

    /// A text without arguments. An unknown key shows itself (a test holds that there is none).
    pub fn t(self, key: &str) -> String {
        self.format(key, None)
    }

    /// A text with a number `n`.
    pub fn n(self, key: &str, n: u64) -> String {
        let mut args = FluentArgs::new();
        args.set("n", FluentValue::from(n));
        args.set("count", grouped(n as i128));
        self.format(key, Some(&args))
    }

    /// A text with one value `v`.
    pub fn f(self, key: &str, v: impl ToString) -> String {
        let mut args = FluentArgs::new();
        args.set("v", v.to_string());
        self.format(key, Some(&args))
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let bundle = self.bundle();
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        match pattern {
            Some(pattern) => {
                let mut errors = Vec::new();
                bundle
                    .format_pattern(pattern, args, &mut errors)
                    .into_owned()
            }
            None => key.to_string(),
        }
    }

    /// The text of a bilingual value; the other language when this one is empty.
    pub fn say(self, text: &Bilingual) -> String {
        let (first, second) = match self {
            Lang::Zh => (&text.zh, &text.en),
            Lang::En => (&text.en, &text.zh),
        };
        if first.is_empty() {
            second.clone()
        } else {
            first.clone()
        }
    }

    /// Yuan with thousands separators: `1,234.50`.
    pub fn money(self, fen: Fen) -> String {
        let sign = if fen.0 < 0 { "−" } else { "" };
        let abs = fen.0.unsigned_abs();
        format!("{sign}{}.{:02}", grouped(i128::from(abs / 100)), abs % 100)
    }

    /// A count with thousands separators.
    pub fn count(self, n: u64) -> String {
        grouped(i128::from(n))
    }

    /// `2026-07-01`, in both languages.
    pub fn day(self, day: Day) -> String {
        day.to_string()
    }

    /// `2026年7月` or `Jul 2026`.
    pub fn month(self, month: Month) -> String {
        match self {
            Lang::Zh => format!("{}年{}月", month.year(), month.month()),
            Lang::En => month.first().format("%b %Y").to_string(),
        }
    }

    /// The moment in Beijing time to the minute: `2026-07-01 09:30`.
    pub fn moment(self, at: Instant) -> String {
        let local = beijing(at);
        format!(
            "{} {:02}:{:02}",
            local.date_naive(),
            local.hour(),
            local.minute()
        )
    }
}

/// China has one official time, eight hours ahead of UTC, without summer time.
pub fn beijing(at: Instant) -> chrono::DateTime<FixedOffset> {
    // Eight hours are within the bounds that the constructor checks; UTC is the harmless fallback.
    let zone = FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| {
        FixedOffset::east_opt(0).unwrap_or_else(|| at.fixed_offset().timezone())
    });
    at.with_timezone(&zone)
}

fn grouped(n: i128) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('−');
    }
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    out
}

fn read(source: &str, lang: Lang) -> FluentBundle<FluentResource> {
    let id = match lang {
        Lang::Zh => langid!("zh-CN"),
        Lang::En => langid!("en"),
    };
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Marks around arguments would show up in titles and CSV files.
    bundle.set_use_isolating(false);
    // The sources are part of the program; a test holds that they parse without an error.
    let resource = match FluentResource::try_new(source.to_string()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    let _ = bundle.add_resource(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(source: &str) -> BTreeSet<String> {
        source
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
            .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim().to_string()))
            .collect()
    }

    #[test]
    fn both_languages_say_the_same_things() {
        for source in [ZH, EN] {
            assert!(
                FluentResource::try_new(source.into()).is_ok(),
                "a locale does not parse"
            );
        }
        let (zh, en) = (keys(ZH), keys(EN));
        assert_eq!(
            zh.difference(&en).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "not in en.ftl"
        );
        assert_eq!(
            en.difference(&zh).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "not in zh-CN.ftl"
        );
    }

    /// Every literal key in a template or page is in the locales. A dynamic key is written
    /// `of("family", x)`: its family must have members.
    #[test]
    fn pages_use_only_words_that_exist() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let known = keys(ZH);
        let mut used = 0;
        let mut stack = vec![
            root.join("templates"),
            root.join("src/web"),
            root.join("src/api"),
        ];
        while let Some(path) = stack.pop() {
            if path.is_dir() {
                stack.extend(
                    std::fs::read_dir(&path)
                        .expect("a folder")
                        .map(|e| e.expect("an entry").path()),
                );
                continue;
            }
            if path.ends_with("words.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            for call in [
                ".t(\"",
                ".n(\"",
                ".f(\"",
                "key: \"",
                "Flash::good(\"",
                "Flash::bad(\"",
            ] {
                for (at, _) in text.match_indices(call) {
                    let key = text[at + call.len()..].split('"').next().unwrap_or("");
                    used += 1;
                    assert!(
                        known.contains(key),
                        "{} uses the unknown word `{key}`",
                        path.display()
                    );
                }
            }
            for (at, _) in text.match_indices(".of(\"") {
                let family = text[at + 5..].split('"').next().unwrap_or("");
                let prefix = format!("{family}-");
                assert!(
                    known.iter().any(|k| k.starts_with(&prefix)),
                    "no word of the family `{family}`"
                );
            }
        }
        assert!(used > 50, "the search for words found only {used}");
    }

    #[test]
    fn numbers_are_grouped_and_accept_language_is_weighed() {
        assert_eq!(Lang::Zh.money(Fen(-123_456_705)), "−1,234,567.05");
        assert_eq!(Lang::En.count(1000), "1,000");
        assert_eq!(Lang::accept("fr, en;q=0.5, zh-CN;q=0.8"), Some(Lang::Zh));
        assert_eq!(Lang::accept("fr"), None);
    }
}
