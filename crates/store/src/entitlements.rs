//! Reading determinations, awards and what is owed.

use crate::Store;
use crate::error::StoreError;
use crate::page::nobody;
use crate::value::{Row, args, day_number};
use base::{Fen, Id, Month};
use entitlement::determination::{Award, Determination, EntitlementChange, PeriodKey, SubjectKey};
use entitlement::{Outcome, Reason};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

pub(crate) const DETERMINATIONS_OF: &str = "SELECT shard, programme, period, subject, version, id, subject_kind, known_at, made_at, law, outcome, amount, detail, reasons, lines, carry \
     FROM determination WHERE shard = $1 AND subject = $2 ORDER BY programme, period, version";
pub(crate) const VERSIONS: &str = "SELECT shard, programme, period, subject, version, id, subject_kind, known_at, made_at, law, outcome, amount, detail, reasons, lines, carry \
     FROM determination WHERE shard = $1 AND programme = $2 AND period = $3 AND subject = $4 ORDER BY version";
pub(crate) const MARKS: &str = "SELECT subject, version, outcome, amount, detail, reasons, lines, carry \
     FROM determination WHERE shard = $1 AND programme = $2 AND period = $3 ORDER BY subject, version";
pub(crate) const CARRIES: &str = "SELECT subject, version, outcome, carry \
     FROM determination WHERE shard = $1 AND programme = $2 AND period = $3 ORDER BY subject, version";
pub(crate) const WHOLE_PAGE: &str = "SELECT shard, programme, period, subject, version, id, subject_kind, known_at, made_at, law, outcome, amount, detail, reasons, lines, carry \
     FROM determination WHERE shard = $1 AND programme = $2 AND period = $3 AND (subject, version) > ($4, $5) ORDER BY subject, version LIMIT $6";
pub(crate) const REDETERMINED: &str =
    "SELECT DISTINCT shard, subject FROM determination WHERE version > 1 ORDER BY shard, subject";
/// Leaps from shard to shard; `DISTINCT` would read every household.
pub(crate) const SHARDS: &str = "WITH RECURSIVE s(shard) AS (SELECT MIN(shard) FROM household \
     UNION ALL SELECT (SELECT MIN(h.shard) FROM household h WHERE h.shard > s.shard) FROM s WHERE s.shard IS NOT NULL) \
     SELECT shard FROM s WHERE shard IS NOT NULL ORDER BY shard";
pub(crate) const PERIODS: &str = "SELECT programme, period, COUNT(*) FROM determination GROUP BY programme, period ORDER BY programme, period";
pub(crate) const AWARDS_OF: &str = "SELECT shard, subject_kind, subject, id, programme, from_month, to_month, case_id, decided_by, reason, recorded_at \
     FROM award WHERE shard = $1 AND subject = $2 ORDER BY recorded_at, id";
pub(crate) const AWARDS: &str = "SELECT shard, subject_kind, subject, id, programme, from_month, to_month, case_id, decided_by, reason, recorded_at \
     FROM award WHERE programme = $1 ORDER BY shard, subject, id, recorded_at";
pub(crate) const CHANGES_OF: &str = "SELECT shard, subject_kind, subject, id, programme, period, sequence, determination, owed, change, cause, recorded_at \
     FROM entitlement_change WHERE shard = $1 AND subject = $2 ORDER BY programme, period, sequence";
pub(crate) const CHANGES_OF_PERIOD: &str = "SELECT shard, subject_kind, subject, id, programme, period, sequence, determination, owed, change, cause, recorded_at \
     FROM entitlement_change WHERE shard = $1 AND programme = $2 AND period = $3 ORDER BY subject, sequence";
