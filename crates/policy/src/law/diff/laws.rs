//! What differs between two laws: two folders, or a law and the same with reforms.

use super::super::ParameterRow;
use super::super::compile::Read;
use super::super::corpus::Law;
use super::super::model::{Block, Instrument, RuleBody, RuleText};
use super::{Change, Held, What, change, dates, held, programme_json, rule_json, rule_name};
use crate::programme::Subject;
use base::Day;
use serde_json::{Value as Json, json};

/// Everything that the texts say otherwise.
pub(super) fn changes(before: &Law, after: &Law) -> Vec<Change> {
    let mut changes = instruments(before, after);
    changes.extend(rows(before, after));
    changes.extend(rules(before, after));
    changes.extend(programmes(before, after));
    changes.extend(evidence(before, after));
    changes
}

fn instruments(before: &Law, after: &Law) -> Vec<Change> {
    let head = |i: &Instrument| {
        json!({
            "title": i.title.zh, "place": i.place, "from": i.from, "to": i.to,
            "status": i.status.name(),
        })
    };
    let mut changes = Vec::new();
    let old = before.instruments().iter();
    let gone = old.filter(|i| after.instrument(&i.number).is_none());
    for i in gone {
        let at = format!("{}:1", i.file);
        changes.extend(change(
            What::Instrument,
            i.number.clone(),
            at,
            head(i),
            Json::Null,
        ));
    }
    for new in after.instruments() {
        let old = before.instrument(&new.number);
        let was = old.map_or(Json::Null, head);
        let at = format!("{}:1", new.file);
        changes.extend(change(
            What::Instrument,
            new.number.clone(),
            at,
            was,
            head(new),
        ));
        if let Some(old) = old {
            changes.extend(articles(old, new));
        }
    }
    changes
}

fn articles(old: &Instrument, new: &Instrument) -> Vec<Change> {
    let texts = |i: &Instrument| -> Held {
        let said = |blocks: &[Block]| {
            let texts = blocks.iter().filter_map(|b| match b {
                Block::Paragraph { text } | Block::Quote { text } => Some(text.as_str()),
                _ => None,
            });
            json!(texts.collect::<Vec<_>>().join("\n"))
        };
        let articles = i.articles.iter();
        articles
            .map(|a| {
                (
                    format!("{} {}", i.number, a.number),
                    (said(&a.blocks), String::new()),
                )
            })
            .collect()
    };
    held(What::Article, texts(old), texts(new))
}

/// Figures by place and day. A row that only one law has is compared with what held before it there.
fn rows(before: &Law, after: &Law) -> Vec<Change> {
    let mut changes = Vec::new();
    let key = |r: &ParameterRow| (r.place.clone(), r.from, r.known_from, r.reform);
    for new in after.parameters() {
        let old = before.parameters().find(|p| p.name == new.name);
        for row in &new.rows {
            let same = old.and_then(|o| o.rows.iter().find(|r| key(r) == key(row)));
            let was = match same {
                Some(same) if (&same.value, same.to) == (&row.value, row.to) => continue,
                Some(same) => json!(same.value),
                None => figure(before, &row.place, row.from, &new.name),
            };
            let mut at = format!("{} {}", row.place, dates(row.from, row.to));
            if row.computed {
                at.push_str(" 计算 computed");
            }
            if let Some(same) = same.filter(|s| s.to != row.to && s.value == row.value) {
                let before = json!({"value": same.value, "to": same.to});
                let after = json!({"value": row.value, "to": row.to});
                changes.extend(change(
                    What::Parameter,
                    new.name.to_string(),
                    at,
                    before,
                    after,
                ));
                continue;
            }
            let name = new.name.to_string();
            let mut one = change(What::Parameter, name, at, was, json!(row.value));
            if let (Some(one), Some(done)) = (&mut one, &row.scaled) {
                one.words.zh.push_str(&format!("（{}）", done.zh));
                one.words.en.push_str(&format!(" ({})", done.en));
            }
            changes.extend(one);
        }
    }
    for old in before.parameters() {
        let new = after.parameters().find(|p| p.name == old.name);
        for row in &old.rows {
            if new.is_some_and(|n| n.rows.iter().any(|r| key(r) == key(row))) {
                continue;
            }
            let at = format!("{} {}", row.place, dates(row.from, row.to));
            let is = figure(after, &row.place, row.from, &old.name);
            changes.extend(change(
                What::Parameter,
                old.name.to_string(),
                at,
                json!(row.value),
                is,
            ));
        }
    }
    changes
}

/// The figure that holds at a place on a day, as it is written.
fn figure(law: &Law, place: &str, from: Option<Day>, name: &str) -> Json {
    let day = from.unwrap_or(Day::MIN);
    let edition = law.edition(place, day, None).ok();
    let found = edition.as_ref().and_then(|e| e.parameter(name));
    found.map_or(Json::Null, |(_, row)| json!(row.value))
}

