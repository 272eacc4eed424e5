//! The walk along a subject's chain of periods: what is touched, what follows, what is owed.

use crate::change::{At, Touch};
use crate::decision::{self, Decision};
use crate::determination::{Determination, EntitlementChange, PeriodKey, SubjectKey};
use crate::determine::{Found, gone, next_version, subject_of};
use crate::hearing::{Settling, basis, hearable};
use crate::owed::{Cause, Standing, award_running, change_to, owed};
use crate::redetermination::{Attention, Consequences, Difference, Hold, Known, Opened, RunError};
use crate::rules::{Ask, Carry, Rules, programme_of_month};
use crate::slices::Slices;
use crate::{ApplicationRule, Evaluation, Outcome, Programme, Rhythm};
use base::{Day, Fen, Id, Month};
use policy::programme::Subject;
use registry::record::Evidence;
use registry::slice::HouseholdHistory;
use registry::timeline;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One period of a subject's chain, in the order in which carry runs.
struct Link<'a> {
    period: PeriodKey,
    /// First and last day on which its reference day may lie.
    days: (Day, Day),
    month: Month,
    /// For events: the piece of evidence and whether it stands.
    event: Option<(&'a Evidence, bool)>,
}

/// Where a subject is on the reference day.
struct Seat {
    household: usize,
    member: Option<usize>,
    day: Day,
}

pub(crate) struct Run<'a, R: Rules + ?Sized> {
    rules: &'a R,
    known: &'a Known<'a>,
    at: At,
    touches: Vec<Touch>,
    /// Those that concern the programme at hand.
    near: Vec<Touch>,
    slices: Slices<'a>,
    pub out: Consequences,
}

/// What one chain needs while it is walked.
struct Chain<'a> {
    id: Id,
    kind: Subject,
    programme: &'a str,
    /// Latest stored version by period.
    stored: HashMap<PeriodKey, &'a Determination>,
    /// Latest change of what is owed by period.
    owed: HashMap<PeriodKey, &'a EntitlementChange>,
}

impl<'a, R: Rules + ?Sized> Run<'a, R> {
    pub fn new(rules: &'a R, known: &'a Known<'a>, touches: Vec<Touch>, at: At) -> Run<'a, R> {
        Run {
            rules,
            known,
            at,
            touches,
            near: Vec::new(),
            slices: Slices::new(known.households, rules.kinds(), at.now),
            out: Consequences::default(),
        }
    }

    pub fn programme(&mut self, opened: &'a Opened) -> Result<(), RunError> {
        let id = opened.programme.as_str();
        self.near = self
            .touches
            .iter()
            .filter(|t| t.concerns(None, id) && self.reads(id, t))
            .cloned()
            .collect();
        if self.near.is_empty() {
            return Ok(());
        }
        let Some(sample) = self.sample(opened) else {
            return Ok(());
        };
        let mut chains: BTreeMap<Id, Chain<'a>> = BTreeMap::new();
        for subject in self.subjects(sample.subject, id) {
            chains.insert(
                subject,
                Chain {
                    id: subject,
                    kind: sample.subject,
                    programme: id,
                    stored: HashMap::new(),
                    owed: HashMap::new(),
                },
            );
        }
        for d in self.known.determinations {
            if d.programme != id {
                continue;
            }
            if let Some(chain) = chains.get_mut(&d.subject.id) {
                let held = chain.stored.entry(d.period).or_insert(d);
                if held.version < d.version {
                    *held = d;
                }
            }
        }
        for c in self.known.changes.iter().filter(|c| c.programme == id) {
            if let Some(chain) = chains.get_mut(&c.subject.id) {
                let held = chain.owed.entry(c.period).or_insert(c);
                if held.sequence < c.sequence {
                    *held = c;
                }
            }
        }
        for chain in chains.values() {
            let links = self.links(sample, opened, chain.id);
            self.walk(chain, &links)?;
        }
        Ok(())
    }

    /// Can what was touched change what the programme yields? A piece of evidence that no version of it
    /// reads cannot; a death can, since nobody is left to be heard then.
    fn reads(&self, programme: &str, touch: &Touch) -> bool {
        let Some(kind) = &touch.kind else { return true };
        let death = self.rules.death_kind().and_then(|slot| {
            let kinds = &self.rules.kinds().person;
            kinds.get(usize::from(slot)).map(|(name, _)| name)
        });
        death == Some(kind) || self.rules.reads(programme, kind)
    }

    /// The programme as some text declares it: its subject and rhythm are the same in all.
    fn sample(&mut self, opened: &Opened) -> Option<&'a Programme> {
        let rules: &'a R = self.rules;
        let areas: BTreeSet<&str> = self
            .known
            .households
            .iter()
            .flat_map(|h| h.residences.iter().map(|r| r.area.as_str()))
            .collect();
        let days: Vec<Day> = opened
            .months
            .iter()
            .rev()
            .flat_map(|m| [m.first(), m.last()])
            .chain([self.at.today])
            .chain(self.known.households.iter().flat_map(|h| {
                // For events of long ago, under schemes that ended since.
                h.evidence.iter().map(|e| e.valid.from)
            }))
            .collect();
        days.iter().find_map(|day| {
            areas
                .iter()
                .find_map(|area| rules.programme(&opened.programme, area, *day))
        })
    }

