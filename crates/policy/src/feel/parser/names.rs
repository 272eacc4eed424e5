//! Names: which one is meant, where its value stands, and what to say when nothing is meant.

use super::*;
use crate::feel::ast::{ExprKind, Target};
use crate::feel::builtin::Builtin;
use crate::feel::diagnostic::nearest;
use crate::feel::typing;
use crate::feel::value::Value;

/// Words that are no names.
pub const KEYWORDS: [&str; 17] = [
    "and",
    "or",
    "in",
    "between",
    "instance",
    "then",
    "else",
    "return",
    "satisfies",
    "if",
    "for",
    "some",
    "every",
    "function",
    "true",
    "false",
    "null",
];

pub(super) enum Found {
    Expr(Parsed),
    Builtin(Builtin, Span),
}

impl Parser<'_> {
    /// Reads a name at the current place, which starts with a name character.
    pub(super) fn name(&mut self) -> Read<Found> {
        let start = self.at;
        let pieces = lexer::pieces_at(self.source, start, 24);
        self.check_full_width(start)?;

        let mut best: Option<(usize, Match)> = None;
        let mut dynamic: Vec<u32> = Vec::new();
        for (index, local) in self.locals.iter().enumerate().rev() {
            let longer =
                |n: usize, best: &Option<(usize, Match)>| best.as_ref().is_none_or(|(m, _)| n > *m);
            let own = lexer::starts_with(&pieces, &local.pieces);
            if local.kind != LocalKind::Item {
                if own && longer(local.pieces.len(), &best) {
                    best = Some((local.pieces.len(), Match::Local(index)));
                }
                continue;
            }
            match local.ty.plain() {
                Type::Context(c) => {
                    for (at, (name, _)) in c.fields.iter().enumerate() {
                        let field = lexer::pieces_of(name);
                        if lexer::starts_with(&pieces, &field) && longer(field.len(), &best) {
                            best = Some((field.len(), Match::Field(index, at)));
                        }
                    }
                }
                Type::Record(id) => {
                    let fields = self.scope.records().get(*id).map(|r| r.fields.as_slice());
                    for (at, (name, _)) in fields.unwrap_or_default().iter().enumerate() {
                        let field = lexer::pieces_of(name);
                        if lexer::starts_with(&pieces, &field) && longer(field.len(), &best) {
                            best = Some((field.len(), Match::Field(index, at)));
                        }
                    }
                }
                Type::Any if best.is_none() && !own => dynamic.push(index as u32),
                _ => {}
            }
            // A field called `item` comes before the item itself.
            if own && longer(local.pieces.len(), &best) {
                best = Some((local.pieces.len(), Match::Local(index)));
            }
        }
        if let Some((count, known)) = self.scope.longest(&pieces)
            && best.as_ref().is_none_or(|(n, _)| count > *n)
        {
            best = Some((
                count,
                Match::Slot(known.slot, known.name.clone(), known.ty.clone()),
            ));
        }
        if let Some((count, builtin)) = Scope::longest_builtin(&pieces) {
            let end = pieces[count - 1].end;
            let called = lexer::skip_space(self.source, end)
                .is_ok_and(|at| self.source[at..].starts_with('('));
            let beaten = best.as_ref().is_some_and(|(n, m)| {
                // As long as the built-in, a name wins unless only the built-in can be called.
                *n > count || !called || (*n == count && self.may_be_function(m))
            });
            if !beaten {
                self.at = end;
                return Ok(Found::Builtin(builtin, Span::new(start, end)));
            }
        }
        let Some((count, found)) = best else {
            return self.unknown_name(start, &dynamic).map(Found::Expr);
        };
        let end = pieces[count - 1].end;
        self.at = end;
        let span = Span::new(start, end);
        self.found(found, span, &dynamic).map(Found::Expr)
    }

    fn may_be_function(&self, found: &Match) -> bool {
        let ty = match found {
            Match::Local(index) => &self.locals[*index].ty,
            Match::Slot(_, _, ty) => ty,
            Match::Field(..) => return false,
        };
        matches!(ty.plain(), Type::Function(_) | Type::Any)
    }

    fn found(&mut self, found: Match, span: Span, dynamic: &[u32]) -> Read<Parsed> {
        let (name, mut target, mut ty) = match found {
            Match::Field(local, at) => {
                self.locals[local].used = true;
                let item = &self.locals[local];
                let (name, ty) = match item.ty.plain() {
                    Type::Context(c) => c.fields[at].clone(),
                    Type::Record(id) => match self.scope.records().get(*id) {
                        Some(record) => record.fields[at].clone(),
                        None => (Arc::from(""), Type::Any),
                    },
                    _ => (Arc::from(""), Type::Any),
                };
                let target = Target::Local(local as u32);
                let base = Expr::new(
                    span,
                    ExprKind::Name {
                        name: item.name.clone(),
                        target,
                    },
                );
                let kind = ExprKind::Path {
                    base: Box::new(base),
                    name,
                    field: Some(at as u32),
                };
                let expr = self.node(span, kind)?;
                let ty = self.narrowed(&expr, ty);
                return Ok(Parsed { expr, ty });
            }
            Match::Local(index) => {
                self.locals[index].used = true;
                let local = &self.locals[index];
                (
                    local.name.clone(),
                    Target::Local(index as u32),
                    local.ty.clone(),
                )
            }
            Match::Slot(slot, name, ty) => (name, Target::Slot(slot), ty),
        };
        if self
            .known
            .iter()
            .any(|(known, fields)| *known == target && fields.is_empty())
            && let Type::Nullable(inner) = &ty
        {
            ty = (**inner).clone();
        }
        for &local in dynamic.iter().rev() {
            self.locals[local as usize].used = true;
            target = Target::ItemField(local, Box::new(target));
            ty = Type::Any;
        }
        let expr = self.node(span, ExprKind::Name { name, target })?;
        Ok(Parsed { expr, ty })
    }

    fn unknown_name(&mut self, start: usize, dynamic: &[u32]) -> Read<Parsed> {
        // Words side by side can only be one name.
        let first_end = lexer::word_end(self.source, start);
        let mut end = first_end;
        // Word by word: a comment between two of them is no part of the name.
        let mut text = self.source[start..end].to_string();
        while let Ok(next) = lexer::skip_space(self.source, end) {
            let next_end = lexer::word_end(self.source, next);
            if next == end || next_end == next || KEYWORDS.contains(&&self.source[next..next_end]) {
                break;
            }
            text.push(' ');
            text.push_str(&self.source[next..next_end]);
            end = next_end;
        }
        self.at = end;
        let span = Span::new(start, end);
        let mut target = Target::Unknown;
        for &local in dynamic.iter().rev() {
            self.locals[local as usize].used = true;
            target = Target::ItemField(local, Box::new(target));
        }
        if self.strict() {
            let shown: String = text.chars().take(60).collect();
            let mut diagnostic = Diagnostic::new(
                "unknown-name",
                span,
                format!("没有名为 `{shown}` 的名称"),
                format!("nothing in sight is called `{shown}`"),
            );
            if let Some(near) = self.suggest(&text) {
                diagnostic = diagnostic.mend(
                    format!("是否应为 `{near}`？"),
                    format!("did you mean `{near}`?"),
                );
            } else {
                diagnostic = diagnostic.mend(
                    "声明它，或查看可用的名称",
                    "declare it, or look up the names that are in sight",
                );
            }
            self.report(diagnostic);
        }
        let kind = ExprKind::Name {
            name: text.as_str().into(),
            target,
        };
        let expr = self.node(span, kind)?;
        Ok(Parsed {
            expr,
            ty: Type::Any,
        })
    }

    fn suggest(&self, text: &str) -> Option<String> {
        let mut names: Vec<&str> = self.scope.names().map(|k| &*k.name).collect();
        for local in &self.locals {
            names.push(&local.name);
            if local.kind == LocalKind::Item {
                match local.ty.plain() {
                    Type::Context(c) => names.extend(c.fields.iter().map(|f| &*f.0)),
                    Type::Record(id) => {
                        let record = self.scope.records().get(*id);
                        names.extend(record.iter().flat_map(|r| r.fields.iter().map(|f| &*f.0)));
                    }
                    _ => {}
                }
            }
        }
        names.extend(crate::feel::builtin::ALL.iter().map(|b| b.name()));
        nearest(text, names.into_iter()).map(str::to_string)
    }

    /// In strict mode a full-width mark inside a word is an error: the standard would take it for a
    /// letter, and `收入，人口` for one name.
    pub(super) fn check_full_width(&mut self, start: usize) -> Read<()> {
        if !self.strict() {
            return Ok(());
        }
        let end = lexer::word_end(self.source, start);
        for (offset, c) in self.source[start..end].char_indices() {
            if let Some(ascii) = ascii_mark(c).filter(|_| !c.is_ascii()) {
                return self.fail(full_width(c, ascii, start + offset));
            }
        }
        Ok(())
    }

    /// Reads the name of a new variable: all pieces up to what `stop` accepts.
    pub(super) fn new_name(&mut self, stop: impl Fn(&str) -> bool) -> Read<(Arc<str>, Span)> {
        self.peek()?;
        let start = self.at;
        self.check_full_width(start)?;
        let (mut text, mut end) = (String::new(), start);
        for piece in lexer::pieces_at(self.source, start, 64) {
            if stop(&piece.text) {
                break;
            }
            let word = |c: Option<char>| c.is_some_and(lexer::continues_name);
            if word(text.chars().last()) && word(piece.text.chars().next()) {
                text.push(' ');
            }
            text.push_str(&piece.text);
            end = piece.end;
        }
        if text.is_empty() {
            return self.unexpected("a name");
        }
        self.at = end;
        Ok((text.as_str().into(), Span::new(start, end)))
    }

    /// The name after a point, by the type before it: the longest field name that fits.
    pub(super) fn field_name(&mut self, base: &Type) -> Read<(Arc<str>, Span)> {
        let Some(c) = self.peek()? else {
            return self.unexpected("a name");
        };
        let start = self.at;
        if !lexer::starts_name(c) {
            return self.unexpected("a name");
        }
        self.check_full_width(start)?;
        let pieces = lexer::pieces_at(self.source, start, 24);
        let mut best: Option<(usize, Arc<str>)> = None;
        let mut offer = |name: &Arc<str>| {
            let field = lexer::pieces_of(name);
            if lexer::starts_with(&pieces, &field)
                && best.as_ref().is_none_or(|(n, _)| field.len() > *n)
            {
                best = Some((field.len(), name.clone()));
            }
        };
        let mut ty = base.plain();
        while let Type::List(item) = ty {
            ty = item.plain();
        }
        match ty {
            Type::Context(c) => c.fields.iter().for_each(|f| offer(&f.0)),
            Type::Record(id) => {
                if let Some(record) = self.scope.records().get(*id) {
                    record.fields.iter().for_each(|f| offer(&f.0));
                }
            }
            _ => {}
        }
        for name in ["time offset", "start included", "end included"] {
            offer(&Arc::from(name));
        }
        if let Some((count, name)) = best {
            self.at = pieces[count - 1].end;
            return Ok((name, Span::new(start, self.at)));
        }
        // Unknown to the type: words side by side, up to a keyword.
        let mut end = pieces.first().map_or(start, |p| p.end);
        let mut text = self.source[start..end].to_string();
        for piece in &pieces[1..] {
            let word = piece.text.chars().next().is_some_and(lexer::continues_name);
            if !word || KEYWORDS.contains(&&*piece.text) {
                break;
            }
            text.push(' ');
            text.push_str(&piece.text);
            end = piece.end;
        }
        self.at = end;
        Ok((text.as_str().into(), Span::new(start, end)))
    }

    /// `base.name`, with its type.
    pub(super) fn path(&mut self, base: Parsed) -> Read<Parsed> {
        let (name, span) = self.field_name(&base.ty)?;
        let whole = base.expr.span.to(span);
        let (ty, field) = match typing::field(&base.ty, &name, self.scope.records()) {
            Some(found) => found,
            None => {
                let near = self.suggest_field(&base.ty, &name);
                let shown = self.describe(&base.ty);
                self.misfit(|| {
                    let diagnostic = Diagnostic::new(
                        "unknown-field",
                        span,
                        format!("{shown} 没有名为 `{name}` 的项"),
                        format!("{shown} has no field called `{name}`"),
                    );
                    match near {
                        Some(near) => diagnostic.mend(
                            format!("是否应为 `{near}`？"),
                            format!("did you mean `{near}`?"),
                        ),
                        None => diagnostic,
                    }
                });
                (Type::Any, None)
            }
        };
        let kind = ExprKind::Path {
            base: Box::new(base.expr),
            name,
            field,
        };
        let expr = self.node(whole, kind)?;
        let ty = self.narrowed(&expr, ty);
        Ok(Parsed { expr, ty })
    }

    /// The type without null where a test has just shown that it is not null.
    fn narrowed(&self, expr: &Expr, ty: Type) -> Type {
        match ty {
            Type::Nullable(inner)
                if operators::place(expr).is_some_and(|p| self.known.contains(&p)) =>
            {
                (*inner).clone()
            }
            ty => ty,
        }
    }

    fn suggest_field(&self, ty: &Type, name: &str) -> Option<String> {
        let mut ty = ty.plain();
        while let Type::List(item) = ty {
            ty = item.plain();
        }
        let fields: &[(Arc<str>, Type)] = match ty {
            Type::Context(c) => &c.fields,
            Type::Record(id) => self.scope.records().get(*id).map_or(&[], |r| &r.fields),
            _ => &[],
        };
        nearest(name, fields.iter().map(|f| &*f.0)).map(str::to_string)
    }

    /// A type in a message: records by name.
    pub(super) fn describe(&self, ty: &Type) -> String {
        match ty.plain() {
            Type::Record(id) => self
                .scope
                .records()
                .get(*id)
                .map_or_else(String::new, |r| r.name.to_string()),
            Type::List(item) => format!("列表<{}>", self.describe(item)),
            other => other.to_string(),
        }
    }

    /// Keywords that are literals.
    pub(super) fn literal_word(word: &str) -> Option<(Value, Type)> {
        match word {
            "true" => Some((Value::Boolean(true), Type::Boolean)),
            "false" => Some((Value::Boolean(false), Type::Boolean)),
            "null" => Some((Value::Null, Type::Null)),
            _ => None,
        }
    }
}

