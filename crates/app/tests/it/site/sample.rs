//! An invented office: one household in one community, one that lies elsewhere, and a law of a few
//! lines. Enough to see every page and to prove what nobody may see.

mod records;

use super::corrected;
use app::service::intake::{Intake, Wrong};
use app::web::live::shelf::Shelf;
use app::web::session::{Account, Viewer, hash_password};
use app::web::source::{
    Answer, CaseAct, HouseholdQuery, ListQuery, ReplayQuery, Source, Trouble, TryQuery,
};
use app::web::view::audit::{JournalRow, Replay, VerifyPage};
use app::web::view::case::*;
use app::web::view::change::*;
use app::web::view::district::*;
use app::web::view::household::*;
use app::web::view::identity::{IdentityForm, IdentityPage};
use app::web::view::law::{
    InstrumentPage, LawIndex, ParameterView, ProgrammeRow, TryPage, TryResult,
};
use app::web::view::payment::*;
use app::web::view::why::{Why, WhyQuery};
use app::web::view::{HouseholdRow, Named, OutcomeView, Paged};
use base::{Day, Fen, Id, Instant, Month, parse_day, parse_instant};
use policy::law::{Law, SourceFile};
use policy::programme::{Bilingual, Role};
use records::*;
use registry::import::OnError;
use std::sync::Mutex;

pub const PASSWORD: &str = "a right password";

pub const LAW: &str = "---
number: 甲〔2020〕1号
title: 甲津贴办法
title_en: Measures for the first allowance
place: QQ
from: 2020-01-01
status: confirmed
source: invented
---
# 甲津贴办法 · Measures

## 第一条 对象 · Who

收入低于标准的家庭可以得到甲津贴。

> Households with an income below the standard.

@evidence 家庭
| 名称 | type | absent | register | en | note |
| --- | --- | --- | --- | --- | --- |
| 总收入 | 元/月 | missing | | income | 税前 |

@parameter 甲标准 : 元/月 · first standard
| value | place | from | to | source | status |
| --- | --- | --- | --- | --- | --- |
| 600 | QQ | 2020-01-01 | | invented | unverified |

## 第二条 条件和数额 · Condition and amount

```feel 收入条件 : 是否
// zh: 总收入 {总收入} 元，低于 {甲标准} 元。
// en: An income of {总收入} yuan is below {甲标准} yuan.
// zh no: 总收入 {总收入} 元，不低于 {甲标准} 元。
// en no: An income of {总收入} yuan is not below {甲标准} yuan.
总收入 < 甲标准
```

```feel 甲金额 : 元/月
甲标准 - 总收入
```

@programme 甲津贴
```yaml
id: first
en: First allowance
subject: household
rhythm: month
unit: 元
conditions: [收入条件]
amount: 甲金额
procedure:
  steps:
    - {id: accept, zh: 受理, en: Acceptance, role: caseworker, within: 0 wd}
    - {id: approve, zh: 批准, en: Approval, role: approver, within: 10 wd}
  total: 30 wd
```
";

const EXAMPLES: &str = "- name: 收入四百元
  place: QQ
  day: 2026-05-01
  decision: 甲津贴
  given: {总收入: 400}
  expect: {outcome: entitled, amount: 200}
";

pub fn id(n: u8) -> Id {
    let mut bytes = [0u8; 16];
    bytes[15] = n;
    Id::from_bytes(bytes)
}

pub fn two(zh: &str, en: &str) -> Bilingual {
    Bilingual {
        zh: zh.into(),
        en: en.into(),
    }
}

pub fn named(id: &str, zh: &str, en: &str) -> Named {
    Named {
        id: id.into(),
        name: two(zh, en),
    }
}

fn day(text: &str) -> Day {
    parse_day(text).expect("a day")
}

fn at(text: &str) -> Instant {
    parse_instant(text).expect("a moment")
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

fn now<'a, T: Send + 'a>(value: Result<T, Trouble>) -> Answer<'a, T> {
    Box::pin(async move { value })
}

