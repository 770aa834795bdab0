//! The XML that SOAP needs: written with escaping, read by namespace and local name. Entities and DTDs are refused.

use std::borrow::Cow;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use zeroize::Zeroizing;

use crate::decode::MOST_ROWS;

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SERVICE: &str = "http://tempuri.org/";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// More than an inbox has at its longest, with all the elements of its rows.
const MAX_ELEMENTS: usize = 10 * MOST_ROWS;

/// Deeper than any answer of the service, and shallow enough for any stack.
const MAX_DEPTH: usize = 32;

/// Whose vocabulary an element belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Envelope,
    Service,
    Other,
}

/// An element as it was read: its own text, and the elements within.
#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) namespace: Namespace,
    pub(super) name: Cow<'a, str>,
    pub(super) is_nil: bool,
    pub(super) text: Cow<'a, str>,
    pub(super) children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    /// The first element of this name in the service's namespace.
    pub(super) fn child(&self, name: &str) -> Option<&Element<'a>> {
        self.children.iter().find(|child| child.namespace == Namespace::Service && child.name == name)
    }

    /// The text of the first element of this name; `None` where it is absent or nil.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).filter(|child| !child.is_nil).map(|child| child.text.as_ref())
    }
}

/// Reads a document; the error says what is wrong with it, not what it holds.
pub(super) fn parse(document: &str) -> Result<Element<'_>, &'static str> {
    let mut reader = NsReader::from_str(document.trim_start_matches('\u{feff}'));
    let mut open: Vec<Element<'_>> = Vec::new();
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|_| "it is not XML, or it ends too early")?;
        if matches!(event, Event::Start(_) | Event::Empty(_)) {
            elements += 1;
        }
        if elements > MAX_ELEMENTS {
            return Err("it has too many elements");
        }
        match event {
            Event::Start(start) => {
                if open.len() == MAX_DEPTH {
                    return Err("its elements are nested too deeply");
                }
                open.push(element(&reader, &start));
            }
            Event::Empty(start) => {
                let element = element(&reader, &start);
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
            Event::End(_) => {
                let done = open.pop().ok_or("it is not XML")?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => return Ok(done),
                }
            }
            Event::Text(text) => append(&mut open, text.xml10_content())?,
            Event::CData(text) => append(&mut open, text.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = match reference
                    .resolve_char_ref()
                    .map_err(|_| "it holds a broken character reference")?
                {
                    Some(character) => character.to_string().into(),
                    None => match reference.as_ref() {
                        "lt" => "<".into(),
                        "gt" => ">".into(),
                        "amp" => "&".into(),
                        "quot" => "\"".into(),
                        "apos" => "'".into(),
                        _ => return Err("it refers to an entity, which is never expanded"),
                    },
                };
                append(&mut open, character)?;
            }
            Event::DocType(_) => return Err("it has a DTD, which is never read"),
            Event::Eof => return Err("it ends too early"),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn append<'a>(open: &mut [Element<'a>], text: Cow<'a, str>) -> Result<(), &'static str> {
    match open.last_mut() {
        Some(element) if element.text.is_empty() => element.text = text,
        Some(element) => element.text.to_mut().push_str(&text),
        None if text.trim().is_empty() => {}
        None => return Err("it is not XML"),
    }
    Ok(())
}

fn element<'a>(reader: &NsReader<&'a [u8]>, start: &BytesStart<'a>) -> Element<'a> {
    let resolver = reader.resolver();
    let namespace = match resolver.resolve_element(start.name()).0 {
        ResolveResult::Bound(namespace) => match namespace.into_inner() {
            ENVELOPE => Namespace::Envelope,
            SERVICE => Namespace::Service,
            _ => Namespace::Other,
        },
        _ => Namespace::Other,
    };
    let is_nil = start.attributes().flatten().any(|attribute| {
        let (namespace, name) = resolver.resolve_attribute(attribute.key);
        name.as_ref() == "nil"
            && matches!(namespace, ResolveResult::Bound(namespace) if namespace.into_inner() == INSTANCE)
            && matches!(attribute.value.as_ref(), "true" | "1")
    });
    let name = start.local_name().as_ref().to_owned().into();
    Element { namespace, name, is_nil, text: Cow::Borrowed(""), children: Vec::new() }
}

/// The answer's payload: the first element of the body.
pub(super) fn body<'a>(root: &'a Element<'a>) -> Result<&'a Element<'a>, &'static str> {
    if root.namespace != Namespace::Envelope || root.name != "Envelope" {
        return Err("it is not a SOAP envelope");
    }
    let mut parts = root.children.iter().filter(|part| part.namespace == Namespace::Envelope);
    let body = parts.find(|part| part.name == "Body").ok_or("the envelope has no body")?;
    body.children.first().ok_or("the body is empty")
}

/// Writes `<name>text</name>`; text that XML cannot carry has been refused before.
pub(super) fn write_text(xml: &mut String, name: &str, text: &str) {
    write_with(xml, name, |xml| {
        // A bare carriage return would be read as a line feed.
        let escaped = Zeroizing::new(quick_xml::escape::escape(text).into_owned());
        for (index, line) in escaped.split('\r').enumerate() {
            if index > 0 {
                xml.push_str("&#13;");
            }
            xml.push_str(line);
        }
    });
}

/// Writes `<name>…</name>` around what `content` writes.
pub(super) fn write_with(xml: &mut String, name: &str, content: impl FnOnce(&mut String)) {
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    content(xml);
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

/// Whether XML 1.0 has a way to write this text.
pub(super) fn can_carry(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
}

/// An envelope around one operation of the service: who asks, and what `content` writes.
pub(super) fn envelope(operation: &str, security: &str, content: impl FnOnce(&mut String)) -> String {
    let mut inner = String::with_capacity(1024);
    content(&mut inner);
    let begin = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"{ENVELOPE}\"><soap:Body><{operation} \
         xmlns=\"{SERVICE}\">"
    );
    let end = format!("</{operation}></soap:Body></soap:Envelope>");
    [&begin, security, &inner, &end].concat()
}

/// Writes a nillable element that has no value.
pub(super) fn write_nil(xml: &mut String, name: &str) {
    xml.push('<');
    xml.push_str(name);
    xml.push_str(" xmlns:xsi=\"");
    xml.push_str(INSTANCE);
    xml.push_str("\" xsi:nil=\"true\"/>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reading_never_panics(document in any::<String>()) {
            let _ = parse(&document);
        }

        #[test]
        fn what_is_written_is_read_back(text in any::<String>().prop_filter("XML can carry it", |text| can_carry(text))) {
            let written = envelope("Operation", "", |xml| write_text(xml, "Text", &text));
            let root = parse(&written).unwrap();
            let operation = body(&root).unwrap();
            prop_assert_eq!(operation.text_of("Text"), Some(text.as_str()));
        }
    }

    #[test]
    fn entities_and_dtds_are_refused() {
        for document in [
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a>&b;</a>",
            "<!DOCTYPE a SYSTEM \"file:///etc/hostname\"><a/>",
        ] {
            assert!(parse(document).is_err(), "{document}");
        }
    }
}
