//! Which determinations read a piece of evidence, a figure or a rule. Nothing is kept for it: what a
//! determination read follows from its law and from what was known when it was made, so that it is asked of the
//! same replay that `verify` asks; and an index that is derived cannot be wrong.

use super::{Office, ServiceError};
use base::{Id, Instant};
use entitlement::Outcome;
use entitlement::determination::{Determination, PeriodKey, SubjectKey};
use entitlement::difference::replay;
use entitlement::rules::{Rules, programme_of_month};
use policy::outcome::{NodeKind, TraceNode};
use registry::timeline;
use store::PopulationFilter;

/// What may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A piece of evidence, by its id.
    Evidence(Id),
    /// Evidence of a kind.
    Kind(String),
    /// A figure of the law.
    Parameter(String),
    /// A rule of the law.
    Rule(String),
}

/// A determination that read it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Reader {
    /// Whom it is about.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// For what.
    pub period: PeriodKey,
    /// Its version.
    pub version: u32,
    /// When it was made.
    pub made_at: Instant,
    /// Digest of the law that it was made under.
    pub law: String,
    /// The values read, as they were.
    pub values: Vec<serde_json::Value>,
}

impl Office {
    /// The determinations, every version ever made, about a household or person that read something.
    ///
    /// # Errors
    /// When the subject is unknown, or the rules cannot be run.
    pub async fn readers(&self, about: Id, what: &Read) -> Result<Vec<Reader>, ServiceError> {
        let read = self.prefetch(&[about]).await?;
        if read.households.is_empty() {
            return Err(ServiceError::NotFound(format!(
                "{about} is neither a household nor a person with a household in the register"
            )));
        }
        let mut found = Vec::new();
        for d in &read.determinations {
            // Nobody asked the rules anything.
            if d.outcome == Outcome::NotApplicable {
                continue;
            }
            let Some(rules) = self.rules_of(&d.law).await? else {
                continue;
            };
            let known = read.known();
            let again = replay(
                &*rules,
                &known,
                &d.subject,
                &d.programme,
                d.period,
                d.made_at,
                true,
            )?;
            let Some(evaluation) = again.computed else {
                continue;
            };
            let values: Vec<serde_json::Value> = evaluation
                .trace
                .iter()
                .filter(|node| is_read(node, what, d, &read, &*rules))
                .map(|node| node.value.clone())
                .collect();
            if !values.is_empty() {
                found.push(Reader {
                    subject: d.subject.clone(),
                    programme: d.programme.clone(),
                    period: d.period,
                    version: d.version,
                    made_at: d.made_at,
                    law: d.law.clone(),
                    values,
                });
            }
        }
        Ok(found)
    }

    /// As [`Office::readers`], for everybody: each household's are handed to `each`.
    ///
    /// # Errors
    /// As [`Office::readers`].
    pub async fn readers_everywhere(
        &self,
        what: &Read,
        day: base::Day,
        now: Instant,
        each: &mut dyn FnMut(Vec<Reader>),
    ) -> Result<(), ServiceError> {
        let filter = PopulationFilter::default();
        let population = self
            .store
            .population(self.rules.kinds(), &[day], now, &filter)?;
        for chunk in population {
            for slice in chunk?.into_iter().flatten() {
                each(self.readers(slice.household, what).await?);
            }
        }
        Ok(())
    }
}

/// Is this node of a determination's trace what is asked for?
fn is_read<R: Rules + ?Sized>(
    node: &TraceNode,
    what: &Read,
    d: &Determination,
    read: &super::change::Prefetched,
    rules: &R,
) -> bool {
    match what {
        Read::Kind(name) => node.kind == NodeKind::Evidence && node.name == *name,
        Read::Parameter(name) => node.kind == NodeKind::Parameter && node.name == *name,
        Read::Rule(name) => node.kind == NodeKind::Rule && node.name == *name,
        Read::Evidence(id) => {
            if node.kind != NodeKind::Evidence {
                return false;
            }
            let pieces = read.households.iter().flat_map(|h| &h.evidence);
            let Some(piece) = pieces.clone().find(|e| e.id == *id) else {
                return false;
            };
            if piece.kind != node.name {
                return false;
            }
            read.households.iter().any(|home| {
                let month = match d.period {
                    PeriodKey::Month(month) => month,
                    PeriodKey::Once => entitlement::change::At::new(d.known_at).month(),
                    // An event reads its own piece, and the household on its day.
                    PeriodKey::Event(event) => {
                        return pieces
                            .clone()
                            .find(|e| e.id == event)
                            .is_some_and(|e| e.id == *id || piece.valid.contains(e.valid.from));
                    }
                };
                [month.first(), month.last()].into_iter().any(|day| {
                    let Some(slice) = timeline::slice(home, rules.kinds(), day, d.known_at) else {
                        return false;
                    };
                    let at = programme_of_month(rules, &d.programme, &slice.area, month);
                    if at.map(|(reference, _)| reference) != Some(day) {
                        return false;
                    }
                    let about_household = slice.household == piece.subject;
                    let facts = match node.member {
                        None if about_household => &slice.facts,
                        // A programme of persons speaks of its subject without a number.
                        None => match slice.members.iter().find(|m| m.person == piece.subject) {
                            Some(member) => &member.facts,
                            None => return false,
                        },
                        Some(n) => match slice.members.get(n) {
                            Some(member) if member.person == piece.subject => &member.facts,
                            _ => return false,
                        },
                    };
                    facts.iter().any(|f| f.evidence == *id)
                })
            })
        }
    }
}
