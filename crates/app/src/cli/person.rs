//! `minsheng person`: who is who. Two records that are one person, one record that is two.

use super::data::print_json;
use super::{Failure, Outcome, Place};
use crate::service::Office;
use crate::service::change::Recorded;
use crate::service::identity::Parting;
use base::Id;
use casework::correction::Correction;
use clap::{Args, Subcommand};
use entitlement::change::At;
use registry::record::{Identity, Provenance, Sex};
use registry::{same, timeline};
use serde_json::{Value, json};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Lists what is recorded about a person, with the ids that a split names.
    Show(ShowArgs),
    /// Records that two records are one person; what follows for both is worked out and recorded with it.
    Merge(MergeArgs),
    /// Records that one record was two persons'; also undoes a merge.
    Split(SplitArgs),
}

/// `person show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The record.
    #[arg(long, value_name = "ID")]
    pub person: Id,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What a correction of identity says beside whom it is about.
#[derive(Debug, Args)]
pub struct Grounds {
    /// Where it is known from, and why: kept with every piece, and in the journal.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who records it.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// Id of the request; the same again records once. A new one when absent.
    #[arg(long, value_name = "ID")]
    pub request: Option<Id>,
    /// Show what would follow, and record nothing.
    #[arg(long)]
    pub preview: bool,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `person merge`
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The record that is given up.
    #[arg(long, value_name = "ID")]
    pub given_up: Id,
    /// The record that the person goes on as.
    #[arg(long, value_name = "ID")]
    pub continues: Id,
    /// Why, and who.
    #[command(flatten)]
    pub grounds: Grounds,
}

/// `person split`
#[derive(Debug, Args)]
pub struct SplitArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// The record that was two persons'.
    #[arg(long, value_name = "ID")]
    pub person: Id,
    /// Name of the other.
    #[arg(long)]
    pub name: String,
    /// `male` or `female`.
    #[arg(long)]
    pub sex: String,
    /// The other's day of birth.
    #[arg(long, value_name = "DAY")]
    pub birth: String,
    /// The other's identity number, when it is known.
    #[arg(long)]
    pub number: Option<String>,
    /// A membership that was the other's, as `person show` lists them; at least one.
    #[arg(long, value_name = "ID", required = true)]
    pub membership: Vec<Id>,
    /// A piece of evidence that was about the other; may be given several times.
    #[arg(long, value_name = "ID")]
    pub evidence: Vec<Id>,
    /// Why, and who.
    #[command(flatten)]
    pub grounds: Grounds,
}

/// Runs a command.
pub async fn run(command: PersonCommand) -> Outcome {
    match command {
        PersonCommand::Show(args) => show(args).await,
        PersonCommand::Merge(args) => merge(args).await,
        PersonCommand::Split(args) => split(args).await,
    }
}

async fn show(args: ShowArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let read = office.prefetch(&[args.person]).await?;
    let homes = || read.households.iter();
    let now = chrono::DateTime::<chrono::Utc>::MAX_UTC;
    let identities = homes().flat_map(|h| &h.identities);
    let held = timeline::identity_at(identities.filter(|i| i.person == args.person), now);
    let Some(held) = held else {
        return Err(Failure::Input(format!(
            "person {} is not in the register",
            args.person
        )));
    };
    let evidence = homes().flat_map(|h| &h.evidence);
    let goes_on = same::goes_on_as(evidence.clone(), args.person);
    let includes = same::includes(evidence.clone(), args.person);
    let gone = timeline::withdrawn(evidence.clone(), now);
    let mut pieces: Vec<_> = evidence
        .filter(|e| e.subject == args.person && e.withdraws.is_empty() && !gone.contains(&e.id))
        .filter(|e| e.kind != same::CONTINUES_AS && e.kind != same::INCLUDES)
        .collect();
    pieces.sort_by_key(|e| (e.provenance.recorded_at, e.id));
    pieces.dedup_by_key(|e| e.id);
    let mut places: Vec<_> = homes()
        .flat_map(|h| &h.memberships)
        .filter(|m| m.person == args.person)
        .collect();
    places.sort_by_key(|m| (m.provenance.recorded_at, m.id));
    places.dedup_by_key(|m| m.id);
    if args.json {
        return print_json(&json!({
            "person": args.person, "name": held.name, "sex": held.sex, "birth": held.birth,
            "goes_on_as": (goes_on != args.person).then_some(goes_on), "includes": includes,
            "memberships": places.iter().map(|m| json!({
                "id": m.id, "household": m.household, "relation": m.relation, "member": m.member,
                "valid": m.valid, "source": m.provenance.source,
            })).collect::<Vec<Value>>(),
            "evidence": pieces.iter().map(|e| json!({
                "id": e.id, "kind": e.kind, "value": e.value, "valid": e.valid,
                "source": e.provenance.source,
            })).collect::<Vec<Value>>(),
        }));
    }
    println!("{} {}, born {}", args.person, held.name, held.birth);
    if goes_on != args.person {
        println!("given up: goes on as {goes_on}");
    }
    for other in includes {
        println!("includes {other}");
    }
    let until = |p: base::Period| match p.to {
        Some(to) => format!("{} to before {to}", p.from),
        None => format!("since {}", p.from),
    };
    for m in places {
        let is = if m.member { "member" } else { "no member" };
        let when = until(m.valid);
        println!("membership {}: {is} of {} {when}", m.id, m.household);
    }
    for e in pieces {
        println!(
            "evidence {}: {} {} {}",
            e.id,
            e.kind,
            e.value,
            until(e.valid)
        );
    }
    Ok(())
}

