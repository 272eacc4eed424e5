//! Correcting who is who: two records that are one person, one record that is two.

use super::Live;
use super::change::{follows, request_of};
use super::people::identity;
use super::trace::plain;
use crate::service::identity::Parting;
use crate::web::session::Viewer;
use crate::web::source::Trouble;
use crate::web::view::change::{Preview, Recorded};
use crate::web::view::identity::{IdentityForm, IdentityPage, PieceRow, PlaceRow};
use base::{Day, Id, parse_day};
use entitlement::change::At;
use entitlement::decision::Decision;
use policy::programme::Bilingual;
use registry::identity::person_number;
use registry::record::{Identity, Provenance, Sex};
use registry::slice::HouseholdHistory;
use registry::{same, timeline};
use std::collections::BTreeSet;

/// A correction, read from its form.
enum Correcting {
    Merge(Id),
    Split(Box<Parting>),
}

struct Read {
    request: Id,
    what: Correcting,
    sentence: Bilingual,
}

impl Live {
    /// A person's record, with what a split can name.
    pub(super) async fn identity_page(
        &self,
        viewer: &Viewer,
        household: Id,
        person: Id,
    ) -> Result<IdentityPage, Trouble> {
        let home = self.home(viewer, household).await?;
        let held = identity(&home, person).ok_or(Trouble::NotFound("person"))?;
        let (held, at) = (held.clone(), self.at());
        let read = self.office.prefetch(&[person]).await?;
        let evidence = || read.households.iter().flat_map(|h| &h.evidence);
        let gone = timeline::withdrawn(evidence(), at.now);
        let last_day = |to: Option<Day>| to.and_then(|day| day.pred_opt());
        let mut seen = BTreeSet::new();
        let mut said: Vec<_> = evidence()
            .filter(|e| e.subject == person && e.withdraws.is_empty() && !gone.contains(&e.id))
            .filter(|e| e.kind != same::CONTINUES_AS && e.kind != same::INCLUDES)
            .filter(|e| seen.insert(e.id))
            .collect();
        said.sort_by_key(|e| (e.provenance.recorded_at, e.id));
        let pieces = said.into_iter().map(|e| {
            let (kind, value) = match Decision::read(e) {
                Some(decision) => (self.decision_name(), self.decision_text(&decision)),
                None => (self.shelf.kind(&e.kind), plain(&e.value)),
            };
            PieceRow {
                id: e.id,
                kind,
                value,
                valid_from: e.valid.from,
                valid_to: last_day(e.valid.to),
                source: e.provenance.source.clone(),
            }
        });
        let pieces = pieces.collect();
        let memberships = read.households.iter().flat_map(|h| &h.memberships);
        let mut seen = BTreeSet::new();
        let places = memberships
            .filter(|m| m.person == person && m.member && seen.insert(m.id))
            .map(|m| PlaceRow {
                id: m.id,
                household: m.household,
                relation: m.relation.clone(),
                valid_from: m.valid.from,
                valid_to: last_day(m.valid.to),
            })
            .collect();
        let goes_on = same::goes_on_as(evidence(), person);
        Ok(IdentityPage {
            household,
            head: self.head_of(&home),
            person: self.person_ref(&home, person),
            birth: held.birth,
            number: held
                .number
                .as_deref()
                .map(registry::identity::mask)
                .unwrap_or_default(),
            goes_on_as: (goes_on != person).then_some(goes_on),
            includes: same::includes(evidence(), person),
            pieces,
            places,
        })
    }

    /// What a correction would do; nothing is recorded.
    pub(super) async fn preview_identity(
        &self,
        viewer: &Viewer,
        household: Id,
        person: Id,
        form: &IdentityForm,
    ) -> Result<Preview, Trouble> {
        let home = self.home(viewer, household).await?;
        let at = self.at();
        let read = self.read_identity(viewer, &home, person, form, at).await?;
        let by = &viewer.name;
        let correction = match &read.what {
            Correcting::Merge(other) => self.office.preview_merge(person, *other, by, at).await?,
            Correcting::Split(parting) => self.office.preview_split(parting, by, at).await?,
        };
        Ok(Preview {
            household,
            head: self.head_of(&home),
            sentence: read.sentence,
            rows: self.preview_rows(&home, &correction).await?,
            arrears: correction.sums.iter().map(|s| s.arrears).sum(),
            overpaid: correction.sums.iter().map(|s| s.overpaid).sum(),
            follows: follows(&correction),
        })
    }

    /// Records a correction with all that follows; the same id twice records once.
    pub(super) async fn record_identity(
        &self,
        viewer: &Viewer,
        household: Id,
        person: Id,
        form: &IdentityForm,
    ) -> Result<Recorded, Trouble> {
        let home = self.home(viewer, household).await?;
        let at = self.at();
        let read = self.read_identity(viewer, &home, person, form, at).await?;
        let (by, reason) = (&viewer.name, form.reason.trim());
        let office = &self.office;
        let done = match &read.what {
            Correcting::Merge(other) => {
                office
                    .merge_persons(read.request, person, *other, reason, by, at)
                    .await?
            }
            Correcting::Split(parting) => {
                office
                    .split_person(read.request, parting, reason, by, at)
                    .await?
            }
        };
        self.counts.forget();
        Ok(Recorded {
            evidence: read.request,
            periods: done.correction.determinations.len() as u64,
            case: done.correction.cases.first().map(|c| c.id),
            away: false,
        })
    }