enum Match {
    Local(usize),
    Field(usize, usize),
    Slot(u32, Arc<str>, Type),
}

pub(super) fn not_assignable(declared: &Type, found: &Type, span: Span) -> Diagnostic {
    if found.is_nullable() && !declared.is_nullable() {
        let inner = match found {
            Type::Nullable(inner) => inner,
            other => other,
        };
        if *found == Type::Null || typing::assignable(inner, declared) {
            return Diagnostic::new(
                "may-be-null",
                span,
                format!("结果可能为 null，而类型为 {declared}"),
                format!("the result may be null, but its type is {declared}"),
            )
            .mend(
                format!("把类型写成 `{declared}?`，或先判断 `= null`"),
                format!("declare `{declared}?`, or test for `= null` first"),
            );
        }
    }
    if let (Some(a), Some(b)) = (found.unit(), declared.unit()) {
        return Diagnostic::new(
            "unit-mismatch",
            span,
            format!("结果的单位是 {a}，声明的是 {b}"),
            format!("the result counts {}, declared is {}", a.en(), b.en()),
        )
        .mend(
            "换算单位，或更正声明的类型",
            "convert the unit, or mend the declared type",
        );
    }
    Diagnostic::new(
        "type-mismatch",
        span,
        format!("结果的类型是 {found}，应为 {declared}"),
        format!("the result is of type {found}, not {declared}"),
    )
}
