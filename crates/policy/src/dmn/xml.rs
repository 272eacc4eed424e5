//! XML as a small tree, within limits: no document types, no entities but the five, bounded depth.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Largest document, in bytes.
pub const MAX_BYTES: usize = 32 << 20;
/// Deepest nesting of elements.
pub const MAX_DEPTH: usize = 100;
/// Most elements.
pub const MAX_ELEMENTS: usize = 500_000;

/// Most attributes of one element: each is compared with those before it.
pub const MAX_ATTRIBUTES: usize = 1000;

/// An element with its name and attributes stripped of prefixes.
#[derive(Clone, Debug, Default)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// Namespace prefix, empty when there is none.
    pub prefix: String,
    /// Local names and values.
    pub attributes: Vec<(String, String)>,
    /// Elements directly beneath.
    pub children: Vec<Element>,
    /// The text directly beneath, joined.
    pub text: String,
}

/// Why a document cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {message}")]
pub struct XmlError {
    /// Byte of the document.
    pub at: u64,
    /// What is wrong.
    pub message: String,
}

impl Element {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.name == name)
    }

    /// All children of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |c| c.name == name)
    }

    /// The trimmed text of a child.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|c| c.text.trim())
    }
}

/// Reads a document to its root element.
pub fn read(source: &str) -> Result<Element, XmlError> {
    if source.len() > MAX_BYTES {
        return Err(XmlError {
            at: 0,
            message: format!("the document is larger than {MAX_BYTES} bytes"),
        });
    }
    let mut reader = Reader::from_str(source);
    let mut open: Vec<Element> = vec![Element::default()];
    let mut count = 0usize;
    loop {
        let at = reader.buffer_position();
        let error = |message: String| XmlError { at, message };
        let event = reader.read_event().map_err(|e| error(e.to_string()))?;
        match event {
            Event::Start(start) => {
                count += 1;
                if open.len() > MAX_DEPTH {
                    return Err(error(format!(
                        "elements are nested deeper than {MAX_DEPTH}"
                    )));
                }
                if count > MAX_ELEMENTS {
                    return Err(error(format!(
                        "the document has more than {MAX_ELEMENTS} elements"
                    )));
                }
                open.push(element(&start).map_err(error)?);
            }
            Event::Empty(start) => {
                count += 1;
                if count > MAX_ELEMENTS {
                    return Err(error(format!(
                        "the document has more than {MAX_ELEMENTS} elements"
                    )));
                }
                let element = element(&start).map_err(error)?;
                if let Some(parent) = open.last_mut() {
                    parent.children.push(element);
                }
            }
            Event::End(_) => {
                let closed = open.pop();
                match (open.last_mut(), closed) {
                    (Some(parent), Some(closed)) => parent.children.push(closed),
                    _ => return Err(error("an element is closed that was not opened".into())),
                }
            }
            Event::Text(text) => push(&mut open, &text.xml10_content()),
            Event::CData(text) => push(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref() {
                    Ok(Some(c)) => c,
                    Ok(None) => match &*reference.xml10_content() {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "apos" => '\'',
                        "quot" => '"',
                        other => {
                            return Err(error(format!("the entity `&{other};` is not allowed")));
                        }
                    },
                    Err(e) => return Err(error(e.to_string())),
                };
                push(&mut open, character.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err(error("a document type is not allowed".into())),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    if open.len() > 1 {
        return Err(XmlError {
            at: source.len() as u64,
            message: "an element is not closed".into(),
        });
    }
    let root = open.pop().and_then(|mut document| {
        if document.children.len() == 1 {
            document.children.pop()
        } else {
            None
        }
    });
    root.ok_or_else(|| XmlError {
        at: 0,
        message: "the document has no single root element".into(),
    })
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn element(start: &BytesStart) -> Result<Element, String> {
    let (prefix, name) = split(start.name().into_inner());
    let mut element = Element {
        name,
        prefix,
        ..Element::default()
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let key = attribute.key.into_inner();
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|e| e.to_string())?
            .into_owned();
        // Namespaces keep their full name: they are looked up by prefix.
        let name = if key.starts_with("xmlns") {
            key.to_string()
        } else {
            split(key).1
        };
        element.attributes.push((name, value));
        if element.attributes.len() > MAX_ATTRIBUTES {
            return Err(format!(
                "an element has more than {MAX_ATTRIBUTES} attributes"
            ));
        }
    }
    Ok(element)
}

fn split(name: &str) -> (String, String) {
    match name.split_once(':') {
        Some((prefix, local)) => (prefix.to_string(), local.to_string()),
        None => (String::new(), name.to_string()),
    }
}

/// Text made safe for element content and attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if (c as u32) < 0x20 && !matches!(c, '\n' | '\t' | '\r') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_models_hold() {
        let root = read("<a:b x:y=\"1 &lt; 2\">t &#65;<!-- c --><![CDATA[<]]><c/></a:b>")
            .expect("well formed");
        assert_eq!((root.name.as_str(), root.text.as_str()), ("b", "t A<"));
        assert_eq!(root.attribute("y"), Some("1 < 2"));
        assert_eq!(root.children[0].name, "c");
    }

    #[test]
    fn hostile_documents_are_errors() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>";
        let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
        for bad in [
            bomb,
            &deep,
            "<a>&b;</a>",
            "<a>",
            "</a>",
            "",
            "<a/><b/>",
            "<a b=c/>",
            "<a b='1' b='2'/>",
        ] {
            assert!(read(bad).is_err(), "{}", &bad[..bad.len().min(40)]);
        }
    }
}
