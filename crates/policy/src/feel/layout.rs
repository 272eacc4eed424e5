//! The canonical layout of an expression's text: blanks and indentation only. The tokens stay as they
//! are written, with their comments, parentheses and line breaks, so the meaning can't change; printing
//! from the tree ([`super::print`]) would lose all three.

use super::lexer::{self, continues_name, is_space, starts_name};

/// Words after which an expression begins: a bracket keeps its distance, a minus is a sign.
const OPENING_WORDS: &[&str] = &[
    "if",
    "then",
    "else",
    "for",
    "in",
    "return",
    "some",
    "every",
    "satisfies",
    "and",
    "or",
    "between",
];
/// Words that go on with the line before, one step further in.
const CONTINUING_WORDS: &[&str] = &["and", "or", "return", "satisfies", "between", "in"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Number,
    Text,
    Comment,
    Mark,
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    /// Line ends between the token before and this one.
    breaks: usize,
    /// Is there any white space before it?
    spaced: bool,
}

impl Token<'_> {
    fn is(&self, marks: &[&str]) -> bool {
        self.kind == Kind::Mark && marks.contains(&self.text)
    }

    fn is_word(&self, words: &[&str]) -> bool {
        self.kind == Kind::Word && words.contains(&self.text)
    }

    fn opens(&self) -> bool {
        self.is(&["(", "[", "{"])
    }

    fn closes(&self) -> bool {
        self.is(&[")", "]", "}"])
    }

    /// Does an operand end here?
    fn ends_operand(&self) -> bool {
        match self.kind {
            Kind::Word => !OPENING_WORDS.contains(&self.text),
            Kind::Number | Kind::Text => true,
            Kind::Mark => self.closes(),
            Kind::Comment => false,
        }
    }
}

/// The text with canonical blanks, without a line end at either end; the text itself, trimmed of blank
/// lines, when it holds what no expression holds.
pub fn expression(source: &str) -> String {
    let laid = tokens(source).and_then(|tokens| {
        let out = lay(&tokens);
        // The safety net: nothing but white space may differ.
        same_tokens(&tokens, &self::tokens(&out)?).then_some(out)
    });
    laid.unwrap_or_else(|| trim_blank_lines(source))
}

fn trim_blank_lines(source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let full = |line: &&str| !line.trim().is_empty();
    let first = lines.iter().position(|l| full(&l)).unwrap_or(0);
    let last = lines.iter().rposition(|l| full(&l)).map_or(0, |n| n + 1);
    lines[first.min(last)..last].join("\n")
}

fn same_tokens(a: &[Token<'_>], b: &[Token<'_>]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| a.kind == b.kind && a.text == b.text)
}

/// `None` for an open text or comment, an unpaired bracket, or a carriage return that ends no line.
fn tokens(source: &str) -> Option<Vec<Token<'_>>> {
    let mut out: Vec<Token<'_>> = Vec::new();
    let (mut at, mut breaks, mut spaced, mut open) = (0, 0, false, 0usize);
    while let Some(c) = source[at..].chars().next() {
        if is_space(c) {
            if matches!(c, '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}') {
                return None;
            }
            breaks += usize::from(c == '\n');
            spaced = true;
            at += c.len_utf8();
            continue;
        }
        let rest = &source[at..];
        let (kind, length) = if rest.starts_with("//") {
            let line = rest.find('\n').map_or(rest, |n| &rest[..n]);
            (Kind::Comment, line.trim_end_matches('\r').len())
        } else if rest.starts_with("/*") {
            (Kind::Comment, rest[2..].find("*/")? + 4)
        } else if c == '"' {
            (Kind::Text, lexer::read_text(source, at).ok()?.1 - at)
        } else if starts_name(c) {
            (Kind::Word, lexer::word_end(source, at) - at)
        } else if let Some(end) = lexer::number_end(source, at) {
            // `2nd` is a piece of a name: as a whole it is no number.
            let word = rest.find(|c| !continues_name(c)).unwrap_or(rest.len());
            (Kind::Number, (end - at).max(word))
        } else {
            let long = ["**", "<=", ">=", "!=", "..", "->"];
            let mark = long.iter().find(|m| rest.starts_with(**m));
            (Kind::Mark, mark.map_or(c.len_utf8(), |m| m.len()))
        };
        let token = Token {
            kind,
            text: &rest[..length],
            breaks,
            spaced,
        };
        if token.opens() {
            open += 1;
        } else if token.closes() {
            open = open.checked_sub(1)?;
        }
        out.push(token);
        at += length;
        (breaks, spaced) = (0, false);
    }
    (open == 0).then_some(out)
}

