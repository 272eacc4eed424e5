//! `minsheng readers`

use super::{Failure, Outcome, ReadersArgs};
use crate::service::Office;
use crate::service::readers::{Read, Reader};

/// Prints the determinations that read something, and how many they are.
pub async fn run(args: ReadersArgs) -> Outcome {
    let office = Office::open(&args.place.location()).await?;
    let what = match (args.evidence, args.kind, args.parameter, args.rule) {
        (Some(id), None, None, None) => Read::Evidence(id),
        (None, Some(name), None, None) => Read::Kind(name),
        (None, None, Some(name), None) => Read::Parameter(name),
        (None, None, None, Some(name)) => Read::Rule(name),
        _ => {
            return Err(Failure::Input(
                "say what is read: one of --evidence ID, --kind NAME, --parameter NAME, --rule NAME"
                    .into(),
            ));
        }
    };
    if matches!(what, Read::Evidence(_)) && args.about.is_none() {
        return Err(Failure::Input(
            "a piece of evidence is looked for among those about somebody: add --about ID".into(),
        ));
    }
    let mut count = 0;
    let mut print = |found: Vec<Reader>| {
        for reader in found {
            count += 1;
            if args.json {
                if let Ok(text) = serde_json::to_string(&reader) {
                    println!("{text}");
                }
                continue;
            }
            let values: Vec<String> = reader.values.iter().map(ToString::to_string).collect();
            println!(
                "{} {} version {} of {}, made {}: {}",
                reader.programme,
                reader.period,
                reader.version,
                reader.subject.id,
                base::format_instant(reader.made_at),
                values.join(", ")
            );
        }
    };
    match args.about {
        Some(about) => print(office.readers(about, &what).await?),
        None => {
            let now = Office::now();
            office
                .readers_everywhere(&what, now.today, now.now, &mut print)
                .await?;
        }
    }
    if !args.json {
        println!("{count} determinations read it");
    }
    Ok(())
}
