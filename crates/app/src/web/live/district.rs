//! The district on one page, and the lists behind its figures. What takes a second to count is kept
//! for a while; whoever acts on this site makes the running month's counts fresh.

use super::Live;
use super::audit::run_view;
use crate::service::rules::latest_version;
use crate::web::session::{Right, Viewer};
use crate::web::source::{ListQuery, Trouble};
use crate::web::view::district::{
    AreaRow, District, DistrictQuery, MissingRow, MonthRow, OutcomeCounts, Queue,
};
use crate::web::view::{HouseholdRow, Named, Paged};
use base::{Fen, Month};
use chrono::TimeDelta;
use entitlement::{ApplicationRule, Rhythm, Role};
use ledger::payment::PaymentState;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::{Counted, Coverage, ListedQuery, PaidInArea, StoreError};

/// Months shown.
const MONTHS: usize = 13;
/// Undetermined subjects looked at for what is missing most.
const LOOKED_AT: usize = 20_000;
const FRESH: Duration = Duration::from_secs(60);
const OLD_MONTH: Duration = Duration::from_secs(900);

type Kept<K, V> = Mutex<HashMap<K, (Instant, Arc<V>)>>;

/// Counts of the whole instance, by programme and month; an answer is cut to the viewer's area.
#[derive(Default)]
pub(super) struct Counts {
    coverage: Kept<(String, Month), Vec<Coverage>>,
    outcomes: Kept<(String, Month), Vec<Counted>>,
    paid: Kept<String, Vec<PaidInArea>>,
    residents: Kept<(), Vec<(String, u64, u64)>>,
}

