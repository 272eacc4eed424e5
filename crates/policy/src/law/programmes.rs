//! Programmes as law files declare them: the YAML block, read with places.

use super::model::ProgrammeText;
use super::source::{Findings, Span, say};
use super::yaml::{Node, Yaml};
use crate::programme::{Programme, Review, Rhythm, Term};

/// A programme with the instrument that declares it; the places of its names are kept in the node.
#[derive(Clone, Debug)]
pub(crate) struct ProgrammeVersion {
    pub programme: Programme,
    pub instrument: usize,
    pub span: Span,
    pub node: Node,
}

const KEYS: [&str; 18] = [
    "id",
    "en",
    "subject",
    "rhythm",
    "event",
    "reference",
    "unit",
    "applies",
    "conditions",
    "amount",
    "lines",
    "carry",
    "carry_over",
    "application",
    "start",
    "payment",
    "recovery",
    "procedure",
];

/// Turns the YAML into a [`Programme`]; `None`, with findings, when it is none.
pub(crate) fn read(text: &ProgrammeText, findings: &mut Findings<'_>) -> Option<ProgrammeVersion> {
    let node = &text.node;
    let Yaml::Map(entries) = &node.value else {
        findings.error(
            "bad-programme",
            &node.span,
            say(
                "制度声明不是 `键: 值` 的形式",
                "a programme is made of `key: value` lines",
            ),
            say(
                "见 docs/law-format.md 的 Programmes",
                "see Programmes in docs/law-format.md",
            ),
        );
        return None;
    };
    let mut fine = true;
    for (key, _) in entries {
        let name = key.text();
        if name == "notices" || KEYS.contains(&name.as_str()) {
            continue;
        }
        fine = false;
        let hint = super::report::closest(&name, KEYS.into_iter().chain(["notices"]));
        findings.error(
            "bad-programme",
            &key.span,
            say(
                format!("制度没有 `{name}` 这一项"),
                format!("a programme has no entry `{name}`"),
            ),
            match hint {
                Some(hint) => say(
                    format!("是 `{hint}` 吗？"),
                    format!("did you mean `{hint}`?"),
                ),
                None => say(
                    format!("可用：{}", KEYS.join("、")),
                    format!("there are {}", KEYS.join(", ")),
                ),
            },
        );
    }
    for key in ["id", "en", "subject", "rhythm", "amount"] {
        if node.get(key).is_none_or(|n| n.text().is_empty()) {
            fine = false;
            findings.error(
                "bad-programme",
                &text.span,
                say(
                    format!("制度缺少 `{key}`"),
                    format!("the programme lacks `{key}`"),
                ),
                say(
                    format!("加一行 `{key}: …`"),
                    format!("add a line `{key}: …`"),
                ),
            );
        }
    }
    if !fine {
        return None;
    }
    let json = node.to_json();
    let mut programme: Programme = match serde_json::from_value(json) {
        Ok(programme) => programme,
        Err(error) => {
            let plain = error.to_string();
            findings.error(
                "bad-programme",
                &guilty(node, &plain).unwrap_or_else(|| text.span.clone()),
                say(
                    format!("制度声明有误：{plain}"),
                    format!("the programme is wrong: {plain}"),
                ),
                say(
                    "见 docs/law-format.md 的 Programmes 与 Procedure",
                    "see Programmes and Procedure in docs/law-format.md",
                ),
            );
            return None;
        }
    };
    programme.name = text.name.clone();
    programme.citation = Some(text.citation.clone());
    check(&programme, text, findings);
    Some(ProgrammeVersion {
        programme,
        instrument: text.instrument,
        span: text.span.clone(),
        node: node.clone(),
    })
}

/// The entry that a serde message names between backquotes, so that the caret stands there.
fn guilty(node: &Node, message: &str) -> Option<Span> {
    let word = message.split('`').nth(1)?;
    search(node, word)
}

fn search(node: &Node, word: &str) -> Option<Span> {
    match &node.value {
        Yaml::Scalar(_) => (node.text() == word).then(|| node.span.clone()),
        Yaml::Seq(items) => items.iter().find_map(|n| search(n, word)),
        Yaml::Map(entries) => entries.iter().find_map(|(k, v)| {
            if k.text() == word {
                Some(k.span.clone())
            } else {
                search(v, word)
            }
        }),
    }
}

