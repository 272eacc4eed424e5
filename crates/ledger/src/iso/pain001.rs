//! pain.001.001.09, a customer credit transfer initiation: written as a stream, and read back (by the
//! bank that answers in tests and demonstrations).

use super::compact;
use super::walk::{ReadError, ReadProblem, Step, Walk};
use crate::payment::{Batch, Payment, PaymentItem};
use base::{Day, Fen};
use quick_xml::escape::escape;
use std::io::{self, BufRead, Write};

/// Who pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Originator {
    /// Name of the paying office.
    pub name: String,
    /// Its account.
    pub account: String,
    /// Its bank: a BIC, or a clearing member number; empty when the bank knows.
    pub bank: String,
    /// What the payee's statement says (at most 140 characters are sent).
    pub purpose: String,
    /// ISO 20022 category purpose code, such as `GOVT`; `None`: not sent.
    pub category: Option<String>,
}

/// Why an instruction is not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The output failed.
    #[error("the instruction file cannot be written: {0}")]
    Io(#[from] io::Error),
    /// The lines are not those that the batch counts.
    #[error(
        "batch {batch} counts {count} lines of {total} in all, but its lines are {found_count} of {found_total}; the file must not be sent"
    )]
    Totals {
        /// Batch.
        batch: base::Id,
        /// Of the batch.
        count: u32,
        /// Of the batch.
        total: Fen,
        /// Of the lines.
        found_count: u32,
        /// Of the lines.
        found_total: Fen,
    },
    /// A line of another batch, out of its place, or not above zero.
    #[error("payment {0} does not belong at this place of the batch; the file must not be sent")]
    Line(base::Id),
}

/// Writes the instruction of a batch. `payments` are its lines in sequence. The header's totals are
/// the batch's; when the lines do not give them, the error says so and what was written is void.
pub fn write<'a, W: Write>(
    out: W,
    batch: &Batch,
    originator: &Originator,
    payments: impl IntoIterator<Item = &'a Payment>,
) -> Result<W, WriteError> {
    let mut out = out;
    let message = compact(batch.id);
    let name = limited(&originator.name, 140);
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">\n\
         <CstmrCdtTrfInitn>\n<GrpHdr><MsgId>{message}</MsgId><CreDtTm>{created}</CreDtTm>\
         <NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum>\
         <InitgPty><Nm>{name}</Nm></InitgPty></GrpHdr>\n\
         <PmtInf><PmtInfId>{message}</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg>\
         <NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum>",
        created = batch.recorded_at.format("%Y-%m-%dT%H:%M:%SZ"),
        count = batch.count,
        total = batch.total,
    )?;
    if let Some(category) = &originator.category {
        let category = limited(category, 4);
        write!(
            out,
            "<PmtTpInf><CtgyPurp><Cd>{category}</Cd></CtgyPurp></PmtTpInf>"
        )?;
    }
    write!(
        out,
        "<ReqdExctnDt><Dt>{}</Dt></ReqdExctnDt><Dbtr><Nm>{name}</Nm></Dbtr>\
         <DbtrAcct><Id><Othr><Id>{}</Id></Othr></Id><Ccy>CNY</Ccy></DbtrAcct><DbtrAgt>",
        batch.pay_on,
        limited(&originator.account, 34),
    )?;
    institution(&mut out, &originator.bank)?;
    out.write_all(b"</DbtrAgt>\n")?;
    let purpose = limited(&originator.purpose, 140);
    let (mut count, mut total) = (0u32, Fen::ZERO);
    for payment in payments {
        count = count.saturating_add(1);
        if payment.batch != batch.id || payment.sequence != count || payment.amount <= Fen::ZERO {
            return Err(WriteError::Line(payment.id));
        }
        total = total
            .checked_add(payment.amount)
            .ok_or(WriteError::Line(payment.id))?;
        line(&mut out, payment, &purpose)?;
    }
    if (count, total) != (batch.count, batch.total) {
        return Err(WriteError::Totals {
            batch: batch.id,
            count: batch.count,
            total: batch.total,
            found_count: count,
            found_total: total,
        });
    }
    out.write_all(b"</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n")?;
    out.flush()?;
    Ok(out)
}

