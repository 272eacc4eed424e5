//! Payments: batches, their lines, files, answers.

use super::Named;
use base::{Day, Fen, Id, Instant};
use serde::Serialize;
use utoipa::ToSchema;

/// Batches and what could be instructed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentsPage {
    /// Batches, newest first.
    pub batches: Vec<BatchRow>,
    /// Programmes with money owed and not instructed.
    pub payable: Vec<PayableRow>,
}

/// Money waiting for an instruction.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PayableRow {
    /// Programme.
    pub programme: Named,
    /// Pay run that would be next.
    pub month: String,
    /// Payees.
    pub count: u64,
    /// Sum.
    #[schema(value_type = i64)]
    pub amount: Fen,
}

/// What an instruction would hold, before it is made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InstructView {
    /// Programme.
    pub programme: Named,
    /// Pay run.
    pub month: String,
    /// Lines.
    pub count: u64,
    /// Their sum.
    #[schema(value_type = i64)]
    pub amount: Fen,
    /// Withheld from them for overpayments.
    #[schema(value_type = i64)]
    pub withheld: Fen,
    /// The first of those to whom money is owed and who are left out.
    pub apart: Vec<ApartRow>,
    /// How many are left out.
    pub left_out: u64,
    /// What is owed to them.
    #[schema(value_type = i64)]
    pub left_owed: Fen,
}

/// Somebody to whom money is owed and who is in no line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApartRow {
    /// Household, where the account can be recorded.
    #[schema(value_type = Option<String>)]
    pub household: Option<Id>,
    /// Its head.
    pub name: String,
    /// Owed and due.
    #[schema(value_type = i64)]
    pub owed: Fen,
    /// Why: `no-account`, `bad-account`, `held`, `in-this-run` or `books`.
    pub reason: String,
    /// More about it.
    pub detail: String,
}

/// A batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchRow {
    /// Batch.
    #[schema(value_type = String)]
    pub id: Id,
    /// Programme.
    pub programme: Named,
    /// Pay run.
    pub month: String,
    /// 1; re-issues count on.
    pub attempt: u32,
    /// Lines.
    pub count: u32,
    /// Sum.
    #[schema(value_type = i64)]
    pub total: Fen,
    /// Requested execution.
    #[schema(value_type = String)]
    pub pay_on: Day,
    /// When it was made.
    #[schema(value_type = String)]
    pub made_at: Instant,
    /// Lines by state: instructed, unknown, paid, rejected, returned.
    pub states: [u32; 5],
    /// Sums by state.
    #[schema(value_type = Vec<i64>)]
    pub sums: [Fen; 5],
}

/// One batch with its lines.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchPage {
    /// The batch.
    pub batch: BatchRow,
    /// State shown; empty: all.
    pub state: String,
    /// Lines.
    pub lines: super::Paged<LineRow>,
    /// Returned lines not re-issued yet.
    pub reissue: u64,
}

/// A line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineRow {
    /// Position.
    pub sequence: u32,
    /// Household.
    #[schema(value_type = Option<String>)]
    pub household: Option<Id>,
    /// For a programme about persons: whose.
    #[schema(value_type = Option<String>)]
    pub person: Option<Id>,
    /// Holder.
    pub holder: String,
    /// Account, masked.
    pub account: String,
    /// Bank.
    pub bank: String,
    /// Sum.
    #[schema(value_type = i64)]
    pub amount: Fen,
    /// Parts: period and amount.
    #[schema(value_type = Vec<(String, i64)>)]
    pub items: Vec<(String, Fen)>,
    /// `instructed`, `unknown`, `paid`, `rejected`, `returned`.
    pub state: String,
    /// Bank's reason.
    pub bank_reason: Option<String>,
}

/// What an answer file said.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct AnswerView {
    /// Lines newly paid.
    pub paid: u64,
    /// Newly returned.
    pub returned: u64,
    /// Without a final word.
    pub unknown: u64,
    /// Known already.
    pub repeated: u64,
    /// That match no line, with why.
    pub unmatched: Vec<String>,
}

/// A file to download.
#[derive(Clone, Debug)]
pub struct Download {
    /// File name.
    pub name: String,
    /// Media type.
    pub media: &'static str,
    /// Content.
    pub bytes: Vec<u8>,
}
