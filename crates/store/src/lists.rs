//! Lists behind a district's figures: who came out how, and whether an award runs.

use crate::Store;
use crate::encode::NEVER;
use crate::error::StoreError;
use crate::page::{LARGEST, Page, cursor, end_of, id, nobody, page, parts};
use crate::value::{Row, args};
use base::{Day, Fen, Id, Month};
use entitlement::determination::PeriodKey;
use entitlement::{Outcome, Role, Subject};
use ledger::payment::PaymentState;
use std::collections::BTreeMap;

/// The latest version of each determination of a period, with the area of its household as last known
/// and whether an award runs in the month.
macro_rules! latest {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM (SELECT d.subject, d.subject_kind, d.outcome, d.detail, \
             CASE WHEN d.subject_kind = 'household' THEN h.area ELSE p.area END AS area, \
             CASE WHEN d.subject_kind = 'household' THEN d.subject ELSE p.household END AS household, \
             CASE WHEN EXISTS (SELECT 1 FROM award a WHERE a.shard = d.shard AND a.programme = d.programme \
               AND a.subject = d.subject AND a.from_month <= $4 AND (a.to_month IS NULL OR a.to_month > $4) \
               AND NOT EXISTS (SELECT 1 FROM award b WHERE b.shard = a.shard AND b.subject = a.subject \
                 AND b.id = a.id AND b.recorded_at > a.recorded_at)) THEN 1 ELSE 0 END AS awarded \
             FROM determination d LEFT JOIN head h ON h.shard = d.shard AND h.household = d.subject \
             LEFT JOIN presence p ON p.shard = d.shard AND p.person = d.subject \
             WHERE d.shard = $1 AND d.programme = $2 AND d.period = $3 AND NOT EXISTS ( \
               SELECT 1 FROM determination v WHERE v.shard = d.shard AND v.programme = d.programme \
               AND v.period = d.period AND v.subject = d.subject AND v.version > d.version)) l ",
            $rest
        )
    };
}

pub(crate) const COUNTED: &str = latest!(
    "l.area, l.outcome, l.awarded, COUNT(*)",
    "WHERE l.area IS NOT NULL AND l.household IS NOT NULL \
     GROUP BY l.area, l.outcome, l.awarded ORDER BY l.area, l.outcome, l.awarded"
);
pub(crate) const LISTED: &str = latest!(
    "l.area, l.subject, l.subject_kind, l.household, l.detail",
    "WHERE l.area >= $5 AND l.area < $6 AND l.household IS NOT NULL AND l.outcome = $7 \
     AND (CAST($8 AS BIGINT) < 0 OR l.awarded = CAST($8 AS BIGINT)) AND l.detail LIKE $9 \
     AND (l.area, l.subject) > ($10, $11) ORDER BY l.area, l.subject LIMIT $12"
);
pub(crate) const LACKING: &str = latest!(
    "l.detail",
    "WHERE l.area >= $5 AND l.area < $6 AND l.household IS NOT NULL AND l.outcome = 'undetermined' LIMIT $7"
);

pub(crate) const BATCH_STATES: &str = "SELECT shard, batch, state, COUNT(*), CAST(SUM(amount) AS BIGINT) FROM payment \
     GROUP BY shard, batch, state ORDER BY shard, batch, state";
pub(crate) const PAID_BY_AREA: &str = "SELECT b.month, COALESCE(h.area, q.area), p.state, CAST(SUM(p.amount) AS BIGINT) \
     FROM batch b JOIN payment p ON p.shard = b.shard AND p.batch = b.id \
     LEFT JOIN head h ON h.shard = p.shard AND h.household = p.payee \
     LEFT JOIN presence q ON q.shard = p.shard AND q.person = p.payee \
     WHERE b.programme = $1 GROUP BY b.month, COALESCE(h.area, q.area), p.state ORDER BY 1, 2, 3";
