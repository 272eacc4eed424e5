//! What was read for what: noted while rules run, for the trace and for what is missing.

use super::prelude::Value;
use std::collections::HashMap;

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
    pub fired: Vec<u32>,
    /// A rule that nothing in force defines.
    pub undefined: bool,
    pub from: Vec<usize>,
}

/// The nodes in the order of computation.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    pub nodes: Vec<Node>,
    index: HashMap<(What, u32), usize>,
    open: Vec<Vec<usize>>,
}

impl Tracer {
    /// A rule begins.
    pub fn enter(&mut self) {
        self.open.push(Vec::new());
    }

    /// A rule ends with a value.
    pub fn leave(
        &mut self,
        what: What,
        member: u32,
        value: Value,
        fired: Vec<u32>,
        undefined: bool,
    ) {
        let from = self.open.pop().unwrap_or_default();
        let at = self.nodes.len();
        self.nodes.push(Node {
            what,
            member,
            value,
            fired,
            undefined,
            from,
        });
        self.index.insert((what, member), at);
        self.link(at);
    }

    /// Something is read that has its value already.
    pub fn read(&mut self, what: What, member: u32, value: &Value) {
        let at = match self.index.get(&(what, member)) {
            Some(&at) => at,
            None => {
                let at = self.nodes.len();
                let (value, fired, from) = (value.clone(), Vec::new(), Vec::new());
                self.nodes.push(Node {
                    what,
                    member,
                    value,
                    fired,
                    undefined: false,
                    from,
                });
                self.index.insert((what, member), at);
                at
            }
        };
        self.link(at);
    }

    fn link(&mut self, at: usize) {
        if let Some(reader) = self.open.last_mut()
            && !reader.contains(&at)
        {
            reader.push(at);
        }
    }

    /// The node of a rule.
    pub fn find(&self, what: What, member: u32) -> Option<usize> {
        self.index.get(&(what, member)).copied()
    }
}
