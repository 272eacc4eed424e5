//! Writing DMN 1.3, the version that browser editors open, with a simple diagram.

use super::model::{Boxed, BoxedKind, BoxedTable, ItemDefinition, Model, Node, Parameter, Service};
use super::xml::escape;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

const MODEL: &str = "https://www.omg.org/spec/DMN/20191111/MODEL/";
const DMNDI: &str = "https://www.omg.org/spec/DMN/20191111/DMNDI/";
const DC: &str = "http://www.omg.org/spec/DMN/20180521/DC/";
const DI: &str = "http://www.omg.org/spec/DMN/20180521/DI/";

/// A model as a DMN 1.3 document. Ids must be unique; what has none gets one. Boxed expressions that
/// 1.3 does not know (conditional, filter, iterators) are written as FEEL, which needs their parts to
/// be literal; other parts become null.
pub fn write(model: &Model) -> String {
    let mut writer = Writer {
        out: String::new(),
        level: 0,
        ids: 0,
    };
    let mut model = model.clone();
    let nodes = model
        .inputs
        .iter_mut()
        .chain(&mut model.knowledge)
        .chain(&mut model.decisions);
    let ids = nodes
        .map(|n| &mut n.id)
        .chain(model.services.iter_mut().map(|s| &mut s.id));
    for id in ids.filter(|id| id.is_empty()) {
        *id = writer.fresh();
    }
    writer.model(&model);
    writer.out
}

struct Writer {
    out: String,
    level: usize,
    ids: usize,
}

