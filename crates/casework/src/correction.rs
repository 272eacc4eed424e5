//! The whole story of what became known late, in one function: which months are redetermined, what is
//! owed after it, what moves in the books, how overpaid money comes back, who must be heard, looked at
//! and told.
//!
//! Pure: it is handed what is known and the moment, and gives back what is to be recorded in one
//! transaction.

use crate::case::{Case, CaseKind, Notice, Task};
use crate::notice::{self, Fill, NoticeError};
use crate::procedure::{Opening, end_of, open};
use base::{Calendar, Day, Fen, Id, Month};
use entitlement::change::{At, Change};
use entitlement::determination::{Determination, EntitlementChange, PeriodKey, SubjectKey};
use entitlement::owed::Cause;
use entitlement::redetermination::{
    Attention, Consequences, Difference, Hold, Known, Look, RunError, redetermine,
};
use entitlement::rules::Rules;
use entitlement::{Outcome, Programme, Subject};
use ledger::account::{Account, Reason, Stamp, Transfer, chart};
use ledger::position::Position;
use ledger::post::{PostError, post};
use ledger::recovery::{Measure, Plan, Terms, carry_over, measure};
use registry::record::Evidence;
use registry::same;
use registry::slice::HouseholdHistory;
use registry::timeline;
use std::collections::BTreeMap;

/// All that a correction looks at besides the law.
#[derive(Clone, Copy)]
pub struct Books<'a> {
    /// Facts, determinations, awards and what is owed, what was just recorded included.
    pub known: Known<'a>,
    /// Every transfer of the touched subjects in the programmes opened.
    pub transfers: &'a [Transfer],
    /// Open cases of the touched subjects: no second one is opened for the same matter.
    pub cases: &'a [Case],
    /// Working days.
    pub calendar: &'a Calendar,
    /// In whose name a run opens cases and records holds.
    pub by: &'a str,
}

/// All that follows, to be recorded in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Correction {
    /// New versions of determinations.
    pub determinations: Vec<Determination>,
    /// Changes of what is owed.
    pub changes: Vec<EntitlementChange>,
    /// Holds until somebody was heard, as evidence.
    pub evidence: Vec<Evidence>,
    /// Accounts that the transfers use.
    pub accounts: Vec<Account>,
    /// Movements.
    pub transfers: Vec<Transfer>,
    /// How overpaid money comes back.
    pub plans: Vec<Plan>,
    /// Cases opened.
    pub cases: Vec<Case>,
    /// Their first tasks.
    pub tasks: Vec<Task>,
    /// Letters.
    pub notices: Vec<Notice>,
    /// Letters that could not be written, and why.
    pub untold: Vec<NoticeError>,
    /// What was and what is, period by period.
    pub differences: Vec<Difference>,
    /// What it comes to in money, by subject and programme.
    pub sums: Vec<Sum>,
    /// Who must be looked at.
    pub attention: Vec<Attention>,
}

/// What a correction comes to for one subject and programme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Whom.
    pub subject: SubjectKey,
    /// Programme id.
    pub programme: String,
    /// Newly payable for periods that were determined before: paid with the next run.
    pub arrears: Fen,
    /// Newly payable for periods that had nothing before.
    pub first: Fen,
    /// Taken back before it was instructed.
    pub unpaid_less: Fen,
    /// Overpaid: to be recovered or waived.
    pub overpaid: Fen,
    /// Of earlier overpayments, what is no longer one.
    pub overpaid_less: Fen,
    /// Of what was overpaid, given up at once as too small.
    pub waived: Fen,
}

/// Why a correction could not be made. Nothing of it may be recorded then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorrectionError {
    /// The rules could not be run, or a household is missing.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The books do not fit what is owed.
    #[error(transparent)]
    Post(#[from] PostError),
}

