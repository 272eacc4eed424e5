//! The register itself from a table: one row a person, rows with one household key form a household.
//! Columns of evidence about the persons may stand beside.

use super::evidence::{
    Columns, Kind, columns, heading, period, readable, record, values, wrong_number,
};
use super::sheet::{Row, Table};
use super::value::day;
use super::{About, Directory, Imported, Importer, KindSpec, Known, Problem, SheetError, Why, why};
use crate::identity::{canonical, person_number};
use crate::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Provenance, Residence, Sex,
};
use crate::timeline::HEAD;
use base::{Day, Id, Period};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Relations to the head that a form may give.
pub const RELATIONS: [&str; 5] = [HEAD, "配偶", "子女", "父母", "其他"];

/// What a register file yields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// Persons that the register does not hold yet.
    pub persons: Vec<Person>,
    /// Households.
    pub households: Vec<Household>,
    /// Who the new persons are.
    pub identities: Vec<Identity>,
    /// Where the households live.
    pub residences: Vec<Residence>,
    /// Who belongs where.
    pub memberships: Vec<Membership>,
    /// What else the rows say.
    pub evidence: Vec<Evidence>,
    /// Where money goes.
    pub payees: Vec<PayeeAccount>,
}

/// A table whose columns are understood.
#[derive(Clone, Debug)]
pub struct Sheet {
    table: Table,
    columns: Columns,
    kinds: Vec<Kind>,
    digest: String,
    today: Day,
}

impl Sheet {
    /// Understands a file.
    ///
    /// # Errors
    /// [`SheetError`] when it cannot be read, or lacks a column that every row needs.
    pub fn read(
        file: &str,
        bytes: &[u8],
        kinds: &[KindSpec],
        today: Day,
    ) -> Result<Sheet, SheetError> {
        let kinds = readable(kinds);
        let table = Table::read(file, bytes, &|text| heading(&kinds, text))?;
        let columns = columns(&table, &kinds)?;
        let needed = [
            (Known::HouseholdKey, "户编号"),
            (Known::Name, "姓名"),
            (Known::Number, "身份证号码"),
            (Known::Relation, "与户主关系"),
            (Known::Area, "社区代码"),
            (Known::From, "起始日期"),
        ];
        for (which, name) in needed {
            if columns.at(which).is_none() {
                return Err(SheetError::Header {
                    file: file.into(),
                    wanted: name.into(),
                });
            }
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
        let cells = self
            .table
            .rows
            .iter()
            .map(|row| self.columns.cell(row, Known::Number));
        let mut out: Vec<String> = cells
            .filter(|cell| !cell.is_empty())
            .map(|cell| canonical(&cell.show()))
            .collect();
        out.sort();
        out.dedup();
        out
    }

    /// The codes of areas that rows name, each once.
    pub fn areas(&self) -> Vec<String> {
        let cells = self
            .table
            .rows
            .iter()
            .map(|row| self.columns.cell(row, Known::Area));
        let mut out: Vec<String> = cells.filter(|c| !c.is_empty()).map(|c| c.show()).collect();
        out.sort();
        out.dedup();
        out
    }

    /// The ids of the households that rows name, to look up: those with a key of the file's own have an id
    /// that follows from it and from `shard`, their home.
    pub fn households(&self, shard: &str) -> Vec<Id> {
        let cells = self
            .table
            .rows
            .iter()
            .map(|row| self.columns.cell(row, Known::HouseholdKey).show());
        let mut out: Vec<Id> = cells
            .filter(|key| !key.is_empty())
            .map(|key| household_id(shard, &key))
            .collect();
        out.sort();
        out.dedup();
        out
    }

    /// The records and the problems. New records get `shard` as their home. `areas` holds the codes that
    /// a household may live in. A household with a bad row is left out whole: half of it would be wrong.
    pub fn finish(
        &self,
        directory: &Directory,
        areas: &HashSet<String>,
        shard: &str,
        importer: &Importer,
    ) -> Imported<Records> {
        let mut out = Imported {
            records: Records::default(),
            rows: self.table.rows.len(),
            good: 0,
            problems: Vec::new(),
        };
        let mut households: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in &self.table.rows {
            let key = self.columns.cell(row, Known::HouseholdKey).show();
            households.entry(key).or_default().push(row);
        }
        let mut numbers: HashMap<String, u32> = HashMap::new();
        for (key, rows) in &households {
            let mut problems = Vec::new();
            let mut records = Records::default();
            let maker = Maker {
                sheet: self,
                directory,
                areas,
                shard,
                importer,
            };
            maker.household(key, rows, &mut numbers, &mut records, &mut problems);
            if problems.is_empty() {
                out.good += rows.len();
                out.records.append(records);
            } else {
                out.problems.append(&mut problems);
            }
        }
        out.problems.sort_by_key(|p| p.line);
        out
    }
}

impl Records {
    fn append(&mut self, mut other: Records) {
        self.persons.append(&mut other.persons);
        self.households.append(&mut other.households);
        self.identities.append(&mut other.identities);
        self.residences.append(&mut other.residences);
        self.memberships.append(&mut other.memberships);
        self.evidence.append(&mut other.evidence);
        self.payees.append(&mut other.payees);
    }
}

struct Maker<'a> {
    sheet: &'a Sheet,
    directory: &'a Directory,
    areas: &'a HashSet<String>,
    shard: &'a str,
    importer: &'a Importer,
}

