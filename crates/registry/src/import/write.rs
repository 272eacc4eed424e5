//! Records back into the tables that this room reads: a list of households and persons, and a list of what
//! is known of them. Reading both into an empty register gives the same facts again.

use super::evidence::{Kind, readable};
use super::template::REGISTER_HEADINGS;
use super::value::shown;
use super::{About, KindSpec};
use crate::record::{Evidence, Identity};
use crate::slice::HouseholdHistory;
use crate::timeline::{self, HEAD};
use base::{Day, Id, Instant};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of the list of households: one a person.
    pub persons: u64,
    /// Pieces of evidence, of which one row holds several.
    pub facts: u64,
    /// Pieces of kinds that no table holds, or about somebody whose number is not known.
    pub left_out: u64,
}

/// The two tables on their way.
pub struct Tables<W: Write> {
    register: csv::Writer<W>,
    facts: csv::Writer<W>,
    kinds: Vec<Kind>,
    /// By name: place among the kinds, and the first of its columns.
    columns: HashMap<String, (usize, usize)>,
    width: usize,
    written: Written,
}

impl<W: Write> Tables<W> {
    /// Writes the headings; for the facts a column for each of `kinds` and for each field of those that are
    /// records.
    ///
    /// # Errors
    /// When the headings cannot be written.
    pub fn new(mut register: W, mut facts: W, kinds: &[KindSpec]) -> io::Result<Tables<W>> {
        // With the mark, so that Excel opens them as UTF-8.
        register.write_all(b"\xef\xbb\xbf")?;
        facts.write_all(b"\xef\xbb\xbf")?;
        let kinds = readable(kinds);
        let mut headings: Vec<String> = ["身份证号码", "起始日期", "截止日期"]
            .map(String::from)
            .into();
        let mut columns = HashMap::new();
        for (n, kind) in kinds.iter().enumerate() {
            columns.insert(kind.spec.name.clone(), (n, headings.len()));
            let own = kind.value.fields();
            match own.is_empty() {
                true => headings.push(kind.spec.name.clone()),
                false => headings.extend(
                    own.iter()
                        .map(|(field, _, _)| format!("{}.{field}", kind.spec.name)),
                ),
            }
        }
        let mut tables = Tables {
            register: csv::Writer::from_writer(register),
            facts: csv::Writer::from_writer(facts),
            kinds,
            columns,
            width: headings.len(),
            written: Written::default(),
        };
        tables.register.write_record(REGISTER_HEADINGS)?;
        tables.facts.write_record(&headings)?;
        Ok(tables)
    }

    /// Adds a household: its members on `day` as known at `known`, and all that stands about it and them.
    /// Members without an identity number are left out.
    ///
    /// # Errors
    /// When the rows cannot be written.
    pub fn add(&mut self, home: &HouseholdHistory, day: Day, known: Instant) -> io::Result<()> {
        let Some(household) = home.household else {
            return Ok(());
        };
        let mut numbers: HashMap<Id, String> = HashMap::new();
        let key = household.to_string();
        let residence = timeline::residence_on(&home.residences, day, known);
        let own = home.payees.iter().filter(|p| p.subject == household);
        let payee = timeline::payee_on(own, day, known);
        for m in timeline::members_on(&home.memberships, household, day, known) {
            let pieces = home.identities.iter().filter(|i| i.person == m.person);
            let Some(Identity {
                name,
                number: Some(number),
                ..
            }) = timeline::identity_at(pieces, known)
            else {
                continue;
            };
            let head = m.relation == HEAD;
            numbers.insert(m.person, number.clone());
            if head {
                numbers.insert(household, number.clone());
            }
            let account = payee.filter(|_| head);
            self.register.write_record([
                &*key,
                name,
                number,
                &m.relation,
                residence.map_or("", |r| &r.area),
                residence.map_or("", |r| &r.address),
                &m.valid.from.to_string(),
                account.map_or("", |p| &p.bank),
                account.map_or("", |p| &p.number),
                account.map_or("", |p| &p.holder),
                &m.provenance.source,
            ])?;
            self.written.persons += 1;
        }
        self.add_facts(home, &numbers, known)
    }

    /// Facts of one subject and period share a row, unless one kind is told twice.
    fn add_facts(
        &mut self,
        home: &HouseholdHistory,
        numbers: &HashMap<Id, String>,
        known: Instant,
    ) -> io::Result<()> {
        let gone = timeline::withdrawn(&home.evidence, known);
        let mut rows: BTreeMap<(&str, Day, Option<Day>), Vec<Vec<String>>> = BTreeMap::new();
        for piece in home
            .evidence
            .iter()
            .filter(|e| e.withdraws.is_empty() && !gone.contains(&e.id))
        {
            let number = numbers.get(&piece.subject);
            let (Some(number), Some(&(kind, at))) = (number, self.columns.get(&piece.kind)) else {
                self.written.left_out += 1;
                continue;
            };
            let kind = &self.kinds[kind];
            if (kind.spec.about == About::Household) != (Some(piece.subject) == home.household) {
                self.written.left_out += 1;
                continue;
            }
            let cells = cells_of(kind, piece);
            let group = rows
                .entry((number, piece.valid.from, piece.valid.to))
                .or_default();
            let free = |row: &Vec<String>| row[at..at + cells.len()].iter().all(String::is_empty);
            let row = match group.iter().position(free) {
                Some(row) => &mut group[row],
                None => {
                    let mut row = vec![String::new(); self.width];
                    row[0] = number.clone();
                    row[1] = piece.valid.from.to_string();
                    // The last day is written, the first day after is kept.
                    let last = piece.valid.to.and_then(|to| to.pred_opt());
                    row[2] = last.map_or_else(String::new, |day| day.to_string());
                    group.push(row);
                    let last = group.len() - 1;
                    &mut group[last]
                }
            };
            row[at..at + cells.len()].clone_from_slice(&cells);
            self.written.facts += 1;
        }
        for row in rows.into_values().flatten() {
            self.facts.write_record(&row)?;
        }
        Ok(())
    }

    /// Writes out what is held back; gives the counts and the two ends.
    ///
    /// # Errors
    /// When the last rows cannot be written.
    pub fn finish(self) -> io::Result<(Written, W, W)> {
        let end = |writer: csv::Writer<W>| writer.into_inner().map_err(|e| e.into_error());
        Ok((self.written, end(self.register)?, end(self.facts)?))
    }
}

fn cells_of(kind: &Kind, piece: &Evidence) -> Vec<String> {
    let fields = kind.value.fields();
    if fields.is_empty() {
        return vec![shown(&piece.value)];
    }
    let of = |name: &str| piece.value.get(name).filter(|v| !v.is_null());
    fields
        .iter()
        .map(|(name, _, _)| of(name).map_or_else(String::new, shown))
        .collect()
}
