//! Reading cases, tasks and notices.

use crate::Store;
use crate::encode::NEVER;
use crate::entitlements::subject;
use crate::error::StoreError;
use crate::page::{LARGEST, Page, cursor, id, nobody, number, page, parts, within};
use crate::value::{Row, args, day_of, word};
use base::{Day, Id, Instant};
use casework::case::{Case, CaseEvent, Notice, Task};
use entitlement::{Bilingual, Role};

pub(crate) const TASKS: &str = "SELECT id, case_id, shard, step, title_zh, title_en, role, area, due, not_before, done_at FROM task \
     WHERE role = $1 AND done_at IS NULL AND (due, id) > ($2, $3) ORDER BY due, id LIMIT $4";
pub(crate) const TASKS_OF: &str = "SELECT id, case_id, shard, step, title_zh, title_en, role, area, due, not_before, done_at FROM task \
     WHERE shard = $1 AND case_id = $2 ORDER BY due, id";
pub(crate) const TASK: &str = "SELECT id, case_id, shard, step, title_zh, title_en, role, area, due, not_before, done_at FROM task \
     WHERE shard = $1 AND id = $2";
pub(crate) const TASK_COUNTS: &str = "SELECT role, area, COUNT(*), CAST(SUM(CASE WHEN due < $1 THEN 1 ELSE 0 END) AS BIGINT) \
     FROM task WHERE done_at IS NULL GROUP BY role, area ORDER BY role, area";
pub(crate) const CASE: &str = "SELECT id, shard, subject_kind, subject, programme, kind, area, opened_at, state, closed_at FROM case_file WHERE shard = $1 AND id = $2";
pub(crate) const CASES_OF: &str = "SELECT id, shard, subject_kind, subject, programme, kind, area, opened_at, state, closed_at FROM case_file \
     WHERE shard = $1 AND subject = $2 ORDER BY opened_at, id";
pub(crate) const CASES: &str = "SELECT id, shard, subject_kind, subject, programme, kind, area, opened_at, state, closed_at FROM case_file \
     WHERE state = $1 AND (area, opened_at, id) > ($2, $3, $4) ORDER BY area, opened_at, id LIMIT $5";
pub(crate) const EVENTS: &str = "SELECT id, at, actor, happening, note FROM case_event WHERE shard = $1 AND case_id = $2 ORDER BY at, id";
pub(crate) const NOTICES_OF: &str = "SELECT id, shard, subject_kind, subject, programme, kind, text_zh, text_en, objection_until, made_at FROM notice \
     WHERE shard = $1 AND subject = $2 ORDER BY made_at, id";
pub(crate) const NOTICES: &str = "SELECT id, shard, subject_kind, subject, programme, kind, text_zh, text_en, objection_until, made_at FROM notice \
     WHERE (made_at, id) < ($1, $2) ORDER BY made_at DESC, id DESC LIMIT $3";

/// A case with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// The case with its events.
    pub case: Case,
    /// `open`, `granted`, `refused` or `withdrawn`.
    pub state: String,
    /// When it ended.
    pub closed_at: Option<Instant>,
}

/// Open tasks of one role in one area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskCount {
    /// Who does them.
    pub role: Role,
    /// Where.
    pub area: String,
    /// How many.
    pub open: u64,
    /// Of these, past their deadline.
    pub overdue: u64,
}

impl Store {
    /// Open tasks of a role within areas (everywhere when empty), by deadline; those without one last.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn tasks(
        &self,
        role: Role,
        areas: &[String],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Task>, StoreError> {
        let limit = limit.clamp(1, LARGEST);
        let mut from = match after {
            Some(after) => {
                let [due, task] = parts(after)?;
                (number(due)?, id(task)?)
            }
            None => (i64::MIN, nobody()),
        };
        let step = if areas.is_empty() { limit + 1 } else { LARGEST };
        let mut kept = Vec::new();
        loop {
            let values = args![word(&role), from.0, from.1, step as i64];
            let rows = self.db.fetch(TASKS, values).await?;
            let full = rows.len() == step;
            for row in &rows {
                from = (row.int(8)?, row.id(0)?);
                if within(row.str(7)?, areas) {
                    kept.push((from.0, task(row)?));
                }
            }
            if kept.len() > limit || !full {
                break;
            }
        }
        let kept = page(kept, limit, |(due, task): &(i64, Task)| {
            cursor(&[&due.to_string(), &task.id.to_string()])
        });
        Ok(Page {
            items: kept.items.into_iter().map(|(_, task)| task).collect(),
            next: kept.next,
        })
    }

