//! Progress bars on a terminal; silent elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// A bar for one piece of work. Off a terminal it prints one line when the work is done.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
    name: String,
    quiet: bool,
}

impl Progress {
    /// A bar of `total` steps; 0 when the number is not known.
    pub fn new(name: &str, total: u64) -> Progress {
        let bar = ProgressBar::new(total);
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let template = if total == 0 {
            "{spinner} {msg} {pos} ({elapsed})"
        } else {
            "{msg:28} [{bar:30}] {pos}/{len} ({eta})"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(name.to_string());
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress {
            bar,
            name: name.to_string(),
            quiet: false,
        }
    }

    /// A bar that shows nothing at all: tests and the site's own jobs.
    pub fn none() -> Progress {
        Progress {
            bar: ProgressBar::hidden(),
            name: String::new(),
            quiet: true,
        }
    }

    /// `n` more steps are done.
    pub fn add(&self, n: u64) {
        self.bar.inc(n);
    }

    /// Clears the bar and leaves one line: what was done, and how long it took.
    pub fn done(&self, figures: &str) {
        let seconds = self.bar.elapsed().as_secs_f64();
        self.bar.finish_and_clear();
        if !self.quiet {
            eprintln!("{}: {figures} ({seconds:.1} s)", self.name);
        }
    }
}
