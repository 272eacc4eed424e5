//! Random histories against a model that knows nothing of accounts.
//!
//! The model keeps, for each period, what is owed and what was waived, and a list of payments, each
//! with what the bank really said. From these it computes afresh, after every step, what must be
//! payable, under way, held, open and waived. It shares no code with the ledger but the records.

use crate::{SHARD, day, destination, month, payee, stamp};
use base::{Fen, Id};
use ledger::account::{Transfer, chart};
use ledger::iso::{Answer, AnswerLine, Source, compact};
use ledger::payment::{Batch, Payment, PaymentItem, PaymentState};
use ledger::position::Position;
use ledger::post::{Change, post};
use ledger::reconcile::{Positions, reconcile};
use ledger::recovery::{Debt, Measure, Plan, Terms, measure, repay, waive};
use ledger::run::{Line, PayRun, RunTerms};
use ledger::verify::verify;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const PROGRAMMES: [&str; 2] = ["alpha", "beta"];
const PERIODS: [&str; 4] = ["2026-01", "2026-02", "2026-03", "event:1"];
const PAYEES: u32 = 2;

/// (payee, programme, period), by index.
type Key = (u32, usize, usize);

#[derive(Clone, Debug)]
enum Action {
    /// What is owed becomes this.
    Owe(Key, i64),
    /// The first change of all is handed in once more.
    OweAgain,
    /// A run of a programme's month for all payees.
    Run {
        programme: usize,
        month: usize,
        apart: bool,
    },
    /// The bank says something of the n-th payment, twice if so.
    Say { nth: usize, what: Word, twice: bool },
    /// Everything the bank ever said is handed in again, backwards.
    SayAllAgain,
    /// Cash from a payee.
    Repay {
        payee: u32,
        programme: usize,
        amount: i64,
    },
    /// A decision to give up.
    Waive(Key, i64),
    /// A plan for what is open.
    Plan(Key, Cap),
}

#[derive(Clone, Copy, Debug)]
struct Cap {
    percent: u32,
    instalments: Option<u32>,
    across: bool,
    small: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Pending,
    Refused,
    ReportedPaid,
    BookedOut,
    BookedBack,
    WrongAmount,
}

fn key() -> impl Strategy<Value = Key> {
    (0..PAYEES, 0..PROGRAMMES.len(), 0..PERIODS.len())
}

fn action() -> impl Strategy<Value = Action> {
    let word = prop_oneof![
        1 => Just(Word::Pending),
        2 => Just(Word::Refused),
        2 => Just(Word::ReportedPaid),
        4 => Just(Word::BookedOut),
        2 => Just(Word::BookedBack),
        1 => Just(Word::WrongAmount),
    ];
    let cap = (
        0..=100u32,
        prop::option::of(1..5u32),
        any::<bool>(),
        0..40i64,
    )
        .prop_map(|(percent, instalments, across, small)| Cap {
            percent,
            instalments,
            across,
            small,
        });
    prop_oneof![
        6 => (key(), 0..300i64).prop_map(|(key, owed)| Action::Owe(key, owed)),
        1 => Just(Action::OweAgain),
        4 => (0..PROGRAMMES.len(), 0..3usize, any::<bool>())
            .prop_map(|(programme, month, apart)| Action::Run { programme, month, apart }),
        6 => (any::<prop::sample::Index>(), word, any::<bool>())
            .prop_map(|(nth, what, twice)| Action::Say { nth: nth.index(1 << 16), what, twice }),
        1 => Just(Action::SayAllAgain),
        2 => (0..PAYEES, 0..PROGRAMMES.len(), 1..200i64)
            .prop_map(|(payee, programme, amount)| Action::Repay { payee, programme, amount }),
        1 => (key(), 1..200i64).prop_map(|(key, amount)| Action::Waive(key, amount)),
        3 => (key(), cap).prop_map(|(key, cap)| Action::Plan(key, cap)),
    ]
}

