//! A month's money: instruction files out, the bank's answers in.

use super::rules::latest_version;
use super::{Office, ServiceError};
use base::{Day, Fen, Id, Month};
use casework::correction::recover_confirmed;
use entitlement::change::At;
use ledger::account::{Purpose, Stamp, Transfer};
use ledger::counter;
use ledger::iso::{self, Answer, Limits, Originator};
use ledger::payment::{Batch, Destination, Payment, PaymentState, next_attempt};
use ledger::position::Position;
use ledger::reconcile::{Discrepancy, Positions, book, decide};
use ledger::recovery::Debt;
use ledger::run::{ApartReason, Line, PayRun, RunTerms};
use policy::programme::PaymentTerms;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use store::{BankAnswer, ChangeSet, JournalEntry};

/// Payees read at once.
const PAGE: usize = 4096;
/// Lines per instruction file at most.
const LINES_PER_FILE: u32 = 50_000;
/// The setting that holds who pays.
pub const PAYER: &str = "payer";

/// Who pays, as the instruction names it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Payer {
    /// Name of the paying office.
    pub name: String,
    /// Its account.
    pub account: String,
    /// Its bank's code.
    pub bank: String,
}

/// What a pay run did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct PaySummary {
    /// Programme id.
    pub programme: String,
    /// The month.
    pub month: String,
    /// Files of this run and of earlier ones of the month.
    pub files: Vec<FileSummary>,
    /// Lines made now.
    pub count: u64,
    /// Their sum.
    pub total: Fen,
    /// Withheld from them for overpayments.
    pub withheld: Fen,
    /// Payees to whom money is owed and who are in no file, with the reason.
    pub apart: Vec<ApartSummary>,
}

impl PaySummary {
    fn of(programme: &str, month: Month) -> PaySummary {
        PaySummary {
            programme: programme.into(),
            month: month.to_string(),
            ..PaySummary::default()
        }
    }

    fn add(&mut self, made: Made) {
        self.count += made.payments.len() as u64;
        self.total = self.total + made.payments.iter().map(|p| p.amount).sum();
        let withheld = made.payments.iter().flat_map(|p| &p.items);
        self.withheld = self.withheld
            - withheld
                .filter(|i| i.amount < Fen::ZERO)
                .map(|i| i.amount)
                .sum();
        self.apart.extend(made.apart);
    }
}

/// The day that an instruction of a month asks for: the programme's day, or today when that is past.
fn pay_on(terms: &PaymentTerms, month: Month, at: At) -> Day {
    let day = Day::from_ymd_opt(month.year(), month.month(), terms.day.clamp(1, 28));
    day.unwrap_or(at.today).max(at.today)
}

/// One instruction file with its control totals.
#[derive(Clone, Debug, serde::Serialize)]
pub struct FileSummary {
    /// Batch id.
    pub batch: Id,
    /// pain.001.
    pub pain001: PathBuf,
    /// The list for the bank's counter.
    pub xlsx: PathBuf,
    /// Lines.
    pub count: u32,
    /// Sum of the lines.
    pub total: Fen,
    /// Was it made by this run?
    pub new: bool,
}

/// A payee in no file.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ApartSummary {
    /// Payee.
    pub payee: Id,
    /// Owed and due.
    pub payable: Fen,
    /// Why, in one word: `no-account`, `bad-account`, `held`, `in-this-run` or `books`.
    pub code: &'static str,
    /// Why, and what to do.
    pub reason: String,
}

fn code(reason: &ApartReason) -> &'static str {
    match reason {
        ApartReason::NoAccount => "no-account",
        ApartReason::BadAccount(_) => "bad-account",
        ApartReason::Held(_) => "held",
        ApartReason::InThisRun => "in-this-run",
        ApartReason::Books(_) => "books",
    }
}

/// What a reconciliation did.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct ReconcileSummary {
    /// Files read.
    pub files: u64,
    /// Payments whose state changed, by new state.
    pub changed: BTreeMap<String, u64>,
    /// Answers that said nothing new.
    pub repeated: u64,
    /// Entries of statements that are not ours.
    pub others: u64,
    /// What does not agree.
    pub discrepancies: Vec<Discrepancy>,
}

