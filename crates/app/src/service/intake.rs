//! Files of offices into the register: understood, checked row by row, recorded with what follows.

use super::bundles::{Groups, apart, chunks, join, only_evidence, request_of, size};
use super::change::Facts;
use super::rules::programme_ids;
use super::{Office, ServiceError};
use base::Id;
use entitlement::change::At;
use policy::law::{Law, Register};
use policy::programme::Subject;
use registry::identity::canonical;
use registry::import::{
    About, Directory, Imported, Importer, KindSpec, OnError, Problem, SheetError, evidence,
    register,
};
use registry::record::{Area, Evidence};
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use store::{ChangeSet, JournalEntry};

/// Changes decided side by side and written in one transaction.
const SIDE_BY_SIDE: usize = 64;
/// Records compared with the register at once, and written in one transaction when nothing follows from them.
const AT_ONCE: usize = 8192;
/// How often a batch is decided again when somebody else was faster.
const TRIES: usize = 4;
/// The setting that holds the district whose office this is.
const DISTRICT: &str = "district";

/// What became of one file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Intake {
    /// The file's name.
    pub file: String,
    /// `evidence`, or `register` for households and persons.
    pub content: &'static str,
    /// Rows with content.
    pub rows: usize,
    /// Rows without a problem.
    pub good: usize,
    /// Was anything to be recorded? False when rows are wrong and that means to stop.
    pub accepted: bool,
    /// Records that are new.
    pub new: u64,
    /// Records that were there already.
    pub known: u64,
    /// Households whose records were opened.
    pub households: u64,
    /// Persons whose records were opened.
    pub persons: u64,
    /// Determinations that followed.
    pub determinations: u64,
    /// Changes of what is owed that followed.
    pub changes: u64,
    /// Everything that is wrong, by row.
    pub problems: Vec<Wrong>,
    /// Households for which nothing was recorded because their rules could not be run, with the reason.
    pub faults: Vec<String>,
    /// The wrong rows as a csv file, with the reasons beside them; empty when none is wrong.
    #[serde(skip)]
    pub report: Vec<u8>,
}

/// What is wrong with one cell, in both languages.
#[derive(Clone, Debug, Serialize)]
pub struct Wrong {
    /// Row of the sheet or line of the file, from 1.
    pub row: u32,
    /// Heading of the column; empty when the whole row is meant.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// Why it cannot be taken.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// What to do.
    pub remedy_zh: String,
    /// The same in English.
    pub remedy_en: String,
}

impl From<&Problem> for Wrong {
    fn from(p: &Problem) -> Wrong {
        Wrong {
            row: p.line,
            column: p.column.clone(),
            value: p.value.clone(),
            zh: p.zh.clone(),
            en: p.en.clone(),
            remedy_zh: p.remedy_zh.clone(),
            remedy_en: p.remedy_en.clone(),
        }
    }
}

/// How to take a file in.
#[derive(Clone, Debug)]
pub struct HowToTake<'a> {
    /// What wrong rows mean.
    pub on_error: OnError,
    /// Who records.
    pub by: &'a str,
    /// When.
    pub at: At,
    /// Whose records a file may touch: codes of areas. Empty: everybody's, and then a file may also bring
    /// households and persons.
    pub within: &'a [String],
    /// Record it? Otherwise it is only checked.
    pub record: bool,
}

/// The kinds of evidence that files may bring: those that the law declares, without what the register
/// itself keeps of a person (but with the date of death, which is evidence). What the system keeps for
/// itself, such as the record of decisions, is no kind of the law and comes in by no file.
pub fn kind_specs(law: &Law) -> Vec<KindSpec> {
    let of = |subject: Subject, about: About| {
        law.kinds(subject)
            .iter()
            .filter(|k| matches!(k.register, None | Some(Register::Death)))
            .map(move |k| KindSpec {
                name: k.name.to_string(),
                en: k.en.clone(),
                type_text: k.unit.clone(),
                about,
                allowed: Vec::new(),
                unit: k.unit.clone(),
                note: k.note.clone(),
            })
            .collect::<Vec<_>>()
    };
    let mut kinds = of(Subject::Household, About::Household);
    kinds.extend(of(Subject::Person, About::Person));
    kinds
}

/// A file whose columns are understood.
enum Content {
    Evidence(evidence::Sheet),
    Register(register::Sheet),
}

