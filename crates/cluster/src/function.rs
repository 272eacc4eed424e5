//! The compiled law as a scalar function: a household row in, what is determined for it out.
//!
//! Plans carry functions by name only, so the name holds the digest of the law's texts: a node with another
//! law has no function of that name, and says so instead of computing something else.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{DataFusionError, Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use entitlement::determination::PeriodKey;
use entitlement::determine::subject_of;
use entitlement::partition::{
    About, Determined, determined_fields, household_schema, read_households,
};
use entitlement::rules::Rules;
use entitlement::situation::{LawRules, Population};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What every name begins with; the digest of the law follows.
pub const PREFIX: &str = "minsheng_law_";

/// Part of the message with which a node refuses.
pub const REFUSAL: &str = "this node holds";

/// Arguments before the columns of a household row: programmes, month, known at.
const LEADING: usize = 3;

/// The name of the function of a law.
pub fn name_of(digest: &str) -> String {
    format!("{PREFIX}{digest}")
}

/// The law that a node computes under.
#[derive(Clone, Debug)]
pub enum Holds {
    /// Loaded from its texts.
    Law(Arc<LawRules>),
    /// None: a scheduler plans, and computes nothing.
    Nothing,
}

impl Holds {
    /// The function of a name: the law's own, or one that refuses when it is called.
    pub fn function(&self, name: &str) -> ScalarUDF {
        let law = match self {
            Holds::Law(law) if name_of(law.digest()) == name => Ok(law.clone()),
            Holds::Law(law) => Err(format!("{REFUSAL} the law {}", law.digest())),
            Holds::Nothing => Err(format!("{REFUSAL} no law")),
        };
        ScalarUDF::new_from_impl(Determine {
            name: name.to_string(),
            signature: signature(),
            law,
        })
    }
}

/// What the function yields: a list of records, one a subject and programme.
pub fn result_type() -> DataType {
    DataType::List(Arc::new(result_item()))
}

fn result_item() -> Field {
    Field::new("item", DataType::Struct(determined_fields()), false)
}

fn signature() -> Signature {
    let mut types = vec![DataType::Utf8, DataType::Utf8, DataType::Int64];
    let schema = household_schema();
    types.extend(schema.fields().iter().map(|f| f.data_type().clone()));
    Signature::exact(types, Volatility::Immutable)
}

/// The function. Two of one name are the same: the name holds the law.
#[derive(Debug)]
struct Determine {
    name: String,
    signature: Signature,
    law: std::result::Result<Arc<LawRules>, String>,
}

impl PartialEq for Determine {
    fn eq(&self, other: &Determine) -> bool {
        self.name == other.name
    }
}

impl Eq for Determine {}

impl Hash for Determine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Determine {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(result_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let law = match &self.law {
            Ok(law) => law,
            Err(holds) => {
                let wanted = self.name.trim_start_matches(PREFIX);
                return exec_err!(
                    "the run is under the law {wanted}, and {holds}: give every node the texts of the same law"
                );
            }
        };
        let programmes = literal_text(&args.args, 0)?;
        let programmes: Vec<&str> = programmes.split(',').collect();
        let month = literal_text(&args.args, 1)?
            .parse()
            .map_err(|e| DataFusionError::Execution(format!("the month of the run: {e}")))?;
        let known = literal_number(&args.args, 2)
            .and_then(chrono_micros)
            .ok_or_else(|| DataFusionError::Execution("the moment of the run".into()))?;
        let columns: Vec<ArrayRef> = args
            .args
            .iter()
            .skip(LEADING)
            .map(|c| c.to_array(args.number_rows))
            .collect::<Result<_>>()?;
        let rows = read_households(&columns, &programmes).map_err(external)?;
        let mut population = Population::new(law, &programmes, month, known);
        let mut found = Determined::default();
        let mut ends = vec![0i32; rows.slices.len()];
        let carry = |programme: usize, subject| rows.handed.get(&(programme, subject));
        population.batch(&rows.slices, &carry, false, &mut |answer| {
            let slice = &rows.slices[answer.slice];
            let programme = programmes[answer.programme];
            let about = |subject, period| About {
                area: &slice.area,
                subject,
                programme,
                period,
            };
            match &answer.result {
                Ok(one) => found.push(about(&one.subject, one.period), &one.evaluation),
                Err(fault) => {
                    let subject = subject_of(slice, answer.member);
                    found.failed(about(&subject, PeriodKey::Month(month)), &fault.to_string());
                }
            }
            ends[answer.slice] += 1;
        });
        let mut offsets = Vec::with_capacity(ends.len() + 1);
        offsets.push(0);
        let mut sum = 0;
        for count in ends {
            sum += count;
            offsets.push(sum);
        }
        let list = ListArray::try_new(
            Arc::new(result_item()),
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            Arc::new(found.finish().map_err(external)?),
            None,
        )?;
        Ok(ColumnarValue::Array(Arc::new(list)))
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn chrono_micros(micros: i64) -> Option<base::Instant> {
    base::Instant::from_timestamp_micros(micros)
}

/// A text that is the same in all rows.
fn literal_text(args: &[ColumnarValue], n: usize) -> Result<String> {
    let array = match args.get(n) {
        Some(ColumnarValue::Scalar(value)) => value.to_array()?,
        Some(ColumnarValue::Array(array)) => array.clone(),
        None => return exec_err!("argument {n} of the law's function is missing"),
    };
    match array.as_string_opt::<i32>() {
        Some(texts) if !texts.is_empty() && texts.is_valid(0) => Ok(texts.value(0).to_string()),
        _ => exec_err!("argument {n} of the law's function is no text"),
    }
}

/// A number that is the same in all rows.
fn literal_number(args: &[ColumnarValue], n: usize) -> Option<i64> {
    let array = match args.get(n)? {
        ColumnarValue::Scalar(value) => value.to_array().ok()?,
        ColumnarValue::Array(array) => array.clone(),
    };
    let numbers = array.as_primitive_opt::<Int64Type>()?;
    (!numbers.is_empty() && numbers.is_valid(0)).then(|| numbers.value(0))
}