/// By area as last known: subjects, what they are owed, and their members on a day.
pub(crate) const COVERED_HOUSEHOLDS: &str = "SELECT h.area, COUNT(*), CAST(SUM(e.owed) AS BIGINT), CAST(SUM(e.persons) AS BIGINT) FROM ( \
     SELECT c.shard, c.subject, c.owed, (SELECT COUNT(DISTINCT m.person) FROM membership m \
       WHERE m.shard = c.shard AND m.household = c.subject AND m.member = 1 \
       AND m.valid_from <= $4 AND (m.valid_to IS NULL OR m.valid_to > $4) \
       AND NOT EXISTS (SELECT 1 FROM membership n WHERE n.person = m.person \
         AND n.valid_from <= $4 AND (n.valid_to IS NULL OR n.valid_to > $4) \
         AND (n.recorded_at > m.recorded_at OR (n.recorded_at = m.recorded_at AND n.id > m.id)) \
         AND (n.household = m.household OR n.member = 1))) AS persons \
     FROM (SELECT shard, subject, SUM(change) AS owed FROM entitlement_change \
       WHERE shard = $1 AND programme = $2 AND period = $3 AND subject_kind = 'household' \
       GROUP BY shard, subject HAVING SUM(change) > 0) c) e \
     JOIN head h ON h.shard = e.shard AND h.household = e.subject GROUP BY h.area ORDER BY h.area";
pub(crate) const COVERED_PERSONS: &str = "SELECT p.area, COUNT(*), CAST(SUM(c.owed) AS BIGINT), COUNT(DISTINCT p.household) \
     FROM (SELECT shard, subject, SUM(change) AS owed FROM entitlement_change \
       WHERE shard = $1 AND programme = $2 AND period = $3 AND subject_kind = 'person' \
       GROUP BY shard, subject HAVING SUM(change) > 0) c \
     JOIN presence p ON p.shard = c.shard AND p.person = c.subject GROUP BY p.area ORDER BY p.area";
pub(crate) const OUTCOMES: &str = "SELECT outcome, COUNT(*), CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM determination d \
     WHERE shard = $1 AND programme = $2 AND period = $3 AND NOT EXISTS (SELECT 1 FROM determination v \
       WHERE v.shard = d.shard AND v.programme = d.programme AND v.period = d.period AND v.subject = d.subject \
       AND v.version > d.version) \
     GROUP BY outcome ORDER BY outcome";
pub(crate) const OWED_BY_PERIOD: &str = "SELECT period, COUNT(*), CAST(SUM(owed) AS BIGINT) FROM ( \
     SELECT period, subject, SUM(change) AS owed FROM entitlement_change WHERE shard = $1 AND programme = $2 \
     GROUP BY period, subject HAVING SUM(change) > 0) e GROUP BY period ORDER BY period";

/// The word for an outcome that asks nothing.
const NOT_APPLICABLE: &str = "not-applicable";

/// What the latest version says of one subject, in short: enough to see whether a new determination
/// differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its version.
    pub version: u32,
    /// Is the programme in question at all?
    pub in_question: bool,
    /// See [`fingerprint`].
    pub fingerprint: u64,
    /// See [`fingerprint_of_outcome`].
    pub outcome: u64,
}

/// A number over everything that a determination says (outcome, reasons, lines, carry), and not over
/// when it was made or under which file of the law. Equal content gives equal numbers within one build
/// of the program; do not keep them.
///
/// # Errors
/// When the determination cannot be written as JSON.
pub fn fingerprint(determination: &Determination) -> Result<u64, StoreError> {
    let d = determination;
    fingerprint_of_content(&d.outcome, &d.reasons, &d.lines, &d.carry)
}

/// As [`fingerprint`], of what a determination would say.
///
/// # Errors
/// As [`fingerprint`].
pub fn fingerprint_of_content(
    outcome: &Outcome,
    reasons: &[Reason],
    lines: &[(String, serde_json::Value)],
    carry: &Carry,
) -> Result<u64, StoreError> {
    let content = crate::encode::content(outcome, reasons, lines, carry)?;
    let [detail, reasons, lines, carry] = &content.texts;
    let texts = [outcome.name(), detail, reasons, lines, carry];
    Ok(fingerprint_of(texts, content.amount.map(|fen| fen.0)))
}

/// As [`fingerprint`], of the outcome alone: entitled to how much, refused by which condition.
///
/// # Errors
/// As [`fingerprint`].
pub fn fingerprint_of_outcome(outcome: &Outcome) -> Result<u64, StoreError> {
    let content = crate::encode::content(outcome, &[], &[], &Carry::new())?;
    let texts = [outcome.name(), &content.texts[0], "", "", ""];
    Ok(fingerprint_of(texts, content.amount.map(|fen| fen.0)))
}

fn fingerprint_of(texts: [&str; 5], amount: Option<i64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    texts.hash(&mut hasher);
    amount.hash(&mut hasher);
    hasher.finish()
}

