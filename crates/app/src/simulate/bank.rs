//! A bank of the simulation's own: it reads instruction files as texts, keeps a table of what it did with
//! each line, and answers in parts, late, twice and in the wrong order. It shares no code with the ledger.

use super::Draw;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing yet.
    Waiting,
    /// Refused; the money never left.
    Refused,
    /// The money left.
    Sent,
    /// The money left and came back.
    Back,
}

/// What an answer says of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// Nothing final yet.
    Pending,
    /// What became of it.
    This(Done),
    /// Another amount than was instructed.
    OtherAmount,
}

/// One line of an instruction file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Fen.
    pub amount: i64,
    /// What the office was told last.
    pub told: Done,
    /// Was the office told anything about it that agrees in amount?
    heard: bool,
    /// The file in which it was instructed.
    message: String,
}

/// A file of the bank, and the day (from today) on which it is handed over.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Days from the instruction.
    pub days: i64,
    /// File name.
    pub name: String,
    /// Content.
    pub text: String,
    /// The instruction that it answers.
    message: String,
    /// What it says, line by line.
    tells: Vec<(String, Tells)>,
}

/// Something that the office has to ask the bank about: the word that the office has for it, and the line.
pub type Question = (&'static str, String);

/// The bank's books.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    /// By end-to-end id.
    pub lines: BTreeMap<String, Line>,
    files: u64,
}

/// The text between two marks, from `from` on; with the place behind it.
fn between<'t>(text: &'t str, from: usize, open: &str, close: &str) -> Option<(&'t str, usize)> {
    let start = text.get(from..)?.find(open)? + from + open.len();
    let end = text.get(start..)?.find(close)? + start;
    Some((&text[start..end], end))
}

