use crate::invented::*;
use base::{Calendar, Fen, Id};
use casework::case::{Case, CaseKind};
use casework::correction::{Books, Correction, Sum, correct, recover_confirmed};
use entitlement::change::{At, Change};
use entitlement::redetermination::Look;
use entitlement::rules::Rules;
use ledger::account::{Chart, Reason, Transfer};
use ledger::position::Position;
use registry::record::Evidence;
use serde_json::{Value, json};

/// A district of two households with its books.
struct Office {
    law: Invented,
    world: World,
    transfers: Vec<Transfer>,
    cases: Vec<Case>,
}

impl Office {
    /// a (300) and b (200) in h, c (100) in k; the line is 500 a head. Awards from January; January
    /// to June are determined: 500 a month for h, 400 for k.
    fn new(hearing: bool) -> Office {
        let mut office = Office {
            law: Invented::new(hearing),
            world: World::new(
                &[("h", &["a", "b"]), ("k", &["c"])],
                &[("jia", "2026-01", "2026-06")],
            ),
            transfers: Vec::new(),
            cases: Vec::new(),
        };
        let now = at("2026-01-02", 0);
        for (who, income) in [("a", 300), ("b", 200), ("c", 100)] {
            office
                .world
                .evidence(who, INCOME, json!(income), "2026-01..", now);
        }
        office.correct(&[Change::Everything], now);
        for home in ["h", "k"] {
            let award = entitlement::determination::Award {
                id: id(&format!("award {home}")),
                subject: household(home),
                programme: "jia".into(),
                from: month("2026-01"),
                to: None,
                case: None,
                decided_by: "test".into(),
                reason: String::new(),
                recorded_at: now.now,
            };
            office.world.awards.push(award.clone());
            let out = office.correct(&[Change::Award(&award)], now);
            assert_eq!(out.sums.len(), 1);
            assert_eq!(
                out.sums[0].arrears,
                Fen::ZERO,
                "a first entitlement is no arrears"
            );
        }
        office.cases.clear();
        office
    }

