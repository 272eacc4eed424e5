//! What a law file says about a programme besides its rules: rhythm, procedure, payment, notices.

use base::Citation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Chinese and English of one text that residents or staff read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bilingual {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// Whom a determination is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A household with its members.
    Household,
    /// One person, with the household in sight.
    Person,
}

/// The beat of a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rhythm {
    /// One determination a month.
    Month,
    /// One per event, such as a hospital stay.
    Event,
    /// One in a lifetime.
    Once,
    /// One per term, such as a school term; counted by its first month.
    Term,
}

/// Which day of a month its determination looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// The first day.
    #[default]
    First,
    /// The last day.
    Last,
}

/// Does an entitlement need somebody to apply?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationRule {
    /// Only after an application was granted by a human decision.
    #[default]
    Required,
    /// The determination alone entitles.
    Automatic,
}

/// The first month that is owed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// The month after the decision.
    #[default]
    MonthAfterDecision,
    /// The month of the application.
    MonthOfApplication,
    /// The month of the decision.
    SameMonth,
}

/// Payment terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentTerms {
    /// Latest day of the month on which a month's money is paid.
    pub day: u32,
    /// What the bank statement says.
    pub purpose: String,
}

/// How overpaid money may be recovered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryTerms {
    /// The largest share, in percent, of each later payment that may be withheld; absent: no
    /// withholding, repayment only.
    #[serde(default)]
    pub cap_percent: Option<u32>,
    /// Amounts up to this many yuan are waived; absent: none.
    #[serde(default)]
    pub waive_up_to: Option<i64>,
}

/// A length of time as deadlines are written: `30 wd`, `7 d`, `6 m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Term {
    /// Working days 工作日.
    WorkingDays(u32),
    /// Calendar days.
    Days(u32),
    /// Calendar months.
    Months(u32),
}

impl TryFrom<String> for Term {
    type Error = String;
    fn try_from(text: String) -> Result<Term, String> {
        let error =
            || format!("`{text}` is not a term; write `30 wd` (working days), `7 d` or `6 m`");
        let (number, unit) = text.trim().split_once(' ').ok_or_else(error)?;
        let number = number.parse().map_err(|_| error())?;
        match unit.trim() {
            "wd" => Ok(Term::WorkingDays(number)),
            "d" => Ok(Term::Days(number)),
            "m" => Ok(Term::Months(number)),
            _ => Err(error()),
        }
    }
}

impl From<Term> for String {
    fn from(term: Term) -> String {
        match term {
            Term::WorkingDays(n) => format!("{n} wd"),
            Term::Days(n) => format!("{n} d"),
            Term::Months(n) => format!("{n} m"),
        }
    }
}

/// Who does a step, and who may see a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Community worker 社区工作者.
    Community,
    /// Caseworker 街道经办.
    Caseworker,
    /// Approver 区级审核.
    Approver,
    /// Finance officer 财务.
    Finance,
    /// Auditor 审计.
    Auditor,
    /// Policy analyst 政策分析.
    Analyst,
}

/// One step of a procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Stable name within the procedure.
    pub id: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    pub en: String,
    /// Who does it.
    pub role: Role,
    /// To be done within this term after the step before it.
    #[serde(default)]
    pub within: Option<Term>,
    /// The step must stand this long before it can end (a public notice).
    #[serde(default)]
    pub runs: Option<Term>,
    /// Fields that the step publishes, and no others.
    #[serde(default)]
    pub publishes: Vec<String>,
}

/// How often a running entitlement is reviewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Review {
    /// A rule that gives a number of months for the household at hand.
    Rule(String),
    /// The same number of months for all.
    Fixed {
        /// Months between reviews.
        months: u32,
    },
}

/// The human procedure round a determination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Procedure {
    /// In order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// The whole, from acceptance to decision.
    #[serde(default)]
    pub total: Option<Term>,
    /// The whole in special cases.
    #[serde(default)]
    pub total_special: Option<Term>,
    /// The review rhythm.
    #[serde(default)]
    pub review: Option<Review>,
    /// Must the recipient be heard before an amount is reduced or ended?
    #[serde(default)]
    pub hearing_before_reduction: bool,
    /// How long one can object after the notice.
    #[serde(default)]
    pub objection: Option<Term>,
}

/// A scheme, as a law file declares it. See `docs/law-format.md`, "Programmes".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Programme {
    /// Stable ASCII id.
    pub id: String,
    /// Name in the law's language; the directive's argument.
    #[serde(default)]
    pub name: String,
    /// English name.
    pub en: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Its beat.
    pub rhythm: Rhythm,
    /// For event programmes: the evidence kind whose pieces are the events.
    #[serde(default)]
    pub event: Option<String>,
    /// The reference day of a month.
    #[serde(default)]
    pub reference: Reference,
    /// Boolean rule: false means the programme is not in question for this subject.
    #[serde(default)]
    pub applies: Option<String>,
    /// Boolean rules in order; the first false one refuses.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// The rule that gives the amount (or, for programmes without money, the result).
    pub amount: String,
    /// Unit of the amount.
    #[serde(default)]
    pub unit: String,
    /// Rules shown as the parts of the amount.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Rule name → type: values handed to the next period.
    #[serde(default)]
    pub carry: BTreeMap<String, String>,
    /// `year`: an event programme's carry starts anew each calendar year.
    #[serde(default)]
    pub carry_over: Option<String>,
    /// Application needed?
    #[serde(default)]
    pub application: ApplicationRule,
    /// First month owed.
    #[serde(default)]
    pub start: Start,
    /// Payment terms; absent: no money moves.
    #[serde(default)]
    pub payment: Option<PaymentTerms>,
    /// Recovery terms.
    #[serde(default)]
    pub recovery: RecoveryTerms,
    /// Human procedure.
    #[serde(default)]
    pub procedure: Procedure,
    /// Notice templates by kind: granted, refused, changed, ended, recovery, arrears.
    #[serde(default)]
    pub notices: BTreeMap<String, Bilingual>,
    /// Where it is declared; filled by the reader.
    #[serde(skip_deserializing, default)]
    pub citation: Option<Citation>,
}
