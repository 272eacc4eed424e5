//! What the sample office holds: a case, a letter, a batch, a household.

use super::*;

pub(super) fn sample_case() -> CaseRow {
    CaseRow {
        id: id(50),
        kind: "application".into(),
        programme: programme(),
        opened: day("2026-06-02"),
        step: Some(two("批准", "Approval")),
        due: Some(day("2026-06-20")),
        state: "open".into(),
    }
}

pub(super) fn sample_notice() -> NoticeView {
    NoticeView {
        id: id(80),
        programme: programme(),
        kind: "changed".into(),
        text: two(
            "赵一：自 2026 年 3 月起甲津贴改为 100 元。",
            "Zhao Yi: 100 yuan from March 2026.",
        ),
        objection_until: Some(day("2026-08-14")),
        made_at: at("2026-06-15T02:00:00Z"),
    }
}

pub(super) fn sample_batch() -> BatchRow {
    BatchRow {
        id: id(70),
        programme: programme(),
        month: "2026-05".into(),
        attempt: 1,
        count: 3,
        total: Fen::yuan(600),
        pay_on: day("2026-05-10"),
        made_at: at("2026-05-08T02:00:00Z"),
        states: [1, 0, 1, 0, 1],
        sums: [
            Fen::yuan(200),
            Fen::ZERO,
            Fen::yuan(200),
            Fen::ZERO,
            Fen::yuan(200),
        ],
    }
}

pub(super) fn sample_household(household: Id) -> Household {
    let member = |n: u8, name: &str, relation: &str, sex: &str, birth: &str, age: i32| Member {
        id: id(n),
        name: name.into(),
        number: "1**************1".into(),
        relation: relation.into(),
        sex: sex.into(),
        birth: day(birth),
        age,
        died: None,
        left: None,
        facts: vec![FactView {
            kind: named("工资", "工资", "wage"),
            value: "400".into(),
            unit: "元/月".into(),
        }],
    };
    let period = |text: &str, yuan: i64, version: u32| PeriodRow {
        period: text.into(),
        version,
        outcome: entitled(yuan),
        reason: two(
            "总收入 400 元，低于 600 元。",
            "400 yuan is below 600 yuan.",
        ),
        made_at: at("2026-06-01T00:00:00Z"),
        owed: Fen::yuan(yuan),
        paid: Fen::yuan(yuan),
        earlier: (1..version)
            .map(|v| VersionRow {
                version: v,
                outcome: entitled(250),
                made_at: at("2026-05-01T00:00:00Z"),
            })
            .collect(),
    };
    let fact = |n: u8, kind: &str, value: &str, superseded: bool| EvidenceRow {
        id: id(n),
        person: Some(PersonRef {
            id: id(11),
            name: "赵一".into(),
        }),
        kind: named(kind, kind, kind),
        value: value.into(),
        unit: "元/月".into(),
        valid_from: day("2026-03-01"),
        valid_to: None,
        recorded_at: at("2026-03-05T01:30:00Z"),
        recorded_by: "caseworker".into(),
        source: "工资流水".into(),
        superseded,
    };
    Household {
        id: household,
        head: "赵一".into(),
        way: vec![
            named("Q", "甲区", "District A"),
            named("Q1", "东街道", "East sub-district"),
        ],
        address: "东街 1 号".into(),
        opened: day("2019-04-02"),
        members: vec![
            member(11, "赵一", "户主", "male", "1971-02-03", 55),
            member(12, "钱二", "配偶", "female", "1973-12-03", 52),
            Member {
                died: Some(day("2026-02-02")),
                ..member(13, "赵三", "父母", "male", "1940-01-01", 86)
            },
        ],
        programmes: vec![ProgrammeStrip {
            programme: programme(),
            person: None,
            award_from: Some(month("2025-09")),
            award_to: None,
            periods: vec![
                period("2026-06", 200, 1),
                period("2026-05", 200, 2),
                period("2026-04", 250, 1),
            ],
        }],
        money: vec![MoneyView {
            programme: programme(),
            person: None,
            owed: Fen::yuan(650),
            paid: Fen::yuan(450),
            in_transit: Fen::yuan(200),
            payable: Fen::ZERO,
            receivable: Fen::yuan(50),
            recovered: Fen::yuan(30),
            waived: Fen::ZERO,
            payments: vec![PaymentRow {
                batch: id(70),
                month: "2026-05".into(),
                sequence: 2,
                pay_on: Some(day("2026-05-10")),
                amount: Fen::yuan(200),
                state: "paid".into(),
                bank_reason: None,
                items: vec![
                    ("2026-05".into(), Fen::yuan(230)),
                    ("2026-03".into(), Fen::yuan(-30)),
                ],
            }],
        }],
        cases: vec![sample_case()],
        notices: vec![sample_notice()],
        timeline: vec![
            fact(91, "工资", "500", false),
            fact(92, "工资", "400", true),
        ],
        may_apply: vec![programme()],
    }
}