impl Maker<'_> {
    fn heading(&self, which: Known) -> &str {
        let at = self.sheet.columns.at(which);
        at.map_or("", |i| self.sheet.table.header[i].as_str())
    }

    fn show(&self, row: &Row, which: Known) -> String {
        self.sheet.columns.cell(row, which).show()
    }

    fn bad(&self, problems: &mut Vec<Problem>, row: &Row, which: Known, why: Why) {
        problems.push(why.at(row.line, self.heading(which), self.show(row, which)));
    }

    fn provenance(&self, row: &Row) -> Provenance {
        let source = self.show(row, Known::Source);
        Provenance {
            recorded_at: self.importer.at,
            recorded_by: self.importer.by.clone(),
            source: if source.is_empty() {
                self.importer.source.clone()
            } else {
                source
            },
        }
    }

    /// An id that follows from the file's and the row's content.
    fn id(&self, what: &str, row: &Row, about: Id) -> Id {
        let line = row.line.to_string();
        Id::derive(&[
            "import",
            &self.sheet.digest,
            what,
            &line,
            &about.to_string(),
        ])
    }

    fn household(
        &self,
        key: &str,
        rows: &[&Row],
        numbers: &mut HashMap<String, u32>,
        out: &mut Records,
        problems: &mut Vec<Problem>,
    ) {
        let Some(first) = rows.first() else { return };
        if key.is_empty() {
            for row in rows {
                let missing = why(
                    "未填户编号",
                    "has no household",
                    "填写户编号",
                    "write the household's number",
                );
                self.bad(problems, row, Known::HouseholdKey, missing);
            }
            return;
        }
        let household = household_id(self.shard, key);
        let home = self.directory.households.get(&household);
        let shard = home.map_or(self.shard, String::as_str);
        let heads = rows
            .iter()
            .filter(|row| self.show(row, Known::Relation) == HEAD);
        let heads: Vec<&&Row> = heads.collect();
        if heads.len() != 1 {
            let count = heads.len();
            let row = heads.get(1).map_or(*first, |row| **row);
            let fault = why(
                format!("这一户有 {count} 个户主"),
                format!("is of a household with {count} heads"),
                "每户恰好一行写户主",
                "let one row of each household be its head (户主)",
            );
            self.bad(problems, row, Known::Relation, fault);
        }
        let head = heads.first().map_or(*first, |row| **row);
        out.households.push(Household {
            id: household,
            shard: shard.into(),
            opened_at: self.importer.at,
        });
        let area = self.show(head, Known::Area);
        if !self.areas.contains(&area) {
            let unknown = why(
                "没有这个地区代码",
                "is no area that is known",
                "写社区（村）的代码",
                "write the code of the community",
            );
            self.bad(problems, head, Known::Area, unknown);
        }
        let since = period(
            &self.sheet.columns,
            head,
            &self.sheet.table.header,
            &mut Vec::new(),
        );
        if let Some(since) = since {
            out.residences.push(Residence {
                id: self.id("residence", head, household),
                household,
                area,
                address: self.show(head, Known::Address),
                valid: Period::since(since.from),
                provenance: self.provenance(head),
            });
        }
        for row in rows {
            self.member(row, household, numbers, out, problems);
        }
        self.payee(head, household, since, out, problems);
    }

    fn payee(
        &self,
        head: &Row,
        household: Id,
        since: Option<Period>,
        out: &mut Records,
        problems: &mut Vec<Problem>,
    ) {
        let number = crate::identity::tidy(&self.show(head, Known::Account));
        let Some(since) = since.filter(|_| !number.is_empty()) else {
            return;
        };
        if !number.bytes().all(|b| b.is_ascii_digit()) || number.len() < 8 {
            let fault = why(
                "不是银行账号",
                "is no account number",
                "核对账号；在 Excel 中请把该列设为文本",
                "check it; in Excel, format the column as text",
            );
            self.bad(problems, head, Known::Account, fault);
        }
        let holder = self.show(head, Known::Holder);
        out.payees.push(PayeeAccount {
            id: self.id("payee", head, household),
            subject: household,
            holder: if holder.is_empty() {
                self.show(head, Known::Name)
            } else {
                holder
            },
            number,
            bank: self.show(head, Known::Bank),
            valid: Period::since(since.from),
            provenance: self.provenance(head),
        });
    }

    fn member(
        &self,
        row: &Row,
        household: Id,
        numbers: &mut HashMap<String, u32>,
        out: &mut Records,
        problems: &mut Vec<Problem>,
    ) {
        let header = &self.sheet.table.header;
        let valid = period(&self.sheet.columns, row, header, problems);
        let relation = self.show(row, Known::Relation);
        if !RELATIONS.contains(&relation.as_str()) {
            let list = RELATIONS.join("、");
            let unknown = why(
                "不是可用的关系",
                "is no relation that is known",
                format!("应为以下之一：{list}"),
                format!("write one of: {list}"),
            );
            self.bad(problems, row, Known::Relation, unknown);
        }
        let name = self.show(row, Known::Name);
        if name.is_empty() {
            let missing = why("未填姓名", "has no name", "填写姓名", "write the name");
            self.bad(problems, row, Known::Name, missing);
        }
        let Some(who) = self.who(row, numbers, problems) else {
            return;
        };
        let (person, shard) = match &who {
            Member::Known(id, shard) => (*id, shard.clone()),
            Member::New { id, .. } => (*id, self.shard.to_owned()),
        };
        if let Member::New {
            sex, birth, number, ..
        } = who
        {
            out.persons.push(Person {
                id: person,
                shard: shard.clone(),
                opened_at: self.importer.at,
            });
            out.identities.push(Identity {
                id: self.id("identity", row, person),
                person,
                name,
                sex,
                birth,
                number: Some(number),
                provenance: self.provenance(row),
            });
        }
        let Some(valid) = valid else { return };
        out.memberships.push(Membership {
            id: self.id("membership", row, person),
            household,
            person,
            relation,
            member: true,
            valid,
            provenance: self.provenance(row),
        });
        for (kind, value) in values(
            &self.sheet.columns,
            &self.sheet.kinds,
            row,
            header,
            problems,
        ) {
            let subject = match kind.spec.about {
                About::Person => (shard.clone(), person),
                About::Household => {
                    let home = self.directory.households.get(&household);
                    (
                        home.map_or(self.shard, String::as_str).to_owned(),
                        household,
                    )
                }
            };
            let (digest, columns) = (&self.sheet.digest, &self.sheet.columns);
            out.evidence.push(record(
                digest,
                row,
                kind,
                value,
                subject,
                valid,
                self.importer,
                columns,
            ));
        }
    }

    fn who(
        &self,
        row: &Row,
        numbers: &mut HashMap<String, u32>,
        problems: &mut Vec<Problem>,
    ) -> Option<Member> {
        let typed = self.show(row, Known::Number);
        let number = match person_number(&typed, self.sheet.today) {
            Ok(number) => number,
            Err(error) => {
                self.bad(problems, row, Known::Number, wrong_number(&error));
                return None;
            }
        };
        if let Some(line) = numbers.insert(number.text.clone(), row.line) {
            let twice = why(
                format!("与第 {line} 行重复"),
                format!("is in row {line} too"),
                "一人只写一行",
                "let each person have one row",
            );
            self.bad(problems, row, Known::Number, twice);
            return None;
        }
        let by_number = if number.sex == Sex::Male {
            "男"
        } else {
            "女"
        };
        let sex = self.show(row, Known::Sex);
        if !sex.is_empty() && sex != by_number {
            let fault = why(
                format!("与身份证号码不符（号码为{by_number}）"),
                format!("is not what the identity number says ({by_number})"),
                "核对性别和号码",
                "check both",
            );
            self.bad(problems, row, Known::Sex, fault);
        }
        let birth = self.sheet.columns.cell(row, Known::Birth);
        if !birth.is_empty() {
            match day(birth) {
                Ok(day) if day == number.birth => {}
                Ok(_) => {
                    let says = number.birth;
                    let fault = why(
                        format!("与身份证号码不符（号码为 {says}）"),
                        format!("is not what the identity number says ({says})"),
                        "核对日期和号码",
                        "check both",
                    );
                    self.bad(problems, row, Known::Birth, fault);
                }
                Err(fault) => self.bad(problems, row, Known::Birth, fault),
            }
        }
        let known = self
            .directory
            .persons
            .get(&number.text)
            .and_then(|found| found.first());
        Some(match known {
            Some(person) => Member::Known(person.person, person.shard.clone()),
            None => Member::New {
                id: Id::derive(&["person", &number.text]),
                sex: number.sex,
                birth: number.birth,
                number: number.text,
            },
        })
    }
}

/// A household's id: its key when that is one, else made of the key and its home.
fn household_id(shard: &str, key: &str) -> Id {
    match key.parse::<Id>() {
        Ok(id) => id,
        Err(_) => Id::derive(&["household", shard, key]),
    }
}

enum Member {
    Known(Id, String),
    New {
        id: Id,
        sex: Sex,
        birth: Day,
        number: String,
    },
}
