//! A whole law: all its files, read and checked together.

use super::calendar;
use super::checks;
use super::compile::{self, Compiled, Read};
use super::edition::Editions;
use super::examples;
use super::front::Role;
use super::indexation;
use super::kinds::{self, EvidenceKind, Kinds};
use super::model::*;
use super::parameters::{self, Parameter, Parameters};
use super::places::Places;
use super::programmes::{self, ProgrammeVersion};
use super::properties::{self, Names, Property};
use super::reader::{self, Raw};
use super::reform::{self, Removal};
use super::report::Report;
use super::source::{Findings, SourceFile, Sources, Span, say};
use super::symbols::{self, Symbols};
use crate::programme::{Programme, Subject};
use base::{Calendar, Day};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A law, loaded: cheap to clone, shared between threads.
#[derive(Clone, Debug)]
pub struct Law {
    pub(crate) corpus: Arc<Corpus>,
    pub(crate) editions: Arc<Editions>,
}

/// What the files say, with names resolved.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub sources: Sources,
    pub digest: String,
    pub instruments: Vec<Instrument>,
    pub rules: Vec<RuleText>,
    pub definitions: Vec<Definition>,
    pub places: Places,
    pub programmes: Vec<ProgrammeVersion>,
    pub calendars: Vec<calendar::CalendarText>,
    /// What the law promises of its outcomes.
    pub properties: Vec<Property>,
    /// What indexation rules and properties read.
    pub read_beside: Vec<Read>,
    /// Rules that reforms take away.
    pub removals: Vec<Removal>,
    /// Worked examples that stand in reforms, and those of the law that reforms take away.
    pub reform_examples: reform::Examples,
    /// Households' kinds, and members'.
    pub kinds: [Kinds; 2],
    pub parameters: Parameters,
    pub symbols: Symbols,
    /// For each definition its code; `None` for one with errors.
    pub compiled: Vec<Option<Compiled>>,
}

impl Law {
    /// Reads and checks the files. Any error refuses the whole law: the report says what is wrong.
    pub fn load(files: Vec<SourceFile>) -> Result<Law, Report> {
        Law::load_with(files, Vec::new())
    }

    /// As [`Law::load`], with reforms laid over it, each over those before it. A reform that does not
    /// apply (it names a rule or a row that is not there) refuses the whole.
    pub fn load_with(files: Vec<SourceFile>, reforms: Vec<SourceFile>) -> Result<Law, Report> {
        match Law::check_with(files, reforms) {
            (Some(law), _) => Ok(law),
            (None, report) => Err(report),
        }
    }

    /// Reads and checks the files; gives the law when there is no error, and in any case all findings,
    /// warnings among them.
    pub fn check(files: Vec<SourceFile>) -> (Option<Law>, Report) {
        Law::check_with(files, Vec::new())
    }

    /// As [`Law::check`], with reforms laid over it.
    pub fn check_with(files: Vec<SourceFile>, reforms: Vec<SourceFile>) -> (Option<Law>, Report) {
        let (law, report) = Law::load_lenient_with(files, reforms);
        if report.has_errors() {
            (None, report)
        } else {
            (Some(law), report)
        }
    }

    /// Reads what can be read and leaves out what is wrong, for editors and for pages that show a law
    /// with its faults. Never evaluate such a law when the report has errors.
    pub fn load_lenient(files: Vec<SourceFile>) -> (Law, Report) {
        Law::load_lenient_with(files, Vec::new())
    }

