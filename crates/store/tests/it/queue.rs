//! One queue, several workers: nothing is done twice, nothing is forgotten, and a worker that is gone keeps
//! nothing.

use crate::{SHARD, at, id, lite};
use chrono::TimeDelta;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{Job, JobCount, Store};

fn job(n: usize) -> Job {
    Job {
        id: id(&format!("job {n}")),
        shard: SHARD.into(),
        kind: "甲".into(),
        argument: json!({ "n": n }),
        worker: String::new(),
        attempts: 0,
        state: "open".into(),
        result: String::new(),
    }
}

async fn story(stores: Vec<Store>) {
    let now = at("2026-01-05T01:00:00Z");
    let lease = TimeDelta::seconds(30);
    let jobs: Vec<Job> = (0..40).map(job).collect();
    assert_eq!(stores[0].put_jobs(&jobs, now).await.expect("put"), 40);
    assert_eq!(stores[0].put_jobs(&jobs, now).await.expect("again"), 0);
    let stores: Vec<Arc<Store>> = stores.into_iter().map(Arc::new).collect();
    let done: Arc<Mutex<BTreeMap<base::Id, Vec<String>>>> = Arc::default();
    let mut workers = Vec::new();
    for n in 0..4 {
        let (store, done) = (stores[n % stores.len()].clone(), done.clone());
        workers.push(tokio::spawn(async move {
            let name = format!("worker {n}");
            while let Some(job) = store.take_job(&name, lease, now).await.expect("taken") {
                assert_eq!((job.worker.as_str(), job.attempts), (name.as_str(), 1));
                // The first worker is gone after its second job, and never says so.
                if n == 0
                    && done
                        .lock()
                        .expect("ours")
                        .values()
                        .flatten()
                        .filter(|w| **w == name)
                        .count()
                        == 2
                {
                    return;
                }
                done.lock()
                    .expect("ours")
                    .entry(job.id)
                    .or_default()
                    .push(name.clone());
                assert!(store.renew_job(&job, lease, now).await.expect("renewed"));
                assert!(store.end_job(&job, true, "ok", now).await.expect("ended"));
            }
        }));
    }
    for worker in workers {
        worker.await.expect("no panic");
    }
    let counts = stores[0].job_counts().await.expect("read");
    let lost = counts.taken as usize;
    assert!(lost <= 1, "{counts:?}");
    {
        let done = done.lock().expect("ours");
        assert_eq!(done.len(), 40 - lost);
        assert!(
            done.values().all(|by| by.len() == 1),
            "done twice: {done:?}"
        );
    }
    // While its lease runs nobody takes it; then another does, and the first is told when it comes back.
    let store = &stores[0];
    let held = match lost {
        0 => {
            store.put_jobs(&[job(99)], now).await.expect("put");
            store
                .take_job("worker 0", lease, now)
                .await
                .expect("taken")
                .expect("a job")
        }
        _ => {
            let all = store.jobs().await.expect("read");
            all.into_iter()
                .find(|j| j.state == "taken")
                .expect("the lost one")
        }
    };
    let soon = now + TimeDelta::seconds(29);
    assert_eq!(
        store
            .take_job("worker 9", lease, soon)
            .await
            .expect("asked"),
        None
    );
    let later = now + TimeDelta::seconds(30);
    let again = store
        .take_job("worker 9", lease, later)
        .await
        .expect("asked")
        .expect("the lost one");
    assert_eq!((again.id, again.attempts), (held.id, 2));
    assert!(!store.renew_job(&held, lease, later).await.expect("asked"));
    assert!(
        !store
            .end_job(&held, true, "late", later)
            .await
            .expect("asked")
    );
    store
        .return_job(&again, "not now", later)
        .await
        .expect("returned");
    let third = store
        .take_job("worker 8", lease, later)
        .await
        .expect("asked")
        .expect("returned");
    assert_eq!(third.result, "not now");
    assert!(
        store
            .end_job(&third, false, "no", later)
            .await
            .expect("ended")
    );
    let counts = store.job_counts().await.expect("read");
    assert_eq!((counts.open, counts.taken, counts.failed), (0, 0, 1));
    assert_eq!(
        counts,
        JobCount {
            done: counts.done,
            failed: 1,
            ..JobCount::default()
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_a_queue_on_sqlite() {
    let lite = lite().await;
    let path = lite.folder.path().join("data.db");
    let other = Store::open_file(&path, crate::crypto())
        .await
        .expect("opened");
    story(vec![lite.store, other]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_a_queue_on_postgresql() {
    let Some(server) = crate::pg::Server::start() else {
        eprintln!("PostgreSQL is not installed: not tested");
        return;
    };
    story(vec![server.store().await, server.store().await]).await;
}