/// Works out all that follows from what was just recorded. `books.known` holds the new records
/// already; `changes` says which they are.
///
/// # Errors
/// A [`CorrectionError`]; nothing may be recorded then.
pub fn correct<R: Rules + ?Sized>(
    rules: &R,
    books: &Books<'_>,
    changes: &[Change<'_>],
    at: At,
) -> Result<Correction, CorrectionError> {
    let follows = redetermine(rules, &books.known, changes, at)?;
    let mut story = Story {
        books,
        at,
        out: Correction::default(),
    };
    let mut all = matters(&follows);
    let mut posted = BTreeMap::new();
    for (key, periods) in &all {
        posted.insert(key.clone(), story.money(key, periods)?);
    }
    for key in story.carry_over(&mut posted) {
        all.entry(key).or_default();
    }
    for (key, periods) in &all {
        let programme = programme_now(rules, &books.known, key, at);
        if let (Some(programme), Some(money)) = (programme, posted.get_mut(key)) {
            story.recover_all(key, money, programme);
            story.tell(key, periods, &money.moved, programme);
        }
    }
    for hold in &follows.holds {
        if let Some(programme) = programme_now(rules, &books.known, &matter_of(hold), at) {
            story.hold(hold, programme);
        }
    }
    for attention in &follows.attention {
        let key = (attention.subject.clone(), attention.programme.clone());
        if let Some(programme) = programme_now(rules, &books.known, &key, at) {
            story.look(attention, programme);
        }
    }
    let mut out = story.out;
    out.determinations = follows.determinations;
    out.changes = follows.changes;
    out.differences = follows.differences;
    out.attention = follows.attention;
    Ok(out)
}

/// Subject and programme.
type Matter = (SubjectKey, String);

/// The periods of one matter that changed.
#[derive(Default)]
struct Periods<'a> {
    changes: Vec<&'a EntitlementChange>,
    differences: Vec<&'a Difference>,
}

/// One matter after its changes are posted.
struct Posted {
    position: Position,
    moved: Moved,
    /// Overpaid periods, each with the cause of its recovery.
    overpaid: Vec<(PeriodKey, Id)>,
}

/// The months of arrears and of overpayments, for letters.
#[derive(Default)]
struct Moved {
    arrears: Vec<Month>,
    overpaid: Vec<Month>,
}

fn first_and_last(months: &[Month]) -> Option<(Month, Month)> {
    Some((*months.iter().min()?, *months.iter().max()?))
}

fn matter_of(hold: &Hold) -> Matter {
    (hold.subject.clone(), hold.programme.clone())
}

fn matters(follows: &Consequences) -> BTreeMap<Matter, Periods<'_>> {
    let mut all: BTreeMap<Matter, Periods<'_>> = BTreeMap::new();
    for c in &follows.changes {
        let key = (c.subject.clone(), c.programme.clone());
        all.entry(key).or_default().changes.push(c);
    }
    for d in &follows.differences {
        let key = (d.subject.clone(), d.programme.clone());
        if let Some(periods) = all.get_mut(&key) {
            periods.differences.push(d);
        }
    }
    all
}

/// Records given up for another, each with the one that it goes on as.
fn same_persons(histories: &[HouseholdHistory]) -> Vec<(Id, Id)> {
    let evidence = histories.iter().flat_map(|h| &h.evidence);
    let mut pairs: Vec<(Id, Id)> = evidence
        .clone()
        .filter(|e| e.kind == same::CONTINUES_AS)
        .map(|e| (e.subject, same::goes_on_as(evidence.clone(), e.subject)))
        .filter(|(from, to)| from != to)
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// The programme whose procedure holds today where the subject lives, or last lived; where the scheme
/// ended since, the last one that there was.
pub fn programme_now<'r, R: Rules + ?Sized>(
    rules: &'r R,
    known: &Known<'_>,
    (subject, programme): &(SubjectKey, String),
    at: At,
) -> Option<&'r Programme> {
    let homes = known.households.iter().filter(|h| match subject.kind {
        Subject::Household => h.household == Some(subject.id),
        Subject::Person => h.memberships.iter().any(|m| m.person == subject.id),
    });
    let areas: Vec<&str> = homes
        .flat_map(|h| h.residences.iter().map(|r| r.area.as_str()))
        .collect();
    let months = known
        .opened
        .iter()
        .filter(|o| o.programme == *programme)
        .flat_map(|o| o.months.iter().rev().map(|m| m.first()));
    std::iter::once(at.today).chain(months).find_map(|day| {
        areas
            .iter()
            .rev()
            .find_map(|area| rules.programme(programme, area, day))
    })
}