    /// As [`Law::load_lenient`], with reforms laid over it.
    pub fn load_lenient_with(files: Vec<SourceFile>, reforms: Vec<SourceFile>) -> (Law, Report) {
        let law = files.len();
        let sources = Sources::with_reforms(files, reforms);
        let digest = digest(&sources.files);
        let mut findings = Findings::new(&sources);
        let mut raw = Raw::default();
        let mut places = Places::default();
        for (n, file) in sources.files[..law].iter().enumerate() {
            match Kind::of(&file.path) {
                Kind::Law => reader::read(file, n, Role::default(), &mut raw, &mut findings),
                Kind::Places => places = Places::read(&file.text, n, &mut findings),
                Kind::Examples | Kind::Other => {}
            }
        }
        let everywhere = places.all().iter().find(|p| p.parent.is_none());
        let everywhere = everywhere.map_or("", |p| p.code.as_str());
        for (n, file) in sources.files.iter().enumerate().skip(law) {
            let reform = (n - law + 1) as u32;
            let role = Role { reform, everywhere };
            reader::read(file, n, role, &mut raw, &mut findings);
        }
        reform::apply(&mut raw, &places, &mut findings);
        check_instruments(&raw, &places, &mut findings);
        let programmes: Vec<ProgrammeVersion> = raw
            .programmes
            .iter()
            .filter_map(|text| programmes::read(text, &mut findings))
            .collect();
        let kinds = kinds::read(&raw.kinds, &mut findings);
        let mut parameters = parameters::read(&raw.parameters, &places, &mut findings);
        let symbols = symbols::build(
            &raw.definitions,
            &kinds,
            &parameters,
            &programmes,
            &mut findings,
        );
        let scopes = symbols::scopes(&symbols, &kinds, &parameters);
        let compiled = raw
            .definitions
            .iter()
            .map(|d| compile::compile(d, &symbols, &scopes, &mut findings))
            .collect();
        let mut read_beside = indexation::apply(
            &raw.indexes,
            &raw.instruments,
            &mut parameters,
            &places,
            &scopes,
            &mut findings,
        );
        let names = Names {
            symbols: &symbols,
            kinds: &kinds,
            parameters: &parameters,
            programmes: &programmes,
        };
        let properties = properties::read(&raw.properties, names, &scopes, &mut findings);
        read_beside.extend(properties.iter().flat_map(|p| p.reads(&symbols)));
        let removals = reform::removals(&raw.removals, &symbols);
        let report = findings.report;
        let corpus = Arc::new(Corpus {
            digest,
            instruments: raw.instruments,
            rules: raw.rules,
            definitions: raw.definitions,
            places,
            programmes,
            calendars: raw.calendars,
            properties,
            read_beside,
            removals,
            reform_examples: raw.examples,
            kinds,
            parameters,
            symbols,
            compiled,
            sources,
        });
        let editions = Arc::new(Editions::new(&corpus));
        let law = Law { corpus, editions };
        let mut findings = Findings {
            sources: &law.corpus.sources,
            report,
        };
        let used = examples::check(&law.corpus, &mut findings);
        checks::check(&law, &used, &mut findings);
        let mut report = findings.report;
        report.sort();
        (law, report)
    }

    /// The files that it was loaded from, ordered by path; then the reforms.
    pub fn files(&self) -> &[SourceFile] {
        &self.corpus.sources.files
    }

    /// SHA-256 over all sources, in hexadecimal: two laws with the same digest are the same law.
    pub fn digest(&self) -> &str {
        &self.corpus.digest
    }

    /// All instruments, ordered by path.
    pub fn instruments(&self) -> &[Instrument] {
        &self.corpus.instruments
    }

    /// The instrument with a number.
    pub fn instrument(&self, number: &str) -> Option<&Instrument> {
        self.corpus.instruments.iter().find(|i| i.number == number)
    }

    /// Every rule of every instrument, as its file writes it; [`Block::Rule`] points in here.
    pub fn rules(&self) -> &[RuleText] {
        &self.corpus.rules
    }

    /// All programmes in all their versions: id, name, rhythm and so on, with the first and last day
    /// of the instrument that declares each.
    pub fn programmes(&self) -> impl Iterator<Item = (&Programme, &Instrument)> {
        self.corpus
            .programmes
            .iter()
            .map(|v| (&v.programme, &self.corpus.instruments[v.instrument]))
    }

