//! A population in Arrow: households as they were on a day, and what is determined for them.
//!
//! Decides: how a row is laid out, so that what is read back is what the row road is handed: the same
//! slice, the same values from the period before. Whoever holds the rows (Parquet files, an engine's
//! batches) needs nothing else to determine.
//! Never: opens a file, evaluates a rule.
//! Entrance: [`Households`] and [`read_households`]; [`Determined`].
//!
//! A household row has `shard`, `household` (16 bytes), `area`, `facts`, `members` and `handed`. A fact
//! is the slot of its kind and its value as JSON text; which kind a slot is stands in the [`Manifest`].
//! Identities of the pieces of evidence are left out: no result names them.

use crate::determination::{PeriodKey, SubjectKey};
use crate::rules::Carry;
use crate::{Evaluation, Outcome};
use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, UInt16Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, FixedSizeBinaryArray, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, UInt16Array,
};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use base::{Day, Fen, Id, Instant, Month};
use policy::programme::Subject;
use registry::record::Sex;
use registry::slice::{Fact, HouseholdSlice, KindList, MemberSlice};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The layout of rows and manifest; a reader refuses another.
pub const LAYOUT: u32 = 1;

/// Why rows are no population.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    /// A column is missing, or of another type.
    #[error("the column `{0}` is missing or not of the layout's type; export the partitions again")]
    Column(&'static str),
    /// A value that does not belong there.
    #[error("the column `{column}` holds {value}; export the partitions again")]
    Value {
        /// Which column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// Arrow's own.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

fn item(ty: DataType) -> FieldRef {
    Arc::new(Field::new("item", ty, false))
}

fn fields(list: &[(&str, DataType, bool)]) -> Fields {
    list.iter()
        .map(|(name, ty, null)| Field::new(*name, ty.clone(), *null))
        .collect()
}

fn fact_fields() -> Fields {
    fields(&[
        ("kind", DataType::UInt16, false),
        ("value", DataType::Utf8, false),
    ])
}

fn member_fields() -> Fields {
    fields(&[
        ("person", DataType::FixedSizeBinary(16), false),
        ("relation", DataType::Utf8, false),
        ("male", DataType::Boolean, false),
        ("birth", DataType::Date32, false),
        ("facts", list_of(fact_fields()), false),
    ])
}

fn handed_fields() -> Fields {
    fields(&[
        ("programme", DataType::Utf8, false),
        ("subject", DataType::FixedSizeBinary(16), false),
        ("value", DataType::Utf8, false),
    ])
}

fn list_of(fields: Fields) -> DataType {
    DataType::List(item(DataType::Struct(fields)))
}

/// Columns of a household row.
pub fn household_schema() -> SchemaRef {
    Arc::new(Schema::new(fields(&[
        ("shard", DataType::Utf8, false),
        ("household", DataType::FixedSizeBinary(16), false),
        ("area", DataType::Utf8, false),
        ("facts", list_of(fact_fields()), false),
        ("members", list_of(member_fields()), false),
        ("handed", list_of(handed_fields()), false),
    ])))
}

/// Columns of a determined row.
pub fn determined_fields() -> Fields {
    fields(&[
        ("area", DataType::Utf8, false),
        ("shard", DataType::Utf8, false),
        ("subject", DataType::Utf8, false),
        ("kind", DataType::Utf8, false),
        ("programme", DataType::Utf8, false),
        ("period", DataType::Utf8, false),
        ("outcome", DataType::Utf8, false),
        ("amount_fen", DataType::Int64, true),
        ("condition", DataType::Utf8, true),
        ("missing", DataType::Utf8, true),
        ("reasons", DataType::Utf8, false),
        ("lines", DataType::Utf8, false),
        ("carry", DataType::Utf8, false),
        ("fault", DataType::Utf8, true),
    ])
}

/// What stands in `outcome` where the rules could not be run; `fault` says why.
pub const FAILED: &str = "failed";

/// Facts of several subjects.
#[derive(Default)]
struct Facts {
    ends: Vec<i32>,
    kinds: Vec<u16>,
    values: StringBuilder,
}

impl Facts {
    fn push(&mut self, facts: &[Fact]) {
        for fact in facts {
            self.kinds.push(fact.kind);
            self.values.append_value(&fact.value);
        }
        self.ends.push(self.kinds.len() as i32);
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        list(
            fact_fields(),
            &mut self.ends,
            vec![
                Arc::new(UInt16Array::from(std::mem::take(&mut self.kinds))),
                Arc::new(self.values.finish()),
            ],
        )
    }
}

/// A list column from where each row's items end.
fn list(
    fields: Fields,
    ends: &mut Vec<i32>,
    columns: Vec<ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.append(ends);
    let items = StructArray::try_new(fields.clone(), columns, None)?;
    Ok(Arc::new(ListArray::try_new(
        item(DataType::Struct(fields)),
        OffsetBuffer::new(ScalarBuffer::from(offsets)),
        Arc::new(items),
        None,
    )?))
}

/// Sixteen bytes each: ids.
struct Ids(FixedSizeBinaryBuilder);

impl Default for Ids {
    fn default() -> Ids {
        Ids(FixedSizeBinaryBuilder::new(16))
    }
}

impl Ids {
    fn push(&mut self, id: Id) -> Result<(), ArrowError> {
        self.0.append_value(id.as_bytes())
    }
}

/// Households being gathered into a batch.
#[derive(Default)]
pub struct Households {
    shards: StringBuilder,
    ids: Ids,
    areas: StringBuilder,
    facts: Facts,
    member_ends: Vec<i32>,
    persons: Ids,
    relations: StringBuilder,
    males: Vec<bool>,
    births: Vec<i32>,
    member_facts: Facts,
    handed_ends: Vec<i32>,
    handed_programmes: StringBuilder,
    handed_to: Ids,
    handed: StringBuilder,
    handed_count: i32,
}

impl Households {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.member_ends.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.member_ends.is_empty()
    }

    /// Adds a household with what the period before handed over, by programme and subject.
    ///
    /// # Errors
    /// None that a slice can cause; Arrow's own.
    pub fn push<'c>(
        &mut self,
        slice: &HouseholdSlice,
        handed: impl Iterator<Item = (&'c str, Id, &'c Carry)>,
    ) -> Result<(), PartitionError> {
        self.shards.append_value(&slice.shard);
        self.ids.push(slice.household)?;
        self.areas.append_value(&slice.area);
        self.facts.push(&slice.facts);
        for member in &slice.members {
            self.persons.push(member.person)?;
            self.relations.append_value(&member.relation);
            self.males.push(member.sex == Sex::Male);
            self.births.push(Date32Type::from_naive_date(member.birth));
            self.member_facts.push(&member.facts);
        }
        self.member_ends.push(self.males.len() as i32);
        for (programme, subject, carry) in handed {
            self.handed_programmes.append_value(programme);
            self.handed_to.push(subject)?;
            let text = serde_json::to_string(carry).unwrap_or_default();
            self.handed.append_value(text);
            self.handed_count += 1;
        }
        self.handed_ends.push(self.handed_count);
        Ok(())
    }

    /// The batch; what follows begins a new one.
    ///
    /// # Errors
    /// Arrow's own.
    pub fn finish(&mut self) -> Result<RecordBatch, PartitionError> {
        self.handed_count = 0;
        let members = vec![
            Arc::new(self.persons.0.finish()) as ArrayRef,
            Arc::new(self.relations.finish()),
            Arc::new(BooleanArray::from(std::mem::take(&mut self.males))),
            Arc::new(Date32Array::from(std::mem::take(&mut self.births))),
            self.member_facts.finish()?,
        ];
        let handed = vec![
            Arc::new(self.handed_programmes.finish()) as ArrayRef,
            Arc::new(self.handed_to.0.finish()),
            Arc::new(self.handed.finish()),
        ];
        let columns = vec![
            Arc::new(self.shards.finish()) as ArrayRef,
            Arc::new(self.ids.0.finish()),
            Arc::new(self.areas.finish()),
            self.facts.finish()?,
            list(member_fields(), &mut self.member_ends, members)?,
            list(handed_fields(), &mut self.handed_ends, handed)?,
        ];
        Ok(RecordBatch::try_new(household_schema(), columns)?)
    }
}