/// What a person or a household's head is called, as known now; empty when nobody is.
pub fn name_of(histories: &[HouseholdHistory], subject: &SubjectKey, at: At) -> String {
    let person = match subject.kind {
        Subject::Person => Some(subject.id),
        Subject::Household => histories
            .iter()
            .find(|h| h.household == Some(subject.id))
            .and_then(|h| head_of(h, at)),
    };
    let Some(person) = person else {
        return String::new();
    };
    let identities = histories.iter().flat_map(|h| &h.identities);
    timeline::identity_at(identities.filter(|i| i.person == person), at.now)
        .map_or_else(String::new, |i| i.name.clone())
}

/// The head today, or of the last day on which there was one.
fn head_of(history: &HouseholdHistory, at: At) -> Option<Id> {
    let household = history.household?;
    let starts = history.memberships.iter().map(|m| m.valid.from);
    let ends = history
        .memberships
        .iter()
        .filter_map(|m| m.valid.to?.pred_opt());
    let mut days: Vec<Day> = starts.chain(ends).filter(|d| *d <= at.today).collect();
    days.push(at.today);
    days.sort_unstable();
    days.iter().rev().find_map(|day| {
        timeline::members_on(&history.memberships, household, *day, at.now)
            .first()
            .map(|m| m.person)
    })
}

fn month_of(period: PeriodKey, at: At) -> Month {
    match period {
        PeriodKey::Month(month) => month,
        PeriodKey::Event(_) | PeriodKey::Once => at.month(),
    }
}

struct Story<'a> {
    books: &'a Books<'a>,
    at: At,
    out: Correction,
}