    async fn read_identity(
        &self,
        viewer: &Viewer,
        home: &HouseholdHistory,
        person: Id,
        form: &IdentityForm,
        at: At,
    ) -> Result<Read, Trouble> {
        let request = request_of(&form.id)?;
        if form.reason.trim().is_empty() {
            return Err(Trouble::input(
                "请写明依据和理由",
                "say where it is known from, and why",
            ));
        }
        let name = identity(home, person).ok_or(Trouble::NotFound("person"))?;
        let name = name.name.clone();
        if form.act == "merge" {
            let other = self.other_record(viewer, &form.other).await?;
            let sentence = Bilingual {
                zh: format!("{name}的这份登记（{person}）与 {other} 是同一人，今后以后者为准。"),
                en: format!(
                    "This record of {name} ({person}) and {other} are one person, who goes on as the latter."
                ),
            };
            return Ok(Read {
                request,
                what: Correcting::Merge(other),
                sentence,
            });
        }
        let parting = parting(person, request, form, viewer, at)?;
        let (n, new) = (parting.pieces.len(), &parting.other.name);
        let sentence = Bilingual {
            zh: format!("{name}的登记实为两人：另一人是{new}，{n} 条证据归其名下。"),
            en: format!(
                "The record of {name} is two persons: the other is {new}, about whom {n} pieces of evidence are."
            ),
        };
        Ok(Read {
            request,
            what: Correcting::Split(Box::new(parting)),
            sentence,
        })
    }

    /// The other record of a merge, by id or identity number; only one in the viewer's area is there.
    async fn other_record(&self, viewer: &Viewer, typed: &str) -> Result<Id, Trouble> {
        let missing = || {
            Trouble::input(
                "辖区内没有这份登记，请核对编号或身份证号",
                "there is no such record in your area; check the id or the identity number",
            )
        };
        let store = &self.office.store;
        let other = match typed.trim().parse::<Id>() {
            Ok(id) => id,
            Err(_) => {
                let read = person_number(typed, self.at().today)
                    .map_err(|error| Trouble::input(error.zh(), error.to_string()))?;
                let mut found = store.persons_by_number(&read.text).await?;
                match (found.pop(), found.is_empty()) {
                    (Some((_, only)), true) => only,
                    (Some(_), false) => {
                        return Err(Trouble::input(
                            "有多份登记用这个身份证号，请填登记编号",
                            "several records have this number; give the record's id",
                        ));
                    }
                    (None, _) => return Err(missing()),
                }
            }
        };
        for household in store.households_of_person(other).await? {
            if self.home(viewer, household).await.is_ok() {
                return Ok(other);
            }
        }
        Err(missing())
    }
}

fn parting(
    person: Id,
    request: Id,
    form: &IdentityForm,
    viewer: &Viewer,
    at: At,
) -> Result<Parting, Trouble> {
    let name = form.name.trim().to_string();
    if name.is_empty() {
        return Err(Trouble::input(
            "请填写另一人的姓名",
            "give the other's name",
        ));
    }
    let sex = match form.sex.as_str() {
        "male" => Sex::Male,
        "female" => Sex::Female,
        _ => return Err(Trouble::input("请选择性别", "choose the sex")),
    };
    let birth = parse_day(&form.birth).map_err(|error| {
        Trouble::input(format!("出生日期有误：{}", form.birth), error.to_string())
    })?;
    let mut number = None;
    if !form.number.trim().is_empty() {
        let read = person_number(&form.number, at.today)
            .map_err(|error| Trouble::input(error.zh(), error.to_string()))?;
        if read.birth != birth || read.sex != sex {
            return Err(Trouble::input(
                "身份证号与出生日期或性别不符",
                "the identity number does not fit the date of birth or the sex",
            ));
        }
        number = Some(read.text);
    }
    let ids = |texts: &[String]| texts.iter().filter_map(|t| t.parse().ok()).collect();
    let places: BTreeSet<Id> = ids(&form.places);
    if places.is_empty() {
        return Err(Trouble::input(
            "请选择哪条户籍关系是另一人的",
            "choose the membership that was the other's",
        ));
    }
    Ok(Parting {
        one: person,
        other: Identity {
            id: Id::derive(&["split-identity", &request.to_string()]),
            person: Id::derive(&["split-person", &request.to_string()]),
            name,
            sex,
            birth,
            number,
            provenance: Provenance {
                recorded_at: at.now,
                recorded_by: viewer.name.clone(),
                source: form.reason.trim().to_string(),
            },
        },
        pieces: ids(&form.pieces),
        places,
    })
}
