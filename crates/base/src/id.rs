use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use std::str::FromStr;
use uuid::Uuid;

/// The identity of a record. New ones are UUIDv7 minted by the client or the app; ids of records
/// that follow from others are derived, so that doing a thing twice yields the same record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(Uuid);

/// Namespace of derived ids: a fixed random value of this project.
const DERIVED: Uuid = Uuid::from_u128(0x6d69_6e73_6865_6e67_8d2f_41c7_9b05_3ea1);

impl Id {
    /// A new time-ordered id (UUIDv7). Only the outer crates call this; pure code is handed ids or
    /// derives them.
    pub fn mint() -> Id {
        Id(Uuid::now_v7())
    }

    /// The same parts always give the same id (UUIDv5 over the parts, each preceded by its length).
    pub fn derive(parts: &[&str]) -> Id {
        let length = parts.iter().map(|part| part.len() + 6).sum();
        let mut text = String::with_capacity(length);
        for part in parts {
            // Writing to a string does not fail.
            let _ = write!(text, "{}:", part.len());
            text.push_str(part);
            text.push(';');
        }
        Id(Uuid::new_v5(&DERIVED, text.as_bytes()))
    }

    /// From 16 bytes, as stored.
    pub fn from_bytes(bytes: [u8; 16]) -> Id {
        Id(Uuid::from_bytes(bytes))
    }

    /// From 16 bytes of a database column.
    pub fn from_slice(bytes: &[u8]) -> Option<Id> {
        Uuid::from_slice(bytes).ok().map(Id)
    }

    /// As stored.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The underlying UUID.
    pub fn uuid(&self) -> Uuid {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Id {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Id, uuid::Error> {
        Uuid::parse_str(text.trim()).map(Id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_keep_parts_apart() {
        assert_eq!(Id::derive(&["ab", "c"]), Id::derive(&["ab", "c"]));
        assert_ne!(Id::derive(&["ab", "c"]), Id::derive(&["a", "bc"]));
    }
}
