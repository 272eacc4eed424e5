//! What is wrong with a text, where, and how to mend it, in Chinese and English.

use super::ast::Span;
use crate::programme::Bilingual;
use std::fmt;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable short name of the kind of finding, such as `unknown-name`.
    pub code: &'static str,
    /// Bytes of the source.
    pub span: Span,
    /// What is wrong.
    pub message: Bilingual,
    /// What to do; absent where there is no better advice than the message.
    pub remedy: Option<Bilingual>,
}

impl Diagnostic {
    /// A finding without a remedy.
    pub fn new(
        code: &'static str,
        span: Span,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            code,
            span,
            message: Bilingual {
                zh: zh.into(),
                en: en.into(),
            },
            remedy: None,
        }
    }

    /// With advice.
    pub fn mend(mut self, zh: impl Into<String>, en: impl Into<String>) -> Diagnostic {
        self.remedy = Some(Bilingual {
            zh: zh.into(),
            en: en.into(),
        });
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} [{}] at {}..{}",
            self.message.en, self.code, self.span.start, self.span.end
        )?;
        if let Some(remedy) = &self.remedy {
            write!(f, "; {}", remedy.en)?;
        }
        Ok(())
    }
}

/// The known name nearest to `name` by edit distance, when it is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.chars().collect();
    if wanted.len() > 64 {
        return None;
    }
    let limit = (wanted.len() / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let length = candidate.chars().count();
        if length.abs_diff(wanted.len()) > limit {
            continue;
        }
        let distance = edit_distance(&wanted, candidate);
        if distance <= limit && distance < length && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

fn edit_distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, cb) in b.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, ca) in a.iter().enumerate() {
            let replaced = diagonal + usize::from(*ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[a.len()]
}

/// The ASCII mark that a full-width one stands for.
pub fn ascii_mark(mark: char) -> Option<char> {
    Some(match mark {
        '，' | '、' => ',',
        '。' | '．' => '.',
        '：' => ':',
        '；' => ';',
        '（' => '(',
        '）' => ')',
        '［' | '【' => '[',
        '］' | '】' => ']',
        '｛' => '{',
        '｝' => '}',
        '“' | '”' | '＂' | '「' | '」' => '"',
        '＋' => '+',
        '－' => '-',
        '×' | '＊' => '*',
        '÷' | '／' => '/',
        '＝' => '=',
        '＜' | '《' => '<',
        '＞' | '》' => '>',
        '！' => '!',
        '？' => '?',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_slip_away() {
        let known = ["人均月收入", "月收入", "标准"];
        assert_eq!(nearest("人均收入", known.into_iter()), Some("人均月收入"));
        assert_eq!(nearest("人君月收入", known.into_iter()), Some("人均月收入"));
        assert_eq!(nearest("面积", known.into_iter()), None);
    }
}
