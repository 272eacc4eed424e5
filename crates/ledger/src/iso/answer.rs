//! What the bank answers: pain.002 (status reports) and camt.053 (statements), brought to one form.

use super::walk::{ReadError, ReadProblem, Step, Walk};
use crate::payment::PaymentState;
use base::{Day, Fen, Id};
use std::io::BufRead;

/// What kind of file an answer came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// pain.002: what the bank says it will do or did.
    StatusReport,
    /// camt.053: what it booked.
    Statement,
    /// The bank counter's list.
    List,
}

/// One file of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Kind of file.
    pub source: Source,
    /// Its own id (empty for lists).
    pub message: String,
    /// The instruction that it answers, by its message id (compact batch id); statements have none.
    pub original: Option<String>,
    /// Lines and sum of that instruction as the bank has them, when it says so.
    pub original_totals: (Option<usize>, Option<Fen>),
    /// What it says of the whole instruction, with the reason. It holds for the lines that are not
    /// answered singly.
    pub group: Option<(PaymentState, Option<String>)>,
    /// What it says of single lines.
    pub lines: Vec<AnswerLine>,
    /// Sums booked for a whole instruction at once, which say nothing of single lines.
    pub batch_bookings: Vec<BatchBooking>,
    /// Booked entries that are no business of ours (no end-to-end id).
    pub others: usize,
}

impl Answer {
    pub(crate) fn new(source: Source) -> Answer {
        Answer {
            source,
            message: String::new(),
            original: None,
            original_totals: (None, None),
            group: None,
            lines: Vec::new(),
            batch_bookings: Vec::new(),
            others: 0,
        }
    }

    /// The batch that it answers, if it names one that has the form of ours.
    pub fn batch(&self) -> Option<Id> {
        self.original.as_deref()?.parse().ok()
    }

    /// The payments that it names and that have the form of ours, for the prefetch.
    pub fn payments(&self) -> impl Iterator<Item = Id> {
        self.lines
            .iter()
            .filter_map(|line| line.end_to_end.as_deref()?.parse().ok())
    }
}

/// What an answer says of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerLine {
    /// The payment's id, compact; `None` in lists that go by sequence.
    pub end_to_end: Option<String>,
    /// Position in the instruction; lists only.
    pub sequence: Option<u32>,
    /// What it amounts to: unknown, rejected, paid or returned.
    pub state: PaymentState,
    /// The amount, when the answer gives one.
    pub amount: Option<Fen>,
    /// The bank's reason: code and text.
    pub reason: Option<String>,
    /// When the bank booked it.
    pub booked: Option<Day>,
    /// Line or row in the file, from 1.
    pub line: u64,
}

/// A whole instruction booked in one sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchBooking {
    /// The instruction's message id, when given.
    pub original: Option<String>,
    /// Booked.
    pub amount: Fen,
    /// Line in the file.
    pub line: u64,
}

/// What a status code amounts to. Only settlement and refusal are final; any other code, known or
/// not, leaves the money in transit.
fn state_of(code: &str) -> PaymentState {
    match code {
        "ACSC" | "ACCC" => PaymentState::Paid,
        "RJCT" | "CANC" => PaymentState::Rejected,
        _ => PaymentState::Unknown,
    }
}

#[derive(Default)]
struct ReasonText(Vec<String>);

impl ReasonText {
    fn add(&mut self, text: &str) {
        if !text.is_empty() && self.0.len() < 8 {
            self.0.push(text.into());
        }
    }

