//! XML as a small tree, read by namespace and local name: what a prefix is called never matters.

use std::borrow::Cow;
use std::fmt;

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

pub(crate) const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// No message of these protocols is anywhere near as deep; a hostile one may be.
const MAX_DEPTH: usize = 64;

/// A name and its namespace, empty if there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) local: String,
}

impl Name {
    fn is(&self, namespace: &str, local: &str) -> bool {
        self.namespace == namespace && self.local == local
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{{{}}}{}", self.namespace, self.local)
    }
}

/// An element, without what does not count: prefixes, comments, and white space beside child elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: Name,
    /// Sorted by name; namespace declarations are none of them.
    pub(crate) attributes: Vec<(Name, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn parse(document: &str) -> Result<Self, String> {
        let mut reader = NsReader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let closed = match event {
                Event::Start(start) => {
                    if open.len() == MAX_DEPTH {
                        return Err("the elements are nested too deeply".to_owned());
                    }
                    open.push(Self::start(&reader, &start)?);
                    None
                }
                Event::Empty(start) => Some(Self::start(&reader, &start)?),
                Event::End(_) => open.pop(),
                Event::Text(text) => {
                    append(&mut open, &text.xml10_content());
                    None
                }
                Event::CData(text) => {
                    append(&mut open, &text.xml10_content());
                    None
                }
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                    match (character, resolve_predefined_entity(&reference)) {
                        (Some(character), _) => append(&mut open, character.encode_utf8(&mut [0; 4])),
                        (None, Some(text)) => append(&mut open, text),
                        (None, None) => return Err(format!("the entity {} is not known", &*reference)),
                    }
                    None
                }
                Event::Eof => return Err("the document ends before its root element".to_owned()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => None,
            };
            let Some(mut element) = closed else { continue };
            if !element.children.is_empty() && element.text.trim().is_empty() {
                element.text.clear();
            }
            match open.last_mut() {
                Some(parent) => parent.children.push(element),
                None => return Ok(element),
            }
        }
    }

    fn start(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Self, String> {
        let resolver = reader.resolver();
        let name = resolved(resolver.resolve_element(start.name()), start.name())?;
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            let name = resolved(resolver.resolve_attribute(attribute.key), attribute.key)?;
            attributes.push((name, value.into_owned()));
        }
        attributes.sort();
        Ok(Self { name, attributes, children: Vec::new(), text: String::new() })
    }

    pub(crate) fn is(&self, namespace: &str, local: &str) -> bool {
        self.name.is(namespace, local)
    }

    pub(crate) fn child(&self, namespace: &str, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespace, local))
    }

    /// Whether the element says `xsi:nil`.
    pub(crate) fn is_nil(&self) -> bool {
        let says_so = |(name, value): &(Name, String)| {
            name.is(SCHEMA_INSTANCE, "nil") && matches!(value.as_str(), "true" | "1")
        };
        self.attributes.iter().any(says_so)
    }

    /// The first thing that another document says differently, if anything.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let name = &self.name;
        if *name != other.name {
            return Some(format!("expected element {name}, got {}", other.name));
        }
        if self.attributes != other.attributes {
            return Some(format!(
                "{name}: expected attributes {:?}, got {:?}",
                self.attributes, other.attributes
            ));
        }
        if self.text != other.text {
            return Some(format!("{name}: expected text {:?}, got {:?}", self.text, other.text));
        }
        if self.children.len() != other.children.len() {
            let names = |element: &Self| {
                element.children.iter().map(|child| child.name.to_string()).collect::<Vec<_>>().join(", ")
            };
            return Some(format!("{name}: expected children [{}], got [{}]", names(self), names(other)));
        }
        self.children.iter().zip(&other.children).find_map(|(child, other)| child.difference(other))
    }
}

fn resolved<'n>(
    (namespace, local): (ResolveResult<'_>, quick_xml::name::LocalName<'n>),
    whole: QName<'n>,
) -> Result<Name, String> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.0.to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(_) => return Err(format!("the prefix of {} is not declared", whole.as_ref())),
    };
    Ok(Name { namespace, local: local.as_ref().to_owned() })
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// Text as it may stand between tags.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(one: &str, other: &str) -> Option<String> {
        Element::parse(one).unwrap().difference(&Element::parse(other).unwrap())
    }

    #[test]
    fn prefixes_declarations_and_layout_do_not_count() {
        let one = r#"<?xml version="1.0"?><a:x xmlns:a="urn:1"><a:y>1 &amp; &#x32;</a:y><a:z/></a:x>"#;
        let other = "<x xmlns='urn:1'>\n  <y><![CDATA[1 & 2]]></y>\n  <z></z>\n</x>";
        assert_eq!(difference(one, other), None);
    }

    #[test]
    fn names_namespaces_text_and_order_do() {
        for other in [
            "<x><z/><y/></x>",
            "<x><y/></x>",
            "<x><y>1</y><z/></x>",
            "<x xmlns='urn:1'><y/><z/></x>",
            "<x a='1'><y/><z/></x>",
        ] {
            assert!(difference("<x><y/><z/></x>", other).is_some(), "{other}");
        }
        assert!(difference("<x> a</x>", "<x>a</x>").is_some(), "white space in a text counts");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = "<a>".repeat(100_000);
        for bad in ["", "text", "<a>", "<a></b>", "<p:a/>", "<a>&nbsp;</a>", &deep] {
            assert!(Element::parse(bad).is_err(), "{bad:.20}");
        }
    }
}
