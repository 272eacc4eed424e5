//! Commands by which data is kept, and shown to be what it was.

use super::data::{found_if, print_json};
use super::{AnchorArgs, BackupArgs, Outcome, RestoreArgs};
use crate::service::{Office, backup};

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
