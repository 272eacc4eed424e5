//! Between law files and DMN: a law file as a model that editors open, a model as the beginning of a law
//! file.
//!
//! Neither way is a translation without loss. A model knows no articles, no places and no days, so these
//! are to be added by hand; a law's evidence and figures become input data.

use super::model::TableOutput;
use super::model::{
    Boxed, BoxedKind, BoxedTable, ItemDefinition, Model, Node, Parameter, TableInput,
};
use crate::law::{Law, RuleBody};
use crate::law::{RuleText, Type};
use crate::programme::Subject;
use base::Day;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Names that rules see without declaring them, in both languages.
const GIVEN: [&str; 10] = [
    "成员",
    "members",
    "家庭",
    "household",
    "上期",
    "previous",
    "事件",
    "event",
    "基准日",
    "月份",
];

/// The rules of one law file as a model: each rule a decision (a function: a knowledge model), whatever
/// it reads from elsewhere input data. `None` when the law has no such file or the file no rule.
pub fn from_law(law: &Law, file: &str) -> Option<Model> {
    let rules: Vec<&RuleText> = law.rules().iter().filter(|r| r.file == file).collect();
    let title = law
        .instruments()
        .iter()
        .find(|i| i.file == file)
        .map(|i| (i.title.zh.clone(), i.number.clone()))?;
    if rules.is_empty() {
        return None;
    }
    let id = |n: usize| format!("_d{n}");
    let here: BTreeMap<&str, usize> = rules
        .iter()
        .enumerate()
        .map(|(n, r)| (r.name.as_str(), n))
        .collect();
    let mut model = Model {
        name: title.0,
        namespace: format!("urn:minsheng:{}", title.1),
        ..Model::default()
    };
    let mut inputs: BTreeMap<String, usize> = BTreeMap::new();
    for (n, rule) in rules.iter().enumerate() {
        let mut requires = Vec::new();
        for name in needs(law, rule) {
            match here.get(name.as_str()) {
                Some(&other) if other != n => requires.push(format!("#{}", id(other))),
                Some(_) => {}
                None => {
                    let next = inputs.len();
                    let at = *inputs.entry(name).or_insert(next);
                    requires.push(format!("#_i{at}"));
                }
            }
        }
        let (knowledge, kind) = logic(&rule.body);
        let node = Node {
            id: id(n),
            name: rule.name.clone(),
            type_ref: type_ref(&rule.unit),
            requires,
            logic: Some(Boxed {
                type_ref: None,
                kind,
            }),
            description: format!("{} {}", rule.citation.instrument, rule.citation.article),
        };
        if knowledge {
            model.knowledge.push(node);
        } else {
            model.decisions.push(node);
        }
    }
    let mut named: Vec<(String, usize)> = inputs.into_iter().collect();
    named.sort_by_key(|(_, at)| *at);
    model.inputs = named
        .into_iter()
        .map(|(name, at)| input(law, name, at))
        .collect();
    Some(model)
}

/// What a rule reads, by name, each once.
fn needs(law: &Law, rule: &RuleText) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let text = match &rule.body {
        RuleBody::Expression(text) | RuleBody::Function(_, text) => text.clone(),
        RuleBody::Table { header, rows, .. } => {
            let cells = header.iter().chain(rows.iter().flatten());
            cells.fold(String::new(), |all, cell| all + "\n" + cell)
        }
    };
    out.extend(
        GIVEN
            .iter()
            .filter(|name| text.contains(**name))
            .map(|name| name.to_string()),
    );
    out.extend(law.read_by(rule));
    let mut seen = BTreeSet::new();
    out.retain(|name| seen.insert(name.clone()));
    out
}