/// Who is covered in one area in one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Area, as last known.
    pub area: String,
    /// Households owed something (for programmes of persons: households of such persons).
    pub households: u64,
    /// Their members on the first day of the month (for programmes of persons: the persons).
    pub persons: u64,
    /// Owed for the month.
    pub owed: Fen,
}

/// How many determinations of a period came out how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeCount {
    /// `entitled`, `refused`, `undetermined`, `not-applicable`.
    pub outcome: String,
    /// Subjects.
    pub count: u64,
    /// Sum of their amounts.
    pub amount: Fen,
}

/// What is owed to one subject for one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// To whom.
    pub subject: SubjectKey,
    /// In all.
    pub owed: Fen,
    /// Sequence of the last change.
    pub sequence: u32,
    /// The determination that the last change rests on.
    pub determination: Id,
}

/// Values handed from one period to the next.
pub type Carry = serde_json::Map<String, serde_json::Value>;

impl Store {
    /// Every shard that has households.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn shards(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.db.fetch(SHARDS, vec![]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// Every determination ever made about one subject, by programme, period and version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn determinations_of(
        &self,
        shard: &str,
        subject: Id,
    ) -> Result<Vec<Determination>, StoreError> {
        let rows = self
            .db
            .fetch(DETERMINATIONS_OF, args![shard, subject])
            .await?;
        rows.iter().map(determination).collect()
    }

    /// The versions for one subject, programme and period, the latest last.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions(
        &self,
        shard: &str,
        programme: &str,
        period: PeriodKey,
        subject: Id,
    ) -> Result<Vec<Determination>, StoreError> {
        let values = args![shard, programme, period.to_string(), subject];
        let rows = self.db.fetch(VERSIONS, values).await?;
        rows.iter().map(determination).collect()
    }

    /// The latest version for every subject of a programme and period, in short, for comparing a
    /// population run with what stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn marks(
        &self,
        programme: &str,
        period: PeriodKey,
    ) -> Result<HashMap<Id, Mark>, StoreError> {
        let (programme, period) = (programme.to_owned(), period.to_string());
        let shards = self.shards().await?;
        self.scan(move |source| {
            let mut out = HashMap::new();
            for shard in &shards {
                source.rows(MARKS, args![shard, &programme, &period], |row| {
                    let outcome = row.str(2)?;
                    let texts = [outcome, row.str(4)?, row.str(5)?, row.str(6)?, row.str(7)?];
                    let amount = row.maybe_int(3)?;
                    let mark = Mark {
                        version: row.int(1)? as u32,
                        in_question: outcome != NOT_APPLICABLE,
                        fingerprint: fingerprint_of(texts, amount),
                        outcome: fingerprint_of([outcome, texts[1], "", "", ""], amount),
                    };
                    // In order of version: the last one stays.
                    out.insert(row.id(0)?, mark);
                    Ok(())
                })?;
            }
            Ok(out)
        })
        .await
    }

    /// The values that the latest determinations of a period hand to the next one. Subjects for whom the
    /// programme is not in question are left out: an earlier period then still speaks. Who is in question
    /// and hands over nothing is there with nothing: what earlier periods handed over has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn carries(
        &self,
        programme: &str,
        period: PeriodKey,
    ) -> Result<HashMap<Id, Carry>, StoreError> {
        let (programme, period) = (programme.to_owned(), period.to_string());
        let shards = self.shards().await?;
        self.scan(move |source| {
            let mut out = HashMap::new();
            for shard in &shards {
                source.rows(CARRIES, args![shard, &programme, &period], |row| {
                    let (subject, text) = (row.id(0)?, row.str(3)?);
                    if row.str(2)? == NOT_APPLICABLE {
                        out.remove(&subject);
                    } else if text == "{}" {
                        out.insert(subject, Carry::new());
                    } else {
                        let carry: Carry = serde_json::from_str(text)
                            .map_err(|_| StoreError::corrupt("carry", text))?;
                        out.insert(subject, carry);
                    }
                    Ok(())
                })?;
            }
            Ok(out)
        })
        .await
    }

    /// All versions of a programme and period in a shard, by subject and version, `limit` at a time,
    /// from after the given subject and version; for checks that read everything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn determinations_page(
        &self,
        shard: &str,
        programme: &str,
        period: PeriodKey,
        after: Option<(Id, u32)>,
        limit: usize,
    ) -> Result<Vec<Determination>, StoreError> {
        let (subject, version) = after.unwrap_or((nobody(), 0));
        let period = period.to_string();
        let values = args![shard, programme, period, subject, version, limit as i64];
        let rows = self.db.fetch(WHOLE_PAGE, values).await?;
        rows.iter().map(determination).collect()
    }

    /// Which programmes and periods have determinations, and how many with all versions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn periods(&self) -> Result<Vec<(String, PeriodKey, u64)>, StoreError> {
        let rows = self.db.fetch(PERIODS, vec![]).await?;
        let read = |row: &Row| Ok((row.text(0)?, period(row, 1)?, row.int(2)? as u64));
        rows.iter().map(read).collect()
    }

    /// Subjects that have a second version of some determination, by shard and id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redetermined_subjects(&self) -> Result<Vec<(String, Id)>, StoreError> {
        let rows = self.db.fetch(REDETERMINED, vec![]).await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.id(1)?)))
            .collect()
    }

    /// How the latest determinations of a period came out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outcomes(
        &self,
        programme: &str,
        period: PeriodKey,
    ) -> Result<Vec<OutcomeCount>, StoreError> {
        let mut out: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        for shard in self.shards().await? {
            let values = args![shard, programme, period.to_string()];
            for row in self.db.fetch(OUTCOMES, values).await? {
                let sum = out.entry(row.text(0)?).or_default();
                sum.0 += row.int(1)? as u64;
                sum.1 += row.int(2)?;
            }
        }
        let read = |(outcome, (count, amount))| OutcomeCount {
            outcome,
            count,
            amount: Fen(amount),
        };
        Ok(out.into_iter().map(read).collect())
    }

    /// Every record of awards about one subject, oldest first; the newest of one id holds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn awards_of(&self, shard: &str, subject: Id) -> Result<Vec<Award>, StoreError> {
        let rows = self.db.fetch(AWARDS_OF, args![shard, subject]).await?;
        rows.iter().map(award).collect()
    }

    /// Every award of a programme as it was last recorded, also those that ended, by shard and subject.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn awards(&self, programme: &str) -> Result<Vec<Award>, StoreError> {
        let rows = self.db.fetch(AWARDS, args![programme]).await?;
        let mut latest: Vec<Award> = Vec::new();
        for row in &rows {
            let next = award(row)?;
            match latest.last_mut() {
                Some(last) if last.id == next.id && last.subject == next.subject => *last = next,
                _ => latest.push(next),
            }
        }
        Ok(latest)
    }

    /// The awards of a programme that run in a month, each as it was last recorded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn awards_in_force(
        &self,
        programme: &str,
        month: Month,
    ) -> Result<Vec<Award>, StoreError> {
        let mut found = self.awards(programme).await?;
        found.retain(|a| a.from <= month && a.to.is_none_or(|to| month < to));
        Ok(found)
    }

    /// Every change of what one subject is owed, by programme, period and sequence.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entitlement_changes_of(
        &self,
        shard: &str,
        subject: Id,
    ) -> Result<Vec<EntitlementChange>, StoreError> {
        let rows = self.db.fetch(CHANGES_OF, args![shard, subject]).await?;
        rows.iter().map(change).collect()
    }

    /// Every change of what is owed for a programme and period in a shard, by subject and sequence.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn entitlement_changes_for(
        &self,
        shard: &str,
        programme: &str,
        period: PeriodKey,
    ) -> Result<Vec<EntitlementChange>, StoreError> {
        let values = args![shard, programme, period.to_string()];
        let rows = self.db.fetch(CHANGES_OF_PERIOD, values).await?;
        rows.iter().map(change).collect()
    }

    /// What is owed to each subject for a programme and period.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn owed(
        &self,
        programme: &str,
        period: PeriodKey,
    ) -> Result<HashMap<Id, Owed>, StoreError> {
        let mut out = HashMap::new();
        for shard in self.shards().await? {
            let changes = self.entitlement_changes_for(&shard, programme, period);
            for c in changes.await? {
                let owed = Owed {
                    owed: c.owed,
                    sequence: c.sequence,
                    determination: c.determination,
                    subject: c.subject,
                };
                out.insert(owed.subject.id, owed);
            }
        }
        Ok(out)
    }

    /// For each period of a programme: subjects that are owed something, and how much in all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn owed_by_period(
        &self,
        programme: &str,
    ) -> Result<BTreeMap<String, (u64, Fen)>, StoreError> {
        let mut out: BTreeMap<String, (u64, Fen)> = BTreeMap::new();
        for shard in self.shards().await? {
            for row in self
                .db
                .fetch(OWED_BY_PERIOD, args![shard, programme])
                .await?
            {
                let sum = out.entry(row.text(0)?).or_default();
                *sum = (sum.0 + row.int(1)? as u64, sum.1 + row.fen(2)?);
            }
        }
        Ok(out)
    }

    /// Who is covered by a programme in a month, by area; only areas that begin with one of `areas`
    /// (all when empty). Takes a fraction of a second for a district: keep the answer for months gone by.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn coverage(
        &self,
        programme: &str,
        month: Month,
        areas: &[String],
    ) -> Result<Vec<Coverage>, StoreError> {
        let period = PeriodKey::Month(month).to_string();
        let mut out: BTreeMap<String, Coverage> = BTreeMap::new();
        for shard in self.shards().await? {
            let mut values = args![&shard, programme, &period];
            let persons = self.db.fetch(COVERED_PERSONS, values.clone()).await?;
            values.push(day_number(month.first()).into());
            let households = self.db.fetch(COVERED_HOUSEHOLDS, values).await?;
            let persons = persons.iter().map(|row| (row, 3, 1));
            let households = households.iter().map(|row| (row, 1, 3));
            for (row, household_column, person_column) in households.chain(persons) {
                let area = row.text(0)?;
                if !crate::page::within(&area, areas) {
                    continue;
                }
                let sum = out.entry(area.clone()).or_insert(Coverage {
                    area,
                    households: 0,
                    persons: 0,
                    owed: Fen::ZERO,
                });
                sum.households += row.int(household_column)? as u64;
                sum.persons += row.int(person_column)? as u64;
                sum.owed = sum.owed + row.fen(2)?;
            }
        }
        Ok(out.into_values().collect())
    }
}

