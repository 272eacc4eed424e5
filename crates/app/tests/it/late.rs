//! Late facts through the whole office, on an invented law whose amounts are worked out by hand here.

use app::service::change::Facts;
use app::service::identity::Parting;
use app::service::{Location, Office};
use base::{Day, Fen, Id, Month, Period};
use entitlement::Outcome;
use entitlement::change::At;
use ledger::bank::{self, Rates};
use ledger::position::Position;
use registry::record::{
    Evidence, Household, Identity, Membership, PayeeAccount, Person, Provenance, Residence, Sex,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;

const PLACES: &str =
    "code,name,name_en,parent\nX,甲地,Place X,\nX-1,甲地一区,District one of X,X\n";

/// `jia` (household): the gap between wages and the line, for three months in a row at most, counted by carry;
/// in the second regime without a count. `yi` (person): a hundred a month for who has the mark.
fn regime(number: &str, from: &str, to: &str, line: u32, counted: bool) -> String {
    let first = number == "甲一";
    let mut text = format!(
        "---\nnumber: {number}\ntitle: 甲津贴办法 {number}\ntitle_en: Measures {number}\nplace: X\nfrom: {from}\n{to}status: confirmed\nsource: invented\n---\n# 甲津贴办法 · Measures\n\n"
    );
    if first {
        text.push_str(
            "## 第一条 证据 · Evidence\n\n登记的事项。\n\n> What is recorded.\n\n\
             @evidence 成员\n| 名称 | type | absent | register | en | note |\n| --- | --- | --- | --- | --- | --- |\n\
             | 性别 | [\"男\",\"女\"] | missing | register:sex | sex | |\n\
             | 生日 | 日期 | missing | register:birth | birth | |\n\
             | 亡日 | 日期? | null | register:death | death | |\n\
             | 关系 | [\"户主\",\"其他\"] | missing | register:relation | relation | |\n\
             | 工钱 | 元/月 | 0 | | wage | |\n| 乙标记 | 是否 | false | | mark | |\n\n",
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
            "## 第四条 月份津贴 · Monthly\n\n有标记的人每月领一百。\n\n> A hundred a month for who has the mark.\n\n\
             ```feel 成员.乙在问 : 是否\n乙标记\n```\n\n```feel 成员.乙条件 : 是否\n乙标记\n```\n\n```feel 成员.乙金额 : 元\n100\n```\n\n\
             @programme 乙津贴\n```yaml\nid: yi\nen: Allowance B\nsubject: person\nrhythm: month\nunit: 元\napplies: 乙在问\nconditions: [乙条件]\namount: 乙金额\napplication: automatic\npayment: {day: 10, purpose: 乙津贴}\nrecovery: {cap_percent: 30}\n```\n",
        );
    }
    text
}

fn write_law(folder: &Path, line: u32) {
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

struct World {
    folder: TempDir,
    office: Office,
    count: u32,
}

fn id(name: &str) -> Id {
    Id::derive(&["late", name])
}

fn day(text: &str) -> Day {
    base::parse_day(text).expect("a day")
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

fn at(text: &str) -> At {
    At::new(day(text).and_hms_opt(3, 0, 0).expect("a time").and_utc())
}

fn said(at: At) -> Provenance {
    Provenance {
        recorded_at: at.now,
        recorded_by: "test".into(),
        source: "test".into(),
    }
}

fn since(from: &str, to: &str) -> Period {
    Period {
        from: day(from),
        to: (!to.is_empty()).then(|| day(to)),
    }
}

impl World {
    /// Households of one person each: `h` with `a`, `k` with `b`.
    async fn new() -> World {
        let folder = TempDir::new().expect("a folder");
        write_law(&folder.path().join("law"), 500);
        let office = Office::create(&location(folder.path(), "law"))
            .await
            .expect("an office");
        let mut world = World {
            folder,
            office,
            count: 0,
        };
        let opened = at("2016-01-01");
        for (home, person) in [("h", "a"), ("k", "b")] {
            let facts = Facts {
                persons: vec![Person {
                    id: id(person),
                    shard: "X".into(),
                    opened_at: opened.now,
                }],
                households: vec![Household {
                    id: id(home),
                    shard: "X".into(),
                    opened_at: opened.now,
                }],
                identities: vec![Identity {
                    id: id(&format!("i{person}")),
                    person: id(person),
                    name: person.into(),
                    sex: Sex::Female,
                    birth: day("1980-01-01"),
                    number: None,
                    provenance: said(opened),
                }],
                residences: vec![Residence {
                    id: id(&format!("r{home}")),
                    household: id(home),
                    area: "X-1".into(),
                    address: "1".into(),
                    valid: since("2016-01-01", ""),
                    provenance: said(opened),
                }],
                memberships: vec![Membership {
                    id: id(&format!("m{person}")),
                    household: id(home),
                    person: id(person),
                    relation: "户主".into(),
                    member: true,
                    valid: since("2016-01-01", ""),
                    provenance: said(opened),
                }],
                payees: vec![PayeeAccount {
                    id: id(&format!("p{home}")),
                    subject: id(home),
                    holder: person.into(),
                    number: if home == "h" {
                        "6222000011112222"
                    } else {
                        "6222000011113333"
                    }
                    .into(),
                    bank: "BANK".into(),
                    valid: since("2016-01-01", ""),
                    provenance: said(opened),
                }],
                ..Facts::default()
            };
            world.record(&facts, opened).await;
        }
        world
    }

    async fn record(&mut self, facts: &Facts, at: At) {
        self.count += 1;
        let request = id(&format!("request {}", self.count));
        self.office
            .record(request, facts, "test", at)
            .await
            .expect("recorded");
    }

    async fn learn(&mut self, who: &str, kind: &str, value: Value, valid: Period, at: At) -> Id {
        self.count += 1;
        let piece = Evidence {
            id: id(&format!("e{}", self.count)),
            shard: "X".into(),
            subject: id(who),
            kind: kind.into(),
            value,
            valid,
            withdraws: Vec::new(),
            provenance: said(at),
        };
        let made = piece.id;
        let facts = Facts {
            evidence: vec![piece],
            ..Facts::default()
        };
        self.record(&facts, at).await;
        made
    }

    async fn determine(&self, programme: &str, m: &str, at: At) {
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
    async fn pay(&self, programme: &str, m: &str, at: At) -> Fen {
        let paid = self
            .office
            .pay(programme, month(m), "test", at)
            .await
            .expect("paid");
        for file in paid.files.iter().filter(|f| f.new) {
            let text = std::fs::read(&file.pain001).expect("a file");
            let answer = bank::answer(text.as_slice(), 1, Rates::default()).expect("an answer");
            let files = [
                ("pain002.xml".to_string(), answer.status_report.into_bytes()),
                ("camt053.xml".to_string(), answer.statement.into_bytes()),
            ];
            self.office
                .reconcile(&files, "test", at)
                .await
                .expect("reconciled");
        }
        paid.total
    }

    async fn position(&self, who: &str, programme: &str) -> Position {
        let transfers = self
            .office
            .store
            .transfers_of_payee("X", id(who))
            .await
            .expect("read");
        Position::fold("X", id(who), programme, &transfers)
    }

    /// The latest outcome of each month, in yuan; `None` where it is not entitled.
    async fn outcomes(&self, who: &str, programme: &str) -> Vec<(String, Option<i64>)> {
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
    async fn all_is_well(&self, at: At) {
        let summary = self.office.verify(0, at).await.expect("verified");
        assert_eq!(summary.findings, Vec::<String>::new());
    }
}

fn location(data: &Path, law: &str) -> Location {
    Location {
        data: data.into(),
        database: None,
        law: Some(data.join(law)),
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test);
}

#[test]
fn a_count_that_ended_with_its_regime_does_not_come_back() {
    run(async {
        let world = World::new().await;
        for m in ["2019-10", "2019-11", "2019-12", "2020-01", "2022-01"] {
            world.determine("jia", m, at(&format!("{m}-01"))).await;
        }
        // Three months counted under the first law, none counted under the second (700), and under the third
        // (800) the count begins anew. A population run must not see the count of 2019 over the gap.
        let expected = [
            ("2019-10", Some(500)),
            ("2019-11", Some(500)),
            ("2019-12", Some(500)),
            ("2020-01", Some(700)),
            ("2022-01", Some(800)),
        ];
        let expected: Vec<_> = expected.map(|(m, yuan)| (m.to_string(), yuan)).into();
        assert_eq!(world.outcomes("h", "jia").await, expected);
        world.all_is_well(at("2022-01-02")).await;
    });
}

#[test]
fn a_month_opened_after_later_ones_runs_on_into_them() {
    run(async {
        let world = World::new().await;
        for m in ["2018-03", "2018-04", "2018-01", "2018-02"] {
            world.determine("jia", m, at("2018-05-01")).await;
        }
        // January to March are three months; April is the fourth and falls.
        let amounts: Vec<_> = world
            .outcomes("h", "jia")
            .await
            .into_iter()
            .map(|o| o.1)
            .collect();
        assert_eq!(amounts, [Some(500), Some(500), Some(500), None]);
        world.all_is_well(at("2018-05-02")).await;
    });
}

#[test]
fn a_law_file_corrected_leaves_the_past_as_it_was_determined() {
    run(async {
        let mut world = World::new().await;
        world
            .learn(
                "a",
                "工钱",
                json!(200),
                since("2018-01-01", ""),
                at("2018-01-01"),
            )
            .await;
        for m in ["2018-01", "2018-02"] {
            world.determine("jia", m, at(&format!("{m}-01"))).await;
            // 500 − 200 for h, 500 for k.
            assert_eq!(
                world.pay("jia", m, at(&format!("{m}-10"))).await,
                Fen::yuan(800)
            );
        }
        world
            .office
            .night(day("2018-02-28"), "night", at("2018-02-28"))
            .await
            .expect("a night");
        // The line was 600 all the time: the file was wrong.
        write_law(&world.folder.path().join("law2"), 600);
        world.office = Office::open(&location(world.folder.path(), "law2"))
            .await
            .expect("opened");
        let night = world
            .office
            .night(day("2018-03-01"), "night", at("2018-03-01"))
            .await
            .expect("a night");
        assert_eq!(night.law, ["X/a.md 第二条"]);
        // Two households: the first month of each brings the second with it.
        assert_eq!((night.redetermined, night.unexplained.len()), (2, 0));
        for (household, yuan) in [("h", 400), ("k", 600)] {
            let months = ["2018-01", "2018-02"].map(|m| (m.to_string(), Some(yuan)));
            assert_eq!(world.outcomes(household, "jia").await, months);
        }
        let position = world.position("h", "jia").await;
        assert_eq!(position.sum(|p| p.owed), Fen::yuan(800));
        assert_eq!(position.sum(|p| p.payable), Fen::yuan(200));
        // As known before, it replays under the old text; now, under the new one; and the law is the reason.
        let replay = world
            .office
            .replay(
                id("h"),
                Some("jia"),
                month("2018-02"),
                at("2018-02-15").now,
                at("2018-03-02"),
            )
            .await
            .expect("replayed");
        let [replay] = replay.as_slice() else {
            panic!("{replay:?}")
        };
        assert!(replay.agrees && !replay.same_law);
        let amount = |d: &Option<entitlement::determination::Determination>| {
            d.as_ref().map(|d| d.outcome.amount())
        };
        assert_eq!(amount(&replay.then), Some(Fen::yuan(300)));
        assert_eq!(amount(&replay.now), Some(Fen::yuan(400)));
        assert!(
            replay.because[0].zh.contains("第二条"),
            "{:?}",
            replay.because
        );
        assert_eq!(
            world.pay("jia", "2018-03", at("2018-03-10")).await,
            Fen::yuan(400)
        );
        world.all_is_well(at("2018-03-11")).await;
    });
}

#[test]
fn a_clock_that_was_set_back_does_not_turn_the_record_round() {
    run(async {
        let mut world = World::new().await;
        world.determine("jia", "2018-01", at("2018-01-01")).await;
        world
            .learn(
                "a",
                "工钱",
                json!(100),
                since("2018-01-01", ""),
                at("2018-01-20"),
            )
            .await;
        // The machine's clock falls back by ten days.
        world
            .learn(
                "a",
                "工钱",
                json!(300),
                since("2018-01-01", ""),
                at("2018-01-10"),
            )
            .await;
        assert_eq!(
            world.outcomes("h", "jia").await,
            [("2018-01".to_string(), Some(200))]
        );
        let made = world
            .office
            .store
            .determinations_of("X", id("h"))
            .await
            .expect("read");
        let moments: Vec<_> = made.iter().map(|d| d.made_at).collect();
        assert!(moments.is_sorted() && moments.len() == 3, "{moments:?}");
        // What was determined on the twentieth still shows as it was then.
        let replay = world
            .office
            .replay(
                id("h"),
                Some("jia"),
                month("2018-01"),
                at("2018-01-20").now,
                at("2018-01-21"),
            )
            .await
            .expect("replayed");
        assert_eq!(
            replay[0].then.as_ref().map(|d| d.outcome.amount()),
            Some(Fen::yuan(400))
        );
        world.all_is_well(at("2018-01-21")).await;
    });
}

#[test]
fn two_records_that_are_one_person_are_paid_once() {
    run(async {
        let mut world = World::new().await;
        // `a` is known to have the mark from February, `b` from January: paid 200 and 300 until March.
        let open = since("2018-02-01", "");
        world
            .learn("a", "乙标记", json!(true), open, at("2018-01-01"))
            .await;
        world
            .learn(
                "b",
                "乙标记",
                json!(true),
                since("2018-01-01", ""),
                at("2018-01-01"),
            )
            .await;
        let mut paid = Fen::ZERO;
        for m in ["2018-01", "2018-02", "2018-03"] {
            world.determine("yi", m, at(&format!("{m}-01"))).await;
            paid = paid + world.pay("yi", m, at(&format!("{m}-10"))).await;
        }
        assert_eq!(paid, Fen::yuan(500));
        let merged = at("2018-03-20");
        let request = id("merge");
        let out = world
            .office
            .merge_persons(
                request,
                id("b"),
                id("a"),
                "register of births",
                "test",
                merged,
            )
            .await
            .expect("merged");
        // `a` is owed January too: 300. `b` is owed nothing. What was paid for January under `b` is what `a` is
        // owed; February and March were paid twice, and come back once.
        let (a, b) = (
            world.position("a", "yi").await,
            world.position("b", "yi").await,
        );
        assert_eq!(
            (a.sum(|p| p.owed), b.sum(|p| p.owed)),
            (Fen::yuan(300), Fen::ZERO)
        );
        assert_eq!(
            (a.sum(|p| p.payable), b.sum(|p| p.receivable)),
            (Fen::ZERO, Fen::ZERO)
        );
        assert_eq!(a.sum(|p| p.recoverable()), Fen::yuan(200));
        let plans = &out.correction.plans;
        assert!(
            plans
                .iter()
                .all(|p| p.payee == id("a") && p.amount == Fen::yuan(100))
        );
        assert_eq!(
            plans.iter().map(|p| p.period.as_str()).collect::<Vec<_>>(),
            ["2018-02", "2018-03"]
        );
        // The same request again is the same.
        let again = world
            .office
            .merge_persons(
                request,
                id("b"),
                id("a"),
                "register of births",
                "test",
                merged,
            )
            .await;
        assert!(
            matches!(again, Err(app::service::ServiceError::Refused(_))),
            "{again:?}"
        );
        // April: 100 owed to one person, of which 30 are withheld.
        world.determine("yi", "2018-04", at("2018-04-01")).await;
        assert_eq!(
            world.pay("yi", "2018-04", at("2018-04-10")).await,
            Fen::yuan(70)
        );
        // A feed that knows only the old record still reaches the person.
        world
            .learn(
                "b",
                "乙标记",
                json!(false),
                since("2018-04-01", ""),
                at("2018-04-20"),
            )
            .await;
        assert_eq!(
            world.outcomes("a", "yi").await.last().map(|o| o.1),
            Some(None)
        );
        // As known before the merge there were two.
        let replay = world
            .office
            .replay(
                id("k"),
                Some("yi"),
                month("2018-02"),
                at("2018-03-15").now,
                at("2018-04-21"),
            )
            .await
            .expect("replayed");
        let then = replay
            .iter()
            .find(|r| r.subject.id == id("b"))
            .expect("there");
        assert!(then.agrees);
        assert_eq!(
            then.then.as_ref().map(|d| d.outcome.amount()),
            Some(Fen::yuan(100))
        );
        world.all_is_well(at("2018-04-21")).await;
    });
}

#[test]
fn one_record_that_is_two_persons_is_parted() {
    run(async {
        let mut world = World::new().await;
        // Two persons under one record in `h`: the mark is the other's.
        let piece = world
            .learn(
                "a",
                "乙标记",
                json!(true),
                since("2018-01-01", ""),
                at("2018-01-01"),
            )
            .await;
        for m in ["2018-01", "2018-02"] {
            world.determine("yi", m, at(&format!("{m}-01"))).await;
            world.pay("yi", m, at(&format!("{m}-10"))).await;
        }
        let parting = Parting {
            one: id("a"),
            other: Identity {
                id: id("i other"),
                person: id("other"),
                name: "other".into(),
                sex: Sex::Male,
                birth: day("1990-01-01"),
                number: None,
                provenance: said(at("2018-03-01")),
            },
            pieces: BTreeSet::from([piece]),
            places: BTreeSet::from([id("ma")]),
        };
        world
            .office
            .split_person(
                id("split"),
                &parting,
                "register of births",
                "test",
                at("2018-03-01"),
            )
            .await
            .expect("parted");
        // The other was owed 200 and had nothing; the one had 200 and was owed nothing. They are two persons:
        // nothing is set off between them.
        let (one, other) = (
            world.position("a", "yi").await,
            world.position("other", "yi").await,
        );
        assert_eq!(
            (one.sum(|p| p.owed), one.sum(|p| p.recoverable())),
            (Fen::ZERO, Fen::yuan(200))
        );
        assert_eq!(
            (other.sum(|p| p.owed), other.sum(|p| p.payable)),
            (Fen::yuan(200), Fen::yuan(200))
        );
        world.all_is_well(at("2018-03-02")).await;
    });
}

#[test]
fn who_read_a_piece_of_evidence_is_told_exactly() {
    use app::service::readers::Read;
    run(async {
        let mut world = World::new().await;
        let wage = world
            .learn(
                "a",
                "工钱",
                json!(200),
                since("2018-02-01", ""),
                at("2018-01-01"),
            )
            .await;
        for m in ["2018-01", "2018-02", "2018-03"] {
            world.determine("jia", m, at(&format!("{m}-01"))).await;
        }
        let later = world
            .learn(
                "a",
                "工钱",
                json!(250),
                since("2018-03-01", ""),
                at("2018-03-15"),
            )
            .await;
        let read = async |what: Read| -> Vec<String> {
            let found = world.office.readers(id("a"), &what).await.expect("told");
            let mut found: Vec<String> = found
                .iter()
                .map(|r| format!("{} v{}", r.period, r.version))
                .collect();
            found.sort();
            found
        };
        assert_eq!(
            read(Read::Evidence(wage)).await,
            ["2018-02 v1", "2018-03 v1"]
        );
        assert_eq!(read(Read::Evidence(later)).await, ["2018-03 v2"]);
        let all = ["2018-01 v1", "2018-02 v1", "2018-03 v1", "2018-03 v2"];
        assert_eq!(read(Read::Parameter("甲线".into())).await, all);
        assert_eq!(read(Read::Rule("工钱合计".into())).await, all);
        assert!(read(Read::Parameter("乙线".into())).await.is_empty());
    });
}