/// The office; remembers what was recorded.
pub struct Sample {
    pub shelf: Shelf,
    pub recorded: Mutex<Vec<ChangeForm>>,
    pub acts: Mutex<Vec<String>>,
    /// Digest of the token, whose, until when.
    pub sessions: Mutex<Vec<([u8; 32], String, Instant)>>,
    password: String,
}

impl Sample {
    pub fn new() -> Sample {
        let file = |path: &str, text: &str| SourceFile {
            path: path.into(),
            text: text.into(),
        };
        Sample::with_law(vec![
            file(
                "places.csv",
                "code,name,name_en,parent\nQQ,全境,Whole country,\n",
            ),
            file("QQ/first.md", LAW),
            file("QQ/first.examples.yaml", EXAMPLES),
        ])
    }

    pub fn with_law(files: Vec<SourceFile>) -> Sample {
        let (law, report) = Law::check(files);
        let law =
            law.unwrap_or_else(|| panic!("{}", report.render(policy::law::Language::English)));
        Sample {
            shelf: Shelf::new(law),
            recorded: Mutex::default(),
            acts: Mutex::default(),
            sessions: Mutex::default(),
            password: hash_password(PASSWORD).expect("randomness"),
        }
    }

    pub fn accounts(&self) -> Vec<Account> {
        let roles = [
            (Role::Community, "社工甲", "Community worker A", "Q1-01"),
            (Role::Caseworker, "经办乙", "Caseworker B", "Q1 Q3"),
            (Role::Approver, "审核丙", "Approver C", "Q"),
            (Role::Finance, "财务丁", "Finance D", "Q"),
            (Role::Auditor, "审计戊", "Auditor E", "Q"),
            (Role::Analyst, "分析己", "Analyst F", "Q"),
        ];
        roles
            .into_iter()
            .map(|(role, zh, en, area)| Account {
                name: app::web::session::role_name(role).into(),
                display: two(zh, en),
                role,
                areas: area.split(' ').map(area_named).collect(),
                password: self.password.clone(),
            })
            .collect()
    }
}

fn area_named(code: &str) -> Named {
    Named {
        id: code.into(),
        name: area_name(code),
    }
}

fn area_name(code: &str) -> Bilingual {
    match code {
        "Q" => two("甲区", "District A"),
        "Q1" => two("东街道", "East sub-district"),
        "Q3" => two("西街道", "West sub-district"),
        _ => two("第一社区", "First community"),
    }
}

/// Household 1 lives in Q1-01, household 2 in Q2-01.
fn sees(viewer: &Viewer, household: Id) -> bool {
    let home = if household == id(1) { "Q1-01" } else { "Q2-01" };
    (household == id(1) || household == id(2)) && viewer.sees(home)
}

fn programme() -> Named {
    named("first", "甲津贴", "First allowance")
}

fn entitled(yuan: i64) -> OutcomeView {
    OutcomeView {
        name: "entitled".into(),
        amount: Some(Fen::yuan(yuan)),
        result: None,
    }
}

fn row(n: u8) -> HouseholdRow {
    HouseholdRow {
        id: id(n),
        head: "赵*".into(),
        number: "1**************1".into(),
        members: 3,
        area: named("Q1-01", "第一社区", "First community"),
        address: "东街 1 号".into(),
        outcomes: vec![(programme(), entitled(200))],
        note: String::new(),
    }
}

impl Source for Sample {
    fn today(&self) -> Day {
        day("2026-06-15")
    }

    fn name(&self) -> Bilingual {
        two("甲区", "District A")
    }

    fn areas<'a>(&'a self, viewer: &'a Viewer) -> Answer<'a, Vec<Named>> {
        now(Ok(vec![Named {
            id: viewer.area.clone(),
            name: viewer.area_name.clone(),
        }]))
    }

    fn account<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Account>> {
        now(Ok(self
            .accounts()
            .into_iter()
            .find(|account| account.name == name)))
    }

    fn name_of(&self, account: &str) -> Bilingual {
        let found = self.accounts().into_iter().find(|a| a.name == account);
        found.map_or_else(|| two(account, account), |a| a.display)
    }

