//! An explanation as text for a terminal.

use super::super::report::Language;
use super::document::{Alters, Explanation, Node, WhatIf};
use crate::outcome::NodeKind;
use crate::programme::Bilingual;
use std::fmt::Write as _;

/// Deeper than any law nests; guards against an explanation from elsewhere that points at itself.
const DEEPEST: usize = 60;

/// The tree from the outcome to the evidence, with sentences, articles and the sources of figures.
pub fn render(explanation: &Explanation, language: Language) -> String {
    let mut drawing = Drawing {
        nodes: &explanation.nodes,
        language,
        shown: vec![false; explanation.nodes.len()],
        out: String::new(),
    };
    let name = Bilingual {
        zh: explanation.decision.name.clone(),
        en: explanation.decision.en.clone(),
    };
    let ending = &explanation.outcome;
    let amount = match &ending.amount {
        Some(yuan) => Bilingual {
            zh: format!(" {yuan} 元"),
            en: format!(" {yuan} yuan"),
        },
        None => Bilingual::default(),
    };
    let verdict = verdict(&ending.name);
    let verdict = Bilingual {
        zh: verdict.zh + &amount.zh,
        en: verdict.en + &amount.en,
    };
    let _ = writeln!(
        drawing.out,
        "{} {}: {}",
        say(&name, language),
        explanation.day,
        say(&verdict, language)
    );
    let roots: Vec<usize> = ending
        .inputs
        .iter()
        .chain(&ending.beside)
        .copied()
        .collect();
    drawing.children(&roots, "", 0);
    let brief = &explanation.brief;
    let _ = writeln!(drawing.out);
    for line in lines(brief, language) {
        let _ = writeln!(drawing.out, "{line}");
    }
    if let Some(found) = &explanation.what_if {
        let _ = writeln!(drawing.out);
        drawing.out.push_str(&render_what_if(found, language));
    }
    drawing.out
}

/// What would have to change, a line each.
pub fn render_what_if(found: &WhatIf, language: Language) -> String {
    let mut out = String::new();
    let head = |zh: &str, en: &str| {
        let text = Bilingual {
            zh: zh.into(),
            en: en.into(),
        };
        say(&text, language)
    };
    let mut section = |title: String, texts: Vec<&Bilingual>| {
        if texts.is_empty() {
            return;
        }
        let _ = writeln!(out, "{title}");
        for text in texts {
            for (n, line) in lines(text, language).into_iter().enumerate() {
                let _ = writeln!(out, "{} {line}", if n == 0 { "  -" } else { "   " });
            }
        }
    };
    let of = |alters: Alters| {
        let changes = found.changes.iter();
        let mine = changes.filter(move |c| c.alters == alters);
        mine.map(|c| &c.text).collect::<Vec<_>>()
    };
    section(
        head("结果会不同，如果", "Another outcome, if"),
        of(Alters::Outcome),
    );
    section(
        head("数额会不同，如果", "Another amount, if"),
        of(Alters::Amount),
    );
    section(
        head(
            "缺少的资料会决定什么",
            "What the missing facts would decide",
        ),
        found.missing.iter().map(|d| &d.text).collect(),
    );
    if found.changes.is_empty() && found.missing.is_empty() {
        let text = head(
            "没有找到只改变一个事实就使结果不同的情形。",
            "No change of one fact that alters the outcome was found.",
        );
        let _ = writeln!(out, "{text}");
    }
    let tried = Bilingual {
        zh: format!(
            "试了 {} 个事实，计算 {} 次；未搜索 {} 个。",
            found.tried,
            found.evaluations,
            found.left_out.len()
        ),
        en: format!(
            "{} facts tried in {} evaluations; {} not searched.",
            found.tried,
            found.evaluations,
            found.left_out.len()
        ),
    };
    let _ = writeln!(out, "{}", say(&tried, language));
    out
}

/// How an outcome is called.
pub(super) fn verdict(name: &str) -> Bilingual {
    let (zh, en) = match name {
        "entitled" => ("符合条件", "entitled"),
        "refused" => ("不符合条件", "refused"),
        "undetermined" => ("不能认定", "undetermined"),
        "not-applicable" => ("不涉及", "not in question"),
        _ => ("得出", "known"),
    };
    Bilingual {
        zh: zh.into(),
        en: en.into(),
    }
}

struct Drawing<'x> {
    nodes: &'x [Node],
    language: Language,
    shown: Vec<bool>,
    out: String,
}

