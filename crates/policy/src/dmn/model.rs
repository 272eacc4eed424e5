//! A DMN model as data: what the XML says, names and texts not yet understood.

use super::xml::{self, Element, XmlError};

/// One `definitions` element.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its namespace, by which others import it.
    pub namespace: String,
    /// Imported models.
    pub imports: Vec<Import>,
    /// Types.
    pub items: Vec<ItemDefinition>,
    /// Input data.
    pub inputs: Vec<Node>,
    /// Decisions.
    pub decisions: Vec<Node>,
    /// Business knowledge models.
    pub knowledge: Vec<Node>,
    /// Decision services.
    pub services: Vec<Service>,
    /// Problems met while reading, such as elements without a name.
    pub problems: Vec<String>,
}

/// An imported model.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// The prefix of its names; empty: names come as they are.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

/// A type definition.
#[derive(Clone, Debug, Default)]
pub struct ItemDefinition {
    /// Its name.
    pub name: String,
    /// A list of what follows.
    pub is_collection: bool,
    /// The type it restricts.
    pub type_ref: Option<String>,
    /// Unary tests of each value.
    pub allowed: Option<String>,
    /// Unary tests of the value as a whole (for lists).
    pub constraint: Option<String>,
    /// Fields of a structure.
    pub components: Vec<ItemDefinition>,
    /// A function: parameters and result.
    pub function: Option<(Vec<Parameter>, Option<String>)>,
}

/// A name with a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// The type's name.
    pub type_ref: Option<String>,
}

/// Input data, a decision, or a business knowledge model.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The id, by which requirements refer to it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The type of its variable.
    pub type_ref: Option<String>,
    /// What it needs: ids, with a namespace before `#` when elsewhere.
    pub requires: Vec<String>,
    /// Its logic: an expression, or for a knowledge model a function.
    pub logic: Option<Boxed>,
    /// Free text.
    pub description: String,
}

/// A decision service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The type of its variable.
    pub type_ref: Option<String>,
    /// Decisions whose results it gives.
    pub outputs: Vec<String>,
    /// Decisions that the caller supplies.
    pub input_decisions: Vec<String>,
    /// Input data that the caller supplies.
    pub inputs: Vec<String>,
}

/// A boxed expression with the type declared for it.
#[derive(Clone, Debug)]
pub struct Boxed {
    /// The declared type.
    pub type_ref: Option<String>,
    /// What it is.
    pub kind: BoxedKind,
}

/// The kinds of boxed expressions.
#[derive(Clone, Debug)]
pub enum BoxedKind {
    /// FEEL.
    Literal(String),
    /// A decision table.
    Table(BoxedTable),
    /// Named entries; one without a name is the result.
    Context(Vec<(Option<Parameter>, Boxed)>),
    /// A call with named arguments.
    Invocation(Box<Boxed>, Vec<(Parameter, Boxed)>),
    /// A list.
    List(Vec<Boxed>),
    /// Column names and rows.
    Relation(Vec<Parameter>, Vec<Vec<Boxed>>),
    /// A function.
    Function {
        /// Parameters.
        params: Vec<Parameter>,
        /// The body; absent when external.
        body: Option<Box<Boxed>>,
        /// Not FEEL: Java or PMML.
        external: bool,
    },
    /// If, then, else.
    Conditional(Box<Boxed>, Box<Boxed>, Box<Boxed>),
    /// List and condition.
    Filter(Box<Boxed>, Box<Boxed>),
    /// Variable, source, body.
    For(String, Box<Boxed>, Box<Boxed>),
    /// `every` or not, variable, source, condition.
    Quantified(bool, String, Box<Boxed>, Box<Boxed>),
}

/// A decision table as texts.
#[derive(Clone, Debug, Default)]
pub struct BoxedTable {
    /// Hit policy with aggregator: `U`, `C+`.
    pub hit: String,
    /// Tested expressions, their types and allowed values.
    pub inputs: Vec<TableInput>,
    /// Result columns.
    pub outputs: Vec<TableOutput>,
    /// Input cells and output cells.
    pub rules: Vec<(Vec<String>, Vec<String>)>,
}

/// A tested column.
#[derive(Clone, Debug, Default)]
pub struct TableInput {
    /// The expression.
    pub expression: String,
    /// Its type's name.
    pub type_ref: Option<String>,
    /// Allowed values.
    pub values: Option<String>,
}

/// A result column.
#[derive(Clone, Debug, Default)]
pub struct TableOutput {
    /// Its name, among several.
    pub name: Option<String>,
    /// Its type's name.
    pub type_ref: Option<String>,
    /// Allowed values, in order of priority.
    pub values: Option<String>,
    /// Result when no rule matches.
    pub default: Option<String>,
}