fn check(programme: &Programme, text: &ProgrammeText, findings: &mut Findings<'_>) {
    let node = &text.node;
    let at = |key: &str| {
        node.get(key)
            .map_or_else(|| text.span.clone(), |n| n.span.clone())
    };
    let ascii = programme
        .id
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !ascii || programme.id.is_empty() {
        findings.error(
            "bad-programme",
            &at("id"),
            say(
                "id 只用小写字母、数字和连字符",
                "an id is made of lower-case letters, digits and hyphens",
            ),
            say("如 `id: abc`", "such as `id: abc`"),
        );
    }
    if programme.name.is_empty() {
        findings.error(
            "bad-programme",
            &text.span,
            say("`@programme` 之后没有名称", "`@programme` lacks a name"),
            say("写成 `@programme 名称`", "write `@programme NAME`"),
        );
    }
    if (programme.rhythm == Rhythm::Event) != programme.event.is_some() {
        findings.error(
            "bad-programme",
            &at("rhythm"),
            say(
                "rhythm: event 与 event 一项要同时有",
                "`rhythm: event` and the entry `event` go together",
            ),
            say(
                "event 写出产生事件的 many 证据种类",
                "`event` names the `many` evidence kind whose pieces are the events",
            ),
        );
    }
    if let Some(over) = &programme.carry_over
        && over != "year"
    {
        findings.error(
            "bad-programme",
            &at("carry_over"),
            say(
                format!("carry_over 不能是 `{over}`"),
                format!("carry_over cannot be `{over}`"),
            ),
            say("写 year，或删去", "write year, or remove it"),
        );
    }
    if let Some(payment) = &programme.payment
        && !(1..=31).contains(&payment.day)
    {
        findings.error(
            "bad-programme",
            &at("payment"),
            say(
                "发放日要在 1 到 31 之间",
                "the day of payment lies between 1 and 31",
            ),
            say("改正 day", "mend `day`"),
        );
    }
    if programme.recovery.cap_percent.is_some_and(|p| p > 100) {
        findings.error(
            "bad-programme",
            &at("recovery"),
            say("cap_percent 不能超过 100", "cap_percent cannot exceed 100"),
            say("写百分数，如 30", "write a percentage, such as 30"),
        );
    }
    let steps = node
        .get("procedure")
        .and_then(|p| p.get("steps"))
        .map(Node::items)
        .unwrap_or_default();
    for (n, step) in programme.procedure.steps.iter().enumerate() {
        let twice = programme.procedure.steps[..n]
            .iter()
            .any(|s| s.id == step.id);
        if twice {
            findings.error(
                "bad-programme",
                &steps
                    .get(n)
                    .map_or_else(|| text.span.clone(), |s| s.span.clone()),
                say(
                    format!("步骤 `{}` 重复", step.id),
                    format!("the step `{}` stands twice", step.id),
                ),
                say("换一个 id", "give it another id"),
            );
        }
    }
    if let (Some(total), Some(special)) =
        (programme.procedure.total, programme.procedure.total_special)
        && shorter(special, total)
    {
        findings.warn(
            "bad-programme",
            &at("procedure"),
            say(
                "特殊情形的总时限比一般的短",
                "the total for special cases is shorter than the usual one",
            ),
            say(
                "核对 total 与 total_special",
                "check `total` and `total_special`",
            ),
        );
    }
    const NOTICES: [&str; 6] = [
        "granted", "refused", "changed", "ended", "recovery", "arrears",
    ];
    const HOLDERS: [&str; 22] = [
        "申请人",
        "户",
        "月份",
        "金额",
        "原金额",
        "新金额",
        "差额",
        "理由",
        "条款",
        "期限",
        "说明",
        "applicant",
        "household",
        "month",
        "amount",
        "before",
        "after",
        "difference",
        "reason",
        "article",
        "deadline",
        "explanation",
    ];
    for (key, value) in node.get("notices").map(Node::entries).unwrap_or_default() {
        if !NOTICES.contains(&key.text().as_str()) {
            findings.error(
                "bad-programme",
                &key.span,
                say(
                    format!("没有 `{}` 这种通知", key.text()),
                    format!("there is no notice `{}`", key.text()),
                ),
                say(
                    format!("可用：{}", NOTICES.join("、")),
                    format!("there are {}", NOTICES.join(", ")),
                ),
            );
        }
        for (_, text) in value.entries() {
            for holder in super::sentence::placeholders(&text.text()) {
                if !HOLDERS.contains(&holder.as_str()) {
                    findings.error(
                        "bad-programme",
                        &text.span,
                        say(
                            format!("通知里没有 `{{{holder}}}`"),
                            format!("a notice knows no `{{{holder}}}`"),
                        ),
                        say(
                            format!("可用：{}", HOLDERS[..11].join("、")),
                            format!("there are {}", HOLDERS[11..].join(", ")),
                        ),
                    );
                }
            }
        }
    }
}

fn shorter(a: Term, b: Term) -> bool {
    match (a, b) {
        (Term::WorkingDays(a), Term::WorkingDays(b))
        | (Term::Days(a), Term::Days(b))
        | (Term::Months(a), Term::Months(b)) => a < b,
        _ => false,
    }
}

impl ProgrammeVersion {
    /// Names of rules in the programme with their places and what each must be.
    pub(crate) fn rule_names(&self) -> Vec<(String, Span, Use)> {
        let at = |key: &str| {
            self.node
                .get(key)
                .map_or_else(|| self.span.clone(), |n| n.span.clone())
        };
        let mut names = Vec::new();
        if let Some(name) = &self.programme.applies {
            names.push((name.clone(), at("applies"), Use::Boolean));
        }
        let list = |key: &str, what: Use, names: &mut Vec<(String, Span, Use)>| {
            for item in self.node.get(key).map(Node::items).unwrap_or_default() {
                names.push((item.text(), item.span.clone(), what));
            }
        };
        list("conditions", Use::Boolean, &mut names);
        names.push((self.programme.amount.clone(), at("amount"), Use::Amount));
        list("lines", Use::Value, &mut names);
        for (key, value) in self
            .node
            .get("carry")
            .map(Node::entries)
            .unwrap_or_default()
        {
            debug_assert!(value.is_null() || !value.text().is_empty());
            names.push((key.text(), key.span.clone(), Use::Carry));
        }
        if let Some(Review::Rule(name)) = &self.programme.procedure.review {
            let span = self
                .node
                .get("procedure")
                .and_then(|p| p.get("review"))
                .map_or_else(|| self.span.clone(), |n| n.span.clone());
            names.push((name.clone(), span, Use::Months));
        }
        names
    }
}

/// What a rule is used for in a programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Boolean,
    Amount,
    Value,
    Carry,
    Months,
}
