//! Overpaid money after it was overpaid: given up by a decision, taken back from having been given up, and
//! followed to the record that a person goes on as.

use super::rules::latest_version;
use super::{Office, ServiceError, clock};
use base::{Fen, Id};
use casework::correction::{objection_end, recover_confirmed, recovery_terms};
use entitlement::change::At;
use ledger::account::{Stamp, chart};
use ledger::position::Position;
use ledger::recovery::{Measure, Terms, carry_over, measure, take_back_waiver, waive};
use registry::same;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use store::{ChangeSet, JournalEntry};

/// How often it is tried again when a household changed in between.
const TRIES: usize = 8;

/// A decision about what somebody was overpaid for a period.
#[derive(Clone, Debug)]
pub struct WaiverOrder {
    /// Household or person.
    pub payee: Id,
    /// Programme id.
    pub programme: String,
    /// The period, as text.
    pub period: String,
    /// How much; all that there is when absent.
    pub amount: Option<Fen>,
    /// Give it up, or take back that it was given up.
    pub give_up: bool,
    /// Why, and on whose decision.
    pub reason: String,
    /// Who records it.
    pub by: String,
}

/// How a period stands after a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recoverable {
    /// Overpaid and open.
    pub open: Fen,
    /// Overpaid and given up.
    pub waived: Fen,
    /// Recovered so far.
    pub recovered: Fen,
    /// The request had been recorded before; nothing was written now.
    pub repeated: bool,
}

impl Office {
    /// Gives up what was overpaid, or takes that back, with a line in the journal. `request` is the client's
    /// id: the same again does nothing. Nothing is given up that is not open, and nothing that was never paid.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Refused`] without a reason or for more than there is;
    /// [`ServiceError::Busy`]; when the database fails.
    pub async fn decide_waiver(
        &self,
        request: Id,
        order: &WaiverOrder,
        at: At,
    ) -> Result<Recoverable, ServiceError> {
        if order.reason.trim().is_empty() {
            return Err(ServiceError::Refused(
                "say why, and on whose decision: it goes into the journal".into(),
            ));
        }
        let programme = latest_version(self.law(), &order.programme).ok_or_else(|| {
            ServiceError::NotFound(format!(
                "there is no programme `{}`; `minsheng law list` shows them",
                order.programme
            ))
        })?;
        let shard = match self.store.household_shard(order.payee).await? {
            Some(shard) => Some(shard),
            None => self.store.person_shard(order.payee).await?,
        };
        let shard = shard.ok_or_else(|| {
            ServiceError::NotFound(format!("{} is not in the register", order.payee))
        })?;
        for _ in 0..TRIES {
            let read = self.prefetch(&[order.payee]).await?;
            let at = clock::after(&read, at);
            let stamp = Stamp {
                booked: at.today,
                recorded_at: at.now,
            };
            let mut position =
                Position::fold(&shard, order.payee, &order.programme, &read.transfers);
            let before = position.period(&order.period);
            let all = match order.give_up {
                true => before.recoverable(),
                false => before.waived,
            };
            let amount = order.amount.unwrap_or(all);
            let decide = match order.give_up {
                true => waive,
                false => take_back_waiver,
            };
            let transfers = decide(&mut position, &order.period, amount, request, stamp)
                .map_err(|e| ServiceError::Refused(e.to_string()))?;
            let after = position.period(&order.period);
            let stands = Recoverable {
                open: after.receivable,
                waived: after.waived,
                recovered: after.withheld + after.repaid,
                repeated: transfers.is_empty(),
            };
            if transfers.is_empty() {
                return Ok(stands);
            }
            let planned = read.plans.iter().any(|plan| {
                plan.payee == order.payee
                    && plan.programme == order.programme
                    && plan.period == order.period
            });
            // What was waived as too small had no plan, and is not waived again by the same limit.
            let plan = (!order.give_up && !planned).then(|| {
                let terms = Terms {
                    waive_up_to: Fen::ZERO,
                    ..recovery_terms(programme)
                };
                let from = objection_end(programme, at.today, &self.law().calendar(&shard));
                measure(&terms, &mut position, &order.period, request, from, stamp)
            });
            let set = ChangeSet {
                shard: shard.clone(),
                at: at.now,
                expect: read.expect.clone(),
                transfers,
                recovery_plans: match plan {
                    Some(Measure::Plan(plan)) => vec![plan],
                    _ => Vec::new(),
                },
                journal: vec![JournalEntry {
                    actor: order.by.clone(),
                    action: match order.give_up {
                        true => "waived".into(),
                        false => "waiver-taken-back".into(),
                    },
                    subject: Some(order.payee),
                    detail: serde_json::json!({
                        "request": request, "programme": order.programme, "period": order.period,
                        "amount": amount, "reason": order.reason,
                    }),
                }],
                ..ChangeSet::default()
            };
            match self.store.commit(&set).await {
                Ok(_) => return Ok(stands),
                Err(error) if error.is_conflict() => continue,
                Err(error) => return Err(error.into()),
            }
        }
        Err(ServiceError::Busy)
    }

    /// Money of records given up that the bank confirmed or sent back since: what they have too much is
    /// carried to the records that they go on as, with its measure, and what came back is owed to those. Gives
    /// the records given up among the payees.
    pub(super) async fn follow_given_up(
        &self,
        answered: &[(String, Id, String)],
        sets: &mut BTreeMap<String, ChangeSet>,
        at: At,
    ) -> Result<HashSet<Id>, ServiceError> {
        let mut shards: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
        for (shard, payee, _) in answered {
            shards.entry(shard).or_default().push(*payee);
        }
        let mut given_up = HashSet::new();
        for (shard, mut payees) in shards {
            payees.sort_unstable();
            payees.dedup();
            given_up.extend(self.store.given_up(shard, payees).await?);
        }
        let theirs: BTreeSet<_> = answered
            .iter()
            .filter(|(_, payee, _)| given_up.contains(payee))
            .collect();
        let stamp = Stamp {
            booked: at.today,
            recorded_at: at.now,
        };
        for (shard, payee, programme) in theirs {
            let read = self.prefetch(&[*payee]).await?;
            let evidence = read.households.iter().flat_map(|h| &h.evidence);
            let continues = same::goes_on_as(evidence, *payee);
            let Some(version) = latest_version(self.law(), programme) else {
                continue;
            };
            let set = sets.entry(shard.clone()).or_default();
            let all = || read.transfers.iter().chain(&set.transfers);
            let mut old = Position::fold(shard, *payee, programme, all());
            let mut new = Position::fold(shard, continues, programme, all());
            let known = new.periods().next().is_some();
            let cause = Id::derive(&["same-person", &payee.to_string(), &continues.to_string()]);
            let carried = carry_over(&mut old, &mut new, cause, stamp);
            if carried.is_empty() {
                continue;
            }
            if !known {
                set.accounts.extend(chart(shard, continues, programme));
            }
            set.transfers.extend(carried);
            let plans: Vec<_> = read
                .plans
                .iter()
                .chain(&set.recovery_plans)
                .filter(|plan| plan.payee == continues && plan.programme == *programme)
                .cloned()
                .collect();
            let calendar = self.law().calendar(shard);
            let (plans, waived) = recover_confirmed(version, &mut new, &plans, at, &calendar);
            set.recovery_plans.extend(plans);
            set.transfers.extend(waived);
        }
        Ok(given_up)
    }
}
