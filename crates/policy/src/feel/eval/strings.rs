//! Functions on texts, regular expressions among them.

use super::builtins::{Answer, number, scalar};
use super::{Eval, Fault, MAX_TEXT, Machine, error};
use crate::feel::ast::Span;
use crate::feel::builtin::Builtin as B;
use crate::feel::number::{Number, Rounding};
use crate::feel::value::Value;
use fancy_regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;

impl Machine {
    pub(super) fn text_function(&mut self, f: B, args: &[Value], span: Span) -> Eval<Answer> {
        let text = |at: usize| args.get(at).and_then(|v| scalar(v).as_text());
        let two = || Some((text(0)?, text(1)?));
        if let (B::Matches | B::Replace | B::Split, Some(pattern)) = (f, text(1)) {
            self.charge(weight(pattern), span)?;
        }
        let answer = match f {
            B::Number => parse_number(args),
            B::String => match &args[0] {
                Value::Null => None,
                value => {
                    if !value.fits(200_000) {
                        return Err(error(span, Fault::TooLarge));
                    }
                    let mut out = Bounded(String::new());
                    if write!(out, "{value}").is_err() {
                        return Err(error(span, Fault::TooLarge));
                    }
                    self.charge(out.0.len() >> 6, span)?;
                    Some(Value::text(&out.0))
                }
            },
            B::Substring => substring(args),
            B::StringLength => {
                text(0).map(|t| Value::Number(Number::int(t.chars().count() as i64)))
            }
            B::UpperCase => text(0).map(|t| Value::text(&t.to_uppercase())),
            B::LowerCase => text(0).map(|t| Value::text(&t.to_lowercase())),
            B::SubstringBefore => {
                two().map(|(t, m)| Value::text(t.find(m).map_or("", |at| &t[..at])))
            }
            B::SubstringAfter => {
                two().map(|(t, m)| Value::text(t.find(m).map_or("", |at| &t[at + m.len()..])))
            }
            B::Contains => two().map(|(t, m)| Value::Boolean(t.contains(m))),
            B::StartsWith => two().map(|(t, m)| Value::Boolean(t.starts_with(m))),
            B::EndsWith => two().map(|(t, m)| Value::Boolean(t.ends_with(m))),
            B::Matches => matches(args),
            B::Replace => replace(args),
            B::Split => two().and_then(|(t, d)| {
                with_regex(d, "", |regex| {
                    let parts = regex.split(t).take(MAX_MATCHES + 1);
                    let parts: Option<Vec<Value>> =
                        parts.map(|p| p.ok().map(Value::text)).collect();
                    parts.filter(|p| p.len() <= MAX_MATCHES).map(Value::list)
                })
            }),
            B::StringJoin => join(args, span)?,
            _ => None,
        };
        match &answer {
            Some(Value::Text(t)) if t.len() > MAX_TEXT => Err(error(span, Fault::TooLarge)),
            _ => Ok(answer),
        }
    }
}

