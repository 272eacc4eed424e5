//! A bounded walk through an XML stream: elements by path, text of leaves, and where one stands.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::io::{self, BufRead, Read};

/// Bounds on what is read. The defaults hold statements of some millions of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole file.
    pub bytes: u64,
    /// Elements within each other.
    pub depth: usize,
    /// Bytes of one tag or one text.
    pub token: usize,
    /// Transactions.
    pub lines: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes: 8 << 30,
            depth: 32,
            token: 64 << 10,
            lines: 5_000_000,
        }
    }
}

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ReadError {
    /// From 1.
    pub line: u64,
    /// From 1, in bytes.
    pub column: u64,
    /// What.
    pub problem: ReadProblem,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadProblem {
    /// Another namespace or root.
    #[error(
        "`{0}` is no answer that can be read; ask the bank for pain.002.001.10 or camt.053.001.08"
    )]
    NotAMessage(String),
    /// The stream broke.
    #[error("the file cannot be read on: {0}")]
    Io(String),
    /// Not well-formed, or not UTF-8.
    #[error("not well-formed XML: {0}; ask the bank for the file again")]
    Xml(String),
    /// A document type or an entity.
    #[error(
        "holds {0}, which is not allowed in a message and is not followed; ask the bank for a plain file"
    )]
    Forbidden(String),
    /// A bound is passed.
    #[error("{0}; split the file, or raise the limit if it is meant to be so large")]
    TooLarge(String),
    /// Something required is not there.
    #[error("{0} is missing; ask the bank for a complete file")]
    Missing(&'static str),
    /// A value that is not of its type.
    #[error("{element} is `{text}`; expected {expected}")]
    Value {
        /// Element.
        element: String,
        /// What it holds.
        text: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// Figures within the file that contradict each other.
    #[error(
        "{what}: the header says {header}, the lines give {lines}; ask the bank for the file again"
    )]
    Totals {
        /// Which figure.
        what: &'static str,
        /// In the header.
        header: String,
        /// From the lines.
        lines: String,
    },
}

/// What the walk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An element began; it is the last of the path.
    Open,
    /// An element ended; it is still the last of the path, and its own text is at hand.
    Close,
    /// The end of the file.
    End,
}

