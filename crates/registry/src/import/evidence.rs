//! Evidence from a table: one row a subject and period, one column a kind (or a column that names the
//! kind and one with the value).

use super::sheet::{Cell, Row, Table};
use super::value::{ValueType, day_after, first_day};
use super::{
    About, Directory, Imported, Importer, KindSpec, Known, KnownPerson, Problem, SheetError, Why,
    known, plain, why,
};
use crate::identity::{canonical, person_number, tidy};
use crate::record::{Evidence, Provenance};
use base::{Day, Id, Period};
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A table whose columns are understood.
#[derive(Clone, Debug)]
pub struct Sheet {
    table: Table,
    columns: Columns,
    kinds: Vec<Kind>,
    digest: String,
    today: Day,
}

/// A kind with its type read.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) spec: KindSpec,
    pub(crate) value: ValueType,
    pub(crate) nullable: bool,
}

/// Where the columns are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    known: HashMap<Known, usize>,
    /// Kinds with a column each: place in the list of kinds, place of the column.
    kinds: Vec<(usize, usize)>,
    /// Fields of kinds that are records: the kind, the field's name, the column.
    fields: Vec<(usize, String, usize)>,
}

impl Columns {
    pub(crate) fn at(&self, which: Known) -> Option<usize> {
        self.known.get(&which).copied()
    }

    pub(crate) fn cell<'a>(&self, row: &'a Row, which: Known) -> &'a Cell {
        self.at(which)
            .and_then(|i| row.cells.get(i))
            .unwrap_or(&Cell::Empty)
    }
}

/// Reads the kinds' types; kinds that a table cannot hold are left out.
pub(crate) fn readable(kinds: &[KindSpec]) -> Vec<Kind> {
    let read = |spec: &KindSpec| {
        let (mut value, nullable) = ValueType::parse(&spec.type_text).ok()?;
        if !spec.allowed.is_empty() && value == ValueType::Text {
            value = ValueType::Choice(spec.allowed.clone());
        }
        Some(Kind {
            spec: spec.clone(),
            value,
            nullable,
        })
    };
    kinds.iter().filter_map(read).collect()
}

fn kind_of(kinds: &[Kind], heading: &str) -> Option<usize> {
    let heading = plain(heading);
    let named = |k: &Kind| plain(&k.spec.name) == heading || plain(&k.spec.en) == heading;
    if heading.is_empty() {
        None
    } else {
        kinds.iter().position(named)
    }
}

/// The kind and the field that a heading names: `费用`, or `结算.费用` where several kinds have one.
fn field_of(kinds: &[Kind], heading: &str) -> Option<(usize, String)> {
    let heading = plain(heading);
    for (i, kind) in kinds.iter().enumerate() {
        let ValueType::Record(fields) = &kind.value else {
            continue;
        };
        for (name, _, _) in fields {
            let (short, long) = (plain(name), plain(&format!("{}.{name}", kind.spec.name)));
            if heading == short || heading == long {
                return Some((i, name.clone()));
            }
        }
    }
    None
}

/// Finds the columns; every heading must be understood.
pub(crate) fn columns(table: &Table, kinds: &[Kind]) -> Result<Columns, SheetError> {
    let mut out = Columns::default();
    for (i, heading) in table.header.iter().enumerate() {
        // The law's names come first: a kind may be called like a common heading.
        if let Some(kind) = kind_of(kinds, heading) {
            out.kinds.push((kind, i));
        } else if let Some((kind, field)) = field_of(kinds, heading) {
            out.fields.push((kind, field, i));
        } else if let Some(which) = known(heading) {
            if out.known.insert(which, i).is_some() && which != Known::Ignored {
                return Err(SheetError::Twice {
                    file: table.file.clone(),
                    heading: heading.clone(),
                });
            }
        } else if !plain(heading).is_empty() {
            return Err(SheetError::Unknown {
                file: table.file.clone(),
                heading: heading.clone(),
            });
        }
    }
    Ok(out)
}

/// Is a text a heading of a form with these kinds?
pub(crate) fn heading(kinds: &[Kind], text: &str) -> bool {
    known(text).is_some() || kind_of(kinds, text).is_some() || field_of(kinds, text).is_some()
}

