//! Reporting a change: forms from the law's kinds, what a change would do, and recording it.

use super::Live;
use super::people::first_reason;
use super::shelf::{input_of, same, unit_of};
use super::trace::plain;
use crate::service::change::Facts;
use crate::web::session::{Viewer, both};
use crate::web::source::Trouble;
use crate::web::view::change::{
    ChangeForm, ChangePage, Input, KindForm, PlaceGroup, Preview, PreviewRow, Recorded,
};
use crate::web::view::{Named, OutcomeView};
use base::{Day, Id, Period, parse_day};
use casework::correction::Correction;
use entitlement::Subject;
use entitlement::change::At;
use ledger::position::Position;
use policy::law::EvidenceKind;
use policy::programme::Bilingual;
use registry::identity::person_number;
use registry::record::{Evidence, Identity, Membership, Person, Provenance, Residence, Sex};
use registry::slice::HouseholdHistory;
use registry::timeline::HEAD;
use serde_json::Value;

/// Changes of the register itself, beside the law's kinds.
const DEATH: &str = "register:death";
const BIRTH: &str = "register:birth";
const MOVE_IN: &str = "register:move-in";
const MOVE_OUT: &str = "register:move-out";
const ADDRESS: &str = "register:address";

/// What is to be recorded, in records and in a sentence.
struct Read {
    request: Id,
    facts: Facts,
    sentence: Bilingual,
}

/// The number that a form carries, so that sending it twice records it once.
pub(super) fn request_of(form: &str) -> Result<Id, Trouble> {
    form.parse().map_err(|_| {
        Trouble::input(
            "表单缺少编号，请重新打开",
            "the form has no id; open it anew",
        )
    })
}

impl Live {
    /// What can be reported about a household.
    pub(super) async fn change_page(
        &self,
        viewer: &Viewer,
        household: Id,
    ) -> Result<ChangePage, Trouble> {
        let home = self.home(viewer, household).await?;
        let members = self.members_today(&home);
        Ok(ChangePage {
            household,
            head: self.head_of(&home),
            members: members
                .iter()
                .map(|m| self.person_ref(&home, m.person))
                .collect(),
            kinds: self.kinds(),
            places: self.places(),
            area: self.area(&self.area_of(&home)),
            address: self.address_of(&home),
        })
    }

    /// The communities of the instance, by the area around them: those that hold no other.
    fn places(&self) -> Vec<PlaceGroup> {
        let holds = |code: &str| self.areas.iter().any(|a| a.parent.as_deref() == Some(code));
        let inside = |a: &&registry::record::Area| a.code.starts_with(&self.top);
        let mut groups: Vec<PlaceGroup> = Vec::new();
        for area in self.areas.iter().filter(inside).filter(|a| !holds(&a.code)) {
            let place = self.area(&area.code);
            let around = area.parent.as_deref().unwrap_or(&area.code);
            match groups.iter_mut().find(|g| g.around.id == around) {
                Some(group) => group.places.push(place),
                None => groups.push(PlaceGroup {
                    around: self.area(around),
                    places: vec![place],
                }),
            }
        }
        groups
    }

    fn kinds(&self) -> Vec<KindForm> {
        let register = |id: &str, word: &str, subject: &str| KindForm {
            kind: Named {
                id: id.into(),
                name: both(word),
            },
            subject: subject.into(),
            input: Input::None,
            unit: String::new(),
            note: String::new(),
            group: both("group-register"),
        };
        let mut kinds = Vec::new();
        if self.death_kind().is_some() {
            kinds.push(register(DEATH, "kind-death", "person"));
        }
        kinds.push(register(BIRTH, "kind-birth", "new-person"));
        kinds.push(register(MOVE_IN, "kind-move-in", "new-person"));
        kinds.push(register(MOVE_OUT, "kind-move-out", "person"));
        kinds.push(register(ADDRESS, "kind-address", "household"));
        for subject in [Subject::Household, Subject::Person] {
            for kind in self
                .office
                .law()
                .kinds(subject)
                .iter()
                .filter(|k| k.register.is_none())
            {
                kinds.push(KindForm {
                    kind: Named {
                        id: kind.name.to_string(),
                        name: Bilingual {
                            zh: kind.name.to_string(),
                            en: kind.en.clone(),
                        },
                    },
                    subject: super::shelf::subject_name(subject).into(),
                    input: input_of(&kind.ty),
                    unit: unit_of(kind),
                    note: kind.note.clone(),
                    group: self.shelf.heading(&kind.citation),
                });
            }
        }
        kinds
    }

