//! What was owed, what is owed, and in words why they differ.

use crate::change::At;
use crate::determination::{Determination, PeriodKey, SubjectKey};
use crate::determine::{as_known, says_the_same};
use crate::owed::Cause;
use crate::redetermination::{Consequences, Known, Opened, RunError};
use crate::rules::Rules;
use crate::walk::Run;
use crate::{Bilingual, Evaluation};
use base::{Fen, Instant};
use policy::outcome::{NodeKind, TraceNode};
use registry::record::Evidence;
use serde_json::Value;
use std::collections::BTreeMap;

/// Arrears and overpayments of one subject and programme, by period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Whom they are about.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// Owed more, by period: arrears, where the period was determined before.
    pub more: Vec<(PeriodKey, Fen)>,
    /// Owed less, by period, as positive sums.
    pub less: Vec<(PeriodKey, Fen)>,
}

/// The differences in what is owed, by subject and programme; first entitlements are no arrears and
/// are left out.
pub fn sums(consequences: &Consequences) -> Vec<Sums> {
    let mut all: BTreeMap<(&SubjectKey, &str), Sums> = BTreeMap::new();
    for change in &consequences.changes {
        if change.cause == Cause::First.name() {
            continue;
        }
        let sums = all
            .entry((&change.subject, &change.programme))
            .or_insert_with(|| Sums {
                subject: change.subject.clone(),
                programme: change.programme.clone(),
                more: Vec::new(),
                less: Vec::new(),
            });
        if change.change > Fen::ZERO {
            sums.more.push((change.period, change.change));
        } else {
            sums.less.push((change.period, -change.change));
        }
    }
    all.into_values().collect()
}

/// The evidence about a history's subjects that was recorded after `earlier`, up to `later`, oldest
/// first: what we learned between two determinations.
pub fn arrived<'a>(
    evidence: impl IntoIterator<Item = &'a Evidence>,
    earlier: Instant,
    later: Instant,
) -> Vec<&'a Evidence> {
    let mut found: Vec<&Evidence> = evidence
        .into_iter()
        .filter(|e| {
            let at = e.provenance.recorded_at;
            earlier < at && at <= later
        })
        .collect();
    found.sort_by_key(|e| (e.provenance.recorded_at, e.id));
    found.dedup_by_key(|e| e.id);
    found
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "—".into(),
        other => other.to_string(),
    }
}

/// Why an evaluation differs from an earlier one of the same period: what became known between them,
/// and the values that differ on the way from evidence to outcome, in the order of computation.
/// Both need their traces; without them only what became known is told.
pub fn why_changed(
    before: &Evaluation,
    after: &Evaluation,
    arrived: &[&Evidence],
) -> Vec<Bilingual> {
    let mut told = Vec::new();
    for piece in arrived {
        let day = At::new(piece.provenance.recorded_at).today;
        let from = piece.valid.from;
        let source = &piece.provenance.source;
        told.push(if piece.kind == crate::decision::KIND {
            Bilingual {
                zh: format!("{day} 作出人工决定，自 {from} 起"),
                en: format!("a human decision of {day}, from {from}"),
            }
        } else if piece.withdraws.is_empty() {
            let value = plain(&piece.value);
            Bilingual {
                zh: format!(
                    "{day} 得知：{} 自 {from} 起为 {value}（{source}）",
                    piece.kind
                ),
                en: format!(
                    "learned on {day}: {} is {value} from {from} ({source})",
                    piece.kind
                ),
            }
        } else {
            Bilingual {
                zh: format!("{day} 撤回此前登记的 {}（{source}）", piece.kind),
                en: format!(
                    "on {day} an earlier {} was withdrawn ({source})",
                    piece.kind
                ),
            }
        });
    }
    let key = |n: &TraceNode| (n.name.clone(), n.member, n.kind == NodeKind::Previous);
    let earlier: BTreeMap<_, &TraceNode> = before.trace.iter().map(|n| (key(n), n)).collect();
    let mut seen = std::collections::BTreeSet::new();
    for node in &after.trace {
        if !seen.insert(key(node)) {
            continue;
        }
        let old = earlier.get(&key(node)).map(|n| &n.value);
        if old == Some(&node.value) || (old.is_none() && before.trace.is_empty()) {
            continue;
        }
        let (was, is) = (old.map_or_else(|| "—".into(), plain), plain(&node.value));
        let (zh, en) = match (node.kind, node.member) {
            (NodeKind::Previous, _) => ("上期的", " of the period before".to_string()),
            (_, Some(m)) => ("", format!(" of member {}", m + 1)),
            _ => ("", String::new()),
        };
        let who = node
            .member
            .map_or_else(String::new, |m| format!("第 {} 位成员的", m + 1));
        told.push(Bilingual {
            zh: format!("{zh}{who}{} 由 {was} 变为 {is}", node.name),
            en: format!("{}{en} went from {was} to {is}", node.name),
        });
    }
    if before.outcome != after.outcome && after.trace.is_empty() {
        told.push(Bilingual {
            zh: format!(
                "结果由 {} 变为 {}",
                before.outcome.name(),
                after.outcome.name()
            ),
            en: format!(
                "the outcome went from {} to {}",
                before.outcome.name(),
                after.outcome.name()
            ),
        });
    }
    told
}

