//! A working district: its register drawn from census figures, its staff, and months of its life run
//! through the same services that an office uses.

pub mod files;
pub(crate) mod life;

pub use life::{facts_of, touched_by};

use crate::cli::Progress;
use crate::service::pay::{PAYER, Payer};
use crate::service::rules::latest_version;
use crate::service::{Office, ServiceError};
use crate::web::session::hash_password;
use crate::world::{District, GeneratedHousehold, Intent, Options, World, WorldError};
use base::{Id, Month};
use chrono::{NaiveTime, TimeDelta};
use entitlement::change::At;
use entitlement::determination::{Award, SubjectKey};
use entitlement::determine::determine_slice;
use entitlement::rules::Rules;
use entitlement::{Outcome, Role};
use registry::record::Area;
use registry::timeline;
use std::sync::Arc;
use store::{ChangeSet, RegisterChunk, Staff};

/// The setting that holds the last day of a demo's clock.
pub const DEMO_DAY: &str = "demo-day";
/// The setting that says when a demo was last made.
const MADE: &str = "demo-made";
/// The pass phrase of every demo sign-in.
pub const PASSWORD: &str = "demo";

/// Districts that the program carries: a folder each, with `district.yaml` and `census.csv`.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../demo"]
struct Districts;

/// What to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Family households; the whole district when absent.
    pub households: Option<u64>,
    /// Code of another county whose census figures take the place of the district's own.
    pub county: Option<String>,
    /// Same seed, same district.
    pub seed: u64,
    /// First month of its life.
    pub first: Month,
    /// Last month.
    pub last: Month,
}

/// What was made.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Made {
    /// Households in the register at the start.
    pub households: u64,
    /// Persons in the register at the start.
    pub persons: u64,
    /// Pieces of evidence at the start.
    pub evidence: u64,
    /// Month by month.
    pub months: Vec<life::MonthFigures>,
}

/// Why a demo could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The district's figures or rules are wrong.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The months are the wrong way round or not months.
    #[error("{0}")]
    Months(String),
    /// A file cannot be written.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
}

impl From<store::StoreError> for DemoError {
    fn from(error: store::StoreError) -> DemoError {
        DemoError::Service(error.into())
    }
}

/// Reads `2026-09..2026-11`, or one month.
///
/// # Errors
/// When it is neither, or the last month is before the first.
pub fn months(text: &str) -> Result<(Month, Month), DemoError> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let read = |t: &str| {
        t.parse::<Month>()
            .map_err(|e| DemoError::Months(e.to_string()))
    };
    let (first, last) = (read(first)?, read(last)?);
    if last < first {
        return Err(DemoError::Months(format!(
            "{last} is before {first}; write FIRST..LAST"
        )));
    }
    Ok((first, last))
}

/// The shipped district; with a county's code, its streets and its law with that county's population.
///
/// # Errors
/// When its file or its figures are wrong, or there is no such county.
pub fn world(county: Option<&str>) -> Result<World, WorldError> {
    let read = |ending: &str| {
        Districts::iter()
            .find(|name| name.ends_with(ending))
            .and_then(|name| Districts::get(&name))
            .map(|file| String::from_utf8_lossy(&file.data).into_owned())
            .unwrap_or_default()
    };
    let (district, census) = (read("district.yaml"), read("census.csv"));
    match county {
        None => World::load(&district, &census),
        Some(code) => World::load_county(&district, &census, &read("counties.csv"), code),
    }
}

/// Makes the register, the staff and the months.
///
/// # Errors
/// A [`DemoError`]; what was recorded until then stays and is valid.
pub async fn make(office: &Arc<Office>, plan: &Plan) -> Result<Made, DemoError> {
    // Nobody waits for an answer, and a demo that was not finished is made anew.
    office.store.relax();
    let made = make_all(office, plan).await;
    office.store.settle().await?;
    office
        .store
        .set_setting(MADE, &Office::now().today.to_string())
        .await?;
    made
}

async fn make_all(office: &Arc<Office>, plan: &Plan) -> Result<Made, DemoError> {
    let district = draw(plan)?;
    let mut life = life::Simulation::new(office, district, plan);
    let mut made = open(office, district, plan).await?;
    for month in plan.first.through(plan.last) {
        made.months.push(life.month(month).await?);
    }
    Ok(made)
}

/// Makes the register and the staff, and takes over the awards that ran before: the morning of the first
/// month.
///
/// # Errors
/// As [`make`].
pub async fn register(
    office: &Arc<Office>,
    plan: &Plan,
) -> Result<(&'static District<'static>, Made), DemoError> {
    let district = draw(plan)?;
    let made = open(office, district, plan).await?;
    Ok((district, made))
}