impl Office {
    /// Takes one file in. Taking it twice, or after it was broken off, records nothing twice, and neither
    /// does a mended copy of it.
    ///
    /// # Errors
    /// [`ServiceError::File`] when the file as a whole can't be understood; nothing is recorded then.
    /// Otherwise when the database fails; what was recorded until then stays and is complete by household.
    pub async fn take_in(
        self: &Arc<Self>,
        file: &str,
        bytes: &[u8],
        how: &HowToTake<'_>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Intake, ServiceError> {
        match self.understand(file, bytes, how.at)? {
            Content::Evidence(sheet) if sheet.table().rows.is_empty() => {
                Err(unreadable(&SheetError::Empty(file.into())))
            }
            Content::Evidence(sheet) => self.take_evidence(file, sheet, how, progress).await,
            Content::Register(_) if !how.within.is_empty() => Err(ServiceError::File {
                zh: format!("{file}：这是户籍清单；户和人由管理员用命令行导入，这里只收证据"),
                en: format!(
                    "{file} lists households; those are brought in by `minsheng import`, here only evidence is"
                ),
            }),
            Content::Register(sheet) => self.take_register(file, sheet, how, progress).await,
        }
    }

    fn understand(&self, file: &str, bytes: &[u8], at: At) -> Result<Content, ServiceError> {
        let kinds = kind_specs(self.law());
        let as_register = match register::Sheet::read(file, bytes, &kinds, at.today) {
            Ok(sheet) => return Ok(Content::Register(sheet)),
            Err(error) => error,
        };
        match evidence::Sheet::read(file, bytes, &kinds, at.today) {
            Ok(sheet) => Ok(Content::Evidence(sheet)),
            // The two agree on what is no table at all; where they look for columns, both may be right.
            Err(error @ SheetError::Header { .. }) => Err(ServiceError::File {
                zh: error.zh(),
                en: format!("{error}\n(as a list of households: {as_register})"),
            }),
            Err(error) => Err(unreadable(&error)),
        }
    }

    async fn take_evidence(
        self: &Arc<Self>,
        file: &str,
        sheet: evidence::Sheet,
        how: &HowToTake<'_>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Intake, ServiceError> {
        let mut directory = self
            .store
            .directory(&sheet.numbers(), &sheet.households())
            .await?;
        self.keep_within(&mut directory, how.within).await?;
        let homeless = take_out_homeless(&mut directory);
        let mut imported = sheet.finish(&directory, &how.importer(file));
        for problem in &mut imported.problems {
            if homeless.contains(&canonical(&problem.value)) {
                problem.zh = "此人在登记册中不属于任何家庭".into();
                problem.en = "is of a person who belongs to no household of the register".into();
                problem.remedy_zh = "先登记其家庭".into();
                problem.remedy_en = "record the household first".into();
            }
        }
        let report = report_of(&imported.problems, |p| sheet.table().report(p));
        let digest = sheet.digest().to_owned();
        // The table of a whole district is large, and nothing looks at it any more.
        drop(sheet);
        drop(directory);
        let (mut intake, records) = begin(file, "evidence", imported, report, how);
        let given = records.len() as u64;
        let records = self.unknown_of(records).await?;
        intake.known = given - records.len() as u64;
        if !how.record {
            intake.new = records.len() as u64;
            return Ok(intake);
        }
        let facts = Facts {
            evidence: records,
            ..Facts::default()
        };
        self.record_all(facts, &digest, how, &mut intake, progress)
            .await?;
        Ok(intake)
    }

    /// Takes out who lives outside the areas: for whoever imports they are not there.
    async fn keep_within(
        &self,
        directory: &mut Directory,
        within: &[String],
    ) -> Result<(), ServiceError> {
        if within.is_empty() {
            return Ok(());
        }
        let inside = |area: &str| within.iter().any(|own| area.starts_with(own.as_str()));
        for found in directory.persons.values_mut() {
            found.retain(|p| inside(&p.area));
        }
        directory.persons.retain(|_, found| !found.is_empty());
        let named: Vec<Id> = directory.households.keys().copied().collect();
        for id in named {
            let home = self.store.history(id).await?.map(|loaded| loaded.history);
            let area = home.and_then(|home| {
                let residences = home.residences.into_iter();
                residences
                    .max_by_key(|r| (r.valid.from, r.provenance.recorded_at))
                    .map(|r| r.area)
            });
            if !area.is_some_and(|area| inside(&area)) {
                directory.households.remove(&id);
            }
        }
        Ok(())
    }

