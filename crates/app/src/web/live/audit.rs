//! Looking back: replays, the journal, the checks.

use super::Live;
use super::people::persons_ever;
use super::trace::plain;
use super::why::{parse_period, subject_of};
use crate::web::session::Viewer;
use crate::web::source::{ReplayQuery, Trouble};
use crate::web::view::Paged;
use crate::web::view::audit::{JournalRow, Replay, VerifyPage};
use crate::web::view::district::RunView;
use entitlement::determination::Determination;
use entitlement::difference::{arrived, why_changed};
use policy::outcome::{Evaluation, NodeKind};
use registry::record::Evidence;
use registry::timeline;
use store::Run;

/// Lines of a page of the journal.
const LINES: usize = 100;

impl Live {
    /// A past determination beside today's, and why they differ.
    pub(super) async fn replay_page(
        &self,
        viewer: &Viewer,
        query: ReplayQuery,
    ) -> Result<Replay, Trouble> {
        let home = self.home(viewer, query.household).await?;
        let period = parse_period(&query.period)?;
        let read = self.office.prefetch(&[query.household]).await?;
        // Of a programme about persons: the first member about whom something was determined.
        let about = |id| {
            let own = |d: &&Determination| d.subject.id == id && d.programme == query.programme;
            read.determinations
                .iter()
                .any(|d| own(&d) && d.period == period)
        };
        let person = persons_ever(&home).into_iter().find(|p| about(*p));
        let person = if about(query.household) { None } else { person };
        let subject = subject_of(&home, query.household, person)?;
        let mut versions: Vec<&Determination> = read
            .determinations
            .iter()
            .filter(|d| d.subject == subject && d.programme == query.programme)
            .filter(|d| d.period == period)
            .collect();
        versions.sort_by_key(|d| d.version);
        let count = u32::try_from(versions.len()).unwrap_or(u32::MAX);
        let then = versions.iter().rev().find(|d| d.made_at <= query.known);
        let latest = versions.last();
        let at = self.at();
        let then_again = then
            .map(|d| self.again(&read, d, query.known))
            .transpose()?;
        let now_again = latest.map(|d| self.again(&read, d, at.now)).transpose()?;
        let same = then_again.as_ref().is_none_or(|again| again.agrees);
        let (mut because, mut figures) = (Vec::new(), Vec::new());
        let computed = |again: &Option<entitlement::difference::Replay>| {
            again.as_ref().and_then(|a| a.computed.clone())
        };
        if let (Some(before), Some(after)) = (computed(&then_again), computed(&now_again)) {
            let people = persons_ever(&home);
            let about =
                |e: &&Evidence| Some(e.subject) == home.household || people.contains(&e.subject);
            let since = then.map_or(query.known, |d| d.known_at.max(query.known));
            let news: Vec<&Evidence> = arrived(home.evidence.iter().filter(about), since, at.now);
            if before.outcome != after.outcome || before.result != after.result {
                // What became known; the values that it moved stand in the table beneath.
                because = why_changed(&after, &after, &news);
            }
            figures = differing(&before, &after);
        }
        Ok(Replay {
            then: then
                .zip(then_again)
                .map(|(d, again)| self.why_of(&home, d, count, again)),
            same,
            now: latest
                .zip(now_again)
                .map(|(d, again)| self.why_of(&home, d, count, again)),
            because,
            figures,
        })
    }

    /// The journal; lines about households outside the viewer's area are left out.
    pub(super) async fn journal_page(
        &self,
        viewer: &Viewer,
        after: Option<String>,
    ) -> Result<Paged<JournalRow>, Trouble> {
        let page = self.office.store.journal(after.as_deref(), LINES).await?;
        let mut rows = Vec::with_capacity(page.items.len());
        let everything = viewer.sees(&self.top);
        for line in page.items {
            let mut household = None;
            if let Some(subject) = line.entry.subject {
                let home = match self.office.store.household_shard(subject).await? {
                    Some(_) => Some(subject),
                    None => self.office.store.households_of_person(subject).await?.pop(),
                };
                match home {
                    Some(id) if everything => household = Some(id),
                    Some(id) => match self.home(viewer, id).await {
                        Ok(_) => household = Some(id),
                        Err(Trouble::NotFound(_)) => continue,
                        Err(other) => return Err(other),
                    },
                    None if !everything => continue,
                    None => {}
                }
            }
            rows.push(JournalRow {
                sequence: line.seq,
                at: line.at,
                by: line.entry.actor.clone(),
                what: line.entry.action.clone(),
                household,
                text: self.told(&line.entry.action, &line.entry.detail),
                digest: line.hash[..4]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect(),
            });
        }
        Ok(Paged {
            rows,
            next: page.next,
            total: None,
        })
    }

    /// What the checks found.
    pub(super) async fn verify_page(&self) -> Result<VerifyPage, Trouble> {
        let runs = self.office.store.runs(200).await?;
        let checks: Vec<&Run> = runs
            .iter()
            .filter(|r| r.kind == "verify" && r.state == "done")
            .take(20)
            .collect();
        let findings = checks
            .first()
            .and_then(|r| r.detail.get("findings")?.as_array().cloned());
        let findings = findings.unwrap_or_default().iter().map(plain).collect();
        Ok(VerifyPage {
            runs: checks.into_iter().map(run_view).collect(),
            findings,
        })
    }
}

/// A finished run as the pages show it.
pub(super) fn run_view(run: &Run) -> RunView {
    let number = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| match run.detail.get(name)? {
                serde_json::Value::Array(items) => Some(items.len() as u64),
                value => value.as_u64(),
            })
            .unwrap_or(0)
    };
    let day =
        base::parse_day(&run.argument).unwrap_or_else(|_| timeline::civil_day(run.changed_at));
    RunView {
        day,
        at: run.changed_at,
        checked: number(&["checked", "households", "determinations"]),
        findings: number(&["findings", "unexplained", "differences"]),
        summary: run
            .detail
            .get("summary")
            .map(plain)
            .unwrap_or_else(|| run.cursor.clone()),
    }
}

/// Values of rules, evidence and parameters that differ, by name and member.
fn differing(before: &Evaluation, after: &Evaluation) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for node in &after.trace {
        let same = |n: &&policy::outcome::TraceNode| {
            n.name == node.name && n.member == node.member && n.kind == node.kind
        };
        let earlier = before.trace.iter().find(same).map(|n| &n.value);
        if earlier.is_some_and(|value| *value != node.value) {
            let who = node
                .member
                .map(|n| format!(" #{}", n + 1))
                .unwrap_or_default();
            let mark = if node.kind == NodeKind::Previous {
                "↩ "
            } else {
                ""
            };
            found.push((
                format!("{mark}{}{who}", node.name),
                earlier.map(plain).unwrap_or_default(),
                plain(&node.value),
            ));
        }
    }
    found
}