    fn correct(&mut self, changes: &[Change<'_>], at: At) -> Correction {
        let calendar = Calendar::default();
        let books = Books {
            known: self.world.known(),
            transfers: &self.transfers,
            cases: &self.cases,
            calendar: &calendar,
            by: "run",
        };
        let out = correct(&self.law, &books, changes, at).expect("corrects");
        self.world
            .determinations
            .extend(out.determinations.iter().cloned());
        self.world.changes.extend(out.changes.iter().cloned());
        self.transfers.extend(out.transfers.iter().cloned());
        self.cases.extend(out.cases.iter().cloned());
        for piece in &out.evidence {
            self.record(piece);
        }
        self.check_books();
        out
    }

    fn record(&mut self, piece: &Evidence) {
        for h in &mut self.world.households {
            let member = h.memberships.iter().any(|m| m.person == piece.subject);
            if h.household == Some(piece.subject) || member {
                h.evidence.push(piece.clone());
            }
        }
    }

    fn learn(&mut self, who: &str, kind: &str, value: Value, when: &str, at: At) -> Correction {
        let piece = self.world.evidence(who, kind, value, when, at);
        self.correct(&[Change::Evidence(&piece)], at)
    }

    fn position(&self, home: &str) -> Position {
        Position::fold("S", id(home), "jia", &self.transfers)
    }

    /// Instructs what is payable for a month, and has the bank confirm it, or not yet.
    fn pay(&mut self, home: &str, m: &str, confirmed: bool) {
        let payable = self.position(home).period(m).payable;
        let chart = Chart::of("S", id(home), "jia");
        let mut moves = vec![(chart.payable, chart.in_transit, Reason::Instructed)];
        if confirmed {
            moves.push((chart.in_transit, chart.bank, Reason::Paid));
        }
        for (debit, credit, reason) in moves {
            let link = Id::derive(&[home, m, reason.as_str(), &self.transfers.len().to_string()]);
            self.transfers.push(Transfer {
                id: link,
                shard: "S".into(),
                debit,
                credit,
                amount: payable,
                reason,
                link,
                period: m.into(),
                counter_period: None,
                booked: day("2026-06-01"),
                recorded_at: at("2026-06-01", 0).now,
            });
        }
    }

    fn pay_all(&mut self, home: &str, until: &str) {
        for m in month("2026-01").through(month(until)) {
            self.pay(home, &m.to_string(), true);
        }
    }

    /// What is owed by determinations is what the books say, and no figure of theirs is negative.
    fn check_books(&self) {
        for home in ["h", "k"] {
            let position = self.position(home);
            assert_eq!(position.fault(), None);
            assert_eq!(
                position.sum(|p| p.owed),
                self.world.owed(&household(home), "jia")
            );
        }
    }
}

fn only_sum(out: &Correction) -> &Sum {
    assert_eq!(out.sums.len(), 1, "{:?}", out.sums);
    &out.sums[0]
}

#[test]
fn a_late_wage_that_was_paid_comes_back_in_parts() {
    let mut office = Office::new(false);
    office.pay_all("h", "2026-05");
    // 400 instead of 200 from March on: 200 less a month. March, April, May were paid: 600 too much.
    // June was not instructed: it just falls.
    let out = office.learn("b", INCOME, json!(400), "2026-03..", at("2026-06-10", 0));
    let sum = only_sum(&out);
    assert_eq!(
        (sum.overpaid, sum.unpaid_less),
        (Fen::yuan(600), Fen::yuan(200))
    );
    assert_eq!((sum.arrears, sum.waived), (Fen::ZERO, Fen::ZERO));
    assert_eq!(out.plans.len(), 3);
    assert!(
        out.plans
            .iter()
            .all(|p| p.amount == Fen::yuan(200) && p.cap_percent == Some(30))
    );
    // Sixty days to object after 10 June end on 9 August.
    assert!(out.plans.iter().all(|p| p.not_before == day("2026-08-10")));
    // One case and one letter for the three months, and one letter on what goes on.
    assert_eq!(out.cases.len(), 1);
    assert_eq!(out.cases[0].kind, CaseKind::Recovery);
    assert_eq!(out.tasks[0].due, Some(day("2026-08-09")));
    let letters: Vec<_> = out
        .notices
        .iter()
        .map(|n| (n.kind.as_str(), n.text.zh.as_str()))
        .collect();
    assert_eq!(
        letters,
        [
            (
                "recovery",
                "b2026-03至2026-05多发600.00，2026-08-09前"
                    .replace('b', &head(&office))
                    .as_str()
            ),
            ("changed", "500.00→300.00")
        ]
    );
    // The wage was another's: all of it is taken back, nothing stays to be recovered.
    let wrong = office.world.households[0]
        .evidence
        .iter()
        .rfind(|e| e.kind == INCOME)
        .expect("it")
        .id;
    let now = at("2026-06-20", 0);
    let back = office.world.withdraw("b", INCOME, vec![wrong], now);
    let out = office.correct(&[Change::Evidence(&back)], now);
    let sum = only_sum(&out);
    assert_eq!(
        (sum.overpaid_less, sum.arrears),
        (Fen::yuan(600), Fen::yuan(200))
    );
    assert_eq!(office.position("h").sum(|p| p.receivable), Fen::ZERO);
}

/// The name of h's first member: there is no head, so the one with the least id.
fn head(office: &Office) -> String {
    let name = casework::correction::name_of(
        &office.world.households,
        &household("h"),
        at("2026-06-10", 0),
    );
    assert!(!name.is_empty());
    name
}

#[test]
fn what_was_never_paid_is_never_recovered() {
    let mut office = Office::new(false);
    office.pay("h", "2026-03", false);
    let out = office.learn(
        "b",
        INCOME,
        json!(400),
        "2026-03..2026-05",
        at("2026-06-10", 0),
    );
    // March is with the bank: overpaid, but not to be asked for yet. April was not instructed.
    let sum = only_sum(&out);
    assert_eq!(
        (sum.overpaid, sum.unpaid_less),
        (Fen::yuan(200), Fen::yuan(200))
    );
    assert!(out.plans.is_empty() && out.cases.is_empty());
    // The bank confirms: now it is.
    let chart = Chart::of("S", id("h"), "jia");
    let sent = office.transfers.last().expect("transfers").clone();
    let instructed = office
        .transfers
        .iter()
        .find(|t| t.reason == Reason::Instructed)
        .expect("sent");
    office.transfers.push(Transfer {
        id: Id::derive(&["confirmed"]),
        link: Id::derive(&["confirmed"]),
        debit: chart.in_transit,
        credit: chart.bank,
        reason: Reason::Paid,
        ..Transfer {
            recorded_at: sent.recorded_at,
            ..instructed.clone()
        }
    });
    let programme = office
        .law
        .programme("jia", "X-1", day("2026-06-10"))
        .expect("in force");
    let mut position = office.position("h");
    let calendar = Calendar::default();
    let now = at("2026-06-12", 0);
    let (plans, _) = recover_confirmed(programme, &mut position, &[], now, &calendar);
    assert_eq!((plans.len(), plans[0].amount), (1, Fen::yuan(200)));
    let (again, _) = recover_confirmed(programme, &mut position, &plans, now, &calendar);
    assert!(again.is_empty());
}

#[test]
fn small_sums_are_given_up() {
    let mut office = Office::new(false);
    office.pay_all("h", "2026-05");
    let out = office.learn(
        "b",
        INCOME,
        json!(204),
        "2026-03..2026-04",
        at("2026-06-10", 0),
    );
    let sum = only_sum(&out);
    assert_eq!((sum.overpaid, sum.waived), (Fen::yuan(4), Fen::yuan(4)));
    assert!(out.plans.is_empty() && out.notices.is_empty());
}

#[test]
fn arrears_are_told_and_payable() {
    let mut office = Office::new(false);
    office.pay_all("h", "2026-05");
    let out = office.learn(
        "b",
        INCOME,
        json!(50),
        "2026-02..2026-04",
        at("2026-06-10", 0),
    );
    assert_eq!(only_sum(&out).arrears, Fen::yuan(300));
    assert!(out.cases.is_empty());
    assert_eq!(out.notices.len(), 1);
    assert!(
        out.notices[0]
            .text
            .zh
            .ends_with("2026-02至2026-03补发300.00")
    );
    assert_eq!(
        office.position("h").period("2026-02").payable,
        Fen::yuan(150)
    );
}

#[test]
fn a_reduction_waits_in_a_case_until_the_hearing() {
    let mut office = Office::new(true);
    office.pay_all("h", "2026-05");
    let out = office.learn("b", INCOME, json!(400), "2026-05..", at("2026-06-10", 0));
    assert_eq!(only_sum(&out).overpaid, Fen::yuan(200));
    let kinds: Vec<_> = out.cases.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [CaseKind::Recovery, CaseKind::Change]);
    assert_eq!(out.tasks[1].step, "hearing");
    assert_eq!(out.evidence.len(), 1);
    assert!(
        out.evidence[0]
            .value
            .to_string()
            .contains(&out.cases[1].id.to_string())
    );
    assert_eq!(office.position("h").period("2026-06").owed, Fen::yuan(500));
    // Another fact in the meantime opens no second case.
    let out = office.learn("a", INCOME, json!(350), "2026-06..", at("2026-06-12", 0));
    assert!(out.cases.is_empty() && out.sums.is_empty());
}