    /// What a change would do; nothing is recorded.
    pub(super) async fn preview_change(
        &self,
        viewer: &Viewer,
        household: Id,
        form: &ChangeForm,
    ) -> Result<Preview, Trouble> {
        let home = self.home(viewer, household).await?;
        let at = self.at();
        let read = self.read_form(&home, household, form, viewer, at).await?;
        let correction = self.office.preview(&read.facts, &viewer.name, at).await?;
        let rows = self.preview_rows(&home, &correction).await?;
        let mut told = follows(&correction);
        if form.kind == ADDRESS {
            told.extend(self.moving(viewer, &home, household, &form.area).await?);
        }
        Ok(Preview {
            household,
            head: self.head_of(&home),
            sentence: read.sentence,
            rows,
            arrears: correction.sums.iter().map(|s| s.arrears).sum(),
            overpaid: correction.sums.iter().map(|s| s.overpaid).sum(),
            follows: told,
        })
    }

    /// What a move means for those who look after the household.
    async fn moving(
        &self,
        viewer: &Viewer,
        home: &HouseholdHistory,
        household: Id,
        area: &str,
    ) -> Result<Vec<Bilingual>, Trouble> {
        let mut told = Vec::new();
        let name = self.area(area).name;
        if !viewer.sees(area) {
            told.push(Bilingual {
                zh: format!("登记后由{}管理，您将看不到这户。", name.zh),
                en: format!("{} looks after it then, and you no longer see it.", name.en),
            });
        }
        let mut open = 0;
        for subject in [household]
            .into_iter()
            .chain(super::people::persons_ever(home))
        {
            let files = self.office.store.cases_of(&home.shard, subject).await?;
            open += files
                .iter()
                .filter(|f| f.case.state().closed.is_none())
                .count();
        }
        if open > 0 {
            told.push(Bilingual {
                zh: format!("有 {open} 个未办结的办件，仍由原辖区办结。"),
                en: format!("{open} open cases are finished where they were opened."),
            });
        }
        Ok(told)
    }

    pub(super) async fn preview_rows(
        &self,
        home: &HouseholdHistory,
        correction: &Correction,
    ) -> Result<Vec<PreviewRow>, Trouble> {
        let mut rows = Vec::with_capacity(correction.differences.len());
        for d in &correction.differences {
            let key = &d.subject;
            let transfers = self
                .office
                .store
                .transfers_of_payee(&key.shard, key.id)
                .await?;
            let position = Position::fold(&key.shard, key.id, &d.programme, &transfers);
            let money = position.period(&d.period.to_string());
            let view = |made: &entitlement::determination::Determination| {
                OutcomeView::of(&made.outcome, &super::people::result_of(made))
            };
            rows.push(PreviewRow {
                programme: self.shelf.programme(&d.programme),
                person: (key.kind == Subject::Person).then(|| self.person_ref(home, key.id)),
                period: d.period.to_string(),
                before: d.before.as_ref().map_or_else(OutcomeView::none, view),
                after: view(&d.after),
                difference: d.owed_after - d.owed_before,
                paid: money.paid - money.returned_after_paid,
                reason: first_reason(&d.after),
            });
        }
        rows.sort_by(|a, b| (&a.period, &a.programme.id).cmp(&(&b.period, &b.programme.id)));
        Ok(rows)
    }