impl Office {
    /// Makes the instruction files of a programme's month: everything that is payable and due, one line
    /// per payee. Running it again makes nothing new and writes files that are missing.
    ///
    /// # Errors
    /// When the programme is unknown, pays no money, or the database or the folder fails.
    pub async fn pay(
        &self,
        programme: &str,
        month: Month,
        by: &str,
        at: At,
    ) -> Result<PaySummary, ServiceError> {
        let terms = self.terms(programme)?;
        let pay_on = pay_on(&terms, month, at);
        let mut summary = PaySummary::of(programme, month);
        let mut new: HashSet<Id> = HashSet::new();
        for shard in self.store.shards().await? {
            let made = self
                .pay_shard(&shard, programme, month, pay_on, by, at)
                .await?;
            new.extend(made.batches.iter().map(|b| b.id));
            summary.add(made);
        }
        for batch in self.store.batches_of(programme, &month.to_string()).await? {
            let mut file = self.write_files(&batch, &terms.purpose).await?;
            file.new = new.contains(&batch.id);
            summary.files.push(file);
        }
        Ok(summary)
    }

    /// What a pay run of the month would make now; nothing is recorded.
    ///
    /// # Errors
    /// When the programme is unknown or moves no money, or the database fails.
    pub async fn pay_plan(
        &self,
        programme: &str,
        month: Month,
        at: At,
    ) -> Result<PaySummary, ServiceError> {
        let terms = self.terms(programme)?;
        let mut summary = PaySummary::of(programme, month);
        for shard in self.store.shards().await? {
            let (made, _) = self
                .plan_shard(&shard, programme, month, pay_on(&terms, month, at), at)
                .await?;
            summary.add(made);
        }
        Ok(summary)
    }

    fn terms(&self, programme: &str) -> Result<PaymentTerms, ServiceError> {
        let version = latest_version(self.law(), programme).ok_or_else(|| {
            ServiceError::NotFound(format!(
                "there is no programme `{programme}`; `minsheng law list` shows them"
            ))
        })?;
        version
            .payment
            .clone()
            .ok_or_else(|| ServiceError::Refused(format!("programme `{programme}` moves no money")))
    }

    async fn pay_shard(
        &self,
        shard: &str,
        programme: &str,
        month: Month,
        pay_on: Day,
        by: &str,
        at: At,
    ) -> Result<Made, ServiceError> {
        let (made, mut set) = self.plan_shard(shard, programme, month, pay_on, at).await?;
        if set.transfers.is_empty() {
            return Ok(made);
        }
        set.batches = made.batches.clone();
        set.payments = made.payments.clone();
        set.journal.push(JournalEntry {
            actor: by.into(),
            action: "pay".into(),
            subject: None,
            detail: serde_json::json!({
                "programme": programme, "month": month, "lines": made.payments.len(),
                "total": made.payments.iter().map(|p| p.amount).sum::<Fen>(),
                "batches": made.batches.iter().map(|b| b.id).collect::<Vec<_>>(),
            }),
        });
        self.store.commit(&set).await?;
        Ok(made)
    }

