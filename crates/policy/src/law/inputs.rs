//! What a programme may read: over all its versions, everywhere and at any time.

use super::compile::Read;
use super::corpus::Law;
use super::kinds::which;
use crate::programme::Subject;
use std::collections::BTreeSet;

/// Evidence and figures that some version of a programme reads, directly or through other rules, or that
/// the sentences of its reasons show. What is not in here cannot change a determination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Kinds of evidence, by subject and name.
    pub kinds: BTreeSet<(Subject, String)>,
    /// Parameters, by name.
    pub parameters: BTreeSet<String>,
}

impl Law {
    /// What a programme (by id) may read. It follows every definition of every name that is used, wherever
    /// and whenever that definition is in force, and so never leaves anything out.
    pub fn inputs(&self, programme: &str) -> Inputs {
        let corpus = &self.corpus;
        let mut inputs = Inputs::default();
        let mut open: Vec<Read> = Vec::new();
        for version in &corpus.programmes {
            let declared = &version.programme;
            if declared.id != programme {
                continue;
            }
            if let Some(event) = &declared.event {
                inputs.kinds.insert((declared.subject, event.clone()));
            }
            let names = (declared.applies.iter())
                .chain(&declared.conditions)
                .chain([&declared.amount])
                .chain(&declared.lines)
                .chain(declared.carry.keys());
            let numbers = names.filter_map(|name| corpus.symbols.rule(declared.subject, name));
            open.extend(numbers.map(|n| Read::Rule(which(declared.subject), n)));
        }
        let mut seen: BTreeSet<(bool, usize, usize)> = BTreeSet::new();
        while let Some(read) = open.pop() {
            let definitions = match read {
                Read::Kind(who, slot) => {
                    let kind = corpus.kinds[who].list.get(slot);
                    let subject = [Subject::Household, Subject::Person][who];
                    inputs
                        .kinds
                        .extend(kind.map(|k| (subject, k.name.to_string())));
                    continue;
                }
                Read::Parameter(n) => {
                    let parameter = corpus.parameters.list.get(n);
                    inputs
                        .parameters
                        .extend(parameter.map(|p| p.name.to_string()));
                    continue;
                }
                // What was handed over was computed by a rule of the same programme; an event is its own kind.
                Read::Previous | Read::Event => continue,
                Read::Rule(who, n) => {
                    if !seen.insert((false, who, n)) {
                        continue;
                    }
                    &corpus.symbols.rules[who][n].definitions
                }
                Read::Function(n) => {
                    if !seen.insert((true, 0, n)) {
                        continue;
                    }
                    &corpus.symbols.functions[n].definitions
                }
            };
            for compiled in definitions
                .iter()
                .filter_map(|d| corpus.compiled.get(*d)?.as_ref())
            {
                open.extend(compiled.reads.iter().map(|(read, _)| *read));
                open.extend(compiled.sentence_reads.iter().copied());
            }
        }
        inputs
    }
}
