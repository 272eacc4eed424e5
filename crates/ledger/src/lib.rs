//! Money moved, or to be moved: double entry in fen.
//!
//! Decides: which accounts an event debits and credits, what a bank is told, what its answers mean,
//! and how overpaid money comes back.
//! Never: knows a person, a household or a law; only ids, purposes and citations.
//! Entrance: [`post`] (a change of what is owed), [`run`] (a pay run), [`iso`] and [`counter`] (files to
//! the bank and back), [`reconcile`] (what the answers mean), [`recovery`], all on a payee's
//! [`position`]; [`verify`] holds the books to their rules; [`account`] and [`payment`] are the records.
//! [`bank`] is a bank that answers, for tests and demonstrations.
//! Invariants: debits equal credits in every transfer; balances of a payee never fall below what was
//! really paid; an entitlement is paid at most once net; a recovery never exceeds what was paid.
//! Answers to: ISO 20022 pain.001.001.09, pain.002.001.10, camt.053.001.08.

pub mod account;
pub mod bank;
pub mod counter;
pub mod iso;
pub mod payment;
pub mod position;
pub mod post;
pub mod reconcile;
pub mod recovery;
pub mod run;
pub mod verify;