    /// Records a change with all that follows; the same id twice records once.
    pub(super) async fn record_change(
        &self,
        viewer: &Viewer,
        household: Id,
        form: &ChangeForm,
    ) -> Result<Recorded, Trouble> {
        let home = self.home(viewer, household).await?;
        let at = self.at();
        let read = self.read_form(&home, household, form, viewer, at).await?;
        let done = self
            .office
            .record(read.request, &read.facts, &viewer.name, at)
            .await?;
        self.counts.forget();
        Ok(Recorded {
            evidence: read.request,
            periods: done.correction.determinations.len() as u64,
            case: done.correction.cases.first().map(|c| c.id),
            away: form.kind == ADDRESS && !viewer.sees(&form.area),
        })
    }

    async fn read_form(
        &self,
        home: &HouseholdHistory,
        household: Id,
        form: &ChangeForm,
        viewer: &Viewer,
        at: At,
    ) -> Result<Read, Trouble> {
        let request = request_of(&form.id)?;
        if form.source.trim().is_empty() {
            return Err(Trouble::input("请写明来源", "say where this is known from"));
        }
        let valid = period(&form.valid_from, &form.valid_to)?;
        if valid.from > at.today {
            return Err(Trouble::input(
                "起始日期在将来",
                "the first day lies in the future",
            ));
        }
        let source = match form.note.trim() {
            "" => form.source.trim().to_string(),
            note => format!("{}（{note}）", form.source.trim()),
        };
        let provenance = Provenance {
            recorded_at: at.now,
            recorded_by: viewer.name.clone(),
            source,
        };
        let mut facts = Facts::default();
        let sentence = match form.kind.as_str() {
            DEATH => {
                let person = self.member(home, &form.person)?;
                let kind = self.death_kind().ok_or(Trouble::NotFound("kind"))?;
                facts.evidence.push(Evidence {
                    id: request,
                    shard: home.shard.clone(),
                    subject: person,
                    kind: kind.name.to_string(),
                    value: Value::String(valid.from.to_string()),
                    valid: Period::since(valid.from),
                    withdraws: Vec::new(),
                    provenance,
                });
                let name = self.person_ref(home, person).name;
                Bilingual {
                    zh: format!("{name}于 {} 去世。", valid.from),
                    en: format!("{name} died on {}.", valid.from),
                }
            }
            MOVE_OUT => {
                let person = self.member(home, &form.person)?;
                let today = self.members_today(home);
                let relation = today
                    .iter()
                    .find(|m| m.person == person)
                    .map(|m| m.relation.clone());
                facts.memberships.push(Membership {
                    id: request,
                    household,
                    person,
                    relation: relation.unwrap_or_default(),
                    member: false,
                    valid: Period::since(valid.from),
                    provenance,
                });
                let name = self.person_ref(home, person).name;
                Bilingual {
                    zh: format!("{name}自 {} 起不再是本户成员。", valid.from),
                    en: format!("{name} is no longer a member from {} on.", valid.from),
                }
            }
            BIRTH | MOVE_IN => {
                self.newcomer(
                    home, household, form, &mut facts, request, valid.from, provenance, at,
                )
                .await?
            }
            ADDRESS => {
                let street = form.address.trim();
                let mut places = self.places().into_iter().flat_map(|group| group.places);
                let place = places.find(|place| place.id == form.area).ok_or_else(|| {
                    Trouble::input("请选择迁往哪个社区", "choose the community moved to")
                })?;
                if street.is_empty() {
                    return Err(Trouble::input("请填写新住址", "give the new address"));
                }
                if (place.id.as_str(), street) == (&self.area_of(home), &self.address_of(home)) {
                    return Err(Trouble::input(
                        "与现住址相同",
                        "this is the address that it has",
                    ));
                }
                facts.residences.push(Residence {
                    id: request,
                    household,
                    area: place.id.clone(),
                    address: street.into(),
                    valid: Period::since(valid.from),
                    provenance,
                });
                Bilingual {
                    zh: format!("本户自 {} 起住{}，{street}。", valid.from, place.name.zh),
                    en: format!(
                        "The household lives in {} from {} on: {street}.",
                        place.name.en, valid.from
                    ),
                }
            }
            _ => self.fact(
                home, household, form, &mut facts, request, valid, provenance,
            )?,
        };
        Ok(Read {
            request,
            facts,
            sentence,
        })
    }

