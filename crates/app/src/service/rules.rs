//! Programmes by name, whatever place and time.

pub use entitlement::programmes::{
    determined_for_everybody, latest_version, programme_id, programme_ids,
};
