//! An office on an invented law whose amounts can be worked out by hand, and what is done in it.

use app::service::change::Facts;
use app::service::{Location, Office};
use base::{Day, Fen, Id, Month, Period};
use entitlement::Outcome;
use entitlement::change::At;
use ledger::bank::{self, Rates};
use ledger::position::Position;
use registry::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Provenance, Residence, Sex,
};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

const PLACES: &str = "code,name,name_en,parent\nX,甲地,Place X,\nX-1,甲地一区,District one of X,X\nY,乙地,Place Y,\n";

/// `jia` (household): the gap between wages and the line, for three months in a row at most, counted by carry;
/// in the second regime without a count. `yi` (person): a hundred a month for women who have the mark.
fn regime(number: &str, from: &str, to: &str, line: u32, counted: bool) -> String {
    let first = number == "甲一";
    let mut text = format!(
        "---\nnumber: {number}\ntitle: 甲津贴办法 {number}\ntitle_en: Measures {number}\nplace: X\nfrom: {from}\n{to}status: confirmed\nsource: invented\n---\n# 甲津贴办法 · Measures\n\n"
    );
    if first {
        text.push_str(
            "## 第一条 证据 · Evidence\n\n登记的事项。\n\n> What is recorded.\n\n\
             @evidence 成员\n| 名称 | type | absent | register | keep | en | note |\n| --- | --- | --- | --- | --- | --- | --- |\n\
             | 性别 | [\"男\",\"女\"] | missing | register:sex | | sex | |\n\
             | 生日 | 日期 | missing | register:birth | | birth | |\n\
             | 亡日 | 日期? | null | register:death | | death | |\n\
             | 关系 | [\"户主\",\"其他\"] | missing | register:relation | | relation | |\n\
             | 工钱 | 元/月 | 0 | | 24 | wage | |\n| 乙标记 | 是否 | false | | | mark | |\n\n",
        );
    }
    text.push_str("## 第二条 标准 · The line\n\n每户每月的标准。\n\n> The line.\n\n");
    if first {
        text.push_str("@parameter 甲线 : 元/月 · line\n");
    } else {
        text.push_str("@parameter 甲线\n");
    }
    let until = to.trim().strip_prefix("to: ").unwrap_or("");
    text.push_str(&format!(
        "| value | place | from | to | known from | source | status |\n| --- | --- | --- | --- | --- | --- | --- |\n\
         | {line} | X | {from} | {until} | | invented | confirmed |\n\n"
    ));
    let count = "```feel 已领 : 数\nif 上期.已领 = null then 1 else 上期.已领 + 1\n```\n\n";
    let within = if counted { "已领 <= 3" } else { "true" };
    text.push_str(&format!(
        "## 第三条 金额 · Amount\n\n差额。\n\n> The gap.\n\n\
         ```feel 工钱合计 : 元/月\nsum(成员.工钱)\n```\n\n\
         ```feel 低于标准 : 是否\n// zh: 工钱 {{工钱合计}} 元，标准 {{甲线}} 元。\n// en: Wages {{工钱合计}}, line {{甲线}}.\n工钱合计 < 甲线\n```\n\n\
         ```feel 一个月 : 月\n1\n```\n\n```feel 甲金额 : 元\n(甲线 - 工钱合计) * 一个月\n```\n\n\
         {}```feel 期内 : 是否\n{within}\n```\n\n",
        if counted { count } else { "" }
    ));
    let carry = if counted {
        "carry: {已领: 数?}\n"
    } else {
        ""
    };
    text.push_str(&format!(
        "@programme 甲津贴\n```yaml\nid: jia\nen: Allowance A\nsubject: household\nrhythm: month\nunit: 元\nconditions: [低于标准, 期内]\namount: 甲金额\n{carry}application: automatic\npayment: {{day: 10, purpose: 甲津贴}}\nrecovery: {{cap_percent: 30}}\n```\n\n"
    ));
    if first {
        text.push_str(
            "## 第四条 月份津贴 · Monthly\n\n有标记的妇女每月领一百。\n\n> A hundred a month for women who have the mark.\n\n\
             ```feel 成员.乙在问 : 是否\n乙标记\n```\n\n```feel 成员.乙条件 : 是否\n性别 = \"女\"\n```\n\n```feel 成员.乙金额 : 元\n100\n```\n\n\
             @programme 乙津贴\n```yaml\nid: yi\nen: Allowance B\nsubject: person\nrhythm: month\nreference: last\nunit: 元\napplies: 乙在问\nconditions: [乙条件]\namount: 乙金额\napplication: automatic\npayment: {day: 10, purpose: 乙津贴}\nrecovery: {cap_percent: 30}\n```\n",
        );
    }
    text
}