/// Counts lines, columns and bytes of what the parser takes.
struct Counted<R> {
    inner: R,
    limits: Limits,
    line: u64,
    column: u64,
    bytes: u64,
    token: usize,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = {
            let mut available = self.fill_buf()?;
            available.read(into)?
        };
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.bytes > self.limits.bytes {
            return Err(io::Error::other(TooLarge(
                "the file is larger than allowed",
            )));
        }
        if self.token > self.limits.token {
            return Err(io::Error::other(TooLarge(
                "a tag or a text is longer than allowed",
            )));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Ok(taken) = self.inner.fill_buf() {
            for byte in taken.iter().take(count) {
                if *byte == b'\n' {
                    self.line += 1;
                    self.column = 1;
                } else {
                    self.column += 1;
                }
            }
        }
        self.bytes += count as u64;
        self.token += count;
        self.inner.consume(count);
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct TooLarge(&'static str);

/// The walk.
pub(super) struct Walk<R> {
    reader: Reader<Counted<R>>,
    buffer: Vec<u8>,
    path: String,
    /// The path's length before each open element.
    stack: Vec<usize>,
    text: String,
    currency: String,
    namespace: String,
    /// Where the last event began.
    place: (u64, u64),
    /// The last step was a close: its element is still on the path.
    closing: bool,
    started: bool,
}

impl<R: BufRead> Walk<R> {
    pub fn new(input: R, limits: Limits) -> Walk<R> {
        let mut reader = Reader::from_reader(Counted {
            inner: input,
            limits,
            line: 1,
            column: 1,
            bytes: 0,
            token: 0,
        });
        reader.config_mut().expand_empty_elements = true;
        Walk {
            reader,
            buffer: Vec::new(),
            path: String::new(),
            stack: Vec::new(),
            text: String::new(),
            currency: String::new(),
            namespace: String::new(),
            place: (1, 1),
            closing: false,
            started: false,
        }
    }

    /// Local names of the open elements, with slashes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path below one of its beginnings, without the slash.
    pub fn below(&self, prefix: &str) -> Option<&str> {
        self.path.strip_prefix(prefix)?.strip_prefix('/')
    }

    /// At [`Step::Close`]: the text of the element since the last tag, trimmed.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// Of the root.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The line on which the last event began.
    pub fn line(&self) -> u64 {
        self.place.0
    }

    pub fn lines_limit(&self) -> usize {
        self.reader.get_ref().limits.lines
    }

    /// A problem where the walk stands.
    pub fn error(&self, problem: ReadProblem) -> ReadError {
        ReadError {
            line: self.place.0,
            column: self.place.1,
            problem,
        }
    }

    /// The text as something, or what was expected.
    pub fn value<T>(
        &self,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ReadError> {
        parse(self.text()).ok_or_else(|| {
            self.error(ReadProblem::Value {
                element: self.path.rsplit('/').next().unwrap_or("").into(),
                text: self.text().chars().take(80).collect(),
                expected,
            })
        })
    }

    /// The text as an amount of yuan. Other currencies are refused.
    pub fn amount(&self) -> Result<base::Fen, ReadError> {
        if !self.currency.is_empty() && self.currency != "CNY" {
            return Err(self.error(ReadProblem::Value {
                element: "Ccy".into(),
                text: self.currency.clone(),
                expected: "CNY; amounts in other currencies are not booked",
            }));
        }
        self.value("an amount such as 123.45, above zero", |text| {
            let fen = base::Fen::parse_yuan(text).ok()?;
            (fen > base::Fen::ZERO).then_some(fen)
        })
    }

    /// The text as a date, or the date of a moment.
    pub fn day(&self) -> Result<base::Day, ReadError> {
        self.value("a date such as 2026-03-10", |text| {
            base::parse_day(text.get(..10)?).ok()
        })
    }

    pub fn step(&mut self) -> Result<Step, ReadError> {
        if self.closing {
            self.closing = false;
            let length = self.stack.pop().unwrap_or(0);
            self.path.truncate(length);
            self.text.clear();
        }
        loop {
            let counted = self.reader.get_mut();
            counted.token = 0;
            let place = (counted.line, counted.column);
            self.place = place;
            self.buffer.clear();
            let limits = self.reader.get_ref().limits;
            let event = match self.reader.read_event_into(&mut self.buffer) {
                Ok(event) => event,
                Err(error) => return Err(refusal(place, error)),
            };
            let fail = |problem| {
                Err(ReadError {
                    line: place.0,
                    column: place.1,
                    problem,
                })
            };
            match event {
                Event::Start(start) => {
                    if self.stack.len() >= limits.depth {
                        let depth = limits.depth;
                        return fail(ReadProblem::TooLarge(format!(
                            "elements lie within each other more than {depth} deep"
                        )));
                    }
                    if self.stack.is_empty() {
                        if self.started {
                            return fail(ReadProblem::Xml("a second root".into()));
                        }
                        self.started = true;
                        self.namespace = match namespace_of(&start) {
                            Ok(namespace) => namespace,
                            Err(text) => return fail(ReadProblem::Xml(text)),
                        };
                    } else if let Ok(Some(currency)) = start.try_get_attribute("Ccy") {
                        self.currency.clear();
                        self.currency.push_str(currency.value.as_ref());
                    }
                    self.stack.push(self.path.len());
                    if !self.path.is_empty() {
                        self.path.push('/');
                    }
                    self.path.push_str(start.local_name().as_ref());
                    self.text.clear();
                    return Ok(Step::Open);
                }
                Event::End(_) => {
                    self.closing = true;
                    return Ok(Step::Close);
                }
                Event::Text(text) => {
                    if self.stack.is_empty()
                        && !text
                            .trim_matches(['\u{feff}', ' ', '\n', '\r', '\t'])
                            .is_empty()
                    {
                        return fail(ReadProblem::Xml("text outside the root".into()));
                    }
                    self.text.push_str(&text.xml10_content());
                }
                Event::CData(text) => self.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let plain = match &*reference {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => match reference.resolve_char_ref() {
                            Ok(char) => char,
                            Err(error) => return fail(ReadProblem::Xml(error.to_string())),
                        },
                    };
                    match plain {
                        Some(char) => self.text.push(char),
                        None => {
                            let name: String = reference.chars().take(40).collect();
                            return fail(ReadProblem::Forbidden(format!("the entity &{name};")));
                        }
                    }
                }
                Event::DocType(_) => {
                    return fail(ReadProblem::Forbidden("a document type (DTD)".into()));
                }
                Event::Eof => {
                    if !self.stack.is_empty() || !self.started {
                        return fail(ReadProblem::Xml("the file ends too early".into()));
                    }
                    return Ok(Step::End);
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Empty(_) => return fail(ReadProblem::Xml("an empty element".into())),
            }
            if self.text.len() > limits.token {
                return fail(ReadProblem::TooLarge(
                    "a text is longer than allowed".into(),
                ));
            }
        }
    }
}

fn refusal((line, column): (u64, u64), error: quick_xml::Error) -> ReadError {
    let problem = match &error {
        quick_xml::Error::Io(io) => match io.get_ref().and_then(|e| e.downcast_ref::<TooLarge>()) {
            Some(large) => ReadProblem::TooLarge(large.to_string()),
            None => ReadProblem::Io(io.to_string()),
        },
        other => ReadProblem::Xml(other.to_string()),
    };
    ReadError {
        line,
        column,
        problem,
    }
}

/// The namespace that the root's prefix (or its absence) stands for.
fn namespace_of(start: &BytesStart<'_>) -> Result<String, String> {
    let name = start.name();
    let key = match name.as_ref().split_once(':') {
        Some((prefix, _)) => format!("xmlns:{prefix}"),
        None => "xmlns".into(),
    };
    match start.try_get_attribute(key.as_str()) {
        Ok(Some(attribute)) => Ok(attribute.value.as_ref().trim().to_owned()),
        Ok(None) => Ok(String::new()),
        Err(error) => Err(error.to_string()),
    }
}
