//! Sentence templates: text with names in braces.

/// The names between braces, in order.
pub(crate) fn placeholders(template: &str) -> Vec<String> {
    pieces(template)
        .into_iter()
        .filter_map(|p| match p {
            Piece::Name { name, .. } => Some(name.to_string()),
            Piece::Text(_) => None,
        })
        .collect()
}

/// One piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Text(&'t str),
    /// A placeholder and the byte where its name begins.
    Name {
        name: &'t str,
        at: usize,
    },
}

/// Cuts a template at its braces; a brace without its partner is text.
pub(crate) fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(open) = template[from..].find('{').map(|n| from + n) {
        let Some(close) = template[open..].find('}').map(|n| open + n) else {
            break;
        };
        if open > from {
            out.push(Piece::Text(&template[from..open]));
        }
        let inner = &template[open + 1..close];
        let lead = inner.len() - inner.trim_start().len();
        out.push(Piece::Name {
            name: inner.trim(),
            at: open + 1 + lead,
        });
        from = close + 1;
    }
    if from < template.len() {
        out.push(Piece::Text(&template[from..]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_braces() {
        assert_eq!(placeholders("共 {甲} 元，{ 乙 } 人"), ["甲", "乙"]);
        assert_eq!(pieces("a {"), [Piece::Text("a {")]);
    }
}
