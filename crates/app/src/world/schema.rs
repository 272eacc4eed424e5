//! The district file: which figures apply, and every assumption that no figure gives.

use super::WorldError;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Points of a line: `[[x, y], …]`, x ascending; level beyond the ends.
pub(super) type Curve = Vec<[f64; 2]>;

/// A district file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistrictFile {
    pub(super) areas: Areas,
    pub(super) census: Census,
    pub(super) marital: Marital,
    pub(super) schooling: Vec<Level>,
    pub(super) work: Vec<Work>,
    pub(super) occupations: Vec<Occupation>,
    pub(super) collective: Collective,
    pub(super) households: Households,
    pub(super) relations: Relations,
    pub(super) identity: IdentityNumbers,
    pub(super) names: Names,
    pub(super) bank: Bank,
    pub(super) records: Records,
    pub(super) fortune: Fortune,
    #[serde(default)]
    pub(super) evidence: Vec<Kind>,
    #[serde(default)]
    pub(super) applications: Vec<Application>,
    #[serde(default)]
    pub(super) life: LifeRates,
}

impl DistrictFile {
    /// Reads the YAML text.
    pub fn read(text: &str) -> Result<DistrictFile, WorldError> {
        serde_saphyr::from_str(text).map_err(|e| WorldError::Yaml(e.to_string()))
    }

    /// Indices of the occupations, highest rank first.
    pub(super) fn occupations_by_rank(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.occupations.len()).collect();
        order.sort_by(|&a, &b| {
            self.occupations[b]
                .rank
                .total_cmp(&self.occupations[a].rank)
        });
        order
    }
}

/// Chinese, English and a weight.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub zh: String,
    pub en: String,
    #[serde(default = "one")]
    pub weight: f64,
}

pub(super) fn one() -> f64 {
    1.0
}

/// Streets and communities.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Areas {
    pub code: String,
    pub zh: String,
    pub en: String,
    #[serde(default)]
    pub parent: Option<String>,
    pub street_zh: String,
    pub street_en: String,
    pub community_zh: String,
    pub community_en: String,
    pub streets: Vec<Place>,
    /// Names of communities, used street by street.
    pub communities: Vec<Place>,
    /// Communities in each street.
    pub communities_each: usize,
    /// How far communities' fortunes differ (standard deviation of the logarithm).
    #[serde(default)]
    pub fortune_sigma: f64,
}

/// Names of the census indicators.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Census {
    pub households: String,
    pub persons: String,
    pub persons_in_households: String,
    pub one_person: String,
    /// Households of one, two, three, four and more generations.
    pub generations: [String; 4],
    #[serde(default)]
    pub elders: Option<Elders>,
    pub ages: Vec<AgeGroup>,
    pub marital: SexFigures<MaritalFigures>,
    pub marital_from: u8,
    pub schooling_from: u8,
    pub work_from: u8,
}

/// Households by the number of their elders.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Elders {
    pub age: u8,
    /// With one, two, three and more.
    pub households: [String; 3],
}

/// Persons of an age group; the last group is open above.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgeGroup {
    pub from: u8,
    pub to: u8,
    pub male: String,
    pub female: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SexFigures<T> {
    pub male: T,
    pub female: T,
}

impl<T> SexFigures<T> {
    /// 0 male, 1 female.
    pub fn of(&self, sex: u8) -> &T {
        if sex == 0 { &self.male } else { &self.female }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaritalFigures {
    pub never: String,
    pub married: String,
    pub divorced: String,
    pub widowed: String,
}

impl MaritalFigures {
    pub fn names(&self) -> [&str; 4] {
        [&self.never, &self.married, &self.divorced, &self.widowed]
    }
}

/// Shares of the marital states by age, to start from before the totals are met.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Marital {
    pub male: MaritalCurves,
    pub female: MaritalCurves,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaritalCurves {
    pub never: Curve,
    pub married: Curve,
    pub divorced: Curve,
    pub widowed: Curve,
}

impl MaritalCurves {
    pub fn all(&self) -> [&Curve; 4] {
        [&self.never, &self.married, &self.divorced, &self.widowed]
    }
}

/// A level of schooling, lowest first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Level {
    pub id: String,
    pub male: String,
    pub female: String,
    /// Relative frequency by age, before the totals are met.
    pub by_age: Curve,
}

/// A state of work, or the reason for not working.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Work {
    pub id: String,
    /// Census indicator: persons of both sexes.
    pub figure: String,
    pub male: Curve,
    pub female: Curve,
    /// Whom it takes first within an age: `single`, `married` or `any`.
    #[serde(default)]
    pub prefers: Prefers,
    /// People of this state have an occupation.
    #[serde(default)]
    pub working: bool,
    /// People of this state are at school.
    #[serde(default)]
    pub studying: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Prefers {
    #[default]
    Any,
    Single,
    Married,
}

/// An occupation; those with the higher rank go to the better schooled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Occupation {
    pub id: String,
    pub figure: String,
    pub rank: f64,
}

