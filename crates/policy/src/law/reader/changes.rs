//! What only a reform says: `@add`, `@remove`, `@remove-example`, `@rows`.

use super::super::directive;
use super::super::markdown::RawTable;
use super::super::reform::Change;
use super::super::source::{Span, say};
use super::Reader;

impl Reader<'_, '_> {
    /// An `@add` must be followed by what is added.
    pub(super) fn nothing_added(&mut self) {
        if let Some(span) = self.adds.take() {
            self.findings.error(
                "bad-directive",
                &span,
                say(
                    "`@add` 之后没有规则、表或者制度",
                    "no rule, table or programme follows `@add`",
                ),
                say(
                    "在下一行写新增的规则，或删去 `@add`",
                    "write the new rule on the next line, or remove `@add`",
                ),
            );
        }
    }

    /// `@add`, `@remove NAME`, `@remove-example NAME`, `@rows NAME`: only in a reform.
    pub(super) fn change(
        &mut self,
        word: &str,
        line: &str,
        start: usize,
        span: &Span,
        next: Option<&RawTable>,
    ) -> bool {
        let name = directive::cell(line, start, line.len(), span);
        if word == "add" {
            self.nothing_added();
            self.adds = Some(span.clone());
            return false;
        }
        if name.text.is_empty() {
            self.findings.error(
                "bad-directive",
                span,
                say(
                    format!("`@{word}` 之后没有名称"),
                    format!("`@{word}` lacks a name"),
                ),
                say(
                    format!("写成 `@{word} 名称`"),
                    format!("write `@{word} NAME`"),
                ),
            );
            return false;
        }
        match (word, next) {
            ("remove-example", _) => self.raw.examples.removed.push(name),
            ("remove", _) => {
                if self.needs_article(span).is_none() {
                    return false;
                }
                let instrument = self.index;
                self.raw.changes.push(Change::Remove { name, instrument });
            }
            (_, Some(table)) => {
                if self.needs_article(span).is_none() {
                    return true;
                }
                self.plain_table(table);
                let change = Change::Rows {
                    name,
                    instrument: self.index,
                    citation: self.citation(),
                    table: table.clone(),
                };
                self.raw.changes.push(change);
                return true;
            }
            (_, None) => self.findings.error(
                "bad-directive",
                span,
                say("`@rows` 之后没有表", "no table follows `@rows`"),
                say(
                    "在下一行写要改的行",
                    "put the rows to change on the next line",
                ),
            ),
        }
        false
    }
}
