//! Editions: the rules and figures in force at one place over a stretch of days, as known then.

use super::compile::{Compiled, Read};
use super::corpus::{Corpus, Law};
use super::eval::Plan;
use super::kinds::which;
use super::model::{Body, Definition};
use super::prelude::{Unit, Value};
use crate::programme::{Programme, Subject};
use base::Day;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// No rule, no row.
pub(crate) const NONE: u32 = u32::MAX;

/// The law at one place on one day: which definition each name has, which row each parameter.
/// Shared; one serves every household of the place for as long as nothing changes.
#[derive(Debug)]
pub struct Edition {
    pub(crate) corpus: Arc<Corpus>,
    /// Index of the place whose law it is.
    pub(crate) place: usize,
    /// For each rule name of a subject its definition, or [`NONE`].
    pub(crate) rules: [Vec<u32>; 2],
    pub(crate) functions: Vec<u32>,
    /// For each parameter its value, null when no row holds.
    pub(crate) parameters: Vec<Value>,
    /// For each parameter its row, or [`NONE`].
    pub(crate) rows: Vec<u32>,
    /// For each version of a programme its rules by number; `None` for versions not in force.
    pub(crate) plans: Vec<Option<Plan>>,
    /// Versions of programmes in force, by id.
    pub(crate) programmes: HashMap<String, usize>,
    /// First day that the edition serves, and the first day after; open at either end.
    pub(crate) days: (Option<Day>, Option<Day>),
    /// The carry of a first period, by subject.
    pub(crate) no_carry: [Value; 2],
}

/// Why there is no edition, programme or rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LawError {
    /// The place is not in `places.csv`, nor within one that is.
    #[error(
        "the place `{0}` is not in places.csv; add it, or use a code that begins with a listed one"
    )]
    UnknownPlace(String),
    /// No programme or rule of that name is in force there and then.
    #[error("`{name}` is not in force at {place} on {day}{}", suggestion(.hint))]
    NotInForce {
        /// Name or id asked for.
        name: String,
        /// Place.
        place: String,
        /// Day.
        day: Day,
        /// A name that is in force and close to it.
        hint: Option<String>,
    },
    /// The situation does not fit.
    #[error(transparent)]
    Situation(#[from] super::SituationError),
    /// A programme or rule about a person, and a situation that says of no member that it is about him.
    #[error("`{name}` is about a person: the situation must say which member")]
    NoSubject {
        /// Name asked for.
        name: String,
    },
    /// A rule that the outcome needs cannot be computed.
    #[error("rule `{rule}` ({citation}) cannot be computed{}: {message}", .member.map_or_else(String::new, |m| format!(" for member {}", m + 1)))]
    Fault {
        /// The rule.
        rule: String,
        /// Its article.
        citation: base::Citation,
        /// Index of the member.
        member: Option<usize>,
        /// What happened.
        message: String,
    },
    /// An amount that is not whole fen, or is below zero.
    #[error(
        "rule `{rule}` ({citation}) gives {value}, which is no amount of whole fen from zero up; let the rule round it"
    )]
    NotMoney {
        /// The rule.
        rule: String,
        /// Its article.
        citation: base::Citation,
        /// What it gave.
        value: String,
    },
    /// Neither a programme nor a rule anywhere in the law.
    #[error("there is no programme or rule `{name}`{}", suggestion(.hint))]
    UnknownName {
        /// Name or id asked for.
        name: String,
        /// A close name.
        hint: Option<String>,
    },
}

fn suggestion(hint: &Option<String>) -> String {
    hint.as_ref()
        .map_or_else(String::new, |h| format!("; did you mean `{h}`?"))
}

/// The days and places at which the law changes, and the editions made so far.
#[derive(Debug, Default)]
pub(crate) struct Editions {
    /// First days of stretches in which nothing changes.
    days: Vec<Day>,
    /// Days on which figures became known.
    known: Vec<Day>,
    /// For each place the nearest place around it (or itself) that has law of its own.
    lawgiver: Vec<usize>,
    made: RwLock<HashMap<(usize, usize, usize), Arc<Edition>>>,
}

