//! Changes and missing facts in words.

use super::super::prelude::{Type, Unit};
use super::document::{Alters, Change, Deciding, Fact};
use super::tree;
use crate::programme::Bilingual;
use base::Fen;
use serde_json::Value as Json;

fn whose(member: Option<usize>) -> Bilingual {
    match member {
        None => Bilingual::default(),
        Some(n) => Bilingual {
            zh: format!("第 {} 位成员的", n + 1),
            en: format!(" of member {}", n + 1),
        },
    }
}

fn name(fact: &Fact) -> Bilingual {
    let whose = whose(fact.member);
    let (piece_zh, piece_en) = match fact.piece {
        None => (String::new(), String::new()),
        Some(n) => (format!("（第 {n} 项）"), format!(" (piece {n})")),
    };
    let field = fact
        .field
        .as_ref()
        .map_or_else(String::new, |f| format!("·{f}"));
    let en = if fact.en.is_empty() {
        &fact.kind
    } else {
        &fact.en
    };
    Bilingual {
        zh: format!("{}{}{piece_zh}{field}", whose.zh, fact.kind),
        en: format!("{en}{piece_en}{field}{}", whose.en),
    }
}

fn shown(value: &Json, zh: bool) -> String {
    match (value, zh) {
        (Json::Null, true) => "无".into(),
        (Json::Null, false) => "none".into(),
        (Json::Bool(true), true) => "是".into(),
        (Json::Bool(false), true) => "否".into(),
        (Json::Bool(true), false) => "yes".into(),
        (Json::Bool(false), false) => "no".into(),
        (Json::String(text), _) => text.clone(),
        (other, _) => other.to_string(),
    }
}

/// A change in words; `was` is the amount that is owed as things are.
pub(super) fn change_words(change: &Change, was: Option<Fen>, ty: &Type) -> Bilingual {
    let name = name(&change.fact);
    let unit = ty.unit().filter(|u| *u != Unit::Plain);
    let (unit_zh, unit_en) = unit.map_or_else(Default::default, |u| {
        (format!(" {}", u.zh()), format!(" {}", u.en()))
    });
    let mut then = tree::verdict(&change.outcome);
    if let "true" | "false" | "known" = change.outcome.as_str() {
        then = Bilingual {
            zh: shown(&change.result, true),
            en: shown(&change.result, false),
        };
    }
    if let Some(amount) = &change.amount {
        let was = was.filter(|_| change.alters == Alters::Amount);
        let (zh, en) = match was {
            Some(was) => (
                format!("，数额由 {was} 元变为 {amount} 元"),
                format!(", {amount} yuan instead of {was}"),
            ),
            None => (format!("，{amount} 元"), format!(", {amount} yuan")),
        };
        then.zh += &zh;
        then.en += &en;
    }
    if change.removed {
        return Bilingual {
            zh: format!("没有{}：{}。", name.zh, then.zh),
            en: format!("without {}: {}.", name.en, then.en),
        };
    }
    let (from, to) = (&change.from, &change.to);
    Bilingual {
        zh: format!(
            "{}由 {} 改为 {}{unit_zh}：{}。",
            name.zh,
            shown(from, true),
            shown(to, true),
            then.zh
        ),
        en: format!(
            "{} were {}{unit_en} instead of {}: {}.",
            name.en,
            shown(to, false),
            shown(from, false),
            then.en
        ),
    }
}

/// What a missing fact would decide, in words.
pub(super) fn deciding_words(deciding: &Deciding) -> Bilingual {
    let fact = deciding.fact.as_ref().map(name);
    let name = fact.unwrap_or_else(|| {
        let whose = whose(deciding.member);
        Bilingual {
            zh: format!("{}{}", whose.zh, deciding.name),
            en: format!("{}{}", deciding.name, whose.en),
        }
    });
    let cases = |zh: bool| -> String {
        let texts: Vec<String> = deciding
            .cases
            .iter()
            .map(|case| {
                let verdict = tree::verdict(&case.outcome);
                let verdict = if zh { verdict.zh } else { verdict.en };
                let value = match &case.to {
                    None => shown(&case.from, zh),
                    Some(to) => format!("{}..{}", shown(&case.from, zh), shown(to, zh)),
                };
                format!("{value} → {verdict}")
            })
            .collect();
        texts.join(if zh { "；" } else { "; " })
    };
    let (zh, en) = match (deciding.cases.is_empty(), deciding.alone) {
        (true, _) => ("：没有记录。".to_string(), ": not recorded.".to_string()),
        (false, true) => (
            format!("即可认定：{}。", cases(true)),
            format!(" alone decides: {}.", cases(false)),
        ),
        (false, false) => (
            format!("：{}。", cases(true)),
            format!(": {}.", cases(false)),
        ),
    };
    Bilingual {
        zh: name.zh + &zh,
        en: name.en + &en,
    }
}
