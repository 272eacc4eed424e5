//! The rooms below, as the pages see them: every question of [`Source`] answered from an [`Office`].

mod audit;
mod cases;
mod change;
mod district;
mod files;
mod identity;
mod pay;
mod people;
pub mod shelf;
mod told;
pub mod trace;
mod why;

use super::session::{Account, Viewer};
use super::source::{
    Answer, CaseAct, HouseholdQuery, ListQuery, ReplayQuery, Source, Trouble, TryQuery,
};
use super::view::audit::{JournalRow, Replay, VerifyPage};
use super::view::case::{CasePage, PublicRow, TaskQuery, TaskRow};
use super::view::change::{ApplyPage, ChangeForm, ChangePage, Preview, Recorded};
use super::view::district::{District, DistrictQuery};
use super::view::household::Household;
use super::view::identity::{IdentityForm, IdentityPage};
use super::view::law::{InstrumentPage, LawIndex, ParameterView, ProgrammeRow, TryPage, TryResult};
use super::view::payment::{AnswerView, BatchPage, Download, InstructView, PaymentsPage};
use super::view::why::{Why, WhyQuery};
use super::view::{HouseholdRow, Named, Paged};
use crate::service::intake::Intake;
use crate::service::{Office, ServiceError};
use base::{Day, Id, Instant, Month};
use casework::procedure::CaseError;
use entitlement::change::At;
use policy::programme::Bilingual;
use registry::import::OnError;
use registry::record::Area;
use shelf::Shelf;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use store::{Staff, StoreError};

/// The setting that says that an instance is a demo, as the demo writes it.
const DEMO: &str = "demo-day";

/// An office behind the pages.
pub struct Live {
    office: Arc<Office>,
    shelf: Shelf,
    areas: Vec<Area>,
    by_code: HashMap<String, usize>,
    /// The area that holds everybody: the instance's own.
    top: String,
    demo: bool,
    counts: district::Counts,
    /// Names of accounts as pages show them; read again whenever somebody signs in.
    names: RwLock<HashMap<String, Bilingual>>,
}

impl Live {
    /// The pages' view of an office.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new(office: Arc<Office>) -> Result<Live, ServiceError> {
        let areas = office.store.areas().await?;
        let homes: Vec<String> = office
            .store
            .residents()
            .await?
            .into_iter()
            .map(|(area, _, _)| area)
            .collect();
        let shelf = Shelf::new(office.law().clone());
        let by_code = areas
            .iter()
            .enumerate()
            .map(|(n, a)| (a.code.clone(), n))
            .collect();
        let demo = office.store.setting(DEMO).await?.is_some();
        let top = top_of(&areas, &homes);
        let counts = district::Counts::default();
        Ok(Live {
            office,
            shelf,
            areas,
            by_code,
            top,
            demo,
            counts,
            names: RwLock::default(),
        })
    }

    /// Reads the names of those who may sign in.
    async fn read_names(&self) -> Result<(), Trouble> {
        let staff = self.office.store.staff().await?;
        let names = staff
            .into_iter()
            .map(|s| (s.name, shelf::halves(&s.display)))
            .collect();
        // A panic elsewhere leaves a map of whole names.
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
        Ok(())
    }

    /// This moment.
    fn at(&self) -> At {
        Office::now()
    }

    /// An area's code and name; the code alone when the register does not know it.
    fn area(&self, code: &str) -> Named {
        let name = self.by_code.get(code).map(|&n| &self.areas[n]);
        let name = name.map(|a| Bilingual {
            zh: a.name.clone(),
            en: a.name_en.clone(),
        });
        Named {
            id: code.into(),
            name: name.unwrap_or_else(|| shelf::same(code)),
        }
    }

    /// From the instance's own area down to one.
    fn way(&self, code: &str) -> Vec<Named> {
        let mut way = vec![self.area(code)];
        let mut here = code;
        while let Some(parent) = self
            .by_code
            .get(here)
            .and_then(|&n| self.areas[n].parent.as_deref())
        {
            if here == self.top || way.len() > self.areas.len() {
                break;
            }
            way.push(self.area(parent));
            here = parent;
        }
        way.reverse();
        way
    }

    /// Does the viewer see an area?
    fn sees(viewer: &Viewer, area: &str) -> bool {
        viewer.sees(area)
    }

    /// The area that an answer is bounded by: the one asked for when it lies within the viewer's, the
    /// one they look at when none is asked for. Another one does not exist for them.
    fn bound(viewer: &Viewer, asked: Option<&str>) -> Result<String, Trouble> {
        match asked {
            None | Some("") => Ok(viewer.area.clone()),
            Some(area) if Self::sees(viewer, area) => Ok(area.to_string()),
            Some(_) => Err(Trouble::NotFound("area")),
        }
    }

    fn account_of(&self, staff: Staff) -> Account {
        let mut areas: Vec<Named> = staff.areas.iter().map(|code| self.area(code)).collect();
        if areas.is_empty() {
            areas.push(self.area(&self.top));
        }
        Account {
            display: shelf::halves(&staff.display),
            name: staff.name,
            role: staff.role,
            areas,
            password: staff.secret,
        }
    }
}