/// A past determination, looked at again.
#[derive(Clone, Debug, PartialEq)]
pub struct Replay {
    /// The version that stood at the moment.
    pub stored: Option<Determination>,
    /// What the rules yield from what was known at the moment.
    pub computed: Option<Evaluation>,
    /// Do the two say the same?
    pub agrees: bool,
    /// Was it made under the law that is loaded now? A corrected law file may yield otherwise.
    pub same_law: bool,
}

/// Replays one period as known at a moment.
///
/// # Errors
/// A [`RunError`].
pub fn replay<R: Rules + ?Sized>(
    rules: &R,
    known: &Known<'_>,
    subject: &SubjectKey,
    programme: &str,
    period: PeriodKey,
    known_at: Instant,
    trace: bool,
) -> Result<Replay, RunError> {
    let stored = as_known(
        known.determinations,
        subject.id,
        programme,
        period,
        known_at,
    )
    .cloned();
    let mut months: Vec<base::Month> = known
        .opened
        .iter()
        .filter(|o| o.programme == programme)
        .flat_map(|o| o.months.iter().copied())
        .collect();
    if let PeriodKey::Month(month) = period {
        months.push(month);
    }
    months.sort_unstable();
    months.dedup();
    let opened = Opened {
        programme: programme.into(),
        months,
    };
    // What was determined once is looked at on the reference day of the last month opened by then;
    // later months are not known from here, so the determination's own moment gives the month.
    let opened = match (period, &stored) {
        (PeriodKey::Once, Some(d)) => Opened {
            months: vec![At::new(d.known_at).month()],
            ..opened
        },
        _ => opened,
    };
    // Carry comes from the stored chain as it stood when the version was made, evidence as known then.
    let at = At::new(
        stored
            .as_ref()
            .map_or(known_at, |d| d.known_at.min(known_at)),
    );
    let mut run = Run::new(rules, known, Vec::new(), at);
    let computed = run.again(subject, &opened, period, trace)?;
    let agrees = match (&stored, &computed) {
        (Some(stored), Some(computed)) => says_the_same(stored, computed),
        (Some(stored), None) => stored.outcome == crate::Outcome::NotApplicable,
        (None, Some(computed)) => computed.outcome == crate::Outcome::NotApplicable,
        (None, None) => true,
    };
    let same_law = stored.as_ref().is_none_or(|d| d.law == rules.digest());
    Ok(Replay {
        stored,
        computed,
        agrees,
        same_law,
    })
}