    /// The lines of a run, and the transfers that would instruct them.
    async fn plan_shard(
        &self,
        shard: &str,
        programme: &str,
        month: Month,
        pay_on: Day,
        at: At,
    ) -> Result<(Made, ChangeSet), ServiceError> {
        let batches = self.store.batches_of(programme, &month.to_string()).await?;
        let stamp = Stamp {
            booked: at.today,
            recorded_at: at.now,
        };
        let mut run = PayRun::new(RunTerms {
            shard: shard.into(),
            programme: programme.into(),
            month,
            attempt: next_attempt(shard, programme, &month.to_string(), &batches),
            pay_on,
            lines_per_file: LINES_PER_FILE,
            stamp,
        });
        let mut plans: HashMap<Id, Vec<ledger::recovery::Plan>> = HashMap::new();
        for plan in self.store.recovery_plans(programme).await? {
            plans.entry(plan.payee).or_default().push(plan);
        }
        let mut made = Made::default();
        let mut set = ChangeSet {
            shard: shard.into(),
            at: at.now,
            ..ChangeSet::default()
        };
        let mut after = None;
        loop {
            let page = self
                .store
                .payees_in_credit(shard, programme, Purpose::Payable, after, PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            let mut moved = self.store.transfers_of_payees(shard, page.clone()).await?;
            let open: Vec<(Id, Position)> = page
                .into_iter()
                .map(|payee| {
                    let moved = moved.remove(&payee).unwrap_or_default();
                    (payee, Position::fold(shard, payee, programme, &moved))
                })
                .filter(|(_, position)| position.sum(|p| p.payable) > Fen::ZERO)
                .collect();
            let payees = open.iter().map(|(payee, _)| *payee).collect();
            let mut accounts = self
                .store
                .destinations(shard, payees, at.today, at.now)
                .await?;
            for (payee, mut position) in open {
                let payee = &payee;
                let destination = match accounts.remove(payee) {
                    Some(a) => Destination::Account {
                        holder: a.holder,
                        account: a.number,
                        bank: a.bank,
                    },
                    None => Destination::Missing,
                };
                let debts: Vec<Debt> = plans
                    .get(payee)
                    .into_iter()
                    .flatten()
                    .filter_map(|plan| Debt::of(plan, &position))
                    .collect();
                match run.payee(&mut position, &destination, &debts) {
                    Line::Nothing => {}
                    Line::Pay { payment, transfers } => {
                        set.transfers.extend(transfers);
                        made.payments.push(payment);
                    }
                    Line::AllWithheld { transfers, .. } => {
                        set.transfers.extend(transfers);
                    }
                    Line::Apart(apart) => made.apart.push(ApartSummary {
                        payee: apart.payee,
                        payable: apart.payable,
                        code: code(&apart.reason),
                        reason: apart.reason.to_string(),
                    }),
                }
            }
        }
        made.batches = run.finish().into_iter().map(|(batch, _)| batch).collect();
        Ok((made, set))
    }

    /// Who pays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payer(&self) -> Result<Payer, ServiceError> {
        let text = self.store.setting(PAYER).await?;
        Ok(text
            .and_then(|t| serde_json::from_str(&t).ok())
            .unwrap_or_else(|| Payer {
                name: "民生资金专户".into(),
                account: "0000000000000000".into(),
                bank: String::new(),
            }))
    }

    /// Folder of the payment files.
    pub fn payment_folder(&self) -> PathBuf {
        self.data.join("payments")
    }

    /// Writes a batch's files unless they are there; each appears whole or not at all.
    pub(crate) async fn write_files(
        &self,
        batch: &Batch,
        purpose: &str,
    ) -> Result<FileSummary, ServiceError> {
        let folder = self
            .payment_folder()
            .join(&batch.programme)
            .join(&batch.month);
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |cause| ServiceError::Folder { path, cause }
        };
        std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let name = format!("{}-{}", batch.attempt, iso::compact(batch.id));
        let pain001 = folder.join(format!("{name}.pain001.xml"));
        let xlsx = folder.join(format!("{name}.xlsx"));
        if !pain001.exists() || !xlsx.exists() {
            let payments = self.store.payments_in(&batch.shard, batch.id).await?;
            let payer = self.payer().await?;
            let originator = Originator {
                name: payer.name,
                account: payer.account,
                bank: payer.bank,
                purpose: format!("{purpose} {}", batch.month),
                category: Some("GOVT".into()),
            };
            let refused = |e: &dyn std::fmt::Display| ServiceError::Refused(e.to_string());
            let (batch, purpose, payments) = (batch.clone(), purpose.to_string(), payments);
            let (to_bank, to_counter) = (pain001.clone(), xlsx.clone());
            let written = tokio::task::spawn_blocking(move || {
                // Two files of the same lines, side by side.
                std::thread::scope(|scope| {
                    let sheet = scope.spawn(|| {
                        let sheet = counter::write_xlsx(&batch, &purpose, &payments)
                            .map_err(|e| refused(&e))?;
                        put_whole(&to_counter, &sheet).map_err(failed(&to_counter))
                    });
                    let text = iso::write(Vec::new(), &batch, &originator, &payments)
                        .map_err(|e| refused(&e))?;
                    put_whole(&to_bank, &text).map_err(failed(&to_bank))?;
                    match sheet.join() {
                        Ok(sheet) => sheet,
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                })
            });
            written
                .await
                .map_err(|e| ServiceError::Worker(e.to_string()))??;
        }
        Ok(FileSummary {
            batch: batch.id,
            pain001,
            xlsx,
            count: batch.count,
            total: batch.total,
            new: false,
        })
    }

