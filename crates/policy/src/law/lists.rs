//! What a law holds, as `law list` prints it and forms and templates are made from.

use super::compile::Read;
use super::corpus::Law;
use super::edition::Edition;
use super::kinds::{Absent, EvidenceKind, which};
use super::model::RuleText;
use crate::programme::Subject;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

impl Law {
    /// The evidence kinds that a programme's rules can read, in any of its versions and places:
    /// what its forms ask for. Households' kinds first, each by slot.
    pub fn needs(&self, programme: &str) -> Vec<&EvidenceKind> {
        let corpus = &*self.corpus;
        let mut reads: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut seen: Vec<Read> = Vec::new();
        let versions = corpus.programmes.iter();
        for version in
            versions.filter(|v| v.programme.id == programme || v.programme.name == programme)
        {
            let who = which(version.programme.subject);
            if let Some(kind) = version
                .programme
                .event
                .as_ref()
                .and_then(|e| corpus.kinds[who].get(e))
            {
                reads.insert((who, kind.slot));
            }
            for (name, _, _) in version.rule_names() {
                if let Some(&n) = corpus.symbols.rule_index[who].get(name.as_str()) {
                    self.follow(Read::Rule(who, n), &mut seen, &mut reads);
                }
            }
        }
        reads
            .into_iter()
            .map(|(who, slot)| &corpus.kinds[who].list[slot])
            .collect()
    }

    /// Everything that a rule reads in any of its definitions, down to the evidence.
    fn follow(&self, read: Read, seen: &mut Vec<Read>, out: &mut BTreeSet<(usize, usize)>) {
        if seen.contains(&read) {
            return;
        }
        seen.push(read);
        let corpus = &*self.corpus;
        let definitions = match read {
            Read::Kind(who, slot) => {
                out.insert((who, slot));
                return;
            }
            Read::Rule(who, n) => &corpus.symbols.rules[who][n].definitions,
            Read::Function(n) => &corpus.symbols.functions[n].definitions,
            _ => return,
        };
        for &definition in definitions {
            if let Some(compiled) = corpus.compiled.get(definition).and_then(Option::as_ref) {
                for (next, _) in &compiled.reads {
                    self.follow(*next, seen, out);
                }
            }
        }
    }

    /// Names that a rule reads directly, each once, in the order of their mention: evidence, other rules,
    /// parameters, functions.
    pub fn read_by(&self, rule: &RuleText) -> Vec<String> {
        let corpus = &*self.corpus;
        let found = corpus.definitions.iter().position(|d| {
            d.name == rule.name && d.subject == rule.subject && d.citation == rule.citation
        });
        let compiled = found.and_then(|at| corpus.compiled.get(at)?.as_ref());
        let mut names: Vec<String> = Vec::new();
        for (read, _) in compiled.map(|c| c.reads.as_slice()).unwrap_or_default() {
            let name = match *read {
                Read::Kind(who, slot) => &corpus.kinds[who].list[slot].name,
                Read::Rule(who, n) => &corpus.symbols.rules[who][n].name,
                Read::Parameter(n) => &corpus.parameters.list[n].name,
                Read::Function(n) => &corpus.symbols.functions[n].name,
                Read::Previous | Read::Event => continue,
            };
            if !names.iter().any(|n| **n == **name) {
                names.push(name.to_string());
            }
        }
        names
    }

    /// For `law list --json`: programmes with their versions, rules, parameters and evidence kinds.
    pub fn list(&self) -> Json {
        let parameters: Vec<Json> = self
            .parameters()
            .map(|p| json!({"name": p.name, "en": p.en, "unit": p.unit, "rows": p.rows}))
            .collect();
        let subjects = [Subject::Household, Subject::Person];
        let evidence: Vec<Json> = subjects
            .iter()
            .flat_map(|s| self.kinds(*s))
            .map(kind)
            .collect();
        let instruments: Vec<Json> = self
            .instruments()
            .iter()
            .map(|i| {
                json!({
                    "number": i.number, "title": i.title, "place": i.place, "from": i.from, "to": i.to,
                    "status": i.status, "file": i.file,
                })
            })
            .collect();
        json!({
            "digest": self.digest(),
            "programmes": self.list_programmes(),
            "rules": self.list_rules(),
            "parameters": parameters,
            "evidence": evidence,
            "instruments": instruments,
            "places": self.places().all(),
        })
    }

