//! Reading the ledger: accounts, balances, transfers, batches, payments and what banks said of them.

use crate::Store;
use crate::change::BankAnswer;
use crate::encode::ACCOUNT;
use crate::error::StoreError;
use crate::page::nobody;
use crate::value::{Row, args, word};
use base::{Fen, Id};
use ledger::account::{Account, Purpose, Transfer};
use ledger::payment::{Batch, Payment, PaymentState};
use ledger::recovery::Plan;
use registry::protect::Crypto;
use std::collections::BTreeMap;

pub(crate) const ACCOUNTS_OF: &str = "SELECT id, shard, owner, programme, purpose FROM account WHERE shard = $1 AND owner = $2 ORDER BY programme, purpose";
pub(crate) const ACCOUNTS_PAGE: &str = "SELECT id, shard, owner, programme, purpose FROM account \
     WHERE (shard, id) > ($1, $2) ORDER BY shard, id LIMIT $3";
pub(crate) const TRANSFERS_PAGE: &str = "SELECT id, shard, debit, credit, amount, reason, link, period, counter_period, booked, recorded_at FROM transfer \
     WHERE (shard, id) > ($1, $2) ORDER BY shard, id LIMIT $3";
pub(crate) const BALANCE: &str = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM ( \
     SELECT amount FROM transfer WHERE shard = $1 AND debit = $2 \
     UNION ALL SELECT -amount FROM transfer WHERE shard = $1 AND credit = $2) t";
pub(crate) const BALANCES: &str = "SELECT owner, shard, period, CAST(SUM(amount) AS BIGINT) FROM ( \
     SELECT a.owner, a.shard, t.period, t.amount FROM account a JOIN transfer t ON t.shard = a.shard AND t.debit = a.id \
     WHERE a.programme = $1 AND a.purpose = $2 \
     UNION ALL SELECT a.owner, a.shard, COALESCE(t.counter_period, t.period), -t.amount FROM account a JOIN transfer t ON t.shard = a.shard AND t.credit = a.id \
     WHERE a.programme = $1 AND a.purpose = $2) x \
     GROUP BY owner, shard, period HAVING SUM(amount) <> 0 ORDER BY shard, owner, period";
pub(crate) const TOTALS: &str = "SELECT a.programme, a.purpose, CAST(SUM(t.amount) AS BIGINT) FROM account a JOIN ( \
     SELECT shard, debit AS account, SUM(amount) AS amount FROM transfer GROUP BY shard, debit \
     UNION ALL SELECT shard, credit AS account, -SUM(amount) AS amount FROM transfer GROUP BY shard, credit) t \
     ON t.shard = a.shard AND t.account = a.id GROUP BY a.programme, a.purpose ORDER BY a.programme, a.purpose";
pub(crate) const BATCHES: &str = "SELECT id, shard, programme, month, attempt, count, total, pay_on, recorded_at FROM batch ORDER BY recorded_at, id";
pub(crate) const BATCHES_OF: &str = "SELECT id, shard, programme, month, attempt, count, total, pay_on, recorded_at FROM batch \
     WHERE programme = $1 AND month = $2 ORDER BY shard, attempt";
pub(crate) const PAYMENTS_IN: &str = "SELECT id, shard, batch, sequence, payee, programme, holder, account_sealed, bank, amount, items, state, bank_reason, recorded_at \
     FROM payment WHERE shard = $1 AND batch = $2 ORDER BY sequence";
pub(crate) const PAYMENTS_OF: &str = "SELECT id, shard, batch, sequence, payee, programme, holder, account_sealed, bank, amount, items, state, bank_reason, recorded_at \
     FROM payment WHERE shard = $1 AND payee = $2 ORDER BY recorded_at, id";
pub(crate) const PAYMENT: &str = "SELECT id, shard, batch, sequence, payee, programme, holder, account_sealed, bank, amount, items, state, bank_reason, recorded_at \
     FROM payment WHERE id = $1";
