//! Commands on an office's data.

use super::law::{Explain, print_explanation};
use super::{
    DetermineArgs, Failure, Format, ImportArgs, NightArgs, Outcome, PayArgs, Progress,
    ReconcileArgs, ReplayArgs, VerifyArgs,
};
use crate::service::night::Road;
use crate::service::rules::programme_id;
use crate::service::{Office, ServiceError, load_law_with};
use entitlement::change::At;
use entitlement::situation::LawRules;
use policy::law::Language;
use std::path::Path;

/// The id of a programme given by id or name.
fn programme(office: &Office, given: &str) -> Result<String, Failure> {
    programme_id(office.law(), given)
        .map(str::to_string)
        .ok_or_else(|| {
            Failure::Input(format!(
                "there is no programme `{given}`; `minsheng law list` shows them"
            ))
        })
}

/// `minsheng determine`
pub async fn determine(args: DetermineArgs) -> Outcome {
    let mut office = Office::open(&args.place.location()).await?;
    let id = programme(&office, &args.programme)?;
    let at = match &args.known_at {
        Some(text) => At::new(base::parse_instant(text)?),
        None => Office::now(),
    };
    let parquet = args.format == Format::Parquet;
    if parquet && args.out.is_none() {
        return Err(Failure::Input(
            "Parquet goes to a file: add --out FILE".into(),
        ));
    }
    if !args.reforms.is_empty() {
        return determine_reformed(&mut office, &args, &id, at).await;
    }
    match (args.household, args.all) {
        (Some(household), _) => {
            let found = office
                .explain_household(&id, args.month, household, at, args.explain.is_some())
                .await?;
            match (&args.out, args.explain) {
                (Some(path), _) => crate::service::output::write(&found, &id, parquet, Some(path))?,
                (None, Some(how)) if how != Explain::Json => {
                    for explanation in found.iter().filter_map(|f| f.explanation.as_ref()) {
                        print_explanation(explanation, how, Language::Both)?;
                    }
                }
                (None, _) => print_json(&found)?,
            }
            Ok(())
        }
        (None, true) => {
            // As known at another time nothing is recorded: that is a question, not a run.
            let summary = match &args.known_at {
                Some(_) => None,
                None => {
                    let bar = Progress::new("determining", 0);
                    let told = bar.clone();
                    let summary = office
                        .determine_all(&[&id], args.month, "determine", at, &move |n| told.add(n))
                        .await?
                        .pop();
                    let households = summary.as_ref().map_or(0, |s| s.households);
                    bar.done(&format!("{households} households"));
                    summary
                }
            };
            if summary.is_none() || args.out.is_some() {
                let rows = office.determined(&id, args.month, at).await?;
                crate::service::output::write(&rows, &id, parquet, args.out.as_deref())?;
            }
            match summary {
                Some(summary) => {
                    print_json(&summary)?;
                    found_if(!summary.faults.is_empty())
                }
                None => Ok(()),
            }
        }
        (None, false) => Err(Failure::Input(
            "say for whom: --household ID, or --all for everybody".into(),
        )),
    }
}

/// `minsheng determine --reform`: a question, whoever is asked about; nothing is written.
async fn determine_reformed(
    office: &mut Office,
    args: &DetermineArgs,
    id: &str,
    at: At,
) -> Outcome {
    let reformed = load_law_with(args.place.law.as_deref(), &args.reforms)?;
    if let Some(household) = args.household {
        let before = office
            .explain_household(id, args.month, household, at, false)
            .await?;
        office.rules = std::sync::Arc::new(LawRules::new(reformed));
        let after = office
            .explain_household(id, args.month, household, at, false)
            .await?;
        return print_json(&serde_json::json!({"before": before, "after": after}));
    }
    if !args.all {
        return Err(Failure::Input(
            "say for whom: --household ID, or --all for everybody".into(),
        ));
    }
    let (effect, rows) = office.compare_laws(reformed, id, args.month, at).await?;
    if let Some(path) = &args.out {
        let parquet = args.format == Format::Parquet;
        crate::service::reform::write(&rows, id, parquet, path)?;
    }
    print_json(&effect)
}