#[test]
fn an_award_that_the_rules_refuse_gets_a_case() {
    let mut office = Office::new(false);
    // c earns 600 for the year, known in June: two months of grace, then refused; the award still runs.
    let out = office.learn("c", INCOME, json!(600), "2026-01..", at("2026-06-10", 0));
    assert_eq!(out.attention.len(), 1);
    assert_eq!(out.attention[0].look, Look::AwardedAndRefused);
    assert_eq!(
        out.cases.iter().map(|c| c.kind).collect::<Vec<_>>(),
        [CaseKind::Change]
    );
    // Jan, Feb at 250 (half the line), then nothing; nothing was paid, so all of it just falls.
    assert_eq!(office.world.owed(&household("k"), "jia"), Fen::yuan(500));
    assert_eq!(only_sum(&out).unpaid_less, Fen::yuan(400 * 6 - 500));
    assert_eq!(
        out.notices
            .iter()
            .map(|n| n.kind.as_str())
            .collect::<Vec<_>>(),
        ["ended"]
    );
}

#[test]
fn the_same_correction_twice_is_the_same() {
    let build = || {
        let mut office = Office::new(false);
        office.pay_all("h", "2026-05");
        office.learn("b", INCOME, json!(400), "2026-03..", at("2026-06-10", 0))
    };
    let (one, two) = (build(), build());
    assert_eq!(one.determinations, two.determinations);
    assert_eq!(one.transfers, two.transfers);
    assert_eq!(
        (one.plans, one.cases, one.tasks),
        (two.plans, two.cases, two.tasks)
    );
    assert_eq!(one.notices, two.notices);
}

