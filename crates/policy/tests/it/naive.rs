//! A third evaluator, which shares no code with either road: its own reader of a small part of the
//! language and exact fractions, everything computed anew wherever it is needed.

use std::collections::BTreeMap;

/// A fraction in lowest terms, the divisor above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    pub over: i128,
    pub under: i128,
}

fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

impl Fraction {
    pub fn new(over: i128, under: i128) -> Fraction {
        let common = gcd(over, under).max(1) * under.signum();
        Fraction {
            over: over / common,
            under: under / common,
        }
    }

    pub fn whole(n: i128) -> Fraction {
        Fraction::new(n, 1)
    }

    fn less(self, other: Fraction) -> bool {
        self.over * other.under < other.over * self.under
    }

    fn floor(self, places: u32) -> Fraction {
        let unit = 10i128.pow(places);
        Fraction::new((self.over * unit).div_euclid(self.under), unit)
    }

    fn negative(self) -> Fraction {
        Fraction::new(-self.over, self.under)
    }

    fn half_even(self, places: u32) -> Fraction {
        let unit = 10i128.pow(places);
        let (scaled, under) = (self.over * unit, self.under);
        let down = scaled.div_euclid(under);
        let twice = scaled.rem_euclid(under) * 2;
        let up = twice > under || (twice == under && down % 2 != 0);
        Fraction::new(down + i128::from(up), unit)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Number(Fraction),
    Boolean(bool),
    Text(String),
    /// Days are given as (year, month, day).
    Day(i32, i32, i32),
}

/// What is known of one household.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub household: BTreeMap<String, Value>,
    pub members: Vec<BTreeMap<String, Value>>,
    pub day: (i32, i32, i32),
}

/// A rule: its text, or a table of texts.
#[derive(Clone, Debug)]
pub enum Rule {
    Text(String),
    /// Hit policy, inputs, rows of cells and a result.
    Table(String, Vec<String>, Vec<(Vec<String>, String)>),
}

#[derive(Clone, Debug, Default)]
pub struct Rules {
    pub household: BTreeMap<String, Rule>,
    pub member: BTreeMap<String, Rule>,
    pub figures: BTreeMap<String, Value>,
}

/// Something cannot be computed (a division by zero, two rows of a table that allows one).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken;

type Answer = Result<Value, Broken>;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(Fraction),
    Word(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 18] = [
    "<=", ">=", "!=", "..", "<", ">", "=", "+", "-", "*", "/", "(", ")", "[", "]", ",", ".", "?",
];

fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first.is_ascii_digit() {
            let mut end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            if let Some(dots) = rest[..end].find("..") {
                end = dots;
            }
            let (whole, part) = rest[..end].split_once('.').unwrap_or((&rest[..end], ""));
            let over: i128 = format!("{whole}{part}").parse().expect("digits");
            out.push(Token::Number(Fraction::new(
                over,
                10i128.pow(part.len() as u32),
            )));
            rest = &rest[end..];
        } else if first == '"' {
            let end = rest[1..].find('"').expect("a closing quote") + 1;
            out.push(Token::Text(rest[1..end].to_string()));
            rest = &rest[end + 1..];
        } else if first.is_alphabetic() {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_string()));
            rest = &rest[end..];
        } else {
            let sign = SIGNS
                .into_iter()
                .find(|s| rest.starts_with(s))
                .unwrap_or_else(|| panic!("no sign at {rest}"));
            out.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
        rest = rest.trim_start();
    }
    out
}

/// One household's computation.
pub struct Naive<'f> {
    pub rules: &'f Rules,
    pub facts: &'f Facts,
    /// Was a rule broken on the way? Then whether that matters is not asked here.
    pub broken: std::cell::Cell<bool>,
}

struct Reader<'n, 'f> {
    naive: &'n Naive<'f>,
    tokens: Vec<Token>,
    at: usize,
    /// The member whose rule this is.
    own: Option<usize>,
    /// The variable of a loop, and the member at hand.
    variable: Option<(String, usize)>,
    tested: Option<Value>,
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Boolean(b) => Some(*b),
        _ => None,
    }
}