/// `minsheng night`
pub async fn night(args: NightArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let date = base::parse_day(&args.date)?;
    let road = if args.rows { Road::Rows } else { Road::Columns };
    let mut summary = office.night(date, road, "night", Office::now()).await?;
    if let Some(file) = &args.anchor {
        // What was found of the night stands whatever becomes of the anchor.
        match office.anchor(file, Office::now()).await {
            Ok(anchor) => summary.anchor = Some(anchor),
            Err(error) => summary.faults.push(error.to_string()),
        }
    }
    if args.json {
        print_json(&summary)?;
    } else {
        for found in &summary.unexplained {
            println!(
                "{} {}: household {} differs",
                found.programme, found.month, found.household
            );
        }
        for fault in &summary.faults {
            println!("{fault}");
        }
        if let Some(anchor) = &summary.anchor {
            println!("anchored at {}: head {}", anchor.at, anchor.head);
        }
        for one in &summary.by_row {
            println!("by row: {} {}: {}", one.programme, one.subjects, one.why);
        }
        println!(
            "night of {}: {} figures became known, {} redetermined, {} reviews, {} compared, {} unexplained",
            summary.date,
            summary.figures.len(),
            summary.redetermined,
            summary.reviews,
            summary.checked,
            summary.unexplained.len(),
        );
    }
    found_if(!summary.unexplained.is_empty() || !summary.faults.is_empty())
}

/// `minsheng pay`
pub async fn pay(args: PayArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let id = programme(&office, &args.programme)?;
    let summary = office.pay(&id, args.month, "pay", Office::now()).await?;
    if args.json {
        print_json(&summary)?;
    } else {
        for file in &summary.files {
            let new = if file.new { "new" } else { "made before" };
            println!(
                "{}: {} lines, {} yuan ({new})",
                file.pain001.display(),
                file.count,
                file.total
            );
        }
        for apart in &summary.apart {
            println!(
                "not paid: {} {} yuan: {}",
                apart.payee, apart.payable, apart.reason
            );
        }
        println!(
            "control total: {} lines, {} yuan now; {} yuan withheld; {} payees in no file",
            summary.count,
            summary.total,
            summary.withheld,
            summary.apart.len()
        );
    }
    Ok(())
}

/// `minsheng reconcile`
pub async fn reconcile(args: ReconcileArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let mut files = Vec::new();
    for path in &args.files {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        files.push((file_name(path), bytes));
    }
    let summary = office.reconcile(&files, "reconcile", Office::now()).await?;
    if args.json {
        print_json(&summary)?;
    } else {
        for (state, count) in &summary.changed {
            println!("{state}: {count}");
        }
        for discrepancy in &summary.discrepancies {
            println!("{discrepancy}");
        }
        println!(
            "{} files: {} payments changed, {} answers said nothing new, {} entries of others, {} do not agree",
            summary.files,
            summary.changed.values().sum::<u64>(),
            summary.repeated,
            summary.others,
            summary.discrepancies.len(),
        );
    }
    found_if(!summary.discrepancies.is_empty())
}

/// `minsheng replay`
pub async fn replay(args: ReplayArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let known = base::parse_instant(&args.known_at)?;
    let wanted = match &args.programme {
        Some(given) => Some(programme(&office, given)?),
        None => None,
    };
    let found = office
        .replay(
            args.household,
            wanted.as_deref(),
            args.month,
            known,
            Office::now(),
        )
        .await?;
    if found.is_empty() {
        return Err(ServiceError::NotFound(format!(
            "nothing was determined for {} in {}",
            args.household, args.month
        ))
        .into());
    }
    if args.json {
        print_json(&found)?;
    } else {
        for replay in &found {
            print!("{replay}");
        }
    }
    found_if(found.iter().any(|r| !r.agrees && r.same_law))
}

/// `minsheng verify`
pub async fn verify(args: VerifyArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let mut summary = office.verify(args.replays, Office::now()).await?;
    if let Some(file) = &args.anchor {
        let check = office.check_anchors(file).await?;
        summary.anchors = check.anchors;
        summary.findings.extend(check.findings);
    }
    if args.json {
        print_json(&summary)?;
    } else {
        for finding in &summary.findings {
            println!("{finding}");
        }
        println!("{}", summary.line());
    }
    found_if(!summary.findings.is_empty())
}

/// `minsheng import`
pub async fn import(args: ImportArgs) -> Outcome {
    super::import::run(args).await
}

pub(super) fn found_if(found: bool) -> Outcome {
    if found {
        Err(Failure::Found(String::new()))
    } else {
        Ok(())
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

pub(super) fn print_json(value: &impl serde::Serialize) -> Outcome {
    println!("{:#}", serde_json::to_value(value)?);
    Ok(())
}