fn input(law: &Law, name: String, at: usize) -> Node {
    let kinds = [Subject::Household, Subject::Person].map(|s| law.kind(s, &name));
    let kind = kinds.into_iter().flatten().next();
    let parameter = law.parameters().find(|p| *p.name == *name);
    let rule = law.rules().iter().find(|r| r.name == name);
    let (unit, description) = match (kind, parameter, rule) {
        (Some(kind), _, _) if !kind.many => (kind.unit.clone(), kind.note.clone()),
        (Some(kind), _, _) => (String::from("列表"), kind.note.clone()),
        (_, Some(p), _) => (
            p.unit.clone(),
            format!("{} {}", p.citation.instrument, p.citation.article),
        ),
        (_, _, Some(r)) => (
            r.unit.clone(),
            format!("{} {}", r.citation.instrument, r.citation.article),
        ),
        _ if name == "基准日" || name == "月份" => (String::from("日期"), String::new()),
        _ => (String::from("情况"), String::new()),
    };
    Node {
        id: format!("_i{at}"),
        type_ref: type_ref(&unit),
        name,
        description,
        ..Node::default()
    }
}

/// A rule's body as boxed logic, and whether it is a function.
fn logic(body: &RuleBody) -> (bool, BoxedKind) {
    let literal = |text: &str| Boxed {
        type_ref: None,
        kind: BoxedKind::Literal(text.trim().to_string()),
    };
    match body {
        RuleBody::Expression(text) => (false, BoxedKind::Literal(text.trim().to_string())),
        RuleBody::Function(params, text) => {
            let params = params.split([',', '，']).filter_map(|p| {
                let (name, ty) = p.split_once([':', '：'])?;
                Some(Parameter {
                    name: name.trim().to_string(),
                    type_ref: type_ref(ty.trim()),
                })
            });
            let kind = BoxedKind::Function {
                params: params.collect(),
                body: Some(Box::new(literal(text))),
                external: false,
            };
            (true, kind)
        }
        RuleBody::Table {
            hit, header, rows, ..
        } => (false, BoxedKind::Table(table(hit, header, rows))),
    }
}

fn table(hit: &str, header: &[String], rows: &[Vec<String>]) -> BoxedTable {
    let is_output = |h: &String| h.starts_with('→');
    let first = header.iter().position(is_output).unwrap_or(header.len());
    let outputs = header.iter().filter(|h| is_output(h)).count();
    BoxedTable {
        hit: hit.to_string(),
        inputs: header[..first]
            .iter()
            .map(|h| TableInput {
                expression: h.clone(),
                ..TableInput::default()
            })
            .collect(),
        outputs: header[first..first + outputs]
            .iter()
            .map(|h| {
                let name = h.trim_start_matches('→').trim();
                TableOutput {
                    name: (!name.is_empty()).then(|| name.to_string()),
                    ..TableOutput::default()
                }
            })
            .collect(),
        rules: rows
            .iter()
            .filter(|row| row.len() >= first + outputs)
            .map(|row| (row[..first].to_vec(), row[first..first + outputs].to_vec()))
            .collect(),
    }
}

/// The standard's type for a law's; `None` for what it has no name for.
fn type_ref(unit: &str) -> Option<String> {
    let name = match Type::parse(unit.trim_end_matches('?')).ok()?.plain() {
        Type::Number(_) => "number",
        Type::Boolean => "boolean",
        Type::Text | Type::Enum(_) => "string",
        Type::Date | Type::YearMonth => "date",
        _ => return None,
    };
    Some(name.to_string())
}

