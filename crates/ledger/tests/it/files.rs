//! Files out and in.

use crate::{SHARD, destination, owe, payee, stamp, terms};
use base::{Fen, Id};
use ledger::account::chart;
use ledger::bank::{self, Rates};
use ledger::counter;
use ledger::iso::{self, Limits, Message, Originator, ReadProblem, Source, compact};
use ledger::payment::{Batch, Payment, PaymentState};
use ledger::position::Position;
use ledger::reconcile::{Discrepancy, Positions, reconcile};
use ledger::run::{Line, PayRun};
use ledger::verify::verify;

pub struct District {
    pub batch: Batch,
    pub payments: Vec<Payment>,
    pub transfers: Vec<ledger::account::Transfer>,
    pub positions: Positions,
}

/// A run of `n` payees with two periods each.
pub fn district(n: u32) -> District {
    let mut run = PayRun::new(terms("alpha", "2026-03", 1));
    let (mut payments, mut transfers) = (Vec::new(), Vec::new());
    let mut positions = Positions::default();
    for k in 0..n {
        let mut p = Position::new(SHARD, payee(k), "alpha");
        let event = format!("event:{}", Id::derive(&["event", &k.to_string()]));
        transfers.extend(owe(&mut p, "2026-03", 10_000 + i64::from(k), "1").transfers);
        transfers.extend(owe(&mut p, &event, 250, "2").transfers);
        match run.payee(&mut p, &destination(k), &[]) {
            Line::Pay {
                payment,
                transfers: t,
            } => {
                payments.push(payment);
                transfers.extend(t);
            }
            other => panic!("{other:?}"),
        }
        positions.insert(p);
    }
    let (batch, _) = run.finish().remove(0);
    District {
        batch,
        payments,
        transfers,
        positions,
    }
}

pub fn originator() -> Originator {
    Originator {
        name: "某区财政局 <&>".into(),
        account: "9900010000001".into(),
        bank: "ABCDCNBJ".into(),
        purpose: "三月款 \"补\"".into(),
        category: Some("GOVT".into()),
    }
}

pub fn instruction(d: &District) -> Vec<u8> {
    iso::write(Vec::new(), &d.batch, &originator(), &d.payments).expect("written")
}

#[test]
fn an_instruction_reads_back_line_by_line() {
    let mut d = district(3);
    d.payments[1].holder = "张<三>&\u{1}\u{20000}".into();
    let Message::Instruction(read) =
        iso::read(&instruction(&d)[..], Limits::default()).expect("read")
    else {
        panic!("an instruction");
    };
    assert_eq!(read.message, compact(d.batch.id));
    assert_eq!((read.count, read.total), (3, d.batch.total));
    assert_eq!(read.pay_on, Some(d.batch.pay_on));
    assert_eq!(read.lines[1].holder, "张<三>& \u{20000}");
    for (line, payment) in read.lines.iter().zip(&d.payments) {
        assert_eq!(line.end_to_end.parse::<Id>(), Ok(payment.id));
        assert_eq!(
            (line.amount, &line.account),
            (payment.amount, &payment.account)
        );
        assert_eq!(line.bank, payment.bank);
        let items = payment.items.iter().map(|i| (i.period.clone(), i.amount));
        assert_eq!(line.items, items.collect::<Vec<_>>());
    }
}

#[test]
fn an_instruction_with_lines_that_do_not_add_up_is_refused() {
    let d = district(3);
    let write = |batch: &Batch, payments: &[Payment]| {
        iso::write(Vec::new(), batch, &originator(), payments)
    };
    assert!(write(&d.batch, &d.payments[..2]).is_err());
    let mut batch = d.batch.clone();
    batch.total = Fen(batch.total.0 + 1);
    assert!(write(&batch, &d.payments).is_err());
    let mut swapped = d.payments.clone();
    swapped.swap(0, 1);
    assert!(write(&d.batch, &swapped).is_err());
    assert!(counter::write_xlsx(&batch, "x", &d.payments).is_err());
}