/// Rules by name and article. A rule that only one law has is compared with the one in force before it
/// at its place on its first day, if there is one.
fn rules(before: &Law, after: &Law) -> Vec<Change> {
    let same = |a: &RuleText, b: &RuleText| {
        (a.subject, &a.name, &a.citation) == (b.subject, &b.name, &b.citation)
    };
    let at = |r: &RuleText| r.citation.to_string();
    let mut changes = Vec::new();
    let mut replaced: Vec<&RuleText> = Vec::new();
    for new in after.rules() {
        let old = match before.rules().iter().find(|r| same(r, new)) {
            Some(old) => Some(old),
            None => in_force_at(after, new).and_then(|i| rule_held(before, &i.place, i.from, new)),
        };
        replaced.extend(old);
        let cited = match old.filter(|o| o.citation != new.citation) {
            Some(old) => format!("{} → {}", at(old), at(new)),
            None => at(new),
        };
        let was = old.map_or(Json::Null, rule_json);
        changes.extend(change(
            What::Rule,
            rule_name(new),
            cited,
            was,
            rule_json(new),
        ));
    }
    for old in before.rules() {
        let stays = after.rules().iter().any(|r| same(r, old));
        if !stays && !replaced.iter().any(|r| same(r, old)) {
            changes.extend(change(
                What::Rule,
                rule_name(old),
                at(old),
                rule_json(old),
                Json::Null,
            ));
        }
    }
    for removal in &after.corpus.removals {
        let instrument = &after.corpus.instruments[removal.instrument];
        let name = match removal.what {
            Read::Rule(who, n) => {
                let subject = [Subject::Household, Subject::Person][who];
                Some((subject, after.corpus.symbols.rules[who][n].name.to_string()))
            }
            Read::Function(n) => {
                let name = after.corpus.symbols.functions[n].name.to_string();
                Some((Subject::Household, name))
            }
            _ => None,
        };
        let Some((subject, name)) = name else {
            continue;
        };
        let old = before
            .in_force(&instrument.place, instrument.from)
            .into_iter()
            .find_map(|i| {
                let mut own = before.rules().iter();
                own.find(|r| {
                    r.name == name && r.subject == subject && r.citation.instrument == i.number
                })
            });
        if let Some(old) = old {
            let cited = format!("{} → {}", at(old), instrument.number);
            changes.extend(change(
                What::Rule,
                rule_name(old),
                cited,
                rule_json(old),
                Json::Null,
            ));
        }
    }
    changes
}

fn in_force_at<'l>(law: &'l Law, rule: &RuleText) -> Option<&'l Instrument> {
    law.instrument(&rule.citation.instrument)
}

/// The rule of a name in force at a place on a day.
fn rule_held<'l>(law: &'l Law, place: &str, day: Day, like: &RuleText) -> Option<&'l RuleText> {
    law.in_force(place, day).into_iter().find_map(|i| {
        law.rules().iter().find(|r| {
            r.name == like.name
                && r.subject == like.subject
                && matches!(r.body, RuleBody::Function(..))
                    == matches!(like.body, RuleBody::Function(..))
                && r.citation.instrument == i.number
        })
    })
}

fn programmes(before: &Law, after: &Law) -> Vec<Change> {
    let mut changes = Vec::new();
    for (new, i) in after.programmes() {
        let same = before
            .programmes()
            .find(|(p, o)| p.id == new.id && o.number == i.number);
        let held = || {
            let edition = before.edition(&i.place, i.from, None).ok()?;
            edition.programme(&new.id).map(programme_json)
        };
        let was = same.map_or_else(|| held().unwrap_or_default(), |(p, _)| programme_json(p));
        let at = i.number.clone();
        changes.extend(change(
            What::Programme,
            new.name.clone(),
            at,
            was,
            programme_json(new),
        ));
    }
    for (old, i) in before.programmes() {
        let stays = after
            .programmes()
            .any(|(p, n)| p.id == old.id && n.number == i.number);
        if !stays {
            let at = i.number.clone();
            let was = programme_json(old);
            changes.extend(change(
                What::Programme,
                old.name.clone(),
                at,
                was,
                Json::Null,
            ));
        }
    }
    changes
}

fn evidence(before: &Law, after: &Law) -> Vec<Change> {
    let kinds = |law: &Law| -> Held {
        let mut held = Held::new();
        for (subject, prefix) in [(Subject::Household, ""), (Subject::Person, "成员.")] {
            for kind in law.kinds(subject) {
                let absent = format!("{:?}", kind.absent_value());
                let said = json!({"type": kind.unit, "absent": absent, "many": kind.many});
                held.insert(format!("{prefix}{}", kind.name), (said, String::new()));
            }
        }
        held
    };
    held(What::Evidence, kinds(before), kinds(after))
}