    /// One task.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task(&self, shard: &str, id: Id) -> Result<Option<Task>, StoreError> {
        let row = self.db.fetch_one(TASK, args![shard, id]).await?;
        row.map(|row| task(&row)).transpose()
    }

    /// Tasks of one case, done and open, by deadline.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tasks_of(&self, shard: &str, case: Id) -> Result<Vec<Task>, StoreError> {
        let rows = self.db.fetch(TASKS_OF, args![shard, case]).await?;
        rows.iter().map(task).collect()
    }

    /// How many tasks are open and overdue on `today`, by role and area.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn task_counts(&self, today: Day) -> Result<Vec<TaskCount>, StoreError> {
        let rows = self.db.fetch(TASK_COUNTS, args![today]).await?;
        let read = |row: &Row| -> Result<TaskCount, StoreError> {
            Ok(TaskCount {
                role: row.word(0)?,
                area: row.text(1)?,
                open: row.int(2)? as u64,
                overdue: row.int(3)? as u64,
            })
        };
        rows.iter().map(read).collect()
    }

    /// One case with its events.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn case(&self, shard: &str, id: Id) -> Result<Option<CaseFile>, StoreError> {
        match self.db.fetch_one(CASE, args![shard, id]).await? {
            Some(row) => Ok(Some(self.case_from(&row).await?)),
            None => Ok(None),
        }
    }

    /// Cases about one subject with their events, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cases_of(&self, shard: &str, subject: Id) -> Result<Vec<CaseFile>, StoreError> {
        let mut out = Vec::new();
        for row in self.db.fetch(CASES_OF, args![shard, subject]).await? {
            out.push(self.case_from(&row).await?);
        }
        Ok(out)
    }

    /// Cases in a state (`open`, `granted`, `refused`, `withdrawn`) within areas, by area and opening.
    /// Their events are not read.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn cases(
        &self,
        state: &str,
        areas: &[String],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<CaseFile>, StoreError> {
        let limit = limit.clamp(1, LARGEST);
        let mut from = match after {
            Some(after) => {
                let [area, opened, case] = parts(after)?;
                (area.to_owned(), number(opened)?, id(case)?)
            }
            None => (String::new(), i64::MIN, nobody()),
        };
        let step = if areas.is_empty() { limit + 1 } else { LARGEST };
        let mut kept = Vec::new();
        loop {
            let values = args![state, &from.0, from.1, from.2, step as i64];
            let rows = self.db.fetch(CASES, values).await?;
            let full = rows.len() == step;
            for row in &rows {
                from = (row.text(6)?, row.int(7)?, row.id(0)?);
                if within(&from.0, areas) {
                    kept.push(case_file(row)?);
                }
            }
            if kept.len() > limit || !full {
                break;
            }
        }
        Ok(page(kept, limit, |c: &CaseFile| {
            let opened = c.case.opened_at.timestamp_micros().to_string();
            cursor(&[&c.case.area, &opened, &c.case.id.to_string()])
        }))
    }

    async fn case_from(&self, row: &Row) -> Result<CaseFile, StoreError> {
        let mut file = case_file(row)?;
        let values = args![&file.case.subject.shard, file.case.id];
        for row in self.db.fetch(EVENTS, values).await? {
            file.case.events.push(case_event(&row)?);
        }
        Ok(file)
    }

    /// Letters to one subject, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notices_of(&self, shard: &str, subject: Id) -> Result<Vec<Notice>, StoreError> {
        let rows = self.db.fetch(NOTICES_OF, args![shard, subject]).await?;
        rows.iter().map(notice).collect()
    }

    /// All letters, newest first.
    ///
    /// # Errors
    /// When `after` is none of ours, or the database fails.
    pub async fn notices(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Notice>, StoreError> {
        let limit = limit.clamp(1, LARGEST);
        let (at, last) = match after {
            Some(after) => {
                let [at, last] = parts(after)?;
                (number(at)?, id(last)?)
            }
            None => (i64::MAX, nobody()),
        };
        let values = args![at, last, limit as i64 + 1];
        let rows = self.db.fetch(NOTICES, values).await?;
        let items = rows.iter().map(notice).collect::<Result<_, _>>()?;
        Ok(page(items, limit, |n: &Notice| {
            let at = n.made_at.timestamp_micros().to_string();
            cursor(&[&at, &n.id.to_string()])
        }))
    }
}

fn task(row: &Row) -> Result<Task, StoreError> {
    let due = row.int(8)?;
    Ok(Task {
        id: row.id(0)?,
        case: row.id(1)?,
        shard: row.text(2)?,
        step: row.text(3)?,
        title: Bilingual {
            zh: row.text(4)?,
            en: row.text(5)?,
        },
        role: row.word(6)?,
        area: row.text(7)?,
        due: if due == NEVER { None } else { day_of(due) },
        not_before: row.maybe_day(9)?,
        done_at: row.maybe_instant(10)?,
    })
}

/// id, at, actor, happening, note
pub(crate) fn case_event(row: &Row) -> Result<CaseEvent, StoreError> {
    Ok(CaseEvent {
        id: row.id(0)?,
        at: row.instant(1)?,
        by: row.text(2)?,
        what: row.json(3)?,
        note: row.text(4)?,
    })
}

pub(crate) fn case_file(row: &Row) -> Result<CaseFile, StoreError> {
    Ok(CaseFile {
        case: Case {
            id: row.id(0)?,
            subject: subject(row, 1, 2, 3)?,
            programme: row.text(4)?,
            kind: row.word(5)?,
            area: row.text(6)?,
            opened_at: row.instant(7)?,
            events: vec![],
        },
        state: row.text(8)?,
        closed_at: row.maybe_instant(9)?,
    })
}

fn notice(row: &Row) -> Result<Notice, StoreError> {
    Ok(Notice {
        id: row.id(0)?,
        shard: row.text(1)?,
        subject: subject(row, 1, 2, 3)?,
        programme: row.text(4)?,
        kind: row.text(5)?,
        text: Bilingual {
            zh: row.text(6)?,
            en: row.text(7)?,
        },
        objection_until: row.maybe_day(8)?,
        made_at: row.instant(9)?,
    })
}
