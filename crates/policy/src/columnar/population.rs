//! A population's evidence in columns: from situations, from Arrow, and back to situations.

use super::column::{Coding, Flat, GRAIN, Info, Spots, Texts, Tile, decode, lay, tiles};
use super::lower::Bind;
use crate::feel::value::{Context, Value};
use crate::law::{Carry, Law, Record, Situation};
use crate::programme::Subject;
use base::Day;
use std::sync::Arc;

/// Most households of one tile: its columns stay in the second-level cache for all months.
const TILE: usize = 2048;

/// A kind's values: since when, and where.
pub(crate) type Versions = Vec<(Option<Day>, Bind)>;

/// Evidence of a population, laid out for [`super::Plan`]: households of one size together.
#[derive(Clone, Debug)]
pub struct Columns {
    pub(crate) texts: Arc<Texts>,
    pub(crate) infos: Vec<Info>,
    /// By subject and kind.
    pub(crate) kinds: [Vec<Versions>; 2],
    pub(crate) carry: Vec<(Arc<str>, Bind)>,
    pub(crate) others: Vec<Vec<Value>>,
    pub(crate) starts: Vec<u32>,
    pub(crate) places: Vec<String>,
    pub(crate) tiles: Vec<Tile>,
}

/// What is read of a population before it is laid out.
pub(crate) struct Draft {
    pub texts: Arc<Texts>,
    pub flats: Vec<Flat>,
    pub kinds: [Vec<Versions>; 2],
    pub carry: Vec<(Arc<str>, Bind)>,
    pub others: Vec<Vec<Value>>,
    pub starts: Vec<u32>,
    pub places: Vec<String>,
    pub place_of: Vec<u16>,
}

impl Draft {
    /// Nothing recorded of anything.
    pub fn new(law: &Law, texts: Arc<Texts>) -> Draft {
        let kinds = [Subject::Household, Subject::Person].map(|subject| {
            law.kinds(subject)
                .iter()
                .map(|k| vec![(None, Bind::Fixed(k.absent_value()))])
                .collect()
        });
        Draft {
            texts,
            flats: Vec::new(),
            kinds,
            carry: Vec::new(),
            others: Vec::new(),
            starts: vec![0],
            places: Vec::new(),
            place_of: Vec::new(),
        }
    }

    /// A column of values, coded when they can be.
    pub fn bind(&mut self, values: Vec<Value>, coding: Option<Coding>, member: bool) -> Bind {
        if let Some(flat) = coding.and_then(|c| Flat::of(&values, c, member, &self.texts)) {
            return self.flat(flat);
        }
        self.others.push(values);
        Bind::Other(self.others.len() as u32 - 1)
    }

    pub fn flat(&mut self, flat: Flat) -> Bind {
        self.flats.push(flat);
        Bind::Column(self.flats.len() as u32 - 1)
    }

    pub fn lay_out(self) -> Columns {
        let infos: Vec<Info> = self.flats.iter().map(Info::of).collect();
        let tiles = tiles(&self.flats, &infos, &self.starts, &self.place_of, TILE);
        Columns {
            texts: self.texts,
            infos,
            kinds: self.kinds,
            carry: self.carry,
            others: self.others,
            starts: self.starts,
            places: self.places,
            tiles,
        }
    }
}

impl Columns {
    /// Lays out situations that are all of one day and one place. `texts` numbers the texts: share
    /// one over the batches of a population.
    pub fn from_situations(
        law: &Law,
        texts: Arc<Texts>,
        place: &str,
        situations: &[Situation],
    ) -> Columns {
        Columns::of_kinds(law, texts, place, situations, &|_| true)
    }

    /// As [`Columns::from_situations`], with the kinds (by name) that are wanted; of the others nothing is
    /// recorded. Give every kind that the programmes read.
    pub fn of_kinds(
        law: &Law,
        texts: Arc<Texts>,
        place: &str,
        situations: &[Situation],
        wanted: &dyn Fn(&str) -> bool,
    ) -> Columns {
        let mut draft = Draft::new(law, texts);
        draft.places = vec![place.to_string()];
        draft.place_of = vec![0; situations.len()];
        for s in situations {
            let last = draft.starts.last().copied().unwrap_or(0);
            draft.starts.push(last + s.members.len() as u32);
        }
        for (who, subject) in [Subject::Household, Subject::Person]
            .into_iter()
            .enumerate()
        {
            for kind in law.kinds(subject).iter().filter(|k| wanted(&k.name)) {
                let slot = kind.slot;
                let at = |record: &Record| record.get(slot).cloned().unwrap_or_default();
                let values: Vec<Value> = match who {
                    0 => situations.iter().map(|s| at(&s.household)).collect(),
                    _ => situations
                        .iter()
                        .flat_map(|s| s.members.iter().map(at))
                        .collect(),
                };
                let coding = if kind.many {
                    None
                } else {
                    Coding::of(&kind.ty)
                };
                let bind = draft.bind(values, coding, who == 1);
                draft.kinds[who][slot] = vec![(None, bind)];
            }
        }
        let names: Vec<Arc<str>> = situations
            .iter()
            .filter_map(|s| s.previous.as_ref())
            .find_map(|c| {
                let context = c.0.as_context()?;
                Some(context.iter().map(|(n, _)| n.clone()).collect())
            })
            .unwrap_or_default();
        // What a person's programme hands over belongs to the person that it is about.
        let person = situations.iter().any(|s| s.subject_member.is_some());
        for name in names {
            let of = |s: &Situation| {
                let carry = s.previous.as_ref().and_then(|c| c.0.as_context());
                carry
                    .and_then(|c| c.get(&name))
                    .cloned()
                    .unwrap_or_default()
            };
            let values: Vec<Value> = if person {
                situations
                    .iter()
                    .flat_map(|s| {
                        let subject = s.subject_member;
                        (0..s.members.len()).map(move |m| {
                            if Some(m) == subject {
                                of(s)
                            } else {
                                Value::Null
                            }
                        })
                    })
                    .collect()
            } else {
                situations.iter().map(of).collect()
            };
            let coding = values.iter().find_map(|v| match v {
                Value::Number(_) => Some(Coding::Number { scale: 0 }),
                Value::Boolean(_) => Some(Coding::Boolean),
                Value::Text(_) => Some(Coding::Text),
                Value::Date(_) => Some(Coding::Date),
                Value::YearsMonths(_) => Some(Coding::Months),
                _ => None,
            });
            let bind = match coding {
                None if values.iter().all(Value::is_null) => Bind::Fixed(Value::Null),
                coding => draft.bind(values, coding, person),
            };
            draft.carry.push((name, bind));
        }
        draft.lay_out()
    }