impl Editions {
    pub fn new(corpus: &Corpus) -> Editions {
        let mut days = Vec::new();
        let mut known = Vec::new();
        let mut own = vec![false; corpus.places.all().len()];
        for instrument in &corpus.instruments {
            days.push(instrument.from);
            days.extend(instrument.to.and_then(|d| d.succ_opt()));
            if let Some(n) = corpus
                .places
                .all()
                .iter()
                .position(|p| p.code == instrument.place)
            {
                own[n] = true;
            }
        }
        for parameter in &corpus.parameters.list {
            for row in &parameter.rows {
                days.extend(row.from);
                days.extend(row.to.and_then(|d| d.succ_opt()));
                known.extend(row.known_from);
            }
            for &n in &parameter.places {
                own[n] = true;
            }
        }
        days.sort_unstable();
        days.dedup();
        known.sort_unstable();
        known.dedup();
        let lawgiver = (0..own.len())
            .map(|n| {
                let chain = corpus.places.chain_of(n);
                chain
                    .iter()
                    .copied()
                    .find(|&p| own[p])
                    .or(chain.last().copied())
                    .unwrap_or(n)
            })
            .collect();
        Editions {
            days,
            known,
            lawgiver,
            made: RwLock::default(),
        }
    }

    /// Places that have law of their own.
    pub fn lawgivers(&self) -> BTreeSet<usize> {
        self.lawgiver.iter().copied().collect()
    }

    /// The days on which something changes.
    pub fn days(&self) -> &[Day] {
        &self.days
    }
}

impl Law {
    /// The rules in force at `place` on `day`, with the figures as known on `known` (`None`: all that
    /// is known today). Made once for each stretch of days and shared, so calling it for every
    /// household of a population costs a look-up.
    pub fn edition(
        &self,
        place: &str,
        day: Day,
        known: Option<Day>,
    ) -> Result<Arc<Edition>, LawError> {
        let index = self
            .corpus
            .places
            .index(place)
            .ok_or_else(|| LawError::UnknownPlace(place.to_string()))?;
        Ok(self.edition_at(index, day, known))
    }

    pub(crate) fn edition_at(&self, place: usize, day: Day, known: Option<Day>) -> Arc<Edition> {
        let editions = &self.editions;
        let place = editions.lawgiver.get(place).copied().unwrap_or(place);
        let stretch = editions.days.partition_point(|d| *d <= day);
        let knowledge = known.map_or(editions.known.len(), |k| {
            editions.known.partition_point(|d| *d <= k)
        });
        let key = (place, stretch, knowledge);
        if let Some(edition) = editions
            .made
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return edition.clone();
        }
        let made = Arc::new(Edition::new(
            &self.corpus,
            editions,
            place,
            stretch,
            day,
            known,
        ));
        editions
            .made
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key)
            .or_insert(made)
            .clone()
    }
}

/// A programme's rules by number; `None` when one of them is not a rule.
fn plan(corpus: &Corpus, version: usize) -> Option<Plan> {
    let programme = &corpus.programmes[version].programme;
    let who = which(programme.subject);
    let rule = |name: &String| corpus.symbols.rule_index[who].get(name.as_str()).copied();
    let all = |names: &[String]| names.iter().map(rule).collect::<Option<Vec<usize>>>();
    let amount = rule(&programme.amount)?;
    Some(Plan {
        subject: programme.subject,
        applies: match &programme.applies {
            Some(name) => Some(rule(name)?),
            None => None,
        },
        conditions: all(&programme.conditions)?,
        amount,
        lines: all(&programme.lines)?,
        carry: programme
            .carry
            .keys()
            .map(rule)
            .collect::<Option<Vec<usize>>>()?,
        money: matches!(
            corpus.symbols.rules[who][amount].ty.unit(),
            Some(Unit::Yuan | Unit::YuanPerMonth | Unit::YuanPerYear)
        ),
    })
}