/// Draws the population.
fn draw(plan: &Plan) -> Result<&'static District<'static>, DemoError> {
    // Kept for the rest of the process: the threads that make and write the register read it.
    let world: &'static World = Box::leak(Box::new(world(plan.county.as_deref())?));
    let options = Options {
        households: plan.households,
        seed: plan.seed,
        start: plan.first.first(),
    };
    let bar = Progress::new("drawing the population", 0);
    let district: &'static District<'static> = Box::leak(Box::new(world.build(options)?));
    bar.done(&format!(
        "{} households, {} persons",
        district.len(),
        district.persons()
    ));
    Ok(district)
}

async fn open(
    office: &Arc<Office>,
    district: &'static District<'static>,
    plan: &Plan,
) -> Result<Made, DemoError> {
    let world = district.world();
    office.store.put_areas(&areas(office, world)).await?;
    office.store.set_setting("district", world.code()).await?;
    put_staff(office, world).await?;
    let (evidence, applied) = load(office, district).await?;
    take_over(office, district, applied, plan.first).await?;
    Ok(Made {
        households: district.len(),
        persons: district.persons(),
        evidence,
        months: Vec::new(),
    })
}

/// The areas of the district and those around it, parents first.
fn areas(office: &Office, world: &World) -> Vec<Area> {
    let law = office.law();
    let outer = law.places().chain(world.code());
    let mut areas: Vec<Area> = outer
        .iter()
        .rev()
        .filter(|code| *code != world.code())
        .filter_map(|code| law.places().find(code))
        .map(|place| Area {
            code: place.code.clone(),
            name: place.name.clone(),
            name_en: place.name_en.clone(),
            parent: place.parent.clone(),
        })
        .collect();
    areas.extend(world.areas().iter().cloned());
    areas
}

/// One sign-in for each role; the community worker and the caseworker have a street of their own.
async fn put_staff(office: &Office, world: &World) -> Result<(), DemoError> {
    let secret = hash_password(PASSWORD).map_err(ServiceError::Worker)?;
    let district = world.code().to_string();
    let children = |of: &str| -> Option<String> {
        world
            .areas()
            .iter()
            .find(|a| a.parent.as_deref() == Some(of))
            .map(|a| a.code.clone())
    };
    let street = children(&district).unwrap_or_else(|| district.clone());
    let community = children(&street).unwrap_or_else(|| street.clone());
    let people = [
        (
            "community",
            "社区工作者 · Community worker",
            Role::Community,
            &community,
        ),
        (
            "caseworker",
            "街道经办 · Caseworker",
            Role::Caseworker,
            &street,
        ),
        ("approver", "区级审核 · Approver", Role::Approver, &district),
        (
            "finance",
            "财务 · Finance officer",
            Role::Finance,
            &district,
        ),
        ("auditor", "审计 · Auditor", Role::Auditor, &district),
        (
            "analyst",
            "政策分析 · Policy analyst",
            Role::Analyst,
            &district,
        ),
    ];
    for (name, display, role, area) in people {
        office
            .store
            .put_staff(&Staff {
                name: name.into(),
                display: display.into(),
                role,
                areas: vec![area.clone()],
                secret: secret.clone(),
                active: true,
                made_at: Office::now().now,
            })
            .await?;
    }
    let payer = Payer {
        name: "民生资金专户（演示）".into(),
        account: "9990170000000000001".into(),
        bank: "DEMOBANK0001".into(),
    };
    let text = serde_json::to_string(&payer).unwrap_or_default();
    office.store.set_setting(PAYER, &text).await?;
    Ok(())
}

/// Loads the register as it was opened. Gives the pieces of evidence, and the numbers of the households in
/// which somebody had applied for something.
async fn load(
    office: &Office,
    district: &'static District<'static>,
) -> Result<(u64, Vec<u64>), DemoError> {
    let bar = Progress::new("writing the register", district.len());
    let opened = district.household(0).household.opened_at;
    let (send, applied) = std::sync::mpsc::channel();
    let chunks = chunks(district.len()).map(move |range| {
        let mut chunk = RegisterChunk::default();
        for (number, made) in side_by_side(range, |number| district.household(number)) {
            if !made.intents.is_empty() {
                // Nobody listens any more when the load has failed.
                let _ = send.send(number);
            }
            chunk.households.push(made.household);
            chunk.persons.extend(made.persons);
            chunk.identities.extend(made.history.identities);
            chunk.residences.extend(made.history.residences);
            chunk.memberships.extend(made.history.memberships);
            chunk.evidence.extend(made.history.evidence);
            chunk.payees.extend(made.history.payees);
        }
        chunk
    });
    let told = bar.clone();
    let mut before = 0;
    let count = office
        .store
        .load_register(opened, chunks, move |count| {
            told.add(count.households - before);
            before = count.households;
        })
        .await?;
    bar.done(&format!("{} pieces of evidence", count.evidence));
    Ok((count.evidence, applied.try_iter().collect()))
}