    /// Ids of the households or persons that the touches reach.
    fn subjects(&self, kind: Subject, programme: &str) -> BTreeSet<Id> {
        let touched = self
            .known
            .households
            .iter()
            .filter(|h| self.near.iter().any(|t| t.concerns(h.household, programme)));
        match kind {
            Subject::Household => touched.filter_map(|h| h.household).collect(),
            Subject::Person => touched
                .flat_map(|h| {
                    let own =
                        move |m: &&registry::record::Membership| Some(m.household) == h.household;
                    h.memberships.iter().filter(own).map(|m| m.person)
                })
                .collect(),
        }
    }

    fn links(&self, sample: &Programme, opened: &Opened, subject: Id) -> Vec<Link<'a>> {
        let month_link = |period, month: Month| Link {
            period,
            days: (month.first(), month.last()),
            month,
            event: None,
        };
        match sample.rhythm {
            Rhythm::Month | Rhythm::Term => {
                let mut months = opened.months.clone();
                months.sort_unstable();
                months.dedup();
                months
                    .into_iter()
                    .map(|m| month_link(PeriodKey::Month(m), m))
                    .collect()
            }
            Rhythm::Once => opened
                .months
                .iter()
                .max()
                .map(|m| month_link(PeriodKey::Once, *m))
                .into_iter()
                .collect(),
            Rhythm::Event => self.events(sample.event.as_deref().unwrap_or(""), subject),
        }
    }

    /// The events of a subject in order of their day, withdrawn ones included.
    fn events(&self, kind: &str, subject: Id) -> Vec<Link<'a>> {
        let mut seen = BTreeSet::new();
        let pieces: Vec<&'a Evidence> = self
            .known
            .households
            .iter()
            .flat_map(|h| &h.evidence)
            .filter(|e| e.kind == kind && e.subject == subject && seen.insert(e.id))
            .filter(|e| e.provenance.recorded_at <= self.at.now)
            .collect();
        let mut links: Vec<Link<'a>> = pieces
            .iter()
            .map(|e| {
                let day = e.valid.from;
                let stands = timeline::all_in_force(pieces.iter().copied(), day, self.at.now)
                    .iter()
                    .any(|held| held.id == e.id);
                Link {
                    period: PeriodKey::Event(e.id),
                    days: (day, day),
                    month: Month::of(day),
                    // A piece with null for its value says expressly that there was nothing.
                    event: Some((*e, stands && !e.value.is_null())),
                }
            })
            .collect();
        links.sort_by_key(|l| (l.days.0, l.period));
        links
    }

    fn walk(&mut self, chain: &Chain<'a>, links: &[Link<'a>]) -> Result<(), RunError> {
        let mut carry_before: Option<Carry> = None;
        let mut carry_now: Option<Carry> = None;
        let mut year = None;
        let mut cause = None;
        let mut settled = Settling::default();
        for link in links {
            let stored = chain.stored.get(&link.period).copied();
            if self.begins_year(chain, link, &mut year) {
                (carry_before, carry_now) = (None, None);
            }
            let touched = self.touched(chain, link);
            let propagated = carry_before != carry_now;
            let evaluate = touched.is_some() || propagated;
            cause = touched.or(cause.filter(|_| propagated));
            let new = if evaluate {
                let (found, seat) = self.evaluate(chain, link, carry_now.as_ref(), false)?;
                let new = next_version(
                    found,
                    chain.programme,
                    stored,
                    self.rules.digest(),
                    self.at.now,
                    self.at.now,
                );
                let cause = cause.unwrap_or(Cause::LateFact);
                if let Some(standing) = new.as_ref().or(stored) {
                    self.settle(
                        chain,
                        link,
                        standing,
                        stored,
                        new.is_some(),
                        seat,
                        cause,
                        &mut settled,
                    );
                }
                new
            } else {
                let owed = chain.owed.get(&link.period).map(|c| c.owed);
                let owed = owed.map(|owed| self.basis_of(chain, link, stored, owed));
                settled.unheard(link.period);
                settled.note(link.period, owed);
                None
            };
            keep_carry(&mut carry_before, stored);
            keep_carry(&mut carry_now, new.as_ref().or(stored));
            self.out.determinations.extend(new);
        }
        self.finish(chain, settled, links.last().map(|l| l.period));
        Ok(())
    }

    /// Evaluates one period anew, with what the stored determinations of earlier periods handed over.
    pub fn again(
        &mut self,
        subject: &SubjectKey,
        opened: &'a Opened,
        period: PeriodKey,
        trace: bool,
    ) -> Result<Option<Evaluation>, RunError> {
        let Some(sample) = self.sample(opened) else {
            return Ok(None);
        };
        let id = opened.programme.as_str();
        let mut stored: HashMap<PeriodKey, &'a Determination> = HashMap::new();
        let own = |d: &&'a Determination| d.subject.id == subject.id && d.programme == id;
        let made = |d: &&'a Determination| d.made_at <= self.at.now;
        for d in self.known.determinations.iter().filter(own).filter(made) {
            let held = stored.entry(d.period).or_insert(d);
            if held.version < d.version {
                *held = d;
            }
        }
        let chain = Chain {
            id: subject.id,
            kind: sample.subject,
            programme: id,
            stored,
            owed: HashMap::new(),
        };
        let mut carry = None;
        let mut year = None;
        for link in self.links(sample, opened, subject.id) {
            if self.begins_year(&chain, &link, &mut year) {
                carry = None;
            }
            if link.period == period {
                let (found, seat) = self.evaluate(&chain, &link, carry.as_ref(), trace)?;
                return Ok(seat.map(|_| found.evaluation));
            }
            keep_carry(&mut carry, chain.stored.get(&link.period).copied());
        }
        Ok(None)
    }

    /// Does an event open a calendar year, for programmes that carry within the year only?
    fn begins_year(&self, chain: &Chain<'_>, link: &Link<'a>, year: &mut Option<i32>) -> bool {
        let Some((event, _)) = link.event else {
            return false;
        };
        let yearly = self
            .any_programme(chain, event.valid.from)
            .is_some_and(|p| p.carry_over.as_deref() == Some("year"));
        yearly && year.replace(link.month.year()) != Some(link.month.year())
    }

    fn any_programme(&self, chain: &Chain<'_>, day: Day) -> Option<&'a Programme> {
        let rules: &'a R = self.rules;
        self.known
            .households
            .iter()
            .flat_map(|h| &h.residences)
            .find_map(|r| rules.programme(chain.programme, &r.area, day))
    }

    /// The cause by which a link is touched: a change whose days hold its reference day, in a
    /// household where the subject is or was.
    fn touched(&mut self, chain: &Chain<'a>, link: &Link<'a>) -> Option<Cause> {
        let near: Vec<Touch> = self
            .near
            .iter()
            .filter(|t| t.concerns(None, chain.programme))
            .filter(|t| t.days.from <= link.days.1 && t.days.to.is_none_or(|to| to > link.days.0))
            .cloned()
            .collect();
        if near.is_empty() {
            return None;
        }
        let homes = self.homes(chain);
        for index in homes.iter().copied() {
            let household = self.known.households[index].household;
            let day = match link.event {
                Some((event, _)) => Some(event.valid.from),
                None => self
                    .reference(index, chain.programme, link.month)
                    .map(|(d, _)| d),
            };
            for touch in near
                .iter()
                .filter(|t| t.concerns(household, chain.programme))
            {
                let hit = match day {
                    Some(day) => touch.days.contains(day),
                    // The household is not there (any more): a stored result must go.
                    None => chain.stored.contains_key(&link.period),
                };
                if hit {
                    return Some(touch.cause);
                }
            }
        }
        None
    }

    /// Loaded households in which the subject is or was.
    fn homes(&self, chain: &Chain<'_>) -> Vec<usize> {
        let is_home = |h: &HouseholdHistory| match chain.kind {
            Subject::Household => h.household == Some(chain.id),
            Subject::Person => h
                .memberships
                .iter()
                .any(|m| m.person == chain.id && Some(m.household) == h.household),
        };
        (0..self.known.households.len())
            .filter(|i| is_home(&self.known.households[*i]))
            .collect()
    }

    /// The reference day of a month in a household, by the law where it lives.
    fn reference(&mut self, index: usize, id: &str, month: Month) -> Option<(Day, &'a Programme)> {
        let rules: &'a R = self.rules;
        for probe in [month.first(), month.last()] {
            if let Some(slice) = self.slices.on(index, probe)
                && let Some((day, programme)) = programme_of_month(rules, id, &slice.area, month)
                && (day == probe || self.slices.on(index, day).is_some())
            {
                return Some((day, programme));
            }
        }
        None
    }

    /// Runs the rules for one link. A subject that the register does not know on the day, or an event
    /// that was withdrawn, is not in question.
    fn evaluate(
        &mut self,
        chain: &Chain<'a>,
        link: &Link<'a>,
        carry: Option<&Carry>,
        trace: bool,
    ) -> Result<(Found, Option<Seat>), RunError> {
        let rules: &'a R = self.rules;
        let absent = |shard: &str| Found {
            subject: SubjectKey {
                shard: shard.into(),
                kind: chain.kind,
                id: chain.id,
            },
            period: link.period,
            evaluation: gone(),
        };
        let mut shard = String::new();
        for index in self.homes(chain) {
            shard.clone_from(&self.known.households[index].shard);
            let place = match link.event {
                Some((_, false)) => None,
                Some((event, true)) => {
                    let day = event.valid.from;
                    self.slices
                        .on(index, day)
                        .and_then(|s| rules.programme(chain.programme, &s.area, day))
                        .map(|p| (day, p))
                }
                None => self.reference(index, chain.programme, link.month),
            };
            let Some((day, programme)) = place else {
                continue;
            };
            let Some(slice) = self.slices.on(index, day) else {
                continue;
            };
            let member = match chain.kind {
                Subject::Household => None,
                Subject::Person => match slice.members.iter().position(|m| m.person == chain.id) {
                    Some(member) => Some(member),
                    None => continue,
                },
            };
            let event = link.event.map(|(e, _)| e.value.to_string());
            let evaluation: Evaluation = rules.evaluate(&Ask {
                programme,
                month: link.month,
                day,
                known: self.at.now,
                household: slice,
                member,
                event: event.as_deref(),
                carry,
                trace,
            })?;
            let found = Found {
                subject: subject_of(slice, member),
                period: link.period,
                evaluation,
            };
            let seat = Seat {
                household: index,
                member,
                day,
            };
            return Ok((found, Some(seat)));
        }
        if chain.kind == Subject::Person {
            // Whichever of the two is the reference day where the person then lived.
            for day in [link.days.0, link.days.1] {
                self.must_be_loaded(chain.id, day)?;
            }
        }
        Ok((absent(&shard), None))
    }

    /// Before a person counts as gone: is there a household, known by a membership, that was not
    /// handed in?
    fn must_be_loaded(&self, person: Id, day: Day) -> Result<(), RunError> {
        let pieces = self
            .known
            .households
            .iter()
            .flat_map(|h| &h.memberships)
            .filter(|m| m.person == person);
        match timeline::placed_on(pieces, day, self.at.now) {
            Some(m)
                if !self
                    .known
                    .households
                    .iter()
                    .any(|h| h.household == Some(m.household)) =>
            {
                Err(RunError::NotLoaded(m.household))
            }
            _ => Ok(()),
        }
    }

    fn basis_of(
        &self,
        chain: &Chain<'a>,
        link: &Link<'a>,
        stored: Option<&Determination>,
        owed: Fen,
    ) -> Fen {
        match stored {
            Some(stored) => basis(owed, &stored.outcome, &self.decisions(chain, link)),
            None => owed,
        }
    }

    /// The decisions about a period that hold as known now.
    fn decisions(&self, chain: &Chain<'a>, link: &Link<'a>) -> Vec<(Id, Decision)> {
        decision::in_force(
            self.known.households.iter().flat_map(|h| &h.evidence),
            chain.id,
            chain.programme,
            link.month,
            self.at.now,
        )
    }

    /// Brings what is owed for one period in line with its determination and the decisions about it.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of the walk, split off for its length"
    )]
    fn settle(
        &mut self,
        chain: &Chain<'a>,
        link: &Link<'a>,
        standing: &Determination,
        stored: Option<&Determination>,
        is_new: bool,
        seat: Option<Seat>,
        cause: Cause,
        settled: &mut Settling,
    ) {
        let last = chain.owed.get(&link.period).copied();
        let before = last.map_or(Fen::ZERO, |c| c.owed);
        let seat_programme = seat.as_ref().and_then(|s| {
            let rules: &'a R = self.rules;
            let slice = self.slices.on(s.household, s.day)?;
            Some((
                rules.programme(chain.programme, &slice.area, s.day)?,
                slice.area.to_string(),
                hearable(rules, slice, s.member),
            ))
        });
        let day = link.days.0;
        let programme = match &seat_programme {
            Some((programme, _, _)) => Some(*programme),
            None => self.any_programme(chain, day),
        };
        let Some(programme) = programme else {
            return;
        };
        let awarded = award_running(
            self.known.awards,
            &standing.subject,
            chain.programme,
            link.month,
            self.at.now,
        )
        .is_some();
        let decisions = self.decisions(chain, link);
        let status = Standing {
            outcome: &standing.outcome,
            awarded,
            owed: before,
        };
        let by_rules = owed(programme, status, &[]);
        let mut target = owed(programme, status, &decisions);
        let (area, heard) = match &seat_programme {
            Some((_, area, hearable)) => (area.clone(), !hearable),
            None => (String::new(), true),
        };
        let monthly = matches!(link.period, PeriodKey::Month(_));
        // Only a running award (or an automatic entitlement) has somebody who would lose.
        let running = awarded || programme.application == ApplicationRule::Automatic;
        let hearing = monthly && !heard && cause != Cause::Award && running && {
            let rules: &'a R = self.rules;
            rules
                .programme(chain.programme, &area, self.at.today)
                .unwrap_or(programme)
                .procedure
                .hearing_before_reduction
        };
        if hearing {
            target = settled.keep(link.month, self.at.month(), last.map(|c| c.owed), target);
        } else {
            settled.unheard(link.period);
        }
        settled.area = area;
        settled.subject = Some(standing.subject.clone());
        settled.last = Some((
            link.period,
            standing.outcome.clone(),
            awarded,
            is_new,
            programme.application,
        ));
        settled.note(
            link.period,
            Some(basis(target, &standing.outcome, &decisions)),
        );
        let change = change_to(target, standing, last, cause, self.at.now);
        if is_new || change.is_some() {
            self.out.differences.push(Difference {
                subject: standing.subject.clone(),
                programme: chain.programme.into(),
                period: link.period,
                before: stored.cloned(),
                after: standing.clone(),
                owed_before: before,
                owed_after: target,
                by_rules,
                cause,
            });
        }
        self.out.changes.extend(change);
    }

    /// After the last link: the holds, and who must be looked at.
    fn finish(&mut self, chain: &Chain<'a>, mut settled: Settling, latest: Option<PeriodKey>) {
        let holds = settled.holds();
        let Some(subject) = settled.subject else {
            return;
        };
        for (held, to) in holds {
            self.out.holds.push(Hold {
                subject: subject.clone(),
                programme: chain.programme.into(),
                area: settled.area.clone(),
                from: held.from,
                to,
                floor: held.floor,
                proposed: held.proposed,
            });
        }
        if let Some((period, outcome, awarded, true, application)) = settled.last
            && Some(period) == latest
            && let Some(look) = crate::month::look(application, &outcome, awarded)
        {
            self.out.attention.push(Attention {
                subject,
                programme: chain.programme.into(),
                area: settled.area,
                period,
                look,
            });
        }
    }
}

/// What the next period sees: the nearest earlier period that was in question.
fn keep_carry(carry: &mut Option<Carry>, determination: Option<&Determination>) {
    if let Some(d) = determination.filter(|d| d.outcome != Outcome::NotApplicable) {
        *carry = Some(d.carry.clone()).filter(|c| !c.is_empty());
    }
}