    fn member(&self, home: &HouseholdHistory, person: &str) -> Result<Id, Trouble> {
        let missing = || Trouble::input("请选择是哪一位成员", "choose the member it is about");
        let person: Id = person.parse().map_err(|_| missing())?;
        let known = super::people::persons_ever(home).contains(&person);
        if known { Ok(person) } else { Err(missing()) }
    }

    /// Somebody born into the household, or moving in: a person of the register when the number is
    /// known there, else a new one.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a record of the register says"
    )]
    async fn newcomer(
        &self,
        home: &HouseholdHistory,
        household: Id,
        form: &ChangeForm,
        facts: &mut Facts,
        request: Id,
        from: Day,
        provenance: Provenance,
        at: At,
    ) -> Result<Bilingual, Trouble> {
        let name = form.name.trim().to_string();
        if name.is_empty() || form.relation.is_empty() || form.relation == HEAD {
            return Err(Trouble::input(
                "请填写姓名，以及与户主的关系（不能是户主）",
                "give a name, and the relation to the head (not the head)",
            ));
        }
        let birth = parse_day(&form.birth).map_err(|error| {
            Trouble::input(format!("出生日期有误：{}", form.birth), error.to_string())
        })?;
        let sex = match form.sex.as_str() {
            "male" => Sex::Male,
            "female" => Sex::Female,
            _ => return Err(Trouble::input("请选择性别", "choose the sex")),
        };
        let mut number = None;
        let mut known = None;
        if !form.number.trim().is_empty() {
            let read = person_number(&form.number, at.today)
                .map_err(|error| Trouble::input(error.zh(), error.to_string()))?;
            if read.birth != birth || read.sex != sex {
                return Err(Trouble::input(
                    "身份证号与出生日期或性别不符",
                    "the identity number does not fit the date of birth or the sex",
                ));
            }
            known = self.office.store.persons_by_number(&read.text).await?.pop();
            number = Some(read.text);
        }
        let person = match known {
            Some((_, person)) => person,
            None => {
                let person = Id::derive(&["person", &request.to_string()]);
                facts.persons.push(Person {
                    id: person,
                    shard: home.shard.clone(),
                    opened_at: at.now,
                });
                facts.identities.push(Identity {
                    id: Id::derive(&["identity", &request.to_string()]),
                    person,
                    name: name.clone(),
                    sex,
                    birth,
                    number,
                    provenance: provenance.clone(),
                });
                person
            }
        };
        facts.memberships.push(Membership {
            id: request,
            household,
            person,
            relation: form.relation.clone(),
            member: true,
            valid: Period::since(from),
            provenance,
        });
        Ok(Bilingual {
            zh: format!("{name}自 {from} 起为本户成员（{}）。", form.relation),
            en: format!("{name} is a member from {from} on ({}).", form.relation),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "what a piece of evidence says")]
    fn fact(
        &self,
        home: &HouseholdHistory,
        household: Id,
        form: &ChangeForm,
        facts: &mut Facts,
        request: Id,
        valid: Period,
        provenance: Provenance,
    ) -> Result<Bilingual, Trouble> {
        let law = self.office.law();
        let about = if form.person.is_empty() {
            Subject::Household
        } else {
            Subject::Person
        };
        let kind = law
            .kind(about, &form.kind)
            .or_else(|| law.kind(Subject::Person, &form.kind))
            .filter(|k| k.register.is_none())
            .ok_or(Trouble::NotFound("kind"))?;
        let subject = match kind.subject {
            Subject::Household => household,
            Subject::Person => self.member(home, &form.person)?,
        };
        let value = value_of(kind, &form.value)?;
        let whose = match kind.subject {
            Subject::Household => both("the-household"),
            Subject::Person => same(&self.person_ref(home, subject).name),
        };
        let until = valid.to.and_then(|to| to.pred_opt());
        let text = plain(&value);
        let unit = unit_of(kind);
        let sentence = Bilingual {
            zh: format!(
                "{}：{} {text} {unit}，{} 起{}。",
                whose.zh,
                kind.name,
                valid.from,
                until.map(|day| format!("，至 {day}")).unwrap_or_default()
            ),
            en: format!(
                "{}: {} {text} {unit}, from {}{}.",
                whose.en,
                if kind.en.is_empty() {
                    &*kind.name
                } else {
                    kind.en.as_str()
                },
                valid.from,
                until.map(|day| format!(" to {day}")).unwrap_or_default()
            ),
        };
        facts.evidence.push(Evidence {
            id: request,
            shard: home.shard.clone(),
            subject,
            kind: kind.name.to_string(),
            value,
            valid,
            withdraws: Vec::new(),
            provenance,
        });
        Ok(sentence)
    }
}

