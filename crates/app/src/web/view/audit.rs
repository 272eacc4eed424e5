//! Looking back: replays, the journal, the checks.

use super::district::RunView;
use super::why::Why;
use base::{Id, Instant};
use policy::programme::Bilingual;
use serde::Serialize;
use utoipa::ToSchema;

/// A past determination beside today's.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Replay {
    /// As it was determined then; absent: nothing was.
    pub then: Option<Why>,
    /// The same computed again from what was known then: equal, or a fault.
    pub same: bool,
    /// As determined now.
    pub now: Option<Why>,
    /// What differs, in sentences: facts learned since, law since, what follows.
    #[schema(value_type = Vec<super::TextSchema>)]
    pub because: Vec<Bilingual>,
    /// Values that differ: name, then, now.
    pub figures: Vec<(String, String, String)>,
}

/// A line of the journal.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JournalRow {
    /// Position in the chain.
    pub sequence: u64,
    /// When.
    #[schema(value_type = String)]
    pub at: Instant,
    /// Who.
    pub by: String,
    /// What, as the command or act is called.
    pub what: String,
    /// About which household.
    #[schema(value_type = Option<String>)]
    pub household: Option<Id>,
    /// In one sentence.
    #[schema(value_type = super::TextSchema)]
    pub text: Bilingual,
    /// First digits of the chain's digest.
    pub digest: String,
}

/// What the last checks found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerifyPage {
    /// The last check, and earlier ones.
    pub runs: Vec<RunView>,
    /// Findings of the last, in sentences.
    pub findings: Vec<String>,
}