fn period(row: &Row, i: usize) -> Result<PeriodKey, StoreError> {
    let text = row.str(i)?;
    text.parse()
        .map_err(|_| StoreError::corrupt("period", text))
}

pub(crate) fn subject(
    row: &Row,
    shard: usize,
    kind: usize,
    id: usize,
) -> Result<SubjectKey, StoreError> {
    Ok(SubjectKey {
        shard: row.text(shard)?,
        kind: row.word(kind)?,
        id: row.id(id)?,
    })
}

pub(crate) fn determination(row: &Row) -> Result<Determination, StoreError> {
    let amount = row.maybe_int(11)?.map(Fen);
    let outcome = match row.str(10)? {
        "entitled" => Outcome::Entitled { amount },
        "not-applicable" => Outcome::NotApplicable,
        _ => row.json(12)?,
    };
    Ok(Determination {
        id: row.id(5)?,
        subject: subject(row, 0, 6, 3)?,
        programme: row.text(1)?,
        period: period(row, 2)?,
        version: row.small(4)?,
        known_at: row.instant(7)?,
        made_at: row.instant(8)?,
        law: row.text(9)?,
        outcome,
        reasons: row.json::<Vec<Reason>>(13)?,
        lines: row.json(14)?,
        carry: row.json(15)?,
    })
}

pub(crate) fn award(row: &Row) -> Result<Award, StoreError> {
    Ok(Award {
        subject: subject(row, 0, 1, 2)?,
        id: row.id(3)?,
        programme: row.text(4)?,
        from: row.month(5)?,
        to: row.maybe_month(6)?,
        case: row.maybe_id(7)?,
        decided_by: row.text(8)?,
        reason: row.text(9)?,
        recorded_at: row.instant(10)?,
    })
}

pub(crate) fn change(row: &Row) -> Result<EntitlementChange, StoreError> {
    Ok(EntitlementChange {
        subject: subject(row, 0, 1, 2)?,
        id: row.id(3)?,
        programme: row.text(4)?,
        period: period(row, 5)?,
        sequence: row.small(6)?,
        determination: row.id(7)?,
        owed: row.fen(8)?,
        change: row.fen(9)?,
        cause: row.text(10)?,
        recorded_at: row.instant(11)?,
    })
}