pub(super) fn write_law(folder: &Path, line: u32) {
    std::fs::create_dir_all(folder.join("X")).expect("a folder");
    std::fs::write(folder.join("places.csv"), PLACES).expect("written");
    // The first one stays in force beside the others: it holds the evidence and `yi`.
    let files = [
        ("a", regime("甲一", "2016-01-01", "", line, true)),
        (
            "b",
            regime("甲二", "2020-01-01", "to: 2021-12-31\n", 700, false),
        ),
        ("c", regime("甲三", "2022-01-01", "", 800, true)),
    ];
    for (name, mut text) in files {
        if name == "a" {
            text = text.replace(
                &format!("| {line} | X | 2016-01-01 |  |"),
                &format!("| {line} | X | 2016-01-01 | 2019-12-31 |"),
            );
        }
        std::fs::write(folder.join("X").join(format!("{name}.md")), text).expect("written");
    }
}

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) office: Office,
    count: u32,
}

pub(super) fn id(name: &str) -> Id {
    Id::derive(&["late", name])
}

pub(super) fn day(text: &str) -> Day {
    base::parse_day(text).expect("a day")
}

pub(super) fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

pub(super) fn at(text: &str) -> At {
    At::new(day(text).and_hms_opt(3, 0, 0).expect("a time").and_utc())
}

pub(super) fn said(at: At) -> Provenance {
    Provenance {
        recorded_at: at.now,
        recorded_by: "test".into(),
        source: "test".into(),
    }
}

pub(super) fn since(from: &str, to: &str) -> Period {
    Period {
        from: day(from),
        to: (!to.is_empty()).then(|| day(to)),
    }
}

impl World {
    /// Nobody yet.
    pub(super) async fn empty() -> World {
        let folder = TempDir::new().expect("a folder");
        write_law(&folder.path().join("law"), 500);
        let office = Office::create(&location(folder.path(), "law"))
            .await
            .expect("an office");
        World {
            folder,
            office,
            count: 0,
        }
    }

    /// Households of one person each: `h` with `a`, `k` with `b`.
    pub(super) async fn new() -> World {
        let mut world = World::empty().await;
        let opened = at("2016-01-01");
        for (home, who) in [("h", "a"), ("k", "b")] {
            let (person, identity, membership) = World::person(who, home);
            let facts = Facts {
                persons: vec![person],
                households: vec![World::household(home)],
                identities: vec![identity],
                residences: vec![World::home(home)],
                memberships: vec![Membership {
                    relation: "户主".into(),
                    ..membership
                }],
                payees: vec![World::account(home)],
                ..Facts::default()
            };
            world.record(&facts, opened).await;
        }
        world
    }

    pub(super) fn household(home: &str) -> Household {
        Household {
            id: id(home),
            shard: "X".into(),
            opened_at: at("2016-01-01").now,
        }
    }

    /// Where a household lives from the beginning.
    pub(super) fn home(home: &str) -> Residence {
        Residence {
            id: id(&format!("r{home}")),
            household: id(home),
            area: "X-1".into(),
            address: "1".into(),
            valid: since("2016-01-01", ""),
            provenance: said(at("2016-01-01")),
        }
    }

    /// Somebody who lives in a household from the beginning.
    pub(super) fn person(who: &str, home: &str) -> (Person, Identity, Membership) {
        let opened = at("2016-01-01");
        let person = Person {
            id: id(who),
            shard: "X".into(),
            opened_at: opened.now,
        };
        let identity = Identity {
            id: id(&format!("i{who}")),
            person: id(who),
            name: who.into(),
            sex: Sex::Female,
            birth: day("1980-01-01"),
            number: None,
            provenance: said(opened),
        };
        let membership = Membership {
            id: id(&format!("m{who}")),
            household: id(home),
            person: id(who),
            relation: "其他".into(),
            member: true,
            valid: since("2016-01-01", ""),
            provenance: said(opened),
        };
        (person, identity, membership)
    }

    /// Where the money of a household or a person goes.
    pub(super) fn account(whose: &str) -> PayeeAccount {
        let digits = id(whose).as_bytes()[..8]
            .iter()
            .fold(0u64, |n, b| (n << 8 | u64::from(*b)) % 1_000_000_000_000);
        PayeeAccount {
            id: id(&format!("p{whose}")),
            subject: id(whose),
            holder: whose.into(),
            number: format!("6222{digits:012}"),
            bank: "BANK".into(),
            valid: since("2016-01-01", ""),
            provenance: said(at("2016-01-01")),
        }
    }