impl Story<'_> {
    fn sum(&mut self, key: &Matter) -> &mut Sum {
        let found = self
            .out
            .sums
            .iter()
            .position(|s| s.subject == key.0 && s.programme == key.1);
        let index = found.unwrap_or_else(|| {
            self.out.sums.push(Sum {
                subject: key.0.clone(),
                programme: key.1.clone(),
                arrears: Fen::ZERO,
                first: Fen::ZERO,
                unpaid_less: Fen::ZERO,
                overpaid: Fen::ZERO,
                overpaid_less: Fen::ZERO,
                waived: Fen::ZERO,
            });
            self.out.sums.len() - 1
        });
        &mut self.out.sums[index]
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            booked: self.at.today,
            recorded_at: self.at.now,
        }
    }

    /// Where a matter's money stands before this correction; its accounts are opened when it has none.
    fn position(&mut self, (subject, programme): &Matter) -> Position {
        let transfers = self.books.transfers;
        let position = Position::fold(&subject.shard, subject.id, programme, transfers);
        if position.periods().next().is_none() {
            self.out
                .accounts
                .extend(chart(&subject.shard, subject.id, programme));
        }
        position
    }

    /// Posts the changes.
    fn money(&mut self, key: &Matter, periods: &Periods<'_>) -> Result<Posted, CorrectionError> {
        let (subject, id) = key;
        let stamp = self.stamp();
        let mut position = self.position(key);
        let mut moved = Moved::default();
        let mut overpaid = Vec::new();
        for change in &periods.changes {
            let posted = post(
                &ledger::post::Change {
                    id: change.id,
                    shard: subject.shard.clone(),
                    payee: subject.id,
                    programme: id.clone(),
                    period: change.period.to_string(),
                    owed: change.owed,
                    change: change.change,
                },
                &mut position,
                stamp,
            )?;
            let first = change.cause == Cause::First.name();
            let sum = self.sum(key);
            if first {
                sum.first = sum.first + posted.payable;
            } else {
                sum.arrears = sum.arrears + posted.payable;
            }
            sum.unpaid_less = sum.unpaid_less + posted.payable_less;
            sum.overpaid = sum.overpaid + posted.overpaid;
            sum.overpaid_less = sum.overpaid_less + posted.overpaid_less;
            self.out.transfers.extend(posted.transfers);
            let month = month_of(change.period, self.at);
            if !first && posted.payable > Fen::ZERO {
                moved.arrears.push(month);
            }
            if posted.overpaid > Fen::ZERO {
                moved.overpaid.push(month);
                overpaid.push((change.period, change.id));
            }
        }
        Ok(Posted {
            position,
            moved,
            overpaid,
        })
    }

    /// What records given up were overpaid is carried to the records that they go on as; gives those matters.
    fn carry_over(&mut self, posted: &mut BTreeMap<Matter, Posted>) -> Vec<Matter> {
        let mut reached = Vec::new();
        for (given_up, continues) in same_persons(self.books.known.households) {
            let about = |c: &&Matter| c.0.id == given_up || c.0.id == continues;
            let touched: Vec<Matter> = posted.keys().filter(about).cloned().collect();
            for (touched, programme) in touched {
                let key = |id| {
                    let subject = SubjectKey {
                        id,
                        ..touched.clone()
                    };
                    (subject, programme.clone())
                };
                let (from, to) = (key(given_up), key(continues));
                let mut take = |story: &mut Self, key: &Matter| {
                    posted.remove(key).unwrap_or_else(|| Posted {
                        position: story.position(key),
                        moved: Moved::default(),
                        overpaid: Vec::new(),
                    })
                };
                let (mut old, mut new) = (take(self, &from), take(self, &to));
                let cause =
                    Id::derive(&["same-person", &given_up.to_string(), &continues.to_string()]);
                let stamp = self.stamp();
                let carried = carry_over(&mut old.position, &mut new.position, cause, stamp);
                if !carried.is_empty() {
                    self.carried(&from, &to, &carried, &mut old, &mut new);
                    reached.push(to.clone());
                }
                self.out.transfers.extend(carried);
                posted.insert(from, old);
                posted.insert(to, new);
            }
        }
        reached
    }

    /// Sums and months move with the money: nobody is asked twice.
    fn carried(
        &mut self,
        from: &Matter,
        to: &Matter,
        transfers: &[Transfer],
        old: &mut Posted,
        new: &mut Posted,
    ) {
        let taken_over = new.position.chart.receivable;
        let of_debts = |t: &&Transfer| t.reason == Reason::Carried && t.debit == taken_over;
        for transfer in transfers.iter().filter(of_debts) {
            let Ok(period) = transfer.period.parse::<PeriodKey>() else {
                continue;
            };
            let month = month_of(period, self.at);
            let sum = self.sum(from);
            sum.overpaid = (sum.overpaid - transfer.amount).max(Fen::ZERO);
            old.moved.overpaid.retain(|m| *m != month);
            old.overpaid.retain(|(p, _)| *p != period);
            // What was payable for the same period is not paid any more; the rest is to come back.
            let left = new.position.period(&transfer.period).recoverable();
            let settled = transfer.amount - left.min(transfer.amount);
            let sum = self.sum(to);
            let from_arrears = settled.min(sum.arrears);
            sum.arrears = sum.arrears - from_arrears;
            sum.first = (sum.first - (settled - from_arrears)).max(Fen::ZERO);
            sum.overpaid = sum.overpaid + (transfer.amount - settled);
            if sum.arrears == Fen::ZERO {
                new.moved.arrears.clear();
            }
            if left > Fen::ZERO {
                new.moved.overpaid.push(month);
                new.overpaid.push((period, transfer.id));
            }
        }
    }

    /// Decides for each overpaid period how it comes back.
    fn recover_all(&mut self, key: &Matter, money: &mut Posted, programme: &Programme) {
        for (period, cause) in std::mem::take(&mut money.overpaid) {
            self.recover(key, period, cause, programme, &mut money.position);
        }
    }

    fn recover(
        &mut self,
        key: &Matter,
        period: PeriodKey,
        cause: Id,
        programme: &Programme,
        position: &mut Position,
    ) {
        let measured = measure(
            &recovery_terms(programme),
            position,
            &period.to_string(),
            cause,
            objection_end(programme, self.at.today, self.books.calendar),
            self.stamp(),
        );
        match measured {
            Measure::Nothing => {}
            Measure::Waived(transfers) => {
                let waived = transfers.iter().map(|t| t.amount).sum();
                let sum = self.sum(key);
                sum.waived = sum.waived + waived;
                self.out.transfers.extend(transfers);
            }
            Measure::Plan(plan) => {
                let note = format!("{period} {}", plan.amount);
                self.out.plans.push(plan);
                self.open(key, CaseKind::Recovery, cause, programme, &note, None);
            }
        }
    }

    /// Opens a case unless one of the same kind about the same matter is open, or was just opened.
    /// Gives the id of the case that the matter is in.
    fn open(
        &mut self,
        key: &Matter,
        kind: CaseKind,
        cause: Id,
        programme: &Programme,
        note: &str,
        due: Option<Day>,
    ) -> Id {
        let same = |c: &&Case| {
            c.subject.id == key.0.id
                && c.programme == key.1
                && c.kind == kind
                && c.state().closed.is_none()
        };
        let earlier = self.books.cases.iter().find(same);
        if let Some(case) = earlier.or_else(|| self.out.cases.iter().find(same)) {
            return case.id;
        }
        let area = self.area(&key.0);
        let opened = open(
            &Opening {
                id: Id::derive(&["case", case_word(kind), &cause.to_string()]),
                kind,
                subject: &key.0,
                area: &area,
                by: self.books.by,
                note,
                due,
            },
            programme,
            self.at,
            self.books.calendar,
        );
        let id = opened.case.id;
        self.out.cases.push(opened.case);
        self.out.tasks.extend(opened.tasks);
        id
    }

    /// Where the subject lives today, or lived last.
    fn area(&self, subject: &SubjectKey) -> String {
        let homes = self.books.known.households.iter();
        let mut best: Option<(bool, Day, &str)> = None;
        for h in homes {
            let here = match subject.kind {
                Subject::Household => h.household == Some(subject.id),
                Subject::Person => {
                    let pieces = h.memberships.iter().filter(|m| m.person == subject.id);
                    timeline::placed_on(pieces, self.at.today, self.at.now)
                        .is_some_and(|m| Some(m.household) == h.household)
                }
            };
            for r in &h.residences {
                let candidate = (here, r.valid.from, r.area.as_str());
                let known = r.provenance.recorded_at <= self.at.now;
                if known && r.valid.from <= self.at.today && best.is_none_or(|b| b < candidate) {
                    best = Some(candidate);
                }
            }
        }
        best.map_or_else(String::new, |b| b.2.to_string())
    }

    /// A reduction that waits: the hold, and the case in which the recipient is heard.
    fn hold(&mut self, hold: &Hold, programme: &Programme) {
        let key = matter_of(hold);
        let cause = hold.evidence(None, self.books.by, self.at).id;
        let note = format!("{} {} → {}", hold.from, hold.floor, hold.proposed);
        let case = self.open(&key, CaseKind::Change, cause, programme, &note, None);
        self.out
            .evidence
            .push(hold.evidence(Some(case), self.books.by, self.at));
    }

    /// Somebody must look: at an award that the rules refuse, at one that cannot be determined, at
    /// somebody who is entitled and has none.
    fn look(&mut self, attention: &Attention, programme: &Programme) {
        let key = (attention.subject.clone(), attention.programme.clone());
        let (kind, word) = match attention.look {
            Look::AwardedAndRefused => (CaseKind::Change, "awarded-refused"),
            Look::EntitledNotAwarded => (CaseKind::Signal, "entitled-not-awarded"),
            Look::AwardedAndUndetermined => (CaseKind::Signal, "awarded-undetermined"),
        };
        let cause = Id::derive(&[
            word,
            &attention.subject.id.to_string(),
            &attention.programme,
            &attention.period.to_string(),
        ]);
        let note = format!("{word} {}", attention.period);
        self.open(&key, kind, cause, programme, &note, None);
    }

    /// Letters: arrears and recovery with their sums, and the amount that goes on from now.
    fn tell(&mut self, key: &Matter, periods: &Periods<'_>, moved: &Moved, programme: &Programme) {
        let sum = self.sum(key).clone();
        let objection = objection_term(programme, self.at.today, self.books.calendar);
        let later = |c: &&&EntitlementChange| c.cause != Cause::First.name();
        let corrected: Vec<&EntitlementChange> =
            periods.changes.iter().filter(later).copied().collect();
        let fill = |months, difference: Fen| {
            let last = periods.differences.iter().max_by_key(|d| d.period);
            let (reason, article) = notice::grounds(last.map_or(&[], |d| &d.after.reasons));
            let explanation = last.map(|d| notice::explanation(programme, &d.after));
            let name = name_of(self.books.known.households, &key.0, self.at);
            Fill {
                household: name.clone(),
                applicant: name,
                months,
                difference: Some(difference),
                reason,
                article,
                deadline: objection,
                explanation: explanation.unwrap_or_default(),
                ..Fill::default()
            }
        };
        let mut letters = Vec::new();
        if sum.arrears > Fen::ZERO {
            letters.push(("arrears", fill(first_and_last(&moved.arrears), sum.arrears)));
        }
        if sum.overpaid > sum.waived {
            let asked = sum.overpaid - sum.waived;
            letters.push(("recovery", fill(first_and_last(&moved.overpaid), asked)));
        }
        let latest = corrected.iter().max_by_key(|c| c.period);
        if let Some(change) = latest.filter(|c| month_of(c.period, self.at) >= self.at.month()) {
            let kind = if change.owed == Fen::ZERO {
                "ended"
            } else {
                "changed"
            };
            let month = month_of(change.period, self.at);
            let mut fill = fill(Some((month, month)), change.change);
            fill.before = Some(change.owed - change.change);
            fill.after = Some(change.owed);
            fill.amount = Some(change.owed);
            letters.push((kind, fill));
        }
        let about: Vec<Id> = periods.changes.iter().map(|c| c.id).collect();
        for (kind, fill) in letters {
            if programme.notices.is_empty() {
                continue;
            }
            let now = self.at.now;
            match notice::write(programme, kind, &key.0, &about, &fill, objection, now) {
                Ok(letter) => self.out.notices.push(letter),
                Err(error) => self.out.untold.push(error),
            }
        }
    }
}