/// A text that refuses to grow beyond the limit.
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > MAX_TEXT {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn parse_number(args: &[Value]) -> Answer {
    let text = scalar(&args[0]).as_text()?;
    let separator = |at: usize| match args.get(at) {
        None | Some(Value::Null) => Some(None),
        Some(value) => match scalar(value).as_text()? {
            mark @ (" " | "," | ".") => Some(Some(mark)),
            _ => None,
        },
    };
    let (grouping, decimal) = (separator(1)?, separator(2)?);
    if decimal == Some(" ") || (grouping.is_some() && grouping == decimal) {
        return None;
    }
    let mut plain = match grouping {
        Some(mark) => text.replace(mark, ""),
        None => text.to_string(),
    };
    if let Some(mark) = decimal.filter(|m| *m != ".") {
        if plain.contains('.') {
            return None;
        }
        plain = plain.replace(mark, ".");
    }
    plain.parse().ok().map(Value::Number)
}

fn substring(args: &[Value]) -> Answer {
    let text = scalar(&args[0]).as_text()?;
    let start = number(args, 1)?.round(0, Rounding::Down).to_i64()?;
    let length = match args.get(2) {
        None => None,
        Some(Value::Null) => return None,
        Some(_) => {
            let length = number(args, 2)?.round(0, Rounding::Down).to_i64()?;
            if length < 1 {
                return None;
            }
            Some(usize::try_from(length).ok()?)
        }
    };
    let count = text.chars().count() as i64;
    let from = match start {
        1.. if start <= count => start - 1,
        _ if start < 0 && start >= -count => count + start,
        _ => {
            return if start == 0 {
                None
            } else {
                Some(Value::text(""))
            };
        }
    };
    let rest = text.chars().skip(from as usize);
    let out: String = match length {
        Some(length) => rest.take(length).collect(),
        None => rest.collect(),
    };
    Some(Value::text(&out))
}

fn join(args: &[Value], span: Span) -> Eval<Answer> {
    let delimiter = match args.get(1) {
        None | Some(Value::Null) => "",
        Some(value) => match scalar(value).as_text() {
            Some(text) => text,
            None => return Ok(None),
        },
    };
    let items = match &args[0] {
        Value::List(items) => items.as_slice(),
        single @ Value::Text(_) => std::slice::from_ref(single),
        _ => return Ok(None),
    };
    let mut parts = Vec::with_capacity(items.len());
    let mut length = 0usize;
    for item in items {
        match item {
            Value::Text(t) => parts.push(&**t),
            Value::Null => continue,
            _ => return Ok(None),
        }
        // Before it is built: a million times one long text is more than memory holds.
        length += delimiter.len() + parts.last().map_or(0, |t| t.len());
        if length > MAX_TEXT + delimiter.len() {
            return Err(error(span, Fault::TooLarge));
        }
    }
    Ok(Some(Value::text(&parts.join(delimiter))))
}

fn matches(args: &[Value]) -> Answer {
    let (text, pattern) = (scalar(&args[0]).as_text()?, scalar(&args[1]).as_text()?);
    let flags = match args.get(2) {
        None | Some(Value::Null) => "",
        Some(value) => scalar(value).as_text()?,
    };
    with_regex(pattern, flags, |regex| {
        regex.is_match(text).ok().map(Value::Boolean)
    })
}

fn replace(args: &[Value]) -> Answer {
    let (text, pattern) = (scalar(&args[0]).as_text()?, scalar(&args[1]).as_text()?);
    let replacement = scalar(&args[2]).as_text()?;
    let flags = match args.get(3) {
        None | Some(Value::Null) => "",
        Some(value) => scalar(value).as_text()?,
    };
    with_regex(pattern, flags, |regex| {
        let (mut out, mut last) = (String::with_capacity(text.len()), 0);
        let most = if is_hard(pattern) {
            MAX_HARD_MATCHES
        } else {
            MAX_MATCHES
        };
        for (count, found) in regex.captures_iter(text).enumerate() {
            let found = found.ok().filter(|_| count < most)?;
            let whole = found.get(0)?;
            out.push_str(&text[last..whole.start()]);
            if flags.contains('q') {
                out.push_str(replacement);
            } else {
                expand(replacement, &found, regex.captures_len(), &mut out)?;
            }
            if out.len() > MAX_TEXT {
                return None;
            }
            last = whole.end();
        }
        out.push_str(&text[last..]);
        Some(Value::text(&out))
    })
}

/// How large an expression becomes when it is compiled, in iterations: by its length, its classes and
/// its repetitions. The same whether it has been compiled before or not.
fn weight(pattern: &str) -> usize {
    const MOST: usize = 100_000;
    let mut total = pattern.len() / 8;
    for part in pattern.split('{').skip(1) {
        let digits = part
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse().ok());
        let repeated: usize = digits.take(2).max().unwrap_or(1);
        total = (total + 4).saturating_mul(repeated.max(1)).min(MOST);
    }
    total
}

/// Has it what only backtracking can match: references to groups, or groups of a kind of their own?
fn is_hard(pattern: &str) -> bool {
    pattern.as_bytes().windows(2).any(|pair| {
        (pair[0] == b'\\' && pair[1].is_ascii_digit()) || (pair[0] == b'(' && pair[1] == b'?')
    })
}

/// `$1` is a group, `\$` and `\\` are themselves. As many digits as name an existing group.
fn expand(
    replacement: &str,
    found: &fancy_regex::Captures,
    groups: usize,
    out: &mut String,
) -> Option<()> {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|c| matches!(c, '$' | '\\'))?),
            '$' => {
                let mut group = chars.next()?.to_digit(10)? as usize;
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    let longer = group * 10 + digit as usize;
                    if longer >= groups {
                        break;
                    }
                    group = longer;
                    chars.next();
                }
                if let Some(text) = found.get(group) {
                    out.push_str(text.as_str());
                }
            }
            c => out.push(c),
        }
    }
    Some(())
}

/// Most matches that one call replaces or splits at.
const MAX_MATCHES: usize = 100_000;
/// The same of an expression with back-references, each match of which may try all its ways.
const MAX_HARD_MATCHES: usize = 500;