/// People in dormitories and homes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Collective {
    /// Weight by age below the elders' age.
    pub male: Curve,
    pub female: Curve,
    /// Weight of never-married, married, divorced, widowed persons.
    pub by_marital: [f64; 4],
    /// Share of elders among them where the census does not give their number.
    pub elder_share: f64,
    /// Name of the kind of address.
    pub address_zh: String,
}

/// How households are formed where no figure says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Households {
    /// Of several-person one-generation households, the share that are not couples.
    pub siblings_share: f64,
    /// Of two-generation households, the share with one parent.
    pub lone_parent_share: f64,
    /// Of two-generation households, the share of couples with a parent and without children.
    pub with_parent_share: f64,
    /// Of one-person households, the least share of never-married persons.
    pub one_never_share: f64,
    /// Of couples, the share that live apart.
    pub apart_share: f64,
    /// Standard deviation of each partner's age before partners are matched by rank.
    pub partner_noise: f64,
    /// Mother's age at birth: mean, deviation, least, greatest.
    pub mother_age: [f64; 4],
    /// Share of couples that may have children at home, by the wife's age.
    pub children_at_home: Curve,
    /// Share of households that a woman with a husband heads.
    pub wife_heads: f64,
    /// Share of three-generation households whose older generation are the wife's parents.
    pub wife_parents: f64,
}

/// Words for relations to the head.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Relations {
    pub head: String,
    pub spouse: String,
    pub child: String,
    pub parent: String,
    pub other: String,
}

/// Identity numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityNumbers {
    pub prefixes: Vec<Prefix>,
}

/// An area code at the head of numbers given to those born in its period.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefix {
    pub code: String,
    pub weight: f64,
    /// First and last year of birth.
    #[serde(default)]
    pub born: Option<[i32; 2]>,
}

/// Lists that names are made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    /// Surnames, separated by blanks, commonest first.
    pub surnames: String,
    pub male: Vec<Cohort>,
    pub female: Vec<Cohort>,
    pub roads: String,
}

/// Characters of given names of those born from a year on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cohort {
    pub from: i32,
    pub characters: String,
    /// Share of given names of two characters.
    pub two: f64,
}

/// The bank that all accounts are with: an invented one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bank {
    pub code: String,
    /// First digits of account numbers.
    pub prefix: String,
    /// Length of account numbers, check digit included.
    pub digits: usize,
    /// Share of payments that come back.
    #[serde(default)]
    pub returned: f64,
    /// Reasons for a payment's return (ISO 20022 codes) and their weights.
    #[serde(default)]
    pub return_reasons: BTreeMap<String, f64>,
}

/// Who recorded the opening of the register.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Records {
    /// Days before the first day on which the register was filled.
    pub opened_days_before: i64,
    /// Days before the first day from which on its facts are valid.
    pub valid_days_before: i64,
    pub by: String,
    pub source: String,
}

/// What spreads incomes between households alike in all else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fortune {
    /// Deviation of the logarithm of a household's luck.
    pub sigma: f64,
    /// Share of households in hardship, before tilts; such a household's `hardship` is true.
    pub hardship_share: f64,
    /// Factors of that share by a household's features: each that holds multiplies the odds.
    #[serde(default)]
    pub tilts: Vec<Tilt>,
}

/// If `when` holds for the household's head, the odds of hardship are multiplied.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tilt {
    pub when: BTreeMap<String, Value>,
    pub odds: f64,
}

/// How one kind of evidence is made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    pub kind: String,
    pub of: Of,
    /// The first case whose conditions hold gives the value; no case, no evidence.
    pub cases: Vec<Case>,
    /// Share left out by mistake.
    #[serde(default)]
    pub missing: f64,
    /// Source, if not that of the opening.
    #[serde(default)]
    pub source: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Of {
    Member,
    Household,
}