impl Writer {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:1$}{text}", "", self.level * 2);
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let tag = tag(name, attributes);
        self.line(&format!("<{tag}>"));
        self.level += 1;
    }

    fn close(&mut self, name: &str) {
        self.level -= 1;
        self.line(&format!("</{name}>"));
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let tag = tag(name, attributes);
        self.line(&format!("<{tag}/>"));
    }

    /// An id of our own making.
    fn fresh(&mut self) -> String {
        self.ids += 1;
        format!("_x{}", self.ids)
    }

    /// `name` with a `text` in it, and an id as editors want one.
    fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        let id = self.fresh();
        let mut all = vec![("id", id.as_str())];
        all.extend_from_slice(attributes);
        self.open(name, &all);
        self.line(&format!("<text>{}</text>", escape(text)));
        self.close(name);
    }

    fn model(&mut self, model: &Model) {
        self.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        self.open(
            "definitions",
            &[
                ("xmlns", MODEL),
                ("xmlns:dmndi", DMNDI),
                ("xmlns:dc", DC),
                ("xmlns:di", DI),
                ("id", "_definitions"),
                ("name", &model.name),
                ("namespace", &model.namespace),
            ],
        );
        for import in &model.imports {
            let id = self.fresh();
            let attributes = [
                ("id", id.as_str()),
                ("name", &import.name),
                ("namespace", &import.namespace),
                ("importType", MODEL),
            ];
            self.empty("import", &attributes);
        }
        for item in &model.items {
            self.item("itemDefinition", item);
        }
        let inputs: HashSet<&str> = model.inputs.iter().map(|n| n.id.as_str()).collect();
        let knowledge: HashSet<&str> = model
            .knowledge
            .iter()
            .map(|n| n.id.as_str())
            .chain(model.services.iter().map(|s| s.id.as_str()))
            .collect();
        for node in &model.inputs {
            self.node("inputData", node, &inputs, &knowledge);
        }
        for node in &model.knowledge {
            self.node("businessKnowledgeModel", node, &inputs, &knowledge);
        }
        for node in &model.decisions {
            self.node("decision", node, &inputs, &knowledge);
        }
        for service in &model.services {
            self.service(service);
        }
        self.diagram(model);
        self.close("definitions");
    }

    fn item(&mut self, tag: &str, item: &ItemDefinition) {
        let id = self.fresh();
        let collection = if item.is_collection { "true" } else { "false" };
        self.open(
            tag,
            &[
                ("id", &id),
                ("name", &item.name),
                ("isCollection", collection),
            ],
        );
        if let Some((params, result)) = &item.function {
            let result = result.as_deref().unwrap_or("Any");
            self.open("functionItem", &[("outputTypeRef", result)]);
            for param in params {
                self.parameter("parameters", param);
            }
            self.close("functionItem");
        }
        if let Some(name) = &item.type_ref {
            self.line(&format!("<typeRef>{}</typeRef>", escape(name)));
        }
        if let Some(allowed) = item.allowed.as_ref().or(item.constraint.as_ref()) {
            self.text("allowedValues", &[], allowed);
        }
        for component in &item.components {
            self.item("itemComponent", component);
        }
        self.close(tag);
    }

    fn parameter(&mut self, tag: &str, parameter: &Parameter) {
        let id = self.fresh();
        let mut attributes = vec![("id", id.as_str()), ("name", parameter.name.as_str())];
        if let Some(name) = &parameter.type_ref {
            attributes.push(("typeRef", name));
        }
        self.empty(tag, &attributes);
    }

    fn node(&mut self, tag: &str, node: &Node, inputs: &HashSet<&str>, knowledge: &HashSet<&str>) {
        self.open(tag, &[("id", &node.id), ("name", &node.name)]);
        if !node.description.is_empty() {
            self.line(&format!(
                "<description>{}</description>",
                escape(&node.description)
            ));
        }
        self.parameter(
            "variable",
            &Parameter {
                name: node.name.clone(),
                type_ref: node.type_ref.clone(),
            },
        );
        let knowledge_model = tag == "businessKnowledgeModel";
        if knowledge_model && let Some(logic) = &node.logic {
            self.function("encapsulatedLogic", logic);
        }
        // Information first, then knowledge: the schema has them in this order.
        let is_knowledge = |href: &str| knowledge.contains(href.trim_start_matches('#'));
        for wanted in [false, true] {
            for href in node.requires.iter().filter(|h| is_knowledge(h) == wanted) {
                let (outer, inner) = if wanted || knowledge_model {
                    ("knowledgeRequirement", "requiredKnowledge")
                } else if inputs.contains(href.trim_start_matches('#')) {
                    ("informationRequirement", "requiredInput")
                } else {
                    ("informationRequirement", "requiredDecision")
                };
                let id = self.fresh();
                self.open(outer, &[("id", &id)]);
                self.empty(inner, &[("href", href)]);
                self.close(outer);
            }
        }
        if !knowledge_model && let Some(logic) = &node.logic {
            self.boxed(logic);
        }
        self.close(tag);
    }

    fn service(&mut self, service: &Service) {
        self.open(
            "decisionService",
            &[("id", &service.id), ("name", &service.name)],
        );
        self.parameter(
            "variable",
            &Parameter {
                name: service.name.clone(),
                type_ref: service.type_ref.clone(),
            },
        );
        for (tag, hrefs) in [
            ("outputDecision", &service.outputs),
            ("inputDecision", &service.input_decisions),
            ("inputData", &service.inputs),
        ] {
            for href in hrefs {
                self.empty(tag, &[("href", href)]);
            }
        }
        self.close("decisionService");
    }

    fn function(&mut self, tag: &str, boxed: &Boxed) {
        let id = self.fresh();
        let BoxedKind::Function {
            params,
            body,
            external,
        } = &boxed.kind
        else {
            return self.boxed(boxed);
        };
        let kind = if *external { "Java" } else { "FEEL" };
        self.open(tag, &[("id", &id), ("kind", kind)]);
        for param in params {
            self.parameter("formalParameter", param);
        }
        if let Some(body) = body {
            self.boxed(body);
        }
        self.close(tag);
    }

    fn boxed(&mut self, boxed: &Boxed) {
        let id = self.fresh();
        let mut attributes = vec![("id", id.as_str())];
        if let Some(name) = &boxed.type_ref {
            attributes.push(("typeRef", name));
        }
        match &boxed.kind {
            BoxedKind::Literal(text) => self.text("literalExpression", &attributes[1..], text),
            BoxedKind::Table(table) => self.table(table),
            BoxedKind::Context(entries) => {
                self.open("context", &attributes);
                for (parameter, value) in entries {
                    self.open("contextEntry", &[]);
                    if let Some(parameter) = parameter {
                        self.parameter("variable", parameter);
                    }
                    self.boxed(value);
                    self.close("contextEntry");
                }
                self.close("context");
            }
            BoxedKind::Invocation(callee, bindings) => {
                self.open("invocation", &attributes);
                self.boxed(callee);
                for (parameter, value) in bindings {
                    self.open("binding", &[]);
                    self.parameter("parameter", parameter);
                    self.boxed(value);
                    self.close("binding");
                }
                self.close("invocation");
            }
            BoxedKind::List(items) => {
                self.open("list", &attributes);
                items.iter().for_each(|item| self.boxed(item));
                self.close("list");
            }
            BoxedKind::Relation(columns, rows) => {
                self.open("relation", &attributes);
                columns
                    .iter()
                    .for_each(|column| self.parameter("column", column));
                for row in rows {
                    let id = self.fresh();
                    self.open("row", &[("id", &id)]);
                    row.iter().for_each(|cell| self.boxed(cell));
                    self.close("row");
                }
                self.close("relation");
            }
            BoxedKind::Function { .. } => self.function("functionDefinition", boxed),
            BoxedKind::Conditional(c, a, b) => {
                let text = format!("if {} then {} else {}", feel(c), feel(a), feel(b));
                self.text("literalExpression", &attributes[1..], &text);
            }
            BoxedKind::Filter(list, condition) => {
                let text = format!("({})[{}]", feel(list), feel(condition));
                self.text("literalExpression", &attributes[1..], &text);
            }
            BoxedKind::For(name, source, body) => {
                let text = format!("for {name} in {} return {}", feel(source), feel(body));
                self.text("literalExpression", &attributes[1..], &text);
            }
            BoxedKind::Quantified(every, name, source, condition) => {
                let word = if *every { "every" } else { "some" };
                let text = format!(
                    "{word} {name} in {} satisfies {}",
                    feel(source),
                    feel(condition)
                );
                self.text("literalExpression", &attributes[1..], &text);
            }
        }
    }

    fn table(&mut self, table: &BoxedTable) {
        let id = self.fresh();
        let policy = match table.hit.chars().next() {
            Some('A') => "ANY",
            Some('P') => "PRIORITY",
            Some('F') => "FIRST",
            Some('R') => "RULE ORDER",
            Some('O') => "OUTPUT ORDER",
            Some('C') => "COLLECT",
            _ => "UNIQUE",
        };
        let mut attributes = vec![("id", id.as_str()), ("hitPolicy", policy)];
        match table.hit.chars().nth(1) {
            Some('+') => attributes.push(("aggregation", "SUM")),
            Some('<') => attributes.push(("aggregation", "MIN")),
            Some('>') => attributes.push(("aggregation", "MAX")),
            Some('#') => attributes.push(("aggregation", "COUNT")),
            _ => {}
        }
        self.open("decisionTable", &attributes);
        for input in &table.inputs {
            let id = self.fresh();
            self.open("input", &[("id", &id), ("label", input.expression.trim())]);
            let ty: Vec<(&str, &str)> = input
                .type_ref
                .iter()
                .map(|t| ("typeRef", t.as_str()))
                .collect();
            self.text("inputExpression", &ty, &input.expression);
            if let Some(values) = &input.values {
                self.text("inputValues", &[], values);
            }
            self.close("input");
        }
        for output in &table.outputs {
            let id = self.fresh();
            let mut attributes = vec![("id", id.as_str())];
            if let Some(name) = &output.name {
                attributes.push(("name", name));
            }
            if let Some(ty) = &output.type_ref {
                attributes.push(("typeRef", ty));
            }
            self.open("output", &attributes);
            if let Some(values) = &output.values {
                self.text("outputValues", &[], values);
            }
            if let Some(default) = &output.default {
                self.text("defaultOutputEntry", &[], default);
            }
            self.close("output");
        }
        for (cells, results) in &table.rules {
            let id = self.fresh();
            self.open("rule", &[("id", &id)]);
            cells
                .iter()
                .for_each(|cell| self.text("inputEntry", &[], cell));
            results
                .iter()
                .for_each(|cell| self.text("outputEntry", &[], cell));
            self.close("rule");
        }
        self.close("decisionTable");
    }

    /// Layers from the inputs down to the decisions that need most, one row a layer.
    fn diagram(&mut self, model: &Model) {
        let nodes: Vec<&Node> = model
            .inputs
            .iter()
            .chain(&model.knowledge)
            .chain(&model.decisions)
            .collect();
        let at: HashMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .map(|(i, n)| (n.id.as_str(), i))
            .collect();
        let needs = |node: &Node| -> Vec<usize> {
            node.requires
                .iter()
                .filter_map(|h| at.get(h.trim_start_matches('#')).copied())
                .collect()
        };
        // Longest way from an input, by as many passes as it takes; a cycle ends after `len` passes.
        let mut layers = vec![0usize; nodes.len()];
        for _ in 0..nodes.len() {
            let mut changed = false;
            for (i, node) in nodes.iter().enumerate() {
                let layer = needs(node)
                    .into_iter()
                    .map(|n| layers[n] + 1)
                    .max()
                    .unwrap_or(0);
                if layer > layers[i] && layer < nodes.len() {
                    layers[i] = layer;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        let deepest = layers.iter().copied().max().unwrap_or(0);
        let mut used = vec![0usize; deepest + 1];
        let mut places = Vec::with_capacity(nodes.len());
        for layer in &layers {
            places.push((60 + used[*layer] * 220, 60 + (deepest - layer) * 140));
            used[*layer] += 1;
        }
        self.open("dmndi:DMNDI", &[]);
        self.open("dmndi:DMNDiagram", &[("id", "_diagram")]);
        for (node, (x, y)) in nodes.iter().zip(&places) {
            let id = self.fresh();
            self.open(
                "dmndi:DMNShape",
                &[("id", &id), ("dmnElementRef", &node.id)],
            );
            let (x, y) = (x.to_string(), y.to_string());
            self.empty(
                "dc:Bounds",
                &[("height", "80"), ("width", "180"), ("x", &x), ("y", &y)],
            );
            self.close("dmndi:DMNShape");
        }
        // Edges refer to requirements by the ids that the nodes were written with: count as they do.
        for (requirement, from, to) in self.requirement_ids(model, &at) {
            let id = self.fresh();
            self.open(
                "dmndi:DMNEdge",
                &[("id", &id), ("dmnElementRef", &requirement)],
            );
            let ((fx, fy), (tx, ty)) = (places[from], places[to]);
            for (x, y) in [(fx + 90, fy), (tx + 90, ty + 80)] {
                let (x, y) = (x.to_string(), y.to_string());
                self.empty("di:waypoint", &[("x", &x), ("y", &y)]);
            }
            self.close("dmndi:DMNEdge");
        }
        self.close("dmndi:DMNDiagram");
        self.close("dmndi:DMNDI");
    }

    /// Requirement id, and the nodes it leads from and to, read back from what was written.
    fn requirement_ids(
        &self,
        model: &Model,
        at: &HashMap<&str, usize>,
    ) -> Vec<(String, usize, usize)> {
        let Ok(root) = super::xml::read(&format!("{}</definitions>", self.closed())) else {
            return Vec::new();
        };
        let mut edges = Vec::new();
        for node in model.knowledge.iter().chain(&model.decisions) {
            let Some(element) = root
                .children
                .iter()
                .find(|e| e.attribute("id") == Some(&node.id))
            else {
                continue;
            };
            for requirement in element
                .children
                .iter()
                .filter(|e| e.name.ends_with("Requirement"))
            {
                let href = requirement
                    .children
                    .first()
                    .and_then(|c| c.attribute("href"));
                let from = href.and_then(|h| at.get(h.trim_start_matches('#')));
                if let (Some(id), Some(&from), Some(&to)) =
                    (requirement.attribute("id"), from, at.get(node.id.as_str()))
                {
                    edges.push((id.to_string(), from, to));
                }
            }
        }
        edges
    }

    /// What has been written before the diagram.
    fn closed(&self) -> &str {
        self.out.split("<dmndi:DMNDI>").next().unwrap_or_default()
    }
}

fn tag(name: &str, attributes: &[(&str, &str)]) -> String {
    let mut out = name.to_string();
    for (key, value) in attributes {
        let _ = write!(out, " {key}=\"{}\"", escape(value).replace('\n', "&#10;"));
    }
    out
}

/// A literal part as FEEL in parentheses.
fn feel(boxed: &Boxed) -> String {
    match &boxed.kind {
        BoxedKind::Literal(text) => format!("({})", text.trim()),
        _ => "null".into(),
    }
}

#[cfg(test)]
mod tests;
