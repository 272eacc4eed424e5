//! A scheduler and executors as processes of their own: the same results, whatever happens to them.

use crate::district::{self, District, MONTH, Said, digests, run};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with the test, also when it fails.
struct Node(Child);

impl Node {
    fn start(command: &mut Command) -> Node {
        Node(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Already ended is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

fn scheduler(port: u16) -> (Node, String) {
    let mut node = Node::start(
        Command::new(district::binary())
            .args(["scheduler", "--port", &port.to_string()])
            .stdout(Stdio::piped()),
    );
    let mut line = String::new();
    BufReader::new(node.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line
        .trim()
        .strip_prefix("scheduler at ")
        .unwrap()
        .to_string();
    (node, url)
}

fn executor(url: &str, law: &Path, work: &Path) -> Node {
    Node::start(
        Command::new(district::binary())
            .args(["executor", "--scheduler", url, "--law"])
            .arg(law)
            .arg("--work")
            .arg(work),
    )
}

fn lines(out: &Path) -> usize {
    let text = std::fs::read_to_string(out.join("run.jsonl")).unwrap_or_default();
    text.lines().count()
}

/// Waits, for a bounded time.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Two executors give, file by file, the bytes that one process gives.
#[test]
fn executors_give_what_one_process_gives() {
    let district = District::get();
    let folder = tempfile::tempdir().unwrap();
    let (_scheduler, url) = scheduler(0);
    let _one = executor(&url, &district::law(), &folder.path().join("one"));
    let _two = executor(&url, &district::law(), &folder.path().join("two"));
    let out = folder.path().join("out");
    run(
        &district,
        &out,
        &["--scheduler", &url, "--households", "100"],
    );
    assert_eq!(digests(&out), digests(&district.reference()));
}

/// An executor is killed half way, then the scheduler: both cost time only.
#[test]
fn what_is_killed_costs_time_only() {
    let district = District::get();
    let folder = tempfile::tempdir().unwrap();
    let (scheduler_process, url) = scheduler(0);
    let port: u16 = url.rsplit_once(':').unwrap().1.parse().unwrap();
    let one = executor(&url, &district::law(), &folder.path().join("one"));
    let two = executor(&url, &district::law(), &folder.path().join("two"));
    let out = folder.path().join("out");
    let mut going = Node::start(
        Command::new(district::binary())
            .args(["run", "--json", "--month", MONTH, "--scheduler", &url])
            // One file each, so that there are many.
            .args(["--households", "1", "--jobs", "4", "--data"])
            .arg(district.partitions())
            .arg("--law")
            .arg(district::law())
            .arg("--out")
            .arg(&out)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let all = digests(&district.reference()).len();
    until("a third is done", || lines(&out) > all / 3);
    two.kill();
    until("two thirds are done", || lines(&out) > all * 2 / 3);
    assert!(
        lines(&out) < all,
        "the run ended before anything was killed"
    );
    scheduler_process.kill();
    one.kill();
    let (_scheduler, url) = scheduler(port);
    let _three = executor(&url, &district::law(), &folder.path().join("three"));
    until("the run ends", || going.0.try_wait().unwrap().is_some());
    let output = {
        let mut said = (String::new(), String::new());
        use std::io::Read;
        going
            .0
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said.0)
            .unwrap();
        going
            .0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said.1)
            .unwrap();
        said
    };
    assert!(going.0.wait().unwrap().success(), "{}", output.1);
    let summary: serde_json::Value = serde_json::from_str(&output.0).unwrap();
    assert!(summary["retried"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(digests(&out), digests(&district.reference()));
}

/// An executor under another law computes nothing, and the run says why.
#[test]
fn an_executor_with_another_law_refuses() {
    let district = District::get();
    let folder = tempfile::tempdir().unwrap();
    let law = folder.path().join("law");
    district::altered_law(&law);
    let (_scheduler, url) = scheduler(0);
    let _one = executor(&url, &law, &folder.path().join("one"));
    let out = folder.path().join("out");
    let said: Said = district.cluster(&["run", "--month", MONTH, "--scheduler", &url], &out);
    assert_eq!(said.code, 2, "{}", said.told);
    assert!(said.told.contains("a node refuses"), "{}", said.told);
    assert!(said.told.contains("the same law"), "{}", said.told);
    assert_eq!(lines(&out), 1, "nothing was written");
}