/// Reads a model from XML.
pub fn read(source: &str) -> Result<Model, XmlError> {
    let root = xml::read(source)?;
    if root.name != "definitions" {
        return Err(XmlError {
            at: 0,
            message: format!("the root element is `{}`, not `definitions`", root.name),
        });
    }
    let mut model = Model {
        name: root.attribute("name").unwrap_or_default().to_string(),
        namespace: root.attribute("namespace").unwrap_or_default().to_string(),
        ..Model::default()
    };
    for child in &root.children {
        match child.name.as_str() {
            "import" => model.imports.push(Import {
                name: child.attribute("name").unwrap_or_default().to_string(),
                namespace: child.attribute("namespace").unwrap_or_default().to_string(),
            }),
            "itemDefinition" => model.items.push(item(child)),
            "inputData" => model.inputs.push(node(child)),
            "decision" => model.decisions.push(node(child)),
            "businessKnowledgeModel" => model.knowledge.push(node(child)),
            "decisionService" => model.services.push(service(child)),
            _ => {}
        }
    }
    for node in model
        .inputs
        .iter()
        .chain(&model.decisions)
        .chain(&model.knowledge)
    {
        if node.name.is_empty() {
            model
                .problems
                .push(format!("element `{}` has no name", node.id));
        }
    }
    Ok(model)
}

fn owned(text: Option<&str>) -> Option<String> {
    text.filter(|t| !t.is_empty()).map(str::to_string)
}

/// The type's name, from an attribute or (in older files) a child element; prefixes of namespaces
/// such as `feel:` go.
fn type_ref(element: &Element) -> Option<String> {
    let name = element
        .attribute("typeRef")
        .or_else(|| element.child_text("typeRef"))?;
    owned(Some(name.strip_prefix("feel:").unwrap_or(name)))
}

fn tests(element: &Element, name: &str) -> Option<String> {
    element
        .child(name)
        .and_then(|e| owned(e.child_text("text")))
}

fn item(element: &Element) -> ItemDefinition {
    let function = element.child("functionItem").map(|function| {
        let params = function.all("parameters").map(parameter).collect();
        (params, owned(function.attribute("outputTypeRef")))
    });
    ItemDefinition {
        name: element.attribute("name").unwrap_or_default().to_string(),
        is_collection: element.attribute("isCollection") == Some("true"),
        type_ref: type_ref(element),
        allowed: tests(element, "allowedValues"),
        constraint: tests(element, "typeConstraint"),
        components: element.all("itemComponent").map(item).collect(),
        function,
    }
}

fn parameter(element: &Element) -> Parameter {
    Parameter {
        name: element
            .attribute("name")
            .unwrap_or_default()
            .trim()
            .to_string(),
        type_ref: type_ref(element),
    }
}

fn hrefs(element: &Element, name: &str) -> Vec<String> {
    element
        .all(name)
        .filter_map(|e| e.attribute("href"))
        .map(str::to_string)
        .collect()
}

fn node(element: &Element) -> Node {
    let variable = element.child("variable");
    let mut requires = Vec::new();
    for (outer, inner) in [
        ("informationRequirement", "requiredInput"),
        ("informationRequirement", "requiredDecision"),
        ("knowledgeRequirement", "requiredKnowledge"),
    ] {
        for requirement in element.all(outer) {
            requires.extend(hrefs(requirement, inner));
        }
    }
    let logic = match element.child("encapsulatedLogic") {
        Some(function) => Some(boxed_function(function)),
        None => element.children.iter().find_map(boxed),
    };
    Node {
        id: element.attribute("id").unwrap_or_default().to_string(),
        name: element.attribute("name").unwrap_or_default().to_string(),
        type_ref: variable.and_then(type_ref),
        requires,
        logic,
        description: element
            .child_text("description")
            .unwrap_or_default()
            .to_string(),
    }
}

fn service(element: &Element) -> Service {
    Service {
        id: element.attribute("id").unwrap_or_default().to_string(),
        name: element.attribute("name").unwrap_or_default().to_string(),
        type_ref: element.child("variable").and_then(type_ref),
        outputs: hrefs(element, "outputDecision"),
        input_decisions: hrefs(element, "inputDecision"),
        inputs: hrefs(element, "inputData"),
    }
}

fn boxed_function(element: &Element) -> Boxed {
    let external = element.attribute("kind").is_some_and(|k| k != "FEEL");
    Boxed {
        type_ref: type_ref(element),
        kind: BoxedKind::Function {
            params: element.all("formalParameter").map(parameter).collect(),
            body: element.children.iter().find_map(boxed).map(Box::new),
            external,
        },
    }
}