/// Households read from a batch.
#[derive(Debug, Default)]
pub struct HouseholdRows {
    /// As the row road takes them.
    pub slices: Vec<HouseholdSlice>,
    /// What was handed over, by place of the programme among those asked, and subject.
    pub handed: HashMap<(usize, Id), Carry>,
}

/// Reads the columns of [`household_schema`], in its order. Only what was handed over for `programmes` is
/// read.
///
/// # Errors
/// [`PartitionError`], when they are not of this layout.
pub fn read_households(
    columns: &[ArrayRef],
    programmes: &[&str],
) -> Result<HouseholdRows, PartitionError> {
    const NAMES: [&str; 6] = ["shard", "household", "area", "facts", "members", "handed"];
    let column = |n: usize| columns.get(n).ok_or(PartitionError::Column(NAMES[n]));
    let shards = text(column(0)?, NAMES[0])?;
    let ids = binary(column(1)?, NAMES[1])?;
    let areas = text(column(2)?, NAMES[2])?;
    let facts = FactRows::of(column(3)?)?;
    let members = rows_of(column(4)?, NAMES[4])?;
    let handed = rows_of(column(5)?, NAMES[5])?;
    let member = |name| child(members, name);
    let persons = binary(member("person")?, "person")?;
    let relations = text(member("relation")?, "relation")?;
    let males = member("male")?
        .as_boolean_opt()
        .ok_or(PartitionError::Column("male"))?;
    let births = member("birth")?
        .as_primitive_opt::<Date32Type>()
        .ok_or(PartitionError::Column("birth"))?;
    let member_facts = FactRows::of(member("facts")?)?;
    let mut found = HouseholdRows::default();
    found.slices.reserve(shards.len());
    for row in 0..shards.len() {
        let mut slice = HouseholdSlice {
            household: id(ids, row, "household")?,
            shard: shards.value(row).into(),
            area: areas.value(row).into(),
            facts: facts.row(row),
            members: Vec::new(),
        };
        let range = range(members, row);
        slice.members.reserve(range.len());
        for at in range {
            slice.members.push(MemberSlice {
                person: id(persons, at, "person")?,
                relation: relations.value(at).into(),
                sex: match males.value(at) {
                    true => Sex::Male,
                    false => Sex::Female,
                },
                birth: day(births, at)?,
                facts: member_facts.row(at),
            });
        }
        found.slices.push(slice);
    }
    let names = text(child(handed, "programme")?, "programme")?;
    let subjects = binary(child(handed, "subject")?, "subject")?;
    let values = text(child(handed, "value")?, "value")?;
    for row in 0..shards.len() {
        for at in range(handed, row) {
            let asked = programmes.iter().position(|p| *p == names.value(at));
            let Some(asked) = asked else { continue };
            let carry = serde_json::from_str(values.value(at)).map_err(|error| {
                let value = format!("`{}`, which is no value: {error}", values.value(at));
                PartitionError::Value {
                    column: "handed",
                    value,
                }
            })?;
            let subject = id(subjects, at, "subject")?;
            found.handed.insert((asked, subject), carry);
        }
    }
    Ok(found)
}

