//! Text to tree. Names are taken in scope (the longest known name wins, spaces and marks included),
//! types and units are worked out on the way, and in strict mode every misfit is a diagnostic.

mod calls;
mod compound;
pub(crate) use compound::{ANY_PARAMS, simple_type};
mod names;
pub use names::KEYWORDS;
mod operators;
mod postfix;
mod tests_of_cells;

use super::ast::{Expr, Span, UnaryTests};
use super::diagnostic::{Diagnostic, ascii_mark};
use super::lexer::{self, Piece};
use super::scope::{Mode, Scope};
use super::types::Type;
use std::sync::Arc;

/// Longest source of one expression, in bytes.
pub const MAX_SOURCE: usize = 1 << 20;
/// Deepest nesting of parentheses and the like in one expression.
pub const MAX_DEPTH: u16 = 100;
/// Deepest tree: a chain of so many operators of one kind.
pub const MAX_TREE: u16 = 300;
/// Most diagnostics of one expression; further ones are not kept.
const MAX_DIAGNOSTICS: usize = 50;

/// A tree with its type.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The tree.
    pub expr: Expr,
    /// Its static type.
    pub ty: Type,
}

/// Reads an expression. `Err` holds at least one diagnostic.
pub fn parse_expression(source: &str, scope: &Scope) -> Result<Parsed, Vec<Diagnostic>> {
    parse_with_locals(source, scope, &[])
}

/// Reads an expression in which `locals` (parameters, boxed context entries) stand first in the
/// frame, in this order.
pub fn parse_with_locals(
    source: &str,
    scope: &Scope,
    locals: &[(Arc<str>, Type)],
) -> Result<Parsed, Vec<Diagnostic>> {
    Parser::run(source, scope, locals, |parser| parser.expression())
}

/// Reads the tests of a cell: `< 5`, `[1..2], "甲"`, `not(3)`, `-`. The tested value is called `?`,
/// has type `input` and stands after `locals` in the frame.
pub fn parse_unary_tests(
    source: &str,
    scope: &Scope,
    locals: &[(Arc<str>, Type)],
    input: &Type,
) -> Result<UnaryTests, Vec<Diagnostic>> {
    Parser::run(source, scope, locals, |parser| {
        parser.push_local("?", input.clone(), LocalKind::Input);
        parser.unary_tests(input)
    })
}

/// Reads the condition of a filter over items of type `item`, which stand after `locals`.
pub(crate) fn parse_filter_condition(
    source: &str,
    scope: &Scope,
    locals: &[(Arc<str>, Type)],
    item: &Type,
) -> Result<Parsed, Vec<Diagnostic>> {
    Parser::run(source, scope, locals, |parser| {
        parser.push_local("item", item.clone(), LocalKind::Item);
        parser.expression()
    })
}

/// Checks that a tree of type `found` may give a value of type `declared`.
pub fn check_type(declared: &Type, parsed: &Parsed) -> Result<(), Diagnostic> {
    if super::typing::assignable(&parsed.ty, declared) {
        return Ok(());
    }
    Err(names::not_assignable(
        declared,
        &parsed.ty,
        parsed.expr.span,
    ))
}

/// A diagnostic has been recorded; reading stops.
struct Stop;
type Read<T> = Result<T, Stop>;

#[derive(Clone, Copy, PartialEq)]
enum LocalKind {
    Plain,
    /// The item of a filter: its fields are names in sight.
    Item,
    /// `?` of unary tests.
    Input,
}

struct Local {
    name: Arc<str>,
    pieces: Vec<Piece>,
    ty: Type,
    kind: LocalKind,
    used: bool,
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    scope: &'a Scope,
    locals: Vec<Local>,
    diagnostics: Vec<Diagnostic>,
    depth: u16,
    /// Rules tried so far: reading again after a wrong guess must not take for ever.
    steps: usize,
    /// In the upper end of a range, where `[` may close it.
    closing: bool,
    /// Names, and fields of names, that a test has just shown not to be null.
    known: Vec<(super::ast::Target, Vec<Arc<str>>)>,
}

