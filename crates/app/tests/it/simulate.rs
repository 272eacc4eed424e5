//! A short run of the simulation: nothing is found, and the same seed gives the same history.

use app::cli::Progress;
use app::simulate::{Options, Outcome, Simulation};
use tempfile::TempDir;

fn run(seed: u64) -> Outcome {
    let folder = TempDir::new().expect("a folder");
    let options = Options {
        seed,
        households: 50,
        first: "2026-06".parse().expect("a month"),
        months: 2,
        corrections: 45,
        batch: 1,
        faults: 15,
        law: 100,
        audit_every: 1,
        data: folder.path().join("data"),
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            let simulation = Simulation::new(options, Progress::none())
                .await
                .expect("a district");
            simulation.run().await.expect("a history")
        })
}

#[test]
fn a_short_history_stands_and_comes_out_the_same_twice() {
    let outcome = run(7);
    assert_eq!(outcome.findings, Vec::<String>::new());
    let counted = |what: &str| outcome.counts.get(what).copied().unwrap_or(0);
    // It did what it is for: across a change of regime, with faults, rivals, a corrected law file and money.
    for what in [
        "recorded",
        "fault",
        "conflict",
        "law-corrected",
        "instructed",
        "replayed",
        "night",
    ] {
        assert!(counted(what) > 0, "no {what} among {:?}", outcome.counts);
    }
    assert_eq!(run(7).digest, outcome.digest);
}
