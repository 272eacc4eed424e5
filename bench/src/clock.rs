//! Time and memory as the system counts them.
//!
//! One-threaded work is timed by the processor time of its thread where the system says it, so that
//! other work on the machine does not count; two threads by the clock on the wall.

use std::fs;
use std::time::Instant;

/// Processor time of this thread in seconds, where the system says.
fn thread_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let ns: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(ns * 1e-9)
}

/// Processor time of all threads in seconds, in steps of a hundredth; zero where the system does not
/// say.
pub fn process_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let at = |n: usize| fields.get(n).and_then(|f| f.parse::<f64>().ok());
    (at(11).unwrap_or(0.0) + at(12).unwrap_or(0.0)) / 100.0
}

/// Seconds that work took on this thread, and what it gave.
pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let (wall, before) = (Instant::now(), thread_seconds());
    let out = work();
    let seconds = match (before, thread_seconds()) {
        (Some(before), Some(after)) => after - before,
        _ => wall.elapsed().as_secs_f64(),
    };
    (seconds, out)
}

/// The least of several times.
pub fn best<T>(repeats: usize, mut work: impl FnMut() -> T) -> (f64, Option<T>) {
    let (mut least, mut out) = (f64::MAX, None);
    for _ in 0..repeats {
        let (seconds, one) = timed(&mut work);
        least = least.min(seconds);
        out = Some(one);
    }
    (least, out)
}

/// The least of several times by the clock on the wall.
pub fn best_wall<T>(repeats: usize, mut work: impl FnMut() -> T) -> (f64, Option<T>) {
    let (mut least, mut out) = (f64::MAX, None);
    for _ in 0..repeats {
        let start = Instant::now();
        out = Some(work());
        least = least.min(start.elapsed().as_secs_f64());
    }
    (least, out)
}

/// Forgets the peak of memory so far, where the system can.
pub fn forget_peak() {
    // Where it cannot, the peak is that of the whole run.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Peak memory of this process in MiB since [`forget_peak`], where the system says.
pub fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM"));
    line.and_then(|l| l.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// The machine in a line: processor, how many, how loaded, which vectors this build uses.
pub fn machine() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split(':').nth(1));
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let build = if cfg!(target_feature = "avx2") {
        "native build (256-bit vectors or wider everywhere)"
    } else {
        "portable build (the engine takes 256-bit vectors where the processor has them)"
    };
    format!(
        "{}, {cores} cores, load {load}; {build}",
        name.unwrap_or("processor").trim()
    )
}
