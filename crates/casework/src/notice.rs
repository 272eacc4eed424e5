//! Letters: the law's templates, filled.

use crate::case::Notice;
use base::{Day, Fen, Id, Instant, Month};
use entitlement::determination::{Determination, SubjectKey};
use entitlement::{Bilingual, Programme, Reason, told};

/// Placeholders in Chinese and English, in the order of [`Fill`].
pub const PLACEHOLDERS: [(&str, &str); 11] = [
    ("申请人", "applicant"),
    ("户", "household"),
    ("月份", "month"),
    ("金额", "amount"),
    ("原金额", "before"),
    ("新金额", "after"),
    ("差额", "difference"),
    ("理由", "reason"),
    ("条款", "article"),
    ("期限", "deadline"),
    ("说明", "explanation"),
];

/// Kinds of notices that a programme may bring templates for.
pub const KINDS: [&str; 6] = [
    "granted", "refused", "changed", "ended", "recovery", "arrears",
];

/// What a letter tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Name of the applicant or the head of the household.
    pub applicant: String,
    /// Household, as people call it: the head's name.
    pub household: String,
    /// First and last month it is about.
    pub months: Option<(Month, Month)>,
    /// The amount of a month.
    pub amount: Option<Fen>,
    /// Owed before.
    pub before: Option<Fen>,
    /// Owed now.
    pub after: Option<Fen>,
    /// In all: arrears or overpaid.
    pub difference: Option<Fen>,
    /// Grounds in words.
    pub reason: Bilingual,
    /// Articles.
    pub article: String,
    /// Last day to object, to pay back, to answer.
    pub deadline: Option<Day>,
    /// The determination in three or four sentences, with its figures and articles.
    pub explanation: Bilingual,
}

/// A letter that can't be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The programme has no text for this kind of letter.
    #[error("programme {programme} has no template for notices of the kind `{kind}`")]
    NoTemplate {
        /// Programme id.
        programme: String,
        /// Kind.
        kind: String,
    },
    /// The template asks for something that is not known here.
    #[error("the template `{kind}` of {programme} has {{{name}}}, which is not known for it")]
    Unfilled {
        /// Programme id.
        programme: String,
        /// Kind.
        kind: String,
        /// The placeholder.
        name: String,
    },
}

/// The sentences of the determination's reasons, joined, and their articles.
pub fn grounds(reasons: &[Reason]) -> (Bilingual, String) {
    let join = |texts: Vec<&str>, mark: &str| {
        let mut seen: Vec<&str> = Vec::new();
        for text in texts {
            if !text.is_empty() && !seen.contains(&text) {
                seen.push(text);
            }
        }
        seen.join(mark)
    };
    let text = Bilingual {
        zh: join(reasons.iter().map(|r| r.text.zh.as_str()).collect(), ""),
        en: join(reasons.iter().map(|r| r.text.en.as_str()).collect(), " "),
    };
    let articles: Vec<String> = reasons
        .iter()
        .map(|r| format!("{} {}", r.instrument, r.article))
        .collect();
    let articles = join(articles.iter().map(String::as_str).collect(), "、");
    (text, articles)
}

/// A determination's short form: outcome, what decides it with its articles, the parts of the amount.
pub fn explanation(programme: &Programme, determination: &Determination) -> Bilingual {
    let d = determination;
    told(programme, &d.outcome, &d.reasons, &d.lines)
}

impl Fill {
    fn value(&self, name: &str, english: bool) -> Option<String> {
        let index = PLACEHOLDERS
            .iter()
            .position(|(zh, en)| *zh == name || *en == name)?;
        let money = |fen: Option<Fen>| fen.map(|f| f.to_string());
        let text = |t: &str| Some(t.to_string()).filter(|t| !t.is_empty());
        match index {
            0 => text(&self.applicant),
            1 => text(&self.household),
            2 => self.months.map(|(from, to)| match (from == to, english) {
                (true, _) => from.to_string(),
                (false, false) => format!("{from}至{to}"),
                (false, true) => format!("{from} to {to}"),
            }),
            3 => money(self.amount),
            4 => money(self.before),
            5 => money(self.after),
            6 => money(self.difference),
            7 => text(if english {
                &self.reason.en
            } else {
                &self.reason.zh
            }),
            8 => text(&self.article),
            9 => self.deadline.map(|d| d.to_string()),
            _ => text(if english {
                &self.explanation.en
            } else {
                &self.explanation.zh
            }),
        }
    }
}

/// Splits a template at its placeholders: text, name, text, name, … A brace that does not close is text.
fn pieces(template: &str) -> Vec<(&str, Option<&str>)> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else {
            break;
        };
        found.push((before, Some(name.trim())));
        rest = tail;
    }
    found.push((rest, None));
    found
}

/// Placeholders of a template that no letter fills: to be refused when the law is loaded.
pub fn check_template(template: &Bilingual) -> Vec<String> {
    let known = |name: &str| {
        PLACEHOLDERS
            .iter()
            .any(|(zh, en)| *zh == name || *en == name)
    };
    [&template.zh, &template.en]
        .into_iter()
        .flat_map(|text| pieces(text))
        .filter_map(|(_, name)| name)
        .filter(|name| !known(name))
        .map(Into::into)
        .collect()
}