impl Counts {
    /// Something was recorded here: what may have changed is counted anew when it is next asked for.
    pub fn forget(&self) {
        let now = Instant::now();
        // Counting takes a second; a burst of records does not count again each time.
        let old = |at: &Instant| now.duration_since(*at) > Duration::from_secs(5);
        lock(&self.coverage).retain(|_, (at, _)| !old(at) || now.duration_since(*at) > FRESH);
        lock(&self.outcomes).retain(|_, (at, _)| !old(at) || now.duration_since(*at) > FRESH);
        lock(&self.paid).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere leaves a map of finished counts.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn kept<K, V, F>(
    of: &Kept<K, V>,
    key: K,
    lasts: Duration,
    count: F,
) -> Result<Arc<V>, StoreError>
where
    K: Eq + std::hash::Hash,
    F: Future<Output = Result<V, StoreError>>,
{
    if let Some((at, value)) = lock(of).get(&key)
        && at.elapsed() < lasts
    {
        return Ok(value.clone());
    }
    let value = Arc::new(count.await?);
    lock(of).insert(key, (Instant::now(), value.clone()));
    Ok(value)
}

impl Live {
    fn lasts(&self, month: Month) -> Duration {
        if month >= self.at().month().previous() {
            FRESH
        } else {
            OLD_MONTH
        }
    }

    async fn coverage(&self, programme: &str, month: Month) -> Result<Arc<Vec<Coverage>>, Trouble> {
        let key = (programme.to_string(), month);
        let count = self.office.store.coverage(programme, month, &[]);
        Ok(kept(&self.counts.coverage, key, self.lasts(month), count).await?)
    }

    async fn counted(&self, programme: &str, month: Month) -> Result<Arc<Vec<Counted>>, Trouble> {
        let key = (programme.to_string(), month);
        let count = self.office.store.counted(programme, month);
        Ok(kept(&self.counts.outcomes, key, self.lasts(month), count).await?)
    }

    /// Programmes that are determined month by month, with the months determined for everybody.
    async fn monthly(&self) -> Result<Vec<(Named, Vec<Month>)>, Trouble> {
        let mut found = Vec::new();
        for opened in self.office.opened().await? {
            let version = latest_version(self.office.law(), &opened.programme);
            if let Some(p) = version.filter(|p| p.rhythm == Rhythm::Month)
                && !opened.months.is_empty()
            {
                found.push((p.payment.is_some(), super::shelf::named(p), opened.months));
            }
        }
        found.sort_by_key(|(pays, named, _)| (!*pays, named.id.clone()));
        Ok(found
            .into_iter()
            .map(|(_, named, months)| (named, months))
            .collect())
    }

    /// Counts what the first page shows, so that nobody waits for it.
    pub async fn warm(&self) {
        let viewer = Viewer {
            name: String::new(),
            display: Default::default(),
            role: Role::Analyst,
            areas: vec![self.area(&self.top)],
            area: self.top.clone(),
            area_name: Default::default(),
        };
        if let Err(trouble) = self.district_page(&viewer, DistrictQuery::default()).await {
            tracing::warn!(%trouble, "the district's figures can't be counted");
        }
    }

    pub(super) async fn district_page(
        &self,
        viewer: &Viewer,
        query: DistrictQuery,
    ) -> Result<District, Trouble> {
        let area = Self::bound(viewer, query.area.as_deref())?;
        let programmes = self.monthly().await?;
        let chosen = match &query.programme {
            Some(id) => programmes.iter().find(|(named, _)| named.id == *id),
            None => self.most_owed(&programmes).await?,
        };
        let today = self.at();
        let months = chosen.map(|(_, months)| months.clone()).unwrap_or_default();
        let month = match query.month {
            Some(month) if months.contains(&month) => month,
            _ => months.last().copied().unwrap_or_else(|| today.month()),
        };
        let mut page = District {
            month,
            choices: months.iter().rev().copied().collect(),
            programme: chosen.map(|(named, _)| named.clone()),
            programmes: programmes.iter().map(|(named, _)| named.clone()).collect(),
            way: self.way_within(viewer, &area),
            area: self.area(&area),
            households: 0,
            persons: 0,
            months: Vec::new(),
            outcomes: OutcomeCounts::default(),
            children: Vec::new(),
            queue: Queue::default(),
            owed_not_covered: 0,
            covered_not_owed: 0,
            missing: Vec::new(),
            night: None,
            verify: None,
        };
        let residents = kept(
            &self.counts.residents,
            (),
            FRESH,
            self.office.store.residents(),
        )
        .await?;
        for (_, households, persons) in residents.iter().filter(|(a, _, _)| a.starts_with(&area)) {
            page.households += households;
            page.persons += persons;
        }
        let overdue = self.queue(viewer, &area, &mut page).await?;
        self.add_runs(&mut page).await?;
        let children: Vec<&registry::record::Area> = self
            .areas
            .iter()
            .filter(|a| a.parent.as_deref() == Some(area.as_str()))
            .collect();
        let mut covered_now = Arc::new(Vec::new());
        if let Some((programme, _)) = chosen {
            let paid = self.office.store.paid_by_area(&programme.id);
            let paid = kept(&self.counts.paid, programme.id.clone(), FRESH, paid).await?;
            let first = months.len().saturating_sub(MONTHS);
            for &m in &months[first..] {
                let covered = self.coverage(&programme.id, m).await?;
                page.months.push(month_row(m, &area, &covered, &paid));
                if m == month {
                    covered_now = covered;
                }
            }
            self.add_outcomes(&programme.id, &area, &mut page).await?;
        }
        page.children = children
            .into_iter()
            .map(|child| {
                let code = child.code.as_str();
                let mut row = AreaRow {
                    area: self.area(code),
                    all: 0,
                    households: 0,
                    persons: 0,
                    owed: Fen::ZERO,
                    overdue: 0,
                };
                for (_, households, _) in residents.iter().filter(|(a, _, _)| a.starts_with(code)) {
                    row.all += households;
                }
                for c in covered_now.iter().filter(|c| c.area.starts_with(code)) {
                    row.households += c.households;
                    row.persons += c.persons;
                    row.owed = row.owed + c.owed;
                }
                for (_, n) in overdue.iter().filter(|(a, _)| a.starts_with(code)) {
                    row.overdue += n;
                }
                row
            })
            .collect();
        Ok(page)
    }

    /// The way down, beginning with the viewer's own area: what lies above is not theirs.
    fn way_within(&self, viewer: &Viewer, area: &str) -> Vec<Named> {
        let mut way = self.way(area);
        way.retain(|named| Self::sees(viewer, &named.id));
        way
    }

    /// The programme with the most money owed in its latest month.
    async fn most_owed<'p>(
        &self,
        programmes: &'p [(Named, Vec<Month>)],
    ) -> Result<Option<&'p (Named, Vec<Month>)>, Trouble> {
        let mut best: Option<(Fen, &(Named, Vec<Month>))> = None;
        for entry in programmes {
            let Some(&month) = entry.1.last() else {
                continue;
            };
            let covered = self.coverage(&entry.0.id, month).await?;
            let owed: Fen = covered.iter().map(|c| c.owed).sum();
            if best.is_none_or(|(most, _)| owed > most) {
                best = Some((owed, entry));
            }
        }
        Ok(best.map(|(_, entry)| entry))
    }

    /// Open work of the viewer's role (of everybody, for who has none); gives what is overdue by area.
    async fn queue(
        &self,
        viewer: &Viewer,
        area: &str,
        page: &mut District,
    ) -> Result<Vec<(String, u64)>, Trouble> {
        let today = self.at().today;
        let week = today
            .checked_add_signed(TimeDelta::days(7))
            .unwrap_or(today);
        let own = viewer.may(Right::Act);
        let mut overdue = Vec::new();
        for b in self.office.store.task_buckets(today, week).await? {
            if !b.area.starts_with(area) {
                continue;
            }
            if b.bucket == 0 {
                overdue.push((b.area.clone(), b.count));
            }
            if own && b.role != viewer.role {
                continue;
            }
            let queue = &mut page.queue;
            match b.bucket {
                0 => queue.overdue += b.count,
                1 => queue.today += b.count,
                2 => queue.week += b.count,
                3 => queue.later += b.count,
                _ => queue.open += b.count,
            }
        }
        Ok(overdue)
    }