fn three(answer: Option<bool>) -> Value {
    answer.map_or(Value::Null, Value::Boolean)
}

fn compare(sign: &str, a: &Value, b: &Value) -> Value {
    let order = match (a, b) {
        (Value::Null, _) | (_, Value::Null) => return Value::Null,
        (Value::Number(x), Value::Number(y)) => (x.less(*y), x == y),
        (Value::Day(y1, m1, d1), Value::Day(y2, m2, d2)) => {
            let (x, y) = ((y1, m1, d1), (y2, m2, d2));
            (x < y, x == y)
        }
        (a, b) => (false, a == b),
    };
    Value::Boolean(match sign {
        "=" => order.1,
        "!=" => !order.1,
        "<" => order.0,
        "<=" => order.0 || order.1,
        ">" => !order.0 && !order.1,
        _ => !order.0,
    })
}

impl Naive<'_> {
    /// The value of a household's rule (`member` none) or of a member's. A rule that breaks is null
    /// to its readers.
    pub fn rule(&self, name: &str, member: Option<usize>) -> Option<Answer> {
        let rules = match member {
            None => &self.rules.household,
            Some(_) => &self.rules.member,
        };
        Some(match rules.get(name)? {
            Rule::Text(text) => self.text(text, member, None),
            Rule::Table(hit, inputs, rows) => self.table(hit, inputs, rows, member),
        })
    }

    fn text(&self, text: &str, own: Option<usize>, tested: Option<Value>) -> Answer {
        let mut reader = Reader {
            naive: self,
            tokens: tokens(text),
            at: 0,
            own,
            variable: None,
            tested,
        };
        let value = reader.expression()?;
        assert_eq!(reader.at, reader.tokens.len(), "{text}");
        Ok(value)
    }

    fn table(
        &self,
        hit: &str,
        inputs: &[String],
        rows: &[(Vec<String>, String)],
        own: Option<usize>,
    ) -> Answer {
        let mut values = Vec::new();
        for input in inputs {
            values.push(self.text(input, own, None)?);
        }
        let mut matching = Vec::new();
        for (cells, result) in rows {
            let mut all = Some(true);
            for (cell, value) in cells.iter().zip(&values) {
                match self.cell(cell, value, own)? {
                    Some(false) => {
                        all = Some(false);
                        break;
                    }
                    None => all = None,
                    Some(true) => {}
                }
            }
            match all {
                Some(true) => matching.push(result),
                None => return Ok(Value::Null),
                Some(false) => {}
            }
            if hit == "F" && !matching.is_empty() {
                break;
            }
        }
        if hit == "U" && matching.len() > 1 {
            return Err(Broken);
        }
        let mut results = Vec::new();
        for result in matching {
            results.push(self.text(result, own, None)?);
        }
        Ok(match hit {
            "C#" => Value::Number(Fraction::whole(results.len() as i128)),
            "A" if results.iter().any(|r| *r != results[0]) => return Err(Broken),
            "U" | "F" | "A" => results.into_iter().next().unwrap_or(Value::Null),
            _ => {
                let empty = if hit == "C+" {
                    Value::Number(Fraction::whole(0))
                } else {
                    Value::Null
                };
                let mut best = None;
                for result in results {
                    best = Some(match (best, result) {
                        (None, first) => first,
                        (Some(Value::Number(a)), Value::Number(b)) => Value::Number(match hit {
                            "C+" => add(a, b),
                            "C<" => {
                                if b.less(a) {
                                    b
                                } else {
                                    a
                                }
                            }
                            _ => {
                                if a.less(b) {
                                    b
                                } else {
                                    a
                                }
                            }
                        }),
                        _ => Value::Null,
                    });
                }
                best.unwrap_or(empty)
            }
        })
    }

    /// One cell: `-`, a comparison, a range, or values divided by commas.
    fn cell(&self, cell: &str, value: &Value, own: Option<usize>) -> Result<Option<bool>, Broken> {
        if cell == "-" {
            return Ok(Some(true));
        }
        if let Some(inner) = cell.strip_prefix("not(").and_then(|c| c.strip_suffix(')')) {
            return Ok(self.cell(inner, value, own)?.map(|b| !b));
        }
        let test = if ["<", ">"].iter().any(|s| cell.starts_with(s)) {
            format!("? {cell}")
        } else {
            format!("? in ({cell})")
        };
        Ok(truth(&self.text(&test, own, Some(value.clone()))?))
    }

    fn name(&self, name: &str, own: Option<usize>) -> Answer {
        if let Some(figure) = self.rules.figures.get(name) {
            return Ok(figure.clone());
        }
        if name == "基准日" {
            let (y, m, d) = self.facts.day;
            return Ok(Value::Day(y, m, d));
        }
        if let Some(answer) = self.rule(name, own) {
            return Ok(answer.unwrap_or_else(|Broken| {
                self.broken.set(true);
                Value::Null
            }));
        }
        let facts = match own {
            None => &self.facts.household,
            Some(member) => &self.facts.members[member],
        };
        Ok(facts.get(name).cloned().unwrap_or(Value::Null))
    }
}