fn line(out: &mut impl Write, payment: &Payment, purpose: &str) -> io::Result<()> {
    let mut buffer = uuid::Uuid::encode_buffer();
    let id = payment.id.uuid().simple().encode_lower(&mut buffer);
    write!(
        out,
        "<CdtTrfTxInf><PmtId><InstrId>{}</InstrId><EndToEndId>{id}</EndToEndId></PmtId>\
         <Amt><InstdAmt Ccy=\"CNY\">{}</InstdAmt></Amt>",
        payment.sequence, payment.amount
    )?;
    if !payment.bank.is_empty() {
        out.write_all(b"<CdtrAgt>")?;
        institution(out, &payment.bank)?;
        out.write_all(b"</CdtrAgt>")?;
    }
    write!(
        out,
        "<Cdtr><Nm>{}</Nm></Cdtr><CdtrAcct><Id><Othr><Id>{}</Id></Othr></Id></CdtrAcct><RmtInf>",
        limited(&payment.holder, 140),
        limited(&payment.account, 34),
    )?;
    if !purpose.is_empty() {
        write!(out, "<Ustrd>{purpose}</Ustrd>")?;
    }
    for item in &payment.items {
        remittance(out, item)?;
    }
    out.write_all(b"</RmtInf></CdtTrfTxInf>\n")
}

/// One item: what it is (`PERIOD`, or `WITHHELD` with the programme that overpaid), the period, the
/// amount (withheld ones as a credit note). Periods longer than a document number go in the free text.
fn remittance(out: &mut impl Write, item: &PaymentItem) -> io::Result<()> {
    let withheld = item.amount < Fen::ZERO;
    let kind = if withheld { "WITHHELD" } else { "PERIOD" };
    write!(
        out,
        "<Strd><RfrdDocInf><Tp><CdOrPrtry><Prtry>{kind}</Prtry></CdOrPrtry>"
    )?;
    if let Some(to) = &item.recovers {
        write!(out, "<Issr>{}</Issr>", limited(&to.programme, 35))?;
    }
    out.write_all(b"</Tp>")?;
    let long = item.period.chars().count() > 35;
    let period = limited(&item.period, 140);
    if !long && !period.is_empty() {
        write!(out, "<Nb>{period}</Nb>")?;
    }
    out.write_all(b"</RfrdDocInf><RfrdDocAmt>")?;
    if withheld {
        write!(out, "<CdtNoteAmt Ccy=\"CNY\">{}</CdtNoteAmt>", -item.amount)?;
    } else {
        write!(out, "<RmtdAmt Ccy=\"CNY\">{}</RmtdAmt>", item.amount)?;
    }
    out.write_all(b"</RfrdDocAmt>")?;
    if long {
        write!(out, "<AddtlRmtInf>{period}</AddtlRmtInf>")?;
    }
    out.write_all(b"</Strd>")
}

/// A bank: by its BIC when the code has the form of one, else by its clearing number.
fn institution(out: &mut impl Write, bank: &str) -> io::Result<()> {
    if bank.is_empty() {
        return out.write_all(b"<FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId>");
    }
    if is_bic(bank) {
        return write!(out, "<FinInstnId><BICFI>{bank}</BICFI></FinInstnId>");
    }
    write!(
        out,
        "<FinInstnId><ClrSysMmbId><MmbId>{}</MmbId></ClrSysMmbId></FinInstnId>",
        limited(bank, 35)
    )
}

fn is_bic(bank: &str) -> bool {
    let upper = |b: &u8| b.is_ascii_uppercase();
    let bytes = bank.as_bytes();
    matches!(bytes.len(), 8 | 11)
        && bytes[4..6].iter().all(upper)
        && bytes.iter().all(|b| upper(b) || b.is_ascii_digit())
}

/// At most `length` characters, none of them forbidden in XML, escaped.
fn limited(text: &str, length: usize) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(*c, '\u{fffe}' | '\u{ffff}'))
        .take(length)
        .collect();
    escape(plain.as_str()).into_owned()
}

/// An instruction, as a bank reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Message id: the batch's, compact.
    pub message: String,
    /// Lines, by the header.
    pub count: usize,
    /// Sum, by the header.
    pub total: Fen,
    /// Requested execution.
    pub pay_on: Option<Day>,
    /// The paying account.
    pub account: String,
    /// Lines, in order.
    pub lines: Vec<InstructionLine>,
}