    async fn add_runs(&self, page: &mut District) -> Result<(), Trouble> {
        let runs = self.office.store.runs(200).await?;
        let last = |kind: &str| {
            runs.iter()
                .find(|r| r.kind == kind && r.state == "done")
                .map(run_view)
        };
        page.night = last("night");
        page.verify = last("verify");
        Ok(())
    }

    async fn add_outcomes(
        &self,
        programme: &str,
        area: &str,
        page: &mut District,
    ) -> Result<(), Trouble> {
        let needs_award = latest_version(self.office.law(), programme)
            .is_some_and(|p| p.application == ApplicationRule::Required);
        for c in self.counted(programme, page.month).await?.iter() {
            if !c.area.starts_with(area) {
                continue;
            }
            match (c.outcome.as_str(), c.awarded) {
                ("entitled", awarded) => {
                    page.outcomes.entitled += c.count;
                    if needs_award && !awarded {
                        page.owed_not_covered += c.count;
                    }
                }
                ("refused", true) => {
                    page.outcomes.refused += c.count;
                    page.covered_not_owed += c.count;
                }
                ("refused", false) => page.outcomes.refused += c.count,
                ("undetermined", _) => page.outcomes.undetermined += c.count,
                _ => {}
            }
        }
        if page.outcomes.undetermined > 0 {
            let lacking = self
                .office
                .store
                .lacking(programme, page.month, area, LOOKED_AT)
                .await?;
            page.missing = lacking
                .into_iter()
                .take(8)
                .map(|(name, count)| MissingRow {
                    name: self.shelf.kind(&name),
                    count,
                })
                .collect();
        }
        Ok(())
    }

    /// The households behind a figure.
    pub(super) async fn list_page(
        &self,
        viewer: &Viewer,
        query: ListQuery,
    ) -> Result<Paged<HouseholdRow>, Trouble> {
        let area = Self::bound(viewer, query.area.as_deref())?;
        let programmes = self.monthly().await?;
        let chosen = match &query.programme {
            Some(id) => programmes.iter().find(|(named, _)| named.id == *id),
            None => self.most_owed(&programmes).await?,
        };
        let Some((programme, months)) = chosen else {
            return Ok(Paged::empty());
        };
        let month = query
            .month
            .or(months.last().copied())
            .unwrap_or_else(|| self.at().month());
        let needs_award = latest_version(self.office.law(), &programme.id)
            .is_some_and(|p| p.application == ApplicationRule::Required);
        let (outcome, awarded) = match query.list.as_str() {
            "owed-not-covered" if !needs_award => return Ok(Paged::empty()),
            "owed-not-covered" => ("entitled", Some(false)),
            "covered-not-owed" => ("refused", Some(true)),
            "covered" => ("entitled", needs_award.then_some(true)),
            "refused" => ("refused", None),
            "undetermined" => ("undetermined", None),
            _ => return Err(Trouble::NotFound("list")),
        };
        let listed = ListedQuery {
            programme: &programme.id,
            month,
            area: &area,
            outcome,
            awarded,
            missing: query.missing.as_deref(),
            after: query.after.as_deref(),
            limit: query.limit,
        };
        let page = self.office.store.listed(&listed).await?;
        let mut rows = Vec::with_capacity(page.items.len());
        for found in page.items {
            if let Some(mut row) = self.row(found.household).await? {
                row.note = found.missing.join("、");
                rows.push(row);
            }
        }
        let total = match query.missing {
            Some(_) => None,
            None => Some(
                self.total(&programme.id, month, &area, outcome, awarded)
                    .await?,
            ),
        };
        Ok(Paged {
            rows,
            next: page.next,
            total,
        })
    }

    async fn total(
        &self,
        programme: &str,
        month: Month,
        area: &str,
        outcome: &str,
        awarded: Option<bool>,
    ) -> Result<u64, Trouble> {
        let counted = self.counted(programme, month).await?;
        let wanted = counted.iter().filter(|c| {
            c.area.starts_with(area)
                && c.outcome == outcome
                && awarded.is_none_or(|awarded| awarded == c.awarded)
        });
        Ok(wanted.map(|c| c.count).sum())
    }
}

fn month_row(month: Month, area: &str, covered: &[Coverage], paid: &[PaidInArea]) -> MonthRow {
    let mut row = MonthRow {
        month,
        households: 0,
        persons: 0,
        owed: Fen::ZERO,
        paid: Fen::ZERO,
        returned: Fen::ZERO,
    };
    for c in covered.iter().filter(|c| c.area.starts_with(area)) {
        row.households += c.households;
        row.persons += c.persons;
        row.owed = row.owed + c.owed;
    }
    let text = month.to_string();
    for p in paid
        .iter()
        .filter(|p| p.month == text && p.area.starts_with(area))
    {
        match p.state {
            PaymentState::Paid => row.paid = row.paid + p.amount,
            PaymentState::Returned => row.returned = row.returned + p.amount,
            PaymentState::Instructed | PaymentState::Unknown | PaymentState::Rejected => {}
        }
    }
    row
}