    /// Reads the bank's answers (pain.002, camt.053, the counter's list) and records what they say.
    /// The same files again say nothing new.
    ///
    /// # Errors
    /// When a file cannot be understood; nothing of any file is recorded then.
    pub async fn reconcile(
        &self,
        files: &[(String, Vec<u8>)],
        by: &str,
        at: At,
    ) -> Result<ReconcileSummary, ServiceError> {
        let mut answers = Vec::new();
        for (name, bytes) in files {
            answers.push(read_answer(name, bytes)?);
        }
        let mut summary = ReconcileSummary {
            files: files.len() as u64,
            ..ReconcileSummary::default()
        };
        let mut payments = self.payments_answered(&answers).await?;
        let decision = decide(&payments, &answers);
        let mut positions = Positions::default();
        let needed: Vec<(String, Id, String)> = decision
            .needs(&payments)
            .map(|p| (p.shard.clone(), p.payee, p.programme.clone()))
            .collect();
        let mut moved = self.moved(&needed).await?;
        for (shard, payee, programme) in needed {
            let transfers = moved.entry((shard.clone(), payee)).or_default();
            positions.insert(Position::fold(&shard, payee, &programme, &*transfers));
        }
        let stamp = Stamp {
            booked: at.today,
            recorded_at: at.now,
        };
        let result = book(&mut payments, decision, &mut positions, stamp);
        summary.repeated = result.repeated as u64;
        summary.others = result.others as u64;
        summary.discrepancies = result.discrepancies;
        let mut sets: BTreeMap<String, ChangeSet> = BTreeMap::new();
        let mut confirmed: Vec<(String, Id, String)> = Vec::new();
        let mut returned: Vec<(String, Id, String)> = Vec::new();
        let source = files
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        for index in result.changed {
            let payment = &payments[index];
            *summary
                .changed
                .entry(payment.state.as_str().to_string())
                .or_default() += 1;
            let payee = (
                payment.shard.clone(),
                payment.payee,
                payment.programme.clone(),
            );
            match payment.state {
                PaymentState::Paid => confirmed.push(payee),
                PaymentState::Rejected | PaymentState::Returned => returned.push(payee),
                _ => {}
            }
            let set = sets.entry(payment.shard.clone()).or_default();
            set.bank_answers.push(BankAnswer {
                id: Id::derive(&[
                    "bank-answer",
                    &payment.id.to_string(),
                    payment.state.as_str(),
                    payment.bank_reason.as_deref().unwrap_or(""),
                ]),
                shard: payment.shard.clone(),
                payment: payment.id,
                at: at.now,
                state: payment.state,
                reason: payment.bank_reason.clone(),
                source: source.clone(),
            });
        }
        for transfer in result.transfers {
            sets.entry(transfer.shard.clone())
                .or_default()
                .transfers
                .push(transfer);
        }
        self.recover_confirmed(confirmed, returned, &mut sets, at)
            .await?;
        for (shard, mut set) in sets {
            set.shard = shard;
            set.at = at.now;
            set.journal.push(JournalEntry {
                actor: by.into(),
                action: "reconcile".into(),
                subject: None,
                detail: serde_json::json!({
                    "files": files.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                    "changed": summary.changed, "discrepancies": summary.discrepancies.len(),
                }),
            });
            self.store.commit(&set).await?;
        }
        Ok(summary)
    }