/// `12.30` as 1230.
pub fn fen(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = format!("{part:0<2}");
    (part.len() == 2).then_some(())?;
    Some(whole.parse::<i64>().ok()? * 100 + part.parse::<i64>().ok()?)
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// What an instruction file says, line by line: end-to-end id and fen.
///
/// # Errors
/// In words, when its totals are not those of its lines or a line comes twice.
pub fn read(text: &str) -> Result<(String, Vec<(String, i64)>), String> {
    let (message, _) = between(text, 0, "<MsgId>", "</MsgId>").ok_or("no message id")?;
    let (count, _) = between(text, 0, "<NbOfTxs>", "</NbOfTxs>").ok_or("no count")?;
    let (sum, _) = between(text, 0, "<CtrlSum>", "</CtrlSum>").ok_or("no control sum")?;
    let mut lines: Vec<(String, i64)> = Vec::new();
    let mut at = 0;
    while let Some((id, after)) = between(text, at, "<EndToEndId>", "</EndToEndId>") {
        let (amount, after) = between(text, after, "<InstdAmt Ccy=\"CNY\">", "</InstdAmt>")
            .ok_or("a line without amount")?;
        let amount = fen(amount).ok_or_else(|| format!("`{amount}` is no amount"))?;
        if lines.iter().any(|(known, _)| known == id) {
            return Err(format!("line {id} stands twice in one file"));
        }
        lines.push((id.to_string(), amount));
        at = after;
    }
    let total: i64 = lines.iter().map(|(_, amount)| amount).sum();
    if count.parse() != Ok(lines.len()) || fen(sum) != Some(total) {
        return Err(format!(
            "{message}: {} lines of {}, the file says {count} of {sum}",
            lines.len(),
            yuan(total)
        ));
    }
    Ok((message.to_string(), lines))
}

impl Bank {
    /// Takes an instruction file in, decides what becomes of its lines, and makes the answers.
    ///
    /// # Errors
    /// In words, when the file contradicts itself or asks for something a second time.
    pub fn take(&mut self, text: &str, day: &str, draw: &mut Draw) -> Result<Vec<Answer>, String> {
        let (message, lines) = read(text)?;
        let mut first = (Vec::new(), Vec::new());
        let mut second = (Vec::new(), Vec::new());
        let mut third = (Vec::new(), Vec::new());
        for (id, amount) in lines {
            if self.lines.contains_key(&id) {
                return Err(format!("line {id} was instructed before"));
            }
            let line = Line {
                amount,
                told: Done::Waiting,
                heard: false,
                message: message.clone(),
            };
            let fate = draw.below(100);
            let (done, report, statement) = match fate {
                // Refused at once.
                0..6 => (Done::Refused, Some("RJCT"), None),
                // No final word, then either.
                6..10 => (Done::Sent, Some("ACSP"), None),
                10..13 => (Done::Refused, Some("ACSP"), None),
                // Silence, then the statement.
                13..17 => (Done::Sent, None, None),
                // Booked, and back later.
                17..24 => (Done::Back, Some("ACSC"), Some("DBIT")),
                // Only one of the two files says it.
                24..34 => (Done::Sent, Some("ACSC"), None),
                34..44 => (Done::Sent, None, Some("DBIT")),
                // Refused, and paid all the same.
                44 => {
                    third.1.push((id.clone(), amount, "DBIT"));
                    (Done::Refused, Some("RJCT"), None)
                }
                // Another amount at first: such an answer says nothing.
                45 => {
                    first.0.push((id.clone(), amount + 100, "WRONG"));
                    (Done::Sent, None, None)
                }
                _ => (Done::Sent, Some("ACSC"), Some("DBIT")),
            };
            if let Some(code) = report {
                first.0.push((id.clone(), amount, code));
            }
            if let Some(code) = statement {
                first.1.push((id.clone(), amount, code));
            }
            if report == Some("ACSP") || report.is_none() && statement.is_none() {
                match done {
                    Done::Refused => second.0.push((id.clone(), amount, "RJCT")),
                    _ => second.1.push((id.clone(), amount, "DBIT")),
                }
            }
            if done == Done::Back {
                third.1.push((id.clone(), amount, "CRDT"));
            }
            self.lines.insert(id, line);
        }
        let mut answers = Vec::new();
        for ((report, statement), days) in [(first, 2), (second, 9), (third, 20)] {
            for (lines, is_report) in [(report, true), (statement, false)] {
                if lines.is_empty() {
                    continue;
                }
                self.files += 1;
                let tells = lines
                    .iter()
                    .map(|(id, _, code)| {
                        let what = match *code {
                            "RJCT" => Tells::This(Done::Refused),
                            "ACSC" | "DBIT" => Tells::This(Done::Sent),
                            "CRDT" => Tells::This(Done::Back),
                            "WRONG" => Tells::OtherAmount,
                            _ => Tells::Pending,
                        };
                        (id.clone(), what)
                    })
                    .collect();
                let (name, text) = if is_report {
                    ("pain002", self.report(&message, day, &lines))
                } else {
                    ("camt053", self.statement(&message, day, &lines))
                };
                let mut days = days;
                // Now and then a file is late and overtaken by those after it.
                if draw.below(8) == 0 {
                    days += 25;
                }
                let answer = Answer {
                    days,
                    name: format!("{}.{name}.xml", self.files),
                    text,
                    message: message.clone(),
                    tells,
                };
                // Or it comes twice.
                if draw.below(6) == 0 {
                    answers.push(Answer {
                        days: days + draw.below(30) as i64,
                        ..answer.clone()
                    });
                }
                answers.push(answer);
            }
        }
        Ok(answers)
    }

    /// What the office has to ask about when it reads an answer now: exactly this, and nothing else.
    pub fn questions(&self, answer: &Answer) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        for (id, tells) in &answer.tells {
            let before = self.lines.get(id).map_or(Done::Waiting, |line| line.told);
            let mut ask = |word| questions.insert((word, id.clone()));
            match (before, tells) {
                (_, Tells::OtherAmount) => {
                    ask("amount");
                }
                (Done::Refused, Tells::This(Done::Sent)) => {
                    ask("contradiction");
                    ask("paid-after-refusal");
                }
                (Done::Sent, Tells::This(Done::Refused)) => {
                    ask("contradiction");
                }
                _ => {}
            }
        }
        let spoken: BTreeSet<&str> = answer.tells.iter().map(|(id, _)| id.as_str()).collect();
        let silent = self.lines.iter().filter(|(id, line)| {
            line.message == answer.message && !line.heard && !spoken.contains(id.as_str())
        });
        questions.extend(silent.map(|(id, _)| ("missing", id.clone())));
        questions
    }

    /// Notes that the office has read an answer.
    pub fn told(&mut self, answer: &Answer) {
        for (id, tells) in &answer.tells {
            if let Some(line) = self.lines.get_mut(id) {
                line.heard |= *tells != Tells::OtherAmount;
                let Tells::This(done) = tells else { continue };
                // What came back came back, whatever file tells the rest of it later.
                let rank = |d: Done| match d {
                    Done::Waiting => 0,
                    Done::Refused => 1,
                    Done::Sent => 2,
                    Done::Back => 3,
                };
                if rank(line.told) < rank(*done) {
                    line.told = *done;
                }
            }
        }
    }

    fn report(&self, message: &str, day: &str, lines: &[(String, i64, &str)]) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
             <GrpHdr><MsgId>R{}</MsgId><CreDtTm>{day}T18:00:00Z</CreDtTm></GrpHdr>\
             <OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>\
             <GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>\
             <OrgnlPmtInfAndSts><OrgnlPmtInfId>{message}</OrgnlPmtInfId>",
            self.files
        );
        for (id, amount, code) in lines {
            let code = if *code == "WRONG" { "ACSC" } else { *code };
            let reason = if code == "RJCT" {
                "<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf>"
            } else {
                ""
            };
            let _ = write!(
                out,
                "<TxInfAndSts><OrgnlEndToEndId>{id}</OrgnlEndToEndId><TxSts>{code}</TxSts>{reason}\
                 <OrgnlTxRef><Amt><InstdAmt Ccy=\"CNY\">{}</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>",
                yuan(*amount)
            );
        }
        out.push_str("</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>\n");
        out
    }

    fn statement(&self, message: &str, day: &str, lines: &[(String, i64, &str)]) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
             <GrpHdr><MsgId>S{0}</MsgId><CreDtTm>{day}T23:00:00Z</CreDtTm></GrpHdr>\
             <Stmt><Id>S{0}</Id><Acct><Id><Othr><Id>NOTPROVIDED</Id></Othr></Id><Ccy>CNY</Ccy></Acct>",
            self.files
        );
        let net: i64 = lines
            .iter()
            .map(|(_, amount, code)| if *code == "CRDT" { *amount } else { -*amount })
            .sum();
        let (opening, closing) = (net.min(0).abs(), net.max(0));
        for (code, amount) in [("OPBD", opening), ("CLBD", closing)] {
            let _ = write!(
                out,
                "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">{}</Amt>\
                 <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>",
                yuan(amount)
            );
        }
        for (id, amount, code) in lines {
            let amount = yuan(*amount);
            let reason = if *code == "CRDT" {
                "<RtrInf><Rsn><Cd>AC06</Cd></Rsn></RtrInf>"
            } else {
                ""
            };
            let _ = write!(
                out,
                "<Ntry><Amt Ccy=\"CNY\">{amount}</Amt><CdtDbtInd>{code}</CdtDbtInd>\
                 <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>\
                 <BkTxCd><Prtry><Cd>CT</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs>\
                 <MsgId>{message}</MsgId><EndToEndId>{id}</EndToEndId></Refs>\
                 <Amt Ccy=\"CNY\">{amount}</Amt><CdtDbtInd>{code}</CdtDbtInd>{reason}</TxDtls></NtryDtls></Ntry>"
            );
        }
        out.push_str("</Stmt></BkToCstmrStmt></Document>\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{fen, read};

    #[test]
    fn a_file_whose_totals_lie_is_refused() {
        let file = |sum: &str| {
            format!(
                "<MsgId>m</MsgId><NbOfTxs>1</NbOfTxs><CtrlSum>{sum}</CtrlSum>\
                 <EndToEndId>a</EndToEndId><InstdAmt Ccy=\"CNY\">12.30</InstdAmt>"
            )
        };
        assert_eq!(fen("12.3"), Some(1230));
        assert_eq!(fen("12.345"), None);
        assert_eq!(read(&file("12.30")).map(|(_, lines)| lines.len()), Ok(1));
        assert!(read(&file("12.31")).is_err());
    }
}