pub(crate) const TASK_BUCKETS: &str = "SELECT role, area, \
     CASE WHEN due < $1 THEN 0 WHEN not_before > $1 THEN 3 WHEN due = $1 THEN 1 WHEN due <= $2 THEN 2 WHEN due < $3 THEN 3 ELSE 4 END, \
     COUNT(*) FROM task WHERE done_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

/// Open tasks of one role in one area by deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskBucket {
    /// Who does them.
    pub role: Role,
    /// Where.
    pub area: String,
    /// 0 past the deadline, 1 due on the day, 2 within the week, 3 later or waiting, 4 without one.
    pub bucket: u32,
    /// How many.
    pub count: u64,
}

/// Lines of one batch in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchState {
    /// The batch.
    pub batch: Id,
    /// Where its lines stand.
    pub state: PaymentState,
    /// How many.
    pub count: u64,
    /// Their sum.
    pub amount: Fen,
}

/// Money of one pay run in one area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidInArea {
    /// Month of the pay run, as text.
    pub month: String,
    /// Area of the payees, as last known.
    pub area: String,
    /// Where it stands.
    pub state: PaymentState,
    /// Sum.
    pub amount: Fen,
}

/// How many subjects of an area came out how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Area, as last known.
    pub area: String,
    /// `entitled`, `refused`, `undetermined`, `not-applicable`.
    pub outcome: String,
    /// Does an award run in the month?
    pub awarded: bool,
    /// Subjects.
    pub count: u64,
}

/// Which subjects to list.
#[derive(Clone, Debug)]
pub struct ListedQuery<'a> {
    /// Programme id.
    pub programme: &'a str,
    /// The month.
    pub month: Month,
    /// Area code; all within it.
    pub area: &'a str,
    /// The outcome.
    pub outcome: &'a str,
    /// Only with, or only without, a running award.
    pub awarded: Option<bool>,
    /// Only those that lack this.
    pub missing: Option<&'a str>,
    /// Where the page before ended.
    pub after: Option<&'a str>,
    /// At most so many; 1000 at the most.
    pub limit: usize,
}

/// A subject in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Area, as last known.
    pub area: String,
    /// Whom it is about.
    pub subject: Id,
    /// A household or a person.
    pub kind: Subject,
    /// The household.
    pub household: Id,
    /// What is missing, when it is undetermined.
    pub missing: Vec<String>,
}