#[test]
fn the_bank_answers_and_the_books_close() {
    let mut d = district(400);
    let rates = Rates {
        rejected: 100,
        returned: 100,
        unknown: 100,
        silent: 100,
    };
    let file = instruction(&d);
    let answers = bank::answer(&file[..], 7, rates).expect("answers");
    assert_eq!(
        answers,
        bank::answer(&file[..], 7, rates).expect("the same")
    );
    assert!(
        [
            answers.rejected,
            answers.returned,
            answers.unknown,
            answers.silent
        ]
        .iter()
        .all(|n| *n > 10)
    );
    let read = |text: &str| iso::read_answer(text.as_bytes(), Limits::default()).expect("read");
    let report = read(&answers.status_report);
    let statement = read(&answers.statement);
    assert_eq!(report.source, Source::StatusReport);
    assert_eq!(report.batch(), Some(d.batch.id));
    let files = [report, statement];
    let result = reconcile(&mut d.payments, &files, &mut d.positions, stamp());
    let count = |state| d.payments.iter().filter(|p| p.state == state).count();
    assert_eq!(count(PaymentState::Paid), answers.paid);
    assert_eq!(count(PaymentState::Rejected), answers.rejected);
    assert_eq!(count(PaymentState::Returned), answers.returned);
    assert_eq!(count(PaymentState::Unknown), answers.unknown);
    assert_eq!(count(PaymentState::Instructed), answers.silent);
    let missing = |d: &&Discrepancy| matches!(d, Discrepancy::Missing { .. });
    assert_eq!(
        result.discrepancies.iter().filter(missing).count(),
        answers.silent
    );
    assert_eq!(result.discrepancies.len(), answers.silent);
    assert!(d.payments.iter().all(|p| (p.bank_reason.is_some())
        == matches!(
            p.state,
            PaymentState::Rejected | PaymentState::Returned | PaymentState::Unknown
        )));
    d.transfers.extend(result.transfers);
    // The same files, in the other order, say nothing new.
    let mut again = files.to_vec();
    again.reverse();
    let second = reconcile(&mut d.payments, &again, &mut d.positions, stamp());
    assert!(second.transfers.is_empty() && second.changed.is_empty());
    // Each came back whole: all that is not paid or under way is payable.
    let paid: Fen = d
        .payments
        .iter()
        .filter(|p| p.state == PaymentState::Paid)
        .map(|p| p.amount)
        .sum();
    let open: Fen = d
        .payments
        .iter()
        .filter(|p| p.state.is_open())
        .map(|p| p.amount)
        .sum();
    let payable: Fen = d.positions.iter().map(|p| p.sum(|p| p.payable)).sum();
    assert_eq!(paid + open + payable, d.batch.total);
    let mut seen = std::collections::HashSet::new();
    let accounts: Vec<_> = (0..400)
        .flat_map(|n| chart(SHARD, payee(n), "alpha"))
        .filter(|a| seen.insert(a.id))
        .collect();
    let report = verify(accounts, &d.transfers, &d.payments, [&d.batch]);
    assert_eq!(report.findings, []);
    assert_eq!(
        report
            .trial
            .iter()
            .map(|row| row.debit - row.credit)
            .sum::<i128>(),
        0
    );
}

#[test]
fn verification_finds_what_was_altered() {
    let d = district(5);
    let mut seen = std::collections::HashSet::new();
    let accounts: Vec<_> = (0..5)
        .flat_map(|n| chart(SHARD, payee(n), "alpha"))
        .filter(|a| seen.insert(a.id))
        .collect();
    let check =
        |d: &District| verify(accounts.clone(), &d.transfers, &d.payments, [&d.batch]).findings;
    assert_eq!(check(&d), []);
    let altered = |change: fn(&mut District)| {
        let mut d = District {
            batch: d.batch.clone(),
            payments: d.payments.clone(),
            transfers: d.transfers.clone(),
            positions: Positions::default(),
        };
        change(&mut d);
        check(&d)
    };
    assert!(!altered(|d| d.transfers[0].amount = Fen(1)).is_empty());
    assert!(
        !altered(|d| {
            d.transfers.pop();
        })
        .is_empty()
    );
    assert!(
        !altered(|d| {
            let t = d.transfers[0].clone();
            d.transfers.push(t);
        })
        .is_empty()
    );
    assert!(
        !altered(|d| {
            let t = &mut d.transfers[0];
            std::mem::swap(&mut t.debit, &mut t.credit);
        })
        .is_empty()
    );
    assert!(!altered(|d| d.payments[2].state = PaymentState::Paid).is_empty());
    assert!(!altered(|d| d.payments[2].items[0].period = "2026-02".into()).is_empty());
    assert!(!altered(|d| d.payments[2].sequence = 2).is_empty());
    assert!(
        !altered(|d| {
            d.payments.pop();
        })
        .is_empty()
    );
    assert!(!altered(|d| d.batch.total = Fen(1)).is_empty());
}

