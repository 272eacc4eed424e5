//! What changed between two laws, or between two days of one, in words: figures, rules, rows of tables,
//! articles, programmes; and for which worked examples the outcome changes.

use super::corpus::Law;
use super::edition::LawError;
use super::model::{Block, Instrument, RuleBody, RuleText};
use super::outcomes::{self, OutcomeChange, Side};
use super::source::say;
use crate::programme::{Bilingual, Programme, Subject};
use base::Day;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that differs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Diff {
    /// What the texts say otherwise.
    pub changes: Vec<Change>,
    /// What comes out otherwise.
    pub outcomes: Vec<OutcomeChange>,
}

impl Diff {
    /// Does nothing differ?
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.outcomes.is_empty()
    }
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// What it is.
    pub what: What,
    /// Its name: a rule's, a parameter's, an instrument's number, an article's citation.
    pub name: String,
    /// Where and since when, as far as it is not in the name.
    pub at: String,
    /// As it was; null for what is new.
    pub before: Json,
    /// As it is; null for what is gone.
    pub after: Json,
    /// The change in words, one line or several.
    pub words: Bilingual,
}

/// What kind of thing differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A law file.
    Instrument,
    /// The restatement of an article.
    Article,
    /// A figure.
    Parameter,
    /// A rule, table or function.
    Rule,
    /// A programme.
    Programme,
    /// A kind of evidence.
    Evidence,
}

impl What {
    /// Chinese and English.
    pub fn words(self) -> Bilingual {
        match self {
            What::Instrument => say("文件", "instrument"),
            What::Article => say("条文", "article"),
            What::Parameter => say("参数", "parameter"),
            What::Rule => say("规则", "rule"),
            What::Programme => say("制度", "programme"),
            What::Evidence => say("证据", "evidence"),
        }
    }
}

/// What differs between two laws: two folders, or a law and the same with reforms.
pub fn laws(before: &Law, after: &Law) -> Diff {
    let mut changes = instruments(before, after);
    changes.extend(rows(before, after));
    changes.extend(rules(before, after));
    changes.extend(programmes(before, after));
    changes.extend(evidence(before, after));
    let side = |law: &Law| Side {
        law: law.clone(),
        at: None,
    };
    Diff {
        changes,
        outcomes: outcomes::changes(&side(before), &side(after)),
    }
}

/// What differs at a place between two days of one law.
///
/// # Errors
/// When there is no such place.
pub fn days(law: &Law, place: &str, before: Day, after: Day) -> Result<Diff, LawError> {
    let changes = [
        instruments_in_force(law, place, before, after),
        held(
            What::Parameter,
            figures(law, place, before)?,
            figures(law, place, after)?,
        ),
        held(
            What::Rule,
            rules_held(law, place, before)?,
            rules_held(law, place, after)?,
        ),
        held(
            What::Programme,
            programmes_held(law, place, before)?,
            programmes_held(law, place, after)?,
        ),
    ];
    let side = |day: Day| Side {
        law: law.clone(),
        at: Some((place.to_string(), day)),
    };
    Ok(Diff {
        changes: changes.concat(),
        outcomes: outcomes::changes(&side(before), &side(after)),
    })
}

/// What holds under each name: the thing itself and where it stands.
type Held = BTreeMap<String, (Json, String)>;

fn change(what: What, name: String, at: String, before: Json, after: Json) -> Option<Change> {
    let words = sentence(what, &name, &at, &before, &after)?;
    Some(Change {
        what,
        name,
        at,
        before,
        after,
        words,
    })
}

fn held(what: What, before: Held, after: Held) -> Vec<Change> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let nothing = (Json::Null, String::new());
    names
        .into_iter()
        .filter_map(|name| {
            let (was, from) = before.get(name).unwrap_or(&nothing);
            let (is, to) = after.get(name).unwrap_or(&nothing);
            let at = match from == to || from.is_empty() || to.is_empty() {
                true => if to.is_empty() { from } else { to }.clone(),
                false => format!("{from} → {to}"),
            };
            change(what, name.clone(), at, was.clone(), is.clone())
        })
        .collect()
}