impl Store {
    /// Lines and sums of every batch by state.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batch_states(&self) -> Result<Vec<BatchState>, StoreError> {
        let rows = self.db.fetch(BATCH_STATES, vec![]).await?;
        let read = |row: &Row| -> Result<BatchState, StoreError> {
            Ok(BatchState {
                batch: row.id(1)?,
                state: row.word(2)?,
                count: row.int(3)? as u64,
                amount: row.fen(4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// What a programme's pay runs paid, by month and area.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn paid_by_area(&self, programme: &str) -> Result<Vec<PaidInArea>, StoreError> {
        let rows = self.db.fetch(PAID_BY_AREA, args![programme]).await?;
        let read = |row: &Row| -> Result<PaidInArea, StoreError> {
            Ok(PaidInArea {
                month: row.text(0)?,
                area: row.maybe_text(1)?.unwrap_or_default().to_owned(),
                state: row.word(2)?,
                amount: row.fen(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Open tasks by role, area and deadline; `week` is the last day that counts as soon.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task_buckets(&self, today: Day, week: Day) -> Result<Vec<TaskBucket>, StoreError> {
        let rows = self
            .db
            .fetch(TASK_BUCKETS, args![today, week, NEVER])
            .await?;
        let read = |row: &Row| -> Result<TaskBucket, StoreError> {
            Ok(TaskBucket {
                role: row.word(0)?,
                area: row.text(1)?,
                bucket: row.small(2)?,
                count: row.int(3)? as u64,
            })
        };
        rows.iter().map(read).collect()
    }

    /// How a programme's month came out, by area; subjects that live nowhere any more are left out.
    /// Takes a second for a district: keep the answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counted(&self, programme: &str, month: Month) -> Result<Vec<Counted>, StoreError> {
        let period = PeriodKey::Month(month).to_string();
        let mut out = Vec::new();
        for shard in self.shards().await? {
            let values = args![&shard, programme, &period, i64::from(month.index())];
            for row in self.db.fetch(COUNTED, values).await? {
                out.push(Counted {
                    area: row.text(0)?,
                    outcome: row.text(1)?,
                    awarded: row.int(2)? == 1,
                    count: row.int(3)? as u64,
                });
            }
        }
        Ok(out)
    }

    /// Subjects with an outcome, by area and id.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn listed(&self, query: &ListedQuery<'_>) -> Result<Page<Listed>, StoreError> {
        let limit = query.limit.clamp(1, LARGEST);
        let period = PeriodKey::Month(query.month).to_string();
        let (shard_from, area, subject) = match query.after {
            Some(after) => {
                let [shard, area, subject] = parts(after)?;
                (shard.to_owned(), area.to_owned(), id(subject)?)
            }
            None => (String::new(), String::new(), nobody()),
        };
        let awarded = query.awarded.map_or(-1, i64::from);
        let pattern = match query.missing {
            // Names of the law hold no quotes; the marks of LIKE are taken out.
            Some(name) => format!("%\"name\":\"{}\"%", name.replace(['%', '_', '"'], "")),
            None => "%".into(),
        };
        let mut kept: Vec<(String, Listed)> = Vec::new();
        for shard in self.shards().await? {
            if shard < shard_from || kept.len() > limit {
                continue;
            }
            let (area, subject) = if shard == shard_from {
                (area.as_str(), subject)
            } else {
                ("", nobody())
            };
            let values = args![
                &shard,
                query.programme,
                &period,
                i64::from(query.month.index()),
                query.area,
                end_of(query.area),
                query.outcome,
                awarded,
                &pattern,
                area,
                subject,
                limit as i64 + 1
            ];
            for row in self.db.fetch(LISTED, values).await? {
                kept.push((shard.clone(), listed(&row)?));
            }
        }
        let kept = page(kept, limit, |(shard, l): &(String, Listed)| {
            cursor(&[shard, &l.area, &l.subject.to_string()])
        });
        Ok(Page {
            items: kept.items.into_iter().map(|(_, l)| l).collect(),
            next: kept.next,
        })
    }

    /// What the undetermined subjects of an area lack, most frequent first; looks at `limit` of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lacking(
        &self,
        programme: &str,
        month: Month,
        area: &str,
        limit: usize,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        let period = PeriodKey::Month(month).to_string();
        let mut out: BTreeMap<String, u64> = BTreeMap::new();
        for shard in self.shards().await? {
            let values = args![
                &shard,
                programme,
                &period,
                i64::from(month.index()),
                area,
                end_of(area),
                limit as i64
            ];
            for row in self.db.fetch(LACKING, values).await? {
                let mut names = missing(&row, 0)?;
                names.dedup();
                for name in names {
                    *out.entry(name).or_default() += 1;
                }
            }
        }
        let mut out: Vec<(String, u64)> = out.into_iter().collect();
        out.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        Ok(out)
    }
}

fn listed(row: &Row) -> Result<Listed, StoreError> {
    Ok(Listed {
        area: row.text(0)?,
        subject: row.id(1)?,
        kind: row.word(2)?,
        household: row.id(3)?,
        missing: missing(row, 4)?,
    })
}

/// Names of what is missing, in order and without repeats; none for other outcomes.
fn missing(row: &Row, column: usize) -> Result<Vec<String>, StoreError> {
    let Ok(Outcome::Undetermined { missing }) = row.json::<Outcome>(column) else {
        return Ok(Vec::new());
    };
    let mut names: Vec<String> = missing.into_iter().map(|m| m.name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}