#[test]
fn many_facts_and_payments_in_any_order_keep_the_books_sound() {
    // Every order of four facts, with the payment of a month in between each.
    let facts: [(&str, &str, Value, &str); 4] = [
        ("a", INCOME, json!(900), "2026-02..2026-05"),
        ("b", DEATH, json!("2026-03-20"), "2026-03-20.."),
        ("h", RELIEF, json!(150), "2026-04.."),
        ("b", INCOME, json!(0), "2026-01..2026-03"),
    ];
    let mut owed = Vec::new();
    for order in [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [1, 3, 0, 2],
        [2, 0, 3, 1],
        [3, 0, 1, 2],
    ] {
        let mut office = Office::new(false);
        for (n, which) in order.into_iter().enumerate() {
            let m = month("2026-01").plus(n as i32);
            office.pay("h", &m.to_string(), n % 2 == 0);
            let (who, kind, value, when) = facts[which].clone();
            office.learn(who, kind, value, when, at("2026-06-10", n as i64));
        }
        owed.push(office.world.owed(&household("h"), "jia"));
    }
    assert!(owed.iter().all(|o| *o == owed[0]), "{owed:?}");
}

#[test]
fn after_the_hearing_the_reduction_runs_from_the_month_decided() {
    use casework::authority::{Actor, Nesting};
    use casework::conclusion::{conclude, holds};
    use casework::procedure::{Action, act};
    use entitlement::Role;
    use entitlement::determination::PeriodKey;
    use entitlement::determine::as_known;

    let mut office = Office::new(true);
    office.pay_all("h", "2026-05");
    // Told on 10 June: 400 instead of 200 from June on. June stays at 500 until the hearing.
    let out = office.learn("b", INCOME, json!(400), "2026-06..", at("2026-06-10", 0));
    assert!(out.sums.is_empty() && out.evidence.len() == 1);
    let programme = office
        .law
        .programme("jia", "X-1", day("2026-06-10"))
        .expect("in force")
        .clone();
    let (calendar, nesting) = (Calendar::default(), Nesting::default());
    let actor = |user: &str, role| Actor {
        user: user.into(),
        roles: vec![role],
        area: "X-1".into(),
    };
    let mut case = out.cases[0].clone();
    let d = as_known(
        &office.world.determinations,
        id("h"),
        "jia",
        PeriodKey::Month(month("2026-06")),
        at("2026-06-20", 0).now,
    )
    .expect("determined")
    .clone();
    let steps = [
        ("carl", Role::Caseworker, Action::Hear),
        ("carl", Role::Caseworker, Action::Done { step: "hearing" }),
        (
            "ann",
            Role::Approver,
            Action::Decide {
                granted: true,
                determination: Some(&d),
                exception: false,
            },
        ),
    ];
    let now = at("2026-06-20", 0);
    for (n, (who, role, action)) in steps.iter().enumerate() {
        let event = Id::derive(&["act", &n.to_string()]);
        let progress = act(
            &case,
            &programme,
            event,
            action,
            "heard, agrees",
            &actor(who, *role),
            &nesting,
            now,
            &calendar,
        )
        .expect("allowed");
        case.events.extend(progress.events);
    }
    let evidence: Vec<Evidence> = office.world.households[0].evidence.clone();
    let standing = holds(&case, &evidence, now.now);
    assert_eq!(standing.len(), 1);
    let award = office.world.awards[0].clone();
    let conclusion = conclude(&case, &programme, Some(&award), &standing, Some(&d), None);
    assert_eq!(conclusion.award, None, "the award goes on, at less");
    for piece in &conclusion.evidence {
        office.record(piece);
    }
    let changes: Vec<Change<'_>> = conclusion.evidence.iter().map(Change::Evidence).collect();
    assert!(
        office.correct(&changes, now).sums.is_empty(),
        "June stays as it was paid"
    );
    // July opens at what the rules give, and needs no second hearing.
    office.world.opened[0].months.push(month("2026-07"));
    let opened = Change::Opened {
        programme: "jia".into(),
        month: month("2026-07"),
    };
    let out = office.correct(&[opened], at("2026-07-01", 0));
    let of_h: Vec<_> = out
        .changes
        .iter()
        .filter(|c| c.subject == household("h"))
        .collect();
    assert_eq!((of_h.len(), of_h[0].owed), (1, Fen::yuan(300)));
    assert!(
        out.evidence.is_empty() && out.cases.is_empty(),
        "{:?}",
        out.evidence
    );
}

