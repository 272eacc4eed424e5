//! The room's tests against a small invented law.

mod invented;
mod property;
mod worked;