impl Edition {
    fn new(
        corpus: &Arc<Corpus>,
        editions: &Editions,
        place: usize,
        stretch: usize,
        day: Day,
        known: Option<Day>,
    ) -> Edition {
        let chain = corpus.places.chain_of(place);
        // How strong an instrument is: near places before far ones, reforms before law, then late
        // before early.
        let strength: Vec<Option<(usize, u32, Day)>> = corpus
            .instruments
            .iter()
            .map(|i| {
                let code = i.in_force(day).then_some(&i.place)?;
                let depth = chain
                    .iter()
                    .position(|&p| corpus.places.all()[p].code == *code)?;
                Some((chain.len() - depth, i.reform, i.from))
            })
            .collect();
        let best = |definitions: &[usize]| {
            definitions
                .iter()
                .filter_map(|&d| Some((strength[corpus.definitions[d].instrument]?, d)))
                .max_by_key(|(s, _)| *s)
                .map_or(NONE, |(_, d)| d as u32)
        };
        let mut rules = [0, 1].map(|who: usize| {
            corpus.symbols.rules[who]
                .iter()
                .map(|r| best(&r.definitions))
                .collect::<Vec<_>>()
        });
        let mut functions: Vec<u32> = corpus
            .symbols
            .functions
            .iter()
            .map(|f| best(&f.definitions))
            .collect();
        for removal in &corpus.removals {
            let Some(own) = strength[removal.instrument] else {
                continue;
            };
            let slot = match removal.what {
                Read::Rule(who, n) => &mut rules[who][n],
                Read::Function(n) => &mut functions[n],
                _ => continue,
            };
            let of = corpus.definitions.get(*slot as usize);
            if of.is_some_and(|d| strength[d.instrument].is_none_or(|s| s < own)) {
                *slot = NONE;
            }
        }
        let mut parameters = Vec::with_capacity(corpus.parameters.list.len());
        let mut rows = Vec::with_capacity(corpus.parameters.list.len());
        for parameter in &corpus.parameters.list {
            let row = parameter.row(&chain, day, known);
            rows.push(row.map_or(NONE, |n| n as u32));
            parameters.push(row.map_or(Value::Null, |n| parameter.values[n].clone()));
        }
        let mut programmes: HashMap<String, usize> = HashMap::new();
        for (n, version) in corpus.programmes.iter().enumerate() {
            let Some(new) = strength[version.instrument] else {
                continue;
            };
            let id = &version.programme.id;
            let stronger = programmes.get(id).is_none_or(|&old| {
                strength[corpus.programmes[old].instrument].is_none_or(|s| s < new)
            });
            if stronger {
                programmes.insert(id.clone(), n);
            }
        }
        let mut plans = vec![None; corpus.programmes.len()];
        for &n in programmes.values() {
            plans[n] = plan(corpus, n);
        }
        let no_carry = [0, 1].map(|who: usize| {
            let names = corpus.symbols.carry[who].iter();
            Value::Context(Arc::new(
                names.map(|c| (c.name.clone(), Value::Null)).collect(),
            ))
        });
        Edition {
            corpus: corpus.clone(),
            place,
            rules,
            functions,
            parameters,
            rows,
            programmes,
            plans,
            days: (
                stretch
                    .checked_sub(1)
                    .and_then(|n| editions.days.get(n).copied()),
                editions.days.get(stretch).copied(),
            ),
            no_carry,
        }
    }