#[test]
fn what_a_decided_change_sets_in_motion() {
    use casework::case::{CaseEvent, Happening};
    use casework::conclusion::conclude;
    use entitlement::determination::{Determination, PeriodKey};
    use entitlement::{Missing, Outcome};

    let mut office = Office::new(true);
    let out = office.learn("b", INCOME, json!(400), "2026-06..", at("2026-06-10", 0));
    let hold = &out.evidence[0];
    let award = office.world.awards[0].clone();
    let programme = office
        .law
        .programme("jia", "X-1", day("2026-06-10"))
        .expect("in force");
    let entitled = out.determinations[0].clone();
    assert_eq!(entitled.period, PeriodKey::Month(month("2026-06")));
    let unknown = Determination {
        outcome: Outcome::Undetermined {
            missing: vec![Missing {
                name: INCOME.into(),
                member: None,
            }],
        },
        ..entitled.clone()
    };
    let follows = |granted: Option<bool>, d: &Determination| {
        let mut case = out.cases[0].clone();
        if let Some(granted) = granted {
            case.events.push(CaseEvent {
                id: id("decided"),
                at: at("2026-06-20", 0).now,
                by: "ann".into(),
                what: Happening::Decided {
                    granted,
                    determination: Some(d.id),
                },
                note: "as heard".into(),
            });
        }
        let end = conclude(&case, programme, Some(&award), &[hold], Some(d), None);
        (end.evidence.len(), end.award.and_then(|a| a.to))
    };
    assert_eq!(follows(None, &entitled), (0, None), "still open");
    assert_eq!(
        follows(Some(true), &entitled),
        (2, None),
        "goes on at less, from July"
    );
    assert_eq!(
        follows(Some(true), &unknown),
        (0, None),
        "an exception keeps the amount"
    );
    assert_eq!(
        follows(Some(false), &unknown),
        (2, Some(month("2026-07"))),
        "ends"
    );
}