/// The numbers of a district's households, as many together as are made and written at once.
fn chunks(count: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    const AT_ONCE: u64 = 2048;
    (0..count.div_ceil(AT_ONCE)).map(move |n| n * AT_ONCE..((n + 1) * AT_ONCE).min(count))
}

/// Makes something of each number on all threads; in the order of the numbers.
fn side_by_side<T: Send>(
    numbers: std::ops::Range<u64>,
    make: impl Fn(u64) -> T + Sync,
) -> Vec<(u64, T)> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    let share = (numbers.end - numbers.start).div_ceil(threads).max(1);
    let make = &make;
    std::thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .clone()
            .step_by(share as usize)
            .map(|from| {
                let part = from..(from + share).min(numbers.end);
                scope.spawn(move || part.map(|n| (n, make(n))).collect::<Vec<_>>())
            })
            .collect();
        let whole = |part: std::thread::ScopedJoinHandle<'_, Vec<(u64, T)>>| match part.join() {
            Ok(made) => made,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        parts.into_iter().flat_map(whole).collect()
    })
}

/// What ran when the register was opened is taken over: awards for those who had applied and are
/// entitled, and for a few who no longer are (so that there is something to find).
async fn take_over(
    office: &Arc<Office>,
    district: &'static District<'static>,
    applied: Vec<u64>,
    first: Month,
) -> Result<(), DemoError> {
    let at = moment(first, 0, 30);
    let bar = Progress::new("taking over awards", applied.len() as u64);
    let (asked, told) = (office.clone(), bar.clone());
    let decided = tokio::task::spawn_blocking(move || {
        side_by_side(0..applied.len() as u64, |n| {
            told.add(1);
            awards_of(&asked, &district.household(applied[n as usize]), first, at)
        })
    });
    let decided = decided
        .await
        .map_err(|e| ServiceError::Worker(e.to_string()))?;
    let mut awards: Vec<Award> = Vec::new();
    for (_, of_one) in decided {
        awards.extend(of_one?);
    }
    for chunk in awards.chunks(4096) {
        let set = ChangeSet {
            shard: chunk[0].subject.shard.clone(),
            at: at.now,
            awards: chunk.to_vec(),
            ..ChangeSet::default()
        };
        office.store.commit_bulk(&set).await?;
    }
    bar.done(&format!("{} awards", awards.len()));
    Ok(())
}

/// The awards that one household's earlier applications had come to.
fn awards_of(
    office: &Office,
    made: &GeneratedHousehold,
    first: Month,
    at: At,
) -> Result<Vec<Award>, DemoError> {
    let mut awards = Vec::new();
    for intent in &made.intents {
        let Some(version) = latest_version(office.law(), &intent.programme) else {
            continue;
        };
        if !stale(intent.subject) && !entitled(office, made, intent, first, at)? {
            continue;
        }
        awards.push(Award {
            id: Id::derive(&["taken-over", &intent.programme, &intent.subject.to_string()]),
            subject: SubjectKey {
                shard: made.household.shard.clone(),
                kind: version.subject,
                id: intent.subject,
            },
            programme: intent.programme.clone(),
            from: Month::of(intent.on).next().min(first),
            to: None,
            case: None,
            decided_by: "register-opening".into(),
            reason: "taken over from the earlier system".into(),
            recorded_at: at.now,
        });
    }
    Ok(awards)
}

/// Do the rules entitle whoever applied, in the first month, by what the register holds at its opening?
fn entitled(
    office: &Office,
    made: &GeneratedHousehold,
    intent: &Intent,
    first: Month,
    at: At,
) -> Result<bool, DemoError> {
    let rules = &*office.rules;
    let day = office.reference_day(&intent.programme, first);
    let Some(slice) = timeline::slice(&made.history, rules.kinds(), day, at.now) else {
        return Ok(false);
    };
    let found = determine_slice(
        rules,
        &intent.programme,
        first,
        at.now,
        &slice,
        &|_| None,
        false,
    )
    .map_err(|fault| ServiceError::Refused(fault.to_string()))?;
    Ok(found.iter().any(|f| {
        f.subject.id == intent.subject && matches!(f.evaluation.outcome, Outcome::Entitled { .. })
    }))
}

/// About one in forty of those who had applied keeps an award that the rules no longer bear.
fn stale(subject: Id) -> bool {
    subject.as_bytes()[15] % 40 == 7
}

/// A moment in a month's `day` (from 0), `minutes` after midnight where the office is.
fn moment(month: Month, day: u64, minutes: i64) -> At {
    let midnight = (month.first() + chrono::Days::new(day))
        .and_time(NaiveTime::MIN)
        .and_utc();
    At::new(midnight - TimeDelta::hours(8) + TimeDelta::minutes(minutes))
}