thread_local! {
    /// Compiled expressions by flags and pattern; emptied when it has grown.
    static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

fn with_regex<T>(pattern: &str, flags: &str, work: impl FnOnce(&Regex) -> Option<T>) -> Option<T> {
    COMPILED.with_borrow_mut(|compiled| {
        let key = format!("{flags}/{pattern}");
        if compiled.len() > 200 && !compiled.contains_key(&key) {
            compiled.clear();
        }
        let regex = compiled
            .entry(key)
            .or_insert_with(|| compile(pattern, flags));
        regex.as_ref().and_then(work)
    })
}

/// An XPath regular expression as this machine's.
fn compile(pattern: &str, flags: &str) -> Option<Regex> {
    if pattern.len() > 10_000 || !flags.chars().all(|c| "smixq".contains(c)) {
        return None;
    }
    let literal = flags.contains('q');
    let mut prefix: String = flags.chars().filter(|c| "smi".contains(*c)).collect();
    let body = if literal {
        fancy_regex::escape(pattern).into_owned()
    } else {
        let pattern = if flags.contains('x') {
            without_space(pattern)
        } else {
            pattern.to_string()
        };
        translate(&pattern, flags.contains('s'))?
    };
    if !prefix.is_empty() {
        prefix = format!("(?{prefix})");
    }
    fancy_regex::RegexBuilder::new(&format!("{prefix}{body}"))
        .backtrack_limit(200_000)
        .delegate_size_limit(1 << 20)
        .build()
        .ok()
}

/// Flag x: white space goes, except within classes, even after a backslash.
fn without_space(pattern: &str) -> String {
    let (mut out, mut classes, mut escaped) = (String::with_capacity(pattern.len()), 0u32, false);
    for c in pattern.chars() {
        if classes == 0 && matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        }
        match c {
            '[' if !escaped => classes += 1,
            ']' if !escaped => classes = classes.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// `.` stops at either line end unless `any`, `[a-z-[aeiou]]` becomes `[a-z--[aeiou]]`, `\i` and
/// `\c` become the characters of XML names, blocks `\p{IsX}` become scripts or ranges.
fn translate(pattern: &str, any: bool) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut classes = 0u32;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'i' => out.push_str(if classes > 0 {
                    "\\p{L}_:"
                } else {
                    "[\\p{L}_:]"
                }),
                'I' if classes == 0 => out.push_str("[^\\p{L}_:]"),
                'c' => out.push_str(if classes > 0 {
                    "\\p{L}\\p{N}_:.\\-"
                } else {
                    "[\\p{L}\\p{N}_:.\\-]"
                }),
                'C' if classes == 0 => out.push_str("[^\\p{L}\\p{N}_:.\\-]"),
                kind @ ('p' | 'P') if chars.peek() == Some(&'{') => {
                    let mut name = String::new();
                    chars.next();
                    for c in chars.by_ref() {
                        if c == '}' {
                            break;
                        }
                        name.push(c);
                    }
                    match name.strip_prefix("Is") {
                        Some(block) => out.push_str(&block_class(block, kind == 'P')?),
                        None => {
                            out.push('\\');
                            out.push(kind);
                            out.push_str(&format!("{{{name}}}"));
                        }
                    }
                }
                escaped => {
                    out.push('\\');
                    out.push(escaped);
                }
            },
            '[' => {
                if classes > 0 && out.ends_with('-') {
                    out.push('-');
                } else if classes > 0 {
                    out.push('\\');
                    out.push('[');
                    continue;
                }
                classes += 1;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            ']' if classes > 0 => {
                classes -= 1;
                out.push(']');
            }
            '&' | '~' if classes > 0 => {
                out.push('\\');
                out.push(c);
            }
            '.' if classes == 0 && !any => out.push_str("[^\\n\\r]"),
            c => out.push(c),
        }
    }
    Some(out)
}

fn block_class(block: &str, negated: bool) -> Option<String> {
    let range = match block {
        "BasicLatin" => "\\x{0}-\\x{7F}",
        "Latin-1Supplement" => "\\x{80}-\\x{FF}",
        "LatinExtended-A" => "\\x{100}-\\x{17F}",
        "Greek" | "GreekandCoptic" => "\\x{370}-\\x{3FF}",
        "Cyrillic" => "\\x{400}-\\x{4FF}",
        "Hiragana" => "\\x{3040}-\\x{309F}",
        "Katakana" => "\\x{30A0}-\\x{30FF}",
        "CJKUnifiedIdeographs" => "\\x{4E00}-\\x{9FFF}",
        _ => return None,
    };
    Some(format!("[{}{range}]", if negated { "^" } else { "" }))
}