    async fn take_register(
        self: &Arc<Self>,
        file: &str,
        sheet: register::Sheet,
        how: &HowToTake<'_>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Intake, ServiceError> {
        let (areas, missing) = self.areas_for(&sheet.areas()).await?;
        let shard = self.home_of(&sheet.areas()).await?;
        let directory = self
            .store
            .directory(&sheet.numbers(), &sheet.households(&shard))
            .await?;
        let imported = sheet.finish(&directory, &areas, &shard, &how.importer(file));
        let report = report_of(&imported.problems, |p| sheet.table().report(p));
        let digest = sheet.digest().to_owned();
        drop(sheet);
        let (mut intake, records) = begin(file, "register", imported, report, how);
        if records.households.is_empty() || !how.record {
            return Ok(intake);
        }
        self.store.put_areas(&missing).await?;
        if self.store.setting(DISTRICT).await?.is_none() {
            self.store.set_setting(DISTRICT, &shard).await?;
        }
        let facts = Facts {
            persons: records.persons,
            households: records.households,
            identities: records.identities,
            residences: records.residences,
            memberships: records.memberships,
            evidence: records.evidence,
            payees: records.payees,
            awards: Vec::new(),
        };
        let (fresh, other) = apart(facts, &directory);
        // Months that were determined for everybody are determined for newcomers too.
        let (fresh, other) = match self.opened().await?.is_empty() {
            true => (fresh, other),
            false => (Facts::default(), join(fresh, other)),
        };
        self.load_new(fresh, &shard, how, &mut intake, progress)
            .await?;
        let other = self.unknown_part(other, &directory, &mut intake).await?;
        self.record_all(other, &digest, how, &mut intake, progress)
            .await?;
        Ok(intake)
    }

    /// Writes households that nobody knew, in great strides.
    async fn load_new(
        &self,
        facts: Facts,
        shard: &str,
        how: &HowToTake<'_>,
        intake: &mut Intake,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), ServiceError> {
        if facts.households.is_empty() {
            return Ok(());
        }
        intake.new += size(&facts);
        intake.households += facts.households.len() as u64;
        intake.persons += facts.persons.len() as u64;
        progress(size(&facts));
        let chunks = chunks(facts, shard);
        self.store
            .load_register(how.at.now, chunks.into_iter(), |_| {})
            .await?;
        Ok(())
    }

    /// Records facts by household: those from which something may follow are decided, the others written.
    async fn record_all(
        self: &Arc<Self>,
        facts: Facts,
        digest: &str,
        how: &HowToTake<'_>,
        intake: &mut Intake,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), ServiceError> {
        let (mut plain, mut decided) = (Vec::new(), Vec::new());
        if only_evidence(&facts) && self.nothing_determined().await? {
            plain = facts.evidence;
        } else {
            decided = self.by_household(facts).await?;
        }
        plain.sort_by(|a, b| (&a.shard, a.subject, a.id).cmp(&(&b.shard, b.subject, b.id)));
        for same_shard in plain.chunk_by(|a, b| a.shard == b.shard) {
            for chunk in same_shard.chunks(AT_ONCE) {
                let set = ChangeSet {
                    shard: chunk[0].shard.clone(),
                    at: how.at.now,
                    evidence: chunk.to_vec(),
                    journal: vec![JournalEntry {
                        actor: how.by.into(),
                        action: "import".into(),
                        subject: None,
                        detail: serde_json::json!({
                            "file": intake.file, "digest": digest, "evidence": chunk.len(),
                        }),
                    }],
                    ..ChangeSet::default()
                };
                self.store.commit_bulk(&set).await?;
                intake.new += chunk.len() as u64;
                progress(chunk.len() as u64);
            }
        }
        for batch in decided.chunks(SIDE_BY_SIDE) {
            self.record_batch(batch, how, intake).await?;
            progress(batch.iter().map(size).sum());
        }
        Ok(())
    }

    async fn record_batch(
        self: &Arc<Self>,
        batch: &[Facts],
        how: &HowToTake<'_>,
        intake: &mut Intake,
    ) -> Result<(), ServiceError> {
        for _ in 0..TRIES {
            let jobs = batch
                .iter()
                .map(|facts| (request_of(facts), facts.clone(), how.at))
                .collect();
            match self.record_many(jobs, how.by).await {
                Ok(figures) => {
                    intake.determinations += figures.determinations;
                    intake.changes += figures.changes;
                    batch.iter().for_each(|facts| intake.count(facts));
                    return Ok(());
                }
                Err(ServiceError::Store(error)) if error.is_conflict() => continue,
                // One household must not keep the others out.
                Err(_) => break,
            }
        }
        for facts in batch {
            match self.record(request_of(facts), facts, how.by, how.at).await {
                Ok(recorded) => {
                    intake.determinations += recorded.correction.determinations.len() as u64;
                    intake.changes += recorded.correction.changes.len() as u64;
                    intake.count(facts);
                }
                Err(error @ ServiceError::Store(_)) => return Err(error),
                Err(error) => intake.faults.push(error.to_string()),
            }
        }
        Ok(())
    }