#[test]
fn the_counters_list_goes_out_and_its_answer_comes_in() {
    let mut d = district(30);
    let sheet = counter::write_xlsx(&d.batch, "三月款", &d.payments).expect("written");
    // The list itself has no status column, so it cannot be taken for an answer.
    assert!(matches!(
        counter::read_list(&sheet, None, 1_000),
        Err(counter::ListProblem::NoColumn(_))
    ));
    let rates = Rates {
        rejected: 200,
        unknown: 100,
        ..Rates::default()
    };
    let answers = bank::answer(&instruction(&d)[..], 3, rates).expect("answers");
    let list = counter::read_list(answers.list.as_bytes(), None, 1_000).expect("read");
    assert_eq!(list.batch(), Some(d.batch.id));
    reconcile(&mut d.payments, &[list], &mut d.positions, stamp());
    let count = |state| d.payments.iter().filter(|p| p.state == state).count();
    assert_eq!(count(PaymentState::Paid), answers.paid);
    assert_eq!(count(PaymentState::Rejected), answers.rejected);
    assert_eq!(count(PaymentState::Unknown), answers.unknown);
}

#[test]
fn an_xlsx_answer_is_read_by_its_titles() {
    let d = district(3);
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "某银行代发结果").expect("cell");
    for (column, title) in ["状态", "序号", "失败原因", "金额"].iter().enumerate() {
        sheet.write_string(2, column as u16, *title).expect("cell");
    }
    for (row, status) in ["成功", "失败", "处理中"].iter().enumerate() {
        sheet
            .write_string(3 + row as u32, 0, *status)
            .expect("cell");
        sheet
            .write_number(3 + row as u32, 1, (row + 1) as f64)
            .expect("cell");
        sheet
            .write_number(3 + row as u32, 3, d.payments[row].amount.0 as f64 / 100.0)
            .expect("cell");
    }
    sheet.write_string(4, 2, "户名不符").expect("cell");
    let bytes = book.save_to_buffer().expect("xlsx");
    let original = compact(d.batch.id);
    let list = counter::read_list(&bytes, Some(&original), 100).expect("read");
    let mut payments = d.payments.clone();
    let mut positions = d.positions.clone();
    let result = reconcile(&mut payments, &[list], &mut positions, stamp());
    assert_eq!(result.discrepancies, []);
    assert_eq!(
        payments.iter().map(|p| p.state).collect::<Vec<_>>(),
        [
            PaymentState::Paid,
            PaymentState::Rejected,
            PaymentState::Unknown
        ]
    );
    assert_eq!(payments[1].bank_reason.as_deref(), Some("户名不符"));
}

#[test]
fn lists_that_are_wrong_say_where() {
    let read = |text: &str| counter::read_list(text.as_bytes(), None, 5);
    assert_eq!(
        read("序号,状态\n1,成功\nx,失败\n"),
        Err(counter::ListProblem::Cell {
            row: 3,
            column: "序号",
            text: "x".into(),
            expected: "the line's number in the file that was sent"
        })
    );
    assert!(matches!(
        read("序号,状态\n1,也许\n"),
        Err(counter::ListProblem::Cell { row: 2, .. })
    ));
    assert!(matches!(
        read("序号,状态,金额\n1,成功,1.234\n"),
        Err(counter::ListProblem::Cell { .. })
    ));
    assert!(matches!(
        read("a,b\n"),
        Err(counter::ListProblem::NoColumn(_))
    ));
    assert_eq!(
        read("序号,状态\n1,成功\n1,成功\n1,成功\n1,成功\n1,成功\n"),
        Err(counter::ListProblem::TooLarge(5))
    );
    assert!(matches!(
        counter::read_list(b"\xd0\xf2\xba\xc5,x\n", None, 5),
        Err(counter::ListProblem::Unreadable(_))
    ));
    assert!(matches!(
        counter::read_list(b"PK\x03\x04 not a zip", None, 5),
        Err(counter::ListProblem::Unreadable(_))
    ));
}

fn report(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<d:Document xmlns:d=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">\
         <d:CstmrPmtStsRpt><d:GrpHdr><d:MsgId>R1</d:MsgId></d:GrpHdr>{body}</d:CstmrPmtStsRpt></d:Document>"
    )
}

