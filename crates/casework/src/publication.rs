//! Public notices 公示: only the fields that the step lists, and never a minor's name.

use base::{Day, Fen};
use chrono::Months;
use entitlement::{Bilingual, Step};

/// A member, as a public notice could name one.
#[derive(Clone, Debug)]
pub struct Person<'a> {
    /// Name.
    pub name: &'a str,
    /// Date of birth.
    pub birth: Day,
}

/// What a notice could tell.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The applicant.
    pub applicant: Person<'a>,
    /// Number of members.
    pub members: usize,
    /// Proposed amount of a month.
    pub amount: Option<Fen>,
    /// The programme's name.
    pub programme: Bilingual,
}

/// One line of a public notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Field, as the step lists it.
    pub field: String,
    /// What it is called.
    pub label: Bilingual,
    /// What it says.
    pub text: String,
}

/// A field that a public notice cannot show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public notice cannot show `{0}`; there are name, members, amount, programme")]
pub struct UnknownField(pub String);

fn is_minor(person: &Person<'_>, day: Day) -> bool {
    person
        .birth
        .checked_add_months(Months::new(18 * 12))
        .is_none_or(|adult| day < adult)
}

/// The lines of a step's public notice, in the order in which the step lists them. A field that is not
/// known yet is left out.
///
/// # Errors
/// A field that no notice shows.
pub fn publication(step: &Step, facts: &Facts<'_>, day: Day) -> Result<Vec<Line>, UnknownField> {
    let mut lines = Vec::new();
    for field in &step.publishes {
        let (zh, en, text) = match field.as_str() {
            "name" => {
                let minor = is_minor(&facts.applicant, day);
                let name = if minor {
                    "（未成年人 · a minor）"
                } else {
                    facts.applicant.name
                };
                ("申请人", "Applicant", Some(name.to_string()))
            }
            "members" => ("家庭人数", "Members", Some(facts.members.to_string())),
            "amount" => (
                "拟定月金额",
                "Proposed monthly amount",
                facts.amount.map(|f| f.to_string()),
            ),
            "programme" => {
                let Bilingual { zh, en } = &facts.programme;
                ("项目", "Programme", Some(format!("{zh} · {en}")))
            }
            other => return Err(UnknownField(other.into())),
        };
        lines.extend(text.map(|text| Line {
            field: field.clone(),
            label: Bilingual {
                zh: zh.into(),
                en: en.into(),
            },
            text,
        }));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_and_no_minor() {
        let step = |fields: &[&str]| -> Step {
            serde_json::from_value(serde_json::json!({
                "id": "notice", "zh": "公示", "en": "Notice", "role": "community", "publishes": fields
            }))
            .expect("a step")
        };
        let day = |t: &str| base::parse_day(t).expect("a date");
        let facts = |birth| Facts {
            applicant: Person {
                name: "甲某",
                birth: day(birth),
            },
            members: 3,
            amount: Some(Fen::yuan(300)),
            programme: Bilingual::default(),
        };
        let shown = |fields: &[&str], birth| -> Vec<String> {
            publication(&step(fields), &facts(birth), day("2026-05-01"))
                .expect("known fields")
                .into_iter()
                .map(|l| l.text)
                .collect()
        };
        assert_eq!(shown(&["members", "name"], "2008-05-01"), ["3", "甲某"]);
        assert_eq!(shown(&["amount"], "1980-01-01"), ["300.00"]);
        assert!(!shown(&["name"], "2008-05-02").concat().contains("甲某"));
        assert!(publication(&step(&["number"]), &facts("1980-01-01"), day("2026-05-01")).is_err());
    }
}