/// The facts of a list column.
struct FactRows<'a> {
    list: &'a ListArray,
    kinds: &'a [u16],
    values: &'a StringArray,
}

impl<'a> FactRows<'a> {
    fn of(column: &'a ArrayRef) -> Result<FactRows<'a>, PartitionError> {
        let list = rows_of(column, "facts")?;
        let kinds = child(list, "kind")?
            .as_primitive_opt::<UInt16Type>()
            .ok_or(PartitionError::Column("kind"))?;
        Ok(FactRows {
            list,
            kinds: kinds.values(),
            values: text(child(list, "value")?, "value")?,
        })
    }

    fn row(&self, row: usize) -> Vec<Fact> {
        let fact = |at: usize| Fact {
            kind: self.kinds[at],
            evidence: Id::from_bytes([0; 16]),
            value: self.values.value(at).into(),
        };
        range(self.list, row).map(fact).collect()
    }
}

fn text<'a>(column: &'a ArrayRef, name: &'static str) -> Result<&'a StringArray, PartitionError> {
    column
        .as_string_opt::<i32>()
        .ok_or(PartitionError::Column(name))
}

fn binary<'a>(
    column: &'a ArrayRef,
    name: &'static str,
) -> Result<&'a FixedSizeBinaryArray, PartitionError> {
    column
        .as_fixed_size_binary_opt()
        .ok_or(PartitionError::Column(name))
}