    /// The same law with another figure.
    pub(crate) fn with_parameter(&self, parameter: usize, value: Value) -> Edition {
        let mut other = Edition {
            corpus: self.corpus.clone(),
            place: self.place,
            rules: self.rules.clone(),
            functions: self.functions.clone(),
            parameters: self.parameters.clone(),
            rows: self.rows.clone(),
            plans: self.plans.clone(),
            programmes: self.programmes.clone(),
            days: self.days,
            no_carry: self.no_carry.clone(),
        };
        if let Some(old) = other.parameters.get_mut(parameter) {
            *old = value;
        }
        other
    }

    /// The programme with an id, or with a name, as declared by the instrument in force.
    pub fn programme(&self, id: &str) -> Option<&Programme> {
        self.version(id)
            .map(|n| &self.corpus.programmes[n].programme)
    }

    pub(crate) fn version(&self, id: &str) -> Option<usize> {
        self.programmes.get(id).copied().or_else(|| {
            self.programmes
                .values()
                .copied()
                .find(|&n| self.corpus.programmes[n].programme.name == id)
        })
    }

    /// All programmes in force, ordered by id.
    pub fn programmes(&self) -> Vec<&Programme> {
        let mut all: Vec<&Programme> = self
            .programmes
            .values()
            .map(|&n| &self.corpus.programmes[n].programme)
            .collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Names of the rules in force, with whom each is about.
    pub fn names(&self) -> Vec<(Subject, &str)> {
        let mut names = Vec::new();
        for subject in [Subject::Household, Subject::Person] {
            let who = which(subject);
            for (n, rule) in self.corpus.symbols.rules[who].iter().enumerate() {
                if self.rules[who][n] != NONE {
                    names.push((subject, &*rule.name));
                }
            }
        }
        names
    }

    /// A parameter's value as JSON and the row it comes from; `None` when no row holds.
    pub fn parameter(&self, name: &str) -> Option<(serde_json::Value, &super::ParameterRow)> {
        let at = *self.corpus.parameters.index.get(name)?;
        let row = *self.rows.get(at)?;
        let parameter = &self.corpus.parameters.list[at];
        let row = parameter.rows.get(row as usize)?;
        Some((self.parameters[at].to_json_as(&parameter.ty), row))
    }

    /// The days it serves: the first, and the first after; `None` is open.
    pub fn days(&self) -> (Option<Day>, Option<Day>) {
        self.days
    }

    pub(crate) fn definition(&self, who: usize, rule: usize) -> Option<(usize, &Definition)> {
        let at = *self.rules[who].get(rule)? as usize;
        Some((at, self.corpus.definitions.get(at)?))
    }

    pub(crate) fn compiled(&self, definition: usize) -> Option<&Compiled> {
        self.corpus.compiled.get(definition)?.as_ref()
    }

    /// Names of the rules in force in the order of their dependencies: what a rule reads stands
    /// before it.
    pub fn order(&self) -> Vec<(Subject, &str)> {
        let definitions = &self.corpus.definitions;
        self.ordered()
            .into_iter()
            .map(|d| (definitions[d].subject, definitions[d].name.as_str()))
            .collect()
    }

    /// The definitions in force in the order of their dependencies: what a rule reads stands before
    /// it. For whoever compiles the edition as a whole.
    pub(crate) fn ordered(&self) -> Vec<usize> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.corpus.definitions.len()];
        for who in 0..2 {
            for &definition in &self.rules[who] {
                self.visit(definition, &mut seen, &mut order);
            }
        }
        order
    }

    fn visit(&self, definition: u32, seen: &mut [bool], order: &mut Vec<usize>) {
        let at = definition as usize;
        if seen.get(at).copied().unwrap_or(true) {
            return;
        }
        seen[at] = true;
        if let Some(compiled) = self.compiled(at) {
            for (read, _) in &compiled.reads {
                match *read {
                    Read::Rule(who, n) => self.visit(self.rules[who][n], seen, order),
                    Read::Function(n) => self.visit(self.functions[n], seen, order),
                    _ => {}
                }
            }
        }
        if !matches!(self.corpus.definitions[at].body, Body::Function(..)) {
            order.push(at);
        }
    }
}