impl Sheet {
    /// Understands a file. `today` bounds dates of birth.
    ///
    /// # Errors
    /// [`SheetError`] when the file cannot be read, has no heading, or lacks a column that every row needs.
    pub fn read(
        file: &str,
        bytes: &[u8],
        kinds: &[KindSpec],
        today: Day,
    ) -> Result<Sheet, SheetError> {
        let kinds = readable(kinds);
        let table = Table::read(file, bytes, &|text| heading(&kinds, text))?;
        let columns = columns(&table, &kinds)?;
        let lacks = |wanted: &str| SheetError::Header {
            file: file.into(),
            wanted: wanted.into(),
        };
        let subject = [Known::Number, Known::HeadNumber, Known::HouseholdKey];
        if subject.iter().all(|which| columns.at(*which).is_none()) {
            return Err(lacks("身份证号码"));
        }
        if columns.at(Known::From).is_none() {
            return Err(lacks("起始日期"));
        }
        let long = columns.at(Known::Kind).is_some() && columns.at(Known::Value).is_some();
        if columns.kinds.is_empty() && columns.fields.is_empty() && !long {
            return Err(lacks("一种证据的名称 / the name of a kind of evidence"));
        }
        Ok(Sheet {
            digest: table.digest(),
            table,
            columns,
            kinds,
            today,
        })
    }

    /// Digest of the content, the same whatever format and encoding the file was saved in. Keep a run by
    /// it: a file that was imported before, or was broken off, is finished with the moment, the name and
    /// the source of its first time, and then nothing is recorded twice.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The table, for the report.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The identity numbers to look up, in their one form, each once.
    pub fn numbers(&self) -> Vec<String> {
        let mut out: Vec<String> = self
            .table
            .rows
            .iter()
            .flat_map(|row| [Known::Number, Known::HeadNumber].map(|k| self.columns.cell(row, k)))
            .filter(|cell| !cell.is_empty())
            .map(|cell| canonical(&cell.show()))
            .collect();
        out.sort();
        out.dedup();
        out
    }

    /// The households that rows name by id.
    pub fn households(&self) -> Vec<Id> {
        let cells = self
            .table
            .rows
            .iter()
            .map(|row| self.columns.cell(row, Known::HouseholdKey));
        let mut out: Vec<Id> = cells.filter_map(|cell| cell.show().parse().ok()).collect();
        out.sort();
        out.dedup();
        out
    }

    /// The records and the problems, given what the store knows of those named.
    pub fn finish(&self, directory: &Directory, importer: &Importer) -> Imported<Vec<Evidence>> {
        let mut out = Imported {
            records: Vec::new(),
            rows: self.table.rows.len(),
            good: 0,
            problems: Vec::new(),
        };
        // By subject, kind and first day (and what is told, where several may stand beside each other): the
        // line, and what it says. Fingerprints in place of texts, since a file may hold a million.
        let mut seen: HashMap<(Id, Day, u64), (u32, u64)> = HashMap::new();
        for row in &self.table.rows {
            let mut problems = Vec::new();
            let mut records = self.row(row, directory, importer, &mut problems);
            for record in &records {
                // The same said twice, and two things said of one period: the clerk must choose.
                let many = matches!(
                    self.kind(&record.kind).map(|k| &k.value),
                    Some(ValueType::Record(_))
                );
                let says = fingerprint(&record.value);
                let told = fingerprint(&(&record.kind, many.then_some(says)));
                let key = (record.subject, record.valid.from, told);
                match seen.get(&key) {
                    Some((line, value)) => {
                        let same = *value == says;
                        problems.push(duplicate(*line, same).at(
                            row.line,
                            &record.kind,
                            record.value.to_string(),
                        ));
                    }
                    None => {
                        seen.insert(key, (row.line, says));
                    }
                }
            }
            if problems.is_empty() {
                out.good += 1;
                out.records.append(&mut records);
            } else {
                out.problems.append(&mut problems);
            }
        }
        out
    }

    fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|k| k.spec.name == name)
    }

    fn row(
        &self,
        row: &Row,
        directory: &Directory,
        importer: &Importer,
        problems: &mut Vec<Problem>,
    ) -> Vec<Evidence> {
        let valid = period(&self.columns, row, &self.table.header, problems);
        let person = self.person(row, directory, problems);
        let values = values(
            &self.columns,
            &self.kinds,
            row,
            &self.table.header,
            problems,
        );
        if values.is_empty() && problems.is_empty() {
            let nothing = why(
                "没有填写任何内容",
                "says nothing",
                "填写一项，或删除此行",
                "fill in a value, or delete the row",
            );
            problems.push(nothing.at(row.line, "", ""));
        }
        let (Some(valid), Some(who)) = (valid, person) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (kind, value) in values {
            let subject = match (kind.spec.about, &who) {
                (About::Person, Who::Person(p)) => Some((p.shard.clone(), p.person)),
                (About::Household, Who::Person(p)) => p.household.clone(),
                (About::Household, Who::Household(shard, id)) => Some((shard.clone(), *id)),
                (About::Person, Who::Household(..)) => None,
            };
            let Some((shard, subject)) = subject else {
                let problem = match kind.spec.about {
                    About::Person => why(
                        "是关于个人的，此行却只写了家庭",
                        "is about a person, and the row names a household only",
                        "填写此人的身份证号码",
                        "write the person's identity number",
                    ),
                    About::Household => why(
                        "是关于家庭的，但此人不属于任何家庭",
                        "is about a household, and this person belongs to none",
                        "先登记其家庭",
                        "record the household first",
                    ),
                };
                problems.push(problem.at(row.line, &kind.spec.name, value.to_string()));
                continue;
            };
            out.push(record(
                &self.digest,
                row,
                kind,
                value,
                (shard, subject),
                valid,
                importer,
                &self.columns,
            ));
        }
        out
    }

    fn person(&self, row: &Row, directory: &Directory, problems: &mut Vec<Problem>) -> Option<Who> {
        for which in [Known::Number, Known::HeadNumber] {
            let cell = self.columns.cell(row, which);
            let Some(column) = self.columns.at(which).filter(|_| !cell.is_empty()) else {
                continue;
            };
            let heading = &self.table.header[column];
            let name = match which {
                Known::Number => self.columns.cell(row, Known::Name).show(),
                _ => String::new(),
            };
            return match look_up(&cell.show(), &name, directory, self.today) {
                Ok(person) => Some(Who::Person(person)),
                Err((on_name, why)) => {
                    let name_column = self.columns.at(Known::Name);
                    let (heading, value) = match name_column.filter(|_| on_name) {
                        Some(at) => (&self.table.header[at], name),
                        None => (heading, cell.show()),
                    };
                    problems.push(why.at(row.line, heading, value));
                    None
                }
            };
        }
        let cell = self.columns.cell(row, Known::HouseholdKey);
        let heading = self
            .columns
            .at(Known::HouseholdKey)
            .or(self.columns.at(Known::Number));
        let heading = heading.map_or("", |i| self.table.header[i].as_str());
        if let Ok(id) = cell.show().parse::<Id>()
            && let Some(shard) = directory.households.get(&id)
        {
            return Some(Who::Household(shard.clone(), id));
        }
        let problem = if cell.is_empty() {
            why(
                "未填写是谁",
                "does not say who",
                "填写身份证号码；合并的单元格请拆开，逐行填写",
                "write the identity number; unmerge merged cells and fill in each row",
            )
        } else {
            why(
                "登记册中没有这个家庭",
                "is no household of the register",
                "写家庭的编号，或写户主的身份证号码",
                "write the household's id, or its head's identity number",
            )
        };
        problems.push(problem.at(row.line, heading, cell.show()));
        None
    }
}

