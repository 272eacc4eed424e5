//! Models to a program: every element a slot, every text an expression, every requirement a name.

use super::model::{ItemDefinition, Model, Node, Parameter, Service};
use crate::feel::ast::{Closure, Expr, UnaryTests};
use crate::feel::parser::{parse_unary_tests, simple_type};
use crate::feel::scope::Scope;
use crate::feel::types::{ContextType, FunctionType, NamedType, Type};
use std::collections::HashMap;
use std::sync::Arc;

/// Models ready to be evaluated.
#[derive(Debug)]
pub struct Program {
    pub(super) elements: Vec<Compiled>,
    /// Elements of the main model by name.
    pub(super) names: HashMap<String, u32>,
    /// What could not be understood; such an expression is null.
    pub problems: Vec<Problem>,
}

/// A text of the model that cannot be understood.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The element's name.
    pub element: String,
    /// The text in question.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
}

/// An element of the graph.
#[derive(Debug)]
pub(super) struct Compiled {
    pub name: Arc<str>,
    pub ty: Type,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Input,
    Decision(Option<Expr>),
    Knowledge(Arc<Closure>),
    Service {
        outputs: Vec<u32>,
        params: Arc<[(Arc<str>, Type)]>,
        inputs: Vec<u32>,
    },
}

/// Where an element came from, while compiling.
struct Source<'a> {
    model: usize,
    name: &'a str,
    kind: SourceKind<'a>,
}

