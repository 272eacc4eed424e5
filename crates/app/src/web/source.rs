//! What pages and the API may ask of the rooms below: the whole list, in one place. Every question
//! about the register carries the viewer, whose area bounds the answer: a household outside it is
//! not found, and is not counted either.

use super::session::{Account, Viewer};
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
use base::{Day, Id, Instant, Month};
use policy::programme::Bilingual;
use registry::import::OnError;
use std::future::Future;
use std::pin::Pin;

/// An answer that is being fetched.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send + 'a>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There is no such thing, or it lies outside the viewer's area: the two look the same.
    #[error("there is no {0} here")]
    NotFound(&'static str),
    /// What was asked or sent does not make sense; the text says what to mend.
    #[error("{}", .0.en)]
    Input(Bilingual),
    /// Somebody else did it already, or the state has moved on.
    #[error("{}", .0.en)]
    Conflict(Bilingual),
    /// Nobody is signed in.
    #[error("sign in first")]
    SignIn,
    /// The viewer's role may not.
    #[error("this is not for your role")]
    Forbidden,
    /// Something broke; the text goes to the log, not to the page.
    #[error("{0}")]
    Internal(String),
}

impl Trouble {
    /// An input error in both languages.
    pub fn input(zh: impl Into<String>, en: impl Into<String>) -> Trouble {
        Trouble::Input(Bilingual {
            zh: zh.into(),
            en: en.into(),
        })
    }
}

/// Which households.
#[derive(Clone, Debug, Default)]
pub struct HouseholdQuery {
    /// Name, identity number or id; empty: none asked for.
    pub text: String,
    /// Area code within the viewer's.
    pub area: Option<String>,
    /// Where the page begins.
    pub after: Option<String>,
    /// Rows.
    pub limit: usize,
}

/// A list that the district's page links to.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// `owed-not-covered`, `covered-not-owed`, `undetermined`, `covered`, `refused`.
    pub list: String,
    /// Programme id; all when absent.
    pub programme: Option<String>,
    /// Month; the latest when absent.
    pub month: Option<Month>,
    /// Area code within the viewer's.
    pub area: Option<String>,
    /// For `undetermined`: only those that lack this kind.
    pub missing: Option<String>,
    /// Where the page begins.
    pub after: Option<String>,
    /// Rows.
    pub limit: usize,
}

/// A replay to make.
#[derive(Clone, Debug)]
pub struct ReplayQuery {
    /// Household.
    pub household: Id,
    /// Programme id.
    pub programme: String,
    /// Period as text.
    pub period: String,
    /// As known at.
    pub known: Instant,
}

/// An act in a case.
#[derive(Clone, Debug)]
pub struct CaseAct {
    /// Case.
    pub case: Id,
    /// Client-minted id of the event.
    pub event: Id,
    /// `done`, `grant`, `refuse`, `object`, `hear`, `withdraw`.
    pub act: String,
    /// In their words.
    pub note: String,
    /// Who objected.
    pub who: String,
}

/// A situation to try.
#[derive(Clone, Debug)]
pub struct TryQuery {
    /// Place code.
    pub place: String,
    /// Day.
    pub day: Day,
    /// Programme or rule.
    pub decision: String,
    /// The situation in the shape of `law eval`.
    pub given: serde_json::Value,
}

/// The rooms below, as pages see them.
pub trait Source: Send + Sync {
    /// Today in the instance's own reckoning (a demo's clock stands in its last month).
    fn today(&self) -> Day;
    /// The instance's name: the district.
    fn name(&self) -> Bilingual;
    /// Areas that the viewer can choose: all their own and those beneath, in order.
    fn areas<'a>(&'a self, viewer: &'a Viewer) -> Answer<'a, Vec<Named>>;