fn case_word(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::Application => "application",
        CaseKind::Review => "review",
        CaseKind::Change => "change",
        CaseKind::Recovery => "recovery",
        CaseKind::Signal => "signal",
    }
}

/// The programme's recovery terms as the ledger reads them. Netting across programmes only where the
/// law says so, and no law file can say so yet.
pub fn recovery_terms(programme: &Programme) -> Terms {
    Terms {
        cap_percent: programme.recovery.cap_percent,
        waive_up_to: programme.recovery.waive_up_to.map_or(Fen::ZERO, Fen::yuan),
        instalments: None,
        across_programmes: false,
    }
}

/// The last day to object; `None` where the law gives no term, or when it runs into a year whose
/// working days are not known.
pub fn objection_term(programme: &Programme, today: Day, calendar: &Calendar) -> Option<Day> {
    let term = programme.procedure.objection?;
    end_of(term, today, calendar).ok()
}

/// The first day on which something may be withheld: the day after the term to object, or, where the
/// law gives none but wants the recipient heard, after the term for the whole procedure; else today.
pub fn objection_end(programme: &Programme, today: Day, calendar: &Calendar) -> Day {
    let procedure = &programme.procedure;
    let hearing = procedure
        .total
        .filter(|_| procedure.hearing_before_reduction);
    let Some(term) = procedure.objection.or(hearing) else {
        return today;
    };
    // A term that cannot be counted yet is taken as twice as many calendar days: never too short.
    let end = end_of(term, today, calendar).ok().or_else(|| match term {
        entitlement::Term::WorkingDays(n) => {
            today.checked_add_days(chrono::Days::new(u64::from(n) * 2 + 14))
        }
        _ => None,
    });
    end.and_then(|d| d.succ_opt()).unwrap_or(Day::MAX)
}

