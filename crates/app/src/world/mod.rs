//! A district to try everything on: a register drawn from census figures, and its life by month.
//!
//! Decides: who lives there, with whom, on what; what happens to them and when the office hears of it.
//! Never: names a programme, a kind of evidence or a place: those stand in the district's data file.
//! Entrance: [`World::load`], then [`World::build`], [`District::households`] and [`District::life`].
//! Invariants: the same data, options and seed give the same register and the same events; where the
//! census gives a figure, the register has it exactly (see `demo/*/README.md` for what is assumed).

// Tables by sex, age and state are walked by index: the index is the sex, the age, the state.
#![allow(clippy::needless_range_loop)]

mod census;
mod compose;
mod couples;
mod emit;
mod evidence;
mod fit;
mod life;
mod measure;
mod names;
mod people;
mod schema;
mod study;

pub use census::Figures;
pub use emit::{GeneratedHousehold, Intent};
pub use life::{Event, Life, Newcomer, What};
pub use measure::{Marginals, Table};
pub use schema::DistrictFile;

use base::Day;
use registry::record::Area;

/// Why a district can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// The district file is not YAML of the expected shape.
    #[error("the district file: {0}")]
    Yaml(String),
    /// The census file is not readable.
    #[error("the census file: {0}")]
    Csv(String),
    /// The district file asks for a figure that the census file does not have.
    #[error("the census has no figure `{0}`; add the row or take it out of the district file")]
    NoFigure(String),
    /// The district file contradicts itself.
    #[error("the district file, {place}: {message}")]
    Inconsistent {
        /// Where in the file.
        place: String,
        /// What is wrong and how to mend it.
        message: String,
    },
    /// The figures can't be met by households of the kinds that are built.
    #[error("the figures do not fit together: {0}")]
    Infeasible(String),
}

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Family households; absent: as many as the census counts. People in collective living come
    /// on top, in proportion.
    pub households: Option<u64>,
    /// Same seed, same register.
    pub seed: u64,
    /// The day on which the register is opened; ages are as of this day.
    pub start: Day,
}

/// A district file and its figures, read and checked.
#[derive(Clone, Debug)]
pub struct World {
    file: schema::DistrictFile,
    rules: evidence::Rules,
    figures: Figures,
    areas: Vec<Area>,
}

impl World {
    /// Reads a district file and its census (`indicator,value` rows). Errors name the key or the
    /// figure that is wrong.
    pub fn load(yaml: &str, census: &str) -> Result<World, WorldError> {
        let figures = Figures::read_long(census)?;
        World::new(yaml, figures)
    }

    /// As [`World::load`], but for another county: its row of `counties` (one row a county, first
    /// column `code`) replaces the figures it has; shares it does not have are the district's own.
    pub fn load_county(
        yaml: &str,
        census: &str,
        counties: &str,
        code: &str,
    ) -> Result<World, WorldError> {
        let figures = Figures::read_long(census)?.overlaid(Figures::read_row(counties, code)?);
        World::new(yaml, figures)
    }

    fn new(yaml: &str, figures: Figures) -> Result<World, WorldError> {
        let file = schema::DistrictFile::read(yaml)?;
        let rules = evidence::Rules::compile(&file)?;
        let areas = names::areas(&file);
        Ok(World {
            file,
            rules,
            figures,
            areas,
        })
    }

    /// The district's areas: itself, its streets, their communities; parents before children.
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// Code of the district itself: the home shard of its records.
    pub fn code(&self) -> &str {
        &self.file.areas.code
    }

    /// Programme ids that the district file names, in its order.
    pub fn programmes(&self) -> impl Iterator<Item = &str> {
        self.file.applications.iter().map(|a| a.programme.as_str())
    }

    /// Draws the population and forms its households. About ten bytes a person stay in memory;
    /// names, numbers and evidence are made when a household is asked for.
    pub fn build(&self, options: Options) -> Result<District<'_>, WorldError> {
        let (population, marginals) = people::draw(&self.file, &self.figures, &options)?;
        let fortunes = (0..population.bounds.len())
            .map(|c| names::community_fortune(&self.file, c, options.seed))
            .collect();
        Ok(District {
            world: self,
            options,
            population,
            marginals,
            fortunes,
        })
    }

    /// The households of a district built with `options`, one after the other.
    pub fn generate(
        &self,
        options: Options,
    ) -> Result<impl Iterator<Item = GeneratedHousehold> + '_, WorldError> {
        let district = self.build(options)?;
        Ok((0..district.len()).map(move |n| district.household(n)))
    }
}

/// A population with its households, before names and evidence.
#[derive(Debug)]
pub struct District<'w> {
    world: &'w World,
    options: Options,
    population: people::Population,
    marginals: Marginals,
    /// Luck of each community.
    fortunes: Vec<f64>,
}

impl<'w> District<'w> {
    /// What it was drawn from.
    pub fn world(&self) -> &'w World {
        self.world
    }

    /// Households, collective ones included.
    pub fn len(&self) -> u64 {
        self.population.households.len() as u64
    }

    /// Never, for a district that was built.
    pub fn is_empty(&self) -> bool {
        self.population.households.is_empty()
    }

    /// Persons.
    pub fn persons(&self) -> u64 {
        self.population.persons.len() as u64
    }

    /// Wanted and drawn figures, for tests and for the district's page of figures.
    pub fn marginals(&self) -> &Marginals {
        &self.marginals
    }

    /// Household number `n` (from 0, ordered by community), as it is recorded on the first day.
    pub fn household(&self, n: u64) -> GeneratedHousehold {
        emit::household(self, n as usize)
    }

    /// All households in order.
    pub fn households(&self) -> impl Iterator<Item = GeneratedHousehold> + '_ {
        (0..self.len()).map(|n| self.household(n))
    }

    /// What happens from the first month on: call [`Life::month`] for one month after the other.
    pub fn life(&self) -> Life<'_, 'w> {
        Life::new(self)
    }
}
