//! What clerks do: late facts of every kind, most of them right, some of them wrong and taken back, about any
//! household and any month. Kinds, values, programmes and places are those of the register and the law.

use super::Draw;
use crate::service::Office;
use crate::service::change::{Facts, Prefetched};
use crate::service::identity::Parting;
use base::{Day, Fen, Id, Instant, Month, Period};
use entitlement::change::At;
use entitlement::decision::{Decision, Ruling, withdrawal};
use entitlement::determination::{Award, SubjectKey};
use entitlement::{Outcome, Subject};
use policy::law::Register;
use registry::record::{Evidence, Household, Identity, Membership, Provenance, Residence, Sex};
use registry::slice::HouseholdHistory;
use registry::timeline;
use std::collections::BTreeMap;

/// Values that pieces of evidence have in the register, by kind; so that drawn ones are of their type.
#[derive(Clone, Debug, Default)]
pub struct Values {
    seen: BTreeMap<String, Vec<serde_json::Value>>,
}

impl Values {
    /// Remembers the values of a history; a few hundred of a kind.
    pub fn learn(&mut self, history: &HouseholdHistory) {
        for e in history.evidence.iter().filter(|e| e.withdraws.is_empty()) {
            let list = self.seen.entry(e.kind.clone()).or_default();
            if list.len() < 200 {
                list.push(e.value.clone());
            }
        }
    }

    fn draw(&self, kind: &str, draw: &mut Draw) -> serde_json::Value {
        match self.seen.get(kind) {
            Some(list) if !list.is_empty() => list[draw.below(list.len() as u64) as usize].clone(),
            _ => serde_json::Value::Null,
        }
    }
}

/// What a clerk sees and when.
pub struct Desk<'a> {
    /// Law and places.
    pub office: &'a Office,
    /// The household, with everything known of it.
    pub read: &'a Prefetched,
    /// Another household.
    pub other: Id,
    /// Values by kind.
    pub values: &'a Values,
    /// Communities.
    pub areas: &'a [String],
    /// First month of the register.
    pub first: Month,
    /// Now.
    pub at: At,
}

