//! What a stretch of work costs: time on the wall, time of the processor, and what the disk alone takes.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Ticks a second in which Linux counts processor time for programs.
const TICKS: f64 = 100.0;

/// A stretch of work that is being measured.
pub struct Stretch {
    wall: Instant,
    busy: f64,
}

impl Stretch {
    /// Begins now.
    pub fn begin() -> Stretch {
        Stretch {
            wall: Instant::now(),
            busy: busy_seconds(),
        }
    }

    /// Prints what it was, how long it took on the wall and on the processors, and how many there were a
    /// second; gives the time on the wall.
    pub fn end(self, what: &str, count: u64) -> Duration {
        let wall = self.wall.elapsed();
        let seconds = wall.as_secs_f64();
        println!(
            "{what}: {seconds:.2} s ({:.2} s of processor), {:.0} a second",
            busy_seconds() - self.busy,
            count as f64 / seconds.max(1e-9)
        );
        wall
    }
}

/// Processor time of this process, user and system together; 0 where the system does not say.
fn busy_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the name in brackets, which may hold blanks.
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let fields: Vec<&str> = after.split_whitespace().collect();
    let tick = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok());
    match (tick(11), tick(12)) {
        (Some(user), Some(system)) => (user + system) / TICKS,
        _ => 0.0,
    }
}

/// The most memory that the process has had, in MiB; 0 where the system does not say.
pub fn peak_mib() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024)
}

/// Times at the median and at the 99th percentile.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Half took no longer.
    pub median: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
}

impl Spread {
    /// Of times in any order; `None` of none.
    pub fn of(mut times: Vec<Duration>) -> Option<Spread> {
        times.sort_unstable();
        let last = times.len().checked_sub(1)?;
        Some(Spread {
            median: times[last / 2],
            p99: times[last * 99 / 100],
        })
    }

    /// In milliseconds, for people.
    pub fn show(&self) -> String {
        format!(
            "median {:.2} ms, 99 % within {:.2} ms",
            self.median.as_secs_f64() * 1e3,
            self.p99.as_secs_f64() * 1e3
        )
    }
}

/// How long the disk takes to make one small write durable: what no database can be faster than.
///
/// # Errors
/// When the folder cannot be written.
pub fn disk_sync(folder: &Path, writes: usize) -> std::io::Result<Vec<Duration>> {
    let path = folder.join("sync");
    let mut file = std::fs::File::create(&path)?;
    let page = [7u8; 4096];
    let mut times = Vec::with_capacity(writes);
    for _ in 0..writes {
        // As a commit does: a few pages added, then one sync.
        for _ in 0..8 {
            file.write_all(&page)?;
        }
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    std::fs::remove_file(path)?;
    Ok(times)
}

/// One measured step.
pub fn line(what: &str, time: Duration, count: u64) {
    let seconds = time.as_secs_f64();
    println!(
        "{what}: {seconds:.2} s, {:.0} a second",
        count as f64 / seconds.max(1e-9)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_a_hundred_is_the_last_but_one() {
        let times = (1..=100).rev().map(Duration::from_millis).collect();
        let spread = Spread::of(times).expect("some");
        assert_eq!(spread.p99, Duration::from_millis(99));
        assert_eq!(spread.median, Duration::from_millis(50));
        assert!(Spread::of(Vec::new()).is_none());
    }
}