impl<'a> Parser<'a> {
    fn run<T>(
        source: &'a str,
        scope: &'a Scope,
        locals: &[(Arc<str>, Type)],
        read: impl FnOnce(&mut Parser<'a>) -> Read<T>,
    ) -> Result<T, Vec<Diagnostic>> {
        let mut parser = Parser {
            source,
            at: 0,
            scope,
            locals: Vec::new(),
            diagnostics: Vec::new(),
            depth: 0,
            steps: 0,
            closing: false,
            known: Vec::new(),
        };
        if source.len() > MAX_SOURCE {
            return Err(vec![Diagnostic::new(
                "too-long",
                Span::new(0, 0),
                format!("表达式超过 {MAX_SOURCE} 字节"),
                format!("the expression is longer than {MAX_SOURCE} bytes"),
            )]);
        }
        for (name, ty) in locals {
            parser.push_local(name, ty.clone(), LocalKind::Plain);
        }
        let result = read(&mut parser);
        let finished = match result {
            Ok(value) => match parser.expect_end() {
                Ok(()) => Some(value),
                Err(Stop) => None,
            },
            Err(Stop) => None,
        };
        match finished {
            Some(value) if parser.diagnostics.is_empty() => Ok(value),
            _ => Err(parser.diagnostics),
        }
    }

    fn strict(&self) -> bool {
        self.scope.mode == Mode::Strict
    }

    fn push_local(&mut self, name: &str, ty: Type, kind: LocalKind) -> u32 {
        let pieces = lexer::pieces_of(name);
        self.locals.push(Local {
            name: name.into(),
            pieces,
            ty,
            kind,
            used: false,
        });
        self.locals.len() as u32 - 1
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports in strict mode; lenient models let it pass.
    fn misfit(&mut self, diagnostic: impl FnOnce() -> Diagnostic) {
        if self.strict() {
            let diagnostic = diagnostic();
            self.report(diagnostic);
        }
    }

    fn fail<T>(&mut self, diagnostic: Diagnostic) -> Read<T> {
        self.report(diagnostic);
        Err(Stop)
    }

    /// Runs a rule one level deeper; too deep is an error, not a stack overflow.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= MAX_DEPTH {
            return self.too_deep();
        }
        self.steps += 1;
        if self.steps > 10_000 + 8 * self.source.len() {
            let span = Span::new(self.at, self.at);
            return self.fail(
                Diagnostic::new(
                    "too-complex",
                    span,
                    "表达式过于复杂",
                    "the expression is too complex",
                )
                .mend("拆成几条规则", "split it into several rules"),
            );
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn too_deep<T>(&mut self) -> Read<T> {
        let span = Span::new(self.at, self.at);
        self.fail(
            Diagnostic::new(
                "too-deep",
                span,
                format!("嵌套超过 {MAX_DEPTH} 层"),
                format!("nesting is deeper than {MAX_DEPTH} levels"),
            )
            .mend("拆成几条规则", "split it into several rules"),
        )
    }

    fn node(&mut self, span: Span, kind: super::ast::ExprKind) -> Read<Expr> {
        let expr = Expr::new(span, kind);
        if expr.depth > MAX_TREE {
            self.too_deep()
        } else {
            Ok(expr)
        }
    }

    /// Moves to the next character that is not space, and gives it.
    fn peek(&mut self) -> Read<Option<char>> {
        match lexer::skip_space(self.source, self.at) {
            Ok(at) => {
                self.at = at;
                Ok(self.source[at..].chars().next())
            }
            Err(start) => self.fail(Diagnostic::new(
                "open-comment",
                Span::new(start, self.source.len()),
                "注释没有结束",
                "the comment does not end",
            )),
        }
    }

    /// Is the next text `mark`? Takes it if so. Not for marks that start longer ones.
    fn take(&mut self, mark: &str) -> Read<bool> {
        self.peek()?;
        if self.source[self.at..].starts_with(mark) {
            self.at += mark.len();
            return Ok(true);
        }
        Ok(false)
    }

    fn expect(&mut self, mark: &str) -> Read<()> {
        if self.take(mark)? {
            return Ok(());
        }
        self.unexpected(&format!("`{mark}`"))
    }

    /// The keyword at the current place, not taken.
    fn word(&mut self) -> Read<&'a str> {
        self.peek()?;
        Ok(&self.source[self.at..lexer::word_end(self.source, self.at)])
    }

    fn take_word(&mut self, word: &str) -> Read<bool> {
        if self.word()? == word {
            self.at += word.len();
            return Ok(true);
        }
        Ok(false)
    }

    fn expect_word(&mut self, word: &str) -> Read<()> {
        if self.take_word(word)? {
            Ok(())
        } else {
            self.unexpected(&format!("`{word}`"))
        }
    }

    fn expect_end(&mut self) -> Read<()> {
        if self.peek()?.is_some() {
            self.unexpected("the end")
        } else {
            Ok(())
        }
    }

    /// Reports what stands here instead of `wanted`.
    fn unexpected<T>(&mut self, wanted: &str) -> Read<T> {
        let found = self.peek()?;
        let start = self.at;
        let wanted_zh = if wanted == "the end" {
            "结尾"
        } else {
            wanted
        };
        let wanted_zh = if wanted_zh == "an expression" {
            "表达式"
        } else {
            wanted_zh
        };
        let Some(c) = found else {
            return self.fail(Diagnostic::new(
                "unexpected-end",
                Span::new(start, start),
                format!("文本在此结束，应为{wanted_zh}"),
                format!("the text ends where {wanted} should be"),
            ));
        };
        let end = lexer::word_end(self.source, start).max(start + c.len_utf8());
        if let Some(ascii) = ascii_mark(c) {
            return self.fail(full_width(c, ascii, start));
        }
        let text: String = self.source[start..end].chars().take(40).collect();
        self.fail(Diagnostic::new(
            "syntax",
            Span::new(start, end),
            format!("此处是 `{text}`，应为{wanted_zh}"),
            format!("found `{text}` where {wanted} should be"),
        ))
    }
}

/// The diagnostic for a full-width mark where FEEL needs an ASCII one.
fn full_width(mark: char, ascii: char, at: usize) -> Diagnostic {
    Diagnostic::new(
        "full-width-mark",
        Span::new(at, at + mark.len_utf8()),
        format!("全角标点 `{mark}` 不是运算符"),
        format!("the full-width mark `{mark}` is no operator"),
    )
    .mend(
        format!("改用半角 `{ascii}`"),
        format!("write the ASCII mark `{ascii}`"),
    )
}