/// The smallest area around all that somebody lives in.
fn top_of(areas: &[Area], homes: &[String]) -> String {
    let inside = |code: &str| homes.iter().all(|home| home.starts_with(code));
    let around = areas
        .iter()
        .filter(|a| !homes.is_empty() && inside(&a.code));
    let deepest = around.max_by_key(|a| a.code.len()).map(|a| a.code.clone());
    deepest
        .or_else(|| areas.first().map(|a| a.code.clone()))
        .unwrap_or_default()
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        match error {
            // A page of a list that an old link names, an id of nothing.
            StoreError::Invalid(text) => Trouble::input(text.clone(), text),
            other => Trouble::Internal(other.to_string()),
        }
    }
}

impl From<ServiceError> for Trouble {
    fn from(error: ServiceError) -> Trouble {
        match error {
            ServiceError::NotFound(_) => Trouble::NotFound("record"),
            ServiceError::Refused(text) => Trouble::Conflict(Bilingual {
                zh: format!("不能办理：{text}"),
                en: text,
            }),
            ServiceError::Case(error) => Trouble::Conflict(Bilingual {
                zh: case_error_zh(&error),
                en: error.to_string(),
            }),
            ServiceError::Busy => Trouble::Conflict(Bilingual {
                zh: "别人正在修改同一户，什么都没有登记；请稍后再试。".into(),
                en: error.to_string(),
            }),
            ServiceError::File { zh, en } => Trouble::Input(Bilingual { zh, en }),
            ServiceError::Store(error) => error.into(),
            other => Trouble::Internal(other.to_string()),
        }
    }
}

fn case_error_zh(error: &CaseError) -> String {
    match error {
        CaseError::Denied(casework::authority::Denied::FourEyes { .. }) => {
            "办过前面环节的人不能自己审批。".into()
        }
        CaseError::Denied(casework::authority::Denied::Role { .. }) => "不是您的岗位。".into(),
        CaseError::Denied(casework::authority::Denied::Area { .. }) => "不在您的辖区。".into(),
        CaseError::Closed => "办件已结束，请另立新件。".into(),
        CaseError::OtherStep { .. } => "这个环节不在进行中。".into(),
        CaseError::TooEarly { day, .. } => format!("公示未满，最早 {day} 才能结束。"),
        CaseError::NeedsDecision(_) => "最后一个环节以审批决定结束。".into(),
        CaseError::StepsLeft(_) => "前面的环节还没有办完。".into(),
        CaseError::NotHeard => "须先听取当事人意见。".into(),
        CaseError::NotEntitled { .. } => "按法规不符合或无法认定，不能批准。".into(),
        CaseError::NoDetermination => "还没有可供审核的认定。".into(),
        CaseError::NoReason => "不予批准须写明理由。".into(),
    }
}

impl Source for Live {
    fn today(&self) -> Day {
        self.at().today
    }

    fn name(&self) -> Bilingual {
        self.area(&self.top).name
    }

    fn areas<'a>(&'a self, viewer: &'a Viewer) -> Answer<'a, Vec<Named>> {
        Box::pin(async move {
            let own = self.areas.iter().filter(|a| Self::sees(viewer, &a.code));
            Ok(own.map(|a| self.area(&a.code)).collect())
        })
    }

    fn account<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Account>> {
        Box::pin(async move {
            let staff = self.office.store.staff_named(name).await?;
            Ok(staff.filter(|s| s.active).map(|s| self.account_of(s)))
        })
    }

    fn name_of(&self, account: &str) -> Bilingual {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        names
            .get(account)
            .cloned()
            .unwrap_or_else(|| told::feed(account))
    }