/// What a clerk did: its name, and the facts.
pub type Act = (&'static str, Facts);

impl Desk<'_> {
    /// Draws something to do about the household; `None` when it does not fit.
    pub fn act(&self, draw: &mut Draw) -> Option<Act> {
        let home = self.read.households.first()?;
        Some(match draw.below(100) {
            0..44 => ("evidence", self.evidence(home, draw)?),
            44..56 => ("withdrawal", self.withdraw(home, draw)?),
            56..59 => ("death", self.death(home, draw)?),
            59..64 => ("joined", self.joins(home, draw)?),
            64..67 => ("left", self.leaves(home, draw)?),
            67..71 => ("moved", self.moved(home, draw)?),
            71..73 => ("divorce", self.divorce(home, draw)?),
            73..76 => ("identity", self.identity(home, draw)?),
            76..83 => ("decision", self.decision(draw)?),
            83..88 => ("reversed", self.reverse(home, draw)?),
            88..95 => ("award", self.award(home, draw)?),
            _ => ("award-changed", self.award_changed(draw)?),
        })
    }

    /// A member of the household, if it has any.
    pub fn anyone(&self, draw: &mut Draw) -> Option<Id> {
        Some(self.someone(self.read.households.first()?, draw)?.person)
    }

    /// A member's record was two persons': about half of what it says is the other's.
    pub fn parting(&self, draw: &mut Draw) -> Option<Parting> {
        let home = self.read.households.first()?;
        let one = self.someone(home, draw)?.person;
        let held = timeline::identity_at(
            home.identities.iter().filter(|i| i.person == one),
            self.at.now,
        )?;
        let other = Identity {
            id: self.mint(draw),
            person: self.mint(draw),
            number: None,
            ..held.clone()
        };
        let gone = timeline::withdrawn(&home.evidence, self.at.now);
        let pieces = home
            .evidence
            .iter()
            .filter(|e| e.subject == one && e.withdraws.is_empty() && !gone.contains(&e.id))
            .filter(|e| !e.kind.starts_with('@') && draw.below(2) == 0)
            .map(|e| e.id)
            .collect();
        let places: std::collections::BTreeSet<Id> = home
            .memberships
            .iter()
            .filter(|m| m.person == one && m.member && Some(m.household) == home.household)
            .map(|m| m.id)
            .collect();
        (!places.is_empty()).then_some(Parting {
            one,
            other,
            pieces,
            places,
        })
    }

    fn mint(&self, draw: &mut Draw) -> Id {
        draw.id(self.at.now)
    }

    fn provenance(&self, source: &str) -> Provenance {
        Provenance {
            recorded_at: self.at.now,
            recorded_by: "clerk".into(),
            source: source.into(),
        }
    }

    fn members(&self, home: &HouseholdHistory, day: Day) -> Vec<Membership> {
        let Some(id) = home.household else {
            return Vec::new();
        };
        timeline::members_on(&home.memberships, id, day, self.at.now)
            .into_iter()
            .cloned()
            .collect()
    }

    fn someone(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Membership> {
        let members = self.members(home, self.at.today);
        let n = draw.below(members.len().max(1) as u64) as usize;
        members.get(n).cloned()
    }

    /// A day in the life of the register, older ones as often as younger ones.
    fn past_day(&self, draw: &mut Draw) -> Day {
        let first = self.first.first();
        let days = (self.at.today - first).num_days().max(0) as u64;
        first + chrono::Days::new(draw.below(days + 1))
    }

    fn past_period(&self, draw: &mut Draw) -> Period {
        let mut from = self.past_day(draw);
        if draw.below(2) == 0 {
            from = Month::of(from).first();
        }
        let to = (draw.below(10) < 7)
            .then(|| from.checked_add_days(chrono::Days::new(1 + draw.below(400))))
            .flatten();
        Period { from, to }
    }

    /// A month up to the present one.
    fn past_month(&self, draw: &mut Draw) -> Month {
        let months = (self.at.month().index() - self.first.index()).max(0) as u64;
        self.first.plus(draw.below(months + 1) as i32)
    }

    fn piece(
        &self,
        subject: Id,
        kind: &str,
        value: serde_json::Value,
        valid: Period,
        draw: &mut Draw,
    ) -> Evidence {
        Evidence {
            id: self.mint(draw),
            shard: self.read.households[0].shard.clone(),
            subject,
            kind: kind.into(),
            value,
            valid,
            withdraws: Vec::new(),
            provenance: self.provenance("clerk's correction"),
        }
    }

    fn evidence(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let mut evidence = Vec::new();
        for _ in 0..1 + draw.below(3) / 2 {
            let about_household = draw.below(5) == 0;
            let subject = if about_household {
                Subject::Household
            } else {
                Subject::Person
            };
            let id = match subject {
                Subject::Household => home.household?,
                Subject::Person => self.someone(home, draw)?.person,
            };
            let kinds: Vec<&str> = self
                .office
                .law()
                .kinds(subject)
                .iter()
                .filter(|k| k.register.is_none())
                .map(|k| k.name.as_ref())
                .filter(|name| self.values.seen.contains_key(*name))
                .collect();
            let kind = *kinds.get(draw.below(kinds.len().max(1) as u64) as usize)?;
            let value = self.values.draw(kind, draw);
            let valid = self.past_period(draw);
            evidence.push(self.piece(id, kind, value, valid, draw));
        }
        Some(Facts {
            evidence,
            ..Facts::default()
        })
    }

    fn withdraw(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let gone = timeline::withdrawn(&home.evidence, self.at.now);
        let standing: Vec<&Evidence> = home
            .evidence
            .iter()
            .filter(|e| e.kind != entitlement::decision::KIND && e.withdraws.is_empty())
            .filter(|e| !gone.contains(&e.id))
            .collect();
        let old = *standing.get(draw.below(standing.len().max(1) as u64) as usize)?;
        // It asserts nothing itself: its own day lies before anything that is asked about.
        let before = Day::from_ymd_opt(1900, 1, 1)?;
        let mut back = self.piece(
            old.subject,
            &old.kind,
            serde_json::Value::Null,
            Period {
                from: before,
                to: before.succ_opt(),
            },
            draw,
        );
        back.shard.clone_from(&old.shard);
        back.withdraws = vec![old.id];
        Some(Facts {
            evidence: vec![back],
            ..Facts::default()
        })
    }

    fn death(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let kind = self
            .office
            .law()
            .kinds(Subject::Person)
            .iter()
            .find(|k| k.register == Some(Register::Death))?;
        let who = self.someone(home, draw)?.person;
        let day = self.past_day(draw);
        let name = kind.name.to_string();
        let piece = self.piece(
            who,
            &name,
            serde_json::json!(day.to_string()),
            Period::since(day),
            draw,
        );
        Some(Facts {
            evidence: vec![piece],
            ..Facts::default()
        })
    }

    fn membership(
        &self,
        household: Id,
        person: Id,
        relation: &str,
        member: bool,
        valid: Period,
        draw: &mut Draw,
    ) -> Membership {
        Membership {
            id: self.mint(draw),
            household,
            person,
            relation: relation.into(),
            member,
            valid,
            provenance: self.provenance("clerk's correction"),
        }
    }

    fn joins(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let who = self.someone(home, draw)?;
        // A relation that is nobody's alone.
        let relation = home
            .memberships
            .iter()
            .map(|m| m.relation.as_str())
            .find(|r| *r != timeline::HEAD)
            .unwrap_or(timeline::HEAD);
        let valid = self.past_period(draw);
        Some(Facts {
            memberships: vec![self.membership(self.other, who.person, relation, true, valid, draw)],
            ..Facts::default()
        })
    }

    fn leaves(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let who = self.someone(home, draw)?;
        let valid = self.past_period(draw);
        Some(Facts {
            memberships: vec![self.membership(
                home.household?,
                who.person,
                &who.relation,
                false,
                valid,
                draw,
            )],
            ..Facts::default()
        })
    }

    fn moved(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let area = if draw.below(4) == 0 {
            // Out of the district, to any place of the law.
            let places = self.office.law().places().all();
            places
                .get(draw.below(places.len().max(1) as u64) as usize)?
                .code
                .clone()
        } else {
            self.areas
                .get(draw.below(self.areas.len().max(1) as u64) as usize)?
                .clone()
        };
        Some(Facts {
            residences: vec![Residence {
                id: self.mint(draw),
                household: home.household?,
                area,
                address: "—".into(),
                valid: self.past_period(draw),
                provenance: self.provenance("clerk's correction"),
            }],
            ..Facts::default()
        })
    }

    /// Two who lived together live apart: one of them, with a household of their own.
    fn divorce(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let members = self.members(home, self.at.today);
        if members.len() < 2 {
            return None;
        }
        let leaver = members.get(1 + draw.below(members.len() as u64 - 1) as usize)?;
        let valid = Period::since(self.past_day(draw));
        let household = self.mint(draw);
        let area = timeline::residence_on(
            home.residences
                .iter()
                .filter(|r| Some(r.household) == home.household),
            valid.from,
            self.at.now,
        )?
        .area
        .clone();
        Some(Facts {
            households: vec![Household {
                id: household,
                shard: home.shard.clone(),
                opened_at: self.at.now,
            }],
            residences: vec![Residence {
                id: self.mint(draw),
                household,
                area,
                address: "—".into(),
                valid,
                provenance: self.provenance("court's decision"),
            }],
            memberships: vec![
                self.membership(household, leaver.person, timeline::HEAD, true, valid, draw),
                self.membership(
                    home.household?,
                    leaver.person,
                    &leaver.relation,
                    false,
                    valid,
                    draw,
                ),
            ],
            ..Facts::default()
        })
    }

    fn identity(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let who = self.someone(home, draw)?.person;
        let held = timeline::identity_at(
            home.identities.iter().filter(|i| i.person == who),
            self.at.now,
        )?;
        let days = draw.below(6_000);
        let mut identity = Identity {
            id: self.mint(draw),
            provenance: self.provenance("register of births"),
            ..held.clone()
        };
        identity.birth = if draw.below(2) == 0 {
            held.birth.checked_sub_days(chrono::Days::new(days))?
        } else {
            held.birth
                .checked_add_days(chrono::Days::new(days))?
                .min(self.first.first())
        };
        if draw.below(10) == 0 {
            identity.sex = match held.sex {
                Sex::Male => Sex::Female,
                Sex::Female => Sex::Male,
            };
        }
        Some(Facts {
            identities: vec![identity],
            ..Facts::default()
        })
    }

    fn decision(&self, draw: &mut Draw) -> Option<Facts> {
        let award = self
            .read
            .awards
            .get(draw.below(self.read.awards.len().max(1) as u64) as usize)?;
        let ruling = match draw.below(3) {
            0 => Ruling::Pause,
            1 => Ruling::Confirm {
                amount: Fen(draw.below(90_000) as i64),
            },
            _ => Ruling::Hold {
                floor: Fen(draw.below(60_000) as i64),
            },
        };
        let from = self.past_month(draw);
        let to = (draw.below(3) > 0).then(|| from.plus(1 + draw.below(8) as i32));
        let decision = Decision {
            programme: award.programme.clone(),
            ruling,
            case: None,
            reason: "decided".into(),
        };
        let piece = decision.evidence(
            self.mint(draw),
            &award.subject,
            from,
            to,
            "approver",
            self.at.now,
        );
        Some(Facts {
            evidence: vec![piece],
            ..Facts::default()
        })
    }

    /// A decision is reversed on appeal.
    fn reverse(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let gone = timeline::withdrawn(&home.evidence, self.at.now);
        let standing: Vec<&Evidence> = home
            .evidence
            .iter()
            .filter(|e| e.kind == entitlement::decision::KIND && e.withdraws.is_empty())
            .filter(|e| !gone.contains(&e.id))
            .collect();
        let old = *standing.get(draw.below(standing.len().max(1) as u64) as usize)?;
        let person = home.household != Some(old.subject);
        let subject = SubjectKey {
            shard: old.shard.clone(),
            kind: if person {
                Subject::Person
            } else {
                Subject::Household
            },
            id: old.subject,
        };
        let piece = withdrawal(
            self.mint(draw),
            &subject,
            vec![old.id],
            old.valid,
            "court",
            "appeal",
            self.at.now,
        );
        Some(Facts {
            evidence: vec![piece],
            ..Facts::default()
        })
    }

    /// Somebody whom the rules entitle, or sometimes do not, gets an award; from this month or backdated.
    fn award(&self, home: &HouseholdHistory, draw: &mut Draw) -> Option<Facts> {
        let wanted: Vec<_> = self
            .read
            .determinations
            .iter()
            .filter(|d| matches!(d.outcome, Outcome::Entitled { .. }) || draw.below(20) == 0)
            .filter(|d| d.subject.shard == home.shard)
            .map(|d| (d.subject.clone(), d.programme.clone()))
            .collect();
        let (subject, programme) = wanted
            .get(draw.below(wanted.len().max(1) as u64) as usize)?
            .clone();
        let from = match draw.below(3) {
            0 => self.past_month(draw),
            _ => self.at.month(),
        };
        Some(grant(subject, programme, from, None, self.at.now))
    }

    fn award_changed(&self, draw: &mut Draw) -> Option<Facts> {
        let award = self
            .read
            .awards
            .get(draw.below(self.read.awards.len().max(1) as u64) as usize)?;
        let mut changed = award.clone();
        changed.recorded_at = self.at.now;
        changed.reason = "decided again".into();
        match draw.below(3) {
            0 => changed.from = self.past_month(draw),
            1 => changed.to = None,
            _ => changed.to = Some(self.past_month(draw)),
        }
        Some(Facts {
            awards: vec![changed],
            ..Facts::default()
        })
    }
}

/// An award of a programme; its id follows from whom and what, so that a second one changes the first.
pub fn grant(
    subject: SubjectKey,
    programme: String,
    from: Month,
    to: Option<Month>,
    now: Instant,
) -> Facts {
    Facts {
        awards: vec![Award {
            id: Id::derive(&["simulated-award", &programme, &subject.id.to_string()]),
            subject,
            programme,
            from,
            to,
            case: None,
            decided_by: "approver".into(),
            reason: "granted".into(),
            recorded_at: now,
        }],
        ..Facts::default()
    }
}
