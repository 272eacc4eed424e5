//! `minsheng demo` and `minsheng serve`.

use super::{DemoArgs, Failure, Outcome, Place, ServeArgs};
use crate::demo::{self, Made, PASSWORD, Plan};
use crate::service::{Location, Office, load_law};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

impl Place {
    /// As the services want it.
    pub fn location(&self) -> Location {
        Location {
            data: self.data.clone(),
            database: self.database.clone(),
            law: self.law.clone(),
        }
    }
}

/// Makes the district unless it is there, and opens the site.
pub async fn run(args: DemoArgs) -> Outcome {
    let (first, last) = demo::months(&args.months)?;
    let plan = Plan {
        households: args.households.map(u64::from),
        county: args.county.clone(),
        seed: args.seed,
        first,
        last,
    };
    if let Some(folder) = &args.files {
        return write_files(&args.place, &plan, folder);
    }
    let location = args.place.location();
    let there = location.file().exists();
    if there && args.fresh {
        remove(&location)?;
    }
    let office = if there && !args.fresh {
        let office = Arc::new(Office::open(&location).await?);
        if office.store.setting(demo::DEMO_DAY).await?.is_none() {
            return Err(Failure::Input(format!(
                "{}: data is there, but no finished demo; use --fresh to make it anew, or `minsheng serve`",
                location.data.display()
            )));
        }
        eprintln!(
            "{}: the demo is there already; --fresh makes it anew",
            location.data.display()
        );
        office
    } else {
        let begun = Instant::now();
        let office = Arc::new(Office::create(&location).await?);
        let made = demo::make(&office, &plan).await?;
        print_figures(&made, begun.elapsed().as_secs_f64());
        office
    };
    if args.no_serve {
        return Ok(());
    }
    serve_office(office, args.port).await
}

/// The register as files, for who wants to see how a district comes in.
fn write_files(place: &Place, plan: &Plan, folder: &Path) -> Outcome {
    let law = load_law(place.law.as_deref())?;
    let (files, written) = demo::files::write(&law, plan, folder)?;
    println!(
        "{} persons, {} pieces of evidence{}",
        written.persons,
        written.facts,
        match written.left_out {
            0 => String::new(),
            n => format!("; {n} of kinds that no table holds are left out"),
        }
    );
    let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    println!("minsheng import {} --data DIR", names.join(" "));
    Ok(())
}

fn print_figures(made: &Made, seconds: f64) {
    println!(
        "{} households, {} persons, {} pieces of evidence",
        made.households, made.persons, made.evidence
    );
    for month in &made.months {
        println!(
            "{}: {} events, {} redetermined, {} applications, {} decided, {} payments of {} yuan, {} returned, {} unexplained",
            month.month,
            month.events,
            month.redetermined,
            month.applications,
            month.decided,
            month.payments,
            month.paid,
            month.returned,
            month.unexplained,
        );
    }
    println!("made in {seconds:.0} s");
}

/// Removes the data of a former demo: the database, the key and the payment files.
fn remove(location: &Location) -> Outcome {
    let file = location.file();
    for ending in ["", "-wal", "-shm"] {
        let path = file.with_file_name(format!("minsheng.sqlite{ending}"));
        if path.exists() {
            std::fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    let payments = location.data.join("payments");
    if payments.exists() {
        std::fs::remove_dir_all(&payments).map_err(|e| format!("{}: {e}", payments.display()))?;
    }
    Ok(())
}

/// Opens the site on existing data.
pub async fn serve(args: ServeArgs) -> Outcome {
    let office = Arc::new(Office::open(&args.place.location()).await?);
    serve_office(office, args.port).await
}

/// Serves until it is told to stop.
async fn serve_office(office: Arc<Office>, port: u16) -> Outcome {
    let is_demo = office.store.setting(demo::DEMO_DAY).await?.is_some();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.map_err(|e| {
        format!("port {port} on 127.0.0.1 can't be opened: {e}; choose another with --port, or --port 0 for a free one")
    })?;
    println!("http://{}", listener.local_addr()?);
    if is_demo {
        println!(
            "sign in as community, caseworker, approver, finance, auditor or analyst; pass phrase {PASSWORD}"
        );
    }
    let router = crate::web::site(office).await?;
    axum::serve(listener, router)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}