/// The change in words; `None` when nothing changed.
fn sentence(what: What, name: &str, at: &str, before: &Json, after: &Json) -> Option<Bilingual> {
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
            zh.push(format!("第 {} 行 {} → {}", n + 1, show(a), show(b)));
            en.push(format!("row {} {} → {}", n + 1, show(a), show(b)));
        }
    } else {
        for (n, row) in old.iter().enumerate().filter(|(_, r)| !new.contains(r)) {
            zh.push(format!("删去第 {} 行 {}", n + 1, show(row)));
            en.push(format!("row {} is gone: {}", n + 1, show(row)));
        }
        for (n, row) in new.iter().enumerate().filter(|(_, r)| !old.contains(r)) {
            zh.push(format!("新增第 {} 行 {}", n + 1, show(row)));
            en.push(format!("row {} is new: {}", n + 1, show(row)));
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

fn rule_name(rule: &RuleText) -> String {
    match rule.subject {
        Subject::Household => rule.name.clone(),
        Subject::Person => format!("成员.{}", rule.name),
    }
}

/// A rule as JSON: the text of an expression, or a table with its head and rows.
fn rule_json(rule: &RuleText) -> Json {
    match &rule.body {
        RuleBody::Expression(text) => json!(format!("{} : {text}", rule.unit)),
        RuleBody::Function(params, text) => json!(format!("({params}) : {} : {text}", rule.unit)),
        RuleBody::Table { hit, header, rows } => {
            json!({"type": rule.unit, "hit": hit, "header": header, "rows": rows})
        }
    }
}

fn dates(from: Option<Day>, to: Option<Day>) -> String {
    let day = |d: Option<Day>| d.map_or_else(String::new, |d| d.to_string());
    format!("{}..{}", day(from), day(to))
}

// Two laws

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
    let key = |r: &super::ParameterRow| (r.place.clone(), r.from, r.known_from, r.reform);
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
            changes.extend(change(
                What::Parameter,
                new.name.to_string(),
                at,
                was,
                json!(row.value),
            ));
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
            super::compile::Read::Rule(who, n) => {
                let subject = [Subject::Household, Subject::Person][who];
                Some((subject, after.corpus.symbols.rules[who][n].name.to_string()))
            }
            super::compile::Read::Function(n) => {
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

fn programme_json(programme: &Programme) -> Json {
    serde_json::to_value(programme).unwrap_or_default()
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

// Two days

fn instruments_in_force(law: &Law, place: &str, before: Day, after: Day) -> Vec<Change> {
    let titles = |day: Day| -> Held {
        let held = law.in_force(place, day).into_iter();
        held.map(|i| {
            let at = format!("{} {}", i.place, dates(Some(i.from), i.to));
            (i.number.clone(), (json!(i.title.zh), at))
        })
        .collect()
    };
    held(What::Instrument, titles(before), titles(after))
}

fn figures(law: &Law, place: &str, day: Day) -> Result<Held, LawError> {
    let edition = law.edition(place, day, None)?;
    let figures = law.parameters().filter_map(|p| {
        let (value, row) = edition.parameter(&p.name)?;
        let at = format!("{} {}", row.place, row.citation.instrument);
        Some((p.name.to_string(), (value, at)))
    });
    Ok(figures.collect())
}

fn rules_held(law: &Law, place: &str, day: Day) -> Result<Held, LawError> {
    let edition = law.edition(place, day, None)?;
    let mut held = Held::new();
    for who in 0..2 {
        for n in 0..edition.rules[who].len() {
            let Some((_, definition)) = edition.definition(who, n) else {
                continue;
            };
            let rule = law.rules().iter().find(|r| {
                r.name == definition.name
                    && r.subject == definition.subject
                    && r.citation == definition.citation
            });
            if let Some(rule) = rule {
                let at = rule.citation.to_string();
                held.insert(rule_name(rule), (rule_json(rule), at));
            }
        }
    }
    Ok(held)
}

fn programmes_held(law: &Law, place: &str, day: Day) -> Result<Held, LawError> {
    let edition = law.edition(place, day, None)?;
    let programmes = edition.programmes().into_iter().map(|p| {
        let cited = p
            .citation
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let mut said = programme_json(p);
        // That another article declares the same is no change of the programme.
        if let Some(map) = said.as_object_mut() {
            map.remove("citation");
        }
        (p.name.clone(), (said, cited))
    });
    Ok(programmes.collect())
}
