//! A bank that answers, for tests and demonstrations: it reads our instruction file as a bank would
//! and makes the status report, the statement and the counter's list that would come back.

use crate::iso::{self, Instruction, InstructionLine, Limits, Message, ReadError, ReadProblem};
use base::{Fen, Id};
use quick_xml::escape::escape;
use std::fmt::Write;
use std::io::BufRead;

/// How many of a thousand lines come to what. The rest is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Refused at once.
    pub rejected: u32,
    /// Paid, and booked back later.
    pub returned: u32,
    /// Accepted, without a final word.
    pub unknown: u32,
    /// Not answered at all.
    pub silent: u32,
}

/// The files of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// pain.002.001.10.
    pub status_report: String,
    /// camt.053.001.08.
    pub statement: String,
    /// The counter's list, csv.
    pub list: String,
    /// Lines paid for good.
    pub paid: usize,
    /// Lines refused.
    pub rejected: usize,
    /// Lines booked back.
    pub returned: usize,
    /// Lines without a final word.
    pub unknown: usize,
    /// Lines without an answer.
    pub silent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Paid,
    Rejected,
    Returned,
    Unknown,
    Silent,
}

const REASONS: [(&str, &str); 5] = [
    ("AC01", "账号有误"),
    ("AC04", "账户已销户"),
    ("AC06", "账户已冻结"),
    ("BE01", "户名与账号不符"),
    ("AG01", "账户不允许入账"),
];

/// Answers an instruction file. The same seed and instruction give the same answer; what becomes of a
/// line does not depend on the lines beside it.
pub fn answer(instruction: impl BufRead, seed: u64, rates: Rates) -> Result<Files, ReadError> {
    let instruction = match iso::read(instruction, Limits::default())? {
        Message::Instruction(instruction) => instruction,
        Message::Answer(_) => {
            return Err(ReadError {
                line: 1,
                column: 1,
                problem: ReadProblem::NotAMessage("an answer, not an instruction,".into()),
            });
        }
    };
    let fates: Vec<(Fate, usize)> = instruction
        .lines
        .iter()
        .map(|line| fate(line, seed, rates))
        .collect();
    let count = |fate| fates.iter().filter(|(f, _)| *f == fate).count();
    let mut files = Files {
        paid: count(Fate::Paid),
        rejected: count(Fate::Rejected),
        returned: count(Fate::Returned),
        unknown: count(Fate::Unknown),
        silent: count(Fate::Silent),
        ..Files::default()
    };
    // Writing to a string does not fail.
    let _ = status_report(&mut files.status_report, &instruction, &fates, seed);
    let _ = statement(&mut files.statement, &instruction, &fates, seed);
    let _ = list(&mut files.list, &instruction, &fates);
    Ok(files)
}

fn fate(line: &InstructionLine, seed: u64, rates: Rates) -> (Fate, usize) {
    // FNV-1a over the id, then splitmix64: the same on every machine.
    let mut state = line.end_to_end.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
    }) ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^= state >> 31;
    let mut draw = (state % 1000) as u32;
    let reason = (state / 1000) as usize % REASONS.len();
    for (share, fate) in [
        (rates.rejected, Fate::Rejected),
        (rates.returned, Fate::Returned),
        (rates.unknown, Fate::Unknown),
        (rates.silent, Fate::Silent),
    ] {
        if draw < share {
            return (fate, reason);
        }
        draw -= share;
    }
    (Fate::Paid, reason)
}

fn message_id(kind: &str, instruction: &Instruction, seed: u64) -> String {
    iso::compact(Id::derive(&[kind, &instruction.message, &seed.to_string()]))
}

fn day(instruction: &Instruction) -> String {
    instruction.pay_on.unwrap_or_default().to_string()
}

