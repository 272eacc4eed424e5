//! Money, time and identity: the arithmetic that every room shares.
//!
//! Decides: how fen are counted, how months and periods are cut, how working days run, how ids are minted.
//! Never: names a person, a household, a programme or a law; reads a clock, a file or a database.
//! Entrance: the types re-exported here.
//! Invariants: money is integer fen with checked arithmetic; periods are half-open `[from, to)`.

mod citation;
mod id;
mod money;
mod time;
mod workdays;

pub use citation::Citation;
pub use id::Id;
pub use money::{Fen, MoneyError};
pub use time::{Day, Instant, Month, Period, TimeError, format_instant, parse_day, parse_instant};
pub use workdays::{Calendar, CalendarError};
