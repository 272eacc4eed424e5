//! The room's tests against a small invented law.

mod files;
mod invented;
mod property;
mod worked;