#[test]
fn a_group_refusal_holds_for_the_lines_not_answered_singly() {
    let mut d = district(3);
    let body = format!(
        "<d:OrgnlGrpInfAndSts><d:OrgnlMsgId>{}</d:OrgnlMsgId><d:GrpSts>RJCT</d:GrpSts>\
         <d:StsRsnInf><d:Rsn><d:Cd>AM04</d:Cd></d:Rsn><d:AddtlInf>余额&#x4E0D;足 &amp; 停</d:AddtlInf></d:StsRsnInf>\
         </d:OrgnlGrpInfAndSts><d:OrgnlPmtInfAndSts><d:TxInfAndSts>\
         <d:OrgnlEndToEndId>{}</d:OrgnlEndToEndId><d:TxSts>PDNG</d:TxSts></d:TxInfAndSts></d:OrgnlPmtInfAndSts>",
        compact(d.batch.id),
        compact(d.payments[0].id)
    );
    let answer = iso::read_answer(report(&body).as_bytes(), Limits::default()).expect("read");
    let mut other = answer.clone();
    other.original = Some("another".into());
    let result = reconcile(&mut d.payments, &[answer, other], &mut d.positions, stamp());
    assert_eq!(
        d.payments.iter().map(|p| p.state).collect::<Vec<_>>(),
        [
            PaymentState::Unknown,
            PaymentState::Rejected,
            PaymentState::Rejected
        ]
    );
    assert_eq!(
        d.payments[1].bank_reason.as_deref(),
        Some("AM04 余额不足 & 停")
    );
    assert_eq!(
        result.discrepancies,
        [Discrepancy::UnknownBatch {
            reference: "another".into()
        }]
    );
}

#[test]
fn a_status_of_the_whole_is_not_used_when_the_totals_differ() {
    let mut d = district(3);
    let body = |sum: Fen| {
        format!(
            "<d:OrgnlGrpInfAndSts><d:OrgnlMsgId>{}</d:OrgnlMsgId><d:OrgnlNbOfTxs>3</d:OrgnlNbOfTxs>\
             <d:OrgnlCtrlSum>{sum}</d:OrgnlCtrlSum><d:GrpSts>ACSC</d:GrpSts></d:OrgnlGrpInfAndSts>",
            compact(d.batch.id)
        )
    };
    let read = |sum| {
        let text = report(&body(sum));
        iso::read_answer(text.as_bytes(), Limits::default()).expect("read")
    };
    let (wrong, right) = (read(d.batch.total + Fen(1)), read(d.batch.total));
    let result = reconcile(&mut d.payments, &[wrong], &mut d.positions, stamp());
    assert_eq!(
        result.discrepancies[0],
        Discrepancy::BatchTotals { batch: d.batch.id }
    );
    assert!(result.changed.is_empty());
    let result = reconcile(&mut d.payments, &[right], &mut d.positions, stamp());
    assert_eq!((result.changed.len(), result.discrepancies.len()), (3, 0));
    assert!(d.payments.iter().all(|p| p.state == PaymentState::Paid));
}

#[test]
fn account_numbers_do_not_reach_logs() {
    let d = district(1);
    let shown = format!("{:?} {:?}", d.payments[0], destination(0));
    assert!(!shown.contains(&d.payments[0].account), "{shown}");
    assert!(shown.contains("****0000"), "{shown}");
}

#[test]
fn a_statement_of_the_older_version_and_a_batch_booking() {
    let d = district(1);
    let text = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>S</MsgId></GrpHdr><Stmt>\
         <Ntry><Amt Ccy=\"CNY\">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>\
         <BookgDt><Dt>2026-03-10</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>\
         <Ntry><Amt Ccy=\"CNY\">9.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><NtryDtls><Btch><MsgId>B9</MsgId></Btch></NtryDtls></Ntry>\
         <Ntry><Amt Ccy=\"CNY\">1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts></Ntry>\
         </Stmt></BkToCstmrStmt></Document>",
        amount = d.payments[0].amount,
        id = compact(d.payments[0].id)
    );
    let answer = iso::read_answer(text.as_bytes(), Limits::default()).expect("read");
    assert_eq!(
        (
            answer.lines.len(),
            answer.batch_bookings.len(),
            answer.others
        ),
        (1, 1, 1)
    );
    assert_eq!(answer.lines[0].state, PaymentState::Paid);
    assert_eq!(answer.lines[0].amount, Some(d.payments[0].amount));
    assert_eq!(answer.payments().collect::<Vec<_>>(), [d.payments[0].id]);
}

