//! A month's money: instruction files out, the bank's answers in.

use super::payfiles::{Beside, Places};
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
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::{BankAnswer, ChangeSet, JournalEntry, ToPay};

/// Payees read at once.
const PAGE: usize = 4096;
/// Pages, or batches, that are read while one is taken up.
const AHEAD: usize = 3;
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

    fn add(&mut self, payments: &[Payment], apart: Vec<ApartSummary>) {
        self.count += payments.len() as u64;
        self.total = self.total + payments.iter().map(|p| p.amount).sum();
        let withheld = payments.iter().flat_map(|p| &p.items);
        self.withheld = self.withheld
            - withheld
                .filter(|i| i.amount < Fen::ZERO)
                .map(|i| i.amount)
                .sum();
        self.apart.extend(apart);
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
            let (set, apart) = self
                .plan_shard(&shard, programme, month, pay_on, at)
                .await?;
            new.extend(set.batches.iter().map(|b| b.id));
            summary.add(&set.payments, apart);
            if !set.transfers.is_empty() {
                let said = (programme, month, terms.purpose.as_str());
                self.instruct(set, said, by).await?;
            }
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
            let (set, apart) = self
                .plan_shard(&shard, programme, month, pay_on(&terms, month, at), at)
                .await?;
            summary.add(&set.payments, apart);
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

    /// Records a run, and writes its files from what is recorded. They are written beside their places while
    /// the database works, and moved there once the run stands.
    async fn instruct(
        &self,
        mut set: ChangeSet,
        (programme, month, purpose): (&str, Month, &str),
        by: &str,
    ) -> Result<(), ServiceError> {
        set.journal.push(JournalEntry {
            actor: by.into(),
            action: "pay".into(),
            subject: None,
            detail: serde_json::json!({
                "programme": programme, "month": month, "lines": set.payments.len(),
                "total": set.payments.iter().map(|p| p.amount).sum::<Fen>(),
                "batches": set.batches.iter().map(|b| b.id).collect::<Vec<_>>(),
            }),
        });
        let originator = self.originator(purpose, &month.to_string()).await?;
        let (set, purpose) = (Arc::new(set), purpose.to_string());
        let folder = self.payment_folder();
        let lines = set.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let mut written = Vec::new();
            for payments in lines.payments.chunk_by(|a, b| a.batch == b.batch) {
                let batch = lines.batches.iter().find(|b| b.id == payments[0].batch);
                if let Some(batch) = batch {
                    let places = Places::of(&folder, batch);
                    written.extend(places.write(batch, &purpose, &originator, payments)?);
                }
            }
            Ok::<_, ServiceError>(written)
        });
        let committed = self.store.commit(&set).await;
        let written = writing
            .await
            .map_err(|e| ServiceError::Worker(e.to_string()))?;
        // Dropped where they lie, files of a run that does not stand are removed.
        committed?;
        written?.into_iter().try_for_each(Beside::put)
    }

    /// The lines of a run, and the transfers that would instruct them.
    async fn plan_shard(
        &self,
        shard: &str,
        programme: &str,
        month: Month,
        pay_on: Day,
        at: At,
    ) -> Result<(ChangeSet, Vec<ApartSummary>), ServiceError> {
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
        let mut aside = Vec::new();
        let mut set = ChangeSet {
            shard: shard.into(),
            at: at.now,
            ..ChangeSet::default()
        };
        let (mut after, mut all_asked) = (None, false);
        let mut asked = VecDeque::new();
        loop {
            while asked.len() < AHEAD && !all_asked {
                let page = self
                    .store
                    .payees_in_credit(shard, programme, Purpose::Payable, after, PAGE)
                    .await?;
                match page.last() {
                    None => all_asked = true,
                    Some(last) => {
                        after = Some(*last);
                        let (store, day) = (&self.store, at.today);
                        asked.push_back(store.to_pay(shard, programme, page, day, at.now));
                    }
                }
            }
            let Some(page) = asked.pop_front() else { break };
            for payee in page.end().await? {
                let ToPay {
                    mut position,
                    account,
                } = payee;
                let destination = match account {
                    Some(a) => Destination::Account {
                        holder: a.holder,
                        account: a.number,
                        bank: a.bank,
                    },
                    None => Destination::Missing,
                };
                let debts: Vec<Debt> = plans
                    .get(&position.payee)
                    .into_iter()
                    .flatten()
                    .filter_map(|plan| Debt::of(plan, &position))
                    .collect();
                match run.payee(&mut position, &destination, &debts) {
                    Line::Nothing => {}
                    Line::Pay { payment, transfers } => {
                        set.transfers.extend(transfers);
                        set.payments.push(payment);
                    }
                    Line::AllWithheld { transfers, .. } => {
                        set.transfers.extend(transfers);
                    }
                    Line::Apart(apart) => aside.push(ApartSummary {
                        payee: apart.payee,
                        payable: apart.payable,
                        code: code(&apart.reason),
                        reason: apart.reason.to_string(),
                    }),
                }
            }
        }
        set.batches = run.finish().into_iter().map(|(batch, _)| batch).collect();
        Ok((set, aside))
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

    async fn originator(&self, purpose: &str, month: &str) -> Result<Originator, ServiceError> {
        let payer = self.payer().await?;
        Ok(Originator {
            name: payer.name,
            account: payer.account,
            bank: payer.bank,
            purpose: format!("{purpose} {month}"),
            category: Some("GOVT".into()),
        })
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
        let places = Places::of(&self.payment_folder(), batch);
        let Places { pain001, xlsx, .. } = places.clone();
        if !pain001.exists() || !xlsx.exists() {
            let payments = self.store.payments_in(&batch.shard, batch.id).await?;
            let originator = self.originator(purpose, &batch.month).await?;
            let (batch, purpose) = (batch.clone(), purpose.to_string());
            let written = tokio::task::spawn_blocking(move || {
                let written = places.write(&batch, &purpose, &originator, &payments)?;
                written.into_iter().try_for_each(Beside::put)
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
        let answers = read_answers(files)?;
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
        for (index, answer) in result.changed {
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
                source: files.get(answer).map(|f| f.0.clone()).unwrap_or_default(),
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
        let named = all.iter().filter(|b| batches.contains(&b.id));
        self.read_batches(named, &mut payments).await?;
        // Lines that name no batch, or one of another's.
        let here: HashSet<Id> = payments.iter().map(|p| p.id).collect();
        let named = answers.iter().flat_map(Answer::payments);
        let elsewhere: Vec<Id> = named.filter(|id| !here.contains(id)).collect();
        let mut more = self.store.batches_of_payments(elsewhere).await?;
        more.retain(|batch| batches.insert(*batch));
        let found = all.iter().filter(|b| more.contains(&b.id));
        self.read_batches(found, &mut payments).await?;
        Ok(payments)
    }

    /// Payments of some batches, several batches read at once.
    async fn read_batches(
        &self,
        batches: impl Iterator<Item = &Batch>,
        payments: &mut Vec<Payment>,
    ) -> Result<(), ServiceError> {
        let mut asked = VecDeque::new();
        for batch in batches {
            asked.push_back(self.store.payments_ahead(&batch.shard, batch.id));
            if asked.len() >= AHEAD
                && let Some(first) = asked.pop_front()
            {
                payments.extend(first.end().await?);
            }
        }
        for rest in asked {
            payments.extend(rest.end().await?);
        }
        Ok(())
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

/// Reads the bank's files, several at once.
fn read_answers(files: &[(String, Vec<u8>)]) -> Result<Vec<Answer>, ServiceError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let take = || {
        let mut read = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            match files.get(place) {
                Some((name, bytes)) => read.push((place, read_answer(name, bytes))),
                None => return read,
            }
        }
    };
    let mut read = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(files.len()))
            .map(|_| scope.spawn(take))
            .collect();
        let mut read = take();
        for other in others {
            match other.join() {
                Ok(more) => read.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        read
    });
    // Of several files that cannot be understood the first is named.
    read.sort_by_key(|(place, _)| *place);
    read.into_iter().map(|(_, answer)| answer).collect()
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