async fn merge(args: MergeArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let (grounds, at) = (&args.grounds, Office::now());
    reasoned(grounds)?;
    if grounds.preview {
        let follows = office
            .preview_merge(args.given_up, args.continues, &grounds.by, at)
            .await?;
        return tell(&follows, None, grounds.json);
    }
    let request = grounds.request.unwrap_or_else(Id::mint);
    let done = office
        .merge_persons(
            request,
            args.given_up,
            args.continues,
            &grounds.reason,
            &grounds.by,
            at,
        )
        .await?;
    tell(&done.correction, Some((request, &done)), grounds.json)
}

async fn split(args: SplitArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let (grounds, at) = (&args.grounds, Office::now());
    reasoned(grounds)?;
    let request = grounds.request.unwrap_or_else(Id::mint);
    let parting = Parting {
        one: args.person,
        other: other(&args, request, at)?,
        pieces: args.evidence.iter().copied().collect(),
        places: args.membership.iter().copied().collect(),
    };
    if grounds.preview {
        let follows = office.preview_split(&parting, &grounds.by, at).await?;
        return tell(&follows, None, grounds.json);
    }
    let done = office
        .split_person(request, &parting, &grounds.reason, &grounds.by, at)
        .await?;
    if !grounds.json {
        println!("the other is {}", parting.other.person);
    }
    tell(&done.correction, Some((request, &done)), grounds.json)
}

/// Who the other of a split is. Its ids follow from the request.
fn other(args: &SplitArgs, request: Id, at: At) -> Result<Identity, Failure> {
    let sex = match args.sex.as_str() {
        "male" => Sex::Male,
        "female" => Sex::Female,
        other => {
            return Err(Failure::Input(format!(
                "--sex {other}: it is `male` or `female`"
            )));
        }
    };
    let birth = base::parse_day(&args.birth)?;
    let number = match &args.number {
        None => None,
        Some(text) => {
            let read = registry::identity::person_number(text, at.today)?;
            if read.birth != birth || read.sex != sex {
                return Err(Failure::Input(
                    "--number does not fit --birth or --sex".into(),
                ));
            }
            Some(read.text)
        }
    };
    Ok(Identity {
        id: Id::derive(&["split-identity", &request.to_string()]),
        person: Id::derive(&["split-person", &request.to_string()]),
        name: args.name.clone(),
        sex,
        birth,
        number,
        provenance: Provenance {
            recorded_at: at.now,
            recorded_by: args.grounds.by.clone(),
            source: args.grounds.reason.clone(),
        },
    })
}

fn reasoned(grounds: &Grounds) -> Result<(), Failure> {
    if grounds.reason.trim().is_empty() || grounds.by.trim().is_empty() {
        return Err(Failure::Input(
            "--reason and --by: say where it is known from, and who records it".into(),
        ));
    }
    Ok(())
}

/// Prints what followed, or would follow.
fn tell(follows: &Correction, done: Option<(Id, &Recorded)>, as_json: bool) -> Outcome {
    let sums: Vec<Value> = follows
        .sums
        .iter()
        .map(|s| {
            json!({
                "subject": s.subject.id, "programme": s.programme, "arrears": s.arrears,
                "overpaid": s.overpaid, "overpaid_less": s.overpaid_less, "waived": s.waived,
            })
        })
        .collect();
    let repeated = done.is_some_and(|(_, recorded)| recorded.repeated);
    if as_json {
        return print_json(&json!({
            "recorded": done.is_some(), "repeated": repeated, "request": done.map(|(id, _)| id),
            "redetermined": follows.determinations.len(), "cases": follows.cases.len(),
            "sums": sums,
        }));
    }
    for d in &follows.differences {
        println!(
            "{} {} of {}: {} owed, {} before",
            d.programme, d.period, d.subject.id, d.owed_after, d.owed_before
        );
    }
    let word = match done {
        None => "nothing is recorded; it would come to:".to_string(),
        Some((request, _)) if repeated => format!("request {request} was recorded before:"),
        Some((request, _)) => format!("recorded as request {request}:"),
    };
    println!(
        "{word} {} determinations, {} yuan of arrears, {} yuan overpaid, {} cases",
        follows.determinations.len(),
        follows.sums.iter().map(|s| s.arrears).sum::<base::Fen>(),
        follows.sums.iter().map(|s| s.overpaid).sum::<base::Fen>(),
        follows.cases.len(),
    );
    Ok(())
}