fn add(a: Fraction, b: Fraction) -> Fraction {
    Fraction::new(a.over * b.under + b.over * a.under, a.under * b.under)
}

impl Reader<'_, '_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) {
        assert!(
            self.sign(sign),
            "no `{sign}` at {:?}",
            &self.tokens[self.at..]
        );
    }

    fn need_word(&mut self, word: &str) {
        assert!(
            self.word(word),
            "no `{word}` at {:?}",
            &self.tokens[self.at..]
        );
    }

    fn any_word(&mut self) -> String {
        match self.peek().cloned() {
            Some(Token::Word(w)) => {
                self.at += 1;
                w
            }
            other => panic!("no word but {other:?}"),
        }
    }

    fn expression(&mut self) -> Answer {
        if self.word("if") {
            let condition = self.expression()?;
            self.need_word("then");
            let yes = self.expression()?;
            self.need_word("else");
            let no = self.expression()?;
            return Ok(match condition {
                Value::Boolean(true) => yes,
                Value::Boolean(false) => no,
                _ => Value::Null,
            });
        }
        for (quantifier, every) in [("some", false), ("every", true)] {
            if self.word(quantifier) {
                let variable = self.any_word();
                self.need_word("in");
                let kept = self.members()?;
                self.need_word("satisfies");
                let values = self.each(kept, &variable)?;
                let Some(values) = values else {
                    return Ok(Value::Null);
                };
                let answers: Vec<Option<bool>> = values.iter().map(truth).collect();
                return Ok(three(if answers.contains(&Some(!every)) {
                    Some(!every)
                } else if answers.contains(&None) {
                    None
                } else {
                    Some(every)
                }));
            }
        }
        self.or()
    }

    fn or(&mut self) -> Answer {
        let mut left = self.and()?;
        while self.word("or") {
            let right = self.and()?;
            left = three(match (truth(&left), truth(&right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            });
        }
        Ok(left)
    }

    fn and(&mut self) -> Answer {
        let mut left = self.comparison()?;
        while self.word("and") {
            let right = self.comparison()?;
            left = three(match (truth(&left), truth(&right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            });
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Answer {
        let left = self.sum()?;
        for sign in ["<=", ">=", "!=", "<", ">", "="] {
            if self.sign(sign) {
                if self.word("null") {
                    let null = left == Value::Null;
                    return Ok(Value::Boolean(null == (sign == "=")));
                }
                let right = self.sum()?;
                return Ok(compare(sign, &left, &right));
            }
        }
        if self.word("between") {
            let low = self.sum()?;
            self.need_word("and");
            let high = self.sum()?;
            let (a, b) = (compare(">=", &left, &low), compare("<=", &left, &high));
            return Ok(three(match (truth(&a), truth(&b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }));
        }
        if self.word("in") {
            let bracket = self.sign("(");
            let mut any = Some(false);
            loop {
                let one = self.membership(&left)?;
                any = match (any, one) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                };
                if !(bracket && self.sign(",")) {
                    break;
                }
            }
            if bracket {
                self.need(")");
            }
            return Ok(three(any));
        }
        Ok(left)
    }

    fn membership(&mut self, value: &Value) -> Result<Option<bool>, Broken> {
        if self.sign("[") {
            let low = self.sum()?;
            self.need("..");
            let high = self.sum()?;
            self.need("]");
            let (a, b) = (compare(">=", value, &low), compare("<=", value, &high));
            return Ok(match (truth(&a), truth(&b)) {
                (Some(x), Some(y)) => Some(x && y),
                _ => None,
            });
        }
        let item = self.sum()?;
        Ok(truth(&compare("=", value, &item)))
    }

    fn sum(&mut self) -> Answer {
        let mut left = self.product()?;
        loop {
            let minus = if self.sign("+") {
                false
            } else if self.sign("-") {
                true
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = match (left, right) {
                (Value::Number(a), Value::Number(b)) => {
                    Value::Number(add(a, if minus { b.negative() } else { b }))
                }
                _ => Value::Null,
            };
        }
    }

    fn product(&mut self) -> Answer {
        let mut left = self.primary()?;
        loop {
            let divide = if self.sign("*") {
                false
            } else if self.sign("/") {
                true
            } else {
                return Ok(left);
            };
            let right = self.primary()?;
            left = match (left, right) {
                (Value::Number(_), Value::Number(b)) if divide && b.over == 0 => {
                    return Err(Broken);
                }
                (Value::Number(a), Value::Number(b)) if divide => {
                    Value::Number(Fraction::new(a.over * b.under, a.under * b.over))
                }
                (Value::Number(a), Value::Number(b)) => {
                    Value::Number(Fraction::new(a.over * b.over, a.under * b.under))
                }
                _ => Value::Null,
            };
        }
    }

    /// `成员` or `成员[条件]`: which members; none when that is not known.
    fn members(&mut self) -> Result<Option<Vec<usize>>, Broken> {
        self.need_word("成员");
        let all: Vec<usize> = (0..self.naive.facts.members.len()).collect();
        if !self.sign("[") {
            return Ok(Some(all));
        }
        let values = self.each(Some(all.clone()), "item")?;
        self.need("]");
        let mut kept = Vec::new();
        for (member, value) in all.into_iter().zip(values.unwrap_or_default()) {
            match truth(&value) {
                Some(true) => kept.push(member),
                Some(false) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(kept))
    }

    /// The expression that follows, for each member; the reader ends after it in any case.
    fn each(
        &mut self,
        kept: Option<Vec<usize>>,
        variable: &str,
    ) -> Result<Option<Vec<Value>>, Broken> {
        let (start, saved) = (self.at, self.variable.take());
        // Once for the place where it ends, even when there is nobody.
        let end = end_of(&self.tokens, start);
        let mut out = Vec::new();
        for member in kept.iter().flatten() {
            self.at = start;
            self.variable = Some((variable.to_string(), *member));
            out.push(self.expression()?);
        }
        self.at = end;
        self.variable = saved;
        Ok(kept.map(|_| out))
    }

    fn list(&mut self) -> Result<Option<Vec<Value>>, Broken> {
        let kept = self.members()?;
        self.need(".");
        let field = self.any_word();
        let mut out = Vec::new();
        for member in kept.iter().flatten() {
            out.push(self.naive.name(&field, Some(*member))?);
        }
        Ok(kept.map(|_| out))
    }

    fn arguments(&mut self) -> Result<Vec<Value>, Broken> {
        let mut out = vec![self.expression()?];
        while self.sign(",") {
            out.push(self.expression()?);
        }
        self.need(")");
        Ok(out)
    }

    fn primary(&mut self) -> Answer {
        if self.sign("(") {
            let value = self.expression()?;
            self.need(")");
            return Ok(value);
        }
        if self.sign("-") {
            return Ok(match self.primary()? {
                Value::Number(n) => Value::Number(n.negative()),
                _ => Value::Null,
            });
        }
        if self.sign("?") {
            return Ok(self.tested.clone().unwrap_or(Value::Null));
        }
        match self.peek().cloned() {
            Some(Token::Number(n)) => {
                self.at += 1;
                Ok(Value::Number(n))
            }
            Some(Token::Text(t)) => {
                self.at += 1;
                Ok(Value::Text(t))
            }
            Some(Token::Word(word)) => {
                self.at += 1;
                self.named(&word)
            }
            other => panic!("nothing to read at {other:?}"),
        }
    }

    fn named(&mut self, word: &str) -> Answer {
        match word {
            "true" | "false" => return Ok(Value::Boolean(word == "true")),
            "null" => return Ok(Value::Null),
            "years" => {
                // years and months duration(a, b).years
                for w in ["and", "months", "duration"] {
                    self.need_word(w);
                }
                self.need("(");
                let days = self.arguments()?;
                self.need(".");
                self.need_word("years");
                return Ok(match (&days[0], &days[1]) {
                    (Value::Day(y1, m1, d1), Value::Day(y2, m2, d2)) => {
                        let mut months = (y2 - y1) * 12 + m2 - m1;
                        if months > 0 && d2 < d1 {
                            months -= 1;
                        } else if months < 0 && d2 > d1 {
                            months += 1;
                        }
                        Value::Number(Fraction::whole((months / 12).into()))
                    }
                    _ => Value::Null,
                });
            }
            "not" => {
                self.need("(");
                let value = self.expression()?;
                self.need(")");
                return Ok(three(truth(&value).map(|b| !b)));
            }
            "count" => {
                self.need("(");
                let kept = self.members()?;
                self.need(")");
                return Ok(kept.map_or(Value::Null, |k| {
                    Value::Number(Fraction::whole(k.len() as i128))
                }));
            }
            "floor" | "ceiling" | "decimal" | "min" | "max" | "sum" | "abs" => {
                return self.function(word);
            }
            _ => {}
        }
        if self.variable.as_ref().is_some_and(|(v, _)| v == word) {
            let member = self.variable.as_ref().map(|(_, m)| *m);
            self.need(".");
            let field = self.any_word();
            return self.naive.name(&field, member);
        }
        if word == "家庭" {
            self.need(".");
            let field = self.any_word();
            return self.naive.name(&field, None);
        }
        self.naive.name(word, self.own)
    }

    fn function(&mut self, name: &str) -> Answer {
        self.need("(");
        let folds = matches!(self.peek(), Some(Token::Word(w)) if w == "成员");
        let values = if folds {
            let list = self.list()?;
            self.need(")");
            match list {
                None => return Ok(Value::Null),
                Some(list) => list,
            }
        } else {
            self.arguments()?
        };
        let mut numbers = Vec::new();
        for value in &values {
            match value {
                Value::Number(n) => numbers.push(*n),
                _ => return Ok(Value::Null),
            }
        }
        if numbers.is_empty() {
            return Ok(if name == "sum" {
                Value::Number(Fraction::whole(0))
            } else {
                Value::Null
            });
        }
        let places = numbers.get(1).map_or(0, |n| n.over as u32);
        Ok(Value::Number(match name {
            "floor" => numbers[0].floor(places),
            "ceiling" => numbers[0].negative().floor(places).negative(),
            "decimal" => numbers[0].half_even(places),
            "abs" if numbers[0].over < 0 => numbers[0].negative(),
            "abs" => numbers[0],
            "sum" => numbers.into_iter().fold(Fraction::whole(0), add),
            _ => {
                let mut best = numbers[0];
                for n in &numbers[1..] {
                    if (name == "max" && best.less(*n)) || (name == "min" && n.less(best)) {
                        best = *n;
                    }
                }
                best
            }
        }))
    }
}

/// Where an expression that stands in brackets of a filter, or at the end of a text or bracket, ends.
fn end_of(tokens: &[Token], start: usize) -> usize {
    let mut level = 0;
    for (n, token) in tokens.iter().enumerate().skip(start) {
        match token {
            Token::Sign("(" | "[") => level += 1,
            Token::Sign(")" | "]") if level == 0 => return n,
            Token::Sign(")" | "]") => level -= 1,
            _ => {}
        }
    }
    tokens.len()
}
