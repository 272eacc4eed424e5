//! Characters to pieces: white space, comments, words, numbers, texts.

use std::sync::Arc;

/// One piece of a name: a word, or a mark that a name may hold (`. / - ' + *`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its text.
    pub text: Arc<str>,
    /// Byte where it ends in the source.
    pub end: usize,
}

/// Characters that FEEL takes for white space.
pub fn is_space(c: char) -> bool {
    matches!(c,
        '\u{9}'..='\u{D}' | ' ' | '\u{85}' | '\u{A0}' | '\u{1680}' | '\u{180E}'
        | '\u{2000}'..='\u{200B}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}'
        | '\u{3000}' | '\u{FEFF}')
}

/// May a name start with it?
pub fn starts_name(c: char) -> bool {
    matches!(c,
        '?' | 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}'
        | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FEFE}'
        | '\u{FF00}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// May a word of a name go on with it?
pub fn continues_name(c: char) -> bool {
    starts_name(c)
        || c.is_ascii_digit()
        || matches!(c, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

fn is_name_mark(c: char) -> bool {
    matches!(c, '.' | '/' | '-' | '\'' | '’' | '+' | '*')
}

/// Skips white space and comments from `at`; `Err` is the start of a comment that does not end.
pub fn skip_space(source: &str, mut at: usize) -> Result<usize, usize> {
    let bytes = source.as_bytes();
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\t' | b'\n' | b'\r') => at += 1,
            Some(b'/') if bytes.get(at + 1) == Some(&b'/') => {
                at = source[at..].find('\n').map_or(source.len(), |n| at + n);
            }
            Some(b'/') if bytes.get(at + 1) == Some(&b'*') => {
                at = source[at + 2..].find("*/").map(|n| at + n + 4).ok_or(at)?;
            }
            Some(b) if *b >= 0x80 || *b < 0x20 => match source[at..].chars().next() {
                Some(c) if is_space(c) => at += c.len_utf8(),
                _ => return Ok(at),
            },
            _ => return Ok(at),
        }
    }
}

/// Where the word that starts at `at` ends; `at` itself when none starts there.
pub fn word_end(source: &str, at: usize) -> usize {
    let mut chars = source[at..].char_indices();
    match chars.next() {
        Some((_, c)) if starts_name(c) => {}
        _ => return at,
    }
    for (i, c) in chars {
        if !continues_name(c) {
            return at + i;
        }
    }
    source.len()
}

/// The pieces of a possible name from `at`, at most `limit` of them; the first is a word.
pub fn pieces_at(source: &str, at: usize, limit: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = at;
    while pieces.len() < limit {
        let Ok(start) = skip_space(source, at) else {
            break;
        };
        let Some(c) = source[start..].chars().next() else {
            break;
        };
        let end = if starts_name(c) {
            word_end(source, start)
        } else if pieces.is_empty() {
            break;
        } else if c.is_ascii_digit() {
            source[start..]
                .find(|c: char| !continues_name(c))
                .map_or(source.len(), |n| start + n)
        } else if is_name_mark(c) {
            start + c.len_utf8()
        } else {
            break;
        };
        pieces.push(Piece {
            text: source[start..end].into(),
            end,
        });
        at = end;
    }
    pieces
}

/// The pieces of a whole name.
pub fn pieces_of(name: &str) -> Vec<Piece> {
    let pieces = pieces_at(name, 0, 64);
    match pieces.last() {
        // A name that is no FEEL name at all (an odd mark in a model) is one piece; it never matches.
        Some(last) if name[last.end..].trim().is_empty() => pieces,
        _ => vec![Piece {
            text: name.into(),
            end: name.len(),
        }],
    }
}

/// Do the pieces begin with those of a name?
pub fn starts_with(pieces: &[Piece], name: &[Piece]) -> bool {
    pieces.len() >= name.len() && pieces.iter().zip(name).all(|(a, b)| a.text == b.text)
}

/// Where a number that starts at `at` ends; `None` when none does. `1..5` is `1`, `..`, `5`.
pub fn number_end(source: &str, at: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let digits = |mut i: usize| {
        while bytes.get(i).is_some_and(u8::is_ascii_digit) {
            i += 1;
        }
        i
    };
    let mut end = digits(at);
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if end == at {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let power = digits(end + 1 + sign);
        if power > end + 1 + sign {
            end = power;
        }
    }
    Some(end)
}

/// Why a text literal cannot be read.
pub enum BadText {
    /// No closing quote.
    Open,
    /// A backslash before something that it cannot escape, at this byte.
    Escape(usize),
}

/// Reads the text literal whose opening quote stands at `at`: its value and where it ends.
pub fn read_text(source: &str, at: usize) -> Result<(String, usize), BadText> {
    let mut out = String::new();
    let mut chars = source[at + 1..].char_indices();
    let mut pending: Option<u32> = None;
    let base = at + 1;
    while let Some((i, c)) = chars.next() {
        if c != '\\' {
            if pending.take().is_some() {
                out.push('\u{FFFD}');
            }
            if c == '"' {
                return Ok((out, base + i + 1));
            }
            out.push(c);
            continue;
        }
        let bad = || BadText::Escape(base + i);
        let (_, escape) = chars.next().ok_or(BadText::Open)?;
        let code = match escape {
            'u' | 'U' => {
                let count = if escape == 'u' { 4 } else { 6 };
                let mut code = 0;
                for _ in 0..count {
                    let digit = chars
                        .next()
                        .and_then(|(_, c)| c.to_digit(16))
                        .ok_or_else(bad)?;
                    code = code * 16 + digit;
                }
                code
            }
            'n' => 10,
            't' => 9,
            'r' => 13,
            '"' | '\\' | '\'' | '/' => escape as u32,
            other => {
                // Not an escape: the backslash stands for itself.
                out.push('\\');
                other as u32
            }
        };
        match (pending.take(), code) {
            (Some(high), 0xDC00..=0xDFFF) => {
                let joined = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00);
                out.push(char::from_u32(joined).unwrap_or('\u{FFFD}'));
            }
            (before, code) => {
                if before.is_some() {
                    out.push('\u{FFFD}');
                }
                if (0xD800..=0xDBFF).contains(&code) {
                    pending = Some(code);
                } else {
                    out.push(char::from_u32(code).unwrap_or('\u{FFFD}'));
                }
            }
        }
    }
    Err(BadText::Open)
}
