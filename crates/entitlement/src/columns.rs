//! A population determined in columns: who is entitled to how much, and who is refused by which condition,
//! for whole batches at once. Reasons in words are the row road's, which is asked about whoever is wanted.

use crate::rules::{Carry, Rules};
use crate::situation::{Answer, Population, subjects};
use crate::{Outcome, Rhythm};
use base::{Fen, Id};
use policy::columnar::{Columns, Plan, code};
use policy::law::Situation;
use policy::programme::Subject;
use registry::slice::HouseholdSlice;
use registry::timeline::civil_day;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Why somebody was determined by row in a population that is determined in columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ByRow {
    /// The programme has a rule without a columnar form: which, and why.
    Rule(String),
    /// Something is not known, or cannot be computed: the row road says what.
    Open,
    /// A person to whom an earlier period handed something over.
    Carried,
    /// The household's situation cannot be made; the row road says why.
    Situation,
    /// The columns' verdict was not enough: it is not what stands, or it is the subject's turn to be
    /// compared to the last word.
    Asked,
}

impl fmt::Display for ByRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ByRow::Rule(why) => write!(f, "no columnar form ({why})"),
            ByRow::Open => f.write_str("something is not known or cannot be computed"),
            ByRow::Carried => f.write_str("the person's month before hands something over"),
            ByRow::Situation => f.write_str("the situation cannot be made"),
            ByRow::Asked => f.write_str("their turn, or not what stands"),
        }
    }
}

/// Who goes by row, by programme, slice and member, and how many for which reason.
#[derive(Default)]
struct Rows {
    who: HashSet<(usize, usize, Option<usize>)>,
    why: BTreeMap<(usize, ByRow), u64>,
}

impl Rows {
    fn add(&mut self, who: (usize, usize, Option<usize>), why: &ByRow) {
        if self.who.insert(who) {
            *self.why.entry((who.0, why.clone())).or_default() += 1;
        }
    }
}

/// Plans kept for a place and programme, for batches of different bounds.
const PLANS: usize = 8;

/// What columns say of one subject.
pub struct Verdict<'a> {
    /// Index of the slice.
    pub slice: usize,
    /// Index of the programme.
    pub programme: usize,
    /// The member that it is about; none when it is the household.
    pub member: Option<usize>,
    /// Not applicable, refused or entitled.
    pub outcome: &'a Outcome,
}

