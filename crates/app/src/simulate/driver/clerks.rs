//! What clerks do on a day: alone, in batches, two at one file, and about who is who.

use super::{Simulation, overtaken, refused};
use crate::service::change::{Facts, Prefetched};
use crate::service::identity::Parting;
use crate::simulate::acts::Desk;
use crate::simulate::{Draw, SimulationError};
use base::{Day, Id};
use entitlement::change::At;
use std::collections::BTreeSet;

/// A household whose file is taken up, another one, and when.
#[derive(Clone, Copy)]
struct Drawn {
    home: Id,
    other: Id,
    at: At,
}

/// What a clerk means to record: its name, the request's id, the facts, when.
type Meant = (&'static str, Id, Facts, At);

impl Simulation {
    /// What clerks do on a day. In batches most of it is recorded together, households apart; the rest goes one
    /// by one as ever, with faults, rivals and corrections of who is who.
    pub(super) async fn clerks(&mut self, day: Day, share: u64) -> Result<(), SimulationError> {
        let mut files: Vec<Drawn> = Vec::new();
        for _ in 0..share {
            if self.options.batch > 1 && self.draw.below(self.options.batch) != 0 {
                files.push(self.drawn(day));
            } else {
                self.batches(std::mem::take(&mut files), day).await?;
                self.clerk(day).await?;
            }
            if self.found() {
                return Ok(());
            }
        }
        self.batches(files, day).await
    }

    /// Draws a household whose file a clerk takes up, another one, and the moment.
    fn drawn(&mut self, day: Day) -> Drawn {
        let pick = |draw: &mut Draw, all: &[Id]| all[draw.below(all.len() as u64) as usize];
        Drawn {
            home: pick(&mut self.draw, &self.households),
            other: pick(&mut self.draw, &self.households),
            at: self.tick(day),
        }
    }

    /// Takes up files together and records what is meant in each. A household that two of them are about
    /// waits for the next batch, and is read again for it.
    async fn batches(&mut self, mut files: Vec<Drawn>, day: Day) -> Result<(), SimulationError> {
        while !files.is_empty() && !self.found() {
            let homes: Vec<Id> = files.iter().map(|f| f.home).collect();
            let read = self.office.prefetch_each(&homes).await?;
            let (mut batch, mut later) = (Vec::new(), Vec::new());
            let mut touched: BTreeSet<Id> = BTreeSet::new();
            for (file, read) in files.iter().zip(read) {
                let Some((homes, act)) = self.meant(*file, &read) else {
                    continue;
                };
                if (batch.len() as u64) < self.options.batch && touched.is_disjoint(&homes) {
                    touched.extend(homes);
                    batch.push(act);
                } else {
                    later.push(*file);
                }
            }
            self.together(batch, day).await?;
            files = later;
        }
        Ok(())
    }

    /// What a clerk means to record, and the households that it is about.
    fn meant(&mut self, file: Drawn, read: &Prefetched) -> Option<(BTreeSet<Id>, Meant)> {
        let desk = Desk {
            office: &self.office,
            read,
            other: file.other,
            values: &self.values,
            areas: &self.areas,
            first: self.options.first,
            at: file.at,
        };
        let (what, facts) = desk.act(&mut self.draw)?;
        let mut homes = BTreeSet::from([file.home]);
        let known = read.households.iter().flat_map(|h| &h.memberships);
        homes.extend(known.chain(&facts.memberships).map(|m| m.household));
        let request = self.draw.id(file.at.now);
        Some((homes, (what, request, facts, file.at)))
    }

    /// Records a batch; one by one when something of it cannot be recorded together.
    async fn together(&mut self, batch: Vec<Meant>, day: Day) -> Result<(), SimulationError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.step += 1;
        let jobs = batch
            .iter()
            .map(|(_, request, facts, at)| (*request, facts.clone(), *at));
        match self.office.record_many(jobs.collect(), "clerk").await {
            Ok(figures) => {
                self.count("batch");
                self.counted("recorded", batch.len() as u64);
                self.counted("redetermined", figures.determinations);
                self.counted("owed-changed", figures.changes);
                let mut said = Vec::new();
                for (what, _, facts, _) in batch {
                    self.count(what);
                    self.households
                        .extend(facts.households.iter().map(|h| h.id));
                    said.push(facts);
                }
                self.look_at(&said).await?;
                for facts in &said {
                    self.auditor.acknowledged(facts);
                }
                Ok(())
            }
            Err(error) if refused(&error) || overtaken(&error) => {
                self.count("batch-apart");
                for (what, request, facts, _) in batch {
                    self.record(what, request, facts, day).await?;
                }
                Ok(())
            }
            Err(cause) => Err(self.failed("batch", cause)),
        }
    }

    /// One thing that a clerk does.
    async fn clerk(&mut self, day: Day) -> Result<(), SimulationError> {
        let Drawn { home, other, at } = self.drawn(day);
        let read = self.office.prefetch(&[home]).await?;
        let desk = Desk {
            office: &self.office,
            read: &read,
            other,
            values: &self.values,
            areas: &self.areas,
            first: self.options.first,
            at,
        };
        let Some((what, facts)) = desk.act(&mut self.draw) else {
            return Ok(());
        };
        let request = self.draw.id(at.now);
        match self.draw.below(70) {
            0 => {
                let one = desk.anyone(&mut self.draw);
                let two = self.someone_of(other).await?;
                return self.merge(request, one, two, at, day).await;
            }
            1 => {
                let parting = desk.parting(&mut self.draw);
                return self.part(request, parting, at, day).await;
            }
            _ => {}
        }
        if self.draw.below(25) == 0
            && let Some((_, rival)) = desk.act(&mut self.draw)
        {
            return self.rivals(request, facts, rival, at, day).await;
        }
        self.record(what, request, facts, day).await
    }

    /// Two clerks on one file: the first has read and decided when the second records. The first is told of
    /// the conflict, never overwrites, and does it again.
    async fn rivals(
        &mut self,
        request: Id,
        facts: Facts,
        rival: Facts,
        at: At,
        day: Day,
    ) -> Result<(), SimulationError> {
        let mine = match self.office.prepared(request, &facts, "clerk", at).await {
            Ok(mine) => mine,
            Err(error) if refused(&error) => return Ok(()),
            Err(cause) => return Err(self.failed("two clerks", cause)),
        };
        let other = self.draw.id(at.now);
        let before = self.counts.get("recorded").copied();
        self.record("rival", other, rival, day).await?;
        if self.counts.get("recorded").copied() != before {
            match self.office.store.commit(&mine).await {
                Err(error) if error.is_conflict() => self.count("conflict"),
                Err(cause) => return Err(self.failed("two clerks", cause.into())),
                Ok(_) => self.auditor.findings.push(format!(
                    "request {request} was decided before another one about the same household, and committed after it"
                )),
            }
        }
        self.record("two-clerks", request, facts, day).await
    }

    async fn someone_of(&mut self, household: Id) -> Result<Option<Id>, SimulationError> {
        let Some(loaded) = self.office.store.history(household).await? else {
            return Ok(None);
        };
        let persons: BTreeSet<Id> = loaded
            .history
            .memberships
            .iter()
            .map(|m| m.person)
            .collect();
        let n = self.draw.below(persons.len() as u64) as usize;
        Ok(persons.into_iter().nth(n))
    }

    /// Two records turn out to be one person.
    async fn merge(
        &mut self,
        request: Id,
        given_up: Option<Id>,
        continues: Option<Id>,
        at: At,
        day: Day,
    ) -> Result<(), SimulationError> {
        let (Some(given_up), Some(continues)) = (given_up, continues) else {
            return Ok(());
        };
        let office = self.office.clone();
        match office
            .merging(
                request,
                given_up,
                continues,
                "register of births",
                "clerk",
                at,
            )
            .await
        {
            Ok(facts) => {
                self.given_up.insert(given_up, continues);
                self.record("merged", request, facts, day).await
            }
            Err(error) if refused(&error) => Ok(()),
            Err(cause) => Err(self.failed("merge", cause)),
        }
    }

    /// One record turns out to be two persons.
    async fn part(
        &mut self,
        request: Id,
        parting: Option<Parting>,
        at: At,
        day: Day,
    ) -> Result<(), SimulationError> {
        let Some(parting) = parting else {
            return Ok(());
        };
        let office = self.office.clone();
        match office
            .parting(request, &parting, "register of births", "clerk", at)
            .await
        {
            Ok(facts) => self.record("split", request, facts, day).await,
            Err(error) if refused(&error) => Ok(()),
            Err(cause) => Err(self.failed("split", cause)),
        }
    }
}