/// Everything that is wrong with a programme's templates: `kind: {name}`, and kinds that nothing sends.
pub fn check_programme(programme: &Programme) -> Vec<String> {
    let mut wrong = Vec::new();
    for (kind, template) in &programme.notices {
        if !KINDS.contains(&kind.as_str()) {
            wrong.push(kind.clone());
        }
        wrong.extend(
            check_template(template)
                .into_iter()
                .map(|name| format!("{kind}: {{{name}}}")),
        );
    }
    wrong
}

/// The letter's text.
///
/// # Errors
/// No such template, or a placeholder that is not known here: a letter with a hole is not sent.
pub fn render(programme: &Programme, kind: &str, fill: &Fill) -> Result<Bilingual, NoticeError> {
    let template = programme
        .notices
        .get(kind)
        .ok_or_else(|| NoticeError::NoTemplate {
            programme: programme.id.clone(),
            kind: kind.into(),
        })?;
    let side = |text: &str, english: bool| {
        let mut out = String::new();
        for (plain, name) in pieces(text) {
            out.push_str(plain);
            if let Some(name) = name {
                let value = fill.value(name, english);
                out.push_str(&value.ok_or_else(|| NoticeError::Unfilled {
                    programme: programme.id.clone(),
                    kind: kind.into(),
                    name: name.into(),
                })?);
            }
        }
        Ok(out)
    };
    Ok(Bilingual {
        zh: side(&template.zh, false)?,
        en: side(&template.en, true)?,
    })
}

/// A letter. Its id follows from what it tells (`about`: the determination, the recovery, the case),
/// so that the same news is told once.
///
/// # Errors
/// As [`render`].
pub fn write(
    programme: &Programme,
    kind: &str,
    subject: &SubjectKey,
    about: &[Id],
    fill: &Fill,
    objection_until: Option<Day>,
    now: Instant,
) -> Result<Notice, NoticeError> {
    let mut parts: Vec<String> = vec!["notice".into(), kind.into(), subject.id.to_string()];
    parts.extend(about.iter().map(Id::to_string));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(Notice {
        id: Id::derive(&parts),
        shard: subject.shard.clone(),
        subject: subject.clone(),
        programme: programme.id.clone(),
        kind: kind.into(),
        text: render(programme, kind, fill)?,
        objection_until,
        made_at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use entitlement::Outcome;

    fn bilingual(zh: &str, en: &str) -> Bilingual {
        Bilingual {
            zh: zh.into(),
            en: en.into(),
        }
    }

    fn programme(zh: &str, en: &str) -> Programme {
        let mut p: Programme = serde_json::from_value(serde_json::json!({
            "id": "jia", "name": "甲津贴", "en": "A", "subject": "household", "rhythm": "month", "amount": "甲"
        }))
        .expect("a programme");
        p.notices.insert("granted".into(), bilingual(zh, en));
        p
    }

    #[test]
    fn both_languages_are_filled() {
        let p = programme(
            "{申请人}：{月份}起 {金额} 元",
            "{applicant}: {amount} yuan from {month}",
        );
        let fill = Fill {
            applicant: "甲某".into(),
            months: Some(("2026-03".parse().expect("m"), "2026-04".parse().expect("m"))),
            amount: Some(Fen(12_350)),
            ..Fill::default()
        };
        assert_eq!(
            render(&p, "granted", &fill),
            Ok(bilingual(
                "甲某：2026-03至2026-04起 123.50 元",
                "甲某: 123.50 yuan from 2026-03 to 2026-04"
            ))
        );
    }

    #[test]
    fn the_short_form_gives_the_outcome_and_what_decides_it_with_its_article() {
        let p = programme("{说明}", "{explanation}");
        let reasons = [Reason {
            article: "第二条".into(),
            instrument: "甲办法".into(),
            rule: "甲条件".into(),
            text: bilingual("收入 900 元，标准 600 元。", "Income 900, standard 600."),
        }];
        let refused = Outcome::Refused {
            condition: "甲条件".into(),
        };
        let fill = Fill {
            explanation: told(&p, &refused, &reasons, &[]),
            ..Fill::default()
        };
        assert_eq!(
            render(&p, "granted", &fill),
            Ok(bilingual(
                "甲津贴：不符合“甲条件”。收入 900 元，标准 600 元（甲办法 第二条）。",
                "A: refused, “甲条件” is not met. Income 900, standard 600 (甲办法 第二条)."
            ))
        );
    }

    #[test]
    fn a_letter_with_a_hole_is_not_sent() {
        let p = programme("{理由}", "{reason}");
        assert!(matches!(
            render(&p, "granted", &Fill::default()),
            Err(NoticeError::Unfilled { name, .. }) if name == "理由"
        ));
        assert!(render(&p, "ended", &Fill::default()).is_err());
    }

    #[test]
    fn unknown_placeholders_are_found_before_they_are_needed() {
        let p = programme("{申请人}{工资}", "{applicant} {wage} {");
        assert_eq!(check_programme(&p), ["granted: {工资}", "granted: {wage}"]);
    }
}