pub(crate) const PAYMENTS_PAGE: &str = "SELECT id, shard, batch, sequence, payee, programme, holder, account_sealed, bank, amount, items, state, bank_reason, recorded_at \
     FROM payment WHERE (shard, batch, id) > ($1, $2, $3) ORDER BY shard, batch, id LIMIT $4";
pub(crate) const PAYMENT_STATES: &str = "SELECT b.programme, b.month, p.state, COUNT(*), CAST(SUM(p.amount) AS BIGINT) \
     FROM batch b JOIN payment p ON p.shard = b.shard AND p.batch = b.id GROUP BY b.programme, b.month, p.state ORDER BY b.programme, b.month, p.state";
pub(crate) const ANSWERS_OF: &str = "SELECT id, shard, payment, at, state, reason, source FROM bank_answer WHERE shard = $1 AND payment = $2 ORDER BY at, id";

pub(crate) const TRANSFERS_OF_OWNER: &str = "SELECT t.id, t.shard, t.debit, t.credit, t.amount, t.reason, t.link, t.period, t.counter_period, t.booked, t.recorded_at \
     FROM account a JOIN transfer t ON t.shard = a.shard AND t.debit = a.id WHERE a.shard = $1 AND a.owner = $2 \
     UNION SELECT t.id, t.shard, t.debit, t.credit, t.amount, t.reason, t.link, t.period, t.counter_period, t.booked, t.recorded_at \
     FROM account a JOIN transfer t ON t.shard = a.shard AND t.credit = a.id WHERE a.shard = $1 AND a.owner = $2 \
     ORDER BY 11, 1";
/// Owners whose accounts of one purpose hold more than was taken out; the indexes of movements tell the sums.
/// Programme and purpose are kept from the index that begins with them: by it every page would look at all
/// accounts of the programme.
pub(crate) const OWNERS_IN_CREDIT: &str = "SELECT a.owner FROM account a WHERE a.shard = $1 AND a.programme || '' = $2 AND a.purpose || '' = $3 AND a.owner > $4 \
     AND (SELECT COALESCE(SUM(c.amount), 0) FROM transfer c WHERE c.shard = a.shard AND c.credit = a.id) \
     > (SELECT COALESCE(SUM(d.amount), 0) FROM transfer d WHERE d.shard = a.shard AND d.debit = a.id) \
     ORDER BY a.owner LIMIT $5";
pub(crate) const PLANS_OF: &str = "SELECT id, shard, payee, programme, period, amount, not_before, cap_percent, per_payment, across_programmes, cause, recorded_at \
     FROM recovery_plan WHERE shard = $1 AND payee = $2 ORDER BY recorded_at, id";
pub(crate) const PLANS: &str = "SELECT id, shard, payee, programme, period, amount, not_before, cap_percent, per_payment, across_programmes, cause, recorded_at \
     FROM recovery_plan WHERE programme = $1 ORDER BY shard, payee, recorded_at, id";

/// What one owner's accounts of one purpose hold for one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItem {
    /// Home shard.
    pub shard: String,
    /// Payee; `None` for the fund.
    pub owner: Option<Id>,
    /// The period, as text.
    pub period: String,
    /// Debits less credits: negative for what is owed to a payee.
    pub balance: Fen,
}

/// Payments of a month by state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentCount {
    /// Programme id.
    pub programme: String,
    /// The month of the pay run, as text.
    pub month: String,
    /// Where they stand.
    pub state: PaymentState,
    /// How many.
    pub count: u64,
    /// Sum.
    pub amount: Fen,
}