fn status_report(
    out: &mut String,
    instruction: &Instruction,
    fates: &[(Fate, usize)],
    seed: u64,
) -> std::fmt::Result {
    let original = escape(instruction.message.as_str());
    let same = fates
        .iter()
        .all(|(fate, _)| matches!(fate, Fate::Paid | Fate::Returned));
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">\n<CstmrPmtStsRpt>\n\
         <GrpHdr><MsgId>{}</MsgId><CreDtTm>{}T18:00:00Z</CreDtTm></GrpHdr>\n\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{original}</OrgnlMsgId>\
         <OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><OrgnlNbOfTxs>{}</OrgnlNbOfTxs>\
         <OrgnlCtrlSum>{}</OrgnlCtrlSum><GrpSts>{}</GrpSts></OrgnlGrpInfAndSts>\n\
         <OrgnlPmtInfAndSts><OrgnlPmtInfId>{original}</OrgnlPmtInfId>\n",
        message_id("status-report", instruction, seed),
        day(instruction),
        instruction.count,
        instruction.total,
        if same { "ACSC" } else { "PART" },
    )?;
    for (line, (fate, reason)) in instruction.lines.iter().zip(fates) {
        let (code, reason) = match fate {
            Fate::Silent => continue,
            Fate::Paid | Fate::Returned => ("ACSC", None),
            Fate::Unknown => ("ACSP", None),
            Fate::Rejected => ("RJCT", Some(REASONS[*reason])),
        };
        write!(
            out,
            "<TxInfAndSts><OrgnlEndToEndId>{}</OrgnlEndToEndId><TxSts>{code}</TxSts>",
            escape(line.end_to_end.as_str())
        )?;
        if let Some((code, text)) = reason {
            write!(
                out,
                "<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>{text}</AddtlInf></StsRsnInf>"
            )?;
        }
        writeln!(
            out,
            "<OrgnlTxRef><Amt><InstdAmt Ccy=\"CNY\">{}</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>",
            line.amount
        )?;
    }
    out.push_str("</OrgnlPmtInfAndSts>\n</CstmrPmtStsRpt>\n</Document>\n");
    Ok(())
}

fn statement(
    out: &mut String,
    instruction: &Instruction,
    fates: &[(Fate, usize)],
    seed: u64,
) -> std::fmt::Result {
    let day = day(instruction);
    let sum = |wanted: &[Fate]| -> Fen {
        let lines = instruction.lines.iter().zip(fates);
        lines
            .filter(|(_, (fate, _))| wanted.contains(fate))
            .map(|(line, _)| line.amount)
            .sum()
    };
    let opening = sum(&[Fate::Paid, Fate::Returned]);
    let closing = sum(&[Fate::Returned]);
    let id = message_id("statement", instruction, seed);
    let account = match instruction.account.as_str() {
        "" => "NOTPROVIDED",
        account => account,
    };
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\">\n<BkToCstmrStmt>\n\
         <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{day}T23:00:00Z</CreDtTm></GrpHdr>\n\
         <Stmt><Id>{id}</Id><Acct><Id><Othr><Id>{}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>\n",
        escape(account)
    )?;
    for (code, amount) in [("OPBD", opening), ("CLBD", closing)] {
        writeln!(
            out,
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">{amount}</Amt>\
             <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
        )?;
    }
    for (line, (fate, reason)) in instruction.lines.iter().zip(fates) {
        if !matches!(fate, Fate::Paid | Fate::Returned) {
            continue;
        }
        entry(out, instruction, line, &day, None)?;
        if *fate == Fate::Returned {
            entry(out, instruction, line, &day, Some(REASONS[*reason]))?;
        }
    }
    out.push_str("</Stmt>\n</BkToCstmrStmt>\n</Document>\n");
    Ok(())
}

fn entry(
    out: &mut String,
    instruction: &Instruction,
    line: &InstructionLine,
    day: &str,
    returned: Option<(&str, &str)>,
) -> std::fmt::Result {
    let indicator = if returned.is_some() { "CRDT" } else { "DBIT" };
    write!(
        out,
        "<Ntry><Amt Ccy=\"CNY\">{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>\
         <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>\
         <BkTxCd><Prtry><Cd>CT</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs>\
         <MsgId>{message}</MsgId><EndToEndId>{id}</EndToEndId></Refs>\
         <Amt Ccy=\"CNY\">{amount}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>",
        amount = line.amount,
        message = escape(instruction.message.as_str()),
        id = escape(line.end_to_end.as_str()),
    )?;
    if let Some((code, text)) = returned {
        write!(
            out,
            "<RtrInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>{text}</AddtlInf></RtrInf>"
        )?;
    }
    out.push_str("</TxDtls></NtryDtls></Ntry>\n");
    Ok(())
}

fn list(out: &mut String, instruction: &Instruction, fates: &[(Fate, usize)]) -> std::fmt::Result {
    out.push_str("批次号,序号,金额,状态,原因\n");
    for (index, (line, (fate, reason))) in instruction.lines.iter().zip(fates).enumerate() {
        let (status, reason) = match fate {
            Fate::Silent => continue,
            Fate::Paid => ("成功", ""),
            Fate::Unknown => ("处理中", ""),
            Fate::Rejected | Fate::Returned => ("失败", REASONS[*reason].1),
        };
        writeln!(
            out,
            "{},{},{},{status},{reason}",
            instruction.message,
            index + 1,
            line.amount
        )?;
    }
    Ok(())
}
