//! Commands by which data is kept, and shown to be what it was.

use super::data::{found_if, print_json};
use super::{
    AnchorArgs, BackupArgs, EraseArgs, ExportPartitionsArgs, Failure, Outcome, Progress,
    RestoreArgs, WorkArgs,
};
use crate::service::erase::EraseOrder;
use crate::service::rules::programme_id;
use crate::service::work::Worker;
use crate::service::{Office, backup};
use entitlement::change::At;
use std::sync::Arc;

/// `minsheng anchor`
pub async fn anchor(args: AnchorArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let anchor = office.anchor(&args.out, Office::now()).await?;
    if args.json {
        return print_json(&anchor);
    }
    println!(
        "anchored at {}: {} journal lines in {} chains, head {}",
        anchor.at,
        anchor.lines,
        anchor.chains.len(),
        anchor.head
    );
    Ok(())
}

/// `minsheng backup`
pub async fn backup(args: BackupArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let made = office.backup(&args.out, "backup", Office::now()).await?;
    if args.json {
        return print_json(&made);
    }
    println!(
        "{}: {} bytes, {} rows, {} journal lines; the key is not in it, keep {} elsewhere",
        made.file.display(),
        made.bytes,
        made.rows,
        made.lines,
        made.key.display()
    );
    Ok(())
}

/// `minsheng restore`
pub async fn restore(args: RestoreArgs) -> Outcome {
    let location = args.place.location();
    let key = args.key.as_deref();
    let made = backup::restore(&location, &args.file, key, args.replace, Office::now()).await?;
    if args.json {
        print_json(&made)?;
    } else {
        for finding in &made.findings {
            println!("{finding}");
        }
        if let Some(aside) = &made.aside {
            println!("what was there is now {}", aside.display());
        }
        println!(
            "{}: {} records and {} journal lines checked, {} findings",
            made.file.display(),
            made.records,
            made.lines,
            made.findings.len()
        );
    }
    found_if(!made.findings.is_empty())
}

/// `minsheng erase`
pub async fn erase(args: EraseArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let at = Office::now();
    let done = match args.person {
        Some(person) => {
            let ended_before = match &args.ended_before {
                Some(day) => Some(base::parse_day(day)?),
                None => None,
            };
            let order = EraseOrder {
                kinds: args.kind,
                ended_before,
                reason: args.reason.unwrap_or_default(),
                by: args.by,
            };
            office.erase(person, &order, at).await?
        }
        None => office.erase_expired(at.today, &args.by, at).await?,
    };
    if args.json {
        return print_json(&done);
    }
    for why in &done.left {
        println!("{why}");
    }
    for (table, rows) in &done.rows {
        println!("{table}: {rows}");
    }
    println!(
        "content erased about {} subjects in {} records; {} left for later",
        done.subjects,
        done.rows.values().sum::<u64>(),
        done.left.len()
    );
    Ok(())
}

/// `minsheng export-partitions`
pub async fn export_partitions(args: ExportPartitionsArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let months = crate::demo::months(&args.months)?;
    let at = match &args.known_at {
        Some(text) => At::new(base::parse_instant(text)?),
        None => Office::now(),
    };
    let bar = Progress::new("exporting", 0);
    let told = bar.clone();
    let made = office
        .export_partitions(&args.out, months, at, &move |n| told.add(n))
        .await?;
    bar.done(&format!("{} households", made.households));
    if args.json {
        return print_json(&made);
    }
    println!(
        "{}: {} files, {} households, {} persons, {} determinations that stood, as known at {}",
        made.folder.display(),
        made.files,
        made.households,
        made.persons,
        made.standing,
        made.known_at
    );
    Ok(())
}

/// `minsheng work`
pub async fn work(args: WorkArgs) -> Outcome {
    let office = Arc::new(Office::open(&args.place.location()).await?);
    if let Some(months) = &args.determine {
        let programme = match &args.programme {
            Some(given) => Some(
                programme_id(office.law(), given)
                    .map(str::to_owned)
                    .ok_or_else(|| {
                        Failure::Input(format!(
                            "there is no programme `{given}`; `minsheng law list` shows them"
                        ))
                    })?,
            ),
            None => None,
        };
        let (first, last) = crate::demo::months(months)?;
        let put = office
            .queue_months(programme.as_deref(), first, last, Office::now())
            .await?;
        println!("{put} jobs put into the queue");
        return Ok(());
    }
    let worker = Worker {
        name: args
            .name
            .unwrap_or_else(|| format!("{}", std::process::id())),
        lease: chrono::TimeDelta::seconds(i64::from(args.lease.max(1))),
        stay: args.stay,
    };
    let done = office.work(&worker).await?;
    if args.json {
        print_json(&done)?;
    } else {
        for failure in &done.failed {
            println!("{failure}");
        }
        println!(
            "{} jobs done, {} lost to others, {} failed",
            done.done,
            done.lost,
            done.failed.len()
        );
    }
    found_if(!done.failed.is_empty())
}