    /// How many households.
    pub fn households(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// How many members of households.
    pub fn members(&self) -> usize {
        self.starts.last().copied().unwrap_or(0) as usize
    }

    /// The places of the population, by the number that each household has.
    pub fn places(&self) -> &[String] {
        &self.places
    }

    /// Where each kind's values of a day are.
    pub(crate) fn bound(&self, day: Day) -> [Vec<Bind>; 2] {
        [0, 1].map(|who: usize| {
            self.kinds[who]
                .iter()
                .map(|versions| {
                    let holds = versions
                        .iter()
                        .rev()
                        .find(|(from, _)| from.is_none_or(|f| f <= day));
                    holds.map_or(Bind::Fixed(Value::Null), |(_, bind)| bind.clone())
                })
                .collect()
        })
    }

    fn read(&self, bind: &Bind, tile: &Tile, lane: usize, slot: Option<usize>) -> Value {
        match bind {
            Bind::Fixed(value) => value.clone(),
            Bind::Other(n) => {
                let row = tile.rows.get(lane).copied().unwrap_or(0) as usize;
                let at = match slot {
                    None => row,
                    Some(slot) => self.starts.get(row).copied().unwrap_or(0) as usize + slot,
                };
                let values = self.others.get(*n as usize);
                values.and_then(|v| v.get(at)).cloned().unwrap_or_default()
            }
            Bind::Column(n) => {
                let n = *n as usize;
                let at = slot.unwrap_or(0) * tile.lanes + lane;
                if tile.gaps[n].get(at).copied().unwrap_or(0) != 0 {
                    return Value::Null;
                }
                let info = &self.infos[n];
                let coded = match tile.values[n].len() {
                    0 => info.low,
                    _ => tile.values[n].get(at),
                };
                decode(coded, info.coding, &self.texts)
            }
        }
    }

    /// The situation of one household, as the row road takes it.
    pub(crate) fn situation(
        &self,
        bound: &[Vec<Bind>; 2],
        tile: &Tile,
        lane: usize,
        day: Day,
        subject_member: Option<usize>,
    ) -> Situation {
        let record = |who: usize, slot: Option<usize>| -> Record {
            bound[who]
                .iter()
                .map(|bind| self.read(bind, tile, lane, slot))
                .collect()
        };
        let previous = (!self.carry.is_empty()).then(|| {
            let context: Context = self
                .carry
                .iter()
                .map(|(name, bind)| {
                    let slot = match bind {
                        Bind::Column(n) if self.infos[*n as usize].member => {
                            subject_member.or(Some(0))
                        }
                        _ => None,
                    };
                    (name.clone(), self.read(bind, tile, lane, slot))
                })
                .collect();
            Carry(Value::Context(Arc::new(context)))
        });
        Situation {
            household: record(0, None),
            members: (0..tile.size).map(|m| record(1, Some(m))).collect(),
            subject_member,
            previous,
            event: None,
            day,
        }
    }

    /// Adds a column of computed values in the order of households or members.
    pub(crate) fn add(&mut self, flat: &Flat) -> u32 {
        let info = Info::of(flat);
        let at = self.infos.len() as u32;
        self.infos.push(info);
        for tile in &mut self.tiles {
            let spots = Spots::of(&self.starts, &tile.rows);
            let one = lay(flat, &info, &spots, tile.size);
            tile.values.push(one.0);
            tile.gaps.push(one.1);
        }
        at
    }

    /// Bytes that the columns take.
    pub fn bytes(&self) -> usize {
        self.tiles
            .iter()
            .map(|t| {
                t.values
                    .iter()
                    .map(super::column::Lanes::bytes)
                    .sum::<usize>()
                    + t.gaps.iter().map(|g| g.len() * 4).sum::<usize>()
                    + t.rows.len() * 4
                    + t.places.len() * 2
            })
            .sum()
    }

    /// Lanes computed for each household that there is: what rounding up to whole blocks costs.
    pub fn padding(&self) -> f64 {
        let lanes: usize = self.tiles.iter().map(|t| t.lanes * t.size.max(1)).sum();
        let real: usize = self.tiles.iter().map(|t| t.count * t.size.max(1)).sum();
        lanes as f64 / real.max(GRAIN.min(1)) as f64
    }
}