    /// What was overpaid while the money was still with the bank becomes recoverable when the bank
    /// confirms: measures for the payees of confirmed payments. Money of records given up meanwhile, confirmed
    /// or come back, is that of the records that they go on as.
    async fn recover_confirmed(
        &self,
        mut confirmed: Vec<(String, Id, String)>,
        returned: Vec<(String, Id, String)>,
        sets: &mut BTreeMap<String, ChangeSet>,
        at: At,
    ) -> Result<(), ServiceError> {
        let mut open: HashSet<(String, Id)> = HashSet::new();
        let programmes: HashSet<String> = confirmed.iter().map(|(_, _, p)| p.clone()).collect();
        for programme in &programmes {
            let items = self
                .store
                .open_items(programme, Purpose::Receivable)
                .await?;
            open.extend(
                items
                    .into_iter()
                    .filter_map(|i| Some((programme.clone(), i.owner?))),
            );
        }
        confirmed.retain(|(_, payee, programme)| open.contains(&(programme.clone(), *payee)));
        let answered: Vec<_> = confirmed.iter().chain(&returned).cloned().collect();
        let given_up = self.follow_given_up(&answered, sets, at).await?;
        for (shard, payee, programme) in &confirmed {
            if given_up.contains(payee) {
                continue;
            }
            let Some(version) = latest_version(self.law(), programme) else {
                continue;
            };
            let transfers = self.store.transfers_of_payee(shard, *payee).await?;
            let set = sets.entry(shard.clone()).or_default();
            let mut position = Position::fold(
                shard,
                *payee,
                programme,
                transfers.iter().chain(&set.transfers),
            );
            let plans = self.store.recovery_plans_of(shard, *payee).await?;
            let calendar = self.law().calendar(shard);
            let (plans, transfers) =
                recover_confirmed(version, &mut position, &plans, at, &calendar);
            set.recovery_plans.extend(plans);
            set.transfers.extend(transfers);
        }
        Ok(())
    }

    /// The payments of every batch that the answers are about.
    async fn payments_answered(&self, answers: &[Answer]) -> Result<Vec<Payment>, ServiceError> {
        let mut batches: BTreeSet<Id> = answers.iter().filter_map(Answer::batch).collect();
        let mut payments: Vec<Payment> = Vec::new();
        let all = self.store.batches().await?;
        for batch in all.iter().filter(|b| batches.contains(&b.id)) {
            payments.extend(self.store.payments_in(&batch.shard, batch.id).await?);
        }
        // Lines that name no batch, or one of another's.
        let here: HashSet<Id> = payments.iter().map(|p| p.id).collect();
        let named = answers.iter().flat_map(Answer::payments);
        let elsewhere: Vec<Id> = named.filter(|id| !here.contains(id)).collect();
        let mut more = self.store.batches_of_payments(elsewhere).await?;
        more.retain(|batch| batches.insert(*batch));
        for batch in all.iter().filter(|b| more.contains(&b.id)) {
            payments.extend(self.store.payments_in(&batch.shard, batch.id).await?);
        }
        Ok(payments)
    }

    /// Movements of payees, by shard and payee.
    async fn moved(
        &self,
        payees: &[(String, Id, String)],
    ) -> Result<HashMap<(String, Id), Vec<Transfer>>, ServiceError> {
        let mut shards: BTreeMap<&String, Vec<Id>> = BTreeMap::new();
        for (shard, payee, _) in payees {
            shards.entry(shard).or_default().push(*payee);
        }
        let mut all = HashMap::new();
        for (shard, payees) in shards {
            let moved = self.store.transfers_of_payees(shard, payees).await?;
            all.extend(moved.into_iter().map(|(id, t)| ((shard.clone(), id), t)));
        }
        Ok(all)
    }
}

#[derive(Default)]
struct Made {
    batches: Vec<Batch>,
    payments: Vec<Payment>,
    apart: Vec<ApartSummary>,
}

/// What a file of the bank says, by its content.
fn read_answer(name: &str, bytes: &[u8]) -> Result<Answer, ServiceError> {
    let looks_like_xml = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bytes)
        .trim_ascii_start()
        .starts_with(b"<");
    if looks_like_xml {
        return iso::read_answer(bytes, Limits::default())
            .map_err(|e| ServiceError::Refused(format!("{name}: {e}")));
    }
    counter::read_list(bytes, batch_in_name(name), 1_000_000)
        .map_err(|e| ServiceError::Refused(format!("{name}: {e}")))
}

/// The batch's number where the file's name still holds it, as the bank sends lists back.
fn batch_in_name(name: &str) -> Option<&str> {
    name.split(|c: char| !c.is_ascii_hexdigit())
        .find(|part| part.len() == 32)
}

/// Writes a file beside its place and moves it there, so that nobody reads half of it.
fn put_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("part");
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}