/// A model as the beginning of a law file for a place, in force from a day: input data as evidence about a
/// person, decisions as rules, knowledge models as functions. What a law needs beyond a model (official
/// article numbers, dated figures, a programme, worked examples) is to be added.
pub fn to_law(model: &Model, place: &str, from: Day) -> String {
    let name = if model.name.is_empty() {
        "模型"
    } else {
        &model.name
    };
    let title = name.replace('\n', " ");
    let mut out = String::new();
    let _ = write!(
        out,
        "---\nnumber: {title}\ntitle: {title}\ntitle_en: {title}\nplace: {place}\nfrom: {from}\nstatus: unverified\n\
         source: DMN 模型 {title}\n---\n# {title}\n\n"
    );
    if !model.inputs.is_empty() {
        out.push_str(
            "## 一 输入 · Input data\n\n@evidence 成员\n| 名称 | type | absent | en | note |\n| --- | --- | --- | --- | --- |\n",
        );
        for input in &model.inputs {
            let ty = law_type(model, input.type_ref.as_deref(), 0);
            let _ = writeln!(
                out,
                "| {} | {} | missing | | {} |",
                cell(&input.name),
                ty,
                cell(&input.description)
            );
        }
        out.push('\n');
    }
    for (n, node) in model.knowledge.iter().chain(&model.decisions).enumerate() {
        let _ = write!(out, "## D{} {}\n\n", n + 1, node.name);
        for line in node.description.lines().filter(|l| !l.trim().is_empty()) {
            let _ = write!(out, "{}\n\n", line.trim());
        }
        rule(model, node, &mut out);
    }
    out
}

fn rule(model: &Model, node: &Node, out: &mut String) {
    let ty = law_type(model, node.type_ref.as_deref(), 0);
    match node.logic.as_ref().map(|l| &l.kind) {
        Some(BoxedKind::Table(table)) => law_table(model, node, table, &ty, out),
        Some(BoxedKind::Function { params, body, .. }) => {
            let params: Vec<String> = params
                .iter()
                .map(|p| format!("{} : {}", p.name, law_type(model, p.type_ref.as_deref(), 0)))
                .collect();
            let body = body.as_deref().map_or("null".into(), feel);
            let _ = write!(
                out,
                "```feel 函数 {}({}) : {ty}\n{body}\n```\n\n",
                node.name,
                params.join(", ")
            );
        }
        Some(_) => {
            let body = node.logic.as_ref().map_or("null".into(), feel);
            let _ = write!(out, "```feel 成员.{} : {ty}\n{body}\n```\n\n", node.name);
        }
        None => out
            .push_str("（模型里没有写明怎样得出。 · The model does not say how it is made.）\n\n"),
    }
}