#[test]
fn hostile_and_broken_files_are_refused_with_their_place() {
    let read = |text: &str| {
        iso::read_answer(text.as_bytes(), Limits::default()).map_err(|e| (e.line, e.problem))
    };
    let bomb = "<?xml version=\"1.0\"?>\n<!DOCTYPE x [<!ENTITY a \"b\">]>\n<Document/>";
    assert!(matches!(read(bomb), Err((2, ReadProblem::Forbidden(_)))));
    assert!(matches!(
        read(&report("&a;")),
        Err((2, ReadProblem::Forbidden(_)))
    ));
    assert!(matches!(
        read("<Document xmlns='urn:x'/>"),
        Err((1, ReadProblem::NotAMessage(_)))
    ));
    assert!(matches!(
        read("<html></html>"),
        Err((_, ReadProblem::NotAMessage(_)))
    ));
    assert!(matches!(read(""), Err((1, ReadProblem::Xml(_)))));
    assert!(matches!(
        read(&report("<open>")),
        Err((_, ReadProblem::Xml(_)))
    ));
    let whole = report("<d:OrgnlGrpInfAndSts><d:OrgnlMsgId>x</d:OrgnlMsgId></d:OrgnlGrpInfAndSts>");
    assert!(read(&whole).is_ok());
    for cut in 0..whole.len() {
        assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
    }
    assert!(matches!(
        read(&format!("{whole}<more/>")),
        Err((_, ReadProblem::Xml(_)))
    ));
    assert_eq!(
        read(&report("")).map(|_| ()),
        Err((2, ReadProblem::Missing("OrgnlMsgId")))
    );
    let deep = "<a>".repeat(40);
    assert!(matches!(
        read(&report(&deep)),
        Err((_, ReadProblem::TooLarge(_)))
    ));
    let long = format!("<d:x>{}</d:x>", "长".repeat(40_000));
    assert!(matches!(
        read(&report(&long)),
        Err((_, ReadProblem::TooLarge(_)))
    ));
    let endless = format!("<d:x a='{}", "y".repeat(200_000));
    assert!(matches!(
        read(&report(&endless)),
        Err((_, ReadProblem::TooLarge(_)))
    ));
    let small = Limits {
        bytes: 100,
        ..Limits::default()
    };
    assert!(matches!(
        iso::read_answer(whole.as_bytes(), small).map_err(|e| e.problem),
        Err(ReadProblem::TooLarge(_)) | Err(ReadProblem::Xml(_))
    ));
    let money = |text: &str| {
        format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><Stmt>\n<Ntry>\n{text}\
             <CdtDbtInd>DBIT</CdtDbtInd></Ntry></Stmt></BkToCstmrStmt></Document>"
        )
    };
    for (amount, line) in [
        ("<Amt Ccy=\"USD\">1.00</Amt>", 3),
        ("<Amt Ccy=\"CNY\">1.001</Amt>", 3),
        ("<Amt>-1</Amt>", 3),
        ("<Amt>1e3</Amt>", 3),
    ] {
        assert!(
            matches!(read(&money(amount)), Err((at, ReadProblem::Value { .. })) if at == line),
            "{amount}"
        );
    }
    let mut latin = report("<d:x>").into_bytes();
    latin.push(0xff);
    assert!(iso::read_answer(&latin[..], Limits::default()).is_err());
    // Our own instruction is no answer.
    let d = district(1);
    assert!(matches!(
        iso::read_answer(&instruction(&d)[..], Limits::default()).map_err(|e| e.problem),
        Err(ReadProblem::NotAMessage(_))
    ));
}

#[test]
fn an_instruction_whose_totals_were_altered_is_refused() {
    let text = String::from_utf8(instruction(&district(2))).expect("UTF-8");
    let altered = text.replace("<NbOfTxs>2</NbOfTxs>", "<NbOfTxs>3</NbOfTxs>");
    let problem = |text: &str| iso::read(text.as_bytes(), Limits::default()).map_err(|e| e.problem);
    assert!(matches!(problem(&altered), Err(ReadProblem::Totals { .. })));
    let altered = text.replacen("<InstdAmt Ccy=\"CNY\">1", "<InstdAmt Ccy=\"CNY\">2", 1);
    assert_ne!(altered, text);
    assert!(matches!(problem(&altered), Err(ReadProblem::Totals { .. })));
}