    fn take(&mut self) -> Option<String> {
        let parts = std::mem::take(&mut self.0);
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}

pub(super) fn read_status_report(walk: &mut Walk<impl BufRead>) -> Result<Answer, ReadError> {
    const ROOT: &str = "Document/CstmrPmtStsRpt";
    const LINE: &str = "Document/CstmrPmtStsRpt/OrgnlPmtInfAndSts/TxInfAndSts";
    let mut answer = Answer::new(Source::StatusReport);
    // The status of the payment information is nearer to the lines than the group's.
    let (mut group, mut info) = (None, None);
    let mut group_reason = ReasonText::default();
    let mut info_reason = ReasonText::default();
    let mut reason = ReasonText::default();
    let mut line: Option<AnswerLine> = None;
    loop {
        match walk.step()? {
            Step::End => break,
            Step::Open => {
                if walk.path() == LINE {
                    line = Some(AnswerLine {
                        end_to_end: None,
                        sequence: None,
                        state: PaymentState::Unknown,
                        amount: None,
                        reason: None,
                        booked: None,
                        line: walk.line(),
                    });
                    reason = ReasonText::default();
                }
                continue;
            }
            Step::Close => {}
        }
        if walk.path() == LINE {
            let Some(mut done) = line.take() else {
                continue;
            };
            if done.end_to_end.is_none() {
                return Err(walk.error(ReadProblem::Missing("OrgnlEndToEndId")));
            }
            done.reason = reason.take();
            if answer.lines.len() >= walk.lines_limit() {
                return Err(walk.error(ReadProblem::TooLarge("too many lines".into())));
            }
            answer.lines.push(done);
        } else if let Some(below) = walk.below(LINE) {
            let Some(line) = line.as_mut() else { continue };
            match below {
                "OrgnlEndToEndId" => line.end_to_end = Some(walk.text().into()),
                "TxSts" => {
                    line.state = state_of(walk.text());
                    if line.state == PaymentState::Unknown {
                        reason.add(walk.text());
                    }
                }
                "StsRsnInf/Rsn/Cd" | "StsRsnInf/Rsn/Prtry" | "StsRsnInf/AddtlInf" => {
                    reason.add(walk.text());
                }
                "OrgnlTxRef/Amt/InstdAmt" => line.amount = Some(walk.amount()?),
                "AccptncDtTm" => line.booked = Some(walk.day()?),
                _ => {}
            }
        } else if let Some(below) = walk.below(ROOT) {
            match below {
                "GrpHdr/MsgId" => answer.message = walk.text().into(),
                "OrgnlGrpInfAndSts/OrgnlMsgId" => answer.original = Some(walk.text().into()),
                "OrgnlGrpInfAndSts/OrgnlNbOfTxs" => {
                    answer.original_totals.0 = Some(walk.value("a number", |t| t.parse().ok())?);
                }
                "OrgnlGrpInfAndSts/OrgnlCtrlSum" => {
                    answer.original_totals.1 = Some(walk.amount()?);
                }
                "OrgnlGrpInfAndSts/GrpSts" => group = Some(walk.text().to_owned()),
                "OrgnlGrpInfAndSts/StsRsnInf/Rsn/Cd"
                | "OrgnlGrpInfAndSts/StsRsnInf/Rsn/Prtry"
                | "OrgnlGrpInfAndSts/StsRsnInf/AddtlInf" => group_reason.add(walk.text()),
                "OrgnlPmtInfAndSts/PmtInfSts" => info = Some(walk.text().to_owned()),
                "OrgnlPmtInfAndSts/StsRsnInf/Rsn/Cd"
                | "OrgnlPmtInfAndSts/StsRsnInf/Rsn/Prtry"
                | "OrgnlPmtInfAndSts/StsRsnInf/AddtlInf" => info_reason.add(walk.text()),
                _ => {}
            }
        }
    }
    if answer.original.is_none() {
        return Err(walk.error(ReadProblem::Missing("OrgnlMsgId")));
    }
    let (code, mut text) = match info {
        Some(code) => (Some(code), info_reason),
        None => (group, group_reason),
    };
    // PART says that the lines differ, hence nothing of those that are not listed.
    answer.group = code
        .filter(|code| code != "PART")
        .map(|code| (state_of(&code), text.take()));
    Ok(answer)
}

/// An entry's transaction being read.
#[derive(Default)]
struct Detail {
    end_to_end: Option<String>,
    amount: Option<Fen>,
    /// `AmtDtls/TxAmt`, when `Amt` is not given.
    detail_amount: Option<Fen>,
    credit: Option<bool>,
    returned: bool,
    line: u64,
}

#[derive(Default)]
struct Entry {
    amount: Option<Fen>,
    credit: Option<bool>,
    reversal: bool,
    status: String,
    booked: Option<Day>,
    batch: Option<String>,
    details: Vec<(Detail, Option<String>)>,
    line: u64,
}

pub(super) fn read_statement(walk: &mut Walk<impl BufRead>) -> Result<Answer, ReadError> {
    const HEADER: &str = "Document/BkToCstmrStmt/GrpHdr/MsgId";
    const ENTRY: &str = "Document/BkToCstmrStmt/Stmt/Ntry";
    const DETAIL: &str = "Document/BkToCstmrStmt/Stmt/Ntry/NtryDtls/TxDtls";
    let mut answer = Answer::new(Source::Statement);
    let mut entry = Entry::default();
    let mut detail = Detail::default();
    let mut reason = ReasonText::default();
    loop {
        match walk.step()? {
            Step::End => break,
            Step::Open => {
                if walk.path() == ENTRY {
                    entry = Entry {
                        line: walk.line(),
                        ..Entry::default()
                    };
                } else if walk.path() == DETAIL {
                    detail = Detail {
                        line: walk.line(),
                        ..Detail::default()
                    };
                    reason = ReasonText::default();
                }
                continue;
            }
            Step::Close => {}
        }
        if walk.path() == ENTRY {
            book(&mut answer, std::mem::take(&mut entry), walk)?;
        } else if walk.path() == DETAIL {
            if entry.details.len() + answer.lines.len() >= walk.lines_limit() {
                return Err(walk.error(ReadProblem::TooLarge("too many lines".into())));
            }
            entry
                .details
                .push((std::mem::take(&mut detail), reason.take()));
        } else if let Some(below) = walk.below(DETAIL) {
            match below {
                "Refs/EndToEndId" => {
                    let id = walk.text();
                    detail.end_to_end =
                        (!id.is_empty() && id != "NOTPROVIDED").then(|| id.to_owned());
                }
                "Amt" => detail.amount = Some(walk.amount()?),
                "AmtDtls/TxAmt/Amt" => detail.detail_amount = Some(walk.amount()?),
                "CdtDbtInd" => detail.credit = Some(credit(walk)?),
                "RtrInf" => detail.returned = true,
                "RtrInf/Rsn/Cd" | "RtrInf/Rsn/Prtry" | "RtrInf/AddtlInf" => {
                    reason.add(walk.text());
                }
                _ => {}
            }
        } else if let Some(below) = walk.below(ENTRY) {
            match below {
                "Amt" => entry.amount = Some(walk.amount()?),
                "CdtDbtInd" => entry.credit = Some(credit(walk)?),
                "RvslInd" => entry.reversal = matches!(walk.text(), "true" | "1"),
                // Version 02 has the code itself in `Sts`; later ones have an element there.
                "Sts" | "Sts/Cd" if !walk.text().is_empty() => {
                    entry.status = walk.text().into();
                }
                "BookgDt/Dt" | "BookgDt/DtTm" => entry.booked = Some(walk.day()?),
                "NtryDtls/Btch/MsgId" => entry.batch = Some(walk.text().into()),
                _ => {}
            }
        } else if walk.path() == HEADER {
            answer.message = walk.text().into();
        }
    }
    Ok(answer)
}

fn credit(walk: &Walk<impl BufRead>) -> Result<bool, ReadError> {
    walk.value("CRDT or DBIT", |text| match text {
        "CRDT" => Some(true),
        "DBIT" => Some(false),
        _ => None,
    })
}

/// What a booked entry says of our payments.
fn book(answer: &mut Answer, entry: Entry, walk: &Walk<impl BufRead>) -> Result<(), ReadError> {
    let Some(amount) = entry.amount else {
        return Err(walk.error(ReadProblem::Missing("Ntry/Amt")));
    };
    let Some(credit) = entry.credit else {
        return Err(walk.error(ReadProblem::Missing("Ntry/CdtDbtInd")));
    };
    if entry.status == "INFO" {
        return Ok(());
    }
    if entry.details.is_empty() {
        if entry.batch.is_some() {
            answer.batch_bookings.push(BatchBooking {
                original: entry.batch,
                amount,
                line: entry.line,
            });
        } else {
            answer.others += 1;
        }
        return Ok(());
    }
    let alone = entry.details.len() == 1;
    for (detail, reason) in entry.details {
        let Some(end_to_end) = detail.end_to_end else {
            answer.others += 1;
            continue;
        };
        let credit = detail.credit.unwrap_or(credit);
        let amount = detail
            .amount
            .or(detail.detail_amount)
            .or(alone.then_some(amount));
        let (state, reason) = if entry.status != "BOOK" {
            (
                PaymentState::Unknown,
                Some(format!("entry status {}", entry.status)),
            )
        } else if amount.is_none() {
            // One of several in a sum, and it cannot be compared with what was instructed.
            (
                PaymentState::Unknown,
                Some("booked without its own amount".to_owned()),
            )
        } else if credit {
            (PaymentState::Returned, reason)
        } else if entry.reversal || detail.returned {
            // A return that is itself taken back: for a person to look at.
            (
                PaymentState::Unknown,
                Some("the bank took back a return".to_owned()),
            )
        } else {
            (PaymentState::Paid, None)
        };
        answer.lines.push(AnswerLine {
            end_to_end: Some(end_to_end),
            sequence: None,
            state,
            amount,
            reason,
            booked: entry.booked,
            line: detail.line,
        });
    }
    Ok(())
}