/// A line of an instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstructionLine {
    /// Payment id, compact.
    pub end_to_end: String,
    /// To be paid.
    pub amount: Fen,
    /// Holder.
    pub holder: String,
    /// Account number.
    pub account: String,
    /// Bank's code.
    pub bank: String,
    /// Period and amount of each item; withheld ones negative.
    pub items: Vec<(String, Fen)>,
}

pub(super) fn read(walk: &mut Walk<impl BufRead>) -> Result<Instruction, ReadError> {
    const HEADER: &str = "Document/CstmrCdtTrfInitn/GrpHdr";
    const INFO: &str = "Document/CstmrCdtTrfInitn/PmtInf";
    const LINE: &str = "Document/CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf";
    let mut instruction = Instruction::default();
    let mut line = InstructionLine::default();
    let mut item = (String::new(), Fen::ZERO);
    let mut sum = Fen::ZERO;
    loop {
        match walk.step()? {
            Step::End => break,
            Step::Open => {
                if walk.path() == LINE {
                    line = InstructionLine::default();
                }
                continue;
            }
            Step::Close => {}
        }
        if walk.path() == LINE {
            if line.end_to_end.is_empty() {
                return Err(walk.error(ReadProblem::Missing("EndToEndId")));
            }
            if line.amount <= Fen::ZERO {
                return Err(walk.error(ReadProblem::Missing("InstdAmt")));
            }
            if instruction.lines.len() >= walk.lines_limit() {
                return Err(walk.error(ReadProblem::TooLarge("too many lines".into())));
            }
            sum = sum.checked_add(line.amount).ok_or_else(|| {
                walk.error(ReadProblem::TooLarge("the sum passes 64 bits".into()))
            })?;
            instruction.lines.push(std::mem::take(&mut line));
        } else if let Some(below) = walk.below(LINE) {
            match below {
                "PmtId/EndToEndId" => line.end_to_end = walk.text().into(),
                "Amt/InstdAmt" => line.amount = walk.amount()?,
                "CdtrAgt/FinInstnId/BICFI" | "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId" => {
                    line.bank = walk.text().into();
                }
                "Cdtr/Nm" => line.holder = walk.text().into(),
                "CdtrAcct/Id/Othr/Id" | "CdtrAcct/Id/IBAN" => line.account = walk.text().into(),
                "RmtInf/Strd/RfrdDocInf/Nb" | "RmtInf/Strd/AddtlRmtInf" => {
                    item.0 = walk.text().into();
                }
                "RmtInf/Strd/RfrdDocAmt/RmtdAmt" => item.1 = walk.amount()?,
                "RmtInf/Strd/RfrdDocAmt/CdtNoteAmt" => item.1 = -walk.amount()?,
                "RmtInf/Strd" => line.items.push(std::mem::take(&mut item)),
                _ => {}
            }
        } else if let Some(below) = walk.below(HEADER) {
            match below {
                "MsgId" => instruction.message = walk.text().into(),
                "NbOfTxs" => instruction.count = walk.value("a number", |t| t.parse().ok())?,
                "CtrlSum" => instruction.total = walk.amount()?,
                _ => {}
            }
        } else if let Some(below) = walk.below(INFO) {
            match below {
                "ReqdExctnDt/Dt" => instruction.pay_on = Some(walk.day()?),
                "DbtrAcct/Id/Othr/Id" | "DbtrAcct/Id/IBAN" => {
                    instruction.account = walk.text().into();
                }
                _ => {}
            }
        }
    }
    if instruction.message.is_empty() {
        return Err(walk.error(ReadProblem::Missing("MsgId")));
    }
    if instruction.count != instruction.lines.len() {
        return Err(walk.error(ReadProblem::Totals {
            what: "number of transactions",
            header: instruction.count.to_string(),
            lines: instruction.lines.len().to_string(),
        }));
    }
    if instruction.total != sum {
        return Err(walk.error(ReadProblem::Totals {
            what: "control sum",
            header: instruction.total.to_string(),
            lines: sum.to_string(),
        }));
    }
    Ok(instruction)
}