    /// Is there no determination and no award yet, so that from evidence alone nothing follows?
    async fn nothing_determined(&self) -> Result<bool, ServiceError> {
        if !self.opened().await?.is_empty() || !self.store.periods().await?.is_empty() {
            return Ok(false);
        }
        for programme in programme_ids(self.law()) {
            if !self.store.awards(programme).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Facts by household; those of persons whom two households share come together.
    async fn by_household(&self, facts: Facts) -> Result<Vec<Facts>, ServiceError> {
        let mut groups = Groups::default();
        for household in &facts.households {
            groups.find(household.id);
        }
        for m in &facts.memberships {
            groups.join(m.household, m.person);
        }
        let mut subjects: BTreeSet<Id> = facts.evidence.iter().map(|e| e.subject).collect();
        subjects.extend(facts.memberships.iter().map(|m| m.person));
        subjects.extend(facts.identities.iter().map(|i| i.person));
        for subject in subjects {
            for home in self.store.households_of_person(subject).await? {
                groups.join(home, subject);
            }
        }
        Ok(groups.split(facts))
    }

    /// Those records of evidence that say something new.
    async fn unknown_of(&self, mut records: Vec<Evidence>) -> Result<Vec<Evidence>, ServiceError> {
        records.sort_by(|a, b| (&a.shard, a.subject, a.id).cmp(&(&b.shard, b.subject, b.id)));
        let mut news = Vec::with_capacity(records.len());
        let mut left = &records[..];
        while let Some(first) = left.first() {
            // Whole subjects of one shard.
            let mut end = AT_ONCE.min(left.len());
            while end < left.len() && left[end].subject == left[end - 1].subject {
                end += 1;
            }
            let end = left[..end].partition_point(|e| e.shard == first.shard);
            let (some, later) = left.split_at(end);
            let mut subjects: Vec<Id> = some.iter().map(|e| e.subject).collect();
            subjects.dedup();
            let held = self.store.evidence_of_all(&first.shard, subjects).await?;
            news.extend(some.iter().map(|e| {
                let held = held.get(&e.subject).map_or(&[][..], Vec::as_slice);
                held.is_empty() || !self.is_held(held, e)
            }));
            left = later;
        }
        // In place: a whole district's are too many to hold twice.
        let mut news = news.into_iter();
        records.retain(|_| news.next().unwrap_or(true));
        Ok(records)
    }

    /// Is this what the register says already?
    fn is_held(&self, held: &[Evidence], new: &Evidence) -> bool {
        if held.iter().any(|e| e.id == new.id) {
            return true;
        }
        let withdrawn: HashSet<Id> = held.iter().flat_map(|e| e.withdraws.clone()).collect();
        let same_kind = || {
            held.iter()
                .filter(|e| e.kind == new.kind && !withdrawn.contains(&e.id))
        };
        let same = |e: &Evidence| e.value == new.value && e.valid == new.valid;
        let many = [Subject::Household, Subject::Person]
            .iter()
            .any(|s| self.law().kind(*s, &new.kind).is_some_and(|k| k.many));
        if many {
            return same_kind().any(same);
        }
        // Of the pieces that speak of the same days the newest holds.
        same_kind()
            .filter(|e| e.valid.overlaps(&new.valid))
            .max_by_key(|e| (e.provenance.recorded_at, e.id))
            .is_some_and(same)
    }

    /// Leaves out what is recorded of households that are there already.
    async fn unknown_part(
        &self,
        mut facts: Facts,
        directory: &Directory,
        intake: &mut Intake,
    ) -> Result<Facts, ServiceError> {
        let before = size(&facts);
        facts
            .households
            .retain(|h| !directory.households.contains_key(&h.id));
        let known: BTreeSet<Id> = facts
            .memberships
            .iter()
            .map(|m| m.household)
            .filter(|h| directory.households.contains_key(h))
            .collect();
        for id in known {
            let Some(loaded) = self.store.history(id).await? else {
                continue;
            };
            let held = loaded.history;
            facts.memberships.retain(|m| {
                !held.memberships.iter().any(|o| {
                    m.id == o.id
                        || (o.household, o.person, &o.relation, o.member, o.valid)
                            == (m.household, m.person, &m.relation, m.member, m.valid)
                })
            });
            facts.residences.retain(|r| {
                !held.residences.iter().any(|o| {
                    r.id == o.id
                        || (o.household, &o.area, &o.address, o.valid)
                            == (r.household, &r.area, &r.address, r.valid)
                })
            });
            facts.payees.retain(|p| {
                !held.payees.iter().any(|o| {
                    p.id == o.id
                        || (o.subject, &o.number, &o.bank, &o.holder, o.valid)
                            == (p.subject, &p.number, &p.bank, &p.holder, p.valid)
                })
            });
        }
        facts.evidence = self.unknown_of(facts.evidence).await?;
        intake.known += before - size(&facts);
        Ok(facts)
    }

    /// Codes of areas that households may live in, and those among them that are to be recorded first. A
    /// district without communities takes those that its first file names; later ones must be known.
    async fn areas_for(
        &self,
        codes: &[String],
    ) -> Result<(HashSet<String>, Vec<Area>), ServiceError> {
        let held = self.store.areas().await?;
        let mut known: HashSet<String> = held.iter().map(|a| a.code.clone()).collect();
        let places = self.law().places();
        let within = |code: &str, outer: &str| code.len() > outer.len() && code.starts_with(outer);
        let mut missing: Vec<Area> = Vec::new();
        for code in codes {
            let digits = code.len() >= 6 && code.bytes().all(|b| b.is_ascii_digit());
            let Some(place) = places.find(code).filter(|p| digits || p.code == *code) else {
                continue;
            };
            let district = code.get(..6).filter(|_| digits).unwrap_or(&place.code);
            if known.contains(code) || held.iter().any(|a| within(&a.code, district)) {
                continue;
            }
            let mut parent: Option<String> = None;
            let mut way = places.chain(code);
            way.reverse();
            way.extend([district.to_string(), code.clone()]);
            for step in way {
                if known.insert(step.clone()) {
                    let named = places.all().iter().find(|p| p.code == step);
                    missing.push(Area {
                        name: named.map_or_else(|| step.clone(), |p| p.name.clone()),
                        name_en: named.map_or_else(|| step.clone(), |p| p.name_en.clone()),
                        parent: parent.clone(),
                        code: step.clone(),
                    });
                }
                parent = Some(step);
            }
        }
        Ok((known, missing))
    }

    /// The district that opens the records of a file.
    async fn home_of(&self, codes: &[String]) -> Result<String, ServiceError> {
        let district = self.store.setting(DISTRICT).await?;
        let mut homes: BTreeSet<&str> = BTreeSet::new();
        for code in codes {
            match &district {
                Some(own) if code.starts_with(own.as_str()) => homes.insert(own),
                _ => homes.insert(code.get(..6).unwrap_or(code)),
            };
        }
        let mut homes = homes.into_iter();
        match (homes.next(), homes.next()) {
            (Some(home), None) => Ok(home.to_string()),
            (Some(one), Some(other)) => Err(ServiceError::Refused(format!(
                "the file holds households of several districts ({one}, {other}); give a file for each district"
            ))),
            (None, _) => Ok(district.clone().unwrap_or_default()),
        }
    }
}

impl HowToTake<'_> {
    fn importer(&self, file: &str) -> Importer {
        Importer {
            at: self.at.now,
            by: self.by.into(),
            source: file.into(),
        }
    }
}

impl Intake {
    fn count(&mut self, facts: &Facts) {
        self.new += size(facts);
        self.households += facts.households.len() as u64;
        self.persons += facts.persons.len() as u64;
    }
}

/// Takes persons without a household out of a directory, and says which numbers those are: nothing can
/// be determined about them, so nothing is asserted either.
fn take_out_homeless(directory: &mut Directory) -> HashSet<String> {
    let mut out = HashSet::new();
    directory.persons.retain(|number, found| {
        let homeless = found.len() == 1 && found.iter().all(|p| p.household.is_none());
        if homeless {
            out.insert(number.clone());
        }
        !homeless
    });
    out
}

fn unreadable(error: &SheetError) -> ServiceError {
    ServiceError::File {
        zh: error.zh(),
        en: error.to_string(),
    }
}

fn report_of(problems: &[Problem], make: impl Fn(&[Problem]) -> Vec<u8>) -> Vec<u8> {
    match problems {
        [] => Vec::new(),
        some => make(some),
    }
}

/// What a file came to so far, and what of it may be recorded.
fn begin<T: Default>(
    file: &str,
    content: &'static str,
    imported: Imported<T>,
    report: Vec<u8>,
    how: &HowToTake<'_>,
) -> (Intake, T) {
    let intake = Intake {
        file: file.into(),
        content,
        rows: imported.rows,
        good: imported.good,
        accepted: imported.problems.is_empty() || how.on_error == OnError::Skip,
        problems: imported.problems.iter().map(Wrong::from).collect(),
        report,
        ..Intake::default()
    };
    (intake, imported.to_record(how.on_error))
}
