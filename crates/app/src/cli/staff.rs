//! `minsheng staff`: who may sign in to the site, as what, and for which areas.

use super::data::print_json;
use super::{Failure, Outcome, Place};
use crate::service::Office;
use crate::web::session::{hash_password, role_name};
use clap::{Args, Subcommand};
use policy::programme::Role;
use std::io::Read;
use store::Staff;

/// Shortest pass phrase that is taken.
const SHORTEST: usize = 8;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum StaffCommand {
    /// Lists the accounts.
    List(ListArgs),
    /// Enters an account, or changes what is given of one that is there.
    Put(PutArgs),
    /// Closes an account: its open sessions end, what it recorded stays.
    Close(NameArgs),
}

/// `staff list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Data.
    #[command(flatten)]
    pub place: Place,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `staff put`
#[derive(Debug, Args)]
pub struct PutArgs {
    /// Name to sign in with.
    pub name: String,
    /// Data.
    #[command(flatten)]
    pub place: Place,
    /// community, caseworker, approver, finance, auditor or analyst; needed for a new account.
    #[arg(long)]
    pub role: Option<String>,
    /// Code of an area that they see; several may be given. None for a new account: the whole district.
    #[arg(long = "area", value_name = "CODE")]
    pub areas: Vec<String>,
    /// What the pages call them, such as `李梅` or `李梅 · Li Mei`; the name when not given.
    #[arg(long)]
    pub display: Option<String>,
    /// Reads the pass phrase from standard input (its first line); needed for a new account.
    #[arg(long)]
    pub pass_phrase: bool,
}

/// `staff close`
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Name that they sign in with.
    pub name: String,
    /// Data.
    #[command(flatten)]
    pub place: Place,
}

/// Runs one of them.
pub async fn run(command: StaffCommand) -> Outcome {
    match command {
        StaffCommand::List(args) => list(args).await,
        StaffCommand::Put(args) => put(args).await,
        StaffCommand::Close(args) => close(args).await,
    }
}

async fn list(args: ListArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let staff = office.store.staff().await?;
    if args.json {
        let rows: Vec<_> = staff
            .iter()
            .map(|s| {
                serde_json::json!({
                    "name": s.name, "display": s.display, "role": role_name(s.role),
                    "areas": s.areas, "active": s.active,
                })
            })
            .collect();
        return print_json(&rows);
    }
    for s in &staff {
        let areas = match s.areas.as_slice() {
            [] => "everywhere".to_string(),
            some => some.join(", "),
        };
        let closed = if s.active { "" } else { "  closed" };
        println!(
            "{}  {}  {areas}  {}{closed}",
            s.name,
            role_name(s.role),
            s.display
        );
    }
    Ok(())
}

async fn put(args: PutArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let held = office.store.staff_named(&args.name).await?;
    let lacks =
        |what: &str| Failure::Input(format!("`{}` is a new account: give {what}", args.name));
    let role = match (&args.role, &held) {
        (Some(role), _) => parse_role(role)?,
        (None, Some(held)) => held.role,
        (None, None) => return Err(lacks("--role")),
    };
    let known = office.store.areas().await?;
    for code in &args.areas {
        if known.iter().all(|a| a.code != *code) {
            return Err(Failure::Input(format!(
                "the register has no area `{code}`; the overview page lists areas with their codes in its csv"
            )));
        }
    }
    let areas = match (&held, args.areas.is_empty()) {
        (Some(held), true) => held.areas.clone(),
        _ => args.areas.clone(),
    };
    let secret = match (args.pass_phrase, &held) {
        (true, _) => hash_password(&pass_phrase()?)?,
        (false, Some(held)) => held.secret.clone(),
        (false, None) => {
            return Err(lacks(
                "--pass-phrase, and the pass phrase on standard input",
            ));
        }
    };
    let display = args
        .display
        .clone()
        .or(held.as_ref().map(|h| h.display.clone()));
    let staff = Staff {
        display: display.unwrap_or_else(|| args.name.clone()),
        name: args.name,
        role,
        areas,
        secret,
        active: true,
        made_at: held.map_or_else(chrono::Utc::now, |h| h.made_at),
    };
    office.store.put_staff(&staff).await?;
    println!("{} may sign in as {}", staff.name, role_name(staff.role));
    Ok(())
}

async fn close(args: NameArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let Some(mut staff) = office.store.staff_named(&args.name).await? else {
        return Err(Failure::Input(format!(
            "there is no account `{}`; `minsheng staff list` shows them",
            args.name
        )));
    };
    staff.active = false;
    office.store.put_staff(&staff).await?;
    println!("{} may no longer sign in", staff.name);
    Ok(())
}

fn parse_role(text: &str) -> Result<Role, Failure> {
    let all = [
        Role::Community,
        Role::Caseworker,
        Role::Approver,
        Role::Finance,
        Role::Auditor,
        Role::Analyst,
    ];
    all.into_iter()
        .find(|r| role_name(*r) == text)
        .ok_or_else(|| {
            let names: Vec<&str> = all.into_iter().map(role_name).collect();
            Failure::Input(format!(
                "`{text}` is no role; there are {}",
                names.join(", ")
            ))
        })
}

fn pass_phrase() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Input(format!("the pass phrase can't be read: {error}")))?;
    let first = text.lines().next().unwrap_or_default().to_string();
    if first.chars().count() < SHORTEST {
        return Err(Failure::Input(format!(
            "the pass phrase has fewer than {SHORTEST} characters"
        )));
    }
    Ok(first)
}