/// The boxed expression that a child element holds.
fn inside(element: &Element, name: &str) -> Option<Box<Boxed>> {
    element
        .child(name)?
        .children
        .iter()
        .find_map(boxed)
        .map(Box::new)
}

/// The boxed expression that an element is; `None` for other elements.
fn boxed(element: &Element) -> Option<Boxed> {
    let empty = || {
        Box::new(Boxed {
            type_ref: None,
            kind: BoxedKind::Literal(String::new()),
        })
    };
    let kind = match element.name.as_str() {
        "literalExpression" => BoxedKind::Literal(
            element
                .child("text")
                .map(|t| t.text.clone())
                .unwrap_or_default(),
        ),
        "decisionTable" => BoxedKind::Table(table(element)),
        "context" => {
            let entries = element.all("contextEntry").map(|entry| {
                let value = entry
                    .children
                    .iter()
                    .find_map(boxed)
                    .unwrap_or_else(|| *empty());
                (entry.child("variable").map(parameter), value)
            });
            BoxedKind::Context(entries.collect())
        }
        "invocation" => {
            let callee = element.children.iter().find_map(boxed)?;
            let bindings = element.all("binding").filter_map(|binding| {
                let value = binding
                    .children
                    .iter()
                    .find_map(boxed)
                    .unwrap_or_else(|| *empty());
                Some((parameter(binding.child("parameter")?), value))
            });
            BoxedKind::Invocation(Box::new(callee), bindings.collect())
        }
        "list" => BoxedKind::List(element.children.iter().filter_map(boxed).collect()),
        "relation" => BoxedKind::Relation(
            element.all("column").map(parameter).collect(),
            element
                .all("row")
                .map(|row| row.children.iter().filter_map(boxed).collect())
                .collect(),
        ),
        "functionDefinition" => return Some(boxed_function(element)),
        "conditional" => BoxedKind::Conditional(
            inside(element, "if").unwrap_or_else(empty),
            inside(element, "then").unwrap_or_else(empty),
            inside(element, "else").unwrap_or_else(empty),
        ),
        "filter" => BoxedKind::Filter(
            inside(element, "in").unwrap_or_else(empty),
            inside(element, "match").unwrap_or_else(empty),
        ),
        "for" => BoxedKind::For(
            element
                .attribute("iteratorVariable")
                .unwrap_or_default()
                .to_string(),
            inside(element, "in").unwrap_or_else(empty),
            inside(element, "return").unwrap_or_else(empty),
        ),
        "some" | "every" => BoxedKind::Quantified(
            element.name == "every",
            element
                .attribute("iteratorVariable")
                .unwrap_or_default()
                .to_string(),
            inside(element, "in").unwrap_or_else(empty),
            inside(element, "satisfies").unwrap_or_else(empty),
        ),
        _ => return None,
    };
    Some(Boxed {
        type_ref: type_ref(element),
        kind,
    })
}

fn table(element: &Element) -> BoxedTable {
    let policy = match element.attribute("hitPolicy").unwrap_or("UNIQUE") {
        "UNIQUE" => "U",
        "ANY" => "A",
        "PRIORITY" => "P",
        "FIRST" => "F",
        "RULE ORDER" => "R",
        "OUTPUT ORDER" => "O",
        "COLLECT" => "C",
        other => other,
    };
    let aggregation = match element.attribute("aggregation") {
        Some("SUM") => "+",
        Some("MIN") => "<",
        Some("MAX") => ">",
        Some("COUNT") => "#",
        _ => "",
    };
    let inputs = element.all("input").map(|input| {
        let expression = input.child("inputExpression");
        TableInput {
            expression: expression
                .and_then(|e| e.child_text("text"))
                .unwrap_or_default()
                .to_string(),
            type_ref: expression.and_then(type_ref),
            values: tests(input, "inputValues"),
        }
    });
    let outputs = element.all("output").map(|output| TableOutput {
        name: owned(output.attribute("name")),
        type_ref: type_ref(output),
        values: tests(output, "outputValues"),
        default: output
            .child("defaultOutputEntry")
            .and_then(|e| owned(e.child_text("text"))),
    });
    let cells = |rule: &Element, name: &str| -> Vec<String> {
        let cells = rule.all(name);
        cells
            .map(|cell| {
                cell.child("text")
                    .map(|t| t.text.clone())
                    .unwrap_or_default()
            })
            .collect()
    };
    BoxedTable {
        hit: format!("{policy}{aggregation}"),
        inputs: inputs.collect(),
        outputs: outputs.collect(),
        rules: element
            .all("rule")
            .map(|r| (cells(r, "inputEntry"), cells(r, "outputEntry")))
            .collect(),
    }
}
