//! `minsheng recovery`: what was overpaid is given up by a decision, or that is taken back.

use super::data::print_json;
use super::{Failure, Outcome, Place};
use crate::service::Office;
use crate::service::recovery::WaiverOrder;
use crate::service::rules::programme_id;
use base::{Fen, Id};
use clap::{Args, Subcommand};

/// The commands.
#[derive(Debug, Subcommand)]
pub enum RecoveryCommand {
    /// Gives up what somebody was overpaid for a period, or part of it.
    Waive(WaiverArgs),
    /// Takes back that it was given up: it is open again.
    TakeBack(WaiverArgs),
}

/// `recovery waive`, `recovery take-back`
#[derive(Debug, Args)]
pub struct WaiverArgs {
    /// Data and law.
    #[command(flatten)]
    pub place: Place,
    /// Household or person.
    #[arg(long, value_name = "ID")]
    pub payee: Id,
    /// Programme id or name.
    #[arg(long)]
    pub programme: String,
    /// The period, such as 2026-07.
    #[arg(long)]
    pub period: String,
    /// Yuan, such as 120.50; all that there is when absent.
    #[arg(long, value_name = "YUAN")]
    pub amount: Option<String>,
    /// Why, and on whose decision. Goes into the journal.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who records it.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// Id of the request; the same again records once. A new one when absent.
    #[arg(long, value_name = "ID")]
    pub request: Option<Id>,
    /// Results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs a command.
pub async fn run(command: RecoveryCommand) -> Outcome {
    let (args, give_up) = match command {
        RecoveryCommand::Waive(args) => (args, true),
        RecoveryCommand::TakeBack(args) => (args, false),
    };
    let office = Office::open(&args.place.location()).await?;
    let programme = programme_id(office.law(), &args.programme).ok_or_else(|| {
        Failure::Input(format!(
            "there is no programme `{}`; `minsheng law list` shows them",
            args.programme
        ))
    })?;
    let amount: Option<Fen> = match &args.amount {
        Some(text) => Some(Fen::parse_yuan(text)?),
        None => None,
    };
    let order = WaiverOrder {
        payee: args.payee,
        programme: programme.to_string(),
        period: args.period,
        amount,
        give_up,
        reason: args.reason,
        by: args.by,
    };
    let request = args.request.unwrap_or_else(Id::mint);
    let stands = office.decide_waiver(request, &order, Office::now()).await?;
    if args.json {
        return print_json(&stands);
    }
    println!(
        "{} {}: {} yuan open, {} waived, {} recovered{}",
        order.programme,
        order.period,
        stands.open,
        stands.waived,
        stands.recovered,
        if stands.repeated {
            "; the request was recorded before"
        } else {
            ""
        }
    );
    Ok(())
}