impl Store {
    /// Accounts of one owner.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts_of(&self, shard: &str, owner: Id) -> Result<Vec<Account>, StoreError> {
        let rows = self.db.fetch(ACCOUNTS_OF, args![shard, owner]).await?;
        rows.iter().map(account).collect()
    }

    /// All accounts by shard and id, from after the one given; for checks that read everything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts_page(
        &self,
        after: Option<(&str, Id)>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        let (shard, id) = after.unwrap_or(("", nobody()));
        let values = args![shard, id, limit as i64];
        let rows = self.db.fetch(ACCOUNTS_PAGE, values).await?;
        rows.iter().map(account).collect()
    }

    /// All movements by shard and id, from after the one given; for checks that read everything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transfers_page(
        &self,
        after: Option<(&str, Id)>,
        limit: usize,
    ) -> Result<Vec<Transfer>, StoreError> {
        let (shard, id) = after.unwrap_or(("", nobody()));
        let values = args![shard, id, limit as i64];
        let rows = self.db.fetch(TRANSFERS_PAGE, values).await?;
        rows.iter().map(transfer).collect()
    }

    /// Movements of all accounts of one owner, each once, oldest first: what its positions are folded from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transfers_of_payee(
        &self,
        shard: &str,
        payee: Id,
    ) -> Result<Vec<Transfer>, StoreError> {
        let values = args![shard, payee];
        let rows = self.db.fetch(TRANSFERS_OF_OWNER, values).await?;
        rows.iter().map(transfer).collect()
    }

    /// Recovery plans of one payee, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recovery_plans_of(&self, shard: &str, payee: Id) -> Result<Vec<Plan>, StoreError> {
        let rows = self.db.fetch(PLANS_OF, args![shard, payee]).await?;
        rows.iter().map(plan).collect()
    }

    /// Recovery plans of one programme, by shard and payee.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recovery_plans(&self, programme: &str) -> Result<Vec<Plan>, StoreError> {
        let rows = self.db.fetch(PLANS, args![programme]).await?;
        rows.iter().map(plan).collect()
    }

    /// Debits less credits of one account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn balance(&self, shard: &str, account: Id) -> Result<Fen, StoreError> {
        let row = self.db.fetch_one(BALANCE, args![shard, account]).await?;
        row.map_or(Ok(Fen::ZERO), |row| row.fen(0))
    }

    /// What every owner's account of one purpose holds, period by period, but for zeros.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_items(
        &self,
        programme: &str,
        purpose: Purpose,
    ) -> Result<Vec<OpenItem>, StoreError> {
        let values = args![programme, word(&purpose)];
        let rows = self.db.fetch(BALANCES, values).await?;
        let read = |row: &Row| -> Result<OpenItem, StoreError> {
            Ok(OpenItem {
                owner: row.maybe_id(0)?,
                shard: row.text(1)?,
                period: row.text(2)?,
                balance: row.fen(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Debits less credits of all accounts by programme and purpose. Their sum is zero.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ledger_totals(&self) -> Result<BTreeMap<(String, Purpose), Fen>, StoreError> {
        let rows = self.db.fetch(TOTALS, vec![]).await?;
        let read = |row: &Row| Ok(((row.text(0)?, row.word(1)?), row.fen(2)?));
        rows.iter().map(read).collect()
    }

    /// All instruction files, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batches(&self) -> Result<Vec<Batch>, StoreError> {
        let rows = self.db.fetch(BATCHES, vec![]).await?;
        rows.iter().map(batch).collect()
    }

    /// Instruction files of one programme's pay run, by attempt.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batches_of(&self, programme: &str, month: &str) -> Result<Vec<Batch>, StoreError> {
        let rows = self.db.fetch(BATCHES_OF, args![programme, month]).await?;
        rows.iter().map(batch).collect()
    }

    /// Payments to one payee, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payments_of(&self, shard: &str, payee: Id) -> Result<Vec<Payment>, StoreError> {
        let rows = self.db.fetch(PAYMENTS_OF, args![shard, payee]).await?;
        rows.iter().map(|row| self.payment_from(row)).collect()
    }

    /// One payment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payment(&self, id: Id) -> Result<Option<Payment>, StoreError> {
        let row = self.db.fetch_one(PAYMENT, args![id]).await?;
        row.map(|row| self.payment_from(&row)).transpose()
    }

    /// All payments by shard, batch and id, from after the one given; for checks that read everything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payments_page(
        &self,
        after: Option<(&str, Id, Id)>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let (shard, batch, id) = after.unwrap_or(("", nobody(), nobody()));
        let values = args![shard, batch, id, limit as i64];
        let rows = self.db.fetch(PAYMENTS_PAGE, values).await?;
        rows.iter().map(|row| self.payment_from(row)).collect()
    }

    /// How the payments of every pay run stand.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn payment_states(&self) -> Result<Vec<PaymentCount>, StoreError> {
        let rows = self.db.fetch(PAYMENT_STATES, vec![]).await?;
        let read = |row: &Row| -> Result<PaymentCount, StoreError> {
            Ok(PaymentCount {
                programme: row.text(0)?,
                month: row.text(1)?,
                state: row.word(2)?,
                count: row.int(3)? as u64,
                amount: row.fen(4)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// What banks said of one payment, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bank_answers_of(
        &self,
        shard: &str,
        payment: Id,
    ) -> Result<Vec<BankAnswer>, StoreError> {
        let rows = self.db.fetch(ANSWERS_OF, args![shard, payment]).await?;
        let read = |row: &Row| -> Result<BankAnswer, StoreError> {
            Ok(BankAnswer {
                id: row.id(0)?,
                shard: row.text(1)?,
                payment: row.id(2)?,
                at: row.instant(3)?,
                state: row.word(4)?,
                reason: row.maybe_text(5)?.map(str::to_owned),
                source: row.text(6)?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(crate) fn payment_from(&self, row: &Row) -> Result<Payment, StoreError> {
        payment_from(self.crypto.as_ref(), row)
    }
}

pub(crate) fn payment_from(crypto: &dyn Crypto, row: &Row) -> Result<Payment, StoreError> {
    Ok(Payment {
        id: row.id(0)?,
        shard: row.text(1)?,
        batch: row.id(2)?,
        sequence: row.small(3)?,
        payee: row.id(4)?,
        programme: row.text(5)?,
        holder: row.text(6)?,
        account: crypto.open(ACCOUNT, row.bytes(7)?)?,
        bank: row.text(8)?,
        amount: row.fen(9)?,
        items: row.json(10)?,
        state: row.word(11)?,
        bank_reason: row.maybe_text(12)?.map(str::to_owned),
        recorded_at: row.instant(13)?,
    })
}

fn account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.id(0)?,
        shard: row.text(1)?,
        owner: row.maybe_id(2)?,
        programme: row.text(3)?,
        purpose: row.word(4)?,
    })
}

pub(crate) fn transfer(row: &Row) -> Result<Transfer, StoreError> {
    Ok(Transfer {
        id: row.id(0)?,
        shard: row.text(1)?,
        debit: row.id(2)?,
        credit: row.id(3)?,
        amount: row.fen(4)?,
        reason: row.word(5)?,
        link: row.id(6)?,
        period: row.text(7)?,
        counter_period: row.maybe_text(8)?.map(str::to_owned),
        booked: row.day(9)?,
        recorded_at: row.instant(10)?,
    })
}

pub(crate) fn plan(row: &Row) -> Result<Plan, StoreError> {
    let cap = row.maybe_int(7)?.map(u32::try_from);
    Ok(Plan {
        id: row.id(0)?,
        shard: row.text(1)?,
        payee: row.id(2)?,
        programme: row.text(3)?,
        period: row.text(4)?,
        amount: row.fen(5)?,
        not_before: row.day(6)?,
        cap_percent: cap
            .transpose()
            .map_err(|_| StoreError::corrupt("cap_percent", row))?,
        per_payment: row.maybe_int(8)?.map(Fen),
        across_programmes: row.int(9)? != 0,
        cause: row.id(10)?,
        recorded_at: row.instant(11)?,
    })
}

fn batch(row: &Row) -> Result<Batch, StoreError> {
    Ok(Batch {
        id: row.id(0)?,
        shard: row.text(1)?,
        programme: row.text(2)?,
        month: row.text(3)?,
        attempt: row.small(4)?,
        count: row.small(5)?,
        total: row.fen(6)?,
        pay_on: row.day(7)?,
        recorded_at: row.instant(8)?,
    })
}