/// A case of a kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    /// Share of those for whom the conditions hold; the others go on to the next case.
    #[serde(default = "one")]
    pub share: f64,
    pub value: Draw,
    /// Power of the household's luck that multiplies a number.
    #[serde(default)]
    pub luck: f64,
    /// Line by age that multiplies a number.
    #[serde(default)]
    pub by_age: Curve,
    /// Line by the household's size that multiplies a number.
    #[serde(default)]
    pub by_size: Curve,
    /// Evidence whose number is added (as a share of it): `[kind, factor]`.
    #[serde(default)]
    pub plus: Option<(String, f64)>,
    /// Numbers are rounded to this step.
    #[serde(default)]
    pub round: Option<f64>,
    #[serde(default)]
    pub min: Option<f64>,
    #[serde(default)]
    pub max: Option<f64>,
}

/// How a value is drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Draw {
    /// Always this.
    Const(Value),
    /// Median and deviation of the logarithm.
    Lognormal([f64; 2]),
    /// Between two numbers.
    Uniform([f64; 2]),
    /// Values with their weights.
    Choice(Vec<(Value, f64)>),
    /// A day so many days before the register's first day.
    Daysbefore([f64; 2]),
    /// A field of the person or the household.
    Field(String),
    /// Inside a record: a share of another of its fields, between two numbers.
    Part(String, f64, f64),
    /// A context of several draws; a list kind's piece.
    Record(BTreeMap<String, Draw>),
    /// No evidence.
    None,
}

/// Who applies for a programme.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Application {
    pub programme: String,
    pub of: Of,
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    /// A rough line of income a head (yuan a month) that people have in mind; absent: all for whom
    /// `when` holds are alike and `share_near` holds.
    #[serde(default)]
    pub line: Option<f64>,
    /// Kinds that count as income in people's minds.
    #[serde(default)]
    pub income: Vec<String>,
    /// Household kinds with limits a head above which people don't apply: `[kind, limit]`.
    #[serde(default)]
    pub property: Vec<(String, f64)>,
    /// Share that applied by income a head as a multiple of the line.
    #[serde(default)]
    pub share: Curve,
    /// Months before the first day in which the applications were made.
    #[serde(default = "twelve")]
    pub within_months: u32,
}

fn twelve() -> u32 {
    12
}

/// What happens, by the month.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LifeRates {
    /// Births a thousand persons and year.
    pub births: f64,
    /// Mothers' age, by weight.
    pub mother: Curve,
    /// Deaths a thousand persons and year, and their weight by age.
    pub deaths: f64,
    pub mortality: Curve,
    /// Kind that records a death's date, if the law has one.
    pub death_kind: Option<String>,
    /// Households a thousand and year that move within the district, leave it, come to it.
    pub moves_within: f64,
    pub moves_out: f64,
    pub moves_in: f64,
    /// Marriages and divorces a thousand persons and year.
    pub marriages: f64,
    pub divorces: f64,
    pub marital_kind: Option<MaritalWords>,
    /// Changes of evidence.
    pub changes: Vec<Change>,
    /// Days from what happens to its report: weights of ranges.
    pub delays: Vec<Delay>,
    /// Applications a thousand households and year of those who have not applied and are in need,
    /// and of all others.
    pub applications_needy: f64,
    pub applications_other: f64,
    /// Withdrawals a thousand applicants and year.
    pub withdrawals: f64,
    /// Share of a month's changes recorded wrongly and corrected afterwards, and the factor by
    /// which the wrong number is off.
    pub errors: f64,
    pub error_factor: f64,
    /// Who records.
    pub by: String,
    pub source: String,
}

/// Words of the kind that records the marital state.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaritalWords {
    pub kind: String,
    pub married: String,
    pub divorced: String,
    pub widowed: String,
}

/// A change of a member's evidence: new values for some kinds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    pub id: String,
    /// A thousand persons for whom `when` holds, and year.
    pub rate: f64,
    #[serde(default)]
    pub when: BTreeMap<String, Value>,
    /// New values by kind, drawn in the order of the kinds' names.
    pub set: BTreeMap<String, Case>,
    /// Only in these months (1 to 12), with the year's whole rate divided among them.
    #[serde(default)]
    pub months: Vec<u32>,
    /// How many times longer than usual reports take.
    #[serde(default = "one")]
    pub delay: f64,
    /// Programme applied for afterwards, and the share that does.
    #[serde(default)]
    pub applies: Option<(String, f64)>,
    /// The person's state of work from then on.
    #[serde(default)]
    pub work: Option<String>,
}

/// A range of delays in days, with its weight.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delay {
    pub days: [u32; 2],
    pub weight: f64,
}