fn lay(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    let mut depth = 0usize;
    for (n, token) in tokens.iter().enumerate() {
        let before = n.checked_sub(1).map(|n| &tokens[n]);
        let closing = usize::from(token.closes());
        if let Some(before) = before {
            // A comment to the end of its line needs that end.
            let must = before.kind == Kind::Comment && before.text.starts_with("//");
            if token.breaks > 0 || must {
                out.push_str(if token.breaks > 1 { "\n\n" } else { "\n" });
                let operand = tokens[..n].iter().rfind(|t| t.kind != Kind::Comment);
                let further = usize::from(operand.is_some_and(|o| continues(token, o)));
                out.push_str(&"  ".repeat(depth - closing + further));
            } else if blank_between(tokens, n) {
                out.push(' ');
            }
        }
        out.push_str(token.text);
        if token.opens() {
            depth += 1;
        } else {
            depth -= closing;
        }
    }
    out
}

/// Does a line that begins with this token go on with the one before?
fn continues(token: &Token<'_>, before: &Token<'_>) -> bool {
    token.is_word(CONTINUING_WORDS)
        || (before.ends_operand()
            && token.is(&[
                "+", "-", "*", "/", "**", "=", "!=", "<", "<=", ">", ">=", ".", "..",
            ]))
}

/// Is there a blank between token `n` and the one before it on the line?
fn blank_between(tokens: &[Token<'_>], n: usize) -> bool {
    let (left, right) = (&tokens[n - 1], &tokens[n]);
    if left.kind == Kind::Comment || right.kind == Kind::Comment {
        return true;
    }
    // Two words, or a word and a number, would be one.
    let wordy = |t: &Token<'_>| matches!(t.kind, Kind::Word | Kind::Number);
    if wordy(left) && wordy(right) {
        return true;
    }
    // A range may be written with its brackets turned round, `]1..5[`: nobody knows which side is which
    // without reading, so that what the author wrote stays, at most one blank of it.
    if left.is(&["[", "]"]) || right.is(&["[", "]"]) {
        return right.spaced && !right.is(&[",", ":"])
            || left.is(&["[", "]"]) && spaced_operator(right);
    }
    if right.is(&[",", ")", "}", ":"]) || left.is(&["(", "{", "@", ".."]) || right.is(&[".."]) {
        return false;
    }
    if left.is(&[",", ":", "->"]) || right.is(&["->"]) {
        return true;
    }
    if right.is(&["("]) {
        return !left.ends_operand() && (left.kind == Kind::Word || !is_sign(tokens, n - 1));
    }
    if is_sign(tokens, n - 1) {
        return false;
    }
    if spaced_operator(left) || spaced_operator(right) {
        return true;
    }
    // These may be part of a name when they touch it on both sides, and `<` may begin a type's items.
    if right.is(&["+", "-", "*", "/", "<", ">"]) {
        let touches = tokens.get(n + 1).is_some_and(|t| !t.spaced && wordy(t));
        return right.spaced || !(touches || right.is(&["<", ">"])) || !wordy(left);
    }
    if left.is(&["+", "-", "*", "/", "<", ">"]) {
        let touched = n >= 2 && !left.spaced && wordy(&tokens[n - 2]);
        return right.spaced || !(touched || left.is(&["<", ">"])) || !wordy(right);
    }
    right.spaced || (left.kind != Kind::Mark && right.kind != Kind::Mark)
}

/// Marks that no name holds.
fn spaced_operator(token: &Token<'_>) -> bool {
    token.is(&["=", "!=", "<=", ">=", "**"])
}

/// A minus before its operand rather than between two.
fn is_sign(tokens: &[Token<'_>], n: usize) -> bool {
    tokens[n].is(&["-"]) && n.checked_sub(1).is_none_or(|n| !tokens[n].ends_operand())
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn blanks_are_canonical_and_nothing_else_changes() {
        for (source, expected) in [
            // It may be a name, as in `COVID-19`.
            ("甲+1", "甲+1"),
            ("甲+ 1", "甲 + 1"),
            ("甲 -乙", "甲 - 乙"),
            ("甲-乙", "甲-乙"),
            ("1 -  -2", "1 - -2"),
            ("- 5", "-5"),
            ("if a=1 then  (b) else c", "if a = 1 then (b) else c"),
            ("min( a ,b )", "min(a, b)"),
            ("x in (<=5,>  10)", "x in (<= 5, > 10)"),
            ("x in [1 .. 5)", "x in [1..5)"),
            ("x in ]1..5[ and y", "x in ]1..5[ and y"),
            ("{a:1,b :2}", "{a: 1, b: 2}"),
            ("list<number>", "list<number>"),
            ("[1,2][item>1]", "[1, 2][item>1]"),
            ("a // why\n+b", "a // why\n  + b"),
            (
                "if a then b\n   else if c then d\nelse e",
                "if a then b\nelse if c then d\nelse e",
            ),
            ("sum(\na,\nb\n)", "sum(\n  a,\n  b\n)"),
            ("\n\n// zh: 甲  乙 \n\n\na\n\n", "// zh: 甲  乙 \n\na"),
            ("@\"2026-01-01\"", "@\"2026-01-01\""),
            ("\"open", "\"open"),
            ("a)", "a)"),
        ] {
            let once = expression(source);
            assert_eq!(once, expected, "{source:?}");
            assert_eq!(expression(&once), once, "{source:?}");
        }
    }
}