    fn list_programmes(&self) -> Vec<Json> {
        let mut ids: Vec<&str> = self.programmes().map(|(p, _)| p.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().map(|id| self.list_programme(id)).collect()
    }

    fn list_programme(&self, id: &str) -> Json {
        let mut versions: Vec<_> = self.programmes().filter(|(p, _)| p.id == id).collect();
        versions.sort_by_key(|(_, i)| i.from);
        let Some((last, _)) = versions.last() else {
            return Json::Null;
        };
        let evidence: Vec<Json> = self.needs(id).into_iter().map(kind).collect();
        json!({
            "id": id,
            "name": last.name,
            "en": last.en,
            "subject": last.subject,
            "rhythm": last.rhythm,
            "event": last.event,
            "application": last.application,
            "versions": versions.iter().map(|(p, i)| json!({
                "name": p.name, "instrument": i.number, "article": p.citation.as_ref().map(|c| &c.article),
                "place": i.place, "from": i.from, "to": i.to,
                "applies": p.applies, "conditions": p.conditions, "amount": p.amount, "lines": p.lines,
                "unit": p.unit,
            })).collect::<Vec<_>>(),
            "evidence": evidence,
        })
    }

    fn list_rules(&self) -> Vec<Json> {
        let mut out = Vec::new();
        for rule in self.rules() {
            let instrument = self.instrument(&rule.citation.instrument);
            out.push(json!({
                "name": rule.name, "subject": rule.subject, "unit": rule.unit,
                "instrument": rule.citation.instrument, "article": rule.citation.article,
                "place": instrument.map(|i| &i.place), "from": instrument.map(|i| i.from),
                "to": instrument.and_then(|i| i.to), "file": rule.file, "line": rule.line,
            }));
        }
        out
    }
}

fn kind(kind: &EvidenceKind) -> Json {
    let absent = match &kind.absent {
        Absent::Missing => json!({"missing": true}),
        Absent::Value(value) => json!({"value": value.to_json_as(&kind.rule_type())}),
    };
    json!({
        "name": kind.name, "subject": kind.subject, "en": kind.en, "unit": kind.unit, "note": kind.note,
        "many": kind.many, "register": kind.register, "absent": absent, "keep": kind.keep,
    })
}

impl Edition {
    /// The evidence kinds that a programme reads under this edition: what must be known, and what a
    /// change of it touches.
    pub fn needs(&self, programme: &str) -> Vec<&EvidenceKind> {
        let Some(version) = self.version(programme) else {
            return Vec::new();
        };
        let corpus = &*self.corpus;
        let version = &corpus.programmes[version];
        let who = which(version.programme.subject);
        let mut kinds: BTreeSet<(usize, usize)> = BTreeSet::new();
        let mut seen = vec![false; corpus.definitions.len()];
        let mut open: Vec<u32> = version
            .rule_names()
            .iter()
            .filter_map(|(name, _, _)| corpus.symbols.rule_index[who].get(name.as_str()))
            .map(|&n| self.rules[who][n])
            .collect();
        while let Some(definition) = open.pop() {
            let at = definition as usize;
            if seen.get(at).copied().unwrap_or(true) {
                continue;
            }
            seen[at] = true;
            for (read, _) in self
                .compiled(at)
                .map(|c| c.reads.as_slice())
                .unwrap_or_default()
            {
                match *read {
                    Read::Kind(who, slot) => {
                        kinds.insert((who, slot));
                    }
                    Read::Rule(who, n) => open.push(self.rules[who][n]),
                    Read::Function(n) => open.push(self.functions[n]),
                    _ => {}
                }
            }
        }
        kinds
            .into_iter()
            .map(|(who, slot)| &corpus.kinds[who].list[slot])
            .collect()
    }
}
