//! What was read for what: noted while rules run, for the trace and for what is missing.
//!
//! A note is a number and a value, kept in buffers that the next evaluation uses again: names,
//! articles and sentences are put to them when somebody reads the trace.

use super::edition::Edition;
use super::eval::NOBODY;
use super::prelude::{Rows, Value};

/// One thing that has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Kind(usize, usize),
    Rule(usize, usize),
    Parameter(usize),
    Previous,
    Event,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub what: What,
    pub member: u32,
    pub value: Value,
    /// Rows of the table that fired.
    pub fired: Rows,
    /// A rule that nothing in force defines.
    pub undefined: bool,
    /// Its stretch of the reads.
    from: (u32, u32),
}

/// The nodes in the order of computation.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    pub nodes: Vec<Node>,
    /// What each node was made from, node after node.
    reads: Vec<u32>,
    /// Reads of the rules under way, the innermost last, and where each rule's begin.
    open: Vec<u32>,
    begins: Vec<u32>,
    /// The node of each thing, by [`Tracer::place`], with the generation in which it was noted.
    index: Vec<(u32, u32)>,
    generation: u32,
    layout: Layout,
}

/// The place of a member's thing when there is no member.
const NOWHERE: usize = usize::MAX;

/// How many of each there are: evidence kinds and rules by subject, and parameters.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    kinds: [u32; 2],
    rules: [u32; 2],
    parameters: u32,
}

impl Tracer {
    /// Forgets the last evaluation's notes.
    pub fn begin(&mut self, edition: &Edition) {
        self.nodes.clear();
        self.reads.clear();
        self.open.clear();
        self.begins.clear();
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            // The counter went round: entries of old generations would look new.
            self.index.clear();
            self.generation = 1;
        }
        let symbols = &edition.corpus.symbols;
        self.layout = Layout {
            kinds: symbols.kind_count.map(|n| n as u32),
            rules: [symbols.rules[0].len() as u32, symbols.rules[1].len() as u32],
            parameters: edition.parameters.len() as u32,
        };
    }

    /// A number for each thing: the household's and the law's first, then member by member.
    #[inline]
    fn place(&self, what: What, member: u32) -> usize {
        let Layout {
            kinds,
            rules,
            parameters,
        } = self.layout;
        let common = kinds[0] + rules[0];
        let shared = common + parameters + 2;
        let of_member = |n: u32| shared + member * (kinds[1] + rules[1]) + n;
        let place = match what {
            What::Kind(1, _) | What::Rule(1, _) if member == NOBODY => return NOWHERE,
            What::Kind(0, n) => n as u32,
            What::Rule(0, n) => kinds[0] + n as u32,
            What::Parameter(n) => common + n as u32,
            What::Previous => common + parameters,
            What::Event => common + parameters + 1,
            What::Kind(_, n) => of_member(n as u32),
            What::Rule(_, n) => of_member(kinds[1] + n as u32),
        };
        place as usize
    }

    /// A rule begins.
    #[inline]
    pub fn enter(&mut self) {
        self.begins.push(self.open.len() as u32);
    }

    /// A rule ends with a value.
    pub fn leave(&mut self, what: What, member: u32, value: &Value, fired: Rows, undefined: bool) {
        let begin = self.begins.pop().unwrap_or_default() as usize;
        let first = self.reads.len() as u32;
        self.reads.extend(self.open.drain(begin..));
        let at = self.nodes.len() as u32;
        self.nodes.push(Node {
            what,
            member,
            value: value.clone(),
            fired,
            undefined,
            from: (first, self.reads.len() as u32),
        });
        let place = self.place(what, member);
        self.set(place, at);
        self.link(at);
    }

    /// Something is read that has its value already.
    pub fn read(&mut self, what: What, member: u32, value: &Value) {
        let place = self.place(what, member);
        let at = match self.index.get(place) {
            Some(&(generation, at)) if generation == self.generation => at,
            _ => {
                let at = self.nodes.len() as u32;
                self.nodes.push(Node {
                    what,
                    member,
                    value: value.clone(),
                    fired: Rows::None,
                    undefined: false,
                    from: (0, 0),
                });
                self.set(place, at);
                at
            }
        };
        self.link(at);
    }

    #[inline]
    fn set(&mut self, place: usize, at: u32) {
        if place == NOWHERE {
            return;
        }
        if self.index.len() <= place {
            self.index.resize(place + 1, (0, 0));
        }
        self.index[place] = (self.generation, at);
    }

    #[inline]
    fn link(&mut self, at: u32) {
        if let Some(&begin) = self.begins.last()
            && !self.open[begin as usize..].contains(&at)
        {
            self.open.push(at);
        }
    }

    /// The node of a rule.
    pub fn find(&self, what: What, member: u32) -> Option<usize> {
        match self.index.get(self.place(what, member)) {
            Some(&(generation, at)) if generation == self.generation => Some(at as usize),
            _ => None,
        }
    }

    /// The nodes that a node was made from, in the order in which they were first read.
    pub fn from(&self, node: &Node) -> impl Iterator<Item = usize> {
        let (first, end) = node.from;
        let reads = self.reads.get(first as usize..end as usize);
        reads.unwrap_or_default().iter().map(|n| *n as usize)
    }
}
