//! The tree of a trace: the value, and beneath it what it was made from, opened one by one.

use super::chart::escape;
use super::page::{Page, encode};
use super::view::why::NodeView;
use std::collections::HashSet;
use std::fmt::Write as _;

/// Deeper than any law nests; guards against a trace that points at itself.
const DEEPEST: usize = 60;

/// Nested `<details>`. A value that was shown before is not opened again but points back to it.
pub fn render(page: &Page, nodes: &[NodeView], roots: &[usize], members: &[String]) -> String {
    let mut out = String::from("<ul>");
    let mut shown = HashSet::new();
    for &root in roots {
        branch(page, nodes, root, members, 0, &mut shown, &mut out);
    }
    out.push_str("</ul>");
    out
}

fn branch(
    page: &Page,
    nodes: &[NodeView],
    at: usize,
    members: &[String],
    depth: usize,
    shown: &mut HashSet<usize>,
    out: &mut String,
) {
    let Some(node) = nodes.get(at).filter(|_| depth < DEEPEST) else {
        return;
    };
    let again = !shown.insert(at);
    let opens = !node.from.is_empty() && !again;
    let (line, cite) = (line(page, node, members, again), cite(node));
    if !opens {
        let back = if again && !node.from.is_empty() {
            format!(
                " <a class=\"back\" href=\"#n{at}\">{}</a>",
                escape(&page.t("see-above"))
            )
        } else {
            String::new()
        };
        let id = if again {
            String::new()
        } else {
            format!(" id=\"n{at}\"")
        };
        let _ = write!(
            out,
            "<li{id} class=\"leaf k-{}\">{cite}{line}{back}</li>",
            node.kind
        );
        return;
    }
    let open = if depth < 2 { " open" } else { "" };
    let _ = write!(
        out,
        "<li id=\"n{at}\" class=\"k-{}\">{cite}<details{open}><summary>{line}</summary><ul>",
        node.kind
    );
    for &from in &node.from {
        branch(page, nodes, from, members, depth + 1, shown, out);
    }
    out.push_str("</ul></details></li>");
}

fn line(page: &Page, node: &NodeView, members: &[String], again: bool) -> String {
    let mut out = String::new();
    if let Some(name) = node.member.and_then(|n| members.get(n)) {
        let _ = write!(out, "<span class=\"of\">{}</span> ", escape(name));
    }
    let _ = write!(
        out,
        "<span class=\"name\">{}</span> <b>{}</b>",
        escape(&node.name),
        escape(&page.amount(&node.value, &node.unit))
    );
    if !node.unit.is_empty() {
        let _ = write!(
            out,
            " <span class=\"unit\">{}</span>",
            escape(&page.unit(&node.unit))
        );
    }
    let _ = write!(
        out,
        " <span class=\"kind\">{}</span>",
        escape(&page.of("node", &node.kind))
    );
    if !node.note.is_empty() {
        let _ = write!(out, " <small>{}</small>", escape(&page.value(&node.note)));
    }
    if let Some(text) = node.text.as_ref().filter(|_| !again) {
        let said = page.told(text);
        if !said.is_empty() {
            let _ = write!(out, " <span class=\"said\">{}</span>", escape(&said));
        }
    }
    if !node.formula.is_empty() && !again {
        let one: Vec<&str> = node.formula.split_whitespace().collect();
        let _ = write!(
            out,
            " <code class=\"said\">= {}</code>",
            escape(&one.join(" "))
        );
    }
    out
}

/// The link to a node's article. It stands beside the line that opens and closes, not in it: a link
/// within a control can't be reached by those who hear the page.
fn cite(node: &NodeView) -> String {
    if node.instrument.is_empty() {
        return String::new();
    }
    format!(
        "<a class=\"cite\" href=\"{}\">{} {}</a>",
        law_href(&node.instrument, &node.article),
        escape(&node.instrument),
        escape(&node.article)
    )
}

/// The address of an article on its law page.
pub fn law_href(instrument: &str, article: &str) -> String {
    if article.is_empty() {
        format!("/law/{}", encode(instrument))
    } else {
        format!("/law/{}#{}", encode(instrument), encode(article))
    }
}