enum SourceKind<'a> {
    Input(&'a Node),
    Decision(&'a Node),
    Knowledge(&'a Node),
    Service(&'a Service),
}

pub(super) struct Compiler<'a> {
    models: &'a [Model],
    sources: Vec<Source<'a>>,
    /// `(model, id)` to slot.
    by_id: HashMap<(usize, &'a str), u32>,
    /// Types of each model by name.
    types: Vec<HashMap<String, Type>>,
    element_types: Vec<Type>,
    pub(super) problems: Vec<Problem>,
    pub(super) current: String,
}

impl Program {
    /// Compiles the first model with those it imports. Unknown references and unreadable texts are
    /// [`Program::problems`]; the elements concerned give null.
    pub fn load(models: &[Model]) -> Program {
        let mut compiler = Compiler {
            models,
            sources: Vec::new(),
            by_id: HashMap::new(),
            types: Vec::new(),
            element_types: Vec::new(),
            problems: Vec::new(),
            current: String::new(),
        };
        for model in 0..models.len() {
            compiler.types.push(HashMap::new());
            compiler.collect(model);
        }
        for (model, source) in models.iter().enumerate() {
            let mut seen = Vec::new();
            for item in &source.items {
                compiler.item_type(model, &item.name, &mut seen);
            }
        }
        for slot in 0..compiler.sources.len() {
            let ty = compiler.element_type(slot);
            compiler.element_types.push(ty);
        }
        // Decisions without a declared type are typed by their expression, in order of need.
        let mut elements: Vec<Option<Compiled>> =
            (0..compiler.sources.len()).map(|_| None).collect();
        let mut visiting = vec![false; elements.len()];
        for slot in 0..elements.len() {
            compiler.compile_in_order(slot, &mut elements, &mut visiting, 0);
        }
        let mut names = HashMap::new();
        for (slot, source) in compiler.sources.iter().enumerate() {
            if source.model == 0 {
                names.entry(source.name.to_string()).or_insert(slot as u32);
            }
        }
        let problems = compiler.problems;
        Program {
            elements: elements.into_iter().flatten().collect(),
            names,
            problems,
        }
    }

    /// Names of all decisions of the main model.
    pub fn decisions(&self) -> Vec<&str> {
        let decisions = self
            .names
            .iter()
            .filter(|(_, slot)| matches!(self.elements[**slot as usize].kind, Kind::Decision(_)));
        let mut names: Vec<&str> = decisions.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The slot of an element of the main model.
    pub(super) fn slot(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The declared type of an input, decision or service by name.
    pub fn type_of(&self, name: &str) -> Option<&Type> {
        self.slot(name).map(|s| &self.elements[s as usize].ty)
    }
}

impl<'a> Compiler<'a> {
    fn collect(&mut self, model: usize) {
        let source = &self.models[model];
        let nodes = (source
            .inputs
            .iter()
            .map(|n| (n.id.as_str(), n.name.as_str(), SourceKind::Input(n))))
        .chain(
            source
                .decisions
                .iter()
                .map(|n| (n.id.as_str(), n.name.as_str(), SourceKind::Decision(n))),
        )
        .chain(
            source
                .knowledge
                .iter()
                .map(|n| (n.id.as_str(), n.name.as_str(), SourceKind::Knowledge(n))),
        )
        .chain(
            source
                .services
                .iter()
                .map(|s| (s.id.as_str(), s.name.as_str(), SourceKind::Service(s))),
        );
        for (id, name, kind) in nodes {
            let slot = self.sources.len() as u32;
            self.by_id.insert((model, id), slot);
            self.sources.push(Source { model, name, kind });
        }
    }

    pub(super) fn problem(&mut self, text: &str, message: impl Into<String>) {
        let text = text.chars().take(200).collect();
        self.problems.push(Problem {
            element: self.current.clone(),
            text,
            message: message.into(),
        });
    }

    /// The element that an `href` of a model names, with the prefix that its import gives it.
    fn resolve(&self, model: usize, href: &str) -> Option<(u32, String)> {
        let (namespace, id) = href.rsplit_once('#')?;
        if (namespace.is_empty() || namespace == self.models[model].namespace)
            && let Some(&slot) = self.by_id.get(&(model, id))
        {
            return Some((slot, String::new()));
        }
        for import in &self.models[model].imports {
            if !namespace.is_empty() && import.namespace != namespace {
                continue;
            }
            let other = self
                .models
                .iter()
                .position(|m| m.namespace == import.namespace)?;
            if let Some(&slot) = self.by_id.get(&(other, id)) {
                return Some((slot, import.name.clone()));
            }
        }
        None
    }

    /// A type by name, as a model sees it.
    pub(super) fn named(
        &mut self,
        model: usize,
        name: &str,
        seen: &mut Vec<String>,
    ) -> Option<Type> {
        if let Some(ty) = self.item_type(model, name, seen) {
            return Some(ty);
        }
        if let Some(ty) = simple_type(name) {
            return Some(ty);
        }
        for import in &self.models[model].imports {
            let rest = if import.name.is_empty() {
                Some(name)
            } else {
                name.strip_prefix(import.name.as_str())
                    .and_then(|r| r.strip_prefix('.'))
            };
            let other = self
                .models
                .iter()
                .position(|m| m.namespace == import.namespace);
            if let (Some(rest), Some(other)) = (rest, other)
                && other != model
                && let Some(ty) = self.item_type(other, rest, seen)
            {
                return Some(ty);
            }
        }
        None
    }

    pub(super) fn type_ref(&mut self, model: usize, name: Option<&str>) -> Type {
        let Some(name) = name else { return Type::Any };
        match self.named(model, name, &mut Vec::new()) {
            Some(ty) => ty,
            None => {
                self.problem(name, "unknown type");
                Type::Any
            }
        }
    }

    fn item_type(&mut self, model: usize, name: &str, seen: &mut Vec<String>) -> Option<Type> {
        if let Some(ty) = self.types[model].get(name) {
            return Some(ty.clone());
        }
        let models = self.models;
        let item = models[model].items.iter().find(|i| i.name == name)?;
        let key = format!("{model}:{name}");
        if seen.contains(&key) || seen.len() > 32 {
            // A type within itself is anything.
            return Some(Type::Any);
        }
        seen.push(key);
        let ty = self.item_definition(model, item, seen);
        seen.pop();
        self.types[model].insert(name.to_string(), ty.clone());
        Some(ty)
    }

    fn item_definition(
        &mut self,
        model: usize,
        item: &ItemDefinition,
        seen: &mut Vec<String>,
    ) -> Type {
        let mut ty = if let Some((params, result)) = &item.function {
            let params = params
                .iter()
                .map(|p| (Arc::from(p.name.as_str()), self.reference(model, p, seen)));
            let params: Vec<(Arc<str>, Type)> = params.collect();
            let result = match result {
                Some(name) => self.named(model, name, seen).unwrap_or(Type::Any),
                None => Type::Any,
            };
            Type::Function(Arc::new(FunctionType { params, result }))
        } else if !item.components.is_empty() {
            let mut fields = Vec::with_capacity(item.components.len());
            for component in &item.components {
                fields.push((
                    Arc::from(component.name.as_str()),
                    self.item_definition(model, component, seen),
                ));
            }
            Type::Context(Arc::new(ContextType { fields }))
        } else {
            match &item.type_ref {
                Some(name) => self.named(model, name, seen).unwrap_or_else(|| {
                    self.problem(name, "unknown type");
                    Type::Any
                }),
                None => Type::Any,
            }
        };
        let named = |ty: Type, allowed: UnaryTests| {
            Type::Named(Arc::new(NamedType {
                name: item.name.as_str().into(),
                base: ty,
                allowed: Some(allowed),
            }))
        };
        if let Some(text) = &item.allowed
            && let Some(tests) = self.allowed(text, &ty)
        {
            ty = named(ty, tests);
        }
        if item.is_collection {
            ty = Type::list(ty);
        }
        if let Some(text) = &item.constraint
            && let Some(tests) = self.allowed(text, &ty)
        {
            ty = named(ty, tests);
        }
        ty
    }

    fn reference(&mut self, model: usize, parameter: &Parameter, seen: &mut Vec<String>) -> Type {
        match &parameter.type_ref {
            Some(name) => self.named(model, name, seen).unwrap_or(Type::Any),
            None => Type::Any,
        }
    }

    fn allowed(&mut self, text: &str, ty: &Type) -> Option<UnaryTests> {
        match parse_unary_tests(text, &Scope::lenient(), &[], ty) {
            Ok(tests) => Some(tests),
            Err(found) => {
                let message = found.first().map(ToString::to_string).unwrap_or_default();
                self.problem(text, message);
                None
            }
        }
    }

    /// The declared type of an element's variable, or what its logic says.
    fn element_type(&mut self, slot: usize) -> Type {
        let model = self.sources[slot].model;
        self.current = self.sources[slot].name.to_string();
        match self.sources[slot].kind {
            SourceKind::Input(node) | SourceKind::Decision(node) => {
                self.type_ref(model, node.type_ref.as_deref())
            }
            SourceKind::Knowledge(node) => match &node.logic {
                Some(super::model::Boxed {
                    kind: super::model::BoxedKind::Function { params, .. },
                    ..
                }) => {
                    let params: Vec<(Arc<str>, Type)> = params
                        .iter()
                        .map(|p| {
                            (
                                Arc::from(p.name.as_str()),
                                self.type_ref(model, p.type_ref.as_deref()),
                            )
                        })
                        .collect();
                    Type::Function(Arc::new(FunctionType {
                        params,
                        result: self.result_type(model, node),
                    }))
                }
                _ => Type::Any,
            },
            SourceKind::Service(service) => {
                let result = match self.type_ref(model, service.type_ref.as_deref()) {
                    Type::Function(function) => function.result.clone(),
                    other => other,
                };
                let params: Vec<(Arc<str>, Type)> = self
                    .service_params(model, service)
                    .into_iter()
                    .map(|slot| {
                        let source = &self.sources[slot as usize];
                        let (name, model, type_ref) = match source.kind {
                            SourceKind::Input(n) | SourceKind::Decision(n) => {
                                (source.name, source.model, n.type_ref.as_deref())
                            }
                            _ => (source.name, source.model, None),
                        };
                        (Arc::from(name), self.type_ref(model, type_ref))
                    })
                    .collect();
                Type::Function(Arc::new(FunctionType { params, result }))
            }
        }
    }

    /// The result of a knowledge model: its variable's type, unless that is a function's.
    fn result_type(&mut self, model: usize, node: &Node) -> Type {
        match self.type_ref(model, node.type_ref.as_deref()) {
            Type::Function(function) => function.result.clone(),
            other => other,
        }
    }

    /// The order of a service's parameters: input data, then input decisions.
    fn service_params(&self, model: usize, service: &Service) -> Vec<u32> {
        let hrefs = service.inputs.iter().chain(&service.input_decisions);
        hrefs
            .filter_map(|href| self.resolve(model, href))
            .map(|(slot, _)| slot)
            .collect()
    }

    /// What an element may name: its requirements, and for a knowledge model itself.
    fn scope(&mut self, slot: usize) -> Scope {
        let model = self.sources[slot].model;
        let mut scope = Scope::lenient();
        for (name, ty) in &self.types[model] {
            scope.define_type(name, ty.clone());
        }
        for import in &self.models[model].imports {
            if let Some(other) = self
                .models
                .iter()
                .position(|m| m.namespace == import.namespace)
            {
                for (name, ty) in &self.types[other] {
                    scope.define_type(&format!("{}.{name}", import.name), ty.clone());
                }
            }
        }
        let requires = match self.sources[slot].kind {
            SourceKind::Decision(node) | SourceKind::Knowledge(node) => node.requires.as_slice(),
            _ => &[],
        };
        let mut missing = Vec::new();
        for href in requires {
            match self.resolve(model, href) {
                Some((needed, prefix)) => {
                    let name = self.sources[needed as usize].name;
                    let name = if prefix.is_empty() {
                        name.to_string()
                    } else {
                        format!("{prefix}.{name}")
                    };
                    scope.define(&name, self.element_types[needed as usize].clone(), needed);
                }
                None => missing.push(href.clone()),
            }
        }
        for href in missing {
            self.problem(&href, "no such element");
        }
        if matches!(self.sources[slot].kind, SourceKind::Knowledge(_)) {
            scope.define(
                self.sources[slot].name,
                self.element_types[slot].clone(),
                slot as u32,
            );
        }
        scope
    }

    fn compile_in_order(
        &mut self,
        slot: usize,
        elements: &mut Vec<Option<Compiled>>,
        visiting: &mut Vec<bool>,
        depth: usize,
    ) {
        if elements[slot].is_some() || visiting[slot] || depth > 200 {
            if depth > 200 && elements[slot].is_none() && !visiting[slot] {
                self.problem("", "requirements are nested too deeply");
            } else {
                return;
            }
        }
        visiting[slot] = true;
        let model = self.sources[slot].model;
        let requires = match self.sources[slot].kind {
            SourceKind::Decision(node) | SourceKind::Knowledge(node) => node.requires.as_slice(),
            _ => &[],
        };
        if depth <= 200 {
            for href in requires {
                if let Some((needed, _)) = self.resolve(model, href) {
                    self.compile_in_order(needed as usize, elements, visiting, depth + 1);
                }
            }
        }
        let compiled = self.compile(slot);
        elements[slot] = Some(compiled);
    }

    fn compile(&mut self, slot: usize) -> Compiled {
        let model = self.sources[slot].model;
        let name: Arc<str> = self.sources[slot].name.into();
        self.current = name.to_string();
        let ty = self.element_types[slot].clone();
        let kind = match self.sources[slot].kind {
            SourceKind::Input(_) => Kind::Input,
            SourceKind::Decision(node) => {
                let scope = self.scope(slot);
                let mut locals = Vec::new();
                let parsed = node
                    .logic
                    .as_ref()
                    .map(|logic| self.boxed(model, logic, &scope, &mut locals, &ty));
                if ty == Type::Any
                    && let Some(parsed) = &parsed
                {
                    self.element_types[slot] = parsed.ty.clone();
                }
                Kind::Decision(parsed.map(|p| p.expr))
            }
            SourceKind::Knowledge(node) => {
                let scope = self.scope(slot);
                let result = self.result_type(model, node);
                Kind::Knowledge(Arc::new(self.knowledge(
                    model,
                    node.logic.as_ref(),
                    &scope,
                    result,
                )))
            }
            SourceKind::Service(service) => {
                let outputs = service
                    .outputs
                    .iter()
                    .filter_map(|href| self.resolve(model, href));
                let outputs = outputs.map(|(slot, _)| slot).collect();
                let inputs = self.service_params(model, service);
                let params = match &ty {
                    Type::Function(function) => function.params.clone().into(),
                    _ => Arc::from([]),
                };
                Kind::Service {
                    outputs,
                    params,
                    inputs,
                }
            }
        };
        let ty = match kind {
            // The result of a call, or of the decision itself, must fit what was declared.
            Kind::Decision(_) => ty,
            _ => self.element_types[slot].clone(),
        };
        Compiled { name, ty, kind }
    }
}