    fn open_session<'a>(
        &'a self,
        account: &'a str,
        token: [u8; 32],
        from: Instant,
        until: Instant,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let store = &self.office.store;
            store.put_session(token, account, from, until).await?;
            self.read_names().await
        })
    }

    fn session(&self, token: [u8; 32], now: Instant) -> Answer<'_, Option<Account>> {
        Box::pin(async move {
            let staff = self.office.store.session(token, now).await?;
            Ok(staff.map(|staff| self.account_of(staff)))
        })
    }

    fn close_session(&self, token: [u8; 32], now: Instant) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.office.store.end_session(token, now).await?) })
    }

    fn demo_accounts(&self) -> Answer<'_, Vec<Account>> {
        Box::pin(async move {
            if !self.demo {
                return Ok(Vec::new());
            }
            let mut staff = self.office.store.staff().await?;
            staff.retain(|s| s.active);
            staff.sort_by_key(|s| s.role);
            Ok(staff.into_iter().map(|s| self.account_of(s)).collect())
        })
    }

    fn district<'a>(&'a self, viewer: &'a Viewer, query: DistrictQuery) -> Answer<'a, District> {
        Box::pin(self.district_page(viewer, query))
    }

    fn list<'a>(&'a self, viewer: &'a Viewer, query: ListQuery) -> Answer<'a, Paged<HouseholdRow>> {
        Box::pin(self.list_page(viewer, query))
    }

    fn households<'a>(
        &'a self,
        viewer: &'a Viewer,
        query: HouseholdQuery,
    ) -> Answer<'a, Paged<HouseholdRow>> {
        Box::pin(self.search(viewer, query))
    }

    fn household<'a>(&'a self, viewer: &'a Viewer, id: Id) -> Answer<'a, Household> {
        Box::pin(self.household_page(viewer, id))
    }

    fn why<'a>(&'a self, viewer: &'a Viewer, query: WhyQuery) -> Answer<'a, Why> {
        Box::pin(self.explain(viewer, query))
    }

    fn change_form<'a>(&'a self, viewer: &'a Viewer, household: Id) -> Answer<'a, ChangePage> {
        Box::pin(self.change_page(viewer, household))
    }

    fn preview<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        form: &'a ChangeForm,
    ) -> Answer<'a, Preview> {
        Box::pin(self.preview_change(viewer, household, form))
    }

    fn record<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        form: &'a ChangeForm,
    ) -> Answer<'a, Recorded> {
        Box::pin(self.record_change(viewer, household, form))
    }

    fn identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Id,
    ) -> Answer<'a, IdentityPage> {
        Box::pin(self.identity_page(viewer, household, person))
    }

    fn preview_identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Id,
        form: &'a IdentityForm,
    ) -> Answer<'a, Preview> {
        Box::pin(Live::preview_identity(
            self, viewer, household, person, form,
        ))
    }

    fn record_identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Id,
        form: &'a IdentityForm,
    ) -> Answer<'a, Recorded> {
        Box::pin(Live::record_identity(self, viewer, household, person, form))
    }

    fn apply_form<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        programme: &'a str,
    ) -> Answer<'a, ApplyPage> {
        Box::pin(self.apply_page(viewer, household, programme))
    }

    fn apply<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Option<Id>,
        programme: &'a str,
        id: Id,
        note: &'a str,
    ) -> Answer<'a, Id> {
        Box::pin(async move {
            self.home(viewer, household).await?;
            let by = &viewer.name;
            let opened = self
                .office
                .apply(id, household, person, programme, by, note, self.at())
                .await?;
            Ok(opened.id)
        })
    }

    fn tasks<'a>(&'a self, viewer: &'a Viewer, query: TaskQuery) -> Answer<'a, Paged<TaskRow>> {
        Box::pin(self.task_list(viewer, query))
    }

    fn case<'a>(&'a self, viewer: &'a Viewer, id: Id) -> Answer<'a, CasePage> {
        Box::pin(self.case_page(viewer, id))
    }

    fn act<'a>(&'a self, viewer: &'a Viewer, act: CaseAct) -> Answer<'a, ()> {
        Box::pin(self.case_act(viewer, act))
    }

    fn public_notice(
        &self,
        area: Option<String>,
        after: Option<String>,
    ) -> Answer<'_, Paged<PublicRow>> {
        Box::pin(self.notice_board(area, after))
    }

    fn payments<'a>(
        &'a self,
        viewer: &'a Viewer,
        programme: Option<String>,
    ) -> Answer<'a, PaymentsPage> {
        Box::pin(self.payments_page(viewer, programme))
    }

    fn batch<'a>(
        &'a self,
        viewer: &'a Viewer,
        id: Id,
        state: &'a str,
        after: Option<String>,
        limit: usize,
    ) -> Answer<'a, BatchPage> {
        Box::pin(self.batch_page(viewer, id, state, after, limit))
    }

    fn instruct_preview<'a>(
        &'a self,
        viewer: &'a Viewer,
        programme: &'a str,
        month: Month,
    ) -> Answer<'a, InstructView> {
        Box::pin(self.plan_view(viewer, programme, month))
    }

    fn instruct<'a>(
        &'a self,
        viewer: &'a Viewer,
        programme: &'a str,
        month: Month,
    ) -> Answer<'a, Id> {
        Box::pin(self.instruct_now(viewer, programme, month))
    }

    fn reissue<'a>(&'a self, viewer: &'a Viewer, batch: Id) -> Answer<'a, Id> {
        Box::pin(self.reissue_now(viewer, batch))
    }

    fn batch_file<'a>(
        &'a self,
        viewer: &'a Viewer,
        batch: Id,
        format: &'a str,
    ) -> Answer<'a, Download> {
        Box::pin(self.file_of(viewer, batch, format))
    }

    fn answers<'a>(
        &'a self,
        viewer: &'a Viewer,
        name: &'a str,
        bytes: Vec<u8>,
    ) -> Answer<'a, AnswerView> {
        Box::pin(self.read_answer(viewer, name, bytes))
    }

    fn import_kinds(&self) -> Vec<(Bilingual, Vec<Named>)> {
        self.kinds_for_files()
    }

    fn import_form(&self, kind: &str, format: &str) -> Result<Download, Trouble> {
        self.form_of(kind, format)
    }

    fn import<'a>(
        &'a self,
        viewer: &'a Viewer,
        name: &'a str,
        bytes: &'a [u8],
        record: Option<OnError>,
    ) -> Answer<'a, Intake> {
        Box::pin(self.take_file(viewer, name, bytes, record))
    }

    fn law_index(&self, place: Option<String>, day: Option<Day>) -> Answer<'_, LawIndex> {
        let day = day.unwrap_or_else(|| self.today());
        Box::pin(async move { Ok(self.shelf.index(place, day)) })
    }

    fn instrument<'a>(&'a self, number: &'a str, day: Option<Day>) -> Answer<'a, InstrumentPage> {
        let day = day.unwrap_or_else(|| self.today());
        Box::pin(async move { self.shelf.instrument(number, day) })
    }

    fn programmes(&self, day: Option<Day>) -> Answer<'_, Vec<ProgrammeRow>> {
        let day = day.unwrap_or_else(|| self.today());
        Box::pin(async move { Ok(self.shelf.programmes(day)) })
    }

    fn parameters(
        &self,
        place: Option<String>,
        day: Option<Day>,
    ) -> Answer<'_, Vec<ParameterView>> {
        let day = day.unwrap_or_else(|| self.today());
        Box::pin(async move { Ok(self.shelf.parameters(place, day)) })
    }

    fn try_form<'a>(&'a self, place: &'a str, day: Day, decision: &'a str) -> Answer<'a, TryPage> {
        Box::pin(async move { Ok(self.shelf.try_form(place, day, decision)) })
    }

    fn try_law(&self, query: TryQuery) -> Answer<'_, TryResult> {
        Box::pin(async move { self.shelf.try_law(&query) })
    }

    fn replay<'a>(&'a self, viewer: &'a Viewer, query: ReplayQuery) -> Answer<'a, Replay> {
        Box::pin(self.replay_page(viewer, query))
    }

    fn journal<'a>(
        &'a self,
        viewer: &'a Viewer,
        after: Option<String>,
    ) -> Answer<'a, Paged<JournalRow>> {
        Box::pin(self.journal_page(viewer, after))
    }

    fn verify<'a>(&'a self, _: &'a Viewer) -> Answer<'a, VerifyPage> {
        Box::pin(self.verify_page())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_is_the_smallest_area_around_everybody() {
        let area = |code: &str| Area {
            code: code.into(),
            name: code.into(),
            name_en: String::new(),
            parent: None,
        };
        let areas = [
            area("1"),
            area("12"),
            area("1201"),
            area("120101"),
            area("1202"),
        ];
        let homes = ["120101".to_string(), "1202".to_string()];
        assert_eq!(top_of(&areas, &homes), "12");
        assert_eq!(top_of(&areas, &homes[..1]), "120101");
    }
}