/// What the model knows of a payment.
struct Sent {
    /// Place among the ledger's payments.
    id: Id,
    /// Cash by period.
    cash: Vec<(Key, i64)>,
    heard: BTreeSet<Word>,
}

impl Sent {
    /// Is the money away, with the bank, or back?
    fn fate(&self) -> &'static str {
        let heard = |word| self.heard.contains(&word);
        if heard(Word::BookedBack) {
            "back"
        } else if heard(Word::BookedOut) || heard(Word::ReportedPaid) {
            "away"
        } else if heard(Word::Refused) {
            "back"
        } else {
            "with the bank"
        }
    }
}

#[derive(Default)]
struct Model {
    owed: BTreeMap<Key, i64>,
    waived: BTreeMap<Key, i64>,
    /// Paid by setting off, less recovered by withholding.
    set_off: BTreeMap<Key, i64>,
    cash_back: BTreeMap<Key, i64>,
    sent: Vec<Sent>,
}

#[derive(Debug, PartialEq, Eq)]
struct Figures {
    payable: i64,
    under_way: i64,
    held: i64,
    open: i64,
    waived: i64,
}

impl Model {
    fn get(map: &BTreeMap<Key, i64>, key: Key) -> i64 {
        map.get(&key).copied().unwrap_or(0)
    }

    fn cash(&self, key: Key, fate: &str) -> i64 {
        let sent = self.sent.iter().filter(|sent| sent.fate() == fate);
        sent.flat_map(|sent| &sent.cash)
            .filter(|(k, _)| *k == key)
            .map(|(_, fen)| fen)
            .sum()
    }

    fn figures(&self, key: Key) -> Figures {
        let held = self.cash(key, "away") + Self::get(&self.set_off, key)
            - Self::get(&self.cash_back, key);
        let under_way = self.cash(key, "with the bank");
        let need = Self::get(&self.owed, key) - held - under_way;
        let over = (-need).max(0);
        let waived = Self::get(&self.waived, key).min(over);
        Figures {
            payable: need.max(0),
            under_way,
            held,
            open: over - waived,
            waived,
        }
    }

    /// A waiver lasts only as long as there is something overpaid.
    fn settle(&mut self) {
        let keys: Vec<Key> = self.waived.keys().copied().collect();
        for key in keys {
            let waived = self.figures(key).waived;
            self.waived.insert(key, waived);
        }
    }

    /// What may be asked for: overpaid, not waived, and not still with the bank.
    fn recoverable(&self, key: Key) -> i64 {
        let figures = self.figures(key);
        (figures.open - figures.under_way).max(0)
    }
}

struct World {
    positions: BTreeMap<(u32, usize), Position>,
    transfers: Vec<Transfer>,
    payments: Vec<Payment>,
    batches: Vec<Batch>,
    plans: Vec<Plan>,
    answers: Vec<Answer>,
    changes: Vec<Change>,
    attempts: u32,
    steps: u32,
    model: Model,
}

fn index_of(payee_id: Id) -> u32 {
    (0..PAYEES)
        .find(|n| payee(*n) == payee_id)
        .expect("a payee")
}

fn place(list: &[&str], text: &str) -> usize {
    list.iter().position(|t| *t == text).expect("known")
}

impl World {
    fn new() -> World {
        let keys = (0..PAYEES).flat_map(|n| (0..PROGRAMMES.len()).map(move |p| (n, p)));
        World {
            positions: keys
                .map(|(n, p)| ((n, p), Position::new(SHARD, payee(n), PROGRAMMES[p])))
                .collect(),
            transfers: Vec::new(),
            payments: Vec::new(),
            batches: Vec::new(),
            plans: Vec::new(),
            answers: Vec::new(),
            changes: Vec::new(),
            attempts: 0,
            steps: 0,
            model: Model::default(),
        }
    }

