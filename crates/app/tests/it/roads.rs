//! Short ways and the careful one come to the same: what is recorded in batches, and asks only the
//! programmes that can see it, leaves behind what one change after the other leaves when every programme is
//! asked about everything.

use app::demo::{self, Plan};
use app::service::change::Facts;
use app::service::night::Road;
use app::service::rules::determined_for_everybody;
use app::service::{Office, ServiceError, load_law};
use app::world::{Event, What};
use base::{Id, Month};
use entitlement::change::At;
use entitlement::determination::{Award, Determination, EntitlementChange};
use entitlement::situation::LawRules;
use ledger::account::Transfer;
use std::collections::HashSet;
use std::sync::Arc;

/// What an office has decided, whatever way it took.
#[derive(Debug, Default, PartialEq)]
struct Left {
    determinations: Vec<Determination>,
    changes: Vec<EntitlementChange>,
    awards: Vec<Award>,
    transfers: Vec<Transfer>,
    cases: Vec<(Id, String, String)>,
    notices: Vec<(Id, String)>,
}

async fn left(office: &Office) -> Left {
    let mut left = Left::default();
    let store = &office.store;
    for shard in store.shards().await.expect("shards") {
        for (programme, period, _) in store.periods().await.expect("periods") {
            let all = store
                .determinations_page(&shard, &programme, period, None, 1_000_000)
                .await
                .expect("determinations");
            left.determinations.extend(all);
            let changes = store
                .entitlement_changes_for(&shard, &programme, period)
                .await
                .expect("changes");
            left.changes.extend(changes);
        }
    }
    for programme in determined_for_everybody(office.law()) {
        left.awards
            .extend(store.awards(programme).await.expect("awards"));
    }
    left.transfers = store
        .transfers_page(None, 1_000_000)
        .await
        .expect("transfers");
    for state in ["open", "granted", "refused", "withdrawn"] {
        let mut after: Option<String> = None;
        loop {
            let page = store
                .cases(state, &[], after.as_deref(), 500)
                .await
                .expect("cases");
            for file in page.items {
                left.cases
                    .push((file.case.id, file.case.programme, file.state));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let mut after: Option<String> = None;
    loop {
        let page = store.notices(after.as_deref(), 500).await.expect("notices");
        left.notices
            .extend(page.items.into_iter().map(|n| (n.id, n.text.zh)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    left.notices.sort();
    left
}

fn is_stranger(error: &ServiceError) -> bool {
    matches!(
        error,
        ServiceError::NotFound(_) | ServiceError::Store(store::StoreError::UnknownSubject(_))
    )
}

async fn one_by_one(office: &Office, batch: &[(Id, Facts, At)]) -> usize {
    let mut sent_back = 0;
    for (request, facts, at) in batch {
        match office.record(*request, facts, "feed", *at).await {
            Ok(_) => {}
            Err(error) if is_stranger(&error) => sent_back += 1,
            Err(error) => panic!("{error}"),
        }
    }
    sent_back
}

/// Events in batches of which no two touch the same household.
fn batches(events: Vec<Event>) -> Vec<Vec<(Id, Facts, At)>> {
    let mut all = vec![Vec::new()];
    let mut touched: HashSet<Id> = HashSet::new();
    for event in events {
        if matches!(event.what, What::Applied(_) | What::Withdrew(_)) {
            continue;
        }
        let request = Id::derive(&[
            "event",
            &event.household.to_string(),
            &event.recorded_at.to_string(),
            &event.label,
        ]);
        let facts = demo::facts_of(event.what);
        let about = demo::touched_by(&facts, event.household);
        if about.iter().any(|id| touched.contains(id)) {
            touched.clear();
            all.push(Vec::new());
        }
        touched.extend(about);
        if let Some(last) = all.last_mut() {
            last.push((request, facts, At::new(event.recorded_at)));
        }
    }
    all
}

async fn office(folder: &std::path::Path, everything: bool) -> Arc<Office> {
    let mut office = crate::office(folder).await;
    if everything {
        let law = load_law(None).expect("the law");
        office.rules = Arc::new(LawRules::new(law).asking_everything());
    }
    Arc::new(office)
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_leave_behind_what_one_change_after_the_other_does() {
    let folders = [tempfile::tempdir(), tempfile::tempdir()].map(|f| f.expect("a folder"));
    let short = office(folders[0].path(), false).await;
    let careful = office(folders[1].path(), true).await;
    // No figure becomes known late in these: whoever is asked about everything would see it at the next
    // piece of news of any kind, and others in the night.
    let first = Month::new(2026, 9).expect("a month");
    let plan = Plan {
        households: Some(250),
        county: None,
        seed: 11,
        first,
        last: first.next(),
    };
    let (district, _) = demo::register(&short, &plan).await.expect("a register");
    demo::register(&careful, &plan).await.expect("a register");
    let mut life = district.life();
    let (mut recorded, mut versions) = (0, 0);
    for month in first.through(plan.last) {
        let at = At::new(month.first().and_time(chrono::NaiveTime::MIN).and_utc());
        for office in [&short, &careful] {
            let programmes = determined_for_everybody(office.law());
            office
                .determine_all(&programmes, month, "run", at, &|_| {})
                .await
                .expect("determined");
        }
        for batch in batches(life.month().1) {
            recorded += batch.len();
            let alone = one_by_one(&careful, &batch).await;
            match short.record_many(batch.clone(), "feed").await {
                Ok(figures) => versions += figures.determinations,
                Err(error) if is_stranger(&error) => {
                    assert_eq!(one_by_one(&short, &batch).await, alone);
                }
                Err(error) => panic!("{error}"),
            }
        }
        for office in [&short, &careful] {
            let evening = At::new(month.last().and_time(chrono::NaiveTime::MIN).and_utc());
            let mut checked = Vec::new();
            for road in [Road::Rows, Road::Columns] {
                let night = office.night(month.last(), road, "night", evening);
                let night = night.await.expect("a night");
                assert_eq!(night.unexplained, [], "{road:?}");
                checked.push(night.checked);
            }
            // Both roads look at the same subjects.
            assert_eq!(checked[0], checked[1]);
        }
    }
    assert!(
        recorded > 15 && versions > 5,
        "{recorded} events, {versions} versions: too few to show anything"
    );
    let (a, b) = (left(&short).await, left(&careful).await);
    assert_eq!(a.determinations, b.determinations);
    assert_eq!(a.changes, b.changes);
    assert_eq!(a.awards, b.awards);
    assert_eq!(a.transfers, b.transfers);
    assert_eq!(a, b);
    for office in [&short, &careful] {
        let verified = office.verify(0, Office::now()).await.expect("a check");
        assert_eq!(verified.findings, Vec::<String>::new());
    }
}

/// What was altered behind the rules' back is found: an amount by the columns on the same night, a word of a
/// reason on the night on which that household is compared to the last word, or by row on any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_find_what_rows_find() {
    let folder = tempfile::tempdir().expect("a folder");
    let office = office(folder.path(), false).await;
    let month: Month = "2026-09".parse().expect("a month");
    let plan = Plan {
        households: Some(60),
        county: None,
        seed: 4,
        first: month,
        last: month,
    };
    demo::register(&office, &plan).await.expect("a register");
    let at = At::new(month.first().and_time(chrono::NaiveTime::MIN).and_utc());
    let programmes = determined_for_everybody(office.law());
    let determined = office.determine_all(&programmes, month, "run", at, &|_| {});
    determined.await.expect("determined");
    let alter = |set: &str, back: &str, road: Road, nights: u64| {
        let file = rusqlite::Connection::open(folder.path().join("minsheng.sqlite"));
        let file = file.expect("opened");
        let which = "outcome = 'entitled' AND amount IS NOT NULL AND id = \
            (SELECT MIN(id) FROM determination WHERE outcome = 'entitled' AND amount IS NOT NULL)";
        let changed = file.execute(&format!("UPDATE determination SET {set} WHERE {which}"), []);
        assert_eq!(changed, Ok(1));
        let office = &office;
        let back = format!("UPDATE determination SET {back} WHERE {which}");
        async move {
            let mut found = Vec::new();
            for n in 0..nights {
                let day = month.last() + chrono::Days::new(n);
                let night = office.night(day, road, "night", at).await;
                let night = night.expect("a night");
                found.push(night.unexplained.len());
                // Who goes by row in a night of columns is counted.
                assert_eq!(road == Road::Rows, night.by_row.is_empty());
            }
            assert_eq!(file.execute(&back, []), Ok(1));
            found
        }
    };
    let (more, less) = ("amount = amount + 100", "amount = amount - 100");
    assert_eq!(alter(more, less, Road::Columns, 2).await, [1, 1]);
    let (set, back) = ("carry = carry || ' '", "carry = TRIM(carry)");
    assert_eq!(alter(set, back, Road::Rows, 2).await, [1, 1]);
    let mut words = alter(set, back, Road::Columns, 28).await;
    words.sort_unstable();
    assert_eq!(words[..27], [0; 27]);
    assert_eq!(words[27], 1, "each household has its night");
}
