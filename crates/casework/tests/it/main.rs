//! The whole story of a late fact, against the invented law that entitlement's tests use.

#[allow(dead_code)]
#[path = "../../../entitlement/tests/it/invented.rs"]
mod invented;

mod correction;
