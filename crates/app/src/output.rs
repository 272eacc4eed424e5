//! Standard output in one place. A reader that has seen enough (`| head -1`) closes it: what would be
//! printed after that is dropped, and the command goes on to its own end and its own exit status.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Has the reader gone? Commands without an end ask, and end.
pub fn closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Writes to standard output.
pub fn write(text: fmt::Arguments<'_>) {
    if closed() {
        return;
    }
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) {
        if error.kind() != ErrorKind::BrokenPipe {
            eprintln!("minsheng: standard output: {error}");
        }
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// As the standard one, which panics when the reader has gone.
macro_rules! print {
    ($($text:tt)*) => { $crate::output::write(format_args!($($text)*)) };
}

/// As the standard one, which panics when the reader has gone.
macro_rules! println {
    () => { $crate::output::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($text)*))) };
}