    pub(super) async fn record(&mut self, facts: &Facts, at: At) {
        self.count += 1;
        let request = id(&format!("request {}", self.count));
        self.office
            .record(request, facts, "test", at)
            .await
            .expect("recorded");
    }

    /// A piece that says nothing yet.
    pub(super) fn piece(who: &str, kind: &str, valid: Period) -> Evidence {
        Evidence {
            id: id("piece"),
            shard: "X".into(),
            subject: id(who),
            kind: kind.into(),
            value: Value::Null,
            valid,
            withdraws: Vec::new(),
            provenance: said(at("2016-01-01")),
        }
    }

    pub(super) async fn say(&mut self, piece: Evidence, at: At) {
        let facts = Facts {
            evidence: vec![piece],
            ..Facts::default()
        };
        self.record(&facts, at).await;
    }

    pub(super) async fn learn(
        &mut self,
        who: &str,
        kind: &str,
        value: Value,
        valid: Period,
        at: At,
    ) -> Id {
        self.count += 1;
        let piece = Evidence {
            id: id(&format!("e{}", self.count)),
            value,
            ..World::piece(who, kind, valid)
        };
        let made = piece.id;
        self.say(piece, at).await;
        made
    }

    pub(super) async fn determine(&self, programme: &str, m: &str, at: At) {
        let runs = self
            .office
            .determine_all(&[programme], month(m), "test", at, &|_| {})
            .await
            .expect("determined");
        for run in runs {
            assert_eq!(run.faults, Vec::<String>::new());
        }
    }

    /// Pays a month, and the bank pays it all.
    pub(super) async fn pay(&self, programme: &str, m: &str, at: At) -> Fen {
        let (total, files) = self.instruct(programme, m, at).await;
        for file in files {
            self.answer(&file, Rates::default(), at).await;
        }
        total
    }

    /// Makes a month's instructions; gives their sum and the new files.
    pub(super) async fn instruct(&self, programme: &str, m: &str, at: At) -> (Fen, Vec<Vec<u8>>) {
        let paid = self
            .office
            .pay(programme, month(m), "test", at)
            .await
            .expect("paid");
        let new = paid.files.iter().filter(|f| f.new);
        let files = new.map(|f| std::fs::read(&f.pain001).expect("a file"));
        (paid.total, files.collect())
    }

    /// The bank answers an instruction file.
    pub(super) async fn answer(&self, file: &[u8], rates: Rates, at: At) {
        let answer = bank::answer(file, 1, rates).expect("an answer");
        let files = [
            ("pain002.xml".to_string(), answer.status_report.into_bytes()),
            ("camt053.xml".to_string(), answer.statement.into_bytes()),
        ];
        self.office
            .reconcile(&files, "test", at)
            .await
            .expect("reconciled");
    }

    pub(super) async fn position(&self, who: &str, programme: &str) -> Position {
        let transfers = self
            .office
            .store
            .transfers_of_payee("X", id(who))
            .await
            .expect("read");
        Position::fold("X", id(who), programme, &transfers)
    }

    /// The latest outcome of each month, in yuan; `None` where it is not entitled.
    pub(super) async fn outcomes(&self, who: &str, programme: &str) -> Vec<(String, Option<i64>)> {
        let all = self
            .office
            .store
            .determinations_of("X", id(who))
            .await
            .expect("read");
        let mut latest = std::collections::BTreeMap::new();
        for d in all.iter().filter(|d| d.programme == programme) {
            latest.insert(d.period, d);
        }
        latest
            .into_iter()
            .map(|(period, d)| {
                let amount = matches!(d.outcome, Outcome::Entitled { .. })
                    .then(|| d.outcome.amount().0 / 100);
                (period.to_string(), amount)
            })
            .collect()
    }

    /// Every invariant, and every version ever made replayed under its own law.
    pub(super) async fn all_is_well(&self, at: At) {
        let summary = self.office.verify(0, at).await.expect("verified");
        assert_eq!(summary.findings, Vec::<String>::new());
    }
}

pub(super) fn location(data: &Path, law: &str) -> Location {
    Location {
        data: data.into(),
        database: None,
        law: Some(data.join(law)),
    }
}

pub(super) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test);
}
