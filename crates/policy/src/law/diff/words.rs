//! A change in words.

use super::super::source::say;
use super::What;
use crate::programme::Bilingual;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The change in words; `None` when nothing changed.
pub(super) fn sentence(
    what: What,
    name: &str,
    at: &str,
    before: &Json,
    after: &Json,
) -> Option<Bilingual> {
    if before == after {
        return None;
    }
    let kind = what.words();
    let (zh, en) = match at.is_empty() {
        true => (format!("{} {name}", kind.zh), format!("{} {name}", kind.en)),
        false => (
            format!("{} {name}（{at}）", kind.zh),
            format!("{} {name} ({at})", kind.en),
        ),
    };
    let short = |v: &Json| !text(v).contains('\n') && text(v).chars().count() <= 60;
    Some(match (before.is_null(), after.is_null()) {
        (true, _) if short(after) => say(
            format!("{zh}：新增 {}", text(after)),
            format!("{en}: new, {}", text(after)),
        ),
        (true, _) => say(format!("{zh}：新增"), format!("{en}: new")),
        (_, true) => say(format!("{zh}：不再有"), format!("{en}: gone")),
        _ if table(before).is_some() && table(after).is_some() => {
            let lines = table_words(before, after);
            say(format!("{zh}：{}", lines.zh), format!("{en}: {}", lines.en))
        }
        _ if before.is_object() && after.is_object() => {
            let keys = keys_that_differ(before, after).join("，");
            say(
                format!("{zh}：{keys}"),
                format!("{en}: {}", keys.replace('，', ", ")),
            )
        }
        _ if short(before) && short(after) => {
            let pair = format!("{} → {}", text(before), text(after));
            say(format!("{zh}：{pair}"), format!("{en}: {pair}"))
        }
        _ => say(format!("{zh}：改写"), format!("{en}: rewritten")),
    })
}

/// A value as lines of text.
pub fn text(value: &Json) -> String {
    if let Some((header, rows)) = table(value) {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let mut lines = vec![line(&header)];
        lines.extend(rows.iter().map(|r| line(r)));
        return lines.join("\n");
    }
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.trim().to_string(),
        other => other.to_string(),
    }
}

type Rows = (Vec<String>, Vec<Vec<String>>);

fn table(value: &Json) -> Option<Rows> {
    let cells = |v: &Json| -> Option<Vec<String>> {
        let cells = v.as_array()?.iter();
        Some(
            cells
                .map(|c| c.as_str().unwrap_or_default().to_string())
                .collect(),
        )
    };
    let rows = value.get("rows")?.as_array()?;
    Some((
        cells(value.get("header")?)?,
        rows.iter().map(cells).collect::<Option<_>>()?,
    ))
}

/// Which rows of a table are otherwise: pairs where the number of rows is the same, else those gone and
/// those new.
fn table_words(before: &Json, after: &Json) -> Bilingual {
    let (Some((head, old)), Some((other, new))) = (table(before), table(after)) else {
        return say("改写", "rewritten");
    };
    let show = |row: &[String]| row.join(" | ");
    // What a reform did to a row's figures.
    let done = |n: usize, language: &str, marks: [&str; 2]| {
        let words = after["scaled"][n.to_string()][language].as_str();
        words.map_or_else(String::new, |w| format!("{}{w}{}", marks[0], marks[1]))
    };
    let zh_done = |n: usize| done(n, "zh", ["（", "）"]);
    let en_done = |n: usize| done(n, "en", [" (", ")"]);
    let mut zh = Vec::new();
    let mut en = Vec::new();
    if head != other {
        zh.push(format!("表头 {} → {}", show(&head), show(&other)));
        en.push(format!("head {} → {}", show(&head), show(&other)));
    }
    for key in ["hit", "type"] {
        if before[key] != after[key] {
            let pair = format!("{key} {} → {}", text(&before[key]), text(&after[key]));
            zh.push(pair.clone());
            en.push(pair);
        }
    }
    if old.len() == new.len() {
        for (n, (a, b)) in old
            .iter()
            .zip(&new)
            .enumerate()
            .filter(|(_, (a, b))| a != b)
        {
            let pair = format!("{} → {}", show(a), show(b));
            zh.push(format!("第 {} 行 {pair}{}", n + 1, zh_done(n)));
            en.push(format!("row {} {pair}{}", n + 1, en_done(n)));
        }
    } else {
        for (n, row) in old.iter().enumerate().filter(|(_, r)| !new.contains(r)) {
            zh.push(format!("删去第 {} 行 {}", n + 1, show(row)));
            en.push(format!("row {} is gone: {}", n + 1, show(row)));
        }
        for (n, row) in new.iter().enumerate().filter(|(_, r)| !old.contains(r)) {
            zh.push(format!("新增第 {} 行 {}{}", n + 1, show(row), zh_done(n)));
            en.push(format!("row {} is new: {}{}", n + 1, show(row), en_done(n)));
        }
    }
    say(zh.join("；"), en.join("; "))
}

fn keys_that_differ(before: &Json, after: &Json) -> Vec<String> {
    let keys = |v: &Json| {
        v.as_object()
            .map(|m| m.keys().cloned().collect::<BTreeSet<_>>())
    };
    let (Some(a), Some(b)) = (keys(before), keys(after)) else {
        return Vec::new();
    };
    a.union(&b)
        .filter(|key| before.get(key.as_str()) != after.get(key.as_str()))
        .map(|key| {
            let show = |v: Option<&Json>| v.map_or_else(|| "—".into(), text);
            let (was, is) = (show(before.get(key)), show(after.get(key)));
            match was.chars().count() + is.chars().count() > 80 {
                true => key.clone(),
                false => format!("{key} {was} → {is}"),
            }
        })
        .collect()
}