fn fingerprint(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Whom a row is about.
enum Who {
    Person(KnownPerson),
    Household(String, Id),
}

fn duplicate(line: u32, same: bool) -> Why {
    if same {
        why(
            format!("与第 {line} 行重复"),
            format!("repeats row {line}"),
            "删除其中一行",
            "delete one of the two",
        )
    } else {
        why(
            format!("与第 {line} 行说的是同一人同一时期，内容不同"),
            format!("is said of the same subject and period in row {line}, otherwise"),
            "只留正确的一行",
            "keep the row that is right",
        )
    }
}

/// A person by number; the name, when given, must agree. The boolean says that the name is at fault.
pub(crate) fn look_up(
    typed: &str,
    name: &str,
    directory: &Directory,
    today: Day,
) -> Result<KnownPerson, (bool, Why)> {
    let number = canonical(typed);
    let found = directory
        .persons
        .get(&number)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let [person] = found else {
        if found.len() > 1 {
            return Err((
                false,
                why(
                    format!("登记册中有 {} 人使用这个号码", found.len()),
                    format!("belongs to {} persons of the register", found.len()),
                    "先更正登记册",
                    "mend the register first",
                ),
            ));
        }
        // Not there: is it a number at all?
        return Err((
            false,
            match person_number(typed, today) {
                Err(error) => wrong_number(&error),
                Ok(_) => why(
                    "登记册中没有这个人",
                    "is of nobody in the register",
                    "核对号码；新来的人先登记",
                    "check the number; record newcomers first",
                ),
            },
        ));
    };
    let same = |a: &str, b: &str| tidy(a).replace('·', "") == tidy(b).replace('·', "");
    if !name.is_empty() && !person.name.is_empty() && !same(name, &person.name) {
        return Err((
            true,
            why(
                "与登记册中这个号码的姓名不符",
                "is not the name that the register has for this number",
                "核对姓名和号码",
                "check the name and the number",
            ),
        ));
    }
    Ok(person.clone())
}

/// A malformed identity number, with what it should be.
pub(crate) fn wrong_number(error: &crate::identity::NumberError) -> Why {
    why(
        error.zh(),
        error.to_string(),
        "对照身份证更正；在 Excel 中请把该列设为文本",
        "correct it by the identity card; in Excel, format the column as text",
    )
}

/// The period of a row.
pub(crate) fn period(
    columns: &Columns,
    row: &Row,
    header: &[String],
    problems: &mut Vec<Problem>,
) -> Option<Period> {
    let from = columns.cell(row, Known::From);
    let to = columns.cell(row, Known::To);
    let name = |which| columns.at(which).map_or("", |i| header[i].as_str());
    let first = if from.is_empty() {
        Err(why(
            "未填起始日期",
            "has no first day",
            "填写起始日期，如 2026-07-01",
            "write the first day, such as 2026-07-01",
        ))
    } else {
        first_day(from)
    };
    let first = first.map_err(|w| problems.push(w.at(row.line, name(Known::From), from.show())));
    let end = day_after(to).map_err(|w| problems.push(w.at(row.line, name(Known::To), to.show())));
    let (first, end) = (first.ok()?, end.ok()?);
    match Period::new(first, end) {
        Ok(period) => Some(period),
        Err(_) => {
            let reversed = why(
                format!("早于起始日期 {first}"),
                format!("is before the first day {first}"),
                "起止日期写反了？",
                "exchange the two dates",
            );
            problems.push(reversed.at(row.line, name(Known::To), to.show()));
            None
        }
    }
}

/// Everything that a row says.
pub(crate) fn values<'k>(
    columns: &Columns,
    kinds: &'k [Kind],
    row: &Row,
    header: &[String],
    problems: &mut Vec<Problem>,
) -> Vec<(&'k Kind, Value)> {
    let mut out = Vec::new();
    for (kind, column) in &columns.kinds {
        let (Some(kind), Some(cell)) = (kinds.get(*kind), row.cells.get(*column)) else {
            continue;
        };
        if cell.is_empty() {
            continue;
        }
        match kind.value.read(cell, kind.nullable) {
            Ok(value) => out.push((kind, value)),
            Err(why) => problems.push(why.at(row.line, &header[*column], cell.show())),
        }
    }
    for (i, kind) in kinds.iter().enumerate() {
        let ValueType::Record(fields) = &kind.value else {
            continue;
        };
        let column = |name: &str| columns.fields.iter().find(|(k, f, _)| *k == i && f == name);
        let cell = |name: &str| column(name).and_then(|(_, _, at)| row.cells.get(*at));
        match ValueType::read_record(fields, cell) {
            Ok(Some(value)) => out.push((kind, value)),
            Ok(None) => {}
            Err(problem) => {
                let (field, shown, why) = *problem;
                let heading =
                    column(&field).map_or(field.as_str(), |(_, _, at)| header[*at].as_str());
                problems.push(why.at(row.line, heading, shown));
            }
        }
    }
    let named = columns.cell(row, Known::Kind);
    let value = columns.cell(row, Known::Value);
    if !named.is_empty() {
        let heading = |which| columns.at(which).map_or("", |i| header[i].as_str());
        match kind_of(kinds, &named.show()).and_then(|i| kinds.get(i)) {
            None => {
                let names: Vec<&str> = kinds.iter().map(|k| k.spec.name.as_str()).collect();
                let list = names.join("、");
                let unknown = why(
                    "法规没有这种证据",
                    "is no kind of evidence that the law knows",
                    format!("应为以下之一：{list}"),
                    format!("write one of: {list}"),
                );
                problems.push(unknown.at(row.line, heading(Known::Kind), named.show()));
            }
            Some(kind) => match kind.value.read(value, kind.nullable) {
                Ok(value) => out.push((kind, value)),
                Err(why) => problems.push(why.at(row.line, heading(Known::Value), value.show())),
            },
        }
    }
    out
}

/// One record, with an id that follows from the file's and the row's content.
#[expect(clippy::too_many_arguments, reason = "all of it goes into one record")]
pub(crate) fn record(
    digest: &str,
    row: &Row,
    kind: &Kind,
    value: Value,
    (shard, subject): (String, Id),
    valid: Period,
    importer: &Importer,
    columns: &Columns,
) -> Evidence {
    let line = row.line.to_string();
    let source = columns.cell(row, Known::Source).show();
    let parts = [
        "import",
        digest,
        &line,
        &kind.spec.name,
        &subject.to_string(),
        &value.to_string(),
    ];
    Evidence {
        id: Id::derive(&parts),
        shard,
        subject,
        kind: kind.spec.name.clone(),
        value,
        valid,
        withdraws: Vec::new(),
        provenance: Provenance {
            recorded_at: importer.at,
            recorded_by: importer.by.clone(),
            source: if source.is_empty() {
                importer.source.clone()
            } else {
                source
            },
        },
    }
}