    /// All parameters in the order of their declaration.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.corpus.parameters.list.iter()
    }

    /// The evidence kinds of a subject; the index is the slot in a record, stable for this law.
    pub fn kinds(&self, subject: Subject) -> &[EvidenceKind] {
        &self.corpus.kinds[kinds::which(subject)].list
    }

    /// A kind by its name.
    pub fn kind(&self, subject: Subject, name: &str) -> Option<&EvidenceKind> {
        self.corpus.kinds[kinds::which(subject)].get(name)
    }

    /// Places of `places.csv`.
    pub fn places(&self) -> &Places {
        &self.corpus.places
    }

    /// Working days at a place: each year from the most specific place that publishes it.
    pub fn calendar(&self, place: &str) -> Calendar {
        calendar::of(place, &self.corpus.places, &self.corpus.calendars)
    }

    /// Instruments in force at a place on a day: the most specific place first, at each its reforms,
    /// then the latest.
    pub fn in_force(&self, place: &str, day: Day) -> Vec<&Instrument> {
        let chain = self.corpus.places.chain(place);
        let mut found: Vec<(usize, &Instrument)> = self
            .corpus
            .instruments
            .iter()
            .filter(|i| i.in_force(day))
            .filter_map(|i| {
                chain
                    .iter()
                    .position(|c| *c == i.place)
                    .map(|depth| (depth, i))
            })
            .collect();
        found.sort_by(|a, b| (a.0, b.1.reform, b.1.from).cmp(&(b.0, a.1.reform, a.1.from)));
        found.into_iter().map(|(_, i)| i).collect()
    }
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Law,
    Examples,
    Places,
    Other,
}

impl Kind {
    pub fn of(path: &str) -> Kind {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name == "places.csv" {
            Kind::Places
        } else if name.ends_with(".examples.yaml") {
            Kind::Examples
        } else if name.ends_with(".md") && !name.eq_ignore_ascii_case("readme.md") {
            Kind::Law
        } else {
            Kind::Other
        }
    }
}

fn digest(files: &[SourceFile]) -> String {
    let mut hash = Sha256::new();
    for file in files.iter().filter(|f| Kind::of(&f.path) != Kind::Other) {
        // Lengths between the parts keep two different sets of files apart.
        hash.update((file.path.len() as u64).to_le_bytes());
        hash.update(&file.path);
        hash.update((file.text.len() as u64).to_le_bytes());
        hash.update(&file.text);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn check_instruments(raw: &Raw, places: &Places, findings: &mut Findings<'_>) {
    for (n, instrument) in raw.instruments.iter().enumerate() {
        let (span, place_span) = &raw.instrument_spans[n];
        if let Some(first) = raw.instruments[..n]
            .iter()
            .position(|i| i.number == instrument.number)
        {
            let other = findings.sources.place(&raw.instrument_spans[first].0);
            findings.error(
                "duplicate-instrument",
                span,
                say(
                    format!("文号 `{}` 已用于 {other}", instrument.number),
                    format!("the number `{}` is taken by {other}", instrument.number),
                ),
                say(
                    "每个法规文件一个文号",
                    "give each instrument its own number",
                ),
            );
        }
        if !places.all().iter().any(|p| p.code == instrument.place) {
            let hint = super::report::closest(
                &instrument.place,
                places.all().iter().map(|p| p.code.as_str()),
            );
            findings.error(
                "unknown-place",
                place_span,
                say(
                    format!("地方 `{}` 不在 places.csv 中", instrument.place),
                    format!("the place `{}` is not in places.csv", instrument.place),
                ),
                match hint {
                    Some(hint) => say(
                        format!("是 `{hint}` 吗？"),
                        format!("did you mean `{hint}`?"),
                    ),
                    None => say("在 places.csv 加一行", "add a line to places.csv"),
                },
            );
        }
        articles(instrument, span, findings);
    }
}

fn articles(instrument: &Instrument, span: &Span, findings: &mut Findings<'_>) {
    for (n, article) in instrument.articles.iter().enumerate() {
        // A later heading of the same number (补 and the like) would make a citation ambiguous.
        if instrument.articles[..n]
            .iter()
            .any(|a| a.number == article.number)
        {
            findings.warn(
                "duplicate-article",
                span,
                say(
                    format!("`{}` 有两个标题", article.number),
                    format!("two headings bear the number `{}`", article.number),
                ),
                say("合并，或改正条号", "merge them, or mend the number"),
            );
        }
    }
}
