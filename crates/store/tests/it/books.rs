//! Money, cases and the installation's own records, as one part of the story in `readers`.

use crate::readers::key;
use crate::{SHARD, at, day, id};
use base::Fen;
use casework::case::{Case, CaseEvent, CaseKind, Happening, Notice, Task};
use entitlement::{Bilingual, Role};
use ledger::account::{Account, Purpose, Reason as Why, Transfer, account_id};
use ledger::payment::{Batch, Payment, PaymentItem, PaymentState};
use serde_json::json;
use store::{
    BankAnswer, CaseHappening, ChangeSet, JournalEntry, Message, Run, Staff, Store, StoreError,
};

fn transfer(name: &str, debit: Purpose, credit: Purpose, amount: i64) -> Transfer {
    let account = |purpose| {
        let owner = !matches!(purpose, Purpose::Expense | Purpose::Bank);
        account_id(SHARD, owner.then(|| id("h")), "jia", purpose)
    };
    Transfer {
        id: id(name),
        shard: SHARD.into(),
        debit: account(debit),
        credit: account(credit),
        amount: Fen(amount),
        reason: Why::Owed,
        link: id("link"),
        period: "2026-03".into(),
        counter_period: None,
        booked: day("2026-03-02"),
        recorded_at: at("2026-03-02T02:00:00Z"),
    }
}