impl Population<'_> {
    /// Determines a batch in columns. `settled` is handed each verdict, and says whether it will do; whoever
    /// it does not, whoever columns cannot judge (undetermined, failed, a person to whom an earlier period
    /// handed something over), and whole programmes that have no columnar form go by row, as in
    /// [`Population::batch`]. Gives how many went by row, by programme and reason.
    pub fn in_columns<'c>(
        &mut self,
        slices: &[HouseholdSlice],
        carry: &dyn Fn(usize, Id) -> Option<&'c Carry>,
        settled: &mut dyn FnMut(&Verdict<'_>) -> bool,
        sink: &mut dyn FnMut(Answer),
    ) -> BTreeMap<(usize, ByRow), u64> {
        self.look_up(slices);
        let mut rows = Rows::default();
        let mut situations: BTreeMap<base::Day, Vec<Option<Situation>>> = BTreeMap::new();
        for n in 0..self.programmes.len() {
            for place in 0..self.programmes[n].places.len() {
                self.judge(
                    (n, place),
                    slices,
                    carry,
                    settled,
                    &mut situations,
                    &mut rows,
                );
            }
        }
        let wanted =
            |n: usize, slice: usize, member: Option<usize>| rows.who.contains(&(n, slice, member));
        self.by_row(slices, &wanted, carry, false, sink);
        rows.why
    }

    /// One programme for the households of one place; whoever is not settled is added to `rows`.
    fn judge<'c>(
        &mut self,
        (n, place): (usize, usize),
        slices: &[HouseholdSlice],
        carry: &dyn Fn(usize, Id) -> Option<&'c Carry>,
        settled: &mut dyn FnMut(&Verdict<'_>) -> bool,
        situations: &mut BTreeMap<base::Day, Vec<Option<Situation>>>,
        rows: &mut Rows,
    ) {
        let asked = &mut self.programmes[n];
        let here: Vec<usize> = (0..slices.len())
            .filter(|i| asked.by_area.get(&slices[*i].area) == Some(&Some(place)))
            .collect();
        let Some(first) = here.first() else { return };
        let (programme, day) = (asked.places[place].programme, asked.places[place].day);
        if programme.rhythm == Rhythm::Event {
            return;
        }
        if let Some(why) = &asked.places[place].by_row {
            let why = ByRow::Rule(why.clone());
            for i in here {
                subjects(programme, &slices[i]).for_each(|m| rows.add((n, i, m), &why));
            }
            return;
        }
        let (rules, memo) = (self.rules, &mut self.memo);
        let made = situations.entry(day).or_insert_with(|| {
            let of = |slice| rules.situation(slice, day, memo).ok();
            slices.iter().map(of).collect()
        });
        // What a household's period before handed over goes into columns; a person's does not.
        let of_persons = programme.subject == Subject::Person;
        let mut batch: Vec<(usize, Situation)> = Vec::with_capacity(here.len());
        for i in &here {
            let slice = &slices[*i];
            let carried = match of_persons {
                true => None,
                false => carry(n, slice.household),
            };
            let situation = made[*i].take().and_then(|mut situation| {
                let completed = rules.complete(&mut situation, programme, None, None, carried);
                completed.is_ok().then_some(situation)
            });
            match situation {
                Some(situation) => batch.push((*i, situation)),
                // The row road says what is wrong with it.
                None => {
                    subjects(programme, slice)
                        .for_each(|m| rows.add((n, *i, m), &ByRow::Situation));
                }
            }
        }
        let (indices, batch): (Vec<usize>, Vec<Situation>) = batch.into_iter().unzip();
        let law = rules.law();
        let area = &slices[*first].area;
        let wanted = |kind: &str| rules.reads(&asked.id, kind);
        let texts = self.texts.clone();
        let mut columns = Columns::of_kinds(law, texts, area, &batch, &wanted);
        for (i, situation) in indices.iter().zip(batch) {
            made[*i] = Some(situation);
        }
        let place = &mut asked.places[place];
        let plans = &mut place.plans;
        let fitting = plans.iter().position(|plan| plan.fits(&columns));
        if fitting.is_none() {
            let known = Some(civil_day(self.known));
            let plan = match Plan::new(law, &asked.id, &mut columns, day, known, false) {
                Ok(plan) => plan,
                Err(error) => {
                    let why = ByRow::Rule(error.to_string());
                    for i in indices {
                        subjects(programme, &slices[i]).for_each(|m| rows.add((n, i, m), &why));
                    }
                    return;
                }
            };
            // The newest first; the oldest makes room for it.
            plans.truncate(PLANS - 1);
            plans.insert(0, plan);
        }
        let plan = &plans[fitting.unwrap_or(0)];
        // Part of it was computed by row above; the next batch goes by row at once.
        place.by_row = plan
            .vectorised()
            .row_by_row
            .into_iter()
            .next()
            .map(|(rule, reason)| match rule.is_empty() {
                true => reason.to_string(),
                false => format!("{rule}: {reason}"),
            });
        let stuck = place.by_row.clone().map(ByRow::Rule);
        let decisions = plan.decisions(&columns, 1).1;
        let refused: Vec<Outcome> = (plan.conditions().iter())
            .map(|condition| Outcome::Refused {
                condition: condition.clone(),
            })
            .collect();
        let outcome = |at: usize| -> Option<Cow<'_, Outcome>> {
            Some(match *decisions.outcome.get(at)? {
                code::NOT_APPLICABLE => Cow::Owned(Outcome::NotApplicable),
                code::REFUSED => Cow::Borrowed(refused.get(*decisions.reason.get(at)? as usize)?),
                code::ENTITLED => Cow::Owned(Outcome::Entitled {
                    amount: plan.is_money().then_some(Fen(*decisions.amount.get(at)?)),
                }),
                _ => return None,
            })
        };
        let mut at = 0;
        for i in indices {
            let slice = &slices[i];
            for member in subjects(programme, slice) {
                let carried = member.is_some_and(|m| carry(n, slice.members[m].person).is_some());
                let outcome = outcome(at);
                at += 1;
                let why = match &outcome {
                    _ if stuck.is_some() => stuck.as_ref(),
                    _ if carried => Some(&ByRow::Carried),
                    None => Some(&ByRow::Open),
                    Some(outcome) => {
                        let verdict = Verdict {
                            slice: i,
                            programme: n,
                            member,
                            outcome,
                        };
                        (!settled(&verdict)).then_some(&ByRow::Asked)
                    }
                };
                if let Some(why) = why {
                    rows.add((n, i, member), why);
                }
            }
        }
    }
}