/// A list of records without gaps.
fn rows_of<'a>(column: &'a ArrayRef, name: &'static str) -> Result<&'a ListArray, PartitionError> {
    let list = column
        .as_list_opt::<i32>()
        .ok_or(PartitionError::Column(name))?;
    match list.values().as_struct_opt() {
        Some(_) if list.null_count() == 0 => Ok(list),
        _ => Err(PartitionError::Column(name)),
    }
}

fn child<'a>(list: &'a ListArray, name: &'static str) -> Result<&'a ArrayRef, PartitionError> {
    let items = list.values().as_struct_opt();
    let column = items.and_then(|items| items.column_by_name(name));
    match column {
        Some(column) if column.null_count() == 0 => Ok(column),
        _ => Err(PartitionError::Column(name)),
    }
}

fn range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

fn id(array: &FixedSizeBinaryArray, at: usize, column: &'static str) -> Result<Id, PartitionError> {
    Id::from_slice(array.value(at)).ok_or_else(|| PartitionError::Value {
        column,
        value: "no id of 16 bytes".into(),
    })
}

fn day(array: &Date32Array, at: usize) -> Result<Day, PartitionError> {
    array
        .value_as_date(at)
        .ok_or_else(|| PartitionError::Value {
            column: "birth",
            value: format!("the day {}", array.value(at)),
        })
}

/// Determinations being gathered into a batch.
#[derive(Default)]
pub struct Determined {
    texts: [StringBuilder; 7],
    amounts: Vec<Option<i64>>,
    optional: [StringBuilder; 2],
    contents: [StringBuilder; 3],
    faults: StringBuilder,
}

/// What a determined row is about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Where the household lives on the reference day; empty when that is not known.
    pub area: &'a str,
    /// Whom.
    pub subject: &'a SubjectKey,
    /// Programme id.
    pub programme: &'a str,
    /// For what.
    pub period: PeriodKey,
}

