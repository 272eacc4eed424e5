//! Entry points for fuzzing: each takes any bytes and must neither panic, overflow the stack nor run
//! without end. What else they assert stands with each of them.

pub mod law;
pub mod sheet;

/// Every entry by the name of its target.
pub const ENTRIES: &[(&str, fn(&[u8]))] = &[
    ("expression", law::expression),
    ("evaluate", law::evaluate),
    ("law", law::law),
    ("dmn", law::dmn),
    ("sheet", sheet::sheet),
];