    fn open_session<'a>(
        &'a self,
        account: &'a str,
        token: [u8; 32],
        _: Instant,
        until: Instant,
    ) -> Answer<'a, ()> {
        let mut sessions = self.sessions.lock().expect("lock");
        sessions.push((token, account.into(), until));
        now(Ok(()))
    }

    fn session(&self, token: [u8; 32], at: Instant) -> Answer<'_, Option<Account>> {
        let sessions = self.sessions.lock().expect("lock");
        let held = sessions.iter().find(|s| s.0 == token && s.2 > at);
        let found = held.and_then(|s| self.accounts().into_iter().find(|a| a.name == s.1));
        now(Ok(found))
    }

    fn close_session(&self, token: [u8; 32], _: Instant) -> Answer<'_, ()> {
        self.sessions.lock().expect("lock").retain(|s| s.0 != token);
        now(Ok(()))
    }

    fn demo_accounts(&self) -> Answer<'_, Vec<Account>> {
        now(Ok(self.accounts()))
    }

    fn district<'a>(&'a self, viewer: &'a Viewer, query: DistrictQuery) -> Answer<'a, District> {
        let months: Vec<MonthRow> = month("2025-07")
            .through(month("2026-06"))
            .map(|m| {
                let n = 60_000 + 40 * (m.index() % 12) as u64;
                MonthRow {
                    month: m,
                    households: n * 2 / 5,
                    persons: n,
                    owed: Fen::yuan(n as i64 * 310),
                    paid: Fen::yuan(n as i64 * 309),
                    returned: Fen::yuan(4_210),
                }
            })
            .collect();
        let area = Named {
            id: viewer.area.clone(),
            name: viewer.area_name.clone(),
        };
        let child = |code: &str, zh: &str, n: u64| AreaRow {
            area: named(code, zh, code),
            all: n * 6,
            households: n,
            persons: n * 2,
            owed: Fen::yuan(n as i64 * 700),
            overdue: n % 4,
        };
        now(Ok(District {
            month: query.month.unwrap_or(month("2026-06")),
            choices: months.iter().rev().map(|row| row.month).collect(),
            programme: query.programme.map(|_| programme()),
            programmes: vec![programme()],
            way: vec![area.clone()],
            area,
            households: 169_227,
            persons: 500_155,
            months,
            outcomes: OutcomeCounts {
                entitled: 26_643,
                refused: 130_001,
                undetermined: 412,
            },
            children: vec![child("Q1", "东街道", 9_112), child("Q2", "西街道", 8_031)],
            queue: Queue {
                overdue: 14,
                today: 9,
                week: 61,
                later: 210,
                open: 3,
            },
            owed_not_covered: 318,
            covered_not_owed: 42,
            missing: vec![
                MissingRow {
                    name: named("总收入", "总收入", "income"),
                    count: 301,
                },
                MissingRow {
                    name: named("住房", "住房", "dwelling"),
                    count: 77,
                },
            ],
            night: Some(RunView {
                day: day("2026-06-14"),
                at: at("2026-06-14T19:02:00Z"),
                checked: 169_227,
                findings: 0,
                summary: "169227 households, 0 differences".into(),
            }),
            verify: None,
        }))
    }

    fn list<'a>(&'a self, viewer: &'a Viewer, _: ListQuery) -> Answer<'a, Paged<HouseholdRow>> {
        let rows: Vec<HouseholdRow> = [1, 2]
            .into_iter()
            .filter(|n| sees(viewer, id(*n)))
            .map(row)
            .collect();
        let total = Some(rows.len() as u64);
        now(Ok(Paged {
            rows,
            next: None,
            total,
        }))
    }

    fn households<'a>(
        &'a self,
        viewer: &'a Viewer,
        _: HouseholdQuery,
    ) -> Answer<'a, Paged<HouseholdRow>> {
        let query = ListQuery {
            list: String::new(),
            programme: None,
            month: None,
            area: None,
            missing: None,
            after: None,
            limit: 50,
        };
        self.list(viewer, query)
    }

    fn household<'a>(&'a self, viewer: &'a Viewer, household: Id) -> Answer<'a, Household> {
        if !sees(viewer, household) {
            return now(Err(Trouble::NotFound("household")));
        }
        now(Ok(sample_household(household)))
    }

    fn why<'a>(&'a self, viewer: &'a Viewer, query: WhyQuery) -> Answer<'a, Why> {
        if !sees(viewer, query.household) {
            return now(Err(Trouble::NotFound("household")));
        }
        now(self.explain(query))
    }

    fn change_form<'a>(&'a self, viewer: &'a Viewer, household: Id) -> Answer<'a, ChangePage> {
        if !sees(viewer, household) {
            return now(Err(Trouble::NotFound("household")));
        }
        let kind = |id: &str, zh: &str, subject: &str, input: Input, group: &str| KindForm {
            kind: named(id, zh, id),
            subject: subject.into(),
            input,
            unit: String::new(),
            note: String::new(),
            group: two(group, group),
        };
        now(Ok(ChangePage {
            household,
            head: "赵一".into(),
            places: vec![PlaceGroup {
                around: area_named("Q1"),
                places: vec![area_named("Q1-01")],
            }],
            area: area_named("Q1-01"),
            address: "一号楼".into(),
            members: vec![PersonRef {
                id: id(11),
                name: "赵一".into(),
            }],
            kinds: vec![
                kind("register:death", "去世", "person", Input::None, "register"),
                kind(
                    "register:move-in",
                    "迁入",
                    "new-person",
                    Input::None,
                    "register",
                ),
                kind("总收入", "总收入", "household", Input::Number, ""),
                kind(
                    "住房",
                    "住房",
                    "household",
                    Input::Choice(vec!["自有".into(), "租".into()]),
                    "",
                ),
            ],
        }))
    }

    fn preview<'a>(
        &'a self,
        _: &'a Viewer,
        household: Id,
        form: &'a ChangeForm,
    ) -> Answer<'a, Preview> {
        if form.value.is_empty() {
            return now(Err(Trouble::input("请填写内容", "a value is needed")));
        }
        now(Ok(Preview {
            household,
            head: "赵一".into(),
            sentence: two(
                "总收入从 2026-03-01 起为 500 元。",
                "An income of 500 yuan from 2026-03-01.",
            ),
            rows: vec![PreviewRow {
                programme: programme(),
                person: None,
                period: "2026-03".into(),
                before: entitled(200),
                after: entitled(100),
                difference: Fen::yuan(-100),
                paid: Fen::yuan(200),
                reason: two(
                    "总收入 500 元，低于 600 元。",
                    "500 yuan is below 600 yuan.",
                ),
            }],
            arrears: Fen::ZERO,
            overpaid: Fen::yuan(100),
            follows: vec![two(
                "追回 100 元，每月不超过 30%。",
                "100 yuan come back, at most 30% a month.",
            )],
        }))
    }

    fn record<'a>(&'a self, _: &'a Viewer, _: Id, form: &'a ChangeForm) -> Answer<'a, Recorded> {
        self.recorded.lock().expect("lock").push(form.clone());
        now(Ok(Recorded {
            evidence: id(90),
            periods: 4,
            case: None,
            away: false,
        }))
    }

    fn identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Id,
    ) -> Answer<'a, IdentityPage> {
        if !sees(viewer, household) {
            return now(Err(Trouble::NotFound("household")));
        }
        now(Ok(corrected::page(household, person, self.today())))
    }

    fn preview_identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        _: Id,
        form: &'a IdentityForm,
    ) -> Answer<'a, Preview> {
        if form.reason.is_empty() {
            return now(Err(Trouble::input("请写明依据和理由", "say why")));
        }
        self.preview(viewer, household, &corrected::CHANGE)
    }

    fn record_identity<'a>(
        &'a self,
        _: &'a Viewer,
        _: Id,
        _: Id,
        form: &'a IdentityForm,
    ) -> Answer<'a, Recorded> {
        let mut acts = self.acts.lock().expect("lock");
        acts.push(format!("{} {}", form.act, form.pieces.join(",")));
        now(Ok(Recorded {
            evidence: id(90),
            periods: 4,
            case: None,
            away: false,
        }))
    }

    fn apply_form<'a>(&'a self, _: &'a Viewer, household: Id, _: &'a str) -> Answer<'a, ApplyPage> {
        now(Ok(ApplyPage {
            household,
            head: "赵一".into(),
            programme: programme(),
            members: Vec::new(),
            steps: self.shelf.programmes(self.today())[0].steps.clone(),
            missing: vec![(named("总收入", "总收入", "income"), String::new())],
            today: self.today(),
        }))
    }

    fn apply<'a>(
        &'a self,
        _: &'a Viewer,
        _: Id,
        _: Option<Id>,
        _: &'a str,
        _: Id,
        _: &'a str,
    ) -> Answer<'a, Id> {
        now(Ok(id(50)))
    }

    fn tasks<'a>(&'a self, _: &'a Viewer, query: TaskQuery) -> Answer<'a, Paged<TaskRow>> {
        let task = |n: u8, traffic: &str, due: &str| TaskRow {
            id: id(n),
            case: id(50),
            title: two("信息核对", "Data check"),
            kind: "application".into(),
            programme: programme(),
            household: id(1),
            head: "赵一".into(),
            area: named("Q1-01", "第一社区", "First community"),
            role: "caseworker".into(),
            due: Some(day(due)),
            not_before: None,
            traffic: traffic.into(),
        };
        let mut rows = vec![
            task(60, "overdue", "2026-06-11"),
            task(61, "today", "2026-06-15"),
            task(62, "week", "2026-06-18"),
            task(63, "later", "2026-07-02"),
        ];
        rows.retain(|row| query.due.is_empty() || row.traffic == query.due);
        now(Ok(Paged {
            rows,
            next: query.after.is_none().then(|| "x".into()),
            total: Some(4),
        }))
    }

    fn case<'a>(&'a self, viewer: &'a Viewer, case: Id) -> Answer<'a, CasePage> {
        if case != id(50) {
            return now(Err(Trouble::NotFound("case")));
        }
        let steps = self.shelf.programmes(self.today())[0].steps.clone();
        let approver = viewer.role == Role::Approver;
        let action = |act: &str, why_not: &str| ActionView {
            act: act.into(),
            allowed: why_not.is_empty(),
            why_not: why_not.into(),
            day: None,
        };
        now(Ok(CasePage {
            case: sample_case(),
            household: id(1),
            head: "赵一".into(),
            person: None,
            area: named("Q1-01", "第一社区", "First community"),
            steps: steps
                .into_iter()
                .zip(["done", "now"])
                .map(|(step, state)| CaseStep {
                    step,
                    state: state.into(),
                    due: Some(day("2026-06-20")),
                    not_before: None,
                    done: (state == "done").then(|| day("2026-06-02")),
                    by: if state == "done" {
                        "caseworker".into()
                    } else {
                        String::new()
                    },
                })
                .collect(),
            total_due: Some(day("2026-07-14")),
            determination: Some(CaseDetermination {
                period: "2026-06".into(),
                version: 1,
                outcome: entitled(200),
                reason: two(
                    "总收入 400 元，低于 600 元。",
                    "400 yuan is below 600 yuan.",
                ),
            }),
            events: vec![EventView {
                at: at("2026-06-02T02:00:00Z"),
                by: "caseworker".into(),
                what: "opened".into(),
                step: Bilingual::default(),
                note: "口头申请".into(),
            }],
            actions: vec![
                action("grant", if approver { "" } else { "role" }),
                action("refuse", if approver { "" } else { "role" }),
                action("withdraw", ""),
            ],
            notices: vec![sample_notice()],
        }))
    }

    fn act<'a>(&'a self, _: &'a Viewer, act: CaseAct) -> Answer<'a, ()> {
        self.acts.lock().expect("lock").push(act.act);
        now(Ok(()))
    }

    fn public_notice(&self, _: Option<String>, _: Option<String>) -> Answer<'_, Paged<PublicRow>> {
        let rows = vec![PublicRow {
            name: "赵一".into(),
            members: 3,
            amount: Fen::yuan(200),
            programme: programme(),
            area: named("Q1-01", "第一社区", "First community"),
            from: day("2026-06-10"),
            to: day("2026-06-17"),
        }];
        now(Ok(Paged {
            rows,
            next: None,
            total: Some(1),
        }))
    }

    fn payments<'a>(&'a self, _: &'a Viewer, _: Option<String>) -> Answer<'a, PaymentsPage> {
        now(Ok(PaymentsPage {
            batches: vec![sample_batch()],
            payable: vec![PayableRow {
                programme: programme(),
                month: "2026-06".into(),
                count: 26_640,
                amount: Fen::yuan(18_650_000),
            }],
        }))
    }

    fn batch<'a>(
        &'a self,
        _: &'a Viewer,
        _: Id,
        state: &'a str,
        _: Option<String>,
        _: usize,
    ) -> Answer<'a, BatchPage> {
        let line = |n: u32, state: &str| LineRow {
            sequence: n,
            household: Some(id(1)),
            person: None,
            holder: "赵一".into(),
            account: "6217************1234".into(),
            bank: "BANKCNXX".into(),
            amount: Fen::yuan(200),
            items: vec![
                ("2026-05".into(), Fen::yuan(230)),
                ("2026-03".into(), Fen::yuan(-30)),
            ],
            state: state.into(),
            bank_reason: (state == "returned").then(|| "AC04 closed".into()),
        };
        now(Ok(BatchPage {
            batch: sample_batch(),
            state: state.into(),
            lines: Paged {
                rows: vec![line(1, "paid"), line(2, "returned"), line(3, "instructed")],
                next: None,
                total: Some(3),
            },
            reissue: 1,
        }))
    }

    fn instruct_preview<'a>(
        &'a self,
        _: &'a Viewer,
        _: &'a str,
        month: Month,
    ) -> Answer<'a, InstructView> {
        now(Ok(InstructView {
            programme: programme(),
            month: month.to_string(),
            count: 26_640,
            amount: Fen::yuan(18_650_000),
            withheld: Fen::yuan(30),
            apart: vec![ApartRow {
                household: Some(id(1)),
                name: "赵一".into(),
                owed: Fen::yuan(200),
                reason: "no-account".into(),
                detail: String::new(),
            }],
            left_out: 3,
            left_owed: Fen::yuan(600),
        }))
    }

    fn instruct<'a>(&'a self, _: &'a Viewer, _: &'a str, _: Month) -> Answer<'a, Id> {
        now(Ok(id(70)))
    }

    fn reissue<'a>(&'a self, _: &'a Viewer, _: Id) -> Answer<'a, Id> {
        now(Ok(id(70)))
    }

    fn batch_file<'a>(&'a self, _: &'a Viewer, _: Id, format: &'a str) -> Answer<'a, Download> {
        let name = format!("batch.{format}");
        now(Ok(Download {
            name,
            media: "application/xml",
            bytes: b"<Document/>".to_vec(),
        }))
    }

    fn answers<'a>(&'a self, _: &'a Viewer, _: &'a str, bytes: Vec<u8>) -> Answer<'a, AnswerView> {
        now(Ok(AnswerView {
            paid: bytes.len() as u64,
            ..AnswerView::default()
        }))
    }

    fn import_kinds(&self) -> Vec<(Bilingual, Vec<Named>)> {
        vec![(
            two("对象", "Who"),
            vec![named("总收入", "总收入", "income")],
        )]
    }

    fn import_form(&self, kind: &str, _: &str) -> Result<Download, Trouble> {
        match kind {
            "总收入" => Ok(Download {
                name: "form.csv".into(),
                media: "text/csv",
                bytes: b"x".to_vec(),
            }),
            _ => Err(Trouble::NotFound("kind")),
        }
    }

    fn import<'a>(
        &'a self,
        _: &'a Viewer,
        name: &'a str,
        bytes: &'a [u8],
        record: Option<OnError>,
    ) -> Answer<'a, Intake> {
        if bytes.is_empty() {
            return now(Err(Trouble::input("没有内容", "nothing in it")));
        }
        if let Some(how) = record {
            self.acts
                .lock()
                .expect("lock")
                .push(format!("import {how:?}"));
        }
        now(Ok(Intake {
            file: name.into(),
            rows: 3,
            good: 2,
            accepted: record == Some(OnError::Skip),
            new: 2,
            problems: vec![Wrong {
                row: 4,
                column: "总收入".into(),
                value: "<许多>".into(),
                zh: "不是金额".into(),
                en: "is not an amount of money".into(),
                remedy_zh: "应填数字".into(),
                remedy_en: "write a number".into(),
            }],
            report: b"wrong".to_vec(),
            ..Intake::default()
        }))
    }

    fn law_index(&self, place: Option<String>, day: Option<Day>) -> Answer<'_, LawIndex> {
        now(Ok(self.shelf.index(place, day.unwrap_or(self.today()))))
    }

    fn instrument<'a>(&'a self, number: &'a str, day: Option<Day>) -> Answer<'a, InstrumentPage> {
        now(self.shelf.instrument(number, day.unwrap_or(self.today())))
    }

    fn programmes(&self, day: Option<Day>) -> Answer<'_, Vec<ProgrammeRow>> {
        now(Ok(self.shelf.programmes(day.unwrap_or(self.today()))))
    }

    fn parameters(
        &self,
        place: Option<String>,
        day: Option<Day>,
    ) -> Answer<'_, Vec<ParameterView>> {
        now(Ok(self
            .shelf
            .parameters(place, day.unwrap_or(self.today()))))
    }

    fn try_form<'a>(&'a self, place: &'a str, day: Day, decision: &'a str) -> Answer<'a, TryPage> {
        now(Ok(self.shelf.try_form(place, day, decision)))
    }

    fn try_law(&self, query: TryQuery) -> Answer<'_, TryResult> {
        now(self.shelf.try_law(&query))
    }

    fn replay<'a>(&'a self, viewer: &'a Viewer, query: ReplayQuery) -> Answer<'a, Replay> {
        if !sees(viewer, query.household) {
            return now(Err(Trouble::NotFound("household")));
        }
        let why = || {
            self.explain(WhyQuery {
                household: query.household,
                person: None,
                programme: query.programme.clone(),
                period: query.period.clone(),
                version: None,
            })
            .ok()
        };
        now(Ok(Replay {
            then: why(),
            same: true,
            now: why(),
            because: vec![two(
                "2026-06-20 得知收入为 500 元。",
                "An income of 500 yuan became known.",
            )],
            figures: vec![("总收入".into(), "400".into(), "500".into())],
        }))
    }

    fn journal<'a>(&'a self, _: &'a Viewer, _: Option<String>) -> Answer<'a, Paged<JournalRow>> {
        let rows = vec![JournalRow {
            sequence: 7,
            at: at("2026-06-02T02:00:00Z"),
            by: "caseworker".into(),
            what: "evidence".into(),
            household: Some(id(1)),
            text: two("总收入，2026-03-01 起", "income, from 2026-03-01"),
            digest: "9f3a6c01".into(),
        }];
        now(Ok(Paged {
            rows,
            next: None,
            total: None,
        }))
    }

    fn verify<'a>(&'a self, _: &'a Viewer) -> Answer<'a, VerifyPage> {
        now(Ok(VerifyPage {
            runs: Vec::new(),
            findings: Vec::new(),
        }))
    }
}

impl Sample {
    fn explain(&self, query: WhyQuery) -> Result<Why, Trouble> {
        let tried = self.shelf.try_law(&TryQuery {
            place: "QQ".into(),
            day: self.today(),
            decision: "first".into(),
            given: serde_json::json!({"总收入": 400}),
        })?;
        Ok(Why {
            household: query.household,
            head: "赵一".into(),
            person: None,
            programme: programme(),
            period: query.period,
            version: query.version.unwrap_or(2),
            versions: 2,
            outcome: tried.outcome,
            known_at: at("2026-06-01T00:00:00Z"),
            made_at: at("2026-06-01T00:00:00Z"),
            law: self.shelf.law().digest().into(),
            reasons: tried.reasons,
            missing: tried.missing,
            lines: tried.lines,
            members: vec!["赵一".into()],
            parameters: tried.parameters,
            nodes: tried.nodes,
            roots: tried.roots,
            brief: tried.brief,
            what_if: tried.what_if,
            explanation: tried.explanation,
        })
    }
}