impl Drawing<'_> {
    fn children(&mut self, ids: &[usize], indent: &str, depth: usize) {
        for (n, &id) in ids.iter().enumerate() {
            let last = n + 1 == ids.len();
            self.node(id, indent, last, depth);
        }
    }

    fn node(&mut self, id: usize, indent: &str, last: bool, depth: usize) {
        let Some(node) = self.nodes.get(id).filter(|_| depth < DEEPEST) else {
            return;
        };
        let again = std::mem::replace(&mut self.shown[id], true);
        let (branch, rail) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let line = self.line(node, again);
        let _ = writeln!(self.out, "{indent}{branch}{line}");
        if again {
            return;
        }
        let below = format!("{indent}{rail}");
        let inner = if node.inputs.is_empty() {
            "   "
        } else {
            "│  "
        };
        if let Some(text) = &node.text {
            for line in lines(text, self.language) {
                let _ = writeln!(self.out, "{below}{inner}{line}");
            }
        }
        if let Some(formula) = &node.formula {
            let one: Vec<&str> = formula.split_whitespace().collect();
            let _ = writeln!(self.out, "{below}{inner}= {}", one.join(" "));
        }
        self.children(&node.inputs, &below, depth + 1);
    }

    fn line(&self, node: &Node, again: bool) -> String {
        let mut out = String::new();
        if let Some(member) = node.member {
            let whose = Bilingual {
                zh: format!("第 {} 位成员 ", member + 1),
                en: format!("member {} ", member + 1),
            };
            out.push_str(&say(&whose, self.language));
            out.push_str(if self.language == Language::Both {
                " "
            } else {
                ""
            });
        }
        out.push_str(&node.name);
        if self.language != Language::Chinese && !node.en.is_empty() {
            let _ = write!(out, " · {}", node.en);
        }
        let _ = write!(out, " = {}", self.value(node));
        if again {
            let above = Bilingual {
                zh: "见上".into(),
                en: "see above".into(),
            };
            if !node.inputs.is_empty() {
                let _ = write!(out, " ↑ {}", say(&above, self.language));
            }
            return out;
        }
        if let Some(row) = &node.parameter {
            let from = row.from.map_or_else(String::new, |d| d.to_string());
            let to = row.to.map_or_else(String::new, |d| d.to_string());
            let _ = write!(
                out,
                " [{} {from}..{to} {}] {}",
                row.place, row.status, row.source
            );
        }
        if let Some(table) = &node.table
            && !table.fired.is_empty()
        {
            let rows: Vec<String> = table.fired.iter().map(ToString::to_string).collect();
            let _ = write!(out, " #{}", rows.join(","));
        }
        if let Some(article) = node
            .article
            .as_ref()
            .filter(|_| node.kind != NodeKind::Evidence)
        {
            let _ = write!(out, " ‹{article}›");
        }
        if let Some(note) = &node.note {
            let _ = write!(out, " ({note})");
        }
        out
    }

    fn value(&self, node: &Node) -> String {
        let shown = match node.literal.as_str() {
            "true" => yes_no("是", "yes", self.language),
            "false" => yes_no("否", "no", self.language),
            "null" => "—".into(),
            other => {
                let plain = other.trim_start_matches('@');
                let quoted = plain.starts_with('"') && plain.ends_with('"') && plain.len() > 1;
                if quoted {
                    plain[1..plain.len() - 1].to_string()
                } else {
                    shortened(other)
                }
            }
        };
        let unit = super::super::prelude::Unit::parse(node.ty.trim_end_matches('?'));
        match unit.filter(|u| *u != super::super::prelude::Unit::Plain) {
            Some(unit) if node.literal != "null" => {
                let unit = match self.language {
                    Language::English => unit.en(),
                    _ => unit.zh(),
                };
                format!("{shown} {unit}")
            }
            _ => shown,
        }
    }
}

/// A number that does not end, to a reader's length.
fn shortened(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, places)) if places.len() > 6 && places.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{whole}.{}…", &places[..6])
        }
        _ => number.to_string(),
    }
}

fn yes_no(zh: &str, en: &str, language: Language) -> String {
    let text = Bilingual {
        zh: zh.into(),
        en: en.into(),
    };
    say(&text, language)
}

/// A text on one line.
fn say(text: &Bilingual, language: Language) -> String {
    match language {
        Language::Chinese => text.zh.clone(),
        Language::English if text.en.is_empty() => text.zh.clone(),
        Language::English => text.en.clone(),
        Language::Both if text.en.is_empty() => text.zh.clone(),
        Language::Both => format!("{} · {}", text.zh.trim_end(), text.en.trim_end()),
    }
}

/// A text, a line for each language.
fn lines(text: &Bilingual, language: Language) -> Vec<&str> {
    let both = match language {
        Language::Chinese => vec![text.zh.as_str()],
        Language::English => vec![text.en.as_str()],
        Language::Both => vec![text.zh.as_str(), text.en.as_str()],
    };
    both.into_iter().filter(|line| !line.is_empty()).collect()
}