/// Measures for what has become recoverable since it was overpaid: money that was still with the bank
/// then. To be asked after each reconciliation, for each payee whose payment was confirmed.
pub fn recover_confirmed(
    programme: &Programme,
    position: &mut Position,
    plans: &[Plan],
    at: At,
    calendar: &Calendar,
) -> (Vec<Plan>, Vec<Transfer>) {
    let stamp = Stamp {
        booked: at.today,
        recorded_at: at.now,
    };
    let open: Vec<String> = position
        .periods()
        .filter(|(text, p)| {
            p.recoverable() > Fen::ZERO && !plans.iter().any(|plan| plan.period == **text)
        })
        .map(|(text, _)| text.to_string())
        .collect();
    let (mut made, mut transfers) = (Vec::new(), Vec::new());
    for period in open {
        let cause = Id::derive(&[
            "confirmed",
            &position.payee.to_string(),
            &position.programme,
            &period,
        ]);
        let not_before = objection_end(programme, at.today, calendar);
        let terms = recovery_terms(programme);
        match measure(&terms, position, &period, cause, not_before, stamp) {
            Measure::Nothing => {}
            Measure::Waived(waived) => transfers.extend(waived),
            Measure::Plan(plan) => made.push(plan),
        }
    }
    (made, transfers)
}