    fn position(&mut self, (payee, programme, _): Key) -> &mut Position {
        self.positions.get_mut(&(payee, programme)).expect("there")
    }

    fn fresh(&mut self) -> Id {
        self.steps += 1;
        Id::derive(&["step", &self.steps.to_string()])
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Owe(key, owed) => self.owe(*key, *owed),
            Action::OweAgain => {
                if let Some(change) = self.changes.first().cloned() {
                    let key = (
                        index_of(change.payee),
                        place(&PROGRAMMES, &change.programme),
                        0,
                    );
                    let posted = post(&change, self.position(key), stamp()).expect("posts");
                    assert!(posted.transfers.is_empty());
                }
            }
            Action::Run {
                programme,
                month,
                apart,
            } => self.run(*programme, *month, *apart),
            Action::Say { nth, what, twice } => self.say(*nth, *what, *twice),
            Action::SayAllAgain => {
                let mut all = self.answers.clone();
                all.reverse();
                assert!(self.hear(&all).is_empty(), "said before");
            }
            Action::Repay {
                payee,
                programme,
                amount,
            } => self.repay(*payee, *programme, *amount),
            Action::Waive(key, amount) => self.waive(*key, *amount),
            Action::Plan(key, cap) => self.plan(*key, *cap),
        }
        self.model.settle();
        self.compare();
    }

    fn owe(&mut self, key: Key, owed: i64) {
        let before = Model::get(&self.model.owed, key);
        let change = Change {
            id: self.fresh(),
            shard: SHARD.into(),
            payee: payee(key.0),
            programme: PROGRAMMES[key.1].into(),
            period: PERIODS[key.2].into(),
            owed: Fen(owed),
            change: Fen(owed - before),
        };
        let posted = post(&change, self.position(key), stamp()).expect("posts");
        let again = post(&change, self.position(key), stamp()).expect("posts");
        assert!(again.transfers.is_empty() || change.change == Fen::ZERO);
        self.transfers.extend(posted.transfers);
        self.changes.push(change);
        self.model.owed.insert(key, owed);
    }

    fn run(&mut self, programme: usize, month_index: usize, apart: bool) {
        self.attempts += 1;
        let mut run = PayRun::new(RunTerms {
            shard: SHARD.into(),
            programme: PROGRAMMES[programme].into(),
            month: month(PERIODS[month_index]),
            attempt: self.attempts,
            pay_on: day("2026-03-10"),
            lines_per_file: 1,
            stamp: stamp(),
        });
        for n in 0..PAYEES {
            let own: Vec<Plan> = self
                .plans
                .iter()
                .filter(|p| p.payee == payee(n))
                .cloned()
                .collect();
            let debts: Vec<Debt> = own
                .iter()
                .filter_map(|plan| {
                    let at = place(&PROGRAMMES, &plan.programme);
                    Debt::of(plan, &self.positions[&(n, at)])
                })
                .collect();
            let due: Vec<Key> = (0..PERIODS.len())
                .filter(|period| *period == 3 || *period <= month_index)
                .map(|period| (n, programme, period))
                .collect();
            let gross: i64 = due.iter().map(|key| self.model.figures(*key).payable).sum();
            let where_to = if apart {
                ledger::payment::Destination::Missing
            } else {
                destination(n)
            };
            let position = self.positions.get_mut(&(n, programme)).expect("there");
            let line = run.payee(position, &where_to, &debts);
            let (id, items, transfers, payment) = match line {
                Line::Nothing => {
                    assert_eq!(gross, 0);
                    continue;
                }
                Line::Apart(entry) => {
                    assert!(apart);
                    assert_eq!(entry.payable, Fen(gross));
                    continue;
                }
                Line::AllWithheld {
                    id,
                    items,
                    transfers,
                } => (id, items, transfers, None),
                Line::Pay { payment, transfers } => {
                    (payment.id, payment.items.clone(), transfers, Some(payment))
                }
            };
            assert!(!apart);
            for transfer in &transfers {
                for other in (0..PROGRAMMES.len()).filter(|other| *other != programme) {
                    let other = self.positions.get_mut(&(n, other)).expect("there");
                    other.apply(transfer);
                }
            }
            self.check_items(n, programme, &items, gross);
            self.take(id, n, programme, &items);
            self.transfers.extend(transfers);
            if let Some(payment) = payment {
                assert!(payment.amount > Fen::ZERO);
                self.payments.push(payment);
            }
        }
        self.batches
            .extend(run.finish().into_iter().map(|(batch, _)| batch));
    }

    /// What may be in a line, by the model.
    fn check_items(&self, n: u32, programme: usize, items: &[PaymentItem], gross: i64) {
        let owed: i64 = items.iter().map(|i| i.amount.0.max(0)).sum();
        assert_eq!(owed, gross);
        let mut by_key: BTreeMap<Key, i64> = BTreeMap::new();
        let mut withheld = 0;
        let mut highest = 0;
        for item in items.iter().filter(|i| i.amount < Fen::ZERO) {
            let to = item.recovers.as_ref().expect("says what it recovers");
            let plan = self.plans.iter().find(|p| p.id == to.plan).expect("a plan");
            let at = place(&PROGRAMMES, &to.programme);
            assert!(at == programme || plan.across_programmes);
            let key = (n, at, place(&PERIODS, &item.period));
            *by_key.entry(key).or_default() -= item.amount.0;
            withheld -= item.amount.0;
            highest = highest.max(plan.cap_percent.expect("a cap"));
            if let Some(most) = plan.per_payment {
                assert!(-item.amount <= most);
            }
        }
        assert!(withheld * 100 <= gross * i64::from(highest));
        for (key, fen) in by_key {
            assert!(
                fen <= self.model.recoverable(key),
                "withheld more than is open"
            );
        }
    }

    /// The model's own splitting: withheld from the first periods, the rest is cash.
    fn take(&mut self, id: Id, n: u32, programme: usize, items: &[PaymentItem]) {
        let mut withheld: i64 = items.iter().map(|i| (-i.amount.0).max(0)).sum();
        for item in items.iter().filter(|i| i.amount < Fen::ZERO) {
            let to = item.recovers.as_ref().expect("says what it recovers");
            let key = (
                n,
                place(&PROGRAMMES, &to.programme),
                place(&PERIODS, &item.period),
            );
            *self.model.set_off.entry(key).or_default() += item.amount.0;
        }
        let mut cash = Vec::new();
        for item in items.iter().filter(|i| i.amount > Fen::ZERO) {
            let key = (n, programme, place(&PERIODS, &item.period));
            let kept = withheld.min(item.amount.0);
            withheld -= kept;
            *self.model.set_off.entry(key).or_default() += kept;
            cash.push((key, item.amount.0 - kept));
        }
        assert_eq!(withheld, 0);
        let heard = BTreeSet::new();
        self.model.sent.push(Sent { id, cash, heard });
    }

    fn say(&mut self, nth: usize, what: Word, twice: bool) {
        if self.payments.is_empty() {
            return;
        }
        let payment = &self.payments[nth % self.payments.len()];
        let (source, state) = match what {
            Word::Pending => (Source::StatusReport, PaymentState::Unknown),
            Word::Refused => (Source::StatusReport, PaymentState::Rejected),
            Word::ReportedPaid => (Source::StatusReport, PaymentState::Paid),
            Word::BookedOut | Word::WrongAmount => (Source::Statement, PaymentState::Paid),
            Word::BookedBack => (Source::Statement, PaymentState::Returned),
        };
        let wrong = i64::from(what == Word::WrongAmount);
        let answer = Answer {
            source,
            message: String::new(),
            original: None,
            original_totals: (None, None),
            group: None,
            lines: vec![AnswerLine {
                end_to_end: Some(compact(payment.id)),
                sequence: None,
                state,
                amount: Some(payment.amount + Fen(wrong)),
                reason: None,
                booked: None,
                line: 1,
            }],
            batch_bookings: Vec::new(),
            others: 0,
        };
        let id = payment.id;
        let sent = self
            .model
            .sent
            .iter_mut()
            .find(|sent| sent.id == id)
            .expect("sent");
        sent.heard.insert(what);
        let answers = vec![answer; 1 + usize::from(twice)];
        self.hear(&answers);
        self.answers.push(answers[0].clone());
    }

    fn hear(&mut self, answers: &[Answer]) -> Vec<Transfer> {
        let mut positions: Positions = self.positions.values().cloned().collect();
        let result = reconcile(&mut self.payments, answers, &mut positions, stamp());
        let second = reconcile(&mut self.payments, answers, &mut positions, stamp());
        assert!(second.transfers.is_empty() && second.changed.is_empty());
        for ((n, programme), position) in &mut self.positions {
            let new = positions.get(SHARD, payee(*n), PROGRAMMES[*programme]);
            *position = new.expect("there").clone();
        }
        self.transfers.extend(result.transfers.clone());
        result.transfers
    }

    fn repay(&mut self, n: u32, programme: usize, amount: i64) {
        let receipt = self.fresh();
        let keys = (0..PERIODS.len()).map(|period| (n, programme, period));
        let open: Vec<(Key, i64)> = keys.map(|key| (key, self.model.recoverable(key))).collect();
        let position = self.position((n, programme, 0));
        let done = repay(position, Fen(amount), None, receipt, stamp()).expect("books");
        let again = repay(position, Fen(amount), None, receipt, stamp()).expect("books");
        assert!(again.transfers.is_empty() || done.transfers.is_empty());
        let all: i64 = open.iter().map(|(_, fen)| fen).sum();
        assert_eq!(done.taken, Fen(amount.min(all)));
        assert_eq!(done.taken + done.excess, Fen(amount));
        let mut left = done.taken.0;
        for (key, fen) in open {
            let part = fen.min(left);
            left -= part;
            *self.model.cash_back.entry(key).or_default() += part;
        }
        self.transfers.extend(done.transfers);
    }

    fn waive(&mut self, key: Key, amount: i64) {
        let decision = self.fresh();
        let open = self.model.recoverable(key);
        let done = waive(
            self.position(key),
            PERIODS[key.2],
            Fen(amount),
            decision,
            stamp(),
        );
        assert_eq!(done.is_ok(), amount <= open);
        if let Ok(transfers) = done {
            *self.model.waived.entry(key).or_default() += amount;
            self.transfers.extend(transfers);
        }
    }

    fn plan(&mut self, key: Key, cap: Cap) {
        let cause = self.fresh();
        let terms = Terms {
            cap_percent: Some(cap.percent),
            waive_up_to: Fen(cap.small),
            instalments: cap.instalments,
            across_programmes: cap.across,
        };
        let open = self.model.recoverable(key);
        let all: i64 = (0..PERIODS.len())
            .map(|period| self.model.recoverable((key.0, key.1, period)))
            .sum();
        let start = day("2026-01-01");
        match measure(
            &terms,
            self.position(key),
            PERIODS[key.2],
            cause,
            start,
            stamp(),
        ) {
            Measure::Nothing => assert_eq!(open, 0),
            Measure::Waived(transfers) => {
                assert!(open > 0 && all <= cap.small);
                *self.model.waived.entry(key).or_default() += open;
                self.transfers.extend(transfers);
            }
            Measure::Plan(plan) => {
                assert!(open > 0 && all > cap.small);
                assert_eq!(plan.amount, Fen(open));
                self.plans.push(plan);
            }
        }
    }

    fn compare(&self) {
        for ((n, programme), position) in &self.positions {
            assert_eq!(position.fault(), None);
            for (at, period) in PERIODS.iter().enumerate() {
                let p = position.period(period);
                let key = (*n, *programme, at);
                let ours = Figures {
                    payable: p.payable.0,
                    under_way: p.in_transit.0,
                    held: p.held().0,
                    open: p.receivable.0,
                    waived: p.waived.0,
                };
                assert_eq!(
                    ours,
                    self.model.figures(key),
                    "{period} of {n} in {programme}"
                );
                assert_eq!(p.owed.0, Model::get(&self.model.owed, key));
                assert_eq!(p.recoverable().0, self.model.recoverable(key));
                // Never both: money to be paid for a period of which too much is out.
                assert!(p.payable == Fen::ZERO || p.receivable + p.waived == Fen::ZERO);
            }
        }
        for payment in &self.payments {
            let sent = self.model.sent.iter().find(|sent| sent.id == payment.id);
            let fate = match payment.state {
                PaymentState::Instructed | PaymentState::Unknown => "with the bank",
                PaymentState::Paid => "away",
                PaymentState::Rejected | PaymentState::Returned => "back",
            };
            assert_eq!(sent.map(Sent::fate), Some(fate));
        }
    }

    /// At the end: the books verify, and folding them anew gives the positions that were advanced.
    fn close(&self) {
        let mut seen = BTreeSet::new();
        let accounts: Vec<_> = (0..PAYEES)
            .flat_map(|n| PROGRAMMES.map(|programme| chart(SHARD, payee(n), programme)))
            .flatten()
            .filter(|account| seen.insert(account.id))
            .collect();
        let report = verify(accounts, &self.transfers, &self.payments, &self.batches);
        assert_eq!(report.findings, []);
        for ((n, programme), position) in &self.positions {
            let mut backwards: Vec<&Transfer> = self.transfers.iter().collect();
            backwards.reverse();
            let folded = Position::fold(SHARD, payee(*n), PROGRAMMES[*programme], backwards);
            assert_eq!(&folded, position);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_history_agrees_with_the_model(actions in prop::collection::vec(action(), 1..80)) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
        world.close();
    }

    #[test]
    fn the_order_of_answers_does_not_matter(
        owed in prop::collection::vec((key(), 1..300i64), 1..8),
        words in prop::collection::vec((0..16usize, 0..6usize), 1..24).prop_shuffle(),
        falls in prop::collection::vec((key(), 0..200i64), 0..6),
    ) {
        let build = || {
            let mut world = World::new();
            for (key, owed) in &owed {
                world.act(&Action::Owe(*key, *owed));
            }
            for programme in 0..PROGRAMMES.len() {
                world.act(&Action::Run { programme, month: 2, apart: false });
            }
            for (key, owed) in &falls {
                world.act(&Action::Owe(*key, *owed));
            }
            world
        };
        let all = [
            Word::Pending, Word::Refused, Word::ReportedPaid,
            Word::BookedOut, Word::BookedBack, Word::WrongAmount,
        ];
        let (mut forth, mut back) = (build(), build());
        for (nth, what) in &words {
            forth.act(&Action::Say { nth: *nth, what: all[*what], twice: false });
        }
        for (nth, what) in words.iter().rev() {
            back.act(&Action::Say { nth: *nth, what: all[*what], twice: true });
        }
        let states = |world: &World| world.payments.iter().map(|p| p.state).collect::<Vec<_>>();
        prop_assert_eq!(states(&forth), states(&back));
        for (key, position) in &forth.positions {
            let other = &back.positions[key];
            for ((period, a), (_, b)) in position.periods().zip(other.periods()) {
                prop_assert_eq!(
                    [a.owed, a.payable, a.in_transit, a.receivable, a.waived, a.held()],
                    [b.owed, b.payable, b.in_transit, b.receivable, b.waived, b.held()],
                    "{}", period
                );
            }
        }
        forth.close();
        back.close();
    }
}