pub async fn money(store: &Store) {
    let accounts = [
        Purpose::Expense,
        Purpose::Payable,
        Purpose::InTransit,
        Purpose::Bank,
    ]
    .map(|purpose| {
        let owner = (!matches!(purpose, Purpose::Expense | Purpose::Bank)).then(|| id("h"));
        Account {
            id: account_id(SHARD, owner, "jia", purpose),
            shard: SHARD.into(),
            owner,
            programme: "jia".into(),
            purpose,
        }
    });
    let batch = Batch {
        id: id("batch"),
        shard: SHARD.into(),
        programme: "jia".into(),
        month: "2026-03".into(),
        attempt: 1,
        count: 1,
        total: Fen(15_000),
        pay_on: day("2026-03-10"),
        recorded_at: at("2026-03-05T02:00:00Z"),
    };
    let payment = Payment {
        id: id("payment"),
        shard: SHARD.into(),
        batch: batch.id,
        sequence: 1,
        payee: id("h"),
        programme: "jia".into(),
        holder: "张h-0".into(),
        account: "6222000011112222".into(),
        bank: "102".into(),
        amount: Fen(15_000),
        items: vec![PaymentItem {
            period: "2026-03".into(),
            amount: Fen(15_000),
            recovers: None,
        }],
        state: PaymentState::Instructed,
        bank_reason: None,
        recorded_at: at("2026-03-05T02:00:00Z"),
    };
    let transfers = vec![
        transfer("owed", Purpose::Expense, Purpose::Payable, 20_000),
        transfer("instructed", Purpose::Payable, Purpose::InTransit, 15_000),
    ];
    let change = ChangeSet {
        shard: SHARD.into(),
        accounts: accounts.to_vec(),
        transfers: transfers.clone(),
        batches: vec![batch.clone()],
        payments: vec![payment.clone()],
        ..ChangeSet::default()
    };
    let written = store.commit(&change).await.expect("recorded").written;
    assert_eq!(written, 8);
    assert_eq!(store.commit(&change).await.expect("again").written, 0);
    let nothing = ChangeSet {
        transfers: vec![transfer("zero", Purpose::Expense, Purpose::Payable, 0)],
        ..ChangeSet::default()
    };
    assert!(matches!(
        store.commit(&nothing).await,
        Err(StoreError::Invalid(_))
    ));

    assert_eq!(
        store.balance(SHARD, accounts[1].id).await.expect("read"),
        Fen(-5_000)
    );
    let open = store
        .open_items("jia", Purpose::Payable)
        .await
        .expect("read");
    assert_eq!(
        (open.len(), open[0].balance, open[0].owner),
        (1, Fen(-5_000), Some(id("h")))
    );
    let totals = store.ledger_totals().await.expect("read");
    assert_eq!(totals.values().copied().sum::<Fen>(), Fen::ZERO);
    let mut sorted = transfers.clone();
    sorted.sort_by_key(|t| t.id);
    assert_eq!(
        store
            .transfers_of_payee(SHARD, id("h"))
            .await
            .expect("read"),
        sorted
    );
    let in_credit = async |purpose, after| {
        let found = store.payees_in_credit(SHARD, "jia", purpose, after, 10);
        found.await.expect("read")
    };
    assert_eq!(in_credit(Purpose::Payable, None).await, [id("h")]);
    assert!(in_credit(Purpose::Payable, Some(id("h"))).await.is_empty());
    assert!(in_credit(Purpose::Receivable, None).await.is_empty());
    assert_eq!(store.transfers_page(None, 10).await.expect("read"), sorted);
    assert_eq!(store.accounts_page(None, 10).await.expect("read").len(), 4);
    assert_eq!(
        store.payments_in(SHARD, batch.id).await.expect("read"),
        [payment.clone()]
    );
    assert_eq!(
        store.payments_page(None, 10).await.expect("read"),
        [payment.clone()]
    );
    assert_eq!(
        store.batches_of("jia", "2026-03").await.expect("read"),
        [batch]
    );

    // Whatever the order of the answers, the highest state stands; and reading a file twice is once.
    let answer = |name: &str, state, reason: Option<&str>| BankAnswer {
        id: id(name),
        shard: SHARD.into(),
        payment: payment.id,
        at: at("2026-03-11T02:00:00Z"),
        state,
        reason: reason.map(Into::into),
        source: "answer.xml".into(),
    };
    for (a, wrote) in [
        (answer("returned", PaymentState::Returned, Some("AC04")), 1),
        (answer("paid", PaymentState::Paid, None), 1),
        (answer("returned", PaymentState::Returned, Some("AC04")), 0),
    ] {
        let change = ChangeSet {
            shard: SHARD.into(),
            bank_answers: vec![a],
            ..ChangeSet::default()
        };
        assert_eq!(
            store.commit(&change).await.expect("recorded").written,
            wrote
        );
    }
    let now = store
        .payment(payment.id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(
        (now.state, now.bank_reason.as_deref()),
        (PaymentState::Returned, Some("AC04"))
    );
    assert_eq!(
        store
            .bank_answers_of(SHARD, payment.id)
            .await
            .expect("read")
            .len(),
        2
    );
    assert_eq!(
        store.payment_states().await.expect("read")[0].state,
        PaymentState::Returned
    );
    // The line in the file is recorded already, as it was made.
    assert_eq!(store.commit(&change).await.expect("again").written, 0);
}

pub async fn cases(store: &Store) {
    let event = |name: &str, what| CaseEvent {
        id: id(name),
        at: at("2026-02-01T02:00:00Z"),
        by: "caseworker".into(),
        what,
        note: "话".into(),
    };
    let case = Case {
        id: id("case"),
        subject: key("h"),
        programme: "jia".into(),
        kind: CaseKind::Application,
        area: "990101001".into(),
        opened_at: at("2026-02-01T02:00:00Z"),
        events: vec![event("opened", Happening::Opened)],
    };
    let task = |name: &str, due: Option<&str>, area: &str| Task {
        id: id(name),
        case: id("case"),
        shard: SHARD.into(),
        step: "check".into(),
        title: Bilingual {
            zh: "核对".into(),
            en: "Check".into(),
        },
        role: Role::Caseworker,
        area: area.into(),
        due: due.map(day),
        not_before: None,
        done_at: None,
    };
    let notice = Notice {
        id: id("notice"),
        shard: SHARD.into(),
        subject: key("h"),
        programme: "jia".into(),
        kind: "granted".into(),
        text: Bilingual {
            zh: "准予".into(),
            en: "Granted".into(),
        },
        objection_until: Some(day("2026-04-01")),
        made_at: at("2026-02-03T02:00:00Z"),
    };
    let tasks = vec![
        task("later", None, "990101001"),
        task("soon", Some("2026-02-05"), "990101002"),
        task("sooner", Some("2026-02-04"), "990102001"),
    ];
    let change = ChangeSet {
        shard: SHARD.into(),
        cases: vec![case.clone()],
        tasks: tasks.clone(),
        notices: vec![notice.clone()],
        ..ChangeSet::default()
    };
    store.commit(&change).await.expect("recorded");
    let list = async |areas: &[&str], after: Option<String>, limit| {
        let areas: Vec<String> = areas.iter().map(|a| a.to_string()).collect();
        store
            .tasks(Role::Caseworker, &areas, after.as_deref(), limit)
            .await
            .expect("read")
    };
    let ids = |page: &store::Page<Task>| page.items.iter().map(|t| t.id).collect::<Vec<_>>();
    let first = list(&[], None, 2).await;
    assert_eq!(ids(&first), [id("sooner"), id("soon")]);
    assert_eq!(list(&[], first.next, 2).await.items, [tasks[0].clone()]);
    assert_eq!(
        ids(&list(&["990101"], None, 5).await),
        [id("soon"), id("later")]
    );
    let counts = store.task_counts(day("2026-02-05")).await.expect("read");
    assert_eq!(counts.iter().map(|c| c.overdue).sum::<u64>(), 1);

    // Two workers do one task: the second is told.
    let mut done = tasks[1].clone();
    done.done_at = Some(at("2026-02-04T02:00:00Z"));
    let by = |t: Task| ChangeSet {
        shard: SHARD.into(),
        tasks: vec![t],
        ..ChangeSet::default()
    };
    assert_eq!(
        store.commit(&by(done.clone())).await.expect("done").written,
        1
    );
    assert_eq!(
        store
            .commit(&by(done.clone()))
            .await
            .expect("the same")
            .written,
        0
    );
    done.done_at = Some(at("2026-02-04T03:00:00Z"));
    assert!(
        store
            .commit(&by(done))
            .await
            .expect_err("refused")
            .is_conflict()
    );

    let decided = event(
        "decided",
        Happening::Decided {
            granted: true,
            determination: None,
        },
    );
    let after_the_end = event("withdrawn", Happening::Withdrawn);
    for event in [decided, after_the_end] {
        let happening = CaseHappening {
            shard: SHARD.into(),
            case: case.id,
            event,
        };
        let change = ChangeSet {
            shard: SHARD.into(),
            case_events: vec![happening],
            ..ChangeSet::default()
        };
        store.commit(&change).await.expect("recorded");
    }
    let file = store
        .case(SHARD, case.id)
        .await
        .expect("read")
        .expect("there");
    assert_eq!(
        (file.state.as_str(), file.case.events.len()),
        ("granted", 3)
    );
    assert_eq!(store.cases_of(SHARD, id("h")).await.expect("read"), [file]);
    assert_eq!(
        store
            .cases("granted", &["990101".into()], None, 5)
            .await
            .expect("read")
            .items
            .len(),
        1
    );
    assert!(
        store
            .cases("open", &[], None, 5)
            .await
            .expect("read")
            .items
            .is_empty()
    );
    assert_eq!(
        store.notices_of(SHARD, id("h")).await.expect("read"),
        [notice.clone()]
    );
    assert_eq!(store.notices(None, 5).await.expect("read").items, [notice]);
}

pub async fn house(store: &Store) {
    store.set_setting("law", "1").await.expect("set");
    store.set_setting("law", "2").await.expect("set");
    assert_eq!(
        store.setting("law").await.expect("read").as_deref(),
        Some("2")
    );
    let now = at("2026-03-01T02:00:00Z");
    let mut staff = Staff {
        name: "li".into(),
        display: "李".into(),
        role: Role::Approver,
        areas: vec!["990101".into()],
        secret: "hash".into(),
        active: true,
        made_at: now,
    };
    store.put_staff(&staff).await.expect("put");
    let token = [7; 32];
    store
        .put_session(token, "li", now, at("2026-03-01T10:00:00Z"))
        .await
        .expect("put");
    assert_eq!(
        store.session(token, now).await.expect("read"),
        Some(staff.clone())
    );
    assert_eq!(
        store
            .session(token, at("2026-03-02T02:00:00Z"))
            .await
            .expect("read"),
        None
    );
    staff.active = false;
    store.put_staff(&staff).await.expect("put");
    assert_eq!(store.session(token, now).await.expect("read"), None);
    store.end_session(token, now).await.expect("ended");

    let mut run = Run {
        id: id("run"),
        shard: SHARD.into(),
        kind: "determine".into(),
        argument: "jia 2026-03".into(),
        state: "running".into(),
        cursor: "5".into(),
        detail: json!({"done": 5}),
        started_at: now,
        changed_at: now,
    };
    let change = ChangeSet {
        shard: SHARD.into(),
        runs: vec![run.clone()],
        outbox: vec![Message {
            id: id("message"),
            shard: SHARD.into(),
            topic: "t".into(),
            payload: json!({"a": 1}),
            made_at: now,
        }],
        ..ChangeSet::default()
    };
    store.commit_bulk(&change).await.expect("recorded");
    assert_eq!(
        store.run(SHARD, id("run")).await.expect("read"),
        Some(run.clone())
    );
    run.state = "done".into();
    store.put_run(&run).await.expect("put");
    assert_eq!(store.runs(5).await.expect("read"), [run]);
    assert_eq!(store.unsent(5).await.expect("read").len(), 1);
    store
        .mark_sent(SHARD, id("message"), now)
        .await
        .expect("noted");
    assert!(store.unsent(5).await.expect("read").is_empty());

    for n in 0..40 {
        let change = ChangeSet {
            shard: SHARD.into(),
            at: now + chrono::TimeDelta::seconds(n / 2),
            journal: vec![
                JournalEntry {
                    actor: "li".into(),
                    action: "saw".into(),
                    subject: Some(id(&format!("{n}"))),
                    detail: json!({"n": n}),
                },
                JournalEntry {
                    actor: "李".into(),
                    action: "decided".into(),
                    subject: Some(id("h")),
                    detail: json!(null),
                },
            ],
            ..ChangeSet::default()
        };
        store.commit(&change).await.expect("recorded");
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.journal(after.as_deref(), 7).await.expect("read");
        seen.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 80);
    assert!(seen.windows(2).all(|w| w[0].at >= w[1].at));
    assert_eq!(
        store
            .journal_about(SHARD, id("h"))
            .await
            .expect("read")
            .len(),
        40
    );
    let check = store.check_journal().await.expect("read");
    assert_eq!(check.faults, []);
    assert!(check.lines > 80, "{}", check.lines);
    assert!(check.ends.len() > 4, "several chains");
}

/// More transfers than are written at once: written once however often they are sent, sealed each, and
/// nothing of a set that holds one of them with other content.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_set_is_written_once_and_sealed() {
    let lite = crate::lite().await;
    let set = |from: usize, to: usize, amount: i64| ChangeSet {
        shard: SHARD.into(),
        at: at("2026-03-05T02:00:00Z"),
        transfers: (from..to)
            .map(|n| {
                let name = format!("many {n}");
                transfer(&name, Purpose::Expense, Purpose::Payable, amount)
            })
            .collect(),
        ..ChangeSet::default()
    };
    let sound = async |rows: usize| {
        let found = lite.store.transfers_page(None, 100_000).await;
        assert_eq!(found.expect("read").len(), rows);
        let check = lite.store.check_records().await.expect("checked");
        assert_eq!(check.faults, []);
    };
    let commit = async |set: ChangeSet| lite.store.commit(&set).await.map(|done| done.written);
    assert_eq!(commit(set(0, 9_000, 7)).await.expect("recorded"), 9_000);
    sound(9_000).await;
    assert_eq!(commit(set(0, 9_000, 7)).await.expect("again"), 0);
    // Old and new ones beside each other in nearly every statement.
    assert_eq!(commit(set(4_000, 12_001, 7)).await.expect("more"), 3_001);
    sound(12_001).await;
    let mut other = set(12_001, 18_000, 7);
    other.transfers.extend(set(5_000, 5_001, 8).transfers);
    let refused = commit(other).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    sound(12_001).await;
    lite.store.close().await;
}