/// Days as forms ask for them: the last day is included, an empty one means that it goes on.
fn period(from: &str, to: &str) -> Result<Period, Trouble> {
    let bad =
        |error: base::TimeError| Trouble::input(format!("日期有误：{error}"), error.to_string());
    let from = parse_day(from).map_err(bad)?;
    let to = match to.trim() {
        "" => None,
        text => parse_day(text).map_err(bad)?.succ_opt(),
    };
    Period::new(from, to)
        .map_err(|_| Trouble::input("结束日期早于起始日期", "the last day is before the first"))
}

/// A value as typed, read by the kind's type.
fn value_of(kind: &EvidenceKind, text: &str) -> Result<Value, Trouble> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Trouble::input("请填写内容", "a value is needed"));
    }
    let plain = text.replace([',', '，'], "");
    let value = match input_of(&kind.ty) {
        Input::Number => serde_json::from_str::<serde_json::Number>(&plain)
            .map(Value::Number)
            .map_err(|_| {
                Trouble::input(
                    format!("`{text}` 不是数"),
                    format!("`{text}` is not a number"),
                )
            })?,
        Input::Boolean => Value::Bool(text == "true"),
        Input::Fields(_) | Input::Json => serde_json::from_str(text)
            .map_err(|error| Trouble::input(format!("内容有误：{error}"), error.to_string()))?,
        _ => Value::String(text.to_string()),
    };
    kind.parse(&value)
        .map_err(|error| Trouble::input(format!("内容不合要求：{error}"), error.to_string()))?;
    Ok(value)
}

/// What follows besides the sums, in sentences.
pub(super) fn follows(correction: &Correction) -> Vec<Bilingual> {
    let mut told = Vec::new();
    let mut say = |zh: String, en: String| told.push(Bilingual { zh, en });
    if !correction.evidence.is_empty() {
        say(
            "减发之前须先听取意见：在此之前金额不降低。".into(),
            "The recipient must be heard first: until then the amount does not fall.".into(),
        );
    }
    for case in &correction.cases {
        let word = both(&format!("case-{}", super::people::case_kind(case.kind)));
        say(
            format!("立一个办件：{}。", word.zh),
            format!("A case is opened: {}.", word.en),
        );
    }
    for plan in &correction.plans {
        let (zh, en) = match plan.cap_percent {
            Some(cap) => (
                format!("，每次不超过 {cap}%"),
                format!(", at most {cap}% of each payment"),
            ),
            None => (String::new(), String::new()),
        };
        say(
            format!("追回 {} 元（{}）{zh}。", plan.amount, plan.period),
            format!("{} yuan for {} come back{en}.", plan.amount, plan.period),
        );
    }
    let waived: base::Fen = correction.sums.iter().map(|s| s.waived).sum();
    if waived.0 > 0 {
        say(
            format!("免除 {waived} 元小额多发。"),
            format!("{waived} yuan are waived as too small."),
        );
    }
    if !correction.notices.is_empty() {
        let n = correction.notices.len();
        say(
            format!("生成 {n} 份通知书。"),
            format!("{n} letters are made."),
        );
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_is_included() {
        let p = period("2026-03-01", "2026-03-31").expect("a period");
        assert_eq!(p.to.map(|d| d.to_string()).as_deref(), Some("2026-04-01"));
        assert!(period("2026-03-01", "2026-03-01").is_ok());
        assert!(period("2026-03-02", "2026-03-01").is_err());
        assert_eq!(period("2026-03-01", "").expect("a period").to, None);
    }
}