    /// An account by the name that somebody signs in with.
    fn account<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Account>>;
    /// What the pages call an account, a feed or a run that records name.
    fn name_of(&self, account: &str) -> Bilingual;
    /// Notes a session by the digest of its token.
    fn open_session<'a>(
        &'a self,
        account: &'a str,
        token: [u8; 32],
        from: Instant,
        until: Instant,
    ) -> Answer<'a, ()>;
    /// Whose session it is; none when it ended or its account was closed.
    fn session(&self, token: [u8; 32], now: Instant) -> Answer<'_, Option<Account>>;
    /// Ends a session.
    fn close_session(&self, token: [u8; 32], now: Instant) -> Answer<'_, ()>;
    /// Accounts that a demo offers with one click; empty on a real instance.
    fn demo_accounts(&self) -> Answer<'_, Vec<Account>>;

    /// The district on one page.
    fn district<'a>(&'a self, viewer: &'a Viewer, query: DistrictQuery) -> Answer<'a, District>;
    /// A list behind a figure.
    fn list<'a>(&'a self, viewer: &'a Viewer, query: ListQuery) -> Answer<'a, Paged<HouseholdRow>>;

    /// Search.
    fn households<'a>(
        &'a self,
        viewer: &'a Viewer,
        query: HouseholdQuery,
    ) -> Answer<'a, Paged<HouseholdRow>>;
    /// One household.
    fn household<'a>(&'a self, viewer: &'a Viewer, id: Id) -> Answer<'a, Household>;
    /// Why a determination came out so.
    fn why<'a>(&'a self, viewer: &'a Viewer, query: WhyQuery) -> Answer<'a, Why>;
    /// The form of a change.
    fn change_form<'a>(&'a self, viewer: &'a Viewer, household: Id) -> Answer<'a, ChangePage>;
    /// What a change would do.
    fn preview<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        form: &'a ChangeForm,
    ) -> Answer<'a, Preview>;
    /// Records a change; sending the same id twice records once.
    fn record<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        form: &'a ChangeForm,
    ) -> Answer<'a, Recorded>;
    /// A person's record, for correcting who is who.
    fn identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Id,
    ) -> Answer<'a, IdentityPage>;
    /// What a correction of who is who would do.
    fn preview_identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Id,
        form: &'a IdentityForm,
    ) -> Answer<'a, Preview>;
    /// Records a correction of who is who; sending the same id twice records once.
    fn record_identity<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Id,
        form: &'a IdentityForm,
    ) -> Answer<'a, Recorded>;
    /// A programme's application form.
    fn apply_form<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        programme: &'a str,
    ) -> Answer<'a, ApplyPage>;
    /// Opens an application; gives the case. `id` is client-minted.
    fn apply<'a>(
        &'a self,
        viewer: &'a Viewer,
        household: Id,
        person: Option<Id>,
        programme: &'a str,
        id: Id,
        note: &'a str,
    ) -> Answer<'a, Id>;

    /// Tasks by deadline.
    fn tasks<'a>(&'a self, viewer: &'a Viewer, query: TaskQuery) -> Answer<'a, Paged<TaskRow>>;
    /// A case.
    fn case<'a>(&'a self, viewer: &'a Viewer, id: Id) -> Answer<'a, CasePage>;
    /// An act in a case.
    fn act<'a>(&'a self, viewer: &'a Viewer, act: CaseAct) -> Answer<'a, ()>;
    /// The public notice board; no viewer, so only what the law lets everybody see.
    fn public_notice(
        &self,
        area: Option<String>,
        after: Option<String>,
    ) -> Answer<'_, Paged<PublicRow>>;

    /// Batches and what could be instructed.
    fn payments<'a>(
        &'a self,
        viewer: &'a Viewer,
        programme: Option<String>,
    ) -> Answer<'a, PaymentsPage>;
    /// A batch with at most `limit` of its lines.
    fn batch<'a>(
        &'a self,
        viewer: &'a Viewer,
        id: Id,
        state: &'a str,
        after: Option<String>,
        limit: usize,
    ) -> Answer<'a, BatchPage>;
    /// What an instruction would pay.
    fn instruct_preview<'a>(
        &'a self,
        viewer: &'a Viewer,
        programme: &'a str,
        month: Month,
    ) -> Answer<'a, InstructView>;
    /// Makes an instruction; gives the batch. Twice makes one.
    fn instruct<'a>(
        &'a self,
        viewer: &'a Viewer,
        programme: &'a str,
        month: Month,
    ) -> Answer<'a, Id>;
    /// Re-issues a batch's returned lines; gives the new batch.
    fn reissue<'a>(&'a self, viewer: &'a Viewer, batch: Id) -> Answer<'a, Id>;
    /// A batch as a file: `pain001` or `xlsx`.
    fn batch_file<'a>(
        &'a self,
        viewer: &'a Viewer,
        batch: Id,
        format: &'a str,
    ) -> Answer<'a, Download>;
    /// Reads a bank's answer: pain.002, camt.053 or xlsx, told by its content.
    fn answers<'a>(
        &'a self,
        viewer: &'a Viewer,
        name: &'a str,
        bytes: Vec<u8>,
    ) -> Answer<'a, AnswerView>;

    /// Kinds of evidence that files may bring, under their headings.
    fn import_kinds(&self) -> Vec<(Bilingual, Vec<Named>)>;
    /// An empty form for a kind: `xlsx` or `csv`.
    fn import_form(&self, kind: &str, format: &str) -> Result<Download, Trouble>;
    /// Checks a file of evidence, or records it: all of it or nothing, or its good rows.
    fn import<'a>(
        &'a self,
        viewer: &'a Viewer,
        name: &'a str,
        bytes: &'a [u8],
        record: Option<OnError>,
    ) -> Answer<'a, Intake>;

    /// Instruments in force, or all.
    fn law_index(&self, place: Option<String>, day: Option<Day>) -> Answer<'_, LawIndex>;
    /// One instrument.
    fn instrument<'a>(&'a self, number: &'a str, day: Option<Day>) -> Answer<'a, InstrumentPage>;
    /// Programmes in force.
    fn programmes(&self, day: Option<Day>) -> Answer<'_, Vec<ProgrammeRow>>;
    /// Parameters.
    fn parameters(&self, place: Option<String>, day: Option<Day>)
    -> Answer<'_, Vec<ParameterView>>;
    /// The form for trying the law.
    fn try_form<'a>(&'a self, place: &'a str, day: Day, decision: &'a str) -> Answer<'a, TryPage>;
    /// What the law says of a situation.
    fn try_law(&self, query: TryQuery) -> Answer<'_, TryResult>;

    /// A past determination beside today's.
    fn replay<'a>(&'a self, viewer: &'a Viewer, query: ReplayQuery) -> Answer<'a, Replay>;
    /// The journal, newest first, in words.
    fn journal<'a>(
        &'a self,
        viewer: &'a Viewer,
        after: Option<String>,
    ) -> Answer<'a, Paged<JournalRow>>;
    /// What checks found.
    fn verify<'a>(&'a self, viewer: &'a Viewer) -> Answer<'a, VerifyPage>;
}
