//! Explanations that others can read, check and keep: the tree from the outcome to the evidence, a
//! short form for letters, what would have to change, and the form `minsheng-explanation/1` that
//! a third party verifies without this program. See `docs/explanation.md`.

mod brief;
mod document;
mod facts;
mod make;
mod probe;
mod reading;
mod tree;
mod what_if;
mod words;

pub use brief::{brief, told};
pub use document::*;
pub use make::{explain, explain_json};
pub use tree::{render, render_what_if};
pub use what_if::{Limits, what_if};