fn law_table(model: &Model, node: &Node, table: &BoxedTable, ty: &str, out: &mut String) {
    let hit = if table.hit.is_empty() {
        "U"
    } else {
        &table.hit
    };
    let single = table.outputs.len() == 1;
    let ty = if single {
        let own = table.outputs.first().and_then(|o| o.type_ref.as_deref());
        match &node.type_ref {
            Some(_) => ty.to_string(),
            None => law_type(model, own, 0),
        }
    } else {
        let fields: Vec<String> = table
            .outputs
            .iter()
            .map(|o| {
                format!(
                    "{}: {}",
                    o.name.as_deref().unwrap_or("值"),
                    law_type(model, o.type_ref.as_deref(), 0)
                )
            })
            .collect();
        format!("情况{{{}}}", fields.join(", "))
    };
    let _ = writeln!(out, "@table 成员.{} : {ty} hit {hit}", node.name);
    let mut head: Vec<String> = table.inputs.iter().map(|i| cell(&i.expression)).collect();
    head.extend(table.outputs.iter().map(|o| match &o.name {
        Some(name) if !single => format!("→ {}", cell(name)),
        _ => "→".into(),
    }));
    let _ = writeln!(
        out,
        "| {} |\n|{}",
        head.join(" | "),
        " --- |".repeat(head.len())
    );
    for (tests, results) in &table.rules {
        let tests = tests.iter().map(|t| {
            if t.trim().is_empty() {
                "-".into()
            } else {
                cell(t)
            }
        });
        let row: Vec<String> = tests.chain(results.iter().map(|r| cell(r))).collect();
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    if table.outputs.iter().any(|o| o.default.is_some()) {
        let tests = table.inputs.iter().map(|_| "-".to_string());
        let results = table
            .outputs
            .iter()
            .map(|o| cell(o.default.as_deref().unwrap_or("null")));
        let row: Vec<String> = tests.chain(results).collect();
        // Only a table of the first match takes a last row that always holds.
        let _ = match hit {
            "F" => writeln!(out, "| {} |", row.join(" | ")),
            _ => writeln!(out, "\n（否则 · otherwise: {}）", row.join(" ")),
        };
    }
    out.push('\n');
}

/// A cell of a Markdown table.
fn cell(text: &str) -> String {
    text.trim().replace('\n', " ").replace('|', "\\|")
}

/// A model's type as law files write it. What the model leaves open is a text.
fn law_type(model: &Model, name: Option<&str>, depth: u32) -> String {
    let Some(name) = name.map(|n| n.rsplit(':').next().unwrap_or(n)) else {
        return "文本".into();
    };
    match name {
        "number" => "数".into(),
        "string" | "Any" => "文本".into(),
        "boolean" => "是否".into(),
        "date" | "dateTime" | "date and time" => "日期".into(),
        _ => match model.items.iter().find(|i| i.name == name) {
            Some(item) if depth < 16 => item_type(model, item, depth + 1),
            _ => "文本".into(),
        },
    }
}

fn item_type(model: &Model, item: &ItemDefinition, depth: u32) -> String {
    let one = if !item.components.is_empty() {
        let fields: Vec<String> = item
            .components
            .iter()
            .map(|c| format!("{}: {}", c.name, item_type(model, c, depth + 1)))
            .collect();
        format!("情况{{{}}}", fields.join(", "))
    } else {
        let base = law_type(model, item.type_ref.as_deref(), depth);
        let allowed = item.allowed.as_deref().unwrap_or_default().trim();
        let texts = !allowed.is_empty() && allowed.split(',').all(|v| v.trim().starts_with('"'));
        match base.as_str() {
            "文本" if texts => format!("[{allowed}]"),
            _ => base,
        }
    };
    if item.is_collection {
        format!("列表<{one}>")
    } else {
        one
    }
}

/// Any boxed expression as FEEL.
fn feel(boxed: &Boxed) -> String {
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    match &boxed.kind {
        BoxedKind::Literal(text) => text.trim().to_string(),
        BoxedKind::Table(_) => "null".into(),
        BoxedKind::Context(entries) => {
            let named: Vec<String> = entries
                .iter()
                .map(|(p, e)| match p {
                    Some(p) => format!("\"{}\": {}", p.name, feel(e)),
                    None => format!("\"result\": {}", feel(e)),
                })
                .collect();
            let context = format!("{{{}}}", named.join(", "));
            match entries.iter().any(|(p, _)| p.is_none()) {
                true => format!("{context}.result"),
                false => context,
            }
        }
        BoxedKind::Invocation(function, args) => {
            let args: Vec<String> = args
                .iter()
                .map(|(p, e)| format!("{}: {}", p.name, feel(e)))
                .collect();
            format!("{}({})", feel(function), args.join(", "))
        }
        BoxedKind::List(items) => list(items.iter().map(feel).collect()),
        BoxedKind::Relation(columns, rows) => list(
            rows.iter()
                .map(|row| {
                    let fields: Vec<String> = columns
                        .iter()
                        .zip(row)
                        .map(|(c, e)| format!("\"{}\": {}", c.name, feel(e)))
                        .collect();
                    format!("{{{}}}", fields.join(", "))
                })
                .collect(),
        ),
        BoxedKind::Function { params, body, .. } => {
            let names: Vec<&str> = params.iter().map(|p| p.name.as_str()).collect();
            let body = body.as_deref().map_or("null".into(), feel);
            format!("function({}) {body}", names.join(", "))
        }
        BoxedKind::Conditional(test, yes, no) => {
            format!("if {} then {} else {}", feel(test), feel(yes), feel(no))
        }
        BoxedKind::Filter(items, test) => format!("({})[{}]", feel(items), feel(test)),
        BoxedKind::For(name, items, body) => {
            format!("for {name} in {} return {}", feel(items), feel(body))
        }
        BoxedKind::Quantified(every, name, items, test) => {
            let word = if *every { "every" } else { "some" };
            format!("{word} {name} in {} satisfies {}", feel(items), feel(test))
        }
    }
}