/// The letter about a decision on an application: granted with the amount and its first month, or
/// refused with the grounds in writing.
///
/// # Errors
/// As [`notice::write`].
#[expect(clippy::too_many_arguments, reason = "what a letter tells")]
pub fn decision_notice(
    programme: &Programme,
    case: &Case,
    granted: bool,
    first: Option<Month>,
    determination: &Determination,
    written: &str,
    histories: &[HouseholdHistory],
    at: At,
    calendar: &Calendar,
) -> Result<Notice, NoticeError> {
    let (mut reason, article) = notice::grounds(&determination.reasons);
    let mut explanation = notice::explanation(programme, determination);
    if !written.trim().is_empty() {
        // What the decider wrote stands beside what the rules say, in the decider's language.
        for text in [&mut reason, &mut explanation] {
            text.zh = format!("{}{}", text.zh, written.trim());
            text.en = format!("{} {}", text.en, written.trim()).trim().into();
        }
    }
    if let (Outcome::Undetermined { missing }, true) =
        (&determination.outcome, reason.zh.is_empty())
    {
        let names: Vec<&str> = missing.iter().map(|m| m.name.as_str()).collect();
        reason.zh = format!("缺少：{}。", names.join("、"));
        reason.en = format!("Missing: {}.", names.join(", "));
    }
    let name = name_of(histories, &case.subject, at);
    let objection = objection_term(programme, at.today, calendar);
    let month = first.or(match determination.period {
        PeriodKey::Month(month) => Some(month),
        _ => None,
    });
    let fill = Fill {
        household: name.clone(),
        applicant: name,
        months: month.map(|m| (m, m)),
        amount: Some(determination.outcome.amount()),
        reason,
        article,
        deadline: objection,
        explanation,
        ..Fill::default()
    };
    let kind = if granted { "granted" } else { "refused" };
    notice::write(
        programme,
        kind,
        &case.subject,
        &[case.id],
        &fill,
        objection,
        at.now,
    )
}
