//! The names in sight: what they are called, their types, and where their values stand.

use super::builtin::{self, Builtin};
use super::lexer::{self, Piece};
use super::types::{Records, Type};
use std::collections::HashMap;
use std::sync::Arc;

/// How forgiving reading and evaluation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Law files: what is unknown or does not fit is an error; null means *not known* and spreads.
    Strict,
    /// DMN files: the standard's semantics.
    Lenient,
}

/// A name that an expression may use.
#[derive(Clone, Debug)]
pub struct Known {
    /// As written.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Type,
    /// The host's number for it.
    pub slot: u32,
    pieces: Arc<[Piece]>,
}

/// The names in sight of an expression. Clone it to add a few for one rule.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Strict or lenient.
    pub mode: Mode,
    records: Arc<Records>,
    known: Vec<Known>,
    by_first: HashMap<Arc<str>, Vec<u32>>,
    types: HashMap<Arc<str>, Type>,
}

impl Scope {
    /// An empty scope over a host's record types.
    pub fn new(mode: Mode, records: Arc<Records>) -> Scope {
        Scope {
            mode,
            records,
            known: Vec::new(),
            by_first: HashMap::new(),
            types: HashMap::new(),
        }
    }

    /// A strict scope without host records.
    pub fn strict() -> Scope {
        Scope::new(Mode::Strict, Arc::default())
    }

    /// A lenient scope without host records.
    pub fn lenient() -> Scope {
        Scope::new(Mode::Lenient, Arc::default())
    }

    /// Adds a name; a later one of the same text hides the earlier.
    pub fn define(&mut self, name: &str, ty: Type, slot: u32) {
        let pieces: Arc<[Piece]> = lexer::pieces_of(name).into();
        let Some(first) = pieces.first() else { return };
        let at = self.known.len() as u32;
        self.by_first
            .entry(first.text.clone())
            .or_default()
            .push(at);
        self.known.push(Known {
            name: name.into(),
            ty,
            slot,
            pieces,
        });
    }

    /// Adds a type name for `instance of` and function parameters.
    pub fn define_type(&mut self, name: &str, ty: Type) {
        self.types.insert(name.into(), ty);
    }

    /// A named type.
    pub fn named_type(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// The host's record types.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The name, by its exact text.
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.known.iter().rev().find(|k| &*k.name == name)
    }

    /// All names, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &Known> {
        self.known.iter()
    }

    /// The longest name that starts the pieces, with the number of pieces it takes.
    pub(super) fn longest(&self, pieces: &[Piece]) -> Option<(usize, &Known)> {
        let candidates = self.by_first.get(&pieces.first()?.text)?;
        let mut best: Option<(usize, &Known)> = None;
        for &at in candidates {
            let known = &self.known[at as usize];
            if lexer::starts_with(pieces, &known.pieces)
                && best.is_none_or(|(n, _)| known.pieces.len() >= n)
            {
                best = Some((known.pieces.len(), known));
            }
        }
        best
    }

    /// The longest built-in that starts the pieces.
    pub(super) fn longest_builtin(pieces: &[Piece]) -> Option<(usize, Builtin)> {
        let mut best: Option<(usize, Builtin)> = None;
        for &candidate in builtin::ALL {
            let mut count = 0;
            let fits = candidate.name().split(' ').all(|word| {
                let same = pieces.get(count).is_some_and(|p| &*p.text == word);
                count += 1;
                same
            });
            if fits && best.is_none_or(|(n, _)| count > n) {
                best = Some((count, candidate));
            }
        }
        best
    }
}