impl Determined {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.amounts.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.amounts.is_empty()
    }

    /// Adds what the rules yield.
    pub fn push(&mut self, about: About<'_>, evaluation: &Evaluation) {
        let e = evaluation;
        self.content(
            about,
            &e.outcome,
            [&json(&e.reasons), &json(&e.lines), &json(&e.carry)],
        );
    }

    /// Adds an outcome, with its grounds, lines and what it hands on as JSON texts.
    pub fn content(&mut self, about: About<'_>, outcome: &Outcome, contents: [&str; 3]) {
        let (amount, condition, missing) = match outcome {
            Outcome::NotApplicable => (None, None, None),
            Outcome::Refused { condition } => (None, Some(condition.clone()), None),
            Outcome::Undetermined { missing } => (None, None, Some(json(missing))),
            Outcome::Entitled { amount } => (amount.map(|Fen(fen)| fen), None, None),
        };
        self.row(
            about,
            outcome.name(),
            amount,
            [condition, missing],
            contents,
            None,
        );
    }

    /// Adds a subject whose rules could not be run.
    pub fn failed(&mut self, about: About<'_>, fault: &str) {
        self.row(
            about,
            FAILED,
            None,
            [None, None],
            ["[]", "[]", "{}"],
            Some(fault),
        );
    }

    fn row(
        &mut self,
        about: About<'_>,
        outcome: &str,
        amount: Option<i64>,
        optional: [Option<String>; 2],
        contents: [&str; 3],
        fault: Option<&str>,
    ) {
        let kind = match about.subject.kind {
            Subject::Household => "household",
            Subject::Person => "person",
        };
        let texts = [
            about.area,
            &about.subject.shard,
            &about.subject.id.to_string(),
            kind,
            about.programme,
            &about.period.to_string(),
            outcome,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.append_value(text);
        }
        self.amounts.push(amount);
        for (column, text) in self.optional.iter_mut().zip(optional) {
            column.append_option(text);
        }
        for (column, text) in self.contents.iter_mut().zip(contents) {
            column.append_value(text);
        }
        self.faults.append_option(fault);
    }

    /// The rows, one column a field of [`determined_fields`]; what follows begins anew.
    ///
    /// # Errors
    /// Arrow's own.
    pub fn finish(&mut self) -> Result<StructArray, PartitionError> {
        let text = |column: &mut StringBuilder| Arc::new(column.finish()) as ArrayRef;
        let mut columns: Vec<ArrayRef> = self.texts.iter_mut().map(text).collect();
        columns.push(Arc::new(Int64Array::from(std::mem::take(
            &mut self.amounts,
        ))));
        columns.extend(self.optional.iter_mut().map(text));
        columns.extend(self.contents.iter_mut().map(text));
        columns.push(text(&mut self.faults));
        Ok(StructArray::try_new(determined_fields(), columns, None)?)
    }
}

fn json(value: &impl Serialize) -> String {
    // Reasons, lines and carries are texts, numbers and lists of them: they always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

/// What lies in a folder of partitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`LAYOUT`] of whoever wrote it.
    pub layout: u32,
    /// As known at this moment.
    pub known_at: Instant,
    /// Digest of the law whose kinds the slots are.
    pub law: String,
    /// Names of the kinds about households, by slot, and whether many count side by side.
    pub household_kinds: Vec<(String, bool)>,
    /// Names of the kinds about persons.
    pub person_kinds: Vec<(String, bool)>,
    /// Files of households.
    pub households: Vec<HouseholdFile>,
    /// Files of determinations that stood.
    pub standing: Vec<StandingFile>,
}

/// A file of households of one area, as they were on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HouseholdFile {
    /// Relative to the folder, with `/`.
    pub path: String,
    /// The month that is determined from it.
    pub month: Month,
    /// The day it shows.
    pub day: Day,
    /// Where they live on the day.
    pub area: String,
    /// The home shard of their records.
    pub shard: String,
    /// How many.
    pub households: u64,
    /// Their members.
    pub persons: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
}

/// A file of determinations that stood at the manifest's moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StandingFile {
    /// Relative to the folder, with `/`.
    pub path: String,
    /// The month that they are compared with.
    pub month: Month,
    /// Programmes that were determined for the month; others are not to be compared.
    pub programmes: Vec<String>,
    /// How many.
    pub rows: u64,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
}

impl Manifest {
    /// The kinds are those of a law that asks for `kinds`?
    ///
    /// # Errors
    /// In words: which slot is another kind.
    pub fn fits(&self, kinds: &KindList) -> Result<(), String> {
        let pairs = [
            ("household", &self.household_kinds, &kinds.household),
            ("person", &self.person_kinds, &kinds.person),
        ];
        for (subject, here, law) in pairs {
            if here == law {
                continue;
            }
            let at = here.iter().zip(law).take_while(|(a, b)| a == b).count();
            let name = |list: &Vec<(String, bool)>| {
                list.get(at).map_or("nothing", |(name, _)| name).to_string()
            };
            return Err(format!(
                "the partitions were exported for other kinds of {subject} evidence: slot {at} is `{}` there and `{}` in this law; export again with this law",
                name(here),
                name(law),
            ));
        }
        Ok(())
    }
}
